"""Distributions of matrices: Wishart, and LKJCholesky over correlation matrices."""

from __future__ import annotations

import math
import warnings
from typing import Any

from .._core.tensor import Size, Tensor
from . import constraints
from ._matrices import WAYS, Matrices, log_diagonal
from ._ops import torch
from .distribution import Distribution, checked
from .exp_family import ExponentialFamily
from .gamma_family import Beta, Chi2
from .utils import broadcast_all, is_number

_LOG_2 = math.log(2)
_RETRIES = 10  # how often singular Wishart samples are drawn again


class Wishart(Matrices, ExponentialFamily):
    """Sums of squares of `df` normal vectors: positive definite matrices (..., n, n).

    Args:
        df: degrees of freedom, above n - 1.
        covariance_matrix: (..., n, n); or `precision_matrix`, its inverse; or `scale_tril`, its lower factor.

    Raises:
        ValueError: a shape does not fit, or `df` is too small.
        AssertionError: not exactly one matrix is given.
    """

    _params = {"df": 0, **Matrices._params}
    support: Any = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure: Any = 0
    df: Tensor

    def __init__(
        self,
        df: Any,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        given: dict[str, Tensor | None] = dict(zip(WAYS, (covariance_matrix, precision_matrix, scale_tril)))
        ways = [way for way, matrix in given.items() if matrix is not None]
        assert len(ways) == 1, (
            "Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified."
        )
        way, matrix = ways[0], given[ways[0]]
        assert matrix is not None
        if matrix.dim() < 2:
            raise ValueError(
                "scale_tril must be at least two-dimensional, with optional leading batch dimensions"
            )
        if is_number(df):
            df = torch.tensor(df, dtype=matrix.dtype, device=matrix.device)
        batch_shape = torch.broadcast_shapes(matrix.shape[:-2], df.shape)
        n = matrix.shape[-1]
        self.df = df.expand(batch_shape)
        self.__dict__[way] = matrix.expand(tuple(batch_shape) + (-1, -1))
        if self.df.le(n - 1).any():
            raise ValueError(f"Value of df={df} expected to be greater than ndim - 1 = {n - 1}.")
        Distribution.__init__(self, batch_shape, (n, n), validate_args=validate_args)
        if self.df.lt(n).any():
            warnings.warn(
                "Low df values detected. Singular samples are highly likely to occur for ndim - 1 < df < ndim.",
                stacklevel=2,
            )
        self._set_factor(way, matrix)
        self._chi2 = Chi2(self.df.unsqueeze(-1) - torch.arange(n, dtype=matrix.dtype, device=matrix.device))

    @property
    def arg_constraints(self) -> dict[str, Any]:
        """`df` above n - 1."""
        return {
            "covariance_matrix": constraints.positive_definite,
            "precision_matrix": constraints.positive_definite,
            "scale_tril": constraints.lower_cholesky,
            "df": constraints.greater_than(self.event_shape[-1] - 1),
        }

    def _expand_rest(self, new: Any, batch_shape: Size) -> None:
        super()._expand_rest(new, batch_shape)
        new._chi2 = self._chi2.expand(tuple(batch_shape) + (self.event_shape[-1],))

    def _df(self) -> Tensor:
        """`df` as (..., 1, 1)."""
        return self.df.reshape(tuple(self._batch_shape) + (1, 1))

    mean = property(lambda self: self._df() * self.covariance_matrix)

    @property
    def mode(self) -> Tensor:
        """nan for df <= n + 1."""
        factor = self._df() - self.covariance_matrix.shape[-1] - 1
        return torch.where(factor <= 0, math.nan, factor) * self.covariance_matrix

    @property
    def variance(self) -> Tensor:
        """df (V_ij^2 + V_ii V_jj)."""
        v = self.covariance_matrix
        diagonal = v.diagonal(dim1=-2, dim2=-1)
        return self._df() * (v.pow(2) + diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2))

    def _bartlett(self, sample_shape: Any) -> Tensor:
        """Samples through Bartlett's lower triangular factor: chi numbers, normal ones below them."""
        n = self._event_shape[-1]
        noise = self._chi2.rsample(sample_shape).sqrt().diag_embed()
        i, j = torch.tril_indices(n, n, offset=-1)
        below = torch.randn(
            tuple(sample_shape) + tuple(self._batch_shape) + (n * (n - 1) // 2,),
            dtype=noise.dtype,
            device=noise.device,
        )
        noise[..., i, j] = below
        factor = self._factor @ noise
        return factor @ factor.mT

    def rsample(self, sample_shape: Any = (), max_try_correction: int | None = None) -> Tensor:
        """Draws with gradients; singular ones (rounding, low `df`) are drawn again.

        Args:
            max_try_correction: how often at most (default: 10).
        """
        sample_shape = Size(sample_shape)
        sample = self._bartlett(sample_shape)
        dims = tuple(range(len(sample_shape), len(sample_shape) + len(self._batch_shape)))

        def singular(drawn: Tensor, over: tuple[int, ...]) -> Tensor:
            wrong = ~self.support.check(drawn)
            return wrong.amax(over) if over else wrong

        again = singular(sample, dims)
        if not again.any():
            return sample
        warnings.warn("Singular sample detected.", stacklevel=2)
        for _ in range(_RETRIES if max_try_correction is None else max_try_correction):
            fresh = self._bartlett(again[again].shape)
            sample[again] = fresh
            still = singular(fresh, tuple(range(1, 1 + len(self._batch_shape))))
            again[again.clone()] = still
            if not again.any():
                break
        return sample

    @checked
    def log_prob(self, value: Tensor) -> Tensor:
        nu, n = self.df, self._event_shape[-1]
        return (
            -nu * (n * _LOG_2 / 2 + log_diagonal(self._factor))
            - torch.mvlgamma(nu / 2, p=n)
            + (nu - n - 1) / 2 * torch.linalg.slogdet(value).logabsdet
            - torch.cholesky_solve(value, self._factor).diagonal(dim1=-2, dim2=-1).sum(dim=-1) / 2
        )

    def entropy(self) -> Tensor:
        nu, n = self.df, self._event_shape[-1]
        halves = torch.arange(n, dtype=nu.dtype, device=nu.device) / 2
        return (
            (n + 1) * (n * _LOG_2 / 2 + log_diagonal(self._factor))
            + torch.mvlgamma(nu / 2, p=n)
            - (nu - n - 1) / 2 * torch.digamma((nu / 2).unsqueeze(-1) - halves).sum(-1)
            + nu * n / 2
        )

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2

    def _log_normalizer(self, x: Tensor, y: Tensor) -> Tensor:
        n = self._event_shape[-1]
        nu = y + (n + 1) / 2
        return nu * (-torch.linalg.slogdet(-2 * x).logabsdet + _LOG_2 * n) + torch.mvlgamma(nu, p=n)


class LKJCholesky(Distribution):
    """Cholesky factors of correlation matrices M, of density proportional to det(M) ** (concentration - 1).

    Args:
        dim: n, at least 2; draws are (..., n, n).

    Raises:
        ValueError: `dim` is below 2.
    """

    _params = {"concentration": 0}
    arg_constraints: Any = {"concentration": constraints.positive}
    support: Any = constraints.corr_cholesky
    concentration: Tensor

    def __init__(self, dim: int, concentration: Any = 1.0, validate_args: bool | None = None) -> None:
        if dim < 2:
            raise ValueError(f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}.")
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        rows = torch.arange(dim - 1, dtype=self.concentration.dtype, device=self.concentration.device)
        rows = torch.cat([rows.new_zeros((1,)), rows])  # how many partial correlations come before
        marginal = self.concentration + 0.5 * (dim - 2)
        self._beta = Beta(rows + 0.5, marginal.unsqueeze(-1) - 0.5 * rows)
        super().__init__(self.concentration.shape, (dim, dim), validate_args)

    def _expand_rest(self, new: Any, batch_shape: Size) -> None:
        new.dim = self.dim
        new._beta = self._beta.expand(tuple(batch_shape) + (self.dim,))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draws by the onion method (Lewandowski, Kurowicka and Joe, 2009): row by row a radius and a direction."""
        with torch.no_grad():
            radius = self._beta.sample(sample_shape).unsqueeze(-1)
            normals = torch.randn(
                self._extended_shape(sample_shape), dtype=radius.dtype, device=radius.device
            ).tril(-1)
            direction = normals / normals.norm(dim=-1, keepdim=True)
            direction[..., 0, :] = 0.0
            w = torch.sqrt(radius) * direction
            tiny = torch.finfo(w.dtype).tiny
            return w + torch.clamp(1 - torch.sum(w**2, dim=-1), min=tiny).sqrt().diag_embed()

    @checked
    def log_prob(self, value: Tensor) -> Tensor:
        diagonal = value.diagonal(dim1=-1, dim2=-2)[..., 1:]
        n, order = self.dim, torch.arange(2, self.dim + 1, device=self.concentration.device)
        powers = 2 * (self.concentration - 1).unsqueeze(-1) + n - order
        alpha = self.concentration + 0.5 * (n - 1)
        log_norm = (
            0.5 * (n - 1) * math.log(math.pi)
            + torch.mvlgamma(alpha - 0.5, n - 1)
            - torch.lgamma(alpha) * (n - 1)
        )
        return torch.sum(powers * diagonal.log(), dim=-1) - log_norm
