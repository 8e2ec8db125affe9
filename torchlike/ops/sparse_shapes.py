"""Shapes, copies, conversions and in-place forms of sparse COO tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._core.autograd import TYPE_NAMES
from .._core.parted import Parted
from .._core.registry import function, namespace
from .._core.sparse import HANDLERS, SparseTensor, handles, not_sparse
from .._core.tensor import Tensor
from .sparse_coo import MAKERS, coalesce, densified, host_indices, index_tensor, own_values
from .sparse_math import OF_VALUES
from .strides import wrap_dim

# ---- shapes -----------------------------------------------------------------------------------------------


@handles("transpose", "swapaxes", "swapdims")
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
    dense = [0, *[d - k + 1 for d in order[k:]]]
    values = own_values(values) if dense == list(range(len(dense))) else values.permute(dense)
    coalesced = input._coalesced and order[:k] == list(range(k))
    return SparseTensor.make(indices, values, tuple(input._size[d] for d in order), coalesced)


@handles("t", "T", "adjoint", "mT")
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
    return SparseTensor.make(index_tensor(array, indices), own_values(values), size, input._coalesced)


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
    at = 0  # dimensions that stay
    for part in key if isinstance(key, tuple) else (key,):
        if isinstance(part, slice) and part == slice(None):
            at += 1
        elif isinstance(part, int) and not isinstance(part, bool):
            out = out.select(at, part)
        else:
            raise not_sparse(f"index with {type(part).__name__}", self)
    return out


@handles("unbind")
def _unbind(input: SparseTensor, dim: int = 0) -> tuple[Tensor, ...]:
    return tuple(_select(input, dim, i) for i in range(input._size[wrap_dim(dim, input.dim())]))


@handles("__iter__")
def _iter(self: SparseTensor) -> Any:
    return iter(_unbind(self))


# ---- copies and conversions ----------------------------------------------------------------------------------


@handles("clone")
def _clone(input: SparseTensor, *, memory_format: Any = None) -> SparseTensor:
    return SparseTensor.make(input._i.clone(), input._v.clone(), input._size, input._coalesced, input._loose)


def _to(self: Parted, *args: Any, **kwargs: Any) -> Parted:
    return self.moved(self._v.to(*args, **kwargs))


def _cast(name: str) -> Callable[..., Parted]:
    def cast(self: Parted, *args: Any, **kwargs: Any) -> Parted:
        whole = coalesce(self) if name == "bool" and self.is_sparse else self
        return whole.moved(getattr(whole._v, name)(*args, **kwargs))

    cast.__name__ = name
    return cast


Parted.to = _to  # type: ignore[attr-defined]
for _name in ("float", "double", "half", "bfloat16", "long", "int", "short", "char", "byte", "bool", "cfloat",
              "cdouble", "cpu", "cuda"):  # fmt: skip
    setattr(Parted, _name, _cast(_name))


def _type(self: SparseTensor, dtype: Any = None, non_blocking: bool = False, **kwargs: Any) -> Any:
    if dtype is not None:
        return _to(self, dtype)
    return ("torch.cuda.sparse." if self.is_cuda else "torch.sparse.") + TYPE_NAMES[self.dtype.name]


SparseTensor.type = _type  # type: ignore[attr-defined]


@handles("zeros_like")
def _zeros_like(input: SparseTensor, *, dtype: Any = None, layout: Any = None, device: Any = None,
                requires_grad: bool = False, memory_format: Any = None, pin_memory: bool = False) -> Any:  # fmt: skip
    if layout is not None and layout is not input.layout:
        return MAKERS["zeros_like"](
            input, layout=layout, dtype=dtype, device=device, requires_grad=requires_grad
        )
    k = input.sparse_dim()
    values = input._v.detach().new_empty((0, *input._size[k:]), dtype=dtype or input.dtype, device=device)
    indices = input._i.new_empty((k, 0), device=values.device)
    made = SparseTensor.make(indices, values, input._size, True)
    return made.requires_grad_() if requires_grad else made


HANDLERS["empty_like"] = _zeros_like


# ---- in place ---------------------------------------------------------------------------------------------------


def _in_place(name: str) -> Callable[..., Tensor]:
    def inplace(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if isinstance(self, SparseTensor):
            return self.take(HANDLERS[name](self, *args, **kwargs), seen=name != "mul")
        out = HANDLERS[name](self, *args, **kwargs)
        if isinstance(out, SparseTensor):
            out = densified(out._v, out._i, out._size)
        return self.copy_(out)

    return inplace


for _name in ("add", "sub", "mul", "div", "floor_divide", "neg", "pow", "transpose", "t", *OF_VALUES):
    handles(_name + "_")(_in_place(_name))


@handles("zero_")
def _zero_(self: SparseTensor) -> SparseTensor:
    return self.take(_zeros_like(self), seen=False)


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


_MSG_RESIZE = (
    "{} the {} dimensions (from {} to {}) on a non-empty sparse tensor is not supported.\n"
    "Make an empty tensor of this size with torch.sparse_coo_tensor(size), keep the number of sparse and of dense "
    "dimensions and let no size shrink, or give up the entries with sparse_resize_and_clear_()."
)


def _check_sizes(size: Any, sparse_dim: int, dense_dim: int) -> tuple[int, ...]:
    size = tuple(int(n) for n in size)
    if len(size) != sparse_dim + dense_dim:
        raise RuntimeError(
            f"'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = {len(size)}, "
            f"sparse_dim = {sparse_dim}, dense_dim = {dense_dim}"
        )
    return size


@function(spaces=("Tensor",))
def sparse_resize_(self: Tensor, size: Any, sparse_dim: int, dense_dim: int) -> SparseTensor:
    """Gives a COO tensor another shape in place; its entries stay, new elements of values are 0.

    Raises:
        RuntimeError: entries would be lost; the numbers of dimensions do not fit `size`.
    """
    if not isinstance(self, SparseTensor):
        raise not_sparse("sparse_resize_", self)
    self.check_leaf()
    size = _check_sizes(size, sparse_dim, dense_dim)
    if not self._nnz():
        return sparse_resize_and_clear_(self, size, sparse_dim, dense_dim)
    k = self.sparse_dim()
    for what, have, want in (("sparse", k, sparse_dim), ("dense", self.dense_dim(), dense_dim)):
        if have != want:
            raise RuntimeError(
                _MSG_RESIZE.format("changing the number of", what, have, want).replace("of the", "of")
            )
    for what, have, want in (("sparse", self._size[:k], size[:k]), ("dense", self._size[k:], size[k:])):
        if any(n < m for m, n in zip(have, want)):
            raise RuntimeError(
                _MSG_RESIZE.format("shrinking the size of", what, list(have), list(want)).replace(
                    "of the", "of"
                )
            )
    indices, values = self.parts()
    if size[k:] != self._size[k:]:
        wider = [m for a, b in zip(self._size[k:][::-1], size[k:][::-1]) for m in (0, b - a)]
        values = namespace("nn.functional")["pad"](values, wider)
    return self.become(SparseTensor.make(indices, values, size, self._coalesced))


@function(spaces=("Tensor",))
def sparse_resize_and_clear_(self: Tensor, size: Any, sparse_dim: int, dense_dim: int) -> SparseTensor:
    """Gives a COO tensor another shape in place, without entries."""
    if not isinstance(self, SparseTensor):
        raise not_sparse("sparse_resize_and_clear_", self)
    self.check_leaf()
    size = _check_sizes(size, sparse_dim, dense_dim)
    indices = self._i.new_empty((sparse_dim, 0))
    values = self._v.detach().new_empty((0, *size[sparse_dim:]))
    return self.become(SparseTensor.make(indices, values, size, True))


@function()
def resize_as_sparse_(input: Tensor, the_template: Tensor) -> SparseTensor:
    """Gives a COO tensor the shape of another in place."""
    for t in (input, the_template):
        if not isinstance(t, SparseTensor):
            raise not_sparse("resize_as_sparse_", t)
    return sparse_resize_(input, the_template.shape, the_template.sparse_dim(), the_template.dense_dim())


def _reshape(input: SparseTensor, *shape: Any, **kwargs: Any) -> Tensor:
    raise RuntimeError("reshape is not implemented for sparse tensors")


SparseTensor.reshape = SparseTensor.flatten = _reshape  # type: ignore[attr-defined]
HANDLERS["reshape"] = HANDLERS["flatten"] = _reshape
