"""The convolution programs, forced one by one, against XLA's own convolution."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from torchlike.ops.lowering import conv as programs
from torchlike.ops.lowering import conv_products
from torchlike.ops.lowering.conv import Geometry, conv, conv_grad_input, conv_grad_weight

CASES = {
    "plain": ((3, 2, 7, 8), (4, 2, 3, 3), Geometry((1, 1), ((0, 0), (0, 0)), (1, 1), 1)),
    "padded": ((3, 2, 7, 8), (4, 2, 3, 2), Geometry((1, 1), ((1, 2), (2, 0)), (1, 1), 1)),
    "strided": ((3, 2, 9, 8), (4, 2, 3, 3), Geometry((2, 3), ((1, 1), (0, 2)), (1, 1), 1)),
    "dilated": ((3, 2, 9, 9), (4, 2, 3, 2), Geometry((2, 1), ((2, 1), (1, 1)), (2, 3), 1)),
    "cropped": ((3, 2, 9, 9), (4, 2, 3, 3), Geometry((2, 1), ((1, -1), (0, -2)), (1, 1), 1)),
    "groups": ((2, 6, 7, 7), (4, 3, 3, 3), Geometry((1, 2), ((1, 1), (1, 1)), (1, 1), 2)),
    "depthwise": ((2, 3, 7, 7), (6, 1, 3, 3), Geometry((2, 1), ((1, 1), (0, 1)), (1, 2), 3)),
    "line": ((2, 3, 11), (4, 3, 4), Geometry((3,), ((2, 1),), (1,), 1)),
    "volume": ((2, 2, 5, 6, 5), (3, 2, 2, 3, 2), Geometry((1, 2, 1), ((1, 0),) * 3, (1, 1, 2), 1)),
}


@pytest.fixture(autouse=True)
def wide():
    """64-bit types, under which rows are traced."""
    with jax.enable_x64(True):
        yield


def data(*shape):
    return jnp.asarray(np.random.randn(*shape))


@pytest.fixture(params=[None, True, False], ids=["chosen", "rows", "columns"])
def rows(request, monkeypatch):
    if request.param is not None:
        monkeypatch.setattr(conv_products, "_rows_win", lambda *args: request.param)
    return request.param


@pytest.fixture(params=[True, False], ids=["spread", "full"])
def spread(request, monkeypatch):
    monkeypatch.setattr(conv_products, "_spread_wins", lambda *args: request.param)


@pytest.mark.parametrize("name", CASES)
def test_programs_agree_with_xla(name, rows, spread):
    shape, kernel, geometry = CASES[name]
    if rows and len(kernel) < 4:
        pytest.skip("the rows program needs two axes")
    x, w = data(*shape), data(*kernel)
    out = geometry.out_space(shape[2:], kernel[2:])
    g = data(shape[0], kernel[0], *out)
    pairs = (
        (programs._conv_cpu, programs._native, (x, w), {}),
        (programs._grad_input_cpu, programs._native_grad_input, (g, w), {"space": shape[2:]}),
        (programs._grad_weight_cpu, programs._native_grad_weight, (g, x), {"kernel": kernel[2:]}),
    )
    for ours, xla, operands, params in pairs:
        got = jax.jit(functools.partial(ours, geometry=geometry, **params))(*operands)
        want = jax.jit(functools.partial(xla, geometry=geometry, **params))(*operands)
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", CASES)
def test_forward_mode_vmap_and_second_derivatives(name):
    shape, kernel, geometry = CASES[name]
    x, w = data(3, *shape), data(*kernel)
    dx = data(*shape)
    f = functools.partial(conv, geometry=geometry)
    native = functools.partial(programs._native, geometry=geometry)

    def everything(f, x, w, dx):
        tangent = jax.jvp(lambda x: f(x, w), (x[0],), (dx,))[1]
        both = jax.vmap(f, (0, None))(x, w), jax.vmap(f)(x, jnp.stack([w, 2 * w, -w]))
        inner = lambda x, w: (jax.grad(lambda x, w: (f(x, w) ** 2).sum(), (0, 1))(x, w)[1] ** 2).sum()  # noqa: E731
        return tangent, both, jax.grad(inner, (0, 1))(x[0], w)

    got = jax.jit(functools.partial(everything, f))(x, w, dx)
    want = jax.jit(functools.partial(everything, native))(x, w, dx)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9 * float(jnp.abs(b).max()))


def test_large_patches_leave_the_work_to_xla(monkeypatch):
    shape, kernel, geometry = CASES["plain"]
    x = jax.ShapeDtypeStruct(shape, np.float32)
    w = jax.ShapeDtypeStruct(kernel, np.float32)
    assert programs._kind(x, w, geometry) == "product"
    monkeypatch.setattr(programs, "PATCH_BYTES", 16)
    assert programs._kind(x, w, geometry) == "native"


def test_each_operation_is_the_others_transpose():
    shape, kernel, geometry = CASES["strided"]
    x, w = data(*shape), data(*kernel)
    y = conv(x, w, geometry=geometry)
    g = data(*y.shape)
    products = [
        (y * g).sum(),
        (conv_grad_input(g, w, geometry=geometry, space=shape[2:]) * x).sum(),
        (conv_grad_weight(g, x, geometry=geometry, kernel=kernel[2:]) * w).sum(),
    ]
    np.testing.assert_allclose(products, products[0], rtol=1e-12)
