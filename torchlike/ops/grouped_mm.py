"""`grouped_mm`: products of matrices that are cut into groups of different lengths."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax

from .._core.dtypes import dtype as dtype_class
from .._core.registry import Array, function, op
from .validate import c_name, scalar_name

FUNCTIONAL = ("nn.functional",)
_MSG_OFFS = "Have to provide offsets if there is a 2d matrix, or no offset if both matrices are 3d"


@op(spaces=(), name="grouped_mm", saves=("mat_a", "mat_b"), grad_name="GroupedMmBackward0")
def _grouped_mm(mat_a: Array, mat_b: Array, offs: Array | None):
    a, b = mat_a, mat_b
    if offs is None:  # (G, M, K) @ (G, K, N)
        return jnp.matmul(a, b).astype(a.dtype)
    sizes = jnp.diff(offs, prepend=0).astype(jnp.int32)
    if a.ndim == 2 and b.ndim == 3:  # rows of a are grouped
        return _rows(a, b, sizes).astype(a.dtype)
    if a.ndim == 3:  # columns of b are grouped: the same, transposed
        return _rows(b.T, jnp.swapaxes(a, 1, 2), sizes).T.astype(a.dtype)
    # the summed axis is grouped: (M, K), (K, N) -> (G, M, N)
    dims = lax.RaggedDotDimensionNumbers(
        (((1,), (0,)), ((), ())), lhs_ragged_dimensions=[1], rhs_group_dimensions=[]
    )
    out = lax.ragged_dot_general(a, b, sizes, dims)
    return out.astype(a.dtype)


def _rows(a: Any, b: Any, sizes: Any) -> Any:
    return lax.ragged_dot(a, b, sizes)


def _check_strides(x: Any) -> None:
    """RuntimeError unless the rows, or the columns, of the matrices lie at multiples of 16 bytes."""
    size, (rows, columns) = x.element_size(), x.stride()[-2:]
    (long, height, width) = (
        (rows, x.shape[-2], x.shape[-1]) if columns == 1 else (columns, x.shape[-1], x.shape[-2])
    )
    if 1 not in (rows, columns) or long < max(1, width):
        raise RuntimeError(
            f"Invalid strides/sizes, got {list(x.stride())} for strides and {list(x.shape)} for sizes"
        )
    if long * size % 16:
        raise RuntimeError("strides should be multiple of 16 bytes")


@function(spaces=FUNCTIONAL)
def grouped_mm(
    mat_a: Any, mat_b: Any, *, offs: Any = None, bias: Any = None, out_dtype: dtype_class | None = None
) -> Any:
    """One matrix product per group: what a layer of experts computes from tokens that are sorted by expert.

    Args:
        mat_a: `(M, K)`, cut into groups of rows (or of columns, if `mat_b` is a matrix too), or `(G, M, K)`.
        mat_b: `(G, K, N)`, or `(K, N)`, cut into groups of columns (or of rows).
        offs: `(G,)` int32, where each group ends; None if both have three dimensions.
        bias: not supported, as in PyTorch.
        out_dtype: that of `mat_a`.

    Returns:
        `(M, N)` if one of them is a matrix, else `(G, M, N)`; zero in what lies behind the last group.

    Raises:
        RuntimeError: dtypes, shapes, or strides that do not fit.
    """
    for name, x in (("mat_a", mat_a), ("mat_b", mat_b)):
        if x.dtype.name not in ("float32", "bfloat16", "float16"):
            raise RuntimeError(
                f"Expected {name} to be Float32, BFloat16 or Float16 matrix, got {scalar_name(x.dtype)}"
            )
    for name, x in (("mat_a", mat_a), ("mat_b", mat_b)):
        if x.dim() not in (2, 3):
            raise RuntimeError(f"{name} has to be 2 or 3d")
    both_2d, both_3d = mat_a.dim() == mat_b.dim() == 2, mat_a.dim() == mat_b.dim() == 3
    if not both_2d and mat_a.shape[-1] != mat_b.shape[-2]:
        raise RuntimeError("contraction dimension of mat_a and mat_b must match")
    _check_strides(mat_a)
    _check_strides(mat_b)
    if both_3d != (offs is None):
        raise RuntimeError(_MSG_OFFS)
    if offs is not None:
        if offs.dim() != 1:
            raise RuntimeError("offs has to be 1D")
        if offs.dtype.name != "int32":
            raise RuntimeError("Offsets have to be int32")
    if bias is not None:
        raise RuntimeError("Bias not supported yet")
    if out_dtype is not None and out_dtype is not mat_a.dtype:
        raise RuntimeError("Grouped gemm output dtype must match `mat_a` dtype")
    groups = {x.shape[0] for x in (mat_a, mat_b) if x.dim() == 3}
    if len(groups) > 1 or (groups and offs is not None and groups != {offs.shape[0]}):
        raise RuntimeError("matrix batch sizes have to match")
    if mat_a.dtype is not mat_b.dtype:
        raise RuntimeError(
            f"expected m1 and m2 to have the same dtype, but got: {c_name(mat_a.dtype)} != {c_name(mat_b.dtype)}"
        )
    return _grouped_mm(mat_a, mat_b, offs)
