"""Sparse COO tensors: how they are made, coalesced and made dense again."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from .._core import dtypes
from .._core.compressed import KINDS
from .._core.modes import local
from .._core.registry import Array, Scalar, function, op
from .._core.sparse import HANDLERS, SparseTensor, handles
from .._core.tensor import Tensor, from_numpy_copy
from .convert import Layout, convert, layout, strided
from .creation import tensor as make_tensor
from .creation import zeros
from .sparse_checks import check_coo, wanted

MAKERS: dict[
    str, Callable[..., Tensor]
] = {}  # functions that make tensors, by name: what they do for `layout=`


class _SparseLayout(layout):
    """A layout that functions like `zeros` ask what to make."""

    __module__ = "torchlike"

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        make = MAKERS.get(func.__name__)
        if make is None:
            asked = (kwargs or {}).get("layout")
            raise NotImplementedError(
                f"{func.__name__}(): layout={asked} is not supported; make the tensor dense and call .to_sparse(layout=...)"
            )
        return make(*args, **(kwargs or {}))


LAYOUTS = {"strided": strided, **{kind: _SparseLayout(f"sparse_{kind}") for kind in ("coo", *KINDS)}}
sparse_coo = LAYOUTS["coo"]

_MSG_NNZ = "indices and values must have same nnz, but got nnz from indices: {}, nnz from values: {}"
_MSG_SIZE = (
    "'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = {}, sparse_dim = {}, dense_dim = {}"
)
_MSG_LAYOUT = "{} expected sparse coordinate tensor layout but got {}"


def layout_name(x: Any) -> str:
    """PyTorch's inner name of a layout or of a tensor's: `Strided`, `Sparse`, `SparseCsr`."""
    kind = x if isinstance(x, Layout) else x.layout
    return "Sparse" if kind is sparse_coo else "".join(part.capitalize() for part in kind.name.split("_"))


# ---- rows over the parts ------------------------------------------------------------------


def _places(indices: Any) -> Any:
    return tuple(indices[d] for d in range(indices.shape[0]))


def _added_up(values: Any, indices: Any, size: tuple[int, ...]) -> Any:
    if indices.shape[0] == 0:
        return values.sum(0, dtype=values.dtype)
    out = jnp.zeros(size, values.dtype)
    if values.dtype == jnp.bool_:
        return out.at[_places(indices)].max(values, mode="drop")
    return out.at[_places(indices)].add(values, mode="drop")


@op(spaces=(), name="sparse_to_dense", grad_name="ToDenseBackward0")
def densified(values: Array, indices: Array, size: tuple):
    """A dense array with the values added up at their places; indices outside do not count."""
    return _added_up(values, indices, size)


@op(spaces=(), name="coalesce")
def _summed(values: Array, group: Array, size: tuple):
    """The sums of groups of values."""
    return _added_up(values, group, size)


@op(spaces=(), name="sparse_add_to", grad_name="AddBackward0")
def added_to(dense: Array, values: Array, indices: Array, alpha: Scalar):
    """`dense` plus `alpha` times the values at their places."""
    scaled = (values * alpha).astype(dense.dtype)
    if indices.shape[0] == 0:
        return dense + scaled.sum(0)
    return dense.at[_places(indices)].add(scaled, mode="drop")


@op(spaces=(), name="sparse_gather", grad_name="SparseMaskBackward0")
def gathered(dense: Array, indices: Array):
    """The entries of `dense` at the places: (nnz, ...)."""
    if indices.shape[0] == 0:
        return jnp.broadcast_to(dense, (indices.shape[1], *dense.shape))
    return dense.at[_places(indices)].get(mode="fill", fill_value=0)


@op(spaces=(), name="sparse_values", grad_name="SparseCooTensorWithDimsAndTensorsBackward0")
def held_values(values: Array):
    return values


def shown_values(values: Tensor) -> Tensor:
    """The values as users get them."""
    return _as_shown(values) if values.requires_grad else values


HANDLERS["values"] = shown_values


def own_values(values: Tensor) -> Tensor:
    """The same values and history in a tensor that writes to the other do not reach; costs no operator."""
    return Tensor._from_value(values._read(), values._edge() if local.ctx.grad else None)


@op(spaces=(), name="values", grad_name="ValuesBackward0")
def _as_shown(values: Array):
    return values


def host_indices(t: SparseTensor) -> np.ndarray:
    """The indices (sparse_dim, nnz) as NumPy."""
    return t.parts()[0].detach().cpu().numpy()


def index_tensor(indices: np.ndarray, like: Tensor) -> Tensor:
    """Indices on the device of another tensor."""
    return from_numpy_copy(np.ascontiguousarray(indices, np.int64), like.device)


# ---- construction ------------------------------------------------------------------------------


def _sized(sizes: Any, device: Any, dtype: Any) -> SparseTensor:
    """A sparse tensor without entries."""
    d = dtypes.get_default_dtype() if dtype is None else dtype
    indices = zeros((len(sizes), 0), dtype=dtypes.int64, device=device)
    return SparseTensor.make(indices, zeros((0,), dtype=d, device=device), tuple(int(n) for n in sizes), True)


@function(spaces=("torch",))
def sparse_coo_tensor(
    indices: Any = None, values: Any = None, size: Any = None, *, dtype: Any = None, device: Any = None,
    pin_memory: bool = False, requires_grad: bool = False, check_invariants: bool | None = None,
    is_coalesced: bool | None = None,
) -> SparseTensor:  # fmt: skip
    """A tensor that stores `values` at `indices`; values at one place add up.

    Args:
        indices: (sparse dimensions, nnz) integers.
        values: (nnz, ...); size: the shape, by default the smallest that holds all indices.
        dtype, device: of the result, by default those of `values`.
        check_invariants: raise for indices outside of `size`, which otherwise do not count.
        is_coalesced: promises that indices are sorted and distinct.

    Raises:
        RuntimeError: parts that do not fit each other or `size`.
    """
    if values is None:  # only a size
        sizes = size if size is not None else indices
        if sizes is None:
            raise TypeError('sparse_coo_tensor() missing 1 required positional arguments: "size"')
        made = _sized(sizes, device, dtype)
        return made.requires_grad_(requires_grad)
    if not isinstance(values, Tensor):
        values = make_tensor(values, dtype=dtype, device=device)
    values = convert(values, device, dtype)
    if not isinstance(indices, Tensor):
        indices = make_tensor(indices, dtype=dtypes.int64)
    indices = convert(indices.detach(), values.device, dtypes.int64)
    if indices.dim() != 2:
        raise RuntimeError(f"indices must be sparse_dim x nnz, but got: {list(indices.shape)}")
    if values.dim() == 0:
        values = values.reshape(1)
    sparse_dim, nnz = indices.shape
    if values.shape[0] != nnz:
        if size is not None and len(size) != sparse_dim + values.dim() - 1:
            raise RuntimeError(_MSG_SIZE.format(len(size), sparse_dim, values.dim() - 1))
        raise RuntimeError(_MSG_NNZ.format(nnz, values.shape[0]))
    if size is None:
        if nnz == 0:
            size = (0,) * sparse_dim
        else:
            highest = indices.cpu().numpy().max(1)
            if indices.cpu().numpy().min() < 0:
                raise RuntimeError(f"found negative index {int(indices.cpu().numpy().min())} for dim 0")
            size = tuple(int(n) + 1 for n in highest)
        size = (*size, *values.shape[1:])
    size = tuple(int(n) for n in size)
    if len(size) != sparse_dim + values.dim() - 1:
        raise RuntimeError(_MSG_SIZE.format(len(size), sparse_dim, values.dim() - 1))
    if size[sparse_dim:] != tuple(values.shape[1:]):
        raise RuntimeError(
            f"values has incorrect size, expected {[nnz, *size[sparse_dim:]]}, got {list(values.shape)}"
        )
    if wanted(check_invariants):
        check_coo(indices, size)
    held = held_values(values) if values.requires_grad else values.detach()
    made = SparseTensor.make(indices, held, size, bool(is_coalesced))
    return made.requires_grad_() if requires_grad and not held.requires_grad else made


def coo_of(self: Tensor, sparse_dim: int | None = None) -> SparseTensor:
    """The entries of a dense tensor that are not 0, over its first `sparse_dim` dimensions (all by default).

    Raises:
        RuntimeError: `sparse_dim` is out of range.
    """
    ndim = self.dim()
    if sparse_dim is None:
        sparse_dim = ndim
    if not 0 <= sparse_dim <= ndim:
        raise RuntimeError(
            f"dense_to_sparse: sparse_dim argument must be in [0,{ndim}] range, but {sparse_dim} is given"
        )
    if ndim > 0 and sparse_dim == 0:
        raise RuntimeError("dense_to_sparse: sparse_dim argument must be in >0 when self.dim()>0")
    array = self.detach().cpu().numpy() if self.dtype is not dtypes.bfloat16 else self._host()
    found = array.reshape(*array.shape[:sparse_dim], -1).any(-1) if ndim else np.ones((), bool)
    places = np.stack(np.nonzero(found)) if ndim else np.zeros((0, int(array != 0)), np.int64)
    indices = index_tensor(places, self)
    return SparseTensor.make(indices, _picked(self, indices), tuple(self.shape), True)


@op(spaces=(), name="to_sparse", grad_name="ToSparseBackward1")
def _picked(dense: Array, indices: Array):
    if indices.shape[0] == 0:
        return jnp.broadcast_to(dense, (indices.shape[1], *dense.shape))
    return dense[_places(indices)]


# ---- coalescing ------------------------------------------------------------------------------------


def _grouped(t: SparseTensor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct places in order (sparse_dim, n), the first entry of each, and each entry's group."""
    indices = host_indices(t)
    sizes = t._size[: len(indices)]
    if not len(indices):
        n = min(indices.shape[1], 1)
        return indices[:, :n], np.zeros(n, np.int64), np.zeros(indices.shape[1], np.int64)
    if indices.size and ((indices < 0).any() or (indices >= np.reshape(sizes, (-1, 1))).any()):
        raise RuntimeError(f"indices are out of the range of the tensor's size {list(t._size)}")
    if math.prod(sizes) >= 1 << 63:
        raise RuntimeError("flattening sparse indices would overflow int64")
    flat = np.ravel_multi_index(tuple(indices), sizes) if indices.size else np.zeros(0, np.int64)
    distinct, first, group = np.unique(flat, return_index=True, return_inverse=True)
    places = np.stack(np.unravel_index(distinct, sizes)) if indices.size else indices
    return places, first, group


@function(spaces=("Tensor",))
def coalesce(self: Tensor) -> SparseTensor:
    """Indices sorted, and values at one place added up; self if that is so already."""
    if not isinstance(self, SparseTensor):
        raise RuntimeError(_MSG_LAYOUT.format("coalesce", layout_name(self)))
    if self._coalesced:
        return self
    places, first, group = _grouped(self)
    indices, values = self.parts()
    if len(first) == values.shape[0] and np.array_equal(group, np.arange(len(group))):
        return SparseTensor.make(indices, own_values(values), self._size, True)
    size = (len(first), *values.shape[1:])
    summed = _summed(values, index_tensor(group[None], values), size)
    return SparseTensor.make(index_tensor(places, values), summed, self._size, True)


@handles("representatives")
def _representatives(t: SparseTensor) -> SparseTensor:
    """One entry of each place, where all have the same value: a gradient."""
    places, first, _ = _grouped(t)
    values = t._v.index_select(0, index_tensor(first, t._v))
    return SparseTensor.make(index_tensor(places, values), values, t._size, True)


# ---- dense tensors answer, too -----------------------------------------------------------------------


def _of_sparse_only(name: str, text: str) -> None:
    def method(self: Tensor) -> Any:
        raise RuntimeError(_MSG_LAYOUT.format(name, layout_name(self)))

    method.__name__ = name
    method.__doc__ = text
    function(spaces=("Tensor",))(method)


for _name, _text in (
    ("indices", "The indices of a sparse tensor."),
    ("values", "The values of a sparse tensor."),
):
    _of_sparse_only(_name, _text)


@function(spaces=("Tensor",))
def sparse_dim(self: Tensor) -> int:
    """How many dimensions are indexed: 0."""
    return 0


@function(spaces=("Tensor",))
def dense_dim(self: Tensor) -> int:
    """How many dimensions are dense: all."""
    return self.dim()


@function(spaces=("Tensor",))
def is_coalesced(self: Tensor) -> bool:
    """Only sparse tensors answer."""
    raise RuntimeError(_MSG_LAYOUT.format("is_coalesced", layout_name(self)))
