"""Mutable cells. Tensors that alias share one Storage.

A Storage holds the current Value and counts its writes. While NumPy shares its
memory (`from_numpy`, `.numpy()`), the array itself is the truth: reads take a
snapshot and writes go through, until NumPy's side lets go.
"""

from __future__ import annotations

import sys
import weakref
from typing import Any

import numpy as np

from . import devices, dtypes, engine, program
from .graph import Trace, Value, arranged, aval, current_trace, without_data
from .layouts import Order, laid, owned
from .versions import NOBODY, note

_ALIGN = 64


class Storage:
    """One mutable cell: current Value, version counter, and NumPy memory shared with the user."""

    __slots__ = ("value", "version", "host", "pinned", "ref", "__weakref__")

    def __init__(self, value: Value):
        self.value = value
        self.version = 0
        self.host: np.ndarray | None = None
        self.pinned: Any = None  # the Trace in which a Node saved this
        self.ref: Any = None  # a weak reference to this, made once it is written to

    def read(self) -> Value:
        """The current Value; a snapshot while NumPy shares the memory."""
        if self.host is None:
            return self.value
        order = self.value.aval.order
        if not self.seen_outside():  # nobody else can write any more
            self.value, self.host = value_from_numpy(self.host, copy=False, order=order), None
            return self.value
        return value_from_numpy(self.host, order=order)

    def write(self, value: Value) -> None:
        """Rebinds the cell to a new Value of any shape; aliases see it. Memory keeps its order."""
        a, was = value.aval, self.value.aval
        if a is not was and a.order != was.order:
            value = arranged(value, was.order if a.shape == was.shape else owned(a.order))
        if self.host is None:
            engine.journal(self)
        self.touch()
        if self.host is not None:
            data = engine.host(value)
            if self.seen_outside() and data.shape == self.host.shape:
                np.copyto(self.host, data)
                return
            self.host = None
        self.value = value

    def reference(self) -> Any:
        """A weak reference to this."""
        ref = self.ref
        if ref is None:
            ref = self.ref = weakref.ref(self)
        return ref

    def touch(self) -> None:
        """Counts a write; a backward that saved this data cannot be replayed from a plan any more."""
        if self.pinned is not None:
            self.pinned.planned = False
            self.pinned = None
        self.version += 1

    def seen_outside(self) -> bool:
        """Whether somebody else refers to the shared NumPy memory."""
        owner = self.host.base if self.host is not None else None
        return sys.getrefcount(self.host) > _HOST_REFS or (
            owner is not None and (not isinstance(owner, np.ndarray) or sys.getrefcount(owner) > _OWNER_REFS)
        )

    def share(self) -> np.ndarray:
        """NumPy memory that this Storage and the caller see alike from now on."""
        if self.host is None:
            self.host = laid(engine.host(self.value), self.value.aval.order)
            self.touch()  # what views or a backward remember is not to be relied on any more
            note(self, NOBODY)
        return self.host


def write_all(storages: list[Storage], values: Any, writes: int) -> None:
    """`Storage.write` for many cells at once, counted so often: what an optimizer's step does to every parameter."""
    device = values[0].aval.device
    t = current_trace(device)
    alike: list[Storage] = []
    new, old = [], []
    for s, v in zip(storages, values):
        was = s.value
        a = v.aval
        if s.host is not None or was.aval is not a or a.device is not device or was.arr is None:
            s.write(v)
            s.version += writes - 1
        else:
            alike.append(s)
            old.append(was.slot if was.trace is t else was)
            new.append(v)
    overwrite(t, alike, [s.reference() for s in alike], old, new, [writes] * len(alike))


def overwrite(
    t: Trace, storages: list[Storage], refs: list[Any], old: list[Any], values: list[Value], counts: list[int]
) -> None:
    """Gives cells of their own memory new Values of the same aval.

    Args:
        t: the pending Trace, which gives them back what they had if its program fails.
        refs: weak references to the cells.
        old: what they had: inputs of the Trace by slot, or concrete Values.
        counts: how many writes this counts as, of each.
    """
    versions = [s.version for s in storages]
    t.journal.append((refs, old, versions))
    for s, v, count in zip(storages, values, counts):
        if s.pinned is not None:  # as `touch`
            s.pinned.planned = False
            s.pinned = None
        s.value = v
        s.version += count


def _host_refs() -> tuple[int, int]:
    """What `seen_outside` counts when only the Storage holds the array, and the array its owner."""
    probe = Storage(Value(aval((), dtypes.float32)))
    probe.host = np.zeros(2)[:1]
    owner = probe.host.base
    return sys.getrefcount(probe.host), sys.getrefcount(owner)


_HOST_REFS, _OWNER_REFS = _host_refs()


def aligned_copy(a: np.ndarray) -> np.ndarray:
    """A contiguous copy that XLA:CPU can use in place."""
    raw = np.empty(a.nbytes + _ALIGN, np.uint8)
    offset = -raw.ctypes.data % _ALIGN
    out = raw[offset : offset + a.nbytes].view(a.dtype).reshape(a.shape)
    np.copyto(out, a)
    return out


def value_from_numpy(
    a: np.ndarray, device: Any = devices.CPU, copy: bool = True, order: Order = None
) -> Value:
    """A concrete Value with the data of a NumPy array (`copy=False`: the array is the caller's gift)."""
    d = dtypes.from_jnp(a.dtype)
    if device is devices.META:
        return without_data(a.shape, d, order)
    if a.dtype.byteorder == ">":
        a = a.astype(a.dtype.newbyteorder("="))
    av = aval(a.shape, d, device, order)
    memory = aligned_copy(a) if copy else np.ascontiguousarray(a).reshape(a.shape)
    return Value(av, program.place(memory, av))
