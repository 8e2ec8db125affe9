"""Activations against torch: values, derivatives (at the kinks too) and errors."""

import numpy as np
import pytest
from twin import check, rand, same_error, torch

import torchlike

KINKS = np.array([-6.0, -3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 6.0, 25.0, -25.0])
POINTS = np.concatenate([KINKS, np.linspace(-4, 4, 7) + 0.01])

SIMPLE = {
    "relu": {}, "relu6": {}, "leaky_relu": {"negative_slope": 0.2}, "elu": {"alpha": 1.5}, "selu": {},
    "celu": {"alpha": 0.7}, "gelu": {}, "silu": {}, "mish": {}, "softplus": {"beta": 2.0, "threshold": 3.0},
    "softsign": {}, "tanhshrink": {}, "softshrink": {"lambd": 0.4}, "hardshrink": {"lambd": 0.5},
    "hardtanh": {},
    "hardsigmoid": {}, "hardswish": {}, "logsigmoid": {}, "rrelu": {}, "sigmoid": {}, "tanh": {},
}  # fmt: skip
INPLACE = [
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "celu",
    "silu",
    "mish",
    "hardtanh",
    "hardsigmoid",
    "hardswish",
]


@pytest.mark.parametrize("name", SIMPLE)
@pytest.mark.parametrize("options", [False, True])
def test_values_and_derivatives(name, options):
    kwargs = SIMPLE[name] if options else {}
    check(lambda T, F, x: getattr(F, name)(x, **kwargs), POINTS)


@pytest.mark.parametrize("name", sorted(set(SIMPLE) - {"hardsigmoid"}))
def test_second_derivative(name):
    check(lambda T, F, x: getattr(F, name)(x, **SIMPLE[name]), rand(7), twice=True)


@pytest.mark.parametrize("name", sorted(set(SIMPLE) - {"softplus", "hardsigmoid"}))
def test_nan_stays(name):
    check(lambda T, F, x: getattr(F, name)(x), np.array([np.nan, 1.0], np.float32), grad=False)


@pytest.mark.parametrize("name", INPLACE)
@pytest.mark.parametrize("position", ["keyword", "last"])
def test_inplace_flag(name, position):
    def f(T, F, x):
        y = x * 1
        args = {"hardtanh": (-1.0, 1.0), "leaky_relu": (0.01,), "elu": (1.0,), "celu": (1.0,)}.get(name, ())
        out = getattr(F, name)(y, *args, True) if position == "last" else getattr(F, name)(y, inplace=True)
        assert out is y
        return out * 2

    check(f, POINTS)


@pytest.mark.parametrize("name", ["relu_", "leaky_relu_", "elu_", "selu_", "celu_", "hardtanh_"])
def test_inplace_functions(name):
    check(lambda T, F, x: getattr(F, name)(x * 1), POINTS)
    check(lambda T, F, x: F.threshold_(x * 1, 0.5, 2.0), POINTS)


@pytest.mark.parametrize("approximate", ["none", "tanh"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gelu(approximate, dtype):
    check(lambda T, F, x: F.gelu(x, approximate=approximate), rand(3, 4, dtype=dtype), twice=True, rtol=1e-4)


@pytest.mark.parametrize("weights", [(), (1,), (3,)])
def test_prelu(weights):
    check(lambda T, F, x, w: F.prelu(x, w), rand(2, 3, 4), rand(*weights), twice=True)
    check(lambda T, F, x, w: F.prelu(x, w), np.array([0.0, -0.0]), rand(1))


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_softmax_family(dim):
    x = rand(3, 4) * 10
    for name in ("softmax", "log_softmax", "softmin"):
        check(lambda T, F, x, name=name: getattr(F, name)(x, dim), x, twice=True)
    check(
        lambda T, F, x: (T.softmax(x, dim), x.softmax(dim), T.log_softmax(x, dim=dim), x.log_softmax(dim)), x
    )
    check(lambda T, F, x: F.softmax(x, dim, dtype=T.float32), x, rtol=1e-4)
    check(lambda T, F, x: T.softmax(x, dim, dtype=T.float64), np.arange(6).reshape(2, 3))
    check(lambda T, F, x: F.glu(T.cat([x, x * 2], dim), dim), x, twice=True)


def test_softmax_edges():
    check(lambda T, F, x: F.softmax(x, 0), np.array([-np.inf, 0.0, np.inf, 1.0]), grad=False)
    check(lambda T, F, x: F.softmax(x, -1), np.array([[-np.inf, -np.inf], [-np.inf, 1.0]]), grad=False)
    check(lambda T, F, x: F.log_softmax(x, 0), np.array(2.0))
    with pytest.warns(UserWarning, match="Implicit dimension choice for softmax"):
        torchlike.nn.functional.softmax(torchlike.zeros(2, 3))


def test_integers():
    x = np.array([-3, 0, 2, 9])
    for name in ("relu", "relu6", "hardtanh", "softsign", "tanhshrink"):
        check(lambda T, F, x, name=name: getattr(F, name)(x), x)
    check(lambda T, F, x: F.threshold(x, 1, 5), x)


@pytest.mark.parametrize("name", sorted(set(SIMPLE) - {"sigmoid", "tanh", "softsign", "tanhshrink"}))
@pytest.mark.parametrize("kind", [np.bool_, np.int64, np.complex64])
def test_dtype_errors(name, kind):
    if (name in ("relu", "relu6", "hardtanh") and kind is np.int64) or (
        name == "silu" and kind is np.complex64
    ):
        return
    same_error(lambda T, F, x: getattr(F, name)(x), np.ones(3, kind))


ERRORS = [
    lambda T, F, x: F.softmax(x, 5),
    lambda T, F, x: F.log_softmax(x, -3),
    lambda T, F, x: F.softmax(x.long(), 0),
    lambda T, F, x: F.gelu(x, approximate="foo"),
    lambda T, F, x: F.glu(x),
    lambda T, F, x: F.glu(x.sum()),
    lambda T, F, x: F.prelu(x, T.ones(2)),
    lambda T, F, x: F.prelu(x, T.ones(3, 1)),
    lambda T, F, x: F.prelu(x, T.ones(3)),
    lambda T, F, x: F.softshrink(x.float(), -1.0),
    lambda T, F, x: F.rrelu(x, 0.5, 0.2),
    lambda T, F, x: F.hardtanh(x, 2.0, 1.0),
    lambda T, F, x: F.hardtanh(x.to(T.uint8), -1, 1),
    lambda T, F, x: T.relu_(x.requires_grad_()),
]


@pytest.mark.parametrize("case", range(len(ERRORS)))
def test_errors(case):
    same_error(ERRORS[case], rand(2, 3))


def test_random_slopes():
    F = torchlike.nn.functional
    x = -torchlike.ones(10000, requires_grad=True)
    y = F.rrelu(x, 0.1, 0.3, training=True)
    (g,) = torchlike.autograd.grad(y.sum(), x)
    assert torch.allclose(torch.tensor(g.numpy()), -torch.tensor(y.detach().numpy()))
    slopes = -y.detach()
    assert 0.1 <= float(slopes.min()) < 0.105 and 0.295 < float(slopes.max()) <= 0.3


def test_gumbel_softmax():
    F = torchlike.nn.functional
    logits = torchlike.log(torchlike.tensor([[0.1, 0.2, 0.7]])).expand(4000, 3).clone().requires_grad_()
    soft = F.gumbel_softmax(logits, tau=0.5)
    np.testing.assert_allclose(soft.sum(-1).detach().numpy(), 1, rtol=1e-5)
    hard = F.gumbel_softmax(logits, hard=True)
    assert set(np.unique(np.round(hard.detach().numpy(), 5))) == {0.0, 1.0}
    np.testing.assert_allclose(hard.mean(0).detach().numpy(), [0.1, 0.2, 0.7], atol=0.04)
    (hard[:, 0].sum()).backward()
    assert float(logits.grad.abs().sum()) > 0
