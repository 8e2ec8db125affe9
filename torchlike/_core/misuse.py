"""What PyTorch's argument parser says about arguments that fit no signature.

Asked only once a call has failed: the way of correct calls does not pass here. A
signature is written as PyTorch prints it (`signatures.py`), or read off the
Python function that implements the operator.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeGuard

import numpy as np

from . import dtypes
from .devices import device as device_class
from .params import NUMPY_NAMES, Array, Arrays, Float, Ints, Key, Operand, Scalar
from .signatures import CALLED, OVERLOADS, PYTHON, expanded
from .tensor import Tensor

_INTS, _TENSORS = "tuple of ints", "tuple of Tensors"


def _is_int(x: Any) -> bool:
    if isinstance(x, Tensor):
        return x._aval.ndim == 0 and x.dtype.category == dtypes.INTEGER
    return isinstance(x, (int, np.integer)) and not isinstance(x, bool)


def _is_number(x: Any) -> bool:
    if isinstance(x, Tensor):
        return x._aval.ndim == 0 and not x.requires_grad
    return isinstance(x, (int, float, complex, np.number, np.bool_))


def _is_float(x: Any) -> bool:
    return _is_int(x) or isinstance(x, (float, np.floating)) or (isinstance(x, Tensor) and x._aval.ndim == 0)


def _is_sequence(x: Any) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    return isinstance(x, (list, tuple))


_FITS: dict[str, Callable[[Any], bool]] = {
    "Tensor": lambda x: isinstance(x, Tensor) or hasattr(type(x), "__torch_function__"),
    "Operand": lambda x: isinstance(x, Tensor) or _is_number(x) or hasattr(type(x), "__torch_function__"),
    "Number": _is_number,
    "int": _is_int,
    "float": _is_float,
    "bool": lambda x: isinstance(x, (bool, np.bool_)),
    "str": lambda x: isinstance(x, str),
    _INTS: lambda x: _is_sequence(x) and (not x or _is_int(x[0])),
    "int or ints": lambda x: _is_int(x) or (_is_sequence(x) and (not x or _is_int(x[0]))),
    "tuple of floats": lambda x: _is_sequence(x) and all(_is_float(y) for y in x),
    "tuple of Scalars": lambda x: _is_sequence(x) and all(_is_number(y) for y in x),
    _TENSORS: lambda x: _is_sequence(x),
    "torch.dtype": lambda x: isinstance(x, dtypes.dtype) or x in (float, int, bool, complex),
    "torch.device": lambda x: isinstance(x, (str, int, device_class)),
    "torch.Generator": lambda x: type(x).__name__ == "Generator",
}  # fmt: skip
_SPOKEN = {"Operand": "Tensor", "int or ints": _INTS}
_KINDS = {
    Array: "Tensor", Tensor: "Tensor", Operand: "Operand", Scalar: "Number", Ints: "int or ints", Arrays: _TENSORS,
    Key: "torch.Generator", int: "int", bool: "bool", float: "float", Float: "float", str: "str",
    dtypes.dtype: "torch.dtype",
}  # fmt: skip
_TENSORS_BY_NAME = ("input", "A", "x")  # parameters that are Tensors if no annotation says more
_BY_TEXT = {
    "Tensor": "Tensor", "Array": "Tensor", "Operand": "Operand", "Scalar": "Number", "Ints": "int or ints",
    "Arrays": _TENSORS, "int": "int", "bool": "bool", "float": "float", "Float": "float", "str": "str",
    "dtype": "torch.dtype",
}  # fmt: skip


def type_name(x: Any) -> str:
    """The name of an object's type as C knows it."""
    t = type(x)
    if t.__module__ == "numpy":
        return f"numpy.{t.__name__}"
    if isinstance(x, (dtypes.dtype, device_class)) or t.__name__ in ("Size", "Generator"):
        return f"torch.{t.__name__}"
    return t.__name__


class Param:
    """One parameter of a signature."""

    __slots__ = ("name", "kind", "optional", "none", "keyword", "text")

    def __init__(self, name: str, kind: str, optional: bool, none: bool, keyword: bool, text: str = ""):
        self.name, self.kind, self.optional = name, kind, optional
        self.none, self.keyword, self.text = none, keyword, text

    def fits(self, x: Any) -> bool:
        """Whether PyTorch's parser takes `x` here."""
        if x is None and self.none:
            return True
        fits = _FITS.get(self.kind)
        return fits is None or fits(x)


class Signature:
    """Parameters in order.

    Args:
        hidden: deprecated, so that PyTorch takes it but does not show it.
        more: further keywords are taken, of which nothing is known.
    """

    def __init__(self, params: list[Param], hidden: bool = False, more: bool = False):
        self.params, self.hidden, self.more = params, hidden, more
        self.least = sum(not p.optional for p in params)
        self.most = len(params)
        self.positional = sum(not p.keyword for p in params)

    @classmethod
    def of_text(cls, text: str) -> Signature:
        """Reads `"Tensor input, int dim = -1, *, Tensor out = None"`; a leading `~` hides it."""
        hidden, params, keyword = text.startswith("~"), [], False
        for part in filter(None, expanded(text).split(", ")):
            if part == "*":
                keyword = True
                continue
            left, _, default = part.partition(" = ")
            kind, _, name = left.rpartition(" ")
            none = default == "None" or kind.endswith("?")  # `ints? dim`: None fits, but must be given
            kind = kind.removesuffix("?")
            kind = "int or ints" if kind == "ints" else kind
            shown = f"{_SPOKEN.get(kind, kind)} {name}{' = ' + default if default else ''}"
            params.append(Param(name, kind, bool(default), none, keyword, shown))
        return cls(params, hidden)

    @classmethod
    def of_function(cls, fn: Callable[..., Any], has_out: bool, many: bool = False) -> Signature:
        """Reads the signature of a Python function with annotations; `many`: `out` is a tuple of tensors."""
        params, more = [], False
        for p in inspect.signature(fn).parameters.values():
            if p.kind is p.VAR_KEYWORD:
                more = True
                continue
            kind, none = _kind_of(p.annotation)
            if (
                p.annotation in (p.empty, "Any", Any)
                and p.name in _TENSORS_BY_NAME
                and p.kind is not p.VAR_POSITIONAL
            ):
                kind = "Tensor"
            if kind == "torch.Generator":
                params.append(Param("generator", kind, True, True, True, "torch.Generator generator = None"))
                continue
            optional = p.default is not p.empty
            shown = f"{_SPOKEN.get(kind, kind) or 'object'} {p.name}{f' = {p.default}' if optional else ''}"
            if p.kind is p.VAR_POSITIONAL:
                kind, optional = _INTS, False
            params.append(
                Param(p.name, kind, optional, none or p.default is None, p.kind is p.KEYWORD_ONLY, shown)
            )
        if has_out:
            kind = _TENSORS if many else "Tensor"
            params.append(Param("out", kind, True, True, True, f"{kind} out = None"))
        return cls(params, more=more)

    def of_method(self) -> Signature | None:
        """The same without `self` and `out`; None if the first parameter is no tensor."""
        first = self.params[0] if self.params else None
        if first is None or first.kind not in ("Tensor", "Operand", "") or first.keyword:
            return None
        return Signature([p for p in self.params[1:] if p.name != "out"], self.hidden, self.more)

    def __str__(self) -> str:
        parts = []
        for i, p in enumerate(self.params):
            if p.keyword and (i == 0 or not self.params[i - 1].keyword):
                parts.append("*")
            parts.append(p.text)
        return f"({', '.join(parts)})"

    def complaint(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
        """Why the arguments do not fit; None if they do."""
        n, left = len(args), {k: v for k, v in kwargs.items() if k != "out" or v is not None}
        ints = self.positional == 1 and self.params[0].kind in (_INTS, "int or ints")
        spread = ints and (n < 2 or _is_int(args[0]))
        if n > self.positional and not spread:
            return self._too_many(name, n)
        at = 0
        for i, p in enumerate(self.params):
            given, x, got, by_name = True, None, None, False
            if at < n and not p.keyword:
                x = got = args[at]
                if spread and (n > 1 or _is_int(x)):
                    x, at = args, n - 1
                at += 1
            elif names := [k for k in left if k == p.name or NUMPY_NAMES.get(k) == p.name]:
                got = x = left.pop(p.name if p.name in left else names[0])
                by_name = True
            else:
                given = False
            if not given or (x is None and p.none):
                if not given and not p.optional:
                    return self._missing(name, i, at, left)
                continue
            if not p.fits(x):
                where = "" if by_name else f" (position {at if not spread else 1})"
                spoken = _SPOKEN.get(p.kind, p.kind)
                if spoken == _INTS and _is_sequence(x):
                    said = f"but found element of type {type_name(x[0])} at pos 0"
                else:
                    said = f"not {type_name(got)}"
                return f"{name}(): argument '{p.name}'{where} must be {spoken}, {said}"
            if p.kind == _TENSORS and _is_sequence(x):
                bad = next((j for j, y in enumerate(x) if not isinstance(y, Tensor)), None)
                if bad is not None:
                    return f"expected Tensor as element {bad} in argument {i}, but got {type_name(x[bad])}"
            if p.kind in (_INTS, "int or ints") and _is_sequence(x):
                bad = next((j for j, y in enumerate(x) if not _is_int(y)), None)
                if bad is not None:
                    return (
                        f"{name}(): argument '{p.name}' failed to unpack the object at pos {bad + 1} with error "
                        f'"type must be tuple of ints,but got {type_name(x[bad])}"'
                    )
        if at < n:
            return self._too_many(name, n)
        for k in () if self.more else left:
            if any(p.name == k for p in self.params):
                return f"{name}() got multiple values for argument '{k}'"
            return f"{name}() got an unexpected keyword argument '{k}'"
        return None

    def _too_many(self, name: str, n: int) -> str:
        least = sum(not p.optional for p in self.params if not p.keyword)
        several = least != self.positional
        takes = f"from {least} to {self.positional}" if several else str(self.positional)
        return (
            f"{name}() takes {takes} positional argument{'s' if several or self.positional != 1 else ''} but {n} "
            f"{'was' if n == 1 else 'were'} given"
        )

    def _missing(self, name: str, i: int, at: int, left: dict[str, Any]) -> str:
        lacking = [p.name for p in self.params[i:] if not p.optional and p.name not in left]
        names = ", ".join(f'"{x}"' for x in lacking)
        plural = "s" if len(lacking) == 1 else ""  # PyTorch has it this way round
        return f"{name}() missing {len(lacking)} required positional argument{plural}: {names}"


def _kind_of(annotation: Any) -> tuple[str, bool]:
    """(kind, whether None fits) of an annotation; kind "" where nothing is known."""
    if isinstance(annotation, str):
        options = [o.strip() for o in annotation.split("|")]
        kinds = [_BY_TEXT.get(o.rpartition(".")[2], "") for o in options if o != "None"]
        return (kinds[0] if len(kinds) == 1 else ""), "None" in options
    options = getattr(annotation, "__args__", (annotation,))
    kinds = [_KINDS.get(o, "") if isinstance(o, type) else "" for o in options if o is not type(None)]
    return (kinds[0] if len(kinds) == 1 else ""), type(None) in options


def _signatures(public: Any, space: str, name: str) -> list[Signature]:
    method = space == "Tensor"
    base = name[:-1] if method and name.endswith("_") and not name.startswith("_") else name
    texts = OVERLOADS.get(f"{space}.{name}") or OVERLOADS.get(f"{space}.{base}")
    if texts is not None:
        return [Signature.of_text(t) for t in texts]
    texts = OVERLOADS.get(base)
    if texts is not None:
        found = [Signature.of_text(t) for t in texts]
    else:
        fn = getattr(public, "fn", None) or getattr(public, "__wrapped__", public)
        kinds = {p.kind for p in inspect.signature(fn).parameters.values()}
        if {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD} <= kinds:
            return []  # it reads its arguments itself
        many = getattr(getattr(public, "op", None), "result_class", None) is not None
        found = [Signature.of_function(fn, getattr(public, "has_out", False), many)]
    if not method:
        return found
    return [m for s in found if (m := s.of_method()) is not None]


def complaint(
    public: Any, space: str, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> TypeError | None:
    """The TypeError that PyTorch's parser raises for these arguments; None if it takes them.

    Args:
        public: the published function, whose own signature counts where no other is listed.
        space: where it is published (`"torch"`, `"Tensor"`, `"linalg"`, ...).
        name: the name it was called by.
        args, kwargs: what the user gave, `self` included.
    """
    if not space or f"{space}.{name}" in PYTHON or (space == "nn.functional" and name not in CALLED):
        return None
    found = _signatures(public, space, name)
    if space == "Tensor":
        if not args:
            return None
        if not isinstance(args[0], Tensor):
            kind = type_name(args[0])
            return TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {kind}")
        args = args[1:]
    said = name if space in ("torch", "Tensor", "nn.functional") else f"{space.replace('.', '_')}_{name}"
    text = _parse(found, said, args, kwargs, space == "Tensor")
    return None if text is None else TypeError(text)


def _parse(
    found: list[Signature], name: str, args: tuple[Any, ...], kwargs: dict[str, Any], method: bool
) -> str | None:
    if not found:
        return None
    if len(found) == 1:
        only = found[0]
        if method and not only.params and (args or kwargs):
            if kwargs:
                return f"TensorBase.{name}() takes no keyword arguments"
            return f"TensorBase.{name}() takes no arguments ({len(args)} given)"
        return only.complaint(name, args, kwargs)
    first = [s.complaint(name, args, kwargs) for s in found]
    if None in first or any(text and "failed to unpack" in text for text in first):
        return (
            next((text for text in first if text and "failed to unpack" in text), None)
            if None not in first
            else None
        )
    n = len(args) + len(kwargs)
    plausible = [text for s, text in zip(found, first) if s.least <= n <= s.most and not s.hidden]
    if len(plausible) == 1:
        return plausible[0]
    shown = [s for s in found if not s.hidden]
    if len(shown) == 1 and kwargs:
        known = {p.name for p in shown[0].params}
        if strange := [k for k in reversed(kwargs) if k not in known]:
            return f"{name}() received an invalid combination of arguments - got unrecognized keyword arguments: {', '.join(strange)}"
    words = [type_name(a) for a in args] + [f"{k}={type_name(v)}" for k, v in reversed(kwargs.items())]
    got = ", ".join(words) + (", " if kwargs and not args else "")
    if len(shown) == 1:
        return f"{name}() received an invalid combination of arguments - got ({got}), but expected {shown[0]}"
    options = "".join(f" * {s}\n" for s in shown)
    return f"{name}() received an invalid combination of arguments - got ({got}), but expected one of:\n{options}"
