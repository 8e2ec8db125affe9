"""Which axes an operator reduces: PyTorch's rules for `dim`, shared by the rows and plain JAX."""

from __future__ import annotations

from operator import index
from typing import Any

import jax.numpy as jnp

from ..validate import wrap_dim


def wrap_dims(dim: Any, ndim: int, *, empty_is_all: bool = True) -> tuple[int, ...]:
    """`dim` (None, an int or several) as sorted axes counted from the front.

    Raises:
        IndexError: an axis out of range.
        RuntimeError: an axis named twice.
        TypeError: an axis is no int.
    """
    if dim is None or (empty_is_all and isinstance(dim, (tuple, list)) and not dim):
        return tuple(range(ndim))
    items = (dim,) if isinstance(dim, int) else tuple(dim)
    axes = [wrap_dim(index(d), ndim) for d in items]
    for a in axes:
        if axes.count(a) > 1:
            raise RuntimeError(f"dim {a} appears multiple times in the list of dims")
    return tuple(sorted(a for a in axes if a < ndim))


def reduced_shape(shape: tuple[int, ...], axes: tuple[int, ...], keepdim: bool) -> tuple[int, ...]:
    """The shape that is left of `shape` when `axes` are reduced."""
    if keepdim:
        return tuple(1 if i in axes else n for i, n in enumerate(shape))
    return tuple(n for i, n in enumerate(shape) if i not in axes)


def one_axis(x: Any, dim: int) -> tuple[Any, int, bool]:
    """`(x, axis, scalar)`: a 0-d `x` becomes one element along axis 0 and `scalar` says so."""
    axis = wrap_dim(dim, x.ndim)
    if x.ndim == 0:
        return x[None], 0, True
    return x, axis, False


def take_axis(x: Any, index: Any, axis: int) -> Any:
    """`take_along_axis` with indices known to be in range."""
    return jnp.take_along_axis(x, index, axis=axis, mode="promise_in_bounds")


def iota(shape: tuple[int, ...], axis: int, dtype: Any = jnp.int64) -> Any:
    """The position along `axis`, of size 1 in the other axes (it broadcasts)."""
    view = tuple(n if i == axis else 1 for i, n in enumerate(shape))
    return jnp.arange(shape[axis], dtype=dtype).reshape(view)
