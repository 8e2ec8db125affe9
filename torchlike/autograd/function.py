"""`torch.autograd.function`: custom Functions."""

from __future__ import annotations

from typing import Any

from .._core.function import BackwardCFunction as BackwardCFunction
from .._core.function import Function as Function
from .._core.function import FunctionCtx as FunctionCtx
from .._core.function import FunctionMeta as FunctionMeta
from .._core.function import once_differentiable as once_differentiable
from .._core.names import missing as _missing
from .._core.tensor import Tensor

__all__ = [
    "FunctionCtx", "BackwardCFunction", "FunctionMeta", "Function", "once_differentiable", "InplaceFunction",
    "NestedIOFunction",
]  # fmt: skip


class InplaceFunction(Function):
    """Kept for old code: a Function with a flag `inplace`."""

    def __init__(self, inplace: bool = False):
        super().__init__()
        self.inplace = inplace


def _flat(x: Any, out: list[Tensor]) -> Any:
    """The nested value with each tensor replaced by its place in `out`."""
    if isinstance(x, Tensor):
        out.append(x)
        return _Place(len(out) - 1)
    if isinstance(x, (list, tuple)):
        return type(x)(_flat(v, out) for v in x)
    if isinstance(x, dict):
        return {k: _flat(v, out) for k, v in x.items()}
    return x


class _Place(int):
    """Where in a flat list a tensor stands."""


def _nested(x: Any, flat: Any) -> Any:
    if isinstance(x, _Place):
        return flat[x]
    if isinstance(x, (list, tuple)):
        return type(x)(_nested(v, flat) for v in x)
    if isinstance(x, dict):
        return {k: _nested(v, flat) for k, v in x.items()}
    return x


class NestedIOFunction(Function):
    """A Function over nested lists, tuples and dicts: define `forward_extended` and `backward_extended`."""

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Runs `forward_extended` on the nested arguments and tapes `backward_extended`."""
        tensors: list[Tensor] = []
        inputs = _flat(args, tensors)
        box: list[Any] = []
        flat = super().apply(_Call(cls, inputs, box), *tensors, **kwargs)
        return _nested(box[0], flat)

    @staticmethod
    def forward(ctx: Any, *args: Any) -> Any:
        """Calls `forward_extended`; not to be overridden."""
        call, tensors = args[0], args[1:]
        ctx.call = call
        out: list[Tensor] = []
        call.box.append(_flat(call.cls.forward_extended(ctx, *_nested(call.inputs, tensors)), out))
        return tuple(out)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Calls `backward_extended`; not to be overridden."""
        call = ctx.call
        got = call.cls.backward_extended(ctx, *_nested(call.box[0], grad_outputs))
        flat: list[Any] = []

        def collect(x: Any) -> None:
            if isinstance(x, (list, tuple)):
                for v in x:
                    collect(v)
            elif isinstance(x, dict):
                for v in x.values():
                    collect(v)
            else:
                flat.append(x)

        collect(got if isinstance(got, (list, tuple)) else (got,))
        return (None, *flat)

    @staticmethod
    def forward_extended(ctx: Any, *args: Any) -> Any:
        """The computation; to be overridden."""
        raise NotImplementedError

    @staticmethod
    def backward_extended(ctx: Any, *grad_outputs: Any) -> Any:
        """Gradients of the tensors among the arguments; to be overridden."""
        raise NotImplementedError


class _Call:
    """One application of a NestedIOFunction: the shape of its arguments and of its result."""

    def __init__(self, cls: Any, inputs: Any, box: list[Any]):
        self.cls, self.inputs, self.box = cls, inputs, box


__getattr__ = _missing(__name__)
