"""What every test starts from: the same seeds, and an engine with nothing pending."""

from __future__ import annotations

import importlib
import importlib.util
import os
import random
import sys
from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pytest

# Tests compile what they test: no executables from an earlier state of the sources.
os.environ.setdefault("TORCHLIKE_CACHE", "0")

import torchlike  # noqa: E402 - after the setting it reads

LIBRARIES = ["torchlike", *(["torch"] if importlib.util.find_spec("torch") else [])]


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> ModuleType:
    """For tests whose values are written down: torchlike, and PyTorch where it is installed, so that they are true."""
    return importlib.import_module(request.param)


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
