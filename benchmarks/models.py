"""The models of the benchmarks: one source for PyTorch and torchlike, and its twin in plain JAX.

`lib` is `torch` or `torchlike`; nothing below knows which. A twin is a loss over the
parameters in the order of `net.parameters()`, written as one would write it by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax


@dataclass(frozen=True)
class Case:
    """One benchmark: a network, its loss and optimizer, a batch, and the JAX loss."""

    net: Callable[[ModuleType], Any]
    loss: Callable[[ModuleType, Any, Any, Any], Any]
    batch: Callable[[np.random.RandomState], tuple[np.ndarray, np.ndarray]]
    optimizer: str
    jax_loss: Callable[[list[jax.Array], jax.Array, jax.Array], jax.Array]


def nll(logits: jax.Array, y: jax.Array) -> jax.Array:
    """Mean cross entropy of rows of logits."""
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1))


# ---- LeNet: 3 x 32 x 32 images, 10 classes ---------------------------------------------------


def lenet(lib: ModuleType) -> Any:
    """Two convolutions with pooling, three linear layers."""
    nn = lib.nn

    class LeNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(3, 6, 5)
            self.conv2 = nn.Conv2d(6, 16, 5)
            self.fc1 = nn.Linear(400, 120)
            self.fc2 = nn.Linear(120, 84)
            self.fc3 = nn.Linear(84, 10)

        def forward(self, x: Any) -> Any:
            f = nn.functional
            x = f.max_pool2d(f.relu(self.conv1(x)), 2)
            x = f.max_pool2d(f.relu(self.conv2(x)), 2)
            x = lib.flatten(x, 1)
            x = f.relu(self.fc1(x))
            x = f.relu(self.fc2(x))
            return self.fc3(x)

    return LeNet()


def lenet_jax(p: list[jax.Array], x: jax.Array, y: jax.Array) -> jax.Array:
    def conv(x: jax.Array, w: jax.Array, b: jax.Array) -> jax.Array:
        dims = ("NCHW", "OIHW", "NCHW")
        return lax.conv_general_dilated(x, w, (1, 1), "VALID", dimension_numbers=dims) + b[:, None, None]

    def pool(x: jax.Array) -> jax.Array:
        return lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")

    x = pool(jax.nn.relu(conv(x, p[0], p[1])))
    x = pool(jax.nn.relu(conv(x, p[2], p[3]))).reshape(x.shape[0], -1)
    x = jax.nn.relu(x @ p[4].T + p[5])
    x = jax.nn.relu(x @ p[6].T + p[7])
    return nll(x @ p[8].T + p[9], y)


def classified(lib: ModuleType, net: Any, x: Any, y: Any) -> Any:
    return lib.nn.functional.cross_entropy(net(x), y)


def images(n: int, *shape: int) -> Callable[[np.random.RandomState], tuple[np.ndarray, np.ndarray]]:
    return lambda rng: (rng.randn(n, *shape).astype(np.float32), rng.randint(0, 10, n))


# ---- MLP: 784 features ------------------------------------------------------------------------


def mlp(lib: ModuleType) -> Any:
    nn = lib.nn
    return nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))


def mlp_jax(p: list[jax.Array], x: jax.Array, y: jax.Array) -> jax.Array:
    for w, b in (p[0:2], p[2:4]):
        x = jax.nn.relu(x @ w.T + b)
    return nll(x @ p[4].T + p[5], y)


# ---- LSTM language model ---------------------------------------------------------------------

VOCABULARY, WIDTH, LENGTH, BATCH = 500, 128, 32, 16


def lstm(lib: ModuleType) -> Any:
    nn = lib.nn

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(VOCABULARY, WIDTH)
            self.lstm = nn.LSTM(WIDTH, WIDTH, 2)
            self.head = nn.Linear(WIDTH, VOCABULARY)

        def forward(self, x: Any) -> Any:
            x, _ = self.lstm(self.embedding(x))
            return self.head(x).view(-1, VOCABULARY)

    return Model()


def lstm_jax(p: list[jax.Array], x: jax.Array, y: jax.Array) -> jax.Array:
    zero = jnp.zeros((BATCH, WIDTH))
    h = p[0][x]
    for layer in range(2):
        wi, wh, bi, bh = p[1 + 4 * layer : 5 + 4 * layer]

        def cell(carry: Any, z: jax.Array, wh: jax.Array = wh) -> Any:
            h, c = carry
            i, f, g, o = jnp.split(z + h @ wh.T, 4, -1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        h = lax.scan(cell, (zero, zero), h @ wi.T + bi + bh)[1]
    return nll((h @ p[9].T + p[10]).reshape(-1, VOCABULARY), y)


def words(rng: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
    x = rng.randint(0, VOCABULARY, (LENGTH, BATCH))
    return x, rng.randint(0, VOCABULARY, LENGTH * BATCH)


# ---- Transformer: 4 heads, 2 blocks ----------------------------------------------------------

D, HEADS, T, TOKENS, SEQUENCES = 128, 4, 64, 256, 8


def transformer(lib: ModuleType, layers: int = 2) -> Any:
    nn, f = lib.nn, lib.nn.functional

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm1 = nn.LayerNorm(D)
            self.qkv = nn.Linear(D, 3 * D)
            self.out = nn.Linear(D, D)
            self.norm2 = nn.LayerNorm(D)
            self.up = nn.Linear(D, 4 * D)
            self.down = nn.Linear(4 * D, D)

        def forward(self, x: Any) -> Any:
            b, t, _ = x.shape
            q, k, v = self.qkv(self.norm1(x)).view(b, t, 3, HEADS, D // HEADS).permute(2, 0, 3, 1, 4)
            a = f.scaled_dot_product_attention(q, k, v, is_causal=True)  # (b, heads, t, d / heads)
            x = x + self.out(a.transpose(1, 2).reshape(b, t, D))
            return x + self.down(f.gelu(self.up(self.norm2(x))))

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens = nn.Embedding(TOKENS, D)
            self.places = nn.Parameter(0.02 * lib.randn(T, D))
            self.blocks = nn.Sequential(*[Block() for _ in range(layers)])
            self.norm = nn.LayerNorm(D)
            self.head = nn.Linear(D, TOKENS)

        def forward(self, x: Any) -> Any:
            x = self.blocks(self.tokens(x) + self.places)
            return self.head(self.norm(x)).view(-1, TOKENS)

    return Model()


def transformer_jax(p: list[jax.Array], x: jax.Array, y: jax.Array) -> jax.Array:
    take = iter(p).__next__

    def norm(x: jax.Array) -> jax.Array:
        mean = x.mean(-1, keepdims=True)
        scaled = (x - mean) * lax.rsqrt(((x - mean) ** 2).mean(-1, keepdims=True) + 1e-5)
        return scaled * take() + take()

    def linear(x: jax.Array) -> jax.Array:
        return x @ take().T + take()

    places, tokens = take(), take()  # an own parameter comes before those of submodules
    h = tokens[x] + places
    causal = jnp.tril(jnp.ones((T, T), bool))
    for _ in range((len(p) - 6) // 12):  # all but 6 parameters are those of blocks
        z = linear(norm(h)).reshape(-1, T, 3, HEADS, D // HEADS).transpose(2, 0, 3, 1, 4)
        q, k, v = z[0], z[1], z[2]
        scores = jnp.where(causal, jnp.einsum("bhqd,bhkd->bhqk", q, k) * (D // HEADS) ** -0.5, -1e30)
        a = (jax.nn.softmax(scores) @ v).transpose(0, 2, 1, 3).reshape(h.shape)
        h = h + linear(a)
        h = h + linear(jax.nn.gelu(linear(norm(h)), approximate=False))
    return nll(linear(norm(h)).reshape(-1, TOKENS), y)


def tokens(rng: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
    return rng.randint(0, TOKENS, (SEQUENCES, T)), rng.randint(0, TOKENS, SEQUENCES * T)


CASES = {
    "lenet-4": Case(lenet, classified, images(4, 3, 32, 32), "SGD", lenet_jax),
    "lenet-64": Case(lenet, classified, images(64, 3, 32, 32), "SGD", lenet_jax),
    "mlp-64": Case(mlp, classified, images(64, 784), "Adam", mlp_jax),
    "lstm": Case(lstm, classified, words, "SGD", lstm_jax),
    "transformer": Case(transformer, classified, tokens, "Adam", transformer_jax),
}
