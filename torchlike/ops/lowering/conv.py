"""Convolution: three operations, each the transpose of the others, and the choice of their programs.

`conv(x, w)`, `conv_grad_input(g, w)` and `conv_grad_weight(g, x)` are bilinear, and the derivative of any one
of them is made of the other two; so first, second and higher derivatives all run chosen programs.
`conv_grad_input` is the transposed convolution too. Accelerators run XLA's convolution. CPUs, on which that
uses about one core, run the programs of `conv_products`, and XLA's only for very large kernels or patches.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from . import conv_products
from .conv_products import Geometry
from .linear import linear_op

Program = Callable[..., Any]

# ---- programs for every platform: XLA's convolution ------------------------------------------------


def _dimensions(rank: int) -> tuple[str, str, str]:
    space = "DHW"[3 - rank :]
    return "NC" + space, "OI" + space, "NC" + space


def _native(x: Any, w: Any, *, geometry: Geometry) -> Any:
    stride, padding, dilation, groups = geometry
    return lax.conv_general_dilated(
        x, w, stride, padding, rhs_dilation=dilation, feature_group_count=groups,
        dimension_numbers=_dimensions(x.ndim - 2),
    )  # fmt: skip


def _native_grad_input(g: Any, w: Any, *, geometry: Geometry, space: tuple[int, ...]) -> Any:
    x = jax.ShapeDtypeStruct((g.shape[0], w.shape[1] * geometry.groups, *space), g.dtype)
    return jax.linear_transpose(lambda x: _native(x, w, geometry=geometry), x)(g)[0]


def _native_grad_weight(g: Any, x: Any, *, geometry: Geometry, kernel: tuple[int, ...]) -> Any:
    w = jax.ShapeDtypeStruct((g.shape[1], x.shape[1] // geometry.groups, *kernel), g.dtype)
    return jax.linear_transpose(lambda w: _native(x, w, geometry=geometry), w)(g)[0]


# ---- the choice on CPUs ------------------------------------------------------------------

UNROLLED = 128  # kernel elements written out; beyond, programs grow and XLA's own convolution takes over
PATCH_BYTES = 1 << 30  # patches larger than this are not worth their memory
HELD_BYTES = 1 << 25  # patches larger than this are built again for the backward, not kept


def _inner(x: Any) -> Any:
    return x.swapaxes(0, 1)


def _patch_bytes(x: Any, w: Any, geometry: Geometry) -> int:
    _, inner, *kernel = w.shape
    out = geometry.out_space(x.shape[2:], kernel)
    rows = kernel if len(kernel) < 2 else kernel[1:]
    return x.dtype.itemsize * x.shape[0] * inner * geometry.groups * math.prod(rows) * math.prod(out)


def _kind(x: Any, w: Any, geometry: Geometry) -> str:
    """Which family of programs a convolution of these shapes takes: depthwise, product or native."""
    taps = math.prod(w.shape[2:])
    if w.shape[1] == 1 and geometry.groups > 1:
        return "depthwise" if taps <= UNROLLED else "native"
    small = sum(w.shape[2:]) <= UNROLLED and _patch_bytes(x, w, geometry) <= PATCH_BYTES
    return "product" if small else "native"


def _widened(program: Program) -> Program:
    """Computes 16-bit operands in float32: XLA has no fast 16-bit sums on CPUs, and PyTorch rounds once."""

    @functools.wraps(program)
    def run(a: Any, b: Any, **params: Any) -> Any:
        if a.dtype not in (jnp.float16, jnp.bfloat16):
            return program(a, b, **params)
        return program(a.astype(jnp.float32), b.astype(jnp.float32), **params).astype(a.dtype)

    return run


def _grouped(inner: Program, groups: int, a: Any, b: Any) -> Any:
    """Maps a program over the groups, which split the leading axis of both operands and of the result."""
    if groups == 1:
        return inner(a, b)
    y = jax.vmap(inner)(*(t.reshape(groups, t.shape[0] // groups, *t.shape[1:]) for t in (a, b)))
    return y.reshape(y.shape[0] * y.shape[1], *y.shape[2:])


@_widened
def _conv_cpu(x: Any, w: Any, *, geometry: Geometry) -> Any:
    kind = _kind(x, w, geometry)
    if kind != "product":
        return (conv_products.depthwise if kind == "depthwise" else _native)(x, w, geometry=geometry)
    inner = functools.partial(conv_products.forward, geometry=geometry)
    return _inner(_grouped(inner, geometry.groups, _inner(x), w))


@_widened
def _grad_input_cpu(g: Any, w: Any, *, geometry: Geometry, space: tuple[int, ...]) -> Any:
    x = jax.ShapeDtypeStruct((g.shape[0], w.shape[1] * geometry.groups, *space), g.dtype)
    kind = _kind(x, w, geometry)
    if kind != "product":
        program = conv_products.depthwise_grad_input if kind == "depthwise" else _native_grad_input
        return program(g, w, geometry=geometry, space=space)
    inner = functools.partial(conv_products.grad_input, geometry=geometry, space=space)
    return _inner(_grouped(inner, geometry.groups, _inner(g), w))


@_widened
def _grad_weight_cpu(g: Any, x: Any, *, geometry: Geometry, kernel: tuple[int, ...]) -> Any:
    w = jax.ShapeDtypeStruct((g.shape[1], x.shape[1] // geometry.groups, *kernel), g.dtype)
    kind = _kind(x, w, geometry)
    if kind != "product":
        program = conv_products.depthwise_grad_weight if kind == "depthwise" else _native_grad_weight
        return program(g, x, geometry=geometry, kernel=kernel)
    if _patch_bytes(x, w, geometry) > HELD_BYTES:
        g, x = lax.optimization_barrier((g, x))
    inner = functools.partial(conv_products.grad_weight, geometry=geometry, kernel=kernel)
    return _grouped(inner, geometry.groups, _inner(g), _inner(x))


# ---- the operations -------------------------------------------------------------------------------------


conv = linear_op(
    "conv",
    shape=lambda x, w, geometry: (x.shape[0], w.shape[0], *geometry.out_space(x.shape[2:], w.shape[2:])),
    transposes=(
        lambda ct, x, w, geometry: conv_grad_input(ct, w, geometry=geometry, space=_aval(x).shape[2:]),
        lambda ct, x, w, geometry: conv_grad_weight(ct, x, geometry=geometry, kernel=_aval(w).shape[2:]),
    ),
    default=_native,
    cpu=_conv_cpu,
)
conv_grad_input = linear_op(
    "conv_grad_input",
    shape=lambda g, w, geometry, space: (g.shape[0], w.shape[1] * geometry.groups, *space),
    transposes=(
        lambda ct, g, w, geometry, space: conv(ct, w, geometry=geometry),
        lambda ct, g, w, geometry, space: conv_grad_weight(
            g, ct, geometry=geometry, kernel=_aval(w).shape[2:]
        ),
    ),
    default=_native_grad_input,
    cpu=_grad_input_cpu,
)
conv_grad_weight = linear_op(
    "conv_grad_weight",
    shape=lambda g, x, geometry, kernel: (g.shape[1], x.shape[1] // geometry.groups, *kernel),
    transposes=(
        lambda ct, g, x, geometry, kernel: conv(x, ct, geometry=geometry),
        lambda ct, g, x, geometry, kernel: conv_grad_input(
            g, ct, geometry=geometry, space=_aval(x).shape[2:]
        ),
    ),
    default=_native_grad_weight,
    cpu=_grad_weight_cpu,
)


def _aval(x: Any) -> Any:
    return x.aval if hasattr(x, "aval") else x
