"""What the rows of `torch.linalg` share: their declaration, error type and checks."""

from typing import Any

import jax.numpy as jnp

from .._core.checks import guard
from .._core.dtypes import FLOAT
from .._core.registry import op, publish
from .validate import not_implemented, scalar_name


class LinAlgError(RuntimeError):
    """A decomposition did not exist, usually because a matrix is singular (`torch.linalg.LinAlgError`)."""


LinAlgError.__name__ = LinAlgError.__qualname__ = "_LinAlgError"  # as tracebacks of PyTorch show it
publish("linalg", "LinAlgError", LinAlgError)


def linalg(name: str, *aliases: str, **options: Any) -> Any:
    """Declares a row published as `torch.linalg.<name>` and under qualified `aliases`."""
    options.setdefault("out", True)
    return op(name=f"linalg_{name}", spaces=(), aliases=(f"linalg.{name}", *aliases), **options)


# PyTorch names its kernel where a function lets types through that the kernel has no code for
_KERNELS = {
    "linalg.det": "lu_cpu", "linalg.solve": "lu_cpu", "linalg.solve_ex": "lu_cpu", "linalg.cholesky": "cholesky_cpu",
    "linalg.cholesky_ex": "cholesky_cpu", "linalg.svd": "linalg_svd_cpu", "linalg.qr": "geqrf_cpu",
    "linalg.eig": "linalg_eig_out_cpu", "linalg.eigvals": "linalg_eig_out_cpu",
}  # fmt: skip # for 16-bit floats
_KERNELS_ALL = {
    "linalg.eigvalsh": "linalg_eigh_cpu", "cholesky": "cholesky_cpu", "torch.linalg.lu_factor": "lu_cpu",
    "linalg.solve_triangular": "triangular_solve_cpu", "triangular_solve": "triangular_solve_cpu",
}  # fmt: skip # for 16-bit floats, integers and bool
_SAYS = {"linalg.svdvals": "linalg.svd", "linalg.cond": "linalg.svd"}
_MSG_TYPES = "This function doesn't handle types other than float and double"
_TEXTS = {
    "linalg.matrix_rank": lambda a: _MSG_TYPES,
    "torch.linalg.lstsq": lambda a: _MSG_TYPES,
    "linalg.pinv": lambda a: (
        f"linalg.pinv({scalar_name(a.dtype)}{{{list(a.shape)}}}): expected a tensor with 2 or more dimensions of float, "
        "double, cfloat or cdouble types"
    ),
}


def check_float(name: str, a: Any, *, low: bool = False) -> None:
    """`a` must be floating or complex, and no 16-bit type unless `low`."""
    name = _SAYS.get(name, name)
    exact, half = a.dtype.category < FLOAT, not low and a.dtype.itemsize == 2 and a.dtype.is_floating_point
    if exact or half:
        if name in _KERNELS_ALL:
            raise not_implemented(_KERNELS_ALL[name], a.dtype)
        if name in _TEXTS:
            raise RuntimeError(_TEXTS[name](a))
        if half and name in _KERNELS:
            raise not_implemented(_KERNELS[name], a.dtype)
        if exact and name in ("linalg.eig", "linalg.eigvals"):
            raise RuntimeError(f"Unknown Complex ScalarType for {scalar_name(a.dtype)}")
    if exact:
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. Got {scalar_name(a.dtype)}"
        )
    if half:
        raise RuntimeError(f"{name}: Low precision dtypes not supported. Got {scalar_name(a.dtype)}")


def check_matrix(name: str, a: Any, arg: str = "A") -> None:
    """`a` must be a floating matrix or a batch of them."""
    if a.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor {arg} must have at least 2 dimensions.")
    check_float(name, a)


def check_square(name: str, a: Any, arg: str = "A") -> None:
    """`a` must be a square matrix or a batch of them."""
    if a.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor {arg} must have at least 2 dimensions.")
    if a.shape[-1] != a.shape[-2]:
        raise RuntimeError(
            f"{name}: {arg} must be batches of square matrices, but they are {a.shape[-2]} by {a.shape[-1]} matrices"
        )
    check_float(name, a)


def matrix(name: str) -> Any:
    """A row check: the first argument is a matrix."""
    return lambda A=None, **rest: check_matrix(name, A if A is not None else rest["input"])


def square(name: str) -> Any:
    """A row check: the first argument is a square matrix."""
    return lambda A=None, **rest: check_square(name, A if A is not None else rest["input"])


def hermitian_of(x: Any) -> Any:
    """The conjugate transpose."""
    return jnp.swapaxes(x, -1, -2).conj()


def refuse(info: Any, name: str, text: str, batch_text: str | None = None) -> None:
    """Raises LinAlgError where `info` (0 is good, else the 1-based element that failed) says so.

    `text` takes the element; for a batch, `batch_text` takes the number of the batch element.
    """
    if info.ndim == 0:
        guard(info != 0, LinAlgError, f"{name}: {text}", info)
        return
    flat = info.reshape(-1)
    if flat.size:
        message = f"{name}: (Batch element {{}}): {batch_text or text.replace('{}', '')}"
        guard(jnp.any(flat != 0), LinAlgError, message, jnp.argmax(flat != 0))
