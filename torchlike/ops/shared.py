"""`share_memory_`: tensors whose memory other processes see.

The memory is a file without a name. multiprocessing hands its descriptor to the processes that it
starts, and to those that take the tensor from a queue; it is gone with the last one that holds it.
"""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref
from multiprocessing import reduction
from typing import Any

import numpy as np

from .._core import devices, dtypes
from .._core.host import over
from .._core.registry import function
from .._core.storage import Storage
from .._core.tensor import Tensor


class _Block:
    """Memory of a nameless file, mapped into this process.

    It refers to the bytes as well as the arrays over them do, which tells a Storage that somebody else sees them.
    """

    def __init__(self, fd: int, size: int):
        self.fd = fd
        self.bytes = np.frombuffer(mmap.mmap(fd, max(size, 1)), np.uint8)
        weakref.finalize(self, os.close, fd)

    def array(self, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
        size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        return self.bytes[:size].view(dtype).reshape(shape)


_blocks: weakref.WeakKeyDictionary[Storage, _Block] = weakref.WeakKeyDictionary()


def _new_block(size: int) -> _Block:
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("torchlike-shared", os.MFD_CLOEXEC)
    else:
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    os.ftruncate(fd, max(size, 1))
    return _Block(fd, size)


@function(spaces=("Tensor",))
def share_memory_(self: Tensor) -> Tensor:
    """Moves the data into memory that other processes share, once the tensor is sent to them; returns self.

    Every step that writes to it waits for its data: it is for asynchronous training in several
    processes on the CPU.

    Raises:
        NotImplementedError: the tensor is on an accelerator.
    """
    if self.device is not devices.CPU:
        raise NotImplementedError(
            "share_memory_() of a tensor on an accelerator: share a CPU tensor, and copy it"
        )
    cell = self._storage
    if cell not in _blocks:
        reduction.ForkingPickler.register(Tensor, _reduce)
        reduction.ForkingPickler.register(type(self), _reduce)
        data = cell.share()
        block = _new_block(data.nbytes)
        cell.host = block.array(data.dtype, data.shape)
        np.copyto(cell.host, data)
        _blocks[cell] = block
    return self


@function(spaces=("Tensor",))
def is_shared(self: Tensor) -> bool:
    """Whether other processes can see the memory."""
    return self._storage in _blocks


def _reduce(t: Tensor) -> Any:
    """How multiprocessing sends a tensor: shared memory by its descriptor, all else by value."""
    block = None if t._parted or t._lens is not None else _blocks.get(t._storage)
    if block is None or (t.requires_grad and not t.is_leaf):
        return t.__reduce_ex__(4)
    cls, state = (
        type(t),
        {k: v for k, v in vars(t).items() if not k.startswith("_") or k in ("_is_param", "_is_buffer")},
    )
    return _attach, (reduction.DupFd(block.fd), t.dtype.name, tuple(t.shape), t.requires_grad, cls, state)


def _attach(
    handle: Any, dtype: str, shape: tuple[int, ...], requires_grad: bool, cls: type, state: Any
) -> Tensor:
    """In the process that receives it: a tensor over the same memory."""
    reduction.ForkingPickler.register(Tensor, _reduce)
    reduction.ForkingPickler.register(cls, _reduce)
    kind = dtypes.by_name(dtype).jnp
    block = _Block(handle.detach(), int(np.prod(shape, dtype=np.int64)) * kind.itemsize)
    made = over(block.array(kind, shape))
    _blocks[made._storage] = block
    if cls is not Tensor:
        plain, made = made, object.__new__(cls)
        vars(made).update(vars(plain))
    vars(made).update(state)
    return made.requires_grad_() if requires_grad else made
