"""Following the previous step: calls that come again are recorded from what was noted of them.

A loop records the same calls step after step. A `Step` remembers one of them: where its operands stood in the
Trace, where their gradients went, and what was appended. Each thread knows which Step is likely to come next: the
one that came after its latest at the last time. If the operands are those of that Step, they are recorded
without a look at the row's calls. What a Step says holds wherever its operands fit it, so a wrong guess costs time
only. Steps are learned in Traces that follow on a program which has run before.
"""

from __future__ import annotations

from operator import is_
from typing import Any

from .autograd import NUMBERS_AS_TENSORS, Node, Taping
from .dtypes import dtype
from .graph import CONCRETE, GROUPS, SCALAR, Call, Trace, Value, user_site
from .modes import Context
from .overrides import PLAIN
from .params import OPERAND, SCALAR_

MAX_STEPS = 4_000  # of one row
_SIMPLE = {int, bool, float, complex, str, type(None), dtype}


def same(a: Any, b: Any) -> bool:
    """Whether two static arguments are one in the keys of calls, as far as that is said without asking them."""
    c = type(a)
    if a is b:
        return True
    if c is not type(b):
        return False
    if c is tuple:
        return len(a) == len(b) and all(map(same, a, b))
    return c in _SIMPLE and a == b


class Step:
    """One call of a row as it was recorded before.

    Attributes:
        row, cast: whose call it was; `row` is None once it must not come again.
        found: the Call, or how it is taped.
        statics: `(argument, value)` of each that is no operand; `last` are those from argument `rest` to the end.
        count: of the operands. The first of each tuple below is an operand, the second its argument.
        pending: `(_, _, aval, slot, pos, index)` of the results of this Trace among them; the gradient goes to output
            `index` of the Node at `pos` of the tape (None: nowhere).
        given: `(_, _, aval, slot, leaf)` of the other tensors; the gradient goes to the leaf of that number, or nowhere.
        numbers: `(_, _, aval, slot, class)` of lifted numbers.
        slot: of the first result.
        node, entry: what was appended to `Trace.nodes` and `Trace.tape`.
        saved: `(operand, argument, shape)` of what PyTorch saves, None if the row saves nothing; `keeps` says that
            its Node is freed even if nothing was.
        after: the Step that came next.
    """

    __slots__ = (
        "row", "cast", "found", "call", "forward", "taped", "device", "statics", "last", "rest", "count", "pending",
        "given", "numbers", "slot", "node", "entry", "saved", "keeps", "after",
    )  # fmt: skip

    def __init__(
        self, row: Any, cast: Any, found: Call | Taping, statics: list[Any],
        operands: tuple[list[Any], list[Any], list[Any]], slot: int, node: tuple[int, ...], entry: Any, saved: Any,
    ):  # fmt: skip
        self.row, self.cast, self.found = row, cast, found
        self.taped = type(found) is Taping
        self.call: Call = found.call if self.taped else found  # type: ignore[assignment, union-attr]
        self.forward: Call = found.forward if self.taped else found  # type: ignore[assignment, union-attr]
        self.device = self.call.device
        self.pending, self.given, self.numbers = map(tuple, operands)
        self.count = sum(map(len, operands))
        self.rest = 1 + max([o[1] for os in operands for o in os], default=-1)
        self.statics = tuple([s for s in statics if s[0] < self.rest])
        self.last = tuple([s[1] for s in statics if s[0] >= self.rest])
        self.slot = slot
        self.node, self.entry, self.saved = node, entry, saved
        self.keeps = saved is not None and self.call.name in NUMBERS_AS_TENSORS
        self.after: Step | None = None

    def follow(self, ctx: Context, args: tuple[Any, ...]) -> tuple[Call, list[Value], Any] | None:
        """Records this call with other data; None, and nothing recorded, where the arguments do not fit it.

        What `Op._record` and `tape` do, without what is known. Two loops that differ little, since Python's own
        caches of attributes want one class of objects at one place of the code: results are Tensors, what is given
        are Parameters for the most part.
        """
        t = ctx.traces.get(self.device)
        taped = self.taped
        grad = self.row.differentiable and ctx.grad
        if t is None or (taped and (not grad or t.sealed or ctx.watch is not None)):
            return None
        last = args[self.rest :]
        if not all(map(is_, last, self.last)) and not all(map(same, last, self.last)):
            return None
        for i, want in self.statics:
            if not same(args[i], want):
                return None
        values: list[Any] = [None] * self.count
        edges: list[Any] = [None] * self.count
        fresh = bool(self.numbers)  # whether something is new to this Trace
        for k, i, aval, slot, pos, index in self.pending:
            a = args[i]
            if type(a) not in PLAIN:
                return None
            s = a._storage
            if a._lens is None and s.host is None:
                v = s.value
            else:
                v = a._read()
                if a._late or s.host is not None:
                    return None
            if v.trace is not t or v.slot != slot or v.aval is not aval:
                return None
            values[k] = v
            if grad and a._req:
                node = a._node
                if node is None or node.pos != pos or node.trace is not t or a._index != index:
                    return None
                edges[k] = (node, index)
            elif pos is not None:
                return None
        for k, i, aval, slot, leaf in self.given:
            a = args[i]
            if type(a) not in PLAIN:
                return None
            s = a._storage
            if a._lens is None and s.host is None:
                v = s.value
            else:
                v = a._read()
                if a._late or s.host is not None:
                    return None
            if v.aval is not aval:
                return None
            if v.trace is t:
                if v.slot != slot:
                    return None
            elif slot >= 0 or type(v.arr) not in CONCRETE:
                return None
            else:
                fresh = True
            values[k] = v
            if grad and a._req:
                if leaf is None or a._node is not None:
                    return None
                n = t.leaf_index.get(id(a))
                if n is None:
                    fresh = True
                elif n != leaf:
                    return None
                edges[k] = a
            elif leaf is not None:
                return None
        for k, i, aval, _, kind in self.numbers:
            a = args[i]
            if type(a) is not kind:
                return None
            values[k] = Value(aval, a)
        call, forward, vals = self.call, self.forward, t.vals
        left = t.left - forward.weight
        if len(vals) != self.slot or left < 0 or (fresh and not self._adopted(t, values, args)):
            return None
        versions: Any = None
        if taped and self.saved is not None:
            versions = []
            for at, i, shape in self.saved:
                a = args[i]
                if a._inference:
                    return None
                s = a._storage
                s.pinned = t
                versions.append((s, s.version, shape, a, at))
        t.left = left
        outs = forward.outs
        if len(outs) == 1:
            results = [Value(outs[0], None, t, self.slot)]
        else:
            results = [Value(a, None, t, self.slot + k) for k, a in enumerate(outs)]
        t.nodes.append(self.node)
        vals += results
        if forward.guards:
            t.sites.append((forward.guards, user_site()))
        ctx.step = self
        if not taped:
            return call, results, None
        info: Any = self.found
        node = Node(call, info.need, values, edges, self.row.grad_name)
        if info.own:
            node.residuals = results[info.own :]
            results = results[: info.own]
        else:
            for i in info.drop:
                values[i] = None
        node.trace = t
        tape = t.tape
        node.pos = len(tape)
        tape.append(self.entry)
        if versions or self.keeps:
            node.versions = versions
        return call, results, node

    def _adopted(self, t: Trace, values: list[Value], args: tuple[Any, ...]) -> bool:
        """Makes inputs and leaves of what is new to the Trace; whether they are where they were."""
        inputs, leaves, leaf_index = t.inputs, t.leaves, t.leaf_index
        for k, i, _, slot, leaf in self.given:
            v = values[k]
            if v.trace is not t:
                v.trace = t
                v.slot = -1 - len(inputs) * GROUPS
                inputs.append(v)
            if v.slot != slot:
                return False
            if leaf is not None:
                a = args[i]
                n = leaf_index.get(id(a))
                if n is None:
                    n = leaf_index[id(a)] = len(leaves)
                    leaves.append(a)
                if n != leaf:
                    return False
        return all([t.adopt(values[k]) == slot for k, _, _, slot, _ in self.numbers])


def learn(
    ctx: Context, row: Any, args: tuple[Any, ...], cast: Any, found: Call | Taping, values: list[Value],
    edges: list[Any], outs: list[Value],
) -> None:  # fmt: skip
    """Notes a call of a row that was just recorded, so that it can be followed."""
    t = outs[0].trace
    taped = type(found) is Taping
    wanted = found.wanted if taped else ()  # type: ignore[union-attr]
    if [i for i, e in enumerate(edges) if e is not None] != list(wanted):
        return
    statics: list[Any] = []
    pending: list[Any] = []
    given: list[Any] = []
    numbers: list[Any] = []
    origins: list[int] = []  # of the operands: their arguments
    for i, (a, kind) in enumerate(zip(args, row.kinds)):
        c = type(a)
        if c not in PLAIN and (c not in SCALAR or kind not in (OPERAND, SCALAR_)):
            statics.append((i, a))
            continue
        k = len(origins)
        origins.append(i)
        v, goes = values[k], edges[k]
        if c not in PLAIN:
            numbers.append((k, i, v.aval, v.slot, c))
        elif v.aval.device is not t.device:
            return
        elif type(goes) is tuple:
            if v.slot < 0 or goes[0].trace is not t:
                return
            pending.append((k, i, v.aval, v.slot, goes[0].pos, goes[1]))
        elif goes is None and v.slot >= 0:
            pending.append((k, i, v.aval, v.slot, None, 0))
        else:
            given.append((k, i, v.aval, v.slot, None if goes is None else t.leaf_index[id(goes)]))
    node, entry = t.nodes[-1], t.tape[-1] if taped else None
    key = (outs[0].slot, node, entry)
    step = row.steps.get(key)
    if step is None:
        saved = None
        if taped and row.saved:
            saved = tuple([(at, origins[at], values[at].aval.shape) for at in found.spots])  # type: ignore[union-attr]
        step = Step(row, cast, found, statics, (pending, given, numbers), outs[0].slot, node, entry, saved)
        if len(row.steps) >= MAX_STEPS:
            row.steps.clear()
        row.steps[key] = step
    before = ctx.step
    if before is not None:
        before.after = step
    ctx.step = step


def forget(row: Any) -> None:
    """Drops all Steps of a row, also where a thread expects them."""
    for step in row.steps.values():
        step.row = None
    row.steps.clear()
