"""Accumulation into `.grad`, leaves, versions and views, compared with PyTorch."""

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


@case
def identity(torch):
    x = leaf(torch, 2)
    (x * 2).sum().backward()
    g = x.grad
    (x * 3).sum().backward()
    return (x.grad is g, g, g._version)


@case
def assign_shape(torch):
    x = leaf(torch, 2)
    x.grad = torch.ones(3)


@case
def assign_dtype(torch):
    x = leaf(torch, 2)
    x.grad = torch.ones(2, dtype=torch.float64)


@case
def assign_type(torch):
    x = leaf(torch, 2)
    x.grad = 3


@case
def assign_self(torch):
    x = leaf(torch, 2)
    x.grad = x


@case
def assign_list(torch):
    x = leaf(torch, 2)
    x.grad = [1.0, 2.0]


@case
def delete_grad(torch):
    x = leaf(torch, 2)
    (x * 2).sum().backward()
    del x.grad
    return x.grad


@case
def delete_requires_grad(torch):
    x = leaf(torch, 2)
    del x.requires_grad


@case
def assign_nonleaf(torch):
    x = leaf(torch, 2)
    y = x * 2
    y.grad = torch.ones(2)
    return y.grad


@case
def grad_nonleaf_warn(torch):
    x = leaf(torch, 2)
    y = x * 2
    return y.grad


@case
def grad_view_leaf(torch):
    x = torch.ones(4)
    v = x[:2].requires_grad_()
    (v * 2).sum().backward()
    return (v.grad, x.requires_grad, v.is_leaf)


@case
def retain_grad(torch):
    x = leaf(torch, 2)
    x.retain_grad()
    y = x * 2
    y.retain_grad()
    y.retain_grad()
    (y * y).sum().backward()
    return (x.grad, y.grad, x.retains_grad, y.retains_grad)


@case
def retain_twice(torch):
    x = leaf(torch, 2)
    y = x * 2
    y.retain_grad()
    z = (y * y).sum()
    z.backward(retain_graph=True)
    g = y.grad
    z.backward()
    return (x.grad, y.grad, g is y.grad)


@case
def retain_noreq(torch):
    torch.ones(2).retain_grad()


@case
def retain_after_hook(torch):
    x = leaf(torch, 2)
    y = x * 2
    y.retain_grad()
    y.register_hook(lambda g: g * 10)
    y.sum().backward()
    return (y.grad, x.grad)


@case
def retain_inplace(torch):
    x = leaf(torch, 2)
    y = x * 2
    y.retain_grad()
    y.mul_(3)
    y.sum().backward()
    return (y.grad, x.grad)


@case
def reqgrad_int(torch):
    torch.ones(2, dtype=torch.int64).requires_grad_()


@case
def reqgrad_int_prop(torch):
    torch.ones(2, dtype=torch.int64).requires_grad = True


@case
def reqgrad_int_ctor(torch):
    torch.tensor([1], requires_grad=True)


@case
def reqgrad_nonleaf(torch):
    (leaf(torch, 2) * 2).requires_grad = False


@case
def reqgrad_nonleaf2(torch):
    (leaf(torch, 2) * 2).requires_grad_(False)


@case
def leaf_inplace(torch):
    leaf(torch, 2).add_(1)


@case
def leaf_view_inplace(torch):
    leaf(torch, 2)[0:1].add_(1)


@case
def leaf_setitem(torch):
    leaf(torch, 2)[0] = 1


@case
def leaf_detach_inplace(torch):
    x = leaf(torch, 2)
    y = (x * x).sum()
    x.detach().add_(1)
    y.backward()


@case
def leaf_data_inplace(torch):
    x = leaf(torch, 2)
    y = (x * x).sum()
    x.data.add_(1)
    y.backward()
    return x.grad


@case
def version_data(torch):
    x = leaf(torch, 2)
    v = [x._version]
    x.data.add_(1)
    v.append(x._version)
    x.detach().add_(1)
    v.append(x._version)
    with torch.no_grad():
        x.add_(1)
    v.append(x._version)
    return (v, x)


@case
def versionctr(torch):
    x = leaf(torch, 2) * 2
    y = x * x
    x.add_(1)
    y.sum().backward()


@case
def versionctr_view(torch):
    x = leaf(torch, 2) * 2
    y = x * x
    x[0].add_(1)
    y.sum().backward()


@case
def versionctr_exp(torch):
    y = leaf(torch, 2).exp()
    y.mul_(2)
    y.sum().backward()


@case
def versionctr_sigm(torch):
    y = torch.sigmoid(leaf(torch, 2))
    y.add_(2)
    y.sum().backward()


@case
def versionctr_add_ok(torch):
    x = leaf(torch, 2)
    y = x + 1
    y.mul_(2)
    y.sum().backward()
    return x.grad


@case
def versionctr_leaf(torch):
    x = leaf(torch, 2)
    y = x * x
    with torch.no_grad():
        x.add_(1)
    y.sum().backward()


@case
def versionctr_mm(torch):
    x = leaf(torch, 2, 2)
    w = torch.ones(2, 2)
    y = x @ w
    w.add_(1)
    y.sum().backward()


@case
def copy_nonleaf(torch):
    x = leaf(torch, 2)
    y = x * 2
    y.copy_(torch.ones(2))
    r = y.requires_grad
    n = str(y.grad_fn)[:10]
    y.sum().backward()
    return (r, n, x.grad, y)


@case
def zero_nonleaf(torch):
    x = leaf(torch, 2)
    y = x * 2
    y.zero_()
    r = y.requires_grad
    y.sum().backward()
    return (r, x.grad, y)


@case
def fill_nonleaf(torch):
    x = leaf(torch, 2)
    y = x * 2
    y.fill_(3.0)
    r = y.requires_grad
    y.sum().backward()
    return (r, x.grad, y)


@case
def setitem_nonleaf(torch):
    x = leaf(torch, 2)
    y = x * 2
    y[0] = 5.0
    y[:] = 4.0
    r = y.requires_grad
    y.sum().backward()
    return (r, x.grad, y)


@case
def uniform_nonleaf(torch):
    x = leaf(torch, 2)
    y = x * 2
    y.uniform_()
    r = y.requires_grad
    y.sum().backward()
    return (r, x.grad)


@case
def copy_into_leaf_free(torch):
    x = leaf(torch, 2)
    z = torch.zeros(2)
    z.copy_(x)
    z.sum().backward()
    return (z.requires_grad, x.grad)


@case
def copy_int(torch):
    x = leaf(torch, 2)
    z = torch.zeros(2, dtype=torch.int64)
    z.copy_(x)
    return (z.requires_grad, z)


@case
def copy_broadcast(torch):
    x = leaf(torch, 1)
    z = torch.zeros(3)
    z.copy_(x)
    z.sum().backward()
    return x.grad


@case
def copy_base_view(torch):
    x = leaf(torch, 4)
    y = x * 2
    v = y[:2]
    v.copy_(torch.ones(2))
    y.sum().backward()
    return (x.grad, y)


@case
def base_inplace_view_history(torch):
    x = leaf(torch, 4)
    y = x * 2
    v = y[:2]
    y.mul_(3)
    v2 = v * 2
    v2.sum().backward()
    return (x.grad, v.grad_fn is not None)


@case
def view_of_nograd_base(torch):
    x = leaf(torch, 2)
    b = torch.zeros(4)
    v = b[:2]
    v.copy_(x)
    b.sum().backward()
    return (x.grad, b.requires_grad, v.requires_grad)


@case
def view_of_nograd_base2(torch):
    x = leaf(torch, 2)
    b = torch.zeros(4)
    v = b[:2]
    w = b[1:3]
    v.mul_(x)
    (w * w).sum().backward()
    return (x.grad, w.requires_grad)


@case
def detach_inplace_view(torch):
    x = leaf(torch, 2)
    y = x * 2
    v = y[:1]
    v.detach_()


@case
def detach_(torch):
    x = leaf(torch, 2)
    y = x * 2
    y.detach_()
    return (y.requires_grad, y.is_leaf, y.grad_fn)


@case
def nograd_view_inplace(torch):
    x = leaf(torch, 2)
    with torch.no_grad():
        v = x.view(-1)
    v.mul_(2)


@case
def nograd_view_inplace2(torch):
    x = leaf(torch, 2)
    y = x * 1
    with torch.no_grad():
        v = y.view(-1)
    v.mul_(2)


@case
def chunk_inplace(torch):
    x = leaf(torch, 4)
    y = x * 1
    a, b = y.chunk(2)
    a.mul_(2)


@case
def unbind_inplace(torch):
    x = leaf(torch, 4)
    y = x * 1
    a = y.unbind()
    a[0].mul_(2)


@case
def split_inplace(torch):
    x = leaf(torch, 4)
    y = x * 1
    a = y.split(2)
    a[0].mul_(2)


@case
def setdata_req(torch):
    x = leaf(torch, 2)
    x.data = torch.zeros(3)
    return (x.shape == (3,), x.requires_grad)


@case
def setdata_type(torch):
    x = leaf(torch, 2)
    x.data = 3


@case
def setdata_dtype(torch):
    x = leaf(torch, 2)
    x.data = torch.zeros(2, dtype=torch.int64)


@case
def deepcopy_nonleaf(torch):
    import copy

    copy.deepcopy(leaf(torch, 2) * 2)


@case
def deepcopy_leaf(torch):
    import copy

    x = leaf(torch, 2)
    (x * 2).sum().backward()
    y = copy.deepcopy(x)
    return (y.grad, y.requires_grad, y.grad is x.grad)


@case
def bool_numpy(torch):
    return np.asarray(leaf(torch, 2))


@case
def is_inplace_self(torch):
    x = leaf(torch, 2)
    y = x * 1
    y += y
    y.sum().backward()
    return x.grad


@case
def inplace_self_mul(torch):
    x = leaf(torch, 2)
    y = x * 1
    y *= y
    y.sum().backward()
    return x.grad


@pytest.mark.parametrize("f", CASES, ids=lambda f: f.__name__)
def test_same_as_torch(f):
    equal(outcome(f, torchlike), outcome(f, reference))
