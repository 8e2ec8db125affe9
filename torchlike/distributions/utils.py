"""What distributions share: broadcasting of parameters, probs and logits, properties computed once."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

from .._core.tensor import Tensor
from ._ops import F, torch

euler_constant = 0.57721566490153286060  # Euler and Mascheroni's gamma

_MSG_KINDS = (
    "Input arguments must all be instances of Number, torch.Tensor or objects implementing "
    "__torch_function__."
)


def is_number(value: Any) -> bool:
    """Whether a parameter is a plain Python number."""
    return isinstance(value, (int, float, bool))


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """Tensors and numbers as tensors of one shape; numbers take the first tensor's dtype and device.

    Raises:
        ValueError: a value is neither.
    """
    if not all(is_number(v) or isinstance(v, Tensor) or hasattr(v, "__torch_function__") for v in values):
        raise ValueError(_MSG_KINDS)
    lead = next((v for v in values if isinstance(v, Tensor)), None)
    options = (
        {"dtype": torch.get_default_dtype()} if lead is None else {"dtype": lead.dtype, "device": lead.device}
    )
    tensors = [torch.tensor(v, **options) if is_number(v) else v for v in values]
    shape = torch.broadcast_shapes(*(t.shape for t in tensors))
    return tuple(t if t.shape == shape else t.expand(shape) for t in tensors)


def sum_rightmost(value: Any, count: int) -> Any:
    """`value` (a tensor or a number) summed over its last `count` dimensions."""
    return value if count == 0 else value.reshape(value.shape[: value.dim() - count] + (-1,)).sum(-1)


_sum_rightmost = sum_rightmost


def standard_normal(shape: Any, like: Tensor) -> Tensor:
    """Standard normal numbers in the dtype and on the device of `like`."""
    options = {"dtype": like.dtype, "device": like.device}
    return torch.normal(torch.zeros(shape, **options), torch.ones(shape, **options))


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """Probabilities from log odds (binary), else from log weights along the last dimension."""
    return torch.sigmoid(logits) if is_binary else F.softmax(logits, dim=-1)


def clamp_probs(probs: Tensor) -> Tensor:
    """`probs` kept inside the open interval (0, 1) by the dtype's epsilon."""
    eps = torch.finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """Log odds (binary) or log probabilities; probabilities of 0 and 1 are moved inside first."""
    inside = clamp_probs(probs)
    return torch.log(inside) - torch.log1p(-inside) if is_binary else torch.log(inside)


class lazy_property:
    """A property that is computed at the first look, with gradients, and then kept on the instance."""

    def __init__(self, wrapped: Callable[[Any], Any]):
        self.wrapped = wrapped
        functools.update_wrapper(self, wrapped)  # type: ignore[arg-type]

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        with torch.enable_grad():
            value = self.wrapped(instance)
        setattr(instance, self.wrapped.__name__, value)
        return value


def tril_matrix_to_vec(mat: Tensor, diag: int = 0) -> Tensor:
    """The lower triangle of (..., n, n), row by row, as (..., k); `diag` as in `torch.tril`.

    Raises:
        ValueError: `diag` is outside [-n, n).
    """
    n = mat.shape[-1]
    if not -n <= diag < n:
        raise ValueError(f"diag ({diag}) provided is outside [{-n}, {n - 1}].")
    rows = torch.arange(n, device=mat.device)
    return mat[..., rows < rows.view(-1, 1) + (diag + 1)]


def vec_to_tril_matrix(vec: Tensor, diag: int = 0) -> Tensor:
    """(..., k) as the lower triangle of (..., n, n) with zeros above; the inverse of `tril_matrix_to_vec`.

    Raises:
        ValueError: no triangle has k elements.
    """
    k = vec.shape[-1]
    n = next(n for n in itertools.count(max(1, 1 - diag, diag)) if _triangle(n, diag) >= k)
    if _triangle(n, diag) != k:
        raise ValueError(
            f"The size of last dimension is {k} which cannot be expressed as the lower triangular part of a "
            "square D x D matrix."
        )
    made = torch.zeros(vec.shape[:-1] + (n, n), dtype=vec.dtype, device=vec.device)
    rows = torch.arange(n, device=vec.device)
    made[..., rows < rows.view(-1, 1) + (diag + 1)] = vec
    return made


def _triangle(n: int, diag: int) -> int:
    """How many elements of an n x n matrix lie on or below diagonal `diag`."""
    return sum(min(n, max(0, row + 1 + diag)) for row in range(n))
