"""Rows that pick from and write to places along a dimension, against torch."""

import numpy as np
import pytest
from twin import check, rand, same_error

import torchlike

PLACES = np.array([0, 0, 1, 1, 2, 2, 3])
START = np.array([2.0, 0.0, 3.0, 0.0, 5.0])  # the last place is written by nobody
SOURCES = {
    "none": np.array([2.5, 1.5, -3.0, 2.0, 0.5, 4.0, 7.0]),
    "zeros": np.array([2.5, 0.0, 0.0, 0.0, 0.0, 4.0, 0.0]),
}
pytestmark = pytest.mark.filterwarnings("ignore:index_reduce.. is in beta:UserWarning")  # torch's own


CASES = [(reduce, "none") for reduce in ("prod", "mean", "amax", "amin")] + [
    ("prod", "zeros"),
    ("mean", "zeros"),
]


@pytest.mark.parametrize("name", ["scatter_reduce", "index_reduce"])
@pytest.mark.parametrize(("reduce", "zeros"), CASES)
@pytest.mark.parametrize("include_self", [True, False])
def test_reduce(name, reduce, include_self, zeros):
    check(lambda T, F, x, i, s: getattr(T, name)(x, 0, i, s, reduce, include_self=include_self),
          START, PLACES, SOURCES[zeros], twice=zeros == "none" and reduce in ("prod", "mean"))  # fmt: skip


@pytest.mark.parametrize("reduce", ["amax", "amin"])
def test_ties(reduce):
    check(lambda T, F, x, i, s: T.scatter_reduce(x, 0, i, s, reduce), START, PLACES, SOURCES["zeros"])


@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.parametrize("reduce", ["prod", "mean", "amax", "amin"])
def test_reduce_of_matrices(dim, reduce):
    index = np.random.RandomState(0).randint(0, 3, (3, 3))
    check(lambda T, F, x, i, s: T.scatter_reduce(x, dim, i, s, reduce), rand(3, 4), index, rand(3, 3))
    source = rand(3, 3) if dim else rand(3, 4)
    check(lambda T, F, x, i, s: T.index_reduce(x, dim, i, s, reduce), rand(3, 4), index[0], source)


def test_multiply_has_a_gradient():
    x = torchlike.tensor([1.0, 2.0, 5.0], requires_grad=True)
    s = torchlike.tensor([3.0, 4.0], requires_grad=True)
    y = torchlike.scatter(x, 0, torchlike.tensor([1, 1]), s, reduce="multiply")  # PyTorch has none
    y.sum().backward()
    assert (y.tolist(), x.grad.tolist(), s.grad.tolist()) == ([1, 24, 5], [1, 12, 1], [8, 6])


@pytest.mark.parametrize("reduce", ["sum", "prod", "amax", "amin"])
@pytest.mark.parametrize("include_self", [True, False])
@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8"])
def test_reduce_of_whole_numbers(reduce, include_self, dtype):
    x, s = np.array([100, 0, 7]).astype(dtype), np.array([100, 0, 101]).astype(dtype)
    check(
        lambda T, F, x, i, s: T.scatter_reduce(x, 0, i, s, reduce, include_self=include_self),
        x,
        np.array([0, 1, 0]),
        s,
    )


def test_numbers():
    check(lambda T, F, x, i, s: [T.index_reduce(x, 0, i, s, "prod"), T.scatter_reduce(x, 0, i, s.reshape(1), "amax")],
          np.array(3.0), np.array([0]), np.array(2.0))  # fmt: skip


EMPTY = {  # (PyTorch's gradients for `src` and of `scatter_reduce` fail)
    "gather": lambda T, x, i: T.gather(x, 0, i),
    "scatter": lambda T, x, i: [T.scatter(x, 0, i, x.detach()), T.scatter(x, 0, i, 2.0)],
    "scatter_add": lambda T, x, i: T.scatter_add(x, 0, i, x.detach()),
    "scatter_reduce": lambda T, x, i: T.scatter_reduce(x.detach(), 0, i, x.detach(), "prod"),
}


@pytest.mark.parametrize("name", EMPTY)
@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0, 3)])
@pytest.mark.parametrize("dtype", [np.int64, np.float32, np.int8])
def test_an_empty_index_may_have_any_dtype_and_rank(name, shape, dtype):
    check(lambda T, F, x, i: EMPTY[name](T, x, i.detach()), rand(2, 3), np.zeros(shape, dtype))


ERRORS = {
    "two for one": lambda T, x, i: T.index_reduce(x[0, 0], 0, i, x[0], "prod"),
    "number for a vector": lambda T, x, i: T.index_reduce(x[0], 0, i[0], x[0, 0], "prod"),
    "other rows": lambda T, x, i: T.index_reduce(x, 0, i, x[:, :2], "amax"),
    "mean of truths": lambda T, x, i: T.index_reduce(x > 0, 0, i, x > 0, "mean"),
    "mean of truth": lambda T, x, i: T.scatter_reduce(x > 0, 1, i[None], x > 0, "mean"),
    "index of floats": lambda T, x, i: T.gather(x, 0, x),
    "dimension": lambda T, x, i: T.gather(x, 3, i[:0]),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    same_error(lambda T, F, x, i: ERRORS[name](T, x, i), rand(2, 3), np.array([0, 1]))
