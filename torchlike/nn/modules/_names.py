"""Names of things, as PyTorch's messages spell them."""

from __future__ import annotations

from typing import Any

from ..._core.tensor import Tensor


def typename(o: Any) -> str:
    """`o`'s type as `torch.typename` gives it: "torch.FloatTensor" for tensors, else the qualified class
    name."""
    if isinstance(o, Tensor):
        return o.type()
    module = getattr(o, "__module__", "") or ""
    name = getattr(o, "__qualname__", None) or getattr(o, "__name__", None) or type(o).__name__
    return name if module in ("", "builtins") else f"{module}.{name}"


def indent(text: str, spaces: int) -> str:
    """Indents every line of `text` but the first."""
    first, *rest = text.split("\n")
    return "\n".join([first] + [" " * spaces + line for line in rest])
