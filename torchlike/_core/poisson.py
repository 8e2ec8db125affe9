"""Poisson counts from float64 uniforms, and uniforms drawn ahead of a count that is not known."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .mt19937 import MT19937


class Ahead:
    """float64 uniforms one at a time, drawn in blocks; `close` gives back those not used.

    Args:
        engine: the stream, two words per uniform.
        draw: `draw(n)` gives the next `n` uniforms.
    """

    def __init__(self, engine: MT19937, draw: Callable[[int], np.ndarray], block: int = 1024):
        self._engine, self._draw, self._block = engine, draw, block
        self._buffer: list[float] = []
        self._start = (*engine.get(), engine.fresh)

    def __call__(self) -> float:
        if not self._buffer:
            self._start = (*self._engine.get(), self._engine.fresh)
            self._buffer = self._draw(self._block)[::-1].tolist()
        return self._buffer.pop()

    def close(self) -> None:
        """Sets the stream to just behind the last uniform that was used."""
        if self._buffer:
            self._engine.set(*self._start)
            self._engine.words(2 * (self._block - len(self._buffer)))


def poisson(rate: float, uniform: Callable[[], float]) -> int:
    """One count: below a rate of 10 a product of uniforms (Knuth, 1969), else PTRS (Hormann, 1993)."""
    if rate == 0:
        return 0
    return _small(rate, uniform) if rate < 10 else _large(rate, uniform)


def _small(rate: float, uniform: Callable[[], float]) -> int:
    floor, product, count = math.exp(-rate), uniform(), 0
    while product > floor:
        count += 1
        product *= uniform()
    return count


def _large(rate: float, uniform: Callable[[], float]) -> int:
    b = 0.931 + 2.53 * math.sqrt(rate)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    v_r = 0.9277 - 3.6224 / (b - 2)
    log_rate = math.log(rate)
    while True:
        u, v = uniform() - 0.5, uniform()
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + rate + 0.43) if us else -1
        if us >= 0.07 and v <= v_r:
            return k
        if k < 0 or (us < 0.013 and v > us):
            continue
        squeeze = math.log(v * inverse_alpha / (a / (us * us) + b)) if v else -math.inf
        if squeeze <= -rate + k * log_rate - math.lgamma(k + 1.0):
            return k
