"""Fake quantisation: floats rounded to the levels an integer grid has, with straight-through gradients."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from .._core import dtypes
from .._core.checks import guard
from .._core.registry import Array, Operand, function, op
from .._core.tensor import Tensor
from .strides import wrap_dim
from .validate import not_implemented, scalar_name

_MSG_LEVELS = "`quant_min` should be less than or         equal to `quant_max`."
_MSG_ZERO_POINT = "`zero_point` must be between `quant_min` and `quant_max`."
_MSG_CONSTANT = (
    "The function '{}' is not differentiable with respect to argument '{}'. "
    "This input cannot have requires_grad True."
)


@jax.custom_jvp
def _straight(x: Any, value: Any, inside: Any) -> Any:
    """`value`, with the gradient of `x` where `inside`."""
    return value


@_straight.defjvp
def _straight_jvp(primals: Any, tangents: Any) -> Any:
    _, value, inside = primals
    return value, jnp.where(inside, tangents[0], 0)


def _on_grid(
    x: Any, scale: Any, level: Any, zero_point: Any, quant_min: int, quant_max: int, dtype: Any
) -> Any:
    """`x` at its level (rounded already), held to the grid; steps from the zero point are taken in `dtype`."""
    inside = (level >= quant_min) & (level <= quant_max)
    held = jnp.where(level >= quant_min, jnp.minimum(level, quant_max), quant_min)  # nan: the lowest level
    return _straight(x, ((held - zero_point).astype(dtype) * scale).astype(x.dtype), inside)


def _wide(x: Any) -> Any:
    """`x` in the dtype that levels are computed in: float32 at least."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def _check_dtype(kernel: str, input: Any) -> None:
    if not input.dtype.is_floating_point:
        raise not_implemented(kernel, input.dtype)


@op(
    spaces=(),
    name="fake_quantize_per_tensor_affine",
    grad_name="FakeQuantizePerTensorAffineCachemaskBackward0",
)
def _per_tensor(input: Array, scale: Operand, zero_point: Operand, quant_min: int, quant_max: int):
    scale = lax.stop_gradient(scale).reshape(()).astype(jnp.float32)
    zero = jnp.trunc(lax.stop_gradient(zero_point).reshape(()).astype(jnp.float32))
    x = _wide(input)
    level = jnp.round(lax.stop_gradient(x) * (1 / scale).astype(x.dtype)) + zero.astype(x.dtype)
    return _on_grid(input, scale, level, zero, quant_min, quant_max, jnp.float32)


@function(spaces=("torch",))
def fake_quantize_per_tensor_affine(
    input: Tensor, scale: Any, zero_point: Any, quant_min: int, quant_max: int
) -> Tensor:
    """`(clamp(round(input / scale) + zero_point, quant_min, quant_max) - zero_point) * scale`.

    The gradient is that of the identity where the level lies on the grid, else 0.

    Args:
        input: floating.
        scale, zero_point: numbers, or tensors of one element, which must not require grad.

    Raises:
        RuntimeError: `quant_min > quant_max`, a number as `zero_point` off the grid, or a tensor of several elements.
        NotImplementedError: `input` is not floating.
    """
    given = [("scale", scale), ("zero_point", zero_point)]
    if isinstance(scale, Tensor) or isinstance(zero_point, Tensor):
        for name, value in given:
            if not isinstance(value, Tensor):
                continue
            if value.requires_grad:
                name = ("_fake_quantize_per_tensor_affine_cachemask_tensor_qparams", name)
                raise RuntimeError(_MSG_CONSTANT.format(*name))
            if value.numel() != 1:
                raise RuntimeError(f"a Tensor with {value.numel()} elements cannot be converted to Scalar")
    elif isinstance(zero_point, float):
        raise TypeError("zero_point must be an int")
    elif quant_min <= quant_max and not quant_min <= zero_point <= quant_max:
        raise RuntimeError(_MSG_ZERO_POINT)
    if quant_min > quant_max:
        raise RuntimeError(_MSG_LEVELS)
    _check_dtype("fake_quantize_tensor_cachemask_kernel_type_handling", input)
    return _per_tensor(input, scale, zero_point, quant_min, quant_max)


@op(spaces=(), name="fake_quantize_per_channel_affine",
    grad_name="FakeQuantizePerChannelAffineCachemaskBackward0")  # fmt: skip
def _per_channel(input: Array, scale: Array, zero_point: Array, axis: int, quant_min: int, quant_max: int):
    off = (zero_point < quant_min) | (zero_point > quant_max)
    if not jnp.issubdtype(zero_point.dtype, jnp.floating):
        guard(jnp.any(off), RuntimeError, _MSG_ZERO_POINT)
    shape = tuple(n if i == axis else 1 for i, n in enumerate(input.shape))
    scale = scale.astype(jnp.float32).reshape(shape)
    zero = zero_point.astype(jnp.float32).reshape(shape)
    x = _wide(input)
    level = lax.stop_gradient(x) * (1 / scale).astype(x.dtype)
    if jnp.issubdtype(zero_point.dtype, jnp.floating):
        level = jnp.round(level + zero.astype(x.dtype))
    else:
        level = jnp.round(level) + zero.astype(x.dtype)
    return _on_grid(input, scale, level, zero, quant_min, quant_max, x.dtype)


@function(spaces=("torch",))
def fake_quantize_per_channel_affine(
    input: Tensor, scale: Tensor, zero_point: Tensor, axis: int, quant_min: int, quant_max: int
) -> Tensor:
    """As `fake_quantize_per_tensor_affine`, each slice along `axis` with a scale and zero point of its own.

    Args:
        scale: float32 or bfloat16, `(input.shape[axis],)`.
        zero_point: int32, float32 or float16, of the same shape. One with a fraction shifts before rounding.

    Raises:
        RuntimeError: shapes or dtypes differ from these, `quant_min > quant_max`, or a zero point off the grid.
    """
    if scale.requires_grad:
        raise RuntimeError(_MSG_CONSTANT.format("fake_quantize_per_channel_affine_cachemask", "scale"))
    if scale.dtype not in (dtypes.float32, dtypes.bfloat16):
        raise RuntimeError(f"Scale must be Float or BFloat16, found {scalar_name(scale.dtype)}")
    if zero_point.dtype not in (dtypes.int32, dtypes.float32, dtypes.float16):
        raise RuntimeError(f"Zero-point must be Int32, Float or Half, found {scalar_name(zero_point.dtype)}")
    for name, value in (("scale", scale), ("zero point", zero_point)):
        if value.ndim != 1:
            raise RuntimeError(f"{name} should be a 1-D tensor")
    if scale.shape != zero_point.shape:
        raise RuntimeError("scale and zero-point need to have the same dimensions")
    if scale.shape[0] != input.shape[wrap_dim(axis, input.ndim)]:
        raise RuntimeError("dimensions of scale and zero-point are not consistent with input tensor")
    if quant_min > quant_max:
        raise RuntimeError(_MSG_LEVELS)
    if axis < 0:
        raise RuntimeError("`axis` must be between 0 and number of dimensions of input")
    _check_dtype("fake_quantize_channel_cachemask_cpu_type_handling", input)
    return _per_channel(input, scale, zero_point, axis, quant_min, quant_max)
