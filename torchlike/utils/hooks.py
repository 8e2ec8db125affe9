"""`torch.utils.hooks`: what registering a hook returns."""

from .._core.autograd import RemovableHandle as RemovableHandle
from .._core.names import missing as _missing

__all__ = ["RemovableHandle"]

__getattr__ = _missing(__name__)
