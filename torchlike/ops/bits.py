"""Views of another dtype: complex parts, and the same bytes read differently."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from .._core import dtypes
from .._core.autocast import as_operator
from .._core.registry import SCALAR_NAMES, Array, function, publish, view
from .._core.tensor import Tensor
from .strides import geometry

# ---- complex parts ----------------------------------------------------------------------------------------------


def _double_strides(shape: Any, strides: Any, offset: int) -> Any:
    return shape, tuple(2 * s for s in strides), 2 * offset


def _check_complex(input: Any) -> None:
    if not input.dtype.is_complex:
        raise RuntimeError("view_as_real is only supported for complex tensors")


def _check_pairs(input: Any) -> None:
    if not input.dtype.is_floating_point or input.dtype is dtypes.bfloat16:
        raise RuntimeError(
            "view_as_complex is only supported for half, float and double tensors, but got a tensor of scalar type: "
            + _name(input.dtype)
        )
    if input.dtype is dtypes.float16:
        raise NotImplementedError("view_as_complex(): complex32 is not supported; use float32 inputs")
    if not input.ndim:
        raise RuntimeError("Input tensor must have one or more dimensions")
    if input.shape[-1] != 2:
        raise RuntimeError("Tensor must have a last dimension of size 2")


@view(spaces=(), name="real", put=lambda base, new: lax.complex(new, jnp.imag(base)), geometry=_double_strides,
      numpy=lambda array: array.real)  # fmt: skip
def _real(input: Array):
    return jnp.real(input)


@view(spaces=(), name="imag", put=lambda base, new: lax.complex(jnp.real(base), new),
      geometry=lambda shape, strides, offset: (shape, tuple(2 * s for s in strides), 2 * offset + 1),
      numpy=lambda array: array.imag)  # fmt: skip
def _imag(input: Array):
    return jnp.imag(input)


@function()
def real(input: Tensor) -> Tensor:
    """A view of the real parts; real tensors as they are."""
    return _real(input) if input.is_complex() else input


@function()
def imag(input: Tensor) -> Tensor:
    """A view of the imaginary parts.

    Raises:
        RuntimeError: the dtype is real.
    """
    if not input.is_complex():
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return _imag(input)


@view(spaces=("torch",), put=lambda base, new: lax.complex(new[..., 0], new[..., 1]),
      geometry=lambda shape, strides, offset: ((*shape, 2), (*[2 * s for s in strides], 1), 2 * offset),
      numpy=lambda array: array[..., None].view(array.real.dtype), check=_check_complex)  # fmt: skip
def view_as_real(input: Array):
    """A real view of a complex tensor with a last dimension of size 2."""
    return jnp.stack([jnp.real(input), jnp.imag(input)], -1)


@view(spaces=("torch",), put=lambda base, new: jnp.stack([jnp.real(new), jnp.imag(new)], -1),
      geometry=lambda shape, strides, offset: (shape[:-1], tuple(s // 2 for s in strides[:-1]), offset // 2),
      numpy=lambda array: array.view(np.result_type(array.dtype, np.complex64))[..., 0], check=_check_pairs)  # fmt: skip
def view_as_complex(input: Array):
    """A complex view of a real tensor whose last dimension has size 2."""
    return lax.complex(input[..., 0], input[..., 1])


def _pairs(input: Tensor) -> Tensor:
    """`view_as_complex`, which needs the two parts of a number side by side."""
    _check_pairs(input._aval)
    _, strides, offset = geometry(input)
    if strides[-1] != 1:
        raise RuntimeError("Tensor must have a last dimension with stride 1")
    if any(s % 2 for s in strides[:-1]):
        raise RuntimeError("Tensor must have a stride divisible by 2 for all but last dimension")
    if offset % 2:
        raise RuntimeError("Tensor must have a storage_offset divisible by 2")
    return view_as_complex(input)


_pairs.__name__, _pairs.__doc__ = "view_as_complex", view_as_complex.__doc__
publish("torch", "view_as_complex", as_operator(_pairs, "torch.view_as_complex"))


def _property(name: str, read: Any) -> None:
    def write(self: Tensor, value: Any) -> None:
        read(self).copy_(value)

    publish("Tensor", name, property(read, write))


_property("real", real)
_property("imag", imag)


# ---- the same bytes ------------------------------------------------------------------


def _bits_put(base: Any, new: Any, dtype: Any, was: int) -> Any:
    return _bits(new, dtypes.from_jnp(base.dtype)).reshape(base.shape)


def _bits(x: Any, dtype: dtypes.dtype) -> Any:
    if x.dtype == dtype.jnp:
        return x
    old, new = x.dtype.itemsize, dtype.itemsize
    if x.dtype.kind == "c" or dtype.is_complex:
        return _bits_of_complex(x, dtype)
    if new > old:
        x = x.reshape(*x.shape[:-1], x.shape[-1] // (new // old), new // old)
    truth = dtype.category == dtypes.BOOL
    out = lax.bitcast_convert_type(
        x.astype(jnp.uint8) if x.dtype == jnp.bool_ else x, jnp.uint8 if truth else dtype.jnp
    )
    out = out.reshape(*out.shape[:-2], out.shape[-2] * out.shape[-1]) if new < old and out.ndim > 1 else out
    return out != 0 if truth else out


def _bits_of_complex(x: Any, dtype: dtypes.dtype) -> Any:
    """`_bits` from or to a complex dtype, whose numbers are pairs of real ones."""
    shape = x.shape
    if x.dtype.kind == "c":
        x = jnp.stack([jnp.real(x), jnp.imag(x)], -1).reshape(*shape[:-1], 2 * (shape[-1] if shape else 1))
    elif not shape:
        x = x.reshape(1)
    x = _bits(x, dtype.to_real())
    if dtype.is_complex:
        pairs = x.reshape(*x.shape[:-1], x.shape[-1] // 2, 2)
        x = lax.complex(pairs[..., 0], pairs[..., 1])
    return x if shape else x.reshape(())


def _bits_geometry(shape: Any, strides: Any, offset: int, dtype: Any, was: int) -> Any:
    now = dtype.itemsize
    if now == was or not shape:
        return shape, strides, offset
    bytes_ = (*[s * was for s in strides[:-1]], now)
    return (*shape[:-1], shape[-1] * was // now), tuple(b // now for b in bytes_), offset * was // now


@view(spaces=(), name="view_dtype", put=_bits_put, geometry=_bits_geometry,
      numpy=lambda array, dtype, was: array.view(dtype.jnp), differentiable=False)  # fmt: skip
def _view_dtype(input: Array, dtype: dtypes.dtype, was: int):
    return _bits(input, dtype)


def view_dtype(x: Tensor, dtype: dtypes.dtype) -> Tensor:
    """The same bytes as another dtype."""
    old, new = x.dtype.itemsize, dtype.itemsize
    if old != new:
        if x.ndim == 0:
            raise RuntimeError(
                f"self.dim() cannot be 0 to view {_name(x.dtype)} as {_name(dtype)} (different element sizes)"
            )
        if new > old and x.shape[-1] % (new // old):
            raise RuntimeError(
                f"self.size(-1) must be divisible by {new // old} to view {_name(x.dtype)} as {_name(dtype)} "
                f"(different element sizes), but got {x.shape[-1]}"
            )
        _, strides, offset = geometry(x)
        how = f"to view {_name(x.dtype)} as {_name(dtype)} (different element sizes), but got"
        if x.numel() and strides[-1] != 1:
            raise RuntimeError(f"self.stride(-1) must be 1 {how} {strides[-1]}")
        times = new // old if new > old else 1
        if offset % times:
            raise RuntimeError(f"self.storage_offset() must be divisible by {times} {how} {offset}")
        for d, step in enumerate(strides[:-1]):
            if step % times:
                raise RuntimeError(f"self.stride({d}) must be divisible by {times} {how} {step}")
    return _view_dtype(x, dtype, old)


def _name(d: dtypes.dtype) -> str:
    return SCALAR_NAMES[d.name]
