"""`__torch_function__`: classes that take over operators."""

from __future__ import annotations

from typing import Any

from .registry import PLAIN, as_plain
from .tensor import Tensor


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


def default_torch_function(cls: type, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
    """PyTorch's default: compute on plain tensors, return `cls`."""
    if not all(issubclass(cls, t) for t in types):
        return NotImplemented

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
            return type(x)(typed(v) for v in x) if not hasattr(x, "_fields") else type(x)([typed(v) for v in x])
        return x

    return typed(func(*plain(args), **{k: plain(v) for k, v in (kwargs or {}).items()}))


Tensor.__torch_function__ = classmethod(default_torch_function)
