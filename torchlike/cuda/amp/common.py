"""`torch.cuda.amp.common`."""

from ..._core import devices
from ..._core.names import missing as _missing

__all__ = ["amp_definitely_not_available"]


def amp_definitely_not_available() -> bool:
    """Whether there is no accelerator."""
    return not devices.accelerators()


__getattr__ = _missing(__name__)
