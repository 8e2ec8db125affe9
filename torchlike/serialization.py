"""`torch.save` and `torch.load`, in PyTorch's own file formats.

Files are interchangeable with PyTorch in both directions: classes of torchlike are saved under
PyTorch's names, and PyTorch's names load as torchlike's classes.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator
from typing import IO, Any

from ._serialization import loader, saver
from ._serialization import weights_only as _weights_only
from ._serialization.names import STORAGE_OF, StorageType
from ._serialization.options import (
    LoadEndianness,
    get_crc32_options,
    get_default_load_endianness,
    get_default_mmap_options,
    options,
    set_crc32_options,
    set_default_load_endianness,
    set_default_mmap_options,
    skip_data,
)
from ._serialization.storage import default_restore_location, location_tag, register_package, validate_device
from ._serialization.weights_only import add_safe_globals, clear_safe_globals, get_safe_globals

DEFAULT_PROTOCOL = 2

_MSG_UNSAFE = (
    "In PyTorch 2.6, we changed the default value of the `weights_only` argument in `torch.load` from "
    "`False` to `True`. Re-running `torch.load` with `weights_only` set to `False` will likely succeed, but "
    "it can result in arbitrary code execution. Do it only if you got the file from a trusted source."
)
_MSG_DOCS = (
    "\n\nCheck the documentation of torch.load to learn more about types accepted by default with "
    "weights_only https://pytorch.org/docs/stable/generated/torch.load.html."
)
_MSG_TWO_WAYS = (
    "Weights only load failed. This file can still be loaded, to do so you have two options, "
    "\033[1mdo those steps only if you trust the source of the checkpoint\033[0m. "
    "\n\t(1) {}\n\t(2) Alternatively, to load with `weights_only=True` please check "
    "the recommended steps in the following error message.\n\tWeightsUnpickler error: {}"
)
_MSG_ISSUE = (
    "Please file an issue with the following so that we can make "
    "`weights_only=True` compatible with your use case: WeightsUnpickler error: "
)
_MSG_TORCHSCRIPT = (
    "torch.load: this is a TorchScript archive, which torchlike cannot run; "
    "save the module's state_dict() with PyTorch and load that"
)
_MSG_MMAP = (
    "mmap can only be used with files saved with `torch.save({}_use_new_zipfile_serialization=True), "
    "please torch.save your checkpoint with this option in order to use mmap."
)
_TRUE = ("1", "y", "yes", "true")


class SourceChangeWarning(Warning):
    """A class has changed since its instance was saved."""


def save(
    obj: object,
    f: Any,
    pickle_module: Any = pickle,
    pickle_protocol: int = DEFAULT_PROTOCOL,
    _use_new_zipfile_serialization: bool = True,
    _disable_byteorder_record: bool = False,
) -> None:
    """Saves an object to a file.

    Tensors that share memory keep sharing it. A path is written to a new file first, which then
    takes its place, so a failed save leaves an old file as it was.

    Args:
        obj: anything picklable, with Tensors inside.
        f: a path, or a file object with `write`.
        pickle_module: only `pickle` itself; names in the file are PyTorch's.
        pickle_protocol: protocol of the pickle inside; PyTorch's safe loader expects 2.

    Raises:
        RuntimeError: the folder of the path does not exist.
        pickle.PicklingError, TypeError, AttributeError: something in `obj` cannot be pickled.
    """
    if pickle_module is not pickle:
        raise NotImplementedError(
            f"torch.save(pickle_module={getattr(pickle_module, '__name__', pickle_module)}): "
            "torchlike writes PyTorch's names with its own pickler; leave pickle_module out"
        )
    if loader.is_path(f):
        path = os.fspath(f)
        root = os.path.splitext(os.path.basename(path))[0]

        def write(file: IO[bytes]) -> None:
            _write(obj, file, pickle_protocol, root if root.isascii() and root else "archive",
                   _use_new_zipfile_serialization)  # fmt: skip

        saver.replace_file(path, write)
        return
    if not hasattr(f, "write"):
        raise AttributeError(
            f"expected 'f' to be string, path, or a file-like object with a 'write' attribute, got {type(f)}"
        )
    _write(obj, f, pickle_protocol, "archive", _use_new_zipfile_serialization)


def _write(obj: object, file: IO[bytes], protocol: int, root: str, as_zip: bool) -> None:
    if as_zip:
        saver.write_archive(obj, file, protocol, root, options.skip_data)
    else:
        saver.write_legacy(obj, file, protocol)


def load(
    f: Any,
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args: Any,
) -> Any:
    """Loads an object that `torch.save` (PyTorch's or this one) has written.

    Args:
        f: a path, or a seekable file object with `read`.
        map_location: where Tensors go: a device or its name, a dict of device tags, or a function
            (storage, tag) -> storage; default: where they were.
        pickle_module: whose `Unpickler` to use with `weights_only=False`.
        weights_only: True (default) loads plain data and Tensors and runs no code from the file.
        mmap: read storages through a memory map of the file.
        **pickle_load_args: for the unpickler, e.g. `encoding`.

    Raises:
        pickle.UnpicklingError: the file holds something that `weights_only=True` does not allow.
        RuntimeError: a damaged file, or a device that is not there.
        FileNotFoundError: no such file.
    """
    safe = _decide_weights_only(weights_only, pickle_module)
    if safe and pickle_load_args:
        warnings.warn("pickle_load_args only works if `weights_only=False`.", stacklevel=2)
    pickle_load_args.setdefault("encoding", "utf-8")
    if mmap and not loader.is_path(f):
        raise ValueError("f must be a file path in order to use the mmap argument")
    try:
        return _load(f, map_location, pickle_module or pickle, safe, bool(mmap), pickle_load_args)
    except pickle.UnpicklingError as e:
        if not safe:
            raise
        raise pickle.UnpicklingError(_explain(str(e))) from None


def _load(f: Any, map_location: Any, module: Any, safe: bool, mmap: bool, kwargs: dict[str, Any]) -> Any:
    def make(persistent_load: Any, file: IO[bytes], **options: Any) -> Any:
        if safe:
            return loader.safe_unpickler(persistent_load, file, **options)
        return loader.full_unpickler(module, persistent_load, file, **options)

    with _opened(f) as file:
        if loader.is_zip(file):
            archive = loader.Archive(file, os.fspath(f) if mmap else None)
            if archive.has("constants.pkl"):
                raise NotImplementedError(_MSG_TORCHSCRIPT)
            order = options.endianness
            named = {LoadEndianness.BIG: "big", LoadEndianness.NATIVE: sys.byteorder}
            byteorder = named.get(order, "little") if order is not None else "little"
            return loader.load_archive(archive, map_location, make, options.skip_data, byteorder, **kwargs)
        if mmap:
            raise RuntimeError(_MSG_MMAP.format(f"{f}, " if isinstance(f, str) else ""))
        return loader.load_legacy(file, map_location, make, **kwargs)


@contextlib.contextmanager
def _opened(f: Any) -> Iterator[IO[bytes]]:
    if loader.is_path(f):
        with open(f, "rb") as file:
            yield file
        return
    for name in ("seek", "tell", "read"):
        if not hasattr(f, name):
            raise AttributeError(
                f"'{type(f).__name__}' object has no attribute '{name}'. You can only torch.load from a file "
                "that is seekable. Please pre-load the data into a buffer like io.BytesIO and try to load "
                "from it instead."
            )
    yield f


def _decide_weights_only(given: bool | None, pickle_module: Any) -> bool:
    """Whether to load safely: the argument, unless the environment overrules it."""
    force = os.getenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "0").lower() in _TRUE
    forbid = os.getenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "0").lower() in _TRUE
    if force and forbid:
        raise RuntimeError(
            "Only one of `TORCH_FORCE_WEIGHTS_ONLY_LOAD` or `TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD` "
            "should be set, but both were set."
        )
    safe = pickle_module is None if given is None else given
    if force:
        safe = True
    elif forbid and given is None:
        warnings.warn(
            "Environment variable TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD detected, since the"
            "`weights_only` argument was not explicitly passed to `torch.load`, forcing weights_only=False.",
            UserWarning,
            stacklevel=3,
        )
        safe = False
    if safe and pickle_module is not None:
        raise RuntimeError("Can not safely load weights when explicit pickle_module is specified")
    return safe


def _explain(message: str) -> str:
    """PyTorch's advice around an error of the restricted unpickler."""
    if re.search(r"GLOBAL (\S+) was not an allowed global by default.", message):
        return _MSG_TWO_WAYS.format(_MSG_UNSAFE, message) + _MSG_DOCS
    text = f"Weights only load failed. {_MSG_UNSAFE}\n"
    if not re.search(r"whose module (\S+) is blocked", message):
        text += _MSG_ISSUE
    return text + "\n\n" + message + _MSG_DOCS


class safe_globals:
    """Context manager: these classes and functions are allowed in `torch.load(weights_only=True)`."""

    def __init__(self, safe_globals: list[Any]):
        self.safe_globals = safe_globals

    def __enter__(self) -> None:
        add_safe_globals(self.safe_globals)

    def __exit__(self, *_: Any) -> None:
        _weights_only.remove_safe_globals(self.safe_globals)


def get_unsafe_globals_in_checkpoint(f: Any) -> list[str]:
    """Names in a checkpoint that `torch.load(weights_only=True)` would refuse.

    Raises:
        ValueError: the file is not of the zip format.
    """
    import io
    import pickletools

    allowed = {*_weights_only._ALLOWED, *_weights_only._user_allowed()}
    with _opened(f) as file:
        if not loader.is_zip(file):
            raise ValueError("Expected input to be a checkpoint returned by torch.save")
        data = loader.Archive(file).text("data.pkl")
    found = set()
    for opcode, argument, _ in pickletools.genops(io.BytesIO(data)):
        if opcode.name == "GLOBAL":
            found.add(str(argument).replace(" ", "."))
    renamed = {name.replace("__builtin__.", "builtins.") for name in found}
    return list(renamed - allowed)


def check_module_version_greater_or_equal(
    module: Any, req_version_tuple: tuple[Any, ...], error_if_malformed: bool = True
) -> bool:
    """Whether `module.__version__` is at least the given one.

    Raises:
        RuntimeError: the version cannot be read (with `error_if_malformed=False`: a warning, and True).
    """
    try:
        parts = module.__version__.split(".")
        version = tuple(type(want)(part) for want, part in zip(req_version_tuple, parts, strict=False))
    except Exception as e:
        message = f"'{module.__name__}' module version string is malformed '{module.__version__}' and cannot be compared with tuple {req_version_tuple}"  # noqa: E501 - PyTorch's text
        if error_if_malformed:
            raise RuntimeError(message) from e
        warnings.warn(message + ", but continuing assuming that requirement is met", stacklevel=2)
        return True
    return version >= tuple(req_version_tuple)


def validate_cuda_device(location: Any) -> int:
    """The index of an accelerator that a device tag names.

    Raises:
        RuntimeError: it is not there.
    """
    return validate_device(str(location))


def validate_hpu_device(location: Any) -> int:
    """As `validate_cuda_device`; torchlike knows no HPUs, so it always raises RuntimeError."""
    raise RuntimeError(
        f"The HPU device module is not registered, so {location!r} is not there. If you are running on a "
        "CPU-only machine, please use torch.load with map_location=torch.device('cpu') to map your storages "
        "to the CPU."
    )


@contextlib.contextmanager
def mkdtemp() -> Iterator[str]:
    """Context manager: a temporary folder, removed at the end."""
    with tempfile.TemporaryDirectory() as path:
        yield path


def normalize_storage_type(storage_type: Any) -> StorageType:
    """The StorageType of a storage class's name, such as `FloatStorage`."""
    return StorageType(storage_type.__name__)


def storage_to_tensor_type(storage: Any) -> str:
    """Name of the tensor type that a storage's elements make, such as `torch.FloatTensor`."""
    return f"torch.{STORAGE_OF[storage.dtype].replace('Storage', 'Tensor')}"


__all__ = [
    "LoadEndianness",
    "SourceChangeWarning",
    "StorageType",
    "add_safe_globals",
    "check_module_version_greater_or_equal",
    "clear_safe_globals",
    "default_restore_location",
    "get_crc32_options",
    "get_default_load_endianness",
    "get_default_mmap_options",
    "get_safe_globals",
    "get_unsafe_globals_in_checkpoint",
    "load",
    "location_tag",
    "mkdtemp",
    "normalize_storage_type",
    "register_package",
    "safe_globals",
    "save",
    "set_crc32_options",
    "set_default_load_endianness",
    "set_default_mmap_options",
    "skip_data",
    "storage_to_tensor_type",
    "validate_cuda_device",
    "validate_hpu_device",
]
