"""Custom autograd Functions: the user's forward and backward as one Node, which is also their `ctx`."""

from __future__ import annotations

import functools
import inspect
import warnings
import weakref
from typing import Any

from . import errors
from .autograd import Node, overwritten, short_name
from .gradients import reducible, unwrap, wrap
from .graph import record
from .modes import local, no_grad
from .saved import note_origin, packed, unpacked
from .tensor import Tensor
from .versions import counted
from .vjp import cast_call, fill_call, is_differentiable

_MSG_TWO_BACKWARDS = "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You should only implement one of them."
_MSG_NO_BACKWARD = (
    "You must implement either the backward or vjp method for your custom autograd.Function to use it with backward "
    "mode AD."
)
_MSG_DIRTY_NOT_RETURNED = (
    "Some elements marked as dirty during the forward method were not returned as output. The inputs that are modified "
    "inplace must all be outputs of the Function."
)
_MSG_DIRTY_NO_INPUT = (
    "ctx.mark_dirty() received a tensor that was not an input. Only input Tensors that have been mutated should be "
    "passed to ctx.mark_dirty()."
)
_MSG_LEGACY = (
    "Legacy autograd function with non-static forward method is deprecated. Please use new-style autograd function with "
    "static forward method. (Example: https://pytorch.org/docs/stable/autograd.html#torch.autograd.Function)"
)
_MSG_INSTANCE = (
    "{} should not be instantiated. Methods on autograd functions are all static, so you should invoke them on the class "
    "itself. Instantiating an autograd function will raise an error in a future version of PyTorch."
)


class FunctionCtx:
    """What forward hands to backward (`ctx`)."""

    _to_save: tuple[Any, ...] = ()
    _saved: Any = ()  # per tensor (tensor or None, version, Value, output index) or (hook, packed)
    _saved_forward: tuple[Any, ...] = ()
    dirty_tensors: tuple[Any, ...] | None = None
    non_differentiable: tuple[Any, ...] | None = None
    materialize_grads = True
    needs_input_grad: tuple[bool, ...] = ()

    def save_for_backward(self, *tensors: Any) -> None:
        """Keeps tensors for `saved_tensors`; None is allowed."""
        self._to_save = tensors

    def save_for_forward(self, *tensors: Any) -> None:
        """Keeps tensors for `jvp`."""
        for t in tensors:
            if t is not None and not isinstance(t, Tensor):
                raise AssertionError(
                    "save_for_forward expects all arguments to be tensors; you should save non-tensors as attributes on "
                    "ctx."
                )
        self._saved_forward = tensors

    def mark_dirty(self, *args: Tensor) -> None:
        """Names inputs that forward wrote in place and returns."""
        self.dirty_tensors = args

    def mark_non_differentiable(self, *args: Tensor) -> None:
        """Names outputs that get no gradient."""
        self.non_differentiable = args

    def set_materialize_grads(self, value: bool) -> None:
        """Whether missing gradients reach backward as zeros (default) or as None."""
        if not isinstance(value, bool):
            raise TypeError(
                "set_materialize_grads received an invalid combination of arguments - got (), but expected (bool)"
            )
        self.materialize_grads = value

    @property
    def to_save(self) -> tuple[Any, ...]:
        """What `save_for_backward` was given, until forward is over."""
        return self._to_save

    @property
    def saved_for_forward(self) -> tuple[Any, ...]:
        """What `save_for_forward` was given."""
        return self._saved_forward


class BackwardCFunction(FunctionCtx):
    """The ctx of one application of a Function; each Function has its own class of these.

    Users set any attribute on it, so it is not the Node, whose own names they must not meet.
    """

    _forward_cls: Any = None
    _node: Any = None  # a weak reference to the Node

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """The tensors kept by `save_for_backward`.

        Raises:
            RuntimeError: backward has run and freed them, or one was overwritten.
        """
        if self._saved is None:
            raise RuntimeError(errors.MSG_FREED)
        return tuple([None if item is None else self._read_saved(*item) for item in self._saved])

    saved_variables = saved_tensors

    def _read_saved(self, t: Any, version: int, value: Any, index: int | None) -> Tensor:
        node = None if self._node is None else self._node()
        edge = None if index is None or node is None else (node, index)
        if value.__class__ is _Packed:
            t = unpacked(value.hook, value.item)
            edge = edge or value.edge
            return t if edge is None or t.requires_grad else Tensor._from_value(t._read(), edge)
        if t is None:  # an output: made anew, for a reference to it would be a cycle
            storage = value[1]()
            now = version if storage is None else counted(storage, None)
            if now != version:
                raise overwritten(storage, value[0].aval.shape, version, now, node, index or 0)
            return Tensor._from_value(value[0], edge)
        now = counted(t._storage, t._counter)
        if now != version:
            raise overwritten(t._storage, t._aval.shape, version, now, t._node, t._index)
        return t

    def maybe_clear_saved_tensors(self) -> None:
        """Frees what was saved."""
        if self._saved:
            self._saved = None

    def name(self) -> str:
        """The node's name."""
        return type(self).__name__

    def __getattr__(self, name: str) -> Any:
        if name in _NODE_NAMES and self._node is not None:
            return getattr(self._node(), name)
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")


_NODE_NAMES = ("next_functions", "metadata", "register_hook", "register_prehook", "_sequence_nr")


class _FunctionNode(Node):
    """The Node of one application of a Function; shows the attributes of its ctx as its own."""

    in_avals: list[Any]  # of the arguments; None for what is no Tensor
    outs: list[Any]  # of the outputs

    def __init__(self, ctx: BackwardCFunction, edges: list[Any]) -> None:
        super().__init__(None, (), [], edges, type(ctx).__name__)
        self.ctx = ctx

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "ctx":
            raise AttributeError(name)
        return getattr(self.ctx, name)

    @property
    def out_avals(self) -> tuple[Any, ...]:
        return tuple(self.outs)

    def apply(self, cts: list[Any], create_graph: bool, retain: bool) -> list[Any]:
        grads = []
        for g, a in zip(cts, self.outs):
            if g is None and self.ctx.materialize_grads and a is not None:
                g = (record(fill_call(a, 0), [])[0], None)
            grads.append(wrap(g))
        out = _backward_of(self.ctx._forward_cls)(self.ctx, *grads)
        results = out if isinstance(out, tuple) else (out,)
        n = len(self.in_avals)
        if len(results) > n and all(r is None for r in results[n:]):
            results = results[:n]
        if len(results) != n:
            raise RuntimeError(
                f"function {self._name} returned an incorrect number of gradients (expected {n}, got {len(results)})"
            )
        return [self._checked(i, r) for i, r in enumerate(results)]

    def _checked(self, i: int, r: Any) -> Any:
        """What backward returned for argument i, as a gradient."""
        want = self.in_avals[i]
        if r is None:
            return None
        if want is None:
            raise RuntimeError(
                f"function {self._name} returned a gradient different than None at position {i + 1}, but the "
                "corresponding forward input was not a Variable"
            )
        if not isinstance(r, Tensor):
            raise RuntimeError(f"expected Variable or None (got {type(r).__name__})")
        if self.edges[i] is None:
            return None
        a = r._aval
        if a.shape != want.shape:
            if not reducible(a.shape, want.shape):
                raise RuntimeError(
                    errors.MSG_GRADIENT_SHAPE.format(self._name, i, list(a.shape), list(want.shape))
                )
            r = r.sum_to_size(*want.shape)
        if a.dtype is not want.dtype:
            if a.dtype.is_complex and not want.dtype.is_complex:
                r = r.real
            if r._edge() is not None:
                return unwrap(r.to(want.dtype))
            return record(cast_call(r._aval, want.dtype), [r._read()])[0], None
        return unwrap(r)

    def shown(self) -> list[int]:
        """The arguments that are tensors."""
        return [i for i, a in enumerate(self.in_avals) if a is not None]

    def seen(self) -> Node:
        """As users see it: of a class named after its Function."""
        self.__class__ = self.ctx._forward_cls._node_cls
        return self

    def free(self) -> None:
        """Lets what forward saved go."""
        self.ctx.maybe_clear_saved_tensors()


def _backward_of(cls: Any) -> Any:
    """The user's backward, which may be called vjp."""
    if cls.vjp is Function.vjp:
        return cls.backward
    if cls.backward is not Function.backward:
        raise RuntimeError(_MSG_TWO_BACKWARDS)
    return cls.vjp


class _Packed:
    """A saved tensor in the form that a pack hook gave it."""

    __slots__ = ("hook", "item", "edge")

    def __init__(self, hook: Any, item: Any, edge: Any):
        self.hook, self.item, self.edge = hook, item, edge


class FunctionMeta(type):
    """Gives each Function its class of ctx, named after it."""

    def __init__(cls, name: str, bases: Any, attrs: Any):
        cls._backward_cls = type(name + "Backward", (BackwardCFunction,), {"_forward_cls": cls})
        cls._node_cls = type(name + "Backward", (_FunctionNode,), {})
        super().__init__(name, bases, attrs)


class Function(metaclass=FunctionMeta):
    """Base of custom operators with their own backward; use `apply`.

    Either `forward(ctx, *args)`, or `forward(*args)` with `setup_context(ctx,
    inputs, output)`; and `backward(ctx, *grad_outputs)`.
    """

    generate_vmap_rule = False
    _backward_cls: Any
    _node_cls: Any

    def __init__(self, *args: Any, **kwargs: Any):
        warnings.warn(_MSG_INSTANCE.format(type(self)), DeprecationWarning, stacklevel=2)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(_MSG_LEGACY)

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
        raise NotImplementedError(_MSG_NO_BACKWARD)

    vjp = backward

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """Forward-mode derivative; to be overridden."""
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with forward mode AD."
        )

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
        """The batched operator under `vmap`; to be overridden."""
        raise NotImplementedError(
            "To use autograd.Function with vmap, you must either override the vmap staticmethod or set "
            "generate_vmap_rule=True."
        )

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Runs forward and tapes backward."""
        split = cls.setup_context is not Function.setup_context
        if kwargs or split:
            first = () if split else (None,)
            bound = inspect.signature(cls.forward).bind(*first, *args, **kwargs)
            bound.apply_defaults()
            args, kwargs = bound.args[len(first) :], bound.kwargs
        ctx = cls._backward_cls()
        requires = [isinstance(a, Tensor) and is_differentiable(a._aval) and a.requires_grad for a in args]
        ctx.needs_input_grad = tuple(requires)
        tape = local.ctx.grad and any(requires)
        edges = [a._edge() if r and tape else None for a, r in zip(args, requires)]
        before = {id(a): a for a in args if isinstance(a, Tensor)}
        owners = {i: (a._node, a._index, a._req, a._base) for i, a in before.items()}
        with no_grad():
            if split:
                output = cls.forward(*args, **kwargs)
                cls.setup_context(ctx, args, output)
            else:
                output = cls.forward(ctx, *args, **kwargs)
        many = isinstance(output, (tuple, list))
        outs = list(output) if many else [output]
        results = _finish(ctx, args, edges if tape else None, before, owners, outs)
        return (
            type(output)(results)
            if many and type(output) in (tuple, list)
            else tuple(results)
            if many
            else results[0]
        )


def _finish(ctx: Any, args: Any, edges: Any, before: Any, owners: Any, outs: list[Any]) -> list[Any]:
    """Outputs with their history, and what ctx saves; `edges` is None outside the tape."""
    dirty = {id(t) for t in ctx.dirty_tensors or ()}
    silent = {id(t) for t in ctx.non_differentiable or ()}
    if dirty - {id(o) for o in outs}:
        raise RuntimeError(_MSG_DIRTY_NOT_RETURNED)
    if dirty - before.keys():
        warnings.warn(_MSG_DIRTY_NO_INPUT, UserWarning, stacklevel=4)
    node = None
    if edges is not None:
        node = _FunctionNode(ctx, edges)
        ctx._node = weakref.ref(node)
        node.in_avals = [a._aval if isinstance(a, Tensor) else None for a in args]
        node.outs = [o._aval if isinstance(o, Tensor) else None for o in outs]
        if local.ctx.anomaly is not None:
            note_origin(node)
    made: dict[int, Tensor] = {}
    results = []
    for i, o in enumerate(outs):
        r = o
        if isinstance(o, Tensor):
            r = made.get(id(o))
            if r is None:
                r = made[id(o)] = _output(
                    o, before, owners, id(o) in dirty, None if id(o) in silent else node, i
                )
            elif r._node is node and id(o) not in dirty:  # returned twice: each output has its own gradient
                r = r._alias()
                r._set_edge((node, i))
        results.append(r)
    ctx._saved = tuple([_save(n, t, before, outs, node) for n, t in enumerate(ctx._to_save)])
    ctx._to_save = ()
    ctx.dirty_tensors = ctx.non_differentiable = None
    return results


def _output(o: Tensor, before: Any, owners: Any, dirty: bool, node: Any, i: int) -> Tensor:
    """One output: taped, and a new tensor where forward returned an input that it did not write."""
    given = id(o) in before
    r = o._alias() if given and not dirty else o
    if dirty:
        o._storage.version += 1
    if node is None or not is_differentiable(o._aval):
        if r._req and not given and r._lens is None:
            r._set_edge(None)
        return r
    if dirty and given:
        maker, _, req, base = owners[id(o)]
        if base is not None:
            if req and base._node is None and base._req:
                raise RuntimeError(errors.MSG_LEAF_VIEW_INPLACE)
            o._assign(o._read(), (node, i))
            return o
        if req and maker is None:
            raise RuntimeError("a leaf Variable that requires grad has been used in an in-place operation.")
    r._base = None  # a view of an input has this Node's history, not its base's
    r._set_edge((node, i))
    if not dirty and (given or r._lens is not None):
        r._trait = errors.MSG_FUNCTION_VIEW.format(index=i, name=short_name(node))
    return r


def _save(n: int, t: Any, before: Any, outs: list[Any], node: Any) -> Any:
    """How one tensor of `save_for_backward` is kept."""
    if t is None:
        return None
    if not isinstance(t, Tensor):
        raise TypeError(
            f"save_for_backward can only save variables, but argument {n} is of type {type(t).__name__}"
        )
    if t._inference and node is not None:
        raise RuntimeError(errors.MSG_INFERENCE_SAVED)
    at = next((i for i, o in enumerate(outs) if t is o), None)
    output = at is not None and (id(t) not in before or t._node is not None and t._node is node)
    hooks = local.ctx.saved_hooks
    if hooks and node is not None:
        form = packed(hooks[-1][0], t.detach())
        return (None, 0, _Packed(hooks[-1][1], form, None if output else t._edge()), at if output else None)
    if output:
        s = t._storage
        return (None, counted(s, None), (t._read(), weakref.ref(s)), at)
    return (t, counted(t._storage, t._counter), None, None)


def once_differentiable(fn: Any) -> Any:
    """Marks a backward that cannot be differentiated again."""

    @functools.wraps(fn)
    def wrapper(ctx: Any, *args: Any) -> Any:
        with no_grad():
            out = fn(ctx, *args)
        if not local.ctx.grad or not any(isinstance(a, Tensor) and a.requires_grad for a in args):
            return out
        many = isinstance(out, tuple)
        outs = out if many else (out,)
        made = _Refuse.apply(*[a for a in args if isinstance(a, Tensor)], *outs)[-len(outs) :]
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
