"""Plain training and evaluation loops are one program a step, without annotation: asserted by counts."""

import numpy as np
import pytest

import torchlike as torch
from torchlike import debug, nn
from torchlike.nn import functional as F

WARM, MORE = 4, 200


def rng(*shape, seed=0):
    return torch.tensor(np.random.RandomState(seed).randn(*shape).astype("f4"))


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn, self.conv2 = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 8, 3)
        self.pool, self.drop, self.fc = nn.MaxPool2d(2), nn.Dropout(0.3), nn.Linear(8 * 5 * 5, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.bn(self.conv1(x))))
        return self.fc(self.drop(torch.flatten(F.relu(self.conv2(x)), 1)))


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.rnn, self.out = (
            nn.Embedding(20, 8),
            nn.LSTM(8, 16, 2, batch_first=True),
            nn.Linear(16, 10),
        )

    def forward(self, x):
        return self.out(self.rnn(self.embed(x))[0][:, -1])


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.1, batch_first=True)
        self.embed, self.body, self.out = (
            nn.Embedding(20, 16),
            nn.TransformerEncoder(layer, 2),
            nn.Linear(16, 10),
        )

    def forward(self, x):
        return self.out(self.body(self.embed(x)).mean(1))


def mlp():
    return nn.Sequential(nn.Linear(12, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, 10))


def tokens(n):
    return torch.tensor(np.random.RandomState(0).randint(0, 20, (n, 6)))


MODELS = {
    "lenet": (LeNet, lambda n: rng(n, 1, 16, 16), lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9)),
    "mlp": (mlp, lambda n: rng(n, 12), lambda p: torch.optim.Adam(p, lr=0.01)),
    "lstm": (Tagger, tokens, lambda p: torch.optim.AdamW(p, lr=0.01)),
    "transformer": (Encoder, tokens, lambda p: torch.optim.AdamW(p, lr=0.01)),
}


def delta(body, n):
    debug.synchronize()
    before = debug.stats()
    for k in range(n):
        body(k)
    debug.synchronize()
    after = debug.stats()
    return {k: after[k] - before[k] for k in ("compiles", "executions", "op_executions")}


@pytest.mark.parametrize("name", MODELS)
def test_training_step_is_one_execution(name):
    make, inputs, optimizer = MODELS[name]
    torch.manual_seed(0)
    model, data = make(), inputs(160)
    target = torch.tensor(np.random.RandomState(1).randint(0, 10, 160))
    opt = optimizer(model.parameters())
    schedule = torch.optim.lr_scheduler.LambdaLR(opt, lambda s: 1 / (1 + s))
    losses = []

    def step(k):
        i = (k * 4) % 128
        opt.zero_grad()
        loss = F.cross_entropy(model(data[i : i + 16]), target[i : i + 16])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        schedule.step()
        losses.append(loss.item())

    delta(step, WARM)
    assert delta(step, MORE) == {"compiles": 0, "executions": MORE, "op_executions": 0}, debug.report()
    assert np.isfinite(losses).all()


def test_gradient_accumulation():
    model, x = mlp(), rng(64, 12)
    opt = torch.optim.SGD(model.parameters(), lr=0.1)

    def step(_):
        opt.zero_grad()
        for m in range(4):
            model(x[m * 16 : m * 16 + 16]).square().mean().backward()
        opt.step()

    delta(step, WARM)
    assert delta(step, 10)["compiles"] == 0, debug.report()


def test_two_optimizers_of_a_gan():
    gen, dis = (
        nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)),
        nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1)),
    )
    g, d = torch.optim.Adam(gen.parameters(), lr=0.01), torch.optim.Adam(dis.parameters(), lr=0.01)
    real, loss = rng(16, 2), nn.BCEWithLogitsLoss()
    seen = []

    def step(_):
        fake = gen(torch.randn(16, 4))
        d.zero_grad()
        on_real = loss(dis(real), torch.ones(16, 1))
        on_fake = loss(dis(fake.detach()), torch.zeros(16, 1))
        (on_real + on_fake).backward()
        d.step()
        g.zero_grad()
        fooled = loss(dis(fake), torch.ones(16, 1))
        fooled.backward()
        g.step()
        seen.append((on_real.item(), fooled.item()))

    delta(step, WARM)
    assert delta(step, 10)["compiles"] == 0, debug.report()


def test_manual_updates_without_an_optimizer():
    w, b, x = rng(12, 1).requires_grad_(), torch.zeros(1, requires_grad=True), rng(64, 12)
    total = []

    def step(k):
        loss = ((x.matmul(w) + b - 1) ** 2).mean()
        loss.backward()
        with torch.no_grad():
            for p in (w, b):
                p -= 0.1 / (k + 1) * p.grad
                p.grad = None
        total.append(loss.item())

    delta(step, WARM)
    assert delta(step, 10) == {"compiles": 0, "executions": 10, "op_executions": 0}, debug.report()


def test_evaluation_that_only_collects_outputs():
    from torchlike._core.devices import CPU
    from torchlike._core.graph import current_trace

    model, x = mlp().eval(), rng(64, 12)
    outputs, pending = [], []

    def batch(k):
        with torch.no_grad():
            outputs.append(model(x[k % 48 : k % 48 + 16]))
        pending.append(len(current_trace(CPU).nodes))

    delta(batch, WARM)
    assert delta(batch, 1000)["compiles"] == 0, debug.report()
    assert max(pending) < 60
    last = model(x[999 % 48 : 999 % 48 + 16]).detach()
    np.testing.assert_allclose(outputs[-1].numpy(), last.numpy(), rtol=1e-5, atol=1e-6)


def test_a_loop_without_observation():
    model, x = mlp(), rng(64, 12)
    opt = torch.optim.SGD(model.parameters(), lr=0.01)

    def step(k):
        opt.zero_grad()
        model(x[k % 32 : k % 32 + 16]).square().mean().backward()
        opt.step()

    delta(step, WARM)
    assert delta(step, 50) == {"compiles": 0, "executions": 50, "op_executions": 0}


def test_a_ragged_last_batch_is_one_more_program():
    model, x = mlp(), rng(70, 12)
    opt = torch.optim.SGD(model.parameters(), lr=0.01)

    def epoch(_):
        for i in range(0, 70, 16):
            opt.zero_grad()
            model(x[i : i + 16]).square().mean().backward()
            opt.step()

    delta(epoch, 3)
    assert delta(epoch, 3)["compiles"] == 0, debug.report()


def test_printing_hooks_and_schedules_do_not_break_a_loop():
    model, x = mlp(), rng(64, 12)
    opt = torch.optim.Adam(model.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(opt, 0.1, total_steps=200)
    model[0].weight.register_hook(lambda g: g * 0.5)
    model[2].register_forward_hook(lambda m, i, o: o * 1.0)

    def step(k):
        opt.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        opt.step()
        schedule.step()
        str(loss), f"{loss.item():.3f}", bool(loss > 0)

    delta(step, WARM)
    assert delta(step, 10)["compiles"] == 0, debug.report()
