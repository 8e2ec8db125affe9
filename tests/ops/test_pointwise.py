"""Elementwise operators against torch: values and gradients, promotion, special points, errors."""

import numpy as np
import pytest
from twin import check, rand, same_error, torch

import torchlike

POINTS = np.array([-3.5, -1.0, -0.5, -0.1, 0.1, 0.5, 1.0, 2.5])
UNIT = np.array([-0.9, -0.3, 0.2, 0.7])
POSITIVE = np.array([0.1, 0.5, 1.0, 1.7, 3.0, 12.5])
UNARY = {
    "exp exp2 expm1 sin cos tan atan sinh cosh tanh asinh deg2rad rad2deg sinc sigmoid erf erfc abs sign sgn neg square "
    "floor ceil trunc frac round reciprocal angle positive digamma lgamma nan_to_num": POINTS,
    "log log2 log10 log1p sqrt rsqrt i0": POSITIVE,
    "asin acos atanh erfinv": UNIT,
    "acosh": 1 + POSITIVE,
    "logit": np.array([0.1, 0.4, 0.9]),
}
CASES = [(name, x) for names, x in UNARY.items() for name in names.split()]
KINKS = np.array([0.0, -0.0, np.inf, -np.inf, np.nan])


@pytest.mark.parametrize(("name", "x"), CASES, ids=[c[0] for c in CASES])
def test_unary(name, x):
    check(lambda T, F, a: getattr(T, name)(a), x)
    whole = np.array([1, 2, 3])
    if name not in ("asin", "acos", "atanh", "erfinv", "logit", "frac"):
        check(lambda T, F, a: getattr(a, name)(), whole)


@pytest.mark.parametrize(
    "name", "exp log sqrt rsqrt abs sign sgn neg floor trunc sigmoid tanh erf nan_to_num angle sinc".split()
)
def test_special_points(name):
    check(lambda T, F, a: getattr(T, name)(a), KINKS)


@pytest.mark.parametrize("decimals", [0, 1, -1])
def test_round_to_decimals(decimals):
    check(lambda T, F, a: T.round(a, decimals=decimals), np.array([-12.25, 0.5, 1.5, 2.349, 17.0]))


BINARY = ["add", "sub", "mul", "div", "atan2", "remainder", "fmod", "hypot", "copysign", "logaddexp", "logaddexp2",
          "maximum", "minimum", "fmax", "fmin", "floor_divide", "pow", "xlogy", "nextafter"]  # fmt: skip


@pytest.mark.parametrize("name", BINARY)
def test_binary(name):
    a = np.array([[0.3, 1.7, 2.0], [1.1, 0.6, 3.0]])
    b = np.array([0.7, 1.7, 2.5])
    check(lambda T, F, x, y: getattr(T, name)(x, y), a, b, grad=name != "floor_divide")


DTYPES = ["uint8", "int32", "int64", "float32", "float64", "bool", "bfloat16"]


@pytest.mark.parametrize("name", ["add", "mul", "div", "eq"])
def test_promotion(name):
    for left in DTYPES:
        for right in DTYPES:
            found = [
                getattr(T, name)(*(T.ones(2, dtype=getattr(T, d)) for d in (left, right))).dtype
                for T in (torch, torchlike)
            ]
            assert str(found[0]) == str(found[1]), (left, right)


@pytest.mark.parametrize("number", [2, 2.5, True])
@pytest.mark.parametrize("dtype", ["int64", "float32", "float64", "uint8"])
def test_python_numbers(number, dtype):
    x = np.array([1, 2, 5], dtype)
    check(lambda T, F, a: [a + number, number * a, number - a if number is not True else a, a / number, number / a,
                           a // 2, 7 % a, a**2, 2**a], x, grad=False)  # fmt: skip


@pytest.mark.parametrize("exponent", [-2, 0, 1, 2, 3, 0.5, -0.5, 2.0, 1.3])
def test_powers(exponent):
    check(lambda T, F, x: [x**exponent, x.clone().pow_(exponent)], POSITIVE, twice=True)


def test_power_of_integers():
    check(
        lambda T, F, a, b: [T.pow(a, b), a**3, T.pow(2, b), T.float_power(a, -2)],
        np.array([2, -1, 3]),
        np.array([3, 2, 0]),
    )
    same_error(lambda T, F, a: a**-1, np.array([1, 2]))


@pytest.mark.parametrize("mode", [None, "floor", "trunc"])
def test_rounded_division(mode):
    a, b = np.array([7.0, -7.0, 2.5, 0.0]), np.array([2.0, 2.0, -0.5, 3.0])
    check(lambda T, F, x, y: T.div(x, y, rounding_mode=mode), a, b)
    check(lambda T, F, x, y: T.div(x, y, rounding_mode=mode), a.astype(int), np.array([2, 3, -4, 5]))


def test_division_by_zero():
    same_error(lambda T, F, a: a // 0, np.array([1, 2]))
    same_error(lambda T, F, a: a % 0, np.array([1, 2]))
    check(lambda T, F, a: [a / 0, a // 0, a % 0], np.array([1.0, 0.0, -2.0]), grad=False)


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (None, 0.5), (0.5, None), (2.0, -2.0)])
def test_clamp(low, high):
    x = np.array([-2.0, -1.0, 0.0, 0.5, 1.0, 3.0])
    check(lambda T, F, a: T.clamp(a, low, high), x)
    bounds = [None if v is None else np.full(6, v) for v in (low, high)]
    check(lambda T, F, a, lo, hi: T.clamp(a, lo, hi), x, *bounds)


def test_ternary():
    a, b, c = rand(2, 3), rand(2, 3, low=1), rand(3, low=1)
    check(lambda T, F, x, y, z: [T.addcmul(x, y, z, value=0.5), T.addcdiv(x, y, z, value=2)], a, b, c)
    check(lambda T, F, x, y, z: [T.lerp(x, y, 0.3), T.lerp(x, y, 0.7), T.lerp(x, y, z)], a, b, c)


BITS = np.array([5, -3, 0, 12])


@pytest.mark.parametrize("name", ["bitwise_and", "bitwise_or", "bitwise_xor", "gcd", "lcm"])
def test_bits(name):
    check(lambda T, F, a, b: getattr(T, name)(a, b), BITS, np.array([3, 6, 7, 8]))


def test_shifts_and_operators():
    by = np.array([1, 2, 70, 0])
    check(lambda T, F, a, b: [a << b, a >> b, ~a, a & 6, 6 | a, a ^ b], BITS, by)
    check(lambda T, F, a: [~a, a & True, a | False, a ^ True], np.array([True, False]))


INPLACE = {
    "add_": 1.5,
    "sub_": 0.5,
    "mul_": 3.0,
    "div_": 2.0,
    "pow_": 2,
    "remainder_": 0.7,
    "clamp_min_": 0.2,
}


@pytest.mark.parametrize("name", INPLACE)
def test_inplace(name):
    def f(T, F, x):
        y = x * 2
        assert getattr(y, name)(INPLACE[name]) is y
        return y * y

    check(f, POINTS)


ERRORS = {
    "neg of bool": lambda T, F, x: -(x > 0),
    "sub of bools": lambda T, F, x: (x > 0) - (x > 1),
    "alpha of a float": lambda T, F, x: T.add(x.long(), x.long(), alpha=0.5),
    "shapes": lambda T, F, x: x + T.ones(2, 3),
    "rounding mode": lambda T, F, x: T.div(x, x, rounding_mode="up"),
    "no bounds": lambda T, F, x: T.clamp(x),
    "addcdiv of integers": lambda T, F, x: T.addcdiv(x, x.long(), x.long()),
    "in-place dtype": lambda T, F, x: x.long().div_(2.0),
    "bits of floats": lambda T, F, x: x & x,
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    same_error(ERRORS[name], rand(2, 4))
