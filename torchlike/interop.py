"""Side by side with JAX and PyTorch: arrays both ways, modules as pure functions, PyTorch's objects as torchlike's."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any

import jax
import jax.core

from ._core import dtypes, engine
from ._core.devices import CPU, accelerators, device
from ._core.graph import Value, aval
from ._core.tensor import Tensor
from .nn.modules import transformer
from .nn.modules.module import Module
from .serialization import load

__all__ = ["from_jax", "from_torch", "functional", "to_jax"]


def from_jax(array: Any) -> Tensor:
    """A Tensor over a `jax.Array` (or a tracer), without a copy; the array is never overwritten.

    Raises:
        TypeError: PyTorch has no such dtype.
    """
    if isinstance(array, jax.core.Tracer):
        return Tensor._from_value(Value(aval(array.shape, dtypes.from_jnp(array.dtype)), array, shared=True))
    array = jax.numpy.asarray(array)
    home = next(iter(array.devices()))
    found = accelerators()
    where = device("cuda", found.index(home)) if home in found else CPU
    return Tensor._from_value(
        Value(aval(array.shape, dtypes.from_jnp(array.dtype), where), array, shared=True)
    )


def to_jax(tensor: Tensor) -> Any:
    """The data as a `jax.Array` (or tracer), without a copy; later writes to the Tensor are not seen by it."""
    value = tensor._read()
    value.shared = True
    return engine.materialize(value)


def from_torch(obj: Any) -> Any:
    """A copy, as torchlike's, of what PyTorch made in this process: tensors, modules, optimizers, or containers of them.

    PyTorch writes it as `torch.save` would, and torchlike reads that; tensors that share memory share it in
    the copy too. A module of a class of the user's own is PyTorch's by its base: build it over torchlike and
    load `from_torch(model.state_dict())`.

    Raises:
        TypeError: PyTorch is not loaded, or a class is neither PyTorch's own nor Python's.
        AttributeError: torchlike has no counterpart of a class.
    """
    torch = sys.modules.get("torch")
    if torch is None or getattr(torch, "Tensor", Tensor) is Tensor:
        raise TypeError(f"from_torch: {type(obj).__name__} is not PyTorch's, which is not loaded")
    for part in obj.modules() if isinstance(obj, torch.nn.Module) else ():
        if type(part).__module__.partition(".")[0] != "torch":
            raise TypeError(
                f"from_torch: {type(part).__qualname__} is a class over PyTorch's nn.Module; build it over torchlike's "
                "and load from_torch(model.state_dict())"
            )
    buffer = io.BytesIO()
    torch.save(obj, buffer)
    buffer.seek(0)
    return load(buffer, weights_only=False)


def _layer_of_torch(layer: Any) -> Any:
    """`from_torch` of a layer of PyTorch's; anything else as it is."""
    return from_torch(layer) if type(layer).__module__.startswith("torch.nn.") else layer


transformer.taken_over = _layer_of_torch


def functional(module: Module) -> tuple[Callable[..., Any], dict[str, Any]]:
    """A module as a pure JAX function with its parameters and buffers.

    Returns:
        `apply(state, *arrays) -> array or nested tuple of arrays`, usable under `jax.jit`, `jax.grad` and
        `jax.vmap`, and `state`, a dict of `jax.Array`s under the names of `state_dict()`. Buffers that a
        forward writes (running statistics) are given back to the module unchanged.
    """
    named = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    state = {name: to_jax(t.detach()) for name, t in named.items()}

    def apply(values: dict[str, Any], *arrays: Any) -> Any:
        from .autograd import no_grad

        held = {
            name: (t._storage, t._lens, t._base, t._value, t._seen, t._shown, t._counter)
            for name, t in named.items()
        }
        try:
            for name, t in named.items():
                t.data = from_jax(values[name])
            with no_grad():
                out = module(*[from_jax(a) for a in arrays])
            return jax.tree.map(to_jax, out, is_leaf=lambda x: isinstance(x, Tensor))
        finally:
            for name, t in named.items():
                t._storage, t._lens, t._base, t._value, t._seen, t._shown, t._counter = held[name]

    return apply, state
