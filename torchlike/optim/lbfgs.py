"""L-BFGS (Nocedal, "Updating Quasi-Newton Matrices with Limited Storage", 1980)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from .._core.modes import enable_grad, no_grad
from .._core.registry import fused
from .._core.tensor import Tensor
from ._checks import nonnegative, one_element
from ._update import as_real, zeros_like
from ._wolfe import Point, strong_wolfe
from .optimizer import Optimizer, ParamsT, _get_value

__all__ = ["LBFGS"]


def _direction(lists: tuple[tuple[Any, ...], ...], scalars: tuple[Any, ...]) -> tuple[tuple[Any, ...], ...]:
    """The two-loop recursion (Nocedal and Wright, algorithm 7.4).

    Takes the gradient, its differences y and the steps s; as numbers H and the 1 / y.s.
    Pairs whose `1 / y.s` is 0 change nothing: they fill the history up to a size that has a program already.
    """
    (g,), ys, ss = lists
    h, *rhos = (x.astype(g.dtype) for x in scalars)
    history = (jnp.stack(ys), jnp.stack(ss), jnp.stack(rhos))  # (pairs, n), (pairs, n), (pairs,)

    def newest_first(q: Any, pair: Any) -> tuple[Any, Any]:
        y, s, rho = pair
        alpha = jnp.vdot(s, q) * rho
        return q - alpha * y, alpha

    def oldest_first(r: Any, pair: Any) -> tuple[Any, None]:
        (y, s, rho), alpha = pair
        return r + s * (alpha - jnp.vdot(y, r) * rho), None

    q, alphas = jax.lax.scan(newest_first, -g, history, reverse=True)
    d, _ = jax.lax.scan(oldest_first, q * h, (history, alphas))
    return ((d,),)


def _flatten(lists: tuple[tuple[Any, ...], ...], scalars: tuple[Any, ...]) -> tuple[tuple[Any, ...], ...]:
    """All arrays as one vector of real numbers."""
    parts = [as_real(a).reshape(-1) for a in lists[0]]
    return ((jnp.concatenate(parts),),)


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

    def _flat_grad(self) -> Tensor:
        """All gradients as one vector; zeros where there is none."""
        grads = [zeros_like(p) if p.grad is None else p.grad.to_dense() for p in self._params]
        ((flat,),) = fused("optim.flatten", _flatten, (), (grads,), ())
        return Tensor._from_value(flat)

    def _move(self, t: float, d: Tensor) -> None:
        """Adds t * d to the parameters."""
        start = 0
        for p in self._params:
            n = p.numel() * (2 if p.is_complex() else 1)
            part = d[start : start + n]
            if p.is_complex():
                part = part.view(*p.shape, 2)
                p.copy_(p + t * (part[..., 0] + 1j * part[..., 1]))
            else:
                p.add_(part.view(p.shape), alpha=t)
            start += n

    def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]
        """Performs up to `max_iter` iterations.

        Args:
            closure: clears the gradients, recomputes the loss, calls backward and returns the loss.

        Returns:
            The loss before the step.
        """
        with no_grad():
            return self._step(enable_grad()(closure))

    def _step(self, closure: Callable[[], Any]) -> Any:
        group = self.param_groups[0]
        lr, tolerance = float(_get_value(group["lr"])), group["tolerance_change"]
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise RuntimeError("only 'strong_wolfe' is supported")
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        first_loss = closure()
        loss, evals = float(first_loss), 1
        state["func_evals"] += 1
        g = self._flat_grad()
        if float(g.abs().max()) <= group["tolerance_grad"]:
            return first_loss
        for n in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            d = self._next_direction(state, g, group["history_size"])
            before = loss
            state["prev_flat_grad"], state["prev_loss"], state["d"] = g, loss, d
            t = min(1.0, 1.0 / float(g.abs().sum())) * lr if state["n_iter"] == 1 else lr
            state["t"] = t
            slope = float(g.dot(d))
            if slope > -tolerance:
                break
            last = n == group["max_iter"]
            if group["line_search_fn"] is not None:
                start = Point(0.0, loss, g, slope)
                found, used = self._search(closure, start, t, d, tolerance, group["max_eval"] - evals)
                t, loss, g = found.t, found.value, found.grad
                state["t"] = t
                self._move(t, d)
            else:
                self._move(t, d)
                used = 0
                if not last:
                    loss, used = float(closure()), 1
                    g = self._flat_grad()
            evals += used
            state["func_evals"] += used
            flat = (used > 0) and float(g.abs().max()) <= group["tolerance_grad"]
            if last or evals >= group["max_eval"] or flat:
                break
            if float(d.abs().max()) * abs(t) <= tolerance or abs(loss - before) < tolerance:
                break
        return first_loss

    def _next_direction(self, state: dict[str, Any], g: Tensor, history: int) -> Tensor:
        """The quasi-Newton direction; the newest pair joins the history if it has positive curvature."""
        if state["n_iter"] == 1:
            state["old_dirs"], state["old_stps"], state["ro"], state["H_diag"] = [], [], [], 1
            return g.neg()
        ys, ss, rhos = state["old_dirs"], state["old_stps"], state["ro"]
        y = g - state["prev_flat_grad"]
        s = state["d"] * _get_value(state["t"])
        curvature = float(y.dot(s))
        if curvature > 1e-10:
            if len(ys) == history:
                for kept in (ys, ss, rhos):
                    kept.pop(0)
            ys.append(y)
            ss.append(s)
            rhos.append(1.0 / curvature)
            state["H_diag"] = curvature / float(y.dot(y))
        room = 4
        while room < len(ys):
            room *= 2
        empty = room - len(ys)
        pads = self.__dict__.setdefault("_pads", [])
        while len(pads) < 2 * empty:
            pads.append(zeros_like(g))
        numbers = [float(_get_value(x)) for x in (state["H_diag"], *rhos)] + [0.0] * empty
        lists = ([g], ys + pads[:empty], ss + pads[empty : 2 * empty])
        ((d,),) = fused("optim.lbfgs", _direction, (), lists, tuple(numbers))
        return Tensor._from_value(d)

    def _search(
        self, closure: Callable[[], Any], start: Point, t: float, d: Tensor, tolerance: float, max_evals: int
    ) -> tuple[Point, int]:
        """A strong Wolfe step from the present parameters, which are as before afterwards."""
        origin = [p.clone() for p in self._params]

        def evaluate(t: float) -> Point:
            self._move(t, d)
            loss = float(closure())
            g = self._flat_grad()
            for p, x in zip(self._params, origin):
                p.copy_(x)
            return Point(t, loss, g, float(g.dot(d)))

        return strong_wolfe(evaluate, start, t, float(d.abs().max()), tolerance, max_evals)
