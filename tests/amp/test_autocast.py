"""Autocast's regions and settings, gradients and casts kept, Functions and checkpoints, against PyTorch's on the CPU."""

from __future__ import annotations

import importlib
import threading
import warnings

import numpy as np
import pytest

import torchlike
from tests.compare import agree

reference = pytest.importorskip("torch")
LIBRARIES = (torchlike, reference)


def seen(make, lib):
    """What `make(lib)` returned, dtypes by name, or its error; and the warnings on the way."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = str(make(lib))
        except Exception as e:
            result = f"{type(e).__name__}: {e}"
        finally:
            lib.clear_autocast_cache()
    texts = [f"{w.category.__name__}: {str(w.message).partition(' (Triggered')[0]}" for w in caught]
    return [result.replace("torchlike", "torch"), texts]


def legacy(lib, name, *args):
    return getattr(lib, name)(*args)


def nested(lib):
    found = []

    def note():
        found.append(
            (lib.is_autocast_enabled("cpu"), lib.get_autocast_dtype("cpu"), lib.is_autocast_cache_enabled())
        )

    x = lib.ones(2, 2)
    note()
    with lib.autocast("cpu", lib.float16):
        note()
        found.append((x @ x).dtype)
        with lib.autocast("cpu", enabled=False, cache_enabled=False):
            note()
            found.append((x @ x).dtype)
            with lib.amp.autocast(device_type="cpu"):
                note()
                found.append((x @ x).dtype)
        note()
        found.append(lib.autocast_increment_nesting())
        found.append(lib.autocast_decrement_nesting())
    note()
    return found


def other_thread(lib):
    found = []
    with lib.autocast("cpu"):
        thread = threading.Thread(target=lambda: found.append(lib.is_autocast_enabled("cpu")))
        thread.start()
        thread.join()
        x = lib.ones(2, 2)
        thread = threading.Thread(target=lambda: found.append((x @ x).dtype))
        thread.start()
        thread.join()
    return found


def set_by_hand(lib):
    x = lib.ones(2, 2)
    lib.set_autocast_enabled("cpu", True)
    lib.set_autocast_dtype("cpu", lib.float16)
    try:
        return [(x @ x).dtype, lib.is_autocast_enabled("cpu"), lib.is_autocast_enabled()]
    finally:
        lib.set_autocast_enabled("cpu", False)
        lib.set_autocast_dtype("cpu", lib.bfloat16)


def after_an_error(lib):
    try:
        with lib.autocast("cpu"):
            raise KeyError
    except KeyError:
        return (
            lib.is_autocast_enabled("cpu"),
            lib.autocast_increment_nesting(),
            lib.autocast_decrement_nesting(),
        )


def decorated(lib):
    @lib.autocast("cpu")
    def f(x, y=None):
        """Its text."""
        return (x @ y).dtype, lib.is_autocast_enabled("cpu")

    x = lib.ones(2, 2)
    return f(x, y=x), f.__name__, f.__doc__, lib.is_autocast_enabled("cpu")


def numbers(lib):
    m = lib.ones(2, 2)
    with lib.autocast("cpu"):
        return [
            (m.int() @ m.int()).dtype,
            (m.double() @ m.double()).dtype,
            (m.to(lib.complex64) @ m.to(lib.complex64)).dtype,
        ]


CASES = {
    "nested": nested,
    "other_thread": other_thread,
    "set_by_hand": set_by_hand,
    "after_an_error": after_an_error,
    "decorated": decorated,
    "numbers": numbers,
    "no_callable": lambda lib: lib.autocast("cpu")(3),
    "type_no_string": lambda lib: lib.autocast(lib.device("cpu")),
    "unknown_type": lambda lib: lib.autocast("foo"),
    "meta": lambda lib: lib.autocast("meta"),
    "meta_with_dtype": lambda lib: lib.autocast("meta", lib.float16),
    "privateuseone": lambda lib: lib.autocast("privateuseone"),
    "dtype": lambda lib: lib.autocast("cpu", lib.float64)._enabled,
    "dtype_xpu": lambda lib: lib.autocast("xpu", lib.float32)._enabled,
    "xpu": lambda lib: [(lib.autocast("xpu")._enabled), lib.get_autocast_dtype("xpu")],
    "attributes": lambda lib: [getattr(lib.autocast("cpu"), n) for n in ("device", "fast_dtype", "_enabled", "_cache_enabled")],
    "cuda": lambda lib: lib.autocast("cuda")._enabled,
    "cuda_older": lambda lib: [lib.cuda.amp.autocast().fast_dtype, lib.cuda.amp.autocast(False)._enabled],
    "cpu_older": lambda lib: [lib.cpu.amp.autocast().fast_dtype, lib.cpu.amp.autocast(False)._enabled],
    "cpu_scaler": lambda lib: lib.cpu.amp.GradScaler(enabled=False).is_enabled(),
    "cuda_scaler": lambda lib: lib.cuda.amp.GradScaler().is_enabled(),
    "cuda_custom": lambda lib: [lib.cuda.amp.custom_fwd(lambda ctx: 0).__name__, lib.cuda.amp.custom_bwd(lambda ctx: 0).__name__],
    "not_available": lambda lib: lib.cuda.amp.common.amp_definitely_not_available(),
    "is_enabled_number": lambda lib: lib.is_autocast_enabled(3),
    "is_enabled_meta": lambda lib: lib.is_autocast_enabled("meta"),
    "is_enabled_index": lambda lib: lib.is_autocast_enabled("cuda:0"),
    "dtype_of_meta": lambda lib: lib.get_autocast_dtype("meta"),
    "set_dtype_number": lambda lib: lib.set_autocast_dtype("cpu", 3),
    "set_enabled_string": lambda lib: lib.set_autocast_enabled("cpu"),
    "set_enabled_number": lambda lib: lib.set_autocast_enabled("cpu", 3),
    "set_cache_string": lambda lib: lib.set_autocast_cache_enabled("x"),
    "custom_fwd_type": lambda lib: lib.amp.custom_fwd(device_type=3),
    "custom_bwd_type": lambda lib: lib.amp.custom_bwd(device_type=3),
    "types": lambda lib: [(lib.amp.is_autocast_available(t), lib.get_autocast_dtype(t)) for t in
                          ("cpu", "cuda", "xpu", "mps", "xla", "hpu", "ipu", "mtia", "maia")],
    "names": lambda lib: [n for n in sorted(dir(lib.amp)) if n in lib.amp.__all__],
    **{name: (lambda lib, name=name: legacy(lib, name)) for name in (
        "get_autocast_gpu_dtype", "get_autocast_cpu_dtype", "get_autocast_ipu_dtype", "get_autocast_xla_dtype",
        "is_autocast_cpu_enabled", "is_autocast_ipu_enabled", "is_autocast_xla_enabled")},
    "set_gpu_dtype": lambda lib: [lib.set_autocast_gpu_dtype(lib.bfloat16), lib.get_autocast_dtype("cuda"),
                                  lib.set_autocast_dtype("cuda", lib.float16)],
    "set_cpu_dtype": lambda lib: lib.set_autocast_cpu_dtype("x"),
    "set_cpu_enabled": lambda lib: lib.set_autocast_cpu_enabled(1.5),
    "set_xla_enabled": lambda lib: [lib.set_autocast_xla_enabled(True), lib.is_autocast_enabled("xla"),
                                    lib.set_autocast_enabled("xla", False)],
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_like_pytorch(case: str) -> None:
    got, want = (seen(CASES[case], lib) for lib in LIBRARIES)
    assert got == want


# ---- gradients, and casts that are kept -----------------------------------------------------------------------


def layer(lib, lower="bfloat16"):
    lib.manual_seed(0)
    return lib.nn.Linear(4, 3), lib.randn(2, 4, requires_grad=True), getattr(lib, lower)


def gradients(lib, lower):
    m, x, low = layer(lib, lower)
    with lib.autocast("cpu", low):
        y = m(x)
        loss = lib.nn.functional.mse_loss(m(y @ m.weight), lib.zeros(2, 3))
    loss.backward()
    return [str(y.dtype)[-8:], str(loss.dtype)[-7:], loss.detach(), m.weight.grad, m.bias.grad, x.grad]


@pytest.mark.parametrize("lower", ["bfloat16", "float16"])
def test_gradients_of_leaves_are_float32(lower: str) -> None:
    got, want = (gradients(lib, lower) for lib in LIBRARIES)
    agree(got, want, *((4e-2, 2e-2) if lower == "bfloat16" else (5e-3, 2e-3)))


def test_backward_runs_in_the_dtype_of_forward() -> None:
    found = []
    for lib in LIBRARIES:
        m, x, _ = layer(lib)
        with lib.autocast("cpu"):
            y = m(x)
        dtypes = []
        y.register_hook(lambda g, dtypes=dtypes: dtypes.append(str(g.dtype)[-8:]))
        y.float().sum().backward()
        found.append(dtypes)
    assert found[0] == found[1] == ["bfloat16"]


def test_a_parameter_is_cast_once() -> None:
    w, x = torchlike.ones(2, 2, requires_grad=True), torchlike.ones(2, 2)
    for keeps in (True, False):
        with torchlike.autocast("cpu", cache_enabled=keeps):
            casts = [(x @ w).grad_fn.next_functions[1][0] for _ in range(2)]
        assert (casts[0] is casts[1]) is keeps


def kept(lib):
    """Where a kept cast is seen: it is stale after a write, new outside, and none is left over from `no_grad`."""
    m, x, _ = layer(lib)
    found = []
    with lib.autocast("cpu"):
        before = m(x).sum().item()
        with lib.no_grad():
            m.weight.zero_()
        found.append(m(x).sum().item() == before)
        lib.clear_autocast_cache()
        found.append(m(x).sum().item() == before)
    m, x, _ = layer(lib)
    with lib.autocast("cpu"):
        with lib.no_grad():
            m(x)
        m(x).float().sum().backward()
    return [*found, m.weight.grad is not None]


def test_kept_casts() -> None:
    assert kept(torchlike) == kept(reference) == [True, False, True]


def test_writes_and_out_are_not_cast() -> None:
    for lib in LIBRARIES:
        a, out = lib.ones(2, 2), lib.empty(2, 2)
        with lib.autocast("cpu"):
            assert lib.mm(a, a, out=out).dtype is lib.float32
            assert a.addmm_(a.clone(), a.clone()).dtype is lib.float32
        agree(out, lib.full((2, 2), 2.0))


def test_classes_with_a_torch_function_see_the_call_first() -> None:
    class Logged(torchlike.Tensor):
        seen: list = []

        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            cls.seen.append((func.__name__, args[0].dtype))
            return super().__torch_function__(func, types, args, kwargs)

    x = torchlike.ones(2, 2).as_subclass(Logged)
    Logged.seen.clear()
    with torchlike.autocast("cpu"):
        y = torchlike.matmul(x, x)
    assert Logged.seen[0] == ("matmul", torchlike.float32) and y.dtype is torchlike.bfloat16


# ---- Functions and checkpoints -----------------------------------------------------------------------------------


def functions(lib, cast_inputs):
    noted = []

    class Product(lib.autograd.Function):
        @staticmethod
        @lib.amp.custom_fwd(device_type="cpu", cast_inputs=lib.float32 if cast_inputs else None)
        def forward(ctx, a, b):
            ctx.save_for_backward(a, b)
            noted.append(
                (
                    str(a.dtype)[-8:],
                    lib.is_autocast_enabled("cpu"),
                    ctx._fwd_used_autocast,
                    str(ctx._dtype)[-8:],
                )
            )
            return a @ b

        @staticmethod
        @lib.amp.custom_bwd(device_type="cpu")
        def backward(ctx, g):
            a, b = ctx.saved_tensors
            noted.append((str(g.dtype)[-8:], lib.is_autocast_enabled("cpu")))
            return g @ b.T, a.T @ g

    a, b = (lib.full((2, 2), v, requires_grad=True) for v in (0.5, 2.0))
    with lib.autocast("cpu"):
        y = Product.apply(a.bfloat16(), b)
    y.float().sum().backward()
    Product.apply(a, b)
    return [*noted, str(y.dtype)[-8:], a.grad, b.grad]


@pytest.mark.parametrize("cast_inputs", [True, False])
def test_functions(cast_inputs: bool) -> None:
    agree(*(functions(lib, cast_inputs) for lib in LIBRARIES))


def checkpointed(lib, use_reentrant):
    checkpoint = importlib.import_module(f"{lib.__name__}.utils.checkpoint").checkpoint
    m, x, low = layer(lib, "float16")
    m2, noted = lib.nn.Linear(3, 4), []

    def part(x):
        noted.append(
            (
                lib.is_autocast_enabled("cpu"),
                str(lib.get_autocast_dtype("cpu"))[-7:],
                lib.is_autocast_cache_enabled(),
            )
        )
        return m2(m(x)).relu()

    with lib.autocast("cpu", low, cache_enabled=False):
        y = m(checkpoint(part, x, use_reentrant=use_reentrant))
    y.float().sum().backward()
    return [*noted, lib.is_autocast_enabled("cpu"), m.weight.grad, m2.weight.grad, x.grad]


@pytest.mark.parametrize("use_reentrant", [True, False])
def test_checkpoints_run_again_under_the_same_autocast(use_reentrant: bool) -> None:
    got, want = (checkpointed(lib, use_reentrant) for lib in LIBRARIES)
    agree(got, want, 5e-3, 2e-3)
    assert got[:2] == [(True, "float16", False)] * 2


# ---- training ---------------------------------------------------------------------------------------------------


def curve(lib, lower, make, spike=None, steps=11):
    """Losses, the scaler's state and the parameters of a training loop with everything in it."""
    lib.manual_seed(0)
    m = lib.nn.Sequential(lib.nn.Linear(16, 32), lib.nn.LayerNorm(32), lib.nn.GELU(), lib.nn.Linear(32, 10))
    optimizer, scaler = (
        make(lib, m.parameters()),
        lib.amp.GradScaler("cpu", init_scale=2.0**10, growth_interval=5),
    )
    generator = lib.Generator().manual_seed(1)
    x, y = lib.randn(32, 16, generator=generator), lib.randint(0, 10, (32,), generator=generator)
    factors, losses, stats = lib.ones(steps), [], []
    if spike is not None:
        factors[spike] = float("inf")
    for factor in [factors[i].clone() for i in range(steps)]:
        optimizer.zero_grad()
        with lib.autocast("cpu", getattr(lib, lower)):
            loss = lib.nn.functional.cross_entropy(m(x), y)
        (scaler.scale(loss) * factor).backward()
        scaler.unscale_(optimizer)
        lib.nn.utils.clip_grad_norm_(m.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        losses.append(loss.detach())
        if lib is torchlike:
            stats.append(lib.debug.stats())
            lib.debug.reset()
    steps_made = [v["step"].item() for v in optimizer.state.values() if "step" in v]
    return [v.item() for v in losses], scaler.state_dict(), steps_made, list(m.parameters()), stats


OPTIMIZERS = {
    "SGD": lambda lib, p: lib.optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.1),
    "plain": lambda lib, p: lib.optim.SGD(p, lr=0.1),
    "Adam": lambda lib, p: lib.optim.Adam(p, lr=1e-2),
    "AdamW": lambda lib, p: lib.optim.AdamW(p, lr=1e-2, amsgrad=True),
    "RMSprop": lambda lib, p: lib.optim.RMSprop(p, lr=1e-3),
    "Adagrad": lambda lib, p: lib.optim.Adagrad(p, lr=1e-2),
    "NAdam": lambda lib, p: lib.optim.NAdam(p, lr=1e-3),  # decides on the host
}


@pytest.mark.parametrize(
    ("name", "spike"),
    [("SGD", None), ("SGD", 0), ("Adam", None), ("Adam", 0), *[(name, 7) for name in OPTIMIZERS]],
)
def test_curves(name: str, spike: int | None) -> None:
    got, want = (curve(lib, "bfloat16", OPTIMIZERS[name], spike) for lib in LIBRARIES)
    np.testing.assert_allclose(got[0], want[0], rtol=1e-2)
    assert got[1:3] == want[1:3]


@pytest.mark.parametrize("lower", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_a_step_is_one_program(name: str, lower: str) -> None:
    *_, stats = curve(torchlike, lower, OPTIMIZERS[name], spike=7)
    for s in stats[3:]:
        assert s["compiles"] == 0 and s["executions"] + s["op_executions"] == 1
        assert s["barriers"] == {"step": 1}


def test_two_optimizers_share_a_scaler() -> None:
    found = []
    for lib in LIBRARIES:
        lib.manual_seed(0)
        a, b = lib.nn.Linear(3, 3), lib.nn.Linear(3, 3)
        first, second = lib.optim.Adam(a.parameters()), lib.optim.SGD(b.parameters(), 0.1, momentum=0.5)
        scaler, x = lib.amp.GradScaler("cpu"), lib.ones(2, 3)
        for factor in (1.0, float("inf"), 1.0):  # the gradients of one of them are not finite
            first.zero_grad()
            second.zero_grad()
            with lib.autocast("cpu"):
                losses = [(a(x) ** 2).mean() * factor, (b(x) ** 2).mean()]
            for loss in scaler.scale(losses):
                loss.backward()
            scaler.step(first)
            scaler.step(second)
            scaler.update()
        steps = next(iter(first.state.values()))["step"].item()
        found.append([scaler.state_dict(), steps, a.weight.detach(), b.weight.detach()])
    assert found[0][:2] == found[1][:2]
    agree(found[0][2:], found[1][2:], 2e-2, 2e-3)
