"""Views whose base got history after them: PyTorch has such a view for a leaf until somebody asks for its history."""

from __future__ import annotations

import warnings

import pytest

import torchlike

torch = pytest.importorskip("torch")

START = "x = torch.zeros(3); y = x.view(3); w = torch.ones(3, requires_grad=True); x.copy_(w)"
MANY = "x = torch.zeros(3); y = x.unbind()[0]; w = torch.ones(3, requires_grad=True); x.copy_(w)"
OUTSIDE = """
x = torch.zeros(3); w = torch.ones(3, requires_grad=True)
with torch.no_grad(): y = x.view(3)
x.copy_(w)
"""
TURNED = """
w = torch.zeros((4, 3), requires_grad=True); x = torch.ones((3, 4)); y = x.diagonal(); x.transpose_(0, -1); x += w
"""

NUMBER = "x = torch.zeros(3); y = x[1]; w = torch.ones(3, requires_grad=True); x.copy_(w)"
KEYS = """
y > 0
...
()
None
:
0:
0:3
True
torch.tensor(True)
torch.tensor(False)
torch.tensor(0)
[0]
[]
torch.ones_like(y, dtype=torch.bool)
None, y > 0
..., y > 0
""".strip().splitlines()

PROGRAMS = [
    (start, f"y[{key}] = {value}") for start in (START, NUMBER) for key in KEYS for value in ("2.0", "torch.ones(())")
] + [
    (START, line)
    for line in """
y.mul_(2)
y.fill_(2.0)
y += 1
y.copy_(w)
y.t_()
y.masked_fill_(x.detach() == 0, 2.0)
y.masked_fill_(y == 0, 2.0)
y.is_leaf; y.mul_(2)
y.requires_grad; y.mul_(2)
y.grad_fn; y.mul_(2)
y.exp(); y.mul_(2)
y.view(3); y.mul_(2)
str(y); y.mul_(2)
y.tolist(); y.mul_(2)
y.max(); y.mul_(2)
y.argmax(); y.mul_(2)
y.sum().item(); y.mul_(2)
y.detach(); y.mul_(2)
y.data; y.mul_(2)
y.detach().mul_(2)
y.retain_grad(); y.mul_(2)
x.copy_(y); y.mul_(2)
x.mul_(3); y.mul_(2)
y.exp(); x.mul_(3); y.mul_(2)
x.detach_(); y.mul_(2)
y[0].fill_(3)
y[0] = 3
torch.stack([y, y]); y.mul_(2)
torch.where(y > 0, w, w); y.mul_(2)
torch.zeros_like(y); y.mul_(2)
torch.autograd.grad(y.sum(), w); y.mul_(2)
z = y.view(3); z.mul_(2)
(y > 0).sum(); y.mul_(2)
seen = [y.is_leaf, y.requires_grad]
y == 0; seen = [y.is_leaf]
with torch.no_grad(): seen = (y * 2).tolist()
""".strip().splitlines()
] + [
    (start, line)
    for start in (MANY, OUTSIDE, TURNED)
    for line in """
seen = y.is_leaf
seen = y.requires_grad
y.retain_grad()
y.mul_(2)
y * 2
y.clamp(-1, 2); y.zero_()
y.exp(); y.mul_(2); (x * x).sum().backward()
seen = y._base is x
""".strip().splitlines()
]  # fmt: skip


def run(lib, start, line):
    """How it ends: the error's type and text, else the tensors, the gradient and what was seen."""
    space = {"torch": lib, "seen": None}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(start, space)
        try:
            exec(line, space)
            error = None
        except Exception as e:  # noqa: BLE001 - errors are compared
            error = type(e).__name__, str(e)
        state = [space[n].detach().tolist() for n in "xy"]
        grad = space["w"].grad
        return error, state, None if grad is None else grad.tolist(), space["seen"]


@pytest.mark.parametrize(("start", "line"), PROGRAMS)
def test_same_as_torch(start, line):
    assert run(torchlike, start, line) == run(torch, start, line)
