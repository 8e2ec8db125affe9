"""`from_file`: tensors over a file."""

from __future__ import annotations

import mmap
import os
from typing import Any

import numpy as np

from .._core import devices, dtypes
from .._core.registry import function
from .._core.tensor import Tensor, from_numpy_copy, from_numpy_shared
from .factory import How, requiring


@function(spaces=("torch",))
def from_file(
    filename: str, shared: bool | None = None, size: int = 0, *, dtype: Any = None, layout: Any = None, device: Any = None,
    pin_memory: bool = False, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """The first `size` elements of a file as a 1-d tensor on the CPU.

    Args:
        shared: whether the file is the tensor's memory: writes to either are seen by both, and by other processes.
            The file is made, or lengthened, if need be. Else the data is read once.
        size: number of elements.
        dtype: type of the elements, the default dtype unless given.

    Raises:
        RuntimeError: the file cannot be opened, or is too short and not shared; the device is not the CPU.
    """
    how = How("from_file", dtype=dtype, layout=layout, device=device)
    if pin_memory:
        raise RuntimeError("tensors constructed from a file cannot be pinned")
    if how.device is not devices.CPU:
        raise RuntimeError(f"from_file(): only CPU tensors can be mapped to files, not {how.device}")
    d = how.dtype or dtypes.get_default_dtype()
    n = size * d.itemsize
    if n < 0:
        raise RuntimeError(f"unable to mmap {n} bytes from file <{filename}>: Cannot allocate memory (12)")
    made = _shared(filename, n, d) if shared else _read(filename, n, d)
    return requiring(made) if requires_grad else made


def _read(filename: str, n: int, d: dtypes.dtype) -> Tensor:
    try:
        have = os.path.getsize(filename)
        if have < n:
            raise RuntimeError(
                f"file <{filename}> size <{have}> is smaller than the required mapping size <{n}>"
            )
        data = np.fromfile(filename, np.uint8, n)
    except OSError as e:
        raise RuntimeError(_cannot_open(filename, "read-only", e)) from e
    return from_numpy_copy(data.view(d.jnp))


def _shared(filename: str, n: int, d: dtypes.dtype) -> Tensor:
    try:
        number = os.open(filename, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as e:
        raise RuntimeError(_cannot_open(filename, "read-write", e)) from e
    try:
        if os.fstat(number).st_size < n:
            os.truncate(number, n)
        if not n:
            return from_numpy_copy(np.zeros(0, d.jnp))
        return from_numpy_shared(np.frombuffer(mmap.mmap(number, n), d.jnp))
    finally:
        os.close(number)


def _cannot_open(filename: str, mode: str, e: OSError) -> str:
    return f"unable to open file <{filename}> in {mode} mode: {e.strerror} ({e.errno})"
