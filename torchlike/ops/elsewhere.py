"""Methods for devices, dtypes and layouts that PyTorch knows and JAX does not: they say what works instead."""

from __future__ import annotations

from typing import Any

from .._core.registry import function, publish
from .._core.tensor import Tensor

for _name in ("ipu", "mtia", "maia", "vulkan", "xla", "hpu"):
    publish("Tensor", f"is_{_name}", property(lambda self: False, doc=f"Whether the data is on {_name}: no."))

_ABSENT = {
    "ipu": (RuntimeError, "PyTorch is not linked with support for ipu devices"),
    "xpu": (AssertionError, "Torch not compiled with XPU enabled"),
    "mtia": (AssertionError, "Torch not compiled with MTIA enabled."),
    "hpu": (RuntimeError, "PyTorch is not linked with support for hpu devices"),
}  # in the words of a PyTorch without them


def _refusing(name: str, error: type[Exception], text: str) -> None:
    def to_device(self: Tensor, device: Any = None, non_blocking: bool = False, memory_format: Any = None) -> Tensor:  # fmt: skip
        e = error(text)
        e.add_note("JAX knows no such device; .to('cuda') is the accelerator that it sees, of whatever kind.")
        raise e

    to_device.__name__ = to_device.__qualname__ = name
    to_device.__doc__ = f"Raises {error.__name__}: there is no {name} device."
    function(spaces=("Tensor",))(to_device)


for _name, (_error, _text) in _ABSENT.items():
    _refusing(_name, _error, _text)


@function(spaces=("Tensor",))
def chalf(self: Tensor, memory_format: Any = None) -> Tensor:
    """Raises NotImplementedError: JAX has no complex numbers of 16-bit parts."""
    raise NotImplementedError("chalf(): JAX has no complex32; use .cfloat(), which is complex64")


@function(spaces=("Tensor",))
def to_padded_tensor(self: Tensor, padding: float, output_size: Any = None) -> Tensor:
    """Raises NotImplementedError: it is for nested tensors, of which there are none."""
    raise NotImplementedError(
        "Could not run 'aten::to_padded_tensor' with arguments from the 'CPU' backend: it is for nested tensors, of which "
        "torchlike has none. Use torch.nn.utils.rnn.pad_sequence on a list of tensors."
    )


@function(spaces=("Tensor",))
def to_mkldnn(self: Tensor, dtype: Any = None) -> Tensor:
    """Raises NotImplementedError: XLA has layouts of its own and shows none."""
    raise NotImplementedError(
        "to_mkldnn(): there is no mkldnn layout; XLA chooses layouts itself, use the tensor as it is"
    )
