"""What a Sender's pickle calls on the other side: functions, classes, arrays and Tensors made anew."""

from __future__ import annotations

import abc
import dataclasses
import importlib
import marshal
import sys
import types
import weakref
from typing import Any

import numpy as np

from ...._core.host import over
from ...._core.tensor import from_numpy_copy

# Classes that went by value, and the marks by which both sides know them.
MARK_OF: weakref.WeakKeyDictionary[type, str] = weakref.WeakKeyDictionary()
CLASS_OF: weakref.WeakValueDictionary[str, type] = weakref.WeakValueDictionary()


def sentinel(name: str) -> Any:
    """One of the markers that `dataclasses` compares by identity."""
    return getattr(dataclasses, name)


def find_module(name: str) -> types.ModuleType:
    """The module of that name; one that cannot be imported is made, empty."""
    if name not in sys.modules:
        try:
            importlib.import_module(name)
        except ImportError:
            sys.modules[name] = types.ModuleType(name)
    return sys.modules[name]


def array_view(data: Any, dtype: Any, shape: tuple[int, ...], order: Any) -> np.ndarray:
    """In a worker: an array in its private mapping of what was sent."""
    return np.frombuffer(data, dtype).reshape(shape, order=order)


def array_copy(data: Any, dtype: Any, shape: tuple[int, ...], order: Any) -> np.ndarray:
    """In the main process: a copy, as the shared memory will be used again."""
    return np.frombuffer(bytearray(data), dtype).reshape(shape, order=order)


def tensor_copy(data: Any, dtype: Any, shape: tuple[int, ...], requires_grad: bool) -> Any:
    """In the main process: a Tensor with a copy."""
    t = from_numpy_copy(np.frombuffer(data, dtype).reshape(shape))
    return t.requires_grad_() if requires_grad else t


def tensor_view(data: Any, dtype: Any, shape: tuple[int, ...], requires_grad: bool) -> Any:
    """In a worker: a Tensor in its private mapping of what was sent; JAX starts when an operator needs it."""
    t = over(np.frombuffer(data, dtype).reshape(shape))
    return t.requires_grad_() if requires_grad else t


def mapping_proxy(mapping: dict[Any, Any]) -> types.MappingProxyType[Any, Any]:
    """A read-only view of a dict."""
    return types.MappingProxyType(mapping)


def memory_map(filename: str, dtype: Any, mode: str, offset: int, shape: Any, order: str) -> np.memmap:
    """A mapped file, mapped again."""
    return np.memmap(filename, dtype, mode, offset, shape, order)  # type: ignore[call-overload]


def empty_cell() -> types.CellType:
    """A closure's cell; its contents follow, as they may lead back to the function."""
    return types.CellType()


def fill_cell(cell: types.CellType, state: tuple[Any, ...]) -> None:
    """Sets the contents of a cell; the empty tuple leaves it empty."""
    if state:
        cell.cell_contents = state[0]


def make_function(module: str, code: bytes, name: str, cells: int) -> types.FunctionType:
    """A function in the scope of a module; globals, closure and attributes follow."""
    scope = find_module(module).__dict__
    scope.setdefault("__builtins__", __builtins__)
    closure = tuple(empty_cell() for _ in range(cells))
    return types.FunctionType(marshal.loads(code), scope, name, None, closure)


def fill_function(fn: types.FunctionType, state: dict[str, Any]) -> None:
    """Completes a function; globals that its module has already stay."""
    for name, value in state["globals"].items():
        fn.__globals__.setdefault(name, value)
    for cell, contents in zip(fn.__closure__ or (), state["cells"], strict=True):
        fill_cell(cell, contents)
    for name, value in state["attributes"].items():
        setattr(fn, name, value)
    fn.__dict__.update(state["dict"])


def make_class(mark: str, kind: type, name: str, bases: tuple[type, ...], start: dict[str, Any]) -> type:
    """A class without its attributes, which follow; a class that is known here already is found."""
    found = CLASS_OF.get(mark)
    if found is not None:
        return found
    made = types.new_class(name, bases, {"metaclass": kind}, lambda scope: scope.update(start))
    MARK_OF[made], CLASS_OF[mark] = mark, made
    if "." not in start["__qualname__"]:
        vars(find_module(start["__module__"]))[start["__qualname__"]] = made
    return made


def fill_class(made: type, state: dict[str, Any]) -> None:
    """Sets the attributes of a class."""
    for name, value in state.items():
        setattr(made, name, value)
    abc.update_abstractmethods(made)


def make_enum(
    mark: str, kind: Any, base: Any, name: str, module: str, qualname: str, members: dict[str, Any]
) -> type:
    """An enumeration: it needs its members from the start."""
    found = CLASS_OF.get(mark)
    if found is not None:
        return found
    scope = kind.__prepare__(name, base)
    for key, value in {"__module__": module, "__qualname__": qualname, **members}.items():
        scope[key] = value
    made = kind(name, base, scope)
    MARK_OF[made], CLASS_OF[mark] = mark, made
    return made


def class_of_mark(mark: str, name: str) -> type:
    """A class that this process has sent.

    Raises:
        LookupError: it has not.
    """
    found = CLASS_OF.get(mark)
    if found is None:
        raise LookupError(f"class {name} of a DataLoader worker is unknown in the main process")
    return found
