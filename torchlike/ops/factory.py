"""What factory functions share: reading sizes, dtypes and devices, and handing results over."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from .._core import devices, dtypes, storage
from .._core.dtypes import dtype
from .._core.graph import SCALAR, Call, Value, aval, make_call, record
from .._core.modes import local
from .._core.registry import wrap
from .._core.tensor import Tensor
from .validate import scalar_name

MSG_INTEGER_GRAD = "Only Tensors of floating point and complex dtype can require gradients"
_PYTHON_DTYPES = {float: dtypes.float64, int: dtypes.int64, bool: dtypes.bool_, complex: dtypes.complex128}


class layout:
    """How a tensor lies in memory (`torch.layout`); results here are always `torch.strided`."""

    def __init__(self, name: str):
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name


strided = layout("strided")
sparse_coo = layout("sparse_coo")
sparse_csr = layout("sparse_csr")


# ---- arguments ---------------------------------------------------------------------


def sizes(name: str, args: tuple[Any, ...], size: Any = None) -> tuple[int, ...]:
    """The shape that `f(2, 3)`, `f((2, 3))` or `f(size=(2, 3))` asks for.

    Raises:
        TypeError: something is no int.
        RuntimeError: an int is negative.
    """
    if size is not None:
        if args:
            raise TypeError(f"{name}() got multiple values for argument 'size'")
        args = (size,)
    elif not args:
        raise TypeError(f'{name}() missing 1 required positional arguments: "size"')
    first = args[0]
    if isinstance(first, (tuple, list)):
        if len(args) > 1:
            raise TypeError(f"{name}() takes 1 positional argument but {len(args)} were given")
        found = [_whole(n) for n in first]
        if None in found:
            at = found.index(None)
            raise TypeError(
                f"{name}(): argument 'size' (position 1) must be tuple of ints, but found element of type "
                f"{type(first[at]).__name__} at pos {at}"
            )
    else:
        found = [_whole(n) for n in args]
        if found[0] is None:
            raise TypeError(
                f"{name}(): argument 'size' (position 1) must be tuple of ints, not {type(first).__name__}"
            )
        if None in found:
            at = found.index(None)
            raise TypeError(
                f"{name}(): argument 'size' failed to unpack the object at pos {at + 1} with error "
                f'"type must be tuple of ints,but got {type(args[at]).__name__}"'
            )
    shape: tuple[int, ...] = tuple(found)  # type: ignore[arg-type]
    if any(n < 0 for n in shape):
        if name == "zeros":
            raise RuntimeError("zeros: Dimension size must be non-negative.")
        bad = next(n for n in shape if n < 0)
        raise RuntimeError(f"Trying to create tensor with negative dimension {bad}: {list(shape)}")
    return fits(shape)


def fits(shape: tuple[int, ...]) -> tuple[int, ...]:
    """`shape`, if memory of that size can be addressed at all; RuntimeError otherwise."""
    count = math.prod(shape)
    if count < 1 << 44:
        return shape
    if count >= 1 << 60:
        raise RuntimeError(f"Storage size calculation overflowed with sizes={list(shape)}")
    raise RuntimeError(
        f"DefaultCPUAllocator: can't allocate memory: you tried to allocate {4 * count} bytes."
    )


def _whole(n: Any) -> int | None:
    """An int-like as an int, None if it is none."""
    if n.__class__ is int:
        return n
    if isinstance(n, (bool, np.bool_)):
        return None
    if isinstance(n, Tensor) and (n.numel() != 1 or n.dtype.category != dtypes.INTEGER):
        return None
    try:
        return operator.index(n)
    except TypeError:
        return None


def whole(name: str, argument: str, position: int, value: Any) -> int:
    """An int-like argument as an int; TypeError in PyTorch's words otherwise."""
    n = _whole(value)
    if n is None:
        raise TypeError(
            f"{name}(): argument '{argument}' (position {position}) must be int, not {type(value).__name__}"
        )
    return n


def number(name: str, argument: str, position: int, value: Any) -> Any:
    """A Python number, NumPy number or one-element tensor (0-dim) as a Python number."""
    if value.__class__ in SCALAR:
        return value
    if (
        isinstance(value, Tensor)
        and value.ndim == 0
        or isinstance(value, (np.generic, np.ndarray))
        and value.ndim == 0
    ):
        return value.item()
    for kind in (bool, int, float, complex):
        if isinstance(value, kind):
            return kind(value)
    raise TypeError(
        f"{name}(): argument '{argument}' (position {position}) must be Number, not {type(value).__name__}"
    )


def options(
    name: str,
    dtype: Any = None,
    device: Any = None,
    layout: Any = None,
    memory_format: Any = None,
    ndim: int | None = None,
) -> tuple[dtype | None, Any]:
    """(dtype or None, canonical device) of a factory's keyword arguments.

    Raises:
        TypeError: an argument is of the wrong kind.
        RuntimeError: the device is unknown or absent, or the memory format does not fit `ndim`.
        NotImplementedError: the layout is not strided.
    """
    d = dtype if dtype is None or isinstance(dtype, dtypes.dtype) else _PYTHON_DTYPES.get(dtype)
    if d is None and dtype is not None:
        raise TypeError(f"{name}(): argument 'dtype' must be torch.dtype, not {type(dtype).__name__}")
    if layout is not None and layout is not strided and str(layout) != "torch.strided":
        if not isinstance(layout, _Layout):
            raise TypeError(f"{name}(): argument 'layout' must be torch.layout, not {type(layout).__name__}")
        raise NotImplementedError(f"{name}(): layout={layout} is not supported; use layout=torch.strided")
    if memory_format is not None and ndim is not None:
        rank = {"torch.channels_last": 4, "torch.channels_last_3d": 5}.get(str(memory_format))
        if rank is not None and rank != ndim:
            raise RuntimeError(
                f"required rank {rank} tensor to use {str(memory_format).removeprefix('torch.')} format"
            )
    where = devices.get_default_device() if device is None else devices.canonical(device)
    if where is devices.META:
        raise RuntimeError(
            f"{name}(): device 'meta' is not supported; make the tensor on a real device, or use torch.empty(0) and shapes"
        )
    return d, where


_Layout = layout


def require_tensor(name: str, value: Any, argument: str = "input", position: int = 1) -> None:
    """TypeError in PyTorch's words unless `value` is a Tensor."""
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{name}(): argument '{argument}' (position {position}) must be Tensor, not {type(value).__name__}"
        )


# ---- results -----------------------------------------------------------------------

_calls: dict[Any, Call] = {}


def produce(
    name: str, fn: Callable[..., Any], static: tuple[Any, ...], numbers: tuple[Any, ...], device: Any
) -> Value:
    """Records a call that has no tensor operand.

    Args:
        name: names `fn` in reports and across processes.
        fn: `fn(*static, *numbers)`, pure JAX; numbers arrive as 0-d float64, int64, bool or complex128.
        static: hashable arguments, part of the compile key.
        numbers: Python numbers, lifted to inputs: another value never recompiles.
        device: canonical device of the result.
    """
    kinds = tuple([type(n) for n in numbers])
    key = (name, static, kinds, device)
    call = _calls.get(key)
    if call is None:
        avals = tuple(SCALAR[k] for k in kinds)
        text = f"{fn.__module__}.{name}|{static}|{[k.__name__ for k in kinds]}|{device}"
        call = _calls[key] = make_call(name, text, lambda *lifted: (fn(*static, *lifted),), avals, device)
    return record(call, [Value(SCALAR[k], n) for k, n in zip(kinds, numbers)])[0]


def from_host(array: np.ndarray, device: Any = devices.CPU) -> Value:
    """A concrete Value that takes over an array nobody else holds."""
    return storage.value_from_numpy(array, device, copy=False)


def blank(shape: tuple[int, ...], d: dtype, device: Any) -> Value:
    """A concrete Value of zeros whose memory is not touched before it is needed (what `empty` gives)."""
    count = aval(shape, d, device).size * d.itemsize
    try:
        raw = np.zeros(count + _ALIGN, np.uint8)
    except (MemoryError, ValueError) as e:
        raise RuntimeError(
            f"DefaultCPUAllocator: can't allocate memory: you tried to allocate {count} bytes."
        ) from e
    start = -raw.ctypes.data % _ALIGN
    return from_host(raw[start : start + count].view(d.jnp).reshape(shape), device)


_ALIGN = 64  # XLA:CPU uses memory aligned like this in place


def finish(name: str, value: Value, requires_grad: bool = False, out: Any = None) -> Tensor:
    """The user's tensor: a new one, or `out` (see `target_dtype`) rewritten.

    Raises:
        RuntimeError: the dtype has no gradients, or `out` is a view of another size.
    """
    if out is None:
        made = wrap(value, None, 0)
    else:
        made = out
        if value.aval.shape != tuple(out.shape) and out._lens is not None:
            raise RuntimeError(
                f"{name}(): cannot resize the view given as out= to {list(value.aval.shape)}; pass a tensor of its own"
            )
        out._write(value)
    if requires_grad:
        if value.aval.dtype.category < dtypes.FLOAT:
            raise RuntimeError(MSG_INTEGER_GRAD)
        made._req = True
    return made


def target_dtype(name: str, given: dtype | None, out: Any, otherwise: dtype) -> dtype:
    """The dtype of a result: asked for, that of `out`, or `otherwise`.

    Raises:
        TypeError: `out` is no Tensor.
        RuntimeError: `out` is of another dtype than asked for, or requires grad.
    """
    if out is None:
        return given or otherwise
    if not isinstance(out, Tensor):
        raise TypeError(f"{name}(): argument 'out' must be Tensor, not {type(out).__name__}")
    if given is not None and given is not out.dtype:
        raise RuntimeError(
            f"dtype {scalar_name(given)} does not match dtype of out parameter ({scalar_name(out.dtype)})"
        )
    if local.ctx.grad and out.requires_grad:
        raise RuntimeError(
            f"aten::{name}(): functions with out=... arguments don't support automatic differentiation, but one of the "
            "arguments requires grad."
        )
    return out.dtype
