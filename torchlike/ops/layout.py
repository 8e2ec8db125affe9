"""Layout as the user sees it: strides, offsets, contiguity."""

from __future__ import annotations

from typing import Any

from .._core.layouts import CHANNELS_LAST, Order, strides_of
from .._core.registry import function
from .._core.tensor import Tensor
from .copying import arranged
from .formats import PRESERVE, RANKS, asked_order, format_order
from .strides import contiguous_strides, geometry, row_major, wrap_dim

# ---- layout as the user sees it ---------------------------------------------------------------------------------------


@function(spaces=("Tensor",))
def stride(self: Tensor, dim: int | None = None) -> Any:
    """Elements to step over for the next entry, per dimension or of one."""
    s = contiguous_strides(self._aval.shape) if row_major(self) else geometry(self)[1]
    return s if dim is None else s[wrap_dim(dim, len(s))]


@function(spaces=("Tensor",))
def storage_offset(self: Tensor) -> int:
    """Elements of the storage before the first."""
    return geometry(self)[2] if self._lens else 0


@function(spaces=("Tensor",))
def is_contiguous(self: Tensor, *, memory_format: Any = None) -> bool:
    """Whether the elements lie without gaps in row-major order, or in that of a memory format."""
    if memory_format is None:
        return in_order(self, None)
    rank = self._aval.ndim
    if str(memory_format) in _ORDERS and len(_ORDERS[str(memory_format)]) != rank:
        return False
    return in_order(self, format_order(memory_format, rank))


def in_order(t: Tensor, order: Order) -> bool:
    """Whether the elements lie without gaps in this order."""
    if order is None and row_major(t):
        return True
    shape, strides, _ = geometry(t)
    return 0 in shape or _fills(shape, strides, order)


def _fills(shape: tuple[int, ...], strides: tuple[int, ...], order: Order) -> bool:
    """Whether these strides are those of memory that is filled in this order."""
    return all(n == 1 or s == c for n, s, c in zip(shape, strides, strides_of(shape, order)))


_MSG_NOT_UNIQUE = "The tensor does not have unique dim order."
_MSG_AMBIGUOUS = (
    "The tensor does not have unique dim order, or cannot map to exact one of the given memory formats."
)
_MSG_CHECK = "The ambiguity_check argument must be a bool or a list of memory formats."
_ORDERS = {f"torch.{name}": CHANNELS_LAST[rank] for name, rank in RANKS.items()}


@function(spaces=("Tensor",))
def dim_order(self: Tensor, *, ambiguity_check: Any = False) -> tuple[int, ...]:
    """The dimensions from the outermost to the innermost, as they lie in memory.

    Args:
        ambiguity_check: True raises where there are several such orders; a list of memory formats raises unless
            exactly one of them fits.

    Raises:
        RuntimeError: the order is ambiguous, and `ambiguity_check` asks.
        TypeError: `ambiguity_check` is something else.
    """
    formats = ambiguity_check if isinstance(ambiguity_check, list) else []
    known = ("torch.contiguous_format", *_ORDERS)
    if not isinstance(ambiguity_check, (bool, list)) or any(str(f) not in known for f in formats):
        raise TypeError(_MSG_CHECK)
    shape, strides, _ = geometry(self)
    rows = tuple(range(len(shape)))
    if ambiguity_check and (1 in shape or len(set(strides)) < len(strides)):
        known_orders = [_ORDERS.get(str(f), rows) for f in formats]
        fitting = [
            o for o in known_orders if len(o) == len(rows) and (0 in shape or _fills(shape, strides, o))
        ]
        if len(fitting) != 1:
            raise RuntimeError(_MSG_AMBIGUOUS)
    last = next((o for o in _ORDERS.values() if len(o) == len(rows) and _fills(shape, strides, o)), None)
    plain = 0 in shape or _fills(shape, strides, rows)
    if plain != (last is not None):
        return rows if last is None else last
    if ambiguity_check and (0 in strides or len(set(strides)) < len(strides)):  # neither fits, or both do
        raise RuntimeError(_MSG_NOT_UNIQUE)
    return rows if 0 in strides else tuple(sorted(rows, key=lambda d: (-strides[d], -shape[d])))


@function(spaces=("Tensor",))
def contiguous(self: Tensor, memory_format: Any = None) -> Tensor:
    """self if its elements lie in row-major order (or that of the memory format), else a copy where they do.

    Raises:
        RuntimeError: the format has another number of dimensions, or is `preserve_format`.
    """
    asked = asked_order(memory_format, self._aval.ndim)
    order = None if asked is PRESERVE else asked
    if in_order(self, order):
        return self
    if asked is PRESERVE and memory_format is not None:
        raise RuntimeError("preserve memory format is unsupported by the contiguous operator")
    return arranged(self, order)


@function(spaces=("Tensor",))
def _is_view(self: Tensor) -> bool:
    """Whether it is a view of another tensor."""
    return self._base is not None


@function(spaces=("torch",))
def is_tensor(obj: Any) -> bool:
    """Whether it is a Tensor."""
    return isinstance(obj, Tensor)
