"""Masks: fill, select, scatter; the indices of what is not zero, and flat indices."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

import jax.numpy as jnp
import numpy as np

from .._core import dtypes
from .._core.layouts import shortest
from .._core.registry import Array, Operand, Scalar, function, op
from .._core.tensor import Tensor, from_numpy_copy
from .looks import Looked, at_hand
from .numbers import of_dtype
from .results import into, rebind, saves_too
from .validate import broadcast, c_name, scalar_name
from .view import expand

# ---- masks -----------------------------------------------------------------------------------------


def refused_mask(name: str, dtype: str) -> RuntimeError:
    """The error of an operator that takes masks of bool only."""
    return RuntimeError(f"{name} only supports boolean masks, but got mask with dtype {dtype}")


def _check_mask(input: Any, mask: Any, value: Any = None, **_: Any) -> None:
    if mask.dtype is not dtypes.bool_:
        raise refused_mask("masked_fill_", c_name(mask.dtype))
    if value is not None and not isinstance(value, type) and value.ndim:
        raise RuntimeError(
            f"masked_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s)."
        )
    broadcast(mask.shape, input.shape)


def _look_filled(input: Any, mask: Any, value: Any) -> Exception | None:
    """The error of a fill value that the dtype cannot hold."""
    if not isinstance(input, Tensor) or value.__class__ is bool:
        return None
    d = input._aval.dtype
    if value.__class__ is float and d.itemsize > 2 and d.is_floating_point:
        if value != value or abs(value) < 3e38 or abs(value) == inf:
            return None
    if isinstance(value, Tensor):
        data = at_hand(value) if value._aval.dtype.category > d.category else None
        if data is None or data.ndim:
            return None
        value = data.item()
    if isinstance(value, (int, float, complex)):
        try:
            of_dtype(value, d)
        except (RuntimeError, OverflowError) as e:
            return e
    return None


@op(inplace=True, check=_check_mask, row=Looked, look=_look_filled, saves=("mask!",))
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
    result = saves_too(_take_flat(x, from_numpy_copy(chosen.astype(np.int64), input.device)), input, mask)
    return into(result, out, "masked_select")


@op(spaces=(), name="masked_scatter")
def _masked_scatter(input: Array, index: Array, source: Array):
    return input.reshape(-1).at[index].set(source.reshape(-1)[: index.shape[0]]).reshape(input.shape)


@function()
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """A copy with the next elements of `source` wherever the mask is True; waits for the mask."""
    if mask.dtype is not dtypes.bool_:
        raise refused_mask("masked_scatter_", scalar_name(mask.dtype))
    if input.dtype is not source.dtype:
        raise RuntimeError(
            f"masked_scatter: expected self and source to have same dtypes but got {scalar_name(input.dtype)} and {scalar_name(source.dtype)}"
        )
    shape = broadcast(mask.shape, input.shape)
    chosen = np.flatnonzero(np.broadcast_to(mask._host(), shape))
    if chosen.size > source.numel():
        raise RuntimeError("Number of elements of source < number of ones in mask")
    x = input if tuple(input.shape) == shape else expand(input, *shape)
    return saves_too(_masked_scatter(x, from_numpy_copy(chosen.astype(np.int64), input.device), source), mask)


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
    result = from_numpy_copy(rows, input.device, shortest(rows.shape, (1, 0)))  # by columns
    return into(result, out, "nonzero")


@function()
def argwhere(input: Tensor) -> Tensor:
    """Indices of the non-zero elements, one row each."""
    return nonzero(input)


# ---- indices of a known number, and indices taken apart ----------------------------------------------


@op(spaces=(), name="nonzero_static", differentiable=False)
def _nonzero_static(input: Array, size: int, fill_value: Scalar):
    if not input.ndim:
        return jnp.zeros((size, 0), jnp.int64)
    if not input.size:  # where JAX pays no heed to `fill_value`
        return jnp.full((size, input.ndim), fill_value, jnp.int64)
    found = jnp.nonzero(input, size=size, fill_value=fill_value.astype(jnp.int64))
    return jnp.stack([i.astype(jnp.int64) for i in found], 1)


@function()
def nonzero_static(input: Tensor, *, size: int, fill_value: int = -1, out: Any = None) -> Tensor:
    """As `nonzero`, always `size` rows, so that nothing waits for the data: `(size, input.ndim)`, int64.

    Rows too many are left out, rows too few are filled with `fill_value`.

    Raises:
        RuntimeError: `size` is negative, or `out` is not int64.
    """
    if size < 0:
        raise RuntimeError("nonzero_static: 'size' must be an non-negative integer")
    if out is not None and out.dtype is not dtypes.int64:
        raise RuntimeError(
            "nonzero_static: Expected out tensor to have scalar type Long but got scalar type"
            + scalar_name(out.dtype)
        )
    return into(_nonzero_static(input, size, fill_value), out, "nonzero_static")


@op(spaces=(), name="unravel_index", differentiable=False)
def _unravel_index(indices: Array, shape: tuple):
    flat, found = indices.astype(jnp.int64), []
    for n in reversed(shape):
        found.append(flat % n)
        flat = flat // n
    return tuple(reversed(found))


@function(spaces=("torch",))
def unravel_index(indices: Tensor, shape: Any) -> tuple[Tensor, ...]:
    """Flat indices into a tensor of `shape` (an int or several) as one int64 tensor of indices per dimension.

    Negative ones and those beyond the end wrap around.

    Raises:
        TypeError: `indices` are no integers, or `shape` has something else than ints.
        ValueError: a size is negative.
    """
    if indices.dtype.category != dtypes.INTEGER:
        raise TypeError(f"expected 'indices' to be integer dtype, but got {indices.dtype}")
    if not isinstance(shape, (int, Sequence)):
        raise TypeError(f"expected 'shape' to be int or sequence of ints, but got {type(shape)}")
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    for n in sizes:
        if not isinstance(n, int):
            raise TypeError(f"expected 'shape' sequence to only contain ints, but got {type(n)}")
    if any(n < 0 for n in sizes):
        raise ValueError(f"'shape' cannot have negative values, but got {sizes}")
    if 0 in sizes and indices.numel():
        raise RuntimeError("ZeroDivisionError")
    found = _unravel_index(indices, sizes) if sizes else ()
    return found if isinstance(found, tuple) else (found,)
