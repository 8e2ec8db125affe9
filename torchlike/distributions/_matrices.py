"""Batches of matrices behind multivariate distributions: factors, quadratic forms, the three ways to give one."""

from __future__ import annotations

from typing import Any

from .._core.tensor import Size, Tensor
from ._ops import torch
from .distribution import Distribution
from .utils import lazy_property

WAYS = ("covariance_matrix", "precision_matrix", "scale_tril")


def log_diagonal(factor: Tensor) -> Tensor:
    """Half the log determinant of `factor @ factor.mT`."""
    return factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def squared_length(factor: Tensor, x: Tensor) -> Tensor:
    """x^T (L L^T)^-1 x for vectors `x` (..., n) and lower triangular L; batch shapes broadcast."""
    solved = torch.linalg.solve_triangular(factor, x.unsqueeze(-1), upper=False)
    return solved.squeeze(-1).pow(2).sum(-1)


def precision_to_factor(precision: Tensor) -> Tensor:
    """The lower Cholesky factor of the inverse of a positive definite matrix."""
    flipped = torch.linalg.cholesky(torch.flip(precision, (-2, -1)))
    inverse = torch.transpose(torch.flip(flipped, (-2, -1)), -2, -1)  # lower, with its own inverse the answer
    eye = torch.eye(precision.shape[-1], dtype=precision.dtype, device=precision.device)
    return torch.linalg.solve_triangular(inverse, eye, upper=False)


class Matrices(Distribution):
    """Given by one of a covariance matrix, its inverse, or its Cholesky factor; the others follow from it."""

    _params = {way: 2 for way in WAYS}
    _factor: Tensor  # lower triangular, as it was given: not expanded to the batch

    def _set_factor(self, way: str, given: Tensor) -> None:
        if way == "scale_tril":
            self._factor = given
        elif way == "covariance_matrix":
            self._factor = torch.linalg.cholesky(given)
        else:
            self._factor = precision_to_factor(given)

    def _expand_rest(self, new: Any, batch_shape: Size) -> None:
        new._factor = self._factor

    def _whole(self, matrix: Tensor) -> Tensor:
        n = matrix.shape[-1]
        return matrix.expand(tuple(self._batch_shape) + (n, n))

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The lower Cholesky factor of the covariance matrix."""
        return self._whole(self._factor)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """The covariance matrix."""
        return self._whole(self._factor @ self._factor.mT)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariance matrix."""
        return self._whole(torch.cholesky_inverse(self._factor))
