"""Layout as the user sees it: strides, offsets, contiguity."""

from __future__ import annotations

from typing import Any

from .._core.registry import function
from .._core.tensor import Tensor
from .copying import clone
from .strides import contiguous_strides, geometry, wrap_dim

# ---- layout as the user sees it ---------------------------------------------------------------------------------------


@function(spaces=("Tensor",))
def stride(self: Tensor, dim: int | None = None) -> Any:
    """Elements to step over for the next entry, per dimension or of one."""
    s = (
        geometry(self)[1]
        if self._lens or self._storage.host is not None
        else contiguous_strides(self._aval.shape)
    )
    return s if dim is None else s[wrap_dim(dim, len(s))]


@function(spaces=("Tensor",))
def storage_offset(self: Tensor) -> int:
    """Elements of the storage before the first."""
    return geometry(self)[2] if self._lens else 0


@function(spaces=("Tensor",))
def is_contiguous(self: Tensor, *, memory_format: Any = None) -> bool:
    """Whether the elements lie in row-major order without gaps."""
    if not self._lens and self._storage.host is None:
        return True
    shape, strides, _ = geometry(self)
    return 0 in shape or all(n == 1 or s == c for n, s, c in zip(shape, strides, contiguous_strides(shape)))


@function(spaces=("Tensor",))
def contiguous(self: Tensor, memory_format: Any = None) -> Tensor:
    """self if its elements lie in row-major order, else a copy where they do."""
    if is_contiguous(self):
        return self
    return clone(self)


@function(spaces=("Tensor",))
def _is_view(self: Tensor) -> bool:
    """Whether it is a view of another tensor."""
    return self._base is not None


@function(spaces=("torch",))
def is_tensor(obj: Any) -> bool:
    """Whether it is a Tensor."""
    return isinstance(obj, Tensor)
