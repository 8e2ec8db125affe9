"""Gradient modes and inference tensors, compared with PyTorch."""

import pytest
from outcomes import equal, leaf, outcome

import torchlike

reference = pytest.importorskip("torch")

CASES = []


def case(f):
    """Adds `f(torch)` to the table."""
    CASES.append(f)
    return f


def E(f):
    try:
        return f()
    except Exception as e:
        return (type(e).__name__, str(e).split("\n")[0])


@case
def nested(torch):
    r = []
    with torch.no_grad():
        r.append(torch.is_grad_enabled())
        with torch.enable_grad():
            r.append(torch.is_grad_enabled())
            with torch.set_grad_enabled(False):
                r.append(torch.is_grad_enabled())
            r.append(torch.is_grad_enabled())
        r.append(torch.is_grad_enabled())
    r.append(torch.is_grad_enabled())
    return r


@case
def exc(torch):
    try:
        with torch.no_grad():
            raise ValueError
    except ValueError:
        pass
    return torch.is_grad_enabled()


@case
def deco(torch):

    @torch.no_grad()
    def f(a, b=2):
        """doc"""
        return (torch.is_grad_enabled(), a, b)

    @torch.no_grad
    def g():
        return torch.is_grad_enabled()

    @torch.enable_grad()
    def h():
        return torch.is_grad_enabled()

    with torch.no_grad():
        k = h()
    return (f(1), g(), k, f.__name__, f.__doc__)


@case
def deco_gen(torch):
    r = []

    @torch.no_grad()
    def f():
        x = yield torch.is_grad_enabled()
        r.append(x)
        try:
            yield torch.is_grad_enabled()
        except KeyError:
            r.append("key")
            yield torch.is_grad_enabled()
        return 5

    g = f()
    r.append(next(g))
    r.append(torch.is_grad_enabled())
    r.append(g.send(7))
    r.append(g.throw(KeyError()))
    try:
        next(g)
    except StopIteration as e:
        r.append(e.value)
    return r


@case
def deco_gen_close(torch):
    r = []

    @torch.no_grad()
    def f():
        try:
            yield 1
        finally:
            r.append(torch.is_grad_enabled())

    g = f()
    next(g)
    g.close()
    return r


@case
def deco_async(torch):
    import asyncio

    @torch.no_grad()
    async def f():
        return torch.is_grad_enabled()

    return asyncio.run(f())


@case
def deco_class(torch):

    @torch.no_grad()
    class A:
        def __init__(self):
            self.g = torch.is_grad_enabled()

        def f(self):
            return torch.is_grad_enabled()

    return (A().g, A().f())


@case
def deco_lambda(torch):
    return torch.no_grad()(lambda: torch.is_grad_enabled())()


@case
def deco_method(torch):

    class A:
        @torch.no_grad()
        def f(self):
            return torch.is_grad_enabled()

        @torch.inference_mode()
        def g(self):
            return torch.is_inference_mode_enabled()

        @torch.inference_mode
        def h(self):
            return torch.is_inference_mode_enabled()

    return (A().f(), A().g(), A().h())


@case
def sge(torch):
    r = []
    torch.set_grad_enabled(False)
    r.append(torch.is_grad_enabled())
    torch.set_grad_enabled(True)
    r.append(torch.is_grad_enabled())

    @torch.set_grad_enabled(False)
    def f():
        return torch.is_grad_enabled()

    r.append(torch.is_grad_enabled())
    r.append(f())
    r.append(torch.is_grad_enabled())
    return r


@case
def sge_repr(torch):
    return (str(torch.set_grad_enabled(True)),)


@case
def sge_type(torch):
    return (
        E(lambda: torch.set_grad_enabled(3)),
        E(lambda: torch.set_grad_enabled("a")),
        torch.set_grad_enabled(True) and None,
    )


@case
def sge_kw(torch):
    with torch.set_grad_enabled(mode=False):
        return torch.is_grad_enabled()


@case
def grad_mode_mod(torch):
    return [
        hasattr(torch.autograd.grad_mode, n)
        for n in [
            "no_grad",
            "enable_grad",
            "set_grad_enabled",
            "inference_mode",
            "set_multithreading_enabled",
            "_force_original_view_tracking",
        ]
    ]


@case
def threads(torch):
    import threading

    r = []
    with torch.no_grad():
        t = threading.Thread(target=lambda: r.append(torch.is_grad_enabled()))
        t.start()
        t.join()
    return r


@case
def thread_backward(torch):
    import threading

    x = leaf(torch, 2)
    box = []
    y = x * 2
    for _ in range(20):
        y = y * 1.1

    def f():
        box.append((y * 3).exp().sum())

    t = threading.Thread(target=f)
    t.start()
    t.join()
    box[0].backward()
    return x.grad


@case
def noparam(torch):
    return (E(lambda: torch.no_grad(3)),)


@case
def nograd_isinstance(torch):
    return (
        isinstance(torch.no_grad(), torch.autograd.grad_mode.no_grad),
        torch.no_grad.__name__,
        torch.autograd.no_grad is torch.no_grad,
    )


@case
def nograd_inplace_leaf(torch):
    x = leaf(torch, 2)
    with torch.no_grad():
        x += 1
        x[0] = 5
        x.mul_(2)
    return (x, x.requires_grad, x.is_leaf, x._version)


@case
def nograd_requires(torch):
    with torch.no_grad():
        x = torch.ones(2, requires_grad=True)
        y = x * 2
        z = torch.ones(2).requires_grad_()
    return (x.requires_grad, y.requires_grad, z.requires_grad)


@case
def nograd_param(torch):
    with torch.no_grad():
        m = torch.nn.Linear(2, 2)
    return m.weight.requires_grad


@case
def modfn(torch):
    return (torch.autograd.inference_mode is torch.inference_mode, torch.autograd.is_multithreading_enabled())


@pytest.mark.parametrize("f", CASES, ids=lambda f: f.__name__)
def test_same_as_torch(f):
    equal(outcome(f, torchlike), outcome(f, reference))
