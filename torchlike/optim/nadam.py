"""NAdam (Dozat, "Incorporating Nesterov Momentum into Adam", 2016)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import jax.numpy as jnp

from .._core.tensor import Tensor
from ._checks import adam_checks, check_differentiable
from ._update import Rule, nonzero, zeros_like
from .optimizer import Optimizer, ParamsT

__all__ = ["NAdam"]


def _advance(counters: tuple[Any, ...], h: Any) -> tuple[tuple[Any, ...], Any]:
    """The momentum schedule's running product, and the two step sizes that depend on it."""
    step, product = counters
    product = (product * h.mu).astype(product.dtype)
    h = SimpleNamespace(**vars(h))
    h.grad_rate = h.lr * (1 - h.mu) / (1 - product)
    h.mean_rate = h.lr * h.next_mu / (1 - product * h.next_mu)
    return (step + 1, product), h


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

    _rule = Rule(
        "optim.nadam",
        ("keep", "weight_decay", "lr", "rate1", "beta2", "rate2", "correction2", "mu", "next_mu", "eps"),
        _each,
        {"step": 0.0, "mu_product": 1.0},
        _advance,
    )
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
        check_differentiable(differentiable)
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

    def _new_state(self, group: dict[str, Any], p: Tensor) -> dict[str, Any]:
        return {"exp_avg": zeros_like(p), "exp_avg_sq": zeros_like(p)}

    def _state_names(self, group: dict[str, Any], p: Tensor) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq")

    def _options(self, group: dict[str, Any], count: float, fresh: bool) -> tuple[tuple, tuple]:
        lr, (beta1, beta2), decay = group["lr"], group["betas"], group["weight_decay"]
        kind = "" if not nonzero(decay) else "decoupled" if group["decoupled_weight_decay"] else "l2"
        mu, next_mu = (
            beta1 * (1.0 - 0.5 * 0.96 ** (t * group["momentum_decay"])) for t in (count, count + 1)
        )
        hyper = (
            1 - lr * decay,
            decay,
            lr,
            1 - beta1,
            beta2,
            1 - beta2,
            1 - beta2**count,
            mu,
            next_mu,
            group["eps"],
        )
        return (("maximize", group["maximize"]), ("decay", kind)), hyper
