"""Operators without a derivative: their results require grad, and backward says that there is none."""

from __future__ import annotations

import pytest

import torchlike

torch = pytest.importorskip("torch")

EXPRESSIONS = """
x // 2
2 // x
x // x
torch.floor_divide(x, x)
2 % x
torch.remainder(2, x)
x % 2
x % x
x.heaviside(x)
x.heaviside(x.detach())
x.unique()
x.unique(dim=0)
x.unique(return_counts=True)[0]
torch.unique_consecutive(x)
torch.unique_consecutive(x, dim=0)
torch.linalg.ldl_factor(x)[0]
torch.linalg.ldl_factor_ex(x)[0]
torch.geqrf(x)[0]
torch.geqrf(x)[1]
torch.binomial(x, x / 10)
torch.binomial(x.detach(), x / 10)
torch.nextafter(x, x)
torch.special.zeta(x, x)
(x.detach() // 2)
(x * 1).floor_divide_(2)
x.detach().unique()
x.long().unique()
""".strip().splitlines()


def outcome(lib, expression):
    x = lib.tensor([[1.0, 2.0], [3.0, 5.0]], requires_grad=True)
    try:
        y = eval(expression, {"torch": lib, "x": x})
    except Exception as e:  # noqa: BLE001 - errors are compared
        return type(e).__name__, str(e).split("\n")[0]
    if not y.requires_grad:
        return None
    try:
        y.sum().backward()
    except Exception as e:  # noqa: BLE001 - errors are compared
        return y.grad_fn.name(), type(e).__name__, str(e).split("\n")[0]
    return y.grad_fn.name(), x.grad.tolist()


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_same_as_torch(expression):
    assert outcome(torchlike, expression) == outcome(torch, expression)


def test_nothing_is_refused_outside_the_tape():
    x = torchlike.tensor([3.0, 4.0], requires_grad=True)
    with torchlike.no_grad():
        assert not (x // 2).requires_grad
        assert not x.unique().requires_grad


def test_a_second_step_refuses_too():
    """The calls are the same as before, and must not be taken from a plan."""
    x = torchlike.tensor([3.0, 4.0], requires_grad=True)
    for _ in range(3):
        with pytest.raises(RuntimeError, match="derivative for aten::floor_divide is not implemented"):
            (x // 2 + x).sum().backward()
        assert x.grad is None
