"""Parameter and Buffer: tensors that a Module registers when they are assigned as attributes."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from .._core.dtypes import get_default_dtype
from .._core.registry import PLAIN
from .._core.tensor import Tensor, blank, from_numpy_copy
from ..ops.creation import empty

__all__ = [
    "Parameter",
    "UninitializedParameter",
    "is_lazy",
    "Buffer",
    "UninitializedBuffer",
    "UninitializedTensorMixin",
]

_MSG_NO_SHAPE = (
    "Can't access the shape of an uninitialized parameter or buffer. "
    "This error usually happens in `load_state_dict` when trying to load "
    "an uninitialized parameter into an initialized one. "
    "Call `forward` to initialize the parameters before accessing their attributes."
)
_MSG_NO_SHARE = (
    "Can't share memory on an uninitialized parameter or buffer. "
    "Call `forward` to initialize the parameters before calling "
    "`module.share_memory()`."
)
_METHOD = "<method '{}' of 'torch._C.TensorBase' objects>"
_MSG_UNUSABLE = (
    "Attempted to use an uninitialized parameter in {}. "
    "This error happens when you are using a `LazyModule` or "
    "explicitly manipulating `torch.nn.parameter.{}` "
    "objects. When using LazyModules Call `forward` with a dummy batch "
    "to initialize the parameters before calling torch functions"
)


def _adopt(cls: type, data: Tensor, requires_grad: bool) -> Any:
    """A leaf of class `cls` over the storage of `data`."""
    if requires_grad and not (data.dtype.is_floating_point or data.dtype.is_complex):
        raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
    out = blank(cls)
    for name, value in vars(data._alias()).items():
        setattr(out, name, value)
    out._req = bool(requires_grad)
    return out


class _ParameterMeta(type(Tensor)):
    """Lets a custom Tensor subclass wrapped by Parameter() answer isinstance(x, Parameter)."""

    def __instancecheck__(cls, instance: Any) -> bool:
        if type.__instancecheck__(cls, instance):
            return True
        return cls is Parameter and isinstance(instance, Tensor) and getattr(instance, "_is_param", False)


class Parameter(Tensor, metaclass=_ParameterMeta):
    """A tensor that a Module lists among its parameters.

    Args:
        data: the tensor whose storage the parameter takes over; an empty tensor if None.
        requires_grad: whether gradients are accumulated into `.grad`. Default: True.
    """

    def __new__(cls, data: Any = None, requires_grad: bool = True) -> Any:
        if data is None:
            data = empty(0)
        if type(data) in PLAIN:
            return _adopt(cls, data, requires_grad)
        out = data.detach().requires_grad_(requires_grad)
        if type(out) is not type(data):
            raise RuntimeError(
                f"Creating a Parameter from an instance of type {type(data).__name__} "
                "requires that detach() returns an instance of the same type, but return "
                f"type {type(out).__name__} was found instead. To use the type as a "
                "Parameter, please correct the detach() semantics defined by "
                "its __torch_dispatch__() implementation."
            )
        out._is_param = True
        return out

    def __init__(self, data: Tensor | None = None, requires_grad: bool = True):
        pass  # everything is done in __new__; data may be of a Tensor subclass

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        if id(self) in memo:
            return memo[id(self)]
        # On the host: a recorded clone would make the next step differ from those after it.
        data = (
            self.detach().clone()
            if self.is_meta
            else from_numpy_copy(self._host(), self.device, self._aval.order)
        )
        out = type(self)(data, self.requires_grad)
        memo[id(self)] = out
        return out

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()

    def __reduce_ex__(self, protocol: int):
        return _rebuild_parameter, (self.data, self.requires_grad, OrderedDict())


PLAIN.add(Parameter)  # computes as a Tensor does


def _rebuild_parameter(data: Tensor, requires_grad: bool, backward_hooks: Any) -> Parameter:
    """What a pickled Parameter calls when it is read back; hooks are never pickled."""
    return Parameter(data, requires_grad)


class _BufferMeta(type(Tensor)):
    def __instancecheck__(cls, instance: Any) -> bool:
        if cls is Buffer:
            return isinstance(instance, Tensor) and getattr(instance, "_is_buffer", False)
        return type.__instancecheck__(cls, instance)


class Buffer(Tensor, metaclass=_BufferMeta):
    """A tensor that a Module lists among its buffers when it is assigned as an attribute.

    Args:
        data: the tensor; an empty tensor if None.
        persistent: whether the buffer is part of the state_dict. Default: True.
    """

    def __new__(cls, data: Any = None, *, persistent: bool = True) -> Any:
        if data is None:
            data = empty(0)
        out = data.detach().requires_grad_(data.requires_grad)
        out.persistent = persistent
        out._is_buffer = True
        return out


class UninitializedTensorMixin(Tensor):
    """Behaviour of a parameter or buffer whose shape is not known yet (lazy modules)."""

    _lazy_allowed = frozenset(
        {
            "__class__",
            "__deepcopy__",
            "__dict__",
            "__hash__",
            "__init__",
            "__new__",
            "__reduce_ex__",
            "__repr__",
            "__setattr__",
            "__class_getitem__",
            "cls_to_become",
            "copy_",
            "cpu",
            "cuda",
            "data",
            "device",
            "double",
            "dtype",
            "float",
            "get_device",
            "grad",
            "grad_fn",
            "half",
            "bfloat16",
            "is_complex",
            "is_cuda",
            "is_floating_point",
            "is_leaf",
            "is_meta",
            "materialize",
            "persistent",
            "requires_grad",
            "share_memory_",
            "to",
            "type",
            "untyped_storage",
            "detach",
            "is_sparse",
            "layout",
        }
    )

    def materialize(self, shape: tuple[int, ...], device: Any = None, dtype: Any = None) -> None:
        """Becomes an ordinary Parameter or Buffer of the given shape, with undefined values.

        Args:
            shape: the shape to take.
            device, dtype: of the new data; by default those given when this object was made.
        """
        requires_grad = self.requires_grad
        self.data = empty(
            tuple(shape), device=self.device if device is None else device,
            dtype=self.dtype if dtype is None else dtype,
        )  # fmt: skip
        self.__class__ = self.cls_to_become
        self.requires_grad_(requires_grad)

    def __getattribute__(self, name: str) -> Any:
        if name == "shape":
            raise RuntimeError(_MSG_NO_SHAPE)
        if name.startswith("_") or name in UninitializedTensorMixin._lazy_allowed:
            return super().__getattribute__(name)
        value = super().__getattribute__(name)  # AttributeError first, for names nobody has
        if callable(value):
            raise ValueError(_MSG_UNUSABLE.format(_METHOD.format(name), type(self).__name__))
        return value

    def share_memory_(self) -> Any:
        raise RuntimeError(_MSG_NO_SHARE)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __len__(self) -> int:
        raise RuntimeError(_MSG_NO_SHAPE)

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        name = getattr(func, "__name__", repr(func))
        if name in UninitializedTensorMixin._lazy_allowed or name in ("__get__", "__set__"):
            return super().__torch_function__(func, types, args, kwargs or {})
        raise ValueError(_MSG_UNUSABLE.format(_METHOD.format(name), cls.__name__))


def is_lazy(param: Any) -> bool:
    """Whether `param` is an uninitialized parameter or buffer."""
    return isinstance(param, UninitializedTensorMixin)


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A parameter without a shape; `materialize(shape)` turns it into a Parameter."""

    cls_to_become = Parameter

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None):
        data = empty(0, device=device, dtype=dtype or get_default_dtype())
        return _adopt(cls, data, requires_grad)

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None):
        pass

    def __deepcopy__(self, memo: dict[int, Any]) -> UninitializedParameter:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, self.device, self.dtype)
        return memo[id(self)]

    def __reduce_ex__(self, protocol: int):
        return UninitializedParameter, (self.requires_grad, self.device, self.dtype)


class UninitializedBuffer(UninitializedTensorMixin):
    """A buffer without a shape; `materialize(shape)` turns it into a plain tensor."""

    cls_to_become = Tensor

    def __new__(
        cls, requires_grad: bool = False, device: Any = None, dtype: Any = None, persistent: bool = True
    ):
        data = empty(0, device=device, dtype=dtype or get_default_dtype())
        out = _adopt(cls, data, requires_grad)
        out.persistent = persistent
        out._is_buffer = True
        return out

    def __init__(self, *args: Any, **kwargs: Any):
        pass

    def __deepcopy__(self, memo: dict[int, Any]) -> UninitializedBuffer:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, self.device, self.dtype, self.persistent)
        return memo[id(self)]

    def __reduce_ex__(self, protocol: int):
        return UninitializedBuffer, (self.requires_grad, self.device, self.dtype, self.persistent)
