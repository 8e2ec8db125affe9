"""Products of matrices of which one is sparse.

All layouts come down to one form: values (entries) or blocks (entries, height, width), and the row and column of
each. The number of entries is part of the shape, so a product is one call of a recorded step.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core.compressed import COMPRESSED, CompressedTensor, in_blocks
from .._core.parted import Parted, not_sparse
from .._core.registry import Array, function, namespace, op
from .._core.sparse import HANDLERS, SparseTensor
from .._core.tensor import Tensor
from .sparse_convert import compress, grid, transposed
from .sparse_coo import coalesce, gathered, host_indices, index_tensor, layout_name
from .validate import scalar_name

_MSG_SHAPES = "mat1 and mat2 shapes cannot be multiplied ({}x{} and {}x{})"


# ---- rows over the parts -------------------------------------------------------------------


@op(spaces=(), name="sparse_mm", grad_name="SparseAddmmBackward0")
def _spmm(values: Array, indices: Array, dense: Array, rows: int):
    """(rows, n) @ (n, k): each entry adds its multiple of a row of `dense`."""
    scaled = values[:, None] * dense.at[indices[1]].get(mode="fill", fill_value=0)
    return jnp.zeros((rows, dense.shape[1]), scaled.dtype).at[indices[0]].add(scaled, mode="drop")


@op(spaces=(), name="sparse_block_mm", grad_name="SparseAddmmBackward0")
def _block_mm(values: Array, indices: Array, dense: Array, rows: int):
    """(rows, n) @ (n, k): each block multiplies rows of `dense`."""
    _, h, w = values.shape
    parts = dense.reshape(-1, w, dense.shape[1]).at[indices[1]].get(mode="fill", fill_value=0)
    products = jnp.einsum("nhw,nwk->nhk", values, parts)
    out = jnp.zeros((rows // h, h, dense.shape[1]), products.dtype)
    return out.at[indices[0]].add(products, mode="drop").reshape(rows, dense.shape[1])


@op(spaces=(), name="sparse_mm_reduce", grad_name="SparseMmReduceImplBackward0")
def _reduced(values: Array, indices: Array, dense: Array, rows: int, reduce: str):
    """(rows, n) @ (n, k), where the terms of each sum are reduced otherwise; 0 where there are none."""
    row, count = indices[0], indices.shape[1]
    terms = values[:, None] * dense.at[indices[1]].get(mode="fill", fill_value=0)
    zeros = jnp.zeros((rows, dense.shape[1]), terms.dtype)
    if reduce == "mean":
        many = jnp.zeros(rows, terms.dtype).at[row].add(1, mode="drop")
        return zeros.at[row].add(terms, mode="drop") / jnp.maximum(many, 1)[:, None]
    known = jax.lax.stop_gradient(terms)
    signed = known if reduce == "amax" else -known
    best = jnp.full(zeros.shape, -jnp.inf, terms.dtype).at[row].max(signed, mode="drop")
    number = jnp.arange(count)[:, None]
    hit = jnp.where(signed == best[row], number, count)
    first = jnp.full(zeros.shape, count, number.dtype).at[row].min(hit, mode="drop")  # of equal ones
    return zeros.at[row].add(jnp.where(first[row] == number, terms, 0), mode="drop")


@op(spaces=(), name="sparse_sampled_addmm", grad_name="SparseSampledAddmmBackward0")
def _sampled(mat1: Array, mat2: Array, places: Array, shape: tuple):
    """The entries of mat1 @ mat2 at the places (batch dimensions, row, column)."""
    batch = tuple(places[:-2])
    left = mat1.at[(*batch, places[-2])].get(mode="clip")
    right = jnp.swapaxes(mat2, -1, -2).at[(*batch, places[-1])].get(mode="clip")
    return (left * right).sum(-1).reshape(shape)


# ---- checks --------------------------------------------------------------------------------------


def _check_matrix(t: Any) -> None:
    if isinstance(t, CompressedTensor):
        if t.batch or t.dense_dim():
            raise not_sparse("bmm", t)
    elif t.sparse_dim() != 2 or t.dense_dim():
        raise RuntimeError(
            f"addmm: matrices expected, got {t.sparse_dim()}D sparse and {t.dense_dim()}D dense dimensions"
        )


def _check_shapes(a: Any, b: Any) -> None:
    if a.shape[1] == b.shape[0]:
        return
    if isinstance(a, SparseTensor) and not isinstance(b, Parted):
        raise RuntimeError(f"addmm: Argument #3 (dense): Expected dim 0 size {a.shape[1]}, got {b.shape[0]}")
    raise RuntimeError(_MSG_SHAPES.format(*a.shape, *b.shape))


def _check_dtypes(a: Tensor, b: Tensor) -> None:
    if a.dtype is not b.dtype:
        raise RuntimeError(f"expected scalar type {scalar_name(a.dtype)} but found {scalar_name(b.dtype)}")


# ---- products ---------------------------------------------------------------------------------------


def _turned(t: Any) -> Any:
    if isinstance(t, CompressedTensor):
        return transposed(t)
    return HANDLERS["t"](t) if isinstance(t, SparseTensor) else t.t()


def _times(a: Any, dense: Tensor) -> Tensor:
    """A sparse matrix times a dense one."""
    _check_shapes(a, dense)
    _check_dtypes(a, dense)
    if isinstance(a, SparseTensor):
        return _spmm(a._v, a._i, dense, a._size[0])
    multiply = _block_mm if in_blocks(a._kind) else _spmm
    return multiply(a._v, a.places(), dense, a._size[0])


def sparse_mm(input: Any, mat2: Any, *, out: Any = None) -> Any:
    """The product of matrices (and vectors) of which at least one is sparse; of two sparse ones it is sparse."""
    for t in (input, mat2):
        if isinstance(t, Parted):
            _check_matrix(t)
    if not isinstance(input, Parted):
        if input.dim() == 1:
            return sparse_mm(input.unsqueeze(0), mat2).squeeze(0)
        _check_shapes(input, mat2)
        return _times(_turned(mat2), input.t()).t()
    if isinstance(mat2, Parted):
        return _both(input, mat2)
    if mat2.dim() == 1:
        return _mv(input, mat2)
    if mat2.dim() != 2:
        raise RuntimeError(f"addmm: Expected dense matrix, but got {mat2.dim()}D tensor")
    return _times(input, mat2)


def _both(a: Any, b: Any) -> Any:
    _check_shapes(a, b)
    _check_dtypes(a, b)
    if isinstance(a, SparseTensor) and isinstance(b, SparseTensor):
        return _sparse_product(a, b)
    if isinstance(a, CompressedTensor) and isinstance(b, CompressedTensor):
        if not (in_blocks(a._kind) or in_blocks(b._kind)):
            return compress(_sparse_product(grid(a), grid(b)), "csr", (a._size[0], b._size[1]), 0)
    name, other = layout_name(a), layout_name(b)
    raise RuntimeError(
        f"addmm: computation on CPU is not implemented for {name} + {name} @ {other}; make both CSR or both COO"
    )


def _sparse_product(a: SparseTensor, b: SparseTensor) -> SparseTensor:
    """Every entry of a meets the entries in b's row of its column."""
    left, right = host_indices(a), host_indices(b)
    order = np.argsort(right[0], kind="stable")
    starts = np.searchsorted(right[0][order], np.arange(b._size[0] + 1))
    counts = np.diff(starts)[left[1]]
    first = np.repeat(np.arange(left.shape[1]), counts)
    steps = np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts)
    second = order[np.repeat(starts[left[1]], counts) + steps]
    values = a._v.index_select(0, index_tensor(first, a)) * b._v.index_select(0, index_tensor(second, a))
    indices = index_tensor(np.stack([left[0][first], right[1][second]]), a)
    return coalesce(SparseTensor.make(indices, values, (a._size[0], b._size[1])))


def _mv(input: Any, vec: Tensor, *, out: Any = None) -> Tensor:
    _check_matrix(input)
    n, m = input._size
    if vec.shape[0] != m:
        if isinstance(input, CompressedTensor):
            raise RuntimeError(f"size mismatch, got input ({n}), mat ({n}x{m}), vec ({vec.shape[0]})")
        raise RuntimeError("mv: expected self.size(-1) == vec.size(-1)")
    return _times(input, vec.unsqueeze(1)).squeeze(1)


def _scaled_sum(mat: Any, product: Any, beta: Any, alpha: Any) -> Any:
    """`beta * mat + alpha * product`; what beta = 0 names does not count, nan or not."""
    scaled = product if alpha == 1 else product * alpha
    if beta == 0 and tuple(mat.shape) == tuple(product.shape):
        return scaled
    weighted = mat if beta == 1 else mat * beta
    return (
        scaled + weighted
        if isinstance(weighted, Parted) and not isinstance(scaled, Parted)
        else weighted + scaled
    )


def sparse_addmm(mat: Any, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1, out: Any = None) -> Any:
    """`beta * mat + alpha * (mat1 @ mat2)`.

    Raises:
        RuntimeError: `mat` is sparse and the product is not.
    """
    dense = not (isinstance(mat1, Parted) and isinstance(mat2, Parted))
    if isinstance(mat, Parted) and dense:
        if isinstance(mat, SparseTensor):
            raise RuntimeError(
                f"addmm_sparse_dense: expected strided result tensor, got tensor with layout {layout_name(mat)}"
            )
        raise RuntimeError(
            f"addmm: computation on CPU is not implemented for {layout_name(mat)} + {layout_name(mat1)} @ "
            f"{layout_name(mat2)}; call .to_dense() on the first"
        )
    return _scaled_sum(mat, sparse_mm(mat1, mat2), beta, alpha)


def _addmv(input: Any, mat: Any, vec: Tensor, *, beta: Any = 1, alpha: Any = 1, out: Any = None) -> Any:
    return _scaled_sum(input, _mv(mat, vec), beta, alpha)


def _linear(input: Any, weight: Any, bias: Any = None) -> Tensor:
    out = sparse_mm(input, _turned(weight))
    return out if bias is None else out + bias


def _addmm_(self: Any, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    result = sparse_addmm(self, mat1, mat2, beta=beta, alpha=alpha)
    return self.take(result) if isinstance(self, Parted) else self.copy_(result)


def _matrix_power(input: Any, n: int, *, out: Any = None) -> Any:
    """A sparse matrix multiplied by itself."""
    if n < 1:
        raise not_sparse(f"matrix_power(n={n})", input)
    result, power = None, input
    while True:
        if n & 1:
            result = power if result is None else sparse_mm(result, power)
        n >>= 1
        if not n:
            return result
        power = sparse_mm(power, power)


for _table in (HANDLERS, COMPRESSED):
    _table.update(dict.fromkeys(("mm", "matmul", "__matmul__"), sparse_mm))
    _table.update(addmm=sparse_addmm, addmm_=_addmm_, mv=_mv, addmv=_addmv, linear=_linear,
                  matrix_power=_matrix_power)  # fmt: skip


@function(spaces=("torch",), aliases=("dsmm",))
def spmm(input: Any, mat2: Any) -> Tensor:
    """`torch.mm`, of which the first matrix may be sparse."""
    return namespace("torch")["mm"](input, mat2)


def mm(input: Any, mat2: Any, reduce: str | None = None) -> Any:
    """The product of two matrices, of which the first or both may be sparse.

    Args:
        reduce: "sum", "mean", "amax" or "amin": what becomes of each entry's terms; CSR times dense only.

    Raises:
        RuntimeError: shapes or dtypes that do not fit, a reduction or layouts that are not supported.
    """
    if reduce is None:
        sparse = isinstance(input, Parted) or isinstance(mat2, Parted)
        return sparse_mm(input, mat2) if sparse else namespace("torch")["mm"](input, mat2)
    if not isinstance(input, CompressedTensor):
        raise not_sparse("_sparse_mm_reduce_impl", input)
    if input._kind != "csr":
        raise RuntimeError(f"sparse_mm_reduce: expect self to be SparseCsr, got {layout_name(input)}")
    if reduce not in ("sum", "mean", "amax", "amin"):
        raise RuntimeError(f"sparse_mm_reduce: reduce type of {reduce} has not been enabled.")
    if reduce == "sum":
        return sparse_mm(input, mat2)
    _check_matrix(input)
    _check_shapes(input, mat2)
    _check_dtypes(input, mat2)
    return _reduced(input._v, input.places(), mat2, input._size[0], reduce)


def sampled_addmm(
    input: Any, mat1: Any, mat2: Any, *, beta: Any = 1.0, alpha: Any = 1.0, out: Any = None
) -> Any:
    """`beta * input + alpha * (mat1 @ mat2)` at the places of `input`, a CSR matrix or a batch of them.

    Shape: input (*, n, m), mat1 (*, n, k), mat2 (*, k, m).

    Raises:
        RuntimeError: shapes or dtypes that do not fit; another layout.
    """
    if not isinstance(input, CompressedTensor):
        raise not_sparse("sparse_sampled_addmm", input)
    if input._kind != "csr":
        raise RuntimeError(
            f"sampled_addmm: Expected result to have sparse csr layout, but got {layout_name(input)}"
        )
    shapes = [tuple(t.shape[-2:]) for t in (input, mat1, mat2)]
    if shapes[1][1] != shapes[2][0]:
        raise RuntimeError("sampled_addmm: " + _MSG_SHAPES.format(*shapes[1], *shapes[2]))
    for d, name, t in ((0, "mat1", mat1), (1, "mat2", mat2)):
        if t.shape[-2 + d] != input.shape[-2 + d]:
            raise RuntimeError(f"sampled_addmm: self.shape[{-2 + d}] must match {name}.shape[{-2 + d}]")
        if tuple(t.shape[:-2]) != input.batch:
            raise RuntimeError(f"sampled_addmm: Expected {name} to have the batch dimensions of self")
        _check_dtypes(input, t)
    products = _sampled(mat1, mat2, input.places(), tuple(input._v.shape))
    result = input.like(_scaled_sum(input._v, products, beta, alpha))
    return result if out is None else out.become(result)


namespace("sparse").update(mm=mm, addmm=sparse_addmm, sampled_addmm=sampled_addmm)


# ---- products that are COO tensors --------------------------------------------------------------------


def _rows_of(mat1: SparseTensor, mat2: Tensor, name: str) -> tuple[np.ndarray, Tensor]:
    """The rows in which mat1 has entries, and those rows of mat1 @ mat2."""
    _check_matrix(mat1)
    if isinstance(mat2, Parted):
        raise RuntimeError(
            f"{name}: expected 'mat2' to have strided layout, got 'mat2' with layout {layout_name(mat2)}"
        )
    if mat2.shape[0] != mat1._size[1]:
        raise RuntimeError(f"{name}: Argument #3: Expected dim 0 size {mat1._size[1]}, got {mat2.shape[0]}")
    rows = np.unique(host_indices(mat1)[0])
    product = _times(mat1, mat2)
    return rows, gathered(product, index_tensor(rows[None], product))


@function(spaces=("torch",))
def hspmm(mat1: Any, mat2: Tensor, *, out: Any = None) -> SparseTensor:
    """A COO matrix times a dense one: a COO tensor of dense rows."""
    if not isinstance(mat1, SparseTensor):
        raise not_sparse("hspmm", mat1)
    rows, values = _rows_of(mat1, mat2, "hspmm")
    return SparseTensor.make(index_tensor(rows[None], values), values, (mat1._size[0], mat2.shape[1]))


@function()
def sspaddmm(
    input: Any, mat1: Any, mat2: Tensor, *, beta: Any = 1, alpha: Any = 1, out: Any = None
) -> SparseTensor:
    """`beta * input + alpha * (mat1 @ mat2)` as a COO tensor, `input` and `mat1` COO matrices, `mat2` dense.

    Raises:
        RuntimeError: shapes, layouts or dtypes that do not fit.
    """
    for t in (input, mat1):
        if not isinstance(t, SparseTensor):
            raise RuntimeError("tensor.sspaddmm(...) can only be called on sparse tensors")
    rows, values = _rows_of(mat1, mat2, "sspaddmm")
    size = (mat1._size[0], mat2.shape[1])
    for d in range(2):
        if input._size[d] != size[d]:
            raise RuntimeError(
                f"sspaddmm: Argument #1: Expected dim {d} size {size[d]}, got {input._size[d]}"
            )
    places = np.stack([np.repeat(rows, size[1]), np.tile(np.arange(size[1]), len(rows))])
    own, flat = input.parts()
    cat = namespace("torch")["cat"]
    indices = cat([own, index_tensor(places, flat)], 1)
    joined = cat([flat if beta == 1 else flat * beta, values.reshape(-1) * alpha], 0)
    return SparseTensor.make(indices, joined, size)


@function()
def smm(input: Any, mat: Tensor) -> SparseTensor:
    """The product of a COO matrix and a dense one as a COO tensor."""
    if not isinstance(input, SparseTensor):
        raise RuntimeError("tensor.sspaddmm(...) can only be called on sparse tensors")
    empty = SparseTensor.make(
        input._i.new_empty((2, 0)), input._v.new_empty((0,)), (input._size[0], mat.shape[-1]), True
    )
    return sspaddmm(empty, input, mat)


# ---- solving ----------------------------------------------------------------------------------------------


@function(spaces=("sparse",))
def spsolve(input: Any, other: Any, *, left: bool = True) -> Tensor:
    """Only where PyTorch was built with cuDSS."""
    raise not_sparse("_spsolve", input)


def _triangular_solve(
    input: Tensor, A: Any, upper: bool = True, transpose: bool = False, unitriangular: bool = False, *, out: Any = None
) -> Any:  # fmt: skip
    """Solves a triangular system; the matrix is made dense for it."""
    if A._kind in ("csc", "bsc"):
        raise ValueError("triangular_solve: unsupported sparse layout.")
    _check_matrix(A)
    solve = namespace("torch")["triangular_solve"]
    found = solve(input, A.to_dense(), upper, transpose, unitriangular)
    return type(found)((found[0], input.new_empty((0,))))


COMPRESSED["triangular_solve"] = _triangular_solve
