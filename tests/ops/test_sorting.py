"""Sorting, selection, search and distinct elements against torch."""

import numpy as np
import pytest
from twin import check, rand, same_error

SPECIAL = np.array([2.0, np.nan, -0.0, 0.0, np.inf, -np.inf, 2.0, -1.0])
DTYPES = ["float32", "float64", "int64", "int32", "int16", "uint8", "bool"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("descending", [False, True])
def test_stable_sort(dtype, descending):
    x = (np.random.RandomState(0).randint(0, 5, (3, 9))).astype(dtype)
    check(lambda T, F, a: T.sort(a, dim=1, descending=descending, stable=True), x)
    check(lambda T, F, a: T.sort(a, dim=0, descending=descending, stable=True), x)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_special_values(descending, dtype):
    check(lambda T, F, a: T.sort(a, descending=descending, stable=True), SPECIAL.astype(dtype), grad=False)


def test_sort_gradients():
    check(lambda T, F, x: [x.sort(0)[0] ** 2, T.msort(x), x.argsort(1)], rand(4, 5), twice=True)
    check(lambda T, F, x: T.sort(x), np.array(3.0))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("dim", [0, 1])
def test_topk(dtype, largest, dim):
    x = np.random.RandomState(1).permutation(30).reshape(5, 6).astype(dtype)
    check(lambda T, F, a: T.topk(a, 3, dim, largest), x)


def test_kthvalue():
    check(lambda T, F, a: [*T.kthvalue(a, 2), *a.kthvalue(3, 0, True)], rand(4, 5))


@pytest.mark.parametrize("right", [False, True])
def test_search(right):
    bounds, x = np.array([1.0, 3.0, 3.0, 5.0]), np.array([[0.0, 3.0, 4.0], [5.0, 9.0, 1.0]])
    check(lambda T, F, b, v: [T.searchsorted(b, v, right=right), T.bucketize(v, b, right=right),
                              T.searchsorted(b, v, right=right, out_int32=True), T.bucketize(3.0, b, right=right)],
          bounds, x, grad=False)  # fmt: skip
    rows = np.sort(rand(2, 7), 1)
    check(
        lambda T, F, b, v: T.searchsorted(b, v, side="right" if right else "left"),
        rows,
        rand(2, 4),
        grad=False,
    )


def test_search_with_sorter():
    x = np.array([3.0, 1.0, 2.0])
    check(lambda T, F, a: T.searchsorted(a, a, sorter=T.argsort(a)), x, grad=False)


@pytest.mark.parametrize("dim", [None, 0, 1])
def test_unique(dim):
    x = np.array([[1, 3, 1], [1, 3, 1], [0, 2, 0]])
    check(lambda T, F, a: T.unique(a, return_inverse=True, return_counts=True, dim=dim), x)
    check(lambda T, F, a: T.unique_consecutive(a, return_inverse=True, return_counts=True, dim=dim), x)
    check(lambda T, F, a: [a.unique(), a.unique_consecutive()], x)


ERRORS = {
    "k": lambda T, F, x: T.topk(x, 9),
    "dim": lambda T, F, x: T.sort(x, 2),
    "boundaries": lambda T, F, x: T.bucketize(x, x[None]),
    "side": lambda T, F, x: T.searchsorted(x, x, right=True, side="left"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    same_error(ERRORS[name], rand(4))
