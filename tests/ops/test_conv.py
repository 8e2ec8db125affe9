"""Convolutions against torch: values, first and second derivatives, dtypes and errors."""

import numpy as np
import pytest
from twin import check, rand, same_error, torch

import torchlike

pytestmark = pytest.mark.filterwarnings("ignore:Using padding=.same.:UserWarning")  # torch's own

CONVS = {
    "plain": ((2, 3, 8, 9), (4, 3, 3, 3), {}),
    "padded": ((2, 3, 8, 9), (4, 3, 3, 3), {"padding": 1}),
    "strided": ((2, 3, 8, 9), (4, 3, 3, 2), {"stride": (2, 3), "padding": (1, 0)}),
    "dilated": ((2, 3, 9, 9), (4, 3, 3, 3), {"dilation": 2, "padding": 2}),
    "strided_dilated": ((2, 3, 12, 11), (4, 3, 3, 3), {"dilation": (2, 3), "stride": (3, 2), "padding": 3}),
    "same": ((2, 3, 8, 9), (4, 3, 4, 3), {"padding": "same"}),
    "valid": ((2, 3, 8, 9), (4, 3, 4, 3), {"padding": "valid"}),
    "pointwise": ((2, 5, 6, 6), (7, 5, 1, 1), {}),
    "pointwise_strided": ((2, 5, 7, 6), (7, 5, 1, 1), {"stride": 2}),
    "wide_kernel": ((3, 2, 14, 14), (6, 2, 5, 5), {}),
    "groups": ((2, 6, 8, 8), (9, 2, 3, 3), {"groups": 3, "padding": 1}),
    "depthwise": ((2, 6, 8, 8), (6, 1, 3, 3), {"groups": 6, "padding": 1}),
    "depthwise_multiplied": ((2, 3, 8, 8), (6, 1, 3, 3), {"groups": 3, "stride": 2, "dilation": 2}),
    "unbatched": ((3, 8, 8), (4, 3, 3, 3), {}),
    "one_axis": ((2, 3, 12), (4, 3, 5), {"stride": 2, "padding": 1}),
    "one_axis_unbatched": ((3, 12), (4, 3, 5), {"padding": "same", "dilation": 2}),
    "one_axis_long": ((2, 1, 400), (2, 1, 200), {"stride": 50}),
    "three_axes": ((2, 3, 5, 6, 7), (4, 3, 2, 3, 3), {"stride": (1, 2, 1), "padding": 1}),
}
TRANSPOSED = {
    "plain": ((2, 3, 5, 6), (3, 4, 3, 3), {}),
    "strided": ((2, 3, 5, 6), (3, 4, 4, 4), {"stride": 2, "padding": 1}),
    "output_padding": (
        (2, 3, 5, 6),
        (3, 4, 3, 3),
        {"stride": (2, 3), "padding": 1, "output_padding": (1, 2)},
    ),
    "output_padding_dilated": ((2, 3, 5, 6), (3, 4, 3, 3), {"dilation": 3, "output_padding": 2}),
    "gaps": ((2, 3, 4, 4), (3, 4, 2, 2), {"stride": 3}),
    "groups": ((2, 4, 5, 5), (4, 3, 3, 3), {"groups": 2, "stride": 2}),
    "depthwise": ((2, 4, 5, 5), (4, 1, 3, 3), {"groups": 4, "stride": 2, "padding": 1, "output_padding": 1}),
    "unbatched": ((3, 5, 6), (3, 4, 3, 3), {}),
    "one_axis": ((2, 3, 7), (3, 2, 4), {"stride": 3, "padding": 1}),
    "three_axes": ((1, 2, 3, 4, 3), (2, 3, 2, 3, 2), {"stride": (2, 1, 2), "padding": (0, 1, 1)}),
}


@pytest.mark.parametrize("name", CONVS)
def test_convolution(name):
    shape, kernel, options = CONVS[name]
    rank = len(kernel) - 2

    def f(T, F, x, w, b):
        return getattr(F, f"conv{rank}d")(x, w, b, **options)

    check(f, rand(*shape), rand(*kernel), rand(kernel[0]), twice=True, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", TRANSPOSED)
def test_transposed_convolution(name):
    shape, kernel, options = TRANSPOSED[name]
    rank = len(kernel) - 2

    def f(T, F, x, w, b):
        return getattr(F, f"conv_transpose{rank}d")(x, w, b, **options)

    bias = rand(kernel[1] * options.get("groups", 1))
    check(f, rand(*shape), rand(*kernel), bias, twice=True, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "int64", "complex64"])
def test_dtypes(dtype):
    x, w = rand(2, 3, 6, 6, low=-4, high=4), rand(4, 3, 3, 3, low=-4, high=4)

    def f(T, F, x, w):
        if dtype == "complex64":
            x, w = T.complex(x.float(), x.float() + 1), T.complex(w.float(), 1 - w.float())
            return T.view_as_real(F.conv2d(x, w))
        x, w = x.to(getattr(T, dtype)), w.to(getattr(T, dtype))
        return F.conv2d(x, w, padding=1).double()

    tolerance = {"bfloat16": 2e-2, "float16": 2e-3}.get(dtype, 1e-5)
    check(f, x, w, grad=False, rtol=tolerance, atol=10 * tolerance)


def test_conv_tbc_and_convolution():
    check(lambda T, F, x, w, b: F.conv_tbc(x, w, b, 1), rand(5, 2, 3), rand(3, 3, 4), rand(4))
    check(
        lambda T, F, x, w: T.convolution(x, w, None, (2, 1), (0, 1), (1, 1), True, (1, 0), 1),
        rand(2, 3, 4, 4), rand(3, 2, 3, 3),
    )  # fmt: skip


def test_empty_batch():
    x = torchlike.zeros(0, 3, 5, 5, requires_grad=True)
    w = torchlike.ones(4, 3, 3, 3, requires_grad=True)
    y = torchlike.nn.functional.conv2d(x, w)
    y.sum().backward()
    assert y.shape == (0, 4, 3, 3)
    assert x.grad.shape == x.shape and float(w.grad.abs().sum()) == 0


def ones(*shape):
    return np.ones(shape, np.float32)


X, W, B = ones(1, 3, 5, 5), ones(4, 3, 3, 3), ones(4)
ERRORS = {
    "rank": lambda T, F, x, w, b: F.conv2d(x[0, 0], w),
    "rank1": lambda T, F, x, w, b: F.conv1d(x, w[0]),
    "weight_rank": lambda T, F, x, w, b: F.conv2d(x, w[0]),
    "weight_dtype": lambda T, F, x, w, b: F.conv2d(x, w.double()),
    "bias_dtype": lambda T, F, x, w, b: F.conv2d(x, w, b.double()),
    "channels": lambda T, F, x, w, b: F.conv2d(x[:, :2], w),
    "channels_unbatched": lambda T, F, x, w, b: F.conv2d(x[0, :2], w),
    "groups": lambda T, F, x, w, b: F.conv2d(x, w, groups=2),
    "groups_zero": lambda T, F, x, w, b: F.conv2d(x, w, groups=0),
    "groups_many": lambda T, F, x, w, b: F.conv2d(x, w[:, :1], groups=5),
    "groups_uneven": lambda T, F, x, w, b: F.conv2d(x, w[:, :1], groups=3),
    "small": lambda T, F, x, w, b: F.conv2d(x[:, :, :2, :2], w),
    "small_dilated": lambda T, F, x, w, b: F.conv2d(x[:, :, :2], w, dilation=2, padding=1),
    "bias_size": lambda T, F, x, w, b: F.conv2d(x, w, b[:3]),
    "padding": lambda T, F, x, w, b: F.conv2d(x, w, padding=-1),
    "padding_length": lambda T, F, x, w, b: F.conv2d(x, w, padding=(1, 2, 3)),
    "padding_text": lambda T, F, x, w, b: F.conv2d(x, w, padding="foo"),
    "padding_same": lambda T, F, x, w, b: F.conv2d(x, w, padding="same", stride=2),
    "stride": lambda T, F, x, w, b: F.conv2d(x, w, stride=0),
    "stride_length": lambda T, F, x, w, b: F.conv2d(x, w, stride=(1, 2, 3)),
    "dilation_length": lambda T, F, x, w, b: F.conv2d(x, w, dilation=(1, 2, 3)),
    "transposed_rank": lambda T, F, x, w, b: F.conv_transpose2d(x[0, 0], w),
    "transposed_channels": lambda T, F, x, w, b: F.conv_transpose2d(x, w),
    "transposed_bias": lambda T, F, x, w, b: F.conv_transpose2d(x, w[:3], b),
    "transposed_output_padding": lambda T, F, x, w, b: F.conv_transpose2d(x, w[:3], output_padding=1),
    "transposed_negative": lambda T, F, x, w, b: F.conv_transpose2d(x, w[:3], output_padding=-1),
    "transposed_small": lambda T, F, x, w, b: F.conv_transpose2d(x[:, :, :1, :1], w[:3], padding=2),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    same_error(ERRORS[name], X, W, B)


def test_names():
    for name in ("conv1d", "conv2d", "conv3d", "conv_transpose2d", "conv_tbc"):
        assert callable(getattr(torchlike, name)) and callable(getattr(torchlike.nn.functional, name))
        assert getattr(torchlike, name).__doc__
    y = torchlike.conv2d(torchlike.ones(1, 1, 3, 3), torchlike.ones(1, 1, 3, 3, requires_grad=True))
    reference = torch.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3, 3, requires_grad=True))
    assert y.grad_fn.name() == reference.grad_fn.name()
