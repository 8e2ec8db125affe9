"""Questions about Tensors and dtypes, and what class a Tensor is."""

from __future__ import annotations

from typing import Any

from .._core import dtypes
from .._core.registry import function
from .._core.tensor import Tensor
from .memory import UntypedStorage
from .validate import tensors_only


@function(spaces=("torch",))
def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype is floating."""
    return input.is_floating_point()


@function(spaces=("torch",))
def is_complex(input: Tensor) -> bool:
    """Whether the dtype is complex."""
    return input.is_complex()


@function(spaces=("torch",))
def is_signed(input: Tensor) -> bool:
    """Whether the dtype has a sign."""
    return input.is_signed()


@function(spaces=("torch",))
def is_inference(input: Tensor) -> bool:
    """Whether the Tensor was made in inference mode."""
    return input.is_inference()


@function()
def is_nonzero(input: Tensor) -> bool:
    """Whether the only element differs from zero.

    Raises:
        RuntimeError: there is not exactly one element.
    """
    tensors_only((input,))
    return bool(input)


@function()
def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether two Tensors have the same sizes."""
    return tuple(input.shape) == tuple(other.shape)


@function(spaces=("torch",))
def is_storage(obj: Any) -> bool:
    """Whether it is an `UntypedStorage`."""
    return isinstance(obj, UntypedStorage)


@function(spaces=("torch",))
def result_type(tensor1: Any, tensor2: Any) -> dtypes.dtype:
    """The dtype of arithmetic between two Tensors or numbers."""
    return dtypes.result_type([x._aval if isinstance(x, Tensor) else type(x) for x in (tensor1, tensor2)])


@function(spaces=("torch",))
def typename(obj: Any) -> str:
    """The type of an object with its module; of a Tensor its type with dtype (`"torch.FloatTensor"`)."""
    if isinstance(obj, Tensor):
        return obj.type()
    kind = obj if hasattr(obj, "__qualname__") and hasattr(obj, "__module__") else type(obj)
    module = getattr(kind, "__module__", None) or ""
    return kind.__qualname__ if module in ("", "builtins") else f"{module}.{kind.__qualname__}"


@function(spaces=("Tensor",))
def as_subclass(self: Tensor, cls: type) -> Any:
    """The same data and history as an instance of a subclass of Tensor.

    Raises:
        TypeError: `cls` is no subclass of Tensor.
    """
    if not (isinstance(cls, type) and issubclass(cls, Tensor)):
        raise TypeError(
            f"as_subclass(): argument 'cls' (position 1) must be a subclass of Tensor, not {cls!r}"
        )
    shown = self.view_as(self)
    made = object.__new__(cls)
    vars(made).update(vars(shown))
    return made
