"""The examples run unmodified, warn of nothing and reach what they promise."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"

# Example, its last number of interest, and what that must be.
PROMISES: dict[str, tuple[str, Callable[[float], bool]]] = {
    "digits_cnn": (r"Test accuracy: ([\d.]+)%", lambda percent: percent >= 97),
    "mlp_regression": (r"RMS error against the true curve: ([\d.]+)", lambda error: error <= 0.06),
    "char_rnn": (r"Accuracy: ([\d.]+)%", lambda percent: percent >= 95),
    "lstm_sequence": (r"Mean absolute error: ([\d.]+)", lambda error: error <= 0.12),
    "transformer_lm": (r"Final loss: ([\d.]+)", lambda loss: loss <= 0.5),
    "gan_toy": (r"Generated mean: ([\d.]+)", lambda mean: 3.5 <= mean <= 4.5),
    "custom_autograd_function": (r"Final loss: ([\d.]+)", lambda loss: loss <= 5e-4),
    "tensor_basics": (r"Sum of three ones: ([\d.]+)", lambda total: total == 3),
    "autograd_basics": (r"Slope: ([\d.]+)", lambda slope: 2.99 <= slope <= 3.01),
    "cifar_cnn": (r"Test accuracy: ([\d.]+)%", lambda percent: percent >= 85),
    "bilstm_tagger": (r"Accuracy: ([\d.]+)%", lambda percent: percent >= 95),
    "pruning": (r"Final loss: ([\d.]+)", lambda loss: loss <= 1e-3),
    "save_load": (r"Difference: ([\d.e+-]+)", lambda difference: difference <= 1e-6),
}
# Those without random draws inside a step print PyTorch's own numbers.
SAME_NUMBERS = [
    "mlp_regression", "lstm_sequence", "custom_autograd_function", "tensor_basics", "autograd_basics",
    "bilstm_tagger", "pruning",
]  # fmt: skip


def run(name: str, launcher: list[str]) -> str:
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-W", "error", *launcher, str(EXAMPLES / f"{name}.py")],
        capture_output=True, text=True, timeout=600, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    return done.stdout


def test_every_example_is_tested() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(PROMISES)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.smoke) if n == "mlp_regression" else n for n in PROMISES]
)
def test_example(name: str) -> None:
    if name == "digits_cnn":
        pytest.importorskip("sklearn")
    out = run(name, ["-m", "torchlike"])
    pattern, holds = PROMISES[name]
    found = re.findall(pattern, out)
    assert found and holds(float(found[-1])), out


@pytest.mark.parametrize("name", SAME_NUMBERS)
def test_prints_what_pytorch_prints(name: str) -> None:
    if importlib.util.find_spec("torch") is None:
        pytest.skip("needs PyTorch")
    got, want = run(name, ["-m", "torchlike"]), run(name, [])
    number = r"\d+\.?\d*(?:e[+-]\d+)?"
    assert re.sub(number, "#", got) == re.sub(number, "#", want)
    for a, b in zip(re.findall(number, got), re.findall(number, want), strict=True):
        unit = 10.0 ** -len(b.partition(".")[2].partition("e")[0])
        assert abs(float(a) - float(b)) <= 2e-3 * abs(float(b)) + unit, (got, want)
