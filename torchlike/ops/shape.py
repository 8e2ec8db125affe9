"""Joining, repeating and rearranging: results are new tensors, not views."""

from __future__ import annotations

import itertools
import operator
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from .._core import dtypes
from .._core.graph import without_data
from .._core.misuse import type_name
from .._core.node_names import renamed
from .._core.orders import all_channels, as_operands
from .._core.registry import DEFAULT, Array, Arrays, Operand, function, op, write_out
from .._core.tensor import Size, Tensor, from_numpy_copy
from . import view as views
from .masked import nonzero
from .scatter import index_select
from .strides import wrap_dim
from .validate import broadcast, scalar_name, tensors_only


def _check_cat(tensors: Any, dim: Any) -> None:
    if not tensors:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    shaped = [t for t in tensors if t.shape != (0,)]
    for i, t in enumerate(tensors):
        if t.ndim == 0:
            raise RuntimeError(f"zero-dimensional tensor (at position {i}) cannot be concatenated")
    if not shaped:  # PyTorch leaves all of them out, and does not ask along which dimension
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


@op(
    promote=DEFAULT,
    spaces=("torch",),
    aliases=("concat", "concatenate"),
    check=_check_cat,
    out=True,
    layout=all_channels,
)
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
        if not x.ndim:
            return x.reshape((1,) * n)
        row = views.unsqueeze(x, 0) if x.ndim == 1 else x
        return views.unsqueeze(row, -1) if n == 3 else row

    return one


def _at_least_function(n: int) -> Any:
    one = _at_least(n)

    def at_least(*tensors: Any) -> Any:
        if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
            tensors_only(tensors[0])
            return tuple(one(t) for t in tensors[0])
        if len(tensors) == 1 and not isinstance(tensors[0], Tensor):
            kind = type_name(tensors[0])
            raise TypeError(
                f"{at_least.__name__}() received an invalid combination of arguments - got ({kind}), but expected one of:\n"
                f" * (Tensor input)\n      didn't match because some of the arguments have invalid types: (!{kind}!)\n"
                " * (tuple of Tensors tensors)\n"
                f"      didn't match because some of the arguments have invalid types: (!{kind}!)\n"
            )
        tensors_only(tensors)
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


def _check_where(condition: Any, input: Any, other: Any) -> None:
    broadcast(condition.shape, broadcast(input.shape, other.shape))


@op(promote=None, spaces=(), name="where", check=_check_where, layout=as_operands, saves=("condition!",))
def _where(condition: Array, input: Array, other: Array):
    return jnp.where(condition, input, other)


@op(promote=DEFAULT, spaces=(), name="promoted")
def _promoted(input: Operand, other: Operand):
    return input, other


@function()
def where(condition: Tensor, input: Any = None, other: Any = None, *, out: Any = None) -> Any:
    """`input` where the condition holds, else `other`; shapes broadcast. One argument: `nonzero(as_tuple=True)`."""
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    if condition.dtype not in (dtypes.bool_, dtypes.uint8):
        raise RuntimeError(
            f"where expected condition to be a boolean tensor, but got a tensor with dtype {scalar_name(condition.dtype)}"
        )
    c = condition if condition.dtype is dtypes.bool_ else condition.bool()
    a, b = _promoted(input, other)
    result = _where(c, a, b)
    return result if out is None else write_out("where", result, out)


def _tensor_where(self: Tensor, condition: Tensor, other: Any) -> Tensor:
    """`self` where the condition holds, else `other`."""
    return where(condition, self, other)


function(spaces=("Tensor",), name="where")(_tensor_where)


# ---- repeating -----------------------------------------------------------------------------------


@op(spaces=(), name="repeat")
def _tile(input: Array, repeats: tuple):
    return jnp.tile(input, repeats)


@function(spaces=("Tensor",))
def repeat(self: Tensor, *repeats: Any) -> Tensor:
    """Copies along each dimension."""
    n = repeats[0] if len(repeats) == 1 and isinstance(repeats[0], (tuple, list)) else repeats
    if len(n) < self.ndim:
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor"
        )
    if any(operator.index(k) < 0 for k in n):
        raise RuntimeError(
            f"Trying to create tensor with negative dimension {min(operator.index(k) for k in n)}: {list(n)}"
        )
    return _tile(self, tuple(operator.index(k) for k in n))


@function()
def tile(input: Tensor, *dims: Any) -> Tensor:
    """Copies along each dimension; missing leading counts are 1."""
    n = dims[0] if len(dims) == 1 and isinstance(dims[0], (tuple, list)) else dims
    if not all(isinstance(k, (int, np.integer)) for k in n):
        raise TypeError("tile(): argument 'dims' must be tuple of ints")
    return _tile(input, tuple([1] * (input.ndim - len(n)) + [operator.index(k) for k in n]))


@op(spaces=(), name="repeat_interleave")
def _repeat_each(input: Array, repeats: int, dim: int):
    return jnp.repeat(input, repeats, axis=dim)


@function()
def repeat_interleave(
    input: Tensor, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Each element repeated: by one number, or by a tensor of counts (waits for it)."""
    if repeats is None:
        if input.ndim != 1:
            raise RuntimeError("repeat_interleave only accepts 1D vector as repeat")
        return from_numpy_copy(np.repeat(np.arange(input.shape[0]), input._host()), input.device)
    if dim is None:
        input, dim = views.reshape(input, (-1,)), 0
    d = wrap_dim(dim, input.ndim)
    if isinstance(repeats, Tensor) and repeats.is_meta:
        if output_size is None:
            raise RuntimeError("cannot repeat_interleave a meta tensor without output_size")
        return index_select(input, d, Tensor._from_value(without_data((output_size,), dtypes.int64)))
    if isinstance(repeats, Tensor):
        counts = repeats._host().reshape(-1)
        if counts.size not in (1, input.shape[d]):
            raise RuntimeError(
                f"repeats must have the same size as input along dim, but got repeats.size(0) = {counts.size} and input.size({d}) = {input.shape[d]}"
            )
        if (counts < 0).any():
            raise RuntimeError("repeats can not be negative")
        index = np.repeat(np.arange(input.shape[d]), counts)
        return index_select(input, d, from_numpy_copy(index, input.device))
    if repeats < 0:
        raise RuntimeError("repeats can not be negative")
    return _repeat_each(input, operator.index(repeats), d)


# ---- several tensors -----------------------------------------------------------------------------------


@function(spaces=("torch",))
def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """Views of all tensors in their common shape; one that has it already is returned itself."""
    tensors_only(tensors)
    shape = broadcast(*[t.shape for t in tensors])
    return tuple(t if tuple(t.shape) == tuple(shape) else views.expand(t, *shape) for t in tensors)


@function(spaces=("torch",))
def broadcast_shapes(*shapes: Any) -> Any:
    """The common shape of several, by broadcasting."""
    plain = [(s,) if isinstance(s, int) else tuple(s) for s in shapes]
    n = max((len(s) for s in plain), default=0)
    out = [1] * n
    for j, s in enumerate(plain):
        for i, k in enumerate(reversed(s)):
            if k < 0:
                raise RuntimeError(f"Trying to create tensor with negative dimension ({k}): ({k})")
            at = n - 1 - i
            if k != 1 and out[at] not in (1, k):
                raise RuntimeError(
                    f"Attempting to broadcast a dimension of length {k} at {-1 - i}! Mismatching argument at index {j} had "
                    f"{s}; but expected shape should be broadcastable to {out}"
                )
            out[at] = k if k != 1 else out[at]
    return Size(out)


@function(spaces=("torch",))
def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """Coordinate grids of vectors; `indexing` is "ij" (default) or "xy"."""
    items = list(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)) else list(tensors)
    tensors_only(items)
    if not items:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    if indexing is None:
        import warnings

        warnings.warn("torch.meshgrid: in an upcoming release, it will be required to pass the indexing argument.",
                      UserWarning, stacklevel=2)  # fmt: skip
    elif indexing not in ("ij", "xy"):
        raise RuntimeError(f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    for t in items:
        if t.ndim > 1:
            raise RuntimeError(f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: {t}")
        if t.dtype is not items[0].dtype:
            raise RuntimeError("meshgrid expects all tensors to have the same dtype")
    swap = indexing == "xy" and len(items) >= 2
    if swap:
        items[0], items[1] = items[1], items[0]
    shape = [t.numel() for t in items]
    grids = [
        views.expand(views.reshape(t, [-1 if i == k else 1 for k in range(len(items))]), *shape)
        for i, t in enumerate(items)
    ]
    if swap:
        grids[0], grids[1] = grids[1], grids[0]
    return tuple(grids)


@function(spaces=("torch",))
def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All combinations of the vectors' elements, one row each."""
    tensors_only(tensors)
    for t in tensors:
        if t.ndim != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(t.shape)}")
    if len(tensors) == 1:
        return tensors[0]
    return stack([views.reshape(g, (-1,)) for g in meshgrid(*tensors, indexing="ij")], 1)


@function()
def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All combinations of r elements of a vector, one row each."""
    if input.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return input.new_empty((0,))
    pick = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = np.array(list(pick(range(input.shape[0]), r)), np.int64).reshape(-1, r)
    return renamed(input[from_numpy_copy(rows, input.device)], "StackBackward0")


@function(spaces=("torch",))
def block_diag(*tensors: Tensor) -> Tensor:
    """A matrix with the given ones along its diagonal."""
    tensors_only(tensors)
    if not tensors:
        return from_numpy_copy(np.zeros((1, 0), dtypes.get_default_dtype().jnp))
    for i, t in enumerate(tensors):
        if t.ndim > 2:
            raise RuntimeError(
                f"torch.block_diag: Input tensors must have 2 or fewer dimensions. Input {i} has {t.ndim} dimensions"
            )
    return _block_diag(tensors)


@op(promote=DEFAULT, spaces=(), name="block_diag")
def _block_diag(tensors: Arrays):
    tensors = [t.reshape(1, -1) if t.ndim < 2 else t for t in tensors]
    out = jnp.zeros((sum(t.shape[0] for t in tensors), sum(t.shape[1] for t in tensors)), tensors[0].dtype)
    r = c = 0
    for t in tensors:
        out = lax.dynamic_update_slice(out, t, (r, c))
        r, c = r + t.shape[0], c + t.shape[1]
    return out
