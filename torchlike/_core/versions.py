"""Version counters: which writes to a storage a Tensor counts.

All Tensors over a storage share its counter, as in PyTorch, but for those that `.data` made: such a Tensor
and its views count the writes through themselves only, and nobody else counts those. A Tensor that was
given other data (`x.data = y`, `set_`) goes on counting from where it was, and by itself.
"""

from __future__ import annotations

import weakref
from typing import Any


class Counter:
    """What a Tensor whose writes are its own counts by, and its views with it.

    Attributes:
        kept: what it had counted before.
        before: a weak reference to the storage it had before, if any; `was` is how it counted there.
        early: its writes that `_ranges` does not tell any more.
    """

    __slots__ = ("kept", "before", "was", "early")

    def __init__(self, kept: int = 0, before: Any = None, was: Counter | None = None):
        self.kept, self.early = kept, 0
        self.before = None if before is None else weakref.ref(before)
        self.was = was
        if was is not None and was.before is not None and was.before() is None:
            was.before = was.was = None  # nobody asks any more


NEVER = Counter()
NOBODY = Counter()  # of writes that no Tensor counts


# Per storage: ranges (first, last] of versions that such a counter has to itself, and the writes in earlier ones.
_ranges: weakref.WeakKeyDictionary[Any, list[list[Any]]] = weakref.WeakKeyDictionary()
_early: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
_MAX_RANGES = 64


def note(storage: Any, counter: Counter) -> None:
    """The storage's latest write was made through a Tensor of this counter, whatever was noted of it before."""
    ranges = _ranges.setdefault(storage, [])
    now = storage.version
    if ranges and ranges[-1][1] == now:
        ranges[-1][1] -= 1
        if ranges[-1][0] == ranges[-1][1]:
            ranges.pop()
    if ranges and ranges[-1][1] == now - 1 and ranges[-1][2] is counter:
        ranges[-1][1] = now
    else:
        ranges.append([now - 1, now, counter])
        while len(ranges) > _MAX_RANGES:
            first, last, own = ranges.pop(0)
            own.early += last - first
            _early[storage] = _early.get(storage, 0) + last - first


def writes(storage: Any, counter: Counter | None = None, after: int = 0, until: int | None = None) -> int:
    """How many writes after version `after` count for Tensors of this counter (None: the storage's)."""
    end = storage.version if until is None else until
    ranges = _ranges.get(storage, ())
    apart = [
        max(0, min(last, end) - max(first, after))
        for first, last, own in ranges
        if counter is None or own is counter
    ]
    early = 0 if after else _early.get(storage, 0) if counter is None else counter.early
    return sum(apart) + early if counter is not None else end - after - sum(apart) - early


def counted(storage: Any, counter: Counter | None, until: int | None = None) -> int:
    """What a Tensor over a storage shows as its version (as it was at the storage's version `until`)."""
    return (0 if counter is None else counter.kept) + writes(storage, counter, until=until)


def while_over(storage: Any, counter: Counter | None) -> Counter | None:
    """How a Tensor counted while it showed a storage that it was taken from since; NEVER if it was not."""
    while counter is not None and counter.before is not None:
        if counter.before() is storage:
            return counter.was
        counter = counter.was
    return NEVER
