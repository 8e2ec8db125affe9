"""Python functions over the elements, against torch."""

import numpy as np
import pytest
from twin import check, rand, same_error

ROW = np.array([1.0, 2.0, 3.0])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int64", "int8", "bool", "complex64"])
def test_apply(dtype):
    def f(T, F, x):
        x = x.to(getattr(T, dtype))
        return x.apply_(lambda v: v * 2.5 if dtype != "bool" else not v).to(T.complex64)

    check(f, rand(2, 3, low=0, high=9), grad=False)


def test_views_and_nothing():
    check(
        lambda T, F, x: [x.t().apply_(lambda v: v + 1), x, T.empty(0).apply_(lambda v: v)],
        rand(2, 3),
        grad=False,
    )


def test_map():
    def f(T, F, x, row):
        y = x.clone().map_(row, lambda a, b: a * b)
        return y, x.map2_(row, y, lambda a, b, c: a + b - c)

    check(f, rand(2, 3), ROW, grad=False)


WRONG = {
    "text": lambda T, x: x.apply_(lambda v: "a"),
    "no function": lambda T, x: x.apply_(3),
    "gradient": lambda T, x: x.requires_grad_().apply_(lambda v: v),
    "gradient of the other": lambda T, x: x.map_(T.ones(3).double().requires_grad_(), lambda a, b: a),
    "dtype": lambda T, x: x.map_(T.ones(3), lambda a, b: a),
    "dtype of the third": lambda T, x: x.map2_(x, T.ones(3), lambda a, b, c: a),
    "shape": lambda T, x: x.map_(T.ones(2, 2).double(), lambda a, b: a),
    "dimensions": lambda T, x: x[0].map_(x, lambda a, b: a),
    "number": lambda T, x: x.map_(3, lambda a, b: a),
    "error inside": lambda T, x: x.apply_(lambda v: 1 / 0),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors(name):
    same_error(lambda T, F, x: WRONG[name](T, x), rand(2, 3))
