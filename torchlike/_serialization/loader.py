"""The reading side: the zip format, the format before PyTorch 1.6, and the full unpickler."""

from __future__ import annotations

import io
import mmap as memory
import os
import pickle
import struct
import sys
import zipfile
from collections.abc import Callable
from typing import IO, Any

import numpy as np

from .._core import devices
from .._core.host import aligned_empty
from . import weights_only
from .names import StorageType, find
from .saver import MAGIC_NUMBER, PROTOCOL_VERSION
from .storage import REBUILD, LoadedStorage, StorageSlice, restore_location

_LOCAL_HEADER = struct.Struct("<26xHH")  # lengths of the name and of the extra field


def full_unpickler(module: Any, persistent_load: Callable[[Any], Any], file: IO[bytes], **kwargs: Any) -> Any:
    """An unpickler that imports what the file names (`weights_only=False`)."""

    class FullUnpickler(module.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            """PyTorch's names are torchlike's."""
            if "Storage" in name:
                try:
                    return StorageType(name)
                except KeyError:
                    pass
            if module == "torch" or module.startswith("torch."):
                module = "torch._tensor" if module == "torch.tensor" else module
                rebuild = REBUILD.get(f"{module}.{name}")
                return find(module, name) if rebuild is None else rebuild
            return super().find_class(module, name)

    made = FullUnpickler(file, **kwargs)
    made.persistent_load = persistent_load
    return made


def safe_unpickler(persistent_load: Callable[[Any], Any], file: IO[bytes], **kwargs: Any) -> Any:
    """The restricted one (`weights_only=True`)."""
    made = weights_only.Unpickler(file, encoding=kwargs.get("encoding", "utf-8"))
    made.persistent_load = persistent_load
    return made


Make = Callable[..., Any]


class Archive:
    """A zip file of PyTorch's: its records, read in place or through a memory map."""

    def __init__(self, file: IO[bytes], mapped: str | None = None):
        try:
            self.zip = zipfile.ZipFile(file)
        except zipfile.BadZipFile as e:
            raise RuntimeError(
                "PytorchStreamReader failed reading zip archive: failed finding central directory"
            ) from e
        names = self.zip.namelist()
        self.root = names[0].split("/")[0] if names else ""
        self.names = set(names)
        self.map: Any = None
        if mapped is not None:
            with open(mapped, "rb") as source:
                self.map = memory.mmap(source.fileno(), 0, access=memory.ACCESS_COPY)

    def has(self, name: str) -> bool:
        """Whether there is such a record."""
        return f"{self.root}/{name}" in self.names

    def text(self, name: str) -> bytes:
        """A small record."""
        try:
            return self.zip.read(f"{self.root}/{name}")
        except KeyError:
            raise RuntimeError(f"PytorchStreamReader failed locating file {name}: file not found") from None
        except zipfile.BadZipFile as e:
            raise RuntimeError(f"PytorchStreamReader failed reading file {name}: {e}") from e

    def array(self, name: str, dtype: Any, nbytes: int) -> np.ndarray:
        """A record of array data, 1-d."""
        full = f"{self.root}/{name}"
        if full not in self.names:
            raise RuntimeError(f"PytorchStreamReader failed locating file {name}: file not found")
        info = self.zip.getinfo(full)
        if info.file_size < nbytes:
            raise RuntimeError(
                f"PytorchStreamReader failed reading file {name}: {info.file_size} bytes, expected {nbytes}"
            )
        count = nbytes // dtype.itemsize
        if self.map is not None and info.compress_type == zipfile.ZIP_STORED:
            lengths = _LOCAL_HEADER.unpack_from(self.map, info.header_offset)
            start = info.header_offset + _LOCAL_HEADER.size + sum(lengths)
            return np.frombuffer(self.map, dtype, count, start)
        out = aligned_empty((count,), dtype)
        view = out.view(np.uint8).data
        try:
            with self.zip.open(info) as opened:
                record: Any = opened
                done = 0
                while done < nbytes and (n := record.readinto(view[done:])):
                    done += n
        except zipfile.BadZipFile as e:
            raise RuntimeError(f"PytorchStreamReader failed reading file {name}: {e}") from e
        return out


def load_archive(
    archive: Archive, map_location: Any, make: Make, skip_data: bool, byteorder: str, **kwargs: Any
) -> Any:
    """The object in a zip file; `make` gives the unpickler."""
    restore = restore_location(map_location)
    to_meta = str(map_location) == "meta" if isinstance(map_location, (str, devices.device)) else False
    loaded: dict[str, Any] = {}
    if archive.has("byteorder"):
        byteorder = archive.text("byteorder").decode()
        if byteorder not in ("little", "big"):
            raise ValueError("Unknown endianness type: " + byteorder)

    def persistent_load(saved_id: Any) -> Any:
        if not isinstance(saved_id, tuple):
            raise AssertionError(f"saved_id must be a tuple, got {type(saved_id).__name__}")
        kind, *data = saved_id
        if _text(kind) != "storage":
            raise AssertionError(
                f"Unknown typename for persistent_load, expected 'storage' but got '{_text(kind)}'"
            )
        storage_type, key, location, numel = data
        if key not in loaded:
            dtype = storage_type.dtype
            size = numel * dtype.itemsize
            if to_meta or skip_data:
                array = np.zeros(0 if to_meta else numel, dtype.jnp)
            else:
                array = archive.array(f"data/{_text(key)}", dtype.jnp, size)
                if byteorder != sys.byteorder:
                    array = array.byteswap()
            loaded[key] = restore(LoadedStorage(array, dtype), _text(location))
        return loaded[key]

    return make(persistent_load, io.BytesIO(archive.text("data.pkl")), **kwargs).load()


def _text(value: Any) -> str:
    return value.decode("ascii") if isinstance(value, bytes) else value


# ---- the format before PyTorch 1.6 ----------------------------------------------------------


class _Nothing:
    """Stands for every object while only the storages of a file are counted."""

    def __new__(cls, *_: Any, **__: Any) -> Any:
        return object.__new__(_Nothing)  # `cls` may be an instance that stands for a class

    def __init__(self, *_: Any, **__: Any):
        pass

    def __call__(self, *_: Any, **__: Any) -> Any:
        return self

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass

    def append(self, item: Any) -> None:
        """Nothing."""

    extend = append
    add = append


_Unpickler: Any = pickle._Unpickler  # type: ignore[attr-defined]  # Python's own, for its table of instructions


class _Counter(_Unpickler):
    """Reads a pickle without importing anything; collects what it says about storages."""

    def __init__(self, file: IO[bytes], **kwargs: Any):
        super().__init__(file, **kwargs)
        self.seen: dict[Any, tuple[Any, ...]] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Storage types, and nothing else."""
        try:
            return StorageType(name) if "Storage" in name else _Nothing
        except KeyError:
            return _Nothing

    def persistent_load(self, saved_id: Any) -> Any:
        """Notes a storage."""
        if isinstance(saved_id, tuple) and _text(saved_id[0]) == "storage":
            self.seen.setdefault(saved_id[2], saved_id)
        return _Nothing()


def load_legacy(file: IO[bytes], map_location: Any, make: Make, **kwargs: Any) -> Any:
    """The object in a file of the format before PyTorch 1.6.

    The storages stand behind the pickle that refers to them, so it is read twice: first for their
    places, then for the object.

    Raises:
        RuntimeError: this is no such file.
    """
    restore = restore_location(map_location)
    storages: dict[Any, Any] = {}
    views: dict[Any, Any] = {}

    def no_storage(saved_id: Any) -> Any:
        raise pickle.UnpicklingError("unsupported persistent id encountered")

    def persistent_load(saved_id: Any) -> Any:
        if not isinstance(saved_id, tuple):
            raise AssertionError(f"saved_id must be a tuple, got {type(saved_id).__name__}")
        kind, *data = saved_id
        if _text(kind) == "module":
            return data[0]
        if _text(kind) != "storage":
            raise RuntimeError(f"Unknown saved id type: {kind}")
        _, key, location, _, view = data
        storage = storages[key]
        if isinstance(storage, np.ndarray):
            storage = storages[key] = restore(LoadedStorage(storage, data[0].dtype), _text(location))
        if view is None:
            return storage
        name, offset, size = view
        return views.setdefault(name, StorageSlice(storage, offset, size))

    if make(no_storage, file, **kwargs).load() != MAGIC_NUMBER:
        raise RuntimeError("Invalid magic number; corrupt file?")
    version = make(no_storage, file, **kwargs).load()
    if version != PROTOCOL_VERSION:
        raise RuntimeError(f"Invalid protocol version: {version}")
    system = make(no_storage, file, **kwargs).load()
    start = file.tell()
    counter = _Counter(file, encoding=kwargs.get("encoding", "utf-8"))
    counter.load()
    keys = make(no_storage, file, **kwargs).load()
    swap = isinstance(system, dict) and system.get("little_endian", True) != (sys.byteorder == "little")
    for key in keys:
        if key not in counter.seen:
            raise AssertionError(f"storage key {key!r} not found in deserialized_objects")
        dtype = counter.seen[key][1].dtype
        storages[key] = _read_storage(file, dtype.jnp, swap)
    file.seek(start)
    return make(persistent_load, file, **kwargs).load()


def _read_storage(file: IO[bytes], dtype: np.dtype, swap: bool) -> np.ndarray:
    head = file.read(8)
    if len(head) < 8:
        raise RuntimeError("unexpected EOF. The file might be corrupted.")
    (count,) = struct.unpack("<q", head)
    data = file.read(count * dtype.itemsize) if count >= 0 else b""
    if count < 0 or len(data) < count * dtype.itemsize:
        missing = count * dtype.itemsize - len(data)
        raise RuntimeError(f"unexpected EOF, expected {missing} more bytes. The file might be corrupted.")
    array = aligned_empty((count,), dtype)
    array[...] = np.frombuffer(data, dtype)
    return array.byteswap() if swap else array


def is_zip(file: IO[bytes]) -> bool:
    """Whether a file starts like a zip archive."""
    start = file.tell()
    head = file.read(4)
    file.seek(start)
    return head == b"PK\x03\x04"


def is_path(file: Any) -> bool:
    """Whether `file` names a file."""
    return isinstance(file, (str, os.PathLike))
