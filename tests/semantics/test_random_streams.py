"""Every sampler against PyTorch: values, dtype, shape, and the generator's state afterwards."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import torchlike

torch = pytest.importorskip("torch")

HALF, FLOATS = ["float16", "bfloat16"], ["float32", "float64", "float16", "bfloat16"]
COMPLEX = ["complex64", "complex128"]
INTEGERS = ["int64", "int32", "int16", "int8", "uint8"]
SIZES = [(), (0,), (1,), (2,), (15,), (16,), (17,), (33,), (100,), (3, 5), (4, 4), (2, 0, 3), (5, 7, 3)]
# how often a libm may round otherwise; bits that decide (0 or 1, integers) have no such room
RTOL = {"float32": 1e-6, "complex64": 1e-6}
DERIVED = {"orthogonal_": 5}  # a QR factorisation of the draws


def _turned(lib: Any, size: tuple[int, ...], d: Any) -> Any:
    """An empty tensor of that size that lies in memory the other way round."""
    return lib.empty(size[::-1], dtype=d).permute(tuple(range(len(size)))[::-1])


def _filled(name: str, *args: Any) -> Callable[[Any, Any, Any], Any]:
    return lambda lib, size, d: getattr(lib.zeros(size, dtype=d), name)(*args)


def _filled_turned(name: str) -> Callable[[Any, Any, Any], Any]:
    return lambda lib, size, d: getattr(_turned(lib, size, d).zero_(), name)()


def _filled_gaps(name: str) -> Callable[[Any, Any, Any], Any]:
    def call(lib: Any, size: Any, d: Any) -> Any:
        base = lib.zeros((2, *size), dtype=d)
        getattr(base[:, ::2] if size else base[1:], name)()
        return base

    return call


def _owned(name: str) -> Callable[[Any, Any, Any], Any]:
    return lambda lib, size, d: getattr(lib.zeros(size, dtype=d), name)(
        generator=lib.Generator().manual_seed(7)
    )


def _rising(lib: Any, size: tuple[int, ...], d: Any) -> Any:
    return lib.arange(float(math.prod(size))).reshape(size).to(d)


IN_PLACE = ("uniform_", "normal_", "exponential_", "cauchy_", "log_normal_", "random_", "bernoulli_")
# name: (call(lib, size, dtype), dtypes)
SAMPLERS: dict[str, tuple[Callable[[Any, Any, Any], Any], list[str]]] = {
    "rand": (lambda lib, n, d: lib.rand(n, dtype=d), FLOATS + COMPLEX),
    "rand(*size)": (lambda lib, n, d: lib.rand(*(n or (1,)), dtype=d), FLOATS),
    "randn": (lambda lib, n, d: lib.randn(n, dtype=d), FLOATS + COMPLEX),
    "randint": (lambda lib, n, d: lib.randint(0, 100, n, dtype=d), FLOATS + INTEGERS),
    "randint(high)": (lambda lib, n, d: lib.randint(2, n, dtype=d), [*INTEGERS, "bool"]),
    "randint wide": (lambda lib, n, d: lib.randint(-(2**40), 2**40, n, dtype=d), ["int64", "float64", "float32"]),
    "randint negative": (lambda lib, n, d: lib.randint(-7, -2, n, dtype=d), ["int64", "int8", "float32"]),
    "randperm": (lambda lib, n, d: lib.randperm(math.prod(n), dtype=d), FLOATS + INTEGERS),
    "rand_like": (lambda lib, n, d: lib.rand_like(lib.zeros(n, dtype=d)), FLOATS),
    "randn_like": (lambda lib, n, d: lib.randn_like(lib.zeros(n, dtype=d)), FLOATS + COMPLEX),
    "randint_like": (lambda lib, n, d: lib.randint_like(lib.zeros(n, dtype=d), 3, 9), FLOATS + INTEGERS),
    "rand_like turned": (lambda lib, n, d: lib.rand_like(_turned(lib, n, d).zero_()), FLOATS),
    "normal(float, float)": (lambda lib, n, d: lib.normal(2.0, 3.0, n, dtype=d), FLOATS),
    "normal(t, t)": (lambda lib, n, d: lib.normal(_rising(lib, n, d), lib.ones(n, dtype=d) * 2), FLOATS),
    "normal(t, float)": (lambda lib, n, d: lib.normal(lib.ones(n, dtype=d), 0.5), FLOATS),
    "normal(float, t)": (lambda lib, n, d: lib.normal(1.5, lib.ones(n, dtype=d)), FLOATS),
    "normal broadcast": (lambda lib, n, d: lib.normal(lib.ones(n, dtype=d), lib.tensor(2.0, dtype=d)), FLOATS),
    "normal turned": (lambda lib, n, d: lib.normal(_turned(lib, n, d).zero_(), 1.0), FLOATS),
    "bernoulli": (lambda lib, n, d: lib.bernoulli(lib.full(n, 0.3, dtype=d)), FLOATS),
    "bernoulli turned": (lambda lib, n, d: lib.bernoulli(_turned(lib, n, d).fill_(0.3)), FLOATS),
    "bernoulli(p)": (lambda lib, n, d: lib.bernoulli(lib.zeros(n, dtype=d), 0.7), [*FLOATS, *INTEGERS, "bool"]),
    "bernoulli_(p)": (_filled("bernoulli_", 0.2), [*FLOATS, *INTEGERS, "bool"]),
    "bernoulli_(t)": (lambda lib, n, d: lib.zeros(n, dtype=d).bernoulli_(lib.full(n, 0.4)), [*FLOATS, *INTEGERS, "bool"]),
    "poisson": (lambda lib, n, d: lib.poisson(_rising(lib, n, d)), FLOATS),
    "poisson turned": (lambda lib, n, d: lib.poisson(_turned(lib, n, d).fill_(2.5)), FLOATS),
    "uniform_(-3, 5)": (_filled("uniform_", -3, 5), FLOATS),
    "normal_(1, 2)": (_filled("normal_", 1, 2), FLOATS + COMPLEX),
    "exponential_(2.5)": (_filled("exponential_", 2.5), FLOATS),
    "cauchy_(1, 2)": (_filled("cauchy_", 1.0, 2.0), FLOATS),
    "log_normal_(0, .5)": (_filled("log_normal_", 0.0, 0.5), FLOATS),
    "geometric_": (_filled("geometric_", 0.3), FLOATS + INTEGERS),
    "random_(10)": (_filled("random_", 10), FLOATS + INTEGERS),
    "random_(-5, 5)": (_filled("random_", -5, 5), [*FLOATS, "int64", "int32", "int16", "int8"]),
    "random_(0, None)": (_filled("random_", 0, None), ["int64"]),
    "random_(100, 2**40)": (_filled("random_", 100, 2**40), ["int64"]),
    "random_ of integers": (_filled("random_"), [*INTEGERS, "bool"]),
    **{name: (_filled(name), FLOATS) for name in IN_PLACE},
    **{f"{name} turned": (_filled_turned(name), FLOATS) for name in IN_PLACE},
    **{f"{name} with gaps": (_filled_gaps(name), FLOATS) for name in IN_PLACE},
    **{f"{name} own generator": (_owned(name), FLOATS) for name in IN_PLACE},
    "rand out": (lambda lib, n, d: lib.rand(n, out=lib.empty(0, dtype=d)), FLOATS),
    "rand out turned": (lambda lib, n, d: lib.rand(n, out=_turned(lib, n, d)), FLOATS),
    "randn out turned": (lambda lib, n, d: lib.randn(n, out=_turned(lib, n, d)), FLOATS),
    "randint out turned": (lambda lib, n, d: lib.randint(9, n, out=_turned(lib, n, d)), FLOATS),
    "normal out turned": (lambda lib, n, d: lib.normal(0.0, 1.0, n, out=_turned(lib, n, d)), FLOATS),
    "multinomial": (lambda lib, n, d: lib.multinomial(lib.arange(1.0, 11.0).to(d), 3), FLOATS),
    "multinomial with replacement": (lambda lib, n, d: lib.multinomial(lib.arange(1.0, 11.0).to(d), 20, True), FLOATS),
    "multinomial of rows": (lambda lib, n, d: lib.multinomial(lib.arange(1.0, 11.0).reshape(2, 5).to(d), 5), FLOATS),
    "dropout": (lambda lib, n, d: lib.nn.functional.dropout(lib.ones(n, dtype=d), 0.3), FLOATS),
    "dropout all": (lambda lib, n, d: lib.nn.functional.dropout(lib.ones(n, dtype=d), 1.0), FLOATS),
    "dropout turned": (lambda lib, n, d: lib.nn.functional.dropout(_turned(lib, n, d).fill_(1)), FLOATS),
    "alpha_dropout": (lambda lib, n, d: lib.nn.functional.alpha_dropout(lib.ones(n, dtype=d), 0.3, True), ["float32", "float64"]),
    "dropout2d": (lambda lib, n, d: lib.nn.functional.dropout2d(lib.ones((2, 3, 4, 4), dtype=d), 0.5), FLOATS),
    "feature_alpha_dropout": (
        lambda lib, n, d: lib.nn.functional.feature_alpha_dropout(lib.ones((2, 3, 4), dtype=d), 0.5, True), ["float32", "float64"],
    ),
    "rrelu": (lambda lib, n, d: lib.nn.functional.rrelu(-lib.ones(n, dtype=d), 0.1, 0.3, True), ["float32", "float64"]),
    "gumbel_softmax": (lambda lib, n, d: lib.nn.functional.gumbel_softmax(lib.ones(n, dtype=d), dim=-1), ["float32", "float64"]),
    "Linear": (lambda lib, n, d: lib.nn.Linear(5, 7, dtype=d).weight.detach(), FLOATS),
    "LSTM": (lambda lib, n, d: lib.nn.LSTM(3, 4, dtype=d).weight_hh_l0.detach(), ["float32", "float64"]),
    "trunc_normal_": (lambda lib, n, d: lib.nn.init.trunc_normal_(lib.zeros(n, dtype=d)), ["float32", "float64"]),
    "orthogonal_": (lambda lib, n, d: lib.nn.init.orthogonal_(lib.zeros((3, 5), dtype=d)), ["float32", "float64"]),
}  # fmt: skip


@pytest.fixture(autouse=True)
def exact() -> Iterator[None]:
    """Draws inside a step are PyTorch's, too."""
    before = torchlike.random.parity("exact")
    yield
    torchlike.random.parity(before)


def drawn(lib: Any, name: str, size: tuple[int, ...], dtype: str, seed: int) -> tuple[Any, ...]:
    """(dtype, shape, values, what comes next) after a few draws that leave half a pair of normals."""
    lib.manual_seed(seed)
    lib.randn(seed % 3)
    t = SAMPLERS[name][0](lib, size, getattr(lib, dtype)).detach()
    values = (t.float() if t.dtype is lib.bfloat16 else t).numpy().copy()
    return str(t.dtype), tuple(t.shape), values, lib.get_rng_state().numpy().tobytes(), lib.randn(3).tolist()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SAMPLERS)
def test_stream(name: str) -> None:
    for dtype in SAMPLERS[name][1]:
        for i, size in enumerate(SIZES):
            want, got = (drawn(lib, name, size, dtype, 40 + i) for lib in (torch, torchlike))
            assert got[:2] == want[:2], (dtype, size)
            rtol = RTOL.get(dtype, 1e-12) * DERIVED.get(name, 1)
            np.testing.assert_allclose(got[2], want[2], rtol, rtol / 10, err_msg=f"{dtype} {size}")
            assert state_words(got[3]) == state_words(want[3]), f"{dtype} {size}: the stream stands elsewhere"
            np.testing.assert_allclose(got[4], want[4], 5e-6)


def state_words(state: bytes) -> bytes:
    """A generator's state without its cached normal number, which a libm may round otherwise."""
    return state[: 8 + 8 + 4 + 4 + 624 * 8]


# ---- generators ---------------------------------------------------------------------------------


def both(body: Callable[[Any], Any]) -> None:
    """Asserts that a function of the library gives the same on both."""
    assert body(torchlike) == body(torch)


@pytest.mark.parametrize("seed", [0, 1, 42, 2**31, 2**32 + 5, 2**63 - 1, -1, -(2**63), 2**64 - 1])
def test_seeds(seed: int) -> None:
    both(
        lambda lib: (
            lib.Generator().manual_seed(seed).initial_seed(),
            lib.rand(2, generator=lib.Generator().manual_seed(seed)).tolist(),
        )
    )
    both(lambda lib: (lib.manual_seed(seed).initial_seed(), lib.initial_seed(), lib.rand(3).tolist()))


def test_state_goes_back_and_across() -> None:
    torch.manual_seed(3)
    torch.randn(5)
    torchlike.set_rng_state(torchlike.from_numpy(torch.get_rng_state().numpy()))
    assert torchlike.rand(7).tolist() == torch.rand(7).tolist()
    torch.set_rng_state(torch.from_numpy(torchlike.get_rng_state().numpy().copy()))
    assert torchlike.randint(0, 9, (5,)).tolist() == torch.randint(0, 9, (5,)).tolist()


def test_states_of_generators() -> None:
    def body(lib: Any) -> Any:
        g = lib.Generator().manual_seed(5)
        lib.rand(3, generator=g)
        state, copy = g.get_state(), g.clone_state()
        first = lib.rand(4, generator=g).tolist()
        g.set_state(state)
        again = lib.rand(4, generator=g).tolist()
        other = lib.rand(4, generator=copy).tolist()
        pickled = pickle.loads(pickle.dumps(g))
        return (
            first,
            again,
            other,
            lib.rand(2, generator=pickled).tolist(),
            str(g.device),
            state.dtype is lib.uint8,
        )

    both(body)


@pytest.mark.parametrize(
    "call", ["graphsafe_get_state()", "graphsafe_set_state(g)", "get_offset()", "set_offset(1)"]
)
def test_refused_by_cpu_generators(call: str) -> None:
    errors = []
    for lib in (torch, torchlike):
        with pytest.raises((RuntimeError, NotImplementedError)) as e:
            eval(f"g.{call}", {"g": lib.Generator()})  # noqa: S307 - the list above
        errors.append((e.type, str(e.value)))
    assert errors[0] == errors[1]


def test_fork_rng() -> None:
    def body(lib: Any) -> Any:
        lib.manual_seed(1)
        with lib.random.fork_rng():
            inside = lib.rand(3).tolist()
        with lib.random.fork_rng(enabled=False):
            kept = lib.rand(2).tolist()
        return inside, kept, lib.rand(3).tolist()

    both(body)


def test_seed_is_new_each_time() -> None:
    seeds = {torchlike.seed(), torchlike.seed(), torchlike.Generator().seed()}
    assert len(seeds) == 3
    torchlike.seed()
    assert torchlike.initial_seed() not in seeds
