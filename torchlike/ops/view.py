"""View rows: results share memory with their input.

Each gives the JAX function that looks, the one that puts (left out: derived
from looking at an index array), and what it does to strides.
"""

from __future__ import annotations

import builtins
import math
import operator
from typing import Any

import jax.numpy as jnp
from jax import lax

from .._core import dtypes
from .._core.autograd import TYPE_NAMES
from .._core.errors import warn_once
from .._core.modes import local
from .._core.registry import Array, Scalar, function, op, publish, view
from .._core.tensor import Tensor
from .._core.views import ViewOp
from .bits import view_as_real, view_dtype
from .copying import clone
from .strides import _dims, geometry, infer_shape, row_major, view_strides, wrap_dim

# ---- select and slice ------------------------------------------------------------------


def _select_put(base: Any, new: Any, dim: int, index: Any) -> Any:
    return lax.dynamic_update_index_in_dim(base, new, index, dim % max(base.ndim, 1))


def _select_geometry(shape: Any, strides: Any, offset: int, dim: int, index: int) -> Any:
    dim = dim % len(shape)
    i = index + shape[dim] if index < 0 else index
    return shape[:dim] + shape[dim + 1 :], strides[:dim] + strides[dim + 1 :], offset + i * strides[dim]


@view(spaces=(), name="select", put=_select_put, geometry=_select_geometry)
def _select(input: Array, dim: int, index: Scalar):
    return lax.dynamic_index_in_dim(input, index, dim, keepdims=False)


@function()
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """A view at one index of a dimension, which is dropped.

    Raises:
        IndexError: `dim` or `index` is out of range.
    """
    a = input._aval
    if a.ndim == 0:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    d = wrap_dim(dim, a.ndim)
    i = operator.index(index)
    n = a.shape[d]
    if not -n <= i < n:
        raise IndexError(
            f"select(): index {i} out of range for tensor of size {list(a.shape)} at dimension {dim}"
        )
    return _select(input, d, i + n if i < 0 else i)


def _slice_put(base: Any, new: Any, dim: int, start: Any, length: int, step: int) -> Any:
    if step == 1:
        return lax.dynamic_update_slice_in_dim(base, new, start, dim)
    window = lax.dynamic_slice_in_dim(base, start, (length - 1) * step + 1, dim) if length else base
    if not length:
        return base
    index = [builtins.slice(None)] * base.ndim
    index[dim] = builtins.slice(None, None, step)
    return lax.dynamic_update_slice_in_dim(base, window.at[tuple(index)].set(new), start, dim)


def _slice_geometry(
    shape: Any, strides: Any, offset: int, dim: int, start: int, length: int, step: int
) -> Any:
    return (
        (*shape[:dim], length, *shape[dim + 1 :]),
        (*strides[:dim], strides[dim] * step, *strides[dim + 1 :]),
        offset + start * strides[dim] * (1 if shape[dim] else 0),
    )


@view(spaces=(), name="slice", put=_slice_put, geometry=_slice_geometry)
def _slice(input: Array, dim: int, start: Scalar, length: int, step: int):
    if length == 0:
        return lax.slice_in_dim(input, 0, 0, axis=dim)
    if step == 1:
        return lax.dynamic_slice_in_dim(input, start, length, dim)
    window = lax.dynamic_slice_in_dim(input, start, (length - 1) * step + 1, dim)
    return lax.slice_in_dim(window, 0, window.shape[dim], step, dim)


def slice_dim(input: Tensor, dim: int, key: builtins.slice) -> Tensor:
    """A view of a Python slice along one dimension."""
    n = input._aval.shape[dim]
    start, stop, step = key.indices(n)
    if key.step is not None and step < 1:
        raise ValueError("slice step cannot be zero" if step == 0 else "step must be greater than zero")
    length = max(0, -(-(stop - start) // step))
    return _slice(input, dim, start, length, step)


@view(
    spaces=(),
    name="alias",
    put=lambda base, new: new,
    geometry=lambda shape, strides, offset: (shape, strides, offset),
)
def alias_view(input: Array):
    return input


publish("Tensor", "alias", alias_view)


@function(spaces=("torch", "Tensor"))
def narrow(input: Tensor, dim: int, start: Any, length: int) -> Tensor:
    """The view of `length` entries of a dimension from `start` on."""
    a = input._aval
    d = wrap_dim(dim, a.ndim)
    if a.ndim == 0:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    n = a.shape[d]
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if isinstance(start, Tensor) and (start.ndim or start.dtype.category != dtypes.INTEGER):
        raise RuntimeError("start must be an 0-dim integral Tensor.")
    s = int(start)
    if not -n <= s <= n:
        raise IndexError(f"start out of range (expected to be in range of [{-n}, {n}], but got {s})")
    s = s + n if s < 0 else s
    if s + length > n:
        raise RuntimeError(f"start ({s}) + length ({length}) exceeds dimension size ({n}).")
    return _slice(input, d, s, length, 1)


# ---- reshaping ------------------------------------------------------------------------------


def _view_geometry(shape: Any, strides: Any, offset: int, new: Any) -> Any:
    out = view_strides(shape, strides, new)
    if out is None:
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
            "contiguous subspaces). Use .reshape(...) instead."
        )
    return tuple(new), out, offset


@view(spaces=(), name="view", put=lambda base, new, shape: new.reshape(base.shape), geometry=_view_geometry)
def _view(input: Array, shape: tuple):
    return input.reshape(shape)


_look = _view.op.apply


@op(spaces=("torch",), name="_unsafe_view")
def unsafe_view(input: Array, size: tuple):
    """`view` of what nobody else sees: no view afterwards."""
    return input.reshape(size)


@function(spaces=("Tensor",), name="view")
def tensor_view(self: Tensor, *shape: Any, **kwargs: Any) -> Tensor:
    """A view of another shape, or of another dtype.

    Raises:
        RuntimeError: the number of elements differs, or the strides do not allow it.
    """
    if "dtype" in kwargs or (shape and isinstance(shape[0], dtypes.dtype)):
        return view_dtype(self, kwargs.get("dtype", shape[0] if shape else None))
    new = infer_shape(_dims(shape, kwargs, "size"), self._aval.size)
    if not row_major(self):
        _view_geometry(*geometry(self), new)
    return _view(self, new)


@function()
def reshape(input: Tensor, *shape: Any, **kwargs: Any) -> Tensor:
    """The same elements in another shape: a view where strides allow, else a copy."""
    return reshaped(input, infer_shape(_dims(shape, kwargs, "shape"), input._aval.size))


def reshaped(input: Tensor, new: tuple[int, ...]) -> Tensor:
    """`reshape` to a complete shape of as many elements."""
    if not row_major(input):
        old, strides, _ = geometry(input)
        if view_strides(old, strides, new) is None:
            return unsafe_view(clone(input), new)
    return _look((input, new))


@function(spaces=("Tensor",))
def reshape_as(self: Tensor, other: Tensor) -> Tensor:
    """`reshape` to the shape of `other`."""
    return reshape(self, other.shape)


@function(spaces=("Tensor",))
def view_as(self: Tensor, other: Tensor) -> Tensor:
    """`view` in the shape of `other`."""
    return tensor_view(self, other.shape)


@function()
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Joins the dimensions from `start_dim` to `end_dim` into one."""
    shape = input._aval.shape
    a, b = wrap_dim(start_dim, len(shape)), wrap_dim(end_dim, len(shape))
    if a > b:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if not shape:
        return reshaped(input, (1,))
    if a == b:
        return input
    return reshaped(input, (*shape[:a], math.prod(shape[a : b + 1]), *shape[b + 1 :]))


@function()
def ravel(input: Tensor) -> Tensor:
    """All elements in one dimension; a view if they are contiguous."""
    return tensor_view(input.contiguous(), -1)


@function()
def unflatten(input: Tensor, dim: int, sizes: Any) -> Tensor:
    """Splits one dimension into several."""
    shape = input._aval.shape
    d = wrap_dim(dim, len(shape))
    if not shape:
        raise RuntimeError(
            "unflatten got an unexpected error:\nDimension specified as 0 but tensor has no dimensions"
        )
    sizes = tuple(sizes) if isinstance(sizes, (tuple, list)) else (sizes,)
    if not sizes:
        raise RuntimeError("unflatten: sizes must be non-empty")
    known = math.prod(n for n in sizes if n != -1)
    if (
        sizes.count(-1) == 0
        and known != shape[d]
        or (sizes.count(-1) == 1 and (known == 0 or shape[d] % known))
    ):
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {dim} ({shape[d]}) in the input tensor"
        )
    filled = tuple(shape[d] // known if n == -1 else n for n in sizes)
    return tensor_view(input, (*shape[:d], *filled, *shape[d + 1 :]))


# ---- order of dimensions ------------------------------------------------------------------------


def _permute_put(base: Any, new: Any, dims: Any) -> Any:
    inverse = [0] * len(dims)
    for i, d in enumerate(dims):
        inverse[d] = i
    return jnp.transpose(new, inverse)


def _permute_geometry(shape: Any, strides: Any, offset: int, dims: Any) -> Any:
    return tuple(shape[d] for d in dims), tuple(strides[d] for d in dims), offset


def _permuting(grad_name: str) -> Any:
    """A row that reorders dimensions, by the name that its Nodes bear."""

    @view(spaces=(), name="permute", put=_permute_put, geometry=_permute_geometry, grad_name=grad_name)
    def look(input: Array, dims: tuple):
        return jnp.transpose(input, dims)

    return look


_permute, _transpose, _t = map(_permuting, ("PermuteBackward0", "TransposeBackward0", "TBackward0"))


@function()
def permute(input: Tensor, *dims: Any, **kwargs: Any) -> Tensor:
    """A view with the dimensions in another order."""
    n = input._aval.ndim
    order = _dims(dims, kwargs, "dims")
    if len(order) != n:
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired "
            f"ordering of dimensions i.e. input.dim() = {n} is not equal to len(dims) = {len(order)}"
        )
    wrapped = tuple(wrap_dim(operator.index(d), n) for d in order)
    if len(set(wrapped)) != n:
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return _permute(input, wrapped)


@function(aliases=("swapaxes", "swapdims"))
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """A view with two dimensions exchanged."""
    n = input._aval.ndim
    a, b = wrap_dim(dim0, n), wrap_dim(dim1, n)
    order = list(range(n))
    if n:
        order[a], order[b] = b, a
    return _transpose(input, tuple(order))


@function()
def t(input: Tensor) -> Tensor:
    """The transpose of a matrix; vectors as they are."""
    n = input._aval.ndim
    if n > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {n}D")
    return _t(input, tuple(range(n))[::-1])


@function(aliases=("moveaxis",))
def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """A view with some dimensions moved to new places."""
    n = input._aval.ndim
    src = [source] if isinstance(source, int) else list(source)
    dst = [destination] if isinstance(destination, int) else list(destination)
    if len(src) != len(dst):
        raise RuntimeError(
            "movedim: Invalid source or destination dims: source "
            f"({src} dims) should contain the same number of dims as destination ({dst} dims)"
        )
    s, d = [wrap_dim(i, n) for i in src], [wrap_dim(i, n) for i in dst]
    for what, given, dims in (("source", src, s), ("destination", dst, d)):
        if len(set(dims)) != len(dims):
            raise RuntimeError(f"movedim: repeated dim in `{what}` ({given})")
    if n == 0:
        return alias_view(input)
    order = [i for i in range(n) if i not in s]
    for to, i in sorted(zip(d, s)):
        order.insert(to, i)
    return _permute(input, tuple(order))


@function()
def adjoint(input: Tensor) -> Tensor:
    """The conjugate with the last two dimensions exchanged."""
    if input.ndim < 2:
        return _no_matrix(input, "adjoint()", "tensor.adjoint()", _CONJUGATE, level=6)
    out = transpose(input, -2, -1)
    return out.conj() if out.is_complex() else out


_MSG_T = (
    "The use of `x.T` on tensors of dimension other than 2 to reverse their shape is deprecated and it will throw an "
    "error in a future release. Consider `x.mT` to transpose batches of matrices or "
    "`x.permute(*torch.arange(x.ndim - 1, -1, -1))` to reverse the dimensions of a tensor."
)
_IDENTITY = "This function is the identity in these cases."
_CONJUGATE = "Consider using x.conj()."
_MATRICES = "matrices or batches of matrices"


def _reversed(x: Tensor) -> Tensor:
    """`x.T`: all dimensions in reverse."""
    n = x.ndim
    if n == 0:
        _warn_deprecated("Tensor.T", _IDENTITY, 4)
    elif n != 2:
        warn_once(_MSG_T)
    return _permute(x, tuple(range(n))[::-1])


def _no_matrix(
    x: Tensor, deprecated: str, name: str, hint: str, wanted: str = _MATRICES, level: int = 5
) -> Tensor:
    """A tensor without dimensions, conjugated where the hint says so; of vectors there is no transpose."""
    if x.ndim:
        more = " For batches of matrices, consider using tensor.mH" if x.ndim > 2 else ""
        raise RuntimeError(f"{name} is only supported on {wanted}. Got {x.ndim}-D tensor.{more}")
    _warn_deprecated(deprecated, hint, level)
    return x.conj() if hint is _CONJUGATE else x


def _warn_deprecated(name: str, hint: str, level: int) -> None:
    warn_once(f"{name} is deprecated on 0-D tensors. {hint}", level)


def _turned(name: str, turn: Any, ndims: Any, hint: str, wanted: str = _MATRICES) -> None:
    def read(self: Tensor) -> Tensor:
        if ndims(self.ndim):
            return turn(self)
        return _no_matrix(self, f"Tensor.{name}", f"tensor.{name}", hint, wanted)

    publish("Tensor", name, property(read))


publish("Tensor", "T", property(_reversed))
_turned("mT", lambda x: transpose(x, -2, -1), lambda n: n > 1, _IDENTITY)
_turned("mH", adjoint, lambda n: n > 1, _CONJUGATE)
_turned("H", adjoint, lambda n: n == 2, _CONJUGATE, "matrices (2-D tensors)")


# ---- dimensions of size one -------------------------------------------------------------------------


def _expand_geometry(shape: Any, strides: Any, offset: int, new: Any) -> Any:
    if not shape:
        return tuple(new), (0,) * len(new), offset
    out: list[int] = []  # from the last dimension on
    for i in range(1, len(new) + 1):
        if i <= len(shape):
            step, had = strides[-i], shape[-i]
        else:
            step, had = (out[-1] * new[1 - i] if i > 1 else 1), 1
        out.append(step if had == new[-i] else 0)
    return tuple(new), tuple(reversed(out)), offset


@view(spaces=(), name="expand", repeats=True, geometry=_expand_geometry)
def _expand(input: Array, shape: tuple):
    return jnp.broadcast_to(input, shape)


@function(spaces=("Tensor",))
def expand(self: Tensor, *sizes: Any, implicit: bool = False) -> Tensor:
    """A view with dimensions of size one repeated, without copying."""
    sizes = _dims(sizes, {}, "size")
    shape = self._aval.shape
    extra = len(sizes) - len(shape)
    if extra < 0:
        raise RuntimeError(
            f"expand({_type_of(self)}{{{list(shape)}}}, size={list(sizes)}): the number of sizes provided "
            f"({len(sizes)}) must be greater or equal to the number of dimensions in the tensor ({len(shape)})"
        )
    out = []
    for i, n in enumerate(operator.index(s) for s in sizes):
        have = shape[i - extra] if i >= extra else None
        if n == -1:
            if have is None:
                raise RuntimeError(
                    "The expanded size of the tensor (-1) "
                    f"isn't allowed in a leading, non-existing dimension {i}"
                )
            n = have
        elif have is not None and have not in (1, n):
            raise RuntimeError(
                f"The expanded size of the tensor ({n}) must match the existing size ({have}) at non-singleton dimension "
                f"{i}.  Target sizes: {list(sizes)}.  Tensor sizes: {list(shape)}"
            )
        out.append(n)
    return _expand(self, tuple(out))


def _type_of(x: Tensor) -> str:
    return f"torch.{TYPE_NAMES.get(x.dtype.name, 'Tensor')}"


@function(spaces=("Tensor",))
def expand_as(self: Tensor, other: Tensor) -> Tensor:
    """`expand` to the shape of `other`."""
    return expand(self, *other.shape)


@function()
def broadcast_to(input: Tensor, size: Any) -> Tensor:
    """A view broadcast to `size`."""
    return expand(input, *size)


def _squeeze_geometry(shape: Any, strides: Any, offset: int, dims: Any) -> Any:
    keep = [i for i in range(len(shape)) if i not in dims]
    return tuple(shape[i] for i in keep), tuple(strides[i] for i in keep), offset


def _squeezing(grad_name: str) -> Any:
    """The row of one overload, as its Nodes bear its name."""

    @view(spaces=(), name="squeeze", put=lambda base, new, dims: new.reshape(base.shape),
          geometry=_squeeze_geometry, grad_name=grad_name)  # fmt: skip
    def look(input: Array, dims: tuple):
        return lax.squeeze(input, dims)

    return look


_squeeze_all, _squeeze_one, _squeeze_some = map(
    _squeezing, ("SqueezeBackward0", "SqueezeBackward1", "SqueezeBackward2")
)


@function()
def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """A view without dimensions of size one (all, or those named)."""
    shape = input._aval.shape
    if dim is None:
        look, wanted = _squeeze_all, range(len(shape))
    elif isinstance(dim, int):
        look, wanted = _squeeze_one, (dim,)
    else:
        look, wanted = _squeeze_some, dim
    dims = {wrap_dim(d, len(shape)) for d in wanted}
    return look(input, tuple(sorted(d for d in dims if shape and shape[d] == 1)))


def _unsqueeze_geometry(shape: Any, strides: Any, offset: int, dim: int) -> Any:
    step = shape[dim] * strides[dim] if dim < len(shape) else 1
    return (*shape[:dim], 1, *shape[dim:]), (*strides[:dim], step, *strides[dim:]), offset


@view(
    spaces=(),
    name="unsqueeze",
    put=lambda base, new, dim: new.reshape(base.shape),
    geometry=_unsqueeze_geometry,
)
def _unsqueeze(input: Array, dim: int):
    return input.reshape((*input.shape[:dim], 1, *input.shape[dim:]))


@function()
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """A view with a dimension of size one put in at `dim`."""
    return _unsqueeze(input, wrap_dim(dim, input._aval.ndim + 1))


# ---- diagonals and windows ------------------------------------------------------------------------------


def _diagonal_geometry(shape: Any, strides: Any, offset: int, k: int, d1: int, d2: int) -> Any:
    n = max(0, min(shape[d1], shape[d2] - k) if k >= 0 else min(shape[d1] + k, shape[d2]))
    if n:
        offset += k * strides[d2] if k >= 0 else -k * strides[d1]
    rest = [i for i in range(len(shape)) if i not in (d1, d2)]
    return (*[shape[i] for i in rest], n), (*[strides[i] for i in rest], strides[d1] + strides[d2]), offset


@view(spaces=(), name="diagonal", geometry=_diagonal_geometry)
def _diagonal(input: Array, offset: int, dim1: int, dim2: int):
    return jnp.diagonal(input, offset, dim1, dim2)


@function(spaces=("torch", "Tensor"))
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A view of a diagonal of the matrices in `dim1`, `dim2`; it becomes the last dimension."""
    n = input._aval.ndim
    a, b = wrap_dim(dim1, n), wrap_dim(dim2, n)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return _diagonal(input, offset, a, b)


def _unfold_geometry(shape: Any, strides: Any, offset: int, d: int, size: int, step: int) -> Any:
    if not shape:
        return (size,), (1,), offset
    n = (shape[d] - size) // step + 1
    return (
        (*shape[:d], n, *shape[d + 1 :], size),
        (*strides[:d], strides[d] * step, *strides[d + 1 :], strides[d]),
        offset,
    )


@view(spaces=(), name="unfold", geometry=_unfold_geometry)
def _unfold(input: Array, dimension: int, size: int, step: int):
    if not input.ndim:
        return jnp.broadcast_to(input, (size,))
    n = (input.shape[dimension] - size) // step + 1
    index = jnp.arange(n)[:, None] * step + jnp.arange(size)
    out = jnp.take(input, index, axis=dimension, mode="clip")
    return jnp.moveaxis(out, dimension + 1, -1)


@function(spaces=("Tensor",), name="unfold")
def tensor_unfold(self: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """A view of all windows of `size` along a dimension, `step` apart; windows are the last dimension."""
    shape = self._aval.shape
    d = wrap_dim(dimension, len(shape))
    if size < 0:
        raise RuntimeError(f"size is {size} but must be >= 0")
    most = shape[d] if shape else 1
    if size > most:
        raise RuntimeError(f"maximum size for tensor at dimension {d} is {most} but size is {size}")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    return _unfold(self, d, size, step)


def _strided_index(size: Any, stride: Any, offset: int) -> Any:
    """Where the elements of a strided view lie in memory."""
    index = jnp.full((), offset, jnp.int64)
    for n, s in zip(size, stride):
        index = index[..., None] + jnp.arange(n, dtype=jnp.int64) * s
    return index.reshape(tuple(size))


def _known(base: Any, stride: tuple, start: int, n: int) -> tuple[Any, Any]:
    """Memory of n elements, 0 where a base does not show it, and where the base's elements lie in it."""
    places = _strided_index(base.shape, stride, start).reshape(-1)
    return jnp.zeros(n, base.dtype).at[places].set(base.reshape(-1)), places


def _put_in_base(
    base: Any, new: Any, size: tuple, stride: tuple, start: int, base_stride: tuple, base_start: int, n: int
) -> Any:
    memory, places = _known(base, base_stride, base_start, n)
    memory = memory.at[_strided_index(size, stride, start)].set(new.astype(base.dtype))
    return memory[places].reshape(base.shape)


@view(
    spaces=(),
    name="as_strided",
    put=_put_in_base,
    geometry=lambda shape, strides, offset, size, stride, start, *base: (size, stride, start),
)
def _as_strided_in(
    input: Array, size: tuple, stride: tuple, start: int, base_stride: tuple, base_start: int, n: int
):
    """`_as_strided` of memory of n elements, where only those that `input` shows are known; 0 elsewhere."""
    return _known(input, base_stride, base_start, n)[0][_strided_index(size, stride, start)]


ViewOp.part = _as_strided_in.op


@view(
    spaces=(),
    name="as_strided",
    repeats=True,
    geometry=lambda shape, strides, offset, size, stride, start, order: (size, stride, start),
)
def _as_strided(input: Array, size: tuple, stride: tuple, start: int, order: tuple | None):
    flat = (input if order is None else jnp.transpose(input, order)).reshape(-1)
    return flat[_strided_index(size, stride, start)]


@op(spaces=(), name="as_strided")
def _as_strided_of(part: Array, size: tuple, stride: tuple, start: int, part_stride: tuple, part_start: int, n: int):  # fmt: skip
    """How `_as_strided` of memory of n elements depends on another view of it: only the gradient is of use.

    As in PyTorch, gradients are summed up in memory, and each place of `part` that shows an element
    takes an equal share of that element's.
    """
    at, given = (
        _strided_index(*g).reshape(-1) for g in ((size, stride, start), (part.shape, part_stride, part_start))
    )
    times = jnp.zeros(n, part.dtype).at[given].add(1)
    return jnp.zeros(n, part.dtype).at[given].add(part.reshape(-1) / times[given])[at].reshape(size)


def _memory_of(input: Tensor) -> Tensor:
    """A tensor without history that shows all the memory behind a view, in the view's dtype."""
    whole = input.__class__._from_value(input._storage.value)
    whole._storage, whole._inference, whole._counter = input._storage, input._inference, input._counter
    have, want = whole.dtype, input.dtype
    if have is want:
        return whole
    return view_as_real(whole) if have.is_complex and not want.is_complex else view_dtype(whole, want)


@function()
def as_strided(input: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """A view of the whole storage by size, strides and offset (in elements)."""
    size, stride = tuple(operator.index(n) for n in size), tuple(operator.index(n) for n in stride)
    if len(size) != len(stride):
        raise RuntimeError("mismatch in length of strides and shape")
    if any(s < 0 for s in stride):
        raise RuntimeError(
            f"as_strided: Negative strides are not supported at the moment, got strides: {list(stride)}"
        )
    _, part_stride, part_start = geometry(input)
    start = part_start if storage_offset is None else operator.index(storage_offset)
    whole = input if input._lens is None else _memory_of(input)
    n = whole._aval.size
    last = start + sum((k - 1) * s for k, s in zip(size, stride)) if all(size) else -1
    if last >= n or start < 0:
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {start}, and itemsize "
            f"{input.itemsize} requiring a storage size of {(last + 1) * input.itemsize} are out of bounds for storage of "
            f"size {n * input.itemsize}"
        )
    order = input._storage.value.aval.order
    if order is not None and whole._aval.ndim > len(order):  # complex numbers as pairs
        order = (*order, len(order))
    if whole is input:
        return _as_strided(input, size, stride, start, order)
    whole._req = input._req and not local.ctx.grad
    out = _as_strided(whole, size, stride, start, order)
    if out._base is not None:
        out._base = input if input._base is None else input._base
    if local.ctx.grad:
        out._trait = input._trait
        if input._req:
            out._read()
            out._set_edge(_as_strided_of(input, size, stride, start, part_stride, part_start, n)._edge())
    return out
