"""The process that workers are forked from.

Forking a process in which XLA's threads run can deadlock the child, and a fresh interpreter for each
worker would import everything again. So one clean process is started; it imports torchlike, never
starts a JAX backend, and forks workers on request. It ends when the main process closes its socket.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import Any

from . import wire

_ENVIRONMENT = {  # workers compute on the CPU, one thread each
    "JAX_PLATFORMS": "cpu",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
_START = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); "
    "from torchlike.utils.data._utils import server; server.main(int(sys.argv[2]))"
)


class Server:
    """The main process's handle of the fork server; `shared()` gives the one of this process."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self.owner, self.sock, self.lock = os.getpid(), ours, threading.Lock()
        self.asked = 0
        path = [p or os.getcwd() for p in sys.path]  # to find torchlike
        command = [sys.executable, *subprocess._args_from_interpreter_flags()]  # type: ignore[attr-defined]
        command += ["-c", _START, json.dumps(path), str(theirs.fileno())]
        environment = {**os.environ, **_ENVIRONMENT}
        self.process = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], env=environment, stdin=subprocess.DEVNULL
        )
        theirs.close()
        atexit.register(self.close)

    def ask(self, request: tuple[Any, ...], fds: tuple[int, ...] = ()) -> Any:
        """Sends a request and waits for its answer.

        Raises:
            RuntimeError: the server has ended.
        """
        with self.lock:
            try:
                self.asked += 1
                wire.send(self.sock, (self.asked, *request), fds)
                while True:
                    (number, answer), _ = wire.receive(self.sock)
                    if number == self.asked:  # not the answer to a request that was interrupted
                        return answer
            except (EOFError, OSError) as e:
                raise RuntimeError(
                    "the process that starts DataLoader workers ended unexpectedly "
                    f"(exit code {self.process.poll()})"
                ) from e

    def alive(self) -> bool:
        """Whether this process may use it."""
        return self.owner == os.getpid() and self.process.poll() is None

    def close(self) -> None:
        """Ends the server."""
        if self.owner != os.getpid():
            return
        self.sock.close()
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


_servers: list[Server] = []
_threaded: set[str] = set()  # modules that start threads when they are imported
_lock = threading.Lock()


def shared() -> Server:
    """This process's server, started on the first call; it gets ready while the caller goes on.

    Raises:
        NotImplementedError: the platform cannot fork.
    """
    if not hasattr(os, "fork") or not hasattr(socket, "send_fds"):
        raise NotImplementedError(
            "DataLoader(num_workers > 0) needs a platform with fork and Unix sockets; use num_workers=0"
        )
    with _lock:
        if not _servers or not _servers[0].alive():
            _servers[:] = [Server()]
        return _servers[0]


def prepared(around: Any, modules: set[str]) -> Server:
    """The server, with the modules that the workers need imported once, for all of them.

    A module that starts threads would make forking unsafe: then a new server is started, and the
    workers import such modules by themselves.
    """
    wanted = modules - _threaded
    server = shared()
    if not server.ask(("import", (around, sorted(wanted)))):
        _threaded.update(wanted)
        server.close()
        server = shared()
    return server


# ---- in the server process ---------------------------------------------------------------


def main(fd: int) -> None:
    """Serves requests until the main process is gone."""
    from . import worker  # imported here once, for all workers to come

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sock = socket.socket(fileno=fd)
    ended: dict[int, int] = {}
    while True:
        try:
            (number, kind, argument), fds = wire.receive(sock)
        except (EOFError, OSError):
            os._exit(0)
        if kind == "fork":
            sys.stdout.flush()
            sys.stderr.flush()
            pid = os.fork()
            if pid == 0:
                sock.close()
                worker.run(fds[0], fds[1], argument)  # does not return
            for given in fds:
                os.close(given)
            answer: Any = pid
        elif kind == "import":
            answer = _import(*argument)
        elif kind == "exit status":
            answer = _exit_status(argument, ended)
        else:
            answer = _terminate(argument, ended)
        wire.send(sock, (number, answer))


def _import(around: Any, modules: list[str]) -> bool:
    """Imports what the workers will need; False if threads run now."""
    from . import transfer, worker

    if not os.path.isdir("/proc/self/task"):  # threads could not be noticed
        return True
    worker.settle(around)
    for name in modules:
        # Whatever is wrong with the module, the worker that imports it reports to the user.
        with contextlib.suppress(BaseException):
            transfer.load(name, around.sources)
    return len(os.listdir("/proc/self/task")) == 1


def _reap(ended: dict[int, int]) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        ended[pid] = os.waitstatus_to_exitcode(status)


def _exit_status(pid: int, ended: dict[int, int], seconds: float = 1.0) -> int | None:
    """Exit code of a worker (minus the signal's number), None if it is still running."""
    limit = time.monotonic() + seconds
    while True:
        _reap(ended)
        if pid in ended or time.monotonic() > limit:
            return ended.get(pid)
        time.sleep(0.005)


def _terminate(pid: int, ended: dict[int, int]) -> None:
    """Ends a worker that did not stop by itself."""
    _reap(ended)
    for number in (signal.SIGTERM, signal.SIGKILL):
        if pid in ended:
            return
        os.kill(pid, number)
        _exit_status(pid, ended, 2.0)
