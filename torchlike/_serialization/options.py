"""Settings of `torch.save` and `torch.load`, one set a thread."""

from __future__ import annotations

import threading
from enum import Enum
from typing import Any

MAP_SHARED, MAP_PRIVATE = 1, 2


class LoadEndianness(Enum):
    """Byte order assumed for files that do not tell theirs."""

    NATIVE = 1
    LITTLE = 2
    BIG = 3


class _Options(threading.local):
    endianness: LoadEndianness | None = None
    skip_data = False
    crc32 = True
    mmap_flags: int | None = MAP_PRIVATE


options = _Options()


class skip_data:
    """Context manager: `save` leaves room for storages and `load` zeros in place of their data."""

    def __init__(self, materialize_fake_tensors: bool = False):
        self.materialize_fake_tensors = materialize_fake_tensors

    def __enter__(self) -> None:
        self._before, options.skip_data = options.skip_data, True

    def __exit__(self, *_: Any) -> None:
        options.skip_data = self._before


def get_default_load_endianness() -> LoadEndianness | None:
    """Byte order assumed for files that do not tell theirs; None is little."""
    return options.endianness


def set_default_load_endianness(endianness: LoadEndianness | None) -> None:
    """Sets it."""
    if endianness is not None and not isinstance(endianness, LoadEndianness):
        raise TypeError("Invalid argument type in function set_default_load_endianness")
    options.endianness = endianness


def get_crc32_options() -> bool:
    """Whether checksums are asked for; torchlike always writes them."""
    return options.crc32


def set_crc32_options(compute_crc32: bool) -> None:
    """Sets it."""
    options.crc32 = compute_crc32


def get_default_mmap_options() -> int | None:
    """How `load(mmap=True)` maps files."""
    return options.mmap_flags


class set_default_mmap_options:
    """Sets how `load(mmap=True)` maps files, for good or as a context manager; only MAP_PRIVATE works.

    Raises:
        NotImplementedError: other flags; changes to loaded Tensors never reach the file.
    """

    def __init__(self, flags: int):
        if flags != MAP_PRIVATE:
            raise NotImplementedError(
                "set_default_mmap_options: torchlike maps files privately (mmap.MAP_PRIVATE); "
                "write changes back with torch.save"
            )
        self._before = options.mmap_flags
        options.mmap_flags = flags

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: Any) -> None:
        options.mmap_flags = self._before
