"""Averaged models against PyTorch's, over a short training run."""

import numpy as np
import pytest

import torchlike as tl

torch = pytest.importorskip("torch")


def averages(lib, **options):
    """Parameters and buffers of an averaged model after four steps, before and after `update_bn`."""
    swa = lib.optim.swa_utils
    weights = np.random.RandomState(1).randn(3, 4).astype(np.float32)
    net = lib.nn.Sequential(lib.nn.Linear(4, 3, bias=False), lib.nn.BatchNorm1d(3))
    with lib.no_grad():
        net[0].weight.copy_(lib.tensor(weights))
    functions = {k: (getattr(swa, v)() if isinstance(v, str) else v) for k, v in options.items()}
    averaged = swa.AveragedModel(net, **functions)
    opt = lib.optim.SGD(net.parameters(), lr=0.1)
    x = lib.tensor(np.random.RandomState(0).randn(8, 4).astype(np.float32))
    for _ in range(4):
        opt.zero_grad()
        net(x).pow(2).sum().backward()
        opt.step()
        averaged.update_parameters(net)
    found = [t.detach().numpy().copy() for t in (*averaged.parameters(), *averaged.buffers())]
    swa.update_bn([x, [2 * x, "label"]], averaged)
    return found + [t.detach().numpy() for t in averaged.buffers()]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"use_buffers": True},
        {"avg_fn": "get_ema_avg_fn"},
        {"avg_fn": "get_swa_avg_fn"},
        {"multi_avg_fn": "get_ema_multi_avg_fn"},
        {"multi_avg_fn": "get_swa_multi_avg_fn"},
    ],
)
def test_averaged_model(options):
    for want, got in zip(averages(torch, **options), averages(tl, **options), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def test_own_average_and_state():
    found = []
    for lib in (torch, tl):
        net = lib.nn.Linear(2, 2, bias=False)
        lib.nn.init.ones_(net.weight)
        averaged = lib.optim.swa_utils.AveragedModel(net, avg_fn=lambda a, p, n: 0.5 * a + p * n)
        for _ in range(3):
            with lib.no_grad():
                net.weight.mul_(2)
            averaged.update_parameters(net)
        state = averaged.state_dict()
        found.append(
            [list(state), state["n_averaged"].item(), str(state["n_averaged"].dtype)[-5:]]
            + [averaged.module.weight.tolist(), averaged(lib.ones(2)).tolist()]
        )
    assert found[0] == found[1]


def test_one_kind_of_average():
    messages = []
    for lib in (torch, tl):
        swa = lib.optim.swa_utils
        with pytest.raises(AssertionError) as caught:
            swa.AveragedModel(
                lib.nn.Linear(1, 1), avg_fn=swa.get_ema_avg_fn(), multi_avg_fn=swa.get_ema_multi_avg_fn()
            )
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


@pytest.mark.parametrize("name", ["get_ema_avg_fn", "get_ema_multi_avg_fn"])
def test_decay_is_checked(name):
    messages = []
    for lib in (torch, tl):
        with pytest.raises(ValueError) as caught:
            getattr(lib.optim.swa_utils, name)(1.5)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
