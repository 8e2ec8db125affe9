"""What watches the tape: hooks on saved tensors, and anomaly detection.

`Context.watch` is `watch` while either is on, else None: a taped call pays one test.
"""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from . import autograd, backward, engine, errors
from .autograd import Node
from .graph import Value, record
from .modes import local, no_grad
from .tensor import Tensor
from .vjp import is_differentiable, simple_call, vjp_of

_MSG_INPLACE_PACK = (
    "A saved tensor pack hook is modifying its input in place. Tensors provided as input to pack hook cannot be "
    "modified by in-place operations as this can lead to unexpected side-effects. Please open an issue if you need to "
    "perform in-place operations on the input to a pack hook."
)
_NOTES = "traceback_"
_PARENT = "parent_"


def rewatch() -> None:
    """Sets `watch` as the thread's modes need it."""
    ctx = local.ctx
    ctx.watch = watch if ctx.saved_hooks or ctx.anomaly is not None else None


def watch(node: Node) -> None:
    """Called with every new Node while hooks or anomaly detection are on."""
    ctx = local.ctx
    if ctx.anomaly is not None:
        note_origin(node)
    if ctx.saved_hooks:
        pack_node(node, *ctx.saved_hooks[-1])


def note_origin(node: Node) -> None:
    """Anomaly detection's notes: where the node was made, and in whose backward."""
    node.metadata[_NOTES] = traceback.format_stack()[:-2]
    node.metadata[_PARENT] = local.ctx.extra.get("evaluating")


# ---- hooks on saved tensors ---------------------------------------------------------------


class Packed:
    """Saved Values in the form that a pack hook gave them; None where nothing was packed."""

    __slots__ = ("items", "plain", "hook")

    def __init__(self, items: list[Any], plain: list[Any], hook: Callable):
        self.items, self.plain, self.hook = items, plain, hook

    def unpack(self) -> list[Any]:
        """The Values again."""
        return [
            v if item is None else unpacked(self.hook, item[0])._read()
            for item, v in zip(self.items, self.plain)
        ]


def packed(hook: Callable, t: Tensor) -> Any:
    """What a pack hook makes of a tensor (outside the tape).

    Raises:
        RuntimeError: it wrote to the tensor.
    """
    before = t._version
    ctx = local.ctx
    hooks, ctx.saved_hooks = ctx.saved_hooks, []
    try:
        with no_grad():
            out = hook(t)
    finally:
        ctx.saved_hooks = hooks
    if t._version != before:
        raise RuntimeError(_MSG_INPLACE_PACK)
    return out


def unpacked(hook: Callable, item: Any) -> Tensor:
    """The tensor that an unpack hook makes of a packed one.

    Raises:
        TypeError: it made something else.
    """
    out = hook(item)
    if not isinstance(out, Tensor):
        raise TypeError(
            f"Output of saved tensor unpack_hook expected to be a Tensor but got result of type {type(out).__name__}"
        )
    return out


def pack_node(node: Node, pack: Callable, unpack: Callable) -> None:
    """Gives the operands that a Node keeps to the pack hook."""
    node.unplan()
    call = node.call
    assert call is not None
    kept = node.values
    if node.residuals is not None:  # the vjp runs forward again, from operands that hooks may move or drop
        node.residuals = None
        have = tuple([i for i, o in enumerate(call.outs) if is_differentiable(o)])
        used = set(vjp_of(call, node.need, have)[1])
        kept = [v if i in used else None for i, v in enumerate(kept)]
    items: list[Any] = [None] * len(kept)
    for i, v in enumerate(kept):
        if v is not None and not v.aval.group:
            items[i] = (packed(pack, Tensor._from_value(v)),)
    node.packed = Packed(items, [v if item is None else None for v, item in zip(kept, items)], unpack)
    node.values = [None] * len(kept)


# ---- what `grad_fn._saved_...` shows ---------------------------------------------------------


def saved_attribute(node: Node, name: str) -> Any:
    """What a node keeps of a parameter of its row, or the static argument; `result` is computed again.

    Raises:
        AttributeError: it keeps no such thing.
        RuntimeError: backward has freed it.
    """
    call = node.call
    assert call is not None
    if node.freed:
        raise RuntimeError(errors.MSG_FREED)
    values = node.values if node.packed is None else node.packed.unpack()
    if name == "result" and all(v is not None for v in values):
        return Tensor._from_value(record(call, list(values))[0], (node, 0))
    at = 0
    for i, (param, how) in enumerate(call.derived["plan"].items()):
        wanted = param == name or i == 0 and name == "self"
        if how[0] == "static" and wanted:
            return how[1]
        if how[0] == "arrays":
            at += how[1]
        elif how[0] in ("array", "operand", "scalar", "key"):
            if wanted and values[at] is not None:
                v = values[at]
                if v.aval.group:
                    return v.arr
                edge = node.edges[at]
                return edge if isinstance(edge, Tensor) and edge._read() is v else Tensor._from_value(v, edge)
            at += 1
    raise AttributeError(f"'{node.name()}' object keeps no '{name}'")


autograd.saved_attribute = saved_attribute


# ---- anomaly detection -------------------------------------------------------------------------


def checked(node: Node, apply: Callable[[], list[Any]]) -> list[Any]:
    """A node's gradients; with the forward's traceback as a warning if it fails or makes NaN.

    Raises:
        RuntimeError: a gradient has NaN, and anomaly detection checks for them.
    """
    ctx = local.ctx
    outer, ctx.extra["evaluating"] = ctx.extra.get("evaluating"), node
    try:
        results = apply()
        if ctx.anomaly:
            for i, n in enumerate(node.shown()):
                if results[n] is not None and _has_nan(results[n][0]):
                    raise RuntimeError(f"Function '{node.name()}' returned nan values in its {i}th output.")
    except Exception:
        _explain(node)
        raise
    finally:
        ctx.extra["evaluating"] = outer
    return results


backward.anomaly_check = checked


def _has_nan(v: Value) -> bool:
    if not v.aval.size:
        return False
    found = record(simple_call("any_nan", lambda x: (jnp.isnan(x).any(),), (v.aval,)), [v])[0]
    return bool(engine.host(found))


def _explain(node: Any) -> None:
    name = node.name()
    stack = node.metadata.get(_NOTES)
    if stack is None:
        warnings.warn(
            f"Error detected in {name}. No forward pass information available. Enable detect anomaly during forward "
            "pass for more information.",
            UserWarning,
            stacklevel=2,
        )
        return
    warnings.warn(
        f"Error detected in {name}. Traceback of forward call that caused the error:\n{''.join(stack)}",
        UserWarning,
        stacklevel=2,
    )
    parent = node.metadata.get(_PARENT)
    while parent is not None:
        stack = parent.metadata.get(_NOTES)
        if stack is None:
            warnings.warn(
                f"\n\nPrevious calculation was induced by {parent.name()}. No forward pass information available. Enable "
                "detect anomaly during forward pass for more information.",
                UserWarning,
                stacklevel=2,
            )
            return
        warnings.warn(
            f"\n\nPrevious calculation was induced by {parent.name()}. Traceback of forward call that induced the "
            f"previous calculation:\n{''.join(stack)}",
            UserWarning,
            stacklevel=2,
        )
        parent = parent.metadata.get(_PARENT)
