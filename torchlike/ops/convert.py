"""Conversions and copies: dtype, device, clone, copy_."""

from __future__ import annotations

import builtins
from types import NoneType
from typing import Any

import jax.numpy as jnp
import numpy as np

from .._core import devices, dtypes
from .._core.autograd import TYPE_NAMES, Node
from .._core.engine import materialize
from .._core.geometry import check_overlap, check_repeated
from .._core.graph import to_device
from .._core.modes import local
from .._core.orders import as_operands, asked_for
from .._core.registry import Array, cast_array, check_inplace, function, op
from .._core.tensor import Tensor, from_numpy_copy
from .copying import _clone, arranged
from .formats import PRESERVE, asked_order
from .formats import Layout as Layout
from .formats import channels_last as channels_last
from .formats import channels_last_3d as channels_last_3d
from .formats import contiguous_format as contiguous_format
from .formats import layout as layout
from .formats import memory_format as memory_format
from .formats import preserve_format as preserve_format
from .formats import strided as strided
from .layout import in_order


@op(spaces=(), name="to", grad_name="ToCopyBackward0", layout=as_operands)
def _to_dtype(input: Array, dtype: dtypes.dtype):
    return cast_array(input, dtype.jnp)


def _across(x: Tensor, device: Any) -> Tensor:
    """A copy on another device; its gradient comes back."""
    v = x._read()
    if device is not devices.META:
        materialize(v)
    moved = to_device(v, device)
    edge = x._edge()
    if edge is None or not local.ctx.grad:
        return Tensor._from_value(moved)
    node = CrossDevice(x._aval, moved.aval, edge)
    return Tensor._from_value(moved, (node, 0))


class CrossDevice:
    """Node of a copy between devices: the gradient is copied back."""

    def __new__(cls, source: Any, target: Any, edge: Any) -> Any:
        class _Node(Node):
            __slots__ = ("source",)
            out_avals = (target,)  # type: ignore[assignment]

            def apply(self, cts: list[Any], create_graph: bool, retain: bool) -> list[Any]:
                g = Tensor._from_value(cts[0][0], cts[0][1] if create_graph else None)
                back = _across(g, self.source.device)
                return [(back._read(), back._edge())]

        made = _Node(None, (0,), [None], [edge], "ToCopyBackward0")
        made.source = source
        return made


def convert(
    x: Tensor, device: Any = None, dtype: Any = None, copy: bool = False, order: Any = PRESERVE
) -> Tensor:
    """x on a device, in a dtype and order in memory; x itself if nothing changes and no copy is asked for."""
    out = x
    a = x._aval
    if dtype is not None and dtype is not a.dtype:
        out = _to_dtype(out, dtype)
    if device is not None and (target := devices.canonical(device)) is not a.device:
        out = _across(out, target)
    if order is not PRESERVE and not in_order(out, order):
        return arranged(out, order)
    return _clone(out) if copy and out is x else out


@function(spaces=("Tensor",))
def to(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """self in another dtype and/or on another device: `to(dtype)`, `to(device)`, `to(device, dtype)`, `to(other)`."""
    device, dtype = kwargs.pop("device", None), kwargs.pop("dtype", None)
    other = kwargs.pop("other", None)
    copy = kwargs.pop("copy", False)
    kwargs.pop("non_blocking", None)
    order = asked_order(kwargs.pop("memory_format", None), self._aval.ndim)
    if kwargs:
        raise TypeError(
            f"to() received an invalid combination of arguments - got unexpected {sorted(kwargs)}"
        )
    rest = list(args)
    if rest and isinstance(rest[0], Tensor):
        other = rest.pop(0)
    elif rest and (isinstance(rest[0], (str, int, devices.device)) or rest[0] is None and len(rest) > 1):
        device = rest.pop(0)
    if rest and isinstance(rest[0], dtypes.dtype):
        dtype = rest.pop(0)
    if rest and not isinstance(rest[0], (bool, NoneType)):
        raise TypeError(
            "to() received an invalid combination of arguments - got "
            f"({', '.join(a.__class__.__name__ for a in args)}), but expected one of:\n"
            " * (torch.device device = None, torch.dtype dtype = None, bool non_blocking = False, bool copy = False, *, "
            "torch.memory_format memory_format = None)\n * (torch.dtype dtype, bool non_blocking = False, bool copy = False, *, "
            "torch.memory_format memory_format = None)\n * (Tensor tensor, bool non_blocking = False, bool copy = False, *, "
            "torch.memory_format memory_format = None)\n"
        )
    if len(rest) > 1:
        copy = rest[1]
    if other is not None:
        device, dtype = other.device, other.dtype
    return convert(self, device, dtype, copy, order)


def _cast_method(name: str, target: dtypes.dtype) -> None:
    """Publishes `Tensor.<name>()`."""

    def cast(self: Tensor, *, memory_format: Any = None) -> Tensor:
        return convert(self, dtype=target, order=asked_order(memory_format, self._aval.ndim))

    cast.__name__ = name
    cast.__doc__ = f"self as torch.{target.name}."
    function(spaces=("Tensor",))(cast)


for _name in ("float", "double", "half", "long", "int", "short", "cfloat", "cdouble"):
    _cast_method(_name, dtypes.ALIASES[_name])
for _name, _target in (
    ("bfloat16", dtypes.bfloat16),
    ("char", dtypes.int8),
    ("byte", dtypes.uint8),
    ("bool", dtypes.bool_),
):
    _cast_method(_name, _target)


@function(spaces=("Tensor",))
def cpu(self: Tensor, *, memory_format: Any = None) -> Tensor:
    """self on the CPU."""
    return convert(self, "cpu", order=asked_order(memory_format, self._aval.ndim))


@function(spaces=("Tensor",))
def cuda(self: Tensor, device: Any = None, non_blocking: bool = False, memory_format: Any = None) -> Tensor:
    """self on the accelerator."""
    order = asked_order(memory_format, self._aval.ndim)
    return convert(self, "cuda" if device is None else device, order=order)


@function(spaces=("Tensor",))
def type_as(self: Tensor, other: Tensor) -> Tensor:
    """self in the dtype and on the device of `other`."""
    return convert(self, other.device, other.dtype)


_BY_TYPE_NAME = {v: k for k, v in TYPE_NAMES.items()}


@function(spaces=("Tensor",))
def type(self: Tensor, dtype: Any = None, non_blocking: bool = False, **kwargs: Any) -> Any:  # noqa: A001
    """The type's name (`"torch.FloatTensor"`), or self in another type."""
    if dtype is None:
        prefix = "torch." if self.is_cpu else f"torch.{self.device.type}."
        return prefix + TYPE_NAMES[self.dtype.name]
    if isinstance(dtype, dtypes.dtype):
        return convert(self, dtype=dtype)
    if not isinstance(dtype, (str, builtins.type)):
        raise TypeError("dtype must be a type, str, or dtype object")
    name = dtype if isinstance(dtype, str) else f"torch.{dtype.__name__}"
    kind = _BY_TYPE_NAME.get(name.rsplit(".", 1)[-1])
    if kind is None:
        raise ValueError(f"invalid type: '{name}'")
    return convert(self, "cuda" if ".cuda." in name else "cpu", dtypes.by_name(kind))


@op(spaces=(), name="copy", grad_name="CopyBackwards", layout=asked_for)
def _copy(source: Array, dtype: dtypes.dtype, shape: tuple, order: tuple | None):
    return jnp.broadcast_to(cast_array(source, dtype.jnp), shape)


@op(spaces=(), name="copy", grad_name="CopyBackwards")
def _overwrite(self: Array, source: Array):
    return source


@function(spaces=("Tensor",))
def copy_(self: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """Writes `src`, converted and broadcast, into self; gradients flow to `src`."""
    if not isinstance(src, Tensor):
        if src.__class__ not in (bool, int, float, complex):
            raise TypeError(
                f"copy_(): argument 'other' (position 1) must be Tensor, not {src.__class__.__name__}"
            )
        src = from_numpy_copy(np.asarray(src))
    check_inplace(self)
    if src is self and not self._req:
        self._touch()
        return self
    check_repeated(self)
    check_overlap(self, src)
    a = self._aval
    if src.device is not a.device:
        src = convert(src, a.device)
    shape = src._aval.shape
    if len(shape) > a.ndim or any(m not in (1, n) for m, n in zip(shape[::-1], a.shape[::-1])):
        at = next((i for i, (m, n) in enumerate(zip(shape[::-1], a.shape[::-1])) if m not in (1, n)), None)
        if at is None:
            raise RuntimeError(
                f"output with shape {list(a.shape)} doesn't match the broadcast shape {list(shape)}"
            )
        raise RuntimeError(
            f"The size of tensor a ({a.shape[::-1][at]}) must match the size of tensor b ({shape[::-1][at]}) at "
            f"non-singleton dimension {a.ndim - 1 - at}"
        )
    if src._aval is a and not (local.ctx.grad and src.requires_grad):
        value, edge = src._read(), None
    else:  # with history, that self is a copy: gradients by self are not those by src
        out = _copy(src, a.dtype, a.shape, a.order)
        value, edge = out._read(), out._edge()
    if local.ctx.grad and self.requires_grad and (edge is None or self._lens is None):
        src = _overwrite(
            self, Tensor._from_value(value, edge)
        )  # self keeps its history, with gradients of zero
        value, edge = src._read(), src._edge()
    self._assign(value, edge)
    return self


@function(spaces=("Tensor",))
def pin_memory(self: Tensor, device: Any = None) -> Tensor:
    """self: host memory needs no pinning here.

    Raises:
        RuntimeError: self has no data in the host's memory.
    """
    if not self.is_cpu:
        kind = self.device.type.upper() if self.is_cuda else self.device.type.capitalize()
        text = (
            f"cannot pin '{kind}{TYPE_NAMES[self.dtype.name][:-6]}Type' only dense CPU tensors can be pinned"
        )
        raise RuntimeError(text)
    return self


@function(spaces=("Tensor",))
def is_pinned(self: Tensor, device: Any = None) -> bool:
    """False: nothing is pinned."""
    return False


@function(spaces=("torch",))
def is_inference(input: Tensor) -> bool:
    """Whether the tensor was made in inference mode."""
    return input.is_inference()
