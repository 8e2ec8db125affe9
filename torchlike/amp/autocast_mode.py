"""`torch.autocast`: regions whose operators choose their precision, and Functions that know of them."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from .._core import devices, dtypes
from .._core.names import missing as _missing
from .._core.tensor import Tensor
from . import settings
from .settings import is_autocast_available as is_autocast_available

__all__ = ["autocast_decorator", "autocast", "is_autocast_available", "custom_fwd", "custom_bwd"]

_SUPPORTED = (dtypes.bfloat16, dtypes.float16)
_MSG_STRING = "Expected `device_type` of type `str`, got: `{}`"
_MSG_BACKEND = (
    "Tried to use AMP with the `privateuseone` backend, but the backend has not registered a module or  the module miss "
    "some necessary funcs. The backend should register a module by `torch._register_device_module`, and the module must "
    "have these funcs: \n`get_amp_supported_dtype() -> List[torch.dtype]`. \n"
)
_MSG_CALLABLE = (
    "autocast()(func) requires a callable, but got {}. Did you mean to use autocast as a context manager? For example:\n"
    "    with torch.autocast(device_type=...):\n        output = model(input)"
)


def autocast_decorator(autocast_instance: autocast, func: Callable[..., Any]) -> Callable[..., Any]:
    """`func`, each call of which is a region of `autocast_instance`."""

    @functools.wraps(func)
    def within(*args: Any, **kwargs: Any) -> Any:
        with autocast_instance:
            return func(*args, **kwargs)

    return within


class autocast:
    """A region (or, as a decorator, a function) whose operators run in mixed precision.

    Products and convolutions run in the lower precision, losses and what is sensitive in float32, operators of
    several tensors in the widest of their dtypes; which do is PyTorch's list for the device type. float64 tensors
    stay as they are, and so do in-place operators and those with `out=`. float32 parameters are cast once in the
    outermost region; their gradients are float32. Backward runs in the dtypes that forward used.

    Args:
        device_type: the type of the tensors whose operators are cast: "cpu", "cuda", ...
        dtype: the lower precision; None: `torch.get_autocast_dtype(device_type)`.
        enabled: False: operators inside run in the dtypes of their operands.
        cache_enabled: whether casts of parameters are kept; None: as it is set.

    Raises:
        ValueError: `device_type` is no string.
        RuntimeError: `device_type` is unknown, or has no autocast.
    """

    def __init__(
        self, device_type: str, dtype: dtypes.dtype | None = None, enabled: bool = True,
        cache_enabled: bool | None = None,
    ):  # fmt: skip
        if not isinstance(device_type, str):
            raise ValueError(_MSG_STRING.format(type(device_type)))
        self.fast_dtype = settings.get_autocast_dtype(device_type) if dtype is None else dtype
        self.device = device_type
        if not is_autocast_available(device_type):
            raise RuntimeError(f"User specified an unsupported autocast device_type '{device_type}'")
        self.custom_backend_name = "privateuseone"
        if device_type == self.custom_backend_name:
            raise AssertionError(_MSG_BACKEND)
        self._cache_enabled = settings.is_autocast_cache_enabled() if cache_enabled is None else cache_enabled
        if enabled and device_type == "cuda":  # of any dtype: what XLA compiles for has them all
            if not devices.accelerators():
                warnings.warn(
                    "CUDA is not available or torch_xla is imported. Disabling autocast.", stacklevel=2
                )
                enabled = False
        elif enabled and self.fast_dtype not in _SUPPORTED:
            name = device_type.upper()
            warnings.warn(
                f"In {name} autocast, but the target dtype is not supported. Disabling autocast.\n{name} Autocast only "
                f"supports dtypes of {', '.join(map(str, _SUPPORTED))} currently.",
                stacklevel=2,
            )
            enabled = False
        self._enabled = enabled

    def __enter__(self) -> autocast:
        kind = self.device
        self.prev_cache_enabled = settings.is_autocast_cache_enabled()
        self.prev = settings.is_autocast_enabled(kind)
        self.prev_fastdtype = settings.get_autocast_dtype(kind)
        settings.set_autocast_enabled(kind, self._enabled)
        settings.set_autocast_dtype(kind, self.fast_dtype)
        settings.autocast_increment_nesting()
        settings.set_autocast_cache_enabled(self._cache_enabled)
        return self

    def __exit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> bool:
        if settings.autocast_decrement_nesting() == 0:
            settings.clear_autocast_cache()
        settings.set_autocast_enabled(self.device, self.prev)
        settings.set_autocast_dtype(self.device, self.prev_fastdtype)
        settings.set_autocast_cache_enabled(self.prev_cache_enabled)
        return False

    def __call__(self, func: Callable[..., Any]) -> Callable[..., Any]:
        if not callable(func):
            raise TypeError(_MSG_CALLABLE.format(type(func).__name__))
        return autocast_decorator(self, func)


# ---- Functions -----------------------------------------------------------------------------------------------


def _cast(value: Any, device_type: str, dtype: dtypes.dtype) -> Any:
    """The tensors of a nested value in `dtype`: floating point ones of the device type, but float64."""
    if isinstance(value, Tensor):
        fits = value.is_floating_point() and value.device.type == device_type
        return value.to(dtype) if fits and value.dtype is not dtypes.float64 else value
    if isinstance(value, (str, bytes, np.ndarray)):
        return value
    if isinstance(value, Mapping):
        return {_cast(k, device_type, dtype): _cast(v, device_type, dtype) for k, v in value.items()}
    if isinstance(value, Iterable):
        items = (_cast(v, device_type, dtype) for v in value)
        return type(value)(items) if isinstance(value, (list, tuple)) else items  # type: ignore[call-arg]
    return value


def custom_fwd(
    fwd: Callable[..., Any] | None = None, *, device_type: str, cast_inputs: dtypes.dtype | None = None
) -> Any:
    """Decorates the `forward` of a Function that runs inside autocast regions.

    Args:
        device_type: whose autocast.
        cast_inputs: floating point arguments are cast to it, and `forward` runs outside autocast. None: as the
            operators around it. Outside a region it means nothing.

    Raises:
        ValueError: `device_type` is no string.
    """
    if not isinstance(device_type, str):
        raise ValueError(_MSG_STRING.format(type(device_type)))
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def forward(*args: Any, **kwargs: Any) -> Any:
        ctx = args[0]
        ctx._dtype = settings.get_autocast_dtype(device_type)
        on = settings.is_autocast_enabled(device_type)
        ctx._fwd_used_autocast = on and cast_inputs is None
        if not on or cast_inputs is None:
            return fwd(*args, **kwargs)
        with autocast(device_type=device_type, enabled=False):
            return fwd(*_cast(args, device_type, cast_inputs), **_cast(kwargs, device_type, cast_inputs))

    return forward


def custom_bwd(bwd: Callable[..., Any] | None = None, *, device_type: str) -> Any:
    """Decorates the `backward` of a Function: it runs inside autocast if its `forward` did (see `custom_fwd`).

    Raises:
        ValueError: `device_type` is no string.
    """
    if not isinstance(device_type, str):
        raise ValueError(_MSG_STRING.format(type(device_type)))
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def backward(*args: Any, **kwargs: Any) -> Any:
        ctx = args[0]
        with autocast(device_type=device_type, enabled=ctx._fwd_used_autocast, dtype=ctx._dtype):
            return bwd(*args, **kwargs)

    return backward


__getattr__ = _missing(__name__)
