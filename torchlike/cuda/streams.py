"""`torch.cuda.Stream` and `Event`. An accelerator under XLA has one queue, in program order.

Every stream stands for that queue, so waiting on another stream is always already true.
"""

from __future__ import annotations

import time
from typing import Any

from .._core import devices
from . import _devices


class Event:
    """A point in an accelerator's queue.

    Args:
        enable_timing: keep the time at which the accelerator got there. `record()` then waits for it.
        blocking, interprocess: accepted; waiting always blocks, and other processes see no events.

    Raises:
        RuntimeError: there is no accelerator, or `interprocess` is asked for.
    """

    def __init__(self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False):
        if not _devices.is_available():
            raise RuntimeError("Tried to instantiate dummy base class Event")
        if interprocess:
            raise RuntimeError(
                "cuda.Event(interprocess=True): events stay in one process; use interprocess=False"
            )
        self._timed = enable_timing
        self._mark: Any = None
        self._time: float | None = None

    def record(self, stream: Stream | None = None) -> None:
        """Puts the event behind everything recorded so far."""
        self._mark = _devices.enqueue_marker(stream.device if stream else None)
        if self._timed:
            self._mark.block_until_ready()
            self._time = time.perf_counter()

    def query(self) -> bool:
        """Whether the accelerator has passed the event; True if it was never recorded."""
        return self._mark is None or self._mark.is_ready()

    def synchronize(self) -> None:
        """Waits until the accelerator has passed the event."""
        if self._mark is not None:
            self._mark.block_until_ready()

    def wait(self, stream: Stream | None = None) -> None:
        """Makes `stream` wait for the event: it does, as there is one queue."""

    def elapsed_time(self, end_event: Event) -> float:
        """Milliseconds from this event to `end_event`.

        Raises:
            ValueError: one of them has no timing, or was not recorded.
        """
        if not (self._timed and end_event._timed):
            raise ValueError("Both events must be created with argument 'enable_timing=True'.")
        if self._time is None or end_event._time is None:
            raise ValueError("Both events must be recorded before calculating elapsed time.")
        return (end_event._time - self._time) * 1e3


class Stream:
    """The queue of an accelerator.

    Raises:
        RuntimeError: there is no accelerator.
    """

    cuda_stream = 0

    def __init__(self, device: Any = None, priority: int = 0):
        if not _devices.is_available():
            raise RuntimeError("torch.cuda.Stream requires CUDA support")
        self.device = devices.device("cuda", _devices.index_of(device))
        self.priority = priority

    @property
    def device_index(self) -> int:
        return self.device.index or 0

    def synchronize(self) -> None:
        """Waits until everything recorded so far is done."""
        _devices.synchronize(self.device)

    def query(self) -> bool:
        """Whether everything recorded so far is done."""
        return _devices.enqueue_marker(self.device).is_ready()

    def record_event(self, event: Event | None = None) -> Event:
        """Records `event`, or a new one, and returns it."""
        event = event or Event()
        event.record(self)
        return event

    def wait_event(self, event: Event) -> None:
        """Makes later work wait for `event`: it does, as there is one queue."""

    def wait_stream(self, stream: Stream) -> None:
        """Makes later work wait for `stream`: it does, as there is one queue."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and other.device is self.device

    def __hash__(self) -> int:
        return hash(self.device)

    def __repr__(self) -> str:
        return f"<torch.cuda.Stream device={self.device} cuda_stream={self.cuda_stream:#x}>"


class StreamContext:
    """`with torch.cuda.stream(s)`: computes on the device of `s`; None changes nothing."""

    def __init__(self, stream: Stream | None):
        self.stream = stream
        self._inner = _devices.device(stream.device_index if stream else -1)

    def __enter__(self) -> None:
        self._inner.__enter__()

    def __exit__(self, *_: Any) -> None:
        self._inner.__exit__()


def stream(stream: Stream | None) -> StreamContext:
    """A context in which work goes to `stream`."""
    return StreamContext(stream)


def set_stream(stream: Stream | None) -> None:
    """Makes the device of `stream` the current one; None changes nothing."""
    if stream is not None:
        _devices.set_device(stream.device_index)


def current_stream(device: Any = None) -> Stream:
    """The queue of `device`.

    Raises:
        AssertionError: there is no accelerator.
    """
    _devices.require()
    return Stream(device)


default_stream = current_stream
