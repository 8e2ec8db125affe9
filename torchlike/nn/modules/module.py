"""Module: the base class of all neural network parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..._core.autograd import RemovableHandle
from ..._core.engine import module_entry
from ..._core.modes import local
from ..._core.tensor import Tensor
from ..parameter import Buffer, Parameter
from ._convert import ConvertMixin
from ._global_hooks import (
    register_module_backward_hook,
    register_module_buffer_registration_hook,
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)
from ._hooks import HookDict, HookMixin, call_with_hooks, everywhere
from ._names import indent, typename
from ._state import _EXTRA_STATE_KEY_SUFFIX, StateMixin, _IncompatibleKeys
from ._tree import TreeMixin

__all__ = [
    "Module",
    "RemovableHandle",
    "register_module_backward_hook",
    "register_module_buffer_registration_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
    "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
    "_EXTRA_STATE_KEY_SUFFIX",
    "_IncompatibleKeys",
]

_HOOK_DICTS = (
    "_backward_pre_hooks",
    "_backward_hooks",
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)


def _registered(hooks: dict[int, Callable], module: Module, name: str, value: Any) -> Any:
    for hook in hooks.values():
        replaced = hook(module, name, value)
        if replaced is not None:
            value = replaced
    return value


class _Registered:
    """A name that instances look up among what they have registered, ahead of `Module.__getattr__`.

    That one is called after Python has looked everywhere else and made an AttributeError, which takes four times
    as long. What an instance holds itself comes first, as without this.
    """

    __slots__ = ("kind", "name")

    def __init__(self, kind: str):
        self.kind = kind

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, module: Any, owner: type) -> Any:
        try:
            return module.__dict__[self.kind][self.name]
        except (AttributeError, KeyError):  # of the class, or not registered: Python asks `__getattr__` next
            raise AttributeError(f"type object '{owner.__name__}' has no attribute '{self.name}'") from None


def registered_parameter() -> Any:
    """In a class body: `weight = registered_parameter()` makes the lookup of that Parameter fast."""
    return _Registered("_parameters")


def registered_buffer() -> Any:
    """`registered_parameter` for a buffer."""
    return _Registered("_buffers")


class Module(TreeMixin, HookMixin, StateMixin, ConvertMixin):
    """Base class of all layers and models.

    Parameters, buffers and submodules assigned as attributes are registered; `parameters()`, `state_dict()`,
    `to()` and so on then find them.

    Example:
        >>> class Net(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.fc = nn.Linear(3, 2)
        ...     def forward(self, x):
        ...         return self.fc(x).relu()
        >>> Net()(torch.zeros(5, 3)).shape
        torch.Size([5, 2])
    """

    dump_patches = False
    call_super_init = False
    training: bool
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]
    _non_persistent_buffers_set: set[str]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if not self.call_super_init:
            if kwargs:
                raise TypeError(
                    f"{type(self).__name__}.__init__() got an unexpected keyword argument "
                    f"'{next(iter(kwargs))}'"
                )
            if args:
                raise TypeError(
                    f"{type(self).__name__}.__init__() takes 1 positional argument but {len(args) + 1} "
                    "were given"
                )
        state = self.__dict__
        state["training"] = True
        state["_parameters"] = {}
        state["_buffers"] = {}
        state["_non_persistent_buffers_set"] = set()
        state["_is_full_backward_hook"] = None
        for name in _HOOK_DICTS:
            state[name] = HookDict()
        state["_modules"] = {}
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    def forward(self, *input: Any) -> Any:
        """The computation; every subclass defines it."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    # ---- the call: every layer of every step passes here ----------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if everywhere.active and (
            self._forward_hooks or self._forward_pre_hooks or self._backward_hooks or self._backward_pre_hooks
            or everywhere.has_call_hooks()
        ):  # fmt: skip
            return call_with_hooks(self, args, kwargs, self._bare_call)
        if local.ctx.grad:
            return self.forward(*args, **kwargs)
        return self._bare_call(*args, **kwargs)

    def _bare_call(self, *args: Any, **kwargs: Any) -> Any:
        """Forward without hooks. An outermost call outside taping may end the pending Trace."""
        ctx = local.ctx
        if ctx.grad:
            return self.forward(*args, **kwargs)
        if ctx.depth == 0:
            module_entry()
        ctx.depth += 1
        try:
            return self.forward(*args, **kwargs)
        finally:
            ctx.depth -= 1

    _call_impl = _wrapped_call_impl = __call__

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Does nothing: every step is compiled as a whole anyway. Accepts the arguments of
        `torch.compile`."""

    # ---- registration -----------------------------------------------------------------------

    def _check_name(self, kind: str, name: str, own: dict[str, Any], not_name: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {typename(name)}")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain "."{not_name}')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if name not in own and hasattr(self, name):
            raise KeyError(f"attribute '{name}' already exists")

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Adds a tensor that is part of the module's state but no parameter.

        Args:
            name: attribute name.
            tensor: the buffer; with None it is left out of the state_dict.
            persistent: whether it is part of the state_dict.

        Raises:
            KeyError: the name is taken, empty or has a dot.
            TypeError: `tensor` is no tensor.
        """
        if "_buffers" not in self.__dict__:
            raise AttributeError("cannot assign buffer before Module.__init__() call")
        self._check_name("buffer", name, self._buffers, "")
        if (
            tensor is not None
            and not isinstance(tensor, Tensor)
            and not hasattr(tensor, "__torch_function__")
        ):
            raise TypeError(
                f"cannot assign '{typename(tensor)}' object to buffer '{name}' (torch Tensor or None "
                "required)"
            )
        self._buffers[name] = _registered(everywhere.buffer, self, name, tensor)
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Adds a parameter; with None the name is reserved for one.

        Raises:
            KeyError: the name is taken, empty or has a dot.
            TypeError: `param` is no Parameter.
            ValueError: `param` is no leaf.
        """
        if "_parameters" not in self.__dict__:
            raise AttributeError("cannot assign parameter before Module.__init__() call")
        self._check_name("parameter", name, self._parameters, "")
        if param is None:
            self._parameters[name] = None
            return
        if not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{typename(param)}' object to parameter '{name}' "
                "(torch.nn.Parameter or None required)"
            )
        if param.grad_fn is not None:
            raise ValueError(
                f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created "
                "explicitly. "
                f"To express '{name}' as a function of another Tensor, compute the value in the "
                "forward() method."
            )
        self._parameters[name] = _registered(everywhere.parameter, self, name, param)

    def add_module(self, name: str, module: Module | None) -> None:
        """Adds a submodule.

        Raises:
            KeyError: the name is taken, empty or has a dot.
            TypeError: `module` is no Module.
        """
        if not isinstance(module, Module) and module is not None:
            raise TypeError(f"{typename(module)} is not a Module subclass")
        self._check_name("module", name, self._modules, f", got: {name}")
        self._modules[name] = _registered(everywhere.module, self, name, module)

    def register_module(self, name: str, module: Module | None) -> None:
        """Same as `add_module`."""
        self.add_module(name, module)

    # ---- attributes ----------------------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        state = self.__dict__
        if "_modules" in state:  # the last that __init__ makes
            own = state["_parameters"]
            if name in own:
                return own[name]
            own = state["_modules"]
            if name in own:
                return own[name]
            own = state["_buffers"]
            if name in own:
                return own[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def _forget(self, name: str, *own: Any) -> None:
        for d in own:
            if d is not None and name in d:
                if isinstance(d, dict):
                    del d[name]
                else:
                    d.discard(name)

    def __setattr__(self, name: str, value: Any) -> None:
        state = self.__dict__
        params, modules, buffers = state.get("_parameters"), state.get("_modules"), state.get("_buffers")
        if isinstance(value, Parameter):
            if params is None:
                raise AttributeError("cannot assign parameters before Module.__init__() call")
            self._forget(name, state, buffers, modules, self._non_persistent_buffers_set)
            self.register_parameter(name, value)
        elif params is not None and name in params:
            if value is not None:
                raise TypeError(
                    f"cannot assign '{typename(value)}' as parameter '{name}' (torch.nn.Parameter or "
                    "None expected)"
                )
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            if modules is None:
                raise AttributeError("cannot assign module before Module.__init__() call")
            self._forget(name, state, params, buffers, self._non_persistent_buffers_set)
            modules[name] = _registered(everywhere.module, self, name, value)
        elif modules is not None and name in modules:
            if value is not None:
                raise TypeError(
                    f"cannot assign '{typename(value)}' as child module '{name}' (torch.nn.Module or "
                    "None expected)"
                )
            modules[name] = _registered(everywhere.module, self, name, value)
        elif isinstance(value, Buffer) or buffers is not None and name in buffers:
            if value is not None and not isinstance(value, Tensor):
                raise TypeError(
                    f"cannot assign '{typename(value)}' as buffer '{name}' "
                    "(torch.nn.Buffer, torch.Tensor or None expected)"
                )
            persistent = (
                value.persistent
                if isinstance(value, Buffer)
                else name not in self._non_persistent_buffers_set
            )
            self._forget(name, state)
            self.register_buffer(name, value, persistent)
        else:
            super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        for own in (self._parameters, self._buffers, self._modules):
            if name in own:
                del own[name]
                self._non_persistent_buffers_set.discard(name)
                return
        super().__delattr__(name)

    def __dir__(self) -> list[str]:
        names = [*dir(type(self)), *self.__dict__, *self._parameters, *self._modules, *self._buffers]
        return sorted(n for n in names if not n[0].isdigit())

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__.copy()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.__dict__.setdefault("_non_persistent_buffers_set", set())
        self.__dict__.setdefault("_is_full_backward_hook", None)
        for name in _HOOK_DICTS:
            hooks = self.__dict__.get(name, ())
            if not isinstance(hooks, HookDict):  # files hold plain dicts
                self.__dict__[name] = HookDict(hooks)

    # ---- text -----------------------------------------------------------------------------------

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What `repr` prints between the brackets."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        first = extra.split("\n") if extra else []
        below = [f"({name}): {indent(repr(module), 2)}" for name, module in self._modules.items()]
        if not below and len(first) <= 1:
            return f"{self._get_name()}({extra})"
        return f"{self._get_name()}(\n  " + "\n  ".join(first + below) + "\n)"
