"""ContinuousBernoulli and GeneralizedPareto."""

from __future__ import annotations

import math
from typing import Any

from .._core.tensor import Size, Tensor
from . import constraints
from ._ops import torch
from ._probs import BinaryProbs
from .discrete import cross_entropy
from .distribution import Distribution, checked
from .exp_family import ExponentialFamily
from .utils import broadcast_all, clamp_probs, probs_to_logits


class ContinuousBernoulli(BinaryProbs, ExponentialFamily):
    """Densities on [0, 1] proportional to p**x (1 - p)**(1 - x) (Loaiza-Ganem and Cunningham, 2019).

    Args:
        probs: p, or `logits` its log odds.
        lims: between these, where the closed forms divide by about zero, Taylor series are used.
    """

    _params = BinaryProbs._params
    support: Any = constraints.unit_interval
    has_rsample = True
    _mean_carrier_measure: Any = 0

    def __init__(
        self,
        probs: Any = None,
        logits: Any = None,
        lims: tuple[float, float] = (0.499, 0.501),
        validate_args: bool | None = None,
    ) -> None:
        self._lims = lims
        self._keep_either(False, probs, logits)
        del self._validate_args  # checked below, once probabilities are inside (0, 1)
        if probs is not None:
            if validate_args is not None and not self.arg_constraints["probs"].check(self.probs).all():
                raise ValueError("The parameter probs has invalid values")
            self.__dict__["probs"] = clamp_probs(self.probs)
        Distribution.__init__(self, self._batch_shape, (), validate_args)

    def _expand_rest(self, new: Any, batch_shape: Size) -> None:
        super()._expand_rest(new, batch_shape)
        new._lims = self._lims

    def _outside(self) -> Tensor:
        """Where the closed forms are exact enough."""
        return (self.probs <= self._lims[0]) | (self.probs > self._lims[1])

    def _cut(self) -> Tensor:
        """Probabilities moved out of the unstable region."""
        return torch.where(self._outside(), self.probs, self._lims[0] * torch.ones_like(self.probs))

    def _log_norm(self) -> Tensor:
        """log of 2 artanh(1 - 2p) / (1 - 2p)."""
        cut = self._cut()
        below = torch.where(cut <= 0.5, cut, torch.zeros_like(cut))
        above = torch.where(cut >= 0.5, cut, torch.ones_like(cut))
        gap = torch.where(cut <= 0.5, torch.log1p(-2.0 * below), torch.log(2.0 * above - 1.0))
        exact = torch.log(torch.abs(torch.log1p(-cut) - torch.log(cut))) - gap
        x = (self.probs - 0.5).pow(2)
        return torch.where(self._outside(), exact, math.log(2.0) + (4.0 / 3.0 + 104.0 / 45.0 * x) * x)

    @property
    def mean(self) -> Tensor:
        """p / (2p - 1) + 1 / (2 artanh(1 - 2p))."""
        cut = self._cut()
        exact = cut / (2.0 * cut - 1.0) + 1.0 / (torch.log1p(-cut) - torch.log(cut))
        x = self.probs - 0.5
        return torch.where(self._outside(), exact, 0.5 + (1.0 / 3.0 + 16.0 / 45.0 * x.pow(2)) * x)

    @property
    def variance(self) -> Tensor:
        """p (p - 1) / (1 - 2p)^2 + 1 / (2 artanh(1 - 2p))^2."""
        cut = self._cut()
        exact = cut * (cut - 1.0) / (1.0 - 2.0 * cut).pow(2)
        exact = exact + 1.0 / (torch.log1p(-cut) - torch.log(cut)).pow(2)
        x = (self.probs - 0.5).pow(2)
        return torch.where(self._outside(), exact, 1.0 / 12.0 - (1.0 / 15.0 - 128.0 / 945.0 * x) * x)

    stddev = property(lambda self: torch.sqrt(self.variance))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        return self.icdf(torch.rand(shape, dtype=self.probs.dtype, device=self.probs.device))

    @checked
    def log_prob(self, value: Tensor) -> Tensor:
        logits, value = broadcast_all(self.logits, value)
        return -cross_entropy(logits, value) + self._log_norm()

    @checked
    def cdf(self, value: Tensor) -> Tensor:
        cut = self._cut()
        exact = (torch.pow(cut, value) * torch.pow(1.0 - cut, 1.0 - value) + cut - 1.0) / (2.0 * cut - 1.0)
        inside = torch.where(self._outside(), exact, value)
        above = torch.where(value >= 1.0, torch.ones_like(inside), inside)
        return torch.where(value <= 0.0, torch.zeros_like(inside), above)

    def icdf(self, value: Tensor) -> Tensor:
        cut = self._cut()
        moved = torch.log1p(-cut + value * (2.0 * cut - 1.0)) - torch.log1p(-cut)
        return torch.where(self._outside(), moved / (torch.log(cut) - torch.log1p(-cut)), value)

    def entropy(self) -> Tensor:
        zero, one = torch.log1p(-self.probs), torch.log(self.probs)
        return self.mean * (zero - one) - self._log_norm() - zero

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.logits,)

    def _log_normalizer(self, x: Tensor) -> Tensor:
        near = (x <= self._logit_lims()[0]) | (x > self._logit_lims()[1])
        cut = torch.where(near, x, self._logit_lims()[0] * torch.ones_like(x))
        exact = torch.log(torch.abs(torch.special.expm1(cut))) - torch.log(torch.abs(cut))
        return torch.where(near, exact, 0.5 * x + torch.pow(x, 2) / 24.0 - torch.pow(x, 4) / 2880.0)

    def _logit_lims(self) -> tuple[float, float]:
        low, high = (float(probs_to_logits(torch.tensor(p), is_binary=True)) for p in self._lims)
        return low, high


class GeneralizedPareto(Distribution):
    """Excesses over `loc`: tails that are heavy, exponential or finite as `concentration` is > 0, 0 or < 0."""

    _params = {"loc": 0, "scale": 0, "concentration": 0}
    arg_constraints: Any = {
        "loc": constraints.real,
        "scale": constraints.positive,
        "concentration": constraints.real,
    }
    has_rsample = True
    loc: Tensor
    scale: Tensor
    concentration: Tensor

    def __init__(self, loc: Any, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self._keep(validate_args, loc=loc, scale=scale, concentration=concentration)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        """From `loc` on; up to `loc - scale / concentration` where that is negative."""
        end = self.loc - self.scale / self.concentration
        return constraints.interval(self.loc, torch.where(self.concentration < 0, end, math.inf))

    def _exponential(self) -> Tensor:
        """Where the concentration is zero."""
        return torch.isclose(self.concentration, torch.zeros_like(self.concentration))

    def _nonzero(self) -> Tensor:
        return torch.where(self._exponential(), 1.0, self.concentration)

    def _z(self, x: Any) -> Tensor:
        return (x - self.loc) / self.scale

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        return self.icdf(torch.rand(shape, dtype=self.loc.dtype, device=self.loc.device))

    @checked
    def log_prob(self, value: Tensor) -> Tensor:
        z, c = self._z(value), self._nonzero()
        power = 1 / c + torch.ones_like(z)
        heavy = torch.where(power == 0, power, power * torch.log1p(c * z))
        return -self.scale.log() - torch.where(self._exponential(), z, heavy)

    @checked
    def log_survival_function(self, value: Tensor) -> Tensor:
        """log of the probability of a draw above `value`."""
        z, c = self._z(value), self._nonzero()
        return -torch.where(self._exponential(), z, torch.log1p(c * z) / c)

    @checked
    def log_cdf(self, value: Tensor) -> Tensor:
        """log of `cdf`."""
        return torch.log1p(-torch.exp(self.log_survival_function(value)))

    @checked
    def cdf(self, value: Tensor) -> Tensor:
        return torch.exp(self.log_cdf(value))

    def icdf(self, value: Tensor) -> Tensor:
        c, log_rest = self._nonzero(), torch.log1p(-value)
        heavy = torch.expm1(-c * log_rest) / c
        return self.loc + self.scale * torch.where(self._exponential(), -log_rest, heavy)

    @property
    def mean(self) -> Tensor:
        """nan from a concentration of 1 on."""
        c = self.concentration
        return torch.where(c < 1, self.loc + self.scale / (1 - c), math.nan)

    mode = property(lambda self: self.loc)

    @property
    def variance(self) -> Tensor:
        """nan from a concentration of 1/2 on."""
        c = self.concentration
        return torch.where(c < 0.5, self.scale**2 / ((1 - c) ** 2 * (1 - 2 * c)), math.nan)

    def entropy(self) -> Tensor:
        return torch.log(self.scale) + self.concentration + 1
