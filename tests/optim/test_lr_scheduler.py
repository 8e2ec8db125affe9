"""Schedules: every rate equals PyTorch's float exactly, for whole runs, resumed runs and closed forms."""

import copy
import warnings

import numpy as np
import pytest

import torchlike as tl

torch = pytest.importorskip("torch")

LIBS = (torch, tl)
STEPS = 60


def optimizer(lib, kind="SGD", groups=2, **options):
    rates = (0.5, 0.05, 1e-3)[:groups]
    params = [{"params": [lib.nn.Parameter(lib.ones(2))], "lr": lr} for lr in rates]
    if kind == "SGD":
        options.setdefault("momentum", 0.9)
    return getattr(lib.optim, kind)(params, lr=0.1, **options)


class Halving:
    """A callable object with state, as `lr_lambda` may be."""

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, epoch):
        return self.factor**epoch


def make(name, **options):
    return lambda lib, opt: getattr(lib.optim.lr_scheduler, name)(opt, **options)


def sequential(lib, opt):
    s = lib.optim.lr_scheduler
    parts = [
        s.ConstantLR(opt, factor=0.1, total_iters=3),
        s.LinearLR(opt, start_factor=0.2, total_iters=4),
        s.ExponentialLR(opt, gamma=0.9),
    ]
    return s.SequentialLR(opt, parts, milestones=[4, 11])


def chained(lib, opt):
    s = lib.optim.lr_scheduler
    return s.ChainedScheduler([s.ConstantLR(opt, factor=0.1, total_iters=4), s.ExponentialLR(opt, gamma=0.9)])


def nested(lib, opt):
    s = lib.optim.lr_scheduler
    inner = s.SequentialLR(opt, [s.StepLR(opt, 2), s.ExponentialLR(opt, 0.8)], milestones=[3])
    return s.SequentialLR(opt, [inner, s.LinearLR(opt)], milestones=[6])


SCHEDULES = {
    "LambdaLR": make("LambdaLR", lr_lambda=lambda e: 0.95**e),
    "LambdaLR-list": make("LambdaLR", lr_lambda=[Halving(0.5), lambda e: 1 / (e + 1)]),
    "MultiplicativeLR": make("MultiplicativeLR", lr_lambda=lambda e: 0.95),
    "StepLR": make("StepLR", step_size=4, gamma=0.3),
    "MultiStepLR": make("MultiStepLR", milestones=[3, 9, 9, 15]),
    "ConstantLR": make("ConstantLR", factor=0.3, total_iters=7),
    "LinearLR": make("LinearLR", start_factor=0.25, end_factor=0.8, total_iters=9),
    "ExponentialLR": make("ExponentialLR", gamma=0.93),
    "PolynomialLR": make("PolynomialLR", total_iters=11, power=1.7),
    "CosineAnnealingLR": make("CosineAnnealingLR", T_max=7, eta_min=0.01),
    "WarmRestarts": make("CosineAnnealingWarmRestarts", T_0=3, T_mult=2, eta_min=1e-4),
    "CyclicLR": make("CyclicLR", base_lr=0.01, max_lr=0.3, step_size_up=4, step_size_down=3),
    "CyclicLR-2": make("CyclicLR", base_lr=[0.01, 0.02], max_lr=0.3, step_size_up=3, mode="triangular2"),
    "CyclicLR-exp": make("CyclicLR", base_lr=0.01, max_lr=0.3, step_size_up=3, mode="exp_range", gamma=0.97),
    "CyclicLR-own": make(
        "CyclicLR", base_lr=0.01, max_lr=0.3, step_size_up=3, scale_fn=lambda x: 1 / x, cycle_momentum=False
    ),
    "OneCycleLR": make("OneCycleLR", max_lr=0.4, total_steps=STEPS + 1),
    "OneCycleLR-linear": make(
        "OneCycleLR", max_lr=[0.4, 0.2], epochs=12, steps_per_epoch=6, anneal_strategy="linear"
    ),
    "OneCycleLR-three": make(
        "OneCycleLR", max_lr=0.4, total_steps=STEPS + 1, three_phase=True, pct_start=0.2
    ),
    "SequentialLR": sequential,
    "SequentialLR-nested": nested,
    "ChainedScheduler": chained,
}


def options_of(opt):
    return [(g["lr"], g.get("momentum"), g.get("betas")) for g in opt.param_groups]


NESTED = "ignore:Detected call of `lr_scheduler.step:UserWarning"  # as in PyTorch when schedules nest


@pytest.mark.filterwarnings(NESTED)
@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_equal(name, kind):
    seen = []
    for lib in LIBS:
        opt = optimizer(lib, kind)
        sched = SCHEDULES[name](lib, opt)
        run = [options_of(opt)]
        for _ in range(STEPS):
            opt.step()
            sched.step()
            run.append(options_of(opt) + list(sched.get_last_lr()))
        seen.append(run)
    assert seen[0] == seen[1]


@pytest.mark.filterwarnings(NESTED)
@pytest.mark.parametrize("name", SCHEDULES)
def test_resume(name):
    """A state dict continues a run; its keys are PyTorch's."""
    opt, other, reference = optimizer(tl), optimizer(tl), optimizer(torch)
    sched, resumed, ref = (
        SCHEDULES[name](tl, opt),
        SCHEDULES[name](tl, other),
        SCHEDULES[name](torch, reference),
    )
    opt.step()
    for _ in range(7):
        sched.step()
    saved = copy.deepcopy(sched.state_dict())
    assert set(saved) == set(ref.state_dict())
    other.load_state_dict(copy.deepcopy(opt.state_dict()))
    resumed.load_state_dict(saved)
    other.step()
    for _ in range(8):
        sched.step()
        resumed.step()
        assert options_of(opt) == options_of(other)


@pytest.mark.filterwarnings(NESTED)
@pytest.mark.parametrize("name", [n for n in SCHEDULES if not n.startswith("LambdaLR")])
def test_states_cross(name):
    """What PyTorch's schedule has saved continues here, and ours there."""
    for source, target in (LIBS, LIBS[::-1]):
        sched = SCHEDULES[name](source, opt := optimizer(source))
        other = SCHEDULES[name](target, copied := optimizer(target))
        opt.step()
        copied.step()
        for _ in range(7):
            sched.step()
        other.load_state_dict(without_objects(sched.state_dict(), other.state_dict()))
        for group, saved in zip(copied.param_groups, opt.param_groups):
            group.update({k: v for k, v in saved.items() if k != "params"})
        for _ in range(STEPS // 2):
            sched.step()
            other.step()
            assert options_of(opt) == options_of(copied)


def without_objects(state, own):
    """A state with schedules' own functions, which belong to their library, from another state."""
    out = {k: own[k] if callable(v) or "func" in k else v for k, v in state.items() if k != "_schedulers"}
    if "_schedulers" in state:
        out["_schedulers"] = [without_objects(a, b) for a, b in zip(state["_schedulers"], own["_schedulers"])]
    return out


@pytest.mark.parametrize(
    "name",
    ["StepLR", "MultiStepLR", "ConstantLR", "LinearLR", "ExponentialLR", "PolynomialLR", "CosineAnnealingLR"],
)
def test_closed_form(name):
    seen = []
    for lib in LIBS:
        opt = optimizer(lib)
        sched = SCHEDULES[name](lib, opt)
        opt.step()
        run = []
        for epoch in (3, 8, 1, 20):
            with pytest.warns(UserWarning, match="The epoch parameter"):
                sched.step(epoch)
            run.append(options_of(opt))
        seen.append(run)
    assert seen[0] == seen[1]


@pytest.mark.parametrize("mult", [1, 2, 3])
def test_warm_restarts_take_fractions(mult):
    seen = []
    for lib in LIBS:
        opt = optimizer(lib)
        sched = lib.optim.lr_scheduler.CosineAnnealingWarmRestarts(opt, T_0=4, T_mult=mult)
        run = []
        for i in range(60):
            sched.step(i / 3)
            run.append(options_of(opt))
        seen.append(run)
    assert seen[0] == seen[1]


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
@pytest.mark.parametrize(
    "options", [{}, {"cooldown": 2}, {"min_lr": [0.1, 0.0]}, {"factor": 0.5, "eps": 1e-2}]
)
def test_plateau(mode, threshold_mode, options):
    metrics = np.random.RandomState(0).rand(40).tolist()
    seen = []
    for lib in LIBS:
        opt = optimizer(lib)
        sched = lib.optim.lr_scheduler.ReduceLROnPlateau(
            opt, mode, patience=2, threshold=0.05, threshold_mode=threshold_mode, **options
        )
        run = []
        for m in metrics:
            sched.step(m)
            run.append((options_of(opt), sched.get_last_lr(), sched.best, sched.num_bad_epochs))
        seen.append(run)
        saved = sched.state_dict()
        sched.load_state_dict(saved)
    assert seen[0] == seen[1]


def test_plateau_takes_a_tensor():
    opt = optimizer(tl)
    sched = tl.optim.lr_scheduler.ReduceLROnPlateau(opt, patience=0)
    for value in (1.0, 1.0, 1.0):
        sched.step(tl.tensor(value))
    assert opt.param_groups[0]["lr"] == 0.5 * 0.1 * 0.1


def test_swa_lr():
    seen = []
    for lib in LIBS:
        run = []
        for strategy in ("cos", "linear"):
            for epochs in (0, 4):
                opt = optimizer(lib)
                sched = lib.optim.swa_utils.SWALR(opt, 0.02, epochs, strategy)
                for _ in range(8):
                    opt.step()
                    sched.step()
                    run.append(options_of(opt))
        seen.append(run)
    assert seen[0] == seen[1]


def test_last_epoch():
    seen = []
    for lib in LIBS:
        opt = optimizer(lib)
        for group in opt.param_groups:
            group["initial_lr"] = 0.3
        run = []
        for name in ("StepLR", "ExponentialLR", "CosineAnnealingLR", "PolynomialLR", "LinearLR"):
            options = {"StepLR": (3,), "ExponentialLR": (0.9,), "CosineAnnealingLR": (6,)}.get(name, ())
            sched = getattr(lib.optim.lr_scheduler, name)(opt, *options, last_epoch=4)
            run.append((options_of(opt), sched.last_epoch))
        seen.append(run)
    assert seen[0] == seen[1]


def test_a_tensor_rate_keeps_its_identity():
    rate = tl.tensor(0.5)
    opt = tl.optim.SGD([tl.nn.Parameter(tl.ones(2))], lr=rate)
    sched = tl.optim.lr_scheduler.ExponentialLR(opt, 0.5)
    opt.step()
    sched.step()
    assert opt.param_groups[0]["lr"] is rate
    assert float(rate) == 0.25


def message(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            call()
        except Exception as error:
            return type(error), str(error)
    return [(w.category, str(w.message)) for w in caught if issubclass(w.category, UserWarning)]


def overridden(lib):
    opt = optimizer(lib)
    sched = lib.optim.lr_scheduler.StepLR(opt, 1)
    opt.step = lambda: None
    sched.step()


def changed_groups(lib):
    opt = optimizer(lib)
    sched = lib.optim.lr_scheduler.ReduceLROnPlateau(opt, min_lr=[0.1, 0.1], patience=0)
    opt.add_param_group({"params": [lib.nn.Parameter(lib.ones(1))]})
    sched.step(1.0)
    sched.step(1.0)


def of(name, *args, kind="SGD", **options):
    return lambda lib: getattr(lib.optim.lr_scheduler, name)(optimizer(lib, kind), *args, **options)


def two(lib, name):
    s = lib.optim.lr_scheduler
    a, b = optimizer(lib), optimizer(lib)
    return (a, [s.StepLR(a, 1), s.StepLR(b, 1)]) if name else (a, [s.StepLR(a, 1)])


MISTAKES = {
    "order": lambda lib: of("StepLR", 1)(lib).step(),
    "overridden": overridden,
    "get_lr": lambda lib: of("StepLR", 2)(lib).get_lr(),
    "not an optimizer": lambda lib: lib.optim.lr_scheduler.StepLR([1], 1),
    "resume": of("StepLR", 1, last_epoch=3),
    "lambda count": of("LambdaLR", [lambda e: e]),
    "multiplicative": of("MultiplicativeLR", [1, 2]),
    "constant": of("ConstantLR", factor=2.0),
    "linear start": of("LinearLR", start_factor=0.0),
    "linear end": of("LinearLR", end_factor=2.0),
    "restarts T_0": of("CosineAnnealingWarmRestarts", 0),
    "restarts T_mult": of("CosineAnnealingWarmRestarts", 1, 0),
    "restarts epoch": lambda lib: of("CosineAnnealingWarmRestarts", 1)(lib).step(-1),
    "cyclic mode": of("CyclicLR", 0.1, 0.2, mode="sine"),
    "cyclic momentum": of("CyclicLR", 0.1, 0.2, kind="Adagrad"),
    "cyclic count": of("CyclicLR", [0.1], 0.2),
    "one cycle": of("OneCycleLR", 0.1),
    "one cycle steps": of("OneCycleLR", 0.1, total_steps=0),
    "one cycle epochs": of("OneCycleLR", 0.1, epochs=0, steps_per_epoch=2),
    "one cycle pct": of("OneCycleLR", 0.1, total_steps=5, pct_start=2.0),
    "one cycle anneal": of("OneCycleLR", 0.1, total_steps=5, anneal_strategy="sine"),
    "one cycle end": lambda lib: [
        s.step()
        for o in [optimizer(lib)]
        for s in [lib.optim.lr_scheduler.OneCycleLR(o, 0.1, 3)]
        for _ in range(5)
    ],
    "plateau mode": of("ReduceLROnPlateau", "mean"),
    "plateau threshold": of("ReduceLROnPlateau", threshold_mode="log"),
    "plateau factor": of("ReduceLROnPlateau", factor=1.0),
    "plateau min_lr": of("ReduceLROnPlateau", min_lr=[0.1]),
    "plateau groups": changed_groups,
    "sequential none": of("SequentialLR", [], []),
    "sequential count": lambda lib: lib.optim.lr_scheduler.SequentialLR(*two(lib, ""), [1]),
    "sequential kind": lambda lib: (
        lambda o: lib.optim.lr_scheduler.SequentialLR(o, [lib.optim.lr_scheduler.ReduceLROnPlateau(o)], [])
    )(optimizer(lib)),
    "chained none": lambda lib: lib.optim.lr_scheduler.ChainedScheduler([]),
    "swa": lambda lib: lib.optim.swa_utils.SWALR(optimizer(lib), 0.1, anneal_strategy="sine"),
    "swa epochs": lambda lib: lib.optim.swa_utils.SWALR(optimizer(lib), 0.1, anneal_epochs=-1),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_read_alike(name):
    want, got = (message(lambda lib=lib: MISTAKES[name](lib)) for lib in LIBS)
    assert want, "the reference accepts this"
    assert got == want
