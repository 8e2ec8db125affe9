"""What every masked operator does first: a mask of the input's shape, and the input with the rest neutralised."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from .._core import dtypes
from .._core.sparse import SparseTensor
from .._core.tensor import Tensor
from ..ops.shape import where
from ..ops.view import broadcast_to
from .maskedtensor.core import MaskedTensor

WIDENED = ("uint8", "bool", "int8", "int16", "int32")  # summed and multiplied as int64

# By operator: the number that changes no result, of floating inputs; the lowest and highest are those of the dtype.
_IDENTITIES = {
    "sum": 0, "cumsum": 0, "prod": 1, "cumprod": 1, "norm": 0, "median": math.nan,
    "amax": -math.inf, "argmax": -math.inf, "logaddexp": -math.inf, "logsumexp": -math.inf,
    "amin": math.inf, "argmin": math.inf,
}  # fmt: skip


def neutral(name: str, dtype: dtypes.dtype, ord: Any = None) -> Any:
    """The number which `name` reduces as if it were not there; None where there is none (mean, var, std).

    Raises:
        NotImplementedError: the dtype has no such number.
    """
    if name in ("mean", "var", "std"):
        return None
    if name == "norm" and ord == -math.inf:
        if not dtype.is_floating_point:
            raise AssertionError(f"input must be floating point, got {dtype}")
        return math.inf
    number: Any = _IDENTITIES.get(name)
    if number is None:
        raise NotImplementedError(f"identity of {name} on {dtype} input")
    if math.isfinite(number) or dtype.is_floating_point or name == "median":
        return number
    if dtype.is_complex and name == "logsumexp":
        return complex(number, 0)
    if (
        dtype.category == dtypes.INTEGER or dtype.is_complex
    ):  # of complex ones, `iinfo` says that it is not for them
        return dtypes.iinfo(dtype).min if number < 0 else dtypes.iinfo(dtype).max
    raise NotImplementedError(f"identity of {name} on {dtype} input")


def identity(op_name: str, input: Tensor, *args: Any) -> Tensor | None:
    """`neutral` as a tensor of no dimensions, of the input's dtype and device."""
    number = neutral(op_name.rsplit(".", 1)[-1], input.dtype, *args[:1])
    if number is None:
        return None
    dtype = dtypes.float32 if op_name == "median" and not input.is_floating_point() else input.dtype
    return input.new_full((), number, dtype=dtype)


def dims_of(dim: Any, ndim: int) -> tuple[int, ...]:
    """`dim` as sorted numbers from 0; None and () are all dimensions.

    Raises:
        RuntimeError: one occurs twice. IndexError: one is out of range.
    """
    if dim is None or dim == ():
        return tuple(range(ndim))
    ndim = max(ndim, 1)
    found: list[int] = []
    for d in (dim,) if isinstance(dim, int) else dim:
        if d in found:
            raise RuntimeError(f"dim={d} appears multiple times in the list of dims")
        if not -ndim <= d < ndim:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [{-ndim}, {ndim - 1}], but got {d})"
            )
        found.append(d % ndim)
    return tuple(sorted(found))


def input_mask(input: Any, *args: Any, mask: Any = None, **kwargs: Any) -> Tensor:
    """The mask as bool, of the shape and layout of `input`.

    Raises:
        ValueError: there is no mask. IndexError: it has more dimensions than the input.
    """
    if mask is None:
        raise ValueError("_input_mask requires explicit mask")
    if mask.shape != input.shape:
        if mask.ndim > input.ndim:
            raise IndexError(
                "_input_mask expected broadcastable mask (got mask dimensionality higher than of the input)"
            )
        # as in PyTorch, backward keeps a copy: the mask given may be written to
        mask = broadcast_to(mask.to_dense(), input.shape).clone()
    if isinstance(input, SparseTensor):
        if not isinstance(mask, SparseTensor):
            mask = mask.to_sparse(input.sparse_dim())
        mask = mask.coalesce()
    elif mask.is_sparse:
        mask = mask.to_dense()
    return mask if mask.dtype is dtypes.bool_ else mask.to(dtypes.bool_)


@dataclass
class Masked:
    """The operand of one masked operator.

    Attributes:
        data: the input; `x` is it with what the mask leaves out set to the operator's identity.
        mask: of the input's shape, None if all elements count.
        dims: what is reduced; dtype: of the result, as the caller asks.
    """

    data: Tensor
    x: Tensor
    mask: Tensor | None
    dims: tuple[int, ...]
    keepdim: bool
    dtype: Any

    def count(self, keepdim: bool) -> Tensor:
        """How many elements of each slice count, int64."""
        counted = self.data.new_ones(self.data.shape, dtype=dtypes.bool_) if self.mask is None else self.mask
        return counted.sum(self.dims, keepdim)


def masked(
    name: str, input: Any, mask: Any, dim: Any, keepdim: Any, dtype: Any, ord: Any = None, sparse: bool = False
) -> Masked:  # fmt: skip
    """Brings the arguments of operator `name` into form.

    Raises:
        ValueError: the input has a layout which the operator does not take.
    """
    if isinstance(input, MaskedTensor):
        input, mask = input._masked_data, input._masked_mask
    if input.is_sparse and not sparse:
        raise ValueError(f"masked {name} expects strided tensor (got {input.layout} tensor)")
    dims = dims_of(dim, input.ndim)
    whole = None if mask is None else input_mask(input, mask=mask)
    x = input
    if whole is not None and not input.is_sparse:
        fill = neutral(name, input.dtype, ord)
        if fill is not None:
            x = where(whole, input, bool(fill) if input.dtype is dtypes.bool_ else fill)
    return Masked(input, x, whole, dims, bool(keepdim), input.dtype if dtype is None else dtype)
