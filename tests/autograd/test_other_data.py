"""Tensors that get other data (`x.data = y`, `set_`, `resize_`): their versions, and what backward sees of them."""

from __future__ import annotations

import pytest

import torchlike

torch = pytest.importorskip("torch")

CASES = [line.strip() for line in """
p = a * 2; p.add_(1); p.data = q; q.add_(1); p.add_(1); seen = [p._version, q._version, p.tolist()]
p.data = q; p.data = p.data * 2; p.add_(1); seen = [p._version, q._version]
p.add_(1); p.set_(q); seen = [p._version]; p.resize_(5); seen.append(p._version); p.t_(); seen.append(p._version)
v = p[:2]; p.add_(1); p.data = q; v.add_(1); seen = [v._version, v.tolist(), p.tolist()]
y = (a * a).sum(); a.data = q; y.backward()
y = (a * a).sum(); a.data = q; a.data = q * 2; y.backward()
y = (a * a).sum(); a.data = q; q.add_(1); y.backward()
y = (a * a).sum(); a.data = q; a.detach().add_(1); y.backward()
y = (a * a).sum(); a.data.add_(1); a.data = a.data * 3; y.backward()
y = (a * a).sum(); a.data = q; y.backward(retain_graph=True); a.data = q * 2; y.backward()
h = a * 2; y = (h * h).sum(); h.data = q; y.backward()
h = a.exp(); y = h.sum(); h.data = q; y.backward()
y = a.exp().sum(); a.data = q; y.backward()
y = torch.nn.functional.linear(m, w).sum(); w.data = w.data * 2; m.data = m.data * 3; y.backward()
y = torch.nn.functional.linear(m[None], w).sum(); w.data = w.data * 2; m.data = m.data * 3; y.backward()
y = (m @ w).sum(); w.data = w.data * 2; m.data = m.data * 3; y.backward()
y = torch.addmm(a, m, w).sum(); w.data = w.data * 2; y.backward()
y = (a * b).sum(); a.data, b.data = b.data, a.data; y.backward()
o = torch.optim.SGD([c], lr=0.5); (c * c).sum().backward(); o.step(); seen = [c._version, q._version, q.tolist()]
o = torch.optim.SGD([c], lr=0.5); y = (c * c).sum(); c.grad = q; o.step(); y.backward()
for _ in range(3): y = (a * a).sum(); a.data = a.data + 1; y.backward()
w = p * 1; v = w[1:]; v.detach().numpy()[...] += 1; seen = [w.tolist(), v.tolist(), w._version]
w = p * 1; v = w[1:]; n = v.detach().numpy(); v.add_(1); n *= 2; u = w[2:]; n += 1; del n; seen = [w.tolist(), u.tolist(), v.tolist()]
w = p * 1; n = w.numpy(); v = w[1:]; v.tolist(); n += 1; del n; seen = [w.tolist(), v.tolist(), v._version]
w = p + 1; c.data = w[:2]; c.grad = q[:2]; torch.optim.SGD([c], lr=1.0).step(); c.detach().numpy()[0] = 5; seen = [c.tolist(), w.tolist()]
y = (a * a).sum(); a.detach().numpy()[0] = 5; y.backward(); seen = [a._version]
h = a * 2; y = (h * h).sum(); n = h.detach().numpy(); y.backward(); seen = [h._version, n.tolist()]
y = torch.nn.functional.kl_div(q, a, reduction="sum"); a.detach().add_(1); y.backward()
y = (a * a).sum(); a.data = a.data.double(); y.backward(); seen = [str(a.dtype), str(a.grad.dtype)]
y = (a ** 3).sum(); a.data = q.half(); y.backward(); seen = [str(a.dtype), str(a.grad.dtype)]
o = torch.optim.SGD([c], lr=0.5, fused=True); y = (c * c).sum(); c.grad = q; o.step(); y.backward(); seen = [c._version]
o = torch.optim.AdamW([a, b], lr=0.5, fused=True); y = (a * b).sum(); a.grad = q.clone(); o.step(); y.backward()
o = torch.optim.AdamW([a], lr=0.5); y = (a * a).sum(); a.grad = q; o.step(); y.backward()
""".strip().splitlines()]  # fmt: skip


def run(lib, line):
    """How a line ends: the start of its error, gradients, and what it saw."""
    q = lib.full((3,), 2.0)
    space = {
        "torch": lib, "q": q, "p": lib.zeros(3), "c": lib.nn.Parameter(q.data), "seen": None,
        "a": lib.tensor([1.0, 2.0, 3.0], requires_grad=True), "b": lib.tensor([4.0, 5.0, 6.0], requires_grad=True),
        "m": lib.arange(9.0).reshape(3, 3).requires_grad_(), "w": lib.ones((3, 3), requires_grad=True),
    }  # fmt: skip
    try:
        exec(line, space)
        error = None
    except RuntimeError as e:
        error = str(e).split(";")[0]
    grads = [None if space[n].grad is None else space[n].grad.tolist() for n in "abcmw"]
    return error, grads, space["seen"]


@pytest.mark.parametrize("line", CASES)
def test_same_as_torch(line):
    assert run(torchlike, line) == run(torch, line)


def test_data_of_another_shape_is_refused():
    a = torchlike.ones(3, requires_grad=True)
    y = (a * a).sum()
    a.data = torchlike.ones(4)
    with pytest.raises(RuntimeError, match=r"MulBackward0: backward needs a tensor of shape \[3\]"):
        y.backward()


def test_many_writes_through_data():
    """Versions go on being right after more writes behind the tape's back than are told apart one by one."""
    p, q = torchlike.nn.Parameter(torchlike.ones(3)), torchlike.nn.Parameter(torchlike.ones(3))
    q.data = torchlike.ones(3)
    for _ in range(100):
        for t in (p, q):
            y = Square.apply(t).sum()
            t.data.clamp_(-5, 5)
            y.backward()
            with torchlike.no_grad():
                t.mul_(0.99)
    assert (p._version, q._version) == (100, 100)


class Square(torchlike.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * x * g


def test_statistics_that_got_other_data_stay_uncounted():
    bn = torchlike.nn.BatchNorm1d(2)
    then = bn.running_mean._version
    bn.running_mean.data = torchlike.zeros(2)
    x = torchlike.arange(8.0).reshape(4, 2).requires_grad_()
    (bn(x) + bn(x * 2)).sum().backward()
    assert bn.running_mean._version == then
