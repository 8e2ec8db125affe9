"""make_tensor: random tensors of any dtype, in a range."""

from __future__ import annotations

import math
import warnings
from typing import Any

from .._core import dtypes
from .._core.dtypes import dtype as DType
from .._core.registry import namespace
from .._core.tensor import Tensor
from ..ops.convert import preserve_format

_SIZE = 9  # numbers are made from -9 to 9 unless the caller says otherwise
_MSG_EQUAL = (
    "Passing `low==high` to `torch.testing.make_tensor` for floating or complex types is deprecated since 2.1 and "
    "will be removed in 2.3. Use `torch.full(...)` instead."
)


def make_tensor(
    *shape: Any,
    dtype: DType,
    device: Any,
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """A tensor of `shape` filled with uniform numbers of [low, high).

    Args:
        low, high: by default -9 and 9 (10 for integers, so that 9 is among them), 0 and 10 for unsigned
            integers, 0 and 2 for bool. Complex numbers have both parts in the range.
        noncontiguous: every second element of a larger tensor.
        exclude_zero: zeros become the smallest positive number, or 1.

    Raises:
        ValueError: the range is empty or outside the dtype, or options exclude each other.
    """
    if len(shape) == 1 and not isinstance(shape[0], int):
        shape = tuple(shape[0])
    floating = dtype.is_floating_point or dtype.is_complex
    if requires_grad and not floating:
        raise ValueError(
            f"`requires_grad=True` is not supported for boolean and integral dtypes, but got dtype={dtype}"
        )
    if noncontiguous and memory_format is not None:
        raise ValueError(
            "The parameters `noncontiguous` and `memory_format` are mutually exclusive, but got "
            f"noncontiguous={noncontiguous} and memory_format={memory_format}"
        )
    start, end = _range(dtype, low, high)
    doubled = noncontiguous and math.prod(shape) > 1
    size = (*shape[:-1], 2 * shape[-1]) if doubled else shape
    result = _filled(size, dtype, device, start, end)
    if exclude_zero:
        least = dtypes.finfo(dtype).tiny if floating else 1
        result = result.masked_fill(result == 0, least)
    if doubled:
        result = result[..., 1::2]
    elif memory_format is not None and memory_format != preserve_format:
        result = result.clone(memory_format=memory_format)
    return result.requires_grad_() if requires_grad else result


def _range(d: DType, low: float | None, high: float | None) -> tuple[float, float]:
    """The bounds inside the dtype."""
    if d is dtypes.bool_:
        least, most, defaults = 0, 2, (0, 2)
    elif d.is_floating_point or d.is_complex:
        info = dtypes.finfo(d)
        least, most, defaults = info.min, info.max, (-_SIZE, _SIZE)
    else:
        whole = dtypes.iinfo(d)
        least, most = whole.min, whole.max + (d is not dtypes.int64)
        defaults = (0 if whole.min == 0 else -_SIZE, _SIZE + 1)
    start = defaults[0] if low is None else low
    end = defaults[1] if high is None else high
    if any(math.isnan(x) for x in (start, end)):
        raise ValueError(f"`low` and `high` cannot be NaN, but got low={start} and high={end}")
    floating = d.is_floating_point or d.is_complex
    if start == end and floating:
        warnings.warn(_MSG_EQUAL, FutureWarning, stacklevel=3)
    elif start >= end:
        raise ValueError(f"`low` must be less than `high`, but got {start} >= {end}")
    elif end < least or start >= most:
        raise ValueError(
            f"The value interval specified by `low` and `high` is [{start}, {end}), but {d} only supports "
            f"[{least}, {most})"
        )
    start, end = max(start, least), min(end, most)
    return (start, end) if floating else (math.ceil(start), math.ceil(end))


def _filled(size: tuple[int, ...], d: DType, device: Any, low: float, high: float) -> Tensor:
    torch = namespace("torch")
    if not (d.is_floating_point or d.is_complex):
        return torch["randint"](int(low), int(high), size, dtype=d, device=device)
    real = d.to_real()
    parts = (*size, 2) if d.is_complex else size
    made = torch["empty"](parts, dtype=real, device=device)
    if high - low > dtypes.finfo(real).max:  # a range wider than any number
        made = made.uniform_(low / 2, high / 2).mul_(2)
    else:
        made = made.uniform_(low, high)
    return torch["view_as_complex"](made) if d.is_complex else made
