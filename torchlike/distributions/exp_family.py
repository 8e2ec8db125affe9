"""ExponentialFamily: entropies from the log normaliser."""

from __future__ import annotations

from typing import Any

from .._core.tensor import Tensor
from ..autograd import grad
from ._ops import torch
from .distribution import Distribution
from .utils import sum_rightmost


class ExponentialFamily(Distribution):
    """Densities `exp(<t(x), theta> - F(theta) + k(x))`; subclasses define theta, F and the mean of k.

    Where a subclass has no closed entropy, it is the Bregman divergence of F.
    """

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        raise NotImplementedError

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        raise NotImplementedError

    @property
    def _mean_carrier_measure(self) -> Any:
        raise NotImplementedError

    def entropy(self) -> Tensor:
        """The entropy, from the gradients of the log normaliser."""
        base = -self._mean_carrier_measure
        params = [p.detach().requires_grad_() for p in self._natural_params]
        with torch.enable_grad():
            log_normaliser = self._log_normalizer(*params)
            slopes = grad(log_normaliser.sum(), params, create_graph=True)
        result = base + log_normaliser
        for p, slope in zip(params, slopes):
            result = result - sum_rightmost(p * slope, p.dim() - len(self._batch_shape))
        return result
