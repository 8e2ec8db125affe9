"""Updates that come again are followed, nobody can tell, and a failed program gives everything back."""

import gc
import weakref

import numpy as np
import pytest

import torchlike as torch
from torchlike import nn
from torchlike._core import fused, tiers

STEPS, CHANGED = 12, (6, 8, 9)


@pytest.fixture
def followed(monkeypatch):
    """Whether each update was followed."""
    found, own = [], fused.Update.follow

    def follow(self, *args):
        found.append(own(self, *args))
        return found[-1]

    monkeypatch.setattr(fused.Update, "follow", follow)
    return found


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))


def sgd(net):
    return torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)


def adam(net):
    return torch.optim.Adam(net.parameters(), lr=0.05)


def adamw_in_two_groups(net):
    return torch.optim.AdamW([{"params": net[0].parameters()}, {"params": net[2].parameters(), "lr": 0.01}])


OPTIMIZERS = [sgd, adam, adamw_in_two_groups]


# ---- what may change between backward and step ---------------------------------------------------------------


def nothing(net, opt):
    pass


def another_rate(net, opt):
    opt.param_groups[0]["lr"] *= 0.5


def a_rate_on_the_device(net, opt):
    opt.param_groups[0]["lr"] = torch.tensor(0.02)


def another_rule(net, opt):
    opt.param_groups[0]["maximize"] = True


def decay(net, opt):
    opt.param_groups[0]["weight_decay"] = 0.1


def no_gradient(net, opt):
    net[0].bias.grad = None


def no_gradient_at_all(net, opt):
    opt.zero_grad()


def gradients_looked_at(net, opt):
    [p.grad for p in net.parameters()]


def gradients_changed(net, opt):
    for p in net.parameters():
        p.grad.mul_(2)


def another_gradient(net, opt):
    net[0].weight.grad = torch.ones(8, 4)


def clipped(net, opt):
    nn.utils.clip_grad_norm_(net.parameters(), 0.1)


def other_data(net, opt):
    net[0].weight.data = net[0].weight.data * 0.5


def written_in_place(net, opt):
    with torch.no_grad():
        net[0].weight.mul_(0.5)


def data_as_a_view(net, opt):
    net[0].weight.data = torch.ones(9, 4)[1:]


def memory_of_numpy(net, opt):
    net[0].weight.data = torch.from_numpy(np.full((8, 4), 0.25, "f4"))


def shared_with_numpy(net, opt):
    net[0].weight.detach().numpy()[:] += 1


def another_state(net, opt):
    state = opt.state[net[0].weight]
    name = next(n for n in state if n != "step")
    state[name] = torch.full((8, 4), 0.125)


def state_written(net, opt):
    for state in opt.state.values():
        for x in state.values():
            x.mul_(0.5) if x.ndim else None


def no_state(net, opt):
    opt.state.clear()


def saved_and_loaded(net, opt):
    opt.load_state_dict(opt.state_dict())


def another_order(net, opt):
    opt.param_groups[0]["params"].reverse()


def one_parameter_less(net, opt):
    opt.param_groups[0]["params"] = opt.param_groups[0]["params"][:1]


def looked_at(net, opt):
    net[0].weight.sum().item()


def a_step_before(net, opt):
    opt.step()


def something_recorded(net, opt):
    net.extra = torch.ones(3) * 2


def doubles(net, opt):
    net.double()
    for state in opt.state.values():
        for name, x in state.items():
            state[name] = x.double() if x.ndim else x
    net.float()
    opt.state.clear()


CHANGES = [
    nothing, another_rate, a_rate_on_the_device, another_rule, decay, no_gradient, no_gradient_at_all, gradients_looked_at,
    gradients_changed, another_gradient, clipped, other_data, written_in_place, data_as_a_view, memory_of_numpy,
    shared_with_numpy, another_state, state_written, no_state, saved_and_loaded, another_order, one_parameter_less,
    looked_at, a_step_before, something_recorded, doubles,
]  # fmt: skip


def run(make, change):
    """What a loop shows in which some steps change something: names and versions, and numbers."""
    net = network()
    opt = make(net)
    rng = np.random.RandomState(0)
    seen, numbers = [], []
    for i in range(STEPS):
        x = torch.tensor(rng.randn(5, 4).astype("f4"))
        opt.zero_grad()
        loss = net(x).square().sum()
        loss.backward()
        if i in CHANGED:
            change(net, opt)
        opt.step()
        held = [*net.named_parameters(), *[item for s in opt.state.values() for item in s.items()]]
        seen += [(name, x.dtype, x.shape, x._version) for name, x in held]
        numbers += [loss.item(), *[n for _, x in held for n in x.flatten().tolist()]]
    return seen, numbers


@pytest.mark.parametrize("change", CHANGES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("make", OPTIMIZERS, ids=lambda f: f.__name__)
def test_a_change_is_noticed(make, change, followed, monkeypatch):
    got, numbers = run(make, change)
    assert any(followed)
    monkeypatch.setattr(fused.Update, "follow", lambda *_: False)
    want, wanted = run(make, change)
    assert got == want
    # the same step may be another program by now (one instead of several), which may round otherwise
    np.testing.assert_allclose(numbers, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.smoke
@pytest.mark.parametrize("make", OPTIMIZERS, ids=lambda f: f.__name__)
def test_a_loop_is_followed_from_its_fourth_step_at_the_latest(make, followed):
    run(make, nothing)
    groups = len(make(network()).param_groups)
    assert all(followed)
    assert len(followed) >= groups * (STEPS - 3)  # more where the program has run in an earlier test


def test_nothing_is_kept_alive():
    net = network()
    opt = adam(net)
    for _ in range(6):
        opt.zero_grad()
        net(torch.ones(2, 4)).sum().backward()
        opt.step()
    first = opt.state[net[0].weight]["exp_avg"]
    gone = [weakref.ref(net[0].weight._storage), weakref.ref(first._storage)]
    net[0].weight.data = torch.zeros(8, 4)
    opt.state[net[0].weight]["exp_avg"] = torch.zeros(8, 4)
    del first
    gc.collect()
    assert [ref() for ref in gone] == [None, None]


@pytest.mark.parametrize("make", OPTIMIZERS, ids=lambda f: f.__name__)
def test_a_failed_program_gives_everything_back(make, followed, monkeypatch):
    net = network()
    opt = make(net)

    def step():
        opt.zero_grad()
        net(torch.ones(2, 4)).square().sum().backward()
        opt.step()

    def shown():
        held = [*net.parameters(), *[x for s in opt.state.values() for n, x in s.items() if n != "step"]]
        return [(x.tolist(), x._version) for x in held]

    for _ in range(5):
        step()
    before = shown()

    def fails(*arrays):
        raise RuntimeError("no more memory")

    with monkeypatch.context() as patch:
        for p in tiers.programs.values():
            patch.setattr(p, "executable", fails)
        followed.clear()
        with pytest.raises(RuntimeError, match="no more memory"):
            step()
        assert followed and all(followed)
    assert shown() == before
    step()
    assert shown() != before
