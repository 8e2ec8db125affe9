"""The tape against PyTorch: each case runs on both and returns what must agree."""

import numpy as np
import pytest
from compare import agree

import torchlike

reference = pytest.importorskip("torch")


CASES = []


def case(f):
    CASES.append(f)
    return f


def leaf(torch, *shape, start=1.0):
    n = int(np.prod(shape))
    return torch.arange(start, start + n, dtype=torch.float32).reshape(shape).clone().requires_grad_()


@case
def product(torch):
    x, y = leaf(torch, 3), leaf(torch, 3, start=4)
    (x * y).sum().backward()
    return x.grad, y.grad


@case
def broadcasting(torch):
    x, y = leaf(torch, 3, 1), leaf(torch, 4)
    ((x + y) * x / y).sum().backward()
    return x.grad, y.grad


@case
def accumulates(torch):
    x = leaf(torch, 3)
    g = []
    for k in (1, 2):
        (x * k).sum().backward()
        g.append(x.grad)
    return x.grad, g[0] is g[1]


@case
def shared_subexpression(torch):
    x = leaf(torch, 3)
    y = x * x
    z = (y + y * x).sum()
    z.backward()
    return x.grad


@case
def gradient_argument(torch):
    x = leaf(torch, 2, 2)
    (x**2).backward(torch.tensor([[1.0, 0.0], [2.0, 3.0]]))
    return x.grad


@case
def double_backward(torch):
    x = leaf(torch, 3)
    (g,) = torch.autograd.grad((x**3).sum(), x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x, create_graph=True)
    h.sum().backward()
    return g, h, x.grad, g.requires_grad


@case
def gradient_penalty(torch):
    w = leaf(torch, 3, 2)
    x = leaf(torch, 4, 3)
    (g,) = torch.autograd.grad(torch.tanh(x.matmul(w)).sum(), x, create_graph=True)
    ((g.norm(2, dim=1) - 1) ** 2).mean().backward()
    return w.grad


@case
def detached(torch):
    x = leaf(torch, 3)
    y = x * 2
    (y.detach() * x).sum().backward()
    return x.grad, y.detach().requires_grad


@case
def no_grad_block(torch):
    x = leaf(torch, 3)
    with torch.no_grad():
        y = x * 2
    return y.requires_grad, y.is_leaf, (x * y).requires_grad


@case
def inplace_on_result(torch):
    x = leaf(torch, 3)
    y = x * 2
    y.mul_(x.detach())
    y += 1
    y.sum().backward()
    return x.grad, y


@case
def write_through_view(torch):
    x = leaf(torch, 2, 3)
    y = x * 1
    y[0] *= 3
    y[:, 1] = 7
    y.view(-1)[::2] += x.reshape(-1)[::2]
    y.sum().backward()
    return x.grad, y


@case
def view_made_before_the_write(torch):
    x = leaf(torch, 2, 3)
    y = x * 1
    row = y[1]
    y.mul_(2)
    (row * row).sum().backward()
    return x.grad, row


@case
def copy_into_slice(torch):
    x, z = leaf(torch, 2), torch.zeros(4)
    z[1:3] = x * 3
    (z * z).sum().backward()
    return x.grad, z


@case
def indexing(torch):
    x = leaf(torch, 4, 3)
    i = torch.tensor([0, 2, 2])
    (x[i] * 2 + x[:, [0, 1, 2]][i, 0].unsqueeze(1) + x[x > 5].sum()).sum().backward()
    return x.grad


@case
def unused_and_allowed(torch):
    x, y = leaf(torch, 2), leaf(torch, 2)
    g = torch.autograd.grad((x * 2).sum(), [x, y], allow_unused=True)
    return g[0], g[1] is None


@case
def grad_of_non_leaf(torch):
    x = leaf(torch, 3)
    y = x * x
    z = y.sum()
    (g,) = torch.autograd.grad(z, y)
    return g


@case
def retained(torch):
    x = leaf(torch, 3)
    y = x * 2
    y.retain_grad()
    (y * y).sum().backward()
    return y.grad, x.grad


@case
def hooks(torch):
    x = leaf(torch, 3)
    seen = []
    x.register_hook(lambda g: seen.append("leaf") or g * 2)
    y = x * 3
    h = y.register_hook(lambda g: g + 1)
    y.register_hook(lambda g: seen.append("inner"))
    x.register_post_accumulate_grad_hook(lambda p: seen.append("post"))
    y.sum().backward(retain_graph=True)
    first = x.grad.clone()
    h.remove()
    y.sum().backward()
    return first, x.grad, seen


@case
def backward_inputs(torch):
    x, y = leaf(torch, 2), leaf(torch, 2)
    (x * y).sum().backward(inputs=[x])
    return x.grad, y.grad is None


@case
def several_roots(torch):
    x = leaf(torch, 3)
    y = x * x
    torch.autograd.backward([y.sum(), (y * 2).sum()])
    return x.grad


@case
def multiple_outputs(torch):
    x = leaf(torch, 6)
    a, b, c = x.chunk(3)
    values, indices = (x * x).reshape(2, 3).max(dim=1)
    (a * b).sum().backward()
    first = x.grad.clone()
    values.sum().backward()
    return first, x.grad, indices


@case
def custom_function(torch):
    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, k):
            ctx.save_for_backward(x)
            ctx.k = k
            return x**3 * k

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * 3 * x * x * ctx.k, None

    x = leaf(torch, 3)
    y = Cube.apply(x, 2.0)
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    g.sum().backward()
    return y, g, x.grad, type(y.grad_fn).__name__ != "", y.grad_fn.name()


@case
def custom_function_with_context(torch):
    class Exp(torch.autograd.Function):
        @staticmethod
        def forward(x):
            return x.exp(), x.sum()

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(output[0])
            ctx.mark_non_differentiable(output[1])

        @staticmethod
        def backward(ctx, g, _):
            return g * ctx.saved_tensors[0]

    x = leaf(torch, 3, start=0.5)
    y, s = Exp.apply(x)
    y.sum().backward()
    return x.grad, s.requires_grad, ctx_needs(torch)


def ctx_needs(torch):
    seen = []

    class Probe(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a, b, c):
            seen.append(ctx.needs_input_grad)
            return a + b

        @staticmethod
        def backward(ctx, g):
            return g, g, None

    Probe.apply(leaf(torch, 2), torch.ones(2), 3)
    return list(seen[0])


@case
def set_data(torch):
    x = leaf(torch, 3)
    y = (x * 2).sum()
    x.data = torch.zeros(3)
    y.backward()
    x.data -= x.grad
    return x.grad, x, x.requires_grad


@case
def leaf_update(torch):
    x = leaf(torch, 3)
    for _ in range(3):
        (x * x).sum().backward()
        with torch.no_grad():
            x -= 0.1 * x.grad
            x.grad.zero_()
    return x, x.requires_grad, x.is_leaf, x.grad


@case
def complex_numbers(torch):
    x = torch.tensor([1 + 2j, 3 - 1j], requires_grad=True)
    (x * x.conj() * (2 - 1j)).sum().abs().backward()
    return x.grad


@case
def ties(torch):
    x = torch.tensor([1.0, 3.0, 3.0, 0.0], requires_grad=True)
    (x.max() + torch.relu(x - 3).sum() + x.abs().sum() + x.clamp(0, 3).sum() + x.amax()).backward()
    return x.grad


@case
def dtype_conversion(torch):
    x = leaf(torch, 3)
    (x.double() * 2).sum().backward()
    return x.grad, str(x.grad.dtype)


@case
def backward_of_sum_twice_without_saved(torch):
    x = leaf(torch, 2)
    y = (x + 1).sum()
    y.backward()
    y.backward()
    return x.grad


@pytest.mark.parametrize("f", CASES, ids=lambda f: f.__name__)
def test_same_as_torch(f):
    agree(f(torchlike), f(reference))


ERRORS = {
    "second_backward": lambda torch: [(y := (leaf(torch, 2) ** 2).sum()).backward(), y.backward()],
    "no_grad_fn": lambda torch: torch.ones(2).sum().backward(),
    "not_scalar": lambda torch: (leaf(torch, 2) * 2).backward(),
    "leaf_inplace": lambda torch: leaf(torch, 2).add_(1),
    "leaf_view_inplace": lambda torch: leaf(torch, 2)[0].add_(1),
    "saved_overwritten": lambda torch: [
        (x := leaf(torch, 2) * 2),
        (y := x * x),
        x.add_(1),
        y.sum().backward(),
    ],
    "result_overwritten": lambda torch: [(y := leaf(torch, 2).exp()), y.mul_(2), y.sum().backward()],
    "grad_shape": lambda torch: (leaf(torch, 2) * 2).backward(torch.ones(3)),
    "unused": lambda torch: torch.autograd.grad(leaf(torch, 2).sum(), leaf(torch, 3)),
    "int_requires_grad": lambda torch: torch.ones(2, dtype=torch.int64).requires_grad_(),
    "non_leaf_flag": lambda torch: (leaf(torch, 2) * 2).requires_grad_(False),
    "numpy_of_grad": lambda torch: leaf(torch, 2).numpy(),
    "out_of_grad": lambda torch: torch.add(leaf(torch, 2), 1, out=torch.zeros(2)),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_torchs(name):
    got = []
    for torch in (torchlike, reference):
        with pytest.raises(Exception) as e:
            ERRORS[name](torch)
        got.append((e.type, str(e.value).split("\n")[0]))
    assert got[0] == got[1]
