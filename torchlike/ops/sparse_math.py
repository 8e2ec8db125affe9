"""What operators do with sparse COO tensors. Each function stands for the operators it names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._core import dtypes
from .._core.parted import Parted
from .._core.registry import namespace
from .._core.sparse import SparseTensor, handles, not_sparse
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


def joined(a: SparseTensor, b: SparseTensor) -> SparseTensor:
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
        return coalesce(joined(input, b))
    if input._i is b._i or (_known(input) and _known(b) and _same_places(input, b)):
        return input.like(input._v + scaled, False)
    return joined(input, b)


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
    return intersection(input, other)


def intersection(a: SparseTensor, b: SparseTensor) -> SparseTensor:
    """Products at the places that both have."""
    b = coalesce(b)
    sizes = a._size[: a.sparse_dim()]
    mine, theirs = (np.atleast_1d(np.ravel_multi_index(tuple(host_indices(t)), sizes)) for t in (a, b))
    at = np.searchsorted(theirs, mine)
    (kept,) = np.nonzero(np.append(theirs, -1)[at] == mine)
    indices, values = a.parts()
    if len(kept) != len(mine):
        places = index_tensor(kept, values)
        indices, values = indices.index_select(1, places), values.index_select(0, places)
    return SparseTensor.make(
        indices, values * b._v.index_select(0, index_tensor(at[kept], values)), a._size, a._coalesced
    )


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


@handles("floor_divide", "__floordiv__")
def _floor_divide(input: Any, other: Any, *, out: Any = None) -> Tensor:
    return _div(input, other, rounding_mode="floor")


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
    "tanh", "trunc", "fix", "positive", "conj_physical", "resolve_conj", "resolve_neg",
)  # fmt: skip


def _of_values(name: str) -> Callable[..., Tensor]:
    def apply(input: SparseTensor, *args: Any, **kwargs: Any) -> Tensor:
        whole = coalesce(input)
        return whole.like(getattr(whole._v, name)(*args, **kwargs))

    return apply


for _name in OF_VALUES:
    handles(_name)(_of_values(_name))


# ---- reductions -----------------------------------------------------------------------------------------


@handles("sum")
def sparse_sum(
    input: SparseTensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, out: Any = None
) -> Tensor:
    """The sum of all entries, or over dimensions: sparse as long as one sparse dimension is left."""
    if not isinstance(input, SparseTensor):
        if not isinstance(input, Parted):
            raise RuntimeError("coalesce expected sparse coordinate tensor layout but got Strided")
        if dim is not None:
            raise not_sparse("_sparse_sum", input)
        return input._v.sum(dtype=dtype)
    if dtype is not None:
        input = input.like(input._v.to(dtype))
    indices, values = input.parts()
    if dim is None or dim == () or dim == []:
        return values.sum()
    n, k = input.dim(), input.sparse_dim()
    dims = sorted({wrap_dim(d, n) for d in ([dim] if isinstance(dim, int) else dim)})
    if keepdim:
        out = sparse_sum(input, dims)
        for d in dims:
            out = out.unsqueeze(d)
        return out
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


namespace("sparse").update(sum=sparse_sum, sparse_coo_tensor=sparse_coo_tensor)
