"""The order of elements in memory: strides of results, contiguity and view errors are PyTorch's."""

import copy
import io

import numpy as np
import pytest

import torchlike
from torchlike import debug

torch = pytest.importorskip("torch")

# x: (2, 3, 4, 5); c: the same, channels last; p: (2, 5, 3, 4), permuted; m: (3, 4) by columns; w, b: of a convolution.
RESULTS = """
x.to(memory_format=CL)
x.contiguous(memory_format=CL)
x.clone(memory_format=CL)
x.double().to(memory_format=CL)
x.contiguous(memory_format=torch.preserve_format)
c.contiguous()
c.clone()
c.clone(memory_format=torch.contiguous_format)
c.double()
c.float()
c.to(torch.float64, memory_format=torch.contiguous_format)
c + 1
c + x
x + c
c * b.view(3, 1, 1)
b.view(3, 1, 1) * c
c + p.permute(0, 2, 3, 1)
torch.relu(c)
torch.where(c > 3, c, 0.0)
torch.clamp(c, 1, 2)
c > 3
c.isclose(c)
F.gelu(c)
F.leaky_relu(c)
F.hardswish(c)
c.softmax(1)
c.cumsum(1)
c.sum(1)
c.sum(3, keepdim=True)
c.flip(2)
c.sort(2)[0]
c.abs().neg().exp()
c[:, 1] * 2
c[:, :, ::2] + 1
c[:, 1:] + 1
c.permute(0, 2, 3, 1) + 1
c.permute(0, 2, 3, 1).view(-1)
c.permute(0, 2, 3, 1).reshape(-1)
c.view(-1)
c.view(2, 3, 20)
c.view(2, 12, 5)
c.reshape(2, 12, 5)
c.flatten(2)
c.as_strided((4,), (1,))
c.as_strided((2, 3), (3, 1), 7)
c[1].as_strided((3,), (1,))
c.unfold(3, 2, 1) + 1
c.expand(2, 3, 4, 5) + 1
c.transpose(1, 2)
c.detach()
c.data
torch.zeros_like(c)
torch.empty_like(c).fill_(1)
torch.full_like(c, 2.0)
torch.ones_like(c, memory_format=torch.contiguous_format)
torch.zeros_like(x, memory_format=CL)
torch.empty((2, 3, 4, 5), memory_format=CL).fill_(0)
torch.zeros_like(m)
torch.zeros_like(p)
torch.cat([c, c], 1)
torch.cat([c, x], 1)
F.conv2d(c, w)
F.conv2d(x, w)
F.conv2d(x, w.contiguous(memory_format=CL))
F.conv2d(c, w, b[:2])
F.conv_transpose2d(c, w.transpose(0, 1))
F.max_pool2d(c, 2)
F.avg_pool2d(c, 2)
F.adaptive_avg_pool2d(c, 2)
F.batch_norm(c, b, b.abs(), training=False)
F.interpolate(c, scale_factor=2)
F.pad(c, (1, 1))
F.pixel_shuffle(c.repeat(1, 4, 1, 1), 2)
F.dropout(c, 0.0)
F.linear(c, torch.ones(2, 5))
m.t() + 1
m + 1
m.exp().view(-1)
m.exp().t().view(-1)
m @ m.t()
m.add_(1)
m.copy_(torch.ones(3, 4))
torch.add(m, 1, out=torch.empty(3, 4))
torch.add(m, 1, out=torch.empty(4, 3).t())
torch.complex(m, m)
torch.linalg.qr(m)[0]
torch.linalg.cholesky(torch.eye(3))
torch.linalg.eigh(torch.eye(3))[1]
torch.linalg.svd(m)[2]
torch.linalg.inv(torch.eye(3))
p + 1
p.mul(2).sqrt()
p.permute(0, 2, 3, 1).clone()
p.mT.clone()
p.view(-1)
torch.from_numpy(np.asfortranarray(np.ones((3, 4))))
torch.from_numpy(np.asfortranarray(np.ones((3, 4)))) + 1
torch.from_numpy(np.ones((3, 4)).T).view(-1)
torch.tensor(np.asfortranarray(np.ones((3, 4))))
torch.ones(2, 3).t().contiguous()
copy.deepcopy(c)
copy.deepcopy(torch.nn.Parameter(c))
x[0].contiguous(memory_format=CL)
x.contiguous(memory_format=torch.channels_last_3d)
p.contiguous(memory_format=torch.preserve_format)
torch.nn.Conv2d(3, 2, 3).to(memory_format=CL).weight.zero_()
torch.nn.Linear(3, 2).to(memory_format=CL).weight.zero_()
torch.ones(2, 3, 2, 2, 2).to(memory_format=torch.channels_last_3d) + 1
"""

ANSWERS = """
c.is_contiguous(), c.is_contiguous(memory_format=CL), c.is_contiguous(memory_format=torch.contiguous_format)
x.is_contiguous(memory_format=CL), x[0].is_contiguous(memory_format=CL)
c.permute(0, 2, 3, 1).is_contiguous()
torch.ones(2, 1, 3, 3).is_contiguous(memory_format=CL)
c.numpy().strides
(c + 1).numpy().strides
torch.add(c, 1).numpy().flags.f_contiguous
c.stride(), c.stride(1), c.storage_offset(), c[1, 2].storage_offset()
c.dim_order(), x.dim_order()
c.untyped_storage().nbytes()
m.view(torch.int32).shape
c.resize_(5).tolist()
torch.tensor([]).set_(c).stride()
"""


def world(lib):
    def numbers(*size):
        return lib.tensor(np.random.RandomState(0).randn(*size).astype(np.float32))

    x = numbers(2, 3, 4, 5)
    return {"torch": lib, "np": np, "copy": copy, "CL": lib.channels_last, "F": lib.nn.functional, "x": x,
            "c": x.contiguous(memory_format=lib.channels_last), "p": numbers(2, 3, 4, 5).permute(0, 3, 1, 2),
            "m": numbers(4, 3).t(), "w": numbers(2, 3, 3, 3), "b": numbers(3)}  # fmt: skip


def outcome(source, lib):
    """Strides and values of an expression, or its error."""
    lib.manual_seed(0)
    with lib.no_grad():
        try:
            y = eval(source, world(lib))
        except Exception as e:
            return f"{type(e).__name__}: {str(e).splitlines()[0]}", None
    return (tuple(y.shape), y.stride()), y.detach().numpy()


@pytest.mark.parametrize("source", RESULTS.strip().split("\n"))
def test_results(source):
    (have, values), (want, expected) = outcome(source, torchlike), outcome(source, torch)
    assert have == want
    if expected is not None:
        if "linalg" in source:  # vectors have either sign
            values, expected = np.abs(values), np.abs(expected)
        np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("source", ANSWERS.strip().split("\n"))
def test_answers(source):
    assert eval(source, world(torchlike)) == eval(source, world(torch))


def test_memory_keeps_its_order_when_it_is_written():
    for lib in (torchlike, torch):
        c = lib.ones(2, 3, 4, 5).to(memory_format=lib.channels_last)
        seen = c.permute(0, 2, 3, 1).view(-1)
        c.copy_(lib.arange(120.0).view(2, 3, 4, 5))
        c.add_(lib.ones(2, 3, 4, 5))
        c[0, 1] = 7
        c.data = c.data * 1
        assert c.stride() == (60, 1, 15, 3)
        assert seen[:5].tolist() == [1.0, 7.0, 41.0, 2.0, 7.0]


def test_saved_and_loaded(tmp_path):
    c = torchlike.arange(120.0).view(2, 3, 4, 5).to(memory_format=torchlike.channels_last)
    torchlike.save({"c": c, "part": c[:, 1]}, tmp_path / "ours.pt")
    for lib in (torchlike, torch):
        found = lib.load(tmp_path / "ours.pt")
        assert found["c"].stride() == (60, 1, 15, 3) and found["part"].stride() == (60, 15, 3)
        assert found["c"].tolist() == c.tolist()
    data = io.BytesIO()
    torch.save(torch.arange(120.0).view(2, 3, 4, 5).to(memory_format=torch.channels_last), data)
    data.seek(0)
    back = torchlike.load(data)
    assert back.stride() == (60, 1, 15, 3) and back.tolist() == c.tolist()


def test_a_channels_last_step_stays_one_program():
    """Weights keep their order through updates, so the second step finds the first one's program."""
    losses = {}
    for lib in (torchlike, torch):
        lib.manual_seed(0)
        net = lib.nn.Sequential(
            lib.nn.Conv2d(3, 4, 3), lib.nn.BatchNorm2d(4), lib.nn.ReLU(), lib.nn.MaxPool2d(2), lib.nn.Flatten(),
            lib.nn.Linear(36, 2),
        ).to(memory_format=lib.channels_last)  # fmt: skip
        opt = lib.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
        x = lib.randn(8, 3, 8, 8).to(memory_format=lib.channels_last)
        losses[lib] = []
        for step in range(8):
            if step == 4 and lib is torchlike:
                debug.reset()
            opt.zero_grad()
            loss = net(x).square().mean()
            loss.backward()
            opt.step()
            losses[lib].append(loss.item())
        assert net[0].weight.stride() == (27, 1, 9, 3)
    assert debug.stats()["compiles"] == 0
    np.testing.assert_allclose(losses[torchlike], losses[torch], rtol=1e-4)
