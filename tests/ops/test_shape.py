"""Grids, sizes and overlapping frames against torch."""

import numpy as np
import pytest
from twin import check, rand

import torchlike


@pytest.mark.parametrize("indexing", ["ij", "xy"])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_meshgrid(indexing, count):
    vectors = [rand(3), rand(2), np.array(1.0), rand(4)][:count]
    check(lambda T, F, *v: list(T.meshgrid(*v, indexing=indexing)), *vectors)
    check(lambda T, F, *v: [list(g.stride()) for g in T.meshgrid(*v, indexing=indexing)], *vectors)


def test_resize_as():
    x = torchlike.arange(6.0)
    assert torchlike.resize_as_(x, torchlike.ones(2, 2)) is x
    assert x.tolist() == [[0.0, 1.0], [2.0, 3.0]]


@pytest.mark.filterwarnings("ignore:.*non-resizable:UserWarning")
@pytest.mark.parametrize("length", [10, 8])
def test_istft_with_a_complex_window(length):
    window = rand(length) + 1j * rand(length)  # the real part of its square changes sign
    frames = rand(2, 10, 6) + 1j * rand(2, 10, 6)
    check(lambda T, F, x, w: T.view_as_real(T.istft(x, 10, win_length=length, window=w, return_complex=True)),
          frames, window)  # fmt: skip


def test_the_gradient_of_as_strided_scatter_is_that_of_the_write():
    # PyTorch 2.13 gives the input the gradient of the elements that were overwritten, and 0 elsewhere
    x = torchlike.arange(9.0).reshape(3, 3).requires_grad_()
    s = torchlike.ones(2, 2, requires_grad=True)
    y = torchlike.as_strided_scatter(x, s, (2, 2), (1, 2), 1)
    y.backward(torchlike.arange(1.0, 10.0).reshape(3, 3))
    assert x.grad.tolist() == [[1.0, 0.0, 0.0], [0.0, 0.0, 6.0], [7.0, 8.0, 9.0]]
    assert s.grad.tolist() == [[2.0, 4.0], [3.0, 5.0]]
