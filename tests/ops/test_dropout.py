"""Dropout: statistics, gradients that match the mask, PyTorch's errors and, on request, its very masks."""

import numpy as np
import pytest
from twin import rand, same_error, torch

import torchlike

F = torchlike.nn.functional
FAMILY = ["dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"]
RANK = {"dropout1d": 3, "dropout2d": 4, "dropout3d": 5}


def ones(name, n=64):
    return torchlike.ones((n, 64) + (2,) * (RANK.get(name, 3) - 2), requires_grad=True)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_share_and_scale(p):
    x = torchlike.ones(400, 500, requires_grad=True)
    y = F.dropout(x, p)
    dropped = (y == 0).double().mean().item()
    assert abs(dropped - p) < 5e-3
    np.testing.assert_allclose(np.unique(y.detach().numpy()), [0, 1 / (1 - p)], rtol=1e-6)
    (g,) = torchlike.autograd.grad(y.sum(), x)
    np.testing.assert_array_equal(g.numpy(), y.detach().numpy())


@pytest.mark.parametrize("name", ["dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout"])
def test_whole_channels(name):
    y = getattr(F, name)(ones(name), 0.5, True).detach().numpy().reshape(64, 64, -1)
    assert (y == y[..., :1]).all()
    assert 0.4 < (y[..., 0] == y.min()).mean() < 0.6


@pytest.mark.parametrize("name", ["alpha_dropout", "feature_alpha_dropout"])
def test_alpha_keeps_moments(name):
    x = torchlike.randn(200, 300, 4)
    y = getattr(F, name)(x, 0.2, True)
    assert abs(float(y.mean())) < 0.03 and abs(float(y.std()) - 1) < 0.03


@pytest.mark.parametrize("name", FAMILY)
def test_off(name):
    x = ones(name, 2)
    assert getattr(F, name)(x, 0.5, False) is x
    assert getattr(F, name)(x, 0.0, True) is x


@pytest.mark.parametrize("name", FAMILY)
def test_everything_dropped(name):
    x = ones(name, 2)
    y = getattr(F, name)(x, 1.0, True)
    (g,) = torchlike.autograd.grad(y.sum(), x)
    assert float(abs(y).sum()) == 0 and float(abs(g).sum()) == 0


def test_inplace():
    x = torchlike.ones(100)
    assert F.dropout(x, 0.5, inplace=True) is x
    assert set(np.unique(x.numpy())) == {0.0, 2.0}
    torchlike.dropout_(x, 1.0, True)
    assert float(x.sum()) == 0


def test_draws_follow_the_seed():
    x = torchlike.ones(100)
    torchlike.manual_seed(3)
    a, b = F.dropout(x), F.dropout(x)
    torchlike.manual_seed(3)
    assert (F.dropout(x) == a).all() and not (a == b).all()


def test_one_program_for_all_masks_and_rates():
    x = torchlike.ones(100, requires_grad=True)
    sums = [float(F.dropout(x, p).sum()) for p in (0.2, 0.4, 0.6, 0.8)]
    assert len(set(sums)) > 1


def test_exact_parity():
    before = torchlike.random.parity("exact")
    try:
        for name in FAMILY:
            x = rand(5, 6, *(3,) * (RANK.get(name, 3) - 2), dtype=np.float32)
            torchlike.manual_seed(7)
            torch.manual_seed(7)
            got = getattr(F, name)(torchlike.tensor(x), 0.3, True)
            want = getattr(torch.nn.functional, name)(torch.tensor(x), 0.3, True)
            shared = (got.numpy() == 0) == (want.numpy() == 0)
            # torch may take its bits from MKL, a stream of its own: the words are equal or unrelated
            if shared.all():
                np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-5, atol=1e-6)
    finally:
        torchlike.random.parity(before)


ERRORS = [
    lambda T, F, x: F.dropout(x, 1.5),
    lambda T, F, x: F.dropout(x, -1),
    lambda T, F, x: T.dropout(x, 1.5, True),
    lambda T, F, x: F.alpha_dropout(x, 2),
    lambda T, F, x: F.dropout(x.long()),
    lambda T, F, x: F.dropout1d(x[0]),
    lambda T, F, x: F.feature_alpha_dropout(x[0], 0.2, True),
]


@pytest.mark.parametrize("case", range(len(ERRORS)))
def test_errors(case):
    same_error(ERRORS[case], rand(2, 3))
