"""Largest and smallest elements with their positions; derivatives go to the chosen element.

A position is found as "the smallest index whose element equals the extreme": two plain reductions
that XLA fuses, against its variadic reduction which runs element by element on a CPU.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from .axes import iota, take_axis


def _narrow(n: int) -> Any:
    return jnp.int32 if n < 2**31 - 1 else jnp.int64


def position(x: Any, best: Any, axis: int) -> Any:
    """int64 index of the first element along `axis` that equals `best` (or is nan), axis kept."""
    n = x.shape[axis]
    where = (x == best) | (x != x)
    at = jnp.where(where, iota(x.shape, axis, _narrow(n)), n)
    return jnp.minimum(at.min(axis=axis, keepdims=True), max(n - 1, 0)).astype(jnp.int64)


def argextreme(x: Any, axis: int, largest: bool) -> Any:
    """Index of the largest or smallest element along `axis` (kept); nan counts as extreme."""
    if x.dtype == jnp.bool_:
        x = x.astype(jnp.int8)
    best = x.max(axis=axis, keepdims=True) if largest else x.min(axis=axis, keepdims=True)
    return position(x, best, axis)


def extreme(x: Any, axis: int, largest: bool) -> Any:
    """`(values, indices)` along `axis`, which is kept with size 1."""
    still = lax.stop_gradient(x)
    best = still.max(axis=axis, keepdims=True) if largest else still.min(axis=axis, keepdims=True)
    index = position(still, best, axis)
    return _chosen(x, best, index, axis), index


@partial(jax.custom_jvp, nondiff_argnums=(3,))
def _chosen(x: Any, best: Any, index: Any, axis: int) -> Any:
    """`best`, the element of `x` at `index`; its transpose is a select, not a scatter."""
    return best


@_chosen.defjvp
def _chosen_jvp(axis: int, primals: Any, tangents: Any) -> Any:
    _, best, index = primals
    t = tangents[0]
    return best, jnp.where(iota(t.shape, axis) == index, t, jnp.zeros((), t.dtype)).sum(
        axis=axis, keepdims=True
    )


def running(x: Any, axis: int, largest: bool) -> Any:
    """`(values, indices)` of the running extreme along `axis`; of equal elements the latest, nan stays."""
    still = lax.stop_gradient(x)
    if still.dtype == jnp.bool_:
        still = still.astype(jnp.int8)
    best = lax.cummax(still, axis=axis) if largest else lax.cummin(still, axis=axis)
    here = still == best
    if jnp.issubdtype(still.dtype, jnp.floating):
        nan = still != still
        seen = lax.cummax(nan.astype(jnp.int8), axis=axis) > 0
        here = jnp.where(seen, nan, here)
    at = jnp.where(here, iota(x.shape, axis), 0)
    index = lax.cummax(at, axis=axis)
    return take_axis(x, index, axis), index
