"""Attention over (..., heads, length, width) arrays; a fused kernel where the platform has one."""

from __future__ import annotations

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax


@jax.custom_jvp
def safe_softmax(scores: Any) -> Any:
    """Softmax of the last axis; rows of -inf only become 0."""
    top = scores.max(-1, keepdims=True)
    e = jnp.exp(scores - jnp.where(jnp.isneginf(top), 0, top))
    total = e.sum(-1, keepdims=True)
    return e / jnp.where(total == 0, 1, total)


@safe_softmax.defjvp
def _safe_softmax_jvp(primals: Any, tangents: Any) -> Any:
    weights = safe_softmax(primals[0])
    scaled = weights * tangents[0]
    return weights, scaled - weights * scaled.sum(-1, keepdims=True)


def _causal(rows: int, columns: int) -> Any:
    return lax.broadcasted_iota(jnp.int32, (rows, columns), 0) >= lax.broadcasted_iota(
        jnp.int32, (rows, columns), 1
    )


def _product(a: Any, b: Any) -> Any:
    """A matrix product whose 16-bit operands are summed in float32."""
    wide = jnp.float32 if a.dtype.itemsize < 4 else a.dtype
    return jnp.matmul(a, b, preferred_element_type=wide)


def attention_weights(q: Any, k: Any, mask: Any, causal: bool, scale: float) -> Any:
    """softmax(q k^T * scale + mask), `(..., L, S)`, float32 or wider."""
    scores = _product(q, jnp.swapaxes(k, -1, -2)) * scale
    if mask is not None and mask.dtype != jnp.bool_:
        scores = scores + mask
    if mask is not None and mask.dtype == jnp.bool_:
        scores = jnp.where(mask, scores, -jnp.inf)
    if causal:
        scores = jnp.where(_causal(*scores.shape[-2:]), scores, -jnp.inf)
    return jax.nn.softmax(scores) if mask is None else safe_softmax(scores)


def drop(weights: Any, keep: Any, p: Any) -> Any:
    """Attention weights with those not kept set to 0 and the rest scaled."""
    if keep is None:
        return weights
    p = jnp.asarray(p, weights.dtype)
    return jnp.where(keep, weights * jnp.where(p < 1, 1 / jnp.where(p < 1, 1 - p, 1), 0), 0)


def _plain(q: Any, k: Any, v: Any, mask: Any, keep: Any, p: Any, causal: bool, scale: float) -> Any:
    weights = drop(attention_weights(q, k, mask, causal, scale), keep, p)
    return _product(weights.astype(q.dtype), v).astype(q.dtype)


@functools.cache
def _has_gpu() -> bool:
    try:
        return bool(jax.devices("gpu"))
    except RuntimeError:
        return False


def _fits_cudnn(q: Any, k: Any, v: Any, mask: Any, keep: Any) -> bool:
    """Whether cuDNN's flash attention takes these operands."""
    shapes = (
        q.ndim == k.ndim == v.ndim == 4
        and q.shape[0] == k.shape[0] == v.shape[0]
        and k.shape[1] == v.shape[1]
    )
    widths = q.shape[-1] == v.shape[-1] and q.shape[-1] % 8 == 0 and q.shape[-1] <= 128
    return shapes and widths and keep is None and mask is None and q.dtype in (jnp.float16, jnp.bfloat16)


def _cudnn(q: Any, k: Any, v: Any, causal: bool, scale: float) -> Any:
    q, k, v = (jnp.swapaxes(x, 1, 2) for x in (q, k, v))  # (B, length, heads, width)
    out = jax.nn.dot_product_attention(q, k, v, is_causal=causal, scale=scale, implementation="cudnn")
    return jnp.swapaxes(out, 1, 2)


def attend(q: Any, k: Any, v: Any, mask: Any, keep: Any, p: Any, causal: bool, scale: float | None) -> Any:
    """Attention of `(..., H, L, E)` queries; fewer key heads each serve several query heads.

    Args:
        mask: bool or additive, broadcast to the scores; keep: dropout's mask of the weights, with `p`.
    """
    scale = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    if _has_gpu() and _fits_cudnn(q, k, v, mask, keep):
        fused = functools.partial(_cudnn, causal=causal, scale=scale)
        rest = functools.partial(_grouped, mask=None, keep=None, p=0, causal=causal, scale=scale)
        return lax.platform_dependent(q, k, v, cuda=fused, default=rest)
    return _grouped(q, k, v, mask, keep, p, causal, scale)


def _grouped(q: Any, k: Any, v: Any, mask: Any, keep: Any, p: Any, causal: bool, scale: float) -> Any:
    """Repeats key and value heads for grouped queries."""
    if q.ndim >= 3:
        heads = q.shape[-3]
        k, v = (
            x if x.ndim < 3 or x.shape[-3] in (1, heads) else jnp.repeat(x, heads // x.shape[-3], -3)
            for x in (k, v)
        )
    return _plain(q, k, v, mask, keep, p, causal, scale)
