"""Rows that pick from or write to places along a dimension: gather, scatter, index_*, take, put."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from .._core import dtypes
from .._core.checks import guard
from .._core.orders import as_input
from .._core.registry import Array, Operand, Scalar, function, op
from .._core.tensor import Tensor
from .looks import Looked, along
from .lowering.reduce_at import START, product_at, reduce_at, set_at
from .results import into, rebind
from .strides import wrap_dim
from .validate import SCALAR_NAMES, broadcast, not_implemented, scalar_name
from .view import reshape

_OUTSIDE = "index {{}} is out of bounds for {}"
_MSG_LOOK = "index {} is out of bounds for dimension {dim} with size {size}"
_look = along(RuntimeError, _MSG_LOOK)

# ---- along a dimension ---------------------------------------------------------------------------


def _check_gather(input: Any, dim: Any, index: Any, **_: Any) -> None:
    d = wrap_dim(dim, input.ndim)
    if not index.size:  # of any dtype and rank
        return
    if index.dtype not in (dtypes.int64, dtypes.int32):
        raise RuntimeError("gather(): Expected dtype int32/int64 for index")
    if max(index.ndim, 1) != max(input.ndim, 1):
        raise RuntimeError("Index tensor must have the same number of dimensions as input tensor")
    for i, (m, n) in enumerate(zip(index.shape, input.shape)):
        if i != d and m > n:
            raise RuntimeError(
                f"Size does not match at dimension {i} expected index {list(index.shape)} to be no larger than self "
                f"{list(input.shape)} apart from dimension {d}"
            )


def _bounds(index: Any, n: int, dim: int) -> Any:
    i = index.astype(jnp.int64)
    if not i.size:
        return i
    bad = (i < 0) | (i >= n)
    flat = bad.reshape(-1)
    guard(flat.any(), RuntimeError, "index {} is out of bounds for dimension " + f"{dim} with size {n}",
          i.reshape(-1)[jnp.argmax(flat)])  # fmt: skip
    return i


def _along(x: Any, dim: int, index: Any) -> tuple[Any, ...]:
    """The full advanced key that pairs `index` with its own positions elsewhere."""
    return tuple(index if d == dim else jnp.arange(index.shape[d]).reshape([-1 if k == d else 1 for k in range(x.ndim)])
                 for d in range(x.ndim))  # fmt: skip


@op(out=True, check=_check_gather, row=Looked, look=_look, saves=("input!", "index!"))
def gather(input: Array, dim: int, index: Array, *, sparse_grad: bool = False):
    """Picks `input[..., index, ...]` along `dim`; the result has the shape of `index`.

    Raises:
        RuntimeError: shapes do not fit, or an index is out of range.
    """
    if not index.size:
        return jnp.zeros(index.shape, input.dtype)
    if input.ndim == 0:
        _bounds(index, 1, 0)
        return jnp.broadcast_to(input, index.shape)
    if index.ndim == 0:
        index = index.reshape(1)
        return gather_fn(input, dim, index).reshape(())
    return gather_fn(input, dim, index)


def gather_fn(input: Any, dim: int, index: Any) -> Any:
    """`gather` on arrays."""
    d = dim % input.ndim
    i = _bounds(index, input.shape[d], d)
    if i.size == 0:
        return jnp.zeros(index.shape, input.dtype)
    cut = tuple(slice(0, n) if k != d else slice(None) for k, n in enumerate(index.shape))
    return jnp.take_along_axis(input[cut], i, axis=d, mode="clip")


@op(
    out=True,
    check=lambda input, dim, index: _check_index_select(input, dim, index),
    row=Looked,
    look=along(IndexError, "index out of range in self"),
    saves=("index!",),
)
def index_select(input: Array, dim: int, index: Array):
    """Picks whole entries along `dim` by a vector of indices."""
    if input.ndim == 0:
        _bounds(index, 1, 0)
        return input
    d = dim % input.ndim
    i = index.reshape(-1).astype(jnp.int64)
    n = input.shape[d]
    if i.size:
        guard(((i < 0) | (i >= n)).any(), IndexError, "index out of range in self")
    return jnp.take(input, i, axis=d, mode="clip")


def _check_index_select(input: Any, dim: Any, index: Any) -> None:
    wrap_dim(dim, input.ndim)
    if index.ndim > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    if index.dtype not in (dtypes.int64, dtypes.int32):
        raise RuntimeError("index_select(): Expected dtype int32 or int64 for index")
    if input.ndim == 0 and index.size != 1:
        raise RuntimeError(
            f"index_select(): Index to scalar can have only 1 value, got {index.size} value(s)"
        )


def _check_scatter(name: str) -> Any:
    def check(input: Any, dim: Any, index: Any, src: Any = None, value: Any = None, **rest: Any) -> None:
        d = wrap_dim(dim, input.ndim)
        if src is not None and not isinstance(src, type) and src.dtype is not input.dtype:
            raise RuntimeError("scatter(): Expected self.dtype to be equal to src.dtype")
        if index.size == 0:  # of any dtype and rank
            return
        if index.dtype not in (dtypes.int64, dtypes.int32):
            raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index")
        if max(index.ndim, 1) != max(input.ndim, 1) or (
            src is not None and not isinstance(src, type) and max(src.ndim, 1) != max(input.ndim, 1)
        ):
            other = "self" if max(index.ndim, 1) != max(input.ndim, 1) else "src"
            raise RuntimeError(f"Index tensor must have the same number of dimensions as {other} tensor")
        if src is not None and not isinstance(src, type):
            for i, m in enumerate(index.shape):
                if (i != d and m > input.shape[i]) or m > src.shape[i]:
                    raise RuntimeError(
                        f"Expected index {list(index.shape)} to be no larger than self {list(input.shape)} apart from dimension {d} "
                        f"and to be no larger size than src {list(src.shape)}"
                    )
        else:
            for i, m in enumerate(index.shape):
                if i != d and m > input.shape[i]:
                    raise RuntimeError(
                        f"Expected index {list(index.shape)} to be no larger than self {list(input.shape)} apart from dimension {d}"
                    )

    return check


def _scatter_key(input: Any, dim: int, index: Any, src: Any) -> tuple[Any, Any, Any]:
    if input.ndim == 0:
        input = input.reshape(1)
    if index.ndim == 0:
        index = index.reshape(1)
    d = dim % input.ndim
    i = _bounds(index, input.shape[d], d)
    if src.ndim == 0 and src.size == 1:
        values = jnp.broadcast_to(src, index.shape)
    else:
        values = src[tuple(slice(0, n) for n in index.shape)]
    return input, _along(input, d, i), values


def _scatter_rows() -> tuple[Any, ...]:
    def make(name: str, how: str) -> Any:
        def lowering(input: Array, dim: int, index: Array, src: Array):
            if not index.size:
                return input
            x, key, values = _scatter_key(input, dim, index, src)
            values = values.astype(x.dtype)
            if how == "multiply":
                return product_at(x, key, values).reshape(input.shape)
            if how == "set":
                return set_at(x, key, values).reshape(input.shape)
            fold = "max" if how == "add" and x.dtype == np.bool_ else how
            return getattr(x.at[key], fold)(values, mode="drop").reshape(input.shape)

        lowering.__name__ = lowering.__qualname__ = f"_{name}_{how}"
        saves = ("index<src",) if how == "add" else ("index!",)
        return op(
            lowering, name=name, spaces=(), saves=saves, check=_check_scatter(name), row=Looked, look=_look
        )

    return make("scatter", "set"), make("scatter_add", "add"), make("scatter", "multiply")


_scatter_set, _scatter_add, _scatter_multiply = _scatter_rows()


@op(spaces=(), name="scatter", check=_check_scatter("scatter"), row=Looked, look=_look, saves=("index!",))
def _scatter_value(input: Array, dim: int, index: Array, value: Scalar, reduce: str | None):
    if not index.size:
        return input
    x, key, values = _scatter_key(input, dim, index, jnp.asarray(value))
    values = values.astype(x.dtype)
    if reduce == "multiply":
        return product_at(x, key, values).reshape(input.shape)
    at = x.at[key]
    return (at.add if reduce == "add" else at.set)(values, mode="drop").reshape(input.shape)


def _scatter_any(input: Tensor, dim: int, index: Tensor, src: Any, reduce: str | None) -> Tensor:
    if reduce not in (None, "add", "multiply"):
        raise RuntimeError("reduce argument must be either add or multiply.")
    if not isinstance(src, Tensor):
        value = src if not input.dtype.is_floating_point else float(src)
        return _scatter_value(input, dim, index, value, reduce)
    return {None: _scatter_set, "add": _scatter_add, "multiply": _scatter_multiply}[reduce](
        input, dim, index, src
    )


@function()
def scatter(
    input: Tensor,
    dim: int,
    index: Tensor,
    src: Any = None,
    *,
    value: Any = None,
    reduce: str | None = None,
    out: Any = None,
) -> Tensor:
    """A copy with `src` (a tensor or number) written to `index` along `dim`."""
    result = _scatter_any(input, dim, index, value if src is None else src, reduce)
    return into(result, out, "scatter")


@function(spaces=("Tensor",))
def scatter_(
    self: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: str | None = None
) -> Tensor:
    """In-place `scatter`."""
    return rebind(self, lambda x: _scatter_any(x, dim, index, value if src is None else src, reduce))


@function()
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor, *, out: Any = None) -> Tensor:
    """A copy with `src` added to `index` along `dim`."""
    result = _scatter_add(input, dim, index, src)
    return into(result, out, "scatter_add")


@function(spaces=("Tensor",))
def scatter_add_(self: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """In-place `scatter_add`."""
    return rebind(self, lambda x: _scatter_add(x, dim, index, src))


def _check_scatter_reduce(input: Any, dim: Any, index: Any, src: Any, reduce: str, **_: Any) -> None:
    _check_scatter("scatter_reduce")(input, dim, index, src)
    if reduce in ("amax", "amin") and input.dtype.is_complex and index.size:
        raise not_implemented(f"scatter_gather_tensor_cpu_reduce_{reduce}", input.dtype)
    if reduce == "mean" and input.dtype is dtypes.bool_ and index.size:
        raise not_implemented("scatter_gather_tensor_cpu_reduce_mean", input.dtype)


@op(
    spaces=(),
    name="scatter_reduce",
    check=_check_scatter_reduce,
    row=Looked,
    look=_look,
    saves=("input!", "index!", "src!", "result"),
)
def _scatter_reduce(input: Array, dim: int, index: Array, src: Array, reduce: str, include_self: bool):
    if not index.size:
        return input
    x, key, values = _scatter_key(input, dim, index, src)
    return reduce_at(x, key, values.astype(x.dtype), reduce, include_self).reshape(input.shape)


def _check_reduce(reduce: str) -> None:
    if reduce not in START:
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")


@function()
def scatter_reduce(
    input: Tensor,
    dim: int,
    index: Tensor,
    src: Tensor,
    reduce: str,
    *,
    include_self: bool = True,
    out: Any = None,
) -> Tensor:
    """A copy with `src` reduced into `index` along `dim` by sum, prod, mean, amax or amin."""
    _check_reduce(reduce)
    result = _scatter_reduce(input, dim, index, src, reduce, include_self)
    return into(result, out, "scatter_reduce")


@function(spaces=("Tensor",))
def scatter_reduce_(
    self: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """In-place `scatter_reduce`."""
    _check_reduce(reduce)
    return rebind(self, lambda x: _scatter_reduce(x, dim, index, src, reduce, include_self))


def _rows_key(
    x: Any, dim: int, index: Any, text: str | None = None, error: Any = IndexError, negative: bool = False
) -> tuple[Any, ...]:
    d = dim % x.ndim
    i = index.reshape(-1).astype(jnp.int64)
    n = x.shape[d]
    if text is not None and i.size:
        bad = (i < (-n if negative else 0)) | (i >= n)
        guard(bad.any(), error, text.format(f"dimension {d} with size {n}"), i[jnp.argmax(bad)])
        i = jnp.where(bad, n, jnp.where(i < 0, i + n, i))
    elif i.size:
        guard(((i < 0) | (i >= n)).any(), error, "index out of range in self")
    return tuple(i if k == d else slice(None) for k in range(x.ndim))


def _check_index_op(name: str) -> Any:
    def check(input: Any, dim: Any, index: Any, source: Any = None, **_: Any) -> None:
        d = wrap_dim(dim, input.ndim)
        if index.ndim > 1:
            raise IndexError(
                f"{name}(): Index is supposed to be a vector, but got dim: {index.ndim} with type: {index.dtype}"
            )
        kind = scalar_name(index.dtype)
        if name == "index_fill" and index.dtype is not dtypes.int64:
            raise IndexError("index_fill_(): Expected dtype int64 for index.")
        if name == "index_copy" and index.dtype is not dtypes.int64:
            raise RuntimeError(f"index_copy_(): Expected a long tensor for index, but got {kind}")
        if index.dtype not in (dtypes.int64, dtypes.int32):
            raise RuntimeError(f"{name}_(): Expected dtype int32/int64 for index but got: {kind}")
        if source is None or isinstance(source, type):
            return
        if source.dtype is not input.dtype:
            raise RuntimeError(
                f"{name}(): self and source expected to have the same dtype, but got (self) {input.dtype} and (source) {source.dtype}"
            )
        if source.ndim and source.shape[d if d < source.ndim else 0] != index.size:
            raise RuntimeError(
                f"{name}_(): Number of indices ({index.size}) should be equal to source.size(dim): ({source.shape[d]}), for dim: {d}"
            )

    return check


def _same_slices(input: Any, d: int, source: Any) -> None:
    """The error of a source whose other dimensions are not those of `input`."""
    into, given = ([n for i, n in enumerate(x.shape) if i != d] for x in (input, source))
    if input.ndim != source.ndim or into != given:
        raise RuntimeError(
            "source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = "
            f"{list(input.shape)} source.shape = {list(source.shape)}"
        )


def _check_index_add(input: Any, dim: Any, index: Any, source: Any, **_: Any) -> None:
    if source.dtype is not input.dtype:
        raise RuntimeError(
            f"index_add_(): self ({scalar_name(input.dtype)}) and source ({scalar_name(source.dtype)}) must have the same "
            "scalar type"
        )
    _same_slices(input, wrap_dim(dim, input.ndim), source)
    _check_index_op("index_add")(input, dim, index, source)


@op(
    inplace=True,
    out=True,
    check=_check_index_add,
    row=Looked,
    look=_look,
    saves=("index<source", "source<source"),
)
def index_add(input: Array, dim: int, index: Array, source: Array, *, alpha: Scalar = 1):
    """A copy with `alpha * source` added to the entries `index` of `dim`."""
    x = input.reshape(1) if input.ndim == 0 else input
    values = source.reshape(1) if input.ndim == 0 else source
    added = (values * jnp.asarray(alpha, x.dtype)).astype(x.dtype)
    at = x.at[_rows_key(x, dim, index, _OUTSIDE, RuntimeError)]
    out = at.max(added, mode="drop") if x.dtype == np.bool_ else at.add(added, mode="drop")
    return out.reshape(input.shape)


def _check_index_copy(input: Any, dim: Any, index: Any, source: Any) -> None:
    _check_index_op("index_copy")(input, dim, index, source)
    d = wrap_dim(dim, input.ndim)
    into, given = (tuple(n for i, n in enumerate(x.shape) if i != d) for x in (input, source))
    if into != given and source.ndim:
        raise RuntimeError(
            "index_copy_(): Source/destination tensor must have same slice shapes. Destination slice shape: "
            f"{' '.join(map(str, into))} at dimension {d} and source slice shape: {' '.join(map(str, given))} at dimension {d}."
        )


@op(
    inplace=True,
    out=True,
    check=_check_index_copy,
    row=Looked,
    look=along(IndexError, "index_copy_(): " + _MSG_LOOK),
    saves=("index!", "source<source"),
)
def index_copy(input: Array, dim: int, index: Array, source: Array):
    """A copy with `source` written to the entries `index` of `dim`."""
    x = input.reshape(1) if input.ndim == 0 else input
    values = source.reshape(1) if input.ndim == 0 else source
    return set_at(x, _rows_key(x, dim, index), values).reshape(input.shape)


@op(
    spaces=(),
    name="index_fill",
    check=lambda input, dim, index, value: _check_index_op("index_fill")(input, dim, index),
    layout=as_input,
    saves=("index!",),
)
def _index_fill(input: Array, dim: int, index: Array, value: Operand):
    x = input.reshape(1) if input.ndim == 0 else input
    return (
        x.at[_rows_key(x, dim, index, _OUTSIDE, negative=True)]
        .set(value.astype(x.dtype), mode="drop")
        .reshape(input.shape)
    )


@function()
def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """A copy with the entries `index` of `dim` set to one value."""
    if isinstance(value, Tensor) and value.ndim:
        raise RuntimeError(
            f"index_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s)."
        )
    return _index_fill(input, dim, index, value)


@function(spaces=("Tensor",))
def index_fill_(self: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """In-place `index_fill`."""
    return rebind(self, lambda x: index_fill(x, dim, index, value))


def _check_index_reduce(input: Any, dim: Any, index: Any, source: Any, reduce: str, **_: Any) -> None:
    _check_index_op("index_reduce")(input, dim, index, source)
    _same_slices(input, wrap_dim(dim, input.ndim), source)
    if reduce in ("amax", "amin") and input.dtype.is_complex:
        raise not_implemented("maximum_cpu" if reduce == "amax" else "minimum_cpu", input.dtype)
    if reduce == "mean" and input.dtype is dtypes.bool_:
        raise not_implemented("div_floor_cpu", input.dtype)


@op(
    spaces=(), name="index_reduce", check=_check_index_reduce, saves=("input!", "index!", "source!", "result")
)
def _index_reduce(input: Array, dim: int, index: Array, source: Array, reduce: str, include_self: bool):
    x, values = (a.reshape(1) if a.ndim == 0 else a for a in (input, source))
    return reduce_at(x, _rows_key(x, dim, index), values, reduce, include_self).reshape(input.shape)


@function()
def index_reduce(
    input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """A copy with `source` reduced into the entries `index` of `dim` by prod, mean, amax or amin."""
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(
            f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}."
        )
    return _index_reduce(input, dim, index, source, reduce, include_self)


@function(spaces=("Tensor",))
def index_reduce_(
    self: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """In-place `index_reduce`."""
    return rebind(self, lambda x: index_reduce(x, dim, index, source, reduce, include_self=include_self))


# ---- in the flattened tensor -------------------------------------------------------


def _check_flat(name: str) -> Any:
    def check(input: Any, index: Any, source: Any = None, **_: Any) -> None:
        if index.dtype is not dtypes.int64:
            raise RuntimeError(
                f"{name}(): Expected a long tensor for index, but got {SCALAR_NAMES[index.dtype.name]}"
            )
        if source is not None and source.size != index.size:
            raise RuntimeError(
                f"{name}(): Expected source and index to have the same number of elements, but got source.numel() = "
                f"{source.size}, index.numel() = {index.size}"
            )
        if source is not None and source.dtype is not input.dtype:
            raise RuntimeError(
                f"{name}(): self and source expected to have the same dtype, but got self.dtype = "
                f"{SCALAR_NAMES[input.dtype.name]} and source.dtype = {SCALAR_NAMES[source.dtype.name]}"
            )
        if input.size == 0 and index.size:
            raise IndexError(
                f"{name}(): tried to {'take from' if name == 'take' else 'put elements into'} an empty tensor"
            )

    return check


def _flat_index(index: Any, n: int) -> Any:
    """Indices into a flattened tensor of n elements, negative ones counted from the end."""
    i = index.astype(jnp.int64)
    if not i.size:
        return i
    bad = ((i < -n) | (i >= n)).reshape(-1)
    guard(bad.any(), IndexError, "out of range: tried to access index {} on a tensor of " + f"{n} elements.",
          i.reshape(-1)[jnp.argmax(bad)])  # fmt: skip
    return jnp.where(i < 0, i + n, i)


_look_flat = along(
    IndexError, "out of range: tried to access index {} on a tensor of {size} elements.", flat=True, at=1
)


@op(out=True, check=_check_flat("take"), row=Looked, look=_look_flat, saves=("input!", "index!"))
def take(input: Array, index: Array):
    """Elements by their index in the flattened input."""
    if not index.size:
        return jnp.zeros(index.shape, input.dtype)
    return jnp.take(input.reshape(-1), _flat_index(index, input.size), mode="clip")


@op(
    inplace=True,
    check=_check_flat("put_"),
    row=Looked,
    look=_look_flat,
    layout=as_input,
    saves=("index!", "source<source"),
)
def put(input: Array, index: Array, source: Array, accumulate: bool = False):
    """A copy with `source` written to `index` of the flattened input."""
    flat, at, values = input.reshape(-1), _flat_index(index.reshape(-1), input.size), source.reshape(-1)
    if not accumulate:
        return set_at(flat, at, values).reshape(input.shape)
    fold = flat.at[at].max if input.dtype == np.bool_ else flat.at[at].add
    return fold(values).reshape(input.shape)


def _check_take_along(input: Any, indices: Any, dim: int) -> None:
    broadcast(*[tuple(1 if k == dim else m for k, m in enumerate(a.shape)) for a in (input, indices)])


@op(spaces=(), name="take_along_dim", check=_check_take_along, saves=("input!",))
def _take_along(input: Array, indices: Array, dim: int):
    n = input.shape[dim]
    i = indices.astype(jnp.int64)
    if i.size:
        guard(
            ((i < -n) | (i >= n)).any(),
            RuntimeError,
            "index out of bounds for dimension " + f"{dim} with size {n}",
        )
    shape = list(
        np.broadcast_shapes(*[tuple(1 if k == dim else m for k, m in enumerate(a.shape)) for a in (input, i)])
    )
    x = jnp.broadcast_to(input, [n if k == dim else m for k, m in enumerate(shape)])
    i = jnp.broadcast_to(i, [indices.shape[dim] if k == dim else m for k, m in enumerate(shape)])
    return jnp.take_along_axis(x, jnp.where(i < 0, i + n, i), axis=dim, mode="clip")


@function()
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None, *, out: Any = None) -> Tensor:
    """Picks along `dim` by an index tensor that broadcasts against the input."""
    if dim is None:
        result = _take_along(reshape(input, (-1,)), reshape(indices, (-1,)), 0)
    else:
        if input.ndim != indices.ndim:
            raise RuntimeError(
                f"torch.take_along_dim(): input and indices should have the same number of dimensions, but got {input.ndim} dimensions for input, and {indices.ndim} dimensions for indices"
            )
        if indices.dtype is not dtypes.int64:
            raise RuntimeError(
                "torch.take_along_dim(): dtype of indices should be Long but got "
                + scalar_name(indices.dtype)
            )
        d = wrap_dim(dim, input.ndim)
        if not input.ndim:
            raise IndexError("Dimension specified as 0 but tensor has no dimensions")
        result = _take_along(input, indices, d)
    return into(result, out, "take_along_dim")
