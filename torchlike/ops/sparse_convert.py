"""Conversions between dense tensors and the sparse layouts, and of these among themselves.

Between two compressed layouts lies the grid: a COO tensor whose sparse dimensions are those of the batch and of
the blocks, and whose values are the blocks. Which entries a dense tensor has depends on its data: that costs a
barrier. Everything else keeps the number of entries, or looks at indices alone.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from .._core.compressed import COMPRESSED, KINDS, TRANSPOSED, CompressedTensor, by_rows, in_blocks
from .._core.parted import Parted
from .._core.registry import Array, function, op
from .._core.sparse import HANDLERS, SparseTensor
from .._core.tensor import Tensor
from .convert import Layout, strided
from .sparse_compressed import pattern_of
from .sparse_coo import (
    LAYOUTS,
    coalesce,
    coo_of,
    densified,
    gathered,
    host_indices,
    index_tensor,
    layout_name,
    sparse_coo,
)

_MSG_NOT_SUPPORTED = "{}: conversion from {} to {} {} is not supported"
_MSG_MASKED_GRAD = (
    "to_dense(masked_grad=False): the gradient of a sparse tensor is known at its places only; keep a dense leaf and "
    "use .to_sparse() on it"
)

# ---- between elements and blocks ----------------------------------------------------------------


def _in_blocks(dense: Any, n: int, block: tuple[int, int]) -> Any:
    """(*batch, rows, columns, *dense) as (*batch, rows of blocks, columns of blocks, height, width, *dense)."""
    (h, w), s = block, dense.shape
    x = dense.reshape(*s[:n], s[n] // h, h, s[n + 1] // w, w, *s[n + 2 :])
    return jnp.moveaxis(x, n + 1, n + 2)


def _entries(dense: Array, places: Array, n: int, block: Any, shape: tuple):
    """The entries (or blocks) at places over the batch and the two sparse dimensions."""
    grid = dense if block is None else _in_blocks(dense, n, block)
    return grid.at[tuple(places)].get(mode="fill", fill_value=0).reshape(shape)


_entries_for = {
    kind: op(_entries, spaces=(), name=f"to_sparse_{kind}", grad_name=f"ToSparse{kind.capitalize()}Backward0")
    for kind in KINDS
}
_masked_entries = op(_entries, spaces=(), name="sparse_mask", grad_name="SparseMaskBackward0")


@op(spaces=(), name="sparse_compressed_to_dense", grad_name="ToDenseBackward0")
def _spread(values: Array, places: Array, size: tuple, n: int, block: Any):
    """A dense array with the values added up at their places."""
    h, w = (1, 1) if block is None else block
    tail = values.shape[n + 1 :]
    grid = jnp.zeros((*size[:n], size[n] // h, size[n + 1] // w, *tail), values.dtype)
    flat = values.reshape(places.shape[1], *tail)
    put = grid.at[tuple(places)]
    out = put.max(flat, mode="drop") if values.dtype == jnp.bool_ else put.add(flat, mode="drop")
    return (out if block is None else jnp.moveaxis(out, n + 2, n + 1)).reshape(size)


def _block(t: CompressedTensor) -> tuple[int, int] | None:
    return t.block if in_blocks(t._kind) else None


def grid(t: CompressedTensor) -> SparseTensor:
    """Its entries or blocks as values of a COO tensor over batch, rows and columns (of blocks)."""
    n, (h, w), size = len(t.batch), t.block, t._size
    places, tail = t.places(), t._v.shape[n + 1 :]
    flat = t._v if not n else t._v.reshape(places.shape[1], *tail)
    return SparseTensor.make(places, flat, (*size[:n], size[n] // h, size[n + 1] // w, *tail), t.rows)


def compress(
    entries: SparseTensor, kind: str, size: tuple[int, ...], n: int, dtype: Any = None
) -> CompressedTensor:
    """The inverse of `grid`.

    Args:
        entries: over `n` batch dimensions and two sparse ones; values are blocks if `kind` has some.
        kind: "csr", ...; size: shape of the result; dtype: of the indices.

    Raises:
        RuntimeError: batches with different numbers of entries.
    """
    whole = coalesce(entries)
    places, values = host_indices(whole), whole.parts()[1]
    rows = by_rows(kind)
    if not rows:  # sorted by row until here
        order = np.lexsort((places[n], places[n + 1], *places[:n][::-1]))
        if not np.array_equal(order, np.arange(len(order))):
            places, values = places[:, order], values.index_select(0, index_tensor(order, values))
    more = {} if dtype is None else {"dtype": dtype}
    pattern = pattern_of(places, size[:n], whole._size[n + (not rows)], rows, values, **more)
    if n:
        values = values.reshape(*size[:n], pattern.count, *values.shape[1:])
    return CompressedTensor.make(kind, pattern, values, size)


def elements(t: CompressedTensor) -> SparseTensor:
    """All entries, those of blocks one by one, as a COO tensor."""
    if not in_blocks(t._kind):
        return grid(t)
    g, n, (h, w) = grid(t), len(t.batch), t.block
    places = host_indices(g)
    each = np.repeat(places, h * w, axis=1)
    inside = np.tile(np.indices((h, w)).reshape(2, -1), places.shape[1])
    each[n:] = each[n:] * [[h], [w]] + inside
    values = g._v.reshape(each.shape[1], *t._v.shape[n + 3 :])
    return SparseTensor.make(index_tensor(each, values), values, t._size)


def into_blocks(whole: SparseTensor, kind: str, block: tuple[int, int], n: int) -> CompressedTensor:
    """A COO tensor over `n` batch dimensions and two sparse ones, its entries put into blocks."""
    size, (h, w) = whole._size, block
    places = host_indices(whole)
    cell = places.copy()
    cell[n:] //= [[h], [w]]
    sizes = (*size[:n], size[n] // h, size[n + 1] // w)
    flat = np.ravel_multi_index(tuple(cell), sizes) if cell.size else np.zeros(0, np.int64)
    distinct, group = np.unique(flat, return_inverse=True)
    at = np.stack([group.reshape(-1), places[n] % h, places[n + 1] % w])
    values = whole.parts()[1]
    tail = tuple(values.shape[1:])
    blocks = densified(values, index_tensor(at, values), (len(distinct), h, w, *tail))
    where = np.stack(np.unravel_index(distinct, sizes))
    entries = SparseTensor.make(index_tensor(where, values), blocks, (*sizes, h, w, *tail), True)
    return compress(entries, kind, size, n)


# ---- to a compressed layout -------------------------------------------------------------------------


def _fitting_block(name: str, kind: str, blocksize: Any, sizes: tuple[int, ...]) -> tuple[int, int] | None:
    if not in_blocks(kind):
        return None
    block = (blocksize, blocksize) if isinstance(blocksize, int) else tuple(int(b) for b in blocksize)
    if len(block) != 2:
        raise RuntimeError(f"{name}: blocksize needs to be a tuple of size 2, but got {len(block)}")
    if block[0] <= 0 or block[1] <= 0:
        raise RuntimeError(f"{name}: blocksize needs to be positive, but got {list(block)}")
    if sizes[0] % block[0] or sizes[1] % block[1]:
        raise RuntimeError(
            f"{name}: tensor sparse size ({sizes[0]},{sizes[1]}) must be divisible by given blocksize "
            f"({block[0]},{block[1]})"
        )
    return block


def _from_dense(
    dense: Tensor, kind: str, blocksize: Any, dense_dim: int | None, name: str
) -> CompressedTensor:
    if dense.dim() < 2:
        raise IndexError(f"{name}: tensors have at least two dimensions here, but got {dense.dim()}")
    k = dense_dim or 0
    n = dense.dim() - 2 - k
    if n < 0 or k < 0:
        raise RuntimeError(
            f"{name}: dense_dim argument must be in [0,{dense.dim() - 2}] range, but {dense_dim} is given"
        )
    size = tuple(dense.shape)
    block = _fitting_block(name, kind, blocksize, size[n : n + 2])
    array = dense.detach()._host()
    found = (array if block is None else np.moveaxis(_grid_of(array, n, block), n + 1, n + 2)) != 0
    found = found.reshape(*found.shape[: n + 2], -1).any(-1)
    rows = by_rows(kind)
    places = np.stack(np.nonzero(found if rows else np.swapaxes(found, n, n + 1)))
    if not rows:
        places[[n, n + 1]] = places[[n + 1, n]]
    pattern = pattern_of(places, size[:n], found.shape[n + (not rows)], rows, dense)
    shape = (*size[:n], pattern.count, *(block or ()), *size[n + 2 :])
    values = _entries_for[kind](dense, pattern.places(rows), n, block, shape)
    return CompressedTensor.make(kind, pattern, values, size)


def _grid_of(array: np.ndarray, n: int, block: tuple[int, int]) -> np.ndarray:
    (h, w), s = block, array.shape
    return array.reshape(*s[:n], s[n] // h, h, s[n + 1] // w, w, *s[n + 2 :])


def _given(name: str, source: Any, kind: str, what: str) -> RuntimeError:
    return RuntimeError(
        _MSG_NOT_SUPPORTED.format(
            name, layout_name(source), layout_name(LAYOUTS[kind]), f"with {what} argument given"
        )
    )


def _from_coo(t: SparseTensor, kind: str, blocksize: Any, dense_dim: Any, name: str) -> CompressedTensor:
    if dense_dim is not None:
        raise _given(name, t, kind, "dense_dim")
    if t.sparse_dim() != 2:
        target = layout_name(LAYOUTS[kind])
        raise RuntimeError(
            _MSG_NOT_SUPPORTED.format(name, "Sparse", target, "for input tensors with sparse_dim()!=2")
        )
    block = _fitting_block(name, kind, blocksize, t._size[:2])
    whole = coalesce(t)
    return compress(whole, kind, t._size, 0) if block is None else into_blocks(whole, kind, block, 0)


def _from_compressed(t: CompressedTensor, kind: str, blocksize: Any, dense_dim: Any) -> CompressedTensor:
    n = len(t.batch)
    name = f"to_sparse_{kind}" if t._kind == kind else f"sparse_compressed_to_sparse_{kind}"
    if dense_dim is not None:
        raise _given(name, t, kind, "dense_dim")
    if in_blocks(t._kind) and not in_blocks(kind):
        raise RuntimeError(f"{name}: expected SparseCsr or SparseCsc layout but got {layout_name(t)}")
    if in_blocks(t._kind):
        block = (blocksize, blocksize) if isinstance(blocksize, int) else tuple(blocksize)
        if block != t.block:
            change = f"with blocksize changed from {list(t.block)} to {list(block)}"
            target = layout_name(LAYOUTS[kind])
            raise RuntimeError(_MSG_NOT_SUPPORTED.format(name, layout_name(t), target, change))
    if t._kind == kind:
        return t
    if in_blocks(kind) and not in_blocks(t._kind):
        block = _fitting_block(name, kind, blocksize, t._size[n : n + 2])
        assert block is not None
        return into_blocks(grid(t), kind, block, n)
    return compress(grid(t), kind, t._size, n, t._pattern.plain.dtype)


def compressed(self: Tensor, kind: str, blocksize: Any, dense_dim: Any, name: str | None = None) -> Any:
    """Any tensor in a compressed layout."""
    if isinstance(self, CompressedTensor):
        return _from_compressed(self, kind, blocksize, dense_dim)
    if isinstance(self, SparseTensor):
        return _from_coo(self, kind, blocksize, dense_dim, name or f"coo_to_sparse_{kind}")
    return _from_dense(self, kind, blocksize, dense_dim, name or f"dense_to_sparse_{kind}")


@function(spaces=("Tensor",))
def to_sparse_csr(self: Tensor, dense_dim: int | None = None) -> CompressedTensor:
    """self with compressed rows; the last `dense_dim` dimensions stay dense, the first ones are batches."""
    return compressed(self, "csr", None, dense_dim)


@function(spaces=("Tensor",))
def to_sparse_csc(self: Tensor, dense_dim: int | None = None) -> CompressedTensor:
    """self with compressed columns; the last `dense_dim` dimensions stay dense, the first ones are batches."""
    return compressed(self, "csc", None, dense_dim)


@function(spaces=("Tensor",))
def to_sparse_bsr(self: Tensor, blocksize: Any, dense_dim: int | None = None) -> CompressedTensor:
    """self with compressed rows of blocks (height, width)."""
    return compressed(self, "bsr", blocksize, dense_dim)


@function(spaces=("Tensor",))
def to_sparse_bsc(self: Tensor, blocksize: Any, dense_dim: int | None = None) -> CompressedTensor:
    """self with compressed columns of blocks (height, width)."""
    return compressed(self, "bsc", blocksize, dense_dim)


# ---- to COO, to any, to dense ------------------------------------------------------------------------


def as_coo(self: Tensor, sparse_dim: int | None = None) -> SparseTensor:
    """Any tensor as a COO one."""
    if isinstance(self, SparseTensor):
        if sparse_dim is not None and sparse_dim != self.sparse_dim():
            raise RuntimeError("to_sparse: conversion from Sparse to Sparse with sparse_dim argument !=self.sparse_dim() is not supported")  # fmt: skip
        return self
    if not isinstance(self, CompressedTensor):
        return coo_of(self, sparse_dim)
    if sparse_dim is not None and sparse_dim != 2:
        raise RuntimeError(
            _MSG_NOT_SUPPORTED.format(
                "sparse_compressed_to_sparse", layout_name(self), "Sparse", "with sparse_dim argument !=2"
            )
        )
    return elements(self)


@function(spaces=("Tensor",))
def to_sparse(
    self: Tensor, sparse_dim: int | None = None, *, layout: Any = None, blocksize: Any = None,
    dense_dim: int | None = None,
) -> Tensor:  # fmt: skip
    """The entries that are not 0, in a sparse layout.

    Args:
        sparse_dim: of a COO tensor, how many dimensions are sparse (all by default).
        layout: torch.sparse_coo by default.
        blocksize: (height, width), for BSR and BSC.
        dense_dim: how many of the last dimensions stay dense.

    Raises:
        RuntimeError: an argument that the layout does not take or that is out of range.
    """
    if isinstance(sparse_dim, Layout):
        sparse_dim, layout = None, sparse_dim
    if layout is None and (blocksize is not None or dense_dim is not None):
        layout = sparse_coo
    if layout is None or (layout is sparse_coo and blocksize is None and dense_dim is None):
        return as_coo(self, sparse_dim)
    if sparse_dim is not None:
        raise TypeError("to_sparse() takes 0 positional arguments but 1 was given")
    if layout is strided:
        return to_dense(self)
    name = {"strided": "dense", "sparse_coo": "sparse_coo"}.get(
        self.layout.name, "sparse_compressed"
    ) + "_to_sparse"
    kind = layout.name.removeprefix("sparse_")
    if (blocksize is None) == in_blocks(kind):
        given = f"with{'out' if blocksize is None else ''} blocksize argument given"
        raise RuntimeError(_MSG_NOT_SUPPORTED.format(name, layout_name(self), layout_name(layout), given))
    if layout is sparse_coo:
        most = self.dim() - 1
        if isinstance(self, Parted) or not 0 <= dense_dim <= most:  # type: ignore[operator]
            raise RuntimeError(
                f"{name}: dense_dim argument must be in [0,{most}] range, but {dense_dim} is given"
            )
        return coo_of(self, self.dim() - dense_dim)  # type: ignore[operator]
    return compressed(self, kind, blocksize, dense_dim, name)


@function(spaces=("Tensor",))
def to_sparse_coo(self: Tensor) -> Tensor:
    """The entries that are not 0 as a COO tensor; all stored entries of another sparse layout."""
    return as_coo(self)


@function(spaces=("Tensor",))
def to_dense(self: Tensor, dtype: Any = None, *, masked_grad: bool | None = None) -> Tensor:
    """A sparse tensor with all its entries, zeros included; a dense one as it is."""
    if isinstance(self, Parted) and masked_grad is False and self.requires_grad:
        raise NotImplementedError(_MSG_MASKED_GRAD)
    if isinstance(self, SparseTensor):
        out = densified(self._v, self._i, self._size)
    elif isinstance(self, CompressedTensor):
        out = _spread(self._v, self.places(), self._size, len(self.batch), _block(self))
    else:
        out = self
    return out if dtype is None else out.to(dtype)


# ---- at the places of another -------------------------------------------------------------------------


@function(spaces=("Tensor",))
def sparse_mask(self: Tensor, mask: Any) -> Tensor:
    """The entries of self at the places of `mask`, in its layout.

    Raises:
        RuntimeError: different shapes.
    """
    if tuple(self.shape) != tuple(mask.shape):
        raise RuntimeError(
            "sparse_mask(): operands have incompatible sizes; "
            f"self has size {list(self.shape)} but mask has size {list(mask.shape)}"
        )
    if isinstance(self, CompressedTensor) and isinstance(mask, CompressedTensor):
        return COMPRESSED["sparse_mask"](self, mask)
    return at_places(to_dense(self), mask)


def at_places(dense: Tensor, mask: Any) -> Any:
    """The entries of a dense tensor at the places of a sparse one."""
    if isinstance(mask, SparseTensor):
        indices, _ = mask.parts()
        return SparseTensor.make(indices, gathered(dense, indices), mask._size, mask._coalesced)
    n, block = len(mask.batch), _block(mask)
    return mask.like(_masked_entries(dense, mask.places(), n, block, tuple(mask._v.shape)))


HANDLERS["sparse_mask"] = sparse_mask


# ---- transposed ------------------------------------------------------------------------------------------


def transposed(t: CompressedTensor) -> CompressedTensor:
    """Rows and columns swapped: the same pattern read the other way."""
    n, size = len(t.batch), list(t._size)
    size[n], size[n + 1] = size[n + 1], size[n]
    values = t._v.transpose(n + 1, n + 2) if in_blocks(t._kind) else t._v
    return CompressedTensor.make(TRANSPOSED[t._kind], t._pattern, values, tuple(size))
