"""Moving and casting the tensors of a module."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from ..._core.devices import device as Device
from ..._core.dtypes import dtype as Dtype
from ..._core.engine import barrier
from ..._core.modes import no_grad
from ..._core.tensor import Tensor
from ...ops.creation import empty_like
from ...ops.memory import swap_tensors
from ..parameter import Parameter

_MSG_COMPLEX = (
    "Complex modules are a new feature under active development whose design may change, "
    "and some modules might not work as expected when using complex tensors as parameters or buffers. "
    "Please file an issue at https://github.com/pytorch/pytorch/issues/new?template=bug-report.yml "
    "if a complex module does not work as expected."
)


class _Conversion:
    """What `torch.__future__` sets: whether `.to()` and the like make new Parameters, or swap what they are."""

    overwrite = False
    swap = False


conversion = _Conversion()


def parse_to(
    *args: Any, device: Any = None, dtype: Any = None, non_blocking: bool = False, tensor: Any = None,
    memory_format: Any = None,
) -> tuple[Any, Any, bool, Any]:  # fmt: skip
    """The arguments of `.to(...)`, as (device, dtype, non_blocking, memory_format).

    Raises:
        TypeError: an argument is no device, dtype or tensor.
    """
    rest = list(args)
    if tensor is not None:
        rest.insert(0, tensor)
    if rest and isinstance(rest[0], Tensor):
        device, dtype = rest[0].device, rest[0].dtype
        rest.pop(0)
    elif rest and isinstance(rest[0], Dtype):
        dtype = rest.pop(0)
    elif rest and (
        rest[0] is None or isinstance(rest[0], (str, int, Device)) and not isinstance(rest[0], bool)
    ):
        device = rest.pop(0)
        if rest and (rest[0] is None or isinstance(rest[0], Dtype)):
            dtype = rest.pop(0)
    if rest and isinstance(rest[0], bool):
        non_blocking = rest.pop(0)
    if rest:
        raise TypeError(
            "to() received an invalid combination of arguments - got ("
            + ", ".join(type(a).__name__ for a in args)
            + "), but expected one of (device, dtype, non_blocking), (dtype, non_blocking), "
            + "(tensor, non_blocking)"
        )
    if device is not None:
        device = Device(device) if not isinstance(device, Device) else device
    return device, dtype, non_blocking, memory_format


class ConvertMixin:
    """`.to()`, `.cuda()`, `.float()`, ...: each keeps the Parameter objects and swaps their data."""

    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    children: Any
    _get_name: Any

    def _apply(self: Any, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        if recurse:
            for child in self.children():
                child._apply(fn)
        with no_grad():
            for key, param in self._parameters.items():
                if param is None:
                    continue
                applied = fn(param)
                grad = param.grad
                out: Any
                if conversion.swap:
                    out = param
                    try:
                        swap_tensors(param, Parameter(applied, param.requires_grad))
                    except RuntimeError as e:
                        raise RuntimeError(f"_apply(): Couldn't swap {self._get_name()}.{key}") from e
                elif conversion.overwrite or param.is_meta != applied.is_meta:
                    self._parameters[key] = out = Parameter(applied, param.requires_grad)
                else:
                    out = param
                    if applied is not param:
                        out.data = applied
                if grad is not None:
                    out.grad = self._converted_grad(key, grad, fn(grad))
            for key, buffer in self._buffers.items():
                if buffer is not None:
                    self._buffers[key] = fn(buffer)
        return self

    def _converted_grad(self: Any, key: str, grad: Tensor, applied: Tensor) -> Tensor:
        """What `.grad` is after the parameter: the same object, as the parameter is."""
        if conversion.swap:
            try:
                swap_tensors(grad, applied.requires_grad_(grad.requires_grad))
            except RuntimeError as e:
                raise RuntimeError(f"_apply(): Couldn't swap {self._get_name()}.{key}.grad") from e
        elif conversion.overwrite or grad.is_meta != applied.is_meta:
            return applied.requires_grad_(grad.requires_grad)
        elif applied is not grad:
            grad.data = applied
        return grad

    def _converted(self: Any, fn: Callable[[Tensor], Tensor]) -> Any:
        """`_apply`, whose casts run at once: else they would be part of the first step, and of no other."""
        self._apply(fn)
        barrier("step")
        return self

    def to(self: Any, *args: Any, **kwargs: Any) -> Any:
        """Moves and/or casts the parameters and buffers, in place.

        Args:
            device: where to move them.
            dtype: floating or complex type for the floating and complex ones; the others keep theirs.
            tensor: one whose device and dtype are taken.
            non_blocking: accepted; copies are asynchronous anyway.
            memory_format: order in memory of parameters and buffers with 4 (or 5) dimensions.

        Returns: self.

        Raises:
            TypeError: `dtype` is neither floating nor complex.
        """
        device, dtype, non_blocking, memory_format = parse_to(*args, **kwargs)
        if dtype is not None:
            if not (dtype.is_floating_point or dtype.is_complex):
                raise TypeError(
                    "nn.Module.to only accepts floating point or complex dtypes, but got desired "
                    f"dtype={dtype}"
                )
            if dtype.is_complex:
                warnings.warn(_MSG_COMPLEX, stacklevel=2)

        def convert(t: Tensor) -> Tensor:
            castable = dtype is not None and (t.is_floating_point() or t.is_complex())
            try:
                how = (
                    {} if memory_format is None or t.dim() not in (4, 5) else {"memory_format": memory_format}
                )
                return t.to(device, dtype if castable else None, non_blocking, **how)
            except NotImplementedError as e:
                if "Cannot copy out of meta tensor" not in str(e):
                    raise
                raise NotImplementedError(
                    f"{e} Please use torch.nn.Module.to_empty() instead of torch.nn.Module.to() "
                    "when moving module from meta to a different device."
                ) from None

        return self._converted(convert)

    def to_empty(self: Any, *, device: Any, recurse: bool = True) -> Any:
        """Moves the parameters and buffers to `device` without their values."""
        return self._apply(lambda t: empty_like(t, device=device), recurse=recurse)

    def cuda(self: Any, device: Any = None) -> Any:
        """Moves all parameters and buffers to the accelerator."""
        return self._apply(lambda t: t.cuda(device))

    def cpu(self: Any) -> Any:
        """Moves all parameters and buffers to the CPU."""
        return self._apply(lambda t: t.cpu())

    def type(self: Any, dst_type: Any) -> Any:
        """Casts all parameters and buffers to `dst_type`."""
        return self._converted(lambda t: t.type(dst_type))

    def _cast_floats(self: Any, name: str) -> Any:
        return self._converted(lambda t: getattr(t, name)() if t.is_floating_point() else t)

    def float(self: Any) -> Any:
        """Casts floating parameters and buffers to float32."""
        return self._cast_floats("float")

    def double(self: Any) -> Any:
        """Casts floating parameters and buffers to float64."""
        return self._cast_floats("double")

    def half(self: Any) -> Any:
        """Casts floating parameters and buffers to float16."""
        return self._cast_floats("half")

    def bfloat16(self: Any) -> Any:
        """Casts floating parameters and buffers to bfloat16."""
        return self._cast_floats("bfloat16")

    def share_memory(self: Any) -> Any:
        """Moves the parameters and buffers to shared memory where the platform has it; see
        Tensor.share_memory_."""
        return self._apply(lambda t: t.share_memory_())

    def requires_grad_(self: Any, requires_grad: bool = True) -> Any:
        """Sets whether gradients are computed for the parameters; returns self."""
        for p in self.parameters():
            p.requires_grad_(requires_grad)
        return self

    def zero_grad(self: Any, set_to_none: bool = True) -> None:
        """Drops the parameters' gradients, or zeroes them when `set_to_none` is False."""
        for p in self.parameters():
            if p.grad is None:
                continue
            if set_to_none:
                p.grad = None
            else:
                if p.grad.grad_fn is not None:
                    p.grad.detach_()
                else:
                    p.grad.requires_grad_(False)
                p.grad.zero_()
