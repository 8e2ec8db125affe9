"""Random tensors: rand, randn, randint, randperm, ..., and the distributions of tensors.

Draws are made on the host by a `Generator` (PyTorch's CPU streams) and give
concrete tensors; nothing here is recorded, but for the gradients (zeros) of
`bernoulli`, `normal` and `poisson`. `refill.py` has the in-place samplers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._core import devices, dtypes
from .._core.dtypes import dtype, get_default_dtype
from .._core.graph import Value
from .._core.modes import local
from .._core.node_names import renamed
from .._core.random import Generator, default_generator, generator_for
from .._core.registry import Array, function, op
from .._core.tensor import Tensor
from . import distributions as dist
from .factory import How, drawn_value, factory, number, shape_of, sizes, whole
from .strides import geometry
from .validate import broadcast, not_implemented, scalar_name

_MSG_RANDINT_FORMS = (
    "randint() received an invalid combination of arguments - got ({}), but expected one of:\n"
    " * (int high, tuple of ints size, *, torch.Generator generator = None, Tensor out = None, torch.dtype "
    "dtype = None, "
    "...)\n * (int low, int high, tuple of ints size, *, torch.Generator generator = None, Tensor out = "
    "None, "
    "torch.dtype dtype = None, ...)\n"
)
_MSG_NORMAL_FORMS = (
    "normal() received an invalid combination of arguments - got ({}), but expected one of:\n"
    " * (Tensor mean, Tensor std, *, torch.Generator generator = None, Tensor out = None)\n"
    " * (Tensor mean, float std = 1, *, torch.Generator generator = None, Tensor out = None)\n"
    " * (float mean, Tensor std, *, torch.Generator generator = None, Tensor out = None)\n"
    " * (float mean, float std, tuple of ints size, *, torch.Generator generator = None, Tensor out = None, "
    "torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, "
    "bool requires_grad = False)\n"
)


def source(name: str, generator: Any, device: Any) -> Generator:
    """The generator to draw from: the given one, else the default one of the device.

    Raises:
        TypeError: `generator` is no Generator.
        RuntimeError: it is of another device.
    """
    if generator is None:
        return (
            default_generator if device is devices.META else generator_for(device)
        )  # nothing is drawn there
    if not isinstance(generator, Generator):
        kind = type(generator).__name__
        raise TypeError(f"{name}(): argument 'generator' must be torch.Generator, not {kind}")
    if generator.device.type != device.type:
        raise RuntimeError(
            f"Expected a '{device.type}' device type for generator but found '{generator.device.type}'"
        )
    return generator


# ---- new tensors -------------------------------------------------------------------


def _new(how: How, shape: tuple[int, ...], draw: dist.Draw, default: dtype) -> Value:
    d = how.dtype_or(default)
    g = source(how.name, how.generator, how.device)
    if how.out is not None and tuple(how.out.shape) == shape and shape:
        strides = geometry(how.out)[1]
        return drawn_value(how.device, shape, d, lambda: laid_out(draw, g, shape, d, strides))
    return drawn_value(how.device, shape, d, lambda: draw(g, shape, d))


@factory("out", "generator")
def rand(how: How, *shape: Any, size: Any = None) -> Value:
    """A tensor of the given size, uniform on [0, 1)."""
    return _new(how, sizes("rand", shape, size), dist.uniform(0.0, 1.0), get_default_dtype())


@factory("out", "generator")
def randn(how: How, *shape: Any, size: Any = None) -> Value:
    """A tensor of the given size, standard normal (complex: both parts with variance 1/2)."""
    return _new(how, sizes("randn", shape, size), dist.normal(0.0, 1.0), get_default_dtype())


@factory("out", "generator")
def randint(how: How, *args: Any, **named: Any) -> Value:
    """`randint(high, size)` or `randint(low, high, size)`: integers of [low, high), int64 unless given."""
    rest = list(args)
    for k in named:
        if k not in ("low", "high", "size"):
            raise TypeError(f"randint() got an unexpected keyword argument '{k}'")
    size = named["size"] if "size" in named else rest.pop() if len(rest) + len(named) > 1 else None
    ends = [*rest, *(named[k] for k in ("low", "high") if k in named)]
    if not 1 <= len(ends) <= 2 or size is None:
        given = [type(a).__name__ for a in args] + [f"{k}={type(v).__name__}" for k, v in named.items()]
        raise TypeError(_MSG_RANDINT_FORMS.format(", ".join(given)))
    shape = shape_of("randint", size, len(ends) + 1)
    return _new(how, shape, dist.integers(*_ends("randint", *ends)), dtypes.int64)


def _ends(name: str, low: Any, high: Any = None) -> tuple[int, int]:
    """(low, high) of `f(high)` and `f(low, high)`."""
    if high is None:
        return 0, whole(name, "high", 1, low)
    return whole(name, "low", 1, low), whole(name, "high", 2, high)


@factory("out", "generator")
def randperm(how: How, n: Any) -> Value:
    """A random permutation of 0 .. n-1, int64 unless given."""
    count = whole("randperm", "n", 1, n)

    def draw(g: Generator, shape: tuple[int, ...], d: dtype, dense: bool = True) -> np.ndarray:
        dist.check_order(count, d)
        return g.randperm(count, d)

    return _new(how, shape_of("randperm", (count,)), draw, dtypes.int64)


# ---- like another tensor ---------------------------------------------------------------


def _like(how: How, input: Tensor, draw: dist.Draw) -> Value:
    """Draws element by element in the order that the result has in memory."""
    shape = how.lay_out(tuple(input.shape), input)
    order = tuple(range(len(shape))) if how.order is None else how.order
    g = source(how.name, how.generator, how.device)
    d = how.dtype or input.dtype
    return drawn_value(how.device, shape, d, lambda: in_order(draw, g, shape, d, order), how.order)


@factory("generator", "memory_format", like=True)
def rand_like(how: How, input: Tensor) -> Value:
    """Uniform on [0, 1), with the shape, dtype and device of `input` unless given."""
    return _like(how, input, dist.uniform(0.0, 1.0))


@factory("generator", "memory_format", like=True)
def randn_like(how: How, input: Tensor) -> Value:
    """Standard normal, with the shape, dtype and device of `input` unless given."""
    return _like(how, input, dist.normal(0.0, 1.0))


@factory("generator", "memory_format", like=True)
def randint_like(how: How, input: Tensor, low: Any = None, high: Any = None) -> Value:
    """Integers of [0, low) or [low, high), with the shape, dtype and device of `input` unless given."""
    low, high = (high, None) if low is None else (low, high)
    return _like(how, input, dist.integers(*_ends("randint_like", low, high)))


def memory_order(shape: tuple[int, ...], strides: tuple[int, ...]) -> tuple[int, ...]:
    """Dimensions from outermost to innermost in memory; as they are where elements overlap or leave gaps."""
    extent = 1 + sum((n - 1) * s for n, s in zip(shape, strides))
    if extent != math.prod(shape):
        return tuple(range(len(shape)))
    return tuple(sorted(range(len(shape)), key=lambda i: -strides[i]))


def laid_out(
    draw: dist.Draw, g: Generator, shape: tuple[int, ...], d: dtype, strides: tuple[int, ...]
) -> np.ndarray:
    """Draws for a tensor of these strides, element by element as it lies in memory."""
    order = memory_order(shape, strides)
    if order != tuple(range(len(shape))):
        return in_order(draw, g, shape, d, order)
    return draw(g, shape, d, _dense(shape, strides))


def _dense(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    """Whether elements lie one after the other."""
    expected = 1
    for n, s in zip(reversed(shape), reversed(strides)):
        if n != 1 and s != expected:
            return False
        expected *= n
    return True


def in_order(
    draw: dist.Draw, g: Generator, shape: tuple[int, ...], d: dtype, order: tuple[int, ...]
) -> np.ndarray:
    """Draws element by element in memory order."""
    if order == tuple(range(len(shape))):
        return draw(g, shape, d)
    drawn = draw(g, tuple(shape[i] for i in order), d, False)
    return np.ascontiguousarray(drawn.transpose(np.argsort(order)))


# ---- distributions of tensors ----------------------------------------------------------


def _kept(name: str) -> Any:
    """A row that gives `drawn` and keeps `input` in the history: its gradient is zeros."""

    def row(input: Array, drawn: Array):
        return drawn

    return op(row, name=name, spaces=())


_LAWS = (
    "normal",
    "bernoulli",
    "poisson",
    "uniform",
    "random",
    "exponential",
    "cauchy",
    "log_normal",
    "geometric",
)
DRAWN = {name: _kept(name) for name in _LAWS}


def _after(
    how: How, parents: tuple[Any, ...], shape: tuple[int, ...], d: dtype, draw: Callable[[], np.ndarray]
) -> Tensor:
    """The drawn tensor, taped with a gradient of zeros where a parent requires grad."""
    made = how.finish(drawn_value(how.device, shape, d, draw))
    for p in parents:
        if local.ctx.grad and isinstance(p, Tensor) and p.requires_grad:
            return DRAWN[how.name](p, made)
    return made


def _how(name: str, like: Any, generator: Any = None, out: Any = None) -> How:
    if not isinstance(like, Tensor):
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type(like).__name__}")
    return How(name, like, generator=generator, out=out)


@function()
def bernoulli(input: Tensor, p: Any = None, *, generator: Any = None, out: Tensor | None = None) -> Tensor:
    """0 or 1 for each element, 1 with the probability that `input` (or the number `p`) gives.

    Raises:
        RuntimeError: a probability is outside [0, 1].
    """
    how = _how("bernoulli", input, generator, out)
    shared = None if p is None else dist.bernoulli(float(number("bernoulli", "p", 2, p)))
    shape, d = tuple(input.shape), how.dtype_or(input.dtype)
    g = source("bernoulli", generator, how.device)
    return _after(how, (input,), shape, d, lambda: (shared or dist.bernoulli_of(input))(g, shape, d))


@function(spaces=("torch",))
def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Any = None,
    out: Tensor | None = None,
    **keywords: Any,
) -> Tensor:
    """Normal numbers: `normal(mean, std)` with a tensor among them (they broadcast) or `normal(m, s, size)`.

    Args:
        keywords: with `size`: dtype, layout, device, requires_grad, pin_memory.

    Raises:
        RuntimeError: a standard deviation is negative.
    """
    tensors = [x for x in (mean, std) if isinstance(x, Tensor)]
    if size is not None and any(x.ndim or x.requires_grad for x in tensors):
        given = ", ".join(type(x).__name__ for x in (mean, std, size))
        raise TypeError(_MSG_NORMAL_FORMS.format(given))
    if tensors and size is None:
        if keywords:
            raise TypeError(f"normal() got an unexpected keyword argument '{next(iter(keywords))}'")
        return _normal_of(mean, std, generator, out)
    if size is None:
        raise TypeError(_MSG_NORMAL_FORMS.format(f"{type(mean).__name__}, {type(std).__name__}"))
    draw = dist.normal(float(number("normal", "mean", 1, mean)), float(number("normal", "std", 2, std)))
    how = How("normal", generator=generator, out=out, **keywords)
    return how.finish(_new(how, shape_of("normal", size, 3), draw, get_default_dtype()))


def _normal_of(mean: Any, std: Any, generator: Any, out: Any) -> Tensor:
    """Normal numbers whose means and deviations are tensors, or one of them."""
    lead = mean if isinstance(mean, Tensor) else std
    how = _how("normal", lead, generator, out)
    if not isinstance(std, Tensor):
        draw = dist.normal(0.0, float(number("normal", "std", 2, std)))
    elif std.dtype.is_complex:
        raise RuntimeError("normal expects standard deviation to be non-complex")
    else:
        draw = dist.normal(0.0, 1.0)
    center = None if isinstance(mean, Tensor) else np.asarray(number("normal", "mean", 1, mean))
    d = how.dtype_or(lead.dtype)
    shape = broadcast(*(tuple(x.shape) for x in (mean, std) if isinstance(x, Tensor)))
    g = source("normal", generator, how.device)

    def drawn() -> np.ndarray:
        scale = std._host() if isinstance(std, Tensor) else None
        if scale is not None and not (scale >= 0).all():
            raise RuntimeError("normal expects all elements of std >= 0.0")
        if how.out is not None and tuple(how.out.shape) == shape:
            found = laid_out(draw, g, shape, d, geometry(how.out)[1])
        else:
            found = draw(g, shape, d)
        if scale is not None:
            found = found * scale.astype(d.jnp)
        return found + (mean._host() if center is None else center).astype(d.jnp)

    made = _after(how, (mean, std), shape, d, drawn)
    return renamed(made, f"NormalBackward{isinstance(mean, Tensor) + 2 * isinstance(std, Tensor)}")


@function()
def multinomial(
    input: Tensor,
    num_samples: int,
    replacement: bool = False,
    *,
    generator: Any = None,
    out: Tensor | None = None,
) -> Tensor:
    """Indices drawn by the weights in each row of `input`, (k,) or (rows, k), as int64 (..., num_samples).

    Raises:
        RuntimeError: weights negative, not finite or all zero, or too few for draws without replacement.
    """
    how = _how("multinomial", input, generator, out)
    count = whole("multinomial", "num_samples", 2, num_samples)
    if not input.dtype.is_floating_point:
        raise RuntimeError(
            f"multinomial only supports floating-point dtypes for input, got: {scalar_name(input.dtype)}"
        )
    if how.dtype_or(dtypes.int64) is not dtypes.int64:
        raise RuntimeError(f"multinomial expects Long tensor out, got: {scalar_name(how.out.dtype)}")
    if count <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    if input.ndim not in (1, 2):
        raise RuntimeError("prob_dist must be 1 or 2 dim")
    if not replacement and count > input.shape[-1]:
        raise RuntimeError("cannot sample n_sample > prob_dist.size(-1) samples without replacement")
    if input.shape[-1] > 1 << 24:
        raise RuntimeError("number of categories cannot exceed 2^24")
    g = source("multinomial", generator, how.device)

    def draw() -> np.ndarray:
        weights = input._host()
        _check_weights(weights.astype(np.float64), replacement and count > 1)
        return g.multinomial(weights, count, bool(replacement))

    return how.finish(drawn_value(how.device, (*input.shape[:-1], count), dtypes.int64, draw))


def _check_weights(weights: np.ndarray, searched: bool) -> None:
    if (weights < 0).any() or not np.isfinite(weights).all():
        if not searched:
            raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
        what = "< 0" if (weights < 0).any() else "= infinity or NaN"
        raise RuntimeError(f"invalid multinomial distribution (encountering probability entry {what})")
    if weights.size and (weights.sum(-1) == 0).any():
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")


@function(spaces=("torch",))
def poisson(input: Tensor, generator: Any = None) -> Tensor:
    """Poisson counts, each with the rate that `input` gives, in `input`'s dtype.

    Raises:
        RuntimeError: a rate is negative.
    """
    how = _how("poisson", input, generator)
    if not input.dtype.is_floating_point:
        raise not_implemented("poisson_cpu", input.dtype)
    g = source("poisson", generator, how.device)

    def draw() -> np.ndarray:
        rates = input._host()
        if not (rates >= 0).all():
            raise RuntimeError("invalid Poisson rate, expected rate to be non-negative")
        return g.poisson(rates)

    return _after(how, (input,), tuple(input.shape), input.dtype, draw)
