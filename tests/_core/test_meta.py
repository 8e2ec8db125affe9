"""The meta device: shapes, dtypes and errors without data, as PyTorch gives them."""

import copy
import io
import re

import numpy as np
import pytest

import torchlike
from torchlike import debug

torch = pytest.importorskip("torch")

META = {"device": "meta"}


def shown(x):
    return repr(x).replace("torchlike", "torch")


def answer(source, lib):
    """What an expression prints, or the type and first line of its error."""
    names = {"torch": lib, "M": META, "np": np, "copy": copy, "io": io, "nn": lib.nn, "F": lib.nn.functional}
    names["m"] = lambda *size, **how: lib.empty(*size, **how, **META)
    names["i"] = lib.zeros(2, dtype=lib.int64, **META)
    try:
        return shown(eval(source, names))
    except Exception as e:
        return f"{type(e).__name__}: {str(e).splitlines()[0]}"


MADE = """
torch.empty(3, 4, **M)
torch.empty(3, 4, requires_grad=True, **M)
torch.empty(3, 4, dtype=torch.int64, **M) + 1
torch.empty(10**9, 10**9, **M).shape
torch.empty(10**9, 10**10, **M)
torch.zeros(2**40, 2**20, **M).sum(0).shape
torch.arange(10**12, **M).shape
torch.linspace(0, 1, 5, **M)
torch.eye(10**6, **M)
torch.full((2,), 3, **M)
torch.tensor([1.0, 2.0], **M)
torch.tril_indices(3, 3, **M)
torch.randn(3, 4, **M)
torch.randint(0, 5, (3,), **M)
torch.randperm(5, **M)
torch.empty_like(torch.ones(2, 3), **M)
torch.empty_strided((2, 3), (1, 5), **M).stride()
torch.ones(2, 3, **M).new_zeros(4)
torch.ones(2).to("meta")
torch.from_numpy(np.ones(3)).to("meta")
torch.ones(3, device=torch.device("meta", 0)).device
torch.Generator("meta")
"""

COMPUTED = """
m(3, requires_grad=True) * 2
(m(10**6, 10**6) @ m(10**6, 3)).shape
torch.ones(()) + m(2)
m(2) + torch.ones(())
m(2) + 1.5
m(2) == m(2)
torch.ones(2) + m(2)
torch.ones(2) + m()
torch.cat([m(2), m(3)])
torch.stack([m(3)] * 2)
m(2, 3, 4).permute(2, 0, 1).stride()
m(2, 3, 4).transpose(0, 1).contiguous().stride()
m(2, 3).view(3, 2).shape
m(2, 3).t().view(6)
m(5)[2:].storage_offset()
m(3)[torch.tensor([0, 1])]
m(3)[i]
m(3).index_put_((i,), m(2))
m(3).__setitem__(slice(0, 2), 5)
m(3).masked_fill(m(3) > 0, 0)
torch.where(m(2) > 0, 1.0, 2.0)
m(3, 2).sort()
m(3).max(0)
m(3).unbind()
list(m(2))
torch.svd(m(3, 2))[0].shape
torch.linalg.solve(m(2, 2), m(2))
torch.fft.fft(m(8))
torch.einsum("ij,jk->ik", m(2, 3), m(3, 2))
torch.histc(m(3))
torch.repeat_interleave(m(3), 2)
torch.repeat_interleave(m(2), i, output_size=7)
torch.repeat_interleave(m(2), i)
torch.bernoulli(m(3))
torch.normal(m(3), 1.0)
torch.multinomial(m(3), 2)
torch.poisson(m(3))
m(3).uniform_()
m(3).normal_().fill_(3)
torch.dropout(m(3), 0.5, True)
F.cross_entropy(m(2, 3), i)
nn.Linear(10**5, 10**6, **M)(m(7, 10**5)).shape
nn.Conv2d(3, 8, 3, **M)(m(2, 3, 32, 32)).shape
nn.LSTM(3, 4, **M)(m(5, 2, 3))[0].shape
nn.Transformer(16, 2, 1, 1, 32, batch_first=True, **M)(m(2, 5, 16), m(2, 5, 16)).shape
m(2).copy_(torch.ones(2))
m(2).requires_grad_().sum().backward()
torch.autograd.grad(m(2).requires_grad_().exp().sum(), [], allow_unused=True)
"""

ASKED = """
m(2).is_meta, m(2).is_cpu
m(2).type()
m(2).data_ptr()
m(2, 3).untyped_storage().nbytes()
m(3, dtype=torch.bfloat16).element_size()
len(m(5))
hash(m(2)) is not None
format(m())
m(3).resize_(5)
m(3).resize_(2)
m(3).set_()
m(2).clone()
copy.deepcopy(m(2))
copy.deepcopy(nn.Linear(2, 2, **M))
torch.load(io.BytesIO(torch.save(m(2, 3), b := io.BytesIO()) or b.getvalue()))
torch.testing.assert_close(m(2), m(2))
torch.utils.data.TensorDataset(m(3))[0]
nn.Linear(2, 2).to("meta").weight
nn.Linear(2, 2, **M).to_empty(device="cpu").weight.shape
nn.Linear(2, 2, **M).load_state_dict(nn.Linear(2, 2).state_dict(), assign=True)
m(2).to("cpu")
m(2).cpu()
m(2).numpy()
m(1).item()
m(2).tolist()
bool(m(1))
float(m(1))
int(m(1))
m(1) in [1]
m(3) in [1]
torch.ones(2).copy_(m(2))
torch.allclose(m(2), m(2))
m(2).__dlpack__()
m(3).pin_memory()
nn.Linear(2, 2, **M).to("cpu")
"""

# PyTorch's texts name its own kernels or registrations here; torchlike says that there is no data.
UNKNOWN = ["torch.nonzero(m(2))", "torch.unique(m(2))", "m(3)[m(3) > 0]", "torch.masked_select(m(3), m(3) > 0)",
           "torch.bincount(i)", "torch.argwhere(m(3))"]  # fmt: skip


@pytest.mark.parametrize(
    "source", [s for group in (MADE, COMPUTED, ASKED) for s in group.strip().split("\n")]
)
def test_as_pytorch(source):
    assert answer(source, torchlike) == answer(source, torch)


@pytest.mark.parametrize("source", UNKNOWN)
def test_shapes_that_depend_on_data(source):
    assert answer(source, torch).startswith("NotImplementedError")
    assert answer(source, torchlike) == "NotImplementedError: Cannot copy out of meta tensor; no data!"


def test_a_training_step_compiles_and_runs_nothing():
    torchlike.manual_seed(0)
    before = torchlike.get_rng_state()
    with torchlike.device("meta"):
        net = torchlike.nn.Sequential(torchlike.nn.Linear(10**5, 10**6), torchlike.nn.Linear(10**6, 10))
        x = torchlike.empty(64, 10**5)
    opt = torchlike.optim.Adam(net.parameters())
    debug.reset()
    for _ in range(2):
        opt.zero_grad()
        net(x).sum().backward()
        opt.step()
    stats = debug.stats()
    assert stats["compiles"] == stats["executions"] == stats["op_executions"] == 0
    assert net[0].weight.grad.shape == (10**6, 10**5) and net[0].weight.grad.is_meta
    assert opt.state[net[0].weight]["exp_avg"].is_meta
    assert torchlike.equal(torchlike.get_rng_state(), before)  # nothing was drawn


def test_a_failed_call_leaves_the_device_usable():
    a = torchlike.empty(2, 3, device="meta")
    with pytest.raises(RuntimeError, match=re.escape("(2x3 and 2x3)")):
        a @ a
    assert (a + 1).shape == (2, 3)


CONTEXTS = """
[str(torch.ones(1).device), str(torch.tensor(1.0).device), str(torch.nn.Linear(1, 1).weight.device)]
[str(torch.ones(1, device="cpu").device), str(torch.rand(2).device), str(torch.arange(2).device)]
[str(torch.get_default_device()), str(torch.from_numpy(np.ones(1)).device), str(torch.as_tensor([1]).device)]
[str(torch.ones_like(torch.ones(1, device="cpu")).device), str(torch.ones(1, device="cpu").new_ones(1).device)]
"""


@pytest.mark.parametrize("source", CONTEXTS.strip().split("\n"))
@pytest.mark.parametrize("how", ["with", "set"])
def test_default_device(source, how):
    def inside(lib):
        if how == "with":
            with lib.device("meta"):
                found = answer(source, lib)
                with lib.device("cpu"):
                    nested = answer(source, lib)
            return found, nested, answer(source, lib)
        lib.set_default_device("meta")
        try:
            return answer(source, lib)
        finally:
            lib.set_default_device(None)

    assert inside(torchlike) == inside(torch)
