"""`torch.cuda.random`: seeds and states of the accelerators' generators."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .._core import devices
from .._core.random import Generator, generator_for
from . import _devices


def _generator(device: Any = None) -> Generator:
    return generator_for(devices.device("cuda", _devices.index_of(device)))


def _all() -> list[Generator]:
    return [_generator(i) for i in range(_devices.device_count())]


def manual_seed(seed: int) -> None:
    """Starts the stream of `seed` on the current accelerator; without one, does nothing."""
    if _devices.is_available():
        _generator().manual_seed(int(seed))


def manual_seed_all(seed: int) -> None:
    """Starts the stream of `seed` on every accelerator."""
    for generator in _all():
        generator.manual_seed(int(seed))


def seed() -> None:
    """Seeds the current accelerator from the operating system; without one, does nothing."""
    if _devices.is_available():
        _generator().seed()


def seed_all() -> None:
    """Seeds every accelerator with one number from the operating system."""
    generators = _all()
    if generators:
        manual_seed_all(generators[0].seed())


def initial_seed() -> int:
    """The seed the current accelerator's stream was started with."""
    return _generator().initial_seed()


def get_rng_state(device: Any = "cuda") -> Any:
    """The state of one accelerator's generator, a uint8 tensor."""
    return _generator(device).get_state()


def set_rng_state(new_state: Any, device: Any = "cuda") -> None:
    """Continues one accelerator's stream from a state of `get_rng_state`."""
    _generator(device).set_state(new_state)


def get_rng_state_all() -> list[Any]:
    """The states of all accelerators' generators."""
    return [generator.get_state() for generator in _all()]


def set_rng_state_all(new_states: Iterable[Any]) -> None:
    """Continues every accelerator's stream from states of `get_rng_state_all`."""
    for generator, state in zip(_all(), new_states):
        generator.set_state(state)
