"""Views alias, writes go through, strides answer as PyTorch's: each case runs on both libraries."""

import copy

import numpy as np
import pytest
from compare import agree

import torchlike

reference = pytest.importorskip("torch")
CASES = []


def case(f):
    CASES.append(f)
    return f


def ramp(torch, *shape):
    return torch.arange(int(np.prod(shape)), dtype=torch.float32).reshape(shape).clone()


@case
def select_and_slice(torch):
    x = ramp(torch, 3, 4)
    x[1] = 5
    x[:, 2] += 1
    x[-1, -1] = -7
    x[::2, 1:3] *= 2
    return x, x[1:], x[..., -1], x[None, 0], x[1:1]


@case
def nested_write(torch):
    o = torch.zeros(3, 1, 5)
    for i in range(3):
        o[i][0][i + 1] = 1
    return o


@case
def write_seen_by_all(torch):
    x = ramp(torch, 4, 3)
    a, b, c = x.t(), x.view(-1), x[1]
    c.fill_(9)
    a[0] = -1
    b[::5] = 100
    return x, a, b, c


@case
def parts_alias(torch):
    x = ramp(torch, 6, 2)
    for p in (*x.split(2), *x.chunk(3), *x.unbind(0)):
        p += 1
    x.diagonal().zero_()
    x.unfold(0, 2, 3)[0, 0, 1] = 50
    return x


@case
def base_write_after_view(torch):
    x = ramp(torch, 2, 3)
    v = x.permute(1, 0)[1]
    x.mul_(10)
    return v, x


@case
def detach_and_data_alias(torch):
    x = ramp(torch, 3)
    y, z = x.detach(), x.data
    y[0] = 5
    z[1] = 6
    return x, y, z, x._version > 0


@case
def reshape_copies_only_if_it_must(torch):
    x = ramp(torch, 2, 3)
    a, b = x.reshape(3, 2), x.t().reshape(-1)
    a[0, 0] = 99
    b[1] = -99
    return x, a, b


@case
def layout(torch):
    x = ramp(torch, 2, 3, 4)
    views = [
        x,
        x.transpose(0, 2),
        x[:, 1],
        x[..., ::2],
        x.unsqueeze(1),
        x.expand(5, 2, 3, 4),
        x.permute(2, 0, 1)[1:],
    ]
    return [[list(v.stride()), v.storage_offset(), v.is_contiguous(), list(v.shape)] for v in views]


@case
def as_strided(torch):
    x = ramp(torch, 9)
    y = x.as_strided((3, 3), (2, 1), 1)
    z = y.clone()
    x.as_strided((2,), (4,), 0).fill_(7)
    return y, z, x


@case
def numpy_shares_both_ways(torch):
    x = ramp(torch, 2, 3)
    n = x.numpy()
    n[0, 0] = 42
    y = x + 1
    n[1, 1] = -1
    x[0, 1] = 8
    return x, y, torch.from_numpy(n.copy()), torch.tensor(n)


@case
def from_numpy_shares(torch):
    a = np.arange(6, dtype=np.float32).reshape(2, 3)
    x = torch.from_numpy(a)
    y = x * 2
    a[0, 0] = 10
    x[1] = 0
    return x, y, torch.from_numpy(a), torch.tensor(a), torch.from_numpy(a[:, 1].copy())


@case
def from_numpy_view(torch):
    a = np.arange(6, dtype=np.float32).reshape(2, 3)
    x = torch.from_numpy(a.T)
    x[1, 0] = 50
    a[1] = 7
    return x, list(x.stride()), torch.tensor(a)


@case
def view_of_numpy_shared(torch):
    a = np.zeros((2, 3), np.float32)
    x = torch.from_numpy(a)
    x[1].add_(3)
    n = x[:, 1].numpy()
    n[0] = 4
    return x, torch.tensor(a)


@case
def clone_is_apart(torch):
    x = ramp(torch, 3)
    y = x.clone()
    x += 1
    z = copy.deepcopy(x)
    x += 1
    return x, y, z


@case
def complex_parts(torch):
    x = torch.tensor([1 + 2j, 3 - 4j])
    x.real[0] = 9
    torch.view_as_real(x)[1, 1] = 5
    x.imag.mul_(2)
    return x, torch.view_as_complex(torch.ones(2, 2))


@case
def advanced_set(torch):
    x = ramp(torch, 4, 3)
    x[torch.tensor([0, 2])] = torch.tensor([1.0, 2.0, 3.0])
    x[x > 8] = -1
    x[[1, 3], [0, 2]] = torch.tensor([70.0, 80.0])
    x[1:, torch.tensor([0, 1])] += 100
    x[torch.tensor([True, False, False, True]), 1] = 0
    return x


@case
def advanced_get(torch):
    x = ramp(torch, 3, 4, 2)
    i, j = torch.tensor([0, 2]), torch.tensor([[1], [3]])
    return (
        x[i],
        x[i, j],
        x[:, j, 1],
        x[i, :, 0],
        x[..., i[:1]],
        x[:, None, i],
        x[[0, 1]],
        x[x[..., 0] > 5],
        x[-1, i],
    )


@case
def set_data(torch):
    x = ramp(torch, 3)
    y = x
    x.data = torch.ones(2)
    return x, y, list(x.shape)


@case
def swap_in_python(torch):
    x = ramp(torch, 3)
    a, b = x[0], x[1]
    x[0], x[1] = b.clone(), a.clone()
    return x


@pytest.mark.parametrize("f", CASES, ids=lambda f: f.__name__)
def test_same_as_torch(f):
    agree(f(torchlike), f(reference))


ERRORS = {
    "view_of_transposed": lambda torch: ramp(torch, 2, 3).t().view(-1),
    "view_size": lambda torch: ramp(torch, 2, 3).view(4),
    "two_holes": lambda torch: ramp(torch, 4).view(-1, -1),
    "expanded_write": lambda torch: torch.zeros(1, 3).expand(2, 3).add_(1),
    "index_range": lambda torch: ramp(torch, 3)[5],
    "index_range_inner": lambda torch: ramp(torch, 3, 2)[0, 2],
    "too_many": lambda torch: ramp(torch, 3)[0, 0],
    "zero_dim": lambda torch: torch.tensor(1.0)[0],
    "mask_shape": lambda torch: ramp(torch, 3)[torch.tensor([True, False])],
    "set_shape": lambda torch: ramp(torch, 3, 2).__setitem__(0, torch.ones(3)),
    "negative_step": lambda torch: ramp(torch, 3)[::-1],
    "select_range": lambda torch: ramp(torch, 3).select(0, 4),
    "dim_range": lambda torch: ramp(torch, 3).unsqueeze(3),
    "transpose_range": lambda torch: ramp(torch, 3, 2).transpose(0, 2),
    "expand": lambda torch: ramp(torch, 3).expand(2, 4),
    "narrow": lambda torch: ramp(torch, 3).narrow(0, 1, 3),
    "split_sizes": lambda torch: ramp(torch, 3).split([1, 1]),
    "iteration": lambda torch: list(torch.tensor(1.0)),
    "length": lambda torch: len(torch.tensor(1.0)),
    "bool_of_many": lambda torch: bool(ramp(torch, 3)),
    "item_of_many": lambda torch: ramp(torch, 3).item(),
    "float_index": lambda torch: ramp(torch, 3)[torch.tensor([0.5])],
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_torchs(name):
    got = []
    for torch in (torchlike, reference):
        with pytest.raises(Exception) as e:
            ERRORS[name](torch)
        got.append((e.type, str(e.value).split("\n")[0]))
    assert got[0] == got[1]
