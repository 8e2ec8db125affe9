"""Adamax (Kingma and Ba, arXiv 1412.6980, section 7.1)."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from .._core.tensor import Tensor
from ._checks import adam_checks
from ._update import Rule, common_options, zeros_like
from .optimizer import Optimizer, ParamsT

__all__ = ["Adamax"]


def _each(p: Any, g: Any, state: tuple[Any, ...], h: Any) -> tuple[Any, ...]:
    """Algorithm 2 of the paper, with eps inside the maximum as in PyTorch and `optax.scale_by_adamax`."""
    m, norm = state
    m = m + h.rate1 * (g - m)
    norm = jnp.maximum(h.beta2 * norm, jnp.abs(g) + h.eps)
    return p - h.step_size * m / norm, m, norm


class Adamax(Optimizer):
    """Adam with the infinity norm.

    m as in Adam; u = max(beta2 * u, |g| + eps); p -= lr / (1 - beta1^t) * m / u.

    State of a parameter: `step` (0-dim float32), `exp_avg`, `exp_inf`.

    Raises:
        ValueError: an option outside its range.
    """

    _rule = Rule("optim.adamax", _each, lerps=True)
    _late_options = {"foreach": None, "maximize": False, "differentiable": False, "capturable": False}

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        adam_checks(lr, betas, eps, weight_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _new_state(self, group: dict[str, Any], p: Tensor) -> dict[str, Any]:
        return {"exp_avg": zeros_like(p), "exp_inf": zeros_like(p)}

    def _state_names(self, group: dict[str, Any], p: Tensor) -> tuple[str, ...]:
        return ("exp_avg", "exp_inf")

    def _options(
        self, group: dict[str, Any], at: dict[str, float], fresh: bool
    ) -> tuple[tuple, dict[str, Any]]:
        beta1, beta2 = group["betas"]
        static, numbers = common_options(group)
        step_size = group["lr"] / (1 - beta1 ** at["step"])
        return static, {
            **numbers,
            "rate1": 1 - beta1,
            "beta2": beta2,
            "step_size": step_size,
            "eps": group["eps"],
        }
