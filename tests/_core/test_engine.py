"""Barriers, liveness, donation, tiers, the executable table and data-dependent errors: asserted by counts."""

import gc
import subprocess
import sys
import threading

import numpy as np
import pytest

import torchlike as torch
from torchlike import debug
from torchlike._core import engine, tiers
from torchlike._core.devices import CPU
from torchlike._core.graph import current_trace


def added(body, n=1):
    """What `n` runs of body add to the counters."""
    before = debug.stats()
    for _ in range(n):
        body()
    after = debug.stats()
    return {k: after[k] - before[k] for k in ("compiles", "executions", "op_executions")}


@pytest.fixture
def data():
    rng = np.random.RandomState(0)
    x = torch.tensor(rng.randn(256, 8).astype("f4"))
    y = torch.tensor(rng.randn(256, 1).astype("f4"))
    w = torch.tensor(rng.randn(8, 1).astype("f4") * 0.1, requires_grad=True)
    return x, y, w


def sgd_step(x, y, w, i, lr):
    loss = ((x[i : i + 32].matmul(w) - y[i : i + 32]) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        w -= lr * w.grad
    w.grad = None
    return loss.item()


@pytest.mark.smoke
def test_a_loop_is_one_program(data):
    x, y, w = data
    for s in range(3):
        sgd_step(x, y, w, s * 8, 0.1 / (s + 1))
    s = iter(range(3, 30))
    assert added(lambda: sgd_step(x, y, w, (i := next(s)) * 4, 0.1 / i), 20) == {
        "compiles": 0,
        "executions": 20,
        "op_executions": 0,
    }


def test_a_changed_number_never_recompiles(data):
    x, y, w = data

    def body(k):
        return ((x * k + 0.5 / k).clamp(min=-k) / (k + 1)).sum().item()

    body(1.0), body(2.0)
    values = iter(np.linspace(1, 3, 10).tolist())
    assert added(lambda: body(next(values)), 10)["compiles"] == 0


def test_only_what_is_referred_to_is_returned():
    a = torch.ones(4)
    b = a + 1
    c = b * 2
    del b
    live = len([e for e in debug.stats()])  # nothing has run yet
    assert live and current_trace(CPU).nodes
    assert c.tolist() == [4.0] * 4
    key = next(reversed(tiers.programs))
    assert len(key[1]) == 2  # a and c, not b


def test_values_form_no_cycles(data):
    x, y, w = data
    sgd_step(x, y, w, 0, 0.1)
    gc.collect()
    gc.disable()
    try:
        for _ in range(5):
            sgd_step(x, y, w, 0, 0.1)
        assert gc.collect() < 50
    finally:
        gc.enable()


def test_old_parameters_are_donated(data):
    x, y, w = data
    for _ in range(3):
        sgd_step(x, y, w, 0, 0.1)
    key = next(reversed(tiers.programs))
    assert key[2], "no input was free to be overwritten"


def test_an_alias_is_not_donated():
    p = torch.ones(1000)
    old = p.clone()
    keep = p.numpy().copy()
    q = p.detach()
    p2 = torch.ones(1000)
    p.add_(p2)
    assert q.tolist() == p.tolist() == [2.0] * 1000
    assert old.tolist() == keep.tolist() == [1.0] * 1000


def test_accumulation_over_micro_batches(data):
    x, y, w = data

    def step():
        for k in range(4):
            ((x[k * 8 : k * 8 + 8].matmul(w) - y[k * 8 : k * 8 + 8]) ** 2).mean().backward()
        with torch.no_grad():
            w.sub_(w.grad, alpha=0.1)
        w.grad = None
        engine.barrier("step")

    step(), step(), step()
    assert added(step, 10)["compiles"] == 0


def test_observation_before_backward_keeps_the_forward(data):
    x, y, w = data

    def step():
        loss = ((x.matmul(w) - y) ** 2).mean()
        loss.item()
        loss.backward()
        with torch.no_grad():
            w.sub_(w.grad, alpha=0.1)
        w.grad = None
        engine.barrier("step")

    step(), step(), step()
    assert added(step, 5) == {"compiles": 0, "executions": 10, "op_executions": 0}


def test_a_failed_call_changes_nothing(data):
    x, y, w = data
    before = w.tolist()
    pending = len(current_trace(CPU).nodes)
    z, wrong = x.matmul(w), torch.ones(7, 7)
    with pytest.raises(RuntimeError, match="mat1 and mat2|size"):
        z.matmul(wrong)
    assert len(current_trace(CPU).nodes) == pending + 2
    assert w.tolist() == before
    assert z.shape == (256, 1)


def test_an_interrupt_while_compiling_leaves_the_work_pending(monkeypatch):
    a = torch.ones(3) * 3
    b = a.cumsum(0)

    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(engine.program, "compile_", interrupted)
    monkeypatch.setattr(tiers.disk, "load", lambda *_: None)
    with pytest.raises(KeyboardInterrupt):
        b.sum().item()
    monkeypatch.undo()
    assert b.tolist() == [3.0, 6.0, 9.0]


def test_a_failed_program_gives_storages_back(monkeypatch):
    import jax

    p = torch.ones(3)
    p.tolist()

    class Failing:
        def __call__(self, *args):
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: out of memory")

    monkeypatch.setattr(engine.program, "compile_", lambda *_: Failing())
    monkeypatch.setattr(tiers.disk, "load", lambda *_: None)
    q = p * 5
    p.add_(1)
    p.mul_(2)
    with pytest.raises(RuntimeError, match="RESOURCE_EXHAUSTED"):
        p.tolist()
    monkeypatch.undo()
    tiers.programs.clear()
    assert p.tolist() == [1.0, 1.0, 1.0]
    with pytest.raises(RuntimeError, match="failed"):
        q.tolist()
    assert (p + 1).tolist() == [2.0, 2.0, 2.0]


def test_what_cannot_be_compiled_is_dropped(monkeypatch):
    """The calls after it are computed."""
    p = torch.ones(3)
    p.tolist()

    def failing(*args):
        raise NotImplementedError("no kernel for this")

    monkeypatch.setattr(engine.program, "compile_", failing)
    monkeypatch.setattr(tiers.disk, "load", lambda *_: None)
    q = p.add_(41) * 5.5
    with pytest.raises(NotImplementedError, match="no kernel"):
        q.tolist()
    monkeypatch.undo()
    assert p.tolist() == [1.0, 1.0, 1.0]
    assert (p + 1).tolist() == [2.0, 2.0, 2.0]
    with pytest.raises(RuntimeError, match="failed: no kernel"):
        q.tolist()


def test_index_errors_are_raised_never_clamped():
    x = torch.arange(5)
    with pytest.raises(IndexError, match="index 7 is out of bounds for dimension 0 with size 5"):
        x[torch.tensor([1, 7])]
    computed = torch.tensor([1, 3]) * 2 + 1
    with pytest.raises(IndexError, match="index 7 is out of bounds"):
        x[computed].tolist()
    assert (x + 1).tolist() == [1, 2, 3, 4, 5]


def repeated(n):
    """A Python loop of n turns; the value that it must give."""
    h = torch.zeros(1, 4)
    w = torch.ones(4, 4) * 0.1
    for _ in range(n):
        h = torch.tanh(h.matmul(w) + 1)
    want = np.zeros((1, 4), "f4")
    for _ in range(n):
        want = np.tanh(want @ (np.ones((4, 4), "f4") * np.float32(0.1)) + 1)
    assert h.sum().item() == pytest.approx(want.sum(), rel=1e-5)


def test_new_lengths_share_segments():
    for n in range(3, 9):
        repeated(n)
    for n in (12, 9, 40):
        more = added(lambda n=n: repeated(n))
        assert (more["compiles"], more["executions"]) == (0, 0), debug.report()
        assert more["op_executions"] <= n + 2


def test_a_recurring_length_becomes_one_program(monkeypatch):
    for n in range(3, 10):
        repeated(n)
    for n in (10, 11, 10, 11, 10):
        repeated(n)
    debug.synchronize()
    assert added(lambda: repeated(10))["executions"] == 0  # compiling would take longer than all runs so far
    monkeypatch.setitem(tiers.cost, "node", 0.0)
    repeated(11)
    debug.synchronize()
    assert added(lambda: repeated(11)) == {"compiles": 0, "executions": 1, "op_executions": 0}


def test_a_program_that_comes_in_a_row_becomes_one_executable():
    for n in (*range(3, 14), 13, 13, 13):
        repeated(n)
    debug.synchronize()
    assert added(lambda: repeated(13)) == {"compiles": 0, "executions": 1, "op_executions": 0}


def test_threads_have_their_own_traces():
    out = {}

    def work(k):
        a = torch.ones(8) * k
        for _ in range(20):
            a = a + 1
        out[k] = a.sum().item()

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert out == {k: 8.0 * (k + 20) for k in range(4)}


def test_a_pending_tensor_may_be_read_by_another_thread():
    a = torch.ones(8) * 3
    got = []
    t = threading.Thread(target=lambda: got.append((a + 1).tolist()))
    t.start()
    t.join()
    assert got == [[4.0] * 8]


def test_long_chain_without_observation():
    a = torch.zeros(4)
    for _ in range(10_000):
        a = a + 1
    assert a.tolist() == [10_000.0] * 4


def test_results_that_pile_up_are_cut_where_the_loop_begins():
    kept = []

    def body(_):
        kept.append((torch.ones(512, 512) * 2 + 1).sum(0))

    for k in range(40):
        body(k)
    big = torch.zeros(1 << 20)
    before = debug.stats()["barriers"].get("budget", 0)
    sums = []
    for _ in range(900):
        sums.append((big + 1)[:2])
    assert debug.stats()["barriers"].get("budget", 0) > before
    assert sums[0].tolist() == sums[-1].tolist() == [1.0, 1.0]
    assert kept[3][0].item() == 512 * 3.0


def test_deep_backward():
    w = torch.ones(2, requires_grad=True)
    a = w
    for _ in range(10_000):
        a = a + 1
    a.sum().backward()
    assert w.grad.tolist() == [1.0, 1.0]


def test_the_report_names_the_line_and_the_reason():
    debug.reset()
    for x in (torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0, 3.0])):
        (x * 2 + 1).sum().item()
    text = debug.report()
    assert "test_engine.py" in text and "operands" in text


SCRIPT = """
import torchlike as torch
x = torch.ones(16, 4); w = torch.ones(4, 2, requires_grad=True)
(x.matmul(w) ** 2).mean().backward()
print(w.grad.sum().item(), torch.debug.stats()["compiles"], torch.debug.stats()["disk_hits"])
"""


LAPACK_SCRIPT = """
import torchlike as torch
print(torch.linalg.solve(torch.full((2, 2), 2.0).tril(), torch.ones(2)).tolist(), torch.debug.stats()["disk_hits"])
"""


def run_script(tmp_path, script=SCRIPT, **env):
    import os

    full = {**os.environ, "TORCHLIKE_CACHE_DIR": str(tmp_path), "TORCHLIKE_CACHE": "1", **env}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=full, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_executables_are_kept_on_disk_and_damage_is_repaired(tmp_path):
    first = run_script(tmp_path)
    second = run_script(tmp_path)
    assert int(first[1]) > 0 and int(second[1]) == 0 and int(second[2]) > 0
    assert first[0] == second[0]
    for f in tmp_path.glob("*.xla"):
        f.write_bytes(b"damaged")
    third = run_script(tmp_path)
    assert int(third[1]) == int(first[1]) and third[0] == first[0]
    assert not list(tmp_path.glob("tmp*"))


WORDS_SCRIPT = """
import torchlike as torch
from torchlike._core import tiers
read = []
fetch = tiers.background.fetch
tiers.background.fetch = lambda p: (read.append(len(p.spec.nodes)), fetch(p))
w = torch.full((3, 3), 0.1)
sums = []
for n in (2, 6, 10, 14, 18, 22, 22, 22, 22, 22, 26):
    h = torch.ones(1, 3)
    for _ in range(n):
        h = torch.tanh(h.matmul(w) * 2.0)
    sums.append(round(h.sum().item(), 6))
    torch.debug.synchronize()
print(hash(tuple(sums)), *read, torch.debug.stats()["background_compiles"], torch.debug.stats()["compiles"])
"""


def test_long_traces_are_read_in_the_background(tmp_path):
    first, second = (run_script(tmp_path, WORDS_SCRIPT) for _ in range(2))
    assert first[0] == second[0]
    assert len(first) == 3 and int(first[1]) > 0  # the loop of 22 turns
    assert second[1:] == ["68", "0", "0"]  # the Trace of that loop


def test_lapack_calls_from_disk_run(tmp_path):
    first, second = (run_script(tmp_path, LAPACK_SCRIPT) for _ in range(2))
    assert first[:2] == second[:2] == ["[0.5,", "0.0]"]
    assert int(second[2]) > int(first[2])


def test_eager_mode_gives_the_same_result(tmp_path):
    lazy, eager = run_script(tmp_path), run_script(tmp_path, TORCHLIKE_EAGER="1")
    assert lazy[0] == eager[0]
