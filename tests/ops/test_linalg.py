"""Decompositions, solvers and norms against torch. Signs of vectors are free, so their absolute values are compared."""

import numpy as np
import pytest
from twin import check, rand, same_error

import torchlike

SQUARE = rand(2, 4, 4) + 4 * np.eye(4)
SYMMETRIC = SQUARE + SQUARE.swapaxes(-1, -2)
POSITIVE = SQUARE @ SQUARE.swapaxes(-1, -2)
TALL, WIDE = rand(5, 3), rand(3, 5)
LOOSE = {"rtol": 1e-5, "atol": 1e-7}

CASES = {
    "inv": (lambda L, a: L.inv(a), SQUARE),
    "inv_ex": (lambda L, a: list(L.inv_ex(a)), SQUARE),
    "det": (lambda L, a: L.det(a), SQUARE),
    "slogdet": (lambda L, a: list(L.slogdet(a)), SQUARE),
    "matrix_exp": (lambda L, a: L.matrix_exp(a / 4), SQUARE),
    "matrix_power": (lambda L, a: [L.matrix_power(a, n) for n in (0, 1, 3, -2)], SQUARE),
    "cholesky": (lambda L, a: [L.cholesky(a), L.cholesky(a, upper=True)], POSITIVE),
    "cholesky_ex": (lambda L, a: list(L.cholesky_ex(a)), POSITIVE),
    "qr": (lambda L, a: [x.abs() for x in L.qr(a)], TALL),
    "qr_wide": (lambda L, a: [x.abs() for x in L.qr(a)], WIDE),
    "eigh": (lambda L, a: [L.eigh(a)[0], L.eigh(a)[1].abs(), L.eigvalsh(a, UPLO="U")], SYMMETRIC),
    "eigvals": (lambda L, a: L.eigvals(a).real.sort()[0], SYMMETRIC),
    "svd": (lambda L, a: [x.abs() for x in L.svd(a, full_matrices=False)], TALL),
    "svd_wide": (lambda L, a: [x.abs() for x in L.svd(a, full_matrices=False)], WIDE),
    "svdvals": (lambda L, a: L.svdvals(a), TALL),
    "lu": (lambda L, a: list(L.lu(a)), SQUARE),
    "lu_factor": (lambda L, a: list(L.lu_factor(a)), SQUARE),
    "lu_solve": (
        lambda L, a: [L.lu_solve(*L.lu_factor(a), a, adjoint=adjoint) for adjoint in (False, True)],
        SQUARE,
    ),
    "pinv": (lambda L, a: L.pinv(a), TALL),
    "matrix_rank": (lambda L, a: L.matrix_rank(a), TALL),
    "cond": (
        lambda L, a: [L.cond(a), L.cond(a, -2), L.cond(a.detach(), "fro"), L.cond(a.detach(), 1)],
        SQUARE,
    ),
    "vander": (lambda L, a: L.vander(a[0], N=4), TALL),
    "tensorinv": (lambda L, a: L.tensorinv(a[0].reshape(2, 2, 4), ind=2), SQUARE),
    "diagonal": (lambda L, a: L.diagonal(a, offset=1), SQUARE),
    "matrix_norm": (
        lambda L, a: [L.matrix_norm(a, p) for p in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)],
        SQUARE,
    ),
    "norm": (lambda L, a: [L.norm(a), L.norm(a, 3, 1), L.norm(a, "fro", (0, 1)), L.norm(a[0], 1)], TALL),
}


@pytest.mark.parametrize("name", CASES)
def test_one_matrix(name):
    f, x = CASES[name]
    check(lambda T, F, a: f(T.linalg, a), x, **LOOSE)


PAIRS = {
    "solve": (lambda L, a, b: [L.solve(a, b), L.solve(a, b.mT, left=False)], SQUARE, rand(2, 4, 3)),
    "solve_vector": (lambda L, a, b: L.solve(a, b), SQUARE[0], rand(4)),
    "solve_triangular": (lambda L, a, b: [L.solve_triangular(a, b, upper=up, unitriangular=up) for up in (True, False)],
                         SQUARE, rand(2, 4, 3)),
    "lstsq": (lambda L, a, b: list(L.lstsq(a, b))[:1], TALL, rand(5, 2)),
    "householder_product": (lambda L, a, b: L.householder_product(a, b), TALL, rand(3)),
    "vecdot": (lambda L, a, b: L.vecdot(a, b), rand(2, 3), rand(3)),
    "cross": (lambda L, a, b: L.cross(a, b), rand(4, 3), rand(1, 3)),
    "multi_dot": (lambda L, a, b: L.multi_dot([a, b, a[:, 0]]), TALL, WIDE),
    "tensorsolve": (lambda L, a, b: L.tensorsolve(a[0].reshape(2, 2, 4), b), SQUARE, rand(2, 2)),
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_two_matrices(name):
    f, a, b = PAIRS[name]
    check(lambda T, F, x, y: f(T.linalg, x, y), a, b, **LOOSE)


OLD = {
    "names": lambda T, a: [T.det(a), T.logdet(a @ a.mT), T.inverse(a), T.pinverse(a[0]), T.matrix_exp(a / 9)],
    "svd": lambda T, a: [x.abs() for x in T.svd(a)],
    "qr": lambda T, a: [x.abs() for x in T.qr(a)],
    "cholesky_solve": lambda T, a: [
        T.cholesky_solve(a, T.linalg.cholesky(a @ a.mT)),
        T.cholesky_inverse(a.tril()),
    ],
    "lu_unpack": lambda T, a: list(T.lu_unpack(*T.linalg.lu_factor(a))),
    "triangular_solve": lambda T, a: list(T.triangular_solve(a[0], a[1], transpose=True)),
    "renorm": lambda T, a: T.renorm(a[0], 2, 0, 1.0),
}


@pytest.mark.filterwarnings("ignore:torch.*deprecated:UserWarning")  # torch's own
@pytest.mark.parametrize("name", OLD)
def test_older_names(name):
    check(lambda T, F, a: OLD[name](T, a), SQUARE, **LOOSE)


@pytest.mark.parametrize("scale", [1e-9, 0.1, 5.0, 12.0])
@pytest.mark.parametrize("n", [1, 2, 6])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_matrix_exp(scale, n, dtype):
    a = np.array([0.01, 0.3, 1.0])[:, None, None] * scale * rand(3, n, n) / n
    a = a * (1 + 0.5j) if dtype == "complex128" else a
    check(
        lambda T, F, a: T.view_as_real(T.matrix_exp(a) + 0j),
        a,
        twice=dtype == "float64",
        rtol=1e-7,
        atol=1e-8,
    )


def test_matrix_exp_is_as_good_as_the_dtype():
    # float32 results are far from those of float64 only where the matrices are far from normal
    a = (rand(4, 8, 8) * 3).astype(np.float32)
    exact = torchlike.matrix_exp(torchlike.tensor(a.astype(np.float64))).numpy()
    got = torchlike.matrix_exp(torchlike.tensor(a)).numpy()
    assert np.abs(got - exact).max() < 3e-6 * np.abs(exact).max()


@pytest.mark.parametrize("driver", [None, "gels", "gelsy", "gelsd", "gelss"])
@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4)])
def test_lstsq_residuals(driver, shape):
    a, b = rand(2, *shape), rand(2, shape[0], 2)
    check(lambda T, F, a, b: list(T.linalg.lstsq(a, b, driver=driver)), a, b, grad=False, **LOOSE)
    if shape == (5, 3) and driver in ("gelsd", "gelss"):
        a[1, :, 1] = a[1, :, 0]  # of rank 2: no residuals
        check(lambda T, F, a, b: list(T.linalg.lstsq(a, b, driver=driver))[:3], a, b, grad=False, **LOOSE)


def test_full_svd():
    check(lambda T, F, a: [T.linalg.svd(a)[1], T.linalg.svd(a)[0].abs()], TALL, grad=False)
    a = torchlike.tensor(WIDE)
    u, s, vh = torchlike.linalg.svd(a)
    assert vh.shape == (5, 5)
    np.testing.assert_allclose((u @ torchlike.diag(s) @ vh[:3]).numpy(), WIDE, atol=1e-12)


@pytest.mark.parametrize("p", [0.5, 1.0, 2.0, 3.0, np.inf])
@pytest.mark.parametrize("rows", [3, 30])
def test_cdist(p, rows):
    a, b = rand(2, rows, 4), rand(1, 5, 4)
    b[0, 0] = a[0, 0]
    check(lambda T, F, x, y: T.cdist(x, y, p), a, b, grad=rows == 3, rtol=1e-4, atol=1e-6)


def test_ldl():
    check(
        lambda T, F, a: [*T.linalg.ldl_factor(a), T.linalg.ldl_solve(*T.linalg.ldl_factor(a), a)],
        SYMMETRIC,
        grad=False,
    )


SINGULAR = np.ones((3, 3))
ERRORS = {
    "singular inverse": lambda T, F, a: T.linalg.inv(a),
    "singular solve": lambda T, F, a: T.linalg.solve(a, a),
    "not positive": lambda T, F, a: T.linalg.cholesky(a - 2 * T.eye(3, dtype=a.dtype)),
    "not square": lambda T, F, a: T.linalg.inv(a[:2]),
    "vector": lambda T, F, a: T.linalg.inv(a[0]),
    "integers": lambda T, F, a: T.linalg.det(a.long()),
    "shapes": lambda T, F, a: T.linalg.solve(a, a[:2]),
    "matrix norm order": lambda T, F, a: T.linalg.matrix_norm(a, 3),
    "norm of a tensor": lambda T, F, a: T.linalg.norm(a[None], 2),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    same_error(ERRORS[name], SINGULAR)


def test_error_class():
    assert issubclass(torchlike.linalg.LinAlgError, RuntimeError)
