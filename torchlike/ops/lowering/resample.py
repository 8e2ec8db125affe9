"""Resampling along one axis: the weights of every mode as a small matrix, and ways to apply it.

An output element is a weighted sum of a few input elements. `matrix` lists the
weights; `apply` uses phases (shifted slices, for whole factors) where they
reproduce the matrix, and a matrix product elsewhere. Both have transposes that
need no scatter.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

F = np.float32  # PyTorch computes source positions in the tensor's own precision, float32 as a rule


def _triangle(x: np.ndarray) -> np.ndarray:
    return np.maximum(1 - np.abs(x), 0)


def _cubic(x: np.ndarray, a: float) -> np.ndarray:
    """Keys' cubic convolution kernel (IEEE Trans. ASSP 29(6), 1981)."""
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((x - 5) * x + 8) * x * a - 4 * a
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def _lanczos(x: np.ndarray) -> np.ndarray:
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)


_FILTERS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], float]] = {
    "linear": (_triangle, 1.0),
    "cubic": (functools.partial(_cubic, a=-0.5), 2.0),
    "lanczos": (_lanczos, 3.0),
}


def _step(n: int, out: int, align_corners: bool, factor: float | None, real: Any) -> Any:
    """Input elements per output element."""
    if align_corners:
        return real(n - 1) / real(out - 1) if out > 1 else real(0)
    return real(1.0 / factor) if factor else real(n) / real(out)


def _taps(
    n: int, out: int, mode: str, align_corners: bool, factor: float | None, real: Any
) -> tuple[Any, Any]:
    """(source indices, weights), each (out, taps)."""
    at = np.arange(out).astype(real)
    step = _step(n, out, align_corners, factor, real)
    half = real(0.5)
    if mode in ("nearest", "nearest-exact"):
        position = at * step if mode == "nearest" else (at + half) * step
        return np.minimum(np.floor(position).astype(np.int64), n - 1)[:, None], np.ones((out, 1))
    position = at * step if align_corners else (at + half) * step - half
    if mode == "linear":
        position = np.maximum(position, 0)
        low = np.minimum(np.floor(position).astype(np.int64), n - 1)
        share = np.clip(position - low, 0, 1)
        return np.stack([low, np.minimum(low + 1, n - 1)], 1), np.stack([1 - share, share], 1)
    low = np.floor(position).astype(np.int64)
    offsets = np.arange(-1, 3)
    weights = _cubic((position - low)[:, None] - offsets, -0.75)
    return np.clip(low[:, None] + offsets, 0, n - 1), weights


def _antialiased(n: int, out: int, mode: str, align_corners: bool, factor: float | None) -> np.ndarray:
    """Weights of the filter stretched over the input elements an output element covers."""
    kernel, reach = _FILTERS[mode]
    step = float(_step(n, out, align_corners, factor, np.float64))
    stretch = max(step, 1.0)
    result = np.zeros((out, n))
    for i in range(out):
        center = step * (i + 0.5)
        low = max(int(center - reach * stretch + 0.5), 0)
        high = min(int(center + reach * stretch + 0.5), n)
        weights = kernel((np.arange(low, high) - center + 0.5) / stretch)
        result[i, low:high] = weights / (weights.sum() or 1.0)
    return result


def _area(n: int, out: int) -> np.ndarray:
    result = np.zeros((out, n))
    for i in range(out):
        low, high = i * n // out, math.ceil((i + 1) * n / out)
        result[i, low:high] = 1 / (high - low)
    return result


def _dense(indices: np.ndarray, weights: np.ndarray, n: int) -> np.ndarray:
    result = np.zeros((len(indices), n))
    np.add.at(result, (np.arange(len(indices))[:, None], indices), weights)
    return result


@functools.lru_cache(256)
def matrix(
    n: int, out: int, mode: str, align_corners: bool, factor: float | None, antialias: bool, wide: bool
) -> np.ndarray:
    """The (out, n) weights of one axis.

    Args:
        mode: `nearest`, `nearest-exact`, `linear`, `cubic`, `lanczos` or `area`.
        factor: the scale factor the user named, None for `out / n`; wide: float64 positions.
    """
    if mode == "area":
        return _area(n, out)
    if antialias:
        return _antialiased(n, out, mode, align_corners, factor)
    return _dense(*_taps(n, out, mode, align_corners, factor, np.float64 if wide else F), n)


@functools.lru_cache(256)
def _phases(n: int, out: int, key: tuple[Any, ...]) -> tuple[tuple[tuple[int, float], ...], ...] | None:
    """For out = s * n, per phase the (shift, weight) taps, if the same ones serve all n positions."""
    if out % n or n < 8:
        return None
    weights, s = matrix(n, out, *key), out // n
    middle = n // 2
    found = []
    for phase in range(s):
        row = weights[s * middle + phase]
        (at,) = np.nonzero(row)
        found.append(tuple((int(i) - middle, float(row[i])) for i in at))
    reach = max(abs(d) for taps in found for d, _ in taps)
    rebuilt = np.zeros_like(weights)
    for i in range(n):
        for phase, taps in enumerate(found):
            for d, w in taps:
                rebuilt[s * i + phase, min(max(i + d, 0), n - 1)] += w
    return tuple(found) if reach <= 3 and np.allclose(rebuilt, weights, atol=1e-6) else None


def _slice(x: Any, axis: int, start: int, stop: int, step: int = 1) -> Any:
    return x[(slice(None),) * axis + (slice(start, stop, step),)]


@functools.lru_cache(256)
def _byte_weights(n: int, out: int, key: tuple[Any, ...]) -> tuple[np.ndarray, int]:
    """The weights as whole numbers of 2 ** -bits; the largest fits 16 bits with its sign."""
    weights, bits = matrix(n, out, *key), 0
    while bits < 22 and int(0.5 + weights.max() * (1 << (bits + 1))) < 1 << 15:
        bits += 1
    return np.trunc(weights * (1 << bits) + np.copysign(0.5, weights)).astype(np.int32), bits


def apply_bytes(x: Any, axis: int, out: int, *key: Any) -> Any:
    """`apply` to uint8 in whole numbers, rounded to bytes, as PyTorch does it."""
    weights, bits = _byte_weights(x.shape[axis], out, key)
    sums = jnp.tensordot(x.astype(jnp.int32), jnp.asarray(weights), (axis, 1))
    rounded = (sums + (1 << bits >> 1)) >> bits
    return jnp.moveaxis(jnp.clip(rounded, 0, 255), -1, axis).astype(x.dtype)


def apply(x: Any, axis: int, out: int, *key: Any) -> Any:
    """Resamples `axis` of `x` to `out` elements; `key`: the arguments of `matrix` after `out`."""
    n = x.shape[axis]
    weights = matrix(n, out, *key)
    if n == out and np.array_equal(weights, np.eye(n)):
        return x
    (first,) = np.nonzero(weights[0])
    single = key[0].startswith("nearest")
    if single and n % out == 0:  # every (n / out)-th element
        step = n // out
        regular = (
            _dense(np.arange(out)[:, None] * step + first[0], np.ones((out, 1)), n)
            if first[0] < step
            else None
        )
        if regular is not None and np.array_equal(regular, weights):
            return _slice(x, axis, int(first[0]), n, step)
    phases = _phases(n, out, key)
    if phases is not None:
        reach = max(abs(d) for taps in phases for d, _ in taps)
        widths = [(0, 0)] * x.ndim
        widths[axis] = (reach, reach)
        wide = jnp.pad(x, widths, mode="edge") if reach else x
        parts = [sum(_slice(wide, axis, reach + d, reach + d + n) * w for d, w in taps) for taps in phases]
        return jnp.stack(parts, axis + 1).reshape(*x.shape[:axis], out, *x.shape[axis + 1 :])
    table = jnp.asarray(weights, x.dtype)
    return jnp.moveaxis(jnp.tensordot(x, table, (axis, 1)), -1, axis)
