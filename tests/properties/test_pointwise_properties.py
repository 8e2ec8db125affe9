"""Elementwise operators of one, two and three operands: as function, method, in place and with `out=`."""

from dataclasses import replace

import numpy as np
from driver import ALL, COMPLEX, Call, Draw, T, extra, holds

ONE = (
    "abs acos acosh angle asin asinh atan atanh ceil conj_physical cos cosh deg2rad digamma erf erfc erfinv exp exp2 "
    "expm1 floor frac isfinite isinf isnan isneginf isposinf lgamma log log10 log1p log2 logical_not neg positive "
    "rad2deg reciprocal relu round rsqrt sgn sigmoid sign signbit sin sinc sinh sqrt square tan tanh trunc i0 logit "
    "nan_to_num bitwise_not real imag isreal special.entr special.erfcx special.i0e special.i1 special.i1e "
    "special.log_ndtr special.ndtr special.ndtri special.bessel_j0 special.bessel_j1 special.gammaln special.expit"
)
TWO = (
    "add sub mul div true_divide remainder fmod pow maximum minimum fmax fmin eq ne lt le gt ge atan2 "
    "hypot logaddexp logaddexp2 copysign nextafter ldexp xlogy float_power gcd lcm bitwise_and bitwise_or "
    "bitwise_xor bitwise_left_shift bitwise_right_shift logical_and logical_or logical_xor rsub special.xlog1py "
    "isclose"
)
OPERATORS = "add sub mul truediv floordiv mod pow and_ or_ xor lshift rshift eq ne lt le gt ge".split()
INPLACE = (
    "add sub mul div floor_divide remainder fmod pow eq lt atan2 hypot copysign nextafter heaviside xlogy gcd lcm "
    "bitwise_and bitwise_or bitwise_xor logical_and exp log sqrt sin neg abs sigmoid tanh reciprocal round floor clamp "
    "square rsqrt sign trunc"
).split()
BINARY_INPLACE = INPLACE[: INPLACE.index("exp")]


def one(d: Draw):
    """An operator of one tensor."""
    values = d.pick(("any", "any", "special", "unit", "positive"))
    return (d.tensor(values=values, grad=False if values == "special" else None),)


def operands(d: Draw, n: int, values=("any", "any", "positive", "special")):
    """Tensors of one dtype or of several. Only one thing is wrong at a time: if their shapes do not broadcast, all are
    float32. Without gradients at nan and infinity, where they are accidents of the formula, and without complex
    infinities, whose products and quotients depend on how many elements a processor takes at a time."""
    shapes, first = d.broadcast(n), d.dtype()
    kinds = [first] * 6 + [d.dtype()] if fits(shapes) else ["float32"]
    drawn = [(s, d.pick(kinds), d.pick(values)) for s in shapes]
    tensors = [d.tensor(s, t, "any" if t in COMPLEX and v == "special" else v) for s, t, v in drawn]
    odd = any(t.values == "special" for t in tensors)
    return [replace(t, grad=False) for t in tensors] if odd else tensors


def fits(shapes, into=None):
    """Whether the shapes broadcast (to `into`)."""
    try:
        return np.broadcast_shapes(*shapes) == into or into is None
    except ValueError:
        return False


def constant(d: Draw):
    """Operators without a derivative: without gradients, for PyTorch's backward refuses them."""
    a, b = operands(d, 2)
    return replace(a, grad=False), d.number(True) if d.chance(25) else replace(b, grad=False)


def two(d: Draw):
    """An operator of two tensors, or of a tensor and a number."""
    a, b = operands(d, 2)
    return (a, d.number(True)) if d.chance(25) else (a, b)


def symbol(d: Draw):
    """A Python operator, a number on either side."""
    a, b = operands(d, 2)
    other = d.number(True) if d.chance(50) else b
    name = d.pick(OPERATORS)
    if name == "floordiv":
        a, other = (replace(t, grad=False) if isinstance(t, T) else t for t in (a, other))
    return Call(f"operator.{name}", (a, other) if d.chance(60) else (other, a))


@extra
def inplace(lib, name, x, *rest):
    """The in-place variant on a copy; what it was is returned too."""
    copy = x.clone()
    out = getattr(copy, name + "_")(*rest)
    return out, out is copy


def write(d: Draw):
    """In place; on shapes that do not fit with float32 alone, so that one thing is wrong at a time."""
    name = d.pick(INPLACE)
    a, b = operands(d, 2)
    if not fits([a.shape, b.shape], a.shape):
        a, b = replace(a, dtype="float32"), replace(b, dtype="float32")
    if name in ("floor_divide", "heaviside"):
        a, b = replace(a, grad=False), replace(b, grad=False)
    rest = (d.number() if d.chance(30) else b,) if name in BINARY_INPLACE else ()
    return Call("inplace", (name, a, *rest, *((0.5,) if name == "clamp" else ())))


@extra
def with_out(lib, name, out, *args):
    """The operator with `out=`."""
    result = getattr(lib, name)(*args, out=out)
    return result, result is out


def into(d: Draw):
    name = d.pick("add sub mul div pow maximum eq exp sqrt atan2 hypot sigmoid".split())
    a, b = (replace(t, grad=d.chance(5)) for t in operands(d, 2))
    args = (a,) if name in ("exp", "sqrt", "sigmoid") else (a, b)
    shape = (
        np.broadcast_shapes(*[t.shape for t in args])
        if fits([t.shape for t in args]) and d.chance(85)
        else d.shape()
    )
    return Call("with_out", (name, T(tuple(shape), d.pick([a.dtype] * 4 + list(ALL)), 0), *args))


def scaled(d: Draw):
    """add and sub with `alpha`."""
    a, b = operands(d, 2)
    return a, b, {"alpha": d.number(True)}


def rounded(d: Draw):
    a, b = operands(d, 2)
    return a, b, {"rounding_mode": d.pick(("floor", "trunc", None, "up"))}


def limits(d: Draw):
    """clamp: limits are numbers, tensors or missing. Two limits that broadcast get no gradients in PyTorch: it fails."""
    x, low, high = operands(d, 3)
    if low.shape != high.shape:
        x, low, high = (replace(t, grad=False) for t in (x, low, high))
    kind = d.pick("numbers tensors low high none".split())
    if kind == "numbers":
        return x, d.number(), d.number()
    if kind == "tensors":
        return x, low, high
    return (x, {"min": low}) if kind == "low" else (x, {"max": d.number()}) if kind == "high" else (x,)


def weighted(d: Draw):
    """lerp: the weight is a number or a tensor."""
    a, b, w = operands(d, 3)
    return (a, b, w) if d.chance(60) else (a, b, d.pick((0.25, 0, 1, 0.75, 2)))


def products(d: Draw):
    """addcmul and addcdiv; of several dtypes without gradients, for PyTorch's backward fails."""
    a, b, c = operands(d, 3)
    if len({a.dtype, b.dtype, c.dtype}) > 1:
        a, b, c = (replace(t, grad=False) for t in (a, b, c))
    return (a, b, c, {"value": d.number()}) if d.chance(50) else (a, b, c)


def chosen(d: Draw):
    """where: a condition, and tensors or numbers."""
    c, a, b = d.broadcast(3)
    dtype = d.dtype()
    x = d.number() if d.chance(20) else d.tensor(a, dtype)
    y = d.number() if d.chance(20) else d.tensor(b, d.pick([dtype] * 3 + [d.dtype()]))
    return d.tensor(c, "bool" if d.chance(90) else d.dtype()), x, y


def decimals(d: Draw):
    return d.tensor(values=d.pick(("any", "special")), grad=False), {"decimals": d.pick((-2, -1, 1, 2, 3))}


def replaced(d: Draw):
    return d.tensor(values="special", grad=False), d.some(nan=d.number, posinf=d.number, neginf=d.number)


def eps(d: Draw):
    return d.tensor(values="unit"), d.pick((None, 0.25, 1e-3))


UNARY = [(ONE, one)] * 5 + [("round", decimals), ("nan_to_num", replaced), ("logit", eps)]
BINARY = [
    (TWO, two), (TWO, two), (TWO, two), ("floor_divide heaviside special.zeta", constant), ("operators", symbol), ("inplace", write), ("with_out", into),
    ("add sub", scaled), ("div", rounded),
]  # fmt: skip
TERNARY = [("clamp clip", limits), ("lerp", weighted), ("addcmul addcdiv", products), ("where", chosen)]

test_unary = holds(UNARY)
test_binary = holds(BINARY)
test_ternary = holds(TERNARY)
