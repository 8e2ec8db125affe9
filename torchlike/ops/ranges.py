"""Evenly spaced numbers: arange, linspace, logspace."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from .._core import dtypes
from .._core.dtypes import dtype, get_default_dtype
from .._core.graph import Value
from .._core.tensor import Tensor
from .factory import How, factory, fits, number, produce, whole
from .numbers import of_dtype, overflow
from .validate import not_implemented, scalar_name

_HALF_BITS = {"float16": (5, 10), "bfloat16": (8, 7)}  # of the exponent and of the fraction
_MSG_RANGE = (
    "torch.range is deprecated and will be removed in a future release because its behavior is inconsistent "
    "with "
    "Python's range builtin. Instead, use torch.arange, which produces values in [start, end)."
)
_MSG_ARANGE_FORMS = (
    "{}() received an invalid combination of arguments - got ({}), but expected one of:\n"
    " * (Number end, *, Tensor out = None, torch.dtype dtype = None, torch.layout layout = None, "
    "torch.device device = "
    "None, bool pin_memory = False, bool requires_grad = False)\n"
    " * (Number start, Number end, Number step = 1, *, Tensor out = None, torch.dtype dtype = None, "
    "torch.layout "
    "layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)\n"
)
_MSG_SPACE_FORMS = (
    "{}() received an invalid combination of arguments - got ({}), but expected one of:\n"
    " * (Tensor start, Tensor end, int steps, ...)\n * (Number start, Number end, int steps, ...)\n"
)


# ---- by step -------------------------------------------------------------------------


def _counted(length: int, d: dtype, start: Any, step: Any) -> Any:
    return (start + step * jnp.arange(length, dtype=start.dtype)).astype(d.jnp)


@factory("out")
def arange(how: How, *bounds: Any, **named: Any) -> Value:
    """`arange(end)`, `arange(start, end)`, `arange(start, end, step)`: start, start + step, ... below `end`.

    Integers give int64, any float the default dtype, unless `dtype` is given.

    Raises:
        RuntimeError: `step` is 0 or leads away from `end`, or a bound is not finite.
    """
    start, end, step = _bounds("arange", bounds, named)
    floating = any(isinstance(x, float) for x in (start, end, step))
    d = how.dtype_or(get_default_dtype() if floating else dtypes.int64)
    if d is dtypes.bool_ or d.is_complex:
        raise not_implemented("arange_cpu", d)
    _check_direction(start, end, step)
    exact = d is dtypes.int64 or not floating
    if exact:
        start, end, step = int(start), int(end), int(step)
        if step == 0:
            raise ValueError("step must be nonzero")
        if max(abs(start), abs(end), abs(step)) >= 1 << 63:
            raise OverflowError("int too big to convert")
        length = -((start - end) // step)
    else:
        length = math.ceil((end - start) / step)
        kind = int if d.category < dtypes.FLOAT else float
        start, step = kind(start), kind(step)
    fits((length,))
    if how.out is not None and how.out.numel() not in (0, length):
        warnings.warn(
            f"The number of elements in the out tensor of shape {list(how.out.shape)} is {how.out.numel()} "
            "which does "
            f"not match the computed number of elements {length}. Note that this may occur as a result of "
            "rounding "
            f"error. The out tensor will be resized to a tensor of shape ({length},).",
            UserWarning,
            stacklevel=3,
        )
    return produce(how, _counted, (length, d), (start, step))


@factory("out", name="range")
def range_(how: How, *bounds: Any, **named: Any) -> Value:
    """`start`, `start + step`, ... up to and including `end` (deprecated: use `arange`)."""
    warnings.warn(_MSG_RANGE, UserWarning, stacklevel=3)
    if len(bounds) == 1 and not named:
        raise TypeError('range() missing 1 required positional arguments: "end"')
    start, end, step = _bounds("range", bounds, named)
    _check_direction(start, end, step)
    d = how.dtype_or(get_default_dtype())
    if d.is_complex or d is dtypes.bool_:
        raise not_implemented("range_cpu", d)
    kind = int if d.category < dtypes.FLOAT else float
    (length,) = fits((int((end - start) / step + 1),))
    return produce(how, _counted, (length, d), (kind(start), kind(step)))


def _check_direction(start: Any, end: Any, step: Any) -> None:
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start:g} -> {end:g}")
    if (end - start) * (1 if step > 0 else -1) < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")


def _bounds(name: str, bounds: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, Any, Any]:
    """(start, end, step) as Python numbers, read as PyTorch's overloads do."""
    order = ("end",) if len(bounds) + len(named) == 1 else ("start", "end", "step")
    for k in named:
        if k not in ("start", "end", "step"):
            raise TypeError(f"{name}() got an unexpected keyword argument '{k}'")
    found = dict(zip(order, bounds))
    if len(bounds) > len(order) or set(found) & set(named) or "end" not in {**found, **named}:
        given = [type(b).__name__ for b in bounds] + [f"{k}={type(v).__name__}" for k, v in named.items()]
        raise TypeError(_MSG_ARANGE_FORMS.format(name, ", ".join(given)))
    found |= named
    read = {k: number(name, k, order.index(k) + 1 if k in order else 1, v) for k, v in found.items()}
    for k, v in read.items():
        if isinstance(v, complex):
            raise overflow("double")
        read[k] = int(v) if isinstance(v, bool) else v
    return read.get("start", 0), read["end"], read.get("step", 1)


# ---- by count ------------------------------------------------------------------------


def _line(steps: int, d: dtype, start: Any, end: Any) -> Any:
    """`steps` numbers from start to end, each half counted from its own end (as PyTorch does)."""
    narrow = d.itemsize <= 2 and d.is_floating_point
    work = np.dtype(np.float32) if narrow else d.jnp
    if d.category < dtypes.FLOAT:
        work = np.dtype(np.float64)
        start, end = start.astype(d.jnp), end.astype(d.jnp)

    def rounded(x: Any) -> Any:
        """Each step of the computation is rounded to a half dtype, which XLA would save."""
        return lax.reduce_precision(x, *_HALF_BITS[d.name]) if narrow else x

    start, end = rounded(start.astype(work)), rounded(end.astype(work))
    if steps < 2:
        return jnp.full((steps,), start)
    index = jnp.arange(steps, dtype=jnp.int64)
    step = rounded(rounded(end - start) / (steps - 1))
    up, down = rounded(index.astype(work)), rounded((steps - 1 - index).astype(work))
    return jnp.where(index < steps // 2, start + rounded(step * up), end - rounded(step * down))


def _linspace(steps: int, d: dtype, start: Any, end: Any) -> Any:
    return _line(steps, d, start, end).astype(d.jnp)


def _logspace(steps: int, d: dtype, start: Any, end: Any, base: Any) -> Any:
    wide = dtypes.complex128 if d.is_complex else dtypes.float64
    line = _line(steps, wide if d.category < dtypes.FLOAT else d, start, end)
    return jnp.power(base.astype(wide.jnp), line.astype(wide.jnp)).astype(d.jnp)


def _spaced(how: How, fn: Callable[..., Any], start: Any, end: Any, steps: Any, *base: Any) -> Value:
    """The Value of a linspace or logspace, its arguments checked."""
    name = how.name
    for which, x in (("start", start), ("end", end)):
        if isinstance(x, Tensor) and x.ndim:
            raise RuntimeError(
                f"{name} only supports 0-dimensional start and end tensors, but got {which} with {x.ndim} "
                "dimension(s)."
            )
    start, end = (x.detach() if isinstance(x, Tensor) else x for x in (start, end))
    ends = [number(name, "start", 1, start), number(name, "end", 2, end)]
    if isinstance(steps, float):
        given = ", ".join(type(x).__name__ for x in (start, end, steps, *base))
        raise TypeError(_MSG_SPACE_FORMS.format(name, given))
    count = whole(name, "steps", 3, steps)
    if count < 0:
        raise RuntimeError("number of steps must be non-negative")
    default = get_default_dtype()
    if any(isinstance(x, complex) for x in (*ends, *base)):
        default = default.to_complex()
        if how.dtype is not None and not how.dtype.is_complex:
            inferred = f"c10::complex<{'double' if default is dtypes.complex128 else 'float'}>"
            raise RuntimeError(
                f"torch.{name}(): inferred dtype {inferred} can't be safely cast to passed dtype "
                f"{scalar_name(how.dtype)}"
            )
    d = how.dtype_or(default)
    if d is dtypes.bool_:
        raise not_implemented(f"{name}_cpu", d)
    if d.category < dtypes.FLOAT:
        for x in ends:
            of_dtype(x, d)
    kind = complex if d.is_complex else float
    return produce(how, fn, (*fits((count,)), d), tuple(kind(x) for x in (*ends, *base)))


@factory("out")
def linspace(how: How, start: Any, end: Any, steps: Any) -> Value:
    """`steps` numbers evenly from `start` to `end`, both included, in the default dtype unless given."""
    return _spaced(how, _linspace, start, end, steps)


@factory("out")
def logspace(how: How, start: Any, end: Any, steps: Any, base: Any = 10.0) -> Value:
    """`steps` numbers from `base**start` to `base**end`, evenly in the exponent."""
    return _spaced(how, _logspace, start, end, steps, number("logspace", "base", 4, base))
