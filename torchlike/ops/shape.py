"""Joining, repeating and rearranging: results are new tensors, not views."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from .._core import dtypes
from .._core.registry import DEFAULT, Array, Arrays, Operand, Scalar, function, op, write_out
from .._core.tensor import Tensor, from_numpy_copy
from . import view as views
from .view import wrap_dim


def _check_cat(tensors: Any, dim: Any) -> None:
    if not tensors:
        raise ValueError("expected a non-empty list of Tensors")
    shaped = [t for t in tensors if t.shape != (0,)]
    for i, t in enumerate(tensors):
        if t.ndim == 0:
            raise RuntimeError(f"zero-dimensional tensor (at position {i}) cannot be concatenated")
    if not shaped:
        wrap_dim(dim, 1)
        return
    first = shaped[0]
    d = wrap_dim(dim, first.ndim)
    for i, t in enumerate(tensors):
        if t.shape == (0,):
            continue
        if t.ndim != first.ndim:
            raise RuntimeError(f"Tensors must have same number of dimensions: got {first.ndim} and {t.ndim}")
        for k, (m, n) in enumerate(zip(first.shape, t.shape)):
            if k != d and m != n:
                raise RuntimeError(
                    f"Sizes of tensors must match except in dimension {d}. Expected size {m} but got size {n} for tensor "
                    f"number {i} in the list."
                )


@op(promote=DEFAULT, spaces=("torch",), aliases=("concat", "concatenate"), check=_check_cat, out=True)
def cat(tensors: Arrays, dim: int = 0):
    """Joins tensors along an existing dimension; dtypes are promoted.

    Raises:
        RuntimeError: other dimensions differ.
    """
    shaped = [t for t in tensors if t.shape != (0,)]
    return jnp.concatenate(shaped, axis=dim) if shaped else tensors[0]


def _check_stack(tensors: Any, dim: Any) -> None:
    if not tensors:
        raise RuntimeError("stack expects a non-empty TensorList")
    wrap_dim(dim, tensors[0].ndim + 1)
    for i, t in enumerate(tensors):
        if t.shape != tensors[0].shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(tensors[0].shape)} at entry 0 and "
                f"{list(t.shape)} at entry {i}"
            )


@op(promote=DEFAULT, spaces=("torch",), check=_check_stack, out=True)
def stack(tensors: Arrays, dim: int = 0):
    """Joins tensors of one shape along a new dimension."""
    return jnp.stack(tensors, axis=dim)


def _at_least(n: int) -> Any:
    def one(x: Any) -> Any:
        if x.ndim >= n:
            return x
        if n == 1:
            return x.reshape(1)
        if n == 2:
            return x.reshape((1, -1))
        return x.reshape((1, -1, 1)) if x.ndim < 2 else x.reshape((*x.shape, 1))

    return one


def _at_least_function(n: int) -> Any:
    one = _at_least(n)

    def at_least(*tensors: Any) -> Any:
        if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
            return tuple(one(t) for t in tensors[0])
        out = tuple(one(t) for t in tensors)
        return out[0] if len(out) == 1 else out

    at_least.__name__ = f"atleast_{n}d"
    at_least.__doc__ = f"Views with at least {n} dimension{'s' if n > 1 else ''}."
    return function(spaces=("torch",))(at_least)


atleast_1d, atleast_2d, atleast_3d = (_at_least_function(n) for n in (1, 2, 3))


def _joined(name: str, dim: Any, least: int) -> Any:
    def join(tensors: Any, *, out: Any = None) -> Tensor:
        if not tensors:
            raise RuntimeError(f"{name} expects a non-empty TensorList")
        parts = [_at_least(least)(t) for t in tensors]
        if name == "column_stack":
            parts = [t.reshape((-1, 1)) if t0.ndim < 2 else t for t, t0 in zip(parts, tensors)]
        result = cat(parts, dim(parts[0].ndim))
        return result if out is None else write_out(name, result, out)

    join.__name__ = name
    join.__doc__ = f"Joins tensors along dimension {dim(3)} of at least {least}-dimensional forms."
    return join


hstack = function(spaces=("torch",))(_joined("hstack", lambda n: 0 if n == 1 else 1, 1))
vstack = function(spaces=("torch",), aliases=("row_stack",))(_joined("vstack", lambda n: 0, 2))
dstack = function(spaces=("torch",))(_joined("dstack", lambda n: 2, 3))
column_stack = function(spaces=("torch",))(_joined("column_stack", lambda n: 1, 1))


@op(promote=None, spaces=(), name="where")
def _where(condition: Array, input: Array, other: Array):
    return jnp.where(condition, input, other)


@op(promote=DEFAULT, spaces=(), name="promoted")
def _promoted(input: Operand, other: Operand):
    return input, other


@function()
def where(condition: Tensor, input: Any = None, other: Any = None, *, out: Any = None) -> Any:
    """`input` where the condition holds, else `other`; shapes broadcast. One argument: `nonzero(as_tuple=True)`."""
    if input is None and other is None:
        from .indexing import nonzero

        return nonzero(condition, as_tuple=True)
    if condition.dtype not in (dtypes.bool_, dtypes.uint8):
        raise RuntimeError(f"where expected condition to be a boolean tensor, but got a tensor with dtype {_scalar(condition)}")
    c = condition if condition.dtype is dtypes.bool_ else condition.bool()
    a, b = _promoted(input, other)
    result = _where(c, a, b)
    return result if out is None else write_out("where", result, out)


def _tensor_where(self: Tensor, condition: Tensor, other: Any) -> Tensor:
    """`self` where the condition holds, else `other`."""
    return where(condition, self, other)


function(spaces=("Tensor",), name="where")(_tensor_where)


def _scalar(t: Tensor) -> str:
    from .._core.registry import _SCALAR_NAMES

    return _SCALAR_NAMES[t.dtype.name]


# ---- repeating -----------------------------------------------------------------------------------


@op(spaces=(), name="repeat")
def _tile(input: Array, repeats: tuple):
    return jnp.tile(input, repeats)


@function(spaces=("Tensor",))
def repeat(self: Tensor, *repeats: Any) -> Tensor:
    """Copies along each dimension."""
    n = repeats[0] if len(repeats) == 1 and isinstance(repeats[0], (tuple, list)) else repeats
    if len(n) < self.ndim:
        raise RuntimeError("Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor")
    if any(int(k) < 0 for k in n):
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(int(k) for k in n)}: {list(n)}")
    return _tile(self, tuple(int(k) for k in n))


@function()
def tile(input: Tensor, *dims: Any) -> Tensor:
    """Copies along each dimension; missing leading counts are 1."""
    n = dims[0] if len(dims) == 1 and isinstance(dims[0], (tuple, list)) else dims
    return _tile(input, tuple([1] * (input.ndim - len(n)) + [int(k) for k in n]))


@op(spaces=(), name="repeat_interleave")
def _repeat_each(input: Array, repeats: int, dim: int):
    return jnp.repeat(input, repeats, axis=dim)


@function()
def repeat_interleave(input: Tensor, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None) -> Tensor:
    """Each element repeated: by one number, or by a tensor of counts (waits for it)."""
    if repeats is None:
        if input.ndim != 1:
            raise RuntimeError("repeat_interleave only accepts 1D vector as repeat")
        return from_numpy_copy(np.repeat(np.arange(input.shape[0]), input._host()), input.device)
    if dim is None:
        input, dim = views.reshape(input, (-1,)), 0
    d = wrap_dim(dim, input.ndim)
    if isinstance(repeats, Tensor):
        counts = repeats._host().reshape(-1)
        if counts.size > 1:
            if counts.size != input.shape[d]:
                raise RuntimeError(f"repeats must have the same size as input along dim, but got repeats.size(0) = {counts.size} and input.size({d}) = {input.shape[d]}")
            from .indexing import index_select

            return index_select(input, d, from_numpy_copy(np.repeat(np.arange(input.shape[d]), counts), input.device))
        repeats = int(counts[0])
    if repeats < 0:
        raise RuntimeError("repeats can not be negative")
    return _repeat_each(input, int(repeats), d)


# ---- rearranging ------------------------------------------------------------------------------------


def _dims_of(dims: Any) -> tuple[int, ...]:
    return (dims,) if isinstance(dims, int) else tuple(int(d) for d in dims)


@op(spaces=(), name="flip")
def _flip(input: Array, dims: tuple):
    return jnp.flip(input, dims)


@function()
def flip(input: Tensor, *dims: Any) -> Tensor:
    """A copy reversed along dimensions."""
    wanted = _dims_of(dims[0] if len(dims) == 1 else dims)
    found = tuple(wrap_dim(d, input.ndim) for d in wanted)
    if len(set(found)) != len(found):
        raise RuntimeError(f"dim {next(d for d in found if found.count(d) > 1)} appears multiple times in the list of dims")
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
def _roll(input: Array, shifts: tuple, dims: tuple):
    return jnp.roll(input, shifts, dims)


@function()
def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """Shifted along dimensions, wrapping around (along the flattened tensor without dims)."""
    s = _dims_of(shifts)
    if dims is None or dims == ():
        if len(s) != 1:
            raise RuntimeError(f"shifts and dimensions must align. shifts: {len(s)}, dims:0")
        return views.reshape(_roll(views.reshape(input, (-1,)), s, (0,)), input.shape)
    d = _dims_of(dims)
    if len(s) != len(d):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(s)}, dims:{len(d)}")
    return _roll(input, s, tuple(wrap_dim(k, input.ndim) for k in d)) if input.ndim else input.clone()


@function()
def rot90(input: Tensor, k: int = 1, dims: Any = (0, 1)) -> Tensor:
    """Turned by 90 degrees k times in the plane of two dimensions."""
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if input.ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input.ndim}")
    if dims[0] == dims[1] or abs(dims[0] - dims[1]) == input.ndim:
        raise RuntimeError(f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}")
    a, b = wrap_dim(dims[0], input.ndim), wrap_dim(dims[1], input.ndim)
    k %= 4
    if k == 0:
        return input.clone()
    if k == 2:
        return flip(input, (a, b))
    return flip(views.transpose(input, a, b), a) if k == 1 else views.transpose(flip(input, a), a, b).clone()


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
    result = diag_embed(input, diagonal) if input.ndim == 1 else views.diagonal(input, diagonal).clone()
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
            raise RuntimeError(f"expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice size = {list(part.shape)}")
        part.copy_(src)
        return out

    scattered.__name__ = name
    scattered.__doc__ = doc
    return function()(scattered)


diagonal_scatter = _scattered("diagonal_scatter", views.diagonal, "A copy with `src` on a diagonal.")
select_scatter = _scattered("select_scatter", views.select, "A copy with `src` at one index of a dimension.")
as_strided_scatter = _scattered("as_strided_scatter", views.as_strided, "A copy with `src` in a strided view.")


def _slice_of(x: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Tensor:
    return views.slice_dim(x, wrap_dim(dim, x.ndim), slice(start, end, step))


slice_scatter = _scattered("slice_scatter", _slice_of, "A copy with `src` in a slice of a dimension.")


# ---- several tensors -----------------------------------------------------------------------------------


@function(spaces=("torch",))
def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """Views of all tensors in their common shape."""
    items = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)) else tensors
    shape = broadcast_shapes(*[t.shape for t in items])
    return tuple(views.expand(t, *shape) for t in items)


@function(spaces=("torch",))
def broadcast_shapes(*shapes: Any) -> Any:
    """The common shape of several, by broadcasting."""
    from .._core.tensor import Size

    plain = [(s,) if isinstance(s, int) else tuple(s) for s in shapes]
    n = max((len(s) for s in plain), default=0)
    out = [1] * n
    for s in plain:
        for i, k in enumerate(reversed(s)):
            if k < 0:
                raise RuntimeError(f"Trying to create tensor with negative dimension ({k}): ({k})")
            at = n - 1 - i
            if k != 1 and out[at] not in (1, k):
                raise RuntimeError("Shape mismatch: objects cannot be broadcast to a single shape")
            out[at] = k if k != 1 else out[at]
    return Size(out)


@function(spaces=("torch",))
def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """Coordinate grids of vectors; `indexing` is "ij" (default) or "xy"."""
    items = list(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)) else list(tensors)
    if not items:
        raise ValueError("meshgrid expects a non-empty TensorList")
    if indexing is None:
        import warnings

        warnings.warn("torch.meshgrid: in an upcoming release, it will be required to pass the indexing argument.",
                      UserWarning, stacklevel=2)  # fmt: skip
    elif indexing not in ("ij", "xy"):
        raise RuntimeError(f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    for t in items:
        if t.ndim > 1:
            raise RuntimeError(f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: {t.ndim}D")
        if t.dtype is not items[0].dtype:
            raise RuntimeError("torch.meshgrid expects all tensors to have the same dtype")
    swap = indexing == "xy" and len(items) >= 2
    if swap:
        items[0], items[1] = items[1], items[0]
    shape = [t.numel() for t in items]
    grids = [views.expand(views.reshape(t, [-1 if i == k else 1 for k in range(len(items))]), *shape) for i, t in enumerate(items)]
    if swap:
        grids = [views.transpose(g, 0, 1) for g in grids]
        grids[0], grids[1] = grids[1], grids[0]
    return tuple(grids)


@function(spaces=("torch",))
def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All combinations of the vectors' elements, one row each."""
    if len(tensors) == 1:
        return tensors[0]
    return stack([views.reshape(g, (-1,)) for g in meshgrid(*tensors, indexing="ij")], 1)


@function()
def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All combinations of r elements of a vector, one row each."""
    import itertools

    if input.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    pick = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = np.array(list(pick(range(input.shape[0]), r)), np.int64).reshape(-1, r)
    return input[from_numpy_copy(rows, input.device)]


@function(spaces=("torch",))
def block_diag(*tensors: Tensor) -> Tensor:
    """A matrix with the given ones along its diagonal."""
    mats = []
    for i, t in enumerate(tensors):
        if t.ndim > 2:
            raise RuntimeError(f"torch.block_diag: Input tensors must have 2 or fewer dimensions. Input {i} has {t.ndim} dimensions")
        mats.append(views.reshape(t, (1, -1)) if t.ndim < 2 else t)
    return _block_diag(mats)


@op(promote=DEFAULT, spaces=(), name="block_diag")
def _block_diag(tensors: Arrays):
    out = jnp.zeros((sum(t.shape[0] for t in tensors), sum(t.shape[1] for t in tensors)), tensors[0].dtype)
    r = c = 0
    for t in tensors:
        out = lax.dynamic_update_slice(out, t, (r, c))
        r, c = r + t.shape[0], c + t.shape[1]
    return out


# ---- filling ---------------------------------------------------------------------------------------------


@op(spaces=("torch",), inplace=True)
def fill(input: Array, value: Operand):
    """A tensor like `input` with one value everywhere."""
    return jnp.broadcast_to(value.astype(input.dtype), input.shape)


fill_ = fill.inplace


@function()
def zero_(self: Tensor) -> Tensor:
    """Sets every element to zero."""
    return fill_(self, 0)


@function(spaces=("Tensor",))
def fill_diagonal_(self: Tensor, fill_value: Any, wrap: bool = False) -> Tensor:
    """Writes one value along the main diagonal."""
    if self.ndim < 2:
        raise RuntimeError("dimensions must larger than 1")
    if self.ndim > 2 and len(set(self.shape)) != 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    return masked_diagonal(self, fill_value, wrap)


def masked_diagonal(self: Tensor, value: Any, wrap: bool) -> Tensor:
    """`fill_diagonal_` by a mask made on the host."""
    mask = np.zeros(tuple(self.shape), bool)
    np.fill_diagonal(mask, True, wrap=wrap)
    return self.masked_fill_(from_numpy_copy(mask, self.device), value)


@op(spaces=("torch",), name="constant_pad_nd")
def constant_pad_nd(input: Array, pad: tuple, value: Scalar = 0):
    """`input` padded by `value`: pairs (before, after) from the last dimension on; negative crops."""
    config = [(0, 0, 0)] * input.ndim
    for i in range(len(pad) // 2):
        config[input.ndim - 1 - i] = (pad[2 * i], pad[2 * i + 1], 0)
    return lax.pad(input, jnp.asarray(value, input.dtype), config)


@function()
def numel(input: Tensor) -> int:
    """Number of elements."""
    return math.prod(input.shape)
