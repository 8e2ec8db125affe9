"""What it costs to compile a training step: torchlike and hand-written `jax.jit`, by model size.

    python benchmarks/compile.py [--cases lstm,transformer] [--rounds 3] [--json FILE]

Recurrent networks of two layers over 32 and over 512 steps, on tensors and on packed sequences, and
Transformers of 3 and of 12 layers. Every figure comes from a process of its own, without the disk cache,
after another small program has been compiled; sizes and contenders take turns, reported are medians.

"made s" is the time of all steps that compile something, less that of as many steps which do not. Of it, "xla"
is XLA's compiling and "lower" making its input from a jaxpr; the rest is Python: recording, JAX's tracing,
looking up. The last column compares with the smaller size: a recurrent network with itself, a Transformer with
four times the time of three layers.
"""

from __future__ import annotations

import argparse
import importlib
import json
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import jax
import numpy as np
from models import (
    BATCH,
    VOCABULARY,
    WIDTH,
    Case,
    classified,
    lstm_jax,
    tokens,
    transformer,
    transformer_jax,
)
from steps import JaxStep, ModuleStep, child

EVENTS = {
    "/jax/core/compile/backend_compile_duration": "xla",
    "/jax/core/compile/jaxpr_to_mlir_module_duration": "lower",
}


class Family(NamedTuple):
    """A model in two sizes.

    Attributes:
        make: the case of a size.
        sizes: the smaller and the larger one.
        factor: how many times the smaller one's time counts as equal.
        twin: whether `case.jax_loss` computes the same.
    """

    make: Callable[[int], Case]
    sizes: tuple[int, int]
    factor: int
    twin: bool


def recurrent(kind: str, packed: bool) -> Callable[[int], Case]:
    """A language model over one of torch.nn's recurrent networks, by number of steps."""

    def net(lib: ModuleType) -> Any:
        nn = lib.nn

        class Model(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.embedding = nn.Embedding(VOCABULARY, WIDTH)
                self.rnn = getattr(nn, kind)(WIDTH, WIDTH, 2)
                self.head = nn.Linear(WIDTH, VOCABULARY)

            def forward(self, x: Any) -> Any:
                h = self.embedding(x)
                if packed:
                    lengths = np.linspace(len(x), len(x) // 2, BATCH).astype(int).tolist()
                    h = nn.utils.rnn.pack_padded_sequence(h, lengths)
                    out, _ = nn.utils.rnn.pad_packed_sequence(self.rnn(h)[0])
                else:
                    out, _ = self.rnn(h)
                return self.head(out).view(-1, VOCABULARY)

        return Model()

    def case(steps: int) -> Case:
        def batch(rng: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
            x = rng.randint(0, VOCABULARY, (steps, BATCH))
            return x, rng.randint(0, VOCABULARY, steps * BATCH)

        return Case(net, classified, batch, "SGD", lstm_jax)

    return case


def layered(layers: int) -> Case:
    """The Transformer of so many layers."""
    return Case(lambda lib: transformer(lib, layers), classified, tokens, "Adam", transformer_jax)


FAMILIES = {
    "lstm": Family(recurrent("LSTM", False), (32, 512), 1, True),
    "gru": Family(recurrent("GRU", False), (32, 512), 1, False),
    "rnn": Family(recurrent("RNN", False), (32, 512), 1, False),
    "lstm-packed": Family(recurrent("LSTM", True), (32, 512), 1, False),
    "gru-packed": Family(recurrent("GRU", True), (32, 512), 1, False),
    "rnn-packed": Family(recurrent("RNN", True), (32, 512), 1, False),
    "transformer": Family(layered, (3, 12), 4, True),
}


def step_of(contender: str, case: Case) -> Callable[[], float]:
    """A training step that has not run yet."""
    rng = np.random.RandomState(0)
    lib = importlib.import_module("torchlike")
    lib.manual_seed(0)
    batch = case.batch(rng)
    weights = [p.detach().numpy().copy() for p in case.net(lib).parameters()]
    return JaxStep(case, weights, batch) if contender == "jax" else ModuleStep(lib, case, weights, batch)


def warm_up(contender: str) -> None:
    """Compiles something small, from another line than the step that is measured."""
    if contender == "jax":
        jax.jit(lambda x: (x @ x).sum())(np.ones((8, 8), np.float32)).block_until_ready()
    else:
        lib = importlib.import_module("torchlike")
        (lib.ones(8, 8) @ lib.ones(8, 8)).sum().item()


def measure(contender: str, name: str, size: int) -> dict[str, float]:
    """Seconds of the steps that compile, and what of them went where."""
    warm_up(contender)
    step = step_of(contender, FAMILIES[name].make(size))
    spent: dict[str, float] = defaultdict(float)

    def note(event: str, seconds: float, **_: Any) -> None:
        spent[EVENTS.get(event, "other")] += seconds
        spent["programs"] += EVENTS.get(event) == "xla"

    jax.monitoring.register_event_duration_secs_listener(note)
    times: list[float] = []
    known = -1.0
    while spent["programs"] > known:
        known = spent["programs"]
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    *compiled, after = times
    made = sum(compiled) - len(compiled) * after
    return {"made": made, "programs": known, "step": after} | {k: spent[k] for k in EVENTS.values()}


def line(name: str, size: int, contender: str, r: dict[str, float], ratio: float | None) -> str:
    """One row of the table."""
    rest = r["made"] - r["xla"] - r["lower"]
    against = "" if ratio is None else f"{ratio:9.2f}"
    return (
        f"{name:<12} {size:>4} {contender:<10} {r['made']:7.2f} {r['programs']:8.0f} {r['xla']:6.2f} "
        f"{r['lower']:6.2f} {rest:6.2f} {1e3 * r['step']:8.1f} {against}"
    )


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", default=",".join(FAMILIES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", help="write all figures to this file")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        contender, name, size = args.child
        print(json.dumps(measure(contender, name, int(size))))
        return
    print(
        f"{'':<12} {'size':>4} {'':<10} {'made s':>7} {'programs':>8} {'xla':>6} {'lower':>6} {'python':>6} "
        f"{'step ms':>8} {'/ smaller':>9}"
    )
    figures = {}
    for name in args.cases.split(","):
        family = FAMILIES[name]
        contenders = ["torchlike", "jax"] if family.twin else ["torchlike"]
        runs: dict[tuple[str, int], list[dict[str, float]]] = defaultdict(list)
        for _ in range(args.rounds):
            for contender in contenders:
                for size in family.sizes:
                    arguments = [__file__, "--child", contender, name, str(size)]
                    runs[contender, size].append(json.loads(child(arguments, TORCHLIKE_CACHE="0")))
        for contender in contenders:
            small, large = (
                {k: statistics.median(r[k] for r in runs[contender, size]) for k in runs[contender, size][0]}
                for size in family.sizes
            )
            ratio = large["made"] / (family.factor * small["made"])
            print(line(name, family.sizes[0], contender, small, None))
            print(line(name, family.sizes[1], contender, large, ratio), flush=True)
            figures[f"{name}/{contender}"] = {"small": small, "large": large, "ratio": ratio}
    if args.json:
        Path(args.json).write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
