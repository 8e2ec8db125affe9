"""`torch.overrides`: for classes and functions that take part in `__torch_function__`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from ._core.names import missing as _missing
from ._core.overrides import PLAIN
from ._core.overrides import handle_torch_function as handle_torch_function
from ._core.overrides import has_torch_function as has_torch_function
from ._core.overrides import has_torch_function_unary as has_torch_function_unary
from ._core.overrides import has_torch_function_variadic as has_torch_function_variadic

__all__ = [
    "handle_torch_function", "has_torch_function", "has_torch_function_unary", "has_torch_function_variadic",
    "is_tensor_like", "wrap_torch_function",
]  # fmt: skip


def wrap_torch_function(dispatcher: Callable[..., Iterable[Any]]) -> Callable[..., Any]:
    """Lets a function take part: `dispatcher`, of the same signature, returns its relevant arguments."""

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            relevant = tuple(dispatcher(*args, **kwargs))
            if has_torch_function(relevant):
                return handle_torch_function(wrapped, relevant, *args, **kwargs)
            return function(*args, **kwargs)

        return wrapped

    return wrap


def is_tensor_like(inp: Any) -> bool:
    """Whether `inp` is a tensor, or of a class with a `__torch_function__`."""
    return type(inp) in PLAIN or hasattr(inp, "__torch_function__")


__getattr__ = _missing(__name__)
