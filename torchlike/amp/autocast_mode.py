"""`torch.autocast`: does nothing where PyTorch's does nothing, and says so where it would cast."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

from .._core import devices, dtypes

__all__ = ["autocast", "is_autocast_available"]

_AVAILABLE = ("cpu", "cuda", "xla", "mps")


def is_autocast_available(device_type: str) -> bool:
    """Whether `autocast` takes this device type."""
    return devices.device(device_type).type in _AVAILABLE


class autocast:
    """Context and decorator; mixed precision itself is not supported.

    With `enabled=False`, and for "cuda" on a machine without an accelerator, where PyTorch warns and
    disables it, nothing is cast, as in PyTorch.

    Args:
        device_type: "cpu", "cuda", "xla" or "mps".
        dtype: what PyTorch would cast to.
        enabled: whether to cast.

    Raises:
        NotImplementedError: on entry, where operators would be cast.
        ValueError: `device_type` is no string.
        RuntimeError: `device_type` is unknown.
    """

    def __init__(
        self, device_type: str, dtype: dtypes.dtype | None = None, enabled: bool = True,
        cache_enabled: bool | None = None,
    ):  # fmt: skip
        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        if not is_autocast_available(device_type):
            raise RuntimeError(f"User specified an unsupported autocast device_type '{device_type}'")
        self.device, self.fast_dtype = device_type, dtype
        if enabled and device_type == "cuda" and not devices.accelerators():
            warnings.warn("CUDA is not available or torch_xla is imported. Disabling autocast.", stacklevel=2)
            enabled = False
        if enabled and device_type == "cpu" and dtype not in (None, dtypes.bfloat16, dtypes.float16):
            warnings.warn(
                "In CPU autocast, but the target dtype is not supported. Disabling autocast.\n"
                "CPU Autocast only supports dtypes of torch.bfloat16, torch.float16 currently.",
                stacklevel=2,
            )
            enabled = False
        self._enabled = enabled

    def __enter__(self) -> autocast:
        if self._enabled:
            raise NotImplementedError(
                f"autocast('{self.device}') is not supported: operators run in the dtype of their operands. Convert "
                "model and inputs by .to(torch.bfloat16), or pass enabled=False."
            )
        return self

    def __exit__(self, *_: Any) -> None:
        return None

    def __call__(self, func: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(func)
        def within(*args: Any, **kwargs: Any) -> Any:
            with self:
                return func(*args, **kwargs)

        return within
