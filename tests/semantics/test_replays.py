"""Many programs over tensors of one shape, one after the other: what an earlier one left in a cache must not fit by chance.

Calls, plans of backwards and executables are found again by what a Trace looks like. Programs that look
alike and mean something else (another operand, another root, another call that is taped) show whether that
is told apart.
"""

from __future__ import annotations

import random
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import torchlike

torch = pytest.importorskip("torch")

LEAVES = ("w", "u")
DATA = ("a", "b")


def program(rng: random.Random) -> list[str]:
    """Some calls over `w`, `u` (leaves), `a` and `b`, a backward or two among them."""
    names, lines = [*LEAVES, *DATA], []
    for i in range(rng.randint(2, 6)):
        p, q = rng.choice(names), rng.choice(names)
        text = rng.choice([
            f"{p} * {q}", f"{p} * {q}", f"{p} + {q}", f"{p} - {q}", f"{p}.exp()", f"{p}.detach()", f"torch.where({p} > 0, {p}, {q})",
            f"{p} * {rng.choice([2, 2.0, 0.5])}", f"torch.maximum({p}, {q})", f"{p}.flip(0)", f"{p}[:]", f"{p}.clone()",
        ])  # fmt: skip
        name = f"t{i}"
        names.append(name)
        lines.append(f"{name} = {text}")
        if rng.random() < 0.25:
            lines[-1] = f"with torch.no_grad(): {lines[-1]}"
        r = rng.random()
        if r < 0.1:
            lines.append(f"with torch.no_grad(): {rng.choice(names)}.mul_({rng.choice([2, 0.5])})")
        elif r < 0.2:
            lines.append(f"{rng.choice(names)}.add_({rng.choice(names)})")
        elif r < 0.25:
            lines.append(f"{rng.choice(LEAVES)}.requires_grad_({rng.random() < 0.5})")
        elif r < 0.3:
            lines.append(f"{rng.choice(names)}.register_hook(lambda g: g * 2)")
        elif r < 0.35:
            lines.append(f"{rng.choice(names)}.retain_grad()")
    for _ in range(rng.randint(1, 2)):
        root, g = rng.choice(names[2:]), rng.choice(names)
        keep = rng.choice(["", ", retain_graph=True"])
        lines.append(rng.choice([
            f"{root}.backward({g}.detach(){keep})", f"{root}.backward({g}.detach(){keep})", f"{root}.sum().backward()",
            f"({root} * {g}).sum().backward()", f"torch.autograd.backward([{root}, {g}], [{g}.detach(), {root}.detach()])",
        ]))  # fmt: skip
    return lines


def state(lib: ModuleType, lines: list[str]) -> tuple[dict[str, Any], list[str]]:
    """Values and gradients after a program, and the errors of its lines."""
    space: dict[str, Any] = {"torch": lib}
    for i, name in enumerate((*LEAVES, *DATA)):
        space[name] = lib.tensor([0.5 + i, 1.0, -0.75 * (i + 1)], requires_grad=name in LEAVES)
    errors = []
    for line in lines:
        try:
            exec(line, space)  # noqa: S102 - programs are made of exactly such lines
        except (RuntimeError, NameError) as e:
            errors.append(f"{line}: {type(e).__name__}")
            if "backward" in line:  # PyTorch's may have delivered some gradients
                break
    found = {}
    for name, t in space.items():
        if isinstance(t, lib.Tensor):
            try:
                t.is_leaf  # noqa: B018
            except RuntimeError as e:  # the history of some views is not told
                found[name] = str(e)
                continue
            grad = (
                t.grad if (t.is_leaf or t.retains_grad) and not any("backward" in e for e in errors) else None
            )
            found[name] = np.array(t.tolist()), None if grad is None else np.array(grad.tolist())
    return found, errors


@pytest.mark.parametrize("chunk", range(10))
def test_alike_but_not_the_same(chunk: int) -> None:
    rng = random.Random(chunk)
    for _ in range(100):
        lines = program(rng)
        want, their_errors = state(torch, lines)
        got, our_errors = state(torchlike, lines)
        assert our_errors == their_errors, "\n".join(lines)
        assert got.keys() == want.keys()
        for name, pair in want.items():
            if isinstance(pair, str):
                continue
            for a, b in zip(got[name], pair, strict=True):
                assert (a is None) == (b is None), "\n".join([*lines, name])
                if a is not None:
                    np.testing.assert_allclose(a, b, 1e-4, err_msg="\n".join([*lines, name]))
