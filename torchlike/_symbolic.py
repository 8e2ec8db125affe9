"""Symbolic numbers: the types that PyTorch's tracer makes, of which there are none here, and what works on both."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

_NUMBERS = (np.integer, np.floating, int, float)


class _NeverMade(type):
    """The type of what torchlike has no instances of."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(
            f"torch.{cls.__name__}: sizes and numbers are plain Python numbers here, none is symbolic"
        )


class SymInt(metaclass=_NeverMade):
    """An int that PyTorch's tracer does not know yet. No size is one here: programs are compiled per shape."""


class SymFloat(metaclass=_NeverMade):
    """A float that PyTorch's tracer does not know yet. No number is one here."""


class SymBool(metaclass=_NeverMade):
    """A bool that PyTorch's tracer does not know yet. No condition is one here."""


def sym_int(a: Any) -> int:
    """`int(a)`: numbers are cut off towards zero."""
    return (math.floor(a) if a >= 0 else math.ceil(a)) if isinstance(a, float) else builtins.int(a)


def sym_float(a: Any) -> float:
    """`float(a)`."""
    return builtins.float(a)


def sym_not(a: Any) -> bool:
    """`not a`."""
    return not a


def _extreme(a: Any, b: Any, choose: Any) -> Any:
    for x in (a, b):
        if not isinstance(x, _NUMBERS):
            raise AssertionError(f"expected {_NUMBERS}, got {type(x)}")
    found = choose(a, b)
    floating = isinstance(a, (float, np.floating)) or isinstance(b, (float, np.floating))
    return builtins.float(found) if floating else found


def sym_max(a: Any, b: Any) -> Any:
    """The larger number; a float if either is one."""
    return _extreme(a, b, builtins.max)


def sym_min(a: Any, b: Any) -> Any:
    """The smaller number; a float if either is one."""
    return _extreme(a, b, builtins.min)


def sym_ite(b: bool, t: Any, f: Any) -> Any:
    """`t if b else f`, both of one type.

    Raises:
        AssertionError: `b` is no bool, or the types differ.
    """
    if not isinstance(b, bool):
        raise AssertionError(f"expected SymBool or bool, got {type(b)}")
    if type(t) is not type(f):
        raise AssertionError(f"type mismatch: {type(t)} vs {type(f)}")
    return t if b else f


def sym_sum(*args: Any) -> Any:
    """The sum of its arguments, or of those in the one sequence given."""
    if len(args) == 1 and isinstance(args[0], (list, tuple)):
        args = tuple(args[0])
    return sum(args)
