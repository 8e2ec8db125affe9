"""`torch.random`: seeds and states of the default generators."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from ._core import devices
from ._core.names import missing
from ._core.random import Generator, default_generator, generator_for, manual_seed_all, parity
from ._core.tensor import Tensor, from_numpy_copy

Generator.wrap_state = staticmethod(from_numpy_copy)


def manual_seed(seed: Any) -> Generator:
    """Starts the stream of `seed` on all devices and returns the CPU's generator.

    Args:
        seed: what `int()` takes, from -2**63 to 2**64 - 1; a negative one counts from 2**64.

    Raises:
        ValueError: `seed` is out of range.
    """
    return manual_seed_all(int(seed))


def seed() -> int:
    """Seeds all devices from the operating system and returns the 64-bit seed."""
    fresh = default_generator.seed()
    manual_seed_all(fresh)
    return fresh


def initial_seed() -> int:
    """The seed the CPU's stream was started with."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The state of the CPU's generator: uint8 tensor of shape (5056,), PyTorch's layout."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Continues from a state of `get_rng_state`.

    Raises:
        TypeError: `new_state` is no uint8 tensor.
        RuntimeError: it is no generator state.
    """
    default_generator.set_state(new_state)


def thread_safe_generator() -> Generator | None:
    """The generator of a data loading thread; None elsewhere, and workers are processes here: always None."""
    return None


@contextlib.contextmanager
def fork_rng(
    devices: Any = None,
    enabled: bool = True,
    _caller: str = "fork_rng",
    _devices_kw: str = "devices",
    device_type: str = "cuda",
) -> Iterator[None]:
    """Runs a block whose draws leave the generators as they were.

    Args:
        devices: accelerators whose generators are kept, too (default: all).
        enabled: False makes this a block like any other.
        device_type: kind of the accelerators.
    """
    if not enabled:
        yield
        return
    kept = [default_generator, *(generator_for(d) for d in _accelerators(devices, device_type))]
    states = [g.state_bytes() for g in kept]
    try:
        yield
    finally:
        for g, state in zip(kept, states):
            g.load_state_bytes(state)


def _accelerators(chosen: Any, kind: str) -> list[devices.device]:
    if kind == "cpu" or chosen is None and not devices.accelerators():
        return []
    indices = range(len(devices.accelerators())) if chosen is None else chosen
    return [devices.canonical(devices.device(kind, i) if isinstance(i, int) else i) for i in indices]


__all__ = [
    "Generator",
    "default_generator",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "parity",
    "seed",
    "thread_safe_generator",
    "set_rng_state",
]
__getattr__ = missing(__name__)
