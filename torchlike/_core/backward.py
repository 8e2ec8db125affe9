"""Backward: gradients sent from roots to leaves, and Plans that replay a backward in bulk."""

from __future__ import annotations

import collections
import heapq
import itertools
from collections.abc import Iterable
from typing import Any

from .autograd import AccumulateGrad, Node
from .gradients import accumulate_grad, add, as_leaf, fitting, leaf_hooks, post_hooks, run_hooks, tensor_hooks
from .graph import DEAD, Trace, Value, sequence
from .modes import local


def run_backward(
    roots: list[tuple[Any, Any]],
    *,
    retain: bool,
    create_graph: bool,
    targets: list[Any] | None = None,
    accumulate: bool = True,
) -> list[Any]:
    """Sends gradients from roots to leaves, or collects them at `targets`.

    Args:
        roots: `(edge, (Value, edge of the gradient))` pairs to start from.
        retain: keep saved Values for another backward.
        create_graph: tape the backward itself.
        targets: edges to collect gradients at; None accumulates into all leaves.
        accumulate: whether leaves reached get `.grad` (with targets: only those).

    Returns:
        The gradients at `targets`, None where none arrived.
    """
    extra = local.ctx.extra
    outer, extra["backward"] = extra.get("backward"), Task(roots, targets)
    try:
        found = _run(roots, retain, create_graph, targets, accumulate)
    finally:
        extra["backward"] = outer
    if accumulate and outer is None:  # a backward inside another ends nothing
        for t in local.ctx.traces.values():
            t.sealed = True
    return found


class Task:
    """A backward under way: which tensors it will reach, for hooks on several of them."""

    __slots__ = ("number", "roots", "targets")

    def __init__(self, roots: Any, targets: Any):
        self.number, self.roots, self.targets = next(_task_numbers), roots, targets

    def runs(self, nodes: Iterable[Node]) -> int:
        """How many of the nodes this backward runs, or collects gradients at."""
        order, due = _reachable([e for e, _ in self.roots])
        running, ends = set(order), set(due)
        if self.targets is not None:
            wanted = {_edge_key(e) for e in self.targets}
            running = _useful(order, wanted) | {e[0] for e in self.targets if type(e) is tuple}
            ends &= wanted
        count = 0
        for n in nodes:
            if isinstance(n, AccumulateGrad):
                count += n.current and id(n.variable) in ends
            else:
                count += n in running
        return count


_task_numbers = itertools.count()


def _run(roots: Any, retain: bool, create_graph: bool, targets: Any, accumulate: bool) -> list[Any]:
    t = (
        _plan_trace(roots, create_graph, targets, retain)
        if accumulate and local.ctx.anomaly is None
        else None
    )
    if t is not None:
        (node, index), (g, _) = roots[0]
        key = (sequence(t.nodes), sequence(t.tape), node.pos, index, g.slot, g.aval)
        plan = _plans.get(key)
        if plan is None:
            _learn(t, key, roots)
            return []
        if plan is not UNPLANNABLE and _follow(t, plan, node):
            return []
    return _walk(roots, retain, create_graph, targets, accumulate, accumulate_grad)


def _walk(roots: Any, retain: bool, create_graph: bool, targets: Any, accumulate: bool, deliver: Any,
          hooks: bool = True) -> list[Any]:  # fmt: skip
    """The backward itself; see `run_backward`. `deliver(leaf, gradient, create_graph)` ends it."""
    grads: dict[Node, list[Any]] = {}  # gradient per output
    leaves: dict[int, Any] = {}  # gradients that arrived
    ready: list[Any] = []  # leaves whose gradient is complete
    collected: dict[Any, Any] = {}
    wanted = {_edge_key(e) for e in targets} if targets is not None else None
    order, due = _reachable([e for e, _ in roots])
    useful = _useful(order, wanted) if wanted is not None else None

    def send(edge: Any, g: Any) -> None:
        if type(edge) is tuple:
            node, index = edge
            slots = grads.get(node)
            if slots is None:
                slots = grads[node] = [None] * len(node.out_avals)
            if g is not None:
                slots[index] = g if slots[index] is None else add(slots[index], g, create_graph)
            return
        k = id(edge)
        have = leaves.get(k)
        leaves[k] = g if have is None else have if g is None else add(have, g, create_graph)
        due[k] -= 1
        if not due[k]:
            ready.append(edge)

    def finish(leaf: Any) -> None:
        k = id(leaf)
        if wanted is not None and (k not in wanted or leaf._lost):
            return
        g = leaves.pop(k)
        if leaf._hooks and hooks and not leaf._lost:
            g = leaf_hooks(leaf, g)
        if wanted is not None:
            collected[k] = g
        if accumulate and g is not None:
            deliver(leaf, g, create_graph)

    previous = local.ctx.grad
    local.ctx.grad = create_graph
    done: list[Node] = []
    try:
        for edge, g in roots:
            send(edge, g)
        for node in order:
            while ready:
                finish(ready.pop(0))
            slots = grads.pop(node, None)
            if slots is None:
                if useful is not None and node not in useful:
                    continue
                slots = [None] * len(node.out_avals)
            if wanted is None:
                tensor_hooks(node, slots)
            else:
                goes_on = node in useful  # type: ignore[operator]
                if not goes_on:
                    tensor_hooks(node, slots)
                for i in range(len(slots)):
                    if (node, i) in wanted:
                        collected[(node, i)] = slots[i]
                if not goes_on:
                    continue
                tensor_hooks(node, slots)
            if node.pre_hooks:
                slots = run_hooks(node.pre_hooks, slots)
            results = _evaluate(node, slots, create_graph)
            done.append(node)
            if node.post_hooks:
                results = post_hooks(node, results, slots)
            for i in node.sent():
                edge, g = node.edges[i], results[i]
                if edge is not None:
                    send(edge, g if g is None or type(edge) is not tuple else fitting(node, i, edge, g))
        while ready:
            finish(ready.pop(0))
    finally:
        local.ctx.grad = previous
        if not retain:
            for node in done:
                node.free()
    return [collected.get(_edge_key(e)) for e in targets] if targets is not None else []


def _evaluate(node: Node, slots: list[Any], create_graph: bool) -> list[Any]:
    """The gradients of a node's operands; watched while anomaly detection is on."""
    if node.call is not None and all(s is None for s in slots):
        return [None] * len(node.edges)
    ctx = local.ctx
    if ctx.anomaly is None:
        return node.apply(slots, create_graph, True)
    assert anomaly_check is not None
    return anomaly_check(node, lambda: node.apply(slots, create_graph, True))


anomaly_check: Any = None  # set by saved.py


def _edge_key(edge: Any) -> Any:
    return edge if isinstance(edge, tuple) else id(edge)


def _reachable(starts: list[Any]) -> tuple[list[Node], dict[int, int]]:
    """All nodes below the edges `starts`, newest first as PyTorch runs them, and per leaf how many edges lead there."""
    due: dict[int, int] = {}
    seen: set[Node] = set()
    stack: list[Node] = []
    sorted_already = True

    def visit(edges: list[Any], seq: int) -> bool:
        ok = True
        for e in edges:
            if type(e) is tuple:
                node = e[0]
                ok = ok and node.seq < seq
                if node not in seen:
                    seen.add(node)
                    stack.append(node)
            elif e is not None:
                due[id(e)] = due.get(id(e), 0) + 1
        return ok

    visit(starts, 0)
    while stack:
        node = stack.pop()
        sorted_already = visit(node.edges, node.seq) and sorted_already
    order = sorted(seen, key=lambda n: n.seq, reverse=True)
    return order if sorted_already else _topological(order), due


def _topological(order: list[Node]) -> list[Node]:
    """Nodes so that each comes before those it sends gradients to (those of several threads are numbered apart)."""
    left = dict.fromkeys(order, 0)
    for node in order:
        for e in node.edges:
            if type(e) is tuple:
                left[e[0]] += 1
    heap = [(-n.seq, i, n) for i, n in enumerate(order) if not left[n]]
    heapq.heapify(heap)
    out, tie = [], len(order)
    while heap:
        node = heapq.heappop(heap)[2]
        out.append(node)
        for e in node.edges:
            if type(e) is tuple:
                left[e[0]] -= 1
                if not left[e[0]]:
                    tie += 1
                    heapq.heappush(heap, (-e[0].seq, tie, e[0]))
    return out


def _useful(order: list[Node], wanted: Any) -> set[Node]:
    """The nodes from which some target is reached."""
    useful: set[Node] = set()
    for node in reversed(order):
        for e in node.edges:
            if e is not None and (_edge_key(e) in wanted or (type(e) is tuple and e[0] in useful)):
                useful.add(node)
                break
    return useful


# ---- plans -------------------------------------------------------------------------

# A backward whose graph lies in one Trace is determined by that Trace's calls and
# tape: its calls are remembered and appended in bulk when the same Trace comes again.

UNPLANNABLE: Any = object()
MAX_PLANS = 512
_plans: collections.OrderedDict[Any, Any] = collections.OrderedDict()


class Plan:
    """The calls of one backward: nodes to append, what stands for their results, which are leaf gradients.

    `route` leads to the Nodes below the root: for each, which one found before has it behind which of its edges.
    """

    __slots__ = ("nodes", "dead", "leaves", "route")

    def __init__(self, nodes: list[Any], size: int, leaves: list[Any], route: list[tuple[int, int]]):
        self.nodes, self.dead, self.leaves, self.route = nodes, [DEAD] * size, leaves, route


def _plan_trace(roots: Any, create_graph: bool, targets: Any, retain: bool) -> Trace | None:
    """The Trace of a backward that plans can serve, else None."""
    if create_graph or retain or targets is not None or len(roots) != 1:
        return None
    edge, g = roots[0]
    if type(edge) is not tuple:
        return None
    t = edge[0].trace
    if t is None or not t.nodes or not t.planned or t.eager or g[0].trace is not t:
        return None
    return t


def _learn(t: Trace, key: Any, roots: Any) -> None:
    """Walks the graph once, keeping what was recorded as a Plan."""
    start, base = len(t.nodes), len(t.vals)
    sizes = (len(t.inputs), len(t.floats), len(t.ints), len(t.keys), len(t.complexes))
    found: list[Any] = []
    previous: list[Any] = []

    def keep(leaf: Any, g: Any, create_graph: bool) -> None:
        if not leaf._hooks:  # they see it as it came
            g = as_leaf(leaf, g)
        v = g[0]
        previous.append((leaf, g))
        found.append((t.leaf_index.get(id(leaf)), v.slot, v.aval) if v.trace is t else None)

    route = _route(roots[0][0][0])
    _walk(roots, False, False, None, True, keep, hooks=False)
    same = sizes == (len(t.inputs), len(t.floats), len(t.ints), len(t.keys), len(t.complexes))
    if not t.nodes or not same or any(f is None or f[0] is None or f[1] < base for f in found):
        _plans[key] = UNPLANNABLE
    else:
        _plans[key] = Plan(t.nodes[start:], len(t.vals) - base, list(found), route)
    while len(_plans) > MAX_PLANS:
        _plans.popitem(last=False)
    found.clear()
    while previous:
        leaf, g = previous.pop(0)
        _deliver(leaf, g)


def _follow(t: Trace, plan: Plan, root: Node) -> bool:
    """Appends a Plan's calls and hands out its leaf gradients; False if a Node was freed before."""
    if not _release(root, plan.route):
        return False
    t.nodes += plan.nodes
    vals = t.vals
    vals += plan.dead
    leaves = t.leaves
    others = []  # leaves with hooks and such, and those after them: a hook may end the Trace
    for k, slot, a in plan.leaves:
        v = vals[slot] = Value(a, None, t, slot)
        leaf = leaves[k]
        if (
            not others
            and leaf._grad is None
            and a is leaf._storage.value.aval  # else another leaf's hooks saw it as it came
            and leaf._req
            and leaf._hooks is None
            and leaf._post_hooks is None
            and leaf._accumulate_hooks is None
            and not leaf._lost
        ):
            leaf._grad = v  # what `_deliver` comes to for most leaves
        else:
            others.append((leaf, v))
    for leaf, v in others:
        _deliver(leaf, (v, None))
    t.sealed = True
    return True


def _deliver(leaf: Any, g: Any) -> None:
    if leaf._hooks and not leaf._lost:
        g = leaf_hooks(leaf, g)
    if g is not None:
        accumulate_grad(leaf, g, False)


def _route(root: Node) -> list[tuple[int, int]]:
    """`Plan.route` of the graph below a root."""
    seen, found, route = {root}, [root], []
    for i, node in enumerate(found):  # it grows meanwhile
        for k, e in enumerate(node.edges):
            if type(e) is tuple and e[0] not in seen:
                seen.add(e[0])
                found.append(e[0])
                route.append((i, k))
    return route


def _release(root: Node, route: list[tuple[int, int]]) -> bool:
    """Frees every Node below the root; False (and nothing freed) if one already was.

    None has hooks: whoever adds one says that this Trace's backward is no longer planned.
    """
    if root.freed:
        return False
    found = [root]
    for i, k in route:
        node = found[i].edges[k][0]
        if node.freed:
            return False
        found.append(node)
    for node in found:
        node.free()
    return True
