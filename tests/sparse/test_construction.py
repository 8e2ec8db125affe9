"""How sparse tensors are made: shapes that are inferred, invariants, diagonals; compared with PyTorch."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import torchlike as torch

reference = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:Sparse:UserWarning")

C, P, V = "torch.tensor([0,2,4])", "torch.tensor([0,1,0,1])", "torch.tensor([1.,2,3,4])"
BLOCKS = "[0,1,2],[0,1],[[[3,4],[5,6]],[[7,8],[9,1]]]"

TEXTS = [
    *(f"torch.sparse_{kind}_tensor([0,2,4],[0,1,0,1],[1,2,3,4])" for kind in ("csr", "csc")),
    *(f"torch.sparse_{kind}_tensor({BLOCKS})" for kind in ("bsr", "bsc")),
    *(f"torch.sparse_{kind}_tensor({BLOCKS},(4,4))" for kind in ("bsr", "bsc")),
    "torch.sparse_csr_tensor([0,2,4],[0,1,0,1],[1.,2,3,4],dtype=torch.float64,requires_grad=True)",
    "torch.sparse_csr_tensor([0,2,4],[0,1,0,1],[1,2,3,4],requires_grad=True)",
    f"torch.sparse_csr_tensor({C},{P},{V},dtype=torch.int64,device='cpu')",
    f"torch.sparse_csr_tensor({C},{P},{V},layout=torch.sparse_csc)",
    "torch.sparse_csr_tensor([0,0,0],[],[],(2,3))",
    "torch.sparse_csr_tensor(torch.tensor([0,0,0]),torch.tensor([]),torch.tensor([]),(2,3))",
    "torch.sparse_csr_tensor(torch.tensor([[0,2,4],[0,1,4]]),torch.tensor([[0,1,0,1],[0,0,1,2]]),torch.arange(8.).view(2,4))",
    f"torch.sparse_csr_tensor({C},{P},torch.arange(8.).view(4,2))",
    "torch.sparse_bsr_tensor(torch.tensor([[0,1,2]]),torch.tensor([[0,1]]),torch.arange(12.).view(1,2,2,3))",
    "torch.sparse_csc_tensor(torch.tensor([0,1,2,4]),torch.tensor([0,1,0,1]),torch.ones(4))",
    *(f"torch.sparse_compressed_tensor([0,2,4],[0,1,0,1],[1,2,3,4],layout=torch.{name})"
      for name in ("sparse_csr", "sparse_csc", "sparse_coo", "strided")),
    "torch.sparse_compressed_tensor([0,2,4],[0,1,0,1],[1,2,3,4])",
    "torch.sparse.spdiags(torch.arange(9.).reshape(3,3),torch.tensor([0,-1,2]),(3,3))",
    "torch.sparse.spdiags(torch.arange(6.).reshape(2,3),torch.tensor([0,1]),(3,3),layout=torch.sparse_csr)",
    "torch.sparse.spdiags(torch.arange(6.).reshape(2,3),torch.tensor([1,-1]),(3,4),layout=torch.sparse_csc)",
    "torch.sparse.spdiags(torch.arange(1,7.).reshape(1,6),torch.tensor([2]),(4,8))",
    "torch.sparse.spdiags(torch.ones(3),torch.tensor(1),(3,3))",
    "torch.sparse.spdiags(torch.ones(2,3),torch.tensor([0,0]),(3,3))",
    "torch.sparse.spdiags(torch.ones(2,3),torch.tensor([0]),(3,3))",
    "torch.sparse.spdiags(torch.ones(1,3),torch.tensor([0.]),(3,3))",
    "torch.sparse.spdiags(torch.ones(1,3),torch.tensor([0]),(3,3,3))",
    "torch.sparse.spdiags(torch.ones(1,3),torch.tensor([0]),(3,3),layout=torch.strided)",
]  # fmt: skip


def tensor(numbers: Any, dtype: str = "") -> str:
    return f"torch.tensor({numbers}{',dtype=torch.' + dtype if dtype else ''})"


# kind, compressed, plain, values, size: one of PyTorch's invariants is broken in each.
BROKEN = [
    ("csr", tensor([1, 2, 4]), P, V, (2, 2)),
    ("csr", tensor([0, 2, 3]), P, V, (2, 2)),
    ("csr", tensor([0, 4, 4]), P, V, (2, 2)),
    ("csr", tensor([0, -1, 4]), P, V, (2, 2)),
    ("csr", C, tensor([0, 1, 0, 5]), V, (2, 2)),
    ("csr", C, tensor([-1, 1, 0, 1]), V, (2, 2)),
    ("csr", C, tensor([1, 0, 0, 1]), V, (2, 2)),
    ("csr", C, tensor([0, 0, 0, 1]), V, (2, 2)),
    ("csr", C, P, V, (3, 2)),
    ("csr", C, P, V, (2,)),
    ("csr", C, P, V, (2, 2, 2)),
    ("csr", C, tensor([0, 1, 0]), V, (2, 2)),
    ("csr", C, tensor([[0, 1, 0, 1]]), V, (2, 2)),
    ("csr", tensor(0), P, V, (2, 2)),
    ("csr", C, P, "torch.tensor(1.)", (2, 2)),
    ("csr", tensor([[0, 2, 4]]), tensor([[0, 1, 0, 1]]), "torch.ones(1,4)", (2, 2, 2)),
    ("csr", tensor([0, 2, 4], "int32"), P, V, (2, 2)),
    ("csr", tensor([0, 2, 4.0]), tensor([0, 1, 0, 1.0]), V, (2, 2)),
    ("csr", tensor([0, 2, 4], "int16"), tensor([0, 1, 0, 1], "int16"), V, (2, 2)),
    ("csc", C, tensor([0, 1, 0, 5]), V, (2, 2)),
    ("csc", C, tensor([1, 0, 0, 1]), V, (2, 2)),
    ("csc", C, P, V, (2, 3)),
    ("csc", tensor([0, 3, 2]), tensor([0, 1]), "torch.ones(2)", (2, 2)),
    ("bsr", tensor([0, 1, 2]), tensor([0, 1]), "torch.ones(2,2,2)", (5, 4)),
    ("bsr", tensor([0, 1, 2]), tensor([0, 1]), "torch.ones(2,2,2)", (4, 5)),
    ("bsr", tensor([0, 1, 2]), tensor([0, 3]), "torch.ones(2,2,2)", (4, 4)),
    ("bsr", tensor([0, 1, 2]), tensor([0, 1]), "torch.ones(2,2,2)", (8, 4)),
    ("bsr", tensor([0, 1, 2]), tensor([0, 1]), "torch.ones(2)", (4, 4)),
    ("bsc", tensor([0, 1, 2]), tensor([0, 1]), "torch.ones(2,1,1)", (2, 3)),
    ("bsc", tensor([0, 2, 2]), tensor([0, 0]), "torch.ones(2,1,1)", (2, 2)),
]
TEXTS += [f"torch.sparse_{k}_tensor({c},{p},{v},{size},check_invariants=True)" for k, c, p, v, size in BROKEN]


def outcome(lib: Any, text: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return repr(eval(text, {"torch": lib}))
        except (RuntimeError, TypeError, IndexError, ValueError) as e:
            return type(e).__name__, str(e)


@pytest.mark.parametrize("text", TEXTS)
def test_as_in_pytorch(text: str) -> None:
    assert outcome(torch, text) == outcome(reference, text)


def test_invariants_are_switched() -> None:
    bad = f"torch.sparse_csr_tensor({C},torch.tensor([0,1,0,5]),{V},(2,2))"
    seen: list[Any] = []
    for lib in (torch, reference):
        switch = lib.sparse.check_sparse_tensor_invariants

        @switch()
        def inside(switch: Any = switch) -> bool:
            return switch.is_enabled()

        seen += [switch.is_enabled(), inside()]
        with switch() as nothing:
            seen += [nothing, switch.is_enabled(), outcome(lib, bad)]
            seen.append(outcome(lib, "torch.sparse_coo_tensor(torch.tensor([[0,3]]),torch.ones(2),(2,))"))
            with switch(False):
                seen.append(switch.is_enabled())
            seen.append(outcome(lib, bad.replace("(2,2))", "(2,2),check_invariants=False)._nnz()")))
        seen.append(switch.is_enabled())
        switch.enable()
        seen.append(switch.is_enabled())
        switch.disable()
        again = switch()
        with again, pytest.raises(RuntimeError, match="This context manager instance is already activated"):
            again.__enter__()
        seen.append(switch.is_enabled())
    half = len(seen) // 2
    assert seen[:half] == seen[half:]


def test_shapes_are_checked_in_any_case() -> None:
    with pytest.raises(RuntimeError, match=r"crow_indices.shape\[-1\] must be equal to the number of rows"):
        torch.sparse_csr_tensor([0, 2, 4], [0, 1, 0, 1], [1.0, 2, 3, 4], (3, 2))
    with pytest.raises(RuntimeError, match="dtype must be Int or Long, but got Float"):
        torch.sparse_csr_tensor(torch.tensor([0, 1.0]), torch.tensor([0.0]), [1.0], (1, 2))
