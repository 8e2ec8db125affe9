"""Sorting, selection, search, and distinct elements."""

import builtins
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from .._core.autograd import not_implemented_derivative, refuse_gradients
from .._core.orders import as_input
from .._core.registry import Array, Operand, function, op
from .._core.tensor import from_numpy_copy
from .lowering.axes import one_axis, reduced_shape, take_axis
from .lowering.ordering import insertion_points, order, select_top, sort_pairs
from .validate import kernel, wrap_dim

_PAIR = ("values", "indices")


def _no_complex(title: str) -> Any:
    def check(input: Any, **_: Any) -> None:
        if input.dtype.is_complex:
            raise RuntimeError(f" {title} does not support complex dtypes on CPU")

    return check


@op(
    name="sort",
    spaces=(),
    returns=_PAIR,
    out=True,
    check=_no_complex("Sort"),
    layout=as_input,
    saves=("result1",),
)
def _sort(input: Array, dim: int = -1, descending: bool = False, stable: bool | None = None):
    """`(values, indices)` in ascending or descending order along `dim`; always stable, nan is largest."""
    x, axis, scalar = one_axis(input, dim)
    values, indices = sort_pairs(x, axis, descending)
    return (values[0], indices[0]) if scalar else (values, indices)


@function(spaces=("torch", "Tensor"))
def sort(input, dim=-1, descending=False, stable=False, *, out=None):
    """Sorts along `dim`.

    Equal elements keep their order whatever `stable` says, and nan counts as the largest number.

    Returns:
        `(values, indices)`, int64 indices.
    """
    return _sort(input, dim, builtins.bool(descending), None, out=out)


@op(differentiable=False, out=True, check=_no_complex("Sort"), layout=as_input)
def argsort(input: Array, dim: int = -1, descending: bool = False, stable: bool = False):
    """Indices that sort `input` along `dim`, stable."""
    x, axis, scalar = one_axis(input, dim)
    index = order(x, axis, bool(descending))
    return index[0] if scalar else index


@op(out=True, check=_no_complex("Sort"), layout=as_input)
def msort(input: Array):
    """Sorts along the first dimension."""
    return sort_pairs(input, 0, False)[0] if input.ndim else input


def _check_topk(input: Any, **_: Any) -> None:
    if input.dtype.name == "bool":
        raise RuntimeError("topk does not support bool dtypes on CPU")
    _no_complex("topk")(input)


@op(returns=_PAIR, out=True, check=_check_topk, saves=("result1",))
def topk(input: Array, k: int, dim: int = -1, largest: bool = True, sorted: bool = True):
    """The `k` largest (or smallest) elements along `dim`, in order, and their int64 indices.

    Raises:
        RuntimeError: `k` negative or more than the size of `dim`.
    """
    x, axis, scalar = one_axis(input, dim)
    if not 0 <= k <= x.shape[axis]:
        raise RuntimeError("selected index k out of range")
    values, indices = select_top(x, k, axis, largest)
    return (values.reshape(()), indices.reshape(())) if scalar and k else (values, indices)


@op(returns=_PAIR, out=True, check=kernel("kthvalue_cpu", "ihf"), saves=("result1",))
def kthvalue(input: Array, k: int, dim: int = -1, keepdim: bool = False):
    """The `k`-th smallest element along `dim` (1 is the smallest) and its index."""
    x, axis, scalar = one_axis(input, dim)
    if x.shape[axis] == 0:
        raise IndexError(f"kthvalue(): Expected reduction dim {axis} to have non-zero size.")
    if not 1 <= k <= x.shape[axis]:
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {axis}")
    index = lax.slice_in_dim(order(lax.stop_gradient(x), axis, False), k - 1, k, axis=axis)
    shape = () if scalar else reduced_shape(x.shape, (axis,), keepdim)
    return take_axis(x, index, axis).reshape(shape), index.reshape(shape)


# ---- search ---------------------------------------------------------------------------------------


def _side(name: str, right: bool, side: str | None) -> bool:
    if side is None:
        return right
    if side not in ("left", "right"):
        raise RuntimeError(f"torch.{name}(): side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise RuntimeError(
            f"torch.{name}(): side and right can't be set to opposites, got side of left while right was True"
        )
    return side == "right"


def _check_searchsorted(sorted_sequence: Any, input: Any, sorter: Any = None, **_: Any) -> None:
    name, given = "torch.searchsorted()", hasattr(input, "shape")
    seq = sorted_sequence
    if seq.ndim == 0:
        raise RuntimeError(f"{name}: boundaries tensor should have positive dimension, but got 0 dimension")
    if given and seq.ndim != 1 and seq.shape[:-1] != input.shape[:-1]:
        raise RuntimeError(
            f"{name}: boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries tensor and input "
            f"value tensor must match, but we got boundaries tensor {list(seq.shape)} and input value tensor "
            f"{list(input.shape)}"
        )
    if not given and seq.ndim != 1:
        raise RuntimeError(
            f"{name}: input value can be a scalar only when boundaries tensor dimension is 1, but we got boundaries tensor "
            f"dim({seq.ndim}) and input value's dim(0) numel(1)"
        )
    if sorter is not None:
        if sorter.shape != seq.shape:
            raise RuntimeError(
                f"{name}: boundary and sorter must have the same size, but got boundary tensor {list(seq.shape)}and got "
                f"sorter tensor {list(sorter.shape)}"
            )
        if sorter.dtype.name != "int64":
            raise RuntimeError(
                f"{name}: sorter must be a tensor of long dtype but got dtype {_type_name(sorter.dtype)}"
            )
    _check_search(seq)


_check_search = kernel("searchsorted_out_cpu", "ihf")


def _type_name(d: Any) -> str:
    name: str = d.name
    return {"float32": "float", "float64": "double", "int64": "long int", "int32": "int", "bool": "bool"}.get(
        name, name
    )


@op(differentiable=False, out=True, check=_check_searchsorted, spaces=("torch",))
def searchsorted(
    sorted_sequence: Array, input: Operand, *, out_int32: bool = False, right: bool = False, side: str | None = None,
    sorter: Array | None = None,
):  # fmt: skip
    """Where each value of `input` goes into `sorted_sequence` (sorted along its last dimension).

    `side="right"` (or `right=True`) goes behind equal elements. `sorter` holds the indices that sort
    an unsorted `sorted_sequence`. Result: int64, or int32 with `out_int32`.
    """
    seq = sorted_sequence
    if sorter is not None:
        seq = jnp.take_along_axis(seq, sorter, axis=-1)
    at = insertion_points(seq, jnp.asarray(input), _side("searchsorted", right, side))
    return at.astype(jnp.int32) if out_int32 else at


def _check_bucketize(input: Any, boundaries: Any, **_: Any) -> None:
    if boundaries.ndim != 1:
        raise RuntimeError(f"boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})")
    _check_search(boundaries)


@op(differentiable=False, out=True, check=_check_bucketize, spaces=("torch",))
def bucketize(input: Operand, boundaries: Array, *, out_int32: bool = False, right: bool = False):
    """Index of the bucket of each value: `boundaries[i-1] < v <= boundaries[i]`, `<=` and `<` with `right`."""
    at = insertion_points(boundaries, jnp.asarray(input), right)
    return at.astype(jnp.int32) if out_int32 else at


# ---- distinct elements: their number depends on the data, so they are found on the host --------------


def _results(input: Any, parts: list[Any], wanted: tuple[bool, bool], operator: str) -> Any:
    """What the caller asked for: the elements, then inverse and counts. PyTorch's `operator` has no derivative."""
    device = input.device
    out = [
        from_numpy_copy(np.asarray(p, order="C"), device) for p, keep in zip(parts, (True, *wanted)) if keep
    ]
    camel = "".join(part.capitalize() for part in operator.split("_"))
    refuse_gradients(out, [input], f"{camel}Backward0", not_implemented_derivative(operator))
    return tuple(out) if len(out) > 1 else out[0]


def _runs(changed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number of each element's run, and the lengths of the runs; `changed[i]`: i differs from i - 1."""
    if changed.size == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    inverse = np.cumsum(changed, dtype=np.int64) - 1
    return inverse, np.bincount(inverse).astype(np.int64)


def _rows(data: np.ndarray, dim: int) -> np.ndarray:
    """`data` with `dim` in front and the rest flattened."""
    moved = np.moveaxis(data, dim, 0)
    return moved.reshape(moved.shape[0], -1 if moved.size else 0)


_check_unique = kernel("unique")


def _slices(shape: tuple[int, ...], dim: int) -> int:
    """The dimension along which slices are compared, from 0 on.

    Raises:
        IndexError: there is none. RuntimeError: the slices are empty.
    """
    if not shape:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    dim = wrap_dim(dim, len(shape))
    if shape[dim] == 0 and shape.count(0) > 1:
        raise RuntimeError("Number of zero sized dimensions is more than one, so unique cannot be applied ")
    if shape[dim] and 0 in shape:
        raise RuntimeError(
            "There are 0 sized dimensions, and they aren't selected, so unique cannot be applied"
        )
    return dim


@function(spaces=("torch", "Tensor"))
def unique(input, sorted=True, return_inverse=False, return_counts=False, dim=None):
    """The distinct elements, or distinct slices along `dim`, always sorted.

    Returns:
        The tensor of distinct elements; with `return_inverse` also, for each element of `input`, its
        position there, and with `return_counts` how often each occurs (int64).
    """
    _check_unique(input)
    data, wanted = input._host(), (return_inverse, return_counts)
    if dim is None:
        values, inverse, counts = np.unique(data, return_inverse=True, return_counts=True, equal_nan=False)
        return _results(
            input,
            [values, inverse.reshape(data.shape).astype(np.int64), counts.astype(np.int64)],
            wanted,
            "_unique2",
        )
    dim = _slices(data.shape, dim)
    rows = _rows(data, dim)
    index = np.lexsort(rows.T[::-1]) if rows.size else np.arange(len(rows))
    ranked = rows[index]
    changed = np.ones(len(rows), bool)
    changed[1:] = (ranked[1:] != ranked[:-1]).any(1)
    runs, counts = _runs(changed)
    inverse = np.empty(len(rows), np.int64)
    inverse[index] = runs
    return _results(input, [np.take(data, index[changed], axis=dim), inverse, counts], wanted, "unique_dim")


@function(spaces=("torch", "Tensor"))
def unique_consecutive(input, return_inverse=False, return_counts=False, dim=None):
    """The first of each run of equal elements (or of equal slices along `dim`); see `unique` for the results."""
    _check_unique(input)
    data, wanted = input._host(), (return_inverse, return_counts)
    if dim is None:
        flat = data.reshape(-1)
        changed = np.ones(flat.size, bool)
        changed[1:] = flat[1:] != flat[:-1]
        inverse, counts = _runs(changed)
        return _results(
            input, [flat[changed], inverse.reshape(data.shape), counts], wanted, "unique_consecutive"
        )
    dim = _slices(data.shape, dim)
    rows = _rows(data, dim)
    changed = np.ones(len(rows), bool)
    changed[1:] = (rows[1:] != rows[:-1]).any(1)
    inverse, counts = _runs(changed)
    return _results(
        input, [np.compress(changed, data, axis=dim), inverse, counts], wanted, "unique_consecutive"
    )
