"""`torch.fft`: discrete Fourier transforms. The operators are rows of `torchlike.ops.fft`."""

from ._core.names import missing as _missing
from ._core.registry import namespace
from .ops import fft  # noqa: F401 - it publishes the names below

globals().update(namespace("fft"))
__all__ = sorted(namespace("fft"))

__getattr__ = _missing(__name__)
