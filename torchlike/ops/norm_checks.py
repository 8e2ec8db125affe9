"""PyTorch's errors for the arguments of the normalization rows."""

from __future__ import annotations

import math
from typing import Any

from .validate import not_implemented, scalar_name, shape_text

_MSG_MIXED = "mixed dtype (CPU): all inputs must share same datatype."
_MSG_PARAMETER = "mixed dtype (CPU): expect parameter to have scalar type of Float"
MSG_VALUES = "Expected more than 1 {what} when training, got input size {size}"
MSG_NOT_DIFFERENTIABLE = (
    "The function '{name}' is not differentiable with respect to argument '{arg}'. "
    "This input cannot have requires_grad True."
)


# ---- checks ---------------------------------------------------------------------------------------


def _check_dtypes(kernel: str, input: Any, *parameters: Any) -> None:
    """Parameters share the input's dtype, or are float32 beside a 16-bit input."""
    if not input.dtype.is_floating_point:
        raise not_implemented(kernel, input.dtype)
    given = [p for p in parameters if p is not None]
    low = input.dtype.name in ("bfloat16", "float16")
    for p in given:
        if p.dtype is not input.dtype and not (low and p.dtype.name == "float32"):
            message = _MSG_PARAMETER if input.dtype.name == "float32" else _MSG_MIXED
            if p is not given[0] and given[0].dtype is input.dtype:
                message = f"expected scalar type {scalar_name(input.dtype)} but found {scalar_name(p.dtype)}"
            raise RuntimeError(message)


def _check_channels(input: Any, **parameters: Any) -> None:
    count = input.shape[1] if input.ndim > 1 else 0
    for name, p in parameters.items():
        if p is not None and math.prod(p.shape) != count:
            raise RuntimeError(f"{name} should contain {count} elements not {math.prod(p.shape)}")


def check_statistics(
    input: Any, running_mean: Any, running_var: Any, weight: Any, bias: Any, eps: float, momentum: Any = None
) -> None:
    _check_channels(input, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    if not input.dtype.is_floating_point:
        raise not_implemented("batch_norm", input.dtype)
    stats = [p for p in (running_mean, running_var) if p is not None]
    if len(stats) == 2 and stats[0].dtype is not stats[1].dtype:
        a, b = map(scalar_name, (stats[0].dtype, stats[1].dtype))
        raise RuntimeError(f"expected scalar type {a} but found {b}")
    _check_dtypes("batch_norm", input, *(p for p in (weight, bias) if p is not None), *stats)


def _check_shape(input: Any, normalized_shape: Any, star: str, **parameters: Any) -> None:
    """The shape errors of layer and RMS normalization; `star` is how the expected shape is introduced."""
    shape = tuple(normalized_shape)
    text = shape_text(shape)
    if not shape:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, "
            "but got normalized_shape = []"
        )
    for name, p in parameters.items():
        if p is not None and p.shape != shape:
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape "
                f"{shape_text(p.shape)} and normalized_shape = {text}"
            )
    if input.ndim < len(shape) or input.shape[input.ndim - len(shape) :] != shape:
        raise RuntimeError(
            f"Given normalized_shape={text}, expected input with shape [*{star}{text[1:]}, "
            f"but got input of size{shape_text(input.shape)}"
        )


def check_instance(
    input: Any, running_mean: Any, running_var: Any, weight: Any, bias: Any, eps: float, momentum: Any = None
) -> None:
    batch, count = input.shape[:2]
    given = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    for name, p in given.items():  # counted as PyTorch does, with one channel per sample and channel
        if p is not None and math.prod(p.shape) != count:
            raise RuntimeError(
                f"{name} should contain {batch * count} elements not {batch * math.prod(p.shape)}"
            )
    check_statistics(input, running_mean, running_var, weight, bias, eps)


def check_layer(input: Any, normalized_shape: Any, weight: Any, bias: Any, eps: float) -> None:
    if isinstance(normalized_shape, int):
        raise TypeError(
            "layer_norm(): argument 'normalized_shape' (position 2) must be tuple of ints, not int"
        )
    _check_shape(input, normalized_shape, ", ", weight=weight, bias=bias)
    _check_dtypes("LayerNormKernelImpl", input, weight, bias)


def check_rms(input: Any, normalized_shape: Any, weight: Any, eps: Any) -> None:
    if isinstance(normalized_shape, int):
        raise TypeError("rms_norm(): argument 'normalized_shape' (position 2) must be tuple of ints, not int")
    _check_shape(input, normalized_shape, "", weight=weight)
    if not (input.dtype.is_floating_point or input.dtype.is_complex):
        raise not_implemented("rms_norm", input.dtype)


def check_group(input: Any, num_groups: int, weight: Any, bias: Any, eps: float) -> None:
    if input.ndim < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {input.ndim}")
    shape, count = shape_text(input.shape), input.shape[1]
    sizes = [input.shape[0] * count // num_groups, num_groups, *input.shape[2:]]
    if math.prod(sizes[:1] + sizes[2:]) == 1:
        raise ValueError(MSG_VALUES.format(what="value per channel", size=sizes))
    if num_groups <= 0:
        raise RuntimeError(f"Expected num groups to be greater than 0, got {num_groups}")
    if count % num_groups:
        raise RuntimeError(
            "Expected number of channels in input to be divisible by num_groups, but got input of shape "
            f"{shape} and num_groups={num_groups}"
        )
    for name, p in (("weight", weight), ("bias", bias)):
        if p is not None and p.shape != (count,):
            raise RuntimeError(
                f"Expected {name} to be a vector of size equal to the number of channels in input, but got "
                f"{name} of shape {shape_text(p.shape)} and input of shape {shape}"
            )
    _check_dtypes("GroupNormKernelImpl", input, weight, bias)
