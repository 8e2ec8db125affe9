"""Views of parts: split, chunk, unbind and their kin."""

from __future__ import annotations

import operator
from typing import Any

from .._core import dtypes
from .._core.errors import ManyViews
from .._core.modes import local
from .._core.registry import function
from .._core.tensor import Tensor
from .strides import wrap_dim
from .view import _select, _slice


def _together(whole: Tensor, name: str, views: list[Tensor]) -> tuple[Tensor, ...]:
    """Views that one operator returned: under taping none of them may be written in place."""
    if local.ctx.grad:
        for i, view in enumerate(views):
            view._trait = ManyViews(i)
            if view._node is not None:
                view._node._name = f"{name}Backward0"
    return tuple(views)


# ---- parts ---------------------------------------------------------------------------------------------------


@function()
def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of consecutive parts: of one size (the last may be smaller), or of the sizes given."""
    a = tensor._aval
    d = wrap_dim(dim, a.ndim)
    if a.ndim == 0:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    n = a.shape[d]
    if isinstance(split_size_or_sections, (tuple, list)):
        return split_with_sizes(tensor, split_size_or_sections, dim)
    size = operator.index(split_size_or_sections)
    if size < 0:
        raise RuntimeError(f"split expects split_size be non-negative, but got split_size={size}")
    if size == 0 and n:
        raise RuntimeError(
            "split_size can only be 0 if dimension size is 0, but got dimension size of " + str(n)
        )
    starts = range(0, n, size) if n else [0]
    return _together(tensor, "Split", [_slice(tensor, d, s, min(size, n - s), 1) for s in starts])


@function()
def split_with_sizes(input: Tensor, split_sizes: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of consecutive parts of the given sizes."""
    d = wrap_dim(dim, input._aval.ndim)
    n = input._aval.shape[d]
    sizes = [operator.index(s) for s in split_sizes]
    if any(s < 0 for s in sizes):
        raise RuntimeError(
            f"split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes={sizes}"
        )
    if sum(sizes) != n:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size at dimension {dim}), "
            f"but got split_sizes={sizes}"
        )
    out, start = [], 0
    for s in sizes:
        out.append(_slice(input, d, start, s, 1))
        start += s
    return _together(input, "SplitWithSizes", out)


@function()
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of at most `chunks` parts of equal size (the last may be smaller)."""
    a = input._aval
    if a.ndim == 0:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    n = a.shape[wrap_dim(dim, a.ndim)]
    size = -(-n // chunks)
    if size == 0:
        return split_with_sizes(input, [0] * chunks, dim)
    return split(input, size, dim)


@function()
def tensor_split(input: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of parts: a number of nearly equal ones, or cut before the given indices."""
    a = input._aval
    if a.ndim == 0:
        raise RuntimeError(
            "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims"
        )
    d = wrap_dim(dim, a.ndim)
    n = a.shape[d]
    cuts = indices_or_sections
    if isinstance(cuts, Tensor):
        if cuts.device.type != "cpu":
            raise RuntimeError(
                f"tensor_split expected tensor_indices_or_sections to be on cpu, but it's on {cuts.device}"
            )
        if cuts.dtype is not dtypes.int64:
            raise RuntimeError(
                "tensor_split expected tensor_indices_or_sections to have dtype of long, but got "
                + str(cuts.dtype).replace("torch.", "").capitalize()
            )
        if cuts.ndim > 1:
            raise RuntimeError(
                "tensor_split expected tensor_indices_or_sections to be a zero-dimensional or one-dimensional tensor, "
                f"but got a tensor with {cuts.ndim} dims"
            )
        cuts = cuts.tolist()
    if isinstance(cuts, int):
        if cuts <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {cuts}")
        size, more = divmod(n, cuts)
        bounds = [0]
        for i in range(cuts):
            bounds.append(bounds[-1] + size + (i < more))
    else:
        at = [operator.index(c) for c in cuts]
        bounds = [0, *[min(max(c + n if c < 0 else c, 0), n) for c in at], n]
    return tuple(_slice(input, d, s, max(e - s, 0), 1) for s, e in zip(bounds, bounds[1:]))


def _nd_split(name: str, dim: Any, least: int) -> Any:
    def part(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
        n = input.ndim
        if n < least:
            raise RuntimeError(
                f"torch.{name} requires a tensor with at least {least} dimension, but got a tensor with {n} dimensions!"
            )
        d = dim(n)
        if isinstance(indices_or_sections, int):
            if indices_or_sections == 0 or input.shape[d] % indices_or_sections:
                raise RuntimeError(
                    f"torch.{name} attempted to split along dimension {d}, but the size of the dimension {input.shape[d]} "
                    f"is not divisible by the split_size {indices_or_sections}!"
                )
        return tensor_split(input, indices_or_sections, d)

    part.__name__ = name
    part.__doc__ = f"Views of parts along dimension {dim(3)} (of a tensor with several); see `tensor_split`."
    return function()(part)


hsplit = _nd_split("hsplit", lambda n: 0 if n == 1 else 1, 1)
vsplit = _nd_split("vsplit", lambda n: 0, 2)
dsplit = _nd_split("dsplit", lambda n: 2, 3)


@function()
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of all entries along a dimension."""
    a = input._aval
    if a.ndim == 0:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    d = wrap_dim(dim, a.ndim)
    return _together(input, "Unbind", [_select(input, d, i) for i in range(a.shape[d])])
