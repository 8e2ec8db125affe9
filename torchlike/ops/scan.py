"""Running sums, products and extremes along a dimension; differences and integrals."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from .._core import dtypes
from .._core.dtypes import dtype
from .._core.orders import laid_anew
from .._core.registry import INT_TO_FLOAT, Array, Scalar, function, op
from .._core.tensor import Tensor, from_numpy_copy
from .lowering.axes import one_axis, wrap_dims
from .lowering.common import accumulated, floating, joined
from .lowering.extremes import running
from .lowering.scans import cumulative_sum
from .reduction import widened
from .validate import differentiable_dtype, kernel, not_implemented, wrap_dim


def _running(fn: Any, x: Any, dim: int) -> Any:
    x, axis, scalar = one_axis(x, dim)
    out = fn(x, axis) if x.size else x
    return out[0] if scalar else out


def _check_scan(name: str) -> Any:
    def check(input: Any, dim: int, dtype: Any = None) -> None:
        if dtype is dtypes.bool_:
            raise not_implemented(f"{name}_out_cpu", dtype)

    return check


def _not_into_bool(row: Any) -> None:
    """Publishes the in-place variant of a scan, which a bool tensor does not take."""
    in_place, name = row.inplace, row.__name__

    def scan(self: Tensor, dim: int, *, dtype: dtype | None = None) -> Tensor:
        if self.dtype is dtypes.bool_:
            raise not_implemented(f"{name}_out_cpu", self.dtype)
        return in_place(self, dim, dtype=dtype)

    scan.__doc__ = in_place.__doc__
    function(spaces=("Tensor",), name=f"{name}_")(scan)


@op(out=True, inplace=True, check=_check_scan("cumsum"), check_taped=differentiable_dtype)
def cumsum(input: Array, dim: int, *, dtype: dtype | None = None):
    """Running sum along `dim`; integers are added as int64."""
    return _running(cumulative_sum, widened(input, dtype), dim)


@op(
    out=True,
    inplace=True,
    saves=("input", "result"),
    check=_check_scan("cumprod"),
    check_taped=differentiable_dtype,
)
def cumprod(input: Array, dim: int, *, dtype: dtype | None = None):
    """Running product along `dim`; integers are multiplied as int64."""
    x = widened(input, dtype)
    return _running(lax.cumprod, x.astype(accumulated(x)), dim).astype(x.dtype)


_not_into_bool(cumsum)
_not_into_bool(cumprod)


@op(
    promote=INT_TO_FLOAT,
    inplace=False,
    saves=("input", "result"),
    check=kernel("logcumsumexp_out_cpu", "hfc"),
    layout=laid_anew,
)
def logcumsumexp(input: Array, dim: int):
    """`log(cumsum(exp(input)))` along `dim`, safe against overflow."""
    return _running(lax.cumlogsumexp, input, dim)


def _cumulative_extreme(name: str, largest: bool) -> Any:
    def lowering(input: Array, dim: int):
        x, axis, scalar = one_axis(input, dim)
        if not x.size:
            return x, jnp.zeros(x.shape, jnp.int64)
        values, indices = running(x, axis, largest)
        return (values[0], indices[0]) if scalar else (values, indices)

    lowering.__name__ = lowering.__qualname__ = name
    word = "largest" if largest else "smallest"
    lowering.__doc__ = f"The {word} element so far along `dim`, and the index of its latest occurrence."
    supported = kernel(f"{name}_cpu")

    def check(input: Any, dim: int) -> None:
        if input.ndim == 0 and dim not in (-1, 0):
            raise IndexError(f"{name}(): Expected reduction dim -1 or 0 for scalar but got {dim}")
        supported(input=input, dim=dim)

    return op(returns=("values", "indices"), out=True, saves=("input!", "result1"), check=check)(lowering)


cummax = _cumulative_extreme("cummax", True)
cummin = _cumulative_extreme("cummin", False)


# ---- differences -----------------------------------------------------------------------------------


def _check_diff(
    input: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None, **_: Any
) -> None:
    if input.ndim == 0:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    wrap_dim(dim, input.ndim)
    for part in (prepend, append):
        if part is not None and part.ndim != input.ndim:
            raise RuntimeError("diff expects prepend or append to be the same dimension as input")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")


@op(out=True, check=_check_diff)
def diff(input: Array, n: int = 1, dim: int = -1, prepend: Array | None = None, append: Array | None = None):
    """The `n`-th difference along `dim`, with `prepend` and `append` joined on first; xor for bool."""
    parts = [p for p in (prepend, input, append) if p is not None]
    x = jnp.concatenate(parts, axis=dim) if len(parts) > 1 and n else input
    for _ in range(min(n, x.shape[dim])):
        later = lax.slice_in_dim(x, 1, None, axis=dim)
        earlier = lax.slice_in_dim(x, 0, x.shape[dim] - 1, axis=dim)
        x = later ^ earlier if x.dtype == jnp.bool_ else later - earlier
    return x


def _check_trapezoid(name: str) -> Any:
    def check(y: Any, x: Any = None, dx: Any = 1, dim: int = -1) -> None:
        for arg, v in (("y", y), ("x", x)):
            if v is not None and v.dtype.name == "bool":
                raise RuntimeError(f"{name}: received a bool input for `{arg}`, but bool is not supported")
        if not y.ndim:
            if name == "trapezoid":
                raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
            raise IndexError("slice() cannot be applied to a 0-dim tensor.")
        if x is not None and x.ndim == 1 and x.shape[0] != y.shape[dim]:
            raise RuntimeError(f"{name}: There must be one `x` value for each sample point")

    return check


def _areas(y: Any, x: Any, dim: int) -> tuple[Any, int]:
    """Twice the area of each trapezoid along `dim`; that of integers wraps."""
    axis = wrap_dim(dim, y.ndim)
    n = y.shape[axis]
    if not n:  # no area at all
        return y, axis
    pairs = lax.slice_in_dim(y, 1, None, axis=axis) + lax.slice_in_dim(y, 0, max(n - 1, 0), axis=axis)
    if x is None:
        return pairs, axis
    if x.ndim == 1:
        step = jnp.diff(x).reshape((-1,) + (1,) * (y.ndim - 1 - axis))
    else:
        step = jnp.diff(x, axis=axis - y.ndim)
    pairs, step = joined(pairs, step)
    return pairs * step, axis


def _trapezoid(name: str, reduce: Any, doc: str) -> Any:
    def lowering(y: Array, x: Array | None = None, dx: Scalar = 1, dim: int = -1):
        areas, axis = _areas(y, x, dim)
        whole = floating(reduce(widened(areas, None), axis))
        return whole * (jnp.asarray(dx, whole.dtype) / 2 if x is None else 0.5)

    lowering.__name__ = lowering.__qualname__ = name
    lowering.__doc__ = doc
    row = op(spaces=(), check=_check_trapezoid(name))(lowering)

    def public(y, x=None, *, dx=None, dim=-1):
        if x is not None and dx is not None:
            raise TypeError(
                f"{name}() received an invalid combination of arguments - give `x` or `dx`, not both"
            )
        return row(y, x, 1 if dx is None else dx, dim)

    public.__name__ = public.__qualname__ = name
    public.__doc__ = doc
    aliases = ("trapz",) if name == "trapezoid" else ()
    return function(spaces=("torch",), aliases=aliases)(public)


trapezoid = _trapezoid("trapezoid", lambda a, axis: a.sum(axis),
                       "Integral of `y` along `dim` by the trapezoidal rule, at points `x` or `dx` apart.")  # fmt: skip
cumulative_trapezoid = _trapezoid("cumulative_trapezoid", lambda a, axis: jnp.cumsum(a, axis),
                                  "Running integral of `y` along `dim` by the trapezoidal rule.")  # fmt: skip


@op(name="gradient", spaces=())
def _gradient(input: Array, step: Array, dim: int, edge_order: int):
    """Second-order central differences along `dim`; `step` is 0-d or the coordinates of the points."""
    x = jnp.moveaxis(input, dim, 0)
    n = x.shape[0]
    tail = (1,) * (x.ndim - 1)
    step = step.astype(
        jnp.result_type(x.dtype, step.dtype) if jnp.issubdtype(x.dtype, jnp.inexact) else step.dtype
    )
    h = (jnp.diff(step) if step.ndim else jnp.broadcast_to(step, (n - 1,))).reshape(n - 1, *tail)
    slope = (x[1:] - x[:-1]) / h
    if edge_order == 1:
        first, last = slope[:1], slope[-1:]
    else:
        first = slope[:1] + (slope[:1] - slope[1:2]) * h[:1] / (h[:1] + h[1:2])
        last = slope[-1:] + (slope[-1:] - slope[-2:-1]) * h[-1:] / (h[-1:] + h[-2:-1])
    left, right = h[:-1], h[1:]
    middle = (slope[:-1] * right + slope[1:] * left) / (left + right)
    return jnp.moveaxis(jnp.concatenate([first, middle, last]), 0, dim)


@function(spaces=("torch",))
def gradient(input, *, spacing=1, dim=None, edge_order=1):
    """Estimates the derivative of samples along each of `dim`, with second-order accuracy inside.

    Args:
        spacing: a number, one number per dimension, or one 1-d tensor of coordinates per dimension.
        dim: an int, several, or None for all.
        edge_order: 1 or 2, the accuracy at the boundary.

    Returns:
        A list of tensors, one per dimension.
    """
    dims = range(input.ndim) if dim is None else ((dim,) if isinstance(dim, int) else dim)
    dims = [wrap_dim(d, input.ndim) for d in dims]
    wrap_dims(tuple(dims), input.ndim)  # refuses a dimension named twice
    spacing = 1 if spacing is None else spacing
    many = isinstance(spacing, (tuple, list))
    steps = list(spacing) if many else [spacing] * len(dims)
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    if len(steps) != len(dims) and dim is not None:
        raise RuntimeError(
            "torch.gradient expected spacing to be unspecified, a scalar or it's spacing and dim arguments to have the same "
            f"length, but got a spacing argument of length {len(steps)} and a dim argument of length {len(dims)}."
        )
    if len(steps) != len(dims):
        raise RuntimeError(
            f"torch.gradient expected spacing to be unspecified, a scalar, or a list of length equal to 'self.dim() = "
            f"{input.ndim}', since dim argument was not given, but got a list of length {len(steps)}"
        )
    out = []
    for d, s in zip(dims, steps):
        if input.shape[d] < edge_order + 1:
            raise RuntimeError("torch.gradient expected each dimension size to be at least edge_order+1")
        s = s if isinstance(s, Tensor) else _number(s, input)
        out.append(_gradient(input, s, d, edge_order))
    return out


def _number(value: Any, like: Any) -> Any:
    """A number as a 0-d tensor of the floating dtype that `like` computes in."""
    d = like.dtype.jnp if like.dtype.is_floating_point or like.dtype.is_complex else np.float32
    return from_numpy_copy(np.asarray(value, d), like.device)
