"""Implementations of flash attention that others provide: a name, and what makes it the one in use."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

_logger = logging.getLogger(__name__)
_known: dict[str, Callable[..., Any]] = {}
_active: list[tuple[str, Any]] = []  # the one in use, with its handle


def register_flash_attention_impl(impl: str, *, register_fn: Callable[..., Any]) -> None:
    """Makes an implementation known.

    Args:
        impl: its name.
        register_fn: called without arguments to put it into use; returns a handle with `remove()`, or None.
    """
    _known[impl] = register_fn


def activate_flash_attention_impl(impl: str) -> None:
    """Puts a known implementation into use, in place of the one before.

    Raises:
        ValueError: there is none of this name.
    """
    restore_flash_attention_impl(_raise_warn=False)
    if impl not in _known:
        raise ValueError(
            f"Unknown flash attention impl '{impl}'. Available implementations: {list_flash_attention_impls()}"
        )
    handle = _known[impl]()
    if handle is not None:
        _active.append((impl, handle))


def list_flash_attention_impls() -> list[str]:
    """The names of the known implementations, in order."""
    return sorted(_known)


def current_flash_attention_impl() -> str | None:
    """The name of the implementation in use; None for the compiler's."""
    return _active[0][0] if _active else None


def restore_flash_attention_impl(_raise_warn: bool = True) -> None:
    """Takes the implementation in use out of use."""
    if _active:
        _active.pop()[1].remove()
    elif _raise_warn:
        _logger.warning("Trying to restore default FA2 impl when no custom impl was activated")
