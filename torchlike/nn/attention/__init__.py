"""Which attention kernels may be used (`torch.nn.attention`); all compute the same, and the compiler chooses."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..._core.names import missing as _missing
from ...ops.attention import KERNELS as _KERNELS
from ._registry import activate_flash_attention_impl as activate_flash_attention_impl
from ._registry import current_flash_attention_impl as current_flash_attention_impl
from ._registry import list_flash_attention_impls as list_flash_attention_impls
from ._registry import register_flash_attention_impl as register_flash_attention_impl
from ._registry import restore_flash_attention_impl as restore_flash_attention_impl

__all__ = [
    "SDPBackend", "sdpa_kernel", "WARN_FOR_UNFUSED_KERNELS", "register_flash_attention_impl",
    "activate_flash_attention_impl", "list_flash_attention_impls", "current_flash_attention_impl",
    "restore_flash_attention_impl",
]  # fmt: skip

WARN_FOR_UNFUSED_KERNELS = False


class SDPBackend(enum.Enum):
    """Kernels of `scaled_dot_product_attention` in PyTorch."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4

    def __int__(self) -> int:
        return self.value

    __index__ = __int__


_NAMES = {
    "flash": SDPBackend.FLASH_ATTENTION, "mem_efficient": SDPBackend.EFFICIENT_ATTENTION, "math": SDPBackend.MATH,
    "cudnn": SDPBackend.CUDNN_ATTENTION,
}  # fmt: skip


@contextmanager
def sdpa_kernel(
    backends: list[SDPBackend] | SDPBackend, set_priority: bool = False
) -> Iterator[dict[str, Any]]:
    """A block, or a function, in which attention may use these kernels only.

    Args:
        backends: one or more of them.
        set_priority: whether their order matters; accepted.

    Raises:
        AssertionError: `backends` is neither a list nor a kernel.
    """
    if not isinstance(backends, (list, SDPBackend)):
        raise AssertionError(
            "Backend must be an instance of SDPBackend or a list of SDPBackend instances, got "
            f"{type(backends).__name__}"
        )
    listed = [backends] if isinstance(backends, SDPBackend) else backends
    before = dict(_KERNELS)
    _KERNELS.update({name: kernel in listed for name, kernel in _NAMES.items()})
    try:
        yield {}
    finally:
        _KERNELS.update(before)


__getattr__ = _missing(__name__)
