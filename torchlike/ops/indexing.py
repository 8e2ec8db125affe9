"""Indexing: `x[...]` get and set, and the index_* / gather / scatter / masked_* rows.

Keys of ints, 0-d index tensors, slices, None and Ellipsis are views. Keys with other tensors are gathers;
boolean tensors become index tensors first, which costs one barrier.
"""

from __future__ import annotations

import warnings
from typing import Any, cast

import jax.core
import jax.numpy as jnp
import numpy as np

from .._core import dtypes, engine
from .._core.checks import guard
from .._core.geometry import check_overlap, check_repeated, shows_twice
from .._core.modes import local
from .._core.registry import Array, Arrays, check_inplace, function, op
from .._core.tensor import Lens, Tensor, from_numpy_copy
from . import view as views
from .convert import convert, copy_
from .creation import full
from .fill import plain_number, write_number
from .looks import at_hand
from .lowering.reduce_at import set_at
from .masked import masked_fill_, refused_mask
from .parts import unbind
from .results import saves_too, written_by
from .validate import c_name, scalar_name

_MSG_NUMBER = (
    "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a 0-dim "
    "tensor to a number"
)
_INDEX_TYPES = ("int64", "int32", "uint8", "bool")


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


def _split_key(x: Tensor, key: Any, read: bool = False) -> tuple[Tensor, list[Any]]:
    """Applies the view part of a key; returns the view and, per dimension, an index tensor or None.

    With `read`, 0-d index tensors are numbers, as in PyTorch: they pick a view. For a write the data of
    the result is all the same, unless there are index tensors with dimensions too, and nobody need wait for theirs.
    """
    items = list(key) if isinstance(key, tuple) else [key]
    for i, k in enumerate(items):
        if _is_index_list(k) or isinstance(k, tuple):
            items[i] = _as_index(list(k) if isinstance(k, tuple) else k, x.device)
    if read or any(isinstance(k, Tensor) and k.ndim for k in items):
        items = [_number_of(k) if isinstance(k, Tensor) else k for k in items]
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
        if not ndim and isinstance(key, slice):
            raise IndexError("slice() cannot be applied to a 0-dim tensor.")
        if not ndim and isinstance(key, int):
            raise IndexError(_MSG_NUMBER)
        raise IndexError(f"too many indices for tensor of dimension {ndim}")
    out, d = x, 0
    indices: list[Any] = []
    for at, k in enumerate(items):
        if k is None:
            out = views._unsqueeze(out, d)
            indices.append(None)
            d += 1
        elif k is Ellipsis:
            n = ndim - used
            indices += [None] * n
            d += n
        elif isinstance(k, (bool, np.bool_)):
            out = views._unsqueeze(out, d)
            indices.append(from_numpy_copy(np.zeros(int(k), np.int64), x.device))
            d += 1
        elif isinstance(k, slice):
            if k.step is not None and _int(k.step) <= 0:
                raise ValueError(
                    "slice step cannot be zero" if k.step == 0 else "step must be greater than zero"
                )
            key_ = slice(*[None if p is None else _int(p) for p in (k.start, k.stop, k.step)])
            # as in PyTorch, one that is all of the key makes a view even of all
            if key is k or key_.indices(out._aval.shape[d]) != (0, out._aval.shape[d], 1):
                out = views.slice_dim(out, d, key_)
            indices.append(None)
            d += 1
        elif isinstance(k, Tensor):
            if k.ndim == 0 and k.dtype.category == dtypes.INTEGER and k.dtype is not dtypes.uint8:
                indices.append(k)
                d += 1
            elif k.dtype in (dtypes.bool_, dtypes.uint8):
                found, out = _mask_indices(k, out, d)
                indices += found
                d += len(found)
            else:
                if k.dtype.name not in _INDEX_TYPES:
                    raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
                indices.append(k)
                d += 1
        else:
            i = _int(k)
            n = out._aval.shape[d]
            if not -n <= i < n:
                raise IndexError(f"index {i} is out of bounds for dimension {at} with size {n}")
            out = views._select(out, d, i + n if i < 0 else i)
    return out, indices


def _number_of(index: Tensor) -> Any:
    """The number that a 0-d index tensor holds; any other as it is, and inside JAX transformations too."""
    a = index._aval
    if a.ndim or a.dtype.category != dtypes.INTEGER or a.dtype is dtypes.uint8 or index.is_meta:
        return index
    found = engine.materialize(index._read())
    return index if isinstance(found, jax.core.Tracer) else int(found)


def _int(k: Any) -> int:
    if isinstance(k, int):
        return k
    if hasattr(k, "__index__"):
        return k.__index__()
    if isinstance(k, str):
        raise TypeError("new(): invalid data type 'str'")
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
    """`self[key]`: a view for ints, 0-d index tensors, slices, None and `...`; a gather where other tensors are."""
    if key.__class__ is int:
        shape = self._aval.shape
        if not shape and not key:
            raise IndexError(_MSG_NUMBER)
        n = shape[0] if shape else 0
        if not -n <= key < n:
            raise IndexError(f"index {key} is out of bounds for dimension 0 with size {n}")
        return views._select(self, 0, key + n if key < 0 else key)
    out, indices = _split_key(self, key, read=True)
    if any(i is not None for i in indices):
        return saves_too(_gather_get(out, indices), *_masks(key))
    return views.alias_view(out) if out is self else out


def _masks(key: Any) -> list[Tensor]:
    """The masks in a key: their indices are operands, they themselves are not."""
    items = key if isinstance(key, tuple) else (key,)
    return [k for k in items if isinstance(k, Tensor) and k.dtype in (dtypes.bool_, dtypes.uint8)]


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
        check_host_index(
            t,
            shape[i],
            lambda bad, i=i, n=shape[i]: IndexError(
                f"index {bad} is out of bounds for dimension {i} with size {n}"
                if n
                else "index is out of bounds for dimension with size 0"
            ),
        )
    return where, tuple(t if t._aval.device is x._aval.device else _brought(t, x.device) for t in tensors)


def _brought(index: Tensor, device: Any) -> Tensor:
    """An index on the CPU, copied to the device of the tensor that is indexed."""
    if not index.is_cpu:
        raise RuntimeError(
            f"indices should be either on cpu or on the same device as the indexed tensor ({device})"
        )
    return convert(index, device)


def check_host_index(t: Tensor, size: int, error: Any, negative: bool = True) -> None:
    """Checks an index tensor whose data is at hand; others are checked by the program."""
    data = at_hand(t)
    if data is None or not data.size:
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


@op(spaces=(), name="index", saves=("indices!",))
def _index(input: Array, indices: Arrays, where: tuple):
    return input.at[_full_key(input.shape, where, indices)].get(mode="clip")


@op(spaces=(), name="index_put", saves=("indices!",))
def _index_put(input: Array, values: Array, indices: Arrays, where: tuple, accumulate: bool):
    key = _full_key(input.shape, where, indices)
    values = values.astype(input.dtype)
    if not accumulate:
        return set_at(input, key, values)
    at = input.at[key]
    return (at.max if input.dtype == np.bool_ else at.add)(values, mode="drop")


def _as_values(x: Tensor, value: Any) -> Tensor:
    """The right side of an assignment as a tensor of x's dtype."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, (bool, int, float, complex, np.generic)):
        v = value.item() if isinstance(value, np.generic) else value
        return full((), v, dtype=x.dtype, device=x.device)
    raise TypeError(f"can't assign a {type(value).__name__} to a {x.type()}")


_MSG_EXPANDED_PUT = (
    "Use of index_put_ on expanded tensors is deprecated. Please clone() the tensor before performing this operation. "
    "This also applies to advanced indexing e.g. tensor[indices] = tensor"
)
_NUMBERS = (int, float, bool)


_SELECT = views._select.op


def _fill_view(self: Tensor, key: Any, value: Any) -> bool:
    """Writes a number through a view key outside the tape; False if that does not apply."""
    number = None if self._req and local.ctx.grad else plain_number(self._aval.dtype, value)
    if number is None:
        return False
    out, indices = _split_key(self, key)
    if out._lens is None or any(i is not None for i in indices):
        return False
    check_repeated(out)
    check_inplace(self)
    write_number(self, out._lens, number)
    return True


@function(spaces=("Tensor",), name="__setitem__")
def setitem(self: Tensor, key: Any, value: Any) -> None:
    """`self[key] = value`: writes through views; index tensors scatter.

    Raises:
        IndexError: the key does not fit.
        RuntimeError: the value's shape does not broadcast to the part written.
    """
    if key.__class__ is int and value.__class__ in _NUMBERS and not self._req:
        number = plain_number(self._aval.dtype, value)
        shape = self._aval.shape
        if (
            number is not None
            and shape
            and -shape[0] <= key < shape[0]
            and not self._inference
            and (self._lens is None or not any(lens.op.repeats for lens in self._lens))
        ):
            write_number(self, (*(self._lens or ()), Lens(_SELECT, (0, key % shape[0]))), number)
            return
    if key.__class__ is slice and _is_whole(key, self._aval.shape):
        key = Ellipsis
    if self._lens is not None and _picks(self, key):
        self._fetch()
    if key is True:
        key = Ellipsis  # a new dimension in front, and all of it
    if isinstance(key, Tensor) and key.dtype in (dtypes.bool_,) and key.shape == self.shape and (
        not isinstance(value, Tensor) or value.ndim == 0
    ):  # fmt: skip
        written_by(masked_fill_(self, key, value), "IndexPutBackward0" if self.ndim else "CopySlices")
        return
    if value.__class__ in _NUMBERS and _fill_view(self, key, value):
        return
    value = _as_values(self, value)
    if value.device is not self.device and value.ndim == 0:
        value = value.to(self.device)
    # the value may be what the key picks; what shows an element twice is refused by the part that is written
    read = value._storage is self._storage or any(lens.op.repeats for lens in self._lens or ())
    out, indices = _split_key(self, key, read)
    if any(i is not None for i in indices):
        where, tensors = _prepare(out, indices)
        check_inplace(self)
        _refuse_bytes(key, value)
        _put(out, tensors, where, value, False)
        return
    v, target = value._aval.shape, out._aval.shape
    while len(v) > len(target) and v and v[0] == 1:
        v = v[1:]
    if len(v) > len(target) or any(m not in (1, n) for m, n in zip(v[::-1], target[::-1])):
        if len(v) > len(target):
            raise RuntimeError(
                f"expand({value.type()}{{{list(value.shape)}}}, size={list(target)}): the number of sizes provided ({len(target)}) must be greater or equal to the number of dimensions in the tensor ({len(v)})"
            )
        at = next(i for i, (m, n) in enumerate(zip(v[::-1], target[::-1])) if m not in (1, n))
        raise RuntimeError(
            f"The expanded size of the tensor ({target[::-1][at]}) must match the existing size ({v[::-1][at]}) at "
            f"non-singleton dimension {len(target) - 1 - at}.  Target sizes: {list(target)}.  Tensor sizes: {list(v)}"
        )
    if v != value._aval.shape:
        value = views.reshape(value, v)
    if value._storage is self._storage and v != target:
        value = views.expand(value, target) if v else value.clone()
    copy_(out, value)


def _is_whole(key: slice, shape: tuple[int, ...]) -> bool:
    """Whether a slice by plain numbers is all of the first dimension."""
    plain = all(p is None or p.__class__ is int for p in (key.start, key.stop, key.step))
    return plain and key.step != 0 and bool(shape) and key.indices(shape[0]) == (0, shape[0], 1)


def _picks(self: Tensor, key: Any) -> bool:
    """Whether PyTorch makes a view by a key that is no view here: of a write, it asks for the history first."""
    if key is True:
        return True
    keys = key if key.__class__ is tuple else (key,)
    return any(
        isinstance(k, Tensor) and not k.ndim and (not self.ndim or k.dtype is not dtypes.bool_) for k in keys
    )


def _refuse_bytes(key: Any, values: Tensor) -> None:
    """One element is written through a mask by `masked_fill_`, which takes no uint8."""
    masks = [k for k in (key if isinstance(key, tuple) else (key,)) if isinstance(k, Tensor)]
    if len(masks) == 1 and masks[0].dtype is dtypes.uint8 and masks[0].ndim and values._aval.size == 1:
        raise refused_mask("masked_fill_", c_name(masks[0].dtype))


def _put_repeated(
    x: Tensor, tensors: tuple[Tensor, ...], where: tuple[int, ...], values: Tensor, accumulate: bool
) -> None:
    """`_put` where x shows elements more than once: each is written once per place, the last one counts."""
    warnings.warn(_MSG_EXPANDED_PUT, UserWarning, stacklevel=4)
    whole = x._base
    if whole is None or whole._lens is not None:
        whole = Tensor._from_value(x._storage.value)
        whole._storage = x._storage
    places = from_numpy_copy(np.arange(whole._aval.size).reshape(whole._aval.shape), x.device)
    for lens in x._lens or ():
        places = lens.op.apply((places, *lens.args))
    places = _index(places, tensors, where)
    _put(views.reshape(whole, (-1,)), (places,), (0,), values.expand(tuple(places.shape)), accumulate)


def _put(
    x: Tensor, tensors: tuple[Tensor, ...], where: tuple[int, ...], values: Tensor, accumulate: bool
) -> None:
    picked = _result_shape(x._aval.shape, where, tensors)
    v = values._aval.shape
    while len(v) > len(picked) and v and v[0] == 1:
        v = v[1:]
        values = views.reshape(values, v)
    if len(v) > len(picked) or any(m not in (1, n) for m, n in zip(v[::-1], picked[::-1])):
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(values.shape)} cannot be broadcast to indexing result of shape {list(picked)}"
        )
    if values.dtype is not x.dtype and not any(t._aval.ndim for t in tensors):
        values = values.to(x.dtype)  # indices without dimensions are numbers: nothing but a copy
    if values.dtype is not x.dtype:
        raise RuntimeError(
            f"Index put requires the source and destination dtypes match, got {scalar_name(x.dtype)} for the destination "
            f"and {scalar_name(values.dtype)} for the source."
        )
    check_overlap(x, values, same=False)
    if shows_twice(x):
        _put_repeated(x, tensors, where, values, accumulate)
        return
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
            f"Index put requires the source and destination dtypes match, got {scalar_name(input.dtype)} for the destination and "
            f"{scalar_name(values.dtype)} for the source."
        )
    check_inplace(input)
    out, tensors, where = _index_list(input, indices)
    if not accumulate:
        _refuse_bytes(tuple(indices), values)
    _put(out, tensors, where, values, accumulate)
    return input if input._lens is not None else saves_too(input, *_masks(tuple(indices)))


@function()
def index_put(input: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """A copy with `values` written where the index tensors point."""
    return index_put_(input.clone(), indices, values, accumulate)


@function(spaces=("Tensor",), name="__iter__")
def _iter(self: Tensor) -> Any:
    """Iterates over the first dimension."""
    if self._aval.ndim == 0:
        raise TypeError("iteration over a 0-d tensor")
    return iter(unbind(self, 0))


@function(spaces=("Tensor",), name="__contains__")
def _contains(self: Tensor, element: Any) -> bool:
    """Whether some element equals the number or tensor given."""
    if isinstance(element, (Tensor, bool, int, float, complex)):
        return bool(cast(Any, self == element).any())
    raise RuntimeError(
        f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}."
    )
