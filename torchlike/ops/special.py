"""`torch.special` beyond the elementwise table: gamma, Bessel and probability functions, orthogonal polynomials."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.special as jsp
from jax import lax

from .._core.orders import laid_anew
from .._core.registry import INT_TO_FLOAT, Array, function, op
from .arithmetic import binary
from .lowering import bessel
from .lowering.special import lgamma as _lgamma
from .lowering.special import polygamma as _polygamma
from .lowering.special import xlog1py as _xlog1py
from .lowering.special import zeta as _zeta
from .pointwise import unary
from .validate import kernel

SPECIAL = ("special",)


def _row(name: str, fn: Any, doc: str, **options: Any) -> Any:
    options.setdefault("spaces", SPECIAL)
    options.setdefault("check", kernel(f"{name}_cpu", "bif"))
    return unary(name, fn, doc, **options)


# ---- gamma functions ---------------------------------------------------------------------------------


_KERNELS = ("digamma", "trigamma", "polygamma")


def _check_polygamma(n: int, input: Any = None, self: Any = None) -> None:
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    kernel(_KERNELS[min(n, 2)])(self if input is None else input)


@op(
    promote=INT_TO_FLOAT,
    inplace=False,
    spaces=("torch",),
    saves=("input!",),
    aliases=("special.polygamma",),
    check=_check_polygamma,
)
def polygamma(n: int, input: Array):
    """The `n`-th derivative of `digamma`, `n >= 0`."""
    return _polygamma(n, input)


@op(promote=INT_TO_FLOAT, name="polygamma", spaces=("Tensor",), saves=("self",), check=_check_polygamma)
def _polygamma_method(self: Array, n: int):
    """The `n`-th derivative of `digamma`."""
    return polygamma.fn(n, self)


@op(
    promote=INT_TO_FLOAT, saves=("input!",), aliases=("special.multigammaln",), check=kernel("arange_cpu"),
    layout=laid_anew,
)  # fmt: skip
def mvlgamma(input: Array, p: int):
    """Logarithm of the multivariate gamma function of dimension `p`, defined above `(p - 1) / 2`."""
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    shifts = -0.5 * jnp.arange(p, dtype=input.dtype)
    return _lgamma(input[..., None] + shifts).sum(-1) + p * (p - 1) / 4 * math.log(math.pi)


igamma = binary("igamma", lambda a, x: jsp.gammainc(a, x), "Regularised lower incomplete gamma function P(input, other).",
                saves=("input", "other"), aliases=("special.gammainc",))  # fmt: skip
igammac = binary("igammac", lambda a, x: jsp.gammaincc(a, x), "Regularised upper incomplete gamma function Q(input, other).",
                 saves=("input", "other"), aliases=("special.gammaincc",))  # fmt: skip
xlog1py = binary(
    "xlog1py",
    _xlog1py,
    "`input * log1p(other)`, 0 where `input` is 0.",
    numbers="either",
    spaces=SPECIAL,
    saves=("input", "other"),
    check=kernel("xlog1py_cpu"),
)
zeta = binary(
    "zeta",
    _zeta,
    "Hurwitz zeta function, `sum of (k + other) ** -input` over k >= 0.",
    numbers="either",
    spaces=SPECIAL,
    check=kernel("zeta_cpu", "bif"),
)

# ---- Bessel functions -------------------------------------------------------------------------------------


@jax.custom_jvp
def _i0(x: Any) -> Any:
    return jsp.i0(x)


@_i0.defjvp
def _i0_jvp(primals: Any, tangents: Any) -> Any:
    return _i0(primals[0]), tangents[0] * jsp.i1(primals[0])


i0 = unary("i0", _i0, "Modified Bessel function of the first kind, order 0.", aliases=("special.i0",),
          check=kernel("i0_vml_cpu"))  # fmt: skip
_EXACT = {"differentiable": False}
_row("i0e", jsp.i0e, "`exp(-|x|) * i0(x)`.", check=kernel("i0e_cpu"), saves=("input!", "result"))
_row(
    "i1",
    jsp.i1,
    "Modified Bessel function of the first kind, order 1.",
    check=kernel("i1_cpu"),
    saves=("input!", "result"),
)
_row("i1e", jsp.i1e, "`exp(-|x|) * i1(x)`.", check=kernel("i1e_cpu"), saves=("input!", "result"))
_row("modified_bessel_i0", jsp.i0, "Modified Bessel function of the first kind, order 0.", **_EXACT)
_row("modified_bessel_i1", jsp.i1, "Modified Bessel function of the first kind, order 1.", **_EXACT)
_row("modified_bessel_k0", bessel.k0, "Modified Bessel function of the second kind, order 0.", **_EXACT)
_row("modified_bessel_k1", bessel.k1, "Modified Bessel function of the second kind, order 1.", **_EXACT)
_row("scaled_modified_bessel_k0", bessel.k0e, "`exp(x) * modified_bessel_k0(x)`.", **_EXACT)
_row("scaled_modified_bessel_k1", bessel.k1e, "`exp(x) * modified_bessel_k1(x)`.", **_EXACT)
_row("bessel_j0", bessel.j0, "Bessel function of the first kind, order 0.", **_EXACT)
_row("bessel_j1", bessel.j1, "Bessel function of the first kind, order 1.", **_EXACT)
_row("bessel_y0", bessel.y0, "Bessel function of the second kind, order 0.", **_EXACT)
_row("bessel_y1", bessel.y1, "Bessel function of the second kind, order 1.", **_EXACT)
_row("airy_ai", bessel.airy, "Airy function Ai.", **_EXACT)


def _spherical(x: Any) -> Any:
    near = jnp.abs(x) < 0.5
    safe = jnp.where(near, 1, x)
    q = x * x
    series = 1 - q / 6 * (1 - q / 20 * (1 - q / 42 * (1 - q / 72)))
    return jnp.where(jnp.isinf(x), 0, jnp.where(near, series, jnp.sin(safe) / safe)).astype(x.dtype)


_row(
    "spherical_bessel_j0",
    _spherical,
    "Spherical Bessel function of the first kind, order 0: `sin(x) / x`.",
    **_EXACT,
)

# ---- probability and entropy ------------------------------------------------------------------------------


@jax.custom_jvp
def _entr(x: Any) -> Any:
    positive = x > 0
    value = -x * jnp.log(jnp.where(positive, x, 1))
    return jnp.where((x != x) | positive, value, jnp.where(x == 0, 0, -jnp.inf)).astype(x.dtype)


@_entr.defjvp
def _entr_jvp(primals: Any, tangents: Any) -> Any:
    x = primals[0]
    return _entr(x), tangents[0] * (-jnp.log(x) - 1)


@jax.custom_jvp
def _erfcx(x: Any) -> Any:
    wide = x.astype(jnp.float64)
    far = wide > 25
    near = jnp.where(far, 0, jnp.maximum(wide, -27))
    q = 0.5 / jnp.where(far, wide, 26) ** 2
    series = 1 - q * (1 - 3 * q * (1 - 5 * q * (1 - 7 * q)))
    tail = series / (jnp.where(far, wide, 26) * math.sqrt(math.pi))
    value = jnp.where(far, tail, jnp.exp(near * near) * jsp.erfc(near))
    return jnp.where(wide < -26.7, jnp.inf, value).astype(x.dtype)


@_erfcx.defjvp
def _erfcx_jvp(primals: Any, tangents: Any) -> Any:
    y = _erfcx(primals[0])
    return y, tangents[0] * (2 * primals[0] * y - 2 / math.sqrt(math.pi))


@jax.custom_jvp
def _ndtri(p: Any) -> Any:
    return jsp.ndtri(p)


@_ndtri.defjvp
def _ndtri_jvp(primals: Any, tangents: Any) -> Any:
    y = _ndtri(primals[0])
    return y, tangents[0] * math.sqrt(2 * math.pi) * jnp.exp(y * y / 2)


def _in_float32(fn: Any) -> Any:
    """`fn` with 16-bit floats computed in float32."""
    return lambda x: fn(x.astype(jnp.float32)).astype(x.dtype) if x.dtype.itemsize == 2 else fn(x)


_row("entr", _entr, "Entropy `-x log(x)`, 0 at 0, -inf below.", check=kernel("entr_cpu"))
_row("erfcx", _erfcx, "`exp(x ** 2) * erfc(x)`.", saves=("input!", "result"))
_row(
    "ndtr",
    _in_float32(lambda x: jsp.erfc(x * -math.sqrt(0.5)) / 2),
    "Distribution function of the normal distribution.",
    check=kernel("erf_vml_cpu"),
    saves=(),
)
_row("ndtri", _in_float32(_ndtri), "Inverse of `ndtr`.", saves=("result",))
_row("log_ndtr", _in_float32(jsp.log_ndtr), "Logarithm of `ndtr`.", saves=("input!", "result"))

# ---- orthogonal polynomials ----------------------------------------------------------------------------------


def _polynomial(name: str, first: Any, step: Any, title: str) -> None:
    """The row `name(x, n)`: value 1 for n = 0, `first(x)` for 1, then by `step(k, x, p_k, p_k-1)`; 0 for n < 0."""

    def value(input: Any, n: Any) -> Any:
        x, degree = jnp.broadcast_arrays(input, jnp.trunc(n))
        start = jnp.where(degree < 0, 0, jnp.where(degree == 0, 1, first(x))).astype(x.dtype)

        def more(state: Any) -> Any:
            return state[0] < degree.max(initial=0)

        def advance(state: Any) -> Any:
            k, before, now, out = state
            after = step(k, x, now, before)
            return k + 1, now, after, jnp.where(degree == k + 1, after, out)

        one = jnp.ones((), x.dtype)
        return lax.while_loop(more, advance, (one, jnp.ones_like(x), first(x), start))[3]

    binary(name, value, f"{title} of degree `n`.", numbers="either", spaces=SPECIAL, differentiable=False)


def _chebyshev(k: Any, x: Any, now: Any, before: Any) -> Any:
    return 2 * x * now - before


for _kind, _first in {"t": (0, 1), "u": (0, 2), "v": (-1, 2), "w": (1, 2)}.items():
    _polynomial(f"chebyshev_polynomial_{_kind}", lambda x, c=_first: c[1] * x + c[0], _chebyshev,
                f"Chebyshev polynomial {_kind.upper()}")  # fmt: skip
    _polynomial(f"shifted_chebyshev_polynomial_{_kind}", lambda x, c=_first: c[1] * (2 * x - 1) + c[0],
                lambda k, x, now, before: _chebyshev(k, 2 * x - 1, now, before),
                f"Chebyshev polynomial {_kind.upper()} on [0, 1]")  # fmt: skip
_polynomial("hermite_polynomial_h", lambda x: 2 * x, lambda k, x, now, before: 2 * (x * now - k * before),
            "Physicist's Hermite polynomial")  # fmt: skip
_polynomial("hermite_polynomial_he", lambda x: x, lambda k, x, now, before: x * now - k * before,
            "Probabilist's Hermite polynomial")  # fmt: skip
_polynomial("laguerre_polynomial_l", lambda x: 1 - x,
            lambda k, x, now, before: ((2 * k + 1 - x) * now - k * before) / (k + 1), "Laguerre polynomial")  # fmt: skip
_polynomial("legendre_polynomial_p", lambda x: x,
            lambda k, x, now, before: ((2 * k + 1) * x * now - k * before) / (k + 1), "Legendre polynomial")  # fmt: skip


@function(spaces=SPECIAL)
def softmax(input, dim, *, dtype=None):
    """`exp(input)` divided by its sum over `dim`."""
    return input.softmax(dim, dtype=dtype)


@function(spaces=SPECIAL)
def log_softmax(input, dim, *, dtype=None):
    """Logarithm of `softmax`."""
    return input.log_softmax(dim, dtype=dtype)
