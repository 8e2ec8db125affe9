"""Adagrad (Duchi, Hazan and Singer, JMLR 2011)."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from .._core.tensor import Tensor
from ._checks import check_fused, nonnegative, one_element
from ._update import Rule, common_options, full_like, make_state, partition
from .optimizer import Optimizer, ParamsT

__all__ = ["Adagrad"]


def _each(p: Any, g: Any, state: tuple[Any, ...], h: Any) -> tuple[Any, ...]:
    """sum += g^2; p -= rate * g / (sqrt(sum) + eps). (`optax.scale_by_rss` has eps inside the root.)"""
    total = state[0] + g * g
    return p - h.rate * g / (jnp.sqrt(total) + h.eps), total


class Adagrad(Optimizer):
    """Adagrad: steps divided by the root of the sum of all squared gradients.

    sum += g^2; p -= lr / (1 + (t - 1) * lr_decay) * g / (sqrt(sum) + eps).
    `weight_decay` is added to the gradient.

    State of a parameter, from construction on: `step` (0-dim float32), `sum` (`initial_accumulator_value`).

    Raises:
        ValueError: an option outside its range.
    """

    _rule = Rule("optim.adagrad", _each)
    _late_options = {"foreach": None, "maximize": False, "differentiable": False, "fused": None}

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        one_element(lr=lr)
        nonnegative("Invalid learning rate: {}", lr)
        nonnegative("Invalid lr_decay value: {}", lr_decay)
        nonnegative("Invalid weight_decay value: {}", weight_decay)
        nonnegative("Invalid initial_accumulator_value value: {}", initial_accumulator_value)
        nonnegative("Invalid epsilon value: {}", eps)
        check_fused(fused, foreach, differentiable)
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)
        for group in self.param_groups:
            for members in partition(self, group, group["params"]).values():
                make_state(self, group, [group["params"][i] for i in members])

    def share_memory(self) -> None:
        """Moves the accumulators into memory shared between processes."""
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p]["sum"].share_memory_()

    def _steps_rows(self, group: dict[str, Any]) -> bool:
        if group["weight_decay"] != 0:
            raise RuntimeError("weight_decay option is not compatible with sparse gradients")
        return True

    def _new_state(self, group: dict[str, Any], p: Tensor) -> dict[str, Any]:
        start = self.defaults["initial_accumulator_value"]
        return {"sum": full_like(p, complex(start, start) if p.is_complex() else start)}

    def _state_names(self, group: dict[str, Any], p: Tensor) -> tuple[str, ...]:
        return ("sum",)

    def _options(
        self, group: dict[str, Any], at: dict[str, float], fresh: bool
    ) -> tuple[tuple, dict[str, Any]]:
        static, numbers = common_options(group)
        numbers["rate"] = group["lr"] / (1 + (at["step"] - 1) * group["lr_decay"])
        numbers["eps"] = group["eps"]
        return static, numbers
