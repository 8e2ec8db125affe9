"""Norms of vectors and matrices, condition numbers, and distances."""

import math
from typing import Any

import jax.numpy as jnp
from jax import lax

from .._core.dtypes import dtype
from .._core.registry import Array, Float, Ints, cast_array, function, op
from .linalg import linalg_inv_ex
from .linalg_rows import check_float, check_matrix, linalg
from .looks import Looked, numbers
from .lowering import by_result
from .lowering.axes import reduced_shape, wrap_dims
from .lowering.decompose import singular_values
from .lowering.lengths import vector_norm as _vector_norm
from .lowering.special import sqrt_0
from .validate import kernel, scalar_name, wrap_dim

# ---- norms -------------------------------------------------------------------------------------------


def _converted(x: Any, want: Any) -> Any:
    return x if want is None else cast_array(x, want.jnp)


def _check_norm_dtype(name: str, x: Any, want: Any) -> None:
    check_float(name, x, low=True)
    if want is None:
        return
    if not (want.is_floating_point or want.is_complex):
        raise RuntimeError(f"{name}: dtype should be floating point or complex, but got {scalar_name(want)}")
    if x.dtype.is_complex and not want.is_complex:
        raise RuntimeError(f"{name}: dtype should be complex for complex inputs, but got {scalar_name(want)}")
    if want.is_complex and not x.dtype.is_complex:
        raise RuntimeError(f"{name}: dtype should be real for real inputs, but got {scalar_name(want)}")
    if want.itemsize < x.dtype.itemsize:
        raise RuntimeError(
            f"{name}: the dtype of the input ({scalar_name(x.dtype)}) should be convertible without narrowing to the "
            f"specified dtype ({scalar_name(want)})"
        )


def _check_vector_norm(
    x: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> None:
    _check_norm_dtype("linalg.vector_norm", x, dtype)
    axes = wrap_dims(dim, x.ndim)
    empty = [a for a in axes if x.shape[a] == 0]
    if empty and (ord < 0 or ord == math.inf):
        which = "inf" if ord == math.inf else f"{ord:g}"
        if dim is None:
            raise RuntimeError(f"linalg.vector_norm cannot compute the {which} norm on an empty tensor because the operation "
                               "does not have an identity")  # fmt: skip
        raise RuntimeError(f"linalg.vector_norm cannot compute the {which} norm on the dimension {empty[0]} because this "
                           "dimension is empty and the operation does not have an identity")  # fmt: skip


@linalg("vector_norm", saves=("x", "result"), check=_check_vector_norm, by_result=by_result.norm)
def linalg_vector_norm(
    x: Array, ord: float = 2, dim: Ints | None = None, keepdim: bool = False, *, dtype: dtype | None = None
):
    """`sum(|x| ** ord) ** (1 / ord)` over `dim` (all dimensions when None); its limits for 0 and +-inf.

    The gradient at the zero vector is 0; the inf norms share theirs among ties.
    """
    x = _converted(x, dtype)
    return _vector_norm(x, float(ord), wrap_dims(dim, x.ndim), keepdim)


_ORDERS = (1, -1, 2, -2, math.inf, -math.inf)


def _check_matrix_norm(
    A: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None
) -> None:
    name = "linalg.matrix_norm"
    if A.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor A must have at least 2 dimensions.")
    if isinstance(dim, int) or len(dim) != 2:
        raise RuntimeError(f"{name}: dim must be a 2-tuple. Got {dim}")
    if wrap_dim(dim[0], A.ndim) == wrap_dim(dim[1], A.ndim):
        raise RuntimeError(f"{name}: dims must be different. Got ({', '.join(str(d) for d in dim)})")
    if isinstance(ord, str):
        if ord not in ("fro", "nuc"):
            raise RuntimeError(f"{name}: Order {ord} not supported.")
    elif ord not in _ORDERS:
        raise RuntimeError(f"{name}: Order {ord} not supported.")
    _check_norm_dtype(name, A, dtype)


def _matrix_norm(x: Any, ord: Any, dim: Any, keepdim: bool) -> Any:
    """One of PyTorch's matrix norms over the two axes `dim`."""
    row, column = (wrap_dim(d, x.ndim) for d in dim)
    if ord == "fro":
        return _vector_norm(x, 2.0, tuple(sorted((row, column))), keepdim)
    if ord in (1, -1, math.inf, -math.inf):
        first, second = (row, column) if abs(ord) == 1 else (column, row)
        sums = _vector_norm(x, 1.0, (first,), True)
        out = (jnp.max if ord > 0 else jnp.min)(sums, axis=second, keepdims=True)
    else:
        s = singular_values(jnp.moveaxis(x, (row, column), (-2, -1)))
        if ord == "nuc":
            out = s.sum(-1)
        elif s.shape[-1] == 0:
            out = jnp.zeros(s.shape[:-1], s.dtype)
        else:
            out = jnp.max(s, -1) if ord > 0 else jnp.min(s, -1)
    return out.reshape(reduced_shape(x.shape, tuple(sorted((row, column))), keepdim))


@linalg(
    "matrix_norm",
    saves=("A!",),
    saves_when=lambda ord, **_: (
        ord in ("fro", 1, -1, math.inf, -math.inf)
    ),  # not where singular values are at hand
    check=_check_matrix_norm,
)
def linalg_matrix_norm(
    A: Array, ord: Any = "fro", dim: tuple = (-2, -1), keepdim: bool = False, *, dtype: dtype | None = None
):
    """Norm of matrices: "fro", "nuc", inf, -inf, 1, -1, 2 or -2."""
    return _matrix_norm(_converted(A, dtype), ord, dim, keepdim)


def _norm(
    A: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, *, out: Any = None, dtype: Any = None
) -> Any:
    """Vector or matrix norm, by the number of dimensions in `dim`.

    `ord=None` is the 2-norm of all elements. An `ord` without `dim` needs a vector or a matrix. Strings and
    two dimensions mean `matrix_norm`, all else `vector_norm`.
    """
    if dim is not None and not isinstance(dim, int):
        dim = tuple(dim)
    if ord is None:
        return linalg_vector_norm(A, 2, dim, keepdim, dtype=dtype, out=out)
    count = A.ndim if dim is None else (1 if isinstance(dim, int) else len(dim))
    if dim is not None and count not in (1, 2):
        assert not isinstance(dim, int)  # its count is 1
        raise RuntimeError(f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(dim)}")
    if dim is None and count not in (1, 2):
        raise RuntimeError(
            f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {A.ndim}D."
        )
    if isinstance(ord, str) or count == 2:
        return linalg_matrix_norm(A, ord, (0, 1) if dim is None else dim, keepdim, dtype=dtype, out=out)
    return linalg_vector_norm(A, ord, dim, keepdim, dtype=dtype, out=out)


function(spaces=("linalg",), name="norm")(_norm)


@function(spaces=("torch", "Tensor"))
def norm(input, p="fro", dim=None, keepdim=False, out=None, dtype=None):
    """`p`-norm over `dim` (all dimensions when None); "fro" is 2, "nuc" the nuclear norm of matrices."""
    if dim is not None and not isinstance(dim, int):
        dim = tuple(dim)
    if p == "fro" or p is None:
        return linalg_vector_norm(input, 2, dim, keepdim, dtype=dtype, out=out)
    if p == "nuc":
        if dim is None:
            if input.ndim != 2:
                raise ValueError("If dim is None, input must be 2D for the nuclear norm")
            dim = (0, 1)
        return linalg_matrix_norm(input, p, dim, keepdim, dtype=dtype, out=out)
    if isinstance(p, str):
        raise RuntimeError("only valid string values are 'fro' and 'nuc', found " + p)
    return linalg_vector_norm(input, p, dim, keepdim, dtype=dtype, out=out)


# ---- condition numbers -----------------------------------------------------------------------------------


@op(name="linalg_cond", spaces=(), check=lambda A, p=None: check_matrix("linalg.cond", A))
def _cond_values(A: Array, p: Any = None):
    """Ratio of the largest and smallest singular values, either way round."""
    s = singular_values(A)
    if A.size == 0:
        return jnp.zeros(A.shape[:-2], s.dtype)
    return s[..., 0] / s[..., -1] if p in (None, 2) else s[..., -1] / s[..., 0]


@function(spaces=("linalg",))
def cond(A, p=None, *, out=None):
    """Condition number `norm(A, p) * norm(inv(A), p)`; inf for singular matrices."""
    if p in (None, 2, -2):
        result = _cond_values(A, p)
    else:
        if isinstance(p, str) and p not in ("fro", "nuc"):
            raise RuntimeError(f"linalg.cond got an invalid norm type: {p}")
        inverse, info = linalg_inv_ex(A)
        whole = linalg_matrix_norm(A, p) * linalg_matrix_norm(inverse, p)
        result = whole.masked_fill(info != 0, math.inf)
    if out is not None:
        return out.copy_(result) if out.shape == result.shape else out.resize_(result.shape).copy_(result)
    return result


# ---- distances -------------------------------------------------------------------------------------------------


def _check_cdist(x1: Any, x2: Any, p: float = 2.0, compute_mode: str | None = None) -> None:
    for n, x in ((1, x1), (2, x2)):
        if not x.dtype.is_floating_point:
            raise RuntimeError(f"cdist only supports floating-point dtypes, X{n} got: {scalar_name(x.dtype)}")
        if x.ndim < 2:
            raise RuntimeError(f"cdist only supports at least 2D tensors, X{n} got: {x.ndim}D")
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(
            f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}"
        )
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    by_product = p == 2 and (
        compute_mode == _MODES[1] or (compute_mode != _MODES[2] and max(x1.shape[-2], x2.shape[-2]) > 25)
    )
    if not by_product:
        kernel("cdist", "f")(x1, x2)
    if compute_mode is not None and compute_mode not in _MODES:
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode")


_MODES = ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist")


@op(name="cdist", spaces=("torch",), saves=("x1!", "x2!", "result"), check=_check_cdist)
def cdist(
    x1: Array, x2: Array, p: float = 2.0, compute_mode: str | None = "use_mm_for_euclid_dist_if_necessary"
):
    """p-norm distances between every row of `x1` (..., n, d) and every row of `x2` (..., m, d): (..., n, m).

    The 2-norm of more than 25 rows is computed from a matrix product unless `compute_mode` forbids it.
    """
    lead = jnp.broadcast_shapes(x1.shape[:-2], x2.shape[:-2])
    n, m = x1.shape[-2], x2.shape[-2]
    if x1.shape[-1] == 0:
        return jnp.zeros((*lead, n, m), x1.dtype)
    many = n > 25 or m > 25
    if p == 2 and (compute_mode == _MODES[1] or (many and compute_mode in (None, _MODES[0]))):
        mean = lax.stop_gradient(x1.mean(-2, keepdims=True)) if n else 0
        a, b = x1 - mean, x2 - mean  # distances do not change, rounding errors shrink
        square = (
            (a * a).sum(-1)[..., :, None] + (b * b).sum(-1)[..., None, :] - 2 * (a @ jnp.swapaxes(b, -1, -2))
        )
        return sqrt_0(jnp.where(square > 0, square, 0))
    return _vector_norm(x1[..., :, None, :] - x2[..., None, :, :], float(p), (len(lead) + 2,), False)


def _check_renorm(input: Any, p: float, dim: int, maxnorm: Any) -> None:
    if p <= 0:
        raise RuntimeError("non-positive-norm not supported")
    if input.ndim < 2:
        raise RuntimeError(f"input needs at least 2 dimensions, got {input.ndim} dimensions")
    if input.dtype.category < 2:
        raise RuntimeError(
            "linalg.vector_norm: Expected a floating point or complex tensor as input. Got "
            + scalar_name(input.dtype)
        )


def _refuse_maxnorm(maxnorm: float) -> Exception | None:
    return None if maxnorm >= 0 else RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm:g}")


@op(
    inplace=True,
    out=True,
    saves=("input",),
    check=_check_renorm,
    in_full=True,
    row=Looked,
    look=numbers(_refuse_maxnorm, (3, 0.0)),
)
def renorm(input: Array, p: float, dim: int, maxnorm: Float):
    """Scales down each slice along `dim` whose p-norm is above `maxnorm`, to `maxnorm`."""
    axis = wrap_dim(dim, input.ndim)
    others = tuple(i for i in range(input.ndim) if i != axis)
    length = _vector_norm(input, float(p), others, True)
    maxnorm = jnp.asarray(maxnorm, length.dtype)
    over = length > maxnorm
    return input * jnp.where(over, maxnorm / (jnp.where(over, length, 1) + 1e-7), 1).astype(input.dtype)
