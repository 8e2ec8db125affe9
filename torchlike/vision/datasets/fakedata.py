"""Images that are drawn from the generator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..._core import dtypes
from ..._core.random import Generator
from ..transforms.functional import to_pil_image
from ._vision import VisionDataset


class FakeData(VisionDataset):
    """Random images with random classes; the same ones at each look.

    Args:
        size: how many; image_size: `(C, H, W)`; num_classes: how many.
        random_offset: added to the index, which seeds the image.
    """

    def __init__(
        self,
        size: int = 1000,
        image_size: tuple[int, ...] = (3, 224, 224),
        num_classes: int = 10,
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        random_offset: int = 0,
    ):
        super().__init__(None, transform=transform, target_transform=target_transform)
        self.size, self.num_classes = size, num_classes
        self.image_size, self.random_offset = image_size, random_offset

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if index >= len(self):
            raise IndexError(f"{type(self).__name__} index out of range")
        draws = Generator().manual_seed(index + self.random_offset)
        pixels = draws.normal(tuple(self.image_size), dtypes.get_default_dtype().jnp)
        target = int(draws.randint(0, self.num_classes, (1,), np.int64)[0])
        return self._transformed(to_pil_image(pixels.transpose(1, 2, 0)), target)

    def __len__(self) -> int:
        return self.size
