"""Publication: where an operator is known, and by which names."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .autocast import as_operator
from .modes import local
from .overrides import Overridden, dispatch
from .signatures import CALLED, PYTHON
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
    """Publishes a plain Python function over Tensors; users see it with PyTorch's argument errors."""

    def decorate(fn: Any) -> Any:
        fn = as_operator(fn, f"{''.join(spaces[:1])}.{name or fn.__name__}")
        _publish_all(functools.partial(refusing, fn), name or fn.__name__, spaces, aliases)
        return fn

    return decorate


def _publish_all(
    make: Callable[[str, str], Any], name: str, spaces: tuple[str, ...], aliases: tuple[str, ...]
) -> Any:
    """Publishes `make(space, name)` under all names; returns the first."""
    first = None
    for qualified in (name, *aliases):
        space, _, own = qualified.rpartition(".")
        for s in (space,) if space else spaces:
            made = make(s, own)
            publish(s, own, made)
            first = first or made
    return first


_MADE_OF_OTHERS = {"flatten", "moveaxis", "movedim", "ravel", "reshape", "unflatten"}


def refuse(public: Any, space: str, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raises what PyTorch's parser says about the arguments of a call that failed; returns if it takes them.

    PyTorch asks for the history of those that it takes before its operator fails; not for a write, nor where the
    operator is made of others.
    """
    from .misuse import complaint  # only where something is wrong

    error = complaint(public, space, name, args, kwargs)
    if error is not None:
        raise error from None
    if local.ctx.grad and not name.endswith("_") and name not in _MADE_OF_OTHERS:
        for a in args:
            if isinstance(a, Tensor) and a._lens is not None:
                a._fetch()


def refusing(fn: Callable[..., Any], space: str, name: str) -> Callable[..., Any]:
    """A plain function whose argument errors are PyTorch's; `fn` itself where PyTorch's is plain Python too."""
    if f"{space}.{name}" in PYTHON or (space == "nn.functional" and name not in CALLED):
        return fn

    def public(*args: Any, **kwargs: Any) -> Any:
        try:
            return fn(*args, **kwargs)
        except Overridden:
            return dispatch(public, args, kwargs)
        except Exception:
            refuse(public, space, name, args, kwargs)
            raise

    functools.update_wrapper(public, fn)
    public.__name__ = name  # by which classes with a `__torch_function__` know it
    return public


def named(function_: Any, name: str, doc: str | None, **extra: Any) -> Any:
    """Names a derived function and gives it its documentation."""
    function_.__name__ = function_.__qualname__ = name
    function_.__doc__ = doc
    for k, v in extra.items():
        setattr(function_, k, v)
    return function_
