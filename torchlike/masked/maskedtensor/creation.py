"""How MaskedTensors are made: a leaf, or one with the history of its data."""

from __future__ import annotations

from typing import Any

from ..._core.autograd import AccumulateGrad
from ..._core.function import Function
from .core import MaskedTensor, checked, warn_prototype


def masked_tensor(data: Any, mask: Any, requires_grad: bool = False) -> MaskedTensor:
    """A leaf with a copy of `data` (see `MaskedTensor` for the arguments and errors)."""
    return MaskedTensor(data, mask, requires_grad)


class Constructor(Function):
    """Gives the data of a MaskedTensor its history; a leaf's gradient is masked, too."""

    @staticmethod
    def forward(ctx: Any, data: Any, mask: Any) -> Any:
        ctx.mask = mask
        return data.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        below = ctx.next_functions[0][0]
        if isinstance(below, AccumulateGrad):
            return MaskedTensor.of(grads[0], ctx.mask), None
        return grads[0].masked_fill(~ctx.mask, 0), None


def as_masked_tensor(data: Any, mask: Any) -> MaskedTensor:
    """A MaskedTensor with a copy of `data`, through which gradients flow to `data`.

    A leaf gets a MaskedTensor as `.grad`; other histories get plain gradients, zero where the mask is False.

    Raises:
        TypeError, ValueError: as `MaskedTensor`.
    """
    data, mask = checked(data, mask)
    warn_prototype(data, 3)
    if data.is_sparse or not data.requires_grad:
        return MaskedTensor.of(data.clone(), mask.clone())
    mask = mask.clone()
    return MaskedTensor.of(Constructor.apply(data, mask), mask)
