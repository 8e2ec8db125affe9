"""Python numbers as elements of a dtype: PyTorch's checked conversions."""

from __future__ import annotations

import math
from typing import Any

import ml_dtypes
import numpy as np

from .._core import dtypes
from .._core.dtypes import dtype

# how `Scalar::to` names its target in an overflow error
_TARGET = {
    "uint8": "uint8_t", "int8": "int8_t", "int16": "int16_t", "int32": "int", "int64": "int64_t",
    "uint16": "uint16_t", "uint32": "uint32_t", "uint64": "uint64_t", "bool": "bool", "float16": "c10::Half",
    "bfloat16": "c10::BFloat16", "float32": "float", "float64": "double", "complex64": "c10::complex<float>",
    "complex128": "c10::complex<double>",
}  # fmt: skip


def overflow(target: str) -> RuntimeError:
    """The error of a number that a dtype cannot hold."""
    return RuntimeError(f"value cannot be converted to type {target} without overflow")


def of_dtype(value: Any, d: dtype) -> Any:
    """`value` as a Python number that every backend converts to `d` the same way.

    Numbers for integer dtypes are truncated, and are the int64 whose low bits the dtype keeps.

    Raises:
        RuntimeError: `d` cannot hold it.
        OverflowError: it exceeds 64 bits.
    """
    if d is dtypes.bool_:
        return bool(value)
    if d.is_complex:
        return complex(value)
    if isinstance(value, complex):
        if value.imag:
            raise overflow(_TARGET[d.name])
        value = value.real
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 64:
        raise OverflowError("int too big to convert")
    if d.is_floating_point:
        value = float(value)
        if math.isfinite(value) and abs(value) > float(ml_dtypes.finfo(d.jnp).max):
            raise overflow(_TARGET[d.name])
        return value
    return wrapped(value, d, _TARGET[d.name])


def wrapped(value: Any, d: dtype, target: str) -> int:
    """A real number as the int64 whose low bits integer dtype `d` keeps; RuntimeError if it overflows."""
    if isinstance(value, float) and not math.isfinite(value):
        raise overflow(target)
    whole, info = int(value), np.iinfo(d.jnp)
    low = -info.max if not d.is_signed else info.min
    if not low <= whole <= info.max:
        raise overflow(target)
    return whole - (1 << 64) if whole >= 1 << 63 else whole


def inferred(value: Any) -> dtype:
    """The dtype a lone Python number gives a tensor."""
    return dtypes.of_number(type(value))
