"""Windows of signal processing: `torch.hann_window` and its relatives, and `torch.signal.windows`.

A window is computed on the host in float64 (it is made once and used often) and
is a concrete tensor. Formulas: Harris, "On the use of windows for harmonic
analysis with the discrete Fourier transform", 1978; Nuttall, 1981.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .._core import dtypes
from .._core.dtypes import get_default_dtype
from .._core.graph import Value
from .._core.registry import function
from .._core.tensor import Tensor
from .convert import strided
from .factory import How, factory, from_host, whole
from .validate import c_name, not_implemented

Shape = Callable[[np.ndarray, float], np.ndarray]  # of positions 0, 1, ... and the period

_BLACKMAN = (0.42, 0.5, 0.08)
_NUTTALL = (0.3635819, 0.4891775, 0.1365995, 0.0106411)


# ---- shapes --------------------------------------------------------------------------


def _cosines(weights: Iterable[float]) -> Shape:
    """`sum_i (-1)^i weights[i] cos(2 pi i n / period)`."""
    terms = [(-a if i % 2 else a, i) for i, a in enumerate(weights)]
    return lambda n, period: sum(
        (a * np.cos(2 * math.pi * i * n / period) for a, i in terms), np.zeros(len(n))
    )


def _triangle(n: np.ndarray, period: float) -> np.ndarray:
    return 1 - np.abs(2 * n / period - 1)


def _bessel(beta: float) -> Shape:
    """`I0(beta sqrt(1 - (2n/period - 1)^2)) / I0(beta)` (Kaiser)."""
    return lambda n, period: np.i0(beta * np.sqrt(np.maximum(1 - (2 * n / period - 1) ** 2, 0))) / np.i0(beta)


def _values(length: int, symmetric: bool, shape: Shape) -> np.ndarray:
    """The window's numbers, float64; a symmetric window has its period one shorter than itself."""
    if length < 2:
        return np.ones(length)
    return shape(np.arange(length, dtype=np.float64), length - 1 if symmetric else length)


# ---- torch.*_window ------------------------------------------------------------------


def _old(how: How, window_length: Any, periodic: bool, shape: Shape) -> Value:
    length = whole(how.name, "window_length", 1, window_length)
    if length < 0:
        raise RuntimeError(f"{how.name} requires non-negative window_length, got window_length={length}")
    d = how.dtype or get_default_dtype()
    if not d.is_floating_point:
        if d.is_complex:
            raise not_implemented("arange_cpu", d)
        raise RuntimeError(
            f"{how.name} expects floating point dtypes, got: TensorOptions(dtype={c_name(d)}, device={how.device}, "
            "layout=Strided (default), requires_grad=false (default), pinned_memory=false, "
            "memory_format=(nullopt))"
        )
    return from_host(_values(length, not periodic, shape).astype(d.jnp), how.device)


@factory()
def bartlett_window(how: How, window_length: Any, periodic: bool = True) -> Value:
    """A triangle of `window_length` points, 0 at the ends; `periodic` leaves out the last point."""
    return _old(how, window_length, periodic, _triangle)


@factory()
def blackman_window(how: How, window_length: Any, periodic: bool = True) -> Value:
    """`0.42 - 0.5 cos(2 pi n / N) + 0.08 cos(4 pi n / N)`; N is the length if `periodic`, else one less."""
    return _old(how, window_length, periodic, _cosines(_BLACKMAN))


@factory()
def hamming_window(
    how: How, window_length: Any, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46
) -> Value:
    """`alpha - beta cos(2 pi n / N)`; N is the length if `periodic`, else one less."""
    return _old(how, window_length, periodic, _cosines((alpha, beta)))


@factory()
def hann_window(how: How, window_length: Any, periodic: bool = True) -> Value:
    """`(1 - cos(2 pi n / N)) / 2`; N is the length if `periodic`, else one less."""
    return _old(how, window_length, periodic, _cosines((0.5, 0.5)))


@factory()
def kaiser_window(how: How, window_length: Any, periodic: bool = True, beta: float = 12.0) -> Value:
    """Kaiser's window: `I0(beta sqrt(1 - (2n/N - 1)^2)) / I0(beta)`."""
    return _old(how, window_length, periodic, _bessel(float(beta)))


# ---- torch.signal.windows ------------------------------------------------------------


def _window(name: str, M: int, symmetric: bool, shape: Shape, keywords: dict[str, Any]) -> Tensor:
    """The tensor of a `torch.signal.windows` function; `keywords` are the common ones."""
    if M < 0:
        raise ValueError(f"{name} requires non-negative window length, got M={M}")
    asked = keywords.pop("layout", None)
    if asked is not None and asked is not strided:
        raise ValueError(f"{name} is implemented for strided tensors only, got: {asked}")
    how = How(name, **keywords)
    d = how.dtype or get_default_dtype()
    if d not in (dtypes.float32, dtypes.float64):
        raise ValueError(f"{name} expects float32 or float64 dtypes, got: {d}")
    return how.finish(from_host(_values(M, symmetric, shape).astype(d.jnp), how.device))


_windows = function(spaces=("signal.windows",))


@_windows
def bartlett(M: int, *, sym: bool = True, **keywords: Any) -> Tensor:
    """A triangle of `M` points.

    Args:
        sym: symmetric, for filters; False: periodic, for spectra.
        keywords: dtype, layout, device, requires_grad (so for all windows).
    """
    return _window("bartlett", M, sym, _triangle, keywords)


@_windows
def blackman(M: int, *, sym: bool = True, **keywords: Any) -> Tensor:
    """`0.42 - 0.5 cos(2 pi n / N) + 0.08 cos(4 pi n / N)`."""
    return _window("general_cosine", M, sym, _cosines(_BLACKMAN), keywords)


@_windows
def cosine(M: int, *, sym: bool = True, **keywords: Any) -> Tensor:
    """`sin(pi (n + 1/2) / M)`, M + 1 in the place of M if not `sym`."""
    length = M if sym or M < 2 else M + 1
    return _window("cosine", M, sym, lambda n, _: np.sin(math.pi * (n + 0.5) / length), keywords)


@_windows
def exponential(
    M: int, *, center: float | None = None, tau: float = 1.0, sym: bool = True, **keywords: Any
) -> Tensor:
    """`exp(-|n - center| / tau)`; the center is the middle unless given (periodic windows only)."""
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")
    return _window(
        "exponential",
        M,
        sym,
        lambda n, period: np.exp(-np.abs(n - (period / 2 if center is None else center)) / tau),
        keywords,
    )


@_windows
def gaussian(M: int, *, std: float = 1.0, sym: bool = True, **keywords: Any) -> Tensor:
    """`exp(-(n - N/2)^2 / (2 std^2))`."""
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    return _window(
        "gaussian",
        M,
        sym,
        lambda n, period: np.exp(-(((n - period / 2) / (std * math.sqrt(2))) ** 2)),
        keywords,
    )


@_windows
def general_cosine(M: int, *, a: Iterable[float], sym: bool = True, **keywords: Any) -> Tensor:
    """`sum_i (-1)^i a[i] cos(2 pi i n / N)`."""
    if not isinstance(a, Iterable):
        raise TypeError("Coefficients must be a list/tuple")
    weights = tuple(a)
    if not weights:
        raise ValueError("Coefficients cannot be empty")
    return _window("general_cosine", M, sym, _cosines(weights), keywords)


@_windows
def general_hamming(M: int, *, alpha: float = 0.54, sym: bool = True, **keywords: Any) -> Tensor:
    """`alpha - (1 - alpha) cos(2 pi n / N)`."""
    return _window("general_cosine", M, sym, _cosines((alpha, 1 - alpha)), keywords)


@_windows
def hamming(M: int, *, sym: bool = True, **keywords: Any) -> Tensor:
    """`0.54 - 0.46 cos(2 pi n / N)`."""
    return _window("general_cosine", M, sym, _cosines((0.54, 0.46)), keywords)


@_windows
def hann(M: int, *, sym: bool = True, **keywords: Any) -> Tensor:
    """`(1 - cos(2 pi n / N)) / 2`."""
    return _window("general_cosine", M, sym, _cosines((0.5, 0.5)), keywords)


@_windows
def kaiser(M: int, *, beta: float = 12.0, sym: bool = True, **keywords: Any) -> Tensor:
    """`I0(beta sqrt(1 - (2n/N - 1)^2)) / I0(beta)`."""
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")
    return _window("kaiser", M, sym, _bessel(float(beta)), keywords)


@_windows
def nuttall(M: int, *, sym: bool = True, **keywords: Any) -> Tensor:
    """Nuttall's four cosines with least side lobes."""
    return _window("general_cosine", M, sym, _cosines(_NUTTALL), keywords)
