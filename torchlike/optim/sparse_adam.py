"""SparseAdam: an Adam that visits only the entries a sparse gradient names."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from .._core.fused import fused
from .._core.modes import enable_grad
from .._core.tensor import Tensor
from ._checks import one_element
from ._update import Rule, zeros_like
from .optimizer import Optimizer, ParamsT, _get_value, _use_grad_for_differentiable

__all__ = ["SparseAdam"]


def _each(p: Any, g: Any, state: tuple[Any, ...], h: Any) -> tuple[Any, ...]:
    """m += (1 - beta1) (g - m); v += (1 - beta2) (g^2 - v); p -= rate * m / (sqrt(v) + eps)."""
    m = state[0] + (g - state[0]) * h.new1
    v = state[1] + (g * g - state[1]) * h.new2
    return p - h.rate * m / (jnp.sqrt(v) + h.eps), m, v


_rule = Rule("optim.sparse_adam", _each)


class SparseAdam(Optimizer):
    """Adam for sparse gradients, as of `nn.Embedding(sparse=True)`.

    Adam's update, whose moments and parameters change only where the gradient has entries:
    rate = lr * sqrt(1 - beta2^t) / (1 - beta1^t); p -= rate * m / (sqrt(v) + eps).

    State of a parameter: `step` (int), `exp_avg`, `exp_avg_sq`.

    Raises:
        ValueError: an option outside its range, sparse or complex parameters.
        RuntimeError: at `step`, for a dense gradient; `Adam` takes those.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        maximize: bool = False,
    ) -> None:
        one_element(lr=lr)
        if not 0.0 < lr:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not 0.0 < eps:
            raise ValueError(f"Invalid epsilon value: {eps}")
        for i in (0, 1):
            if not 0.0 <= betas[i] < 1.0:
                raise ValueError(f"Invalid beta parameter at index {i}: {betas[i]}")
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})
        self._refuse(
            "Sparse params at indices {}: SparseAdam requires dense parameter tensors", lambda p: p.is_sparse
        )
        self._refuse(
            "Complex params at indices {}: SparseAdam does not support complex parameters",
            lambda p: p.is_complex(),
        )

    def _refuse(self, message: str, bad: Callable[[Tensor], bool]) -> None:
        found = [
            [i, j]
            for i, group in enumerate(self.param_groups)
            for j, p in enumerate(group["params"])
            if bad(p)
        ]
        if found:
            raise ValueError(message.format(found))

    @_use_grad_for_differentiable
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Moves the entries that the gradients name.

        Args:
            closure: recomputes the loss and its gradients; called first, with gradients enabled.

        Raises:
            RuntimeError: a dense gradient.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group in self.param_groups:
            moving = [p for p in group["params"] if p.grad is not None]
            if not all(p.grad.is_sparse for p in moving):
                raise RuntimeError(
                    "SparseAdam does not support dense gradients, please consider Adam instead"
                )
            together: dict[int, list[Tensor]] = {}  # by step, and so by bias correction
            for p in moving:
                state = self.state[p]
                if not state:
                    state.update(step=0, exp_avg=zeros_like(p), exp_avg_sq=zeros_like(p))
                state["step"] += 1
                together.setdefault(int(state["step"]), []).append(p)
            for step, params in together.items():
                self._move(group, step, params)
        return loss

    def _move(self, group: dict[str, Any], step: int, params: list[Tensor]) -> None:
        """One call for parameters that have made the same number of steps."""
        beta1, beta2 = group["betas"]
        rate = float(_get_value(group["lr"])) * math.sqrt(1 - beta2**step) / (1 - beta1**step)
        states = [[self.state[p][name] for p in params] for name in ("exp_avg", "exp_avg_sq")]
        grads: list[Any] = [p.grad for p in params]
        lists = (params, [g._v for g in grads], [], *states, [g._i for g in grads])
        static = (
            ("names", ("rate", "new1", "new2", "eps")),
            ("maximize", group["maximize"]),
            ("sparse", True),
        )
        results = fused(
            _rule.name, _rule, static, lists, [rate, 1.0 - beta1, 1.0 - beta2, float(group["eps"])]
        )
        for tensors, values in zip((params, *states), results):
            for t, v in zip(tensors, values):
                t._write(v)
