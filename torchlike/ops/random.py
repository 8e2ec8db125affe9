"""Random tensors: rand, randn, randint, ..., the distributions, and the in-place samplers of Tensor.

Draws are made on the host by a `Generator` (PyTorch's CPU streams) and give
concrete tensors; nothing here is recorded, but for the gradients (zeros) of
`bernoulli`, `normal` and `poisson`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._core import dtypes
from .._core.dtypes import dtype, get_default_dtype
from .._core.modes import local
from .._core.random import Generator, generator_for
from .._core.registry import Array, check_inplace, function, op
from .._core.tensor import Tensor
from . import distributions as dist
from .factory import finish, from_host, number, options, require_tensor, sizes, target_dtype, whole
from .validate import broadcast, not_implemented, scalar_name
from .view import geometry


def source(name: str, generator: Any, device: Any) -> Generator:
    """The generator to draw from: the given one, else the default one of the device.

    Raises:
        TypeError: `generator` is no Generator.
        RuntimeError: it is of another device.
    """
    if generator is None:
        return generator_for(device)
    if not isinstance(generator, Generator):
        raise TypeError(
            f"{name}(): argument 'generator' must be torch.Generator, not {type(generator).__name__}"
        )
    if generator.device.type != device.type:
        raise RuntimeError(
            f"Expected a '{device.type}' device type for generator but found '{generator.device.type}'"
        )
    return generator


# ---- new tensors -----------------------------------------------------------------------------


def _new(
    name: str, shape: tuple[int, ...], draw: dist.Draw, default: dtype, generator: Any, out: Any, dtype: Any, layout: Any,
    device: Any, requires_grad: bool,
) -> Tensor:  # fmt: skip
    given, where = options(name, dtype, device, layout)
    drawn = draw(source(name, generator, where), shape, target_dtype(name, given, out, default))
    return finish(name, from_host(drawn, where), requires_grad, out)


@function(spaces=("torch",))
def rand(
    *size: Any, generator: Any = None, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False, pin_memory: bool = False, **named: Any,
) -> Tensor:  # fmt: skip
    """A tensor of `size`, uniform on [0, 1)."""
    shape = _sizes("rand", size, named)
    return _new(
        "rand",
        shape,
        dist.uniform(0.0, 1.0),
        get_default_dtype(),
        generator,
        out,
        dtype,
        layout,
        device,
        requires_grad,
    )


@function(spaces=("torch",))
def randn(
    *size: Any, generator: Any = None, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False, pin_memory: bool = False, **named: Any,
) -> Tensor:  # fmt: skip
    """A tensor of `size`, standard normal (complex: both parts with variance 1/2)."""
    shape = _sizes("randn", size, named)
    return _new(
        "randn",
        shape,
        dist.normal(0.0, 1.0),
        get_default_dtype(),
        generator,
        out,
        dtype,
        layout,
        device,
        requires_grad,
    )


def _sizes(name: str, size: tuple[Any, ...], named: dict[str, Any]) -> tuple[int, ...]:
    shape = sizes(name, size, named.pop("size", None))
    if named:
        raise TypeError(f"{name}() got an unexpected keyword argument '{next(iter(named))}'")
    return shape


def _ends(name: str, low: Any, high: Any) -> tuple[int, int]:
    """(low, high) of `f(high)` and `f(low, high)`; `high` None means that `low` is the end."""
    if high is None:
        return 0, whole(name, "high", 1, low)
    return whole(name, "low", 1, low), whole(name, "high", 2, high)


@function(spaces=("torch",))
def randint(
    *bounds: Any, low: Any = None, high: Any = None, size: Any = None, generator: Any = None, out: Any = None,
    dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """`randint(high, size)` or `randint(low, high, size)`: integers of [low, high), int64 unless given."""
    rest = list(bounds)
    if size is None and len(rest) > 1:
        size = rest.pop()
    given = [low] if low is not None else []
    given = [*rest, *given] if rest else given
    if high is not None:
        given.append(high)
    if not 1 <= len(given) <= 2 or size is None:
        names = ", ".join(type(b).__name__ for b in bounds)
        raise TypeError(
            f"randint() received an invalid combination of arguments - got ({names}), but expected one of:\n"
            " * (int high, tuple of ints size, *, torch.Generator generator = None, Tensor out = None, torch.dtype dtype = "
            "None, ...)\n * (int low, int high, tuple of ints size, *, torch.Generator generator = None, Tensor out = None, "
            "torch.dtype dtype = None, ...)\n"
        )
    if not isinstance(size, (tuple, list)):
        at = len(given) + 1
        raise TypeError(
            f"randint(): argument 'size' (position {at}) must be tuple of ints, not {type(size).__name__}"
        )
    draw = dist.integers(*_ends("randint", given[0], given[1] if len(given) > 1 else None))
    shape = sizes("randint", (size,))
    return _new("randint", shape, draw, dtypes.int64, generator, out, dtype, layout, device, requires_grad)


def _like(
    name: str, input: Any, draw: dist.Draw, generator: Any, dtype: Any, layout: Any, device: Any, requires_grad: bool,
    memory_format: Any,
) -> Tensor:  # fmt: skip
    require_tensor(name, input)
    given, where = options(name, dtype, device or input.device, layout, memory_format, input.ndim)
    shape = tuple(input.shape)
    fmt = "preserve_format" if memory_format is None else str(memory_format).removeprefix("torch.")
    strides = geometry(input)[1]
    if fmt == "contiguous_format":
        order = tuple(range(len(shape)))
    elif fmt == "preserve_format":
        order = _memory_order(shape, strides)
    else:  # channels last
        order = (0, *range(2, len(shape)), 1)
    drawn = _in_order(draw, source(name, generator, where), shape, given or input.dtype, order)
    return finish(name, from_host(drawn, where), requires_grad)


def _memory_order(shape: tuple[int, ...], strides: tuple[int, ...]) -> tuple[int, ...]:
    """Dimensions from outermost to innermost in memory; as they are where elements overlap or leave gaps."""
    order = sorted(range(len(shape)), key=lambda i: -strides[i] if shape[i] != 1 else 0)
    order = tuple(sorted(order, key=lambda i: -strides[i]))
    extent = 1 + sum((n - 1) * s for n, s in zip(shape, strides))
    return order if extent == math.prod(shape) else tuple(range(len(shape)))


def _in_order(
    draw: dist.Draw, g: Generator, shape: tuple[int, ...], d: dtype, order: tuple[int, ...]
) -> np.ndarray:
    """Draws element by element in memory order."""
    if order == tuple(range(len(shape))):
        return draw(g, shape, d)
    drawn = draw(g, tuple(shape[i] for i in order), d, False)
    return np.ascontiguousarray(drawn.transpose(np.argsort(order)))


@function(spaces=("torch",))
def rand_like(
    input: Tensor, *, generator: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False, memory_format: Any = None, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """Uniform on [0, 1), with the shape, dtype and device of `input` unless given."""
    draw = dist.uniform(0.0, 1.0)
    return _like("rand_like", input, draw, generator, dtype, layout, device, requires_grad, memory_format)


@function(spaces=("torch",))
def randn_like(
    input: Tensor, *, generator: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False, memory_format: Any = None, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """Standard normal, with the shape, dtype and device of `input` unless given."""
    draw = dist.normal(0.0, 1.0)
    return _like("randn_like", input, draw, generator, dtype, layout, device, requires_grad, memory_format)


@function(spaces=("torch",))
def randint_like(
    input: Tensor, low: Any = None, high: Any = None, *, generator: Any = None, dtype: Any = None, layout: Any = None,
    device: Any = None, requires_grad: bool = False, memory_format: Any = None, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """Integers of [0, low) or [low, high), with the shape, dtype and device of `input` unless given."""
    low, high = (high, None) if low is None else (low, high)
    draw = dist.integers(*_ends("randint_like", low, high))
    return _like("randint_like", input, draw, generator, dtype, layout, device, requires_grad, memory_format)


@function(spaces=("torch",))
def randperm(
    n: Any, *, generator: Any = None, out: Any = None, dtype: Any = dtypes.int64, layout: Any = None, device: Any = None,
    requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """A random permutation of 0 .. n-1, int64 unless given."""
    count = whole("randperm", "n", 1, n)
    if count < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension {count}: [{count}]")

    def draw(g: Generator, shape: tuple[int, ...], d: dtype) -> np.ndarray:
        if d is dtypes.bool_ or d.is_complex:
            raise not_implemented("randperm", d)
        if d.is_floating_point and count > (1 << dist.DIGITS[d.name]) + 1:
            raise RuntimeError(
                f"n cannot be greater than {(1 << dist.DIGITS[d.name]) + 1} for {scalar_name(d)} type."
            )
        if not d.is_floating_point and count > dist.largest(d) + 1:
            short = {"int32": "int"}.get(d.name, f"{d.name}_t")
            raise RuntimeError(f"value cannot be converted to type {short} without overflow")
        return g.randperm(count, d)

    if out is not None and dtype is dtypes.int64:
        dtype = None
    return _new(
        "randperm", (count,), draw, dtypes.int64, generator, out, dtype, layout, device, requires_grad
    )


# ---- distributions of tensors ------------------------------------------------------------------


def _drawn(name: str) -> Any:
    """A row that gives `drawn` and keeps `input` in the history: its gradient is zeros."""

    def row(input: Array, drawn: Array):
        return drawn

    return op(row, name=name, spaces=())


_DRAWN = {
    n: _drawn(n)
    for n in (
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
}


def _after(name: str, parents: tuple[Any, ...], drawn: np.ndarray, device: Any) -> Tensor:
    """The drawn tensor, taped with a gradient of zeros where a parent requires grad."""
    made = finish(name, from_host(drawn, device))
    for p in parents:
        if local.ctx.grad and isinstance(p, Tensor) and p.requires_grad:
            return _DRAWN[name](p, made)
    return made


@function()
def bernoulli(input: Tensor, p: Any = None, *, generator: Any = None, out: Any = None) -> Tensor:
    """0 or 1 for each element, 1 with the probability that `input` (or the number `p`) says, in `input`'s dtype."""
    require_tensor("bernoulli", input)
    draw = dist.bernoulli_of(input) if p is None else dist.bernoulli(float(number("bernoulli", "p", 2, p)))
    d = target_dtype("bernoulli", None, out, input.dtype)
    drawn = draw(source("bernoulli", generator, input.device), tuple(input.shape), d)
    if out is not None:
        return finish("bernoulli", from_host(drawn, input.device), out=out)
    return _after("bernoulli", (input,), drawn, input.device)


@function(spaces=("torch",))
def normal(
    mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, generator: Any = None, out: Any = None, dtype: Any = None,
    layout: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """Normal numbers: `normal(mean, std)` with at least one tensor, which broadcast, or `normal(mean, std, size)`.

    Raises:
        RuntimeError: a standard deviation is negative.
    """
    if not isinstance(mean, Tensor) and not isinstance(std, Tensor):
        if size is None:
            raise TypeError(
                f"normal() received an invalid combination of arguments - got ({type(mean).__name__}, "
                f"{type(std).__name__}), but expected one of:\n * (Tensor mean, Tensor std, ...)\n * (Tensor mean, float std "
                "= 1, ...)\n * (float mean, Tensor std, ...)\n * (float mean, float std, tuple of ints size, ...)\n"
            )
        draw = dist.normal(float(number("normal", "mean", 1, mean)), float(number("normal", "std", 2, std)))
        shape = sizes("normal", (size,))
        return _new(
            "normal", shape, draw, get_default_dtype(), generator, out, dtype, layout, device, requires_grad
        )
    lead = mean if isinstance(mean, Tensor) else std
    shapes = [tuple(x.shape) for x in (mean, std) if isinstance(x, Tensor)]
    deviation = None
    if isinstance(std, Tensor):
        if std.dtype.is_complex:
            raise RuntimeError("normal expects standard deviation to be non-complex")
        deviation = std._host()
        if not (deviation >= 0).all():
            raise RuntimeError("normal expects all elements of std >= 0.0")
    d, shape = target_dtype("normal", None, out, lead.dtype), broadcast(*shapes)
    draw = dist.normal(0.0, 1.0 if deviation is not None else float(number("normal", "std", 2, std)))
    drawn = draw(source("normal", generator, lead.device), shape, d)
    if deviation is not None:
        drawn = drawn * deviation.astype(d.jnp)
    drawn = drawn + (mean._host() if isinstance(mean, Tensor) else np.asarray(mean)).astype(d.jnp)
    if out is not None:
        return finish("normal", from_host(drawn, lead.device), out=out)
    return _after("normal", (mean, std), drawn, lead.device)


@function()
def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Any = None, out: Any = None
) -> Tensor:
    """Indices drawn by the weights in each row of `input` (k,) or (rows, k): int64 of shape (..., num_samples).

    Raises:
        RuntimeError: weights negative, not finite or all zero, or too few for draws without replacement.
    """
    require_tensor("multinomial", input)
    count = whole("multinomial", "num_samples", 2, num_samples)
    if not input.dtype.is_floating_point:
        raise RuntimeError(
            f"multinomial only supports floating-point dtypes for input, got: {scalar_name(input.dtype)}"
        )
    if target_dtype("multinomial", None, out, dtypes.int64) is not dtypes.int64:
        raise RuntimeError(f"multinomial expects Long tensor out, got: {scalar_name(out.dtype)}")
    if count <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    if input.ndim not in (1, 2):
        raise RuntimeError("prob_dist must be 1 or 2 dim")
    if not replacement and count > input.shape[-1]:
        raise RuntimeError("cannot sample n_sample > prob_dist.size(-1) samples without replacement")
    if input.shape[-1] > 1 << 24:
        raise RuntimeError("number of categories cannot exceed 2^24")
    weights = input._host()
    _check_weights(weights.astype(np.float64), replacement and count > 1)
    drawn = source("multinomial", generator, input.device).multinomial(weights, count, bool(replacement))
    return finish("multinomial", from_host(drawn, input.device), out=out)


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
    require_tensor("poisson", input)
    if not input.dtype.is_floating_point:
        raise not_implemented("poisson_cpu", input.dtype)
    rates = input._host()
    if not (rates >= 0).all():
        raise RuntimeError("invalid Poisson rate, expected rate to be non-negative")
    drawn = source("poisson", generator, input.device).poisson(rates)
    return _after("poisson", (input,), drawn, input.device)


# ---- in place ------------------------------------------------------------------------------------


def _refill(name: str, self: Tensor, draw: dist.Draw, generator: Any) -> Tensor:
    """Overwrites `self` with draws, element by element as it lies in memory."""
    check_inplace(self)
    g = source(name, generator, self.device)
    shape, strides, _ = geometry(self)
    if any(s == 0 and n > 1 for n, s in zip(shape, strides)):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
            "Please clone() the tensor before performing the operation."
        )
    d = self.dtype
    order = _memory_order(shape, strides)
    plain = order == tuple(range(len(shape)))
    if not math.prod(shape):
        draw(g, shape, d)  # for its checks
        return self
    drawn = draw(g, shape, d, _dense(shape, strides)) if plain else _in_order(draw, g, shape, d, order)
    value = from_host(drawn, self.device)
    if local.ctx.grad and self.requires_grad:
        made = _DRAWN[name[:-1]](self, Tensor._from_value(value))
        self._assign(made._read(), made._edge())
    else:
        self._write(value)
    return self


def _dense(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    """Whether elements lie one after the other."""
    expected = 1
    for n, s in zip(reversed(shape), reversed(strides)):
        if n != 1 and s != expected:
            return False
        expected *= n
    return True


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
        return _refill("random_", self, dist.all_integers, generator)
    low = _int64(found.get("from", 0), "from")
    high = found.get("to")
    draw = dist.integers_from(low) if high is None else dist.integers(low, _int64(high, "to"))
    return _refill("random_", self, draw, generator)


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
        return _refill("bernoulli_", self, dist.bernoulli_of(p), generator)
    return _refill("bernoulli_", self, dist.bernoulli(float(number("bernoulli_", "p", 1, p))), generator)


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
