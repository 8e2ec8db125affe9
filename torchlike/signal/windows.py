"""`torch.signal.windows`. The functions are in `torchlike.ops.windows`."""

from .._core.registry import namespace
from ..ops import windows  # noqa: F401 - it publishes the names below

globals().update(namespace("signal.windows"))
__all__ = sorted(namespace("signal.windows"))
