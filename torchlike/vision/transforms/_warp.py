"""Rotations and affine maps of images and tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..._core.tensor import Tensor
from ._geometry import fill_option
from ._image import (
    InterpolationMode,
    closed,
    get_dimensions,
    interpolation_mode,
    is_pil,
    opened,
    pil_modes,
    require_image_tensor,
)

_MSG_HOST = (
    "{}() of a tensor that requires grad or lives on an accelerator is not supported; use "
    "nn.functional.affine_grid and nn.functional.grid_sample"
)


def inverse_affine_matrix(
    center: Sequence[float], angle: float, translate: Sequence[float], scale: float, shear: Sequence[float]
) -> list[float]:
    """The six numbers of the map from output to input pixels: M = T C RSS C^-1, inverted.

    RSS is rotation by `angle`, scaling, then shear along x and y; all angles in degrees.
    """
    turn, shear_x, shear_y = math.radians(angle), math.radians(shear[0]), math.radians(shear[1])
    a = math.cos(turn - shear_y) / math.cos(shear_y)
    b = -math.cos(turn - shear_y) * math.tan(shear_x) / math.cos(shear_y) - math.sin(turn)
    c = math.sin(turn - shear_y) / math.cos(shear_y)
    d = -math.sin(turn - shear_y) * math.tan(shear_x) / math.cos(shear_y) + math.cos(turn)
    m = [d / scale, -b / scale, 0.0, -c / scale, a / scale, 0.0]  # det(RSS / scale) is 1
    x, y = -center[0] - translate[0], -center[1] - translate[1]
    m[2] = m[0] * x + m[1] * y + center[0]
    m[5] = m[3] * x + m[4] * y + center[1]
    return m


def _sampled(
    x: np.ndarray, matrix: Sequence[float], out: tuple[int, int], nearest: bool, fill: Any
) -> np.ndarray:
    """`x` (..., H, W) looked up at `matrix @ (column, row, 1)` for centred output pixels; 0 or fill outside."""
    h, w = x.shape[-2:]
    work = x if x.dtype in (np.float32, np.float64) else x.astype(np.float32)
    rows, columns = np.meshgrid(
        np.arange(out[0], dtype=np.float32) + np.float32(0.5 - out[0] * 0.5),
        np.arange(out[1], dtype=np.float32) + np.float32(0.5 - out[1] * 0.5),
        indexing="ij",
    )
    m = np.asarray(matrix, np.float32)
    column = m[0] * columns + m[1] * rows + m[2] + np.float32(w * 0.5 - 0.5)
    row = m[3] * columns + m[4] * rows + m[5] + np.float32(h * 0.5 - 0.5)
    sampled = np.zeros((*x.shape[:-2], *out), work.dtype)
    covered = np.zeros(out, work.dtype)  # how much of a pixel comes from inside the image

    def add(r: np.ndarray, c: np.ndarray, weight: Any) -> None:
        inside = (r >= 0) & (r < h) & (c >= 0) & (c < w)
        share = np.where(inside, weight, 0).astype(work.dtype)
        at = np.clip(r, 0, h - 1).astype(np.int64), np.clip(c, 0, w - 1).astype(np.int64)
        np.add(sampled, work[..., at[0], at[1]] * share, out=sampled)
        np.add(covered, share, out=covered)

    if nearest:
        add(np.rint(row), np.rint(column), 1)
    else:
        r0, c0 = np.floor(row), np.floor(column)
        for r, weight_r in ((r0, r0 + 1 - row), (r0 + 1, row - r0)):
            for c, weight_c in ((c0, c0 + 1 - column), (c0 + 1, column - c0)):
                add(r, c, weight_r * weight_c)
    if fill is not None:
        values = np.asarray(fill, work.dtype).reshape(-1, 1, 1)
        if nearest:
            sampled = np.where(covered < 0.5, values, sampled)
        else:
            sampled = sampled * covered + (1 - covered) * values
    return np.rint(sampled).astype(x.dtype) if x.dtype.kind in "iu" else sampled.astype(x.dtype)


def _host(img: Any, name: str, mode: InterpolationMode) -> np.ndarray:
    x = opened(require_image_tensor(img))
    if isinstance(x, Tensor):
        raise NotImplementedError(_MSG_HOST.format(name))
    if mode not in (InterpolationMode.NEAREST, InterpolationMode.BILINEAR):
        raise ValueError(f"Interpolation mode '{mode.value}' is unsupported with Tensor input")
    return x


def _rotated_size(matrix: Sequence[float], w: int, h: int) -> tuple[int, int]:
    """(height, width) that hold the whole rotated image."""
    corners = np.array([[-0.5 * w, -0.5 * h], [-0.5 * w, 0.5 * h], [0.5 * w, 0.5 * h], [0.5 * w, -0.5 * h]])
    turned = corners @ np.array([[matrix[0], matrix[3]], [matrix[1], matrix[4]]]) + [matrix[2], matrix[5]]
    low, high = turned.min(0) + [w * 0.5, h * 0.5], turned.max(0) + [w * 0.5, h * 0.5]
    tolerance = 1e-4
    size = np.ceil(np.trunc(high / tolerance) * tolerance) - np.floor(np.trunc(low / tolerance) * tolerance)
    return int(size[1]), int(size[0])


def rotate(img: Any, angle: float, interpolation: Any = InterpolationMode.NEAREST, expand: bool = False,
           center: Sequence[float] | None = None, fill: Any = None) -> Any:  # fmt: skip
    """The image turned counter-clockwise by `angle` degrees.

    Args:
        expand: enlarge the result so that it holds the whole image.
        center: `(x, y)` to turn about; the middle if left out.
        fill: value or colour outside of the image.

    Raises:
        TypeError: arguments of other types.
    """
    mode = interpolation_mode(interpolation)
    if not isinstance(angle, (int, float)):
        raise TypeError("Argument angle should be int or float")
    if center is not None and not isinstance(center, (list, tuple)):
        raise TypeError("Argument center should be a sequence")
    if is_pil(img):
        return img.rotate(angle, pil_modes[mode], expand, center, fillcolor=fill_option(fill, img))
    x = _host(img, "rotate", mode)
    _, h, w = get_dimensions(img)
    middle = [0.0, 0.0] if center is None else [1.0 * (c - n * 0.5) for c, n in zip(center, (w, h))]
    matrix = inverse_affine_matrix(middle, -angle, [0.0, 0.0], 1.0, [0.0, 0.0])
    out = _rotated_size(matrix, w, h) if expand else (h, w)
    return closed(_sampled(x, matrix, out, mode is InterpolationMode.NEAREST, fill))


def affine(img: Any, angle: float, translate: Sequence[int], scale: float, shear: Any,
           interpolation: Any = InterpolationMode.NEAREST, fill: Any = None,
           center: Sequence[float] | None = None) -> Any:  # fmt: skip
    """The image rotated clockwise, moved, scaled and sheared about its middle, at its own size.

    Args:
        angle: degrees; translate: `(right, down)` in pixels; scale: factor above 0.
        shear: degrees along x, or along x and y.
        fill: value or colour outside of the image.

    Raises:
        TypeError, ValueError: arguments of other types or lengths, a scale that is not positive.
    """
    mode = interpolation_mode(interpolation)
    if not isinstance(angle, (int, float)):
        raise TypeError("Argument angle should be int or float")
    if not isinstance(translate, (list, tuple)):
        raise TypeError("Argument translate should be a sequence")
    if len(translate) != 2:
        raise ValueError("Argument translate should be a sequence of length 2")
    if scale <= 0.0:
        raise ValueError("Argument scale should be positive")
    if not isinstance(shear, (int, float, list, tuple)):
        raise TypeError("Shear should be either a single value or a sequence of two values")
    shears = [shear, 0.0] if isinstance(shear, (int, float)) else [*shear, 0.0][:2]
    if isinstance(shear, (list, tuple)) and len(shear) not in (1, 2):
        raise ValueError(f"Shear should be a sequence containing two values. Got {shear}")
    if center is not None and not isinstance(center, (list, tuple)):
        raise TypeError("Argument center should be a sequence")
    _, h, w = get_dimensions(img)
    if is_pil(img):
        middle = [w * 0.5, h * 0.5] if center is None else center
        matrix = inverse_affine_matrix(middle, angle, translate, scale, shears)
        return img.transform((w, h), 0, matrix, pil_modes[mode], fillcolor=fill_option(fill, img))
    x = _host(img, "affine", mode)
    middle = [0.0, 0.0] if center is None else [1.0 * (c - n * 0.5) for c, n in zip(center, (w, h))]
    matrix = inverse_affine_matrix(middle, angle, [float(t) for t in translate], scale, shears)
    return closed(_sampled(x, matrix, (h, w), mode is InterpolationMode.NEAREST, fill))
