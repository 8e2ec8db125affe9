"""`torch.backends.cuda`: matrix products and attention kernels, which XLA chooses."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ..._core import devices
from ..._core.names import missing as _missing
from ...ops.attention import KERNELS as _sdp
from . import matmul as matmul


def is_built() -> bool:
    """Whether JAX has a GPU back end."""
    return any(d.platform == "gpu" for d in devices.accelerators())


def flash_sdp_enabled() -> bool:
    """What was set last; True at first."""
    return _sdp["flash"]


def mem_efficient_sdp_enabled() -> bool:
    """What was set last; True at first."""
    return _sdp["mem_efficient"]


def math_sdp_enabled() -> bool:
    """What was set last; True at first."""
    return _sdp["math"]


def cudnn_sdp_enabled() -> bool:
    """What was set last; True at first."""
    return _sdp["cudnn"]


def enable_flash_sdp(enabled: bool) -> None:
    """Whether attention may use it; which of those it may use is the compiler's choice."""
    _sdp["flash"] = bool(enabled)


def enable_mem_efficient_sdp(enabled: bool) -> None:
    """Whether attention may use it; which of those it may use is the compiler's choice."""
    _sdp["mem_efficient"] = bool(enabled)


def enable_math_sdp(enabled: bool) -> None:
    """Whether attention may use it; which of those it may use is the compiler's choice."""
    _sdp["math"] = bool(enabled)


def enable_cudnn_sdp(enabled: bool) -> None:
    """Whether attention may use it; which of those it may use is the compiler's choice."""
    _sdp["cudnn"] = bool(enabled)


@contextlib.contextmanager
def sdp_kernel(
    enable_flash: bool = True,
    enable_math: bool = True,
    enable_mem_efficient: bool = True,
    enable_cudnn: bool = True,
) -> Iterator[None]:
    """Sets the attention flags for the length of a `with` block."""
    before = dict(_sdp)
    _sdp.update(flash=enable_flash, math=enable_math, mem_efficient=enable_mem_efficient, cudnn=enable_cudnn)
    try:
        yield
    finally:
        _sdp.update(before)


__getattr__ = _missing(__name__)
