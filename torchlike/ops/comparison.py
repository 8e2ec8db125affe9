"""Comparisons, tests of elements, and logic on truth values."""

import math
from typing import Any

import jax.numpy as jnp

from .._core.dtypes import result_type
from .._core.orders import as_operands
from .._core.registry import ALWAYS_BOOL, Array, Float, Operand, function, op
from .._core.tensor import Tensor
from .arithmetic import binary
from .looks import Looked, numbers
from .lowering.ordering import insertion_points
from .pointwise import unary
from .validate import broadcast, not_implemented, scalar_name


def _ordered(kernel: str) -> Any:
    def check(input: Any, other: Any) -> None:
        d = result_type([input, other])
        if d.is_complex:
            raise not_implemented(kernel, d)

    return check


def _compare(name: str, fn: Any, word: str, long_name: str, doc: str) -> Any:
    check = None if name in ("eq", "ne") else _ordered(f"{word}_cpu")
    return binary(
        name,
        fn,
        doc,
        promote=ALWAYS_BOOL,
        numbers="other",
        operator=name,
        aliases=(long_name,) if long_name else (),
        check=check,
    )


eq = _compare("eq", jnp.equal, "eq", "", "`input == other`, element by element.")
ne = _compare("ne", jnp.not_equal, "ne", "not_equal", "`input != other`, element by element.")
lt = _compare("lt", jnp.less, "lt", "less", "`input < other`, element by element.")
le = _compare("le", jnp.less_equal, "le", "less_equal", "`input <= other`, element by element.")
gt = _compare("gt", jnp.greater, "gt", "greater", "`input > other`, element by element.")
ge = _compare("ge", jnp.greater_equal, "ge", "greater_equal", "`input >= other`, element by element.")

# ---- logic: zero is false ------------------------------------------------------------------------
logical_and = binary("logical_and", jnp.logical_and, "Both true.", promote=ALWAYS_BOOL)
logical_or = binary("logical_or", jnp.logical_or, "Either true.", promote=ALWAYS_BOOL)
logical_xor = binary("logical_xor", jnp.logical_xor, "Exactly one true.", promote=ALWAYS_BOOL)
logical_not = unary("logical_not", jnp.logical_not, "Not true.", promote=ALWAYS_BOOL, saves=())


# ---- tests of single elements ---------------------------------------------------------------------


def _real(fn: Any) -> Any:
    """`fn` for floats; False for integers."""
    return lambda x: fn(x) if jnp.issubdtype(x.dtype, jnp.inexact) else jnp.zeros(x.shape, jnp.bool_)


def _test(name: str, fn: Any, doc: str, **options: Any) -> Any:
    options.setdefault("out", False)
    return unary(name, fn, doc, promote=ALWAYS_BOOL, saves=(), inplace=False, **options)


def _no_complex(name: str) -> Any:
    def check(input: Any) -> None:
        if input.dtype.is_complex:
            raise RuntimeError(f"{name} does not support complex inputs.")

    return check


isnan = _test("isnan", lambda x: x != x, "Whether nan (either part, if complex).")
isinf = _test("isinf", _real(jnp.isinf), "Whether infinite.")
isfinite = _test(
    "isfinite", lambda x: ~_real(lambda y: ~jnp.isfinite(y))(x), "Whether neither infinite nor nan."
)
isposinf = _test(
    "isposinf", _real(lambda x: x == math.inf), "Whether +inf.", out=True, check=_no_complex("isposinf")
)
isneginf = _test(
    "isneginf", _real(lambda x: x == -math.inf), "Whether -inf.", out=True, check=_no_complex("isneginf")
)
isreal = _test("isreal", lambda x: x.imag == 0 if jnp.iscomplexobj(x) else jnp.ones(x.shape, jnp.bool_),
               "Whether the imaginary part is 0.")  # fmt: skip


def _signbit(x: Any) -> Any:
    return jnp.signbit(x) if jnp.issubdtype(x.dtype, jnp.floating) else x < 0


def _check_signbit(input: Any) -> None:
    if input.dtype.is_complex:
        raise NotImplementedError("signbit is not implemented for complex tensors.")


signbit = _test(
    "signbit", _signbit, "Whether the sign bit is set (also of -0.).", out=True, check=_check_signbit
)

# ---- closeness and equality -------------------------------------------------------------------------


def _check_isclose(input: Any, other: Any, **_: Any) -> None:
    if input.dtype is not other.dtype:
        raise RuntimeError(f"{scalar_name(input.dtype)} did not match {scalar_name(other.dtype)}")
    broadcast(input.shape, other.shape)


def _refuse_tolerance(rtol: float, atol: float) -> Exception | None:
    for name, value in (("rtol", rtol), ("atol", atol)):
        if not value >= 0:  # nan neither
            return RuntimeError(f"{name} must be greater than or equal to zero, but got {value:g}")
    return None


@op(
    differentiable=False,
    check=_check_isclose,
    layout=as_operands,
    in_full=True,
    row=Looked,
    look=numbers(_refuse_tolerance, (2, 1e-5), (3, 1e-8)),
)
def isclose(input: Array, other: Array, rtol: Float = 1e-05, atol: Float = 1e-08, equal_nan: bool = False):
    """Whether `|input - other| <= atol + rtol * |other|`; infinities are close to themselves."""
    close = input == other
    if equal_nan:
        close = close | ((input != input) & (other != other))
    # without a tolerance, integers that no double tells apart are apart
    tolerant = jnp.logical_or(jnp.asarray(rtol) != 0, jnp.asarray(atol) != 0)
    if not jnp.issubdtype(input.dtype, jnp.inexact):
        input, other = input.astype(jnp.float64), other.astype(jnp.float64)
    error = jnp.abs(input - other)
    rtol, atol = jnp.asarray(rtol, error.dtype), jnp.asarray(atol, error.dtype)
    return close | (tolerant & jnp.isfinite(error) & (error <= atol + jnp.abs(rtol * other)))


@function(spaces=("torch", "Tensor"))
def allclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False):
    """Whether `isclose` holds for every element; a Python bool."""
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


@op(differentiable=False, spaces=(), promote=None)
def _all_equal(input: Array, other: Array):
    """Whether all elements agree, 0-d."""
    return jnp.all(input == other)


@function(spaces=("torch", "Tensor"))
def equal(input: Tensor, other: Tensor):
    """Whether two tensors have the same shape and elements; a Python bool."""
    if not isinstance(other, Tensor):
        raise TypeError(f"equal(): argument 'other' (position 2) must be Tensor, not {type(other).__name__}")
    return input.shape == other.shape and bool(_all_equal(input, other))


def _check_isin(elements: Any, test_elements: Any, **_: Any) -> None:
    for v in (elements, test_elements):
        if hasattr(v, "ndim") and (v.dtype.is_complex or v.dtype.name == "bool"):
            raise RuntimeError(f"Unsupported input type encountered for isin(): {scalar_name(v.dtype)}")


@op(
    promote=ALWAYS_BOOL,
    differentiable=False,
    spaces=("torch",),
    inplace=False,
    out=True,
    check=_check_isin,
)
def isin(elements: Operand, test_elements: Operand, *, assume_unique: bool = False, invert: bool = False):
    """Whether each of `elements` occurs in `test_elements` (does not, with `invert`)."""
    tests = test_elements.reshape(-1)
    if tests.size <= 64:
        found = (elements[..., None] == tests).any(-1)
    else:
        ordered = jnp.sort(tests)
        at = insertion_points(ordered, elements, False)
        found = ordered[jnp.minimum(at, tests.size - 1)] == elements
    return ~found if invert else found
