"""Rprop (Riedmiller and Braun, ICNN 1993)."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from .._core.tensor import Tensor
from ._checks import nonnegative, one_element
from ._update import Rule, full_like, zeros_like
from .optimizer import Optimizer, ParamsT, _get_value

__all__ = ["Rprop"]


def _each(p: Any, g: Any, state: tuple[Any, ...], h: Any) -> tuple[Any, ...]:
    """Without backtracking: where the sign turned, the step shrinks and this gradient is skipped."""
    previous, size = state
    agreement = g * previous
    factor = jnp.where(agreement > 0, h.grow, jnp.where(agreement < 0, h.shrink, 1))
    factor = jnp.where(jnp.isnan(agreement), agreement, factor)
    size = jnp.clip(size * factor, h.smallest, h.largest)
    g = jnp.where(agreement < 0, 0, g)
    return p - jnp.sign(g) * size, g, size


class Rprop(Optimizer):
    """Resilient backpropagation: only the gradient's sign counts; each element has a step size of its own.

    The size starts at `lr`, grows by `etas[1]` while the sign stays and shrinks by `etas[0]` when it turns,
    within `step_sizes`.

    State of a parameter: `step` (0-dim float32), `prev`, `step_size`.

    Raises:
        ValueError: an option outside its range.
    """

    _rule = Rule("optim.rprop", _each)
    _late_options = {"foreach": None, "maximize": False, "differentiable": False, "capturable": False}

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        one_element(lr=lr)
        nonnegative("Invalid learning rate: {}", lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        defaults = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _new_state(self, group: dict[str, Any], p: Tensor) -> dict[str, Any]:
        lr = float(_get_value(group["lr"]))
        return {"prev": zeros_like(p), "step_size": full_like(p, complex(lr, lr) if p.is_complex() else lr)}

    def _state_names(self, group: dict[str, Any], p: Tensor) -> tuple[str, ...]:
        return ("prev", "step_size")

    def _options(
        self, group: dict[str, Any], at: dict[str, float], fresh: bool
    ) -> tuple[tuple, dict[str, Any]]:
        shrink, grow = group["etas"]
        smallest, largest = group["step_sizes"]
        numbers = {"shrink": shrink, "grow": grow, "smallest": smallest, "largest": largest}
        return (("maximize", group["maximize"]),), numbers
