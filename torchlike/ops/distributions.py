"""What can be drawn: makers of `draw(generator, shape, dtype)` functions that check as PyTorch does.

A maker checks the distribution's numbers, the function it returns the dtype.
`dense=False` tells a draw that the elements do not lie one after the other.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import ml_dtypes
import numpy as np

from .._core import dtypes
from .._core.dtypes import dtype
from .._core.random import Generator
from .._core.tensor import Tensor
from .numbers import overflow
from .validate import c_name, not_implemented, scalar_name

Draw = Callable[..., np.ndarray]
DIGITS = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}


def uniform(low: float, high: float) -> Draw:
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
            raise RuntimeError(
                f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}"
            )
        if high - low > most:
            raise RuntimeError(
                f"uniform_ expects to-from <= std::numeric_limits<{scalar_name(d)}>::max(), but found "
                f"to={high:g} and "
                f"from={low:g} which result in to-from to exceed the limit"
            )
        return g.uniform(shape, d, low, high)

    return draw


def normal(mean: float, std: float) -> Draw:
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


def integers(low: int, high: int) -> Draw:
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


def integers_from(low: int) -> Draw:
    """From `low` to the dtype's largest (2**digits for floating ones); from -2**63: any 64 bits."""

    def draw(g: Generator, shape: tuple[int, ...], d: dtype, dense: bool = True) -> np.ndarray:
        if low == -(1 << 63):
            if d not in (dtypes.int64, dtypes.float64, dtypes.float32, dtypes.bfloat16):
                raise RuntimeError(
                    "random_full_64_bits_range_kernel_cpu handles only int64, double, float and bfloat16"
                )
            return g.randint(low, 1 << 63, shape, d)
        start = low
        if d.is_floating_point:
            start, last = _inside(low, 1, d)[0], 1 << DIGITS[d.name]
            if start >= last:
                raise RuntimeError(
                    "random_ expects 'from' casted to dtype to be less than or equal to 'to_inc' casted to "
                    "dtype, but got "
                    f"from={start} > to_inc={last}"
                )
        else:
            last = 1 if d is dtypes.bool_ else largest(d)
        _check_range(start, last, d)
        return g.randint(start, last + 1, shape, d)

    return draw


def all_integers(g: Generator, shape: tuple[int, ...], d: dtype, dense: bool = True) -> np.ndarray:
    if d.is_complex or d in (dtypes.uint16, dtypes.uint32, dtypes.uint64):
        raise not_implemented("random_kernel_cpu", d)
    return g.random(shape, d)


def check_order(count: int, d: dtype) -> None:
    """Raises unless dtype `d` holds 0 .. count-1 (randperm)."""
    if d is dtypes.bool_ or d.is_complex:
        raise not_implemented("randperm", d)
    if d.is_floating_point and d is not dtypes.bfloat16 and count > (1 << DIGITS[d.name]) + 1:
        raise RuntimeError(f"n cannot be greater than {(1 << DIGITS[d.name]) + 1} for {scalar_name(d)} type.")
    if not d.is_floating_point and count > largest(d) + 1:
        raise overflow({"int32": "int"}.get(d.name, f"{d.name}_t"))


def largest(d: dtype) -> int:
    return min(int(np.iinfo(d.jnp).max), (1 << 63) - 1)


def _inside(low: int, high: int, d: dtype) -> tuple[int, int]:
    """The range moved inwards to integers that stay in it when rounded to a floating dtype."""

    def rounded(n: int) -> int:
        with np.errstate(over="ignore"):
            f = float(np.float64(n).astype(d.jnp))
        return int(f) if math.isfinite(f) else (1 << 63) * (1 if f > 0 else -1)

    ulp = DIGITS[d.name] - 1
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
    most: float = (
        1 if d is dtypes.bool_ else float(ml_dtypes.finfo(d.jnp).max) if d.is_floating_point else largest(d)
    )
    least = -most if d.is_floating_point else 0 if not d.is_signed else -most - 1
    for which, n in (("from", first), ("to - 1", last)):
        if not least <= n <= most:
            raise RuntimeError(f"{which} is out of bounds for {_C_NAMES.get(d.name) or c_name(d)}")
        if d.is_floating_point and abs(n) > 1 << DIGITS[d.name]:
            digits = DIGITS[d.name]
            warnings.warn(
                f"{which} is out of bounds [-(2^{digits}), 2^{digits}]. Due to precision limitations "
                f"{c_name(d)} can "
                "support discrete uniform distribution only within this range. This warning will become an "
                "error in "
                "version 1.7 release, please fix the code in advance",
                UserWarning,
                stacklevel=4,
            )


_C_NAMES = {"int64": "long int"}


def continuous(title: str, method: str, *numbers: float) -> Draw:
    """A distribution of floating tensors only; `title` names it in the error."""

    def draw(g: Generator, shape: tuple[int, ...], d: dtype, dense: bool = True) -> np.ndarray:
        if not d.is_floating_point:
            if title.endswith("_cpu"):
                raise not_implemented(title, d)
            kind = scalar_name(d) if method == "exponential" else c_name(d)
            raise RuntimeError(
                f"{title} distribution is a continuous probability distribution. dtype must be a floating "
                "point but you "
                f"specified {kind}"
            )
        return getattr(g, method)(shape, d, *numbers)

    return draw


def geometric(p: float) -> Draw:
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p:g}")

    def draw(g: Generator, shape: tuple[int, ...], d: dtype, dense: bool = True) -> np.ndarray:
        if d.is_complex or d is dtypes.bool_:
            raise not_implemented("geometric_cpu", d)
        return g.geometric(shape, d, p)

    return draw


def bernoulli(p: float) -> Draw:
    if not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p:g}")

    def draw(g: Generator, shape: tuple[int, ...], d: dtype, dense: bool = True) -> np.ndarray:
        if d.is_complex:
            raise not_implemented("bernoulli_scalar_cpu_", d)
        return g.bernoulli(shape, p, d)

    return draw


def bernoulli_of(p: Tensor) -> Draw:
    """Each element with its own probability."""
    if not p.dtype.is_floating_point:
        raise not_implemented(f"bernoulli_tensor_cpu_{'self' if p.dtype.is_complex else 'p'}_", p.dtype)
    data = p._host()
    if not ((data >= 0) & (data <= 1)).all():
        raise RuntimeError(
            "Expected p_in >= 0 && p_in <= 1 to be true, but got false.  (Could this error message be "
            "improved?  If so, "
            "please report an enhancement request to PyTorch.)"
        )

    def draw(g: Generator, shape: tuple[int, ...], d: dtype, dense: bool = True) -> np.ndarray:
        if d.is_complex:
            raise not_implemented("bernoulli_tensor_cpu_self_", d)
        return g.bernoulli(shape, data, d)

    return draw


def truncated_normal(mean: float, std: float, low: float, high: float) -> Draw:
    """Normal numbers conditioned on [low, high] (`nn.init.trunc_normal_`): all are redrawn until each fits.

    Where the interval holds little of the mass, uniform candidates are accepted in proportion to the density.
    """

    def below(x: float) -> float:
        return (1.0 + math.erf((x - mean) / std / math.sqrt(2.0))) / 2.0

    def from_normals(g: Generator, shape: tuple[int, ...], d: dtype) -> np.ndarray:
        least, most = d.jnp.type(low), d.jnp.type(high)
        found = g.normal(shape, d, mean, std)
        while (outside := (found < least) | (found > most)).any():
            found = np.where(outside, g.normal(shape, d, mean, std), found)
        return found

    def from_candidates(g: Generator, shape: tuple[int, ...], d: dtype) -> np.ndarray:
        peak = -0.5 * ((max(low, min(mean, high)) - mean) / std) ** 2
        found, pending = g.uniform(shape, d, low, high), None
        candidates = found
        while True:
            density = ((candidates - d.jnp.type(mean)) / d.jnp.type(std)) ** 2 * d.jnp.type(
                -0.5
            ) - d.jnp.type(peak)
            with np.errstate(divide="ignore"):
                rejected = np.log(g.uniform(shape, d)) > density
            pending = rejected if pending is None else pending & rejected
            if not pending.any():
                return found
            candidates = g.uniform(shape, d, low, high)
            found = np.where(pending, candidates, found)

    def draw(g: Generator, shape: tuple[int, ...], d: dtype, dense: bool = True) -> np.ndarray:
        if not d.is_floating_point:
            raise not_implemented("normal_kernel_cpu", d)
        return (from_normals if below(high) - below(low) > 0.3 else from_candidates)(g, shape, d)

    return draw
