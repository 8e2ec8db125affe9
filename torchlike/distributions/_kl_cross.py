"""Divergences between families: minus p's entropy minus what p expects of log q.

For most q that expectation needs a few moments of p only: its mean and variance, E[log x],
E[log(1 - x)], E[exp(-t x)]. So there is one function for each q, and one table of moments.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .._core.tensor import Tensor
from ._ops import torch
from .continuous_bounded import ContinuousBernoulli
from .continuous_location import Laplace, Normal, Uniform
from .continuous_transformed import Gumbel, Pareto
from .discrete import Bernoulli, Binomial, Poisson
from .gamma_family import Beta, Exponential, Gamma
from .kl import register_kl
from .utils import euler_constant

Expected = Callable[[Any, Any], Tensor]

# ---- moments of p -------------------------------------------------------------------------------


def _x_log_x(x: Tensor) -> Tensor:
    return torch.xlogy(x, x)


LOG: dict[type, Callable[[Any], Tensor]] = {
    Beta: lambda p: p.concentration1.digamma() - (p.concentration1 + p.concentration0).digamma(),
    Exponential: lambda p: -euler_constant - p.rate.log(),
    Gamma: lambda p: p.concentration.digamma() - p.rate.log(),
    Pareto: lambda p: p.scale.log() + p.alpha.reciprocal(),
    Uniform: lambda p: (_x_log_x(p.high) - _x_log_x(p.low)) / (p.high - p.low) - 1,
}  # E[log x]


def _uniform_laplace(p: Any, t: Tensor) -> Tensor:
    return (torch.exp(-t * p.low) - torch.exp(-t * p.high)) / (t * (p.high - p.low))


LAPLACE: dict[type, Callable[[Any, Tensor], Tensor]] = {
    Exponential: lambda p, t: p.rate / (p.rate + t),
    Gamma: lambda p, t: (1 + t / p.rate) ** -p.concentration,
    Normal: lambda p, t: torch.exp(-t * p.loc + (t * p.scale).pow(2) / 2),
    Uniform: _uniform_laplace,
}  # E[exp(-t x)]

# ---- what p expects of log q -------------------------------------------------------------------


def _of_exponential(p: Any, q: Any) -> Tensor:
    return q.rate.log() - q.rate * p.mean


def _of_gamma(p: Any, q: Any) -> Tensor:
    a, b = q.concentration, q.rate
    return a * b.log() - a.lgamma() + (a - 1) * LOG[_family(p, LOG)](p) - b * p.mean


def _of_normal(p: Any, q: Any) -> Tensor:
    spread = p.variance + (p.mean - q.loc).pow(2)
    return -0.5 * math.log(2 * math.pi) - q.scale.log() - spread / (2 * q.scale.pow(2))


def _of_gumbel(p: Any, q: Any) -> Tensor:
    moment = LAPLACE[_family(p, LAPLACE)](p, q.scale.reciprocal())
    return (q.loc - p.mean) / q.scale - q.scale.log() - torch.exp(q.loc / q.scale) * moment


def _of_uniform(p: Any, q: Any) -> Tensor:
    """p is on [0, 1]."""
    return torch.where((q.low <= 0) & (q.high >= 1), -(q.high - q.low).log(), -math.inf)


def _of_continuous_bernoulli(p: Any, q: Any) -> Tensor:
    return p.mean * q.logits + torch.log1p(-q.probs) + q._log_norm()


def _of_pareto(p: Any, q: Any) -> Tensor:
    return q.alpha.log() + q.alpha * q.scale.log() - (q.alpha + 1) * LOG[_family(p, LOG)](p)


def _of_beta(p: Any, q: Any) -> Tensor:
    """p is uniform."""
    width, a, b = p.high - p.low, q.concentration1, q.concentration0
    log_rest = (_x_log_x(1 - p.low) - _x_log_x(1 - p.high)) / width - 1  # E[log(1 - x)]
    log_norm = (a + b).lgamma() - a.lgamma() - b.lgamma()
    return (a - 1) * LOG[Uniform](p) + (b - 1) * log_rest + log_norm


def _of_laplace(p: Any, q: Any) -> Tensor:
    """p is normal."""
    apart = p.loc - q.loc
    z = apart / p.scale
    distance = math.sqrt(2 / math.pi) * p.scale * torch.exp(-0.5 * z.pow(2))
    distance = distance + apart * torch.erf(math.sqrt(0.5) * z)  # E|x - loc|
    return -(2 * q.scale).log() - distance / q.scale


def _of_poisson(p: Any, q: Any) -> Tensor:
    """p is 0 or 1."""
    return p.probs * q.rate.log() - q.rate


def _family(p: Any, table: dict[type, Any]) -> type:
    """The class of p that the table has."""
    return next(c for c in type(p).__mro__ if c in table)


FINITE: dict[type, tuple[Expected, tuple[type, ...]]] = {
    Exponential: (_of_exponential, (Beta, ContinuousBernoulli, Gamma, Pareto, Uniform)),
    Gamma: (_of_gamma, (Beta, Exponential, Pareto, Uniform)),
    Normal: (
        _of_normal,
        (Beta, ContinuousBernoulli, Exponential, Gamma, Gumbel, Laplace, Pareto, Uniform),
    ),
    Gumbel: (_of_gumbel, (Exponential, Gamma, Normal, Uniform)),
    Uniform: (_of_uniform, (Beta, ContinuousBernoulli)),
    ContinuousBernoulli: (_of_continuous_bernoulli, (Beta, Uniform)),
    Pareto: (_of_pareto, (Uniform,)),
    Beta: (_of_beta, (Uniform,)),
    Laplace: (_of_laplace, (Normal,)),
    Poisson: (_of_poisson, (Bernoulli,)),
}  # q: what is expected of log q, and under which p

# q -> where a uniform p reaches out of q's support
OUTSIDE: dict[type, Callable[[Any, Any], Tensor]] = {
    Exponential: lambda p, q: p.low < 0,
    Gamma: lambda p, q: p.low < 0,
    Beta: lambda p, q: (p.low < 0) | (p.high > 1),
    ContinuousBernoulli: lambda p, q: (p.low < 0) | (p.high > 1),
    Pareto: lambda p, q: p.low < q.scale,
}

_UNIT = (Beta, ContinuousBernoulli)
INFINITE: dict[type, tuple[type, ...]] = {
    Beta: (Pareto,),
    ContinuousBernoulli: (Pareto,),
    Exponential: (*_UNIT, Pareto, Uniform),
    Gamma: (*_UNIT, Pareto, Uniform),
    Gumbel: (*_UNIT, Exponential, Gamma, Pareto, Uniform),
    Laplace: (*_UNIT, Exponential, Gamma, Pareto, Uniform),
    Normal: (*_UNIT, Exponential, Gamma, Pareto, Uniform),
    Pareto: (*_UNIT, Uniform),
    Poisson: (Bernoulli, Binomial),
}  # p: those q whose support p leaves


def _finite(expected: Expected, type_p: type, type_q: type) -> Callable[[Any, Any], Tensor]:
    outside = OUTSIDE.get(type_q) if type_p is Uniform else None

    def formula(p: Any, q: Any) -> Tensor:
        result = -p.entropy() - expected(p, q)
        return result if outside is None else torch.where(outside(p, q), math.inf, result)

    return formula


def _infinite(p: Any, q: Any) -> Tensor:
    shape = torch.broadcast_shapes(p.batch_shape, q.batch_shape)
    like = p.mean
    return torch.full(shape, math.inf, dtype=like.dtype, device=like.device)


for _q, (_expected, _sources) in FINITE.items():
    for _p in _sources:
        register_kl(_p, _q)(_finite(_expected, _p, _q))
for _p, _targets in INFINITE.items():
    for _q in _targets:
        register_kl(_p, _q)(_infinite)
