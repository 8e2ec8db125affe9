"""`torch.backends.cudnn`: XLA chooses and tunes its own kernels, cuDNN's among them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from .._core import devices
from ._flags import flag_module, temporarily


def is_available() -> bool:
    """Whether the accelerator is a GPU, on which XLA may use cuDNN."""
    return any(d.platform == "gpu" for d in devices.accelerators())


def version() -> None:
    """None: XLA does not report cuDNN's version."""


def is_acceptable(tensor: Any) -> bool:
    """Whether `tensor` is on a GPU."""
    return is_available() and tensor.is_cuda


def flags(
    enabled: bool | None = None,
    benchmark: bool | None = None,
    benchmark_limit: int | None = None,
    deterministic: bool | None = None,
    allow_tf32: bool | None = None,
    fp32_precision: str | None = None,
) -> AbstractContextManager[None]:
    """Sets flags for the length of a `with` block."""
    return temporarily(
        __name__,
        enabled=enabled,
        benchmark=benchmark,
        benchmark_limit=benchmark_limit,
        deterministic=deterministic,
        allow_tf32=allow_tf32,
        fp32_precision=fp32_precision,
    )


flag_module(
    __name__,
    enabled=True,
    benchmark=False,
    benchmark_limit=10,
    deterministic=False,
    allow_tf32=True,
    fp32_precision="none",
)
