"""Adadelta (Zeiler, arXiv 1212.5701)."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from .._core.tensor import Tensor
from ._checks import nonnegative, one_element
from ._update import Rule, common_options, zeros_like
from .optimizer import Optimizer, ParamsT

__all__ = ["Adadelta"]


def _each(p: Any, g: Any, state: tuple[Any, ...], h: Any) -> tuple[Any, ...]:
    """Algorithm 1 of the paper; `1 - rho` comes from the host, as for Adam."""
    square, accumulated = state
    square = h.rho * square + h.rate * g * g
    delta = jnp.sqrt(accumulated + h.eps) / jnp.sqrt(square + h.eps) * g
    accumulated = h.rho * accumulated + h.rate * delta * delta
    return p - h.lr * delta, square, accumulated


class Adadelta(Optimizer):
    """Adadelta: steps scaled by the ratio of running averages of past steps and gradients.

    s = rho * s + (1 - rho) * g^2; d = sqrt(a + eps) / sqrt(s + eps) * g; a = rho * a + (1 - rho) * d^2;
    p -= lr * d.

    State of a parameter: `step` (0-dim float32), `square_avg`, `acc_delta`.

    Raises:
        ValueError: an option outside its range.
    """

    _rule = Rule("optim.adadelta", _each)
    _late_options = {"foreach": None, "maximize": False, "differentiable": False, "capturable": False}

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        one_element(lr=lr)
        nonnegative("Invalid learning rate: {}", lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        nonnegative("Invalid epsilon value: {}", eps)
        nonnegative("Invalid weight_decay value: {}", weight_decay)
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _new_state(self, group: dict[str, Any], p: Tensor) -> dict[str, Any]:
        return {"square_avg": zeros_like(p), "acc_delta": zeros_like(p)}

    def _state_names(self, group: dict[str, Any], p: Tensor) -> tuple[str, ...]:
        return ("square_avg", "acc_delta")

    def _options(
        self, group: dict[str, Any], at: dict[str, float], fresh: bool
    ) -> tuple[tuple, dict[str, Any]]:
        static, numbers = common_options(group)
        return static, {
            **numbers,
            "lr": group["lr"],
            "rho": group["rho"],
            "rate": 1 - group["rho"],
            "eps": group["eps"],
        }
