"""An unpickler that runs no code from the file: what `torch.load(weights_only=True)` uses.

It knows only the instructions that plain data and Tensors need, looks names up in an allow-list
instead of importing them, and calls, fills or appends to nothing outside that list.
"""

from __future__ import annotations

import _compat_pickle
import pickle
import warnings
from _codecs import encode
from collections import Counter, OrderedDict
from typing import Any

from .._core import devices, dtypes
from .._core.tensor import Size, Tensor
from ..nn.parameter import Parameter
from .names import STORAGE_OF, StorageType, torch_name
from .storage import REBUILD

UnpicklingError = pickle.UnpicklingError

_BLOCKED = ("sys", "os", "posix", "nt")
_MSG_GLOBAL = (
    "Unsupported global: GLOBAL {0} was not an allowed global by default. "
    "Please use `torch.serialization.add_safe_globals([{0}])` or the "
    "`torch.serialization.safe_globals([{0}])` context manager to allowlist this global "
    "if you trust this class/function."
)
_MSG_PROTOCOL = (
    "Detected pickle protocol {} in the checkpoint, which was not the default pickle protocol used by "
    "`torch.load` (2). The weights_only Unpickler might not support all instructions implemented by this "
    "protocol, please file an issue for adding support if you encounter this."
)

_safe: set[Any] = set()


def add_safe_globals(safe_globals: list[Any]) -> None:
    """Allows classes and functions in `torch.load(weights_only=True)`.

    Args:
        safe_globals: classes, functions, or pairs (object, full name in the file).
    """
    _safe.update(safe_globals)


def remove_safe_globals(safe_globals: list[Any]) -> None:
    """Takes them off the list again."""
    _safe.difference_update(safe_globals)


def get_safe_globals() -> list[Any]:
    """What `add_safe_globals` has allowed."""
    return list(_safe)


def clear_safe_globals() -> None:
    """Empties that list."""
    _safe.clear()


def _builtin_allowed() -> dict[str, Any]:
    allowed: dict[str, Any] = {
        "collections.OrderedDict": OrderedDict,
        "collections.Counter": Counter,
        "torch.nn.parameter.Parameter": Parameter,
        "torch.Size": Size,
        "torch.Tensor": Tensor,
        "torch.device": devices.device,
        "_codecs.encode": encode,
        "builtins.bytearray": bytearray,
        "builtins.set": set,
        "builtins.complex": complex,
        "torch.storage.UntypedStorage": StorageType("UntypedStorage"),
        **REBUILD,
    }
    allowed.update({repr(d): d for d in dtypes.ALL})
    allowed.update({f"torch.{name}": StorageType(name) for name in STORAGE_OF.values()})
    return allowed


_ALLOWED = _builtin_allowed()


def _user_allowed() -> dict[str, Any]:
    allowed = {}
    for entry in _safe:
        if not isinstance(entry, tuple):
            allowed[f"{entry.__module__}.{entry.__qualname__}"] = entry
            known = torch_name(entry)
            if known is not None:
                allowed[".".join(known)] = entry
            continue
        if len(entry) != 2:
            raise ValueError(
                "Expected tuple of length 2 (global, str of callable full path), "
                f"but got tuple of length: {len(entry)}"
            )
        if type(entry[1]) is not str:
            raise TypeError(
                f"Expected second item in tuple to be str of callable full path, but got: {type(entry[1])}"
            )
        allowed[entry[1]] = entry[0]
    return allowed


class _Instructions(dict[int, Any]):
    def __missing__(self, key: int) -> Any:
        raise UnpicklingError(f"Unsupported operand {key}")


_PLAIN = (
    "MARK", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "NONE", "NEWFALSE", "NEWTRUE", "EMPTY_TUPLE", "EMPTY_LIST",
    "EMPTY_DICT", "EMPTY_SET", "BININT", "BININT1", "BININT2", "BINFLOAT", "BINUNICODE", "SHORT_BINSTRING",
    "BINGET", "LONG_BINGET", "BINPUT", "LONG_BINPUT", "LONG1", "STOP", "GLOBAL",
)  # fmt: skip


_Unpickler: Any = pickle._Unpickler  # type: ignore[attr-defined]  # Python's own, for its table of instructions


class Unpickler(_Unpickler):
    """Reads one pickle of plain data and Tensors.

    Raises:
        UnpicklingError: the file asks for anything else.
    """

    dispatch = _Instructions(
        {getattr(pickle, name)[0]: _Unpickler.dispatch[getattr(pickle, name)[0]] for name in _PLAIN}
    )

    def find_class(self, module: str, name: str) -> Any:
        """The allowed object of that name."""
        if (module, name) in _compat_pickle.NAME_MAPPING:
            module, name = _compat_pickle.NAME_MAPPING[module, name]
        module = _compat_pickle.IMPORT_MAPPING.get(module, module)
        path = f"{module}.{name}"
        if module in _BLOCKED:
            raise UnpicklingError(
                f"Trying to load unsupported GLOBAL {path} whose module {module} is blocked."
            )
        if path in _ALLOWED:
            return _ALLOWED[path]
        allowed = _user_allowed()
        if path in allowed:
            return allowed[path]
        raise UnpicklingError(_MSG_GLOBAL.format(name if module == "builtins" else path))

    def _is_allowed(self, obj: Any) -> bool:
        return any(obj is known for known in _ALLOWED.values()) or any(
            obj is known for known in _user_allowed().values()
        )

    def load_proto(self) -> None:
        """PROTO: only a warning where it is not the usual one."""
        self.proto = self.read(1)[0]
        if self.proto != 2:
            warnings.warn(_MSG_PROTOCOL.format(self.proto), stacklevel=2)

    dispatch[pickle.PROTO[0]] = load_proto

    def load_binpersid(self) -> None:
        """BINPERSID: a storage."""
        pid = self.stack.pop()
        if type(pid) is not tuple and type(pid) is not int:
            raise UnpicklingError(f"persistent_load id must be tuple or int, but got {type(pid)}")
        if type(pid) is tuple and pid and pid[0] not in ("storage", b"storage"):
            raise UnpicklingError(f"Only persistent_load of storage is allowed, but got {pid[0]}")
        self.append(self.persistent_load(pid))

    dispatch[pickle.BINPERSID[0]] = load_binpersid

    def load_reduce(self) -> None:
        """REDUCE: a call."""
        args = self.stack.pop()
        func = self.stack[-1]
        if not self._is_allowed(func):
            message = f"Trying to call reduce for unrecognized function {func}"
            if hasattr(func, "__self__"):
                message += f" which belongs to {func.__self__}"
            raise UnpicklingError(message)
        self.stack[-1] = func(*args)

    dispatch[pickle.REDUCE[0]] = load_reduce

    def load_newobj(self) -> None:
        """NEWOBJ: an instance."""
        args = self.stack.pop()
        cls = self.stack.pop()
        if cls is Parameter:
            self.append(Parameter(*args))
        elif isinstance(cls, type) and self._is_allowed(cls):
            self.append(cls.__new__(cls, *args))
        else:
            raise UnpicklingError(
                "Can only create new object for nn.Parameter or classes allowlisted "
                f"via `add_safe_globals` but got {cls}"
            )

    dispatch[pickle.NEWOBJ[0]] = load_newobj

    def load_build(self) -> None:
        """BUILD: the state of an instance."""
        state = self.stack.pop()
        made = self.stack[-1]
        if type(made) is OrderedDict:
            made.__dict__.update(state)
            return
        if isinstance(made, type) or not self._is_allowed(type(made)):
            raise UnpicklingError(
                "Can only build Tensor, Parameter, OrderedDict or types allowlisted "
                f"via `add_safe_globals`, but got {type(made)}"
            )
        setstate = getattr(made, "__setstate__", None)
        if setstate is not None:
            setstate(state)
            return
        state, slots = state if isinstance(state, tuple) and len(state) == 2 else (state, None)
        if state:
            made.__dict__.update(state)
        for name, value in (slots or {}).items():
            setattr(made, name, value)

    dispatch[pickle.BUILD[0]] = load_build

    def load_append(self) -> None:
        """APPEND: to a list only."""
        item = self.stack.pop()
        self._list("append to").append(item)

    dispatch[pickle.APPEND[0]] = load_append

    def load_appends(self) -> None:
        """APPENDS: to a list only."""
        items = self.pop_mark()
        self._list("extend").extend(items)

    dispatch[pickle.APPENDS[0]] = load_appends

    def _list(self, verb: str) -> list[Any]:
        target = self.stack[-1]
        if type(target) is not list:
            raise UnpicklingError(f"Can only {verb} lists, but got {type(target)}")
        return target

    def load_setitem(self) -> None:
        """SETITEM: of a dict only."""
        value, key = self.stack.pop(), self.stack.pop()
        self._dict("SETITEM")[key] = value

    dispatch[pickle.SETITEM[0]] = load_setitem

    def load_setitems(self) -> None:
        """SETITEMS: of a dict only."""
        items = self.pop_mark()
        target = self._dict("SETITEMS")
        for i in range(0, len(items), 2):
            target[items[i]] = items[i + 1]

    dispatch[pickle.SETITEMS[0]] = load_setitems

    def _dict(self, opcode: str) -> Any:
        target = self.stack[-1]
        if type(target) not in (dict, OrderedDict, Counter):
            raise UnpicklingError(
                f"Can only {opcode} for dict, collections.OrderedDict, "
                f"collections.Counter, but got {type(target)}"
            )
        return target
