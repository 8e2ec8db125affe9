"""RAdam (Liu et al., "On the Variance of the Adaptive Learning Rate and Beyond", arXiv 1908.03265)."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from .._core.tensor import Tensor
from ._checks import adam_checks
from ._update import Rule, common_options, zeros_like
from .optimizer import Optimizer, ParamsT

__all__ = ["RAdam"]


def _each(p: Any, g: Any, state: tuple[Any, ...], h: Any) -> tuple[Any, ...]:
    """Algorithm 2 of the paper; `rectified` is 0 while the variance is intractable (rho_t <= 5)."""
    m, v = state
    m = m + h.rate1 * (g - m)
    v = h.beta2 * v + h.rate2 * g * g
    ready = h.rectified > 0
    root = jnp.sqrt(jnp.where(ready, v, 1))  # where it is not used its gradient must be finite
    adaptive = jnp.where(ready, h.rectified / (root + h.eps), 1)
    return p - h.step_size * m * adaptive, m, v


class RAdam(Optimizer):
    """Adam with a rectified start: plain momentum until the variance of the step size is tractable.

    With rho_inf = 2 / (1 - beta2) - 1 and rho_t = rho_inf - 2 t beta2^t / (1 - beta2^t): if rho_t > 5,
    p -= lr * m_hat * r_t * sqrt(1 - beta2^t) / (sqrt(v) + eps), else p -= lr * m_hat.

    State of a parameter: `step` (0-dim float32), `exp_avg`, `exp_avg_sq`.

    Raises:
        ValueError: an option outside its range.
    """

    _rule = Rule("optim.radam", _each, lerps=True)
    _skips_on_device = False
    _late_options = {
        "foreach": None,
        "maximize": False,
        "differentiable": False,
        "decoupled_weight_decay": False,
        "capturable": False,
    }

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        adam_checks(lr, betas, eps, weight_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _new_state(self, group: dict[str, Any], p: Tensor) -> dict[str, Any]:
        return {"exp_avg": zeros_like(p), "exp_avg_sq": zeros_like(p)}

    def _state_names(self, group: dict[str, Any], p: Tensor) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq")

    def _options(
        self, group: dict[str, Any], at: dict[str, float], fresh: bool
    ) -> tuple[tuple, dict[str, Any]]:
        (beta1, beta2), t = group["betas"], at["step"]
        static, numbers = common_options(group, group["decoupled_weight_decay"])
        correction2 = 1 - beta2**t
        limit = 2 / (1 - beta2) - 1
        rho = limit - 2 * t * beta2**t / correction2
        rectified = 0.0
        if rho > 5.0:
            rectified = ((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho)) ** 0.5
        numbers |= {
            "rate1": 1 - beta1,
            "beta2": beta2,
            "rate2": 1 - beta2,
            "step_size": group["lr"] / (1 - beta1**t),
            "rectified": rectified * correction2**0.5,
            "eps": group["eps"],
        }
        return static, numbers
