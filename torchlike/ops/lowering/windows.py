"""Regular windows over trailing axes, as strided slices.

A slice fuses into whatever reads it, while XLA's windowed operations on a CPU do not; so everything that
slides a window (pooling, transposed convolution) is written with the two functions here.
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, cast

import jax.numpy as jnp
from jax import lax


class Windows(NamedTuple):
    """Regular windows over the trailing axes; every field has one entry per axis.

    `padding` is (low, high); high covers what `ceil_mode` adds and may be negative when windows stop short.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    out: tuple[int, ...]

    def axis(self, i: int) -> Windows:
        """The windows of axis `i` alone, as windows over one axis."""
        return Windows(*(part[i : i + 1] for part in cast(Any, self)))

    def along(self, i: int, space: tuple[int, ...]) -> Windows:
        """Windows along axis `i` that leave the other axes, of sizes `space`, as they are."""
        pick = lambda part, rest: tuple(v if j == i else rest for j, v in enumerate(part))  # noqa: E731
        out = tuple(o if j == i else n for j, (o, n) in enumerate(zip(self.out, space, strict=True)))
        return Windows(
            pick(self.kernel, 1),
            pick(self.stride, 1),
            pick(self.padding, (0, 0)),
            pick(self.dilation, 1),
            out,
        )

    def taps(self) -> Iterator[tuple[int, ...]]:
        """The elements of a window in row-major order."""
        return itertools.product(*map(range, self.kernel))


def pad(x: Any, pads: Iterable[tuple[int, int]], value: Any = 0) -> Any:
    """Pads (or crops, where negative) the trailing axes by (low, high) each."""
    pads = tuple(pads)
    if not any(lo or hi for lo, hi in pads):
        return x
    lead = ((0, 0, 0),) * (x.ndim - len(pads))
    return lax.pad(x, jnp.asarray(value, x.dtype), lead + tuple((lo, hi, 0) for lo, hi in pads))


def crop(x: Any, starts: Iterable[int], counts: Iterable[int], strides: Iterable[int]) -> Any:
    """`counts` elements of the trailing axes from `starts` on."""
    starts, counts, strides = tuple(starts), tuple(counts), tuple(strides)
    lead = x.ndim - len(starts)
    stops = tuple(a + (c - 1) * s + 1 for a, c, s in zip(starts, counts, strides, strict=True))
    return lax.slice(x, (0,) * lead + starts, x.shape[:lead] + stops, (1,) * lead + strides)


def slices(x: Any, windows: Windows, fill: Any) -> Iterator[Any]:
    """For every tap (see `Windows.taps`), that element of all windows; padding holds `fill`."""
    x = pad(x, windows.padding, fill)
    for tap in windows.taps():
        starts = (t * d for t, d in zip(tap, windows.dilation, strict=True))
        yield crop(x, starts, windows.out, windows.stride)


def phases(
    windows: Windows,
    space: tuple[int, ...],
    place: Callable[[int, tuple[int, ...]], Any],
    zero: Callable[[], Any],
) -> Any:
    """Adds windows up where they overlap: the transpose of `slices`.

    Positions are split by their residue modulo the strides (phases). `place(number, shift)` gives one tap's
    share of its phase, an array of `lengths(...)` in which window 0 lies at `shift`; the sums
    of all phases are interleaved and cropped to `space`. `zero` fills a phase that no tap reaches.
    """
    hits: dict[tuple[int, ...], list[Any]] = {}
    for number, tap in enumerate(windows.taps()):
        at = [divmod(t * d, s) for t, d, s in zip(tap, windows.dilation, windows.stride, strict=True)]
        hits.setdefault(tuple(r for _, r in at), []).append((number, tuple(q for q, _ in at)))
    rank = len(space)

    def gather(prefix: tuple[int, ...]) -> Any:
        if len(prefix) == rank:
            parts = [place(number, shift) for number, shift in hits.get(prefix, ())]
            return functools.reduce(operator.add, parts) if parts else zero()
        axis, stride = len(prefix), windows.stride[len(prefix)]
        parts = [gather((*prefix, r)) for r in range(stride)]
        if stride == 1:
            return parts[0]
        at = parts[0].ndim - rank + axis
        y = jnp.stack(parts, at + 1)
        return y.reshape(*y.shape[:at], y.shape[at] * stride, *y.shape[at + 2 :])

    y = gather(())
    return crop(y, (lo for lo, _ in windows.padding), space, (1,) * rank)


def lengths(windows: Windows, space: tuple[int, ...]) -> tuple[int, ...]:
    """Length of each phase along every axis."""
    return tuple(
        -(-(n + lo) // s) for n, s, (lo, _) in zip(space, windows.stride, windows.padding, strict=True)
    )


def margins(windows: Windows, space: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Padding of a per-window array under which a tap's share of a phase is a plain slice of it."""
    reach = (
        (k - 1) * d // s for k, d, s in zip(windows.kernel, windows.dilation, windows.stride, strict=True)
    )
    return tuple((e, n - o) for e, n, o in zip(reach, lengths(windows, space), windows.out, strict=True))
