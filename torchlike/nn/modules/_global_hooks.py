"""Registration of hooks that run for every module (`torch.nn.modules.module.register_module_*`)."""

from __future__ import annotations

from collections.abc import Callable

from ..._core.autograd import RemovableHandle
from ._hooks import _MSG_BOTH_GLOBAL, adding, everywhere


def register_module_forward_pre_hook(hook: Callable) -> RemovableHandle:
    """Calls `hook(module, args)` before every module's forward."""
    everywhere.active = True
    return adding(everywhere.forward_pre, hook)


def register_module_forward_hook(
    hook: Callable, *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Calls `hook(module, args, output)` after every module's forward."""
    everywhere.active = True
    extra = [everywhere.forward_kwargs] if with_kwargs else []
    extra += [everywhere.forward_always] if always_call else []
    return adding(everywhere.forward, hook, *extra)


def register_module_full_backward_pre_hook(hook: Callable) -> RemovableHandle:
    """Calls `hook(module, grad_output)` before every module's backward."""
    everywhere.active = True
    return adding(everywhere.backward_pre, hook)


def register_module_full_backward_hook(hook: Callable) -> RemovableHandle:
    """Calls `hook(module, grad_input, grad_output)` after every module's backward."""
    if everywhere.is_full is False:
        raise RuntimeError(_MSG_BOTH_GLOBAL)
    everywhere.active = everywhere.is_full = True
    return adding(everywhere.backward, hook)


def register_module_backward_hook(hook: Callable) -> RemovableHandle:
    """Deprecated: use `register_module_full_backward_hook`."""
    if everywhere.is_full is True:
        raise RuntimeError(_MSG_BOTH_GLOBAL)
    everywhere.active, everywhere.is_full = True, False
    return adding(everywhere.backward, hook)


def register_module_buffer_registration_hook(hook: Callable) -> RemovableHandle:
    """Calls `hook(module, name, buffer)` whenever a buffer is registered; it may return another."""
    return adding(everywhere.buffer, hook)


def register_module_module_registration_hook(hook: Callable) -> RemovableHandle:
    """Calls `hook(module, name, submodule)` whenever a submodule is registered; it may return another."""
    return adding(everywhere.module, hook)


def register_module_parameter_registration_hook(hook: Callable) -> RemovableHandle:
    """Calls `hook(module, name, parameter)` whenever a parameter is registered; it may return another."""
    return adding(everywhere.parameter, hook)
