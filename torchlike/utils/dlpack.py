"""`torch.utils.dlpack`: memory shared with other libraries through DLPack."""

from __future__ import annotations

from typing import Any

from .._core.names import missing
from .._core.tensor import Tensor
from ..ops.memory import from_dlpack as from_dlpack


class _Shared:
    """A Tensor's memory with its device: what `from_dlpack` of any library takes."""

    def __init__(self, tensor: Tensor):
        self._tensor = tensor

    def __dlpack__(self, **how: Any) -> Any:
        return self._tensor.__dlpack__(**how)

    def __dlpack_device__(self) -> Any:
        return self._tensor.__dlpack_device__()


def to_dlpack(tensor: Tensor) -> Any:
    """The memory of a Tensor as an object that `from_dlpack` of this and other libraries takes.

    A bare capsule, which PyTorch returns here, says nothing of its device, so that no library takes it any more.
    """
    return _Shared(tensor)


__all__ = ["from_dlpack", "to_dlpack"]
__getattr__ = missing(__name__)
