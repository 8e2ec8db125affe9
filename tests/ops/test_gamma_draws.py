"""Gamma, Dirichlet and binomial draws: PyTorch's numbers for a seed, gradients of samples, errors."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special

import torchlike

torch = pytest.importorskip("torch")
LIBS = (torchlike, torch)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "form",
    ["_standard_gamma(torch.linspace(0.01, 20, 1500, dtype=d))", "_standard_gamma(torch.tensor([0.0, 1e-3, 1e4], dtype=d))",
     "_standard_gamma(torch.full((3,), 2.0, dtype=d), generator=torch.Generator().manual_seed(3))",
     "_sample_dirichlet(torch.linspace(0.01, 20, 1500, dtype=d).view(-1, 5))",
     "binomial(torch.arange(300, dtype=d), torch.tensor(0.01, dtype=d))", "binomial(torch.arange(300, dtype=d), torch.tensor(0.3, dtype=d))",
     "binomial(torch.arange(300, dtype=d), torch.tensor(0.8, dtype=d))", "binomial(torch.arange(4, dtype=d), torch.tensor(1.0, dtype=d))",
     "binomial(torch.tensor([-1.0, 5.0], dtype=d), torch.tensor([0.5, 0.0], dtype=d))",
     "binomial(torch.ones(2, dtype=d), torch.tensor([float('nan'), 0.5], dtype=d))"],
)  # fmt: skip
def test_streams(form, dtype):
    found = []
    for lib in LIBS:
        lib.manual_seed(3)
        lib.randn(1)  # the second of its pair waits for the next draw
        result = eval(f"torch.{form}", {"torch": lib, "d": getattr(lib, dtype)})
        found.append((result.numpy(), lib.rand(2).numpy()))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-5 if dtype == "float32" else 1e-11)
    np.testing.assert_array_equal(found[0][1], found[1][1])


@pytest.mark.parametrize(
    "form",
    ["_standard_gamma(torch.tensor([1, 2]))", "_sample_dirichlet(torch.tensor([1, 2]))",
     "_standard_gamma(torch.ones(2, dtype=torch.float16))", "binomial(torch.tensor([1, 2]), torch.tensor([0.1, 0.2]))",
     "binomial(torch.ones(2), torch.ones(2, dtype=torch.float64))", "binomial(torch.ones(2, dtype=torch.float16), torch.ones(2, dtype=torch.float16))"],
)  # fmt: skip
def test_errors(form):
    errors = []
    for lib in LIBS:
        with pytest.raises((RuntimeError, NotImplementedError, ValueError)) as e:
            eval(f"torch.{form}", {"torch": lib})
        errors.append((e.type, str(e.value)))
    assert errors[0] == errors[1]


@pytest.mark.parametrize("a", [0.05, 0.5, 1.0, 3.0, 50.0])
def test_slope_of_gamma_samples(a):
    """It is -(dF/da) / (dF/dx), by differences of SciPy's F."""
    x = scipy.special.gammaincinv(a, np.linspace(0.05, 0.95, 7))
    h = 1e-4 * a
    by_a = (scipy.special.gammainc(a + h, x) - scipy.special.gammainc(a - h, x)) / (2 * h)
    density = np.exp((a - 1) * np.log(x) - x - scipy.special.gammaln(a))
    found = torchlike._standard_gamma_grad(
        torchlike.full((7,), a, dtype=torchlike.float64), torchlike.tensor(x)
    )
    np.testing.assert_allclose(found.numpy(), -by_a / density, rtol=1e-5)


@pytest.mark.parametrize(
    "a, b", [(0.05, 0.5), (0.7, 0.02), (1.0, 1.0), (3.0, 200.0), (2000.0, 30.0), (1.0, 1e4)]
)
def test_slope_of_beta_samples(a, b):
    x = scipy.special.betaincinv(a, b, np.linspace(0.05, 0.95, 7))
    x = x[(x > 1e-250) & (x < 1 - 1e-12)]
    h = 1e-4 * min(a, a**0.5)
    by_a = (scipy.special.betainc(a + h, b, x) - scipy.special.betainc(a - h, b, x)) / (2 * h)
    log_density = (a - 1) * np.log(x) + (b - 1) * np.log1p(-x) - scipy.special.betaln(a, b)
    x, total = torchlike.tensor(x), torchlike.tensor(a + b, dtype=torchlike.float64)
    found = torchlike._dirichlet_grad(x, torchlike.full_like(x, a), total.expand(x.shape))
    want = -by_a / np.exp(log_density) / (1 - x.numpy())
    np.testing.assert_allclose(found.numpy(), want, rtol=1e-5)


def test_gradients_through_samples():
    """Scaling all concentrations up moves no sum, and the gradient of a sum of shares is zero."""
    a = torchlike.tensor([[0.5, 2.0, 3.0]], requires_grad=True)
    (g,) = torchlike.autograd.grad(torchlike._sample_dirichlet(a).sum(), a)
    np.testing.assert_allclose(g.numpy(), 0, atol=1e-6)
    drawn = torchlike._standard_gamma(a)
    assert drawn.requires_grad and type(drawn.grad_fn).__name__ == "StandardGammaBackward0"
    (g,) = torchlike.autograd.grad(drawn.sum(), a)
    np.testing.assert_allclose(g.numpy(), torchlike._standard_gamma_grad(a.detach(), drawn.detach()).numpy())
    counts = torchlike.binomial(torchlike.ones(3, requires_grad=True), torchlike.ones(3))
    with pytest.raises(RuntimeError, match="derivative for aten::binomial is not implemented"):
        counts.sum().backward()
