"""Hooks of tensors and nodes, and edges, compared with PyTorch."""

import pytest
from outcomes import equal, leaf, outcome

import torchlike

reference = pytest.importorskip("torch")

CASES = []


def case(f):
    """Adds `f(torch)` to the table."""
    CASES.append(f)
    return f


@case
def order_leaf_vs_node(torch):
    s = []
    a = leaf(torch, 2)
    b = leaf(torch, 2)
    y = a * 2
    y.register_hook(lambda g: s.append("y"))
    z = y * b
    z.register_hook(lambda g: s.append("z"))
    a.register_hook(lambda g: s.append("a"))
    b.register_hook(lambda g: s.append("b"))
    a.register_post_accumulate_grad_hook(lambda p: s.append("a+"))
    b.register_post_accumulate_grad_hook(lambda p: s.append("b+"))
    z.sum().backward()
    return s


@case
def order_shared(torch):
    s = []
    a = leaf(torch, 2)
    b = leaf(torch, 2)
    c = leaf(torch, 2)
    for n, t in zip("abc", (a, b, c)):
        t.register_hook(lambda g, n=n: s.append(n))
    z = (a * b + c) * a
    z.register_hook(lambda g: s.append("z"))
    z.sum().backward()
    return s


@case
def post_order_mlp(torch):
    torch.manual_seed(0)
    s = []
    m = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
    for n, p in m.named_parameters():
        p.register_post_accumulate_grad_hook(lambda p, n=n: s.append(n))
    m(torch.ones(4, 2)).sum().backward()
    return s


@case
def hook_values(torch):
    a = leaf(torch, 2)
    s = []
    a.register_hook(lambda g: g * 2)
    a.register_hook(lambda g: s.append(g.clone()) or g + 1)
    (a * 3).sum().backward()
    return (a.grad, s)


@case
def hook_remove(torch):
    a = leaf(torch, 2)
    h = a.register_hook(lambda g: g * 2)
    h.remove()
    h.remove()
    (a * 3).sum().backward()
    return a.grad


@case
def hook_ctx(torch):
    a = leaf(torch, 2)
    with a.register_hook(lambda g: g * 2):
        (a * 3).sum().backward()
    (a * 3).sum().backward()
    return a.grad


@case
def hook_badtype(torch):
    a = leaf(torch, 2)
    a.register_hook(lambda g: 3)
    (a * 3).sum().backward()


@case
def hook_badshape(torch):
    a = leaf(torch, 2)
    a.register_hook(lambda g: torch.ones(3))
    (a * 3).sum().backward()


@case
def hook_badshape_nonleaf(torch):
    a = leaf(torch, 2)
    y = a * 2
    y.register_hook(lambda g: torch.ones(3))
    (y * 3).sum().backward()


@case
def hook_baddtype(torch):
    a = leaf(torch, 2)
    a.register_hook(lambda g: g.double())
    (a * 3).sum().backward()
    return a.grad


@case
def hook_noreq(torch):
    torch.ones(2).register_hook(print)


@case
def hook_notcallable(torch):
    leaf(torch, 2).register_hook(3)


@case
def post_noreq(torch):
    torch.ones(2).register_post_accumulate_grad_hook(print)


@case
def post_nonleaf(torch):
    (leaf(torch, 2) * 2).register_post_accumulate_grad_hook(print)


@case
def post_return(torch):
    a = leaf(torch, 2)
    a.register_post_accumulate_grad_hook(lambda p: 3)
    (a * 2).sum().backward()


@case
def post_optim(torch):
    a = leaf(torch, 2)

    def f(p):
        with torch.no_grad():
            p.sub_(p.grad)
        p.grad = None

    a.register_post_accumulate_grad_hook(f)
    (a * 2).sum().backward()
    return (a, a.grad)


@case
def post_grad_api(torch):
    a = leaf(torch, 2)
    s = []
    a.register_post_accumulate_grad_hook(lambda p: s.append(1))
    torch.autograd.grad((a * 2).sum(), a)
    return s


@case
def post_inputs(torch):
    a = leaf(torch, 2)
    b = leaf(torch, 2)
    s = []
    a.register_post_accumulate_grad_hook(lambda p: s.append("a"))
    b.register_post_accumulate_grad_hook(lambda p: s.append("b"))
    b.register_hook(lambda p: s.append("bh"))
    (a * b).sum().backward(inputs=[a])
    return s


@case
def node_hook(torch):
    a = leaf(torch, 2)
    y = a * 3
    s = []
    y.grad_fn.register_hook(lambda gi, go: s.append((gi, go)))
    y.sum().backward()
    return s


@case
def node_hook_ret(torch):
    a = leaf(torch, 2)
    y = a * torch.ones(2)
    y.grad_fn.register_hook(lambda gi, go: (gi[0] * 5, gi[1]))
    y.sum().backward()
    return a.grad


@case
def node_hook_gi(torch):
    a = leaf(torch, 2)
    b = leaf(torch, 2)
    s = []
    for y in (
        a * b,
        a * 2,
        a + b,
        torch.where(a > 1, a, b),
        a @ b,
        torch.cat([a, b]),
        a.sum(),
        a.pow(2),
        torch.addmm(leaf(torch, 2, 2), leaf(torch, 2, 2), leaf(torch, 2, 2)),
    ):
        y.grad_fn.register_hook(
            lambda gi, go: s.append(
                [None if g is None else list(g.shape) for g in gi] + ["|"] + [list(g.shape) for g in go]
            )
        )
        y.sum().backward()
    return s


@case
def node_hook_badlen(torch):
    a = leaf(torch, 2)
    y = a * torch.ones(2)
    y.grad_fn.register_hook(lambda gi, go: (gi[0], gi[0], gi[0]))
    y.sum().backward()


@case
def node_prehook(torch):
    a = leaf(torch, 2)
    y = a * 3
    s = []
    y.grad_fn.register_prehook(lambda go: (s.append("pre"), (go[0] * 2,))[1])
    y.register_hook(lambda g: s.append("t"))
    y.sum().backward()
    return (a.grad, s)


@case
def node_prehook_order(torch):
    a = leaf(torch, 2)
    y = a * 3
    s = []
    y.grad_fn.register_prehook(lambda go: s.append(("pre", go[0].tolist())))
    y.register_hook(lambda g: (s.append("t"), g * 2)[1])
    y.retain_grad()
    y.sum().backward()
    return (y.grad, s)


@case
def acc_hook(torch):
    a = leaf(torch, 2)
    y = a * 3
    s = []
    acc = y.grad_fn.next_functions[0][0]
    acc.register_hook(lambda gi, go: s.append(("h", gi, go)))
    acc.register_prehook(lambda go: s.append(("p", go)))
    a.register_hook(lambda g: s.append("t"))
    a.register_post_accumulate_grad_hook(lambda p: s.append("post"))
    y.sum().backward()
    return (s, acc.variable is a, acc.name(), type(acc).__name__)


@case
def acc_identity(torch):
    a = leaf(torch, 2)
    y = a * 3
    z = a * 4
    return (y.grad_fn.next_functions[0][0] is z.grad_fn.next_functions[0][0], a.grad_fn is None)


@case
def node_misc(torch):
    a = leaf(torch, 2)
    y = a * 3
    n = y.grad_fn
    n.metadata["k"] = 1
    return (
        n.metadata,
        n.name(),
        type(n).__name__,
        n.next_functions[1:],
        isinstance(n, torch.autograd.graph.Node),
        y.grad_fn is n,
        n == y.grad_fn,
        y.grad_fn.metadata,
        repr(n)[:13],
        str(type(n)),
    )


@case
def seqnr(torch):
    a = leaf(torch, 2)
    y = a * 3
    z = y * 2
    return z.grad_fn._sequence_nr() - y.grad_fn._sequence_nr()


@case
def multi_grad_hook(torch):
    a = leaf(torch, 2)
    b = leaf(torch, 2)
    c = leaf(torch, 2)
    s = []
    h = torch.autograd.graph.register_multi_grad_hook((a, b, c), lambda gs: s.append(gs))
    (a * b).sum().backward()
    (a * b * c).sum().backward()
    h.remove()
    (a * b).sum().backward()
    return s


@case
def multi_any(torch):
    a = leaf(torch, 2)
    b = leaf(torch, 2)
    s = []
    torch.autograd.graph.register_multi_grad_hook((a, b), lambda g: s.append(g), mode="any")
    (a * b).sum().backward()
    (a * b).sum().backward()
    return s


@case
def multi_grad_over_set(torch):
    # graphs end elsewhere at `b` from then on: its gradient comes, but is not waited for
    a, b, c = (leaf(torch, 2) for _ in range(3))
    s = []
    torch.autograd.graph.register_multi_grad_hook((a, b, c), lambda gs: s.append(gs))
    with torch.no_grad():
        b.set_(torch.ones(2))
    (a * b * c).sum().backward()
    (a * b * c).sum().backward()
    return s


@case
def multi_grad_over_parametrization(torch):
    m = torch.nn.Linear(2, 2)
    torch.nn.init.constant_(m.weight, 0.5)
    torch.nn.init.constant_(m.bias, 0.5)
    params = list(m.parameters())
    s = []
    torch.autograd.graph.register_multi_grad_hook(params, lambda gs: s.append(gs))
    torch.nn.utils.parametrize.register_parametrization(m, "weight", torch.nn.Tanh())
    for _ in range(2):
        m(torch.ones(1, 2)).sum().backward()
    return s


@case
def multi_grad_over_writes(torch):
    a, b, c = (leaf(torch, 2) for _ in range(3))
    d = a * b
    s = []
    torch.autograd.graph.register_multi_grad_hook((a, b, c, d), lambda gs: s.append(gs))
    b.data = torch.ones(2) * 3
    d.mul_(2)  # the node that was hooked is still on the way
    (a * b * c).sum().backward()
    y = (d * c).sum()
    y.backward(retain_graph=True)
    y.backward(inputs=[a])
    return s


@case
def multi_bad(torch):
    torch.autograd.graph.register_multi_grad_hook((leaf(torch, 2),), print, mode="x")


@case
def saved_hooks(torch):
    s = []
    a = leaf(torch, 3)
    b = leaf(torch, 3)

    def pack(x):
        s.append(("p", x))
        return x * 10

    def unpack(x):
        s.append(("u",))
        return x

    with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
        y = a * b
    y.sum().backward()
    return (a.grad, b.grad, len(s))


@case
def saved_hooks_nested(torch):
    s = []
    a = leaf(torch, 3)
    with torch.autograd.graph.saved_tensors_hooks(lambda x: (s.append(1), x)[1], lambda x: x):
        with torch.autograd.graph.saved_tensors_hooks(lambda x: (s.append(2), x)[1], lambda x: x):
            a * a
        a * a
    return s


@case
def saved_hooks_numpy(torch):
    a = leaf(torch, 3)
    with torch.autograd.graph.saved_tensors_hooks(lambda x: x.numpy(), lambda x: torch.from_numpy(x)):
        y = (a * a).sum()
    y.backward()
    return a.grad


@case
def saved_hooks_badunpack(torch):
    a = leaf(torch, 3)
    with torch.autograd.graph.saved_tensors_hooks(lambda x: 1, lambda x: x):
        y = (a * a).sum()
    y.backward()
    return a.grad


@case
def saved_hooks_double(torch):
    a = leaf(torch, 3)
    with torch.autograd.graph.saved_tensors_hooks(lambda x: x.clone(), lambda x: x):
        y = (a * a * a).sum()
    (g,) = torch.autograd.grad(y, a, create_graph=True)
    g.sum().backward()
    return a.grad


@case
def saved_hooks_second(torch):
    a = leaf(torch, 3)
    with torch.autograd.graph.saved_tensors_hooks(lambda x: x, lambda x: x):
        y = (a * a).sum()
    y.backward()
    y.backward()


@case
def saved_inplace_pack(torch):
    a = leaf(torch, 3)

    def pack(x):
        x.mul_(2)
        return x

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        y = (a * a).sum()
    y.backward()
    return a.grad


@case
def saved_modify_ok(torch):
    a = leaf(torch, 3)
    b = a * 1
    with torch.autograd.graph.saved_tensors_hooks(lambda x: x.clone(), lambda x: x):
        y = (b * b).sum()
    b.mul_(2)
    y.backward()
    return a.grad


@case
def save_on_cpu(torch):
    a = leaf(torch, 3)
    with torch.autograd.graph.save_on_cpu():
        y = (a * a).exp()
    y.sum().backward()
    return a.grad


@case
def disable(torch):
    a = leaf(torch, 3)
    with torch.autograd.graph.disable_saved_tensors_hooks("nope"):
        with torch.autograd.graph.saved_tensors_hooks(lambda x: x, lambda x: x):
            a * a


@case
def disable2(torch):
    a = leaf(torch, 3)
    with torch.autograd.graph.saved_tensors_hooks(lambda x: x, lambda x: x):
        with torch.autograd.graph.disable_saved_tensors_hooks("nope"):
            (a * a).sum().backward()
    return a.grad


@case
def allow_mutation(torch):
    a = leaf(torch, 3)
    with torch.autograd.graph.allow_mutation_on_saved_tensors():
        b = a.clone()
        y = (b**2).sum()
        b.sin_()
        y.backward()
    return a.grad


@case
def allow_mutation_outside(torch):
    a = leaf(torch, 3)
    with torch.autograd.graph.allow_mutation_on_saved_tensors():
        b = a.clone()
        y = (b**2).sum()
        b.sin_()
    y.backward()
    return a.grad


@case
def allow_mutation_clear(torch):
    a = leaf(torch, 3)
    with torch.autograd.graph.allow_mutation_on_saved_tensors() as ctx:
        b = a.clone()
        y = (b**2).sum()
        b.sin_()
        ctx.clear()
        y.backward()
    return a.grad


@case
def gradient_edge(torch):
    a = leaf(torch, 3)
    y = a * 2
    z = (y * y).sum()
    e = torch.autograd.graph.get_gradient_edge(y)
    ea = torch.autograd.graph.get_gradient_edge(a)
    r = torch.autograd.grad(z, [e, ea])
    return (r, e.output_nr, e.node is y.grad_fn, ea.node.name(), type(e).__name__)


@case
def gradient_edge_root(torch):
    a = leaf(torch, 3)
    y = a * 2
    e = torch.autograd.graph.get_gradient_edge(y)
    torch.autograd.backward([e], [torch.ones(3)])
    return a.grad


@case
def gradient_edge_root_none(torch):
    a = leaf(torch, 3)
    y = (a * 2).sum()
    e = torch.autograd.graph.get_gradient_edge(y)
    torch.autograd.backward([e])


@case
def gradient_edge_bad(torch):
    torch.autograd.graph.get_gradient_edge(torch.ones(2))


@case
def gradient_edge_inputs(torch):
    a = leaf(torch, 3)
    y = (a * 2).sum()
    e = torch.autograd.graph.get_gradient_edge(a)
    y.backward(inputs=[e])
    return a.grad


@case
def increment_version(torch):
    a = leaf(torch, 3) * 1
    v = a._version
    torch.autograd.graph.increment_version(a)
    return a._version - v


@case
def increment_version_err(torch):
    a = leaf(torch, 3) * 1
    y = a * a
    torch.autograd.graph.increment_version([a])
    y.sum().backward()


@pytest.mark.parametrize("f", CASES, ids=lambda f: f.__name__)
def test_same_as_torch(f):
    equal(outcome(f, torchlike), outcome(f, reference))
