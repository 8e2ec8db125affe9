"""Tensors from Python and NumPy data: tensor, as_tensor, asarray, from_numpy, frombuffer, new_tensor."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import jax
import numpy as np

from .._core import dtypes
from .._core.dtypes import dtype
from .._core.graph import Value
from .._core.layouts import order_like
from .._core.modes import local
from .._core.registry import function
from .._core.tensor import Tensor, from_numpy_shared
from .convert import convert
from .factory import How, factory, from_host, requiring
from .numbers import wrapped
from .validate import scalar_name

_NUMBERS = frozenset((bool, int, float, complex))
_MSG_COPY = (
    "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
    "sourceTensor.detach().clone().requires_grad_(True), rather than {}."
)
_MSG_NEGATIVE_STRIDE = (
    "At least one stride in the given numpy array is negative, and tensors with negative strides are not "
    "currently "
    "supported. (You can probably work around this by making a copy of your array  with array.copy().) "
)
_MSG_BYTE_ORDER = (
    "given numpy array has byte order different from the native byte order. Conversion between byte orders "
    "is "
    "currently not supported."
)
_MSG_READ_ONLY = (
    "The given {} is not writable, and PyTorch does not support non-writable tensors. This means writing to "
    "this tensor "
    "will result in undefined behavior. You may want to copy the {} to protect its data or make it writable "
    "before "
    "converting it to a tensor."
)


@factory(like=None)
def tensor(how: How, data: Any) -> Value:
    """A tensor with a copy of `data`: a number, (nested) sequences of numbers, a NumPy array or a tensor.

    Without `dtype`: Python floats give the default dtype, ints int64, bools bool; NumPy data keeps its dtype.

    Raises:
        ValueError: nested sequences differ in length.
        TypeError, RuntimeError: an element is no number, or does not fit `dtype`.
    """
    if isinstance(data, Tensor):
        warnings.warn(_MSG_COPY.format("torch.tensor(sourceTensor)"), UserWarning, stacklevel=3)
        return convert(data.detach(), how.device, how.dtype, copy=True)._read()
    order = None
    # the copy lies in memory as NumPy's array does
    if isinstance(data, np.ndarray) and not data.flags.c_contiguous:
        order = order_like(data.shape, [(data.shape, data.strides)])
    return from_host(_array(data, how.dtype), how.device, order)


@factory(like=True, spaces=("Tensor",))
def new_tensor(how: How, self: Tensor, data: Any) -> Value:
    """As `torch.tensor(data)`, with the dtype and device of `self` unless given."""
    if isinstance(data, Tensor):
        warnings.warn(_MSG_COPY.format("tensor.new_tensor(sourceTensor)"), UserWarning, stacklevel=3)
        return convert(data.detach(), how.device, how.dtype, copy=True)._read()
    return from_host(_array(data, how.dtype or self.dtype), how.device)


@function(spaces=("torch",))
def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """`data` as a tensor, without a copy where dtype and device allow it (a tensor keeps its history)."""
    how = How("as_tensor", dtype=dtype, device=device)
    if isinstance(data, Tensor):
        return convert(data, None if device is None else how.device, how.dtype)
    if isinstance(data, np.ndarray):
        return convert(_shared(data), how.device, how.dtype)
    return how.finish(from_host(_array(data, how.dtype), how.device))


@function(spaces=("torch",))
def asarray(
    obj: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    copy: bool | None = None,
    requires_grad: bool | None = None,
) -> Tensor:
    """`obj` (tensor, NumPy array or scalar, buffer, sequence) as a tensor.

    Args:
        copy: True always copies, False never does (and raises where a copy is needed), None copies if needed.

    Raises:
        ValueError: `copy=False` and a copy is needed.
    """
    how = How("asarray", obj if isinstance(obj, Tensor) else None, dtype=dtype, device=device)
    given = how.dtype
    if isinstance(obj, Tensor):
        made = obj if requires_grad is None or requires_grad == obj.requires_grad else obj.detach()
    elif isinstance(obj, np.ndarray):
        made = _shared(obj)
    elif isinstance(obj, (bytes, bytearray, memoryview)):
        made = _from_buffer(obj, given or dtypes.get_default_dtype())
    else:
        if copy is False and not isinstance(obj, np.generic):
            raise ValueError("can't alias arbitrary sequence into a tensor.")
        how.requires_grad = bool(requires_grad)
        return how.finish(from_host(_array(obj, given), how.device))
    if copy is False:
        if given is not None and given is not made.dtype:
            names = scalar_name(made.dtype), scalar_name(given)
            raise ValueError(f"can't alias tensor with dtype '{names[0]}' into dtype '{names[1]}'.")
        if how.device is not made.device:
            raise ValueError(f"can't alias tensor from device '{made.device}' to '{how.device}'.")
    made = convert(made, how.device, given, copy=bool(copy))
    if requires_grad is False and made.requires_grad:
        return made.detach()
    return requiring(made) if requires_grad and not made.requires_grad else made


@function(spaces=("torch",))
def from_numpy(ndarray: np.ndarray) -> Tensor:
    """A tensor that shares the memory of a NumPy array: writes to either are seen by both.

    Raises:
        TypeError: no array, or its dtype has no counterpart.
        ValueError: a negative stride, or foreign byte order.
    """
    if not isinstance(ndarray, np.ndarray):
        kind = type(ndarray)
        name = f"numpy.{kind.__name__}" if kind.__module__ == "numpy" else kind.__name__
        raise TypeError(f"expected np.ndarray (got {name})")
    return _shared(ndarray)


def _shared(array: np.ndarray) -> Tensor:
    _check_array(array)
    if not array.flags.writeable:
        warnings.warn(_MSG_READ_ONLY.format("NumPy array", "array"), UserWarning, stacklevel=3)
    t = from_numpy_shared(array)
    t._inference = local.ctx.inference
    return t


def _check_array(array: np.ndarray) -> None:
    if any(s < 0 for s in array.strides):
        raise ValueError(_MSG_NEGATIVE_STRIDE)
    if not array.dtype.isnative:
        raise ValueError(_MSG_BYTE_ORDER)
    dtypes.from_jnp(array.dtype)


@function(spaces=("torch",))
def frombuffer(
    buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """A 1-dim tensor over the memory of an object with Python's buffer protocol.

    Args:
        count: number of elements, all of them if negative.
        offset: bytes to skip at the start.

    Raises:
        ValueError: no buffer, or `count` and `offset` do not fit it.
    """
    how = How("frombuffer", dtype=dtype)
    made = _from_buffer(buffer, how.dtype or dtypes.get_default_dtype(), count, offset)
    return requiring(made) if requires_grad else made


def _from_buffer(buffer: Any, d: dtype, count: int = -1, offset: int = 0) -> Tensor:
    try:
        view = memoryview(buffer)
    except TypeError:
        raise ValueError("object does not implement Python buffer protocol.") from None
    length, size = view.nbytes, d.itemsize
    if not length or not count:
        raise ValueError(f"both buffer length ({length}) and count ({count}) must not be 0")
    if not 0 <= offset < length:
        raise ValueError(
            f"offset ({offset} bytes) must be non-negative and no greater than buffer length ({length} "
            "bytes) minus 1"
        )
    if count > 0:
        if offset + count * size > length:
            raise ValueError(
                f"requested buffer length ({count} * {size} bytes) after offset ({offset} bytes) must not be "
                "greater "
                f"than actual buffer length ({length} bytes)"
            )
    else:
        if (length - offset) % size:
            raise ValueError(
                f"buffer length ({length - offset} bytes) after offset ({offset} bytes) must be a multiple "
                "of element "
                f"size ({size})"
            )
        count = (length - offset) // size
    if view.readonly:
        warnings.warn(_MSG_READ_ONLY.format("buffer", "buffer"), UserWarning, stacklevel=4)
    return from_numpy_shared(np.frombuffer(view.cast("B"), d.jnp, count, offset))


# ---- numbers and nested sequences ------------------------------------------------------


def _array(data: Any, d: dtype | None) -> np.ndarray:
    """A new NumPy array with the data, of dtype `d` or as inferred."""
    if isinstance(data, np.ndarray):
        _check_array(data)
        return data.astype(d.jnp, order="C") if d is not None else np.array(data, order="C")
    if isinstance(data, np.generic):
        return np.asarray(data, dtypes.from_jnp(data.dtype).jnp if d is None else d.jnp)
    if isinstance(data, jax.Array):
        return np.array(data, d.jnp if d is not None else None)
    if isinstance(data, (str, bytes)):
        raise TypeError(f"new(): invalid data type '{type(data).__name__}'")
    shape, leaves = _flattened(data)
    kinds = set(map(type, leaves))
    if kinds <= _NUMBERS:
        return _elements(leaves, kinds, d or _promoted(map(dtypes.of_number, kinds))).reshape(shape)
    _check_leaves(leaves, bool(shape))
    if all(issubclass(k, np.ndarray) for k in kinds):
        found = np.array(leaves)
        dtypes.from_jnp(found.dtype)
        return (found if d is None else found.astype(d.jnp)).reshape(*shape, *found.shape[1:])
    wanted = _promoted(map(_leaf_dtype, leaves))
    numbers = [x.item() if isinstance(x, (Tensor, np.generic)) else x for x in leaves]
    return _elements(numbers, set(map(type, numbers)), d or wanted).reshape(shape)


def _promoted(kinds: Any) -> dtype:
    found: dtype | None = None
    for d in kinds:
        found = d if found is None else dtypes.promote_types(found, d)
    return found or dtypes.get_default_dtype()


def _leaf_dtype(x: Any) -> dtype:
    if isinstance(x, Tensor):
        if x.numel() != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return x.dtype
    if isinstance(x, np.generic):
        return dtypes.from_jnp(x.dtype)
    for kind in (bool, int, float, complex):
        if isinstance(x, kind):
            return dtypes.of_number(kind)
    if isinstance(x, (str, bytes)):
        raise TypeError(f"new(): invalid data type '{type(x).__name__}'")
    raise RuntimeError(f"Could not infer dtype of {type(x).__name__}")


def _elements(numbers: list[Any], kinds: set[type], d: dtype) -> np.ndarray:
    """Python numbers (of these types) as a flat array of dtype `d`, with PyTorch's conversions and errors."""
    if d.is_complex:
        return np.array(numbers, d.jnp)
    if complex in kinds and d.is_floating_point:
        raise TypeError("must be real number, not complex")
    if complex in kinds and d is not dtypes.bool_:
        raise TypeError("'complex' object cannot be interpreted as an integer")
    if d.is_floating_point:
        with np.errstate(over="ignore"):
            return np.array(numbers, np.float64).astype(d.jnp)
    if d is dtypes.bool_:
        return np.array(list(map(bool, numbers)), np.bool_)
    if float not in kinds and d.is_signed:
        try:
            found = np.array(numbers, np.int64)
        except OverflowError:
            raise ValueError("Overflow when unpacking long long") from None
        if d is dtypes.int64:
            return found
        info = np.iinfo(d.jnp)
        if not found.size or (found.min() >= info.min and found.max() <= info.max):
            return found.astype(d.jnp)
    top = 1 << (64 if d is dtypes.uint64 else 63)
    if any(isinstance(x, int) and not -(1 << 63) <= x < top for x in numbers):
        raise ValueError("Overflow when unpacking long long")
    return np.array([wrapped(x, d, d.name) for x in numbers], np.int64).astype(d.jnp)


def _is_sequence(x: Any) -> bool:
    if isinstance(x, (list, tuple)):
        return True
    if isinstance(x, (str, bytes, Tensor, np.generic, dict, set)):
        return False
    return hasattr(x, "__len__") and hasattr(x, "__getitem__")


def _flattened(data: Any) -> tuple[tuple[int, ...], list[Any]]:
    """(shape, elements in order) of nested sequences; NumPy arrays of equal shape stay whole as elements."""
    shape: list[int] = []
    level = [data]
    while level and _is_sequence(level[0]):
        if all(isinstance(x, np.ndarray) and x.ndim and x.shape == level[0].shape for x in level) and shape:
            break
        wanted = len(level[0])
        for x in level:
            if not _is_sequence(x):
                raise TypeError("not a sequence")
            if (found := len(x)) != wanted:
                raise ValueError(f"expected sequence of length {wanted} at dim {len(shape)} (got {found})")
        shape.append(wanted)
        level = list(itertools.chain.from_iterable(level)) if wanted else []
        if len(shape) > 128:
            raise ValueError(f"too many dimensions '{type(data).__name__}'")
    return tuple(shape), level


def _check_leaves(leaves: list[Any], nested: bool) -> None:
    """PyTorch's errors for what stands where a number should."""
    for x in leaves:
        if isinstance(x, str) and nested and x is leaves[0]:
            raise ValueError("too many dimensions 'str'")
        if isinstance(x, np.ndarray) and not isinstance(leaves[0], np.ndarray):
            raise TypeError("only 0-dimensional arrays can be converted to Python scalars")
        if _is_sequence(x) and not isinstance(x, np.ndarray):
            raise TypeError(f"'{type(x).__name__}' object cannot be interpreted as an integer")
