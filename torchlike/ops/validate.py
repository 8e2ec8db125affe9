"""Argument checks shared by the rows: PyTorch's wording, raised before a call is recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .._core.dtypes import BOOL, C_NAMES, COMPLEX, INTEGER, SCALAR_NAMES, bool_, result_type
from .._core.misuse import type_name as class_name
from .._core.tensor import Tensor


def scalar_name(dtype: Any) -> str:
    """PyTorch's C++ name of a dtype, as its errors print it (`Float`, `Long`, ...)."""
    return SCALAR_NAMES[dtype.name]


def type_name(dtype: Any) -> str:
    """A CPU tensor type as older errors print it: `torch.FloatTensor`, `CPUBoolType`."""
    old = dtype.name in ("uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64")
    return f"torch.{scalar_name(dtype)}Tensor" if old else f"CPU{scalar_name(dtype)}Type"


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


REAL, FLOATS = "bihf", "hf"
MSG_NEG_BOOL = (
    "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, "
    "use the `~` or `logical_not()` operator instead."
)
_MSG_SUB_BOOLS = (
    "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` operator "
    "instead."
)
_MSG_SUB_BOOL = (
    "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, use the "
    "`~` or `logical_not()` operator instead."
)


def _letter(d: Any) -> str:
    """The class of a dtype: b(ool), i(nteger), h(alf, 16 bits), f(loat), c(omplex)."""
    letters = {BOOL: "b", INTEGER: "i", COMPLEX: "c"}
    return letters.get(d.category) or ("h" if d.itemsize == 2 else "f")


def kernel(name: str, takes: str = REAL, *, first: Any = None, then: Any = None) -> Callable[..., None]:
    """A row check: PyTorch's kernel `name` has code for the common dtype of the tensors.

    Args:
        takes: the classes of dtypes it has code for, as letters of "bihfc": bool, integers, 16-bit floats, wider
            floats, complex.
        first, then: checks made before and after.
    """

    def check(*args: Any, **params: Any) -> None:
        if first is not None:
            first(*args, **params)
        d = result_type([v for v in (*args, *params.values()) if hasattr(v, "ndim")])
        if _letter(d) not in takes:
            raise not_implemented(name, d)
        if then is not None:
            then(*args, **params)

    return check


def not_complex(text: str, error: type[Exception] = RuntimeError) -> Callable[..., None]:
    """A row check: no tensor is complex, else `error(text)`."""

    def check(*args: Any, **params: Any) -> None:
        for v in (*args, *params.values()):
            if hasattr(v, "ndim") and v.dtype.is_complex:
                raise error(text)

    return check


def not_bool_difference(a: Any, b: Any) -> None:
    """The error of `a - b` where one is bool; either may be a Python number type."""
    bools = [v is bool or getattr(v, "dtype", None) is bool_ for v in (a, b)]
    if any(bools):
        raise RuntimeError(_MSG_SUB_BOOLS if all(bools) else _MSG_SUB_BOOL)


def wrap_dim(dim: int, ndim: int) -> int:
    """`dim` counted from the front; IndexError where there is no such dimension."""
    n = max(ndim, 1)
    if not -n <= dim < n:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim})"
        )
    return dim % n


def tensors_only(items: Sequence[Any], argument: int = 0) -> None:
    """TypeError unless all elements of an argument (counted from 0) are Tensors."""
    for i, t in enumerate(items):
        if not isinstance(t, Tensor):
            raise TypeError(f"expected Tensor as element {i} in argument {argument}, but got {class_name(t)}")


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


def assert_int_or_pair(arg: Any, arg_name: str, message: str) -> None:
    """AssertionError unless `arg` is an int or has two elements; `message` is formatted with `arg_name`."""
    if not isinstance(arg, int) and len(arg) != 2:
        raise AssertionError(message.format(arg_name))


def no_gradient_for(**functions: Any) -> Callable[..., None]:
    """A `check_taped` for parameters that PyTorch's operators refuse gradients for.

    Args:
        functions: per parameter the operator that its error names, or a function of the avals that gives it (None:
            these avals have a gradient).
    """

    def check(wanted: set[str], avals: Any, arguments: dict[str, Any]) -> None:
        for param, named in functions.items():
            function = named(*avals) if callable(named) else named
            if param in wanted and function is not None:
                raise RuntimeError(
                    f"The function '{function}' is not differentiable with respect to argument '{param}'. This input "
                    "cannot have requires_grad True."
                )

    return check


def differentiable_dtype(wanted: set[str], avals: Any, arguments: dict[str, Any]) -> None:
    """A `check_taped`: the option `dtype` of a sum or scan must have gradients."""
    d = arguments["dtype"]
    if d is not None and not (d.is_floating_point or d.is_complex):
        raise RuntimeError(f"Autograd not support dtype: {scalar_name(d)}")
