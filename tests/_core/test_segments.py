"""How a Trace is cut into segments: repeats are found, wiring is kept, and what is dead is left out."""

import numpy as np
import pytest

import torchlike as torch
from torchlike._core import segments, tiers
from torchlike._core.devices import CPU
from torchlike._core.graph import current_trace
from torchlike._core.program import Spec, packs_of


def pending(live_from=None):
    """The Spec of what is pending; its last result is live unless slots are named."""
    t = current_trace(CPU)
    live = tuple(live_from or (len(t.vals) - 1,))
    packs = tuple((g, len(a)) for g, a in packs_of(t))
    return Spec(tuple(t.nodes), live, (), tuple(v.aval for v in t.inputs), packs, CPU)


def test_repeats_are_equal_programs():
    x, w = torch.ones(2, 3), torch.ones(3, 3)
    x.sum().item()
    h = x
    for _ in range(5):
        h = torch.tanh(h.matmul(w) * 2.0)
    found = segments.split(pending(), lambda spec: True)
    assert [len(s.spec.nodes) for s in found] == [12, 3]
    assert segments.split(pending(), lambda spec: False) == found
    assert found[1].reads[0] == found[0].writes[0]
    assert h.shape == (2, 3)


def test_dead_calls_are_left_out():
    x = torch.ones(4)
    x.sum().item()
    a = x + 1
    (x * 5).sin()
    b = a.exp()
    found = segments.split(pending(), lambda spec: True)
    assert sum(len(s.spec.nodes) for s in found) == 2
    assert b.shape == (4,)


@pytest.mark.parametrize("whole", [True, False])
def test_lifted_numbers_and_inputs_find_their_place(whole):
    x = torch.arange(6.0)
    y = torch.ones(6)
    x.sum().item(), y.sum().item()
    z = (x * 3.0 + y * 0.5) - x[2:5].sum() * 2
    spec = pending()
    t = current_trace(CPU)
    found = segments.split(spec, lambda s: whole)
    if whole:
        assert len(found) == 1
    else:
        assert all(len(s.spec.nodes) == 1 for s in found)
    for s in found:
        for at, a in zip(s.reads, s.spec.inputs):
            source = t.inputs[-1 - at].aval if at < 0 else t.vals[at].aval
            assert source is a
        assert [g for g, _ in s.packs] == [g for g, _ in s.spec.packs]
    np.testing.assert_allclose(z.numpy(), np.arange(6) * 3 + 0.5 - 18)


def test_a_result_needed_later_leaves_its_segment():
    x = torch.ones(3)
    x.sum().item()
    a = x + 1
    b = a * 2
    c = b.exp()
    found = segments.split(pending((0, 2)), lambda spec: True)
    assert [s.writes for s in found] == [(0, 2)]
    assert a.shape == b.shape == c.shape


def test_executables_go_before_memory_mappings_run_out(monkeypatch):
    monkeypatch.setattr(tiers, "LOOK_EVERY", 1)
    monkeypatch.setattr(tiers, "mappings_allowed", lambda: 65_530)
    counted = iter(
        [60_000, 0] * 1000
    )  # each look finds too many, and enough room after one round of dropping
    monkeypatch.setattr(tiers, "mappings", lambda: next(counted))
    for _ in range(2):
        for n in range(2, 12):
            assert (torch.arange(float(n)) * 2 + 1).sum().item() == n * n
    assert len(tiers.programs) < 12
    with_one = [p for p in tiers.segment_programs.values() if p.executable is not None]
    assert len(with_one) < 30


def test_a_dropped_segment_is_compiled_again():
    def run():
        x = torch.arange(7.0)
        return ((x * 3 + 1).cos() * 0 + x).tolist()

    with_whole_programs = tiers.LONG
    try:
        tiers.LONG = 1
        for _ in range(3):
            assert run() == list(range(7))
        for p in tiers.programs.values():
            for _, small in p.segments or ():
                small.executable = None
        assert run() == list(range(7))
    finally:
        tiers.LONG = with_whole_programs
