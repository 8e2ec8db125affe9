"""Pooling windows: maxima with their positions, sums, and the transposes of both.

XLA's windowed reductions are serial on a CPU and their derivatives scatter; strided slices combined
element by element are several times faster. A maximum keeps, per window, which element won (one byte);
its derivative selects by that, and the transpose spreads by that, so derivatives of every order
are cheap. A large window is taken axis by axis: the first maximum in row-major order, and the last NaN,
come out the same.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .linear import linear_op
from .windows import Windows, crop, lengths, margins, pad, phases, slices

JOINT = 9  # windows of up to this many elements are compared in one pass over all axes
UNROLLED = 32  # windows longer than this along an axis gather their elements


# ---- select and spread: y[window] = x[its winner], and the transpose ------------------------------


def _lead(x: Any, windows: Windows) -> tuple[int, ...]:
    return x.shape[: len(x.shape) - len(windows.out)]


def _select(winner: Any, x: Any, *, windows: Windows, space: tuple[int, ...]) -> Any:
    out = None
    for number, part in enumerate(slices(x, windows, 0)):
        out = part if out is None else jnp.where(winner == number, part, out)
    return out


def _spread(winner: Any, g: Any, *, windows: Windows, space: tuple[int, ...]) -> Any:
    edges, size = margins(windows, space), lengths(windows, space)
    winner, g = pad(winner, edges, -1), pad(g, edges)
    ones, zero = (1,) * len(space), jnp.zeros((), g.dtype)

    def place(number: int, shift: tuple[int, ...]) -> Any:
        starts = tuple(e - a for (e, _), a in zip(edges, shift, strict=True))
        mine = crop(winner, starts, size, ones) == number
        return jnp.where(mine, crop(g, starts, size, ones), zero)

    return phases(windows, space, place, lambda: jnp.zeros((*_lead(g, windows), *size), g.dtype))


def _fold(call: Callable[..., Any], args: Any, dims: Any, **params: Any) -> Any:
    """vmap: the mapped axis joins the leading axes, of which there may be any number."""
    size = next(a.shape[d] for a, d in zip(args, dims, strict=True) if d is not None)
    moved = [
        jnp.broadcast_to(a, (size, *a.shape)) if d is None else jnp.moveaxis(a, d, 0)
        for a, d in zip(args, dims, strict=True)
    ]
    return call(*moved, **params)


select = linear_op(
    "pool_select",
    shape=lambda winner, x, windows, space: (*_lead(x, windows), *windows.out),
    transposes=(None, lambda ct, winner, x, **params: spread(winner, ct, **params)),
    default=_select,
    batch=lambda args, dims, **params: _fold(select, args, dims, **params),
)
spread = linear_op(
    "pool_spread",
    shape=lambda winner, g, windows, space: (*_lead(g, windows), *space),
    transposes=(None, lambda ct, winner, g, **params: select(winner, ct, **params)),
    default=_spread,
    batch=lambda args, dims, **params: _fold(spread, args, dims, **params),
)


# ---- sums -----------------------------------------------------------------------------------------


def _sum(x: Any, *, windows: Windows, space: tuple[int, ...]) -> Any:
    return functools.reduce(operator.add, slices(x, windows, 0))


def _spread_sum(g: Any, *, windows: Windows, space: tuple[int, ...]) -> Any:
    edges, size = margins(windows, space), lengths(windows, space)
    g = pad(g, edges)

    def place(number: int, shift: tuple[int, ...]) -> Any:
        starts = tuple(e - a for (e, _), a in zip(edges, shift, strict=True))
        return crop(g, starts, size, (1,) * len(space))

    return phases(windows, space, place, lambda: jnp.zeros((*_lead(g, windows), *size), g.dtype))


window_sum = linear_op(
    "window_sum",
    shape=lambda x, windows, space: (*_lead(x, windows), *windows.out),
    transposes=(lambda ct, x, **params: window_spread(ct, **params),),
    default=_sum,
    batch=lambda args, dims, **params: _fold(window_sum, args, dims, **params),
)
window_spread = linear_op(
    "window_spread",
    shape=lambda g, windows, space: (*_lead(g, windows), *space),
    transposes=(lambda ct, g, **params: window_sum(ct, **params),),
    default=_spread_sum,
    batch=lambda args, dims, **params: _fold(window_spread, args, dims, **params),
)


def _space(x: Any, windows: Windows) -> tuple[int, ...]:
    return x.shape[len(x.shape) - len(windows.out) :]


def sums(x: Any, windows: Windows) -> Any:
    """The sum of every window; padding counts as zeros.

    Args:
        x: (..., *space).

    Returns:
        (..., *windows.out), of x's dtype.
    """
    if math.prod(windows.kernel) <= JOINT:
        return window_sum(x, windows=windows, space=_space(x, windows))
    for axis in reversed(range(len(windows.out))):
        space = _space(x, windows)
        along = windows.along(axis, space)
        if windows.kernel[axis] > UNROLLED:
            at = x.ndim - len(space) + axis
            x = jnp.take(pad(x, along.padding), _elements(windows.axis(axis)), at).sum(at + 1, dtype=x.dtype)
        elif windows.kernel[axis] > 1 or along.out != space:
            x = window_sum(x, windows=along, space=space)
    return x


def _elements(windows: Windows) -> np.ndarray:
    """(out, kernel) indices into the padded axis, of windows over one axis."""
    starts = np.arange(windows.out[0]) * windows.stride[0]
    return (starts[:, None] + np.arange(windows.kernel[0]) * windows.dilation[0]).astype(np.int32)


# ---- maxima ---------------------------------------------------------------------------------------


def _lowest(dtype: Any) -> Any:
    """The identity of max in `dtype`."""
    return -np.inf if jnp.issubdtype(dtype, jnp.floating) else jnp.iinfo(dtype).min


def _first_inside(windows: Windows) -> list[np.ndarray]:
    """Per axis and window, the number of the first element that is not padding."""
    parts = zip(windows.out, windows.stride, windows.padding, windows.dilation, strict=True)
    return [np.maximum(-(-(lo - np.arange(o) * s) // d), 0) for o, s, (lo, _), d in parts]


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _compare(x: Any, windows: Windows) -> tuple[Any, Any]:
    """Maximum of each window and the number of the tap that holds it (int8): the first, or the last NaN."""
    first = np.zeros((1,) * len(windows.out), np.int8)
    for axis, taps in enumerate(_first_inside(windows)):
        shape = [-1 if a == axis else 1 for a in range(len(windows.out))]
        first = first * windows.kernel[axis] + taps.reshape(shape)
    best = winner = None
    for number, part in enumerate(slices(x, windows, _lowest(x.dtype))):
        if best is None:
            best, winner = part, jnp.broadcast_to(jnp.asarray(first, np.int8), part.shape)
        else:
            assert winner is not None
            better = (part > best) | (part != part)
            best, winner = jnp.where(better, part, best), jnp.where(better, np.int8(number), winner)
    return best, winner


@_compare.defjvp
def _compare_jvp(windows: Windows, primals: Any, tangents: Any) -> Any:
    best, winner = _compare(primals[0], windows)
    moved = select(winner, tangents[0], windows=windows, space=_space(primals[0], windows))
    return (best, winner), (moved, np.zeros(winner.shape, jax.dtypes.float0))


def last_max(x: Any) -> Any:
    """Index of the maximum of the last axis: the first, or the last NaN if there is one."""
    index = jnp.argmax(x, -1).astype(np.int32)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        return index
    nan = jnp.isnan(x)
    return jnp.where(nan.any(-1), x.shape[-1] - 1 - jnp.argmax(nan[..., ::-1], -1).astype(np.int32), index)


def _gathered_winners(x: Any, elements: np.ndarray, at: int) -> Any:
    """Indices along axis `at` of the maxima of windows given as (out, kernel) indices."""
    parts = jnp.take(lax.stop_gradient(x), elements, at)
    number = last_max(jnp.moveaxis(parts, at + 1, -1))
    column = elements.reshape((1,) * at + elements.shape + (1,) * (x.ndim - at - 1))
    column = jnp.broadcast_to(
        jnp.moveaxis(jnp.asarray(column), at + 1, -1), (*number.shape, elements.shape[1])
    )
    return jnp.take_along_axis(column, number[..., None], -1)[..., 0]


class _Positions:
    """Where in the input each maximum lies, followed through passes over single axes."""

    def __init__(self, rank: int):
        self.coordinates: list[Any] = [None] * rank

    def moved(self, pick: Callable[[Any], Any]) -> None:
        """Every coordinate known so far follows its winner."""
        self.coordinates = [None if c is None else pick(c) for c in self.coordinates]

    def flat(self, space: Sequence[int]) -> Any:
        """int64 index into the flattened space."""
        total: Any = np.int64(0)
        for coordinate, n in zip(self.coordinates, space, strict=True):
            total = total * n + coordinate.astype(np.int64)
        return total


def _coordinate(taps: Any, windows: Windows, axis: int) -> Any:
    """The input coordinate along `axis` of tap number `taps` (along that axis) of each window."""
    starts = np.arange(windows.out[axis]) * windows.stride[axis] - windows.padding[axis][0]
    starts = starts.astype(np.int32).reshape(-1, *(1,) * (len(windows.out) - 1 - axis))
    return starts + taps.astype(np.int32) * windows.dilation[axis]


def maxima(x: Any, windows: Windows) -> tuple[Any, Any]:
    """The maximum of every window, NaN if it holds one, and its position.

    Args:
        x: (..., *space).

    Returns:
        values (..., *windows.out), and int64 indices of the same shape into the flattened space. Padding
        never wins. Gradients go to the element that the index names.
    """
    rank, space = len(windows.out), _space(x, windows)
    positions = _Positions(rank)
    if math.prod(windows.kernel) <= JOINT:
        x, winner = _compare(x, windows)
        for axis in reversed(range(rank)):
            size = np.int8(windows.kernel[axis])
            positions.coordinates[axis] = _coordinate(winner % size, windows, axis)
            winner = winner // size
        return x, positions.flat(space)
    for axis in reversed(range(rank)):
        along, now, at = windows.along(axis, _space(x, windows)), _space(x, windows), x.ndim - rank + axis
        if windows.kernel[axis] <= UNROLLED:
            x, winner = _compare(x, along)
            positions.moved(lambda c, w=winner, a=along, s=now: _select(w, c, windows=a, space=s))
            positions.coordinates[axis] = _coordinate(winner, along, axis)
            continue
        lo = windows.padding[axis][0]
        padded = pad(x, along.padding, _lowest(x.dtype))
        where = _gathered_winners(padded, _elements(windows.axis(axis)), at) - lo
        inside = np.arange(windows.out[axis]) * windows.stride[axis] - lo
        inside += _first_inside(windows)[axis] * windows.dilation[axis]
        where = jnp.maximum(where, inside.astype(np.int32).reshape(-1, *(1,) * (rank - 1 - axis)))
        x = jnp.take_along_axis(x, where, at)
        positions.moved(lambda c, w=where, a=at: jnp.take_along_axis(c, w, a))
        positions.coordinates[axis] = where
    return x, positions.flat(space)


# ---- windows that divide an axis evenly -------------------------------------------------------------


def _shares(size: int, out: int) -> tuple[np.ndarray, np.ndarray]:
    """First and one-past-last element of each of `out` windows that cover `size` elements."""
    i = np.arange(out)
    return i * size // out, -(-(i + 1) * size // out)


def even_windows(space: Sequence[int], out: Sequence[int]) -> Windows | None:
    """Regular windows that divide `space` into `out` parts, None where the parts are not equal."""
    if any(o == 0 or n % o for n, o in zip(space, out, strict=True)):
        return None
    kernel = tuple(n // o for n, o in zip(space, out, strict=True))
    ones = (1,) * len(kernel)
    return Windows(kernel, kernel, ((0, 0),) * len(kernel), ones, tuple(out))


def adaptive_maxima(x: Any, out: Sequence[int]) -> tuple[Any, Any]:
    """`maxima` over `out` windows that together cover each trailing axis."""
    space = x.shape[x.ndim - len(out) :]
    windows = even_windows(space, out)
    if windows is not None:
        return maxima(x, windows)
    positions = _Positions(len(out))
    for axis in reversed(range(len(out))):
        at = x.ndim - len(out) + axis
        first, last = _shares(space[axis], out[axis])
        longest = int((last - first).max(initial=1))
        # Repeating a window's last element changes neither the maximum nor where it is.
        elements = np.minimum(first[:, None] + np.arange(longest), last[:, None] - 1).astype(np.int32)
        where = _gathered_winners(x, elements, at)
        x = jnp.take_along_axis(x, where, at)
        positions.moved(lambda c, w=where, a=at: jnp.take_along_axis(c, w, a))
        positions.coordinates[axis] = where
    return x, positions.flat(space)


def adaptive_means(x: Any, out: Sequence[int]) -> Any:
    """The mean of each of `out` windows that together cover each trailing axis."""
    space = x.shape[x.ndim - len(out) :]
    windows = even_windows(space, out)
    if windows is not None:
        if math.prod(out) == 1:
            return x.mean(tuple(range(x.ndim - len(out), x.ndim)), keepdims=True)
        return sums(x, windows) / math.prod(windows.kernel)
    for axis in reversed(range(len(out))):
        at = x.ndim - len(out) + axis
        first, last = _shares(space[axis], out[axis])
        longest = int((last - first).max(initial=1))
        elements = first[:, None] + np.arange(longest)
        inside = (elements < last[:, None]).reshape(*elements.shape, *(1,) * (x.ndim - at - 1))
        parts = jnp.take(x, np.minimum(elements, last[:, None] - 1).astype(np.int32), at)
        count = (last - first).reshape(-1, *(1,) * (x.ndim - at - 1))
        x = jnp.where(inside, parts, 0).sum(at + 1, dtype=x.dtype) / count.astype(x.dtype)
    return x


# ---- positions back to places -----------------------------------------------------------------------


def _take_flat(index: Any, g: Any, *, size: int) -> Any:
    return jnp.take_along_axis(g, index, -1, mode="clip")


def _put_flat(index: Any, x: Any, *, size: int) -> Any:
    base = jnp.zeros((*x.shape[:-1], size), x.dtype)
    return jnp.put_along_axis(base, index, x, -1, inplace=False, mode="drop")


put_flat = linear_op(
    "unpool",
    shape=lambda index, x, size: (*x.shape[:-1], size),
    transposes=(None, lambda ct, index, x, size: take_flat(index, ct, size=size)),
    default=_put_flat,
    batch=lambda args, dims, **params: _fold(put_flat, args, dims, **params),
)
take_flat = linear_op(
    "unpool_transpose",
    shape=lambda index, g, size: index.shape,
    transposes=(None, lambda ct, index, g, size: put_flat(index, ct, size=size)),
    default=_take_flat,
    batch=lambda args, dims, **params: _fold(take_flat, args, dims, **params),
)
