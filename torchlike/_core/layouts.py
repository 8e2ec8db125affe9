"""Orders of elements in memory, on the host.

XLA keeps every array row-major; where PyTorch would have another order, an Aval says which, and
strides are answered from it. An order lists the dimensions from the outermost in memory to the
innermost; None is row-major. In the order of a view, `~d` stands for a dimension d that is expanded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

Order = tuple[int, ...] | None
CHANNELS_LAST = {4: (0, 2, 3, 1), 5: (0, 2, 3, 4, 1)}


def contiguous_strides(shape: Any) -> tuple[int, ...]:
    """Row-major strides in elements."""
    out, step = [], 1
    for n in reversed(shape):
        out.append(step)
        step *= max(n, 1)
    return tuple(reversed(out))


def strides_of(shape: Sequence[int], order: Order) -> tuple[int, ...]:
    """Strides in elements of memory that is filled in this order."""
    if order is None:
        return contiguous_strides(shape)
    out, step = [0] * len(shape), 1
    for d in reversed(order):
        if d >= 0:
            out[d] = step
            step *= max(shape[d], 1)
    return tuple(out)


def order_of(shape: Sequence[int], strides: Sequence[int]) -> Order:
    """The order in which a view shows memory: what pointwise rows need to know of its strides."""
    order = order_like(shape, [(shape, strides)])
    expanded = {d for d, (n, s) in enumerate(zip(shape, strides)) if n != 1 and not s}
    if not expanded:
        return order
    return tuple([~d if d in expanded else d for d in order or range(len(shape))])


def owned(order: Order) -> Order:
    """The order of memory of its own for a view's elements."""
    return None if order is not None and min(order, default=0) < 0 else order


def shortest(shape: Sequence[int], order: Order) -> Order:
    """None for an order that gives row-major strides, else the order."""
    return order if order is not None and strides_of(shape, order) != contiguous_strides(shape) else None


def order_like(shape: Sequence[int], operands: Sequence[tuple[Sequence[int], Sequence[int]]]) -> Order:
    """The order of a pointwise result: dimensions as they lie in the first operand that tells (PyTorch's
    `TensorIterator`).

    Args:
        shape: of the result.
        operands: shape and strides of each; shapes broadcast to `shape`.
    """
    n = len(shape)
    steps = [
        [0] * (n - len(own))
        + [0 if m == 1 and k != 1 else s for m, s, k in zip(own, strides, shape[n - len(own) :])]
        for own, strides in operands
    ]

    def swapped(inner: int, outer: int) -> int:
        for s in steps:
            a, b = s[inner], s[outer]
            if a and b:
                if a != b:
                    return -1 if a < b else 1
                if shape[inner] > shape[outer]:
                    return 1
        return 0

    found = list(range(n))[::-1]  # from the innermost
    for i in range(1, n):
        at = i
        for j in range(i - 1, -1, -1):
            verdict = swapped(found[j], found[at])
            if verdict > 0:
                found[j], found[at] = found[at], found[j]
                at = j
            elif verdict < 0:
                break
    return shortest(shape, tuple(reversed(found)))


def dense(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    """Whether the elements fill a stretch of memory, in any order, each once."""
    expected = 1
    for s, n in sorted((s, n) for n, s in zip(shape, strides) if n != 1):
        if s != expected:
            return False
        expected *= n
    return True


def view_strides(shape: Any, strides: Any, new: Any) -> tuple[int, ...] | None:
    """Strides of a reshaped view, None where data would have to move (PyTorch's `computeStride`)."""
    if math.prod(shape) == 0:
        return tuple(strides) if tuple(shape) == tuple(new) else contiguous_strides(new)
    out: list[int] = [0] * len(new)
    j = len(new) - 1
    chunk, base = 1, strides[-1] if shape else 1
    for i in range(len(shape) - 1, -1, -1):
        chunk *= shape[i]
        if i == 0 or (shape[i - 1] != 1 and strides[i - 1] != chunk * base):
            done = 1
            while j >= 0 and (done < chunk or new[j] == 1):
                out[j] = done * base
                done *= new[j]
                j -= 1
            if done != chunk:
                return None
            if i > 0:
                base, chunk = strides[i - 1], 1
    if not shape:
        return contiguous_strides(new)
    return tuple(out) if j == -1 else None


def is_channels_last(shape: Sequence[int], strides: Sequence[int]) -> bool:
    """Whether 4 or 5 dimensions lie in memory with the channels innermost, as PyTorch decides it."""
    order = CHANNELS_LAST.get(len(shape))
    if order is None or strides[1] == 0:
        return False
    least = 0
    for d in reversed(order):
        if shape[d] == 0 or strides[d] < least:
            return False
        if d == 0 and least == strides[1]:
            return False  # N111 and the like are row-major as well
        least = strides[d] * (shape[d] if shape[d] > 1 else 1)
    return True


def physical(array: np.ndarray, order: Order) -> np.ndarray:
    """The elements as they lie in memory, in one dimension."""
    order = owned(order)
    return np.ascontiguousarray(array if order is None else array.transpose(order)).reshape(-1)


def laid(array: np.ndarray, order: Order) -> np.ndarray:
    """A copy of an array whose NumPy memory has this order."""
    order = owned(order)
    if order is None:
        return np.array(array, order="C")
    return np.array(array.transpose(order), order="C").transpose(np.argsort(order))
