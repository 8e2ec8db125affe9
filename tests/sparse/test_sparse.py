"""Sparse COO tensors, compared with PyTorch operator by operator."""

from __future__ import annotations

import copy
import io
import pickle
import warnings
from typing import Any

import numpy as np
import pytest

import torchlike as torch

reference = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:Sparse invariant checks:UserWarning")


def tensors(lib: Any) -> dict[str, Any]:
    """S: not coalesced. C: coalesced. D: dense. H: one sparse and one dense dimension. Z: nothing stored."""
    i = lib.tensor([[0, 1, 1, 0], [2, 0, 2, 2]])
    s = lib.sparse_coo_tensor(i, lib.tensor([3.0, 4.0, 5.0, 1.0]), (2, 3))
    hybrid = lib.sparse_coo_tensor(lib.tensor([[0, 2, 0]]), lib.arange(6.0).view(3, 2), (3, 2))
    return {
        "torch": lib, "S": s, "C": s.coalesce(), "D": s.to_dense(), "H": hybrid, "Z": lib.sparse_coo_tensor(size=(2, 3)),
        "i": i, "v": lib.tensor([3.0, 4.0, 5.0, 1.0]), "M": lib.arange(6.0).view(3, 2), "copy": copy, "pickle": pickle,
    }  # fmt: skip


def outcome(lib: Any, text: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return eval(text, tensors(lib))
        except (RuntimeError, TypeError, IndexError, ValueError) as e:
            return e


def settled(x: Any) -> Any:
    """What is compared: sparse results by their text once coalesced, as the order of duplicates is free."""
    if isinstance(x, NotImplementedError):  # the list of backends is PyTorch's own
        return "NotImplementedError"
    if isinstance(x, Exception):
        return type(x).__name__, str(x)
    if getattr(x, "is_sparse", False):
        return repr(x.coalesce())
    return repr(x)


TEXTS = """S|C|H|Z|S.shape|S.dtype|S.device|S.layout|D.layout|S.is_sparse|D.is_sparse|S.is_coalesced()|C.is_coalesced()
S._nnz()|C._nnz()|S.indices()|S.values()|C.indices()|C.values()|S._indices()|S._values()|S.sparse_dim()|H.dense_dim()
D.sparse_dim()|D.to_dense()|D.indices()|D.coalesce()|S.to_dense()|H.to_dense()|Z.to_dense()|D.to_sparse()|D.to_sparse(1)
D.to_sparse(3)|D.to_sparse(0)|torch.tensor(3.).to_sparse()|torch.zeros(2,3).to_sparse()|D.to_sparse(layout=torch.sparse_coo)
S+S|(C+C).is_coalesced()|C+C|S-C|D+S|S+D|torch.add(D,S,alpha=2)|D-S|S-D|S*2|2*S|S/2|S*S|C*C|S*D|D*S|S/D|-S|S+1|S==S
S.t()|S.T|S.transpose(0,1)|H.transpose(0,1)|C.t()|C.t().is_coalesced()|S@M|torch.mm(S,M)|torch.sparse.mm(S,M)
torch.matmul(S,M)|S.mm(M)|S@torch.ones(3)|torch.mv(S,torch.ones(3))|S@S.t()|torch.sparse.mm(C,C.t())|torch.ones(4,2)@S
torch.spmm(S,M)|torch.sparse.addmm(torch.ones(2,2),S,M,alpha=2,beta=3)|torch.addmm(torch.ones(2,2),S,M)|S@torch.ones(4,2)
S.sum()|torch.sparse.sum(S)|torch.sparse.sum(S,0)|torch.sparse.sum(S,[0,1])|torch.sparse.sum(H,1)|torch.sparse.sum(H,0)
S.sum(0)|S.norm()|S.abs()|S.sqrt()|torch.relu(S)|S.exp()|S.sin()|S.pow(2)|S**2|S.square()|S.sign()|S.mean()|S.max()
S.view(6)|S.reshape(6)|S[0]|S[0,2]|S.numpy()|S.item()|S.stride()|S.is_contiguous()|S.numel()|S.dim()|len(S)|S.any()
S.clone()|S.detach()|copy.deepcopy(S)|pickle.loads(pickle.dumps(S))|S.double()|S.to(torch.int64)|S.float()|S.cpu()|S.type()
S.zero_()|torch.zeros_like(S)|torch.ones_like(S)|torch.cat([S,S])|torch.stack([S,S])|torch.cat([S,S],1)|torch.is_tensor(S)
torch.equal(S,S)|S.unsqueeze(0)|S.permute(1,0)|S.index_select(0,torch.tensor([1]))|D.sparse_mask(C)|bool(S)|S.mul_(2)
S.add_(S)|S.requires_grad_()|S.copy_(C)|D.add_(S)|D.clone().mul_(S)|D.copy_(S)|torch.nn.functional.linear(S,torch.ones(4,3))
torch.cumsum(S,0)|torch.sparse.FloatTensor(i,v,torch.Size([2,3]))|torch.sparse.FloatTensor(2,3)
torch.sparse_coo_tensor(i,v)|torch.sparse_coo_tensor((2,3))|torch.sparse_coo_tensor([[0,1],[1,0]],[1,2])
torch.sparse_coo_tensor(i,v,(2,))|torch.sparse_coo_tensor(i,v[:2],(2,3))|torch.sparse_coo_tensor(i.float(),v,(2,3))
torch.sparse_coo_tensor(i,v,(2,3),dtype=torch.float64,requires_grad=True)|torch.sparse_coo_tensor(i,torch.tensor(1.),(2,3))
torch.sparse_coo_tensor(i,v,(2,3),is_coalesced=True)|C.bool()|S.int()|S.is_sparse_csr"""


@pytest.mark.parametrize("text", [t for line in TEXTS.splitlines() for t in line.split("|")])
def test_as_in_pytorch(text: str) -> None:
    assert settled(outcome(torch, text)) == settled(outcome(reference, text))


def test_what_is_missing_names_what_works() -> None:
    s = tensors(torch)["S"]
    leaf = torch.ones(2, 3, requires_grad=True)
    leaf.grad = s
    for call in (
        s.exp,
        lambda: torch.softmax(s, 0),
        lambda: s.mean(),
        lambda: torch.nn.utils.clip_grad_norm_([leaf], 1.0),
    ):
        with pytest.raises(
            NotImplementedError, match=r"Could not run 'aten::\w+' .*'SparseCPU' backend.*\.to_dense\(\)"
        ):
            call()


GRADIENTS = {
    "values": lambda lib, s, v, w: lib.sparse.mm(s, w).pow(2).sum(),
    "dense": lambda lib, s, v, w: s.to_dense().pow(2).sum(),
    "scaled": lambda lib, s, v, w: ((s * 2 + s).coalesce().to_dense() * w.t()).sum(),
    "transposed": lambda lib, s, v, w: (s.t().coalesce().values() ** 2).sum() + (w.t() @ s.t()).sum(),
    "sum": lambda lib, s, v, w: lib.sparse.sum(s) * w.sum(),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_of_the_parts(name: str) -> None:
    found = []
    for lib in (torch, reference):
        v = lib.tensor([3.0, 4.0, 5.0, 1.0], requires_grad=True)
        w = lib.arange(6.0).view(3, 2).requires_grad_()
        s = lib.sparse_coo_tensor(lib.tensor([[0, 1, 1, 0], [2, 0, 2, 2]]), v, (2, 3))
        assert s.requires_grad and not s.is_leaf
        GRADIENTS[name](lib, s, v, w).backward()
        found.append((repr(v.grad), repr(w.grad)))
    assert found[0] == found[1]


def test_gradients_of_sparse_leaves_and_of_to_sparse() -> None:
    found = []
    for lib in (torch, reference):
        t = tensors(lib)
        leaf = t["S"].requires_grad_()
        (leaf * 2).to_dense().sum().backward()
        dense = t["D"].clone().requires_grad_()
        (dense.to_sparse().to_dense() ** 2).sum().backward()
        found.append([repr(leaf.grad), repr(dense.grad), leaf.is_leaf])
        leaf.grad = None
        assert leaf.grad is None
    assert found[0] == found[1]


def test_torch_save_both_ways() -> None:
    for writer, reader in ((torch, reference), (reference, torch), (torch, torch)):
        file = io.BytesIO()
        writer.save({"s": tensors(writer)["S"], "c": tensors(writer)["C"]}, file)
        file.seek(0)
        loaded = reader.load(file)
        assert repr(loaded["s"]) == repr(tensors(reader)["S"]) and loaded["c"].is_coalesced()


def test_text_of_large_and_other_dtypes() -> None:
    for dtype in ("float64", "int64", "bool", "complex64", "float16"):
        texts = []
        for lib in (torch, reference):
            x = lib.arange(3000).reshape(50, 60)
            texts.append(repr((x % 7 == 1).to(getattr(lib, dtype)).to_sparse()))
        assert texts[0] == texts[1]


def test_indices_outside_are_refused_when_asked() -> None:
    i = np.array([[0, 5]])
    with pytest.raises(
        RuntimeError, match="size is inconsistent with indices: for dim 0, size is 3 but found index 5"
    ):
        torch.sparse_coo_tensor(i, [1.0, 2.0], (3,), check_invariants=True)
    with pytest.raises(RuntimeError, match="out of the range"):
        torch.sparse_coo_tensor(i, [1.0, 2.0], (3,)).coalesce()
