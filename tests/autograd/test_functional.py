"""Jacobians, Hessians and products with them, compared with PyTorch."""

import pytest
from outcomes import equal, leaf, outcome

import torchlike

reference = pytest.importorskip("torch")

CASES = []


def case(f):
    """Adds `f(torch)` to the table."""
    CASES.append(f)
    return f


def F_(torch):
    return torch.autograd.functional


@case
def jac1(torch):
    return F_(torch).jacobian(lambda a: a**2, leaf(torch, 3))


@case
def jac2(torch):
    return F_(torch).jacobian(lambda a, b: (a * b, a.sum()), (leaf(torch, 2), leaf(torch, 2, start=4)))


@case
def jac3(torch):
    return F_(torch).jacobian(lambda a, b: a @ b, (leaf(torch, 2, 2), leaf(torch, 2)))


@case
def jacobian_vec(torch):
    return F_(torch).jacobian(
        lambda a, b: (a * b, a.sum()), (leaf(torch, 2), leaf(torch, 2, start=4)), vectorize=True
    )


@case
def jacobian_fwd(torch):
    return F_(torch).jacobian(
        lambda a, b: (a * b, a.sum()),
        (leaf(torch, 2), leaf(torch, 2, start=4)),
        vectorize=True,
        strategy="forward-mode",
    )


@case
def jacobian_cg(torch):
    x = leaf(torch, 3)
    j = F_(torch).jacobian(lambda a: a**3, x, create_graph=True)
    j.sum().backward()
    return (j, x.grad)


@case
def jacobian_nocg(torch):
    return F_(torch).jacobian(lambda a: a**3, leaf(torch, 3)).requires_grad


@case
def jacobian_strict(torch):
    return F_(torch).jacobian(lambda a, b: a * 2, (leaf(torch, 2), leaf(torch, 2)), strict=True)


@case
def jacobian_strict2(torch):
    return F_(torch).jacobian(lambda a: torch.ones(2), leaf(torch, 2), strict=True)


@case
def jacobian_strict3(torch):
    return F_(torch).jacobian(lambda a: a * 2, leaf(torch, 2), strict=True, create_graph=True)


@case
def jacobian_indep(torch):
    return F_(torch).jacobian(lambda a, b: a * 2, (leaf(torch, 2), leaf(torch, 2)))


@case
def jacobian_indep2(torch):
    return F_(torch).jacobian(lambda a: torch.ones(2), leaf(torch, 2))


@case
def jacobian_bad(torch):
    return F_(torch).jacobian(lambda a: a, 3)


@case
def jacobian_bad2(torch):
    return F_(torch).jacobian(lambda a: 3, leaf(torch, 2))


@case
def jacobian_bad3(torch):
    return F_(torch).jacobian(lambda a: a, (leaf(torch, 2), 3))


@case
def jacobian_bad4(torch):
    return F_(torch).jacobian(lambda a: a, leaf(torch, 2), strategy="zz")


@case
def jacobian_bad5(torch):
    return F_(torch).jacobian(lambda a: a, leaf(torch, 2), strict=True, vectorize=True)


@case
def jacobian_bad6(torch):
    return F_(torch).jacobian(lambda a: a, leaf(torch, 2), strategy="forward-mode")


@case
def jacobian_scalar(torch):
    return F_(torch).jacobian(lambda a: a.sum(), leaf(torch, 2))


@case
def jacobian_complex(torch):
    return F_(torch).jacobian(lambda a: a * a, torch.tensor([1 + 2j, 2.0]))


@case
def hes1(torch):
    return F_(torch).hessian(lambda a: (a**3).sum(), leaf(torch, 2))


@case
def hes2(torch):
    return F_(torch).hessian(lambda a, b: (a**2 * b).sum(), (leaf(torch, 2), leaf(torch, 2)))


@case
def hessian_cg(torch):
    x = leaf(torch, 2)
    h = F_(torch).hessian(lambda a: (a**4).sum(), x, create_graph=True)
    h.sum().backward()
    return (h, x.grad)


@case
def hessian_bad(torch):
    return F_(torch).hessian(lambda a: a**3, leaf(torch, 2))


@case
def hessian_bad2(torch):
    return F_(torch).hessian(lambda a: ((a**3).sum(), a), leaf(torch, 2))


@case
def hessian_lin(torch):
    return F_(torch).hessian(lambda a: a.sum(), leaf(torch, 2))


@case
def hessian_strict(torch):
    return F_(torch).hessian(lambda a: a.sum(), leaf(torch, 2), strict=True)


@case
def hessian_vec(torch):
    return F_(torch).hessian(lambda a, b: (a**2 * b).sum(), (leaf(torch, 2), leaf(torch, 2)), vectorize=True)


@case
def hessian_size1(torch):
    return F_(torch).hessian(lambda a: (a**3).sum().reshape(1), leaf(torch, 2))


@case
def vjp1(torch):
    return F_(torch).vjp(lambda a: a**2, leaf(torch, 3), torch.ones(3))


@case
def vjp_none(torch):
    return F_(torch).vjp(lambda a: (a**2).sum(), leaf(torch, 3))


@case
def vjp_nonebad(torch):
    return F_(torch).vjp(lambda a: a**2, leaf(torch, 3))


@case
def vjp_nonebad2(torch):
    return F_(torch).vjp(lambda a: (a**2, a), leaf(torch, 3))


@case
def vjp_badv(torch):
    return F_(torch).vjp(lambda a: a**2, leaf(torch, 3), torch.ones(2))


@case
def vjp_badv2(torch):
    return F_(torch).vjp(lambda a: a**2, leaf(torch, 3), (torch.ones(3), torch.ones(3)))


@case
def vjp_badv3(torch):
    return F_(torch).vjp(lambda a: (a**2, a), leaf(torch, 3), torch.ones(3))


@case
def vjp_badv4(torch):
    return F_(torch).vjp(lambda a: (a**2, a), leaf(torch, 3), (torch.ones(3), torch.ones(2)))


@case
def vjp_multi(torch):
    return F_(torch).vjp(
        lambda a, b: (a * b, a), (leaf(torch, 3), leaf(torch, 3)), (torch.ones(3), torch.ones(3))
    )


@case
def vjp_strict(torch):
    return F_(torch).vjp(lambda a, b: a * 2, (leaf(torch, 3), leaf(torch, 3)), torch.ones(3), strict=True)


@case
def jvp1(torch):
    return F_(torch).jvp(lambda a: a**2, leaf(torch, 3), torch.ones(3))


@case
def jvp_multi(torch):
    return F_(torch).jvp(
        lambda a, b: (a * b, a.exp()), (leaf(torch, 3), leaf(torch, 3)), (torch.ones(3), torch.ones(3))
    )


@case
def jvp_cg(torch):
    x = leaf(torch, 3)
    o, j = F_(torch).jvp(lambda a: a**3, x, torch.ones(3), create_graph=True)
    j.sum().backward()
    return (o, j, x.grad)


@case
def jvp_badv(torch):
    return F_(torch).jvp(lambda a: a**2, leaf(torch, 3), torch.ones(2))


@case
def jvp_none(torch):
    return F_(torch).jvp(lambda a: a**2, leaf(torch, 3))


@case
def jvp_none1(torch):
    return F_(torch).jvp(lambda a: a**2, leaf(torch, 1))


@case
def jvp_strict(torch):
    return F_(torch).jvp(lambda a: a * 2, leaf(torch, 3), torch.ones(3), strict=True)


@case
def jvp_indep(torch):
    return F_(torch).jvp(lambda a: torch.ones(2), leaf(torch, 3), torch.ones(3))


@case
def hvp1(torch):
    return F_(torch).hvp(lambda a: (a**3).sum(), leaf(torch, 3), torch.ones(3))


@case
def vhp1(torch):
    return F_(torch).vhp(lambda a: (a**3).sum(), leaf(torch, 3), torch.ones(3))


@case
def hvp2(torch):
    return F_(torch).hvp(
        lambda a, b: (a**2 * b).sum(), (leaf(torch, 3), leaf(torch, 3)), (torch.ones(3), torch.ones(3) * 2)
    )


@case
def vhp2(torch):
    return F_(torch).vhp(
        lambda a, b: (a**2 * b).sum(), (leaf(torch, 3), leaf(torch, 3)), (torch.ones(3), torch.ones(3) * 2)
    )


@case
def hvp_bad(torch):
    return F_(torch).hvp(lambda a: a**3, leaf(torch, 3), torch.ones(3))


@case
def hvp_lin(torch):
    return F_(torch).hvp(lambda a: a.sum(), leaf(torch, 3), torch.ones(3))


@case
def vhp_lin_strict(torch):
    return F_(torch).vhp(lambda a: a.sum(), leaf(torch, 3), torch.ones(3), strict=True)


@case
def vhp_none(torch):
    return F_(torch).vhp(lambda a: (a**3).sum(), leaf(torch, 3))


@case
def hvp_cg(torch):
    x = leaf(torch, 3)
    o, j = F_(torch).hvp(lambda a: (a**4).sum(), x, torch.ones(3), create_graph=True)
    j.sum().backward()
    return (o, j, x.grad)


@pytest.mark.parametrize("f", CASES, ids=lambda f: f.__name__)
def test_same_as_torch(f):
    equal(outcome(f, torchlike), outcome(f, reference))
