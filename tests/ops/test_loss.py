"""Losses against torch: values, derivatives of inputs and targets, reductions and errors."""

import numpy as np
import pytest
from twin import check, rand, same_error

import torchlike

X, Y, Z = rand(4, 3), rand(4, 3), rand(4, 3)
P, Q = rand(4, 3, low=0.01, high=0.99), rand(4, 3, low=0.01, high=0.99)
SIGN = np.where(rand(4, 3) > 0, 1.0, -1.0)
CLASS = np.array([0, 2, 1, 2])
WEIGHT = rand(3, low=0.1)
SCALE = rand(4, 3, low=0.1)
TIES = np.array([[0.0, 1.0, -1.0], [0.5, -0.5, 2.0]])
ZERO = np.zeros((2, 3))

CASES = {
    "mse": lambda T, F, r: (lambda x, y: F.mse_loss(x, y, reduction=r), (X, Y)),
    "mse weight": lambda T, F, r: (lambda x, y, w: F.mse_loss(x, y, reduction=r, weight=w), (X, Y, SCALE)),
    "l1": lambda T, F, r: (lambda x, y: F.l1_loss(x, y, reduction=r), (X, Y)),
    "l1 ties": lambda T, F, r: (lambda x, y: F.l1_loss(x, y, reduction=r), (TIES, ZERO)),
    "smooth_l1": lambda T, F, r: (lambda x, y: F.smooth_l1_loss(x, y, reduction=r, beta=0.5), (TIES, ZERO)),
    "smooth_l1 beta 0": lambda T, F, r: (
        lambda x, y: F.smooth_l1_loss(x, y, reduction=r, beta=0.0),
        (TIES, ZERO),
    ),
    "huber": lambda T, F, r: (lambda x, y: F.huber_loss(x, y, reduction=r, delta=0.5), (TIES, ZERO)),
    "bce": lambda T, F, r: (
        lambda x, y, w: F.binary_cross_entropy(x, y, w.detach(), reduction=r),
        (P, Q, WEIGHT),
    ),
    "bce logits": lambda T, F, r: (
        lambda x, y, w, p: F.binary_cross_entropy_with_logits(
            x, y, w.detach(), reduction=r, pos_weight=p.detach()
        ),
        (X * 9, Q, SCALE, WEIGHT),
    ),
    "kl": lambda T, F, r: (lambda x, y: F.kl_div(x, y, reduction=r), (X, P)),
    "kl log": lambda T, F, r: (lambda x, y: F.kl_div(x, y, reduction=r, log_target=True), (X, Y)),
    "poisson": lambda T, F, r: (lambda x, y: F.poisson_nll_loss(x, y, full=True, reduction=r), (X, P * 5)),
    "poisson rate": lambda T, F, r: (lambda x, y: F.poisson_nll_loss(x, y, False, reduction=r), (P, P * 5)),
    "gaussian": lambda T, F, r: (lambda x, y, v: F.gaussian_nll_loss(x, y, v, True, reduction=r), (X, Y, P)),
    "gaussian rows": lambda T, F, r: (
        lambda x, y, v: F.gaussian_nll_loss(x, y, v, reduction=r),
        (X, Y, P[:, 0]),
    ),
    "gaussian small": lambda T, F, r: (
        lambda x, y, v: F.gaussian_nll_loss(x, y, v, eps=0.5, reduction=r),
        (X, Y, P[:, :1]),
    ),
    "hinge": lambda T, F, r: (
        lambda x, y: F.hinge_embedding_loss(x, y.detach(), 1.0, reduction=r),
        (TIES, SIGN[:2]),
    ),
    "cosine": lambda T, F, r: (
        lambda x, y, t: F.cosine_embedding_loss(x, y, t, 0.1, reduction=r),
        (X, Y, np.array([1, -1, 1, -1])),
    ),
    "ranking": lambda T, F, r: (
        lambda x, y, t: F.margin_ranking_loss(x, y, t, 0.5, reduction=r),
        (X, Y, SIGN),
    ),
    "soft margin": lambda T, F, r: (lambda x, y: F.soft_margin_loss(x, y.detach(), reduction=r), (X, SIGN)),
    "multilabel soft": lambda T, F, r: (
        lambda x, y, w: F.multilabel_soft_margin_loss(x, y, w.detach(), reduction=r),
        (X, (Q > 0.5) * 1.0, WEIGHT),
    ),
    "multi margin": lambda T, F, r: (lambda x, y: F.multi_margin_loss(x, y, reduction=r), (X, CLASS)),
    "multi margin 2": lambda T, F, r: (
        lambda x, y, w: F.multi_margin_loss(x, y, 2, 0.7, w.detach(), reduction=r),
        (X, CLASS, WEIGHT),
    ),
    "multilabel": lambda T, F, r: (
        lambda x, y: F.multilabel_margin_loss(x, y, reduction=r),
        (X, np.array([[0, -1, 1], [1, 2, -1], [-1, 0, 0], [2, 0, 1]])),
    ),
    "triplet": lambda T, F, r: (
        lambda x, y, z: F.triplet_margin_loss(x, y, z, swap=True, reduction=r),
        (X, Y, Z),
    ),
    "triplet p": lambda T, F, r: (
        lambda x, y, z: F.triplet_margin_loss(x, y, z, 2.0, 3.0, reduction=r),
        (X, Y, Z),
    ),
    "triplet fn": lambda T, F, r: (
        lambda x, y, z: F.triplet_margin_with_distance_loss(
            x, y, z, distance_function=lambda a, b: (a - b).abs().sum(-1), swap=True, reduction=r
        ),
        (X, Y, Z),
    ),
    "nll": lambda T, F, r: (lambda x, y: F.nll_loss(x, y, reduction=r), (X, CLASS)),
    "nll weight": lambda T, F, r: (
        lambda x, y, w: F.nll_loss(x, y, w.detach(), ignore_index=2, reduction=r),
        (X, CLASS, WEIGHT),
    ),
    "nll images": lambda T, F, r: (
        lambda x, y: F.nll_loss(x, y, reduction=r),
        (rand(2, 3, 2, 2), np.arange(8).reshape(2, 2, 2) % 3),
    ),
}


@pytest.mark.filterwarnings("ignore:reduction")
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("name", CASES)
def test_losses(name, reduction):
    def f(T, F, *args):
        return CASES[name](T, F, reduction)[0](*args)

    once = "margin" in name or "multilabel" == name or name.startswith(("poisson", "bce"))
    check(f, *CASES[name](None, None, reduction)[1], twice=not once)


def entropy(**kw):
    return lambda T, F, x, y, w=None: F.cross_entropy(x, y, w.detach() if w is not None else None, **kw)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_cross_entropy(reduction, smoothing):
    kw = {"reduction": reduction, "label_smoothing": smoothing}
    check(entropy(**kw), X * 5, CLASS, twice=True)
    check(entropy(**kw), X, CLASS, WEIGHT, twice=True)
    check(entropy(ignore_index=2, **kw), X, CLASS, WEIGHT)
    check(entropy(ignore_index=-100, **kw), X, np.array([0, -100, 1, 2]))
    check(entropy(**kw), rand(2, 3, 4, 5), np.arange(40).reshape(2, 4, 5) % 3, WEIGHT)
    check(entropy(**kw), rand(2, 3, 4), np.arange(8).reshape(2, 4) % 3)
    check(entropy(**kw), rand(3), np.array(1))
    check(entropy(**kw), X, Q, WEIGHT, twice=True)
    check(entropy(**kw), rand(2, 3, 4), rand(2, 3, 4, low=0))


def test_cross_entropy_extremes():
    check(entropy(), np.array([[1e4, -1e4, 0.0]], np.float32), np.array([1]))
    check(entropy(ignore_index=0), X[:2], np.array([0, 0]), grad=False)  # 0 / 0
    check(entropy(), X.astype(np.float32), CLASS.astype(np.uint8))


def test_old_flags():
    with pytest.warns(UserWarning, match="size_average and reduce"):
        check(lambda T, F, x, y: F.mse_loss(x, y, size_average=False), X, Y)
        check(lambda T, F, x, y: F.cross_entropy(x, y, reduce=False), X, CLASS)


@pytest.mark.filterwarnings("ignore:Using a target size")
def test_promotion_and_broadcast():
    check(lambda T, F, x, y: F.mse_loss(x, y), X.astype(np.float32), Y[:, :1])
    check(lambda T, F, x, y: F.l1_loss(x, y, reduction="sum"), np.arange(3), np.ones(3, np.int64))
    check(lambda T, F, x, y: F.huber_loss(x, y), X.astype(np.float32), Y, grad=False)
    check(lambda T, F, x, y: F.gaussian_nll_loss(x, y, 2.0), X, Y)
    check(lambda T, F, x, y: F.kl_div(x, y, reduction="batchmean"), X, P)


def test_broadcast_warns():
    with pytest.warns(UserWarning, match="Using a target size"):
        torchlike.nn.functional.mse_loss(torchlike.ones(5, 3), torchlike.ones(5, 1))


@pytest.mark.parametrize("zero_infinity", [False, True])
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_ctc(reduction, zero_infinity):
    def f(T, F, x, y, n, m):
        return F.ctc_loss(x.log_softmax(-1), y, n, m, reduction=reduction, zero_infinity=zero_infinity)

    x, labels = rand(7, 3, 5), np.array([[1, 2, 2], [3, 3, 4], [4, 1, 2]])
    check(f, x, labels, np.array([7, 6, 5]), np.array([3, 3, 1]), rtol=1e-4)
    check(f, x, np.array([1, 2, 2, 3, 4]), (7, 6, 5), (3, 0, 2), rtol=1e-4)
    check(f, x[:, 0], labels[0], np.array(7), np.array(3), rtol=1e-4)
    if zero_infinity:
        check(f, x, labels, np.array([7, 2, 0]), np.array([3, 3, 1]), rtol=1e-4)


ERRORS = [
    lambda T, F, x, y: F.cross_entropy(x, y + 12),
    lambda T, F, x, y: F.cross_entropy(x, y - 1),
    lambda T, F, x, y: F.nll_loss(x, y + 12),
    lambda T, F, x, y: F.cross_entropy(x, y[:2]),
    lambda T, F, x, y: F.cross_entropy(x, x[:, :2]),
    lambda T, F, x, y: F.cross_entropy(x, y.int()),
    lambda T, F, x, y: F.cross_entropy(x, y.float()),
    lambda T, F, x, y: F.cross_entropy(x, y[:, None]),
    lambda T, F, x, y: F.cross_entropy(x[:, :, None], y),
    lambda T, F, x, y: F.cross_entropy(x[:, :, None, None], y[:, None].expand(4, 5)),
    lambda T, F, x, y: F.cross_entropy(x[0], y),
    lambda T, F, x, y: F.cross_entropy(x, y, weight=T.ones(2, dtype=T.float64)),
    lambda T, F, x, y: F.cross_entropy(x, y, weight=T.ones(3)),
    lambda T, F, x, y: F.cross_entropy(x, y, reduction="foo"),
    lambda T, F, x, y: F.cross_entropy(x, y, label_smoothing=1.5),
    lambda T, F, x, y: F.cross_entropy(x.long(), y),
    lambda T, F, x, y: F.cross_entropy(x, x.abs(), ignore_index=1),
    lambda T, F, x, y: F.cross_entropy(x, x.long()),
    lambda T, F, x, y: F.nll_loss(x.sum(), y[0]),
    lambda T, F, x, y: F.binary_cross_entropy(x, x.sigmoid()),
    lambda T, F, x, y: F.binary_cross_entropy(x.sigmoid(), x[0]),
    lambda T, F, x, y: F.binary_cross_entropy(x.sigmoid(), x.sigmoid().float()),
    lambda T, F, x, y: F.binary_cross_entropy(x.sigmoid(), x.sigmoid() + 1),
    lambda T, F, x, y: F.binary_cross_entropy(x.sigmoid(), x.sigmoid() / 0 * 0),
    lambda T, F, x, y: F.binary_cross_entropy_with_logits(x, x[0]),
    lambda T, F, x, y: F.mse_loss(x, x[:, :2]),
    lambda T, F, x, y: F.mse_loss(y, y),
    lambda T, F, x, y: F.mse_loss(x, x, weight=x[0]),
    lambda T, F, x, y: F.l1_loss(y, y),
    lambda T, F, x, y: F.smooth_l1_loss(x, x, beta=-1.0),
    lambda T, F, x, y: F.huber_loss(x, x, delta=0.0),
    lambda T, F, x, y: F.kl_div(x, y[:, None]),
    lambda T, F, x, y: F.gaussian_nll_loss(x, x, -x.abs()),
    lambda T, F, x, y: F.gaussian_nll_loss(x, x, x[:2].abs()),
    lambda T, F, x, y: F.cosine_embedding_loss(x, x, x),
    lambda T, F, x, y: F.cosine_embedding_loss(x, x[0], y),
    lambda T, F, x, y: F.margin_ranking_loss(x, x, y),
    lambda T, F, x, y: F.multi_margin_loss(x, y + 5),
    lambda T, F, x, y: F.multi_margin_loss(x, y, p=3),
    lambda T, F, x, y: F.multilabel_margin_loss(x, y),
    lambda T, F, x, y: F.triplet_margin_loss(x, x, x[0]),
    lambda T, F, x, y: F.triplet_margin_loss(x, x, x, margin=-1),
    lambda T, F, x, y: F.ctc_loss(x[:, None], y[None], [4], [9]),
    lambda T, F, x, y: F.ctc_loss(x[:, None], y[None] * 0 + 1, [9], [2]),
    lambda T, F, x, y: F.ctc_loss(x[:, None], y[None], [4], [2], blank=7),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", range(len(ERRORS)))
def test_errors(case):
    same_error(ERRORS[case], X, CLASS)
