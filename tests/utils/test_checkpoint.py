"""Checkpoints, compared with PyTorch."""

import importlib

import pytest
from outcomes import equal, leaf, outcome

import torchlike

reference = pytest.importorskip("torch")

CASES = []


def case(f):
    """Adds `f(torch, reentrant)` to the table."""
    CASES.append(f)
    return f


def module(torch):
    return importlib.import_module(torch.__name__ + ".utils.checkpoint")


@case
def basic(torch, reentrant):
    x = leaf(torch, 3)
    n = [0]

    def f(a):
        n[0] += 1
        return (a * a).exp() * a

    y = module(torch).checkpoint(f, x, use_reentrant=reentrant)
    r = y.requires_grad
    y.sum().backward()
    return (x.grad, n[0], r, y)


@case
def dropout(torch, reentrant):
    x = torch.ones(1000, requires_grad=True)
    y = module(torch).checkpoint(
        lambda a: torch.nn.functional.dropout(a * 2, 0.5), x, use_reentrant=reentrant
    )
    y.sum().backward()
    return (bool(((x.grad != 0) == (y != 0)).all()), bool((x.grad[x.grad != 0] == 4).all()))


@case
def params(torch, reentrant):
    torch.manual_seed(0)
    m = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    with torch.no_grad():
        for _i, p in enumerate(m.parameters()):
            p.copy_(torch.arange(p.numel()).reshape(p.shape) / 10)
    x = torch.ones(2, 3, requires_grad=True)
    module(torch).checkpoint(m, x, use_reentrant=reentrant).sum().backward()
    return ([p.grad for p in m.parameters()], x.grad)


@case
def noinputgrad(torch, reentrant):
    m = torch.nn.Linear(3, 4)
    x = torch.ones(2, 3)
    y = module(torch).checkpoint(m, x, use_reentrant=reentrant)
    r = y.requires_grad
    if r:
        y.sum().backward()
    return (r, None if m.weight.grad is None else m.weight.grad)


@case
def multi(torch, reentrant):
    x = leaf(torch, 3)
    w = leaf(torch, 3)
    y = module(torch).checkpoint(lambda a, k, b: (a * b * k, a + b, 5), x, 2, w, use_reentrant=reentrant)
    (y[0].sum() + y[1].sum()).backward()
    return (x.grad, w.grad, y[2])


@case
def kwargs(torch, reentrant):
    x = leaf(torch, 3)
    y = module(torch).checkpoint(lambda a, k=1: a * a * k, x, k=3, use_reentrant=reentrant)
    y.sum().backward()
    return x.grad


@case
def unknownkw(torch, reentrant):
    x = leaf(torch, 3)
    return module(torch).checkpoint(lambda a: a * a, x, zzz=3, use_reentrant=reentrant)


@case
def backward_twice(torch, reentrant):
    x = leaf(torch, 3)
    y = module(torch).checkpoint(lambda a: a * a * a, x, use_reentrant=reentrant).sum()
    y.backward()
    y.backward()


@case
def retain(torch, reentrant):
    x = leaf(torch, 3)
    y = module(torch).checkpoint(lambda a: a * a * a, x, use_reentrant=reentrant).sum()
    y.backward(retain_graph=True)
    y.backward()
    return x.grad


@case
def grad(torch, reentrant):
    x = leaf(torch, 3)
    y = module(torch).checkpoint(lambda a: a * a * a, x, use_reentrant=reentrant).sum()
    return torch.autograd.grad(y, x)


@case
def inputs(torch, reentrant):
    x = leaf(torch, 3)
    y = module(torch).checkpoint(lambda a: a * a * a, x, use_reentrant=reentrant).sum()
    y.backward(inputs=[x])
    return x.grad


@case
def double(torch, reentrant):
    x = leaf(torch, 3)
    y = module(torch).checkpoint(lambda a: a * a * a, x, use_reentrant=reentrant).sum()
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    g.sum().backward()
    return (g, x.grad)


@case
def nested(torch, reentrant):
    x = leaf(torch, 3)
    n = [0]

    def inner(a):
        n[0] += 1
        return (a * a).sin()

    def outer(a):
        return module(torch).checkpoint(inner, a * 2, use_reentrant=reentrant) * a

    module(torch).checkpoint(outer, x, use_reentrant=reentrant).sum().backward()
    return (x.grad, n)


@case
def nograd(torch, reentrant):
    x = leaf(torch, 3)
    with torch.no_grad():
        y = module(torch).checkpoint(lambda a: a * 2, x, use_reentrant=reentrant)
    return y.requires_grad


@case
def seq(torch, reentrant):
    x = leaf(torch, 2)
    fs = [lambda a, k=k: a * a * (k + 0.5) for k in range(5)]
    y = module(torch).checkpoint_sequential(fs, 2, x, use_reentrant=reentrant)
    y.sum().backward()
    return x.grad


@case
def seq_mod(torch, reentrant):
    m = torch.nn.Sequential(torch.nn.Tanh(), torch.nn.ReLU(), torch.nn.Sigmoid())
    x = leaf(torch, 2)
    y = module(torch).checkpoint_sequential(m, 3, x, use_reentrant=reentrant)
    y.sum().backward()
    return x.grad


@case
def context(torch, reentrant):
    s = []

    class C:
        def __init__(self, n):
            self.n = n

        def __enter__(self):
            s.append(("in", self.n))

        def __exit__(self, *a):
            s.append(("out", self.n))

    x = leaf(torch, 2)
    y = module(torch).checkpoint(
        lambda a: a * a, x, use_reentrant=reentrant, context_fn=lambda: (C("f"), C("r"))
    )
    y.sum().backward()
    return (s, x.grad)


@case
def detbad(torch, reentrant):
    x = leaf(torch, 2)
    n = [0]

    def f(a):
        n[0] += 1
        return a * a if n[0] == 1 else (a.reshape(1, 2) * a.reshape(1, 2)).reshape(2)

    module(torch).checkpoint(f, x, use_reentrant=reentrant).sum().backward()


@case
def detbad_count(torch, reentrant):
    x = leaf(torch, 2)
    n = [0]

    def f(a):
        n[0] += 1
        return (a * a).exp().sin() if n[0] == 1 else a * a

    module(torch).checkpoint(f, x, use_reentrant=reentrant).sum().backward()


@case
def detnone(torch, reentrant):
    x = leaf(torch, 2)
    y = module(torch).checkpoint(lambda a: a * a, x, use_reentrant=reentrant, determinism_check="none")
    y.sum().backward()
    return x.grad


@case
def detunk(torch, reentrant):
    x = leaf(torch, 2)
    module(torch).checkpoint(lambda a: a * a, x, use_reentrant=reentrant, determinism_check="zz")


@case
def noearly(torch, reentrant):
    x = leaf(torch, 2)
    s = []

    def f(a):
        y = a * a
        s.append(1)
        z = y.sum() * 1
        s.append(2)
        return z

    with module(torch).set_checkpoint_early_stop(False):
        module(torch).checkpoint(f, x, use_reentrant=reentrant).backward()
    return s


@case
def earlyarg(torch, reentrant):
    x = leaf(torch, 2)
    s = []

    def f(a):
        y = a * a
        s.append(1)
        z = y.sum() * 1
        s.append(2)
        return z

    module(torch).checkpoint(f, x, use_reentrant=reentrant, early_stop=False).backward()
    return s


@case
def unused_out(torch, reentrant):
    x = leaf(torch, 3)
    y = module(torch).checkpoint(lambda a: (a * a, a * 3), x, use_reentrant=reentrant)
    y[1].sum().backward()
    return x.grad


@case
def dictionary(torch, reentrant):
    x = leaf(torch, 3)
    y = module(torch).checkpoint(lambda a: {"q": a["k"] * 2}, {"k": x}, use_reentrant=reentrant)
    r = y["q"].requires_grad
    if r:
        y["q"].sum().backward()
    return (r, x.grad)


@case
def raises(torch, reentrant):
    n = [0]

    def f(a):
        n[0] += 1
        if n[0] == 2:
            raise ValueError("boom")
        return a * a

    x = leaf(torch, 3)
    module(torch).checkpoint(f, x, use_reentrant=reentrant).sum().backward()


@case
def bn(torch, reentrant):
    m = torch.nn.BatchNorm1d(2)
    x = leaf(torch, 3, 2)
    module(torch).checkpoint(m, x, use_reentrant=reentrant).sum().backward()
    return (m.num_batches_tracked.item(), m.running_mean)


@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize("f", CASES, ids=lambda f: f.__name__)
def test_same_as_torch(f, reentrant):
    equal(outcome(lambda t: f(t, reentrant), torchlike), outcome(lambda t: f(t, reentrant), reference))


@pytest.mark.parametrize("name", ["checkpoint", "checkpoint_sequential"])
def test_warns_where_the_variant_is_not_chosen(name):
    def run(torch):
        x = leaf(torch, 3)
        f, g = lambda a: a * 2, getattr(module(torch), name)
        (g(f, x) if name == "checkpoint" else g([f], 1, x)).sum().backward()
        return x.grad

    equal(outcome(run, torchlike), outcome(run, reference))


@pytest.mark.parametrize("reentrant", [False, True])
def test_draws_the_same_numbers_again_and_leaves_the_stream_alone(reentrant):
    torch = torchlike
    drawn = []
    for checkpointed in (False, True):
        torch.manual_seed(0)
        x = torch.ones(10, requires_grad=True)
        f = lambda a: torch.nn.functional.dropout(a, 0.5) * torch.rand(10)  # noqa: E731
        y = module(torch).checkpoint(f, x, use_reentrant=reentrant) if checkpointed else f(x)
        before = torch.rand(3)
        y.sum().backward()
        drawn.append([y.tolist(), x.grad.tolist(), before.tolist(), torch.rand(3).tolist()])
    assert drawn[0] == drawn[1]


def test_steps_with_a_checkpoint_are_compiled_once():
    torch = torchlike
    model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    opt = torch.optim.SGD(model.parameters(), lr=0.1)
    x = torch.ones(8, 4)
    compiles = []
    for _ in range(5):
        opt.zero_grad()
        module(torch).checkpoint(model, x, use_reentrant=False).sum().backward()
        opt.step()
        compiles.append(torch.debug.stats()["compiles"])
    assert compiles[-1] == compiles[1]


def test_the_second_run_is_kept_apart_from_the_first():
    """The compiled step computes the checkpointed function twice: nothing merged them."""
    torch = torchlike
    x = leaf(torch, 64, 64)
    y = module(torch).checkpoint(lambda a: (a.sin() @ a).cos(), x, use_reentrant=False)
    y.sum().backward()
    calls = [torchlike._core.graph.CALLS[n[0]].name for n in x.grad._storage.value.trace.nodes]
    assert calls.count("sin") == 2 and "barrier" in calls
