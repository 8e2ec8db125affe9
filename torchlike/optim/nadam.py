"""NAdam (Dozat, "Incorporating Nesterov Momentum into Adam", 2016)."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from .._core.tensor import Tensor
from ._checks import adam_checks
from ._counters import counter_type
from ._update import Rule, common_options, zeros_like
from .optimizer import Optimizer, ParamsT

__all__ = ["NAdam"]


def _each(p: Any, g: Any, state: tuple[Any, ...], h: Any) -> tuple[Any, ...]:
    """The paper's algorithm with its schedule mu_t = beta1 * (1 - 0.96^(t * momentum_decay) / 2)."""
    m, v = state
    m = m + h.rate1 * (g - m)
    v = h.beta2 * v + h.rate2 * g * g
    denominator = jnp.sqrt(v / h.correction2) + h.eps
    return p - h.grad_rate * g / denominator - h.mean_rate * m / denominator, m, v


class NAdam(Optimizer):
    """Adam with Nesterov momentum.

    With mu_t = beta1 * (1 - 0.5 * 0.96^(t * momentum_decay)) and M_t their product:
    p -= lr * (mu_{t+1} * m / (1 - M_t mu_{t+1}) + (1 - mu_t) * g / (1 - M_t))
         / (sqrt(v / (1 - beta2^t)) + eps).

    State of a parameter: `step` and `mu_product` (0-dim float32), `exp_avg`, `exp_avg_sq`.

    Raises:
        ValueError: an option outside its range.
    """

    _rule = Rule("optim.nadam", _each, lerps=True)
    _skips_on_device = False
    _counters = ("step", "mu_product")
    _late_options = {
        "maximize": False,
        "foreach": None,
        "capturable": False,
        "differentiable": False,
        "decoupled_weight_decay": False,
    }

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        adam_checks(lr, betas, eps, weight_decay)
        if not 0.0 <= momentum_decay:
            raise ValueError(f"Invalid momentum_decay value: {momentum_decay}")
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _new_counters(self, group: dict[str, Any]) -> dict[str, float]:
        return {"step": 0.0, "mu_product": 1.0}

    def _new_state(self, group: dict[str, Any], p: Tensor) -> dict[str, Any]:
        return {"exp_avg": zeros_like(p), "exp_avg_sq": zeros_like(p)}

    def _writes(self, group: dict[str, Any]) -> int:
        return 1 + super()._writes(group)

    def _state_names(self, group: dict[str, Any], p: Tensor) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq")

    def _options(
        self, group: dict[str, Any], at: dict[str, float], fresh: bool
    ) -> tuple[tuple, dict[str, Any]]:
        lr, (beta1, beta2), t = group["lr"], group["betas"], at["step"]
        static, numbers = common_options(group, group["decoupled_weight_decay"])
        mu, following = (beta1 * (1.0 - 0.5 * 0.96 ** (k * group["momentum_decay"])) for k in (t, t + 1))
        kept = counter_type()
        product = at["mu_product"] = float(kept(at["mu_product"]) * kept(mu))
        numbers |= {
            "rate1": 1 - beta1,
            "beta2": beta2,
            "rate2": 1 - beta2,
            "correction2": 1 - beta2**t,
            "grad_rate": lr * (1.0 - mu) / (1.0 - product),
            "mean_rate": lr * following / (1.0 - product * following),
            "eps": group["eps"],
        }
        return static, numbers
