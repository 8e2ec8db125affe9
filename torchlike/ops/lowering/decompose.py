"""Decompositions and solvers in plain JAX, with derivatives where JAX has none or other ones."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.lax import linalg as ll


def _t(x: Any) -> Any:
    return jnp.swapaxes(x, -1, -2)


def _h(x: Any) -> Any:
    return _t(x).conj()


def _complex(x: Any) -> bool:
    return jnp.issubdtype(x.dtype, jnp.complexfloating)


# ---- singular values ---------------------------------------------------------------------------


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def svd(x: Any, full: bool) -> tuple[Any, Any, Any]:
    """`(U, S, Vh)`; with `full` the square U and Vh, of which only the first columns have derivatives."""
    u, s, vh = ll.svd(x, full_matrices=full)
    return u, s, vh


@svd.defjvp
def _svd_jvp(full: bool, primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    u_all, s, vh_all = svd(x, full)
    k = s.shape[-1]
    u, v = u_all[..., :, :k], _h(vh_all[..., :k, :])
    m, n = x.shape[-2:]
    dp = _h(u) @ dx @ v  # (k, k)
    row, column = s[..., :, None], s[..., None, :]
    gap = column * column - row * row
    same = jnp.eye(k, dtype=bool)
    f = jnp.where(same, 0, 1 / jnp.where(same, 1, gap)).astype(s.dtype)
    du = u @ (f * (dp * column + row * _h(dp)))
    dv = v @ (f * (row * dp + _h(dp) * column))
    if _complex(x):
        turn = 1j * jnp.diagonal(dp, axis1=-2, axis2=-1).imag / (2 * s)
        du, dv = du + u * turn[..., None, :], dv - v * turn[..., None, :]
    if m > k:
        du = du + (dx @ v - u @ (_h(u) @ (dx @ v))) / column
    if n > k:
        back = _h(dx) @ u
        dv = dv + (back - v @ (_h(v) @ back)) / column
    ds = jnp.diagonal(dp, axis1=-2, axis2=-1).real
    dvh = _h(dv)
    pad = [(0, 0)] * (x.ndim - 2)
    du = jnp.pad(du, [*pad, (0, 0), (0, u_all.shape[-1] - k)])
    dvh = jnp.pad(dvh, [*pad, (0, vh_all.shape[-2] - k), (0, 0)])
    return (u_all, s, vh_all), (du.astype(x.dtype), ds, dvh.astype(x.dtype))


def singular_values(x: Any) -> Any:
    """Singular values, descending; derivative `diag(U^H dA V)`."""
    return _singular_values(x)


@jax.custom_jvp
def _singular_values(x: Any) -> Any:
    return ll.svd(x, compute_uv=False)


@_singular_values.defjvp
def _singular_values_jvp(primals: Any, tangents: Any) -> Any:
    u, s, vh = svd(primals[0], False)
    return s, jnp.einsum("...ik,...ij,...kj->...k", u.conj(), tangents[0], vh.conj()).real


@jax.custom_jvp
def _pinv_of(x: Any, p: Any) -> Any:
    """`p`, the pseudo-inverse of `x`, as a function of `x` at constant rank."""
    return p


@_pinv_of.defjvp
def _pinv_jvp(primals: Any, tangents: Any) -> Any:
    (x, p), (dx, _) = primals, tangents
    p = _pinv_of(x, p)
    ph, dxh = _h(p), _h(dx)
    left = p @ (ph @ (dxh - (dxh @ x) @ p))
    right = (dxh - p @ (x @ dxh)) @ (ph @ p)
    return p, -p @ (dx @ p) + left + right


def pinv(x: Any, tolerance: Any, hermitian: bool) -> Any:
    """Moore-Penrose inverse; `tolerance(largest)` is the bound below which a singular value counts as 0."""
    still = lax.stop_gradient(x)
    if hermitian:
        v, w = ll.eigh(still, symmetrize_input=False)
        size = jnp.abs(w)
        keep = size > tolerance(size.max(-1, keepdims=True))
        inverse = jnp.where(keep, 1 / jnp.where(keep, w, 1), 0)
        p = (v * inverse[..., None, :].astype(v.dtype)) @ _h(v)
        return _pinv_of(x, p)
    u, s, vh = ll.svd(still, full_matrices=False)
    keep = s > tolerance(s.max(-1, keepdims=True))
    inverse = jnp.where(keep, 1 / jnp.where(keep, s, 1), 0)
    return _pinv_of(x, (_h(vh) * inverse[..., None, :].astype(x.dtype)) @ _h(u))


# ---- symmetric ----------------------------------------------------------------------------------------


def mirrored(x: Any, upper: bool) -> Any:
    """Value: the Hermitian matrix that one triangle of `x` stands for. Gradient: symmetrised."""
    half = jnp.triu(x) if upper else jnp.tril(x)
    strict = jnp.triu(x, 1) if upper else jnp.tril(x, -1)
    both = (x + _h(x)) / 2
    value = half + _h(strict)
    return both + lax.stop_gradient(value - both)


def cholesky(x: Any, upper: bool) -> tuple[Any, Any]:
    """`(L or U, info)`; info is the order of the first leading minor that is not positive, or 0."""
    value = lax.stop_gradient(x)
    value = _h(jnp.triu(value)) if upper else jnp.tril(value)
    low = ll.cholesky(mirrored(x, upper), symmetrize_input=False)
    if value.size == 0:
        return low, jnp.zeros(x.shape[:-2], jnp.int32)
    bad = jnp.isnan(jnp.diagonal(low, axis1=-2, axis2=-1).real).any(-1)
    info = lax.cond(bad.any(), _first_bad_minor, lambda v: jnp.zeros(v.shape[:-2], jnp.int32), value)
    info = jnp.where(bad, info, 0)
    return (_h(low) if upper else low), info


def _first_bad_minor(low: Any) -> Any:
    """Column-by-column Cholesky of a lower triangle, to find where it stops (1-based)."""
    n = low.shape[-1]

    def column(j: Any, state: Any) -> Any:
        a, info = state
        d = a[..., j, j].real
        info = jnp.where((info == 0) & ~(d > 0), j + 1, info).astype(jnp.int32)
        c = a[..., :, j] / jnp.sqrt(jnp.where(d > 0, d, 1))[..., None].astype(a.dtype)
        c = jnp.where(jnp.arange(n) > j, c, 0)
        return a - c[..., :, None] * c[..., None, :].conj(), info

    return lax.fori_loop(0, n, column, (low, jnp.zeros(low.shape[:-2], jnp.int32)))[1]


# ---- linear systems ------------------------------------------------------------------------------------


def zero_pivot(lu: Any) -> Any:
    """1-based position of the first zero on the diagonal of U, 0 if none."""
    zero = jnp.diagonal(lu, axis1=-2, axis2=-1) == 0
    if zero.shape[-1] == 0:
        return jnp.zeros(zero.shape[:-1], jnp.int32)
    return jnp.where(zero.any(-1), jnp.argmax(zero, -1) + 1, 0).astype(jnp.int32)


def _permuted_solve(lu: Any, permutation: Any, b: Any, transposed: bool) -> Any:
    """Solves with `A[permutation] = L U`, or with its transpose."""
    if not transposed:
        b = jnp.take_along_axis(b, permutation[..., None], axis=-2)
        y = ll.triangular_solve(lu, b, left_side=True, lower=True, unit_diagonal=True)
        return ll.triangular_solve(lu, y, left_side=True, lower=False)
    y = ll.triangular_solve(lu, b, left_side=True, lower=False, transpose_a=True)
    y = ll.triangular_solve(lu, y, left_side=True, lower=True, unit_diagonal=True, transpose_a=True)
    return jnp.take_along_axis(y, jnp.argsort(permutation, -1)[..., None], axis=-2)


def solve(a: Any, b: Any) -> tuple[Any, Any]:
    """`(x, info)` with `a @ x = b`, equal batch dimensions; info is the first zero pivot, 1-based, or 0."""
    lu, _, permutation = ll.lu(lax.stop_gradient(a))
    x = lax.custom_linear_solve(
        lambda v: a @ v, b,
        solve=lambda _, r: _permuted_solve(lu, permutation, r, False),
        transpose_solve=lambda _, r: _permuted_solve(lu, permutation, r, True),
    )  # fmt: skip
    return x, zero_pivot(lu)


def triangular(
    a: Any, b: Any, *, upper: bool, left: bool = True, unit: bool = False, adjoint: bool = False
) -> Any:
    """Solves with one triangle of `a`; batch dimensions broadcast."""
    lead = jnp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = jnp.broadcast_to(a, lead + a.shape[-2:]), jnp.broadcast_to(b, lead + b.shape[-2:])
    return ll.triangular_solve(
        a, b, left_side=left, lower=not upper, unit_diagonal=unit, transpose_a=adjoint,
        conjugate_a=adjoint and _complex(a),
    )  # fmt: skip


def solve_factored(factor: Any, b: Any, upper: bool) -> Any:
    """X with `A X = b` for `A = L L^H`; the derivative reaches all of `factor`, as if it were full."""
    value = lax.stop_gradient(factor)
    half = jnp.triu(value) if upper else jnp.tril(value)
    factor = factor + lax.stop_gradient(half - value)
    a = _h(factor) @ factor if upper else factor @ _h(factor)
    lead = jnp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = jnp.broadcast_to(a, lead + a.shape[-2:]), jnp.broadcast_to(b, lead + b.shape[-2:])

    def back(_: Any, r: Any) -> Any:
        return triangular(
            half, triangular(half, r, upper=upper, adjoint=upper), upper=upper, adjoint=not upper
        )

    return lax.custom_linear_solve(
        lambda v: a @ v, b, solve=back,
        transpose_solve=lambda m, r: back(m, r.conj()).conj(),
    )  # fmt: skip


def permutation_matrix(permutation: Any, dtype: Any) -> Any:
    """P with `A = P L U` for `A[permutation] = L U`."""
    m = permutation.shape[-1]
    return (permutation[..., None, :] == jnp.arange(m)[:, None]).astype(dtype)


def split_lu(lu: Any) -> tuple[Any, Any]:
    """`(L, U)` of a packed factorisation: L unit lower (m, k), U upper (k, n)."""
    m, n = lu.shape[-2:]
    k = min(m, n)
    return jnp.tril(lu[..., :, :k], -1) + jnp.eye(m, k, dtype=lu.dtype), jnp.triu(lu[..., :k, :])


def reflect(a: Any, tau: Any, start: Any) -> Any:
    """`H1 H2 ... Hk @ start` for the reflectors packed below the diagonal of `a`."""
    k = tau.shape[-1]
    v = jnp.tril(a, -1)[..., :, :k] + jnp.eye(a.shape[-2], k, dtype=a.dtype)
    lead = jnp.broadcast_shapes(start.shape[:-2], a.shape[:-2])
    start = jnp.broadcast_to(start, lead + start.shape[-2:])

    def step(q: Any, item: Any) -> Any:
        vector, factor = item
        row = (vector.conj()[..., None, :] @ q)[..., 0, :]
        return q - (factor[..., None] * vector)[..., :, None] * row[..., None, :], None

    columns = jnp.moveaxis(v, -1, 0)[::-1], jnp.moveaxis(tau, -1, 0)[::-1]
    return lax.scan(step, start, columns)[0]
