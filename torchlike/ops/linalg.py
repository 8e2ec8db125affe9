"""`torch.linalg` beyond decompositions: systems, inverses, determinants, powers; and the older names."""

import math
from collections import namedtuple
from typing import Any

import jax.numpy as jnp
from jax import lax
from jax.lax import linalg as ll

from .._core.orders import columns
from .._core.registry import Array, Operand, function, op
from .linalg_rows import check_float, check_matrix, check_square, linalg, refuse, square
from .lowering import by_result
from .lowering.decompose import pinv as _pinv
from .lowering.decompose import solve as _solve
from .lowering.decompose import triangular
from .lowering.matrix_exp import matrix_exp
from .lowering.products import matmul as _matmul
from .matmul import no_bools
from .validate import broadcast, scalar_name

_MSG_SINGULAR = "The solver failed because the input matrix is singular."
_MSG_INVERSE = "The diagonal element {} is zero, the inversion could not be completed because the input matrix is singular."

# ---- systems of equations ----------------------------------------------------------------------------


def _is_vector(a: Any, b: Any) -> bool:
    """Whether `b` holds vectors rather than matrices."""
    return b.ndim == 1 or (a.ndim - 1 == b.ndim and b.shape == a.shape[:-1])


def _check_solve(A: Any, B: Any, left: bool = True, name: str = "linalg.solve", **_: Any) -> None:
    check_square(name, A)
    check_float(name, B)
    if A.dtype is not B.dtype:
        raise RuntimeError(
            f"{name}: Expected A and B to have the same dtype, but found A of type {scalar_name(A.dtype)} and B of type "
            f"{scalar_name(B.dtype)} instead"
        )
    if _is_vector(A, B):
        if not left:
            raise RuntimeError(f"{name}: Vector broadcasting of the left hand side is not supported for left=False. In this case "
                               f"{name} is equivalent to B / A.squeeze(-1)")  # fmt: skip
        if B.shape[-1] != A.shape[-1]:
            raise RuntimeError(f"{name}: Incompatible shapes of A and B for the equation AX = B "
                               f"({A.shape[-2]}x{A.shape[-1]} and {B.shape[-1]}x1)")  # fmt: skip
        return
    if B.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor B must have at least 2 dimensions.")
    if B.shape[-2 if left else -1] != A.shape[-1]:
        raise RuntimeError(
            f"{name}: Incompatible shapes of A and B for the equation {'AX = B' if left else 'XA = B'} "
            f"({A.shape[-2]}x{A.shape[-1]} and {B.shape[-2]}x{B.shape[-1]})"
        )
    broadcast(A.shape[:-2], B.shape[:-2])


def _solve_any(a: Any, b: Any, left: bool) -> tuple[Any, Any]:
    """`(X, info)` for vectors or matrices, broadcast, from either side."""
    if _is_vector(a, b):
        lead = jnp.broadcast_shapes(a.shape[:-2], b.shape[:-1])
        b = jnp.broadcast_to(b, lead + b.shape[-1:])
        x, info = _solve(jnp.broadcast_to(a, lead + a.shape[-2:]), b[..., None])
        return x[..., 0], info
    if not left:
        x, info = _solve_any(jnp.swapaxes(a, -1, -2), jnp.swapaxes(b, -1, -2), True)
        return jnp.swapaxes(x, -1, -2), info
    lead = jnp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return _solve(jnp.broadcast_to(a, lead + a.shape[-2:]), jnp.broadcast_to(b, lead + b.shape[-2:]))


@linalg("solve", saves=("A!", "result"), check=_check_solve, layout=columns())
def linalg_solve(A: Array, B: Array, *, left: bool = True):
    """X with `A X = B`, or `X A = B` with `left=False`; B may hold vectors. Batches broadcast.

    Raises:
        LinAlgError: a matrix is singular.
    """
    x, info = _solve_any(A, B, left)
    refuse(info, "torch.linalg.solve", _MSG_SINGULAR)
    return x


@linalg("solve_ex", returns=("result", "info"), check=_check_solve, saves=("A!", "result"), layout=columns(0))
def linalg_solve_ex(A: Array, B: Array, *, left: bool = True, check_errors: bool = False):
    """`solve` and, instead of an error, the position of the first zero pivot (int32, 0 is good)."""
    x, info = _solve_any(A, B, left)
    if check_errors:
        refuse(info, "torch.linalg.solve_ex", _MSG_SINGULAR)
    return x, jnp.broadcast_to(info, A.shape[:-2]) if info.shape == A.shape[:-2] else info.reshape(info.shape)


def _check_triangular(A: Any, B: Any, upper: bool, left: bool = True, unitriangular: bool = False) -> None:
    name = "linalg.solve_triangular"
    check_square(name, A)
    if B.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor B must have at least 2 dimensions.")
    if A.dtype is not B.dtype:
        raise RuntimeError(
            f"{name}: Expected A and B to have the same dtype, but found A of type {scalar_name(A.dtype)} and B of type "
            f"{scalar_name(B.dtype)} instead"
        )
    if B.shape[-2 if left else -1] != A.shape[-1]:
        raise RuntimeError(
            f"{name}: Incompatible shapes of A and B for the equation {'AX = B' if left else 'XA = B'} "
            f"({A.shape[-2]}x{A.shape[-1]} and {B.shape[-2]}x{B.shape[-1]})"
        )


@linalg("solve_triangular", saves=("A", "result"), check=_check_triangular, layout=columns())
def linalg_solve_triangular(
    A: Array, B: Array, *, upper: bool, left: bool = True, unitriangular: bool = False
):
    """X with `A X = B` (or `X A = B`) for a triangular A, of which only that triangle is read."""
    return triangular(A, B, upper=upper, left=left, unit=unitriangular)


@op(
    returns=("solution", "cloned_coefficient"),
    out=True,
    check=lambda b, A, **_: check_float("triangular_solve", A),
    saves=("b!", "A!", "result"),
    layout=columns(),
)
def triangular_solve(
    b: Array, A: Array, upper: bool = True, transpose: bool = False, unitriangular: bool = False
):
    """`(X, A)` with `A X = b` (or `A^T X = b`) for a triangular A; `linalg.solve_triangular` is the newer form."""
    lead = jnp.broadcast_shapes(A.shape[:-2], b.shape[:-2])
    full = jnp.broadcast_to(A, lead + A.shape[-2:])
    x = ll.triangular_solve(full, jnp.broadcast_to(b, lead + b.shape[-2:]), left_side=True, lower=not upper,
                            transpose_a=transpose, unit_diagonal=unitriangular)  # fmt: skip
    return x, full


def _check_lstsq(A: Any, B: Any, rcond: float | None = None, driver: str | None = None) -> None:
    name = "torch.linalg.lstsq"
    if A.ndim < 2:
        raise RuntimeError(f"{name}: input must have at least 2 dimensions.")
    if B.ndim < 1:
        raise RuntimeError(f"{name}: other must have at least 1 dimension.")
    if A.dtype is not B.dtype:
        raise RuntimeError(f"{name}: Expected input and other to have the same dtype, but got input's dtype "
                           f"{scalar_name(A.dtype)} and other's dtype {scalar_name(B.dtype)}")  # fmt: skip
    check_float(name, A)
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(f"{name}: parameter `driver` should be one of (gels, gelsy, gelsd, gelss)")
    rows = B.shape[-1] if _lstsq_vector(A, B) else B.shape[-2]
    if rows != A.shape[-2]:
        what = "size(-1)" if _lstsq_vector(A, B) else "size(-2)"
        raise RuntimeError(f"{name}: input.size(-2) should match other.{what}")


def _lstsq_vector(a: Any, b: Any) -> bool:
    return a.ndim - 1 == b.ndim and b.shape == a.shape[:-1]


def _cut(x: Any, rcond: float | None, driver: str) -> float:
    """Singular values up to this times the largest count as 0."""
    if driver == "gels":
        return 0.0
    return float(jnp.finfo(x.dtype).eps) * max(x.shape[-2:]) if rcond is None else rcond


@op(name="linalg_lstsq", spaces=(), saves=("A!", "B!", "result"), check=_check_lstsq, layout=columns())
def _lstsq(A: Array, B: Array, rcond: float | None, driver: str):
    """Solution and squared residuals."""
    m, n = A.shape[-2:]
    vector = _lstsq_vector(A, B)
    b = B[..., None] if vector else B
    cut = _cut(A, rcond, driver)
    x = (
        _matmul(_pinv(A, lambda largest: cut * largest, False), b)
        if A.size
        else jnp.zeros((*b.shape[:-2], n, b.shape[-1]), b.dtype)
    )
    residual = jnp.zeros((0,), jnp.finfo(A.dtype).dtype)
    if m > n and driver != "gelsy":
        gap = _matmul(A, x) - b
        residual = (gap.real**2 + gap.imag**2 if jnp.iscomplexobj(gap) else gap * gap).sum(-2)
    return (x[..., 0] if vector else x), residual


@op(name="linalg_lstsq_rank", spaces=(), differentiable=False)
def _lstsq_rank(A: Array, rcond: float | None, driver: str):
    """Rank and singular values, empty where the driver does not report them."""
    s = ll.svd(A, compute_uv=False)
    rank = (s > _cut(A, rcond, driver) * s.max(-1, keepdims=True, initial=0)).sum(-1).astype(jnp.int64)
    none = jnp.zeros((0,), s.dtype)
    return (none.astype(jnp.int64) if driver == "gels" else rank), (
        s if driver in ("gelsd", "gelss") else none
    )


LstsqResult = namedtuple("linalg_lstsq", ["solution", "residuals", "rank", "singular_values"])


@function(spaces=("linalg",))
def lstsq(A, B, rcond=None, *, driver=None):
    """X that minimises `|A X - B|`, of least norm where there are several.

    Returns:
        `(solution, residuals, rank, singular_values)`. Residuals are squared; they are empty unless A has more
        rows than columns, for driver "gelsy" (the default), and for "gelsd" and "gelss" where a matrix of A has
        not full rank. Rank is empty for "gels", singular values unless the driver is "gelsd" or "gelss".
    """
    driver = driver or "gelsy"
    solution, residuals = _lstsq(A, B, rcond, driver)
    rank, values = _lstsq_rank(A, rcond, driver)
    if driver in ("gelsd", "gelss") and residuals.numel() and not bool((rank == A.shape[-1]).all()):
        residuals = residuals.new_zeros(0)
    return LstsqResult(solution, residuals, rank, values)


# ---- inverses --------------------------------------------------------------------------------------------


def _inverse(x: Any) -> tuple[Any, Any]:
    return _solve(x, jnp.broadcast_to(jnp.eye(x.shape[-1], dtype=x.dtype), x.shape))


@linalg(
    "inv",
    "torch.inverse",
    "Tensor.inverse",
    saves=("result",),
    check=square("linalg.inv"),
    layout=columns(0),
    by_result=by_result.inv,
)
def linalg_inv(A: Array):
    """Inverse of square matrices.

    Raises:
        LinAlgError: a matrix is singular.
    """
    inverse, info = _inverse(A)
    refuse(info, "linalg.inv", _MSG_INVERSE)
    return inverse


@linalg(
    "inv_ex", returns=("inverse", "info"), saves=("result",), check=square("linalg.inv_ex"), layout=columns(0)
)
def linalg_inv_ex(A: Array, *, check_errors: bool = False):
    """`inv` and, instead of an error, the position of the first zero pivot (int32, 0 is good)."""
    inverse, info = _inverse(A)
    if check_errors:
        refuse(info, "torch.linalg.inv_ex", _MSG_INVERSE)
    return inverse, info


def _tolerance(x: Any, atol: Any, rtol: Any) -> Any:
    """The bound on singular values as a function of the largest: `max(atol, rtol * largest)`."""
    real = jnp.finfo(x.dtype).dtype
    if rtol is None:
        default = max(x.shape[-2:]) * jnp.finfo(x.dtype).eps
        rtol = jnp.asarray(default, real)
        if atol is not None:
            rtol = jnp.where(jnp.asarray(atol) > 0, 0, rtol)
    low, relative = (jnp.asarray(0 if t is None else t, real) for t in (atol, rtol))
    low, relative = (t[..., None] if t.ndim else t for t in (low, relative))
    return lambda largest: jnp.maximum(low, relative * largest)


@linalg("pinv", saves=("A!", "result"), check=lambda A, **_: check_matrix("linalg.pinv", A))
def linalg_pinv(A: Array, rcond: Operand | None = None, *, atol: Operand | None = None, rtol: Operand | None = None,
                hermitian: bool = False):  # fmt: skip
    """Moore-Penrose inverse; singular values up to `max(atol, rtol * largest)` count as 0."""
    if A.size == 0:
        return jnp.zeros((*A.shape[:-2], A.shape[-1], A.shape[-2]), A.dtype)
    return _pinv(A, _tolerance(A, atol, rcond if rtol is None else rtol), hermitian)


@function(spaces=("torch", "Tensor"))
def pinverse(input, rcond=1e-15):
    """Moore-Penrose inverse; see `linalg.pinv`."""
    return linalg_pinv(input, rcond)


@linalg("matrix_rank", differentiable=False, check=lambda A, **_: check_matrix("linalg.matrix_rank", A))
def linalg_matrix_rank(A: Array, tol: Operand | None = None, *, atol: Operand | None = None, rtol: Operand | None = None,
                       hermitian: bool = False):  # fmt: skip
    """Number of singular values above `max(atol, rtol * largest)`, int64."""
    if A.size == 0:
        return jnp.zeros(A.shape[:-2], jnp.int64)
    if hermitian:
        s = jnp.abs(ll.eigh(A, symmetrize_input=False)[1])
    else:
        s = ll.svd(A, compute_uv=False)
    if tol is not None:
        atol, rtol = tol, 0.0
    bound = _tolerance(A, atol, rtol)(s.max(-1, keepdims=True))
    return (s > bound).sum(-1).astype(jnp.int64)


# ---- determinants -----------------------------------------------------------------------------------------


@linalg("det", "torch.det", "Tensor.det", saves=("A!", "result"), check=square("linalg.det"))
def linalg_det(A: Array):
    """Determinant of square matrices."""
    if A.shape[-1] == 0:
        return jnp.ones(A.shape[:-2], A.dtype)
    return jnp.linalg.det(A)


@linalg("slogdet", returns=("sign", "logabsdet"), saves=("A!", "result"), check=square("linalg.slogdet"))
def linalg_slogdet(A: Array):
    """Sign and logarithm of the absolute value of the determinant."""
    return tuple(jnp.linalg.slogdet(A))


@op(
    name="slogdet",
    returns=("sign", "logabsdet"),
    out=True,
    check=square("linalg.slogdet"),
    saves=("input!", "result"),
)
def slogdet(input: Array):
    """Sign and logarithm of the absolute value of the determinant."""
    return tuple(jnp.linalg.slogdet(input))


@op(check=square("logdet"), saves=("input!",))
def logdet(input: Array):
    """Logarithm of the determinant; -inf at 0, nan below."""
    sign, size = jnp.linalg.slogdet(input)
    if jnp.iscomplexobj(sign):
        return size + jnp.log(sign)
    return jnp.where(sign >= 0, size, jnp.nan).astype(input.dtype)


# ---- powers and functions ------------------------------------------------------------------------------------


def _power(x: Any, n: int) -> Any:
    result = None
    while n:
        if n & 1:
            result = x if result is None else _matmul(result, x)
        n >>= 1
        x = _matmul(x, x) if n else x
    return result


def _check_power(A: Any, n: int) -> None:
    if A.ndim < 2:
        raise RuntimeError("linalg.matrix_power: The input tensor A must have at least 2 dimensions.")
    if A.shape[-1] != A.shape[-2]:
        raise RuntimeError(
            f"linalg.matrix_power: A must be batches of square matrices, but they are {A.shape[-2]} by {A.shape[-1]} matrices"
        )
    if abs(n) > 1:
        no_bools("bmm" if A.ndim > 2 else "addmm_impl_cpu_", A)


@linalg(
    "matrix_power",
    "torch.matrix_power",
    "Tensor.matrix_power",
    saves=("A!",),
    saves_when=lambda n, **_: n > 1,
    check=_check_power,
)
def linalg_matrix_power(A: Array, n: int):
    """`A` multiplied by itself `n` times; the inverse for negative `n`."""
    if n == 0:
        return jnp.broadcast_to(jnp.eye(A.shape[-1], dtype=A.dtype), A.shape)
    if n < 0:
        A, info = _inverse(A)
        refuse(info, "linalg.inv", _MSG_INVERSE)
    return _power(A, abs(n))


def _check_exp(A: Any) -> None:
    if not (A.dtype.is_floating_point or A.dtype.is_complex):
        raise RuntimeError(
            f"linalg.matrix_exp: Expected a floating point or complex tensor as input. Got {scalar_name(A.dtype)}"
        )
    if A.ndim < 2 or A.shape[-1] != A.shape[-2]:
        check_square("linalg.matrix_exp", A)


@linalg("matrix_exp", "torch.matrix_exp", "Tensor.matrix_exp", saves=("A",), check=_check_exp, out=False)
def linalg_matrix_exp(A: Array):
    """Matrix exponential."""
    if A.size == 0:
        return A
    wide = A.astype(jnp.float32) if A.dtype.itemsize == 2 else A
    return matrix_exp(wide).astype(A.dtype)


@linalg("tensorinv", saves=("result",), check=lambda A, ind=2: check_float("linalg.inv", A))
def linalg_tensorinv(A: Array, ind: int = 2):
    """Inverse of the map that `tensordot(A, ., A.ndim - ind)` is."""
    if ind <= 0:
        raise RuntimeError("Expected a strictly positive integer for 'ind'")
    left, right = A.shape[:ind], A.shape[ind:]
    n, k = math.prod(left), math.prod(right)
    if n != k:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), but got "
            f"{k} != {n}"
        )
    inverse, info = _inverse(A.reshape(n, n))
    refuse(info, "inverse", _MSG_INVERSE)
    return inverse.reshape(*right, *left)


@linalg("tensorsolve", saves=("result",))
def linalg_tensorsolve(A: Array, B: Array, dims: tuple | None = None):
    """X with `tensordot(A, X, X.ndim) == B`; `dims` of A are moved to its end first."""
    if dims is not None:
        moved = [d % A.ndim for d in dims]
        A = A.transpose([i for i in range(A.ndim) if i not in moved] + moved)
    shape = A.shape[B.ndim :]
    n, k = math.prod(A.shape[: B.ndim]), math.prod(shape)
    if n != k or n != B.size:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == prod(self.shape[:other.ndim]), "
            f"but got {k} != {n}"
        )
    x, info = _solve(A.reshape(n, n), B.reshape(n, 1))
    refuse(info, "torch.linalg.solve", _MSG_SINGULAR)
    return x.reshape(shape)


@linalg("vander", out=False, saves=("x!",))
def linalg_vander(x: Array, *, N: int | None = None):
    """Vandermonde matrices: powers 0 to N-1 of the elements of `x`, along a new last dimension."""
    x = jnp.atleast_1d(x)
    n = x.shape[-1] if N is None else N
    if n <= 1:
        raise RuntimeError(f"N must be greater than 1, but got {n}.")
    x = x.astype(jnp.int64) if not jnp.issubdtype(x.dtype, jnp.inexact) else x
    powers = jnp.broadcast_to(x[..., None], (*x.shape, n - 1))
    return jnp.concatenate([jnp.ones((*x.shape, 1), x.dtype), lax.cumprod(powers, axis=x.ndim)], -1)


@function(spaces=("linalg",))
def diagonal(A, *, offset=0, dim1=-2, dim2=-1):
    """The diagonals of matrices, a view; the last two dimensions unless told otherwise."""
    return A.diagonal(offset, dim1, dim2)


@function(spaces=("torch",))
def vander(x, N=None, increasing=False):
    """Vandermonde matrix of a vector, powers descending unless `increasing`."""
    if x.ndim != 1:
        raise RuntimeError("x must be a one-dimensional tensor")
    n = x.shape[0] if N is None else N
    columns = linalg_vander(x, N=max(n, 2))[:, :n]
    return columns if increasing else columns.flip(-1)
