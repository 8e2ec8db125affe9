"""Table look-ups against torch, and what they do with bad indices."""

import numpy as np
import pytest
from twin import check, rand, same_error

W = rand(6, 3)
INDEX = np.array([[0, 2, 5], [2, 2, 1]])


@pytest.mark.parametrize("kw", [{}, {"padding_idx": 2}, {"padding_idx": -1}, {"scale_grad_by_freq": True}])
@pytest.mark.parametrize("index", [INDEX, INDEX.astype(np.int32), np.array(3), np.zeros((2, 0), np.int64)])
def test_embedding(kw, index):
    check(lambda T, F, w, i: F.embedding(i, w, **kw), W, index, twice=not kw)


def test_embedding_padding_and_frequency_together():
    check(lambda T, F, w, i: F.embedding(i, w, padding_idx=2, scale_grad_by_freq=True), W, INDEX)


@pytest.mark.parametrize("p", [1.0, 2.0, np.inf])
def test_max_norm_scales_in_place(p):
    def f(T, F, w, i):
        w = w.detach()
        return F.embedding(i, w, max_norm=0.5, norm_type=p), w

    check(f, W, INDEX, grad=False)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("padding", [None, 2])
def test_bags(mode, padding):
    flat, offsets = INDEX.reshape(-1), np.array([0, 2, 2, 5])
    kw = {"mode": mode, "padding_idx": padding}
    check(lambda T, F, w, i, o: F.embedding_bag(i, w, o, **kw), W, flat, offsets)
    check(lambda T, F, w, i: F.embedding_bag(i, w, **kw), W, INDEX)
    last = np.array([0, 2, 2, 6])
    check(lambda T, F, w, i, o: F.embedding_bag(i, w, o, include_last_offset=True, **kw), W, flat, last)


def test_bag_weights():
    check(
        lambda T, F, w, i, s: F.embedding_bag(i, w, mode="sum", per_sample_weights=s, padding_idx=5),
        W,
        INDEX,
        rand(2, 3),
    )
    pairs = np.array([[0, 2], [2, 0]])  # torch takes the count of another row where counts differ
    check(lambda T, F, w, i: F.embedding_bag(i, w, mode="sum", scale_grad_by_freq=True), W, pairs)


@pytest.mark.parametrize("classes", [-1, 8])
def test_one_hot(classes):
    check(lambda T, F, i: F.one_hot(i, classes), INDEX, grad=False)


ERRORS = [
    lambda T, F, w, i: F.embedding(i + 4, w),
    lambda T, F, w, i: F.embedding(i - 1, w),
    lambda T, F, w, i: F.embedding(i.float(), w),
    lambda T, F, w, i: F.embedding(i, w[0]),
    lambda T, F, w, i: F.embedding(i, w, padding_idx=7),
    lambda T, F, w, i: F.embedding(i, w, padding_idx=-7),
    lambda T, F, w, i: F.embedding_bag(i[0], w),
    lambda T, F, w, i: F.embedding_bag(i[None], w),
    lambda T, F, w, i: F.embedding_bag(i[0], w, T.tensor([[0]])),
    lambda T, F, w, i: F.embedding_bag(i[0], w, T.tensor([0]), mode="foo"),
    lambda T, F, w, i: F.embedding_bag(i[0], w, T.tensor([0]), mode="max", scale_grad_by_freq=True),
    lambda T, F, w, i: F.embedding_bag(i[0], w, T.tensor([0]), mode="max", per_sample_weights=w[0]),
    lambda T, F, w, i: F.embedding_bag(i[0], w, T.tensor([0]), mode="sum", per_sample_weights=w[0, :2]),
    lambda T, F, w, i: F.embedding_bag(i[0], w, T.tensor([1])),
    lambda T, F, w, i: F.embedding_bag(i[0], w, T.tensor([0, 9])),
    lambda T, F, w, i: F.one_hot(i, 2),
    lambda T, F, w, i: F.one_hot(i - 1, 9),
    lambda T, F, w, i: F.one_hot(i.int()),
    lambda T, F, w, i: F.one_hot(i[:0]),
]


@pytest.mark.parametrize("case", range(len(ERRORS)))
def test_errors(case):
    same_error(ERRORS[case], W, INDEX)
