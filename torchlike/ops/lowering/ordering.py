"""Sorting, selection and search in plain JAX.

XLA sorts one array of integers several times faster than a pair (values, indices) with a
comparison of floats. Elements of up to 32 bits therefore travel as one int64: the upper half is an
integer that orders like the element, the lower half its index. That also makes the sort stable.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax

from .axes import take_axis

_LOW = 0xFFFFFFFF


def _order_bits(x: Any, bits: Any) -> Any:
    """Integers of the type `bits` that order like the floats `x`; nan above all, -0 equal to 0."""
    x = jnp.where(x != x, jnp.asarray(jnp.nan, x.dtype), jnp.where(x == 0, jnp.zeros((), x.dtype), x))
    i = lax.bitcast_convert_type(x, bits)
    return jnp.where(i < 0, i ^ jnp.asarray(jnp.iinfo(bits).max, bits), i)


def sort_key(x: Any) -> Any:
    """A signed integer array that orders like `x` (int32 where 32 bits are enough)."""
    if jnp.issubdtype(x.dtype, jnp.floating):
        if x.dtype.itemsize < 4:
            x = x.astype(jnp.float32)
        return _order_bits(x, jnp.int32 if x.dtype.itemsize == 4 else jnp.int64)
    if x.dtype in (jnp.uint32, jnp.int64):
        return x.astype(jnp.int64)
    if x.dtype == jnp.uint64:
        return lax.bitcast_convert_type(x ^ jnp.asarray(1 << 63, jnp.uint64), jnp.int64)
    return x.astype(jnp.int32)


def order(x: Any, axis: int, descending: bool) -> Any:
    """int64 indices that sort `x` along `axis`, stable."""
    key = sort_key(x)
    key = ~key if descending else key
    index = lax.broadcasted_iota(jnp.int64, x.shape, axis)
    if key.dtype == jnp.int32 and x.shape[axis] <= _LOW:
        packed = (key.astype(jnp.int64) << 32) | index
        return lax.sort(packed, dimension=axis, is_stable=False) & _LOW
    return lax.sort((key, index), dimension=axis, num_keys=1, is_stable=True)[1]


def sort_pairs(x: Any, axis: int, descending: bool) -> Any:
    """`(values, indices)` sorted along `axis`; derivatives follow the permutation."""
    index = order(lax.stop_gradient(x), axis, descending)
    return take_axis(x, index, axis), index


def select_top(x: Any, k: int, axis: int, largest: bool) -> Any:
    """`(values, indices)` of the k first elements in descending (`largest`) or ascending order."""
    key = sort_key(lax.stop_gradient(x))
    if key.dtype == jnp.int32 and axis == x.ndim - 1 and 0 < k <= x.shape[axis]:
        index = lax.top_k(key if largest else ~key, k)[1].astype(jnp.int64)
    else:
        index = lax.slice_in_dim(order(lax.stop_gradient(x), axis, largest), 0, k, axis=axis)
    return take_axis(x, index, axis), index


def insertion_points(bounds: Any, x: Any, right: bool) -> Any:
    """Where each `x` goes into the sorted `bounds`, row by row of the last axis (int64).

    `bounds` is (..., n) and `x` is (..., m) with equal leading axes, or `bounds` is (n,) and `x` of
    any shape. Binary search, its few steps unrolled: every step is one gather over all of `x`.
    """
    n = bounds.shape[-1]
    dtype = jnp.promote_types(bounds.dtype, x.dtype)
    keys, want = sort_key(bounds.astype(dtype)), sort_key(x.astype(dtype))
    low = jnp.zeros(x.shape, jnp.int64)
    high = jnp.full(x.shape, n, jnp.int64)
    for _ in range(n.bit_length()):
        mid = (low + high) >> 1
        safe = jnp.minimum(mid, max(n - 1, 0))
        at = keys[safe] if bounds.ndim == 1 else take_axis(keys, safe, x.ndim - 1)
        before = (at <= want) if right else (at < want)
        active = low < high
        low, high = jnp.where(active & before, mid + 1, low), jnp.where(active & ~before, mid, high)
    return low
