"""Host cost of `optimizer.step()` against the number of parameters: torchlike beside PyTorch's foreach.

    python benchmarks/optimizers.py [--counts 10,30,100,300,1000] [--rounds 40] [--json FILE]

The parameters are small (4 x 4), so that what is timed is the host's work per parameter. Both libraries step
in turns within one process, on gradients that are at hand; results are waited for between the timed steps.
`torchlike` is the time until `step` returns, which dispatches and does not wait; `whole` is the time until the
new parameters are there; PyTorch's CPU operators have finished when they return. CPU time is this thread's,
medians over all rounds.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

import torchlike

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "SGD": ("SGD", {}),
    "SGD momentum": ("SGD", {"momentum": 0.9}),
    "Adam": ("Adam", {}),
    "AdamW": ("AdamW", {}),
}
SHAPE = (4, 4)
WARM_UP = 4


class Contender:
    """An optimizer over `count` parameters of one library, and its times."""

    def __init__(self, lib: ModuleType, case: str, count: int):
        name, options = CASES[case]
        rng = np.random.RandomState(0)
        self.lib = lib
        self.params = [
            lib.nn.Parameter(lib.tensor(rng.randn(*SHAPE).astype(np.float32))) for _ in range(count)
        ]
        self.optimizer = getattr(lib.optim, name)(self.params, lr=1e-3, foreach=True, **options)
        self.times: dict[str, list[float]] = {"host": [], "cpu": [], "whole": []}

    def prepare(self, step: int) -> None:
        """New gradients, at hand before the step."""
        scale = 1.0 + 0.1 * (step % 7)
        for i, p in enumerate(self.params):
            p.grad = self.lib.full(SHAPE, scale * (i % 5 - 2))
        float(self.params[-1].grad[0, 0])

    def wait(self) -> None:
        """Until the new parameters are there: all of them are results of one program."""
        float(self.params[-1].detach()[0, 0])

    def step(self) -> None:
        """One timed step."""
        start, cpu = time.perf_counter(), time.thread_time()
        self.optimizer.step()
        self.times["cpu"].append(time.thread_time() - cpu)
        self.times["host"].append(time.perf_counter() - start)
        self.wait()
        self.times["whole"].append(time.perf_counter() - start)


def measure(case: str, count: int, rounds: int) -> dict[str, float]:
    """Median microseconds of a step in both libraries, taken in turns."""
    contenders = {lib.__name__: Contender(lib, case, count) for lib in (torch, torchlike)}
    for step in range(rounds + WARM_UP):
        for c in contenders.values():
            c.prepare(step)
        if step == WARM_UP:
            for c in contenders.values():
                c.times = {kind: [] for kind in c.times}
        gc.disable()
        for c in contenders.values():
            c.step()
        gc.enable()
    row = {"case": case, "count": count}
    for name, c in contenders.items():
        for kind, times in c.times.items():
            row[f"{name} {kind}"] = statistics.median(times) * 1e6
    return row


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--counts", default="10,30,100,300,1000")
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    print(
        f"{'optimizer':14}{'params':>7}{'torch us':>10}{'torchlike us':>14}{'ratio':>7}{'cpu ratio':>11}{'per param us':>14}"
    )
    for case in options.cases.split(","):
        for count in map(int, options.counts.split(",")):
            row = measure(case, count, options.rounds)
            rows.append(row)
            ours, theirs = row["torchlike host"], row["torch host"]
            print(
                f"{case:14}{count:7}{theirs:10.0f}{ours:14.0f}{ours / theirs:7.2f}"
                f"{row['torchlike cpu'] / row['torch cpu']:11.2f}{ours / count:14.2f}",
                flush=True,
            )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
