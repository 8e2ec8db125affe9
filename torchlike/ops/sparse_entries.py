"""What operators do with the entries of compressed sparse tensors, and their shapes, copies and in-place forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._core.compressed import COMPRESSED, CompressedTensor, Pattern, handles, in_blocks
from .._core.parted import Parted, not_sparse
from .._core.registry import namespace
from .._core.sparse import HANDLERS, SparseTensor
from .._core.tensor import Tensor
from .convert import convert
from .sparse_convert import at_places, compress, elements, grid, sparse_mask, to_dense, transposed
from .sparse_coo import layout_name
from .sparse_math import OF_VALUES, intersection, joined, sparse_sum
from .strides import wrap_dim

# ---- element by element ------------------------------------------------------------------


def _of_values(name: str) -> Callable[..., Any]:
    def apply(input: CompressedTensor, *args: Any, **kwargs: Any) -> Any:
        return input.like(getattr(input._v, name)(*args, **kwargs))

    return apply


for _name in (*OF_VALUES, "neg", "negative"):
    handles(_name)(_of_values(_name))


def _alike(a: CompressedTensor, b: Any, name: str) -> CompressedTensor:
    """b in a's layout and with its shape."""
    if tuple(a.shape) != tuple(b.shape):
        raise RuntimeError(
            f"{name}: expected 'self' and 'other' to have same size, but self has size {list(a.shape)} while other has "
            f"size {list(b.shape)} (FYI: op2-sparse addition does not currently support broadcasting)"
        )
    if a._kind == b._kind and a.block == b.block:
        return b
    raise RuntimeError(
        f"{name}: {layout_name(a)} and {layout_name(b)} do not go together here; convert one of them, e.g. with "
        ".to_sparse_csr()"
    )


def same_pattern(a: CompressedTensor, b: CompressedTensor) -> bool:
    """Whether the entries of both are at the same places in the same order."""
    if a._pattern is b._pattern:
        return True
    if a._pattern.plain.shape != b._pattern.plain.shape:
        return False
    return all(np.array_equal(x, y) for x, y in zip(a._pattern.host(), b._pattern.host()))


def _through_grid(a: CompressedTensor, b: CompressedTensor, combine: Callable[..., Any]) -> CompressedTensor:
    """What `combine` makes of both as COO tensors, in a's layout."""
    n = len(a.batch)
    if n:
        raise RuntimeError(
            "batches of sparse tensors with entries at different places: call .to_dense() first"
        )
    return compress(combine(grid(a), grid(b)), a._kind, a._size, n, a._pattern.plain.dtype)


@handles("add")
def _add(input: Any, other: Any, *, alpha: Any = 1, out: Any = None) -> Any:
    if not isinstance(input, Parted) or not isinstance(other, Parted):
        return _add_dense(input, other, alpha)
    if not isinstance(input, CompressedTensor):
        raise not_sparse("add", other)
    b = _alike(input, other, "add")
    scaled = b._v if alpha == 1 else b._v * alpha
    if same_pattern(input, b):
        return input.like(input._v + scaled)
    return _through_grid(input, b.like(scaled), joined)


def _add_dense(input: Any, other: Any, alpha: Any) -> Tensor:
    dense, sparse = (other, input) if isinstance(input, Parted) else (input, other)
    shape = tuple(dense.shape) if isinstance(dense, Tensor) else ()
    if shape != tuple(sparse.shape):
        raise RuntimeError(
            f"add: expected 'self' and 'other' to have same size, but self has size {list(shape)} while other has size "
            f"{list(sparse.shape)} (FYI: op2-sparse addition does not currently support broadcasting)"
        )
    return namespace("torch")["add"](*(t.to_dense() for t in (input, other)), alpha=alpha)


@handles("sub", "subtract")
def _sub(input: Any, other: Any, *, alpha: Any = 1, out: Any = None) -> Any:
    return _add(input, other, alpha=-alpha)


@handles("mul", "multiply")
def _mul(input: Any, other: Any, *, out: Any = None) -> Any:
    if not isinstance(input, CompressedTensor):
        input, other = other, input
    if not isinstance(other, Tensor) or other.dim() == 0:
        return input.like(input._v * (to_dense(other) if isinstance(other, Parted) else other))
    if not isinstance(other, Parted):
        return input.like(input._v * at_places(other.expand(input._size), input)._v)
    b = _alike(input, other, "mul")
    if same_pattern(input, b):
        return input.like(input._v * b._v)
    return _through_grid(input, b, intersection)


@handles("div", "divide", "true_divide")
def _div(input: Any, other: Any, *, rounding_mode: str | None = None, out: Any = None) -> Any:
    if not isinstance(input, CompressedTensor) or (isinstance(other, Tensor) and other.dim()):
        raise not_sparse("div", input if isinstance(input, Parted) else other)
    divide = namespace("torch")["div"]
    return input.like(divide(input._v, other, rounding_mode=rounding_mode))


@handles("pow", "__pow__")
def _pow(input: Any, exponent: Any, *, out: Any = None) -> Any:
    if not isinstance(input, CompressedTensor):
        raise not_sparse("pow", exponent)
    if not isinstance(exponent, (int, float)) or exponent <= 0:  # 0 does not stay 0
        raise not_sparse("pow", input)
    return input.like(input._v**exponent)


@handles("dropout", "feature_dropout", "alpha_dropout")
def _dropout(input: CompressedTensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    if training and p:
        raise not_sparse("bernoulli_", input)
    return input


# ---- reductions --------------------------------------------------------------------------------


@handles("sum")
def _sum(input: CompressedTensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None,
         out: Any = None) -> Any:  # fmt: skip
    if dim is None or dim == () or dim == []:
        return input._v.sum(dtype=dtype)
    if input._kind != "csr":
        raise RuntimeError(
            "Currently the only compressed sparse format supported for sum.dim_IntList is CSR, but got layout "
            f"{layout_name(input)}"
        )
    if not keepdim:
        raise RuntimeError("reduction operations on CSR tensors with keepdim=False is unsupported")
    if input.batch or input.dense_dim():
        raise not_sparse("sum.dim_IntList", input)
    summed = sparse_sum(grid(input), dim, True, dtype=dtype)
    size = tuple(summed.shape)
    if isinstance(summed, SparseTensor):
        return compress(summed, "csr", size, 0)
    return summed.to_sparse_csr()  # over both dimensions


@handles("sparse_mask")
def _masked(self: Tensor, mask: Any) -> Any:
    """The entries of self at the places of a compressed `mask`, of a compressed self those that it has."""
    if not isinstance(self, CompressedTensor) or not isinstance(mask, CompressedTensor):
        return sparse_mask(self, mask)
    b = _alike(mask, self, "sparse_mask")
    if same_pattern(mask, b):
        return b
    ones = namespace("torch")["ones_like"](mask._v)
    return _through_grid(b, mask.like(ones), intersection)


# ---- shapes ----------------------------------------------------------------------------------------


def _sort(t: CompressedTensor, d: int) -> str:
    n = len(t.batch)
    return "Batch" if d < n else "Sparse" if d < n + 2 else "Dense"


@handles("transpose", "swapaxes", "swapdims")
def _transpose(input: CompressedTensor, dim0: int, dim1: int) -> CompressedTensor:
    d0, d1 = (wrap_dim(d, input.dim()) for d in (dim0, dim1))
    if d0 == d1:
        return input
    if input.dense_dim():
        raise RuntimeError(
            "transpose(): hybrid sparse compressed tensors with dense dimensions are not supported"
        )
    if _sort(input, d0) != _sort(input, d1):
        raise RuntimeError(
            "transpose(): can only transpose dimensions of the same type (Batch, Sparse, Dense), got "
            f"{d0}({_sort(input, d0)}) and {d1}({_sort(input, d1)})"
        )
    if d0 >= len(input.batch):
        return transposed(input)
    size = list(input._size)
    size[d0], size[d1] = size[d1], size[d0]
    pattern = input._pattern.renewed(lambda i: i.transpose(d0, d1).contiguous())
    return CompressedTensor.make(input._kind, pattern, input._v.transpose(d0, d1), tuple(size))


@handles("permute")
def _permute(input: CompressedTensor, *dims: Any) -> CompressedTensor:
    n = input.dim()
    order = [wrap_dim(d, n) for d in (dims[0] if len(dims) == 1 and not isinstance(dims[0], int) else dims)]
    moved = [d for d in range(n) if order[d] != d]
    if not moved:
        return input
    if len(moved) != 2:
        raise not_sparse("permute of more than two dimensions", input)
    return _transpose(input, *moved)


def _t(input: CompressedTensor) -> CompressedTensor:
    return _transpose(input, -2, -1)


def _adjoint(input: CompressedTensor) -> CompressedTensor:
    return _t(input.like(input._v.conj()) if input.dtype.is_complex else input)


CompressedTensor.transpose, CompressedTensor.t = _transpose, _t  # type: ignore[attr-defined]
CompressedTensor.adjoint = _adjoint  # type: ignore[attr-defined]
CompressedTensor.T = CompressedTensor.mT = property(_t)  # type: ignore[attr-defined]
CompressedTensor.H = CompressedTensor.mH = property(_adjoint)  # type: ignore[attr-defined]


@handles("select")
def _select(input: CompressedTensor, dim: int, index: int) -> Tensor:
    at, n = wrap_dim(dim, input.dim()), len(input.batch)
    size = input._size[at]
    if not -size <= index < size:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(input._size)} at dimension {at}"
        )
    rest = tuple(s for d, s in enumerate(input._size) if d != at)
    if at < n:
        pattern = input._pattern.renewed(lambda i: i.select(at, index))
        return CompressedTensor.make(input._kind, pattern, input._v.select(at, index), rest)
    if _sort(input, at) == "Dense":
        blocks = 2 if in_blocks(input._kind) else 0
        values = input._v.select(at - 1 + blocks, index)
        return CompressedTensor.make(input._kind, input._pattern, values, rest)
    if n:
        raise RuntimeError(
            "selecting rows or columns is not supported for batched sparse compressed tensors; select the batch first"
        )
    chosen: Any = elements(input).select(at, index)
    return chosen._coalesced_(True) if isinstance(chosen, Parted) else chosen


@handles("__getitem__")
def _getitem(self: CompressedTensor, key: Any) -> Tensor:
    out: Any = self
    at = 0
    for part in key if isinstance(key, tuple) else (key,):
        if isinstance(part, slice) and part == slice(None):
            at += 1
            continue
        if not isinstance(part, int) or isinstance(part, bool):
            raise not_sparse(f"index with {type(part).__name__}", self)
        out = out.select(at, part)
    return out


@handles("unbind")
def _unbind(input: CompressedTensor, dim: int = 0) -> tuple[Tensor, ...]:
    return tuple(_select(input, dim, i) for i in range(input._size[wrap_dim(dim, input.dim())]))


@handles("__iter__")
def _iter(self: CompressedTensor) -> Any:
    return iter(_unbind(self))


@handles("expand")
def _expand(input: Any, *_: Any, **__: Any) -> Any:
    raise RuntimeError(f"expand is unsupported for {layout_name(input)} tensors")


HANDLERS["expand"] = _expand


# ---- copies and conversions ----------------------------------------------------------------------------


@handles("clone")
def _clone(input: CompressedTensor, *, memory_format: Any = None) -> CompressedTensor:
    return input.renewed(input._v.clone(), lambda i: i.clone())


def _filled(name: str, of: Callable[..., Tensor]) -> None:
    def like(input: CompressedTensor, *args: Any, dtype: Any = None, layout: Any = None, device: Any = None,
             requires_grad: bool = False, memory_format: Any = None, pin_memory: bool = False) -> Any:  # fmt: skip
        if layout is not None and layout is not input.layout:
            raise RuntimeError(
                f"empty_like with different sparse layout is not supported (self is {layout_name(input)} but you "
                f"requested {layout_name(layout)})"
            )
        source = input if name != "zeros_like" else _zeros(input)
        made = source.moved(of(source._v.detach(), *args, dtype=dtype, device=device))
        return made.requires_grad_() if requires_grad else made

    handles(name)(like)


def _zeros(input: CompressedTensor) -> CompressedTensor:
    """Without any entries."""
    n = len(input.batch)
    pattern = input._pattern
    empty = Pattern(
        pattern.compressed.new_zeros(pattern.compressed.shape), pattern.plain.narrow(n, 0, 0).clone()
    )
    return CompressedTensor.make(input._kind, empty, input._v.detach().narrow(n, 0, 0).clone(), input._size)


for _name in ("zeros_like", "ones_like", "empty_like", "full_like"):
    _filled(_name, namespace("torch")[_name])


def _type(self: CompressedTensor, dtype: Any = None, non_blocking: bool = False, **kwargs: Any) -> Any:
    if dtype is not None:
        return self.moved(self._v.to(dtype))
    raise RuntimeError(f"Unimplemented backend SparseCsr{'CUDA' if self.is_cuda else 'CPU'}")


CompressedTensor.type = _type  # type: ignore[attr-defined]


# ---- in place -------------------------------------------------------------------------------------------


def _in_place(name: str) -> Callable[..., Any]:
    def inplace(self: Any, *args: Any, **kwargs: Any) -> Any:
        out = COMPRESSED[name](self, *args, **kwargs)
        if not isinstance(self, CompressedTensor):
            return self.copy_(to_dense(out))
        return self.take(out)

    return inplace


for _name in ("add", "sub", "mul", "div", "pow", *OF_VALUES, "neg", "negative"):
    handles(_name + "_")(_in_place(_name))


@handles("zero_")
def _zero_(self: CompressedTensor) -> CompressedTensor:
    return self.take(_zeros(self), seen=False)


@handles("fill_")
def _fill_(self: CompressedTensor, value: Any) -> CompressedTensor:
    return self.take(self.like(namespace("torch")["full_like"](self._v.detach(), value)))


@handles("copy_")
def _copy_(self: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    if not isinstance(self, CompressedTensor):
        raise RuntimeError(
            f"copy_sparse_compressed_ expected sparse compressed tensor layout but got {layout_name(self)}"
        )
    if src.layout is not self.layout:
        raise RuntimeError(
            "torch.copy_: copy of sparse compressed tensors having different layouts is not supported. self layout is "
            f"{layout_name(self)} and src layout is {layout_name(src)}"
        )
    if src._nnz() != self._nnz():
        raise RuntimeError(
            "torch.copy_: only sparse compressed tensors with the same number of specified elements are supported."
        )
    if tuple(src.shape) != tuple(self.shape):
        raise RuntimeError(
            f"torch.copy_: Expected shapes of self and src to match along dimension 0 for {layout_name(self)} layout but "
            f"the corresponding dimensions of self and src are {self.shape[0]} and {src.shape[0]}, respectively."
        )
    self.check_leaf()
    return self.become(src.renewed(convert(src._v, self.device, self.dtype, copy=True), lambda i: i.clone()))


for _name in ("zero_", "copy_", "clone"):
    setattr(CompressedTensor, _name, COMPRESSED[_name])
