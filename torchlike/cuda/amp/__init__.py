"""`torch.cuda.amp`: the older names of what is in `torch.amp`."""

from __future__ import annotations

import warnings
from typing import Any

from ... import amp as _amp
from ..._core import dtypes
from ..._core.names import missing as _missing

__all__ = ["GradScaler", "autocast"]

_MSG = "`torch.cuda.amp.{0}(args...)` is deprecated. Please use `torch.amp.{0}('cuda', args...)` instead."


class GradScaler(_amp.GradScaler):
    """`torch.amp.GradScaler("cuda", ...)`, with a FutureWarning."""

    def __init__(
        self, init_scale: float = 2.0**16, growth_factor: float = 2.0, backoff_factor: float = 0.5,
        growth_interval: int = 2000, enabled: bool = True,
    ) -> None:  # fmt: skip
        warnings.warn(_MSG.format("GradScaler"), FutureWarning, stacklevel=2)
        super().__init__("cuda", init_scale, growth_factor, backoff_factor, growth_interval, enabled)


class autocast(_amp.autocast):
    """`torch.autocast("cuda", ...)`, with a FutureWarning."""

    def __init__(self, enabled: bool = True, dtype: Any = dtypes.float16, cache_enabled: bool = True):
        warnings.warn(_MSG.format("autocast"), FutureWarning, stacklevel=2)
        super().__init__("cuda", dtype, enabled, cache_enabled)


__getattr__ = _missing(__name__)
