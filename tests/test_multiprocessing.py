"""`torch.multiprocessing.spawn`: results, failures and who is ended when one process fails."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

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

    assert mp.get_context is multiprocessing.get_context and mp.Queue is not None
    assert mp.get_sharing_strategy() in mp.get_all_sharing_strategies()
    mp.set_sharing_strategy("file_system")
