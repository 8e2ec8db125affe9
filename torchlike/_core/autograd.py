"""The tape. Each taped call leaves a Node; backward walks Nodes and records vjps.

An edge says where a gradient goes: a leaf Tensor, or `(node, output index)`.
Gradients travel as `(Value, edge)`; the edge is None unless `create_graph`.
Backward is recorded into the same Trace as forward.
"""

from __future__ import annotations

import collections
from typing import Any, Callable

import jax
import jax.numpy as jnp
from jax.interpreters import partial_eval

from . import errors
from .graph import DEAD
from .checks import ignoring
from .graph import Call, Trace, Value, aval, current_trace, make_call, record
from .modes import local
from .program import lowering_for

tensor_class: Any = None  # set by tensor.py: makes Tensors for hooks, Functions and `.grad`


class Node:
    """One taped call: what its backward needs and where the gradients go.

    Attributes:
        call: the forward Call; `need` are the operands that want gradients.
        values: operands that the vjp uses (None elsewhere); freed after backward.
        edges: one per operand, None where no gradient goes.
        versions: (storage, version, label) of tensors that must not be overwritten.
    """

    versions: Any = None
    residuals: Any = None
    freed = False
    tensor_hooks: Any = None
    pre_hooks: Any = None
    post_hooks: Any = None
    retained: Any = None
    trace: Any = None  # the Trace it was recorded in, and its place in `trace.tape`
    pos = 0

    def __init__(self, call: Call | None, need: tuple[int, ...], values: list[Any], edges: list[Any], name: str):
        ctx = local.ctx
        ctx.sequence = self.seq = ctx.sequence + 1
        self.call, self.need, self.values, self.edges, self._name = call, need, values, edges, name

    @property
    def out_avals(self) -> tuple[Any, ...]:
        """Avals of the outputs that gradients arrive for."""
        assert self.call is not None
        return self.call.outs

    def apply(self, cts: list[Any], create_graph: bool, retain: bool) -> list[Any]:
        """Gradients `(Value, edge)` for each operand (None where no edge is)."""
        if self.freed:
            raise RuntimeError(errors.MSG_FREED)
        if self.versions is not None:
            self.check_versions()
        call = self.call
        assert call is not None
        have = tuple([i for i, c in enumerate(cts) if c is not None])
        if self.residuals is not None and not create_graph:
            pull = residual_pull(call, self.need, have)
            operands = self.residuals + [cts[i][0] for i in have]
            outs = [(v, None) for v in record(pull, operands)]
        else:
            vjp, used = vjp_of(call, self.need, have)
            values = self.values
            n = len(call.avals)
            operands = [values[i] for i in used if i < n]
            operands += [cts[have[i - n]][0] for i in used if i >= n]
            if create_graph:
                source = [self.edges[i] for i in used if i < n]
                source += [cts[have[i - n]][1] for i in used if i >= n]
                results, node = taped(vjp, operands, source, self._name.replace("Backward", "BackwardBackward"))
                outs = [(v, (node, i) if node is not None and is_differentiable(v.aval) else None)
                        for i, v in enumerate(results)]  # fmt: skip
            else:
                outs = [(v, None) for v in record(vjp, operands)]
        grads: list[Any] = [None] * len(self.edges)
        for i, g in zip(self.need, outs):
            grads[i] = g
        if not retain:
            self.free()
        return grads

    def free(self) -> None:
        """Lets the saved Values go; a second backward is an error from now on."""
        if self.residuals is not None or not all(v is None for v in self.values):
            self.freed = True  # as in PyTorch, a Node that saved nothing may run again
        self.values = ()  # type: ignore[assignment]
        self.residuals = None
        self.versions = None

    def check_versions(self) -> None:
        """Raises PyTorch's error if a tensor that backward needs was overwritten."""
        for storage, then, shape, saved in self.versions:
            if storage.version != then:
                node, index = (self, 0) if saved is None else (saved._node, saved._index)
                producer = "" if node is None else f", which is output {index} of {node.name().replace('Backward0', '')},"
                kind = TYPE_NAMES.get(storage.value.aval.dtype.name, "FloatTensor")
                raise RuntimeError(errors.MSG_INPLACE_SAVED.format(
                    type=f"torch.{kind}", shape=list(shape), producer=producer, now=storage.version, then=then))  # fmt: skip

    # PyTorch's surface of grad_fn

    def name(self) -> str:
        """The node's name, e.g. `AddBackward0`."""
        return self._name

    def __repr__(self) -> str:
        return f"<{self._name} object at {id(self):#x}>"

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """`(node, index)` of each differentiable operand; leaves appear as AccumulateGrad."""
        out = []
        for i, e in enumerate(self.edges):
            if e is not None:
                out.append((AccumulateGrad(e), 0) if not isinstance(e, tuple) else e)
            elif self.call is None or is_differentiable(self.call.avals[i]) and not self.call.avals[i].group:
                out.append((None, 0))
        return tuple(out)

    def register_hook(self, hook: Callable) -> RemovableHandle:
        """Calls `hook(grad_inputs, grad_outputs)` after this node's backward."""
        if self.post_hooks is None:
            self.post_hooks = {}
        return RemovableHandle(self.post_hooks, hook)

    def register_prehook(self, hook: Callable) -> RemovableHandle:
        """Calls `hook(grad_outputs)` before this node's backward."""
        if self.pre_hooks is None:
            self.pre_hooks = {}
        return RemovableHandle(self.pre_hooks, hook)


class AccumulateGrad:
    """The end of the graph at a leaf, as `next_functions` shows it."""

    def __init__(self, leaf: Any):
        self.variable = leaf

    def name(self) -> str:
        """Its name in graphs."""
        return "torch::autograd::AccumulateGrad"

    next_functions = ()

    def __repr__(self) -> str:
        return f"<AccumulateGrad object at {id(self.variable):#x}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AccumulateGrad) and other.variable is self.variable

    def __hash__(self) -> int:
        return id(self.variable)


TYPE_NAMES = {
    "float32": "FloatTensor", "float64": "DoubleTensor", "float16": "HalfTensor", "bfloat16": "BFloat16Tensor",
    "int64": "LongTensor", "int32": "IntTensor", "int16": "ShortTensor", "int8": "CharTensor", "uint8": "ByteTensor",
    "bool": "BoolTensor", "complex64": "ComplexFloatTensor", "complex128": "ComplexDoubleTensor",
}  # fmt: skip


class RemovableHandle:
    """Removes a hook again; also a context manager (`torch.utils.hooks.RemovableHandle`)."""

    _next = 0

    def __init__(self, hooks: dict[int, Any], hook: Any = None, *, extra_dict: Any = None):
        self.id = RemovableHandle._next
        RemovableHandle._next += 1
        self.hooks = hooks
        self.extras = extra_dict if isinstance(extra_dict, (list, tuple)) else [extra_dict] if extra_dict is not None else []
        if hook is not None:
            hooks[self.id] = hook

    def remove(self) -> None:
        """Unregisters the hook; a second call does nothing."""
        self.hooks.pop(self.id, None)
        for d in self.extras:
            d.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *_: Any) -> None:
        self.remove()


# ---- derived calls -----------------------------------------------------------------


def is_differentiable(a: Any) -> bool:
    """Whether gradients exist for this dtype."""
    return a.dtype.category >= 2


def _conj(x: Any) -> Any:
    return jnp.conj(x) if jnp.issubdtype(x.dtype, jnp.complexfloating) else x


def _pull_of(call: Call, need: tuple[int, ...], have: tuple[int, ...], xs: Any) -> Any:
    """`jax.vjp` of the call's outputs `have` for its operands `need`, at xs."""

    def g(*wanted: Any) -> list[Any]:
        full = list(xs)
        for i, x in zip(need, wanted):
            full[i] = x
        with ignoring():
            outs = call.fn(*full)
        return [outs[i] for i in have]

    return jax.vjp(g, *[xs[i] for i in need])


def vjp_of(call: Call, need: tuple[int, ...], have: tuple[int, ...]) -> tuple[Call, tuple[int, ...]]:
    """The vjp of a call as a Call of its own, and which of (operands + cotangents) it takes.

    Complex gradients follow PyTorch's convention: the conjugate of JAX's.
    """
    key = ("vjp", need, have)
    found = call.derived.get(key)
    if found is None:
        avals = call.avals + tuple(call.outs[i] for i in have)
        n = len(call.avals)

        def fn(*args: Any) -> tuple[Any, ...]:
            _, pull = _pull_of(call, need, have, args[:n])
            return tuple(_conj(g) for g in pull([_conj(c) for c in args[n:]]))

        with lowering_for(call.device):
            closed = jax.make_jaxpr(fn)(*[a.struct for a in avals])
        jaxpr, used = partial_eval.dce_jaxpr(closed.jaxpr, [True] * len(need))
        consts = closed.consts
        keep = tuple([i for i, u in enumerate(used) if u])

        def pruned(*args: Any) -> tuple[Any, ...]:
            return tuple(jax.core.eval_jaxpr(jaxpr, consts, *args))

        text = None if call.text is None else f"vjp[{need}{have}{keep}]({call.text})"
        outs = tuple(call.avals[i] for i in need)
        made = Call(call.name + ".vjp", text, pruned, tuple(avals[i] for i in keep), outs, call.device)
        found = call.derived[key] = (made, keep)  # type: ignore[assignment]
    return found  # type: ignore[return-value]


def with_residuals(call: Call, need: tuple[int, ...]) -> tuple[Call, int]:
    """The call that also returns what its vjp keeps, and how many outputs are its own."""
    key = ("residuals", need)
    found = call.derived.get(key)
    if found is None:
        have = tuple([i for i, o in enumerate(call.outs) if is_differentiable(o)])
        box: dict[str, Any] = {}

        def fn(*xs: Any) -> tuple[Any, ...]:
            rest: dict[str, Any] = {}

            def g(*wanted: Any) -> Any:
                full = list(xs)
                for i, x in zip(need, wanted):
                    full[i] = x
                with ignoring():
                    outs = call.fn(*full)
                rest["ints"] = [o for i, o in enumerate(outs) if i not in have]
                return [outs[i] for i in have], rest["ints"]

            outs, pull, ints = jax.vjp(g, *[xs[i] for i in need], has_aux=True)
            leaves, box["tree"] = jax.tree.flatten(pull)
            floats, others = iter(outs), iter(ints)
            own = tuple(next(floats) if i in have else next(others) for i in range(len(call.outs)))
            return own + tuple(jnp.asarray(leaf) for leaf in leaves)

        text = None if call.text is None else f"residuals[{need}]({call.text})"
        with lowering_for(call.device):
            made = make_call(call.name, text, fn, call.avals, call.device)
        made.extra = box["tree"]
        found = call.derived[key] = (made, len(call.outs))  # type: ignore[assignment]
    return found  # type: ignore[return-value]


def residual_pull(call: Call, need: tuple[int, ...], have: tuple[int, ...]) -> Call:
    """The backward that takes residuals and cotangents."""
    key = ("pull", need, have)
    found = call.derived.get(key)
    if found is None:
        forward, own = with_residuals(call, need)
        tree, n = forward.extra, len(forward.outs) - own
        floats = [i for i, o in enumerate(call.outs) if is_differentiable(o)]

        def fn(*args: Any) -> tuple[Any, ...]:
            pull = jax.tree.unflatten(tree, args[:n])
            given = dict(zip(have, args[n:]))
            cts = [_conj(given[i]) if i in given else jnp.zeros(call.outs[i].shape, call.outs[i].dtype.jnp) for i in floats]
            return tuple(_conj(g) for g in pull(cts))

        avals = forward.outs[own:] + tuple(call.outs[i] for i in have)
        text = None if call.text is None else f"pull[{need}{have}]({call.text})"
        outs = tuple(call.avals[i] for i in need)
        found = call.derived[key] = Call(call.name + ".vjp", text, fn, avals, outs, call.device)
    return found


def add_call(a: Any) -> Call:
    """Sum of two arrays of one aval: how gradients accumulate."""
    return _simple("accumulate", lambda x, y: (x + y,), (a, a))


def fill_call(a: Any, number: int) -> Call:
    """An array of one constant."""
    return _simple(f"fill{number}", lambda: (jnp.full(a.shape, number, a.dtype.jnp),), (), a.device, a)


_simple_calls: dict[Any, Call] = {}


def _simple(name: str, fn: Callable, avals: tuple[Any, ...], device: Any = None, tag: Any = None) -> Call:
    key = (name, avals, tag)
    found = _simple_calls.get(key)
    if found is None:
        found = _simple_calls[key] = make_call(name, f"{name}{avals}{tag}", fn, avals, device)
    return found


# ---- recording with the tape ----------------------------------------------------------


def taped(call: Call, operands: list[Value], edges: list[Any], name: str, residual: bool = False) -> tuple[list[Value], Any]:
    """Records a call and its Node; the Node is None when no output is differentiable.

    Args:
        call: what to record.
        operands: its operands.
        edges: for each operand where its gradient goes, or None.
        name: of the Node, as `grad_fn` shows it.
        residual: forward also records what the vjp keeps.
    """
    need = tuple([i for i, e in enumerate(edges) if e is not None])
    info = call.derived.get(need)
    if info is None:
        info = call.derived[need] = _TapeInfo(call, need, residual)  # type: ignore[assignment]
    if not info.taped:  # type: ignore[attr-defined]
        return record(call, operands), None
    t = local.ctx.traces.get(call.device)
    if t is not None and t.sealed and t.nodes:
        t.run(t, "accumulation")
    results = record(info.forward, operands)  # type: ignore[attr-defined]
    node = Node(call, info.need, operands, edges, name)  # type: ignore[attr-defined]
    if residual:
        own = info.own  # type: ignore[attr-defined]
        node.residuals = results[own:]
        results = results[:own]
    elif info.drop:  # type: ignore[attr-defined]
        node.values = values = operands.copy()
        for i in info.drop:  # type: ignore[attr-defined]
            values[i] = None
    t = results[0].trace
    if t is not None:
        # the Trace's picture of the graph: the key of backward plans
        entry: list[Any] = [need]
        for i in need:
            e = edges[i]
            if e.__class__ is tuple:
                source = e[0]
                if source.trace is not t:
                    t.planned = False
                entry.append(source.pos)
                entry.append(e[1])
            else:
                k = t.leaf_index.get(id(e))
                if k is None:
                    k = t.leaf_index[id(e)] = len(t.leaves)
                    t.leaves.append(e)
                entry.append(-1 - k)
        node.trace = t
        tape = t.tape
        node.pos = len(tape)
        tape.append(tuple(entry))
    return results, node


class _TapeInfo:
    """What taping a call for some operands amounts to, found out once."""

    __slots__ = ("taped", "need", "forward", "own", "drop")

    def __init__(self, call: Call, need: tuple[int, ...], residual: bool):
        self.need = tuple([i for i in need if is_differentiable(call.avals[i])])
        have = tuple([i for i, o in enumerate(call.outs) if is_differentiable(o)])
        self.taped = bool(self.need and have)
        self.forward, self.own, self.drop = call, 0, ()
        if not self.taped:
            return
        if residual:
            self.forward, self.own = with_residuals(call, self.need)
        else:
            n = len(call.avals)
            used = {i for i in vjp_of(call, self.need, have)[1] if i < n}
            self.drop = tuple([i for i in range(n) if i not in used])


# ---- backward ---------------------------------------------------------------------------


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
            if slots is None or (useful is not None and node not in useful and not _target_node(node, wanted)):
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


__all__ = ["Node", "RemovableHandle", "Trace", "aval", "current_trace"]
