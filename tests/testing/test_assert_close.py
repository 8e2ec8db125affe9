"""torch.testing: assert_close and make_tensor, by values, texts and errors."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest

import torchlike
import torchlike.testing

torch = pytest.importorskip("torch")
LIBS = (torchlike, torch)

COMPARED = [
    "T([1.0, 2.0, 3.0]), T([1.0, 2.0, 4.0])", "T(1.0), T(2.0)", "T(1.0), T(2.0), rtol=0, atol=0.1",
    "T([1.0, 2.0]), T([1.0, 3.0]), rtol=0, atol=0", "T([1, 2]), T([1, 3])", "1, 2", "1.0, 2.0", "1 + 1j, 2 + 1j",
    "T([1.0]), T([1.0, 2.0])", "T([1.0]), T([1])", "T([1.0]), T([1]), check_dtype=False", "[1, 2], [1, 3]", "[1, 2], [1]",
    "{'a': 1}, {'a': 2}", "{'a': 1}, {'b': 1}", "[T(1.0), T([1.0, 2.0])], [T(1.0), T([1.0, 3.0])]", "'a', 'a'", "T([1.0]), 1.0",
    "T([1.0]), [1.0]", "1.0, 1.0, rtol=1", "1.0, 1.0, atol=1", "T([nan]), T([nan])", "T([nan]), T([nan]), equal_nan=True",
    "T([1.0, 2.0]), T([1.0, 3.0]), msg='hey'", "T([1.0, 2.0]), T([1.0, 3.0]), msg=lambda m: f'XX {m}'",
    "T([True, False]), T([True, True])", "True, False", "None, None", "None, 1", "T([1.0]), None",
    "np.array([1.0, 2.0]), np.array([1.0, 3.0])", "np.float32(1), np.float32(2)", "torch.ones(2, 3), torch.zeros(2, 3)",
    "torch.ones(2, 3).t(), torch.ones(3, 2), check_stride=True", "torch.ones(2, 3).t(), torch.ones(3, 2)",
    "T([1.0]), T([1.0], dtype=torch.float64)", "T([1.0, 2.0]), T([1.0, 2.5], dtype=torch.float64), check_dtype=False",
    "T([1 + 1j]), T([1 + 2j])", "{'a': [T(1.0), T(2.0)]}, {'a': [T(1.0), T(3.0)]}",
    "T([1.0]).to_sparse(), T([2.0]).to_sparse()", "T([1.0]).to_sparse(), T([2.0])", "T([1.0]).to_sparse(), T([1.0]), check_layout=False",
    "T([1.0, 2.0]).to_sparse(), T([0.0, 1.0]).to_sparse()", "T([0.0, 1.0]).to_sparse(), T([1.0, 0.0]).to_sparse()",
    "(1, 2), [1, 3]", "torch.nn.Parameter(T([1.0])), T([2.0])", "torch.nn.Parameter(T([1.0])), T([1.0]), allow_subclasses=False",
    "[1.0], [1]", "1.0, 1", "1.0, 1, check_dtype=False", "1.0, nan", "inf, inf", "inf, 1.0", "T([inf]), T([1.0])", "T([inf]), T([inf])",
    "T([[1.0, 2.0], [3.0, 4.0]]), T([[1.0, 2.0], [3.0, 5.0]])", "torch.ones(0), torch.ones(0)", "[1, [2, 'x']], [1, [2, 'x']]",
    "{1: 2}, {1: 2, 3: 4}", "T(1.0), T(0.0)", "0.0, 1.0", "1.0, 0.0", "T([5], dtype=torch.uint8), T([250], dtype=torch.uint8)",
    "1, 'a'", "T([1.0, 2.0]), T([1.0, 3.0]), rtol=0.1, atol=0.0", "T(2), T(3)", "T([1.0, nan]), T([1.0, 2.0])",
    "T([3], dtype=torch.int32), T([4], dtype=torch.int64)", "T([3], dtype=torch.int32), T([3], dtype=torch.int64), check_dtype=False",
    "torch.ones(2, dtype=torch.float16), torch.ones(2, dtype=torch.float16) * 1.002",
    "T([1.0, 2.0], dtype=torch.bfloat16), T([1.0, 2.1], dtype=torch.bfloat16)", "T([1]), T([2]), rtol=0.0, atol=2.0", "[], []",
    "{'a': 1, 'b': 2}, {'a': 1, 'c': 2}", "T([1.0, 2.0, 3.0]), T([2.0, 2.0, 4.0])", "torch.ones(3).requires_grad_(), torch.ones(3)",
    "T([1.0]), T([1.000001])", "T([1.0]), T([1.00002])", "1.0, 1.00000001",
]  # fmt: skip


@pytest.mark.parametrize("arguments", COMPARED)
def test_assert_close(arguments):
    answers = []
    for lib in LIBS:
        names = {
            "torch": lib,
            "T": lib.tensor,
            "np": np,
            "nan": float("nan"),
            "inf": float("inf"),
            "f": lib.testing.assert_close,
        }
        try:
            answers.append(eval(f"f({arguments})", names))
        except (AssertionError, TypeError, ValueError) as e:
            answers.append(
                (
                    type(e),
                    re.sub(r"torchlike[.]_core[.]tensor", "torch", str(e)).replace("torchlike", "torch"),
                )
            )
    assert answers[0] == answers[1]


MADE = [
    "3, dtype=f32", "(2, 3), dtype=f32, low=0, high=1", "[2, 3], dtype=torch.int64", "(2, 3), dtype=torch.uint8", "2, 3, dtype=torch.bool",
    "(2,), dtype=torch.complex64", "(3,), dtype=f32, requires_grad=True", "(3,), dtype=torch.int64, requires_grad=True",
    "(2, 2), dtype=f32, noncontiguous=True", "(20,), dtype=torch.int32, low=0, high=2, exclude_zero=True",
    "(3,), dtype=f32, memory_format=torch.channels_last, noncontiguous=True", "(3,), dtype=f32, low=1, high=1", "(3,), dtype=f32, low=2, high=1",
    "(3,), dtype=torch.bool, low=-3, high=5", "(3,), dtype=torch.int64, low=0.2, high=3.7", "(3,), dtype=torch.float16",
    "(3,), dtype=f32, low=float('nan')", "(3,), dtype=f32, high=float('inf')", "(3,), dtype=torch.uint8, low=-5, high=300",
    "(), dtype=torch.int8", "(3,), dtype=f32, low=float('-inf'), high=float('inf')", "(3,), dtype=f32, low=1e39, high=1e40",
    "(3,), dtype=torch.float64, low=-1", "(3,), dtype=torch.int64, low=4, high=4", "(3,), dtype=torch.bool, low=1, high=2",
    "(3,), dtype=torch.bool, low=2, high=5", "(4,), dtype=torch.bfloat16, low=1.0, high=4.0", "(2,), dtype=torch.complex128, low=-2, high=2",
    "(1,), dtype=f32, noncontiguous=True", "(0, 2), dtype=f32, noncontiguous=True",
]  # fmt: skip


@pytest.mark.parametrize("arguments", MADE)
def test_make_tensor(arguments):
    answers = []
    for lib in LIBS:
        lib.manual_seed(3)
        names = {"torch": lib, "f32": lib.float32, "make": lib.testing.make_tensor}
        try:
            with warnings.catch_warnings(record=True) as seen:
                warnings.simplefilter("always")
                t = eval(f"make({arguments}, device='cpu')", names)
            texts = [(w.category, str(w.message)) for w in seen]
            answers.append((t.detach(), str(t.dtype), t.requires_grad, t.stride(), texts))
        except ValueError as e:
            answers.append((None, str(e)))
    (a, *mine), (b, *theirs) = answers
    assert mine == theirs
    if b is not None:
        np.testing.assert_allclose(
            a.to(torchlike.complex128).numpy(), b.to(torch.complex128).numpy(), rtol=1e-6
        )


@pytest.mark.parametrize("lib", LIBS)
def test_assert_allclose(lib):
    with pytest.warns(FutureWarning, match="assert_allclose"):
        lib.testing.assert_allclose(lib.tensor([1.0, 2.0]), [1.0, 2.0001])
    with pytest.warns(FutureWarning), pytest.raises(AssertionError, match="Greatest absolute difference"):
        lib.testing.assert_allclose(lib.tensor([1.0, 2.0]), lib.tensor([1.0, 2.1]))
