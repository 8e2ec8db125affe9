"""Weight, spectral and orthogonal normalization as parametrizations."""

from __future__ import annotations

from typing import Any

from ..._core.modes import no_grad
from ..._core.registry import namespace
from ..._core.tensor import Tensor
from ...ops.creation import eye
from ...ops.random import randn
from ...ops.shape import cat
from ..functional import normalize
from ..modules.module import Module
from .parametrize import register_parametrization
from .spectral_norm import as_matrix, default_dim
from .weight_norm import norm_except_dim, normed_weight

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


def _weight_of(module: Module, name: str) -> Tensor:
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    return weight


class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0):
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return normed_weight(weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return norm_except_dim(weight, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Splits a weight into norm (`original0`) and direction (`original1`) (Salimans & Kingma 2016).

    Args:
        module: owner of the weight.
        name: the weight's name.
        dim: the dimension that keeps its own norms; None for one norm of the whole weight.

    Returns: the module.
    """
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def convert_old_names(state_dict: Any, prefix: str, *_: Any) -> None:
        """Files of the hook-based weight_norm."""
        g, v = f"{prefix}{name}_g", f"{prefix}{name}_v"
        if g in state_dict and v in state_dict:
            state_dict[f"{prefix}parametrizations.{name}.original0"] = state_dict.pop(g)
            state_dict[f"{prefix}parametrizations.{name}.original1"] = state_dict.pop(v)

    module._register_load_state_dict_pre_hook(convert_old_names)
    return module


class _SpectralNorm(Module):
    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12):
        super().__init__()
        ndim = weight.dim()
        if not -ndim <= dim < ndim:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [-{ndim}, {ndim - 1}] but got {dim})"
            )
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.dim, self.eps = dim if dim >= 0 else dim + ndim, eps
        if ndim > 1:
            self.n_power_iterations = n_power_iterations
            with no_grad():
                matrix = as_matrix(weight, self.dim)
                u = matrix.new_empty(matrix.size(0)).normal_(0, 1)
                v = matrix.new_empty(matrix.size(1)).normal_(0, 1)
                self.register_buffer("_u", normalize(u, dim=0, eps=eps))
                self.register_buffer("_v", normalize(v, dim=0, eps=eps))
                self._power_method(matrix, 15)

    def _power_method(self, matrix: Tensor, iterations: int) -> None:
        with no_grad():
            for _ in range(iterations):
                self._u.copy_(normalize(matrix.mv(self._v), dim=0, eps=self.eps))
                self._v.copy_(normalize(matrix.t().mv(self._u), dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.dim() == 1:
            return normalize(weight, dim=0, eps=self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            self._power_method(matrix, self.n_power_iterations)
        return weight / self._u.clone().dot(matrix.mv(self._v.clone()))

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """Divides a weight by its largest singular value (Miyato et al. 2018).

    Args:
        module: owner of the weight.
        name: the weight's name.
        n_power_iterations: iterations per forward in training.
        eps: for the normalization of the singular vectors.
        dim: the output channels' dimension; that of the layer if None.

    Returns: the module.
    """
    weight = _weight_of(module, name)
    dim = default_dim(module) if dim is None else dim
    register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))
    return module


def _orthonormal_columns(a: Tensor) -> Tensor:
    """Q of the QR factorisation with a positive diagonal of R."""
    q, r = namespace("linalg")["qr"](a)
    return q * r.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)


class _Orthogonal(Module):
    base: Tensor | None

    def __init__(self, weight: Tensor, orthogonal_map: str, use_trivialization: bool):
        super().__init__()
        if weight.is_complex() and orthogonal_map == "householder":
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape, self.orthogonal_map = weight.shape, orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, x: Tensor) -> Tensor:
        n, k = x.size(-2), x.size(-1)
        transposed = n < k
        if transposed:
            x, n, k = x.mT, k, n
        linalg = namespace("linalg")
        if self.orthogonal_map == "householder":
            a = x.tril(-1)
            tau = 2.0 / (1.0 + (a * a).sum(dim=-2))
            q = linalg["householder_product"](a, tau)
            q = q * x.diagonal(dim1=-2, dim2=-1).int().unsqueeze(-2)
        else:
            x = x.tril()
            if n != k:
                x = cat([x, x.new_zeros((*x.shape[:-2], n, n - k))], -1)
            skew = x - x.mH  # (*, n, n)
            if self.orthogonal_map == "matrix_exp":
                q = linalg["matrix_exp"](skew)
            else:  # Cayley
                identity = eye(n, dtype=x.dtype, device=x.device)
                q = linalg["solve"](identity - skew * 0.5, identity + skew * 0.5)
            if n != k:
                q = q[..., :k]
        base = getattr(self, "base", None)
        if base is not None:
            q = base @ q
        return q.mT if transposed else q

    def right_inverse(self, q: Tensor) -> Tensor:
        if q.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape "
                f"{q.shape}."
            )
        start = q
        n, k = q.size(-2), q.size(-1)
        transposed = n < k
        if transposed:
            q, n, k = q.mT, k, n
        if not hasattr(self, "base"):
            if self.orthogonal_map != "householder":
                raise NotImplementedError(
                    "It is not possible to assign to the matrix exponential or the Cayley "
                    "parametrizations when "
                    "use_trivialization=False."
                )
            a, tau = namespace("torch")["geqrf"](q)
            signs = a.diagonal(dim1=-2, dim2=-1).sign()
            signs = signs.masked_fill(tau == 0.0, -1.0) * signs.masked_fill(tau != 0.0, 1.0).abs()
            a = a.tril(-1) + signs.diag_embed() if n == k else _with_diagonal(a, signs)
            return a.mT if transposed else a
        if n == k:
            q = _orthonormal_columns(q)
        else:
            more = randn(*q.shape[:-2], n, n - k, dtype=q.dtype, device=q.device)
            q = _orthonormal_columns(cat([q, more], -1))
        self.base = q
        out = start.new_zeros(start.shape)
        out.diagonal(dim1=-2, dim2=-1).fill_(-1.0)
        return out


def _with_diagonal(a: Tensor, diagonal: Tensor) -> Tensor:
    """The strictly lower triangle of `a` (*, n, k), n > k, with another diagonal."""
    out = a.tril(-1)
    out.diagonal(dim1=-2, dim2=-1).copy_(diagonal)
    return out


def orthogonal(
    module: Module,
    name: str = "weight",
    orthogonal_map: str | None = None,
    *,
    use_trivialization: bool = True,
) -> Module:
    """Keeps a matrix orthogonal: Q^T Q = I, or Q Q^T = I for wide ones (Lezcano-Casado 2019).

    Args:
        module: owner of the weight.
        name: the weight's name; of 2 or more dimensions.
        orthogonal_map: "matrix_exp", "cayley" or "householder"; by default the first for square or complex
            matrices, the last otherwise.
        use_trivialization: parametrize relative to the current value.

    Returns: the module.
    """
    weight = _weight_of(module, name)
    if weight.ndim < 2:
        raise ValueError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions.")
    if orthogonal_map is None:
        square = weight.size(-2) == weight.size(-1)
        orthogonal_map = "matrix_exp" if square or weight.is_complex() else "householder"
    if orthogonal_map not in ("matrix_exp", "cayley", "householder"):
        raise ValueError(
            f'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: {orthogonal_map}'
        )
    orth = _Orthogonal(weight, orthogonal_map, use_trivialization)
    register_parametrization(module, name, orth, unsafe=True)
    return module
