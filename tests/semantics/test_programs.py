"""Random programs end up in the same state on PyTorch and on torchlike (see programs.py, which also runs many more)."""

from __future__ import annotations

import programs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import torchlike

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.filterwarnings("ignore")


def agree(seed: int, steps: int | None = None) -> None:
    report = programs.check(torch, torchlike, seed, steps)
    assert report is None, report


@pytest.mark.parametrize("first", range(0, 300, 20))
def test_same_state(first: int) -> None:
    with programs.one_by_one():
        for seed in range(first, first + 20):
            agree(seed)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(seed=st.integers(10**6, 10**9), steps=st.integers(5, 40))
def test_same_state_anywhere(seed: int, steps: int) -> None:
    with programs.one_by_one():
        agree(seed, steps)


@pytest.mark.parametrize("seed", range(6))
def test_same_state_as_whole_programs(seed: int) -> None:
    agree(seed, 8)
