"""Vector norms with PyTorch's subgradients (0 at the zero vector), shared by losses and distances."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
from jax import lax


def magnitude(x: Any) -> Any:
    """`|x|`, with derivative 0 at 0 (jnp.abs has 1 there)."""
    if jnp.iscomplexobj(x):
        square = x.real * x.real + x.imag * x.imag
        return jnp.where(square == 0, 0, jnp.sqrt(jnp.where(square == 0, 1, square)))
    return x * lax.stop_gradient(jnp.sign(x))


def _safe_power(x: Any, exponent: float) -> Any:
    """`x ** exponent` of non-negative numbers, with value and derivative 0 at 0."""
    zero = x == 0
    return jnp.where(zero, 0, jnp.where(zero, 1, x) ** exponent)


def vector_norm(x: Any, p: float, axis: int = -1, keepdims: bool = False) -> Any:
    """The p-norm along `axis`; `p` may be 0 and +-inf."""
    if p == 2 and not jnp.iscomplexobj(x):
        square = (x * x).sum(axis, keepdims=keepdims)
        zero = square == 0
        return jnp.where(zero, 0, jnp.sqrt(jnp.where(zero, 1, square)))
    size = magnitude(x)
    if p == 1:
        return size.sum(axis, keepdims=keepdims)
    if p == 0:
        return (size != 0).astype(size.dtype).sum(axis, keepdims=keepdims)
    if math.isinf(p):
        return (size.max if p > 0 else size.min)(axis, keepdims=keepdims)
    return _safe_power(_safe_power(size, p).sum(axis, keepdims=keepdims), 1 / p)
