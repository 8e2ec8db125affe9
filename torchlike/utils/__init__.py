"""`torch.utils`: data loading, and checkpoints that trade computation for memory."""

from .._core.names import missing as _missing
from ..ops.memory import swap_tensors as swap_tensors
from . import checkpoint as checkpoint
from . import data as data
from . import dlpack as dlpack
from . import hooks as hooks

__all__ = ["checkpoint", "data", "dlpack", "hooks", "swap_tensors"]

__getattr__ = _missing(__name__)
