"""Symbolic numbers against torch: functions on plain numbers, and types that are never made."""

import pytest

import torchlike

torch = pytest.importorskip("torch")

CALLS = {
    "int": lambda T: [T.sym_int(x) for x in (3.7, -3.7, "4", True)],
    "float": lambda T: [T.sym_float(x) for x in (3, 2.5, "4")],
    "max": lambda T: [T.sym_max(*x) for x in ((1, 2.5), (2, 2.0), (1.5, 1), (3, 4))],
    "min": lambda T: [T.sym_min(*x) for x in ((1, 2.5), (2.0, 2), (3, 4))],
    "not": lambda T: [T.sym_not(x) for x in (True, 0, 3)],
    "ite": lambda T: [T.sym_ite(True, 3, 4), T.sym_ite(False, 1.0, 2.0)],
    "sum": lambda T: [T.sym_sum([1, 2, 3]), T.sym_sum([]), T.sym_sum((1, 2.5)), T.sym_sum(1, 2)],
    "ite types": lambda T: T.sym_ite(True, 3, 4.0),
    "ite condition": lambda T: T.sym_ite(1, 3, 4),
    "max of texts": lambda T: T.sym_max("a", "b"),
}


@pytest.mark.parametrize("name", CALLS)
def test_on_numbers(name):
    found = []
    for lib in (torchlike, torch):
        try:
            made = CALLS[name](lib)
            found.append((made, [type(x) for x in made]))
        except AssertionError as e:
            found.append(str(e))
    assert found[0] == found[1]


@pytest.mark.parametrize("name", ["SymInt", "SymFloat", "SymBool"])
def test_types(name):
    kind = getattr(torchlike, name)
    assert not any(isinstance(x, kind) for x in (3, 2.5, True, torchlike.ones(2).shape[0]))
    with pytest.raises(RuntimeError, match=f"torch.{name}: .*plain Python numbers"):
        kind(3)
