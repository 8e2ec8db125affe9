"""Barriers: turn the pending Trace into an executable and run it.

Owns the only table of executables, its tiers and its statistics. See README.md
in this folder for one worked step.
"""

from __future__ import annotations

import atexit
import collections
import os
import queue
import sys
import threading
import time
import weakref
from typing import Any

import jax
import jax.core
import numpy as np

from . import checks, disk, precision, program
from .errors import OutOfMemoryError
from .graph import CALLS, DEAD, GROUPS, Failed, Trace, Value, current_trace, user_site
from .modes import local
from .program import Spec, lowering_platform

__all__ = ["barrier", "materialize", "module_entry", "run", "stats", "lowering_platform", "host", "flush_all"]

MAX_PROGRAMS = int(os.environ.get("TORCHLIKE_MAX_EXECUTABLES", 1024))
MAX_OPS = 8 * MAX_PROGRAMS  # executables of single calls; the oldest goes first
LONG = 3000  # calls: a longer Trace starts in tier 0
LOG = os.environ.get("TORCHLIKE_LOG", "")
WARN_AFTER = 24  # distinct programs of one line before it is pointed out
_REFS = list(map(sys.getrefcount, [object()]))[0]  # of an object that only a list holds


class Stats:
    """Counters since the last reset; `debug.stats()` shows them."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Sets every counter to zero."""
        self.compiles = self.executions = self.op_executions = self.recorded_calls = 0
        self.compile_seconds = 0.0
        self.cache_hits = self.disk_hits = self.background_compiles = 0
        self.barriers: dict[str, int] = collections.defaultdict(int)
        self.log: collections.deque[dict[str, Any]] = collections.deque(maxlen=256)


stats = Stats()


class Program:
    """One entry of the executable table."""

    __slots__ = ("spec", "executable", "runs", "queued", "n_guards")

    def __init__(self, spec: Spec):
        self.spec = spec
        self.executable: Any = None
        self.runs = 0
        self.queued = False
        self.n_guards = sum(len(CALLS[n[0]].guards) for n in spec.nodes)


_programs: collections.OrderedDict[Any, Program] = collections.OrderedDict()
_sites: dict[Any, list[Any]] = {}  # user's line -> [distinct keys, last Spec]
_cost = {"op": 0.035, "node": 0.012}  # seconds, running averages of measured compiles
_lock = threading.RLock()
_op_calls: collections.deque[Any] = collections.deque()  # calls that have an executable of their own


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
    with _lock:
        _programs.clear()
    for call in CALLS.values():
        call.compiled = None


precision.on_change.append(forget)


def wait() -> None:
    """Waits for background compiles and for executables on their way to disk."""
    _background.wait()


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

    On an error of the program, storages written since the last barrier get their
    former Values back and the Trace is dropped; an interrupt before the program
    started leaves the Trace pending.
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
    key = (tuple(t.nodes), live, tuple(donated))
    p = _programs.get(key)
    if p is None:
        p = _new_program(key, t, kind)
    else:
        _programs.move_to_end(key)
        stats.cache_hits += 1
    p.runs += 1
    stats.barriers[kind] += 1
    stats.recorded_calls += len(t.nodes)
    if not live and not p.n_guards:
        t.retire()
        return
    executable = p.executable
    if executable is None and not p.queued and p.runs > 1 and len(t.nodes) > 1:
        p.queued = True
        _background.submit(p)
    try:
        if executable is None:
            outs, codes = _run_ops(t, live)
        else:
            args = [v.arr for v in inputs]
            for _, pack in program.packs_of(t):
                args.append(pack)
            with jax.enable_x64(True):
                outs = executable(*args)
            del args
            stats.executions += 1
            codes = outs.pop() if p.n_guards else None
    except jax.errors.JaxRuntimeError as e:
        _roll_back(t, e)
        if "RESOURCE_EXHAUSTED" in str(e):
            raise OutOfMemoryError(str(e)) from e
        raise
    for i, arr in zip(live, outs):
        v = vals[i]
        v.arr = arr  # type: ignore[union-attr]
        v.trace = None  # type: ignore[union-attr]
    if codes is not None:
        _outstanding.append((codes, [(g, site) for guards, site in t.sites for g in guards]))
    t.retire()
    if _outstanding:
        examine(wait=False)


Trace.run = staticmethod(run)  # type: ignore[assignment]
Trace.eager = os.environ.get("TORCHLIKE_EAGER", "0") not in ("", "0")


def _run_ops(t: Trace, live: tuple[int, ...]) -> tuple[list[Any], Any]:
    """Tier 0: one small cached executable per call."""
    env: dict[int, Any] = {}
    found: list[Any] = []
    keep = set(live)
    wanted, last = _needed(t.nodes, keep)
    packs = (None, t.floats, t.ints, t.complexes, t.keys)
    done = 0
    with jax.enable_x64(True):
        for i, slot in wanted:
            node = t.nodes[i]
            call = CALLS[node[0]]
            executable = call.compiled or _op_executable(call)
            args = []
            for s, a in zip(node[1:], call.avals):
                if s >= 0:
                    args.append(env[s])
                    continue
                k, group = divmod(-1 - s, GROUPS)
                args.append(np.asarray(packs[group][k], a.dtype.jnp) if group else t.inputs[k].arr)  # type: ignore[index]
            outs = executable(*args)
            if call.guards:
                found.append(outs.pop())
            for n, out in enumerate(outs):
                env[slot + n] = out
            for s in node[1:]:
                if s >= 0 and last[s] == i and s not in keep:
                    env.pop(s, None)
            done += 1
    stats.op_executions += done
    codes = None
    if found:
        codes = np.concatenate([np.asarray(c) for c in found])
    return [env[i] for i in live], codes


def _needed(nodes: list[tuple[int, ...]], live: set[int]) -> tuple[list[tuple[int, int]], dict[int, int]]:
    """(node, its first slot) of the calls that live results or guards need, in order; last use of each slot."""
    starts, slot = [], 0
    for node in nodes:
        starts.append(slot)
        slot += len(CALLS[node[0]].outs)
    needed = set(live)
    last: dict[int, int] = {}
    wanted = []
    for i in range(len(nodes) - 1, -1, -1):
        call = CALLS[nodes[i][0]]
        if call.guards or any(s in needed for s in range(starts[i], starts[i] + len(call.outs))):
            wanted.append((i, starts[i]))
            for s in nodes[i][1:]:
                if s >= 0:
                    needed.add(s)
                    last.setdefault(s, i)
    wanted.reverse()
    return wanted, last


def _op_executable(call: Any) -> Any:
    """The executable of one call, from disk or compiled now."""
    executable = disk.load(call.text, call.device)
    if executable is not None:
        stats.disk_hits += 1
    else:
        start = time.perf_counter()
        executable = program.compile_call(call)
        spent = time.perf_counter() - start
        _count_compile("op", spent, 1)
        _background.keep(call.text, call.device, executable)
    call.compiled = executable
    _op_calls.append(call)
    if len(_op_calls) > MAX_OPS:
        _op_calls.popleft().compiled = None
    return executable


def _count_compile(tier: str, seconds: float, n: int) -> None:
    stats.compiles += 1
    stats.compile_seconds += seconds
    _cost[tier] = 0.8 * _cost[tier] + 0.2 * seconds / n


def _roll_back(t: Trace, error: BaseException) -> None:
    """After a failed program: storages as before, its results marked, the Trace empty."""
    for ref, old, version in reversed(t.journal):
        storage = ref()
        v = t.inputs[(-1 - old) // GROUPS] if isinstance(old, int) else old
        if storage is not None and not v.arr.is_deleted():
            storage.value, storage.version = v, version
    for v in t.vals:
        if v is not DEAD and v is not None and v.arr is None:
            v.arr = Failed(error)
    t.retire()


# ---- the executable table --------------------------------------------------------


def _new_program(key: Any, t: Trace, kind: str) -> Program:
    """A table entry for a Trace not seen before, compiled if its tier says so."""
    packs = tuple((group, len(a)) for group, a in program.packs_of(t))
    spec = Spec(key[0], key[1], key[2], tuple(v.aval for v in t.inputs), packs, t.device)
    p = Program(spec)
    if key[1] or p.n_guards:
        site = user_site()
        seen = _sites.setdefault(site, [0, None])
        seen[0] += 1
        reason = _explain(seen[1], spec)
        seen[1] = spec
        start = time.perf_counter()
        tier = "0"
        if _compile_whole(spec, seen[0]):
            tier = _obtain(p)
        elif len(spec.nodes) > 1 and not Trace.eager and _from_disk(p):
            tier = "disk"
        stats.log.append(
            {"site": site, "kind": kind, "calls": len(spec.nodes), "tier": tier, "reason": reason,
             "seconds": time.perf_counter() - start, "nth": seen[0]}
        )  # fmt: skip
        if LOG == "compiles":
            print(
                f"torchlike: {tier} {len(spec.nodes)} calls at {site[0]}:{site[1]}: {reason}", file=sys.stderr
            )
        if seen[0] == WARN_AFTER and tier == "compiled":
            import warnings

            from .errors import TorchlikeWarning

            warnings.warn(
                f"{site[0]}:{site[1]} has led to {seen[0]} different programs; the last because {reason}. "
                "torchlike.debug.report() lists them.",
                TorchlikeWarning,
                stacklevel=2,
            )
    with _lock:
        _programs[key] = p
        while len(_programs) > MAX_PROGRAMS:
            _programs.popitem(last=False)
    return p


def _compile_whole(spec: Spec, nth: int) -> bool:
    """Whether a Trace seen for the first time is compiled whole, or runs op by op.

    Whole is right for loops; op by op where one line keeps making new Traces
    out of calls that have executables already, and for very long ones.
    """
    n = len(spec.nodes)
    if Trace.eager or n == 1 or n > LONG:
        return False
    if nth <= 2:
        return True
    fresh = sum(CALLS[i].compiled is None for i in {node[0] for node in spec.nodes})
    return fresh * _cost["op"] / (nth - 2) > n * _cost["node"]


def _from_disk(p: Program) -> bool:
    """Gives a Program its executable if it is on disk."""
    executable = disk.load(p.spec.text(), p.spec.device)
    if executable is None:
        return False
    stats.disk_hits += 1
    p.executable = executable
    return True


def _obtain(p: Program) -> str:
    """Gives a Program its executable, from disk or compiled now; says which."""
    if _from_disk(p):
        return "disk"
    start = time.perf_counter()
    p.executable = program.compile_(p.spec)
    spent = time.perf_counter() - start
    _count_compile("node", spent, len(p.spec.nodes))
    _background.keep(p.spec.text(), p.spec.device, p.executable)
    return "compiled"


def _explain(old: Spec | None, new: Spec) -> str:
    """What differs between the last program of a line and this one, in words."""
    if old is None:
        return "first program of this line"
    a, b = [n[0] for n in old.nodes], [n[0] for n in new.nodes]
    if a != b:
        for i, (x, y) in enumerate(zip(a, b)):
            if x != y:
                cx, cy = CALLS[x], CALLS[y]
                if cx.name == cy.name and cx.avals != cy.avals:
                    return f"call {i} ({cy.name}) has operands {list(cy.avals)} instead of {list(cx.avals)}"
                if cx.name == cy.name:
                    return f"call {i} ({cy.name}) has other static arguments"
                return f"call {i} is {cy.name} instead of {cx.name}"
        return f"{len(b)} calls instead of {len(a)}"
    if old.nodes != new.nodes:
        return "the same calls are wired differently"
    if old.live != new.live:
        return f"{len(new.live)} results are still referred to instead of {len(old.live)}"
    return "other inputs are free to be overwritten"


class _Background:
    """One daemon thread that compiles recurring tier-0 Traces and writes executables to disk."""

    def __init__(self) -> None:
        self.jobs: queue.Queue[Any] = queue.Queue()
        self.thread: threading.Thread | None = None
        self.stopping = False

    def _put(self, job: Any) -> None:
        if self.stopping:
            return
        self.jobs.put(job)
        if self.thread is None or not self.thread.is_alive():
            self.thread = threading.Thread(target=self._work, name="torchlike-compile", daemon=True)
            self.thread.start()

    def submit(self, p: Program) -> None:
        """Compiles a Program; it is used from then on."""
        self._put(("compile", p))

    def keep(self, text: str | None, device: Any, executable: Any) -> None:
        """Stores an executable."""
        if text is not None and disk.folder() is not None:
            self._put(("store", (text, device, executable)))

    def wait(self) -> None:
        """Blocks until the queue is worked off."""
        self.jobs.join()

    def _work(self) -> None:
        while True:
            what, item = self.jobs.get()
            try:
                if self.stopping and what == "compile":
                    continue
                if what == "store":
                    disk.store(*item)
                else:
                    _obtain(item)
                    stats.background_compiles += 1
            except Exception as e:  # noqa: BLE001 - tier 0 goes on working; the report names it
                stats.log.append({"site": ("background", 0), "kind": what, "calls": 0, "tier": "failed",
                                  "reason": repr(e), "seconds": 0.0, "nth": 0})  # fmt: skip
            finally:
                self.jobs.task_done()

    def stop(self) -> None:
        """At exit: finishes what it is at (a thread inside XLA must not be killed) and the writing; drops other compiles."""
        self.stopping = True
        if self.thread is not None and self.thread.is_alive():
            self.jobs.join()


_background = _Background()
atexit.register(_background.stop)


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
        if storage.ref is None:
            storage.ref = weakref.ref(storage)
        t.journal.append((storage.ref, v.slot if v.trace is t else v, storage.version))
