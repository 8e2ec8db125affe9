"""Pooling windows: maxima with their positions, sums, and the transposes of both.

XLA's windowed reductions are serial on a CPU and their derivatives scatter; strided slices combined
element by element are several times faster. A maximum keeps, per window, which element won (one byte);
its derivative selects by that, and the transpose spreads by that, so derivatives of every order
are cheap. A window over several axes may be taken axis by axis: the first maximum in row-major order,
and the last NaN, come out the same.
"""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .linear import linear_op
from .windows import Windows, crop, lengths, margins, pad, phases, slices

JOINT_TAPS = 9  # windows up to this size are compared in one pass over all axes
UNROLLED = 32  # longer windows along one axis gather their elements


# ---- select and spread: y[window] = x[winner of window], and its transpose --------------------------------------


def _select(winner: Any, x: Any, *, windows: Windows, space: tuple[int, ...]) -> Any:
    out = None
    for number, part in enumerate(slices(x, windows, 0)):
        out = part if out is None else jnp.where(winner == number, part, out)
    return out


def _spread(winner: Any, g: Any, *, windows: Windows, space: tuple[int, ...]) -> Any:
    edges, size = margins(windows, space), lengths(windows, space)
    winner, g = pad(winner, edges, -1), pad(g, edges)
    ones, zero = (1,) * len(space), jnp.zeros((), g.dtype)

    def place(number: int, shift: tuple[int, ...]) -> Any:
        starts = tuple(e - a for (e, _), a in zip(edges, shift, strict=True))
        mine = crop(winner, starts, size, ones) == number
        return jnp.where(mine, crop(g, starts, size, ones), zero)

    lead = g.shape[: g.ndim - len(space)]
    return phases(windows, space, place, lambda: jnp.zeros((*lead, *size), g.dtype))


def _lead(x: Any, windows: Windows) -> tuple[int, ...]:
    return x.shape[: len(x.shape) - len(windows.out)]


def _fold(call: Callable[..., Any], args: Any, dims: Any, **params: Any) -> Any:
    """vmap: the mapped axis joins the leading axes, of which there may be any number."""
    size = next(a.shape[d] for a, d in zip(args, dims, strict=True) if d is not batching_none)
    moved = [
        jnp.broadcast_to(a, (size, *a.shape)) if d is batching_none else jnp.moveaxis(a, d, 0)
        for a, d in zip(args, dims, strict=True)
    ]
    return call(*moved, **params)


batching_none = None  # `dims` entry of an operand that is not mapped

select = linear_op(
    "pool_select",
    shape=lambda winner, x, windows, space: (*_lead(x, windows), *windows.out),
    transposes=(None, lambda ct, winner, x, **params: spread(winner, ct, **params)),
    default=_select,
    batch=lambda args, dims, **params: _fold(select, args, dims, **params),
)
spread = linear_op(
    "pool_spread",
    shape=lambda winner, g, windows, space: (*_lead(g, windows), *space),
    transposes=(None, lambda ct, winner, g, **params: select(winner, ct, **params)),
    default=_spread,
    batch=lambda args, dims, **params: _fold(spread, args, dims, **params),
)


# ---- maximum ------------------------------------------------------------------------------------------------


def lowest(dtype: Any) -> Any:
    """The identity of max in `dtype`."""
    return -np.inf if jnp.issubdtype(dtype, jnp.floating) else jnp.iinfo(dtype).min


def _beats(a: Any, b: Any) -> Any:
    """Whether a later element replaces the maximum so far: larger, or NaN."""
    return (a > b) | (a != a) if jnp.issubdtype(a.dtype, jnp.floating) else a > b


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _compare(x: Any, windows: Windows) -> tuple[Any, Any]:
    """Maximum of each window and the number of the tap that holds it (int8, first on ties)."""
    best = winner = None
    for number, part in enumerate(slices(x, windows, lowest(x.dtype))):
        if best is None:
            best, winner = part, jnp.zeros(part.shape, np.int8)
        else:
            better = _beats(part, best)
            best, winner = jnp.where(better, part, best), jnp.where(better, np.int8(number), winner)
    return best, winner


@_compare.defjvp
def _compare_jvp(windows: Windows, primals: Any, tangents: Any) -> Any:
    best, winner = _compare(primals[0], windows)
    space = primals[0].shape[primals[0].ndim - len(windows.out) :]
    moved = select(winner, tangents[0], windows=windows, space=space)
    return (best, winner), (moved, np.zeros(winner.shape, jax.dtypes.float0))
