"""What every test starts from: the same seeds, and an engine with nothing pending."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator

import numpy as np
import pytest

# Tests compile what they test: no executables from an earlier state of the sources.
os.environ.setdefault("TORCHLIKE_CACHE", "0")

import torchlike  # noqa: E402 - after the setting it reads


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Seeds all generators, and empties the engine's counters."""
    random.seed(0)
    np.random.seed(0)
    torchlike.manual_seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)
    torchlike.debug.reset()
    yield
