"""What all transforms need: sizes of images, host arrays of tensors, numbers from PyTorch's stream."""

from __future__ import annotations

import enum
import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from ..._core import dtypes
from ..._core.host import host_array, over
from ..._core.random import default_generator
from ..._core.tensor import Tensor


class InterpolationMode(enum.Enum):
    """How pixels between pixels are found."""

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


pil_modes = {
    InterpolationMode.NEAREST: Image.Resampling.NEAREST,
    InterpolationMode.NEAREST_EXACT: Image.Resampling.NEAREST,
    InterpolationMode.BILINEAR: Image.Resampling.BILINEAR,
    InterpolationMode.BICUBIC: Image.Resampling.BICUBIC,
    InterpolationMode.BOX: Image.Resampling.BOX,
    InterpolationMode.HAMMING: Image.Resampling.HAMMING,
    InterpolationMode.LANCZOS: Image.Resampling.LANCZOS,
}
_BY_NUMBER = {int(v): k for k, v in pil_modes.items() if k is not InterpolationMode.NEAREST_EXACT}


def interpolation_mode(mode: Any) -> InterpolationMode:
    """An InterpolationMode, also from Pillow's numbers.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(mode, int):
        return _BY_NUMBER[int(mode)]
    if not isinstance(mode, InterpolationMode):
        raise TypeError(
            "Argument interpolation should be a InterpolationMode or a corresponding Pillow integer constant"
        )
    return mode


def is_pil(img: Any) -> bool:
    """Whether it is a Pillow image."""
    return isinstance(img, Image.Image)


def opened(t: Tensor) -> Any:
    """A tensor's data as NumPy; the tensor itself where that takes an operator (taped, on a device)."""
    array = host_array(t, force=True)
    return t if array is None else array


def closed(x: Any) -> Tensor:
    """The reverse: a tensor over the array; JAX starts when an operator needs it."""
    return over(np.ascontiguousarray(x).reshape(x.shape)) if isinstance(x, np.ndarray) else x


def require_image_tensor(img: Any) -> Tensor:
    """`img`, which must be a tensor of at least two dimensions.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(img, Tensor):
        raise TypeError(f"img should be PIL Image. Got {type(img)}")
    if img.ndim < 2:
        raise TypeError("Tensor is not a torch image.")
    return img


def get_dimensions(img: Any) -> list[int]:
    """`[channels, height, width]` of an image or a tensor `(..., C, H, W)`.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(img, Tensor):
        require_image_tensor(img)
        channels = 1 if img.ndim == 2 else img.shape[-3]
        return [channels, img.shape[-2], img.shape[-1]]
    if not is_pil(img):
        raise TypeError(f"Unexpected type {type(img)}")
    return [len(img.getbands()), img.height, img.width]


def get_image_size(img: Any) -> list[int]:
    """`[width, height]`."""
    _, height, width = get_dimensions(img)
    return [width, height]


def get_image_num_channels(img: Any) -> int:
    """The number of channels."""
    return get_dimensions(img)[0]


def pair_of(size: Any, message: str) -> tuple[Any, Any]:
    """`(h, w)` of a number, or of a sequence of one or two.

    Raises:
        ValueError: a longer sequence.
    """
    if isinstance(size, numbers.Number):
        return int(size), int(size)  # type: ignore[call-overload]
    if isinstance(size, Sequence) and len(size) == 1:
        return size[0], size[0]
    if len(size) != 2:
        raise ValueError(message)
    return tuple(size)


def draw_unit() -> float:
    """`torch.rand(1).item()`."""
    return draw_uniform(0.0, 1.0)


def draw_uniform(low: float, high: float) -> float:
    """`torch.empty(1).uniform_(low, high).item()`.

    Raises:
        RuntimeError: `low` is greater.
    """
    if low > high:
        raise RuntimeError(
            f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}"
        )
    return float(default_generator.uniform((1,), dtypes.get_default_dtype().jnp, low, high)[0])


def draw_below(count: int) -> int:
    """`torch.randint(0, count, size=(1,)).item()`."""
    return int(default_generator.randint(0, count, (1,), np.int64)[0])


def draw_order(count: int) -> list[int]:
    """`torch.randperm(count).tolist()`."""
    return default_generator.randperm(count, np.int64).tolist()


def log32(x: float) -> float:
    """`torch.log` of a number in the default dtype."""
    return float(np.log(dtypes.get_default_dtype().jnp.type(x)))


def exp32(x: float) -> float:
    """`torch.exp` of a number in the default dtype."""
    return float(np.exp(dtypes.get_default_dtype().jnp.type(x)))


def over_array(array: np.ndarray) -> Tensor:
    """A tensor over numbers drawn on the host."""
    return over(np.ascontiguousarray(array))
