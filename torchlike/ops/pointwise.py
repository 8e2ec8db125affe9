"""Elementwise functions of one tensor: one line each.

Domain, dtype and derivative at special points are PyTorch's. Integer inputs of the
transcendental functions are computed in the default floating dtype; rounding functions
return integer tensors unchanged.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.special as jsp
from jax import lax

from .._core.dtypes import bool_, get_default_dtype
from .._core.node_names import renamed
from .._core.orders import as_operands
from .._core.registry import BOOL_TO_LONG, COMPLEX_TO_FLOAT, DEFAULT, INT_TO_FLOAT, Array, Float, function, op
from .._core.tensor import Tensor
from .lowering import by_result
from .lowering.special import digamma as _digamma
from .lowering.special import erfinv as _erfinv
from .lowering.special import lgamma as _lgamma
from .validate import MSG_NEG_BOOL, floating, kernel, not_complex, not_implemented, tensors_only


def unary(
    name: str, fn: Callable[[Any], Any], doc: str, *, promote: Any = INT_TO_FLOAT, **options: Any
) -> Any:
    """Declares the row `name(input)` whose lowering is `fn`."""

    def lowering(input: Array):
        return fn(input)

    lowering.__name__ = lowering.__qualname__ = name
    lowering.__doc__ = doc
    options.setdefault("saves", ("input",))
    return op(promote=promote, **options)(lowering)


def _is_exact(x: Any) -> bool:
    return x.dtype == jnp.bool_ or jnp.issubdtype(x.dtype, jnp.integer)


def _rounding(fn: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """`fn` for floating tensors; integers are whole already."""
    return lambda x: x if _is_exact(x) else fn(x)


def _no_bool(kernel: str, **names: str) -> Callable[..., None]:
    def check(input: Any, **_: Any) -> None:
        if input.dtype.name == "bool":
            raise not_implemented(kernel, input.dtype)

    return check


def _no_complex(kernel: str) -> Callable[..., None]:
    def check(input: Any, **_: Any) -> None:
        if input.dtype.is_complex:
            raise not_implemented(kernel, input.dtype)

    return check


def _check_rounded(name: str) -> Callable[..., None]:
    def check(input: Any, **_: Any) -> None:
        if input.dtype.is_complex and name != "round":
            raise NotImplementedError(f"{name} is not supported for complex inputs")
        if input.dtype.is_complex or input.dtype.name == "bool":
            raise not_implemented(f"{name}_vml_cpu", input.dtype)

    return check


# ---- exponentials and logarithms ------------------------------------------------------
_RESULT = ("result",)
exp = unary("exp", jnp.exp, "`e ** input`.", saves=_RESULT, by_result=by_result.exp)
exp2 = unary(
    "exp2", jnp.exp2, "`2 ** input`.", saves=_RESULT, by_result=by_result.exp2, aliases=("special.exp2",)
)
expm1 = unary(
    "expm1",
    jnp.expm1,
    "`exp(input) - 1`, accurate near 0.",
    saves=_RESULT,
    by_result=by_result.expm1,
    aliases=("special.expm1",),
)
log = unary("log", jnp.log, "Natural logarithm; nan below 0, -inf at 0.")
log2 = unary("log2", jnp.log2, "Logarithm to base 2.")
log10 = unary("log10", jnp.log10, "Logarithm to base 10.")
log1p = unary("log1p", jnp.log1p, "`log(1 + input)`, accurate near 0.", aliases=("special.log1p",))

# ---- powers and roots -------------------------------------------------------------------
sqrt = unary("sqrt", jnp.sqrt, "Square root; nan below 0.", saves=_RESULT, by_result=by_result.sqrt)
rsqrt = unary("rsqrt", lax.rsqrt, "`1 / sqrt(input)`.", saves=_RESULT, by_result=by_result.rsqrt)
reciprocal = unary(
    "reciprocal", lambda x: 1 / x, "`1 / input`.", saves=_RESULT, by_result=by_result.reciprocal
)
square = unary("square", lambda x: x * x, "`input ** 2`.", promote=BOOL_TO_LONG)

# ---- trigonometry -----------------------------------------------------------------------
sin = unary("sin", jnp.sin, "Sine of radians.")
cos = unary("cos", jnp.cos, "Cosine of radians.")
tan = unary("tan", jnp.tan, "Tangent of radians.", saves=_RESULT, by_result=by_result.tan)
asin = unary("asin", jnp.arcsin, "Inverse sine, in radians; nan outside [-1, 1].", aliases=("arcsin",))
acos = unary("acos", jnp.arccos, "Inverse cosine, in radians; nan outside [-1, 1].", aliases=("arccos",))
atan = unary("atan", jnp.arctan, "Inverse tangent, in radians.", aliases=("arctan",))
sinh = unary("sinh", jnp.sinh, "Hyperbolic sine.")
cosh = unary("cosh", jnp.cosh, "Hyperbolic cosine.")
tanh = unary("tanh", jnp.tanh, "Hyperbolic tangent.", saves=_RESULT, by_result=by_result.tanh)
asinh = unary("asinh", jnp.arcsinh, "Inverse hyperbolic sine.", aliases=("arcsinh",))
acosh = unary("acosh", jnp.arccosh, "Inverse hyperbolic cosine; nan below 1.", aliases=("arccosh",))
atanh = unary("atanh", jnp.arctanh, "Inverse hyperbolic tangent; nan outside [-1, 1].", aliases=("arctanh",))
deg2rad = unary("deg2rad", lambda x: x * (math.pi / 180), "Degrees to radians.", saves=(),
                check=not_complex("deg2rad is not supported for complex tensors."))  # fmt: skip
rad2deg = unary("rad2deg", lambda x: x * (180 / math.pi), "Radians to degrees.", saves=(),
                check=not_complex("rad2deg is not supported for complex tensors."))  # fmt: skip


@jax.custom_jvp
def _sinc(x: Any) -> Any:
    zero = x == 0
    a = math.pi * jnp.where(zero, 1, x)
    return jnp.where(zero, 1, jnp.sin(a) / a).astype(x.dtype)


@_sinc.defjvp
def _sinc_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (t,) = primals, tangents
    zero = x == 0
    safe = jnp.where(zero, 1, x)
    a = math.pi * safe
    slope = (a * jnp.cos(a) - jnp.sin(a)) / (a * safe)
    return _sinc(x), t * jnp.where(zero, 0, slope).astype(x.dtype)


sinc = unary("sinc", _sinc, "`sin(pi x) / (pi x)`, 1 at 0.", aliases=("special.sinc",))

# ---- sign, magnitude, parts ----------------------------------------------------------------


def _sign(x: Any) -> Any:
    if x.dtype == jnp.bool_:
        return x
    return (
        jnp.where(x != x, jnp.zeros((), x.dtype), jnp.sign(x))
        if jnp.issubdtype(x.dtype, jnp.floating)
        else jnp.sign(x)
    )


def _sgn(x: Any) -> Any:
    """Sign of a real number, `x / |x|` of a complex one, 0 at 0."""
    if not jnp.issubdtype(x.dtype, jnp.complexfloating):
        return _sign(x)
    size = jnp.abs(x)
    return jnp.where(size == 0, 0, x / jnp.where(size == 0, 1, size)).astype(x.dtype)


def _check_sign(input: Any, **_: Any) -> None:
    if input.dtype.is_complex:
        raise NotImplementedError(
            "Unlike NumPy, torch.sign is not intended to support complex numbers. Please use torch.sgn instead."
        )


def _check_neg(input: Any, **_: Any) -> None:
    if input.dtype.name == "bool":
        raise RuntimeError(MSG_NEG_BOOL)


def _angle(x: Any) -> Any:
    """Phase in radians; of a real number pi below 0, 0 above, nan of nan."""
    if jnp.issubdtype(x.dtype, jnp.complexfloating):
        return jnp.arctan2(x.imag, x.real)
    if _is_exact(x):
        x = x.astype(get_default_dtype().jnp)
    zero = jnp.zeros((), x.dtype)
    return jnp.where(x != x, lax.stop_gradient(x), jnp.where(x < 0, jnp.asarray(math.pi, x.dtype), zero))


@jax.custom_jvp
def _abs(x: Any) -> Any:
    return jnp.abs(x)


@_abs.defjvp
def _abs_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (t,) = primals, tangents
    out = _abs(x)
    if jnp.issubdtype(x.dtype, jnp.complexfloating):
        return out, jnp.real(jnp.conj(_sgn(x)) * t)
    return out, jnp.sign(x) * t


abs_ = unary(
    "abs", _abs, "Absolute value (modulus of complex numbers, a real tensor); derivative 0 at 0.",
    promote=COMPLEX_TO_FLOAT, operator="abs", aliases=("absolute",), check=_no_bool("abs_cpu"),
)  # fmt: skip
_abs_in_place = abs_.inplace


def _refused_in_place(self: Tensor) -> Tensor:
    """In-place `abs`, of real tensors."""
    if self.dtype.is_complex:
        raise RuntimeError("In-place abs is not supported for complex tensors.")
    return _abs_in_place(self)


for _name in ("abs_", "absolute_"):
    function(spaces=("Tensor",), name=_name)(_refused_in_place)
sign = unary("sign", _sign, "-1, 0 or 1.", promote=DEFAULT, saves=(), check=_check_sign)
sgn = unary(
    "sgn",
    _sgn,
    "`sign` for real numbers, `input / abs(input)` for complex ones.",
    promote=DEFAULT,
    saves=("input!", "result"),
)
neg = unary(
    "neg",
    jnp.negative,
    "`-input`.",
    promote=DEFAULT,
    operator="neg",
    saves=(),
    aliases=("negative",),
    check=_check_neg,
)
angle = unary("angle", _angle, "Phase in radians, a real tensor.", promote=None, out=True, layout=as_operands)
conj_physical = unary(
    "conj_physical", jnp.conj, "Complex conjugate, computed at once.", promote=DEFAULT, saves=()
)


@function(aliases=("Tensor.__pos__",))
def positive(input: Tensor) -> Tensor:
    """`input` itself.

    Raises:
        RuntimeError: it is a bool tensor.
    """
    if input.dtype is bool_:
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


@function(spaces=("torch", "Tensor"))
def conj(input):
    """Complex conjugate; a real tensor is returned as it is."""
    return renamed(conj_physical(input), "ConjBackward0") if input.dtype.is_complex else input


def _resolved(input: Tensor) -> Tensor:
    """`input`: conjugation and negation are never deferred here."""
    _never(input)
    return input


def _never(input: Tensor) -> bool:
    """False: conjugation and negation are never deferred here."""
    tensors_only((input,))
    return False


for _name, _fn in (
    ("resolve_conj", _resolved),
    ("resolve_neg", _resolved),
    ("is_conj", _never),
    ("is_neg", _never),
):
    function(spaces=("torch", "Tensor"), name=_name)(_fn)

# ---- rounding ------------------------------------------------------------------------------


def _trunc(x: Any) -> Any:
    return jnp.where(x < 0, jnp.ceil(x), jnp.floor(x))


floor = unary("floor", _rounding(jnp.floor), "Largest whole number not above.", promote=DEFAULT, saves=(),
              check=_check_rounded("floor"))  # fmt: skip
ceil = unary("ceil", _rounding(jnp.ceil), "Smallest whole number not below.", promote=DEFAULT, saves=(),
             check=_check_rounded("ceil"))  # fmt: skip
trunc = unary("trunc", _rounding(_trunc), "Whole part, towards 0.", promote=DEFAULT, saves=(), aliases=("fix",),
              check=_check_rounded("trunc"))  # fmt: skip
frac = unary("frac", lambda x: x - _trunc(x), "`input - trunc(input)`.", promote=DEFAULT, saves=(),
             check=floating("frac_cpu"))  # fmt: skip


_check_round, _check_decimals = _check_rounded("round"), floating("round_cpu")


@op(
    promote=DEFAULT,
    aliases=("special.round",),
    check=lambda input, decimals=0: (_check_decimals if decimals else _check_round)(input=input),
)
def round(input: Array, *, decimals: int = 0):  # noqa: A001 - PyTorch's name
    """Nearest number with `decimals` decimals, ties to even. Negative `decimals` round left of the point."""
    if _is_exact(input):
        return input
    if decimals == 0:
        return jnp.round(input)
    scale = jnp.asarray(10.0 ** abs_python(decimals), input.dtype)
    if decimals > 0:
        return jnp.where(jnp.isinf(input), input, jnp.round(input * scale) / scale)
    return jnp.round(input / scale) * scale


def abs_python(n: int) -> int:
    """Python's own `abs`, whatever this module calls `abs`."""
    return -n if n < 0 else n


# ---- probability, error and gamma functions ---------------------------------------------------
sigmoid = unary(
    "sigmoid",
    jax.nn.sigmoid,
    "`1 / (1 + exp(-input))`.",
    saves=_RESULT,
    by_result=by_result.sigmoid,
    aliases=("special.expit",),
)
erf = unary("erf", jsp.erf, "Error function.", aliases=("special.erf",), check=kernel("erf_vml_cpu"))
erfc = unary("erfc", jsp.erfc, "`1 - erf(input)`.", aliases=("special.erfc",), check=kernel("erfc_vml_cpu"))
erfinv = unary("erfinv", _erfinv, "Inverse of `erf`; nan outside [-1, 1].", aliases=("special.erfinv",),
               check=kernel("erfinv_vml_cpu"))  # fmt: skip
lgamma = unary("lgamma", _lgamma, "Logarithm of the absolute gamma function.", aliases=("special.gammaln",),
               check=kernel("lgamma_vml_cpu"))  # fmt: skip
digamma = unary(
    "digamma",
    _digamma,
    "Derivative of the logarithmic gamma function.",
    aliases=("special.digamma", "special.psi"),
    check=kernel("digamma"),
)


@jax.custom_jvp
def _log_odds(x: Any) -> Any:
    return jnp.log(x / (1 - x))


_log_odds.defjvps(lambda t, ans, x: t * jnp.where((x >= 0) & (x <= 1), 1 / (x * (1 - x)), jnp.nan))


@op(
    promote=INT_TO_FLOAT,
    saves=("input",),
    aliases=("special.logit",),
    check=kernel("logit_cpu"),
    in_full=True,
)
def logit(input: Array, eps: Float | None = None):
    """`log(x / (1 - x))` with `x` clamped to `[eps, 1 - eps]` when `eps` is given, else nan outside [0, 1]."""
    if eps is None:
        return _log_odds(input)
    held = eps >= 0  # else as without it
    low = jnp.where(held, eps, -math.inf).astype(input.dtype)
    high = jnp.where(held, 1 - eps, math.inf).astype(input.dtype)
    return _log_odds(jnp.where(input < low, low, jnp.where(input > high, high, input)))


@op(promote=DEFAULT, saves=("input",))
def nan_to_num(
    input: Array, nan: float | None = None, posinf: float | None = None, neginf: float | None = None
):
    """Replaces nan (by 0), +inf and -inf (by the largest and lowest finite number) unless told otherwise."""
    if _is_exact(input):
        return input
    if jnp.issubdtype(input.dtype, jnp.complexfloating):
        parts = [nan_to_num_real(p, nan, posinf, neginf) for p in (input.real, input.imag)]
        return lax.complex(*parts)
    return nan_to_num_real(input, nan, posinf, neginf)


def nan_to_num_real(x: Any, nan: float | None, posinf: float | None, neginf: float | None) -> Any:
    """`nan_to_num` of one real array."""
    limit = jnp.finfo(x.dtype)
    zero = jnp.asarray(0.0 if nan is None else nan, x.dtype)
    high = jnp.asarray(limit.max if posinf is None else posinf, x.dtype)
    low = jnp.asarray(limit.min if neginf is None else neginf, x.dtype)
    return jnp.where(x != x, zero, jnp.where(x == jnp.inf, high, jnp.where(x == -jnp.inf, low, x)))


def _check_frexp(input: Any, **_: Any) -> None:
    if not input.dtype.is_floating_point:
        raise RuntimeError("torch.frexp() only supports floating-point dtypes")


@op(returns=("mantissa", "exponent"), out=True, check=_check_frexp, saves=("result1",))
def frexp(input: Array):
    """`(mantissa, exponent)` with `input == mantissa * 2 ** exponent` and `0.5 <= |mantissa| < 1`."""
    mantissa, exponent = jnp.frexp(lax.stop_gradient(input))
    scale = jnp.exp2(-exponent.astype(input.dtype))
    return jnp.where(mantissa == 0, mantissa, input * scale), exponent.astype(jnp.int32)
