"""What a module answers when asked for a name it lacks."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable
from typing import Any


def missing(module: str) -> Callable[[str], Any]:
    """A module's `__getattr__`: AttributeError with the nearest names the module has.

    >>> __getattr__ = missing(__name__)  # last line of the module

    The error is always AttributeError, so `hasattr` and `getattr` with a default answer as usual.
    """

    def __getattr__(name: str) -> Any:
        # `obj` stays unset: Python would repeat the hint from it.
        raise AttributeError(message(module, name), name=name)

    return __getattr__


def message(module: str, name: str) -> str:
    """The text for `module.name` that does not exist."""
    text = f"module '{module}' has no attribute '{name}'"
    if name.startswith("__"):  # probed by the import system and by inspect
        return text
    prefix = module.partition(".")[2]
    prefix = f"{prefix}." if prefix else ""
    near = nearest(name, vars(sys.modules[module]))
    hint = f"; nearest: {', '.join(prefix + n for n in near)}" if near else ""
    return f"{text} (torchlike has no {prefix}{name}{hint})"


def nearest(name: str, names: Any) -> list[str]:
    """Up to three public names that `name` may have meant, the most similar first."""
    folded: dict[str, str] = {}
    for n in names:
        if not n.startswith("_"):
            folded.setdefault(n.lower(), n)
    return [folded[n] for n in difflib.get_close_matches(name.lower(), folded, n=3, cutoff=0.7)]
