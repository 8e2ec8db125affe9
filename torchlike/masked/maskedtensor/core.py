"""The class MaskedTensor: a Tensor that holds two others, its data and its mask.

What operators do with it is written in `operators.py` and found here by name (`handles`). History and gradients are
those of the data; where the mask is False neither values nor gradients mean anything.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..._core import dtypes
from ..._core.function import Function
from ..._core.overrides import Overridden
from ..._core.sparse import SparseTensor
from ..._core.tensor import Tensor

HANDLERS: dict[str, Callable[..., Any]] = {}

_MSG_PROTOTYPE = (
    "The PyTorch API of MaskedTensors is in prototype stage and will change in the near future. Please open a Github "
    "issue for features requests and see our documentation on the torch.masked module for further information about "
    "the project."
)
_MSG_REQUIRES_GRAD = (
    "It is not recommended to create a MaskedTensor with a tensor that requires_grad. To avoid this, you can use "
    "data.detach().clone()"
)
_MSG_UNKNOWN = (
    "{name} is not implemented in __torch_dispatch__ for MaskedTensor.\n"
    "Apply it to .get_data() or .to_tensor(value), or use the functions of torch.masked."
)
_MSG_DISPATCH = (
    "Multiple dispatch failed for 'torch._ops.aten.{name}.default'; all __torch_dispatch__ handlers returned "
    "NotImplemented:\n\n  - tensor subclass {cls}\n\n"
    "MaskedTensor has no {name}: apply it to .get_data() or .to_tensor(value), or use the functions of torch.masked."
)
_DTYPES = ("float16", "float32", "float64", "bool", "int8", "int16", "int32", "int64")


def handles(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorates what the operators of these names do when an argument is masked."""

    def decorate(fn: Callable[..., Any]) -> Callable[..., Any]:
        HANDLERS.update(dict.fromkeys(names, fn))
        return fn

    return decorate


class MaskedAccess(Overridden, TypeError):
    """An operator asked for the memory of a MaskedTensor: it is dispatched, or does not know them."""


MaskedAccess.__name__ = MaskedAccess.__qualname__ = "TypeError"  # what a user sees of it
MaskedAccess.__module__ = "builtins"


def is_masked_tensor(obj: Any, /) -> bool:
    """Whether `obj` is a MaskedTensor."""
    return isinstance(obj, MaskedTensor)


def warn_prototype(data: Tensor, stacklevel: int) -> None:
    """PyTorch's warnings on making a MaskedTensor."""
    warnings.warn(_MSG_PROTOTYPE, UserWarning, stacklevel=stacklevel + 1)
    if data.requires_grad:
        warnings.warn(_MSG_REQUIRES_GRAD, UserWarning, stacklevel=stacklevel + 1)


def checked(data: Any, mask: Any) -> tuple[Any, Any]:
    """Data and mask, with the same places if they are sparse; PyTorch's errors where they do not fit."""
    for name, t in (("data", data), ("mask", mask)):
        if isinstance(t, MaskedTensor) or not isinstance(t, Tensor):
            raise TypeError(f"{name} must be a Tensor")
    if data.layout is not mask.layout:
        raise TypeError("data and mask must have the same layout.")
    if data.is_sparse:
        data, mask = data.coalesce(), mask.coalesce()
        if data._nnz() != mask._nnz():
            data = data.sparse_mask(mask)
        if not bool((data.indices() == mask.indices()).all()):
            raise ValueError("data and mask are both sparse COO tensors but do not have the same indices.")
    if mask.dtype is not dtypes.bool_:
        raise TypeError("mask must have dtype bool.")
    if data.dtype.name not in _DTYPES:
        raise TypeError(f"{data.dtype} is not supported in MaskedTensor.")
    if data.dim() != mask.dim():
        raise ValueError("data.dim() must equal mask.dim()")
    if data.shape != mask.shape:
        raise ValueError("data.size() must equal mask.size()")
    return data, mask


class GetData(Function):
    """The data of a MaskedTensor as a Tensor of its own."""

    @staticmethod
    def forward(ctx: Any, data: Tensor) -> Tensor:
        return data.detach()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return grads[0]


class MaskedTensor(Tensor):
    """A leaf with a copy of `data`, of which the elements count where `mask` is True.

    Args:
        data: a Tensor, strided or sparse COO, of bool, a signed integer or float16, float32, float64.
        mask: bool, of the same shape and layout.
        requires_grad: whether operators on it are taped.

    Raises:
        TypeError: data or mask is no Tensor, or of another dtype or layout. ValueError: their shapes differ.
    """

    __module__ = "torchlike.masked.maskedtensor.core"

    _parted = True  # operators find no storage here, and are dispatched
    _masked_data: Any
    _masked_mask: Any
    _masked_grad: Any = None  # `.grad` as it was last given out

    def __new__(cls, data: Any, mask: Any, requires_grad: bool = False) -> MaskedTensor:
        data, mask = checked(data, mask)
        warn_prototype(data, 2)
        return cls.of(data.detach().clone().requires_grad_(bool(requires_grad)), mask.clone())

    def __init__(self, data: Any, mask: Any, requires_grad: bool = False):
        pass

    @staticmethod
    def of(data: Any, mask: Any) -> MaskedTensor:
        """A MaskedTensor over these two; nothing is copied or checked."""
        t = object.__new__(MaskedTensor)
        t._masked_data, t._masked_mask = data, mask
        return t

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.__name__
        handler = HANDLERS.get(name)
        if handler is None:
            warnings.warn(_MSG_UNKNOWN.format(name=name), UserWarning, stacklevel=4)
            raise TypeError(_MSG_DISPATCH.format(name=name, cls=cls))
        return handler(func, *args, **(kwargs or {}))

    @classmethod
    def unary(cls, fn: Callable[[Any], Any], data: Any, mask: Any) -> MaskedTensor:
        """`fn` of the data, with the mask."""
        return MaskedTensor.of(fn(data), mask)

    # ---- its parts -----------------------------------------------------------------------

    def get_data(self) -> Any:
        """The data as a Tensor; gradients flow through."""
        data = self._masked_data
        return GetData.apply(data) if data.requires_grad and not data.is_sparse else data.detach()

    def get_mask(self) -> Any:
        """The mask: True where an element is there."""
        return self._masked_mask

    def to_tensor(self, value: Any) -> Tensor:
        """The data with `value` where nothing is."""
        return self.get_data().masked_fill(~self.get_mask(), value)

    def is_sparse_coo(self) -> bool:
        """Whether data and mask are sparse COO tensors."""
        return self._masked_data.is_sparse

    def is_sparse_csr(self) -> bool:  # type: ignore[override]
        """False: there is no such layout."""
        return False

    @property
    def is_sparse(self) -> bool:  # type: ignore[override]
        """Whether data and mask are sparse."""
        return self._masked_data.is_sparse

    # ---- what it is, as of any tensor --------------------------------------------------------

    @property
    def _aval(self) -> Any:  # type: ignore[override]
        return self._masked_data._aval

    @property
    def _storage(self) -> Any:  # type: ignore[override]
        raise MaskedAccess("MaskedTensor has no memory of its own; use .get_data()")

    _read = _host = _storage.fget  # type: ignore[attr-defined,assignment]

    @property
    def _version(self) -> int:  # type: ignore[override]
        return self._masked_data._version

    def _alias(self) -> MaskedTensor:  # type: ignore[override]
        return MaskedTensor.of(self._masked_data.detach(), self._masked_mask)

    data = property(_alias)  # type: ignore[assignment]

    def detach(self) -> MaskedTensor:
        """A copy outside the tape."""
        return MaskedTensor.of(self._masked_data.detach().clone(), self._masked_mask)

    def to_dense(self, dtype: Any = None, *, masked_grad: bool | None = None) -> MaskedTensor:
        """With dense data and mask; self if they are dense."""
        if not self.is_sparse:
            return self
        return MaskedTensor.of(self._masked_data.to_dense(), self._masked_mask.to_dense())

    def to_sparse_coo(self) -> MaskedTensor:
        """With sparse COO data, whose entries are where the mask is True, and a mask of the same places."""
        if self.is_sparse:
            return self
        mask = self._masked_mask.to_sparse()
        return MaskedTensor.of(self._masked_data.sparse_mask(mask), mask)

    def to_sparse(self) -> MaskedTensor:
        """`to_sparse_coo`."""
        return self.to_sparse_coo()

    def to_sparse_csr(self, dense_dim: Any = None) -> MaskedTensor:
        """Not there: raises.

        Raises:
            ValueError: there are not two dimensions. NotImplementedError: otherwise.
        """
        if self.dim() != 2:
            raise ValueError(
                f"Only 2D tensors can be converted to the SparseCsr layout but got shape: {self.shape}"
            )
        raise NotImplementedError("MaskedTensors are strided or sparse COO, not CSR; use .to_sparse_coo()")

    def stride(self, dim: int | None = None) -> Any:
        """Strides of the data."""
        return self._masked_data.stride() if dim is None else self._masked_data.stride(dim)

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """Whether the data is in order.

        Raises:
            ValueError: it is sparse.
        """
        if self.is_sparse:
            raise ValueError("MaskedTensors with sparse data do not have is_contiguous")
        return self._masked_data.is_contiguous()

    def item(self) -> Any:
        """The only element as a Python number.

        Raises:
            RuntimeError: there are several. ValueError: it is masked out.
        """
        if self.numel() == 1 and not self._masked_mask.item():
            raise ValueError("__torch_dispatch__, aten._local_scalar_dense: expected a mask tensor")
        return self._masked_data.item()

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """MaskedTensors have no NumPy form: a RuntimeError."""
        raise RuntimeError(".numpy() is not supported for tensor subclasses.")

    def tolist(self) -> Any:
        """MaskedTensors have no form as lists: a RuntimeError."""
        raise RuntimeError(".tolist() is not supported for tensor subclasses, got MaskedTensor")

    # ---- gradients: those of the data ----------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether operators on this Tensor are taped."""
        return self._masked_data.requires_grad

    @requires_grad.setter
    def requires_grad(self, flag: bool) -> None:
        self._masked_data.requires_grad = flag

    def requires_grad_(self, requires_grad: bool = True) -> MaskedTensor:
        """Sets whether operators on this leaf are taped; returns it."""
        self._masked_data.requires_grad_(requires_grad)
        return self

    def _edge(self) -> Any:
        return self._masked_data._edge()

    @property
    def grad_fn(self) -> Any:
        """The Node that made the data."""
        return self._masked_data.grad_fn

    @property
    def grad(self) -> MaskedTensor | None:
        """The gradient accumulated so far, with this mask."""
        g = self._masked_data.grad
        if g is None:
            self._masked_grad = None
        elif self._masked_grad is None or self._masked_grad._masked_data is not g:
            self._masked_grad = self._gradient(g)
        return self._masked_grad

    def _gradient(self, data: Any) -> MaskedTensor:
        """A gradient of the data as one of this tensor."""
        return MaskedTensor.of(data, self._masked_mask)

    @grad.setter
    def grad(self, value: Any) -> None:
        self._masked_data.grad = value._masked_data if isinstance(value, MaskedTensor) else value

    @grad.deleter
    def grad(self) -> None:
        self._masked_data.grad = None

    def detach_(self) -> MaskedTensor:  # type: ignore[override]
        """Leaves the tape in place."""
        self._masked_data = self._masked_data.detach()
        return self

    def retain_grad(self) -> None:
        """Asks backward to fill `.grad` of this non-leaf."""
        self._masked_data.retain_grad()

    @property
    def retains_grad(self) -> bool:
        """Whether backward fills `.grad` of this non-leaf."""
        return self._masked_data.retains_grad

    def register_hook(self, hook: Callable[[Any], Any]) -> Any:
        """Calls `hook(grad)` with a MaskedTensor when the gradient is known; it may return another."""
        mask = self._masked_mask

        def masked_hook(g: Any) -> Any:
            out = hook(MaskedTensor.of(g, mask))
            return out._masked_data if isinstance(out, MaskedTensor) else out

        return self._masked_data.register_hook(masked_hook)

    # ---- Python's protocols ---------------------------------------------------------------------------

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        data, mask = self._masked_data.detach().to_dense(), self._masked_mask.to_dense()
        values = [_shown(x) for x in np.asarray(data._host()).ravel().tolist()]
        there = np.asarray(mask._host()).ravel()
        if not data.dim():
            return f"MaskedTensor({values[0] if there[0] else '--'}, {bool(there[0])})"
        texts = np.array(values, dtype=object).reshape(tuple(data.shape))
        body = _body(texts, there.reshape(tuple(data.shape)))
        return "MaskedTensor(\n" + _indented(body) + "\n)"

    __str__ = __repr__

    def __deepcopy__(self, memo: dict[int, Any]) -> MaskedTensor:
        if id(self) not in memo:
            data, mask = copy.deepcopy(self._masked_data, memo), copy.deepcopy(self._masked_mask, memo)
            memo[id(self)] = MaskedTensor.of(data, mask)
        return memo[id(self)]

    def __copy__(self) -> MaskedTensor:
        return MaskedTensor.of(self._masked_data, self._masked_mask)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return MaskedTensor.of, (self._masked_data, self._masked_mask)

    def __bool__(self) -> bool:
        n = self.numel()
        if n != 1:
            which = "no values" if n == 0 else "more than one value"
            raise RuntimeError(f"Boolean value of Tensor with {which} is ambiguous")
        return bool(self.item())

    def __hash__(self) -> int:
        return id(self)


def values_of(t: Any) -> Tensor:
    """The values of a sparse tensor, a strided one as it is."""
    return t.values() if isinstance(t, SparseTensor) else t


def _shown(x: Any) -> str:
    return f"{x:8.4f}" if isinstance(x, float) else str(x)


def _indented(text: str) -> str:
    return "\n".join("  " + line for line in text.split("\n"))


def _body(texts: np.ndarray, there: np.ndarray) -> str:
    """The elements row by row, `--` where the mask is False."""
    if texts.ndim == 1:
        width = max((len(x) if m else 8 for x, m in zip(texts, there)), default=0)
        return "[" + ", ".join(x if m else "--".rjust(width) for x, m in zip(texts, there)) + "]"
    return "[\n" + ",\n".join(_indented(_body(x, m)) for x, m in zip(texts, there)) + "\n]"
