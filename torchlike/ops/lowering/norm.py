"""Standardization: the one operation inside batch, layer, group, instance and RMS normalization.

Its tangent is written by hand; what JAX derives keeps several more arrays and passes over them. The
transpose of that tangent is the usual three-term backward formula, and both are plain JAX, so
forward mode and derivatives of every order follow.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

Axes = tuple[int, ...]


def _mean(x: Any, axes: Axes) -> Any:
    return x.mean(axes, keepdims=True)


@functools.partial(jax.custom_jvp, nondiff_argnums=(2, 3))
def standardize(x: Any, eps: Any, axes: Axes, center: bool = True) -> tuple[Any, Any, Any]:
    """Shifts and scales to mean 0 and variance 1 over `axes`.

    Args:
        x: floating array.
        eps: added to the variance; an array of its own dtype, without a gradient.
        axes: what the statistics are taken over.
        center: False leaves the mean in and divides by the root of the mean square.

    Returns:
        The result, the mean, and the (biased) variance; the last two keep `axes` with size 1.
    """
    mean = _mean(x, axes) if center else jnp.zeros((), x.dtype)
    centered = x - mean if center else x
    variance = _mean(centered * centered, axes)
    return centered * lax.rsqrt(variance + eps), mean, variance


@standardize.defjvp
def _standardize_jvp(axes: Axes, center: bool, primals: Any, tangents: Any) -> Any:
    (x, eps), (dx, _) = primals, tangents
    y, mean, variance = standardize(x, eps, axes, center)
    rate = lax.rsqrt(variance + eps)
    # Scaled first: the transpose then subtracts before it scales, so what cancels does so exactly.
    scaled = dx * rate
    slope = _mean(y * scaled, axes)
    dy = (scaled - _mean(scaled, axes) if center else scaled) - y * slope
    dmean = _mean(dx, axes) if center else jnp.zeros((), x.dtype)
    return (y, mean, variance), (dy, dmean, 2 * slope / (rate * rate))


@functools.partial(jax.custom_jvp, nondiff_argnums=(4,))
def standardize_scaled(x: Any, weight: Any, bias: Any, eps: Any, axes: Axes) -> tuple[Any, Any, Any]:
    """`standardize(x)[0] * weight + bias`, mean and variance, for a weight and bias of size 1 along `axes`.

    The weight joins the scale, so the backward's two sums are the weight's and the bias's gradients.
    """
    y, mean, variance = standardize(x, eps, axes, True)
    return y * weight + bias, mean, variance


@standardize_scaled.defjvp
def _standardize_scaled_jvp(axes: Axes, primals: Any, tangents: Any) -> Any:
    (x, weight, bias, eps), (dx, dweight, dbias, _) = primals, tangents
    y, mean, variance = standardize(x, eps, axes, True)
    rate = lax.rsqrt(variance + eps)
    scaled = dx * (rate * weight)
    dout = scaled + y * (dweight - _mean(y * scaled, axes)) + (dbias - _mean(scaled, axes))
    dvariance = 2 * _mean(y * dx, axes) / rate
    return (y * weight + bias, mean, variance), (dout, _mean(dx, axes), dvariance)


def widen(x: Any) -> Any:
    """16-bit floats as float32, in which statistics are taken; other arrays as they are."""
    return x.astype(jnp.float32) if x.dtype in (jnp.float16, jnp.bfloat16) else x


def _real_like(number: Any, x: Any) -> Any:
    """A Python number, or one in double precision, in the (real) dtype of `x`."""
    return jnp.asarray(number, x.real.dtype)


def channels(parameter: Any, ndim: int) -> Any:
    """A per-channel parameter shaped to act on axis 1 of an array."""
    return widen(parameter).reshape(1, -1, *(1,) * (ndim - 2))


def affine(y: Any, weight: Any, bias: Any) -> Any:
    """`y * weight + bias`, where None leaves a factor or term out."""
    if weight is not None:
        y = y * weight
    return y if bias is None else y + bias


def normalize_last(x: Any, rank: int, weight: Any, bias: Any, eps: Any, center: bool) -> Any:
    """Standardizes each block of the last `rank` axes, scales and shifts it element by element."""
    axes = tuple(range(x.ndim - rank, x.ndim))
    x_wide = widen(x)
    y = standardize(x_wide, _real_like(eps, x_wide), axes, center)[0]
    wide = [None if p is None else widen(p) for p in (weight, bias)]
    return affine(y, *wide).astype(x.dtype)


def normalize_groups(x: Any, groups: int, weight: Any, bias: Any, eps: Any) -> Any:
    """Standardizes each sample's channels (axis 1) in `groups` blocks, then scales and shifts channels."""
    if x.size == 0:
        return x
    blocks = widen(x).reshape(x.shape[0], groups, -1)
    y = standardize(blocks, _real_like(eps, blocks), (2,), True)[0].reshape(x.shape)
    wide = [None if p is None else channels(p, x.ndim) for p in (weight, bias)]
    return affine(y, *wide).astype(x.dtype)


def normalize_channels(x: Any, weight: Any, bias: Any, eps: Any, first: int = 0) -> tuple[Any, Any, Any]:
    """Standardizes each channel (axis 1), then scales and shifts it.

    Args:
        x: (N, C, *).
        weight, bias: (C,) or None.
        eps: added to the variance.
        first: 0 takes the statistics over samples and positions, 2 over positions alone.

    Returns:
        The result, and the mean and unbiased variance, (C,) on average over samples, without gradients.
    """
    axes = (0, *range(2, x.ndim)) if first == 0 else tuple(range(2, x.ndim))
    count = math.prod(x.shape[a] for a in axes)
    wide = widen(x)
    scale = jnp.ones((), wide.dtype) if weight is None else channels(weight, x.ndim)
    shift = jnp.zeros((), wide.dtype) if bias is None else channels(bias, x.ndim)
    y, mean, variance = standardize_scaled(wide, scale, shift, _real_like(eps, wide), axes)
    unbiased = variance * (count / max(count - 1, 1))
    mean, unbiased = (lax.stop_gradient(s).reshape(-1, x.shape[1]).mean(0) for s in (mean, unbiased))
    return y.astype(x.dtype), mean, unbiased


def apply_statistics(x: Any, mean: Any, variance: Any, weight: Any, bias: Any, eps: Any) -> Any:
    """Normalizes each channel (axis 1) with given statistics, then scales and shifts it."""
    variance = channels(variance, x.ndim)
    scale = lax.rsqrt(variance + _real_like(eps, variance))
    y = (widen(x) - channels(mean, x.ndim)) * scale
    wide = [None if p is None else channels(p, x.ndim) for p in (weight, bias)]
    return affine(y, *wide).astype(x.dtype)


def blend(old: Any, new: Any, momentum: Any) -> Any:
    """`old` moved towards `new` by the fraction `momentum`, in old's dtype."""
    wide = widen(old)
    momentum = _real_like(momentum, wide)
    return ((1 - momentum) * wide + momentum * new.astype(wide.dtype)).astype(old.dtype)
