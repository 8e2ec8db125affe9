"""Convolution on CPUs as matrix products, and as multiply-adds where every group has one input channel.

Arrays are kept as (channels, batch, *space) inside: the product `(O, K) @ (K, N)` then yields the next
layer's operand without a copy. XLA cancels the transposes between neighbouring layers, so the public layout
stays (batch, channels, *space). Two ways to arrange the windows compete, and `_cost`, an estimate
fitted to measurements, picks:

* columns: every kernel element's shifted copy of the input is stacked, one product follows (im2col,
  built one spatial axis at a time, which moves less memory);
* rows: copies are stacked for all kernel axes but the first; the product computes all kernel rows
  at once, whose shifted slices are then added.

The input's gradient is either a convolution with full padding or, always with strides, one product
whose rows are spread over the windows (col2im).
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax

from .windows import Windows, crop, lengths, margins, pad, phases, slices

Pads = tuple[tuple[int, int], ...]


class Geometry(NamedTuple):
    """What stays fixed in a convolution beside the shapes; tuples run over the spatial axes."""

    stride: tuple[int, ...]
    padding: Pads
    dilation: tuple[int, ...]
    groups: int

    def out_space(self, space: Sequence[int], kernel: Sequence[int]) -> tuple[int, ...]:
        """Spatial shape of the result for an input's and a kernel's."""
        return tuple(
            (n + lo + hi - d * (k - 1) - 1) // s + 1
            for n, k, s, (lo, hi), d in zip(
                space, kernel, self.stride, self.padding, self.dilation, strict=True
            )
        )


# ---- windows as a matrix ---------------------------------------------------------------------------


def _window(x: Any, axis: int, start: int, count: int, stride: int) -> Any:
    return lax.slice_in_dim(x, start, start + (count - 1) * stride + 1, stride, axis)


def _stack_windows(x: Any, axis: int, kernel: int, count: int, stride: int, dilation: int) -> Any:
    """Adds an axis after the channels: the shifted copies of `x` along spatial `axis`."""
    if kernel == 1:
        return _window(x, axis, 0, count, stride)[:, None]
    return jnp.stack([_window(x, axis, i * dilation, count, stride) for i in range(kernel)], 1)


def _columns(x: Any, kernel: Sequence[int], out: Sequence[int], geometry: Geometry, first: int = 0) -> Any:
    """Padded (C, B, *space) -> (C, *kernel, B, *out) for the spatial axes from `first` on."""
    rank = len(kernel)
    stages = 0
    for a in reversed(range(first, rank)):
        if stages and kernel[a] > 1:
            x = lax.optimization_barrier(x)  # a second copy from memory beats recomputed index arithmetic
        axis = x.ndim - rank + a
        x = _stack_windows(x, axis, kernel[a], out[a], geometry.stride[a], geometry.dilation[a])
        stages += kernel[a] > 1
    return x


def _rate(rows: int) -> float:
    """Measured flops per nanosecond of a product with this many result rows."""
    return 330.0 * rows / (rows + 30)


def _cost(channels: int, outputs: int, kernel: Sequence[int], n: int, inflation: float) -> tuple[bool, float]:
    """Whether the rows program wins, and the winner's estimated nanoseconds, for `n` windows.

    `inflation` is the ratio of the rows that the rows program computes to the rows of the result.
    """
    taps = math.prod(kernel)
    flops = 2.0 * outputs * channels * taps * n
    columns = flops / _rate(outputs) + 0.3 * channels * taps * n
    if kernel[0] == 1 or len(kernel) < 2:
        return False, columns
    rows = flops / _rate(kernel[0] * outputs) + 0.14 * kernel[0] * outputs * n
    rows = inflation * (rows + 0.3 * channels * taps / kernel[0] * n)
    return rows < columns, min(rows, columns)


def _rows_win(x: Any, outputs: int, kernel: Sequence[int], out: Sequence[int], geometry: Geometry) -> bool:
    height = x.shape[2] + (0 if geometry.stride[0] == 1 else sum(geometry.padding[0]))
    return _cost(x.shape[0], outputs, kernel, x.shape[1] * math.prod(out), height / out[0])[0]


def _row_patches(
    x: Any, kernel: Sequence[int], out: Sequence[int], geometry: Geometry
) -> tuple[Any, int, int]:
    """(C, B, *space) -> (C * prod(K[1:]), B * H * prod(out[1:])), H, and the first axis' padding still due.

    With stride 1 the zero rows above and below are left out: their products are zero.
    """
    late = geometry.stride[0] == 1
    x = pad(x, geometry.padding[1:] if late else geometry.padding)
    patches = _columns(x, kernel, out, geometry, 1)
    return (
        patches.reshape(x.shape[0] * math.prod(kernel[1:]), -1),
        x.shape[2],
        geometry.padding[0][0] if late else 0,
    )


def _transposed(w: Any) -> Any:
    """(O, C, *K) -> (C, O, *K), reversed: the weight whose convolution gives the input's gradient."""
    return jnp.flip(w.swapaxes(0, 1), tuple(range(2, w.ndim)))


def _full_padding(
    out: Sequence[int], kernel: Sequence[int], geometry: Geometry, space: Sequence[int]
) -> Pads:
    """Padding of the (dilated) gradient under which a stride-1 convolution gives the input's gradient."""
    pads = []
    for o, k, n, s, (lo, _), d in zip(
        out, kernel, space, geometry.stride, geometry.padding, geometry.dilation, strict=True
    ):
        reach = d * (k - 1)
        pads.append((reach - lo, n + lo - (o - 1) * s - 1))
    return tuple(pads)


def forward(x: Any, w: Any, geometry: Geometry) -> Any:
    """(C, B, *space), (O, C, *K) -> (O, B, *out); one group."""
    outputs, channels, *kernel = w.shape
    batch, out = x.shape[1], geometry.out_space(x.shape[2:], kernel)
    if not _rows_win(x, outputs, kernel, out, geometry):
        patches = _columns(pad(x, geometry.padding), kernel, out, geometry).reshape(
            channels * math.prod(kernel), -1
        )
        return (w.reshape(outputs, -1) @ patches).reshape(outputs, batch, *out)
    patches, height, due = _row_patches(x, kernel, out, geometry)
    rows = jnp.moveaxis(w, 2, 0).reshape(kernel[0] * outputs, -1)
    y = (rows @ patches).reshape(kernel[0], outputs, batch, height, *out[1:])
    reach, stride = geometry.dilation[0] * (kernel[0] - 1), geometry.stride[0]
    missing = reach + (out[0] - 1) * stride + 1 - height - due
    if due or missing > 0:  # padded once: a padding per slice would become a loop of its own each
        y = lax.optimization_barrier(_pad_axis(y, 3, due, max(missing, 0)))
    total = None
    for i in range(kernel[0]):
        part = _window(y[i], 2, i * geometry.dilation[0], out[0], stride)
        total = part if total is None else total + part
    return total


def _pad_axis(x: Any, axis: int, lo: int, hi: int, interior: int = 0) -> Any:
    config = [(0, 0, 0)] * x.ndim
    config[axis] = (lo, hi, interior)
    return lax.pad(x, jnp.zeros((), x.dtype), config)


def grad_input(g: Any, w: Any, geometry: Geometry, space: tuple[int, ...]) -> Any:
    """(O, B, *out), (O, C, *K) -> (C, B, *space); one group."""
    outputs, channels, *kernel = w.shape
    batch, out = g.shape[1], g.shape[2:]
    if all(s == 1 for s in geometry.stride) and not _spread_wins(g, w, space):
        full = geometry._replace(padding=_full_padding(out, kernel, geometry, space), groups=1)
        return forward(g, _transposed(w), full)
    columns = (w.reshape(outputs, -1).T @ g.reshape(outputs, -1)).reshape(channels, *kernel, batch, *out)
    windows = Windows(tuple(kernel), geometry.stride, geometry.padding, geometry.dilation, tuple(out))
    size, taps = lengths(windows, space), list(windows.taps())

    def place(number: int, shift: tuple[int, ...]) -> Any:
        return pad(
            columns[(slice(None), *taps[number])],
            [(a, n - o - a) for a, n, o in zip(shift, size, out, strict=True)],
        )

    return phases(windows, space, place, lambda: jnp.zeros((channels, batch, *size), g.dtype))


def _spread_wins(g: Any, w: Any, space: tuple[int, ...]) -> bool:
    """Whether spreading the product's columns is expected to beat a convolution with full padding."""
    outputs, channels, *kernel = w.shape
    taps, n = math.prod(kernel), g.shape[1] * math.prod(g.shape[2:])
    spread = (2.0 * outputs / _rate(channels * taps) + (0.3 if taps <= 9 else 0.6)) * channels * taps * n
    full = _cost(outputs, channels, kernel, g.shape[1] * math.prod(space), g.shape[2] / space[0])
    return spread < full[1]


def grad_weight(g: Any, x: Any, geometry: Geometry, kernel: tuple[int, ...]) -> Any:
    """(O, B, *out), (C, B, *space) -> (O, C, *K); one group.

    Reads the same patches as the forward program, so XLA builds them once.
    """
    outputs, out, channels = g.shape[0], g.shape[2:], x.shape[0]
    if not _rows_win(x, outputs, kernel, out, geometry):
        patches = _columns(pad(x, geometry.padding), kernel, out, geometry).reshape(
            channels * math.prod(kernel), -1
        )
        return (g.reshape(outputs, -1) @ patches.T).reshape(outputs, channels, *kernel)
    patches, height, due = _row_patches(x, kernel, out, geometry)
    stride = geometry.stride[0]
    starts = [i * geometry.dilation[0] - due for i in range(kernel[0])]
    rows = [_pad_axis(g, 2, i, height - i - (out[0] - 1) * stride - 1, stride - 1) for i in starts]
    y = jnp.stack(rows).reshape(kernel[0] * outputs, -1) @ patches.T
    return jnp.moveaxis(y.reshape(kernel[0], outputs, channels, *kernel[1:]), 0, 2)


# ---- one input channel per group: shifted multiply-adds ----------------------------------------------------


def depthwise(x: Any, w: Any, *, geometry: Geometry) -> Any:
    outputs, _, *kernel = w.shape
    out = geometry.out_space(x.shape[2:], kernel)
    windows = Windows(tuple(kernel), geometry.stride, geometry.padding, geometry.dilation, out)
    x = jnp.repeat(x, outputs // x.shape[1], 1)
    return functools.reduce(
        operator.add,
        (part * _tap(w, tap) for part, tap in zip(slices(x, windows, 0), windows.taps(), strict=True)),
    )


def _tap(w: Any, tap: tuple[int, ...]) -> Any:
    """One kernel element of every channel, shaped to multiply (B, C, *space)."""
    return w[(slice(None), 0, *tap)].reshape(-1, *(1,) * len(tap))


def depthwise_grad_input(g: Any, w: Any, *, geometry: Geometry, space: tuple[int, ...]) -> Any:
    outputs, _, *kernel = w.shape
    out = tuple(g.shape[2:])
    windows = Windows(tuple(kernel), geometry.stride, geometry.padding, geometry.dilation, out)
    edges, size, taps = margins(windows, space), lengths(windows, space), list(windows.taps())
    g = pad(g, edges)

    def place(number: int, shift: tuple[int, ...]) -> Any:
        starts = (e - a for (e, _), a in zip(edges, shift, strict=True))
        return crop(g, starts, size, (1,) * len(size)) * _tap(w, taps[number])

    y = phases(windows, space, place, lambda: jnp.zeros((*g.shape[:2], *size), g.dtype))
    return y.reshape(g.shape[0], geometry.groups, outputs // geometry.groups, *space).sum(2)


def depthwise_grad_weight(g: Any, x: Any, *, geometry: Geometry, kernel: tuple[int, ...]) -> Any:
    windows = Windows(tuple(kernel), geometry.stride, geometry.padding, geometry.dilation, tuple(g.shape[2:]))
    x = jnp.repeat(x, g.shape[1] // x.shape[1], 1)
    axes = (0, *range(2, g.ndim))
    sums = [(part * g).sum(axes) for part in slices(x, windows, 0)]
    return jnp.stack(sums, 1).reshape(g.shape[1], 1, *kernel)
