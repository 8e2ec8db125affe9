"""`torch.cpu`: what `torch.cuda` says of accelerators, of the CPU. `torch.Stream` and `torch.Event` of any device."""

from __future__ import annotations

import contextlib
from typing import Any

import jax

from .. import cuda as _cuda
from .._core import devices, engine
from .._core.names import missing as _missing
from . import amp as amp

__all__ = [
    "Event", "Stream", "StreamContext", "current_device", "current_stream", "device_count", "is_available",
    "is_initialized", "set_device", "stream", "synchronize",
]  # fmt: skip

_MSG_NO_EVENTS = "cpu backend doesn't support events."


def synchronize(device: Any = None) -> None:
    """Runs everything recorded so far and waits until it is done."""
    engine.barrier("synchronize")
    for array in jax.live_arrays("cpu"):
        array.block_until_ready()


def _device_of(device: Any) -> devices.device:
    """The device asked for, by default the accelerator, else the CPU."""
    if device is None:
        device = "cuda" if devices.accelerators() else "cpu"
    if isinstance(device, int) and not devices.accelerators():
        raise RuntimeError("Cannot access accelerator device when none is available.")
    d = devices.device(device)
    if d.type != "cpu" and not devices.accelerators():
        raise RuntimeError(f"PyTorch is not linked with support for {d.type} devices")
    return devices.canonical(d)


class _Kind(type):
    """The classes of `torch.cuda` count as kinds of those of `torch`, and are what those make for an accelerator."""

    accelerated: type

    def __instancecheck__(cls, instance: Any) -> bool:
        return type.__instancecheck__(cls, instance) or isinstance(instance, cls.accelerated)


class Stream(metaclass=_Kind):
    """The queue of a device. The CPU's is the order of the program.

    Args:
        device: by default the accelerator, else the CPU. For an accelerator a `torch.cuda.Stream` is made.
        priority: accepted; there is one queue.

    Raises:
        RuntimeError: there is no such device.
    """

    accelerated = _cuda.Stream
    stream_id = 0
    device_index = -1
    device_type = 0

    def __new__(cls, device: Any = None, *, priority: int = 0) -> Any:
        d = _device_of(device)
        return object.__new__(cls) if d is devices.CPU else _cuda.Stream(d, priority)

    @property
    def device(self) -> devices.device:
        """The CPU."""
        return devices.CPU

    def query(self) -> bool:
        """True: every operator is seen as done."""
        return True

    def synchronize(self) -> None:
        """Runs everything recorded so far and waits until it is done."""
        synchronize()

    def record_event(self, event: Event | None = None) -> Event:
        """Raises RuntimeError: the CPU's queue has no events."""
        raise RuntimeError(_MSG_NO_EVENTS)

    def wait_event(self, event: Event) -> None:
        """Makes later work wait for `event`: it does, in the order of the program."""

    def wait_stream(self, stream: Stream) -> None:
        """Raises RuntimeError: the CPU's queue has no events."""
        raise RuntimeError(_MSG_NO_EVENTS)

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: Any) -> None:
        pass

    def __eq__(self, other: object) -> bool:
        return other.__class__ is Stream

    def __hash__(self) -> int:
        return hash(Stream)

    def __repr__(self) -> str:
        return "torch.Stream device_type=cpu, device_index=-1, stream_id=0"


class Event(metaclass=_Kind):
    """A point in the queue of a device. The CPU's has none: only its questions work.

    Args:
        device: by default the accelerator, else the CPU. For an accelerator a `torch.cuda.Event` is made.
        enable_timing: keep the time of the point.
        blocking, interprocess: accepted.

    Raises:
        RuntimeError: there is no such device.
    """

    accelerated = _cuda.Event
    event_id = 0

    def __new__(
        cls, device: Any = None, *, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False
    ) -> Any:  # fmt: skip
        d = _device_of(device)
        if d is not devices.CPU:
            return _cuda.Event(enable_timing, blocking, interprocess)
        made = object.__new__(cls)
        made._timed = enable_timing
        return made

    _timed: bool

    @property
    def device(self) -> devices.device:
        """The CPU."""
        return devices.CPU

    def record(self, stream: Stream | None = None) -> None:
        """Raises RuntimeError: the CPU's queue has no events."""
        raise RuntimeError(_MSG_NO_EVENTS)

    def query(self) -> bool:
        """True: it was never recorded."""
        return True

    def wait(self, stream: Stream | None = None) -> None:
        """Returns at once: it was never recorded."""

    def synchronize(self) -> None:
        """Returns at once: it was never recorded."""

    def elapsed_time(self, end_event: Event) -> float:
        """Raises ValueError: neither event was recorded."""
        if not (self._timed and end_event._timed):
            raise ValueError("Both events must be created with argument 'enable_timing=True'.")
        raise ValueError("Both events must be recorded before calculating elapsed time.")

    def __repr__(self) -> str:
        return f"torch.Event device_type=cpu, device_index=-1, event_flag={int(self._timed)}, event_id=0"


class StreamContext(contextlib.nullcontext):
    """`with torch.cpu.stream(s)`: changes nothing."""


def stream(stream: Stream | None) -> StreamContext:
    """A context in which work goes to `stream`, the only one there is."""
    return StreamContext(stream)


def current_stream(device: Any = None) -> Stream:
    """The queue of the CPU."""
    return Stream("cpu")


def current_device() -> str:
    """`"cpu"`."""
    return "cpu"


def set_device(device: Any) -> None:
    """Changes nothing: there is one CPU."""


def device_count() -> int:
    """1: JAX's CPU."""
    return 1


def is_available() -> bool:
    """True."""
    return True


def is_initialized() -> bool:
    """True."""
    return True


__getattr__ = _missing(__name__)
