"""Compressed sparse tensors: how they are made, and their parts."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._core import dtypes
from .._core.compressed import COMPRESSED, KINDS, NAMES, CompressedTensor, Pattern, by_rows, in_blocks
from .._core.parted import Parted
from .._core.registry import Array, function, op
from .._core.tensor import Tensor
from .convert import Layout, convert
from .copying import clone
from .creation import tensor as make_tensor
from .sparse_checks import check_compressed, check_pattern, wanted
from .sparse_coo import LAYOUTS, index_tensor, layout_name, shown_values

_MSG_LAYOUT = "{} expected sparse {} compressed tensor layout but got {}"


# ---- construction -----------------------------------------------------------------------


@op(spaces=(), name="sparse_compressed_values", grad_name="SparseCompressedTensorBackward0")
def _held(values: Array):
    return values


def _indices_of(x: Any, device: Any) -> Tensor:
    made = x.detach() if isinstance(x, Tensor) else make_tensor(x, dtype=dtypes.int64)
    empty = not made.numel() and made.dtype.is_floating_point  # `torch.tensor([])`
    return convert(made, device, dtypes.int64 if empty else None)


def _smallest(kind: str, pattern: Pattern, values: Tensor) -> tuple[int, ...]:
    """The shape that parts ask for which come without one."""
    n, blocks = len(pattern.batch), in_blocks(kind)
    block = values.shape[n + 1 : n + 3] if blocks else (1, 1)
    long = pattern.compressed.shape[-1] - 1
    plain = pattern.plain.cpu().numpy()
    wide = int(plain.max()) + 1 if plain.size else 0
    pair = (long, wide) if by_rows(kind) else (wide, long)
    dense = values.shape[n + (3 if blocks else 1) :]
    return (*pattern.batch, *(m * b for m, b in zip(pair, block)), *dense)


def _made(
    kind: str, compressed: Any, plain: Any, values: Any, size: Any, dtype: Any, device: Any, requires_grad: bool,
    check_invariants: bool | None,
) -> CompressedTensor:  # fmt: skip
    if not isinstance(values, Tensor):
        values = make_tensor(values, dtype=dtype, device=device)
    values = convert(values, device, dtype)
    if requires_grad and not (values.dtype.is_floating_point or values.dtype.is_complex):
        raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
    pattern = Pattern(_indices_of(compressed, values.device), _indices_of(plain, values.device))
    if size is None and compressed_fits(kind, pattern, values):
        size = _smallest(kind, pattern, values)
    size = tuple(int(n) for n in size or ())
    check_compressed(kind, pattern, values, size)
    made = CompressedTensor.make(kind, pattern, values, size)
    if wanted(check_invariants):
        check_pattern(kind, pattern, size, made.block)
    made._v = _held(values) if values.requires_grad else values.detach()
    return made.requires_grad_() if requires_grad and not made._v.requires_grad else made


def compressed_fits(kind: str, pattern: Pattern, values: Tensor) -> bool:
    """Whether there are enough dimensions to read a shape off the parts."""
    n = pattern.compressed.dim() - 1
    return n >= 0 and pattern.plain.dim() == n + 1 and values.dim() > n + (2 if in_blocks(kind) else 0)


@function(spaces=("torch",))
def sparse_compressed_tensor(
    compressed_indices: Any, plain_indices: Any, values: Any, size: Any = None, *, dtype: Any = None,
    layout: Any = None, device: Any = None, pin_memory: bool = False, requires_grad: bool = False,
    check_invariants: bool | None = None,
) -> CompressedTensor:  # fmt: skip
    """A sparse tensor whose rows or columns are compressed.

    Args:
        compressed_indices: (*batch, n + 1) integers, where each row (or column) starts.
        plain_indices: (*batch, nnz) integers, the other index of each entry.
        values: (*batch, nnz, *block, *dense), with a block for BSR and BSC only.
        size: the shape, by default the smallest that holds all indices.
        layout: torch.sparse_csr, sparse_csc, sparse_bsr or sparse_bsc.
        dtype, device: of the result, by default those of `values`.
        check_invariants: look at the indices, too (default: as `torch.sparse.check_sparse_tensor_invariants` says).

    Raises:
        RuntimeError: parts that do not fit each other or `size`; another layout.
    """
    kind = next((k for k in KINDS if LAYOUTS[k] is layout), None)
    if kind is None:
        got = "none" if layout is None else layout_name(layout)
        raise RuntimeError(f"sparse_compressed_tensor expected sparse compressed tensor layout but got {got}")
    return _made(
        kind, compressed_indices, plain_indices, values, size, dtype, device, requires_grad, check_invariants
    )


def _asked(name: str, kind: str, layout: Any) -> str:
    if layout is not None and layout is not LAYOUTS[kind]:
        want = layout_name(LAYOUTS[kind])
        raise RuntimeError(f"{name}: layout must be {want} but got {layout_name(layout)}")
    return kind


@function(spaces=("torch",))
def sparse_csr_tensor(
    crow_indices: Any, col_indices: Any, values: Any, size: Any = None, *, dtype: Any = None, layout: Any = None,
    device: Any = None, pin_memory: bool = False, requires_grad: bool = False,
    check_invariants: bool | None = None,
) -> CompressedTensor:  # fmt: skip
    """A tensor with compressed rows; see `sparse_compressed_tensor`."""
    kind = _asked("sparse_csr_tensor", "csr", layout)
    return _made(
        kind, crow_indices, col_indices, values, size, dtype, device, requires_grad, check_invariants
    )


@function(spaces=("torch",))
def sparse_csc_tensor(
    ccol_indices: Any, row_indices: Any, values: Any, size: Any = None, *, dtype: Any = None, layout: Any = None,
    device: Any = None, pin_memory: bool = False, requires_grad: bool = False,
    check_invariants: bool | None = None,
) -> CompressedTensor:  # fmt: skip
    """A tensor with compressed columns; see `sparse_compressed_tensor`."""
    kind = _asked("sparse_csc_tensor", "csc", layout)
    return _made(
        kind, ccol_indices, row_indices, values, size, dtype, device, requires_grad, check_invariants
    )


@function(spaces=("torch",))
def sparse_bsr_tensor(
    crow_indices: Any, col_indices: Any, values: Any, size: Any = None, *, dtype: Any = None, layout: Any = None,
    device: Any = None, pin_memory: bool = False, requires_grad: bool = False,
    check_invariants: bool | None = None,
) -> CompressedTensor:  # fmt: skip
    """A tensor with compressed rows of blocks; see `sparse_compressed_tensor`."""
    kind = _asked("sparse_bsr_tensor", "bsr", layout)
    return _made(
        kind, crow_indices, col_indices, values, size, dtype, device, requires_grad, check_invariants
    )


@function(spaces=("torch",))
def sparse_bsc_tensor(
    ccol_indices: Any, row_indices: Any, values: Any, size: Any = None, *, dtype: Any = None, layout: Any = None,
    device: Any = None, pin_memory: bool = False, requires_grad: bool = False,
    check_invariants: bool | None = None,
) -> CompressedTensor:  # fmt: skip
    """A tensor with compressed columns of blocks; see `sparse_compressed_tensor`."""
    kind = _asked("sparse_bsc_tensor", "bsc", layout)
    return _made(
        kind, ccol_indices, row_indices, values, size, dtype, device, requires_grad, check_invariants
    )


def pattern_of(
    places: np.ndarray, batch: tuple[int, ...], n: int, rows: bool, like: Tensor, dtype: Any = dtypes.int64
) -> Pattern:
    """The pattern of places (batch dimensions + 2, entries) that are in its order already.

    Args:
        n: how many rows (or columns) there are to compress.
        rows: whether rows are compressed.
        like: a tensor on the device to use.

    Raises:
        RuntimeError: batches with different numbers of entries.
    """
    k, many = len(batch), math.prod(batch)
    number = np.ravel_multi_index(tuple(places[:k]), batch) if k and places.size else 0
    counts = np.bincount(number * n + places[k + (not rows)], minlength=many * n).reshape(many, n)
    each = counts.sum(1)
    if many and (each != each[0]).any():
        raise RuntimeError("Expect the same number of specified elements per batch.")
    compressed = np.zeros((many, n + 1), np.int64)
    np.cumsum(counts, 1, out=compressed[:, 1:])
    plain = places[k + rows].reshape(*batch, int(each[0]) if many else 0)
    whole = index_tensor(places, like)
    pattern = Pattern(
        convert(index_tensor(compressed.reshape(*batch, n + 1), like), dtype=dtype),
        convert(index_tensor(plain, like), dtype=dtype),
    )
    pattern.keep(rows, whole)
    return pattern


# ---- the parts ---------------------------------------------------------------------------------


def _part(name: str, rows: bool) -> Callable[[Any], Tensor]:
    def part(self: Tensor) -> Tensor:
        if isinstance(self, CompressedTensor) and self.rows == rows:
            pattern = self._pattern
            return (pattern.compressed if name == NAMES[rows][0] else pattern.plain).detach()
        raise RuntimeError(_MSG_LAYOUT.format(name, "row" if rows else "column", layout_name(self)))

    part.__name__ = name
    part.__doc__ = (
        f"The {name.replace('_', ' ')} of a sparse {'row' if rows else 'column'} compressed tensor."
    )
    return part


COMPRESSED["values"] = shown_values
PARTS: dict[str, Callable[[Any], Any]] = {"indices": lambda t: t.indices(), "values": lambda t: t.values()}
for _rows in NAMES:
    for _name in NAMES[_rows]:
        PARTS[_name] = _part(_name, _rows)
        function(spaces=("Tensor",))(PARTS[_name])


def _copy_of(name: str) -> Callable[..., Tensor]:
    def copy(input: Tensor) -> Tensor:
        return clone(PARTS[name](input))

    copy.__name__ = f"{name}_copy"
    copy.__doc__ = f"A copy of `Tensor.{name}()`."
    return copy


for _name in PARTS:
    function(spaces=("torch",))(_copy_of(_name))


def _layout(self: Tensor) -> Layout:
    """`torch.strided`, or how a sparse tensor is stored."""
    return LAYOUTS[self._kind] if isinstance(self, Parted) else LAYOUTS["strided"]


Tensor.layout = property(_layout)  # type: ignore[attr-defined]
Tensor.is_sparse_csr = False  # type: ignore[attr-defined]
