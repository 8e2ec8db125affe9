"""Argument checks shared by the rows: PyTorch's wording, raised before a call is recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._core.dtypes import C_NAMES, SCALAR_NAMES


def scalar_name(dtype: Any) -> str:
    """PyTorch's C++ name of a dtype, as its errors print it (`Float`, `Long`, ...)."""
    return SCALAR_NAMES[dtype.name]


def c_name(dtype: Any) -> str:
    """The C++ spelling of a dtype, which the matrix-product errors print."""
    return C_NAMES[dtype.name]


def not_implemented(kernel: str, dtype: Any) -> NotImplementedError:
    """The error of a kernel that has no code for `dtype`."""
    return NotImplementedError(f"\"{kernel}\" not implemented for '{scalar_name(dtype)}'")


def floating(kernel: str, *, complex_too: bool = False, arg: str = "input") -> Callable[..., None]:
    """A row check: `arg` must be floating (or complex), else PyTorch's error naming `kernel`."""

    def check(**params: Any) -> None:
        d = params[arg].dtype
        if not (d.is_floating_point or (complex_too and d.is_complex)):
            raise not_implemented(kernel, d)

    return check


def wrap_dim(dim: int, ndim: int) -> int:
    """`dim` counted from the front; IndexError where there is no such dimension."""
    n = max(ndim, 1)
    if not -n <= dim < n:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim})"
        )
    return dim % n


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape as PyTorch's C++ prints it: `[2, 3]`."""
    return "[" + ", ".join(str(n) for n in shape) + "]"


def probability(p: float, error: type[Exception] = ValueError) -> None:
    """Raises `error` unless 0 <= p <= 1 (the dropout family)."""
    if not 0.0 <= p <= 1.0:
        raise error(f"dropout probability has to be between 0 and 1, but got {p}")


def broadcast(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The common shape; RuntimeError in PyTorch's words where there is none."""
    result: list[int] = []
    for shape in shapes:
        result = [1] * (len(shape) - len(result)) + result
        for i in range(1, len(shape) + 1):
            a, b = result[-i], shape[-i]
            if a != b and a != 1 and b != 1:
                raise RuntimeError(
                    f"The size of tensor a ({a}) must match the size of tensor b ({b}) "
                    f"at non-singleton dimension {len(result) - i}"
                )
            if a == 1:
                result[-i] = b
    return tuple(result)


def same_dtype(a: Any, b: Any) -> None:
    """Raises PyTorch's kernel error unless two avals share their dtype."""
    if a.dtype is not b.dtype:
        raise RuntimeError(f"expected scalar type {scalar_name(a.dtype)} but found {scalar_name(b.dtype)}")


def size_text(shape: tuple[int, ...]) -> str:
    """A shape as Python prints a `torch.Size`."""
    return f"torch.Size([{', '.join(str(n) for n in shape)}])"
