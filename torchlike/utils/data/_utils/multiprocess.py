"""Worker processes seen from the main process: tasks out, batches in, in order."""

from __future__ import annotations

import contextlib
import itertools
import os
import pickle
import select
import signal
import socket
import time
from collections import deque
from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np

from . import server, transfer, wire
from .worker import ExceptionWrapper, Job, Start, StreamEnded, surroundings

_MSG_SIGNAL = "DataLoader worker (pid {}) is killed by signal: {}. "
_MSG_EXIT = (
    "DataLoader worker (pid {}) exited unexpectedly with exit code {}. "
    "Details are lost due to multiprocessing. Rerunning with num_workers=0 may give better error trace."
)
_GRACE = 5.0  # seconds that a worker may take to stop


class WorkerDied(Exception):
    """A worker process ended without being told to."""

    def __init__(self, worker: Worker):
        super().__init__(worker.pid)
        self.worker = worker


class Worker:
    """One worker process and the socket to it."""

    def __init__(self, sock: socket.socket, pid: int):
        self.sock, self.pid = sock, pid
        self.inbox = wire.Inbox(sock)
        self.active = True  # its stream has not ended
        self.tasks = 0

    def send(self, kind: str, number: int = -1, index: Any = None) -> None:
        """Sends a task.

        Raises:
            WorkerDied: there is nobody to take it.
        """
        try:
            # The index has a pickle of its own: what is wrong with it, the worker can report.
            wire.send(self.sock, (kind, number, pickle.dumps(index), self.inbox.take_read()))
        except (BrokenPipeError, ConnectionResetError) as e:
            raise WorkerDied(self) from e

    def receive(self) -> tuple[str, int, Any]:
        """Kind, task number and result; its arrays are copied out of shared memory.

        Raises:
            WorkerDied: the process has ended.
        """
        try:
            kind, data, buffers, block = self.inbox.receive()
        except (EOFError, OSError) as e:
            raise WorkerDied(self) from e
        number, result = transfer.Receiver(data, buffers).load()
        self.inbox.done(block)
        return kind, number, result

    def stop(self) -> None:
        """Asks it to end after the batch it is working on."""
        with contextlib.suppress(OSError):
            wire.send(self.sock, None)

    def wait(self, seconds: float) -> bool:
        """Waits for its end; what it still sends is dropped."""
        limit = time.monotonic() + seconds
        while (left := limit - time.monotonic()) > 0:
            if not select.select([self.sock], [], [], left)[0]:
                continue
            try:
                if not self.sock.recv(1 << 16):
                    return True
            except OSError:
                return True
        return False


class Pool:
    """The workers of one pass over a DataLoader (of all passes, with persistent workers).

    Args:
        job: what the workers do.
        prefetch_factor: batches that each worker prepares ahead.
        timeout: seconds to wait for a batch, 0 for as long as it takes.
        in_order: return batches in the order of their indices.
        persistent: the workers outlive the end of a pass.
    """

    def __init__(self, job: Job, prefetch_factor: int, timeout: float, in_order: bool, persistent: bool):
        self.iterable = job.iterable
        self.prefetch, self.timeout, self.in_order, self.persistent = (
            prefetch_factor,
            timeout,
            in_order,
            persistent,
        )
        self.owner = os.getpid()
        self.workers: list[Worker] = []
        what = "the dataset, collate_fn or worker_init_fn"
        pickled, buffers, modules = transfer.dumps_for_worker(job, what)
        around = surroundings()
        self.server = server.prepared(around, modules)
        fd, places = wire.pack_once([np.frombuffer(pickled, np.uint8), *buffers])
        try:
            for i in range(job.num_workers):
                self.workers.append(self._start(fd, Start(i, len(pickled), places, around)))
        finally:
            os.close(fd)

    def _start(self, data_fd: int, start: Start) -> Worker:
        ours, theirs = socket.socketpair()
        try:
            pid = self.server.ask(("fork", start), (theirs.fileno(), data_fd))
        finally:
            theirs.close()
        return Worker(ours, pid)

    # ---- a pass ------------------------------------------------------------------------

    def begin(self, indices: Iterator[Any], first: bool) -> None:
        """Starts a pass over these indices and fills the workers' queues."""
        if not first:
            self._resume()
        self.indices = indices
        self.sent = self.next = 0  # task numbers
        self.assigned: dict[int, Worker] = {}  # tasks that are out
        self.results: dict[int, Any] = {}  # tasks that came back before their turn
        self.turns = itertools.cycle(self.workers)
        for w in self.workers:
            w.active, w.tasks = True, 0
        for _ in range(self.prefetch * len(self.workers)):
            self._assign()

    def _resume(self) -> None:
        """Restarts persistent workers; batches of an unfinished pass are dropped."""
        try:
            for w in self.workers:
                w.send("resume")
            for w in self.workers:
                while w.receive()[0] != "resume":
                    pass
        except WorkerDied as e:
            self._raise_died(e.worker)

    def _assign(self) -> None:
        """Sends the next indices to the worker whose turn it is."""
        try:
            index = next(self.indices)
        except StopIteration:
            return
        limit = self.prefetch * len(self.workers) // max(1, sum(w.active for w in self.workers))
        for _ in self.workers:
            worker = next(self.turns)
            if worker.active and (self.in_order or worker.tasks < limit):
                break
        else:
            return
        try:
            worker.send("fetch", self.sent, index)
        except WorkerDied as e:
            self._raise_died(e.worker)
        self.assigned[self.sent] = worker
        worker.tasks += 1
        self.sent += 1

    def fetch(self) -> Any:
        """The next batch.

        Raises:
            StopIteration: the pass is over.
            RuntimeError: a worker died, or none answered in time.
            Whatever a worker raised, with its traceback in the message.
        """
        while True:
            while self.next < self.sent and self.next not in self.results:
                worker = self.assigned.get(self.next)
                if worker is not None and worker.active:
                    break
                self.assigned.pop(self.next, None)  # done out of order, or its worker has no more samples
                self.next += 1
            if self.next >= self.sent:
                if not self.persistent:
                    self.shutdown()
                raise StopIteration
            if self.next in self.results:
                self.next += 1
                return self._finish(self.next - 1, self.results.pop(self.next - 1))
            number, result = self._receive()
            if isinstance(result, StreamEnded):
                worker = self.assigned.pop(number)
                worker.active = False
                if not self.persistent:
                    worker.stop()
                self._assign()
            elif self.in_order and number != self.next:
                self.results[number] = result
            else:
                self.next += number == self.next
                return self._finish(number, result)

    def _finish(self, number: int, result: Any) -> Any:
        self.assigned.pop(number).tasks -= 1
        self._assign()
        if isinstance(result, ExceptionWrapper):
            result.reraise()
        return result

    def _receive(self) -> tuple[int, Any]:
        """Task number and result of whichever worker answers first."""
        ready: deque[Worker] = deque()
        poll = select.poll()
        by_fd = {w.sock.fileno(): w for w in self.workers if w.active}
        for fd in by_fd:
            poll.register(fd, select.POLLIN)
        for fd, _ in poll.poll(self.timeout * 1000 if self.timeout > 0 else None):
            ready.append(by_fd[fd])
        if not ready:
            raise RuntimeError(f"DataLoader timed out after {self.timeout} seconds")
        # the worker whose batch is due goes first, for the least waiting
        due = self.assigned.get(self.next)
        worker = due if due in ready else ready[0]
        try:
            _, number, result = worker.receive()  # type: ignore[union-attr]
        except WorkerDied as e:
            self._raise_died(e.worker)
        return number, result

    def _raise_died(self, worker: Worker) -> NoReturn:
        """Raises the error for a worker that ended by itself."""
        code = self.server.ask(("exit status", worker.pid))
        cause = None
        if code is not None and code < 0:
            cause = RuntimeError(_MSG_SIGNAL.format(worker.pid, signal.strsignal(-code)))
        elif code is not None:
            cause = RuntimeError(_MSG_EXIT.format(worker.pid, code))
        raise RuntimeError(f"DataLoader worker (pid(s) {worker.pid}) exited unexpectedly") from cause

    def shutdown(self) -> None:
        """Ends the workers; one that does not stop in time is terminated."""
        workers, self.workers = self.workers, []
        if self.owner != os.getpid():
            return
        for w in workers:
            w.stop()
        limit = time.monotonic() + _GRACE
        for w in workers:
            if not w.wait(limit - time.monotonic()) and self.server.alive():
                with contextlib.suppress(RuntimeError):
                    self.server.ask(("terminate", w.pid))
            w.sock.close()
