"""softmax, log_softmax, softmin and the Gumbel softmax."""

from __future__ import annotations

import warnings
from typing import Any

import jax
import jax.numpy as jnp

from .._core.dtypes import dtype
from .._core.random import parity_is_exact
from .._core.registry import Array, Key, Scalar, cast_array, function, op
from .lowering import by_result
from .validate import not_implemented, scalar_name, wrap_dim

SPACES = ("torch", "Tensor", "special")


def _checked(kernel: str) -> Any:
    def check(input: Any, dim: int, dtype: Any = None, **_: Any) -> None:
        wrap_dim(dim, input.ndim)
        d = dtype or input.dtype
        if not d.is_floating_point:
            last = wrap_dim(dim, input.ndim) == max(input.ndim, 1) - 1
            raise not_implemented(f"{kernel}_lastdim_kernel_impl" if last else f"{kernel}_kernel_impl", d)

    return check


def _wide(x: Any) -> Any:
    """Half precision is computed in float32."""
    return x.astype(jnp.float32) if x.dtype.itemsize < 4 else x


def _along(fn: Any, input: Any, dim: int, dtype: Any) -> Any:
    x = input if dtype is None else cast_array(input, dtype.jnp)
    if x.ndim == 0:
        return fn(_wide(x)[None], axis=0)[0].astype(x.dtype)
    return fn(_wide(x), axis=dim).astype(x.dtype)


@op(spaces=SPACES, saves=("result",), out=True, check=_checked("softmax"), by_result=by_result.softmax)
def softmax(input: Array, dim: int, dtype: dtype | None = None):
    """`exp(input) / exp(input).sum(dim)`, without overflow.

    Args:
        dim: the dimension whose elements shall sum to 1.
        dtype: dtype to convert `input` to first.
    """
    return _along(jax.nn.softmax, input, dim, dtype)


@op(
    spaces=SPACES, saves=("result",), out=True, check=_checked("log_softmax"), by_result=by_result.log_softmax
)
def log_softmax(input: Array, dim: int, dtype: dtype | None = None):
    """`input - log(exp(input).sum(dim))`, without overflow (arguments as `softmax`)."""
    return _along(jax.nn.log_softmax, input, dim, dtype)


def _implicit_dim(name: str, ndim: int, stacklevel: int) -> int:
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. "
        "Change the call to include dim=X as an argument.",
        stacklevel=stacklevel + 1,
    )
    return 0 if ndim in (0, 1, 3) else 1


@function(spaces=("nn.functional",), name="softmax")
def softmax_functional(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """Softmax along `dim` (deprecated without: 0 for 0-, 1- and 3-d input, else 1)."""
    if dim is None:
        dim = _implicit_dim("softmax", input.dim(), _stacklevel)
    return softmax(input, dim, dtype)


@function(spaces=("nn.functional",), name="log_softmax")
def log_softmax_functional(
    input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Any:
    """Log-softmax along `dim` (deprecated without: 0 for 0-, 1- and 3-d input, else 1)."""
    if dim is None:
        dim = _implicit_dim("log_softmax", input.dim(), _stacklevel)
    return log_softmax(input, dim, dtype)


@function(spaces=("nn.functional",))
def softmin(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """`softmax(-input)` along `dim`."""
    if dim is None:
        dim = _implicit_dim("softmin", input.dim(), _stacklevel)
    return softmax(-input, dim, dtype)


def _check_gumbel(logits: Any, dim: int = -1, **_: Any) -> None:
    wrap_dim(dim, logits.ndim)
    if not logits.dtype.is_floating_point:
        raise RuntimeError(
            "Exponential distribution is a continuous probability distribution. dtype must be a floating "
            "point "
            f"but you specified {scalar_name(logits.dtype)}"
        )


@op(spaces=(), residual=True)
def _gumbel_softmax(logits: Array, tau: Scalar = 1, hard: bool = False, dim: int = -1, *, key: Key):
    x = _wide(logits)
    noise = jax.random.gumbel(jax.random.wrap_key_data(key, impl="threefry2x32"), x.shape, x.dtype)
    return _perturbed(logits, noise, tau, hard, dim)


@op(spaces=(), residual=True)
def _gumbel_softmax_of(logits: Array, exponential: Array, tau: Scalar = 1, hard: bool = False, dim: int = -1):
    return _perturbed(logits, -jnp.log(_wide(exponential)), tau, hard, dim)


def _perturbed(logits: Any, noise: Any, tau: Any, hard: bool, dim: int) -> Any:
    x = _wide(logits)
    if not x.ndim:
        return jnp.ones_like(logits)
    soft = jax.nn.softmax((x + noise) / tau, axis=dim)
    if hard:  # one-hot forward, soft gradient
        index = jnp.argmax(soft, axis=dim, keepdims=True)
        one_hot = (jax.lax.broadcasted_iota(index.dtype, x.shape, dim % x.ndim) == index).astype(x.dtype)
        soft = jax.lax.stop_gradient(one_hot - soft) + soft
    return soft.astype(logits.dtype)


@function(spaces=("nn.functional",))
def gumbel_softmax(logits: Any, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Any:
    """A Gumbel-softmax sample (arXiv:1611.01144); `hard` makes it one-hot, with soft gradients."""
    if eps != 1e-10:
        warnings.warn("`eps` parameter is deprecated and has no effect.", stacklevel=2)
    _check_gumbel(logits, dim)  # before anything is drawn
    if parity_is_exact():
        return _gumbel_softmax_of(logits, logits.detach().clone().exponential_(), tau, hard, dim)
    return _gumbel_softmax(logits, tau, hard, dim)
