"""`segment_reduce`: each stretch of a dimension reduced to one entry."""

from __future__ import annotations

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp

from .._core import dtypes
from .._core.registry import Array, Scalar, function, op
from .._core.tensor import Tensor
from .strides import wrap_dim
from .validate import not_implemented

_REDUCE = ("sum", "mean", "max", "min", "prod")
_EMPTY = {"sum": 0.0, "mean": math.nan, "max": -math.inf, "min": math.inf, "prod": 1.0}


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 3))
def _extreme(how: str, x: Any, ids: Any, count: int) -> Any:
    """The largest or smallest entry of each segment; equal ones share the gradient."""
    reduce = jax.ops.segment_max if how == "max" else jax.ops.segment_min
    return reduce(x, ids, count)


@_extreme.defjvp
def _extreme_jvp(how: str, count: int, primals: Any, tangents: Any) -> Any:
    x, ids = primals
    value = _extreme(how, x, ids, count)
    mine = value[ids]
    chosen = ((x == mine) | ((x != x) & (mine != mine))).astype(x.dtype)
    share = chosen / jax.ops.segment_sum(chosen, ids, count)[ids]
    return value, jax.ops.segment_sum(share * tangents[0], ids, count)


@functools.partial(jax.custom_jvp, nondiff_argnums=(2,))
def _product(x: Any, ids: Any, count: int) -> Any:
    """The product of each segment; its gradient is right where factors are zero, too."""
    return jax.ops.segment_prod(x, ids, count)


@_product.defjvp
def _product_jvp(count: int, primals: Any, tangents: Any) -> Any:
    x, ids = primals
    zero = x == 0
    rest = jnp.where(zero, 1, x)
    zeros = jax.ops.segment_sum(zero.astype(jnp.int32), ids, count)[ids]
    others = jax.ops.segment_prod(rest, ids, count)[ids] / rest  # the product of the other factors but zeros
    others = jnp.where(zeros - zero == 0, others, 0)
    return _product(x, ids, count), jax.ops.segment_sum(others * tangents[0], ids, count)


@op(spaces=(), name="segment_reduce", saves=("data", "result"))
def _segment_reduce(
    data: Array, given: Array, are_lengths: bool, reduce: str, axis: int, initial: Scalar | None
):
    outer, n, rest = data.shape[:axis], data.shape[axis], data.shape[axis + 1 :]
    rows = math.prod(outer)
    bounds = given.reshape(rows, given.shape[-1])
    if are_lengths:
        bounds = jnp.pad(jnp.cumsum(bounds, -1), ((0, 0), (1, 0)))  # (rows, segments + 1)
    count = bounds.shape[-1] - 1
    at = jnp.arange(n, dtype=bounds.dtype)
    # (rows, n): the segment of each entry, one beyond the last for entries of none
    ids = jax.vmap(lambda b: jnp.searchsorted(b, at, side="right"))(bounds) - 1
    ids = jnp.where((ids < 0) | (ids >= count), count, ids)
    ids = (ids + jnp.arange(rows)[:, None] * (count + 1)).reshape(-1)
    x = data.reshape(rows * n, *rest)
    total = rows * (count + 1)
    if reduce in ("sum", "mean"):
        found = jax.ops.segment_sum(x, ids, total)
    elif reduce == "prod":
        found = _product(x, ids, total)
    else:
        found = _extreme(reduce, x, ids, total)
    found = found.reshape(rows, count + 1, *rest)[:, :count]
    size = (bounds[:, 1:] - bounds[:, :-1]).reshape(rows, count, *([1] * len(rest)))
    first = None if initial is None else initial.astype(data.dtype)
    if first is not None and reduce in ("sum", "mean"):
        found = found + first
    elif first is not None:
        found = found * first if reduce == "prod" else _beyond(reduce, found, first)
    if reduce == "mean":
        found = found / jnp.maximum(size, 1).astype(data.dtype)
    empty = jnp.asarray(_EMPTY[reduce], data.dtype) if first is None else first
    return jnp.where(size > 0, found, empty).reshape(*outer, count, *rest)


def _beyond(reduce: str, found: Any, first: Any) -> Any:
    """The extreme of `found` and `first`; where `first` wins there is no gradient."""
    keeps = (found >= first) if reduce == "max" else (found <= first)
    return jnp.where(keeps | (found != found), found, first)


@function(spaces=("torch",))
def segment_reduce(
    data: Tensor, reduce: str, *, lengths: Tensor | None = None, indices: Tensor | None = None,
    offsets: Tensor | None = None, axis: int = 0, unsafe: bool = False, initial: Any = None,
) -> Tensor:  # fmt: skip
    """Reduces consecutive segments of dimension `axis` to one entry each.

    Args:
        data: floating.
        reduce: "sum", "mean", "max", "min" or "prod".
        lengths: integers `(*data.shape[:axis], segments)`, how long each segment is.
        offsets: instead of them, integers `(*data.shape[:axis], segments + 1)`: where each begins, and the end.
        indices: not supported, as in PyTorch.
        unsafe: the lengths are not looked at; else they are waited for.
        initial: what each reduction starts from. Without it an empty segment gives 0, nan, -inf, inf or 1.

    Raises:
        RuntimeError: neither `lengths` nor `offsets`, or they do not fit `data`.
        NotImplementedError: `data` is not floating, or `lengths` are no integers.
    """
    if reduce not in _REDUCE:
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    axis = wrap_dim(axis, data.ndim)
    if indices is not None:
        raise RuntimeError("segment_reduce(): indices based reduction is not supported yet.")
    given = offsets if offsets is not None else lengths
    if given is None:
        raise RuntimeError("segment_reduce(): Either lengths or offsets must be defined.")
    name = "offsets" if offsets is not None else "lengths"
    if data.ndim < given.ndim:
        raise RuntimeError(
            f"Expected data.dim() >= {name}_value.dim() to be true, but got false.  "
            "(Could this error message be improved?  If so, please report an enhancement request to PyTorch.)"
        )
    if axis != given.ndim - 1:
        raise RuntimeError(
            f"segment_reduce(): Expected axis to be the last dimension of {name} but got {axis}."
        )
    if tuple(given.shape[:-1]) != tuple(data.shape[:axis]):
        raise RuntimeError(
            f"segment_reduce(): expected {name} of shape {[*data.shape[:axis], 'segments']}, but got {list(given.shape)}"
        )
    if given.dtype.category != dtypes.INTEGER:
        raise not_implemented(f"_segment_reduce_{name}_cpu_kernel1", given.dtype)
    if given is lengths and not unsafe:
        _check_lengths(given, data.shape[axis])
    if not data.is_floating_point():
        raise not_implemented("_segment_reduce_cpu", data.dtype)
    return _segment_reduce(data, given, given is lengths, reduce, axis, initial)


def _check_lengths(lengths: Tensor, n: int) -> None:
    found = lengths._host()
    if found.size and found.min() < 0:
        raise RuntimeError("lengths contains negative value!")
    if (found.sum(-1) != n).any():
        raise RuntimeError(
            "segment_reduce(): Expected all rows of lengths along axis to sum to data.size(lengths.dim()-1) when !unsafe."
        )
