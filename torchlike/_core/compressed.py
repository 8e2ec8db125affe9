"""Sparse tensors with compressed rows or columns: CSR and CSC, and BSR and BSC, whose entries are blocks.

One class for all four: they differ in which of the two dimensions is compressed, and in whether values have
two dimensions more. Both kinds of indices together are a `Pattern`, which tensors of the same places share.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from . import parted
from .parted import Handlers, Parted
from .printing import sparse_str
from .tensor import Tensor, from_numpy_copy

COMPRESSED: Handlers = {}
handles = functools.partial(parted.handles, table=COMPRESSED)

KINDS = ("csr", "csc", "bsr", "bsc")
# What users call the two index tensors, and the dimension that is compressed, by whether that is the rows.
NAMES = {True: ("crow_indices", "col_indices"), False: ("ccol_indices", "row_indices")}
TRANSPOSED = {"csr": "csc", "csc": "csr", "bsr": "bsc", "bsc": "bsr"}

_MSG_STRIDES = "Sparse {} tensors do not have {}"


def by_rows(kind: str) -> bool:
    """Whether a layout compresses the rows."""
    return kind.endswith("sr")


def in_blocks(kind: str) -> bool:
    """Whether a layout's entries are blocks."""
    return kind.startswith("b")


class Pattern:
    """The places of entries, compressed in one of two dimensions.

    Attributes:
        compressed: (*batch, n + 1) where each row (or column) starts among the entries.
        plain: (*batch, nnz) the entries' indices in the other dimension.
    """

    __slots__ = ("compressed", "plain", "_found", "_versions", "__weakref__")

    def __init__(self, compressed: Tensor, plain: Tensor):
        self.compressed, self.plain = compressed, plain
        self._found: dict[bool, Tensor] = {}  # places, by whether the compressed dimension is the rows
        self._versions: Any = None

    def renewed(self, each: Callable[[Tensor], Tensor]) -> Pattern:
        """The same with `each` of both tensors."""
        return Pattern(each(self.compressed), each(self.plain))

    @property
    def batch(self) -> tuple[int, ...]:
        """Sizes of the batch dimensions."""
        return tuple(self.plain.shape[:-1])

    @property
    def count(self) -> int:
        """How many entries each batch has."""
        return self.plain.shape[-1]

    def host(self) -> tuple[np.ndarray, np.ndarray]:
        """Both tensors as int64 NumPy arrays; waits for them if they are pending."""
        c, p = (t.detach().cpu().numpy().astype(np.int64) for t in (self.compressed, self.plain))
        return c, p

    def places(self, rows: bool) -> Tensor:
        """Batch, row and column index of each entry: (batch dimensions + 2, entries of all batches)."""
        now = (self.compressed._version, self.plain._version)
        if now != self._versions:  # not looked at yet, or written by the user
            self._found, self._versions = {}, now
        if rows not in self._found:
            array = self.host_places(rows)
            self._found[rows] = from_numpy_copy(np.ascontiguousarray(array), self.plain.device)
        return self._found[rows]

    def keep(self, rows: bool, places: Tensor) -> None:
        """Remembers `places`, which somebody has at hand."""
        self._found, self._versions = {rows: places}, (self.compressed._version, self.plain._version)

    def host_places(self, rows: bool) -> np.ndarray:
        """`places` as NumPy.

        Raises:
            RuntimeError: the compressed indices do not count the entries.
        """
        compressed, plain = self.host()
        counts = np.diff(compressed).reshape(-1)
        total = math.prod(self.batch) * self.count
        if (counts < 0).any() or counts.sum() != total:
            name = NAMES[rows][0]
            raise RuntimeError(f"`{name}[..., -1] == nnz` is not satisfied.")
        n = compressed.shape[-1] - 1
        number = np.repeat(np.arange(counts.size), counts)
        batch = np.unravel_index(number // max(n, 1), self.batch) if self.batch else ()
        pair = (number % max(n, 1), plain.reshape(-1))
        return np.stack([*batch, *(pair if rows else pair[::-1])])


class CompressedTensor(Parted):
    """A tensor whose rows (CSR, BSR) or columns (CSC, BSC) are lists of entries.

    Shape: values (*batch, nnz, *block, *dense) with the pattern's (*batch, n + 1) and (*batch, nnz).
    """

    _backend, _handlers, _rank = "SparseCsr", COMPRESSED, 1

    _pattern: Pattern

    @staticmethod
    def make(kind: str, pattern: Pattern, values: Tensor, size: tuple[int, ...]) -> CompressedTensor:
        """A tensor of this layout over these parts; nothing is checked."""
        t = object.__new__(CompressedTensor)
        t._kind, t._pattern, t._v, t._size = kind, pattern, values, tuple(size)
        return t

    @property
    def is_sparse_csr(self) -> bool:
        """Whether the layout is CSR."""
        return self._kind == "csr"

    # ---- its parts -----------------------------------------------------------------------

    @property
    def rows(self) -> bool:
        """Whether rows are compressed."""
        return by_rows(self._kind)

    @property
    def batch(self) -> tuple[int, ...]:
        """Sizes of the batch dimensions."""
        return self._pattern.batch

    @property
    def block(self) -> tuple[int, int]:
        """Height and width of an entry: (1, 1) if those are no blocks."""
        n = len(self.batch) + 1
        return tuple(self._v.shape[n : n + 2]) if in_blocks(self._kind) else (1, 1)  # type: ignore[return-value]

    def places(self) -> Tensor:
        """Batch, row and column index of each entry or block: (batch dimensions + 2, entries of all batches)."""
        return self._pattern.places(self.rows)

    def like(self, values: Tensor) -> CompressedTensor:
        """The same pattern with other values."""
        return CompressedTensor.make(self._kind, self._pattern, values, self._size)

    def renewed(self, values: Tensor, each: Callable[[Tensor], Tensor]) -> CompressedTensor:
        """The same tensor with other values, and `each` of its index tensors."""
        return CompressedTensor.make(self._kind, self._pattern.renewed(each), values, self._size)

    def shares_indices(self, other: Any) -> bool:
        """Whether both have the same pattern, read the same way."""
        return isinstance(other, CompressedTensor) and (other._kind, other._pattern) == (
            self._kind,
            self._pattern,
        )

    def become(self, other: CompressedTensor) -> CompressedTensor:
        """Takes over another's parts, in place."""
        self._kind, self._pattern = other._kind, other._pattern
        self._v, self._size = other._v, other._size
        return self

    def _nnz(self) -> int:
        return self._pattern.count

    def sparse_dim(self) -> int:
        """How many dimensions are indexed: 2."""
        return 2

    def dense_dim(self) -> int:
        """How many dimensions a value has, without those of its block."""
        return len(self._size) - 2 - len(self.batch)

    def stride(self, dim: int | None = None) -> Any:
        raise RuntimeError(_MSG_STRIDES.format(self._kind.upper(), "strides"))

    def is_contiguous(self, memory_format: Any = None) -> bool:
        raise RuntimeError(_MSG_STRIDES.format(self._kind.upper(), "is_contiguous"))

    def contiguous(self, memory_format: Any = None) -> Tensor:
        raise RuntimeError(_MSG_STRIDES.format(self._kind.upper(), "is_contiguous"))

    def _text(self) -> str:
        pattern = (self._pattern.compressed, self._pattern.plain)
        parts = {name: t.detach().cpu().numpy() for name, t in zip(NAMES[self.rows], pattern)}
        parts["values"] = self._v._host()
        return sparse_str(parts, self._size, self._nnz(), self._kind, *self._suffixes())

    def indices_of(self) -> tuple[Tensor, Tensor]:
        """Compressed and plain indices."""
        return self._pattern.compressed.detach(), self._pattern.plain.detach()

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _rebuild, (self._kind, *self.indices_of(), self._v.detach(), self._size)


def _rebuild(
    kind: str, compressed: Tensor, plain: Tensor, values: Tensor, size: tuple[int, ...]
) -> CompressedTensor:
    """What a pickled compressed tensor calls when it is read back."""
    return CompressedTensor.make(kind, Pattern(compressed, plain), values, size)
