"""Tensors seen as NumPy arrays without running anything, and arrays handed over to Tensors."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from . import devices
from .storage import value_from_numpy
from .tensor import Tensor

_ALIGN = 64


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


def host_array(t: Tensor) -> np.ndarray | None:
    """The data of a CPU tensor as NumPy; None where it takes an operator (pending, taped, elsewhere)."""
    if type(t) is not Tensor or t.device is not devices.CPU or t.requires_grad:
        return None
    storage = t._storage
    array = storage.host
    if array is None:
        data = storage.value.arr
        if not isinstance(data, jax.Array) or isinstance(data, jax.core.Tracer):
            return None
        array = np.asarray(data)
    for lens in t._lens or ():
        array = lens.op.look_numpy(array, lens.args)
    return array
