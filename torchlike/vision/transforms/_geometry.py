"""Where pixels are: crops, flips, padding and resizing of images and of tensors (..., H, W)."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from ..._core.tensor import Tensor
from ...nn import functional as F
from ...ops.lowering import resample
from ._image import (
    InterpolationMode,
    closed,
    get_dimensions,
    interpolation_mode,
    is_pil,
    opened,
    pair_of,
    pil_modes,
    require_image_tensor,
)

MSG_HW = "Please provide only two dimensions (h, w) for size."


def fill_option(fill: Any, img: Image.Image) -> Any:
    """A fill colour as Pillow takes it: one number per channel, whole ones unless the image holds floats.

    Raises:
        ValueError: the number of values does not fit the channels.
    """
    channels = len(img.getbands())
    if fill is None:
        fill = 0
    if isinstance(fill, (int, float)) and channels > 1:
        fill = (fill,) * channels
    if isinstance(fill, (list, tuple)):
        if len(fill) == 1:
            fill = tuple(fill) * channels
        elif len(fill) != channels:
            raise ValueError(
                "The number of elements in 'fill' does not match the number of channels of the image "
                f"({len(fill)} != {channels})"
            )
        fill = tuple(fill)
    if img.mode == "F":
        return fill
    return tuple(int(v) for v in fill) if isinstance(fill, tuple) else int(fill)


def hflip(img: Any) -> Any:
    """Mirrored left to right."""
    if is_pil(img):
        return img.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    x = opened(require_image_tensor(img))
    return closed(x[..., ::-1]) if isinstance(x, np.ndarray) else x.flip(-1)


def vflip(img: Any) -> Any:
    """Mirrored top to bottom."""
    if is_pil(img):
        return img.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    x = opened(require_image_tensor(img))
    return closed(x[..., ::-1, :]) if isinstance(x, np.ndarray) else x.flip(-2)


def crop(img: Any, top: int, left: int, height: int, width: int) -> Any:
    """The rectangle from (top, left); what lies outside of the image is 0."""
    if is_pil(img):
        return img.crop((left, top, left + width, top + height))
    x = opened(require_image_tensor(img))
    h, w = x.shape[-2:]
    part = x[..., max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)]
    outside = [
        min(max(-left, 0), width),
        min(max(left + width - w, 0), width),
        min(max(-top, 0), height),
        min(max(top + height - h, 0), height),
    ]
    return closed(_padded(part, outside, 0, "constant") if any(outside) else part)


def _padded(x: Any, sides: list[int], fill: Any, mode: str) -> Any:
    """An array or tensor padded by [left, right, top, bottom]; negative numbers cut."""
    left, right, top, bottom = sides
    if min(sides) < 0:
        h, w = x.shape[-2:]
        x = x[..., max(-top, 0) : h - max(-bottom, 0), max(-left, 0) : w - max(-right, 0)]
        left, right, top, bottom = (max(n, 0) for n in sides)
    if mode == "constant":
        if isinstance(x, np.ndarray):
            widths = [(0, 0)] * (x.ndim - 2) + [(top, bottom), (left, right)]
            return np.pad(x, widths, constant_values=fill)
        return F.pad(x, [left, right, top, bottom], value=fill)
    rows = np.pad(np.arange(x.shape[-2]), (top, bottom), mode)  # type: ignore[call-overload]
    columns = np.pad(np.arange(x.shape[-1]), (left, right), mode)  # type: ignore[call-overload]
    return x[..., rows, :][..., columns]


def check_padding(padding: Any, fill: Any, mode: Any) -> Any:
    """`padding`, if these arguments of `pad` make sense; TypeError or ValueError otherwise."""
    if not isinstance(padding, (numbers.Number, tuple, list)):
        raise TypeError("Got inappropriate padding arg")
    if not isinstance(fill, (numbers.Number, tuple, list)):
        raise TypeError("Got inappropriate fill arg")
    if not isinstance(mode, str):
        raise TypeError("Got inappropriate padding_mode arg")
    if isinstance(padding, (tuple, list)) and len(padding) not in (1, 2, 4):
        raise ValueError(
            f"Padding must be an int or a 1, 2, or 4 element tuple, not a {len(padding)} element tuple"
        )
    if mode not in ("constant", "edge", "reflect", "symmetric"):
        raise ValueError("Padding mode should be either constant, edge, reflect or symmetric")
    return padding


def pad(img: Any, padding: Any, fill: Any = 0, padding_mode: str = "constant") -> Any:
    """Pads all sides.

    Args:
        padding: a number; or (left and right, top and bottom); or (left, top, right, bottom).
        fill: value or colour for mode "constant".
        padding_mode: "constant", "edge", "reflect" or "symmetric".

    Raises:
        TypeError, ValueError: arguments of other kinds or lengths.
    """
    if not is_pil(img):
        require_image_tensor(img)
    padding = check_padding(padding, fill, padding_mode)
    given: tuple[int, ...] = (padding,) if isinstance(padding, numbers.Number) else tuple(padding)  # type: ignore[assignment]
    left, top, right, bottom = (given * 4)[:4] if len(given) != 2 else given * 2
    if not is_pil(img):
        if isinstance(fill, (tuple, list)):
            fill = fill[0] if len(fill) == 1 else fill
            if isinstance(fill, (tuple, list)):
                raise ValueError("pad() of a tensor takes one number as fill")
        return closed(_padded(opened(img), [left, right, top, bottom], fill, padding_mode))
    if padding_mode == "constant":
        if img.mode == "P":
            palette = img.getpalette()
            out = ImageOps.expand(img, (left, top, right, bottom), fill=fill_option(fill, img))
            out.putpalette(palette)
            return out
        return ImageOps.expand(img, (left, top, right, bottom), fill=fill_option(fill, img))
    array = np.asarray(img)
    planes = array.transpose(2, 0, 1) if array.ndim == 3 else array
    planes = _padded(planes, [left, right, top, bottom], 0, padding_mode)
    out = Image.fromarray(np.ascontiguousarray(planes.transpose(1, 2, 0) if array.ndim == 3 else planes))
    if img.mode == "P":
        out.putpalette(img.getpalette())
    return out


def center_crop(img: Any, output_size: Any) -> Any:
    """The middle of the image; what is missing is padded with 0."""
    th, tw = pair_of(output_size, MSG_HW)
    _, h, w = get_dimensions(img)
    if tw > w or th > h:
        missing = [
            max((tw - w) // 2, 0),
            max((th - h) // 2, 0),
            max((tw - w + 1) // 2, 0),
            max((th - h + 1) // 2, 0),
        ]
        img = pad(img, missing)
        _, h, w = get_dimensions(img)
        if (tw, th) == (w, h):
            return img
    return crop(img, int(round((h - th) / 2.0)), int(round((w - tw) / 2.0)), th, tw)


def five_crop(img: Any, size: Any) -> tuple[Any, Any, Any, Any, Any]:
    """The four corners (top left, top right, bottom left, bottom right) and the middle.

    Raises:
        ValueError: the image is smaller.
    """
    th, tw = pair_of(size, MSG_HW)
    _, h, w = get_dimensions(img)
    if tw > w or th > h:
        raise ValueError(f"Requested crop size {size} is bigger than input size {(h, w)}")
    corners = [crop(img, top, left, th, tw) for top in (0, h - th) for left in (0, w - tw)]
    return (*corners, center_crop(img, [th, tw]))  # type: ignore[return-value]


def resized_shape(
    shape: tuple[int, int], size: Sequence[int], max_size: int | None = None
) -> tuple[int, int]:
    """`(h, w)` after a resize: with one number, the shorter side becomes that, but no side exceeds `max_size`."""
    if len(size) == 2:
        return int(size[0]), int(size[1])
    h, w = shape
    short, long = min(h, w), max(h, w)
    wanted = size[0]
    new_short, new_long = wanted, int(wanted * long / short)
    if max_size is not None:
        if max_size <= wanted:
            raise ValueError(
                f"max_size = {max_size} must be strictly greater than the requested "
                f"size for the smaller edge size = {list(size)}"
            )
        if new_long > max_size:
            new_short, new_long = int(max_size * new_short / new_long), max_size
    return (new_long, new_short) if w <= h else (new_short, new_long)


def resize(img: Any, size: Any, interpolation: Any = InterpolationMode.BILINEAR, max_size: int | None = None,
           antialias: bool | None = True) -> Any:  # fmt: skip
    """The image at another size.

    Args:
        size: `(h, w)`, or the length of the shorter side.
        interpolation: an InterpolationMode.
        max_size: the largest longer side, where `size` is one number.
        antialias: filter tensors when they shrink, as Pillow always does.

    Raises:
        ValueError: `max_size` with two sizes, or not above `size`.
        TypeError: no image or tensor.
    """
    mode = interpolation_mode(interpolation)
    if isinstance(size, (list, tuple)):
        if len(size) not in (1, 2):
            raise ValueError(
                f"Size must be an int or a 1 or 2 element tuple/list, not a {len(size)} element tuple/list"
            )
        if max_size is not None and len(size) != 1:
            raise ValueError(
                "max_size should only be passed if size specifies the length of the smaller edge, "
                "i.e. size should be an int or a sequence of length 1 in torchscript mode."
            )
    _, h, w = get_dimensions(img)
    out = resized_shape((h, w), [size] if isinstance(size, int) else size, max_size)
    if out == (h, w):
        return img
    if is_pil(img):
        return img.resize(out[::-1], pil_modes[mode])
    return _resized(img, out, mode, bool(antialias))


_AXIS_MODES = {"bilinear": "linear", "bicubic": "cubic"}


def _resized(img: Tensor, out: tuple[int, int], mode: InterpolationMode, antialias: bool) -> Tensor:
    name = mode.value
    if name not in ("nearest", "nearest-exact", "bilinear", "bicubic"):
        raise ValueError("This Interpolation mode is unsupported with Tensor input")
    antialias = antialias and name in _AXIS_MODES
    x = opened(img)
    if isinstance(x, np.ndarray):
        return closed(_resampled(x, out, _AXIS_MODES.get(name, name), antialias))
    four = x.reshape((-1, *x.shape[-3:])) if x.ndim != 4 else x
    smooth = {"align_corners": False} if name in _AXIS_MODES else {}
    work = four if x.is_floating_point() else four.float()
    y = F.interpolate(work, out, mode=name, antialias=antialias, **smooth)
    y = y.reshape(tuple(x.shape[:-2]) + out)
    if x.is_floating_point():
        return y
    return y.round().clamp(0, 255 if x.dtype.name == "uint8" else None).to(x.dtype)


def _resampled(x: np.ndarray, out: tuple[int, int], mode: str, antialias: bool) -> np.ndarray:
    """Height and width as matrix products, in floating point of the dtype or float32."""
    floating = x.dtype.kind == "f" and x.dtype.itemsize >= 4
    work = x if floating else x.astype(np.float32)
    for axis, n in ((-1, out[1]), (-2, out[0])):
        weights = resample.matrix(work.shape[axis], n, mode, False, None, antialias, False).astype(work.dtype)
        work = work @ weights.T if axis == -1 else weights @ work
    if floating:
        return work
    if x.dtype.kind in "iu":
        limits = np.iinfo(x.dtype)
        work = np.clip(np.rint(work), limits.min, limits.max)
    return work.astype(x.dtype)


def resized_crop(img: Any, top: int, left: int, height: int, width: int, size: Any,
                 interpolation: Any = InterpolationMode.BILINEAR, antialias: bool | None = True) -> Any:  # fmt: skip
    """`resize(crop(img, top, left, height, width), size)`."""
    return resize(crop(img, top, left, height, width), size, interpolation, antialias=antialias)


def erase(img: Tensor, i: int, j: int, h: int, w: int, v: Any, inplace: bool = False) -> Tensor:
    """A tensor image whose rectangle from (i, j) holds `v`.

    Raises:
        TypeError: no tensor.
    """
    if not isinstance(img, Tensor):
        raise TypeError(f"Tensor is not a torch image. Got {type(img)}")
    x = opened(img)
    if inplace or not isinstance(x, np.ndarray):
        img = img if inplace else img.clone()
        img[..., i : i + h, j : j + w] = v
        return img
    x = x.copy()
    x[..., i : i + h, j : j + w] = opened(v) if isinstance(v, Tensor) else v
    return closed(x)
