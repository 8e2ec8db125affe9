"""Hooks of modules: registries, and the calls of a module that has some."""

from __future__ import annotations

import warnings
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from ..._core.autograd import RemovableHandle
from ..._core.function import Function
from ..._core.modes import is_grad_enabled
from ..._core.roots import zeros_for
from ..._core.tensor import Tensor

_MSG_BOTH_KINDS = (
    "Cannot use both regular backward hooks and full backward hooks on a single Module. "
    "Please use only one of them."
)
_MSG_BOTH_GLOBAL = (
    "Cannot use both regular backward hooks and full backward hooks as a global Module hook. "
    "Please use only one of them."
)
_MSG_NO_INPUT = (
    "Full backward hook is firing when gradients are computed with respect to module outputs since no "
    "inputs require "
    "gradients. See https://docs.pytorch.org/docs/main/generated/torch.nn.Module.html"
    "#torch.nn.Module.register_full_backward_hook for more details."
)
_MSG_SILENCED = (
    "{}module forward hook with ``always_call=True`` raised an exception "
    "that was silenced as another error was raised in forward: {}"
)


class GlobalHooks:
    """Hooks that run for every module; `active` once any hook, of any module, was ever registered."""

    def __init__(self) -> None:
        self.active = False
        self.forward_pre: OrderedDict[int, Any] = OrderedDict()
        self.forward: OrderedDict[int, Any] = OrderedDict()
        self.forward_kwargs: OrderedDict[int, bool] = OrderedDict()
        self.forward_always: OrderedDict[int, bool] = OrderedDict()
        self.backward_pre: OrderedDict[int, Any] = OrderedDict()
        self.backward: OrderedDict[int, Any] = OrderedDict()
        self.is_full: bool | None = None
        self.buffer: OrderedDict[int, Any] = OrderedDict()
        self.module: OrderedDict[int, Any] = OrderedDict()
        self.parameter: OrderedDict[int, Any] = OrderedDict()

    def has_call_hooks(self) -> bool:
        """Whether calls of every module have hooks."""
        return bool(self.forward_pre or self.forward or self.backward_pre or self.backward)


everywhere = GlobalHooks()


class HookDict(OrderedDict):
    """A module's hooks of one kind. Modules need not look for hooks until one of these was filled."""

    def __setitem__(self, key: Any, value: Any) -> None:
        everywhere.active = True
        super().__setitem__(key, value)

    def __repr__(self) -> str:
        return f"OrderedDict({list(self.items())})"


def adding(
    hooks: OrderedDict[int, Any], hook: Any, *extra: OrderedDict[int, Any], prepend: bool = False
) -> RemovableHandle:
    """Adds `hook`, marks its id in each of `extra`, and returns the handle that undoes both."""
    handle = RemovableHandle(hooks, hook, extra_dict=list(extra))
    for marks in extra:
        marks[handle.id] = True
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


_MSG_OLD = (
    "Using a non-full backward hook when {} is deprecated and will be removed in future versions. This hook will be missing "
    "some grad_{}. Please use register_full_backward_hook to get the documented behavior."
)
_MSG_OLD_NESTED = (
    "Using non-full backward hooks on a Module that does not {} a single Tensor or a tuple of Tensors is deprecated and will "
    "be removed in future versions. This hook will be missing some of the grad_{}. Please use register_full_backward_hook to "
    "get the documented behavior."
)


class ModuleHook:
    """A hook that gets its module as first argument and does not keep it alive."""

    def __init__(self, hook: Callable, module: Any = None):
        self.hook, self.module = hook, None if module is None else weakref.ref(module)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.module is None:
            return self.hook(*args, **kwargs)
        module = self.module()
        if module is None:
            raise RuntimeError("You are trying to call the hook of a dead Module!")
        return self.hook(module, *args, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        return {"hook": self.hook, "module": None if self.module is None else self.module()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.hook = state["hook"]
        self.module = None if state["module"] is None else weakref.ref(state["module"])

    def __deepcopy__(self, memo: dict[int, Any]) -> ModuleHook:
        module = None if self.module is None else self.module()
        return ModuleHook(self.hook, memo.get(id(module), module))


# ---- backward hooks -------------------------------------------------------------------


class BackwardHookFunction(Function):
    """The identity; its backward shows the gradients that cross to `seen` and passes on what that returns."""

    @staticmethod
    def forward(ctx: Any, seen: Callable, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.seen, ctx.avals = seen, [t._aval for t in tensors]
        ctx.set_materialize_grads(False)
        return tuple(t.view_as(t) for t in tensors)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Any, ...]:
        passed = ctx.seen(grads)
        return (None, *[zeros_for(a) if g is None else g for g, a in zip(passed, ctx.avals)])


def _tensors_of(values: Any) -> tuple[list[int], list[Tensor]]:
    found = [(i, v) for i, v in enumerate(values) if isinstance(v, Tensor)]
    return [i for i, _ in found], [v for _, v in found]


class BackwardHook:
    """Runs a module's full backward (pre-)hooks around one call of it."""

    def __init__(self, module: Any, hooks: list[Callable], pre_hooks: list[Callable]):
        self.module, self.hooks, self.pre_hooks = module, hooks, pre_hooks
        self.grad_outputs: Any = None
        self.n_outputs = self.n_inputs = 0
        self.input_index: list[int] | None = None
        self.output_index: list[int] = []

    def _cross(self, values: tuple[Any, ...], seen: Callable) -> tuple[tuple[Any, ...], list[int] | None]:
        index, tensors = _tensors_of(values)
        if not (is_grad_enabled() and any(t.requires_grad for t in tensors)):
            return values, None
        out = list(values)
        crossed = BackwardHookFunction.apply(seen, *tensors)
        for i, old, new in zip(index, tensors, crossed if isinstance(crossed, tuple) else (crossed,)):
            out[i] = new if old.requires_grad else old
        return tuple(out), index

    def enter(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The positional arguments, connected so that their gradients are seen."""
        self.n_inputs = len(args)
        args, self.input_index = self._cross(args, self._see_inputs)
        return args

    def leave(self, result: Any) -> Any:
        """The result, connected so that its gradients are seen."""
        single = isinstance(result, Tensor)
        values = (result,) if single else result
        self.n_outputs = len(values)
        self.output_index = _tensors_of(values)[0]
        values, _ = self._cross(tuple(values), self._see_outputs)
        if single:
            return values[0]
        return type(result)(*values) if hasattr(result, "_fields") else type(result)(values)

    def _spread(self, n: int, index: list[int], grads: Any) -> tuple[Any, ...]:
        out = [None] * n
        for i, g in zip(index, grads):
            out[i] = g
        return tuple(out)

    def _see_outputs(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        self.grad_outputs = self._spread(self.n_outputs, self.output_index, grads)
        for hook in self.pre_hooks:
            replaced = hook(self.module, self.grad_outputs)
            if replaced is None:
                continue
            replaced = replaced if isinstance(replaced, tuple) else (replaced,)
            if len(replaced) != self.n_outputs:
                raise RuntimeError(
                    f"Backward pre hook returned an invalid number of grad_output, got {len(replaced)}, "
                    f"but expected {self.n_outputs}"
                )
            self.grad_outputs = replaced
        kept = tuple(self.grad_outputs[i] for i in self.output_index)
        if self.input_index is None:
            warnings.warn(_MSG_NO_INPUT, stacklevel=5)
            nothing = (None,) * self.n_inputs
            for hook in self.hooks:
                replaced = hook(self.module, nothing, self.grad_outputs)
                if replaced is not None and not (
                    isinstance(replaced, tuple) and all(g is None for g in replaced)
                ):
                    raise RuntimeError(
                        "Backward hook for Modules where no input requires gradient should always return "
                        "None or "
                        "None for all gradients."
                    )
            self.grad_outputs = None
        return kept

    def _see_inputs(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        if self.grad_outputs is None:  # gradients that did not come through the module's outputs
            return grads
        index = self.input_index or []
        grad_inputs = self._spread(self.n_inputs, index, grads)
        for hook in self.hooks:
            replaced = hook(self.module, grad_inputs, self.grad_outputs)
            if replaced is None:
                continue
            replaced = replaced if isinstance(replaced, tuple) else (replaced,)
            if len(replaced) != self.n_inputs:
                raise RuntimeError(
                    f"Backward hook returned an invalid number of grad_input, got {len(replaced)}, "
                    f"but expected {self.n_inputs}"
                )
            grad_inputs = replaced
        self.grad_outputs = None
        return tuple(grad_inputs[i] for i in index)


def _backward_hooks_of(module: Any) -> tuple[list[Callable], list[Callable], list[Callable]]:
    """The full backward hooks, the old-style ones, and the pre-hooks that apply to `module`."""
    full: list[Callable] = []
    old: list[Callable] = []
    for hooks, is_full in (
        (everywhere.backward, everywhere.is_full),
        (module._backward_hooks, module._is_full_backward_hook),
    ):
        (full if is_full is True else old).extend(hooks.values())
    return full, old, [*everywhere.backward_pre.values(), *module._backward_pre_hooks.values()]


def _hook_first_node(module: Any, args: Any, result: Any, hooks: list[Callable]) -> None:
    """Old-style backward hooks: on the Node that made the (first) result."""
    first = result
    while not isinstance(first, Tensor):
        first = next(iter(first.values())) if isinstance(first, dict) else first[0]
    node = first.grad_fn
    if node is not None:
        for hook in hooks:
            node.register_hook(ModuleHook(hook, module))
        missing = _missed_by(node, args, result)
        if missing is not None:
            warnings.warn(missing, FutureWarning, stacklevel=3)


def _missed_by(node: Any, args: Any, result: Any) -> str | None:
    """What an old-style hook on a Node does not see of the module's gradients; None if it sees all."""
    for value, verb, what in ((result, "return", "output"), (args, "take as input", "input")):
        if not isinstance(value, Tensor) and not (
            isinstance(value, tuple) and all(isinstance(v, Tensor) for v in value)
        ):
            return _MSG_OLD_NESTED.format(verb, what)
    nodes = {r.grad_fn for r in (result if isinstance(result, tuple) else (result,)) if r.grad_fn is not None}
    if len(nodes) > 1:
        return _MSG_OLD.format("outputs are generated by different autograd Nodes", "output")
    sources = {a.grad_fn for a in args if a.grad_fn is not None}
    if sources != {n for n, _ in node.next_functions}:
        return _MSG_OLD.format("the forward contains multiple autograd Nodes", "input")
    return None


# ---- the call -------------------------------------------------------------------------------


def call_with_hooks(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], plain: Callable) -> Any:
    """`plain(*args, **kwargs)`, the module's bare forward, with all hooks that apply."""
    called: set[int] = set()
    result = None
    try:
        args, kwargs = _run_pre_hooks(module, args, kwargs)
        full, old, pre = _backward_hooks_of(module)
        around = BackwardHook(module, full, pre) if full or pre else None
        if around is not None:
            args = around.enter(args)
        result = plain(*args, **kwargs)
        for key, hook, with_kwargs, always in _forward_hooks_of(module):
            if always:
                called.add(key)
            replaced = hook(module, args, kwargs, result) if with_kwargs else hook(module, args, result)
            if replaced is not None:
                result = replaced
        if around is not None:
            if isinstance(result, (Tensor, tuple)):
                result = around.leave(result)
            else:
                warnings.warn(
                    "For backward hooks to be called, module output should be a Tensor or a tuple of Tensors"
                    f" but received {type(result)}",
                    stacklevel=2,
                )
        if old:
            _hook_first_node(module, args, result, old)
        return result
    except Exception:
        _run_always_hooks(module, args, kwargs, result, called)
        raise


def _run_pre_hooks(module: Any, args: Any, kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    local = module._forward_pre_hooks_with_kwargs
    for key, hook in (*everywhere.forward_pre.items(), *module._forward_pre_hooks.items()):
        if key in local:
            replaced = hook(module, args, kwargs)
            if replaced is not None:
                if not (isinstance(replaced, tuple) and len(replaced) == 2):
                    raise RuntimeError(
                        "forward pre-hook must return None or a tuple of (new_args, new_kwargs), but "
                        f"got {replaced}."
                    )
                args, kwargs = replaced
        else:
            replaced = hook(module, args)
            if replaced is not None:
                args = replaced if isinstance(replaced, tuple) else (replaced,)
    return args, kwargs


def _forward_hooks_of(module: Any) -> list[tuple[int, Callable, bool, bool]]:
    """(id, hook, whether it takes kwargs, whether it always runs), in order of execution."""
    return [
        (key, hook, key in e_kw, key in e_always)
        for hooks, e_kw, e_always in (
            (everywhere.forward, everywhere.forward_kwargs, everywhere.forward_always),
            (module._forward_hooks, module._forward_hooks_with_kwargs, module._forward_hooks_always_called),
        )
        for key, hook in hooks.items()
    ]


def _run_always_hooks(module: Any, args: Any, kwargs: Any, result: Any, called: set[int]) -> None:
    for key, hook, with_kwargs, always in _forward_hooks_of(module):
        if not always or key in called:
            continue
        try:
            replaced = hook(module, args, kwargs, result) if with_kwargs else hook(module, args, result)
            if replaced is not None:
                result = replaced
        except Exception as e:
            kind = "global " if key in everywhere.forward else ""
            warnings.warn(_MSG_SILENCED.format(kind, e), stacklevel=2)


# ---- registration ------------------------------------------------------------------------------


class HookMixin:
    """Registration of a module's own hooks."""

    def register_forward_pre_hook(
        self: Any, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Calls `hook(module, args)` before forward; it may return other args.

        Args:
            hook: with `with_kwargs`, `hook(module, args, kwargs) -> None | (args, kwargs)`.
            prepend: run before the module's other pre-hooks.
            with_kwargs: whether the hook takes keyword arguments too.
        """
        extra = [self._forward_pre_hooks_with_kwargs] if with_kwargs else []
        return adding(self._forward_pre_hooks, hook, *extra, prepend=prepend)

    def register_forward_hook(
        self: Any,
        hook: Callable,
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Calls `hook(module, args, output)` after forward; it may return another output.

        Args:
            hook: with `with_kwargs`, `hook(module, args, kwargs, output)`.
            prepend: run before the module's other forward hooks.
            with_kwargs: whether the hook takes keyword arguments too.
            always_call: run it even when forward raised.
        """
        extra = [self._forward_hooks_with_kwargs] if with_kwargs else []
        extra += [self._forward_hooks_always_called] if always_call else []
        return adding(self._forward_hooks, hook, *extra, prepend=prepend)

    def register_full_backward_pre_hook(self: Any, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Calls `hook(module, grad_output)` before the module's backward; it may return another
        grad_output."""
        return adding(self._backward_pre_hooks, hook, prepend=prepend)

    def register_full_backward_hook(self: Any, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Calls `hook(module, grad_input, grad_output)` once the gradients of the inputs are known.

        The hook may return another grad_input. Entries of non-tensor arguments are None.
        """
        if self._is_full_backward_hook is False:
            raise RuntimeError(_MSG_BOTH_KINDS)
        self._is_full_backward_hook = True
        return adding(self._backward_hooks, hook, prepend=prepend)

    def register_backward_hook(self: Any, hook: Callable) -> RemovableHandle:
        """Deprecated: a hook on the last operator of the module; use `register_full_backward_hook`."""
        if self._is_full_backward_hook is True:
            raise RuntimeError(_MSG_BOTH_KINDS)
        self._is_full_backward_hook = False
        return adding(self._backward_hooks, hook)
