"""Tensors and JAX side by side: arrays both ways, modules as pure functions, optax transforms as optimizers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.core

from ._core import dtypes, engine
from ._core.devices import CPU, accelerators, device
from ._core.graph import Value, aval
from ._core.tensor import Tensor
from .nn.modules.module import Module

__all__ = ["from_jax", "functional", "to_jax"]


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

        held = {name: (t._storage, t._lens, t._value, t._seen, t._shown) for name, t in named.items()}
        try:
            for name, t in named.items():
                t.data = from_jax(values[name])
            with no_grad():
                out = module(*[from_jax(a) for a in arrays])
            return jax.tree.map(to_jax, out, is_leaf=lambda x: isinstance(x, Tensor))
        finally:
            for name, t in named.items():
                t._storage, t._lens, t._value, t._seen, t._shown = held[name]

    return apply, state
