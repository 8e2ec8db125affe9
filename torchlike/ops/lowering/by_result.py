"""Derivatives by the result, as PyTorch's formulas have them (`tools/autograd/derivatives.yaml`).

A row's first derivative may be any equal expression. But a gradient that is itself differentiated depends on
whatever its formula names, and PyTorch's often name the result: `grad(exp(x))` is `g * y`, which has a derivative
with respect to y. Each function takes the gradient, the result, the operand and the row's other arguments.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from .axes import wrap_dims


def exp(g: Any, r: Any, x: Any) -> Any:
    """Of `exp(x)`."""
    return g * jnp.conj(r)


def exp2(g: Any, r: Any, x: Any) -> Any:
    """Of `2 ** x`."""
    return g * jnp.conj(r) * math.log(2)


def expm1(g: Any, r: Any, x: Any) -> Any:
    """Of `exp(x) - 1`."""
    return g * (jnp.conj(r) + 1)


def sqrt(g: Any, r: Any, x: Any) -> Any:
    """Of `sqrt(x)`."""
    return g / (2 * jnp.conj(r))


def rsqrt(g: Any, r: Any, x: Any) -> Any:
    """Of `1 / sqrt(x)`."""
    return -0.5 * g * jnp.conj(r) ** 3


def reciprocal(g: Any, r: Any, x: Any) -> Any:
    """Of `1 / x`."""
    return -g * jnp.conj(r * r)


def tan(g: Any, r: Any, x: Any) -> Any:
    """Of `tan(x)`."""
    return g * jnp.conj(1 + r * r)


def tanh(g: Any, r: Any, x: Any) -> Any:
    """Of `tanh(x)`."""
    return g * jnp.conj(1 - r * r)


def sigmoid(g: Any, r: Any, x: Any) -> Any:
    """Of `1 / (1 + exp(-x))`."""
    return g * jnp.conj((1 - r) * r)


def inv(g: Any, r: Any, x: Any) -> Any:
    """Of the inverse of matrices."""
    h = jnp.conj(jnp.swapaxes(r, -1, -2))
    return -h @ g @ h


def _sum(x: Any, dim: int) -> Any:
    return x.sum(dim, keepdims=True) if x.ndim else x


def softmax(g: Any, r: Any, x: Any, dim: int, dtype: Any = None) -> Any:
    """Of `softmax(x, dim)`."""
    return (r * (g - _sum(g * r, dim))).astype(x.dtype)


def log_softmax(g: Any, r: Any, x: Any, dim: int, dtype: Any = None) -> Any:
    """Of `log_softmax(x, dim)`."""
    return (g - jnp.exp(r) * _sum(g, dim)).astype(x.dtype)


def _spread(a: Any, x: Any, dim: Any, keepdim: bool) -> Any:
    """What a reduction of x over `dim` made, in x's number of dimensions."""
    return a if keepdim or not x.ndim else jnp.expand_dims(a, wrap_dims(dim, x.ndim))


def logsumexp(g: Any, r: Any, x: Any, dim: Any, keepdim: bool = False) -> Any:
    """Of `log(sum(exp(x)))` over `dim`."""
    g, r = (_spread(a, x, dim, keepdim) for a in (g, r))
    return g * jnp.conj(jnp.exp(x - r))


def norm(
    g: Any, r: Any, x: Any, ord: float = 2, dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> Any:
    """Of the 2-norm over `dim`; 0 where it is 0. None for other orders."""
    if ord != 2 or dtype is not None:
        return None
    g, r = (_spread(a, x, dim, keepdim) for a in (g, r))
    return x * jnp.where(r == 0, 0, g / jnp.where(r == 0, 1, r))


def prod(g: Any, r: Any, x: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    """Of the product over `dim`: `g * r / x`, unless some element is 0."""
    if dtype is not None:
        return None
    axes = wrap_dims(dim, x.ndim)
    _, pull = jax.vjp(lambda x: jnp.prod(x, axis=axes, keepdims=keepdim), x)
    zero = x == 0
    whole, result = (_spread(a, x, dim, keepdim) for a in (g, r))
    plain = whole * jnp.conj(result / jnp.where(zero, 1, x))
    return jnp.where(zero.any(), jnp.conj(pull(jnp.conj(g))[0]), plain)
