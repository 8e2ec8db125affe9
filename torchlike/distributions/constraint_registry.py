"""Maps from unconstrained numbers onto constrained sets: `biject_to` and `transform_to`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import constraints, transforms
from .constraints import Constraint
from .transforms import Transform
from .utils import is_number

__all__ = ["ConstraintRegistry", "biject_to", "transform_to"]

_MSG_REGISTER = "Expected constraint to be either a Constraint subclass or instance, but got {}"


class ConstraintRegistry:
    """Calls the factory that was registered for a constraint's class.

    >>> transform = transform_to(constraints.positive)
    >>> transform(torch.randn(3))  # positive numbers
    """

    def __init__(self) -> None:
        self._registry: dict[type, Callable[[Any], Transform]] = {}
        super().__init__()

    def register(self, constraint: Any, factory: Callable[[Any], Transform] | None = None) -> Any:
        """Registers `factory(constraint) -> Transform` for a class (or an instance's); a decorator without it.

        Raises:
            TypeError: `constraint` is neither a subclass nor an instance of Constraint.
        """
        if factory is None:
            return lambda factory: self.register(constraint, factory)
        if isinstance(constraint, Constraint):
            constraint = type(constraint)
        if not isinstance(constraint, type) or not issubclass(constraint, Constraint):
            raise TypeError(_MSG_REGISTER.format(constraint))
        self._registry[constraint] = factory
        return factory

    def __call__(self, constraint: Any) -> Transform:
        """A Transform whose codomain is `constraint`.

        Raises:
            NotImplementedError: nothing is registered for its class.
        """
        factory = self._registry.get(type(constraint))
        if factory is None:
            raise NotImplementedError(f"Cannot transform {type(constraint).__name__} constraints")
        return factory(constraint)


biject_to = ConstraintRegistry()
transform_to = ConstraintRegistry()


def _to_interval(c: Any) -> Transform:
    if all(is_number(b) for b in (c.lower_bound, c.upper_bound)) and (c.lower_bound, c.upper_bound) == (0, 1):
        return transforms.SigmoidTransform()
    affine = transforms.AffineTransform(c.lower_bound, c.upper_bound - c.lower_bound)
    return transforms.ComposeTransform([transforms.SigmoidTransform(), affine])


def _to_half_line(bound: str, scale: int) -> Callable[[Any], Transform]:
    def factory(c: Any) -> Transform:
        affine = transforms.AffineTransform(getattr(c, bound), scale)
        return transforms.ComposeTransform([transforms.ExpTransform(), affine])

    return factory


def _fixed(transform: type[Transform]) -> Callable[[Any], Transform]:
    return lambda c: transform()


def _inner(registry: ConstraintRegistry) -> dict[type, Callable[[Any], Transform]]:
    """Factories for the constraints that are made of others."""
    return {
        constraints.independent: lambda c: transforms.IndependentTransform(
            registry(c.base_constraint), c.reinterpreted_batch_ndims
        ),
        constraints.cat: lambda c: transforms.CatTransform([registry(x) for x in c.cseq], c.dim, c.lengths),
        constraints.stack: lambda c: transforms.StackTransform([registry(x) for x in c.cseq], c.dim),
    }


_BOTH: dict[Any, Callable[[Any], Transform]] = {
    constraints.real: lambda c: transforms.identity_transform,
    constraints.greater_than: _to_half_line("lower_bound", 1),
    constraints.greater_than_eq: _to_half_line("lower_bound", 1),
    constraints.less_than: _to_half_line("upper_bound", -1),
    constraints.interval: _to_interval,
    constraints.half_open_interval: _to_interval,
    constraints.corr_cholesky: _fixed(transforms.CorrCholeskyTransform),
}
_OWN: list[tuple[ConstraintRegistry, dict[Any, Callable[[Any], Transform]]]] = [
    (biject_to, {constraints.simplex: _fixed(transforms.StickBreakingTransform)}),
    (
        transform_to,
        {
            constraints.simplex: _fixed(transforms.SoftmaxTransform),
            constraints.lower_cholesky: _fixed(transforms.LowerCholeskyTransform),
            constraints.positive_definite: _fixed(transforms.PositiveDefiniteTransform),
            constraints.positive_semidefinite: _fixed(transforms.PositiveDefiniteTransform),
        },
    ),
]
for _registry, _factories in _OWN:
    for _constraint, _factory in (_BOTH | _inner(_registry) | _factories).items():
        _registry.register(_constraint, _factory)
