"""Names in checkpoints: files say `torch.nn.modules.linear.Linear`, the class lives in torchlike."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from .._core import dtypes

_OWN = "torchlike"
_SAME_FILES = ("nn.modules.", "nn.parameter", "nn.utils.", "optim.", "utils.data.")  # PyTorch's own layout

STORAGE_OF = {
    dtypes.float64: "DoubleStorage",
    dtypes.float32: "FloatStorage",
    dtypes.float16: "HalfStorage",
    dtypes.bfloat16: "BFloat16Storage",
    dtypes.int64: "LongStorage",
    dtypes.int32: "IntStorage",
    dtypes.int16: "ShortStorage",
    dtypes.int8: "CharStorage",
    dtypes.uint8: "ByteStorage",
    dtypes.bool_: "BoolStorage",
    dtypes.complex128: "ComplexDoubleStorage",
    dtypes.complex64: "ComplexFloatStorage",
}
_DTYPE_OF = {name: dtype for dtype, name in STORAGE_OF.items()}


class StorageType:
    """A storage class of PyTorch's, such as `torch.FloatStorage`: in a file it stands for a dtype.

    Raises:
        KeyError: torchlike has no such dtype.
    """

    def __init__(self, name: str):
        self.name = name
        self._dtype = dtypes.uint8 if name == "UntypedStorage" else _DTYPE_OF[name]

    @property
    def dtype(self) -> dtypes.dtype:
        """Type of the elements."""
        return self._dtype

    def __str__(self) -> str:
        return f"StorageType(dtype={self.dtype})"


class TorchName:
    """Stands in a pickle for one of PyTorch's globals."""

    def __init__(self, module: str, name: str):
        self.module, self.name = module, name

    def __call__(self, *_: Any) -> Any:
        raise TypeError(f"{self.module}.{self.name} is only a name")


def torch_name(obj: Any, name: str | None = None) -> tuple[str, str] | None:
    """PyTorch's module and name for a class or function of torchlike; None for everything else."""
    module = getattr(obj, "__module__", None)
    name = name or getattr(obj, "__qualname__", None) or getattr(obj, "__name__", None)
    if not isinstance(module, str) or name is None or module.partition(".")[0] != _OWN:
        return None
    inner = module[len(_OWN) + 1 :]
    if inner.startswith(_SAME_FILES):
        return f"torch.{inner}", name
    if inner.startswith("ops.") and _lookup(sys.modules.get(f"{_OWN}.nn.functional"), name) is obj:
        return "torch.nn.functional", name
    path = module.split(".")
    for depth in range(1, len(path) + 1):
        where = ".".join(path[:depth])
        if _lookup(sys.modules.get(where), name) is obj:
            return "torch" + where[len(_OWN) :], name
    return f"torch.{inner}", name


def find(module: str, name: str) -> Any:
    """The object of torchlike that PyTorch calls `module.name`.

    It may live in another file: then it is looked up in the packages around.

    Raises:
        AttributeError: torchlike has no such name.
    """
    if module == "torch._C._nn":  # where PyTorch has functions like `gelu`
        module = "torch.nn.functional"
    elif (module, name) == (
        "torch._C",
        "_VariableFunctionsClass",
    ):  # of which those like `torch.tanh` are attributes
        return sys.modules[_OWN]
    path = [_OWN, *module.split(".")[1:]]
    for depth in range(len(path), 0, -1):
        where = ".".join(path[:depth])
        try:
            found = _lookup(importlib.import_module(where), name)
        except ModuleNotFoundError as e:
            if e.name is None or not (where == e.name or where.startswith(e.name + ".")):
                raise
            continue
        if found is not None:
            return found
    raise AttributeError(f"Can't get attribute {name!r} on {module!r}: torchlike has no counterpart")


def _lookup(module: Any, name: str) -> Any:
    for part in name.split("."):
        module = getattr(module, part, None)
    return module
