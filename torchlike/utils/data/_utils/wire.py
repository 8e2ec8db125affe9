"""Messages between the main process and its workers: Unix sockets and nameless shared memory.

Array data lies in memory files that have no name: a descriptor is sent over the socket, and the
memory is gone when the last process that holds one is gone, also after a crash.
"""

from __future__ import annotations

import mmap
import os
import pickle
import socket
import struct
import tempfile
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

_HEADER = struct.Struct("<QI")  # length of the pickle, number of descriptors
_MAX_FDS = 8
_ALIGN = 64
_PAGE = 1 << 16
_INLINE = 1 << 14  # array data up to this size travels with the message


def send(sock: socket.socket, obj: Any, fds: Sequence[int] = ()) -> None:
    """Sends one picklable object, and file descriptors with it."""
    data = pickle.dumps(obj, pickle.HIGHEST_PROTOCOL)
    socket.send_fds(sock, [_HEADER.pack(len(data), len(fds))], list(fds))
    sock.sendall(data)


def receive(sock: socket.socket) -> tuple[Any, list[int]]:
    """One object and the descriptors that came with it.

    Raises:
        EOFError: the other side is gone.
    """
    head, fds, _, _ = socket.recv_fds(sock, _HEADER.size, _MAX_FDS)
    if len(head) < _HEADER.size:
        head += _exactly(sock, _HEADER.size - len(head))
    size, _ = _HEADER.unpack(head)
    for fd in fds:
        os.set_inheritable(fd, False)
    return pickle.loads(_exactly(sock, size)), fds


def _exactly(sock: socket.socket, size: int) -> bytearray:
    data = bytearray(size)
    view = memoryview(data)
    done = 0
    while done < size:
        n = sock.recv_into(view[done:])
        if n == 0:
            raise EOFError("the other process closed its end")
        done += n
    return data


def memory_file(size: int) -> int:
    """Descriptor of a new memory file without a name, `size` bytes long."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("torchlike-data", os.MFD_CLOEXEC)
    else:
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    os.ftruncate(fd, max(size, 1))
    return fd


def layout(buffers: Iterable[np.ndarray]) -> tuple[list[tuple[int, int]], int]:
    """Aligned (offset, size) of each buffer in one block, and the block's size."""
    places, end = [], 0
    for buffer in buffers:
        places.append((end, buffer.nbytes))
        end += -(-buffer.nbytes // _ALIGN) * _ALIGN
    return places, end


def fill(block: mmap.mmap, places: list[tuple[int, int]], buffers: Iterable[np.ndarray]) -> None:
    """Writes the buffers to their places."""
    for (offset, size), buffer in zip(places, buffers, strict=True):
        if size:
            block[offset : offset + size] = buffer  # type: ignore[assignment]


def views(block: Any, places: list[tuple[int, int]]) -> list[np.ndarray]:
    """The buffers at their places."""
    whole = np.frombuffer(block, np.uint8)
    return [whole[offset : offset + size] for offset, size in places]


def pack_once(buffers: list[np.ndarray]) -> tuple[int, list[tuple[int, int]]]:
    """A memory file with these buffers: its descriptor and their places."""
    places, size = layout(buffers)
    fd = memory_file(size)
    with mmap.mmap(fd, max(size, 1)) as block:
        fill(block, places, buffers)
    return fd, places


def map_private(fd: int) -> mmap.mmap:
    """The contents of a memory file; what this process writes, no other sees."""
    return mmap.mmap(fd, os.fstat(fd).st_size, access=mmap.ACCESS_COPY)


class Outbox:
    """A worker's side: sends results through a few blocks of memory that are used again."""

    def __init__(self, sock: socket.socket):
        self.sock = sock
        self.blocks: dict[int, mmap.mmap] = {}
        self.free: set[int] = set()

    def release(self, numbers: Iterable[int]) -> None:
        """The main process has read these blocks."""
        self.free.update(numbers)

    def send(self, kind: str, data: bytes, buffers: list[np.ndarray]) -> None:
        """Sends a pickle with its array data."""
        places, size = layout(buffers)
        if size <= _INLINE:
            send(self.sock, (kind, data, [b.tobytes() for b in buffers], None))
            return
        number, fd = self._block(size)
        fill(self.blocks[number], places, buffers)
        send(self.sock, (kind, data, places, number), () if fd is None else (fd,))
        if fd is not None:
            os.close(fd)

    def _block(self, size: int) -> tuple[int, int | None]:
        """A free block that is large enough; a new one comes with its descriptor."""
        fitting = [n for n in self.free if len(self.blocks[n]) >= size]
        if fitting:
            number = min(fitting, key=lambda n: len(self.blocks[n]))
            self.free.remove(number)
            return number, None
        number = self.free.pop() if self.free else len(self.blocks)
        room = -(-size // _PAGE) * _PAGE
        fd = memory_file(room)
        self.blocks[number] = mmap.mmap(fd, room)
        return number, fd


class Inbox:
    """The main process's side of one worker: receives results, hands blocks back."""

    def __init__(self, sock: socket.socket):
        self.sock = sock
        self.blocks: dict[int, mmap.mmap] = {}
        self.read: list[int] = []

    def receive(self) -> tuple[str, bytes, list[Any], int | None]:
        """Kind, pickle and buffers of the next result, and the block to give to `done` after use.

        Raises:
            EOFError, OSError: the worker is gone.
        """
        (kind, data, places, number), fds = receive(self.sock)
        if number is None:
            return kind, data, places, None
        for fd in fds:
            self.blocks[number] = mmap.mmap(fd, os.fstat(fd).st_size, access=mmap.ACCESS_READ)
            os.close(fd)
        return kind, data, views(self.blocks[number], places), number

    def done(self, number: int | None) -> None:
        """Nothing refers to the block any more; the worker hears of it with the next task."""
        if number is not None:
            self.read.append(number)

    def take_read(self) -> list[int]:
        """The blocks to hand back."""
        numbers, self.read = self.read, []
        return numbers
