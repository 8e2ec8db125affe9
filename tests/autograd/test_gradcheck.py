"""gradcheck and gradgradcheck, compared with PyTorch."""

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


def d(torch, *s, start=1.0):
    return (
        (torch.arange(start, start + int(np.prod(s)), dtype=torch.float64).reshape(s) / 3)
        .clone()
        .requires_grad_()
    )


def bad(torch):

    class F(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 3

    return F.apply


@case
def gradcheck_ok(torch):
    return torch.autograd.gradcheck(lambda a, b: (a * b).sin(), (d(torch, 3), d(torch, 3)))


@case
def gradcheck_multi(torch):
    return torch.autograd.gradcheck(lambda a, b: ((a * b).sin(), a @ b), (d(torch, 3), d(torch, 3)))


@case
def gradcheck_fast(torch):
    return torch.autograd.gradcheck(
        lambda a, b: ((a * b).sin(), a @ b), (d(torch, 3), d(torch, 3)), fast_mode=True
    )


@case
def gradcheck_complex(torch):
    z = torch.tensor([1 + 2j, 3 - 1j], dtype=torch.complex128, requires_grad=True)
    return (
        torch.autograd.gradcheck(lambda a: (a * a.conj() * a).sin() / 10, (z,)),
        torch.autograd.gradcheck(lambda a: a.abs(), z),
        torch.autograd.gradcheck(lambda a: torch.view_as_real(a).sum(), z),
        torch.autograd.gradcheck(lambda a: torch.fft.fft(a), d(torch, 3)),
    )


@case
def gradcheck_noreq(torch):
    return torch.autograd.gradcheck(lambda a: a, torch.ones(2, dtype=torch.float64))


@case
def gradcheck_bad(torch):
    return torch.autograd.gradcheck(bad(torch), d(torch, 2))


@case
def gradcheck_bad_msg(torch):
    try:
        torch.autograd.gradcheck(bad(torch), d(torch, 2))
    except Exception as e:
        return str(e)


@case
def gradcheck_bad_noraise(torch):
    return torch.autograd.gradcheck(bad(torch), d(torch, 2), raise_exception=False)


@case
def gradcheck_bad_fast(torch):
    return torch.autograd.gradcheck(bad(torch), d(torch, 2), fast_mode=True)


@case
def gradcheck_f32(torch):
    return torch.autograd.gradcheck(lambda a: a * 2, leaf(torch, 2), atol=0.1, eps=0.01)


@case
def gradcheck_undefined(torch):

    class F(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            return (x * 2, x * 3)

        @staticmethod
        def backward(ctx, g, h):
            return g * 2 + h * 3

    return torch.autograd.gradcheck(F.apply, d(torch, 2))


@case
def gradcheck_nomul(torch):

    class F(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.sum()

        @staticmethod
        def backward(ctx, g):
            return torch.ones(2, dtype=torch.float64)

    return torch.autograd.gradcheck(F.apply, d(torch, 2))


@case
def gradcheck_int_out(torch):
    return torch.autograd.gradcheck(lambda a: (a * 2, a.argsort()), d(torch, 2))


@case
def gradcheck_const(torch):
    return torch.autograd.gradcheck(lambda a: torch.ones(2, dtype=torch.float64), d(torch, 2))


@case
def gradcheck_detached(torch):
    return torch.autograd.gradcheck(lambda a: a.detach() * 2, d(torch, 2))


@case
def gradcheck_empty(torch):
    return torch.autograd.gradcheck(lambda a: a * 2, d(torch, 0))


@case
def gradcheck_partial(torch):
    return torch.autograd.gradcheck(lambda a, b, k: a * b * k, (d(torch, 2), torch.ones(2), 3))


@case
def gradcheck_batched(torch):
    return torch.autograd.gradcheck(lambda a: a.exp(), d(torch, 2), check_batched_grad=True)


@case
def gradgradcheck_ok(torch):
    return torch.autograd.gradgradcheck(lambda a, b: (a * b).sin(), (d(torch, 3), d(torch, 3)))


@case
def gradgradcheck_cplx(torch):
    z = torch.tensor([1 + 2j, 3 - 1j], dtype=torch.complex128, requires_grad=True)
    return torch.autograd.gradgradcheck(lambda a: a * a * a.conj(), (z,))


@case
def gradgradcheck_bad(torch):

    class F(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * 3 * x.detach() * x

    return torch.autograd.gradgradcheck(F.apply, d(torch, 2))


@case
def gradgradcheck_const(torch):
    return torch.autograd.gradgradcheck(lambda a: a * 2, d(torch, 2))


@case
def gradgradcheck_go(torch):
    return torch.autograd.gradgradcheck(
        lambda a: a**3, d(torch, 2), torch.ones(2, dtype=torch.float64, requires_grad=True)
    )


@pytest.mark.parametrize("f", CASES, ids=lambda f: f.__name__)
def test_same_as_torch(f):
    equal(outcome(f, torchlike), outcome(f, reference))
