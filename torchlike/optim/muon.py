"""Muon (Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024)."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from .._core.tensor import Tensor
from ._checks import nonnegative, one_element
from ._update import Rule, zeros_like
from .optimizer import Optimizer, ParamsT

__all__ = ["Muon"]

_RATIOS = ("original", "match_rms_adamw")


def _orthogonalise(g: Any, a: Any, b: Any, c: Any, eps: Any, steps: int) -> Any:
    """Newton-Schulz iterations X <- aX + (bA + cA^2)X with A = X X^T, rounded to bfloat16 as PyTorch does.

    The roundings are explicit: XLA would drop a pair of conversions.
    """
    bf16 = partial(jax.lax.reduce_precision, exponent_bits=8, mantissa_bits=7)
    dot = partial(jnp.matmul, precision=jax.lax.Precision.DEFAULT)
    wide = g.shape[0] <= g.shape[1]
    x = bf16((g if wide else g.T).astype(jnp.float32))
    a, b, c, eps = (v.astype(jnp.float32) for v in (a, b, c, eps))
    x = bf16(x / jnp.maximum(bf16(jnp.sqrt(jnp.sum(x * x))), bf16(eps)))
    for _ in range(steps):
        gram = bf16(dot(x, x.T))  # (rows, rows)
        update = bf16(b * gram + c * dot(gram, gram))
        x = bf16(a * x + dot(update, x))
    return (x if wide else x.T).astype(g.dtype)


def _each(
    p: Any, g: Any, state: tuple[Any, ...], h: Any, *, nesterov: bool, steps: int, ratio: str
) -> tuple[Any, ...]:
    """Momentum, orthogonalised; the step is scaled by the matrix's shape."""
    buffer = state[0] + h.rate * (g - state[0])
    update = g + h.momentum * (buffer - g) if nesterov else buffer
    update = _orthogonalise(update, h.a, h.b, h.c, h.eps, steps)
    rows, columns = p.shape
    factor = math.sqrt(max(1, rows / columns)) if ratio == "original" else 0.2 * math.sqrt(max(rows, columns))
    return p * h.keep - h.lr * factor * update, buffer


class Muon(Optimizer):
    """Muon, for the matrices of hidden layers: the momentum is replaced by the nearest orthogonal matrix.

    State of a parameter: `momentum_buffer`. `adjust_lr_fn`: None or "original" scales the step by
    sqrt(max(1, rows / columns)), "match_rms_adamw" by 0.2 * sqrt(max(rows, columns)).

    Raises:
        ValueError: an option outside its range, a parameter that is no matrix.
    """

    _rule = Rule("optim.muon", _each, lerps=True)
    _counters = ()

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        one_element(lr=lr)
        nonnegative("Learning rate should be >= 0 but is: {}", lr)
        nonnegative("momentum should be >= 0 but is: {}", momentum)
        nonnegative("weight decay should be >= 0 but is: {}", weight_decay)
        if adjust_lr_fn is not None and adjust_lr_fn not in _RATIOS:
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }
        super().__init__(params, defaults)
        for group in self.param_groups:
            for p in group["params"]:
                if p.ndim != 2:
                    raise ValueError(
                        f"Muon only supports 2D parameters whereas we found a parameter with size: {p.size()}"
                    )

    def _new_state(self, group: dict[str, Any], p: Tensor) -> dict[str, Any]:
        if p.is_complex():
            raise RuntimeError("Muon does not support complex parameters")
        return {"momentum_buffer": zeros_like(p)}

    def _writes(self, group: dict[str, Any]) -> int:
        return 2

    def _state_names(self, group: dict[str, Any], p: Tensor) -> tuple[str, ...]:
        return ("momentum_buffer",)

    def _options(
        self, group: dict[str, Any], at: dict[str, float], fresh: bool
    ) -> tuple[tuple, dict[str, Any]]:
        if group["ns_steps"] >= 100:
            raise ValueError("Number of steps must be less than 100 for computational efficiency")
        if len(group["ns_coefficients"]) != 3:
            raise ValueError("Coefficients must be a tuple of exactly 3 values")
        lr, momentum = group["lr"], group["momentum"]
        static = (
            ("nesterov", bool(group["nesterov"])),
            ("steps", int(group["ns_steps"])),
            ("ratio", group["adjust_lr_fn"] or "original"),
        )
        numbers = dict(zip("abc", group["ns_coefficients"]))
        numbers |= {"keep": 1 - lr * group["weight_decay"], "lr": lr, "eps": group["eps"]}
        numbers |= {"rate": 1 - momentum, "momentum": momentum}
        return static, numbers
