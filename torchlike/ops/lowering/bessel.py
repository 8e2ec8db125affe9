"""Bessel and Airy functions from their integrals and series, computed in float64.

Integrals of periodic or doubly exponentially decaying integrands converge faster than any power of
the step under the trapezoidal rule, so a few dozen nodes reach full precision. Formulas: Abramowitz and
Stegun, chapters 9 and 10, by number below.
"""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np

_GAMMA = 0.5772156649015329
_NODES = 80  # over (0, pi), a midpoint rule; by symmetry half of them are evaluated
_BREAK = 25.0  # from here on the asymptotic series are exact to e^-50
_THETA = (np.arange(_NODES // 2) + 0.5) * (math.pi / _NODES)
_SINE = np.sin(_THETA)


def _double(fn: Any) -> Any:
    """Computes in float64, returns the input's dtype."""

    def run(x: Any) -> Any:
        return fn(x.astype(jnp.float64)).astype(x.dtype)

    run.__doc__ = fn.__doc__
    return run


def _mean_of(values: Any, weights: np.ndarray) -> Any:
    """`(1/pi) * integral over (0, pi)` of values (last axis: nodes) times weights."""
    return (values * weights).sum(-1) * (2 / _NODES)


def _waves(x: Any) -> tuple[Any, Any]:
    phase = x[..., None] * _SINE
    return jnp.cos(phase), jnp.sin(phase)


def _hankel(x: Any, order: int) -> tuple[Any, Any]:
    """`(J, Y)` of the order by 9.2.5 and 9.2.6, for x >= 25."""
    mu = 4 * order * order
    p, q, term = jnp.ones_like(x), jnp.zeros_like(x), jnp.ones_like(x)
    for k in range(1, 24):
        term = term * ((mu - (2 * k - 1) ** 2) / (8 * k)) / x
        sign = -1 if k % 4 in (2, 3) else 1
        p, q = (p + sign * term, q) if k % 2 == 0 else (p, q + sign * term)
    chi = x - (0.5 * order + 0.25) * math.pi
    scale = jnp.sqrt(2 / (math.pi * x))
    return scale * (p * jnp.cos(chi) - q * jnp.sin(chi)), scale * (p * jnp.sin(chi) + q * jnp.cos(chi))


def _split(x: Any) -> tuple[Any, Any, Any]:
    """|x|, and safe arguments below and above the break."""
    a = jnp.abs(x)
    return a, jnp.minimum(a, _BREAK), jnp.maximum(a, _BREAK)


@_double
def j0(x: Any) -> Any:
    """Bessel function of the first kind, order 0 (9.1.18)."""
    a, low, high = _split(x)
    return jnp.where(a < _BREAK, _mean_of(_waves(low)[0], np.ones_like(_SINE)), _hankel(high, 0)[0])


@_double
def j1(x: Any) -> Any:
    """Bessel function of the first kind, order 1 (9.1.21)."""
    a, low, high = _split(x)
    return jnp.sign(x) * jnp.where(a < _BREAK, _mean_of(_waves(low)[1], _SINE), _hankel(high, 1)[0])


def _neumann_weights(order: int) -> np.ndarray:
    """Node weights of the Neumann series in 9.1.88."""
    k = np.arange(1, 36)
    coefficient = (-1.0) ** k * (order + 2 * k) / (k * (order + k))
    wave = np.cos if order == 0 else np.sin
    return (coefficient[:, None] * wave((order + 2 * k)[:, None] * _THETA)).sum(0)


def _outside(x: Any, y: Any) -> Any:
    """-inf at 0, nan below."""
    return jnp.where(x > 0, y, jnp.where(x == 0, -jnp.inf, jnp.nan))


@_double
def y0(x: Any) -> Any:
    """Bessel function of the second kind, order 0 (9.1.88)."""
    a, low, high = _split(jnp.where(x > 0, x, 1))
    c, _ = _waves(low)
    j = _mean_of(c, np.ones_like(_SINE))
    small = (2 / math.pi) * ((jnp.log(low / 2) + _GAMMA) * j - _mean_of(c, _neumann_weights(0)))
    return _outside(x, jnp.where(a < _BREAK, small, _hankel(high, 0)[1]))


@_double
def y1(x: Any) -> Any:
    """Bessel function of the second kind, order 1 (9.1.88)."""
    a, low, high = _split(jnp.where(x > 0, x, 1))
    c, s = _waves(low)
    zero, one = _mean_of(c, np.ones_like(_SINE)), _mean_of(s, _SINE)
    small = (2 / math.pi) * (
        (jnp.log(low / 2) + _GAMMA - 1) * one - zero / low - _mean_of(s, _neumann_weights(1))
    )
    return _outside(x, jnp.where(a < _BREAK, small, _hankel(high, 1)[1]))


# ---- modified functions of the second kind ---------------------------------------------------------


def _decaying(x: Any, order: float) -> Any:
    """`e^x K(x)` of the order by 9.6.24, for x >= 1."""
    u = np.arange(0, 20) * 0.5
    root = jnp.sqrt(x)[..., None]
    t = u / root
    weights = np.where(u == 0, 0.5, 1.0) * 0.5
    grow = jnp.exp(-2 * (root * jnp.sinh(t / 2)) ** 2) * jnp.cosh(order * t)
    return (grow * weights).sum(-1) / root[..., 0]


def _k_small(x: Any, order: int) -> Any:
    """K(x) of order 0 or 1 by 9.6.11, for x <= 2."""
    q = x * x / 4
    i_sum, k_sum, term = jnp.zeros_like(x), jnp.zeros_like(x), jnp.ones_like(x)
    harmonic = 0.0
    for k in range(20):
        psi = 2 * (harmonic - _GAMMA) + (1 / (k + 1) if order else 0.0)
        i_sum, k_sum = i_sum + term, k_sum + term * psi
        term = term * q / ((k + 1) * (k + 1 + order))
        harmonic += 1 / (k + 1)
    if order == 0:
        return -jnp.log(x / 2) * i_sum + k_sum / 2
    return 1 / x + jnp.log(x / 2) * (x / 2) * i_sum - (x / 4) * k_sum


def _k(order: int, scaled: bool) -> Any:
    @_double
    def run(x: Any) -> Any:
        low, high = jnp.clip(x, 1e-300, 2.0), jnp.maximum(x, 2.0)
        small, large = _k_small(low, order), _decaying(high, order)
        small, large = (small * jnp.exp(low), large) if scaled else (small, large * jnp.exp(-high))
        return jnp.where(x > 0, jnp.where(x <= 2, small, large), jnp.where(x == 0, jnp.inf, jnp.nan))

    return run


k0, k1, k0e, k1e = _k(0, False), _k(1, False), _k(0, True), _k(1, True)

# ---- Airy -----------------------------------------------------------------------------------------------
_AI_0, _AI_SLOPE = 0.35502805388781724, 0.25881940379280680  # Ai(0), -Ai'(0): 10.4.4, 10.4.5


def _airy_series(x: Any) -> Any:
    """10.4.2, for -7 <= x <= 2."""
    cube = x**3
    f = g = jnp.zeros_like(x)
    a, b = jnp.ones_like(x), x
    for k in range(45):
        f, g = f + a, g + b
        a = a * cube / ((3 * k + 2) * (3 * k + 3))
        b = b * cube / ((3 * k + 3) * (3 * k + 4))
    return _AI_0 * f - _AI_SLOPE * g


def _airy_waves(z: Any) -> Any:
    """Ai(-z) by 10.4.60, for z >= 7."""
    zeta = (2 / 3) * z**1.5
    even, odd, term = jnp.ones_like(z), jnp.zeros_like(z), jnp.ones_like(z)
    for k in range(1, 16):
        term = term * ((6 * k - 5) * (6 * k - 3) * (6 * k - 1) / (216 * k * (2 * k - 1))) / zeta
        sign = -1 if k % 4 in (2, 3) else 1
        even, odd = (even + sign * term, odd) if k % 2 == 0 else (even, odd + sign * term)
    angle = zeta + math.pi / 4
    return (jnp.sin(angle) * even - jnp.cos(angle) * odd) / (math.sqrt(math.pi) * z**0.25)


@_double
def airy(x: Any) -> Any:
    """Airy function Ai; through K of order 1/3 for x > 2 (10.4.14)."""
    high = jnp.maximum(x, 2.0)
    zeta = (2 / 3) * high**1.5
    falling = jnp.sqrt(high / 3) / math.pi * _decaying(zeta, 1 / 3) * jnp.exp(-zeta)
    middle = _airy_series(jnp.clip(x, -7.0, 2.0))
    waves = _airy_waves(jnp.maximum(-x, 7.0))
    return jnp.where(x > 2, falling, jnp.where(x >= -7, middle, jnp.where(x != x, jnp.nan, waves)))
