"""Where a Tensor's elements lie in memory, as PyTorch's strides would say; computed only when asked."""

from __future__ import annotations

from . import errors
from .layouts import dense, owned, strides_of
from .tensor import Tensor

_MSG_PARTIAL = (
    "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory "
    "location. Please clone() the tensor before performing the operation."
)


def geometry(t: Tensor, n: int | None = None) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """(shape, strides, storage offset) of a Tensor, or of what it shows through its first n lenses."""
    s = t._storage
    a = s.value.aval
    shape = a.shape
    if s.host is not None and s.host.ndim == len(shape) and s.host.size:
        strides = tuple(k // s.host.itemsize for k in s.host.strides)
    else:
        strides = strides_of(shape, owned(a.order))
    offset = 0
    for lens in (t._lens or ())[:n]:
        shape, strides, offset = lens.op.geometry(shape, strides, offset, *lens.op.plain(lens.args))
    return tuple(shape), tuple(strides), offset


def row_major(t: Tensor) -> bool:
    """Whether a Tensor is no view and lies in row-major order, without a look at strides."""
    return t._lens is None and t._storage.host is None and t._storage.value.aval.order is None


def check_repeated(written: Tensor) -> None:
    """Refuses to write a tensor that shows an element more than once.

    Raises:
        RuntimeError: it is expanded.
    """
    if written._lens is not None and shows_twice(written):
        raise RuntimeError(errors.MSG_REPEATED)


def shows_twice(t: Tensor) -> bool:
    """Whether a Tensor, an expanded one, shows an element more than once along a dimension."""
    if not any(lens.op.repeats for lens in t._lens or ()) or not t._aval.size:
        return False
    shape, strides, _ = geometry(t)
    return any(s == 0 and n > 1 for n, s in zip(shape, strides))


def check_overlap(written: Tensor, read: Tensor, same: bool = True) -> None:
    """Refuses to write a tensor from another that shares part of its memory, as PyTorch does.

    Args:
        written, read: the tensors.
        same: whether they may be the same elements in the same order.

    Raises:
        RuntimeError: both are dense, and share some elements but not all, or in another order.
    """
    if written._storage is not read._storage or (same and (written is read or written._lens == read._lens)):
        return
    if written is read:
        raise RuntimeError(_MSG_PARTIAL)
    (a_shape, a_strides, a), (b_shape, b_strides, b) = geometry(written), geometry(read)
    a_size, b_size = written._aval.size, read._aval.size
    if not (a_size and b_size and dense(a_shape, a_strides) and dense(b_shape, b_strides)):
        return
    if (a, a + a_size) == (b, b + b_size):
        if same and a_strides == b_strides:
            return
    elif a + a_size <= b or b + b_size <= a:
        return
    raise RuntimeError(_MSG_PARTIAL)
