"""`torch.sparse`: what sparse tensors have beyond the operators of all tensors, and the legacy constructors."""

from __future__ import annotations

from typing import Any

from .._core import dtypes
from .._core.names import missing as _missing
from .._core.registry import namespace as _namespace
from .._core.sparse import SparseTensor
from ..ops.sparse_checks import check_sparse_tensor_invariants as check_sparse_tensor_invariants
from ..ops.sparse_coo import sparse_coo_tensor

__all__ = [
    "addmm",  # type: ignore[reportUnsupportedDunderAll]
    "as_sparse_gradcheck",  # type: ignore[reportUnsupportedDunderAll]
    "check_sparse_tensor_invariants",
    "log_softmax",  # type: ignore[reportUnsupportedDunderAll]
    "mm",  # type: ignore[reportUnsupportedDunderAll]
    "softmax",  # type: ignore[reportUnsupportedDunderAll]
    "sum",  # type: ignore[reportUnsupportedDunderAll]
]

globals().update(_namespace("sparse"))


def _legacy(dtype: dtypes.dtype) -> Any:
    def make(*args: Any, device: Any = None) -> SparseTensor:
        """`(indices, values[, size])`, or the sizes of a tensor without entries."""
        if not args or isinstance(args[0], int):
            return sparse_coo_tensor(size=args, dtype=dtype, device=device)
        if len(args) == 1:
            return sparse_coo_tensor(size=args[0], dtype=dtype, device=device)
        return sparse_coo_tensor(*args, dtype=dtype, device=device)

    return make


FloatTensor = _legacy(dtypes.float32)
DoubleTensor = _legacy(dtypes.float64)
HalfTensor = _legacy(dtypes.float16)
LongTensor = _legacy(dtypes.int64)
IntTensor = _legacy(dtypes.int32)

__getattr__ = _missing(__name__)
