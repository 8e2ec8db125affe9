"""Values reduced into places of an array: sum, product, mean, largest, smallest."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

START = {"sum": 0, "prod": 1, "mean": 0, "amax": None, "amin": None}


def _extreme(dtype: Any, low: bool) -> Any:
    if jnp.issubdtype(dtype, jnp.floating):
        return -jnp.inf if low else jnp.inf
    info = jnp.iinfo(dtype)
    return info.min if low else info.max


@jax.custom_jvp
def _product(x: Any, at: Any, values: Any) -> Any:
    """The vector `x` with `values` multiplied into the elements `at`; positions outside are left out."""
    return x.at[at].multiply(values, mode="drop")


@_product.defjvp
def _product_jvp(primals: Any, tangents: Any) -> Any:
    """An element's derivative is the product of the others in its place, zeros among them or not."""
    x, at, values = primals
    dx, _, dv = tangents
    x_zero, v_zero = x == 0, values == 0
    zeros = x_zero.astype(jnp.int32).at[at].add(v_zero.astype(jnp.int32), mode="drop")
    x_safe, v_safe = jnp.where(x_zero, 1, x), jnp.where(v_zero, 1, values)
    rest = _product(x_safe, at, v_safe)  # of all that are not zero

    def others(own: Any, is_zero: Any, count: Any, product: Any) -> Any:
        return jnp.where(count == is_zero, product / own, 0)

    pulled = rest.at[at].get(mode="clip")
    count = zeros.at[at].get(mode="clip")
    tangent = dx * others(x_safe, x_zero, zeros, rest)
    tangent = tangent.at[at].add(dv * others(v_safe, v_zero, count, pulled), mode="drop")
    return _product(x, at, values), tangent


def product_at(x: Any, key: Any, values: Any) -> Any:
    """`x.at[key].multiply(values)`, with a derivative though places may come several times."""
    if not jnp.issubdtype(x.dtype, jnp.inexact):
        return x.at[key].multiply(values, mode="drop")
    places = jnp.arange(x.size, dtype=jnp.int64).reshape(x.shape)
    at = places.at[key].get(mode="fill", fill_value=x.size)
    values = jnp.broadcast_to(values, at.shape)
    return _product(x.reshape(-1), at.reshape(-1), values.reshape(-1)).reshape(x.shape)


def set_at(x: Any, key: Any, values: Any) -> Any:
    """`x.at[key].set(values)` with PyTorch's derivative: a value has its place's, also where others came there too."""

    @jax.custom_jvp
    def put(x: Any, values: Any) -> Any:
        return x.at[key].set(values, mode="drop")

    @put.defjvp
    def _(primals: Any, tangents: Any) -> Any:
        dx, dv = tangents
        kept = jnp.ones(dx.shape, bool).at[key].set(False, mode="drop")
        return put(*primals), jnp.where(kept, dx, 0).at[key].add(dv, mode="drop")

    return put(x, values)


def reduce_at(x: Any, key: Any, values: Any, reduce: str, include_self: bool) -> Any:
    """Reduces `values` into the places `key` of x."""
    if x.dtype == np.bool_:
        reduce = {"prod": "amin", "sum": "amax"}.get(reduce, reduce)
        return reduce_at(x.astype(jnp.uint8), key, values.astype(jnp.uint8), reduce, include_self) != 0
    low = reduce == "amax"
    if not include_self:
        start = _extreme(x.dtype, low) if reduce in ("amax", "amin") else START[reduce]
        x = x.at[key].set(jnp.asarray(start, x.dtype), mode="drop")
    if reduce == "prod":
        return product_at(x, key, values)
    at = x.at[key]
    if reduce in ("sum", "mean"):
        total = at.add(values, mode="drop")
        if reduce == "sum":
            return total
        count = jnp.full(x.shape, int(include_self), x.dtype).at[key].add(jnp.ones_like(values), mode="drop")
        count = jnp.maximum(count, 1)
        return total / count if jnp.issubdtype(x.dtype, jnp.inexact) else total // count
    return (at.max if low else at.min)(values, mode="drop")
