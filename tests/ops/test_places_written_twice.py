"""Writes to one place by several index entries: values, gradients and second gradients as PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest

import torchlike

torch = pytest.importorskip("torch")


def written(lib, x, key, value):
    y = x * 1
    y[key] = value
    return y


CASES = {
    "setitem": lambda T, x, v: written(T, x, (0, [0, 0]), v[0, :2]),
    "setitem of a column": lambda T, x, v: written(T, x, (slice(None), [0, 0]), v[:, :1]),
    "setitem of rows": lambda T, x, v: written(T, x, ([0, 1, 0],), v[0]),
    "setitem of one number": lambda T, x, v: written(T, x, ([0, 1, 0],), v[0, 0]),
    "setitem of itself": lambda T, x, v: written(T, x, (0, [0, 0]), x[0, [0, 0]] + 1),
    "setitem of an expression": lambda T, x, v: written(T, x, (slice(None), [0, 0, 0]), v[:, :1] * 2),
    "setitem by a mask": lambda T, x, v: written(T, x, x > 2, v[0, :1].expand(4)),
    "index_put": lambda T, x, v: x.index_put((T.tensor([0, 0]), T.tensor([1, 1])), v[0, :2]),
    "index_put adding": lambda T, x, v: x.index_put((T.tensor([0, 0]), T.tensor([1, 1])), v[0, :2], True),
    "index_put from the end": lambda T, x, v: x.index_put((T.tensor([0, -2]), T.tensor([1, -2])), v[0, :2]),
    "scatter": lambda T, x, v: x.scatter(1, T.tensor([[0, 0, 1], [2, 2, 2]]), v),
    "scatter of a number": lambda T, x, v: x.scatter(1, T.tensor([[0, 0, 1], [2, 2, 2]]), 7.0) + 0 * v,
    "scatter_add": lambda T, x, v: x.scatter_add(1, T.tensor([[0, 0, 1], [2, 2, 2]]), v),
    "index_copy": lambda T, x, v: x.index_copy(1, T.tensor([0, 0, 1]), v),
    "index_add": lambda T, x, v: x.index_add(1, T.tensor([0, 0, 1]), v),
    "index_fill": lambda T, x, v: x.index_fill(1, T.tensor([0, 0]), v[0, 0]),
    "put": lambda T, x, v: x.put(T.tensor([0, 0, 5]), v[0]),
    "put adding": lambda T, x, v: x.put(T.tensor([0, 0, 5]), v[0], True),
}


def derivatives(lib, case):
    x = lib.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=True)
    v = lib.tensor([[10.0, 20.0, 30.0], [40.0, 50.0, 60.0]], requires_grad=True)
    weights = lib.tensor([[1.0, -2.0, 3.0], [-4.0, 5.0, -6.0]])
    y = CASES[case](lib, x, v)
    first = lib.autograd.grad((y * y * weights).sum(), (x, v), create_graph=True, allow_unused=True)
    total = sum((g * g).sum() for g in first if g is not None)
    second = lib.autograd.grad(total, (x, v), allow_unused=True)
    return [None if t is None else np.array(t.tolist()) for t in (y, *first, *second)]


@pytest.mark.parametrize("case", CASES)
def test_same_as_torch(case):
    for a, b in zip(derivatives(torchlike, case), derivatives(torch, case), strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_allclose(a, b, rtol=1e-5)
