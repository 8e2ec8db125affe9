"""Sparse COO tensors: the places of their entries, and the values."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from . import parted
from .parted import Handlers, Parted
from .parted import SparseAccess as SparseAccess
from .parted import not_sparse as not_sparse
from .printing import sparse_str
from .tensor import Tensor, from_numpy_copy

HANDLERS: Handlers = {}
handles = functools.partial(parted.handles, table=HANDLERS)

_MSG_UNCOALESCED = "Cannot get {} on an uncoalesced tensor, please call .coalesce() first"


class SparseTensor(Parted):
    """A tensor of which only some entries are stored; those at one place add up.

    Shape: `indices` int64 (sparse_dim, nnz), `values` (nnz, *sizes of the dense dimensions).
    """

    is_sparse = True  # type: ignore[assignment]
    _kind, _backend, _handlers = "coo", "Sparse", HANDLERS

    _i: Tensor
    _coalesced: bool  # indices are sorted and distinct
    _loose: bool  # entries whose first index is `_size[0]` do not count; they go once somebody looks

    @staticmethod
    def make(
        indices: Tensor, values: Tensor, size: tuple[int, ...], coalesced: bool = False, loose: bool = False
    ) -> SparseTensor:
        """A sparse tensor over these parts; nothing is checked."""
        t = object.__new__(SparseTensor)
        t._i, t._v, t._size, t._coalesced, t._loose = indices, values, tuple(size), coalesced, loose
        return t

    # ---- its parts -----------------------------------------------------------------------

    def parts(self) -> tuple[Tensor, Tensor]:
        """Indices and values, without entries that do not count."""
        if self._loose:
            (kept,) = np.nonzero(self._i.detach().cpu().numpy()[0] < self._size[0])
            if len(kept) != self._i.shape[1]:
                places = from_numpy_copy(kept, self.device)
                self._i, self._v = self._i.index_select(1, places), self._v.index_select(0, places)
            self._loose = False
        return self._i, self._v

    def like(self, values: Tensor, coalesced: bool | None = None) -> SparseTensor:
        """The same indices with other values."""
        return SparseTensor.make(
            self._i, values, self._size, self._coalesced if coalesced is None else coalesced, self._loose
        )

    def renewed(self, values: Tensor, each: Callable[[Tensor], Tensor]) -> SparseTensor:
        """The same tensor with other values, and `each` of its indices."""
        return SparseTensor.make(each(self._i), values, self._size, self._coalesced, self._loose)

    def shares_indices(self, other: Any) -> bool:
        """Whether both have the same index tensor."""
        return isinstance(other, SparseTensor) and other._i is self._i

    def become(self, other: SparseTensor) -> SparseTensor:
        """Takes over another's parts, in place."""
        self._i, self._v, self._size = other._i, other._v, other._size
        self._coalesced, self._loose = other._coalesced, other._loose
        return self

    def _indices(self) -> Tensor:
        return self.parts()[0].detach()

    def _values(self) -> Tensor:
        return self.parts()[1].detach()

    def indices(self) -> Tensor:
        """The indices (sparse_dim, nnz).

        Raises:
            RuntimeError: the tensor is not coalesced.
        """
        if not self._coalesced:
            raise RuntimeError(_MSG_UNCOALESCED.format("indices"))
        return self._i.detach()

    def values(self) -> Tensor:
        """The values (nnz, ...); gradients flow through.

        Raises:
            RuntimeError: the tensor is not coalesced.
        """
        if not self._coalesced:
            raise RuntimeError(_MSG_UNCOALESCED.format("values"))
        return super().values()

    def _nnz(self) -> int:
        return self.parts()[1].shape[0]

    def is_coalesced(self) -> bool:
        """Whether indices are sorted and occur once."""
        return self._coalesced

    def _coalesced_(self, coalesced: bool) -> SparseTensor:
        self._coalesced = coalesced
        return self

    def sparse_dim(self) -> int:
        """How many dimensions are indexed."""
        return self._i.shape[0]

    def dense_dim(self) -> int:
        """How many dimensions a value has."""
        return len(self._size) - self._i.shape[0]

    def stride(self, dim: int | None = None) -> Any:
        """Sparse tensors have no strides: zeros."""
        return (0,) * len(self._size) if dim is None else 0

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """False."""
        return False

    def _gradient(self, values: Tensor) -> SparseTensor:
        whole = SparseTensor.make(self._i, values, self._size, self._coalesced)
        return whole if self._coalesced else HANDLERS["representatives"](whole)

    def _text(self) -> str:
        indices, values = self.parts()
        parts = {"indices": indices.detach().cpu().numpy(), "values": values._host()}
        return sparse_str(parts, self._size, values.shape[0], self._kind, *self._suffixes())

    def __reduce_ex__(self, protocol: Any) -> Any:
        indices, values = self.parts()
        return _rebuild, (indices.detach(), values, self._size, self._coalesced)


def _rebuild(indices: Tensor, values: Tensor, size: tuple[int, ...], coalesced: bool) -> SparseTensor:
    """What a pickled sparse tensor calls when it is read back."""
    return SparseTensor.make(indices, values, size, coalesced)
