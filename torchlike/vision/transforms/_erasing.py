"""RandomErasing (Zhong et al., AAAI 2020)."""

from __future__ import annotations

import math
import numbers
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..._core.random import default_generator
from ..._core.tensor import Tensor
from . import functional as F
from ._compose import Transform
from ._image import draw_below, draw_uniform, draw_unit, exp32, log32, over_array


class RandomErasing(Transform):
    """Overwrites a random rectangle of a tensor image with probability `p`.

    Args:
        scale: range of its area, as a part of the image's; ratio: range of height / width.
        value: a number, one per channel, or "random" for normal draws.
        inplace: write into the given tensor.

    Raises:
        TypeError, ValueError: arguments of other kinds or outside of their range.
    """

    def __init__(
        self, p: float = 0.5, scale: Sequence[float] = (0.02, 0.33), ratio: Sequence[float] = (0.3, 3.3),
        value: Any = 0, inplace: bool = False,
    ):  # fmt: skip
        super().__init__()
        if not isinstance(value, (numbers.Number, str, tuple, list)):
            raise TypeError("Argument value should be either a number or str or a sequence")
        if isinstance(value, str) and value != "random":
            raise ValueError("If value is str, it should be 'random'")
        if not isinstance(scale, Sequence):
            raise TypeError("Scale should be a sequence")
        if not isinstance(ratio, Sequence):
            raise TypeError("Ratio should be a sequence")
        if scale[0] > scale[1] or ratio[0] > ratio[1]:
            warnings.warn("Scale and ratio should be of kind (min, max)", stacklevel=2)
        if scale[0] < 0 or scale[1] > 1:
            raise ValueError("Scale should be between 0 and 1")
        if p < 0 or p > 1:
            raise ValueError("Random erasing probability should be between 0 and 1")
        self.p, self.scale, self.ratio, self.value, self.inplace = p, scale, ratio, value, inplace

    @staticmethod
    def get_params(
        img: Tensor, scale: Sequence[float], ratio: Sequence[float], value: list[float] | None = None
    ) -> tuple[int, int, int, int, Tensor]:
        """(top, left, height, width, content) of a random rectangle; the image itself if none fits."""
        channels, height, width = img.shape[-3:]
        low, high = log32(ratio[0]), log32(ratio[1])
        for _ in range(10):
            area = height * width * draw_uniform(scale[0], scale[1])
            aspect = exp32(draw_uniform(low, high))
            h, w = int(round(math.sqrt(area * aspect))), int(round(math.sqrt(area / aspect)))
            if not (h < height and w < width):
                continue
            if value is None:
                content = default_generator.normal((channels, h, w), np.float32)
            else:
                content = np.asarray(value, np.float32)[:, None, None]
            top = draw_below(height - h + 1)
            return top, draw_below(width - w + 1), h, w, over_array(content)
        return 0, 0, height, width, img

    def forward(self, img: Any) -> Any:
        if draw_unit() >= self.p:
            return img
        value: Any = self.value
        if isinstance(value, str):
            values = None
        else:
            values = list(value) if isinstance(value, (tuple, list)) else [float(value)]
        if values is not None and len(values) not in (1, img.shape[-3]):
            raise ValueError(
                "If value is a sequence, it should have either a single value or "
                f"{img.shape[-3]} (number of input channels)"
            )
        return F.erase(img, *self.get_params(img, self.scale, self.ratio, values), self.inplace)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(p={self.p}, scale={self.scale}, ratio={self.ratio}, "
            f"value={self.value}, inplace={self.inplace})"
        )
