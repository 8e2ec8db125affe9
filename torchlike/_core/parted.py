"""Tensors that hold dense ones: what COO and compressed tensors share.

A Parted tensor has index tensors and values. What operators do with it is written in
`ops/sparse_*.py` and found by the operator's name (`handles`). History and gradients are those of the values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import dtypes, errors
from .graph import aval
from .modes import local
from .overrides import Overridden, _flatten
from .tensor import Tensor

Handlers = dict[str, Callable[..., Any]]

_MSG_BACKEND = (
    "Could not run 'aten::{name}' with arguments from the '{backend}' backend. torchlike has no sparse version "
    "of it; call .to_dense() first."
)
_MSG_NO_STORAGE = "Cannot access data pointer of Tensor that doesn't have storage"


def handles(*names: str, table: Handlers) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorates what the operators of these names do when an argument is of the table's kind."""

    def decorate(fn: Callable[..., Any]) -> Callable[..., Any]:
        table.update(dict.fromkeys(names, fn))
        return fn

    return decorate


class SparseAccess(Overridden, NotImplementedError):
    """An operator asked for the data of a sparse tensor: it is dispatched, or does not know them."""


SparseAccess.__name__ = SparseAccess.__qualname__ = "NotImplementedError"  # what a user sees of it
SparseAccess.__module__ = "builtins"


def not_sparse(name: str, t: Tensor) -> NotImplementedError:
    """PyTorch's error for an operator without a version for the tensor's layout."""
    kind = getattr(t, "_backend", "")
    return NotImplementedError(
        _MSG_BACKEND.format(name=name, backend=kind + ("CUDA" if t.is_cuda else "CPU"))
    )


class Parted(Tensor):
    """A tensor of index tensors and values.

    Subclasses say which index tensors there are (`renewed`), their kind, and the table of their operators.
    """

    _parted = True
    _kind: str  # "coo", "csr", ...: the layout's name
    _backend: str  # of PyTorch's: "Sparse" or "SparseCsr"
    _rank = 0  # among the arguments of an operator, the kind of the highest rank is asked
    _handlers: Handlers

    _v: Tensor
    _size: tuple[int, ...]

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        found = [a for a in _flatten([args, list(kwargs.values())]) if isinstance(a, Parted)]
        chosen = max(found, key=lambda t: t._rank)
        handler = chosen._handlers.get(func.__name__)
        if handler is None:
            raise not_sparse(func.__name__, chosen)
        return handler(*args, **kwargs)

    # ---- what subclasses say -----------------------------------------------------------------

    def renewed(self, values: Tensor, each: Callable[[Tensor], Tensor]) -> Any:
        """The same tensor with other values, and `each` of its index tensors."""
        raise NotImplementedError

    def like(self, values: Tensor) -> Any:
        """The same indices with other values."""
        raise NotImplementedError

    def become(self, other: Any) -> Any:
        """Takes over another's parts, in place."""
        raise NotImplementedError

    def _nnz(self) -> int:
        """How many entries (or blocks) are stored."""
        raise NotImplementedError

    @property
    def _name(self) -> str:
        """The layout's name in PyTorch's errors: `Sparse`, `SparseCsr`, ..."""
        return "Sparse" + (self._kind.capitalize() if self._kind != "coo" else "")

    def moved(self, values: Tensor) -> Any:
        """The same tensor with other values, its indices on their device."""
        if values is self._v:
            return self
        same = values.device is self._v.device
        return self.like(values) if same else self.renewed(values, lambda i: i.to(values.device))

    def values(self) -> Tensor:
        """The values; gradients flow through."""
        return self._handlers["values"](self._v)

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
        raise SparseAccess(str(not_sparse("as_strided", self)))

    def _read(self) -> Any:
        raise SparseAccess(str(not_sparse("as_strided", self)))

    def _alias(self) -> Any:  # type: ignore[override]
        return self.like(self._v.detach())

    detach = _alias  # type: ignore[assignment]

    @property
    def data(self) -> Tensor:
        """The same parts outside the tape."""
        return self._alias()

    @data.setter
    def data(self, source: Tensor) -> None:
        if type(source) is not type(self):
            raise RuntimeError("Attempted to set the data of a sparse tensor to a dense one")
        self.become(source._alias())

    @property
    def _version(self) -> int:  # type: ignore[override]
        return self._v._version

    def numpy(self, *, force: bool = False) -> np.ndarray:
        raise TypeError(f"can't convert {self._name} layout tensor to numpy. Use Tensor.to_dense() first.")

    def _indices(self) -> Tensor:
        raise not_sparse("_indices", self)

    def _values(self) -> Tensor:
        raise not_sparse("_values", self)

    def tolist(self) -> Any:
        raise RuntimeError(_MSG_NO_STORAGE)

    def data_ptr(self) -> int:
        raise RuntimeError(_MSG_NO_STORAGE)

    def check_leaf(self) -> None:
        """PyTorch's error for a leaf that requires grad and is written in place."""
        if local.ctx.grad and self.requires_grad and self.is_leaf:
            raise RuntimeError(errors.MSG_LEAF_INPLACE)

    def shares_indices(self, other: Any) -> bool:
        """Whether both have the same index tensors, not only equal ones."""
        raise NotImplementedError

    def take(self, result: Any, seen: bool = True) -> Any:
        """Becomes what an in-place operator computed.

        Args:
            seen: as long as indices stay, tensors that share the values see it.

        Raises:
            RuntimeError: a leaf that requires grad; a result of another kind of dtype.
        """
        self.check_leaf()
        if result.dtype is not self.dtype:
            if not dtypes.can_cast(result.dtype, self.dtype):
                kinds = [dtypes.SCALAR_NAMES[t.dtype.name] for t in (result, self)]
                raise RuntimeError(
                    "result type {} can't be cast to the desired output type {}".format(*kinds)
                )
            result = result.like(result._v.to(self.dtype))
        if seen and self.shares_indices(result) and result._v.shape == self._v.shape:
            self._v.copy_(result._v)
            return self
        leaf = self.requires_grad and self.is_leaf  # then nothing is taped now
        self.become(result)
        return self.requires_grad_() if leaf else self

    # ---- gradients: those of the values ----------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether operators on this Tensor are taped."""
        return self._v.requires_grad

    @requires_grad.setter
    def requires_grad(self, flag: bool) -> None:
        self._v.requires_grad_(flag)

    def requires_grad_(self, requires_grad: bool = True) -> Any:
        """Sets whether operators on this leaf are taped; returns it."""
        self._v.requires_grad_(requires_grad)
        return self

    def _edge(self) -> Any:
        return self._v._edge()

    @property
    def _node(self) -> Any:  # type: ignore[override]
        return self._v._node

    @property
    def _index(self) -> int:  # type: ignore[override]
        return self._v._index

    @property
    def grad_fn(self) -> Any:
        """The Node that made the values."""
        return self._v.grad_fn

    def _gradient(self, values: Tensor) -> Any:
        """The gradient of the values as one of this tensor."""
        return self.like(values)

    @property
    def grad(self) -> Tensor | None:
        """The gradient accumulated so far: sparse, at the places of this tensor."""
        g = self._v.grad
        return None if g is None else self._gradient(g)

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            raise NotImplementedError(
                "the .grad of a sparse tensor can only be set to None; keep a dense leaf and use .to_sparse()"
            )
        self._v.grad = None

    def backward(self, gradient: Tensor | None = None, retain_graph: bool | None = None,
                 create_graph: bool = False, inputs: Any = None) -> None:  # fmt: skip
        """Accumulates into `.grad` of the leaves; the gradient counts at the places of this tensor."""
        if gradient is None:
            raise RuntimeError("grad can be implicitly created only for scalar outputs")
        if tuple(gradient.shape) != self._size:
            raise RuntimeError(
                f"Mismatch in shape: grad_output[0] has a shape of {gradient.shape} and output[0] has a shape of "
                f"{self.shape}."
            )
        weights = self._handlers["sparse_mask"](gradient, self)._v
        self._v.backward(weights, retain_graph, create_graph, inputs)

    def register_hook(self, hook: Callable[[Tensor], Any]) -> Any:
        """Calls `hook(grad)` when this tensor's gradient is known; it may return another at the same places."""

        def of_values(g: Tensor) -> Any:
            out = hook(self._gradient(g))
            return None if out is None else self._handlers["sparse_mask"](out, self)._v

        return self._v.register_hook(of_values)

    def detach_(self) -> Any:  # type: ignore[override]
        """Leaves the tape in place."""
        self._v = self._v.detach()
        return self

    def retain_grad(self) -> None:
        """Asks backward to fill `.grad` of this non-leaf."""
        self._v.retain_grad()

    @property
    def retains_grad(self) -> bool:
        """Whether backward fills `.grad` of this non-leaf."""
        return self._v.retains_grad

    # ---- Python's protocols ---------------------------------------------------------------------------

    def _text(self) -> str:
        """What is printed of it."""
        raise NotImplementedError

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return ("Parameter containing:\n" if getattr(self, "_is_param", False) else "") + self._text()

    def _suffixes(self) -> tuple[str, str, bool, str | None, str]:
        """What `sparse_str` prints behind the parts: dtype, device, gradient, default dtype."""
        node = self.grad_fn
        name = None if node is None else node.name()
        default = dtypes.get_default_dtype().name
        return self.dtype.name, str(self.device), self.requires_grad, name, default

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) in memo:
            return memo[id(self)]
        if not self.is_leaf:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment."
            )
        values = self._v.detach().clone().requires_grad_(self.requires_grad)
        memo[id(self)] = out = self.renewed(values, lambda i: i.clone())
        return out

    def __copy__(self) -> Any:
        return self.like(self._v)

    def __bool__(self) -> bool:
        raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")

    def __hash__(self) -> int:
        return id(self)
