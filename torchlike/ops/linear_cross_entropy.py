"""The cross entropy of a linear map; in chunks of the batch, whose logits are never all there at once."""

from __future__ import annotations

import math
import warnings
from typing import Any

import jax
import jax.numpy as jnp

from .._core.registry import Array, function, namespace, op
from .classification import _class_loss, _class_nll, _guarded, check_class_indices
from .linear import _check_linear
from .reduce_loss import check_reduction

FUNCTIONAL = ("nn.functional",)


def _check_chunked(
    input: Any, linear_weight: Any, target: Any, linear_bias: Any, weight: Any, reduction: str, **_: Any
) -> None:
    check_reduction(reduction)
    _check_linear(input, linear_weight, linear_bias)
    logits = type("Logits", (), {
        "shape": (input.shape[0], linear_weight.shape[0]), "ndim": 2, "dtype": input.dtype,
    })  # fmt: skip
    check_class_indices(logits, target, weight, "log_softmax_lastdim_kernel_impl")


@op(spaces=(), name="linear_cross_entropy", saves=("input", "linear_weight"), check=_check_chunked)
def _chunked(
    input: Array, linear_weight: Array, target: Array, linear_bias: Array | None, weight: Array | None, reduction: str,
    ignore_index: int, chunk: int,
):  # fmt: skip
    """The loss of `(N, in)` rows, `chunk` at a time; backward computes a chunk's logits once more."""
    n, classes = input.shape[0], linear_weight.shape[0]
    wide = jnp.promote_types(input.dtype, jnp.float32)
    safe, counts = _guarded(target, classes, ignore_index)
    chunks = -(-n // chunk)

    @jax.checkpoint
    def losses(rows: Any) -> Any:
        x, t = rows  # (chunk, in), (chunk,)
        logits = jnp.matmul(x, linear_weight.T, preferred_element_type=wide)
        if linear_bias is not None:
            logits = logits + linear_bias.astype(wide)
        return _class_nll(logits, t, 1)

    def cut(x: Any) -> Any:
        padded = jnp.pad(x, ((0, chunks * chunk - n), *[(0, 0)] * (x.ndim - 1)))
        return padded.reshape(chunks, chunk, *x.shape[1:])

    values = jax.lax.map(losses, (cut(input), cut(safe))).reshape(-1)[:n]
    return _class_loss(values, safe, counts, weight, reduction).astype(input.dtype)


def _check_shapes(input: Any, linear_weight: Any, linear_bias: Any) -> None:
    if not 1 <= input.dim() <= 2:
        raise RuntimeError(f"expected input with dimensionality 1 or 2, got {input.dim()}")
    if linear_weight.dim() < 2:
        raise RuntimeError(
            f"expected linear_weight with dimensionality at least 2, got {linear_weight.dim()}"
        )
    if input.shape[-1] != linear_weight.shape[-1]:
        raise RuntimeError(
            f"expected equal input and linear_weight last dimensions (in_features), got {input.shape[-1]} and "
            f"{linear_weight.shape[-1]}, respectively"
        )
    classes = tuple(linear_weight.shape[:-1])
    if linear_bias is not None and tuple(linear_bias.shape) != classes:
        raise RuntimeError(f"expected linear_bias shape {classes}, got {tuple(linear_bias.shape)}")
    if len(classes) > 1 and input.dim() == 1:
        raise RuntimeError(
            f"K-dimensional loss defined by linear_weight shape {tuple(linear_weight.shape)} requires batched input, (N, "
            f"{input.shape[-1]}), got unbatched input with shape {tuple(input.shape)}"
        )


@function(spaces=FUNCTIONAL)
def linear_cross_entropy(
    input: Any, linear_weight: Any, target: Any, *, linear_bias: Any = None, weight: Any = None, reduction: str = "mean",
    ignore_index: int | None = None, label_smoothing: float = 0.0, options: Any = None,
) -> Any:  # fmt: skip
    """`cross_entropy(linear(input, linear_weight, linear_bias), target, ...)`.

    Args:
        input: `(in,)` or `(N, in)`.
        linear_weight: `(C, in)`, or `(C, d1, ..., in)` for a loss per further dimension.
        target: class indices, `()`, `(N,)` or `(N, d1, ...)`, int64; or probabilities of the logits' shape.
        linear_bias: the weight's shape without `in`.
        weight, reduction, label_smoothing: as `cross_entropy`.
        ignore_index: as `cross_entropy`; None is -100.
        options: a `LinearCrossEntropyOptions`: the loss is computed in chunks of the batch, so that the logits of one
            chunk only are in memory.

    Raises:
        RuntimeError: shapes that do not fit; `ignore_index` with probabilities.
    """
    _check_shapes(input, linear_weight, linear_bias)
    features, classes = input.shape[-1], tuple(linear_weight.shape[:-1])
    shape = (*input.shape[:-1], *classes)
    if tuple(target.shape) == shape and ignore_index is not None:
        raise RuntimeError("ignore_index cannot be specified when target contains probabilities")
    ignore = -100 if ignore_index is None else ignore_index
    if options is not None:
        plain = len(classes) == 1 and label_smoothing == 0.0 and target.dtype.name == "int64"
        if plain and reduction in ("mean", "sum", "none"):
            rows = input if input.dim() == 2 else input.unsqueeze(0)
            chunk = options.chunk_size(rows.shape[0], features, classes[0], input.dtype, input.device)
            marks = target if input.dim() == 2 else target.unsqueeze(0)
            out = _chunked(rows, linear_weight, marks, linear_bias, weight, reduction, ignore, chunk)
            return out if input.dim() == 2 or reduction != "none" else out.squeeze(0)
        _warn_unchunked(reduction, label_smoothing, target, classes[1:], linear_bias)
    if len(classes) > 1:
        size = math.prod(classes)
        linear_weight = linear_weight.reshape(size, features)
        linear_bias = None if linear_bias is None else linear_bias.reshape(size)
    known = namespace("nn.functional")
    logits = known["linear"](input, linear_weight, linear_bias).reshape(shape)
    return known["cross_entropy"](
        logits,
        target,
        weight=weight,
        reduction=reduction,
        ignore_index=ignore,
        label_smoothing=label_smoothing,
    )


def _warn_unchunked(reduction: str, smoothing: float, target: Any, features: Any, bias: Any) -> None:
    warnings.warn(
        "linear_cross_entropy: ``options`` ignored; chunked path needs reduction in {'mean','sum','none'}, "
        f"label_smoothing == 0, target.dtype == int64, out_features == (). Got reduction={reduction!r}, "
        f"label_smoothing={smoothing}, target.dtype={target.dtype}, out_features={features}, tracing=False, "
        f"linear_bias.shape={None if bias is None else tuple(bias.shape)}.",
        stacklevel=3,
    )
