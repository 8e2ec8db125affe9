"""Filling with one value, and padding by it."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from .._core import dtypes
from .._core.geometry import shows_twice
from .._core.graph import SCALAR, Value
from .._core.modes import local
from .._core.registry import Array, Operand, Scalar, check_inplace, function, op
from .._core.tensor import Tensor, from_numpy_copy
from .._core.versions import note
from .numbers import of_dtype
from .results import rebind, written_by

# ---- filling ---------------------------------------------------------------------------------------------


def _check_fill(input: Any, value: Any) -> None:
    if n := getattr(value, "ndim", 0):
        raise RuntimeError(
            f"fill_ only supports 0-dimension value tensor but got tensor with {n} dimensions."
        )


@op(spaces=("torch",), inplace=True, check=_check_fill)
def fill(input: Array, value: Operand):
    """A tensor like `input` with one value everywhere."""
    return jnp.broadcast_to(value.astype(input.dtype), input.shape)


_fill_whole = fill.inplace


@function(spaces=("torch", "Tensor"))
def fill_(self: Tensor, value: Any) -> Tensor:
    """Sets every element to one number, or to that of a 0-d tensor."""
    if value.__class__ in (int, float, complex):
        value = of_dtype(value, self._aval.dtype)
    number = (
        None
        if self._lens is None or (self._req and local.ctx.grad)
        else plain_number(self._aval.dtype, value)
    )
    if number is None:
        if shows_twice(self):
            return rebind(self, lambda t: fill(t, value))
        return written_by(_fill_whole(self, value), f"FillBackward{2 + isinstance(value, Tensor)}")
    check_inplace(self)
    write_number(self, self._lens, number)  # once, also where a view shows an element twice
    return self


def plain_number(dtype: dtypes.dtype, value: Any) -> Any:
    """A number as it is lifted for this dtype; None where a conversion would be needed."""
    if value.__class__ not in (int, float, bool):
        return None
    if dtype.category == dtypes.FLOAT:
        return float(value)
    if dtype is dtypes.bool_:
        return bool(value)
    plain = dtype.category == dtypes.INTEGER and value.__class__ is int and dtype is not dtypes.uint64
    return value if plain else None


def write_number(x: Tensor, lenses: Any, number: Any) -> None:
    """Writes a number through lenses of x's storage outside the tape, as one call."""
    storage = x._storage
    storage.write(lenses[0].op.put_chain(storage.read(), Value(SCALAR[number.__class__], number), lenses))
    if x._counter is not None:
        note(storage, x._counter)


@function()
def zero_(self: Tensor) -> Tensor:
    """Sets every element to zero."""
    return written_by(fill_(self, 0), "ZeroBackward0")


@function(spaces=("Tensor",))
def fill_diagonal_(self: Tensor, fill_value: Any, wrap: bool = False) -> Tensor:
    """Writes one value along the main diagonal."""
    if self.ndim < 2:
        raise RuntimeError("dimensions must larger than 1")
    if self.ndim > 2 and len(set(self.shape)) != 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    return masked_diagonal(self, fill_value, wrap)


def masked_diagonal(self: Tensor, value: Any, wrap: bool) -> Tensor:
    """`fill_diagonal_` by a mask made on the host."""
    mask = np.zeros(tuple(self.shape), bool)
    np.fill_diagonal(mask, True, wrap=wrap)
    return written_by(self.masked_fill_(from_numpy_copy(mask, self.device), value), "CopySlices")


@op(spaces=("torch",), name="constant_pad_nd")
def constant_pad_nd(input: Array, pad: tuple, value: Scalar = 0):
    """`input` padded by `value`: pairs (before, after) from the last dimension on; negative crops."""
    config = [(0, 0, 0)] * input.ndim
    for i in range(len(pad) // 2):
        config[input.ndim - 1 - i] = (pad[2 * i], pad[2 * i + 1], 0)
    return lax.pad(input, jnp.asarray(value, input.dtype), config)


@function()
def numel(input: Tensor) -> int:
    """Number of elements."""
    return math.prod(input.shape)
