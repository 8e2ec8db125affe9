"""Matrix decompositions: Cholesky, QR, eigenvalues, singular values, LU. `torch.linalg` and the older names."""

from typing import Any

import jax.numpy as jnp
from jax import lax
from jax.lax import linalg as ll

from .._core.autograd import not_implemented_derivative
from .._core.checks import guard
from .._core.dtypes import by_name
from .._core.orders import columns
from .._core.registry import Array, function, op
from .._core.row import UnderivableRow
from .linalg_rows import check_matrix, check_square, hermitian_of, linalg, matrix, refuse, square
from .lowering.decompose import (
    cholesky as _cholesky,
)
from .lowering.decompose import (
    mirrored,
    permutation_matrix,
    reflect,
    singular_values,
    solve_factored,
    split_lu,
    triangular,
    zero_pivot,
)  # fmt: skip
from .lowering.decompose import svd as _svd

_MSG_MINOR = (
    "The factorization could not be completed because the input is not positive-definite (the leading minor of order {} "
    "is not positive-definite)."
)
_MSG_QR_COMPLETE = "The QR decomposition is not differentiable when mode='complete' and nrows > ncols."

# ---- Cholesky -----------------------------------------------------------------------------------------


@linalg("cholesky", saves=("result",), check=square("linalg.cholesky"), layout=columns())
def linalg_cholesky(A: Array, *, upper: bool = False):
    """L with `A = L L^H` of Hermitian positive-definite matrices, or U with `A = U^H U`.

    Raises:
        LinAlgError: a matrix is not positive-definite.
    """
    factor, info = _cholesky(A, upper)
    refuse(info, "linalg.cholesky", _MSG_MINOR)
    return factor


@linalg(
    "cholesky_ex",
    returns=("L", "info"),
    check=square("linalg.cholesky_ex"),
    layout=columns(0),
    saves=("result",),
)
def linalg_cholesky_ex(A: Array, *, upper: bool = False, check_errors: bool = False):
    """`cholesky` and, instead of an error, the order of the first minor that is not positive (int32, 0 is good)."""
    factor, info = _cholesky(A, upper)
    if check_errors:
        refuse(info, "torch.linalg.cholesky_ex", _MSG_MINOR)
    return factor, info


@op(out=True, saves=("result",), check=square("cholesky"), layout=columns())
def cholesky(input: Array, upper: bool = False):
    """L with `input = L L^H`, or U; see `linalg.cholesky`."""
    factor, info = _cholesky(input, upper)
    refuse(info, "cholesky", _MSG_MINOR)
    return factor


@op(out=True, saves=("input!", "result"), check=square("cholesky_inverse"), layout=columns())
def cholesky_inverse(input: Array, upper: bool = False):
    """Inverse of the matrix whose Cholesky factor is `input`."""
    return solve_factored(
        input, jnp.broadcast_to(jnp.eye(input.shape[-1], dtype=input.dtype), input.shape), upper
    )


@op(
    out=True,
    saves=("input!", "input2!", "result"),
    check=lambda input, input2, upper=False: check_square("cholesky_solve", input2),
    layout=columns(),
)
def cholesky_solve(input: Array, input2: Array, upper: bool = False):
    """X with `A X = input`, where `input2` is the Cholesky factor of A."""
    return solve_factored(input2, input, upper)


# ---- QR and Householder reflectors -----------------------------------------------------------------------


def _check_qr(A: Any, mode: str = "reduced") -> None:
    check_matrix("linalg.qr", A)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or 'complete'"
        )


def _qr(x: Any, mode: str) -> tuple[Any, Any]:
    if mode == "r":
        return jnp.zeros((0,), x.dtype), ll.qr(x, full_matrices=False)[1]
    if mode == "complete" and x.shape[-2] > x.shape[-1]:
        x = lax.stop_gradient(x)
    q, r = ll.qr(x, full_matrices=mode == "complete")
    return q, r


@linalg("qr", returns=("Q", "R"), saves=("result", "result1"), check=_check_qr, layout=columns())
def linalg_qr(A: Array, mode: str = "reduced"):
    """`A = Q R`, Q with orthonormal columns and R upper triangular.

    `mode`: "reduced" (Q is m x k), "complete" (m x m; not differentiable if m > n), "r" (Q empty).
    """
    return _qr(A, mode)


@op(returns=("Q", "R"), out=True, check=matrix("linalg.qr"), layout=columns(), saves=("result", "result1"))
def qr(input: Array, some: bool = True):
    """`input = Q R`; see `linalg.qr`. `some=False` is its mode "complete"."""
    return _qr(input, "reduced" if some else "complete")


def _check_householder(input: Any, tau: Any) -> None:
    name = "torch.linalg.householder_product"
    if input.ndim < 2:
        raise RuntimeError(f"{name}: input must have at least 2 dimensions.")
    if input.shape[-2] < input.shape[-1]:
        raise RuntimeError(f"{name}: input.shape[-2] must be greater than or equal to input.shape[-1]")
    if input.shape[-1] < tau.shape[-1]:
        raise RuntimeError(f"{name}: input.shape[-1] must be greater than or equal to tau.shape[-1]")
    if input.ndim - tau.ndim != 1:
        raise RuntimeError(
            f"{name}: Expected tau to have one dimension less than input, but got tau.ndim equal to {tau.ndim} and "
            f"input.ndim is equal to {input.ndim}"
        )
    if input.shape[:-2] != tau.shape[:-1]:
        raise RuntimeError(
            f"{name}: Expected batch dimensions of tau to be equal to input.shape[:-2], but got {list(tau.shape[:-1])}"
        )
    if input.dtype is not tau.dtype:
        raise RuntimeError(
            f"{name}: tau dtype {tau.dtype.name} does not match input dtype {input.dtype.name}"
        )


@linalg(
    "householder_product",
    "torch.orgqr",
    "Tensor.orgqr",
    saves=("input!", "tau!", "result"),
    check=_check_householder,
    layout=columns(),
)
def householder_product(input: Array, tau: Array):
    """The first columns of the product of the Householder reflectors that `geqrf` packs."""
    m, n = input.shape[-2:]
    return reflect(input, tau, jnp.eye(m, n, dtype=input.dtype))


@op(returns=("a", "tau"), out=True, check=matrix("geqrf"), layout=columns(0), row=UnderivableRow,
    refuses=lambda node, _: not_implemented_derivative("geqrf"))  # fmt: skip
def geqrf(input: Array):
    """LAPACK's packed QR: R above, reflectors below the diagonal, and their factors `tau`."""
    a, tau = jnp.linalg.qr(input, mode="raw")
    return jnp.swapaxes(a, -1, -2), tau


def _check_ormqr(input: Any, tau: Any, other: Any, left: bool = True, transpose: bool = False) -> None:
    for name, x in (("input", input), ("other", other)):
        if x.ndim < 2:
            raise RuntimeError(f"torch.ormqr: {name} must have at least 2 dimensions.")
    side = other.shape[-2 if left else -1]
    which = "-2" if left else "-1"
    if side < tau.shape[-1]:
        raise RuntimeError(
            f"torch.ormqr: other.shape[{which}] must be greater than or equal to tau.shape[-1]"
        )
    if side != input.shape[-2]:
        raise RuntimeError(f"torch.ormqr: other.shape[{which}] must be equal to input.shape[-2]")
    if tau.shape[-1] != min(side, input.shape[-1]):
        raise RuntimeError(
            f"torch.ormqr: tau.shape[-1] must be equal to min(other.shape[{which}], input.shape[-1])"
        )


@op(out=True, saves=("input!", "tau!", "other!", "result"), check=_check_ormqr, layout=columns())
def ormqr(input: Array, tau: Array, other: Array, left: bool = True, transpose: bool = False):
    """Product of the Q that `geqrf` packed (or its conjugate transpose) with `other`, from the left or right."""
    m = input.shape[-2]
    eye = jnp.eye(m, dtype=input.dtype)
    q = reflect(input, tau, jnp.broadcast_to(eye, input.shape[:-2] + eye.shape))
    q = hermitian_of(q) if transpose else q
    return q @ other if left else other @ q


# ---- eigenvalues --------------------------------------------------------------------------------------------


def _check_eigh(name: str) -> Any:
    def check(A: Any, UPLO: str = "L") -> None:
        check_square(name, A)
        if UPLO.upper() not in ("L", "U"):
            raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")

    return check


@linalg(
    "eigh",
    returns=("eigenvalues", "eigenvectors"),
    saves=("result", "result1"),
    check=_check_eigh("linalg.eigh"),
    layout=columns(1),
)
def linalg_eigh(A: Array, UPLO: str = "L"):
    """Real eigenvalues, ascending, and orthonormal eigenvectors (columns) of Hermitian matrices."""
    vectors, values = ll.eigh(mirrored(A, UPLO.upper() == "U"), symmetrize_input=False)
    return values, vectors


@linalg("eigvalsh", check=_check_eigh("linalg.eigvalsh"), saves=("result",))
def linalg_eigvalsh(A: Array, UPLO: str = "L"):
    """Real eigenvalues, ascending, of Hermitian matrices; one triangle of `A` is read."""
    return ll.eigh(mirrored(A, UPLO.upper() == "U"), symmetrize_input=False)[1]


def _complex_of(x: Any) -> Any:
    return jnp.result_type(x.dtype, jnp.complex64)


def _finite(name: str, x: Any) -> None:
    guard(~jnp.isfinite(x).all(), RuntimeError, f"{name}: input tensor should not contain infs or NaNs.")


@linalg(
    "eig",
    returns=("eigenvalues", "eigenvectors"),
    saves=("result", "result1"),
    check=square("linalg.eig"),
    layout=columns(1),
)
def linalg_eig(A: Array):
    """Complex eigenvalues and eigenvectors (columns of norm 1) of square matrices."""
    if A.size == 0:
        return jnp.zeros(A.shape[:-1], _complex_of(A)), jnp.zeros(A.shape, _complex_of(A))
    _finite("torch.linalg.eig", A)
    values, vectors = ll.eig(A, compute_left_eigenvectors=False, enable_eigvec_derivs=True)
    return values, vectors


@linalg("eigvals", check=square("linalg.eigvals"), saves=("result",))
def linalg_eigvals(A: Array):
    """Complex eigenvalues of square matrices."""
    if A.size == 0:
        return jnp.zeros(A.shape[:-1], _complex_of(A))
    _finite("torch.linalg.eigvals", A)
    return ll.eig(A, compute_left_eigenvectors=False, compute_right_eigenvectors=False)[0]


# ---- singular values ------------------------------------------------------------------------------------------


@linalg(
    "svd",
    returns=("U", "S", "Vh"),
    saves=("result", "result1", "result2"),
    check=matrix("linalg.svd"),
    layout=columns(0, 2),
)
def linalg_svd(A: Array, full_matrices: bool = True, *, driver: str | None = None):
    """`A = U diag(S) Vh`, S descending. With `full_matrices` U and Vh are square."""
    if driver is not None:
        raise RuntimeError(
            "torch.linalg.svd: keyword argument `driver=` is only supported on CUDA inputs with cuSOLVER backend."
        )
    return _svd(A, full_matrices)


@linalg("svdvals", check=matrix("linalg.svdvals"), saves=("result",))
def linalg_svdvals(A: Array, *, driver: str | None = None):
    """Singular values, descending."""
    if driver is not None:
        raise RuntimeError(
            "torch.linalg.svd: keyword argument `driver=` is only supported on CUDA inputs with cuSOLVER backend."
        )
    return singular_values(A)


@op(
    returns=("U", "S", "V"),
    out=True,
    check=matrix("linalg.svd"),
    layout=columns(0),
    saves=("result", "result1", "result2"),
)
def svd(input: Array, some: bool = True, compute_uv: bool = True):
    """`input = U diag(S) V^H`; note V and not its transpose. `linalg.svd` is the newer form."""
    m, n = input.shape[-2:]
    if not compute_uv:
        lead = input.shape[:-2]
        return (
            jnp.zeros((*lead, m, m), input.dtype),
            singular_values(input),
            jnp.zeros((*lead, n, n), input.dtype),
        )
    u, s, vh = _svd(input, not some)
    return u, s, hermitian_of(vh)


# ---- LU ------------------------------------------------------------------------------------------------------------


def _check_lu(name: str) -> Any:
    def check(A: Any, pivot: bool = True, **_: Any) -> None:
        if A.ndim < 2:
            raise RuntimeError(
                f"{name}: Expected tensor with 2 or more dimensions. Got size: {list(A.shape)} instead"
            )
        check_matrix(name, A)
        if not pivot:
            raise RuntimeError(f"{name}: LU without pivoting is not implemented on the CPU")

    return check


def _packed(x: Any) -> tuple[Any, Any, Any]:
    lu, pivots, permutation = ll.lu(x)
    return lu, (pivots + 1).astype(jnp.int32), permutation


@linalg(
    "lu",
    returns=("P", "L", "U"),
    constants=("P",),
    saves=("result", "result1", "result2"),
    check=_check_lu("linalg.lu"),
)
def linalg_lu(A: Array, *, pivot: bool = True):
    """`A = P L U`: a permutation matrix, a unit lower and an upper triangular one."""
    lu, _, permutation = _packed(A)
    lower, upper = split_lu(lu)
    return permutation_matrix(permutation, A.dtype), lower, upper


@linalg(
    "lu_factor",
    returns=("LU", "pivots"),
    saves=("result", "result1"),
    check=_check_lu("torch.linalg.lu_factor"),
    layout=columns(0),
)
def linalg_lu_factor(A: Array, *, pivot: bool = True):
    """L and U packed in one matrix, and LAPACK's pivots (int32, 1-based).

    Raises:
        LinAlgError: a matrix is singular.
    """
    lu, pivots, _ = _packed(A)
    refuse(zero_pivot(lu), "torch.linalg.lu_factor", "U[{0},{0}] is zero and using it on lu_solve would result in a division "
           "by zero. If you still want to perform the factorization, consider calling linalg.lu(A, pivot) or "
           "linalg.lu_factor_ex(A, pivot)", "U has a zero on its diagonal and using it on lu_solve would result in a "
           "division by zero.")  # fmt: skip
    return lu, pivots


@linalg(
    "lu_factor_ex",
    returns=("LU", "pivots", "info"),
    check=_check_lu("torch.linalg.lu_factor_ex"),
    layout=columns(0),
    saves=("result", "result1"),
)
def linalg_lu_factor_ex(A: Array, *, pivot: bool = True, check_errors: bool = False):
    """`lu_factor` and, instead of an error, the position of the first zero of U's diagonal (int32, 0 is good)."""
    lu, pivots, _ = _packed(A)
    info = zero_pivot(lu)
    if check_errors:
        refuse(
            info,
            "torch.linalg.lu_factor_ex",
            "U[{0},{0}] is zero and using it on lu_solve would result in a division by zero.",
        )
    return lu, pivots, info


@function(spaces=("torch", "Tensor"))
def lu(A, pivot=True, get_infos=False, out=None):
    """`(LU, pivots)` and, with `get_infos`, the info of `linalg.lu_factor_ex`."""
    results = linalg_lu_factor_ex(A, pivot=pivot)
    return tuple(results) if get_infos else tuple(results[:2])


def _check_unpack(LU_data: Any, LU_pivots: Any, unpack_data: bool = True, unpack_pivots: bool = True) -> None:
    if LU_data.ndim < 2:
        raise RuntimeError("torch.lu_unpack: Expected tensor with 2 or more dimensions. Got size: "
                           f"{list(LU_data.shape)} instead")  # fmt: skip
    if unpack_pivots and LU_pivots.dtype is not by_name("int32"):
        raise RuntimeError(
            "torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype.\nNote: this function is "
            "intended to be used with the output produced by torch.linalg.lu_factor"
        )


def _permutation(pivots: Any, m: int) -> Any:
    return ll.lu_pivots_to_permutation(pivots.astype(jnp.int32) - 1, m)


@op(returns=("P", "L", "U"), spaces=("torch",), out=True, check=_check_unpack, constants=("P",))
def lu_unpack(LU_data: Array, LU_pivots: Array, unpack_data: bool = True, unpack_pivots: bool = True):
    """P, L and U of a packed factorisation; the parts not asked for are empty."""
    empty = jnp.zeros((0,), LU_data.dtype)
    p, lower, upper = empty, empty, empty
    if unpack_pivots:
        p = permutation_matrix(_permutation(LU_pivots, LU_data.shape[-2]), LU_data.dtype)
    if unpack_data:
        lower, upper = split_lu(LU_data)
    return p, lower, upper


def _lu_solve(lu: Any, pivots: Any, b: Any, left: bool, adjoint: bool) -> Any:
    """`op(A) X = B` (or `X op(A) = B`) with `A = P L U`."""
    if not left:
        return hermitian_of(_lu_solve(lu, pivots, hermitian_of(b), True, not adjoint))
    p = permutation_matrix(_permutation(pivots, lu.shape[-2]), lu.dtype)
    if not adjoint:
        y = triangular(lu, jnp.swapaxes(p, -1, -2) @ b, upper=False, unit=True)
        return triangular(lu, y, upper=True)
    y = triangular(lu, b, upper=True, adjoint=True)
    return p @ triangular(lu, y, upper=False, unit=True, adjoint=True)


def _check_lu_solve(LU: Any, pivots: Any, B: Any, left: bool = True, **_: Any) -> None:
    name = "torch.linalg.lu_solve"
    if LU.ndim < 2 or LU.shape[-1] != LU.shape[-2]:
        check_square(name, LU, "LU")
    if B.shape[-2 if left else -1] != LU.shape[-1]:
        raise RuntimeError(
            f"{name}: Incompatible shapes of LU and B for the equation {'AX = B' if left else 'XA = B'} "
            f"({LU.shape[-2]}x{LU.shape[-1]} and {B.shape[-2]}x{B.shape[-1]})"
        )
    if pivots.shape[-1:] != LU.shape[-1:]:
        raise RuntimeError(
            f"{name}: Number of pivots per batch should be same as the dimension of the matrix"
        )


@linalg("lu_solve", saves=("LU!", "pivots!", "result"), check=_check_lu_solve, layout=columns())
def linalg_lu_solve(LU: Array, pivots: Array, B: Array, *, left: bool = True, adjoint: bool = False):
    """X with `A X = B` (or `X A = B`, or with A^H) from the result of `lu_factor`."""
    return _lu_solve(LU, pivots, B, left, adjoint)


@op(
    out=True,
    check=lambda b, LU_data, LU_pivots: _check_lu_solve(LU_data, LU_pivots, b),
    saves=("LU_data!", "LU_pivots!", "result"),
    layout=columns(),
)
def lu_solve(b: Array, LU_data: Array, LU_pivots: Array):
    """X with `A X = b` from `(LU, pivots)`; see `linalg.lu_solve`."""
    return _lu_solve(LU_data, LU_pivots, b, True, False)
