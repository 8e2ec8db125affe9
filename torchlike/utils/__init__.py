"""`torch.utils`: data loading."""

from .._core.names import missing as _missing
from . import data as data

__all__ = ["data"]

__getattr__ = _missing(__name__)
