"""Distributions on the real line with a location and a scale, and the uniform one."""

from __future__ import annotations

import math
from typing import Any

from .._core.tensor import Size, Tensor
from . import constraints
from ._ops import torch
from .distribution import Distribution, checked
from .exp_family import ExponentialFamily
from .gamma_family import Chi2
from .utils import broadcast_all, is_number, standard_normal

_LOC_SCALE: Any = {"loc": constraints.real, "scale": constraints.positive}
_LOG_2PI = math.log(2 * math.pi)


class _LocScale(Distribution):
    """Symmetric around `loc`: mean and mode are there unless a subclass says otherwise."""

    _params = {"loc": 0, "scale": 0}
    arg_constraints = _LOC_SCALE
    support: Any = constraints.real
    has_rsample = True
    loc: Tensor
    scale: Tensor

    mean = property(lambda self: self.loc)
    mode = property(lambda self: self.loc)
    variance = property(lambda self: self.stddev.pow(2))


class Normal(_LocScale, ExponentialFamily):
    """The normal distribution.

    Args:
        loc: the mean.
        scale: the standard deviation.
    """

    _params = {"loc": 0, "scale": 0}
    _mean_carrier_measure: Any = 0

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self._keep(validate_args, loc=loc, scale=scale)

    stddev = property(lambda self: self.scale)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        with torch.no_grad():
            return torch.normal(self.loc.expand(shape), self.scale.expand(shape))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.loc + standard_normal(self._extended_shape(sample_shape), self.loc) * self.scale

    @checked
    def log_prob(self, value: Tensor) -> Tensor:
        return -((value - self.loc) ** 2) / (2 * self.scale**2) - self.scale.log() - _LOG_2PI / 2

    @checked
    def cdf(self, value: Tensor) -> Tensor:
        return 0.5 * (1 + torch.erf((value - self.loc) * self.scale.reciprocal() / math.sqrt(2)))

    def icdf(self, value: Tensor) -> Tensor:
        return self.loc + self.scale * torch.erfinv(2 * value - 1) * math.sqrt(2)

    def entropy(self) -> Tensor:
        return 0.5 + 0.5 * _LOG_2PI + torch.log(self.scale)

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return self.loc / self.scale.pow(2), -0.5 * self.scale.pow(2).reciprocal()

    def _log_normalizer(self, x: Tensor, y: Tensor) -> Tensor:
        return -0.25 * x.pow(2) / y + 0.5 * torch.log(-math.pi / y)


class Laplace(_LocScale):
    """Exponential on both sides of `loc`, with mean distance `scale`."""

    _params = {"loc": 0, "scale": 0}

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self._keep(validate_args, loc=loc, scale=scale)

    variance = property(lambda self: 2 * self.scale.pow(2))
    stddev = property(lambda self: 2**0.5 * self.scale)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        u = torch.empty(self._extended_shape(sample_shape), dtype=self.loc.dtype, device=self.loc.device)
        u.uniform_(torch.finfo(u.dtype).eps - 1, 1)
        return self.loc - self.scale * u.sign() * torch.log1p(-u.abs())

    @checked
    def log_prob(self, value: Tensor) -> Tensor:
        return -torch.log(2 * self.scale) - torch.abs(value - self.loc) / self.scale

    @checked
    def cdf(self, value: Tensor) -> Tensor:
        distance = value - self.loc
        return 0.5 - 0.5 * distance.sign() * torch.expm1(-distance.abs() / self.scale)

    def icdf(self, value: Tensor) -> Tensor:
        centred = value - 0.5
        return self.loc - self.scale * centred.sign() * torch.log1p(-2 * centred.abs())

    def entropy(self) -> Tensor:
        return 1 + torch.log(2 * self.scale)


class Cauchy(_LocScale):
    """Cauchy with median `loc` and half width `scale`; mean and variance do not exist."""

    _params = {"loc": 0, "scale": 0}

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self._keep(validate_args, loc=loc, scale=scale)

    def _all(self, value: float) -> Tensor:
        whole = self._extended_shape()
        return torch.full(whole, value, dtype=self.loc.dtype, device=self.loc.device)

    mean = property(lambda self: self._all(math.nan))
    variance = property(lambda self: self._all(math.inf))
    stddev = property(lambda self: self.variance.sqrt())

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        draws = torch.empty(self._extended_shape(sample_shape), dtype=self.loc.dtype, device=self.loc.device)
        return self.loc + draws.cauchy_() * self.scale

    @checked
    def log_prob(self, value: Tensor) -> Tensor:
        distance = (value - self.loc) / self.scale
        return -math.log(math.pi) - self.scale.log() - (distance**2).log1p()

    @checked
    def cdf(self, value: Tensor) -> Tensor:
        return torch.atan((value - self.loc) / self.scale) / math.pi + 0.5

    def icdf(self, value: Tensor) -> Tensor:
        return torch.tan(math.pi * (value - 0.5)) * self.scale + self.loc

    def entropy(self) -> Tensor:
        return math.log(4 * math.pi) + self.scale.log()


class StudentT(Distribution):
    """Student's t with `df` degrees of freedom, moved by `loc` and stretched by `scale`."""

    _params = {"df": 0, "loc": 0, "scale": 0}
    arg_constraints: Any = {"df": constraints.positive, **_LOC_SCALE}
    support: Any = constraints.real
    has_rsample = True
    df: Tensor
    loc: Tensor
    scale: Tensor

    def __init__(self, df: Any, loc: Any = 0.0, scale: Any = 1.0, validate_args: bool | None = None) -> None:
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        self._chi2 = Chi2(self.df)
        super().__init__(self.df.shape, validate_args=validate_args)

    def _expand_rest(self, new: Any, batch_shape: Size) -> None:
        new._chi2 = self._chi2.expand(batch_shape)

    mode = property(lambda self: self.loc)
    mean = property(lambda self: torch.where(self.df > 1, self.loc, math.nan))

    @property
    def variance(self) -> Tensor:
        """Infinite for 1 < df <= 2, nan below."""
        finite = self.scale.pow(2) * self.df / (self.df - 2)
        return torch.where(self.df > 2, finite, torch.where(self.df > 1, math.inf, math.nan)).to(
            self.df.dtype
        )

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        normals = standard_normal(self._extended_shape(sample_shape), self.df)
        return self.loc + self.scale * normals * torch.rsqrt(self._chi2.rsample(sample_shape) / self.df)

    @checked
    def log_prob(self, value: Tensor) -> Tensor:
        distance, half = (value - self.loc) / self.scale, 0.5 * self.df
        log_norm = (
            self.scale.log()
            + 0.5 * self.df.log()
            + 0.5 * math.log(math.pi)
            + torch.lgamma(half)
            - torch.lgamma(half + 0.5)
        )
        return -0.5 * (self.df + 1) * torch.log1p(distance**2 / self.df) - log_norm

    def entropy(self) -> Tensor:
        half, above = 0.5 * self.df, 0.5 * (self.df + 1)
        return (
            self.scale.log()
            + above * (torch.digamma(above) - torch.digamma(half))
            + 0.5 * self.df.log()
            + torch.lgamma(half)
            + math.lgamma(0.5)
            - torch.lgamma(half + 0.5)
        )


class Uniform(Distribution):
    """Uniform on [low, high)."""

    _params = {"low": 0, "high": 0}
    has_rsample = True
    low: Tensor
    high: Tensor

    def __init__(self, low: Any, high: Any, validate_args: bool | None = None) -> None:
        self.low, self.high = broadcast_all(low, high)
        shape = Size() if is_number(low) and is_number(high) else self.low.shape
        super().__init__(shape, validate_args=validate_args)

    @property
    def arg_constraints(self) -> dict[str, Any]:
        """`low` below `high`."""
        return {"low": constraints.less_than(self.high), "high": constraints.greater_than(self.low)}

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        """The closed interval."""
        return constraints.interval(self.low, self.high)

    mean = property(lambda self: (self.high + self.low) / 2)
    mode = property(lambda self: math.nan * self.high)
    stddev = property(lambda self: (self.high - self.low) / 12**0.5)
    variance = property(lambda self: (self.high - self.low).pow(2) / 12)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        unit = torch.rand(shape, dtype=self.low.dtype, device=self.low.device)
        return self.low + unit * (self.high - self.low)

    @checked
    def log_prob(self, value: Tensor) -> Tensor:
        inside = (self.low.le(value) & self.high.gt(value)).type_as(self.low)
        return torch.log(inside) - torch.log(self.high - self.low)

    @checked
    def cdf(self, value: Tensor) -> Tensor:
        return ((value - self.low) / (self.high - self.low)).clamp(min=0, max=1)

    def icdf(self, value: Tensor) -> Tensor:
        return value * (self.high - self.low) + self.low

    def entropy(self) -> Tensor:
        return torch.log(self.high - self.low)


class VonMises(Distribution):
    """Angles around `loc`, the tighter the larger `concentration`; computed in float64."""

    _params = {"loc": 0, "concentration": 0}
    arg_constraints: Any = {"loc": constraints.real, "concentration": constraints.positive}
    support: Any = constraints.real
    has_rsample = False
    loc: Tensor
    concentration: Tensor

    def __init__(self, loc: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, Size(), validate_args)

    mean = property(lambda self: self.loc)
    mode = property(lambda self: self.loc)

    @checked
    def log_prob(self, value: Tensor) -> Tensor:
        kappa = self.concentration
        log_bessel = torch.special.i0e(kappa).log() + kappa
        return kappa * torch.cos(value - self.loc) - _LOG_2PI - log_bessel

    @property
    def variance(self) -> Tensor:
        """The circular variance."""
        return 1 - torch.special.i1e(self.concentration) / torch.special.i0e(self.concentration)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draws by Best and Fisher's rejection from wrapped Cauchy numbers (1979)."""
        shape = self._extended_shape(sample_shape)
        with torch.no_grad():
            kappa, loc = self.concentration.double(), self.loc.double()
            tau = 1 + (1 + 4 * kappa**2).sqrt()
            rho = (tau - (2 * tau).sqrt()) / (2 * kappa)
            r = torch.where(kappa < 1e-5, 1 / kappa + kappa, (1 + rho**2) / (2 * rho))
            angle = torch.zeros(shape, dtype=kappa.dtype, device=kappa.device)
            done = torch.zeros(shape, dtype=torch.bool, device=kappa.device)
            while not done.all():
                u = torch.rand((3, *shape), dtype=kappa.dtype, device=kappa.device)
                u1, u2, u3 = u.unbind()
                z = torch.cos(math.pi * u1)
                f = (1 + r * z) / (r + z)
                c = kappa * (r - f)
                accept = (c * (2 - c) - u2 > 0) | ((c / u2).log() + 1 - c >= 0)
                angle = torch.where(accept, (u3 - 0.5).sign() * f.acos(), angle)
                done = done | accept
            wrapped = (angle + math.pi + loc) % (2 * math.pi) - math.pi
            return wrapped.to(self.loc.dtype)
