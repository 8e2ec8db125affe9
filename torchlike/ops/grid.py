"""Sampling at arbitrary positions: `grid_sample` and `affine_grid`."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core.registry import Array, function, op
from .validate import FLOATS, kernel, same_dtype, shape_text, size_text

_MODES = ("bilinear", "nearest", "bicubic")
_PADDINGS = ("zeros", "border", "reflection")
_MSG_CORNERS = (
    "Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. Please "
    "specify "
    "align_corners=True if the old behavior is desired. See the documentation of grid_sample for details."
)

_MSG_UNIT = (
    "Since version 1.3.0, affine_grid behavior has changed for unit-size grids when align_corners=True. This "
    "is not an "
    "intended use case of affine_grid. See the documentation of affine_grid for details."
)


def _position(c: Any, n: int, align: bool) -> Any:
    """From [-1, 1] to element positions."""
    return (c + 1) / 2 * (n - 1) if align else ((c + 1) * n - 1) / 2


def _clip(c: Any, n: int) -> Any:
    """Into [0, n - 1]; no gradient from outside."""
    return jnp.where(c <= 0, 0, jnp.where(c >= n - 1, n - 1, c)).astype(c.dtype)


def _reflect(c: Any, n: int, align: bool) -> Any:
    """Mirrors positions at the borders until they are inside."""
    low, span = (0.0, n - 1) if align else (-0.5, n)
    if span == 0:
        return jnp.zeros_like(c)
    distance = jnp.abs(c - low)
    flips = jnp.floor(distance / span)
    rest = distance - jax.lax.stop_gradient(flips) * span
    return jnp.where(flips % 2 == 0, rest + low, span - rest + low)


def _padded(c: Any, n: int, padding: str, align: bool) -> Any:
    if padding == "zeros":
        return c
    return _clip(c if padding == "border" else _reflect(c, n, align), n)


def _fetch(x: Any, at: list[Any]) -> Any:
    """`x` (N, C, *sizes) at integer positions, (N, ...) for each axis: (N, C, ...); 0 outside."""
    sizes = x.shape[2:]
    inside, flat = jnp.asarray(True), jnp.asarray(0, jnp.int32)
    for p, n in zip(at, sizes):
        inside &= (p >= 0) & (p <= n - 1)
        flat = flat * n + jnp.clip(p, 0, n - 1).astype(jnp.int32)
    images = x.reshape(*x.shape[:2], -1)
    values = jax.vmap(lambda image, i: jnp.take(image, i, axis=1, mode="clip"))(images, flat)
    return jnp.where(inside[:, None], values, 0)


def _linear(x: Any, positions: list[Any]) -> Any:
    low = [jax.lax.stop_gradient(jnp.floor(p)) for p in positions]
    out: Any = 0
    for corner in itertools.product((0, 1), repeat=len(positions)):
        weight: Any = 1
        for p, base, side in zip(positions, low, corner):
            weight = weight * ((p - base) if side else (base + 1 - p))
        out = out + _fetch(x, [b + s for b, s in zip(low, corner)]) * weight[:, None]
    return out


def _cubic_weights(t: Any) -> list[Any]:
    """Weights of the four neighbours at distances 1 + t, t, 1 - t, 2 - t (a = -0.75)."""
    a = -0.75

    def near(x: Any) -> Any:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: Any) -> Any:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    return [far(t + 1), near(t), near(1 - t), far(2 - t)]


def _bicubic(x: Any, positions: list[Any], padding: str, align: bool) -> Any:
    """A gather for each row of four neighbours: one for each of the 16 takes several times as long to compile, one
    for all needs 16 times the memory in the derivative."""
    low = [jax.lax.stop_gradient(jnp.floor(p)) for p in positions]
    rows, columns = (
        [w[..., None] for w in _cubic_weights(p - b)] for p, b in zip(positions, low)
    )  # (N, P, 1)
    columns = jnp.concatenate(columns, -1)  # (N, P, 4)
    across = _padded(low[1][..., None] + jnp.arange(-1, 3, dtype=low[1].dtype), x.shape[3], padding, align)
    out: Any = 0
    for i in range(4):
        down = _padded(low[0][..., None] + (i - 1), x.shape[2], padding, align)
        out = out + (_fetch(x, [down, across]) * (rows[i] * columns)[:, None]).sum(-1)
    return out


def _check_sample(input: Any, grid: Any, mode: str, **_: Any) -> None:
    x, g = shape_text(input.shape), shape_text(grid.shape)
    if input.shape[0] != grid.shape[0]:
        raise RuntimeError(
            "grid_sampler(): expected grid and input to have same batch size, but got input with sizes "
            f"{x} and grid with sizes {g}"
        )
    if grid.shape[-1] != input.ndim - 2:
        raise RuntimeError(
            f"grid_sampler(): expected grid to have size {input.ndim - 2} in last dimension, but got grid "
            f"with sizes {g}"
        )
    if input.ndim not in (4, 5) or grid.ndim != input.ndim:
        want = input.ndim if input.ndim in (4, 5) else "4D or 5"
        raise RuntimeError(
            f"grid_sampler(): expected {want}D input and grid with same number of dimensions, but got input "
            "with "
            f"sizes {x} and grid with sizes {g}"
        )
    for d, n in enumerate(input.shape[2:], 2):
        if n == 0:
            raise RuntimeError(
                "grid_sampler(): expected input to have non-empty spatial dimensions, but input has sizes "
                f"{x} with dimension {d} being empty"
            )
    if mode == "bicubic" and input.ndim != 4:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")
    same_dtype(input, grid)
    kernel(f"grid_sampler_{input.ndim - 2}d_cpu{'_kernel_impl' if input.ndim == 4 else ''}", FLOATS)(input)


@op(name="grid_sampler", spaces=(), saves=("input!", "grid!"), check=_check_sample)
def _sample(input: Array, grid: Array, mode: str, padding_mode: str, align_corners: bool):
    n, c = input.shape[:2]
    sizes, points = input.shape[2:], grid.reshape(n, -1, len(input.shape) - 2)
    # the grid's last axis counts x first, that is the last dimension of the image
    raw = [_position(points[..., len(sizes) - 1 - i], size, align_corners) for i, size in enumerate(sizes)]
    if mode == "bicubic":
        out = _bicubic(input, raw, padding_mode, align_corners)
    else:
        positions = [_padded(p, size, padding_mode, align_corners) for p, size in zip(raw, sizes)]
        out = (
            _linear(input, positions)
            if mode == "bilinear"
            else _fetch(input, [jnp.round(p) for p in positions])
        )
    return out.reshape(n, c, *grid.shape[1:-1]).astype(input.dtype)


def _corners(align_corners: bool | None) -> bool:
    if align_corners is None:
        warnings.warn(_MSG_CORNERS, stacklevel=3)
    return bool(align_corners)


@function(spaces=("nn.functional",))
def grid_sample(
    input: Any,
    grid: Any,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Any:
    """Samples images at the positions in `grid`.

    Args:
        input: `(N, C, H, W)` or `(N, C, D, H, W)`.
        grid: `(N, h, w, 2)` or `(N, d, h, w, 3)`, x before y before z, in [-1, 1].
        mode: `bilinear`, `nearest` or `bicubic` (4-D).
        padding_mode: what lies outside: `zeros`, `border` or `reflection`.
        align_corners: -1 and 1 are the centres of the corner elements and not their outer edges.

    Returns:
        `(N, C, h, w)` or `(N, C, d, h, w)`.
    """
    if mode not in _MODES:
        raise ValueError(
            "nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: "
            f"'{mode}'"
        )
    if padding_mode not in _PADDINGS:
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', "
            "but got: "
            f"'{padding_mode}'"
        )
    return _sample(input, grid, mode, padding_mode, _corners(align_corners))


@function(spaces=("torch",), aliases=("grid_sampler_2d", "grid_sampler_3d"))
def grid_sampler(
    input: Any, grid: Any, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Any:
    """`torch.nn.functional.grid_sample` with its modes as numbers, in the order of their documentation."""
    return _sample(input, grid, _MODES[interpolation_mode], _PADDINGS[padding_mode], bool(align_corners))


@op(name="affine_grid_generator", spaces=(), saves=("theta",))
def _affine(theta: Array, size: tuple, align_corners: bool):
    sizes = size[2:]
    axes = []
    for n in sizes:
        line = np.linspace(-1, 1, n) if n > 1 else np.zeros(1)
        axes.append(line if align_corners or n == 1 else line * (n - 1) / n)
    mesh = np.meshgrid(*axes, indexing="ij")
    base = np.stack([*mesh[::-1], np.ones(sizes)], -1).reshape(
        -1, len(sizes) + 1
    )  # (points, d + 1): x, y, (z,) 1
    out = jnp.asarray(base, theta.dtype) @ theta.swapaxes(1, 2)  # (N, points, d)
    return out.reshape(theta.shape[0], *sizes, len(sizes))


@function(spaces=("nn.functional",))
def affine_grid(theta: Any, size: Any, align_corners: bool | None = None) -> Any:
    """The grid that makes `grid_sample` apply an affine map (arXiv:1506.02025).

    Args:
        theta: `(N, 2, 3)` or `(N, 3, 4)`.
        size: of the image to make, `(N, C, H, W)` or `(N, C, D, H, W)`.

    Returns:
        `(N, H, W, 2)` or `(N, D, H, W, 3)`.
    """
    size = tuple(int(n) for n in size)
    align_corners = _corners(align_corners)
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    if len(size) not in (4, 5):
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. "
            f"Got size {size}."
        )
    d = len(size) - 2
    if theta.dim() != 3 or tuple(theta.shape[1:]) != (d, d + 1):
        raise ValueError(
            f"Expected a batch of {d}D affine matrices of shape Nx{d}x{d + 1} for size {size}. "
            f"Got {size_text(tuple(theta.shape))}."
        )
    if align_corners and min(size[2:]) == 1:
        warnings.warn(_MSG_UNIT, stacklevel=2)
    elif min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {size}")
    if theta.shape[0] != size[0]:
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: [{size[0]}, {d + 1}] "
            f"but got: [{theta.shape[0]}, {d + 1}]."
        )
    return _affine(theta, size, align_corners)
