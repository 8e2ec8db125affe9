"""`clone`: the same elements in memory of their own."""

from __future__ import annotations

from typing import Any

from .._core.orders import as_operands, asked_for
from .._core.registry import Array, function, op
from .._core.tensor import Tensor
from .formats import PRESERVE, asked_order


@op(spaces=(), name="clone", layout=as_operands)
def _clone(input: Array):
    return input


@op(spaces=(), name="clone", layout=asked_for)
def arranged(input: Array, order: tuple | None):
    """A copy whose elements lie in this order in memory (None: row-major)."""
    return input


@function()
def clone(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """A copy with its own memory; gradients flow through.

    Args:
        memory_format: order of the elements in memory; as in `input` unless given.

    Raises:
        RuntimeError: the format has another number of dimensions.
    """
    order = asked_order(memory_format, input._aval.ndim)
    return _clone(input) if order is PRESERVE else arranged(input, order)


@function(spaces=("Tensor",))
def module_load(self: Tensor, other: Tensor, assign: bool = False) -> Tensor:
    """What `load_state_dict` puts in the place of self for the loaded tensor `other`; subclasses may say otherwise.

    Args:
        assign: `other` itself, detached; else its elements are copied to self first.
    """
    return other.detach() if assign else self.copy_(other).detach()
