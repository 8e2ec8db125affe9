"""PyTorch's CPU distributions over a Mersenne Twister, in NumPy.

Every draw consumes the stream in PyTorch's order and turns its words into
numbers by PyTorch's rules, so a seeded script sees PyTorch's numbers: bit for
bit where they are made of integers, to rounding where they pass through libm.
Where PyTorch's CPU builds differ, the rule is the one that does not depend on
the processor (`bernoulli` and `exponential` take words per element).

Dtypes may be torchlike's or NumPy's. Arguments are not checked here
(`ops/random.py` does, with PyTorch's messages).
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from . import dtypes
from .mt19937 import MT19937
from .poisson import Ahead, poisson
from .rejection import binomial, gamma

_CHUNK = 1 << 15  # elements worked on at a time: they stay in the cache
_WIDE = 1 << 28  # integer ranges from here on take 64-bit words
_WIDE_PERM = (1 << 32) // 20 - 1  # so do permutations of this length
_TWO_PI = 2.0 * math.pi
_DIGITS = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}


def numpy_dtype(dtype: Any) -> np.dtype:
    """The NumPy dtype of a torchlike or NumPy dtype."""
    return dtype.jnp if isinstance(dtype, dtypes.dtype) else np.dtype(dtype)


def _size(shape: Any) -> int:
    return math.prod(shape)


class Draws:
    """Streams of numbers; each method returns a new array and advances the state.

    Args:
        seed: where the stream starts.
    """

    def __init__(self, seed: int):
        self._lock = threading.RLock()
        self._engine = MT19937(seed)
        self._next_normal: float | None = None  # the second of a pair of normals

    # ---- words -------------------------------------------------------------------

    def bits(self, n: int) -> np.ndarray:
        """The next `n` 32-bit words, uint32."""
        with self._lock:
            return self._engine.words(n)

    def bits64(self, n: int) -> np.ndarray:
        """`n` 64-bit words, uint64, each of two 32-bit words (the high one first)."""
        pairs = self.bits(2 * n).astype("<u4", copy=False).view("<u8")
        return pairs << np.uint64(32) | pairs >> np.uint64(32)

    def random_seed64(self) -> int:
        """What `torch.empty((), dtype=torch.int64).random_().item()` draws: samplers are seeded with it."""
        return int(self.random((), np.int64))

    def key(self) -> np.ndarray:
        """Data of a threefry key for draws inside a step: uint32 of shape (2,), two words of the stream."""
        return self.bits(2)

    # ---- uniform -----------------------------------------------------------------

    def uniform(self, shape: Any, dtype: Any = np.float32, low: float = 0.0, high: float = 1.0) -> np.ndarray:
        """Uniform on [low, high): 53 bits for float64, 24 bits (then rounded) for narrower dtypes."""
        d = numpy_dtype(dtype)
        out = np.empty(_size(shape), d)
        fill = _scale64 if d == np.float64 else _scale32 if d == np.float32 else _scale16
        with self._lock:
            for part in _chunks(out):
                unit = self._unit64(part.size) if d == np.float64 else self._unit32(part.size)
                fill(unit, low, high, part)
        return out.reshape(shape)

    def _unit32(self, n: int) -> np.ndarray:
        """float32 on [0, 1) with 24 bits: the low ones of a word."""
        words = self.bits(n)
        words &= 0xFFFFFF
        return np.multiply(words.view(np.int32), 2.0**-24, dtype=np.float32, casting="unsafe")

    def _unit64(self, n: int) -> np.ndarray:
        """float64 on [0, 1) with 53 bits: the low ones of a 64-bit word."""
        words = self.bits64(n)
        words &= np.uint64((1 << 53) - 1)
        return words.view(np.int64) * 2.0**-53

    # ---- normal ------------------------------------------------------------------

    def normal(
        self, shape: Any, dtype: Any = np.float32, mean: float = 0.0, std: float = 1.0, blocks: bool = True
    ) -> np.ndarray:
        """Normal with `mean` and `std`, by Box and Muller (1958).

        From 16 elements on, each block of 16 uniforms gives 16 normals (8 radii, then 8 angles);
        a rest shorter than 16 draws the last 16 elements anew. Fewer elements, or
        `blocks=False` (memory that is not contiguous), take float64 pairs, whose second
        number waits for the next call.
        """
        d, n = numpy_dtype(dtype), _size(shape)
        with self._lock:
            if n < 16 or not blocks:
                out = (self._paired_normals(n) * std + mean).astype(d)
            else:
                out = self._block_normals(n, d, mean, std)
        return out.reshape(shape)

    def _block_normals(self, n: int, d: np.dtype, mean: float, std: float) -> np.ndarray:
        narrow = d.itemsize < 4  # keeps no uniforms: none are drawn for the rest at first
        work = np.float64 if d == np.float64 else np.float32
        unit = self._unit64 if d == np.float64 else self._unit32
        out = np.empty(n, d)
        whole = n - n % 16
        for part in _chunks(out[:whole]):
            _box_muller(unit(part.size), work(mean), work(std), part)
        if n % 16:
            if not narrow:
                self.bits((n % 16) * (2 if d == np.float64 else 1))
            _box_muller(unit(16), work(mean), work(std), out[n - 16 :])
        return out

    def _paired_normals(self, n: int) -> np.ndarray:
        """`n` standard normals, float64, in pairs of (cosine, sine)."""
        out = np.empty(n)
        start = 0
        if n and self._next_normal is not None:
            out[0], self._next_normal, start = self._next_normal, None, 1
        pairs = (n - start + 1) // 2
        z = _pairs(self._unit64(2 * pairs))
        out[start:] = z[: n - start]
        if (n - start) % 2:
            self._next_normal = float(z[-1])
        return out

    def log_normal(
        self, shape: Any, dtype: Any = np.float32, mean: float = 1.0, std: float = 2.0
    ) -> np.ndarray:
        """`exp` of normals with `mean` and `std`, by float64 pairs."""
        with self._lock:
            z = self._paired_normals(_size(shape))
        with np.errstate(over="ignore"):
            return np.exp(z * std + mean).astype(numpy_dtype(dtype)).reshape(shape)

    # ---- by inversion of a float64 uniform --------------------------------------

    def _inverted(self, shape: Any, dtype: Any, inverse: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        out = np.empty(_size(shape), numpy_dtype(dtype))
        with self._lock, np.errstate(divide="ignore", over="ignore"):
            for part in _chunks(out):
                part[...] = inverse(self._unit64(part.size))
        return out.reshape(shape)

    def exponential(self, shape: Any, dtype: Any = np.float32, rate: float = 1.0) -> np.ndarray:
        """Exponential with `rate`: `-log(1 - u) / rate`."""
        return self._inverted(shape, dtype, lambda u: -1.0 / rate * np.log1p(-u))

    def cauchy(
        self, shape: Any, dtype: Any = np.float32, median: float = 0.0, sigma: float = 1.0
    ) -> np.ndarray:
        """Cauchy: `median + sigma * tan(pi * (u - 1/2))`."""
        return self._inverted(shape, dtype, lambda u: median + sigma * np.tan(math.pi * (u - 0.5)))

    def geometric(self, shape: Any, dtype: Any = np.float32, p: float = 0.5) -> np.ndarray:
        """Trials up to the first success of probability `p`: `ceil(log(u) / log(1 - p))`."""
        return self._inverted(shape, dtype, lambda u: np.ceil(np.log(u) / math.log1p(-p)))

    def bernoulli(self, shape: Any, p: Any, dtype: Any = np.float32) -> np.ndarray:
        """1 with probability `p` (a number, or an array that broadcasts to `shape`), else 0.

        A number or a float64 array takes 53-bit uniforms, an array of a narrower dtype 24-bit ones.
        """
        if not isinstance(p, np.ndarray):
            return self._inverted(shape, dtype, lambda u: u < p)
        wide, n = p.dtype == np.float64, _size(shape)
        u = self._unit64(n) if wide else self._unit32(n)
        return (u.reshape(shape) < (p if wide else p.astype(np.float32))).astype(numpy_dtype(dtype))

    # ---- integers ----------------------------------------------------------------

    def randint(self, low: int, high: int, shape: Any, dtype: Any = np.int64) -> np.ndarray:
        """Integers of [low, high): a word modulo the range, a 64-bit word from a range of 2**28 on."""
        spread, n = high - low, _size(shape)
        if spread >= _WIDE:
            words = self.bits64(n)
            if spread < 1 << 64:  # else every word is a result, as it stands
                words %= np.uint64(spread)
                words += np.uint64(low % (1 << 64))
            return words.view(np.int64).astype(numpy_dtype(dtype)).reshape(shape)
        words = self.bits(n)
        words %= np.uint32(spread)
        return (words.astype(np.int64) + low).astype(numpy_dtype(dtype)).reshape(shape)

    def random(self, shape: Any, dtype: Any = np.int64) -> np.ndarray:
        """Integers from 0 to the largest of an integer dtype, or to 2**digits of a floating one."""
        d, n = numpy_dtype(dtype), _size(shape)
        if d == np.bool_:
            return (self.bits(n) & 1).astype(d).reshape(shape)
        count = (1 << _DIGITS[d.name]) + 1 if d.name in _DIGITS else np.iinfo(d).max + 1
        words = self.bits64(n) if d in (np.int64, np.float64) else self.bits(n)
        return (words % words.dtype.type(count)).astype(d).reshape(shape)

    def randperm(self, n: int, dtype: Any = np.int64) -> np.ndarray:
        """A permutation of 0 .. n-1 (Fisher and Yates: step i swaps places i and i + word % (n - i))."""
        if n < 2:
            return np.arange(n, dtype=numpy_dtype(dtype))
        words = self.bits(n - 1) if n < _WIDE_PERM else self.bits64(n - 1)
        words %= np.arange(n, 1, -1, dtype=words.dtype)
        return _swapped(words.astype(np.int64)).astype(numpy_dtype(dtype), copy=False)

    # ---- from weights ------------------------------------------------------------

    def multinomial(self, weights: np.ndarray, count: int, replacement: bool) -> np.ndarray:
        """`count` indices of each row of `weights` (..., k), int64 of shape (..., count).

        With replacement: the row's cumulative sum is searched for a 53-bit uniform. Without, or for
        one index: the largest of weight / exponential (Efraimidis and Spirakis, 2006).
        """
        if not replacement or count == 1:
            with np.errstate(divide="ignore", over="ignore"):
                race = weights / self.exponential(weights.shape, weights.dtype)
            return np.argsort(-race.astype(np.float64), axis=-1, kind="stable")[..., :count].astype(np.int64)
        rows = weights.reshape(-1, weights.shape[-1])
        work = rows.dtype if rows.dtype == np.float64 else np.dtype(np.float32)
        sums = np.cumsum(rows.astype(work), axis=1, dtype=work)
        sums /= sums[:, -1:]
        sums[:, -1] = 1
        u = self.uniform((len(rows), count), np.float64)
        picked = [np.searchsorted(s.astype(np.float64), x, side="left") for s, x in zip(sums, u)]
        return np.asarray(picked, np.int64).reshape(*weights.shape[:-1], count)

    def poisson(self, rates: np.ndarray) -> np.ndarray:
        """Poisson counts for each rate, in the dtype of `rates`.

        Rates below 10 multiply uniforms (Knuth, 1969); others use the transformed rejection
        method (Hormann, 1993, PTRS).
        """
        with self._lock:
            uniform = Ahead(self._engine, self._unit64)
            counts = [poisson(rate, uniform) for rate in rates.ravel().tolist()]
            uniform.close()
        return np.asarray(counts, np.float64).astype(rates.dtype).reshape(rates.shape)

    # ---- by rejection --------------------------------------------------------------

    def gamma(self, shapes: np.ndarray) -> np.ndarray:
        """Gamma numbers of rate 1 for each shape parameter, float64."""
        with self._lock:
            uniform = Ahead(self._engine, self._unit64)
            normal = functools.partial(self._next_of_pair, uniform)
            drawn = [gamma(shape, uniform, normal) for shape in shapes.ravel()]
            uniform.close()
        return np.asarray(drawn, np.float64).reshape(shapes.shape)

    def _next_of_pair(self, uniform: Callable[[], float]) -> float:
        """A standard normal from the pair that waits, or from the next two uniforms."""
        kept, self._next_normal = self._next_normal, None
        if kept is None:
            theta, radius = _TWO_PI * uniform(), math.sqrt(-2.0 * math.log1p(-uniform()))
            kept, self._next_normal = radius * math.cos(theta), radius * math.sin(theta)
        return kept

    def binomial(self, counts: np.ndarray, p: np.ndarray) -> np.ndarray:
        """Successes among `counts` trials of probability `p` (arrays of one shape), in `counts`' dtype."""
        with self._lock:
            uniform = Ahead(self._engine, self._unit64)
            drawn = [binomial(n, q, uniform) for n, q in zip(counts.ravel().tolist(), p.ravel().tolist())]
            uniform.close()
        return np.asarray(drawn, np.float64).astype(counts.dtype).reshape(counts.shape)


def _chunks(out: np.ndarray) -> Any:
    """Consecutive views of a flat array."""
    return (out[i : i + _CHUNK] for i in range(0, out.size, _CHUNK))


def _scale32(unit: np.ndarray, low: float, high: float, out: np.ndarray) -> None:
    """`unit * (high - low) + low` rounded once, as a fused multiply-add does (float64 holds it exactly)."""
    lo, hi = np.float32(low), np.float32(high)
    if lo == 0 and hi == 1:
        out[...] = unit
    else:
        out[...] = unit * np.float64(hi - lo) + np.float64(lo)


def _scale16(unit: np.ndarray, low: float, high: float, out: np.ndarray) -> None:
    """As `_scale32`, then rounded to float16 or bfloat16; what rounds up to `high` becomes `low`."""
    wide = np.empty(out.shape, np.float32)
    _scale32(unit, low, high, wide)
    out[...] = wide
    out[out == out.dtype.type(high)] = out.dtype.type(low)


def _scale64(unit: np.ndarray, low: float, high: float, out: np.ndarray) -> None:
    """`unit * (high - low) + low` rounded once: Dekker's product and Knuth's sum carry the errors along."""
    if low == 0 and high == 1:
        out[...] = unit
        return
    lo, spread = float(low), float(high) - float(low)
    product, product_error = _exact_product(unit, spread)
    total = product + lo
    rest = total - product
    out[...] = total + ((product - (total - rest)) + (lo - rest) + product_error)


def _exact_product(a: np.ndarray, b: float) -> tuple[np.ndarray, np.ndarray]:
    """`a * b` in float64 and its rounding error (Dekker, 1971)."""
    product = a * b
    with np.errstate(over="ignore", invalid="ignore"):
        a_high, b_high = _high_half(a), _high_half(b)
        a_low, b_low = a - a_high, b - b_high
        error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return product, error if np.isfinite(b_high) else np.zeros_like(product)


def _high_half(x: Any) -> Any:
    scaled = x * 134217729.0  # 2**27 + 1
    return scaled - (scaled - x)


def _box_muller(unit: np.ndarray, mean: Any, std: Any, out: np.ndarray) -> None:
    """Blocks of 16 uniforms to blocks of 16 normals, in the uniforms' dtype."""
    u = unit.reshape(-1, 2, 8)  # (block, radius or angle, 8)
    radius = 1 - u[:, 0]
    np.log(radius, out=radius)
    radius *= -2
    np.sqrt(radius, out=radius)
    theta = u[:, 1] * unit.dtype.type(_TWO_PI)
    np.multiply(radius, np.cos(theta), out=u[:, 0])
    np.multiply(radius, np.sin(theta), out=u[:, 1])
    if std != 1:
        unit *= std
    if mean != 0:
        unit += mean
    out[...] = unit


def _pairs(u: np.ndarray) -> np.ndarray:
    """Pairs of uniforms (angle, radius) to pairs of normals (cosine, sine), float64.

    A few are computed by the C library, as PyTorch does, and then agree to the last bit.
    """
    if u.size > 32:
        last = _pairs(u[-2:].copy())  # the one that may be kept, and saved, for the next call
        radius, theta = np.sqrt(-2.0 * np.log1p(-u[1::2])), _TWO_PI * u[::2]
        u[::2], u[1::2] = radius * np.cos(theta), radius * np.sin(theta)
        u[-2:] = last
        return u
    z: list[float] = []
    for a, b in u.reshape(-1, 2).tolist():
        radius, theta = math.sqrt(-2.0 * math.log1p(-b)), _TWO_PI * a
        z += (radius * math.cos(theta), radius * math.sin(theta))
    return np.array(z)


def _swapped(offsets: np.ndarray) -> np.ndarray:
    """0 .. n-1 after swapping places i and i + offsets[i] for i = 0 .. n-2, all steps at once.

    Step i leaves in place i what stood in place j = i + offsets[i], and puts there what stood in
    place i. What stands in a place was put there by the last earlier step that chose it, and that
    step found it in its own place: chains of steps, followed by doubling.
    """
    n = offsets.size + 1
    step = np.arange(n - 1)
    chosen = offsets + step
    order = np.sort(chosen << 32 | step)  # by place, then by step
    place, by = order >> 32, order & 0xFFFFFFFF
    before = np.full(n - 1, -1)  # the earlier step that chose the same place
    again = place[1:] == place[:-1]
    before[by[1:][again]] = by[:-1][again]
    last = np.full(n, -1)
    ends = np.append(~again, True)
    last[place[ends]] = by[ends]
    own = np.flatnonzero(chosen == step)  # a step that chooses its own place finds what was there before
    last[own] = before[own]
    root = np.where(last < 0, np.arange(n), last)  # what place i holds at step i
    while True:
        further = root[root]
        if np.array_equal(further, root):
            break
        root = further
    out = np.empty(n, np.int64)
    out[:-1] = np.where(before < 0, chosen, root[before])
    out[-1] = root[-1]
    return out
