"""Table look-ups: `embedding`, `embedding_bag` and `one_hot`.

With `sparse=True` the gradient of a table that is a leaf is a sparse tensor: one entry per
index, not coalesced.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core import errors
from .._core.autograd import Node
from .._core.checks import guard
from .._core.gradients import wrap
from .._core.host import host_array
from .._core.modes import local, no_grad
from .._core.registry import Array, Scalar, function, op
from .._core.sparse import SparseTensor
from .._core.tensor import Tensor, from_numpy_copy
from .lowering.norms import vector_norm
from .sparse_coo import held_values
from .validate import size_text, type_name

FUNCTIONAL = ("nn.functional",)
_MSG_INDICES = (
    "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; "
    "but got {} instead (while checking arguments for {})"
)


def _check_indices(indices: Any, name: str) -> None:
    if indices.dtype.name not in ("int64", "int32"):
        raise RuntimeError(_MSG_INDICES.format(type_name(indices.dtype), name))


@jax.custom_jvp
def _scale_tangent(x: Any, factor: Any) -> Any:
    """`x`, whose derivative is multiplied by `factor`."""
    return x


@_scale_tangent.defjvp
def _scale_tangent_jvp(primals: Any, tangents: Any) -> Any:
    return primals[0], tangents[0] * primals[1]


def _rows(weight: Any, indices: Any, padding_idx: int, by_frequency: bool) -> Any:
    """`weight[indices]`; no gradient to the padding row, and each divided by its row's count if asked."""
    out = jnp.take(weight, indices, axis=0, mode="clip")
    factor = None
    if by_frequency:
        counts = jnp.zeros(weight.shape[0], weight.dtype).at[indices].add(1, mode="clip")
        factor = 1 / jnp.take(counts, indices, mode="clip")
    if padding_idx >= 0:
        live = (indices != padding_idx).astype(weight.dtype)
        factor = live if factor is None else factor * live
    return out if factor is None else _scale_tangent(out, factor[..., None])


def _check_embedding(weight: Any, indices: Any, **_: Any) -> None:
    if weight.ndim != 2:
        raise RuntimeError("'weight' must be 2-D")
    _check_indices(indices, "embedding")


@op(spaces=(), name="embedding", saves=("indices",), grad_name="EmbeddingBackward0", check=_check_embedding)
def _embedding(weight: Array, indices: Array, padding_idx: int = -1, scale_grad_by_freq: bool = False):
    rows = weight.shape[0]
    if indices.size:
        guard(((indices < 0) | (indices >= rows)).any(), IndexError, "index out of range in self")
    return _rows(weight, indices, padding_idx, scale_grad_by_freq)


@function(spaces=("torch",))
def embedding(
    weight: Any, indices: Any, padding_idx: int = -1, scale_grad_by_freq: bool = False, sparse: bool = False
) -> Any:
    """The rows of `weight` at `indices`; `torch.nn.functional.embedding` says more."""
    if sparse and _goes_sparse(weight):
        with no_grad():
            rows = _embedding(weight, indices)
        return _sparse_history(rows, weight, indices, padding_idx, scale_grad_by_freq)
    return _embedding(weight, indices, padding_idx, scale_grad_by_freq)


# ---- sparse gradients --------------------------------------------------------------------


def _goes_sparse(weight: Any) -> bool:
    """Whether there is a gradient, and it ends here: operators above a non-leaf take dense ones."""
    return local.ctx.grad and weight.requires_grad and weight.is_leaf


class _SparseRows(Node):
    """Node of rows looked up in a leaf: their gradients become the values of a sparse one."""

    def __init__(self, rows: Tensor, weight: Tensor, indices: Tensor, padding: int, by_frequency: bool):
        super().__init__(None, (0,), [], [weight], "EmbeddingBackward0")
        self.outs, self.size = (rows._aval,), tuple(weight.shape)
        self.indices: Tensor | None = indices
        self.padding, self.by_frequency = padding, by_frequency

    @property
    def out_avals(self) -> tuple[Any, ...]:
        return self.outs

    def apply(self, cts: list[Any], create_graph: bool, retain: bool) -> list[Any]:
        if self.indices is None:
            raise RuntimeError(errors.MSG_FREED)
        if self.by_frequency:
            raise RuntimeError("embedding_backward: scale_grad_by_freq not supported with sparse gradients")
        if cts[0] is None:
            return [None]
        values = wrap(cts[0]).reshape(-1, *self.size[1:])
        if create_graph:
            values = held_values(values)
        places = _places(self.indices, self.padding, self.size[0])
        return [(SparseTensor.make(places, values, self.size, loose=self.padding >= 0), None)]

    def free(self) -> None:
        """Lets the indices go; a second backward is an error from now on."""
        self.indices = None


def _places(indices: Tensor, padding: int, rows: int) -> Tensor:
    """Indices of a sparse gradient (1, nnz); computed at once where their data is at hand."""
    array = host_array(indices)
    if array is None:
        return _entry_rows(indices, padding, rows)
    flat = array.reshape(1, -1).astype(np.int64)
    return from_numpy_copy(flat if padding < 0 else np.where(flat == padding, rows, flat))


@op(spaces=(), differentiable=False)
def _entry_rows(indices: Array, padding_idx: int, rows: int):
    """Indices of a sparse gradient (1, nnz): those of the padding row lie outside of the table."""
    flat = indices.reshape(1, -1).astype(jnp.int64)
    return flat if padding_idx < 0 else jnp.where(flat == padding_idx, rows, flat)


def _sparse_history(
    rows: Tensor, weight: Tensor, indices: Tensor, padding: int, by_frequency: bool
) -> Tensor:
    node = _SparseRows(rows, weight, indices.detach(), padding, by_frequency)
    return Tensor._from_value(rows._read(), (node, 0))


@op(spaces=(), differentiable=False)
def _renormed(weight: Array, indices: Array, max_norm: Scalar, norm_type: float):
    used = jnp.zeros(weight.shape[0], bool).at[indices.reshape(-1)].set(True, mode="clip")
    norm = vector_norm(weight, norm_type, 1)
    factor = jnp.where(used & (norm > max_norm), max_norm / (norm + 1e-7), 1).astype(weight.dtype)
    return weight * factor[:, None]


def _renorm(weight: Any, indices: Any, max_norm: float, norm_type: float) -> None:
    """Scales, in place, the rows that `indices` names down to `max_norm`."""
    with no_grad():
        weight.copy_(_renormed(weight, indices, max_norm, float(norm_type)))


def _padding_row(padding_idx: int | None, rows: int, message: str) -> int:
    if padding_idx is None:
        return -1
    if not -rows <= padding_idx < rows:
        raise AssertionError(message)
    return padding_idx % rows


@function(spaces=FUNCTIONAL, name="embedding")
def embedding_functional(
    input: Any, weight: Any, padding_idx: int | None = None, max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False, sparse: bool = False,
) -> Any:  # fmt: skip
    """The rows of `weight` at the indices `input`.

    Args:
        input: indices of any shape, int64 or int32.
        weight: the table, `(rows, width)`.
        padding_idx: a row that gets no gradient.
        max_norm: rows used whose norm exceeds it are first scaled down, in place.
        scale_grad_by_freq: divides a row's gradient by its count in `input`.
        sparse: the gradient of `weight`, if that is a leaf, is a sparse tensor.

    Raises:
        IndexError: an index is no row.
    """
    if weight.dim() == 2:
        padding = _padding_row(padding_idx, weight.shape[0], "Padding_idx must be within num_embeddings")
    else:
        padding = -1
    if max_norm is not None:
        _renorm(weight, input, max_norm, norm_type)
    return embedding(weight, input, padding, scale_grad_by_freq, sparse)


def _check_bag(weight: Any, indices: Any, offsets: Any, **_: Any) -> None:
    if weight.ndim != 2:
        raise RuntimeError("'weight' must be 2-D")
    _check_indices(indices, "embedding_bag")
    if not weight.dtype.is_floating_point:
        raise RuntimeError(
            "Expected tensor for argument #1 'weight' to have one of the following scalar types: Half, BFloat16, Float, "
            f"Double; but got {type_name(weight.dtype)} instead (while checking arguments for embedding_bag)"
        )
    if offsets.shape[0] == 0:
        raise RuntimeError("offsets should have at least 1 element")


def _check_bag_indices(indices: Any, rows: int) -> None:
    wrong = (indices < 0) | (indices >= rows)
    if indices.shape[0]:
        message = f"Index of input takes value {{}} which is not in the valid range [0, {rows})"
        guard(wrong.any(), RuntimeError, message, indices[jnp.argmax(wrong)])


@op(spaces=(), differentiable=False, check=lambda weight, indices: _check_indices(indices, "embedding_bag"))
def _bag_rows(weight: Array, indices: Array):
    """The rows of all bags, and a row of zeros that stands for the padding."""
    _check_bag_indices(indices, weight.shape[0])
    return jnp.take(weight, indices, axis=0, mode="clip")


@op(spaces=(), differentiable=False)
def _bag_order(indices: Array, padding_idx: int):
    """Where each index finds its row among those of `_bag_rows`; the padding row's are one further."""
    count = indices.shape[0]
    order = jnp.arange(count, dtype=jnp.int64)
    return order if padding_idx < 0 else jnp.where(indices == padding_idx, count, order)


@op(
    spaces=(),
    name="embedding_bag",
    saves=("weight<per_sample_weights", "indices!", "offsets!", "per_sample_weights!"),
    check=_check_bag,
)
def _embedding_bag(
    weight: Array, indices: Array, offsets: Array, scale_grad_by_freq: bool, mode: str,
    per_sample_weights: Array | None, include_last_offset: bool, padding_idx: int,
):  # fmt: skip
    count = indices.shape[0]
    _check_bag_indices(indices, weight.shape[0])
    guard(
        offsets[0] != 0, RuntimeError,
        "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. "
        "However, got {}", offsets[0],
    )  # fmt: skip
    guard(
        offsets[-1] > count, RuntimeError,
        f"offsets[-1] can not be greater than input's length {count} but got offsets[-1] of {{}}",
        offsets[-1],
    )  # fmt: skip
    bags = offsets.shape[0] - include_last_offset
    bag = (
        jnp.searchsorted(offsets[:bags], jnp.arange(count, dtype=offsets.dtype), side="right") - 1
    )  # (count,)
    values = _rows(weight, indices, padding_idx, scale_grad_by_freq)  # (count, width)
    live = indices != padding_idx
    if mode == "max":
        low = jnp.where(live[:, None], values, -jnp.inf)
        top = jnp.full((bags, values.shape[1]), -jnp.inf, values.dtype).at[bag].max(low)
        hit = live[:, None] & (values == jnp.take(top, bag, axis=0, mode="clip"))
        order = jnp.arange(count)[:, None]
        first = jnp.full((bags, values.shape[1]), count).at[bag].min(jnp.where(hit, order, count))
        chosen = order == jnp.take(first, bag, axis=0, mode="clip")  # one winner per bag and column
        return jnp.zeros((bags, values.shape[1]), values.dtype).at[bag].add(jnp.where(chosen, values, 0))
    if per_sample_weights is not None:
        values = values * per_sample_weights[:, None]
    values = jnp.where(live[:, None], values, 0)
    out = jnp.zeros((bags, values.shape[1]), values.dtype).at[bag].add(values)
    if mode == "mean":
        size = jnp.zeros(bags, values.dtype).at[bag].add(live.astype(values.dtype))
        out = out / jnp.maximum(size, 1)[:, None]
    return out


def _check_bag_arguments(
    input: Any, weight: Any, offsets: Any, mode: str, by_frequency: bool, sparse: bool, scale: Any
) -> None:
    if scale is not None and input.shape != scale.shape:
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({size_text(scale.shape)}) is not None, then it must have "
            "the same "
            f"shape as the input ({size_text(input.shape)})"
        )
    if input.dim() == 2 and offsets is not None:
        raise ValueError(
            "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed "
            "length "
            f"sequences. However, found offsets of type {type(offsets)}"
        )
    if input.dim() not in (1, 2):
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.dim()}")
    if input.dim() == 1:
        if offsets is None:
            raise ValueError("offsets has to be a 1D Tensor but got None")
        if offsets.dim() != 1:
            raise ValueError("offsets has to be a 1D Tensor")
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if mode == "max" and by_frequency:
        raise ValueError("max mode does not support scaling the gradient by the frequency")
    if mode == "max" and sparse:
        raise ValueError("max mode does not support sparse weights")
    if scale is not None and mode != "sum":
        raise NotImplementedError(
            "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for "
            "mode='sum' "
            f"(got mode='{mode}'). Please open a feature request on GitHub."
        )


@function(spaces=FUNCTIONAL)
def embedding_bag(
    input: Any, weight: Any, offsets: Any = None, max_norm: float | None = None, norm_type: float = 2,
    scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False,
    per_sample_weights: Any = None,
    include_last_offset: bool = False, padding_idx: int | None = None,
) -> Any:  # fmt: skip
    """Sums, means or maxima of bags of rows, without the rows as an intermediate result.

    Args:
        input: indices, `(N, L)` for N bags of L, or `(total,)` with `offsets`.
        weight: the table, `(rows, width)`; offsets: where each bag begins, `(N,)`.
        mode: `"sum"`, `"mean"` or `"max"`; empty bags give 0.
        per_sample_weights: factors of `input`'s shape (mode `"sum"`).
        include_last_offset: `offsets` ends with the total length.
        padding_idx: a row that belongs to no bag.

    Returns:
        `(N, width)`.
    """
    if weight.dtype.name in ("int64", "int32") and input.is_floating_point():
        input, weight = weight, input  # PyTorch still takes the old order (weight, input)
    _check_bag_arguments(input, weight, offsets, mode, scale_grad_by_freq, sparse, per_sample_weights)
    padding = _padding_row(
        padding_idx, weight.shape[0], "padding_idx must be within the number of embeddings"
    )
    if input.dim() == 2:
        offsets = _row_starts(input)
        input = input.reshape(-1)
        per_sample_weights = None if per_sample_weights is None else per_sample_weights.reshape(-1)
    if max_norm is not None:
        _renorm(weight, input, max_norm, norm_type)
    if sparse and _goes_sparse(weight):
        if weight.dim() != 2:
            raise RuntimeError("'weight' must be 2-D")
        with no_grad():
            rows = _bag_rows(weight, input)
        rows = _sparse_history(rows, weight, input, padding, scale_grad_by_freq)
        order = _bag_order(input, padding)
        if padding >= 0:
            rows, padding = _with_padding_row(rows), input.shape[0]
        return _embedding_bag(
            rows, order, offsets, False, mode, per_sample_weights, include_last_offset, padding
        )
    return _embedding_bag(
        weight, input, offsets, scale_grad_by_freq, mode, per_sample_weights, include_last_offset, padding
    )


@op(spaces=())
def _with_padding_row(rows: Array):
    return jnp.pad(rows, ((0, 1), (0, 0)))


@op(spaces=(), differentiable=False)
def _row_starts(indices: Array):
    """Where each row of a matrix begins in its flattened form."""
    return jnp.arange(indices.shape[0], dtype=jnp.int64) * indices.shape[1]


@op(name="one_hot", spaces=(), differentiable=False)
def _one_hot(tensor: Array, num_classes: int):
    guard((tensor < 0).any(), RuntimeError, "Class values must be non-negative.")
    guard((tensor >= num_classes).any(), RuntimeError, "Class values must be smaller than num_classes.")
    return (tensor[..., None] == jnp.arange(num_classes)).astype(jnp.int64)


@function(spaces=FUNCTIONAL)
def one_hot(tensor: Any, num_classes: int = -1) -> Any:
    """1 at the class and 0 elsewhere: int64 `(..., num_classes)` from int64 classes.

    Args:
        num_classes: -1 takes the largest class present plus 1 (this reads the tensor).

    Raises:
        RuntimeError: a class is negative or too large.
    """
    if tensor.dtype.name != "int64":
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if tensor.numel() == 0:
        if num_classes <= 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
    elif num_classes == -1:
        num_classes = int(tensor.max().item()) + 1
        if num_classes <= 0 or int(tensor.min().item()) < 0:
            raise RuntimeError("Class values must be non-negative.")
    elif num_classes < 1:
        raise RuntimeError("Class values must be smaller than num_classes.")
    return _one_hot(tensor, num_classes)
