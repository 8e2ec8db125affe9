"""Losses over pairs and triples: hinge, cosine, ranking and triplet margins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from .._core.registry import DEFAULT, Array, Float, function, op
from .looks import Looked, numbers
from .lowering.common import difference, floating, joined
from .lowering.norms import vector_norm
from .reduce_loss import check_mean_dtype, check_reduction, reduce_loss, reduction_name
from .validate import broadcast, not_bool_difference, not_complex, shape_text, size_text

FUNCTIONAL = ("nn.functional",)
_not_complex = not_complex("clamp is not supported for complex types", NotImplementedError)


def _positive_part(x: Any) -> Any:
    """`max(x, 0)` whose derivative at 0 is 1 (PyTorch's clamp_min)."""
    return jnp.where(x < 0, jnp.zeros((), x.dtype), x)


def _check_hinge(
    input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean", **_: Any
) -> None:
    check_reduction(reduction, size_average, reduce)
    broadcast(input.shape, target.shape)
    not_bool_difference(input, input)
    _not_complex(input)
    if input.dtype.category < 2 and target.dtype.category < 2:
        check_mean_dtype(input.dtype, reduction_name(size_average, reduce, reduction))


@op(promote=DEFAULT, spaces=FUNCTIONAL, saves=(), check=_check_hinge, constants=("target",))
def hinge_embedding_loss(
    input: Array, target: Array, margin: Float = 1.0, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
):  # fmt: skip
    """`input` where the target is 1, `max(0, margin - input)` where it is -1."""
    apart = jnp.where(target != 1, _positive_part(margin - input), 0)
    loss = apart + jnp.where(target != -1, input, 0)
    return reduce_loss(loss, size_average, reduce, reduction)


def _check_cosine(
    input1: Any, input2: Any, target: Any, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean", **_: Any,
) -> None:  # fmt: skip
    check_reduction(reduction, size_average, reduce)
    if target.ndim > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if not input1.ndim == input2.ndim == target.ndim + 1:
        raise RuntimeError(
            f"{target.ndim}D target tensor expects {target.ndim + 1}D input tensors, but found inputs with "
            "sizes "
            f"{shape_text(input1.shape)} and {shape_text(input2.shape)}."
        )
    broadcast(target.shape, broadcast(input1.shape, input2.shape)[:-1])
    _not_complex(input1, input2)


@op(spaces=FUNCTIONAL, saves=("input1!", "input2!"), check=_check_cosine, constants=("target",))
def cosine_embedding_loss(
    input1: Array, input2: Array, target: Array, margin: Float = 0.0, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
):  # fmt: skip
    """`1 - cos(x1, x2)` where the target is 1, `max(0, cos(x1, x2) - margin)` where it is -1.

    Args:
        input1, input2: `(N, D)` or `(D,)`; target: `(N,)` or 0-d.
    """
    eps = 1e-12

    def dot(x: Any, y: Any) -> Any:
        x, y = joined(x, y)
        return floating((x * y).sum(-1))  # products of integers wrap, sums of them are int64

    size = (dot(input1, input1) + eps) * (dot(input2, input2) + eps)
    cosine = dot(input1, input2) / jnp.sqrt(size)
    loss = jnp.where(target == 1, 1 - cosine, 0) + jnp.where(target == -1, _positive_part(cosine - margin), 0)
    return reduce_loss(loss, size_average, reduce, reduction)


def _check_ranking(
    input1: Any, input2: Any, target: Any, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean", **_: Any,
) -> None:  # fmt: skip
    check_reduction(reduction, size_average, reduce)
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {size_text(input1.shape)}, input2: {size_text(input2.shape)}, target: "
            f"{size_text(target.shape)} "
        )
    broadcast(target.shape, broadcast(input1.shape, input2.shape))
    not_bool_difference(input1, input2)
    _not_complex(input1, input2, target)


@op(spaces=FUNCTIONAL, saves=(), check=_check_ranking)
def margin_ranking_loss(
    input1: Array, input2: Array, target: Array, margin: Float = 0.0, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
):  # fmt: skip
    """`max(0, -target * (input1 - input2) + margin)`: target 1 ranks `input1` higher, -1 `input2`."""
    against, gap = joined(-target, difference(input1, input2))
    loss = _positive_part(floating(against * gap) + margin)
    return reduce_loss(loss, size_average, reduce, reduction)


def _same_ndim(anchor: Any, positive: Any, negative: Any) -> None:
    a, p, n = len(anchor.shape), len(positive.shape), len(negative.shape)
    if not a == p == n:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of dimensions, "
            "but got: "
            f"anchor {a}D, positive {p}D, and negative {n}D inputs"
        )


def _refuse_margin(margin: float) -> Exception | None:
    return ValueError(f"margin must be greater than 0, got {margin}") if margin <= 0 else None


def _check_triplet(
    anchor: Any, positive: Any, negative: Any, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean", **_: Any,
) -> None:  # fmt: skip
    check_reduction(reduction, size_average, reduce)
    _same_ndim(anchor, positive, negative)
    broadcast(anchor.shape, positive.shape, negative.shape)
    not_bool_difference(anchor, positive)
    not_bool_difference(anchor, negative)


@op(
    spaces=FUNCTIONAL,
    saves=(),
    check=_check_triplet,
    in_full=True,
    row=Looked,
    look=numbers(_refuse_margin, (3, 1.0)),
)
def triplet_margin_loss(
    anchor: Array, positive: Array, negative: Array, margin: Float = 1.0, p: float = 2.0, eps: Float = 1e-6,
    swap: bool = False, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
):  # fmt: skip
    """`max(0, |a - p| - |a - n| + margin)` in the p-norm of the last dimension.

    Args:
        swap: use the smaller of `|a - n|` and `|p - n|` (Balntas et al., BMVC 2016).
    """

    def distance(x: Any, y: Any) -> Any:
        gap = floating(difference(x, y))
        return vector_norm(gap + jnp.asarray(eps, gap.dtype), p)

    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = jnp.minimum(far, distance(positive, negative))
    margin = jnp.asarray(margin, near.dtype)
    return reduce_loss(_positive_part(margin + near - far), size_average, reduce, reduction)


@function(spaces=FUNCTIONAL)
def triplet_margin_with_distance_loss(
    anchor: Any, positive: Any, negative: Any, *, distance_function: Callable[[Any, Any], Any] | None = None,
    margin: float = 1.0, swap: bool = False, reduction: str = "mean",
) -> Any:  # fmt: skip
    """`triplet_margin_loss` with any distance; without one, its own Euclidean distance."""
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    error = _refuse_margin(margin)
    if error is not None:
        raise error
    _same_ndim(anchor, positive, negative)
    if distance_function is None:
        return triplet_margin_loss(anchor, positive, negative, margin=margin, swap=swap, reduction=reduction)
    near, far = distance_function(anchor, positive), distance_function(anchor, negative)
    if swap:
        far = far.minimum(distance_function(positive, negative))
    loss = (margin + near - far).clamp_min(0)
    return loss.mean() if reduction == "mean" else loss.sum() if reduction == "sum" else loss
