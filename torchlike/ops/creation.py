"""Tensors of given shape and content: zeros, full, arange, eye, complex, ... and their `*_like` and `new_*` forms.

Contents that a formula gives are recorded, with their numbers lifted, so that a
step which makes them stays one program and a changed number never recompiles.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from .._core import dtypes
from .._core.dtypes import dtype, get_default_dtype
from .._core.registry import Array, function, op
from .._core.tensor import Tensor
from .factory import (
    blank,
    finish,
    fits,
    from_host,
    number,
    options,
    produce,
    require_tensor,
    sizes,
    target_dtype,
    whole,
)  # fmt: skip
from .from_data import as_tensor, asarray, from_numpy, frombuffer, new_tensor, tensor
from .numbers import inferred, of_dtype, overflow
from .validate import not_implemented, scalar_name
from .view import as_strided, permute

# ---- one value everywhere ------------------------------------------------------------


def _constant(shape: tuple[int, ...], d: dtype, value: int) -> Any:
    return jnp.full(shape, value, d.jnp)


def _filled(shape: tuple[int, ...], d: dtype, value: Any) -> Any:
    return jnp.full(shape, value.astype(d.jnp), d.jnp)


def _make_zeros(shape: tuple[int, ...], d: dtype, device: Any) -> Any:
    return produce("zeros", _constant, (shape, d, 0), (), device)


def _make_ones(shape: tuple[int, ...], d: dtype, device: Any) -> Any:
    return produce("ones", _constant, (shape, d, 1), (), device)


def _family(name: str, make: Any, what: str) -> tuple[Any, Any, Any]:
    """`name`, `name_like` and `Tensor.new_name`: they differ only in where shape, dtype and device come from."""

    def plain(
        *size: Any, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None, pin_memory: bool = False,
        requires_grad: bool = False, memory_format: Any = None, **named: Any,
    ) -> Tensor:  # fmt: skip
        shape = sizes(name, size, named.pop("size", None))
        if named or (memory_format is not None and name != "empty"):
            raise TypeError(
                f"{name}() got an unexpected keyword argument '{next(iter(named), 'memory_format')}'"
            )
        given, where = options(name, dtype, device, layout, memory_format, len(shape))
        if str(memory_format) == "torch.preserve_format":
            raise RuntimeError("unsupported memory format Preserve")
        value = make(shape, target_dtype(name, given, out, get_default_dtype()), where)
        return finish(name, value, requires_grad, out)

    def like(
        input: Tensor, *, dtype: Any = None, layout: Any = None, device: Any = None, pin_memory: bool = False,
        requires_grad: bool = False, memory_format: Any = None,
    ) -> Tensor:  # fmt: skip
        require_tensor(name + "_like", input)
        given, where = options(
            name + "_like", dtype, device or input.device, layout, memory_format, input.ndim
        )
        return finish(name, make(tuple(input.shape), given or input.dtype, where), requires_grad)

    def new(
        self: Tensor, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, layout: Any = None,
        pin_memory: bool = False, **named: Any,
    ) -> Tensor:  # fmt: skip
        shape = sizes("new_" + name, size, named.pop("size", None))
        if named:
            raise TypeError(f"new_{name}() got an unexpected keyword argument '{next(iter(named))}'")
        given, where = options("new_" + name, dtype, device or self.device, layout)
        return finish(name, make(shape, given or self.dtype, where), requires_grad)

    made = []
    for fn, public, spaces, where in (
        (plain, name, ("torch",), "of the given size; the dtype is the default one unless given"),
        (like, name + "_like", ("torch",), "with the shape, dtype and device of `input` unless given"),
        (
            new,
            "new_" + name,
            ("Tensor",),
            "of the given size, with the dtype and device of `self` unless given",
        ),
    ):
        fn.__name__ = fn.__qualname__ = public
        fn.__doc__ = f"A tensor {what}, {where}."
        made.append(function(spaces=spaces)(fn))
    return made[0], made[1], made[2]


zeros, zeros_like, new_zeros = _family("zeros", _make_zeros, "of zeros")
ones, ones_like, new_ones = _family("ones", _make_ones, "of ones")
empty, empty_like, new_empty = _family("empty", blank, "for results still to be written (it holds zeros)")


def _full(name: str, shape: tuple[int, ...], value: Any, d: dtype, device: Any) -> Any:
    return produce(name, _filled, (shape, d), (of_dtype(value, d),), device)


@function(spaces=("torch",))
def full(
    size: Any, fill_value: Any, *, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
    pin_memory: bool = False, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """A tensor of `size` filled with `fill_value`, whose type decides the dtype unless given.

    Raises:
        RuntimeError: the dtype cannot hold the value.
    """
    if not isinstance(size, (tuple, list)):
        raise TypeError(
            f"full(): argument 'size' (position 1) must be tuple of ints, not {type(size).__name__}"
        )
    given, where = options("full", dtype, device, layout)
    value = number("full", "fill_value", 2, fill_value)
    d = target_dtype("full", given, out, inferred(value))
    return finish("full", _full("full", sizes("full", (size,)), value, d, where), requires_grad, out)


@function(spaces=("torch",))
def full_like(
    input: Tensor, fill_value: Any, *, dtype: Any = None, layout: Any = None, device: Any = None, pin_memory: bool = False,
    requires_grad: bool = False, memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """A tensor of `input`'s shape (dtype and device, too, unless given) filled with `fill_value`."""
    require_tensor("full_like", input)
    given, where = options("full_like", dtype, device or input.device, layout, memory_format, input.ndim)
    value = number("full_like", "fill_value", 2, fill_value)
    return finish(
        "full_like", _full("full", tuple(input.shape), value, given or input.dtype, where), requires_grad
    )


@function(spaces=("Tensor",))
def new_full(
    self: Tensor, size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False,
    layout: Any = None, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """A tensor of `size` filled with `fill_value`, with the dtype and device of `self` unless given."""
    given, where = options("new_full", dtype, device or self.device, layout)
    value = number("new_full", "fill_value", 2, fill_value)
    return finish(
        "new_full",
        _full("full", sizes("new_full", (size,)), value, given or self.dtype, where),
        requires_grad,
    )


@function(spaces=("torch",))
def scalar_tensor(
    s: Any, *, dtype: Any = None, layout: Any = None, device: Any = None, pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """A 0-dim tensor of a number, in the default dtype unless given."""
    given, where = options("scalar_tensor", dtype, device, layout)
    value = number("scalar_tensor", "s", 1, s)
    return finish(
        "scalar_tensor", _full("full", (), value, given or get_default_dtype(), where), requires_grad
    )


# ---- strides of their own ------------------------------------------------------------


@function(spaces=("torch",))
def empty_strided(
    size: Any, stride: Any, *, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """A tensor of `size` whose elements lie `stride` apart (it holds zeros)."""
    return _strided(
        "empty_strided", size, stride, *options("empty_strided", dtype, device, layout), requires_grad
    )


@function(spaces=("Tensor",))
def new_empty_strided(
    self: Tensor, size: Any, stride: Any, dtype: Any = None, layout: Any = None, device: Any = None,
    pin_memory: bool = False, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """As `empty_strided`, with the dtype and device of `self` unless given."""
    given, where = options("new_empty_strided", dtype, device or self.device, layout)
    return _strided("new_empty_strided", size, stride, given or self.dtype, where, requires_grad)


def _strided(name: str, size: Any, stride: Any, d: dtype | None, where: Any, requires_grad: bool) -> Tensor:
    shape, steps = sizes(name, (tuple(size),)), tuple(int(s) for s in stride)
    if len(shape) != len(steps):
        raise RuntimeError(
            f"dimensionality of sizes ({len(shape)}) must match dimensionality of strides ({len(steps)})"
        )
    if any(s < 0 for s in steps):
        raise RuntimeError(
            f"Storage size calculation overflowed with sizes={list(shape)} and strides={list(steps)}"
        )
    extent = 1 + sum((n - 1) * s for n, s in zip(shape, steps)) if all(shape) else 0
    base = finish(name, blank((extent,), d or get_default_dtype(), where))
    dense = math.prod(shape) == extent and steps == _contiguous(shape)
    made = base.reshape(shape) if dense else as_strided(base, shape, steps)
    return made.requires_grad_() if requires_grad else made


def _contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))


@function(spaces=("torch",))
def empty_permuted(
    size: Any, physical_layout: Any, *, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """A tensor of `size` whose dimensions lie in memory in the order `physical_layout` (outermost first)."""
    given, where = options("empty_permuted", dtype, device, layout)
    shape, order = sizes("empty_permuted", (tuple(size),)), tuple(int(i) for i in physical_layout)
    if sorted(order) != list(range(len(shape))):
        if len(order) != len(shape):
            raise RuntimeError(
                "Number of dimensions in size does not match the length of the physical_layout; i.e. "
                f"len(size) = {len(shape)} is not equal to len(physical_layout) = {len(order)}"
            )
        bad = next((i for i in order if not 0 <= i < len(shape)), None)
        if bad is not None:
            raise RuntimeError(
                f"Dimension out of range (expected to be between 0 and {len(shape) - 1}, but got {bad}"
            )
        raise RuntimeError("Duplicate dim not allowed")
    base = finish(
        "empty_permuted", blank(tuple(shape[i] for i in order), given or get_default_dtype(), where)
    )
    made = permute(base, tuple(order.index(i) for i in range(len(shape))))
    return made.requires_grad_() if requires_grad else made


# ---- ranges --------------------------------------------------------------------------


def _arange(length: int, d: dtype, start: Any, step: Any) -> Any:
    index = jnp.arange(length, dtype=start.dtype)
    return (start + step * index).astype(d.jnp)


@function(spaces=("torch",))
def arange(
    *bounds: Any, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None, pin_memory: bool = False,
    requires_grad: bool = False, **named: Any,
) -> Tensor:  # fmt: skip
    """`arange(end)`, `arange(start, end)` or `arange(start, end, step)`: start, start + step, ... below `end`.

    Integers give int64, any float the default dtype, unless `dtype` is given.

    Raises:
        RuntimeError: `step` is 0 or leads away from `end`, or a bound is not finite.
    """
    start, end, step = _bounds("arange", bounds, named)
    given, where = options("arange", dtype, device, layout)
    floating = any(isinstance(x, float) for x in (start, end, step))
    d = target_dtype("arange", given, out, get_default_dtype() if floating else dtypes.int64)
    if d is dtypes.bool_ or d.is_complex:
        raise not_implemented("arange_cpu", d)
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start:g} -> {end:g}")
    if (end - start) * (1 if step > 0 else -1) < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    whole_numbers = d is dtypes.int64 or not floating
    if whole_numbers:
        start, end, step = int(start), int(end), int(step)
        if step == 0:
            raise ValueError("step must be nonzero")
        length = -((start - end) // step)
    else:
        length = math.ceil((end - start) / step)
    if d.category < dtypes.FLOAT:
        start, step = int(start), int(step)
    elif not whole_numbers:
        start, step = float(start), float(step)
    if whole_numbers and max(abs(start), abs(end), abs(step)) >= 1 << 63:
        raise OverflowError("int too big to convert")
    fits((length,))
    if out is not None and out.numel() not in (0, length):
        warnings.warn(
            f"The number of elements in the out tensor of shape {list(out.shape)} is {out.numel()} which does not match "
            f"the computed number of elements {length}. Note that this may occur as a result of rounding error. The out "
            "tensor will be resized to a tensor of shape ({length},).",
            UserWarning,
            stacklevel=2,
        )
    value = produce("arange", _arange, (length, d), (start, step), where)
    return finish("arange", value, requires_grad, out)


@function(spaces=("torch",), name="range")
def range_(
    start: Any = 0, end: Any = None, step: Any = 1, *, out: Any = None, dtype: Any = None, layout: Any = None,
    device: Any = None, pin_memory: bool = False, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """`start`, `start + step`, ... up to and including `end` (deprecated: use `arange`)."""
    warnings.warn(
        "torch.range is deprecated and will be removed in a future release because its behavior is inconsistent with "
        "Python's range builtin. Instead, use torch.arange, which produces values in [start, end).",
        UserWarning,
        stacklevel=2,
    )
    start, end, step = _bounds("range", (start, end, step) if end is not None else (0, start, step), {})
    given, where = options("range", dtype, device, layout)
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start:g} -> {end:g}")
    if (end - start) * (1 if step > 0 else -1) < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    length = int((end - start) / step + 1)
    d = target_dtype("range", given, out, get_default_dtype())
    kind = int if d.category < dtypes.FLOAT else float
    value = produce("arange", _arange, (length, d), (kind(start), kind(step)), where)
    return finish("range", value, requires_grad, out)


def _bounds(name: str, bounds: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, Any, Any]:
    """(start, end, step) as Python numbers, read as PyTorch's overloads do."""
    order = ("end",) if len(bounds) + len(named) == 1 else ("start", "end", "step")
    found = dict(zip(order, bounds)) if len(bounds) <= len(order) else {}
    extra = [k for k in named if k not in ("start", "end", "step")]
    if extra:
        raise TypeError(f"{name}() got an unexpected keyword argument '{extra[0]}'")
    if len(bounds) > len(order) or set(found) & set(named) or "end" not in {**found, **named}:
        given = ", ".join(
            [type(b).__name__ for b in bounds] + [f"{k}={type(v).__name__}" for k, v in named.items()]
        )
        raise TypeError(
            f"{name}() received an invalid combination of arguments - got ({given}), but expected one of:\n"
            " * (Number end, *, Tensor out = None, torch.dtype dtype = None, torch.layout layout = None, torch.device "
            "device = None, bool pin_memory = False, bool requires_grad = False)\n"
            " * (Number start, Number end, Number step = 1, *, Tensor out = None, torch.dtype dtype = None, torch.layout "
            "layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)\n"
        )
    found |= named
    read = {k: number(name, k, order.index(k) + 1 if k in order else 1, v) for k, v in found.items()}
    for k, v in read.items():
        if isinstance(v, complex):
            raise overflow("double")
        read[k] = int(v) if isinstance(v, bool) else v
    return read.get("start", 0), read["end"], read.get("step", 1)


def _line(steps: int, d: dtype, start: Any, end: Any) -> Any:
    """`steps` numbers from start to end, each half counted from its own end (as PyTorch does)."""
    work = (
        np.dtype(np.float64)
        if d.category < dtypes.FLOAT
        else d.jnp
        if d.itemsize > 2
        else np.dtype(np.float32)
    )
    if d.category < dtypes.FLOAT:
        start, end = start.astype(d.jnp), end.astype(d.jnp)
    start, end = start.astype(work), end.astype(work)
    if steps < 2:
        return jnp.full((steps,), start)
    index = jnp.arange(steps, dtype=jnp.int64)
    step = (end - start) / (steps - 1)
    up, down = index.astype(work), (steps - 1 - index).astype(work)
    return jnp.where(index < steps // 2, start + step * up, end - step * down)


def _linspace(steps: int, d: dtype, start: Any, end: Any) -> Any:
    return _line(steps, d, start, end).astype(d.jnp)


def _logspace(steps: int, d: dtype, start: Any, end: Any, base: Any) -> Any:
    wide = dtypes.complex128 if d.is_complex else dtypes.float64
    line = _line(steps, wide if d.category < dtypes.FLOAT else d, start, end)
    return jnp.power(base.astype(wide.jnp), line.astype(wide.jnp)).astype(d.jnp)


def _spaced(
    name: str,
    fn: Any,
    start: Any,
    end: Any,
    steps: Any,
    more: tuple[Any, ...],
    out: Any,
    given: dtype | None,
    where: Any,
) -> Any:
    """The Value of a linspace or logspace, its arguments checked."""
    ends = []
    for which, x in (("start", start), ("end", end)):
        if isinstance(x, Tensor) and x.ndim:
            raise RuntimeError(
                f"{name} only supports 0-dimensional start and end tensors, but got {which} with {x.ndim} dimension(s)."
            )
        ends.append(number(name, which, 1 if which == "start" else 2, x))
    if isinstance(steps, float):
        given_types = ", ".join(type(x).__name__ for x in (start, end, steps, *more))
        raise TypeError(
            f"{name}() received an invalid combination of arguments - got ({given_types}), but expected one of:\n"
            " * (Tensor start, Tensor end, int steps, ...)\n * (Number start, Number end, int steps, ...)\n"
        )
    count = whole(name, "steps", 3, steps)
    if count < 0:
        raise RuntimeError("number of steps must be non-negative")
    fits((count,))
    default = get_default_dtype()
    if any(isinstance(x, complex) for x in (*ends, *more)):
        default = default.to_complex()
        if given is not None and not given.is_complex:
            c = "c10::complex<double>" if default is dtypes.complex128 else "c10::complex<float>"
            raise RuntimeError(
                f"torch.{name}(): inferred dtype {c} can't be safely cast to passed dtype {scalar_name(given)}"
            )
    d = target_dtype(name, given, out, default)
    if d is dtypes.bool_:
        raise not_implemented(f"{name}_cpu", d)
    kind = complex if d.is_complex else float
    if d.category < dtypes.FLOAT:
        for x in ends:
            of_dtype(x, d)
    return produce(name, fn, (count, d), tuple(kind(x) for x in (*ends, *more)), where)


@function(spaces=("torch",))
def linspace(
    start: Any, end: Any, steps: Any, *, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
    pin_memory: bool = False, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """`steps` numbers evenly from `start` to `end`, both included, in the default dtype unless given."""
    given, where = options("linspace", dtype, device, layout)
    value = _spaced("linspace", _linspace, start, end, steps, (), out, given, where)
    return finish("linspace", value, requires_grad, out)


@function(spaces=("torch",))
def logspace(
    start: Any, end: Any, steps: Any, base: Any = 10.0, *, out: Any = None, dtype: Any = None, layout: Any = None,
    device: Any = None, pin_memory: bool = False, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """`steps` numbers from `base**start` to `base**end`, evenly in the exponent."""
    given, where = options("logspace", dtype, device, layout)
    value = _spaced("logspace", _logspace, start, end, steps, (base,), out, given, where)
    return finish("logspace", value, requires_grad, out)


# ---- matrices and indices -------------------------------------------------------------


def _eye(n: int, m: int, d: dtype) -> Any:
    return jnp.eye(n, m, dtype=d.jnp)


@function(spaces=("torch",))
def eye(
    n: Any, m: Any = None, *, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
    pin_memory: bool = False, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """The (n, m) matrix with ones on the diagonal; `m` is `n` unless given."""
    rows = whole("eye", "n", 1, n)
    columns = rows if m is None else whole("eye", "m", 2, m)
    for which, count in (("n", rows), ("m", columns)):
        if count < 0:
            raise RuntimeError(f"{which} must be greater or equal to 0, got {count}")
    fits((rows, columns))
    given, where = options("eye", dtype, device, layout)
    d = target_dtype("eye", given, out, get_default_dtype())
    return finish("eye", produce("eye", _eye, (rows, columns, d), (), where), requires_grad, out)


def _triangle(
    name: str, row: Any, col: Any, offset: int, dtype: Any, device: Any, layout: Any, lower: bool
) -> Tensor:
    rows, columns = whole(name, "row", 1, row), whole(name, "col", 2, col)
    for which, count in (("row", rows), ("col", columns)):
        if count < 0:
            raise RuntimeError(f"{which} must be non-negative, got{count}")
    given, where = options(name, dtype, device, layout)
    d = given or dtypes.int64
    if d not in (dtypes.int64, dtypes.int32):
        raise not_implemented(name, d)
    mask = np.tri(rows, columns, offset if lower else offset - 1, dtype=bool)
    return finish(name, from_host(np.stack(np.nonzero(mask if lower else ~mask)).astype(d.jnp), where))


@function(spaces=("torch",))
def tril_indices(
    row: int, col: int, offset: int = 0, *, dtype: Any = dtypes.int64, device: Any = None, layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """Rows and columns, shape (2, N), of a (row, col) matrix's elements on and below diagonal `offset`."""
    return _triangle("tril_indices", row, col, offset, dtype, device, layout, True)


@function(spaces=("torch",))
def triu_indices(
    row: int, col: int, offset: int = 0, *, dtype: Any = dtypes.int64, device: Any = None, layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """Rows and columns, shape (2, N), of a (row, col) matrix's elements on and above diagonal `offset`."""
    return _triangle("triu_indices", row, col, offset, dtype, device, layout, False)


# ---- complex numbers --------------------------------------------------------------------


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
    if first.dtype is dtypes.float16:
        raise NotImplementedError(
            f"{name}(): Half inputs need complex32, which does not exist here; use float32 inputs"
        )


def _check_complex_out(out: Any, real: Any) -> None:
    if isinstance(out, Tensor) and isinstance(real, Tensor) and out.dtype is not real.dtype.to_complex():
        raise RuntimeError(
            f"Expected object of scalar type {scalar_name(real.dtype.to_complex())} but got scalar type "
            f"{scalar_name(out.dtype)} for argument 'out'"
        )


@op(spaces=(), name="complex", out=True, check=lambda real, imag: _check_pair(real, imag, "complex"))
def _complex(real: Array, imag: Array):
    return lax.complex(*jnp.broadcast_arrays(real, imag))


@op(
    spaces=(),
    name="polar",
    out=True,
    saves=("abs", "angle"),
    check=lambda abs, angle: _check_pair(abs, angle, "polar"),
)
def _polar(abs: Array, angle: Array):
    return lax.complex(*jnp.broadcast_arrays(abs * jnp.cos(angle), abs * jnp.sin(angle)))


@function(spaces=("torch",), name="complex")
def complex_(real: Tensor, imag: Tensor, *, out: Any = None) -> Tensor:
    """The complex tensor `real + i * imag` of two floating tensors of one dtype; shapes broadcast."""
    _check_complex_out(out, real)
    return _complex(real, imag, out=out)


@function(spaces=("torch",))
def polar(abs: Tensor, angle: Tensor, *, out: Any = None) -> Tensor:
    """The complex tensor `abs * exp(i * angle)` of two floating tensors of one dtype; shapes broadcast."""
    _check_complex_out(out, abs)
    return _polar(abs, angle, out=out)


__all__ = [
    "zeros", "zeros_like", "new_zeros", "ones", "ones_like", "new_ones", "empty", "empty_like", "new_empty", "full",
    "full_like", "new_full", "scalar_tensor", "empty_strided", "new_empty_strided", "empty_permuted", "arange", "range_",
    "linspace", "logspace", "eye", "tril_indices", "triu_indices", "complex_", "polar", "tensor", "new_tensor",
    "as_tensor", "asarray", "from_numpy", "frombuffer",
]  # fmt: skip
