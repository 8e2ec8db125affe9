"""`as_strided`, views of another dtype and 0-d index tensors: values, layout, gradients and writes."""

from __future__ import annotations

import pytest

import torchlike

torch = pytest.importorskip("torch")


def parent(lib, name):
    grid = lib.arange(12.0).reshape(3, 4)
    pairs = lib.complex(grid, grid + 1)
    return {
        "leaf": lambda: grid.clone(),
        "view": lambda: grid,
        "part": lambda: grid[1:],
        "transposed": lambda: grid.t(),
        "expanded": lambda: lib.arange(3.0)[:, None].expand(3, 4),
        "real": lambda: pairs.real,
        "pairs": lambda: lib.view_as_real(pairs),
        "dtype": lambda: grid.view(lib.int32).view(lib.float32),
        "channels last": lambda: grid.reshape(1, 2, 2, 3).contiguous(memory_format=lib.channels_last)[:, :1],
    }[name]().detach()


PARENTS = ["leaf", "view", "part", "transposed", "expanded", "real", "pairs", "dtype", "channels last"]
STRIDED = [((2, 2), (1, 2)), ((2, 2), (1, 2), 1), ((3,), (1,), 0), ((2, 3), (0, 1), 2), ((), (), 2), ((0,), (1,)),
           ((2, 2), (4, 1), 3), ((3, 3), (1, 1), 0), ((9, 9), (9, 1))]  # fmt: skip


def outcome(function, *args):
    try:
        return function(*args)
    except Exception as e:  # noqa: BLE001 - errors are compared
        return type(e).__name__, str(e).split("\n")[0]


def differentiated(lib, name, args, middle):
    leaf = parent(lib, name).requires_grad_()
    x = leaf * 1 if middle else leaf
    y = x.as_strided(*args)
    (g,) = lib.autograd.grad((y**3).sum(), leaf, create_graph=True)
    (h,) = lib.autograd.grad(g.sum(), leaf)
    return y.tolist(), y.stride(), y.storage_offset(), y.grad_fn.name(), g.tolist(), h.tolist()


def written(lib, name, args, mode):
    x = parent(lib, name)
    if mode != "plain":
        x.requires_grad_()
    if mode == "no_grad":
        with lib.no_grad():
            x.as_strided(*args).fill_(7)
    else:
        x.as_strided(*args).fill_(7)
    return x.tolist(), x._version


@pytest.mark.parametrize("args", STRIDED)
@pytest.mark.parametrize("name", PARENTS)
def test_as_strided(name, args):
    for middle in (False, True):
        assert outcome(differentiated, torchlike, name, args, middle) == outcome(
            differentiated, torch, name, args, middle
        )
    for mode in ("plain", "taped", "no_grad"):
        assert outcome(written, torchlike, name, args, mode) == outcome(written, torch, name, args, mode)


@pytest.mark.parametrize("part", ["b", "b[1:]", "b[:, 1:3]", "b.t()", "b[:, ::2]", "b[0]", "b[0, 0]", "c", "c[:, :4]", "c[:, 1:5]"])  # fmt: skip
def test_a_view_of_another_dtype(part):
    def view(lib, dtype):
        b, c = lib.arange(12.0).reshape(3, 4), lib.arange(15.0).reshape(3, 5)
        y = eval(part, {"b": b, "c": c}).view(getattr(lib, dtype))
        data = y.to(lib.float64).nan_to_num().tolist()
        return tuple(y.shape), y.stride(), y.storage_offset(), y.is_contiguous(), data

    for dtype in "int32 float64 int16 uint8 float32 int64 bool float16 bfloat16".split():
        assert (dtype, outcome(view, torchlike, dtype)) == (dtype, outcome(view, torch, dtype))


@pytest.mark.parametrize("name", ["complex64", "complex128"])
def test_views_from_and_to_complex(name):
    def view(lib, make, dtype):
        y = make(lib).view(getattr(lib, dtype))
        data = lib.view_as_real(y) if y.is_complex() else y
        return tuple(y.shape), y.stride(), y.storage_offset(), data.double().nan_to_num().tolist()

    def written(lib, make, dtype):
        x = make(lib)
        x.view(getattr(lib, dtype)).fill_(0)
        z = x[..., :1] if x.ndim else x
        z.view(getattr(lib, dtype)).fill_(1)
        return x.tolist()

    parents = [
        lambda lib: lib.complex(lib.arange(8.0), lib.ones(8)).reshape(2, 4).to(getattr(lib, name)),
        lambda lib: lib.tensor(1 + 2j, dtype=getattr(lib, name)),
        lambda lib: lib.zeros(0, 4, dtype=getattr(lib, name)),
        lambda lib: lib.arange(16.0).reshape(2, 8)[:, 4:],
        lambda lib: lib.arange(1.0, 33.0).view(lib.int64).reshape(2, 8)[:, ::2],
        lambda lib: lib.arange(1.0, 33.0).view(lib.int64).reshape(2, 8),
        lambda lib: lib.arange(1.0, 3.0).view(lib.int64)[0],
    ]
    for make in parents:
        for dtype in "complex64 complex128 float32 float64 int64 int16 uint8".split():
            for f in (view, written):
                assert (dtype, outcome(f, torchlike, make, dtype)) == (dtype, outcome(f, torch, make, dtype))


def test_writes_through_another_dtype():
    def bits(lib):
        z = lib.zeros(2, 4)
        z.view(lib.int32)[0, 1] = 0x3F800000
        z.view(lib.uint8)[1, 3] = 0x40
        z.view(lib.int32)[:, 2:].view(lib.int16)[:, ::2].fill_(3)
        z.view(lib.int32).numpy()[1, 1] = 0x40400000
        return z.view(lib.int32).tolist(), z[:, :2].view(lib.int16).as_strided((2, 2), (2, 1), 1).tolist()

    assert bits(torchlike) == bits(torch)


INDEXED = """
x[torch.tensor(0)].fill_(1)
x[torch.tensor(0), 1].fill_(1)
x[:, torch.tensor(-1)].fill_(1)
x[torch.tensor(0), torch.tensor(1)].fill_(1)
x[torch.tensor(0), torch.tensor([1])].fill_(1)
x[torch.tensor(0, dtype=torch.uint8)].fill_(1)
x[torch.tensor(True)].fill_(1)
x[torch.tensor(2, dtype=torch.int32)].add_(1)
x[torch.arange(3)[1]][torch.arange(3).argmax()] = 5
x[torch.tensor(1)] = 2
x[1:2, torch.tensor(2), ...] += 1
x[torch.tensor(0)] += 1
x[torch.tensor(0)] = x[torch.tensor(1)]
x[torch.tensor(5)]
x[0, torch.tensor(5)]
x[torch.tensor(-4)]
x[0, 0][0]
x[0, 0][1]
x[0, 0][torch.tensor(0)]
x[[5]]
x[:0][[0]]
x[:, :0][:, [0]]
""".strip().splitlines()


@pytest.mark.parametrize("line", INDEXED)
def test_index_tensors_without_dimensions(line):
    def result(lib):
        x = lib.arange(9.0).reshape(3, 3)
        exec(line, {"x": x, "torch": lib})
        return x.tolist()

    assert outcome(result, torchlike) == outcome(result, torch)


def test_the_index_of_a_view_is_read_when_it_is_made():
    x, i = torchlike.zeros(3, 2), torchlike.tensor(1)
    y = x[i]
    i += 1
    y.add_(1)
    assert x.tolist() == [[0, 0], [1, 1], [0, 0]]


BYTES = """
x[m] = 5
x[m] = torch.tensor(5.0)
x[m] = torch.tensor([5.0])
x[m] = torch.tensor([5.0, 6.0, 7.0])
x[:, m] = 5
x[0, m] = 5
x[None, m] = 5
x[m, m] = 5
x[m, torch.tensor([0, 1])] = 5
x[torch.tensor(1, dtype=torch.uint8)] = 5
x.index_put_((m,), torch.tensor(5.0))
x.index_put_((m,), torch.tensor(5.0), accumulate=True)
x.index_put((m,), torch.tensor([5.0]))
x.masked_fill_(m, 5)
x.masked_scatter_(m, torch.ones(9))
x[m]
""".strip().splitlines()


@pytest.mark.filterwarnings("ignore:indexing with dtype torch.uint8")
@pytest.mark.parametrize("line", BYTES)
def test_masks_of_bytes(line):
    def result(lib):
        x, m = lib.zeros(3, 3), lib.tensor([0, 1, 1], dtype=lib.uint8)
        exec(line, {"x": x, "m": m, "torch": lib})
        return x.tolist()

    assert outcome(result, torchlike) == outcome(result, torch)


LAYOUTS = """
torch.view_as_complex(x).stride()
torch.view_as_complex(x.permute(1, 0, 2)).stride()
torch.view_as_complex(x[:, ::2]).stride()
torch.view_as_complex(torch.arange(10.0)[1:9].view(4, 2))
torch.view_as_complex(torch.arange(10.0).view(2, 5).t())
torch.view_as_complex(torch.arange(12.0).view(2, 6)[:, :2]).stride()
torch.view_as_complex(torch.arange(10.0).view(2, 5)[:, :2])
torch.nonzero(x[0]).stride()
torch.nonzero(x).is_contiguous()
torch.nonzero(torch.eye(2)).view(-1)
torch.nonzero(torch.eye(3), as_tuple=True)[0].stride()
torch.argwhere(torch.eye(2)).t().is_contiguous()
torch.empty_strided((2, 2), (1, 2))._base
torch.empty_strided((2, 2), (1, 2)).requires_grad_().is_leaf
torch.empty_permuted((2, 3), (1, 0))._is_view()
torch.tensor(1.0).expand(1, 1).stride()
torch.tensor(1.0).expand(2, 1).stride()
torch.tensor([1.0]).expand(1, 1, 1).stride()
torch.linalg.lu(torch.eye(3).requires_grad_())[0].requires_grad
torch.linalg.lu(torch.eye(3).requires_grad_())[1].requires_grad
torch.linalg.solve(torch.eye(3).expand(2, 3, 3), torch.ones(2, 3, 2)).stride()
torch.linalg.solve_triangular(torch.eye(3), torch.ones(3, 2), upper=True).stride()
torch.angle(x[0].t()).stride()
x.transpose(0, 1).msort().stride()
""".strip().splitlines()


@pytest.mark.parametrize("expression", LAYOUTS)
def test_how_results_lie(expression):
    def result(lib):
        return eval(expression, {"torch": lib, "x": lib.arange(24.0).reshape(3, 4, 2)})

    assert outcome(result, torchlike) == outcome(result, torch)
