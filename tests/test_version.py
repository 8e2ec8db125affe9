"""`torch.__version__` compares as PyTorch's does."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable

import pytest

import torchlike
from torchlike.version import TorchVersion

VERSIONS = [
    "1.0", "1.0.0", "1.0a1", "1.0.dev3", "1.0rc2.dev1", "1.0.post1", "1.0.post1.dev2", "2.13.0+torchlike",
    "2.13.0", "2.9.1", "1!0.1", "2.13.0+1", "1.10.0a", "1.0b", "1.0c1", "2.13.0-1",
]  # fmt: skip
OPERATORS = [operator.lt, operator.le, operator.eq, operator.gt, operator.ge, operator.ne]


def test_orders_as_packaging_does() -> None:
    version = pytest.importorskip("packaging.version").Version
    for a, b in itertools.product(VERSIONS, VERSIONS):
        for compare in OPERATORS:
            assert compare(TorchVersion(a), b) == compare(version(a), version(b)), (a, compare, b)


@pytest.mark.parametrize(
    "other", [(2, 9), (2, 13), (2, 14), (2, 13, 0), [1], "2.13", "no version", "2.13.0+cpu"]
)
@pytest.mark.parametrize("compare", OPERATORS)
def test_compares_as_torchs_own(other: object, compare: Callable[[object, object], bool]) -> None:
    torch = pytest.importorskip("torch")
    want = compare(torch.torch_version.TorchVersion("2.13.0+cpu"), other)
    assert compare(TorchVersion("2.13.0+cpu"), other) == want


def test_what_the_package_answers() -> None:
    version = torchlike.__version__
    assert isinstance(version, str) and isinstance(version, TorchVersion)
    assert version >= (2, 13) and version < "3" and version.split("+") == ["2.13.0", "torchlike"]
    assert hash(version) == hash(str(version))
    if not torchlike.cuda.is_available():
        assert torchlike.version.cuda is None
    assert torchlike.version.hip is None and not torchlike.version.debug
