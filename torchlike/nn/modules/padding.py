"""Padding layers."""

from __future__ import annotations

from typing import Any

from ..._core.tensor import Tensor
from .. import functional as F
from .module import Module
from .utils import ntuple

__all__ = [
    "CircularPad1d", "CircularPad2d", "CircularPad3d", "ConstantPad1d", "ConstantPad2d", "ConstantPad3d",
    "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d", "ReplicationPad1d", "ReplicationPad2d",
    "ReplicationPad3d", "ZeroPad1d", "ZeroPad2d", "ZeroPad3d",
]  # fmt: skip


class _PadNd(Module):
    """Pads the last dimensions.

    Args:
        padding: one int for all sides, or (left, right, top, bottom, front, back) as far as there are
            dimensions.
    """

    _ndim: int
    _mode: str

    def __init__(self, padding: Any):
        super().__init__()
        self.padding = ntuple(padding, 2 * self._ndim)

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self._mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _CircularPadNd(_PadNd):
    _mode = "circular"

    def forward(self, input: Tensor) -> Tensor:
        n = self._ndim
        if input.dim() not in (n + 1, n + 2):
            raise ValueError(f"expected {n + 1}D or {n + 2}D input (got {input.dim()}D input)")
        return super().forward(input)


class CircularPad1d(_CircularPadNd):
    __doc__ = f"Wraps around.\n\n    {_PadNd.__doc__}"
    _ndim = 1


class CircularPad2d(_CircularPadNd):
    __doc__ = f"Wraps around.\n\n    {_PadNd.__doc__}"
    _ndim = 2


class CircularPad3d(_CircularPadNd):
    __doc__ = f"Wraps around.\n\n    {_PadNd.__doc__}"
    _ndim = 3


class _ConstantPadNd(_PadNd):
    value: float

    def __init__(self, padding: Any, value: float):
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPadNd):
    __doc__ = f"Adds `value`.\n\n    {_PadNd.__doc__}"
    _ndim = 1


class ConstantPad2d(_ConstantPadNd):
    __doc__ = f"Adds `value`.\n\n    {_PadNd.__doc__}"
    _ndim = 2


class ConstantPad3d(_ConstantPadNd):
    __doc__ = f"Adds `value`.\n\n    {_PadNd.__doc__}"
    _ndim = 3


class ReflectionPad1d(_PadNd):
    __doc__ = f"Mirrors at the border, without repeating it.\n\n    {_PadNd.__doc__}"
    _ndim, _mode = 1, "reflect"


class ReflectionPad2d(_PadNd):
    __doc__ = f"Mirrors at the border, without repeating it.\n\n    {_PadNd.__doc__}"
    _ndim, _mode = 2, "reflect"


class ReflectionPad3d(_PadNd):
    __doc__ = f"Mirrors at the border, without repeating it.\n\n    {_PadNd.__doc__}"
    _ndim, _mode = 3, "reflect"


class ReplicationPad1d(_PadNd):
    __doc__ = f"Repeats the border.\n\n    {_PadNd.__doc__}"
    _ndim, _mode = 1, "replicate"


class ReplicationPad2d(_PadNd):
    __doc__ = f"Repeats the border.\n\n    {_PadNd.__doc__}"
    _ndim, _mode = 2, "replicate"


class ReplicationPad3d(_PadNd):
    __doc__ = f"Repeats the border.\n\n    {_PadNd.__doc__}"
    _ndim, _mode = 3, "replicate"


class _Zero(_ConstantPadNd):
    def __init__(self, padding: Any):
        super().__init__(padding, 0.0)

    extra_repr = _PadNd.extra_repr


class ZeroPad1d(_Zero, ConstantPad1d):
    __doc__ = f"Adds zeros.\n\n    {_PadNd.__doc__}"


class ZeroPad2d(_Zero, ConstantPad2d):
    __doc__ = f"Adds zeros.\n\n    {_PadNd.__doc__}"


class ZeroPad3d(_Zero, ConstantPad3d):
    __doc__ = f"Adds zeros.\n\n    {_PadNd.__doc__}"
