"""`clone`: the same elements in memory of their own."""

from __future__ import annotations

from typing import Any

from .._core.registry import Array, function, op
from .._core.tensor import Tensor


@op(spaces=(), name="clone")
def _clone(input: Array):
    return input


@function()
def clone(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """A copy with its own memory; gradients flow through."""
    return _clone(input)
