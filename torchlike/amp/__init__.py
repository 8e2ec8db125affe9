"""`torch.amp`: loss scaling, and `autocast` where it has nothing to do."""

from .._core.names import missing as _missing
from .autocast_mode import autocast as autocast
from .autocast_mode import is_autocast_available as is_autocast_available
from .grad_scaler import GradScaler as GradScaler

__all__ = ["GradScaler", "autocast", "is_autocast_available"]

__getattr__ = _missing(__name__)
