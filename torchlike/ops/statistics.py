"""Spread, order statistics, covariance and histograms."""

import builtins
import math
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax

from .._core.autograd import no_derivative
from .._core.checks import guard
from .._core.dtypes import INTEGER, get_default_dtype
from .._core.registry import DEFAULT, INT_TO_FLOAT, Array, Arrays, Float, Ints, Operand, function, named, op
from .._core.row import UnderivableRow
from .._core.tensor import Tensor
from .looks import Looked, not_negative, numbers
from .lowering.axes import iota, one_axis, reduced_shape, take_axis, wrap_dims
from .lowering.extremes import position
from .lowering.ordering import order
from .lowering.special import sqrt_0
from .overloads import overloaded
from .validate import kernel, not_implemented, wrap_dim

_PAIR = ("values", "indices")


class HistogramDD(NamedTuple):
    """Result of `histogramdd`."""

    hist: Any
    bin_edges: tuple[Any, ...]


# ---- variance and standard deviation -------------------------------------------------------------


def _check_spread(name: str) -> Any:
    def check(input: Any, **_: Any) -> None:
        if not (input.dtype.is_floating_point or input.dtype.is_complex):
            what = f"{name} only" if name.endswith("_mean") else "std and var only"
            raise RuntimeError(f"{what} support floating point and complex dtypes")

    return check


def _moments(x: Any, dim: Any, correction: Any, keepdim: bool) -> tuple[Any, Any]:
    """Variance and mean over `dim`, both real for real `x`."""
    axes = wrap_dims(dim, x.ndim)
    n = 1
    for a in axes:
        n *= x.shape[a]
    wide = x.astype(jnp.float32) if x.dtype.itemsize == 2 else x
    mean = wide.sum(axis=axes, keepdims=True) / jnp.asarray(n, wide.dtype)
    centred = wide - mean
    square = centred * centred
    if jnp.issubdtype(x.dtype, jnp.complexfloating):
        square = centred.real**2 + centred.imag**2
    divisor = jnp.maximum(n - correction, 0)
    variance = square.sum(axis=axes, keepdims=keepdim) / jnp.asarray(divisor, square.dtype)
    shape = reduced_shape(x.shape, axes, keepdim)
    real = jnp.finfo(x.dtype).dtype
    return variance.astype(real), mean.reshape(shape).astype(x.dtype)


def _spread(name: str, finish: Any, returns: tuple[str, ...] | None) -> Any:
    """The row `name(input, dim, keepdim, correction)` and the operator with its older overloads."""

    def lowering(input: Array, dim: Ints | None = None, keepdim: bool = False, correction: Float = 1):
        return finish(*_moments(input, dim, correction, keepdim))

    lowering.__name__ = lowering.__qualname__ = name
    saves = ("input!",) if name.startswith("var") else ("input!", "result")
    options = {"out": True, "saves": saves, "check": _check_spread(name), "in_full": True}
    row = op(name=name, spaces=(), **options)(lowering)

    def choose(input: Any, *args: Any, **kwargs: Any) -> Any:
        """Over `dim` (None: all dimensions), with divisor `max(0, N - correction)`.

        `unbiased=True` is `correction=1`, `unbiased=False` is `correction=0`; also positional:
        `(input, unbiased)` and `(input, dim, unbiased, keepdim)`.
        """
        if "axis" in kwargs:
            kwargs["dim"] = kwargs.pop("axis")
        names = ("unbiased",) if args and isinstance(args[0], bool) else ("dim", "unbiased", "keepdim")
        if len(args) > len(names):
            raise TypeError(f"{name}() received an invalid combination of arguments")
        kwargs = {**dict(zip(names, args)), **kwargs}
        unbiased, correction = kwargs.pop("unbiased", None), kwargs.pop("correction", None)
        if unbiased is not None:
            correction = None if unbiased else 0
        dim, keepdim = kwargs.pop("dim", None), kwargs.pop("keepdim", kwargs.pop("keepdims", False))
        if kwargs:
            raise TypeError(f"{name}() got an unexpected keyword argument '{next(iter(kwargs))}'")
        return row, ((input, dim, keepdim) if correction is None else (input, dim, keepdim, correction)), {}

    return overloaded(choose, name=name, inplace=False, spaces=("torch",) if returns else ("torch", "Tensor"))


var = _spread("var", lambda v, m: v, None)
std = _spread("std", lambda v, m: sqrt_0(v), None)
var_mean = _spread("var_mean", lambda v, m: (v, m), ("var", "mean"))
std_mean = _spread("std_mean", lambda v, m: (sqrt_0(v), m), ("std", "mean"))

# ---- order statistics ------------------------------------------------------------------------------


def _evenly(x: Any, value: Any) -> Any:
    """`value` with the gradient spread evenly over the elements of `x` that equal it."""
    same = (x == value) | ((x != x) & (value != value))
    share = x * lax.stop_gradient(same / jnp.maximum(same.sum(), 1)).astype(x.dtype)
    flow = jnp.where(same, share, 0).sum()
    return (
        lax.stop_gradient(value) + (flow - lax.stop_gradient(flow))
        if jnp.issubdtype(x.dtype, jnp.floating)
        else value
    )


def _median_index(x: Any, axis: int, skip_nan: bool) -> Any:
    """Index of the lower median along `axis` (kept); nan if there is any, unless skipped."""
    still = lax.stop_gradient(x)
    ranked = order(still, axis, False)
    nan = still != still
    count = x.shape[axis] - nan.sum(axis=axis, keepdims=True) if skip_nan else x.shape[axis]
    middle = jnp.broadcast_to(
        jnp.maximum((jnp.asarray(count) - 1) // 2, 0), reduced_shape(x.shape, (axis,), True)
    )
    index = take_axis(ranked, middle, axis)
    if skip_nan:
        return index
    return (
        jnp.where(nan.any(axis=axis, keepdims=True), position(still, jnp.asarray(jnp.nan), axis), index)
        if jnp.issubdtype(x.dtype, jnp.floating)
        else index
    )


def _median(name: str, skip_nan: bool) -> Any:
    def whole(input: Array):
        if input.size == 0:
            return (
                jnp.asarray(jnp.nan, input.dtype)
                if jnp.issubdtype(input.dtype, jnp.floating)
                else jnp.asarray(jnp.iinfo(input.dtype).min, input.dtype)
            )
        flat = input.reshape(-1)
        value = take_axis(flat, _median_index(flat, 0, skip_nan), 0)[0]
        return _evenly(flat, value)

    def along(input: Array, dim: int, keepdim: bool = False):
        x, axis, scalar = one_axis(input, dim)
        if x.shape[axis] == 0:
            raise IndexError(f"median(): Expected reduction dim {axis} to have non-zero size.")
        index = _median_index(x, axis, skip_nan)
        shape = () if scalar else reduced_shape(x.shape, (axis,), keepdim)
        return take_axis(x, index, axis).reshape(shape), index.reshape(shape)

    whole.__name__ = along.__name__ = name
    options = {
        "name": name,
        "spaces": (),
        "out": True,
    }
    all_row = op(check=kernel("median_cpu", "ihf"), saves=("input!", "result"), **options)(whole)
    dim_row = op(returns=_PAIR, saves=("result1",), check=kernel("median_out", "ihf"), **options)(along)

    def choose(input: Any, *args: Any, **kwargs: Any) -> Any:
        """The lower median of all elements, or `(values, indices)` along `dim`."""
        return (dim_row if args or kwargs else all_row), (input, *args), kwargs

    return overloaded(choose, name=name, inplace=False)


def _no_complex(kernel: str) -> Any:
    def check(input: Any, **_: Any) -> None:
        if input.dtype.is_complex:
            raise not_implemented(kernel, input.dtype)

    return check


median = _median("median", False)
nanmedian = _median("nanmedian", True)


@op(returns=_PAIR, out=True, check=_no_complex("mode_cpu"), saves=("result1",))
def mode(input: Array, dim: int = -1, keepdim: bool = False):
    """The most frequent value along `dim` (the smallest of several) and the index of its last occurrence."""
    x, axis, scalar = one_axis(input, dim)
    if x.shape[axis] == 0:
        raise IndexError(f"mode(): Expected reduction dim {axis} to have non-zero size.")
    ranked = order(lax.stop_gradient(x), axis, False)
    s = take_axis(lax.stop_gradient(x), ranked, axis)
    here = jnp.broadcast_to(iota(x.shape, axis), x.shape)
    before = jnp.roll(s, 1, axis)
    new = (s != before) & ~((s != s) & (before != before))
    start = lax.cummax(jnp.where(new | (here == 0), here, 0), axis=axis)
    length = here - start
    last = position(length, length.max(axis=axis, keepdims=True), axis)
    index = take_axis(ranked, last, axis)
    shape = () if scalar else reduced_shape(x.shape, (axis,), keepdim)
    return take_axis(x, index, axis).reshape(shape), index.reshape(shape)


_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


def _check_quantile(
    input: Any, q: Any, interpolation: str = "linear", name: str = "quantile", **_: Any
) -> None:
    if 0 in input.shape:
        raise RuntimeError("quantile() input tensor must be non-empty")
    if input.dtype.name not in ("float32", "float64"):
        raise RuntimeError("quantile() input tensor must be either float or double dtype")
    if hasattr(q, "dtype"):
        if q.ndim > 1:
            raise RuntimeError(f"{name}() q must be a scalar or 1D tensor")
        if q.dtype is not input.dtype:
            raise RuntimeError(f"{name}() q tensor must be same dtype as the input tensor")
    if interpolation not in _INTERPOLATIONS:
        raise RuntimeError(
            f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, but got {interpolation}"
        )


def _quantile(name: str, skip_nan: bool) -> Any:
    def lowering(
        input: Array,
        q: Operand,
        dim: int | None = None,
        keepdim: bool = False,
        *,
        interpolation: str = "linear",
    ):
        guard(jnp.any((q < 0) | (q > 1)), RuntimeError, f"{name}() q values must be in the range [0, 1]")
        x = input.reshape(-1) if dim is None else (input[None] if input.ndim == 0 else input)
        axis = 0 if dim is None else wrap_dim(dim, input.ndim)
        x = jnp.moveaxis(x, axis, -1)
        n = x.shape[-1]
        ranked = take_axis(x, order(lax.stop_gradient(x), x.ndim - 1, False), x.ndim - 1)
        nan = x != x
        at = q.reshape(-1)
        count = (
            (n - nan.sum(axis=-1, keepdims=True))
            if skip_nan
            else jnp.where(nan.any(axis=-1, keepdims=True), 0, n)
        )
        rank = at * jnp.maximum(count - 1, 0).astype(x.dtype)
        rank = jnp.where(count == 0, n - 1, rank) if n else rank
        value = _between(ranked, rank, interpolation)
        out = jnp.moveaxis(value, -1, 0)
        if keepdim:
            shape = (1,) * input.ndim if dim is None else reduced_shape(input.shape, (axis,), True)
            out = out.reshape(at.shape + shape)
        elif dim is None or input.ndim == 0:
            out = out.reshape(at.shape)
        return out if q.ndim else out[0]

    lowering.__name__ = lowering.__qualname__ = name
    lowering.__doc__ = (
        f"The `q`-quantiles{' of the numbers that are not nan' if skip_nan else ''} along `dim`, or of all elements.\n\n"
        "    `q` is a number or a 1-d tensor, whose dimension becomes the first of the result. Between two elements\n"
        "    `interpolation` decides: linear, lower, higher, midpoint, nearest.\n"
    )

    def check(**params: Any) -> None:
        _check_quantile(**{**params, "name": name})

    row = op(promote=DEFAULT, spaces=(), out=True, check=check)(lowering)

    def public(input, q, dim=None, keepdim=False, *, interpolation="linear", out=None):
        if not isinstance(q, Tensor) and not 0 <= q <= 1:
            raise RuntimeError(f"quantile() q must be in the range [0, 1] but got {q:g}")
        return row(input, q, dim, keepdim, interpolation=interpolation, out=out)

    return function(spaces=("torch", "Tensor"))(named(public, name, lowering.__doc__))


def _between(ranked: Any, rank: Any, interpolation: str) -> Any:
    """Elements of `ranked` at the fractional positions `rank` along the last axis."""
    if interpolation == "lower":
        rank = jnp.floor(rank)
    elif interpolation == "higher":
        rank = jnp.ceil(rank)
    elif interpolation == "nearest":
        rank = jnp.round(rank)
    low = jnp.floor(rank).astype(jnp.int64)
    below = take_axis(ranked, low, ranked.ndim - 1)
    if interpolation in ("lower", "higher", "nearest"):
        return below
    above = take_axis(ranked, jnp.ceil(rank).astype(jnp.int64), ranked.ndim - 1)
    weight = (
        jnp.asarray(0.5, ranked.dtype) if interpolation == "midpoint" else (rank - low).astype(ranked.dtype)
    )
    same = low == rank
    weight = jnp.where(same, 0, weight) if interpolation == "midpoint" else weight
    return jnp.where(weight < 0.5, below + weight * (above - below), above - (above - below) * (1 - weight))


quantile = _quantile("quantile", False)
nanquantile = _quantile("nanquantile", True)

# ---- covariance -------------------------------------------------------------------------------------


def _check_cov(input: Any, correction: int = 1, fweights: Any = None, aweights: Any = None) -> None:
    if input.ndim > 2:
        raise RuntimeError(
            f"cov(): expected input to have two or fewer dimensions but got an input with {input.ndim} dimensions"
        )
    if input.dtype.name == "bool":
        raise RuntimeError("cov(): bool dtype is not supported for input")
    n = input.shape[-1] if input.ndim else 1
    for name, w in (("fweights", fweights), ("aweights", aweights)):
        if w is None:
            continue
        if w.ndim > 1:
            raise RuntimeError(
                f"cov(): expected {name} to have one or fewer dimensions but got {name} with {w.ndim} dimensions"
            )
        if name == "fweights" and w.dtype.category != 1:
            raise RuntimeError(
                f"cov(): expected fweights to have integral dtype but got fweights with {_cpp(w.dtype)} dtype"
            )
        if name == "aweights" and not w.dtype.is_floating_point:
            raise RuntimeError(
                f"cov(): expected aweights to have floating point dtype but got aweights with {_cpp(w.dtype)} dtype"
            )
        if (w.shape[0] if w.ndim else 1) != n:
            raise RuntimeError(
                f"cov(): expected {name} to have the same numel as there are observations in the input but got "
                f"{w.shape[0] if w.ndim else 1} != {n}"
            )


def _cpp(d: Any) -> str:
    name: str = d.name
    return {"float32": "Float", "float64": "Double", "int64": "Long", "int32": "Int", "bool": "Bool"}.get(
        name, name
    )


def covariance(x: Any, correction: Any, fweights: Any, aweights: Any) -> Any:
    """Covariance matrix of the rows of `x`, observations weighted by counts and by importance."""
    if not jnp.issubdtype(x.dtype, jnp.inexact):
        x = x.astype(get_default_dtype().jnp)
    x = x.reshape(1, -1) if x.ndim < 2 else x
    w = None
    if fweights is not None:
        guard(jnp.any(fweights < 0), RuntimeError, "cov(): fweights cannot be negative")
        w = fweights.reshape(-1)
    if aweights is not None:
        guard(jnp.any(aweights < 0), RuntimeError, "cov(): aweights cannot be negative")
        w = aweights.reshape(-1) if w is None else w * aweights.reshape(-1)
    real = x.real.dtype
    total = jnp.asarray(x.shape[1], real) if w is None else w.sum().astype(real)
    weighted = x if w is None else x * w.astype(real)
    mean = weighted.sum(1, keepdims=True) / total
    if w is not None and aweights is not None and correction != 0:
        norm = total - correction * (w * aweights.reshape(-1)).sum().astype(real) / total
    else:
        norm = total - correction
    centred = x - mean
    other = centred if w is None else centred * w.astype(real)
    matrix = jnp.matmul(centred, other.T.conj()) / jnp.maximum(norm, 0)
    return matrix[0, 0] if matrix.shape == (1, 1) else matrix


@op(
    check=_check_cov,
    row=Looked,
    look=not_negative("cov(): {} cannot be negative", 2, 3),
)
def cov(input: Array, *, correction: int = 1, fweights: Array | None = None, aweights: Array | None = None):
    """Covariance matrix of the variables (rows) over the observations (columns).

    Args:
        correction: the divisor is the number of observations less this.
        fweights: how often each observation counts, integers.
        aweights: importance of each observation, floating.
    """
    return covariance(input, correction, fweights, aweights)


def _check_corrcoef(input: Any) -> None:
    if input.ndim > 2:
        raise RuntimeError(
            f"corrcoef(): expected input to have two or fewer dimensions but got an input with {input.ndim} dimensions"
        )
    _check_cov(input)


@op(promote=INT_TO_FLOAT, inplace=False, out=False, check=_check_corrcoef)
def corrcoef(input: Array):
    """Matrix of Pearson's correlation coefficients of the rows."""
    c = covariance(input, 1, None, None)
    if c.ndim == 0:
        return c / c
    d = jnp.sqrt(jnp.diagonal(c).real)
    c = c / d[:, None] / d[None, :]
    if jnp.iscomplexobj(c):
        return lax.complex(jnp.clip(c.real, -1, 1), jnp.clip(c.imag, -1, 1))
    return jnp.clip(c, -1, 1)


# ---- histograms ---------------------------------------------------------------------------------------


def _bin_of(x: Any, low: Any, high: Any, bins: int) -> tuple[Any, Any]:
    """Bin of each element between `low` and `high` (the last bin is closed), and whether it has one."""
    inside = (x >= low) & (x <= high)
    at = jnp.floor((x - low) * (bins / (high - low)).astype(x.dtype)).astype(jnp.int64)
    return jnp.clip(at, 0, bins - 1), inside


def _limits(x: Any, low: Any, high: Any, margin: float) -> tuple[Any, Any]:
    """The range to divide: the data's when `low == high`, widened by `margin` when that is a point."""
    given = jnp.asarray(low, x.dtype), jnp.asarray(high, x.dtype)
    equal = low == high
    if equal is False:
        return given
    first, last = (x.min(), x.max()) if x.size else (jnp.zeros((), x.dtype), jnp.ones((), x.dtype))
    point = first == last
    data = jnp.where(point, first - margin, first), jnp.where(point, last + margin, last)
    return jnp.where(equal, data[0], given[0]), jnp.where(equal, data[1], given[1])


def _refuse_range(low: float, high: float) -> Exception | None:
    if not (math.isfinite(low) and math.isfinite(high)):
        return RuntimeError(f"torch.histc: range of [{low:g}, {high:g}] is not finite")
    return RuntimeError("torch.histc: max must be larger than min") if high < low else None


def _check_histc(input: Any, bins: int = 100, **_: Any) -> None:
    if not input.dtype.is_floating_point:
        bad = {"bool": "linspace_cpu"}.get(input.dtype.name, "aminmax_cpu" if input.dtype.is_complex else "")
        raise not_implemented(bad or "histogram_cpu", input.dtype)
    if bins <= 0:
        raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {bins} for dimension 0")


@op(
    differentiable=False,
    out=True,
    check=_check_histc,
    in_full=True,
    row=Looked,
    look=numbers(_refuse_range, (2, 0), (3, 0)),
)
def histc(input: Array, bins: int = 100, min: Float = 0, max: Float = 0):
    """How many elements fall into each of `bins` equal bins from `min` to `max` (of the data, if equal)."""
    x = input.reshape(-1)
    low, high = _limits(x, min, max, 1)
    at, inside = _bin_of(x, low, high, bins)
    return jnp.zeros(bins, x.dtype).at[at].add(inside.astype(x.dtype))


@op(
    name="bincount",
    spaces=(),
    row=UnderivableRow,
    refuses=lambda node, suffix: no_derivative("bincount"),
    grad_name="NotImplemented",
)
def _bincount(input: Array, weights: Array | None, length: int):
    amount = jnp.ones(input.shape, jnp.int64) if weights is None else weights
    if not jnp.issubdtype(amount.dtype, jnp.floating):
        amount = amount.astype(jnp.int64 if weights is None else jnp.float64)
    return jnp.zeros(length, amount.dtype).at[input.astype(jnp.int64)].add(amount)


@function(spaces=("torch", "Tensor"))
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each number 0, 1, ... occurs in a 1-d integer tensor, or the sum of its `weights`.

    The length of the result depends on the data, so the call waits for it.
    """
    if minlength < 0:
        raise RuntimeError("minlength should be >= 0")
    if input.ndim != 1 or input.dtype.category != INTEGER:
        if input.dtype.category != INTEGER:
            raise not_implemented("bincount_cpu", input.dtype)
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if weights is not None and tuple(weights.shape) != tuple(input.shape):
        raise RuntimeError("weights should be 1-d and have the same length as input")
    data = input._host()
    if data.size and data.min() < 0:
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    length = builtins.max(int(data.max()) + 1 if data.size else 0, minlength)
    return _bincount(input, weights if data.size else None, length)  # of nothing it counts


_check_histogram = kernel("histogramdd", "f")


@op(
    name="histogram",
    spaces=(),
    returns=("hist", "bin_edges"),
    differentiable=False,
    check=_check_histogram,
)
def _histogram(input: Array, edges: Array, weight: Array | None, density: bool):
    x = input.reshape(-1)
    n = edges.shape[0] - 1
    at = jnp.clip(jnp.searchsorted(edges, x, side="right") - 1, 0, n - 1)
    inside = (x >= edges[0]) & (x <= edges[-1])
    amount = inside.astype(x.dtype) if weight is None else jnp.where(inside, weight.reshape(-1), 0)
    hist = jnp.zeros(n, x.dtype).at[at].add(amount)
    return (hist / hist.sum() / jnp.diff(edges) if density else hist), edges


@op(name="histogram_edges", spaces=(), differentiable=False, check=_check_histogram)
def _edges(input: Array, bins: int, range: tuple | None):
    """`bins + 1` equally spaced edges over `range` or the data."""
    x = input.reshape(-1)
    low, high = range if range is not None else (0.0, 0.0)
    if range is not None and low == high:
        low, high = low - 0.5, high + 0.5
    low, high = _limits(x, float(low), float(high), 0.5)
    return jnp.linspace(low, high, bins + 1, dtype=x.dtype)


@function(spaces=("torch", "Tensor"))
def histogram(input, bins, *, range=None, weight=None, density=False):
    """Histogram over `bins` equal bins, or over the 1-d tensor of edges `bins`: `(hist, bin_edges)`."""
    edges = bins if isinstance(bins, Tensor) else _edges(input, bins, None if range is None else tuple(range))
    return _histogram(input, edges, weight, density)


@op(name="histogramdd", spaces=(), differentiable=False, check=_check_histogram)
def _histogramdd(input: Array, edges: Arrays, weight: Array | None, density: bool):
    x = input.reshape(-1, input.shape[-1])
    shape = tuple(e.shape[0] - 1 for e in edges)
    flat, inside = jnp.zeros(x.shape[0], jnp.int64), jnp.ones(x.shape[0], jnp.bool_)
    volume = jnp.ones((), x.dtype)
    for i, e in enumerate(edges):
        at = jnp.clip(jnp.searchsorted(e, x[:, i], side="right") - 1, 0, shape[i] - 1)
        flat = flat * shape[i] + at
        inside = inside & (x[:, i] >= e[0]) & (x[:, i] <= e[-1])
        volume = volume[..., None] * jnp.diff(e)
    amount = inside.astype(x.dtype) if weight is None else jnp.where(inside, weight.reshape(-1), 0)
    hist = jnp.zeros(math.prod(shape), x.dtype).at[flat].add(amount).reshape(shape)
    return hist / hist.sum() / volume if density else hist


@function(spaces=("torch",))
def histogramdd(input, bins, range=None, weight=None, density=False):
    """Histogram of points (the last dimension holds coordinates): `(hist, bin_edges)`, one edge tensor per dimension."""
    d = input.shape[-1]
    bins = [bins] * d if isinstance(bins, int) else list(bins)
    if len(bins) != d:
        raise RuntimeError(
            "histogramdd: The size of bins must be equal to the innermost dimension of the input."
        )
    ranges = [None] * d if range is None else [tuple(range[2 * i : 2 * i + 2]) for i in builtins.range(d)]
    columns = input.reshape(-1, d)
    edges = [
        b if isinstance(b, Tensor) else _edges(columns[:, i], b, r)
        for i, (b, r) in enumerate(zip(bins, ranges))
    ]
    return HistogramDD(_histogramdd(input, edges, weight, density), tuple(edges))
