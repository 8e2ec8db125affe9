"""`lobpcg`: a few extreme eigenpairs of a large symmetric matrix, by block conjugate gradients.

The search space of a step is the span of the current vectors X, the (preconditioned) residuals W and the directions P
of the last step. A step takes the best vectors of that space (Rayleigh-Ritz).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular

from .._core import dtypes
from .._core.function import Function
from .._core.modes import no_grad
from .._core.registry import Array, function, op
from .._core.tensor import Tensor
from .creation import eye
from .decomposition import linalg_eigh
from .lengths import linalg_vector_norm
from .matmul import matmul
from .random import randn
from .shape import cat, stack
from .validate import size_text
from .view import transpose

_FAR = 1e30  # times the largest Ritz value: where directions are put that the space does not have


def _orthonormal(basic: bool, gram: Any) -> tuple[Any, Any]:
    """Coefficients that make vectors of this Gram matrix orthonormal, and which of the results are real directions."""
    size = jnp.sqrt(jnp.diagonal(gram))
    scale = jnp.where(size > 0, 1 / jnp.where(size > 0, size, 1), 0)
    unit = gram * scale[:, None] * scale
    if basic:
        inverse = solve_triangular(
            jnp.linalg.cholesky(unit), jnp.eye(len(unit), dtype=unit.dtype), lower=True
        )
        return scale[:, None] * inverse.T, jnp.ones(len(unit), bool)
    values, vectors = jnp.linalg.eigh(unit)
    kept = values > len(unit) * jnp.finfo(unit.dtype).eps * values[-1]
    root = jnp.where(kept, 1 / jnp.sqrt(jnp.where(kept, values, 1)), 0)
    return scale[:, None] * vectors * root, kept


@op(spaces=(), name="lobpcg_step", differentiable=False)
def _step(space: Array, a_space: Array, b_space: Array, n: int, largest: bool, basic: bool):
    """The `n` best vectors of a space (m, s), what the same coefficients make of its image, and the next directions."""
    gram = space.T @ b_space
    whiten, kept = _orthonormal(basic, (gram + gram.T) / 2)
    if not basic:  # twice is enough
        gram = whiten.T @ gram @ whiten + jnp.diag(jnp.where(kept, 0, 1).astype(space.dtype))
        more, _ = _orthonormal(False, (gram + gram.T) / 2)
        whiten = whiten @ more
        kept = (whiten != 0).any(0)
    inner = whiten.T @ (space.T @ a_space) @ whiten
    inner = (inner + inner.T) / 2
    far = _FAR if space.dtype == jnp.float64 else 1e6
    top = far * jnp.maximum(jnp.abs(inner).max(), 1)
    values, vectors = jnp.linalg.eigh(inner + jnp.diag(jnp.where(kept, 0, -top if largest else top)))
    if largest:
        values, vectors = values[::-1], vectors[:, ::-1]
    values, mix = values[:n], whiten @ vectors[:, :n]
    rest = mix.at[:n].set(0)  # without the part along the current vectors
    found, a_found, b_found = space @ mix, a_space @ mix, b_space @ mix
    return values, found, space @ rest, a_found - b_found * values


class LOBPCG:
    """The state of a search, which a tracker sees after each step.

    Attributes:
        A, B, iK: the matrix, the metric and the preconditioner; None where not given.
        E, X, R, S: values `(n,)`, vectors `(m, n)`, residuals `(m, n)` and the space of the last step.
        iparams, fparams, bparams: parameters by name: ints, floats, bools.
        ivars, fvars, bvars, tvars: what changes: `istep`, `converged_count`, `A_norm`, `B_norm`, `force_stop`, `rerr`.
    """

    def __init__(self, A: Tensor, B: Any, X: Tensor, iK: Any, k: int, niter: int, tol: float, largest: bool,
                 method: str, tracker: Callable[[LOBPCG], Any] | None):  # fmt: skip
        m, n = X.shape
        self.A, self.B, self.X, self.iK, self.method, self.tracker = A, B, X, iK, method, tracker
        self.iparams = {"m": m, "n": n, "k": k, "niter": niter}
        self.fparams, self.bparams = {"tol": tol}, {"largest": largest}
        self.ivars = {"istep": 0, "converged_count": 0}
        self.bvars = {"force_stop": False}
        self._left = niter
        self.fvars, self.tvars = {}, {}
        self.S, self.R, self.E = X, X, X[0]
        self._directions: Tensor | None = None  # of the last step

    def run(self) -> tuple[Tensor, Tensor]:
        """The `k` pairs after as many steps as it takes."""
        size = linalg_vector_norm(self.X)
        self.fvars["A_norm"] = float(linalg_vector_norm(_times(self.A, self.X)) / size)
        self.fvars["B_norm"] = float(linalg_vector_norm(_times(self.B, self.X)) / size)
        self._advance(self.X)
        self._directions = None  # the first step has none
        while (
            self._left and not self.bvars["force_stop"] and self.ivars["converged_count"] < self.iparams["k"]
        ):
            self._left -= 1
            self.ivars["istep"] += 1
            parts = [self.X, _times(self.iK, self.R)]
            self._advance(cat([*parts, self._directions] if self._directions is not None else parts, 1))
        k = self.iparams["k"]
        return self.E[:k], self.X[:, :k]

    def _advance(self, space: Tensor) -> None:
        """One Rayleigh-Ritz step in a space, and what has converged."""
        self.S = space
        self.E, self.X, self._directions, self.R = _step(
            space, _times(self.A, space), _times(self.B, space), self.iparams["n"], self.bparams["largest"],
            self.method == "basic",
        )  # fmt: skip
        scale = self.fvars["A_norm"] + self.E.abs() * self.fvars["B_norm"]
        rerr = linalg_vector_norm(self.R, 2, 0) / (linalg_vector_norm(self.X, 2, 0) * scale)
        self.tvars["rerr"] = rerr
        self.ivars["iterations_left"] = self._left
        errors = rerr.tolist()
        if any(e != e for e in errors):
            raise RuntimeError(
                f"lobpcg(): the search space became singular (method='{self.method}'); use method='ortho' or another X"
            )
        count = next((i for i, e in enumerate(errors) if e >= self.fparams["tol"]), len(errors))
        self.ivars["converged_count"] = count
        if self.tracker is not None and self.ivars["istep"]:
            self.tracker(self)


def _times(matrix: Any, x: Tensor) -> Tensor:
    return x if matrix is None else matmul(matrix, x)


class _Differentiable(Function):
    """The pairs of a symmetric matrix, with the gradients of its eigen-decomposition."""

    @staticmethod
    def forward(ctx: Any, A: Tensor, search: Callable[[Tensor], tuple[Tensor, Tensor]], largest: bool) -> Any:
        E, X = search(A.detach())
        ctx.save_for_backward(A, E, X)
        ctx.largest = largest
        return E, X

    @staticmethod
    def backward(ctx: Any, grad_E: Tensor, grad_X: Tensor) -> Any:
        A, E, X = ctx.saved_tensors
        k = E.shape[-1]
        values, vectors = linalg_eigh(A)
        if ctx.largest:
            values, vectors = values.flip(-1), vectors.flip(-1)
        gaps = E[..., None, :] - values[..., :, None]  # (*, m, k)
        own = eye(values.shape[-1], k, dtype=dtypes.bool_, device=A.device)
        turned = matmul(vectors.mT, grad_X) / gaps.masked_fill(own, float("inf"))
        return matmul(matmul(vectors, turned) + X * grad_E[..., None, :], X.mT), None, None


@function(spaces=("torch",))
def lobpcg(
    A: Tensor, k: int | None = None, B: Tensor | None = None, X: Tensor | None = None, n: int | None = None,
    iK: Tensor | None = None, niter: int | None = None, tol: float | None = None, largest: bool | None = None,
    method: str | None = None, tracker: Callable[[LOBPCG], Any] | None = None, ortho_iparams: Any = None,
    ortho_fparams: Any = None, ortho_bparams: Any = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The `k` largest (or smallest) solutions of `A x = e B x`, by block conjugate gradients.

    Args:
        A: symmetric, `(*, m, m)`, float32 or float64; one without batch dimensions may be sparse.
        k: number of pairs, by default the columns of `X`, else 1.
        B: symmetric and positive, `(*, m, m)`; the identity unless given.
        X: `(*, m, n)` to start from; random unless given, with `n` columns (default: `k`).
        iK: preconditioner `(*, m, m)`.
        niter: most steps, 1000 unless given; -1 for no limit.
        tol: relative residual at which a pair is good; the square root of the dtype's epsilon unless given.
        largest: the largest or the smallest eigenvalues.
        method: "ortho" drops dependent search directions; "basic" factorises the Gram matrix, and fails on such.
        tracker: called after each step with the `LOBPCG` state; `bvars["force_stop"] = True` ends the search.
        ortho_iparams, ortho_fparams, ortho_bparams: accepted; directions are made orthonormal by one eigenproblem.

    Returns:
        Eigenvalues `(*, k)` and eigenvectors `(*, m, k)`. They have gradients of `A`, whose symmetric part counts,
        unless `B` is given or `A` is sparse.

    Raises:
        ValueError: `m` is less than three times `n`.
        AssertionError: shapes differ from these.
        RuntimeError: another dtype.
    """
    m = A.shape[-1]
    if A.ndim < 2 or A.shape[-2] != m:
        raise AssertionError(f"A must be square, got shape {size_text(tuple(A.shape))}")
    if B is not None and B.shape != A.shape:
        shapes = f"{size_text(tuple(A.shape))} vs {size_text(tuple(B.shape))}"
        raise AssertionError(f"A and B must have same shape, got {shapes}")
    if A.dtype not in (dtypes.float32, dtypes.float64):
        raise RuntimeError(f"lobpcg(): expected A of dtype float32 or float64, got {A.dtype}")
    k = (1 if X is None else X.shape[-1]) if k is None else k
    n = (k if n is None else n) if X is None else X.shape[-1]
    if m < 3 * n:
        raise ValueError(
            f"LOBPCG algorithm is not applicable when the number of A rows (={m}) is smaller than 3 x the number of "
            f"requested eigenpairs (={n})"
        )
    if k < 1:
        raise ValueError(f"lobpcg(): expected k >= 1, got {k}")
    if X is not None and X.shape != (*A.shape[:-1], n):
        shapes = f"{size_text(tuple(X.shape))}, expected {(*A.shape[:-1], n)}"
        raise AssertionError(f"X shape mismatch: got {shapes}")
    eps = 2.220446049250313e-16 if A.dtype is dtypes.float64 else 1.1920928955078125e-07
    settings: dict[str, Any] = {
        "k": k, "niter": niter or 1000, "tol": eps**0.5 if tol is None else tol, "largest": largest is not False,
        "method": "basic" if method == "basic" else "ortho", "tracker": tracker,
    }  # fmt: skip

    def search(matrix: Tensor) -> tuple[Tensor, Tensor]:
        with no_grad():
            start = randn(*A.shape[:-1], n, dtype=A.dtype, device=A.device) if X is None else X.detach()
            if matrix.ndim == 2:
                return LOBPCG(matrix, B, start, iK, **settings).run()
            flat: list[Any] = [
                None if t is None else t.reshape(-1, *t.shape[-2:]) for t in (matrix, B, start, iK)
            ]
            found = []
            for i in range(flat[0].shape[0]):
                parts: list[Any] = [None if t is None else t[i] for t in flat]
                found.append(LOBPCG(*parts, **settings).run())
            batch = tuple(A.shape[:-2])
            E, V = (stack([pair[j] for pair in found]) for j in (0, 1))
            return E.reshape((*batch, *E.shape[1:])), V.reshape((*batch, *V.shape[1:]))

    if not (A.requires_grad or (B is not None and B.requires_grad)):
        return search(A)
    if B is not None:
        raise ValueError("lobpcg.backward does not support backward with B != I yet.")
    if A.is_sparse:
        raise ValueError(
            "lobpcg.backward does not support sparse input yet. Note that lobpcg.forward does though."
        )
    return _Differentiable.apply((A + transpose(A, -2, -1)) / 2, search, settings["largest"])
