"""Window programs against windows taken one by one."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from torchlike.ops.lowering import pool
from torchlike.ops.lowering.windows import Windows

CASES = {
    "plain": ((6, 8), Windows((2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1), (3, 4))),
    "overlapping": ((7, 6), Windows((3, 3), (2, 1), ((1, 1), (1, 1)), (1, 1), (4, 6))),
    "gaps": ((9, 8), Windows((2, 1), (4, 3), ((0, -3), (0, -1)), (1, 1), (2, 3))),
    "dilated": ((9, 8), Windows((3, 2), (1, 2), ((1, 1), (2, 0)), (2, 3), (7, 4))),
}


def one_by_one(x, windows):
    """Values of every window, padding left out: lists indexed by position."""
    found = {}
    for at in itertools.product(*map(range, windows.out)):
        cells = []
        for tap in windows.taps():
            place = [
                o * s + t * d - lo
                for o, s, t, d, (lo, _) in zip(
                    at, windows.stride, tap, windows.dilation, windows.padding, strict=True
                )
            ]
            if all(0 <= p < n for p, n in zip(place, x.shape, strict=True)):
                cells.append((x[tuple(place)], np.ravel_multi_index(place, x.shape)))
        found[at] = cells
    return found


@pytest.fixture(autouse=True)
def wide():
    """64-bit types, under which rows are traced."""
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("joint", [100, 0], ids=["joint", "axis_by_axis"])
@pytest.mark.parametrize("unrolled", [100, 0], ids=["slices", "gathered"])
def test_maxima_and_sums(name, joint, unrolled, monkeypatch):
    monkeypatch.setattr(pool, "JOINT", joint)
    monkeypatch.setattr(pool, "UNROLLED", unrolled)
    space, windows = CASES[name]
    x = np.random.randint(0, 5, space).astype(np.float32)
    best, where = pool.maxima(jnp.asarray(x)[None], windows)
    total = pool.sums(jnp.asarray(x)[None], windows)
    for at, cells in one_by_one(x, windows).items():
        assert float(best[0][at]) == max(v for v, _ in cells)
        assert int(where[0][at]) == max(cells, key=lambda c: (c[0], -c[1]))[1]
        assert float(total[0][at]) == sum(v for v, _ in cells)


@pytest.mark.parametrize("name", CASES)
def test_spreading_is_the_transpose(name):
    space, windows = CASES[name]
    x = jnp.asarray(np.random.randn(2, *space))
    g = jnp.asarray(np.random.randn(2, *windows.out))
    for f in (lambda x: pool.maxima(x, windows)[0], lambda x: pool.sums(x, windows)):
        y, pull = jax.vjp(f, x)
        push = jax.jvp(f, (x,), (x,))[1]
        np.testing.assert_allclose(push, y, rtol=1e-12)  # both are linear where no winner changes
        np.testing.assert_allclose((pull(g)[0] * x).sum(), (g * y).sum(), rtol=1e-12)


def test_vmap_folds_into_the_leading_axes():
    space, windows = CASES["overlapping"]
    x = jnp.asarray(np.random.randn(3, 2, *space))
    f = jax.grad(lambda x: (pool.maxima(x, windows)[0] ** 2).sum())
    np.testing.assert_array_equal(jax.vmap(f)(x), jnp.stack([f(a) for a in x]))
