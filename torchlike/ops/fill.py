"""Filling with one value, and padding by it."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from .._core.registry import Array, Operand, Scalar, function, op
from .._core.tensor import Tensor, from_numpy_copy

# ---- filling ---------------------------------------------------------------------------------------------


@op(spaces=("torch",), inplace=True)
def fill(input: Array, value: Operand):
    """A tensor like `input` with one value everywhere."""
    return jnp.broadcast_to(value.astype(input.dtype), input.shape)


fill_ = fill.inplace


@function()
def zero_(self: Tensor) -> Tensor:
    """Sets every element to zero."""
    return fill_(self, 0)


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
    return self.masked_fill_(from_numpy_copy(mask, self.device), value)


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
