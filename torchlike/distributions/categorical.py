"""Distributions over categories: Categorical, OneHotCategorical, Multinomial."""

from __future__ import annotations

from typing import Any

from .._core.tensor import Size, Tensor
from . import constraints
from ._ops import F, torch
from ._probs import CategoryProbs
from .discrete import Binomial
from .distribution import Distribution, checked
from .utils import broadcast_all


class Categorical(CategoryProbs):
    """Indices 0 .. k-1 with probabilities (..., k).

    Args:
        probs: nonnegative weights, normalised along the last dimension.
        logits: log weights, instead.
    """

    _params = CategoryProbs._params
    has_enumerate_support = True

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        batch_shape = self._keep_categories(probs, logits)
        self._num_events = self._param.shape[-1]
        super().__init__(batch_shape, validate_args=validate_args)

    def _expand_rest(self, new: Any, batch_shape: Size) -> None:
        super()._expand_rest(new, batch_shape)
        new._num_events = self._num_events

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        """0 .. k-1."""
        return constraints.integer_interval(0, self._num_events - 1)

    @property
    def mean(self) -> Tensor:
        """nan: categories have no mean."""
        return torch.full(
            self._extended_shape(), float("nan"), dtype=self.probs.dtype, device=self.probs.device
        )

    variance = mean
    mode = property(lambda self: self.probs.argmax(dim=-1))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        sample_shape = Size(sample_shape)
        with torch.no_grad():
            rows = self.probs.reshape(-1, self._num_events)
            drawn = torch.multinomial(rows, sample_shape.numel(), True).T  # (samples, rows)
            return drawn.reshape(self._extended_shape(sample_shape))

    @checked
    def log_prob(self, value: Tensor) -> Tensor:
        index, log_pmf = torch.broadcast_tensors(value.long().unsqueeze(-1), self.logits)
        return log_pmf.gather(-1, index[..., :1]).squeeze(-1)

    def entropy(self) -> Tensor:
        finite = torch.clamp(self.logits, min=torch.finfo(self.logits.dtype).min)
        return -(finite * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        values = torch.arange(self._num_events, dtype=torch.int64, device=self._param.device)
        return self._enumerated(values, expand)


class _OfCategories(Distribution):
    """Kept as a Categorical, whose last dimension is the event."""

    arg_constraints: Any = CategoryProbs.arg_constraints
    _categorical: Categorical

    def _keep_categorical(self, probs: Any, logits: Any, validate_args: bool | None) -> None:
        self._categorical = Categorical(probs, logits)
        Distribution.__init__(
            self, self._categorical.batch_shape, self._categorical.param_shape[-1:], validate_args
        )

    def _expand_to(self, cls: type, batch_shape: Any, _instance: Any) -> Any:
        new = self._get_checked_instance(cls, _instance)
        batch_shape = Size(batch_shape)
        new._categorical = self._categorical.expand(batch_shape)
        Distribution.__init__(new, batch_shape, self.event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    _param = property(lambda self: self._categorical._param)
    probs = property(lambda self: self._categorical.probs)
    logits = property(lambda self: self._categorical.logits)
    param_shape = property(lambda self: self._categorical.param_shape)

    def _new(self, *args: Any, **kwargs: Any) -> Tensor:
        return self._categorical._new(*args, **kwargs)


class OneHotCategorical(_OfCategories):
    """Vectors of zeros and a single one, at the drawn category."""

    support: Any = constraints.one_hot
    has_enumerate_support = True

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        self._keep_categorical(probs, logits, validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        return self._expand_to(OneHotCategorical, batch_shape, _instance)

    mean = property(lambda self: self.probs)
    variance = property(lambda self: self.probs * (1 - self.probs))

    def _one_hot(self, index: Tensor) -> Tensor:
        return F.one_hot(index, num_classes=self._categorical._num_events).to(self.probs)

    mode = property(lambda self: self._one_hot(self._categorical.mode))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        return self._one_hot(self._categorical.sample(Size(sample_shape)))

    @checked
    def log_prob(self, value: Tensor) -> Tensor:
        value, _ = broadcast_all(value, self.logits)
        return self._categorical.log_prob(value.max(-1)[1])

    def entropy(self) -> Tensor:
        return self._categorical.entropy()

    def enumerate_support(self, expand: bool = True) -> Tensor:
        values = torch.eye(self.event_shape[0], dtype=self._param.dtype, device=self._param.device)
        return self._enumerated(values, expand)


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """One-hot draws whose gradient is that of the probabilities (Bengio et al., 2013)."""

    has_rsample = True

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.sample(sample_shape) + (self.probs - self.probs.detach())


class Multinomial(_OfCategories):
    """Counts (..., k) of categories among `total_count` draws.

    Raises:
        NotImplementedError: `total_count` is no int.
    """

    total_count: int

    def __init__(
        self, total_count: int = 1, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        if not isinstance(total_count, int):
            raise NotImplementedError("inhomogeneous total_count is not supported")
        self.total_count = total_count
        self._keep_categorical(probs, logits, validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = self._expand_to(Multinomial, batch_shape, _instance)
        new.total_count = self.total_count
        return new

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> Any:
        """Counts that add up to at most `total_count`."""
        return constraints.multinomial(self.total_count)

    mean = property(lambda self: self.probs * self.total_count)
    variance = property(lambda self: self.total_count * self.probs * (1 - self.probs))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        sample_shape = Size(sample_shape)
        with torch.no_grad():
            drawn = self._categorical.sample(Size((self.total_count, *sample_shape)))  # (n, *shape)
            drawn = drawn.permute(*range(1, drawn.dim()), 0)
            counts = torch.zeros(
                self._extended_shape(sample_shape), dtype=self.probs.dtype, device=self.probs.device
            )
            return counts.scatter_add_(-1, drawn, torch.ones_like(drawn, dtype=counts.dtype))

    @checked
    def log_prob(self, value: Tensor) -> Tensor:
        logits, value = broadcast_all(self.logits, value)
        log_choices = torch.lgamma(value.sum(-1) + 1) - torch.lgamma(value + 1).sum(-1)
        never = (value == 0) & (logits == -float("inf"))
        return log_choices + (logits.masked_fill(never, 0) * value).sum(-1)

    def entropy(self) -> Tensor:
        n, one = self.total_count, Binomial(total_count=self.total_count, probs=self.probs)
        counts = one.enumerate_support(expand=False)[1:]
        expected = (torch.exp(one.log_prob(counts)) * torch.lgamma(counts + 1)).sum([0, -1])
        return n * self._categorical.entropy() - torch.lgamma(torch.tensor(n + 1.0)) + expected
