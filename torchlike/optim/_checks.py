"""Argument checks that several optimizers share, with PyTorch's wording."""

from __future__ import annotations

from typing import Any

from .._core.tensor import Tensor

__all__ = ["adam_checks", "check_fused", "nonnegative", "not_negative", "one_element"]


def one_element(**options: Any) -> None:
    """A Tensor option must hold one number."""
    for name, x in options.items():
        if isinstance(x, Tensor) and x.numel() != 1:
            raise ValueError(f"Tensor {name} must be 1-element")


def nonnegative(message: str, x: Any) -> None:
    """Raises ValueError with the message unless `0 <= x` (so a NaN does not pass)."""
    if not 0.0 <= x:
        raise ValueError(message.format(x))


def not_negative(message: str, x: Any) -> None:
    """Raises ValueError with the message if `x < 0` (so a NaN passes, as in PyTorch's SGD)."""
    if x < 0.0:
        raise ValueError(message.format(x))


def check_fused(fused: Any, foreach: Any, differentiable: Any) -> None:
    """PyTorch's rules on which of these options go together."""
    if fused and differentiable:
        raise RuntimeError("`fused` does not support `differentiable`")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")


def adam_checks(lr: Any, betas: Any, eps: float, weight_decay: Any) -> None:
    """The checks of the Adam family."""
    one_element(lr=lr)
    nonnegative("Invalid learning rate: {}", lr)
    nonnegative("Invalid epsilon value: {}", eps)
    for i in (0, 1):
        if not 0.0 <= betas[i] < 1.0:
            raise ValueError(f"Invalid beta parameter at index {i}: {betas[i]}")
    nonnegative("Invalid weight_decay value: {}", weight_decay)
