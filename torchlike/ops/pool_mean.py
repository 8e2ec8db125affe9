"""Mean and power-mean pooling."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from .._core.dtypes import FLOAT, get_default_dtype
from .._core.graph import aval
from .._core.orders import flat_channels
from .._core.registry import Array, namespace, op
from .lowering.common import floating
from .lowering.norm import widen
from .lowering.pool import adaptive_means, sums
from .lowering.windows import Windows
from .pool import max_pool1d, max_pool2d, max_pool3d
from .pool_shapes import axes, check_adaptive, check_avg, document, filled, published, strides, windows

FUNCTIONAL = ("nn.functional",)

_DOC_AVG = """The mean of each window of `input` over {axes}.

Args:
    input: (N, C, {space}), or (C, {space}) without a batch.
    kernel_size, stride, padding: ints, or one per axis. The stride defaults to the kernel's size.
    ceil_mode: rounds the number of windows up instead of down.
    count_include_pad: whether padding counts as elements.
    divisor_override: divides the sums instead of the number of elements (two and three axes only).

Returns:
    (N, C, {out}), of the input's dtype.
"""
_DOC_ADAPTIVE = """Mean pooling over {axes} with as many windows as asked for.

Args:
    input: (N, C, {space}), or (C, {space}) without a batch.
    output_size: windows per axis, an int or one per axis; None keeps that axis.

Returns:
    (N, C, *output_size).
"""
_DOC_LP = """Power-mean pooling over {axes}: the p-th root of each window's sum of p-th powers.

Args:
    input: (N, C, {space}), or (C, {space}) without a batch.
    norm_type: p; infinity gives the largest absolute value.
    kernel_size, stride: ints, or one per axis. The stride defaults to the kernel's size.
    ceil_mode: rounds the number of windows up instead of down.
"""


def _counts(space: Any, taken: Windows, padding: Any, include_pad: bool) -> np.ndarray:
    """(*out): how many elements each window holds."""
    total = np.ones((1,) * len(space), np.int64)
    for axis, (n, k, s, p, o) in enumerate(
        zip(space, taken.kernel, taken.stride, padding, taken.out, strict=True)
    ):
        first = np.arange(o) * s - p
        last = np.minimum(first + k, n + p)
        if not include_pad:
            first, last = np.maximum(first, 0), np.minimum(last, n)
        total = total * (last - first).reshape([-1 if a == axis else 1 for a in range(len(space))])
    return total


def _mean(
    x: Any, rank: int, kernel: Any, stride: Any, padding: Any, ceil_mode: bool, include: bool, divisor: Any
) -> Any:
    space = x.shape[x.ndim - rank :]
    taken = windows(space, kernel, stride, padding, 1, ceil_mode)
    wide = widen(x)
    total = sums(wide, taken)
    counts = _counts(space, taken, axes(padding, rank), include) if divisor is None else np.asarray(divisor)
    if counts.size and (counts == counts.flat[0]).all():
        counts = counts.flat[0]
    if not jnp.issubdtype(x.dtype, jnp.floating):
        return lax.div(total, jnp.broadcast_to(jnp.asarray(counts, x.dtype), total.shape))
    return (total / jnp.asarray(counts, wide.dtype)).astype(x.dtype)


@op(spaces=("torch", "nn.functional"), saves=("input!",), check=check_avg(1), grad_name="AvgPool1DBackward0")
def avg_pool1d(
    input: Array, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True,
):  # fmt: skip
    return _mean(input, 1, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def _avg_row(rank: int) -> Any:
    def avg_pool(
        input: Array, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True, divisor_override: Any = None,
    ):  # fmt: skip
        return _mean(
            input, rank, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
        )

    avg_pool.__doc__ = document(_DOC_AVG, rank)
    return op(
        spaces=("nn.functional",), name=f"avg_pool{rank}d", saves=("input!",), check=check_avg(rank),
        grad_name=f"AvgPool{rank}DBackward0", layout=flat_channels,
    )(avg_pool)  # fmt: skip


avg_pool1d.__doc__ = document(_DOC_AVG, 1)
avg_pool2d, avg_pool3d = map(_avg_row, (2, 3))


def _adaptive_avg(rank: int) -> Any:
    name = f"adaptive_avg_pool{rank}d"
    grad_name = "MeanBackward1" if rank == 0 else f"AdaptiveAvgPool{rank}DBackward0"

    @op(
        spaces=(),
        name=name,
        saves=("input!",),
        saves_when=lambda output_size, **_: set(axes(output_size, rank)) != {1},  # that one is a mean
        check=check_adaptive("avg", rank),
        grad_name=grad_name,
        layout=flat_channels,
    )
    def row(input: Array, output_size: Any):
        return adaptive_means(widen(input), axes(output_size, rank)).astype(input.dtype)

    def adaptive_avg_pool(input: Any, output_size: Any) -> Any:
        return row(input, filled(output_size, input.shape, rank))

    doc = row.__doc__ = document(_DOC_ADAPTIVE, rank)
    if rank == 1:
        namespace("torch")[name] = row
    return published(adaptive_avg_pool, name, FUNCTIONAL, doc)


adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = map(_adaptive_avg, (1, 2, 3))


# ---- lp_pool ------------------------------------------------------------------------------------------


def _lp_pool(rank: int) -> Any:
    max_pool = (max_pool1d, max_pool2d, max_pool3d)[rank - 1]

    def check(input: Any, norm_type: float, kernel_size: Any, stride: Any, ceil_mode: bool) -> None:
        # powers with a float exponent are floating
        powers = input if input.dtype.category >= FLOAT else aval(input.shape, get_default_dtype())
        check_avg(rank)(powers, kernel_size, stride, 0, ceil_mode, True)

    @op(spaces=(), name=f"lp_pool{rank}d", saves=("input!",), check=check)
    def row(input: Array, norm_type: float, kernel_size: Any, stride: Any, ceil_mode: bool):
        kernel = axes(kernel_size, rank)
        power = floating(input) ** (int(norm_type) if float(norm_type).is_integer() else norm_type)
        mean = _mean(power, rank, kernel, strides(stride, kernel), 0, ceil_mode, True, None)
        return (jnp.sign(mean) * jnp.maximum(jnp.abs(mean), 0) * math.prod(kernel)) ** (1.0 / norm_type)

    def lp_pool(
        input: Any, norm_type: Any, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
    ) -> Any:
        if norm_type == math.inf:
            return max_pool(input.abs(), kernel_size, stride, 0, 1, ceil_mode)
        if norm_type == -math.inf:
            return -max_pool(-input.abs(), kernel_size, stride, 0, 1, ceil_mode)
        return row(input, float(norm_type), kernel_size, stride, ceil_mode)

    return published(lp_pool, f"lp_pool{rank}d", FUNCTIONAL, document(_DOC_LP, rank))


lp_pool1d, lp_pool2d, lp_pool3d = map(_lp_pool, (1, 2, 3))
