"""Random programs, run on PyTorch and on torchlike: every tensor and gradient must end up the same.

    python tests/semantics/programs.py [--start 0] [--count 1000] [--json FILE]

A program is a list of Python lines that mix creation, views, in-place writes, reads, autograd calls and
observations. `Writer` writes them while running them on PyTorch, so that shapes fit; now and then they
do not, and then both must refuse with the same type of error and leave everything as it was. `facts`
says what is compared. A failing program is cut down to the lines that matter before it is shown.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

Namespace = dict[str, Any]
ROOT = str(Path(__file__).resolve().parents[2])  # of the checkout whose torchlike is run
SHAPES = [(3, 4), (4, 3), (2, 3), (4,), (3,), (), (2, 2, 3), (1, 4), (3, 1)]
MOST = 12  # tensors at a time


class Writer:
    """Writes a program line by line, running it on PyTorch meanwhile.

    Attributes:
        torch: PyTorch.
        rng: decides everything.
        space: the program's variables.
        lines: the program so far.
    """

    def __init__(self, torch: ModuleType, seed: int):
        self.torch, self.rng = torch, random.Random(seed)
        self.space: Namespace = start(torch, seed)
        self.lines: list[str] = []
        self.made = 0

    # ---- choosing ----------------------------------------------------------------

    def tensors(self) -> list[str]:
        return [n for n, v in self.space.items() if isinstance(v, self.torch.Tensor)]

    def pick(self, fits: Callable[[Any], bool] = lambda t: True) -> str | None:
        """A tensor's name that fits, recent ones rather."""
        names = [n for n in self.tensors() if fits(self.space[n])]
        if not names:
            return None
        return self.rng.choice(names[-5:] if self.rng.random() < 0.7 else names)

    def new(self) -> str:
        self.made += 1
        return f"t{self.made}"

    def viewed(self, t: Any) -> bool:
        """Whether another tensor is a view of `t`."""
        return any(self.space[n]._base is t for n in self.tensors())

    def dim(self, t: Any) -> int:
        if self.rng.random() < 0.03:
            return t.ndim + 1  # out of range
        return self.rng.randrange(-t.ndim, t.ndim) if t.ndim else 0

    def number(self) -> Any:
        return self.rng.choice([0, 1, 2, -1, 3, 0.5, -1.5, 2.0, 0.25])

    def index(self, n: int) -> int:
        if self.rng.random() < 0.03:
            return n + 1
        return self.rng.randrange(-n, n) if n else 0

    def key(self, t: Any) -> str:
        """A NumPy-style key for `t`."""
        parts: list[str] = []
        rng = self.rng
        for n in t.shape[: rng.randint(0, t.ndim)]:
            r = rng.random()
            if r < 0.35:
                parts.append(str(self.index(n)))
            elif r < 0.4:
                parts.append(f"torch.tensor({self.index(n)})")
            elif r < 0.75:
                a, b = sorted((rng.randint(0, n), rng.randint(0, n)))
                parts.append(rng.choice([f"{a}:{b}", f"{a}:", f":{b}", "::2", ":"]))
            elif r < 0.85 and n:
                parts.append(f"[{', '.join(str(rng.randrange(n)) for _ in range(rng.randint(1, 3)))}]")
            else:
                parts.append(":")
        if rng.random() < 0.15:
            parts.insert(rng.randint(0, len(parts)), "None")
        if rng.random() < 0.15:
            parts.append("...")
        return ", ".join(parts) or "..."

    # ---- writing -------------------------------------------------------------------

    def write(self, steps: int) -> list[str]:
        """A program of so many lines."""
        self.create(), self.create()
        while len(self.lines) < steps:
            kind = self.rng.choices(KINDS, WEIGHTS)[0]
            line = kind(self)
            if line:
                self.add(line)
            names = self.tensors()
            if len(names) > MOST:
                self.add(f"del {self.rng.choice(names[: MOST // 2])}")
        return self.lines

    def add(self, line: str) -> None:
        self.lines.append(line)
        error = run_line(line, self.space)
        name, _, made = line.partition(" = ")
        t = self.space.get(name) if made and error is None else None
        if isinstance(t, self.torch.Tensor) and not t.is_contiguous() and not shared(t):
            self.add(f"{name} = {name}.contiguous()")

    def create(self) -> None:
        self.add(creation(self))


def start(lib: ModuleType, seed: int) -> Namespace:
    """The variables that a program starts with."""
    lib.manual_seed(seed)
    return {"torch": lib, "np": np, "seen": [], "F": lib.nn.functional}


def run_line(line: str, space: Namespace) -> tuple[str, str] | None:
    """Runs one line; the type and first line of its error, if it raises one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(line, space)  # noqa: S102 - programs are made of exactly such lines
    except Exception as e:  # noqa: BLE001 - errors are compared
        return type(e).__name__, str(e).split("\n")[0]
    return None


def run(lib: ModuleType, lines: list[str], seed: int) -> tuple[Namespace, list[Any]]:
    """Runs a program; its variables and its errors."""
    space = start(lib, seed)
    return space, [run_line(line, space) for line in lines]


# ---- kinds of lines ------------------------------------------------------------------------


def floating(t: Any) -> bool:
    return t.is_floating_point()


def creation(w: Writer) -> str:
    rng = w.rng
    shape = rng.choice(SHAPES)
    grad = ", requires_grad=True" if rng.random() < 0.4 else ""
    text = rng.choice([
        f"torch.randn({shape}{grad})",
        f"torch.rand({shape}, dtype=torch.float64{grad})",
        f"torch.zeros({shape}{grad})",
        f"torch.full({shape}, {w.number()!r})",
        "torch.arange(12).reshape(3, 4)",
        "torch.arange(6.0)",
        f"torch.ones({shape}, dtype=torch.int64)",
        f"torch.randint(0, 3, {shape})",
        f"torch.randint(0, 2, {shape}).bool()",
        f"torch.eye(3{grad})",
        f"torch.tensor([[1.0, 2.0], [3.0, 4.0]]{grad})",
        "torch.from_numpy(np.arange(12.0).reshape(3, 4))",
    ])  # fmt: skip
    return f"{w.new()} = {text}"


def viewing(w: Writer) -> str | None:
    rng = w.rng
    x = w.pick(lambda t: t._base is not None or t.is_contiguous())
    if x is None:
        return None
    t = w.space[x]
    d, e = w.dim(t), w.dim(t)
    n = t.shape[d] if t.ndim and -t.ndim <= d < t.ndim else 1
    a, b = sorted((rng.randint(0, n), rng.randint(0, n)))
    flat = t.numel()
    ways = [s for s in [(flat,), (-1, 1), (1, flat), (2, -1), (3, -1), (-1,)] if -1 not in s or flat]
    text = rng.choice([
        f"{x}[{w.key(t)}]", f"{x}[{w.key(t)}]", f"{x}.transpose({d}, {e})",
        f"{x}.permute({', '.join(map(str, rng.sample(range(t.ndim), t.ndim)))})" if t.ndim else f"{x}.view(1)",
        f"{x}.view({rng.choice(ways)})", f"{x}.reshape({rng.choice(ways)})", f"{x}.unsqueeze({d})",
        f"{x}.squeeze()", f"{x}.squeeze({d})", f"{x}.expand({(2, *t.shape)})", f"{x}.narrow({d}, {a}, {b - a})",
        f"{x}.select({d}, {w.index(n)})", f"{x}.detach()", f"{x}.flatten()", f"{x}.view_as({x})",
        f"{x}.diagonal()", f"{x}.unbind({d})[0]", f"{x}.split(2, {d})[-1]", f"{x}.chunk(2, {d})[0]",
        f"{x}.unfold({d}, {max(1, min(2, n))}, 2)", f"{x}.t()" if t.ndim <= 2 else f"{x}.mT", f"{x}.{behind(w, t)}",
        f"{x}.movedim({d}, {e})", f"torch.ravel({x})", f"torch.flip({x}, ({d},))",
        f"{x}.as_strided((2, 2), (1, 2))" if flat >= 4 and t._base is None else f"{x}.alias_copy()",
    ])  # fmt: skip
    return f"{w.new()} = {text}"


def computing(w: Writer) -> str | None:
    rng = w.rng
    x = w.pick()
    if x is None:
        return None
    t = w.space[x]
    y = w.pick(lambda u: broadcastable(u, t)) if rng.random() < 0.95 else w.pick()
    d = w.dim(t)
    n = w.number()
    f = f"{x}.float()" if not floating(t) else x
    text = rng.choice([
        f"{x} + {y}", f"{x} * {y}", f"{x} - {y}", f"{f} / ({y} * {y} + 1)", f"{x} * {n!r}", f"{n!r} - {x}",
        f"torch.tanh({f})", f"torch.sin({f})", f"torch.exp(-{f} * {f}).add(1)", f"F.relu({f})", f"{x}.abs()",
        f"{x}.sum()", f"{x}.sum({d})", f"{f}.mean({d}, keepdim=True)", f"{x}.cumsum({d})", f"{x}.clone()",
        f"{f}.softmax({d})", f"torch.cat([{x}, {x}], {d})", f"torch.stack([{x}, {x}], 0)", f"{x} > {limit(t, n)!r}",
        f"torch.where({x} > {limit(t, n)!r}, {x}, {y})", f"{x}.clamp(-1, 2)", f"{x}.pow(2)", f"{x}.contiguous()",
        f"({x}{shifted(t)}).to(torch.{rng.choice(['float32', 'float64', *whole(t)])})", f"{x}.max()",
        f"{x}.amax({d})", f"{x}.argmax()" if apart(t) else f"{x}.abs()", f"torch.matmul({x}, {y}.t())" if t.ndim <= 2 else f"{x}.square()",
        f"{x}.repeat(2{', 1' * max(t.ndim - 1, 0)})", f"torch.zeros_like({x})", f"{x}.norm()", f"{x}.prod()",
        f"torch.sort({f}, {d}).values", f"{x}.masked_fill({x} > {limit(t, 0)!r}, {n!r})", f"torch.add({x}, {y}, alpha=2)",
        f"({x}{shifted(t)}).type_as({y})", f"torch.tril({x})" if t.ndim >= 2 else f"{x}.neg()", f"{x}.roll(1)",
        f"{x}[{w.key(t)}].sum()", f"({f} * {f}).sqrt()", f"{x}.index_select({d}, torch.tensor([0]))" if t.ndim else f"{x}.exp()",
    ])  # fmt: skip
    return f"{w.new()} = {text}"


def shared(t: Any) -> bool:
    """Whether `t` is a view; PyTorch hides the base of some that it refuses to differentiate."""
    return t._base is not None or t.storage_offset() != 0


def behind(w: Writer, t: Any) -> str:
    """How to reach the data of `t` past its history. By `.data` only where no backward may still read what it
    kept of `t`: PyTorch mixes old and new data there."""
    try:
        return (
            "data"
            if t.is_leaf and not any(u.grad_fn for u in w.space.values() if isinstance(u, w.torch.Tensor))
            else "detach()"
        )
    except RuntimeError:  # PyTorch refuses to tell the history of some views
        return "detach()"


def apart(t: Any) -> bool:
    """Whether rounding does not decide which element of `t` is the greatest."""
    if not t.numel() or not floating(t):
        return True
    data = t.data
    return not bool((((data.max() - data).abs() < 1e-4) & (data != data.max())).any())


def limit(t: Any, n: float) -> float:
    """`n`, or another number where rounding may decide on which side of it an element of `t` is."""
    if not t.numel() or not floating(t):
        return n
    return next(m for m in (n, 0.37, 0.61, 1.43, 1e9) if not bool(((t.detach() - m).abs() < 1e-4).any()))


def whole(t: Any) -> list[str]:
    """The types without fractions that `t` can be cast to without rounding deciding what becomes of it."""
    if not floating(t):
        return ["int64", "bool"]
    data = t.detach()
    away = {"int64": (data - data.round()).abs(), "bool": data.abs()}
    return [d for d, a in away.items() if not bool(((a < 1e-4) & (a > 0)).any())]


def shifted(t: Any) -> str:
    """What to add to `t`, so that rounding cannot decide which whole numbers its elements are next to."""
    if not t.numel() or not floating(t):
        return ""
    for m in (0.25, 0.37, 0.61):
        data = t.detach() + m
        if not bool(((data - data.round()).abs() < 1e-4).any()):
            return f" + {m}"
    return " * 0"


def broadcastable(u: Any, t: Any) -> bool:
    return all(m == n or 1 in (m, n) for m, n in zip(u.shape[::-1], t.shape[::-1]))


def writing(w: Writer) -> str | None:
    rng = w.rng
    x = w.pick()
    if x is None:
        return None
    t = w.space[x]
    n, d = w.number(), w.dim(t)
    if t.requires_grad and 0 in t.stride() and any(n > 1 for n in t.shape):
        return None  # PyTorch writes some of these and then refuses to differentiate
    quiet = rng.random() < 0.25
    # a leaf that changes its shape has gradients of two shapes; so has what changes it behind the tape's back
    free = not t.requires_grad or (not quiet and (t._base is not None or not t.is_leaf))
    # what an op reads while it overwrites part of it is not defined
    apart = t.untyped_storage().data_ptr()
    y = w.pick(
        lambda u: (
            u.ndim <= t.ndim
            and all(m in (1, k) for m, k in zip(u.shape[::-1], t.shape[::-1]))
            and (u is t or u.untyped_storage().data_ptr() != apart)
            and (floating(t) or not u.requires_grad)  # PyTorch lets integers require grad after copy_
            and (floating(t) or "int64" in whole(u))
        )
    )
    # of data that was swapped in meanwhile, PyTorch's formulas make a gradient together with what they kept of the old
    alone = not any(u.requires_grad for u in w.space.values() if isinstance(u, w.torch.Tensor))
    rows = t.is_contiguous() and (t._base is None or t._base.is_contiguous())  # draws follow the layout
    text = rng.choice([
        f"{x}.add_({n!r})", f"{x}.mul_({n!r})", f"{x}.zero_()", f"{x}.fill_({n!r})", f"{x}.add_({y})",
        f"{x}.mul_({y})", f"{x}.sub_({y}, alpha=2)", f"{x}.copy_({y})", f"{x} += {y}", f"{x} *= {n!r}", f"{x} -= 1",
        f"{x}[{w.key(t)}] = {n!r}", f"{x}[{w.key(t)}] = {n!r}", f"{x}[{w.key(t)}] = {y}" if y != x else f"{x}.neg_()", f"{x}[{x} > {limit(t, 0)!r}] = {n!r}" if 0 not in t.stride() else f"{x}.zero_()",
        f"{x}[{w.key(t)}] += 1", f"{x}[{w.key(t)}].mul_(2)", f"{x}.clamp_(-1, 1)", f"{x}.neg_()", f"{x}.abs_()",
        f"{x}.tanh_()", f"{x}.relu_()", f"{x}.masked_fill_({x} < 0, {n!r})" if 0 not in t.stride() else f"{x}.zero_()", f"{x}.t_()" if t.ndim <= 2 and free else f"{x}.sin_()",
        f"{x}.unsqueeze_({d})" if free else f"{x}.neg_()", f"{x}.squeeze_()" if free else f"{x}.sin_()", f"{x}.transpose_(0, -1)" if free else f"{x}.abs_()", f"{x}.cumsum_({d})" if t.dtype != w.torch.bool else f"{x}.logical_not_()", f"{x}.exp_().clamp_(max=9)",
        f"{x}.uniform_()" if floating(t) and rows else f"{x}.random_(5)" if rows else f"{x}.zero_()", f"{x}.normal_()" if floating(t) and rows else f"{x}.zero_()", f"{x}.masked_fill_({x} == {limit(t, 0)!r}, {n!r})" if 0 not in t.stride() else f"{x}.zero_()",
        f"{x}.index_add_({d}, torch.tensor([0]), {x}.narrow({d}, 0, 1).clone())" if t.ndim else f"{x}.sign_()",
        f"torch.add({x}, {y}, out={x})", f"torch.neg({x}, out={x})", f"{x}.{behind(w, t)}.mul_(2)", f"{x}.detach().add_(1)",
        f"{x}.addcmul_({y}, {y}, value=0.5)" if t.dtype != w.torch.bool else f"{x}.logical_not_()", f"{x}.bool().logical_not_()", f"{x}.diagonal().fill_({n!r})",
        f"{x}.data = torch.full({tuple(t.shape)}, 2, dtype={t.dtype})" if t._base is None and alone else f"{x}.{behind(w, t)}.add_(1)", f"{x}.requires_grad_({rng.random() < 0.8})" if not w.viewed(t) else f"{x}.neg_()", f"{x}.view(-1)[0] = {n!r}",
        f"{x}.swapaxes_(0, -1)" if free else f"{x}.cos_()", f"{x}.lerp_({y}, 0.5)", f"{x}.eq_({limit(t, n)!r})",
    ])  # fmt: skip
    return f"with torch.no_grad(): {text}" if quiet else text


def differentiating(w: Writer) -> str | None:
    rng = w.rng
    # what saves nothing because there is nothing may go backward twice in one library and not in the other
    x = w.pick(lambda t: floating(t) and t.numel() and (t.requires_grad or rng.random() < 0.05))
    if x is None:
        return None
    y = w.pick(lambda t: t.requires_grad and t.numel()) or x
    keep = rng.choice(["", "", "retain_graph=True"])
    # of a view, PyTorch may make another Node later; it crashes where the history of a view is not told
    hooked = f"{x}.grad_fn, {x}.register_hook({{}})" if w.space[x]._base is None else f"{x}.retain_grad()"
    return rng.choice([
        f"{x}.sum().backward({keep})", f"{x}.sum().backward({keep})", f"({x} * {x}).mean().backward({keep})",
        f"({x} * {y}).sum().backward({keep})", f"{x}.backward(torch.ones_like({x}){', ' + keep if keep else ''})",
        f"{w.new()} = torch.autograd.grad({x}.sum(), {y}, allow_unused=True)[0].clone()",
        f"{w.new()} = torch.autograd.grad(({x} * {x}).sum(), {y}, create_graph=True)[0]",
        f"{x}.retain_grad()", f"{x}.grad = None", f"{y}.grad.zero_()", f"{w.new()} = {y}.grad", f"{w.new()} = {y}.grad.clone()",
        hooked.format("lambda g: g * 2"), hooked.format("lambda g: seen.append(g.sum())"),
        f"seen.append({x}.grad_fn is None)", f"{y}.grad.add_(1)",
        f"with torch.no_grad(): {y} -= 0.1 * {y}.grad", f"{y}.{behind(w, w.space[y])}.sub_({y}.grad)",
        f"torch.autograd.backward([{x}.sum(), ({y} * 2).sum()])",
    ])  # fmt: skip


def observing(w: Writer) -> str | None:
    x = w.pick()
    if x is None:
        return None
    t = w.space[x]
    plain = not t.requires_grad
    return w.rng.choice([
        f"seen.append({x}.tolist())", f"seen.append({x}.sum().item())", f"seen.append(bool(({x} > {limit(t, 0)!r}).any()))",
        f"seen.append({x}.detach().numpy().copy())", f"seen.append(len({x}))", f"seen.append({x}.nonzero().shape)",
        f"seen.append([v.sum().item() for v in {x}])", f"seen.append(float({x}.double().mean()))",
        f"seen.append({x}.storage_offset())",
        f"a{w.made} = {x}.detach().numpy(); a{w.made}[...] = 1" if t.is_contiguous() and plain else f"seen.append({x}.numel())",
        f"seen.append(torch.equal({x}, {x}.clone()))", f"seen.append({x}.masked_select({x} > {limit(t, 0)!r}).shape)",
        f"seen.append(np.asarray({x}).sum())" if plain else f"seen.append({x}.is_leaf)",
        f"seen.append(({x}{shifted(t)}).nan_to_num().int().unique())", f"seen.append({x}.sum().tolist())",
    ])  # fmt: skip


KINDS = [creation, viewing, computing, writing, differentiating, observing]
WEIGHTS = [8, 25, 25, 25, 12, 5]


# ---- comparing -------------------------------------------------------------------------------


def facts(lib: ModuleType, space: Namespace) -> dict[str, Any]:
    """All that is compared of a program's variables."""
    found: dict[str, Any] = {}
    for name, t in space.items():
        if isinstance(t, lib.Tensor):
            try:
                history = t.grad_fn is None
            except RuntimeError:  # PyTorch refuses to tell the history of some views
                continue
            found[name] = (
                tuple(t.shape), str(t.dtype), t.requires_grad, t.is_leaf, history,
                tuple(k for n, k in zip(t.shape, t.stride()) if n != 1 and t.numel()),
                array(t), None if not t.is_leaf or t.grad is None else array(t.grad),
            )  # fmt: skip
    found["seen"] = [array(v) if isinstance(v, lib.Tensor) else v for v in space["seen"]]
    found["next draw"] = lib.rand(3).tolist()
    return found


def array(t: Any) -> np.ndarray:
    return np.array(t.detach().cpu().tolist())


def same(a: Any, b: Any) -> bool:
    """Whether two facts agree; floats to 1e-4, NaN and infinities alike."""
    if isinstance(a, (tuple, list)):
        return isinstance(b, (tuple, list)) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, (np.ndarray, np.floating, float)) and not isinstance(b, (str, type(None))):
        x, y = np.asarray(a), np.asarray(b)
        if x.shape != y.shape:
            return False
        with np.errstate(all="ignore"):
            return bool(np.allclose(x.astype(float), y.astype(float), rtol=1e-4, atol=1e-5, equal_nan=True))
    return type(a) is type(b) and a == b


def difference(torch: ModuleType, lib: ModuleType, lines: list[str], seed: int) -> str | None:
    """What differs between the two after a program, or None."""
    ours, our_errors = run(lib, lines, seed)
    theirs, their_errors = run(torch, lines, seed)
    if any(e is not None and "INTERNAL ASSERT" in e[1] for e in their_errors):
        return None  # a mistake of PyTorch's, and not behaviour
    for line, a, b in zip(lines, their_errors, our_errors):
        if (a is None) != (b is None):
            return f"{line}\n  torch: {a}\n  ours:  {b}"
    want, got = facts(torch, theirs), facts(lib, ours)
    for name in want:
        if name not in got or not same(want[name], got[name]):
            return f"{name}\n  torch: {want[name]}\n  ours:  {got.get(name)}"
    return None


def reduced(torch: ModuleType, lib: ModuleType, lines: list[str], seed: int) -> list[str]:
    """The lines of a failing program without which it does not fail."""
    at = len(lines) - 1
    while at >= 0:
        fewer = lines[:at] + lines[at + 1 :]
        if difference(torch, lib, fewer, seed):
            lines = fewer
        at -= 1
    return lines


def check(torch: ModuleType, lib: ModuleType, seed: int, steps: int | None = None) -> str | None:
    """Writes and runs the program of a seed; a report if the two differ."""
    lines = Writer(torch, seed).write(steps or 5 + seed % 36)
    if difference(torch, lib, lines, seed) is None:
        return None
    lines = reduced(torch, lib, lines, seed)
    return "\n".join([f"# seed {seed}", *lines, f"# {difference(torch, lib, lines, seed)}"])


@contextmanager
def one_by_one() -> Iterator[None]:
    """Lets Traces run call by call: random programs share calls, but nothing longer."""
    from torchlike._core import tiers

    long, cost = tiers.LONG, dict(tiers.cost)
    tiers.LONG = 1
    tiers.cost["node"] = 1e9
    try:
        yield
    finally:
        tiers.LONG = long
        tiers.cost.update(cost)


def search(
    check: Callable[[ModuleType, ModuleType, int], str | None], what: str, description: str | None
) -> None:
    """The command of a script: checks a range of seeds and prints the reports of those that differ."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--stop-after", type=int, default=10, help="differences")
    parser.add_argument("--json", help=f"write how many {what} ran and which differ")
    args = parser.parse_args()
    import torch

    import torchlike

    found: dict[int, str] = {}
    began, n = time.time(), 0
    ended: list[int] = []  # signals: a run that is broken off says how far it came
    signal.signal(signal.SIGTERM, lambda number, _: ended.append(number))
    for seed in range(args.start, args.start + args.count):
        report = check(torch, torchlike, seed)
        n += 1
        if report:
            found[seed] = report
            print(report, flush=True)
        if ended or len(found) >= args.stop_after:
            break
    print(f"{n} {what}, {len(found)} differ, {time.time() - began:.0f} s")
    if args.json:
        Path(args.json).write_text(
            json.dumps({"start": args.start, what: n, "differ": found}, indent=1) + "\n"
        )


if __name__ == "__main__":
    sys.path.insert(0, ROOT)
    with one_by_one():
        search(check, "programs", __doc__)
