"""Publication: where an operator is known, and by which names."""

from __future__ import annotations

from typing import Any

from .tensor import Tensor

SPACES: dict[str, dict[str, Any]] = {"torch": {}, "Tensor": {}}


def namespace(space: str) -> dict[str, Any]:
    """The published names of a space (`"torch"`, `"nn.functional"`, `"linalg"`, ...)."""
    return SPACES.setdefault(space, {})


def publish(space: str, name: str, value: Any) -> None:
    """Makes `value` known as `torch.<space>.<name>`, methods included."""
    namespace(space)[name] = value
    if space == "Tensor":
        setattr(Tensor, name, value)


def alias(qualified: str, target: Any) -> Any:
    """Publishes one more name, e.g. `alias("special.expit", sigmoid)`."""
    space, _, name = qualified.rpartition(".")
    publish(space or "torch", name, target)
    return target


def function(
    spaces: tuple[str, ...] = ("torch", "Tensor"), aliases: tuple[str, ...] = (), name: str | None = None
) -> Any:
    """Publishes a plain Python function over Tensors."""

    def decorate(fn: Any) -> Any:
        _publish_all(fn, name or fn.__name__, spaces, aliases)
        return fn

    return decorate


def _publish_all(fn: Any, name: str, spaces: tuple[str, ...], aliases: tuple[str, ...]) -> None:
    for space in spaces:
        publish(space, name, fn)
    for other in aliases:
        if "." in other:
            alias(other, fn)
        else:
            for space in spaces:
                publish(space, other, fn)


def named(function_: Any, name: str, doc: str | None, **extra: Any) -> Any:
    """Names a derived function and gives it its documentation."""
    function_.__name__ = function_.__qualname__ = name
    function_.__doc__ = doc
    for k, v in extra.items():
        setattr(function_, k, v)
    return function_
