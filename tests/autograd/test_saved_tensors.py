"""Which tensors, overwritten between forward and backward, make backward fail: PyTorch's own samples."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import torchlike
from torchlike._core.modes import local

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")  # of torch's own test data

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "conformance"))
import conform  # noqa: E402
from bridge import Bridge, Untranslatable  # noqa: E402
from torch.testing._internal.common_methods_invocations import op_db  # noqa: E402

BRIDGE = Bridge(torchlike)
SAMPLES, WANTS, OPERANDS = 4, 6, 6
COMPOSITE = "PyTorch has several Nodes where one row stands here"
REAL = "PyTorch keeps real inputs, for their dtype"
DIFFER = {
    "combinations": "its masks are not kept",
    "linalg.eig": "PyTorch refuses complex eigenvectors of any phase",
    "nn.functional.batch_norm": "of no elements: nothing is kept in PyTorch",
    "take_along_dim": "without `dim` PyTorch keeps the indices",
    **dict.fromkeys(
        ["cov", "linalg.multi_dot", "linalg.norm", "linalg.matrix_norm", "linalg.tensorsolve"], COMPOSITE
    ),
    **dict.fromkeys(["einsum", "tensordot", "svd_lowrank", "nn.functional.interpolate.area"], COMPOSITE),
    **dict.fromkeys(
        ["nn.functional.rrelu", "nn.functional.ctc_loss", "nn.functional.poisson_nll_loss"], COMPOSITE
    ),
    "nn.functional.scaled_dot_product_attention": "PyTorch's fused kernel keeps all, its composite what it needs",
    **dict.fromkeys(
        [f"fft.{n}" for n in ("fft", "ifft", "ihfft", "ihfft2", "ihfftn", "rfft", "rfft2", "rfftn")], REAL
    ),
}
# one has a dtype that is not here (complex32), the other's samples hold modules of PyTorch's
SKIP = {"chalf", "nn.functional.triplet_margin_with_distance_loss"}


def tensors(x, kind):
    """All tensors in nested arguments, left to right."""
    if isinstance(x, kind):
        return [x]
    items = x.values() if isinstance(x, dict) else x if isinstance(x, (tuple, list)) else ()
    return [t for v in items for t in tensors(v, kind)]


def replaced(x, kind, new):
    """The same arguments over other tensors."""
    if isinstance(x, kind):
        return next(new)
    if isinstance(x, dict):
        return {k: replaced(v, kind, new) for k, v in x.items()}
    if isinstance(x, (tuple, list)):
        items = [replaced(v, kind, new) for v in x]
        return type(x)(*items) if hasattr(x, "_fields") else type(x)(items)
    return x


def outcome(lib, fn, args, kwargs, wanted, overwritten):
    """Whether backward fails after one operand (by its place) or result (by `~place`) was overwritten."""
    leaves = [t.detach().clone() for t in tensors([args, kwargs], lib.Tensor)]
    for i in wanted:
        leaves[i].requires_grad_()
    operands = [t * 1 if t.requires_grad else t.clone() for t in leaves]
    args, kwargs = replaced([args, kwargs], lib.Tensor, iter(operands))
    results = tensors(fn(*args, **kwargs), lib.Tensor)
    roots = [r for r in results if r.requires_grad]
    if not roots or (overwritten < 0 and ~overwritten >= len(results)):
        return None
    target = results[~overwritten] if overwritten < 0 else operands[overwritten]
    with lib.no_grad():
        target.copy_(target.detach().clone())
    try:
        lib.autograd.grad(
            roots, [leaves[i] for i in wanted], [lib.ones_like(r) for r in roots], allow_unused=True
        )
    except RuntimeError as e:
        return "modified by an inplace operation" in str(e) or str(e)
    finally:
        if lib is torchlike:
            local.ctx.traces.clear()  # nothing need be computed
    return False


def entries():
    for op in op_db:
        if op.dtypes and op.supports_autograd and not conform.EXCLUDED.search(op.name):
            name = conform.entry_name(op)
            if conform.pick_dtype(op).is_floating_point and name not in SKIP:
                marks = pytest.mark.xfail(strict=True, reason=DIFFER[name]) if name in DIFFER else ()
                yield pytest.param(op, id=name, marks=marks)


@pytest.mark.filterwarnings("ignore:torch.qr is deprecated")  # PyTorch's own sample of pinv.singular
@pytest.mark.parametrize("op", entries())
def test_same_tensors_are_needed(op):
    torch.manual_seed(0)
    samples = conform.limited(op.sample_inputs("cpu", conform.pick_dtype(op), requires_grad=True), SAMPLES)
    ours = conform.resolve(torchlike, op, BRIDGE)
    differ = []
    for n, s in enumerate(samples):
        theirs = [s.input, *s.args], s.kwargs
        try:
            mine = BRIDGE.to_lib(theirs[0]), BRIDGE.to_lib(theirs[1])
        except Untranslatable:
            continue
        flat = tensors(theirs, torch.Tensor)
        real = [i for i, t in enumerate(flat) if t.requires_grad]
        wants = [[i] for i in real] + ([real] if len(real) > 1 else [])
        for wanted in wants[:WANTS]:
            for at in (*range(min(len(flat), OPERANDS)), ~0, ~1):
                try:
                    want = outcome(torch, op.op, *theirs, wanted, at)
                except Exception:  # noqa: BLE001 - this one cannot be asked
                    continue
                have = outcome(torchlike, ours, *mine, wanted, at)
                if want is not None and have != want:
                    differ.append((n, [tuple(t.shape) for t in flat], wanted, at, want, have))
    assert not differ
