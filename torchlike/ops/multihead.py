"""`multi_head_attention_forward`: projections, attention and output projection as one row."""

from __future__ import annotations

import math
import warnings
from typing import Any, cast

import jax
import jax.numpy as jnp

from .._core.registry import Array, Scalar, function, op
from .dropout import draw_keep
from .lowering.attention import attend, attention_weights, drop
from .validate import size_text

_MSG_CAUSAL = (
    "Need attn_mask if specifying the is_causal hint. You may use the Transformer module method "
    "`generate_square_subsequent_mask` to create this mask."
)


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(message)


def _check_ranks(query: Any, key: Any, value: Any, padding: Any, mask: Any, num_heads: int) -> None:
    if query.ndim not in (2, 3):
        raise AssertionError(
            f"query should be unbatched 2D or batched 3D tensor but received {query.ndim}-D query tensor"
        )
    batched = query.ndim == 3
    start = "For batched (3-D) `query`" if batched else "For unbatched (2-D) `query`"
    n = query.ndim
    _require(
        key.ndim == value.ndim == n,
        f"{start}, expected `key` and `value` to be {n}-D but found {key.ndim}-D and {value.ndim}-D tensors "
        "respectively",
    )
    if padding is not None:
        _require(
            padding.ndim == n - 1,
            f"{start}, expected `key_padding_mask` to be `None` or {n - 1}-D but found {padding.ndim}-D "
            "tensor instead",
        )
    if mask is not None:
        _require(
            mask.ndim in (2, 3),
            f"{start}, expected `attn_mask` to be `None`, 2-D or 3-D but found {mask.ndim}-D tensor instead",
        )
        if not batched and mask.ndim == 3:
            want = (num_heads, query.shape[0], key.shape[0])
            _require(
                mask.shape == want, f"Expected `attn_mask` shape to be {want} but got {size_text(mask.shape)}"
            )


def _check_masks(padding: Any, mask: Any, batch: int, rows: int, columns: int, num_heads: int) -> None:
    for x, name in ((padding, "key_padding_mask"), (mask, "attn_mask")):
        _require(
            x is None or x.dtype.name == "bool" or x.dtype.is_floating_point,
            f"only bool and floating types of {name} are supported",
        )
    if padding is not None and mask is not None and padding.dtype is not mask.dtype:
        warnings.warn(
            "Support for mismatched key_padding_mask and attn_mask is deprecated. Use same type for both "
            "instead.",
            stacklevel=5,
        )
    if padding is not None:
        have = padding.shape if padding.ndim == 2 else (1, *padding.shape)
        _require(have[0] == batch, f"Expected key_padded_mask.shape[0] to be {batch}, but got {have[0]}")
        _require(have[1] == columns, f"Expected key_padded_mask.shape[1] to be {columns}, but got {have[1]}")
    if mask is not None:
        want = (rows, columns) if mask.ndim == 2 else (batch * num_heads, rows, columns)
        if mask.shape != want:
            raise RuntimeError(
                f"The shape of the {mask.ndim}D attn_mask is {size_text(mask.shape)}, but should be {want}."
            )


def _check(
    query: Any, key: Any, value: Any, in_proj_weight: Any, q_proj_weight: Any, k_proj_weight: Any,
    v_proj_weight: Any,
    bias_k: Any, bias_v: Any, static_k: Any, static_v: Any, key_padding_mask: Any, attn_mask: Any,
    embed_dim: int,
    num_heads: int, is_causal: bool, **_: Any,
) -> None:  # fmt: skip
    _check_ranks(query, key, value, key_padding_mask, attn_mask, num_heads)
    if is_causal and attn_mask is None:
        raise RuntimeError(_MSG_CAUSAL)
    width = query.shape[-1]
    _require(width == embed_dim, f"was expecting embedding dimension of {embed_dim}, but got {width}")
    _require(width % num_heads == 0, f"embed_dim {width} not divisible by num_heads {num_heads}")
    if in_proj_weight is None:
        _require(
            key.shape[:-1] == value.shape[:-1],
            f"key's sequence and batch dims {size_text(key.shape[:-1])} do not match value's "
            f"{size_text(value.shape[:-1])}",
        )
        for w, name in ((q_proj_weight, "q"), (k_proj_weight, "k"), (v_proj_weight, "v")):
            _require(w is not None, f"use_separate_proj_weight is True but {name}_proj_weight is None")
    else:
        _require(
            key.shape == value.shape,
            f"key shape {size_text(key.shape)} does not match value shape {size_text(value.shape)}",
        )
    batch = query.shape[1] if query.ndim == 3 else 1
    columns = key.shape[0]
    for fixed, name in ((static_k, "static_k"), (static_v, "static_v")):
        if fixed is not None:
            _require(bias_k is None and bias_v is None, f"bias cannot be added to {name}.")
            have, want = fixed.shape, (batch * num_heads, width // num_heads)
            _require(have[0] == want[0], f"expecting {name}.size(0) of {want[0]}, but got {have[0]}")
            _require(have[2] == want[1], f"expecting {name}.size(2) of {want[1]}, but got {have[2]}")
    _check_masks(key_padding_mask, attn_mask, batch, query.shape[0], columns, num_heads)


def _project(x: Any, weight: Any, bias: Any) -> Any:
    out = x.reshape(-1, x.shape[-1]) @ weight.T
    out = out if bias is None else out + bias
    return out.reshape(*x.shape[:-1], weight.shape[0])


def _in_projection(q: Any, k: Any, v: Any, weight: Any, bias: Any, separate: Any, same: str) -> Any:
    """Query, key and value after their projections, with one GEMM where operands are shared."""
    if weight is None:
        biases = (None, None, None) if bias is None else jnp.split(bias, 3)
        return tuple(_project(x, w, b) for x, w, b in zip((q, k, v), separate, biases))
    width = q.shape[-1]
    if same == "all":
        return jnp.split(_project(q, weight, bias), 3, -1)
    query = _project(q, weight[:width], None if bias is None else bias[:width])
    if same == "kv":
        pair = _project(k, weight[width:], None if bias is None else bias[width:])
        return query, *jnp.split(pair, 2, -1)
    rest = [slice(width, 2 * width), slice(2 * width, None)]
    return query, *(_project(x, weight[s], None if bias is None else bias[s]) for x, s in zip((k, v), rest))


def _merged_mask(padding: Any, mask: Any, batch: int, heads: int, extra: int, dtype: Any) -> Any:
    """Both masks, and `extra` columns that are never masked, as one additive or allowing mask."""
    if padding is not None:
        padding = padding.reshape(batch, 1, 1, -1)
    if mask is not None and mask.ndim == 3:
        mask = mask.reshape(batch, heads, *mask.shape[1:])
    parts = [m for m in (padding, mask) if m is not None]
    if not parts:
        return None
    if extra:
        parts = [jnp.pad(m, [(0, 0)] * (m.ndim - 1) + [(0, extra)]) for m in parts]
    if all(m.dtype == jnp.bool_ for m in parts):
        return ~(parts[0] | parts[-1])
    added = [jnp.where(m, -jnp.inf, 0).astype(dtype) if m.dtype == jnp.bool_ else m for m in parts]
    return added[0] if len(added) == 1 else added[0] + added[1]


@op(
    name="multi_head_attention",
    spaces=(),
    saves=(
        "query<in_proj_weight",
        "key<in_proj_weight",
        "value<in_proj_weight",
        "in_proj_weight<query,key,value",
        "out_weight<query,key,value,in_proj_weight",
    ),
    check=_check,
)
def _multihead(
    query: Array, key: Array, value: Array, in_proj_weight: Array | None, in_proj_bias: Array | None,
    q_proj_weight: Array | None, k_proj_weight: Array | None, v_proj_weight: Array | None,
    bias_k: Array | None,
    bias_v: Array | None, static_k: Array | None, static_v: Array | None, out_weight: Array,
    out_bias: Array | None,
    key_padding_mask: Array | None, attn_mask: Array | None, keep: Array | None, dropout_p: Scalar,
    embed_dim: int,
    num_heads: int, add_zero_attn: bool, same: str, is_causal: bool, need_weights: bool, average: bool,
):  # fmt: skip
    batched = query.ndim == 3
    if not batched:
        query, key, value = query[:, None], key[:, None], value[:, None]
    length, batch, width = query.shape
    separate = (q_proj_weight, k_proj_weight, v_proj_weight)
    q, k, v = _in_projection(query, key, value, in_proj_weight, in_proj_bias, separate, same)
    extra = 0
    if bias_k is not None:
        k = jnp.concatenate([k, jnp.broadcast_to(bias_k, (1, batch, width))])
        v = jnp.concatenate([v, jnp.broadcast_to(cast(Any, bias_v), (1, batch, width))])
        extra += 1

    def heads(x: Any) -> Any:  # (length, N, E) -> (N, H, length, D)
        return x.reshape(x.shape[0], batch, num_heads, -1).transpose(1, 2, 0, 3)

    q = heads(q)
    k = heads(k) if static_k is None else static_k.reshape(batch, num_heads, *static_k.shape[1:])
    v = heads(v) if static_v is None else static_v.reshape(batch, num_heads, *static_v.shape[1:])
    if add_zero_attn:
        k, v = (jnp.pad(x, ((0, 0), (0, 0), (0, 1), (0, 0))) for x in (k, v))
        extra += 1
    causal = is_causal and key_padding_mask is None and not need_weights
    mask = None if causal else _merged_mask(key_padding_mask, attn_mask, batch, num_heads, extra, q.dtype)
    weights = None
    if need_weights:
        scale = 1 / math.sqrt(q.shape[-1])
        if mask is None:
            weights = attention_weights(q, k, None, False, scale)
        else:
            if mask.dtype == jnp.bool_:
                mask = jnp.where(mask, 0, -jnp.inf).astype(q.dtype)
            weights = jax.nn.softmax(jnp.matmul(q, jnp.swapaxes(k, -1, -2)) * scale + mask)
        weights = drop(weights, keep, dropout_p).astype(q.dtype)
        out = weights @ v
        weights = weights.mean(1) if average else weights
        weights = weights if batched else weights[0]
    else:
        out = attend(q, k, v, mask, keep, dropout_p, causal, None)
    out = out.transpose(2, 0, 1, 3).reshape(length, batch, width)
    out = _project(out, out_weight, out_bias)
    out = out if batched else out[:, 0]
    return (out, weights) if need_weights else out


def _sameness(query: Any, key: Any, value: Any) -> str:
    if key is value:
        return "all" if query is key else "kv"
    return "none"


@function(spaces=("nn.functional",))
def multi_head_attention_forward(
    query: Any, key: Any, value: Any, embed_dim_to_check: int, num_heads: int, in_proj_weight: Any,
    in_proj_bias: Any,
    bias_k: Any, bias_v: Any, add_zero_attn: bool, dropout_p: float, out_proj_weight: Any, out_proj_bias: Any,
    training: bool = True, key_padding_mask: Any = None, need_weights: bool = True, attn_mask: Any = None,
    use_separate_proj_weight: bool = False, q_proj_weight: Any = None, k_proj_weight: Any = None,
    v_proj_weight: Any = None, static_k: Any = None, static_v: Any = None, average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Any, Any]:  # fmt: skip
    """The forward pass of `torch.nn.MultiheadAttention` (arXiv:1706.03762).

    Args:
        query: `(L, N, E)` or `(L, E)`; key, value: `(S, N, E)` or `(S, E)`.
        in_proj_weight: `(3 * E, E)`, unless `use_separate_proj_weight` (then q_, k_ and v_proj_weight).
        bias_k, bias_v: one more key and value, `(1, 1, E)`; add_zero_attn: one more of zeros.
        key_padding_mask: `(N, S)` or `(S,)`; bool (True: ignored) or added to the scores.
        attn_mask: `(L, S)` or `(N * num_heads, L, S)`, of the same kinds.
        static_k, static_v: `(N * num_heads, S, E / num_heads)`, in place of the projected key and value.
        is_causal: hint that `attn_mask` is the causal mask.

    Returns:
        The output, shaped as `query`, and the weights `(N, L, S)` - `(N, num_heads, L, S)` without
        `average_attn_weights`, None without `need_weights`.

    Raises:
        AssertionError: shapes do not fit; RuntimeError: `attn_mask` has the wrong shape, or is missing.
    """
    keep = None
    if training and dropout_p > 0:
        columns = (key if static_k is None else static_k).shape[0 if static_k is None else 1]
        columns += (bias_k is not None) + bool(add_zero_attn)
        batch = query.shape[1] if query.dim() == 3 else 1
        keep = draw_keep(query, dropout_p, (batch, num_heads, query.shape[0], columns))
    weight = None if use_separate_proj_weight else in_proj_weight
    separate = (
        (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else (None, None, None)
    )
    result = _multihead(
        query, key, value, weight, in_proj_bias, *separate, bias_k, bias_v, static_k, static_v,
        out_proj_weight,
        out_proj_bias, key_padding_mask, attn_mask, keep, float(dropout_p), int(embed_dim_to_check),
        int(num_heads),
        bool(add_zero_attn), _sameness(query, key, value), bool(is_causal), bool(need_weights),
        bool(average_attn_weights),
    )  # fmt: skip
    return result if need_weights else (result, None)
