"""Per-thread state: gradient modes and the pending Traces.

One plain `Context` object per thread, so that the hot path pays one
thread-local lookup per operator.
"""

from __future__ import annotations

import functools
import inspect
import threading
import warnings
from collections.abc import Callable
from typing import Any


class Context:
    """What one thread knows: modes, its pending Traces and module nesting."""

    __slots__ = (
        "grad",
        "inference",
        "traces",
        "depth",
        "sequence",
        "anomaly",
        "saved_hooks",
        "watch",
        "function_modes",
        "autocast",
        "extra",
        "step",
    )

    def __init__(self) -> None:
        self.grad = True
        self.inference = False
        self.traces: dict[Any, Any] = {}
        self.depth = 0  # module calls on the stack
        self.sequence = 0  # nodes made so far: the order of backward
        self.anomaly: Any = None  # while backward is checked: whether for NaN too
        self.saved_hooks: list[tuple[Callable, Callable]] = []  # of saved tensors, innermost last
        self.watch: Callable[[Any], None] | None = None  # called with each new Node, while either is set
        self.function_modes: list[Any] = []
        self.autocast: Any = None  # what `torch.autocast` has set, once something was (autocast.py)
        self.extra: dict[str, Any] = {}
        self.step: Any = None  # the latest Step of this thread (follow.py)


class _Local(threading.local):
    def __init__(self) -> None:
        self.ctx = Context()


local = _Local()


def is_grad_enabled() -> bool:
    """Whether operators of this thread are taped."""
    return local.ctx.grad


def is_inference_mode_enabled() -> bool:
    """Whether this thread is inside `inference_mode`."""
    return local.ctx.inference


def is_anomaly_enabled() -> bool:
    """Whether anomaly detection is on."""
    return local.ctx.anomaly is not None


def is_anomaly_check_nan_enabled() -> bool:
    """Whether NaN gradients are errors while it is on."""
    return local.ctx.anomaly is not False


class _Decorator:
    """A context manager that is also a decorator for functions, generators and (deprecated) classes."""

    def __call__(self, func: Any) -> Any:
        if inspect.isclass(func):
            warnings.warn(
                "Decorating classes is deprecated and will be disabled in future versions. You should only decorate "
                "functions or methods. To preserve the current behavior of class decoration, you can directly "
                "decorate the `__init__` method and nothing else.",
                FutureWarning,
                stacklevel=2,
            )
            wrapped: Any = lambda *args, **kwargs: func(*args, **kwargs)  # noqa: E731
        else:
            wrapped = func
        if inspect.isgeneratorfunction(func):

            @functools.wraps(func)
            def generator(*args: Any, **kwargs: Any) -> Any:
                gen = func(*args, **kwargs)
                try:
                    with self.clone():
                        item = next(gen)
                    while True:
                        try:
                            sent = yield item
                        except GeneratorExit:
                            with self.clone():
                                gen.close()
                            raise
                        except BaseException as e:
                            with self.clone():
                                item = gen.throw(e)
                        else:
                            with self.clone():
                                item = gen.send(sent)
                except StopIteration as stop:
                    return stop.value

            return generator

        @functools.wraps(func)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with self.clone():
                return wrapped(*args, **kwargs)

        return wrapper

    def clone(self) -> Any:
        return type(self)()


class no_grad(_Decorator):
    """Context manager and decorator: operators inside are not taped."""

    value = False

    def __new__(cls, orig_func: Any = None) -> Any:
        made = object.__new__(cls)
        made.previous = []
        return made if orig_func is None else made(orig_func)

    def __init__(self, orig_func: Any = None) -> None:
        self.previous: list[bool]

    def __enter__(self) -> None:
        ctx = local.ctx
        self.previous.append(ctx.grad)
        ctx.grad = self.value

    def __exit__(self, *_: Any) -> None:
        local.ctx.grad = self.previous.pop()


class enable_grad(no_grad):
    """Context manager and decorator: operators inside are taped again."""

    value = True


class set_grad_enabled(_Decorator):
    """Sets taping at once; as a context manager, for the block only.

    Raises:
        TypeError: `mode` is no bool.
    """

    def __init__(self, mode: bool) -> None:
        if not isinstance(mode, bool):
            raise TypeError(
                f"set_grad_enabled(): argument 'enabled' (position 1) must be bool, not {type(mode).__name__}"
            )
        self.mode = mode
        self.previous = local.ctx.grad
        local.ctx.grad = mode

    def __call__(self, func: Any) -> Any:
        local.ctx.grad = self.previous
        return super().__call__(func)

    def __enter__(self) -> None:
        local.ctx.grad = self.mode

    def __exit__(self, *_: Any) -> None:
        local.ctx.grad = self.previous

    def __repr__(self) -> str:
        return f"torch.autograd.grad_mode.set_grad_enabled(mode={self.mode})"

    def clone(self) -> Any:
        return type(self)(self.mode)


class inference_mode(_Decorator):
    """Like `no_grad`, and tensors made inside may never be taped later."""

    def __new__(cls, mode: Any = True) -> Any:
        made = object.__new__(cls)
        if isinstance(mode, bool):
            made.mode, made.previous = mode, []
            return made
        made.mode, made.previous = True, []
        return made(mode)

    def __init__(self, mode: Any = True) -> None:
        self.previous: list[tuple[bool, bool]]
        self.mode: bool

    def __enter__(self) -> None:
        ctx = local.ctx
        self.previous.append((ctx.grad, ctx.inference))
        ctx.inference = self.mode
        if self.mode:
            ctx.grad = False
        else:
            ctx.grad = True

    def __exit__(self, *_: Any) -> None:
        local.ctx.grad, local.ctx.inference = self.previous.pop()

    def clone(self) -> Any:
        return inference_mode(self.mode)
