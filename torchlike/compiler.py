"""`torch.compile` and `torch.compiler`.

torchlike compiles every step of every program, whether asked to or not. So `compile` has
nothing to do: it returns what it is given, and `fullgraph`, `mode` and the like change nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from ._core.names import missing as _missing

_STANCES = (
    "default",
    "force_eager",
    "eager_on_recompile",
    "fail_on_recompile",
    "eager_then_compile",
    "aot_eager_then_compile",
)


def compile(
    model: Callable[..., Any] | None = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: Any = "inductor",
    mode: str | None = None,
    options: dict[str, Any] | None = None,
    name: str | None = None,
    disable: bool = False,
    **_: Any,
) -> Any:
    """Returns `model`, a function or module, itself: its steps are compiled anyway.

    As a decorator, `@torch.compile` and `@torch.compile(mode=...)` both work.

    Raises:
        RuntimeError: `mode` and `options` are both given.
    """
    if mode is not None and options is not None:
        raise RuntimeError(
            "Either mode or options can be specified, but both can't be specified at the same time."
        )
    return _same if model is None else model


def _same(fn: Any) -> Any:
    return fn


def disable(fn: Any = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    """Returns `fn`; without `fn`, a decorator that does. See `torchlike.debug` to watch the compiler."""
    return _same if fn is None else fn


def allow_in_graph(fn: Any) -> Any:
    """Returns `fn`: every function may be part of a program."""
    return fn


def assume_constant_result(fn: Any) -> Any:
    """Returns `fn`."""
    return fn


def substitute_in_graph(original_fn: Any, *, can_constant_fold_through: bool = False, **_: Any) -> Any:
    """A decorator that returns its function: nothing of Python is traced, so nothing is substituted."""
    return _same


def nested_compile_region(fn: Any = None, **_: Any) -> Any:
    """Returns `fn`; without `fn`, a decorator that does."""
    return _same if fn is None else fn


def is_compiling() -> bool:
    """False: user code always runs as plain Python."""
    return False


def is_dynamo_compiling() -> bool:
    """False: user code always runs as plain Python."""
    return False


def is_exporting() -> bool:
    """False: user code always runs as plain Python."""
    return False


def reset() -> None:
    """Does nothing: compiled steps are keyed by all they depend on and never go stale."""


def cudagraph_mark_step_begin() -> None:
    """Does nothing: a step ends at `optimizer.step()`."""


def list_backends(exclude_tags: Any = ("debug", "experimental")) -> list[str]:
    """The one compiler there is."""
    return ["xla"]


def get_default_backend() -> str:
    """The one compiler there is."""
    return "xla"


class set_stance(contextlib.ContextDecorator):
    """Accepted as a call, context or decorator. Only `"default"` has an effect: the usual behaviour.

    To run without compiling, set the environment variable `TORCHLIKE_EAGER=1`.

    Raises:
        RuntimeError: the stance is unknown.
    """

    def __init__(self, stance: str = "default", **_: Any):
        if stance not in _STANCES:
            raise RuntimeError(f"invalid torch.compile stance '{stance}'")

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: Any) -> None:
        return None


__getattr__ = _missing(__name__)
