"""The recorded update of one parameter group: all its parameters in one call.

A `Rule` is the pure-JAX body. It sees the parameters, their gradients and state
as lists of arrays; everything that may change between steps (learning rate, step
count, decay, ...) arrives as a lifted number, so no change of it compiles again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import jax.numpy as jnp
import numpy as np

from .._core.dtypes import C_NAMES
from .._core.fused import fused, fused_taped, rebind, rewrite
from .._core.graph import Value
from .._core.modes import local
from .._core.registry import check_inplace
from .._core.tensor import Tensor, from_numpy_copy
from ._counters import common_cohort, counters_of, enlist

Lists = tuple[tuple[Any, ...], ...]
_UNSEEN = {Value}


class Rule:
    """An update rule as a function over arrays.

    Args:
        name: identifies the rule in programs and reports.
        each: `each(p, g, state, h, **static) -> (p, *state)` for one parameter; `h.<name>` are the
            numbers of `Optimizer._options` as 0-dim arrays of the dtype that the parameter is computed in.
        lerps: whether PyTorch's rule lerps the first state towards the gradient, which wants one dtype.
    """

    def __init__(self, name: str, each: Callable[..., tuple[Any, ...]], lerps: bool = False):
        self.name, self.each, self.lerps = name, each, lerps
        self.__qualname__ = name

    def __call__(
        self,
        lists: Lists,
        scalars: tuple[Any, ...],
        *,
        names: tuple[str, ...],
        maximize: bool = False,
        decay: str = "",
        sparse: bool = False,
        **static: Any,
    ) -> Lists:
        """One step: `lists` is (params, grads, numbers that are Tensors, *state); `names` of all numbers.

        With `sparse`, grads are the values of sparse gradients, whose indices are one more list, the last.
        Where the number `skipped` is not 0, parameters and state stay as they are.
        """
        params, grads, given, *states = lists
        numbers = dict(zip(names, (*scalars, *[a.reshape(()) for a in given])))
        skipped = numbers.pop("skipped", None)
        if sparse:
            *states, places = states
            rows = [
                _rows(self.each, i, p, g, s, numbers, maximize, decay, static)
                for i, p, g, *s in zip(places, params, grads, *states)
            ]
        else:
            if self.lerps:
                _check_lerp(states[0], grads)
            rows = [
                _one(self.each, p, g, s, numbers, maximize, decay, static)
                for p, g, *s in zip(params, grads, *states)
            ]
        moved = tuple(zip(*rows))
        if skipped is None:
            return moved
        return tuple(
            tuple(jnp.where(skipped != 0, x, y) for x, y in zip(old, new))
            for old, new in zip((params, *states), moved)
        )


def _check_lerp(states: Any, grads: Any) -> None:
    """Raises what `Tensor.lerp_` says to a state and a gradient of two dtypes."""
    for pair in zip(states, grads):
        have, given = (C_NAMES[jnp.finfo(a.dtype).dtype.name] for a in pair)
        if have != given:
            raise RuntimeError(f"expected dtype {have} for `end` but got dtype {given}")


def _rows(
    each: Callable, indices: Any, p: Any, values: Any, state: list[Any], numbers: dict, maximize: bool,
    decay: str, static: dict,
) -> tuple[Any, ...]:  # fmt: skip
    """The rule for those entries of a parameter that its sparse gradient names; the others stay.

    Equal indices are added up first. There are as many distinct ones as indices at most; the rest of
    that many stand beyond the end and are dropped, so that no shape depends on data.
    """
    sparse_dim, nnz = indices.shape
    if nnz == 0:
        return (p, *state)
    sizes, dense = p.shape[:sparse_dim], p.shape[sparse_dim:]
    count = math.prod(sizes)
    inside = jnp.ones(nnz, bool)
    flat = jnp.zeros(nnz, indices.dtype)
    for row, size in zip(indices, sizes):
        inside &= (row >= 0) & (row < size)
        flat = flat * size + row
    flat = jnp.where(inside, flat, count)
    distinct, group = jnp.unique(flat, return_inverse=True, size=nnz, fill_value=count)
    g = jnp.zeros((nnz, *dense), values.dtype).at[group.reshape(-1)].add(values)
    whole = [a.reshape(count, *dense) for a in (p, *state)]
    here = [a.at[distinct].get(mode="fill", fill_value=0) for a in whole]
    moved = _one(each, here[0], g, here[1:], numbers, maximize, decay, static)
    return tuple(a.at[distinct].set(m, mode="drop").reshape(p.shape) for a, m in zip(whole, moved))


def _one(
    each: Callable, p: Any, g: Any, state: list[Any], numbers: dict, maximize: bool, decay: str, static: dict
) -> tuple[Any, ...]:
    """The rule for one parameter, in real arithmetic of at least float32."""
    import optax  # here: `import torchlike` does not pay for it

    stored = [a.dtype for a in (p, *state)]
    p, g, *state = [as_real(a) for a in (p, g, *state)]
    dtype = jnp.promote_types(p.dtype, jnp.float32)
    p, g, *state = [a.astype(dtype) for a in (p, g, *state)]
    h = SimpleNamespace(**{k: v.astype(dtype) for k, v in numbers.items()})
    if maximize:
        g = -g
    if decay == "l2":
        transform = optax.add_decayed_weights(h.weight_decay)
        g, _ = transform.update(g, transform.init(p), p)
    elif decay == "decoupled":
        p = p * h.keep
    return tuple(_as_stored(a, d) for a, d in zip(each(p, g, tuple(state), h, **static), stored))


def as_real(a: Any) -> Any:
    """Complex numbers as pairs of real ones in a new last dimension."""
    return jnp.stack([a.real, a.imag], -1) if jnp.issubdtype(a.dtype, jnp.complexfloating) else a


def _as_stored(a: Any, dtype: Any) -> Any:
    if jnp.issubdtype(dtype, jnp.complexfloating):
        return (a[..., 0] + 1j * a[..., 1]).astype(dtype)
    return a.astype(dtype)


def nonzero(x: Any) -> bool:
    """Whether an option takes part in the update; a Tensor always does (its value is not looked at)."""
    return x != 0 if type(x) is float or type(x) is int else isinstance(x, Tensor) or x != 0


def common_options(group: dict[str, Any], decoupled: bool = False) -> tuple[tuple, dict[str, Any]]:
    """What `maximize` and `weight_decay` add to a rule's static options and numbers."""
    static = (("maximize", group["maximize"]),)
    decay = group["weight_decay"]
    if not nonzero(decay):
        return static, {}
    if decoupled:
        return (*static, ("decay", "decoupled")), {"keep": 1 - group["lr"] * decay}
    return (*static, ("decay", "l2")), {"weight_decay": decay}


def zeros_like(p: Tensor) -> Tensor:
    """Concrete zeros: the first step is then the same program as the later ones."""
    return full_like(p, 0.0)


def full_like(p: Tensor, number: complex) -> Tensor:
    """Concrete data of a parameter's shape, dtype and device."""
    return from_numpy_copy(np.broadcast_to(np.asarray(number, p.dtype.jnp), tuple(p.shape)), device=p.device)


def update_group(opt: Any, group: dict[str, Any]) -> None:
    """Records one step for the parameters of a group that have a gradient."""
    params, sparse = group["params"], False
    grads = [p._grad for p in params]  # Tensors, or Values where nobody has looked at `p.grad`
    if set(map(type, grads)) != _UNSEEN:
        params = [p for p, g in zip(params, grads) if g is not None]
        grads = [g for g in grads if g is not None]
        if not params:
            return
        sparse = any(type(g) is not Value and g.is_sparse for g in grads)
        if not sparse:
            grads = [g if type(g) is Value else g._read() for g in grads]
    if sparse or local.ctx.grad:
        grads = [p._shown_grad() for p in params]
    if sparse:
        return _update_mixed(opt, group, params, grads)
    _update(opt, group, params, grads)


def _update_mixed(opt: Any, group: dict[str, Any], params: list, grads: list) -> None:
    """Parameters with sparse gradients step apart from the others."""
    if not opt._steps_rows(group):
        return _update(opt, group, params, [g.to_dense() for g in grads])
    for sparse in (False, True):
        chosen = [i for i, g in enumerate(grads) if g.is_sparse == sparse]
        if chosen:
            _update(opt, group, [params[i] for i in chosen], [grads[i] for i in chosen])


def _update(opt: Any, group: dict[str, Any], params: list, grads: list) -> None:
    """Records one step for these parameters; the gradients are Values, if the step is not taped and none is sparse."""
    if not opt._has_state(group):
        return _apply(opt, group, params, grads, [], {}, False)
    table = opt.state
    states = [table[p] for p in params]
    names = opt._counters
    if all(states):
        if names:
            cohort = common_cohort(states, names)
            if cohort is not None:
                return _apply(opt, group, params, grads, states, cohort.numbers, False)
        elif opt._alike.get(id(group)) == list(map(id, params)):
            return _apply(opt, group, params, grads, states, {}, False)
    parts = partition(opt, group, params)
    if len(parts) == 1:
        opt._alike[id(group)] = list(map(id, params))
    for (_, _, numbers), members in parts.items():
        ps, gs, ss = ([column[i] for i in members] for column in (params, grads, states))
        if numbers is None:
            at = make_state(opt, group, ps)
        else:
            at = enlist(ss, dict(zip(names, numbers))).numbers if names else {}
        _apply(opt, group, ps, gs, ss, at, numbers is None)


def partition(opt: Any, group: dict[str, Any], params: list) -> dict[Any, list[int]]:
    """Positions of parameters by (device, kind of state, counters); None where there is no state."""
    parts: dict[Any, list[int]] = {}
    for i, p in enumerate(params):
        s = opt.state.get(p)
        key = (p.device, opt._state_names(group, p), counters_of(s, opt._counters) if s else None)
        parts.setdefault(key, []).append(i)
    return parts


def make_state(opt: Any, group: dict[str, Any], params: list) -> dict[str, float]:
    """Fills the states of parameters that start together; returns their counters."""
    states = [opt.state[p] for p in params]
    numbers = opt._new_counters(group)
    if numbers:
        numbers = enlist(states, numbers).numbers
    for p, s in zip(params, states):
        s.update(opt._new_state(group, p))
    return numbers


def resume(opt: Any, group: dict[str, Any]) -> None:
    """After loading: finds the cohorts at once.

    Later, between `backward` and `step`, looking at a tensor would cut the step in two.
    """
    if not opt._counters:
        return
    loaded = [
        p for p in group["params"] if opt.state.get(p) and all(n in opt.state[p] for n in opt._counters)
    ]
    for (_, _, numbers), members in partition(opt, group, loaded).items():
        enlist([opt.state[loaded[i]] for i in members], dict(zip(opt._counters, numbers)))


def _apply(
    opt: Any,
    group: dict[str, Any],
    params: list,
    grads: list,
    states: list[dict],
    at: dict[str, float],
    fresh: bool,
) -> None:
    """One call of the rule for parameters in step with each other; `at` are their counters, moved on here."""
    before = at.copy()
    try:
        _move(opt, group, params, grads, states, at, fresh)
    except BaseException:
        at.update(before)
        raise


def _move(
    opt: Any, group: dict[str, Any], params: list, grads: list, states: list[dict], at: dict[str, float], fresh: bool
) -> None:  # fmt: skip
    """`_apply` without the way back."""
    skipped = opt.__dict__.get("found_inf")  # set by a GradScaler: 1 where this step is not to be made
    if at and skipped is None:
        at["step"] = at["step"] + 1.0
    elif at and skipped is not None:
        if not isinstance(
            at["step"], Tensor
        ):  # data from the first such step on, so that all are one program
            at["step"] = from_numpy_copy(np.asarray(at["step"], np.float64), device=skipped.device)  # type: ignore[assignment]
        at["step"] = at["step"] + (1.0 - skipped.double())
    static, hyper = opt._options(group, at, fresh)
    if skipped is not None:
        hyper = {**hyper, "skipped": skipped.to(params[0].device)}
    rule: Rule = opt._rule
    numbers = []
    given: list[Tensor] = []
    names = tuple(hyper)
    for name, x in hyper.items():
        if type(x) is float:
            numbers.append(x)
        elif isinstance(x, Tensor):  # an input as it is: its value need not be known now
            given.append(x)
            names = (*[n for n in names if n != name], name)
        else:
            numbers.append(float(x))
    columns = [[s[name] for s in states] for name in opt._state_names(group, params[0])] if states else []
    static = (*static, ("names", names))
    if local.ctx.grad:
        return _apply_taped(opt, group, static, (params, grads, given, *columns), numbers)
    if type(grads[0]) is not Value and grads[0].is_sparse:
        places = [g._i for g in grads]
        lists = (params, [g._v for g in grads], given, *columns, places)
        results = fused(rule.name, rule, (*static, ("sparse", True)), lists, numbers)
        rebind(params, results[0], opt._writes(group))
        for column, values in zip(columns, results[1:]):
            rebind(column, values)
        return
    if type(grads[0]) is not Value:
        grads = [g._read() for g in grads]
    known = opt._updates.setdefault(id(group), {})
    rewrite(known, rule.name, rule, static, (params, *columns), grads, given, numbers, opt._writes(group))


def _apply_taped(opt: Any, group: dict[str, Any], static: tuple, lists: Any, numbers: list[float]) -> None:
    """`_apply` for `differentiable=True`: gradients flow through the step, to its gradients and its numbers."""
    params, grads, _, *columns = lists
    if group["foreach"]:
        raise AssertionError("_foreach ops don't support autograd")
    for p in params:
        check_inplace(p)
    rule: Rule = opt._rule
    results, node = fused_taped(
        rule.name, rule, static, (params, [g.to_dense() for g in grads], *lists[2:]), numbers,
        f"{type(opt).__name__}StepBackward0",
    )  # fmt: skip
    index = 0
    for tensors, values in zip((params, *columns), results):
        for t, v in zip(tensors, values):
            t._assign(v, None if node is None else (node, index))
            index += 1
