"""`torch.autograd.anomaly_mode`: finds the operator whose backward fails or makes NaN.

While it is on, each taped call notes where it was made, and backward runs node by
node, waiting for each result: for debugging only.
"""

from __future__ import annotations

import warnings
from typing import Any

from .._core.modes import local as _local
from .._core.saved import rewatch as _rewatch

__all__ = ["detect_anomaly", "set_detect_anomaly"]


def _set(mode: bool, check_nan: bool) -> None:
    _local.ctx.anomaly = check_nan if mode else None
    _rewatch()


class set_detect_anomaly:
    """Switches anomaly detection from now on, or for a block.

    Args:
        mode: on or off.
        check_nan: whether NaN gradients are errors too.
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self.previous = _local.ctx.anomaly
        _set(mode, check_nan)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: Any) -> None:
        _local.ctx.anomaly = self.previous
        _rewatch()


class detect_anomaly:
    """A block in which anomaly detection is on."""

    def __init__(self, check_nan: bool = True) -> None:
        self.previous = _local.ctx.anomaly
        self.check_nan = check_nan
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should only be enabled for "
            "debugging.",
            stacklevel=2,
        )

    def __enter__(self) -> None:
        self.previous = _local.ctx.anomaly
        _set(True, self.check_nan)

    def __exit__(self, *_: Any) -> None:
        _local.ctx.anomaly = self.previous
        _rewatch()
