"""The same wrong code on both libraries: the same exception type, the same first line, and nothing changed by it."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import torchlike

torch = pytest.importorskip("torch")

TABLE = (Path(__file__).parent / "misuse.txt").read_text().splitlines()
CASES = [line for line in TABLE if line and not line.startswith("#")]


def names(lib: Any) -> dict[str, Any]:
    """What the cases may use, fresh for each."""
    data = lib.utils.data
    f23 = lib.arange(6.0).reshape(2, 3)
    return {
        "torch": lib, "np": np, "io": io, "nn": lib.nn, "F": lib.nn.functional,
        "DataLoader": data.DataLoader, "TensorDataset": data.TensorDataset, "random_split": data.random_split,
        "f23": f23, "x": f23, "f34": lib.arange(12.0).reshape(3, 4), "f22": lib.ones(2, 2),
        "v3": lib.tensor([1.0, 2.0, 3.0]), "v4": lib.ones(4), "s": lib.tensor(2.0), "z": lib.zeros(0),
        "i3": lib.tensor([0, 1, 2]), "i23": lib.zeros(2, 3, dtype=lib.int64),
        "b3": lib.tensor([True, False, True]), "c3": lib.tensor([1j, 2, 3]), "x4": lib.ones(2, 3, 8, 8),
        "w": lib.ones(2, 3, requires_grad=True), "lin": lib.nn.Linear(3, 2), "p": lib.nn.Parameter(lib.ones(2)),
    }  # fmt: skip


def outcome(lib: Any, code: str, ns: dict[str, Any]) -> tuple[str, str]:
    """(exception type, first line) of a case."""
    try:
        exec(code, ns)  # noqa: S102 - the table below
        for v in ns.values():
            if isinstance(v, lib.Tensor):
                v.detach().cpu()
        if lib is torchlike:  # an error that depends on data waits for somebody to look
            for v in ns.values():
                if isinstance(v, lib.Tensor):
                    v._host()
    except Exception as e:  # noqa: BLE001 - what it is, is the subject
        text = str(e).partition("\n")[0]
        return type(e).__name__, SET.sub(in_order, text.replace("torchlike", "torch"))
    return "nothing raised", ""


SET = re.compile(r"\{'\w+'(?:, '\w+')*\}")


def in_order(printed: re.Match[str]) -> str:
    """A printed set of strings, sorted: the order of its members changes from process to process."""
    return "{" + ", ".join(sorted(printed[0][1:-1].split(", "))) + "}"


def tensors(lib: Any, ns: dict[str, Any]) -> list[Any]:
    """What a failed call must leave as PyTorch leaves it, which is as it was but for `load_state_dict` and the like."""
    found: list[Any] = []
    for name, v in ns.items():
        for t in v.parameters() if isinstance(v, lib.nn.Module) else [v]:
            if isinstance(t, lib.Tensor):
                grad = None if not t.is_leaf or t.grad is None else t.grad.tolist()
                found.append(
                    (name, t.tolist(), t._version, t.requires_grad, tuple(t.shape), str(t.dtype), grad)
                )
    return found


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("code", [pytest.param(c, id=c) for c in CASES])
def test_same_error_and_no_change(code: str) -> None:
    torch.manual_seed(0)
    ns = names(torch)
    known = list(ns)
    theirs = outcome(torch, code, ns)
    after = tensors(torch, {k: ns[k] for k in known})
    assert theirs[0] != "nothing raised", "not a misuse"
    drawn = torch.get_rng_state().numpy()  # what some modules draw before they find the mistake
    torchlike.manual_seed(0)
    ns = names(torchlike)
    assert outcome(torchlike, code, ns) == theirs
    assert tensors(torchlike, {k: ns[k] for k in known}) == after
    seeded = re.search(r"manual_seed|Generator", code)
    assert seeded or np.array_equal(torchlike.get_rng_state().numpy(), drawn)
