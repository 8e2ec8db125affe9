"""Which accelerators there are, and waiting for them.

`cuda` names the machine's first JAX accelerator kind, a GPU or a TPU.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import jax
import numpy as np

from .._core import devices, engine

_MSG_NO_ACCELERATOR = "Torch not compiled with CUDA enabled"  # PyTorch's words on a CPU-only machine


def is_available() -> bool:
    """Whether JAX sees an accelerator."""
    return bool(devices.accelerators())


def device_count() -> int:
    """Number of accelerators."""
    return len(devices.accelerators())


def is_initialized() -> bool:
    """Whether an accelerator is ready for use; JAX prepares all of them together."""
    return is_available()


def init() -> None:
    """Prepares the accelerators. Needed by no program: first use does it.

    Raises:
        AssertionError: there is none.
    """
    require()


def require() -> None:
    """Raises PyTorch's AssertionError where the machine has no accelerator."""
    if not devices.accelerators():
        raise AssertionError(_MSG_NO_ACCELERATOR)


def index_of(device: Any = None) -> int:
    """The index of an accelerator given as None (the current one), index, string or device.

    Raises:
        AssertionError: there is no accelerator.
        ValueError: `device` is of another type.
        RuntimeError: there is no accelerator of that index.
    """
    require()
    if device is None:
        return devices.current_index()
    d = devices.device(device)
    if d.type in ("cpu", "meta"):
        raise ValueError(f"Expected a cuda device, but got: {d}")
    return devices.canonical(d).index or 0


def jax_device(device: Any = None) -> Any:
    """The JAX device behind `device`."""
    return devices.accelerators()[index_of(device)]


def current_device() -> int:
    """Index of the accelerator that `cuda` without an index names."""
    require()
    return devices.current_index()


def set_device(device: Any) -> None:
    """Makes `cuda` without an index name this accelerator; a negative index changes nothing."""
    if isinstance(device, int) and device < 0:
        return
    devices.set_current_index(index_of(device))


class device:
    """Context in which `cuda` without an index names `device` (None or a negative index: no change)."""

    def __init__(self, device: Any):
        self.idx = -1 if device is None or (isinstance(device, int) and device < 0) else index_of(device)
        self.prev_idx = -1

    def __enter__(self) -> None:
        self.prev_idx = devices.current_index()
        set_device(self.idx)

    def __exit__(self, *_: Any) -> None:
        set_device(self.prev_idx if self.idx >= 0 else -1)


class device_of(device):
    """Context of the accelerator that holds `obj`; a tensor on the CPU changes nothing."""

    def __init__(self, obj: Any):
        super().__init__(obj.get_device() if obj.is_cuda else -1)


@dataclasses.dataclass(frozen=True)
class DeviceProperties:
    """What is known of an accelerator. A TPU's compute capability is 0.0."""

    name: str
    major: int
    minor: int
    total_memory: int
    multi_processor_count: int


def get_device_properties(device: Any = None) -> DeviceProperties:
    """Name, compute capability, memory in bytes and number of multiprocessors (or TPU cores)."""
    d = jax_device(device)
    major, _, minor = str(getattr(d, "compute_capability", "0.0")).partition(".")
    if not major.isdigit():  # AMD reports an architecture by name
        major = minor = "0"
    memory = (d.memory_stats() or {}).get("bytes_limit", 0)
    return DeviceProperties(
        d.device_kind, int(major), int(minor or 0), memory, getattr(d, "core_count", None) or 1
    )


def get_device_name(device: Any = None) -> str:
    """The accelerator's real name, such as `"NVIDIA H200"` or `"TPU v5 lite"`."""
    return jax_device(device).device_kind


def get_device_capability(device: Any = None) -> tuple[int, int]:
    """A GPU's CUDA compute capability; (0, 0) for other accelerators."""
    properties = get_device_properties(device)
    return properties.major, properties.minor


def get_arch_list() -> list[str]:
    """The architectures kernels were built for: those present, as XLA compiles on the spot."""
    found = {get_device_capability(i) for i in range(device_count())} - {(0, 0)}
    return [f"sm_{major}{minor}" for major, minor in sorted(found)]


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Whether the accelerator computes in bfloat16: TPUs, and GPUs (before 8.0 emulated)."""
    if not is_available():
        return False
    return jax_device().platform != "gpu" or including_emulation or get_device_capability() >= (8, 0)


def is_tf32_supported() -> bool:
    """Whether the accelerator has TensorFloat-32."""
    return is_available() and get_device_capability() >= (8, 0)


def can_device_access_peer(device: Any, peer_device: Any) -> bool:
    """Whether one accelerator can read another's memory: XLA copies between any two."""
    return index_of(device) != index_of(peer_device)


@functools.cache
def _marker(d: Any) -> Any:
    """A tiny program of device `d`. A device runs its programs in order."""
    program, zero = jax.jit(lambda x: x + 1), jax.device_put(np.float32(0), d)
    return functools.partial(program, zero)


def enqueue_marker(device: Any = None) -> Any:
    """Starts what is recorded, and puts a mark behind it: an array that is ready when that is done."""
    d = jax_device(device)
    engine.barrier("synchronize")
    return _marker(d)()


def synchronize(device: Any = None) -> None:
    """Runs everything recorded so far and waits until `device` has finished it.

    Raises:
        AssertionError: there is no accelerator.
    """
    enqueue_marker(device).block_until_ready()


def ipc_collect() -> None:
    """Frees memory shared with ended processes: XLA shares none."""
    require()
