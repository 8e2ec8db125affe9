"""`torch.fft`: discrete Fourier transforms of one, two and several dimensions."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from .._core.dtypes import get_default_dtype
from .._core.registry import Array, Ints, function, op
from .._core.tensor import from_numpy_copy
from .lowering.axes import wrap_dims
from .lowering.fourier import check_norm, fftn, irfftn, rfftn, swapped
from .validate import scalar_name, wrap_dim


def _sizes(x: Any, s: Any, dim: Any) -> tuple[tuple[int | None, ...], tuple[int, ...]]:
    """`(sizes, axes)` from `s` and `dim`, each None, an int or several."""
    if isinstance(s, int):
        s = (s,)
    if isinstance(dim, int):
        dim = (dim,)
    if dim is None:
        if s is not None and len(s) > x.ndim:
            raise RuntimeError(
                f"Got shape with {len(s)} values but input tensor only has {x.ndim} dimensions."
            )
        count = x.ndim if s is None else len(s)
        dim = tuple(range(x.ndim - count, x.ndim))
    if x.ndim == 0:
        raise IndexError(f"Dimension specified as {dim[0]} but tensor has no dimensions")
    axes = tuple(wrap_dim(d, x.ndim) for d in dim)
    if len(set(axes)) != len(axes):
        raise RuntimeError("FFT dims must be unique")
    if s is not None and len(s) != len(axes):
        raise RuntimeError("When given, dim and shape arguments must have the same length")
    sizes = tuple(None if s is None or n == -1 else n for n in (s or axes))
    for a, n in zip(axes, sizes):
        have = x.shape[a] if n is None else n
        if have < 1:
            raise RuntimeError(f"Invalid number of data points ({have}) specified")
    return sizes, axes


def _complex(inverse: bool) -> Any:
    return lambda x, sizes, axes, norm: fftn(x, sizes, axes, norm, inverse)


def _hermitian(x: Any, sizes: Any, axes: Any, norm: Any) -> Any:
    """Real transform of the half `x` of a signal that is Hermitian."""
    return irfftn(jnp.conj(x), sizes, axes, swapped(norm))


def _hermitian_inverse(x: Any, sizes: Any, axes: Any, norm: Any) -> Any:
    return jnp.conj(rfftn(x, sizes, axes, swapped(norm)))


_FAMILIES = {
    "fft": (_complex(False), "Discrete Fourier transform"),
    "ifft": (_complex(True), "Inverse discrete Fourier transform"),
    "rfft": (rfftn, "Fourier transform of a real signal, without its redundant half,"),
    "irfft": (irfftn, "Real inverse of `rfft`"),
    "hfft": (_hermitian, "Real Fourier transform of one half of a Hermitian signal"),
    "ihfft": (_hermitian_inverse, "Inverse of `hfft`"),
}
_TAIL = (
    ' {where}.\n\n    `{size}` cuts or pads the input first. `norm` is "backward" (the inverse divides by n; default), '
    '"forward" or "ortho".'
)


def _check(family: str) -> Any:
    real = family in ("rfft", "ihfft")

    def check(input: Any, *, norm: Any = None, **_: Any) -> None:
        check_norm(norm)
        if real and input.dtype.is_complex:
            raise RuntimeError(f"{family} expects a real input tensor, but got {scalar_name(input.dtype)}")
        if input.dtype.name in ("float16", "bfloat16"):
            raise RuntimeError(f"Unsupported dtype {scalar_name(input.dtype)}")

    return check


def _declare(family: str, fn: Any, title: str) -> None:
    """The rows of one family: one dimension, two, and several."""

    def promoted(x: Any) -> Any:
        return x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(get_default_dtype().jnp)

    def one(input: Array, n: int | None = None, dim: int = -1, norm: str | None = None):
        x = promoted(input)
        return fn(x, *_sizes(x, n, dim), norm)

    def two(input: Array, s: Ints | None = None, dim: Ints = (-2, -1), norm: str | None = None):
        x = promoted(input)
        return fn(x, *_sizes(x, s, dim), norm)

    def several(input: Array, s: Ints | None = None, dim: Ints | None = None, norm: str | None = None):
        x = promoted(input)
        if x.ndim == 0 and dim is None and s is None:
            return fn(x[None], (None,), (0,), norm).reshape(())
        return fn(x, *_sizes(x, s, dim), norm)

    for lowering, suffix, where, size in (
        (one, "", "along `dim`", "n"), (two, "2", "over two dimensions", "s"), (several, "n", "over `dim`, by default all", "s"),
    ):  # fmt: skip
        name = family + suffix
        lowering.__name__ = lowering.__qualname__ = f"fft_{name}"
        lowering.__doc__ = title + _TAIL.format(where=where, size=size)
        op(name=f"fft_{name}", spaces=(), aliases=(f"fft.{name}",), out=True, check=_check(family))(lowering)


for _family, (_fn, _title) in _FAMILIES.items():
    _declare(_family, _fn, _title)


def _shift(name: str, forward: bool) -> None:
    def lowering(input: Array, dim: Ints | None = None):
        axes = wrap_dims(dim, input.ndim)
        steps = [input.shape[a] // 2 if forward else -(input.shape[a] // 2) for a in axes]
        return jnp.roll(input, steps, axes)

    lowering.__name__ = lowering.__qualname__ = f"fft_{name}"
    lowering.__doc__ = "Moves the zero frequency to the middle." if forward else "Inverse of `fftshift`."
    op(name=f"fft_{name}", spaces=(), aliases=(f"fft.{name}",))(lowering)


_shift("fftshift", True)
_shift("ifftshift", False)


def _frequencies(
    values: np.ndarray, n: int, d: float, out: Any, dtype: Any, device: Any, requires_grad: bool
) -> Any:
    t = from_numpy_copy((values / (n * d)).astype((dtype or get_default_dtype()).jnp), device)
    if out is not None:
        return out.resize_(t.shape).copy_(t) if out.shape != t.shape else out.copy_(t)
    return t.requires_grad_(requires_grad) if requires_grad else t


@function(spaces=("fft",))
def fftfreq(n, d=1.0, *, out=None, dtype=None, layout=None, device=None, requires_grad=False):
    """Frequencies of the bins of `fft` of `n` samples `d` apart."""
    values = np.concatenate([np.arange((n + 1) // 2), np.arange(-(n // 2), 0)]).astype(np.float64)
    return _frequencies(values, n, d, out, dtype, device, requires_grad)


@function(spaces=("fft",))
def rfftfreq(n, d=1.0, *, out=None, dtype=None, layout=None, device=None, requires_grad=False):
    """Frequencies of the bins of `rfft` of `n` samples `d` apart."""
    return _frequencies(np.arange(n // 2 + 1).astype(np.float64), n, d, out, dtype, device, requires_grad)
