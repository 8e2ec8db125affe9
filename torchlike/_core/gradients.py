"""Gradients on their way: `(Value, edge)` pairs added up, shown to hooks as Tensors, put into `.grad`.

The edge is None unless the backward itself is taped; a sparse gradient is `(Tensor, None)`.
"""

from __future__ import annotations

from typing import Any

from . import errors
from .autograd import TYPE_NAMES, Node, taped
from .graph import Value, arranged, record
from .layouts import dense, order_like, owned
from .modes import enable_grad, no_grad
from .vjp import add_call

tensor_class: Any = None  # set by tensor.py: makes Tensors for hooks, Functions and `.grad`


def add(a: Any, b: Any, create_graph: bool) -> Any:
    """Sum of two gradients `(Value, edge)`, or `(sparse tensor, None)`."""
    if type(a[0]) is not Value or type(b[0]) is not Value:
        first, second = wrap(a), wrap(b)
        return unwrap(first + second if second._parted and not first._parted else second + first)
    call = add_call(a[0].aval, b[0].aval)
    if create_graph and (a[1] is not None or b[1] is not None):
        out, node = taped(call, [a[0], b[0]], [a[1], b[1]], "AddBackward0")
        return out[0], (node, 0)
    return record(call, [a[0], b[0]])[0], None


def fitting(node: Node, i: int, edge: Any, g: Any) -> Any:
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


def wrap(g: Any) -> Any:
    """A gradient `(Value, edge)` as a Tensor, None as None; a sparse one is `(tensor, None)`."""
    if g is None:
        return None
    v, edge = g
    if type(v) is not Value:
        return v
    order = v.aval.order
    if order is owned(order) or not v.aval.size:
        return tensor_class._from_value(v, edge)
    return _expanded(v, edge)


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


def tensor_hooks(node: Node, slots: list[Any]) -> None:
    """Runs the hooks of the tensors this node made, then keeps retained gradients."""
    if node.tensor_hooks is not None:
        for i, hooks in node.tensor_hooks.items():
            slots[i] = _apply_tensor_hooks(hooks, slots[i])
    for i, ref in (node.retained or {}).items():
        t = ref()
        if t is not None and slots[i] is not None:
            old = t._shown_grad()
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
        have = leaf._shown_grad()
        dtype = self.dtype or (have.dtype if have is not None else None)
        return g if dtype is None or g[0].aval.dtype is dtype else unwrap(wrap(g).to(dtype))

    def __call__(self, grad: Any) -> None:
        """Changes nothing: the hooks see the gradient as it was cast."""


def leaf_hooks(leaf: Any, g: Any) -> Any:
    """Casts a leaf's gradient, if that is asked for, and runs the leaf's hooks on it."""
    kind = leaf._hooks.get("grad_dtype")
    if kind is not None and g is not None:
        g = kind.cast(leaf, g)
    return _apply_tensor_hooks(leaf._hooks, g)


def run_hooks(hooks: dict[int, Any], first: list[Any], second: list[Any] | None = None) -> list[Any]:
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


def post_hooks(node: Node, results: list[Any], slots: list[Any]) -> list[Any]:
    """Runs a node's hooks on the gradients of those operands that PyTorch's node has."""
    at = node.shown()
    final = list(results)
    for i, g in zip(at, run_hooks(node.post_hooks, [results[i] for i in at], slots)):
        final[i] = g
    return final


def _dense(g: Any) -> Any:
    """A gradient in memory of its own."""
    return (arranged(g[0], owned(g[0].aval.order)), g[1]) if type(g[0]) is Value else g


def as_leaf(leaf: Any, g: Any) -> Any:
    """A gradient in the leaf's order in memory, if that has no gaps, else row by row."""
    v = g[0]
    if type(v) is not Value or v.aval is leaf._storage.value.aval or v.aval.shape != leaf._aval.shape:
        return g
    shape, strides = v.aval.shape, leaf.stride()
    return arranged(v, order_like(shape, [(shape, strides)]) if dense(shape, strides) else None), g[1]


def accumulate_grad(leaf: Any, g: Any, create_graph: bool) -> None:
    """Adds a gradient to `leaf.grad`, in place as PyTorch does; runs the hooks around that."""
    if leaf._lost:
        return
    around = leaf._accumulate_hooks
    if around is not None:
        g = run_hooks(around[0], [g])[0]
    old = leaf._shown_grad()
    if not leaf._req:  # it was switched off after the graph was made; the hooks run all the same
        pass
    elif old is None:
        leaf._grad = wrap(as_leaf(leaf, g))
    elif type(g[0]) is Value and old._aval.shape != g[0].aval.shape:  # a view in place changed it
        with enable_grad() if create_graph else no_grad():
            leaf._grad = old + wrap(g) if create_graph else old.add_(wrap(g))
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
        run_hooks(around[1], [], [g])
