"""Version counters: which writes to a storage a Tensor counts.

All Tensors over a storage share its counter, as in PyTorch, but for those that `.data` made: such a Tensor
and its views count the writes through themselves only, and nobody else counts those.
"""

from __future__ import annotations

import weakref
from typing import Any


class Counter:
    """What a Tensor that `.data` made counts by, and its views with it."""


# Per storage: ranges (first, last] of versions that such a counter has to itself.
_ranges: weakref.WeakKeyDictionary[Any, list[list[Any]]] = weakref.WeakKeyDictionary()
_MAX_RANGES = 64


def note(storage: Any, counter: Counter) -> None:
    """The storage's latest write was made through a Tensor of this counter."""
    ranges = _ranges.setdefault(storage, [])
    now = storage.version
    if ranges and ranges[-1][1] == now - 1 and ranges[-1][2] is counter:
        ranges[-1][1] = now
    else:
        ranges.append([now - 1, now, counter])
        del ranges[:-_MAX_RANGES]


def writes(storage: Any, counter: Counter | None = None, after: int = 0, until: int | None = None) -> int:
    """How many writes after version `after` count for Tensors of this counter (None: the storage's)."""
    end = storage.version if until is None else until
    ranges = _ranges.get(storage, ())
    apart = [
        max(0, min(last, end) - max(first, after))
        for first, last, own in ranges
        if counter is None or own is counter
    ]
    return sum(apart) if counter is not None else end - after - sum(apart)
