"""Activation functions: `torch.relu`, `torch.nn.functional.gelu`, softmax and their relatives.

Derivatives at a kink are PyTorch's (0 for relu and hardtanh at the bound, the
slope of the left side for leaky_relu and elu): the comparisons below decide
them, and they also let NaN through.
"""

from __future__ import annotations

import inspect
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core.orders import as_operands
from .._core.random import default_generator, parity_is_exact
from .._core.registry import DEFAULT, INT_TO_FLOAT, Array, Key, Scalar, function, op
from .._core.tensor import from_numpy_copy
from .lowering.norms import magnitude
from .validate import floating, kernel, not_bool_difference, not_implemented, scalar_name, wrap_dim
from .variants import inplace_twin

FUNCTIONAL = ("nn.functional",)
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def _check_relu(input: Any, **_: Any) -> None:
    if input.dtype.name == "bool":
        raise RuntimeError("Boolean inputs not supported for relu")
    if input.dtype.is_complex:
        raise NotImplementedError("clamp is not supported for complex types")


@op(
    saves=("result",),
    out=False,
    inplace=True,
    inplace_spaces=("torch", *FUNCTIONAL),
    check=_check_relu,
    layout=as_operands,
)
def relu(input: Array):
    """`max(0, input)` element by element; the derivative at 0 is 0."""
    return jnp.where(input <= 0, jnp.zeros((), input.dtype), input)


def _check_hardtanh(input: Any, min_val: Any = -1.0, **_: Any) -> None:
    if input.dtype.name == "bool":
        raise RuntimeError("Bool inputs not supported for hardtanh")
    if input.dtype.is_complex:
        raise NotImplementedError("clamp is not supported for complex types")


def _bounded(x: Any, low: Any, high: Any) -> Any:
    """`x` held between two constants; the derivative is 0 on and outside them."""
    low, high = jnp.asarray(low, x.dtype), jnp.asarray(high, x.dtype)
    return jnp.where(x <= low, low, jnp.where(x >= high, high, x))


@inplace_twin("nn.functional.hardtanh_")
@op(promote=DEFAULT, spaces=(), saves=("input!",), check=_check_hardtanh)
def hardtanh(input: Array, min_val: Scalar = -1.0, max_val: Scalar = 1.0):
    """`input` where `min_val < input < max_val`, else the nearer bound."""
    return _bounded(input, min_val, max_val)


@inplace_twin()
@op(promote=DEFAULT, spaces=(), saves=("input!",), check=_check_hardtanh)
def relu6(input: Array):
    """`min(max(0, input), 6)`."""
    return _bounded(input, 0, 6)


@inplace_twin("nn.functional.leaky_relu_")
@op(spaces=(), saves=("input!",), check=floating("leaky_relu_cpu"), layout=as_operands)
def leaky_relu(input: Array, negative_slope: Scalar = 0.01):
    """`input` where positive, else `negative_slope * input`."""
    return jnp.where(input > 0, input, input * negative_slope)


def _elu(x: Any, alpha: Any, scale: Any = 1.0, inner: Any = 1.0) -> Any:
    above = ~(x <= 0)  # nan, too: the gradient there is that of the line
    below = jnp.where(above, jnp.zeros((), x.dtype), x)  # keeps exp finite where the other side is taken
    return jnp.where(above, scale * x, scale * alpha * jnp.expm1(below * inner))


@inplace_twin("nn.functional.elu_")
@op(spaces=(), saves=("input!",), check=floating("elu_cpu"))
def elu(input: Array, alpha: Scalar = 1.0):
    """`input` where positive, else `alpha * (exp(input) - 1)` (arXiv:1511.07289)."""
    return _elu(input, alpha)


@inplace_twin("selu_", "nn.functional.selu_")
@op(spaces=("torch",), saves=("input!",), check=floating("elu_cpu"))
def selu(input: Array):
    """The self-normalising elu, `scale * elu(input, alpha)` with fixed constants (arXiv:1706.02515)."""
    return _elu(input, _SELU_ALPHA, _SELU_SCALE)


@inplace_twin("celu_", "nn.functional.celu_")
@op(spaces=("torch",), saves=("input!",), check=floating("elu_cpu"))
def celu(input: Array, alpha: Scalar = 1.0):
    """`max(0, x) + min(0, alpha * (exp(x / alpha) - 1))` (arXiv:1704.07483)."""
    return _elu(input, alpha, inner=1.0 / alpha)


def _check_gelu(input: Any, approximate: str = "none", **_: Any) -> None:
    if approximate not in ("none", "tanh"):
        raise RuntimeError("approximate argument must be either none or tanh.")
    floating("GeluKernelImpl")(input=input)


@op(spaces=FUNCTIONAL, saves=("input!",), check=_check_gelu, layout=as_operands)
def gelu(input: Array, approximate: str = "none"):
    """`input * Phi(input)`, exactly or by the tanh formula (arXiv:1606.08415).

    Args:
        approximate: `"none"` (erf) or `"tanh"`.
    """
    return jax.nn.gelu(input, approximate=approximate == "tanh")


@inplace_twin()
@op(spaces=(), saves=("input!",), check=floating("silu_cpu", complex_too=True))
def silu(input: Array):
    """`input * sigmoid(input)` (also called swish)."""
    if jnp.iscomplexobj(input):
        return input / (1 + jnp.exp(-input))
    return input * jax.nn.sigmoid(input)


@inplace_twin()
@op(spaces=(), saves=("input!",), check=floating("mish_cpu"))
def mish(input: Array):
    """`input * tanh(softplus(input))` (arXiv:1908.08681)."""
    return input * jnp.tanh(jax.nn.softplus(input))


@op(spaces=FUNCTIONAL, saves=("input!",), check=floating("softplus_cpu"))
def softplus(input: Array, beta: Scalar = 1.0, threshold: Scalar = 20.0):
    """`log(1 + exp(beta * input)) / beta`; `input` itself where `beta * input > threshold`."""
    scaled = input * beta
    linear = scaled > threshold
    return jnp.where(linear, input, jnp.log1p(jnp.exp(jnp.where(linear, 0, scaled))) / beta)


@op(promote=INT_TO_FLOAT, spaces=FUNCTIONAL, saves=("input!",), check=kernel("abs_cpu", "ihfc"))
def softsign(input: Array):
    """`input / (1 + |input|)`."""
    return input / (magnitude(input) + 1)


@op(
    promote=INT_TO_FLOAT,
    spaces=FUNCTIONAL,
    saves=(),
    check=lambda input: not_bool_difference(input, float),
)
def tanhshrink(input: Array):
    """`input - tanh(input)`."""
    return input - jnp.tanh(input)


@op(spaces=(), saves=("input!",), check=floating("softshrink_check"), layout=as_operands)
def _softshrink(input: Array, lambd: Scalar = 0.5):
    return jnp.where(magnitude(input) <= lambd, jnp.zeros((), input.dtype), input - jnp.sign(input) * lambd)


@function(spaces=FUNCTIONAL)
def softshrink(input: Any, lambd: float = 0.5) -> Any:
    """`input` moved towards 0 by `lambd`, and 0 where `|input| <= lambd`."""
    if lambd < 0:
        raise RuntimeError(
            f"lambda must be in range [0, 3.40282e+38] for input dtype {scalar_name(input.dtype)}, but found "
            f"{lambd:g}"
        )
    return _softshrink(input, lambd)


@op(
    spaces=("torch", "Tensor", *FUNCTIONAL),
    saves=("input!",),
    out=True,
    check=floating("hardshrink_cpu"),
    layout=as_operands,
)
def hardshrink(input: Array, lambd: Scalar = 0.5):
    """`input`, with 0 where `-lambd <= input <= lambd`."""
    return jnp.where((input >= -lambd) & (input <= lambd), jnp.zeros((), input.dtype), input)


@inplace_twin()
@op(spaces=(), saves=("input!",), check=floating("hardsigmoid_cpu"))
def hardsigmoid(input: Array):
    """`clamp(input / 6 + 1 / 2, 0, 1)`."""
    return jnp.where(input <= -3, 0, jnp.where(input >= 3, 1, input / 6 + 0.5)).astype(input.dtype)


@inplace_twin()
@op(spaces=(), saves=("input!",), check=floating("hardswish_cpu"), layout=as_operands)
def hardswish(input: Array):
    """`input * clamp(input + 3, 0, 6) / 6` (arXiv:1905.02244)."""
    return jnp.where(input <= -3, 0, jnp.where(input >= 3, input, input * (input + 3) / 6)).astype(
        input.dtype
    )


@op(spaces=FUNCTIONAL, saves=("input!",), check=floating("log_sigmoid_cpu"))
def logsigmoid(input: Array):
    """`log(sigmoid(input))`, computed without overflow."""
    return jax.nn.log_sigmoid(input)


def _check_threshold(input: Any, **_: Any) -> None:
    if input.dtype.name == "bool" or input.dtype.is_complex:
        raise not_implemented("threshold_cpu", input.dtype)


@inplace_twin("threshold_", "nn.functional.threshold_")
@op(
    promote=DEFAULT, spaces=("torch",), saves=("input!",),
    check=_check_threshold,
)  # fmt: skip
def threshold(input: Array, threshold: Scalar, value: Scalar):
    """`input` where it exceeds `threshold`, else `value`."""
    return jnp.where(input <= threshold, jnp.asarray(value, input.dtype), input)


def _check_prelu(input: Any, weight: Any, **_: Any) -> None:
    if input.dtype is not weight.dtype:
        raise RuntimeError(
            f"prelu: Type promoting not supported. Got {scalar_name(input.dtype)} and "
            f"{scalar_name(weight.dtype)}"
        )
    if weight.ndim > 1:
        raise RuntimeError(
            f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}"
        )
    count = weight.shape[0] if weight.ndim else 1
    if count != 1:
        if input.ndim == 0:
            raise RuntimeError("Not allow zero-dim input tensor.")
        channels = input.shape[1] if input.ndim > 1 else 1
        if channels != count:
            raise RuntimeError(
                "Mismatch of parameter numbers and input channel size. "
                f"Found parameter numbers = {count} and channel size = {channels}."
            )
    floating("prelu_cpu")(input=input)


@op(
    spaces=("torch", "Tensor", *FUNCTIONAL),
    saves=("input!", "weight!"),
    check=_check_prelu,
    layout=as_operands,
)
def prelu(input: Array, weight: Array):
    """`input` where positive, else `weight * input`.

    Args:
        weight: one slope, or one per channel (dimension 1 of `input`).
    """
    if weight.size == 1:
        slope = weight.reshape((1,) * input.ndim)
    else:
        slope = weight.reshape((1, -1) + (1,) * (input.ndim - 2))
    return jnp.where(input > 0, input, input * slope)


@inplace_twin()
@op(spaces=(), residual=True, check=floating("rrelu_with_noise_out_cpu"))
def _rrelu_random(input: Array, lower: Scalar, upper: Scalar, *, key: Key):
    bits = jax.random.wrap_key_data(key, impl="threefry2x32")
    wide = jnp.promote_types(input.dtype, jnp.float32)
    slope = lower + (upper - lower) * jax.random.uniform(bits, input.shape, wide).astype(input.dtype)
    return jnp.where(input <= 0, input * slope, input)


def _rrelu(input: Any, lower: float, upper: float, training: bool, inplace: bool) -> Any:
    if lower > upper:
        raise RuntimeError("Lower bound should be less than or equal to the upper bound")
    if training and parity_is_exact() and input.device.type == "cpu":
        floating("rrelu_with_noise_out_cpu")(input=input)
        slopes = np.ones(tuple(input.shape))
        drawn = input._host() <= 0
        slopes[drawn] = default_generator.uniform((int(drawn.sum()),), np.float64, lower, upper)
        slope = from_numpy_copy(slopes).to(input.dtype)
        return input.mul_(slope) if inplace else input * slope
    if training:
        return (_rrelu_random.inplace if inplace else _rrelu_random)(input, lower, upper)
    return (leaky_relu.inplace if inplace else leaky_relu)(input, (lower + upper) / 2)


@function(spaces=FUNCTIONAL, name="rrelu")
def rrelu_functional(
    input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False
) -> Any:
    """leaky_relu whose slope is drawn from U(lower, upper) per element, or their mean outside training."""
    return _rrelu(input, lower, upper, training, inplace)


@function(spaces=("torch",))
def rrelu(input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False) -> Any:
    """`torch.nn.functional.rrelu` without the in-place flag."""
    return _rrelu(input, lower, upper, training, False)


@function(spaces=("torch", *FUNCTIONAL))
def rrelu_(input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False) -> Any:
    """`torch.nn.functional.rrelu`, written into `input`."""
    return _rrelu(input, lower, upper, training, True)


def _check_glu(input: Any, dim: int = -1, **_: Any) -> None:
    if input.ndim == 0:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    d = wrap_dim(dim, input.ndim)
    if input.shape[d] % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {d} is size {input.shape[d]}")
    floating("glu_cpu")(input=input)


@op(spaces=FUNCTIONAL, saves=("input!",), check=_check_glu)
def glu(input: Array, dim: int = -1):
    """`a * sigmoid(b)`, with `a` and `b` the halves of `input` along `dim` (arXiv:1612.08083)."""
    a, b = jnp.split(input, 2, axis=dim)
    return a * jax.nn.sigmoid(b)


def _functional(row: Any, name: str) -> Any:
    """Publishes `F.<name>(<the row's parameters>, inplace=False)`."""
    signature = inspect.signature(row.fn)
    count = len(signature.parameters)
    flag = inspect.Parameter("inplace", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=False)

    def call(*args: Any, inplace: bool = False, **kwargs: Any) -> Any:
        if len(args) > count:
            args, inplace = args[:-1], args[-1]
        return (row.inplace if inplace else row)(*args, **kwargs)

    call.__name__ = call.__qualname__ = name
    call.__module__ = "torchlike.nn.functional"
    call.__doc__ = (
        f"{row.fn.__doc__}\n\n    With `inplace` the result is written into `input`, which is returned."
    )
    call.__signature__ = signature.replace(parameters=[*signature.parameters.values(), flag])  # type: ignore[attr-defined]
    return function(spaces=FUNCTIONAL, name=name)(call)


relu_functional = _functional(relu, "relu")
relu6_functional = _functional(relu6, "relu6")
leaky_relu_functional = _functional(leaky_relu, "leaky_relu")
elu_functional = _functional(elu, "elu")
selu_functional = _functional(selu, "selu")
celu_functional = _functional(celu, "celu")
silu_functional = _functional(silu, "silu")
mish_functional = _functional(mish, "mish")
hardsigmoid_functional = _functional(hardsigmoid, "hardsigmoid")
hardswish_functional = _functional(hardswish, "hardswish")
threshold_functional = _functional(threshold, "threshold")


@function(spaces=FUNCTIONAL, name="hardtanh")
def hardtanh_functional(
    input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Any:
    """`input` where `min_val < input < max_val`, else the nearer bound."""
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    if input.dtype.name == "uint8" and (int(min_val) < 0 or int(max_val) < 0):
        raise RuntimeError("cannot do hardtanh on an unsigned type with negative limits")
    return (hardtanh.inplace if inplace else hardtanh)(input, min_val, max_val)
