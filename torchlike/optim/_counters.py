"""Counters of an optimizer's state (`step`, ...): numbers on the host, tensors when looked at.

A bias correction needs the step count as a Python number, before the program is
dispatched; PyTorch shows it as one 0-dim tensor per parameter. So parameters that have
made the same steps form a `Cohort`, which holds their counters as plain numbers, and the
tensor's storage reads its number there. Writing to such a tensor takes its parameter out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .._core.dtypes import float64, from_jnp, get_default_dtype
from .._core.storage import Storage, value_from_numpy
from .._core.tensor import Tensor

__all__ = ["Cohort", "counter_type", "counters_of", "enlist"]


def counter_type() -> type[np.floating]:
    """The type of new counters: PyTorch keeps them in float32 unless the default dtype is wider."""
    return np.float64 if get_default_dtype() is float64 else np.float32


class Cohort:
    """Parameters that have made the same steps, and their counters.

    `size` counts the parameters; `broken` says that somebody has written to one of their tensors. Once a step may
    have been skipped inside a program (see `GradScaler`), the count of steps is a float64 Tensor.
    """

    __slots__ = ("numbers", "size", "broken", "dtype", "shown")

    def __init__(self, numbers: dict[str, float], size: int):
        self.numbers, self.size, self.broken = numbers, size, False
        self.dtype = counter_type()
        self.shown: dict[str, tuple[Any, Any]] = {}

    def show(self, name: str) -> Any:
        """The Value of a counter."""
        number: Any = self.numbers[name]
        found = self.shown.get(name)
        if isinstance(number, Tensor):
            if found is None or found[0] is not number:
                found = self.shown[name] = (number, number.to(from_jnp(self.dtype))._read())
            return found[1]
        if found is None or found[0] != number:
            found = self.shown[name] = (number, value_from_numpy(np.asarray(number, self.dtype)))
        return found[1]


class Counter(Storage):
    """The cell of a counter tensor: reads from its cohort, until it is written to."""

    __slots__ = ("cohort", "name", "own")

    def __init__(self, cohort: Cohort, name: str):
        super().__init__(None)  # type: ignore[arg-type]
        self.name = name
        self.cohort: Cohort | None = cohort

    @property
    def value(self) -> Any:  # type: ignore[override]
        """The current Value."""
        return self.own if self.cohort is None else self.cohort.show(self.name)

    @value.setter
    def value(self, value: Any) -> None:
        self.own = value
        cohort = getattr(self, "cohort", None)
        if cohort is not None:
            cohort.broken = True
        self.cohort = None


def cohort_of(t: Any) -> Cohort | None:
    """The cohort whose number a state entry shows, None for any other tensor."""
    storage: Any = getattr(t, "_storage", None)
    return storage.cohort if type(storage) is Counter else None


def counters_of(state: dict[str, Any], names: Iterable[str]) -> tuple[float, ...]:
    """A parameter's counters as numbers; tensors that somebody else made are looked at."""
    found = []
    for name in names:
        cohort = cohort_of(state[name])
        found.append(float(state[name]) if cohort is None else cohort.numbers[name])
    return tuple(found)


def common_cohort(states: list[dict[str, Any]], names: tuple[str, ...]) -> Cohort | None:
    """The cohort that consists of just these parameters, or None."""
    cohort = cohort_of(states[0].get(names[0]))
    if cohort is None or cohort.broken or cohort.size != len(states):
        return None
    for name in names:
        for s in states:
            storage = getattr(s.get(name), "_storage", None)
            if type(storage) is not Counter or storage.cohort is not cohort:  # type: ignore[union-attr]
                return None
    return cohort


def enlist(states: list[dict[str, Any]], numbers: dict[str, float]) -> Cohort:
    """Makes a cohort of these parameters; their counter tensors keep their identity."""
    cohort = Cohort(numbers, len(states))
    for s in states:
        for name in numbers:
            t: Any = s.get(name)
            if type(t) is not Tensor or t._lens is not None:
                t = s[name] = Tensor._from_value(None)  # type: ignore[arg-type]
            if type(t._storage) is Counter:
                t._storage.cohort = cohort
            else:
                t._storage = Counter(cohort, name)
    return cohort
