"""Grids of images, and images in files."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from PIL import Image

from .._core.host import host_array
from .._core.tensor import Tensor, from_numpy_copy


def _host(t: Tensor) -> np.ndarray:
    array = host_array(t, force=True)
    return t.detach().cpu().numpy() if array is None else array


def _batch(tensor: Any) -> tuple[np.ndarray, Any]:
    """Images as an array (N, C, H, W) or (C, H, W) or (H, W), and their device.

    Raises:
        TypeError: neither a tensor nor a list of tensors.
    """
    if isinstance(tensor, Tensor):
        return _host(tensor), tensor.device
    if not isinstance(tensor, list):
        raise TypeError(f"tensor or list of tensors expected, got {type(tensor)}")
    for t in tensor:
        if not isinstance(t, Tensor):
            raise TypeError(f"tensor or list of tensors expected, got a list containing {type(t)}")
    return np.stack([_host(t) for t in tensor]), tensor[0].device


def _grid(
    images: np.ndarray, nrow: int, padding: int, normalize: bool, value_range: Any, scale_each: bool,
    pad_value: float,
) -> np.ndarray:  # fmt: skip
    """The grid (C, H, W)."""
    if images.ndim == 2:
        images = images[None]
    if images.ndim == 3:
        images = (np.concatenate((images,) * 3, 0) if images.shape[0] == 1 else images)[None]
    if images.ndim == 4 and images.shape[1] == 1:
        images = np.concatenate((images,) * 3, 1)
    if normalize:
        if value_range is not None and not isinstance(value_range, tuple):
            raise TypeError("value_range has to be a tuple (min, max) if specified. min and max are numbers")
        images = np.array(images)
        for part in images if scale_each else [images]:
            low, high = value_range or (float(part.min()), float(part.max()))
            span = part.dtype.type(max(high - low, 1e-5))
            part[...] = (np.clip(part, low, high) - part.dtype.type(low)) / span
    count, channels = images.shape[:2]
    if count == 1:
        return images[0]
    columns = min(nrow, count)
    rows = math.ceil(count / columns)
    height, width = images.shape[2] + padding, images.shape[3] + padding
    grid = np.full((channels, height * rows + padding, width * columns + padding), pad_value, images.dtype)
    for k, image in enumerate(images):
        top, left = k // columns * height + padding, k % columns * width + padding
        grid[:, top : top + height - padding, left : left + width - padding] = image
    return grid


def make_grid(
    tensor: Any, nrow: int = 8, padding: int = 2, normalize: bool = False, value_range: Any = None,
    scale_each: bool = False, pad_value: float = 0.0,
) -> Tensor:  # fmt: skip
    """Images side by side in one image (3, H, W); greyscale images get three channels.

    Args:
        tensor: (N, C, H, W), one image, or a list of images of equal size.
        nrow: images in a row.
        padding: pixels between them, of value `pad_value`.
        normalize: move `value_range` (by default the smallest and largest value) to [0, 1].
        scale_each: do so image by image.

    Raises:
        TypeError: no tensors.
    """
    images, device = _batch(tensor)
    return from_numpy_copy(
        _grid(images, nrow, padding, normalize, value_range, scale_each, pad_value), device
    )


def save_image(tensor: Any, fp: Any, format: str | None = None, **kwargs: Any) -> None:
    """Writes images to a file as a grid; values are from [0, 1].

    Args:
        tensor: see `make_grid`, whose further arguments are `kwargs`.
        fp: file name or open file.
        format: needed for an open file.
    """
    grid = make_grid(tensor, **kwargs)
    array = np.clip(_host(grid) * 255 + 0.5, 0, 255).astype(np.uint8)
    Image.fromarray(np.ascontiguousarray(array.transpose(1, 2, 0))).save(fp, format=format)
