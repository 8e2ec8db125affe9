"""In-place twins of rows that are functions and no Tensor methods (`F.elu_`, `torch.selu_`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._core.registry import alias, inplace_of


def inplace_twin(*names: str) -> Callable[[Any], Any]:
    """Gives a row its `.inplace` form and publishes that under the qualified `names`."""

    def decorate(row: Any) -> Any:
        row.inplace = inplace_of(row.op, row.op.name + "_")
        for name in names:
            alias(name, row.inplace)
        return row

    return decorate
