"""`torch.memory_format` and `torch.layout`, and the orders in memory that they ask for."""

from __future__ import annotations

from typing import Any

from .._core.layouts import CHANNELS_LAST, Order


class Layout:
    """A memory format or layout: a name that functions are asked by."""

    def __init__(self, name: str):
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"


class memory_format(Layout):  # noqa: N801 - PyTorch's name
    """How the elements of a dense Tensor follow each other (`torch.memory_format`)."""

    __module__ = "torchlike"


class layout(Layout):  # noqa: N801 - PyTorch's name
    """How a Tensor is stored (`torch.layout`)."""

    __module__ = "torchlike"


preserve_format = memory_format("preserve_format")
contiguous_format = memory_format("contiguous_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")
strided = layout("strided")

PRESERVE: Any = object()  # the order of the input
RANKS = {"channels_last": 4, "channels_last_3d": 5}


def asked_order(asked: Any, ndim: int) -> Any:
    """The order that a `memory_format=` asks for; PRESERVE for none and for preserve_format.

    Raises:
        TypeError: it is no memory format.
        RuntimeError: it is one of tensors with another number of dimensions.
    """
    if asked is None:
        return PRESERVE
    name = getattr(asked, "name", None)  # the same format under another module's name is welcome
    if name == "preserve_format":
        return PRESERVE
    if name == "contiguous_format":
        return None
    rank = RANKS.get(str(name))
    if rank is None:
        raise TypeError(f"memory_format must be torch.memory_format, not {type(asked).__name__}")
    if rank != ndim:
        raise RuntimeError(f"required rank {rank} tensor to use {name} format")
    return CHANNELS_LAST[rank]


def format_order(asked: Any, ndim: int, otherwise: Order = None) -> Order:
    """As `asked_order`, with the order to preserve given."""
    order = asked_order(asked, ndim)
    return otherwise if order is PRESERVE else order
