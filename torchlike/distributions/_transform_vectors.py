"""Maps between vectors and the simplex, and between vectors or matrices and special matrices."""

from __future__ import annotations

import math
from typing import Any

from .._core.tensor import Tensor
from . import constraints
from ._ops import F, torch
from ._transform import _MSG_FEW, Transform
from .utils import tril_matrix_to_vec, vec_to_tril_matrix


def clipped_sigmoid(x: Tensor) -> Tensor:
    """The logistic function, kept inside the open interval (0, 1)."""
    info = torch.finfo(x.dtype)
    return torch.clamp(torch.sigmoid(x), min=info.tiny, max=1.0 - info.eps)


class _Same(Transform):
    """A map without parameters; equal to others of its class."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self))

    __hash__ = None  # type: ignore[assignment]

    def _at_least(self, shape: Any, dims: int) -> Any:
        if len(shape) < dims:
            raise ValueError(_MSG_FEW)
        return shape


class SoftmaxTransform(_Same):
    """y = exp(x) normalised to add up to 1; the inverse is the logarithm. No bijection."""

    domain = constraints.real_vector
    codomain = constraints.simplex

    def _call(self, x: Tensor) -> Tensor:
        return F.softmax(x, dim=-1)

    def _inverse(self, y: Tensor) -> Tensor:
        return y.log()

    def forward_shape(self, shape: Any) -> Any:
        return self._at_least(shape, 1)

    inverse_shape = forward_shape


class StickBreakingTransform(_Same):
    """(..., k) to the simplex of (..., k + 1): each number says which share of the rest is broken off."""

    domain = constraints.real_vector
    codomain = constraints.simplex
    bijective = True

    @staticmethod
    def _log_rest(k: int, like: Tensor) -> Tensor:
        """log of how many pieces are still to come, so that x = 0 gives equal pieces: log k .. log 1."""
        return torch.arange(k, 0, -1, dtype=like.dtype, device=like.device).log()

    def _call(self, x: Tensor) -> Tensor:
        share = clipped_sigmoid(x - self._log_rest(x.shape[-1], x))
        rest = (1 - share).cumprod(-1)
        return F.pad(share, [0, 1], value=1) * F.pad(rest, [1, 0], value=1)

    def _inverse(self, y: Tensor) -> Tensor:
        head = y[..., :-1]
        rest = torch.clamp(1 - head.cumsum(-1), min=torch.finfo(y.dtype).tiny)
        return head.log() - rest.log() + self._log_rest(head.shape[-1], y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        x = x - self._log_rest(x.shape[-1], x)
        return (-x + F.logsigmoid(x) + y[..., :-1].log()).sum(-1)

    def forward_shape(self, shape: Any) -> Any:
        return tuple(self._at_least(shape, 1)[:-1]) + (shape[-1] + 1,)

    def inverse_shape(self, shape: Any) -> Any:
        return tuple(self._at_least(shape, 1)[:-1]) + (shape[-1] - 1,)


class CorrCholeskyTransform(_Same):
    """(..., n * (n - 1) / 2) to Cholesky factors (..., n, n) of correlation matrices.

    Each number's tanh is a partial correlation: the share of what its row has left.
    """

    domain = constraints.real_vector
    codomain = constraints.corr_cholesky
    bijective = True

    def _call(self, x: Tensor) -> Tensor:
        eps = torch.finfo(x.dtype).eps
        partial = vec_to_tril_matrix(torch.tanh(x).clamp(min=-1 + eps, max=1 - eps), diag=-1)
        left = (1 - partial**2).sqrt().cumprod(-1)
        eye = torch.eye(partial.shape[-1], dtype=x.dtype, device=x.device)
        return (partial + eye) * F.pad(left[..., :-1], [1, 0], value=1)

    def _inverse(self, y: Tensor) -> Tensor:
        left = F.pad((1 - torch.cumsum(y * y, dim=-1))[..., :-1], [1, 0], value=1)
        partial = tril_matrix_to_vec(y, diag=-1) / tril_matrix_to_vec(left, diag=-1).sqrt()
        return (partial.log1p() - partial.neg().log1p()) / 2

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        left = tril_matrix_to_vec(1 - (y * y).cumsum(-1), diag=-2)
        tanh = -2 * (x + F.softplus(-2 * x) - math.log(2.0)).sum(-1)
        return 0.5 * left.log().sum(-1) + tanh

    def forward_shape(self, shape: Any) -> Any:
        count = self._at_least(shape, 1)[-1]
        n = round((0.25 + 2 * count) ** 0.5 + 0.5)
        if n * (n - 1) // 2 != count:
            raise ValueError("Input is not a flattened lower-diagonal number")
        return tuple(shape[:-1]) + (n, n)

    def inverse_shape(self, shape: Any) -> Any:
        if self._at_least(shape, 2)[-2] != shape[-1]:
            raise ValueError("Input is not square")
        return tuple(shape[:-2]) + (shape[-1] * (shape[-1] - 1) // 2,)


class LowerCholeskyTransform(_Same):
    """Square matrices to lower triangular ones: the diagonal through `exp`, the rest above it dropped."""

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.lower_cholesky

    def _call(self, x: Tensor) -> Tensor:
        return x.tril(-1) + x.diagonal(dim1=-2, dim2=-1).exp().diag_embed()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.tril(-1) + y.diagonal(dim1=-2, dim2=-1).log().diag_embed()


class PositiveDefiniteTransform(_Same):
    """Square matrices to L @ L.mT, where L is `LowerCholeskyTransform`'s."""

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.positive_definite

    def _call(self, x: Tensor) -> Tensor:
        factor = LowerCholeskyTransform()(x)
        return factor @ factor.mT

    def _inverse(self, y: Tensor) -> Tensor:
        return LowerCholeskyTransform().inv(torch.linalg.cholesky(y))
