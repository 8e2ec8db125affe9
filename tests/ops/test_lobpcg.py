"""`lobpcg`: eigenpairs of symmetric matrices, their gradients, and what a tracker sees."""

import numpy as np
import pytest
from twin import LIBS, same_error, torchlike

DRAWS = np.random.RandomState(0)
HALF = DRAWS.randn(20, 20)
A = HALF @ HALF.T + np.eye(20)
B = np.diag(DRAWS.rand(20) + 1)
START = DRAWS.randn(20, 2)


@pytest.mark.parametrize("method", ["ortho", "basic"])
@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("metric", [None, B])
def test_pairs(method, largest, metric):
    b = None if metric is None else torchlike.tensor(metric)
    E, X = torchlike.lobpcg(torchlike.tensor(A), 3, B=b, largest=largest, method=method)
    E, X = E.numpy(), X.numpy()
    whole = np.eye(20) if metric is None else metric
    wanted = np.sort(np.linalg.eigvals(np.linalg.solve(whole, A)).real)
    np.testing.assert_allclose(E, wanted[::-1][:3] if largest else wanted[:3], rtol=1e-9)
    np.testing.assert_allclose(A @ X, whole @ X * E, atol=1e-5)
    np.testing.assert_allclose(X.T @ whole @ X, np.eye(3), atol=1e-9)


def test_inputs():
    wanted = np.linalg.eigvalsh(A)[::-1][:2]
    a = torchlike.tensor(A)
    single = torchlike.lobpcg(a.float(), 2)[0]
    assert single.dtype is torchlike.float32
    np.testing.assert_allclose(single.numpy(), wanted, rtol=1e-4)
    np.testing.assert_allclose(torchlike.lobpcg(a.to_sparse(), 2)[0].numpy(), wanted, rtol=1e-9)
    E, X = torchlike.lobpcg(torchlike.stack([a, 2 * a]), 2)
    np.testing.assert_allclose(E.numpy(), [wanted, 2 * wanted], rtol=1e-9)
    assert X.shape == (2, 20, 2)
    assert torchlike.lobpcg(a, n=3)[0].shape == (1,)
    good = torchlike.lobpcg(a, 2, iK=torchlike.linalg.inv(a), largest=False)[0]
    np.testing.assert_allclose(good.numpy(), np.linalg.eigvalsh(A)[:2], rtol=1e-9)


@pytest.mark.parametrize("largest", [True, False])
def test_gradients(largest):
    found = []
    for lib in LIBS:
        a = lib.tensor(A, requires_grad=True)
        E, X = lib.lobpcg(a, X=lib.tensor(START), largest=largest, tol=1e-12)
        X = X * lib.sign(X[0]).detach()
        ((X**3).sum() + (E**2).sum()).backward()
        found.append(a.grad.numpy())
    np.testing.assert_allclose(found[0], found[1], rtol=1e-7, atol=1e-8)


def test_tracker():
    for lib in LIBS:
        seen = []

        def watch(state, seen=seen):
            seen.append((state.ivars["istep"], tuple(state.X.shape), tuple(state.tvars["rerr"].shape)))
            state.bvars["force_stop"] = len(seen) == 3

        lib.lobpcg(lib.tensor(A), 2, tracker=watch)
        assert seen == [(i, (20, 2), (2,)) for i in (1, 2, 3)]


WRONG = {
    "too many": lambda T, a: T.lobpcg(a, 7),
    "no square": lambda T, a: T.lobpcg(a[:4], 1),
    "start": lambda T, a: T.lobpcg(a, X=a[:19, :2]),
    "metric": lambda T, a: T.lobpcg(a, 2, B=a[:3]),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors(name):
    same_error(lambda T, F, a: WRONG[name](T, a), A)


def test_what_has_no_gradient():
    for lib in LIBS:
        a = lib.tensor(A, requires_grad=True)
        with pytest.raises(ValueError, match="does not support backward with B != I yet"):
            lib.lobpcg(a, 2, B=lib.tensor(B))[0].sum().backward()
