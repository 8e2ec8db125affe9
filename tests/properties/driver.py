"""Random calls, made on PyTorch and on torchlike: results, errors and gradients must be the same.

A family is a table: `(names of operators, how their arguments are drawn)`. `Draw` draws, `run` makes the call with one
of the two libraries, `check` compares. The tests draw under hypothesis (`holds`), derandomised; a failing call is
shrunk and printed. For long searches, with another seed or on one operator:

    TORCHLIKE_EXAMPLES=5000 pytest tests/properties/test_pointwise_properties.py --hypothesis-seed=1
    python tests/properties/driver.py test_pointwise_properties --count 5000 --start 7 -k '^add$'

Compared are values, dtypes, shapes, whether results require grad, gradients with respect to all leaves, and of errors
the type and the first line. Not compared are strides of results, for docs/differences.md lists them.
"""

from __future__ import annotations

import argparse
import importlib
import operator
import os
import random
import re
import sys
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from outcomes import equal, outcome

FLOATS = ("float32", "float64", "float16", "bfloat16")
COMPLEX = ("complex64", "complex128")
INTS = ("int64", "int32", "int16", "int8", "uint8")
ALL = (*FLOATS, *COMPLEX, *INTS, "bool")
REAL = (*FLOATS, *INTS)
SIZES = (0, 1, 1, 2, 2, 3, 3, 4, 5)
TOLERANCE = {"float16": 4e-3, "bfloat16": 3e-2, "float32": 3e-5, "complex64": 3e-5}  # others 1e-9
SUITE = 60
EXAMPLES = int(os.environ.get("TORCHLIKE_EXAMPLES", SUITE))

Table = Sequence[tuple[str, Callable[["Draw"], Any]]]


@dataclass(frozen=True)
class T:
    """A tensor to be made: from a seed, so that both libraries get the same numbers."""

    shape: tuple[int, ...]
    dtype: str
    seed: int
    values: Any = "any"
    grad: bool = False
    layout: str = "plain"

    def numbers(self, shape: tuple[int, ...]) -> np.ndarray:
        """The data in a NumPy dtype that holds it exactly."""
        rng = np.random.default_rng(self.seed)
        kind, n = self.values, int(np.prod(shape))
        if isinstance(kind, tuple):  # integers from low to high, high not included
            low, high = kind
            return rng.integers(low, max(high, low + 1), shape)
        if self.dtype == "bool":
            return rng.integers(0, 2, shape).astype(bool)
        if self.dtype in INTS:
            low = 1 if kind == "positive" else 0 if self.dtype == "uint8" else -6
            if kind == "distinct":
                return rng.permutation(n).reshape(shape) - (n // 2 if low < 0 else 0)
            return rng.integers(low, 7, shape)
        parts = [self._floats(kind, rng, shape, n) for _ in range(2 if self.dtype in COMPLEX else 1)]
        return parts[0] if len(parts) == 1 else parts[0] + 1j * parts[1]

    @staticmethod
    def _floats(kind: Any, rng: Any, shape: Any, n: int) -> np.ndarray:
        """Multiples of 1/8, which all floating dtypes hold, so that ties and zeros occur."""
        if kind == "distinct":
            return (rng.permutation(n).reshape(shape) - n // 2) / 8
        low, high = {"positive": (1, 25), "unit": (-7, 8), "probability": (1, 8)}.get(kind, (-24, 25))
        x = rng.integers(low, high, shape) / 8
        if kind == "special":
            odd = np.array([np.nan, np.inf, -np.inf, -0.0, 0.0, 1e4, -1e4])
            x = np.where(rng.random(shape) < 0.3, odd[rng.integers(0, len(odd), shape)], x)
        return x

    def make(self, lib: Any, leaves: list[Any]) -> Any:
        """The tensor in one of the libraries; what gradients are wanted for is added to `leaves`."""
        shape = self.shape
        if self.layout == "transposed":
            shape = (*shape[:-2], shape[-1], shape[-2])
        elif self.layout == "stepped":
            shape = (*shape[:-1], 2 * shape[-1] + 1)
        elif self.layout == "expanded":
            shape = (1, *shape[1:])
        x = lib.tensor(self.numbers(shape)).to(getattr(lib, self.dtype))
        if self.grad:
            leaves.append(x.requires_grad_())
        if self.layout == "transposed":
            return x.transpose(-1, -2)
        if self.layout == "stepped":
            return x[..., 1::2]
        return x.expand(self.shape) if self.layout == "expanded" else x

    def __repr__(self) -> str:
        more = "".join(f", {k}" for k in ("grad",) if self.grad) + (
            f", {self.layout}" if self.layout != "plain" else ""
        )
        return f"T({self.dtype}{list(self.shape)} {self.values} seed={self.seed}{more})"


@dataclass(frozen=True)
class Name:
    """Something that both libraries have: a dtype, a tensor class, ..."""

    path: str

    def make(self, lib: Any, leaves: list[Any]) -> Any:
        return resolve(lib, self.path)

    def __repr__(self) -> str:
        return self.path


class Draw:
    """Draws shapes, dtypes, tensors and arguments."""

    def __init__(self, rng: random.Random):
        self.rng = rng

    def pick(self, items: Sequence[Any]) -> Any:
        return items[self.rng.randrange(len(items))]

    def int(self, low: int, high: int) -> int:
        return self.rng.randint(low, high)

    def chance(self, percent: int) -> bool:
        return self.rng.randrange(100) < percent

    def shape(self, low: int = 0, high: int = 5, sizes: Sequence[int] = SIZES) -> tuple[int, ...]:
        """Sizes of `low` to `high` dimensions, seldom many; at most some hundred elements."""
        n = min(low + self.pick((0, 1, 1, 2, 2, 2, 3, 3, 4, 5)), high)
        shape = [self.pick(sizes) for _ in range(n)]
        while np.prod(shape) > 400:
            shape[self.rng.randrange(n)] = 1
        return tuple(shape)

    def broadcast(self, n: int) -> list[tuple[int, ...]]:
        """Shapes that broadcast against each other; now and then they do not."""
        whole = self.shape()
        shapes = []
        for _ in range(n):
            s = tuple(1 if self.chance(25) else k for k in whole)
            shapes.append(s[self.int(0, len(s)) :] if self.chance(30) else s)
        if self.chance(4) and shapes[0]:
            shapes[0] = (*shapes[0][:-1], shapes[0][-1] + 2)
        return shapes

    def dtype(self, among: Sequence[str] = ALL) -> str:
        """A dtype, float32 rather than others."""
        return "float32" if "float32" in among and self.chance(30) else self.pick(among)

    def tensor(self, shape: Any = None, dtype: Any = ALL, values: Any = "any", grad: bool | None = None) -> T:
        """A tensor, now and then a view of another layout; floats mostly require grad."""
        shape = self.shape() if shape is None else tuple(shape)
        dtype = dtype if isinstance(dtype, str) else self.dtype(dtype)
        inexact = dtype in FLOATS or dtype in COMPLEX
        if grad is None:
            grad = self.chance(70)
        layouts = ["plain"] * 6
        if len(shape) > 1:
            layouts.append("transposed")
        if shape:
            layouts.append("stepped")
            layouts += ["expanded"] if shape[0] > 1 else []
        return T(shape, dtype, self.int(0, 999), values, bool(grad and inexact), self.pick(layouts))

    def dim(self, ndim: int) -> int:
        """A dimension, now and then out of range."""
        if self.chance(3):
            return ndim + self.int(0, 2)
        n = max(ndim, 1)
        return self.int(-n, n - 1)

    def dims(self, ndim: int, empty: bool = True) -> Any:
        """None, a dimension or several."""
        if self.chance(15):
            return None
        if self.chance(40) or not ndim:
            return self.dim(ndim)
        chosen = self.rng.sample(range(ndim), self.int(0 if empty else 1, ndim))
        return tuple(d - ndim if self.chance(30) else d for d in chosen)

    def number(self, complex_too: bool = False) -> Any:
        """A Python number of any type."""
        return self.pick(
            [0, 1, 2, -1, 3, 0.5, -1.5, 2.0, 0.25, True, False] + ([1 + 2j] if complex_too else [])
        )

    def some(self, **options: Any) -> dict[str, Any]:
        """A few of these keyword arguments; callables are drawn."""
        return {k: (v() if callable(v) else v) for k, v in options.items() if self.chance(40)}


@dataclass
class Call:
    """One call of an operator."""

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        given = [repr(a) for a in self.args] + [f"{k}={v!r}" for k, v in self.kwargs.items()]
        return f"{self.name}({', '.join(given)})"


def resolve(lib: Any, path: str) -> Any:
    """`lib.path`; `operator.` means Python's."""
    if path.startswith("operator."):
        return getattr(operator, path.removeprefix("operator."))
    for part in path.split("."):
        lib = getattr(lib, part)
    return lib


def drawn(rng: random.Random, table: Table) -> Call:
    """A call of one operator of the table."""
    d = Draw(rng)
    names, make = d.pick(table)
    name = d.pick(names.split()) if isinstance(names, str) else names
    made = make(d)
    if isinstance(made, Call):
        return Call(made.name.replace("*", name), made.args, made.kwargs)
    if made and isinstance(made[-1], dict):
        return Call(name, tuple(made[:-1]), made[-1])
    return Call(name, tuple(made))


def _made(x: Any, lib: Any, leaves: list[Any]) -> Any:
    if isinstance(x, (T, Name)):
        return x.make(lib, leaves)
    if isinstance(x, (list, tuple)):
        return type(x)(_made(v, lib, leaves) for v in x)
    if isinstance(x, dict):
        return {k: _made(v, lib, leaves) for k, v in x.items()}
    return x


def _tensors(x: Any, lib: Any) -> list[Any]:
    if isinstance(x, lib.Tensor):
        return [x]
    if isinstance(x, (list, tuple)):
        return [t for v in x for t in _tensors(v, lib)]
    return []


def run(call: Call, lib: Any) -> Any:
    """What the call gives in one of the libraries: results, whether they require grad, gradients of the leaves."""
    leaves: list[Any] = []
    args, kwargs = _made(call.args, lib, leaves), _made(call.kwargs, lib, leaves)
    f = EXTRA.get(call.name)
    out = f(lib, *args, **kwargs) if f else resolve(lib, call.name)(*args, **kwargs)
    outs = _tensors(out, lib)
    needing = [t for t in outs if t.requires_grad]
    facts: dict[str, Any] = {"out": out, "requires_grad": [t.requires_grad for t in outs]}
    if needing and leaves:
        weights = []
        for i, t in enumerate(needing):
            rng = np.random.default_rng(i + 1)
            weights.append(lib.tensor(rng.integers(-8, 9, tuple(t.shape)) / 8).to(t.dtype))
        grads = lib.autograd.grad(needing, leaves, weights, allow_unused=True)
        # no gradient is a gradient of zeros, and so are PyTorch's zeros without memory
        none = [g is None or getattr(g, "_is_zerotensor", bool)() for g in grads]
        facts["grads"] = [lib.zeros_like(x) if no else g for x, g, no in zip(leaves, grads, none)]
    return facts


EXTRA: dict[str, Callable[..., Any]] = {}  # operators written in terms of both libraries, by name


def extra(f: Callable[..., Any]) -> Callable[..., Any]:
    """Makes `f(lib, ...)` callable by its name in tables."""
    EXTRA[f.__name__] = f
    return f


def _dtypes(x: Any) -> set[str]:
    if isinstance(x, dict):
        return {d for v in x.values() for d in _dtypes(v)}
    if isinstance(x, tuple) and len(x) == 2 and isinstance(x[1], np.ndarray):
        return {x[0]}
    return {d for v in x for d in _dtypes(v)} if isinstance(x, (list, tuple)) else set()


def check(call: Call) -> None:
    """AssertionError unless both libraries do the same."""
    import torch

    import torchlike

    want = outcome(lambda lib: run(call, lib), torch)[:2]
    got = outcome(lambda lib: run(call, lib), torchlike)[:2]
    inputs = {t.dtype for t in _specs([call.args, list(call.kwargs.values())])}
    tolerance = max([TOLERANCE.get(d, 1e-9) for d in inputs | _dtypes(want[0])], default=1e-9)
    with np.errstate(all="ignore"):
        equal(got, want, tolerance, tolerance)


def _specs(x: Any) -> list[T]:
    if isinstance(x, T):
        return [x]
    return [t for v in x for t in _specs(v)] if isinstance(x, (list, tuple)) else []


def holds(table: Table, examples: int = EXAMPLES) -> Callable[[], None]:
    """A test: every call drawn from the table does the same in both libraries."""
    import pytest
    from hypothesis import HealthCheck, given, note, settings
    from hypothesis import strategies as st

    pytest.importorskip("torch")
    slow: Any = list(HealthCheck)  # the first call of each operator compiles
    seeded = any(a.startswith("--hypothesis-seed") for a in sys.argv)
    # What hypothesis draws depends on the modules that are loaded; the suite's calls are always the same.
    search = seeded or examples != SUITE
    numbers = st.randoms(use_true_random=False) if search else st.integers(0, SUITE - 1).map(random.Random)

    @settings(max_examples=examples, deadline=None, derandomize=not seeded, database=None,
              suppress_health_check=slow)  # fmt: skip
    @given(numbers)
    def test(rng: random.Random) -> None:
        call = drawn(rng, table)
        note(repr(call))
        check(call)

    return test


def main() -> int:
    """Searches a family without stopping at the first mismatch; prints one per operator and kind."""
    p = argparse.ArgumentParser(description=main.__doc__)
    p.add_argument("family", help="a file of this folder: test_pointwise_properties")
    p.add_argument("--count", type=int, default=1000)
    p.add_argument("--start", type=int, default=0, help="first seed")
    p.add_argument("-k", default="", help="only operators whose name matches")
    p.add_argument("--all", action="store_true", help="print every mismatch")
    o = p.parse_args()
    sys.path.insert(0, str(Path(__file__).parent))
    module = importlib.import_module(o.family)
    tables = [
        v for n, v in vars(module).items() if n.isupper() and isinstance(v, list) and isinstance(v[0], tuple)
    ]
    seen: set[Any] = set()
    bad = 0
    for seed in range(o.start, o.start + o.count):
        rng = random.Random(seed)
        call = drawn(rng, tables[seed % len(tables)])
        if not re.search(o.k, call.name):
            continue
        try:
            check(call)
        except Exception as e:  # a crash of the comparison is a finding too
            bad += 1
            text = str(e).strip()
            key = (call.name, zlib.crc32(re.sub(r"[\d.\[\]()-]+", "", text)[:60].encode()))
            if o.all or key not in seen:
                seen.add(key)
                print(f"{seed} {call!r}\n    {' '.join(text.split())[:500]}", flush=True)
    print(f"{bad} of {o.count} calls differ")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.modules["driver"] = sys.modules["__main__"]
    sys.exit(main())
