"""Convolutions and transposed convolutions over one, two and three axes.

Each row checks its arguments as PyTorch does and hands the work to `lowering/conv.py`.
"""

from __future__ import annotations

from typing import Any

from .._core.orders import channels, laid_anew
from .._core.registry import Array, Ints, function, op
from .conv_checks import (
    batched,
    check_conv,
    check_tbc,
    check_transpose,
    ints,
    padding_pairs,
    transposed_sizes,
)
from .lowering.conv import conv, conv_grad_input
from .lowering.conv_products import Geometry
from .validate import shape_text

SPACES = ("torch", "nn.functional")

# ---- convolution ------------------------------------------------------------------------------------


def _with_bias(y: Any, bias: Any) -> Any:
    return y if bias is None else y + bias.reshape(-1, *(1,) * (y.ndim - 2))


def _convolution(x: Any, w: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    rank = w.ndim - 2
    dilation = ints(dilation, rank, "dilation")
    pads = padding_pairs(padding, rank, w.shape[2:], dilation)
    geometry = Geometry(ints(stride, rank, "stride"), pads, dilation, groups)
    y = _with_bias(conv(x.reshape(batched(x, rank)), w, geometry=geometry), bias)
    return y if x.ndim == rank + 2 else y[0]


_DOC_CONV = """Correlates `input` with `weight` over {axes} and adds `bias`.

Args:
    input: (N, C, {space}), or (C, {space}) without a batch.
    weight: (O, C / groups, {kernel}).
    bias: (O,) or None.
    stride: step between windows, an int or one per axis.
    padding: zeros at both ends of each axis, an int or one per axis; 'valid' for none, 'same' for as many as
        keep the size (stride 1 only).
    dilation: step between kernel elements, an int or one per axis.
    groups: number of blocks into which input and output channels are split.

Returns:
    (N, O, {out}) with out = (in + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1.
"""
_DOC_TRANSPOSE = """The transposed convolution: the gradient of a convolution with respect to its input.

Args:
    input: (N, C, {space}), or (C, {space}) without a batch.
    weight: (C, O / groups, {kernel}).
    bias: (O,) or None.
    stride, dilation, groups: those of the convolution; ints, or one per axis.
    padding: the convolution's zero padding, which here shrinks the result.
    output_padding: added to one end of each axis of the result; smaller than `stride` or `dilation`.

Returns:
    (N, O, {out}) with out = (in - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1.
"""


def _document(template: str, rank: int) -> Any:
    axes = ("one axis", "two axes", "three axes")[rank - 1]
    shape = lambda suffix: ", ".join(a + suffix for a in "DHW"[3 - rank :])  # noqa: E731

    def decorate(fn: Any) -> Any:
        fn.__doc__ = template.format(axes=axes, space=shape(""), kernel=shape("k"), out=shape("out"))
        return fn

    return decorate


def _row(rank: int, check: Any, template: str, layout: Any = channels) -> Any:
    row = op(
        spaces=SPACES, saves=("input!", "weight!"), check=check(rank), grad_name="ConvolutionBackward0", layout=layout,
    )  # fmt: skip
    document = _document(template, rank)
    return lambda fn: row(document(fn))


@_row(1, check_conv, _DOC_CONV)
def conv1d(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Ints = 1,
    padding: Any = 0,
    dilation: Ints = 1,
    groups: int = 1,
):
    return _convolution(input, weight, bias, stride, padding, dilation, groups)


@_row(2, check_conv, _DOC_CONV)
def conv2d(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Ints = 1,
    padding: Any = 0,
    dilation: Ints = 1,
    groups: int = 1,
):
    return _convolution(input, weight, bias, stride, padding, dilation, groups)


@_row(3, check_conv, _DOC_CONV)
def conv3d(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Ints = 1,
    padding: Any = 0,
    dilation: Ints = 1,
    groups: int = 1,
):
    return _convolution(input, weight, bias, stride, padding, dilation, groups)


# ---- transposed convolution ----------------------------------------------------------------------


def _transposed_convolution(
    x: Any, w: Any, bias: Any, stride: Any, padding: Any, output_padding: Any, groups: int, dilation: Any
) -> Any:
    rank = w.ndim - 2
    stride, dilation = ints(stride, rank, "stride"), ints(dilation, rank, "dilation")
    padding, extra = ints(padding, rank, "padding"), ints(output_padding, rank, "output_padding")
    shape = batched(x, rank)
    space = transposed_sizes(shape[2:], w.shape[2:], stride, padding, extra, dilation)
    # The convolution of which this is the transpose never reads the rows that output_padding adds.
    pads = tuple((p, p - o) for p, o in zip(padding, extra, strict=True))
    geometry = Geometry(stride, pads, dilation, groups)
    y = _with_bias(conv_grad_input(x.reshape(shape), w, geometry=geometry, space=space), bias)
    return y if x.ndim == rank + 2 else y[0]


@_row(1, check_transpose, _DOC_TRANSPOSE)
def conv_transpose1d(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Ints = 1,
    padding: Ints = 0,
    output_padding: Ints = 0,
    groups: int = 1,
    dilation: Ints = 1,
):
    return _transposed_convolution(input, weight, bias, stride, padding, output_padding, groups, dilation)


@_row(2, check_transpose, _DOC_TRANSPOSE)
def conv_transpose2d(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Ints = 1,
    padding: Ints = 0,
    output_padding: Ints = 0,
    groups: int = 1,
    dilation: Ints = 1,
):
    return _transposed_convolution(input, weight, bias, stride, padding, output_padding, groups, dilation)


@_row(3, check_transpose, _DOC_TRANSPOSE, laid_anew)
def conv_transpose3d(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Ints = 1,
    padding: Ints = 0,
    output_padding: Ints = 0,
    groups: int = 1,
    dilation: Ints = 1,
):
    return _transposed_convolution(input, weight, bias, stride, padding, output_padding, groups, dilation)


@op(spaces=SPACES, saves=("input!", "weight!"), check=check_tbc)
def conv_tbc(input: Array, weight: Array, bias: Array, pad: int = 0):
    """A one-axis convolution of (time, batch, channels) data.

    Args:
        input: (T, N, C).
        weight: (K, C, O).
        bias: (O,).
        pad: zeros at both ends of time.

    Returns:
        (T + 2 * pad - K + 1, N, O).
    """
    y = _convolution(input.transpose(1, 2, 0), weight.transpose(2, 1, 0), bias, 1, pad, 1, 1)
    return y.transpose(2, 0, 1)


@function(spaces=("torch",))
def convolution(
    input: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, transposed: bool,
    output_padding: Any, groups: int,
) -> Any:  # fmt: skip
    """The convolution, or transposed convolution, over as many axes as `weight` has kernel axes."""
    rank = weight.ndim - 2
    if rank not in (1, 2, 3):
        raise RuntimeError(
            f"convolution: weight must have 1 to 3 kernel axes, got size {shape_text(weight.shape)}"
        )
    if transposed:
        row = (conv_transpose1d, conv_transpose2d, conv_transpose3d)[rank - 1]
        return row(input, weight, bias, stride, padding, output_padding, groups, dilation)
    return (conv1d, conv2d, conv3d)[rank - 1](input, weight, bias, stride, padding, dilation, groups)
