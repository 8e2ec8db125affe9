"""The texts of `assert_close`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def _allowed(tolerance: float, exact: bool) -> str:
    return "" if exact else f" (up to {tolerance} allowed)"


def _title(what: str, exact: bool) -> str:
    return f"{what} are not {'equal' if exact else 'close'}!\n\n"


def scalar_mismatch(actual: Any, expected: Any, rtol: float, atol: float) -> str:
    """Two numbers that differ."""
    exact = rtol == 0 and atol == 0
    difference = abs(actual - expected)
    relative = math.inf if expected == 0 else difference / abs(expected)
    return (
        f"{_title('Scalars', exact)}Expected {expected} but got {actual}.\n"
        f"Absolute difference: {difference}{_allowed(atol, exact)}\n"
        f"Relative difference: {relative}{_allowed(rtol, exact)}"
    )


def tensor_mismatch(
    what: str, actual: np.ndarray, expected: np.ndarray, matches: np.ndarray, rtol: float, atol: float
) -> str:
    """Two arrays of one shape that differ where `matches` is False."""
    exact = rtol == 0 and atol == 0
    if actual.dtype.kind == "b":
        actual, expected = actual.astype(np.int64), expected.astype(np.int64)
    wrong = int((~matches).sum())
    with np.errstate(all="ignore"):
        absolute = np.abs(actual - expected)
        ratio = (absolute.astype(np.float32), np.abs(expected).astype(np.float32))
        relative = np.divide(*ratio) if absolute.dtype.kind in "iu" else absolute / np.abs(expected)
    lines = [f"Mismatched elements: {wrong} / {actual.size} ({wrong / actual.size:.1%})"]
    for name, difference, tolerance in (("absolute", absolute, atol), ("relative", relative, rtol)):
        difference = np.where(matches, 0, difference)
        at = np.unravel_index(int(np.argmax(difference)), difference.shape)
        place = tuple(int(i) for i in at)
        lines.append(
            f"Greatest {name} difference: {difference[at].item()} at index {place}{_allowed(tolerance, exact)}"
        )
    return _title(what, exact) + "\n".join(lines)
