"""`torch.sparse.softmax` and `log_softmax`: over the entries that are stored, as if all others were -inf."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core.parted import not_sparse
from .._core.registry import Array, function, op
from .._core.sparse import SparseTensor
from .sparse_coo import coalesce, host_indices, index_tensor
from .strides import wrap_dim
from .validate import scalar_name


@op(spaces=(), name="sparse_softmax", grad_name="SparseSoftmaxBackward0")
def _over_groups(values: Array, group: Array, groups: int, log: bool):
    """Softmax of (nnz, ...) among the entries of each group."""
    shape = (groups, *values.shape[1:])
    top = jnp.full(shape, -jnp.inf, values.dtype).at[group].max(jax.lax.stop_gradient(values))
    shifted = values - top[group]
    powers = jnp.exp(shifted)
    total = jnp.zeros(shape, values.dtype).at[group].add(powers)[group]
    return shifted - jnp.log(total) if log else powers / total


def _softmax(name: str, input: Any, dim: int, dtype: Any) -> SparseTensor:
    if not isinstance(input, SparseTensor):
        raise not_sparse(f"_sparse_{name}", input)
    at, k = wrap_dim(dim, input.dim()), input.sparse_dim()
    whole = coalesce(input if dtype is None else input.to(dtype))
    if not whole.dtype.is_floating_point:
        raise NotImplementedError(f"\"{name}\" not implemented for '{scalar_name(whole.dtype)}'")
    if at >= k:
        return whole.like(getattr(whole._v, name)(at - k + 1))
    others = np.delete(host_indices(whole), at, 0)
    sizes = [n for d, n in enumerate(whole._size[:k]) if d != at]
    flat = np.ravel_multi_index(tuple(others), sizes) if sizes else np.zeros(others.shape[1], np.int64)
    distinct, group = np.unique(flat, return_inverse=True)
    groups = index_tensor(group.reshape(-1), whole._v)
    return whole.like(_over_groups(whole._v, groups, len(distinct), name == "log_softmax"))


@function(spaces=("sparse",))
def softmax(input: Any, dim: int, *, dtype: Any = None) -> SparseTensor:
    """Softmax of a COO tensor over a dimension; entries that are not stored count as -inf.

    Args:
        dim: a sparse or a dense dimension.
        dtype: what `input` is converted to first.

    Raises:
        NotImplementedError: another layout, or values that are not floating.
    """
    return _softmax("softmax", input, dim, dtype)


@function(spaces=("sparse",))
def log_softmax(input: Any, dim: int, *, dtype: Any = None) -> SparseTensor:
    """The logarithm of `softmax`."""
    return _softmax("log_softmax", input, dim, dtype)
