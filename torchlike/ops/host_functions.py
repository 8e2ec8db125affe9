"""`apply_`, `map_` and `map2_`: a Python function over the elements, on the host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._core import devices
from .._core.registry import function
from .._core.tensor import Tensor, from_numpy_copy
from .from_data import tensor
from .view import expand


def _check(name: str, *tensors: Tensor) -> None:
    if any(t.requires_grad for t in tensors):
        raise RuntimeError(
            f"Can't call {name}() on Variable that requires grad. Use var.detach().{name}() instead."
        )
    for t in tensors:
        if t.device is not devices.CPU and not t.is_meta:
            raise TypeError(f"{name}() is only implemented on CPU tensors")


def _same_type(name: str, what: str, self: Tensor, other: Tensor) -> None:
    if other.dtype is not self.dtype or other.device is not self.device:
        raise TypeError(f"{name}: expected {self.type()} for {what} (got {other.type()})")


def _fill(self: Tensor, called: Callable[..., Any], operands: list[Tensor]) -> Tensor:
    """Writes what the function makes of each element; nothing is written if it raises."""
    if not callable(called):
        raise TypeError(f"'{type(called).__name__}' object is not callable")
    if self.is_meta:
        return self
    columns = [np.asarray(t.tolist(), object).reshape(-1) for t in operands]
    found = [called(*row) for row in zip(*columns)]
    for x in found:
        if not isinstance(x, (int, float, complex, np.generic)):
            raise TypeError(f"must be real number, not {type(x).__name__}")
    if not self.dtype.is_floating_point and not self.dtype.is_complex:
        found = [int(x) for x in found]  # numbers are cut off
    made = tensor(found, dtype=self.dtype) if found else from_numpy_copy(np.zeros(0, self.dtype.jnp))
    self._write(made.reshape(self.shape)._read())
    return self


@function(spaces=("Tensor",))
def apply_(self: Tensor, callable: Callable[[Any], Any]) -> Tensor:  # noqa: A002 - PyTorch's name
    """Replaces each element by `callable(element)`; CPU tensors only, and slow.

    Raises:
        RuntimeError: self requires grad.
        TypeError: the function returns no number, or self is not on the CPU.
    """
    _check("apply_", self)
    return _fill(self, callable, [self])


@function(spaces=("Tensor",))
def map_(self: Tensor, other: Tensor, callable: Callable[[Any, Any], Any]) -> Tensor:  # noqa: A002
    """Replaces each element by `callable(element, element of other)`, which broadcasts; CPU tensors only, and slow.

    Raises:
        RuntimeError: one of them requires grad, or the shapes do not fit.
        TypeError: the dtypes differ, or the function returns no number.
    """
    _check("map_", self, other)
    _same_type("map_", "'other'", self, other)
    return _fill(self, callable, [self, expand(other, *self.shape)])


@function(spaces=("Tensor",))
def map2_(self: Tensor, x: Tensor, y: Tensor, callable: Callable[[Any, Any, Any], Any]) -> Tensor:  # noqa: A002
    """`map_` with a function of three arguments.

    Raises:
        RuntimeError: one of them requires grad, or the shapes do not fit.
        TypeError: the dtypes differ, or the function returns no number.
    """
    _check("map2_", self, x, y)
    _same_type("map2_", "argument 'x'", self, x)
    _same_type("map2_", "argument 'y'", self, y)
    return _fill(self, callable, [self, expand(x, *self.shape), expand(y, *self.shape)])
