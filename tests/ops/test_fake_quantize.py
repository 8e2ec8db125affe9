"""Fake quantisation against torch."""

import numpy as np
import pytest
from twin import LIBS, check, rand, same_error

X = np.array([-1, -0.37, 0.05, 0.15, 0.249, 0.25, 3, 40, np.nan, np.inf, -np.inf])
SPREAD = np.linspace(-3, 3, 99)
SCALE = np.array([0.1, 0.2, 0.3], np.float32)
POINTS = {"int": np.array([1, 2, 3], np.int32), "float": np.array([1.3, 2, 3], np.float32)}


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_per_tensor_values(dtype):
    def f(T, F, x):
        x = x.to(getattr(T, dtype))
        return [
            T.fake_quantize_per_tensor_affine(x, *how).double()
            for how in ((0.1, 3, -128, 127), (0.173, 0, -9, 9))
        ]

    check(f, X, grad=False)
    check(f, SPREAD, grad=False)


def test_per_tensor_gradient():
    check(lambda T, F, x: T.fake_quantize_per_tensor_affine(x, 0.1, 3, -2, 5), SPREAD)
    check(lambda T, F, x: T.fake_quantize_per_tensor_affine(x, T.tensor(0.1), T.tensor(3), -2, 5), SPREAD)
    check(
        lambda T, F, x: T.fake_quantize_per_tensor_affine(x, T.tensor([0.1]), T.tensor([3.7]), -2, 5), SPREAD
    )


@pytest.mark.parametrize("points", POINTS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_per_channel(points, dtype):
    def f(T, F, x):
        scale, point = T.tensor(SCALE), T.tensor(POINTS[points])
        x = x.to(getattr(T, dtype))
        return [T.fake_quantize_per_channel_affine(x, scale, point, 1, -8, 7),
                T.fake_quantize_per_channel_affine(x.t(), scale, point, 0, -8, 7)]  # fmt: skip

    check(f, SPREAD.reshape(33, 3))


def test_grad_fn_names():
    for lib in LIBS:
        x = lib.ones(2, 3, requires_grad=True)
        a = lib.fake_quantize_per_tensor_affine(x, 0.1, 0, -8, 7)
        b = lib.fake_quantize_per_channel_affine(x, lib.tensor(SCALE), lib.tensor(POINTS["int"]), 1, -8, 7)
        assert a.grad_fn.name() == "FakeQuantizePerTensorAffineCachemaskBackward0"
        assert b.grad_fn.name() == "FakeQuantizePerChannelAffineCachemaskBackward0"


WRONG = {
    "levels": lambda T, x: T.fake_quantize_per_tensor_affine(x, 0.1, 0, 5, 4),
    "zero point": lambda T, x: T.fake_quantize_per_tensor_affine(x, 0.1, 300, -128, 127),
    "several": lambda T, x: T.fake_quantize_per_tensor_affine(x, T.ones(2), T.ones(2).int(), -128, 127),
    "integers": lambda T, x: T.fake_quantize_per_tensor_affine(x.int(), 0.1, 0, -128, 127),
    "scale with history": lambda T, x: T.fake_quantize_per_tensor_affine(
        x, T.ones(1, requires_grad=True), T.ones(1).int(), -8, 7
    ),
    "too few": lambda T, x: T.fake_quantize_per_tensor_affine(x, 0.1, 0, -128),
    "long zero points": lambda T, x: T.fake_quantize_per_channel_affine(x, T.ones(3), T.ones(3).long(), 1, -8, 7),
    "double scale": lambda T, x: T.fake_quantize_per_channel_affine(x, T.ones(3).double(), T.ones(3).int(), 1, -8, 7),
    "dimensions": lambda T, x: T.fake_quantize_per_channel_affine(x, T.ones(1, 3), T.ones(3).int(), 1, -8, 7),
    "sizes": lambda T, x: T.fake_quantize_per_channel_affine(x, T.ones(3), T.ones(2).int(), 1, -8, 7),
    "size of input": lambda T, x: T.fake_quantize_per_channel_affine(x, T.ones(2), T.ones(2).int(), 1, -8, 7),
    "off the grid": lambda T, x: T.fake_quantize_per_channel_affine(x, T.ones(3), T.ones(3).int() * 9, 1, -8, 7),
    "axis": lambda T, x: T.fake_quantize_per_channel_affine(x, T.ones(3), T.ones(3).int(), -1, -8, 7),
    "axis too large": lambda T, x: T.fake_quantize_per_channel_affine(x, T.ones(3), T.ones(3).int(), 2, -8, 7),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_errors(name):
    same_error(lambda T, F, x: WRONG[name](T, x), rand(4, 3))
