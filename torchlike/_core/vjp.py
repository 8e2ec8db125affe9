"""Calls derived from a call: its vjp, its forward with residuals, and sums of gradients."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.core
import jax.numpy as jnp
from jax.interpreters import partial_eval

from .checks import ignoring
from .formulas import (
    BY_OPERANDS,
    BY_ROWS,
    DIVIDED,
    INTO_ZEROS,
    LIKE_OPERAND,
    PASSING,
    PASSING_FIRST,
    PRODUCTS,
    TOGETHER,
    WHOLE_BY_ROWS,
)
from .gradient_orders import through
from .graph import Aval, Call, make_call, reordered
from .layouts import order_of, owned, strides_of
from .orders import as_operands
from .program import lowering_for


def is_differentiable(a: Any) -> bool:
    """Whether gradients exist for this dtype."""
    return a.dtype.category >= 2


def _conj(x: Any) -> Any:
    return jnp.conj(x) if jnp.issubdtype(x.dtype, jnp.complexfloating) else x


def _pull_of(call: Call, need: tuple[int, ...], have: tuple[int, ...], xs: Any) -> Any:
    """`jax.vjp` of the call's outputs `have` for its operands `need`, at xs."""

    def g(*wanted: Any) -> list[Any]:
        full = list(xs)
        for i, x in zip(need, wanted):
            full[i] = x
        with ignoring():
            outs = call.fn(*full)
        return [outs[i] for i in have]

    return jax.vjp(g, *[xs[i] for i in need])


def vjp_of(
    call: Call, need: tuple[int, ...], have: tuple[int, ...], given: tuple[Aval, ...] | None = None
) -> tuple[Call, tuple[int, ...]]:
    """The vjp of a call as a Call of its own, and which of (operands + cotangents) it takes.

    Complex gradients follow PyTorch's convention: the conjugate of JAX's.

    Args:
        call: the forward.
        need: the operands that want gradients.
        have: the outputs whose cotangents are there.
        given: the Avals of the cotangents, where their order in memory is not the outputs'.
    """
    key = ("vjp", need, have)
    found = call.derived.get(key)
    if found is None:
        found = call.derived[key] = _make_vjp(call, need, have)  # type: ignore[assignment]
    if given is not None:
        plain: Any = found
        key += (given,)
        found = call.derived.get(key)
        if found is None:
            found = call.derived[key] = _reordered(call, need, plain, given)
    return found  # type: ignore[return-value]


def _make_vjp(call: Call, need: tuple[int, ...], have: tuple[int, ...]) -> tuple[Call, tuple[int, ...]]:
    avals = call.avals + tuple(call.outs[i] for i in have)
    n = len(call.avals)

    def fn(*args: Any) -> tuple[Any, ...]:
        _, pull = _pull_of(call, need, have, args[:n])
        return tuple(_conj(g) for g in pull([_conj(c) for c in args[n:]]))

    with lowering_for(call.device):
        closed = jax.make_jaxpr(fn)(*[a.struct for a in avals])
    jaxpr, used = partial_eval.dce_jaxpr(closed.jaxpr, [True] * len(need))
    consts = closed.consts
    keep = tuple([i for i, u in enumerate(used) if u])

    def pruned(*args: Any) -> tuple[Any, ...]:
        return tuple(jax.core.eval_jaxpr(jaxpr, consts, *args))

    text = None if call.text is None else f"vjp[{need}{have}{keep}]({call.text})"
    kept = tuple(avals[i] for i in keep)
    made = Call(call.name + ".vjp", text, pruned, kept, (), call.device)
    made.derived["jaxpr"] = jaxpr
    made.derived["cotangents"] = [i >= n for i in keep]
    made.outs = _gradient_avals(call, need, made)
    return made, keep


def _reordered(call: Call, need: tuple[int, ...], plain: Any, given: tuple[Aval, ...]) -> Any:
    """A vjp for cotangents that lie in memory otherwise: only what it says of its results' order differs."""
    made, keep = plain
    n = len(call.avals)
    kept = tuple(given[i - n] if i >= n else call.avals[i] for i in keep)
    if kept == made.avals:
        return plain
    other = Call(made.name, made.text, made.fn, kept, (), made.device)
    other.derived.update({k: made.derived[k] for k in ("jaxpr", "cotangents")})
    other.outs = _gradient_avals(call, need, other)
    return (made if other.outs == made.outs else other), keep


def _gradient_avals(call: Call, need: tuple[int, ...], vjp: Call) -> tuple[Aval, ...]:
    """The Avals of a vjp's results: of the operands' shapes, in the order of PyTorch's gradients."""
    strides = [strides_of(a.shape, a.order) for a in vjp.avals]
    first: Any = vjp.derived["cotangents"]  # PyTorch's formulas begin with the gradient
    if call.name in BY_OPERANDS:
        first = [not c for c in first]
    found = through(vjp.derived["jaxpr"], strides, first)  # type: ignore[arg-type]
    outs = []
    for i, s in zip(need, found):
        a = call.avals[i]
        order = None if s is None or call.name in INTO_ZEROS else order_of(a.shape, s)
        if call.name in PRODUCTS and a.ndim == 2:
            order = a.order if a.order == (1, 0) else None
        elif call.name in LIKE_OPERAND:
            order = a.order
        elif call.name in BY_ROWS or (call.name in WHOLE_BY_ROWS and len(call.outs) == 1):
            order = None
        outs.append(reordered(a, owned(order) if call.name in DIVIDED else order))
    return tuple(outs)


def vjp_by_result(call: Call, given: Aval) -> Call | None:
    """The vjp of a call as a function of the gradient, the result and the operand; None if the row gives none.

    Its results are PyTorch's, in PyTorch's convention for complex numbers.
    """
    formula: Any = call.derived.get("by_result")
    if formula is None or len(call.avals) != 1 or len(call.outs) != 1:
        return None
    key = ("by result", given)
    if key not in call.derived:
        plan: Any = call.derived["plan"]
        static = {p: how[1] for p, how in plan.items() if how[0] == "static"}
        avals = (given, call.outs[0], *call.avals)
        with lowering_for(call.device):
            if jax.eval_shape(lambda *a: formula(*a, **static), *[a.struct for a in avals]) is None:
                call.derived[key] = None  # type: ignore[assignment]
                return None
            text = None if call.text is None else f"by result[{given}]({call.text})"
            made = make_call(
                call.name + ".vjp", text, lambda *a: (formula(*a, **static),), avals, call.device
            )
        made.outs = vjp_of(call, (0,), (0,), (given,))[0].outs
        call.derived[key] = made  # type: ignore[assignment]
    return call.derived[key]  # type: ignore[return-value]


def dependencies(call: Call, need: tuple[int, ...], vjp: Call) -> list[tuple[int, ...]]:
    """Per result of a call's vjp the operands that PyTorch's gradient depends on, but for where it goes to."""
    found: Any = vjp.derived.get("dependencies")
    if found is None:
        jaxpr: Any = vjp.derived["jaxpr"]
        cotangents: Any = vjp.derived["cotangents"]
        n = len(jaxpr.outvars)
        uses = [partial_eval.dce_jaxpr(jaxpr, [j == i for j in range(n)])[1] for i in range(n)]
        for i, operand in enumerate(need):
            if call.name in TOGETHER:
                uses[i] = [True] * len(cotangents)
            elif call.name in PASSING or (call.name in PASSING_FIRST and operand == 0):
                uses[i] = cotangents
        found = vjp.derived["dependencies"] = [tuple([k for k, u in enumerate(used) if u]) for used in uses]
    return found


def with_residuals(call: Call, need: tuple[int, ...]) -> tuple[Call, int]:
    """The call that also returns what its vjp keeps, and how many outputs are its own."""
    key = ("residuals", need)
    found = call.derived.get(key)
    if found is None:
        have = tuple([i for i, o in enumerate(call.outs) if is_differentiable(o)])
        box: dict[str, Any] = {}

        def fn(*xs: Any) -> tuple[Any, ...]:
            rest: dict[str, Any] = {}

            def g(*wanted: Any) -> Any:
                full = list(xs)
                for i, x in zip(need, wanted):
                    full[i] = x
                with ignoring():
                    outs = call.fn(*full)
                rest["ints"] = [o for i, o in enumerate(outs) if i not in have]
                return [outs[i] for i in have], rest["ints"]

            outs, pull, ints = jax.vjp(g, *[xs[i] for i in need], has_aux=True)
            leaves, box["tree"] = jax.tree.flatten(pull)
            floats, others = iter(outs), iter(ints)
            own = tuple(next(floats) if i in have else next(others) for i in range(len(call.outs)))
            return own + tuple(jnp.asarray(leaf) for leaf in leaves)

        text = None if call.text is None else f"residuals[{need}]({call.text})"
        with lowering_for(call.device):
            made = make_call(call.name, text, fn, call.avals, call.device)
        made.outs = call.outs + made.outs[len(call.outs) :]
        made.extra = box["tree"]
        found = call.derived[key] = (made, len(call.outs))  # type: ignore[assignment]
    return found  # type: ignore[return-value]


def residual_pull(call: Call, need: tuple[int, ...], have: tuple[int, ...]) -> Call:
    """The backward that takes residuals and cotangents."""
    key = ("pull", need, have)
    found = call.derived.get(key)
    if found is None:
        forward, own = with_residuals(call, need)
        tree, n = forward.extra, len(forward.outs) - own
        floats = [i for i, o in enumerate(call.outs) if is_differentiable(o)]

        def fn(*args: Any) -> tuple[Any, ...]:
            pull = jax.tree.unflatten(tree, args[:n])
            given = dict(zip(have, args[n:]))
            cts = [
                _conj(given[i]) if i in given else jnp.zeros(call.outs[i].shape, call.outs[i].dtype.jnp)
                for i in floats
            ]
            return tuple(_conj(g) for g in pull(cts))

        avals = forward.outs[own:] + tuple(call.outs[i] for i in have)
        text = None if call.text is None else f"pull[{need}{have}]({call.text})"
        outs = tuple(call.avals[i] for i in need)
        found = call.derived[key] = Call(call.name + ".vjp", text, fn, avals, outs, call.device)
    return found


def add_call(a: Aval, b: Aval) -> Call:
    """Sum of two arrays of one shape: how gradients accumulate."""
    return simple_call("accumulate", lambda x, y: (x + y,), (a, b), layout=as_operands)


@functools.cache
def fill_call(a: Any, number: int) -> Call:
    """An array of one constant."""
    return simple_call(f"fill{number}", lambda: (jnp.full(a.shape, number, a.dtype.jnp),), (), a.device, a)


def cast_call(a: Any, dtype: Any) -> Call:
    """An array in another dtype."""
    return simple_call("cast", lambda x: (x.astype(dtype.jnp),), (a,), None, dtype)


_simple_calls: dict[Any, Call] = {}


def simple_call(name: str, fn: Callable, avals: tuple[Aval, ...], device: Any = None, tag: Any = None,
                layout: Callable | None = None) -> Call:  # fmt: skip
    """The one Call of this name, these operands and tag; `layout` as a row's."""
    key = (name, avals, tag)
    found = _simple_calls.get(key)
    if found is None:
        found = _simple_calls[key] = make_call(name, f"{name}{avals}{tag}", fn, avals, device)
        if layout is not None:
            found.outs = layout(found.outs, avals, ())
    return found
