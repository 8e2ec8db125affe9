"""What operators do with sparse COO tensors. Each function stands for the operators it names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from .._core import dtypes
from .._core.autograd import TYPE_NAMES
from .._core.registry import Array, function, namespace, op
from .._core.sparse import HANDLERS, SparseTensor, handles, not_sparse
from .._core.tensor import Tensor
from .convert import convert
from .sparse_coo import (
    added_to,
    coalesce,
    densified,
    gathered,
    host_indices,
    index_tensor,
    sparse_coo_tensor,
)
from .strides import wrap_dim

_MSG_ADD = "add(sparse, dense) is not supported. Use add(dense, sparse) instead."


def _same_size(a: Tensor, b: Tensor, name: str) -> None:
    if tuple(a.shape) != tuple(b.shape):
        raise RuntimeError(
            f"{name}: expected 'self' and 'other' to have same sizes, but self has size {list(a.shape)} while "
            f"other has size {list(b.shape)} (FYI: dense-sparse addition does not currently support broadcasting)"
        )


def _joined(a: SparseTensor, b: SparseTensor) -> SparseTensor:
    """The entries of both."""
    cat = namespace("torch")["cat"]
    indices, values = cat([a._i, b._i], 1), cat([a._v, b._v], 0)
    return SparseTensor.make(indices, values, a._size, False, a._loose or b._loose)


def _same_places(a: SparseTensor, b: SparseTensor) -> bool:
    if a._i is b._i:
        return True
    if a._loose != b._loose or a._i.shape != b._i.shape:
        return False
    mine, theirs = (t._i.detach().cpu().numpy() for t in (a, b))
    return bool(np.array_equal(mine, theirs))


# ---- sums and products by element --------------------------------------------------------------


@handles("add")
def _add(input: Any, other: Any, *, alpha: Any = 1, out: Any = None) -> Tensor:
    if not isinstance(other, SparseTensor):
        raise RuntimeError(_MSG_ADD)
    if not isinstance(input, SparseTensor):
        if not isinstance(input, Tensor):
            raise RuntimeError(_MSG_ADD)
        _same_size(input, other, "add")
        wide = dtypes.result_type([input._aval, other._aval])
        return added_to(convert(input, dtype=wide), other._v, other._i, alpha)
    _same_size(input, other, "add")
    scaled = other._v if alpha == 1 else other._v * alpha
    b = other.like(scaled)
    if input._coalesced and b._coalesced:
        if _same_places(input, b):
            return input.like(input._v + scaled)
        return coalesce(_joined(input, b))
    if input._i is b._i or (_known(input) and _known(b) and _same_places(input, b)):
        return input.like(input._v + scaled, False)
    return _joined(input, b)


def _known(t: SparseTensor) -> bool:
    """Whether looking at the indices waits for nothing (they come from data, not from a pending step)."""
    return t._i._storage.value.arr is not None


@handles("sub", "subtract")
def _sub(input: Any, other: Any, *, alpha: Any = 1, out: Any = None) -> Tensor:
    return _add(input, other, alpha=-alpha)


@handles("mul", "multiply")
def _mul(input: Any, other: Any, *, out: Any = None) -> Tensor:
    if not isinstance(input, SparseTensor):
        input, other = other, input
    if not isinstance(other, Tensor) or other.dim() == 0:
        return input.like(
            input._v * (densified(other._v, other._i, ()) if other.__class__ is SparseTensor else other)
        )
    if not isinstance(other, SparseTensor):
        if tuple(other.shape) != tuple(input.shape):
            other = other.expand(input._size)
        return input.like(input._v * gathered(other, input._i))
    _same_size(input, other, "mul")
    if _same_places(input, other) and input._coalesced:
        return input.like(input._v * other._v)
    return _intersection(input, other)


def _intersection(a: SparseTensor, b: SparseTensor) -> SparseTensor:
    """Products at the places that both have."""
    sizes = a._size[: a.sparse_dim()]
    mine, theirs = (np.atleast_1d(np.ravel_multi_index(tuple(host_indices(t)), sizes)) for t in (a, b))
    (kept,) = np.nonzero(np.isin(mine, theirs))
    indices, values = a.parts()
    if len(kept) != len(mine):
        places = index_tensor(kept, values)
        indices, values = indices.index_select(1, places), values.index_select(0, places)
    dense = densified(b._v, b._i, b._size)
    return SparseTensor.make(indices, values * gathered(dense, indices), a._size, a._coalesced)


@handles("div", "divide", "true_divide")
def _div(input: Any, other: Any, *, rounding_mode: str | None = None, out: Any = None) -> Tensor:
    if not isinstance(input, SparseTensor):
        raise not_sparse("div", other)
    if isinstance(other, Tensor) and other.dim() != 0:
        shape = list(other.shape)
        raise RuntimeError(
            f"Sparse division requires a scalar or zero-dim dense tensor divisor (got shape {shape} for divisor)"
        )
    divide = namespace("torch")["div"]
    if rounding_mode is not None:
        input = coalesce(input)
    return input.like(
        divide(input._v, other, rounding_mode=rounding_mode) if rounding_mode else input._v / other
    )


@handles("neg", "negative")
def _neg(input: SparseTensor, *, out: Any = None) -> Tensor:
    return input.like(-input._v)


@handles("pow", "__pow__")
def _pow(input: Any, exponent: Any, *, out: Any = None) -> Tensor:
    if not isinstance(input, SparseTensor) or isinstance(exponent, Tensor):
        raise not_sparse("pow", input if isinstance(input, SparseTensor) else exponent)
    whole = coalesce(input)
    return whole.like(whole._v**exponent)


# Functions that are 0 at 0: they apply to the values, once these are added up.
OF_VALUES = (
    "abs", "absolute", "angle", "asin", "arcsin", "asinh", "arcsinh", "atan", "arctan", "atanh", "arctanh", "ceil",
    "conj", "deg2rad", "erf", "erfinv", "expm1", "floor", "frac", "isinf", "isnan", "isneginf", "isposinf", "log1p",
    "nan_to_num", "rad2deg", "relu", "round", "sgn", "sign", "signbit", "sin", "sinh", "sqrt", "square", "tan",
    "tanh", "trunc", "fix",
)  # fmt: skip


def _of_values(name: str) -> Callable[..., Tensor]:
    def apply(input: SparseTensor, *args: Any, **kwargs: Any) -> Tensor:
        whole = coalesce(input)
        return whole.like(getattr(whole._v, name)(*args, **kwargs))

    return apply


for _name in OF_VALUES:
    handles(_name)(_of_values(_name))


# ---- matrix products -------------------------------------------------------------------------------


@op(spaces=(), name="sparse_mm", grad_name="SparseAddmmBackward0")
def _spmm(values: Array, indices: Array, dense: Array, rows: int):
    """(rows, n) @ (n, k): each entry adds its multiple of a row of `dense`."""
    scaled = values[:, None] * dense.at[indices[1]].get(mode="fill", fill_value=0)
    return jnp.zeros((rows, dense.shape[1]), scaled.dtype).at[indices[0]].add(scaled, mode="drop")


def _check_matrix(t: SparseTensor) -> None:
    if t.sparse_dim() != 2 or t.dense_dim():
        raise RuntimeError(
            f"addmm: matrices expected, got {t.sparse_dim()}D sparse and {t.dense_dim()}D dense dimensions"
        )


@function(spaces=("torch",), aliases=("dsmm", "hspmm"))
def spmm(input: Any, mat2: Any) -> Tensor:
    """`torch.mm`, of which the first matrix may be sparse."""
    return namespace("torch")["mm"](input, mat2)


@handles("mm", "matmul", "__matmul__")
def sparse_mm(input: Any, mat2: Any, *, out: Any = None) -> Tensor:
    """The product of two matrices of which at least one is sparse; of two sparse ones it is sparse."""
    if not isinstance(input, SparseTensor):
        turned = HANDLERS["t"](mat2)
        return sparse_mm(turned, input.t()).t()
    _check_matrix(input)
    if isinstance(mat2, SparseTensor):
        return _sparse_product(input, mat2)
    if mat2.dim() == 1:
        return _mv(input, mat2)
    if mat2.dim() != 2:
        raise RuntimeError(f"addmm: Expected dense matrix, but got {mat2.dim()}D tensor")
    if mat2.shape[0] != input._size[1]:
        raise RuntimeError(
            f"addmm: Argument #3 (dense): Expected dim 0 size {input._size[1]}, got {mat2.shape[0]}"
        )
    if mat2.dtype is not input.dtype:
        raise RuntimeError(
            f"addmm: expected same dtype for both matrices, got {_kind(input)} and {_kind(mat2)}"
        )
    return _spmm(input._v, input._i, mat2, input._size[0])


def _kind(t: Tensor) -> str:
    return TYPE_NAMES[t.dtype.name].removesuffix("Tensor")


@handles("mv")
def _mv(input: SparseTensor, vec: Tensor, *, out: Any = None) -> Tensor:
    if vec.shape[0] != input._size[1]:
        raise RuntimeError(
            f"mv: expected self.size(-1) == vec.size(-1), got {input._size[1]} and {vec.shape[0]}"
        )
    return sparse_mm(input, vec.unsqueeze(1)).squeeze(1)


def _sparse_product(a: SparseTensor, b: SparseTensor) -> SparseTensor:
    """Every entry of a meets the entries in b's row of its column."""
    _check_matrix(b)
    if a._size[1] != b._size[0]:
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({a._size[0]}x{a._size[1]} and {b._size[0]}x{b._size[1]})"
        )
    left, right = host_indices(a), host_indices(b)
    order = np.argsort(right[0], kind="stable")
    starts = np.searchsorted(right[0][order], np.arange(b._size[0] + 1))
    counts = np.diff(starts)[left[1]]
    first = np.repeat(np.arange(left.shape[1]), counts)
    steps = np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts)
    second = order[np.repeat(starts[left[1]], counts) + steps]
    values = a._v.index_select(0, index_tensor(first, a)) * b._v.index_select(0, index_tensor(second, a))
    indices = index_tensor(np.stack([left[0][first], right[1][second]]), a)
    return coalesce(SparseTensor.make(indices, values, (a._size[0], b._size[1])))


@handles("addmm", "sspaddmm")
def sparse_addmm(
    mat: Tensor, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1, out: Any = None
) -> Tensor:
    """`beta * mat + alpha * (mat1 @ mat2)`."""
    product = sparse_mm(mat1, mat2)
    scaled = product if alpha == 1 else product * alpha
    return (mat if beta == 1 else mat * beta) + scaled


@handles("linear")
def _linear(input: Any, weight: Any, bias: Any = None) -> Tensor:
    if isinstance(weight, SparseTensor):
        out = sparse_mm(weight, input.t()).t()
    else:
        out = sparse_mm(input, weight.t())
    return out if bias is None else out + bias


# ---- reductions -----------------------------------------------------------------------------------------


@handles("sum")
def sparse_sum(
    input: SparseTensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, out: Any = None
) -> Tensor:
    """The sum of all entries, or over dimensions: sparse as long as one sparse dimension is left."""
    if dtype is not None:
        input = input.like(input._v.to(dtype))
    indices, values = input.parts()
    if dim is None or dim == () or dim == []:
        return values.sum()
    n, k = input.dim(), input.sparse_dim()
    dims = sorted({wrap_dim(d, n) for d in ([dim] if isinstance(dim, int) else dim)})
    if keepdim:
        raise not_sparse("sum(keepdim=True)", input)
    dense = [d - k + 1 for d in dims if d >= k]
    values = values.sum(dense) if dense else values
    left = [d for d in range(k) if d not in dims]
    if not left:
        return values.sum(0)
    size = tuple(s for d, s in enumerate(input._size) if d not in dims)
    if len(left) == k:
        return coalesce(SparseTensor.make(indices, values, size, input._coalesced))
    chosen = indices.index_select(0, index_tensor(np.asarray(left), indices))
    return coalesce(SparseTensor.make(chosen, values, size))


@handles("norm")
def _norm(input: SparseTensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, out: Any = None,
          dtype: Any = None) -> Tensor:  # fmt: skip
    if dim is not None or keepdim:
        raise RuntimeError("norm_sparse currently only supports full reductions, so 'dim' must either be empty or contain all dimensions of the input")  # fmt: skip
    return coalesce(input)._v.norm(p)


SparseTensor.norm = _norm  # type: ignore[attr-defined]


@handles("any")
def _any(input: SparseTensor, dim: Any = None, keepdim: bool = False, *, out: Any = None) -> Tensor:
    if dim is not None:
        raise not_sparse("any.dim", input)
    return coalesce(input)._v.any()


namespace("sparse").update(
    mm=sparse_mm, addmm=sparse_addmm, sum=sparse_sum, sparse_coo_tensor=sparse_coo_tensor
)
