"""Custom autograd Functions: the user's forward and backward as one Node."""

from __future__ import annotations

import inspect
from typing import Any

from . import errors
from .autograd import Node
from .backward import unwrap, wrap
from .graph import record
from .modes import local, no_grad
from .tensor import Tensor
from .vjp import fill_call


class FunctionCtx:
    """What forward hands to backward (`ctx`)."""

    def __init__(self) -> None:
        self._saved: tuple[Any, ...] | None = ()
        self._dirty: tuple[Any, ...] = ()
        self._non_differentiable: tuple[Any, ...] = ()
        self._materialize = True
        self.needs_input_grad: tuple[bool, ...] = ()

    def save_for_backward(self, *tensors: Any) -> None:
        """Keeps tensors for `saved_tensors`; None is allowed.

        Raises:
            TypeError: something else is given.
        """
        for t in tensors:
            if t is not None and not isinstance(t, Tensor):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument is of type {type(t).__name__}"
                )
        self._to_save = tensors

    def save_for_forward(self, *tensors: Any) -> None:
        """Keeps tensors for `jvp`."""
        self._saved_forward = tensors

    def mark_dirty(self, *args: Tensor) -> None:
        """Names inputs that forward wrote in place and returns."""
        self._dirty = args

    def mark_non_differentiable(self, *args: Tensor) -> None:
        """Names outputs that get no gradient."""
        self._non_differentiable = args

    def set_materialize_grads(self, value: bool) -> None:
        """Whether missing gradients reach backward as zeros (default) or as None."""
        self._materialize = value

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """The tensors kept by `save_for_backward`.

        Raises:
            RuntimeError: backward has run and freed them, or one was overwritten.
        """
        if self._saved is None:
            raise RuntimeError(errors.MSG_FREED)
        out = []
        for item in self._saved:
            if item is None:
                out.append(None)
                continue
            t, version, value, index = item
            if t is None:
                t = Tensor._from_value(value, (self._node(), index) if index is not None else None)
            elif t._storage.version != version:
                a = t._aval
                raise RuntimeError(errors.MSG_INPLACE_SAVED.format(
                    type=f"{t.type()}", shape=list(a.shape), producer="", now=t._storage.version, then=version))  # fmt: skip
            out.append(t)
        return tuple(out)

    saved_variables = saved_tensors

    _node: Any = None


class _FunctionNode(Node):
    """The Node of one application of a Function."""

    in_avals: list[Any]  # of the arguments; None for what is no Tensor

    def __init__(self, cls: Any, ctx: FunctionCtx, edges: list[Any], outs: list[Any]):
        super().__init__(None, (), [], edges, cls.__name__ + "Backward")
        self.cls, self.ctx, self.outs = cls, ctx, outs

    @property
    def out_avals(self) -> tuple[Any, ...]:
        return tuple(self.outs)

    def apply(self, cts: list[Any], create_graph: bool, retain: bool) -> list[Any]:
        grads = []
        for g, a in zip(cts, self.outs):
            if g is None and self.ctx._materialize and a is not None:
                g = (record(fill_call(a, 0), [])[0], None)
            grads.append(wrap(g))
        out = self.cls.backward(self.ctx, *grads)
        results = out if isinstance(out, tuple) else (out,)
        n = len(self.edges)
        if len(results) > n and all(r is None for r in results[n:]):
            results = results[:n]
        if len(results) != n:
            raise RuntimeError(
                f"function {self._name} returned an incorrect number of gradients (expected {n}, got {len(results)})"
            )
        final = []
        for i, (r, edge) in enumerate(zip(results, self.edges)):
            if r is None or edge is None:
                final.append(None)
                continue
            if not isinstance(r, Tensor):
                raise TypeError(
                    f"function {self._name} returned a gradient of type {type(r).__name__} at index {i}"
                )
            want = self.in_avals[i]
            if r._aval.shape != want.shape:
                if r.ndim > len(want.shape) or _reducible(r._aval.shape, want.shape):
                    r = r.sum_to_size(*want.shape)
                else:
                    raise RuntimeError(
                        f"Function {self._name} returned an invalid gradient at index {i} - got {list(r.shape)} but expected "
                        f"shape compatible with {list(want.shape)}"
                    )
            final.append(unwrap(r))
        return final

    def free(self) -> None:
        """Lets what forward saved go."""
        if self.ctx._saved:
            self.ctx._saved = None


def _reducible(have: Any, want: Any) -> bool:
    return len(have) >= len(want) and all(w in (1, h) for h, w in zip(have[::-1], want[::-1]))


class Function:
    """Base of custom operators with their own backward; use `apply`.

    Either `forward(ctx, *args)`, or `forward(*args)` with `setup_context(ctx,
    inputs, output)`; and `backward(ctx, *grad_outputs)`.
    """

    generate_vmap_rule = False

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """The computation; to be overridden."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> Any:
        """Fills ctx after a forward without ctx; to be overridden."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Gradients of the inputs; to be overridden."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use it with backward mode AD."
        )

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """Forward-mode derivative; to be overridden."""
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with forward mode AD."
        )

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Runs forward and tapes backward."""
        if "vjp" in cls.__dict__ and "backward" not in cls.__dict__:
            cls.backward = cls.vjp  # type: ignore[attr-defined]
        ctx = FunctionCtx()
        split = cls.setup_context is not Function.setup_context
        if kwargs:
            bound = inspect.signature(cls.forward).bind(*(args if split else (ctx, *args)), **kwargs)
            bound.apply_defaults()
            args = bound.args if split else bound.args[1:]
        edges = [a._edge() if isinstance(a, Tensor) and a.dtype.category >= 2 else None for a in args]
        tape = local.ctx.grad and any(e is not None for e in edges)
        ctx.needs_input_grad = tuple(e is not None for e in edges) if local.ctx.grad else (False,) * len(args)
        with no_grad():
            if split:
                output = cls.forward(*args)
                cls.setup_context(ctx, args, output)
            else:
                output = cls.forward(ctx, *args)
        many = isinstance(output, (tuple, list))
        outs = list(output) if many else [output]
        for o in outs:
            if not isinstance(o, Tensor) and not many:
                raise TypeError(
                    f"{cls.__name__}.forward: expected to return a Tensor or a tuple of them, got {type(o).__name__}"
                )
        results = _finish(cls, ctx, args, edges, outs, tape)
        return tuple(results) if many else results[0]


def _finish(
    cls: Any, ctx: FunctionCtx, args: Any, edges: list[Any], outs: list[Any], tape: bool
) -> list[Any]:
    """Outputs with their history, and what ctx saves."""
    import weakref

    node = (
        _FunctionNode(cls, ctx, edges, [o._aval if isinstance(o, Tensor) else None for o in outs])
        if tape
        else None
    )
    if node is not None:
        node.in_avals = [a._aval if isinstance(a, Tensor) else None for a in args]
        ctx._node = weakref.ref(node)
    results: list[Any] = []
    silent = {id(t) for t in ctx._non_differentiable}
    for i, o in enumerate(outs):
        if not isinstance(o, Tensor):
            results.append(o)
            continue
        r = o
        if any(o is a for a in args) and not any(o is d for d in ctx._dirty):
            r = o._alias()
        if node is not None and id(o) not in silent and o.dtype.category >= 2:
            if any(o is d for d in ctx._dirty) and o._node is None and o._req and local.ctx.grad:
                raise RuntimeError(errors.MSG_LEAF_INPLACE)
            r._base = None  # a view of an input has this Node's history, not its base's
            r._node, r._index, r._req = node, i, True
        results.append(r)
    saved = []
    for t in getattr(ctx, "_to_save", ()):
        at = next((i for i, o in enumerate(outs) if t is o), None)
        if t is None:
            saved.append(None)
        elif at is not None and not any(
            t is a for a in args
        ):  # an output: no reference to it, which would be a cycle
            saved.append((None, 0, t._read(), at if node is not None else None))
        else:
            saved.append((t, t._storage.version, None, None))
    ctx._saved = tuple(saved)
    if hasattr(ctx, "_to_save"):
        del ctx._to_save
    return results


def once_differentiable(fn: Any) -> Any:
    """Marks a backward that cannot be differentiated again."""

    def wrapper(ctx: Any, *args: Any) -> Any:
        with no_grad():
            out = fn(ctx, *args)
        if not local.ctx.grad or not any(isinstance(a, Tensor) and a.requires_grad for a in args):
            return out
        many = isinstance(out, tuple)
        made = _Refuse.apply(*[a for a in args if isinstance(a, Tensor)], *(out if many else (out,)))
        return made if many else made[0]

    return wrapper


class _Refuse(Function):
    """Passes values on; its backward is PyTorch's error."""

    @staticmethod
    def forward(ctx: Any, *args: Any) -> Any:
        return tuple(a.clone() if isinstance(a, Tensor) else a for a in args)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise RuntimeError(
            "trying to differentiate twice a function that was marked with @once_differentiable"
        )
