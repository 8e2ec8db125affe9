"""Connectionist temporal classification (Graves et al., ICML 2006)."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from .._core.checks import guard
from .._core.registry import Array, function, op
from .._core.tensor import Tensor, from_numpy_copy
from .reduce_loss import check_reduction
from .validate import not_implemented

_NEVER = -1e30  # log of a probability that is 0, finite so that differences of two stay numbers
_WHERE = "(while checking arguments for ctc_loss_allocate_outputs)"


def _extended(targets: Any, blank: int) -> Any:
    """Labels with blanks around them, `(N, 2 S + 1)`."""
    n, s = targets.shape
    out = jnp.full((n, 2 * s + 1), blank, targets.dtype)
    return out.at[:, 1::2].set(targets)


def _log_likelihood(log_probs: Any, labels: Any, steps: Any, counts: Any, blank: int) -> Any:
    """log p(labels | log_probs), `(N,)`, by the forward recursion over `(T, N, C)`."""
    n, width = labels.shape
    emitted = jnp.take_along_axis(log_probs, labels[None], 2, mode="clip")  # (T, N, 2 S + 1)
    two_back = jnp.pad(labels, ((0, 0), (2, 0)), constant_values=blank)[:, :width]
    skips = (labels != blank) & (labels != two_back)
    skips = skips & (jnp.arange(width) >= 2)
    start = jnp.where(jnp.arange(width) < jnp.where(counts > 0, 2, 1)[:, None], emitted[0], _NEVER)

    def step(alpha: Any, inputs: Any) -> Any:
        time, emission = inputs
        back1 = jnp.pad(alpha, ((0, 0), (1, 0)), constant_values=_NEVER)[:, :width]
        back2 = jnp.pad(alpha, ((0, 0), (2, 0)), constant_values=_NEVER)[:, :width]
        reached = jnp.logaddexp(jnp.logaddexp(alpha, back1), jnp.where(skips, back2, _NEVER))
        moved = jnp.maximum(reached + emission, _NEVER)
        return jnp.where((time < steps)[:, None], moved, alpha), None

    alpha, _ = lax.scan(step, start, (jnp.arange(1, log_probs.shape[0]), emitted[1:]))
    last = jnp.take_along_axis(alpha, 2 * counts[:, None], 1, mode="clip")[:, 0]
    before = jnp.take_along_axis(alpha, jnp.maximum(2 * counts - 1, 0)[:, None], 1, mode="clip")[:, 0]
    total = jnp.where(counts > 0, jnp.logaddexp(last, before), last)
    return jnp.where(steps > 0, total, jnp.where(counts == 0, 0, _NEVER))


def _check(
    log_probs: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int,
    reduction: str,
    **_: Any,
) -> None:
    check_reduction(reduction)
    batch = log_probs.shape[1] if log_probs.ndim == 3 else 1
    for lengths, name in ((input_lengths, "input_lengths"), (target_lengths, "target_lengths")):
        if lengths.dtype.category >= 2:
            raise RuntimeError(f"{name} must be integral")
        if (lengths.shape[0] if lengths.ndim else 1) != batch:
            raise RuntimeError(f"{name} must be of size batch_size")
    if not 0 <= blank < log_probs.shape[-1]:
        raise RuntimeError("blank must be in label range")
    if log_probs.dtype.name not in ("float32", "float64"):
        raise not_implemented("ctc_loss_cpu", log_probs.dtype)
    if targets.ndim == 2 and targets.shape[0] != batch:
        raise RuntimeError(
            f"Expected tensor to have size {batch} at dimension 0, but got size {targets.shape[0]} for "
            "argument #2 "
            f"'targets' {_WHERE}"
        )


@op(name="ctc_loss", spaces=(), residual=True, saves=("log_probs!", "targets!"), check=_check)
def _ctc(
    log_probs: Array, targets: Array, input_lengths: Array, target_lengths: Array, longest: int, blank: int,
    reduction: str, zero_infinity: bool,
):  # fmt: skip
    batched = log_probs.ndim == 3
    x = log_probs if batched else log_probs[:, None]
    steps, counts = input_lengths.reshape(-1).astype(jnp.int64), target_lengths.reshape(-1).astype(jnp.int64)
    guard(
        (steps > x.shape[0]).any(), RuntimeError,
        f"Expected input_lengths to have value at most {x.shape[0]}, but got value {{}} {_WHERE}",
        steps.max(),
    )  # fmt: skip
    labels = targets.astype(jnp.int64)
    if targets.ndim == 1 and (batched or longest != targets.shape[0]):
        starts = jnp.cumsum(counts) - counts  # one list, sample after sample
        labels = jnp.take(labels, starts[:, None] + jnp.arange(longest), mode="clip")
    labels = _extended(jnp.atleast_2d(labels)[:, :longest], blank)
    loss = -_log_likelihood(x, labels, steps, counts, blank)
    hopeless = loss > -_NEVER / 2
    loss = jnp.where(hopeless, 0, loss)
    # PyTorch's gradient is that with respect to the scores before log_softmax: add the softmax, with value 0.
    alive = (jnp.arange(x.shape[0])[:, None] < steps) & ~hopeless  # (T, N)
    mass = jnp.where(alive[..., None], jnp.exp(x), 0).sum((0, 2))
    loss = loss + (mass - lax.stop_gradient(mass))
    if not zero_infinity:
        loss = jnp.where(hopeless, jnp.inf, loss)
    if reduction == "mean":
        return (loss / jnp.maximum(counts, 1).astype(loss.dtype)).mean()
    return loss.sum() if reduction == "sum" else loss if batched else loss[0]


def _lengths(value: Any) -> Any:
    return value if isinstance(value, Tensor) else from_numpy_copy(np.asarray(value, np.int64))


@function(spaces=("nn.functional",))
def ctc_loss(
    log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Any:  # fmt: skip
    """Negative log likelihood of label sequences under per-step distributions, over all alignments.

    Args:
        log_probs: `(T, N, C)` or `(T, C)` logarithms of probabilities.
        targets: `(N, S)` labels, or all samples' labels one after the other.
        input_lengths, target_lengths: `(N,)` tensors or tuples; the latter is read on the host.
        reduction: `mean` divides each loss by its target's length first.
        zero_infinity: losses of impossible alignments, and their gradients, become 0.
    """
    input_lengths, target_lengths = _lengths(input_lengths), _lengths(target_lengths)
    counts = [int(n) for n in np.ravel(target_lengths.detach().cpu().numpy())]
    longest = max(counts, default=0)
    if targets.dim() == 2 and longest > targets.shape[1]:
        raise RuntimeError(
            f"Expected tensor to have size at least {longest} at dimension 1, but got size "
            f"{targets.shape[1]} for "
            f"argument #2 'targets' {_WHERE}"
        )
    if targets.dim() == 1 and log_probs.dim() == 3 and sum(counts) != targets.shape[0]:
        raise RuntimeError(
            f"Expected tensor to have size {sum(counts)} at dimension 0, but got size {targets.shape[0]} for "
            "argument "
            f"#2 'targets' {_WHERE}"
        )
    return _ctc(
        log_probs, targets, input_lengths, target_lengths, longest, int(blank), reduction, bool(zero_infinity)
    )
