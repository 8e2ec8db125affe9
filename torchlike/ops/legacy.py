"""The old constructors: `torch.Tensor(2, 3)`, `torch.FloatTensor([1, 2])`, `x.new(...)`."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core import devices, dtypes
from .._core.autograd import TYPE_NAMES
from .._core.registry import function, publish
from .._core.tensor import Size, Tensor
from .convert import convert
from .creation import empty
from .from_data import new_tensor
from .from_data import tensor as make_tensor


def construct(name: str, args: tuple[Any, ...], d: dtypes.dtype, device: Any) -> Tensor:
    """What an old constructor makes of its arguments: sizes, data, or another tensor (which it shares).

    Raises:
        TypeError: a tensor of another dtype, or arguments of no such form.
    """
    if not args:
        return empty(0, dtype=d, device=device)
    first = args[0]
    if len(args) == 1:
        if isinstance(first, Tensor):
            if first.dtype is not d and name != "Tensor":
                raise TypeError(f"expected {_options(d, device)} (got {_options(first.dtype, first.device)})")
            return first._alias()
        if isinstance(first, Size):
            return empty(first, dtype=d, device=device)
        if isinstance(first, str):
            raise TypeError("new(): invalid data type 'str'")
        if isinstance(first, (list, tuple, np.ndarray)):
            return make_tensor(first, dtype=d, device=device)
        if not _is_size(first):
            raise TypeError(f"new(): data must be a sequence (got {type(first).__name__})")
    bad = next((i for i, a in enumerate(args) if not _is_size(a)), None)
    if bad is None:
        return empty(*args, dtype=d, device=device)
    if bad:
        raise TypeError(
            f"new(): argument 'size' failed to unpack the object at pos {bad + 1} with error "
            f'"type must be tuple of ints,but got {type(args[bad]).__name__}"'
        )
    raise TypeError(
        f"new() received an invalid combination of arguments - got ({', '.join(type(a).__name__ for a in args)}), but "
        f"expected one of:\n * (Tensor other)\n * (tuple of ints size)\n * (object data)\n"
    )


def _is_size(a: Any) -> bool:
    return isinstance(a, (int, np.integer)) and not isinstance(a, bool)


def _options(d: dtypes.dtype, device: Any) -> str:
    """How PyTorch prints what a constructor makes."""
    return (
        f"TensorOptions(dtype={dtypes.C_NAMES[d.name]}, device={device}, layout=Strided, requires_grad=false (default), "
        "pinned_memory=false (default), memory_format=(nullopt))"
    )


def _legacy_new(cls: type, *args: Any, device: Any = None, **kwargs: Any) -> Any:
    if kwargs:
        raise TypeError(f"{cls.__name__}() got an unexpected keyword argument '{next(iter(kwargs))}'")
    where = devices.canonical(device) if device is not None else devices.get_default_device()
    made = construct(cls.__name__, args, dtypes.get_default_dtype(), where)
    if cls is not Tensor:
        made.__class__ = cls
    return made


Tensor._legacy_new = classmethod(_legacy_new)  # type: ignore[attr-defined]


class _TypeMeta(type):
    """`isinstance(x, torch.FloatTensor)` asks for dtype and device."""

    wanted: dtypes.dtype

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor) and instance.dtype is cls.wanted and instance.is_cpu

    def __call__(cls, *args: Any) -> Tensor:
        return construct(cls.__name__, args, cls.wanted, devices.CPU)


def _publish_types() -> None:
    for dtype_name, type_name in TYPE_NAMES.items():
        d = dtypes.by_name(dtype_name)
        doc = f"Old constructor of {d} tensors on the CPU."
        publish(
            "torch",
            type_name,
            _TypeMeta(type_name, (), {"wanted": d, "dtype": d, "__module__": "torch", "__doc__": doc}),
        )


_publish_types()


@function(spaces=("Tensor",))
def new(self: Tensor, *args: Any, device: Any = None) -> Tensor:
    """`self.new(2, 3)`, `self.new([1, 2])`: as the old constructor of self's dtype and device."""
    if len(args) == 1 and isinstance(args[0], (list, np.ndarray)):
        return new_tensor(self, args[0])
    if len(args) == 1 and isinstance(args[0], Tensor) and args[0].dtype is not self.dtype:
        return convert(args[0], self.device, self.dtype)
    return construct("new", args, self.dtype, self.device if device is None else devices.canonical(device))
