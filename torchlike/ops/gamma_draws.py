"""Gamma, Dirichlet and binomial tensors: PyTorch's streams, with gradients of the samples by their parameters.

A sample x of a distribution function F(x; a) moves with its parameter by dx/da = -(dF/da) / (dF/dx)
(Figurnov, Mohamed and Mnih, 2018).
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.special as jsp
import numpy as np
from jax import lax

from .._core import dtypes
from .._core.autograd import no_derivative, refuse_gradients
from .._core.modes import local
from .._core.registry import Array, function, op
from .._core.tensor import Tensor
from .factory import from_host
from .random import _how, source
from .validate import broadcast, not_implemented, scalar_name


def _check(title: str, t: Tensor) -> None:
    if t.dtype not in (dtypes.float32, dtypes.float64):
        raise not_implemented(title, t.dtype)


# ---- how samples move with their parameters ----------------------------------------------


def _gamma_slope(alpha: Any, x: Any) -> Any:
    return lax.random_gamma_grad(alpha, x)  # type: ignore[call-arg]


_STEPS = ((-2.0, 1 / 12), (-1.0, -8 / 12), (1.0, 8 / 12), (2.0, -1 / 12))  # a fourth-order difference


def _beta_slope(x: Any, alpha: Any, beta: Any) -> Any:
    """d x / d alpha of a beta sample: differences of the logarithm of the smaller tail, in float64."""
    x, a, b = (v.astype(jnp.float64) for v in (x, alpha, beta))
    lower = x * (a + b) < a
    width = 2e-3 * jnp.minimum(a, jnp.sqrt(a))
    tiny = jnp.finfo(jnp.float64).tiny

    def log_tail(at: Any) -> Any:
        p = jnp.where(lower, at, b)
        q = jnp.where(lower, b, at)
        return jnp.log(jnp.maximum(jsp.betainc(p, q, jnp.where(lower, x, 1 - x)), tiny))

    slope = sum(weight * log_tail(a + step * width) for step, weight in _STEPS) / width
    tail = log_tail(a)
    log_density = jsp.xlogy(a - 1, x) + jsp.xlog1py(b - 1, -x) - jsp.betaln(a, b)
    return jnp.where(lower, -1, 1) * slope * jnp.exp(tail - log_density)


def _dirichlet_slope(x: Any, alpha: Any, total: Any) -> Any:
    inside = jnp.clip(x.astype(jnp.float64), 1e-300, 1 - 2.0**-53)
    return (_beta_slope(inside, alpha, total - alpha) / (1 - inside)).astype(x.dtype)


@op(name="_standard_gamma_grad", spaces=("torch",), differentiable=False)
def _standard_gamma_grad(self: Array, output: Array):
    """The derivatives of gamma samples `output` by their shape parameters `self`."""
    return _gamma_slope(self, output)


@op(name="_dirichlet_grad", spaces=("torch",), differentiable=False)
def _dirichlet_grad(x: Array, alpha: Array, total: Array):
    """For beta samples `x` of parameters (alpha, total - alpha): their derivatives by `alpha`, over 1 - x."""
    return _dirichlet_slope(x, alpha, total)


@jax.custom_jvp
def _drawn_gamma(alpha: Any, drawn: Any) -> Any:
    return drawn


@_drawn_gamma.defjvp
def _drawn_gamma_jvp(primals: Any, tangents: Any) -> Any:
    alpha, drawn = primals
    return drawn, tangents[0] * lax.stop_gradient(_gamma_slope(alpha, drawn))


@jax.custom_jvp
def _drawn_dirichlet(alpha: Any, drawn: Any) -> Any:
    return drawn


@_drawn_dirichlet.defjvp
def _drawn_dirichlet_jvp(primals: Any, tangents: Any) -> Any:
    alpha, x = primals
    total = jnp.broadcast_to(alpha.sum(-1, keepdims=True), alpha.shape)
    moved = tangents[0] * lax.stop_gradient(_dirichlet_slope(x, alpha, total))
    return x, moved - x * moved.sum(-1, keepdims=True)


@op(name="_standard_gamma", spaces=(), grad_name="StandardGammaBackward0")
def _keep_gamma(self: Array, drawn: Array):
    return _drawn_gamma(self, drawn)


@op(name="_sample_dirichlet", spaces=(), grad_name="SampleDirichletBackward0")
def _keep_dirichlet(self: Array, drawn: Array):
    return _drawn_dirichlet(self, drawn)


# ---- the draws ---------------------------------------------------------------------------


def _taped(row: Any, parameter: Tensor, made: Tensor) -> Tensor:
    return row(parameter, made) if local.ctx.grad and parameter.requires_grad else made


@function(spaces=("torch",))
def _standard_gamma(input: Tensor, generator: Any = None) -> Tensor:
    """Gamma numbers of rate 1 whose shape parameters are `input`, float32 or float64."""
    how = _how("_standard_gamma", input, generator)
    _check("gamma_cpu", input)
    shapes = input._host()
    drawn = source("_standard_gamma", generator, how.device).gamma(shapes).astype(shapes.dtype)
    made = how.finish(from_host(np.maximum(drawn, np.finfo(drawn.dtype).tiny), how.device))
    return _taped(_keep_gamma, input, made)


@function(spaces=("torch",))
def _sample_dirichlet(input: Tensor, generator: Any = None) -> Tensor:
    """Points of the simplex, one for each row of concentrations in `input`, float32 or float64."""
    how = _how("_sample_dirichlet", input, generator)
    _check("dirichlet", input)
    parts = input._host()
    gammas = source("_sample_dirichlet", generator, how.device).gamma(parts.astype(np.float64))
    shares = (gammas / gammas.sum(-1, keepdims=True)).astype(parts.dtype)
    least, most = np.finfo(parts.dtype).tiny, np.nextafter(parts.dtype.type(1), parts.dtype.type(0))
    made = how.finish(from_host(np.clip(shares, least, most), how.device))
    return _taped(_keep_dirichlet, input, made)


@function(spaces=("torch",))
def binomial(count: Tensor, prob: Tensor, generator: Any = None) -> Tensor:
    """Successes among `count` trials of probability `prob`, which broadcast; no gradient passes.

    Raises:
        ValueError: `count` is not floating.
        RuntimeError: the dtypes differ.
    """
    how = _how("binomial", count, generator)
    if not count.dtype.is_floating_point:
        raise ValueError(
            f"binomial only supports floating-point dtypes for count, got: {scalar_name(count.dtype)}"
        )
    if prob.dtype is not count.dtype:
        raise RuntimeError(f"Found dtype {scalar_name(prob.dtype)} but expected {scalar_name(count.dtype)}")
    _check("binomial_cpu", count)
    shape = broadcast(tuple(count.shape), tuple(prob.shape))
    n, p = (np.broadcast_to(t._host(), shape) for t in (count, prob))
    made = how.finish(from_host(source("binomial", generator, how.device).binomial(n, p), how.device))
    refuse_gradients([made], [count, prob], "NotImplemented", no_derivative("binomial"))
    return made
