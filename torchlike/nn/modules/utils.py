"""Small helpers shared by the layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import repeat
from typing import Any

__all__ = ["consume_prefix_in_state_dict_if_present"]


def ntuple(x: Any, n: int) -> tuple[Any, ...]:
    """`x` as a tuple: itself if iterable, else repeated `n` times."""
    return tuple(x) if isinstance(x, Iterable) else tuple(repeat(x, n))


def _ntuple(n: int, name: str = "parse") -> Callable[[Any], tuple[Any, ...]]:
    def parse(x: Any) -> tuple[Any, ...]:
        return ntuple(x, n)

    parse.__name__ = name
    return parse


_single, _pair, _triple, _quadruple = map(
    _ntuple, (1, 2, 3, 4), ("_single", "_pair", "_triple", "_quadruple")
)


def reversed_twice(t: tuple[int, ...]) -> tuple[int, ...]:
    """(a, b) -> (b, b, a, a): a size per dimension as the argument of `F.pad`."""
    return tuple(x for x in reversed(t) for _ in range(2))


def consume_prefix_in_state_dict_if_present(state_dict: dict[str, Any], prefix: str) -> None:
    """Removes a prefix such as "module." from the keys of a state_dict, in place."""
    for key in list(state_dict):
        if key.startswith(prefix):
            state_dict[key[len(prefix) :]] = state_dict.pop(key)
    metadata = getattr(state_dict, "_metadata", None)
    if metadata is not None:
        for key in list(metadata):
            if key == "":
                continue
            stripped = key[len(prefix) :] if key.startswith(prefix) else key.replace(prefix[:-1], "", 1)
            metadata[stripped] = metadata.pop(key)
