"""Tensors of given shape and content: zeros, ones, full, empty, eye, complex, ... and their `*_like` forms.

Contents that a formula gives are recorded, with their numbers lifted, so that a
step which makes them stays one program and a changed number never recompiles.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from .._core import dtypes
from .._core.dtypes import dtype, get_default_dtype
from .._core.graph import Value
from .._core.orders import as_operands
from .._core.registry import Array, function, op
from .._core.tensor import Tensor
from .factory import How, blank, factory, fits, from_host, number, produce, requiring, shape_of, sizes, whole
from .from_data import as_tensor, asarray, from_numpy, frombuffer, new_tensor, tensor
from .numbers import inferred, of_dtype
from .ranges import arange, linspace, logspace, range_
from .validate import broadcast, not_implemented, scalar_name
from .view import as_strided, permute

# ---- one value everywhere ------------------------------------------------------------


def _constant(shape: tuple[int, ...], d: dtype, value: int) -> Any:
    return jnp.full(shape, value, d.jnp)


def _filled(shape: tuple[int, ...], d: dtype, value: Any) -> Any:
    return jnp.full(shape, value.astype(d.jnp), d.jnp)


def _zeros(how: How, shape: tuple[int, ...], d: dtype) -> Value:
    return produce(how, _constant, (shape, d, 0))


def _ones(how: How, shape: tuple[int, ...], d: dtype) -> Value:
    return produce(how, _constant, (shape, d, 1))


def _full(how: How, shape: tuple[int, ...], d: dtype, value: Any) -> Value:
    return produce(how, _filled, (shape, d), (of_dtype(value, d),))


def _family(name: str, make: Callable[..., Value], what: str) -> tuple[Any, Any, Any]:
    """`name`, `name_like` and `Tensor.new_name`: they differ in where shape, dtype and device come from."""

    def plain(how: How, *shape: Any, size: Any = None) -> Value:
        wanted = sizes(name, shape, size)
        if how.memory_format is not None:
            how.lay_out(wanted)
            if str(how.memory_format) == "torch.preserve_format":
                raise RuntimeError("unsupported memory format Preserve")
        return make(how, wanted, how.dtype_or(get_default_dtype()))

    def like(how: How, input: Tensor) -> Value:
        return make(how, how.lay_out(tuple(input.shape), input), how.dtype or input.dtype)

    def new(how: How, self: Tensor, *shape: Any, size: Any = None) -> Value:
        return make(how, sizes(how.name, shape, size), how.dtype or self.dtype)

    plain.__doc__ = f"A tensor {what}, of the given size, in the default dtype unless given."
    like.__doc__ = f"A tensor {what}, with the shape, dtype and device of `input` unless given."
    new.__doc__ = f"A tensor {what}, of the given size, with the dtype and device of `self` unless given."
    memory = ("memory_format",) if name == "empty" else ()
    return (
        factory("out", *memory, name=name)(plain),
        factory("memory_format", like=True, name=name + "_like")(like),
        factory(like=True, name="new_" + name, spaces=("Tensor",))(new),
    )


zeros, zeros_like, new_zeros = _family("zeros", _zeros, "of zeros")
ones, ones_like, new_ones = _family("ones", _ones, "of ones")
empty, empty_like, new_empty = _family("empty", blank, "for results still to be written (it holds zeros)")


@factory("out")
def full(how: How, size: Any, fill_value: Any) -> Value:
    """A tensor of `size` filled with `fill_value`, whose type decides the dtype unless given.

    Raises:
        RuntimeError: the dtype cannot hold the value.
    """
    shape, value = shape_of("full", size), number("full", "fill_value", 2, fill_value)
    return _full(how, shape, how.dtype_or(inferred(value)), value)


@factory("memory_format", like=True)
def full_like(how: How, input: Tensor, fill_value: Any) -> Value:
    """A tensor filled with `fill_value`, with the shape, dtype and device of `input` unless given."""
    shape = how.lay_out(tuple(input.shape), input)
    return _full(how, shape, how.dtype or input.dtype, number("full_like", "fill_value", 2, fill_value))


@factory(like=True, spaces=("Tensor",))
def new_full(how: How, self: Tensor, size: Any, fill_value: Any) -> Value:
    """A tensor of `size` filled with `fill_value`, with the dtype and device of `self` unless given."""
    value = number("new_full", "fill_value", 2, fill_value)
    return _full(how, shape_of("new_full", size), how.dtype or self.dtype, value)


@factory()
def scalar_tensor(how: How, s: Any) -> Value:
    """A 0-dim tensor of a number, in the default dtype unless given."""
    return _full(how, (), how.dtype or get_default_dtype(), number("scalar_tensor", "s", 1, s))


# ---- strides of their own ------------------------------------------------------------


@function(spaces=("torch",))
def empty_strided(size: Any, stride: Any, **keywords: Any) -> Tensor:
    """A tensor of `size` whose elements lie `stride` apart (it holds zeros).

    Args:
        keywords: dtype, layout, device, requires_grad, pin_memory.
    """
    how = How("empty_strided", **keywords)
    return _strided(how, size, stride, how.dtype or get_default_dtype())


@function(spaces=("Tensor",))
def new_empty_strided(self: Tensor, size: Any, stride: Any, **keywords: Any) -> Tensor:
    """As `empty_strided`, with the dtype and device of `self` unless given."""
    how = How("new_empty_strided", self, **keywords)
    return _strided(how, size, stride, how.dtype or self.dtype)


def _strided(how: How, size: Any, stride: Any, d: dtype) -> Tensor:
    shape, steps = shape_of(how.name, size), tuple(whole(how.name, "stride", 2, s) for s in stride)
    if len(shape) != len(steps):
        raise RuntimeError(
            f"dimensionality of sizes ({len(shape)}) must match dimensionality of strides ({len(steps)})"
        )
    if any(s < 0 for s in steps):
        raise RuntimeError(
            f"Storage size calculation overflowed with sizes={list(shape)} and strides={list(steps)}"
        )
    extent = 1 + sum((n - 1) * s for n, s in zip(shape, steps)) if all(shape) else 0
    if steps == tuple(math.prod(shape[i + 1 :]) for i in range(len(shape))):
        return how.finish(blank(how, shape, d))
    wants_grad, how.requires_grad = how.requires_grad, False
    return _alone(as_strided(how.finish(blank(how, (extent,), d)), shape, steps), wants_grad)


def _alone(made: Tensor, wants_grad: bool) -> Tensor:
    """A tensor that no other shares its memory with, though it was made as a view."""
    made._base = made._trait = None
    return requiring(made) if wants_grad else made


@function(spaces=("torch",))
def empty_permuted(size: Any, physical_layout: Any, **keywords: Any) -> Tensor:
    """A tensor of `size` whose dimensions lie in memory in the order `physical_layout`, outermost first.

    Args:
        keywords: dtype, layout, device, requires_grad, pin_memory.
    """
    how = How("empty_permuted", **keywords)
    shape, order = shape_of("empty_permuted", size), tuple(int(i) for i in physical_layout)
    if len(order) != len(shape):
        raise RuntimeError(
            "Number of dimensions in size does not match the length of the physical_layout; i.e. "
            f"len(size) = {len(shape)} is not equal to len(physical_layout) = {len(order)}"
        )
    for i in order:
        if not 0 <= i < len(shape):
            raise RuntimeError(
                f"Dimension out of range (expected to be between 0 and {len(shape) - 1}, but got {i}"
            )
    if len(set(order)) < len(order):
        raise RuntimeError("Duplicate dim not allowed")
    wants_grad, how.requires_grad = how.requires_grad, False
    base = how.finish(blank(how, tuple(shape[i] for i in order), how.dtype or get_default_dtype()))
    return _alone(permute(base, tuple(order.index(i) for i in range(len(shape)))), wants_grad)


# ---- matrices and indices ------------------------------------------------------------


def _eye(n: int, m: int, d: dtype) -> Any:
    return jnp.eye(n, m, dtype=d.jnp)


@factory("out")
def eye(how: How, n: Any, m: Any = None) -> Value:
    """The (n, m) matrix with ones on the diagonal; `m` is `n` unless given."""
    rows = whole("eye", "n", 1, n)
    columns = rows if m is None else whole("eye", "m", 2, m)
    for which, count in (("n", rows), ("m", columns)):
        if count < 0:
            raise RuntimeError(f"{which} must be greater or equal to 0, got {count}")
    return produce(how, _eye, (*fits((rows, columns)), how.dtype_or(get_default_dtype())))


def _triangle(how: How, row: Any, col: Any, offset: Any, lower: bool) -> Value:
    rows, columns = whole(how.name, "row", 1, row), whole(how.name, "col", 2, col)
    for which, count in (("row", rows), ("col", columns)):
        if count < 0:
            raise RuntimeError(f"{which} must be non-negative, got{count}")
    d = how.dtype or dtypes.int64
    if d not in (dtypes.int64, dtypes.int32):
        raise not_implemented(how.name, d)
    mask = np.tri(rows, columns, offset if lower else offset - 1, dtype=bool)
    return from_host(np.stack(np.nonzero(mask if lower else ~mask)).astype(d.jnp), how.device)


@factory()
def tril_indices(how: How, row: Any, col: Any, offset: int = 0) -> Value:
    """Rows and columns, shape (2, N), of a (row, col) matrix's elements on and below diagonal `offset`."""
    return _triangle(how, row, col, offset, True)


@factory()
def triu_indices(how: How, row: Any, col: Any, offset: int = 0) -> Value:
    """Rows and columns, shape (2, N), of a (row, col) matrix's elements on and above diagonal `offset`."""
    return _triangle(how, row, col, offset, False)


# ---- complex numbers -----------------------------------------------------------------


def _check_pair(first: Any, second: Any, name: str) -> None:
    kinds = (dtypes.float32, dtypes.float64, dtypes.float16)
    if first.dtype not in kinds or second.dtype not in kinds:
        raise RuntimeError(
            "Expected both inputs to be Half, Float or Double tensors but got "
            f"{scalar_name(first.dtype)} and {scalar_name(second.dtype)}"
        )
    if first.dtype is not second.dtype:
        raise RuntimeError(
            f"Expected object of scalar type {scalar_name(first.dtype)} but got scalar type "
            f"{scalar_name(second.dtype)} for second argument"
        )
    broadcast(first.shape, second.shape)
    if first.dtype is dtypes.float16:
        if name == "polar":
            raise not_implemented("polar_cpu", first.dtype)
        raise NotImplementedError(f"{name}(): complex32 is not supported; use float32 inputs")


def _check_complex_out(out: Any, real: Any) -> None:
    if isinstance(out, Tensor) and isinstance(real, Tensor) and out.dtype is not real.dtype.to_complex():
        raise RuntimeError(
            f"Expected object of scalar type {scalar_name(real.dtype.to_complex())} but got scalar type "
            f"{scalar_name(out.dtype)} for argument 'out'"
        )


@op(
    spaces=(),
    name="complex",
    out=True,
    check=lambda real, imag: _check_pair(real, imag, "complex"),
    layout=as_operands,
    saves=("real<real", "imag<imag"),
)
def _complex(real: Array, imag: Array):
    return lax.complex(*jnp.broadcast_arrays(real, imag))


@op(
    spaces=(),
    name="polar",
    out=True,
    saves=("result",),
    check=lambda abs, angle: _check_pair(abs, angle, "polar"),
    layout=as_operands,
)
def _polar(abs: Array, angle: Array):
    return lax.complex(*jnp.broadcast_arrays(abs * jnp.cos(angle), abs * jnp.sin(angle)))


@function(spaces=("torch",), name="complex")
def complex_(real: Tensor, imag: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The complex tensor `real + i * imag` of two floating tensors of one dtype; shapes broadcast."""
    _check_complex_out(out, real)
    return _complex(real, imag, out=out)


@function(spaces=("torch",))
def polar(abs: Tensor, angle: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The complex tensor `abs * exp(i * angle)` of two floating tensors of one dtype; shapes broadcast."""
    _check_complex_out(out, abs)
    return _polar(abs, angle, out=out)


__all__ = [
    "arange",
    "as_tensor",
    "asarray",
    "complex_",
    "empty",
    "empty_like",
    "empty_permuted",
    "empty_strided",
    "eye",
    "from_numpy",
    "frombuffer",
    "full",
    "full_like",
    "linspace",
    "logspace",
    "new_empty",
    "new_empty_strided",
    "new_full",
    "new_ones",
    "new_tensor",
    "new_zeros",
    "ones",
    "ones_like",
    "polar",
    "range_",
    "scalar_tensor",
    "tensor",
    "tril_indices",
    "triu_indices",
    "zeros",
    "zeros_like",
]
