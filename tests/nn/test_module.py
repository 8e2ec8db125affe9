"""nn.Module: every scenario runs with torch and with torchlike and must give the same."""

import copy
import pickle
import warnings
from collections import OrderedDict

import numpy as np
import pytest

import torchlike

torch = pytest.importorskip("torch")


def plain(value):
    """A result that both libraries' values map to."""
    if isinstance(value, (torch.Tensor, torchlike.Tensor)):
        return (
            "tensor",
            str(value.dtype),
            tuple(value.shape),
            np.asarray(value.detach().cpu().tolist()).round(5).tolist(),
        )
    if isinstance(value, dict):
        return [(k, plain(v)) for k, v in value.items()]
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return type(value).__name__


def run(scenario, lib):
    """The scenario's result, or the exception it raises; and the warnings."""
    lib.manual_seed(0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            out = plain(scenario(lib))
        except Exception as e:
            out = (type(e).__name__, str(e).replace("torchlike.", "torch."))
    return out, [str(w.message) for w in caught]


def net(lib):
    nn = lib.nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3)
            self.blocks = nn.ModuleList([nn.Linear(2, 2), nn.BatchNorm1d(2)])
            self.scale = nn.Parameter(lib.ones(2))
            self.register_buffer("steps", lib.zeros(3))
            self.register_buffer("hidden", lib.zeros(1), persistent=False)
            self.tied = self.blocks[0]

        def forward(self, x):
            return self.blocks[1](self.blocks[0](x)) * self.scale

    return Net()


SCENARIOS = {}


def scenario(fn):
    SCENARIOS[fn.__name__] = fn
    return fn


# ---- the tree ------------------------------------------------------------------------------------


@scenario
def names(lib):
    m = net(lib)
    return [
        [n for n, _ in m.named_parameters()],
        [n for n, _ in m.named_parameters(remove_duplicate=False)],
        [n for n, _ in m.named_parameters("p", recurse=False)],
        [n for n, _ in m.named_buffers()],
        [n for n, _ in m.named_modules()],
        [n for n, _ in m.named_modules(prefix="x", remove_duplicate=False)],
        [n for n, _ in m.named_children()],
        len(list(m.modules())),
        len(list(m.children())),
        list(m.state_dict()),
        list(m.state_dict(prefix="a.")),
        list(m.state_dict()._metadata.items()),
        "conv" in dir(m),
    ]


@scenario
def text(lib):
    nn = lib.nn
    return [
        repr(net(lib)),
        repr(nn.Sequential()),
        repr(nn.Sequential(OrderedDict(a=nn.ReLU(), b=nn.Sequential(nn.Linear(1, 2), nn.Linear(1, 2))))),
        repr(nn.ModuleDict({"x": nn.Linear(1, 1)})),
        repr(nn.ParameterList([lib.zeros(2, 3), nn.Parameter(lib.zeros(1))])),
        repr(nn.ParameterDict({"b": lib.zeros(2), "a": lib.zeros(3)})),
    ]


@scenario
def submodules(lib):
    m = net(lib)
    m.set_submodule("blocks.1", lib.nn.ReLU())
    return [
        m.get_submodule("blocks.0"),
        m.get_submodule(""),
        m.get_parameter("conv.bias"),
        m.get_buffer("steps"),
        repr(m),
    ]


for _path in ("nope", "conv.weight", "blocks.7.x"):
    SCENARIOS[f"get_submodule {_path}"] = lambda lib, p=_path: net(lib).get_submodule(p)
SCENARIOS["get_parameter steps"] = lambda lib: net(lib).get_parameter("steps")
SCENARIOS["get_parameter conv.nope"] = lambda lib: net(lib).get_parameter("conv.nope")
SCENARIOS["get_buffer scale"] = lambda lib: net(lib).get_buffer("scale")
SCENARIOS["set_submodule empty"] = lambda lib: net(lib).set_submodule("", lib.nn.ReLU())
SCENARIOS["set_submodule strict"] = lambda lib: net(lib).set_submodule("nope", lib.nn.ReLU(), strict=True)


# ---- attributes ----------------------------------------------------------------------------------


@scenario
def assignment(lib):
    m = net(lib)
    m.scale = None
    m.steps = lib.ones(2)
    m.conv = None
    m.extra = lib.nn.Parameter(lib.zeros(1))
    m.extra = lib.nn.Parameter(lib.ones(1))
    m.plain = lib.zeros(1)
    m.plain = lib.nn.Linear(1, 1)
    m.buf = lib.nn.Buffer(lib.zeros(2), persistent=False)
    del m.tied
    del m.steps
    return [
        list(m.state_dict()),
        [n for n, _ in m.named_buffers()],
        "plain" in m.__dict__,
        m.scale,
        m.conv,
        hasattr(m, "steps"),
    ]


def bad_assignments(lib):
    nn, zero = lib.nn, lib.zeros(1)

    def early(fn):
        class Early(nn.Module):
            def __init__(self):
                fn(self)

        return Early()

    return {
        "tensor as parameter": lambda m: setattr(m, "scale", zero),
        "number as parameter": lambda m: setattr(m, "scale", 3),
        "tensor as module": lambda m: setattr(m, "conv", zero),
        "string as buffer": lambda m: setattr(m, "steps", "x"),
        "register taken": lambda m: m.register_parameter("conv", nn.Parameter(zero)),
        "register dot": lambda m: m.register_parameter("a.b", nn.Parameter(zero)),
        "register empty": lambda m: m.register_parameter("", nn.Parameter(zero)),
        "register number": lambda m: m.register_parameter(3, nn.Parameter(zero)),
        "register tensor": lambda m: m.register_parameter("q", zero),
        "register non-leaf": lambda m: m.register_parameter("q", nn.Parameter(zero) * 2),
        "buffer taken": lambda m: m.register_buffer("forward", zero),
        "buffer dot": lambda m: m.register_buffer("a.b", zero),
        "buffer number": lambda m: m.register_buffer("q", 3),
        "buffer name": lambda m: m.register_buffer(None, zero),
        "module taken": lambda m: m.add_module("scale", nn.ReLU()),
        "module dot": lambda m: m.add_module("a.b", nn.ReLU()),
        "module number": lambda m: m.add_module("q", 3),
        "missing": lambda m: m.nothing,
        "delete missing": lambda m: delattr(m, "nothing"),
        "early parameter": lambda m: early(lambda s: setattr(s, "p", nn.Parameter(zero))),
        "early module": lambda m: early(lambda s: setattr(s, "p", nn.ReLU())),
        "early buffer": lambda m: early(lambda s: s.register_buffer("p", zero)),
        "constructor argument": lambda m: nn.Module(3),
        "constructor keyword": lambda m: nn.Module(a=3),
        "no forward": lambda m: nn.Module()(1),
        "train mode": lambda m: m.train(3),
        "integer dtype": lambda m: m.to(lib.int32),
        "integer parameter": lambda m: nn.Parameter(lib.zeros(1, dtype=lib.int64)),
        "state_dict type": lambda m: m.load_state_dict([1]),
    }


for _name in bad_assignments(torch):
    SCENARIOS[_name] = lambda lib, n=_name: bad_assignments(lib)[n](net(lib))


# ---- state_dict ---------------------------------------------------------------------------------


@scenario
def load(lib):
    a, b = net(lib), net(lib)
    result = b.load_state_dict(a.state_dict())
    return [repr(result), b.state_dict()]


@scenario
def load_not_strict(lib):
    m = net(lib)
    state = m.state_dict()
    del state["conv.bias"]
    state["zzz"] = lib.zeros(1)
    return list(m.load_state_dict(state, strict=False))


@scenario
def load_assign(lib):
    m = net(lib)
    state = {k: v.double() for k, v in m.state_dict().items()}
    m.requires_grad_(False)
    m.load_state_dict(state, assign=True)
    return [
        [str(p.dtype) for p in m.parameters()],
        [p.requires_grad for p in m.parameters()],
        m.scale is state["scale"],
    ]


@scenario
def load_keeps_objects(lib):
    m = net(lib)
    before = list(m.parameters())
    m.load_state_dict({k: v + 1 for k, v in m.state_dict().items()})
    return [all(x is y for x, y in zip(before, m.parameters())), m.scale]


def _broken(lib):
    m = net(lib)
    state = m.state_dict()
    state["conv.weight"] = lib.zeros(5, 4)
    state["steps"] = lib.zeros(7)
    state["scale"] = 3
    del state["conv.bias"]
    state["blocks.9.weight"] = lib.zeros(1)
    state["unknown"] = lib.zeros(1)
    return m.load_state_dict(state)


SCENARIOS["load broken"] = _broken


@scenario
def extra_state(lib):
    class Extra(lib.nn.Module):
        def get_extra_state(self):
            return {"v": 3}

        def set_extra_state(self, state):
            self.v = state["v"]

    m = lib.nn.Sequential(Extra())
    state = m.state_dict()
    m.load_state_dict(state)
    return [list(state), m[0].v]


@scenario
def state_hooks(lib):
    m, log = net(lib), []
    m.register_state_dict_pre_hook(lambda mod, prefix, keep: log.append(("pre", prefix, keep)))
    m.register_state_dict_post_hook(lambda mod, state, prefix, meta: log.append(("post", prefix, len(state))))
    m.register_load_state_dict_pre_hook(
        lambda mod, state, *rest: log.append(("load", type(mod).__name__, len(state)))
    )
    handle = m.register_load_state_dict_post_hook(lambda mod, keys: keys.missing_keys.clear())
    state = m.state_dict()
    del state["scale"]
    m.load_state_dict(state)
    handle.remove()
    try:
        m.load_state_dict(state)
    except RuntimeError as e:
        log.append(str(e))
    return log


# ---- conversion and modes ------------------------------------------------------------------------


@scenario
def conversions(lib):
    m = net(lib)
    out = []
    kept = m.scale
    for step in (
        lambda: m.double(),
        lambda: m.half(),
        lambda: m.bfloat16(),
        lambda: m.float(),
        lambda: m.to(lib.float64),
        lambda: m.to("cpu"),
        lambda: m.to(device="cpu", dtype=lib.float32),
        lambda: m.to(lib.zeros(1, dtype=lib.float64)),
        lambda: m.type(lib.float32),
        lambda: m.cpu(),
        lambda: m.requires_grad_(False),
        lambda: m.eval(),
    ):
        returned = step()
        out.append(
            [
                returned is m,
                str(m.conv.weight.dtype),
                str(m.blocks[1].num_batches_tracked.dtype),
                m.scale is kept,
            ]
        )
    return [out, m.training, m.blocks[1].training, m.scale.requires_grad]


@scenario
def zero_grad(lib):
    m = lib.nn.Linear(2, 1)
    m(lib.ones(3, 2)).sum().backward()
    first = m.weight.grad
    m.zero_grad(set_to_none=False)
    zeroed = m.weight.grad.clone()
    m.zero_grad()
    return [zeroed, m.weight.grad, first is not None]


@scenario
def apply_order(lib):
    seen = []
    returned = net(lib).apply(lambda m: seen.append(type(m).__name__))
    return [seen, returned]


@scenario
def deepcopy(lib):
    a = net(lib)
    b = copy.deepcopy(a)
    with lib.no_grad():
        b.scale.fill_(7)
    return [
        a.scale,
        b.scale,
        b.tied is b.blocks[0],
        type(b.scale).__name__,
        b.scale.requires_grad,
        list(b.state_dict()),
    ]


@scenario
def to_empty(lib):
    m = lib.nn.Linear(3, 2).to_empty(device="cpu")
    return [tuple(m.weight.shape), str(m.weight.dtype), type(m.weight).__name__]


# ---- hooks ------------------------------------------------------------------------------------------


@scenario
def forward_hooks(lib):
    m, log = lib.nn.Linear(2, 2), []
    handles = [
        m.register_forward_pre_hook(lambda mod, args: log.append("pre1")),
        m.register_forward_pre_hook(lambda mod, args: (log.append("pre0"), (args[0] + 1,))[1], prepend=True),
        m.register_forward_pre_hook(lambda mod, args, kw: log.append(f"kw{sorted(kw)}"), with_kwargs=True),
        m.register_forward_hook(lambda mod, args, out: (log.append("post"), out * 2)[1]),
        m.register_forward_hook(lambda mod, args, kw, out: log.append(f"post{sorted(kw)}"), with_kwargs=True),
        m.register_forward_hook(lambda mod, args, out: log.append("first"), prepend=True),
    ]
    x = lib.ones(1, 2)
    outs = [m(x)]
    for h in handles:
        h.remove()
    outs.append(m(x))
    with m.register_forward_hook(lambda mod, args, out: out + 1):
        outs.append(m(x))
    outs.append(m(input=x))
    return [log, outs]


@scenario
def always_call(lib):
    log = []

    class Bad(lib.nn.Module):
        def forward(self, x):
            raise ValueError("bad")

    m = Bad()
    m.register_forward_hook(lambda *a: log.append("no"))
    m.register_forward_hook(lambda *a: log.append("yes"), always_call=True)
    try:
        m(1)
    except ValueError as e:
        log.append(str(e))
    return log


@scenario
def pre_hook_kwargs_error(lib):
    m = lib.nn.ReLU()
    m.register_forward_pre_hook(lambda mod, args, kw: 3, with_kwargs=True)
    return m(lib.ones(1))


@scenario
def backward_hooks(lib):
    lib.manual_seed(1)
    m, log = lib.nn.Sequential(lib.nn.Linear(2, 2), lib.nn.Tanh()), []
    m[0].register_full_backward_hook(lambda mod, gi, go: log.append(["full", plain(gi), plain(go)]))
    m[0].register_full_backward_pre_hook(lambda mod, go: (log.append("pre"), (go[0] * 2,))[1])
    m[1].register_full_backward_hook(lambda mod, gi, go: (gi[0] * 10,))
    x = lib.ones(1, 2, requires_grad=True)
    m(x).sum().backward()
    y = lib.ones(1, 2)
    m(y).sum().backward()
    return [log, x.grad, m[0].weight.grad]


@scenario
def backward_hook_kinds(lib):
    m = lib.nn.ReLU()
    m.register_full_backward_hook(lambda *a: None)
    m.register_backward_hook(lambda *a: None)


@scenario
def global_hooks(lib):
    mod, log = lib.nn.modules.module, []
    handles = [
        mod.register_module_forward_pre_hook(lambda m, args: log.append(("pre", type(m).__name__))),
        mod.register_module_forward_hook(lambda m, args, out: log.append(("post", type(m).__name__))),
        mod.register_module_parameter_registration_hook(lambda m, n, p: log.append(("param", n))),
        mod.register_module_module_registration_hook(lambda m, n, p: log.append(("module", n))),
        mod.register_module_buffer_registration_hook(lambda m, n, p: log.append(("buffer", n))),
    ]
    try:
        lib.nn.Sequential(lib.nn.Linear(1, 1), lib.nn.BatchNorm1d(1, affine=False))(lib.ones(2, 1))
    finally:
        for h in handles:
            h.remove()
    lib.nn.ReLU()(lib.ones(1))
    return log


# ---- containers -----------------------------------------------------------------------------------------


@scenario
def sequential(lib):
    nn = lib.nn
    s = nn.Sequential(nn.ReLU(), nn.Tanh(), nn.Sigmoid())
    s.append(nn.ELU()).insert(1, nn.GELU()).extend([nn.SELU()])
    out = [repr(s), len(s), repr(s[1:3]), repr(s[-1])]
    s[0] = nn.Identity()
    del s[1]
    out += [repr(s), repr(s.pop(0)), repr(s + nn.Sequential(nn.ReLU())), repr(nn.Sequential(nn.ReLU()) * 2)]
    del s[0:2]
    s += nn.Sequential(nn.Mish())
    s *= 2
    return out + [repr(s)]


@scenario
def module_list(lib):
    nn = lib.nn
    m = nn.ModuleList([nn.ReLU(), nn.Tanh()])
    m.append(nn.ELU())
    m.insert(0, nn.GELU())
    m.extend([nn.SELU()])
    m += [nn.Mish()]
    out = [repr(m), repr(m[1:3]), repr(m[-1]), repr(m + [nn.ReLU()]), repr(m.pop(1))]
    m[0] = nn.Identity()
    del m[1]
    return out + [repr(m), [repr(x) for x in m], len(m)]


@scenario
def module_dict(lib):
    nn = lib.nn
    m = nn.ModuleDict([["b", nn.ReLU()], ["a", nn.Tanh()]])
    m["c"] = nn.ELU()
    m.update({"d": nn.GELU()})
    out = [
        list(m),
        list(m.keys()),
        [repr(v) for v in m.values()],
        "a" in m,
        len(m),
        repr(m.pop("a")),
        repr(m),
    ]
    del m["b"]
    m.clear()
    return [*out, repr(m)]


@scenario
def parameter_list(lib):
    nn = lib.nn
    m = nn.ParameterList([lib.zeros(2), lib.ones(1)])
    m.append(nn.Parameter(lib.zeros(3)))
    m.extend([lib.zeros(4)])
    m += [lib.zeros(5)]
    m[0] = lib.ones(6)
    return [
        list(m.state_dict()),
        len(m),
        m[-1],
        [tuple(p.shape) for p in m[1:3]],
        [type(p).__name__ for p in m],
    ]


@scenario
def parameter_dict(lib):
    m = lib.nn.ParameterDict({"b": lib.zeros(2), "a": lib.ones(1)})
    m["c"] = lib.zeros(3)
    m.update([("d", lib.zeros(4))])
    out = [
        list(m),
        list(m.state_dict()),
        len(m),
        m["a"],
        "c" in m,
        m.get("x"),
        m.setdefault("e", lib.zeros(1)),
    ]
    out += [m.pop("a"), m.popitem()[0], list(m.copy()), list(m | lib.nn.ParameterDict({"z": lib.zeros(1)}))]
    out += [list(reversed(m)), [k for k, _ in m.items()], [tuple(v.shape) for v in m.values()]]
    m.clear()
    return [*out, len(m)]


SCENARIOS["index high"] = lambda lib: lib.nn.Sequential(lib.nn.ReLU())[3]
SCENARIOS["list index high"] = lambda lib: lib.nn.ModuleList([lib.nn.ReLU()])[-2]
SCENARIOS["list extend"] = lambda lib: lib.nn.ModuleList().extend(3)
SCENARIOS["dict update"] = lambda lib: lib.nn.ModuleDict().update(3)
SCENARIOS["dict pair"] = lambda lib: lib.nn.ModuleDict([["a", lib.nn.ReLU(), 1]])
SCENARIOS["sequential add"] = lambda lib: lib.nn.Sequential() + 3
SCENARIOS["sequential times"] = lambda lib: lib.nn.Sequential() * 0
SCENARIOS["parameter dict key"] = lambda lib: lib.nn.ParameterDict().__setitem__(3, lib.zeros(1))
SCENARIOS["parameter list call"] = lambda lib: lib.nn.ParameterList()(1)


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name):
    want, got = run(SCENARIOS[name], torch), run(SCENARIOS[name], torchlike)
    assert got[0] == want[0]
    assert got[1] == [w.replace("torch.nn", "torch.nn") for w in want[1]]


# ---- what torch need not be asked -------------------------------------------------------------------------


def test_pickle():
    m = torchlike.nn.Sequential(torchlike.nn.Linear(2, 3), torchlike.nn.BatchNorm1d(3))
    twin = pickle.loads(pickle.dumps(m))
    assert repr(twin) == repr(m)
    for (name, a), (_, b) in zip(m.state_dict().items(), twin.state_dict().items()):
        np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=name)
    assert isinstance(twin[0].weight, torchlike.nn.Parameter)
    assert twin[0].weight.requires_grad


def test_parameter_shares_data():
    t = torchlike.zeros(3)
    p = torchlike.nn.Parameter(t)
    t.add_(1)
    assert p.tolist() == [1, 1, 1]
    assert p.is_leaf and p.requires_grad and isinstance(p, torchlike.Tensor)
    assert repr(p) == "Parameter containing:\n" + repr(p.data)[:-1] + ", requires_grad=True)"


def test_call_depth_is_restored_after_an_error():
    from torchlike._core.modes import local

    class Bad(torchlike.nn.Module):
        def forward(self):
            raise ValueError

    with torchlike.no_grad(), pytest.raises(ValueError):
        Bad()()
    assert local.ctx.depth == 0
