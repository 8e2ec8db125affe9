"""Normalization: batch, instance, layer, group, RMS and local response."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
from jax import lax

from .._core.modes import is_grad_enabled, local
from .._core.orders import channels
from .._core.registry import Array, Float, Scalar, function, op
from .._core.versions import Counter, note
from .lowering.norm import (
    apply_statistics,
    blend,
    normalize_channels,
    normalize_groups,
    normalize_last,
    widen,
)
from .lowering.pool import sums
from .lowering.windows import Windows
from .norm_checks import (
    MSG_NOT_DIFFERENTIABLE,
    MSG_VALUES,
    check_group,
    check_instance,
    check_layer,
    check_rms,
    check_statistics,
)
from .pool_shapes import published
from .validate import not_implemented, size_text

FUNCTIONAL = ("nn.functional",)
TORCH = ("torch",)

_UNCOUNTED = Counter()

# ---- batch_norm -------------------------------------------------------------------------------------


@op(
    spaces=(),
    saves=("running_mean!", "running_var!", "input!", "weight!"),
    check=check_statistics,
    grad_name="NativeBatchNormBackward0",
    layout=channels,
    in_full=True,
)
def _batch_norm_train(
    running_mean: Array | None, running_var: Array | None, input: Array, weight: Array | None,
    bias: Array | None, eps: Float, momentum: Float,
):  # fmt: skip
    """The normalized input, then whichever running statistics were given, brought up to date."""
    if input.size == 0:
        return (input, *(old for old in (running_mean, running_var) if old is not None))
    out, mean, variance = normalize_channels(input, weight, bias, eps)
    pairs = ((running_mean, mean), (running_var, variance))
    return (out, *(blend(old, new, momentum) for old, new in pairs if old is not None))


@op(
    spaces=(), saves=("input!", "running_mean!", "running_var!", "weight!"), check=check_statistics,
    grad_name="NativeBatchNormBackward0",
    layout=channels, in_full=True,
)  # fmt: skip
def _batch_norm_eval(
    input: Array,
    running_mean: Array,
    running_var: Array,
    weight: Array | None,
    bias: Array | None,
    eps: Float,
):
    return input if input.size == 0 else apply_statistics(input, running_mean, running_var, weight, bias, eps)


def _check_pair(running_mean: Any, running_var: Any) -> None:
    if (running_mean is None) != (running_var is None):
        raise ValueError("running_mean and running_var must either both be None or neither be None")


def _refuse_grad(name: str, **statistics: Any) -> None:
    for arg, tensor in statistics.items():
        if tensor is not None and tensor.requires_grad and is_grad_enabled():
            raise RuntimeError(MSG_NOT_DIFFERENTIABLE.format(name=name, arg=arg))


def _update(results: Any, *statistics: Any, counted: bool = True) -> Any:
    """Writes the new running statistics where they were given; returns the normalized input.

    With `counted=False` versions do not tell: PyTorch's batch norm does not say that it writes.
    """
    if isinstance(results, tuple):
        out, *new = results
        for old, value in zip((s for s in statistics if s is not None), new, strict=True):
            old._write(value._read())
            if not counted:
                note(old._storage, _UNCOUNTED)
        return out
    return results


def _batch_norm(
    input: Any, weight: Any, bias: Any, running_mean: Any, running_var: Any, training: bool, momentum: float,
    eps: float, cudnn_enabled: bool = True,
) -> Any:  # fmt: skip
    """Normalizes each channel; `torch.nn.functional.batch_norm` says more."""
    _refuse_grad("native_batch_norm", running_mean=running_mean, running_var=running_var)
    if training:
        _check_pair(running_mean, running_var)
        if not isinstance(momentum, (int, float)):
            got = type(momentum).__name__
            raise TypeError(f"batch_norm(): argument 'momentum' (position 7) must be float, not {got}")
        ctx = local.ctx
        watch, ctx.watch = ctx.watch, None  # who watches the tape may end the run: after the statistics
        try:
            row = _batch_norm_train(
                running_mean, running_var, input, weight, bias, float(eps), float(momentum)
            )
            out = _update(row, running_mean, running_var, counted=False)
        finally:
            ctx.watch = watch
        if watch is not None and out._node is not None:
            watch(out._node)
        return out
    for name, statistic in (("running_mean", running_mean), ("running_var", running_var)):
        if statistic is None:
            raise RuntimeError(f"{name} must be defined in evaluation mode")
    return _batch_norm_eval(input, running_mean, running_var, weight, bias, float(eps))


published(_batch_norm, "batch_norm", TORCH)


@function(spaces=FUNCTIONAL)
def batch_norm(
    input: Any, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None,
    training: bool = False, momentum: float = 0.1, eps: float = 1e-5,
) -> Any:  # fmt: skip
    """Normalizes each channel over the batch: (x - mean) / sqrt(var + eps) * weight + bias.

    With `training`, mean and (biased) variance are the batch's, and the running statistics, if given, move
    towards the batch's mean and unbiased variance by the fraction `momentum`, in place. Else the running
    statistics are used.

    Args:
        input: (N, C, *).
        running_mean, running_var, weight, bias: (C,) or None.
        training: whose statistics to use.
        momentum: the step of the running statistics.
        eps: added to the variance.

    Raises:
        ValueError: one value per channel in training; eps is negative.
        RuntimeError: the number of elements or the dtypes do not fit; no statistics in evaluation.
    """
    if training and input.dim() > 1 and math.prod(input.shape[:1] + input.shape[2:]) == 1:
        raise ValueError(MSG_VALUES.format(what="value per channel", size=size_text(input.shape)))
    if training and eps <= 0.0:
        raise ValueError(f"batch_norm eps must be positive during training, but got {eps}")
    if eps < 0.0:
        raise ValueError(f"batch_norm eps must be non-negative, but got {eps}")
    return _batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps)


# ---- instance_norm ------------------------------------------------------------------------------------


@op(spaces=(), name="instance_norm", saves=("input!",), check=check_instance, in_full=True)
def _instance_norm_train(
    running_mean: Array | None, running_var: Array | None, input: Array, weight: Array | None,
    bias: Array | None, eps: Float, momentum: Float,
):  # fmt: skip
    if input.size == 0:
        return (input, *(old for old in (running_mean, running_var) if old is not None))
    out, mean, variance = normalize_channels(input, weight, bias, eps, 2)
    pairs = ((running_mean, mean), (running_var, variance))
    return (out, *(blend(old, new, momentum) for old, new in pairs if old is not None))


def _instance_norm(
    input: Any, weight: Any, bias: Any, running_mean: Any, running_var: Any, use_input_stats: bool,
    momentum: float, eps: float, cudnn_enabled: bool = True,
) -> Any:  # fmt: skip
    """Normalizes each channel of each sample; `torch.nn.functional.instance_norm` says more."""
    _check_pair(running_mean, running_var)
    _refuse_grad("native_batch_norm", running_mean=running_mean, running_var=running_var)
    if not use_input_stats:
        if running_mean is None:
            raise RuntimeError(
                "Expected running_mean and running_var to be defined when use_input_stats is false"
            )
        return _batch_norm_eval(input, running_mean, running_var, weight, bias, float(eps))
    row = _instance_norm_train(running_mean, running_var, input, weight, bias, float(eps), float(momentum))
    return _update(row, running_mean, running_var)


published(_instance_norm, "instance_norm", TORCH)


@function(spaces=FUNCTIONAL)
def instance_norm(
    input: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None, bias: Any = None,
    use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-5,
) -> Any:  # fmt: skip
    """Normalizes each channel of each sample over its positions, then scales and shifts it.

    Args:
        input: (N, C, *).
        running_mean, running_var, weight, bias: (C,) or None; running statistics move, in place, towards the
            batch's average by the fraction `momentum`.
        use_input_stats: False normalizes with the running statistics.
        eps: added to the variance.

    Raises:
        ValueError: a single position; one running statistic without the other.
        RuntimeError: the number of elements or the dtypes do not fit.
    """
    if use_input_stats and math.prod(input.shape[2:]) == 1:
        raise ValueError(MSG_VALUES.format(what="spatial element", size=size_text(input.shape)))
    return _instance_norm(input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps)


# ---- layer_norm, rms_norm -------------------------------------------------------------------------------


@op(
    spaces=FUNCTIONAL,
    saves=("input!", "weight!", "bias!"),
    check=check_layer,
    grad_name="NativeLayerNormBackward0",
    in_full=True,
)
def layer_norm(
    input: Array,
    normalized_shape: Any,
    weight: Array | None = None,
    bias: Array | None = None,
    eps: Float = 1e-5,
):
    """Normalizes over the last axes: (x - mean) / sqrt(var + eps) * weight + bias.

    Args:
        input: (*, *normalized_shape).
        normalized_shape: sizes of the axes that one mean and one (biased) variance are taken over.
        weight, bias: of shape `normalized_shape`, or None.
        eps: added to the variance.

    Raises:
        RuntimeError: the shapes or dtypes do not fit.
    """
    return normalize_last(input, len(normalized_shape), weight, bias, eps, True)


def _torch_layer_norm(
    input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Any:  # fmt: skip
    """`torch.nn.functional.layer_norm`; `cudnn_enable` changes nothing."""
    return layer_norm(input, normalized_shape, weight, bias, eps)


published(_torch_layer_norm, "layer_norm", TORCH)


@op(spaces=("torch", "nn.functional"), saves=("input<input", "weight<input"), check=check_rms, in_full=True)
def rms_norm(input: Array, normalized_shape: Any, weight: Array | None = None, eps: Float | None = None):
    """Divides by the root mean square over the last axes: x / sqrt(mean(x * x) + eps) * weight.

    Args:
        input: (*, *normalized_shape).
        normalized_shape: sizes of the axes that one mean is taken over.
        weight: of shape `normalized_shape`, or None.
        eps: added to the mean; by default the spacing of the dtype in which it is taken at 1.

    Raises:
        RuntimeError: the shapes do not fit.
    """
    if eps is None:
        eps = float(jnp.finfo(widen(input).dtype).eps)
    return normalize_last(input, len(normalized_shape), weight, None, eps, False)


# ---- group_norm -------------------------------------------------------------------------------------------


@op(
    spaces=FUNCTIONAL,
    saves=("input!", "weight!"),
    check=check_group,
    grad_name="NativeGroupNormBackward0",
    in_full=True,
)
def group_norm(
    input: Array, num_groups: int, weight: Array | None = None, bias: Array | None = None, eps: Float = 1e-5
):
    """Normalizes each sample's channels in `num_groups` blocks: (x - mean) / sqrt(var + eps) * weight + bias.

    Args:
        input: (N, C, *).
        num_groups: number of blocks; it divides C.
        weight, bias: (C,) or None.
        eps: added to the variance.

    Raises:
        ValueError: one value per block.
        RuntimeError: the shapes or dtypes do not fit.
    """
    return normalize_groups(input, num_groups, weight, bias, eps)


def _torch_group_norm(
    input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Any:  # fmt: skip
    """`torch.nn.functional.group_norm`; `cudnn_enabled` changes nothing."""
    return group_norm(input, num_groups, weight, bias, eps)


published(_torch_group_norm, "group_norm", TORCH)


# ---- local_response_norm --------------------------------------------------------------------------


def _check_neighbours(input: Any, **_: Any) -> None:
    d, flat = input.dtype, input.ndim == 3
    if not d.is_floating_point and d.name != "int64" or (d.itemsize == 2 and not flat):
        raise not_implemented("avg_pool2d" if flat else "avg_pool3d_out_frame", d)


@op(spaces=(), name="local_response_norm", saves=("input",), check=_check_neighbours)
def _local_response_norm(input: Array, size: int, alpha: Scalar, beta: Scalar, k: Scalar):
    rank = input.ndim - 1
    one = (1,) * (rank - 1)
    ends = ((size // 2, (size - 1) // 2), *(((0, 0),) * (rank - 1)))
    windows = Windows((size, *one), (1, *one), ends, (1, *one), input.shape[1:])
    total = sums(input * input, windows)
    mean = (
        total / size
        if jnp.issubdtype(input.dtype, jnp.inexact)
        else lax.div(total, jnp.asarray(size, total.dtype))
    )
    return input.astype(alpha.dtype) / (alpha * mean.astype(alpha.dtype) + k) ** beta


@function(spaces=FUNCTIONAL)
def local_response_norm(
    input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Any:
    """Divides by (k + alpha * mean of squares over `size` neighbouring channels) ** beta.

    Args:
        input: (N, C, *).
        size: number of channels, of which (size - 1) // 2 follow the own one; missing ones count as zeros.

    Raises:
        ValueError: fewer than three axes.
    """
    if input.dim() < 3:
        gap = " " * 26
        raise ValueError(f"Expected 3D or higher dimensionality{gap}input (got {input.dim()} dimensions)")
    if input.numel() == 0:
        return input
    if size <= 0:
        kernel = f"kH: {size} kW: 1" if input.dim() == 3 else f"kT: {size} kH: 1 kW: 1"
        raise RuntimeError(f"kernel size should be greater than zero, but got {kernel}")
    return _local_response_norm(input, size, float(alpha), float(beta), float(k))
