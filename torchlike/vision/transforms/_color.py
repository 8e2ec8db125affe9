"""What pixels are: brightness, contrast, saturation, hue, gamma and greyscale."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from ..._core.tensor import Tensor
from ._image import closed, is_pil, opened, require_image_tensor

_MSG_HOST = (
    "{} of a tensor that requires grad or lives on an accelerator is not supported; transform it on the "
    "CPU and outside the tape, before `.to(device)`"
)


def _planes(img: Any, name: str, channels: tuple[int, ...] = (1, 3)) -> np.ndarray:
    """The data of a tensor image.

    Raises:
        TypeError: the number of channels is another, or it is no tensor.
        NotImplementedError: the data is not at hand.
    """
    x = opened(require_image_tensor(img))
    if isinstance(x, Tensor):
        raise NotImplementedError(_MSG_HOST.format(name))
    have = 1 if x.ndim == 2 else x.shape[-3]
    if have not in channels:
        raise TypeError(f"Input image tensor permitted channel values are {list(channels)}, but found {have}")
    return x


def _bound(x: np.ndarray) -> float:
    return 1.0 if x.dtype.kind == "f" else float(np.iinfo(x.dtype).max)


def _blend(x: np.ndarray, other: Any, ratio: float) -> Tensor:
    """`ratio * x + (1 - ratio) * other`, within the dtype's range."""
    work = x.dtype.type if x.dtype.kind == "f" else np.float32
    mixed = work(ratio) * x.astype(work, copy=False) + work(1.0 - ratio) * np.asarray(other, work)
    return closed(np.clip(mixed, 0, work(_bound(x))).astype(x.dtype))


def _grey(x: np.ndarray) -> np.ndarray:
    """Luma (..., 1, H, W) of red, green and blue planes, in the dtype of x."""
    red, green, blue = (x[..., i, :, :] for i in range(3))
    work = x.dtype.type if x.dtype.kind == "f" else np.float32
    luma = work(0.2989) * red + work(0.587) * green + work(0.114) * blue
    return luma.astype(x.dtype)[..., None, :, :]


def _check_factor(name: str, factor: float) -> None:
    if factor < 0:
        raise ValueError(f"{name} ({factor}) is not non-negative.")


def adjust_brightness(img: Any, brightness_factor: float) -> Any:
    """0 gives black, 1 the image, 2 twice its brightness."""
    if is_pil(img):
        return ImageEnhance.Brightness(img).enhance(brightness_factor)
    require_image_tensor(img)
    _check_factor("brightness_factor", brightness_factor)
    x = _planes(img, "adjust_brightness")
    return _blend(x, 0, brightness_factor)


def adjust_contrast(img: Any, contrast_factor: float) -> Any:
    """0 gives the image's mean grey, 1 the image."""
    if is_pil(img):
        return ImageEnhance.Contrast(img).enhance(contrast_factor)
    require_image_tensor(img)
    _check_factor("contrast_factor", contrast_factor)
    x = _planes(img, "adjust_contrast", (3, 1))
    work = x.dtype if x.dtype.kind == "f" else np.float32
    grey = _grey(x) if x.ndim > 2 and x.shape[-3] == 3 else x
    mean = grey.astype(work).mean((-3, -2, -1) if x.ndim > 2 else (-2, -1), keepdims=True, dtype=work)
    return _blend(x, mean, contrast_factor)


def adjust_saturation(img: Any, saturation_factor: float) -> Any:
    """0 gives greyscale, 1 the image."""
    if is_pil(img):
        return ImageEnhance.Color(img).enhance(saturation_factor)
    require_image_tensor(img)
    _check_factor("saturation_factor", saturation_factor)
    x = _planes(img, "adjust_saturation")
    if x.ndim == 2 or x.shape[-3] == 1:
        return img
    return _blend(x, _grey(x), saturation_factor)


def adjust_hue(img: Any, hue_factor: float) -> Any:
    """Turns the colour circle by `hue_factor`, from -0.5 to 0.5 (the complementary colours); 0 gives the image.

    Raises:
        ValueError: the factor is outside of that.
    """
    if not is_pil(img):
        require_image_tensor(img)
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"hue_factor ({hue_factor}) is not in [-0.5, 0.5].")
    if is_pil(img):
        if img.mode in ("L", "1", "I", "F"):
            return img
        hue, saturation, value = img.convert("HSV").split()
        turned = np.array(hue, np.uint8) + np.int32(hue_factor * 255).astype(np.uint8)
        return Image.merge("HSV", (Image.fromarray(turned), saturation, value)).convert(img.mode)
    x = _planes(img, "adjust_hue")
    if x.ndim == 2 or x.shape[-3] == 1:
        return img
    work = x if x.dtype.kind == "f" else x.astype(np.float32) / np.float32(_bound(x))
    turned = _turned(work, hue_factor)
    if x.dtype.kind != "f":
        turned = turned * np.float32(_bound(x) + 1 - 1e-3)
    return closed(turned.astype(x.dtype))


def _turned(x: np.ndarray, by: float) -> np.ndarray:
    """RGB planes on [0, 1] with their hue moved by `by` of the circle."""
    red, green, blue = (x[..., i, :, :] for i in range(3))
    high, low = x.max(-3), x.min(-3)
    span = high - low
    flat = span == 0
    one = x.dtype.type(1)
    saturation = span / np.where(flat, one, high)
    scale = np.where(flat, one, span)
    r, g, b = ((high - c) / scale for c in (red, green, blue))
    is_red, is_green = high == red, (high == green) & (high != red)
    hue = np.where(is_red, b - g, np.where(is_green, 2 + r - b, 4 + g - r))
    hue = np.fmod(np.where(flat, 0, hue) / 6 + 1, 1)
    hue = ((hue + x.dtype.type(by)) % 1).astype(x.dtype)
    sector = np.floor(hue * 6)
    rest = hue * 6 - sector
    p = np.clip(high * (1 - saturation), 0, 1)
    q = np.clip(high * (1 - saturation * rest), 0, 1)
    t = np.clip(high * (1 - saturation * (1 - rest)), 0, 1)
    sector = sector.astype(np.int64) % 6
    planes = ((high, q, p, p, t, high), (t, high, high, q, p, p), (p, p, t, high, high, q))
    return np.stack([np.choose(sector, options) for options in planes], -3)


def adjust_gamma(img: Any, gamma: float, gain: float = 1) -> Any:
    """`gain * pixel ** gamma`, pixels on [0, 1].

    Raises:
        ValueError: a negative gamma.
    """
    if gamma < 0:
        raise ValueError("Gamma should be a non-negative real number")
    if is_pil(img):
        mode = img.mode
        table = [int((255 + 1 - 1e-3) * gain * pow(value / 255.0, gamma)) for value in range(256)]
        rgb = img.convert("RGB")
        return rgb.point(table * len(rgb.getbands())).convert(mode)
    x = _planes(img, "adjust_gamma")
    unit = x if x.dtype.kind == "f" else x.astype(np.float32) / np.float32(_bound(x))
    y = np.clip(gain * unit**gamma, 0, 1).astype(unit.dtype)
    return closed(y if x.dtype.kind == "f" else (y * np.float32(_bound(x) + 1 - 1e-3)).astype(x.dtype))


def rgb_to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """Greyscale with 1 or 3 equal channels.

    Raises:
        ValueError: another number of channels.
    """
    if is_pil(img):
        return to_grayscale(img, num_output_channels)
    require_image_tensor(img)
    if num_output_channels not in (1, 3):
        raise ValueError("num_output_channels should be either 1 or 3")
    x = _planes(img, "rgb_to_grayscale", (1, 3))
    if x.ndim == 2 or x.shape[-3] == 1:
        return img
    grey = _grey(x)
    return closed(np.repeat(grey, 3, -3) if num_output_channels == 3 else grey)


def to_grayscale(img: Any, num_output_channels: int = 1) -> Image.Image:
    """A Pillow image in greyscale with 1 or 3 equal channels.

    Raises:
        TypeError: no Pillow image. ValueError: another number of channels.
    """
    if not is_pil(img):
        raise TypeError("Input should be PIL Image")
    if num_output_channels not in (1, 3):
        raise ValueError("num_output_channels should be either 1 or 3")
    grey = img.convert("L")
    return grey if num_output_channels == 1 else Image.merge("RGB", (grey,) * 3)


def invert(img: Any) -> Any:
    """Every value subtracted from the largest possible one."""
    if is_pil(img):
        return ImageOps.invert(img)
    x = _planes(img, "invert")
    return closed((x.dtype.type(_bound(x)) - x).astype(x.dtype))
