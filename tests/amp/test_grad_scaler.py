"""GradScaler and autocast against PyTorch's, on the CPU."""

from __future__ import annotations

import warnings

import pytest

import torchlike
from tests.compare import agree

reference = pytest.importorskip("torch")
LIBRARIES = (torchlike, reference)
HUGE = 1e38  # times the factor it is infinite


def outcome(make, lib):
    """What `make(lib)` returned, or its error, and the warnings on the way."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = make(lib)
        except Exception as e:
            result = type(e).__name__, str(e)
    return [
        result,
        [[w.category.__name__, str(w.message)] for w in caught if "cpu.amp" not in str(w.message)],
    ]


def parts(lib, dtype="float32", **options):
    p = lib.nn.Parameter(lib.tensor([1.0, 2.0], dtype=getattr(lib, dtype)))
    return p, lib.optim.SGD([p], lr=0.25), lib.amp.GradScaler("cpu", **options)


def train(lib, factors, clip=False, **options):
    """The factor, the tracker and the parameter after each step of a loss times `factors`."""
    p, optimizer, scaler = parts(lib, **options)
    seen = []
    for factor in factors:
        optimizer.zero_grad()
        scaler.scale((p * p).sum() * factor).backward()
        if clip:
            scaler.unscale_(optimizer)
            lib.nn.utils.clip_grad_norm_([p], 0.5)
        scaler.step(optimizer)
        scaler.update()
        state = scaler.state_dict()
        seen.append([state["scale"], state["_growth_tracker"], p.detach().clone()])
    return seen


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize(
    "factors", [(1.0, 1.0, 1.0, 1.0), (1.0, HUGE, 1.0), (HUGE, HUGE, 1.0, 1.0, 1.0), (0.5, float("nan"), 0.5)]
)
@pytest.mark.parametrize(
    "options",
    [{}, {"growth_interval": 2}, {"init_scale": 2.0**120, "growth_factor": 2.0**10, "growth_interval": 1}],
)
def test_steps(factors, options, clip) -> None:
    got, want = (train(lib, factors, clip, **options) for lib in LIBRARIES)
    agree(got, want)


def after(lib, *calls):
    """Scales a loss and calls methods of the scaler in order; returns the last one's result."""
    p, optimizer, scaler = parts(lib)
    scaler.scale(p.sum()).backward()
    for name in calls:
        result = getattr(scaler, name)(*(() if name == "update" else (optimizer,)))
    return str(result)


def half(lib):
    p, optimizer, scaler = parts(lib, "float16")
    scaler.scale(p.sum()).backward()
    scaler.unscale_(optimizer)


def disabled(lib):
    p, optimizer, scaler = parts(lib, enabled=False)
    p.sum().backward()
    steps = [scaler.scale(3), scaler.unscale_(optimizer), scaler.step(optimizer), scaler.update()]
    return [*steps, scaler.get_scale(), scaler.state_dict(), scaler.is_enabled(), p.tolist()]


def scale_set(lib, value):
    p, _, scaler = parts(lib)
    scaler.scale(p.sum())
    scaler.update(value(lib))
    return [scaler.get_scale(), scaler.scale([p.sum(), (p.sum(),)])[1][0].item()]


def loaded(lib):
    _, _, scaler = parts(lib)
    state = {
        "scale": 8.0,
        "growth_factor": 3.0,
        "backoff_factor": 0.25,
        "growth_interval": 7,
        "_growth_tracker": 5,
    }
    scaler.load_state_dict(state)
    scaler.set_growth_factor(scaler.get_growth_factor() + 1)
    scaler.set_backoff_factor(scaler.get_backoff_factor() / 2)
    scaler.set_growth_interval(scaler.get_growth_interval() + 1)
    return scaler.state_dict()


CASES = {
    "unscale_twice": lambda lib: after(lib, "unscale_", "unscale_"),
    "unscale_after_step": lambda lib: after(lib, "step", "unscale_"),
    "step_twice": lambda lib: after(lib, "step", "step"),
    "update_alone": lambda lib: after(lib, "update"),
    "again_after_update": lambda lib: after(lib, "unscale_", "step", "update", "unscale_"),
    "unscaled": lambda lib: parts(lib)[2].update(),
    "no_gradients": lambda lib: [s.scale(p.sum()) and None or s.step(o) for p, o, s in [parts(lib)]],
    "closure": lambda lib: [s.scale(p.sum()) and None or s.step(o, closure=None) for p, o, s in [parts(lib)]],
    "no_tensor": lambda lib: parts(lib)[2].scale(3),
    "half": half,
    "disabled": disabled,
    "new_scale": lambda lib: scale_set(lib, lambda lib: 4.0),
    "new_scale_tensor": lambda lib: scale_set(lib, lambda lib: lib.tensor(4.0)),
    "loaded": loaded,
    "load_empty": lambda lib: parts(lib)[2].load_state_dict({}),
    "growth_factor": lambda lib: parts(lib, growth_factor=1.0),
    "backoff_factor": lambda lib: parts(lib, backoff_factor=1.0),
    "cuda_missing": lambda lib: lib.amp.GradScaler().is_enabled(),
    "old_name": lambda lib: lib.cuda.amp.GradScaler().is_enabled(),
    "old_name_disabled": lambda lib: lib.cuda.amp.GradScaler(enabled=False).get_scale(),
    "autocast_cuda_missing": lambda lib: [(lib.ones(2) @ lib.ones(2)).dtype.itemsize for _ in [lib.autocast("cuda").__enter__()]],
    "autocast_old_name": lambda lib: lib.cuda.amp.autocast()(lambda x: x)(3),
    "autocast_off": lambda lib: lib.autocast("cpu", enabled=False)(lambda x: x)(3),
    "autocast_float32": lambda lib: lib.autocast("cpu", dtype=lib.float32)(lambda x: x)(3),
    "autocast_number": lambda lib: lib.autocast(5),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    if "cuda" in name or "old" in name:
        if torchlike.cuda.is_available() or reference.cuda.is_available():
            pytest.skip("a machine without an accelerator")
    agree(*(outcome(CASES[name], lib) for lib in LIBRARIES))
