"""Storages read from a checkpoint, where they go (`map_location`), and the Tensors rebuilt on them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from .._core import devices, dtypes
from .._core.host import own
from .._core.modes import no_grad
from .._core.tensor import Tensor
from ..nn.parameter import Parameter
from ..ops.creation import empty_strided
from ..ops.sparse_compressed import sparse_compressed_tensor
from ..ops.sparse_coo import LAYOUTS, sparse_coo_tensor

_ACCELERATORS = ("cuda", "xla", "tpu", "mps")
_MSG_NO_DEVICE = (
    "Attempting to deserialize object on a {0} device but torch.{1}.is_available() is False. "
    "If you are running on a CPU-only machine, please use torch.load with map_location=torch.device('cpu') "
    "to map your storages to the CPU."
)
_MSG_INDEX = (
    "Attempting to deserialize object on {0} device {2} but torch.{1}.device_count() is {3}. "
    "Please use torch.load with map_location to map your storages to an existing device."
)
_MSG_UNSUPPORTED = "torch.load: torchlike has no {}; save such tensors dense, in one of torchlike's dtypes"


class LoadedStorage:
    """The elements of one saved storage; the Tensors made on it share memory.

    Args:
        data: 1-d array, owned.
        dtype: type of the elements.
        device: where the Tensors will be.
    """

    def __init__(self, data: np.ndarray, dtype: dtypes.dtype, device: devices.device = devices.CPU):
        self._data, self.dtype, self.device = data, dtype, device
        self._whole: Tensor | None = None
        self._numel = data.shape[0]

    def size(self) -> int:
        """Number of elements."""
        return self._numel

    __len__ = size

    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self._numel * self.dtype.itemsize

    def to(self, device: Any) -> LoadedStorage:
        """The same data, for Tensors on another device."""
        moved = copy.copy(self)
        moved.device = devices.canonical(device)
        return moved

    def cpu(self) -> LoadedStorage:
        """The same data, for Tensors on the CPU."""
        return self.to("cpu")

    def cuda(self, device: Any = None) -> LoadedStorage:
        """The same data, for Tensors on an accelerator."""
        return self.to("cuda" if device is None else device)

    def tensor(
        self, offset: int, size: tuple[int, ...], stride: tuple[int, ...], dtype: Any = None
    ) -> Tensor:
        """A Tensor over part of the storage, by PyTorch's offset and strides (in elements).

        Raises:
            RuntimeError: it would reach outside the storage.
        """
        dtype = dtype or self.dtype
        if self.device is devices.META:
            return empty_strided(size, stride, dtype=dtype, device="meta")
        if dtype is not self.dtype:
            self._retype(dtype)
        _check_bounds(offset, size, stride, self._numel)
        count = int(np.prod(size, dtype=np.int64))
        whole = offset == 0 and count == self._numel and tuple(stride) == contiguous_strides(size)
        if count == 0 or whole:
            if self._whole is None or count == 0:
                made = own(self._data[:count].reshape(size), self.device)
                self._whole = made if self._whole is None and whole else self._whole
                return made
            if tuple(self._whole.shape) == tuple(size):
                return self._whole.detach()
        if self._whole is None:
            self._whole = own(self._data, self.device)
        with no_grad():
            return self._whole.detach().as_strided(size, stride, offset).detach()

    def _retype(self, dtype: dtypes.dtype) -> None:
        """An untyped storage takes the dtype of the Tensor on it."""
        if self._whole is not None:
            raise RuntimeError("torch.load: tensors of different dtypes on one storage are not supported")
        self._data = self._data.view(dtype.jnp)
        self.dtype, self._numel = dtype, self._data.shape[0]


class StorageSlice:
    """Part of a LoadedStorage, as old files save views."""

    def __init__(self, root: LoadedStorage, start: int, length: int):
        self.root, self.start, self.length = root, start, length
        self.dtype = root.dtype

    def tensor(
        self, offset: int, size: tuple[int, ...], stride: tuple[int, ...], dtype: Any = None
    ) -> Tensor:
        """A Tensor over part of the slice."""
        _check_bounds(offset, size, stride, self.length)
        return self.root.tensor(self.start + offset, size, stride, dtype)


def contiguous_strides(size: tuple[int, ...]) -> tuple[int, ...]:
    """Row-major strides, in elements, as PyTorch reports them."""
    strides, step = [], 1
    for n in reversed(size):
        strides.append(step)
        step *= max(int(n), 1)
    return tuple(reversed(strides))


def _check_bounds(offset: int, size: tuple[int, ...], stride: tuple[int, ...], numel: int) -> None:
    """A damaged or hostile file must not make a Tensor read outside its storage."""
    if len(size) != len(stride) or offset < 0 or any(n < 0 for n in size) or any(s < 0 for s in stride):
        raise RuntimeError(f"torch.load: invalid tensor geometry: {offset=}, {size=}, {stride=}")
    if 0 not in size and offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) >= numel:
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset} "
            f"are out of bounds for storage of {numel} elements"
        )


# ---- map_location --------------------------------------------------------------------------

Restore = Callable[[Any, str], Any]
_packages: list[tuple[int, Callable[[Any], Any], Restore]] = []


def register_package(priority: int, tagger: Callable[[Any], Any], deserializer: Restore) -> None:
    """Adds a rule for device tags in checkpoints; lower priorities are asked first.

    Args:
        priority: order of the rules (the CPU's is 10, the accelerator's 20).
        tagger: storage -> tag, or None.
        deserializer: (storage, tag) -> storage on its device, or None if the tag is not its own.
    """
    _packages.append((priority, tagger, deserializer))
    _packages.sort(key=lambda rule: rule[0])


def location_tag(storage: Any) -> str:
    """The tag that says in a checkpoint where a storage was."""
    for _, tagger, _ in _packages:
        tag = tagger(storage)
        if tag:
            return tag
    raise RuntimeError(f"don't know how to determine data location of {type(storage).__name__}")


def default_restore_location(storage: Any, location: str) -> Any:
    """The storage on the device that a tag names.

    Raises:
        RuntimeError: no rule knows the tag, or the device is not there.
    """
    for _, _, deserializer in _packages:
        result = deserializer(storage, location)
        if result is not None:
            return result
    raise RuntimeError(
        f"don't know how to restore data location of {type(storage).__name__} (tagged with {location})"
    )


def restore_location(map_location: Any) -> Restore:
    """The rule for a `map_location` argument: None, device or its name, dict of tags, or callable."""
    if map_location is None:
        return default_restore_location
    if isinstance(map_location, dict):
        return lambda storage, location: default_restore_location(
            storage, map_location.get(location, location)
        )
    if isinstance(map_location, (str, bytes, devices.device)):
        name = map_location.decode() if isinstance(map_location, bytes) else str(map_location)
        return lambda storage, location: default_restore_location(storage, name)

    def restore(storage: Any, location: str) -> Any:
        result = map_location(storage, location)
        return default_restore_location(storage, location) if result is None else result

    return restore


def _restore_simple(kind: str) -> Restore:
    return lambda storage, location: storage.to(kind) if location == kind else None


def validate_device(location: str) -> int:
    """The index in an accelerator's tag.

    Raises:
        RuntimeError: there is no such accelerator.
    """
    kind = location.partition(":")[0]
    found = len(devices.accelerators())
    if not found:
        raise RuntimeError(_MSG_NO_DEVICE.format(kind.upper(), kind))
    index = devices.device(location).index or 0
    if index >= found:
        raise RuntimeError(_MSG_INDEX.format(kind.upper(), kind, index, found))
    return index


def _restore_accelerator(storage: Any, location: str) -> Any:
    if location.partition(":")[0] not in _ACCELERATORS:
        return None
    validate_device(location)
    return storage.to(location)


def _tag(*kinds: str) -> Callable[[Any], Any]:
    return lambda storage: str(storage.device) if storage.device.type in kinds else None


register_package(10, _tag("cpu"), _restore_simple("cpu"))
register_package(20, _tag(*_ACCELERATORS), _restore_accelerator)
register_package(22, _tag("meta"), _restore_simple("meta"))


# ---- what files call to rebuild Tensors -------------------------------------------------------


def rebuild_tensor(storage: Any, offset: int, size: Any, stride: Any) -> Tensor:
    """`torch._utils._rebuild_tensor`."""
    return storage.tensor(offset, tuple(size), tuple(stride))


def rebuild_tensor_v2(
    storage: Any, offset: int, size: Any, stride: Any, requires_grad: bool, hooks: Any, metadata: Any = None
) -> Tensor:
    """`torch._utils._rebuild_tensor_v2`. Hooks are never saved; metadata tells of conjugate bits."""
    made = rebuild_tensor(storage, offset, size, stride)
    for bit, apply in (("conj", np.conj), ("neg", np.negative)):
        if metadata and metadata.get(bit):
            made = own(apply(made._host()), made.device)
    return made.requires_grad_() if requires_grad else made


def rebuild_tensor_v3(
    storage: Any,
    offset: int,
    size: Any,
    stride: Any,
    requires_grad: bool,
    hooks: Any,
    dtype: Any,
    metadata: Any = None,
) -> Tensor:
    """`torch._utils._rebuild_tensor_v3`: the storage is untyped."""
    made = storage.tensor(offset, tuple(size), tuple(stride), dtype)
    return made.requires_grad_() if requires_grad else made


def rebuild_parameter(data: Tensor, requires_grad: bool, hooks: Any) -> Any:
    """`torch._utils._rebuild_parameter`."""
    return Parameter(data, requires_grad)


def rebuild_parameter_with_state(data: Tensor, requires_grad: bool, hooks: Any, state: Any) -> Parameter:
    """`torch._utils._rebuild_parameter_with_state`: the parameter has Python attributes."""
    return _set_state(Parameter(data, requires_grad), state)


def rebuild_meta_tensor(dtype: Any, size: Any, stride: Any, requires_grad: bool) -> Tensor:
    """`torch._utils._rebuild_meta_tensor_no_storage`."""
    made = empty_strided(tuple(size), tuple(stride), dtype=dtype, device="meta")
    return made.requires_grad_() if requires_grad else made


def rebuild_from_type_v2(rebuild: Callable[..., Tensor], cls: type, args: Any, state: Any) -> Tensor:
    """`torch._tensor._rebuild_from_type_v2`: a subclass, or a Tensor with Python attributes."""
    made = rebuild(*args)
    if type(made) is not cls:
        made = made.as_subclass(cls)
    setstate = getattr(cls, "__setstate__", None)
    if setstate is not None and setstate is not getattr(Tensor, "__setstate__", None):
        setstate(made, state)
        return made
    return _set_state(made, state)


def rebuild_from_cpu_tensor(data: Tensor, dtype: Any, device: Any, requires_grad: bool) -> Tensor:
    """`torch._utils._rebuild_device_tensor_from_cpu_tensor`."""
    made = data.to(dtype=dtype, device=device)
    return made.requires_grad_() if requires_grad else made


def _set_state(made: Any, state: Any) -> Any:
    state, slots = state if isinstance(state, tuple) else (state, None)
    for values in (state, slots):
        for name, value in (values or {}).items():
            setattr(made, name, value)
    return made


def get_layout(name: str) -> Any:
    """`torch.serialization._get_layout`."""
    return _LAYOUTS.get(name, name)


_LAYOUTS = {repr(layout): layout for layout in LAYOUTS.values()}


def rebuild_sparse_tensor(layout: Any, data: Any) -> Tensor:
    """`torch._utils._rebuild_sparse_tensor`."""
    if layout is not LAYOUTS["coo"]:
        return sparse_compressed_tensor(*data, layout=layout)
    indices, values, size, *coalesced = data
    return sparse_coo_tensor(indices, values, size, is_coalesced=bool(coalesced and coalesced[0]))


def _unsupported(what: str) -> Callable[..., Any]:
    def rebuild(*_: Any) -> Any:
        raise RuntimeError(_MSG_UNSUPPORTED.format(what))

    return rebuild


REBUILD: dict[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor": rebuild_tensor,
    "torch._utils._rebuild_tensor_v2": rebuild_tensor_v2,
    "torch._utils._rebuild_tensor_v3": rebuild_tensor_v3,
    "torch._utils._rebuild_parameter": rebuild_parameter,
    "torch._utils._rebuild_parameter_with_state": rebuild_parameter_with_state,
    "torch._utils._rebuild_meta_tensor_no_storage": rebuild_meta_tensor,
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": rebuild_from_cpu_tensor,
    "torch._tensor._rebuild_from_type_v2": rebuild_from_type_v2,
    "torch._utils._rebuild_sparse_tensor": rebuild_sparse_tensor,
    "torch.serialization._get_layout": get_layout,
    "torch._utils._rebuild_qtensor": _unsupported("quantized tensors"),
    "torch._utils._rebuild_nested_tensor": _unsupported("nested tensors"),
}
