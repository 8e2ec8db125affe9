"""Clipping of gradients, recorded as one call for all parameters."""

from __future__ import annotations

import math
import types
import warnings
from collections.abc import Iterable
from typing import Any

import jax.numpy as jnp

from ..._core.fused import fused
from ..._core.tensor import Tensor
from ...ops.from_data import tensor

__all__ = [
    "clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm",
]  # fmt: skip

_MSG_NONFINITE = (
    "The total norm of order {} for gradients from `parameters` is non-finite, so it cannot be clipped. "
    "To disable "
    "this error and scale the gradients by the non-finite norm anyway, set `error_if_nonfinite=False`"
)


def _listed(tensors: Any) -> list[Any]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def _grads_of(parameters: Any) -> list[Tensor]:
    params = _listed(parameters)
    if isinstance(parameters, types.GeneratorType) and not params:
        warnings.warn("`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=3)
    return [p.grad for p in params if p.grad is not None]


# ---- over arrays -----------------------------------------------------------------------------------


def _norm(x: Any, p: float) -> Any:
    """The p-norm of all elements, accumulated in at least float32, in the dtype of its real part."""
    a = jnp.abs(x)
    wide = a.astype(jnp.promote_types(a.dtype, jnp.float32))
    if a.size == 0:
        out = jnp.zeros((), wide.dtype)
    elif p == math.inf:
        out = wide.max()
    elif p == -math.inf:
        out = wide.min()
    elif p == 0:
        out = (wide != 0).sum().astype(wide.dtype)
    elif p == 1:
        out = wide.sum()
    elif p == 2:
        out = jnp.sqrt(jnp.square(wide).sum())
    else:
        out = (wide**p).sum() ** (1 / p)
    return out.astype(a.dtype)


def _total(xs: Any, p: float) -> Any:
    return _norm(jnp.stack(jnp.broadcast_arrays(*[_norm(x, p) for x in xs])), p)


def _scaled(grads: Any, total: Any, max_norm: Any) -> tuple[Any, ...]:
    scale = jnp.minimum(max_norm.astype(total.dtype) / (total + 1e-6), 1)
    return tuple((g * scale.astype(jnp.abs(g).dtype)).astype(g.dtype) for g in grads)


def _run_total(lists: Any, scalars: Any, p: float) -> Any:
    return ((_total(lists[0], p),),)


def _run_scale(lists: Any, scalars: Any) -> Any:
    return (_scaled(lists[0], lists[1][0], scalars[0]),)


def _run_clip(lists: Any, scalars: Any, p: float) -> Any:
    total = _total(lists[0], p)
    return _scaled(lists[0], total, scalars[0]), (total,)


def _run_clamp(lists: Any, scalars: Any) -> Any:
    return (tuple(jnp.clip(g, (-scalars[0]).astype(g.dtype), scalars[0].astype(g.dtype)) for g in lists[0]),)


# ---- over Tensors ------------------------------------------------------------------------------------


def get_total_norm(
    tensors: Any, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> Tensor:
    """The norm of all elements of all tensors, as if they were one vector; 0-d.

    Args:
        tensors: a Tensor or an iterable of them.
        norm_type: order of the norm; may be inf.
        error_if_nonfinite: raise if it is not finite. This waits for the value.
        foreach: accepted; there is one implementation.

    Raises:
        RuntimeError: the norm is not finite, with `error_if_nonfinite`.
    """
    tensors = _listed(tensors)
    if not tensors:
        return tensor(0.0)
    p = float(norm_type)
    ((value,),) = fused("nn.total_norm", _run_total, (("p", p),), (tensors,), ())
    total = Tensor._from_value(value)
    if error_if_nonfinite and not math.isfinite(total.item()):
        raise RuntimeError(_MSG_NONFINITE.format(p))
    return total


def clip_grads_with_norm_(
    parameters: Any, max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Scales the gradients in place by min(1, max_norm / (total_norm + 1e-6)).

    Args:
        parameters: a Tensor or an iterable of them, whose gradients are scaled.
        max_norm: the norm they shall have at most.
        total_norm: the norm they have, e.g. from `get_total_norm`.
        foreach: accepted; there is one implementation.
    """
    grads = _grads_of(parameters)
    if grads:
        (scaled,) = fused("nn.scale_grads", _run_scale, (), (grads, [total_norm]), (float(max_norm),))
        for g, value in zip(grads, scaled):
            g._write(value)


def clip_grad_norm_(
    parameters: Any, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:  # fmt: skip
    """Scales all gradients in place so that their total norm is at most `max_norm`.

    Args:
        parameters: a Tensor or an iterable of them; those without gradient are left out.
        max_norm: the largest norm.
        norm_type: order of the norm; may be inf.
        error_if_nonfinite: raise if the norm is not finite. This waits for the value.
        foreach: accepted; there is one implementation.

    Returns: the norm before clipping, 0-d.

    Raises:
        RuntimeError: the norm is not finite, with `error_if_nonfinite`.
    """
    grads = _grads_of(parameters)
    if not grads:
        return tensor(0.0)
    p = float(norm_type)
    if error_if_nonfinite:
        get_total_norm(grads, p, True)
    clipped, (total,) = fused("nn.clip_grad_norm", _run_clip, (("p", p),), (grads,), (float(max_norm),))
    for g, value in zip(grads, clipped):
        g._write(value)
    return Tensor._from_value(total)


def clip_grad_norm(
    parameters: Any, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:  # fmt: skip
    """Deprecated name of `clip_grad_norm_`."""
    warnings.warn(
        "`torch.nn.utils.clip_grad_norm` is now deprecated in favor of `torch.nn.utils.clip_grad_norm_`.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


def clip_grad_value_(
    parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None
) -> None:
    """Clamps every element of the gradients in place to [-clip_value, clip_value]."""
    grads = [p.grad for p in _listed(parameters) if p.grad is not None]
    if grads:
        (clamped,) = fused("nn.clip_grad_value", _run_clamp, (), (grads,), (float(clip_value),))
        for g, value in zip(grads, clamped):
            g._write(value)
