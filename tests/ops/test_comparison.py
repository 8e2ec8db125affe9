"""Comparisons, element tests and logic against torch."""

import numpy as np
import pytest
from twin import check, same_error

A = np.array([1.0, 2.0, np.nan, np.inf, -np.inf, -0.0])
B = np.array([1.0, 3.0, np.nan, np.inf, 0.0, 0.0])


@pytest.mark.parametrize(
    "name", ["eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor", "isclose"]
)
def test_pairs(name):
    check(lambda T, F, a, b: getattr(T, name)(a, b), A, B, grad=False)


@pytest.mark.parametrize(
    "name", ["isnan", "isinf", "isfinite", "isposinf", "isneginf", "isreal", "signbit", "logical_not"]
)
def test_elements(name):
    check(lambda T, F, a: getattr(T, name)(a), A, grad=False)
    check(lambda T, F, a: getattr(T, name)(a), np.array([1, 0, -2]), grad=False)


def test_operators_and_numbers():
    check(lambda T, F, a, b: [a == b, a != 1, a < 2, 2 <= a, a > b, a >= 1.0], A, B, grad=False)


def test_python_answers():
    check(lambda T, F, a, b: [T.equal(a, a), T.equal(a, b), T.equal(b, b[:2]), T.allclose(b, b), T.allclose(a, a),
                              T.allclose(a, a, equal_nan=True)], A, B, grad=False)  # fmt: skip


@pytest.mark.parametrize("tests", [np.array([2, 3, 9]), np.arange(0, 200, 3)])
@pytest.mark.parametrize("invert", [False, True])
def test_isin(tests, invert):
    check(lambda T, F, a, b: [T.isin(a, b, invert=invert), T.isin(a, 3)], np.arange(12).reshape(3, 4), tests)


def test_in_place():
    check(lambda T, F, a: a.clone().gt_(1.5), A, grad=False)


def test_errors():
    same_error(lambda T, F, a, b: T.isclose(a, b), A, np.ones(6, np.float32))
    same_error(lambda T, F, a, b: T.isclose(a, b, rtol=-1.0), A, B)
