"""Inference mode and its tensors, compared with PyTorch."""

import numpy as np
import pytest
from outcomes import equal, leaf, outcome

import torchlike

reference = pytest.importorskip("torch")

CASES = []


def case(f):
    """Adds `f(torch)` to the table."""
    CASES.append(f)
    return f


def E(f):
    try:
        return f()
    except Exception as e:
        return (type(e).__name__, str(e).split("\n")[0])


def itensor(torch):
    with torch.inference_mode():
        return torch.ones(2)


@case
def inf(torch):
    x = leaf(torch, 2)
    with torch.inference_mode():
        y = x * 2
        r = [
            y.is_inference(),
            y.requires_grad,
            torch.is_inference_mode_enabled(),
            torch.is_grad_enabled(),
            x.is_inference(),
            torch.is_inference(y),
        ]
        with torch.inference_mode(False):
            r += [
                torch.is_inference_mode_enabled(),
                torch.is_grad_enabled(),
                (x * 2).requires_grad,
                (x * 2).is_inference(),
            ]
        with torch.enable_grad():
            r += [torch.is_grad_enabled(), (x * 2).requires_grad, (x * 2).is_inference()]
    return r + [torch.is_inference_mode_enabled(), torch.is_grad_enabled()]


@case
def inf_false_nograd(torch):
    with torch.no_grad():
        with torch.inference_mode(False):
            return torch.is_grad_enabled()


@case
def inf_create(torch):
    r = []
    with torch.inference_mode():
        for t in [
            torch.ones(2),
            torch.zeros(2),
            torch.tensor([1.0]),
            torch.rand(2),
            torch.empty(2),
            torch.arange(3),
            torch.eye(2),
            torch.ones(2).clone(),
            torch.ones(4).view(2, 2),
            torch.from_numpy(np.ones(2)),
            torch.randn(2),
            torch.full((2,), 1.0),
            torch.linspace(0, 1, 3),
            torch.ones(2).detach(),
            torch.cat([torch.ones(2)]),
            torch.ones(2)[0],
            torch.ones(2).max(0).values,
            torch.nn.Parameter(torch.ones(2)),
            torch.nn.Linear(2, 2).weight,
            torch.nn.Linear(2, 2)(torch.ones(2)),
            torch.stack([torch.ones(2)]),
            torch.ones(2).numpy() is None or torch.as_tensor(np.ones(2)),
            torch.split(torch.ones(4), 2)[0],
            torch.ones(2).to(torch.float64),
            torch.randint(3, (2,)),
            torch.randperm(3),
            torch.ones(2, 2).T,
        ]:
            r.append(t.is_inference())
    return r


@case
def inf_views(torch):
    x = leaf(torch, 4) * 1
    n = torch.ones(4)
    with torch.inference_mode():
        v = n.view(2, 2)
        w = n.detach()
        u = x[:2]
    return (v.is_inference(), w.is_inference(), u.is_inference(), u.requires_grad)


@case
def inf_inplace_normal(torch):
    n = torch.ones(4)
    v = n._version
    with torch.inference_mode():
        n.add_(1)
    return (n.is_inference(), n, n._version - v)


@case
def inf_inplace_out(torch):
    itensor(torch).add_(1)


@case
def inf_setitem_out(torch):
    itensor(torch)[0] = 1


@case
def inf_inplace_in_nograd(torch):
    t = itensor(torch)
    with torch.no_grad():
        t.add_(1)


@case
def inf_inplace_in(torch):
    t = itensor(torch)
    with torch.inference_mode():
        t.add_(1)
    return t


@case
def inf_version(torch):
    return itensor(torch)._version


@case
def inf_requires(torch):
    itensor(torch).requires_grad_()


@case
def inf_requires_attr(torch):
    itensor(torch).requires_grad = True


@case
def inf_requires_in(torch):
    with torch.inference_mode():
        t = torch.ones(2).requires_grad_()
        return t.requires_grad


@case
def inf_save(torch):
    leaf(torch, 2) * itensor(torch)


@case
def inf_add_ok(torch):
    x = leaf(torch, 2)
    (x + itensor(torch)).sum().backward()
    return x.grad


@case
def inf_func_nograd(torch):
    t = itensor(torch)
    return (
        (t * 2).is_inference(),
        t * 2,
        t.view(-1).is_inference(),
        t.clone().is_inference(),
        t.detach().is_inference(),
    )


@case
def inf_clone_grad(torch):
    x = leaf(torch, 2)
    t = itensor(torch).clone()
    (x * t).sum().backward()
    return x.grad


@case
def inf_save_fn(torch):

    class F(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, t):
            ctx.save_for_backward(t)
            return x * 1

        @staticmethod
        def backward(ctx, g):
            return (g, None)

    F.apply(leaf(torch, 2), itensor(torch))


@case
def inf_linear(torch):
    w = leaf(torch, 2, 2)
    with torch.inference_mode():
        x = torch.ones(1, 2)
    torch.nn.functional.linear(x, w)


@case
def inf_backward(torch):
    x = leaf(torch, 2)
    y = (x * x).sum()
    with torch.inference_mode():
        y.backward()
    return x.grad


@case
def inf_copy_into(torch):
    n = torch.zeros(2)
    n.copy_(itensor(torch))
    return (n, n.is_inference())


@case
def inf_out(torch):
    torch.add(torch.ones(2), 1, out=itensor(torch))


@case
def inf_view_inplace_out(torch):
    n = leaf(torch, 4) * 1
    with torch.inference_mode():
        v = n[:2]
    v.add_(1)


@case
def inf_deco_gen(torch):

    @torch.inference_mode()
    def f():
        yield torch.is_inference_mode_enabled()

    return (list(f()), torch.is_inference_mode_enabled())


@case
def inf_deepcopy(torch):
    import copy

    return copy.deepcopy(itensor(torch)).is_inference()


@case
def inf_module(torch):
    m = torch.nn.Linear(2, 2)
    with torch.inference_mode():
        y = m(torch.ones(1, 2))
    y * 2
    return (y.is_inference(), E(lambda: y.requires_grad_()))


@case
def inf_mode_arg(torch):
    with torch.inference_mode(mode=False):
        return (torch.is_grad_enabled(), torch.is_inference_mode_enabled())


DIFFERENT = {
    "inf": "enable_grad inside inference_mode tapes",
}


def marked(f):
    reason = DIFFERENT.get(f.__name__)
    return pytest.param(
        f, id=f.__name__, marks=[pytest.mark.xfail(strict=True, reason=reason)] if reason else []
    )


@pytest.mark.parametrize("f", [marked(f) for f in CASES])
def test_same_as_torch(f):
    equal(outcome(f, torchlike), outcome(f, reference))
