"""`torch.nn.functional.linear` and `bilinear`."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp

from .._core.registry import Array, op
from .matmul import no_bools
from .validate import c_name, scalar_name, shape_text


def _check_linear(input: Any, weight: Any, bias: Any = None, **_: Any) -> None:
    if input.ndim == 0:
        raise RuntimeError(
            f"both arguments to linear need to be at least 1D, but they are 0D and {weight.ndim}D"
        )
    rows = 1
    for n in input.shape[:-1]:
        rows *= n
    k = input.shape[-1]
    if weight.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {weight.ndim}D")
    if weight.shape[-1:] != (k,):
        if weight.ndim == 1:
            raise RuntimeError(
                f"size mismatch, got input ({rows}), mat ({rows}x{k}), vec ({weight.shape[0]})"
            )
        out, have = weight.shape
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({rows}x{k} and {have}x{out})")
    if input.dtype is not weight.dtype:
        a, b = input.dtype, weight.dtype
        if bias is not None and input.ndim == 2 and bias.dtype is b:
            raise RuntimeError(
                f"mat1 and mat2 must have the same dtype, but got {scalar_name(a)} and {scalar_name(b)}"
            )
        if bias is not None and input.ndim == 2:
            raise RuntimeError(
                f"self and mat2 must have the same dtype, but got {scalar_name(bias.dtype)} and {scalar_name(b)}"
            )
        raise RuntimeError(f"expected m1 and m2 to have the same dtype, but got: {c_name(a)} != {c_name(b)}")
    no_bools("addmm_impl_cpu_", input, weight)
    if bias is None:
        return
    if weight.ndim == 1:
        raise RuntimeError("mat2 must be a matrix, got 1-D tensor")
    if bias.dtype is not weight.dtype:
        raise RuntimeError(
            f"self and mat2 must have the same dtype, but got {scalar_name(bias.dtype)} and "
            f"{scalar_name(weight.dtype)}"
        )
    target = (rows, weight.shape[0])
    for i, (have, want) in enumerate(zip(bias.shape[::-1], target[::-1]), 1):
        if have not in (1, want):
            raise RuntimeError(
                f"The expanded size of the tensor ({want}) must match the existing size ({have}) at "
                "non-singleton "
                f"dimension {2 - i}.  Target sizes: {shape_text(target)}.  Tensor sizes: "
                f"{shape_text(bias.shape)}"
            )


@op(spaces=("nn.functional",), saves=("input", "weight"), check=_check_linear)
def linear(input: Array, weight: Array, bias: Array | None = None):
    """`input @ weight.T + bias`.

    Args:
        input: `(..., in)`.
        weight: `(out, in)`, or `(in,)` for a result without the last dimension.
        bias: `(out,)`.

    Raises:
        RuntimeError: the sizes do not fit.
    """
    flat = input.reshape(
        math.prod(input.shape[:-1]), input.shape[-1]
    )  # (rows, in): one GEMM, whatever the leading dimensions
    out = flat @ weight.T  # (rows, out)
    if bias is not None:
        out = out + bias
    return out.reshape(*input.shape[:-1], *weight.shape[:-1])


def _check_bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None, **_: Any) -> None:
    if not input1.dtype is input2.dtype is weight.dtype:
        a, b, w = (c_name(x.dtype) for x in (input1, input2, weight))
        raise RuntimeError(f"All tensors must have the same dtype, got input1: {a}, input2: {b}, weight: {w}")
    if input1.ndim != input2.ndim:
        raise RuntimeError(f"bilinear(): input dimensions do not match: got {input1.ndim} and {input2.ndim}")
    for i, (a, b) in enumerate(zip(input1.shape[:-1], input2.shape[:-1])):
        if a != b:
            raise RuntimeError(f"bilinear(): input batch dimensions do not match at dim {i}: got {a} and {b}")
    for i, x in ((1, input1), (2, input2)):
        if x.shape[-1] != weight.shape[i]:
            raise RuntimeError(
                f"bilinear(): input{i} size does not match weight size: got {x.shape[-1]} but expected "
                f"{weight.shape[i]}"
            )
    if bias is not None and bias.shape[0] != weight.shape[0]:
        raise RuntimeError(
            f"bilinear(): bias size does not match weight size: got {bias.shape[0]} but expected "
            f"{weight.shape[0]}"
        )


@op(spaces=("torch", "nn.functional"), saves=("input1", "input2", "weight"), check=_check_bilinear)
def bilinear(input1: Array, input2: Array, weight: Array, bias: Array | None = None):
    """`input1^T W input2 + bias` per output feature.

    Args:
        input1: `(..., in1)`; input2: `(..., in2)`; weight: `(out, in1, in2)`; bias: `(out,)`.
    """
    rows = math.prod(input1.shape[:-1])
    a = input1.reshape(rows, input1.shape[-1])
    b = input2.reshape(rows, input2.shape[-1])
    left = jnp.einsum("ni,oij->noj", a, weight)  # (rows, out, in2)
    out = (left * b[:, None, :]).sum(-1).astype(input1.dtype)
    if bias is not None:
        out = out + bias
    return out.reshape(*input1.shape[:-1], weight.shape[0])
