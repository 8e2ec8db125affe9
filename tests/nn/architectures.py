"""Twelve well-known architectures as small training scripts: each with another optimizer and another scheduler.

A script is a class over `torch`, which is PyTorch or torchlike; nothing here knows which. Widths and images are
small, the structure is the real one (ResNet-18 has its eight blocks). `architectures.json` holds what PyTorch
2.13 does with them; written anew by

    python tests/nn/architectures.py
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

STEPS, BATCHES = 50, 4
RECORDED = Path(__file__).with_suffix(".json")


class Script:
    """One training script. `build` makes `net`, `optimizer` and `scheduler`; `step` is the loop's body.

    Attributes:
        tolerance: largest relative difference of the loss from PyTorch's, at any step.
        programs: executions per step. One, but an optimizer's step ends a program, and so does an operator after
            a backward that no step followed.
        batches: what the loop goes through, again and again.
    """

    tolerance = 2e-3
    programs = 1
    seed = 0

    def __init__(self, torch: Any):
        self.torch, self.nn, self.f = torch, torch.nn, torch.nn.functional
        torch.manual_seed(self.seed)
        self.build()
        rng = np.random.RandomState(self.seed)
        self.batches = [[torch.from_numpy(a) for a in self.batch(rng)] for _ in range(BATCHES)]

    net: Any
    optimizer: Any
    scheduler: Any

    def build(self) -> None:
        """Makes the network, its optimizer and its scheduler."""
        raise NotImplementedError

    def batch(self, rng: np.random.RandomState) -> tuple[np.ndarray, ...]:
        """One batch of data that something can be learned from."""
        raise NotImplementedError

    def loss(self, *batch: Any) -> Any:
        """The loss of a batch of inputs and classes."""
        *x, y = batch
        return self.f.cross_entropy(self.net(*x), y)

    def step(self, *batch: Any) -> float:
        """One turn of the loop."""
        self.optimizer.zero_grad()
        loss = self.loss(*batch)
        loss.backward()
        self.optimizer.step()
        self.scheduler.step()
        return loss.item()

    def run(self, stop: int, start: int = 0) -> list[float]:
        """The losses of the steps from `start` to `stop`."""
        return [self.step(*self.batches[i % BATCHES]) for i in range(start, stop)]

    def parts(self) -> dict[str, Any]:
        """All that a checkpoint holds the state of."""
        return {"net": self.net, "optimizer": self.optimizer, "scheduler": self.scheduler}

    def save(self, path: Any) -> None:
        """Writes a checkpoint."""
        self.torch.save({name: part.state_dict() for name, part in self.parts().items()}, path)

    def resume(self, path: Any) -> None:
        """Goes on from a checkpoint, with the generator seeded anew."""
        state = self.torch.load(path)
        for name, part in self.parts().items():
            part.load_state_dict(state[name])
        self.torch.manual_seed(self.seed + 1)


def images(rng: np.random.RandomState, n: int, channels: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Gratings of ten directions with noise, and which direction it is."""
    y = rng.randint(0, 10, n)
    angle, phase = y * math.pi / 10, rng.rand(n) * 6
    at = np.arange(size) * 0.8
    waves = (
        np.cos(angle)[:, None, None] * at[:, None] + np.sin(angle)[:, None, None] * at + phase[:, None, None]
    )
    x = np.sin(waves)[:, None] + 0.3 * rng.randn(n, channels, size, size)
    return x.astype(np.float32), y


def phrases(rng: np.random.RandomState, n: int, length: int, words: int) -> np.ndarray:
    """Sentences in which the next word follows from the last one, three times out of four: `(n, length)`."""
    x = rng.randint(0, words, (n, length))
    for t in range(1, length):
        x[:, t] = np.where(rng.rand(n) < 0.75, (3 * x[:, t - 1] + 1) % words, x[:, t])
    return x


class MLP(Script):
    def build(self) -> None:
        nn, optim = self.nn, self.torch.optim
        self.net = nn.Sequential(
            nn.Flatten(), nn.Linear(64, 64), nn.Tanh(), nn.BatchNorm1d(64), nn.Linear(64, 32), nn.GELU(), nn.Linear(32, 10)
        )  # fmt: skip
        self.optimizer = optim.Adadelta(self.net.parameters(), lr=0.5, weight_decay=1e-4)
        self.scheduler = optim.lr_scheduler.LinearLR(self.optimizer, start_factor=0.25, total_iters=20)

    def batch(self, rng: np.random.RandomState) -> tuple[np.ndarray, ...]:
        return images(rng, 64, 1, 8)


class LeNet(Script):
    def build(self) -> None:
        nn, optim = self.nn, self.torch.optim
        self.net = nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(),
            nn.Linear(64, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
        )  # fmt: skip
        self.optimizer = optim.SGD(
            self.net.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=5e-4
        )
        self.scheduler = optim.lr_scheduler.OneCycleLR(self.optimizer, max_lr=0.05, total_steps=STEPS + 20)

    def batch(self, rng: np.random.RandomState) -> tuple[np.ndarray, ...]:
        return images(rng, 32, 1, 16)


class ResNet18(Script):
    """A small rate: at larger ones, rounding alone takes two runs of PyTorch apart."""

    def build(self) -> None:
        nn, f, optim = self.nn, self.f, self.torch.optim

        class Block(nn.Module):
            def __init__(self, inside: int, outside: int, stride: int):
                super().__init__()
                self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
                self.bn1 = nn.BatchNorm2d(outside)
                self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
                self.bn2 = nn.BatchNorm2d(outside)
                self.short = nn.Sequential()
                if stride > 1 or inside != outside:
                    self.short = nn.Sequential(
                        nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside)
                    )

            def forward(self, x: Any) -> Any:
                out = f.relu(self.bn1(self.conv1(x)))
                return f.relu(self.bn2(self.conv2(out)) + self.short(x))

        def stage(inside: int, outside: int, stride: int) -> Any:
            return nn.Sequential(Block(inside, outside, stride), Block(outside, outside, 1))

        stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.net = nn.Sequential(
            stem, stage(8, 8, 1), stage(8, 16, 2), stage(16, 32, 2), stage(32, 64, 2),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10),
        )  # fmt: skip
        for m in self.net.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
        self.optimizer = optim.ASGD(self.net.parameters(), lr=1e-3, weight_decay=1e-4, t0=20)
        self.scheduler = optim.lr_scheduler.MultiStepLR(self.optimizer, milestones=[20, 40], gamma=0.3)

    def batch(self, rng: np.random.RandomState) -> tuple[np.ndarray, ...]:
        return images(rng, 32, 3, 16)


class VGG(Script):
    plan = (8, "M", 16, "M", 32, 32, "M", 32, 32, "M")

    def build(self) -> None:
        nn, optim = self.nn, self.torch.optim
        layers, inside = [], 3
        for entry in self.plan:
            if isinstance(entry, int):
                layers += [nn.Conv2d(inside, entry, kernel_size=3, padding=1), nn.ReLU(inplace=True)]
                inside = entry
            else:
                layers += [nn.MaxPool2d(kernel_size=2, stride=2)]
        head = [nn.Linear(32 * 2 * 2, 64), nn.ReLU(True), nn.Dropout(), nn.Linear(64, 64), nn.ReLU(True),
                nn.Dropout(), nn.Linear(64, 10)]  # fmt: skip
        self.net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d((2, 2)), nn.Flatten(), *head)
        for m in self.net.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(m.bias)
        self.optimizer = optim.Adagrad(
            self.net.parameters(), lr=0.02, lr_decay=1e-3, initial_accumulator_value=0.01
        )
        self.scheduler = optim.lr_scheduler.StepLR(self.optimizer, step_size=15, gamma=0.5)

    def batch(self, rng: np.random.RandomState) -> tuple[np.ndarray, ...]:
        return images(rng, 16, 3, 32)


class UNet(Script):
    def build(self) -> None:
        torch, nn, optim = self.torch, self.nn, self.torch.optim

        def double(inside: int, outside: int) -> Any:
            return nn.Sequential(
                nn.Conv2d(inside, outside, 3, padding=1), nn.GroupNorm(2, outside), nn.SiLU(),
                nn.Conv2d(outside, outside, 3, padding=1), nn.GroupNorm(2, outside), nn.SiLU(),
            )  # fmt: skip

        class Net(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                widths = [8, 16, 32]
                self.down = nn.ModuleList(double(a, b) for a, b in zip([1, *widths], widths))
                self.bottom = double(32, 64)
                self.up = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, stride=2) for w in reversed(widths))
                self.merge = nn.ModuleList(double(2 * w, w) for w in reversed(widths))
                self.head = nn.Conv2d(8, 1, 1)

            def forward(self, x: Any) -> Any:
                skips = []
                for block in self.down:
                    x = block(x)
                    skips.append(x)
                    x = nn.functional.max_pool2d(x, 2)
                x = self.bottom(x)
                for up, merge in zip(self.up, self.merge):
                    x = merge(torch.cat([skips.pop(), up(x)], dim=1))
                return self.head(x)

        self.net = Net()
        self.optimizer = optim.RMSprop(
            self.net.parameters(), lr=3e-4, alpha=0.9, momentum=0.5, centered=True, eps=1e-4
        )
        self.scheduler = optim.lr_scheduler.CosineAnnealingLR(self.optimizer, T_max=STEPS, eta_min=1e-5)

    def batch(self, rng: np.random.RandomState) -> tuple[np.ndarray, ...]:
        """Noisy discs, and the masks of them."""
        at = np.arange(32)
        cx, cy, r = (rng.randint(low, high, (4, 1, 1, 1)) for low, high in ((8, 24), (8, 24), (4, 9)))
        mask = ((at[:, None] - cy) ** 2 + (at - cx) ** 2 < r**2).astype(np.float32)
        return (mask + 0.5 * rng.randn(*mask.shape)).astype(np.float32), mask

    def loss(self, *batch: Any) -> Any:
        x, mask = batch
        logits = self.net(x)
        p = logits.sigmoid()
        dice = 1 - (2 * (p * mask).sum() + 1) / (p.sum() + mask.sum() + 1)
        return self.f.binary_cross_entropy_with_logits(logits, mask) + dice


class LSTMLanguageModel(Script):
    """Truncated backpropagation: each batch goes on from the state after the one before."""

    def build(self) -> None:
        nn, optim = self.nn, self.torch.optim

        class Model(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.drop = nn.Dropout(0.2)
                self.encoder = nn.Embedding(40, 32)
                self.rnn = nn.LSTM(32, 32, num_layers=2, dropout=0.2)
                self.decoder = nn.Linear(32, 40)
                self.decoder.weight = self.encoder.weight
                nn.init.uniform_(self.encoder.weight, -0.1, 0.1)
                nn.init.zeros_(self.decoder.bias)

            def forward(self, x: Any, hidden: Any) -> Any:
                out, hidden = self.rnn(self.drop(self.encoder(x)), hidden)
                return self.decoder(self.drop(out)).view(-1, 40), hidden

        self.net = Model()
        self.hidden = None
        self.optimizer = optim.Adamax(self.net.parameters(), lr=0.02, weight_decay=1e-5)
        self.scheduler = optim.lr_scheduler.ExponentialLR(self.optimizer, gamma=0.98)

    def batch(self, rng: np.random.RandomState) -> tuple[np.ndarray, ...]:
        x = phrases(rng, 16, 21, 40).T.copy()
        return x[:-1].copy(), x[1:].reshape(-1).copy()

    def step(self, *batch: Any) -> float:
        torch = self.torch
        x, y = batch
        if self.hidden is None:
            self.hidden = tuple(torch.zeros(2, x.shape[1], 32) for _ in range(2))
        self.hidden = tuple(h.detach() for h in self.hidden)
        self.optimizer.zero_grad()
        out, self.hidden = self.net(x, self.hidden)
        loss = self.f.nll_loss(self.f.log_softmax(out, dim=1), y)
        loss.backward()
        self.nn.utils.clip_grad_norm_(self.net.parameters(), 0.25)
        self.optimizer.step()
        self.scheduler.step()
        return loss.item()


class GRUSeq2Seq(Script):
    """Reverses sentences of several lengths: packed bidirectional encoder, additive attention, one cell per word."""

    words, length = 16, 7

    def build(self) -> None:
        torch, nn, f, optim = self.torch, self.nn, self.f, self.torch.optim
        words = self.words

        class Attention(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.query, self.key, self.score = nn.Linear(32, 32), nn.Linear(64, 32), nn.Linear(32, 1)

            def forward(self, state: Any, memory: Any, mask: Any) -> Any:
                energy = self.score(torch.tanh(self.query(state).unsqueeze(1) + self.key(memory))).squeeze(-1)
                weights = f.softmax(energy.masked_fill(~mask, float("-inf")), dim=-1)
                return torch.bmm(weights.unsqueeze(1), memory).squeeze(1)

        class Model(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.embed = nn.Embedding(words, 24, padding_idx=0)
                self.encoder = nn.GRU(24, 32, batch_first=True, bidirectional=True)
                self.bridge = nn.Linear(64, 32)
                self.attention = Attention()
                self.cell = nn.GRUCell(24 + 64, 32)
                self.out = nn.Linear(32 + 64, words)

            def forward(self, x: Any, lengths: Any, shifted: Any) -> Any:
                pack = nn.utils.rnn.pack_padded_sequence(
                    self.embed(x), lengths, batch_first=True, enforce_sorted=False
                )
                packed, last = self.encoder(pack)
                memory, _ = nn.utils.rnn.pad_packed_sequence(packed, batch_first=True, total_length=x.size(1))
                state = torch.tanh(self.bridge(torch.cat([last[0], last[1]], dim=1)))
                logits = []
                for word in self.embed(shifted).unbind(1):
                    context = self.attention(state, memory, x != 0)
                    state = self.cell(torch.cat([word, context], dim=1), state)
                    logits.append(self.out(torch.cat([state, context], dim=1)))
                return torch.stack(logits, dim=1)

        self.net = Model()
        self.optimizer = optim.RAdam(self.net.parameters(), lr=5e-3)
        self.scheduler = optim.lr_scheduler.CyclicLR(
            self.optimizer,
            base_lr=5e-3,
            max_lr=2e-2,
            step_size_up=10,
            mode="triangular2",
            cycle_momentum=False,
        )

    def batch(self, rng: np.random.RandomState) -> tuple[np.ndarray, ...]:
        """Words, lengths, answers shifted by a starting word, answers; 0 is padding, 1 starts."""
        lengths = rng.permutation([7, 7, 6, 6, 5, 4, 3, 2])
        x = np.where(
            np.arange(self.length) < lengths[:, None], rng.randint(2, self.words, (8, self.length)), 0
        )
        y = np.zeros_like(x)
        for row, (sentence, n) in enumerate(zip(x, lengths)):
            y[row, :n] = sentence[:n][::-1]
        return x, lengths, np.concatenate([np.ones_like(y[:, :1]), y[:, :-1]], axis=1), y

    def loss(self, *batch: Any) -> Any:
        *x, y = batch
        return self.f.cross_entropy(self.net(*x).transpose(1, 2), y, ignore_index=0)


class Transformer(Script):
    """Encoder and decoder that learn to sort."""

    tolerance = 1e-2
    words = 12

    def build(self) -> None:
        torch, nn, optim = self.torch, self.nn, self.torch.optim
        words = self.words

        class Model(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.source, self.target = nn.Embedding(words, 32), nn.Embedding(words, 32)
                at = torch.arange(12).unsqueeze(1) * torch.exp(
                    torch.arange(0, 32, 2) * (-math.log(10000.0) / 32)
                )
                place = torch.zeros(12, 32)
                place[:, 0::2], place[:, 1::2] = torch.sin(at), torch.cos(at)
                self.register_buffer("place", place)
                self.transformer = nn.Transformer(32, 4, 2, 2, 64, dropout=0.1, batch_first=True)
                self.out = nn.Linear(32, words)

            def forward(self, x: Any, shifted: Any) -> Any:
                source = self.source(x) * math.sqrt(32) + self.place[: x.size(1)]
                target = self.target(shifted) * math.sqrt(32) + self.place[: shifted.size(1)]
                padding = x == 0
                causal = nn.Transformer.generate_square_subsequent_mask(shifted.size(1))
                blank = torch.zeros(padding.shape).masked_fill(padding, float("-inf"))
                return self.out(
                    self.transformer(
                        source, target, tgt_mask=causal, src_key_padding_mask=blank, memory_key_padding_mask=blank,
                    )
                )  # fmt: skip

        self.net = Model()
        self.optimizer = optim.Adafactor(self.net.parameters(), lr=0.005)
        self.scheduler = optim.lr_scheduler.LambdaLR(
            self.optimizer, lambda step: min((step + 1) / 10, math.sqrt(10 / (step + 1)))
        )

    def batch(self, rng: np.random.RandomState) -> tuple[np.ndarray, ...]:
        """Words, sorted words shifted by a starting word, sorted words; 0 is padding, 1 starts."""
        x = rng.randint(2, self.words, (16, 9))
        x[:4, 7:] = 0
        y = np.where(x == 0, self.words, x)
        y.sort(axis=1)
        y[y == self.words] = 0
        return x, np.concatenate([np.ones_like(y[:, :1]), y[:, :-1]], axis=1), y

    def loss(self, *batch: Any) -> Any:
        x, shifted, y = batch
        logits = self.net(x, shifted)
        return self.f.cross_entropy(logits.flatten(0, 1), y.flatten(), ignore_index=0, label_smoothing=0.1)


class ViT(Script):
    def build(self) -> None:
        torch, nn, optim = self.torch, self.nn, self.torch.optim

        class Model(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.patches = nn.Conv2d(3, 32, kernel_size=4, stride=4)
                self.first = nn.Parameter(torch.zeros(1, 1, 32))
                self.place = nn.Parameter(torch.empty(1, 17, 32))
                nn.init.trunc_normal_(self.place, std=0.02)
                layer = nn.TransformerEncoderLayer(
                    32, 4, 64, dropout=0.1, activation="gelu", batch_first=True, norm_first=True
                )
                self.encoder = nn.TransformerEncoder(
                    layer, 3, norm=nn.LayerNorm(32), enable_nested_tensor=False
                )
                self.head = nn.Linear(32, 10)

            def forward(self, x: Any) -> Any:
                x = self.patches(x).flatten(2).transpose(1, 2)
                x = torch.cat([self.first.expand(x.size(0), -1, -1), x], dim=1) + self.place
                return self.head(self.encoder(x)[:, 0])

        self.net = Model()
        named = dict(self.net.named_parameters())
        decayed = [p for p in named.values() if p.ndim == 2]
        others = [p for p in named.values() if p.ndim != 2]
        self.optimizer = optim.AdamW(
            [{"params": decayed, "weight_decay": 0.1}, {"params": others, "lr": 1e-3}],
            lr=2e-3,
            weight_decay=0.0,
        )
        schedulers = optim.lr_scheduler
        self.scheduler = schedulers.SequentialLR(
            self.optimizer,
            [
                schedulers.LinearLR(self.optimizer, start_factor=0.1, total_iters=10),
                schedulers.CosineAnnealingLR(self.optimizer, T_max=50),
            ],
            milestones=[10],
        )

    def batch(self, rng: np.random.RandomState) -> tuple[np.ndarray, ...]:
        return images(rng, 16, 3, 16)


class GPT(Script):
    """Muon for the matrices of the blocks, SGD for the rest: two optimizers under one training step."""

    programs = 2

    def build(self) -> None:
        torch, nn, f, optim = self.torch, self.nn, self.f, self.torch.optim

        class Block(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.ln_1, self.ln_2 = nn.LayerNorm(32), nn.LayerNorm(32)
                self.c_attn, self.c_proj = nn.Linear(32, 96, bias=False), nn.Linear(32, 32, bias=False)
                self.mlp = nn.Sequential(
                    nn.Linear(32, 128, bias=False), nn.GELU(approximate="tanh"), nn.Linear(128, 32, bias=False), nn.Dropout(0.1)
                )  # fmt: skip

            def attend(self, x: Any) -> Any:
                n, length, width = x.shape
                q, k, v = (
                    a.view(n, length, 4, 8).transpose(1, 2) for a in self.c_attn(x).split(width, dim=2)
                )
                out = f.scaled_dot_product_attention(
                    q, k, v, is_causal=True, dropout_p=0.1 if self.training else 0.0
                )
                return self.c_proj(out.transpose(1, 2).contiguous().view(n, length, width))

            def forward(self, x: Any) -> Any:
                x = x + self.attend(self.ln_1(x))
                return x + self.mlp(self.ln_2(x))

        class Model(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.wte, self.wpe, self.drop = nn.Embedding(40, 32), nn.Embedding(16, 32), nn.Dropout(0.1)
                self.h = nn.ModuleList([Block() for _ in range(3)])
                self.ln_f = nn.LayerNorm(32)
                self.lm_head = nn.Linear(32, 40, bias=False)
                self.apply(self.start)
                self.wte.weight = self.lm_head.weight
                for name, p in self.named_parameters():
                    if name.endswith("c_proj.weight"):
                        nn.init.normal_(p, mean=0.0, std=0.02 / math.sqrt(6))

            def start(self, m: Any) -> None:
                if isinstance(m, (nn.Linear, nn.Embedding)):
                    nn.init.normal_(m.weight, mean=0.0, std=0.02)

            def forward(self, x: Any) -> Any:
                x = self.drop(self.wte(x) + self.wpe(torch.arange(x.size(1))))
                for block in self.h:
                    x = block(x)
                return self.lm_head(self.ln_f(x))

        self.net = Model()
        matrices = [p for name, p in self.net.h.named_parameters() if p.ndim == 2]
        chosen = {id(p) for p in matrices}
        rest = [p for p in self.net.parameters() if id(p) not in chosen]
        self.optimizer = optim.Muon(matrices, lr=0.005, weight_decay=0.1, momentum=0.9)
        self.other = optim.SGD(rest, lr=0.1, momentum=0.9, dampening=0.1)
        schedulers = optim.lr_scheduler
        self.scheduler = schedulers.CosineAnnealingWarmRestarts(self.optimizer, T_0=20, T_mult=2)

    def batch(self, rng: np.random.RandomState) -> tuple[np.ndarray, ...]:
        x = phrases(rng, 16, 17, 40)
        return x[:, :-1].copy(), x[:, 1:].copy()

    def loss(self, *batch: Any) -> Any:
        x, y = batch
        return self.f.cross_entropy(self.net(x).view(-1, 40), y.view(-1))

    def step(self, *batch: Any) -> float:
        self.optimizer.zero_grad(set_to_none=True)
        self.other.zero_grad(set_to_none=True)
        loss = self.loss(*batch)
        loss.backward()
        self.optimizer.step()
        self.other.step()
        self.scheduler.step()
        return loss.item()

    def parts(self) -> dict[str, Any]:
        return {**super().parts(), "other": self.other}


class VAE(Script):
    def build(self) -> None:
        torch, nn, optim = self.torch, self.nn, self.torch.optim

        class Model(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.fc1, self.mean, self.spread = nn.Linear(64, 48), nn.Linear(48, 6), nn.Linear(48, 6)
                self.fc3, self.fc4 = nn.Linear(6, 48), nn.Linear(48, 64)

            def forward(self, x: Any) -> Any:
                h = torch.relu(self.fc1(x.view(-1, 64)))
                mu, logvar = self.mean(h), self.spread(h)
                std = torch.exp(0.5 * logvar)
                z = mu + torch.randn_like(std) * std
                return torch.sigmoid(self.fc4(torch.relu(self.fc3(z)))), mu, logvar

        self.net = Model()
        self.optimizer = optim.NAdam(self.net.parameters(), lr=5e-3, momentum_decay=4e-3)
        self.scheduler = optim.lr_scheduler.ReduceLROnPlateau(
            self.optimizer, "min", factor=0.5, patience=2, cooldown=3
        )

    def batch(self, rng: np.random.RandomState) -> tuple[np.ndarray, ...]:
        x, _ = images(rng, 32, 1, 8)
        return (1 / (1 + np.exp(-8 * x)),)

    def loss(self, *batch: Any) -> Any:
        (x,) = batch
        again, mu, logvar = self.net(x)
        bce = self.f.binary_cross_entropy(again, x.view(-1, 64), reduction="sum")
        return bce - 0.5 * self.torch.sum(1 + logvar - mu.pow(2) - logvar.exp())

    def step(self, *batch: Any) -> float:
        self.optimizer.zero_grad()
        loss = self.loss(*batch)
        loss.backward()
        self.optimizer.step()
        self.scheduler.step(loss.detach())
        return loss.item()


class DCGAN(Script):
    """The loss is the sum of both players'."""

    tolerance = 1e-2
    programs = 4

    def build(self) -> None:
        torch, nn, optim = self.torch, self.nn, self.torch.optim
        generator = nn.Sequential(
            nn.ConvTranspose2d(16, 32, 4, 1, 0, bias=False), nn.BatchNorm2d(32), nn.ReLU(True),
            nn.ConvTranspose2d(32, 16, 4, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(True),
            nn.ConvTranspose2d(16, 1, 4, 2, 1, bias=False), nn.Tanh(),
        )  # fmt: skip
        discriminator = nn.Sequential(
            nn.Conv2d(1, 16, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(16, 32, 4, 2, 1, bias=False), nn.BatchNorm2d(32), nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(32, 1, 4, 1, 0, bias=False), nn.Sigmoid(),
        )  # fmt: skip

        def start(m: Any) -> None:
            name = type(m).__name__
            if "Conv" in name:
                torch.nn.init.normal_(m.weight, 0.0, 0.02)
            elif "BatchNorm" in name:
                torch.nn.init.normal_(m.weight, 1.0, 0.02)
                torch.nn.init.zeros_(m.bias)

        self.net = nn.ModuleDict({"G": generator.apply(start), "D": discriminator.apply(start)})
        self.optimizer = optim.Adam(discriminator.parameters(), lr=5e-4, betas=(0.5, 0.999))
        self.other = optim.Adam(generator.parameters(), lr=5e-4, betas=(0.5, 0.999), amsgrad=True)
        self.scheduler = optim.lr_scheduler.PolynomialLR(self.optimizer, total_iters=80, power=0.9)
        self.criterion = nn.BCELoss()

    def batch(self, rng: np.random.RandomState) -> tuple[np.ndarray, ...]:
        x, _ = images(rng, 16, 1, 16)
        return (np.tanh(x),)

    def step(self, *batch: Any) -> float:
        torch, g, d = self.torch, self.net["G"], self.net["D"]
        (real,) = batch
        n = real.size(0)
        d.zero_grad()
        label = torch.full((n,), 1.0)
        err_real = self.criterion(d(real).view(-1), label)
        err_real.backward()
        fake = g(torch.randn(n, 16, 1, 1))
        label.fill_(0.0)
        err_fake = self.criterion(d(fake.detach()).view(-1), label)
        err_fake.backward()
        err_d = err_real + err_fake
        self.optimizer.step()
        g.zero_grad()
        label.fill_(1.0)
        err_g = self.criterion(d(fake).view(-1), label)
        err_g.backward()
        self.other.step()
        self.scheduler.step()
        return err_d.item() + err_g.item()

    def parts(self) -> dict[str, Any]:
        return {**super().parts(), "other": self.other}


SCRIPTS: dict[str, type[Script]] = {
    script.__name__: script
    for script in (
        MLP, LeNet, ResNet18, VGG, UNet, LSTMLanguageModel, GRUSeq2Seq, Transformer, ViT, GPT, VAE, DCGAN,
    )
}  # fmt: skip


def weights(script: Script) -> dict[str, np.ndarray]:
    """The network's parameters and buffers as NumPy arrays, copied."""
    return {name: np.array(t.detach().numpy()) for name, t in script.net.state_dict().items()}


def fingerprint(a: np.ndarray) -> list[float]:
    """Two numbers that tell arrays apart: length, and a projection on a fixed direction."""
    flat = a.astype(np.float64).ravel()
    return [short(np.linalg.norm(flat)), short(flat @ np.cos(np.arange(flat.size)))]


def short(x: float) -> float:
    """The number with as many digits as float32 has."""
    return float(f"{x:.8g}")


def main() -> None:
    """Records PyTorch's initial weights and losses."""
    import torch

    torch.set_num_threads(1)
    found = {}
    for name, script in SCRIPTS.items():
        run = script(torch)
        start = {key: fingerprint(a) for key, a in weights(run).items()}
        found[name] = {"weights": start, "losses": [short(x) for x in run.run(STEPS)]}
    lines = [f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in found.items()]
    RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
