"""`torch.return_types`: the named tuples that operators with several results return."""

from __future__ import annotations

from typing import Any

from ._core.names import missing
from ._core.row import _result_classes


def __getattr__(name: str) -> Any:
    found = _result_classes.get(name)
    return missing(__name__)(name) if found is None else found


def __dir__() -> list[str]:
    return sorted(_result_classes)
