"""torchvision's data sets, transforms and image grids; `import torchvision` resolves here.

Images are read, transformed and collated on the host in NumPy and Pillow, so that DataLoader workers
never start JAX; the random transforms draw from PyTorch's stream, as torchvision's do.
"""

from __future__ import annotations

from typing import Any

from .._core.names import missing as _missing
from . import datasets as datasets
from . import transforms as transforms
from . import utils as utils

__version__ = "0.28.0"  # the release whose behaviour this follows

_LACKING = "torchlike.vision has no {name} yet; datasets, transforms and utils are there"
_backend = "PIL"


def set_image_backend(backend: str) -> None:
    """Chooses what loads images: only "PIL" is there.

    Raises:
        ValueError: another one.
    """
    if backend != "PIL":
        raise ValueError(f"Invalid backend '{backend}'. Options are 'PIL'")


def get_image_backend() -> str:
    """The name of what loads images: "PIL"."""
    return _backend


def __getattr__(name: str) -> Any:
    if name in ("models", "ops", "io", "tv_tensors"):
        raise AttributeError(_LACKING.format(name=name), name=name)
    return _missing(__name__)(name)
