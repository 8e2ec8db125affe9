"""Views of tensors of many shapes, and what is nearly one: identity, base, strides, Nodes and the strides of gradients."""

from __future__ import annotations

import math
import warnings

import pytest

import torchlike

torch = pytest.importorskip("torch")

SHAPES = [(), (1,), (4,), (1, 4), (4, 1), (2, 4), (4, 4), (1, 1), (2, 2, 3), (1, 3, 1), (0,), (2, 0)]

EXPRESSIONS = """
x[:]
x[0:]
x[:, :]
x[:, 0:2]
x[..., :]
x[...]
x[..., 0:2]
x[None]
x[:, None]
x[:1]
x[:, :1]
x[0]
x[1]
x[-1]
x[:, 1]
x[-1, :]
x[::2]
x[:, ::2]
x[torch.tensor(0)]
x[torch.tensor(-1), ...]
x[:, torch.tensor(0)]
x[torch.tensor(0), torch.tensor(0)]
x[torch.tensor([0])]
x[[0]]
x[0, 0]
x[0, ..., 0]
x.t()
x.T
x.mT
x.mH
x.H
x.transpose(0, 0)
x.transpose(0, 1)
x.transpose(-1, -2)
x.swapaxes(0, 0)
x.swapdims(0, 1)
x.permute(0, 1)
x.permute(1, 0)
x.permute(0)
x.movedim(0, 1)
x.movedim(0, 0)
x.moveaxis(0, -1)
x.adjoint()
x.squeeze()
x.squeeze(0)
x.squeeze(1)
x.squeeze((0,))
x.squeeze((0, 1))
x.squeeze(-1)
x.unsqueeze(0)
x.unsqueeze(-1)
x.unsqueeze(1)
x.view(x.shape)
x.view(-1)
x.view(2, -1)
x.view_as(x)
x.view(1, *x.shape)
x.view(*x.shape, 1)
x.view(torch.float32)
x.view(torch.int32)
x.reshape(x.shape)
x.reshape(-1)
x.flatten()
x.flatten(0, 0)
x.flatten(0, 1)
x.ravel()
x.unflatten(0, (-1, 1))
x.unflatten(0, (-1,))
x.expand(x.shape)
x.expand(2, *x.shape)
x.expand_as(x)
x.broadcast_to(x.shape)
x.narrow(0, 0, x.shape[0])
x.narrow(0, 0, 1)
x.select(0, 0)
x.split(1)[0]
x.split(100)[0]
x.split([x.shape[0]])[0]
x.chunk(1)[0]
x.chunk(2)[1]
x.tensor_split(2)[0]
x.tensor_split((1,))[1]
x.unbind()[0]
x.unbind(-1)[0]
x.hsplit(1)[0]
x.vsplit(1)[0]
x.dsplit(1)[0]
x.diagonal()
x.diagonal(0, 1, 0)
x.unfold(0, 1, 1)
x.unfold(-1, 2, 2)
x.as_strided(x.shape, x.stride())
x.real
x.detach()
torch.atleast_1d(x)
torch.atleast_2d(x)
torch.atleast_3d(x)
x.contiguous()
x.to(torch.float32)
x.type_as(x)
x.clone()
x.conj()
x.positive()
x.flip(())
torch.cat([x])
torch.cat([x, x])
x.tril()
x.index_select(0, torch.tensor([0]))
x.sum_to_size(x.shape)
x.mean((0,))
x.sum(())
torch.einsum('i...->i...', x)
torch.einsum('...->...', x)
x.T.T
x.t().t()
x.unsqueeze(0).squeeze(0)
x.unsqueeze(0)[0]
x.unsqueeze(0).expand(3, *x.shape)
x.expand(3, *x.shape)[1]
x.view(-1)[0:3]
x.reshape(-1)[::2]
x.transpose(0, 1)[0]
x[:, 0][None]
torch.unsqueeze(x, 0).transpose(0, 1)
x.movedim((0, 1), (1, 0))
x.diagonal()[None]
x.flatten()[None, :]
x.view(-1, 1).squeeze()
x.view(-1, 1).expand(-1, 3)
torch.broadcast_tensors(x, torch.ones(2, *x.shape))[0]
""".strip().splitlines()

ENDS = [
    lambda t: t.sum(),
    lambda t: (t * 2).sum(),
    lambda t: t.sum().exp(),
    lambda t: (t * t).sum(),
    lambda t: t.mean(),
]


def leaf(lib, shape):
    return lib.arange(float(math.prod(shape))).reshape(shape).requires_grad_()


def strides_of_gradient(lib, expression, shape, end):
    x = leaf(lib, shape)
    try:
        (g,) = lib.autograd.grad(end(eval(expression, {"torch": lib, "x": x})), x)
    except RuntimeError:  # PyTorch refuses the gradients of some empty tensors
        return None
    return tuple(s for s, n in zip(g.stride(), g.shape) if n != 1) if g.numel() else None


def seen(lib, expression, shape):
    """All there is to see of a view, or its error."""
    x = leaf(lib, shape)
    try:
        y = eval(expression, {"torch": lib, "x": x})
    except Exception as e:  # noqa: BLE001 - errors are compared
        return type(e).__name__, str(e).split("\n")[0]
    found = [y is x, tuple(y.shape), y.stride(), y.storage_offset(), y._base is x, y.requires_grad]
    names, node = [], y.grad_fn
    while node is not None:
        names.append(node.name())
        node = node.next_functions[0][0] if node.next_functions else None
    found.append(names)
    if y.requires_grad:
        found.append([strides_of_gradient(lib, expression, shape, end) for end in ENDS])
    return found


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_same_as_torch(expression):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for shape in SHAPES:
            assert (shape, seen(torchlike, expression, shape)) == (shape, seen(torch, expression, shape))
