"""Dropout and its channel-wise and self-normalising relatives.

The mask comes from a key that is an input of the program, so a step with
dropout compiles once. Under `torchlike.random.parity("exact")` it is drawn on
the host from the generator instead, element for element as PyTorch's CPU draws it.
"""

from __future__ import annotations

import warnings
from typing import Any

import jax.numpy as jnp

from .._core import dtypes
from .._core.orders import as_input, as_operands
from .._core.random import default_generator, parity_is_exact
from .._core.registry import Array, Key, Scalar, function, op
from .._core.tensor import from_numpy_copy
from . import distributions as dist
from .lowering.bits import keep_mask
from .random import laid_out
from .strides import contiguous_strides, geometry
from .validate import probability, scalar_name
from .variants import inplace_twin

FUNCTIONAL = ("nn.functional",)
_SATURATION = 1.7580993408473766  # selu's limit for large negative input, negated


def _noise_shape(shape: tuple[int, ...], feature: bool) -> tuple[int, ...]:
    return (*shape[:2], *(1 for _ in shape[2:])) if feature else shape


def _mixed(input: Any, keep: Any, p: Any, alpha: bool) -> Any:
    """`input` where `keep`, else 0 (or selu's saturation value), scaled back to its mean and variance; p < 1."""
    if not alpha:
        return jnp.where(keep, input * (1 / (1 - p)).astype(input.dtype), jnp.zeros((), input.dtype))
    a = 1 / jnp.sqrt((_SATURATION**2 * p + 1) * (1 - p))
    shift = (a * _SATURATION * p).astype(input.dtype)
    return jnp.where(keep, input * a.astype(input.dtype), (-_SATURATION * a).astype(input.dtype)) + shift


def _check(input: Any, **_: Any) -> None:
    if not (input.dtype.is_floating_point or input.dtype.is_complex):
        raise RuntimeError(
            f"result type Float can't be cast to the desired output type {scalar_name(input.dtype)}"
        )


@op(spaces=(), differentiable=False, layout=as_input)
def _keep(like: Array, p: Scalar, shape: tuple, *, key: Key):
    return keep_mask(key, p, shape)


def draw_keep(like: Any, p: float, shape: tuple[int, ...]) -> Any:
    """A bool Tensor on `like`'s device, False with probability `p`."""
    if parity_is_exact() and like.device.type == "cpu":
        draw, same = dist.bernoulli(1 - p), shape == tuple(like.shape)
        strides = geometry(like)[1] if same else contiguous_strides(shape)
        return from_numpy_copy(laid_out(draw, default_generator, shape, dtypes.float32, strides).astype(bool))
    return _keep(like, p, shape)


@inplace_twin()
@op(
    name="dropout",
    spaces=(),
    saves=("keep",),
    grad_name="DropoutBackward0",
    check=_check,
    in_full=True,
    layout=as_operands,
)
def _dropout(input: Array, keep: Array, p: Scalar, alpha: bool = False):
    return _mixed(input, keep, jnp.asarray(p), alpha)


def _apply(
    input: Any, p: float, training: bool, inplace: bool, feature: bool = False, alpha: bool = False
) -> Any:
    if feature and training and input.dim() < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    if not training or p == 0 or input.numel() == 0:
        return input
    if p == 1:
        return input.mul_(0.0) if inplace else input * 0.0  # nothing is drawn
    keep = draw_keep(input, p, _noise_shape(tuple(input.shape), feature))
    return (_dropout.inplace if inplace else _dropout)(input, keep, p, alpha)


@function(spaces=FUNCTIONAL)
def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Zeroes elements with probability `p` and scales the others by `1 / (1 - p)` (arXiv:1207.0580).

    Raises:
        ValueError: `p` is outside [0, 1].
    """
    probability(p)
    return _apply(input, p, training, inplace)


@function(spaces=FUNCTIONAL)
def alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """Dropout that keeps the mean and variance of selu activations (arXiv:1706.02515)."""
    probability(p)
    return _apply(input, p, training, inplace, alpha=True)


@function(spaces=FUNCTIONAL)
def feature_alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """`alpha_dropout` of whole channels (dimension 1)."""
    probability(p)
    return _apply(input, p, training, inplace, feature=True, alpha=True)


def _channelwise(input: Any, p: float, training: bool, inplace: bool, batched: bool) -> Any:
    """Channel dropout; an input without a batch dimension gets one of size 1 for the draw."""
    if batched or not training or p == 0:
        return _apply(input, p, training, inplace, feature=True)
    out = _apply(input.unsqueeze(0), p, training, False, feature=True).squeeze(0)
    return input.copy_(out) if inplace else out


@function(spaces=FUNCTIONAL)
def dropout1d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Zeroes whole channels of `(N, C, L)` or `(C, L)` with probability `p`."""
    probability(p)
    ndim = input.dim()
    if ndim not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {ndim}D input. Note that dropout1d exists "
            "to provide "
            "channel-wise dropout on inputs with 1 spatial dimension, a channel dimension, and an optional "
            "batch "
            "dimension (i.e. 2D or 3D inputs)."
        )
    return _channelwise(input, p, training, inplace, ndim == 3)


def _warn_rank(name: str, ndim: int, spatial: int) -> None:
    warnings.warn(
        f"{name}: Received a {ndim}-D input to {name}, which is deprecated and will result in an error in a "
        "future "
        "release. To retain the behavior and silence this warning, please use dropout instead. Note that "
        f"{name} "
        f"exists to provide channel-wise dropout on inputs with {spatial} spatial dimensions, a channel "
        "dimension, "
        f"and an optional batch dimension (i.e. {spatial + 1}D or {spatial + 2}D inputs).",
        stacklevel=3,
    )


@function(spaces=FUNCTIONAL)
def dropout2d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Zeroes whole channels (dimension 1) of `(N, C, H, W)` with probability `p`.

    A 3-D input is read as `(N, C, L)`, with a warning, as PyTorch does.
    """
    probability(p)
    ndim = input.dim()
    if ndim not in (3, 4):
        _warn_rank("dropout2d", ndim, 2)
    if ndim == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior "
            "is "
            "desired - input is interpreted as shape (N, C, L), where C is the channel dim. This behavior "
            "will change "
            "in a future release to interpret the input as one without a batch dimension, i.e. shape (C, H, "
            "W). To "
            "maintain the 1D channel-wise dropout behavior, please switch to using dropout1d instead.",
            stacklevel=2,
        )
    return _apply(input, p, training, inplace, feature=True)


@function(spaces=FUNCTIONAL)
def dropout3d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Zeroes whole channels of `(N, C, D, H, W)` or `(C, D, H, W)` with probability `p`."""
    probability(p)
    ndim = input.dim()
    if ndim not in (4, 5):
        _warn_rank("dropout3d", ndim, 3)
    return _channelwise(input, p, training, inplace, ndim == 5)


def _flat(name: str, inplace: bool, **kind: bool) -> Any:
    """`torch.<name>(input, p, train)`, the form without defaults."""

    def call(input: Any, p: float, train: bool) -> Any:
        probability(p, RuntimeError)
        return _apply(input, p, train, inplace, **kind)

    call.__name__ = call.__qualname__ = name + "_" * inplace
    call.__doc__ = (
        f"`torch.nn.functional.{name}` with `train` in place of `training`" + ", in place." * inplace
    )
    return function(spaces=("torch",))(call)


_KINDS = {
    "dropout": {}, "alpha_dropout": {"alpha": True}, "feature_dropout": {"feature": True},
    "feature_alpha_dropout": {"feature": True, "alpha": True},
}  # fmt: skip
torch_forms = [_flat(name, inplace, **kind) for name, kind in _KINDS.items() for inplace in (False, True)]
