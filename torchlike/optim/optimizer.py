"""The base of all optimizers: parameter groups, state, hooks and checkpoints.

An optimizer whose update is one of torchlike's rules sets `_rule` and three small
methods (see `_update.py`); one written by a user only overrides `step`.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from itertools import chain
from typing import Any

from .._core.autograd import RemovableHandle
from .._core.dtypes import float32
from .._core.engine import barrier
from .._core.modes import enable_grad, local
from .._core.tensor import Tensor
from ._update import Rule, nonzero, resume, update_group

__all__ = ["Optimizer", "register_optimizer_step_post_hook", "register_optimizer_step_pre_hook"]

ParamsT = Iterable[Tensor] | Iterable[dict[str, Any]] | Iterable[tuple[str, Tensor]]
params_t = ParamsT

_MSG_PARAMS = "params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
_MSG_SET = (
    "optimizer parameters need to be organized in ordered collections, but the ordering of tensors in sets "
    "will change between runs. Please use a list instead."
)
_MSG_DUPLICATE = (
    "optimizer contains a parameter group with duplicate parameters; in future, this will cause an error; "
    "see github.com/pytorch/pytorch/issues/40967 for more information"
)
_MSG_SOME_NAMES = "all optimizer params should be with/without names. Some param names are missing"
_MSG_GROUP_NAMES = (
    "all optimizer param groups should be with/without names. cannot add param group {} to the optimizer"
)
_MSG_GROUP_SIZE = (
    "loaded state dict contains a parameter group that doesn't match the size of optimizer's group"
)

_global_pre_hooks: OrderedDict[int, Callable] = OrderedDict()
_global_post_hooks: OrderedDict[int, Callable] = OrderedDict()


class _RequiredParameter:
    """Marks an option in `defaults` that every group must give."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _RequiredParameter()


def _register(hooks: OrderedDict[int, Callable], hook: Callable, prepend: bool = False) -> RemovableHandle:
    handle = RemovableHandle(hooks, hook)
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


def register_optimizer_step_pre_hook(hook: Callable) -> RemovableHandle:
    """Calls `hook(optimizer, args, kwargs)` before any optimizer's step; it may return new (args, kwargs)."""
    return _register(_global_pre_hooks, hook)


def register_optimizer_step_post_hook(hook: Callable) -> RemovableHandle:
    """Calls `hook(optimizer, args, kwargs)` after any optimizer's step."""
    return _register(_global_post_hooks, hook)


def _use_grad_for_differentiable(func: Callable) -> Callable:
    """Decorates a `step`: it is taped only when the optimizer was made with `differentiable=True`."""

    @functools.wraps(func)
    def step(self: Any, *args: Any, **kwargs: Any) -> Any:
        ctx = local.ctx
        previous = ctx.grad
        ctx.grad = bool(self.defaults.get("differentiable", False))
        try:
            return func(self, *args, **kwargs)
        finally:
            ctx.grad = previous

    return step


def _get_value(x: Any) -> Any:
    return x.item() if isinstance(x, Tensor) else x


def _to_scalar(x: Any) -> Any:
    """A one-element Tensor as a 0-dim one; anything else as it is."""
    return x.squeeze() if isinstance(x, Tensor) and x.dim() != 0 else x


def _typename(x: Any) -> str:
    if isinstance(x, Tensor):
        return x.type()
    cls = x if isinstance(x, type) else type(x)
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def _hooked(func: Callable) -> Callable:
    """Wraps a class's `step` with the hooks and the barrier that ends the recorded training step."""

    @functools.wraps(func)
    def step(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _global_pre_hooks or self._optimizer_step_pre_hooks:
            for hook in (*_global_pre_hooks.values(), *self._optimizer_step_pre_hooks.values()):
                result = hook(self, (self, *args), kwargs)
                if result is None:
                    continue
                if not (isinstance(result, tuple) and len(result) == 2):
                    raise RuntimeError(
                        f"{func} must return None or a tuple of (new_args, new_kwargs), but got {result}."
                    )
                args, kwargs = tuple(result[0][1:]), result[1]
        out = func(self, *args, **kwargs)
        if _global_post_hooks or self._optimizer_step_post_hooks:
            for hook in (*self._optimizer_step_post_hooks.values(), *_global_post_hooks.values()):
                hook(self, (self, *args), kwargs)
        barrier("step")
        return out

    step.hooked = True  # type: ignore[attr-defined]
    return step


class Optimizer:
    """Base class of all optimizers.

    Args:
        params: an iterable of Tensors, of `(name, Tensor)` pairs, or of dicts, each a
            parameter group: `{"params": ..., option: value, ...}`.
        defaults: the options a group has when it does not give its own.

    Attributes:
        param_groups: list of dicts, options and `"params"`; options may be changed at any time.
        state: `state[parameter]` is the dict of that parameter's state tensors.

    Raises:
        TypeError: `params` is a Tensor, or holds something that is no Tensor.
        ValueError: no parameters, a non-leaf, a parameter in two groups.
    """

    _optimizer_step_pre_hooks: OrderedDict[int, Callable]
    _optimizer_step_post_hooks: OrderedDict[int, Callable]
    _optimizer_state_dict_pre_hooks: OrderedDict[int, Callable]
    _optimizer_state_dict_post_hooks: OrderedDict[int, Callable]
    _optimizer_load_state_dict_pre_hooks: OrderedDict[int, Callable]
    _optimizer_load_state_dict_post_hooks: OrderedDict[int, Callable]

    _rule: Rule | None = None
    _counters: tuple[str, ...] = ("step",)
    OptimizerPreHook = Callable
    OptimizerPostHook = Callable

    def __init__(self, params: ParamsT, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self._make_hooks()
        if isinstance(params, Tensor):
            raise TypeError(_MSG_PARAMS + _typename(params))
        self.state: defaultdict[Any, Any] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)  # type: ignore[arg-type]
        barrier("setup")  # what made the model is no part of the first step, which then equals the next

    def _make_hooks(self) -> None:
        for name in (
            "step_pre",
            "step_post",
            "state_dict_pre",
            "state_dict_post",
            "load_state_dict_pre",
            "load_state_dict_post",
        ):
            self.__dict__.setdefault(f"_optimizer_{name}_hooks", OrderedDict())
        self._alike: dict[int, list[int]] = {}  # by group: parameters known to step as one
        self._updates: dict[int, dict[Any, Any]] = {}  # by group: what `rewrite` has noted
        self._patch_step_function()

    def _patch_step_function(self) -> None:
        cls = type(self)
        if not getattr(cls.step, "hooked", False):
            cls.step = _hooked(cls.step)  # type: ignore[method-assign]

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._make_hooks()
        self.defaults.setdefault("differentiable", False)
        for group in self.param_groups:
            for key, value in self._late_options.items():
                group.setdefault(key, value)
            if self._rule is not None:
                resume(self, group)

    # Options that older checkpoints may lack, with the value they had then.
    _late_options: dict[str, Any] = {}

    def __repr__(self) -> str:
        lines = [type(self).__name__ + " ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"{chr(10) * (i > 0)}Parameter Group {i}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join(lines) + "\n)"

    # ---- hooks ----------------------------------------------------------------------------

    def register_step_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Calls `hook(optimizer, args, kwargs)` before `step`; it may return new (args, kwargs)."""
        return _register(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable) -> RemovableHandle:
        """Calls `hook(optimizer, args, kwargs)` after `step`."""
        return _register(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Calls `hook(optimizer)` before `state_dict`."""
        return _register(self._optimizer_state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Calls `hook(optimizer, state_dict)` after `state_dict`; it may return another dict."""
        return _register(self._optimizer_state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Calls `hook(optimizer, state_dict)` before `load_state_dict`; it may return another dict."""
        return _register(self._optimizer_load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Calls `hook(optimizer)` after `load_state_dict`."""
        return _register(self._optimizer_load_state_dict_post_hooks, hook, prepend)

    # ---- checkpoints ----------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """The optimizer as a dict, in PyTorch's format.

        Returns:
            `{"state": {id: {name: value}}, "param_groups": [{option: value, "params": [id, ...]}]}`:
            parameters are replaced by their position, counted over all groups.
        """
        for hook in self._optimizer_state_dict_pre_hooks.values():
            hook(self)
        ids: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            start = len(ids)
            for i, p in enumerate(group["params"], start):
                ids.setdefault(id(p), i)
            packed = {k: v for k, v in group.items() if k != "params"}
            packed["params"] = [ids[id(p)] for p in group["params"]]
            groups.append(packed)
        state = {(ids[id(k)] if isinstance(k, Tensor) else k): v for k, v in self.state.items()}
        result: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in self._optimizer_state_dict_post_hooks.values():
            changed = hook(self, result)
            if changed is not None:
                result = changed
        return result

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over a dict made by `state_dict`; tensors are cast to their parameter's dtype and device.

        Raises:
            ValueError: the number or the sizes of the parameter groups differ.
        """
        state_dict = state_dict.copy()
        for hook in self._optimizer_load_state_dict_pre_hooks.values():
            changed = hook(self, state_dict)
            if changed is not None:
                state_dict = changed
        saved = deepcopy(state_dict["param_groups"])
        if len(self.param_groups) != len(saved):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(len(g["params"]) != len(s["params"]) for g, s in zip(self.param_groups, saved)):
            raise ValueError(_MSG_GROUP_SIZE)
        by_id = dict(
            zip(
                chain.from_iterable(s["params"] for s in saved),
                chain.from_iterable(g["params"] for g in self.param_groups),
            )
        )
        flags = {i: s for s in saved for i in s["params"]}
        state: defaultdict[Any, Any] = defaultdict(dict)
        for k, v in state_dict["state"].items():
            if k in by_id:
                state[by_id[k]] = _cast(by_id[k], v, flags[k])
            else:
                state[k] = v
        for group, new in zip(self.param_groups, saved):
            new["params"] = group["params"]
            if "param_names" in group:
                new.setdefault("param_names", group["param_names"])
        self.__setstate__({"state": state, "param_groups": saved})
        for hook in self._optimizer_load_state_dict_post_hooks.values():
            hook(self)

    # ---- use ------------------------------------------------------------------------------

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drops the gradients of all parameters, or (`set_to_none=False`) fills them with zeros in place."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p._grad = None  # as `p.grad = None`
                elif p.grad is not None:
                    if p.grad.grad_fn is not None:
                        p.grad.detach_()
                    else:
                        p.grad.requires_grad_(False)
                    p.grad.zero_()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Performs one update of all parameters that have a gradient.

        Args:
            closure: recomputes the loss and its gradients; called first, with gradients enabled.

        Returns:
            What `closure` returned, or None.
        """
        if self._rule is None:
            raise NotImplementedError
        ctx = local.ctx
        previous = ctx.grad
        ctx.grad = bool(self.defaults.get("differentiable", False))
        try:
            loss = None
            if closure is not None:
                with enable_grad():
                    loss = closure()
            for group in self.param_groups:
                update_group(self, group)
        finally:
            ctx.grad = previous
        return loss

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Adds a group of parameters, e.g. layers unfrozen during training.

        Raises:
            TypeError: the group is no dict, its parameters are a set or no Tensors.
            ValueError: a non-leaf, a missing option, a parameter of another group, names on one side only.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, set):
            raise TypeError(_MSG_SET)
        items = [params] if isinstance(params, Tensor) else list(params)
        names = [item[0] for item in items if isinstance(item, tuple)]
        tensors = [item[1] if isinstance(item, tuple) else item for item in items]
        param_group["params"] = tensors
        if names:
            if len(names) != len(tensors):
                raise ValueError(_MSG_SOME_NAMES)
            param_group["param_names"] = names
        for p in tensors:
            if not isinstance(p, Tensor):
                raise TypeError(
                    "optimizer can only optimize Tensors, but one of the params is " + _typename(p)
                )
            if not self.defaults.get("differentiable", None) and not (p.is_leaf or p.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(
                    f"parameter group didn't specify a value of required optimization parameter {name}"
                )
            param_group.setdefault(name, default)
        own = {id(p) for p in tensors}
        if len(own) != len(tensors):
            warnings.warn(_MSG_DUPLICATE, stacklevel=3)
        for group in self.param_groups:
            if ("param_names" in param_group) != ("param_names" in group):
                raise ValueError(_MSG_GROUP_NAMES.format("with names" if names else "without names"))
        if any(id(p) in own for group in self.param_groups for p in group["params"]):
            raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(param_group)

    # ---- what a rule-based optimizer answers (see _update.py) -------------------------------

    _skips_on_device = True  # False: `_options` needs the counters as numbers

    def _may_skip(self) -> bool:
        """Whether the program itself may leave out the next step, where `found_inf` says so.

        Not where a step that is left out must leave no trace on the host: new state, or a call of a hook.
        """
        step: Any = inspect.unwrap(type(self).step)
        if self._rule is None or not self._skips_on_device or step is not inspect.unwrap(Optimizer.step):
            return False
        if _global_pre_hooks or _global_post_hooks or self.defaults.get("differentiable"):
            return False
        if self._optimizer_step_pre_hooks or self._optimizer_step_post_hooks:
            return False
        return all(
            p._grad is None or self.state.get(p)
            for group in self.param_groups
            if self._has_state(group)
            for p in group["params"]
        )

    def _new_state(self, group: dict[str, Any], p: Tensor) -> dict[str, Any]:
        """The state of a parameter at its first step, without the counters: name -> Tensor."""
        raise NotImplementedError

    def _new_counters(self, group: dict[str, Any]) -> dict[str, float]:
        """What the counters start from."""
        return dict.fromkeys(self._counters, 0.0)

    def _has_state(self, group: dict[str, Any]) -> bool:
        """Whether the rule keeps any state for this group."""
        return True

    def _writes(self, group: dict[str, Any]) -> int:
        """How many writes a step of PyTorch's is to a parameter, as `_version` counts; its fused kernels count none."""
        if group.get("fused"):
            return 0
        return 2 if group.get("decoupled_weight_decay") and nonzero(group["weight_decay"]) else 1

    def _steps_rows(self, group: dict[str, Any]) -> bool:
        """Whether sparse gradients move only the entries they name; False: they are made dense.

        Raises:
            RuntimeError: the optimizer takes no sparse gradients, or not with these options.
        """
        raise RuntimeError(f"{type(self).__name__} does not support sparse gradients")

    def _state_names(self, group: dict[str, Any], p: Tensor) -> tuple[str, ...]:
        """The state tensors the rule reads and rewrites for this parameter, in the rule's order."""
        raise NotImplementedError

    def _options(
        self, group: dict[str, Any], at: dict[str, float], fresh: bool
    ) -> tuple[tuple, dict[str, Any]]:
        """`(static, numbers)` of a call of the rule: name-value pairs that shape the program, lifted numbers.

        `at` are the counters, `step` already that of this step (others are moved on here); `fresh` says
        that these parameters have no state yet.
        """
        raise NotImplementedError


def _cast(p: Tensor, value: Any, group: dict[str, Any], key: Any = None) -> Any:
    """A loaded state value moved to its parameter's dtype and device (counters keep theirs)."""
    if isinstance(value, Tensor):
        if key == "step":
            if group.get("capturable") or group.get("fused"):
                return value.to(dtype=float32, device=p.device)
            return value
        return (
            value.to(dtype=p.dtype, device=p.device) if p.is_floating_point() else value.to(device=p.device)
        )
    if isinstance(value, dict):
        return {k: _cast(p, v, group, k) for k, v in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        return type(value)(_cast(p, v, group) for v in value)  # type: ignore[call-arg]
    return value
