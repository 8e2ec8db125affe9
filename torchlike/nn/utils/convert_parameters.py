"""All parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

from ..._core.modes import no_grad
from ..._core.tensor import Tensor
from ...ops.shape import cat
from ..modules._names import typename

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def _check_devices(parameters: list[Tensor]) -> None:
    if any(p.device != parameters[0].device for p in parameters):
        raise TypeError("Found two parameters on different devices, this is currently not supported.")


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """The elements of all parameters, in order, as one differentiable 1-d tensor."""
    parameters = list(parameters)
    _check_devices(parameters)
    return cat([p.reshape(-1) for p in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Sets the parameters' data to consecutive slices of a vector.

    Raises:
        TypeError: `vec` is no Tensor, or parameters are on different devices.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {typename(vec)}")
    parameters = list(parameters)
    _check_devices(parameters)
    start = 0
    with no_grad():
        for p in parameters:
            n = p.numel()
            p.data = vec[start : start + n].view_as(p).data
            start += n
