"""Errors that depend on data: found inside the program, raised at an observation.

A lowering calls `guard(wrong, IndexError, "message {}", value)`. While a call is
inferred or a program built, the collector gathers what was guarded; the program
then returns one packed array, two int64 per guard (wrong?, value), which is
examined without blocking after later barriers and, at the latest, at the next
observation.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp


@dataclass(frozen=True)
class GuardKind:
    """What to raise: exception type and message (`{}` takes the guarded value)."""

    error: type[Exception]
    message: str


@dataclass(frozen=True)
class Guard:
    """One collected guard: kind, 0-d bool array (True is wrong), 0-d int64 value."""

    kind: GuardKind
    wrong: Any
    value: Any


class _Collector(threading.local):
    active: list[Guard] | None = None


_collector = _Collector()


@contextlib.contextmanager
def collecting() -> Iterator[list[Guard]]:
    """Gathers the guards of the lowerings traced inside."""
    previous, found = _collector.active, []
    _collector.active = found
    try:
        yield found
    finally:
        _collector.active = previous


@contextlib.contextmanager
def ignoring() -> Iterator[None]:
    """Drops guards (a lowering traced again for its gradient)."""
    previous, _collector.active = _collector.active, None
    try:
        yield
    finally:
        _collector.active = previous


def guard(wrong: Any, error: type[Exception], message: str, value: Any = 0) -> None:
    """Reports `error(message.format(value))` when the 0-d bool `wrong` turns out True.

    Only at the top level of a lowering: not inside scan, vmap or a custom gradient.
    """
    if _collector.active is not None:
        _collector.active.append(Guard(GuardKind(error, message), wrong, value))


def pack(found: list[Guard]) -> Any:
    """The (n, 2) int64 array that carries collected guards out of a program."""
    rows = [jnp.stack([jnp.asarray(g.wrong, jnp.int64), jnp.asarray(g.value, jnp.int64)]) for g in found]
    return jnp.stack(rows)


def raise_first(codes: Any, sites: list[tuple[GuardKind, Any]]) -> None:
    """Raises for the first guard that fired, naming the line that recorded the op."""
    for (wrong, value), (kind, site) in zip(codes, sites):
        if wrong:
            error = kind.error(kind.message.format(int(value)))
            if hasattr(error, "add_note"):
                error.add_note(f"recorded at {site[0]}:{site[1]}")
            raise error
