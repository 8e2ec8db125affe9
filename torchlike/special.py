"""`torch.special`: functions of mathematics and statistics. The operators are rows of `torchlike.ops`."""

from ._core.names import missing as _missing
from ._core.registry import namespace
from .ops import pointwise, special  # noqa: F401 - they publish the names below

globals().update(namespace("special"))
__all__ = sorted(namespace("special"))

__getattr__ = _missing(__name__)
