"""`interpolate` and the `upsample` family."""

from __future__ import annotations

import math
import warnings
from typing import Any

import jax.numpy as jnp

from .._core.orders import channels
from .._core.registry import Array, function, op
from .lowering import resample
from .validate import not_implemented

_SPATIAL = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3, "lanczos": 2}
_BASE = {"bilinear": "linear", "trilinear": "linear", "bicubic": "cubic"}
_MODES = "nearest | linear | bilinear | bicubic | trilinear | lanczos | area | nearest-exact"


def _kernel(mode: str, dims: int) -> str:
    """What PyTorch calls the kernel of a mode: the channels-last one of images, a generic one elsewhere."""
    if mode == "area":
        return {3: "adaptive_avg_pool3d_cpu"}.get(dims, "adaptive_avg_pool2d")
    if mode == "bilinear" or (mode in ("nearest", "nearest-exact") and dims == 2):
        return f"upsample_{mode.replace('-', '_')}2d_channels_last"
    kind = {"bicubic": "cubic", "nearest": "nearest", "nearest-exact": "nearest"}.get(mode, "linear")
    return f"compute_indices_weights_{kind}"


def _check(input: Any, size: tuple[int, ...], mode: str, **_: Any) -> None:
    names = "DHW"[-len(size) :] if len(size) > 1 else "W"
    if min((*size, *input.shape[2:]), default=1) <= 0:
        have = ", ".join(f"{k}: {n}" for k, n in zip(names, input.shape[2:]))
        want = ", ".join(f"{k}: {n}" for k, n in zip(names, size))
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got input ({have}) output ({want})"
        )
    if not input.dtype.is_floating_point and (
        input.dtype.name != "uint8" or mode in ("area", "linear", "trilinear")
    ):
        raise not_implemented(_kernel(mode, len(size)), input.dtype)


@op(name="upsample", spaces=(), check=_check, layout=channels)
def _resample(
    input: Array, size: tuple, factors: tuple | None, mode: str, align_corners: bool, antialias: bool
):
    x = input if input.dtype.itemsize != 2 else input.astype(jnp.float32)
    wide = x.dtype == jnp.float64
    base = _BASE.get(mode, mode)
    for i, n in reversed(list(enumerate(size))):
        factor = factors[i] if factors else None
        if input.dtype == jnp.uint8 and base in ("linear", "cubic", "lanczos"):
            same = n == x.shape[i + 2]
            x = x if same else resample.apply_bytes(x, i + 2, n, base, align_corners, factor, antialias, True)
            continue
        x = resample.apply(x, i + 2, n, base, align_corners, factor, antialias, wide)
    return x.astype(input.dtype)


def _numbers(value: Any, dims: int) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (list, tuple)) else (value,) * dims


def _sizes(input: Any, size: Any, scale_factor: Any) -> tuple[tuple[int, ...], tuple[float, ...] | None]:
    """The output size and, if that is how it was given, the scale factors."""
    spatial = list(input.shape[2:])
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is not None:
        numbers = _numbers(size, len(spatial))
        if len(numbers) != len(spatial):
            raise ValueError(
                "Input and output must have the same number of spatial dimensions, but got input with "
                "spatial "
                f"dimensions of {spatial} and output size of {size}. Please provide input tensor in "
                "(N, C, d1, d2, ...,dK) format and output size in (o1, o2, ...,oK) format."
            )
        if any(isinstance(n, float) for n in numbers):
            raise TypeError(
                "expected size to be one of int or Tuple[int] or Tuple[int, int] or Tuple[int, int, int], "
                "but got "
                f"size with types {[type(n) for n in numbers]}"
            )
        return tuple(int(n) for n in numbers), None
    if scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    factors = _numbers(scale_factor, len(spatial))
    if len(factors) != len(spatial):
        raise ValueError(
            "Input and scale_factor must have the same number of spatial dimensions, but got input with "
            "spatial "
            f"dimensions of {spatial} and scale_factor of shape {scale_factor}. Please provide input tensor "
            "in "
            "(N, C, d1, d2, ...,dK) format and scale_factor in (s1, s2, ...,sK) format."
        )
    factors = tuple(float(f) for f in factors)
    return tuple(math.floor(n * f) for n, f in zip(spatial, factors)), factors


def _check_mode(ndim: int, mode: str) -> None:
    need = _SPATIAL.get(mode)
    known = need is not None or mode in ("nearest", "area", "nearest-exact")
    if ndim not in (3, 4, 5) or not known or (mode in ("bicubic", "lanczos") and ndim != 4):
        raise NotImplementedError(
            f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {ndim}D) for the modes: {_MODES} "
            f"(got {mode})"
        )
    if need is not None and ndim != need + 2:
        raise NotImplementedError(f"Got {ndim}D input, but {mode} mode needs {need + 2}D input")


@function(spaces=("nn.functional",))
def interpolate(
    input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None, antialias: bool = False,
) -> Any:  # fmt: skip
    """Resamples the spatial dimensions of `(N, C, d1, ...)`.

    Args:
        size: the spatial output size; scale_factor: or the factor, `floor(d * factor)`.
        mode: `nearest`, `nearest-exact`, `linear` (3-D), `bilinear`, `bicubic` (4-D), `trilinear` (5-D),
            `area`, or
            `lanczos` (4-D, with `antialias`).
        align_corners: the corner elements' centres, and not their outer edges, coincide.
        recompute_scale_factor: positions follow the sizes and not the factor given.
        antialias: widen the filter when shrinking (bilinear, bicubic, lanczos).

    Raises:
        ValueError: contradicting arguments; NotImplementedError: `mode` does not fit the rank.
    """
    interpolating = mode in ("linear", "bilinear", "bicubic", "trilinear")
    if align_corners is not None and not interpolating:
        raise ValueError(
            "align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic "
            "| trilinear"
        )
    out, factors = _sizes(input, size, scale_factor)
    if recompute_scale_factor and size is not None:
        raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
    if antialias and not (mode in ("bilinear", "bicubic", "lanczos") and input.dim() == 4):
        raise ValueError(
            "Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires a 4-D "
            "tensor as input"
        )
    _check_mode(input.dim(), mode)
    if antialias and input.dtype.name in ("float16", "bfloat16"):
        raise not_implemented("compute_index_ranges_weights", input.dtype)
    if mode == "lanczos" and not antialias:
        raise ValueError("lanczos mode requires antialias=True")
    return _resample(
        input, out, None if recompute_scale_factor else factors, mode, bool(align_corners), bool(antialias)
    )


@function(spaces=("nn.functional",))
def upsample(
    input: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Any:
    """Deprecated name of `interpolate`."""
    warnings.warn(
        "`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2
    )
    return interpolate(input, size, scale_factor, mode, align_corners)


@function(spaces=("nn.functional",))
def upsample_nearest(input: Any, size: Any = None, scale_factor: Any = None) -> Any:
    """Deprecated: `interpolate` with mode `nearest`."""
    warnings.warn(
        "`nn.functional.upsample_nearest` is deprecated. Use `nn.functional.interpolate` instead.",
        stacklevel=2,
    )
    return interpolate(input, size, scale_factor, "nearest")


@function(spaces=("nn.functional",))
def upsample_bilinear(input: Any, size: Any = None, scale_factor: Any = None) -> Any:
    """Deprecated: `interpolate` with mode `bilinear` and aligned corners."""
    warnings.warn(
        "`nn.functional.upsample_bilinear` is deprecated. Use `nn.functional.interpolate` instead.",
        stacklevel=2,
    )
    return interpolate(input, size, scale_factor, "bilinear", True)
