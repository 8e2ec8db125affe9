"""`segment_reduce` against torch."""

import numpy as np
import pytest
from twin import check, rand, same_error, torchlike

HOW = ["sum", "mean", "max", "min", "prod"]
FLAT = np.array([2.0, 0.0, 3.0, 3.0, 1.0, 0.0, 0.0, 5.0])


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("initial", [None, 4])
def test_segments(how, initial):
    def f(T, F, x):
        flat = T.segment_reduce(x, how, lengths=T.tensor([1, 3, 0, 1, 3]), initial=initial)
        return flat, T.segment_reduce(x, how, offsets=T.tensor([0, 1, 4, 8]), initial=initial)

    check(f, FLAT, grad=how not in ("max", "min"))
    check(f, rand(8, 3))


@pytest.mark.parametrize("how", ["max", "min"])
def test_equal_extremes_share_the_gradient(how):
    def f(T, F, x):
        (grad,) = T.autograd.grad(T.segment_reduce(x, how, lengths=T.tensor([1, 3, 0, 1, 3])).sum(), x)
        return grad

    check(f, FLAT)


def test_they_share_negative_ones_too():  # PyTorch gives each the whole
    x = torchlike.tensor([3.0, 3.0], requires_grad=True)
    (-torchlike.segment_reduce(x, "max", lengths=torchlike.tensor([2]))).sum().backward()
    assert x.grad.tolist() == [-0.5, -0.5]


@pytest.mark.parametrize("how", HOW)
def test_batches(how):
    def f(T, F, x):
        lengths = T.tensor([[1, 3], [2, 2]])
        return [T.segment_reduce(x, how, lengths=lengths, axis=1),
                T.segment_reduce(x, how, lengths=lengths.int(), axis=-2),
                T.segment_reduce(x, how, offsets=T.tensor([[0, 1, 3], [1, 1, 4]]), axis=1)]  # fmt: skip

    check(f, rand(2, 4, 3))


@pytest.mark.parametrize("how", HOW)
def test_special_values(how):
    x = np.array([1.0, np.nan, 2.0, np.inf, -np.inf, 3.0])
    check(lambda T, F, x: T.segment_reduce(x, how, lengths=T.tensor([1, 2, 3])), x, grad=False)
    check(lambda T, F, x: T.segment_reduce(x.half(), how, lengths=T.tensor([6])), FLAT[2:], grad=False)
    check(lambda T, F, x: T.segment_reduce(x, how, lengths=T.tensor([0, 0])), np.zeros((0, 3)), grad=False)


WRONG = {
    "sum of lengths": lambda T, x: T.segment_reduce(x, "sum", lengths=T.tensor([1, 2])),
    "negative": lambda T, x: T.segment_reduce(x, "sum", lengths=T.tensor([5, -1])),
    "nothing": lambda T, x: T.segment_reduce(x, "sum"),
    "indices": lambda T, x: T.segment_reduce(x, "sum", indices=T.tensor([0, 0, 1, 1])),
    "name": lambda T, x: T.segment_reduce(x, "median", lengths=T.tensor([4])),
    "float lengths": lambda T, x: T.segment_reduce(x, "sum", lengths=T.tensor([4.0])),
    "integers": lambda T, x: T.segment_reduce(x.int(), "sum", lengths=T.tensor([4])),
    "axis": lambda T, x: T.segment_reduce(x, "sum", lengths=T.tensor([4]), axis=1),
    "no such axis": lambda T, x: T.segment_reduce(x, "sum", lengths=T.tensor([4]), axis=5),
    "scalar": lambda T, x: T.segment_reduce(x[0, 0], "sum", lengths=T.tensor([1])),
    "out": lambda T, x: T.segment_reduce(x, "sum", lengths=T.tensor([4]), out=x),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors(name):
    same_error(lambda T, F, x: WRONG[name](T, x), rand(4, 3))
