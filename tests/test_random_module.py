"""torch.random: seeds, states, fork_rng."""

from __future__ import annotations

import numpy as np
import pytest

import torchlike

torch = pytest.importorskip("torch")
LIBS = (torchlike, torch)


def test_seeded_numbers_are_pytorchs():
    for seed in (0, 1, -1, 2**40, 1.7, "3"):
        drawn = []
        for lib in LIBS:
            assert isinstance(lib.manual_seed(seed), lib.Generator)
            drawn.append((lib.initial_seed(), lib.rand(4).tolist()))
        assert drawn[0] == drawn[1]


def test_states_cross_over():
    torch.manual_seed(5)
    torch.randn(3)
    torchlike.set_rng_state(torchlike.from_numpy(torch.get_rng_state().numpy()))
    np.testing.assert_allclose(torchlike.randn(7).numpy(), torch.randn(7).numpy(), atol=1e-6)
    assert torchlike.get_rng_state().dtype is torchlike.uint8
    np.testing.assert_array_equal(torchlike.get_rng_state().numpy(), torch.get_rng_state().numpy())


@pytest.mark.parametrize("lib", LIBS)
def test_state_is_a_copy(lib):
    lib.manual_seed(2)
    kept = lib.get_rng_state()
    first = lib.rand(3).tolist()
    lib.set_rng_state(kept)
    assert lib.rand(3).tolist() == first


@pytest.mark.parametrize("lib", LIBS)
def test_fork_rng(lib):
    lib.manual_seed(2)
    want = lib.rand(6).tolist()
    lib.manual_seed(2)
    got = lib.rand(3).tolist()
    with lib.random.fork_rng():
        lib.manual_seed(99)
        lib.rand(5)
    got += lib.rand(3).tolist()
    assert got == want
    with lib.random.fork_rng(enabled=False):
        lib.manual_seed(4)
    assert lib.initial_seed() == 4


@pytest.mark.parametrize("lib", LIBS)
def test_seed_returns_what_it_seeded_with(lib):
    assert lib.seed() == lib.initial_seed() == lib.random.initial_seed()


@pytest.mark.parametrize(
    "bad", ["zeros(10, dtype=torch.uint8)", "zeros(5056, dtype=torch.uint8)", "zeros(5056)"]
)
def test_bad_states(bad):
    raised = []
    for lib in LIBS:
        with pytest.raises(Exception) as info:  # noqa: PT011 - the type is what is compared
            lib.set_rng_state(eval("torch." + bad, {"torch": lib}))
        raised.append((info.type, str(info.value).split("\n")[0]))
    assert raised[0] == raised[1]


def test_generators_save_their_state_as_tensors():
    g = torchlike.Generator().manual_seed(8)
    kept = g.get_state()
    first = torchlike.rand(3, generator=g).tolist()
    g.set_state(kept)
    assert torchlike.rand(3, generator=g).tolist() == first
    with pytest.raises(TypeError, match="expected a torch.ByteTensor, but got ndarray"):
        g.set_state(np.zeros(5056, np.uint8))
