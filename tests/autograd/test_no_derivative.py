"""Operators without a derivative: their results require grad, and backward says that there is none."""

from __future__ import annotations

import numpy
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


# arguments that PyTorch's operators have no formula for: refused at the call, or without effect
ARGUMENTS = """
F.nll_loss(x, y, weight=w)
F.nll_loss(x.detach(), y, weight=w)
F.nll_loss(x.detach(), y, weight=w.detach())
F.nll_loss(x[0], y[0], weight=w)
F.nll_loss(x[None, :, :, None], y[None, :, None], weight=w)
F.nll_loss(x[None], y[None], weight=w)
F.cross_entropy(x, y, weight=w)
F.cross_entropy(x, x.detach(), weight=w)
F.cross_entropy(x, y, weight=w, label_smoothing=0.1)
torch.no_grad()(F.cross_entropy)(x, y, weight=w)
F.binary_cross_entropy(x / 10, x.detach() / 10, weight=w)
F.binary_cross_entropy(x / 10, x / 10)
F.binary_cross_entropy_with_logits(x, x.detach(), weight=w)
F.binary_cross_entropy_with_logits(x, x.detach(), pos_weight=w)
F.binary_cross_entropy_with_logits(x.detach(), x)
F.multi_margin_loss(x, y, weight=w)
F.multilabel_soft_margin_loss(x, x.detach(), weight=w)
F.soft_margin_loss(x.detach(), x)
F.soft_margin_loss(x, x.detach())
F.hinge_embedding_loss(x.detach(), x)
F.hinge_embedding_loss(x, x)
F.cosine_embedding_loss(x, x * 2, w)
F.cosine_embedding_loss(x.detach(), x.detach(), w)
F.margin_ranking_loss(x, x, x)
torch.bincount(y, weights=w)
torch.bincount(y, weights=w.detach())
x.sum(dtype=torch.int32)
x.sum(0, dtype=torch.bool)
x.nansum(dtype=torch.int64)
x.prod(dtype=torch.int64)
x.prod(0, dtype=torch.uint8)
x.cumsum(0, dtype=torch.int64)
x.cumprod(0, dtype=torch.int16)
x.cumsum(0, dtype=torch.float64)
x.detach().cumsum(0, dtype=torch.int64)
torch.softmax(x, 0, dtype=torch.float64)
""".strip().splitlines()


def outcome(lib, expression):
    x = lib.tensor([[1.0, 2.0], [3.0, 5.0]], requires_grad=True)
    known = {"y": lib.tensor([0, 1]), "w": lib.tensor([0.5, 2.0], requires_grad=True), "F": lib.nn.functional}
    try:
        y = eval(expression, {"torch": lib, "x": x, **known})
    except Exception as e:  # noqa: BLE001 - errors are compared
        return type(e).__name__, str(e).split("\n")[0]
    if not y.requires_grad:
        return None
    try:
        y.sum().backward()
    except Exception as e:  # noqa: BLE001 - errors are compared
        return y.grad_fn.name(), type(e).__name__, str(e).split("\n")[0]
    return y.grad_fn.name(), None if x.grad is None else x.grad.tolist()


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


@pytest.mark.parametrize("expression", ARGUMENTS)
def test_arguments_same_as_torch(expression):
    ours, theirs = outcome(torchlike, expression), outcome(torch, expression)
    if theirs is None or len(theirs) == 3 or theirs[1] is None or isinstance(theirs[1], str):
        assert ours == theirs
    else:
        assert numpy.allclose(ours[1], theirs[1])


MADE_IN_INFERENCE_MODE = """
w * x
w + x
w / x
x / w
x @ w
w.matmul(x)
F.linear(x, w)
F.linear(w, x)
w.exp() + x
torch.where(x > 0, w, x)
w * x[0]
w * x.clone()
w.detach() * x
torch.no_grad()(torch.mul)(w, x)
F.embedding(x.long(), w)
torch.cat([w, x])
w.gather(0, x.long())
w[x.long()]
w.masked_fill(x > 0, 0)
w.lerp(w, x)
torch.addmm(x, w, w)
torch.addmm(w, x, w)
F.mse_loss(w, x)
F.cross_entropy(w, x)
w.clamp(min=x)
torch.maximum(w, x)
w.pow(x)
(w * 1).copy_(x)
(w * 1).mul_(x)
""".strip().splitlines()


@pytest.mark.parametrize("expression", MADE_IN_INFERENCE_MODE)
def test_inference_tensors_are_not_saved(expression):
    def made(lib):
        with lib.inference_mode():
            x = lib.tensor([[1.0, 0.0], [0.0, 1.0]])
        w = lib.tensor([[1.0, 2.0], [3.0, 5.0]], requires_grad=True)
        try:
            y = eval(expression, {"torch": lib, "F": lib.nn.functional, "x": x, "w": w})
            return y.requires_grad, y.tolist()
        except Exception as e:  # noqa: BLE001 - errors are compared
            return type(e).__name__, str(e).split("\n")[0]

    assert made(torchlike) == made(torch)
