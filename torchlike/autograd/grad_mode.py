"""`torch.autograd.grad_mode`: context managers and decorators that switch taping."""

from __future__ import annotations

from typing import Any

from .._core.modes import _Decorator
from .._core.modes import enable_grad as enable_grad
from .._core.modes import inference_mode as inference_mode
from .._core.modes import is_grad_enabled as is_grad_enabled
from .._core.modes import local as _local
from .._core.modes import no_grad as no_grad
from .._core.modes import set_grad_enabled as set_grad_enabled

__all__ = ["no_grad", "enable_grad", "set_grad_enabled", "inference_mode", "set_multithreading_enabled"]


class _Switch(_Decorator):
    """A thread's setting that holds from now on, or for a block."""

    name = ""
    default = True

    def __init__(self, mode: bool) -> None:
        self.mode = mode
        self.previous = type(self).read()
        _local.ctx.extra[self.name] = mode

    @classmethod
    def read(cls) -> bool:
        """The setting in force."""
        return _local.ctx.extra.get(cls.name, cls.default)

    def __enter__(self) -> None:
        _local.ctx.extra[self.name] = self.mode

    def __exit__(self, *_: Any) -> None:
        _local.ctx.extra[self.name] = self.previous

    def clone(self) -> Any:
        return type(self)(self.mode)


class set_multithreading_enabled(_Switch):
    """Whether backward may use several threads; kept for `is_multithreading_enabled`, XLA decides on threads."""

    name = "multithreading"


class _force_original_view_tracking(_Switch):
    """Whether views replay as views; here they always do."""

    name = "view_replay"
    default = False


def is_multithreading_enabled() -> bool:
    """What `set_multithreading_enabled` set."""
    return set_multithreading_enabled.read()


def is_view_replay_enabled() -> bool:
    """What `_force_original_view_tracking` set."""
    return _force_original_view_tracking.read()
