"""`__torch_function__`: classes that take over operators."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

from .tensor import Tensor, taped_alias

PLAIN: set[type] = {Tensor}  # classes without behaviour of their own; Parameter joins


class Overridden(Exception):
    """An argument's class has its own `__torch_function__`."""


def overrides(t: Tensor) -> bool:
    """Whether the class of t replaces the default `__torch_function__`."""
    own = getattr(type(t), "__torch_function__", None)
    return own is not None and getattr(own, "__func__", own) is not getattr(
        Tensor.__torch_function__, "__func__", None
    )


def as_plain(t: Tensor) -> Tensor:
    """A subclass instance as a plain Tensor with the same data and history; sparse ones have no such form."""
    if t._parted:
        raise Overridden
    t._shown_grad()  # so that both have the same
    p = cast(Any, object.__new__(Tensor))
    p.__dict__.update(t.__dict__)
    if t._node is None and t._req:
        p._node, p._index = taped_alias(t._read(), t)[1], 0
    return p


def _flatten(x: Any) -> list[Any]:
    if isinstance(x, (tuple, list)):
        return [y for v in x for y in _flatten(v)]
    return [x]


def dispatch(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Calls the first `__torch_function__` among the arguments' classes, subclasses first.

    Raises:
        TypeError: all of them returned NotImplemented.
    """
    found: list[Any] = []
    for a in _flatten([args, list(kwargs.values())]):
        c = type(a)
        if c not in PLAIN and hasattr(c, "__torch_function__") and c not in [type(x) for x in found]:
            at = next((i for i, x in enumerate(found) if issubclass(c, type(x))), len(found))
            found.insert(at, a)
    kinds = tuple(type(x) for x in found)
    for x in found:
        result = type(x).__torch_function__(func, kinds, args, kwargs)
        if result is not NotImplemented:
            return result
    raise TypeError(
        f"no implementation found for 'torch.{getattr(func, '__name__', func)}' on types that implement "
        f"__torch_function__: {list(kinds)}"
    )


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


def default_torch_function(cls: type, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
    """PyTorch's default: compute on plain tensors, return `cls`."""
    if cls in PLAIN or not all(issubclass(cls, t) for t in types):
        return NotImplemented  # a plain tensor changes nothing; the function is another library's

    def plain(x: Any) -> Any:
        if isinstance(x, Tensor) and type(x) not in PLAIN:
            return as_plain(x)
        if isinstance(x, (tuple, list)) and not hasattr(x, "_fields"):
            return type(x)(plain(v) for v in x)
        return x

    def typed(x: Any) -> Any:
        if type(x) is Tensor:
            out = object.__new__(cls)
            out.__dict__.update(x.__dict__)
            return out
        if isinstance(x, (tuple, list)):
            return (
                type(x)(typed(v) for v in x) if not hasattr(x, "_fields") else type(x)([typed(v) for v in x])
            )
        return x

    return typed(func(*plain(args), **{k: plain(v) for k, v in (kwargs or {}).items()}))


Tensor.__torch_function__ = classmethod(default_torch_function)
