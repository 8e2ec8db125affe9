"""DistributedDataParallel."""

from __future__ import annotations

from typing import Any

from ..modules.module import Module

__all__ = ["DistributedDataParallel"]

_MSG = (
    "DistributedDataParallel is not supported: there is no process group of several processes. "
    "On one device use the module as it is, or nn.DataParallel, which gives the same state_dict keys."
)


class DistributedDataParallel(Module):
    """Not supported: constructing it raises NotImplementedError, which names what works instead."""

    def __init__(self, module: Module, *args: Any, **kwargs: Any):
        raise NotImplementedError(_MSG)
