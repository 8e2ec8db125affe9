"""The matrix exponential by scaling, a Taylor polynomial and squaring (Bader, Blanes, Casas: Mathematics 7, 2019)."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from .products import matmul

_DEGREE = 18
_BLOCK = 4  # the polynomial is one in the fourth power, whose coefficients are cubics
# the 1-norm up to which the polynomial is exact to rounding
_REACH = {"float32": 3.010066362817634, "float64": 1.090863719290036}


def _polynomial(x: Any) -> Any:
    """The Taylor polynomial of the exponential, by seven products."""
    eye = jnp.broadcast_to(jnp.eye(x.shape[-1], dtype=x.dtype), x.shape)
    powers = [eye, x]
    for _ in range(_BLOCK - 1):
        powers.append(matmul(powers[-1], x))
    out = None
    for start in range(_DEGREE // _BLOCK * _BLOCK, -1, -_BLOCK):
        terms = min(_BLOCK, _DEGREE + 1 - start)
        part = sum(powers[k] / math.factorial(start + k) for k in range(terms))
        out = part if out is None else part + matmul(out, powers[_BLOCK])
    return out


def _square(state: Any) -> Any:
    x, left = state
    return jnp.where((left > 0)[..., None, None], matmul(x, x), x), left - 1


@jax.custom_vjp
def matrix_exp(x: Any) -> Any:
    """The exponentials of float32, float64 or complex matrices `(..., n, n)`."""
    if x.shape[-1] == 1:
        return jnp.exp(x)
    norm = jnp.abs(x).sum(-2).max(-1)
    reach = _REACH[norm.dtype.name]
    squarings = jnp.where(jnp.isfinite(norm), jnp.ceil(jnp.log2(jnp.maximum(norm / reach, 1))), 0)
    scaled = x * jnp.exp2(-squarings)[..., None, None].astype(x.dtype)
    done = lax.while_loop(lambda s: (s[1] > 0).any(), _square, (_polynomial(scaled), squarings))
    return done[0]


def _forward(x: Any) -> Any:
    return matrix_exp(x), x


def _backward(x: Any, g: Any) -> Any:
    """The derivative in the direction `g`, at the transpose: a corner of the exponential of a block matrix."""
    n = x.shape[-1]
    xt = jnp.swapaxes(x, -1, -2)
    above = jnp.concatenate([xt, g], -1)
    below = jnp.concatenate([jnp.zeros_like(xt), xt], -1)
    return (matrix_exp(jnp.concatenate([above, below], -2))[..., :n, n:],)


matrix_exp.defvjp(_forward, _backward)
