"""Distribution: what all distributions have, its checks, and how parameters are kept and expanded."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, ClassVar

from .._core.tensor import Size, Tensor
from . import constraints
from ._ops import torch
from .utils import broadcast_all, is_number, lazy_property

_MSG_NO_CONSTRAINTS = (
    "{0} does not define `arg_constraints`. Please set `arg_constraints = {{}}` or initialize the distribution "
    "with `validate_args=False` to turn off validation."
)
_MSG_NO_SUPPORT = (
    "{0} does not define `support` to enable sample validation. Please initialize the distribution with "
    "`validate_args=False` to turn off validation."
)
_MSG_OWN_EXPAND = (
    "Subclass {} of {} that defines a custom __init__ method must also define a custom .expand() method."
)


def checked(method: Callable[[Any, Tensor], Tensor]) -> Callable[[Any, Tensor], Tensor]:
    """A method of `value` that checks it first, unless the distribution checks nothing."""

    @functools.wraps(method)
    def run(self: Any, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        return method(self, value)

    return run


class Distribution:
    """A distribution over events of shape `event_shape`, one for each element of `batch_shape`.

    Args:
        batch_shape: shape over which distributions are independent and may differ.
        event_shape: shape of one draw.
        validate_args: whether parameters and values are checked (default: as `set_default_validate_args` says).

    Raises:
        ValueError: a parameter is outside its constraint.
    """

    has_rsample = False
    has_enumerate_support = False
    _validate_args = __debug__

    # Tensors kept as attributes: name -> number of event dimensions. `expand` expands them. A class with an
    # `__init__` of its own states them again, which is how `expand` tells it from a user's subclass.
    _params: ClassVar[dict[str, int]] = {}

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether distributions made from now on check their arguments, unless `validate_args` says."""
        if value not in (True, False):
            raise ValueError
        Distribution._validate_args = value

    def __init__(
        self, batch_shape: Any = (), event_shape: Any = (), validate_args: bool | None = None
    ) -> None:
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._check_params()
        super().__init__()

    def _check_params(self) -> None:
        try:
            limits = self.arg_constraints
        except NotImplementedError:
            warnings.warn(_MSG_NO_CONSTRAINTS.format(self.__class__), stacklevel=3)
            return
        for name, constraint in limits.items():
            derived = name not in self.__dict__ and isinstance(getattr(type(self), name, None), lazy_property)
            if derived or constraints.is_dependent(constraint):
                continue
            value = getattr(self, name)
            if not constraint.check(value).all():
                raise ValueError(
                    f"Expected parameter {name} ({type(value).__name__} of shape {tuple(value.shape)}) of "
                    f"distribution {self!r} to satisfy the constraint {constraint!r}, but found invalid "
                    f"values:\n{value}"
                )

    # ---- parameters -------------------------------------------------------------------

    def _keep(self, validate_args: bool | None, **params: Any) -> None:
        """Broadcasts the given parameters, keeps them as attributes and sets the batch shape."""
        self.__dict__.update(zip(params, broadcast_all(*params.values())))
        first = next(iter(params))
        plain = all(is_number(v) for v in params.values())
        Distribution.__init__(self, Size() if plain else getattr(self, first).shape, (), validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same distribution with its parameters expanded to `batch_shape`."""
        owner = next((c for c in type(self).__mro__ if vars(c).get("_params")), None)
        if owner is None:
            raise NotImplementedError
        new = self._get_checked_instance(owner, _instance)
        batch_shape = Size(batch_shape)
        for name, event_dims in self._params.items():
            if name in self.__dict__:
                value = self.__dict__[name]
                event = value.shape[value.dim() - event_dims :]
                new.__dict__[name] = value.expand(batch_shape + event)
        self._expand_rest(new, batch_shape)
        Distribution.__init__(new, batch_shape, self.event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    def _expand_rest(self, new: Any, batch_shape: Size) -> None:
        """Gives `new` what is no parameter: inner distributions, counts."""

    def _get_checked_instance(self, cls: type, _instance: Any = None) -> Any:
        """An empty instance for `expand`; refused where a subclass has its own `__init__` only."""
        if _instance is None and type(self).__init__ is not cls.__init__:  # type: ignore[misc]
            raise NotImplementedError(_MSG_OWN_EXPAND.format(type(self).__name__, cls.__name__))
        return self.__new__(type(self)) if _instance is None else _instance

    # ---- what it is -------------------------------------------------------------------

    @property
    def batch_shape(self) -> Size:
        """Shape over which the distributions may differ."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """Shape of one draw."""
        return self._event_shape

    @property
    def arg_constraints(self) -> dict[str, constraints.Constraint]:
        """Parameter names and the sets that they lie in."""
        raise NotImplementedError

    @property
    def support(self) -> Any:
        """The set that samples lie in."""
        raise NotImplementedError

    @property
    def mean(self) -> Tensor:
        """The mean, (*batch_shape, *event_shape)."""
        raise NotImplementedError

    @property
    def mode(self) -> Tensor:
        """The most likely event."""
        raise NotImplementedError(f"{self.__class__} does not implement mode")

    @property
    def variance(self) -> Tensor:
        """The variance."""
        raise NotImplementedError

    @property
    def stddev(self) -> Tensor:
        """The square root of the variance."""
        return self.variance.sqrt()

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draws of shape (*sample_shape, *batch_shape, *event_shape), without gradients."""
        with torch.no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Draws through which gradients reach the parameters, where `has_rsample`."""
        raise NotImplementedError

    def sample_n(self, n: int) -> Tensor:
        """`n` draws; deprecated."""
        warnings.warn(
            "`sample_n(n)` will be deprecated. Use `sample((n,))` instead.", FutureWarning, stacklevel=2
        )
        return self.sample(Size((n,)))

    def log_prob(self, value: Tensor) -> Tensor:
        """Logarithm of the density or mass at `value`."""
        raise NotImplementedError

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of a draw up to `value`."""
        raise NotImplementedError

    def icdf(self, value: Tensor) -> Tensor:
        """The inverse of `cdf`."""
        raise NotImplementedError

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values of a discrete distribution, (cardinality, *batch_shape, *event_shape).

        Args:
            expand: False leaves batch dimensions of size 1.
        """
        raise NotImplementedError

    def entropy(self) -> Tensor:
        """The entropy, of shape `batch_shape`."""
        raise NotImplementedError

    def perplexity(self) -> Tensor:
        """`exp` of the entropy."""
        return torch.exp(self.entropy())

    # ---- shapes and checks ------------------------------------------------------------

    def _extended_shape(self, sample_shape: Any = ()) -> Size:
        """Shape of draws: (*sample_shape, *batch_shape, *event_shape)."""
        return Size(Size(sample_shape) + self._batch_shape + self._event_shape)

    def _enumerated(self, values: Tensor, expand: bool) -> Tensor:
        """Values (k, *event) along a new first dimension, in front of the batch dimensions."""
        events = values.shape[1:]
        values = values.reshape((-1,) + (1,) * len(self._batch_shape) + tuple(events))
        return values.expand((-1,) + tuple(self._batch_shape) + tuple(events)) if expand else values

    def _validate_sample(self, value: Any) -> None:
        """Raises ValueError unless `value` fits the shapes and lies in the support."""
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        events = value.dim() - len(self._event_shape)
        if value.shape[max(events, 0) :] != self._event_shape:
            raise ValueError(
                f"The right-most size of value must match event_shape: {value.shape} vs {self._event_shape}."
            )
        whole = self._batch_shape + self._event_shape
        for given, own in zip(reversed(value.shape), reversed(whole)):
            if given != 1 and own != 1 and given != own:
                raise ValueError(
                    f"Value is not broadcastable with batch_shape+event_shape: {value.shape} vs {Size(whole)}."
                )
        try:
            support = self.support
        except NotImplementedError:
            warnings.warn(_MSG_NO_SUPPORT.format(self.__class__), stacklevel=4)
            return
        if not support.check(value).all():
            raise ValueError(
                f"Expected value argument ({type(value).__name__} of shape {tuple(value.shape)}) to be within the "
                f"support ({support!r}) of the distribution {self!r}, but found invalid values:\n{value}"
            )

    def __repr__(self) -> str:
        kept = [name for name in self.arg_constraints if name in self.__dict__]
        shown = []
        for name in kept:
            value = self.__dict__[name]
            shown.append(f"{name}: {value if value.numel() == 1 else value.size()}")
        return f"{self.__class__.__name__}({', '.join(shown)})"
