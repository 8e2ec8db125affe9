"""Generator: every stream against PyTorch's, state included; saved states; the permutation in one go."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from torchlike._core import dtypes
from torchlike._core.draws import _swapped
from torchlike._core.random import DEFAULT_SEED, Generator, default_generator, parity, parity_is_exact

torch = pytest.importorskip("torch")

FLOATS = ("float32", "float64", "float16", "bfloat16")
INTEGERS = ("int64", "int32", "int16", "int8", "uint8", "bool")
SIZES = (0, 1, 7, 15, 16, 17, 33, 1000, 40_003)
ROUNDED = {"float64": 1e-12, "float32": 1e-6, "float16": 2e-3, "bfloat16": 1.6e-2}  # of one unit and libm


def as_numpy(t):
    return t.double().numpy() if t.dtype is torch.bfloat16 else t.numpy()


def agree(mine, theirs, exact: bool, dtype: str):
    """Three draws in a row: the same numbers, and the same state after each."""
    g = Generator().manual_seed(7)
    torch.manual_seed(7)
    for _ in range(3):
        want, got = as_numpy(theirs()), mine(g)
        assert got.dtype == getattr(dtypes, "bool_" if dtype == "bool" else dtype).jnp
        got = got.astype(want.dtype)
        if exact:
            np.testing.assert_array_equal(got, want)
        else:
            np.testing.assert_allclose(got, want, rtol=ROUNDED[dtype], atol=ROUNDED[dtype])
        np.testing.assert_array_equal(g.state_bytes(), torch.get_rng_state().numpy())


# name: (torch call on an empty tensor, our call, bit for bit)
LAWS = {
    "rand": (lambda t: t.uniform_(), lambda g, s, d: g.uniform(s, d), True),
    "uniform": (lambda t: t.uniform_(-0.1, 2.3), lambda g, s, d: g.uniform(s, d, -0.1, 2.3), True),
    "randn": (lambda t: t.normal_(), lambda g, s, d: g.normal(s, d), False),
    "normal": (lambda t: t.normal_(0.3, 1.7), lambda g, s, d: g.normal(s, d, 0.3, 1.7), False),
    "exponential": (lambda t: t.exponential_(2.5), lambda g, s, d: g.exponential(s, d, 2.5), False),
    "cauchy": (lambda t: t.cauchy_(1, 0.01), lambda g, s, d: g.cauchy(s, d, 1, 0.01), False),
    "log_normal": (lambda t: t.log_normal_(0.1, 0.5), lambda g, s, d: g.log_normal(s, d, 0.1, 0.5), False),
    "geometric": (lambda t: t.geometric_(0.3), lambda g, s, d: g.geometric(s, d, 0.3), True),
    "bernoulli": (lambda t: t.bernoulli_(0.3), lambda g, s, d: g.bernoulli(s, 0.3, d), True),
    "random": (lambda t: t.random_(), lambda g, s, d: g.random(s, d), True),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("law", LAWS)
def test_floating_laws(law, dtype, size):
    theirs, mine, exact = LAWS[law]
    d = getattr(dtypes, dtype)
    agree(
        lambda g: mine(g, (size,), d),
        lambda: theirs(torch.empty(size, dtype=getattr(torch, dtype))),
        exact,
        dtype,
    )


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("law", ["geometric", "bernoulli", "random"])
def test_integer_laws(law, dtype):
    if (law, dtype) == ("geometric", "bool"):
        pytest.skip("PyTorch has no geometric draws of bool")
    theirs, mine, _ = LAWS[law]
    agree(
        lambda g: mine(g, (100,), np.dtype(dtype)),
        lambda: theirs(torch.empty(100, dtype=getattr(torch, dtype))),
        True,
        dtype,
    )


@pytest.mark.parametrize(
    "low, high",
    [(0, 10), (-5, 5), (0, 2**28 - 1), (0, 2**28), (-(2**40), 2**40), (-(2**63), 2**63 - 1)],
)
def test_randint(low, high):
    agree(lambda g: g.randint(low, high, (100,)), lambda: torch.randint(low, high, (100,)), True, "int64")


def test_all_64_bits():
    agree(
        lambda g: g.randint(-(2**63), 2**63, (100,)),
        lambda: torch.empty(100, dtype=torch.int64).random_(-(2**63), None),
        True,
        "int64",
    )


@pytest.mark.parametrize("n", [0, 1, 2, 10, 1000, 60_000])
def test_randperm(n):
    agree(lambda g: g.randperm(n), lambda: torch.randperm(n), True, "int64")


@pytest.mark.parametrize("n", [2, 3, 10, 257])
@pytest.mark.parametrize("draw", ["none", "last", "random"])
def test_swaps_at_once_equal_swaps_in_turn(n, draw):
    left = np.arange(n - 1, 0, -1)
    offsets = {"none": 0 * left, "last": left, "random": np.random.RandomState(n).randint(0, left + 1)}[draw]
    want = np.arange(n)
    for i, k in enumerate(offsets):
        want[[i, i + k]] = want[[i + k, i]]
    np.testing.assert_array_equal(_swapped(offsets.astype(np.int64)), want)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bernoulli_of_an_array(dtype):
    p = np.linspace(0, 1, 500, dtype=dtype)
    agree(
        lambda g: g.bernoulli((500,), p, p.dtype), lambda: torch.bernoulli(torch.from_numpy(p)), True, dtype
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rate", [0.0, 0.5, 9.9, 10.0, 37.0, 1e4])
def test_poisson(rate, dtype):
    rates = np.full(200, rate, dtype)
    agree(lambda g: g.poisson(rates), lambda: torch.poisson(torch.from_numpy(rates)), True, dtype)


@pytest.mark.parametrize("count, replacement", [(1, False), (1, True), (20, False), (50, True)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_multinomial(dtype, count, replacement):
    weights = np.random.RandomState(0).rand(3, 40).astype(dtype)
    agree(
        lambda g: g.multinomial(weights, count, replacement),
        lambda: torch.multinomial(torch.from_numpy(weights), count, replacement),
        True,
        "int64",
    )


def test_normals_in_pairs_wait_for_the_next_call():
    g = Generator().manual_seed(3)
    torch.manual_seed(3)
    for n in (3, 5, 1, 20, 2):
        np.testing.assert_allclose(g.normal((n,)), torch.randn(n).numpy(), atol=1e-6)
        np.testing.assert_array_equal(g.state_bytes(), torch.get_rng_state().numpy())


@pytest.mark.parametrize("drawn", [0, 1, 623, 624, 625, 2000])
def test_state_moves_both_ways(drawn):
    g = Generator().manual_seed(11)
    g.bits(drawn)
    torch.set_rng_state(torch.from_numpy(g.state_bytes()))
    np.testing.assert_array_equal(g.uniform((5,)), torch.rand(5).numpy())
    other = Generator()
    other.load_state_bytes(torch.get_rng_state().numpy())
    np.testing.assert_array_equal(other.uniform((700,)), torch.rand(700).numpy())
    assert other.initial_seed() == 11


@pytest.mark.parametrize("seed", [0, 1, -1, -(2**63), 2**32 + 5, 2**63, 2**64 - 1])
def test_seeds(seed):
    mine, theirs = Generator().manual_seed(seed), torch.Generator().manual_seed(seed)
    assert mine.initial_seed() == theirs.initial_seed()
    np.testing.assert_array_equal(mine.uniform((3,)), torch.rand(3, generator=theirs).numpy())


def test_a_new_generator_has_pytorchs_default_seed():
    assert Generator().initial_seed() == torch.Generator().initial_seed() == DEFAULT_SEED


@pytest.mark.parametrize(
    "seed, error", [(2**64, ValueError), (-(2**63) - 1, ValueError), (1.5, RuntimeError)]
)
def test_bad_seeds(seed, error):
    with pytest.raises(error) as mine:
        Generator().manual_seed(seed)
    with pytest.raises(error) as theirs:
        torch.Generator().manual_seed(seed)
    assert str(mine.value) == str(theirs.value)


@pytest.mark.parametrize("state", [np.zeros(10, np.uint8), np.zeros(5056, np.uint8)], ids=["size", "content"])
def test_bad_states(state):
    with pytest.raises(RuntimeError) as mine:
        Generator().load_state_bytes(state)
    with pytest.raises(RuntimeError) as theirs:
        torch.Generator().set_state(torch.from_numpy(state))
    assert str(mine.value) == str(theirs.value)


@pytest.mark.parametrize(
    "again", [lambda g: pickle.loads(pickle.dumps(g)), copy.deepcopy, Generator.clone_state]
)
def test_copies_continue_the_stream(again):
    g = Generator().manual_seed(5)
    g.normal((3,))
    other = again(g)
    np.testing.assert_array_equal(g.normal((5,)), other.normal((5,)))


def test_what_a_loader_is_seeded_with():
    torch.manual_seed(9)
    want = [int(torch.empty((), dtype=torch.int64).random_()) for _ in range(3)]
    g = Generator().manual_seed(9)
    assert [g.random_seed64() for _ in range(3)] == want


def test_keys_follow_the_state():
    g = Generator().manual_seed(1)
    state = g.state_bytes()
    keys = [g.key() for _ in range(3)]
    assert all(k.dtype == np.uint32 and k.shape == (2,) for k in keys)
    assert len({k.tobytes() for k in keys}) == 3
    g.load_state_bytes(state)
    np.testing.assert_array_equal(g.key(), keys[0])


def test_seed_comes_from_the_system():
    g = Generator()
    first, second = g.seed(), g.seed()
    assert first != second and g.initial_seed() == second


def test_parity_names_the_mode_before():
    assert parity() == "fast" and not parity_is_exact()
    try:
        assert parity("exact") == "fast"
        assert parity_is_exact()
    finally:
        assert parity("fast") == "exact"
    with pytest.raises(ValueError, match="'fast' or 'exact'"):
        parity("other")


def test_generators_are_independent():
    default_generator.manual_seed(0)
    before = default_generator.state_bytes()
    Generator().uniform((100,))
    np.testing.assert_array_equal(default_generator.state_bytes(), before)
