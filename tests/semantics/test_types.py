"""Dtypes, promotion, conversions, constructors and what lies beneath: the same answer on both libraries."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import torchlike

torch = pytest.importorskip("torch")

TABLE = (Path(__file__).parent / "types.txt").read_text().splitlines()
DTYPES = (
    "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64", "complex64",
    "complex128",
)  # fmt: skip


def names(lib: Any) -> dict[str, Any]:
    """What the expressions may use. `E` leaves out float16, whose complex form (complex32) torchlike lacks."""

    def att(fn: Any) -> Any:
        try:
            return fn()
        except Exception as e:  # noqa: BLE001 - the error is the answer
            return f"{type(e).__name__}: {str(e).partition(chr(10))[0]}"

    dtypes = [getattr(lib, d) for d in DTYPES]
    return {
        "torch": lib, "np": np, "pickle": pickle, "copy": copy, "att": att, "D": dtypes,
        "E": [d for d in dtypes if d is not lib.float16], "x": lib.arange(6.0).reshape(2, 3),
        "i": lib.tensor([7, -7, 0, 2**62]), "b": lib.tensor([True, False]),
        "u": lib.tensor([0, 1, 255], dtype=lib.uint8), "c": lib.tensor([1 + 2j, -3.5j]),
        "h": lib.tensor([1.5, -2.25, 65504.0], dtype=lib.float16),
    }  # fmt: skip


def answer(lib: Any, expression: str) -> str:
    """The expression's value as text, with `torch` for the library's name."""
    return repr(eval(expression, names(lib))).replace("torchlike", "torch")  # noqa: S307 - the table


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("expression", [line for line in TABLE if line and not line.startswith("#")])
def test_same_answer(expression: str) -> None:
    assert answer(torchlike, expression) == answer(torch, expression)


NUMPY = (
    "np.sin(x)", "np.add(x, 1)", "np.add(x, np.ones(3))", "x + np.ones(3)", "np.float64(2) * x", "x * np.float64(2)",
    "np.concatenate([x, x])", "np.maximum(x, 2)", "np.dot(x, x.T)", "np.isnan(x)", "np.ones(3) / x",
    "x @ np.ones(3)", "np.float32(1) + x", "np.int64(3) ** x", "x == np.ones(3)", "np.sqrt(x[0, 1])",
    "np.where(x > 1, x, 0)", "np.clip(x, 0, 1)", "np.abs(x)", "np.reshape(x, (3, 2))", "np.cumsum(x)", "np.array([x, x])",
    "np.add(x, x, out=np.zeros((2, 3)))", "x[np.array([0, 1])]", "np.arange(3)[torch.tensor(1)]", "np.ones(3)[x[0] > 0]",
)  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("expression", NUMPY)
def test_numpy_functions(expression: str) -> None:
    kinds = []
    for lib in (torch, torchlike):
        v = eval(expression, {"np": np, "torch": lib, "x": lib.arange(6.0).reshape(2, 3)})  # noqa: S307 - the list above
        kinds.append((type(v).__name__, str(getattr(v, "dtype", "")), np.asarray(v).tolist()))
    assert kinds[0] == kinds[1]


def test_dlpack_shares_memory_with_numpy() -> None:
    x = torchlike.zeros(3)
    seen = np.from_dlpack(x)
    x.add_(1)
    assert seen.tolist() == [1, 1, 1]
    array = np.zeros(3, np.float32)
    t = torchlike.from_dlpack(array)
    t.add_(2)
    array[0] = 5
    assert t.tolist() == [5, 2, 2] and array.tolist() == [5, 2, 2]


def test_dlpack_with_jax_and_torch() -> None:
    assert torchlike.from_dlpack(jnp.arange(3.0)).add_(1).tolist() == [
        1,
        2,
        3,
    ]  # JAX's arrays stay as they are
    assert jnp.from_dlpack(torchlike.arange(3.0)).tolist() == [0, 1, 2]
    assert torch.from_dlpack(torchlike.arange(4)).tolist() == [0, 1, 2, 3]
    assert torchlike.from_dlpack(torch.arange(4)).tolist() == [0, 1, 2, 3]
    with pytest.raises(BufferError, match="require gradient"):
        torchlike.ones(2, requires_grad=True).__dlpack__()


def test_default_dtype_reaches_rows_already_used() -> None:
    root = torchlike.tensor([1, 4])
    assert root.sqrt().dtype is torchlike.float32
    torchlike.set_default_dtype(torchlike.float64)
    try:
        assert root.sqrt().dtype is torchlike.float64
    finally:
        torchlike.set_default_dtype(torchlike.float32)
    assert root.sqrt().dtype is torchlike.float32


def test_growing_leaves_aliases_behind() -> None:
    x = torchlike.arange(3.0)
    alias = x.view(3)
    x.resize_(2).zero_()
    assert alias.tolist() == [0, 0, 2]
    x.resize_(5).fill_(7)
    assert x.tolist() == [7] * 5 and alias.tolist() == [0, 0, 2]


def test_swapped_parameters_stay_in_the_module() -> None:
    layer = torchlike.nn.Linear(2, 2)
    weight, other = layer.weight, torchlike.nn.Parameter(torchlike.zeros(2, 2))
    torchlike.utils.swap_tensors(weight, other)
    layer(torchlike.ones(1, 2)).sum().backward()
    assert layer.weight is weight and weight.tolist() == [[0, 0], [0, 0]] and weight.grad is not None
