"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

import jax

from .._core.modes import local
from .._core.tensor import Tensor
from ._checks import check_fused, not_negative, one_element
from ._update import Rule, common_options, nonzero, zeros_like
from .optimizer import Optimizer, ParamsT

__all__ = ["SGD"]


def _each(
    p: Any, g: Any, state: tuple[Any, ...], h: Any, *, nesterov: bool = False, cut: bool = False
) -> tuple[Any, ...]:
    """`optax.trace` is PyTorch's momentum: buf = momentum * buf + g, with g damped beforehand.

    At the first step buf is zero and nothing is damped, so buf = gradient, as in PyTorch. There its history
    is cut off (`cut`), which a differentiable step shows.
    """
    import optax

    buffers: tuple[Any, ...] = ()
    if cut:
        buffers = (jax.lax.stop_gradient(g),)
        g = g + h.momentum * buffers[0] if nesterov else buffers[0]
    elif state:
        transform: Any = optax.trace(h.momentum, nesterov)
        g, trace = transform.update(g * h.undamped, optax.TraceState(trace=state[0]))
        buffers = (trace.trace,)
    g, _ = optax.scale(-h.lr).update(g, optax.ScaleState())
    return optax.apply_updates(p, g), *buffers


class SGD(Optimizer):
    """Stochastic gradient descent, optionally with (Nesterov) momentum.

    g = grad + weight_decay * p; buf = momentum * buf + (1 - dampening) * g (buf = g at first);
    p -= lr * buf, or with `nesterov` lr * (g + momentum * buf). `maximize` turns the gradient's sign.

    State of a parameter: `momentum_buffer`, if `momentum` is not 0. `foreach` and `fused` are
    accepted and change nothing: every group's update is one fused call. As in PyTorch, `fused` steps do
    not count as writes (`_version`).

    Raises:
        ValueError: a negative option; `nesterov` without momentum or with dampening.
    """

    _rule = Rule("optim.sgd", _each)
    _counters = ()
    _late_options = {
        "nesterov": False,
        "maximize": False,
        "foreach": None,
        "differentiable": False,
        "fused": False,
    }

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float | Tensor = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        one_element(lr=lr)
        not_negative("Invalid learning rate: {}", lr)
        not_negative("Invalid momentum value: {}", momentum)
        not_negative("Invalid weight_decay value: {}", weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        check_fused(fused, foreach, differentiable)
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for s in self.state.values():
            if isinstance(s, dict) and "momentum_buffer" in s and s["momentum_buffer"] is None:
                del s["momentum_buffer"]  # a parameter that has not moved yet

    def _has_state(self, group: dict[str, Any]) -> bool:
        return nonzero(group["momentum"])

    def _steps_rows(self, group: dict[str, Any]) -> bool:
        if nonzero(group["weight_decay"]):
            raise RuntimeError("add(sparse, dense) is not supported. Use add(dense, sparse) instead.")
        return not nonzero(group["momentum"])  # with momentum, entries go on moving

    def _new_state(self, group: dict[str, Any], p: Tensor) -> dict[str, Any]:
        return {"momentum_buffer": zeros_like(p)}

    def _state_names(self, group: dict[str, Any], p: Tensor) -> tuple[str, ...]:
        return ("momentum_buffer",)

    def _options(
        self, group: dict[str, Any], at: dict[str, float], fresh: bool
    ) -> tuple[tuple, dict[str, Any]]:
        static, numbers = common_options(group)
        numbers["lr"] = group["lr"]
        if nonzero(group["momentum"]):
            static += (("nesterov", group["nesterov"]), ("cut", fresh and local.ctx.grad))
            numbers["momentum"] = group["momentum"]
            numbers["undamped"] = 1.0 if fresh else 1.0 - group["dampening"]
        return static, numbers
