"""Pickling between a process and its DataLoader workers.

Two things differ from `pickle`:

- What a worker cannot import travels by value: functions and classes of `__main__`, lambdas and
  local definitions. So scripts need no `if __name__ == "__main__":` guard, as under PyTorch,
  which forks. A function takes along the globals that its code names.
- Array data (Tensors, NumPy arrays) goes out of band, into shared memory.

Tensors travel as NumPy arrays. A class that went by value is known to both sides by a mark, so
that its instances come back as instances of the original class.
"""

from __future__ import annotations

import dataclasses
import dis
import enum
import functools
import importlib
import importlib.util
import io
import marshal
import pickle
import sys
import types
import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ...._core.host import host_array
from ...._core.tensor import Tensor
from . import rebuild
from .host import HostTensor

_MSG_UNPICKLABLE = (
    "cannot send {what} to DataLoader worker processes: {reason}. Everything that workers use must be "
    "picklable; open files, connections and locks inside the workers (for example when the first sample "
    "is read, or in worker_init_fn), or use num_workers=0."
)
_SENTINELS = {
    id(getattr(dataclasses, name)): name
    for name in ("MISSING", "KW_ONLY", "_FIELD", "_FIELD_CLASSVAR", "_FIELD_INITVAR", "_HAS_DEFAULT_FACTORY")
}
_SKIPPED = frozenset({"__dict__", "__weakref__", "_abc_impl", "__abstractmethods__", "__static_attributes__"})

_MSG_NON_LEAF = (
    "Cowardly refusing to serialize non-leaf tensor which requires_grad, since autograd does not support "
    "crossing process boundaries.  If you just want to transfer the data, call detach() on the tensor before "
    "serializing (e.g., putting it on the queue)."
)
_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE


# ---- the sender ---------------------------------------------------------------------------


def _global_names(code: types.CodeType) -> set[str]:
    """Globals that `code`, and the code nested in it, reads."""
    names = {i.argval for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _global_names(constant)
    return names


def _importable(obj: Any) -> bool:
    """Whether the other side finds `obj` under its module and qualified name."""
    module, qualname = getattr(obj, "__module__", None), getattr(obj, "__qualname__", "<lambda>")
    if module is None or module in ("__main__", "__mp_main__") or "<" in qualname:
        return False
    found = sys.modules.get(module)
    if found is None or (
        getattr(found, "__file__", None) is None and getattr(found, "__spec__", None) is None
    ):
        return found is not None and module in sys.builtin_module_names
    try:
        return functools.reduce(getattr, qualname.split("."), found) is obj
    except AttributeError:
        return isinstance(obj, type) and not obj.__flags__ & _HEAP_TYPE  # such as NoneType: pickle knows them


def _mark(cls: type) -> str:
    mark = rebuild.MARK_OF.get(cls)
    if mark is None:
        mark = rebuild.MARK_OF[cls] = uuid.uuid4().hex
        rebuild.CLASS_OF[mark] = cls
    return mark


class Sender(pickle.Pickler):
    """Pickles one object; `buffers` collects the array data.

    Args:
        file: receives the pickle.
        to_worker: send what is not importable by value. On the way back, classes are looked up by mark.
    """

    def __init__(self, file: io.BytesIO, to_worker: bool):
        self.to_worker = to_worker
        self.modules: set[str] = set()  # what the other side will import
        self.buffers = buffers = []  # arrays of bytes, in the order of the pickle
        fresh = self.fresh = []  # what `_raw` made and the pickler has not met yet

        def inside_the_pickle(buffer: pickle.PickleBuffer) -> bool:
            if not fresh or fresh[-1][0] is not buffer:
                return True  # not one of ours: it may alias memory that will be used again
            buffers.append(fresh.pop()[1])
            return False

        # (a method as the callback would make a cycle, and keep the arrays until the collector runs)
        super().__init__(file, pickle.HIGHEST_PROTOCOL, buffer_callback=inside_the_pickle)

    def _raw(self, array: np.ndarray) -> pickle.PickleBuffer:
        """The bytes of an array, contiguous; dtypes that NumPy does not know as buffers included."""
        data: Any = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        buffer = pickle.PickleBuffer(data)
        self.fresh.append((buffer, data))
        return buffer

    def reducer_override(self, obj: Any) -> Any:
        """How functions, classes, arrays and Tensors are taken apart; the rest as `pickle` does it."""
        if isinstance(obj, type):
            if not _importable(obj):
                return self._reduce_class(obj)
            self.modules.add(obj.__module__)
            return NotImplemented
        reduce = _REDUCERS.get(type(obj))
        if reduce is not None:
            return reduce(self, obj)
        if isinstance(obj, np.memmap):
            return self._reduce_memmap(obj)
        if id(obj) in _SENTINELS:
            return rebuild.sentinel, (_SENTINELS[id(obj)],)
        return NotImplemented

    def _reduce_class(self, cls: type) -> Any:
        known = cls in rebuild.MARK_OF
        mark = _mark(cls)
        if known and not self.to_worker:
            return rebuild.class_of_mark, (mark, cls.__qualname__)
        scope = dict(vars(cls))
        if issubclass(cls, enum.Enum):
            members = {m.name: m.value for m in cls}
            methods = (types.FunctionType, classmethod, staticmethod, property)
            extra = {k: v for k, v in scope.items() if isinstance(v, methods) and not k.startswith("_")}
            names = (cls.__name__, cls.__module__, cls.__qualname__)
            return rebuild.make_enum, (mark, type(cls), cls.__bases__, *names, {**members, **extra})
        start = {"__module__": cls.__module__, "__qualname__": cls.__qualname__}
        for name in ("__slots__", "__orig_bases__"):
            if name in scope:
                start[name] = scope.pop(name)
        slots = start.get("__slots__", ())
        hidden = {slots} if isinstance(slots, str) else set(slots)
        state = {k: v for k, v in scope.items() if k not in _SKIPPED and k not in hidden and k not in start}
        args = (mark, type(cls), cls.__name__, cls.__bases__, start)
        return rebuild.make_class, args, state, None, None, rebuild.fill_class

    def _reduce_function(self, fn: types.FunctionType) -> Any:
        if _importable(fn):
            self.modules.add(fn.__module__)
            return NotImplemented
        code = fn.__code__
        names = _global_names(code)
        taken = {name: fn.__globals__[name] for name in names if name in fn.__globals__}
        state = {
            "globals": taken,
            "imports": _submodules(taken.values(), set(_attribute_names(code))),
            "cells": [_contents(cell) for cell in fn.__closure__ or ()],
            "attributes": {
                "__qualname__": fn.__qualname__,
                "__module__": fn.__module__,
                "__doc__": fn.__doc__,
                "__defaults__": fn.__defaults__,
                "__kwdefaults__": fn.__kwdefaults__,
            },
            "dict": fn.__dict__,
        }
        scope = fn.__globals__.get("__name__", fn.__module__)
        args = (scope, marshal.dumps(code), fn.__name__, len(state["cells"]))
        return rebuild.make_function, args, state, None, None, rebuild.fill_function

    def _reduce_array(self, array: np.ndarray) -> Any:
        if array.dtype.hasobject:
            return NotImplemented
        order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
        data = self._raw(array.T if order == "F" else array)
        make = rebuild.array_view if self.to_worker else rebuild.array_copy
        return make, (data, array.dtype, array.shape, order)

    def _reduce_memmap(self, array: np.memmap) -> Any:
        """A mapped file travels by name, unless the array is only a part of the mapping."""
        whole = array.filename is not None and not isinstance(array.base, np.ndarray)
        if not whole or not (array.flags.c_contiguous or array.flags.f_contiguous):
            return self._reduce_array(np.asarray(array))
        mode = "r+" if array.mode == "w+" else array.mode
        order = "C" if array.flags.c_contiguous else "F"
        return rebuild.memory_map, (str(array.filename), array.dtype, mode, array.offset, array.shape, order)

    def _reduce_host_tensor(self, host: Any) -> Any:
        return rebuild.tensor_copy, (self._raw(host.array), host.array.dtype, host.array.shape, False)

    def _reduce_tensor(self, t: Any) -> Any:
        if t.requires_grad and not t.is_leaf:
            raise RuntimeError(_MSG_NON_LEAF)
        array = host_array(t)
        array = t._host() if array is None else array
        make = rebuild.tensor_view if self.to_worker else rebuild.tensor_copy
        return make, (self._raw(array), array.dtype, array.shape, t.requires_grad)


def _attribute_names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _attribute_names(constant)


def _submodules(values: Iterable[Any], names: set[str]) -> list[types.ModuleType]:
    """Loaded submodules that the code reaches as attributes, such as `xml.etree` through `xml`."""
    prefixes = tuple(v.__name__ + "." for v in values if isinstance(v, types.ModuleType))
    loaded = [(name, module) for name, module in list(sys.modules.items()) if name.startswith(prefixes)]
    return [
        module
        for name, module in loaded
        if module is not None
        and any(name.startswith(p) and names.issuperset(name[len(p) :].split(".")) for p in prefixes)
    ]


def _contents(cell: types.CellType) -> tuple[Any, ...]:
    try:
        return (cell.cell_contents,)
    except ValueError:
        return ()


def _reduce_module(sender: Sender, module: types.ModuleType) -> Any:
    sender.modules.add(module.__name__)
    return rebuild.find_module, (module.__name__,)


def _reduce_cached_property(_: Sender, p: Any) -> Any:
    return functools.cached_property, (p.func,), {"attrname": p.attrname}


_REDUCERS: dict[type, Callable[[Sender, Any], Any]] = {
    types.FunctionType: Sender._reduce_function,
    types.ModuleType: _reduce_module,
    types.CellType: lambda _, cell: (rebuild.empty_cell, (), _contents(cell), None, None, rebuild.fill_cell),
    types.CodeType: lambda _, code: (marshal.loads, (marshal.dumps(code),)),
    types.MappingProxyType: lambda _, proxy: (rebuild.mapping_proxy, (dict(proxy),)),
    property: lambda _, p: (property, (p.fget, p.fset, p.fdel, p.__doc__)),
    classmethod: lambda _, m: (classmethod, (m.__func__,)),
    staticmethod: lambda _, m: (staticmethod, (m.__func__,)),
    functools.cached_property: _reduce_cached_property,
    np.ndarray: Sender._reduce_array,
    Tensor: Sender._reduce_tensor,
    HostTensor: Sender._reduce_host_tensor,
}


def dumps(obj: Any) -> tuple[bytes, list[np.ndarray]]:
    """The pickle of a worker's result and its array data."""
    file = io.BytesIO()
    sender = Sender(file, to_worker=False)
    sender.dump(obj)
    return file.getvalue(), sender.buffers


def dumps_for_worker(obj: Any, what: str) -> tuple[bytes, list[np.ndarray], set[str]]:
    """The pickle of what a worker needs, its array data, and the modules that it will import.

    Raises:
        TypeError: something in `obj` cannot be pickled; the message says what to do.
    """
    file = io.BytesIO()
    sender = Sender(file, to_worker=True)
    try:
        sender.dump(obj)
    except (pickle.PicklingError, TypeError, AttributeError, ValueError, NotImplementedError) as e:
        raise TypeError(_MSG_UNPICKLABLE.format(what=what, reason=str(e).rstrip("."))) from e
    return file.getvalue(), sender.buffers, sender.modules - {"__main__"}


class Receiver(pickle.Unpickler):
    """Unpickles what a Sender sent; modules that are not on the path are loaded from `sources`."""

    def __init__(self, data: bytes, buffers: Iterable[Any], sources: dict[str, str] | None = None):
        super().__init__(io.BytesIO(data), buffers=buffers)
        self.sources = sources or {}

    def find_class(self, module: str, name: str) -> Any:
        """As `pickle` does, after loading the module's file where its name cannot be imported."""
        if module in self.sources:
            load(module, self.sources)
        return super().find_class(module, name)


def load(module: str, sources: dict[str, str]) -> None:
    """Imports a module by its name, or from its file where the name cannot be found."""
    if module in sys.modules:
        return
    try:
        importlib.import_module(module)
    except ImportError:
        if module not in sources:
            raise
        spec = importlib.util.spec_from_file_location(module, sources[module])
        if spec is None or spec.loader is None:
            raise
        made = sys.modules[module] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(made)
