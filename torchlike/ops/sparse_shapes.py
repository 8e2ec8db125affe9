"""Shapes, copies, conversions and in-place forms of sparse COO tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._core.autograd import TYPE_NAMES
from .._core.modes import no_grad
from .._core.registry import namespace
from .._core.sparse import HANDLERS, SparseTensor, handles, not_sparse
from .._core.tensor import Tensor
from .sparse_coo import coalesce, densified, host_indices, index_tensor
from .sparse_math import OF_VALUES
from .strides import wrap_dim

# ---- shapes -----------------------------------------------------------------------------------------------


@handles("transpose", "transpose_", "swapaxes", "swapdims")
def _transpose(input: SparseTensor, dim0: int, dim1: int) -> SparseTensor:
    n = input.dim()
    a, b = wrap_dim(dim0, n), wrap_dim(dim1, n)
    if a == b:
        return input
    k = input.sparse_dim()
    if a >= k or b >= k:
        raise RuntimeError(
            "sparse transpose: transposed dimensions must be sparse "
            f"Got sparse_dim: {k}, d0: {min(a, b)}, d1: {max(a, b)}"
        )
    dims = list(range(n))
    dims[a], dims[b] = b, a
    return _permute(input, dims)


@handles("permute")
def _permute(input: SparseTensor, *dims: Any) -> SparseTensor:
    order = [
        wrap_dim(d, input.dim())
        for d in (dims[0] if len(dims) == 1 and isinstance(dims[0], Sequence) else dims)
    ]
    k = input.sparse_dim()
    if sorted(order[:k]) != list(range(k)):
        raise RuntimeError(
            "permute of sparse tensors moves sparse and dense dimensions among themselves only"
        )
    indices, values = input.parts()
    if order[:k] != list(range(k)):
        indices = indices.index_select(0, index_tensor(np.asarray(order[:k]), indices))
    if order[k:] != list(range(k, input.dim())):
        values = values.permute(0, *[d - k + 1 for d in order[k:]])
    coalesced = input._coalesced and order[:k] == list(range(k))
    return SparseTensor.make(indices, values, tuple(input._size[d] for d in order), coalesced)


@handles("t", "t_", "T", "adjoint", "mT")
def _t(input: SparseTensor) -> SparseTensor:
    if input.dim() > 2 or input.sparse_dim() > 2:
        raise RuntimeError(
            "t() expects a tensor with <= 2 sparse and 0 dense dimensions, but got "
            f"{input.sparse_dim()} sparse and {input.dense_dim()} dense dimensions"
        )
    return input if input.dim() < 2 else _transpose(input, 0, 1)


SparseTensor.T = SparseTensor.mT = property(_t)  # type: ignore[attr-defined]


@handles("unsqueeze")
def _unsqueeze(input: SparseTensor, dim: int) -> SparseTensor:
    at, k = wrap_dim(dim, input.dim() + 1), input.sparse_dim()
    indices, values = input.parts()
    size = (*input._size[:at], 1, *input._size[at:])
    if at > k:
        return SparseTensor.make(indices, values.unsqueeze(at - k + 1), size, input._coalesced)
    array = np.insert(host_indices(input), at, 0, 0)
    return SparseTensor.make(index_tensor(array, indices), values, size, input._coalesced)


@handles("cat", "concat", "concatenate")
def _cat(tensors: Sequence[Any], dim: int = 0, *, out: Any = None) -> SparseTensor:
    for i, t in enumerate(tensors):
        if not isinstance(t, SparseTensor):
            raise RuntimeError(f"Concatenating sparse tensors, but a dense tensor was found at position {i}.")
    first = tensors[0]
    at, k = wrap_dim(dim, first.dim()), first.sparse_dim()
    for i, t in enumerate(tensors):
        rest = [(m, n) for d, (m, n) in enumerate(zip(first._size, t._size)) if d != at and m != n]
        if t.sparse_dim() != k or len(t._size) != len(first._size) or rest:
            raise RuntimeError(
                f"All tensors must have the same shape: {list(first._size)} (except in the concatenating dimension), "
                f"with the same sparse dimensions, but found {list(t._size)} at position {i}"
            )
    join = namespace("torch")["cat"]
    if at >= k:
        raise not_sparse("cat over a dense dimension", first)
    shifted, start = [], 0
    for t in tensors:
        array = host_indices(t).copy()
        array[at] += start
        shifted.append(array)
        start += t._size[at]
    values = join([t.parts()[1] for t in tensors], 0)
    size = tuple(start if d == at else n for d, n in enumerate(first._size))
    return SparseTensor.make(index_tensor(np.concatenate(shifted, 1), values), values, size)


@handles("stack")
def _stack(tensors: Sequence[Any], dim: int = 0, *, out: Any = None) -> SparseTensor:
    return _cat([_unsqueeze(t, dim) for t in tensors], dim)


@handles("index_select")
def _index_select(input: SparseTensor, dim: int, index: Tensor, *, out: Any = None) -> SparseTensor:
    at, k = wrap_dim(dim, input.dim()), input.sparse_dim()
    indices, values = input.parts()
    wanted = index.detach().cpu().numpy().reshape(-1)
    size = tuple(len(wanted) if d == at else n for d, n in enumerate(input._size))
    if at >= k:
        return SparseTensor.make(indices, values.index_select(at - k + 1, index), size, input._coalesced)
    if wanted.size and (wanted.min() < -input._size[at] or wanted.max() >= input._size[at]):
        raise IndexError(f"index_select(): index contains values out of range for dimension {at} of size {input._size[at]}")  # fmt: skip
    array = host_indices(input)
    new, entry = np.nonzero((wanted % max(input._size[at], 1))[:, None] == array[at])
    moved = array[:, entry]
    moved[at] = new
    chosen = values.index_select(0, index_tensor(entry, values))
    return SparseTensor.make(index_tensor(moved, values), chosen, size)


@handles("select")
def _select(input: SparseTensor, dim: int, index: int) -> Tensor:
    at, k = wrap_dim(dim, input.dim()), input.sparse_dim()
    n = input._size[at]
    if not -n <= index < n:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(input._size)} at dimension {at}"
        )
    indices, values = input.parts()
    size = tuple(s for d, s in enumerate(input._size) if d != at)
    if at >= k:
        return SparseTensor.make(indices, values.select(at - k + 1, index), size, input._coalesced)
    array = host_indices(input)
    (entry,) = np.nonzero(array[at] == index % n)
    chosen = values.index_select(0, index_tensor(entry, values))
    if k == 1:
        return chosen.sum(0)
    return SparseTensor.make(
        index_tensor(np.delete(array[:, entry], at, 0), values), chosen, size, input._coalesced
    )


@handles("__getitem__")
def _getitem(self: SparseTensor, key: Any) -> Tensor:
    out: Any = self
    for part in key if isinstance(key, tuple) else (key,):
        if not isinstance(part, int) or isinstance(part, bool):
            raise not_sparse(f"index with {type(part).__name__}", self)
        out = _select(out, 0, part) if isinstance(out, SparseTensor) else out[part]
    return out


# ---- copies and conversions ----------------------------------------------------------------------------------


@handles("clone")
def _clone(input: SparseTensor, *, memory_format: Any = None) -> SparseTensor:
    return SparseTensor.make(input._i.clone(), input._v.clone(), input._size, input._coalesced, input._loose)


def _to(self: SparseTensor, *args: Any, **kwargs: Any) -> SparseTensor:
    values = self._v.to(*args, **kwargs)
    if values is self._v:
        return self
    indices = self._i if self._i.device is values.device else self._i.to(values.device)
    return SparseTensor.make(indices, values, self._size, self._coalesced, self._loose)


def _cast(name: str) -> Callable[..., SparseTensor]:
    def cast(self: SparseTensor, *args: Any, **kwargs: Any) -> SparseTensor:
        whole = coalesce(self) if name == "bool" else self
        values = getattr(whole._v, name)(*args, **kwargs)
        if values is whole._v:
            return self
        indices = whole._i if whole._i.device is values.device else whole._i.to(values.device)
        return SparseTensor.make(indices, values, whole._size, whole._coalesced, whole._loose)

    return cast


SparseTensor.to = _to  # type: ignore[attr-defined]
for _name in ("float", "double", "half", "bfloat16", "long", "int", "short", "char", "byte", "bool", "cfloat",
              "cdouble", "cpu", "cuda"):  # fmt: skip
    setattr(SparseTensor, _name, _cast(_name))


def _type(self: SparseTensor, dtype: Any = None, non_blocking: bool = False, **kwargs: Any) -> Any:
    if dtype is not None:
        return _to(self, dtype)
    return ("torch.cuda.sparse." if self.is_cuda else "torch.sparse.") + TYPE_NAMES[self.dtype.name]


SparseTensor.type = _type  # type: ignore[attr-defined]


@handles("zeros_like")
def _zeros_like(input: SparseTensor, *, dtype: Any = None, layout: Any = None, device: Any = None,
                requires_grad: bool = False, memory_format: Any = None) -> SparseTensor:  # fmt: skip
    k = input.sparse_dim()
    indices = input._i.new_empty((k, 0))
    values = input._v.new_empty((0, *input._size[k:]), dtype=dtype or input.dtype)
    return SparseTensor.make(indices, values, input._size, True)


HANDLERS["empty_like"] = _zeros_like


# ---- in place ---------------------------------------------------------------------------------------------------


def _in_place(name: str) -> Callable[..., Tensor]:
    def inplace(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if isinstance(self, SparseTensor):
            return self.become(HANDLERS[name](self, *args, **kwargs))
        out = HANDLERS[name](self, *args, **kwargs)
        if isinstance(out, SparseTensor):
            out = densified(out._v, out._i, out._size)
        return self.copy_(out)

    return inplace


for _name in ("add", "sub", "mul", "div", "neg", "pow", *OF_VALUES):
    handles(_name + "_")(_in_place(_name))


@handles("zero_")
def _zero_(self: SparseTensor) -> SparseTensor:
    with no_grad():
        return self.become(_zeros_like(self))


@handles("copy_")
def _copy_(self: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    if isinstance(self, SparseTensor) and isinstance(src, SparseTensor):
        values = src._v.to(self.dtype) if src.dtype is not self.dtype else src._v.clone()
        return self.become(SparseTensor.make(src._i.clone(), values, src._size, src._coalesced, src._loose))
    raise RuntimeError(
        "copy_() between dense and sparse Tensors is not implemented! Found self type = "
        f"{self.type()} and src type = {src.type()}"
    )


SparseTensor.zero_ = _zero_  # type: ignore[attr-defined]
SparseTensor.copy_ = _copy_  # type: ignore[attr-defined]
SparseTensor.clone = _clone  # type: ignore[attr-defined]
SparseTensor.transpose = _transpose  # type: ignore[attr-defined]


def _reshape(input: SparseTensor, *shape: Any, **kwargs: Any) -> Tensor:
    raise RuntimeError("reshape is not implemented for sparse tensors")


SparseTensor.reshape = SparseTensor.flatten = _reshape  # type: ignore[attr-defined]
