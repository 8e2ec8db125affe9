"""Following the previous step: calls that come again are recorded from what was noted of them.

A loop records the same calls step after step. A `Step` remembers one of them: where its operands stood in the
Trace, where their gradients went, and what was appended. Each thread knows which Step is likely to come next: the
one that came after its latest at the last time, else the one of the same row that stood there last. If the operands are those of that Step, they are recorded
without a look at the row's calls. What a Step says holds wherever its operands fit it, so a wrong guess costs time
only. Steps are learned in Traces that follow on a program which has run before.

What must be looked at depends on few things: how many operands there are of which kind, and what is saved of
them. For each such `Pattern` a function is written once, straight down without loops or lookups of what is known.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from .autograd import NUMBERS_AS_TENSORS, Node, Taping
from .dtypes import dtype
from .graph import CONCRETE, GROUPS, PACKS, SCALAR, Call, Value, user_site
from .modes import Context
from .overrides import PLAIN
from .params import OPERAND, SCALAR_
from .storage import Storage
from .tensor import Tensor

MAX_STEPS = 4_000  # of one row
_SIMPLE = {int, bool, float, complex, str, type(None), dtype}
OUTPUT, PENDING, LEAF, GIVEN, NUMBER = "output", "pending", "leaf", "given", "number"


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


class Operand(NamedTuple):
    """How an operand stood where it was learned.

    Attributes:
        kind: OUTPUT of a Node of this Trace's tape; PENDING in this Trace, without history; a LEAF; GIVEN, any other
            tensor without history; a NUMBER.
        argument: which one it is.
        viewed: whether it is a view.
        saved: whether PyTorch saves it.
        used: whether the Node keeps its Value.
        pack: of a lifted number: the Trace's list that it goes to.
    """

    kind: str
    argument: int
    viewed: bool = False
    saved: bool = False
    used: bool = True
    pack: str = ""


class Pattern(NamedTuple):
    """All that decides what a Step looks at.

    Attributes:
        arguments: how many there are.
        operands: in order.
        statics: the arguments that are no operands.
        taped: whether it leaves a Node; differentiable: whether it would for operands that want a gradient.
        outs: how many results; `own` of them are not residuals, if any are (else 0).
        keeps: whether its Node is freed even if nothing was saved.
        guards: whether it may report errors that depend on data.
        whole: whether the result is wanted as a Tensor, as `Op.apply` makes it; `result_saved` by the Node.
    """

    arguments: int
    operands: tuple[Operand, ...]
    statics: tuple[int, ...]
    taped: bool
    differentiable: bool
    outs: int
    own: int
    keeps: bool
    guards: bool
    whole: bool
    result_saved: bool


def source(pattern: Pattern) -> str:
    """The function `make(**known)` of a pattern, which returns `follow` of a Step; see there.

    In it `a<i>` is argument i; of operand k, `m<k>` is the Storage, `v<k>` the Value and `n<k>` the Node; `r<i>` are
    the results. The names of what is known of operand k end in k too: its `cls`, its `aval`, its `slot`; of the Node
    `pos` and `index`, the number of the `leaf`, the `shape` that is saved, the place `at` which a number is lifted.
    `static<i>` is an argument.
    """
    tensors = [(k, o) for k, o in enumerate(pattern.operands) if o.kind != NUMBER]
    numbers = [(k, o) for k, o in enumerate(pattern.operands) if o.kind == NUMBER]
    names = [
        "step", "device", "call", "weight", "slot", "node", "guards", "need", "entry", "name",
        *[f"out{i}" for i in range(pattern.outs)],
        *[f"static{i}" for i in pattern.statics],
        *[f"{what}{k}" for k, _ in tensors for what in ("cls", "aval", "slot", "pos", "index", "leaf", "shape")],
        *[f"{what}{k}" for k, _ in numbers for what in ("cls", "aval", "slot", "at")],
    ]  # fmt: skip
    lines = [
        "t = ctx.traces.get(device)",
        *_unless(
            "t is None", *(["not ctx.grad", "t.sealed", "ctx.watch is not None"] if pattern.taped else [])
        ),
        "".join(f"a{i}, " for i in range(pattern.arguments)) + "= args",
    ]
    for i in pattern.statics:
        lines += _unless(f"a{i} is not static{i} and not same(a{i}, static{i})")
    for k, o in numbers:
        lines += _unless(f"type(a{o.argument}) is not cls{k}")
    for k, o in tensors:
        lines += _look_lines(pattern, k, o)
    lines += ["vals = t.vals", "left = t.left - weight", *_unless("len(vals) != slot", "left < 0")]
    # nothing is recorded up to here; what is new to the Trace becomes an input or a leaf, if it stands where it stood
    for k, o in tensors:
        lines += _adopt_lines(k, o)
    for k, o in numbers:
        lines += [*_unless(f"len(t.{o.pack}) != at{k}"), f"t.{o.pack}.append(a{o.argument})"]
    lines += _record_lines(pattern)
    if pattern.whole:
        lines += _TENSOR_LINES
    if pattern.taped:
        lines += _node_lines(pattern, tensors)
    if pattern.whole:
        lines += _HISTORY_LINES if pattern.taped else ["if ctx.inference:", "    made._inference = True"]
        lines.append("return made")
    else:
        results = ", ".join(f"r{i}" for i in range(pattern.own or pattern.outs))
        lines.append(f"return call, [{results}], {'new' if pattern.taped else None}")
    body = "".join(f"        {line}\n" for line in lines)
    return f"def make({', '.join(names)}):\n    def follow(ctx, args):\n{body}    return follow\n"


def _unless(*wrong: str) -> list[str]:
    return [f"if {' or '.join(wrong)}:", "    return None"]


def _look_lines(pattern: Pattern, k: int, o: Operand) -> list[str]:
    """Whether operand k is what it was, and its gradient goes where it went."""
    a, m, v, n = f"a{o.argument}", f"m{k}", f"v{k}", f"n{k}"
    lines = [*_unless(f"type({a}) is not cls{k}"), f"{m} = {a}._storage"]
    lines += _unless(f"{a}._lens is {'' if o.viewed else 'not '}None", f"{m}.host is not None")
    if o.viewed:
        lines += [
            f"{v} = {a}._value",
            f"if {v} is None or {a}._seen != {m}.version:",
            f"    {v} = {a}._read()",
        ]
        lines += _unless(f"{a}._late", f"{m}.host is not None")
    else:
        lines.append(f"{v} = {m}.value")
    if o.kind in (OUTPUT, PENDING):
        lines += _unless(f"{v}.trace is not t", f"{v}.slot != slot{k}", f"{v}.aval is not aval{k}")
    else:
        lines += _unless(f"{v}.aval is not aval{k}")
    if o.kind == OUTPUT:
        lines.append(f"{n} = {a}._node")
        lines += _unless(
            f"{n} is None", f"{n}.pos != pos{k}", f"{n}.trace is not t", f"{a}._index != index{k}"
        )
        lines += _unless(f"not {a}._req")
    elif o.kind == LEAF:
        lines += _unless(f"not {a}._req", f"{a}._node is not None")
    elif pattern.differentiable:
        lines += _unless(f"{a}._req" + ("" if pattern.taped else " and ctx.grad"))
    if o.saved and o.kind != OUTPUT:  # what has history was not made in inference mode
        lines += _unless(f"{a}._inference")
    return lines


def _adopt_lines(k: int, o: Operand) -> list[str]:
    """Makes operand k an input and a leaf of the Trace, if it is to be one."""
    a, v = f"a{o.argument}", f"v{k}"
    lines = []
    if o.kind in (LEAF, GIVEN):
        lines += [
            f"if {v}.trace is t:",
            f"    if {v}.slot != slot{k}:",
            "        return None",
            f"elif slot{k} != -1 - len(t.inputs) * {GROUPS} or type({v}.arr) not in CONCRETE:",
            "    return None",
            "else:",
            f"    {v}.trace = t",
            f"    {v}.slot = slot{k}",
            f"    t.inputs.append({v})",
        ]
    if o.kind == LEAF:
        lines += [
            f"number = t.leaf_index.get(id({a}))",
            "if number is None:",
            f"    if len(t.leaves) != leaf{k}:",
            "        return None",
            f"    t.leaf_index[id({a})] = leaf{k}",
            f"    t.leaves.append({a})",
            f"elif number != leaf{k}:",
            "    return None",
        ]
    return lines


def _record_lines(pattern: Pattern) -> list[str]:
    """What `record_in` does."""
    lines = ["t.left = left"]
    for i in range(pattern.outs):
        lines += [
            f"r{i} = blank(Value)",
            f"r{i}.aval = out{i}",
            f"r{i}.arr = None",
            f"r{i}.trace = t",
            f"r{i}.slot = slot{f' + {i}' if i else ''}",
            f"r{i}.shared = False",
            f"vals.append(r{i})",
        ]
    lines.append("t.nodes.append(node)")
    if pattern.guards:
        lines.append("t.sites.append((guards, user_site()))")
    return [*lines, "ctx.step = step"]


# What `Op.apply` does with its one result, and with its Node.
_TENSOR_LINES = [
    "cell = blank(Storage)",
    "cell.value = r0",
    "cell.version = 0",
    "cell.host = cell.pinned = cell.ref = None",
    "made = blank(Tensor)",
    "made._storage = cell",
    "made._lens = None",
    "made._index = 0",
]
_HISTORY_LINES = ["made._node = new", "made._req = True"]


def _node_lines(pattern: Pattern, tensors: list[tuple[int, Operand]]) -> list[str]:
    """The end of `source` where a Node is left: what `Node.__init__` and `tape` do."""
    values, edges = [], []
    for k, o in enumerate(pattern.operands):
        value = f"Value(aval{k}, a{o.argument}, t, slot{k})" if o.kind == NUMBER else f"v{k}"
        values.append(value if o.used else "None")
        edges.append({OUTPUT: f"(n{k}, index{k})", LEAF: f"a{o.argument}"}.get(o.kind, "None"))
    saved = [(f"m{k}", f"(m{k}, m{k}.version, shape{k}, a{o.argument}, {k})") for k, o in tensors if o.saved]
    if pattern.result_saved:
        saved.append(("cell", "(cell, 0, out0.shape, None, 0)"))
    lines = [f"{cell}.pinned = t" for cell, _ in saved]
    lines += [
        "new = blank(Node)",
        "ctx.sequence = new.seq = ctx.sequence + 1",
        "new.call = call",
        "new.need = need",
        f"new.values = [{', '.join(values)}]",
        f"new.edges = [{', '.join(edges)}]",
        "new._name = name",
        f"new.versions = [{', '.join(text for _, text in saved)}]"
        if saved or pattern.keeps
        else "new.versions = None",
        "new.residuals = new.packed = None",
        "new.freed = False",
    ]
    if pattern.own:
        lines.append(f"new.residuals = [{', '.join(f'r{i}' for i in range(pattern.own, pattern.outs))}]")
    return [*lines, "new.trace = t", "new.pos = len(t.tape)", "t.tape.append(entry)"]


@functools.cache
def maker(pattern: Pattern) -> Callable[..., Any]:
    """`make` of a pattern's `source`."""
    space: dict[str, Any] = {
        "same": same, "CONCRETE": CONCRETE, "Value": Value, "Node": Node, "user_site": user_site,
        "Storage": Storage, "Tensor": Tensor, "blank": object.__new__,
    }  # fmt: skip
    exec(compile(source(pattern), f"{__file__}:{pattern}", "exec"), space)
    return space["make"]


class Step:
    """One call of a row as it was recorded before.

    Attributes:
        row, cast, device: whose call it was, and where; `row` is None once it must not come again.
        follow: `follow(ctx, args)` records this call with other data: the Call, its results and its Node, as
            `Op._record`, or the Tensor that `Op.apply` makes of them (`whole`). None, and nothing recorded, where the
            arguments do not fit it.
        after: the Step that came next.
    """

    __slots__ = ("row", "cast", "device", "whole", "follow", "after")

    def __init__(self, row: Any, cast: Any, device: Any):
        self.row, self.cast, self.device = row, cast, device
        self.whole = False
        self.follow: Any = None
        self.after: Step | None = None


def follow_here(ctx: Context, row: Any, args: tuple[Any, ...], cast: Any, whole: bool) -> Any:
    """Follows the Step of a row that stood last where its Trace stands now: what comes next is another than was guessed.

    A loop of another number of turns ends like this. None where there is no such Step, or the arguments do not fit it.
    """
    before = ctx.step
    t = ctx.traces.get(before.device)
    step = None if t is None else row.latest.get(len(t.vals))
    if step is None or step is before.after or step.cast is not cast or step.whole is not whole:
        return None
    followed = step.follow(ctx, args)
    if followed is not None:
        before.after = step
    return followed


def learn(
    ctx: Context, row: Any, args: tuple[Any, ...], cast: Any, found: Call | Taping, values: list[Value],
    edges: list[Any], outs: list[Value],
) -> None:  # fmt: skip
    """Notes a call of a row that was just recorded, so that it can be followed."""
    t = outs[0].trace
    taped = type(found) is Taping
    if len(t.vals) != outs[0].slot + len((found.forward if taped else found).outs):  # type: ignore[union-attr]
        return  # a hook has recorded more
    tape = t.tape[-1] if taped else None
    forms = tuple([(type(a), type(a) in PLAIN and a._lens is None) for a in args])
    key = (outs[0].slot, t.nodes[-1], tape, forms)
    step = row.steps.get(key)
    if step is None:
        step = _noted(row, args, cast, found, values, edges, outs)
        if step is None:
            return
        if len(row.steps) >= MAX_STEPS:
            row.steps.clear()
            row.latest.clear()
        row.steps[key] = step
    row.latest[outs[0].slot] = step
    before = ctx.step
    if before is not None:
        before.after = step
    ctx.step = step


def _noted(
    row: Any, args: tuple[Any, ...], cast: Any, found: Any, values: list[Value], edges: list[Any], outs: list[Value]
) -> Step | None:  # fmt: skip
    """A Step of the call that was just recorded; None where it cannot be followed."""
    t = outs[0].trace
    taped = type(found) is Taping
    call, forward = (found.call, found.forward) if taped else (found, found)
    spots, drop = (found.spots or () if row.saved else (), found.drop) if taped else ((), ())
    if [i for i, e in enumerate(edges) if e is not None] != list(found.wanted if taped else ()):
        return None
    step = Step(row, cast, call.device)
    known: dict[str, Any] = {
        "step": step, "device": call.device, "call": call, "weight": forward.weight, "slot": outs[0].slot,
        "node": t.nodes[-1], "guards": forward.guards, "need": found.need if taped else None,
        "entry": t.tape[-1] if taped else None, "name": row.grad_name,
    }  # fmt: skip
    known |= {f"out{i}": a for i, a in enumerate(forward.outs)}
    operands: list[Operand] = []
    statics: list[int] = []
    for i, (a, kind) in enumerate(zip(args, row.kinds)):
        c = type(a)
        if c not in PLAIN and (c not in SCALAR or kind not in (OPERAND, SCALAR_)):
            statics.append(i)
            known[f"static{i}"] = a
            continue
        k = len(operands)
        v, goes = values[k], edges[k]
        used = k not in drop
        known |= {f"cls{k}": c, f"aval{k}": v.aval, f"slot{k}": v.slot}
        if c not in PLAIN:
            known[f"at{k}"] = (-1 - v.slot) // GROUPS
            operands.append(Operand(NUMBER, i, used=used, pack=PACKS[v.aval.group]))
            continue
        if v.aval.device is not t.device:
            return None
        known |= {f"pos{k}": 0, f"index{k}": 0, f"leaf{k}": 0, f"shape{k}": v.aval.shape}
        if type(goes) is tuple:
            if v.slot < 0 or goes[0].trace is not t:
                return None
            known[f"pos{k}"], known[f"index{k}"] = goes[0].pos, goes[1]
            where = OUTPUT
        elif goes is None:
            where = PENDING if v.slot >= 0 else GIVEN
        else:
            known[f"leaf{k}"] = t.leaf_index[id(goes)]
            where = LEAF
        operands.append(Operand(where, i, a._lens is not None, k in spots, used))
    n = (found.own if taped else 0) or len(forward.outs)
    step.whole = row.whole and n == 1 and cast is None
    pattern = Pattern(
        len(args), tuple(operands), tuple(statics), taped, row.differentiable, len(forward.outs),
        found.own if taped else 0, taped and bool(row.saved) and call.name in NUMBERS_AS_TENSORS, bool(forward.guards),
        step.whole, taped and step.whole and bool(row.saved_results),
    )  # fmt: skip
    step.follow = maker(pattern)(**known)
    return step


def forget(row: Any) -> None:
    """Drops all Steps of a row, also where a thread expects them."""
    for step in row.steps.values():
        step.row = None
    row.steps.clear()
    row.latest.clear()
