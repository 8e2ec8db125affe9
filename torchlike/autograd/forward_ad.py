"""`torch.autograd.forward_ad`: dual numbers are not supported; `functional.jvp` computes the same products."""

from __future__ import annotations

from typing import Any

from .._core.names import missing as _missing

__all__ = [
    "UnpackedDualTensor",
    "enter_dual_level",
    "exit_dual_level",
    "make_dual",
    "unpack_dual",
    "dual_level",
]

_MSG = "autograd.forward_ad.{} is not supported; use autograd.functional.jvp(func, inputs, v)"


def _refuse(name: str) -> Any:
    def refused(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(_MSG.format(name))

    refused.__name__ = refused.__qualname__ = name
    return refused


UnpackedDualTensor, enter_dual_level, exit_dual_level, make_dual, unpack_dual, dual_level = map(
    _refuse, __all__
)

__getattr__ = _missing(__name__)
