"""Random tensors: rand, randn, randint, ..., the distributions, and the in-place samplers of Tensor.

Draws are made on the host by a `Generator` (PyTorch's CPU streams) and give
concrete tensors; nothing here is recorded, but for the gradients (zeros) of
`bernoulli`, `normal` and `poisson`.
"""

from __future__ import annotations

import math
import warnings
from typing import Any, Callable

import jax.numpy as jnp
import ml_dtypes
import numpy as np

from .._core import dtypes
from .._core.dtypes import dtype, get_default_dtype
from .._core.modes import local
from .._core.random import Generator, generator_for
from .._core.registry import Array, check_inplace, function, op
from .._core.tensor import Tensor
from .factory import finish, from_host, number, options, require_tensor, sizes, target_dtype, whole
from .validate import broadcast, c_name, not_implemented, scalar_name
from .view import geometry

Draw = Callable[..., np.ndarray]
_DIGITS = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}


def source(name: str, generator: Any, device: Any) -> Generator:
    """The generator to draw from: the given one, else the default one of the device.

    Raises:
        TypeError: `generator` is no Generator.
        RuntimeError: it is of another device.
    """
    if generator is None:
        return generator_for(device)
    if not isinstance(generator, Generator):
        raise TypeError(f"{name}(): argument 'generator' must be torch.Generator, not {type(generator).__name__}")
    if generator.device.type != device.type:
        raise RuntimeError(
            f"Expected a '{device.type}' device type for generator but found '{generator.device.type}'"
        )
    return generator


# ---- what is drawn: `draw(generator, shape, dtype)`, arguments checked ---------------------


def _uniform(low: float, high: float) -> Draw:
    def draw(g: Generator, shape: tuple[int, ...], d: dtype, dense: bool = True) -> np.ndarray:
        if d.is_complex:
            return _paired(draw(g, (*shape, 2), d.to_real()), d)
        if not d.is_floating_point:
            raise not_implemented("check_uniform_bounds", d)
        most = float(ml_dtypes.finfo(d.jnp).max)
        for which, bound in (("from", low), ("to", high)):
            if not -most <= bound <= most:
                raise RuntimeError(f"{which} is out of bounds for {c_name(d)}")
        if low > high:
            raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}")
        if high - low > most:
            raise RuntimeError(
                f"uniform_ expects to-from <= std::numeric_limits<{scalar_name(d)}>::max(), but found to={high:g} and "
                f"from={low:g} which result in to-from to exceed the limit"
            )
        return g.uniform(shape, d, low, high)

    return draw


def _normal(mean: float, std: float) -> Draw:
    if not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")

    def draw(g: Generator, shape: tuple[int, ...], d: dtype, dense: bool = True) -> np.ndarray:
        if d.is_complex:
            return _paired(g.normal((*shape, 2), d.to_real(), mean, std / math.sqrt(2), dense), d)
        if not d.is_floating_point:
            raise not_implemented("normal_kernel_cpu", d)
        return g.normal(shape, d, mean, std, dense)

    return draw


def _paired(parts: np.ndarray, d: dtype) -> np.ndarray:
    """(..., 2) real and imaginary parts as complex numbers."""
    return parts.view(d.jnp)[..., 0]


def _integers(low: int, high: int) -> Draw:
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")

    def draw(g: Generator, shape: tuple[int, ...], d: dtype, dense: bool = True) -> np.ndarray:
        start, end = low, high
        if d.is_floating_point:
            start, end = _inside(low, high, d)
            if start >= end:
                raise RuntimeError(
                    "random_ expects 'from' casted to dtype to be less than 'to' casted to dtype, but got "
                    f"from={start} >= to={end}"
                )
        _check_range(start, end - 1, d)
        return g.randint(start, end, shape, d)

    return draw


def _integers_from(low: int) -> Draw:
    """From `low` to the dtype's largest (2**digits for floating ones); from -2**63: any 64 bits."""

    def draw(g: Generator, shape: tuple[int, ...], d: dtype, dense: bool = True) -> np.ndarray:
        if low == -(1 << 63):
            if d not in (dtypes.int64, dtypes.float64, dtypes.float32, dtypes.bfloat16):
                raise RuntimeError("random_full_64_bits_range_kernel_cpu handles only int64, double, float and bfloat16")
            return g.randint(low, 1 << 63, shape, d)
        start = low
        if d.is_floating_point:
            start, last = _inside(low, 1, d)[0], 1 << _DIGITS[d.name]
            if start >= last:
                raise RuntimeError(
                    "random_ expects 'from' casted to dtype to be less than or equal to 'to_inc' casted to dtype, but got "
                    f"from={start} > to_inc={last}"
                )
        else:
            last = 1 if d is dtypes.bool_ else _largest(d)
        _check_range(start, last, d)
        return g.randint(start, last + 1, shape, d)

    return draw


def _all_integers(g: Generator, shape: tuple[int, ...], d: dtype, dense: bool = True) -> np.ndarray:
    if d.is_complex or d in (dtypes.uint16, dtypes.uint32, dtypes.uint64):
        raise not_implemented("random_kernel_cpu", d)
    return g.random(shape, d)


def _largest(d: dtype) -> int:
    return min(int(np.iinfo(d.jnp).max), (1 << 63) - 1)


def _inside(low: int, high: int, d: dtype) -> tuple[int, int]:
    """The range moved inwards to integers that stay in it when rounded to a floating dtype."""

    def rounded(n: int) -> int:
        f = float(np.asarray(n, np.float64).astype(d.jnp)) if abs(n) < 1 << 53 else float(np.float64(n).astype(d.jnp))
        return int(f) if math.isfinite(f) else (1 << 63) * (1 if f > 0 else -1)

    ulp = _DIGITS[d.name] - 1
    up, down = rounded(low + 1), rounded(high - 1)
    if up < low:
        low = up + (1 << max(abs(low + 1).bit_length() - 1 - ulp, 0))
    if down >= high:
        high = down - (1 << max(abs(high - 1).bit_length() - 1 - ulp, 0))
    return low, high


def _check_range(first: int, last: int, d: dtype) -> None:
    """PyTorch's bounds: an error outside the dtype, a warning where a floating dtype skips integers."""
    if d.is_complex:
        raise RuntimeError("check_random_bounds handles only integral, floating-point and boolean types")
    most: float = 1 if d is dtypes.bool_ else float(ml_dtypes.finfo(d.jnp).max) if d.is_floating_point else _largest(d)
    least = -most if d.is_floating_point else 0 if not d.is_signed else -most - 1
    for which, n in (("from", first), ("to - 1", last)):
        if not least <= n <= most:
            raise RuntimeError(f"{which} is out of bounds for {_C_NAMES.get(d.name) or c_name(d)}")
        if d.is_floating_point and abs(n) > 1 << _DIGITS[d.name]:
            digits = _DIGITS[d.name]
            warnings.warn(
                f"{which} is out of bounds [-(2^{digits}), 2^{digits}]. Due to precision limitations {c_name(d)} can "
                "support discrete uniform distribution only within this range. This warning will become an error in "
                "version 1.7 release, please fix the code in advance",
                UserWarning,
                stacklevel=4,
            )


_C_NAMES = {"int64": "long int"}


def _continuous(title: str, method: str, *numbers: float) -> Draw:
    """A distribution of floating tensors only; `title` names it in the error."""

    def draw(g: Generator, shape: tuple[int, ...], d: dtype, dense: bool = True) -> np.ndarray:
        if not d.is_floating_point:
            if title.endswith("_cpu"):
                raise not_implemented(title, d)
            kind = scalar_name(d) if method == "exponential" else c_name(d)
            raise RuntimeError(
                f"{title} distribution is a continuous probability distribution. dtype must be a floating point but you "
                f"specified {kind}"
            )
        return getattr(g, method)(shape, d, *numbers)

    return draw


def _geometric(p: float) -> Draw:
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p:g}")

    def draw(g: Generator, shape: tuple[int, ...], d: dtype, dense: bool = True) -> np.ndarray:
        if d.is_complex or d is dtypes.bool_:
            raise not_implemented("geometric_cpu", d)
        return g.geometric(shape, d, p)

    return draw


def _bernoulli(p: float) -> Draw:
    if not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p:g}")

    def draw(g: Generator, shape: tuple[int, ...], d: dtype, dense: bool = True) -> np.ndarray:
        if d.is_complex:
            raise not_implemented("bernoulli_scalar_cpu_", d)
        return g.bernoulli(shape, p, d)

    return draw


def _bernoulli_of(p: Tensor) -> Draw:
    """Each element with its own probability."""
    if not p.dtype.is_floating_point:
        raise not_implemented("bernoulli_tensor_cpu_p_", p.dtype)
    data = p._host()
    if not ((data >= 0) & (data <= 1)).all():
        raise RuntimeError(
            "Expected p_in >= 0 && p_in <= 1 to be true, but got false.  (Could this error message be improved?  If so, "
            "please report an enhancement request to PyTorch.)"
        )

    def draw(g: Generator, shape: tuple[int, ...], d: dtype, dense: bool = True) -> np.ndarray:
        if d.is_complex:
            raise not_implemented("bernoulli_tensor_cpu_self_", d)
        return g.bernoulli(shape, data, d)

    return draw


# ---- new tensors -----------------------------------------------------------------------------


def _new(
    name: str, shape: tuple[int, ...], draw: Draw, default: dtype, generator: Any, out: Any, dtype: Any, layout: Any,
    device: Any, requires_grad: bool,
) -> Tensor:  # fmt: skip
    given, where = options(name, dtype, device, layout)
    d = target_dtype(given, out, default)
    drawn = draw(source(name, generator, where), shape, d)
    return finish(name, from_host(drawn, where), requires_grad, out, given)


@function(spaces=("torch",))
def rand(
    *size: Any, generator: Any = None, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False, pin_memory: bool = False, **named: Any,
) -> Tensor:  # fmt: skip
    """A tensor of `size`, uniform on [0, 1)."""
    shape = _sizes("rand", size, named)
    return _new("rand", shape, _uniform(0.0, 1.0), get_default_dtype(), generator, out, dtype, layout, device, requires_grad)


@function(spaces=("torch",))
def randn(
    *size: Any, generator: Any = None, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False, pin_memory: bool = False, **named: Any,
) -> Tensor:  # fmt: skip
    """A tensor of `size`, standard normal (complex: both parts with variance 1/2)."""
    shape = _sizes("randn", size, named)
    return _new("randn", shape, _normal(0.0, 1.0), get_default_dtype(), generator, out, dtype, layout, device, requires_grad)


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
        raise TypeError(f"randint(): argument 'size' (position {at}) must be tuple of ints, not {type(size).__name__}")
    draw = _integers(*_ends("randint", given[0], given[1] if len(given) > 1 else None))
    shape = sizes("randint", (size,))
    return _new("randint", shape, draw, dtypes.int64, generator, out, dtype, layout, device, requires_grad)


def _like(
    name: str, input: Any, draw: Draw, generator: Any, dtype: Any, layout: Any, device: Any, requires_grad: bool,
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


def _in_order(draw: Draw, g: Generator, shape: tuple[int, ...], d: dtype, order: tuple[int, ...]) -> np.ndarray:
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
    draw = _uniform(0.0, 1.0)
    return _like("rand_like", input, draw, generator, dtype, layout, device, requires_grad, memory_format)


@function(spaces=("torch",))
def randn_like(
    input: Tensor, *, generator: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False, memory_format: Any = None, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """Standard normal, with the shape, dtype and device of `input` unless given."""
    draw = _normal(0.0, 1.0)
    return _like("randn_like", input, draw, generator, dtype, layout, device, requires_grad, memory_format)


@function(spaces=("torch",))
def randint_like(
    input: Tensor, low: Any = None, high: Any = None, *, generator: Any = None, dtype: Any = None, layout: Any = None,
    device: Any = None, requires_grad: bool = False, memory_format: Any = None, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """Integers of [0, low) or [low, high), with the shape, dtype and device of `input` unless given."""
    low, high = (high, None) if low is None else (low, high)
    draw = _integers(*_ends("randint_like", low, high))
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
        if d.is_floating_point and count > (1 << _DIGITS[d.name]) + 1:
            raise RuntimeError(f"n cannot be greater than {(1 << _DIGITS[d.name]) + 1} for {scalar_name(d)} type.")
        if not d.is_floating_point and count > _largest(d) + 1:
            short = {"int32": "int"}.get(d.name, f"{d.name}_t")
            raise RuntimeError(f"value cannot be converted to type {short} without overflow")
        return g.randperm(count, d)

    if out is not None and dtype is dtypes.int64:
        dtype = None
    return _new("randperm", (count,), draw, dtypes.int64, generator, out, dtype, layout, device, requires_grad)


# ---- distributions of tensors ------------------------------------------------------------------


@op(spaces=(), name="normal", grad_name="NormalBackward0")
def _drawn_normal(input: Array, drawn: Array):
    return drawn


@op(spaces=(), name="bernoulli", grad_name="BernoulliBackward0")
def _drawn_bernoulli(input: Array, drawn: Array):
    return drawn


@op(spaces=(), name="poisson", grad_name="PoissonBackward0")
def _drawn_poisson(input: Array, drawn: Array):
    return drawn


def _after(row: Any, parents: tuple[Any, ...], drawn: np.ndarray, device: Any) -> Tensor:
    """The drawn tensor, taped with a gradient of zeros where a parent requires grad."""
    made = finish(row.op.name, from_host(drawn, device))
    for p in parents:
        if local.ctx.grad and isinstance(p, Tensor) and p.requires_grad:
            return row(p, made)
    return made


@function()
def bernoulli(input: Tensor, p: Any = None, *, generator: Any = None, out: Any = None) -> Tensor:
    """0 or 1 for each element, 1 with the probability that `input` (or the number `p`) says, in `input`'s dtype."""
    require_tensor("bernoulli", input)
    draw = _bernoulli_of(input) if p is None else _bernoulli(float(number("bernoulli", "p", 2, p)))
    d = out.dtype if isinstance(out, Tensor) else input.dtype
    drawn = draw(source("bernoulli", generator, input.device), tuple(input.shape), d)
    if out is not None:
        return finish("bernoulli", from_host(drawn, input.device), out=out)
    return _after(_drawn_bernoulli, (input,), drawn, input.device)


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
        draw = _normal(float(number("normal", "mean", 1, mean)), float(number("normal", "std", 2, std)))
        shape = sizes("normal", (size,))
        return _new("normal", shape, draw, get_default_dtype(), generator, out, dtype, layout, device, requires_grad)
    lead = mean if isinstance(mean, Tensor) else std
    shapes = [tuple(x.shape) for x in (mean, std) if isinstance(x, Tensor)]
    deviation = None
    if isinstance(std, Tensor):
        if std.dtype.is_complex:
            raise RuntimeError("normal expects standard deviation to be non-complex")
        deviation = std._host()
        if not (deviation >= 0).all():
            raise RuntimeError("normal expects all elements of std >= 0.0")
    d, shape = out.dtype if isinstance(out, Tensor) else lead.dtype, broadcast(*shapes)
    draw = _normal(0.0, 1.0 if deviation is not None else float(number("normal", "std", 2, std)))
    drawn = draw(source("normal", generator, lead.device), shape, d)
    if deviation is not None:
        drawn = drawn * deviation.astype(d.jnp)
    drawn = drawn + (mean._host() if isinstance(mean, Tensor) else np.asarray(mean)).astype(d.jnp)
    if out is not None:
        return finish("normal", from_host(drawn, lead.device), out=out)
    return _after(_drawn_normal, (mean, std), drawn, lead.device)


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
        raise RuntimeError(f"multinomial only supports floating-point dtypes for input, got: {scalar_name(input.dtype)}")
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
    return _after(_drawn_poisson, (input,), drawn, input.device)


# ---- in place ------------------------------------------------------------------------------------


def _refill(name: str, self: Tensor, draw: Draw, generator: Any) -> Tensor:
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
        self.mul_(0).copy_(Tensor._from_value(value))
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
    return _refill("uniform_", self, _uniform(low, high), generator)


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
    draw = _normal(float(number("normal_", "mean", 1, mean)), float(number("normal_", "std", 2, std)))
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
        return _refill("random_", self, _all_integers, generator)
    low = _int64(found.get("from", 0), "from")
    high = found.get("to")
    draw = _integers_from(low) if high is None else _integers(low, _int64(high, "to"))
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
        return _refill("bernoulli_", self, _bernoulli_of(p), generator)
    return _refill("bernoulli_", self, _bernoulli(float(number("bernoulli_", "p", 1, p))), generator)


@function(spaces=("Tensor",))
def exponential_(self: Tensor, lambd: Any = 1.0, *, generator: Any = None) -> Tensor:
    """Fills self with exponential numbers of rate `lambd`."""
    rate = float(number("exponential_", "lambd", 1, lambd))
    if not rate > 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={rate:g}")
    return _refill("exponential_", self, _continuous("Exponential", "exponential", rate), generator)


@function(spaces=("Tensor",))
def cauchy_(self: Tensor, median: Any = 0.0, sigma: Any = 1.0, *, generator: Any = None) -> Tensor:
    """Fills self with Cauchy numbers."""
    width = float(number("cauchy_", "sigma", 2, sigma))
    if not width > 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={width:g}")
    draw = _continuous("Cauchy", "cauchy", float(number("cauchy_", "median", 1, median)), width)
    return _refill("cauchy_", self, draw, generator)


@function(spaces=("Tensor",))
def log_normal_(self: Tensor, mean: Any = 1.0, std: Any = 2.0, *, generator: Any = None) -> Tensor:
    """Fills self with `exp` of normal numbers of `mean` and `std`."""
    deviation = float(number("log_normal_", "std", 2, std))
    if not deviation > 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={deviation:g}")
    draw = _continuous("log_normal_cpu", "log_normal", float(number("log_normal_", "mean", 1, mean)), deviation)
    return _refill("log_normal_", self, draw, generator)


@function(spaces=("Tensor",))
def geometric_(self: Tensor, p: Any, *, generator: Any = None) -> Tensor:
    """Fills self with the numbers of trials up to the first success of probability `p`."""
    return _refill("geometric_", self, _geometric(float(number("geometric_", "p", 1, p))), generator)
