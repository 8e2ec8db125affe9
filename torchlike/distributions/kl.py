"""kl_divergence and register_kl: the most specific registered pair of classes computes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from .._core.tensor import Tensor
from .distribution import Distribution

__all__ = ["kl_divergence", "register_kl"]

_KL_REGISTRY: dict[tuple[type, type], Callable[[Any, Any], Tensor]] = {}
_KL_MEMOIZE: dict[tuple[type, type], Callable[[Any, Any], Tensor]] = {}

Formula = Callable[[Any, Any], Tensor]


def register_kl(type_p: type, type_q: type) -> Callable[[Formula], Formula]:
    """Registers the decorated function for `kl_divergence(p, q)` of these classes and their subclasses.

    >>> @register_kl(Normal, Normal)
    ... def kl_normal_normal(p, q): ...

    Raises:
        TypeError: a class is no Distribution.
    """
    for name, given in (("type_p", type_p), ("type_q", type_q)):
        if not isinstance(given, type) or not issubclass(given, Distribution):
            raise TypeError(f"Expected {name} to be a Distribution subclass but got {given}")

    def decorator(fun: Formula) -> Formula:
        _KL_REGISTRY[type_p, type_q] = fun
        _KL_MEMOIZE.clear()
        return fun

    return decorator


def _dominates(a: tuple[type, ...], b: tuple[type, ...]) -> bool:
    """Whether pair `a` is more specific than `b`, or as specific, its first class deciding first."""
    for x, y in zip(a, b):
        if not issubclass(x, y):
            return False
        if x is not y:
            break
    return True


def _best(matches: list[tuple[type, ...]]) -> tuple[type, ...]:
    best = matches[0]
    for pair in matches[1:]:
        if _dominates(pair, best):
            best = pair
    return best


def _dispatch(type_p: type, type_q: type) -> Formula | None:
    """The formula for two classes; None if none is registered for them or their bases."""
    matches = [pair for pair in _KL_REGISTRY if issubclass(type_p, pair[0]) and issubclass(type_q, pair[1])]
    if not matches:
        return None
    left = _best(list(matches))
    right = _best([(q, p) for p, q in matches])[::-1]
    if _KL_REGISTRY[left[0], left[1]] is not _KL_REGISTRY[right[0], right[1]]:
        warnings.warn(
            f"Ambiguous kl_divergence({type_p.__name__}, {type_q.__name__}). "
            f"Please register_kl({left[0].__name__}, {right[1].__name__})",
            RuntimeWarning,
            stacklevel=3,
        )
    return _KL_REGISTRY[left[0], left[1]]


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """KL(p || q), the expectation of `log p(x) - log q(x)` under p, of shape `batch_shape`.

    Raises:
        NotImplementedError: no formula is registered for the two classes.
    """
    pair = type(p), type(q)
    if pair not in _KL_MEMOIZE:
        found = _dispatch(*pair)
        if found is None:
            raise NotImplementedError(
                f"No KL(p || q) is implemented for p type {p.__class__.__name__} and q type {q.__class__.__name__}"
            )
        _KL_MEMOIZE[pair] = found
    return _KL_MEMOIZE[pair](p, q)
