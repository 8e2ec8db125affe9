"""The writing side: the pickle with PyTorch's names, and the archive around it."""

from __future__ import annotations

import io
import os
import pickle
import struct
import sys
import zipfile
from collections import OrderedDict
from typing import IO, Any

import numpy as np

from .._core import devices, dtypes, engine
from .._core.layouts import physical
from .._core.tensor import Size, Tensor
from ..nn.parameter import Parameter, UninitializedTensorMixin
from ..ops.convert import Layout
from .names import STORAGE_OF, TorchName, torch_name
from .storage import contiguous_strides

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
PROTOCOL_VERSION = 1001
_ALIGNMENT = 64
_ZIP64_FIELD = 20  # bytes that zipfile adds to the header of a large record
_DATE = (1980, 1, 1, 0, 0, 0)

_REBUILD = {
    name: TorchName("torch._utils", name)
    for name in (
        "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_parameter", "_rebuild_parameter_with_state",
        "_rebuild_meta_tensor_no_storage", "_rebuild_sparse_tensor",
    )
}  # fmt: skip
_GET_LAYOUT = TorchName("torch.serialization", "_get_layout")
_FROM_TYPE = TorchName("torch._tensor", "_rebuild_from_type_v2")
_STORAGE = {dtype: TorchName("torch", name) for dtype, name in STORAGE_OF.items()}
_UNTYPED = TorchName("torch.storage", "UntypedStorage")


class SavedStorage:
    """One storage to write: its key in the file and its elements."""

    def __init__(self, key: str, data: np.ndarray, dtype: dtypes.dtype, location: str, cell: Any):
        self.key, self.data, self.dtype, self.location = key, data, dtype, location
        self.cell = cell  # kept alive: storages are told apart by identity

    def persistent_id(self) -> tuple[Any, ...]:
        """How the pickle refers to it."""
        kind = _STORAGE.get(self.dtype)
        numel = self.data.size if kind is not None else self.data.nbytes
        return ("storage", kind or _UNTYPED, self.key, self.location, numel)


_Pickler: Any = pickle._Pickler  # type: ignore[attr-defined]  # Python's own, for its table of instructions


class Saver(_Pickler):
    """Pickles an object with PyTorch's names; `storages` collects the data of its Tensors."""

    def __init__(self, file: IO[bytes], protocol: int, legacy: bool = False):
        super().__init__(file, protocol)
        self.legacy = legacy
        self.storages: dict[Any, SavedStorage] = {}

    def persistent_id(self, obj: Any) -> Any:
        """Storages go beside the pickle."""
        if type(obj) is not SavedStorage:
            return None
        return (*obj.persistent_id(), None) if self.legacy else obj.persistent_id()

    def reducer_override(self, obj: Any) -> Any:
        """How Tensors and the types around them are taken apart."""
        if isinstance(obj, UninitializedTensorMixin):
            return obj.__reduce_ex__(self.proto)
        if isinstance(obj, Tensor):
            return self._reduce_parameter(obj) if type(obj) is Parameter else self._reduce_tensor(obj)
        if isinstance(obj, dtypes.dtype):
            return obj.name
        if isinstance(obj, Layout):
            return _GET_LAYOUT, (repr(obj),)
        if isinstance(obj, devices.device):
            return devices.device, ((obj.type,) if obj.index is None else (obj.type, obj.index))
        if isinstance(obj, TorchName):
            return obj.name
        if isinstance(obj, Size):
            return Size, (tuple(obj),)
        if isinstance(obj, OrderedDict) and type(obj).__module__.startswith("torchlike."):
            return OrderedDict, (), None, None, iter(obj.items())  # such as a module's hooks
        return NotImplemented

    def save_global(self, obj: Any, name: str | None = None) -> None:
        """Writes a global under PyTorch's name where torchlike's stands for one."""
        if isinstance(obj, TorchName):
            found: tuple[str, str] | None = (obj.module, obj.name)
        elif isinstance(obj, dtypes.dtype):
            found = ("torch", obj.name)
        else:
            found = torch_name(obj, name)
        if found is None:
            super().save_global(obj, name)
            return
        self.write(pickle.GLOBAL + f"{found[0]}\n{found[1]}\n".encode())
        self.memoize(obj)

    dispatch = {**_Pickler.dispatch, type(torch_name): save_global}

    # ---- Tensors -------------------------------------------------------------------------

    def _reduce_parameter(self, p: Any) -> Any:
        data = p.detach()
        state = _attributes(p)
        if state:
            return _REBUILD["_rebuild_parameter_with_state"], (data, p.requires_grad, OrderedDict(), state)
        return _REBUILD["_rebuild_parameter"], (data, p.requires_grad, OrderedDict())

    def _reduce_tensor(self, t: Any) -> Any:
        rebuild, args = self._plain(t)
        state = _attributes(t)
        if (type(t) is Tensor or t._parted) and not state:
            return rebuild, args
        return _FROM_TYPE, (rebuild, type(t), args, state)

    def _plain(self, t: Any) -> tuple[TorchName, tuple[Any, ...]]:
        size = tuple(t.shape)
        if t._parted:
            parts: Any = (
                (t._indices(), t._values(), Size(size), t.is_coalesced())
                if t.is_sparse
                else (*t.indices_of(), t._v.detach(), Size(size))
            )
            return _REBUILD["_rebuild_sparse_tensor"], (t.layout, parts)
        if t.device is devices.META:
            stride = tuple(t.stride())
            return _REBUILD["_rebuild_meta_tensor_no_storage"], (t.dtype, size, stride, t.requires_grad)
        storage, offset, stride = self._storage_of(t)
        if storage.dtype in _STORAGE:
            args = (storage, offset, size, stride, t.requires_grad, OrderedDict())
            return _REBUILD["_rebuild_tensor_v2"], args
        args = (storage, offset, size, stride, t.requires_grad, OrderedDict(), storage.dtype)
        return _REBUILD["_rebuild_tensor_v3"], args

    def _storage_of(self, t: Any) -> tuple[SavedStorage, int, tuple[int, ...]]:
        """Where the elements of `t` are: storage, offset and strides; aliases share a storage."""
        cell = t._storage
        v = cell.read()
        if t._lens is None and v.aval.order is None:
            return self._register(id(cell), t, t._host(), cell), 0, contiguous_strides(tuple(t.shape))
        base = physical(engine.host(v), v.aval.order)
        seen, offset, stride = t._host(), int(t.storage_offset()), tuple(int(s) for s in t.stride())
        if base.dtype == seen.dtype and _is_window(base, seen, offset, stride):
            return self._register(id(cell), t, base, cell), offset, stride
        return self._register((id(cell), id(t)), t, seen, (cell, t)), 0, contiguous_strides(tuple(t.shape))

    def _register(self, identity: Any, t: Any, data: np.ndarray, cell: Any) -> SavedStorage:
        found = self.storages.get(identity)
        if found is None:
            found = SavedStorage(str(len(self.storages)), data, t.dtype, str(t.device), cell)
            self.storages[identity] = found
        return found


def _attributes(t: Any) -> dict[str, Any]:
    """Python attributes that a user has set on a Tensor."""
    return {name: value for name, value in vars(t).items() if not name.startswith("_")}


def _is_window(base: np.ndarray, seen: np.ndarray, offset: int, stride: tuple[int, ...]) -> bool:
    """Whether a view is `base` read by this offset and these strides; other views are saved as copies."""
    if 0 in seen.shape:
        return True
    reach = sum((n - 1) * s for n, s in zip(seen.shape, stride, strict=True))
    if offset < 0 or min(stride, default=0) < 0 or offset + reach >= base.size:
        return False
    flat = np.ascontiguousarray(base).reshape(-1)[offset:]
    size = base.dtype.itemsize
    window = np.lib.stride_tricks.as_strided(flat, seen.shape, [s * size for s in stride], writeable=False)
    return bool((_bits(window) == _bits(seen)).all())


def _bits(array: np.ndarray) -> np.ndarray:
    """The elements as unsigned integers, so that NaNs compare equal."""
    array = np.ascontiguousarray(array).reshape(-1)
    return array.view(np.uint8)


def elements(data: np.ndarray) -> memoryview:
    """The bytes of a storage, row-major."""
    return np.ascontiguousarray(data).reshape(-1).view(np.uint8).data


# ---- the two file formats ------------------------------------------------------------------


def write_archive(obj: Any, file: IO[bytes], protocol: int, root: str, skip_data: bool = False) -> None:
    """Writes PyTorch's zip format: uncompressed records, each 64-byte aligned, under one folder."""
    pickled = io.BytesIO()
    saver = Saver(pickled, protocol)
    saver.dump(obj)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        _record(archive, f"{root}/data.pkl", pickled.getbuffer())
        _record(archive, f"{root}/.format_version", b"1")
        _record(archive, f"{root}/.storage_alignment", str(_ALIGNMENT).encode())
        _record(archive, f"{root}/byteorder", sys.byteorder.encode())
        for storage in saver.storages.values():
            data = elements(storage.data)
            _record(archive, f"{root}/data/{storage.key}", bytes(data.nbytes) if skip_data else data)
        _record(archive, f"{root}/version", b"3\n")
        _record(archive, f"{root}/.data/serialization_id", b"0" * 40)


def _record(archive: zipfile.ZipFile, name: str, data: Any) -> None:
    size = len(data)
    info = zipfile.ZipInfo(name, _DATE)
    info.file_size = size
    large = size > 0x7FFF_FFFF
    # An extra field "FB" fills up the header, so that the data starts at a multiple of 64.
    header = zipfile.sizeFileHeader + len(name.encode()) + (_ZIP64_FIELD if large else 0)  # type: ignore[attr-defined]
    start = archive.fp.tell() + header + 4  # type: ignore[union-attr]
    padding = -start % _ALIGNMENT
    info.extra = b"FB" + struct.pack("<H", padding) + b"Z" * padding
    with archive.open(info, "w", force_zip64=large) as record:
        record.write(data)


def write_legacy(obj: Any, file: IO[bytes], protocol: int) -> None:
    """Writes the format before PyTorch 1.6: four pickles, then the storages."""
    pickled = io.BytesIO()
    saver = Saver(pickled, protocol, legacy=True)
    saver.dump(obj)
    sizes = {"short": 2, "int": 4, "long": 4}
    system = {
        "protocol_version": PROTOCOL_VERSION,
        "little_endian": sys.byteorder == "little",
        "type_sizes": sizes,
    }
    for value in (MAGIC_NUMBER, PROTOCOL_VERSION, system):
        pickle.dump(value, file, protocol)
    file.write(pickled.getbuffer())
    storages = sorted(saver.storages.values(), key=lambda s: s.key)
    pickle.dump([s.key for s in storages], file, protocol)
    for s in storages:
        file.write(struct.pack("<q", s.data.size if s.dtype in _STORAGE else s.data.nbytes))
        file.write(elements(s.data))


# ---- replacing a file ------------------------------------------------------------------------


def replace_file(path: str, write: Any) -> None:
    """Calls `write(file)` on a new file that takes the place of `path` when it is complete.

    A failed save leaves the old file as it was. What is no regular file (a pipe, a device) is written
    directly.

    Raises:
        RuntimeError: the folder does not exist.
    """
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise RuntimeError(f"Parent directory {os.path.dirname(path) or folder} does not exist.")
    if (os.path.exists(target) and not os.path.isfile(target)) or not os.access(folder, os.W_OK):
        buffer = io.BytesIO()
        write(buffer)
        with open(target, "wb") as file:
            file.write(buffer.getbuffer())
        return
    draft = f"{target}.{os.getpid()}.tmp"
    try:
        with open(draft, "wb") as file:
            write(file)
        if os.path.exists(target):
            os.chmod(draft, os.stat(target).st_mode & 0o7777)
        os.replace(draft, target)
    except BaseException:
        if os.path.exists(draft):
            os.unlink(draft)
        raise
