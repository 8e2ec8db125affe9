"""Moves values between the reference (torch) and the module under test (torchlike).

Everything crosses through NumPy, so neither library needs to know the other.
`retarget` rebuilds a reference-side Python function so that the names it calls
(`torch`, `F`, ...) resolve to the module under test instead.
"""

from __future__ import annotations

import enum
import types
from typing import Any

import numpy as np
import torch

_BITS = {torch.bfloat16: torch.int16, torch.complex32: torch.int32}


class Untranslatable(Exception):
    """The sample uses a reference-only feature (sparse, quantised, meta, ...)."""


class Bridge:
    """Translates samples for one module under test.

    Args:
        lib: the module under test; it must look like `torch`.
    """

    def __init__(self, lib: types.ModuleType):
        self.lib = lib

    # ---- reference -> under test -------------------------------------------------

    def to_lib(self, x: Any) -> Any:
        """The same nested value with every torch object replaced by lib's own."""
        if isinstance(x, torch.Tensor):
            return self.tensor(x)
        if isinstance(x, torch.dtype):
            return self.dtype(x)
        if isinstance(x, torch.Size):
            return self.lib.Size(list(x))
        if isinstance(x, torch.device):
            return self.lib.device(str(x))
        if isinstance(x, torch.memory_format):
            return getattr(self.lib, str(x).split(".")[-1])
        if isinstance(x, torch.layout):
            if x is not torch.strided:
                raise Untranslatable(f"layout {x}")
            return self.lib.strided
        if isinstance(x, torch.Generator):
            return self.lib.Generator().manual_seed(x.initial_seed())
        if isinstance(x, (list, set)):
            return type(x)(self.to_lib(v) for v in x)
        if isinstance(x, tuple):
            items = [self.to_lib(v) for v in x]
            return type(x)(*items) if hasattr(x, "_fields") else tuple(items)
        if isinstance(x, dict):
            return {k: self.to_lib(v) for k, v in x.items()}
        if isinstance(x, enum.Enum) and type(x).__module__.startswith("torch"):
            raise Untranslatable(f"enum {x!r}")
        if isinstance(x, types.FunctionType):
            return self.retarget(x)
        return x

    def dtype(self, d: torch.dtype) -> Any:
        return getattr(self.lib, str(d).split(".")[-1])

    def tensor(self, t: torch.Tensor) -> Any:
        """A leaf of lib with t's values, dtype, shape and requires_grad."""
        if t.layout is not torch.strided or t.is_quantized or t.device.type == "meta":
            raise Untranslatable(f"{t.layout} {t.device}")
        src = t.detach().resolve_conj().resolve_neg().cpu().contiguous()
        if src.dtype in _BITS:
            wide = torch.float32 if src.dtype is torch.bfloat16 else torch.complex64
            out = self.lib.tensor(src.to(wide).numpy()).to(self.dtype(src.dtype))
        else:
            out = self.lib.tensor(src.numpy().copy())
        if t.requires_grad:
            out.requires_grad_(True)
        return out

    def retarget(self, fn: Any) -> Any:
        """fn with `torch` (and its usual aliases) rebound to the module under test."""
        if not isinstance(fn, types.FunctionType):
            return fn
        lib = self.lib
        swap = {"torch": lib, "F": lib.nn.functional, "nn": lib.nn, "np": np}
        glob = {k: swap.get(k, v) for k, v in fn.__globals__.items()}
        cells = None
        if fn.__closure__:
            cells = tuple(types.CellType(self.retarget_value(c.cell_contents)) for c in fn.__closure__)
        out = types.FunctionType(fn.__code__, glob, fn.__name__, fn.__defaults__, cells)
        out.__kwdefaults__ = fn.__kwdefaults__
        return out

    def retarget_value(self, v: Any) -> Any:
        if isinstance(v, types.FunctionType):
            return self.retarget(v)
        if v is torch:
            return self.lib
        module = getattr(v, "__module__", None) or ""
        name = getattr(v, "__name__", None)
        if callable(v) and name:
            for ref, mine in (
                (torch, self.lib),
                (torch.nn.functional, self.lib.nn.functional),
                (torch.Tensor, self.lib.Tensor),
            ):
                if getattr(ref, name, None) is v and hasattr(mine, name):
                    return getattr(mine, name)
        if module.startswith("torch") and callable(v):
            return self.retarget(v)
        try:
            return self.to_lib(v)
        except Untranslatable:
            return v

    # ---- under test -> reference -------------------------------------------------

    def to_ref(self, x: Any) -> Any:
        """The same nested value with every lib tensor replaced by a torch tensor."""
        if isinstance(x, self.lib.Tensor):
            return self.ref_tensor(x)
        if isinstance(x, self.lib.dtype):
            return getattr(torch, str(x).split(".")[-1])
        if isinstance(x, dict):
            return {k: self.to_ref(v) for k, v in x.items()}
        if isinstance(x, (tuple, list)):
            return tuple(self.to_ref(v) for v in x)
        return x

    def ref_tensor(self, t: Any) -> torch.Tensor:
        d = t.detach()
        name = str(d.dtype).split(".")[-1]
        if name == "bfloat16":
            return torch.from_numpy(np.array(d.to(self.lib.float32).numpy())).bfloat16()
        if name == "complex32":
            return torch.from_numpy(np.array(d.to(self.lib.complex64).numpy())).to(torch.complex32)
        return torch.from_numpy(np.array(d.resolve_conj().numpy(force=True)))


def leaves(x: Any) -> list[torch.Tensor]:
    """All torch tensors in a nested value, left to right."""
    if isinstance(x, torch.Tensor):
        return [x]
    if isinstance(x, (tuple, list)):
        return [t for v in x for t in leaves(v)]
    if isinstance(x, dict):
        return [t for v in x.values() for t in leaves(v)]
    return []


def lib_leaves(x: Any, tensor_type: type) -> list[Any]:
    """All tensors of the module under test in a nested value, left to right."""
    if isinstance(x, tensor_type):
        return [x]
    if isinstance(x, (tuple, list)):
        return [t for v in x for t in lib_leaves(v, tensor_type)]
    if isinstance(x, dict):
        return [t for v in x.values() for t in lib_leaves(v, tensor_type)]
    return []
