"""Transforms of images and of tensors (..., C, H, W)."""

from __future__ import annotations

from ..._core.names import missing as _missing
from . import functional as functional
from . import transforms as transforms
from .transforms import *  # noqa: F403 - its whole interface

__getattr__ = _missing(__name__)
