"""Padding, resampling, sliding blocks, shuffles, grids, linear maps and distances against torch."""

import numpy as np
import pytest
from twin import check, rand, same_error

IMAGE = rand(2, 4, 4, 5)

PADS = [
    ("constant", (1, 2), {"value": 1.5}),
    ("constant", (1, -2, -1, 3, 0, 1), {}),
    ("reflect", (1, 2, 3, 0), {}),
    ("reflect", (-2, 1, 1, -1), {}),
    ("replicate", (3, 1, 0, 2), {}),
    ("replicate", (-2, 1, 1, -1), {}),
    ("circular", (2, 5, 4, 0), {}),
    ("circular", (-2, 1, 1, -1), {}),
    ("constant", (), {}),
]


@pytest.mark.parametrize("mode, pad, kw", PADS)
def test_pad(mode, pad, kw):
    check(lambda T, F, x: F.pad(x, pad, mode, **kw), IMAGE, twice=True)


def test_pad_ranks_and_integers():
    check(lambda T, F, x: F.pad(x, (1, 2), "reflect"), rand(3, 4))
    check(lambda T, F, x: F.pad(x, (1, 1, 2, 0, 1, 1), "replicate"), rand(1, 2, 3, 3, 3))
    check(lambda T, F, x: F.pad(x, (1, 1), value=1.5), np.arange(6).reshape(2, 3))


RESIZE = [
    ("nearest", 1),
    ("nearest", 2),
    ("nearest", 3),
    ("nearest-exact", 2),
    ("linear", 1),
    ("bilinear", 2),
    ("trilinear", 3),
    ("bicubic", 2),
    ("area", 2),
]
TARGETS = [{"scale_factor": 2}, {"scale_factor": 0.5}, {"scale_factor": 1.7}, {"size": 7}]


@pytest.mark.parametrize("kw", TARGETS)
@pytest.mark.parametrize("mode, rank", RESIZE)
def test_interpolate(mode, rank, kw):
    x = rand(1, 2, *(8, 9, 10)[:rank])
    check(lambda T, F, x: F.interpolate(x, mode=mode, **kw), x, rtol=1e-5)
    if mode in ("linear", "bilinear", "trilinear", "bicubic"):
        check(lambda T, F, x: F.interpolate(x, mode=mode, align_corners=True, **kw), x)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic", "lanczos"])
def test_antialias(mode):
    x = rand(1, 2, 9, 12)
    check(lambda T, F, x: F.interpolate(x, size=(4, 5), mode=mode, antialias=True), x)
    check(lambda T, F, x: F.interpolate(x, scale_factor=(0.4, 1.5), mode=mode, antialias=True), x)


def test_interpolate_float32_positions():
    x = rand(1, 1, 37, 53, dtype=np.float32)
    for mode in ("nearest", "bilinear"):
        check(
            lambda T, F, x, mode=mode: F.interpolate(x, scale_factor=1.3, mode=mode), x, grad=False, rtol=1e-4
        )
        check(
            lambda T, F, x, mode=mode: F.interpolate(
                x, scale_factor=1.3, mode=mode, recompute_scale_factor=True
            ),
            x,
            grad=False,
            rtol=1e-4,
        )


WINDOWS = [
    {"kernel_size": 2},
    {"kernel_size": (2, 3), "padding": (1, 2), "stride": 2},
    {"kernel_size": 2, "stride": 2},
    {"kernel_size": 2, "dilation": 2, "padding": 1},
]


@pytest.mark.parametrize("kw", WINDOWS)
def test_unfold_and_fold(kw):
    def back(T, F, x):
        return F.fold(F.unfold(x, **kw), x.shape[-2:], **kw)

    check(lambda T, F, x: F.unfold(x, **kw), IMAGE)
    check(back, IMAGE)
    check(back, IMAGE[0])


def test_shuffles():
    check(lambda T, F, x: F.pixel_shuffle(x, 2), IMAGE)
    check(lambda T, F, x: F.pixel_unshuffle(x[..., :4], 2), IMAGE)
    check(lambda T, F, x: F.channel_shuffle(x, 2), IMAGE)
    check(lambda T, F, x: T.pixel_shuffle(x, 2), IMAGE[0])


@pytest.mark.parametrize("align", [False, True])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
def test_grid_sample(mode, padding, align):
    grid = rand(2, 3, 4, 2, low=-1.7, high=1.7)
    check(lambda T, F, x, g: F.grid_sample(x, g, mode, padding, align), IMAGE, grid)
    if mode != "bicubic":
        grid = rand(1, 2, 3, 2, 3, low=-1.7, high=1.7)
        check(lambda T, F, x, g: F.grid_sample(x, g, mode, padding, align), rand(1, 2, 3, 4, 3), grid)


@pytest.mark.filterwarnings("ignore:Since version")
@pytest.mark.parametrize("align", [False, True])
def test_affine_grid(align):
    check(lambda T, F, t: F.affine_grid(t, (2, 1, 3, 4), align), rand(2, 2, 3))
    check(lambda T, F, t: F.affine_grid(t, (2, 1, 3, 1, 2), align), rand(2, 3, 4))


def test_linear_maps():
    w, b = rand(3, 5), rand(3)
    for x in (rand(2, 4, 5), rand(4, 5), rand(5)):
        check(lambda T, F, x, w, b: F.linear(x, w, b), x, w, b, twice=True)
    check(lambda T, F, x, w: F.linear(x, w), rand(4, 5), rand(5))
    check(
        lambda T, F, x, y, w, b: F.bilinear(x, y, w, b),
        rand(2, 3, 4),
        rand(2, 3, 5),
        rand(6, 4, 5),
        rand(6),
        twice=True,
    )


@pytest.mark.parametrize("p", [0.0, 1.0, 2.0, 3.5, np.inf])
def test_distances(p):
    x, y = rand(4, 3), rand(4, 3)
    check(lambda T, F, x, y: F.pairwise_distance(x, y, p), x, y)
    check(lambda T, F, x, y: F.pairwise_distance(x, y[0], p, keepdim=True), x, y)
    check(lambda T, F, x: F.pdist(x, p), x)
    if p:
        check(lambda T, F, x: F.normalize(x, p, dim=0), x)


def test_zero_vectors():
    x = np.zeros((2, 3))
    check(lambda T, F, x: F.normalize(x), x)
    check(lambda T, F, x, y: F.pairwise_distance(x, y, eps=0.0), x, x)
    check(lambda T, F, x, y: F.cosine_similarity(x, y, -1), x, rand(2, 3))
    check(lambda T, F, x: F.pdist(x), x)


def test_cosine_similarity():
    check(lambda T, F, x, y: F.cosine_similarity(x, y), IMAGE, IMAGE[:1] + 1, twice=True)
    check(lambda T, F, x, y: F.cosine_similarity(x, y, dim=0), rand(3).astype(np.float32), rand(3))


ERRORS = [
    lambda T, F, x: F.pad(x, (1,)),
    lambda T, F, x: F.pad(x, (1,) * 10),
    lambda T, F, x: F.pad(x, (5, 5), mode="reflect"),
    lambda T, F, x: F.pad(x, (1, 1, 5, 5), mode="reflect"),
    lambda T, F, x: F.pad(x, (1, 1), mode="foo"),
    lambda T, F, x: F.pad(x, (1, 1, 1, 1), mode="reflect", value=2),
    lambda T, F, x: F.pad(x, (6, 6, 1, 1), mode="circular"),
    lambda T, F, x: F.pad(x, (-6, 0)),
    lambda T, F, x: F.interpolate(x),
    lambda T, F, x: F.interpolate(x, size=3, scale_factor=2),
    lambda T, F, x: F.interpolate(x, size=(3, 3, 3)),
    lambda T, F, x: F.interpolate(x, scale_factor=(2, 2, 2)),
    lambda T, F, x: F.interpolate(x, size=3, mode="linear"),
    lambda T, F, x: F.interpolate(x[0], size=3, mode="bilinear"),
    lambda T, F, x: F.interpolate(x, size=3, mode="foo"),
    lambda T, F, x: F.interpolate(x, size=3, align_corners=True),
    lambda T, F, x: F.interpolate(x, size=3, antialias=True),
    lambda T, F, x: F.interpolate(x, size=3, recompute_scale_factor=True),
    lambda T, F, x: F.interpolate(x, scale_factor=0.1),
    lambda T, F, x: F.interpolate(x, size=(2.5, 3)),
    lambda T, F, x: F.unfold(x[0, 0], 2),
    lambda T, F, x: F.unfold(x, 7),
    lambda T, F, x: F.unfold(x, 0),
    lambda T, F, x: F.unfold(x, (2, 2, 2)),
    lambda T, F, x: F.fold(x[0], (4, 5), 2),
    lambda T, F, x: F.fold(x.reshape(1, 8, 20), (4, 6), 2),
    lambda T, F, x: F.pixel_shuffle(x, 3),
    lambda T, F, x: F.pixel_shuffle(x[0, 0], 2),
    lambda T, F, x: F.pixel_unshuffle(x, 2),
    lambda T, F, x: F.channel_shuffle(x, 3),
    lambda T, F, x: F.grid_sample(x, T.zeros(2, 3, 3, 3).double(), align_corners=False),
    lambda T, F, x: F.grid_sample(x, T.zeros(1, 3, 3, 2).double(), align_corners=False),
    lambda T, F, x: F.grid_sample(x, T.zeros(2, 3, 3, 2), align_corners=False),
    lambda T, F, x: F.grid_sample(x, x, mode="foo"),
    lambda T, F, x: F.affine_grid(x[0, :, :2, :4], (4, 1, 3, 3)),
    lambda T, F, x: F.affine_grid(x[:, 0, :2, :3], (2, 1, 3)),
    lambda T, F, x: F.normalize(x.long()),
    lambda T, F, x: F.cosine_similarity(x, x[:, :, :3]),
    lambda T, F, x: F.cosine_similarity(x, x[0], dim=5),
    lambda T, F, x: F.pairwise_distance(x, x[..., :3]),
    lambda T, F, x: F.pdist(x),
    lambda T, F, x: F.pdist(x[0, 0], p=-1),
    lambda T, F, x: F.linear(x, T.ones(5, 9).double()),
    lambda T, F, x: F.linear(x, T.ones(3, 5)),
    lambda T, F, x: F.linear(x, T.ones(3, 5).double(), T.ones(4).double()),
    lambda T, F, x: F.bilinear(x, x, T.ones(2, 9, 5)),
    lambda T, F, x: F.bilinear(x, x, T.ones(2, 9, 5).double()),
]


@pytest.mark.parametrize("case", range(len(ERRORS)))
def test_errors(case):
    same_error(ERRORS[case], IMAGE)
