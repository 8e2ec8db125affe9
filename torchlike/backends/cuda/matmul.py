"""`torch.backends.cuda.matmul`: precision of matrix products on accelerators.

`allow_tf32` acts through `torch.set_float32_matmul_precision`; the other flags are kept and
change nothing, as XLA accumulates half-precision products in float32.
"""

from __future__ import annotations

import sys

from ..._core import precision
from .._flags import FlagModule, flag_module


class _Matmul(FlagModule):
    """The module's type: `allow_tf32` and `fp32_precision` are the global precision, seen otherwise."""

    @property
    def allow_tf32(self) -> bool:
        return precision.get_float32_matmul_precision() != "highest"

    @allow_tf32.setter
    def allow_tf32(self, value: bool) -> None:
        precision.set_float32_matmul_precision("high" if value else "highest")

    @property
    def fp32_precision(self) -> str:
        return "tf32" if self.allow_tf32 else "ieee"

    @fp32_precision.setter
    def fp32_precision(self, value: str) -> None:
        names = {"tf32": "high", "ieee": "highest", "none": "highest"}
        if value not in names:
            raise RuntimeError(f"fp32_precision: expected one of {list(names)}, got {value!r}")
        precision.set_float32_matmul_precision(names[value])


flag_module(
    __name__,
    allow_fp16_reduced_precision_reduction=True,
    allow_bf16_reduced_precision_reduction=True,
    allow_fp16_accumulation=False,
)
sys.modules[__name__].__class__ = _Matmul
