"""Barriers: turn the pending Trace into an executable and run it.

`tiers.py` owns the table of executables. See README.md in this folder for one worked step.
"""

from __future__ import annotations

import collections
import os
import sys
import time
from typing import Any

import jax
import jax.core
import numpy as np

from . import checks, precision, program, tiers
from .errors import MSG_NO_DATA, OutOfMemoryError
from .graph import DEAD, GROUPS, NO_DATA, Failed, Trace, Value, current_trace, sequence
from .modes import local
from .program import lowering_platform
from .tiers import stats

__all__ = ["barrier", "materialize", "module_entry", "run", "stats", "lowering_platform", "host", "flush_all"]

_REFS = list(map(sys.getrefcount, [object()]))[0]  # of an object that only a list holds


# ---- barriers ------------------------------------------------------------------


def barrier(kind: str) -> None:
    """Runs all that this thread has pending, on every device; does not wait for results."""
    for t in list(local.ctx.traces.values()):
        run(t, kind)


def flush_all() -> None:
    """Runs what is pending and raises every outstanding data-dependent error."""
    barrier("observe")
    examine(wait=True)


def forget() -> None:
    """Drops every executable: a setting they depend on is about to change."""
    barrier("setting")
    with tiers.lock:
        tiers.programs.clear()
        tiers.segment_programs.clear()


precision.on_change.append(forget)


def wait() -> None:
    """Waits for background compiles and for executables on their way to disk."""
    tiers.background.wait()


def module_entry() -> None:
    """Barrier at an outermost module call outside taping, if an earlier one is pending.

    Keeps inference loops that only collect outputs in bounded memory.
    """
    for t in local.ctx.traces.values():
        if t.nodes:
            if t.entered:
                run(t, "module")
            t.entered = True
            return
    for t in local.ctx.traces.values():
        t.entered = True


def materialize(v: Value) -> Any:
    """The `jax.Array` of a Value; runs what is pending if need be, does not wait."""
    if v.arr is None:
        run(v.trace, "observe")
    arr = v.arr
    if arr is NO_DATA:
        raise NotImplementedError(MSG_NO_DATA)
    if isinstance(arr, Failed):
        raise RuntimeError(
            f"this tensor was the result of a computation that failed: {arr.error}"
        ) from arr.error
    return arr


def host(v: Value) -> np.ndarray:
    """A Value's data as a read-only NumPy array: runs, waits, and raises outstanding errors."""
    arr = materialize(v)
    if isinstance(arr, jax.core.Tracer):
        raise jax.errors.TracerArrayConversionError(arr)
    for t in list(local.ctx.traces.values()):
        if t.nodes:
            run(t, "observe")
    out = np.asarray(arr)
    examine(wait=True)
    return out


def run(t: Trace, kind: str) -> None:
    """Runs a Trace and gives its live Values their arrays.

    On an error of the program or of its compilation, storages written since the last
    barrier get their former Values back and the Trace is dropped; an interrupt before the
    program started leaves the Trace pending.
    """
    if not t.nodes:
        return
    counts = list(map(sys.getrefcount, t.vals))
    vals = t.vals
    live = tuple([i for i, n in enumerate(counts) if n > _REFS and vals[i] is not DEAD])
    inputs = t.inputs
    donated = []
    for i, n in enumerate(map(sys.getrefcount, inputs)):
        if n <= _REFS and not inputs[i].shared:
            donated.append(i)
    key = (sequence(t.nodes), live, tuple(donated))
    with tiers.lock:
        p = tiers.programs.get(key)
        if p is not None:
            tiers.programs.move_to_end(key)
            stats.cache_hits += 1
    if p is None:
        try:
            p = tiers.new_program(key, t, kind)
        except Exception as e:  # what cannot be compiled would fail with every later call again
            _roll_back(t, e)
            raise
    p.runs += 1
    stats.barriers[kind] += 1
    stats.recorded_calls += len(t.nodes)
    if not live and not p.n_guards:
        t.retire()
        return
    executable = p.executable
    if executable is None and tiers.worth_compiling(p):
        p.queued = True
        tiers.background.submit(p)
    try:
        if executable is None:
            outs, codes = _run_segments(t, p)
        else:
            args = [v.arr for v in inputs]
            for _, pack in program.packs_of(t):
                args.append(pack)
            with jax.enable_x64(True):
                outs = executable(*args)
            del args
            stats.executions += 1
            codes = outs.pop() if p.n_guards else None
    except Exception as e:
        _roll_back(t, e)
        if isinstance(e, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" in str(e):
            raise OutOfMemoryError(str(e)) from e
        raise
    for i, arr in zip(live, outs):
        v = vals[i]
        v.arr = arr  # type: ignore[union-attr]
        v.trace = None  # type: ignore[union-attr]
    if codes is not None:
        _outstanding.append((codes, [(g, site) for guards, site in t.sites for g in guards]))
    t.retire(p.runs > 1)
    if _outstanding:
        examine(wait=False)


Trace.run = staticmethod(run)  # type: ignore[assignment]
Trace.eager = os.environ.get("TORCHLIKE_EAGER", "0") not in ("", "0")


def _run_segments(t: Trace, p: tiers.Program) -> tuple[list[Any], Any]:
    """Tier 0: the Trace's segments one after the other."""
    if p.segments is None:
        p.segments = tiers.split(p.spec)
    start = time.perf_counter()
    env: dict[int, Any] = {}
    found: list[Any] = []
    inputs = t.inputs
    packs: tuple[Any, ...] = (None, t.floats, t.ints, t.complexes, t.keys)
    with jax.enable_x64(True):
        for i, (segment, small) in enumerate(p.segments):
            while (executable := small.executable) is None:
                small = tiers.ready(small)
                p.segments[i] = segment, small
                start = time.perf_counter()  # compiling is not running
            args = [env[s] if s >= 0 else inputs[-1 - s].arr for s in segment.reads]
            for group, places in segment.packs:
                pack = packs[group]
                args.append(np.array([pack[k] for k in places], program.PACK_DTYPES[group]))
            outs = executable(*args)
            if small.n_guards:
                found.append(outs.pop())
            env.update(zip(segment.writes, outs))
            for s in segment.drops:
                env.pop(s, None)
    stats.op_executions += len(p.segments)
    p.spent += time.perf_counter() - start
    codes = np.concatenate([np.asarray(c) for c in found]) if found else None
    return [env[i] for i in p.spec.live], codes


def _roll_back(t: Trace, error: BaseException) -> None:
    """After a failed program: storages as before, its results marked, the Trace empty."""
    for cells in reversed(t.journal):
        for ref, old, version in zip(*cells):
            storage = ref()
            v = t.inputs[(-1 - old) // GROUPS] if isinstance(old, int) else old
            if storage is not None and not v.arr.is_deleted():
                storage.value, storage.version = v, version
    for v in t.vals:
        if v is not DEAD and v is not None and v.arr is None:
            v.arr = Failed(error)
    t.retire()


# ---- data-dependent errors ----------------------------------------------------------

_outstanding: collections.deque[tuple[Any, list[Any]]] = collections.deque()


def examine(wait: bool) -> None:
    """Raises the first data-dependent error of programs that have finished (of all, with `wait`)."""
    while _outstanding:
        codes, sites = _outstanding[0]
        if not wait and not isinstance(codes, np.ndarray) and not codes.is_ready():
            return
        _outstanding.popleft()
        checks.raise_first(np.asarray(codes).tolist(), sites)


def journal(storage: Any) -> None:
    """Notes a storage's Value before it is overwritten, so that a failed program can give it back."""
    v = storage.value
    if v.arr is not None and not v.aval.group:
        t = current_trace(v.aval.device)
        t.journal.append(((storage.reference(),), (v.slot if v.trace is t else v,), (storage.version,)))
