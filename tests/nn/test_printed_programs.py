"""Small programs over modules that print: PyTorch prints the same, warns of the same and fails alike.

`programs/*.txt` has them, each after a line `### its name`. `r(x)` makes tensors, nested ones too, printable.
"""

import contextlib
import copy
import importlib
import io
import pickle
import re
import sys
import types
import warnings
from pathlib import Path

import pytest

import torchlike

torch = pytest.importorskip("torch")
PARTS = (
    "nn.utils.parametrize",
    "nn.utils.prune",
    "nn.utils.rnn",
    "nn.utils.stateless",
    "nn.utils.fusion",
    "__future__",
)
PROGRAMS = {}
for path in sorted((Path(__file__).parent / "programs").glob("*.txt")):
    _, *split = re.split(r"^### ?(.*)$", path.read_text(), flags=re.MULTILINE)
    PROGRAMS.update(
        {f"{path.stem}: {name}": code for name, code in zip(split[::2], split[1::2], strict=True)}
    )
# warnings about how PyTorch's own kernels are chosen
NOT_OURS = re.compile("oneDNN")


def readable(x, digits=4):
    if isinstance(x, (torch.Tensor, torchlike.Tensor)):
        x = x.detach()
        if x.numel() >= 40 or x.is_complex():
            return tuple(x.shape), round(float(x.abs().double().sum()), 1)
        numbers = [round(float(v), digits) + 0.0 if v == v else "nan" for v in x.double().flatten().tolist()]
        return str(x.dtype).split(".")[-1], numbers
    if isinstance(x, dict):
        return {k: readable(v, digits) for k, v in x.items()}
    return [readable(v, digits) for v in x] if isinstance(x, (tuple, list)) else x


def run(lib, code, monkeypatch):
    """What a program prints, and its warnings."""
    for part in PARTS:
        importlib.import_module(f"{lib.__name__}.{part}")
    nn, utils = lib.nn, lib.nn.utils
    known = {
        "torch": lib, "nn": nn, "F": nn.functional, "copy": copy, "pickle": pickle, "io": io, "P": utils.parametrize,
        "PZ": utils.parametrizations, "prune": utils.prune, "rnn": utils.rnn, "init": nn.init, "mod": nn.modules.module,
        "r": readable,
    }  # fmt: skip
    lib.manual_seed(0)
    out = io.StringIO()
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(out):
        warnings.simplefilter("always")
        module = types.ModuleType("program")  # where pickles find the classes
        vars(module).update(known)
        monkeypatch.setitem(sys.modules, "program", module)
        try:
            exec(code, vars(module))
        except Exception as e:
            print(type(e).__name__, e)
    lines = out.getvalue().splitlines()
    for w in caught:
        text = str(w.message).split("(Triggered")[0].strip()
        if not NOT_OURS.search(text):
            lines.append(f"{w.category.__name__}: {text}")
    return [re.sub(r"0x[0-9a-f]+", "0x", line).replace("torchlike", "torch") for line in lines]


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name, monkeypatch):
    got, want = (run(lib, PROGRAMS[name], monkeypatch) for lib in (torchlike, torch))
    assert got == want
