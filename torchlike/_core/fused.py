"""Calls over lists of Tensors: what an optimizer's update is recorded as."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

import jax.numpy as jnp

from .autograd import taped
from .graph import CONCRETE, GROUPS, SCALAR, Call, Value, adopt_all, common_device, make_call, pending, record
from .modes import local
from .program import lowering_for
from .storage import overwrite, write_all
from .tensor import Tensor
from .versions import NOBODY, note

MAX_UPDATES = 64  # of one parameter group
_calls: dict[Any, Call] = {}


def fused(
    name: str, fn: Callable, static: tuple[tuple[str, Any], ...], lists: Any, scalars: Any
) -> tuple[list[Value], ...]:
    """Records one call over lists of Tensors; no tape.

    Args:
        name: identifies `fn` across processes.
        fn: `fn(lists, scalars, **dict(static)) -> tuple of tuples of arrays`, pure JAX.
        static: hashable keyword arguments.
        lists: tuple of lists of Tensors, or of Values.
        scalars: Python numbers, lifted.

    Returns:
        Lists of Values of the shape that `fn` returns.
    """
    call, values = _call(name, fn, static, lists, scalars)
    adopt_all(call.device, values)
    return _grouped(call, record(call, values))


def fused_taped(
    name: str, fn: Callable, static: tuple[tuple[str, Any], ...], lists: Any, scalars: Any, grad_name: str
) -> tuple[tuple[list[Value], ...], Any]:
    """`fused` with history: also returns the Node, whose outputs are all Values in order (None: no history)."""
    call, values = _call(name, fn, static, lists, scalars)
    edges = [t._edge() for items in lists for t in items]
    outs, node = taped(call, values, edges + [None] * (len(values) - len(edges)), grad_name)
    return _grouped(call, outs), node


def _grouped(call: Call, outs: list[Value]) -> tuple[list[Value], ...]:
    result, start = [], 0
    for k in call.extra:
        result.append(outs[start : start + k])
        start += k
    return tuple(result)


def _call(
    name: str, fn: Callable, static: tuple[tuple[str, Any], ...], lists: Any, scalars: Any
) -> tuple[Call, list[Value]]:
    """The interned call of a `fused` and its operands."""
    values: list[Value] = []
    for items in lists:
        if items and type(items[0]) is Value:
            values += items
            continue
        for t in items:
            s = t._storage
            values.append(s.value if t._lens is None and s.host is None else t._read())
    tensors = tuple([v.aval for v in values])
    lifted = [Value(SCALAR[type(x)], x) for x in scalars]
    key = (name, static, tuple([len(items) for items in lists]), tensors, tuple([v.aval for v in lifted]))
    call = _calls.get(key)
    if call is None:
        lengths = key[2]
        n = len(values)

        def call_fn(*arrays: Any) -> tuple[Any, ...]:
            it = iter(arrays[:n])
            grouped = tuple(tuple(next(it) for _ in range(k)) for k in lengths)
            outs = fn(grouped, tuple(jnp.asarray(a) for a in arrays[n:]), **dict(static))
            sizes.append(tuple(len(o) for o in outs))
            return tuple(x for o in outs for x in o)

        sizes: list[tuple[int, ...]] = []
        avals = (*tensors, *[v.aval for v in lifted])
        with lowering_for(common_device(avals)):
            call = make_call(name, f"{name}|{fn.__module__}.{fn.__qualname__}|{key[1:]}", call_fn, avals)
        call.extra = sizes[0]
        _calls[key] = call
    return call, values + lifted


# ---- what is written back -------------------------------------------------------------------


def rebind(tensors: list[Tensor], values: Iterable[Any], writes: int = 1) -> None:
    """`Tensor._write` for lists, without two calls per tensor.

    Versions count it as so many writes; with 0, it is like one through `.data`.
    """
    storages = [t._storage for t in tensors if t._lens is None and t._counter is None]
    if len(storages) == len(tensors) and writes:
        return write_all(storages, values, writes)
    for t, v in zip(tensors, values):
        t._write(v)
        for _ in range(writes - 1):
            t._touch()
        if not writes:
            note(t._storage, NOBODY)


def rewrite(
    known: dict[Any, Update], name: str, fn: Callable, static: tuple[tuple[str, Any], ...], tensors: tuple[list[Tensor], ...],
    grads: list[Value], given: list[Tensor], numbers: list[float], writes: int,
) -> None:  # fmt: skip
    """Records `fused` over `(tensors[0], grads, given, *tensors[1:])` and writes its results to `tensors`.

    Args:
        known: what was noted of such calls here, by the number of results before them: one that comes again as it
            was is followed.
        writes: how many writes to the first list versions count; the others count one.
    """
    t = local.ctx.traces.get(grads[0].aval.device)
    before = 0 if t is None else len(t.vals)
    update = known.get(before)
    if update is not None and not given and update.follow(static, tensors, grads, numbers, writes):
        return
    call, values = _call(name, fn, static, (tensors[0], grads, given, *tensors[1:]), numbers)
    adopt_all(call.device, values)
    results = record(call, values)
    noted = Update.noted(call, values, results, static, tensors, len(grads), writes) if not given else None
    if noted is not None:
        if len(known) >= MAX_UPDATES:
            known.clear()
        known[before] = noted
    for i, (items, new) in enumerate(zip(tensors, _grouped(call, results))):
        rebind(items, new, 1 if i else writes)


class Update:
    """A call of `rewrite` as it was recorded before (compare `follow.py`).

    Attributes:
        call, static, writes: of the call.
        tensors: how many there are in each list.
        cells: in the order of the results, of each Tensor the weak reference to its Storage, and aval and slot of what
            it held; `refs` are the references alone, `old` the slots.
        grads: `(aval, slot)` of the gradients, results of this Trace.
        floats: how many numbers were lifted before those of this call.
        slot: of the first result.
        node: what was appended to `Trace.nodes`.
        counts: the writes counted of each Tensor.
    """

    __slots__ = (
        "call", "static", "writes", "tensors", "cells", "refs", "old", "grads", "floats", "slot", "node", "counts",
    )  # fmt: skip

    @classmethod
    def noted(
        cls, call: Call, values: list[Value], results: list[Value], static: Any, tensors: tuple[list[Tensor], ...],
        grads: int, writes: int,
    ) -> Update | None:  # fmt: skip
        """Notes the call that was just recorded, before its results are written; None where it cannot be followed."""
        t = results[0].trace
        if t is None or not t.repeats or not writes or call.guards:
            return None
        n, flat = len(tensors[0]), [x for items in tensors for x in items]
        before = [*values[:n], *values[n + grads : grads + len(flat)]]
        gradients = values[n : n + grads]
        numbers = values[grads + len(flat) :]
        if (
            any(x._lens is not None or x._counter is not None or x._storage.host is not None for x in flat)
            or any(type(v.arr) not in CONCRETE or v.aval is not r.aval for v, r in zip(before, results))
            or any(v.aval.device is not t.device for v in before)
            or any(v.trace is not t or v.slot < 0 for v in gradients)
            or any(v.aval is not SCALAR[float] for v in numbers)
            or len(results) != len(flat)
        ):
            return None
        self = cls()
        self.call, self.static, self.writes = call, static, writes
        self.tensors = [len(items) for items in tensors]
        self.refs = [x._storage.reference() for x in flat]
        self.old = [v.slot for v in before]
        self.cells = [(ref, v.aval, v.slot) for ref, v in zip(self.refs, before)]
        self.grads = [(v.aval, v.slot) for v in gradients]
        self.floats = len(t.floats) - len(numbers)
        self.slot = results[0].slot
        self.node = t.nodes[-1]
        self.counts = [1 if i else writes for i, items in enumerate(tensors) for _ in items]
        return self

    def follow(
        self, static: Any, tensors: tuple[list[Tensor], ...], grads: list[Value], numbers: list[float], writes: int
    ) -> bool:  # fmt: skip
        """Records and writes the same with other data; False, and nothing written, where it does not fit."""
        call = self.call
        t = local.ctx.traces.get(call.device)
        if (
            t is None
            or len(t.vals) != self.slot
            or len(t.floats) != self.floats
            or static != self.static
            or writes != self.writes
            or [len(items) for items in tensors] != self.tensors
            or len(grads) != len(self.grads)
        ):
            return False
        left = t.left - call.weight
        if left < 0:
            return False
        for g, (aval, slot) in zip(grads, self.grads):
            if g.slot != slot or g.trace is not t or g.aval is not aval:
                return False
        inputs = t.inputs
        storages = []
        for x, (ref, aval, slot) in zip(chain(*tensors), self.cells):
            s = x._storage
            if s.ref is not ref or x._lens is not None or x._counter is not None or s.host is not None:
                return False
            v = s.value
            if v.aval is not aval:
                return False
            if v.trace is t:
                if v.slot != slot:
                    return False
            elif slot == -1 - len(inputs) * GROUPS and type(v.arr) in CONCRETE:
                v.trace = t
                v.slot = slot
                inputs.append(v)
            else:
                return False
            storages.append(s)
        t.left = left
        t.floats += numbers
        results = pending(t, call.outs, self.slot)
        t.nodes.append(self.node)
        t.vals += results
        overwrite(t, storages, self.refs, self.old, results, self.counts)
        return True
