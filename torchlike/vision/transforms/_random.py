"""Transforms that differ from image to image. They draw from PyTorch's CPU stream, number by number as
torchvision does, so a seeded script sees torchvision's images."""

from __future__ import annotations

import math
import numbers
import warnings
from collections.abc import Sequence
from typing import Any

from ..._core.random import default_generator
from ..._core.tensor import Tensor
from . import functional as F
from ._compose import Transform
from ._geometry import MSG_HW
from ._image import (
    InterpolationMode,
    draw_below,
    draw_uniform,
    draw_unit,
    exp32,
    get_dimensions,
    get_image_num_channels,
    interpolation_mode,
    log32,
    opened,
    over_array,
    pair_of,
)


class RandomCrop(Transform):
    """A rectangle `size` from a random place.

    Args:
        size: `(h, w)` or one number for both.
        padding, fill, padding_mode: pad first, see `functional.pad`.
        pad_if_needed: pad images that are smaller than `size`.

    Raises:
        ValueError: when called, an image smaller than `size`.
    """

    def __init__(
        self, size: Any, padding: Any = None, pad_if_needed: bool = False, fill: Any = 0,
        padding_mode: str = "constant",
    ):  # fmt: skip
        super().__init__()
        self.size = pair_of(size, MSG_HW) if isinstance(size, (int, list, tuple)) else (size, size)
        self.padding, self.pad_if_needed, self.fill, self.padding_mode = (
            padding,
            pad_if_needed,
            fill,
            padding_mode,
        )

    @staticmethod
    def get_params(img: Any, output_size: tuple[int, int]) -> tuple[int, int, int, int]:
        """(top, left, height, width) of a random crop."""
        _, h, w = get_dimensions(img)
        th, tw = output_size
        if h < th or w < tw:
            raise ValueError(f"Required crop size {(th, tw)} is larger than input image size {(h, w)}")
        if w == tw and h == th:
            return 0, 0, h, w
        top = draw_below(h - th + 1)
        return top, draw_below(w - tw + 1), th, tw

    def forward(self, img: Any) -> Any:
        if self.padding is not None:
            img = F.pad(img, self.padding, self.fill, self.padding_mode)
        _, h, w = get_dimensions(img)
        if self.pad_if_needed and w < self.size[1]:
            img = F.pad(img, [self.size[1] - w, 0], self.fill, self.padding_mode)
        if self.pad_if_needed and h < self.size[0]:
            img = F.pad(img, [0, self.size[0] - h], self.fill, self.padding_mode)
        return F.crop(img, *self.get_params(img, self.size))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(size={self.size}, padding={self.padding})"


class _WithProbability(Transform):
    def __init__(self, p: float = 0.5):
        super().__init__()
        self.p = p

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p})"


class RandomHorizontalFlip(_WithProbability):
    """Mirrors left to right with probability `p`."""

    def forward(self, img: Any) -> Any:
        return F.hflip(img) if draw_unit() < self.p else img


class RandomVerticalFlip(_WithProbability):
    """Mirrors top to bottom with probability `p`."""

    def forward(self, img: Any) -> Any:
        return F.vflip(img) if draw_unit() < self.p else img


class RandomInvert(_WithProbability):
    """Inverts the colours with probability `p`."""

    def forward(self, img: Any) -> Any:
        return F.invert(img) if draw_unit() < self.p else img


class RandomGrayscale(_WithProbability):
    """Makes the image grey, with its number of channels, with probability `p`."""

    def __init__(self, p: float = 0.1):
        super().__init__(p)

    def forward(self, img: Any) -> Any:
        channels = get_image_num_channels(img)
        return F.rgb_to_grayscale(img, channels) if draw_unit() < self.p else img


class RandomResizedCrop(Transform):
    """A rectangle of random area and aspect ratio, resized to `size`.

    Args:
        size: `(h, w)` or one number for both.
        scale: range of the area, as a part of the image's.
        ratio: range of width / height.
    """

    def __init__(
        self, size: Any, scale: Sequence[float] = (0.08, 1.0), ratio: Sequence[float] = (3.0 / 4.0, 4.0 / 3.0),
        interpolation: Any = InterpolationMode.BILINEAR, antialias: bool | None = True,
    ):  # fmt: skip
        super().__init__()
        self.size = pair_of(size, MSG_HW)
        if not isinstance(scale, Sequence):
            raise TypeError("Scale should be a sequence")
        if not isinstance(ratio, Sequence):
            raise TypeError("Ratio should be a sequence")
        if scale[0] > scale[1] or ratio[0] > ratio[1]:
            warnings.warn("Scale and ratio should be of kind (min, max)", stacklevel=2)
        self.interpolation, self.antialias = interpolation_mode(interpolation), antialias
        self.scale, self.ratio = scale, ratio

    @staticmethod
    def get_params(img: Any, scale: Sequence[float], ratio: Sequence[float]) -> tuple[int, int, int, int]:
        """(top, left, height, width) of a random crop; the middle if ten tries find none that fits."""
        _, height, width = get_dimensions(img)
        area = height * width
        low, high = log32(ratio[0]), log32(ratio[1])
        for _ in range(10):
            target = area * draw_uniform(scale[0], scale[1])
            aspect = exp32(draw_uniform(low, high))
            w, h = int(round(math.sqrt(target * aspect))), int(round(math.sqrt(target / aspect)))
            if 0 < w <= width and 0 < h <= height:
                top = draw_below(height - h + 1)
                return top, draw_below(width - w + 1), h, w
        w, h = width, height
        if width / height < min(ratio):
            h = int(round(w / min(ratio)))
        elif width / height > max(ratio):
            w = int(round(h * max(ratio)))
        return (height - h) // 2, (width - w) // 2, h, w

    def forward(self, img: Any) -> Any:
        where = self.get_params(img, self.scale, self.ratio)
        return F.resized_crop(img, *where, self.size, self.interpolation, self.antialias)

    def __repr__(self) -> str:
        scale, ratio = (tuple(round(v, 4) for v in pair) for pair in (self.scale, self.ratio))
        return (
            f"{type(self).__name__}(size={self.size}, scale={scale}, ratio={ratio}, "
            f"interpolation={self.interpolation.value}, antialias={self.antialias})"
        )


def _range(x: Any, name: str, lengths: tuple[int, ...] = (2,)) -> list[float]:
    """`[-x, x]`, or the given limits, as floats."""
    if isinstance(x, numbers.Number):
        if x < 0:  # type: ignore[operator]
            raise ValueError(f"If {name} is a single number, it must be positive.")
        x = [-x, x]  # type: ignore[operator]
    else:
        text = " or ".join(str(n) for n in lengths)
        if not isinstance(x, Sequence):
            raise TypeError(f"{name} should be a sequence of length {text}.")
        if len(x) not in lengths:
            raise ValueError(f"{name} should be a sequence of length {text}.")
    return [float(d) for d in x]


def _fill_of(fill: Any, img: Any) -> Any:
    """The fill value; of tensors one float per channel."""
    if not isinstance(img, Tensor):
        return fill
    channels = get_image_num_channels(img)
    return [float(fill)] * channels if isinstance(fill, (int, float)) else [float(f) for f in fill]


def _check_fill(fill: Any) -> Any:
    if fill is None:
        return 0
    if not isinstance(fill, (Sequence, numbers.Number)):
        raise TypeError("Fill should be either a sequence or a number.")
    return fill


class RandomRotation(Transform):
    """Turns by a random angle: `degrees` is its range, or its largest size."""

    def __init__(self, degrees: Any, interpolation: Any = InterpolationMode.NEAREST, expand: bool = False,
                 center: Any = None, fill: Any = 0):  # fmt: skip
        super().__init__()
        self.degrees = _range(degrees, "degrees")
        if center is not None:
            _check_pair(center, "center")
        self.interpolation, self.expand, self.center = interpolation_mode(interpolation), expand, center
        self.fill = _check_fill(fill)

    @staticmethod
    def get_params(degrees: Sequence[float]) -> float:
        """A random angle."""
        return draw_uniform(float(degrees[0]), float(degrees[1]))

    def forward(self, img: Any) -> Any:
        fill = _fill_of(self.fill, img)
        return F.rotate(
            img, self.get_params(self.degrees), self.interpolation, self.expand, self.center, fill
        )

    def __repr__(self) -> str:
        center = "" if self.center is None else f", center={self.center}"
        fill = "" if self.fill is None else f", fill={self.fill}"
        return (
            f"{type(self).__name__}(degrees={self.degrees}, interpolation={self.interpolation.value}, "
            f"expand={self.expand}{center}{fill})"
        )


def _check_pair(x: Any, name: str) -> None:
    if not isinstance(x, Sequence):
        raise TypeError(f"{name} should be a sequence of length 2.")
    if len(x) != 2:
        raise ValueError(f"{name} should be a sequence of length 2.")


class RandomAffine(Transform):
    """A random rotation, translation, scaling and shear about the middle.

    Args:
        degrees: range of the angle, or its largest size.
        translate: largest shifts as parts of width and height.
        scale: range of the factor.
        shear: range of the shear along x (and y: four numbers), or its largest size.
    """

    def __init__(
        self, degrees: Any, translate: Sequence[float] | None = None, scale: Sequence[float] | None = None,
        shear: Any = None, interpolation: Any = InterpolationMode.NEAREST, fill: Any = 0, center: Any = None,
    ):  # fmt: skip
        super().__init__()
        self.degrees = _range(degrees, "degrees")
        if translate is not None:
            _check_pair(translate, "translate")
            if not all(0.0 <= t <= 1.0 for t in translate):
                raise ValueError("translation values should be between 0 and 1")
        if scale is not None:
            _check_pair(scale, "scale")
            if any(s <= 0 for s in scale):
                raise ValueError("scale values should be positive")
        self.shear = None if shear is None else _range(shear, "shear", (2, 4))
        if center is not None:
            _check_pair(center, "center")
        self.translate, self.scale, self.center = translate, scale, center
        self.interpolation, self.fill = interpolation_mode(interpolation), _check_fill(fill)

    @staticmethod
    def get_params(
        degrees: Sequence[float], translate: Sequence[float] | None, scale_ranges: Sequence[float] | None,
        shears: Sequence[float] | None, img_size: Sequence[int],
    ) -> tuple[float, tuple[int, int], float, tuple[float, float]]:  # fmt: skip
        """A random (angle, translation, scale, shear)."""
        angle = draw_uniform(float(degrees[0]), float(degrees[1]))
        move = (0, 0)
        if translate is not None:
            reach = [float(t * n) for t, n in zip(translate, img_size)]
            right = int(round(draw_uniform(-reach[0], reach[0])))
            move = (right, int(round(draw_uniform(-reach[1], reach[1]))))
        scale = 1.0 if scale_ranges is None else draw_uniform(scale_ranges[0], scale_ranges[1])
        shear_x = shear_y = 0.0
        if shears is not None:
            shear_x = draw_uniform(shears[0], shears[1])
            if len(shears) == 4:
                shear_y = draw_uniform(shears[2], shears[3])
        return angle, move, scale, (shear_x, shear_y)

    def forward(self, img: Any) -> Any:
        fill = _fill_of(self.fill, img)
        _, height, width = get_dimensions(img)
        drawn = self.get_params(self.degrees, self.translate, self.scale, self.shear, [width, height])
        return F.affine(img, *drawn, interpolation=self.interpolation, fill=fill, center=self.center)

    def __repr__(self) -> str:
        text = f"{type(self).__name__}(degrees={self.degrees}"
        for name in ("translate", "scale", "shear"):
            if getattr(self, name) is not None:
                text += f", {name}={getattr(self, name)}"
        if self.interpolation is not InterpolationMode.NEAREST:
            text += f", interpolation={self.interpolation.value}"
        if self.fill != 0:
            text += f", fill={self.fill}"
        return text + (")" if self.center is None else f", center={self.center})")


class ColorJitter(Transform):
    """Changes brightness, contrast, saturation and hue by random factors, in a random order.

    Args:
        brightness, contrast, saturation: range of the factor, or how far from 1 it may lie.
        hue: range within [-0.5, 0.5], or its largest size.
    """

    def __init__(self, brightness: Any = 0, contrast: Any = 0, saturation: Any = 0, hue: Any = 0):
        super().__init__()
        self.brightness = self._check_input(brightness, "brightness")
        self.contrast = self._check_input(contrast, "contrast")
        self.saturation = self._check_input(saturation, "saturation")
        self.hue = self._check_input(hue, "hue", 0, (-0.5, 0.5), clip=False)

    @staticmethod
    def _check_input(
        value: Any,
        name: str,
        center: float = 1,
        bound: tuple[float, float] = (0, float("inf")),
        clip: bool = True,
    ) -> tuple[float, float] | None:
        if isinstance(value, numbers.Number):
            if value < 0:  # type: ignore[operator]
                raise ValueError(f"If {name} is a single number, it must be non negative.")
            low, high = center - float(value), center + float(value)  # type: ignore[arg-type]
            if clip:
                low = max(low, 0.0)
        elif isinstance(value, (tuple, list)) and len(value) == 2:
            low, high = float(value[0]), float(value[1])
        else:
            raise TypeError(f"{name} should be a single number or a list/tuple with length 2.")
        if not bound[0] <= low <= high <= bound[1]:
            raise ValueError(f"{name} values should be between {bound}, but got {[low, high]}.")
        return None if low == high == center else (low, high)

    @staticmethod
    def get_params(brightness: Any, contrast: Any, saturation: Any, hue: Any) -> tuple[Any, ...]:
        """(order, brightness, contrast, saturation, hue), None for what stays."""
        order = over_array(default_generator.randperm(4))
        return order, *(
            None if r is None else draw_uniform(*r) for r in (brightness, contrast, saturation, hue)
        )

    def forward(self, img: Any) -> Any:
        order, *factors = self.get_params(self.brightness, self.contrast, self.saturation, self.hue)
        steps = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)
        for i in opened(order).tolist():
            if factors[i] is not None:
                img = steps[i](img, factors[i])
        return img

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(brightness={self.brightness}, contrast={self.contrast}, "
            f"saturation={self.saturation}, hue={self.hue})"
        )
