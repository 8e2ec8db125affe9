"""Modules whose attributes are flags, checked when they are set."""

from __future__ import annotations

import contextlib
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any


class FlagModule(types.ModuleType):
    """A module on which only its own flags can be set, and only to values of their type."""

    _flags: dict[str, Any]
    _setters: dict[str, Callable[[Any], None]]

    def __setattr__(self, name: str, value: Any) -> None:
        flags = self.__dict__["_flags"]
        if name in flags:
            if not isinstance(value, type(flags[name])):
                wanted = type(flags[name]).__name__
                raise RuntimeError(f"{self.__name__}.{name}: expected {wanted}, got {type(value).__name__}")
            setter = self.__dict__["_setters"].get(name)
            if setter is not None:
                setter(value)
        super().__setattr__(name, value)


def flag_module(module: str, setters: dict[str, Callable[[Any], None]] | None = None, **flags: Any) -> None:
    """Gives a module its flags, with their initial values.

    Args:
        module: its `__name__`.
        setters: what to call with a new value before it is stored.
        flags: name and initial value; a value of another type is refused.
    """
    m = sys.modules[module]
    m.__dict__.update(flags, _flags=flags, _setters=setters or {})
    m.__class__ = FlagModule


@contextlib.contextmanager
def temporarily(module: str, **values: Any) -> Iterator[None]:
    """Sets flags of a module for the length of a `with` block; None leaves a flag alone."""
    m = sys.modules[module]
    before = {name: getattr(m, name) for name, value in values.items() if value is not None}
    for name in before:
        setattr(m, name, values[name])
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(m, name, value)
