"""Randomised low-rank factorisations (Halko, Martinsson, Tropp, 2009) and Bunch-Kaufman's LDL."""

from collections import namedtuple
from typing import Any

import numpy as np

from .._core.autograd import no_derivative, refuse_gradients
from .._core.registry import function, namespace
from .._core.tensor import from_numpy_copy
from .decomposition import linalg_qr, linalg_svd
from .linalg import linalg_solve
from .linalg_rows import LinAlgError, check_square
from .matmul import matmul

# ---- random projections ------------------------------------------------------------------------------


def _range_basis(a: Any, q: int, rounds: int) -> Any:
    """Orthonormal columns that span most of the range of `a`."""
    randn = namespace("torch")["randn"]
    back = a.mH
    basis = linalg_qr(matmul(a, randn(a.shape[-1], q, dtype=a.dtype, device=a.device)))[0]
    for _ in range(rounds):
        basis = linalg_qr(matmul(back, basis))[0]
        basis = linalg_qr(matmul(a, basis))[0]
    return basis


@function(spaces=("torch",))
def svd_lowrank(A, q=6, niter=2, M=None):
    """`(U, S, V)` of rank `q` near `A` (or near `A - M`), by random projection and `niter` power rounds."""
    if M is not None:
        A = A - M
    m, n = A.shape[-2:]
    if m < n:
        basis = _range_basis(A.mH, q, niter)
        u, s, vh = linalg_svd(matmul(A, basis), False)
        return u, s, matmul(basis, vh.mH)
    basis = _range_basis(A, q, niter)
    u, s, vh = linalg_svd(matmul(basis.mH, A), False)
    return matmul(basis, u), s, vh.mH


@function(spaces=("torch",))
def pca_lowrank(A, q=None, center=True, niter=2):
    """`(U, S, V)`: principal components of the rows of `A`, by `svd_lowrank` of the centred matrix."""
    m, n = A.shape[-2:]
    q = min(6, m, n) if q is None else q
    if not 0 <= q <= min(m, n):
        raise ValueError(f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(m, n)}")
    if niter < 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    return svd_lowrank(A - A.mean(-2, True) if center else A, q, niter)


# ---- LDL: LAPACK on the host ---------------------------------------------------------------------------
LDLFactor = namedtuple("linalg_ldl_factor", ["LD", "pivots"])
LDLFactorEx = namedtuple("linalg_ldl_factor_ex", ["LD", "pivots", "info"])


def _factor(A: Any, hermitian: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """LAPACK's packed lower factors, 1-based pivots and info of each matrix."""
    data = A.detach()._host()
    from scipy.linalg import get_lapack_funcs  # here: importing torchlike does not pay for it

    (routine,) = get_lapack_funcs(("hetrf" if hermitian and np.iscomplexobj(data) else "sytrf",), (data,))
    flat = data.reshape(-1, *data.shape[-2:]) if data.size else data.reshape(0, *data.shape[-2:])
    ld, pivots, info = np.empty_like(flat), np.empty(flat.shape[:2], np.int32), np.empty(len(flat), np.int32)
    for i, matrix in enumerate(flat):
        packed, pivots[i], info[i] = routine(matrix, lower=1)
        ld[i] = np.tril(packed)
    lead = data.shape[:-2]
    if not data.size:
        info = np.zeros(lead, np.int32)
    return ld.reshape(data.shape), pivots.reshape(*lead, data.shape[-1]), info.reshape(lead)


def _give(results: Any, out: Any) -> Any:
    """Copies the results into `out`, if given."""
    if out is None:
        return results
    for o, r in zip(out, results):
        (o if o.shape == r.shape else o.resize_(r.shape)).copy_(r)
    return out


_MSG_SINGULAR = "The factorization could not be completed because D is singular."


@function(spaces=("linalg",))
def ldl_factor_ex(A, *, hermitian=False, check_errors=False, out=None):
    """`(LD, pivots, info)`: Bunch-Kaufman factors `A = L D L^T` (or L^H), packed as LAPACK does; no gradient."""
    check_square("torch.linalg.ldl_factor_ex", A)
    ld, pivots, info = _factor(A, hermitian)
    if check_errors and info.any():
        raise LinAlgError(f"torch.linalg.ldl_factor_ex: {_MSG_SINGULAR}")
    made = LDLFactorEx(*(from_numpy_copy(x, A.device) for x in (ld, pivots, info)))
    refuse_gradients(made[:1], [A], "NotImplemented", no_derivative("linalg_ldl_factor_ex"))
    return _give(made, out)


@function(spaces=("linalg",))
def ldl_factor(A, *, hermitian=False, out=None):
    """`(LD, pivots)`; see `ldl_factor_ex`.

    Raises:
        LinAlgError: D is singular.
    """
    check_square("torch.linalg.ldl_factor", A)
    ld, pivots, info = _factor(A, hermitian)
    if info.any():
        raise LinAlgError(f"torch.linalg.ldl_factor: {_MSG_SINGULAR}")
    made = LDLFactor(from_numpy_copy(ld, A.device), from_numpy_copy(pivots, A.device))
    refuse_gradients(made[:1], [A], "NotImplemented", no_derivative("linalg_ldl_factor_ex"))
    return _give(made, out)


def _product(ld: np.ndarray, pivots: np.ndarray, hermitian: bool) -> np.ndarray:
    """The matrix that LAPACK's lower factors stand for: `A = W D W^T`, `W = P1 L1 P2 L2 ...`."""
    n = len(ld)
    d, w = np.zeros_like(ld), np.eye(n, dtype=ld.dtype)
    blocks, k = [], 0
    while k < n:
        blocks.append((k, 2 if pivots[k] < 0 else 1))
        k += blocks[-1][1]
    for k, size in reversed(blocks):
        end = k + size
        d[k:end, k:end] = ld[k:end, k:end]
        if size == 2:
            d[k, k + 1] = np.conj(ld[k + 1, k]) if hermitian else ld[k + 1, k]
        w[end:] += ld[end:, k:end] @ w[k:end]
        row, other = end - 1, abs(pivots[end - 1]) - 1
        w[[row, other]] = w[[other, row]]
    right = w.conj().T if hermitian else w.T
    return w @ d @ right


@function(spaces=("linalg",))
def ldl_solve(LD, pivots, B, *, hermitian=False, out=None):
    """X with `A X = B` from the result of `ldl_factor`; differentiable in `B`."""
    name = "torch.linalg.ldl_solve"
    check_square(name, LD, "LD")
    if B.ndim < 2:
        raise RuntimeError(
            f"{name}: Expected B to have at least 2 dimensions, but it has {B.ndim} dimensions instead"
        )
    if tuple(pivots.shape) != tuple(LD.shape[:-1]):
        raise RuntimeError(f"{name}: Expected LD.shape[:-1] and pivots.shape to be the same, but got pivots with shape "
                           f"{list(pivots.shape)} instead")  # fmt: skip
    ld, p = LD.detach()._host(), pivots._host()
    n = ld.shape[-1]
    flat = (
        [_product(a, b, hermitian) for a, b in zip(ld.reshape(-1, n, n), p.reshape(-1, n))] if ld.size else []
    )
    a = from_numpy_copy(np.asarray(flat, ld.dtype).reshape(ld.shape), LD.device)
    result = linalg_solve(a, B)
    return result if out is None else _give((result,), (out,))[0]
