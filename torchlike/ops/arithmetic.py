"""Binary and ternary arithmetic: sums, products, quotients, powers, extremes, interpolation.

Every operand is a tensor or a number; the result dtype follows PyTorch's promotion.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from .._core.autograd import no_derivative
from .._core.checks import guard
from .._core.dtypes import C_NAMES, bool_, complex128, float64, result_type
from .._core.registry import (
    COMPLEX_TO_FLOAT,
    DEFAULT,
    INT_TO_FLOAT,
    Array,
    Operand,
    Scalar,
    named,
    op,
    publish,
)
from .._core.row import Op, UnderivableRow
from .._core.tensor import Tensor
from .lowering.axes import wrap_dims
from .lowering.lengths import vector_norm
from .lowering.special import xlogy as _xlogy
from .overloads import overloaded
from .validate import FLOATS, broadcast, kernel, not_bool_difference, not_implemented, scalar_name

_BOTH = ("input", "other")
_MSG_NEGATIVE_POWER = "Integers to negative integer powers are not allowed."
_MSG_ADDCDIV = (
    "Integer division with addcdiv is no longer supported, and in a future  release addcdiv will perform a true "
    "division of tensor1 and tensor2. The historic addcdiv behavior can be implemented as (input + value * "
    "torch.trunc(tensor1 / tensor2)).to(input.dtype) for integer inputs and as (input + value * tensor1 / tensor2) "
    "for float inputs. The future addcdiv behavior is just the latter implementation: (input + value * tensor1 / "
    "tensor2), for all dtypes."
)


def _category(x: Any) -> int:
    """0 bool, 1 integer, 2 float, 3 complex, of an aval or a Python number type."""
    if isinstance(x, type):
        return {bool: 0, int: 1, float: 2}.get(x, 3)
    return x.dtype.category


def is_exact(x: Any) -> bool:
    """Whether a JAX array holds integers or bools."""
    return x.dtype == jnp.bool_ or jnp.issubdtype(x.dtype, jnp.integer)


def _is_float(x: Any) -> bool:
    return jnp.issubdtype(x.dtype, jnp.floating)


def elementwise(*, check: Any = None, **options: Any) -> Any:
    """Declares a row whose tensors broadcast together; says in PyTorch's words when they do not."""

    def fits(**params: Any) -> None:
        broadcast(*[v.shape for v in params.values() if hasattr(v, "shape")])
        if check is not None:
            check(**params)

    return op(check=fits, **options)


# ---- sums and products --------------------------------------------------------------------------


def _check_scale(category: int, scale: Any, name: str) -> None:
    """`alpha`, `beta`, `value` must not be of a higher category than the operands."""
    given = _category(scale) if isinstance(scale, type) else 1
    if given == 0 and category != 0 and name != "value":
        raise RuntimeError("Boolean alpha only supported for Boolean results.")
    if category < 2 <= given:
        raise RuntimeError(
            f"For integral input tensors, argument {name} must not be a floating point number."
        )
    if category < 3 == given:
        raise RuntimeError(f"For non-complex input tensors, argument {name} must not be a complex number.")


def _highest(*values: Any) -> int:
    return max(_category(v) for v in values)


def _check_add(input: Any, other: Any, alpha: Any = 1, **_: Any) -> None:
    _check_scale(_highest(input, other), alpha, "alpha")


def _check_sub(input: Any, other: Any, alpha: Any = 1, **_: Any) -> None:
    not_bool_difference(input, other)
    _check_scale(_highest(input, other), alpha, "alpha")


def _scaled(x: Any, alpha: Any) -> Any:
    return x if type(alpha) is int else alpha * x


@elementwise(promote=DEFAULT, operator="add", check=_check_add)
def add(input: Operand, other: Operand, *, alpha: Scalar = 1):
    """`input + alpha * other`; shapes broadcast. Bool tensors add as logical or."""
    return jnp.add(input, _scaled(other, alpha))


@elementwise(promote=DEFAULT, operator="sub", aliases=("subtract",), check=_check_sub)
def sub(input: Operand, other: Operand, *, alpha: Scalar = 1):
    """`input - alpha * other`; not for bool tensors."""
    return input - _scaled(other, alpha)


@elementwise(promote=DEFAULT, spaces=("torch",), check=_check_sub)
def rsub(input: Array, other: Operand, *, alpha: Scalar = 1):
    """`other - alpha * input`."""
    return other - _scaled(input, alpha)


@elementwise(promote=DEFAULT, operator="mul", saves=_BOTH, aliases=("multiply",))
def mul(input: Operand, other: Operand):
    """`input * other`; shapes broadcast."""
    return jnp.multiply(input, other)


@elementwise(promote=DEFAULT, saves=("tensor1", "tensor2"), check=kernel("addcmul_cpu_out", "ihfc"))
def addcmul(input: Array, tensor1: Operand, tensor2: Operand, *, value: Scalar = 1):
    """`input + value * tensor1 * tensor2`."""
    return input + _scaled(tensor1 * tensor2, value)


def _check_addcdiv(input: Any, tensor1: Any, tensor2: Any, value: Any = 1, **_: Any) -> None:
    if _highest(tensor1, tensor2) < 2:
        raise RuntimeError(_MSG_ADDCDIV)
    _check_scale(_highest(input, tensor1, tensor2), value, "value")


@elementwise(promote=DEFAULT, saves=("tensor1<tensor2", "tensor2!"), check=_check_addcdiv)
def addcdiv(input: Array, tensor1: Operand, tensor2: Operand, *, value: Scalar = 1):
    """`input + value * tensor1 / tensor2`."""
    return input + _scaled(tensor1 / tensor2, value)


# ---- two operands in one line ---

_FORMS = {"tensors": (Array, Array), "other": (Array, Operand), "either": (Operand, Operand)}


def _not_two_numbers(name: str, check: Any) -> Any:
    """A row check for operands of which one must be a tensor."""

    def both(input: Any, other: Any, **rest: Any) -> None:
        if isinstance(input, type) and isinstance(other, type):
            raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {input.__name__}")
        if check is not None:
            check(input, other, **rest)

    return both


def binary(
    name: str, fn: Any, doc: str, *, promote: Any = INT_TO_FLOAT, numbers: str = "tensors", **options: Any
) -> Any:
    """Declares the row `name(input, other)` whose lowering is `fn`.

    `numbers` says where a Python number may stand for a tensor: nowhere ("tensors"), as the "other" operand, or
    as "either" of the two.
    """

    def lowering(input: Array, other: Array):
        return fn(input, other)

    lowering.__annotations__ = dict(zip(("input", "other"), _FORMS[numbers]))
    lowering.__name__ = lowering.__qualname__ = name
    lowering.__doc__ = doc
    if numbers == "either":
        options["check"] = _not_two_numbers(name, options.get("check"))
    return elementwise(promote=promote, **options)(lowering)


# ---- division ---------------------------------------------------------------------------------------


def _nonzero_divisor(other: Any) -> Any:
    """Integer division by zero is an error; returns a divisor without zeros."""
    zero = other == 0
    guard(jnp.any(zero), RuntimeError, "ZeroDivisionError")
    return jnp.where(zero, jnp.ones((), other.dtype), other)


def _whole(x: Any) -> Any:
    """bool operands of integer division count as uint8."""
    return x.astype(jnp.uint8) if x.dtype == jnp.bool_ else x


def _floor_quotient(x: Any, y: Any) -> Any:
    """Python's `x // y` of floats: exact where the true quotient is whole; `x / y` for y = 0."""
    x, y = jnp.broadcast_arrays(lax.stop_gradient(x), lax.stop_gradient(y))
    rest = lax.rem(x, y)
    quotient = (x - rest) / y
    quotient = jnp.where((rest != 0) & ((y < 0) != (rest < 0)), quotient - 1, quotient)
    low = jnp.floor(quotient)
    low = jnp.where(quotient - low > 0.5, low + 1, low)
    low = jnp.where(quotient == 0, jnp.copysign(jnp.zeros_like(x), x / y), low)
    return jnp.where(y == 0, x / y, low)


def _trunc(x: Any) -> Any:
    x = lax.stop_gradient(x)
    return jnp.where(x < 0, jnp.ceil(x), jnp.floor(x))


def _check_real(kernel: str) -> Any:
    def check(input: Any, other: Any, **_: Any) -> None:
        d = result_type([input, other])
        if d.is_complex or d is bool_:
            raise not_implemented(kernel, d)

    return check


def _check_ordered(name: str) -> Any:
    def check(input: Any, other: Any, **_: Any) -> None:
        if result_type([input, other]).is_complex:
            raise RuntimeError(f"{name} not implemented for complex tensors.")

    return check


def _check_power(input: Any, exponent: Any) -> None:
    if not isinstance(exponent, type) and result_type([input, exponent]) is bool_:
        raise not_implemented("pow", bool_)


@elementwise(promote=INT_TO_FLOAT, name="div", spaces=(), inplace=True, out=True, saves=_BOTH)
def _true_div(input: Operand, other: Operand):
    """`input / other`."""
    if input.dtype.itemsize == 2:  # rounded once
        return (input.astype(jnp.float32) / other.astype(jnp.float32)).astype(input.dtype)
    return input / other


@elementwise(
    promote=DEFAULT,
    name="div",
    spaces=(),
    inplace=True,
    out=True,
    saves=("input<other", "other!"),
    check=_check_real("div_floor_cpu"),
    grad_name="DivBackward2",
)
def _floor_div(input: Operand, other: Operand):
    """`floor(input / other)`."""
    if is_exact(input):
        x, y = _whole(input), _nonzero_divisor(_whole(other))
        return jnp.floor_divide(x, y)
    return _floor_quotient(input, other)


@elementwise(
    promote=DEFAULT,
    name="div",
    spaces=(),
    inplace=True,
    out=True,
    saves=("input<other", "other!"),
    check=_check_real("div_trunc_cpu"),
    grad_name="DivBackward2",
)
def _trunc_div(input: Operand, other: Operand):
    """`trunc(input / other)`."""
    if is_exact(input):
        return lax.div(*jnp.broadcast_arrays(_whole(input), _nonzero_divisor(_whole(other))))
    return _trunc(input / other)


def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Any:
    """`input / other`, rounded to whole numbers by `rounding_mode` "floor" or "trunc" (dtype kept)."""
    rows = {None: _true_div, "floor": _floor_div, "trunc": _trunc_div}
    if rounding_mode not in rows:
        raise RuntimeError(
            "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '"
            + str(rounding_mode)
            + "'"
        )
    return rows[rounding_mode], (input, other), {}


div = overloaded(div, aliases=("divide",))


def true_divide(input: Any, other: Any) -> Any:
    """`input / other`."""
    return _true_div, (input, other), {}


true_divide = overloaded(true_divide, operator="truediv")


@elementwise(
    promote=DEFAULT,
    operator="floordiv",
    check=_check_real("div_floor_cpu"),
    row=UnderivableRow,
    refuses=lambda node, suffix: no_derivative("floor_divide" + suffix),
    grad_name="NotImplemented",
)
def floor_divide(input: Operand, other: Operand):
    """`floor(input / other)`."""
    if is_exact(input):
        return jnp.floor_divide(_whole(input), _nonzero_divisor(_whole(other)))
    return _floor_quotient(input, other)


@elementwise(
    promote=DEFAULT,
    operator="mod",
    saves=("input<other", "other<other"),
    check=_not_two_numbers("remainder", _check_real("remainder_cpu")),
    row=UnderivableRow,
    refuses=lambda node, suffix: no_derivative("remainder" + suffix) if node.call.avals[0].group else None,
)
def remainder(input: Operand, other: Operand):
    """`input - floor(input / other) * other`: the sign is that of `other`."""
    return jnp.remainder(_whole(input), _nonzero_divisor(_whole(other)) if is_exact(other) else other)


@elementwise(promote=DEFAULT, saves=_BOTH, check=_check_real("fmod_cpu"))
def fmod(input: Array, other: Operand):
    """`input - trunc(input / other) * other`: the sign is that of `input`."""
    y = _nonzero_divisor(_whole(other)) if is_exact(other) else other
    return lax.rem(*jnp.broadcast_arrays(_whole(input), y))


# ---- powers -------------------------------------------------------------------------------------------


def _int_power(x: Any, n: Any) -> Any:
    """Integers to integer tensors of powers, wrapping; x ** -n is 0 unless |x| is 1."""
    if x.dtype == jnp.bool_:
        return x | ~n
    if not jnp.issubdtype(x.dtype, jnp.signedinteger):
        return jnp.power(x, n)
    value = jnp.power(x, jnp.maximum(n, 0))
    odd = jnp.where(n % 2 == 0, 1, -1).astype(x.dtype)
    inverse = jnp.where(x == 1, 1, jnp.where(x == -1, odd, 0)).astype(x.dtype)
    return jnp.where(n < 0, inverse, value)


@elementwise(
    promote=DEFAULT,
    name="pow",
    spaces=(),
    inplace=True,
    out=True,
    saves=("input", "exponent", "result"),
    check=_check_power,
)
def _pow(input: Operand, exponent: Operand):
    """`input ** exponent`."""
    return _int_power(input, exponent) if is_exact(input) else jnp.power(input, exponent)


def _check_whole_power(input: Any, exponent: int, **_: Any) -> None:
    if exponent < 0 and input.dtype.category < 2:
        raise RuntimeError(_MSG_NEGATIVE_POWER)


@elementwise(
    promote=DEFAULT, name="pow", spaces=(), inplace=True, out=True, saves=("input",), check=_check_whole_power
)
def _whole_power(input: Array, exponent: int):
    """`input ** exponent` for a whole number, part of the program."""
    if input.dtype == jnp.bool_:
        return input if exponent else jnp.ones_like(input)
    return lax.integer_pow(input, exponent)


@elementwise(promote=INT_TO_FLOAT, name="pow", spaces=(), inplace=True, out=True, saves=("input",))
def _common_power(input: Array, exponent: float):
    """`input ** exponent` for the floats that have a program of their own: whole ones and +-0.5."""
    if exponent == 0.5:
        return jnp.sqrt(input)
    if exponent == -0.5:
        return lax.rsqrt(input)
    return lax.integer_pow(input, int(exponent))


_COMMON = frozenset((-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0, 4.0))


def _power(input: Any, exponent: Any) -> Any:
    """`input ** exponent`; either may be a number. Integer tensors take no negative number as exponent."""
    if isinstance(input, Tensor):
        if type(exponent) is int and -64 <= exponent <= 64 and input.dtype.name != "bool":
            return _whole_power, (input, exponent), {}
        if type(exponent) is int and exponent < 0 and input.dtype.category < 2:
            raise RuntimeError(_MSG_NEGATIVE_POWER)
        if type(exponent) is float and exponent in _COMMON:
            return _common_power, (input, exponent), {}
    elif not isinstance(exponent, Tensor):
        raise TypeError(f"pow(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    return _pow, (input, exponent), {}


def _doubled_power(input: Any, exponent: Any) -> Any:
    def wide(v: Any) -> Any:
        if isinstance(v, Tensor):
            return v.to(complex128 if v.dtype.is_complex else float64)
        return v if isinstance(v, complex) else float(v)

    if not isinstance(input, Tensor) and not isinstance(exponent, Tensor):
        raise TypeError(
            f"float_power(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}"
        )
    return _power(wide(input), wide(exponent))


pow = overloaded(_power, name="pow", operator="pow")  # noqa: A001
float_power = overloaded(_doubled_power, name="float_power", aliases=("special.float_power",), inplace=False)


def _float_power_(input: Any, exponent: Any) -> Any:
    want = complex128 if input.dtype.is_complex or isinstance(exponent, complex) else float64
    if isinstance(exponent, Tensor) and exponent.dtype.is_complex:
        want = complex128
    if input.dtype is not want:
        raise RuntimeError(
            f"the base given to float_power_ has dtype {input.dtype.name.capitalize()} but the operation's result "
            f"requires dtype {want.name.capitalize()}"
        )
    row, args, kwargs = _doubled_power(input, exponent)
    return row.inplace(input, *args[1:], **kwargs)


publish("Tensor", "float_power_", named(_float_power_, "float_power_", "In-place version of `float_power`."))


@elementwise(promote=INT_TO_FLOAT, saves=("other<input", "result"))
def ldexp(input: Array, other: Array):
    """`input * 2 ** other`."""
    return input * jnp.power(jnp.asarray(2, other.dtype), other)


publish("Tensor", "__rdiv__", Tensor.__rtruediv__)  # type: ignore[attr-defined]

# ---- two-argument functions -----------------------------------------------------------------------------


def _copysign(x: Any, y: Any) -> Any:
    return jnp.where(jnp.signbit(y), -jnp.abs(x), jnp.abs(x))


def _hypot(x: Any, y: Any) -> Any:
    x, y = jnp.abs(x), jnp.abs(y)
    big = lax.stop_gradient(jnp.maximum(x, y))
    big = jnp.where((big == 0) | ~jnp.isfinite(big), 1, big).astype(x.dtype)
    value = big * jnp.sqrt((x / big) ** 2 + (y / big) ** 2)
    return jnp.where(jnp.isinf(x) | jnp.isinf(y), jnp.inf, value).astype(x.dtype)


def _pick(want_first: Any) -> Any:
    """fmax, fmin: the better operand, a number before nan; ties give all the gradient to the first."""

    def choose(x: Any, y: Any) -> Any:
        if is_exact(x):
            return jnp.where(want_first(x, y), x, y)
        return jnp.where(want_first(x, y) | (y != y), x, y)

    return choose


@jax.custom_jvp
def _next(x: Any, y: Any) -> Any:
    return lax.nextafter(x, y)


@_next.defjvp
def _next_jvp(primals: Any, tangents: Any) -> Any:
    return _next(*primals), jnp.where(primals[0] == primals[1], 0, tangents[0]).astype(primals[0].dtype)


def _nextafter(x: Any, y: Any) -> Any:
    return _next(*jnp.broadcast_arrays(x, y))


atan2 = binary(
    "atan2",
    jnp.arctan2,
    "Angle of the point (other, input), in radians.",
    saves=_BOTH,
    aliases=("arctan2",),
    check=kernel("atan2_cpu"),
)
hypot = binary(
    "hypot",
    _hypot,
    "`sqrt(input ** 2 + other ** 2)` without overflow.",
    promote=DEFAULT,
    saves=("input<input", "other<other", "result"),
    check=kernel("hypot_cpu", FLOATS),
)
copysign = binary(
    "copysign",
    _copysign,
    "The magnitude of `input` with the sign of `other`.",
    numbers="other",
    saves=("input<input", "result"),
    check=kernel("copysign_cpu"),
)
nextafter = binary(
    "nextafter",
    _nextafter,
    "The next floating number after `input` towards `other`.",
    promote=DEFAULT,
    saves=("input<input", "other<input"),
    check=kernel("nextafter_cpu", FLOATS),
)
logaddexp = binary(
    "logaddexp",
    jnp.logaddexp,
    "`log(exp(input) + exp(other))`.",
    promote=DEFAULT,
    saves=_BOTH,
    inplace=False,
    check=kernel("logaddexp_cpu", "hfc"),
)
logaddexp2 = binary(
    "logaddexp2",
    jnp.logaddexp2,
    "`log2(2 ** input + 2 ** other)`.",
    promote=DEFAULT,
    saves=_BOTH,
    inplace=False,
    check=kernel("logaddexp2_cpu", FLOATS),
)
xlogy = binary(
    "xlogy",
    _xlogy,
    "`input * log(other)`, 0 where `input` is 0.",
    numbers="either",
    saves=_BOTH,
    aliases=("special.xlogy",),
    check=kernel("xlogy_cpu"),
)
maximum = binary("maximum", jnp.maximum, "The larger of each pair; ties share the gradient, nan wins.",
                 promote=DEFAULT, saves=_BOTH, inplace=False, check=_check_ordered("maximum"))  # fmt: skip
minimum = binary("minimum", jnp.minimum, "The smaller of each pair; ties share the gradient, nan wins.",
                 promote=DEFAULT, saves=_BOTH, inplace=False, check=_check_ordered("minimum"))  # fmt: skip
fmax = binary("fmax", _pick(lambda x, y: x >= y), "The larger of each pair; a number wins over nan.",
              promote=DEFAULT, saves=_BOTH, inplace=False, check=_check_ordered("fmax"))  # fmt: skip
fmin = binary("fmin", _pick(lambda x, y: x <= y), "The smaller of each pair; a number wins over nan.",
              promote=DEFAULT, saves=_BOTH, inplace=False, check=_check_ordered("fmin"))  # fmt: skip


def _check_heaviside(input: Any, values: Any) -> None:
    if input.dtype.is_complex or values.dtype.is_complex:
        raise RuntimeError("heaviside is not yet implemented for complex tensors.")
    if input.dtype is not values.dtype:
        raise RuntimeError("heaviside is not yet implemented for tensors with different dtypes.")


@elementwise(
    promote=DEFAULT,
    check=_check_heaviside,
    row=UnderivableRow,
    refuses=lambda node, suffix: no_derivative("heaviside" + suffix),
    grad_name="NotImplemented",
)
def heaviside(input: Array, values: Array):
    """0 below zero, 1 above, `values` at zero."""
    return jnp.where(input == 0, values, (input > 0).astype(input.dtype))


# ---- interpolation and bounds ----------------------------------------------------------------------------


def _check_lerp(input: Any, end: Any, weight: Any) -> None:
    for name, v in (("`end`", end), ("`weight`", weight)):
        if hasattr(v, "dtype") and v.dtype is not input.dtype and not (name == "`weight`" and v.ndim == 0):
            raise RuntimeError(f"expected dtype {_cpp(input.dtype)} for {name} but got dtype {_cpp(v.dtype)}")
    if input.dtype.category < 2:
        raise not_implemented(
            f"lerp_kernel_{'tensor' if hasattr(weight, 'dtype') else 'scalar'}", input.dtype
        )


def _cpp(d: Any) -> str:
    name: str = d.name
    return {"float32": "float", "float64": "double", "float16": "c10::Half", "bfloat16": "c10::BFloat16",
            "int64": "long int", "int32": "int", "int16": "short int", "int8": "signed char", "uint8": "unsigned char",
            "complex64": "c10::complex<float>", "complex128": "c10::complex<double>"}.get(name, name)  # fmt: skip


@elementwise(promote=DEFAULT, saves=("input", "end", "weight"), check=_check_lerp)
def lerp(input: Array, end: Array, weight: Operand):
    """`input + weight * (end - input)`, exact at both ends."""
    delta = end - input
    size = jnp.abs(weight)
    return jnp.where(size < 0.5, input + weight * delta, end - delta * (1 - weight))


def _check_clamp(input: Any, min: Any = None, max: Any = None) -> None:
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    for v in (input, min, max):
        if v is not None and _category(v) == 3:
            raise NotImplementedError("clamp is not supported for complex types")
    if all(getattr(v, "dtype", None) is bool_ for v in (input, min, max)):
        raise not_implemented("clamp_cpu", input.dtype)


def _bounded(x: Any, low: Any, high: Any) -> Any:
    """`x` between bounds. The gradient goes to `x` up to and on the bounds, else to the bound; where the bounds are
    equal, not to the lower one, and nowhere from nan."""
    out, inside, above, below = x, True, False, False
    if low is not None:
        out = jnp.where((x < low) | (low != low), low, out)
        inside, below = x >= low, x < low
    if high is not None:
        out = jnp.where((out > high) | (high != high), high, out)
        inside, above = inside & (x <= high), x > high
        if low is not None:
            below, above = below & (low < high), above | (high < low)
    taken = lax.stop_gradient(out)
    if high is not None:
        taken = jnp.where(above, high, taken)
    if low is not None:
        taken = jnp.where(below, low, taken)
    return jnp.where(inside, x, taken)


class _Bound(Op):
    """A row that names dtypes as C++ does when its result does not fit into self."""

    cast_names = C_NAMES


@elementwise(
    promote=DEFAULT, saves=("input", "min", "max"), check=_check_clamp, aliases=("clip",), row=_Bound
)
def clamp(input: Array, min: Operand | None = None, max: Operand | None = None):
    """`input` held between `min` and `max`, tensors or numbers or None; `max` where `min > max`."""
    return _bounded(input, min, max)


@elementwise(promote=DEFAULT, saves=("input", "min"), check=_check_clamp, row=_Bound)
def clamp_min(input: Array, min: Operand):
    """`input` or `min`, whichever is larger."""
    return _bounded(input, min, None)


@elementwise(
    promote=DEFAULT,
    saves=("input", "max"),
    check=lambda input, max: _check_clamp(input, None, max),
    row=_Bound,
)
def clamp_max(input: Array, max: Operand):
    """`input` or `max`, whichever is smaller."""
    return _bounded(input, None, max)


def _check_dist(input: Any, other: Any, p: float = 2) -> None:
    _check_sub(input, other)
    d = result_type([input, other])
    if d.category < 2:
        raise RuntimeError(
            f"norm(): input dtype should be either floating point or complex. Got {scalar_name(d)} instead."
        )


@elementwise(
    promote=COMPLEX_TO_FLOAT,
    saves=("input!", "other!", "result"),
    inplace=False,
    out=False,
    check=_check_dist,
)
def dist(input: Array, other: Array, p: float = 2):
    """The p-norm of `input - other`, 0-d."""
    delta = input - other
    return vector_norm(delta, float(p), wrap_dims(None, delta.ndim), False)
