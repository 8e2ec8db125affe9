"""MixtureSameFamily: a Categorical picks among the distributions of a batch."""

from __future__ import annotations

from typing import Any

from .._core.tensor import Size, Tensor
from . import constraints
from ._ops import torch
from .categorical import Categorical
from .constraints import MixtureSameFamilyConstraint
from .distribution import Distribution, checked


class MixtureSameFamily(Distribution):
    """A mixture of the `k` distributions along the last batch dimension of `component_distribution`.

    Args:
        mixture_distribution: a Categorical with `k` categories and a batch shape that broadcasts.
        component_distribution: a distribution of batch shape (..., k).

    Raises:
        ValueError: the arguments do not fit each other.
    """

    arg_constraints: Any = {}
    has_rsample = False

    def __init__(
        self,
        mixture_distribution: Categorical,
        component_distribution: Distribution,
        validate_args: bool | None = None,
    ) -> None:
        self._mixture_distribution, self._component_distribution = (
            mixture_distribution,
            component_distribution,
        )
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(
                " The Mixture distribution needs to be an  instance of torch.distributions.Categorical"
            )
        if not isinstance(component_distribution, Distribution):
            raise ValueError(
                "The Component distribution needs to be an instance of torch.distributions.Distribution"
            )
        batch = mixture_distribution.batch_shape
        inner = component_distribution.batch_shape[:-1]
        for a, b in zip(reversed(batch), reversed(inner)):
            if a != 1 and b != 1 and a != b:
                raise ValueError(
                    f"`mixture_distribution.batch_shape` ({batch}) is not compatible with "
                    f"`component_distribution.batch_shape`({inner})"
                )
        given, own = mixture_distribution.logits.shape[-1], component_distribution.batch_shape[-1]
        if given != own:
            raise ValueError(
                f"`mixture_distribution component` ({given}) does not equal "
                f"`component_distribution.batch_shape[-1]` ({own})"
            )
        self._num_component = given
        event_shape = component_distribution.event_shape
        self._event_ndims = len(event_shape)
        super().__init__(inner, event_shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = self._get_checked_instance(MixtureSameFamily, _instance)
        batch_shape = Size(batch_shape)
        new._component_distribution = self.component_distribution.expand((*batch_shape, self._num_component))
        new._mixture_distribution = self.mixture_distribution.expand(batch_shape)
        new._num_component, new._event_ndims = self._num_component, self._event_ndims
        Distribution.__init__(new, batch_shape, self.event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    @constraints.dependent_property
    def support(self) -> Any:
        """What all components' supports have."""
        return MixtureSameFamilyConstraint(self._component_distribution.support)

    mixture_distribution = property(lambda self: self._mixture_distribution)
    component_distribution = property(lambda self: self._component_distribution)

    def _weights(self) -> Tensor:
        """The probabilities, (..., k, 1, ..., 1) over the components' events."""
        probs = self.mixture_distribution.probs
        return probs.reshape(probs.shape + (1,) * self._event_ndims)

    def _mixed(self, values: Tensor) -> Tensor:
        return torch.sum(self._weights() * values, dim=-1 - self._event_ndims)

    @property
    def mean(self) -> Tensor:
        """The weighted mean of the means."""
        return self._mixed(self.component_distribution.mean)

    @property
    def variance(self) -> Tensor:
        """The mean variance plus the variance of the means."""
        inner = self.component_distribution
        centre = self.mean.unsqueeze(-1 - self._event_ndims)
        return self._mixed(inner.variance) + self._mixed((inner.mean - centre).pow(2.0))

    def _padded(self, x: Tensor) -> Tensor:
        return x.unsqueeze(-1 - self._event_ndims)

    def cdf(self, value: Tensor) -> Tensor:
        each = self.component_distribution.cdf(self._padded(value))
        return torch.sum(each * self.mixture_distribution.probs, dim=-1)

    @checked
    def log_prob(self, value: Tensor) -> Tensor:
        each = self.component_distribution.log_prob(self._padded(value))
        return torch.logsumexp(each + torch.log_softmax(self.mixture_distribution.logits, dim=-1), dim=-1)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with torch.no_grad():
            picked = self.mixture_distribution.sample(sample_shape)
            drawn = self.component_distribution.sample(sample_shape)  # (*sample, *batch, k, *event)
            index = picked.reshape(picked.shape + (1,) * (1 + self._event_ndims))
            at = -1 - self._event_ndims
            shape = list(drawn.shape)
            shape[at] = 1
            return torch.gather(drawn, at, index.expand(shape)).squeeze(at)

    def __repr__(self) -> str:
        return f"MixtureSameFamily(\n  {self.mixture_distribution},\n  {self.component_distribution})"
