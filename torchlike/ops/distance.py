"""Norms and distances of vectors: `normalize`, `cosine_similarity`, `pairwise_distance`, `pdist`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core.dtypes import FLOAT, result_type
from .._core.registry import DEFAULT, Array, Scalar, function, namespace, op
from .lowering.common import difference, floating
from .lowering.norms import vector_norm
from .validate import broadcast, kernel, not_bool_difference, scalar_name, wrap_dim

FUNCTIONAL = ("nn.functional",)


def _check_normalize(input: Any, dim: Any, **_: Any) -> None:
    if input.dtype.category < 2:
        raise RuntimeError(
            "linalg.vector_norm: Expected a floating point or complex tensor as input. "
            f"Got {scalar_name(input.dtype)}"
        )
    for d in (dim,) if isinstance(dim, int) else dim:
        wrap_dim(d, input.ndim)


def _size(input: Any, p: float, dim: Any, eps: Any) -> Any:
    size = vector_norm(input[None], p, 0) if input.ndim == 0 else vector_norm(input, p, dim, keepdims=True)
    least = jnp.asarray(eps, size.dtype)
    return jnp.where(size < least, least, size)


@op(spaces=(), name="normalize", saves=("input",), check=_check_normalize, in_full=True)
def _normalized(input: Array, p: float = 2.0, dim: Any = 1, eps: Scalar = 1e-12):
    return input / _size(input, p, dim, eps)


@op(spaces=(), name="clamp_min", saves=("input",), check=_check_normalize, in_full=True)
def _divisor(input: Array, p: float = 2.0, dim: Any = 1, eps: Scalar = 1e-12):
    return _size(input, p, dim, eps)


@function(spaces=FUNCTIONAL)
def normalize(input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Any = None) -> Any:
    """`input / max(norm, eps)`, with the p-norm along `dim`.

    Args:
        input: of any shape, floating or complex.
        dim: the axis or axes of a vector.
        out: where to put the result, which then is not differentiable.
    """
    if out is None:
        return _normalized(input, p, dim, eps)
    return namespace("torch")["div"](input, _divisor(input, p, dim, eps), out=out)


def _check_cosine(x1: Any, x2: Any, dim: int, **_: Any) -> None:
    shape = broadcast(x1.shape, x2.shape)
    wrap_dim(dim, len(shape))
    if max(x1.dtype.category, x2.dtype.category) != FLOAT:
        raise RuntimeError(
            f"expected common dtype to be floating point, yet common dtype is {scalar_name(result_type([x1, x2]))}"
        )


def _at_least(size: Any, eps: Any) -> Any:
    """`max(size, eps)`, the derivative of which is always 1."""
    return size + jax.lax.stop_gradient(jnp.maximum(size, eps) - size)


@op(promote=DEFAULT, spaces=("torch", *FUNCTIONAL), out=False, saves=("x1<x1", "x2<x2"), check=_check_cosine)
def cosine_similarity(x1: Array, x2: Array, dim: int = 1, eps: Scalar = 1e-8):
    """`x1 . x2 / (max(|x1|, eps) * max(|x2|, eps))` along `dim`; shapes broadcast."""
    x1, x2 = jnp.broadcast_arrays(x1, x2)
    if x1.ndim == 0:
        x1, x2, dim = x1[None], x2[None], 0
    a = x1 / _at_least(vector_norm(x1, 2, dim, True), eps)
    b = x2 / _at_least(vector_norm(x2, 2, dim, True), eps)
    return (a * b).sum(dim)


def _check_pairwise(x1: Any, x2: Any, **_: Any) -> None:
    broadcast(x1.shape, x2.shape)
    not_bool_difference(x1, x2)


@op(spaces=("torch", *FUNCTIONAL), out=False, saves=("result",), check=_check_pairwise)
def pairwise_distance(x1: Array, x2: Array, p: float = 2.0, eps: Scalar = 1e-6, keepdim: bool = False):
    """The p-norm of `x1 - x2 + eps` along the last dimension; shapes broadcast."""
    return vector_norm(floating(difference(x1, x2)) + eps, p, -1, keepdim)


def _check_pdist(input: Any, p: float, **_: Any) -> None:
    if input.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.ndim}D")
    if not input.dtype.is_floating_point:
        raise RuntimeError("pdist only supports floating-point dtypes")
    kernel("pdist", "f")(input)
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")


@op(spaces=("torch", *FUNCTIONAL), saves=("input!", "result"), check=_check_pdist)
def pdist(input: Array, p: float = 2.0):
    """The p-norm distances of all pairs of rows i < j of `(N, M)`, `(N * (N - 1) / 2,)`."""
    first, second = np.triu_indices(input.shape[0], 1)
    return vector_norm(input[first] - input[second], p, -1)
