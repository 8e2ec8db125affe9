"""RMSprop (Hinton, "Neural Networks for Machine Learning", lecture 6; centered: Graves, arXiv 1308.0850)."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from .._core.tensor import Tensor
from ._checks import nonnegative, one_element
from ._update import Rule, common_options, zeros_like
from .optimizer import Optimizer, ParamsT

__all__ = ["RMSprop"]


def _each(
    p: Any, g: Any, state: tuple[Any, ...], h: Any, *, momentum: bool, centered: bool
) -> tuple[Any, ...]:
    """g over the root of its mean square, eps outside the root; momentum of the scaled gradient."""
    import optax

    square = h.alpha * state[0] + h.rate * g * g
    rest: tuple[Any, ...] = ()
    variance = square
    if centered:
        mean = state[-1] + h.rate * (g - state[-1])
        variance = square - mean * mean
        rest = (mean,)
    g = g / (jnp.sqrt(variance) + h.eps)
    if momentum:
        transform: Any = optax.trace(h.momentum)
        g, trace = transform.update(g, optax.TraceState(trace=state[1]))
        rest = (trace.trace, *rest)
    return p - h.lr * g, square, *rest


class RMSprop(Optimizer):
    """RMSprop: s = alpha * s + (1 - alpha) * g^2; p -= lr * g / (sqrt(s) + eps).

    `centered` subtracts the squared running mean of the gradient from s; `momentum` accumulates the
    scaled gradient.

    State of a parameter: `step` (0-dim float32), `square_avg`, and if used `momentum_buffer`, `grad_avg`.

    Raises:
        ValueError: an option outside its range.
    """

    _rule = Rule("optim.rmsprop", _each)
    _late_options = {
        "momentum": 0,
        "centered": False,
        "foreach": None,
        "maximize": False,
        "differentiable": False,
        "capturable": False,
    }

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        one_element(lr=lr)
        nonnegative("Invalid learning rate: {}", lr)
        nonnegative("Invalid epsilon value: {}", eps)
        nonnegative("Invalid momentum value: {}", momentum)
        nonnegative("Invalid weight_decay value: {}", weight_decay)
        nonnegative("Invalid alpha value: {}", alpha)
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _new_state(self, group: dict[str, Any], p: Tensor) -> dict[str, Any]:
        return {name: zeros_like(p) for name in self._state_names(group, p)}

    def _state_names(self, group: dict[str, Any], p: Tensor) -> tuple[str, ...]:
        momentum = ("momentum_buffer",) if group["momentum"] > 0 else ()
        return ("square_avg", *momentum, "grad_avg") if group["centered"] else ("square_avg", *momentum)

    def _options(
        self, group: dict[str, Any], at: dict[str, float], fresh: bool
    ) -> tuple[tuple, dict[str, Any]]:
        static, numbers = common_options(group)
        static += (("momentum", group["momentum"] > 0), ("centered", bool(group["centered"])))
        numbers |= {
            "lr": group["lr"],
            "alpha": group["alpha"],
            "rate": 1 - group["alpha"],
            "eps": group["eps"],
        }
        if group["momentum"] > 0:
            numbers["momentum"] = group["momentum"]
        return static, numbers
