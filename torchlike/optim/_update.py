"""The recorded update of one parameter group: all its parameters in one call.

A `Rule` is the pure-JAX body. It sees the parameters, their gradients and state
as lists of arrays; everything that may change between steps (learning rate, step
count, decay, ...) arrives as a lifted number, so no change of it compiles again.

Counters (`step`, ...) are 0-dim tensors, one per parameter as in PyTorch, but all
parameters in step with each other share one Value: the program takes and returns
it once. Its number is mirrored on the host (`Cursor`), so that a bias correction is
computed in Python floats, as PyTorch does, without waiting for the device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import jax.numpy as jnp
import numpy as np

from .._core.dtypes import float64, get_default_dtype
from .._core.registry import fused
from .._core.tensor import Tensor, from_numpy_copy

Hyper = Any


def plus_one(counters: tuple[Any, ...], h: Hyper) -> tuple[tuple[Any, ...], Hyper]:
    """The usual counter: `step` grows by one."""
    return tuple(c + 1 for c in counters), h


class Rule:
    """An update rule as a function over arrays.

    Args:
        name: identifies the rule in programs and reports.
        hyper: names of the lifted numbers, in the order `Optimizer._options` gives them.
        each: `each(p, g, state, h, **static) -> (p, *state)` for one parameter; `h.<name>` are
            0-dim arrays of the dtype that the parameter is computed in.
        counters: the 0-dim state tensors and what they start from; `advance(counters, h) ->
            (counters, h)` moves them on, with `h` in float64.
    """

    def __init__(
        self,
        name: str,
        hyper: tuple[str, ...],
        each: Callable[..., tuple[Any, ...]],
        counters: dict[str, float] | None = None,
        advance: Callable[..., Any] = plus_one,
    ):
        self.name, self.hyper, self.each, self.advance = name, hyper, each, advance
        self.__qualname__ = name
        self.counters: dict[str, float] = {"step": 0.0} if counters is None else counters

    def __call__(
        self,
        lists: tuple[tuple[Any, ...], ...],
        scalars: tuple[Any, ...],
        *,
        given: tuple[int, ...] = (),
        maximize: bool = False,
        decay: str = "",
        **static: Any,
    ) -> tuple[tuple[Any, ...], ...]:
        """One step: `lists` is (params, grads, counters, numbers given as tensors, *state)."""
        params, grads, counters, tensors, *states = lists
        numbers = list(scalars)
        for position, array in zip(given, tensors):
            numbers.insert(position, array.reshape(()).astype(np.float64))
        wide = SimpleNamespace(**dict(zip(self.hyper, numbers)))
        if self.counters:
            before = counters
            counters, wide = self.advance(counters, wide)
            counters = tuple(c.astype(b.dtype) for c, b in zip(counters, before))
        rows = [
            _one(self.each, p, g, s, wide, maximize, decay, static)
            for p, g, *s in zip(params, grads, *states)
        ]
        columns = list(zip(*rows))
        return (columns[0], tuple(counters), *columns[1:])


def _one(
    each: Callable, p: Any, g: Any, state: list[Any], wide: Hyper, maximize: bool, decay: str, static: dict
) -> tuple[Any, ...]:
    """The rule for one parameter, in real arithmetic of at least float32."""
    import optax  # here: `import torchlike` does not pay for it

    stored = [a.dtype for a in (p, *state)]
    p, g, *state = [as_real(a) for a in (p, g, *state)]
    dtype = jnp.promote_types(p.dtype, jnp.float32)
    p, g, *state = [a.astype(dtype) for a in (p, g, *state)]
    h = SimpleNamespace(**{k: v.astype(dtype) for k, v in vars(wide).items()})
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


class Cursor:
    """What the host knows of a group between steps: the number that each `step` Value holds."""

    __slots__ = ("numbers",)

    def __init__(self) -> None:
        self.numbers: dict[int, tuple[Any, float]] = {}

    def find(self, value: Any) -> float | None:
        """The number in a Value that this group's last steps wrote."""
        entry = self.numbers.get(id(value))
        return entry[1] if entry is not None and entry[0] is value else None

    def move(self, old: Any, new: Any, number: float) -> None:
        """`new` was written over `old`."""
        numbers = self.numbers
        numbers.pop(id(old), None)
        if len(numbers) > 256:
            numbers.clear()
        numbers[id(new)] = (new, number)


def nonzero(x: Any) -> bool:
    """Whether an option takes part in the update; a Tensor always does (its value is not looked at)."""
    return True if isinstance(x, Tensor) else x != 0


def counter(number: float, device: Any = None) -> Tensor:
    """A counter tensor: 0-dim float32 (float64 where that is the default dtype), beside its parameter."""
    dtype = np.float64 if get_default_dtype() is float64 else np.float32
    return from_numpy_copy(np.asarray(number, dtype), device=device)


def zeros_like(p: Tensor) -> Tensor:
    """Concrete zeros: the first step is then the same program as the later ones."""
    return full_like(p, 0.0)


def full_like(p: Tensor, number: complex) -> Tensor:
    """Concrete data of a parameter's shape, dtype and device."""
    return from_numpy_copy(np.full(tuple(p.shape), number, p.dtype.jnp), device=p.device)


def update_group(opt: Any, group: dict[str, Any], cursor: Cursor) -> None:
    """Records one step for the parameters of a group that have a gradient."""
    params, grads = [], []
    for p in group["params"]:
        g = p.grad
        if g is not None:
            params.append(p)
            grads.append(g)
    if not params:
        return
    if not opt._has_state(group):
        return _apply(opt, group, params, grads, [], 0.0, cursor, False)
    table = opt.state
    states = [table[p] for p in params]
    if all(states):
        values = _shared_values(states, opt._rule.counters)
        if values is not None:
            count = cursor.find(values[0]) if values else 0.0
            if count is None:
                count = float(states[0]["step"])
            return _apply(opt, group, params, grads, states, count, cursor, False)
    _update_parts(opt, group, params, grads, states, cursor)


def _shared_values(states: list[dict], names: Iterable[str]) -> tuple[Any, ...] | None:
    """The counter Values that all these states share, or None."""
    values = []
    for name in names:
        first = states[0][name]._read()
        for s in states:
            if s[name]._read() is not first:
                return None
        values.append(first)
    return tuple(values)


def _apply(
    opt: Any,
    group: dict,
    params: list,
    grads: list,
    states: list[dict],
    count: float,
    cursor: Cursor,
    fresh: bool,
) -> None:
    """One call of the rule for parameters that are in step with each other, after `count` steps."""
    rule: Rule = opt._rule
    count += 1
    static, hyper = opt._options(group, count, fresh)
    numbers = [x if type(x) is float else _number(x) for x in hyper]
    given: list[Tensor] = []
    if any([type(x) is not float for x in numbers]):
        static += (("given", tuple([i for i, x in enumerate(numbers) if type(x) is not float])),)
        given = [x for x in numbers if type(x) is not float]
        numbers = [x for x in numbers if type(x) is float]
    columns = [[s[name] for s in states] for name in opt._state_names(group, params[0])] if states else []
    names = rule.counters
    counters = [states[0][name] for name in names]
    lists = (params, grads, counters, given, *columns)
    results = fused(rule.name, rule, static, lists, tuple(numbers))
    for p, v in zip(params, results[0]):
        p._write(v)
    for column, values in zip(columns, results[2:]):
        for t, v in zip(column, values):
            t._write(v)
    if names:
        cursor.move(counters[0]._read(), results[1][0], count)
        for name, v in zip(names, results[1]):
            for s in states:
                s[name]._write(v)


def _number(x: Any) -> Any:
    """A hyper-parameter as a Python float; Tensors stay, so that their value need not be known now."""
    return x if isinstance(x, Tensor) else float(x)


def make_state(opt: Any, group: dict, params: list, cursor: Cursor) -> None:
    """Fills the empty states of parameters that start together."""
    shared = {name: counter(n, params[0].device)._read() for name, n in opt._new_counters(group).items()}
    if shared:
        cursor.numbers[id(shared["step"])] = (shared["step"], 0.0)
    for p in params:
        s = opt.state[p]
        for name, value in shared.items():
            s[name] = Tensor._from_value(value)
        s.update(opt._new_state(group, p))


def _update_parts(
    opt: Any, group: dict, params: list, grads: list, states: list[dict], cursor: Cursor
) -> None:
    """Parameters that differ in device, step count or kind of state: one call of the rule per kind."""
    names = tuple(opt._rule.counters)
    parts: dict[Any, tuple[float | None, list[int]]] = {}
    for i, (p, s) in enumerate(zip(params, states)):
        count, at = None, None
        if s:
            at = tuple([id(s[name]._read()) for name in names])
            count = cursor.find(s[names[0]]._read()) if names else 0.0
            if count is None:  # written by somebody else: equal numbers count as one
                at = tuple([float(s[name]) for name in names])
                count = at[0]
        key = (str(p.device), at, opt._state_names(group, p))
        parts.setdefault(key, (count, []))[1].append(i)
    for count, members in parts.values():
        ps, gs, ss = ([column[i] for i in members] for column in (params, grads, states))
        if count is None:
            if any(getattr(g, "is_sparse", False) for g in gs):
                raise RuntimeError(f"{type(opt).__name__} does not support sparse gradients")
            make_state(opt, group, ps, cursor)
        elif names:
            share_counters(ss, names)
        _apply(opt, group, ps, gs, ss, count or 0.0, cursor, count is None)


def share_counters(states: list[dict], names: Iterable[str]) -> None:
    """Gives counters of equal number one Value."""
    for name in names:
        value = states[0][name]._read()
        for s in states:
            if s[name]._read() is not value:
                s[name]._write(value)


def resume(opt: Any, group: dict, cursor: Cursor) -> None:
    """After loading: counters become tensors, equal ones share a Value, their number is noted.

    Done at once, because looking at a tensor between `backward` and `step` would cut the step in two.
    """
    names = tuple(opt._rule.counters)
    parts: dict[Any, list[dict]] = {}
    for p in group["params"]:
        s = opt.state.get(p)
        if not s or not names or any(name not in s for name in names):
            continue
        for name in names:
            if not isinstance(s[name], Tensor):  # old checkpoints hold Python numbers
                s[name] = counter(float(s[name]), p.device)
        key = (str(p.device), opt._state_names(group, p), *(float(s[name]) for name in names))
        parts.setdefault(key, []).append(s)
    for (_, _, number, *_), states in parts.items():
        share_counters(states, names)
        value = states[0][names[0]]._read()
        cursor.numbers[id(value)] = (value, number)
