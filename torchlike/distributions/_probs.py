"""Distributions given by probabilities or by their logits, each computed from the other when asked for."""

from __future__ import annotations

from typing import Any

from .._core.tensor import Size, Tensor
from . import constraints
from .distribution import Distribution
from .utils import broadcast_all, is_number, lazy_property, logits_to_probs, probs_to_logits

MSG_EITHER = "Either `probs` or `logits` must be specified, but not both."


def require_either(probs: Any, logits: Any) -> None:
    """Raises ValueError unless exactly one is given."""
    if (probs is None) == (logits is None):
        raise ValueError(MSG_EITHER)


class _Either(Distribution):
    """Keeps `probs` or `logits` as given; `_given` says which."""

    _is_binary = True
    _given: str

    @lazy_property
    def logits(self) -> Tensor:
        """Log odds, or normalised log probabilities of categories."""
        return probs_to_logits(self.probs, is_binary=self._is_binary)

    @lazy_property
    def probs(self) -> Tensor:
        """Probabilities."""
        return logits_to_probs(self.logits, is_binary=self._is_binary)

    @property
    def _param(self) -> Tensor:
        return getattr(self, self._given)

    @property
    def param_shape(self) -> Size:
        """Shape of `probs` and `logits`."""
        return self._param.shape

    def _expand_rest(self, new: Any, batch_shape: Size) -> None:
        new._given = self._given

    def _new(self, *args: Any, **kwargs: Any) -> Tensor:
        return self._param.new(*args, **kwargs)


class BinaryProbs(_Either):
    """A probability for each element, and maybe another parameter that broadcasts with it."""

    _params = {"probs": 0, "logits": 0}
    arg_constraints: Any = {"probs": constraints.unit_interval, "logits": constraints.real}

    def _keep_either(self, validate_args: bool | None, probs: Any, logits: Any, **first: Any) -> None:
        """Keeps the parameter that is given; `first` may hold one more, which takes its dtype."""
        require_either(probs, logits)
        self._given = "logits" if probs is None else "probs"
        value = logits if probs is None else probs
        plain = is_number(value) and not first
        *others, value = broadcast_all(*first.values(), value)
        self.__dict__.update((name, x.type_as(value)) for name, x in zip(first, others))
        self.__dict__[self._given] = value
        Distribution.__init__(self, Size() if plain else value.shape, (), validate_args)


class CategoryProbs(_Either):
    """Probabilities of categories along the last dimension; they are normalised."""

    _params = {"probs": 1, "logits": 1}
    _is_binary = False
    arg_constraints: Any = {"probs": constraints.simplex, "logits": constraints.real_vector}

    def _keep_categories(self, probs: Any, logits: Any) -> Size:
        """Keeps the parameter that is given, normalised; returns the batch shape."""
        require_either(probs, logits)
        self._given = "logits" if probs is None else "probs"
        value = logits if probs is None else probs
        if value.dim() < 1:
            raise ValueError(f"`{self._given}` parameter must be at least one-dimensional.")
        if probs is None:
            value = value - value.logsumexp(dim=-1, keepdim=True)
        else:
            value = value / value.sum(-1, keepdim=True)
        self.__dict__[self._given] = value
        return value.shape[:-1]
