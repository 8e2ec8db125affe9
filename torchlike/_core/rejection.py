"""Gamma and binomial numbers by rejection, one at a time, from float64 uniforms and normals."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

Uniform = Callable[[], float]

# log(k!) minus Stirling's formula at k + 1, for k = 0 .. 9
_STIRLING = [
    math.lgamma(k + 1.0) - ((k + 0.5) * math.log(k + 1.0) - (k + 1.0) + 0.5 * math.log(2 * math.pi))
    for k in range(10)
]


def gamma(shape: np.floating, uniform: Uniform, normal: Uniform) -> float:
    """One gamma number of rate 1 (Marsaglia and Tsang, 2000); shapes below 1 are boosted by a power.

    Args:
        shape: in the dtype of the tensor, in which the constants are formed.
    """
    scale, one = 1.0, shape.dtype.type(1)
    if shape < 1:
        if shape == 0:
            return 0.0
        scale = (1.0 - uniform()) ** float(one / shape)
        shape = shape + one
    d = float(shape - shape.dtype.type(np.float32(1) / np.float32(3)))
    c = 1.0 / math.sqrt(9.0 * d)
    while True:
        x = normal()
        y = 1.0 + c * x
        while y <= 0:
            x = normal()
            y = 1.0 + c * x
        v, u, xx = y * y * y, 1.0 - uniform(), x * x
        if u < 1.0 - _SQUEEZE * xx * xx or math.log(u) < 0.5 * xx + d * (1.0 - v + math.log(v)):
            return scale * d * v


_SQUEEZE = float(np.float32(0.0331))


def binomial(count: float, p: float, uniform: Uniform) -> float:
    """One count of successes among `count` trials; by symmetry the rarer outcome is drawn."""
    if count <= 0 or p <= 0:
        return 0.0
    if p >= 1:
        return count
    if p <= 0.5:
        return _rare(count, p, uniform)
    return count - _rare(count, 1.0 - p, uniform) if p > 0.5 else math.nan


def _rare(count: float, p: float, uniform: Uniform) -> float:
    return _btrs(count, p, uniform) if count * p >= 10 else _by_waiting(count, p, uniform)


def _by_waiting(count: float, p: float, uniform: Uniform) -> float:
    """Geometric waiting times are added up until they pass `count` (Devroye, 1986)."""
    log_failure, waited, successes = math.log1p(-p), 0.0, 0.0
    while True:
        u = uniform()
        waited += math.ceil(math.log(u) / log_failure) if u else math.inf
        if waited > count:
            return successes
        successes += 1


def _btrs(count: float, p: float, uniform: Uniform) -> float:
    """Transformed rejection with a squeeze (Hormann, 1993)."""
    deviation = math.sqrt(count * p * (1 - p))
    b = 1.15 + 2.53 * deviation
    a = -0.0873 + 0.0248 * b + 0.01 * p
    centre, v_r, odds = count * p + 0.5, 0.92 - 4.2 / b, p / (1 - p)
    alpha, mode = (2.83 + 5.1 / b) * deviation, math.floor((count + 1) * p)
    while True:
        u, v = uniform() - 0.5, uniform()
        us = 0.5 - abs(u)
        if not us:
            continue
        k = math.floor((2 * a / us + b) * u + centre)
        if k < 0 or k > count:
            continue
        if us >= 0.07 and v <= v_r:
            return float(k)
        bound = (
            (mode + 0.5) * math.log((mode + 1) / (odds * (count - mode + 1)))
            + (count + 1) * math.log((count - mode + 1) / (count - k + 1))
            + (k + 0.5) * math.log(odds * (count - k + 1) / (k + 1))
            + _tail(mode)
            + _tail(count - mode)
            - _tail(k)
            - _tail(count - k)
        )
        v = v * alpha / (a / (us * us) + b)
        if v == 0 or math.log(v) <= bound:
            return float(k)


def _tail(k: float) -> float:
    """What Stirling's formula for log(k!) leaves out."""
    if k < len(_STIRLING) and k == int(k):
        return _STIRLING[int(k)]
    square = (k + 1) * (k + 1)
    return (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (k + 1)
