"""`torch.overrides`: finding out about, and calling, a class's `__torch_function__`."""

from __future__ import annotations

import torchlike as torch
from torchlike import overrides


class Recorder:
    calls: list = []

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        cls.calls.append(func)
        return "taken"


def test_has_torch_function() -> None:
    assert not overrides.has_torch_function((torch.ones(1), 3, torch.nn.Parameter(torch.ones(1))))
    assert overrides.has_torch_function((3, Recorder())) and overrides.has_torch_function_unary(Recorder())
    assert overrides.has_torch_function_variadic(torch.ones(1), Recorder())
    assert overrides.is_tensor_like(torch.ones(1)) and overrides.is_tensor_like(Recorder())
    assert not overrides.is_tensor_like([1])


def test_own_functions_take_part() -> None:
    @overrides.wrap_torch_function(lambda x, y=None: (x, y))
    def f(x, y=None):
        return "own"

    assert f(torch.ones(1)) == "own"
    assert f(torch.ones(1), Recorder()) == "taken" and Recorder.calls[-1] is f
    assert overrides.handle_torch_function(f, (Recorder(),), Recorder()) == "taken"
