"""The operators that distributions are written with, under PyTorch's names: `torch.exp`, `F.softplus`."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from .._core import dtypes, modes
from .._core.registry import namespace
from .._core.tensor import Size, Tensor
from ..nn import functional

torch: Any = SimpleNamespace(
    **namespace("torch"),
    Size=Size,
    Tensor=Tensor,
    finfo=dtypes.finfo,
    get_default_dtype=dtypes.get_default_dtype,
    no_grad=modes.no_grad,
    enable_grad=modes.enable_grad,
    float64=dtypes.float64,
    int64=dtypes.int64,
    bool=dtypes.bool_,
    linalg=SimpleNamespace(**namespace("linalg")),
    special=SimpleNamespace(**namespace("special")),
)
F: Any = functional
