"""Every optimizer with every option, ten steps against PyTorch: parameters, states and their dtypes."""

import itertools

import numpy as np
import pytest

import torchlike as tl

torch = pytest.importorskip("torch")

LIBS = (torch, tl)
STEPS = 10
SHAPES = [(4, 3), (4,), (), (2, 0), (2, 3, 2)]
MATRICES = [(4, 3), (3, 5)]
TOLERANCE = {
    "float64": {"rtol": 1e-9, "atol": 1e-11},
    "float32": {"rtol": 3e-5, "atol": 3e-6},
    "complex64": {"rtol": 3e-5, "atol": 3e-6},
    "complex128": {"rtol": 1e-9, "atol": 1e-11},
    "bfloat16": {"rtol": 0.05, "atol": 0.05},
    "float16": {"rtol": 0.01, "atol": 0.01},
}

# each value once with everything else at its default, and some in combination
COMMON = {"lr": [0.05], "weight_decay": [0.1], "maximize": [True]}
FLAGS = {"foreach": [True, False], "differentiable": []}
OPTIONS = {
    "SGD": {**COMMON, **FLAGS, "momentum": [0.9], "fused": [True, False]},
    "Adam": {
        **COMMON, **FLAGS, "betas": [(0.8, 0.9)], "eps": [1e-3], "amsgrad": [True], "fused": [True, False],
        "decoupled_weight_decay": [True],
    },
    "AdamW": {**COMMON, **FLAGS, "betas": [(0.5, 0.99)], "eps": [0.1], "amsgrad": [True], "fused": [True, False]},
    "Adagrad": {
        **COMMON, **FLAGS, "lr_decay": [0.5], "initial_accumulator_value": [0.3], "eps": [1e-2],
        "fused": [True, False],
    },
    "Adadelta": {**COMMON, **FLAGS, "rho": [0.5, 0.0, 1.0], "eps": [1e-2]},
    "Adamax": {**COMMON, **FLAGS, "betas": [(0.5, 0.7)], "eps": [0.1]},
    "NAdam": {
        **COMMON, **FLAGS, "betas": [(0.5, 0.7)], "eps": [0.1], "momentum_decay": [0.02],
        "decoupled_weight_decay": [True],
    },
    "RAdam": {
        **COMMON, **FLAGS, "betas": [(0.5, 0.7), (0.9, 0.6)], "eps": [0.1], "decoupled_weight_decay": [True],
    },
    "RMSprop": {
        **COMMON, **FLAGS, "alpha": [0.5], "eps": [0.1], "momentum": [0.9], "centered": [True],
    },
    "Rprop": {
        "lr": [0.05], "maximize": [True], **FLAGS, "etas": [(0.3, 1.7)], "step_sizes": [(1e-3, 0.06)],
    },
    "ASGD": {**COMMON, **FLAGS, "lambd": [0.2], "alpha": [0.3], "t0": [4, 0]},
    "Adafactor": {
        **COMMON, "foreach": [True, False], "beta2_decay": [-0.3], "eps": [(1e-2, 1e-1)], "d": [2.0],
    },
    "Muon": {
        "lr": [0.05], "weight_decay": [0.0, 0.3], "momentum": [0.5], "nesterov": [False], "eps": [1e-3],
        "ns_coefficients": [(2.0, -1.5, 0.5)], "ns_steps": [1, 7],
        "adjust_lr_fn": ["original", "match_rms_adamw"],
    },
}  # fmt: skip
TOGETHER = {
    "SGD": [
        {"momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1},
        {"momentum": 0.9, "nesterov": True, "maximize": True, "weight_decay": 0.2},
    ],
    "Adam": [
        {"amsgrad": True, "maximize": True, "weight_decay": 0.1},
        {"decoupled_weight_decay": True, "weight_decay": 0.3, "amsgrad": True},
        {"betas": (0.0, 0.0)},
    ],
    "AdamW": [{"amsgrad": True, "maximize": True, "weight_decay": 0.0}],
    "Adagrad": [{"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1, "maximize": True}],
    "RMSprop": [{"momentum": 0.8, "centered": True, "weight_decay": 0.1, "maximize": True}],
    "NAdam": [{"weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True}],
    "RAdam": [{"weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True, "betas": (0.9, 0.9)}],
    "ASGD": [{"t0": 2, "weight_decay": 0.1, "lambd": 0.01, "alpha": 0.9, "maximize": True}],
    "Adafactor": [{"maximize": True, "weight_decay": 0.2, "lr": 0.3}],
    "Muon": [{"weight_decay": 0.3, "momentum": 0.0, "ns_steps": 3}],
}


def table():
    for name, options in OPTIONS.items():
        yield name, {}
        for option, values in options.items():
            for value in values:
                yield name, {option: value}
        for together in TOGETHER.get(name, ()):
            yield name, together


TABLE = list(table())
IDS = [f"{name}-{'-'.join(f'{k}={v}' for k, v in options.items()) or 'default'}" for name, options in TABLE]


def draw(rng, shape, dtype):
    a = rng.randn(*shape)
    return np.asarray(a + 1j * rng.randn(*shape) if dtype.startswith("complex") else a)


def tensor(lib, a, dtype):
    return lib.tensor(a).to(getattr(lib, dtype))


def wide(t):
    t = t.detach()
    return t.to_dense().cpu().resolve_conj().to(t.dtype if t.is_complex() else getattr_of(t).float64).numpy()


def getattr_of(t):
    return torch if isinstance(t, torch.Tensor) else tl


def run(lib, name, options, dtype="float32", shapes=SHAPES, steps=STEPS, between=None):
    """The optimizer after some steps, and its parameters; one parameter has no gradient in two of them."""
    rng = np.random.RandomState(0)
    if name == "Muon":
        shapes = MATRICES
    elif name == "Adafactor":  # PyTorch divides by the number of elements
        shapes = [s for s in shapes if 0 not in s]
    params = [lib.nn.Parameter(tensor(lib, draw(rng, s, dtype), dtype)) for s in shapes]
    params.append(lib.nn.Parameter(tensor(lib, draw(rng, (2, 2), dtype), dtype)))  # never gets a gradient
    opt = getattr(lib.optim, name)(params, **{k: v(lib) if callable(v) else v for k, v in options.items()})
    for step in range(steps):
        for i, p in enumerate(params[:-1]):
            g = tensor(lib, draw(rng, p.shape, dtype), dtype)
            p.grad = None if i == 1 and step in (3, 4) else g
        opt.step()
        if between is not None:
            between(lib, opt, step)
    return opt, params


def same(name, options, dtype="float32", **kwargs):
    (ref, theirs), (opt, ours) = (run(lib, name, options, dtype, **kwargs) for lib in LIBS)
    for a, b in zip(ours, theirs):
        np.testing.assert_allclose(wide(a), wide(b), **TOLERANCE[dtype])
    got, want = opt.state_dict(), ref.state_dict()
    assert [list(g) for g in got["param_groups"]] == [list(g) for g in want["param_groups"]]
    assert list(got["state"]) == list(want["state"])
    for i, state in want["state"].items():
        assert sorted(got["state"][i]) == sorted(state)
        for key, value in state.items():
            mine = got["state"][i][key]
            assert type(mine).__name__ == type(value).__name__
            if isinstance(value, torch.Tensor):
                assert str(mine.dtype) == str(value.dtype), key
                assert tuple(mine.shape) == tuple(value.shape)
                np.testing.assert_allclose(wide(mine), wide(value), **TOLERANCE[dtype], err_msg=key)
            else:
                assert mine == value


@pytest.mark.parametrize(("name", "options"), TABLE, ids=IDS)
def test_float32(name, options):
    same(name, options)


COMPLEX = [
    "SGD",
    "Adam",
    "AdamW",
    "Adagrad",
    "Adadelta",
    "Adamax",
    "NAdam",
    "RAdam",
    "RMSprop",
    "Rprop",
    "ASGD",
]
TYPED = [
    *itertools.product(OPTIONS, ["float64", "bfloat16", "float16"]),
    *itertools.product(COMPLEX, ["complex64", "complex128"]),
]


@pytest.mark.parametrize(("name", "dtype"), TYPED)
def test_dtypes(name, dtype):
    options = dict((TOGETHER.get(name) or [{"lr": 0.05}])[0])
    same(name, options, dtype)


TENSOR_RATES = [name for name in OPTIONS if name != "Muon"]


@pytest.mark.parametrize("name", TENSOR_RATES)
def test_rate_as_a_tensor(name):
    """`lr` as a Tensor, halved in place on the way."""

    def halve(lib, opt, step):
        if step == 4:
            opt.param_groups[0]["lr"].mul_(0.5)

    options = {"lr": lambda lib: lib.tensor(0.05), "foreach": False}
    if name == "Rprop":
        del options["foreach"]
    same(name, options, between=halve)


CHANGES = {
    "lr": lambda step: 0.1 / (step + 1), "weight_decay": lambda step: 0.02 * step,
    "betas": lambda step: (0.9 - 0.05 * step, 0.99 - 0.01 * step), "eps": lambda step: 1e-3 * (step + 1),
    "momentum": lambda step: 0.9 - 0.05 * step, "dampening": lambda step: 0.05 * step,
    "alpha": lambda step: 0.9 - 0.05 * step, "rho": lambda step: 0.9 - 0.05 * step,
    "lr_decay": lambda step: 0.1 * step, "etas": lambda step: (0.5 - 0.01 * step, 1.2 + 0.01 * step),
    "step_sizes": lambda step: (1e-6 * (step + 1), 0.5 / (step + 1)), "momentum_decay": lambda step: 4e-3 * step,
    "lambd": lambda step: 1e-2 * step, "d": lambda step: 1.0 + step, "beta2_decay": lambda step: -0.8 + 0.05 * step,
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIONS)
def test_options_change_between_steps(name):
    """Every number of a group changes at every step; from the second step on nothing compiles."""
    options = {"SGD": {"momentum": 0.9}, "RMSprop": {"momentum": 0.9}}.get(name, {})
    if "weight_decay" in OPTIONS[name]:
        options = {**options, "weight_decay": 0.1}

    compiles = []

    def change(lib, opt, step):
        if lib is tl and step == 6:  # all have their gradients again
            tl.debug.reset()
        elif lib is tl and step == STEPS - 1:
            compiles.append(tl.debug.stats()["compiles"])
        group = opt.param_groups[0]
        for key in group.keys() & CHANGES.keys():
            if not (name == "Adafactor" and key == "eps"):
                group[key] = CHANGES[key](step + 1)

    same(name, options, between=change)
    assert compiles == [0]


SPARSE = {
    "SGD": [{}, {"lr": 0.1, "maximize": True}, {"momentum": 0.9}],
    "Adagrad": [{}, {"lr_decay": 0.1, "initial_accumulator_value": 0.1, "maximize": True}],
    "SparseAdam": [{}, {"lr": 0.1, "betas": (0.8, 0.9), "eps": 1e-4, "maximize": True}],
}


def sparse_run(lib, name, options):
    rng = np.random.RandomState(0)
    table = lib.nn.Parameter(lib.tensor(rng.randn(6, 3).astype(np.float32)))
    dense = lib.nn.Parameter(lib.tensor(rng.randn(3).astype(np.float32)))
    params = [table] if name == "SparseAdam" else [table, dense]
    opt = getattr(lib.optim, name)(params, **options)
    for _ in range(STEPS):
        i = lib.tensor(rng.randint(0, 6, (1, 4)))  # with repeats
        v = lib.tensor(rng.randn(4, 3).astype(np.float32))
        table.grad = lib.sparse_coo_tensor(i, v, (6, 3))
        dense.grad = lib.tensor(rng.randn(3).astype(np.float32))
        opt.step()
    return opt, params


@pytest.mark.parametrize(("name", "options"), [(n, o) for n, cases in SPARSE.items() for o in cases])
@pytest.mark.filterwarnings("ignore:Sparse invariant checks:UserWarning")
def test_sparse_gradients(name, options):
    (ref, theirs), (opt, ours) = (sparse_run(lib, name, options) for lib in LIBS)
    for a, b in zip(ours, theirs):
        np.testing.assert_allclose(wide(a), wide(b), **TOLERANCE["float32"])
    for i, state in ref.state_dict()["state"].items():
        for key, value in state.items():
            mine = opt.state_dict()["state"][i][key]
            np.testing.assert_allclose(
                wide(mine) if hasattr(mine, "detach") else mine,
                wide(value) if hasattr(value, "detach") else value, **TOLERANCE["float32"],
            )  # fmt: skip


# ---- differentiable ---------------------------------------------------------------------------------

UNROLLED = {
    "SGD": {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}, "Adam": {"amsgrad": True},
    "AdamW": {"weight_decay": 0.1}, "Adagrad": {"lr_decay": 0.1, "initial_accumulator_value": 0.1},
    "Adadelta": {"rho": 0.5}, "Adamax": {}, "NAdam": {"momentum_decay": 0.01}, "RAdam": {"betas": (0.9, 0.6)},
    "RMSprop": {"momentum": 0.5, "centered": True, "eps": 1e-2}, "Rprop": {}, "ASGD": {"t0": 1},
}  # fmt: skip


def unrolled(lib, name, x, factor, steps, **options):
    """A loss after some steps, as a function of where they start and of a factor in their loss."""
    p = x.clone()
    opt = getattr(lib.optim, name)([p], lr=0.1, differentiable=True, **options)
    for _ in range(steps):
        now = p.clone()  # what backward keeps must not be written by the step
        p.grad = lib.autograd.grad((factor * now**4).sum(), now, create_graph=True)[0]
        opt.step()
    return (p**2).sum()


def start(lib):
    rng = np.random.RandomState(1)
    return [lib.tensor(a, requires_grad=True) for a in (rng.randn(5), rng.rand(5) + 0.5)]


@pytest.mark.parametrize("name", UNROLLED)
def test_gradients_flow_through_a_step(name):
    """As in PyTorch, whose corrections are float32 in a differentiable step."""
    found = []
    for lib in LIBS:
        x, factor = start(lib)
        loss = unrolled(lib, name, x, factor, 1, **UNROLLED[name])
        grads = lib.autograd.grad(loss, (x, factor), allow_unused=True)
        found.append([None if t is None else t.detach().numpy() for t in (loss, *grads)])
    for a, b in zip(*found):
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("name", UNROLLED)
def test_gradients_flow_through_several_steps(name):
    """PyTorch cannot do this for every one of them: against differences of the losses."""
    options = {**UNROLLED[name], "momentum": 0.0, "nesterov": False} if name == "SGD" else UNROLLED[name]
    assert tl.autograd.gradcheck(lambda x, f: unrolled(tl, name, x, f, 3, **options), start(tl))


def test_gradient_of_the_rate():
    """A rate that requires grad, as hypergradient methods have it."""
    found = []
    for lib in LIBS:
        x = lib.tensor([1.0, -2.0], dtype=lib.float64, requires_grad=True)
        lr = lib.tensor(0.1, dtype=lib.float64, requires_grad=True)
        p = x.clone()
        opt = lib.optim.SGD([p], lr=lr, differentiable=True)
        for _ in range(2):
            now = p.clone()
            p.grad = lib.autograd.grad((now**3).sum(), now, create_graph=True)[0]
            opt.step()
        found.append([t.numpy() for t in lib.autograd.grad(p.sum(), (x, lr))])
    for a, b in zip(*found):
        np.testing.assert_allclose(b, a, rtol=1e-12)


def differentiable_leaf(lib, foreach=None):
    p = lib.ones(2, requires_grad=True)
    if foreach:
        p = p.clone()
    p.grad = lib.ones(2)
    lib.optim.Adam([p], differentiable=True, foreach=foreach).step()


@pytest.mark.parametrize("foreach", [None, True])
def test_differentiable_errors(foreach):
    messages = []
    for lib in LIBS:
        with pytest.raises((RuntimeError, AssertionError)) as caught:
            differentiable_leaf(lib, foreach)
        messages.append((caught.type, str(caught.value)))
    assert messages[0] == messages[1]
