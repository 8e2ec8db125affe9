"""Reductions, scans and statistics against torch: dimensions, ties, dtypes, gradients, errors."""

import numpy as np
import pytest
from twin import check, rand, same_error

import torchlike

X = rand(3, 4, 5)
TIES = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 0.0]])
DIMS = [(), (0,), (-1, True), ((0, 2),), ((1,), True)]
MANY = ["sum", "mean", "nansum", "nanmean", "amax", "amin", "std", "var", "logsumexp"]


@pytest.mark.parametrize("name", MANY)
@pytest.mark.parametrize("dims", DIMS, ids=str)
def test_over_dimensions(name, dims):
    if name == "logsumexp" and not dims:
        dims = (1,)
    if name in ("std", "var") and len(dims) == 2:
        check(lambda T, F, x: getattr(T, name)(x, dims[0], keepdim=dims[1]), X)
    else:
        check(lambda T, F, x: getattr(T, name)(x, *dims), X)


@pytest.mark.parametrize("name", ["max", "min", "median", "nanmedian", "mode", "cummax", "cummin"])
def test_values_and_indices(name):
    x = rand(4, 7)
    check(lambda T, F, a: getattr(T, name)(a, 1), x)
    if not name.startswith("cum"):
        check(lambda T, F, a: getattr(a, name)(dim=0, keepdim=True), x)


@pytest.mark.parametrize("name", ["max", "min", "amax", "amin", "median", "prod", "aminmax"])
def test_whole_tensor_with_ties(name):
    check(lambda T, F, a: getattr(T, name)(a), TIES)


def test_extremes_with_ties_along_a_dimension():
    check(lambda T, F, a: [a.max(1)[0], a.amax(1), T.max(a, a.flip(1))], TIES)


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize("args", [(), (0,), (1, True), (-1,)], ids=str)
def test_positions(name, args):
    check(lambda T, F, a: getattr(T, name)(a, *args), TIES)
    check(lambda T, F, a: getattr(T, name)(a, *args), np.array([[1.0, np.nan], [np.nan, 0.0]]))


@pytest.mark.parametrize(
    "name", ["sum", "prod", "cumsum", "cumprod", "all", "any", "count_nonzero", "nansum"]
)
@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool", "float32"])
def test_result_dtypes(name, dtype):
    x = np.array([[1, 0, 2], [3, 1, 1]]).astype(dtype)
    check(lambda T, F, a: getattr(T, name)(a, 1), x, grad=False)


def test_dtype_argument():
    check(lambda T, F, a: [a.sum(dtype=T.float64), a.mean(0, dtype=T.float64), a.cumsum(0, dtype=T.int64)],
          np.array([1.0, 2.0], np.float32), grad=False)  # fmt: skip


@pytest.mark.parametrize("name", ["var", "std", "var_mean", "std_mean"])
def test_corrections(name):
    check(lambda T, F, x: getattr(T, name)(x, 1, correction=2), X)
    check(lambda T, F, x: getattr(T, name)(x, False), X)
    check(lambda T, F, x: getattr(T, name)(x, (0, 1), True, True), X)


def test_deviation_of_equal_elements_has_no_gradient():
    check(lambda T, F, x: x.std(), np.ones(4))


@pytest.mark.parametrize("name", ["cumsum", "cumprod", "logcumsumexp"])
def test_scans(name):
    check(lambda T, F, x: getattr(T, name)(x, 1), X)
    check(lambda T, F, x: getattr(T, name)(x, 0), np.array([1.5, 0.0, 2.0]) if name == "cumprod" else rand(4))


@pytest.mark.parametrize("interpolation", ["linear", "lower", "higher", "midpoint", "nearest"])
def test_quantiles(interpolation):
    q = np.array([0.0, 0.3, 0.5, 1.0])
    check(
        lambda T, F, x, p: [T.quantile(x, p.detach(), 1, interpolation=interpolation), T.quantile(x, 0.4)],
        rand(3, 6),
        q,
    )
    holes = np.array([[1.0, np.nan, 3.0, 2.0], [4.0, 5.0, np.nan, np.nan]])
    check(lambda T, F, x: T.nanquantile(x, 0.6, 1, keepdim=True, interpolation=interpolation), holes)


NORMS = [None, 0, 1, 2, 3, 0.5, np.inf, -np.inf]


@pytest.mark.parametrize("p", NORMS)
def test_vector_norms(p):
    order = 2 if p is None else p
    check(
        lambda T, F, x: [T.linalg.vector_norm(x, order, 1), T.norm(x, order), x.norm(order, (0, 1), True)],
        rand(3, 4),
    )
    check(lambda T, F, x: T.linalg.vector_norm(x, order), np.zeros(3))


def test_covariance():
    x, w, a = rand(3, 6), np.array([1, 2, 1, 3, 1, 1]), rand(6, low=0.5)
    check(
        lambda T, F, x, w, a: [T.cov(x), T.cov(x, correction=0, fweights=w, aweights=a), T.corrcoef(x)],
        x,
        w,
        a,
    )


def test_counting():
    x, w = np.array([0, 3, 1, 3]), np.array([0.5, 1.0, 2.0, 0.25])
    check(lambda T, F, x, w: [T.bincount(x), T.bincount(x, w, 6)], x, w, grad=False)
    check(lambda T, F, w: [T.histc(w, 4), T.histc(w, 3, 0, 2), T.histogram(w, 3)], w, grad=False)


def test_differences():
    y, x = rand(3, 5), np.cumsum(rand(5, low=0.1))
    check(lambda T, F, y, x: [T.diff(y), T.diff(y, 2, 0), T.trapezoid(y, x), T.trapezoid(y, dx=0.5),
                              T.cumulative_trapezoid(y, x), *T.gradient(y, spacing=0.5)], y, x)  # fmt: skip


def test_trace_and_sum_to_size():
    check(lambda T, F, x: [x.trace(), x.sum_to_size(1, 4)], rand(3, 4))


ERRORS = {
    "mean of integers": lambda T, F, x: x.long().mean(),
    "dim": lambda T, F, x: x.sum(3),
    "dim twice": lambda T, F, x: x.sum((0, 0)),
    "empty max": lambda T, F, x: x[:0].max(),
    "empty amax": lambda T, F, x: x[:0].amax(0),
    "quantile range": lambda T, F, x: T.quantile(x, 1.5),
    "std of integers": lambda T, F, x: x.long().std(),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    same_error(ERRORS[name], rand(3, 4))


def test_one_program_for_any_scalar():
    x = torchlike.ones(3)
    for p in (0.1, 0.2, 0.3, 0.4):
        if p == 0.3:
            torchlike.debug.reset()
        torchlike.quantile(x, p).item()
        torchlike.add(x, x, alpha=p).sum().item()
    assert torchlike.debug.stats()["compiles"] == 0


HASHED = ["float16", "bfloat16", "float32", "float64", "int8", "uint8", "int64", "bool"]


@pytest.mark.parametrize("dtype", HASHED)
def test_hash_tensor(dtype):
    def f(T, F, x):
        x = x.to(getattr(T, dtype))
        whole, one = T.hash_tensor(x), T.hash_tensor(x[0, 0])
        rows, all_kept = x.hash_tensor(1), T.hash_tensor(x, (0, -1), keepdim=True)
        return [t.tolist() for t in (whole, one, rows, all_kept)]

    check(f, rand(3, 4, low=-9, high=9), grad=False)


@pytest.mark.parametrize("args", [((0,), None), ((2, 0), 1), ((2,), 3)])
def test_hash_tensor_errors(args):
    shape, dim = args
    same_error(lambda T, F, x: T.hash_tensor(x) if dim is None else T.hash_tensor(x, dim), np.zeros(shape))
    same_error(lambda T, F, x: T.hash_tensor(x, mode=1), np.zeros(2))
    same_error(lambda T, F, x: T.hash_tensor(x), np.zeros(2, np.complex64))
