"""`torch.cuda.amp.autocast` and its relatives, the older names."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from ... import amp as _amp
from ..._core import dtypes
from ..._core.names import missing as _missing

__all__ = ["autocast", "custom_fwd", "custom_bwd"]

_MSG = "`torch.cuda.amp.autocast(args...)` is deprecated. Please use `torch.amp.autocast('cuda', args...)` instead."
_MSG_CUSTOM = (
    "`torch.cuda.amp.custom_{0}(args...)` is deprecated. Please use `torch.amp.custom_{0}(args..., device_type='cuda')` "
    "instead."
)


class autocast(_amp.autocast):
    """`torch.autocast("cuda", ...)`, with a FutureWarning."""

    def __init__(
        self, enabled: bool = True, dtype: dtypes.dtype = dtypes.float16, cache_enabled: bool = True
    ) -> None:
        warnings.warn(_MSG, FutureWarning, stacklevel=2)
        super().__init__("cuda", dtype, enabled, cache_enabled)


def custom_fwd(fwd: Callable[..., Any] | None = None, *, cast_inputs: dtypes.dtype | None = None) -> Any:
    """`torch.amp.custom_fwd(fwd, device_type="cuda", ...)`, with a FutureWarning."""
    warnings.warn(_MSG_CUSTOM.format("fwd"), FutureWarning, stacklevel=2)
    return _amp.custom_fwd(fwd, device_type="cuda", cast_inputs=cast_inputs)


def custom_bwd(bwd: Callable[..., Any]) -> Any:
    """`torch.amp.custom_bwd(bwd, device_type="cuda")`, with a FutureWarning."""
    warnings.warn(_MSG_CUSTOM.format("bwd"), FutureWarning, stacklevel=2)
    return _amp.custom_bwd(bwd, device_type="cuda")


__getattr__ = _missing(__name__)
