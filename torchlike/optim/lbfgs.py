"""L-BFGS (Nocedal, "Updating Quasi-Newton Matrices with Limited Storage", 1980)."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core.fused import fused
from .._core.modes import enable_grad, no_grad
from .._core.tensor import Tensor, from_numpy_copy
from ..ops.bits import view_as_real
from ._checks import nonnegative, one_element
from ._update import as_real, zeros_like
from ._wolfe import Point, strong_wolfe
from .optimizer import Optimizer, ParamsT, _to_scalar

__all__ = ["LBFGS"]


LANES = 16  # bytes that the BLAS which PyTorch calls adds side by side, in four such rows
ORDERED = 1024  # elements: longer dot products are summed as XLA likes, PyTorch's in an order of its threads


def _dot(x: Any, y: Any, zero: Any) -> Any:
    """x . y, rounded where PyTorch rounds: L-BFGS differences gradients, and so carries the last bit far.

    Element i goes to running sum i mod 4 lanes, what is left over to the first sum.
    """
    if x.size > ORDERED:
        return jnp.vdot(x, y)
    products = _rounded(x * y, zero)
    lanes = LANES // products.dtype.itemsize
    whole = x.size // lanes * lanes
    rows = jnp.pad(products[:whole], (0, -whole % (4 * lanes))).reshape(-1, 4, lanes)
    sums = _in_order(list(rows)) if whole else jnp.zeros((4, lanes), products.dtype)
    sums = sums.at[0, 0].set(_in_order([sums[0, 0], *products[whole:]]))
    total = _in_order(list(sums))  # (lanes,)
    while total.size > 1:
        total = total[: total.size // 2] + total[total.size // 2 :]
    return total[0]


def _rounded(product: Any, zero: Any) -> Any:
    """A product rounded before it is added to anything.

    The compiler fuses the two, unless the product's bits have an integer added that it does not know.
    """
    bits = jax.lax.bitcast_convert_type(product, jnp.dtype(f"int{8 * product.dtype.itemsize}"))
    return jax.lax.bitcast_convert_type(bits + zero.astype(bits.dtype), product.dtype)


def _in_order(terms: list[Any]) -> Any:
    return functools.reduce(operator.add, terms)


Lists = tuple[tuple[Any, ...], ...]


def _direction(lists: Lists, scalars: tuple[Any, ...]) -> Lists:
    """The two-loop recursion (Nocedal and Wright, algorithm 7.4).

    Takes the gradient, its differences y and the steps s; as numbers 0, H and the 1 / y.s. Returns the
    direction and the factors of the first loop.
    Pairs whose `1 / y.s` is 0 change nothing: they fill the history up to a size that has a program already.
    """
    (g,), ys, ss = lists
    zero, *numbers = scalars
    h, *rhos = (x.astype(g.dtype) for x in numbers)
    history = (jnp.stack(ys), jnp.stack(ss), jnp.stack(rhos))  # (pairs, n), (pairs, n), (pairs,)

    def newest_first(q: Any, pair: Any) -> tuple[Any, Any]:
        y, s, rho = pair
        alpha = _dot(s, q, zero) * rho
        return q - alpha * y, alpha

    def oldest_first(r: Any, pair: Any) -> tuple[Any, None]:
        (y, s, rho), alpha = pair
        return r + s * (alpha - _rounded(_dot(y, r, zero) * rho, zero)), None

    q, alphas = jax.lax.scan(newest_first, -g, history, reverse=True)
    d, _ = jax.lax.scan(oldest_first, q * h, (history, alphas))
    return (d,), (alphas,)


def _flatten(lists: Lists, scalars: tuple[Any, ...]) -> Lists:
    """All arrays as one vector of real numbers, its largest and the sum of its magnitudes."""
    flat = jnp.concatenate([as_real(a).reshape(-1) for a in lists[0]])
    return (flat,), (jnp.stack([jnp.max(jnp.abs(flat)), jnp.sum(jnp.abs(flat))]),)


def _pair(lists: Lists, scalars: tuple[Any, ...]) -> Lists:
    """The difference y of two gradients, the step s, and (y.s, y.y)."""
    g, before, d = lists[0]
    zero, t = scalars
    y, s = g - before, d * t.astype(d.dtype)
    return (y,), (s,), (jnp.stack([_dot(y, s, zero), _dot(y, y, zero)]),)


def _along(lists: Lists, scalars: tuple[Any, ...]) -> Lists:
    """(g.d, the largest magnitude in d)."""
    g, d = lists[0]
    return ((jnp.stack([_dot(g, d, scalars[0]), jnp.max(jnp.abs(d))]),),)


def _run(name: str, rule: Any, lists: Any, numbers: tuple[Any, ...]) -> list[Tensor]:
    return [Tensor._from_value(v) for (v,) in fused(name, rule, (), lists, numbers)]


def _number(x: Any) -> Any:
    """A 0-dim Tensor as a NumPy number of its dtype: arithmetic with Python's rounds as PyTorch's does."""
    return x._host()[()] if isinstance(x, Tensor) else x


def _shown(x: Any) -> Any:
    """The reverse, for the state dict."""
    return from_numpy_copy(np.asarray(x)) if isinstance(x, np.generic) else x


class LBFGS(Optimizer):
    """L-BFGS on all parameters as one vector; every step calls its closure several times.

    Args:
        max_iter: iterations per `step`. max_eval: closure calls per `step` (default `max_iter * 1.25`).
        tolerance_grad: ends when no element of the gradient is larger.
        tolerance_change: ends when neither the parameters nor the loss change more.
        history_size: pairs kept for the inverse Hessian.
        line_search_fn: None (fixed step `lr`) or "strong_wolfe".

    State, on the first parameter: `func_evals`, `n_iter`, `d`, `t`, `old_dirs`, `old_stps`, `ro`,
    `H_diag`, `prev_flat_grad`, `prev_loss`.

    Raises:
        ValueError: several parameter groups, a negative `lr`.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        one_element(lr=lr)
        nonnegative("Invalid learning rate: {}", lr)
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    @property
    def _params(self) -> list[Tensor]:
        return self.param_groups[0]["params"]

    def _flat_grad(self) -> tuple[Tensor, Tensor]:
        """All gradients as one vector (zeros where there is none); its largest and the sum of its magnitudes."""
        grads = [zeros_like(p) if p.grad is None else p.grad.to_dense() for p in self._params]
        flat, sizes = _run("optim.flatten", _flatten, (grads,), ())
        return flat, sizes

    def _move(self, t: Any, d: Tensor) -> None:
        """Adds t * d to the parameters."""
        start = 0
        for p in self._params:
            p = view_as_real(p) if p.is_complex() else p
            p.add_(d[start : start + p.numel()].view(p.shape), alpha=float(t))
            start += p.numel()

    def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]
        """Performs up to `max_iter` iterations.

        Args:
            closure: clears the gradients, recomputes the loss, calls backward and returns the loss.

        Returns:
            The loss before the step.
        """
        with no_grad(), np.errstate(all="ignore"):
            return self._step(enable_grad()(closure))

    def _step(self, closure: Callable[[], Any]) -> Any:
        if len(self.param_groups) != 1:
            raise AssertionError(f"Expected exactly one param_group, but got {len(self.param_groups)}")
        group = self.param_groups[0]
        lr, tolerance = _number(_to_scalar(group["lr"])), group["tolerance_change"]
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        first_loss = closure()
        evals = 1
        state["func_evals"] += 1
        g, sizes = self._flat_grad()
        largest, total = sizes._host()
        loss = float(first_loss)
        if largest <= group["tolerance_grad"]:
            return first_loss
        history = History(state, group["history_size"])
        d, t = state.get("d"), _number(state.get("t"))
        before = state.get("prev_flat_grad")
        was = loss
        for n in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            if state["n_iter"] == 1:
                d = g.neg()
                history.clear()
            else:
                d = history.direction(g, before, d, t)
            before, was = g, loss
            t = min(1.0, 1.0 / total) * lr if state["n_iter"] == 1 else lr
            slope, reach = self._along(g, d)
            if slope > -tolerance:
                break
            last = n == group["max_iter"]
            used = 0
            if group["line_search_fn"] is not None:
                if group["line_search_fn"] != "strong_wolfe":
                    raise RuntimeError("only 'strong_wolfe' is supported")
                start = Point(0, loss, g, slope)
                found, used = self._search(closure, start, t, d, reach, tolerance, group["max_eval"] - evals)
                t, loss, g = found.t, found.value, found.grad
                self._move(t, d)
                largest = g.abs().max()._host()
            else:
                self._move(t, d)
                if not last:
                    result, used = closure(), 1
                    g, sizes = self._flat_grad()
                    largest, _ = sizes._host()  # the loss comes with the same program
                    loss = float(result)
            evals += used
            state["func_evals"] += used
            if last or evals >= group["max_eval"] or largest <= group["tolerance_grad"]:
                break
            if abs(reach * t) <= tolerance or abs(loss - was) < tolerance:
                break
        history.show()
        state["d"], state["t"], state["prev_flat_grad"], state["prev_loss"] = d, _shown(t), before, was
        return first_loss

    def _along(self, g: Tensor, d: Tensor) -> Any:
        """(g.d, the largest magnitude in d) as NumPy numbers."""
        (found,) = _run("optim.along", _along, ([g, d],), (0,))
        return found._host()

    def _search(
        self, closure: Callable[[], Any], start: Point, t: Any, d: Tensor, reach: Any, tolerance: float,
        max_evals: int,
    ) -> tuple[Point, int]:  # fmt: skip
        """A strong Wolfe step from the present parameters, which are as before afterwards."""
        origin = [p.clone() for p in self._params]

        def evaluate(t: Any) -> Point:
            self._move(t, d)
            result = closure()
            g, _ = self._flat_grad()
            slope, _ = self._along(g, d)
            for p, x in zip(self._params, origin):
                p.copy_(x)
            return Point(t, float(result), g, slope)

        return strong_wolfe(evaluate, start, t, reach, tolerance, max_evals)


class History:
    """The pairs (y, s) that stand for the inverse Hessian, between the state dict and a step's arithmetic."""

    def __init__(self, state: dict[str, Any], size: int):
        self.state, self.size = state, size
        self.ys: list[Tensor] = state.get("old_dirs") or []
        self.ss: list[Tensor] = state.get("old_stps") or []
        self.rhos = [_number(r) for r in state.get("ro") or ()]
        self.diagonal: Any = _number(state.get("H_diag"))
        self.alphas: Tensor | None = None
        self.pads: list[Tensor] = []

    def clear(self) -> None:
        """Starts with the identity."""
        self.ys, self.ss, self.rhos, self.diagonal = [], [], [], 1

    def show(self) -> None:
        """Writes the history into the state, in PyTorch's types."""
        self.state["old_dirs"], self.state["old_stps"] = self.ys, self.ss
        self.state["ro"] = [_shown(r) for r in self.rhos]
        self.state["H_diag"] = _shown(self.diagonal)
        if self.alphas is not None:
            n = len(self.rhos)
            self.state["al"] = [self.alphas[i].clone() for i in range(n)] + [None] * (self.size - n)

    def direction(self, g: Tensor, before: Tensor, d: Tensor, t: Any) -> Tensor:
        """The quasi-Newton direction; the newest pair joins the history if it has positive curvature."""
        y, s, products = _run("optim.pair", _pair, ([g, before, d],), (0, float(t)))
        curvature, square = products._host()
        if curvature > 1e-10:
            if len(self.ys) == self.size:
                for kept in (self.ys, self.ss, self.rhos):
                    kept.pop(0)
            self.ys.append(y)
            self.ss.append(s)
            self.rhos.append(1.0 / curvature)
            self.diagonal = curvature / square
        room = 4
        while room < len(self.ys):
            room *= 2
        empty = room - len(self.ys)
        while len(self.pads) < 2 * empty:
            self.pads.append(zeros_like(g))
        numbers = [float(x) for x in (self.diagonal, *self.rhos)] + [0.0] * empty
        lists = ([g], self.ys + self.pads[:empty], self.ss + self.pads[empty : 2 * empty])
        d, self.alphas = _run("optim.lbfgs", _direction, lists, (0, *numbers))
        return d
