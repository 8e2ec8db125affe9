"""assert_close: whether tensors, numbers and nests of them agree, and where they do not."""

from __future__ import annotations

import cmath
import contextlib
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._core import dtypes
from .._core.compressed import NAMES, CompressedTensor
from .._core.dtypes import dtype
from .._core.tensor import Tensor, from_numpy_copy
from ..ops.convert import strided
from ..ops.from_data import tensor
from ..ops.sparse_coo import sparse_coo
from ._mismatch import scalar_mismatch, tensor_mismatch

# rtol, atol by dtype; integers and bools must be equal
_DEFAULTS = {
    "float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7),
    "complex64": (1.3e-6, 1e-5), "complex128": (1e-7, 1e-7),
}  # fmt: skip
_NUMBER_DTYPES = {bool: "bool", int: "int64", float: "float64", complex: "complex128"}
_NUMBERS = (int, float, complex, np.number)
_BOOLS = (bool, np.bool_)

_MSG_ALLCLOSE = (
    "`torch.testing.assert_allclose()` is deprecated since 1.12 and will be removed in a future release. Please "
    "use `torch.testing.assert_close()` instead. You can find detailed upgrade instructions in "
    "https://github.com/pytorch/pytorch/issues/61844."
)


@dataclass(frozen=True)
class _Options:
    allow_subclasses: bool
    rtol: float | None
    atol: float | None
    equal_nan: bool
    check_device: bool
    check_dtype: bool
    check_layout: bool
    check_stride: bool

    def tolerances(self, *names: str) -> tuple[float, float]:
        """Those given, else the widest defaults of the dtypes."""
        if self.rtol is not None and self.atol is not None:
            return self.rtol, self.atol
        found = [_DEFAULTS.get(name, (0.0, 0.0)) for name in names]
        return max(r for r, _ in found), max(a for _, a in found)


class _Mismatch(Exception):
    """What does not agree, and where in the nest."""

    def __init__(self, text: str, path: tuple[Any, ...] = (), error: type[Exception] = AssertionError):
        super().__init__(text)
        self.text, self.path, self.error = text, path, error

    def message(self, msg: str | Callable[[str], str] | None) -> str:
        text = self.text
        if self.path:
            text += f"\n\nThe failure occurred for item {''.join(str([item]) for item in self.path)}"
        return msg if isinstance(msg, str) else msg(text) if callable(msg) else text


# ---- what is compared with what ---------------------------------------------------------------


def _is_sequence(x: Any) -> bool:
    return isinstance(x, Sequence) and not isinstance(x, str)


def _pairs(
    actual: Any, expected: Any, o: _Options, path: tuple[Any, ...] = ()
) -> Iterator[tuple[Callable[..., None], Any, Any, tuple[Any, ...]]]:
    """(comparison, actual, expected, path) for each pair of leaves."""
    if _is_sequence(actual) and _is_sequence(expected):
        if len(actual) != len(expected):
            raise _Mismatch(f"The length of the sequences mismatch: {len(actual)} != {len(expected)}", path)
        for i, (a, e) in enumerate(zip(actual, expected)):
            yield from _pairs(a, e, o, (*path, i))
    elif isinstance(actual, Mapping) and isinstance(expected, Mapping):
        for key in _common_keys(actual, expected, path):
            yield from _pairs(actual[key], expected[key], o, (*path, key))
    elif actual is None or expected is None:
        yield _compare_none, actual, expected, path
    elif isinstance(actual, _BOOLS) and isinstance(expected, _BOOLS):
        yield _compare_bools, bool(actual), bool(expected), path
    elif isinstance(actual, _NUMBERS) and isinstance(expected, _NUMBERS):
        yield _compare_numbers, _number(actual), _number(expected), path
    else:
        tensors = _as_tensors(actual, expected, o)
        if tensors is None:
            text = (
                f"No comparison pair was able to handle inputs of type {type(actual)} and {type(expected)}."
            )
            raise _Mismatch(text, path, TypeError)
        yield _compare_tensors, *tensors, path


def _common_keys(actual: Mapping[Any, Any], expected: Mapping[Any, Any], path: tuple[Any, ...]) -> list[Any]:
    if set(actual) != set(expected):
        sets = set(expected) - set(actual), set(actual) - set(expected)
        missing, more = (_ordered(keys) for keys in sets)
        text = (
            "The keys of the mappings do not match:\n"
            f"Missing keys in the actual mapping: {missing}\n"
            f"Additional keys in the actual mapping: {more}"
        )
        raise _Mismatch(text, path)
    return _ordered(actual)


def _ordered(keys: Any) -> list[Any]:
    with contextlib.suppress(TypeError):  # keys that have no order stay as they come
        return sorted(keys)
    return list(keys)


def _number(x: Any) -> Any:
    return x.item() if isinstance(x, np.number) else x


def _as_tensors(actual: Any, expected: Any, o: _Options) -> tuple[Tensor, Tensor] | None:
    related = isinstance(actual, type(expected)) or isinstance(expected, type(actual))
    if not related or (not o.allow_subclasses and type(actual) is not type(expected)):
        return None
    if isinstance(actual, Tensor):
        return actual, expected
    if isinstance(actual, np.ndarray) and actual.dtype.kind in "biufc":
        return from_numpy_copy(actual), from_numpy_copy(expected)
    return None


# ---- leaves -----------------------------------------------------------------------------------


def _compare_none(actual: Any, expected: Any, o: _Options) -> None:
    if actual is not expected:
        raise _Mismatch(f"None mismatch: {actual} is not {expected}")


def _compare_bools(actual: bool, expected: bool, o: _Options) -> None:
    if actual is not expected:
        raise _Mismatch(f"Booleans mismatch: {actual} is not {expected}")


def _compare_numbers(actual: Any, expected: Any, o: _Options) -> None:
    if o.check_dtype and type(actual) is not type(expected):
        raise _Mismatch(f"The (d)types do not match: {type(actual)} != {type(expected)}.")
    rtol, atol = o.tolerances(*(_NUMBER_DTYPES[type(x)] for x in (actual, expected)))
    if actual == expected or (o.equal_nan and cmath.isnan(actual) and cmath.isnan(expected)):
        return
    difference = abs(actual - expected)
    if not (math.isfinite(difference) and difference <= atol + rtol * abs(expected)):
        raise _Mismatch(scalar_mismatch(actual, expected, rtol, atol))


def _compare_tensors(actual: Tensor, expected: Tensor, o: _Options) -> None:
    _compare_attributes(actual, expected, o)
    rtol, atol = o.tolerances(*(str(t.dtype).removeprefix("torch.") for t in (actual, expected)))
    a, e = actual.detach(), expected.detach()
    if a.layout != e.layout:
        a, e = (t.to_dense() if t.layout != strided else t for t in (a, e))
    common = dtypes.promote_types(a.dtype, e.dtype)
    if a.is_meta or e.is_meta:
        return  # there is nothing more to compare
    if a.layout == sparse_coo:
        _compare_sparse(a, e, common, rtol, atol, o)
    elif isinstance(a, CompressedTensor):
        _compare_compressed(a, e, common, rtol, atol, o)
    else:
        _compare_values("Tensor-likes", _plain(a, common), _plain(e, common), rtol, atol, o.equal_nan)


def _compare_attributes(a: Tensor, e: Tensor, o: _Options) -> None:
    def differ(name: str, x: Any, y: Any) -> None:
        raise _Mismatch(f"The values for attribute '{name}' do not match: {x} != {y}.")

    if a.shape != e.shape:
        differ("shape", a.shape, e.shape)
    if a.layout != e.layout:
        if o.check_layout:
            differ("layout", a.layout, e.layout)
    elif a.layout == strided and o.check_stride and a.stride() != e.stride():
        differ("stride()", a.stride(), e.stride())
    if o.check_device and a.device != e.device:
        differ("device", a.device, e.device)
    if o.check_dtype and a.dtype != e.dtype:
        differ("dtype", a.dtype, e.dtype)


def _plain(t: Tensor, common: dtype) -> np.ndarray:
    """The data in the common dtype; integers as int64."""
    if not (common.is_floating_point or common.is_complex or common is dtypes.bool_):
        common = dtypes.int64
    return t._host().astype(common.jnp)


def _compare_sparse(a: Any, e: Any, common: dtype, rtol: float, atol: float, o: _Options) -> None:
    counts = a._nnz(), e._nnz()
    if counts[0] != counts[1]:
        raise _Mismatch(
            f"The number of specified values in sparse COO tensors does not match: {counts[0]} != {counts[1]}"
        )
    a, e = a.coalesce(), e.coalesce()
    a_where, e_where = (_plain(t.indices(), dtypes.int64) for t in (a, e))
    _compare_values("Sparse COO indices", a_where, e_where, 0, 0, False)
    a_values, e_values = (_plain(t.values(), common) for t in (a, e))
    _compare_values("Sparse COO values", a_values, e_values, rtol, atol, o.equal_nan)


def _compare_compressed(a: Any, e: Any, common: dtype, rtol: float, atol: float, o: _Options) -> None:
    kind, counts = a._kind.upper(), (a._nnz(), e._nnz())
    if counts[0] != counts[1]:
        raise _Mismatch(
            f"The number of specified values in sparse {kind} tensors does not match: {counts[0]} != {counts[1]}"
        )
    for name, mine, theirs in zip(NAMES[a.rows], a.indices_of(), e.indices_of()):
        a_where, e_where = (_plain(t, dtypes.int64) for t in (mine, theirs))
        _compare_values(f"Sparse {kind} {name}", a_where, e_where, 0, 0, False)
    a_values, e_values = (_plain(t._v, common) for t in (a, e))
    _compare_values(f"Sparse {kind} values", a_values, e_values, rtol, atol, o.equal_nan)


def _compare_values(
    what: str, a: np.ndarray, e: np.ndarray, rtol: float, atol: float, equal_nan: bool
) -> None:
    """Element by element, in the arrays' dtype: `|a - e| <= atol + rtol * |e|`."""
    matches = a == e
    if equal_nan:
        matches = matches | (np.isnan(a) & np.isnan(e))
    if a.dtype.kind != "b" and (rtol or atol):
        with np.errstate(all="ignore"):
            difference = np.abs(a - e)
            matches = matches | (np.isfinite(difference) & (difference <= atol + np.abs(rtol * e)))
    if matches.all():
        return
    if a.shape == ():
        raise _Mismatch(scalar_mismatch(a.item(), e.item(), rtol, atol))
    raise _Mismatch(tensor_mismatch(what, a, e, np.asarray(matches), rtol, atol))


# ---- the public functions ---------------------------------------------------------------------


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """Asserts that tensors, arrays, numbers, bools, None, or sequences and mappings of them, agree.

    Elements agree if `|actual - expected| <= atol + rtol * |expected|`, or both are the same infinity.

    Args:
        rtol, atol: both or neither; by default they depend on the dtype (float32: 1.3e-6 and 1e-5).
        equal_nan: whether NaNs are equal to each other.
        msg: the error's text, or a function of the text that would be shown.

    Raises:
        ValueError: only one of `rtol` and `atol` is given.
        TypeError: a pair cannot be compared.
        AssertionError: something does not agree.
    """
    __tracebackhide__ = True
    if (rtol is None) != (atol is None):
        given = "rtol" if atol is None else "atol"
        lacking = "atol" if given == "rtol" else "rtol"
        raise ValueError(f"Both 'rtol' and 'atol' must be either specified or omitted, but got no {lacking}.")
    o = _Options(
        allow_subclasses, rtol, atol, equal_nan, check_device, check_dtype, check_layout, check_stride
    )
    failed: _Mismatch | None = None
    try:
        for compare, a, e, path in list(_pairs(actual, expected, o)):
            try:
                compare(a, e, o)
            except _Mismatch as m:
                m.path = path
                raise
    except _Mismatch as m:
        failed = m
    if failed is not None:
        raise failed.error(failed.message(msg))


_WIDE = {"float16": (1e-3, 1e-3), "float32": (1e-4, 1e-5), "float64": (1e-5, 1e-8)}


def assert_allclose(
    actual: Any,
    expected: Any,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = True,
    msg: str = "",
) -> None:
    """The deprecated forerunner of `assert_close`, with wider tolerances and no look at the dtype."""
    warnings.warn(_MSG_ALLCLOSE, FutureWarning, stacklevel=2)
    if not isinstance(actual, Tensor):
        actual = tensor(actual)
    if not isinstance(expected, Tensor):
        expected = tensor(expected, dtype=actual.dtype)
    if rtol is None and atol is None:
        found = [_WIDE.get(str(t.dtype).removeprefix("torch."), (0.0, 0.0)) for t in (actual, expected)]
        rtol, atol = max(r for r, _ in found), max(a for _, a in found)
    assert_close(
        actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan, check_dtype=False, msg=msg or None
    )
