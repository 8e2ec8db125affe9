"""Products of float8 matrices with scales: no tensor here has such a dtype, so that calls end in PyTorch's errors."""

from __future__ import annotations

import enum
from typing import Any

from .._core.dtypes import bfloat16
from .._core.dtypes import dtype as dtype_class
from .._core.registry import function
from .._core.tensor import Tensor
from .validate import scalar_name, tensors_only

FUNCTIONAL = ("nn.functional",)
_MSG_CONFIGURATION = (
    "Invalid scaling configuration.\n- For TensorWise scaling, a and b should be float8, scales should be float and "
    "singletons.\n- For RowWise scaling, a and b should be float8, scales should be float, scale_a should be ({m}, 1) "
    "and scale_b should be (1, {n}), and both should be contiguous.\nGot mat_a.dtype()={a}, scale_a.dtype()={sa}, "
    "scale_a.size()={za}, scale_a.stride()={ta}, mat_b.dtype()={b}, scale_b.dtype()={sb}, scale_b.size()={zb} and "
    "scale_b.stride()={tb}"
)
_MSG_GROUPED = (
    "Could not run 'aten::_scaled_grouped_mm_v2' with arguments from the '{backend}' backend: it is for float8 "
    "matrices, which torchlike does not have; `torch.nn.functional.grouped_mm` takes bfloat16 ones."
)


class _ScalingType(enum.Enum):
    """How the elements of a matrix share scales."""

    TensorWise = 0
    RowWise = 1
    BlockWise1x16 = 2
    BlockWise1x32 = 3
    BlockWise1x128 = 4
    BlockWise128x128 = 5

    def __int__(self) -> int:
        return self.value


class _SwizzleType(enum.Enum):
    """How scales lie in memory."""

    NO_SWIZZLE = 0
    SWIZZLE_32_4_4 = 1

    def __int__(self) -> int:
        return self.value


ScalingType, SwizzleType = _ScalingType, _SwizzleType


def _listed(x: Any) -> list[Any]:
    return x if isinstance(x, list) else [] if x is None else [x]


def _codes(x: Any) -> list[int]:
    return [v.value for v in _listed(x)]


def _tensors(x: Any, position: int) -> list[Tensor]:
    listed = _listed(x)
    tensors_only(listed, position)
    return listed


@function(spaces=FUNCTIONAL)
def scaled_mm(
    mat_a: Tensor, mat_b: Tensor, scale_a: Any, scale_recipe_a: Any, scale_b: Any, scale_recipe_b: Any,
    swizzle_a: Any = None, swizzle_b: Any = None, bias: Tensor | None = None,
    output_dtype: dtype_class | None = bfloat16, contraction_dim: Any = (), use_fast_accum: bool = False,
) -> Tensor:  # fmt: skip
    """The product of two float8 matrices with scales.

    Raises:
        ValueError: the matrices do not fit, or (as torchlike has no such dtype) are not float8.
    """
    for x in (scale_recipe_a, swizzle_a, scale_recipe_b, swizzle_b):
        _codes(x)
    scales_a, scales_b = _tensors(scale_a, 2), _tensors(scale_b, 5)
    for name, x in (("mat_a", mat_a), ("mat_b", mat_b)):
        if x.dim() != 2:
            raise ValueError(f"{name} must be a matrix")
    (m, k), (rows, n) = mat_a.shape, mat_b.shape
    if k != rows:
        raise ValueError(f"mat_a and mat_b shapes cannot be multiplied ({m}x{k} and {rows}x{n})")
    if bias is not None and bias.numel() != n:
        raise ValueError(f"Bias must be size {n} but got {bias.numel()}")
    sa, sb = scales_a[0], scales_b[0]
    raise ValueError(
        _MSG_CONFIGURATION.format(
            m=m, n=n, a=scalar_name(mat_a.dtype), b=scalar_name(mat_b.dtype), sa=scalar_name(sa.dtype),
            za=list(sa.shape), ta=list(sa.stride()), sb=scalar_name(sb.dtype), zb=list(sb.shape), tb=list(sb.stride()),
        )
    )  # fmt: skip


@function(spaces=FUNCTIONAL)
def scaled_grouped_mm(
    mat_a: Tensor, mat_b: Tensor, scale_a: Any, scale_recipe_a: Any, scale_b: Any, scale_recipe_b: Any,
    swizzle_a: Any = None, swizzle_b: Any = None, bias: Tensor | None = None, offs: Tensor | None = None,
    output_dtype: dtype_class | None = bfloat16, contraction_dim: Any = (), use_fast_accum: bool = False,
) -> Tensor:  # fmt: skip
    """`grouped_mm` of float8 matrices with scales, which PyTorch has on some GPUs only.

    Raises:
        NotImplementedError: always; `grouped_mm` takes bfloat16 matrices.
    """
    for x in (scale_recipe_a, swizzle_a, scale_recipe_b, swizzle_b):
        _codes(x)
    _tensors(scale_a, 2)
    _tensors(scale_b, 5)
    raise NotImplementedError(_MSG_GROUPED.format(backend="CUDA" if mat_a.is_cuda else "CPU"))
