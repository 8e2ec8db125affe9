"""Pooling against torch: values, positions, first and second derivatives, and errors."""

import numpy as np
import pytest
from twin import check, rand, same_error

import torchlike

MAX = {
    "halving": ((2, 3, 8, 8), 2, {}),
    "rest": ((2, 3, 7, 9), 2, {}),
    "ceil": ((2, 3, 7, 9), 2, {"ceil_mode": True}),
    "overlapping": ((2, 3, 9, 9), 3, {"stride": 2, "padding": 1}),
    "overlapping_ceil": ((2, 3, 10, 8), 3, {"stride": 2, "padding": 1, "ceil_mode": True}),
    "dense": ((1, 2, 7, 7), 3, {"stride": 1, "padding": 1}),
    "gaps": ((1, 2, 9, 9), 2, {"stride": 3}),
    "dilated": ((2, 2, 9, 10), 2, {"dilation": (2, 3), "stride": (1, 2)}),
    "dilated_padded": ((2, 2, 9, 10), 3, {"dilation": 2, "padding": 1, "stride": 2}),
    "axis_by_axis": ((2, 2, 11, 12), (4, 5), {"stride": (2, 3), "padding": (2, 1)}),
    "long": ((1, 2, 50, 40), (40, 2), {"padding": (7, 1)}),
    "whole": ((2, 3, 6, 5), (6, 5), {}),
    "unbatched": ((3, 6, 6), 2, {}),
    "one_axis": ((2, 3, 10), 3, {"stride": 2, "padding": 1}),
    "one_axis_unbatched": ((3, 10), 2, {}),
    "three_axes": ((1, 2, 4, 6, 5), 2, {"padding": 1, "stride": (1, 2, 2)}),
    "three_axes_large": ((1, 2, 5, 6, 7), 3, {"stride": 2, "ceil_mode": True}),
}


def rank_of(shape, name):
    return len(shape) - (1 if "unbatched" in name else 2)


@pytest.mark.parametrize("name", MAX)
def test_max_pool(name):
    shape, kernel, options = MAX[name]
    rank = rank_of(shape, name)

    def f(T, F, x):
        return getattr(F, f"max_pool{rank}d")(x, kernel, return_indices=True, **options)

    check(f, rand(*shape), twice=True)


@pytest.mark.parametrize(
    "name", ["overlapping", "dense", "axis_by_axis", "long", "dilated_padded", "three_axes"]
)
def test_max_pool_ties_nans_and_infinities(name):
    shape, kernel, options = MAX[name]
    rank = rank_of(shape, name)
    x = np.random.randint(0, 3, shape).astype(np.float32)
    y = np.where(np.random.rand(*shape) < 0.1, np.nan, x).astype(np.float32)
    z = np.full(shape, -np.inf, np.float32)
    for values in (x, y, z):
        check(
            lambda T, F, x: getattr(F, f"max_pool{rank}d")(x, kernel, return_indices=True, **options), values
        )


def test_max_pool_of_integers_and_16_bit():
    x = np.random.randint(-9, 9, (2, 3, 6, 6))
    check(lambda T, F, x: F.max_pool2d(x, 2, return_indices=True), x)
    check(lambda T, F, x: F.max_pool2d(x.bfloat16(), 3, 2, 1).float(), rand(2, 3, 6, 6))


AVG = {
    "halving": ((2, 3, 8, 8), 2, {}),
    "ceil": ((2, 3, 7, 9), 2, {"ceil_mode": True, "padding": 1}),
    "no_pad": ((2, 3, 9, 9), 3, {"stride": 2, "padding": 1, "count_include_pad": False}),
    "ceil_no_pad": (
        (2, 3, 10, 8),
        3,
        {"stride": 2, "padding": 1, "ceil_mode": True, "count_include_pad": False},
    ),
    "divisor": ((2, 3, 8, 8), 2, {"divisor_override": 3}),
    "large": ((2, 2, 12, 11), (5, 4), {"stride": (2, 3), "padding": (1, 2)}),
    "long": ((1, 2, 50, 40), (40, 2), {"padding": (7, 1)}),
    "dense": ((1, 2, 7, 7), 3, {"stride": 1, "padding": 1}),
    "unbatched": ((3, 6, 6), 2, {}),
    "one_axis": ((2, 3, 10), 3, {"stride": 2, "padding": 1, "count_include_pad": False}),
    "three_axes": ((1, 2, 4, 6, 5), 2, {"padding": 1, "stride": (1, 2, 2), "divisor_override": 5}),
}


@pytest.mark.parametrize("name", AVG)
def test_avg_pool(name):
    shape, kernel, options = AVG[name]
    rank = rank_of(shape, name)
    check(lambda T, F, x: getattr(F, f"avg_pool{rank}d")(x, kernel, **options), rand(*shape), twice=True)


def test_avg_pool_of_integers():
    x = np.random.randint(-9, 9, (2, 3, 6, 6))
    check(lambda T, F, x: F.avg_pool2d(x, 2), x)


def test_means_of_16_bit_round_once():
    x = rand(2, 3, 9, 9, dtype=np.float32)
    check(lambda T, F, x: F.avg_pool2d(x.bfloat16(), 3, 1).float(), x, grad=False)
    check(
        lambda T, F, x: F.adaptive_avg_pool2d(x.bfloat16(), (2, 3)).float(),
        x,
        grad=False,
        rtol=1e-2,
        atol=1e-2,
    )


ADAPTIVE = {
    "even": ((2, 3, 8, 6), (4, 2)),
    "uneven": ((2, 3, 7, 10), (3, 4)),
    "one": ((2, 3, 7, 5), 1),
    "growing": ((1, 2, 3, 4), (5, 7)),
    "kept": ((1, 2, 3, 4), (None, 2)),
    "unbatched": ((2, 7, 5), 3),
    "one_axis": ((2, 3, 7), 3),
    "three_axes": ((1, 2, 5, 4, 7), (2, 4, 3)),
}


@pytest.mark.parametrize("name", ADAPTIVE)
@pytest.mark.parametrize("kind", ["avg", "max"])
def test_adaptive(kind, name):
    shape, size = ADAPTIVE[name]
    options = {"return_indices": True} if kind == "max" else {}
    rank = rank_of(shape, name)
    x = rand(*shape)
    check(lambda T, F, x: getattr(F, f"adaptive_{kind}_pool{rank}d")(x, size, **options), x, twice=True)


def test_adaptive_to_nothing():
    x = np.ones((1, 2, 3, 4))
    check(lambda T, F, x: (F.adaptive_avg_pool2d(x, 0), F.adaptive_max_pool2d(x, 0)), x, grad=False)


@pytest.mark.parametrize("norm", [1, 2, 3.0, float("inf")])
def test_lp_pool(norm):
    for rank in (1, 2, 3):
        x = rand(2, 3, *(6,) * rank, low=0.1)
        check(lambda T, F, x, r=rank: getattr(F, f"lp_pool{r}d")(x, norm, 3, 2, ceil_mode=True), x)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 1}])
def test_max_unpool(rank, options):
    def f(T, F, x):
        y, i = getattr(F, f"max_pool{rank}d")(x, 3, return_indices=True, **options)
        return getattr(F, f"max_unpool{rank}d")(y, i, 3, output_size=x.shape[-rank:], **options)

    check(f, rand(2, 3, *(9,) * rank), twice=True)


@pytest.mark.parametrize("rank", [2, 3])
def test_fractional(rank):
    u = np.random.rand(2, 3, rank)

    def f(T, F, x, u):
        pool = getattr(F, f"fractional_max_pool{rank}d")
        return pool(x, 2, output_size=(4,) * rank, return_indices=True, _random_samples=u.detach())

    check(f, rand(2, 3, *(9,) * rank), u)
    x = torchlike.randn(1, 2, *(8,) * rank)
    pool = getattr(torchlike.nn.functional, f"fractional_max_pool{rank}d")
    assert pool(x, 2, output_ratio=(0.5,) * rank).shape == (1, 2, *(4,) * rank)


@pytest.mark.parametrize("size", [(3, 3), (2, 3), (1, 3)])
def test_fractional_windows_that_just_fit(size):
    u = np.random.rand(1, 2, 2)
    check(
        lambda T, F, x, u: F.fractional_max_pool2d(x, 3, size, _random_samples=u.detach()),
        rand(1, 2, 5, 5),
        u,
    )


X = np.ones((1, 3, 4, 4), np.float32)
ERRORS = {
    "rank": lambda T, F, x: F.max_pool2d(x[0, 0], 2),
    "rank1": lambda T, F, x: F.max_pool1d(x, 2),
    "padding": lambda T, F, x: F.max_pool2d(x, 2, padding=2),
    "padding1": lambda T, F, x: F.max_pool1d(x[0], 2, padding=2),
    "negative": lambda T, F, x: F.max_pool2d(x, 2, padding=-1),
    "stride": lambda T, F, x: F.max_pool2d(x, 2, stride=0),
    "stride1": lambda T, F, x: F.max_pool1d(x[0], 2, stride=0),
    "kernel1": lambda T, F, x: F.max_pool1d(x[0], 0),
    "size": lambda T, F, x: F.max_pool2d(x, 6),
    "size1": lambda T, F, x: F.max_pool1d(x[0], 6),
    "lengths": lambda T, F, x: F.max_pool2d(x, (2, 2, 2)),
    "lengths_stride": lambda T, F, x: F.max_pool2d(x, 2, (2, 2, 2)),
    "empty": lambda T, F, x: F.max_pool2d(x[:, :0], 2),
    "bool": lambda T, F, x: F.max_pool2d(x > 0, 2),
    "avg_rank": lambda T, F, x: F.avg_pool2d(x[0, 0], 2),
    "avg_rank1": lambda T, F, x: F.avg_pool1d(x, 2),
    "avg_padding": lambda T, F, x: F.avg_pool2d(x, 2, padding=2),
    "avg_size": lambda T, F, x: F.avg_pool2d(x, 6),
    "avg_size3": lambda T, F, x: F.avg_pool3d(x, 6),
    "avg_divisor": lambda T, F, x: F.avg_pool2d(x, 2, divisor_override=0),
    "avg_int": lambda T, F, x: F.avg_pool2d(x.int(), 2),
    "adaptive_rank": lambda T, F, x: F.adaptive_avg_pool2d(x[0, 0], 2),
    "adaptive_rank_max": lambda T, F, x: F.adaptive_max_pool2d(x[0, 0], (2, 2)),
    "adaptive_length": lambda T, F, x: F.adaptive_avg_pool2d(x, (2, 2, 2)),
    "adaptive_negative": lambda T, F, x: F.adaptive_avg_pool2d(x, -1),
    "adaptive_int": lambda T, F, x: F.adaptive_avg_pool2d(x.long(), 2),
    "adaptive_empty": lambda T, F, x: F.adaptive_max_pool2d(x[:, :, :0], 2),
    "unpool_dtype": lambda T, F, x: F.max_unpool2d(x, x.int(), 2),
    "unpool_shape": lambda T, F, x: F.max_unpool2d(x, x.long()[..., :1], 2),
    "unpool_index": lambda T, F, x: F.max_unpool2d(x, x.long() * 100, 2),
    "unpool_size": lambda T, F, x: F.max_unpool2d(x, x.long(), 2, output_size=(20, 20)),
    "fractional": lambda T, F, x: F.fractional_max_pool2d(x, 2),
    "fractional_deep": lambda T, F, x: F.fractional_max_pool3d(x[None], 2, output_size=(2, 3, 3)),
    "fractional_size": lambda T, F, x: F.fractional_max_pool2d(x, 2, output_size=4),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    same_error(ERRORS[name], X)
