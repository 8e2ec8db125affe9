"""Backward: gradients sent from roots to leaves, and Plans that replay a backward in bulk."""

from __future__ import annotations

import collections
from typing import Any

from .autograd import Node, taped
from .graph import DEAD, Trace, Value, record
from .modes import local
from .vjp import add_call

tensor_class: Any = None  # set by tensor.py: makes Tensors for hooks, Functions and `.grad`


def add(a: Any, b: Any, create_graph: bool) -> Any:
    """Sum of two gradients `(Value, edge)`."""
    call = add_call(a[0].aval)
    if create_graph and (a[1] is not None or b[1] is not None):
        out, node = taped(call, [a[0], b[0]], [a[1], b[1]], "AddBackward0")
        return out[0], (node, 0)
    return record(call, [a[0], b[0]])[0], None


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
    t = _plan_trace(roots, create_graph, targets, retain) if accumulate else None
    if t is not None:
        key = (tuple(t.nodes), tuple(t.tape), roots[0][0][0].pos, roots[0][0][1])
        plan = _plans.get(key)
        if plan is None:
            _learn(t, key, roots)
            return []
        if plan is not UNPLANNABLE and _follow(t, plan, roots[0][0][0]):
            return []
    return _walk(roots, retain, create_graph, targets, accumulate, accumulate_grad)


def _walk(roots: Any, retain: bool, create_graph: bool, targets: Any, accumulate: bool, deliver: Any,
          hooks: bool = True) -> list[Any]:  # fmt: skip
    """The backward itself; see `run_backward`. `deliver(leaf, gradient, create_graph)` ends it."""
    grads: dict[Any, list[Any]] = {}  # node -> gradient per output
    leaves: dict[int, tuple[Any, Any]] = {}
    collected: dict[Any, Any] = {}
    wanted = {_edge_key(e) for e in targets} if targets is not None else None

    def send(edge: Any, g: Any) -> None:
        if edge.__class__ is tuple:
            node, index = edge
            slots = grads.get(node)
            if slots is None:
                slots = grads[node] = [None] * len(node.out_avals)
            slots[index] = g if slots[index] is None else add(slots[index], g, create_graph)
        else:
            k = id(edge)
            have = leaves.get(k)
            leaves[k] = (edge, g if have is None else add(have[1], g, create_graph))

    for edge, g in roots:
        send(edge, g)
    order = _reachable([e[0] for e, _ in roots if isinstance(e, tuple)])
    useful = _useful(order, wanted) if wanted is not None else None
    previous = local.ctx.grad
    local.ctx.grad = create_graph
    done: list[Node] = []
    try:
        for node in order:
            slots = grads.pop(node, None)
            if slots is None or (
                useful is not None and node not in useful and not _target_node(node, wanted)
            ):
                continue
            if node.tensor_hooks is not None or node.retained is not None:
                _tensor_hooks(node, slots)
            if wanted is not None:
                for i in range(len(slots)):
                    if (node, i) in wanted:
                        collected[(node, i)] = slots[i]
                if node not in useful:  # type: ignore[operator]
                    continue
            if node.pre_hooks:
                slots = _run_hooks(node.pre_hooks, slots)
            if all(s is None for s in slots):
                continue
            results = node.apply(slots, create_graph, True)
            done.append(node)
            if node.post_hooks:
                results = _run_hooks(node.post_hooks, results, slots)
            for edge, g in zip(node.edges, results):
                if edge is not None and g is not None:
                    send(edge, g)
        for k, (leaf, g) in leaves.items():
            if leaf._hooks and hooks:
                g = _leaf_hooks(leaf, g)
            if wanted is not None and k in wanted:
                collected[k] = g
            if accumulate and (wanted is None or k in wanted):
                deliver(leaf, g, create_graph)
    finally:
        local.ctx.grad = previous
        if not retain:
            for node in done:
                node.free()
    for t in local.ctx.traces.values():
        t.sealed = accumulate or t.sealed
    return [collected.get(_edge_key(e)) for e in targets] if targets is not None else []


def _edge_key(edge: Any) -> Any:
    return edge if isinstance(edge, tuple) else id(edge)


def _target_node(node: Node, wanted: Any) -> bool:
    return any((node, i) in wanted for i in range(len(node.out_avals)))


def _reachable(starts: list[Node]) -> list[Node]:
    """All nodes below the starts, newest first: the order PyTorch runs them in."""
    seen = set(starts)
    stack = list(seen)
    while stack:
        for e in stack.pop().edges:
            if e.__class__ is tuple and e[0] not in seen:
                seen.add(e[0])
                stack.append(e[0])
    return sorted(seen, key=lambda n: n.seq, reverse=True)


def _useful(order: list[Node], wanted: Any) -> set[Node]:
    """The nodes from which some target is reached."""
    useful: set[Node] = set()
    for node in reversed(order):
        for e in node.edges:
            if e is not None and (_edge_key(e) in wanted or (e.__class__ is tuple and e[0] in useful)):
                useful.add(node)
                break
    return useful


def wrap(g: Any) -> Any:
    """A gradient `(Value, edge)` as a Tensor, None as None."""
    return None if g is None else tensor_class._from_value(g[0], g[1])


def unwrap(t: Any) -> Any:
    """A Tensor as a gradient `(Value, edge)`."""
    return None if t is None else (t._read(), t._edge())


def _tensor_hooks(node: Node, slots: list[Any]) -> None:
    """Runs the hooks of the tensors this node made, then keeps retained gradients."""
    for i, hooks in (node.tensor_hooks or {}).items():
        if slots[i] is not None:
            slots[i] = _apply_tensor_hooks(hooks, slots[i])
    for i, ref in (node.retained or {}).items():
        t = ref()
        if t is not None and slots[i] is not None:
            old = t._grad
            t._grad = wrap(slots[i] if old is None else add((old._read(), old._edge()), slots[i], False))


def _apply_tensor_hooks(hooks: dict[int, Any], g: Any) -> Any:
    for hook in list(hooks.values()):
        out = hook(wrap(g))
        if out is not None:
            if not isinstance(out, tensor_class):
                raise TypeError(f"expected Variable, but hook returned {type(out).__name__!r}")
            g = unwrap(out)
    return g


def _leaf_hooks(leaf: Any, g: Any) -> Any:
    return _apply_tensor_hooks(leaf._hooks, g)


def _run_hooks(hooks: dict[int, Any], first: list[Any], second: list[Any] | None = None) -> list[Any]:
    for hook in list(hooks.values()):
        args = [tuple(wrap(g) for g in first)]
        if second is not None:
            args.append(tuple(wrap(g) for g in second))
        out = hook(*args)
        if out is not None:
            out = out if isinstance(out, tuple) else (out,)
            first = [unwrap(t) for t in out]
    return first


def accumulate_grad(leaf: Any, g: Any, create_graph: bool) -> None:
    """Adds a gradient to `leaf.grad`, in place as PyTorch does; runs post-accumulate hooks."""
    old = leaf._grad
    if old is None:
        leaf._grad = wrap(g)
    elif create_graph:
        leaf._grad = wrap(add((old._read(), old._edge()), g, True))
    else:
        old._write(add((old._read(), None), g, False)[0])
    if leaf._post_hooks:
        for hook in list(leaf._post_hooks.values()):
            hook(leaf)


# ---- plans -------------------------------------------------------------------------

# A backward whose graph lies in one Trace is determined by that Trace's calls and
# tape: its calls are remembered and appended in bulk when the same Trace comes again.

UNPLANNABLE: Any = object()
MAX_PLANS = 512
_plans: collections.OrderedDict[Any, Any] = collections.OrderedDict()


class Plan:
    """The calls of one backward: nodes to append, how many results, which of them are leaf gradients."""

    __slots__ = ("nodes", "base", "size", "leaves")

    def __init__(self, nodes: list[Any], base: int, size: int, leaves: list[Any]):
        self.nodes, self.base, self.size, self.leaves = nodes, base, size, leaves


def _plan_trace(roots: Any, create_graph: bool, targets: Any, retain: bool) -> Trace | None:
    """The Trace of a backward that plans can serve, else None."""
    if create_graph or retain or targets is not None or len(roots) != 1:
        return None
    edge, g = roots[0]
    if edge.__class__ is not tuple:
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
        v = g[0]
        previous.append((leaf, g))
        found.append((t.leaf_index.get(id(leaf)), v.slot, v.aval) if v.trace is t else None)

    _walk(roots, False, False, None, True, keep, hooks=False)
    same = sizes == (len(t.inputs), len(t.floats), len(t.ints), len(t.keys), len(t.complexes))
    if not t.nodes or not same or any(f is None or f[0] is None or f[1] < base for f in found):
        _plans[key] = UNPLANNABLE
    else:
        _plans[key] = Plan(t.nodes[start:], base, len(t.vals) - base, list(found))
    while len(_plans) > MAX_PLANS:
        _plans.popitem(last=False)
    found.clear()
    while previous:
        leaf, g = previous.pop(0)
        _deliver(leaf, g)


def _follow(t: Trace, plan: Plan, root: Node) -> bool:
    """Appends a Plan's calls and hands out its leaf gradients; False if a Node was freed before."""
    reached = _release(root)
    if not reached:
        return False
    t.nodes += plan.nodes
    vals = t.vals
    vals += [DEAD] * plan.size
    for _, slot, a in plan.leaves:
        vals[slot] = Value(a, None, t, slot)
    for k, slot, _ in plan.leaves:
        _deliver(t.leaves[k], (vals[slot], None))
    t.sealed = True
    return True


def _deliver(leaf: Any, g: Any) -> None:
    if leaf._hooks:
        g = _leaf_hooks(leaf, g)
    accumulate_grad(leaf, g, False)


def _release(root: Node) -> bool:
    """Frees every Node below the root; False (and nothing freed) if one already was or has hooks."""
    seen = {root}
    stack = [root]
    while stack:
        node = stack.pop()
        if node.freed or node.tensor_hooks or node.retained or node.pre_hooks or node.post_hooks:
            return False
        for e in node.edges:
            if e.__class__ is tuple and e[0] not in seen:
                seen.add(e[0])
                stack.append(e[0])
    for node in seen:
        node.free()
    return True
