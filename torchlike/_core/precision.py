"""How exactly float32 matrix products are computed on accelerators.

`"highest"`, PyTorch's default, is full float32, also for convolutions; `"high"` is TensorFloat-32 on GPUs
and three bfloat16 passes on TPUs; `"medium"` is what the hardware does fastest. CPUs
always compute in full float32. Executables depend on it: the engine drops them on a change.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

_JAX_NAMES = {"highest": "highest", "high": "high", "medium": "default"}
_state = {"precision": "highest"}
on_change: list[Callable[[], None]] = []  # called before a change


def get_float32_matmul_precision() -> str:
    """The precision in force: `"highest"`, `"high"` or `"medium"`."""
    return _state["precision"]


def set_float32_matmul_precision(precision: str) -> None:
    """Sets the precision of float32 matrix products; warns and changes nothing if it is unknown."""
    if precision not in _JAX_NAMES:
        warnings.warn(
            f"{precision} is not one of 'highest', 'high', or 'medium'; the current "
            "setFloat32MatmulPrecision call has no effect.",
            stacklevel=2,
        )
        return
    if precision != _state["precision"]:
        for call in on_change:
            call()
        _state["precision"] = precision


def jax_name() -> str:
    """The precision in force, as `jax.default_matmul_precision` names it."""
    return _JAX_NAMES[_state["precision"]]
