"""Python's own protocols on Tensors: printing, formatting, copying and pickling."""

from __future__ import annotations

import copy
from typing import Any

import jax.core
import numpy as np

from .._core import devices, dtypes
from .._core.modes import local, no_grad
from .._core.printing import tensor_str
from .._core.storage import Storage
from .._core.tensor import Tensor, from_numpy_copy

_MSG_DEEPCOPY = (
    "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the "
    "moment.  If you were attempting to deepcopy a module, this may be because of a "
    "torch.nn.utils.weight_norm usage, see https://github.com/pytorch/pytorch/pull/103001"
)
_MSG_NON_LEAF = (
    "Cowardly refusing to serialize non-leaf tensor which requires_grad, since autograd does not support "
    "crossing process boundaries.  If you just want to transfer the data, call detach() on the tensor before "
    "serializing (e.g., putting it on the queue)."
)


def tensor_repr(self: Tensor, *, tensor_contents: str | None = None) -> str:
    """The values (summarised where there are many) and what distinguishes the Tensor."""
    cls = type(self)
    value = self._read()
    array = None
    if isinstance(value.arr, jax.core.Tracer):  # inside a transformation: there are no values
        tensor_contents = f"<traced {self.dtype.name}{list(self.shape)}>"
        array = np.zeros((1,), np.float32)
    elif self.device is not devices.META:
        array = self._host()
    grad_fn = self.grad_fn
    return tensor_str(
        array,
        self.dtype.name,
        str(self.device),
        self.requires_grad,
        None if grad_fn is None else grad_fn.name(),
        class_name="Tensor" if getattr(self, "_is_param", False) and cls is Tensor else cls.__name__,
        is_parameter=bool(getattr(self, "_is_param", False)) and cls is not Tensor,
        default_dtype_name=dtypes.get_default_dtype().name,
        shape=tuple(self.shape),
        contents=tensor_contents,
    )


def tensor_format(self: Tensor, format_spec: str) -> str:
    """`f"{t:.4f}"`: of a 0-d Tensor its number, otherwise as any object."""
    if self.dim() == 0 and not self.is_meta and type(self) is Tensor:
        return format(self.detach().item(), format_spec)
    return object.__format__(self, format_spec)


def tensor_deepcopy(self: Tensor, memo: dict[int, Any]) -> Tensor:
    """A Tensor with data of its own; Tensors that share memory share it in the copy too.

    Raises:
        RuntimeError: this is no leaf.
    """
    if id(self) in memo:
        return memo[id(self)]
    if not self.is_leaf:
        raise RuntimeError(_MSG_DEEPCOPY)
    out = object.__new__(type(self))
    memo[id(self)] = out
    cell = self._storage
    copied = memo.get(id(cell))
    if copied is None:
        copied = memo[id(cell)] = Storage(cell.read())
        memo.setdefault("torchlike storages", []).append(cell)  # type: ignore[call-overload]  # keeps its id taken
    vars(out).update(vars(self._alias()))
    out._storage, out._counter = copied, None
    if out._lens is not None:
        out._value, out._seen = None, -1
    out._req, out._inference = self.requires_grad, local.ctx.inference
    if self._grad is not None:
        out._grad = copy.deepcopy(self._shown_grad(), memo)
    for name, value in vars(self).items():
        if not name.startswith("_") or name in ("_is_param", "_is_buffer"):
            vars(out)[name] = copy.deepcopy(value, memo)
    return out


def tensor_copy(self: Tensor) -> Tensor:
    """`copy.copy`: another Tensor over the same memory."""
    with no_grad():
        out = self.detach()
    if type(self) is not Tensor:
        plain, out = out, object.__new__(type(self))
        vars(out).update(vars(plain))
    vars(out).update(_attributes(self))
    return out.requires_grad_() if self.requires_grad and self.is_leaf else out


def tensor_reduce(self: Tensor, protocol: int) -> Any:
    """How `pickle` takes a Tensor apart: as a NumPy array. (`torch.save` has its own way.)"""
    if self.requires_grad and not self.is_leaf:
        raise RuntimeError(_MSG_NON_LEAF)
    args = (self._host(), str(self.device), self.requires_grad, type(self), _attributes(self))
    return _rebuild, args


def _attributes(t: Tensor) -> dict[str, Any]:
    """What a user has set on a Tensor."""
    return {k: v for k, v in vars(t).items() if not k.startswith("_") or k in ("_is_param", "_is_buffer")}


def _rebuild(
    array: np.ndarray, device: str, requires_grad: bool, cls: type, attributes: dict[str, Any]
) -> Tensor:
    """What a pickled Tensor calls when it is read back."""
    made = from_numpy_copy(array, device)
    if cls is not Tensor:
        plain, made = made, object.__new__(cls)
        vars(made).update(vars(plain))
    vars(made).update(attributes)
    return made.requires_grad_() if requires_grad else made


Tensor.__repr__ = tensor_repr  # type: ignore[method-assign]
Tensor.__format__ = tensor_format  # type: ignore[method-assign]
Tensor.__deepcopy__ = tensor_deepcopy  # type: ignore[attr-defined]
Tensor.__copy__ = tensor_copy  # type: ignore[attr-defined]
Tensor.__reduce_ex__ = tensor_reduce  # type: ignore[method-assign]
