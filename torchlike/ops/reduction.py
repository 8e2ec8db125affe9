"""Reductions over dimensions: sums, means, extremes, logical and counting reductions."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from .._core.dtypes import dtype
from .._core.registry import INT_TO_FLOAT, Array, Ints, cast_array, function, op
from .._core.tensor import Tensor
from .arithmetic import maximum, minimum
from .lowering import by_result
from .lowering.axes import one_axis, reduced_shape, wrap_dims
from .lowering.common import accumulated
from .lowering.extremes import argextreme, extreme
from .validate import differentiable_dtype, kernel, not_complex, not_implemented, scalar_name

_PAIR = ("values", "indices")


def is_exact(x: Any) -> bool:
    """Whether a JAX array holds integers or bools."""
    return x.dtype == jnp.bool_ or jnp.issubdtype(x.dtype, jnp.integer)


def widened(x: Any, want: Any) -> Any:
    """`x` in the dtype a sum is accumulated in: `want`, else int64 for integers."""
    if want is not None:
        return cast_array(x, want.jnp)
    return x.astype(jnp.int64) if is_exact(x) else x


# ---- sums and means --------------------------------------------------------------------------


def total(x: Any, axes: tuple[int, ...], keepdim: bool = False) -> Any:
    """The sum over `axes`, of x's dtype, rounded once."""
    return jnp.sum(x, axis=axes, keepdims=keepdim, dtype=accumulated(x)).astype(x.dtype)


_check_nansum = not_complex("nansum on CPU does not support complex inputs")


@op(out=True, check_taped=differentiable_dtype)
def sum(input: Array, dim: Ints | None = None, keepdim: bool = False, *, dtype: dtype | None = None):  # noqa: A001
    """Sum over `dim` (all dimensions when None); integers are added as int64."""
    x = widened(input, dtype)
    return total(x, wrap_dims(dim, x.ndim), keepdim)


@op(out=True, check=_check_nansum, check_taped=differentiable_dtype, saves=("input!",))
def nansum(input: Array, dim: Ints | None = None, keepdim: bool = False, *, dtype: dtype | None = None):
    """Sum over `dim` that counts nan as 0."""
    x = widened(input, dtype)
    if not is_exact(x):
        x = jnp.where(x != x, jnp.zeros((), x.dtype), x)
    return total(x, wrap_dims(dim, x.ndim), keepdim)


def _check_mean(input: Any, dtype: Any = None, **_: Any) -> None:
    d = input.dtype if dtype is None else dtype
    if not (d.is_floating_point or d.is_complex):
        what = "Input" if dtype is None else "Optional"
        raise RuntimeError(
            f"mean(): could not infer output dtype. {what} dtype must be either a floating point or complex dtype. "
            f"Got: {scalar_name(d)}"
        )


def _mean(x: Any, axes: tuple[int, ...], keepdim: bool) -> Any:
    n = 1
    for a in axes:
        n *= x.shape[a]
    whole = jnp.sum(x, axis=axes, keepdims=keepdim, dtype=accumulated(x))
    return (whole / n if n else whole * jnp.nan).astype(x.dtype)


@op(out=True, check=_check_mean)
def mean(input: Array, dim: Ints | None = None, keepdim: bool = False, *, dtype: dtype | None = None):
    """Mean over `dim` (all dimensions when None), of floating or complex tensors."""
    x = input if dtype is None else cast_array(input, dtype.jnp)
    return _mean(x, wrap_dims(dim, x.ndim), keepdim)


def _check_nanmean(input: Any, **_: Any) -> None:
    if not (input.dtype.is_floating_point or input.dtype.is_complex):
        raise RuntimeError(
            f"nanmean(): expected input to have floating point or complex dtype but got {scalar_name(input.dtype)}"
        )
    _check_nansum(input)


@op(out=True, check=_check_nanmean, saves=("input!",))
def nanmean(input: Array, dim: Ints | None = None, keepdim: bool = False, *, dtype: dtype | None = None):
    """Mean over `dim` of the elements that are not nan."""
    x = input if dtype is None else cast_array(input, dtype.jnp)
    good = x == x
    axes = wrap_dims(dim, x.ndim)
    count = good.sum(axis=axes, keepdims=keepdim)
    return total(jnp.where(good, x, jnp.zeros((), x.dtype)), axes, keepdim) / count.astype(x.dtype)


@op(saves=("input", "result"), out=True, check_taped=differentiable_dtype, by_result=by_result.prod)
def prod(input: Array, dim: int | None = None, keepdim: bool = False, *, dtype: dtype | None = None):
    """Product over `dim` (all elements when None); integers are multiplied as int64."""
    x = widened(input, dtype)
    axes = wrap_dims(dim, x.ndim)
    return jnp.prod(x, axis=axes, keepdims=keepdim, dtype=x.dtype)


@op(
    promote=INT_TO_FLOAT,
    saves=("input", "result"),
    inplace=False,
    aliases=("special.logsumexp",),
    by_result=by_result.logsumexp,
)
def logsumexp(input: Array, dim: Ints, keepdim: bool = False):
    """`log(sum(exp(input)))` over `dim`, safe against overflow."""
    if dim is None:
        raise TypeError("logsumexp(): argument 'dim' (position 2) must be tuple of ints, not NoneType")
    axes = wrap_dims(dim, input.ndim)
    if input.size == 0 or not axes:
        folds = bool(axes) or jnp.iscomplexobj(input)  # over no dimension only the angle changes, by turns
        return jnp.log(jnp.exp(input).sum(axis=axes, keepdims=keepdim)) if folds else input
    top = lax.stop_gradient(jnp.max(input.real, axis=axes, keepdims=True))
    top = jnp.where(jnp.isfinite(top), top, jnp.zeros((), top.dtype))
    out = jnp.log(jnp.exp(input - top).sum(axis=axes, keepdims=True)) + top
    return out.reshape(reduced_shape(input.shape, axes, keepdim))


@op(saves=(), check=kernel("trace", "ihfc"))
def trace(input: Array):
    """Sum of the diagonal of a matrix."""
    if input.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}")
    return jnp.sum(jnp.diagonal(widened(input, None)))


# ---- extremes ----------------------------------------------------------------------------------


def _check_order(name: str) -> Any:
    def check(input: Any, **_: Any) -> None:
        if input.dtype.is_complex:
            raise not_implemented(name, input.dtype)

    return check


def _nonempty(x: Any, axes: Any, name: str) -> None:
    for a in axes:
        if x.shape[a] == 0:
            raise IndexError(f"{name}(): Expected reduction dim {a} to have non-zero size.")


def _as_number(x: Any) -> Any:
    return x.astype(jnp.int8) if x.dtype == jnp.bool_ else x


def _amax(name: str, doc: str) -> Any:
    def lowering(input: Array, dim: Ints | None = (), keepdim: bool = False):
        axes = wrap_dims(dim, input.ndim)
        if input.size == 0 and not isinstance(dim, int) and not dim:
            raise RuntimeError(
                f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim "
                "with the 'dim' argument."
            )
        if input.ndim:
            _nonempty(
                input, (dim,) if isinstance(dim, int) else dim or axes, name
            )  # as the caller counts them
        x = _as_number(input)
        out = (jnp.max if name == "amax" else jnp.min)(x, axis=axes, keepdims=keepdim)
        return out.astype(input.dtype)

    lowering.__name__ = lowering.__qualname__ = name
    lowering.__doc__ = doc
    return op(
        saves=("input", "result"),
        out=True,
        check=_check_order("max_values_cpu" if name == "amax" else "min_values_cpu"),
    )(lowering)


amax = _amax("amax", "Largest element over `dim`; the gradient is shared evenly among ties.")
amin = _amax("amin", "Smallest element over `dim`; the gradient is shared evenly among ties.")


def _extreme_rows(name: str, largest: bool) -> tuple[Any, Any]:
    """The rows `name(input)` and `name(input, dim, keepdim)`."""
    reduce = jnp.max if largest else jnp.min

    def whole(input: Array):
        if input.size == 0:
            raise RuntimeError(
                f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim "
                "with the 'dim' argument."
            )
        return reduce(_as_number(input)).astype(input.dtype)

    def along(input: Array, dim: int, keepdim: bool = False):
        x, axis, scalar = one_axis(input, dim)
        _nonempty(x, (axis,), name)
        values, indices = extreme(_as_number(x), axis, largest)
        shape = () if scalar else reduced_shape(x.shape, (axis,), keepdim)
        return values.astype(input.dtype).reshape(shape), indices.reshape(shape)

    title = "Largest" if largest else "Smallest"
    whole.__doc__ = f"{title} element; the gradient is shared evenly among ties."
    along.__doc__ = f"{title} element along `dim` and its int64 index; the gradient goes to that element."
    whole.__name__ = along.__name__ = name

    def check(input: Any, **_: Any) -> None:
        if input.dtype.is_complex:
            raise RuntimeError(f"{name}(): does not support complex input")

    return (
        op(name=name, spaces=(), saves=("input", "result"), out=True, check=_check_order(f"{name}_all"))(
            whole
        ),
        op(name=name, spaces=(), returns=_PAIR, out=True, saves=("result1",), check=check)(along),
    )


_max_all, _max_dim = _extreme_rows("max", True)
_min_all, _min_dim = _extreme_rows("min", False)


def _extreme(
    whole: Any, along: Any, pair: Any, input: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    if "axis" in kwargs:
        kwargs["dim"] = kwargs.pop("axis")
    if not args and not (kwargs.keys() - {"out"}):
        return whole(input, **kwargs)
    if "other" in kwargs or (args and isinstance(args[0], Tensor)):
        return pair(input, *args, **kwargs)
    return along(input, *args, **kwargs)


@function(spaces=("torch", "Tensor"))
def max(input, *args, **kwargs):  # noqa: A001
    """`max(input)`, `max(input, dim, keepdim=False)` -> (values, indices), or `max(input, other)` elementwise."""
    return _extreme(_max_all, _max_dim, maximum, input, args, kwargs)


@function(spaces=("torch", "Tensor"))
def min(input, *args, **kwargs):  # noqa: A001
    """`min(input)`, `min(input, dim, keepdim=False)` -> (values, indices), or `min(input, other)` elementwise."""
    return _extreme(_min_all, _min_dim, minimum, input, args, kwargs)


def _check_aminmax(input: Any, dim: int | None = None, **_: Any) -> None:
    if dim is not None and input.ndim and input.shape[wrap_dims(dim, input.ndim)[0]] == 0:
        raise IndexError(f"aminmax: Expected reduction dim {dim % input.ndim} to have non-zero size.")
    kernel("aminmax_cpu" if dim is None else "aminmax")(input)


@op(returns=("min", "max"), saves=("input!", "result", "result1"), out=True, check=_check_aminmax)
def aminmax(input: Array, *, dim: int | None = None, keepdim: bool = False):
    """Smallest and largest element, over `dim` or of the whole tensor."""
    if dim is None and input.size == 0:
        raise RuntimeError(
            "aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity."
        )
    axes = wrap_dims(dim, input.ndim)
    x = _as_number(input)
    low, high = (f(x, axis=axes, keepdims=keepdim).astype(input.dtype) for f in (jnp.min, jnp.max))
    return low, high


def _arg_row(name: str, largest: bool) -> Any:
    def lowering(input: Array, dim: int | None = None, keepdim: bool = False):
        if input.dtype.kind in "bc":
            raise RuntimeError(
                f"{name}(): does not support {'bool' if input.dtype.kind == 'b' else 'complex'} input"
            )
        if dim is None:
            if input.size == 0:
                raise IndexError(f"{name}(): Expected reduction dim to be specified for input.numel() == 0.")
            shape = (1,) * input.ndim if keepdim else ()
            return argextreme(input.reshape(-1), 0, largest).reshape(shape)
        x, axis, scalar = one_axis(input, dim)
        _nonempty(x, (axis,), name)
        shape = () if scalar else reduced_shape(x.shape, (axis,), keepdim)
        return argextreme(x, axis, largest).reshape(shape)

    lowering.__name__ = lowering.__qualname__ = name
    lowering.__doc__ = (
        f"int64 index of the {'largest' if largest else 'smallest'} element along `dim`, or in the flattened tensor. "
        "Of several equal ones the first."
    )
    return op(differentiable=False, out=True)(lowering)


argmax = _arg_row("argmax", True)
argmin = _arg_row("argmin", False)

# ---- logical and counting -----------------------------------------------------------------------


def _logical(name: str, reduce: Any, doc: str) -> Any:
    def lowering(input: Array, dim: Ints | None = None, keepdim: bool = False):
        out = reduce(input != 0, axis=wrap_dims(dim, input.ndim, empty_is_all=False), keepdims=keepdim)
        return out.astype(jnp.uint8) if input.dtype == jnp.uint8 else out

    lowering.__name__ = lowering.__qualname__ = name
    lowering.__doc__ = doc
    return op(differentiable=False, out=True)(lowering)


all = _logical("all", jnp.all, "Whether every element (over `dim`) is true; uint8 in, uint8 out.")  # noqa: A001
any = _logical("any", jnp.any, "Whether some element (over `dim`) is true; uint8 in, uint8 out.")  # noqa: A001


@op(differentiable=False)
def count_nonzero(input: Array, dim: Ints | None = None):
    """How many elements (over `dim`) are not zero, int64."""
    return jnp.sum(input != 0, axis=wrap_dims(dim, input.ndim), dtype=jnp.int64)


def _check_hash(input: Any, dim: Any = (), mode: int = 0, **_: Any) -> None:
    if mode != 0:
        raise RuntimeError(f"Unknown hash_tensor mode: {mode}")
    axes = wrap_dims(dim, input.ndim)
    if input.dtype.is_complex:
        raise not_implemented("xor_sum_cpu", input.dtype)
    if input.size == 0 and dim == ():
        raise RuntimeError(
            "hash_tensor: Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with "
            "the 'dim' argument."
        )
    for a in axes:
        if not input.shape[a]:
            raise IndexError(f"hash_tensor: Expected reduction dim {a} to have non-zero size.")


@op(differentiable=False, out=True, check=_check_hash)
def hash_tensor(input: Array, dim: Ints = (), *, keepdim: bool = False, mode: int = 0):
    """The bits of all elements (over `dim`), widened to 64, joined by exclusive or: uint64.

    Raises:
        RuntimeError: `mode` is not 0, or there is no element.
        NotImplementedError: `input` is complex.
    """
    wide = jnp.float64 if jnp.issubdtype(input.dtype, jnp.floating) else jnp.int64
    x = input if input.dtype == jnp.uint64 else lax.bitcast_convert_type(input.astype(wide), jnp.uint64)
    axes = wrap_dims(dim, x.ndim)
    found = lax.reduce(x, np.uint64(0), lax.bitwise_xor, axes)
    return found.reshape(reduced_shape(x.shape, axes, keepdim))


@function(spaces=("Tensor",))
def sum_to_size(self, *size):
    """Sums over the dimensions in which `self` was broadcast from `size`."""
    shape = tuple(size[0]) if len(size) == 1 and not isinstance(size[0], int) else size
    have = tuple(self.shape)
    lead = len(have) - len(shape)
    fits = lead >= 0 and not [1 for h, s in zip(have[lead:], shape) if s != h and s != 1]
    if not fits:
        raise RuntimeError(f"size {{{list(shape)}}} is not expandable to size {{{list(have)}}}.")
    dims = [*range(lead), *(lead + i for i, s in enumerate(shape) if s == 1 and have[lead + i] != 1)]
    if not shape:  # a sum in any case, of integers as int64
        return sum(self)
    out = sum(self, dims, True) if dims else self
    return out.reshape(shape) if lead else out
