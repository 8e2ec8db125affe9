"""Runs one function through torch and torchlike and compares what comes out."""

import importlib

import numpy as np
import pytest
from compare import agree

import torchlike

torch = pytest.importorskip("torch")
for _lib in ("torchlike", "torch"):
    importlib.import_module(f"{_lib}.nn.functional")

LIBS = (torchlike, torch)


def tensors(lib, arrays, grad=True):
    """NumPy arrays (also in lists) as leaves of `lib`; floating ones require grad."""
    out = []
    for a in arrays:
        if isinstance(a, list):
            out.append(tensors(lib, a, grad))
        elif isinstance(a, np.ndarray):
            t = lib.tensor(a.copy())
            out.append(t.requires_grad_() if grad and a.dtype.kind == "f" else t)
        else:
            out.append(a)
    return out


def _flat(x, kind):
    if isinstance(x, (list, tuple)):
        return [t for v in x for t in _flat(v, kind)]
    return [x] if isinstance(x, kind) else []


def _filled(lib, grads, leaves):
    """Gradients with zeros where there are none."""
    return [lib.zeros_like(x) if g is None else g + lib.zeros_like(x) for g, x in zip(grads, leaves)]


def check(f, *arrays, grad=True, twice=False, rtol=1e-5, atol=1e-6):
    """Compares `f(lib, F, *tensors)`: values, gradients and, with `twice`, gradients of gradients."""
    results = []
    for lib in LIBS:
        args = tensors(lib, arrays, grad)
        out = f(lib, lib.nn.functional, *args)
        found = [out]
        leaves = [t for t in _flat(args, lib.Tensor) if t.requires_grad]
        outs = [t for t in _flat(out, lib.Tensor) if t.requires_grad]
        if grad and leaves and outs:
            total = sum((t * t.detach().cos()).sum() for t in outs)
            first = lib.autograd.grad(total, leaves, create_graph=twice, allow_unused=True)
            found.append(_filled(lib, first, leaves))
            if twice:
                curved = [(t**2).sum() for t in first if t is not None and t.requires_grad]
                second = (
                    lib.autograd.grad(sum(curved), leaves, allow_unused=True)
                    if curved
                    else [None] * len(leaves)
                )
                found.append(_filled(lib, second, leaves))
        results.append(found)
    agree(*results, rtol, atol)


def same_error(f, *arrays):
    """Both raise, with the same type and the same text."""
    raised = []
    for lib in LIBS:
        with pytest.raises(Exception) as info:  # noqa: PT011 - the type is what is compared
            out = f(lib, lib.nn.functional, *tensors(lib, arrays, grad=False))
            for t in _flat(out, lib.Tensor):
                t.tolist()  # errors that depend on data appear at the latest when it is read
        raised.append((type(info.value).__name__, str(info.value).split("\n[")[0]))
    assert raised[0] == raised[1]


def rand(*shape, dtype=np.float64, low=-2.0, high=2.0):
    """Numbers away from special points."""
    return np.random.uniform(low, high, shape).astype(dtype)
