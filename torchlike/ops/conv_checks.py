"""Arguments of the convolution rows, and PyTorch's errors for them."""

from __future__ import annotations

import math
from typing import Any

from .._core.autograd import TYPE_NAMES
from .validate import c_name, not_implemented, scalar_name, shape_text

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


def ints(value: Any, rank: int, what: str) -> tuple[int, ...]:
    """`rank` ints from an int or a sequence of 1 or `rank` ints."""
    values = (value,) if isinstance(value, int) else tuple(value)
    if len(values) == 1:
        values *= rank
    if len(values) != rank:
        raise RuntimeError(_MSG_LENGTH.format(what=what, rank=rank, got=shape_text(values)))
    return values


def _cross(sizes: Any) -> str:
    return " x ".join(map(str, sizes))


def padding_pairs(
    padding: Any, rank: int, kernel: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[tuple[int, int], ...]:
    """(low, high) zero padding per axis; 'same' puts the odd element at the high end."""
    if padding == "valid":
        return ((0, 0),) * rank
    if padding == "same":
        totals = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        return tuple((t // 2, t - t // 2) for t in totals)
    return tuple((p, p) for p in ints(padding, rank, "padding"))


def _check_layout(name: str, rank: int, input: Any, weight: Any, stride: Any, padding: Any) -> None:
    if input.ndim not in (rank + 1, rank + 2):
        raise RuntimeError(_MSG_RANK.format(a=rank + 1, b=rank + 2, name=name, size=shape_text(input.shape)))
    if weight.ndim == rank + 2:
        return
    if weight.ndim < 3:
        raise RuntimeError("weight should have at least three dimensions")
    if isinstance(padding, str):
        shape, n = batched(input, rank), weight.ndim
        raise RuntimeError(
            f"Expected {n}-dimensional input for {n}-dimensional weight{shape_text(weight.shape)}, but got "
            f"{len(shape)}-dimensional input of size {shape_text(shape)} instead"
        )
    got = shape_text(ints(stride, rank, "stride"))
    raise RuntimeError(_MSG_LENGTH.format(what="stride", rank=weight.ndim - 2, got=got))


def _by_mkldnn(input: Any, weight: Any, groups: int) -> bool:
    """Whether PyTorch gives this convolution to MKLDNN on CPU; its two paths word a wrong dtype differently."""
    return input.dtype.name == "float32" and (
        groups > 1
        or (weight.ndim > 3 and min(weight.shape[-2:]) > 3)
        or (input.ndim == weight.ndim and input.shape[0] > 1)
        or math.prod(input.shape[:4]) > 20480
    )


def _check_dtypes(input: Any, weight: Any, bias: Any, groups: int, transposed: bool = False) -> None:
    if bias is not None and bias.dtype != input.dtype:
        raise RuntimeError(
            f"Input type ({c_name(input.dtype)}) and bias type ({c_name(bias.dtype)}) should be the same"
        )
    if input.dtype != weight.dtype:
        if not _by_mkldnn(input, weight, groups):
            raise RuntimeError(
                f"expected scalar type {scalar_name(input.dtype)} but found {scalar_name(weight.dtype)}"
            )
        raise RuntimeError(
            f"Input type (torch.{TYPE_NAMES[input.dtype.name]}) and weight type (torch.{TYPE_NAMES[weight.dtype.name]}) "
            "should be the same or input should be a MKLDNN tensor and weight is a dense tensor"
        )
    if transposed and (input.dtype.name == "bool" or input.dtype.name in ("uint8", "int8", "int16", "int32")):
        raise not_implemented(f"slow_conv_transpose{max(input.ndim - 2, 2)}d_out_cpu", input.dtype)
    if input.dtype.name == "bool":
        raise not_implemented("slow_conv2d_cpu", input.dtype)


def _check_positive(
    rank: int, stride: Any, padding: Any, dilation: Any, groups: int, output_padding: Any = 0
) -> None:
    """The numbers alone, in PyTorch's order."""
    if any(p < 0 for p in ints(output_padding, rank, "output_padding")):
        raise RuntimeError("negative output_padding is not supported")
    if not isinstance(padding, str) and any(p < 0 for p in ints(padding, rank, "padding")):
        raise RuntimeError("negative padding is not supported")
    if any(s <= 0 for s in ints(stride, rank, "stride")):
        raise RuntimeError("non-positive stride is not supported")
    dilation = ints(dilation, rank, "dilation")
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


def batched(input: Any, rank: int) -> tuple[int, ...]:
    """The shape with a batch axis; an unbatched input counts as a batch of one."""
    return input.shape if input.ndim == rank + 2 else (1, *input.shape)


def check_conv(rank: int) -> Any:
    name = f"conv{rank}d"

    def check(
        input: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
    ) -> None:
        _check_layout(name, rank, input, weight, stride, padding)
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise RuntimeError(f"Invalid padding string: '{padding}'")
            if padding == "same" and any(s != 1 for s in ints(stride, rank, "stride")):
                raise RuntimeError("padding='same' is not supported for strided convolutions")
        _check_dtypes(input, weight, bias, groups)
        _check_positive(rank, stride, padding, dilation, groups)
        _check_groups(weight, groups)
        shape, kernel, size = batched(input, rank), weight.shape[2:], shape_text(weight.shape)
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
        dilation = ints(dilation, rank, "dilation")
        padded = [
            n + lo + hi
            for n, (lo, hi) in zip(shape[2:], padding_pairs(padding, rank, kernel, dilation), strict=True)
        ]
        reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
        if any(n < r for n, r in zip(padded, reach, strict=True)):
            raise RuntimeError(_MSG_SMALL_INPUT.format(input=_cross(padded), kernel=_cross(reach)))

    return check


def transposed_sizes(
    space: Any, kernel: Any, stride: Any, padding: Any, output_padding: Any, dilation: Any
) -> tuple[int, ...]:
    return tuple(
        (n - 1) * s - 2 * p + d * (k - 1) + o + 1
        for n, k, s, p, o, d in zip(space, kernel, stride, padding, output_padding, dilation, strict=True)
    )


def check_transpose(rank: int) -> Any:
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
        _check_dtypes(input, weight, bias, groups, transposed=True)
        _check_positive(rank, stride, padding, dilation, groups, output_padding)
        _check_groups(weight, groups)
        shape, kernel, size = batched(input, rank), weight.shape[2:], shape_text(weight.shape)
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
            "output_padding": ints(output_padding, rank, "output_padding"),
            "stride": ints(stride, rank, "stride"),
            "dilation": ints(dilation, rank, "dilation"),
        }
        if any(o >= s and o >= d for o, s, d in zip(*steps.values(), strict=True)):
            parts = [
                f"{what}_{axis}: {v}"
                for what, values in steps.items()
                for axis, v in zip(_AXES[-rank:], values, strict=True)
            ]
            raise RuntimeError(_MSG_OUTPUT_PADDING.format(" ".join(parts)))
        out = transposed_sizes(
            shape[2:], kernel, steps["stride"], ints(padding, rank, "padding"), steps["output_padding"],
            steps["dilation"],
        )  # fmt: skip
        if any(n < 1 for n in out):
            raise RuntimeError(_MSG_SMALL_OUTPUT.format(input=_cross(shape[2:]), output=_cross(out)))

    return check


def check_tbc(input: Any, weight: Any, bias: Any, pad: int) -> None:
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
