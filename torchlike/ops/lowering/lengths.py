"""Vector norms with PyTorch's derivatives: 0 at the zero vector, shared among ties of the inf norms."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp


def _direction(x: Any) -> Any:
    """`x / |x|`, 0 at 0 (real or complex)."""
    if not jnp.issubdtype(x.dtype, jnp.complexfloating):
        return jnp.sign(x)
    size = jnp.abs(x)
    return jnp.where(size == 0, 0, x / jnp.where(size == 0, 1, size)).astype(x.dtype)


def _square(x: Any) -> Any:
    if jnp.issubdtype(x.dtype, jnp.complexfloating):
        return x.real * x.real + x.imag * x.imag
    return x * x


@partial(jax.custom_jvp, nondiff_argnums=(1, 2, 3))
def vector_norm(x: Any, p: float, axes: tuple[int, ...], keepdim: bool) -> Any:
    """`(sum |x| ** p) ** (1 / p)` over `axes`, with its limits for p = 0 and +-inf; real."""
    if x.dtype.itemsize == 2:
        return vector_norm(x.astype(jnp.float32), p, axes, keepdim).astype(x.dtype)
    over: dict[str, Any] = {"axis": axes, "keepdims": keepdim}
    if p == 2:
        return jnp.sqrt(_square(x).sum(**over))
    size = jnp.abs(x)
    if p == 0:
        return (x != 0).astype(size.dtype).sum(**over)
    if p == 1:
        return size.sum(**over)
    if math.isinf(p):
        return size.max(**over) if p > 0 else size.min(**over)
    return (size**p).sum(**over) ** (1.0 / p)


@vector_norm.defjvp
def _vector_norm_jvp(p: float, axes: tuple[int, ...], keepdim: bool, primals: Any, tangents: Any) -> Any:
    (x,), (t,) = primals, tangents
    y = vector_norm(x, p, axes, True)
    out = y if keepdim else y.reshape(tuple(n for i, n in enumerate(x.shape) if i not in axes))
    w = _weights(x, y, p, axes)
    if jnp.issubdtype(x.dtype, jnp.complexfloating):
        part = w.real * t.real + w.imag * t.imag
    else:
        part = w * t
    return out, part.sum(axis=axes, keepdims=keepdim).astype(out.dtype)


def _weights(x: Any, y: Any, p: float, axes: tuple[int, ...]) -> Any:
    """The derivative of the norm `y` with respect to each element of `x`."""
    if p == 0:
        return jnp.zeros_like(x)
    if p == 1:
        return _direction(x)
    if math.isinf(p):
        top = (jnp.abs(x) == y) | (x != x)
        return _direction(x) * (top / top.sum(axis=axes, keepdims=True)).astype(y.dtype)
    flat = y == 0
    norm = jnp.where(flat, 1, y)
    if p == 2:
        return jnp.where(flat, 0, x / norm).astype(x.dtype)
    size = jnp.abs(x)
    dead = (size == 0) if p < 2 else flat
    size = jnp.where(dead, 1, size)
    return jnp.where(dead | flat, 0, _direction(x) * size ** (p - 1) / norm ** (p - 1)).astype(x.dtype)
