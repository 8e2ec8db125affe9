"""Optimizers against PyTorch's, step by step, with every option; checkpoints both ways; compile counts."""

import copy

import numpy as np
import pytest

import torchlike as tl
from torchlike import debug

torch = pytest.importorskip("torch")

LIBS = (torch, tl)
SHAPES = [(4, 3), (4,), ()]
TOLERANCE = {"rtol": 2e-5, "atol": 2e-6}

CASES = {
    "SGD": [
        {},
        {"lr": 0.1, "momentum": 0.9},
        {"momentum": 0.9, "dampening": 0.3},
        {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
        {"weight_decay": 0.1, "maximize": True},
        {"foreach": True, "momentum": 0.5},
        {"fused": True},
    ],
    "Adam": [
        {},
        {"lr": 0.01, "betas": (0.8, 0.9), "eps": 1e-3},
        {"weight_decay": 0.1},
        {"weight_decay": 0.1, "decoupled_weight_decay": True},
        {"amsgrad": True, "maximize": True},
        {"foreach": True},
        {"fused": True, "amsgrad": True},
    ],
    "AdamW": [{}, {"weight_decay": 0.3, "amsgrad": True}, {"weight_decay": 0.0, "maximize": True}],
    "Adagrad": [
        {},
        {"lr": 0.1, "lr_decay": 0.5, "weight_decay": 0.1},
        {"initial_accumulator_value": 0.1, "eps": 1e-3, "maximize": True},
    ],
    "Adadelta": [{}, {"rho": 0.95, "weight_decay": 0.1, "eps": 1e-3}, {"lr": 0.3, "maximize": True}],
    "Adamax": [{}, {"lr": 0.1, "weight_decay": 0.1}, {"betas": (0.5, 0.7), "eps": 0.1, "maximize": True}],
    "NAdam": [
        {},
        {"weight_decay": 0.1, "momentum_decay": 6e-3},
        {"weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True},
    ],
    "RAdam": [
        {},
        {"weight_decay": 0.1, "betas": (0.9, 0.9)},
        {"weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True},
    ],
    "RMSprop": [
        {},
        {"weight_decay": 0.1, "centered": True, "momentum": 0.1},
        {"momentum": 0.9, "alpha": 0.5, "maximize": True},
        {"centered": True, "eps": 1e-3},
    ],
    "Rprop": [{}, {"lr": 2e-2, "etas": (0.4, 1.5), "step_sizes": (1e-3, 0.1)}, {"maximize": True}],
    "ASGD": [{}, {"lr": 0.02, "lambd": 0.1, "t0": 3, "alpha": 0.5}, {"weight_decay": 0.1, "maximize": True}],
    "Adafactor": [{}, {"weight_decay": 0.1, "lr": 0.5}, {"d": 1.5, "beta2_decay": -1.0, "maximize": True}],
    "Muon": [
        {},
        {"nesterov": False, "momentum": 0.8},
        {"adjust_lr_fn": "match_rms_adamw", "weight_decay": 0.0, "ns_steps": 3},
    ],
}
TABLE = [(name, options) for name, cases in CASES.items() for options in cases]
IDS = [f"{name}-{'-'.join(options) or 'default'}" for name, options in TABLE]


def start(lib, name, seed=0, dtype=np.float32):
    rng = np.random.RandomState(seed)
    shapes = [(4, 3), (3, 5)] if name == "Muon" else SHAPES
    return [lib.nn.Parameter(lib.tensor(np.asarray(rng.randn(*s), dtype))) for s in shapes]


def give_grads(lib, params, seed, skip=()):
    rng = np.random.RandomState(seed)
    for i, p in enumerate(params):
        g = np.asarray(rng.randn(*p.shape), np.float32)
        p.grad = None if i in skip else lib.tensor(g).to(p.dtype)


def numbers(x):
    return x.detach().double().numpy() if hasattr(x, "detach") else np.asarray(x, np.float64)


def same_params(ours, theirs, tolerance=TOLERANCE):
    for a, b in zip(ours, theirs):
        np.testing.assert_allclose(numbers(a), numbers(b), **tolerance)


def same_state(ours, theirs):
    got, want = ours.state_dict(), theirs.state_dict()
    assert got["state"].keys() == want["state"].keys()
    for i, state in want["state"].items():
        assert set(got["state"][i]) == set(state)
        for name, value in state.items():
            mine = got["state"][i][name]
            assert tuple(mine.shape) == tuple(value.shape)
            assert str(mine.dtype).split(".")[-1] == str(value.dtype).split(".")[-1]
            np.testing.assert_allclose(numbers(mine), numbers(value), **TOLERANCE)
    for mine, group in zip(got["param_groups"], want["param_groups"]):
        assert set(mine) == set(group)


def crossed(x, lib):
    """A state dict of one library with the other's tensors."""
    if isinstance(x, dict):
        return {k: crossed(v, lib) for k, v in x.items()}
    return lib.tensor(x.detach().numpy()) if hasattr(x, "detach") else x


@pytest.mark.parametrize(("name", "options"), TABLE, ids=IDS)
def test_follows_the_reference(name, options):
    """Eight steps; the rate changes on the way, one parameter has no gradient once."""
    runs = []
    for lib in LIBS:
        params = start(lib, name)
        opt = getattr(lib.optim, name)(params, **options)
        for step in range(8):
            give_grads(lib, params, step, skip=(1,) if step == 4 else ())
            opt.step()
            if step == 2:
                opt.param_groups[0]["lr"] *= 0.5
        runs.append((opt, params))
    (ref, ref_params), (opt, params) = runs
    same_params(params, ref_params)
    same_state(opt, ref)


@pytest.mark.parametrize("name", CASES)
def test_checkpoints_cross(name):
    """A state dict of PyTorch continues here, and one of ours there."""
    options = CASES[name][1]
    runs = {}
    for lib in LIBS:
        params = start(lib, name)
        opt = getattr(lib.optim, name)(params, **options)
        for step in range(3):
            give_grads(lib, params, step)
            opt.step()
        runs[lib] = (opt, params)
    for source, target in (LIBS, LIBS[::-1]):
        opt, params = runs[source]
        copied = [target.nn.Parameter(target.tensor(p.detach().numpy())) for p in params]
        other = getattr(target.optim, name)(copied, **options)
        other.load_state_dict(crossed(copy.deepcopy(opt.state_dict()), target))
        for step in range(3, 6):
            give_grads(source, params, step)
            give_grads(target, copied, step)
            opt.step()
            other.step()
        same_params(copied, params)


@pytest.mark.parametrize("name", CASES)
def test_numbers_never_compile(name):
    """Rates, decays, betas and the step count are inputs: after two steps nothing compiles."""
    params = start(tl, name)
    options = {"weight_decay": 0.1} if name not in ("Rprop",) else {}
    opt = getattr(tl.optim, name)(params, **options)
    tensors = [[tl.tensor(np.ones(p.shape, np.float32)) for p in params] for _ in range(12)]
    for step, grads in enumerate(tensors):
        for p, g in zip(params, grads):
            p.grad = g
        if step == 2:
            debug.reset()
        opt.step()
        group = opt.param_groups[0]
        group["lr"] = 0.1 / (step + 1)
        for key, value in (
            ("weight_decay", 0.1 / (step + 1)),
            ("betas", (0.9 - 0.01 * step, 0.99)),
            ("eps", 1e-8 * step),
        ):
            if key in group and not (key == "eps" and name == "Adafactor"):
                group[key] = value
    stats = debug.stats()
    assert stats["compiles"] == 0
    assert stats["barriers"].get("step") == 10


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "Adagrad"])
@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "float16", "complex64"])
def test_dtypes(name, dtype):
    """State has the parameter's dtype; low precision is computed in float32 and rounded once."""
    runs = []
    for lib in LIBS:
        params = [lib.nn.Parameter(p.detach().to(getattr(lib, dtype))) for p in start(lib, name)]
        options = {"momentum": 0.9} if name in ("SGD", "RMSprop") else {}
        opt = (
            getattr(lib.optim, name)(params, lr=0.1, eps=1e-4, **options)
            if name != "SGD"
            else lib.optim.SGD(params, 0.1, 0.9)
        )
        for step in range(3):
            give_grads(lib, params, step)
            opt.step()
        runs.append([p.detach().to(lib.complex128).numpy() for p in params])
    tolerance = {"float64": 1e-10, "complex64": 1e-5}.get(dtype, 0.05)
    for a, b in zip(*runs):
        np.testing.assert_allclose(b, a, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_groups_and_closure(name):
    runs = []
    for lib in LIBS:
        a, b, c = start(lib, name)
        opt = getattr(lib.optim, name)(
            [{"params": [a], "lr": 0.5}, {"params": [b, c], "weight_decay": 0.1}], lr=0.05
        )

        def closure(opt=opt, a=a, b=b, c=c):
            opt.zero_grad()
            loss = (a * a).sum() + (b * b * b).sum() * c
            loss.backward()
            return loss

        losses = [float(opt.step(closure).detach()) for _ in range(5)]
        runs.append((losses, [a, b, c]))
    np.testing.assert_allclose(runs[1][0], runs[0][0], rtol=1e-5)
    same_params(runs[1][1], runs[0][1])


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_lbfgs(search):
    """The Rosenbrock function, to its minimum."""
    runs = []
    for lib in LIBS:
        x = lib.nn.Parameter(lib.tensor([-1.0, 1.5]))
        y = lib.nn.Parameter(lib.tensor([0.3]))
        opt = lib.optim.LBFGS(
            [x, y], lr=1.0 if search else 0.02, max_iter=6, line_search_fn=search, history_size=5
        )

        def closure(opt=opt, x=x, y=y):
            opt.zero_grad()
            loss = (1 - x[0]) ** 2 + 10 * (x[1] - x[0] ** 2) ** 2 + (y**2).sum()
            loss.backward()
            return loss

        losses = [float(opt.step(closure).detach()) for _ in range(5)]
        runs.append((losses, [x, y], opt.state_dict()["state"][0]["n_iter"]))
    np.testing.assert_allclose(runs[1][0], runs[0][0], rtol=2e-3, atol=1e-6)
    same_params(runs[1][1], runs[0][1], {"rtol": 1e-3, "atol": 1e-4})
    assert runs[1][2] == runs[0][2]


def test_tensor_options():
    """A rate or betas given as Tensors; changed in place between steps, without a compile."""
    params = start(tl, "Adam")
    ref_params = start(torch, "Adam")
    rate, ref_rate = tl.tensor(0.1), torch.tensor(0.1)
    opt, ref = tl.optim.Adam(params, lr=rate), torch.optim.Adam(ref_params, lr=ref_rate)
    for step in range(5):
        give_grads(tl, params, step)
        give_grads(torch, ref_params, step)
        opt.step()
        ref.step()
        rate.mul_(0.5)
        ref_rate.mul_(0.5)
    same_params(params, ref_params)
    betas = (tl.tensor(0.8), tl.tensor(0.9))
    opt, ref = tl.optim.Adam(params, betas=betas), torch.optim.Adam(ref_params, betas=(0.8, 0.9))
    give_grads(tl, params, 9)
    give_grads(torch, ref_params, 9)
    opt.step()
    ref.step()
    same_params(params, ref_params)


def test_state_is_live():
    """State tensors keep their identity, read as PyTorch's, and may be changed by hand."""
    params = start(tl, "Adam")
    opt = tl.optim.Adam(params, lr=0.1)
    give_grads(tl, params, 0)
    opt.step()
    state = opt.state[params[0]]
    step, average = state["step"], state["exp_avg"]
    assert step.dtype == tl.float32 and step.shape == () and step.item() == 1.0
    give_grads(tl, params, 1)
    opt.step()
    assert opt.state[params[0]]["step"] is step and step.item() == 2.0
    assert opt.state[params[0]]["exp_avg"] is average
    average.zero_()
    step.fill_(9.0)
    give_grads(tl, params, 2)
    opt.step()
    assert opt.state[params[0]]["step"].item() == 10.0
    assert opt.state[params[1]]["step"].item() == 3.0
    np.testing.assert_allclose(average.numpy(), 0.1 * params[0].grad.numpy(), rtol=1e-6)


def test_deepcopy_and_pickle_keep_the_state():
    params = start(tl, "Adam")
    opt = tl.optim.Adam(params, lr=0.1)
    give_grads(tl, params, 0)
    opt.step()
    other = copy.deepcopy(opt)
    copied = other.param_groups[0]["params"]
    give_grads(tl, params, 1)
    give_grads(tl, copied, 1)
    opt.step()
    other.step()
    same_params(copied, params, {"rtol": 0})
    assert other.state[copied[0]]["step"].item() == 2.0


def test_hooks():
    seen = []
    params = start(tl, "SGD")
    opt = tl.optim.SGD(params, lr=0.1)
    handles = [
        opt.register_step_pre_hook(lambda o, args, kwargs: seen.append("pre")),
        opt.register_step_post_hook(lambda o, args, kwargs: seen.append("post")),
        tl.optim.optimizer.register_optimizer_step_pre_hook(
            lambda o, args, kwargs: seen.append("global pre")
        ),
        tl.optim.optimizer.register_optimizer_step_post_hook(
            lambda o, args, kwargs: seen.append("global post")
        ),
        opt.register_state_dict_pre_hook(lambda o: seen.append("save")),
        opt.register_state_dict_post_hook(lambda o, d: {**d, "extra": 1}),
        opt.register_load_state_dict_pre_hook(lambda o, d: seen.append("load")),
        opt.register_load_state_dict_post_hook(lambda o: seen.append("loaded")),
    ]
    opt.step()
    saved = opt.state_dict()
    assert saved.pop("extra") == 1
    opt.load_state_dict(saved)
    assert seen == ["global pre", "pre", "post", "global post", "save", "load", "loaded"]
    for h in handles:
        h.remove()
    seen.clear()
    opt.step()
    opt.state_dict()
    assert seen == []


def test_a_written_optimizer():
    """A subclass with its own step over tensor operations."""

    class Plain(tl.optim.Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, {"lr": lr})

        @tl.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        p.add_(p.grad, alpha=-group["lr"])

    p = tl.nn.Parameter(tl.ones(3))
    opt = Plain([p], 0.5)
    p.grad = tl.ones(3)
    opt.step()
    assert p.tolist() == [0.5, 0.5, 0.5]


def test_zero_grad():
    params = start(tl, "SGD")
    opt = tl.optim.SGD(params, lr=0.1)
    give_grads(tl, params, 0)
    grad = params[0].grad
    opt.zero_grad(set_to_none=False)
    assert params[0].grad is grad and grad.abs().sum().item() == 0.0
    opt.zero_grad()
    assert all(p.grad is None for p in params)


def test_repr():
    texts = [repr(lib.optim.Adam(start(lib, "Adam"), lr=0.1)) for lib in LIBS]
    assert texts[0] == texts[1]


def leaf(lib, *shape):
    return lib.nn.Parameter(lib.ones(*shape))


MISTAKES = {
    "tensor": lambda lib: lib.optim.SGD(lib.ones(2), 0.1),
    "empty": lambda lib: lib.optim.SGD([], 0.1),
    "set": lambda lib: lib.optim.SGD([{"params": {leaf(lib, 1)}}], 0.1),
    "number": lambda lib: lib.optim.SGD([1], 0.1),
    "non-leaf": lambda lib: lib.optim.SGD([leaf(lib, 1) * 2], 0.1),
    "group": lambda lib: lib.optim.SGD([leaf(lib, 1)], 0.1).add_param_group([1]),
    "twice": lambda lib: (lambda p: lib.optim.SGD([{"params": [p]}, {"params": [p]}], 0.1))(leaf(lib, 1)),
    "names": lambda lib: lib.optim.SGD([("a", leaf(lib, 1)), leaf(lib, 1)], 0.1),
    "group names": lambda lib: lib.optim.SGD([("a", leaf(lib, 1))], 0.1).add_param_group(
        {"params": [leaf(lib, 1)]}
    ),
    "load groups": lambda lib: lib.optim.SGD([leaf(lib, 1)], 0.1).load_state_dict(
        {"state": {}, "param_groups": []}
    ),
    "load size": lambda lib: lib.optim.SGD([leaf(lib, 1)], 0.1).load_state_dict(
        {"state": {}, "param_groups": [{"params": []}]}
    ),
    "sgd lr": lambda lib: lib.optim.SGD([leaf(lib, 1)], -1.0),
    "sgd momentum": lambda lib: lib.optim.SGD([leaf(lib, 1)], momentum=-1.0),
    "sgd decay": lambda lib: lib.optim.SGD([leaf(lib, 1)], weight_decay=-1.0),
    "sgd nesterov": lambda lib: lib.optim.SGD([leaf(lib, 1)], nesterov=True),
    "sgd lr tensor": lambda lib: lib.optim.SGD([leaf(lib, 1)], lib.ones(2)),
    "sgd fused foreach": lambda lib: lib.optim.SGD([leaf(lib, 1)], fused=True, foreach=True),
    "adam lr": lambda lib: lib.optim.Adam([leaf(lib, 1)], -1.0),
    "adam eps": lambda lib: lib.optim.Adam([leaf(lib, 1)], eps=-1.0),
    "adam beta1": lambda lib: lib.optim.Adam([leaf(lib, 1)], betas=(1.0, 0.9)),
    "adam beta2": lambda lib: lib.optim.AdamW([leaf(lib, 1)], betas=(0.9, 1.0)),
    "adam betas": lambda lib: lib.optim.Adam([leaf(lib, 1)], betas=(lib.tensor(0.9), 0.9)),
    "adam decay": lambda lib: lib.optim.Adam([leaf(lib, 1)], weight_decay=-1.0),
    "adagrad decay": lambda lib: lib.optim.Adagrad([leaf(lib, 1)], lr_decay=-1.0),
    "adagrad start": lambda lib: lib.optim.Adagrad([leaf(lib, 1)], initial_accumulator_value=-1.0),
    "adadelta rho": lambda lib: lib.optim.Adadelta([leaf(lib, 1)], rho=1.1),
    "rmsprop alpha": lambda lib: lib.optim.RMSprop([leaf(lib, 1)], alpha=-1.0),
    "rprop etas": lambda lib: lib.optim.Rprop([leaf(lib, 1)], etas=(1.0, 0.5)),
    "nadam": lambda lib: lib.optim.NAdam([leaf(lib, 1)], momentum_decay=-1.0),
    "adafactor d": lambda lib: lib.optim.Adafactor([leaf(lib, 1)], d=0.5),
    "adafactor beta2": lambda lib: lib.optim.Adafactor([leaf(lib, 1)], beta2_decay=0.5),
    "muon vector": lambda lib: lib.optim.Muon([leaf(lib, 2)]),
    "muon ratio": lambda lib: lib.optim.Muon([leaf(lib, 2, 2)], adjust_lr_fn="x"),
    "lbfgs groups": lambda lib: lib.optim.LBFGS([{"params": [leaf(lib, 1)]}, {"params": [leaf(lib, 1)]}]),
    "sparse lr": lambda lib: lib.optim.SparseAdam([leaf(lib, 1)], 0.0),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_read_alike(name):
    messages = []
    for lib in LIBS:
        with pytest.raises(Exception) as caught:
            MISTAKES[name](lib)
        messages.append((caught.type, str(caught.value)))
    assert messages[0] == messages[1]


def test_sparse_adam_refuses_dense_gradients():
    p = leaf(tl, 2)
    opt = tl.optim.SparseAdam([p])
    opt.step()
    p.grad = tl.ones(2)
    with pytest.raises(
        RuntimeError, match="SparseAdam does not support dense gradients, please consider Adam instead"
    ):
        opt.step()


@pytest.mark.parametrize("name", ["SGD", "Adam", "NAdam"])
def test_checkpoint_files_cross(name, tmp_path):
    """Files written here open in PyTorch, each parameter with a counter of its own, and the other way."""
    options = {"momentum": 0.9} if name == "SGD" else {}
    for source, target in (LIBS, LIBS[::-1]):
        params = start(source, name)
        opt = getattr(source.optim, name)(params, lr=0.1, **options)
        for step in range(2):
            give_grads(source, params, step)
            opt.step()
        source.save(opt.state_dict(), tmp_path / "state.pt")
        copied = [target.nn.Parameter(target.tensor(p.detach().numpy())) for p in params]
        other = getattr(target.optim, name)(copied, lr=0.5, **options)
        other.load_state_dict(target.load(tmp_path / "state.pt"))
        give_grads(source, params, 2)
        give_grads(target, copied, 2)
        opt.step()
        other.step()
        same_params(copied, params)
        if name != "SGD":
            assert [float(s["step"]) for s in other.state.values()] == [3.0] * len(params)
