"""Errors that depend on data, raised at the call where the data is at hand.

A lowering reports them too (`guard`), which PyTorch's users see at the next observation; a row of class
`Looked` looks first at small tensors whose data needs no waiting. It looks at lifted numbers too, whose
values a row's `check` does not see.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.core
import numpy as np

from .._core.params import OMITTED, OPERAND, SCALAR_, number_of
from .._core.row import Op
from .._core.tensor import Tensor

_SMALL = 1 << 16  # elements


def at_hand(t: Any) -> np.ndarray | None:
    """The data of a tensor that no work and no copy stands before; None otherwise."""
    if not isinstance(t, Tensor) or t._lens is not None:
        return None
    storage = t._storage
    if storage.host is not None:
        return storage.host
    arr = storage.value.arr
    if not isinstance(arr, jax.Array) or isinstance(arr, jax.core.Tracer) or not arr.is_ready():  # pyright: ignore[reportAttributeAccessIssue]
        return None
    if next(iter(arr.devices())).platform != "cpu":
        return None
    return np.asarray(arr)


class Looked(Op):
    """A row whose `look(*arguments)` returns the error that the data at hand shows, or None."""

    def __init__(self, fn: Any, name: str, *, look: Any, **options: Any):
        super().__init__(fn, name, **options)
        self.look = look

    def _record(self, args: tuple[Any, ...], cast: Any = None) -> Any:
        error = self.look(*args)
        if error is not None:
            if self.check is not None:  # what is wrong with the shapes and dtypes comes first
                self.check(**{p: self._seen(a, k, raw) for p, a, k, raw in
                              zip(self.params, args, self.kinds, self.raw_defaults)})  # fmt: skip
            raise error
        return super()._record(args, cast)

    @staticmethod
    def _seen(a: Any, kind: int, raw: Any) -> Any:
        if isinstance(a, Tensor):
            return a._aval
        if a is OMITTED:
            return raw
        return type(a) if kind in (OPERAND, SCALAR_) and a is not None else a


def outside(index: Any, size: int, *, negative: bool = False) -> int | None:
    """An index at hand that a dimension of `size` does not have; None if there is none.

    Args:
        negative: indices from the end count too.
    """
    data = at_hand(index)
    if data is None or not 0 < data.size <= _SMALL or data.dtype.kind not in "iu":
        return None
    low, high = int(data.min()), int(data.max())
    if low < (-size if negative else 0):
        return low
    return high if high >= size else None


def along(error: type[Exception], text: str, *, flat: bool = False, at: int = 2) -> Any:
    """A look at the index of rows `(input, dim, index, ...)`, or `(input, index)` with `flat`.

    Args:
        text: the message; `{}` takes the index, `{dim}` and `{size}` the dimension.
        at: the position of the index.
    """

    def look(input: Any, *rest: Any) -> Exception | None:
        if not isinstance(input, Tensor):
            return None
        shape = input._aval.shape
        if flat:
            dim, size = 0, input._aval.size
        else:
            dim = rest[0]
            if not isinstance(dim, int) or not -max(len(shape), 1) <= dim < max(len(shape), 1):
                return None
            dim = dim % max(len(shape), 1)
            size = shape[dim] if shape else 1
        bad = outside(rest[at - 1], size, negative=flat)
        return None if bad is None else error(text.format(bad, dim=dim, size=size))

    return look


def not_negative(text: str, *positions: int) -> Any:
    """A look at tensors that must not have negative elements; `{}` in `text` takes the parameter's name."""

    def look(*args: Any) -> Exception | None:
        for i in positions:
            data = at_hand(args[i])
            if data is not None and 0 < data.size <= _SMALL and bool((data < 0).any()):
                return RuntimeError(text.format(_WEIGHTS[i]))
        return None

    return look


def numbers(judge: Any, *where: tuple[int, float]) -> Any:
    """A look at lifted numbers: `judge(*numbers)` returns the error that they are, or None.

    Args:
        where: position and default of each.
    """

    def number(a: Any, default: float) -> Any:
        if a.__class__ is float or a.__class__ is int:
            return a
        if isinstance(a, Tensor):
            a = a.item() if a._aval.size == 1 else None
        found = None if a is OMITTED else number_of(a)
        return (
            default if found is None or found.__class__ is complex else found
        )  # what is none, the row refuses

    def look(*args: Any) -> Exception | None:
        for i, _ in where:
            if args[i] is not OMITTED:
                return judge(*[number(args[j], default) for j, default in where])
        return None

    return look


_WEIGHTS = {2: "fweights", 3: "aweights"}
