"""What a row's parameters are: the annotations, and arguments brought to plain form."""

from __future__ import annotations

import inspect
import types
from typing import TYPE_CHECKING, Any, get_args

import jax.numpy as jnp
import numpy as np

from .dtypes import SCALAR_NAMES as SCALAR_NAMES
from .graph import SCALAR
from .tensor import Tensor

if TYPE_CHECKING:  # a lowering receives jax arrays and static values
    Array = Arrays = Operand = Scalar = Float = Key = Ints = Any
else:

    class Array:
        """A Tensor."""

    class Arrays:
        """A list or tuple of Tensors."""

    class Operand:
        """A Tensor or a Python number that takes part in promotion."""

    class Scalar:
        """A Python number, lifted to an input of the program."""

    class Float:
        """A `Scalar` that is real."""

    class Key:
        """A random key drawn when the op is recorded; no parameter of the user's."""

    class Ints:
        """An int or a tuple of ints."""


ARRAY, OPERAND, SCALAR_, STATIC, ARRAYS, KEY_ = range(6)
_KINDS = {Array: ARRAY, Operand: OPERAND, Scalar: SCALAR_, Float: SCALAR_, Arrays: ARRAYS, Key: KEY_}
NUMBER_TYPES = {a: t for t, a in SCALAR.items()}

# how results are promoted
DEFAULT, INT_TO_FLOAT, ALWAYS_BOOL, COMPLEX_TO_FLOAT, BOOL_TO_LONG = (
    "default", "int_to_float", "always_bool", "complex_to_float", "bool_to_long",
)  # fmt: skip


class _Omitted:
    """Stands for a lifted parameter that the user left at its default."""

    def __repr__(self) -> str:
        return "omitted"


OMITTED = _Omitted()
_new = object.__new__


NUMPY_NAMES = {
    "axis": "dim",
    "keepdims": "keepdim",
    "x": "input",
    "a": "input",
    "x1": "input",
    "x2": "other",
    "axes": "dims",
}


EMPTY = inspect.Parameter.empty


def parameters_of(fn: Any) -> tuple[list[str], list[Any], list[Any], tuple[bool, ...]]:
    """Names, annotations, defaults (EMPTY without) and keyword-only flags of a lowering's parameters.

    What `inspect.signature` says, at a tenth of its cost: importing declares hundreds of rows.
    """
    code = fn.__code__
    n, k = code.co_argcount, code.co_kwonlyargcount
    names = list(code.co_varnames[: n + k])
    given = fn.__defaults__ or ()
    defaults: list[Any] = [EMPTY] * (n - len(given)) + list(given)
    only = fn.__kwdefaults__ or {}
    defaults += [only.get(name, EMPTY) for name in names[n:]]
    notes = fn.__annotations__
    annotations = [notes.get(name, EMPTY) for name in names]
    annotations = [eval(a, fn.__globals__) if isinstance(a, str) else a for a in annotations]  # noqa: S307 - our own text
    return names, annotations, defaults, (False,) * n + (True,) * k


def kind_of(annotation: Any) -> int:
    """The parameter kind that an annotation names."""
    options = get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    return next((_KINDS[o] for o in options if isinstance(o, type) and o in _KINDS), STATIC)


def described(how: tuple[Any, ...], avals: Any, raw: Any) -> Any:
    """What a row's `check` sees of one argument."""
    tag = how[0]
    if tag in ("array", "operand", "scalar"):
        a = next(avals)
        return NUMBER_TYPES.get(a, a)
    if tag == "arrays":
        return tuple(next(avals) for _ in range(how[1]))
    return raw if tag == "default" else how[1]


def cast_array(x: Any, jnp_dtype: Any) -> Any:
    """A dtype conversion with C's rules where JAX's differ (complex to real drops the imaginary part)."""
    if jnp.issubdtype(x.dtype, jnp.complexfloating) and not jnp.issubdtype(jnp_dtype, jnp.complexfloating):
        x = jnp.real(x) if jnp_dtype != np.bool_ else x != 0
    if (
        np.dtype(jnp_dtype).kind in "iu"
        and np.dtype(jnp_dtype).itemsize < 4
        and jnp.issubdtype(x.dtype, jnp.floating)
    ):
        x = x.astype(jnp.int32)  # of which the low bits are kept, where JAX would hold it at the limits
    return x.astype(jnp_dtype)


def static_of(a: Any) -> Any:
    """A static argument as plain hashable Python."""
    if isinstance(a, (list, tuple)):
        items = tuple(static_of(x) for x in a)
        return a if isinstance(a, tuple) and all(x is y for x, y in zip(items, a)) else items
    if isinstance(a, np.generic):
        return a.item()
    if isinstance(a, Tensor):
        return a.item()
    return a


NUMBERS: tuple[Any, ...] = (bool, int, float, complex)


def number_of(a: Any) -> Any:
    """A number-like as a Python number, None if it is none."""
    if isinstance(a, np.generic):
        return a.item()
    if isinstance(a, np.ndarray) and a.ndim == 0:
        return a.item()
    for t in NUMBERS:
        if isinstance(a, t):
            return t(a)
    if hasattr(a, "__index__"):
        return int(a.__index__())
    if hasattr(a, "__float__") and not isinstance(a, (np.ndarray, str)):
        return float(a)
    return None
