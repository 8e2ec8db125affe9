"""Every listed operator under autocast: on the CPU against PyTorch, the list of cuda against its recorded answers."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

import torchlike
from tests.amp import expressions
from torchlike._core.autocast_lists import LISTS

RECORDED = json.loads(expressions.RESULTS.read_text())
TOLERANCE = 5e-3
RANDOM = ("torch.nn.", "dropout")  # parameters are drawn: only dtypes are compared


def under_autocast(lib, lower: str, expression: str):
    names = expressions.tensors(lib, lower)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of deprecated functions, which are PyTorch's too
        with lib.autocast("cpu", getattr(lib, lower)):
            return expressions.outcome(lib, expression, names)


@pytest.mark.parametrize("lower", expressions.LOWER)
@pytest.mark.parametrize(
    "expression", expressions.listed(expressions.EXPRESSIONS) + expressions.listed(expressions.ON_CPU)
)
def test_cpu(expression: str, lower: str) -> None:
    reference = pytest.importorskip("torch")
    want = under_autocast(reference, lower, expression)
    if "primitive descriptor" in str(want):
        pytest.skip("PyTorch's CPU library has no such kernel on this machine")
    got = under_autocast(torchlike, lower, expression)
    assert expressions.dtype_of(got) == expressions.dtype_of(want)
    if isinstance(want, str) or lower != "float16" or any(r in expression for r in RANDOM):
        return
    kind = complex if want.is_complex() else float
    x, y = (np.asarray(t.detach().tolist(), kind) for t in (got, want))
    assert x.shape == y.shape
    scale = max(1.0, float(np.abs(y).max(initial=0.0)))
    np.testing.assert_allclose(x, y, rtol=0, atol=TOLERANCE * scale)


@pytest.mark.parametrize("lower", expressions.LOWER)
@pytest.mark.parametrize("expression", expressions.listed(expressions.EXPRESSIONS))
def test_cuda(expression: str, lower: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list of cuda, applied to tensors of the CPU."""
    monkeypatch.setitem(LISTS, "cpu", LISTS["cuda"])
    got = expressions.dtype_of(under_autocast(torchlike, lower, expression))
    documented = expressions.DOCUMENTED.get(expression)
    want = lower if documented == "l" else documented or RECORDED[lower][expression]
    assert got == want
