"""`torch.cuda.amp.GradScaler`, the older name."""

from __future__ import annotations

import warnings

from ... import amp as _amp
from ..._core.names import missing as _missing

__all__ = ["GradScaler"]

_MSG = "`torch.cuda.amp.GradScaler(args...)` is deprecated. Please use `torch.amp.GradScaler('cuda', args...)` instead."


class GradScaler(_amp.GradScaler):
    """`torch.amp.GradScaler("cuda", ...)`, with a FutureWarning."""

    def __init__(
        self, init_scale: float = 2.0**16, growth_factor: float = 2.0, backoff_factor: float = 0.5,
        growth_interval: int = 2000, enabled: bool = True,
    ) -> None:  # fmt: skip
        warnings.warn(_MSG, FutureWarning, stacklevel=2)
        super().__init__("cuda", init_scale, growth_factor, backoff_factor, growth_interval, enabled)


__getattr__ = _missing(__name__)
