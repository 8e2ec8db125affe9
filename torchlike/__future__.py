"""`torch.__future__`: what `Module.to()` and the like do to Parameters."""

from __future__ import annotations

from ._core.names import missing as _missing
from .nn.modules._convert import conversion as _conversion


def set_overwrite_module_params_on_conversion(value: bool) -> None:
    """Sets whether converting a module gives it new Parameters instead of new data for those it has."""
    _conversion.overwrite = value


def get_overwrite_module_params_on_conversion() -> bool:
    """Whether converting a module gives it new Parameters; False at first."""
    return _conversion.overwrite


def set_swap_module_params_on_conversion(value: bool) -> None:
    """Sets whether converting a module, and loading into it, swaps all that a Parameter is (`utils.swap_tensors`).

    It goes before `set_overwrite_module_params_on_conversion`.
    """
    _conversion.swap = value


def get_swap_module_params_on_conversion() -> bool:
    """Whether Parameters are swapped; False at first."""
    return _conversion.swap


__getattr__ = _missing(__name__)
