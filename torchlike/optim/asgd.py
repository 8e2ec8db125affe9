"""Averaged stochastic gradient descent (Polyak and Juditsky, SIAM J. Control Optim. 1992)."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from .._core.tensor import Tensor
from ._checks import nonnegative, one_element
from ._counters import counter_type
from ._update import Rule, common_options, zeros_like
from .optimizer import Optimizer, ParamsT, _get_value

__all__ = ["ASGD"]


def _each(p: Any, g: Any, state: tuple[Any, ...], h: Any) -> tuple[Any, ...]:
    """p = (1 - lambd * eta) * p - eta * g; the average follows with weight mu."""
    p = p * h.shrink - h.eta * g
    average = jnp.where(h.mu == 1, p, state[0] + (p - state[0]) * h.mu)
    return p, average


class ASGD(Optimizer):
    """SGD with a decaying step size, and the average of all iterates in the state.

    p -= eta * (lambd * p + g); eta_t = lr / (1 + lambd * lr * t)^alpha.
    `ax` averages the iterates from step `t0` on.

    State of a parameter: `step`, `eta`, `mu` (0-dim float32), `ax`.

    Raises:
        ValueError: an option outside its range.
    """

    _rule = Rule("optim.asgd", _each)
    _skips_on_device = False
    _counters = ("step", "eta", "mu")
    _late_options = {"foreach": None, "maximize": False, "differentiable": False, "capturable": False}

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        one_element(lr=lr)
        nonnegative("Invalid learning rate: {}", lr)
        nonnegative("Invalid weight_decay value: {}", weight_decay)
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _new_counters(self, group: dict[str, Any]) -> dict[str, float]:
        return {"step": 0.0, "eta": float(counter_type()(_get_value(group["lr"]))), "mu": 1.0}

    def _new_state(self, group: dict[str, Any], p: Tensor) -> dict[str, Any]:
        return {"ax": zeros_like(p)}

    def _writes(self, group: dict[str, Any]) -> int:
        return 1 if group["foreach"] else 2

    def _state_names(self, group: dict[str, Any], p: Tensor) -> tuple[str, ...]:
        return ("ax",)

    def _options(
        self, group: dict[str, Any], at: dict[str, float], fresh: bool
    ) -> tuple[tuple, dict[str, Any]]:
        lr, lambd, t = float(_get_value(group["lr"])), group["lambd"], at["step"]
        static, numbers = common_options(group)
        numbers |= {"shrink": 1 - lambd * at["eta"], "eta": at["eta"], "mu": at["mu"]}
        at["eta"] = float(counter_type()(lr / (1 + lambd * lr * t) ** group["alpha"]))
        at["mu"] = float(counter_type()(1 / max(1.0, t - group["t0"])))
        return static, numbers
