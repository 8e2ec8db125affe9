"""Gamma and error functions with PyTorch's values at the special points, in plain JAX."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.special as jsp
from jax import lax
from jax.custom_derivatives import SymbolicZero


def _wide(fn: Any) -> Any:
    """Runs `fn` in float32 for the 16-bit dtypes, whose own kernels lose too much."""

    def run(x: Any, *rest: Any) -> Any:
        if x.dtype.itemsize == 2:
            return fn(x.astype(jnp.float32), *(r.astype(jnp.float32) for r in rest)).astype(x.dtype)
        return fn(x, *rest)

    return run


@jax.custom_jvp
def _erfinv(x: Any) -> Any:
    return lax.erf_inv(x)


@_erfinv.defjvp
def _erfinv_jvp(primals: Any, tangents: Any) -> Any:
    y = _erfinv(primals[0])
    return y, tangents[0] * (math.sqrt(math.pi) / 2) * jnp.exp(y * y)


erfinv = _wide(_erfinv)


@jax.custom_jvp
def _lgamma(x: Any) -> Any:
    return jnp.where(jnp.isinf(x), jnp.abs(x), lax.lgamma(x))


@_lgamma.defjvp
def _lgamma_jvp(primals: Any, tangents: Any) -> Any:
    return _lgamma(primals[0]), tangents[0] * _digamma(primals[0])


lgamma = _wide(_lgamma)
lgamma.__doc__ = "log |gamma(x)|; +inf at 0, the negative integers and both infinities."


@jax.custom_jvp
def _digamma(x: Any) -> Any:
    at_zero = jnp.where(jnp.signbit(x), jnp.inf, -jnp.inf).astype(x.dtype)
    return jnp.where(x == 0, at_zero, lax.digamma(jnp.where(x == 0, 1, x)))


@_digamma.defjvp
def _digamma_jvp(primals: Any, tangents: Any) -> Any:
    return _digamma(primals[0]), tangents[0] * polygamma(1, primals[0])


digamma = _wide(_digamma)
digamma.__doc__ = "psi(x); -inf at +0, +inf at -0, nan at the negative integers."


@jax.custom_jvp
def _zeta(s: Any, q: Any) -> Any:
    """Hurwitz zeta: the terms of non-positive base are added one by one before the series takes over."""
    terms = jnp.where(q > 0, 0, jnp.clip(jnp.ceil(1 - q), 0, 1e4))

    def more(state: Any) -> Any:
        return state[0] < terms.max(initial=0)

    def add(state: Any) -> Any:
        k, total = state
        return k + 1, total + jnp.where(k < terms, lax.pow(q + k, -s), 0)

    zero = (jnp.zeros((), q.dtype), jnp.zeros(q.shape, q.dtype))
    head = lax.while_loop(more, add, zero)[1]
    value = head + jsp.zeta(s, q + terms)
    whole = jnp.floor(s) == s
    at_pole = (q <= 0) & (jnp.floor(q) == q)
    return jnp.where(at_pole & (s > 1), jnp.inf, jnp.where((q < 0) & ~whole, jnp.nan, value))


def _zeta_jvp(primals: Any, tangents: Any) -> Any:
    s, q = primals
    if not isinstance(tangents[0], SymbolicZero):
        raise NotImplementedError("the derivative for 'zeta' is not implemented.")
    if isinstance(tangents[1], SymbolicZero):
        return _zeta(s, q), jnp.zeros(q.shape, q.dtype)
    return _zeta(s, q), -s * _zeta(s + 1, q) * tangents[1]


_zeta.defjvp(_zeta_jvp, symbolic_zeros=True)


@_wide
def zeta(s: Any, q: Any) -> Any:
    """Hurwitz zeta, `sum over k of (q + k) ** -s`; inf at the poles, nan for s < 1."""
    return _zeta(*jnp.broadcast_arrays(s, q))


def polygamma(n: int, x: Any) -> Any:
    """The n-th derivative of `digamma`, n >= 0 static."""
    if n == 0:
        return digamma(x)
    if x.dtype.itemsize == 2:
        return polygamma(n, x.astype(jnp.float32)).astype(x.dtype)
    if n == 1:  # reflected, as in PyTorch: what rounding leaves of the poles is large, not infinite
        low = x < 0.5
        ratio = math.pi / jnp.sin(jnp.asarray(math.pi, x.dtype) * jnp.where(low, x, 0.5))
        rest = zeta(jnp.full(x.shape, 2, x.dtype), jnp.where(low, 1 - x, x))
        return jnp.where(low, ratio * ratio - rest, rest)
    factor = jnp.asarray((-1) ** (n + 1) * float(math.factorial(n)), x.dtype)
    return factor * zeta(jnp.full(x.shape, n + 1, x.dtype), x)


@_wide
def xlogy(x: Any, y: Any) -> Any:
    """x log y with 0 log y = 0, nan where y is nan."""
    return _xlogy(x, y)


@jax.custom_jvp
def _xlogy(x: Any, y: Any) -> Any:
    zero = x == 0
    return jnp.where(y != y, jnp.nan, jnp.where(zero, 0, x * jnp.log(jnp.where(zero, 1, y)))).astype(x.dtype)


@_xlogy.defjvp
def _xlogy_jvp(primals: Any, tangents: Any) -> Any:
    (x, y), (tx, ty) = primals, tangents
    dead = (x == 0) & (y <= 0)
    return _xlogy(x, y), tx * jnp.where(dead, 0, jnp.log(jnp.where(dead, 1, y))) + ty * (x / y)


@_wide
def xlog1py(x: Any, y: Any) -> Any:
    """x log(1 + y) with 0 log(...) = 0, nan where y is nan."""
    return _xlog1py(x, y)


@jax.custom_jvp
def _xlog1py(x: Any, y: Any) -> Any:
    zero = x == 0
    return jnp.where(y != y, jnp.nan, jnp.where(zero, 0, x * jnp.log1p(jnp.where(zero, 0, y)))).astype(
        x.dtype
    )


@_xlog1py.defjvp
def _xlog1py_jvp(primals: Any, tangents: Any) -> Any:
    (x, y), (tx, ty) = primals, tangents
    dead = (x == 0) & (y <= -1)
    return _xlog1py(x, y), tx * jnp.where(dead, 0, jnp.log1p(jnp.where(dead, 0, y))) + ty * (x / (y + 1))


@jax.custom_jvp
def sqrt_0(x: Any) -> Any:
    """Square root whose derivative at 0 is 0 (distances and deviations)."""
    return jnp.sqrt(x)


@sqrt_0.defjvp
def _sqrt_0_jvp(primals: Any, tangents: Any) -> Any:
    y = sqrt_0(primals[0])
    zero = y == 0
    return y, jnp.where(zero, 0, tangents[0] / jnp.where(zero, 1, 2 * y)).astype(y.dtype)
