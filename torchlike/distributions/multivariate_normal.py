"""MultivariateNormal and LowRankMultivariateNormal."""

from __future__ import annotations

import math
from typing import Any

from .._core.tensor import Size, Tensor
from . import constraints
from ._matrices import WAYS, Matrices, log_diagonal, squared_length
from ._ops import torch
from .distribution import Distribution, checked
from .utils import lazy_property, standard_normal

_LOG_2PI = math.log(2 * math.pi)
_VECTOR = "loc must be at least one-dimensional."


class MultivariateNormal(Matrices):
    """Normal vectors (..., n).

    Args:
        loc: the mean.
        covariance_matrix: (..., n, n); or `precision_matrix`, its inverse; or `scale_tril`, its lower factor.

    Raises:
        ValueError: not exactly one matrix is given, or a shape does not fit.
    """

    _params = {"loc": 1, **Matrices._params}
    arg_constraints: Any = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    support: Any = constraints.real_vector
    has_rsample = True
    loc: Tensor

    def __init__(
        self,
        loc: Tensor,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        if loc.dim() < 1:
            raise ValueError(_VECTOR)
        given: dict[str, Tensor | None] = dict(zip(WAYS, (covariance_matrix, precision_matrix, scale_tril)))
        ways = [way for way, matrix in given.items() if matrix is not None]
        if len(ways) != 1:
            raise ValueError(
                "Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified."
            )
        way, matrix = ways[0], given[ways[0]]
        assert matrix is not None
        if matrix.dim() < 2:
            name = "scale_tril matrix" if way == "scale_tril" else way
            raise ValueError(
                f"{name} must be at least two-dimensional, with optional leading batch dimensions"
            )
        batch_shape = torch.broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        self.__dict__[way] = matrix.expand(tuple(batch_shape) + (-1, -1))
        self.loc = loc.expand(tuple(batch_shape) + (-1,))
        super().__init__(batch_shape, self.loc.shape[-1:], validate_args=validate_args)
        self._set_factor(way, matrix)

    mean = property(lambda self: self.loc)
    mode = property(lambda self: self.loc)

    @property
    def variance(self) -> Tensor:
        """The covariance's diagonal."""
        return self._factor.pow(2).sum(-1).expand(self._batch_shape + self._event_shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        noise = standard_normal(self._extended_shape(sample_shape), self.loc)
        return self.loc + torch.matmul(self._factor, noise.unsqueeze(-1)).squeeze(-1)

    @checked
    def log_prob(self, value: Tensor) -> Tensor:
        distance = squared_length(self._factor, value - self.loc)
        return -0.5 * (self._event_shape[0] * _LOG_2PI + distance) - log_diagonal(self._factor)

    def entropy(self) -> Tensor:
        result = 0.5 * self._event_shape[0] * (1.0 + _LOG_2PI) + log_diagonal(self._factor)
        return result.expand(self._batch_shape) if self._batch_shape else result


class LowRankMultivariateNormal(Distribution):
    """Normal vectors (..., n) of covariance W W^T + D, where W has few columns and D is diagonal.

    Args:
        loc: the mean.
        cov_factor: W, (..., n, k).
        cov_diag: D's diagonal, (..., n).

    Raises:
        ValueError: a shape does not fit.
    """

    _params = {
        "loc": 1, "cov_diag": 1, "cov_factor": 2,
        "covariance_matrix": 2, "scale_tril": 2, "precision_matrix": 2,
    }  # fmt: skip
    arg_constraints: Any = {
        "loc": constraints.real_vector,
        "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }
    support: Any = constraints.real_vector
    has_rsample = True
    loc: Tensor
    cov_factor: Tensor
    cov_diag: Tensor

    def __init__(
        self, loc: Tensor, cov_factor: Tensor, cov_diag: Tensor, validate_args: bool | None = None
    ) -> None:
        if loc.dim() < 1:
            raise ValueError(_VECTOR)
        event = loc.shape[-1:]
        if cov_factor.dim() < 2:
            raise ValueError(
                "cov_factor must be at least two-dimensional, with optional leading batch dimensions"
            )
        if cov_factor.shape[-2:-1] != event:
            raise ValueError(f"cov_factor must be a batch of matrices with shape {event[0]} x m")
        if cov_diag.shape[-1:] != event:
            raise ValueError(f"cov_diag must be a batch of vectors with shape {event}")
        try:
            batch = torch.broadcast_shapes(loc.shape[:-1], cov_factor.shape[:-2], cov_diag.shape[:-1])
        except RuntimeError as e:
            raise ValueError(
                f"Incompatible batch shapes: loc {loc.shape}, cov_factor {cov_factor.shape}, cov_diag "
                f"{cov_diag.shape}"
            ) from e
        self.loc = loc.expand(tuple(batch) + tuple(event))
        self.cov_diag = cov_diag.expand(tuple(batch) + tuple(event))
        self.cov_factor = cov_factor.expand(tuple(batch) + tuple(cov_factor.shape[-2:]))
        self._given = cov_factor, cov_diag
        super().__init__(batch, event, validate_args=validate_args)

    def _expand_rest(self, new: Any, batch_shape: Size) -> None:
        new._given = self._given

    @lazy_property
    def _capacitance(self) -> Tensor:
        """The lower Cholesky factor of 1 + W^T D^-1 W (..., k, k)."""
        return _capacitance_of(*self._given)

    mean = property(lambda self: self.loc)
    mode = property(lambda self: self.loc)

    @lazy_property
    def variance(self) -> Tensor:  # type: ignore[override]
        """The covariance's diagonal."""
        factor, diag = self._given
        return (factor.pow(2).sum(-1) + diag).expand(self._batch_shape + self._event_shape)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """W W^T + D."""
        factor, diag = self._given
        n = self._event_shape[0]
        matrix = torch.matmul(factor, factor.mT) + torch.diag_embed(diag)
        return matrix.expand(tuple(self._batch_shape) + (n, n))

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The covariance's lower Cholesky factor, through D^1/2 (1 + D^-1/2 W W^T D^-1/2) D^1/2."""
        factor, diag = self._given
        n = self._event_shape[0]
        root = diag.sqrt().unsqueeze(-1)
        scaled = factor / root
        eye = torch.eye(n, dtype=diag.dtype, device=diag.device)
        tril = root * torch.linalg.cholesky(torch.matmul(scaled, scaled.mT) + eye)
        return tril.expand(tuple(self._batch_shape) + (n, n))

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The covariance's inverse, by Woodbury's formula."""
        factor, diag = self._given
        n = self._event_shape[0]
        weighted = factor.mT / diag.unsqueeze(-2)
        inner = torch.linalg.solve_triangular(self._capacitance, weighted, upper=False)
        matrix = torch.diag_embed(diag.reciprocal()) - torch.matmul(inner.mT, inner)
        return matrix.expand(tuple(self._batch_shape) + (n, n))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        factor, diag = self._given
        low = standard_normal(tuple(shape[:-1]) + (factor.shape[-1],), self.loc)
        noise = standard_normal(shape, self.loc)
        return self.loc + torch.matmul(factor, low.unsqueeze(-1)).squeeze(-1) + diag.sqrt() * noise

    @checked
    def log_prob(self, value: Tensor) -> Tensor:
        distance = lowrank_squared_length(*self._given, value - self.loc, self._capacitance)
        log_det = lowrank_log_det(*self._given, self._capacitance)
        return -0.5 * (self._event_shape[0] * _LOG_2PI + log_det + distance)

    def entropy(self) -> Tensor:
        log_det = lowrank_log_det(*self._given, self._capacitance)
        result = 0.5 * (self._event_shape[0] * (1.0 + _LOG_2PI) + log_det)
        return result.expand(self._batch_shape) if self._batch_shape else result


def _capacitance_of(factor: Tensor, diag: Tensor) -> Tensor:
    eye = torch.eye(factor.shape[-1], dtype=factor.dtype, device=factor.device)
    return torch.linalg.cholesky(torch.matmul(factor.mT / diag.unsqueeze(-2), factor) + eye)


def lowrank_log_det(factor: Tensor, diag: Tensor, capacitance: Tensor) -> Tensor:
    """log det(W W^T + D), by the matrix determinant lemma."""
    return 2 * log_diagonal(capacitance) + diag.log().sum(-1)


def lowrank_squared_length(factor: Tensor, diag: Tensor, x: Tensor, capacitance: Tensor) -> Tensor:
    """x^T (W W^T + D)^-1 x, by Woodbury's formula."""
    projected = torch.matmul(factor.mT / diag.unsqueeze(-2), x.unsqueeze(-1)).squeeze(-1)
    return (x.pow(2) / diag).sum(-1) - squared_length(capacitance, projected)
