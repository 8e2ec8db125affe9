"""Initial values for parameters (`torch.nn.init`); draws come in PyTorch's order from the same generator."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .._core.modes import no_grad
from .._core.names import missing as _missing
from .._core.random import Generator
from .._core.tensor import Tensor, from_numpy_copy
from ..ops.random import randperm

_GAINS = {
    **dict.fromkeys(
        (
            "linear",
            "conv1d",
            "conv2d",
            "conv3d",
            "conv_transpose1d",
            "conv_transpose2d",
            "conv_transpose3d",
            "sigmoid",
        ),
        1.0,
    ),
    "tanh": 5.0 / 3,
    "relu": math.sqrt(2.0),
    "selu": 3.0 / 4,
}


_SMALL = 1 << 20  # elements; larger constants are filled where the tensor is


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The recommended gain for a nonlinearity, e.g. sqrt(2) for "relu".

    Args:
        nonlinearity: name of the function in `nn.functional`.
        param: negative slope of "leaky_relu" (default 0.01).

    Raises:
        ValueError: the name is unknown, or the slope no number.
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity not in _GAINS:
        raise ValueError(f"Unsupported nonlinearity {nonlinearity}")
    return 1 if _GAINS[nonlinearity] == 1.0 else _GAINS[nonlinearity]


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fills with draws from U(a, b); returns the tensor."""
    with no_grad():
        return tensor.uniform_(a, b, generator=generator)


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Fills with draws from N(mean, std^2); returns the tensor."""
    with no_grad():
        return tensor.normal_(mean, std, generator=generator)


def trunc_normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:  # fmt: skip
    """Fills with draws from N(mean, std^2) conditioned on [a, b]; returns the tensor.

    Draws outside are drawn again; where few would be inside, uniform draws are accepted by their density.
    """
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. "
            "The distribution of values may be incorrect.",
            stacklevel=2,
        )

    def cdf(x: float) -> float:
        return (1.0 + math.erf(x / math.sqrt(2.0))) / 2.0

    def drawn(method: str, *args: float) -> np.ndarray:
        with no_grad():
            fresh = tensor.new_empty(tuple(tensor.shape), device="cpu")
            return getattr(fresh, method)(*args, generator=generator)._host()

    if cdf((b - mean) / std) - cdf((a - mean) / std) > 0.3:
        values = drawn("normal_", mean, std)
        low, high = values.dtype.type(a), values.dtype.type(b)
        while (outside := (values < low) | (values > high)).any():
            values = np.where(outside, drawn("normal_", mean, std), values)
        return _set(tensor, values)

    log_peak = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2

    def rejected(x: np.ndarray) -> np.ndarray:
        kind = x.dtype.type
        density = ((x - kind(mean)) / kind(std)) ** 2 * kind(-0.5) - kind(log_peak)
        with np.errstate(divide="ignore"):
            return np.log(drawn("uniform_")) > density

    values = drawn("uniform_", a, b)
    pending = rejected(values)
    while pending.any():
        again = drawn("uniform_", a, b)
        values = np.where(pending, again, values)
        pending = pending & rejected(again)
    return _set(tensor, values)


def _set(tensor: Tensor, values: np.ndarray) -> Tensor:
    """Gives the tensor host values; returns it.

    Nothing is recorded: otherwise the first step of a program would differ from those after it.
    """
    tensor._write(from_numpy_copy(values.astype(tensor.dtype.jnp), tensor.device)._read())
    return tensor


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fills with `val`; returns the tensor."""
    if tensor.numel() > _SMALL:
        with no_grad():
            return tensor.fill_(val)
    return _set(tensor, np.full(tuple(tensor.shape), val))


def ones_(tensor: Tensor) -> Tensor:
    """Fills with 1; returns the tensor."""
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Fills with 0; returns the tensor."""
    return constant_(tensor, 0.0)


def eye_(tensor: Tensor) -> Tensor:
    """Makes a matrix the identity; returns the tensor. ValueError unless it is 2-d."""
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    return _set(tensor, np.eye(*tensor.shape, dtype=np.float32))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Makes a convolution kernel preserve its input channels, within each group; returns the tensor.

    Raises:
        ValueError: it is not 3-, 4- or 5-d, or `groups` does not divide dim 0.
    """
    if tensor.ndim not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    out_channels, in_channels, *kernel = tensor.shape
    if out_channels % groups != 0:
        raise ValueError("dim 0 must be divisible by groups")
    per_group = out_channels // groups
    values = np.zeros(tuple(tensor.shape), np.float32)
    centre = tuple(k // 2 for k in kernel)
    for g in range(groups):
        for d in range(min(per_group, in_channels)):
            values[(g * per_group + d, d, *centre)] = 1
    return _set(tensor, values)


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """Inputs and outputs that one element of the layer's weight connects."""
    if tensor.dim() < 2:
        raise ValueError("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions")
    out_maps, in_maps, *kernel = tensor.shape
    field = math.prod(kernel)
    return in_maps * field, out_maps * field


def _calculate_correct_fan(tensor: Tensor, mode: str) -> int:
    mode = mode.lower()
    modes = ["fan_in", "fan_out"]
    if mode not in modes:
        raise ValueError(f"Mode {mode} not supported, please use one of {modes}")
    return _calculate_fan_in_and_fan_out(tensor)[modes.index(mode)]


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Glorot: fills from U(-x, x), x = gain * sqrt(6 / (fan_in + fan_out)); returns the tensor."""
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    std = gain * math.sqrt(2.0 / float(fan_in + fan_out))
    bound = math.sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Glorot: fills from N(0, std^2), std = gain * sqrt(2 / (fan_in + fan_out)); returns the tensor."""
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / float(fan_in + fan_out)), generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float | None:
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
        return None
    fan = _calculate_correct_fan(tensor, mode)
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def kaiming_uniform_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:  # fmt: skip
    """He: fills from U(-x, x), x = gain * sqrt(3 / fan); returns the tensor.

    Args:
        tensor: of 2 or more dimensions.
        a: negative slope of the rectifier after this layer ("leaky_relu" only).
        mode: "fan_in" keeps the variance in the forward pass, "fan_out" in the backward pass.
        nonlinearity: see `calculate_gain`.
        generator: the source of the draws; the default one if None.
    """
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    if std is None:
        return tensor
    bound = math.sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:  # fmt: skip
    """He: fills from N(0, std^2), std = gain / sqrt(fan); arguments as `kaiming_uniform_`."""
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    return tensor if std is None else normal_(tensor, 0.0, std, generator)


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """Fills with a (semi-)orthogonal matrix over the flattened trailing dimensions; returns the tensor.

    Q of the QR factorisation of a normal matrix, with the signs of R's diagonal (Saxe et al. 2013).

    Raises:
        ValueError: it has fewer than 2 dimensions.
    """
    if tensor.ndim < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if tensor.numel() == 0:
        return tensor
    rows = tensor.size(0)
    with no_grad():
        flat = tensor.new_empty((rows, tensor.numel() // rows)).normal_(0, 1, generator=generator).numpy()
    wide = flat.shape[0] < flat.shape[1]
    q, r = np.linalg.qr(flat.T if wide else flat)
    q = q * np.sign(np.diagonal(r))
    return _set(tensor, ((q.T if wide else q) * gain).reshape(tuple(tensor.shape)).astype(flat.dtype))


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> Tensor:
    """Fills a matrix from N(0, std^2) and zeroes a share of each column; returns the tensor.

    Args:
        tensor: 2-d.
        sparsity: share of each column that is zero.
        std: of the other elements.
        generator: the source of the draws of values; the rows are drawn from the default one.

    Raises:
        ValueError: it is not 2-d.
    """
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    rows, cols = tensor.shape
    zeros = int(math.ceil(sparsity * rows))
    with no_grad():
        tensor.normal_(0, std, generator=generator)
        keep = np.ones((rows, cols), np.float32)
        for col in range(cols):
            keep[randperm(rows).numpy()[:zeros], col] = 0
        return tensor.mul_(from_numpy_copy(keep).to(tensor.device, tensor.dtype))


def _deprecated(new: Callable[..., Any]) -> Callable[..., Any]:
    new_name = new.__name__
    old_name = new_name[:-1]

    def old(*args: Any, **kwargs: Any) -> Any:
        warnings.warn(
            f"`nn.init.{old_name}` is now deprecated in favor of `nn.init.{new_name}`.",
            FutureWarning,
            stacklevel=2,
        )
        return new(*args, **kwargs)

    old.__doc__ = f"Deprecated name of `{new_name}`."
    old.__name__ = old.__qualname__ = old_name
    return old


uniform = _deprecated(uniform_)
normal = _deprecated(normal_)
constant = _deprecated(constant_)
eye = _deprecated(eye_)
dirac = _deprecated(dirac_)
xavier_uniform = _deprecated(xavier_uniform_)
xavier_normal = _deprecated(xavier_normal_)
kaiming_uniform = _deprecated(kaiming_uniform_)
kaiming_normal = _deprecated(kaiming_normal_)
orthogonal = _deprecated(orthogonal_)
sparse = _deprecated(sparse_)

__getattr__ = _missing(__name__)
