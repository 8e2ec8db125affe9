"""Tensors seen as NumPy arrays without running anything, and arrays handed over to Tensors."""

from __future__ import annotations

from typing import Any

import jax.core
import numpy as np

from . import devices, dtypes, engine
from .graph import Value, aval
from .storage import Storage, value_from_numpy
from .tensor import Tensor

_ALIGN = 64
_WINDOW = 8  # a view this many times smaller than its base


def aligned_empty(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An uninitialised array that XLA:CPU can use in place."""
    dtype = np.dtype(dtype)
    count = 1
    for n in shape:
        count *= n
    size = count * dtype.itemsize
    raw = np.empty(size + _ALIGN, np.uint8)
    offset = -raw.ctypes.data % _ALIGN
    return raw[offset : offset + size].view(dtype).reshape(shape)


def own(array: np.ndarray, device: Any = devices.CPU) -> Tensor:
    """A Tensor that takes over `array`, which nobody else may keep."""
    return Tensor._from_value(value_from_numpy(array, device, copy=False))


def over(array: np.ndarray) -> Tensor:
    """A Tensor on the CPU that shares the memory of `array`; no JAX backend is started for it."""
    made = object.__new__(Tensor)
    made._storage = Storage(Value(aval(array.shape, dtypes.from_jnp(array.dtype)), None))
    made._storage.host = array
    return made


def host_array(t: Tensor, force: bool = False) -> np.ndarray | None:
    """The data of a CPU tensor as NumPy; None where that takes an operator (pending, taped, elsewhere).

    Pending work is run (it is what `.numpy()` would do) with `force`, and for a small window of a large
    tensor: a sample of data that will be read again and again.
    """
    base = t._base
    if type(t) is not Tensor or t._req or (base is not None and base.requires_grad):
        return None
    storage = t._storage
    av = storage.value.aval
    if av.device is not devices.CPU or (av.order is not None and t._lens is not None):
        return None
    array = storage.host
    if array is None:
        if storage.value.arr is None and (force or _is_window(t, av.size)):
            engine.host(storage.value)
        data = storage.value.arr
        if not isinstance(data, jax.Array) or isinstance(data, jax.core.Tracer):
            return None
        array = np.asarray(data)
    return array if t._lens is None else _look(array, t._lens)


def _look(array: np.ndarray, lenses: Any) -> np.ndarray | None:
    """`array` seen through views; None where no strides describe them."""
    if not array.flags.c_contiguous or array.size == 0:
        return None
    size = array.itemsize
    shape, strides, offset = array.shape, tuple(s // size for s in array.strides), 0
    for lens in lenses:
        if lens.op.geometry is None:
            return None
        shape, strides, offset = lens.op.geometry(shape, strides, offset, *lens.op.plain(lens.args))
    memory = array.reshape(-1).view(np.uint8)  # a buffer, whatever the dtype
    return np.ndarray(tuple(shape), array.dtype, memory, offset * size, [s * size for s in strides])


def _is_window(t: Tensor, base_size: int) -> bool:
    return t._lens is not None and t.numel() * _WINDOW <= base_size
