"""Fourier transforms over any axes in plain JAX."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
from jax import lax

_NORMS = (None, "backward", "forward", "ortho")


def check_norm(norm: str | None) -> None:
    """RuntimeError unless `norm` is one of PyTorch's."""
    if norm not in _NORMS:
        raise RuntimeError(f'Invalid normalization mode: "{norm}"')


def swapped(norm: str | None) -> str | None:
    """The norm of the transform in the other direction."""
    return {"forward": "backward", "ortho": "ortho"}.get(norm or "backward", "forward")


def _scale(norm: str | None, count: int, inverse: bool) -> float:
    norm = norm or "backward"
    if norm == "ortho":
        return 1 / math.sqrt(count)
    return 1 / count if inverse == (norm == "backward") else 1.0


def resized(x: Any, axes: Any, sizes: Any) -> Any:
    """`x` cut or padded with zeros at the end of each axis to the given size (None keeps it)."""
    for a, n in zip(axes, sizes):
        if n is None or n == x.shape[a]:
            continue
        if n < x.shape[a]:
            x = lax.slice_in_dim(x, 0, n, axis=a)
        else:
            x = jnp.pad(x, [(0, n - x.shape[a]) if i == a else (0, 0) for i in range(x.ndim)])
    return x


def complex_transform(x: Any, axes: tuple[int, ...], inverse: bool) -> Any:
    """Unscaled transform of complex `x` over `axes`, three at a time."""
    kind = lax.FftType.IFFT if inverse else lax.FftType.FFT
    total = 1
    for i in range(0, len(axes), 3):
        group = axes[i : i + 3]
        ends = range(x.ndim - len(group), x.ndim)
        lengths = tuple(x.shape[a] for a in group)
        total *= math.prod(lengths)
        x = jnp.moveaxis(lax.fft(jnp.moveaxis(x, group, ends), kind, lengths), ends, group)
    return x * total if inverse else x  # XLA divides the inverse


def fftn(x: Any, sizes: Any, axes: tuple[int, ...], norm: str | None, inverse: bool) -> Any:
    """Complex transform of `x`, resized to `sizes`."""
    x = resized(x.astype(jnp.result_type(x.dtype, jnp.complex64)), axes, sizes)
    count = math.prod(x.shape[a] for a in axes)
    return complex_transform(x, axes, inverse) * jnp.asarray(_scale(norm, count, inverse), x.real.dtype)


def rfftn(x: Any, sizes: Any, axes: tuple[int, ...], norm: str | None) -> Any:
    """Transform of real `x`; the last of `axes` keeps only its n // 2 + 1 different values."""
    x = resized(x, axes, sizes)
    last = axes[-1]
    count = math.prod(x.shape[a] for a in axes)
    half = lax.fft(jnp.moveaxis(x, last, -1), lax.FftType.RFFT, (x.shape[last],))
    out = complex_transform(jnp.moveaxis(half, -1, last), axes[:-1], False)
    return out * jnp.asarray(_scale(norm, count, False), x.dtype)


def irfftn(x: Any, sizes: Any, axes: tuple[int, ...], norm: str | None) -> Any:
    """Real inverse of `rfftn`; the last axis has size `2 * (n - 1)` unless given."""
    last = axes[-1]
    n = 2 * (x.shape[last] - 1) if sizes[-1] is None else sizes[-1]
    x = x.astype(jnp.result_type(x.dtype, jnp.complex64))
    x = resized(x, axes, (*sizes[:-1], n // 2 + 1))
    count = n * math.prod(x.shape[a] for a in axes[:-1])
    x = complex_transform(x, axes[:-1], True)
    out = lax.fft(jnp.moveaxis(x, last, -1), lax.FftType.IRFFT, (n,)) * n
    return jnp.moveaxis(out, -1, last) * jnp.asarray(_scale(norm, count, True), out.dtype)
