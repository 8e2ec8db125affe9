"""Indices of what is not zero, and flat indices, against torch."""

import numpy as np
import pytest
from twin import check, rand, same_error

X = np.array([[1.0, 0, 2], [0, np.nan, 0]])


def test_nonzero_static():
    def f(T, F, x):
        out = T.empty(0, dtype=T.int64)
        T.nonzero_static(x, size=4, out=out)
        return [T.nonzero_static(x, size=5), x.nonzero_static(size=2), T.nonzero_static(x, size=4, fill_value=7), out,
                T.nonzero_static(x, size=0), T.nonzero_static(x[0, 0], size=3),
                T.nonzero_static(x[:0], size=3), T.nonzero_static(x[:, :0], size=2, fill_value=7)]  # fmt: skip

    check(f, X, grad=False)


def test_unravel_index():
    def f(T, F, x):
        return [T.unravel_index(x, shape) for shape in ((2, 3), 6, (3, 1, 2), T.Size([6]), ())]

    check(f, np.array([[0, 3], [5, -1]]))
    check(f, np.array([1, 2], np.int32))
    check(f, np.array(4))
    check(lambda T, F, x: T.unravel_index(x, (0, 3)), np.zeros(0, np.int64))


WRONG = {
    "size": lambda T, x: T.nonzero_static(x, size=-1),
    "size of another type": lambda T, x: T.nonzero_static(x, size=3.5),
    "no size": lambda T, x: T.nonzero_static(x),
    "dtype of out": lambda T, x: T.nonzero_static(x, size=1, out=T.empty(1, 2)),
    "floats": lambda T, x: T.unravel_index(x, (2, 3)),
    "bools": lambda T, x: T.unravel_index(x > 0, (2, 3)),
    "number as shape": lambda T, x: T.unravel_index(x.long(), 2.5),
    "text as shape": lambda T, x: T.unravel_index(x.long(), "ab"),
    "float in shape": lambda T, x: T.unravel_index(x.long(), (2.0, 3)),
    "negative size": lambda T, x: T.unravel_index(x.long(), (-2, 3)),
    "no elements": lambda T, x: T.unravel_index(x.long(), (0, 3)),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors(name):
    same_error(lambda T, F, x: WRONG[name](T, x), rand(2, 3))
