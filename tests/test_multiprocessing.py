"""`torch.multiprocessing`: results, failures, who is ended when one process fails, tensors between processes."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

import torchlike as torch
from torchlike import multiprocessing as mp


def write(index: int, folder: str) -> None:
    Path(folder, str(index)).write_text("done")


def raise_in_one(index: int) -> None:
    if index == 1:
        raise ValueError("from the child")
    time.sleep(60)


def end_by_signal(index: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def exit_with_five(index: int) -> None:
    os._exit(5)


def test_every_process_runs(tmp_path: Path) -> None:
    assert mp.spawn(write, (str(tmp_path),), nprocs=2) is None
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0", "1"]


def test_an_exception_reaches_the_parent_and_ends_the_others() -> None:
    with pytest.raises(mp.ProcessRaisedException, match="from the child") as caught:
        mp.spawn(raise_in_one, nprocs=2)
    assert caught.value.error_index == 1 and "-- Process 1 terminated" in str(caught.value)


def test_signals_and_statuses() -> None:
    with pytest.raises(mp.ProcessExitedException, match="terminated with signal SIGKILL") as caught:
        mp.spawn(end_by_signal)
    assert caught.value.signal_name == "SIGKILL"
    context = mp.spawn(exit_with_five, join=False)
    assert context is not None and len(context.pids()) == 1
    with pytest.raises(mp.ProcessExitedException, match="terminated with exit code 5"):
        while not context.join():
            pass


def test_is_pythons_own_otherwise() -> None:
    import multiprocessing

    assert mp.TimeoutError is multiprocessing.TimeoutError and issubclass(mp.Process, multiprocessing.Process)
    assert type(mp.get_context("fork")) is type(multiprocessing.get_context("fork"))
    assert mp.get_sharing_strategy() in mp.get_all_sharing_strategies()
    mp.set_sharing_strategy("file_system")


# ---- tensors between processes ---------------------------------------------------------------


def answer(inbox: Any, outbox: Any, model: torch.nn.Module) -> None:
    x = inbox.get()
    with torch.no_grad():
        model.weight.add_(1)
        model.bias.zero_()
    outbox.put({"twice": x * 2, "out": model(x).detach(), "sparse": torch.eye(2).to_sparse()})
    inbox.get()  # stays until the parent has what it sent


def squared(t: torch.Tensor) -> torch.Tensor:
    return t * t


def test_processes_are_spawned_unless_told_otherwise() -> None:
    assert mp.get_start_method() == "spawn"


def test_tensors_travel_through_queues_and_shared_memory_is_shared() -> None:
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 2)
    before = model.weight.detach().clone()
    assert not model.weight.is_shared()
    assert model.share_memory() is model and model.weight.is_shared() and model.bias.is_shared()
    inbox, outbox = mp.Queue(), mp.Queue()
    process = mp.Process(target=answer, args=(inbox, outbox, model))
    process.start()
    x = torch.arange(6.0).reshape(2, 3)
    inbox.put(x)
    got = outbox.get(timeout=60)
    inbox.put(None)
    process.join()
    assert process.exitcode == 0 and torch.equal(got["twice"], x * 2)
    assert torch.equal(got["sparse"].to_dense(), torch.eye(2))
    assert torch.equal(model.weight, before + 1) and float(model.bias.abs().sum()) == 0
    assert torch.allclose(got["out"], model(x))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model(x).sum().backward()
    optimizer.step()
    assert model.weight.is_shared() and not torch.equal(model.weight, before + 1)


def test_pool() -> None:
    with mp.Pool(1) as pool:
        results = pool.map(squared, [torch.tensor(2.0), torch.tensor([3, 4])])
    assert [r.tolist() for r in results] == [4.0, [9, 16]]


def test_non_leaves_are_refused() -> None:
    from multiprocessing.reduction import ForkingPickler

    w = torch.ones(2, requires_grad=True).share_memory_()
    with pytest.raises(RuntimeError, match="Cowardly refusing to serialize non-leaf tensor"):
        ForkingPickler.dumps(w * 2)
