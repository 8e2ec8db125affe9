"""`torch.accelerator`: the machine's accelerator whatever its kind."""

from __future__ import annotations

from typing import Any

from . import cuda
from ._core import devices, dtypes
from ._core.names import missing as _missing
from .cuda import memory as _memory

_MSG_NONE = "Cannot access accelerator device when none is available."


def is_available() -> bool:
    """Whether JAX sees an accelerator."""
    return cuda.is_available()


def device_count() -> int:
    """Number of accelerators."""
    return cuda.device_count()


def current_accelerator(check_available: bool = False) -> devices.device | None:
    """The accelerator's device type, without an index; None where the machine has none."""
    return devices.device("cuda") if cuda.is_available() else None


def _require() -> None:
    if not cuda.is_available():
        raise RuntimeError(_MSG_NONE)


def current_device_index() -> int:
    """Index of the current accelerator.

    Raises:
        RuntimeError: there is none.
    """
    _require()
    return cuda.current_device()


def set_device_index(device: Any, /) -> None:
    """Makes an accelerator the current one; a negative index changes nothing."""
    _require()
    cuda.set_device(device)


class device_index:
    """Context in which the accelerator of this index is the current one; None changes nothing."""

    def __init__(self, device: int | None, /):
        self.idx = device
        self._inner: Any = None

    def __enter__(self) -> None:
        if self.idx is not None:
            _require()
            self._inner = cuda.device(self.idx)
            self._inner.__enter__()

    def __exit__(self, *_: Any) -> None:
        if self._inner is not None:
            self._inner.__exit__()


def get_device_capability(device: Any = None, /) -> dict[str, Any]:
    """What the accelerator computes with: `{"supported_dtypes": set of dtypes}`."""
    _require()
    return {"supported_dtypes": set(dtypes.ALL)}


def current_stream(device: Any = None, /) -> cuda.Stream:
    """The queue of an accelerator."""
    _require()
    return cuda.current_stream(device)


def set_stream(stream: cuda.Stream) -> None:
    """Makes the device of `stream` the current one."""
    _require()
    cuda.set_stream(stream)


def synchronize(device: Any = None, /) -> None:
    """Runs everything recorded so far and waits until it is done.

    Raises:
        RuntimeError: there is no accelerator.
    """
    _require()
    cuda.synchronize(device)


def empty_cache() -> None:
    """Does nothing but check that there is an accelerator: XLA keeps its pool."""
    _require()
    _memory.empty_cache()


def memory_stats(device: Any = None, /) -> dict[str, Any]:
    """The allocator's counters under PyTorch's names."""
    _require()
    return _memory.memory_stats(device)


def memory_allocated(device: Any = None, /) -> int:
    """Bytes in live buffers."""
    _require()
    return _memory.memory_allocated(device)


def max_memory_allocated(device: Any = None, /) -> int:
    """Largest number of bytes in live buffers since the start of the process."""
    _require()
    return _memory.max_memory_allocated(device)


def memory_reserved(device: Any = None, /) -> int:
    """Bytes that XLA holds of the device's memory."""
    _require()
    return _memory.memory_reserved(device)


def max_memory_reserved(device: Any = None, /) -> int:
    """Largest number of bytes that XLA has held since the start of the process."""
    _require()
    return _memory.max_memory_reserved(device)


def get_memory_info(device_index: Any = None, /) -> tuple[int, int]:
    """(free, total) bytes of what XLA may use of the device's memory."""
    _require()
    return _memory.mem_get_info(device_index)


def reset_peak_memory_stats(device: Any = None, /) -> None:
    """Warns that XLA's peak cannot be reset."""
    _require()
    _memory.reset_peak_memory_stats(device)


reset_accumulated_memory_stats = reset_peak_memory_stats

__getattr__ = _missing(__name__)
