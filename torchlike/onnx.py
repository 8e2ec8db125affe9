"""`torch.onnx`: importable, as scripts that export only on request need; it exports nothing."""

from __future__ import annotations

from typing import Any

from ._core.names import missing as _missing

__all__ = ["export", "is_in_onnx_export"]


def export(model: Any, args: Any = (), f: Any = None, **options: Any) -> Any:
    """Not supported.

    Raises:
        NotImplementedError: always; the text names what works instead.
    """
    raise NotImplementedError(
        "torch.onnx.export is not supported: torchlike writes no ONNX files. Save the weights by "
        "torch.save(model.state_dict(), f), which PyTorch loads, and export there."
    )


def is_in_onnx_export() -> bool:
    """Whether an export is under way: never."""
    return False


__getattr__ = _missing(__name__)
