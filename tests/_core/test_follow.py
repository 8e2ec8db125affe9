"""Following the previous step: how many calls are recorded without a look at their row, and that nobody can tell.

Each case of `CHANGES` is a loop that differs in some of its steps, in a way that the Steps noted in the others do not
cover. What it gives must be what it gives where nothing is ever followed.
"""

import gc
import weakref

import numpy as np
import pytest

import torchlike as torch
from torchlike import nn
from torchlike._core import follow, row
from torchlike.nn import functional as F

STEPS, CHANGED = 12, (6, 8, 9)


@pytest.fixture
def followed(monkeypatch):
    """Names of the rows that were followed."""
    names, own = [], follow.maker

    def maker(pattern):
        def make(step, **known):
            made = own(pattern)(step, **known)

            def seen(ctx, args):
                found = made(ctx, args)
                if found is not None:
                    names.append(step.row.name)
                return found

            return seen

        return make

    for op in {id(s.row): s.row for s in _steps()}.values():  # those noted before are not seen
        follow.forget(op)
    monkeypatch.setattr(follow, "maker", maker)
    return names


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3), nn.LayerNorm(3))


@pytest.mark.smoke
def test_a_loop_is_followed_from_its_fourth_step(followed):
    net = network()
    opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    x, y = torch.randn(5, 4), torch.tensor([0, 1, 2, 0, 1])
    counts = []
    for _ in range(8):
        followed.clear()
        opt.zero_grad()
        F.cross_entropy(net(x) * 0.5, y).backward()
        opt.step()
        counts.append(len(followed))
    assert counts[3] >= 5  # in the fourth, nobody may know yet what comes first in a step
    assert counts[4:] == [6] * 4
    assert followed == ["linear", "relu", "linear", "layer_norm", "mul", "cross_entropy"]


def test_training_and_evaluation_in_turns_are_followed(followed):
    net = network()
    opt = torch.optim.Adam(net.parameters())
    x = torch.randn(5, 4)

    def train():
        opt.zero_grad()
        net(x).square().sum().backward()
        opt.step()

    def evaluate():
        with torch.no_grad():
            return net(x).argmax(1).tolist()

    for _ in range(5):
        train(), train(), evaluate(), evaluate()
    for body, calls in ((train, 6), (evaluate, 5)):
        body()
        followed.clear()
        body()
        assert len(followed) >= calls - 1  # not the first of them, if something else came the last time


def test_loops_of_another_length_are_followed(followed):
    torch.manual_seed(0)
    cell, head = nn.Linear(3, 4), nn.Linear(4, 2)
    opt = torch.optim.SGD([*cell.parameters(), *head.parameters()], lr=0.1)
    x, y = [torch.randn(1, 3) for _ in range(6)], torch.tensor([1])

    def word(n):
        followed.clear()
        h = torch.zeros(1, 4)
        for i in range(n):
            h = torch.tanh(cell(x[i]) + h * 0.5)
        opt.zero_grad()
        F.cross_entropy(head(h.relu()), y).backward()
        opt.step()
        return len(followed)

    lengths = (2, 5, 3, 6, 4)
    for _ in range(6):
        counts = [word(n) for n in lengths]
    # linear, mul, add, tanh of each turn, then relu, linear, cross_entropy
    assert counts == [4 * n + 3 for n in lengths]


def test_numbers_are_lifted(followed):
    x = torch.arange(4.0)
    results = []
    for i in range(10):
        followed.clear()
        results.append((x * (i + 0.5) + float(i)).tolist())
    assert followed == ["mul", "add"]
    assert results == [((np.arange(4.0) * (i + 0.5)) + i).tolist() for i in range(10)]


def test_another_default_dtype_is_not_followed_into(followed):
    x = torch.arange(4)
    for _ in range(6):
        assert (x * 0.5).dtype is torch.float32
        (x * 0.5).tolist()
    assert followed
    torch.set_default_dtype(torch.float64)
    try:
        assert (x * 0.5).dtype is torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_nothing_is_kept_alive():
    net = network()
    for _ in range(6):
        x = torch.randn(5, 4)
        net(x).sum().backward()
        [p.grad.sum().item() for p in net.parameters()]
    gone = [weakref.ref(t) for t in (x, *net.parameters())]
    del net, x
    gc.collect()
    assert [ref() for ref in gone] == [None] * len(gone)


def test_the_table_of_a_row_is_bounded(monkeypatch):
    monkeypatch.setattr(follow, "MAX_STEPS", 8)
    x = torch.arange(3.0)
    for _ in range(6):
        parts = [torch.tanh(x) for _ in range(40)]
        assert sum(p[0].item() for p in parts) == 0
        assert len(torch.tanh.op.steps) <= 8


# ---- loops that change ---------------------------------------------------------------------------------------


def plain(net, x, i, change):
    return net(x)


def another_number(net, x, i, change):
    return net(x) * (2 if change else 0.5)


def a_boolean_for_a_number(net, x, i, change):
    return net(x).sum(True if change else 1, keepdim=True)


def another_dimension(net, x, i, change):
    return net(x).softmax(dim=0 if change else 1)


def no_gradient(net, x, i, change):
    h = net[0](x)
    return net[2](net[1](h.detach() if change else h))


def an_input_that_wants_a_gradient(net, x, i, change):
    return net(x.clone().requires_grad_() if change else x)


def a_leaf_that_does_not(net, x, i, change):
    net[2].weight.requires_grad_(not change)
    return net(x)


def a_shared_weight(net, x, i, change):
    h = net[0](x)
    return F.linear(h, net[2].weight if change else net[2].weight * 1, net[2].bias)


def the_other_of_two_alike(net, x, i, change):
    a, b = net[0](x), net[0](x + 1)
    return (b if change else a).relu() + (a if change else b)


def a_view_for_a_tensor(net, x, i, change):
    return net(x[:] if change else x)


def memory_of_numpy(net, x, i, change):
    if change:
        array = x.numpy().copy()
        shared = torch.from_numpy(array)
        array += 1
        return net(shared)
    return net(x)


def written_in_place(net, x, i, change):
    h = net[0](x)
    if change:
        h.mul_(2)
    return net[2](h)


def a_wider_batch(net, x, i, change):
    return net(torch.cat([x, x]) if change else x)


def doubles(net, x, i, change):
    return net.double()(x.double()) if change else net.float()(x)


def no_tape(net, x, i, change):
    if change:
        with torch.no_grad():
            net(x)
    return net(x)


def inference(net, x, i, change):
    if change:
        with torch.inference_mode():
            h = net(x)
        return net(x) + h.clone()
    return net(x) + 1


def lower_precision(net, x, i, change):
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=change):
        return net(x).float()


def saved_tensors_are_watched(net, x, i, change):
    if change:
        with torch.autograd.graph.saved_tensors_hooks(lambda t: t * 1, lambda t: t):
            return net(x)
    return net(x)


def other_data(net, x, i, change):
    h = net[0](x)
    if change:
        h.data = h.data * 3
    return net[2](h.relu())


def a_second_backward_first(net, x, i, change):
    if change:
        net(x).square().sum().backward()
    return net(x)


def looked_at(net, x, i, change):
    h = net[0](x)
    if change:
        h.sum().item()
    return net[2](h)


def a_hook(net, x, i, change):
    h = net[0](x)
    if change:
        h.register_hook(lambda g: g * 2)
    return net[2](h)


def an_overwritten_operand(net, x, i, change):
    h = net[0](x)
    y = h.sigmoid()
    if change:
        y.add_(1)  # sigmoid needs its result: backward refuses
    return y


def a_refused_argument(net, x, i, change):
    return net(x).sum("one" if change else 1)


def a_wrong_shape(net, x, i, change):
    return net(x[:, :3] if change else x)


CHANGES = [
    plain, another_number, a_boolean_for_a_number, another_dimension, no_gradient, an_input_that_wants_a_gradient,
    a_leaf_that_does_not, a_shared_weight, the_other_of_two_alike, a_view_for_a_tensor, memory_of_numpy,
    written_in_place, a_wider_batch, doubles, no_tape, inference, lower_precision, saved_tensors_are_watched,
    other_data, a_second_backward_first, looked_at, a_hook, an_overwritten_operand, a_refused_argument, a_wrong_shape,
]  # fmt: skip


def run(body):
    """What a loop over `body` shows: results, gradients, errors."""
    net = network()
    opt = torch.optim.SGD(net.parameters(), lr=0.05)
    rng = np.random.RandomState(0)
    seen = []
    for i in range(STEPS):
        x = torch.tensor(rng.randn(5, 4).astype("f4"))
        opt.zero_grad()
        try:
            out = body(net, x, i, i in CHANGED)
            out.square().sum().backward()
        except (RuntimeError, TypeError) as e:
            seen.append((type(e).__name__, str(e).splitlines()[0]))
            continue
        opt.step()
        seen += [out.tolist(), (out.dtype, out._version, out.grad_fn.name())]
        seen += [None if p.grad is None else p.grad.tolist() for p in net.parameters()]
        seen += [p._version for p in net.parameters()]
    return seen


@pytest.mark.parametrize("body", CHANGES, ids=lambda f: f.__name__)
def test_a_change_is_noticed(body, followed, monkeypatch):
    got = run(body)
    assert len(followed) > STEPS
    monkeypatch.setattr(row, "learn", lambda *_: None)
    for op in {id(s.row): s.row for s in _steps()}.values():
        follow.forget(op)
    followed.clear()
    want = run(body)
    assert not followed
    assert len(got) == len(want)
    for a, b in zip(got, want):
        if isinstance(b, list):  # a gradient: another program of the same step may round otherwise
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
        else:
            assert a == b


def _steps():
    return [s for s in gc.get_objects() if type(s) is follow.Step and s.row is not None]
