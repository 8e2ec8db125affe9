"""Backward: gradients sent from roots to leaves, and Plans that replay a backward in bulk."""

from __future__ import annotations

import collections
import heapq
import itertools
from typing import Any

from . import errors
from .autograd import TYPE_NAMES, Node, taped
from .graph import DEAD, Trace, Value, arranged, record
from .layouts import dense, order_like, owned
from .modes import local, no_grad
from .vjp import add_call

tensor_class: Any = None  # set by tensor.py: makes Tensors for hooks, Functions and `.grad`


def add(a: Any, b: Any, create_graph: bool) -> Any:
    """Sum of two gradients `(Value, edge)`, or `(sparse tensor, None)`."""
    if a[0].__class__ is not Value or b[0].__class__ is not Value:
        first, second = wrap(a), wrap(b)
        return unwrap(first + second if second._parted and not first._parted else second + first)
    call = add_call(a[0].aval, b[0].aval)
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

    def reaches(self, tensors: Any) -> int:
        """How many of the tensors get a gradient in this backward."""
        order, due = _reachable([e for e, _ in self.roots])
        nodes = set(order)
        wanted = None
        if self.targets is not None:
            wanted = {_edge_key(e) for e in self.targets}
            nodes = _useful(order, wanted)
        count = 0
        for t in tensors:
            e = t._edge()
            if e.__class__ is tuple:
                count += e[0] in nodes or (wanted is not None and e in wanted)
            else:
                count += id(e) in due and (wanted is None or id(e) in wanted)
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
        key = (tuple(t.nodes), tuple(t.tape), node.pos, index, g.slot, g.aval)
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
        if edge.__class__ is tuple:
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
            g = _leaf_hooks(leaf, g)
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
                _tensor_hooks(node, slots)
            else:
                goes_on = node in useful  # type: ignore[operator]
                if not goes_on:
                    _tensor_hooks(node, slots)
                for i in range(len(slots)):
                    if (node, i) in wanted:
                        collected[(node, i)] = slots[i]
                if not goes_on:
                    continue
                _tensor_hooks(node, slots)
            if node.pre_hooks:
                slots = _run_hooks(node.pre_hooks, slots)
            results = _evaluate(node, slots, create_graph)
            done.append(node)
            if node.post_hooks:
                results = _post_hooks(node, results, slots)
            for i, (edge, g) in enumerate(zip(node.edges, results)):
                if edge is not None:
                    send(edge, g if g is None or edge.__class__ is not tuple else _fitting(node, i, edge, g))
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


def _fitting(node: Node, i: int, edge: Any, g: Any) -> Any:
    """A gradient in the shape of the result it is for; a view in place outside the tape may have changed that."""
    have, want = g[0].aval.shape, edge[0].out_avals[edge[1]].shape
    if have == want:
        return g
    if not reducible(have, want):
        raise RuntimeError(errors.MSG_GRADIENT_SHAPE.format(node.plain_name(), i, list(have), list(want)))
    return unwrap(wrap(g).sum_to_size(*want))


def reducible(have: tuple[int, ...], want: tuple[int, ...]) -> bool:
    """Whether a gradient of shape `have` is summed to fit `want`."""
    return len(have) >= len(want) and all(w in (1, h) for h, w in zip(have[::-1], want[::-1]))


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
            if e.__class__ is tuple:
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
            if e.__class__ is tuple:
                left[e[0]] += 1
    heap = [(-n.seq, i, n) for i, n in enumerate(order) if not left[n]]
    heapq.heapify(heap)
    out, tie = [], len(order)
    while heap:
        node = heapq.heappop(heap)[2]
        out.append(node)
        for e in node.edges:
            if e.__class__ is tuple:
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
            if e is not None and (_edge_key(e) in wanted or (e.__class__ is tuple and e[0] in useful)):
                useful.add(node)
                break
    return useful


def wrap(g: Any) -> Any:
    """A gradient `(Value, edge)` as a Tensor, None as None; a sparse one is `(tensor, None)`."""
    if g is None:
        return None
    v, edge = g
    if v.__class__ is not Value:
        return v
    order = v.aval.order
    return tensor_class._from_value(v, edge) if order is owned(order) else _expanded(v, edge)


def _expanded(v: Value, edge: Any) -> Any:
    """A gradient that a sum expanded as the Tensor it is in PyTorch: of a few elements, shown many times."""
    with no_grad():
        once = tensor_class._from_value(v)
        for d in v.aval.order:  # type: ignore[union-attr]
            if d < 0:
                once = once.narrow(~d, 0, 1)
        t = once.clone().expand(v.aval.shape)
    t._base = t._trait = None
    t._value, t._seen = v, t._storage.version
    if edge is not None:
        t._set_edge(edge)
    return t


def unwrap(t: Any) -> Any:
    """A Tensor as a gradient `(Value, edge)`."""
    if t is None:
        return None
    return (t, None) if t._parted else (t._read(), t._edge())


def _tensor_hooks(node: Node, slots: list[Any]) -> None:
    """Runs the hooks of the tensors this node made, then keeps retained gradients."""
    if node.tensor_hooks is not None:
        for i, hooks in node.tensor_hooks.items():
            slots[i] = _apply_tensor_hooks(hooks, slots[i])
    for i, ref in (node.retained or {}).items():
        t = ref()
        if t is not None and slots[i] is not None:
            old = t._grad
            t._grad = wrap(
                _dense(slots[i]) if old is None else add((old._read(), old._edge()), slots[i], False)
            )


def _apply_tensor_hooks(hooks: dict[int, Any], g: Any) -> Any:
    for hook in list(hooks.values()):
        out = hook(wrap(g))
        if out is not None:
            g = _replaced(hook, g, out)
    return g


def _replaced(hook: Any, g: Any, out: Any) -> Any:
    """What a hook returned for the gradient g, as `(Value, edge)`; PyTorch's errors if it does not fit."""
    if out is None:
        return None
    if not isinstance(out, tensor_class):
        raise TypeError(f"expected Variable, but hook returned '{type(out).__name__}'")
    if g is None:
        raise RuntimeError("can't replace a None gradient with a non-None value")
    new, old = out._aval, g[0].aval
    if new is not old:
        name = getattr(hook, "__name__", "<unknown>")
        if new.dtype is not old.dtype:
            was, got = TYPE_NAMES[old.dtype.name], TYPE_NAMES[new.dtype.name]
            raise RuntimeError(
                f"hook '{name}' has changed the type of value (was torch.{was} got torch.{got})"
            )
        if new.shape != old.shape:
            raise RuntimeError(f"hook '{name}' has changed the size of value")
    return unwrap(out)


class GradDtype:
    """Stands among a leaf's hooks, under the key "grad_dtype", for the dtype that its gradients are cast to.

    None: any dtype; a further gradient takes that of the one so far.
    """

    def __init__(self, dtype: Any):
        self.dtype = dtype

    def cast(self, leaf: Any, g: Any) -> Any:
        """The gradient g, as `(Value, edge)`, in the dtype."""
        dtype = self.dtype or (leaf._grad.dtype if leaf._grad is not None else None)
        return g if dtype is None or g[0].aval.dtype is dtype else unwrap(wrap(g).to(dtype))

    def __call__(self, grad: Any) -> None:
        """Changes nothing: the hooks see the gradient as it was cast."""


def _leaf_hooks(leaf: Any, g: Any) -> Any:
    kind = leaf._hooks.get("grad_dtype")
    if kind is not None and g is not None:
        g = kind.cast(leaf, g)
    return _apply_tensor_hooks(leaf._hooks, g)


def _run_hooks(hooks: dict[int, Any], first: list[Any], second: list[Any] | None = None) -> list[Any]:
    """Hooks of a node: called with `first` (and `second`), each may return another `first`."""
    others = () if second is None else (tuple([wrap(g) for g in second]),)
    for hook in list(hooks.values()):
        out = hook(tuple([wrap(g) for g in first]), *others)
        if out is not None:
            out = out if isinstance(out, tuple) else (out,)
            if len(out) != len(first):
                raise RuntimeError(
                    f"hook '{getattr(hook, '__name__', '<unknown>')}' has returned an incorrect number of values "
                    f"(got {len(out)}, but expected {len(first)})"
                )
            first = [_replaced(hook, g, t) for g, t in zip(first, out)]
    return first


def _post_hooks(node: Node, results: list[Any], slots: list[Any]) -> list[Any]:
    """Runs a node's hooks on the gradients of those operands that PyTorch's node has."""
    at = node.shown()
    final = list(results)
    for i, g in zip(at, _run_hooks(node.post_hooks, [results[i] for i in at], slots)):
        final[i] = g
    return final


def _dense(g: Any) -> Any:
    """A gradient in memory of its own."""
    return (arranged(g[0], owned(g[0].aval.order)), g[1]) if g[0].__class__ is Value else g


def as_leaf(leaf: Any, g: Any) -> Any:
    """A gradient in the leaf's order in memory, if that has no gaps, else row by row."""
    v = g[0]
    if v.__class__ is not Value or v.aval is leaf._storage.value.aval or v.aval.shape != leaf._aval.shape:
        return g
    shape, strides = v.aval.shape, leaf.stride()
    return arranged(v, order_like(shape, [(shape, strides)]) if dense(shape, strides) else None), g[1]


def accumulate_grad(leaf: Any, g: Any, create_graph: bool) -> None:
    """Adds a gradient to `leaf.grad`, in place as PyTorch does; runs the hooks around that."""
    if leaf._lost:
        return
    around = leaf._accumulate_hooks
    if around is not None:
        g = _run_hooks(around[0], [g])[0]
    if not leaf._req:  # it was switched off after the graph was made
        return
    old = leaf._grad
    if old is None:
        leaf._grad = wrap(as_leaf(leaf, g))
    elif create_graph or old._parted:
        leaf._grad = wrap(add(g, unwrap(old), create_graph))
    else:
        old._write(add((old._read(), None), g, False)[0])
    if leaf._post_hooks:
        for hook in list(leaf._post_hooks.values()):
            out = hook(leaf)
            if out is not None:
                raise TypeError(f"expected Variable, but hook returned '{type(out).__name__}'")
    if around is not None:
        _run_hooks(around[1], [], [g])


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
        if not leaf._hooks:  # they see it as it came
            g = as_leaf(leaf, g)
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


_WATCHED = {
    "_hooks",
    "_post_hooks",
    "_accumulate_hooks",
    "_lost",
}  # attributes by which a leaf is not like most


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
    make, leaves = tensor_class._from_value, t.leaves
    for k, slot, _ in plan.leaves:
        leaf = leaves[k]
        if leaf._grad is None and leaf._req and leaf.__dict__.keys().isdisjoint(_WATCHED):
            leaf._grad = make(vals[slot])  # what `_deliver` comes to for most leaves
        else:
            _deliver(leaf, (vals[slot], None))
    t.sealed = True
    return True


def _deliver(leaf: Any, g: Any) -> None:
    if leaf._hooks and not leaf._lost:
        g = _leaf_hooks(leaf, g)
    if g is not None:
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
