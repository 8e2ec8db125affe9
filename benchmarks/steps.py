"""Training steps: PyTorch eager, hand-written `jax.jit` with donation, torchlike, side by side.

    python benchmarks/steps.py [--cases lenet-4,lstm] [--rounds 12] [--seconds 0.25] [--json FILE]

All three train the same model from the same weights on the same batch, in alternating rounds of
one process; every step's loss is fetched, so nothing is left unfinished. Reported are medians over
all steps, the host's share (time until the step is dispatched, per recorded forward operator; `alone`
is the same where XLA does not run in between, which leaves Python's memory in the processor's caches), the time of `import torchlike` beside `import jax`, and from there to the first loss when a
script runs for the second time. PyTorch is left out where it is not installed.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from models import CASES, Case

RATE, MOMENTUM, BETA1, BETA2, EPS = 1e-3, 0.9, 0.9, 0.999, 1e-8


def trained(lib: ModuleType, case: Case, weights: list[np.ndarray]) -> Any:
    """A network of `lib` with the given weights, and its optimizer."""
    net = case.net(lib)
    with lib.no_grad():
        for p, w in zip(net.parameters(), weights, strict=True):
            p.copy_(lib.tensor(w))
    options = {"momentum": MOMENTUM} if case.optimizer == "SGD" else {}
    return net, getattr(lib.optim, case.optimizer)(net.parameters(), lr=RATE, **options)


class ModuleStep:
    """The usual PyTorch loop body; a call returns the loss as a float."""

    def __init__(self, lib: ModuleType, case: Case, weights: list[np.ndarray], batch: tuple[np.ndarray, ...]):
        self.lib, self.loss = lib, case.loss
        self.net, self.optimizer = trained(lib, case, weights)
        self.batch = [lib.tensor(a) for a in batch]

    def record(self) -> Any:
        """Everything but waiting for the loss."""
        self.optimizer.zero_grad()
        loss = self.loss(self.lib, self.net, *self.batch)
        loss.backward()
        self.optimizer.step()
        return loss

    def __call__(self) -> float:
        return self.record().item()


class JaxStep:
    """The same by hand: one jitted function that donates parameters and optimizer state."""

    def __init__(self, case: Case, weights: list[np.ndarray], batch: tuple[np.ndarray, ...]):
        def sgd(p: Any, state: Any, *batch: Any) -> Any:
            loss, grads = jax.value_and_grad(case.jax_loss)(p, *batch)
            state = [MOMENTUM * m + g for m, g in zip(state, grads)]
            return [a - RATE * m for a, m in zip(p, state)], state, loss

        def adam(p: Any, state: Any, *batch: Any) -> Any:
            m, v, t = state
            loss, grads = jax.value_and_grad(case.jax_loss)(p, *batch)
            t = t + 1
            m = [BETA1 * a + (1 - BETA1) * g for a, g in zip(m, grads)]
            v = [BETA2 * a + (1 - BETA2) * g * g for a, g in zip(v, grads)]
            rate, root = RATE / (1 - BETA1**t), jnp.sqrt(1 - BETA2**t)
            p = [a - rate * b / (jnp.sqrt(c) / root + EPS) for a, b, c in zip(p, m, v)]
            return p, (m, v, t), loss

        self.params = [jnp.asarray(w) for w in weights]
        zeros = [jnp.zeros_like(w) for w in self.params]
        self.state: Any = zeros
        if case.optimizer == "Adam":
            self.state = (zeros, [jnp.zeros_like(w) for w in self.params], jnp.float32(0))
        self.batch = [jnp.asarray(a, np.int32) if a.dtype.kind == "i" else jnp.asarray(a) for a in batch]
        self.step = jax.jit(sgd if case.optimizer == "SGD" else adam, donate_argnums=(0, 1))

    def __call__(self) -> float:
        self.params, self.state, loss = self.step(self.params, self.state, *self.batch)
        return float(loss)


def alternate(steps: dict[str, Callable[[], Any]], rounds: int, seconds: float) -> dict[str, float]:
    """Median microseconds of each, measured in turns of `seconds`, three steps at least."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    clock = time.perf_counter
    for step in steps.values():
        for _ in range(5):
            step()
    for i in range(rounds):
        names = list(steps) if i % 2 == 0 else list(steps)[::-1]
        for name in names:
            step, until, least = steps[name], clock() + seconds, len(times[name]) + 3
            step()
            while (start := clock()) < until or len(times[name]) < least:
                step()
                times[name].append(clock() - start)
    return {name: statistics.median(t) * 1e6 for name, t in times.items()}


@contextlib.contextmanager
def without_xla() -> Iterator[None]:
    """Every compiled program returns its next results again and again, at once."""
    from torchlike._core import tiers

    def at_once(executable: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
        kept: list[Any] = []

        def again(*arrays: Any) -> list[Any]:
            if not kept:
                kept.extend(executable(*arrays))
            return kept.copy()

        return again

    compiled = [(p, p.executable) for p in tiers.programs.values() if p.executable is not None]
    try:
        for p, executable in compiled:
            p.executable = at_once(executable)
        yield
    finally:
        for p, executable in compiled:
            p.executable = executable


def host_share(step: ModuleStep, n: int = 100) -> dict[str, float]:
    """What a step costs the host: until dispatch, until `step()` returns, and per forward operator.

    `alone_us` is the time until dispatch where XLA does not run.
    """
    from torchlike import debug
    from torchlike.optim import optimizer as module

    ready: list[float] = []
    barrier = module.barrier

    def stamped(kind: str) -> None:
        ready.append(time.perf_counter())
        barrier(kind)

    def measured(recorded: list[float], returned: list[float]) -> None:
        for _ in range(n):
            ready.clear()
            start = time.perf_counter()
            loss = step.record()
            end = time.perf_counter()
            recorded.append(ready[-1] - start)
            returned.append(end - start)
            loss.item()

    recorded, returned, alone = [], [], []
    module.barrier = stamped
    try:
        measured(recorded, returned)
        with without_xla():
            measured(alone, [])
    finally:
        module.barrier = barrier
    debug.reset()
    with step.lib.no_grad():
        step.loss(step.lib, step.net, *step.batch).item()
    ops = debug.stats()["recorded_calls"]
    until_dispatch = statistics.median(recorded) * 1e6
    return {
        "forward_ops": ops,
        "recorded_us": until_dispatch,
        "dispatched_us": statistics.median(returned) * 1e6,
        "us_per_op": until_dispatch / ops,
        "alone_us": statistics.median(alone) * 1e6,
        "alone_us_per_op": statistics.median(alone) * 1e6 / ops,
    }


def run_case(name: str, libs: dict[str, ModuleType], rounds: int, seconds: float) -> dict[str, Any]:
    """All measurements of one case."""
    case, rng = CASES[name], np.random.RandomState(0)
    batch = case.batch(rng)
    tl = libs["torchlike"]
    tl.manual_seed(0)
    weights = [p.detach().numpy().copy() for p in case.net(tl).parameters()]
    steps: dict[str, Any] = {}
    first: dict[str, float] = {}
    for lib_name, lib in libs.items():
        steps[lib_name] = ModuleStep(lib, case, weights, batch)
    steps["jax"] = JaxStep(case, weights, batch)
    for key, step in steps.items():
        start = time.perf_counter()
        loss = step()
        first[key] = time.perf_counter() - start
        if key == "torchlike":
            reference = loss
    jax_loss = float(case.jax_loss([jnp.asarray(w) for w in weights], *steps["jax"].batch))
    if abs(jax_loss - reference) > 1e-4 * abs(jax_loss):
        raise SystemExit(f"{name}: the losses differ, torchlike {reference}, jax {jax_loss}")
    medians = alternate(steps, rounds, seconds)
    return {"step_us": medians, "first_step_s": first, "host": host_share(steps["torchlike"])}


IMPORT = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"


def import_times(n: int) -> dict[str, float]:
    """Median seconds of `import jax` and `import torchlike` in fresh processes, in turns."""
    times: dict[str, list[float]] = {"jax": [], "torchlike": []}
    for _ in range(n):
        for name, found in times.items():
            found.append(float(child(["-c", IMPORT.format(name)])))
    return {name: statistics.median(t) for name, t in times.items()}


def child(arguments: list[str], **env: str) -> str:
    """The last line that a fresh Python printed."""
    here = Path(__file__).resolve().parent
    path = os.pathsep.join([str(here.parent), str(here), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": path, **env},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout.strip().splitlines()[-1]


FIRST_LOSS = """
import time
import torchlike as torch
start = time.perf_counter()
import numpy as np
from models import CASES
case = CASES["{name}"]
torch.manual_seed(0)
net = case.net(torch)
optimizer = getattr(torch.optim, case.optimizer)(net.parameters(), lr=1e-3)
x, y = (torch.tensor(a) for a in case.batch(np.random.RandomState(0)))
optimizer.zero_grad()
loss = case.loss(torch, net, x, y)
loss.backward()
optimizer.step()
loss.item()
print(time.perf_counter() - start)
"""


def first_loss(name: str, n: int) -> dict[str, float]:
    """Seconds from the end of the import to the first loss: first run of a script, and later ones."""
    with tempfile.TemporaryDirectory() as folder:
        times = [
            float(child(["-c", FIRST_LOSS.format(name=name)], TORCHLIKE_CACHE_DIR=folder))
            for _ in range(n + 1)
        ]
    return {"first_run": times[0], "second_run": statistics.median(times[1:])}


def table(results: dict[str, dict[str, Any]]) -> str:
    """The step times and their ratios, readable."""
    lines = [
        f"{'':<12} {'torch us':>9} {'jax us':>9} {'torchlike':>9} {'/ jax':>6} {'/ torch':>7} "
        f"{'ops':>4} {'host us':>8} {'us/op':>6} {'alone us':>8} {'us/op':>6} {'+dispatch':>9} {'first s':>8}"
    ]
    for name, r in results.items():
        t, h = r["step_us"], r["host"]
        torch_us = t.get("torch", float("nan"))
        lines.append(
            f"{name:<12} {torch_us:9.0f} {t['jax']:9.0f} {t['torchlike']:9.0f} "
            f"{t['torchlike'] / t['jax']:6.2f} {t['torchlike'] / torch_us:7.2f} "
            f"{h['forward_ops']:4d} {h['recorded_us']:8.0f} {h['us_per_op']:6.1f} "
            f"{h['alone_us']:8.0f} {h['alone_us_per_op']:6.1f} "
            f"{h['dispatched_us']:9.0f} {r['first_step_s']['torchlike']:8.2f}"
        )
    return "\n".join(lines)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=0.25, help="length of one turn")
    parser.add_argument(
        "--starts", type=int, default=5, help="processes for import and first loss; 0: leave out"
    )
    parser.add_argument("--json", help="write all figures to this file")
    args = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    libs = {"torchlike": importlib.import_module("torchlike")}
    if importlib.util.find_spec("torch"):
        libs = {"torch": importlib.import_module("torch"), **libs}
    results = {}
    for name in args.cases.split(","):
        results[name] = run_case(name, libs, args.rounds, args.seconds)
        print(
            table({name: results[name]}).splitlines()[1] if len(results) > 1 else table(results), flush=True
        )
    figures: dict[str, Any] = {"steps": results}
    if args.starts:
        figures["import_s"] = imports = import_times(args.starts)
        ratio = imports["torchlike"] / imports["jax"]
        print(
            f"\nimport: jax {imports['jax']:.2f} s, torchlike {imports['torchlike']:.2f} s, ratio {ratio:.2f}"
        )
        figures["first_loss_s"] = found = first_loss("lenet-4", args.starts)
        print(
            f"first loss after import: {found['first_run']:.2f} s, when run again {found['second_run']:.2f} s"
        )
    if args.json:
        Path(args.json).write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
