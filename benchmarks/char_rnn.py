"""A character RNN trained word by word: every step has another shape, the hard case for a compiler.

    python benchmarks/char_rnn.py [--words 2000] [--json FILE]

2,000 random words of 2 to 19 letters in random order, classified by a small RNN: one-hot inputs
set by `o[0][i] = 1`, a Python loop over the letters, SGD, `.item()` after each word. Measured in
fresh processes: PyTorch; torchlike with an empty disk cache (first pass, then a second pass in
the same process); torchlike again with the disk cache of that run. PyTorch's own time is the
median of several processes, taken in turns with torchlike's.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

LETTERS, HIDDEN, CLASSES = 57, 128, 18


def make_words(n: int) -> list[tuple[list[int], int]]:
    """Letters and class of each word; the class follows from the first and the last letter."""
    rng = np.random.RandomState(0)
    words = []
    for _ in range(n):
        letters = rng.randint(0, LETTERS, rng.randint(2, 20)).tolist()
        words.append((letters, (letters[0] + letters[-1]) % CLASSES))
    return words


def make_net(torch: ModuleType) -> Any:
    """An Elman RNN with a classifier on the last hidden state."""
    nn = torch.nn

    class RNN(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.i2h = nn.Linear(LETTERS, HIDDEN)
            self.h2h = nn.Linear(HIDDEN, HIDDEN)
            self.h2o = nn.Linear(HIDDEN, CLASSES)

        def forward(self, letter: Any, hidden: Any) -> Any:
            hidden = torch.tanh(self.i2h(letter) + self.h2h(hidden))
            return self.h2o(hidden), hidden

    return RNN()


def one_pass(torch: ModuleType, net: Any, optimizer: Any, words: list[tuple[list[int], int]]) -> float:
    """Trains on every word once; the mean loss."""
    criterion = torch.nn.CrossEntropyLoss()
    total = 0.0
    for letters, label in words:
        hidden = torch.zeros(1, HIDDEN)
        for i in letters:
            o = torch.zeros(1, LETTERS)
            o[0][i] = 1
            output, hidden = net(o, hidden)
        loss = criterion(output, torch.tensor([label]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(words)


def measure(name: str, n: int) -> dict[str, Any]:
    """Two passes in this process."""
    torch = importlib.import_module(name)
    torch.manual_seed(0)
    net = make_net(torch)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    words = make_words(n)
    seconds, losses = [], []
    for _ in range(2):
        start = time.perf_counter()
        losses.append(one_pass(torch, net, optimizer, words))
        seconds.append(time.perf_counter() - start)
    result: dict[str, Any] = {"seconds": seconds, "losses": losses}
    if name == "torchlike":
        from torchlike import debug

        debug.synchronize()
        stats = debug.stats()
        result["stats"] = {
            k: stats[k] for k in ("compiles", "background_compiles", "compile_seconds", "disk_hits")
        }
    return result


def child(name: str, n: int, folder: str) -> dict[str, Any]:
    """`measure` in a fresh process with the given disk cache."""
    path = os.pathsep.join([str(Path(__file__).resolve().parent.parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, __file__, "--child", name, "--words", str(n)],
        env={**os.environ, "PYTHONPATH": path, "TORCHLIKE_CACHE_DIR": folder},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.strip().splitlines()[-1])


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--words", type=int, default=2000)
    parser.add_argument("--json", help="write all figures to this file")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(measure(args.child, args.words)))
        return
    with tempfile.TemporaryDirectory() as folder:
        runs = [
            child(name, args.words, folder) for name in ("torch", "torchlike", "torch", "torchlike", "torch")
        ]
    torch_runs, (cold, warm) = runs[::2], runs[1::2]
    reference = statistics.median(s for r in torch_runs for s in r["seconds"])
    print(f"{args.words} words; torch {reference:.2f} s a pass")
    for label, seconds in (
        ("cold, first pass", cold["seconds"][0]),
        ("cold, second pass", cold["seconds"][1]),
        ("warm disk cache, first pass", warm["seconds"][0]),
        ("warm disk cache, second pass", warm["seconds"][1]),
    ):
        print(f"  torchlike {label:<29} {seconds:6.2f} s   {seconds / reference:5.2f} x torch")
    print(f"  losses: torch {torch_runs[0]['losses']}, torchlike {cold['losses']}")
    print(f"  cold: {cold['stats']}\n  warm: {warm['stats']}")
    if args.json:
        Path(args.json).write_text(json.dumps({"torch": torch_runs, "cold": cold, "warm": warm}, indent=1))


if __name__ == "__main__":
    main()
