"""`TypedStorage`: the elements beneath a Tensor, as PyTorch's older programs ask for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._core import devices, dtypes
from .._core.autograd import TYPE_NAMES
from .._core.errors import warn_once
from .._core.registry import function, publish
from .._core.tensor import Tensor
from .memory import UntypedStorage
from .view import reshape

_MSG_DEPRECATED = (
    "TypedStorage is deprecated. It will be removed in the future and UntypedStorage will be the only storage class. "
    "This should only matter to you if you are using storages directly.  To access UntypedStorage directly, use "
    "tensor.untyped_storage() instead of tensor.storage()"
)


class TypedStorage:
    """All elements of a storage in the order of memory: reading and writing them reads and writes the Tensors on it."""

    def __init__(self, tensor: Tensor):
        self._untyped = UntypedStorage(tensor)
        whole = Tensor._from_value(tensor._storage.value)
        whole._storage = tensor._storage
        self._flat = reshape(whole, (-1,))

    @property
    def dtype(self) -> dtypes.dtype:
        """Type of the elements."""
        return self._flat.dtype

    @property
    def device(self) -> devices.device:
        """Where they are."""
        return self._flat.device

    @property
    def is_cuda(self) -> bool:
        """Whether they are on an accelerator."""
        return self._flat.is_cuda

    def size(self) -> int:
        """Number of elements."""
        return self._flat.numel()

    __len__ = size

    def nbytes(self) -> int:
        """Number of bytes."""
        return self._flat.nbytes

    def element_size(self) -> int:
        """Bytes of one element."""
        return self._flat.itemsize

    def data_ptr(self) -> int:
        """`Tensor.data_ptr` of a Tensor that begins where the storage does."""
        return self._untyped.data_ptr()

    def untyped(self) -> UntypedStorage:
        """The bytes."""
        return self._untyped

    def tolist(self) -> list[Any]:
        """The elements as Python numbers."""
        return self._flat.tolist()

    def type(self) -> str:
        """The name of its class of old: `"torch.FloatStorage"`."""
        return f"torch.{_name(self.dtype)}"

    def fill_(self, value: Any) -> TypedStorage:
        """Writes one number everywhere; returns self."""
        self._flat.fill_(value)
        return self

    def copy_(self, source: TypedStorage, non_blocking: bool = False) -> TypedStorage:
        """Writes the elements of another storage; returns self."""
        self._flat.copy_(source._flat)
        return self

    def clone(self) -> TypedStorage:
        """A storage of its own with the same elements."""
        return TypedStorage(self._flat.clone())

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            raise RuntimeError("slices are only supported in UntypedStorage.__getitem__")
        if not isinstance(key, int):
            raise RuntimeError(f"can't index a <class 'torch.storage.TypedStorage'> with {type(key)}")
        return self._flat[key].item()

    def __setitem__(self, key: Any, value: Any) -> None:
        self._flat[key] = value

    def __iter__(self) -> Iterator[Any]:
        return iter(self.tolist())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TypedStorage) and self._untyped == other._untyped

    def __hash__(self) -> int:
        return hash(self._untyped)

    def __repr__(self) -> str:
        body = "\n".join(f" {x}" for x in self.tolist())
        about = f"dtype={self.dtype}, device={self.device}"
        return f"{body}\n[torch.storage.TypedStorage({about}) of size {self.size()}]"


def _name(d: dtypes.dtype) -> str:
    return TYPE_NAMES[d.name].replace("Tensor", "Storage")


class _StorageMeta(type):
    """`isinstance(s, torch.FloatStorage)` asks for the dtype."""

    dtype: dtypes.dtype

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, TypedStorage) and instance.dtype is cls.dtype

    def __call__(cls, *args: Any) -> Any:
        raise RuntimeError(
            f"torch.{cls.__name__}(): storages are not made by themselves here; use a tensor's storage()"
        )


def _class_of(d: dtypes.dtype) -> type:
    about = {"dtype": d, "__module__": "torch", "__doc__": f"The class of storages of {d} elements."}
    return _StorageMeta(_name(d), (), about)


_CLASSES = {name: _class_of(dtypes.by_name(name)) for name in TYPE_NAMES}
publish("torch", "TypedStorage", TypedStorage)
for _made in _CLASSES.values():
    publish("torch", _made.__name__, _made)


@function(spaces=("Tensor",))
def storage(self: Tensor) -> TypedStorage:
    """The elements of the storage beneath the Tensor. Deprecated: `untyped_storage` is what stays."""
    warn_once(_MSG_DEPRECATED, 4)
    return TypedStorage(self)


@function(spaces=("Tensor",))
def storage_type(self: Tensor) -> type:
    """The class of its storage: `torch.FloatStorage` and so on."""
    return _CLASSES[self.dtype.name]
