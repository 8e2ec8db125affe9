"""What must hold of the parts of sparse tensors: PyTorch's invariants and their messages."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .._core import dtypes
from .._core.compressed import NAMES, Pattern, by_rows, in_blocks
from .._core.tensor import Tensor
from .validate import scalar_name

_MSG_BUSY = "This context manager instance is already activated. Use a different context manager instance for context nesting."


class check_sparse_tensor_invariants:  # noqa: N801 - PyTorch's name
    """Whether constructors of sparse tensors look at the indices (they do not by default).

    A context manager and a decorator; `enable()` and `disable()` hold from there on.
    """

    __module__ = "torchlike.sparse"
    _enabled = False

    def __init__(self, enable: bool = True):
        self.state = enable
        self.saved_state: bool | None = None

    @staticmethod
    def is_enabled() -> bool:
        """Whether indices are checked now."""
        return check_sparse_tensor_invariants._enabled

    @staticmethod
    def enable() -> None:
        """Checks indices from now on."""
        check_sparse_tensor_invariants._enabled = True

    @staticmethod
    def disable() -> None:
        """Leaves indices unchecked from now on."""
        check_sparse_tensor_invariants._enabled = False

    def __enter__(self) -> None:
        if self.saved_state is not None:
            raise RuntimeError(_MSG_BUSY)
        self.saved_state = self.is_enabled()
        check_sparse_tensor_invariants._enabled = self.state

    def __exit__(self, *_: Any) -> None:
        assert self.saved_state is not None
        check_sparse_tensor_invariants._enabled = self.saved_state
        self.saved_state = None

    def __call__(self, mth: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(mth)
        def checked(*args: Any, **kwargs: Any) -> Any:
            with type(self)(self.state):
                return mth(*args, **kwargs)

        return checked


def wanted(check_invariants: bool | None) -> bool:
    """Whether a constructor called with this `check_invariants` looks at the indices."""
    return check_sparse_tensor_invariants._enabled if check_invariants is None else check_invariants


def check_coo(indices: Tensor, size: tuple[int, ...]) -> None:
    """RuntimeError if an index lies outside of the shape."""
    for d, row in enumerate(indices.cpu().numpy()):
        if row.size and row.min() < 0:
            raise RuntimeError(f"found negative index {int(row.min())} for dim {d}")
        if row.size and row.max() >= size[d]:
            raise RuntimeError(
                f"size is inconsistent with indices: for dim {d}, size is {size[d]} but found index {int(row.max())}"
            )


def check_compressed(kind: str, pattern: Pattern, values: Tensor, size: tuple[int, ...]) -> None:
    """RuntimeError if shapes or dtypes of a compressed tensor's parts do not fit each other."""
    compressed, plain = pattern.compressed, pattern.plain
    c_name, p_name = NAMES[by_rows(kind)]
    if compressed.dim() < 1:
        raise RuntimeError(f"{c_name} must have dimensionality >= 1 but got {compressed.dim()}")
    if plain.dim() != compressed.dim():
        raise RuntimeError(
            f"{c_name} and {p_name} dimensionalities must be equal but got {compressed.dim()} and {plain.dim()}, "
            "respectively"
        )
    n, base = compressed.dim() - 1, 2 if in_blocks(kind) else 0
    if values.dim() <= n + base:
        raise RuntimeError(
            f"values must have dimensionality > sum of batch and block dimensionalities (={n} + {base}) but got "
            f"{values.dim()}"
        )
    dense = values.dim() - n - base - 1
    if len(size) != n + 2 + dense:
        raise RuntimeError(
            f"tensor dimensionality must be sum of batch, base, and dense dimensionalities (={n} + 2 + {dense}) but got "
            f"{len(size)}"
        )
    batches = [list(s[:n]) for s in (compressed.shape, plain.shape, values.shape, size)]
    if any(b != batches[3] for b in batches):
        raise RuntimeError(
            f"all batch dimensions of {c_name} (={batches[0]}), {p_name} (={batches[1]}), and values (={batches[2]}) "
            f"must be equal to tensor batch dimensions (={batches[3]})"
        )
    block = tuple(values.shape[n + 1 : n + 3]) if base else (1, 1)
    for d in range(2):
        if block[d] < 1 or size[n + d] % block[d]:
            raise RuntimeError(
                f"tensor shape[{n + d}] (={size[n + d]}) must be divisible with blocksize[{d}] (={block[d]}) as defined "
                "by values shape"
            )
    which = 0 if by_rows(kind) else 1
    what = ("row" if by_rows(kind) else "column") + (" blocks" if base else "s")
    expected = size[n + which] // block[which] + 1
    if compressed.shape[-1] != expected:
        raise RuntimeError(
            f"{c_name}.shape[-1] must be equal to the number of {what} + 1 (={expected}), but got {compressed.shape[-1]}"
        )
    if plain.shape[-1] != values.shape[n]:
        raise RuntimeError(
            f"{p_name}.shape[-1] must be equal to nnz (={values.shape[n]}) as defined by values.shape[{n}], but got "
            f"{plain.shape[-1]}"
        )
    if tuple(values.shape[n + 1 + base :]) != size[n + 2 :]:
        raise RuntimeError(
            f"the dense dimensions of values (={list(values.shape[n + 1 + base :])}) must be equal to those of the "
            f"tensor (={list(size[n + 2 :])})"
        )
    kinds = [t.dtype for t in (compressed, plain)]
    wrong = next((k for k in kinds if k not in (dtypes.int32, dtypes.int64)), None)
    if wrong is not None:
        raise RuntimeError(f"{c_name} and {p_name} dtype must be Int or Long, but got {scalar_name(wrong)}")


def check_pattern(kind: str, pattern: Pattern, size: tuple[int, ...], block: tuple[int, int]) -> None:
    """RuntimeError if the indices themselves break an invariant of compressed tensors."""
    rows = by_rows(kind)
    c_name, p_name = NAMES[rows]
    kinds = [scalar_name(t.dtype) for t in (pattern.compressed, pattern.plain)]
    if kinds[0] != kinds[1]:
        raise RuntimeError(
            f"{c_name} and {p_name} must have the same dtype, bot got {kinds[0]} and {kinds[1]}, respectively"
        )
    n = len(pattern.batch)
    width = size[n + rows] // block[rows]  # of the other dimension
    outer, inner = ("nrows", "ncols") if rows else ("ncols", "nrows")
    compressed, plain = pattern.host()
    nnz = plain.shape[-1]

    def insist(holds: Any, text: str) -> None:
        if not np.all(holds):
            raise RuntimeError(f"`{text}` is not satisfied.")

    counts = np.diff(compressed)
    insist(compressed[..., 0] == 0, f"{c_name}[..., 0] == 0")
    insist(compressed[..., -1] == nnz, f"{c_name}[..., -1] == nnz")
    insist(
        (counts >= 0) & (counts <= width),
        f"0 <= {c_name}[..., 1:] - {c_name}[..., :-1] <= {inner}",
    )
    insist((plain >= 0) & (plain < width), f"0 <= {p_name} < {inner}")
    number = np.repeat(np.arange(counts.size), counts.reshape(-1))  # each entry's row (or column)
    rises = np.diff(plain.reshape(-1)) > 0
    insist(
        rises | (np.diff(number) > 0),
        f"{p_name}[..., {c_name}[..., i - 1]:{c_name}[..., i]] for all i = 1, ..., {outer} are sorted and distinct along "
        "the last dimension values",
    )
