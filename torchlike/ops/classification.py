"""Losses over classes: cross_entropy, nll_loss and the multi-class margin losses."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from .._core.checks import guard
from .._core.registry import Array, Scalar, op
from .reduce_loss import check_reduction, reduce_loss, reduction_name
from .validate import kernel, no_gradient_for, not_implemented, same_dtype, scalar_name, shape_text

FUNCTIONAL = ("nn.functional",)


def _chosen(target: Any, shape: tuple[int, ...], axis: int) -> Any:
    """True at the target's class: a comparison, so that its transpose is no scatter."""
    classes = lax.broadcasted_iota(target.dtype, shape, axis)
    return classes == jnp.expand_dims(target, axis)


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def _picked(x: Any, target: Any, axis: int) -> Any:
    """`x` at the target's class, per position."""
    return jnp.take_along_axis(x, jnp.expand_dims(target, axis), axis, mode="clip").squeeze(axis)


@_picked.defjvp
def _picked_jvp(axis: int, primals: Any, tangents: Any) -> Any:
    x, target = primals
    hit = _chosen(target, x.shape, axis)
    return _picked(x, target, axis), jnp.where(hit, tangents[0], 0).sum(axis)


def _logsumexp(x: Any, axis: int) -> Any:
    top = lax.stop_gradient(x.max(axis, keepdims=True))
    return (jnp.log(jnp.exp(x - top).sum(axis, keepdims=True)) + top).squeeze(axis)


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def _class_nll(x: Any, target: Any, axis: int) -> Any:
    """`logsumexp(x) - x[target]`, per position."""
    return _logsumexp(x, axis) - _picked(x, target, axis)


@_class_nll.defjvp
def _class_nll_jvp(axis: int, primals: Any, tangents: Any) -> Any:
    x, target = primals
    softmax = jnp.exp(x - jnp.expand_dims(_logsumexp(x, axis), axis))
    slope = softmax - _chosen(target, x.shape, axis).astype(x.dtype)
    return _class_nll(x, target, axis), (slope * tangents[0]).sum(axis)


def _guarded(target: Any, classes: int, ignore_index: int) -> tuple[Any, Any]:
    """(targets made safe, which count), reporting those out of range."""
    counts = target != ignore_index
    wrong = counts & ((target < 0) | (target >= classes))
    flat = wrong.reshape(-1)
    if flat.size:
        guard(flat.any(), IndexError, "Target {} is out of bounds.", target.reshape(-1)[jnp.argmax(flat)])
    return jnp.clip(target, 0, max(classes - 1, 0)), counts


def _class_loss(values: Any, target: Any, counts: Any, weight: Any, name: str, extra: Any = None) -> Any:
    """The weighted reduction of per-position losses; ignored positions count nothing."""
    scale = counts.astype(values.dtype)
    if weight is not None:
        scale = scale * jnp.take(weight, target, mode="clip").astype(values.dtype)
    loss = jnp.where(counts, values * scale, 0)
    if extra is not None:
        loss = loss + jnp.where(counts, extra, 0)
    if name == "none":
        return loss
    return loss.sum() / scale.sum() if name == "mean" else loss.sum()


def check_class_indices(input: Any, target: Any, weight: Any, kernel: str) -> None:
    if input.ndim == 0:
        raise ValueError("Expected 1 or more dimensions (got 0)")
    if input.ndim == 1 and target.ndim == 1 and target.shape[0] != 1:
        raise ValueError(f"For 1D input, 1D target must have size 1, but got target size: {target.shape[0]}")
    if input.ndim != 1 and (target.ndim == 0 or input.shape[0] != target.shape[0]):
        got = target.shape[0] if target.ndim else 1
        raise ValueError(f"Expected input batch_size ({input.shape[0]}) to match target batch_size ({got}).")
    if input.ndim <= 2:
        if target.ndim > 1:
            raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    elif input.ndim == 4:
        if target.ndim != 3:
            raise RuntimeError(
                "only batches of spatial targets supported (3D tensors) but got targets of dimension: "
                f"{target.ndim}"
            )
        if input.shape[2:] != target.shape[1:]:
            raise RuntimeError(
                f"size mismatch (got input: {shape_text(input.shape)} , target: {shape_text(target.shape)}"
            )
    elif (input.shape[0], *input.shape[2:]) != target.shape:
        expected = shape_text((input.shape[0], *input.shape[2:]))
        raise RuntimeError(f"Expected target size {expected}, got {shape_text(target.shape)}")
    if target.dtype.name not in ("int64", "uint8"):
        raise RuntimeError(f"expected target dtype to be Long or Byte, but got {scalar_name(target.dtype)}")
    if not input.dtype.is_floating_point:
        raise not_implemented(kernel, input.dtype)
    _check_weight(input, weight)


def _check_weight(input: Any, weight: Any) -> None:
    if weight is None:
        return
    classes = input.shape[1 if input.ndim > 1 else 0]
    if weight.shape != (classes,):
        raise RuntimeError(
            f"weight tensor should be defined either for all {classes} classes or no classes "
            f"but got weight tensor of shape: {shape_text(weight.shape)}"
        )
    same_dtype(input, weight)


def _check_cross_entropy(
    input: Any, target: Any, weight: Any = None, size_average: Any = None, ignore_index: int = -100,
    reduce: Any = None, reduction: str = "mean", label_smoothing: float = 0.0, **_: Any,
) -> None:  # fmt: skip
    check_reduction(reduction, size_average, reduce)
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing:g}")
    if input.shape != target.shape:
        check_class_indices(input, target, weight, "log_softmax_lastdim_kernel_impl")
        return
    if not target.dtype.is_floating_point:
        raise RuntimeError(
            "Expected floating point type for target with class probabilities, got "
            f"{scalar_name(target.dtype)}"
        )
    if ignore_index >= 0:
        raise RuntimeError("ignore_index is not supported for floating point target")
    if not input.dtype.is_floating_point:
        raise not_implemented("log_softmax_lastdim_kernel_impl", input.dtype)
    _check_weight(input, weight)


def _probability_loss(x: Any, target: Any, weight: Any, smoothing: float, name: str, axis: int) -> Any:
    classes = x.shape[axis]
    if smoothing:
        target = target * (1 - smoothing) + smoothing / classes
    if weight is not None:
        target = target * weight.reshape((classes,) + (1,) * (x.ndim - 1 - axis))
    loss = _logsumexp(x, axis) * target.sum(axis) - (x * target).sum(axis)
    if name == "none":
        return loss
    return loss.sum() / max(loss.size, 1) if name == "mean" else loss.sum()


def _nll_of(input: Any, target: Any, *_: Any) -> str | None:
    """PyTorch's operator for classes; probabilities are multiplied, so that weights have gradients."""
    if input.shape == target.shape:
        return None
    return "nll_loss_forward" if input.ndim < 3 else "nll_loss2d_forward"


@op(
    spaces=FUNCTIONAL,
    saves=("target<input", "weight!"),
    check=_check_cross_entropy,
    check_taped=no_gradient_for(weight=_nll_of),
)
def cross_entropy(
    input: Array, target: Array, weight: Array | None = None, size_average: bool | None = None,
    ignore_index: int = -100, reduce: bool | None = None, reduction: str = "mean",
    label_smoothing: float = 0.0,
):  # fmt: skip
    """Cross entropy between unnormalised scores and classes, `logsumexp(x) - x[target]`.

    Args:
        input: scores, `(C,)`, `(N, C)` or `(N, C, d1, ...)`.
        target: class indices without the C dimension (int64), or probabilities of `input`'s shape.
        weight: a factor per class, `(C,)`; the mean divides by the sum of the targets' weights.
        ignore_index: targets of this value count nothing.
        label_smoothing: share of the target spread evenly over the classes.

    Raises:
        IndexError: a target is no class.
    """
    name = reduction_name(size_average, reduce, reduction)
    axis = 1 if input.ndim > 1 else 0
    wide = input.astype(jnp.float32) if input.dtype.itemsize < 4 else input
    if input.shape == target.shape:
        result = jnp.promote_types(input.dtype, target.dtype)
        target = target.astype(jnp.promote_types(wide.dtype, target.dtype))
        return _probability_loss(wide, target, weight, label_smoothing, name, axis).astype(result)
    if input.ndim == 1:
        target = target.reshape(())
    classes = input.shape[axis]
    target, counts = _guarded(target, classes, ignore_index)
    values, extra = _class_nll(wide, target, axis), None
    if label_smoothing:
        factor = jnp.ones((classes,), wide.dtype) if weight is None else weight.astype(wide.dtype)
        along = factor.reshape((classes,) + (1,) * (wide.ndim - 1 - axis))
        spread = _logsumexp(wide, axis) * factor.sum() - (wide * along).sum(axis)
        values, extra = values * (1 - label_smoothing), spread * (label_smoothing / classes)
    return _class_loss(values, target, counts, weight, name, extra).astype(input.dtype)


def _check_nll(
    input: Any, target: Any, weight: Any = None, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean", **_: Any,
) -> None:  # fmt: skip
    check_reduction(reduction, size_average, reduce)
    check_class_indices(input, target, weight, "nll_loss_out_frame")


@op(
    spaces=FUNCTIONAL,
    saves=("input!", "target!", "weight!"),
    check=_check_nll,
    check_taped=no_gradient_for(weight=_nll_of),
)
def nll_loss(
    input: Array, target: Array, weight: Array | None = None, size_average: bool | None = None,
    ignore_index: int = -100, reduce: bool | None = None, reduction: str = "mean",
):  # fmt: skip
    """`-input[target]`: arguments as `cross_entropy`, with log-probabilities as `input`."""
    axis = 1 if input.ndim > 1 else 0
    if input.ndim == 1:
        target = target.reshape(())
    target, counts = _guarded(target, input.shape[axis], ignore_index)
    name = reduction_name(size_average, reduce, reduction)
    return _class_loss(-_picked(input, target, axis), target, counts, weight, name).astype(input.dtype)


def _check_matrix(input: Any) -> None:
    if input.ndim > 2 or (input.ndim and input.shape[-1] == 0):
        raise RuntimeError(
            "Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
            + shape_text(input.shape)
        )


def _check_multi_margin(
    input: Any, target: Any, p: int = 1, margin: Any = 1.0, weight: Any = None, size_average: Any = None,
    reduce: Any = None, reduction: str = "mean", **_: Any,
) -> None:  # fmt: skip
    check_reduction(reduction, size_average, reduce)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    _check_matrix(input)
    batch = input.shape[0] if input.ndim == 2 else 1
    if (
        target.ndim > 1
        or (target.ndim == 1 and target.shape[0] != batch)
        or (target.ndim == 0 and batch != 1)
    ):
        raise RuntimeError(
            "multi_margin_loss: target tensor should be 1-D with size equal to the number of input samples "
            "(batch "
            f"size). Expected target size [{batch}], but got {shape_text(target.shape)}. "
            f"Input has shape {shape_text(input.shape)}."
        )
    classes = input.shape[-1] if input.ndim else 1
    if weight is not None and weight.ndim != 1:
        raise ValueError("weight must be one-dimensional")
    if weight is not None and weight.shape != (classes,):
        raise RuntimeError(f"inconsistent weight size, expected {classes} but got {shape_text(weight.shape)}")
    kernel("multi_margin_loss_cpu_kernel", "f")(input)
    if target.dtype.name != "int64":
        raise RuntimeError(f"expected scalar type Long but found {scalar_name(target.dtype)}")


@op(
    spaces=FUNCTIONAL,
    saves=("input", "target"),
    check=_check_multi_margin,
    check_taped=no_gradient_for(weight="multi_margin_loss"),
)
def multi_margin_loss(
    input: Array, target: Array, p: int = 1, margin: Scalar = 1.0, weight: Array | None = None,
    size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
):  # fmt: skip
    """Multi-class hinge: mean over classes i != y of `weight[y] * max(0, margin - x[y] + x[i]) ** p`.

    Args:
        input: `(N, C)` or `(C,)` scores; target: `(N,)` or 0-d int64 classes; p: 1 or 2.
    """
    x = input.reshape(1, -1) if input.ndim < 2 else input
    y = target.reshape(-1)
    classes = x.shape[1]
    guard(((y < 0) | (y >= classes)).any(), RuntimeError, "target out of range")
    gap = margin - _picked(x, y, 1)[:, None] + x
    cost = jnp.where(gap > 0, gap, 0) ** p
    if weight is not None:
        cost = cost * jnp.take(weight, y, mode="clip")[:, None]
    loss = jnp.where(_chosen(y, x.shape, 1), 0, cost).sum(1) / classes
    loss = loss.reshape(target.shape if input.ndim < 2 else loss.shape)
    return reduce_loss(loss, size_average, reduce, reduction).astype(input.dtype)


def _check_multilabel_margin(
    input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean", **_: Any
) -> None:
    check_reduction(reduction, size_average, reduce)
    _check_matrix(input)
    if input.shape != target.shape:
        raise RuntimeError(
            f"inconsistent target size: {shape_text(target.shape)} for input of size: "
            f"{shape_text(input.shape)}"
        )
    kernel("multilabel_margin_loss_forward_out_frame", "f")(input)
    if target.dtype.name != "int64":
        raise RuntimeError(f"expected scalar type Long but found {scalar_name(target.dtype)}")


@op(spaces=FUNCTIONAL, saves=("input", "target"), check=_check_multilabel_margin)
def multilabel_margin_loss(
    input: Array, target: Array, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean",
):  # fmt: skip
    """Multi-label hinge: mean over labels y and other classes i of `max(0, 1 - (x[y] - x[i]))`.

    Args:
        input: `(N, C)` or `(C,)` scores.
        target: the labels of each row (int64), up to the first -1.
    """
    x, y = jnp.atleast_2d(input), jnp.atleast_2d(target)
    classes = x.shape[1]
    guard(((y < -1) | (y >= classes)).any(), RuntimeError, "argument #2 'target' is out of range")
    listed = jnp.cumsum(y < 0, axis=1) == 0  # (N, C): before the first -1
    is_label = ((y[:, :, None] == jnp.arange(classes)) & listed[:, :, None]).any(1)
    at_label = jnp.take_along_axis(x, y, 1, mode="clip")
    gap = 1 - at_label[:, :, None] + x[:, None, :]  # (N, label, class)
    counts = listed[:, :, None] & ~is_label[:, None, :]
    loss = jnp.where(counts & (gap > 0), gap, 0).sum((1, 2)) / max(classes, 1)
    return reduce_loss(loss.reshape(input.shape[:-1]), size_average, reduce, reduction).astype(input.dtype)
