"""Sparse gradients of embeddings, and the optimizers that take them, compared with PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import torchlike as torch
from torchlike import debug

reference = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:Sparse invariant checks:UserWarning")

TABLE = np.random.RandomState(0).randn(7, 3).astype(np.float32)
X = np.array([[1, 2, 1], [4, 1, 0]])


def leaf(lib: Any) -> Any:
    return lib.tensor(TABLE).requires_grad_()


def bag(lib: Any, w: Any, **kwargs: Any) -> Any:
    return lib.nn.functional.embedding_bag(lib.tensor(X), w, sparse=True, **kwargs)


CASES = {
    "plain": lambda lib, w: lib.nn.functional.embedding(lib.tensor(X), w, sparse=True).pow(2).sum(),
    "padding": lambda lib, w: lib.nn.functional.embedding(lib.tensor(X), w, 1, sparse=True).pow(2).sum(),
    "int32": lambda lib, w: lib.nn.functional.embedding(lib.tensor(X).int(), w, sparse=True).pow(2).sum(),
    "nothing": lambda lib, w: lib.nn.functional.embedding(lib.tensor(X)[:0], w, sparse=True).pow(2).sum(),
    "twice": lambda lib, w: sum(lib.nn.functional.embedding(lib.tensor(x), w, sparse=True).sum() for x in X),
    "and dense": lambda lib, w: lib.nn.functional.embedding(lib.tensor(X), w, sparse=True).sum() + (w * w).sum(),
    "bag sum": lambda lib, w: bag(lib, w, mode="sum").pow(2).sum(),
    "bag mean": lambda lib, w: bag(lib, w, mode="mean").pow(2).sum(),
    "bag padding": lambda lib, w: bag(lib, w, mode="mean", padding_idx=1).pow(2).sum(),
    "bag weights": lambda lib, w: bag(lib, w, mode="sum", per_sample_weights=lib.tensor(TABLE[:2])).pow(2).sum(),
    "bag offsets": lambda lib, w: lib.nn.functional.embedding_bag(
        lib.tensor(X.reshape(-1)), w, lib.tensor([0, 2, 2]), sparse=True
    ).pow(2).sum(),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("rounds", [1, 2])
def test_gradient(name: str, rounds: int) -> None:
    found = []
    for lib in (torch, reference):
        w = leaf(lib)
        for _ in range(rounds):
            CASES[name](lib, w).backward()
        grad = w.grad
        found.append([grad.is_sparse, grad.to_dense().numpy()])
        if grad.is_sparse and not (name == "twice" and rounds == 2):  # how far equal places join is free
            found[-1] += [grad._indices().tolist(), grad._nnz(), grad.coalesce().indices().tolist()]
    np.testing.assert_allclose(found[0].pop(1), found[1].pop(1), rtol=1e-5, atol=1e-6)
    assert found[0] == found[1]


def test_zero_grad_hooks_and_grad() -> None:
    seen: list[Any] = []
    for lib in (torch, reference):
        w = leaf(lib)
        w.register_hook(lambda g: seen.append((str(g.layout), g._nnz())))
        opt = lib.optim.SGD([w], lr=0.1)
        CASES["plain"](lib, w).backward()
        opt.zero_grad(set_to_none=False)
        seen.append(repr(w.grad))
        (g,) = lib.autograd.grad(CASES["plain"](lib, w), w)
        seen.append(repr(g))
        opt.zero_grad()
        seen.append(w.grad)
        (g,) = lib.autograd.grad(CASES["plain"](lib, w), w, create_graph=True)
        g.coalesce().values().pow(2).sum().backward()
        seen.append(repr(w.grad.to_dense()))
    half = len(seen) // 2
    assert seen[:half] == seen[half:]


def test_errors() -> None:
    for kwargs in ({}, {"mode": "sum"}):
        with pytest.raises(RuntimeError, match="scale_grad_by_freq not supported with sparse gradients"):
            if kwargs:
                bag(torch, leaf(torch), scale_grad_by_freq=True, **kwargs).sum().backward()
            else:
                x = torch.tensor(X)
                torch.nn.functional.embedding(
                    x, leaf(torch), scale_grad_by_freq=True, sparse=True
                ).sum().backward()
    loss = CASES["plain"](torch, leaf(torch))
    loss.backward()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        loss.backward()
    with pytest.raises((IndexError, RuntimeError), match="out of range"):
        torch.nn.functional.embedding(torch.tensor([9]), leaf(torch), sparse=True).sum().item()


def test_a_table_that_is_no_leaf_gets_its_dense_gradient() -> None:
    grads = []
    for lib in (torch, reference):
        w = leaf(lib)
        CASES["plain"](lib, w * 2).backward()
        grads.append(w.grad.to_dense().numpy())
    np.testing.assert_allclose(grads[0], grads[1], rtol=1e-5)


OPTIMIZERS = {
    "SparseAdam": [{}, {"maximize": True}, {"betas": (0.5, 0.7)}],
    "SGD": [{}, {"maximize": True}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}],
    "Adagrad": [{}, {"lr_decay": 0.1, "initial_accumulator_value": 0.5}],
}


@pytest.mark.parametrize(("name", "options"), [(n, o) for n, many in OPTIMIZERS.items() for o in many])
def test_optimizers_step_as_pytorch(name: str, options: dict[str, Any]) -> None:
    results = []
    for lib in (torch, reference):
        w, v = leaf(lib), leaf(lib)
        opt = getattr(lib.optim, name)([w, v], lr=0.1, **options)
        for k in range(6):
            opt.zero_grad()
            x = lib.tensor((X + k) % 5)
            y = lib.nn.functional.embedding(x, w, 1, sparse=True)
            if k != 2:  # another count of steps
                y = y + lib.nn.functional.embedding(x, v, sparse=True)
            y.pow(2).sum().backward()
            opt.step()
        state = {k: s for k, s in opt.state_dict()["state"].get(0, {}).items() if k != "momentum_buffer"}
        results.append((w.detach().numpy(), v.detach().numpy(), {k: np.asarray(s) for k, s in state.items()}))
    for got, want in zip(results[0][:2], results[1][:2]):
        np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-6)
    assert results[0][2].keys() == results[1][2].keys()
    for key, want in results[1][2].items():
        np.testing.assert_allclose(results[0][2][key], want, rtol=2e-5, atol=2e-6)


def test_rows_that_no_index_names_stay() -> None:
    w = leaf(torch)
    opt = torch.optim.SparseAdam([w], lr=0.5)
    for _ in range(3):
        opt.zero_grad()
        CASES["plain"](torch, w).backward()
        opt.step()
    moved = (w.detach().numpy() != TABLE).any(1)
    assert moved.tolist() == [i in X for i in range(len(TABLE))]
    assert opt.state[w]["step"] == 3 and not (opt.state[w]["exp_avg"][5:].numpy()).any()


REFUSALS = [
    ("Adam", {}, "Adam does not support sparse gradients, please consider SparseAdam instead"),
    ("AdamW", {}, "Adam does not support sparse gradients, please consider SparseAdam instead"),
    ("RMSprop", {}, "RMSprop does not support sparse gradients"),
    ("Adadelta", {}, "Adadelta does not support sparse gradients"),
    ("Adamax", {}, "Adamax does not support sparse gradients"),
    ("SGD", {"weight_decay": 0.1}, "add(sparse, dense) is not supported. Use add(dense, sparse) instead."),
    ("Adagrad", {"weight_decay": 0.1}, "weight_decay option is not compatible with sparse gradients"),
]


@pytest.mark.parametrize(("name", "options", "text"), REFUSALS)
def test_optimizers_that_take_no_sparse_gradients(name: str, options: dict[str, Any], text: str) -> None:
    for lib in (torch, reference):
        w = leaf(lib)
        CASES["plain"](lib, w).backward()
        opt = getattr(lib.optim, name)([w], lr=0.1, **options)
        with pytest.raises(RuntimeError) as caught:
            opt.step()
        assert str(caught.value) == text


def test_sparse_adam_refuses() -> None:
    w = leaf(torch)
    (w * 2).sum().backward()
    with pytest.raises(
        RuntimeError, match="SparseAdam does not support dense gradients, please consider Adam instead"
    ):
        torch.optim.SparseAdam([w]).step()
    with pytest.raises(ValueError, match=r"Sparse params at indices \[\[0, 0\]\]: SparseAdam requires dense"):
        torch.optim.SparseAdam([torch.eye(2).to_sparse()])


def test_a_loop_compiles_once_whatever_the_indices() -> None:
    """Neither the number of distinct rows nor that of padding entries makes another program."""
    rng = np.random.RandomState(0)
    model = torch.nn.Sequential(
        torch.nn.EmbeddingBag(50, 8, mode="sum", sparse=True, padding_idx=0), torch.nn.Linear(8, 2)
    )
    opts = [torch.optim.SparseAdam(model[0].parameters()), torch.optim.Adam(model[1].parameters())]

    def step() -> None:
        x = torch.tensor(rng.randint(0, rng.randint(2, 50), (16, 4)))
        for opt in opts:
            opt.zero_grad()
        model(x).pow(2).mean().backward()
        for opt in opts:
            opt.step()

    for _ in range(4):
        step()
    debug.reset()
    for _ in range(20):
        step()
    assert debug.stats()["compiles"] == 0, debug.report()
