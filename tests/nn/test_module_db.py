"""All layers of PyTorch's own table of samples: initial values, attributes, files both ways, training and evaluation."""

import io
import itertools
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import torchlike

torch = pytest.importorskip("torch")
sys.path.insert(0, str(Path(__file__).parent.parent / "conformance"))
from bridge import Bridge  # noqa: E402
from torch.testing._internal.common_modules import module_db  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # the samples have some of the reference's
BRIDGE = Bridge(torchlike)
SAMPLES = 2  # of each layer and mode
RANDOM = re.compile("Dropout|RReLU|Fractional")
NORMAL = re.compile(
    "Embedding|Adaptive|Transformer"
)  # draws with log and cos, which differ in the last place


def same_values(got, want, exact, what):
    assert list(got) == list(want), what
    for name, value in want.items():
        a, b = got[name].detach().numpy(), value.detach().numpy()
        assert str(a.dtype) == str(b.dtype)
        if exact:
            np.testing.assert_array_equal(a, b, err_msg=f"{what} {name}")
        else:
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-12, err_msg=f"{what} {name}")


def translated(x):
    """The arguments for torchlike; functions of PyTorch's are those of the same name."""
    if isinstance(x, dict):
        return {k: translated(v) for k, v in x.items()}
    known = getattr(torchlike.nn.functional, getattr(x, "__name__", ""), None) if callable(x) else None
    return BRIDGE.to_lib(x) if known is None else known


def flat(x):
    if hasattr(x, "detach"):
        return [x]
    return [y for v in x for y in flat(v)] if isinstance(x, (tuple, list)) else []


def made(info, sample):
    """The layer in both libraries, after the same seed; lazy ones after their first call."""
    args, kwargs = sample.constructor_input.args, dict(sample.constructor_input.kwargs)
    kwargs.pop("device", None)
    ours = torchlike
    for part in info.name.split("."):
        ours = getattr(ours, part)
    pair = []
    for lib, cls, a, k in (
        (torch, info.module_cls, args, kwargs),
        (torchlike, ours, [translated(a) for a in args], translated(kwargs)),
    ):
        lib.manual_seed(7)
        pair.append(cls(*a, **k))
    if "Lazy" in info.name:
        assert repr(pair[1]) == repr(pair[0])
        forward = sample.forward_input
        torch.manual_seed(8)
        pair[0](*[x.clone() for x in forward.args], **forward.kwargs)
        torchlike.manual_seed(8)
        pair[1](*BRIDGE.to_lib(list(forward.args)), **BRIDGE.to_lib(dict(forward.kwargs)))
    return pair


def saved(lib, x):
    file = io.BytesIO()
    lib.save(x, file)
    file.seek(0)
    return file


def check(info, sample, training):
    ref, mine = made(info, sample)
    ref.train(training), mine.train(training)
    assert repr(mine) == repr(ref)
    assert mine._version == ref._version
    assert set(ref.__dict__) - set(mine.__dict__) <= {"_flat_weights", "_flat_weight_refs"}
    for listing in ("named_parameters", "named_buffers", "named_modules"):
        assert [n for n, _ in getattr(mine, listing)()] == [n for n, _ in getattr(ref, listing)()]
    assert [p.requires_grad for p in mine.parameters()] == [p.requires_grad for p in ref.parameters()]
    state = ref.state_dict()
    same_values(mine.state_dict(), state, not NORMAL.search(info.name), "initial")
    assert mine.state_dict()._metadata == state._metadata
    if "Lazy" not in info.name:
        assert torchlike.rand(3).tolist() == torch.rand(3).tolist()

    # files, of the state and of the whole layer
    loaded = torchlike.load(saved(torch, state))
    assert loaded._metadata == state._metadata
    mine.load_state_dict(loaded)
    same_values(mine.state_dict(), state, True, "loaded")
    back = torch.load(saved(torchlike, mine.state_dict()), weights_only=True)
    assert back._metadata == state._metadata
    ref.load_state_dict(back)
    whole = torchlike.load(saved(torch, ref), weights_only=False)
    theirs = torch.load(saved(torchlike, mine), weights_only=False)
    assert (type(whole), type(theirs)) == (type(mine), type(ref))
    assert repr(whole) == repr(theirs) == repr(ref)

    if training and (RANDOM.search(info.name) or getattr(ref, "dropout", 0)):
        return
    if any("Dropout" in type(x).__name__ and x.p for x in ref.modules()) and training:
        return
    forward = sample.forward_input
    results = []
    for lib, module in ((torch, ref), (torchlike, mine), (torchlike, whole), (torch, theirs)):
        args, kwargs = list(forward.args), dict(forward.kwargs)
        if lib is torchlike:
            args, kwargs = BRIDGE.to_lib(args), BRIDGE.to_lib(kwargs)
        module.train(training)
        module.zero_grad()
        lib.manual_seed(1)
        out = flat(module(*args, **kwargs))
        losses = [o.sum() for o in out if o.requires_grad and o.is_floating_point()]
        if losses:
            sum(losses).backward()
        grads = {n: p.grad for n, p in module.named_parameters() if p.grad is not None}
        results.append((out, grads, dict(module.named_buffers())))
    (outs, grads, buffers), *others = results
    for my_outs, my_grads, my_buffers in others:
        for a, b in zip(my_outs, outs, strict=True):
            np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=2e-4, atol=2e-5)
        assert list(my_grads) == list(grads)
        for name, g in grads.items():
            np.testing.assert_allclose(my_grads[name].numpy(), g.numpy(), rtol=1e-3, atol=1e-4, err_msg=name)
        for name, b in buffers.items():
            np.testing.assert_allclose(
                my_buffers[name].numpy(), b.numpy(), rtol=2e-4, atol=1e-6, err_msg=name
            )


@pytest.mark.parametrize("info", module_db, ids=[info.name for info in module_db])
def test_layer(info):
    for training in (True, False):
        torch.manual_seed(0)
        # the samples of fractional pooling have draws of this dtype
        dtype = torch.float64 if "Fractional" in info.name else torch.float32
        samples = info.module_inputs_func(
            info, device="cpu", dtype=dtype, requires_grad=False, training=training
        )
        for sample in itertools.islice(samples, SAMPLES):
            if any(isinstance(a, torch.nn.Module) for a in sample.constructor_input.args):
                continue  # a layer of PyTorch's own, which no other library can build on
            check(info, sample, training)


def test_classes_are_related_as_in_pytorch():
    names = [n for n in dir(torch.nn) if isinstance(getattr(torch.nn, n), type) and hasattr(torchlike.nn, n)]
    for a, b in itertools.permutations(names, 2):
        same = issubclass(getattr(torchlike.nn, a), getattr(torchlike.nn, b))
        assert same == issubclass(getattr(torch.nn, a), getattr(torch.nn, b)), (a, b)


def test_classes_live_in_the_files_that_pickles_name():
    for name in dir(torch.nn):
        ref, mine = getattr(torch.nn, name), getattr(torchlike.nn, name, None)
        if isinstance(ref, type) and isinstance(mine, type) and issubclass(ref, torch.nn.Module):
            assert mine.__module__ == ref.__module__.replace("torch.", "torchlike.", 1), name
