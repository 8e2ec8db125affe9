"""Rearranging pixels: sliding blocks, pixel and channel shuffles."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
from jax import lax

from .._core.orders import channels
from .._core.registry import Array, Ints, op
from .validate import not_implemented, shape_text

FUNCTIONAL = ("nn.functional",)


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[-1])


def _check_windows(kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> None:
    named = {"kernel_size": kernel_size, "dilation": dilation, "padding": padding, "stride": stride}
    for name, value in named.items():
        if not isinstance(value, int) and len(value) != 2:
            raise RuntimeError(f"It is expected {name} equals to 2, but got size {len(value)}")
    spelled = {
        "kernel_size": ("kernel size", "kernel"),
        "stride": ("stride", "stride"),
        "dilation": ("dilation", "dilation"),
    }
    for name, (text, short) in spelled.items():
        h, w = _pair(named[name])
        if min(h, w) <= 0:
            raise RuntimeError(
                f"{text} should be greater than zero, but got {short}_height: {h} {short}_width: {w}"
            )
    h, w = _pair(padding)
    if min(h, w) < 0:
        raise RuntimeError(f"padding should be non-negative, but got pad_height: {h} pad_width: {w}")


def _blocks(size: Any, kernel: Any, dilation: Any, padding: Any, stride: Any) -> tuple[int, ...]:
    """How many blocks fit in each direction."""
    parts = zip(size, _pair(kernel), _pair(dilation), _pair(padding), _pair(stride))
    return tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, d, p, s in parts)


def _check_unfold(input: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any, **_: Any) -> None:
    _check_windows(kernel_size, dilation, padding, stride)
    if input.ndim < 3:
        raise IndexError("Dimension out of range (expected to be in range of [-2, 1], but got 2)")
    if input.ndim > 4:
        raise RuntimeError(
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions "
            "for "
            f"input, but got: {shape_text(input.shape)}"
        )
    counts = _blocks(input.shape[-2:], kernel_size, dilation, padding, stride)
    if min(counts) < 1:
        k, d, p = (_pair(v) for v in (kernel_size, dilation, padding))
        raise RuntimeError(
            f"Given input with spatial size {input.shape[-2:]}, kernel_size={k}, dilation={d}, padding={p}, "
            f"calculated shape of the array of sliding blocks as {counts}, but its components must be at "
            "least one."
        )
    if input.dtype.category < 2 and input.dtype.name != "bool":
        raise not_implemented("im2col_out_cpu", input.dtype)


@op(spaces=FUNCTIONAL, check=_check_unfold)
def unfold(input: Array, kernel_size: Ints, dilation: Ints = 1, padding: Ints = 0, stride: Ints = 1):
    """Sliding blocks as columns: `(N, C, H, W)` to `(N, C * kh * kw, blocks)`.

    The batch dimension may be missing; sizes are ints or (height, width) pairs.
    """
    x = input if input.ndim == 4 else input[None]
    n, c, _, _ = x.shape
    (kh, kw), (dh, dw), (ph, pw), (sh, sw) = (_pair(v) for v in (kernel_size, dilation, padding, stride))
    rows, columns = _blocks(x.shape[2:], kernel_size, dilation, padding, stride)
    x = jnp.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    if (sh, sw) == (kh, kw) and (dh, dw) == (1, 1):  # blocks side by side
        x = x[:, :, : rows * kh, : columns * kw].reshape(n, c, rows, kh, columns, kw)
        out = x.transpose(0, 1, 3, 5, 2, 4)
    else:
        parts = [
            x[:, :, i * dh : i * dh + sh * (rows - 1) + 1 : sh, j * dw : j * dw + sw * (columns - 1) + 1 : sw]
            for i in range(kh)
            for j in range(kw)
        ]
        out = jnp.stack(parts, 2)  # (N, C, kh * kw, rows, columns)
    out = out.reshape(n, c * kh * kw, rows * columns)
    return out if input.ndim == 4 else out[0]


def _check_fold(
    input: Any, output_size: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any, **_: Any
) -> None:
    _check_windows(kernel_size, dilation, padding, stride)
    if input.ndim not in (2, 3):
        raise RuntimeError(
            "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero "
            "dimensions for "
            f"input, but got: {shape_text(input.shape)}"
        )
    size, k, d, p, s = (_pair(v) for v in (output_size, kernel_size, dilation, padding, stride))
    width, length = input.shape[-2:]
    if width % math.prod(k):
        raise RuntimeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got "
            f"input.size(1)={width} and kernel_size={k}."
        )
    rows, columns = _blocks(size, k, d, p, s)
    if rows * columns != length:
        raise RuntimeError(
            f"Given output_size={size}, kernel_size={k}, dilation={d}, padding={p}, stride={s}, expected "
            "size of "
            f"input's dimension 2 to match the calculated number of sliding blocks {rows} * {columns} = "
            f"{rows * columns}, but got input.size(2)={length}."
        )


@op(spaces=FUNCTIONAL, check=_check_fold)
def fold(
    input: Array,
    output_size: Ints,
    kernel_size: Ints,
    dilation: Ints = 1,
    padding: Ints = 0,
    stride: Ints = 1,
):
    """Sums sliding blocks into an image, `(N, C * kh * kw, blocks)` to `(N, C, *output_size)`."""
    x = input if input.ndim == 3 else input[None]
    size, (kh, kw), (dh, dw), (ph, pw), (sh, sw) = (
        _pair(v) for v in (output_size, kernel_size, dilation, padding, stride)
    )
    rows, columns = _blocks(size, kernel_size, dilation, padding, stride)
    n, c = x.shape[0], x.shape[1] // (kh * kw)
    height, width = size[0] + 2 * ph, size[1] + 2 * pw
    x = x.reshape(n, c, kh, kw, rows, columns)
    if (sh, sw) == (kh, kw) and (dh, dw) == (1, 1):
        image = x.transpose(0, 1, 4, 2, 5, 3).reshape(n, c, rows * kh, columns * kw)
        image = jnp.pad(image, ((0, 0), (0, 0), (0, height - rows * kh), (0, width - columns * kw)))
    else:
        zero = jnp.zeros((), x.dtype)
        image = jnp.zeros((n, c, height, width), x.dtype)
        for i in range(kh):
            for j in range(kw):
                low_h, low_w = i * dh, j * dw
                high_h = height - low_h - (sh * (rows - 1) + 1)
                high_w = width - low_w - (sw * (columns - 1) + 1)
                spread = ((0, 0, 0), (0, 0, 0), (low_h, high_h, sh - 1), (low_w, high_w, sw - 1))
                image = image + lax.pad(x[:, :, i, j], zero, spread)
    image = image[:, :, ph : ph + size[0], pw : pw + size[1]]
    return image if input.ndim == 3 else image[0]


def _check_shuffle(input: Any, upscale_factor: int, **_: Any) -> None:
    if input.ndim < 3:
        raise RuntimeError(
            "pixel_shuffle expects input to have at least 3 dimensions, but got input with "
            f"{input.ndim} dimension(s)"
        )
    if upscale_factor <= 0:
        raise RuntimeError(f"pixel_shuffle expects a positive upscale_factor, but got {upscale_factor}")
    if input.shape[-3] % upscale_factor**2:
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of "
            "upscale_factor, "
            f"but input.size(-3)={input.shape[-3]} is not divisible by {upscale_factor**2}"
        )


@op(spaces=("torch", *FUNCTIONAL), check=_check_shuffle, layout=channels)
def pixel_shuffle(input: Array, upscale_factor: int):
    """`(..., C * r * r, H, W)` to `(..., C, H * r, W * r)` (arXiv:1609.05158)."""
    r = upscale_factor
    *lead, c, h, w = input.shape
    x = input.reshape(math.prod(lead), c // (r * r), r, r, h, w)
    return x.transpose(0, 1, 4, 2, 5, 3).reshape(*lead, c // (r * r), h * r, w * r)


def _check_unshuffle(input: Any, downscale_factor: int, **_: Any) -> None:
    r = downscale_factor
    if input.ndim < 3:
        raise RuntimeError(
            "pixel_unshuffle expects input to have at least 3 dimensions, but got input with "
            f"{input.ndim} dimension(s)"
        )
    if r <= 0:
        raise RuntimeError(f"pixel_unshuffle expects a positive downscale_factor, but got {r}")
    for d, name in ((-2, "height"), (-1, "width")):
        if input.shape[d] % r:
            raise RuntimeError(
                f"pixel_unshuffle expects {name} to be divisible by downscale_factor, but input.size({d})="
                f"{input.shape[d]} is not divisible by {r}"
            )


@op(spaces=("torch", *FUNCTIONAL), check=_check_unshuffle)
def pixel_unshuffle(input: Array, downscale_factor: int):
    """`(..., C, H * r, W * r)` to `(..., C * r * r, H, W)`: undoes `pixel_shuffle`."""
    r = downscale_factor
    *lead, c, h, w = input.shape
    x = input.reshape(math.prod(lead), c, h // r, r, w // r, r)
    return x.transpose(0, 1, 3, 5, 2, 4).reshape(*lead, c * r * r, h // r, w // r)


def _check_channel_shuffle(input: Any, groups: int, **_: Any) -> None:
    if input.ndim < 3:
        raise RuntimeError(
            f"channel_shuffle expects input with > 2 dims, but got input with sizes {shape_text(input.shape)}"
        )
    if groups <= 0:
        raise RuntimeError(
            f"Number of groups to divide channels in must be positive. Value of groups:{groups}"
        )
    if input.shape[1] % groups:
        raise RuntimeError(
            "Number of channels must be divisible by groups. "
            f"Got {input.shape[1]} channels and {groups} groups."
        )


@op(
    spaces=("torch", *FUNCTIONAL),
    aliases=("native_channel_shuffle",),
    check=_check_channel_shuffle,
    layout=channels,
)
def channel_shuffle(input: Array, groups: int):
    """Interleaves `groups` groups of channels of `(N, C, ...)` (arXiv:1707.01083)."""
    n, c = input.shape[:2]
    return input.reshape(n, groups, c // groups, *input.shape[2:]).swapaxes(1, 2).reshape(input.shape)
