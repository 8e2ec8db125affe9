"""`torch.cuda.memory`: what XLA's allocator says of an accelerator. Without one, zeros."""

from __future__ import annotations

import collections
import warnings
from typing import Any

from . import _devices

_MSG_PEAK = (
    "XLA's allocator keeps no peak that could be reset; max_memory_allocated() goes on counting "
    "from the start of the process."
)


def _stats(device: Any) -> dict[str, int]:
    if not _devices.is_available():
        return {}
    return _devices.jax_device(device).memory_stats() or {}


def memory_allocated(device: Any = None) -> int:
    """Bytes in live buffers, those of pending work not included."""
    return _stats(device).get("bytes_in_use", 0)


def max_memory_allocated(device: Any = None) -> int:
    """Largest number of bytes in live buffers since the start of the process."""
    return _stats(device).get("peak_bytes_in_use", 0)


def memory_reserved(device: Any = None) -> int:
    """Bytes that XLA holds of the device's memory, free ones included."""
    stats = _stats(device)
    return stats.get("pool_bytes", stats.get("bytes_reserved", stats.get("bytes_in_use", 0)))


def max_memory_reserved(device: Any = None) -> int:
    """Largest number of bytes that XLA has held since the start of the process."""
    stats = _stats(device)
    return stats.get("peak_pool_bytes", stats.get("peak_bytes_reserved", stats.get("peak_bytes_in_use", 0)))


def mem_get_info(device: Any = None) -> tuple[int, int]:
    """(free, total) bytes of what XLA may use of the device's memory.

    Raises:
        AssertionError: there is no accelerator.
    """
    _devices.require()
    stats = _stats(device)
    total = stats.get("bytes_limit", 0)
    return total - stats.get("bytes_in_use", 0), total


def memory_stats(device: Any = None) -> collections.OrderedDict[str, int]:
    """The allocator's counters under PyTorch's names; empty without an accelerator."""
    stats = _stats(device)
    if not stats:
        return collections.OrderedDict()
    return collections.OrderedDict(
        {
            "allocated_bytes.all.current": memory_allocated(device),
            "allocated_bytes.all.peak": max_memory_allocated(device),
            "allocation.all.allocated": stats.get("num_allocs", 0),
            "reserved_bytes.all.current": memory_reserved(device),
            "reserved_bytes.all.peak": max_memory_reserved(device),
            "max_split_size": -1,
            "num_ooms": 0,
        }
    )


def memory_summary(device: Any = None, abbreviated: bool = False) -> str:
    """The counters of `memory_stats` as a table."""
    rows = [f"{name:<34}{value:>20,}" for name, value in memory_stats(device).items()]
    return "\n".join([f"Memory of {_devices.get_device_name(device)}, in bytes", *rows])


def reset_peak_memory_stats(device: Any = None) -> None:
    """Warns that XLA's peak cannot be reset; without an accelerator there is none."""
    if _devices.is_available():
        warnings.warn(_MSG_PEAK, stacklevel=2)


reset_max_memory_allocated = reset_peak_memory_stats
reset_accumulated_memory_stats = reset_peak_memory_stats


def empty_cache() -> None:
    """Does nothing: dead buffers return to XLA's pool at once, and XLA keeps its pool."""
