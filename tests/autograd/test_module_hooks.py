"""Backward hooks of modules, compared with PyTorch."""

import pytest
from outcomes import equal, leaf, outcome

import torchlike

reference = pytest.importorskip("torch")

CASES = []


def case(f):
    """Adds `f(torch)` to the table."""
    CASES.append(f)
    return f


def mod(torch):
    torch.manual_seed(0)
    m = torch.nn.Linear(2, 2)
    with torch.no_grad():
        m.weight.copy_(torch.tensor([[1.0, 2], [3, 4]]))
        m.bias.zero_()
    return m


@case
def module_full(torch):
    m = mod(torch)
    s = []
    m.register_full_backward_hook(lambda m, gi, go: s.append((gi, go)))
    x = leaf(torch, 1, 2)
    m(x).sum().backward()
    return (s, x.grad)


@case
def module_full_noinputgrad(torch):
    m = mod(torch)
    s = []
    m.register_full_backward_hook(lambda m, gi, go: s.append((gi, go)))
    m(torch.ones(1, 2)).sum().backward()
    return s


@case
def module_full_ret(torch):
    m = mod(torch)
    m.register_full_backward_hook(lambda m, gi, go: (gi[0] * 10,))
    x = leaf(torch, 1, 2)
    m(x).sum().backward()
    return (x.grad, m.weight.grad)


@case
def module_full_pre(torch):
    m = mod(torch)
    m.register_full_backward_pre_hook(lambda m, go: (go[0] * 10,))
    x = leaf(torch, 1, 2)
    m(x).sum().backward()
    return (x.grad, m.weight.grad)


@case
def module_full_order(torch):
    m = torch.nn.Sequential(mod(torch), torch.nn.Tanh(), mod(torch))
    s = []
    for n, c in m.named_modules():
        c.register_full_backward_hook(lambda c, gi, go, n=n: s.append("h" + n))
        c.register_full_backward_pre_hook(lambda c, go, n=n: s.append("p" + n))
    for n, p in m.named_parameters():
        p.register_hook(lambda g, n=n: s.append(n))
    m(leaf(torch, 1, 2)).sum().backward()
    return s


@case
def module_full_order_noin(torch):
    m = torch.nn.Sequential(mod(torch), torch.nn.Tanh(), mod(torch))
    s = []
    for n, c in m.named_modules():
        c.register_full_backward_hook(lambda c, gi, go, n=n: s.append("h" + n))
        c.register_full_backward_pre_hook(lambda c, go, n=n: s.append("p" + n))
    m(torch.ones(1, 2)).sum().backward()
    return s


@case
def module_full_badret(torch):
    m = mod(torch)
    m.register_full_backward_hook(lambda m, gi, go: (gi[0], gi[0]))
    x = leaf(torch, 1, 2)
    m(x).sum().backward()


@case
def module_old(torch):
    m = mod(torch)
    s = []
    m.register_backward_hook(lambda m, gi, go: s.append(len(go)))
    x = leaf(torch, 1, 2)
    m(x).sum().backward()
    return s


@case
def module_old_full_mix(torch):
    m = mod(torch)
    m.register_backward_hook(print)
    m.register_full_backward_hook(print)


@case
def module_full_inplace(torch):
    m = mod(torch)
    m.register_full_backward_hook(lambda m, gi, go: None)
    y = m(leaf(torch, 1, 2))
    y.add_(1)


@case
def module_full_inplace_in(torch):
    m = torch.nn.ReLU(inplace=True)
    m.register_full_backward_hook(lambda m, gi, go: None)
    m(leaf(torch, 1, 2) * 1)


@case
def module_full_remove(torch):
    m = mod(torch)
    s = []
    h = m.register_full_backward_hook(lambda m, gi, go: s.append(1))
    h.remove()
    m(leaf(torch, 1, 2)).sum().backward()
    return s


@case
def module_full_multi_out(torch):

    class M(torch.nn.Module):
        def forward(self, a, b):
            return (a * 2, b * 3, 5)

    m = M()
    s = []
    m.register_full_backward_hook(lambda m, gi, go: s.append((gi, go)))
    a = leaf(torch, 2)
    b = leaf(torch, 2)
    x, y, _ = m(a, b)
    x.sum().backward()
    return (s, a.grad, b.grad)


@case
def module_full_dict_out(torch):

    class M(torch.nn.Module):
        def forward(self, a):
            return {"a": a * 2}

    m = M()
    s = []
    m.register_full_backward_hook(lambda m, gi, go: s.append((gi, go)))
    a = leaf(torch, 2)
    m(a)["a"].sum().backward()
    return (s, a.grad)


@case
def module_gradfnname(torch):
    m = mod(torch)
    m.register_full_backward_hook(lambda m, gi, go: None)
    y = m(leaf(torch, 1, 2))
    return y.grad_fn.name()


@case
def module_global(torch):
    s = []
    h = torch.nn.modules.module.register_module_full_backward_hook(
        lambda m, gi, go: s.append(type(m).__name__)
    )
    m = mod(torch)
    m(leaf(torch, 1, 2)).sum().backward()
    h.remove()
    return s


@case
def module_prepend(torch):
    m = mod(torch)
    s = []
    m.register_full_backward_hook(lambda m, gi, go: s.append(1))
    m.register_full_backward_hook(lambda m, gi, go: s.append(2), prepend=True)
    m(leaf(torch, 1, 2)).sum().backward()
    return s


@case
def module_deep(torch):
    x = leaf(torch, 2)
    y = x
    for _ in range(10000):
        y = y * 1
    y.sum().backward()
    return x.grad


@pytest.mark.parametrize("f", CASES, ids=lambda f: f.__name__)
def test_same_as_torch(f):
    equal(outcome(f, torchlike), outcome(f, reference))
