"""Optimizer's interface against PyTorch's: groups, names, checkpoints, hooks, copies, errors."""

import copy
import functools
import pickle
import re
import warnings

import pytest

import torchlike as tl

torch = pytest.importorskip("torch")

CASES = {}


def case(f):
    CASES[f.__name__] = f
    return f


def leaf(lib, *shape):
    return lib.nn.Parameter(lib.ones(*shape))


def stepped(lib, name="Adam", **options):
    """A parameter and its optimizer after one step."""
    p = leaf(lib, 2)
    opt = getattr(lib.optim, name)([p], **options)
    p.grad = lib.ones(2)
    opt.step()
    return p, opt


def sparse_step(lib, name, **options):
    p = leaf(lib, 2, 2)
    opt = getattr(lib.optim, name)([p], **options)
    p.grad = lib.ones(2, 2).to_sparse()
    opt.step()


# ---- groups and names -------------------------------------------------------------------------------


@case
def names(lib):
    opt = lib.optim.Adam([("a", leaf(lib, 2)), ("b", leaf(lib, 3))], lr=0.1)
    return opt.state_dict()["param_groups"], opt.param_groups[0]["param_names"], list(opt.param_groups[0])


@case
def names_of_groups(lib):
    groups = [{"params": [("a", leaf(lib, 2))], "lr": 0.5}, {"params": [("b", leaf(lib, 3))]}]
    return lib.optim.SGD(groups, lr=0.1).state_dict()["param_groups"]


@case
def names_of_a_module(lib):
    opt = lib.optim.SGD(lib.nn.Linear(2, 3).named_parameters(), lr=0.1)
    return opt.state_dict()["param_groups"]


def load(lib, source, target):
    opt, other = lib.optim.SGD(source(lib), lr=0.1), lib.optim.SGD(target(lib), lr=0.2)
    opt.load_state_dict(other.state_dict())
    return opt.state_dict()


def named(name):
    return lambda lib: [(name, leaf(lib, 2))]


def plain(lib):
    return [leaf(lib, 2)]


CASES["named takes plain"] = lambda lib: load(lib, named("a"), plain)
CASES["plain takes named"] = lambda lib: load(lib, plain, named("a"))
CASES["named takes others"] = lambda lib: load(lib, named("a"), named("z"))


@case
def duplicates(lib):
    p = leaf(lib, 2)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        lib.optim.SGD([p, p], lr=0.1)
    return [(w.category.__name__, str(w.message)) for w in seen]


@case
def duplicate_groups(lib):
    p = leaf(lib, 2)
    lib.optim.SGD([{"params": p}, {"params": p}], lr=0.1)


@case
def retained(lib):
    p = leaf(lib, 2) * 2
    p.retain_grad()
    return len(lib.optim.SGD([p], lr=0.1).param_groups)


@case
def empty_group(lib):
    opt = lib.optim.SGD([{"params": []}], 0.1)
    opt.step()
    return opt.state_dict()


GIVEN = {
    "dict": lambda lib: {"a": leaf(lib, 2)}, "numbers": lambda lib: [1, 2], "text": lambda lib: "ab",
    "none": lambda lib: None, "non-leaf": lambda lib: [leaf(lib, 2) * 2], "tensor": lambda lib: leaf(lib, 2),
    "nothing": lambda lib: [], "one of a group": lambda lib: [{"params": leaf(lib, 2)}],
    "set": lambda lib: [{"params": {leaf(lib, 1)}}], "some names": lambda lib: [("a", leaf(lib, 1)), leaf(lib, 1)],
    "non-leaf of a group": lambda lib: [{"params": [leaf(lib, 1) * 2]}],
}  # fmt: skip
for key, make in GIVEN.items():
    CASES[f"given {key}"] = lambda lib, make=make: len(
        lib.optim.SGD(make(lib), lr=0.1).param_groups[0]["params"]
    )
ADDED = {
    "set": lambda lib: {"params": {leaf(lib, 1)}}, "list": lambda lib: [leaf(lib, 1)],
    "without params": lambda lib: {"lr": 1}, "named": lambda lib: {"params": [("a", leaf(lib, 1))]},
    "number": lambda lib: {"params": [3]},
}  # fmt: skip
for key, make in ADDED.items():
    CASES[f"added {key}"] = lambda lib, make=make: lib.optim.SGD([leaf(lib, 2)], 0.1).add_param_group(
        make(lib)
    )

# ---- checkpoints and copies --------------------------------------------------------------------------


@case
def pickled(lib):
    other = pickle.loads(pickle.dumps(stepped(lib, "SGD", momentum=0.9)[1]))
    return repr(other), [sorted(s) for s in other.state.values()]


@case
def copied(lib):
    p, opt = stepped(lib)
    other = copy.deepcopy(opt)
    return [sorted(s) for s in other.state.values()], other.param_groups[0]["params"][0] is p


@case
def kept_by_pickle(lib):
    return sorted(stepped(lib)[1].__getstate__())


@case
def state_of_something_else(lib):
    opt = lib.optim.SGD([leaf(lib, 2)], 0.1)
    saved = opt.state_dict()
    saved["state"]["epoch"] = 3
    opt.load_state_dict(saved)
    return opt.state["epoch"]


@case
def loaded_options(lib):
    p, opt = stepped(lib)
    saved = opt.state_dict()
    saved["param_groups"][0]["lr"] = 9
    opt.load_state_dict(saved)
    return opt.param_groups[0]["lr"], opt.param_groups[0]["params"][0] is p


@case
def loaded_dtypes(lib):
    q = lib.nn.Parameter(lib.ones(2, dtype=lib.float64))
    other = lib.optim.Adam([q])
    other.load_state_dict(stepped(lib)[1].state_dict())
    return {k: str(v.dtype) for k, v in other.state[q].items()}


@case
def old_checkpoint(lib):
    """Without the later options, and with a number as counter."""
    p, opt = stepped(lib)
    saved = opt.state_dict()
    saved["state"][0]["step"] = 3
    for key in ("amsgrad", "maximize", "foreach", "capturable", "differentiable", "fused"):
        del saved["param_groups"][0][key]
    opt.load_state_dict(saved)
    opt.step()
    return float(opt.state[p]["step"]), sorted(opt.param_groups[0]), opt.param_groups[0]["foreach"]


# ---- hooks and steps -----------------------------------------------------------------------------


@case
def arguments_of_hooks(lib):
    seen = []
    opt = lib.optim.SGD([leaf(lib, 2)], 0.1)
    opt.register_step_pre_hook(lambda o, args, kwargs: seen.append((len(args), sorted(kwargs))))
    opt.register_step_post_hook(lambda o, args, kwargs: seen.append((len(args), sorted(kwargs))))
    return opt.step(), opt.step(lambda: 3), opt.step(closure=lambda: 4), seen


@case
def hook_gives_arguments(lib):
    opt = lib.optim.SGD([leaf(lib, 2)], 0.1)
    opt.register_step_pre_hook(lambda o, args, kwargs: ((o, lambda: 7), {}))
    return opt.step()


@case
def prepended_hooks(lib):
    seen = []
    opt = lib.optim.SGD([leaf(lib, 2)], 0.1)
    for i in (1, 2):
        opt.register_state_dict_pre_hook(lambda o, i=i: seen.append(i), prepend=True)
        opt.register_state_dict_post_hook(lambda o, d, i=i: seen.append(10 + i), prepend=True)
        opt.register_load_state_dict_pre_hook(lambda o, d, i=i: seen.append(20 + i), prepend=True)
        opt.register_load_state_dict_post_hook(lambda o, i=i: seen.append(30 + i), prepend=True)
    opt.load_state_dict(opt.state_dict())
    return seen


@case
def mode_of_closures(lib):
    seen = []
    with lib.no_grad():
        lib.optim.SGD([leaf(lib, 2)], 0.1).step(lambda: seen.append(lib.is_grad_enabled()))
    return seen


@case
def overridden_step(lib):
    class Mine(lib.optim.SGD):
        def step(self, closure=None):
            super().step(closure)
            return "mine"

    seen = []
    p = leaf(lib, 2)
    p.grad = lib.ones(2)
    opt = Mine([p], 0.1)
    opt.register_step_pre_hook(lambda *_: seen.append(1))
    return opt.step(), seen, p.tolist()


@case
def base_class(lib):
    opt = lib.optim.Optimizer([leaf(lib, 2)], {"lr": 0.1, "x": None})
    return repr(opt), opt.state_dict()


@case
def base_step(lib):
    lib.optim.Optimizer([leaf(lib, 2)], {}).step()


@case
def zeroed_in_place(lib):
    p = leaf(lib, 2)
    p.grad = lib.ones(2) * leaf(lib, 2)
    grad = p.grad
    lib.optim.SGD([p], 0.1).zero_grad(set_to_none=False)
    return p.grad is grad, grad.tolist(), grad.requires_grad


@case
def other_data(lib):
    p, opt = stepped(lib, "SGD", lr=0.1)
    p.data = lib.ones(2) * 5
    opt.step()
    return p.tolist()


@case
def a_view_moves_its_base(lib):
    x = lib.ones(4)
    p = x[1:3].requires_grad_()
    p.grad = lib.ones(2)
    lib.optim.SGD([p], 0.5).step()
    return x.tolist()


@case
def versions(lib):
    plain = ["SGD", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "ASGD", "Adafactor", "Adagrad", "RMSprop"]
    found = [
        (name, o, stepped(lib, name, **o)[0]._version) for name in plain for o in ({}, {"weight_decay": 0.1})
    ]
    found += [
        (name, stepped(lib, name, fused=True)[0]._version) for name in ("SGD", "Adam", "AdamW", "Adagrad")
    ]
    found += [
        (n, stepped(lib, n, weight_decay=0.1, decoupled_weight_decay=True)[0]._version)
        for n in ("Adam", "NAdam", "RAdam")
    ]
    p, q = leaf(lib, 2, 2), leaf(lib, 2)
    p.grad, q.grad = lib.ones(2, 2), lib.ones(2)
    lib.optim.Muon([p]).step()
    lib.optim.ASGD([q], foreach=True).step()
    return found, p._version, p.grad._version, q._version


def parameters_of_another_dtype(lib, name, then):
    """A step after the parameters became double."""
    p, opt = stepped(lib, name)
    p.data = p.data.double()
    p.grad = lib.ones(2, dtype=getattr(lib, then))
    opt.step()
    return p.detach().float().tolist(), str(p.dtype), [str(v.dtype) for v in opt.state[p].values()]


for name in ("SGD", "Adam", "NAdam", "Adamax", "Adafactor", "Adagrad"):
    for then in ("float32", "float64"):
        CASES[f"parameters_of_another_dtype {name} {then}"] = functools.partial(
            parameters_of_another_dtype, name=name, then=then
        )


def loss_step(lib, opt, p):
    def closure():
        opt.zero_grad()
        loss = (p**2).sum()
        loss.backward()
        return loss

    opt.step(closure)


@case
def lbfgs_search(lib):
    p = leaf(lib, 2)
    loss_step(lib, lib.optim.LBFGS([p], line_search_fn="x"), p)


@case
def lbfgs_groups(lib):
    opt = lib.optim.LBFGS([leaf(lib, 2)])
    opt.add_param_group({"params": [leaf(lib, 1)]})
    opt.step(lambda: lib.tensor(1.0))


@case
def lbfgs_state(lib):
    p = leaf(lib, 3)
    opt = lib.optim.LBFGS([p], lr=0.1, max_iter=3, history_size=4)
    loss_step(lib, opt, p)
    state = opt.state_dict()["state"][0]
    kinds = {k: type(v).__name__ for k, v in state.items()}
    return (
        sorted(kinds.items()),
        [type(x).__name__ for x in state["al"]],
        [type(x).__name__ for x in state["ro"]],
    )


# ---- refusals ---------------------------------------------------------------------------------------

for key in (
    "Adam",
    "AdamW",
    "RMSprop",
    "Adadelta",
    "Adamax",
    "NAdam",
    "RAdam",
    "Rprop",
    "ASGD",
    "Adafactor",
    "Muon",
):
    CASES[f"sparse {key}"] = lambda lib, name=key: sparse_step(lib, name)
REFUSED = {
    "sparse decay": lambda lib: sparse_step(lib, "Adagrad", weight_decay=0.1),
    "dense gradients": lambda lib: stepped(lib, "SparseAdam"),
    "complex": lambda lib: lib.optim.SparseAdam([lib.nn.Parameter(lib.ones(2, dtype=lib.complex64))]),
    "sparse parameter": lambda lib: lib.optim.SparseAdam([lib.ones(2, 2).to_sparse()]),
    "fused and differentiable": lambda lib: stepped(lib, fused=True, differentiable=True),
    "fused and foreach": lambda lib: stepped(lib, "Adagrad", fused=True, foreach=True),
    "rate and foreach": lambda lib: stepped(lib, lr=lib.tensor(0.1), foreach=True),
    "betas and foreach": lambda lib: stepped(lib, betas=(lib.tensor(0.1), lib.tensor(0.2)), foreach=True),
    "mixed betas": lambda lib: stepped(lib, betas=(lib.tensor(0.1), 0.2)),
    "integer betas": lambda lib: stepped(lib, betas=(0, 0)),
    "nan": lambda lib: repr(stepped(lib, "SGD", lr=float("nan"))[1]),
}
CASES.update(REFUSED)


def matrix_step(lib, name, dtype, **options):
    p = lib.nn.Parameter(lib.ones(2, 2, dtype=dtype))
    opt = getattr(lib.optim, name)([p], **options)
    p.grad = lib.ones(2, 2, dtype=dtype)
    opt.step()


for key in ("Adafactor", "Muon"):
    CASES[f"complex {key}"] = lambda lib, name=key: matrix_step(lib, name, lib.complex64)
CASES["muon steps"] = lambda lib: matrix_step(lib, "Muon", lib.float32, ns_steps=100)
CASES["muon coefficients"] = lambda lib: matrix_step(lib, "Muon", lib.float32, ns_coefficients=(1, 2))

# ---- other parameters for a block --------------------------------------------------------------------


@case
def swapped(lib):
    p, opt = stepped(lib, lr=0.1)
    saved = copy.deepcopy(opt.state_dict())
    saved["param_groups"][0]["lr"] = 0.5
    q = lib.nn.Parameter(lib.zeros(2))
    q.grad = lib.ones(2)
    own, state = opt.param_groups[0]["params"], opt.state
    with lib.optim.swap_in_optimizer_params_and_state(opt, {"p": q}, saved):
        opt.step()
    assert opt.param_groups[0]["params"] is own and opt.state is state and opt.param_groups[0]["lr"] == 0.1
    moved = saved["state"][0]
    return (
        p.tolist(),
        q.tolist(),
        float(opt.state[p]["step"]),
        float(moved["step"]),
        moved["exp_avg"].tolist(),
    )


WRONG = {
    "no dict": lambda d: 3,
    "state": lambda d: d | {"state": 3},
    "entries": lambda d: d | {"state": {0: 3}},
    "groups": lambda d: d | {"param_groups": 3},
    "number of groups": lambda d: d | {"param_groups": []},
    "group": lambda d: d | {"param_groups": [3]},
    "ids": lambda d: d | {"param_groups": [d["param_groups"][0] | {"params": ["a"]}]},
    "number": lambda d: d | {"param_groups": [d["param_groups"][0] | {"params": [0, 1]}]},
    "options": lambda d: d | {"param_groups": [d["param_groups"][0] | {"other": 1}]},
    "extra": lambda d: d | {"state": {**d["state"], 7: {}}},
}


def swap_wrong(lib, change):
    p, opt = stepped(lib)
    with lib.optim.swap_in_optimizer_params_and_state(opt, {"p": p}, change(opt.state_dict())):
        pass


for key, change in WRONG.items():
    CASES[f"swapped {key}"] = lambda lib, change=change: swap_wrong(lib, change)


@case
def swapped_too_few(lib):
    _, opt = stepped(lib)
    with lib.optim.swap_in_optimizer_params_and_state(opt, {}, opt.state_dict()):
        pass


@case
def swapped_without_state(lib):
    opt = lib.optim.Adam([leaf(lib, 2)])
    with lib.optim.swap_in_optimizer_params_and_state(opt, {}, {}):
        pass


def comparable(x):
    if isinstance(x, (list, tuple)):
        return [comparable(v) for v in x]
    if isinstance(x, dict):
        return {k: comparable(v) for k, v in x.items()}
    if isinstance(x, str):
        return re.sub("torchlike", "torch", x)
    return float(f"{x:.5g}") if isinstance(x, float) else x


def outcome(f, lib):
    try:
        return comparable(f(lib))
    except Exception as e:  # noqa: BLE001 - what is compared
        return type(e).__name__, comparable(str(e))


@pytest.mark.parametrize("name", CASES)
def test_alike(name):
    assert outcome(CASES[name], tl) == outcome(CASES[name], torch)
