"""The order in memory of gradients, read off the jaxpr of a vjp.

PyTorch's backward formulas and JAX's are made of the same steps: what is permuted, reshaped or expanded
lies as a view of the gradient does, what is computed element by element as its operands do, and
everything else (sums, products, scatters into zeros) row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jax.extend import core

from .layouts import contiguous_strides, order_like, strides_of, view_strides

Strides = tuple[int, ...] | None  # None: the same everywhere, or of no importance

_ANEW = set("dot_general conv_general_dilated gather scatter scatter-add scatter_add sort pad".split())
_INNER = ("jaxpr", "call_jaxpr", "fun_jaxpr")


def through(jaxpr: core.Jaxpr, given: Sequence[Strides], first: Sequence[bool]) -> list[Strides]:
    """Strides of a jaxpr's results for those of its operands.

    Args:
        jaxpr: of a vjp.
        given: strides of its operands.
        first: operands with which PyTorch's formulas begin: their order goes before that of others.
    """
    at: dict[Any, Strides] = dict(zip(jaxpr.invars, given))
    of_first = {v for v, f in zip(jaxpr.invars, first) if f}

    def goes_first(v: Any) -> bool:
        return not isinstance(v, core.Literal) and v in of_first

    def look(v: Any) -> Strides:
        return None if isinstance(v, core.Literal) else at.get(v)

    for eqn in jaxpr.eqns:
        inner = next((eqn.params[p] for p in _INNER if p in eqn.params), None)
        found = [look(v) for v in eqn.invars]
        flags = [goes_first(v) for v in eqn.invars]
        if any(flags):
            of_first.update(eqn.outvars)
        if inner is not None:
            body = inner.jaxpr if isinstance(inner, core.ClosedJaxpr) else inner
            shapes: Any = [(v.aval, b.aval) for v, b in zip(eqn.invars, body.invars)]
            if len(body.invars) == len(found) and all(a.shape == b.shape for a, b in shapes):  # not a scan
                at.update(zip(eqn.outvars, through(body, found, flags)))
            continue
        for out in eqn.outvars:
            made: Any = out.aval
            at[out] = _step(eqn, found, flags, made.shape)
    return [look(v) for v in jaxpr.outvars]


def _step(eqn: Any, found: list[Strides], flags: list[bool], shape: tuple[int, ...]) -> Strides:
    """Strides of one equation's result."""
    name, first = eqn.primitive.name, found[0] if found else None
    if name in ("copy", "copy_p", "stop_gradient"):
        return first
    if first is not None:
        was = eqn.invars[0].aval.shape
        if name == "transpose":
            return tuple(first[d] for d in eqn.params["permutation"])
        if name in ("reshape", "squeeze"):
            return view_strides(was, first, shape)
        if name in ("broadcast_in_dim", "expand_dims"):
            return _broadcast(was, first, shape, eqn.params["broadcast_dimensions"])
    if name in _ANEW:
        return None
    operands = sorted(zip(flags, eqn.invars, found), key=lambda o: not o[0])
    alike = [(shape, s) for _, v, s in operands if s is not None and v.aval.shape == shape]
    return strides_of(shape, order_like(shape, alike)) if alike else None


def _broadcast(was: Any, strides: tuple[int, ...], shape: tuple[int, ...], places: Any) -> Strides:
    """Strides of what is expanded: 0 along what is new, but those of a view along new dimensions of size one."""
    out = [0] * len(shape)
    for n, s, d in zip(was, strides, places):
        out[d] = s if n == shape[d] else 0
    return tuple(out) if any(m != 1 for m in shape) else contiguous_strides(shape)
