"""`torch.autograd.Variable`: the old name of Tensor; calling it gives a tensor."""

from __future__ import annotations

from typing import Any

from .._core.tensor import Tensor


class _VariableMeta(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor)

    def __call__(cls, data: Tensor, requires_grad: bool = False, volatile: Any = None) -> Tensor:  # type: ignore[override]
        """The same data as a leaf that may require grad."""
        return data.detach().requires_grad_(requires_grad)


class Variable(metaclass=_VariableMeta):
    """Deprecated: `Variable(tensor, requires_grad)` is a tensor."""
