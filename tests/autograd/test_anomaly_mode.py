"""Anomaly detection, compared with PyTorch."""

import pytest
from outcomes import equal, leaf, outcome

import torchlike

reference = pytest.importorskip("torch")

CASES = []


def case(f):
    """Adds `f(torch)` to the table."""
    CASES.append(f)
    return f


@case
def anomaly_nan(torch):
    x = torch.tensor([-1.0, 4.0], requires_grad=True)
    with torch.autograd.set_detect_anomaly(True):
        y = x.sqrt()
        y.sum().backward()


@case
def anomaly_detect(torch):
    x = torch.tensor([0.0, 4.0], requires_grad=True)
    with torch.autograd.detect_anomaly():
        y = (x * 0).sqrt() * 0
        y.sum().backward()


@case
def anomaly_log0(torch):
    x = torch.tensor([0.0, 4.0], requires_grad=True)
    with torch.autograd.set_detect_anomaly(True):
        y = torch.where(x > 0, x.log() * 1, x)
        (y * 0).sum().backward()


@case
def anomaly_mul(torch):
    x = torch.tensor([0.0, 4.0], requires_grad=True)
    with torch.autograd.set_detect_anomaly(True):
        (x * torch.tensor([1.0, float("nan")])).sum().backward()


@case
def anomaly_nocheck(torch):
    x = torch.tensor([-1.0, 4.0], requires_grad=True)
    with torch.autograd.set_detect_anomaly(True, check_nan=False):
        y = x.sqrt()
        y.sum().backward()
    return x.grad


@case
def anomaly_noforward(torch):
    x = torch.tensor([-1.0, 4.0], requires_grad=True)
    y = x.sqrt()
    with torch.autograd.set_detect_anomaly(True):
        y.sum().backward()


@case
def anomaly_fn(torch):

    class F(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            raise ValueError("mine")

    with torch.autograd.set_detect_anomaly(True):
        F.apply(leaf(torch, 2)).sum().backward()


@case
def anomaly_fn_nan(torch):

    class F(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, k):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return (g * float("nan"), None)

    with torch.autograd.set_detect_anomaly(True):
        F.apply(leaf(torch, 2), 3).sum().backward()


@case
def anomaly_state(torch):
    r = [torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()]
    with torch.autograd.set_detect_anomaly(True, False):
        r += [torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()]
    torch.autograd.set_detect_anomaly(True)
    r.append(torch.is_anomaly_enabled())
    torch.autograd.set_detect_anomaly(False)
    r.append(torch.is_anomaly_enabled())
    return r


@case
def anomaly_inplace(torch):
    with torch.autograd.set_detect_anomaly(True):
        y = leaf(torch, 2).exp()
        y.mul_(2)
        y.sum().backward()


@case
def anomaly_ok(torch):
    x = leaf(torch, 2)
    with torch.autograd.set_detect_anomaly(True):
        (x * x).sum().backward()
    return x.grad


@pytest.mark.parametrize("f", CASES, ids=lambda f: f.__name__)
def test_same_as_torch(f):
    equal(outcome(f, torchlike), outcome(f, reference))
