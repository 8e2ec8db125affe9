"""The table of executables: which Traces are compiled whole, which run in segments, and when that changes.

Tier 0 runs a Trace in segments (see `segments.py`); a Trace compiled whole is one executable. What
recurs in tier 0 is compiled in a background thread: XLA releases the GIL.
"""

from __future__ import annotations

import atexit
import collections
import functools
import itertools
import os
import queue
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any

from . import disk, program, segments
from .errors import TorchlikeWarning
from .graph import CALLS, Trace, user_site
from .program import Spec

MAX_PROGRAMS = int(os.environ.get("TORCHLIKE_MAX_EXECUTABLES", 1024))
MAX_SEGMENTS = 8 * MAX_PROGRAMS
# A CPU executable is 3 to some 100 memory mappings. Linux allows a process a number of them (65,530 where nobody
# changed it), and LLVM crashes beyond: executables go when this share is reached. Looked at after so many compiles.
MAPPED = 0.6
LOOK_EVERY = 32
LONG = 3000  # calls: a longer Trace starts in tier 0
FEW = 4  # programs of one line, each of which is compiled whole as soon as it recurs
IN_A_ROW = 3  # runs after which another one is compiled whole too; more where a line makes very many
LOG = os.environ.get("TORCHLIKE_LOG", "")
WARN_AFTER = 24  # distinct programs of one line before it is pointed out


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

    __slots__ = ("spec", "executable", "runs", "queued", "n_guards", "quick", "segments", "site", "nth",
                 "spent")  # fmt: skip

    def __init__(self, spec: Spec, quick: bool = False):
        self.spec = spec
        self.quick = quick  # a segment: compiled in little time
        self.executable: Any = None
        self.runs = 0
        self.queued = False  # for the background compile
        self.n_guards = sum(len(CALLS[n[0]].guards) for n in spec.nodes)
        self.segments: list[tuple[segments.Segment, Program]] | None = None  # what tier 0 runs
        self.site: Site | None = None  # the line that first made it, and which program of that line this is
        self.nth = 0
        self.spent = 0.0  # seconds in tier 0

    def text(self) -> str | None:
        """What names the executable on disk; None if it cannot be named."""
        text = self.spec.text()
        return text if text is None or not self.quick else f"quick {text}"


class Site:
    """A line of the user's that ends Traces: how many distinct ones, and the last that ran in tier 0."""

    __slots__ = ("count", "spec", "last", "in_a_row")

    def __init__(self) -> None:
        self.count = 0
        self.spec: Spec | None = None
        self.last: int = 0  # `nth` of the program, and how often it came in a row
        self.in_a_row = 0


programs: collections.OrderedDict[Any, Program] = collections.OrderedDict()
segment_programs: collections.OrderedDict[Spec, Program] = collections.OrderedDict()
_sites: dict[Any, Site] = {}  # by the user's line
cost = {"op": 0.035, "node": 0.012}  # seconds, running averages of measured compiles
lock = threading.RLock()
_compiled = itertools.count(1)


def new_program(key: Any, t: Trace, kind: str) -> Program:
    """A table entry for a Trace not seen before, compiled if its tier says so."""
    packs = tuple((group, len(a)) for group, a in program.packs_of(t))
    spec = Spec(key[0].items, key[1], key[2], tuple(v.aval for v in t.inputs), packs, t.device)
    p = Program(spec)
    if key[1] or p.n_guards:
        site = user_site()
        seen = p.site = _sites.setdefault(site, Site())
        seen.count += 1
        p.nth = seen.count
        reason = _explain(seen.spec, spec)
        seen.spec = spec
        start = time.perf_counter()
        tier = "0"
        if _compile_whole(p):
            tier = obtain(p)
        elif len(spec.nodes) > 1 and not Trace.eager and disk.has(p.text(), spec.device):
            p.segments = p.segments or split(spec)
            if all([small.executable is not None for _, small in p.segments]):
                background.fetch(p)  # they run meanwhile
                tier = "disk"
            elif _from_disk(p):
                tier = "disk"
        stats.log.append(
            {"site": site, "kind": kind, "calls": len(spec.nodes), "tier": tier, "reason": reason,
             "seconds": time.perf_counter() - start, "nth": p.nth}
        )  # fmt: skip
        if LOG == "compiles":
            print(
                f"torchlike: {tier} {len(spec.nodes)} calls at {site[0]}:{site[1]}: {reason}", file=sys.stderr
            )
        if p.nth == WARN_AFTER and tier == "compiled":
            warnings.warn(
                f"{site[0]}:{site[1]} has led to {p.nth} different programs; the last because {reason}. "
                "torchlike.debug.report() lists them.",
                TorchlikeWarning,
                stacklevel=2,
            )
    with lock:
        programs[key] = p
        while len(programs) > MAX_PROGRAMS:
            programs.popitem(last=False)
    return p


def _compile_whole(p: Program) -> bool:
    """Whether a Trace seen for the first time is compiled whole, or runs in segments.

    Whole is right for loops; segments where one line keeps making new Traces
    out of parts that have executables already, and for very long ones.
    """
    n = len(p.spec.nodes)
    if Trace.eager or n == 1 or n > LONG:
        return False
    if p.nth <= 2:
        return True
    if p.nth > FEW:
        return False
    p.segments = split(p.spec)
    fresh = {small.spec: small for _, small in p.segments if small.executable is None}
    return 2 * sum(map(_seconds, fresh)) > (p.nth - 2) * n * cost["node"]


def worth_compiling(p: Program) -> bool:
    """Whether a Trace that recurs in tier 0 should become one executable.

    At once where its line makes few programs or runs this one again and again: it is a loop. Else when
    tier 0 has taken as long as compiling would: whatever comes, at most twice the time of the better
    choice is spent.
    """
    n, site = len(p.spec.nodes), p.site
    if n == 1 or Trace.eager or site is None:
        return False
    site.in_a_row = site.in_a_row + 1 if site.last == p.nth else 1
    site.last = p.nth
    return (
        p.runs > 1
        and not p.queued
        and (p.nth <= FEW or site.in_a_row >= max(IN_A_ROW, p.nth // 3) or p.spent > n * cost["node"])
    )


def split(spec: Spec) -> list[tuple[segments.Segment, Program]]:
    """A Trace's segments with their programs, known or new."""
    return [(s, _segment_program(s.spec)) for s in segments.split(spec, _keep_together)]


def _segment_program(spec: Spec) -> Program:
    """The table's program of a segment, not yet compiled if new."""
    with lock:
        p = segment_programs.get(spec)
        if p is None:
            p = segment_programs[spec] = Program(spec, quick=True)
            while len(segment_programs) > MAX_SEGMENTS:
                _drop_segment()
        else:
            segment_programs.move_to_end(spec)
    return p


def ready(p: Program) -> Program:
    """The table's program of p's segment, with its executable: p itself unless it was dropped."""
    p = _segment_program(p.spec)
    if p.executable is None:
        obtain(p)
    return p


def _drop_segment() -> None:
    """Forgets the segment used longest ago; Programs that run it still refer to its entry."""
    segment_programs.popitem(last=False)[1].executable = None


def _make_room() -> None:
    """Drops the executables used longest ago where the process nears its limit of memory mappings."""
    allowed = mappings_allowed()
    if allowed is None:
        return
    with lock:
        while mappings() > MAPPED * allowed and (programs or segment_programs):
            for _ in range(len(programs) // 4 + 1 if programs else 0):
                programs.popitem(last=False)
            for _ in range(len(segment_programs) // 4 + 1 if segment_programs else 0):
                _drop_segment()


def mappings() -> int:
    """How many memory mappings this process has."""
    return Path("/proc/self/maps").read_bytes().count(b"\n")


@functools.cache
def mappings_allowed() -> int | None:
    """How many memory mappings a process may have; None where that has no limit."""
    setting = Path("/proc/sys/vm/max_map_count")
    return int(setting.read_text()) if setting.exists() else None


def _keep_together(spec: Spec) -> bool:
    """Whether calls that stand between repeats run as one: if that is known, or cheaper to compile."""
    if Trace.eager or len(spec.nodes) > LONG:
        return False
    if spec in segment_programs:
        return True
    singles = {node[0] for node in spec.nodes} - _single_calls()
    return _seconds(spec) <= len(singles) * cost["op"]


def _single_calls() -> set[int]:
    """Ids of the calls that have an executable of their own."""
    with lock:
        return {s.nodes[0][0] for s in segment_programs if len(s.nodes) == 1}


def _seconds(spec: Spec) -> float:
    """What compiling a program is expected to take."""
    n = len(spec.nodes)
    return cost["op"] if n == 1 else n * cost["node"]


def _from_disk(p: Program) -> bool:
    """Gives a Program its executable if it is on disk."""
    executable = disk.load(p.text(), p.spec.device)
    if executable is None:
        return False
    stats.disk_hits += 1
    p.executable = executable
    return True


def obtain(p: Program) -> str:
    """Gives a Program its executable, from disk or compiled now; says which."""
    if _from_disk(p):
        return "disk"
    if next(_compiled) % LOOK_EVERY == 0:
        _make_room()
    start = time.perf_counter()
    p.executable = program.compile_(p.spec, p.quick)
    spent = time.perf_counter() - start
    n = len(p.spec.nodes)
    _count_compile("node" if n > 1 else "op", spent, n)
    background.keep(p.text(), p.spec.device, p.executable)
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


class Background:
    """One daemon thread that compiles recurring tier-0 Traces, reads executables from disk and writes them there."""

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

    def fetch(self, p: Program) -> None:
        """Reads a Program's executable from disk; it is used from then on."""
        p.queued = True
        self._put(("fetch", p))

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
                if self.stopping and what != "store":
                    continue
                if what == "store":
                    disk.store(*item)
                elif what == "fetch":
                    item.queued = _from_disk(item)
                else:
                    obtain(item)
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


background = Background()
atexit.register(background.stop)


def _count_compile(tier: str, seconds: float, n: int) -> None:
    stats.compiles += 1
    stats.compile_seconds += seconds
    cost[tier] = 0.8 * cost[tier] + 0.2 * seconds / n
