"""Twelve architectures train as in PyTorch: initial weights, losses of 50 steps, checkpoints in both directions.

Each is compared with what PyTorch was recorded to do, and with PyTorch itself where it is installed.
"""

from __future__ import annotations

import importlib.util
import json

import numpy as np
import pytest
from architectures import RECORDED, SCRIPTS, STEPS, fingerprint, weights

import torchlike
from torchlike._core import tiers

WARM, MORE = 6, 4  # steps until nothing is compiled any more; steps after a checkpoint
EXPECTED = json.loads(RECORDED.read_text())


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """PyTorch's own random draws; lines of the training loop count as if no other script shared them."""
    monkeypatch.setattr(tiers, "_sites", {})
    before = torchlike.random.parity("exact")
    yield
    torchlike.random.parity(before)


@pytest.fixture
def reference():
    """PyTorch on one thread, or None: its threads would wait for each other while XLA has the cores."""
    if importlib.util.find_spec("torch") is None:
        yield None
        return
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield torch
    torch.set_num_threads(threads)


def counted(script):
    """The losses of a whole run, which compiles nothing once it is warm and runs `programs` a step."""
    losses = script.run(WARM)
    torchlike.debug.reset()
    losses += script.run(STEPS, WARM)
    stats = torchlike.debug.stats()
    assert stats["compiles"] == 0, torchlike.debug.report()
    ran = stats["executions"] + stats["op_executions"]  # a program of one call counts as the latter
    assert ran == script.programs * (STEPS - WARM), torchlike.debug.report()
    return losses


def near(ours, theirs, tolerance):
    """Every loss within the relative tolerance."""
    assert len(ours) == len(theirs)
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=0)


def resumed(script, lib, path):
    """The losses of a fresh script that goes on from a checkpoint."""
    run = script(lib)
    run.resume(path)
    return run.run(MORE)


@pytest.mark.parametrize("name", SCRIPTS)
def test_trains_as_pytorch(name, reference, tmp_path):
    script, expected = SCRIPTS[name], EXPECTED[name]
    ours = script(torchlike)
    start = weights(ours)
    assert list(start) == list(expected["weights"])
    for key, a in start.items():
        np.testing.assert_allclose(fingerprint(a), expected["weights"][key], rtol=1e-6, atol=1e-6)
    losses = counted(ours)
    near(losses, expected["losses"], script.tolerance)
    ours.save(tmp_path / "ours.pth")
    after = resumed(script, torchlike, tmp_path / "ours.pth")
    assert all(np.isfinite(after))
    if reference is None:
        return

    theirs = script(reference)
    for (key, a), b in zip(weights(theirs).items(), start.values(), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-6, atol=1e-6, err_msg=key)
    near(losses, theirs.run(STEPS), script.tolerance)
    theirs.save(tmp_path / "theirs.pth")
    near(after, resumed(script, reference, tmp_path / "ours.pth"), script.tolerance)
    near(
        resumed(script, torchlike, tmp_path / "theirs.pth"),
        resumed(script, reference, tmp_path / "theirs.pth"),
        script.tolerance,
    )


def test_causal_masks_share_no_writes():
    """One buffer serves every causal mask of a size; who writes to one, from either side, writes to that one."""
    make = torchlike.nn.Transformer.generate_square_subsequent_mask
    whole = make(3).tolist()
    written, seen = make(3), make(3).numpy()
    written.fill_(1.0)
    seen[:] = 2.0
    assert make(3).tolist() == whole == [[0.0, -np.inf, -np.inf], [0.0, 0.0, -np.inf], [0.0, 0.0, 0.0]]
