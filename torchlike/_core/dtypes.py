"""PyTorch's dtypes, their promotion lattice and the default dtypes.

The result of an operator is decided here and never by `jnp.result_type`: the
rules are those of PyTorch's "Tensor attributes" notes (categories bool <
integer < float < complex; tensors with dimensions outrank 0-dim tensors, which
outrank Python numbers of the same or a lower category).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np

BOOL, INTEGER, FLOAT, COMPLEX = range(4)


class dtype:
    """One PyTorch dtype. `jnp` is the NumPy dtype that XLA stores it as."""

    __module__ = "torchlike"
    __slots__ = ("name", "jnp", "category", "itemsize", "is_floating_point", "is_complex", "is_signed")

    def __init__(self, name: str, np_dtype: Any, category: int):
        self.name = name
        self.jnp = np.dtype(np_dtype)
        self.category = category
        self.itemsize = self.jnp.itemsize
        self.is_floating_point = category == FLOAT
        self.is_complex = category == COMPLEX
        self.is_signed = category >= FLOAT or (category == INTEGER and self.jnp.kind == "i")

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> Any:
        return (by_name, (self.name,))

    def to_real(self) -> dtype:
        """The real dtype of a complex one's parts; other dtypes unchanged."""
        return {"complex64": float32, "complex128": float64}.get(self.name, self)

    def to_complex(self) -> dtype:
        """The complex dtype whose parts have this dtype."""
        if self.is_complex:
            return self
        return complex128 if self is float64 else complex64


bool_ = dtype("bool", np.bool_, BOOL)
uint8 = dtype("uint8", np.uint8, INTEGER)
int8 = dtype("int8", np.int8, INTEGER)
int16 = dtype("int16", np.int16, INTEGER)
int32 = dtype("int32", np.int32, INTEGER)
int64 = dtype("int64", np.int64, INTEGER)
uint16 = dtype("uint16", np.uint16, INTEGER)
uint32 = dtype("uint32", np.uint32, INTEGER)
uint64 = dtype("uint64", np.uint64, INTEGER)
float16 = dtype("float16", np.float16, FLOAT)
bfloat16 = dtype("bfloat16", ml_dtypes.bfloat16, FLOAT)
float32 = dtype("float32", np.float32, FLOAT)
float64 = dtype("float64", np.float64, FLOAT)
complex64 = dtype("complex64", np.complex64, COMPLEX)
complex128 = dtype("complex128", np.complex128, COMPLEX)

ALL = (
    bool_, uint8, int8, int16, int32, int64, uint16, uint32, uint64,
    float16, bfloat16, float32, float64, complex64, complex128,
)  # fmt: skip
ALIASES = {
    "half": float16, "float": float32, "double": float64, "short": int16, "int": int32, "long": int64,
    "cfloat": complex64, "cdouble": complex128,
}  # fmt: skip
# how PyTorch's C++ names them in errors: as scalar types, and as types
SCALAR_NAMES = {
    "bool": "Bool", "uint8": "Byte", "int8": "Char", "int16": "Short", "int32": "Int", "int64": "Long",
    "uint16": "UInt16", "uint32": "UInt32", "uint64": "UInt64", "float16": "Half", "bfloat16": "BFloat16",
    "float32": "Float", "float64": "Double", "complex64": "ComplexFloat", "complex128": "ComplexDouble",
}  # fmt: skip
C_NAMES = {
    "bool": "bool", "uint8": "unsigned char", "int8": "signed char", "int16": "short int", "int32": "int",
    "int64": "long int", "uint16": "short unsigned int", "uint32": "unsigned int",
    "uint64": "long unsigned int",
    "float16": "c10::Half", "bfloat16": "c10::BFloat16", "float32": "float", "float64": "double",
    "complex64": "c10::complex<float>", "complex128": "c10::complex<double>",
}  # fmt: skip
_BY_NAME = {d.name: d for d in ALL}
_BY_JNP = {d.jnp: d for d in ALL}


def by_name(name: str) -> dtype:
    """The dtype called `name` (`float32`, ...)."""
    return _BY_NAME[name]


def from_jnp(np_dtype: Any) -> dtype:
    """The dtype stored as `np_dtype`; TypeError where PyTorch has none."""
    d = _BY_JNP.get(np.dtype(np_dtype))
    if d is None:
        raise TypeError(
            f"can't convert np.ndarray of type {np.dtype(np_dtype).type.__module__}.{np.dtype(np_dtype).type.__name__}. The only supported types are: "
            "float64, float32, float16, complex64, complex128, int64, int32, int16, int8, uint64, uint32, "
            "uint16, uint8, and bool."
        )
    return d


_default = {"float": float32}
on_default_change: list[Callable[[], None]] = []  # forget what was decided under another default dtype


def get_default_dtype() -> dtype:
    """The dtype of tensors made from Python floats; float32 unless set."""
    return _default["float"]


def set_default_dtype(d: dtype) -> None:
    """Sets the dtype of tensors made from Python floats.

    Raises:
        TypeError: `d` is no floating dtype.
    """
    if not isinstance(d, dtype):
        raise TypeError("invalid dtype object: only floating-point types are supported as the default type")
    if not d.is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    if _default["float"] is not d:
        _default["float"] = d
        for forget in on_default_change:
            forget()


def of_number(number_type: type) -> dtype:
    """The dtype a lone Python number of this type becomes."""
    if number_type is float:
        return _default["float"]
    if number_type is complex:
        return _default["float"].to_complex()
    return bool_ if number_type is bool else int64


def _pairs() -> dict[tuple[dtype, dtype], dtype]:
    """The symmetric promotion table, completed from a few rules."""
    table: dict[tuple[dtype, dtype], dtype] = {}
    signed = {1: int8, 2: int16, 4: int32, 8: int64}
    for a in ALL:
        for b in ALL:
            if a is b:
                r = a
            elif a.category != b.category:
                lo, hi = (a, b) if a.category < b.category else (b, a)
                r = hi
                if hi.is_complex and lo is float64:
                    r = complex128
            elif a.category == INTEGER:
                if a.is_signed == b.is_signed:
                    r = a if a.itemsize >= b.itemsize else b
                else:
                    u, s = (a, b) if b.is_signed else (b, a)
                    r = s if s.itemsize > u.itemsize else signed[min(8, 2 * u.itemsize)]
            elif a.category == FLOAT:
                r = float32 if {a, b} == {float16, bfloat16} else (a if a.itemsize >= b.itemsize else b)
            else:
                r = a if a.itemsize >= b.itemsize else b
            table[a, b] = r
    return table


_PROMOTE = _pairs()


def promote_types(a: dtype, b: dtype) -> dtype:
    """The smallest dtype that both convert to (`torch.promote_types`).

    Raises:
        TypeError: one of them is no dtype.
    """
    _check_dtypes("promote_types", type1=a, type2=b)
    return _promoted(a, b)


_WIDE_UNSIGNED = (uint16, uint32, uint64)


def _promoted(a: dtype, b: dtype) -> dtype:
    """The entry of the table; RuntimeError for the pairs that PyTorch leaves out."""
    if (
        a is not b
        and (a in _WIDE_UNSIGNED or b in _WIDE_UNSIGNED)
        and a.category < FLOAT
        and b.category < FLOAT
    ):
        raise RuntimeError(
            "Promotion for uint16, uint32, uint64 types is not supported, attempted to promote "
            f"{SCALAR_NAMES[a.name]} and {SCALAR_NAMES[b.name]}"
        )
    return _PROMOTE[a, b]


def _check_dtypes(function: str, **given: Any) -> None:
    for i, (name, d) in enumerate(given.items()):
        if not isinstance(d, dtype):
            kind = type(d).__name__
            raise TypeError(
                f"{function}(): argument '{name}' (position {i + 1}) must be torch.dtype, not {kind}"
            )


def can_cast(a: dtype, b: dtype) -> bool:
    """Whether PyTorch lets a result of dtype `a` be written to dtype `b`."""
    _check_dtypes("can_cast", from_=a, to=b)
    if a.is_complex and not b.is_complex:
        return False
    if a.is_floating_point and b.category < FLOAT:
        return False
    return not (a is not bool_ and b is bool_)


def result_type(items: Any) -> dtype:
    """PyTorch's result dtype of avals (`.dtype`, `.ndim`) and Python number types."""
    best: list[dtype | None] = [None, None, None]  # with dimensions, 0-dim, numbers
    for x in items:
        if isinstance(x, type):
            rank, d = 2, of_number(x)
        else:
            rank, d = (0 if x.ndim else 1), x.dtype
        have = best[rank]
        best[rank] = d if have is None else _promoted(have, d)
    result = _combine(best[0], _combine(best[1], best[2]))
    assert result is not None, "no operand"
    return result


def _combine(high: dtype | None, low: dtype | None) -> dtype | None:
    """Joins a priority class with the ones below it (PyTorch's `combine_categories`)."""
    if high is None or low is None:
        return high or low
    if high.is_complex:
        return high
    if high.is_floating_point:
        return high.to_complex() if low.is_complex else high
    return _promoted(high, low) if high is bool_ or low.category >= FLOAT else high


class finfo:
    """Limits of a floating dtype: bits, eps, max, min, tiny, smallest_normal, resolution."""

    __module__ = "torchlike"

    def __init__(self, type: dtype | None = None):  # noqa: A002 - PyTorch's name
        d = get_default_dtype() if type is None else type
        _check_dtypes("finfo", type=d)
        if d.category < FLOAT:
            raise TypeError(
                "torch.finfo() requires a floating point input type. Use torch.iinfo to handle 'torch.finfo'"
            )
        self._info = ml_dtypes.finfo(d.to_real().jnp)
        self.bits = d.to_real().itemsize * 8
        self.dtype = d.to_real().name

    def __getattr__(self, name: str) -> float:
        if name not in ("eps", "max", "min", "tiny", "smallest_normal", "resolution"):
            raise AttributeError(f"'torch.finfo' object has no attribute '{name}'")
        if name == "resolution":
            return 10.0**-self._info.precision
        return float(getattr(self._info, name))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, finfo) and self.dtype == other.dtype

    __hash__ = None  # type: ignore[assignment] # PyTorch's are unhashable

    def __repr__(self) -> str:
        f = self._info
        return (
            f"finfo(resolution={self.resolution:g}, min={float(f.min):g}, max={float(f.max):g}, "
            f"eps={float(f.eps):g}, smallest_normal={float(f.smallest_normal):g}, tiny={float(f.tiny):g}, dtype={self.dtype})"
        )


class iinfo:
    """Limits of an integer dtype: bits, max, min."""

    __module__ = "torchlike"

    def __init__(self, type: dtype):  # noqa: A002 - PyTorch's name
        _check_dtypes("iinfo", type=type)
        if type is bool_:
            raise TypeError("torch.bool is not supported by torch.iinfo")
        if type.category != INTEGER:
            raise TypeError(
                "torch.iinfo() requires an integer input type. Use torch.finfo to handle 'torch.iinfo'"
            )
        i = np.iinfo(type.jnp)
        self.bits, self.max, self.min, self.dtype = i.bits, int(i.max), int(i.min), type.name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, iinfo) and self.dtype == other.dtype

    __hash__ = None  # type: ignore[assignment] # PyTorch's are unhashable

    def __repr__(self) -> str:
        return f"iinfo(min={float(self.min):g}, max={float(self.max):g}, dtype={self.dtype})"
