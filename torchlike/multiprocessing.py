"""`torch.multiprocessing`: Python's multiprocessing, and `spawn`.

XLA runs threads, and a forked process would inherit their locks: so processes are started by
`spawn` unless `set_start_method` says otherwise. Tensors travel by value, those of `share_memory_`
as the memory that they are.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import multiprocessing.context
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from multiprocessing import *  # type: ignore[assignment] # noqa: F403 - its whole interface
from pathlib import Path
from typing import Any

from ._core.names import missing as _missing

__all__ = [*multiprocessing.__all__, "ProcessContext", "ProcessException", "ProcessExitedException",
           "ProcessRaisedException", "get_all_sharing_strategies", "get_sharing_strategy",
           "set_sharing_strategy", "spawn", "start_processes"]  # type: ignore[attr-defined]  # fmt: skip


class _Context(multiprocessing.context.BaseContext):
    """Like Python's default context, with another default; Python's own keeps the one it has."""

    get_all_start_methods = staticmethod(multiprocessing.get_all_start_methods)
    chosen: str | None = None

    def set_start_method(self, method: str | None, force: bool = False) -> None:
        if self.chosen is not None and not force:
            raise RuntimeError("context has already been set")
        multiprocessing.set_start_method(method, force=True)
        self.chosen = method

    def get_start_method(self, allow_none: bool = False) -> str | None:
        return self.chosen if self.chosen or allow_none else "spawn"

    def get_context(self, method: str | None = None) -> Any:
        return multiprocessing.get_context(method or self.get_start_method())


class Process(multiprocessing.Process):
    """Python's `Process`, spawned unless another start method is set."""

    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802 - Python's name
        return _context.get_context().Process._Popen(process_obj)


_context = _Context()
globals().update({k: getattr(_context, k) for k in multiprocessing.__all__ if hasattr(_Context, k)})

_MSG_RAISED = "\n\n-- Process {index} terminated with the following error:\n{text}"


class ProcessException(Exception):
    """A process of `spawn` failed."""

    def __init__(self, msg: str, error_index: int, pid: int):
        super().__init__(msg)
        self.msg, self.error_index, self.pid = msg, error_index, pid

    def __reduce__(self) -> Any:
        return type(self), (self.msg, self.error_index, self.pid)


class ProcessRaisedException(ProcessException):
    """A process of `spawn` raised an exception; its traceback is in the text."""


class ProcessExitedException(ProcessException):
    """A process of `spawn` ended by a signal or with a status other than 0."""

    def __init__(
        self, msg: str, error_index: int, error_pid: int, exit_code: int, signal_name: str | None = None
    ):
        super().__init__(msg, error_index, error_pid)
        self.exit_code, self.signal_name = exit_code, signal_name

    def __reduce__(self) -> Any:
        return type(self), (self.msg, self.error_index, self.pid, self.exit_code, self.signal_name)


def _call(fn: Callable[..., Any], index: int, args: tuple[Any, ...], error_file: str) -> None:
    try:
        fn(index, *args)
    except KeyboardInterrupt:
        pass  # the parent was interrupted, too, and reports it
    except Exception:
        Path(error_file).write_text(traceback.format_exc())
        sys.exit(1)


class ProcessContext:
    """The processes of one `spawn`."""

    def __init__(self, processes: list[Any], error_files: list[str]):
        self.processes = processes
        self.error_files = error_files
        self.sentinels = {process.sentinel: index for index, process in enumerate(processes)}

    def pids(self) -> list[int]:
        """The processes' ids."""
        return [int(process.pid) for process in self.processes]

    def join(self, timeout: float | None = None, grace_period: float | None = None) -> bool:
        """Waits until a process ends; True once all have ended well.

        The first that fails ends the others.

        Raises:
            ProcessRaisedException: a process raised an exception.
            ProcessExitedException: a process ended by a signal or with another status.
        """
        ready = multiprocessing.connection.wait(self.sentinels.keys(), timeout)
        failed = None
        for sentinel in ready:
            index = self.sentinels.pop(sentinel)  # type: ignore[arg-type]
            self.processes[index].join()
            if self.processes[index].exitcode != 0:
                failed = index
                break
        if failed is None:
            if not self.sentinels:
                self._remove_files()
            return not self.sentinels
        for process in self.processes:
            if process.is_alive():
                process.terminate()
            process.join(grace_period)
            if process.is_alive():
                process.kill()
                process.join()
        self._raise(failed)
        return False

    def _raise(self, index: int) -> None:
        process = self.processes[index]
        path = Path(self.error_files[index])
        text = path.read_text() if path.exists() else ""
        self._remove_files()
        if text:
            raise ProcessRaisedException(_MSG_RAISED.format(index=index, text=text), index, process.pid)
        code = process.exitcode
        if code < 0:
            name = signal.Signals(-code).name
            raise ProcessExitedException(
                f"process {index} terminated with signal {name}", index, process.pid, code, name
            )
        raise ProcessExitedException(
            f"process {index} terminated with exit code {code}", index, process.pid, code
        )

    def _remove_files(self) -> None:
        for file in self.error_files:
            Path(file).unlink(missing_ok=True)


def start_processes(
    fn: Callable[..., Any],
    args: tuple[Any, ...] = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:
    """Starts `nprocs` processes that call `fn(index, *args)`; with `join`, waits for them.

    Raises:
        ProcessRaisedException, ProcessExitedException: with `join`, a process failed.
    """
    context = multiprocessing.get_context(start_method)
    processes, files = [], []
    for index in range(nprocs):
        handle, file = tempfile.mkstemp(prefix="torchlike-spawn-", suffix=".txt")
        os.close(handle)
        process = context.Process(target=_call, args=(fn, index, args, file), daemon=daemon)  # type: ignore[attr-defined]
        process.start()
        processes.append(process)
        files.append(file)
    running = ProcessContext(processes, files)
    if not join:
        return running
    while not running.join():
        pass
    return None


def spawn(
    fn: Callable[..., Any],
    args: tuple[Any, ...] = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:
    """`start_processes`, by `spawn`."""
    return start_processes(fn, args, nprocs, join, daemon, start_method)


def get_all_sharing_strategies() -> set[str]:
    """How tensors reach other processes: by value, through a file descriptor."""
    return {"file_descriptor"}


def get_sharing_strategy() -> str:
    """How tensors reach other processes."""
    return "file_descriptor"


def set_sharing_strategy(new_strategy: str) -> None:
    """Accepts PyTorch's two strategies, which make no difference to values."""
    if new_strategy not in ("file_descriptor", "file_system"):
        raise AssertionError(f"unknown sharing strategy {new_strategy!r}")


__getattr__ = _missing(__name__)
