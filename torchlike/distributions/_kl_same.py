"""Divergences within a family, in the forms that are exactly zero for equal parameters."""

from __future__ import annotations

import math
from typing import Any

from .._core.tensor import Tensor
from ..autograd import grad
from ._ops import F, torch
from .categorical import Categorical, OneHotCategorical
from .continuous_bounded import ContinuousBernoulli
from .continuous_location import Cauchy, Laplace, Normal, Uniform
from .continuous_transformed import Gumbel, HalfNormal, Pareto
from .discrete import Bernoulli, Binomial, Geometric, Poisson
from .exp_family import ExponentialFamily
from .gamma_family import Beta, Dirichlet, Exponential, Gamma
from .independent import Independent
from .kl import kl_divergence, register_kl
from .multivariate_normal import LowRankMultivariateNormal, MultivariateNormal, lowrank_log_det
from .transformed_distribution import TransformedDistribution
from .utils import euler_constant, sum_rightmost

_MSG_FAMILIES = "The cross KL-divergence between different exponential families cannot be computed using Bregman divergences"
_MSG_SHAPES = (
    "KL-divergence between two {}Multivariate Normals with different event shapes cannot be computed"
)


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p: Any, q: Any) -> Tensor:
    ones = p.probs * (F.softplus(-q.logits) - F.softplus(-p.logits))
    ones = torch.where(q.probs == 0, math.inf, ones)
    zeros = (1 - p.probs) * (F.softplus(q.logits) - F.softplus(p.logits))
    zeros = torch.where(q.probs == 1, math.inf, zeros)
    return torch.where(p.probs == 0, 0, ones) + torch.where(p.probs == 1, 0, zeros)


@register_kl(Binomial, Binomial)
def _binomial(p: Any, q: Any) -> Tensor:
    if (p.total_count < q.total_count).any():
        raise NotImplementedError(
            "KL between Binomials where q.total_count > p.total_count is not implemented"
        )
    each = p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p()
    return torch.where(p.total_count > q.total_count, math.inf, p.total_count * each)


@register_kl(Categorical, Categorical)
def _categorical(p: Any, q: Any) -> Tensor:
    terms = torch.where(q.probs == 0, math.inf, p.probs * (p.logits - q.logits))
    return torch.where(p.probs == 0, 0, terms).sum(-1)


@register_kl(OneHotCategorical, OneHotCategorical)
def _one_hot(p: Any, q: Any) -> Tensor:
    return _categorical(p._categorical, q._categorical)


@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _continuous_bernoulli(p: Any, q: Any) -> Tensor:
    own = p._log_norm() + torch.log1p(-p.probs)
    return p.mean * (p.logits - q.logits) + own - q._log_norm() - torch.log1p(-q.probs)


@register_kl(Geometric, Geometric)
def _geometric(p: Any, q: Any) -> Tensor:
    return -p.entropy() - torch.log1p(-q.probs) / p.probs - q.logits


@register_kl(Poisson, Poisson)
def _poisson(p: Any, q: Any) -> Tensor:
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(Normal, Normal)
def _normal(p: Any, q: Any) -> Tensor:
    ratio = (p.scale / q.scale).pow(2)
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).pow(2) - 1 - ratio.log())


@register_kl(HalfNormal, HalfNormal)
def _half_normal(p: Any, q: Any) -> Tensor:
    return _normal(p.base_dist, q.base_dist)


@register_kl(Laplace, Laplace)
def _laplace(p: Any, q: Any) -> Tensor:
    ratio, apart = p.scale / q.scale, (p.loc - q.loc).abs()
    return -ratio.log() + apart / q.scale + ratio * torch.exp(-apart / p.scale) - 1


@register_kl(Cauchy, Cauchy)
def _cauchy(p: Any, q: Any) -> Tensor:
    apart = (p.scale + q.scale).pow(2) + (p.loc - q.loc).pow(2)
    return apart.log() - (4 * p.scale * q.scale).log()


@register_kl(Gumbel, Gumbel)
def _gumbel(p: Any, q: Any) -> Tensor:
    ratio, apart = p.scale / q.scale, (q.loc - p.loc) / q.scale
    rest = ratio * euler_constant + torch.exp(apart + (1 + ratio).lgamma()) - (1 + euler_constant)
    return -ratio.log() - apart + rest


@register_kl(Uniform, Uniform)
def _uniform(p: Any, q: Any) -> Tensor:
    inside = (q.low <= p.low) & (q.high >= p.high)
    return torch.where(inside, ((q.high - q.low) / (p.high - p.low)).log(), math.inf)


@register_kl(Exponential, Exponential)
def _exponential(p: Any, q: Any) -> Tensor:
    ratio = q.rate / p.rate
    return -ratio.log() + ratio - 1


@register_kl(Pareto, Pareto)
def _pareto(p: Any, q: Any) -> Tensor:
    ratio = q.alpha / p.alpha
    result = q.alpha * (p.scale / q.scale).log() - ratio.log() + ratio - 1
    return torch.where(p.scale < q.scale, math.inf, result)


@register_kl(Gamma, Gamma)
def _gamma(p: Any, q: Any) -> Tensor:
    a, b = p.concentration, q.concentration
    return (
        b * (p.rate / q.rate).log()
        + torch.lgamma(b)
        - torch.lgamma(a)
        + (a - b) * torch.digamma(a)
        + (q.rate - p.rate) * (a / p.rate)
    )


@register_kl(Beta, Beta)
def _beta(p: Any, q: Any) -> Tensor:
    return _dirichlet(p._dirichlet, q._dirichlet)


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p: Any, q: Any) -> Tensor:
    a, b = p.concentration, q.concentration
    total = a.sum(-1)
    log_norms = total.lgamma() - b.sum(-1).lgamma() - (a.lgamma() - b.lgamma()).sum(-1)
    return log_norms + ((a - b) * (a.digamma() - total.digamma().unsqueeze(-1))).sum(-1)


@register_kl(ExponentialFamily, ExponentialFamily)
def _families(p: Any, q: Any) -> Tensor:
    """The Bregman divergence of the log normaliser."""
    if type(p) is not type(q):
        raise NotImplementedError(_MSG_FAMILIES)
    own = [x.detach().requires_grad_() for x in p._natural_params]
    with torch.enable_grad():
        log_norm = p._log_normalizer(*own)
        slopes = grad(log_norm.sum(), own, create_graph=True)
    result = q._log_normalizer(*q._natural_params) - log_norm
    for x, y, slope in zip(own, q._natural_params, slopes):
        result = result - sum_rightmost((y - x) * slope, len(q.event_shape))
    return result


@register_kl(Independent, Independent)
def _independent(p: Any, q: Any) -> Tensor:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p: Any, q: Any) -> Tensor:
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError
    return kl_divergence(p.base_dist, q.base_dist)


# ---- multivariate normal ------------------------------------------------------------------------


def _is_low_rank(d: Any) -> bool:
    return isinstance(d, LowRankMultivariateNormal)


def _log_det(d: Any) -> Tensor:
    """log det of the covariance."""
    if _is_low_rank(d):
        factor, diag = d._given
        return lowrank_log_det(factor, diag, d._capacitance)
    return 2 * d._factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def _root(d: Any) -> Tensor:
    """A matrix A (..., n, m) whose A A^T is the covariance."""
    if not _is_low_rank(d):
        return d._factor
    return torch.cat([d.cov_factor, torch.diag_embed(d.cov_diag.sqrt())], -1)


def _quadratic(d: Any, columns: Tensor) -> Tensor:
    """The sum over columns x (..., n, m) of x^T covariance^-1 x."""

    def squares(x: Tensor) -> Tensor:
        return x.pow(2).sum((-2, -1))

    if not _is_low_rank(d):
        return squares(torch.linalg.solve_triangular(d._factor, columns, upper=False))
    factor, diag = d._given
    projected = torch.matmul(factor.mT / diag.unsqueeze(-2), columns)
    along = torch.linalg.solve_triangular(d._capacitance, projected, upper=False)
    return (columns.pow(2) / diag.unsqueeze(-1)).sum((-2, -1)) - squares(along)


def _normals(p: Any, q: Any) -> Tensor:
    if p.event_shape != q.event_shape:
        kind = "(Low Rank) " if _is_low_rank(p) or _is_low_rank(q) else ""
        raise ValueError(_MSG_SHAPES.format(kind))
    trace = _quadratic(q, _root(p))
    distance = _quadratic(q, (q.loc - p.loc).unsqueeze(-1))
    return 0.5 * (_log_det(q) - _log_det(p) + trace + distance - p.event_shape[0])


for _p in (MultivariateNormal, LowRankMultivariateNormal):
    for _q in (MultivariateNormal, LowRankMultivariateNormal):
        register_kl(_p, _q)(_normals)
