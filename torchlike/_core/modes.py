"""Per-thread state: gradient modes and the pending Traces.

One plain `Context` object per thread, so that the hot path pays one
thread-local lookup per operator.
"""

from __future__ import annotations

import functools
import inspect
import threading
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
        "function_modes",
        "extra",
    )

    def __init__(self) -> None:
        self.grad = True
        self.inference = False
        self.traces: dict[Any, Any] = {}
        self.depth = 0  # module calls on the stack
        self.sequence = 0  # nodes made so far: the order of backward
        self.anomaly = False
        self.saved_hooks: list[tuple[Callable, Callable]] = []
        self.function_modes: list[Any] = []
        self.extra: dict[str, Any] = {}


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


class _Decorator:
    """A context manager that is also a decorator for functions and generators."""

    def __call__(self, func: Any) -> Any:
        if inspect.isclass(func):
            raise TypeError(f"{type(self).__name__} cannot decorate a class; decorate its methods")
        if inspect.isgeneratorfunction(func):

            @functools.wraps(func)
            def generator(*args: Any, **kwargs: Any) -> Any:
                gen = func(*args, **kwargs)
                send: Any = None
                try:
                    while True:
                        with self.clone():
                            item = gen.send(send)
                        send = yield item
                except StopIteration as stop:
                    return stop.value
                finally:
                    gen.close()

            return generator

        @functools.wraps(func)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with self.clone():
                return func(*args, **kwargs)

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
    """Sets taping at once; as a context manager, for the block only."""

    def __init__(self, mode: bool) -> None:
        self.mode = bool(mode)
        self.previous = local.ctx.grad
        local.ctx.grad = self.mode

    def __call__(self, func: Any) -> Any:
        local.ctx.grad = self.previous
        return super().__call__(func)

    def __enter__(self) -> None:
        local.ctx.grad = self.mode

    def __exit__(self, *_: Any) -> None:
        local.ctx.grad = self.previous

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
