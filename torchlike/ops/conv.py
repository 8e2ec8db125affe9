"""Convolutions and transposed convolutions over one, two and three axes.

Each row checks its arguments as PyTorch does and hands the work to `lowering/conv.py`.
"""

from __future__ import annotations

from typing import Any

from .._core.registry import Array, Ints, function, op
from .lowering.conv import Geometry, conv, conv_grad_input
from .validate import c_name, scalar_name, shape_text

SPACES = ("torch", "nn.functional")

_MSG_RANK = "Expected {a}D (unbatched) or {b}D (batched) input to {name}, but got input of size: {size}"
_MSG_LENGTH = (
    "expected {what} to be a single integer value or a list of {rank} values to match the convolution "
    "dimensions, but got {what}={got}"
)
_MSG_INPUT_CHANNELS = (
    "Given {kind}, weight of size {weight}, expected input{input} to have {expected} channels, "
    "but got {got} channels instead"
)
_MSG_BIAS = (
    "Given {kind}weight of size {weight}, expected bias to be 1-dimensional with {expected} elements, "
    "but got bias of size {got} instead"
)
_MSG_SMALL_INPUT = (
    "Calculated padded input size per channel: ({input}). Kernel size: ({kernel}). "
    "Kernel size can't be greater than actual input size"
)
_MSG_SMALL_OUTPUT = (
    "Given input size per channel: ({input}). Calculated output size per channel: ({output}). "
    "Output size is too small"
)
_MSG_OUTPUT_PADDING = "output padding must be smaller than either stride or dilation, but got {}"
_AXES = ("depth", "height", "width")


# ---- arguments ----------------------------------------------------------------------------------


def _tuple(value: Any, rank: int, what: str) -> tuple[int, ...]:
    """`rank` ints from an int or a sequence of 1 or `rank` ints."""
    values = (value,) if isinstance(value, int) else tuple(value)
    if len(values) == 1:
        values *= rank
    if len(values) != rank:
        raise RuntimeError(_MSG_LENGTH.format(what=what, rank=rank, got=shape_text(values)))
    return values


def _cross(sizes: Any) -> str:
    return " x ".join(map(str, sizes))


def _pads(
    padding: Any, rank: int, kernel: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[tuple[int, int], ...]:
    """(low, high) zero padding per axis; 'same' puts the odd element at the high end."""
    if padding == "valid":
        return ((0, 0),) * rank
    if padding == "same":
        totals = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        return tuple((t // 2, t - t // 2) for t in totals)
    return tuple((p, p) for p in _tuple(padding, rank, "padding"))


def _check_layout(name: str, rank: int, input: Any, weight: Any, stride: Any, padding: Any) -> None:
    if input.ndim not in (rank + 1, rank + 2):
        raise RuntimeError(_MSG_RANK.format(a=rank + 1, b=rank + 2, name=name, size=shape_text(input.shape)))
    if weight.ndim == rank + 2:
        return
    if weight.ndim < 3:
        raise RuntimeError("weight should have at least three dimensions")
    if isinstance(padding, str):
        shape, n = _batched(input, rank), weight.ndim
        raise RuntimeError(
            f"Expected {n}-dimensional input for {n}-dimensional weight{shape_text(weight.shape)}, but got "
            f"{len(shape)}-dimensional input of size {shape_text(shape)} instead"
        )
    got = shape_text(_tuple(stride, rank, "stride"))
    raise RuntimeError(_MSG_LENGTH.format(what="stride", rank=weight.ndim - 2, got=got))


def _check_dtypes(input: Any, weight: Any, bias: Any) -> None:
    if bias is not None and bias.dtype != input.dtype:
        raise RuntimeError(
            f"Input type ({c_name(input.dtype)}) and bias type ({c_name(bias.dtype)}) should be the same"
        )
    if input.dtype != weight.dtype:
        raise RuntimeError(
            f"expected scalar type {scalar_name(input.dtype)} but found {scalar_name(weight.dtype)}"
        )
    if input.dtype.name == "bool":
        raise NotImplementedError("\"slow_conv2d_cpu\" not implemented for 'Bool'")


def _check_positive(
    rank: int, stride: Any, padding: Any, dilation: Any, groups: int, output_padding: Any = 0
) -> None:
    """The numbers alone, in PyTorch's order."""
    if any(p < 0 for p in _tuple(output_padding, rank, "output_padding")):
        raise RuntimeError("negative output_padding is not supported")
    if not isinstance(padding, str) and any(p < 0 for p in _tuple(padding, rank, "padding")):
        raise RuntimeError("negative padding is not supported")
    if any(s <= 0 for s in _tuple(stride, rank, "stride")):
        raise RuntimeError("non-positive stride is not supported")
    dilation = _tuple(dilation, rank, "dilation")
    if any(d <= 0 for d in dilation):
        raise RuntimeError(f"dilation should be greater than zero, but got {shape_text(dilation)}")
    if groups <= 0:
        raise RuntimeError("non-positive groups is not supported")


def _check_groups(weight: Any, groups: int) -> None:
    size = shape_text(weight.shape)
    if weight.shape[0] < groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be at least {groups} at dimension 0, "
            f"but got weight of size {size} instead"
        )
    if weight.shape[0] % groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, "
            f"but got weight of size [{size}] instead"
        )


def _check_kernel(kernel: tuple[int, ...]) -> None:
    if 0 in kernel:
        got = " ".join(f"kernel_{axis}: {k}" for axis, k in zip(_AXES[-len(kernel) :], kernel, strict=True))
        raise RuntimeError(f"kernel size should be greater than zero, but got {got}")


def _batched(input: Any, rank: int) -> tuple[int, ...]:
    """The shape with a batch axis; an unbatched input counts as a batch of one."""
    return input.shape if input.ndim == rank + 2 else (1, *input.shape)


# ---- convolution ------------------------------------------------------------------------------------


def _check_conv(rank: int) -> Any:
    name = f"conv{rank}d"

    def check(
        input: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
    ) -> None:
        _check_layout(name, rank, input, weight, stride, padding)
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise RuntimeError(f"Invalid padding string: '{padding}'")
            if padding == "same" and any(s != 1 for s in _tuple(stride, rank, "stride")):
                raise RuntimeError("padding='same' is not supported for strided convolutions")
        _check_dtypes(input, weight, bias)
        _check_positive(rank, stride, padding, dilation, groups)
        _check_groups(weight, groups)
        shape, kernel, size = _batched(input, rank), weight.shape[2:], shape_text(weight.shape)
        if shape[1] != weight.shape[1] * groups:
            raise RuntimeError(
                _MSG_INPUT_CHANNELS.format(
                    kind=f"groups={groups}", weight=size, input=shape_text(shape),
                    expected=weight.shape[1] * groups, got=shape[1],
                )
            )  # fmt: skip
        if bias is not None and bias.shape != (weight.shape[0],):
            got = shape_text(bias.shape)
            raise RuntimeError(_MSG_BIAS.format(kind="", weight=size, expected=weight.shape[0], got=got))
        _check_kernel(kernel)
        dilation = _tuple(dilation, rank, "dilation")
        padded = [
            n + lo + hi for n, (lo, hi) in zip(shape[2:], _pads(padding, rank, kernel, dilation), strict=True)
        ]
        reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
        if any(n < r for n, r in zip(padded, reach, strict=True)):
            raise RuntimeError(_MSG_SMALL_INPUT.format(input=_cross(padded), kernel=_cross(reach)))

    return check


def _with_bias(y: Any, bias: Any) -> Any:
    return y if bias is None else y + bias.reshape(-1, *(1,) * (y.ndim - 2))


def _convolution(x: Any, w: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    rank = w.ndim - 2
    dilation = _tuple(dilation, rank, "dilation")
    pads = _pads(padding, rank, w.shape[2:], dilation)
    geometry = Geometry(_tuple(stride, rank, "stride"), pads, dilation, groups)
    y = _with_bias(conv(x.reshape(_batched(x, rank)), w, geometry=geometry), bias)
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


def _row(rank: int, check: Any, template: str) -> Any:
    row = op(spaces=SPACES, saves=("input", "weight"), check=check(rank), grad_name="ConvolutionBackward0")
    document = _document(template, rank)
    return lambda fn: row(document(fn))


@_row(1, _check_conv, _DOC_CONV)
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


@_row(2, _check_conv, _DOC_CONV)
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


@_row(3, _check_conv, _DOC_CONV)
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


def _transposed_sizes(
    space: Any, kernel: Any, stride: Any, padding: Any, output_padding: Any, dilation: Any
) -> tuple[int, ...]:
    return tuple(
        (n - 1) * s - 2 * p + d * (k - 1) + o + 1
        for n, k, s, p, o, d in zip(space, kernel, stride, padding, output_padding, dilation, strict=True)
    )


def _check_transpose(rank: int) -> Any:
    name = f"conv_transpose{rank}d"

    def check(
        input: Any,
        weight: Any,
        bias: Any,
        stride: Any,
        padding: Any,
        output_padding: Any,
        groups: int,
        dilation: Any,
    ) -> None:
        if isinstance(padding, str):
            raise TypeError(f"{name}(): argument 'padding' must be tuple of ints, not str")
        _check_layout(name, rank, input, weight, stride, padding)
        _check_dtypes(input, weight, bias)
        _check_positive(rank, stride, padding, dilation, groups, output_padding)
        _check_groups(weight, groups)
        shape, kernel, size = _batched(input, rank), weight.shape[2:], shape_text(weight.shape)
        if shape[1] != weight.shape[0]:
            raise RuntimeError(
                _MSG_INPUT_CHANNELS.format(
                    kind="transposed=1",
                    weight=size,
                    input=shape_text(shape),
                    expected=weight.shape[0],
                    got=shape[1],
                )
            )
        outputs = weight.shape[1] * groups
        if bias is not None and bias.shape != (outputs,):
            got = shape_text(bias.shape)
            raise RuntimeError(
                _MSG_BIAS.format(kind="transposed=1, ", weight=size, expected=outputs, got=got)
            )
        _check_kernel(kernel)
        steps = {
            "output_padding": _tuple(output_padding, rank, "output_padding"),
            "stride": _tuple(stride, rank, "stride"),
            "dilation": _tuple(dilation, rank, "dilation"),
        }
        if any(o >= s and o >= d for o, s, d in zip(*steps.values(), strict=True)):
            parts = [
                f"{what}_{axis}: {v}"
                for what, values in steps.items()
                for axis, v in zip(_AXES[-rank:], values, strict=True)
            ]
            raise RuntimeError(_MSG_OUTPUT_PADDING.format(" ".join(parts)))
        out = _transposed_sizes(
            shape[2:], kernel, steps["stride"], _tuple(padding, rank, "padding"), steps["output_padding"],
            steps["dilation"],
        )  # fmt: skip
        if any(n < 1 for n in out):
            raise RuntimeError(_MSG_SMALL_OUTPUT.format(input=_cross(shape[2:]), output=_cross(out)))

    return check


def _transposed_convolution(
    x: Any, w: Any, bias: Any, stride: Any, padding: Any, output_padding: Any, groups: int, dilation: Any
) -> Any:
    rank = w.ndim - 2
    stride, dilation = _tuple(stride, rank, "stride"), _tuple(dilation, rank, "dilation")
    padding, extra = _tuple(padding, rank, "padding"), _tuple(output_padding, rank, "output_padding")
    shape = _batched(x, rank)
    space = _transposed_sizes(shape[2:], w.shape[2:], stride, padding, extra, dilation)
    # The convolution of which this is the transpose never reads the rows that output_padding adds.
    pads = tuple((p, p - o) for p, o in zip(padding, extra, strict=True))
    geometry = Geometry(stride, pads, dilation, groups)
    y = _with_bias(conv_grad_input(x.reshape(shape), w, geometry=geometry, space=space), bias)
    return y if x.ndim == rank + 2 else y[0]


@_row(1, _check_transpose, _DOC_TRANSPOSE)
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


@_row(2, _check_transpose, _DOC_TRANSPOSE)
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


@_row(3, _check_transpose, _DOC_TRANSPOSE)
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


def _check_tbc(input: Any, weight: Any, bias: Any, pad: int) -> None:
    if input.ndim != 3:
        raise RuntimeError("Input must have 3 dims: time, batch, in_channel")
    if weight.ndim != 3:
        raise RuntimeError("Weight tensor must have 3 dims: kernel_width, in_channels, out_channels.")
    if bias.ndim != 1:
        raise RuntimeError("Bias must be 1-D")
    if input.shape[2] != weight.shape[1]:
        raise RuntimeError("Input dim 2 (input channels) is not == dim 1 in the weight tensor")
    if weight.shape[2] != bias.shape[0]:
        raise RuntimeError("Bias size must equal dim 2 in the weight tensor (output channels).")


@op(spaces=SPACES, saves=("input", "weight"), check=_check_tbc)
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
