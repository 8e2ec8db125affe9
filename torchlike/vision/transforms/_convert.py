"""Between images, arrays and tensors: `to_tensor`, `to_pil_image`, `convert_image_dtype`, `normalize`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from ..._core import dtypes
from ..._core.host import over
from ..._core.tensor import Tensor, from_numpy_copy
from ._image import closed, is_pil, opened

_PIXELS = {"I": np.int32, "I;16": np.uint16, "F": np.float32}  # of image modes; the others are uint8


def _pixels(img: Image.Image) -> np.ndarray:
    """The pixels of an image as a new array (C, H, W); those of a bilevel image are 0 and 255."""
    if img.mode == "1":
        img = img.convert("L")
    array = np.array(img, _PIXELS.get(img.mode, np.uint8))
    array = array.reshape(img.height, img.width, len(img.getbands()))
    return np.ascontiguousarray(array.transpose(2, 0, 1))


def _unit(array: np.ndarray) -> Tensor:
    """Bytes on [0, 1] in the default dtype; other numbers as they are."""
    if array.dtype == np.uint8:
        float_ = dtypes.get_default_dtype().jnp
        array = array.astype(float_) / float_.type(255)
    return over(array)


def to_tensor(pic: Any) -> Tensor:
    """An image (H, W, C) or array (H, W[, C]) as a tensor (C, H, W); bytes become floats on [0, 1].

    Raises:
        TypeError: it is neither an image nor an array.
        ValueError: an array of other than 2 or 3 dimensions.
    """
    if is_pil(pic):
        return _unit(_pixels(pic))
    if not isinstance(pic, np.ndarray):
        raise TypeError(f"pic should be PIL Image or ndarray. Got {type(pic)}")
    if pic.ndim not in (2, 3):
        raise ValueError(f"pic should be 2/3 dimensional. Got {pic.ndim} dimensions.")
    planes = pic[:, :, None] if pic.ndim == 2 else pic
    return _unit(np.array(planes.transpose(2, 0, 1), order="C"))


def pil_to_tensor(pic: Any) -> Tensor:
    """An image as a tensor (C, H, W) of its own dtype.

    Raises:
        TypeError: it is no image.
    """
    if not is_pil(pic):
        raise TypeError(f"pic should be PIL Image. Got {type(pic)}")
    array = _pixels(pic)
    return over(array != 0 if pic.mode == "1" else array)


_MODES = {1: (), 2: ("LA",), 3: ("RGB", "YCbCr", "HSV"), 4: ("RGBA", "CMYK", "RGBX")}
_GREY = {"uint8": "L", "int16": "I;16", "int32": "I", "float32": "F"}


def to_pil_image(pic: Any, mode: str | None = None) -> Image.Image:
    """A tensor (C, H, W) or array (H, W, C) as an image; floats are scaled from [0, 1].

    Raises:
        TypeError: no tensor or array, or of a dtype no image has.
        ValueError: the wrong number of dimensions or channels, or a mode that does not fit them.
    """
    if isinstance(pic, Tensor):
        array = pic.numpy(force=True)
        array = array.transpose(1, 2, 0) if array.ndim == 3 else array
    elif isinstance(pic, np.ndarray):
        array = pic
    else:
        raise TypeError(f"pic should be Tensor or ndarray. Got {type(pic)}.")
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3:
        raise ValueError(f"pic should be 2/3 dimensional. Got {array.ndim} dimensions.")
    height, width, channels = array.shape
    if channels > 4:
        raise ValueError(f"pic should not have > 4 channels. Got {channels} channels.")
    if array.dtype.kind == "f" and mode != "F":
        array = (array * array.dtype.type(255)).astype(np.uint8)
    if channels == 1:
        expected = _GREY.get(array.dtype.name)
        if mode is not None and mode != expected:
            raise ValueError(
                f"Incorrect mode ({mode}) supplied for input type {array.dtype.type}. Should be {expected}"
            )
        mode = expected
    else:
        permitted = list(_MODES[channels])
        if mode is not None and mode not in permitted:
            raise ValueError(f"Only modes {permitted} are supported for {channels}D inputs")
        mode = mode or (permitted[0] if array.dtype == np.uint8 else None)
    if mode is None:
        raise TypeError(f"Input type {array.dtype} is not supported")
    return Image.frombytes(mode, (width, height), np.ascontiguousarray(array).tobytes())


def _largest(dtype: dtypes.dtype) -> int:
    return int(np.iinfo(dtype.jnp).max) if dtype.category == dtypes.INTEGER else 1


def convert_image_dtype(image: Tensor, dtype: dtypes.dtype = dtypes.float32) -> Tensor:
    """A tensor image in another dtype, its values scaled to that dtype's range (floats: [0, 1]).

    Raises:
        TypeError: it is no tensor.
        RuntimeError: a float cannot hold all values of the integer dtype.
    """
    if not isinstance(image, Tensor):
        raise TypeError("Input img should be Tensor Image")
    own = image.dtype
    if own is dtype:
        return image
    most, target = _largest(own), _largest(dtype)
    x = opened(image)

    def cast(values: Any) -> Any:
        return values.astype(dtype.jnp) if isinstance(values, np.ndarray) else values.to(dtype)

    if own.is_floating_point:
        if dtype.is_floating_point:
            return closed(cast(x))
        if (own is dtypes.float32 and dtype in (dtypes.int32, dtypes.int64)) or (
            own is dtypes.float64 and dtype is dtypes.int64
        ):
            raise RuntimeError(f"The cast from {own} to {dtype} cannot be performed safely.")
        return closed(
            cast(x * (own.jnp.type(target + 1 - 1e-3) if isinstance(x, np.ndarray) else target + 1 - 1e-3))
        )
    if dtype.is_floating_point:
        y = cast(x)
        return closed(y / (dtype.jnp.type(most) if isinstance(y, np.ndarray) else most))
    if most > target:
        return closed(cast(x // ((most + 1) // (target + 1))))
    return closed(cast(x) * ((target + 1) // (most + 1)))


def normalize(tensor: Tensor, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> Tensor:
    """`(tensor - mean) / std` by channel, of a float tensor (..., C, H, W).

    Raises:
        TypeError: no tensor, or no floating one.
        ValueError: fewer than 3 dimensions, or a standard deviation of 0.
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(f"img should be Tensor Image. Got {type(tensor)}")
    if not tensor.is_floating_point():
        raise TypeError(f"Input tensor should be a float tensor. Got {tensor.dtype}.")
    if tensor.ndim < 3:
        raise ValueError(
            "Expected tensor to be a tensor image of size (..., C, H, W). "
            f"Got tensor.size() = {tensor.size()}"
        )
    numbers = [np.asarray(v.tolist() if isinstance(v, Tensor) else v, tensor.dtype.jnp) for v in (mean, std)]
    if (numbers[1] == 0).any():
        raise ValueError(
            f"std evaluated to zero after conversion to {tensor.dtype}, leading to division by zero."
        )
    m, s = (n.reshape(-1, 1, 1) if n.ndim == 1 else n for n in numbers)
    shape = np.broadcast_shapes(tensor.shape, m.shape, s.shape)
    if shape != tuple(tensor.shape):
        raise RuntimeError(
            f"output with shape {list(tensor.shape)} doesn't match the broadcast shape {list(shape)}"
        )
    x = opened(tensor)
    if isinstance(x, np.ndarray):
        result = closed((x - m) / s)
    else:
        m, s = (from_numpy_copy(n, tensor.device) for n in (m, s))
        result = (x - m) / s
    return tensor.copy_(result) if inplace else result
