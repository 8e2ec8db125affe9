"""What goes wrong in systems that record first and run later, one entry each; graded by how silent a mistake would be.

Grade 3: a wrong number and no sign of it. Grade 2: wrong state that shows later, or unbounded memory and time.
Grade 1: a loud failure. Each case computes what PyTorch computes; the expected values follow from eager semantics
and are written out, so that the file needs no reference.

Index
    3  constants and branches: a changed Python number, list, closure, global or branch takes effect at once
    3  donation: nothing that somebody can still see is overwritten by a step
    3  aliasing: inputs and outputs of a step that share memory keep sharing it, others do not start to
    3  NumPy: an array may change while calls that read it wait; results handed out do not change later
    3  keys: equal `id()`s, hashes or shapes never bring back an older result
    3  random numbers: draws happen in program order, also where the result is used late or never
    2  observation in the middle of a step changes nothing
    2  exceptions half-way leave what was done and undo nothing
    2  generators and threads keep their own order
    2  globals, closures and caches may keep tensors for as long as they like
    2  10,000 ops without an observation; 10,000 Nodes in backward
    1  an error is raised at an observation at the latest, and only once
"""

from __future__ import annotations

import copy
import gc
import threading
from collections.abc import Iterator

import numpy as np
import pytest

import torchlike as torch
from torchlike import debug
from torchlike._core.devices import CPU
from torchlike._core.graph import SOFT_LIMIT
from torchlike._core.modes import local

# ---- 3: constants and branches -------------------------------------------------------------------


def test_a_changed_number_takes_effect() -> None:
    x, seen = torch.ones(3), []
    for rate in (0.1, 0.2, 1, True, 2.5, -0.0):
        seen.append((x * rate).sum().item())
    assert seen == pytest.approx([0.3, 0.6, 3, 3, 7.5, 0])


def test_a_number_of_another_type_changes_the_dtype() -> None:
    i = torch.tensor([1, 2])
    assert [(i * n).dtype for n in (2, 2.0, True, 2j)] == [
        torch.int64, torch.float32, torch.int64, torch.complex64,
    ]  # fmt: skip


def test_negative_zero_and_nan_are_numbers_of_their_own() -> None:
    x = torch.ones(1)
    assert [str((x * n).item()) for n in (0.0, -0.0, float("nan"), 0.0)] == ["0.0", "-0.0", "nan", "0.0"]


def test_big_integers_are_exact() -> None:
    n = 2**53 + 1
    assert (torch.tensor([n]) + 0).item() == n
    assert [(torch.zeros(1, dtype=torch.int64) + k).item() for k in (n, -n, 2**63 - 1)] == [n, -n, 2**63 - 1]


def test_a_branch_on_a_value_follows_the_value() -> None:
    taken = []
    for n in range(6):
        x = torch.tensor(float(n))
        taken.append("odd" if (x % 2 == 1) else "even")
    assert taken == ["even", "odd"] * 3


def test_a_list_that_changes_between_steps() -> None:
    rows, x, seen = [0], torch.arange(5.0), []
    for k in range(1, 5):
        seen.append(x[rows].sum().item())
        rows[0] = k
        rows.append(0)
    assert seen == [0, 1, 2, 3]


def test_a_closure_reads_its_variable_when_it_runs() -> None:
    scale = 1.0

    def f(x: torch.Tensor) -> torch.Tensor:
        return x * scale

    first = f(torch.ones(()))
    scale = 5.0
    assert (first.item(), f(torch.ones(())).item()) == (1, 5)


def test_a_switch_of_mode_between_equal_calls() -> None:
    drop, x = torch.nn.Dropout(0.5), torch.ones(1000)
    kinds = []
    for training in (True, False, True, False):
        drop.train(training)
        kinds.append(drop(x).unique().numel())
    assert kinds == [2, 1, 2, 1]


def test_a_default_dtype_that_changes() -> None:
    try:
        kinds = []
        for d in (torch.float64, torch.float32, torch.float64):
            torch.set_default_dtype(d)
            kinds.append((torch.tensor(1.5).dtype, torch.zeros(1).dtype, (torch.tensor([1]) / 2).dtype))
        assert [set(k) for k in kinds] == [{torch.float64}, {torch.float32}, {torch.float64}]
    finally:
        torch.set_default_dtype(torch.float32)


# ---- 3: donation ---------------------------------------------------------------------------------


def step(w: torch.Tensor, x: torch.Tensor, rate: float = 0.5) -> float:
    loss = (w * x).sum()
    loss.backward()
    with torch.no_grad():
        w -= rate * w.grad
    w.grad = None
    return loss.item()


@pytest.mark.parametrize(
    "keep",
    [
        lambda w: w.detach().clone(),
        lambda w: copy.deepcopy(w),
        lambda w: w.detach() * 1,
        lambda w: w.detach().numpy().copy(),
        lambda w: torch.stack([w.detach()])[0],
        lambda w: w.detach()[:].clone(),
        lambda w: w.detach().to(torch.float64).to(torch.float32),
        lambda w: next(iter({"w": w.detach().clone()}.values())),
    ],
    ids=["clone", "deepcopy", "product", "numpy", "stack", "slice", "cast", "dict"],
)
def test_a_copy_outlives_the_steps(keep) -> None:
    w, x = torch.ones(4, requires_grad=True), torch.ones(4)
    kept, expected = [], []
    for k in range(5):
        kept.append(keep(w))
        expected.append(1 - 0.5 * k)
        step(w, x)
    assert [float(t.sum()) / 4 for t in kept] == expected


def test_an_alias_sees_every_step() -> None:
    w, x = torch.ones(4, requires_grad=True), torch.ones(4)
    row, data, same = w.detach()[1:2], w.data, w
    for _ in range(5):
        step(w, x)
    assert row.item() == -1.5 and data.tolist() == [-1.5] * 4 and same.tolist() == [-1.5] * 4


def test_a_state_dict_is_live_and_its_copy_is_not() -> None:
    model = torch.nn.Linear(2, 1, bias=False)
    torch.nn.init.ones_(model.weight)
    live, frozen = model.state_dict(), copy.deepcopy(model.state_dict())
    opt = torch.optim.SGD(model.parameters(), lr=1.0)
    for _ in range(4):
        opt.zero_grad()
        model(torch.ones(1, 2)).sum().backward()
        opt.step()
    assert live["weight"].tolist() == [[-3, -3]] and frozen["weight"].tolist() == [[1, 1]]


def test_saved_values_survive_an_update_between_forward_and_backward() -> None:
    w, x = torch.full((3,), 2.0, requires_grad=True), torch.ones(3, requires_grad=True)
    for _ in range(4):
        y = (w.detach().clone() * x).sum()
        with torch.no_grad():
            w.add_(1)
        before = w.detach().clone() - 1
        y.backward()
        assert x.grad.tolist() == before.tolist()
        x.grad = None


# ---- 3: aliasing ---------------------------------------------------------------------------------


def test_the_same_tensor_twice_among_the_inputs() -> None:
    x = torch.ones(3)
    for k in range(4):
        x.add_(x)
        assert x.tolist() == [2.0 ** (k + 1)] * 3


def test_outputs_that_share_memory_keep_sharing_it() -> None:
    for _ in range(4):
        x = torch.zeros(2, 3)
        a, b = x.t(), x.view(-1)
        x[0, 1] = 7
        a[2, 0] = 5
        assert b.tolist() == [0, 7, 5, 0, 0, 0]


def test_equal_results_are_not_one_tensor() -> None:
    for _ in range(4):
        a, b = torch.zeros(3), torch.zeros(3)
        a += 1
        c, d = a * 1, a * 1
        c += 1
        assert (a.tolist(), b.tolist(), c.tolist(), d.tolist()) == ([1] * 3, [0] * 3, [2] * 3, [1] * 3)


def test_what_returns_self_and_what_copies() -> None:
    x = torch.ones(2, 2)
    same = [x.contiguous(), x.float(), x.to(torch.float32), x.expand(2, 2), x.reshape(2, 2), x.view(2, 2)]
    copied = [x.clone(), x * 1, x.double().float(), x.repeat(1, 1), x[[0, 1]], x[x == x].view(2, 2)]
    x.fill_(3)
    assert all(t.tolist() == [[3, 3], [3, 3]] for t in same)
    assert all(t.tolist() == [[1, 1], [1, 1]] for t in copied)


def test_out_may_be_an_input() -> None:
    x = torch.tensor([1.0, 2.0])
    for k in range(3):
        assert torch.mul(x, 2, out=x) is x and x.tolist() == [2.0 ** (k + 1), 2.0 ** (k + 2)]


def test_overlapping_reads_happen_before_the_write() -> None:
    x = torch.arange(5.0)
    x[1:] = x[:-1].clone()
    assert x.tolist() == [0, 0, 1, 2, 3]
    y = torch.arange(4.0)
    y[[0, 1]], y[[2, 3]] = y[[2, 3]], y[[0, 1]]
    assert y.tolist() == [2, 3, 0, 1]


# ---- 3: NumPy ------------------------------------------------------------------------------------


def test_an_array_that_changes_after_tensor() -> None:
    a = np.ones(3, "f4")
    x = torch.tensor(a) * 2
    a[:] = 9
    assert x.tolist() == [2, 2, 2]


def test_a_shared_array_is_read_when_the_op_is_called() -> None:
    a = np.ones(3, "f4")
    t = torch.from_numpy(a)
    results = []
    for k in range(4):
        a[:] = k
        results.append(t * 2)
    assert [r[0].item() for r in results] == [0, 2, 4, 6]


def test_a_batch_buffer_that_is_filled_again() -> None:
    buffer, total = np.empty((2, 2), "f4"), torch.zeros(())
    for k in range(5):
        buffer[...] = k
        total = total + torch.as_tensor(buffer).mean()
    assert total.item() == 10


def test_writes_go_both_ways() -> None:
    a = np.zeros(3, "f4")
    t = torch.from_numpy(a)
    t[1] = 5
    t.add_(1)
    assert a.tolist() == [1, 6, 1]
    view = torch.zeros(4)
    b = view[1:3].numpy()
    b[:] = 8
    view.mul_(2)
    assert view.tolist() == [0, 16, 16, 0] and b.tolist() == [16, 16]


def test_a_result_handed_out_does_not_change_later() -> None:
    w, x, seen = torch.ones(3, requires_grad=True), torch.ones(3), []
    for _ in range(3):
        seen.append((w * x).detach().numpy())
        step(w, x)
    assert [s.tolist() for s in seen] == [[1] * 3, [0.5] * 3, [0] * 3]


# ---- 3: keys -------------------------------------------------------------------------------------


def test_reused_ids_bring_back_nothing() -> None:
    for k in range(50):
        x = torch.full((2,), float(k))
        idx = torch.tensor([k % 2])
        assert x[idx].item() == k
        del x, idx
        gc.collect(0)


def test_lambdas_and_objects_made_anew() -> None:
    w = torch.ones(2, requires_grad=True)
    for k in range(1, 6):
        y = w * 1
        y.register_hook(lambda g, k=k: g * k)
        y.sum().backward()
        assert w.grad.tolist() == [k, k]
        w.grad = None


def test_equal_shapes_with_other_strides() -> None:
    x = torch.arange(9.0).reshape(3, 3)
    for _ in range(3):
        assert x.t().reshape(-1)[1].item() == 3 and x.reshape(-1)[1].item() == 1
        assert x.t().flatten().tolist() == [0, 3, 6, 1, 4, 7, 2, 5, 8]


def test_another_operand_is_the_gradient_of_the_same_graph() -> None:
    w = torch.ones(3, requires_grad=True)
    a, b = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([10.0, 20.0, 30.0])
    for g in (a, b, a, b):
        (w * a + b * 0).backward(g)
        assert torch.equal(w.grad, a * g)
        w.grad = None


def test_a_leaf_that_nobody_gets_gradients_of_stands_where_another_stood() -> None:
    w = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    with torch.no_grad():
        lost = w[:]  # as in PyTorch: it requires grad, and nobody gets it
    a = torch.tensor([10.0, 20.0, 30.0])
    lost.tolist(), a.tolist()
    for leaf in (lost, w, lost, w):
        (leaf * a).sum().backward()
        assert lost.grad is None
        assert (w.grad is None) == (leaf is lost)
        w.grad = None


def test_equal_calls_of_which_another_one_is_taped() -> None:
    w = torch.ones(3, requires_grad=True)
    factors = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([10.0, 20.0, 30.0])
    for taped in (0, 1, 0, 1):
        results = []
        for i, a in enumerate(factors):
            with torch.set_grad_enabled(i == taped):
                results.append(w * a)
        results[taped].backward(torch.ones(3))
        assert torch.equal(w.grad, factors[taped])
        w.grad = None


def test_a_key_of_equal_hash_is_another_key() -> None:
    x = torch.arange(6.0)
    assert hash(1) == hash(True) == hash(1.0)
    assert x[1].item() == 1 and tuple(x[True].shape) == (1, 6) and tuple(x[False].shape) == (0, 6)
    assert hash(-1) == hash(-2) and (x[-1].item(), x[-2].item()) == (5, 4)


# ---- 3: random numbers ---------------------------------------------------------------------------


def test_draws_keep_their_order_whoever_is_read_first() -> None:
    torch.manual_seed(3)
    a, b, c = torch.rand(2), torch.randn(2), torch.rand(2)
    forward = (a.tolist(), b.tolist(), c.tolist())
    torch.manual_seed(3)
    a, b, c = torch.rand(2), torch.randn(2), torch.rand(2)
    c, b, a = c.tolist(), b.tolist(), a.tolist()
    assert (a, b, c) == forward


def test_a_draw_that_nobody_uses_still_happens() -> None:
    torch.manual_seed(3)
    torch.rand(5)
    second = torch.rand(2).tolist()
    torch.manual_seed(3)
    assert [torch.rand(5) is None, torch.rand(2).tolist()] == [False, second]
    torch.manual_seed(3)
    assert torch.rand(7)[5:].tolist() == second


def test_every_step_draws_anew() -> None:
    drop, x, seen = torch.nn.Dropout(0.5), torch.ones(64), set()
    for _ in range(8):
        seen.add(tuple(drop(x).tolist()))
        seen.add(tuple(torch.randn(4).tolist()))
    assert len(seen) == 16


def test_a_backward_uses_the_mask_of_its_forward() -> None:
    x = torch.ones(64, requires_grad=True)
    for _ in range(4):
        y = torch.nn.functional.dropout(x, 0.5)
        torch.nn.functional.dropout(x, 0.5)
        y.sum().backward()
        assert x.grad.tolist() == y.tolist()
        x.grad = None


# ---- 2: observation in the middle ----------------------------------------------------------------


def train(observe) -> list[float]:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    opt, x, losses = torch.optim.Adam(model.parameters(), lr=0.1), torch.randn(8, 3), []
    for _ in range(6):
        out = model(x)
        observe(out)
        loss = (out**2).mean()
        observe(loss)
        opt.zero_grad()
        observe(loss)
        loss.backward()
        observe(model[0].weight.grad)
        opt.step()
        observe(model[0].weight)
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize(
    "observe",
    [
        repr,
        lambda t: t.tolist(),
        lambda t: bool((t > 0).any()),
        lambda t: t.detach().numpy(),
        lambda t: torch.isnan(t).any().item(),
        lambda t: copy.deepcopy(t.detach()),
    ],
    ids=["repr", "tolist", "bool", "numpy", "isnan", "deepcopy"],
)
def test_looking_changes_nothing(observe) -> None:
    assert train(observe) == pytest.approx(train(lambda t: None), rel=1e-5)


def test_looking_at_some_steps_only() -> None:
    w, x = torch.ones(2, requires_grad=True), torch.ones(2)
    for k in range(12):
        y = w * x
        if k % 5 == 2:
            assert y.tolist() == [1 - 0.5 * k] * 2
        y.sum().backward()
        with torch.no_grad():
            w -= 0.5 * w.grad
        w.grad = None
    assert w.tolist() == [-5, -5]


# ---- 2: exceptions half-way ----------------------------------------------------------------------


def test_a_step_that_fails_in_its_middle() -> None:
    w, x = torch.ones(3, requires_grad=True), torch.ones(3)
    for k in range(4):
        with pytest.raises(RuntimeError, match="must match the size of tensor b"):
            y = w * x * (k + 1)
            w.data.add_(1)
            _ = y + torch.ones(4)
        assert w.tolist() == [k + 2.0] * 3
        y.sum().backward()
        assert w.grad.tolist() == [k + 1.0] * 3
        w.grad = None


def test_a_hook_that_raises_leaves_gradients_alone() -> None:
    w = torch.ones(2, requires_grad=True)

    def bad(g: torch.Tensor) -> None:
        raise KeyError("mine")

    y = w * 2
    y.register_hook(bad)
    with pytest.raises(KeyError, match="mine"):
        y.sum().backward()
    assert w.grad is None
    (w * 3).sum().backward()
    assert w.grad.tolist() == [3, 3]


def test_a_failed_write_writes_nothing() -> None:
    x = torch.zeros(2, 2)
    for bad in (
        lambda: x.__setitem__(0, torch.ones(3)),
        lambda: x.copy_(torch.ones(3, 3)),
        lambda: x.add_(torch.ones(2, 2, 2)),
        lambda: x.__setitem__((0, 5), 1.0),
        lambda: torch.add(torch.ones(2), torch.ones(3), out=x),
    ):
        x.add_(1)
        now = x.tolist()
        with pytest.raises((RuntimeError, IndexError)):
            bad()
        assert x.tolist() == now


def test_a_generator_that_is_left_early() -> None:
    def batches() -> Iterator[torch.Tensor]:
        total = torch.zeros(())
        for k in range(100):
            total = total + k
            yield total

    seen = []
    for t in batches():
        if len(seen) == 3:
            break
        seen.append(t)
    assert [t.item() for t in seen] == [0, 1, 3]


# ---- 2: threads ----------------------------------------------------------------------------------


def test_threads_and_generators_interleave() -> None:
    results: dict[int, list[float]] = {}

    def work(n: int) -> None:
        w, x = torch.full((2,), float(n), requires_grad=True), torch.ones(2)
        results[n] = [step(w, x) for _ in range(10)]

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert results == {n: [2 * (n - 0.5 * k) for k in range(10)] for n in range(4)}


def test_interleaved_generators_share_nothing() -> None:
    def counting(by: float) -> Iterator[torch.Tensor]:
        t = torch.zeros(())
        while True:
            t = t + by
            yield t

    a, b = counting(1), counting(10)
    pairs = [(next(a), next(b)) for _ in range(5)]
    assert [(x.item(), y.item()) for x, y in pairs] == [(k, 10 * k) for k in range(1, 6)]


def test_a_grad_mode_belongs_to_its_thread() -> None:
    seen = []
    with torch.no_grad():
        t = threading.Thread(target=lambda: seen.append(torch.is_grad_enabled()))
        t.start()
        t.join()
        seen.append(torch.is_grad_enabled())
    assert seen == [True, False]


# ---- 2: globals, closures, caches ----------------------------------------------------------------

CACHE: dict[int, torch.Tensor] = {}


def test_a_cache_of_results_stays_as_it_was() -> None:
    CACHE.clear()
    w, x = torch.ones(2, requires_grad=True), torch.ones(2)
    for k in range(6):
        CACHE[k] = (w * x).detach()
        step(w, x)
    assert [CACHE[k].tolist() for k in range(6)] == [[1 - 0.5 * k] * 2 for k in range(6)]


def test_hidden_state_carried_on_without_detaching_grows_but_works() -> None:
    h, w = torch.zeros(1), torch.ones(1, requires_grad=True)
    for _ in range(50):
        h = h * 0.5 + w
    h.backward()
    assert h.item() == pytest.approx(2) and w.grad.item() == pytest.approx(2)


def test_losses_kept_in_a_list_hold_no_step_alive() -> None:
    w, x, losses = torch.ones(2, requires_grad=True), torch.ones(2), []
    for _ in range(3000):
        loss = (w * x).sum()
        loss.backward()
        with torch.no_grad():
            w -= 0.001 * w.grad
        w.grad = None
        losses.append(loss.detach())
    assert len(local.ctx.traces[CPU].nodes) < 2 * SOFT_LIMIT
    assert losses[-1].item() == pytest.approx(2 - 0.002 * 2999, abs=1e-2)


# ---- 2: size -------------------------------------------------------------------------------------


def test_ten_thousand_ops_without_a_look() -> None:
    x = torch.zeros(2)
    for k in range(10_000):
        x = x + (1 if k % 2 else -1)
        x.mul_(1.0)
    assert x.tolist() == [0, 0]
    assert debug.stats()["compiles"] < 60


def test_ten_thousand_nodes_backward() -> None:
    x = torch.ones(2, requires_grad=True)
    y = x
    for _ in range(10_000):
        y = y * 1.0
    y.sum().backward()
    assert x.grad.tolist() == [1, 1]
    del y  # and the graph is freed without deep recursion
    gc.collect()


# ---- 1: errors -----------------------------------------------------------------------------------


def test_an_error_that_depends_on_data_is_raised_once_at_the_latest_at_a_look() -> None:
    x = torch.arange(3.0)
    with pytest.raises(IndexError, match="out of bounds"):
        y = x[torch.tensor([7])]
        y.tolist()
    assert (x + 1).tolist() == [1, 2, 3]


def test_an_error_of_shape_is_raised_at_its_line() -> None:
    x = torch.ones(2, 3)
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied"):
        x @ x
    assert x.sum().item() == 6
