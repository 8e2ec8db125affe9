"""Where a backward starts and what it collects, compared with PyTorch."""

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
def backward_nonscalar(torch):
    (leaf(torch, 2) * 2).backward()


@case
def backward_multi_roots_none(torch):
    torch.autograd.backward([leaf(torch, 2).sum(), leaf(torch, 2) * 2])


@case
def backward_second_root_nograd(torch):
    torch.autograd.backward([leaf(torch, 2).sum(), torch.ones(1)])


@case
def backward_graderr_type(torch):
    (leaf(torch, 2) * 2).backward(3)


@case
def backward_graderr_type2(torch):
    torch.autograd.backward([leaf(torch, 2) * 2], [3])


@case
def backward_grad_len(torch):
    torch.autograd.backward([leaf(torch, 2) * 2], [torch.ones(2), torch.ones(2)])


@case
def backward_grad_len2(torch):
    torch.autograd.backward([leaf(torch, 2) * 2, leaf(torch, 2) * 2], [torch.ones(2)])


@case
def backward_gradvars(torch):
    x = leaf(torch, 2)
    torch.autograd.backward([x * 2], grad_variables=[torch.ones(2)])
    return x.grad


@case
def backward_gradvars2(torch):
    x = leaf(torch, 2)
    torch.autograd.backward([x * 2], [torch.ones(2)], grad_variables=[torch.ones(2)])
    return x.grad


@case
def backward_shape(torch):
    (leaf(torch, 2) * 2).backward(torch.ones(3))


@case
def backward_inputs_empty(torch):
    (leaf(torch, 2) * 2).sum().backward(inputs=[])


@case
def backward_inputs_nograd(torch):
    (leaf(torch, 2) * 2).sum().backward(inputs=[torch.ones(2)])


@case
def backward_inputs_nonleaf(torch):
    x = leaf(torch, 2)
    y = x * 2
    (y * 3).sum().backward(inputs=[y])
    return (y.grad, x.grad)


@case
def backward_inputs_nonleaf_and_leaf(torch):
    x = leaf(torch, 2)
    y = x * 2
    (y * 3).sum().backward(inputs=[y, x])
    return (y.grad, x.grad)


@case
def backward_inputs_single(torch):
    x = leaf(torch, 2)
    (x * 3).sum().backward(inputs=x)
    return x.grad


@case
def backward_inputs_unused(torch):
    x = leaf(torch, 2)
    y = leaf(torch, 2)
    (x * 3).sum().backward(inputs=[y])
    return (x.grad, y.grad)


@case
def backward_complex_root(torch):
    x = torch.tensor([1 + 1j], requires_grad=True)
    (x * 2).sum().backward()


@case
def backward_complex_root_g(torch):
    x = torch.tensor([1 + 1j], requires_grad=True)
    (x * 2).backward(torch.tensor([1.0]))
    return x.grad


@case
def backward_dtype_mismatch(torch):
    x = leaf(torch, 2)
    (x * 2).backward(torch.ones(2, dtype=torch.float64))
    return x.grad


@case
def backward_int_gradient(torch):
    x = leaf(torch, 2)
    (x * 2).backward(torch.ones(2, dtype=torch.int64))
    return x.grad


@case
def backward_leaf_root(torch):
    x = leaf(torch, 1)
    x.backward()
    return x.grad


@case
def backward_leaf_root_g(torch):
    x = leaf(torch, 2)
    g = torch.ones(2)
    x.backward(g)
    return (x.grad, x.grad is g)


@case
def backward_leaf_twice_roots(torch):
    x = leaf(torch, 1)
    torch.autograd.backward([x, x])
    return x.grad


@case
def backward_retain(torch):
    x = leaf(torch, 2)
    y = (x**3).sum()
    y.backward(retain_graph=True)
    y.backward()
    return x.grad


@case
def backward_second(torch):
    x = leaf(torch, 2)
    y = (x**3).sum()
    y.backward()
    y.backward()


@case
def backward_size1(torch):
    x = leaf(torch, 1, 1)
    (x * 2).backward()
    return x.grad


@case
def backward_empty(torch):
    (leaf(torch, 0) * 2).backward()


@case
def backward_tensors_none(torch):
    torch.autograd.backward([])


@case
def backward_tuple(torch):
    x = leaf(torch, 2)
    torch.autograd.backward((x.sum(), (x * x).sum()), (torch.tensor(2.0), None))
    return x.grad


@case
def backward_grad_requires(torch):
    x = leaf(torch, 2)
    g = leaf(torch, 2, start=3)
    (x * 2).backward(g)
    return (x.grad, x.grad.requires_grad)


@case
def backward_nograd_backward(torch):
    x = leaf(torch, 2)
    y = (x * x).sum()
    with torch.no_grad():
        y.backward()
    return x.grad


@case
def grad_no_inputs(torch):
    return torch.autograd.grad(leaf(torch, 2).sum(), [])


@case
def grad_noreq(torch):
    return torch.autograd.grad(leaf(torch, 2).sum(), torch.ones(2))


@case
def grad_unused(torch):
    return torch.autograd.grad(leaf(torch, 2).sum(), leaf(torch, 2))


@case
def grad_unused2(torch):
    x = leaf(torch, 2)
    return torch.autograd.grad(x.sum(), [x, leaf(torch, 2)])


@case
def grad_mat(torch):
    x = leaf(torch, 2)
    y = leaf(torch, 2)
    a = torch.autograd.grad(x.sum(), [x, y], materialize_grads=True)
    return (a, [t.requires_grad for t in a])


@case
def grad_mat_bad(torch):
    x = leaf(torch, 2)
    return torch.autograd.grad(x.sum(), [x], materialize_grads=True, allow_unused=False)


@case
def grad_self(torch):
    x = leaf(torch, 2)
    y = (x * 2).sum()
    return torch.autograd.grad(y, y)


@case
def grad_self_leaf(torch):
    x = leaf(torch, 1)
    return torch.autograd.grad(x, x)


@case
def grad_shape(torch):
    x = leaf(torch, 2)
    return torch.autograd.grad(x * 2, x, torch.ones(3))


@case
def grad_batched(torch):
    x = leaf(torch, 3)
    return torch.autograd.grad(x * x, x, torch.eye(3), is_grads_batched=True)


@case
def grad_batched_cg(torch):
    x = leaf(torch, 3)
    (g,) = torch.autograd.grad(x * x * x, x, torch.eye(3), is_grads_batched=True, create_graph=True)
    g.sum().backward()
    return (g, x.grad)


@case
def grad_batched_multi(torch):
    x = leaf(torch, 3)
    y = leaf(torch, 2)
    return torch.autograd.grad(
        [x * x, (y * y).sum()], [x, y], [torch.eye(3), torch.tensor([1.0, 2, 3])], is_grads_batched=True
    )


@case
def grad_batched_unused(torch):
    x = leaf(torch, 3)
    y = leaf(torch, 2)
    return torch.autograd.grad([x * x], [x, y], [torch.eye(3)], is_grads_batched=True, allow_unused=True)


@case
def grad_only_inputs(torch):
    x = leaf(torch, 3)
    return torch.autograd.grad((x * x).sum(), x, only_inputs=True)


@case
def grad_only_inputs_f(torch):
    x = leaf(torch, 3)
    return torch.autograd.grad((x * x).sum(), x, only_inputs=False)


@case
def grad_dict(torch):
    x = leaf(torch, 3)
    return torch.autograd.grad((x * x).sum(), {"a": x}.values())


@case
def grad_grads_doesnt_accum(torch):
    x = leaf(torch, 3)
    torch.autograd.grad((x * x).sum(), x)
    return x.grad


@case
def grad_no_req_outputs(torch):
    x = leaf(torch, 3)
    return torch.autograd.grad(torch.ones(1), x)


@case
def grad_len(torch):
    x = leaf(torch, 3)
    return torch.autograd.grad([x * 2, x * 3], x, [torch.ones(3)])


@case
def grad_same_twice(torch):
    x = leaf(torch, 3)
    return torch.autograd.grad((x * x).sum(), [x, x])


@case
def grad_list_outputs_str(torch):
    return torch.autograd.grad(3, leaf(torch, 3))


@case
def grad_inputs_str(torch):
    return torch.autograd.grad(leaf(torch, 3).sum(), 3)


@case
def grad_nonleaf_stops(torch):
    x = leaf(torch, 3)
    y = x * x
    z = (y * y).sum()
    a = torch.autograd.grad(z, y, retain_graph=True)
    b = torch.autograd.grad(z, x)
    return (a, b)


@case
def grad_nonleaf_frees_only_visited(torch):
    x = leaf(torch, 3)
    y = x * x
    z = (y * y).sum()
    a = torch.autograd.grad(z, y)
    b = torch.autograd.grad(y.sum(), x)
    return (a, b)


@case
def grad_hook_on_target(torch):
    x = leaf(torch, 3)
    y = x * x
    y.register_hook(lambda g: g * 2)
    x.register_hook(lambda g: g * 3)
    z = y.sum()
    return torch.autograd.grad(z, [y, x])


@case
def grad_complex_grad_out(torch):
    x = leaf(torch, 2)
    return torch.autograd.grad(x * 2, x, torch.ones(2, dtype=torch.complex64))


@pytest.mark.parametrize("f", CASES, ids=lambda f: f.__name__)
def test_same_as_torch(f):
    equal(outcome(f, torchlike), outcome(f, reference))


HISTORY = """
w.linear(x, y, z)
torch.addmm(z, x, y)
torch.copysign(x, y)
x.clamp(0.2, 1)
x.clamp(y, z)
x.maximum(y)
x.remainder(2)
x.remainder(y)
x.max()
x.max(0)[0]
x.amax(0)
x.sort()[0]
x.topk(1)[0]
x.median()
x.nan_to_num()
x.cummax(0)[0]
torch.xlogy(x, y)
x.abs()
x.relu()
x * y
x + y
x.where(x > 0, y)
w.layer_norm(x, (2,), y, z)
w.hinge_embedding_loss(x, torch.ones(2, 2))
torch.linalg.householder_product(x, z)
"""


@pytest.mark.parametrize("expression", HISTORY.strip().splitlines())
def test_which_gradients_have_history(expression):
    def found(lib):
        x = lib.tensor([[0.5, 2.0], [3.0, 0.25]], requires_grad=True)
        y = lib.tensor([[0.75, 0.125], [4.0, 0.5]], requires_grad=True)
        z = lib.tensor([1.5, 0.5], requires_grad=True)
        if "layer_norm" in expression:
            y = z.detach().clone().requires_grad_()
        known = {"torch": lib, "w": lib.nn.functional, "x": x * 1, "y": y * 1, "z": z * 1}
        out = eval(expression, known)
        operands = [known[n] for n in "xyz"]
        grads = lib.autograd.grad(out.sum(), operands, create_graph=True, allow_unused=True)
        return [None if g is None else g.requires_grad for g in grads]

    assert found(torchlike) == found(reference)


ORDERS = """
z * 2
z * x.t()
x.t() * z
z.where(z > 0.5, z)
z.clamp(0.2, 0.8)
z.relu()
z.erf()
z.maximum(z)
z.exp()
z.prod()
z.prod(0)
z.max()
z.max(0)[0]
z.softmax(0)
z.log_softmax(1)
z.cumsum(0)
z.tril()
z.masked_fill(z > 0.5, 1)
z.std()
z.angle()
torch.nn.functional.leaky_relu(z)
torch.nn.functional.smooth_l1_loss(z, z * 2)
"""


@pytest.mark.parametrize("as_operand", [False, True])
@pytest.mark.parametrize("expression", ORDERS.strip().splitlines())
def test_how_gradients_lie(expression, as_operand):
    """Of a transposed operand, with a gradient that lies by rows or as the operand does."""

    def found(lib):
        x = (lib.arange(12.0).reshape(3, 4) / 13 + 0.1).requires_grad_()
        z = x.t()
        y = eval(expression, {"torch": lib, "z": z, "x": x})
        g = lib.ones_like(y, memory_format=lib.contiguous_format)
        if as_operand and y.ndim == 2:
            g = g.t().contiguous().t()
        return lib.autograd.grad(y, z, g)[0].stride()

    assert found(torchlike) == found(reference)
