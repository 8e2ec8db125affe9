"""Adafactor (Shazeer and Stern, arXiv 1804.04235)."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from .._core.tensor import Tensor, from_numpy_copy
from ._checks import nonnegative, one_element
from ._update import Rule, nonzero, zeros_like
from .optimizer import Optimizer, ParamsT, _get_value

__all__ = ["Adafactor"]


def _each(p: Any, g: Any, state: tuple[Any, ...], h: Any) -> tuple[Any, ...]:
    """Algorithms 4 (matrices: row and column statistics) and 5 (vectors) of the paper."""
    scale = jnp.maximum(h.eps2, jnp.sqrt(jnp.sum(p * p)) / p.size**0.5) * h.rho
    if g.ndim > 1:
        row, col = state
        row = row + h.rate * (jnp.mean(g * g, -1, keepdims=True) - row)
        col = col + h.rate * (jnp.mean(g * g, -2, keepdims=True) - col)
        estimate = row @ col / jnp.maximum(jnp.mean(row, -2, keepdims=True), h.eps1)
        state = (row, col)
    else:
        estimate = state[0] + h.rate * (g * g - state[0])
        state = (estimate,)
    update = g / jnp.sqrt(jnp.maximum(estimate, h.eps1 * h.eps1))
    clip = jnp.maximum(1.0, jnp.sqrt(jnp.sum(update**2)) / (p.size**0.5 * h.d))
    return p * h.keep - scale / clip * update, *state


class Adafactor(Optimizer):
    """Adafactor: second moments of matrices kept as a row and a column; steps relative to the parameter.

    rho = min(lr, 1 / sqrt(t)); alpha = max(eps2, RMS(p)) * rho; v follows g^2 with weight t^beta2_decay;
    u = g / sqrt(v); p -= alpha * u / max(1, RMS(u) / d), after p *= 1 - lr * weight_decay.

    State of a parameter: `step` (0-dim float32); `row_var` and `col_var`, or for vectors `variance`.

    Raises:
        ValueError: an option outside its range.
        RuntimeError: a complex parameter.
    """

    _rule = Rule("optim.adafactor", _each, lerps=True)
    _skips_on_device = False
    _late_options = {"foreach": None}

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        one_element(lr=lr)
        nonnegative("Learning rate should be >= 0 but is: {}", lr)
        if not 0.0 >= beta2_decay:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        if eps[0] is not None:
            nonnegative("epsilon1 should be >= 0 but is: {}", eps[0])
        nonnegative("epsilon2 should be >= 0 but is: {}", eps[1])
        if not 1.0 <= d:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        nonnegative("weight_decay should be >= 0 but is: {}", weight_decay)
        defaults = {
            "lr": lr,
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _new_state(self, group: dict[str, Any], p: Tensor) -> dict[str, Any]:
        if p.is_complex():
            raise RuntimeError("Adafactor does not support complex parameters")
        if p.dim() < 2:
            return {"variance": zeros_like(p)}
        shape = tuple(p.shape)
        row, col = (*shape[:-1], 1), (*shape[:-2], 1, shape[-1])
        make = {"row_var": row, "col_var": col}
        return {
            k: from_numpy_copy(np.broadcast_to(np.zeros((), p.dtype.jnp), s), device=p.device)
            for k, s in make.items()
        }

    def _writes(self, group: dict[str, Any]) -> int:
        return 2 if nonzero(group["weight_decay"]) else 1

    def _state_names(self, group: dict[str, Any], p: Tensor) -> tuple[str, ...]:
        return ("row_var", "col_var") if p.dim() > 1 else ("variance",)

    def _options(
        self, group: dict[str, Any], at: dict[str, float], fresh: bool
    ) -> tuple[tuple, dict[str, Any]]:
        lr, (eps1, eps2), t = group["lr"], group["eps"], at["step"]
        if eps1 is None:
            eps1 = float(jnp.finfo(group["params"][0].dtype.jnp).eps)
        numbers = {
            "keep": 1 - lr * group["weight_decay"] if nonzero(group["weight_decay"]) else 1.0,
            "rho": min(_get_value(lr), 1 / t**0.5),
            "rate": t ** group["beta2_decay"],
            "eps1": eps1,
            "eps2": eps2,
            "d": group["d"],
        }
        return (("maximize", group["maximize"]),), numbers
