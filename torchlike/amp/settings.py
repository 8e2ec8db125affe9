"""What autocast of this thread is set to: `torch.is_autocast_enabled(...)` and its relatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._core import autocast, dtypes
from .._core.errors import warn_once
from .._core.names import missing as _missing

_NAMED = (
    "cpu", "cuda", "ipu", "xpu", "mkldnn", "opengl", "opencl", "ideep", "hip", "ve", "fpga", "maia", "xla", "lazy",
    "vulkan", "mps", "meta", "hpu", "mtia", "privateuseone",
)  # fmt: skip
_AVAILABLE = frozenset(
    ("cpu", "cuda", "mtia", "maia", "xpu", "ipu", "hpu", "xla", "privateuseone", "mps", "tpu")
)
_MSG_UNKNOWN = "unknown device type for autocast in get_autocast_dispatch_key_from_device_type"


def _must(function: str, name: str, position: int, value: Any, kind: Any) -> None:
    if not isinstance(value, kind):
        want = "torch.dtype" if kind is dtypes.dtype else kind.__name__
        got = type(value).__name__
        raise TypeError(f"{function}(): argument '{name}' (position {position}) must be {want}, not {got}")


def type_of(device_type: str) -> str:
    """The device type in a string, whose index is not looked at.

    Raises:
        RuntimeError: there is no such type.
    """
    kind = device_type.partition(":")[0]
    if kind not in _NAMED and kind != "tpu":  # JAX's own
        raise RuntimeError(
            f"Expected one of {', '.join(_NAMED)} device type at start of device string: {device_type}"
        )
    return kind


def is_autocast_available(device_type: str) -> bool:
    """Whether `autocast` takes this device type.

    Raises:
        RuntimeError: there is no such type.
    """
    return type_of(device_type) in _AVAILABLE


def _available(device_type: str, message: str = _MSG_UNKNOWN) -> str:
    kind = type_of(device_type)
    if kind not in _AVAILABLE:
        raise RuntimeError(message)
    return kind


# ---- by device type ------------------------------------------------------------------------------------------


def is_autocast_enabled(device_type: str = "cuda") -> bool:
    """Whether this thread casts the operators of a device type."""
    _must("is_autocast_enabled", "device_type", 1, device_type, str)
    return _available(device_type) in autocast.state().on


def set_autocast_enabled(device_type: Any, enabled: Any = None) -> None:
    """`set_autocast_enabled(device_type, enabled)`; with a bool alone, of "cuda"."""
    if enabled is None:
        _must("set_autocast_enabled", "enabled", 1, device_type, bool)
        device_type, enabled = "cuda", device_type
    _must("set_autocast_enabled", "device_type", 1, device_type, str)
    _must("set_autocast_enabled", "enabled", 2, enabled, bool)
    kind, state = _available(device_type), autocast.state()
    (state.on.add if enabled else state.on.discard)(kind)
    state.refresh()


def get_autocast_dtype(device_type: str) -> dtypes.dtype:
    """The lower precision of a device type."""
    _must("get_autocast_dtype", "device_type", 1, device_type, str)
    return autocast.state().lower(_available(device_type, "unsupported scalarType"))


def set_autocast_dtype(device_type: str, dtype: dtypes.dtype) -> None:
    """Sets the lower precision of a device type."""
    _must("set_autocast_dtype", "device_type", 1, device_type, str)
    _must("set_autocast_dtype", "dtype", 2, dtype, dtypes.dtype)
    state = autocast.state()
    state.dtypes[_available(device_type, "unsupported scalarType")] = dtype
    state.refresh()


# ---- the cache of casts, and how deep regions are nested ----------------------------------------------------


def is_autocast_cache_enabled() -> bool:
    """Whether casts of float32 parameters are kept until the outermost region ends."""
    return autocast.state().caching


def set_autocast_cache_enabled(enabled: bool) -> None:
    """Sets whether they are kept."""
    if not isinstance(enabled, bool):
        raise TypeError(f"enabled must be a bool (got {type(enabled).__name__})")
    autocast.state().caching = enabled


def clear_autocast_cache() -> None:
    """Lets the kept casts go."""
    autocast.state().cache.clear()


def autocast_increment_nesting() -> int:
    """Counts one region more; returns how many there are."""
    state = autocast.state()
    state.nesting += 1
    return state.nesting


def autocast_decrement_nesting() -> int:
    """Counts one region less; returns how many there are."""
    state = autocast.state()
    state.nesting -= 1
    return state.nesting


# ---- older names --------------------------------------------------------------------------------------------------


def _older(name: str, now: Callable[..., Any], device_type: str, argument: str = "") -> Callable[..., Any]:
    """A function of one device type that PyTorch deprecates in favour of `now`."""
    given = f"'{device_type}', {argument}" if argument else f"'{device_type}'"
    text = f"torch.{name}({argument}) is deprecated. Please use torch.{now.__name__}({given}) instead."
    want: Any = dtypes.dtype if argument == "dtype" else bool

    def getter() -> Any:
        warn_once(text, category=DeprecationWarning)
        return now(device_type)

    def setter(value: Any, /) -> None:
        if not isinstance(value, want):
            kind = "torch.dtype" if want is dtypes.dtype else "bool"
            raise TypeError(f"{argument} must be a {kind} (got {type(value).__name__})")
        warn_once(text, category=DeprecationWarning)
        now(device_type, value)

    made: Callable[..., Any] = setter if argument else getter
    made.__name__ = made.__qualname__ = name
    made.__doc__ = f"`torch.{now.__name__}({given})`, with a DeprecationWarning."
    return made


get_autocast_gpu_dtype = _older("get_autocast_gpu_dtype", get_autocast_dtype, "cuda")
get_autocast_cpu_dtype = _older("get_autocast_cpu_dtype", get_autocast_dtype, "cpu")
get_autocast_ipu_dtype = _older("get_autocast_ipu_dtype", get_autocast_dtype, "ipu")
get_autocast_xla_dtype = _older("get_autocast_xla_dtype", get_autocast_dtype, "xla")
set_autocast_gpu_dtype = _older("set_autocast_gpu_dtype", set_autocast_dtype, "cuda", "dtype")
set_autocast_cpu_dtype = _older("set_autocast_cpu_dtype", set_autocast_dtype, "cpu", "dtype")
set_autocast_ipu_dtype = _older("set_autocast_ipu_dtype", set_autocast_dtype, "ipu", "dtype")
set_autocast_xla_dtype = _older("set_autocast_xla_dtype", set_autocast_dtype, "xla", "dtype")
is_autocast_cpu_enabled = _older("is_autocast_cpu_enabled", is_autocast_enabled, "cpu")
is_autocast_ipu_enabled = _older("is_autocast_ipu_enabled", is_autocast_enabled, "ipu")
is_autocast_xla_enabled = _older("is_autocast_xla_enabled", is_autocast_enabled, "xla")
set_autocast_cpu_enabled = _older("set_autocast_cpu_enabled", set_autocast_enabled, "cpu", "enabled")
set_autocast_ipu_enabled = _older("set_autocast_ipu_enabled", set_autocast_enabled, "ipu", "enabled")
set_autocast_xla_enabled = _older("set_autocast_xla_enabled", set_autocast_enabled, "xla", "enabled")

__getattr__ = _missing(__name__)
