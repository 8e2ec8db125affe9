"""Masked reductions of sparse COO tensors: entries are put into groups, and each group is reduced."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core import dtypes
from .._core.sparse import SparseTensor
from .._core.tensor import Tensor
from ..ops.shape import cat
from ..ops.sparse_coo import host_indices, index_tensor
from ._operands import Masked, neutral


def reduce_coo(name: str, m: Masked) -> SparseTensor:
    """`sum`, `prod`, `amax` or `amin` of the entries that the mask names; entries it names and the input lacks are 0.

    Raises:
        ValueError: no mask, where entries that are not stored would count (all but `sum`).
    """
    if m.mask is None and name != "sum":
        raise ValueError(f"masked {name} expects explicit mask for sparse_coo tensor input")
    input: Any = m.data.coalesce()
    indices, values = _selected(input, m.mask)
    n = input.sparse_dim()
    dense = tuple(d - n + 1 for d in m.dims if d >= n)
    if dense:
        if name != "sum":
            raise NotImplementedError(
                f"masked {name} of a sparse tensor does not reduce its dense dimensions; call .to_dense() first"
            )
        values = values.sum(dense, m.keepdim)
    values = values.to(m.dtype)
    size = [1 if i in m.dims else k for i, k in enumerate(input.shape) if m.keepdim or i not in m.dims]
    kept: Any = indices.copy() if m.keepdim else np.delete(indices, [d for d in m.dims if d < n], 0)
    if m.keepdim:
        kept[[d for d in m.dims if d < n]] = 0
    if not len(kept):  # one group: everything
        return _grouped(name, values, np.zeros(indices.shape[1], np.int64), 1).reshape(size).to_sparse()
    found: Any = np.unique(kept, axis=1, return_inverse=True)
    places, group = found
    reduced = _grouped(name, values, group.reshape(-1), places.shape[1])
    return SparseTensor.make(index_tensor(places, values), reduced, tuple(size), True)


def _selected(input: Any, mask: Any) -> tuple[np.ndarray, Tensor]:
    """Places and values of what counts."""
    own, values = host_indices(input), input.parts()[1]
    if mask is None:
        return own, values
    wanted = host_indices(mask)
    if mask.dense_dim():
        raise NotImplementedError(
            "masks of sparse tensors have sparse dimensions only; call .to_dense() first"
        )
    wanted = wanted[:, np.flatnonzero(mask.parts()[1].detach().cpu().numpy())]
    size = tuple(input.shape[: len(own)])
    have: Any = np.ravel_multi_index(tuple(own), size)
    want: Any = np.ravel_multi_index(tuple(wanted), size)
    at = np.searchsorted(have, want)
    there = np.append(have, -1)[np.minimum(at, len(have))] == want
    padded = values.new_zeros((1, *values.shape[1:]))
    from_where = np.where(there, at, len(have))
    picked = cat([values, padded]).index_select(0, index_tensor(from_where, values))
    return wanted, picked


def _grouped(name: str, values: Tensor, group: np.ndarray, n: int) -> Tensor:
    """Each group of values reduced: (n, ...)."""
    where = index_tensor(group, values).reshape(-1, *(1,) * (values.ndim - 1)).expand(values.shape)
    start = values.new_full((n, *values.shape[1:]), neutral(name, values.dtype))
    if values.dtype in (dtypes.float16, dtypes.bfloat16):  # summed with more digits, as in PyTorch
        wide = values.to(dtypes.float32)
        return start.to(dtypes.float32).scatter_reduce(0, where, wide, name).to(values.dtype)
    return start.scatter_reduce(0, where, values, name)
