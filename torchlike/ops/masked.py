"""Masks: fill, select, scatter, and the indices of what is not zero."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from .._core import dtypes
from .._core.registry import Array, Operand, function, op
from .._core.tensor import Tensor, from_numpy_copy
from .results import into, rebind
from .validate import broadcast, c_name, scalar_name
from .view import expand

# ---- masks -----------------------------------------------------------------------------------------


def _check_mask(input: Any, mask: Any, value: Any = None, **_: Any) -> None:
    if mask.dtype is not dtypes.bool_:
        raise RuntimeError(
            f"masked_fill_ only supports boolean masks, but got mask with dtype {c_name(mask.dtype)}"
        )
    if value is not None and not isinstance(value, type) and value.ndim:
        raise RuntimeError(
            f"masked_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s)."
        )
    broadcast(mask.shape, input.shape)


@op(inplace=True, check=_check_mask)
def masked_fill(input: Array, mask: Array, value: Operand):
    """A copy with `value` where the boolean `mask` is True."""
    return jnp.where(mask, value.astype(input.dtype), input)


masked_fill_ = masked_fill.inplace


@op(spaces=(), name="take_flat")
def _take_flat(input: Array, index: Array):
    return jnp.take(input.reshape(-1), index.reshape(-1), mode="clip")


@function()
def masked_select(input: Tensor, mask: Tensor, *, out: Any = None) -> Tensor:
    """The elements where the mask is True, in one dimension; waits for the mask."""
    if mask.dtype is not dtypes.bool_:
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    shape = broadcast(mask.shape, input.shape)
    chosen = np.flatnonzero(np.broadcast_to(mask._host(), shape))
    x = input if tuple(input.shape) == shape else expand(input, *shape)
    result = _take_flat(x, from_numpy_copy(chosen.astype(np.int64), input.device))
    return into(result, out, "masked_select")


@op(spaces=(), name="masked_scatter")
def _masked_scatter(input: Array, index: Array, source: Array):
    return input.reshape(-1).at[index].set(source.reshape(-1)[: index.shape[0]]).reshape(input.shape)


@function()
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """A copy with the next elements of `source` wherever the mask is True; waits for the mask."""
    if mask.dtype is not dtypes.bool_:
        raise RuntimeError(
            "masked_scatter_ only supports boolean masks, but got mask with dtype " + c_name(mask.dtype)
        )
    if input.dtype is not source.dtype:
        raise RuntimeError(
            f"masked_scatter: expected self and source to have same dtypes but got {scalar_name(input.dtype)} and {scalar_name(source.dtype)}"
        )
    shape = broadcast(mask.shape, input.shape)
    chosen = np.flatnonzero(np.broadcast_to(mask._host(), shape))
    if chosen.size > source.numel():
        raise RuntimeError("Number of elements of source < number of ones in mask")
    x = input if tuple(input.shape) == shape else expand(input, *shape)
    return _masked_scatter(x, from_numpy_copy(chosen.astype(np.int64), input.device), source)


@function(spaces=("Tensor",))
def masked_scatter_(self: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """In-place `masked_scatter`."""
    return rebind(self, lambda x: masked_scatter(x, mask, source))


@function()
def nonzero(input: Tensor, *, out: Any = None, as_tuple: bool = False) -> Any:
    """Indices of the non-zero elements: one row each, or a tuple of vectors; waits for the data."""
    found = (
        np.nonzero(input._host())
        if input.ndim
        else np.nonzero(np.atleast_1d(input._host()))[: 1 if as_tuple else 0]
    )
    if as_tuple:
        return tuple(from_numpy_copy(i.astype(np.int64), input.device) for i in found)
    n = int(np.count_nonzero(input._host()))
    rows = np.stack(found, 1).astype(np.int64) if len(found) else np.zeros((n, 0), np.int64)
    result = from_numpy_copy(rows, input.device)
    return into(result, out, "nonzero")


@function()
def argwhere(input: Tensor) -> Tensor:
    """Indices of the non-zero elements, one row each."""
    return nonzero(input)
