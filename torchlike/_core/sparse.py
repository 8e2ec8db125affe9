"""Sparse COO tensors: a Tensor that holds two dense ones, its indices and its values.

What operators do with them is written in `ops/sparse_*.py` and found here by name (`handles`).
History and gradients are those of the values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import dtypes
from .graph import aval
from .overrides import Overridden
from .printing import sparse_str
from .tensor import Tensor, from_numpy_copy

HANDLERS: dict[str, Callable[..., Any]] = {}

_MSG_BACKEND = (
    "Could not run 'aten::{name}' with arguments from the '{backend}' backend. torchlike has no sparse version "
    "of it; call .to_dense() first."
)
_MSG_UNCOALESCED = "Cannot get {} on an uncoalesced tensor, please call .coalesce() first"


def handles(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorates what the operators of these names do when an argument is sparse."""

    def decorate(fn: Callable[..., Any]) -> Callable[..., Any]:
        HANDLERS.update(dict.fromkeys(names, fn))
        return fn

    return decorate


class SparseAccess(Overridden, NotImplementedError):
    """An operator asked for the data of a sparse tensor: it is dispatched, or does not know them."""


SparseAccess.__name__ = SparseAccess.__qualname__ = "NotImplementedError"  # what a user sees of it
SparseAccess.__module__ = "builtins"


def not_sparse(name: str, t: Tensor) -> NotImplementedError:
    """PyTorch's error for an operator without a sparse version."""
    backend = "SparseCUDA" if t.is_cuda else "SparseCPU"
    return NotImplementedError(_MSG_BACKEND.format(name=name, backend=backend))


class SparseTensor(Tensor):
    """A tensor of which only some entries are stored; those at one place add up.

    Shape: `indices` int64 (sparse_dim, nnz), `values` (nnz, *sizes of the dense dimensions).
    """

    is_sparse = True  # type: ignore[assignment]

    _i: Tensor
    _v: Tensor
    _size: tuple[int, ...]
    _coalesced: bool  # indices are sorted and distinct
    _loose: bool  # entries whose first index is `_size[0]` do not count; they go once somebody looks

    @staticmethod
    def make(
        indices: Tensor, values: Tensor, size: tuple[int, ...], coalesced: bool = False, loose: bool = False
    ) -> SparseTensor:
        """A sparse tensor over these parts; nothing is checked."""
        t = object.__new__(SparseTensor)
        t._i, t._v, t._size, t._coalesced, t._loose = indices, values, tuple(size), coalesced, loose
        return t

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        handler = HANDLERS.get(func.__name__)
        if handler is None:
            found = next((a for a in args if isinstance(a, SparseTensor)), None)
            raise not_sparse(func.__name__, args[0] if found is None else found)
        return handler(*args, **(kwargs or {}))

    # ---- its parts -----------------------------------------------------------------------

    def parts(self) -> tuple[Tensor, Tensor]:
        """Indices and values, without entries that do not count."""
        if self._loose:
            (kept,) = np.nonzero(self._i.detach().cpu().numpy()[0] < self._size[0])
            if len(kept) != self._i.shape[1]:
                places = from_numpy_copy(kept, self.device)
                self._i, self._v = self._i.index_select(1, places), self._v.index_select(0, places)
            self._loose = False
        return self._i, self._v

    def like(self, values: Tensor, coalesced: bool | None = None) -> SparseTensor:
        """The same indices with other values."""
        return SparseTensor.make(
            self._i, values, self._size, self._coalesced if coalesced is None else coalesced, self._loose
        )

    def become(self, other: SparseTensor) -> SparseTensor:
        """Takes over another's parts, in place."""
        self._i, self._v, self._size = other._i, other._v, other._size
        self._coalesced, self._loose = other._coalesced, other._loose
        return self

    def _indices(self) -> Tensor:
        return self.parts()[0].detach()

    def _values(self) -> Tensor:
        return self.parts()[1].detach()

    def indices(self) -> Tensor:
        """The indices (sparse_dim, nnz).

        Raises:
            RuntimeError: the tensor is not coalesced.
        """
        if not self._coalesced:
            raise RuntimeError(_MSG_UNCOALESCED.format("indices"))
        return self._i.detach()

    def values(self) -> Tensor:
        """The values (nnz, ...); gradients flow through.

        Raises:
            RuntimeError: the tensor is not coalesced.
        """
        if not self._coalesced:
            raise RuntimeError(_MSG_UNCOALESCED.format("values"))
        return HANDLERS["values"](self._v)

    def _nnz(self) -> int:
        return self.parts()[1].shape[0]

    def is_coalesced(self) -> bool:
        """Whether indices are sorted and occur once."""
        return self._coalesced

    def _coalesced_(self, coalesced: bool) -> SparseTensor:
        self._coalesced = coalesced
        return self

    def sparse_dim(self) -> int:
        """How many dimensions are indexed."""
        return self._i.shape[0]

    def dense_dim(self) -> int:
        """How many dimensions a value has."""
        return len(self._size) - self._i.shape[0]

    # ---- what it is, as of any tensor --------------------------------------------------------

    @property
    def _aval(self) -> Any:  # type: ignore[override]
        a = self._v._aval
        return aval(self._size, a.dtype, a.device)

    @property
    def aval(self) -> Any:
        """Shape, dtype and device: a gradient may be sparse where a Value is expected."""
        return self._aval

    @property
    def _storage(self) -> Any:  # type: ignore[override]
        raise SparseAccess(_MSG_BACKEND.format(name="as_strided", backend="SparseCPU"))

    def _read(self) -> Any:
        raise SparseAccess(_MSG_BACKEND.format(name="as_strided", backend="SparseCPU"))

    def _alias(self) -> SparseTensor:  # type: ignore[override]
        return self.like(self._v.detach())

    detach = _alias  # type: ignore[assignment]

    @property
    def data(self) -> Tensor:
        """The same parts outside the tape."""
        return self._alias()

    @data.setter
    def data(self, source: Tensor) -> None:
        if not isinstance(source, SparseTensor):
            raise RuntimeError("Attempted to set the data of a sparse tensor to a dense one")
        self.become(source._alias())

    @property
    def _version(self) -> int:  # type: ignore[override]
        return self._v._version

    def numpy(self, *, force: bool = False) -> np.ndarray:
        raise TypeError("can't convert Sparse layout tensor to numpy. Use Tensor.to_dense() first.")

    def stride(self, dim: int | None = None) -> Any:
        """Sparse tensors have no strides: zeros."""
        return (0,) * len(self._size) if dim is None else 0

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """False."""
        return False

    # ---- gradients: those of the values ----------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether operators on this Tensor are taped."""
        return self._v.requires_grad

    @requires_grad.setter
    def requires_grad(self, flag: bool) -> None:
        self._v.requires_grad_(flag)

    def requires_grad_(self, requires_grad: bool = True) -> SparseTensor:
        """Sets whether operators on this leaf are taped; returns it."""
        self._v.requires_grad_(requires_grad)
        return self

    def _edge(self) -> Any:
        return self._v._edge()

    @property
    def grad_fn(self) -> Any:
        """The Node that made the values."""
        return self._v.grad_fn

    @property
    def grad(self) -> Tensor | None:
        """The gradient accumulated so far: sparse, at the places of this tensor."""
        g = self._v.grad
        if g is None:
            return None
        whole = SparseTensor.make(self._i, g, self._size, self._coalesced)
        return whole if self._coalesced else HANDLERS["representatives"](whole)

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            raise NotImplementedError(
                "the .grad of a sparse tensor can only be set to None; keep a dense leaf and use .to_sparse()"
            )
        self._v.grad = None

    def detach_(self) -> SparseTensor:  # type: ignore[override]
        """Leaves the tape in place."""
        self._v = self._v.detach()
        return self

    def retain_grad(self) -> None:
        """Asks backward to fill `.grad` of this non-leaf."""
        self._v.retain_grad()

    # ---- Python's protocols ---------------------------------------------------------------------------

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        indices, values = self.parts()
        node = self.grad_fn
        return sparse_str(
            indices.detach().cpu().numpy(),
            values._host(),
            self._size,
            self.dtype.name,
            str(self.device),
            self.requires_grad,
            None if node is None else node.name(),
            dtypes.get_default_dtype().name,
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> SparseTensor:
        if id(self) in memo:
            return memo[id(self)]
        if not self.is_leaf:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment."
            )
        values = self._v.detach().clone().requires_grad_(self.requires_grad)
        out = SparseTensor.make(self._i.clone(), values, self._size, self._coalesced, self._loose)
        memo[id(self)] = out
        return out

    def __copy__(self) -> SparseTensor:
        return self.like(self._v)

    def __reduce_ex__(self, protocol: Any) -> Any:
        indices, values = self.parts()
        return _rebuild, (indices.detach(), values, self._size, self._coalesced)

    def __bool__(self) -> bool:
        raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")

    def __hash__(self) -> int:
        return id(self)


def _rebuild(indices: Tensor, values: Tensor, size: tuple[int, ...], coalesced: bool) -> SparseTensor:
    """What a pickled sparse tensor calls when it is read back."""
    return SparseTensor.make(indices, values, size, coalesced)
