"""`scaled_dot_product_attention`: softmax(q k^T / sqrt(d) + mask) v."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from .._core.overrides import Overridden, has_torch_function
from .._core.registry import Array, Scalar, function, op
from .dropout import draw_keep
from .lowering.attention import attend
from .validate import broadcast, c_name, not_implemented, probability, scalar_name, shape_text

FUNCTIONAL = ("nn.functional",)
KERNELS = {"flash": True, "mem_efficient": True, "math": True, "cudnn": True}  # those that may be used
_MSG_NO_BACKEND = (
    "No viable backend for scaled_dot_product_attention was found. This is likely due to turning off both the math kernel "
    "and the fused kernels."
)


def _check(
    query: Any, key: Any, value: Any, attn_mask: Any = None, enable_gqa: bool = False, **_: Any
) -> None:
    q, k, v = query, key, value
    if not q.dtype is k.dtype is v.dtype:
        raise RuntimeError(
            f"Expected query, key, and value to have the same dtype, but got query.dtype: {c_name(q.dtype)} "
            f"key.dtype: {c_name(k.dtype)} and value.dtype: {c_name(v.dtype)} instead."
        )
    if min(q.ndim, k.ndim, v.ndim) < 2:
        raise RuntimeError(
            "Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: "
            f"{q.ndim} key.dim: {k.ndim} and value.dim: {v.ndim} instead."
        )
    if q.dtype.is_complex:
        raise not_implemented("softmax_lastdim_kernel_impl", q.dtype)
    if not q.dtype.is_floating_point:
        raise RuntimeError(f"expected scalar type Float but found {scalar_name(q.dtype)}")
    if attn_mask is not None and attn_mask.dtype.name not in ("bool", q.dtype.name, "float32"):
        raise RuntimeError(
            "Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: "
            f"{c_name(attn_mask.dtype)} and  query.dtype: {c_name(q.dtype)} instead."
        )
    if q.shape[-1] != k.shape[-1]:
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: [{math.prod(k.shape[:-2])}, "
            f"{q.shape[-1]}] "
            f"but got: [{math.prod(k.shape[:-2])}, {k.shape[-1]}]."
        )
    if k.shape[-2] != v.shape[-2]:
        raise RuntimeError(
            f"Expected key and value to have the same length, but got {k.shape[-2]} and {v.shape[-2]}"
        )
    heads = q.shape[:-2]
    if enable_gqa:
        for x in (k, v):
            if q.ndim < 3 or x.ndim < 3 or x.shape[-3] == 0 or q.shape[-3] % x.shape[-3]:
                raise RuntimeError("Number of heads in key and value must divide the number of heads in ")
    else:
        heads = broadcast(q.shape[:-2], k.shape[:-2], v.shape[:-2])
    if attn_mask is not None:
        scores = (*heads, q.shape[-2], k.shape[-2])
        wide = broadcast(scores, attn_mask.shape)
        if wide != scores:
            raise RuntimeError(
                f"output with shape {shape_text(scores)} doesn't match the broadcast shape {shape_text(wide)}"
            )


def _check_fused(query: Any, key: Any, value: Any, dropout_p: float) -> None:
    """With PyTorch's plain kernel turned off: RuntimeError unless its fused ones would take the arguments."""
    if not (KERNELS["flash"] or (query.is_cuda and (KERNELS["mem_efficient"] or KERNELS["cudnn"]))):
        raise RuntimeError(_MSG_NO_BACKEND)
    dims, widths = ([f(x) for x in (query, key, value)] for f in (lambda x: x.dim(), lambda x: x.size(-1)))
    reason = None
    if dims != [4, 4, 4]:
        reason = (
            "All fused kernels requires query, key and value to be 4 dimensional, but got Query dim: "
            "{}, Key dim: {}, Value dim: {} instead.".format(*dims)
        )
    elif dropout_p > 0:
        reason = "Both fused kernels do not support non-zero dropout."
    elif len(set(widths)) > 1:
        reason = (
            "Flash attention requires q,k,v to have the same last dimension. Got Query.size(-1): {}, Key.size(-1): {}, "
            "Value.size(-1): {} instead.".format(*widths)
        )
    if reason is not None and not query.is_cuda:
        for text in ("Flash attention kernel not used because:", reason):
            warnings.warn(text, UserWarning, stacklevel=4)
        raise RuntimeError("No available kernel.  Aborting execution.")


@op(name="scaled_dot_product_attention", spaces=(), saves=("value<query,key",), check=_check)
def _attention(
    query: Array, key: Array, value: Array, attn_mask: Array | None, keep: Array | None, dropout_p: Scalar,
    is_causal: bool, scale: float | None, enable_gqa: bool,
):  # fmt: skip
    return attend(query, key, value, attn_mask, keep, dropout_p, is_causal, scale)


@function(spaces=FUNCTIONAL)
def scaled_dot_product_attention(
    query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False,
    scale: float | None = None, enable_gqa: bool = False,
) -> Any:  # fmt: skip
    """`softmax(query @ key.T * scale + mask) @ value` (arXiv:1706.03762).

    Args:
        query: `(..., H, L, E)`; key: `(..., H, S, E)`; value: `(..., H, S, Ev)`.
        attn_mask: broadcast to `(..., H, L, S)`; bool (True: takes part) or added to the scores.
        dropout_p: share of the weights to drop.
        is_causal: position i sees the first i + 1 keys.
        scale: factor of the scores, `1 / sqrt(E)` by default.
        enable_gqa: key and value may have fewer heads, each serving several of query.

    Returns:
        `(..., H, L, Ev)`; 0 where a query may see no key.
    """
    if has_torch_function((query, key, value, attn_mask)):
        raise Overridden  # here, so that the classes see this function and not its row
    probability(dropout_p, RuntimeError)
    if not KERNELS["math"]:
        _check_fused(query, key, value, dropout_p)
    keep = None
    if dropout_p > 0:
        lead = query.shape[:-2] if enable_gqa else np.broadcast_shapes(query.shape[:-2], key.shape[:-2])
        keep = draw_keep(query, dropout_p, (*lead, query.shape[-2], key.shape[-2]))
    scale = None if scale is None else float(scale)
    return _attention(query, key, value, attn_mask, keep, dropout_p, bool(is_causal), scale, bool(enable_gqa))
