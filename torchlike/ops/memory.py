"""What lies beneath a Tensor: its storage, addresses, resizing, and DLPack."""

from __future__ import annotations

import itertools
import math
import weakref
from typing import Any

import jax.dlpack
import numpy as np

from .._core import devices, dtypes, engine
from .._core.graph import Value, aval, without_data
from .._core.layouts import physical, strides_of
from .._core.modes import no_grad
from .._core.registry import check_inplace, function, publish
from .._core.storage import Storage
from .._core.tensor import Tensor, from_numpy_copy, from_numpy_shared
from .strides import contiguous_strides, geometry
from .view import _as_strided

# ---- addresses -----------------------------------------------------------------------------------------

_ROOM = 64
_addresses: weakref.WeakKeyDictionary[Storage, int] = weakref.WeakKeyDictionary()
_next = itertools.count(1)


def _address(storage: Storage) -> int:
    """A number of the storage's own: where NumPy shares the memory its address, else one never given twice.

    XLA moves data with every write, so there is no lasting address to give.
    """
    found = _addresses.get(storage)
    if found is None:
        if storage.host is not None and storage.seen_outside():
            return storage.host.ctypes.data
        found = _addresses[storage] = next(_next) << 44  # room for 16 TiB
    return found


@function(spaces=("Tensor",))
def data_ptr(self: Tensor) -> int:
    """A number that Tensors share if and only if they begin at the same element of the same storage.

    It is no address to read from, unless NumPy shares the memory; 0 for a Tensor without elements or data.
    """
    if not self._aval.size or self.is_meta:
        return 0
    return _address(self._storage) + geometry(self)[2] * self._aval.dtype.itemsize


@function(spaces=("Tensor",))
def const_data_ptr(self: Tensor) -> int:
    """`data_ptr`, for reading only."""
    return data_ptr(self)


@function(spaces=("Tensor",))
def record_stream(self: Tensor, stream: Any) -> None:
    """Says that a stream uses the Tensor: nothing to do, XLA frees memory in the order of its one queue.

    Raises:
        RuntimeError: `stream` is no stream.
    """
    if not hasattr(stream, "wait_event"):
        raise RuntimeError("unknown parameter type")


class UntypedStorage:
    """The bytes beneath a Tensor (`torch.UntypedStorage`): their number, and whose they are."""

    def __init__(self, tensor: Tensor):
        self._cell = tensor._storage

    @property
    def device(self) -> devices.device:
        """Where the bytes are."""
        return self._cell.value.aval.device

    @property
    def is_cuda(self) -> bool:
        """Whether they are on an accelerator."""
        return self.device.type == "cuda"

    def nbytes(self) -> int:
        """Number of bytes."""
        a = self._cell.value.aval
        return a.size * a.dtype.itemsize

    size = __len__ = nbytes

    def element_size(self) -> int:
        """Bytes of one element: 1."""
        return 1

    def data_ptr(self) -> int:
        """`Tensor.data_ptr` of a Tensor that begins where the storage does."""
        return _address(self._cell) if self.nbytes() and self.device is not devices.META else 0

    @property
    def _cdata(self) -> int:
        return id(self._cell)

    def _bytes(self) -> np.ndarray:
        v = self._cell.read()
        return physical(engine.host(v), v.aval.order).view(np.uint8)

    def tolist(self) -> list[int]:
        """The bytes as ints."""
        return self._bytes().tolist()

    def __getitem__(self, key: Any) -> Any:
        found = self._bytes()[key]
        return int(found) if np.ndim(found) == 0 else found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UntypedStorage) and self._cell is other._cell

    def __hash__(self) -> int:
        return id(self._cell)

    def __repr__(self) -> str:
        body = "\n".join(f" {b}" for b in self.tolist())
        return f"{body}\n[torch.storage.UntypedStorage(device={self.device}) of size {self.nbytes()}]"


publish("torch", "UntypedStorage", UntypedStorage)


@function(spaces=("Tensor",))
def untyped_storage(self: Tensor) -> UntypedStorage:
    """The storage that the Tensor and its views share."""
    return UntypedStorage(self)


@function(spaces=("Tensor",))
def is_set_to(self: Tensor, tensor: Tensor) -> bool:
    """Whether both show the same storage at the same offset with the same sizes and strides."""
    return self._storage is tensor._storage and geometry(self) == geometry(tensor)


# ---- other storage, other sizes ---------------------------------------------------------------------------


def _look_at(
    self: Tensor, storage: Storage, size: tuple[int, ...], stride: tuple[int, ...], offset: int
) -> None:
    """Makes self show a part of a storage."""
    whole = Tensor._from_value(storage.value)
    whole._storage = storage
    have = storage.value.aval
    if offset or size != have.shape or stride != strides_of(size, have.order):
        with no_grad():
            whole = _as_strided(whole, size, stride, offset, have.order)
    if storage is not self._storage:
        return self._take(whole, write=True)
    self._lens, self._base = whole._lens, None
    self._value, self._seen, self._shown = whole._value, whole._seen, whole._shown
    self._touch()


@function(spaces=("Tensor",))
def set_(
    self: Tensor, source: Any = None, storage_offset: int = 0, size: Any = None, stride: Any = None
) -> Tensor:
    """Makes self show the storage of a Tensor (or an `UntypedStorage`), or nothing at all.

    Raises:
        RuntimeError: the dtypes differ.
    """
    check_inplace(self)
    self._accumulate = None  # graphs end somewhere else from now on, as in PyTorch
    if source is None:
        _look_at(self, from_numpy_copy(np.zeros(0, self.dtype.jnp), self.device)._storage, (0,), (1,), 0)
        return self
    cell = source._cell if isinstance(source, UntypedStorage) else source._storage
    have = cell.value.aval.dtype
    if have is not self.dtype:
        raise RuntimeError(
            f"Could not set tensor of type {dtypes.C_NAMES[have.name]} to a tensor of type {dtypes.C_NAMES[self.dtype.name]}"
        )
    if size is None and isinstance(source, Tensor):
        shape, steps, storage_offset = geometry(source)
    else:
        shape = (cell.value.aval.size,) if size is None else tuple(int(n) for n in size)
        steps = contiguous_strides(shape) if stride is None else tuple(int(n) for n in stride)
    _look_at(self, cell, tuple(shape), tuple(steps), storage_offset)
    return self


@function(spaces=("Tensor",))
def resize_(self: Tensor, *size: Any, memory_format: Any = None) -> Tensor:
    """Gives self another size over the same storage, row-major from its first element.

    Where the storage is too small, self moves to a larger one with its elements (further ones are 0), and is
    shared with no other Tensor any more.

    Raises:
        RuntimeError: self requires grad, or a size is negative.
    """
    wanted = size[0] if len(size) == 1 and isinstance(size[0], (tuple, list)) else size
    shape = tuple(int(n) for n in wanted)
    if self.requires_grad:
        raise RuntimeError("cannot resize variables that require grad")
    if any(n < 0 for n in shape):
        raise RuntimeError("numel: integer multiplication overflow")
    if shape == tuple(self._aval.shape):
        return self
    check_inplace(self)
    offset, cell = geometry(self)[2], self._storage
    count = offset + math.prod(shape)
    if count > cell.value.aval.size and self.is_meta:
        cell = Storage(without_data((count,), self.dtype))
    elif count > cell.value.aval.size:
        data = np.zeros(count, self.dtype.jnp)
        v = cell.read()
        old = physical(engine.host(v), v.aval.order)
        data[: old.size] = old
        cell = from_numpy_copy(data, self.device)._storage
    _look_at(self, cell, shape, contiguous_strides(shape), offset)
    return self


@function(spaces=("torch", "Tensor"))
def resize_as_(input: Tensor, the_template: Tensor, *, memory_format: Any = None) -> Tensor:
    """`resize_` to the size of another Tensor."""
    return resize_(input, tuple(the_template.shape))


def swap_tensors(t1: Tensor, t2: Tensor) -> None:
    """Exchanges all that two Tensors are, their classes and attributes included; references stay.

    Raises:
        RuntimeError: one of them has weak references.
    """
    for name, t in (("t1", t1), ("t2", t2)):
        if weakref.getweakrefs(t):
            raise RuntimeError(f"Cannot swap {name} because it has weakref associated with it")
    mine, theirs = dict(t1.__dict__), dict(t2.__dict__)
    t1.__class__, t2.__class__ = t2.__class__, t1.__class__
    for t, state in ((t1, theirs), (t2, mine)):
        vars(t).clear()
        vars(t).update(state)


# ---- DLPack -------------------------------------------------------------------------------------------------


def _dlpack(self: Tensor, **how: Any) -> Any:
    """The memory as a DLPack capsule; on the CPU it is shared.

    Raises:
        BufferError: the Tensor requires grad, or has no data.
    """
    if self.requires_grad:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    if self.is_meta:
        raise BufferError("Cannot pack tensors on meta")
    if self.device is devices.CPU and self.dtype is not dtypes.bfloat16:
        return self.numpy().__dlpack__(**how)
    return engine.materialize(self._read()).__dlpack__(**how)


def _dlpack_device(self: Tensor) -> Any:
    """(device type, device index) in DLPack's numbers."""
    if self.device is devices.CPU:
        return np.zeros(0).__dlpack_device__()
    return engine.materialize(self._read()).__dlpack_device__()


Tensor.__dlpack__ = _dlpack  # type: ignore[attr-defined]
Tensor.__dlpack_device__ = _dlpack_device  # type: ignore[attr-defined]


@function(spaces=("torch",))
def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A Tensor over the memory of any object with `__dlpack__`; on the CPU it is shared, unless read-only.

    Raises:
        TypeError: the object has no `__dlpack__`, or PyTorch has no such dtype.
    """
    if not hasattr(ext_tensor, "__dlpack__"):
        raise TypeError(
            f"from_dlpack(): expected an object with __dlpack__, but got {type(ext_tensor).__name__}; capsules carry no "
            "device, pass the object itself"
        )
    if ext_tensor.__dlpack_device__()[0] == np.zeros(0).__dlpack_device__()[0]:
        shared = np.from_dlpack(ext_tensor)
        made = from_numpy_shared(shared) if shared.flags.writeable else from_numpy_copy(shared)
    else:
        array = jax.dlpack.from_dlpack(ext_tensor)
        where = devices.device("cuda", devices.accelerators().index(next(iter(array.devices()))))
        made = Tensor._from_value(
            Value(aval(array.shape, dtypes.from_jnp(array.dtype), where), array, shared=True)
        )
    made = made.clone() if copy else made
    return made if device is None else made.to(device)
