"""Element-wise losses: regression, probabilities and counts (`torch.nn.functional.mse_loss`, ...)."""

from __future__ import annotations

import math
import warnings
from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy.special import xlogy

from .._core.checks import guard
from .._core.dtypes import FLOAT, get_default_dtype, result_type
from .._core.orders import as_operands
from .._core.registry import COMPLEX_TO_FLOAT, DEFAULT, INT_TO_FLOAT, Array, Float, Operand, op
from .looks import Looked, numbers
from .lowering.norms import magnitude
from .reduce_loss import check_mean_dtype, check_reduction, reduce_loss, reduction_name
from .validate import (
    MSG_NEG_BOOL,
    broadcast,
    c_name,
    kernel,
    no_gradient_for,
    not_bool_difference,
    not_implemented,
    scalar_name,
    shape_text,
    size_text,
)

FUNCTIONAL = ("nn.functional",)


def _warn_broadcast(input: Any, target: Any) -> None:
    if input.shape != target.shape:
        warnings.warn(
            f"Using a target size ({size_text(target.shape)}) that is different to the input size "
            f"({size_text(input.shape)}). This will likely lead to incorrect results due to broadcasting. "
            "Please ensure they have the same size.",
            stacklevel=4,
        )
    broadcast(input.shape, target.shape)


def _checked(kernel: str = "") -> Any:
    """A check for losses of two tensors: reduction, sizes, dtype."""

    def check(input: Any, target: Any, weight: Any = None, **params: Any) -> None:
        check_reduction(**params)
        _warn_broadcast(input, target)
        if weight is not None and weight.shape != input.shape:
            raise ValueError("Weights and input must have the same size.")
        if kernel and max(input.dtype.category, target.dtype.category) != FLOAT:
            raise not_implemented(kernel, result_type([input, target]))
        if max(input.dtype.category, target.dtype.category) < FLOAT:
            not_bool_difference(input, target)
            name = reduction_name(params.get("size_average"), params.get("reduce"), params["reduction"])
            check_mean_dtype(input.dtype, name)

    return check


def _weighted(loss: Any, weight: Any, size_average: Any, reduce: Any, reduction: str) -> Any:
    """Reduction with element weights; the mean divides by their sum."""
    if weight is None:
        return reduce_loss(loss, size_average, reduce, reduction)
    if reduction_name(size_average, reduce, reduction) == "mean":
        return (loss * weight).sum() / weight.sum()
    return reduce_loss(loss * weight, size_average, reduce, reduction)


@op(promote=DEFAULT, spaces=FUNCTIONAL, saves=("input", "target"), check=_checked("mse_cpu"))
def mse_loss(
    input: Array, target: Array, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", weight: Array | None = None,
):  # fmt: skip
    """`(input - target) ** 2`, reduced; the weighted mean divides by the sum of the weights."""
    gap = input - target
    return _weighted(gap * gap, weight, size_average, reduce, reduction)


@op(promote=COMPLEX_TO_FLOAT, spaces=FUNCTIONAL, saves=(), check=_checked())
def l1_loss(
    input: Array, target: Array, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", weight: Array | None = None,
):  # fmt: skip
    """`|input - target|`, reduced; the derivative at equality is 0."""
    return _weighted(magnitude(input - target), weight, size_average, reduce, reduction)


def _refuse_beta(beta: float) -> Exception | None:
    return None if beta >= 0 else RuntimeError("smooth_l1_loss does not support negative values for beta.")


def _refuse_delta(delta: float) -> Exception | None:
    return None if delta > 0 else RuntimeError("huber_loss does not support non-positive values for delta.")


@op(
    promote=DEFAULT,
    spaces=FUNCTIONAL,
    saves=("input", "target"),
    check=_checked("smooth_l1_cpu"),
    row=Looked,
    look=numbers(_refuse_beta, (5, 1.0)),
)
def smooth_l1_loss(
    input: Array, target: Array, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", beta: Float = 1.0,
):  # fmt: skip
    """`0.5 * d ** 2 / beta` where `d = |input - target| < beta`, else `d - 0.5 * beta` (arXiv:1504.08083)."""
    d = magnitude(input - target)
    beta = jnp.asarray(beta, d.dtype)
    near = jnp.where(d < beta, d, 0)  # never where beta is 0
    loss = jnp.where(d < beta, 0.5 * near * near / jnp.where(beta == 0, 1, beta), d - 0.5 * beta)
    return reduce_loss(loss, size_average, reduce, reduction)


@op(
    spaces=FUNCTIONAL,
    saves=("input", "target"),
    check=_checked("huber_cpu"),
    layout=as_operands,
    in_full=True,
    row=Looked,
    look=numbers(_refuse_delta, (3, 1.0)),
)
def huber_loss(
    input: Array, target: Array, reduction: str = "mean", delta: Float = 1.0, weight: Array | None = None
):
    """`0.5 * d ** 2` where `d = |input - target| < delta`, else `delta * (d - 0.5 * delta)`."""
    d = magnitude(input - target.astype(jnp.promote_types(input.dtype, target.dtype)))
    delta = jnp.asarray(delta, d.dtype)
    near = jnp.where(d < delta, d, 0)
    loss = jnp.where(d < delta, 0.5 * near * near, delta * (d - 0.5 * delta))
    result = input.dtype if jnp.issubdtype(input.dtype, jnp.floating) else target.dtype
    return _weighted(loss, weight, None, None, reduction).astype(result)


def _check_bce(
    input: Any, target: Any, weight: Any = None, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean", **_: Any,
) -> None:  # fmt: skip
    check_reduction(reduction, size_average, reduce)
    if input.shape != target.shape:
        raise ValueError(
            f"Using a target size ({size_text(target.shape)}) that is different to the input size "
            f"({size_text(input.shape)}) is deprecated. Please ensure they have the same size."
        )
    if not input.dtype.is_floating_point:
        raise not_implemented("binary_cross_entropy", input.dtype)
    if target.dtype is not input.dtype:
        raise RuntimeError(f"Found dtype {scalar_name(target.dtype)} but expected {scalar_name(input.dtype)}")
    if weight is not None:
        for i, (have, want) in enumerate(zip(weight.shape[::-1], input.shape[::-1]), 1):
            if have not in (1, want):
                raise RuntimeError(
                    f"Attempting to broadcast a dimension of length {have} at -{i}! Mismatching argument at "
                    "index 1 "
                    f"had {size_text(weight.shape)}; but expected shape should be broadcastable to "
                    f"{shape_text(input.shape)}"
                )


@jax.custom_jvp
def _bce(x: Any, t: Any) -> Any:
    """Cross entropy of probabilities, its logarithms held above -100."""
    log_x, log_rest = jnp.maximum(jnp.log(x), -100), jnp.maximum(jnp.log1p(-x), -100)
    return (t - 1) * log_rest - t * log_x


@_bce.defjvp
def _bce_jvp(primals: Any, tangents: Any) -> Any:
    (x, t), (dx, dt) = primals, tangents
    slope = (x - t) / jnp.maximum((1 - x) * x, 1e-12)
    target_slope = jnp.maximum(jnp.log1p(-x), -100) - jnp.maximum(jnp.log(x), -100)
    return _bce(x, t), slope * dx + target_slope * dt


@op(
    spaces=FUNCTIONAL,
    saves=("input!", "target!", "weight!"),
    check=_check_bce,
    check_taped=no_gradient_for(weight="binary_cross_entropy"),
)
def binary_cross_entropy(
    input: Array, target: Array, weight: Array | None = None, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
):  # fmt: skip
    """`-(t * log(x) + (1 - t) * log(1 - x))` of probabilities; logarithms are held above -100.

    Raises:
        RuntimeError: an element of `input` or `target` is outside [0, 1].
    """
    for name, x in (("input", input), ("target", target)):
        outside = ~((x >= 0) & (x <= 1))
        guard(outside.any(), RuntimeError, f"all elements of {name} should be between 0 and 1")
    loss = _bce(input, target)
    loss = loss if weight is None else loss * weight
    return reduce_loss(loss, size_average, reduce, reduction).astype(input.dtype)


def _check_bce_logits(
    input: Any, target: Any, weight: Any = None, pos_weight: Any = None, size_average: Any = None,
    reduce: Any = None, reduction: str = "mean", **_: Any,
) -> None:  # fmt: skip
    check_reduction(reduction, size_average, reduce)
    if input.shape != target.shape:
        raise ValueError(
            f"Target size ({size_text(target.shape)}) must be the same as input size "
            f"({size_text(input.shape)})"
        )
    if not input.dtype.is_floating_point:
        raise not_implemented("log_sigmoid_cpu", input.dtype)
    if not target.dtype.is_floating_point:
        raise RuntimeError(
            f"result type Float can't be cast to the desired output type {scalar_name(target.dtype)}"
        )
    if pos_weight is not None:
        broadcast(pos_weight.shape, input.shape)
    if weight is not None:
        broadcast(input.shape, weight.shape)


@op(
    promote=DEFAULT,
    spaces=FUNCTIONAL,
    saves=("input!", "target!", "weight!", "pos_weight!"),
    check=_check_bce_logits,
    check_taped=no_gradient_for(
        weight="binary_cross_entropy_with_logits", pos_weight="binary_cross_entropy_with_logits"
    ),
)
def binary_cross_entropy_with_logits(
    input: Array, target: Array, weight: Array | None = None, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean", pos_weight: Array | None = None,
):  # fmt: skip
    """`-w * (p * t * log(sigmoid(x)) + (1 - t) * log(1 - sigmoid(x)))`, computed from the logits.

    Args:
        weight: a factor `w` per element; pos_weight: a factor `p` of the positive term. Both broadcast.
    """
    scale = 1 if pos_weight is None else 1 + (pos_weight - 1) * target
    loss = (1 - target) * input - scale * jax.nn.log_sigmoid(input)
    loss = loss if weight is None else loss * weight
    return reduce_loss(loss, size_average, reduce, reduction)


def _check_kl(
    input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean", **_: Any
) -> None:
    name = reduction_name(size_average, reduce, reduction)
    if name == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size."
            "'batchmean' divides only by the batch size, and aligns with the KL div math definition."
            "'mean' will be changed to behave the same as 'batchmean' in the next major release.",
            stacklevel=4,
        )
    check_reduction("sum" if reduction == "batchmean" else reduction, size_average, reduce)
    if input.dtype.is_complex or target.dtype.is_complex:
        raise RuntimeError("kl_div: Complex inputs not supported.")
    if not (input.dtype.is_floating_point and target.dtype.is_floating_point):
        raise RuntimeError("kl_div: Integral inputs not supported.")
    broadcast(target.shape, input.shape)


@op(
    promote=DEFAULT,
    spaces=FUNCTIONAL,
    saves=("target!", "input<target"),
    saves_when=lambda log_target, **_: not log_target,
    check=_check_kl,
)
def kl_div(
    input: Array, target: Array, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", log_target: bool = False,
):  # fmt: skip
    """Kullback-Leibler divergence `target * (log(target) - input)`; `input` holds log-probabilities.

    Args:
        reduction: also `"batchmean"`, the sum divided by `input.shape[0]`.
        log_target: `target` holds log-probabilities too.
    """
    loss = jnp.exp(target) * (target - input) if log_target else xlogy(target, target) - target * input
    if size_average is None and reduce is None and reduction == "batchmean":
        return loss.sum() / input.shape[0] if input.ndim else loss
    return reduce_loss(loss, size_average, reduce, reduction)


def _check_poisson(
    input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean", **_: Any
) -> None:
    check_reduction(reduction, size_average, reduce)
    broadcast(target.shape, input.shape)
    not_bool_difference(float, target)
    not_bool_difference(input, float)


@op(promote=INT_TO_FLOAT, spaces=FUNCTIONAL, saves=("target<input",), check=_check_poisson)
def poisson_nll_loss(
    input: Array, target: Array, log_input: bool = True, full: bool = False, size_average: bool | None = None,
    eps: Float = 1e-8, reduce: bool | None = None, reduction: str = "mean",
):  # fmt: skip
    """Negative log likelihood of counts: `exp(x) - t * x`, or `x - t * log(x + eps)` without `log_input`.

    Args:
        full: adds Stirling's approximation of `log(t!)` where `t > 1`.
    """
    loss = jnp.exp(input) - target * input if log_input else input - target * jnp.log(input + eps)
    if full:
        many = target > 1
        t = jnp.where(many, target, 1)
        loss = loss + jnp.where(many, t * jnp.log(t) - t + 0.5 * jnp.log(2 * math.pi * t), 0)
    return reduce_loss(loss, size_average, reduce, reduction)


def _variance_axis(input: Any, var: Any) -> bool:
    """Whether one variance is given per row (without the last dimension)."""
    return var.shape != input.shape and var.ndim > 0 and input.shape[:-1] == var.shape


def _check_gaussian(input: Any, target: Any, var: Any, reduction: str = "mean", **_: Any) -> None:
    number = isinstance(var, type) or not hasattr(var, "shape")
    if not number and var.shape != input.shape and var.shape != input.shape[:-1]:
        other = [v for n, v in zip(input.shape, var.shape) if n != v]
        if input.ndim != var.ndim or sum(other) != 1:
            raise ValueError("var is of incorrect size")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not valid")
    broadcast(input.shape, target.shape)
    if not number:
        kernel("lt_cpu")(var)
        if var.dtype.category < FLOAT:  # held above a float, in place
            raise RuntimeError(
                f"result type {scalar_name(get_default_dtype())} can't be cast to the desired output type "
                f"{c_name(var.dtype)}"
            )


@op(promote=DEFAULT, spaces=FUNCTIONAL, saves=(), check=_check_gaussian)
def gaussian_nll_loss(
    input: Array, target: Array, var: Operand, full: bool = False, eps: Float = 1e-6, reduction: str = "mean"
):
    """`0.5 * (log(var) + (input - target) ** 2 / var)` with `var` held above `eps` (its gradient passes).

    Args:
        var: variances: of `input`'s shape, without or with 1 for its last dimension, or one number.
        full: adds `0.5 * log(2 * pi)`.

    Raises:
        ValueError: a variance is negative.
    """
    guard((var < 0).any(), ValueError, "var has negative entry/entries")
    if _variance_axis(input, var):
        var = var[..., None]
    var = var + jax.lax.stop_gradient(jnp.maximum(var, eps) - var)
    loss = 0.5 * (jnp.log(var) + (input - target) ** 2 / var)
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return reduce_loss(loss, None, None, reduction)


def _check_soft_margin(
    input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean", **_: Any
) -> None:
    check_reduction(reduction, size_average, reduce)
    broadcast(input.shape, target.shape)
    if target.dtype.name == "bool":
        raise RuntimeError(MSG_NEG_BOOL)
    if max(input.dtype.category, target.dtype.category) < FLOAT:
        raise RuntimeError(
            f"result type Float can't be cast to the desired output type {scalar_name(input.dtype)}"
        )


@op(
    promote=DEFAULT,
    spaces=FUNCTIONAL,
    saves=("input", "target"),
    check=_check_soft_margin,
    check_taped=no_gradient_for(target="soft_margin_loss"),
)
def soft_margin_loss(
    input: Array,
    target: Array,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
):
    """`log(1 + exp(-target * input))`, with targets 1 and -1."""
    return reduce_loss(jax.nn.softplus(-target * input), size_average, reduce, reduction)


def _check_multilabel_soft(input: Any, target: Any, weight: Any = None, **params: Any) -> None:
    check_reduction(**params)
    broadcast(target.shape, input.shape)
    if not input.dtype.is_floating_point:
        raise not_implemented("log_sigmoid_cpu", input.dtype)


@op(promote=DEFAULT, spaces=FUNCTIONAL, saves=("input", "target", "weight"), check=_check_multilabel_soft)
def multilabel_soft_margin_loss(
    input: Array, target: Array, weight: Array | None = None, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
):  # fmt: skip
    """The mean over classes (last dimension) of the binary cross entropy of logits."""
    loss = (1 - target) * input - jax.nn.log_sigmoid(input)
    loss = loss if weight is None else loss * weight
    return reduce_loss(loss.mean(-1), size_average, reduce, reduction)
