"""The in-place samplers of Tensor: uniform_, normal_, random_, bernoulli_, exponential_, ..."""

from __future__ import annotations

import math
from typing import Any

from .._core.geometry import check_repeated
from .._core.modes import local
from .._core.node_names import renamed
from .._core.registry import check_inplace, function
from .._core.tensor import Tensor
from . import distributions as dist
from .factory import drawn_value, number, whole
from .random import DRAWN, laid_out, source
from .strides import geometry
from .validate import broadcast


def _refill(name: str, self: Tensor, draw: dist.Draw, generator: Any, overload: int = 0) -> Tensor:
    """Overwrites `self` with draws, element by element as it lies in memory; `overload` numbers PyTorch's formula."""
    check_inplace(self)
    g = source(name, generator, self.device)
    shape, strides, _ = geometry(self)
    check_repeated(self)
    d = self.dtype
    if not math.prod(shape):
        draw(g, shape, d)  # for its checks
        return self
    value = drawn_value(self.device, shape, d, lambda: laid_out(draw, g, shape, d, strides))
    if local.ctx.grad and self.requires_grad:
        made = DRAWN[name[:-1]](self, Tensor._from_value(value))
        renamed(made, f"{made._node._name[:-1]}{overload}")
        self._assign(made._read(), made._edge())
    else:
        self._write(value)
    return self


@function(spaces=("Tensor",))
def uniform_(self: Tensor, *bounds: Any, generator: Any = None, **named: Any) -> Tensor:
    """`uniform_(from=0, to=1)`: fills self with numbers uniform on [from, to)."""
    low, high = _two("uniform_", bounds, named, ("from", 0.0), ("to", 1.0))
    return _refill("uniform_", self, dist.uniform(low, high), generator)


def _two(name: str, given: tuple[Any, ...], named: dict[str, Any], *wanted: tuple[str, float]) -> list[float]:
    """Two numbers by position or name (one of which, `from`, no Python parameter can be called)."""
    if len(given) > len(wanted):
        raise TypeError(f"{name}() takes {len(wanted)} positional arguments but {len(given)} were given")
    found = dict(wanted)
    for (key, _), value in zip(wanted, given):
        if key in named:
            raise TypeError(f"{name}() got multiple values for argument '{key}'")
        found[key] = value
    for key, value in named.items():
        if key not in found:
            raise TypeError(f"{name}() got an unexpected keyword argument '{key}'")
        found[key] = value
    return [float(number(name, key, i + 1, found[key])) for i, (key, _) in enumerate(wanted)]


@function(spaces=("Tensor",))
def normal_(self: Tensor, mean: Any = 0.0, std: Any = 1.0, *, generator: Any = None) -> Tensor:
    """Fills self with normal numbers."""
    draw = dist.normal(float(number("normal_", "mean", 1, mean)), float(number("normal_", "std", 2, std)))
    return _refill("normal_", self, draw, generator)


@function(spaces=("Tensor",))
def random_(self: Tensor, *bounds: Any, generator: Any = None, **named: Any) -> Tensor:
    """`random_()`, `random_(to)` or `random_(from, to)`: fills self with integers of [from, to).

    Without bounds: from 0 to the largest of an integer dtype, or 2**digits of a floating one.
    """
    extra = [k for k in named if k not in ("from", "to")]
    if extra:
        raise TypeError(f"random_() got an unexpected keyword argument '{extra[0]}'")
    if len(bounds) > 2:
        raise TypeError(f"random_() takes 2 positional arguments but {len(bounds)} were given")
    only_end = len(bounds) == 1 and not named
    found = dict(zip(("to",) if only_end else ("from", "to"), bounds)) | named
    if not found:
        return _refill("random_", self, dist.all_integers, generator, 2)
    low = _int64(found.get("from", 0), "from")
    high = found.get("to")
    draw = dist.integers_from(low) if high is None else dist.integers(low, _int64(high, "to"))
    return _refill("random_", self, draw, generator, int("from" not in found))


def _int64(value: Any, argument: str) -> int:
    n = whole("random_", argument, 1 if argument == "from" else 2, value)
    if not -(1 << 63) <= n < 1 << 63:
        raise ValueError("Overflow when unpacking long long")
    return n


@function(spaces=("Tensor",))
def bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Any = None) -> Tensor:
    """Fills self with 0 and 1; `p` is the probability of 1, a number or a tensor that broadcasts to self."""
    if isinstance(p, Tensor):
        broadcast(tuple(p.shape), tuple(self.shape))
        return _refill("bernoulli_", self, dist.bernoulli_of(p), generator, 1)
    return _refill("bernoulli_", self, dist.bernoulli(float(number("bernoulli_", "p", 1, p))), generator, 2)


@function(spaces=("Tensor",))
def exponential_(self: Tensor, lambd: Any = 1.0, *, generator: Any = None) -> Tensor:
    """Fills self with exponential numbers of rate `lambd`."""
    rate = float(number("exponential_", "lambd", 1, lambd))
    if not rate > 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={rate:g}")
    return _refill("exponential_", self, dist.continuous("Exponential", "exponential", rate), generator)


@function(spaces=("Tensor",))
def cauchy_(self: Tensor, median: Any = 0.0, sigma: Any = 1.0, *, generator: Any = None) -> Tensor:
    """Fills self with Cauchy numbers."""
    width = float(number("cauchy_", "sigma", 2, sigma))
    if not width > 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={width:g}")
    draw = dist.continuous("Cauchy", "cauchy", float(number("cauchy_", "median", 1, median)), width)
    return _refill("cauchy_", self, draw, generator)


@function(spaces=("Tensor",))
def log_normal_(self: Tensor, mean: Any = 1.0, std: Any = 2.0, *, generator: Any = None) -> Tensor:
    """Fills self with `exp` of normal numbers of `mean` and `std`."""
    deviation = float(number("log_normal_", "std", 2, std))
    if not deviation > 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={deviation:g}")
    draw = dist.continuous(
        "log_normal_cpu", "log_normal", float(number("log_normal_", "mean", 1, mean)), deviation
    )
    return _refill("log_normal_", self, draw, generator)


@function(spaces=("Tensor",))
def geometric_(self: Tensor, p: Any, *, generator: Any = None) -> Tensor:
    """Fills self with the numbers of trials up to the first success of probability `p`."""
    return _refill("geometric_", self, dist.geometric(float(number("geometric_", "p", 1, p))), generator)


def truncated_normal_(
    self: Tensor, mean: float, std: float, low: float, high: float, generator: Any = None
) -> Tensor:
    """Fills self with normal numbers conditioned on [low, high]; the draws of `nn.init.trunc_normal_`."""
    return _refill("normal_", self, dist.truncated_normal(mean, std, low, high), generator)
