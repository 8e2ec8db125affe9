"""Indexing: `x[...]` get and set, and the index_* / gather / scatter / masked_* rows.

Keys of ints, slices, None and Ellipsis are views. Keys with tensors are gathers;
boolean tensors become index tensors first, which costs one barrier.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core import dtypes
from .._core.checks import guard
from .._core.graph import SCALAR, Value
from .._core.registry import Array, Arrays, Operand, Scalar, check_inplace, function, op
from .._core.tensor import Tensor, from_numpy_copy
from . import view as views
from .convert import copy_
from .view import wrap_dim

_INDEX_TYPES = ("int64", "int32", "int16", "int8", "uint8", "bool")


# ---- keys ---------------------------------------------------------------------------------


def nonzero_of(mask: Tensor) -> tuple[Tensor, ...]:
    """Index tensors of the True entries: waits for the data."""
    return tuple(from_numpy_copy(i.astype(np.int64), mask.device) for i in np.nonzero(mask._host()))


def _is_index_list(key: Any) -> bool:
    return isinstance(key, (list, range)) or isinstance(key, np.ndarray)


def _as_index(k: Any, device: Any) -> Tensor:
    """A list or array in a key as a tensor of indices."""
    if isinstance(k, Tensor):
        t = k
    else:
        data = np.asarray(k)
        if data.size == 0 and not isinstance(k, np.ndarray):
            data = data.astype(np.int64)
        if data.dtype.kind not in "iub":
            raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
        t = from_numpy_copy(data, device)
    if t.dtype.name not in _INDEX_TYPES:
        raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
    return t


def _split_key(x: Tensor, key: Any) -> tuple[Tensor, list[Any]]:
    """Applies the view part of a key; returns the view and, per dimension, an index tensor or None."""
    items = list(key) if isinstance(key, tuple) else [key]
    for i, k in enumerate(items):
        if _is_index_list(k) or isinstance(k, tuple):
            items[i] = _as_index(list(k) if isinstance(k, tuple) else k, x.device)
    used = 0
    for k in items:
        if isinstance(k, Tensor):
            used += max(k.ndim, 0) if k.dtype in (dtypes.bool_, dtypes.uint8) else 1
        elif k is not None and k is not Ellipsis and not isinstance(k, (bool, np.bool_)):
            used += 1
    ndim = x._aval.ndim
    dots = sum(k is Ellipsis for k in items)
    if dots > 1:
        items = [k for i, k in enumerate(items) if k is not Ellipsis or Ellipsis not in items[:i]]
    if used > ndim:
        raise IndexError(f"too many indices for tensor of dimension {ndim}")
    out, d = x, 0
    counted = 0  # dimensions of x consumed so far
    indices: list[Any] = []
    for k in items:
        if k is None:
            out = views._unsqueeze(out, d)
            indices.append(None)
            d += 1
        elif k is Ellipsis:
            n = ndim - used
            indices += [None] * n
            d += n
            counted += n
        elif isinstance(k, (bool, np.bool_)):
            out = views._unsqueeze(out, d)
            indices.append(from_numpy_copy(np.zeros(int(k), np.int64), x.device))
            d += 1
        elif isinstance(k, slice):
            if k.step is not None and _int(k.step) <= 0:
                raise ValueError("step must be greater than zero")
            key_ = slice(*[None if p is None else _int(p) for p in (k.start, k.stop, k.step)])
            if key_ != slice(None):
                out = views.slice_dim(out, d, key_)
            indices.append(None)
            d += 1
            counted += 1
        elif isinstance(k, Tensor):
            if k.ndim == 0 and k.dtype.category == dtypes.INTEGER and k.dtype is not dtypes.uint8:
                indices.append(k)
                d += 1
                counted += 1
            elif k.dtype in (dtypes.bool_, dtypes.uint8):
                found, out = _mask_indices(k, out, d)
                indices += found
                d += len(found)
                counted += k.ndim
            else:
                if k.dtype.name not in _INDEX_TYPES:
                    raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
                indices.append(k)
                d += 1
                counted += 1
        else:
            i = _int(k)
            n = out._aval.shape[d]
            if not -n <= i < n:
                raise IndexError(f"index {i} is out of bounds for dimension {counted} with size {n}")
            out = views._select(out, d, i + n if i < 0 else i)
            counted += 1
    return out, indices


def _int(k: Any) -> int:
    if isinstance(k, int):
        return k
    if hasattr(k, "__index__"):
        return k.__index__()
    raise IndexError(
        "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got "
        f"{type(k).__name__})"
    )


def _mask_indices(mask: Tensor, x: Tensor, d: int) -> tuple[list[Tensor], Tensor]:
    shape = x._aval.shape
    if mask.ndim == 0:
        return [from_numpy_copy(np.zeros(int(bool(mask)), np.int64), x.device)], views._unsqueeze(x, d)
    for i, n in enumerate(mask.shape):
        if n != shape[d + i]:
            raise IndexError(
                f"The shape of the mask {list(mask.shape)} at index {i} does not match the shape of the indexed tensor "
                f"{list(shape)} at index {d + i}"
            )
    return list(nonzero_of(mask)), x


@function(spaces=("Tensor",), name="__getitem__")
def getitem(self: Tensor, key: Any) -> Tensor:
    """`self[key]`: a view for ints, slices, None and `...`; a gather where tensors are in the key."""
    if key.__class__ is int:
        shape = self._aval.shape
        if not shape:
            raise IndexError(
                "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a "
                "0-dim tensor to a number"
            )
        n = shape[0]
        if not -n <= key < n:
            raise IndexError(f"index {key} is out of bounds for dimension 0 with size {n}")
        return views._select(self, 0, key + n if key < 0 else key)
    if isinstance(key, Tensor) and key.ndim == 0 and key.dtype.category == dtypes.INTEGER and key.dtype is not dtypes.uint8:
        if self._aval.ndim == 0:
            raise IndexError("invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ "
                             "to convert a 0-dim tensor to a number")  # fmt: skip
    out, indices = _split_key(self, key)
    if any(i is not None for i in indices):
        return _gather_get(out, indices)
    return views.alias_view(out) if out is self else out


def _gather_get(x: Tensor, indices: list[Any]) -> Tensor:
    where, tensors = _prepare(x, indices)
    return _index(x, tensors, where)


def _prepare(x: Tensor, indices: list[Any]) -> tuple[tuple[int, ...], tuple[Tensor, ...]]:
    """Positions and tensors of an advanced key; indices that are at hand are checked now."""
    where = tuple(i for i, k in enumerate(indices) if k is not None)
    tensors = tuple(indices[i] for i in where)
    shape = x._aval.shape
    try:
        np.broadcast_shapes(*[t._aval.shape for t in tensors])
    except ValueError:
        raise IndexError(
            "shape mismatch: indexing tensors could not be broadcast together with shapes "
            + ", ".join(str(list(t.shape)) for t in tensors)
        ) from None
    for i, t in zip(where, tensors):
        check_host_index(t, shape[i], lambda bad, i=i, n=shape[i]: IndexError(f"index {bad} is out of bounds for dimension {i} with size {n}"))
    return where, tensors


def check_host_index(t: Tensor, size: int, error: Any, negative: bool = True) -> None:
    """Checks an index tensor whose data is at hand; others are checked by the program."""
    v = t._storage.value if t._lens is None and t._storage.host is None else None
    arr = None if v is None else v.arr
    if t._storage.host is not None and t._lens is None:
        data = t._storage.host
    elif arr is None or isinstance(arr, jax.core.Tracer) or not isinstance(arr, jax.Array) or not arr.is_ready():
        return
    elif next(iter(arr.devices())).platform != "cpu":
        return
    else:
        data = np.asarray(arr)
    if not data.size:
        return
    low, high = int(data.min()), int(data.max())
    if high >= size or low < (-size if negative else 0):
        raise error(high if high >= size else low)


def _wrapped(index: Any, n: int, dim: int) -> Any:
    i = index.astype(jnp.int64)
    bad = (i < -n) | (i >= n)
    guard(bad.any(), IndexError, "index {} is out of bounds for dimension " + f"{dim} with size {n}",
          jnp.where(bad, i, 0).reshape(-1)[jnp.argmax(bad.reshape(-1))] if i.size else 0)  # fmt: skip
    return jnp.where(i < 0, i + n, i)


def _full_key(shape: Any, where: Any, tensors: Any) -> tuple[Any, ...]:
    key: list[Any] = [slice(None)] * len(shape)
    for d, t in zip(where, tensors):
        key[d] = _wrapped(t, shape[d], d)
    return tuple(key)


@op(spaces=(), name="index")
def _index(input: Array, indices: Arrays, where: tuple):
    return input.at[_full_key(input.shape, where, indices)].get(mode="clip")


@op(spaces=(), name="index_put")
def _index_put(input: Array, values: Array, indices: Arrays, where: tuple, accumulate: bool):
    key = _full_key(input.shape, where, indices)
    at = input.at[key]
    values = values.astype(input.dtype)
    return at.add(values, mode="drop") if accumulate else at.set(values, mode="drop")


def _as_values(x: Tensor, value: Any) -> Tensor:
    """The right side of an assignment as a tensor of x's dtype."""
    if isinstance(value, Tensor):
        return value
    from .creation import full

    if isinstance(value, (bool, int, float, complex, np.generic)):
        v = value.item() if isinstance(value, np.generic) else value
        return full((), v, dtype=x.dtype, device=x.device)
    raise TypeError(f"can't assign a {type(value).__name__} to a {x.type()}")


_NUMBERS = (int, float, bool)


def _fill_view(self: Tensor, key: Any, value: Any) -> bool:
    """Writes a number through a view key outside the tape, as one call; False if that does not apply."""
    dtype = self._aval.dtype
    if self.requires_grad or dtype.category not in (dtypes.INTEGER, dtypes.FLOAT) or dtype is dtypes.uint64:
        return False
    if dtype.category == dtypes.INTEGER and value.__class__ is not int:
        return False
    out, indices = _split_key(self, key)
    if out._lens is None or any(i is not None for i in indices):
        return False
    check_inplace(self)
    number = float(value) if dtype.category == dtypes.FLOAT else value
    s = self._storage
    s.write(out._lens[0].op.put_chain(s.read(), Value(SCALAR[number.__class__], number), out._lens))
    return True


@function(spaces=("Tensor",), name="__setitem__")
def setitem(self: Tensor, key: Any, value: Any) -> None:
    """`self[key] = value`: writes through views; index tensors scatter.

    Raises:
        IndexError: the key does not fit.
        RuntimeError: the value's shape does not broadcast to the part written.
    """
    if isinstance(key, Tensor) and key.dtype in (dtypes.bool_,) and key.shape == self.shape and (
        not isinstance(value, Tensor) or value.ndim == 0
    ):  # fmt: skip
        masked_fill_(self, key, value)
        return
    if value.__class__ in _NUMBERS and _fill_view(self, key, value):
        return
    value = _as_values(self, value)
    if value.device is not self.device and value.ndim == 0:
        value = value.to(self.device)
    out, indices = _split_key(self, key)
    if any(i is not None for i in indices):
        where, tensors = _prepare(out, indices)
        check_inplace(self)
        _put(out, tensors, where, value, False)
        return
    v, target = value._aval.shape, out._aval.shape
    while len(v) > len(target) and v and v[0] == 1:
        v = v[1:]
    if len(v) > len(target) or any(m not in (1, n) for m, n in zip(v[::-1], target[::-1])):
        if len(v) > len(target):
            raise RuntimeError(f"expand({value.type()}{{{list(value.shape)}}}, size={list(target)}): the number of sizes provided ({len(target)}) must be greater or equal to the number of dimensions in the tensor ({len(v)})")
        at = next(i for i, (m, n) in enumerate(zip(v[::-1], target[::-1])) if m not in (1, n))
        raise RuntimeError(
            f"The expanded size of the tensor ({target[::-1][at]}) must match the existing size ({v[::-1][at]}) at "
            f"non-singleton dimension {len(target) - 1 - at}.  Target sizes: {list(target)}.  Tensor sizes: {list(v)}"
        )
    if v != value._aval.shape:
        value = views.reshape(value, v)
    copy_(out, value)


def _put(x: Tensor, tensors: tuple[Tensor, ...], where: tuple[int, ...], values: Tensor, accumulate: bool) -> None:
    picked = _result_shape(x._aval.shape, where, tensors)
    v = values._aval.shape
    while len(v) > len(picked) and v and v[0] == 1:
        v = v[1:]
        values = views.reshape(values, v)
    if len(v) > len(picked) or any(m not in (1, n) for m, n in zip(v[::-1], picked[::-1])):
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(values.shape)} cannot be broadcast to indexing result of shape {list(picked)}"
        )
    out = _index_put(x, values, tensors, where, accumulate)
    x._assign(out._read(), out._edge())


def _result_shape(shape: Any, where: Any, tensors: Any) -> tuple[int, ...]:
    broad = np.broadcast_shapes(*[t._aval.shape for t in tensors])
    together = list(where) == list(range(where[0], where[0] + len(where)))
    rest = [n for i, n in enumerate(shape) if i not in where]
    at = where[0] if together else 0
    return (*rest[:at], *broad, *rest[at:])


def _index_list(input: Tensor, indices: Any) -> tuple[Tensor, tuple[Tensor, ...], tuple[int, ...]]:
    out, found = _split_key(input, tuple(slice(None) if i is None else i for i in indices))
    where, tensors = _prepare(out, found)
    return out, tensors, where


@function()
def index_put_(input: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """Writes `values` where the tuple of index tensors points; with `accumulate`, adds them."""
    if input.dtype is not values.dtype:
        raise RuntimeError(
            f"Index put requires the source and destination dtypes match, got {_scalar(input)} for the destination and "
            f"{_scalar(values)} for the source."
        )
    check_inplace(input)
    out, tensors, where = _index_list(input, indices)
    _put(out, tensors, where, values, accumulate)
    return input


def _scalar(t: Tensor) -> str:
    from .._core.registry import _SCALAR_NAMES

    return _SCALAR_NAMES[t.dtype.name]


@function()
def index_put(input: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """A copy with `values` written where the index tensors point."""
    return index_put_(input.clone(), indices, values, accumulate)


# ---- along a dimension ---------------------------------------------------------------------------


def _check_dim(input: Any, dim: Any, **_: Any) -> None:
    wrap_dim(dim, input.ndim)


def _check_gather(input: Any, dim: Any, index: Any, **_: Any) -> None:
    d = wrap_dim(dim, input.ndim)
    if index.dtype not in (dtypes.int64, dtypes.int32):
        raise RuntimeError("gather(): Expected dtype int64 for index")
    if max(index.ndim, 1) != max(input.ndim, 1):
        raise RuntimeError("Index tensor must have the same number of dimensions as input tensor")
    for i, (m, n) in enumerate(zip(index.shape, input.shape)):
        if i != d and m > n:
            raise RuntimeError(
                f"Size does not match at dimension {i} expected index {list(index.shape)} to be no larger than self "
                f"{list(input.shape)} apart from dimension {d}"
            )


def _bounds(index: Any, n: int, dim: int) -> Any:
    i = index.astype(jnp.int64)
    if not i.size:
        return i
    bad = (i < 0) | (i >= n)
    flat = bad.reshape(-1)
    guard(flat.any(), RuntimeError, "index {} is out of bounds for dimension " + f"{dim} with size {n}",
          i.reshape(-1)[jnp.argmax(flat)])  # fmt: skip
    return i


def _along(x: Any, dim: int, index: Any) -> tuple[Any, ...]:
    """The full advanced key that pairs `index` with its own positions elsewhere."""
    return tuple(index if d == dim else jnp.arange(index.shape[d]).reshape([-1 if k == d else 1 for k in range(x.ndim)])
                 for d in range(x.ndim))  # fmt: skip


@op(out=True, check=_check_gather)
def gather(input: Array, dim: int, index: Array, *, sparse_grad: bool = False):
    """Picks `input[..., index, ...]` along `dim`; the result has the shape of `index`.

    Raises:
        RuntimeError: shapes do not fit, or an index is out of range.
    """
    if input.ndim == 0:
        _bounds(index, 1, 0)
        return jnp.broadcast_to(input, index.shape)
    if index.ndim == 0:
        index = index.reshape(1)
        return gather_fn(input, dim, index).reshape(())
    return gather_fn(input, dim, index)


def gather_fn(input: Any, dim: int, index: Any) -> Any:
    """`gather` on arrays."""
    d = dim % input.ndim
    i = _bounds(index, input.shape[d], d)
    if i.size == 0:
        return jnp.zeros(index.shape, input.dtype)
    cut = tuple(slice(0, n) if k != d else slice(None) for k, n in enumerate(index.shape))
    return jnp.take_along_axis(input[cut], i, axis=d, mode="clip")


@op(out=True, check=lambda input, dim, index: _check_index_select(input, dim, index))
def index_select(input: Array, dim: int, index: Array):
    """Picks whole entries along `dim` by a vector of indices."""
    if input.ndim == 0:
        _bounds(index, 1, 0)
        return input
    d = dim % input.ndim
    i = index.reshape(-1).astype(jnp.int64)
    n = input.shape[d]
    if i.size:
        guard(((i < 0) | (i >= n)).any(), IndexError, "index out of range in self")
    return jnp.take(input, i, axis=d, mode="clip")


def _check_index_select(input: Any, dim: Any, index: Any) -> None:
    wrap_dim(dim, input.ndim)
    if index.ndim > 1:
        raise IndexError("index_select(): Index is supposed to be a vector, but got dim: " + str(index.ndim))
    if index.dtype not in (dtypes.int64, dtypes.int32):
        raise RuntimeError("index_select(): Expected dtype int32 or int64 for index")


def _check_scatter(name: str) -> Any:
    def check(input: Any, dim: Any, index: Any, src: Any = None, value: Any = None, **rest: Any) -> None:
        d = wrap_dim(dim, input.ndim)
        if index.dtype not in (dtypes.int64, dtypes.int32):
            raise RuntimeError(f"{name}(): Expected dtype int64 for index")
        if index.size == 0:
            return
        if max(index.ndim, 1) != max(input.ndim, 1) or (src is not None and not isinstance(src, type) and max(src.ndim, 1) != max(input.ndim, 1)):
            other = "self" if max(index.ndim, 1) != max(input.ndim, 1) else "src"
            raise RuntimeError(f"Index tensor must have the same number of dimensions as {other} tensor")
        if src is not None and not isinstance(src, type):
            if src.dtype is not input.dtype:
                raise RuntimeError(f"{name}(): Expected self.dtype to be equal to src.dtype")
            for i, m in enumerate(index.shape):
                if (i != d and m > input.shape[i]) or m > src.shape[i]:
                    raise RuntimeError(
                        f"Expected index {list(index.shape)} to be no larger than self {list(input.shape)} apart from dimension {d} "
                        f"and to be no larger size than src {list(src.shape)}"
                    )
        else:
            for i, m in enumerate(index.shape):
                if i != d and m > input.shape[i]:
                    raise RuntimeError(
                        f"Expected index {list(index.shape)} to be no larger than self {list(input.shape)} apart from dimension {d}"
                    )

    return check


def _scatter_key(input: Any, dim: int, index: Any, src: Any) -> tuple[Any, Any, Any]:
    if input.ndim == 0:
        input = input.reshape(1)
    if index.ndim == 0:
        index = index.reshape(1)
    d = dim % input.ndim
    i = _bounds(index, input.shape[d], d)
    if src.ndim == 0 and src.size == 1:
        values = jnp.broadcast_to(src, index.shape)
    else:
        values = src[tuple(slice(0, n) for n in index.shape)]
    return input, _along(input, d, i), values


def _scatter_rows() -> tuple[Any, ...]:
    def make(name: str, how: str) -> Any:
        def lowering(input: Array, dim: int, index: Array, src: Array):
            x, key, values = _scatter_key(input, dim, index, src)
            return getattr(x.at[key], how)(values.astype(x.dtype), mode="drop").reshape(input.shape)

        lowering.__name__ = lowering.__qualname__ = f"_{name}_{how}"
        return op(lowering, name=name, spaces=(), check=_check_scatter(name))

    return make("scatter", "set"), make("scatter_add", "add"), make("scatter", "multiply")


_scatter_set, _scatter_add, _scatter_multiply = _scatter_rows()


@op(spaces=(), name="scatter", check=_check_scatter("scatter"))
def _scatter_value(input: Array, dim: int, index: Array, value: Scalar, reduce: str | None):
    x, key, values = _scatter_key(input, dim, index, jnp.asarray(value))
    at = x.at[key]
    values = values.astype(x.dtype)
    out = at.set(values, mode="drop") if reduce is None else at.add(values, mode="drop") if reduce == "add" else at.multiply(values, mode="drop")
    return out.reshape(input.shape)


def _scatter_any(input: Tensor, dim: int, index: Tensor, src: Any, reduce: str | None) -> Tensor:
    if reduce not in (None, "add", "multiply"):
        raise RuntimeError("reduce argument must be either add or multiply.")
    if not isinstance(src, Tensor):
        value = src if not input.dtype.is_floating_point else float(src)
        return _scatter_value(input, dim, index, value, reduce)
    return {None: _scatter_set, "add": _scatter_add, "multiply": _scatter_multiply}[reduce](input, dim, index, src)


@function()
def scatter(input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: str | None = None, out: Any = None) -> Tensor:
    """A copy with `src` (a tensor or number) written to `index` along `dim`."""
    result = _scatter_any(input, dim, index, value if src is None else src, reduce)
    return result if out is None else _into(result, out, "scatter")


@function(spaces=("Tensor",))
def scatter_(self: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: str | None = None) -> Tensor:
    """In-place `scatter`."""
    return _rebind(self, lambda x: _scatter_any(x, dim, index, value if src is None else src, reduce))


def _into(result: Tensor, out: Any, name: str) -> Tensor:
    from .._core.registry import write_out

    return write_out(name, result, out)


def _rebind(self: Tensor, compute: Any) -> Tensor:
    """Runs an out-of-place form and rebinds self to its result."""
    check_inplace(self)
    out = compute(self)
    self._assign(out._read(), out._edge())
    return self


@function()
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor, *, out: Any = None) -> Tensor:
    """A copy with `src` added to `index` along `dim`."""
    result = _scatter_add(input, dim, index, src)
    return result if out is None else _into(result, out, "scatter_add")


@function(spaces=("Tensor",))
def scatter_add_(self: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """In-place `scatter_add`."""
    return _rebind(self, lambda x: _scatter_add(x, dim, index, src))


_START = {"sum": 0, "prod": 1, "mean": 0, "amax": None, "amin": None}


def _extreme(dtype: Any, low: bool) -> Any:
    if jnp.issubdtype(dtype, jnp.floating):
        return -jnp.inf if low else jnp.inf
    info = jnp.iinfo(dtype)
    return info.min if low else info.max


@op(spaces=(), name="scatter_reduce", check=_check_scatter("scatter_reduce"))
def _scatter_reduce(input: Array, dim: int, index: Array, src: Array, reduce: str, include_self: bool):
    shape = input.shape
    x, key, values = _scatter_key(input, dim, index, src)
    values = values.astype(x.dtype)
    return reduce_at(x, key, values, reduce, include_self).reshape(shape)


def reduce_at(x: Any, key: Any, values: Any, reduce: str, include_self: bool) -> Any:
    """Reduces `values` into the places `key` of x."""
    low = reduce == "amax"
    if not include_self:
        start = _extreme(x.dtype, low) if reduce in ("amax", "amin") else _START[reduce]
        x = x.at[key].set(jnp.asarray(start, x.dtype), mode="drop")
    at = x.at[key]
    if reduce in ("sum", "mean"):
        total = at.add(values, mode="drop")
        if reduce == "sum":
            return total
        count = jnp.full(x.shape, int(include_self), x.dtype).at[key].add(jnp.ones_like(values), mode="drop")
        count = jnp.maximum(count, 1)
        return total / count if jnp.issubdtype(x.dtype, jnp.inexact) else total // count
    return {"prod": at.multiply, "amax": at.max, "amin": at.min}[reduce](values, mode="drop")


def _check_reduce(reduce: str) -> None:
    if reduce not in _START:
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}.")


@function()
def scatter_reduce(input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True, out: Any = None) -> Tensor:
    """A copy with `src` reduced into `index` along `dim` by sum, prod, mean, amax or amin."""
    _check_reduce(reduce)
    result = _scatter_reduce(input, dim, index, src, reduce, include_self)
    return result if out is None else _into(result, out, "scatter_reduce")


@function(spaces=("Tensor",))
def scatter_reduce_(self: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True) -> Tensor:
    """In-place `scatter_reduce`."""
    _check_reduce(reduce)
    return _rebind(self, lambda x: _scatter_reduce(x, dim, index, src, reduce, include_self))


def _rows_key(x: Any, dim: int, index: Any, error: Any = IndexError) -> tuple[Any, ...]:
    d = dim % x.ndim
    i = index.reshape(-1).astype(jnp.int64)
    n = x.shape[d]
    if i.size:
        guard(((i < 0) | (i >= n)).any(), error, "index out of range in self")
    return tuple(i if k == d else slice(None) for k in range(x.ndim))


def _check_index_op(name: str) -> Any:
    def check(input: Any, dim: Any, index: Any, source: Any = None, **_: Any) -> None:
        d = wrap_dim(dim, input.ndim)
        if index.ndim > 1:
            raise IndexError(f"{name}(): Index is supposed to be a vector, but got dim: {index.ndim} with type: {index.dtype}")
        if index.dtype not in (dtypes.int64, dtypes.int32):
            raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index but got: {index.dtype}")
        if source is None or isinstance(source, type):
            return
        if source.dtype is not input.dtype:
            raise RuntimeError(f"{name}(): self and source expected to have the same dtype, but got (self) {input.dtype} and (source) {source.dtype}")
        if source.ndim and source.shape[d if d < source.ndim else 0] != index.size:
            raise RuntimeError(f"{name}(): Number of indices ({index.size}) should be equal to source.size(dim): ({source.shape[d]}), for dim: {d}")

    return check


@op(inplace=True, out=True, check=_check_index_op("index_add"))
def index_add(input: Array, dim: int, index: Array, source: Array, *, alpha: Scalar = 1):
    """A copy with `alpha * source` added to the entries `index` of `dim`."""
    x = input.reshape(1) if input.ndim == 0 else input
    values = source.reshape(1) if input.ndim == 0 else source
    return x.at[_rows_key(x, dim, index)].add((values * jnp.asarray(alpha, x.dtype)).astype(x.dtype), mode="drop").reshape(input.shape)


@op(inplace=True, out=True, check=_check_index_op("index_copy"))
def index_copy(input: Array, dim: int, index: Array, source: Array):
    """A copy with `source` written to the entries `index` of `dim`."""
    x = input.reshape(1) if input.ndim == 0 else input
    values = source.reshape(1) if input.ndim == 0 else source
    return x.at[_rows_key(x, dim, index)].set(values, mode="drop").reshape(input.shape)


@op(spaces=(), name="index_fill", check=lambda input, dim, index, value: _check_index_op("index_fill")(input, dim, index))
def _index_fill(input: Array, dim: int, index: Array, value: Operand):
    x = input.reshape(1) if input.ndim == 0 else input
    return x.at[_rows_key(x, dim, index)].set(value.astype(x.dtype), mode="drop").reshape(input.shape)


@function()
def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """A copy with the entries `index` of `dim` set to one value."""
    if isinstance(value, Tensor) and value.ndim:
        raise RuntimeError(f"index_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s).")
    return _index_fill(input, dim, index, value)


@function(spaces=("Tensor",))
def index_fill_(self: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """In-place `index_fill`."""
    return _rebind(self, lambda x: index_fill(x, dim, index, value))


@op(spaces=(), name="index_reduce", check=_check_index_op("index_reduce"))
def _index_reduce(input: Array, dim: int, index: Array, source: Array, reduce: str, include_self: bool):
    return reduce_at(input, _rows_key(input, dim, index), source, reduce, include_self)


@function()
def index_reduce(input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True) -> Tensor:
    """A copy with `source` reduced into the entries `index` of `dim` by prod, mean, amax or amin."""
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}.")
    return _index_reduce(input, dim, index, source, reduce, include_self)


@function(spaces=("Tensor",))
def index_reduce_(self: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True) -> Tensor:
    """In-place `index_reduce`."""
    return _rebind(self, lambda x: index_reduce(x, dim, index, source, reduce, include_self=include_self))


# ---- masks -----------------------------------------------------------------------------------------


def _check_mask(input: Any, mask: Any, value: Any = None, **_: Any) -> None:
    if mask.dtype is not dtypes.bool_:
        raise RuntimeError(f"masked_fill_ only supports boolean masks, but got mask with dtype {mask.dtype}")
    if value is not None and not isinstance(value, type) and value.ndim:
        raise RuntimeError(f"masked_fill only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s).")


@op(inplace=True, check=_check_mask)
def masked_fill(input: Array, mask: Array, value: Operand):
    """A copy with `value` where the boolean `mask` is True."""
    return jnp.where(mask, value.astype(input.dtype), input)


masked_fill_ = masked_fill.inplace


@op(spaces=(), name="take_flat")
def _take_flat(input: Array, index: Array):
    return jnp.take(input.reshape(-1), index.reshape(-1), mode="clip")


@function()
def masked_select(input: Tensor, mask: Tensor, *, out: Any = None) -> Tensor:
    """The elements where the mask is True, in one dimension; waits for the mask."""
    if mask.dtype is not dtypes.bool_:
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    shape = np.broadcast_shapes(input.shape, mask.shape)
    chosen = np.flatnonzero(np.broadcast_to(mask._host(), shape))
    x = input if tuple(input.shape) == shape else views.expand(input, *shape)
    result = _take_flat(x, from_numpy_copy(chosen.astype(np.int64), input.device))
    return result if out is None else _into(result, out, "masked_select")


@op(spaces=(), name="masked_scatter")
def _masked_scatter(input: Array, index: Array, source: Array):
    return input.reshape(-1).at[index].set(source.reshape(-1)[: index.shape[0]]).reshape(input.shape)


@function()
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """A copy with the next elements of `source` wherever the mask is True; waits for the mask."""
    if mask.dtype is not dtypes.bool_:
        raise RuntimeError("masked_scatter_ only supports boolean masks, but got mask with dtype " + str(mask.dtype))
    if input.dtype is not source.dtype:
        raise RuntimeError(f"masked_scatter: expected self and source to have same dtypes but got {_scalar(input)} and {_scalar(source)}")
    shape = np.broadcast_shapes(input.shape, mask.shape)
    chosen = np.flatnonzero(np.broadcast_to(mask._host(), shape))
    if chosen.size > source.numel():
        raise RuntimeError("Number of elements of source < number of ones in mask")
    x = input if tuple(input.shape) == shape else views.expand(input, *shape)
    return _masked_scatter(x, from_numpy_copy(chosen.astype(np.int64), input.device), source)


@function(spaces=("Tensor",))
def masked_scatter_(self: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """In-place `masked_scatter`."""
    return _rebind(self, lambda x: masked_scatter(x, mask, source))


@function()
def nonzero(input: Tensor, *, out: Any = None, as_tuple: bool = False) -> Any:
    """Indices of the non-zero elements: one row each, or a tuple of vectors; waits for the data."""
    found = np.nonzero(input._host()) if input.ndim else np.nonzero(np.atleast_1d(input._host()))[: 1 if as_tuple else 0]
    if as_tuple:
        return tuple(from_numpy_copy(i.astype(np.int64), input.device) for i in found)
    n = int(np.count_nonzero(input._host()))
    rows = np.stack(found, 1).astype(np.int64) if len(found) else np.zeros((n, 0), np.int64)
    result = from_numpy_copy(rows, input.device)
    return result if out is None else _into(result, out, "nonzero")


@function()
def argwhere(input: Tensor) -> Tensor:
    """Indices of the non-zero elements, one row each."""
    return nonzero(input)


@op(check=lambda input, index: None, out=True)
def take(input: Array, index: Array):
    """Elements by their index in the flattened input."""
    n = input.size
    i = index.astype(jnp.int64)
    if i.size:
        guard(((i < -n) | (i >= n)).any(), IndexError, "out of range: tried to access an index in a tensor of " + f"{n} elements.")
    return jnp.take(input.reshape(-1), jnp.where(i < 0, i + n, i), mode="clip")


@op(inplace=True)
def put(input: Array, index: Array, source: Array, accumulate: bool = False):
    """A copy with `source` written to `index` of the flattened input."""
    i = index.reshape(-1).astype(jnp.int64)
    at = input.reshape(-1).at[jnp.where(i < 0, i + input.size, i)]
    values = source.reshape(-1)
    return (at.add(values) if accumulate else at.set(values)).reshape(input.shape)


@op(spaces=(), name="take_along_dim")
def _take_along(input: Array, indices: Array, dim: int):
    n = input.shape[dim]
    i = indices.astype(jnp.int64)
    if i.size:
        guard(((i < -n) | (i >= n)).any(), RuntimeError, "index out of bounds for dimension " + f"{dim} with size {n}")
    shape = list(np.broadcast_shapes(*[tuple(1 if k == dim else m for k, m in enumerate(a.shape)) for a in (input, i)]))
    x = jnp.broadcast_to(input, [n if k == dim else m for k, m in enumerate(shape)])
    i = jnp.broadcast_to(i, [indices.shape[dim] if k == dim else m for k, m in enumerate(shape)])
    return jnp.take_along_axis(x, jnp.where(i < 0, i + n, i), axis=dim, mode="clip")


@function()
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None, *, out: Any = None) -> Tensor:
    """Picks along `dim` by an index tensor that broadcasts against the input."""
    if dim is None:
        result = _take_along(views.reshape(input, (-1,)), views.reshape(indices, (-1,)), 0)
    else:
        if input.ndim != indices.ndim:
            raise RuntimeError(f"torch.take_along_dim(): input and indices should have the same number of dimensions, but got {input.ndim} dimensions for input, and {indices.ndim} dimensions for indices")
        if indices.dtype is not dtypes.int64:
            raise RuntimeError("torch.take_along_dim(): dtype of indices should be Long but got " + _scalar(indices))
        result = _take_along(input, indices, wrap_dim(dim, input.ndim))
    return result if out is None else _into(result, out, "take_along_dim")


@function(spaces=("Tensor",), name="__iter__")
def _iter(self: Tensor) -> Any:
    """Iterates over the first dimension."""
    if self._aval.ndim == 0:
        raise TypeError("iteration over a 0-d tensor")
    return iter(views.unbind(self, 0))


@function(spaces=("Tensor",), name="__contains__")
def _contains(self: Tensor, element: Any) -> bool:
    """Whether some element equals the number or tensor given."""
    if isinstance(element, (Tensor, bool, int, float, complex)):
        return bool((self == element).any())
    raise RuntimeError(f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}.")
