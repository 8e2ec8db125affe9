"""Adam (Kingma and Ba, arXiv 1412.6980) and its AMSGrad variant (Reddi et al., ICLR 2018)."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from .._core.tensor import Tensor
from ._checks import adam_checks, check_fused
from ._update import Rule, common_options, zeros_like
from .optimizer import Optimizer, ParamsT, _to_scalar

__all__ = ["Adam"]


def _each(p: Any, g: Any, state: tuple[Any, ...], h: Any) -> tuple[Any, ...]:
    """Algorithm 1 of the paper with PyTorch's grouping: p -= step_size * m / (sqrt(v) / root + eps).

    `optax.scale_by_adam` is the same formula, but takes `1 - beta` in the parameters' dtype when beta is
    lifted: 5e-5 off for 0.999 in float32. Here the complements come from the host.
    """
    m, v, *largest = state
    m = m + h.rate1 * (g - m)
    v = h.beta2 * v + h.rate2 * g * g
    if largest:
        largest = [jnp.maximum(largest[0], v)]
    denominator = jnp.sqrt(largest[0] if largest else v) / h.root + h.eps
    return p - h.step_size * m / denominator, m, v, *largest


class Adam(Optimizer):
    """Adam: steps scaled by running averages of the gradient and of its square.

    m = beta1 * m + (1 - beta1) * g; v = beta2 * v + (1 - beta2) * g^2;
    p -= lr / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + eps). `weight_decay` is added to the gradient,
    or with `decoupled_weight_decay` shrinks the parameter (AdamW); `amsgrad` uses the largest v so far.

    State of a parameter: `step` (0-dim float32), `exp_avg`, `exp_avg_sq`, with `amsgrad` `max_exp_avg_sq`.
    `lr` and `betas` may be one-element Tensors. `foreach`, `fused` and `capturable` are accepted and
    change nothing: every group's update is one fused call without synchronisation. As in PyTorch, `fused`
    steps do not count as writes (`_version`).

    Raises:
        ValueError: an option outside its range.
    """

    _rule = Rule("optim.adam", _each, lerps=True)
    _late_options = {
        "amsgrad": False,
        "maximize": False,
        "foreach": None,
        "capturable": False,
        "differentiable": False,
        "decoupled_weight_decay": False,
        "fused": None,
    }

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        if foreach and not capturable:
            for name, x in (("lr", lr), ("betas[0]", betas[0]), ("betas[1]", betas[1])):
                if isinstance(x, Tensor):
                    raise ValueError(
                        f"{name} as a Tensor is not supported for capturable=False and foreach=True"
                    )
        adam_checks(lr, betas, eps, weight_decay)
        tensors = [isinstance(b, Tensor) for b in betas]
        if not (all(tensors) or all(isinstance(b, float) for b in betas)):
            raise ValueError("betas must be either both floats or both Tensors")
        for i, b in enumerate(betas):
            if isinstance(b, Tensor) and b.numel() != 1:
                raise ValueError(f"Tensor betas[{i}] must be 1-element")
        check_fused(fused, foreach, differentiable)
        defaults = {
            "lr": lr,
            "betas": tuple(_to_scalar(b) for b in betas),
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    def _steps_rows(self, group: dict[str, Any]) -> bool:
        raise RuntimeError("Adam does not support sparse gradients, please consider SparseAdam instead")

    def _new_state(self, group: dict[str, Any], p: Tensor) -> dict[str, Any]:
        return {name: zeros_like(p) for name in self._state_names(group, p)}

    def _state_names(self, group: dict[str, Any], p: Tensor) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq", "max_exp_avg_sq") if group["amsgrad"] else ("exp_avg", "exp_avg_sq")

    def _options(
        self, group: dict[str, Any], at: dict[str, float], fresh: bool
    ) -> tuple[tuple, dict[str, Any]]:
        lr, (beta1, beta2), t = group["lr"], group["betas"], at["step"]
        static, numbers = common_options(group, group["decoupled_weight_decay"])
        numbers["rate1"] = 1 - beta1
        numbers["beta2"] = beta2
        numbers["rate2"] = 1 - beta2
        numbers["step_size"] = lr / (1 - beta1**t)
        numbers["root"] = (1 - beta2**t) ** 0.5
        numbers["eps"] = group["eps"]
        return static, numbers
