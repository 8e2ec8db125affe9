"""`torch.overrides`: for classes and functions that take part in `__torch_function__`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from ._core.names import missing as _missing
from ._core.overrides import dispatch
from ._core.registry import PLAIN

__all__ = [
    "handle_torch_function", "has_torch_function", "has_torch_function_unary", "has_torch_function_variadic",
    "is_tensor_like", "wrap_torch_function",
]  # fmt: skip


def has_torch_function(relevant_args: Iterable[Any]) -> bool:
    """Whether the class of any argument has a `__torch_function__` of its own."""
    return any(type(a) not in PLAIN and hasattr(type(a), "__torch_function__") for a in relevant_args)


def has_torch_function_unary(relevant_arg: Any) -> bool:
    """`has_torch_function` of one argument."""
    return has_torch_function((relevant_arg,))


def has_torch_function_variadic(*relevant_args: Any) -> bool:
    """`has_torch_function` of the arguments given."""
    return has_torch_function(relevant_args)


def handle_torch_function(
    public_api: Callable[..., Any], relevant_args: Iterable[Any], *args: Any, **kwargs: Any
) -> Any:
    """Calls the first `__torch_function__` among the arguments, those of subclasses first.

    Raises:
        TypeError: all of them returned NotImplemented.
    """
    return dispatch(public_api, args, kwargs)


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
