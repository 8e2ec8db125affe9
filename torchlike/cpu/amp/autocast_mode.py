"""`torch.cpu.amp.autocast`, the older name."""

from __future__ import annotations

import warnings

from ... import amp as _amp
from ..._core import dtypes
from ..._core.names import missing as _missing

__all__ = ["autocast"]

_MSG = "`torch.cpu.amp.autocast(args...)` is deprecated. Please use `torch.amp.autocast('cpu', args...)` instead."


class autocast(_amp.autocast):
    """`torch.autocast("cpu", ...)`, with a FutureWarning."""

    def __init__(
        self, enabled: bool = True, dtype: dtypes.dtype = dtypes.bfloat16, cache_enabled: bool = True
    ) -> None:
        warnings.warn(_MSG, FutureWarning, stacklevel=2)
        super().__init__("cpu", dtype, enabled, cache_enabled)


__getattr__ = _missing(__name__)
