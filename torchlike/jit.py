"""`torch.jit`: programs that use TorchScript run as the Python they are.

`script` and `trace` return what they are given. torchlike records and compiles every step of
plain Python, so there is no second language to translate to; a traced function keeps its
control flow instead of freezing one path of it. TorchScript files cannot be read or written.
"""

from __future__ import annotations

import builtins
import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from ._core.names import missing as _missing
from .futures import Future
from .nn.modules.module import Module

__all__ = [
    "Attribute", "Error", "Final", "Future", "ScriptFunction", "ScriptModule", "annotate", "export", "fork", "freeze",
    "ignore", "interface", "is_scripting", "is_tracing", "isinstance", "load", "optimize_for_inference",
    "optimized_execution", "save", "script", "script_if_tracing", "script_method", "trace", "trace_module",
    "unused", "wait",
]  # fmt: skip

T = TypeVar("T")

_MSG_FILE = (
    "torch.jit.{name}: TorchScript archives hold compiled code of PyTorch's, which torchlike cannot {verb}. "
    "Use torch.{name} with the module's state_dict()."
)


class Error(Exception):
    """The error of a running TorchScript program, of which there are none."""


class ScriptModule(Module):
    """A module. `@torch.jit.script_method` methods are its ordinary methods."""


class ScriptFunction:
    """The type of TorchScript functions, of which there are none: `script` returns plain functions."""


def script(
    obj: T, optimize: Any = None, _frames_up: int = 0, _rcb: Any = None, example_inputs: Any = None
) -> T:
    """Returns `obj`, a module, function, class or dictionary, itself.

    Raises:
        RuntimeError: `obj` is something else that cannot be called.
    """
    if not (callable(obj) or builtins.isinstance(obj, (dict, list))):
        raise RuntimeError(
            f"torch.jit.script: expected a module, function or class, got {type(obj).__name__}"
        )
    return obj


def trace(
    func: Callable[..., Any],
    example_inputs: Any = None,
    optimize: Any = None,
    check_trace: bool = True,
    check_inputs: Any = None,
    check_tolerance: float = 1e-5,
    strict: bool = True,
    *,
    example_kwarg_inputs: dict[str, Any] | None = None,
    **_: Any,
) -> Any:
    """Runs `func` on the example inputs, as PyTorch does, and returns `func` itself.

    Raises:
        RuntimeError: no example inputs are given.
    """
    if example_kwarg_inputs is not None:
        func(**example_kwarg_inputs)
    elif example_inputs is None:
        raise RuntimeError("example_kwarg_inputs should be a dict, since example_inputs is None")
    elif builtins.isinstance(example_inputs, dict):
        func(**example_inputs)
    elif builtins.isinstance(example_inputs, (tuple, list)):
        func(*example_inputs)
    else:
        func(example_inputs)
    return func


def trace_module(mod: Module, inputs: dict[str, Any], *_: Any, **__: Any) -> Module:
    """Runs the named methods of `mod` on their inputs and returns `mod`."""
    for name, arguments in inputs.items():
        trace(getattr(mod, name), arguments)
    return mod


def freeze(mod: Module, preserved_attrs: Any = None, optimize_numerics: bool = True) -> Module:
    """Returns `mod`, which must be in evaluation mode."""
    if mod.training:
        raise RuntimeError(
            "Freezing is currently only implemented for modules in eval mode. "
            "Please call .eval() on your module before freezing."
        )
    return mod


def optimize_for_inference(mod: Module, other_methods: Any = None) -> Module:
    """Returns `mod` in evaluation mode."""
    return mod.eval()


def script_if_tracing(fn: T) -> T:
    """Returns `fn`."""
    return fn


def script_method(fn: T) -> T:
    """Returns `fn`."""
    return fn


def export(fn: T) -> T:
    """Returns `fn`."""
    return fn


def unused(fn: T) -> T:
    """Returns `fn`: nothing is compiled ahead, so nothing is left out."""
    return fn


def interface(obj: T) -> T:
    """Returns `obj`."""
    return obj


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """Returns the decorated function; `@ignore` and `@ignore(drop=True)` both work."""
    return drop if callable(drop) else lambda fn: fn


def annotate(the_type: Any, the_value: T) -> T:
    """Returns the value."""
    return the_value


class Attribute:
    """A value with its type; `ScriptModule` attributes take plain values as well."""

    def __init__(self, value: Any, type: Any):
        self.value, self.type = value, type


def isinstance(obj: Any, target_type: Any) -> bool:
    """`isinstance` that also takes parametrised types such as `list[int]`, by their container."""
    types = target_type if builtins.isinstance(target_type, tuple) else (target_type,)
    return builtins.isinstance(obj, tuple(getattr(t, "__origin__", t) for t in types))


def is_scripting() -> bool:
    """False: everything runs as Python."""
    return False


def is_tracing() -> bool:
    """False: everything runs as Python."""
    return False


def fork(func: Callable[..., T], *args: Any, **kwargs: Any) -> Future[T]:
    """The result of `func(*args, **kwargs)`, computed at once, to be fetched with `wait`."""
    future: Future[T] = Future()
    future.set_result(func(*args, **kwargs))
    return future


def wait(future: Future[T]) -> T:
    """The result of a `fork`."""
    return future.wait()


@contextlib.contextmanager
def optimized_execution(should_optimize: bool) -> Iterator[None]:
    """A context that changes nothing: every step is compiled."""
    yield


def save(m: Any, f: Any, _extra_files: Any = None) -> None:
    """Raises RuntimeError: TorchScript archives cannot be written."""
    raise RuntimeError(_MSG_FILE.format(name="save", verb="write"))


def load(f: Any, map_location: Any = None, _extra_files: Any = None, _restore_shapes: bool = False) -> Any:
    """Raises RuntimeError: TorchScript archives cannot be read."""
    raise RuntimeError(_MSG_FILE.format(name="load", verb="run"))


__getattr__ = _missing(__name__)
