"""Hooks of leaves that look at data or step an optimizer: the Trace ends while gradients are still handed out."""

from __future__ import annotations

import pytest

import torchlike

torch = pytest.importorskip("torch")


def observe(lib, leaf, seen):
    leaf.register_hook(lambda g: seen.append(g.sum().item()))


def observe_after(lib, leaf, seen):
    leaf.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.sum().item()))


def step(lib, leaf, seen):
    optimizer = lib.optim.SGD([leaf], lr=0.1)

    def hook(p):
        optimizer.step()
        optimizer.zero_grad()

    leaf.register_post_accumulate_grad_hook(hook)


def run(lib, hook, which):
    """Gradients, leaves and what hooks saw, in four steps: from the second on, backward follows a plan."""
    leaves = [lib.linspace(-1.0, 1.0 + i, 3).requires_grad_() for i in range(3)]
    seen, found = [], []
    for i in which:
        hook(lib, leaves[i], seen)
    for _ in range(4):
        for leaf in leaves:
            leaf.grad = None
        a, b, c = leaves
        ((a * b).exp() * c).sum().backward()
        found += [None if leaf.grad is None else leaf.grad.tolist() for leaf in leaves]
        found += [leaf.detach().tolist() for leaf in leaves]
    return [*found, seen]


@pytest.mark.parametrize("which", [(0,), (1,), (2,), (0, 2), (0, 1, 2)])
@pytest.mark.parametrize("hook", [observe, observe_after, step])
def test_gradients_of_the_other_leaves(hook, which):
    for got, want in zip(run(torchlike, hook, which), run(torch, hook, which), strict=True):
        if want is None:
            assert got is None
        else:
            assert got == pytest.approx(want, rel=1e-5, abs=1e-6)
