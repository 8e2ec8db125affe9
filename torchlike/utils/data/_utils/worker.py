"""What runs in a DataLoader worker process."""

from __future__ import annotations

import importlib
import os
import pickle
import queue
import random
import signal
import socket
import sys
import threading
import traceback
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...._core.random import default_generator
from . import transfer, wire
from .collate import default_collate, host_collate
from .fetch import IterableDatasetFetcher, MapDatasetFetcher


@dataclass(frozen=True)
class WorkerInfo:
    """What `get_worker_info()` tells in a worker: its id, how many there are, its seed, its dataset."""

    id: int
    num_workers: int
    seed: int
    dataset: Any
    rng: Any = None
    worker_method: str | None = "multiprocessing"


_info: list[WorkerInfo] = []  # one in a worker, none in the main process


def get_worker_info() -> WorkerInfo | None:
    """In a DataLoader worker its WorkerInfo, in the main process None."""
    return _info[0] if _info else None


class KeyErrorMessage(str):
    """A message that KeyError prints with its line breaks."""

    def __repr__(self) -> str:
        return str(self)


class ExceptionWrapper:
    """An exception with its traceback as text, to be raised again in another process."""

    def __init__(self, error: BaseException, where: str = "in background"):
        self.exc_type = type(error)
        self.exc_msg = "".join(traceback.format_exception(error))
        self.where = where

    def reraise(self) -> None:
        """Raises an exception of the same type that tells where the original was raised."""
        message = f"Caught {self.exc_type.__name__} {self.where}.\nOriginal {self.exc_msg}"
        if self.exc_type is KeyError:
            message = KeyErrorMessage(message)
        elif getattr(self.exc_type, "message", None):
            raise self.exc_type(message=message)  # type: ignore[call-arg]
        try:
            error = self.exc_type(message)
        except Exception:
            raise RuntimeError(message) from None
        raise error


@dataclass(frozen=True)
class StreamEnded:
    """A worker's iterable dataset has no more samples."""

    worker_id: int


@dataclass
class Job:
    """Everything that a worker needs, apart from its id. It travels as one pickle."""

    dataset: Any
    iterable: bool
    auto_collation: bool
    collate_fn: Callable[[Any], Any]
    drop_last: bool
    base_seed: int
    worker_init_fn: Callable[[int], None] | None
    num_workers: int


@dataclass
class Surroundings:
    """The main process's import state, taken over before anything of the user's is imported."""

    path: list[str]
    argv: list[str]
    directory: str
    main_file: str | None
    alias: bool  # `import torch` means torchlike
    sources: dict[str, str]  # files of modules that may not be on the path


@dataclass
class Start:
    """What a new worker is told first."""

    worker_id: int
    size: int  # of the Job's pickle, which is the first buffer
    places: list[tuple[int, int]]
    around: Surroundings


def surroundings() -> Surroundings:
    """Those of this process."""
    alias = sys.modules.get("torchlike.alias")
    library = os.path.dirname(os.__file__)
    sources = {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and file.endswith(".py") and not file.startswith(library) and "site-packages" not in file:
            sources[name] = os.path.abspath(file)
    main_file = getattr(sys.modules.get("__main__"), "__file__", None)
    return Surroundings(
        [p or os.getcwd() for p in sys.path],
        list(sys.argv),
        os.getcwd(),
        main_file and os.path.abspath(main_file),
        alias is not None and alias.is_installed(),
        sources,
    )


def settle(around: Surroundings) -> None:
    """Makes this interpreter import as the main process does."""
    sys.path[:] = around.path
    sys.argv[:] = around.argv
    os.chdir(around.directory)
    main = types.ModuleType("__main__")
    if around.main_file is not None:
        main.__file__ = around.main_file
    sys.modules["__main__"] = sys.modules["__mp_main__"] = main
    if around.alias:
        importlib.import_module("torchlike.alias").install()


def run(sock_fd: int, data_fd: int, start: Start) -> None:
    """The life of a worker; ends the process."""
    status = 1
    try:
        sock = socket.socket(fileno=sock_fd)  # named: it lives until the process ends
        _serve(sock, data_fd, start)
        status = 0
    except (KeyboardInterrupt, EOFError, BrokenPipeError, ConnectionResetError):
        status = 0  # the main process was interrupted, or is gone
    except SystemExit as e:
        status = e.code if isinstance(e.code, int) else int(e.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):
                status = status or 1
        os._exit(status)


def _serve(sock: socket.socket, data_fd: int, start: Start) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    tasks: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sock, tasks), daemon=True).start()
    outbox = wire.Outbox(sock)
    where = f"in DataLoader worker process {start.worker_id}"
    job: Any = None
    fetcher: Any = None
    broken = None
    try:
        job = _unpack(data_fd, start)
        _seed(job, start.worker_id)
        if job.worker_init_fn is not None:
            job.worker_init_fn(start.worker_id)
        fetcher = _fetcher(job)
    except Exception as e:
        broken = ExceptionWrapper(e, where)
    ended = False
    while (task := tasks.get()) is not None:
        kind, number, index, read = task
        outbox.release(read)
        if kind == "resume":
            ended = False
            result: Any = None
            if broken is None:
                try:
                    fetcher = _fetcher(job)
                except Exception as e:
                    broken = ExceptionWrapper(e, where)
        elif ended:
            continue
        elif broken is not None:
            result = broken
        else:
            try:
                result = fetcher.fetch(pickle.loads(index))
            except Exception as e:
                if isinstance(e, StopIteration) and job.iterable:
                    result, ended = StreamEnded(start.worker_id), True
                else:
                    result = ExceptionWrapper(e, where)
        _answer(outbox, kind, number, result, where)
        del result


def _answer(outbox: wire.Outbox, kind: str, number: int, result: Any, where: str) -> None:
    """Sends a result; one that cannot be pickled becomes the exception that says so."""
    try:
        data, buffers = transfer.dumps((number, result))
    except Exception as e:
        wrapped = ExceptionWrapper(e, where)
        if isinstance(result, ExceptionWrapper):
            wrapped.exc_type, wrapped.exc_msg = RuntimeError, result.exc_msg
        elif not isinstance(e, RuntimeError):
            wrapped.exc_type = TypeError
        data, buffers = transfer.dumps((number, wrapped))
    outbox.send(kind, data, buffers)


def _listen(sock: socket.socket, tasks: queue.SimpleQueue[Any]) -> None:
    """Moves tasks from the socket to the queue, so that the main process never waits to send one."""
    try:
        while True:
            task = wire.receive(sock)[0]
            tasks.put(task)
            if task is None:
                return
    except (EOFError, OSError):
        os._exit(0)  # the main process is gone


def _unpack(data_fd: int, start: Start) -> Job:
    """Unpickles the Job; its arrays lie in this process's private mapping."""
    settle(start.around)
    block = wire.map_private(data_fd)
    os.close(data_fd)
    pickled, *buffers = wire.views(block, start.places)
    return transfer.Receiver(pickled[: start.size].tobytes(), buffers, start.around.sources).load()


def _seed(job: Job, worker_id: int) -> None:
    """Seeds this process's generators as PyTorch seeds those of its workers."""
    seed = job.base_seed + worker_id
    random.seed(seed)
    default_generator.manual_seed(seed)
    entropy = [worker_id, job.base_seed & 0xFFFFFFFF, job.base_seed >> 32, 0]
    np.random.seed(np.random.SeedSequence(entropy).generate_state(4))
    _info[:] = [WorkerInfo(worker_id, job.num_workers, seed, job.dataset)]


def _fetcher(job: Any) -> Any:
    kind = IterableDatasetFetcher if job.iterable else MapDatasetFetcher
    collate_fn = host_collate if job.collate_fn is default_collate else job.collate_fn
    return kind(job.dataset, job.auto_collation, collate_fn, job.drop_last)
