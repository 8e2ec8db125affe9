"""`torch.jit` and `torch.compile`: programs that use them run as the Python they are."""

from __future__ import annotations

import pytest

import torchlike as torch
from torchlike import jit, nn


def double(x):
    return x * 2


def test_compile_returns_what_it_is_given() -> None:
    model = nn.Linear(2, 2)
    assert torch.compile(model, mode="max-autotune", fullgraph=True) is model
    assert torch.compile(double) is double
    assert torch.compile(backend="eager")(double) is double
    with pytest.raises(RuntimeError, match="Either mode or options can be specified"):
        torch.compile(double, mode="default", options={})


def test_compiler_namespace() -> None:
    assert (
        torch.compiler.disable(double) is double and torch.compiler.disable(recursive=False)(double) is double
    )
    assert not torch.compiler.is_compiling() and not torch.compiler.is_exporting()
    torch.compiler.reset()
    with torch.compiler.set_stance("force_eager"):
        pass
    with pytest.raises(RuntimeError, match="stance"):
        torch.compiler.set_stance("fast")


@pytest.mark.parametrize(
    "decorate", [jit.script, jit.export, jit.unused, jit.script_method, jit.script_if_tracing]
)
def test_decorators_return_the_function(decorate) -> None:
    assert decorate(double) is double


def test_ignore_in_both_forms() -> None:
    assert jit.ignore(double) is double and jit.ignore(drop=True)(double) is double


def test_trace_runs_once_and_keeps_control_flow() -> None:
    calls = []

    def f(x, n=1):
        calls.append(n)
        return x * n if x.sum() > 0 else x - n

    traced = jit.trace(f, (torch.ones(2), 3))
    assert calls == [3]
    assert traced(-torch.ones(2), 3).tolist() == [-4.0, -4.0]
    assert jit.trace(double, torch.ones(2)) is double
    with pytest.raises(RuntimeError, match="example_kwarg_inputs should be a dict"):
        jit.trace(double)


def test_modules() -> None:
    class Net(jit.ScriptModule):
        @jit.script_method
        def forward(self, x):
            return x + 1

    net = Net()
    assert jit.script(net) is net and net(torch.zeros(1)).item() == 1
    with pytest.raises(RuntimeError, match=r"Please call \.eval\(\)"):
        jit.freeze(net)
    assert jit.freeze(net.eval()) is net
    assert jit.trace_module(net, {"forward": (torch.zeros(1),)}) is net


def test_small_things() -> None:
    assert not jit.is_scripting() and not jit.is_tracing()
    assert jit.annotate(list[int], [1]) == [1]
    assert jit.isinstance([1], list[int]) and not jit.isinstance(1, (list[int], str))
    assert jit.wait(jit.fork(double, 4)) == 8
    with pytest.raises(RuntimeError, match=r"Use torch\.load"):
        jit.load("model.pt")
    with pytest.raises(RuntimeError, match=r"Use torch\.save"):
        jit.save(nn.Linear(1, 1), "model.pt")
