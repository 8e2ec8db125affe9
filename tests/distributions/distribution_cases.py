"""Distributions with parameters, as text that both libraries evaluate: `torch` and `D` are theirs.

`T(...)` is a tensor that requires grad, so that gradients of everything are compared, too.
"""

from __future__ import annotations

import re

import numpy as np

CASES = [
    "D.Bernoulli(T([0.2, 0.5, 0.9]))",
    "D.Bernoulli(logits=T([[-1.0], [2.0]]))",
    "D.Bernoulli(0.3)",
    "D.Beta(T([0.5, 2.0, 7.0]), T([1.5, 0.7, 4.0]))",
    "D.Beta(2.0, 3.0)",
    "D.Binomial(10, T([0.2, 0.7, 0.5]))",
    "D.Binomial(torch.tensor([100.0, 100.0, 3.0]), logits=T([-1.0, 0.7, 0.0]))",
    "D.Categorical(T([0.2, 0.3, 0.5]))",
    "D.Categorical(T([[2.0, 3.0, 5.0], [1.0, 1.0, 0.5]]))",
    "D.Categorical(logits=T([[0.1, -0.3, 0.5, 2.0]]))",
    "D.Cauchy(T([0.0, 1.0]), T([1.0, 0.5]))",
    "D.Chi2(T([0.7, 3.0]))",
    "D.Chi2(3.0)",
    "D.ContinuousBernoulli(T([0.2, 0.4995, 0.9]))",
    "D.ContinuousBernoulli(logits=T([-1.0, 0.0005, 2.0]))",
    "D.Dirichlet(T([0.5, 2.0, 3.0]))",
    "D.Dirichlet(T([[0.5, 0.7], [5.0, 2.0]]))",
    "D.Exponential(T([0.5, 2.0]))",
    "D.Exponential(1.5)",
    "D.FisherSnedecor(T([3.0, 5.0]), T([6.0, 1.5]))",
    "D.Gamma(T([0.3, 2.0, 40.0]), T([1.0, 0.5, 3.0]))",
    "D.Gamma(2.0, 3.0)",
    "D.GeneralizedPareto(T([0.0, 1.0, 2.0]), T([1.0, 2.0, 0.5]), T([0.2, 0.3, -0.4]))",
    "D.GeneralizedPareto(0.0, 1.0, 0.0)",
    "D.Geometric(T([0.2, 0.7]))",
    "D.Geometric(logits=T([0.2, -0.7]))",
    "D.Gumbel(T([0.0, 1.0]), T([1.0, 0.5]))",
    "D.Gumbel(0.0, 2.0)",
    "D.HalfCauchy(T([1.0, 0.5]))",
    "D.HalfNormal(T([1.0, 0.5]))",
    "D.Independent(D.Normal(T([[0.0, 1.0], [2.0, 3.0]]), T([1.0, 0.5])), 1)",
    "D.Independent(D.Bernoulli(T([0.2, 0.6])), 0)",
    "D.InverseGamma(T([1.5, 3.0]), T([1.0, 2.0]))",
    "D.Kumaraswamy(T([1.5, 3.0]), T([1.2, 2.0]))",
    "D.LKJCholesky(3, T([0.7, 2.0]))",
    "D.LKJCholesky(4)",
    "D.Laplace(T([0.0, 1.0]), T([1.0, 0.5]))",
    "D.LogNormal(T([0.0, 1.0]), T([1.0, 0.5]))",
    "D.LogisticNormal(T([0.0, 1.0]), T([1.0, 0.5]))",
    "D.LogisticNormal(T([[0.0, 1.0]]), T([1.0, 0.5]))",
    "D.LowRankMultivariateNormal(T([1.0, 2.0, 0.5]), T([[1.0], [0.5], [0.2]]), T([1.0, 0.5, 2.0]))",
    "D.LowRankMultivariateNormal(T([[1.0, 2.0], [0.0, 1.0]]), T([[1.0], [0.5]]), T([1.0, 0.5]))",
    "D.MixtureSameFamily(D.Categorical(T([0.2, 0.8])), D.Normal(T([0.0, 3.0]), T([1.0, 0.5])))",
    "D.MixtureSameFamily(D.Categorical(T([[0.2, 0.8], [0.5, 0.5]])),"
    " D.Independent(D.Normal(T([[[0.0, 3.0]], [[1.0, 2.0]]]), T([[[1.0, 0.5]], [[0.3, 2.0]]])).expand((2, 2, 2)), 1))",
    "D.MixtureSameFamily(D.Categorical(T([0.2, 0.8])), D.Poisson(T([2.0, 5.0])))",
    "D.Multinomial(5, T([0.2, 0.3, 0.5]))",
    "D.Multinomial(3, logits=T([[0.1, -0.3], [0.5, 2.0]]))",
    "D.MultivariateNormal(T([1.0, 2.0]), covariance_matrix=T([[2.0, 0.3], [0.3, 1.0]]))",
    "D.MultivariateNormal(T([1.0, 2.0]), precision_matrix=T([[2.0, 0.3], [0.3, 1.0]]))",
    "D.MultivariateNormal(T([[1.0, 2.0], [0.0, 1.0]]), scale_tril=T([[2.0, 0.0], [0.3, 1.0]]))",
    "D.MultivariateNormal(T([1.0, 2.0]), scale_tril=T([[[2.0, 0.0], [0.3, 1.0]], [[1.0, 0.0], [-0.3, 1.0]]]))",
    "D.NegativeBinomial(T([3.0, 5.5]), T([0.2, 0.7]))",
    "D.NegativeBinomial(4, logits=T([0.2, -0.7]))",
    "D.Normal(T([0.0, 1.0]), T([1.0, 0.5]))",
    "D.Normal(T([[0.0], [1.0]]), T([1.0, 0.5, 2.0]))",
    "D.Normal(T([0.0, 1.0], dtype=torch.float64), 0.5)",
    "D.Normal(1.0, 2.0)",
    "D.OneHotCategorical(T([0.2, 0.3, 0.5]))",
    "D.OneHotCategorical(logits=T([[0.1, -0.3], [0.5, 2.0]]))",
    "D.OneHotCategoricalStraightThrough(T([0.2, 0.3, 0.5]))",
    "D.Pareto(T([1.0, 0.5]), T([2.5, 1.5]))",
    "D.Poisson(T([0.5, 30.0, 3.0]))",
    "D.RelaxedBernoulli(torch.tensor(0.7), T([0.2, 0.6]))",
    "D.RelaxedBernoulli(torch.tensor(0.7), logits=T([0.2, -0.6]))",
    "D.RelaxedOneHotCategorical(torch.tensor(0.7), T([0.2, 0.3, 0.5]))",
    "D.RelaxedOneHotCategorical(torch.tensor(1.5), logits=T([[0.2, 0.3], [0.1, -0.5]]))",
    "D.StudentT(T([0.7, 1.5, 5.0]), T([0.0, 1.0, 2.0]), T([1.0, 0.5, 2.0]))",
    "D.StudentT(3.0)",
    "D.TransformedDistribution(D.Normal(T([0.0, 1.0]), 1.0), [D.AffineTransform(1.0, -2.0), D.SigmoidTransform()])",
    "D.TransformedDistribution(D.Normal(T([0.0, 1.0]), 1.0), D.StickBreakingTransform())",
    "D.Uniform(T([0.0, 1.0]), T([1.0, 3.0]))",
    "D.Uniform(-1.0, 1.0)",
    "D.VonMises(T([0.0, 1.0]), T([1.0, 5.0]))",
    "D.Weibull(T([1.0, 2.0]), T([1.5, 0.7]))",
    "D.Wishart(T([4.0, 5.0]), covariance_matrix=T([[2.0, 0.3], [0.3, 1.0]]))",
    "D.Wishart(5.0, precision_matrix=T([[2.0, 0.3], [0.3, 1.0]]))",
    "D.Wishart(T(3.5), scale_tril=T([[2.0, 0.0], [0.3, 1.0]]))",
]


# Gradients of gamma and Dirichlet samples are approximations in PyTorch, good to about three digits.
ROUGH = (
    "Beta",
    "Chi2",
    "Dirichlet",
    "FisherSnedecor",
    "Gamma",
    "InverseGamma",
    "StudentT",
    "LKJCholesky",
    "Wishart",
)


class Side:
    """One library: evaluates a text and remembers its parameters."""

    def __init__(self, lib):
        self.lib, self.params = lib, []

    def __call__(self, form, **names):
        return eval(form, {"torch": self.lib, "D": self.lib.distributions, "T": self.leaf, "np": np, **names})

    def leaf(self, data, **options):
        t = self.lib.tensor(data, **options).requires_grad_()
        self.params.append(t)
        return t

    def attempt(self, form, **names):
        """The value of a text, or the error that it raises, as (type, message)."""
        try:
            return self(form, **names)
        except Exception as e:
            return type(e).__name__, re.sub(r"'(torchlike|torch)[.][\w.]*[.](\w+)'", r"'\2'", str(e))

    def grads(self, results):
        """Gradients by all parameters of a fixed weighing of `results`, zeros where none arrive."""
        total = 0
        for r in results:
            weights = self.lib.cos(self.lib.arange(r.numel(), dtype=r.dtype)).reshape(r.shape)
            total = total + (r * weights).sum().double()
        found = self.lib.autograd.grad(total, self.params, allow_unused=True)
        return [np.zeros(p.shape) if g is None else g.numpy() for p, g in zip(self.params, found)]


def same(what, a, b, rtol=2e-5, atol=2e-6):
    """AssertionError unless two results agree: tensors within the tolerance, all else as text."""
    if hasattr(a, "detach") and hasattr(b, "detach"):
        assert tuple(a.shape) == tuple(b.shape) and str(a.dtype) == str(b.dtype), (what, a, b)
        a, b = a.detach().numpy(), b.detach().numpy()
    if isinstance(a, np.ndarray):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol, err_msg=what)
    else:
        assert str(a) == str(b), (what, a, b)
