"""Rules for the order in memory of a row's results: `layout=` of a row.

A rule takes the result avals (row-major), the operand avals and the row's arguments, and returns the
result avals in PyTorch's order. It runs once per call that is new.
"""

from __future__ import annotations

from typing import Any

from .graph import Aval, reordered
from .layouts import CHANNELS_LAST, is_channels_last, order_like, strides_of

Avals = tuple[Aval, ...]


def as_operands(outs: Avals, avals: Avals, args: tuple[Any, ...]) -> Avals:
    """Result avals of a pointwise row: in memory they lie as the operands do."""
    arrays = [a for a in avals if not a.group]
    if all(a.order is None for a in arrays):
        return outs
    lead = max(arrays, key=lambda a: a.ndim)
    operands = [(a.shape, strides_of(a.shape, a.order)) for a in arrays]
    return tuple(
        reordered(o, order_like(o.shape, operands))
        if o.ndim == lead.ndim and all(broadcasts(a.shape, o.shape) for a in arrays)
        else o
        for o in outs
    )


def as_input(outs: Avals, avals: Avals, args: tuple[Any, ...]) -> Avals:
    """Result avals that lie in memory as the first operand, where they have its shape."""
    a = avals[0]
    if a.order is None:
        return outs
    order = order_like(a.shape, [(a.shape, strides_of(a.shape, a.order))])
    return tuple(reordered(o, order) if o.shape == a.shape else o for o in outs)


def channels(outs: Avals, avals: Avals, args: tuple[Any, ...]) -> Avals:
    """Result avals with the channels innermost, if an operand of that many dimensions has them there."""
    if all(a.order is None for a in avals):
        return outs
    last = {a.ndim for a in avals if a.order and is_channels_last(a.shape, strides_of(a.shape, a.order))}
    return tuple(reordered(o, CHANNELS_LAST[o.ndim]) if o.ndim in last else o for o in outs)


def flat_channels(outs: Avals, avals: Avals, args: tuple[Any, ...]) -> Avals:
    """As `channels`, in four dimensions only."""
    return tuple(b if b.ndim == 4 else a for a, b in zip(outs, channels(outs, avals, args)))


def laid_anew(outs: Avals, avals: Avals, args: tuple[Any, ...]) -> Avals:
    """Result avals as they are, of a promoted row that PyTorch lays out anew."""
    return outs


def all_channels(outs: Avals, avals: Avals, args: tuple[Any, ...]) -> Avals:
    """As `channels`, if all operands have them there."""
    return outs if any(a.order is None for a in avals) else channels(outs, avals, args)


def broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Whether a shape broadcasts to another."""
    return len(shape) <= len(to) and all(m in (1, n) for m, n in zip(shape[::-1], to[::-1]))


def asked_for(outs: Avals, avals: Avals, args: tuple[Any, ...]) -> Avals:
    """Result avals of a row whose last argument is the order in memory."""
    return tuple(reordered(o, args[-1]) for o in outs)


def columns(*which: int) -> Any:
    """The rule of matrix results (those of these places; all if none is named) that LAPACK fills by columns."""

    def rule(outs: Avals, avals: Avals, args: tuple[Any, ...]) -> Avals:
        return tuple(
            reordered(o, (*range(o.ndim - 2), o.ndim - 1, o.ndim - 2))
            if o.ndim >= 2 and (not which or i in which)
            else o
            for i, o in enumerate(outs)
        )

    return rule
