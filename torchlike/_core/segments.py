"""Tier 0: a Trace cut into segments, small programs that other Traces share.

A Python loop (the letters of a word, the layers of a model) repeats itself in the Trace. A word of
another length is another Trace, but made of the same pieces: `split` cuts it into the repeated unit
and what stands between repeats, so that a handful of executables serve every length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .graph import CALLS, GROUPS, Aval
from .program import Spec

SHORTEST, LONGEST = 3, 128  # calls of a unit that is looked for
TURNS, GROUP = 4, 64  # so many turns of a loop run as one segment, if that has no more calls than GROUP


@dataclass(frozen=True)
class Segment:
    """A run of calls as a program of its own, and how it stands in its Trace.

    Attributes:
        spec: the program; it donates nothing.
        reads: where its inputs come from: a slot of the Trace, or `-1 - k` for the Trace's k-th input.
        packs: per group of lifted scalars, their places in the Trace's list of that group.
        writes: the slots of the Trace that its results are.
        drops: slots that nobody needs after it.
    """

    spec: Spec
    reads: tuple[int, ...]
    packs: tuple[tuple[int, tuple[int, ...]], ...]
    writes: tuple[int, ...]
    drops: tuple[int, ...]


_units: dict[int, list[tuple[int, ...]]] = {}  # first call id -> units found so far, longest first


def split(spec: Spec, keep: Callable[[Spec], bool]) -> list[Segment]:
    """The segments that compute a Trace's live results and guards, in order.

    Args:
        spec: the whole Trace.
        keep: whether calls between repeats stay one segment of this program; else each call is one.
    """
    wanted, last = _needed(spec)
    ids = [spec.nodes[i][0] for i, _ in wanted]
    avals = [a for node in spec.nodes for a in CALLS[node[0]].outs]
    found = []
    for start, end, repeated in _runs(ids):
        segment = _segment(spec, wanted[start:end], last, avals)
        if repeated or end - start == 1 or keep(segment.spec):
            found.append(segment)
        else:
            found.extend(_segment(spec, [w], last, avals) for w in wanted[start:end])
    return found


def _needed(spec: Spec) -> tuple[list[tuple[int, int]], dict[int, int]]:
    """(node, its first slot) of the calls that live results or guards need, in order; last use of each slot."""
    starts, slot = [], 0
    for node in spec.nodes:
        starts.append(slot)
        slot += len(CALLS[node[0]].outs)
    last = dict.fromkeys(spec.live, len(spec.nodes))
    wanted = []
    for i in range(len(spec.nodes) - 1, -1, -1):
        call, *slots = spec.nodes[i]
        outs = range(starts[i], starts[i] + len(CALLS[call].outs))
        if CALLS[call].guards or any(s in last for s in outs):
            wanted.append((i, starts[i]))
            for s in slots:
                if s >= 0:
                    last.setdefault(s, i)
    wanted.reverse()
    return wanted, last


def _runs(ids: list[int]) -> Iterator[tuple[int, int, bool]]:
    """(start, end, whether it is a unit) of consecutive stretches: units known or repeated, and the rest."""
    i = begin = 0
    while i < len(ids):
        n = _unit_at(ids, i)
        if not n:
            i += 1
            continue
        if begin < i:
            yield begin, i, False
        group = min(TURNS, GROUP // n) * n
        if group and ids[i : i + group] == ids[i : i + n] * (group // n):
            n = group
        yield i, i + n, True
        i = begin = i + n
    if begin < i:
        yield begin, i, False


def _unit_at(ids: list[int], i: int) -> int:
    """Length of the unit that starts here, 0 if none does. One that comes twice in a row is new."""
    for unit in _units.get(ids[i], ()):
        if tuple(ids[i : i + len(unit)]) == unit:
            return len(unit)
    for n in range(SHORTEST, min(LONGEST, (len(ids) - i) // 2) + 1):
        if ids[i] == ids[i + n] and ids[i : i + n] == ids[i + n : i + 2 * n]:
            known = _units.setdefault(ids[i], [])
            known.append(tuple(ids[i : i + n]))
            known.sort(key=len, reverse=True)
            return n
    return 0


def _segment(spec: Spec, part: list[tuple[int, int]], last: dict[int, int], avals: list[Aval]) -> Segment:
    """Consecutive calls as a Segment: slots numbered anew, in the order they are met."""
    local: dict[int, int] = {}  # slot of the Trace -> slot of the segment
    reads: list[int] = []
    inputs: list[Aval] = []
    packs: dict[int, list[int]] = {}
    nodes: list[tuple[int, ...]] = []
    results: list[int] = []  # slots of the Trace, in the order of the segment's own
    used: list[int] = []
    alone = len(part) == 1  # one executable whatever its operands are, twice the same or not
    for i, first in part:
        call = CALLS[spec.nodes[i][0]]
        slots = []
        for s in spec.nodes[i][1:]:
            here = local.get(s)
            if here is None:
                k, group = divmod(-1 - s, GROUPS) if s < 0 else (0, 0)
                if group:
                    places = packs.setdefault(group, [])
                    here = -1 - (len(places) * GROUPS + group)
                    places.append(k)
                else:
                    here = -1 - len(inputs) * GROUPS
                    inputs.append(avals[s] if s >= 0 else spec.inputs[k])
                    reads.append(s if s >= 0 else -1 - k)
                if not alone:
                    local[s] = here
            slots.append(here)
            if s >= 0:
                used.append(s)
        for n in range(len(call.outs)):
            local[first + n] = len(results)
            results.append(first + n)
        nodes.append((call.id, *slots))
    end = part[-1][0]
    live = tuple(i for i, s in enumerate(results) if alone or last.get(s, -1) > end)
    small = Spec(
        tuple(nodes),
        live,
        (),
        tuple(inputs),
        tuple(sorted((g, len(k)) for g, k in packs.items())),
        spec.device,
    )
    dead = {s for s in [*used, *results] if last.get(s, -1) <= end}
    return Segment(
        small, tuple(reads), tuple(sorted((g, tuple(k)) for g, k in packs.items())),
        tuple(results[i] for i in live), tuple(s for s in sorted(dead) if s not in results or alone),
    )  # fmt: skip
