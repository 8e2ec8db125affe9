"""Convolutions and transposed convolutions in one, two and three dimensions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..._core.tensor import Tensor
from ...ops.creation import empty
from .. import functional as F
from .. import init
from ..parameter import Parameter
from .module import Module, registered_parameter
from .utils import ntuple, reversed_twice

__all__ = ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]

_PADDING_MODES = {"zeros", "reflect", "replicate", "circular"}


class _ConvNd(Module):
    """What all convolutions share: checked options, a kernel and a bias.

    Args:
        in_channels, out_channels: channels of the input and of the output.
        kernel_size, stride, dilation: one int, or one per dimension.
        padding: zeros added on both sides, one int or one per dimension; or "same" or "valid".
        groups: the number of blocks that the channels are split into.
        bias: whether to add a bias per output channel.
        padding_mode: "zeros", "reflect", "replicate" or "circular".
        device, dtype: of the parameters.

    Shape: (N, in_channels, *L) or (in_channels, *L) -> (N, out_channels, *L_out) or (out_channels, *L_out);
    `weight` is (out_channels, in_channels / groups, *kernel_size).
    """

    _ndim: int
    _conv: Callable[..., Tensor]
    _transposes = False
    weight: Tensor = registered_parameter()
    bias: Tensor | None = registered_parameter()

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ):
        self._setup(
            in_channels, out_channels, kernel_size, stride, padding, dilation, 0, groups, bias, padding_mode,
            device, dtype,
        )  # fmt: skip

    def _setup(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any,
        output_padding: Any, groups: int, bias: bool, padding_mode: str, device: Any, dtype: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        n = self._ndim
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride, self.dilation = (
            ntuple(kernel_size, n),
            ntuple(stride, n),
            ntuple(dilation, n),
        )
        self.padding = padding if isinstance(padding, str) else ntuple(padding, n)
        self.output_padding, self.padding_mode = ntuple(output_padding, n), padding_mode
        self.transposed = self._transposes
        self._check()
        self._reversed_padding_repeated_twice = self._explicit_padding()
        ways = (
            (in_channels, out_channels // groups)
            if self.transposed
            else (out_channels, in_channels // groups)
        )
        self.weight = Parameter(empty((*ways, *self.kernel_size), device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(empty(out_channels, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _check(self) -> None:
        if self.groups <= 0:
            raise ValueError("groups must be a positive integer")
        if self.in_channels % self.groups != 0:
            raise ValueError("in_channels must be divisible by groups")
        if self.out_channels % self.groups != 0:
            raise ValueError("out_channels must be divisible by groups")
        if isinstance(self.padding, str):
            strings = {"same", "valid"}
            if self.padding not in strings:
                raise ValueError(f"Invalid padding string {self.padding!r}, should be one of {strings}")
            if self.padding == "same" and any(s != 1 for s in self.stride):
                raise ValueError("padding='same' is not supported for strided convolutions")
        if self.padding_mode not in _PADDING_MODES:
            raise ValueError(
                f"padding_mode must be one of {_PADDING_MODES}, but got padding_mode='{self.padding_mode}'"
            )

    def _explicit_padding(self) -> tuple[int, ...]:
        """Padding as the argument of `F.pad`: what the modes that pad first use."""
        if not isinstance(self.padding, str):
            return reversed_twice(self.padding)
        if self.padding == "valid":
            return (0, 0) * self._ndim
        sides = []
        for d, k in zip(reversed(self.dilation), reversed(self.kernel_size)):
            total = d * (k - 1)
            sides += [total // 2, total - total // 2]
        return tuple(sides)

    def reset_parameters(self) -> None:
        """Draws weight and bias from U(-k, k), k = 1 / sqrt(fan_in)."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
            if fan_in != 0:
                bound = 1 / math.sqrt(fan_in)
                init.uniform_(self.bias, -bound, bound)

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            input = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
            padding = (0,) * self._ndim
        return self._conv(input, weight, bias, self.stride, padding, self.dilation, self.groups)

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, self.weight, self.bias)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.__dict__.setdefault("padding_mode", "zeros")

    def extra_repr(self) -> str:
        parts = [
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        ]
        zeros, ones = (0,) * len(self.kernel_size), (1,) * len(self.kernel_size)
        for name, default in (
            ("padding", zeros), ("dilation", ones), ("output_padding", zeros), ("groups", 1),
        ):  # fmt: skip
            if getattr(self, name) != default:
                parts.append(f"{name}={getattr(self, name)}")
        if self.bias is None:
            parts.append("bias=False")
        if self.padding_mode != "zeros":
            parts.append(f"padding_mode={self.padding_mode}")
        return ", ".join(parts)


class Conv1d(_ConvNd):
    __doc__ = f"Convolution of (N, C, L) or (C, L).\n{_ConvNd.__doc__}"
    _ndim = 1
    _conv = staticmethod(F.conv1d)


class Conv2d(_ConvNd):
    __doc__ = f"Convolution of (N, C, H, W) or (C, H, W).\n{_ConvNd.__doc__}"
    _ndim = 2
    _conv = staticmethod(F.conv2d)


class Conv3d(_ConvNd):
    __doc__ = f"Convolution of (N, C, D, H, W) or (C, D, H, W).\n{_ConvNd.__doc__}"
    _ndim = 3
    _conv = staticmethod(F.conv3d)


class _ConvTransposeNd(_ConvNd):
    """The transpose (gradient) of a convolution; arguments as there.

    Args:
        output_padding: size added to one side of the output.

    Shape: `weight` is (in_channels, out_channels / groups, *kernel_size); each output size is
    (L - 1) * stride - 2 * padding + dilation * (kernel_size - 1) + output_padding + 1.
    """

    _transposes = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ):
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        self._setup(
            in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding, groups, bias,
            padding_mode, device, dtype,
        )  # fmt: skip

    def _output_padding(self, input: Tensor, output_size: Any) -> tuple[int, ...]:
        """The output_padding that gives `output_size`, or the configured one for None."""
        if output_size is None:
            return self.output_padding
        n = self._ndim
        outer = input.dim() - n  # 2 batched, 1 unbatched
        if len(output_size) == outer + n:
            output_size = output_size[outer:]
        if len(output_size) != n:
            raise ValueError(
                f"ConvTranspose{n}D: for {input.dim()}D input, output_size must have {n} "
                f"or {outer + n} elements (got {len(output_size)})"
            )
        low = [
            (input.size(d + outer) - 1) * self.stride[d]
            - 2 * self.padding[d]  # type: ignore[operator]
            + self.dilation[d] * (self.kernel_size[d] - 1)
            + 1
            for d in range(n)
        ]
        high = [low[d] + self.stride[d] - 1 for d in range(n)]
        if any(not a <= size <= b for a, size, b in zip(low, output_size, high)):
            raise ValueError(
                f"requested an output size of {output_size}, but valid sizes range from {low} to {high} "
                f"(for an input of {input.size()[2:]})"
            )
        return tuple(size - a for size, a in zip(output_size, low))

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        """Args: input, and optionally the wanted spatial `output_size`."""
        extra = self._output_padding(input, output_size)
        return self._conv(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation
        )


class ConvTranspose1d(_ConvTransposeNd):
    __doc__ = _ConvTransposeNd.__doc__
    _ndim = 1
    _conv = staticmethod(F.conv_transpose1d)


class ConvTranspose2d(_ConvTransposeNd):
    __doc__ = _ConvTransposeNd.__doc__
    _ndim = 2
    _conv = staticmethod(F.conv_transpose2d)


class ConvTranspose3d(_ConvTransposeNd):
    __doc__ = _ConvTransposeNd.__doc__
    _ndim = 3
    _conv = staticmethod(F.conv_transpose3d)
