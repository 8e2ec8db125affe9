"""`torch.cpu.amp`: the older names of what is in `torch.amp`."""

from ..._core.names import missing as _missing
from .autocast_mode import autocast as autocast
from .grad_scaler import GradScaler as GradScaler

__all__ = ["GradScaler", "autocast"]

__getattr__ = _missing(__name__)
