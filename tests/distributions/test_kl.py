"""kl_divergence: every registered pair, gradients, dispatch."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from distribution_cases import Side, same

import torchlike

torch = pytest.importorskip("torch")
LIBS = (torchlike, torch)

FORMS = {
    "Bernoulli": ["D.Bernoulli(T([0.2, 1.0]))", "D.Bernoulli(T([0.3, 0.9]))", "D.Bernoulli(T([0.0, 0.5]))"],
    "Beta": ["D.Beta(T([0.5, 2.0]), T([1.5, 0.7]))", "D.Beta(T([1.2, 3.0]), T([0.5, 2.7]))"],
    "Binomial": ["D.Binomial(10, T([0.2, 0.7]))", "D.Binomial(8, T([0.3, 0.6]))", "D.Binomial(10, T([0.4, 0.6]))"],
    "Categorical": ["D.Categorical(T([[0.2, 0.8, 0.0], [0.5, 0.2, 0.3]]))", "D.Categorical(logits=T([0.3, 0.6, -1.0]))"],
    "Cauchy": ["D.Cauchy(T([0.0, 1.0]), T([1.0, 2.0]))", "D.Cauchy(T([0.5, -1.0]), T([2.0, 2.0]))"],
    "ContinuousBernoulli": ["D.ContinuousBernoulli(T([0.2, 0.7]))", "D.ContinuousBernoulli(T([0.5, 0.1]))"],
    "Dirichlet": ["D.Dirichlet(T([[0.5, 2.0, 1.0]]))", "D.Dirichlet(T([1.5, 0.7, 1.0]))"],
    "Exponential": ["D.Exponential(T([0.5, 2.0]))", "D.Exponential(T([1.5, 0.3]))"],
    "Gamma": ["D.Gamma(T([0.5, 2.0]), T([1.0, 0.7]))", "D.Gamma(T([1.5, 1.2]), T([2.0, 0.3]))"],
    "Geometric": ["D.Geometric(T([0.2, 0.7]))", "D.Geometric(T([0.4, 0.3]))"],
    "Gumbel": ["D.Gumbel(T([0.0, 1.0]), T([1.0, 2.0]))", "D.Gumbel(T([0.5, -1.0]), T([2.0, 2.5]))"],
    "HalfNormal": ["D.HalfNormal(T([1.0, 2.0]))", "D.HalfNormal(T([0.7, 3.0]))"],
    "Laplace": ["D.Laplace(T([0.0, 1.0]), T([1.0, 2.0]))", "D.Laplace(T([0.5, -1.0]), T([2.0, 2.5]))"],
    "LowRankMultivariateNormal": [
        "D.LowRankMultivariateNormal(T([1.0, 2.0]), T([[1.0], [0.5]]), T([1.0, 0.5]))",
        "D.LowRankMultivariateNormal(T([[1.0, 0.0], [0.3, 1.0]]), T([[0.2], [0.7]]), T([2.0, 0.5]))",
    ],
    "MultivariateNormal": [
        "D.MultivariateNormal(T([1.0, 2.0]), T([[2.0, 0.3], [0.3, 1.0]]))",
        "D.MultivariateNormal(T([[1.0, 0.0], [0.3, 1.0]]), scale_tril=T([[1.0, 0.0], [0.3, 2.0]]))",
    ],
    "Normal": ["D.Normal(T([0.0, 1.0]), T([1.0, 2.0]))", "D.Normal(T([0.5, -1.0]), T([2.0, 2.5]))"],
    "OneHotCategorical": ["D.OneHotCategorical(T([0.2, 0.8]))", "D.OneHotCategorical(T([0.7, 0.3]))"],
    "Pareto": ["D.Pareto(T([1.0, 2.0]), T([2.5, 1.5]))", "D.Pareto(T([0.5, 2.5]), T([1.5, 3.0]))"],
    "Poisson": ["D.Poisson(T([0.5, 2.0]))", "D.Poisson(T([1.5, 0.3]))"],
    "Uniform": ["D.Uniform(T([0.2, 0.6]), T([0.5, 0.9]))", "D.Uniform(T([-0.5, -1.0]), T([1.5, 3.0]))", "D.Uniform(T([3.0, 4.0]), T([5.0, 6.0]))"],
    "Independent": [
        "D.Independent(D.Normal(T([0.0, 1.0]), T([1.0, 2.0])), 1)", "D.Independent(D.Normal(T([0.5, -1.0]), T([2.0, 2.5])), 1)",
    ],
    "TransformedDistribution": ["D.LogNormal(T([0.0, 1.0]), T([1.0, 2.0]))", "D.LogNormal(T([0.5, -1.0]), T([2.0, 2.5]))"],
    "ExponentialFamily": [],
}  # fmt: skip


def _pairs():
    for p, q in torch.distributions.kl._KL_REGISTRY:
        for a, b in itertools.product(FORMS[p.__name__], FORMS[q.__name__]):
            if a != b:
                yield a, b


@pytest.mark.parametrize("p, q", [pytest.param(a, b, id=f"{a}-{b}".replace("D.", "")) for a, b in _pairs()])
def test_pairs(p, q):
    sides = [Side(lib) for lib in LIBS]
    a, b = (side.attempt(f"D.kl_divergence({p}, {q})") for side in sides)
    same("kl", a, b, rtol=1e-4, atol=1e-5)
    if getattr(b, "requires_grad", False) and bool(b.isfinite().all()):
        for x, y in zip(sides[0].grads([a]), sides[1].grads([b])):
            np.testing.assert_allclose(x, y, rtol=1e-3, atol=1e-4)


def test_all_pairs_are_registered():
    names = [{(p.__name__, q.__name__) for p, q in lib.distributions.kl._KL_REGISTRY} for lib in LIBS]
    assert names[0] == names[1]


@pytest.mark.parametrize(
    "name", ["Normal", "Gamma", "Beta", "Poisson", "Exponential", "Bernoulli", "Dirichlet"]
)
def test_bregman_divergence(name):
    """What the exponential family says equals the closed form."""
    D = torchlike.distributions
    p, q = (Side(torchlike)(form) for form in FORMS[name][:2])
    family = D.kl._KL_REGISTRY[D.ExponentialFamily, D.ExponentialFamily]
    if name == "Bernoulli":  # the second of `p` is certain
        p = D.Bernoulli(torchlike.tensor([0.2, 0.4]))
    same(name, family(p, q), D.kl_divergence(p, q), rtol=1e-3, atol=1e-4)


def test_uniform_around_the_unit_interval():
    """PyTorch calls it infinite where the two intervals are equal."""
    D = torchlike.distributions
    p = D.ContinuousBernoulli(torchlike.tensor(0.3))
    assert D.kl_divergence(p, D.Uniform(0.0, 1.0)) == -p.entropy()


@pytest.mark.parametrize("lib", LIBS)
def test_dispatch(lib):
    D = lib.distributions

    class One(D.Normal):
        pass

    class Two(One):
        pass

    saved = dict(D.kl._KL_REGISTRY)
    try:
        D.register_kl(One, D.Normal)(lambda p, q: "one")
        assert D.kl_divergence(Two(0.0, 1.0), Two(0.0, 1.0)) == "one"
        D.register_kl(D.Normal, Two)(lambda p, q: "two")
        with pytest.warns(
            RuntimeWarning, match=r"Ambiguous kl_divergence\(Two, Two\). Please register_kl\(One, Two\)"
        ):
            assert D.kl_divergence(Two(0.0, 1.0), Two(0.0, 1.0)) == "one"
        with pytest.raises(NotImplementedError, match="No KL"):
            D.kl_divergence(D.Cauchy(0.0, 1.0), One(0.0, 1.0))
    finally:
        D.kl._KL_REGISTRY.clear()
        D.kl._KL_REGISTRY.update(saved)
        D.kl._KL_MEMOIZE.clear()
