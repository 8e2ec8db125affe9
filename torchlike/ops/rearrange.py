"""Rearranging: flips, rolls, triangles, diagonals and copies with a part replaced."""

from __future__ import annotations

import operator
from typing import Any

import jax.numpy as jnp

from .._core.node_names import renamed
from .._core.orders import as_input
from .._core.registry import Array, function, op, write_out
from .._core.tensor import Tensor
from . import view as views
from .strides import _dims, wrap_dim

# ---- rearranging ------------------------------------------------------------------------------------


def _dims_of(dims: Any) -> tuple[int, ...]:
    return (dims,) if isinstance(dims, int) else tuple(operator.index(d) for d in dims)


@op(spaces=(), name="flip", layout=as_input)
def _flip(input: Array, dims: tuple):
    return jnp.flip(input, dims)


@function()
def flip(input: Tensor, *dims: Any, **kwargs: Any) -> Tensor:
    """A copy reversed along dimensions."""
    wanted = _dims(dims, kwargs, "dims")
    found = tuple(wrap_dim(d, input.ndim) for d in wanted)
    if len(set(found)) != len(found):
        raise RuntimeError(
            f"dim {next(d for d in found if found.count(d) > 1)} appears multiple times in the list of dims"
        )
    return _flip(input, found if input.ndim else ())


@function()
def fliplr(input: Tensor) -> Tensor:
    """Reversed along dimension 1."""
    if input.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return flip(input, 1)


@function()
def flipud(input: Tensor) -> Tensor:
    """Reversed along dimension 0."""
    if input.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return flip(input, 0)


@op(spaces=(), name="roll")
def _roll(input: Array, shifts: tuple | int, dims: tuple | None):
    return jnp.roll(input, shifts, dims)


@function()
def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """Shifted along dimensions, wrapping around (along the flattened tensor without dims)."""
    s = _dims_of(shifts)
    if not s:
        raise RuntimeError("`shifts` required")
    if dims is None or dims == ():
        if len(s) != 1:
            raise RuntimeError(f"shifts and dimensions must align. shifts: {len(s)}, dims:0")
        return _roll(input, s[0], None)
    d = _dims_of(dims)
    if len(s) != len(d):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(s)}, dims:{len(d)}")
    if not input.ndim:
        raise IndexError(f"Dimension specified as {d[0]} but tensor has no dimensions")
    return _roll(input, s, tuple(wrap_dim(k, input.ndim) for k in d))


@function()
def rot90(input: Tensor, k: int = 1, dims: Any = (0, 1)) -> Tensor:
    """Turned by 90 degrees k times in the plane of two dimensions."""
    k = operator.index(k)
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if input.ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input.ndim}")
    if dims[0] == dims[1] or abs(dims[0] - dims[1]) == input.ndim:
        raise RuntimeError(
            f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}"
        )
    a, b = wrap_dim(dims[0], input.ndim), wrap_dim(dims[1], input.ndim)
    k %= 4
    if k == 0:
        out = input.clone()
    elif k == 2:
        out = flip(input, (a, b))
    elif k == 1:
        out = flip(views.transpose(input, a, b), a)
    else:
        out = views.transpose(flip(input, a), a, b).clone()
    return renamed(out, "Rot90Backward0")


def _check_tri(name: str) -> Any:
    def check(input: Any, diagonal: Any) -> None:
        if input.ndim < 2:
            raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions")

    return check


@op(inplace=True, out=True, check=_check_tri("tril"))
def tril(input: Array, diagonal: int = 0):
    """The lower triangles, zeros elsewhere."""
    return jnp.tril(input, diagonal)


@op(inplace=True, out=True, check=_check_tri("triu"))
def triu(input: Array, diagonal: int = 0):
    """The upper triangles, zeros elsewhere."""
    return jnp.triu(input, diagonal)


@op(spaces=(), name="diag_embed")
def _diag_embed(input: Array, offset: int, dim1: int, dim2: int):
    n = input.shape[-1] + abs(offset)
    rows = jnp.arange(input.shape[-1]) + max(-offset, 0)
    cols = jnp.arange(input.shape[-1]) + max(offset, 0)
    out = jnp.zeros((*input.shape[:-1], n, n), input.dtype).at[..., rows, cols].set(input)
    return jnp.moveaxis(out, (-2, -1), (dim1, dim2))


@function()
def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Matrices with the last dimension on a diagonal."""
    n = input.ndim + 1
    a, b = wrap_dim(dim1, n), wrap_dim(dim2, n)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return _diag_embed(input, offset, a, b)


@function()
def diag(input: Tensor, diagonal: int = 0, *, out: Any = None) -> Tensor:
    """A matrix with a vector on its diagonal, or a copy of a matrix's diagonal."""
    if input.ndim not in (1, 2):
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    if input.ndim == 1:
        result = diag_embed(input, diagonal)
    else:
        result = renamed(views.diagonal(input, diagonal).clone(), "DiagonalBackward0_copy")
    return result if out is None else write_out("diag", result, out)


@function()
def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """A matrix with all elements on its diagonal."""
    return diag_embed(views.reshape(input, (-1,)), offset)


def _scattered(name: str, pick: Any, doc: str) -> Any:
    def scattered(input: Tensor, src: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        out = input.clone()
        part = pick(out, *args, **kwargs)
        if tuple(part.shape) != tuple(src.shape):
            raise RuntimeError(
                f"expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice size = {list(part.shape)}"
            )
        part.copy_(src)
        return renamed(out, grad_name)

    grad_name = "".join(part.capitalize() for part in name.split("_")) + "Backward0"
    scattered.__name__ = name
    scattered.__doc__ = doc
    return function()(scattered)


diagonal_scatter = _scattered("diagonal_scatter", views.diagonal, "A copy with `src` on a diagonal.")
select_scatter = _scattered("select_scatter", views.select, "A copy with `src` at one index of a dimension.")
as_strided_scatter = _scattered(
    "as_strided_scatter", views.as_strided, "A copy with `src` in a strided view."
)


def _slice_of(
    x: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    return views.slice_dim(x, wrap_dim(dim, x.ndim), slice(start, end, step))


slice_scatter = _scattered("slice_scatter", _slice_of, "A copy with `src` in a slice of a dimension.")
