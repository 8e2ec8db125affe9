"""What composites do with their results: `out=`, rebinding self."""

from __future__ import annotations

from typing import Any

from .._core.modes import local
from .._core.node_names import renamed
from .._core.registry import check_inplace, write_out
from .._core.row import also_saved
from .._core.tensor import Tensor


def into(result: Tensor, out: Any, name: str) -> Any:
    """The result, written to `out` if there is one."""
    return result if out is None else write_out(name, result, out)


def saves_too(result: Tensor, *tensors: Tensor) -> Tensor:
    """A result whose Node needs these tensors unchanged too, which none of its operands are."""
    if result._node is not None and local.ctx.grad:
        for t in tensors:
            also_saved(result._node, t)
    return result


def written_by(written: Tensor, name: str) -> Tensor:
    """A tensor that was just written in place, whose new Node bears this name; that of a view is its base's."""
    return renamed(written, name) if local.ctx.grad and written._lens is None else written


def rebind(self: Tensor, compute: Any) -> Tensor:
    """Runs an out-of-place form on self and rebinds self to its result."""
    check_inplace(self)
    out = compute(self)
    self._assign(out._read(), out._edge())
    return self
