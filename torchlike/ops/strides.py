"""Dimensions, shapes and strides on the host: what PyTorch's layout rules say."""

from __future__ import annotations

from typing import Any

from .._core.geometry import geometry as geometry
from .._core.geometry import row_major as row_major
from .._core.layouts import contiguous_strides as contiguous_strides
from .._core.layouts import view_strides as view_strides


def wrap_dim(dim: int, ndim: int) -> int:
    """A dimension counted from the front; IndexError as PyTorch words it."""
    n = max(ndim, 1)
    if not isinstance(dim, int):
        raise TypeError(f"dimension must be an int, not {type(dim).__name__}")
    if not -n <= dim < n:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim})"
        )
    return dim + n if dim < 0 else dim


def infer_shape(shape: Any, size: int) -> tuple[int, ...]:
    """A requested shape with its -1 filled in; RuntimeError as PyTorch words it."""
    shape = tuple(int(n) for n in shape)
    known, hole = 1, None
    for i, n in enumerate(shape):
        if n == -1:
            if hole is not None:
                raise RuntimeError("only one dimension can be inferred")
            hole = i
        elif n < 0:
            raise RuntimeError(f"invalid shape dimension {n} at index {i} of shape {list(shape)}")
        else:
            known *= n
    if hole is None:
        if known != size:
            raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {size}")
        return shape
    if known == 0 and size == 0:
        raise RuntimeError(
            f"cannot reshape tensor of 0 elements into shape {list(shape)} because the unspecified dimension size "
            "-1 can be any value and is ambiguous"
        )
    if known == 0 or size % known:
        raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {size}")
    return (*shape[:hole], size // known, *shape[hole + 1 :])


def _dims(args: tuple[Any, ...], kwargs: dict[str, Any], name: str) -> tuple[Any, ...]:
    """`f(2, 3)`, `f((2, 3))` and `f(size=(2, 3))` alike; TypeError unless all are ints."""
    given = (kwargs.pop(name),) if kwargs else args
    if len(given) == 1 and isinstance(given[0], (tuple, list)):
        given = given[0]
    for n in given:
        if n.__class__ is not int and not hasattr(n, "__index__"):
            raise TypeError(f"argument '{name}' must be tuple of ints, not {type(n).__name__}")
    return tuple(given)
