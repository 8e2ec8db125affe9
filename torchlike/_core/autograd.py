"""The tape. Each taped call leaves a Node; backward walks Nodes and records vjps.

An edge says where a gradient goes: a leaf Tensor, or `(node, output index)`.
Gradients travel as `(Value, edge)`; the edge is None unless `create_graph`.
Backward is recorded into the same Trace as forward.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterable
from typing import Any

from . import errors
from .formulas import SENT, SENT_BACKWARDS, UNLESS_ALIKE, VIEWED
from .graph import Call, Value, arranged, begin, record, record_in
from .modes import local
from .node_names import node_name
from .storage import Storage
from .versions import NEVER, counted, while_over
from .vjp import dependencies, is_differentiable, residual_pull, vjp_by_result, vjp_of, with_residuals


class Node:
    """One taped call: what its backward needs and where the gradients go.

    Attributes:
        call: the forward Call; `need` are the operands that want gradients.
        values: operands that the vjp uses (None elsewhere); freed after backward.
        edges: one per operand, None where no gradient goes.
        residuals: what forward kept for the vjp, if it did.
        packed: what saved-tensor hooks made of `values`.
        versions: of tensors that must not be overwritten: storage, version, shape, and the tensor and place of
            an operand (None if it is none), or None and the place of a result.
    """

    versions: Any = None
    freed = False
    residuals: Any = None
    packed: Any = None
    once = False  # a write through a view: PyTorch lets nothing pass it twice
    tensor_hooks: Any = None
    pre_hooks: Any = None
    post_hooks: Any = None
    retained: Any = None
    error: Exception | None = None  # of what has no derivative: backward raises it
    outs: tuple[Any, ...] = ()  # avals of what no call made
    notes: Any = None  # `metadata`, once somebody looked
    trace: Any = None  # the Trace it was recorded in, and its place in `trace.tape`
    pos = 0

    def __init__(
        self, call: Call | None, need: tuple[int, ...], values: list[Any], edges: list[Any], name: str
    ):
        ctx = local.ctx
        ctx.sequence = self.seq = ctx.sequence + 1
        self.call = call
        self.need = need
        self.values = values
        self.edges = edges
        self._name = name
        # what is looked at often is the object's own: it is slower in a class
        self.versions = self.residuals = self.packed = None
        self.freed = False

    @property
    def out_avals(self) -> tuple[Any, ...]:
        """Avals of the outputs that gradients arrive for."""
        return self.outs if self.call is None else self.call.outs

    def apply(self, cts: list[Any], create_graph: bool, retain: bool) -> list[Any]:
        """Gradients `(Value, edge)` for each operand (None where no edge is)."""
        if self.error is not None:
            raise self.error.__class__(*self.error.args)
        if self.freed:
            raise RuntimeError(errors.MSG_FREED)
        if self.packed is None and self.versions is not None:
            self.check_versions()
        call = self.call
        assert call is not None
        have = tuple([i for i, c in enumerate(cts) if c is not None])
        if self.residuals is not None and not create_graph:
            pull = residual_pull(call, self.need, have)
            operands = self.residuals + [cts[i][0] for i in have]
            outs = [(v, None) for v in record(pull, operands)]
        else:
            given = tuple([cts[i][0].aval for i in have])
            vjp, used = vjp_of(call, self.need, have, given if self._laid_otherwise(have, given) else None)
            values = self.values if self.packed is None else self.packed.unpack()
            n = len(call.avals)
            operands = [values[i] for i in used if i < n]
            operands += [cts[have[i - n]][0] for i in used if i >= n]
            through = (
                vjp_by_result(call, given[0])
                if create_graph and self.packed is None and have == (0,)
                else None
            )
            if through is not None and values and values[0] is not None:
                result = record(call, list(values))[0]
                source = [cts[0][1], (self, 0), self.edges[0]]
                results, node = taped(through, [cts[0][0], result, values[0]], source, self._second_name())
                outs = [(results[0], None if node is None else (node, 0))]
            elif create_graph:
                source = [self.edges[i] for i in used if i < n]
                source += [cts[have[i - n]][1] for i in used if i >= n]
                depends = dependencies(call, self.need, vjp)
                counts = set().union(*depends)
                source = [e if k in counts else None for k, e in enumerate(source)]
                results, node = taped(vjp, operands, source, self._second_name())
                outs = [
                    (v, (node, i) if node is not None and any(source[k] is not None for k in on) else None)
                    for i, (v, on) in enumerate(zip(results, depends))
                ]
            else:
                outs = [(v, None) for v in record(vjp, operands)]
        grads: list[Any] = [None] * len(self.edges)
        for i, g in zip(self.need, outs):
            grads[i] = g
        if not retain:
            self.free()
        return grads

    def _second_name(self) -> str:
        return self.plain_name().replace("Backward", "BackwardBackward")

    def _laid_otherwise(self, have: tuple[int, ...], given: tuple[Any, ...]) -> bool:
        """Whether cotangents lie in memory otherwise than the outputs they are for."""
        outs = self.call.outs  # type: ignore[union-attr]
        return any(a is not outs[i] and a.order != outs[i].order for i, a in zip(have, given))

    def free(self) -> None:
        """Lets the saved Values go; a second backward is an error from now on."""
        if (
            not self.versions
            and not self.once
            and self.residuals is None
            and self.packed is None
            and all(v is None or (v.aval.group and self.versions is None) for v in self.values)
        ):
            return  # as in PyTorch, a Node that saved nothing (but numbers like `alpha`) may run again
        self.freed = True
        self.values = ()  # type: ignore[assignment]
        self.versions = self.residuals = self.packed = None

    def check_versions(self) -> None:
        """Raises PyTorch's error if a tensor that backward needs was overwritten."""
        for storage, then, shape, saved, at in self.versions:
            now_in = storage if saved is None else saved._storage
            if now_in.version != then or now_in is not storage:
                counter = was = None if saved is None else saved._counter
                if now_in is not storage:
                    was = while_over(storage, counter)
                    if was is NEVER:  # the saved tensor is another one now (`swap_tensors`), its data is not
                        counter = was = None
                        now_in = storage
                before, now = counted(storage, was, until=then), counted(now_in, counter)
                if now == before:
                    if now_in is storage or not self._viewed(at):
                        self.reread(at, saved)
                    elif storage.version != then and storage.value.aval is self.call.avals[at]:  # type: ignore[union-attr]
                        self.reread(at, storage)  # what PyTorch's view shows was written before
                    continue
                node, index = (saved._node, saved._index) if saved is not None else (self, at)
                if saved is None and not is_differentiable(self.out_avals[at]):
                    node = None
                raise overwritten(now_in, shape, before, now, node, index)

    def _viewed(self, at: int) -> bool:
        """Whether PyTorch saved a view of an operand: other data given to it is not seen."""
        call: Any = self.call
        if at in UNLESS_ALIKE.get(call.name, ()) and call.avals[0].ndim == call.avals[1].ndim:
            return False
        return at in VIEWED.get(call.name, ())

    def reread(self, at: int, saved: Any) -> None:
        """A saved operand was written through `.data`, or got other data: backward sees that, as in PyTorch."""
        if saved is not None and at is not None and self.values[at] is not None:
            values: Any = self.values
            new = saved.read() if saved.__class__ is Storage else saved._read()
            want = self.call.avals[at]  # type: ignore[union-attr]
            if new.aval.shape != want.shape:
                raise RuntimeError(
                    f"{self.plain_name()}: backward needs a tensor of shape {list(want.shape)}, which was given "
                    f"other data since, of shape {list(new.aval.shape)}"
                )
            if new.aval.dtype is not want.dtype:
                new = saved.detach().to(want.dtype)._read()
            values[at] = arranged(new, want.order)
            self.residuals = None

    # PyTorch's surface of grad_fn

    def name(self) -> str:
        """The node's name, e.g. `AddBackward0`."""
        name = self.plain_name()
        return f"torch::autograd::{name}" if name in _BY_HAND else name

    def plain_name(self) -> str:
        """The name without PyTorch's namespace."""
        return self._name if self.call is None else node_name(self._name, self.call)

    def __repr__(self) -> str:
        return f"<{self.plain_name()} object at {id(self):#x}>"

    @property
    def metadata(self) -> dict[Any, Any]:
        """Whatever users and anomaly detection note about this node."""
        if self.notes is None:
            self.notes = {}
        return self.notes

    def _sequence_nr(self) -> int:
        return self.seq

    def shown(self) -> list[int]:
        """The operands that PyTorch's node has as inputs: all but indices, masks and lifted numbers."""
        if self.call is None:
            return list(range(len(self.edges)))
        numbers = (
            2 if self.call.name in NUMBERS_AS_TENSORS else 0
        )  # operands which PyTorch wraps if they are numbers
        edges, avals = self.edges, self.call.avals
        return [
            i
            for i in self.sent()
            if edges[i] is not None or (i < numbers if avals[i].group else is_differentiable(avals[i]))
        ]

    def sent(self) -> Iterable[int]:
        """The operands in the order in which PyTorch sends their gradients."""
        n = len(self.edges)
        name = "" if self.call is None else self.call.name
        if name in SENT_BACKWARDS:
            return range(n - 1, -1, -1)
        order = SENT.get(name)
        return range(n) if order is None or len(order) != n else order

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """`(node, index)` of each differentiable operand; leaves appear as AccumulateGrad."""
        out = []
        for i in self.shown():
            e = self.edges[i]
            if e is None or (type(e) is not tuple and e._lost):
                out.append((None, 0))
            else:
                out.append((e[0].seen(), e[1]) if type(e) is tuple else (AccumulateGrad(e), 0))
        return tuple(out)

    def seen(self) -> Node:
        """This node as users see it: of a class that bears its name."""
        if type(self) is Node:
            self.__class__ = _node_class(self.plain_name())
        return self

    def retain(self, index: int, t: Any) -> None:
        """Asks backward to put the gradient of output `index` into `t.grad`."""
        self.unplan()
        if self.retained is None:
            self.retained = {}
        self.retained[index] = weakref.ref(t)

    def unplan(self) -> None:
        """Keeps the backward of this node's Trace from being taken from the plans."""
        if self.trace is not None:
            self.trace.planned = False

    def register_hook(self, hook: Callable) -> RemovableHandle:
        """Calls `hook(grad_inputs, grad_outputs)` after this node's backward."""
        self.unplan()
        if self.post_hooks is None:
            self.post_hooks = {}
        return RemovableHandle(self.post_hooks, hook)

    def register_prehook(self, hook: Callable) -> RemovableHandle:
        """Calls `hook(grad_outputs)` before this node's backward."""
        self.unplan()
        if self.pre_hooks is None:
            self.pre_hooks = {}
        return RemovableHandle(self.pre_hooks, hook)


def no_derivative(operator: str) -> RuntimeError:
    """PyTorch's error for an operator without a formula."""
    return RuntimeError(f"derivative for aten::{operator} is not implemented")


def not_implemented_derivative(operator: str) -> NotImplementedError:
    """PyTorch's error for an operator whose formula says that there is none."""
    return NotImplementedError(f"the derivative for '{operator}' is not implemented.")


def refusing(node: Node, error: Exception) -> Node:
    """Turns a Node into one that refuses backward."""
    node.unplan()
    node.error = error
    return node


def refuse_gradients(results: Any, parents: Any, name: str, error: Exception) -> None:
    """Lets fresh Tensors require grad where a parent does, by a Node that refuses backward."""
    if not local.ctx.grad or not any(p.requires_grad for p in parents):
        return
    node = Node(None, (), [], [p._edge() for p in parents], name)
    node.error, node.outs = error, tuple([t._aval for t in results])
    for i, t in enumerate(results):
        if is_differentiable(t._aval):
            t._set_edge((node, i))


NUMBERS_AS_TENSORS = ("add", "sub", "mul", "div")
# nodes that PyTorch does not generate, and names in full
_BY_HAND = ("CopySlices", "CopyBackwards", "NotImplemented")
_node_classes: dict[str, type] = {}


def _node_class(name: str) -> type:
    """The class that users see of nodes of this name."""
    found = _node_classes.get(name)
    if found is None:
        found = _node_classes[name] = type(name, (_SeenNode,), {"__slots__": (), "__module__": "builtins"})
    return found


class _SeenNode(Node):
    """A Node that a user looked at."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_saved_") and self.call is not None and "plan" in self.call.derived:
            assert saved_attribute is not None
            return saved_attribute(self, name.removeprefix("_saved_"))
        raise AttributeError(f"'{self.plain_name()}' object has no attribute '{name}'")


saved_attribute: Callable[[Node, str], Any] | None = None  # set by row.py, which knows parameters' names


def overwritten(storage: Any, shape: Any, then: int, now: int, node: Any, index: int) -> RuntimeError:
    """PyTorch's error for a saved tensor that was written in place after version `then`, as it counts."""
    producer = "" if node is None else f", which is output {index} of {short_name(node)},"
    kind = TYPE_NAMES.get(storage.value.aval.dtype.name, "FloatTensor")
    hint = errors.MSG_HINT_ANOMALY if local.ctx.anomaly is None else errors.MSG_HINT_BACKTRACE
    return RuntimeError(errors.MSG_INPLACE_SAVED.format(hint=hint,
        type=f"torch.{kind}", shape=list(shape), producer=producer, now=now, then=then))  # fmt: skip


def short_name(node: Any) -> str:
    """A node's name as errors give it: `MulBackward0` is Mul."""
    return node.name().removesuffix("0").removesuffix("1").removesuffix("Backward")


class AccumulateGrad(Node):
    """The end of the graph at a leaf: one object per leaf while somebody holds it."""

    variable: Any

    def __new__(cls, leaf: Any) -> AccumulateGrad:
        ref = leaf._accumulate
        found = None if ref is None else ref()
        if found is None:
            found = object.__new__(cls)
            found.variable = leaf
            found.call, found.edges, found._name, found.seq = None, [], cls.__name__, sys.maxsize
            leaf._accumulate = weakref.ref(found)
        return found

    def __init__(self, leaf: Any):
        pass

    def name(self) -> str:
        """Its name in graphs."""
        return "torch::autograd::AccumulateGrad"

    def register_hook(self, hook: Callable) -> RemovableHandle:
        """Calls `hook((), grad_outputs)` after the gradient has been added to `variable.grad`."""
        return RemovableHandle(self._hooks(1), hook)

    def register_prehook(self, hook: Callable) -> RemovableHandle:
        """Calls `hook(grad_outputs)` before the gradient is added to `variable.grad`."""
        return RemovableHandle(self._hooks(0), hook)

    @property
    def current(self) -> bool:
        """Whether graphs still end here: `set_` gives a leaf another end."""
        ref = self.variable._accumulate
        return ref is not None and ref() is self

    def _hooks(self, which: int) -> dict[int, Any]:
        leaf = self.variable  # keeps them: this object may go and be made again
        if leaf._accumulate_hooks is None:
            leaf._accumulate_hooks = ({}, {})
        return leaf._accumulate_hooks[which]


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
        self.extras = (
            extra_dict
            if isinstance(extra_dict, (list, tuple))
            else [extra_dict]
            if extra_dict is not None
            else []
        )
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


# ---- recording with the tape ----------------------------------------------------------


def taped(
    call: Call, operands: list[Value], edges: list[Any], name: str, residual: bool = False
) -> tuple[list[Value], Any]:
    """Records a call and its Node; the Node is None when no output is differentiable.

    Args:
        call: what to record.
        operands: its operands.
        edges: for each operand where its gradient goes, or None.
        name: of the Node, as `grad_fn` shows it.
        residual: forward also records what the vjp keeps.
    """
    info = taping(call, tuple([i for i, e in enumerate(edges) if e is not None]), residual)
    if info is None:
        return record(call, operands), None
    return tape(info, operands, edges, name)


def taping(call: Call, wanted: tuple[int, ...], residual: bool) -> Taping | None:
    """How a call is taped for these operands; None if no gradient flows."""
    info = call.derived.get(wanted)
    if info is None:
        info = call.derived[wanted] = Taping(call, wanted, residual)
    return info if info.taped else None


def tape(info: Taping, operands: list[Value], edges: list[Any], name: str) -> tuple[list[Value], Any]:
    """Records a call and its Node; see `taped`."""
    call = info.call
    ctx = local.ctx
    traces, device = ctx.traces, call.device
    t = traces.get(device)
    if t is None:
        t = traces[device] = begin(device, traces)
    elif t.sealed and t.nodes:
        t.run(t, "accumulation")
        t = traces[device]
    results = record_in(t, info.forward, operands)
    node = Node(call, info.need, operands, edges, name)
    if info.own:
        node.residuals = results[info.own :]
        results = results[: info.own]
    elif info.drop:
        values: list[Any] = operands.copy()
        node.values = values
        for i in info.drop:
            values[i] = None
    t = results[0].trace
    if t is not None:
        # the Trace's picture of the graph: the key of backward plans
        wanted = info.wanted
        entry: list[Any] = [wanted, results[0].slot]
        for i in wanted:
            e = edges[i]
            if type(e) is tuple:
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
    if ctx.watch is not None:
        ctx.watch(node)
    return results, node


class Taping:
    """What taping a call for some operands amounts to, found out once.

    Attributes:
        call: the call.
        wanted: the operands that have somewhere for a gradient to go; `need` are those that can have one.
        taped: whether a Node is made at all.
        forward: what forward records: the call, or (`own` results first) one that also returns what the vjp keeps.
        drop: operands that the vjp does not use.
        spots: operands that PyTorch saves, once the row has looked.
    """

    __slots__ = ("call", "wanted", "taped", "need", "forward", "own", "drop", "spots")

    def __init__(self, call: Call, wanted: tuple[int, ...], residual: bool):
        self.call, self.wanted = call, wanted
        self.need = tuple([i for i in wanted if is_differentiable(call.avals[i])])
        have = tuple([i for i, o in enumerate(call.outs) if is_differentiable(o)])
        self.taped = bool(self.need and have)
        self.forward, self.own, self.drop, self.spots = call, 0, (), None
        if not self.taped:
            return
        if residual:
            self.forward, self.own = with_residuals(call, self.need)
        else:
            n = len(call.avals)
            try:
                used = {i for i in vjp_of(call, self.need, have)[1] if i < n}
            except NotImplementedError:  # there is no derivative: backward says so, if it comes to that
                used = set(range(n))
            self.drop = tuple([i for i in range(n) if i not in used])
