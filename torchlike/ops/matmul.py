"""Products of vectors and matrices, and their fused sums (`addmm` and relatives)."""

import builtins
from typing import Any

import jax.numpy as jnp
from jax import lax

from .._core.dtypes import FLOAT
from .._core.modes import is_grad_enabled
from .._core.orders import as_operands
from .._core.registry import DEFAULT, Array, Arrays, Scalar, check_inplace, function, op
from .._core.tensor import Tensor
from .arithmetic import _check_scale
from .linalg_rows import check_float, linalg
from .lowering.common import accumulated
from .lowering.products import batched
from .lowering.products import matmul as _matmul
from .validate import broadcast, not_implemented, scalar_name, shape_text, tensors_only, wrap_dim

_PAIR = ("input", "mat2")


def _cpp(d: Any) -> str:
    name: str = d.name
    names = {"float32": "float", "float64": "double", "float16": "c10::Half", "bfloat16": "c10::BFloat16",
             "int64": "long int", "int32": "int", "int16": "short int", "int8": "signed char", "uint8": "unsigned char",
             "complex64": "c10::complex<float>", "complex128": "c10::complex<double>"}  # fmt: skip
    return names.get(name, name)


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(str(n) for n in shape)


def _product(a: Any, b: Any) -> None:
    """Checks `a @ b` of two matrices."""
    if a.shape[1] != b.shape[0]:
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({_by(a.shape)} and {_by(b.shape)})")
    _same("m1", "m2", a, b)


def no_bools(name: str, *tensors: Any) -> None:
    """The error of a matrix product of bool tensors that have elements."""
    if tensors[0].dtype.name == "bool" and all([t.size for t in tensors]):
        raise not_implemented(name, tensors[0].dtype)


def _same(first: str, second: str, a: Any, b: Any) -> None:
    if a.dtype is not b.dtype:
        raise RuntimeError(
            f"expected {first} and {second} to have the same dtype, but got: {_cpp(a.dtype)} != {_cpp(b.dtype)}"
        )
    no_bools("addmm_impl_cpu_", a, b)


def _batch_product(a: Any, b: Any, kernel: str = "bmm") -> None:
    """Checks a batched product of two 3-d tensors."""
    for name, t in zip(("batch1", "batch2"), (a, b)):
        if t.ndim != 3:
            raise RuntimeError(f"{name} must be a 3D tensor")
    if a.shape[0] != b.shape[0] or a.shape[2] != b.shape[1]:
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: {shape_text((a.shape[0], a.shape[2]))} "
            f"but got: {shape_text(b.shape[:2])}."
        )
    if a.dtype is not b.dtype:
        raise RuntimeError(f"expected scalar type {scalar_name(a.dtype)} but found {scalar_name(b.dtype)}")
    small = a.shape[1] * a.shape[2] * b.shape[2] < 400  # larger ones go through addmm
    no_bools(kernel if small else "addmm_impl_cpu_", a, b)


def _check_mm(input: Any, mat2: Any, **_: Any) -> None:
    if input.ndim != 2:
        raise RuntimeError("self must be a matrix")
    if mat2.ndim != 2:
        raise RuntimeError("mat2 must be a matrix")
    _product(input, mat2)


@op(out=True, saves=_PAIR, check=_check_mm)
def mm(input: Array, mat2: Array):
    """Product of an (n, k) and a (k, m) matrix."""
    return batched(input, mat2)


@op(out=True, saves=_PAIR, check=lambda input, mat2: _batch_product(input, mat2))
def bmm(input: Array, mat2: Array):
    """Products of two stacks of matrices, (b, n, k) and (b, k, m)."""
    return batched(input, mat2)


def _check_matmul(input: Any, other: Any) -> None:
    a, b = input, other
    if not a.ndim or not b.ndim:
        raise RuntimeError(
            f"both arguments to matmul need to be at least 1D, but they are {a.ndim}D and {b.ndim}D"
        )
    if a.ndim == 1 and b.ndim == 1:
        return _check_dot(a, b)
    if a.ndim <= 2 and b.ndim <= 2 and 1 in (a.ndim, b.ndim):
        if a.ndim == 1:
            if a.shape[0] != b.shape[0]:
                raise RuntimeError(
                    f"mat1 and mat2 shapes cannot be multiplied (1x{a.shape[0]} and {_by(b.shape)})"
                )
        else:
            _check_mv(a, b)
        if a.ndim == 1:
            _same("m1", "m2", a, b)
        return None
    if a.ndim == 2 and b.ndim == 2:
        return _product(a, b)
    lead = broadcast(a.shape[:-2], b.shape[:-2])
    k = b.shape[-2] if b.ndim > 1 else b.shape[0]
    if a.shape[-1] != k:
        if b.ndim <= 2:
            rows = 1
            for n in a.shape[:-1]:
                rows *= n
            right = _by(b.shape) if b.ndim == 2 else f"{b.shape[0]}x1"
            if b.ndim == 1:
                raise RuntimeError(
                    f"size mismatch, got input ({rows}), mat ({rows}x{a.shape[-1]}), vec ({k})"
                )
            raise RuntimeError(
                f"mat1 and mat2 shapes cannot be multiplied ({rows}x{a.shape[-1]} and {right})"
            )
        if a.ndim <= 2:
            columns = b.shape[-1]
            for n in b.shape[:-2]:
                columns *= n
            left = a.shape if a.ndim == 2 else (1, a.shape[0])
            raise RuntimeError(
                f"mat1 and mat2 shapes cannot be multiplied ({columns}x{k} and {left[1]}x{left[0]})"
            )
        n = 1
        for s in lead:
            n *= s
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: {shape_text((n, a.shape[-1]))} "
            f"but got: {shape_text((n, k))}."
        )
    if a.dtype is not b.dtype:
        if a.ndim >= 3 and b.ndim <= 2:
            _same("m1", "m2", a, b)
        raise RuntimeError(f"expected scalar type {scalar_name(a.dtype)} but found {scalar_name(b.dtype)}")
    no_bools("bmm" if b.ndim > 2 else "addmm_impl_cpu_", a, b)
    return None


@op(out=True, operator="matmul", saves=("input", "other"), check=_check_matmul, aliases=("linalg.matmul",))
def matmul(input: Array, other: Array):
    """Matrix product; 1-d arguments are vectors, leading dimensions of matrices broadcast."""
    return _matmul(input, other)


def _check_mv(a: Any, b: Any) -> None:
    if a.ndim != 2 or b.ndim != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got 1, {a.ndim}, {b.ndim}")
    if a.shape[1] != b.shape[0]:
        raise RuntimeError(
            f"size mismatch, got input ({a.shape[0]}), mat ({_by(a.shape)}), vec ({b.shape[0]})"
        )
    if a.dtype is not b.dtype:
        first, second = scalar_name(a.dtype), scalar_name(b.dtype)
        raise RuntimeError(
            f"addmv input tensors must have the same dtype, but got {second}, {first}, and {second}"
        )
    if a.size:
        no_bools("addmv_impl_cpu", a, b)


@op(out=True, saves=("input", "vec"), check=lambda input, vec: _check_mv(input, vec))
def mv(input: Array, vec: Array):
    """Product of an (n, k) matrix and a vector of k."""
    return _matmul(input, vec)


def _check_dot(a: Any, b: Any) -> None:
    if a.ndim != 1 or b.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {a.ndim}D and {b.ndim}D tensors")
    if a.dtype is not b.dtype:
        raise RuntimeError(
            f"dot : expected both vectors to have same dtype, but found {scalar_name(a.dtype)} and {scalar_name(b.dtype)}"
        )
    if a.shape != b.shape:
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor {shape_text(a.shape)} and src {shape_text(b.shape)} to have the same "
            f"number of elements, but got {a.shape[0]} and {b.shape[0]} elements respectively"
        )
    if a.dtype.name == "bool":
        raise not_implemented("dot", a.dtype)


@op(out=True, saves=("input", "tensor"), check=lambda input, tensor: _check_dot(input, tensor))
def dot(input: Array, tensor: Array):
    """Sum of products of two vectors."""
    return _matmul(input, tensor)


@op(out=True, saves=("input", "other"), check=lambda input, other: _check_dot(input, other))
def vdot(input: Array, other: Array):
    """Sum of products of two vectors, the first conjugated."""
    return _matmul(input.conj(), other)


def _check_inner(input: Any, other: Any) -> None:
    if input.ndim and other.ndim and input.shape[-1] == other.shape[-1]:
        no_bools("addmm_impl_cpu_" if max(input.ndim, other.ndim) > 1 else "dot", input, other)


@op(out=True, saves=("input", "other"), check=_check_inner)
def inner(input: Array, other: Array):
    """Sum of products over the last dimensions; a plain product if either is 0-d."""
    if not input.ndim or not other.ndim:
        return input * other
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(
            f"inner() the last dimension must match on both input tensors but got shapes {shape_text(input.shape)} and "
            f"{shape_text(other.shape)}"
        )
    return tensordot_arrays(input, other, (input.ndim - 1,), (other.ndim - 1,))


@op(promote=DEFAULT, inplace=False, saves=("input", "vec2"), aliases=("ger",))
def outer(input: Array, vec2: Array):
    """Products of each element of one vector with each of another, (n, m)."""
    for i, v in enumerate((input, vec2), 1):
        if v.ndim != 1:
            raise RuntimeError(
                f"outer: Expected 1-D argument {'self' if i == 1 else 'vec2'}, but got {v.ndim}-D"
            )
    return input[:, None] * vec2[None, :]


# ---- fused sums: beta * input + alpha * (product) ---------------------------------------------------


def _fused(product: Any, input: Any, beta: Any, alpha: Any) -> Any:
    """`beta * input + alpha * product`; nan in `input` does not matter where `beta` is 0."""
    if type(alpha) is not int:
        product = alpha.astype(product.dtype) * product
    if type(beta) is int:
        return input + product
    beta = beta.astype(input.dtype)
    return jnp.where(beta == 0, jnp.zeros((), input.dtype), beta * input) + product


def _check_fused(product: Any, whole: bool = True) -> Any:
    """A row check: the product's own, then that `input` expands and the factors fit the dtype.

    `whole`: float factors of integers are truncated, not refused.
    """

    def check(input: Any, beta: Any = 1, alpha: Any = 1, **operands: Any) -> None:
        a, b = operands.values()
        shape = product(a, b)
        if input.dtype is not a.dtype and input.ndim <= 3:
            name = {2: "self and mat2", 3: "self and batch2"}.get(b.ndim, "self and vec")
            raise RuntimeError(
                f"{name} must have the same dtype, but got {scalar_name(input.dtype)} and {scalar_name(b.dtype)}"
            )
        lead = len(shape) - input.ndim
        if lead < 0 or [1 for have, want in zip(input.shape, shape[lead:]) if have != want and have != 1]:
            raise RuntimeError(
                f"The expanded size of the tensor ({shape[-1]}) must match the existing size ({input.shape[-1] if input.ndim else 1}) at "
                f"non-singleton dimension {len(shape) - 1}.  Target sizes: {list(shape)}.  Tensor sizes: {list(input.shape)}"
            )
        for name, factor in (("beta", beta), ("alpha", alpha)):
            if whole and factor is float and input.dtype.category < FLOAT:
                continue  # truncated
            _check_scale(input.dtype.category, factor, name)

    return check


def _mm_shape(a: Any, b: Any) -> tuple[int, ...]:
    for name, m in (("mat1", a), ("mat2", b)):
        if m.ndim != 2:
            raise RuntimeError(f"{name} must be a matrix, got {m.ndim}-D tensor")
    _product(a, b)
    return (a.shape[0], b.shape[1])


def _mv_shape(a: Any, b: Any) -> tuple[int, ...]:
    _check_mv(a, b)
    return (a.shape[0],)


def _bmm_shape(a: Any, b: Any) -> tuple[int, ...]:
    _batch_product(a, b, "baddbmm")
    return (a.shape[0], a.shape[1], b.shape[2])


def _sum_shape(a: Any, b: Any) -> tuple[int, ...]:
    _batch_product(a, b, "addmm_impl_cpu_")
    return (a.shape[1], b.shape[2])


def _outer_shape(a: Any, b: Any) -> tuple[int, ...]:
    for name, v in (("vec1", a), ("vec2", b)):
        if v.ndim != 1:
            raise RuntimeError(f"addr: Expected 1-D argument {name}, but got {v.ndim}-D")
    return (a.shape[0], b.shape[0])


@op(out=True, inplace=True, saves=("mat1", "mat2"), check=_check_fused(_mm_shape))
def addmm(input: Array, mat1: Array, mat2: Array, *, beta: Scalar = 1, alpha: Scalar = 1):
    """`beta * input + alpha * mat1 @ mat2`."""
    return _fused(batched(mat1, mat2), input, beta, alpha)


@op(out=True, inplace=True, saves=("mat", "vec"), check=_check_fused(_mv_shape))
def addmv(input: Array, mat: Array, vec: Array, *, beta: Scalar = 1, alpha: Scalar = 1):
    """`beta * input + alpha * mat @ vec`."""
    return _fused(_matmul(mat, vec), input, beta, alpha)


@op(out=True, inplace=True, saves=("batch1", "batch2"), check=_check_fused(_bmm_shape))
def baddbmm(input: Array, batch1: Array, batch2: Array, *, beta: Scalar = 1, alpha: Scalar = 1):
    """`beta * input + alpha * batch1 @ batch2`, matrix by matrix."""
    return _fused(batched(batch1, batch2), input, beta, alpha)


@op(out=True, inplace=True, saves=("batch1", "batch2"), check=_check_fused(_sum_shape))
def addbmm(input: Array, batch1: Array, batch2: Array, *, beta: Scalar = 1, alpha: Scalar = 1):
    """`beta * input + alpha * sum over i of batch1[i] @ batch2[i]`."""
    if accumulated(batch1) == batch1.dtype or not batch1.shape[0]:
        return _fused(tensordot_arrays(batch1, batch2, (0, 2), (0, 1)), input, beta, alpha)

    def more(out: Any, mats: Any, scale: Any = 1) -> tuple[Any, None]:
        a, b, wide = (x.astype(jnp.float32) for x in (*mats, out))
        return _fused(batched(a, b), wide, scale, alpha).astype(out.dtype), None

    first, _ = more(jnp.broadcast_to(input, (batch1.shape[1], batch2.shape[2])), (batch1[0], batch2[0]), beta)
    return lax.scan(more, first, (batch1[1:], batch2[1:]))[0]  # PyTorch rounds after each matrix


_addbmm_in_place = addbmm.inplace


@function(spaces=("Tensor",))
def addbmm_(self: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """In-place `addbmm`.

    As in PyTorch, and unlike its relatives, it takes a self that only broadcasts; unless that is a view, it
    gets a memory of its own in the result's shape.
    """
    shape = (*batch1.shape[1:2], *batch2.shape[2:])
    if self._lens is not None or tuple(self.shape) == shape:
        return _addbmm_in_place(self, batch1, batch2, beta=beta, alpha=alpha)
    check_inplace(self)
    out = addbmm(self, batch1, batch2, beta=beta, alpha=alpha)
    self._touch()
    out._storage.version = self._storage.version
    self._storage = out._storage
    if is_grad_enabled():
        self._set_edge(out._edge())
    return self


@op(
    out=True,
    inplace=True,
    saves=("vec1", "vec2"),
    check=_check_fused(_outer_shape, whole=False),
    layout=as_operands,
)
def addr(input: Array, vec1: Array, vec2: Array, *, beta: Scalar = 1, alpha: Scalar = 1):
    """`beta * input + alpha * outer(vec1, vec2)`."""
    return _fused(vec1[:, None] * vec2[None, :], input, beta, alpha)


# ---- several dimensions and several matrices ----------------------------------------------------------


def tensordot_arrays(a: Any, b: Any, left: tuple[int, ...], right: tuple[int, ...]) -> Any:
    """Sum of products of JAX arrays over the paired axes, as one matrix product."""
    keep_a = [i for i in range(a.ndim) if i not in left]
    keep_b = [i for i in range(b.ndim) if i not in right]
    k = 1
    for i in left:
        k *= a.shape[i]
    m = a.transpose([*keep_a, *left]).reshape(_size(a, keep_a), k)
    n = b.transpose([*right, *keep_b]).reshape(k, _size(b, keep_b))
    out = batched(m, n)
    return out.reshape([a.shape[i] for i in keep_a] + [b.shape[i] for i in keep_b])


def _size(x: Any, axes: list[int]) -> int:
    n = 1
    for i in axes:
        n *= x.shape[i]
    return n


@op(
    name="tensordot",
    spaces=(),
    saves=("a", "b"),
    out=True,
    check=lambda a, b, left, right: no_bools(
        "dot" if len(left) == a.ndim == b.ndim else "addmm_impl_cpu_", a, b
    ),
)
def _tensordot(a: Array, b: Array, left: tuple, right: tuple):
    if len(left) != len(right):
        raise RuntimeError("both dimension lists should have same length")
    pairs = list(zip(left, right))
    left = tuple(wrap_dim(d, a.ndim) for d in left)
    right = tuple(wrap_dim(d, b.ndim) for d in right)
    for i, j, pair in zip(left, right, pairs):
        m, n = a.shape[i], b.shape[j]
        if m == n:
            continue
        if n == 1:
            a = a.sum(i, keepdims=True)
        elif m == 1:
            b = b.sum(j, keepdims=True)
        else:
            raise RuntimeError(
                f"contracted dimensions need to match, but first has size {m} in dim {pair[0]} and second has size {n} in dim {pair[1]}"
            )
    if a.dtype != b.dtype:
        raise RuntimeError("both inputs should have same dtype")
    return tensordot_arrays(a, b, left, right)


@function(spaces=("torch",))
def tensordot(a, b, dims=2, out=None):
    """Sum of products over pairs of dimensions.

    Args:
        dims: how many of the last dimensions of `a` meet the first of `b`, or two lists of dimensions.
    """
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > builtins.min(a.ndim, b.ndim):
            raise RuntimeError(
                f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims} with ndim_a={a.ndim} and ndim_b={b.ndim}"
            )
        left, right = tuple(range(-dims, 0)), tuple(range(dims))
    else:
        left, right = (tuple(d) if isinstance(d, (tuple, list)) else (int(d),) for d in dims)
    return _tensordot(a, b, left, right, out=out)


@op(promote=DEFAULT, inplace=False, saves=())
def kron(input: Array, other: Array):
    """Kronecker product; the one with fewer dimensions gets leading ones."""
    n = builtins.max(input.ndim, other.ndim)
    a = input.reshape((1,) * (n - input.ndim) + input.shape)
    b = other.reshape((1,) * (n - other.ndim) + other.shape)
    pairs = jnp.expand_dims(a, tuple(range(1, 2 * n, 2))) * jnp.expand_dims(b, tuple(range(0, 2 * n, 2)))
    return pairs.reshape([p * q for p, q in zip(a.shape, b.shape)])


def _check_chain(tensors: Any) -> None:
    if len(tensors) < 2:
        raise RuntimeError("multi_dot(): expected at least 2 tensors but got " + str(len(tensors)))
    for i, t in enumerate(tensors):
        ends = i in (0, len(tensors) - 1)
        if t.ndim != 2 and not (ends and t.ndim == 1):
            which = "first" if i == 0 else "last" if ends else ""
            if ends:
                raise RuntimeError(f"multi_dot(): the {which} tensor must be 1D or 2D but got {t.ndim}D")
            raise RuntimeError(f"multi_dot(): tensor {i} must be 2D but got {t.ndim}D")
        if t.dtype is not tensors[0].dtype:
            raise RuntimeError("multi_dot(): all tensors must have be the same dtype but tensor 0 is "
                               f"{scalar_name(tensors[0].dtype)} and tensor {i} {scalar_name(t.dtype)}")  # fmt: skip
    for i, (a, b) in enumerate(zip(tensors, tensors[1:])):
        if a.shape[-1] != b.shape[0]:
            raise RuntimeError(
                f"multi_dot(): tensors {i} and {i + 1} with shapes {shape_text(a.shape)} and {shape_text(b.shape)} "
                "cannot be multiplied"
            )
    no_bools("addmm_impl_cpu_", *tensors)


def _cheapest(sizes: list[int]) -> list[list[int]]:
    """Where to split each chain of matrices i..j, of sizes[i] x sizes[i+1] each, for the fewest products."""
    n = len(sizes) - 1
    cost = [[0] * n for _ in range(n)]
    split = [[0] * n for _ in range(n)]
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            options = [
                (cost[i][k] + cost[k + 1][j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j)
            ]
            cost[i][j], split[i][j] = builtins.min(options)
    return split


@linalg("multi_dot", check=_check_chain)
def multi_dot(tensors: Arrays):
    """Product of a chain of matrices in the cheapest order; the first and last may be vectors."""
    chain = list(tensors)
    vector_first, vector_last = chain[0].ndim == 1, chain[-1].ndim == 1
    if vector_first:
        chain[0] = chain[0][None]
    if vector_last:
        chain[-1] = chain[-1][:, None]
    split = _cheapest([chain[0].shape[0], *(m.shape[1] for m in chain)])

    def product(i: int, j: int) -> Any:
        if i == j:
            return chain[i]
        k = split[i][j]
        return batched(product(i, k), product(k + 1, j))

    out = product(0, len(chain) - 1)
    out = out[0] if vector_first else out
    return out[..., 0] if vector_last else out


@function(spaces=("torch",))
def chain_matmul(*matrices, out=None):
    """Product of a chain of matrices in the cheapest order (see `linalg.multi_dot`)."""
    if len(matrices) == 1 and isinstance(matrices[0], (tuple, list)):
        matrices = matrices[0]
    tensors_only(matrices)
    if len(matrices) == 1:
        return matrices[0]
    return multi_dot(list(matrices), out=out)


def _check_cross(input: Any, other: Any, dim: int | None = -1) -> None:
    if dim is None:
        return
    name = "linalg.cross"
    if input.ndim != other.ndim:
        raise RuntimeError(f"{name}: inputs must have the same number of dimensions.")
    d = wrap_dim(dim, input.ndim)
    if input.shape[d] != 3 or other.shape[d] != 3:
        raise RuntimeError(
            f"{name}: inputs dimension {dim} must have length 3. Got {input.shape[d]} and {other.shape[d]}"
        )
    no_bools("cross", input, other)


@linalg("cross", saves=("input", "other"), check=_check_cross)
def linalg_cross(input: Array, other: Array, *, dim: int = -1):
    """Cross product of 3-vectors along `dim`; other dimensions broadcast."""
    a, b = jnp.broadcast_arrays(input, other)
    return jnp.cross(a, b, axis=dim)


@function(spaces=("torch", "Tensor"))
def cross(input, other, dim=None, *, out=None):
    """Cross product of 3-vectors along `dim`, by default the first dimension of size 3."""
    if dim is None:
        sizes = [n for n in input.shape]
        if 3 not in sizes:
            raise RuntimeError("no dimension of size 3 in input")
        dim = sizes.index(3)
    return linalg_cross(input, other, dim=dim, out=out)


@linalg("vecdot", saves=("x", "y"), check=lambda x, y, dim=-1: check_float("linalg.vecdot", x, low=True))
def vecdot(x: Array, y: Array, *, dim: int = -1):
    """Sum of products along `dim`, `x` conjugated; other dimensions broadcast."""
    return (x.conj() * y).sum(axis=dim)
