"""Sparse tensors without entries, whatever function is asked for them, and matrices of diagonals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._core import dtypes
from .._core.compressed import COMPRESSED, KINDS, CompressedTensor, Pattern, by_rows, in_blocks
from .._core.parted import Parted
from .._core.registry import function, namespace
from .._core.sparse import HANDLERS
from .._core.tensor import Tensor
from .convert import Layout, strided
from .creation import zeros
from .sparse_convert import at_places, compressed
from .sparse_coo import LAYOUTS, MAKERS, coo_of, layout_name, sparse_coo, sparse_coo_tensor
from .validate import scalar_name

_MSG_BLOCKS = "{}_sparse_compressed expected sparse compressed (non-block) tensor layout but got {}"


def _empty(
    name: str, layout: Layout, size: tuple[int, ...], dtype: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """A tensor without entries."""
    if layout is sparse_coo:
        made: Tensor = sparse_coo_tensor(size=size, dtype=dtype, device=device)
        return made.requires_grad_(requires_grad)
    kind = next(k for k in KINDS if LAYOUTS[k] is layout)
    if in_blocks(kind):
        raise RuntimeError(_MSG_BLOCKS.format(name, layout_name(layout)))
    if len(size) < 2:
        raise RuntimeError(
            f"torch.{name}: Only batched sparse compressed (non-block) tensors are supported, but got size {list(size)}"
        )
    batch, n = size[:-2], size[-2 if by_rows(kind) else -1]
    pattern = [zeros((*batch, k), dtype=dtypes.int64, device=device) for k in (n + 1, 0)]
    values = zeros((*batch, 0), dtype=dtype, device=device)
    made = CompressedTensor.make(kind, Pattern(*pattern), values, size)
    return made.requires_grad_(requires_grad)


def _sizes(args: tuple[Any, ...], size: Any) -> tuple[int, ...]:
    found = size if size is not None else args[0] if len(args) == 1 and not isinstance(args[0], int) else args
    return tuple(int(n) for n in found)


def _by_size(name: str) -> Callable[..., Tensor]:
    def make(*args: Any, size: Any = None, layout: Any, dtype: Any = None, device: Any = None,
             requires_grad: bool = False, **_: Any) -> Tensor:  # fmt: skip
        return _empty(name, layout, _sizes(args, size), dtype, device, requires_grad)

    return make


def _by_example(name: str, sized: bool) -> Callable[..., Tensor]:
    def make(self: Tensor, *args: Any, size: Any = None, layout: Any = None, dtype: Any = None, device: Any = None,
             requires_grad: bool = False, **_: Any) -> Tensor:  # fmt: skip
        shape = _sizes(args, size) if sized else tuple(self.shape)
        layout = self.layout if layout is None else layout
        more = (dtype or self.dtype, device or self.device, requires_grad)
        if layout is strided:
            return zeros(shape, dtype=more[0], device=more[1], requires_grad=requires_grad)
        return _empty("empty" if sized else name, layout, shape, *more)

    return make


for _name in ("zeros", "empty"):
    MAKERS[_name] = _by_size(_name)
    MAKERS[f"{_name}_like"] = _by_example(_name, False)
    MAKERS[f"new_{_name}"] = HANDLERS[f"new_{_name}"] = COMPRESSED[f"new_{_name}"] = _by_example(_name, True)


@function(spaces=("sparse",))
def spdiags(diagonals: Tensor, offsets: Tensor, shape: Any, layout: Any = None) -> Any:
    """A sparse matrix of diagonals.

    Args:
        diagonals: (n, m) or (m,): entry j of a diagonal goes into column j.
        offsets: (n,) int64 or a number: 0 is the main diagonal, positive ones lie above it.
        shape: of the matrix.
        layout: torch.sparse_coo (default), sparse_csr or sparse_csc.

    Raises:
        RuntimeError: shapes or dtypes that do not fit, an offset that occurs twice.
    """
    wanted = sparse_coo if layout is None else layout
    if wanted not in (sparse_coo, LAYOUTS["csr"], LAYOUTS["csc"]):
        raise RuntimeError(
            f"Only output layouts (Sparse, SparseCsc, SparseCsr) are supported, got {layout_name(wanted)}"
        )
    rows = diagonals.unsqueeze(0) if diagonals.dim() == 1 else diagonals
    at = offsets.unsqueeze(0) if offsets.dim() == 0 else offsets
    size = tuple(int(n) for n in shape)
    if len(size) != 2:
        raise RuntimeError("Output shape must be 2d")
    if rows.dim() != 2:
        raise RuntimeError("Diagonals must be vector or matrix")
    if at.dim() != 1:
        raise RuntimeError("Offsets must be scalar or vector")
    if rows.shape[0] != at.shape[0]:
        raise RuntimeError(
            f"Number of diagonals ({rows.shape[0]}) does not match the number of offsets ({at.shape[0]})"
        )
    if at.dtype is not dtypes.int64:
        raise RuntimeError(f"Offset Tensor must have dtype Long but got {scalar_name(at.dtype)}")
    steps = at.detach().cpu().numpy()
    if len(np.unique(steps)) != len(steps):
        raise RuntimeError("Offset tensor contains duplicate values")
    width = min(size[1], rows.shape[1])
    which, column = (x.reshape(-1) for x in np.indices((len(steps), width)))
    row = column - steps[which]
    kept = (row >= 0) & (row < size[0])
    which, column, row = which[kept], column[kept], row[kept]
    index = namespace("torch")["tensor"]
    values = rows[index(which, device=rows.device), index(column, device=rows.device)]
    made = sparse_coo_tensor(index(np.stack([row, column]), device=rows.device), values, size)
    return made if wanted is sparse_coo else compressed(made, wanted.name.removeprefix("sparse_"), None, None)


# ---- checking gradients -------------------------------------------------------------------------------


def _filled(x: Any) -> Any:
    """The same sparse tensor with every element stored."""
    if isinstance(x, CompressedTensor):
        block = x.block if in_blocks(x._kind) else None
        whole = compressed(namespace("torch")["ones"](x._size), x._kind, block, x.dense_dim())
    else:
        whole = coo_of(namespace("torch")["ones"](x._size), x.sparse_dim())
    return at_places(x.detach().to_dense(), whole)


def as_sparse_gradcheck(gradcheck: Callable[..., Any]) -> Callable[..., Any]:
    """A gradcheck that takes sparse tensors: their values are what is varied.

    Args:
        gradcheck: `torch.autograd.gradcheck` or one with its parameters.

    Returns:
        The same with one more keyword, `masked`: vary the stored entries only, not all elements (default: False).
    """

    def checked(func: Callable[..., Any], inputs: Any, **kwargs: Any) -> Any:
        masked = kwargs.pop("masked", False)
        given = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        shaped = [
            _filled(x) if isinstance(x, Parted) and x.requires_grad and not masked else x for x in given
        ]

        def values(x: Any, like: Any) -> Any:
            return x._v.detach().clone().requires_grad_(like.requires_grad) if isinstance(x, Parted) else x

        def call(*parts: Any) -> Any:
            back = [x.like(p) if isinstance(x, Parted) else p for x, p in zip(shaped, parts)]
            out = func(*back)
            many = tuple(
                o._v if isinstance(o, Parted) else o for o in (out if isinstance(out, tuple) else (out,))
            )
            return many if isinstance(out, tuple) else many[0]

        return gradcheck(call, tuple(values(x, g) for x, g in zip(shaped, given)), **kwargs)

    return checked


namespace("sparse")["as_sparse_gradcheck"] = as_sparse_gradcheck
