"""Sets that parameters and samples lie in: `constraint.check(value)` says for each event whether it is inside.

A constraint has `event_dim`, the number of trailing dimensions that are judged together, and
`is_discrete`. Constraints without arguments are instances (`positive`, `simplex`), the others
classes (`interval(0, 1)`, `independent(real, 1)`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._core.tensor import Tensor
from ._ops import torch

__all__ = [
    "Constraint", "boolean", "cat", "corr_cholesky", "dependent", "dependent_property", "greater_than",
    "greater_than_eq", "independent", "integer_interval", "interval", "half_open_interval", "is_dependent",
    "less_than", "lower_cholesky", "lower_triangular", "MixtureSameFamilyConstraint", "multinomial",
    "nonnegative", "nonnegative_integer", "one_hot", "positive", "positive_semidefinite",
    "positive_definite", "positive_integer", "real", "real_vector", "simplex", "square", "stack",
    "symmetric", "unit_interval",
]  # fmt: skip


class Constraint:
    """A set of values; subclasses define `check`."""

    is_discrete: Any = False
    event_dim: Any = 0
    _shown: tuple[str, ...] = ()  # the attributes that the repr names

    def check(self, value: Tensor) -> Tensor:
        """A bool tensor of shape `value.shape[:-event_dim]`: which events are inside."""
        raise NotImplementedError

    def __repr__(self) -> str:
        inner = ", ".join(f"{name}={getattr(self, name)}" for name in self._shown)
        return f"{self.__class__.__name__[1:]}({inner})"


class _Dependent(Constraint):
    """Stands for a set that depends on other values; it cannot be checked."""

    def __init__(self, *, is_discrete: Any = NotImplemented, event_dim: Any = NotImplemented):
        self._is_discrete, self._event_dim = is_discrete, event_dim
        super().__init__()

    def _known(self, name: str) -> Any:
        value = getattr(self, f"_{name}")
        if value is NotImplemented:
            raise NotImplementedError(f".{name} cannot be determined statically")
        return value

    is_discrete = property(lambda self: self._known("is_discrete"))  # type: ignore[assignment]
    event_dim = property(lambda self: self._known("event_dim"))  # type: ignore[assignment]

    def __call__(self, *, is_discrete: Any = NotImplemented, event_dim: Any = NotImplemented) -> _Dependent:
        """The same, with what is known about it."""
        return _Dependent(
            is_discrete=self._is_discrete if is_discrete is NotImplemented else is_discrete,
            event_dim=self._event_dim if event_dim is NotImplemented else event_dim,
        )

    def check(self, value: Tensor) -> Tensor:
        raise ValueError("Cannot determine validity of dependent constraint")


class _DependentProperty(property, _Dependent):
    """A property whose value is a constraint; on the class it is itself a dependent constraint.

    >>> @constraints.dependent_property(is_discrete=False, event_dim=0)
    ... def support(self): ...
    """

    def __init__(
        self,
        fn: Callable | None = None,
        *,
        is_discrete: Any = NotImplemented,
        event_dim: Any = NotImplemented,
    ):
        super().__init__(fn)
        self._is_discrete, self._event_dim = is_discrete, event_dim

    def __call__(self, fn: Callable) -> _DependentProperty:  # type: ignore[override]
        return _DependentProperty(fn, is_discrete=self._is_discrete, event_dim=self._event_dim)


def is_dependent(constraint: Any) -> bool:
    """Whether a constraint depends on other values and so cannot be checked."""
    return isinstance(constraint, _Dependent)


# ---- element by element ---------------------------------------------------------------------


class _Boolean(Constraint):
    """0 or 1."""

    is_discrete = True

    def check(self, value: Tensor) -> Tensor:
        return value.eq(0) | value.eq(1)


class _Real(Constraint):
    """Any number but NaN."""

    def check(self, value: Tensor) -> Tensor:
        return value.eq(value)  # false for NaN


class _Bounded(Constraint):
    """Numbers on one side of a bound, or between two; `_tests` compares with each in turn."""

    _tests: tuple[str, ...] = ()

    def __init__(self, *bounds: Any, **named: Any):
        given = dict(zip(self._shown, bounds)) | named
        if len(bounds) + len(named) != len(self._shown) or set(given) != set(self._shown):
            raise TypeError(f"{self.__class__.__name__}() takes {', '.join(self._shown)}")
        self.__dict__.update(given)
        super().__init__()

    def check(self, value: Tensor) -> Tensor:
        inside = value % 1 == 0 if self.is_discrete else None
        for name, test in zip(self._shown, self._tests):
            passed = getattr(value, test)(getattr(self, name))
            inside = passed if inside is None else inside & passed
        return inside  # type: ignore[return-value]


def _bounded(name: str, doc: str, is_discrete: bool = False, **tests: str) -> type[_Bounded]:
    """A class of bounded sets; `tests` maps each bound's name to the comparison that a value must pass."""
    return type(
        name,
        (_Bounded,),
        {
            "__doc__": doc,
            "__module__": __name__,
            "is_discrete": is_discrete,
            "_shown": tuple(tests),
            "_tests": tuple(tests.values()),
        },
    )


_GreaterThan = _bounded("_GreaterThan", "Numbers above a bound.", lower_bound="gt")
_GreaterThanEq = _bounded("_GreaterThanEq", "Numbers from a bound on.", lower_bound="ge")
_LessThan = _bounded("_LessThan", "Numbers below a bound.", upper_bound="lt")
_Interval = _bounded("_Interval", "Numbers of a closed interval.", lower_bound="ge", upper_bound="le")
_HalfOpenInterval = _bounded(
    "_HalfOpenInterval", "Numbers from a bound to below another.", lower_bound="ge", upper_bound="lt"
)
_IntegerInterval = _bounded(
    "_IntegerInterval", "Integers of a closed interval.", True, lower_bound="ge", upper_bound="le"
)
_IntegerLessThan = _bounded("_IntegerLessThan", "Integers up to a bound.", True, upper_bound="le")
_IntegerGreaterThan = _bounded("_IntegerGreaterThan", "Integers from a bound on.", True, lower_bound="ge")

# ---- vectors ---------------------------------------------------------------------------------


class _OneHot(Constraint):
    """Vectors of zeros and a single one."""

    is_discrete, event_dim = True, 1

    def check(self, value: Tensor) -> Tensor:
        return (value.sum(-1) == 1) & (value.eq(0) | value.eq(1)).all(-1)


class _Simplex(Constraint):
    """Vectors of nonnegative numbers that add up to 1."""

    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        return (value >= 0).all(-1) & ((value.sum(-1) - 1).abs() < 1e-6)


class _Multinomial(_Bounded):
    """Vectors of nonnegative counts that add up to at most a bound."""

    is_discrete, event_dim = True, 1
    _shown = ("upper_bound",)

    def __init__(self, upper_bound: Any):
        super().__init__(upper_bound)

    def check(self, value: Tensor) -> Tensor:
        return (value >= 0).all(-1) & (value.sum(-1) <= self.upper_bound)  # type: ignore[attr-defined]

    def __repr__(self) -> str:
        return "Multinomial()"


# ---- matrices --------------------------------------------------------------------------------


class _LowerTriangular(Constraint):
    """Square matrices with zeros above the diagonal."""

    event_dim = 2

    def check(self, value: Tensor) -> Tensor:
        return (value.tril() == value).all(-1).all(-1)


class _LowerCholesky(_LowerTriangular):
    """Lower triangular matrices with a positive diagonal."""

    def check(self, value: Tensor) -> Tensor:
        return super().check(value) & (value.diagonal(dim1=-2, dim2=-1) > 0).all(-1)


class _CorrCholesky(_LowerCholesky):
    """Cholesky factors of correlation matrices: rows of length 1."""

    def check(self, value: Tensor) -> Tensor:
        slack = torch.finfo(value.dtype).eps * value.shape[-1] * 10  # rounding of a row's norm
        unit = ((torch.linalg.norm(value.detach(), dim=-1) - 1).abs() <= slack).all(-1)
        return unit & super().check(value)


class _Square(Constraint):
    """Square matrices."""

    event_dim = 2

    def check(self, value: Tensor) -> Tensor:
        square = value.shape[-2] == value.shape[-1]
        return torch.full(value.shape[:-2], square, dtype=torch.bool, device=value.device)


class _Symmetric(_Square):
    """Symmetric matrices, up to rounding."""

    def check(self, value: Tensor) -> Tensor:
        if value.shape[-2] != value.shape[-1]:
            return super().check(value)
        return torch.isclose(value, value.mT, atol=1e-6).all(-2).all(-1)


class _PositiveSemidefinite(_Symmetric):
    """Symmetric matrices without a negative eigenvalue."""

    def check(self, value: Tensor) -> Tensor:
        symmetric = super().check(value)
        return torch.linalg.eigvalsh(value).ge(0).all(-1) if symmetric.all() else symmetric


class _PositiveDefinite(_Symmetric):
    """Symmetric matrices with positive eigenvalues only."""

    def check(self, value: Tensor) -> Tensor:
        symmetric = super().check(value)
        return torch.linalg.cholesky_ex(value).info.eq(0) if symmetric.all() else symmetric


# ---- made of others --------------------------------------------------------------------------


class _IndependentConstraint(Constraint):
    """Another set's events judged together along their last `reinterpreted_batch_ndims` batch dimensions."""

    def __init__(self, base_constraint: Constraint, reinterpreted_batch_ndims: int):
        self.base_constraint = base_constraint
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims
        super().__init__()

    is_discrete = property(lambda self: self.base_constraint.is_discrete)  # type: ignore[assignment]
    event_dim = property(lambda self: self.base_constraint.event_dim + self.reinterpreted_batch_ndims)  # type: ignore[assignment]

    def check(self, value: Tensor) -> Tensor:
        inside = self.base_constraint.check(value)
        if inside.dim() < self.reinterpreted_batch_ndims:
            expected = self.base_constraint.event_dim + self.reinterpreted_batch_ndims
            raise ValueError(f"Expected value.dim() >= {expected} but got {value.dim()}")
        kept = inside.dim() - self.reinterpreted_batch_ndims
        return inside.reshape(inside.shape[:kept] + (-1,)).all(-1)

    def __repr__(self) -> str:
        return f"{self.__class__.__name__[1:]}({self.base_constraint!r}, {self.reinterpreted_batch_ndims})"


class MixtureSameFamilyConstraint(Constraint):
    """The set of a mixture's samples: inside where every component's set has them."""

    def __init__(self, base_constraint: Constraint):
        assert isinstance(base_constraint, Constraint), (
            f"base_constraint must be a Constraint, got {type(base_constraint).__name__}"
        )
        self.base_constraint = base_constraint
        super().__init__()

    is_discrete = property(lambda self: self.base_constraint.is_discrete)  # type: ignore[assignment]
    event_dim = property(lambda self: self.base_constraint.event_dim)  # type: ignore[assignment]

    def check(self, value: Tensor) -> Tensor:
        each = self.base_constraint.check(value.unsqueeze(-1 - self.event_dim))
        if value.dim() < self.event_dim:
            raise ValueError(f"Expected value.dim() >= {self.event_dim} but got {value.dim()}")
        count = value.dim() - self.event_dim
        return each.reshape(each.shape[:count] + (-1,)).all(-1)

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}({self.base_constraint!r})"


class _Several(Constraint):
    """Sets for the parts of a value along `dim`."""

    def __init__(self, cseq: Any, dim: int):
        assert all(isinstance(c, Constraint) for c in cseq)
        self.cseq, self.dim = list(cseq), dim
        super().__init__()

    is_discrete = property(lambda self: any(c.is_discrete for c in self.cseq))  # type: ignore[assignment]


class _Cat(_Several):
    """Parts of given lengths along `dim`, each in its own set."""

    def __init__(self, cseq: Any, dim: int = 0, lengths: Any = None):
        super().__init__(cseq, dim)
        self.lengths = [1] * len(self.cseq) if lengths is None else list(lengths)
        assert len(self.lengths) == len(self.cseq)

    event_dim = property(lambda self: max(c.event_dim for c in self.cseq))  # type: ignore[assignment]

    def check(self, value: Tensor) -> Tensor:
        assert -value.dim() <= self.dim < value.dim()
        parts = value.split(self.lengths, self.dim)
        return torch.cat([c.check(part) for c, part in zip(self.cseq, parts)], self.dim)


class _Stack(_Several):
    """Slices along `dim`, each in its own set."""

    def __init__(self, cseq: Any, dim: int = 0):
        super().__init__(cseq, dim)

    @property
    def event_dim(self) -> int:  # type: ignore[override]
        """One more where `dim` lies inside the events."""
        most = max(c.event_dim for c in self.cseq)
        return most + 1 if self.dim + most < 0 else most

    def check(self, value: Tensor) -> Tensor:
        assert -value.dim() <= self.dim < value.dim()
        slices = [value.select(self.dim, i) for i in range(value.shape[self.dim])]
        return torch.stack([c.check(part) for c, part in zip(self.cseq, slices)], self.dim)


# ---- the public names --------------------------------------------------------------------------

dependent = _Dependent()
dependent_property = _DependentProperty
independent = _IndependentConstraint
boolean = _Boolean()
one_hot = _OneHot()
nonnegative_integer = _IntegerGreaterThan(0)
positive_integer = _IntegerGreaterThan(1)
integer_interval = _IntegerInterval
real = _Real()
real_vector = independent(real, 1)
positive = _GreaterThan(0.0)
nonnegative = _GreaterThanEq(0.0)
greater_than = _GreaterThan
greater_than_eq = _GreaterThanEq
less_than = _LessThan
multinomial = _Multinomial
unit_interval = _Interval(0.0, 1.0)
interval = _Interval
half_open_interval = _HalfOpenInterval
simplex = _Simplex()
lower_triangular = _LowerTriangular()
lower_cholesky = _LowerCholesky()
corr_cholesky = _CorrCholesky()
square = _Square()
symmetric = _Symmetric()
positive_semidefinite = _PositiveSemidefinite()
positive_definite = _PositiveDefinite()
cat = _Cat
stack = _Stack
