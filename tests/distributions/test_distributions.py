"""All distributions: values, gradients, samples by seed, shapes and texts are PyTorch's."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from distribution_cases import CASES, ROUGH, Side, same

import torchlike

torch = pytest.importorskip("torch")
LIBS = (torchlike, torch)

PROPERTIES = [
    "mean", "mode", "variance", "stddev", "batch_shape", "event_shape", "has_rsample", "has_enumerate_support",
    "support", "entropy()", "perplexity()", "enumerate_support()", "enumerate_support(expand=False)",
]  # fmt: skip


def sides(form):
    made = [Side(lib) for lib in LIBS]
    return made, [side(form) for side in made]


def drawn(lib, d, method, shape):
    lib.manual_seed(7)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Singular sample detected.")
        return getattr(d, method)(shape)


@pytest.mark.parametrize("form", CASES)
def test_properties(form):
    both, ds = sides(form)
    differentiable = []
    for p in PROPERTIES:
        a, b = (side.attempt(f"d.{p}", d=d) for side, d in zip(both, ds))
        if (form.startswith("D.Kumaraswamy"), p) == (True, "mode"):
            continue  # nan in PyTorch; see test_mode_of_kumaraswamy
        same(p, a, b)
        if getattr(b, "requires_grad", False) and bool(b.isfinite().all()):
            differentiable.append((a, b))
    if differentiable and both[0].params:
        for x, y in zip(*(side.grads(r) for side, r in zip(both, zip(*differentiable)))):
            np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-5)
    assert repr(ds[0]) == repr(ds[1])


@pytest.mark.parametrize("form", CASES)
def test_functions_of_values(form):
    both, ds = sides(form)
    value = drawn(torch, ds[1], "sample", (4,)).numpy()
    unit = np.random.RandomState(0).uniform(0.05, 0.95, (4, *ds[1].batch_shape)).astype(value.dtype)
    given = [{"v": side.lib.tensor(value), "u": side.lib.tensor(unit)} for side in both]
    differentiable = []
    for call in ("log_prob(v)", "cdf(v)", "icdf(u)"):
        a, b = (side.attempt(f"d.{call}", d=d, **names) for side, d, names in zip(both, ds, given))
        same(call, a, b, rtol=1e-4, atol=2e-5)
        gammainc = call == "cdf(v)" and ("Gamma" in form or "Chi2" in form)  # no derivative in PyTorch
        if getattr(b, "requires_grad", False) and not gammainc:
            differentiable.append((a, b))
    if differentiable and both[0].params:
        for x, y in zip(*(side.grads(r) for side, r in zip(both, zip(*differentiable)))):
            np.testing.assert_allclose(x, y, rtol=2e-4, atol=5e-4)


@pytest.mark.parametrize("form", [c for c in CASES if "Wishart" not in c])
def test_samples_are_pytorchs(form):
    both, ds = sides(form)
    for shape in ((), (2, 20)):
        a, b = (drawn(side.lib, d, "sample", shape) for side, d in zip(both, ds))
        same("sample", a, b, rtol=1e-4, atol=1e-5)
        assert not a.requires_grad
        same("what is drawn next", torchlike.rand(1), torch.rand(1))
    if not ds[1].has_rsample:
        return
    a, b = (drawn(side.lib, d, "rsample", (2, 20)) for side, d in zip(both, ds))
    same("rsample", a, b, rtol=1e-4, atol=1e-5)
    if both[0].params:
        rough = form[2:].startswith(ROUGH)
        for x, y in zip(both[0].grads([a]), both[1].grads([b])):
            np.testing.assert_allclose(x, y, rtol=2e-3 if rough else 1e-4, atol=5e-4 if rough else 1e-4)


@pytest.mark.parametrize("form", CASES)
def test_expand(form):
    both, ds = sides(form)
    wide = [d.expand((3, *d.batch_shape)) for d in ds]
    same("repr", repr(wide[0]), repr(wide[1]))
    for p in ("batch_shape", "event_shape", "mean", "variance"):
        same(p, *(side.attempt(f"d.{p}", d=d) for side, d in zip(both, wide)))
    value = drawn(torch, wide[1], "sample", ()).numpy()
    a, b = (d.log_prob(side.lib.tensor(value)) for side, d in zip(both, wide))
    same("log_prob", a, b, rtol=1e-4, atol=2e-5)
    if "Wishart" not in form:
        same("sample", *(drawn(lib, d, "sample", (2,)) for lib, d in zip(LIBS, wide)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "form",
    ["D.Normal(0.0, -1.0)", "D.Normal(torch.zeros(2), torch.tensor([1.0, -1.0]))", "D.Normal(0.0, 1.0).log_prob('a')",
     "D.Normal(0.0, 1.0).log_prob(torch.tensor(float('nan')))", "D.Normal(torch.zeros(2), 1.0).log_prob(torch.zeros(3))",
     "D.MultivariateNormal(torch.zeros(2), torch.eye(2)).log_prob(torch.tensor(1.0))",
     "D.MultivariateNormal(torch.zeros(2), torch.eye(2)).log_prob(torch.zeros(3))", "D.Normal([1], [2])",
     "D.Bernoulli()", "D.Bernoulli(0.1, 0.1)", "D.Categorical()", "D.Categorical(torch.tensor(1.0))",
     "D.Categorical(logits=torch.tensor(1.0))", "D.Binomial(torch.tensor([3.0, -1.0]), 0.3)",
     "D.Binomial(torch.tensor([2, 3]), torch.tensor(0.3)).enumerate_support()",
     "D.Binomial(torch.tensor([2, 3]), torch.tensor(0.3)).entropy()",
     "D.Multinomial(1.5, torch.tensor([0.3, 0.7]))", "D.Geometric(0.0)", "D.Geometric(torch.tensor([0.0, 0.5]))",
     "D.NegativeBinomial(1, torch.tensor(1.0))", "D.ContinuousBernoulli(1.2, validate_args=True)",
     "D.ContinuousBernoulli(1.2)", "D.Uniform(1.0, 0.0)", "D.Uniform(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 0.0]))",
     "D.Uniform(0.0, 1.0).log_prob(torch.tensor(2.0))", "D.Dirichlet(torch.tensor(1.0))",
     "D.MultivariateNormal(torch.tensor(1.0), torch.eye(1))", "D.MultivariateNormal(torch.ones(1), torch.ones(1))",
     "D.MultivariateNormal(torch.ones(1))", "D.MultivariateNormal(torch.ones(1), precision_matrix=torch.ones(1))",
     "D.MultivariateNormal(torch.ones(1), scale_tril=torch.ones(1))",
     "D.MultivariateNormal(torch.ones(2), torch.tensor([[1.0, 2.0], [2.0, 1.0]]))",
     "D.LowRankMultivariateNormal(torch.tensor(1.0), torch.tensor(1.0), torch.tensor(1.0))",
     "D.LowRankMultivariateNormal(torch.ones(1), torch.tensor(1.0), torch.ones(1))",
     "D.LowRankMultivariateNormal(torch.ones(1), torch.ones(2, 1), torch.ones(1))",
     "D.LowRankMultivariateNormal(torch.ones(1), torch.ones(1, 1), torch.ones(2))",
     "D.Independent(D.Normal(0.0, 1.0), 1)", "D.Independent(D.Bernoulli(torch.ones(2)), 1).enumerate_support()",
     "D.LKJCholesky(1)", "D.LKJCholesky(3, torch.tensor([0.0]))", "D.Wishart(torch.tensor(1.0), torch.eye(2))",
     "D.Wishart(torch.tensor(3.0), torch.ones(2))", "D.Wishart(torch.tensor(3.0))",
     "D.Wishart(torch.tensor(3.0), torch.eye(2)).arg_constraints",
     "D.MixtureSameFamily(D.Normal(0.0, 1.0), D.Normal(0.0, 1.0))", "D.MixtureSameFamily(D.Categorical(torch.ones(3)), 3)",
     "D.MixtureSameFamily(D.Categorical(torch.ones(3)), D.Normal(0.0, 1.0))",
     "D.MixtureSameFamily(D.Categorical(torch.ones(3)), D.Normal(torch.zeros(2), 1.0))",
     "D.MixtureSameFamily(D.Categorical(torch.ones(2, 3)), D.Normal(torch.zeros(4, 3), 1.0))",
     "D.TransformedDistribution(D.Normal(0.0, 1.0), 3)", "D.TransformedDistribution(D.Normal(0.0, 1.0), [3])",
     "D.TransformedDistribution(D.Normal(0.0, 1.0), D.SoftmaxTransform())",
     "D.Categorical(torch.ones(3)).log_prob(torch.tensor(5))", "D.Categorical(torch.ones(3)).log_prob(torch.tensor(1.5))",
     "D.Poisson(torch.tensor(-1.0))", "D.OneHotCategorical(torch.tensor([0.5, 0.5])).log_prob(torch.tensor([1.0, 1.0]))",
     "D.Exponential(1.0).log_prob(torch.tensor(-1.0))", "D.Bernoulli(0.3).rsample()", "D.Bernoulli(0.3).cdf(torch.tensor(1.0))",
     "D.Normal(0.0, 1.0).sample(3)", "D.Normal(0.0, 1.0).enumerate_support()", "D.Distribution.set_default_validate_args(3)",
     "D.Distribution(validate_args=False).expand(2)", "D.Distribution(validate_args=False).mean",
     "D.Normal(0.0, -1.0, validate_args=False)", "D.kl_divergence(D.Cauchy(0.0, 1.0), D.Normal(0.0, 1.0))",
     "D.StudentT(3.0).cdf(torch.tensor(1.0))", "D.RelaxedBernoulli(torch.tensor(1.0), torch.tensor([0.2])).mean"],
)  # fmt: skip
def test_refusals_and_texts(form):
    a, b = (Side(lib).attempt(form) for lib in LIBS)
    same(form, a, b)


def test_names_and_signatures():
    import importlib
    import inspect
    import pkgutil

    theirs, ours = torch.distributions, torchlike.distributions
    assert set(theirs.__all__) == set(ours.__all__)
    for name in theirs.__all__:
        a, b = getattr(ours, name), getattr(theirs, name)
        if inspect.isclass(b):
            assert [*inspect.signature(a.__init__).parameters] == [
                *inspect.signature(b.__init__).parameters
            ], name
            assert issubclass(
                a, tuple(getattr(ours, c.__name__) for c in b.__mro__ if hasattr(ours, c.__name__))
            )
    for module in pkgutil.iter_modules(theirs.__path__):
        found = importlib.import_module(f"torchlike.distributions.{module.name}")
        wanted = importlib.import_module(f"torch.distributions.{module.name}")
        assert all(hasattr(found, name) for name in getattr(wanted, "__all__", ()))


@pytest.mark.parametrize("lib", LIBS)
def test_a_subclass_of_ones_own(lib):
    D = lib.distributions

    class Shifted(D.Normal):
        def __init__(self):
            super().__init__(0.0, 1.0)

    class Silent(D.Distribution):
        def log_prob(self, value):
            self._validate_sample(value)
            return value

    with pytest.raises(
        NotImplementedError, match="custom __init__ method must also define a custom .expand()"
    ):
        Shifted().expand((2,))
    with pytest.warns(UserWarning, match="does not define `arg_constraints`"):
        silent = Silent()
    with pytest.warns(UserWarning, match="does not define `support`"):
        silent.log_prob(lib.tensor(1.0))
    with pytest.warns(FutureWarning, match="sample_n"):
        assert D.Normal(0.0, 1.0).sample_n(3).shape == (3,)


@pytest.mark.parametrize("lib", LIBS)
def test_validation_can_be_switched_off(lib):
    D = lib.distributions
    D.Distribution.set_default_validate_args(False)
    try:
        assert D.Normal(0.0, -1.0).log_prob(lib.tensor(0.0)).isnan()
    finally:
        D.Distribution.set_default_validate_args(True)
    with pytest.raises(ValueError, match="Expected parameter scale"):
        D.Normal(0.0, -1.0)


def test_mode_of_kumaraswamy():
    """The density is lower on both sides of it."""
    d = torchlike.distributions.Kumaraswamy(torchlike.tensor([1.5, 3.0]), torchlike.tensor([1.2, 2.0]))
    peak = d.log_prob(d.mode)
    assert (peak > d.log_prob(d.mode + 0.02)).all() and (peak > d.log_prob(d.mode - 0.02)).all()
    assert torchlike.distributions.Kumaraswamy(0.5, 2.0).mode.isnan()


def test_wishart_samples():
    """Bartlett's factors are drawn as in PyTorch; PyTorch then takes all valid samples for singular ones."""
    form = "D.Wishart(T([4.0, 5.0]), covariance_matrix=T([[2.0, 0.3], [0.3, 1.0]]))"
    both, ds = sides(form)
    first = []
    for side, d, name in zip(both, ds, ("_bartlett", "_bartlett_sampling")):
        first.append(drawn(side.lib, d, name, side.lib.Size((5,))))
    same("sample", *first, rtol=1e-4, atol=1e-5)
    for x, y in zip(both[0].grads(first[:1]), both[1].grads(first[1:])):
        np.testing.assert_allclose(x, y, rtol=2e-3, atol=1e-2)
    same("rsample", drawn(torchlike, ds[0], "rsample", (5,)), first[1], rtol=1e-4, atol=1e-5)


def test_singular_wishart_samples_are_drawn_again():
    torchlike.manual_seed(0)
    with pytest.warns(UserWarning, match="Low df values"):
        d = torchlike.distributions.Wishart(torchlike.tensor(1.0001), torchlike.eye(2))
    with pytest.warns(UserWarning, match="Singular sample detected."):
        sample = d.rsample((200,))
    first = d._bartlett(torchlike.Size((200,)))
    count = [int((~d.support.check(s)).sum()) for s in (sample, first)]
    assert count[0] < count[1]
