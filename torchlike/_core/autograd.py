"""The tape. Each taped call leaves a Node; backward walks Nodes and records vjps.

An edge says where a gradient goes: a leaf Tensor, or `(node, output index)`.
Gradients travel as `(Value, edge)`; the edge is None unless `create_graph`.
Backward is recorded into the same Trace as forward.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import errors
from .graph import Call, Value, record
from .modes import local
from .vjp import is_differentiable, residual_pull, vjp_of, with_residuals


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

    def __init__(
        self, call: Call | None, need: tuple[int, ...], values: list[Any], edges: list[Any], name: str
    ):
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
                results, node = taped(
                    vjp, operands, source, self._name.replace("Backward", "BackwardBackward")
                )
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
                producer = (
                    ""
                    if node is None
                    else f", which is output {index} of {node.name().replace('Backward0', '')},"
                )
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
        values: list[Any] = operands.copy()
        node.values = values
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
