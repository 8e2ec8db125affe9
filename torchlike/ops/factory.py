"""What factory functions share: their common keywords, sizes and numbers, and handing results over."""

from __future__ import annotations

import functools
import inspect
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from .._core import devices, dtypes, storage
from .._core.dtypes import dtype
from .._core.graph import SCALAR, Call, Value, make_call, record, reordered, without_data
from .._core.layouts import Order, order_like, shortest
from .._core.modes import local
from .._core.overrides import Overridden
from .._core.registry import function, wrap
from .._core.tensor import Tensor
from .formats import Layout, format_order, strided
from .strides import geometry, row_major
from .validate import scalar_name

MSG_NO_ROOM = "DefaultCPUAllocator: can't allocate memory: you tried to allocate {} bytes."
MSG_INTEGER_GRAD = "Only Tensors of floating point and complex dtype can require gradients"
_PYTHON_DTYPES = {float: dtypes.float64, int: dtypes.int64, bool: dtypes.bool_, complex: dtypes.complex128}
_ALIGN = 64  # XLA:CPU uses memory aligned like this in place


# ---- the keywords of every factory -------------------------------------------------


class How:
    """What the common keywords ask for: where, in which dtype, and what becomes of the result.

    Raises:
        TypeError: a keyword is of the wrong kind.
        RuntimeError: the device is unknown or absent.
        NotImplementedError: the layout is not strided.
    """

    __slots__ = ("name", "dtype", "device", "out", "requires_grad", "generator", "memory_format", "order")

    def __init__(
        self,
        name: str,
        like: Tensor | None = None,
        *,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        pin_memory: bool = False,  # host memory needs no pinning here
        requires_grad: bool = False,
        out: Any = None,
        generator: Any = None,
        memory_format: Any = None,
    ):
        self.name, self.requires_grad, self.generator = name, requires_grad, generator
        self.out, self.memory_format = out, memory_format
        self.order: Order = None  # in memory; see `lay_out`
        given = dtype if dtype is None or isinstance(dtype, dtypes.dtype) else _PYTHON_DTYPES.get(dtype)
        if given is None and dtype is not None:
            raise TypeError(f"{name}(): argument 'dtype' must be torch.dtype, not {type(dtype).__name__}")
        self.dtype: dtypes.dtype | None = given
        if layout is not None and layout is not strided:
            _refuse_layout(name, layout)
        if like is not None and like._parted:
            raise Overridden
        if device is not None:
            self.device = devices.canonical(device)
        else:
            self.device = like.device if like is not None else devices.get_default_device()

    def dtype_or(self, default: dtypes.dtype) -> dtypes.dtype:
        """The dtype of the result: asked for, that of `out`, or `default`.

        Raises:
            TypeError: `out` is no Tensor.
            RuntimeError: `out` is of another dtype than asked for, or requires grad.
        """
        out = self.out
        if out is None:
            return self.dtype or default
        if not isinstance(out, Tensor):
            raise TypeError(f"{self.name}(): argument 'out' must be Tensor, not {type(out).__name__}")
        if self.dtype is not None and self.dtype is not out.dtype:
            raise RuntimeError(
                f"dtype {scalar_name(self.dtype)} does not match dtype of out parameter "
                f"({scalar_name(out.dtype)})"
            )
        if local.ctx.grad and out.requires_grad:
            raise RuntimeError(
                f"aten::{self.name}(): functions with out=... arguments don't support automatic "
                "differentiation, "
                "but one of the arguments requires grad."
            )
        return out.dtype

    def finish(self, value: Value) -> Tensor:
        """The user's tensor: a new one, or `out` rewritten.

        Raises:
            RuntimeError: the dtype has no gradients, or `out` is a view of another size.
        """
        shape = value.aval.shape
        if self.out is None:
            made = wrap(value, None, 0)
        else:
            made = self.out
            if shape != tuple(made.shape) and made._lens is not None:
                raise RuntimeError(
                    f"{self.name}(): cannot resize the view given as out= to {list(shape)}; pass a tensor of "
                    "its own"
                )
            made._write(value)
        return requiring(made) if self.requires_grad else made

    def lay_out(self, shape: tuple[int, ...], like: Tensor | None = None) -> tuple[int, ...]:
        """Chooses the order in memory: the format asked for, or that of `like`; returns the shape.

        Raises:
            RuntimeError: the format has another number of dimensions.
        """
        order = None
        if like is not None and not row_major(like):
            order = order_like(shape, [geometry(like)[:2]])
        self.order = format_order(self.memory_format, len(shape), order)
        return shape


def _refuse_layout(name: str, asked: Any) -> None:
    if not isinstance(asked, Layout):
        raise TypeError(f"{name}(): argument 'layout' must be torch.layout, not {type(asked).__name__}")
    if hasattr(asked, "__torch_function__"):  # a sparse layout knows itself what to make
        raise Overridden
    raise NotImplementedError(f"{name}(): layout={asked} is not supported; use layout=torch.strided")


def requiring(t: Tensor) -> Tensor:
    """`t`, made to require grad; RuntimeError if its dtype cannot."""
    if t.dtype.category < dtypes.FLOAT:
        raise RuntimeError(MSG_INTEGER_GRAD)
    return t.requires_grad_()


_COMMON = ("dtype", "layout", "device", "pin_memory", "requires_grad")


def factory(
    *extra: str, like: bool | None = False, name: str | None = None, spaces: tuple[str, ...] = ("torch",)
) -> Callable[[Callable[..., Value]], Any]:
    """Publishes a function that makes a tensor.

    The decorated function gets a `How`, then its own arguments, and returns a Value. The public
    one takes the common keywords besides, and returns the tensor.

    Args:
        extra: further keywords for `How`: `"out"`, `"generator"`, `"memory_format"`.
        like: the first argument is a Tensor that gives dtype and device where they are not given
            (None: it may be one).
        name: the public name, if not the function's.
    """
    keywords = (*_COMMON, *extra)

    def decorate(fn: Callable[..., Value]) -> Any:
        public_name = fn.__name__ = fn.__qualname__ = name or fn.__name__
        own = list(inspect.signature(fn).parameters.values())[1:]
        varied = any(p.kind is p.VAR_POSITIONAL for p in own)
        positional = [p.name for p in own if p.kind is p.POSITIONAL_OR_KEYWORD]
        required = [p.name for p in own if p.kind is p.POSITIONAL_OR_KEYWORD and p.default is p.empty]

        def check(args: tuple[Any, ...], named: dict[str, Any]) -> None:
            if len(args) > len(positional) and not varied:
                takes = f"{len(positional)} positional argument{'s' if len(positional) != 1 else ''}"
                raise TypeError(f"{public_name}() takes {takes} but {len(args)} were given")
            missing = [f'"{p}"' for p in required[len(args) :] if p not in named]
            if missing:
                raise TypeError(
                    f"{public_name}() missing {len(missing)} required positional arguments: "
                    f"{', '.join(missing)}"
                )

        def public(*args: Any, **named: Any) -> Tensor:
            asked = {k: named.pop(k) for k in keywords if k in named} if named else {}
            if named or len(args) != len(positional):
                check(args, named)
            source = None
            if like is not False:
                source = args[0] if args else named[positional[0]]
                if not isinstance(source, Tensor):
                    if like:
                        kind = type(source).__name__
                        raise TypeError(
                            f"{public_name}(): argument 'input' (position 1) must be Tensor, not {kind}"
                        )
                    source = None
            how = How(public_name, source, **asked)
            return how.finish(fn(how, *args, **named))

        functools.update_wrapper(public, fn)
        del public.__wrapped__  # its signature is another
        shown = [p.replace(annotation=p.empty) for p in own if p.kind is not p.VAR_KEYWORD]
        shown += [inspect.Parameter(k, inspect.Parameter.KEYWORD_ONLY, default=None) for k in keywords]
        public.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
        return function(spaces=spaces, name=public_name)(public)

    return decorate


# ---- sizes and numbers ---------------------------------------------------------------


def sizes(name: str, args: tuple[Any, ...], size: Any = None) -> tuple[int, ...]:
    """The shape that `f(2, 3)`, `f((2, 3))` or `f(size=(2, 3))` asks for.

    Raises:
        TypeError: something is no int.
        RuntimeError: an int is negative, or the whole cannot be addressed.
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
        return shape_of(name, first)
    found = [_whole(n) for n in args]
    if found[0] is None:
        kind = type(first).__name__
        raise TypeError(f"{name}(): argument 'size' (position 1) must be tuple of ints, not {kind}")
    if None in found:
        at = found.index(None)
        raise TypeError(
            f"{name}(): argument 'size' failed to unpack the object at pos {at + 1} with error "
            f'"type must be tuple of ints,but got {type(args[at]).__name__}"'
        )
    return _checked(name, tuple(found))  # type: ignore[arg-type]


def shape_of(name: str, size: Any, position: int = 1) -> tuple[int, ...]:
    """A tuple or list of ints as a shape; the errors are those of `sizes`."""
    if not isinstance(size, (tuple, list)):
        kind = type(size).__name__
        raise TypeError(f"{name}(): argument 'size' (position {position}) must be tuple of ints, not {kind}")
    found = [_whole(n) for n in size]
    if None in found:
        at = found.index(None)
        raise TypeError(
            f"{name}(): argument 'size' (position {position}) must be tuple of ints, but found element of "
            "type "
            f"{type(size[at]).__name__} at pos {at}"
        )
    return _checked(name, tuple(found))  # type: ignore[arg-type]


def _checked(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    for n in shape:
        if n < 0:
            if name == "zeros":
                raise RuntimeError("zeros: Dimension size must be non-negative.")
            raise RuntimeError(f"Trying to create tensor with negative dimension {n}: {list(shape)}")
    return fits(shape)


def fits(shape: tuple[int, ...]) -> tuple[int, ...]:
    """`shape`, if memory of that size can be addressed at all; RuntimeError otherwise."""
    if math.prod(shape) >= 1 << 61:
        raise RuntimeError(f"Storage size calculation overflowed with sizes={list(shape)}")
    return shape


def _check_room(device: Any, shape: tuple[int, ...], itemsize: int) -> None:
    """RuntimeError if no machine could hold this; the meta device holds anything."""
    count = math.prod(shape)
    if count >= 1 << 44 and device is not devices.META:
        raise RuntimeError(MSG_NO_ROOM.format(count * itemsize))


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
        kind = type(value).__name__
        raise TypeError(f"{name}(): argument '{argument}' (position {position}) must be int, not {kind}")
    return n


def number(name: str, argument: str, position: int, value: Any) -> Any:
    """A Python number, NumPy number or 0-dim tensor as a Python number; TypeError otherwise."""
    if value.__class__ in SCALAR:
        return value
    if isinstance(value, (Tensor, np.generic, np.ndarray)) and value.ndim == 0:
        if not (isinstance(value, Tensor) and value.requires_grad):
            return value.item()
    plain: Any
    for plain in (bool, int, float, complex):
        if isinstance(value, plain):
            return plain(value)
    kind = type(value).__name__
    raise TypeError(f"{name}(): argument '{argument}' (position {position}) must be Number, not {kind}")


# ---- values --------------------------------------------------------------------------

_calls: dict[Any, Call] = {}


def produce(
    how: How, fn: Callable[..., Any], static: tuple[Any, ...], numbers: tuple[Any, ...] = ()
) -> Value:
    """Records a call that has no tensor operand.

    Args:
        how: names the call and says on which device it runs.
        fn: `fn(*static, *numbers)`, pure JAX; numbers arrive as 0-d float64, int64, bool or complex128.
        static: hashable arguments, part of the compile key.
        numbers: Python numbers, lifted to inputs: another value never recompiles.
    """
    kinds = tuple([type(n) for n in numbers])
    key = (fn, static, kinds, how.device, how.order)
    call = _calls.get(key)
    if call is None:
        avals = tuple(SCALAR[k] for k in kinds)
        text = f"{fn.__module__}.{fn.__qualname__}|{static}|{[k.__name__ for k in kinds]}|{how.device}"
        made = make_call(how.name, text, lambda *lifted: (fn(*static, *lifted),), avals, how.device)
        made.outs = tuple(reordered(a, how.order) for a in made.outs)
        for a in made.outs:
            _check_room(how.device, a.shape, a.dtype.itemsize)
        call = _calls[key] = made
    return record(call, [Value(SCALAR[k], n) for k, n in zip(kinds, numbers)])[0]


def from_host(array: np.ndarray, device: Any = devices.CPU, order: Order = None) -> Value:
    """A concrete Value that takes over an array nobody else holds."""
    return storage.value_from_numpy(array, device, copy=False, order=shortest(array.shape, order))


def drawn_value(
    device: Any, shape: tuple[int, ...], d: dtype, make: Callable[[], np.ndarray], order: Order = None
) -> Value:
    """A concrete Value of what `make` draws on the host; on the meta device nothing is drawn."""
    if device is devices.META:
        return without_data(shape, d, shortest(shape, order))
    return from_host(make(), device, order)


def blank(how: How, shape: tuple[int, ...], d: dtype) -> Value:
    """A concrete Value of zeros whose memory is not touched before it is needed (what `empty` gives)."""
    if how.device is devices.META:
        return without_data(shape, d, shortest(shape, how.order))
    _check_room(how.device, shape, d.itemsize)
    count = math.prod(shape) * d.itemsize
    try:
        raw = np.zeros(count + _ALIGN, np.uint8)
    except (MemoryError, ValueError) as e:
        raise RuntimeError(MSG_NO_ROOM.format(count)) from e
    start = -raw.ctypes.data % _ALIGN
    return from_host(raw[start : start + count].view(d.jnp).reshape(shape), how.device, how.order)
