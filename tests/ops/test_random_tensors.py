"""torch.rand and its relatives, and the in-place samplers: PyTorch's numbers, state, gradients and errors."""

from __future__ import annotations

import numpy as np
import pytest
from compare import agree

import torchlike
from torchlike.ops.refill import truncated_normal_

torch = pytest.importorskip("torch")
LIBS = (torchlike, torch)


def over(form):
    code = compile(form, form, "eval")
    return lambda lib: eval(code, {"torch": lib, "np": np})


def state(lib):
    return np.array(lib.get_rng_state().numpy())


@pytest.mark.parametrize(
    "form",
    [
        "rand(3, 4)", "rand((3, 4))", "rand(size=(3,))", "rand(5, dtype=torch.float64)",
        "rand(5, dtype=torch.complex64)", "rand(3, out=torch.empty(2))",
        "rand(3, out=torch.empty(2, dtype=torch.float64))", "rand(3, requires_grad=True)",
        "rand(3, generator=torch.Generator().manual_seed(3))", "rand(0)", "randn(3, 4)", "randn(20)",
        "randn(20, dtype=torch.complex64)", "randint(10, (20,))", "randint(3, 10, (20,))",
        "randint(low=2, high=5, size=(3,))", "randint(high=5, size=[3])", "randint(0, 2**40, (5,))",
        "randint(10, (4,), dtype=torch.float32)", "randint(0, 2, (9,), dtype=torch.bool)",
        "randint(3, (3,), out=torch.empty(3))", "randint(torch.tensor(3), (3,))", "randperm(100)",
        "randperm(5, dtype=torch.float16)", "randperm(3, out=torch.empty(3))",
        "rand_like(torch.ones(3, 4, dtype=torch.float64))", "randn_like(torch.ones(5, 6))",
        "rand_like(torch.ones(5, 6).t())", "randn_like(torch.ones(5, 6).t())",
        "randn_like(torch.ones(5, 6).t(), memory_format=torch.contiguous_format)",
        "rand_like(torch.ones(2, 3, 4, 5), memory_format=torch.channels_last)",
        "randint_like(torch.ones(3), 5)", "randint_like(torch.ones(3), 2, 5)",
        "randint_like(torch.ones(3), low=2, high=5)", "bernoulli(torch.full((20,), 0.3))",
        "bernoulli(torch.full((20,), 0.3, dtype=torch.float64))", "bernoulli(torch.ones(20), 0.4)",
        "bernoulli(torch.ones(20), p=0.4)",
        "bernoulli(torch.full((20,), 0.3), out=torch.empty(20, dtype=torch.int64))",
        "normal(2.0, 3.0, (20,))", "normal(0, 1, size=(2, 3))", "normal(torch.zeros(4), 2.0)",
        "normal(torch.arange(20.0))", "normal(2, torch.arange(20.0))",
        "normal(torch.zeros(2, 1), torch.ones(3))",
        "normal(torch.zeros(2, dtype=torch.float64), torch.ones(2))",
        "normal(0.0, 1.0, (3,), dtype=torch.float64)",
        "normal(torch.zeros(4), torch.ones(4), out=torch.empty(4))", "multinomial(torch.ones(5), 1)",
        "multinomial(torch.arange(1.0, 9), 3)", "multinomial(torch.rand(2, 6), 10, True)",
        "multinomial(torch.ones(2, 4), 3)",
        "multinomial(torch.ones(4), 2, out=torch.empty(0, dtype=torch.int64))",
        "poisson(torch.full((20,), 3.0))", "poisson(torch.tensor([0.0, 0.5, 30.0]))", "empty(20).uniform_()",
        "empty(20).uniform_(-1, 2)", "empty(20).uniform_(**{'from': -1, 'to': 2})",
        "empty(20, dtype=torch.complex64).uniform_()", "empty(5).normal_()", "empty(20).normal_(1, 2)",
        "empty(20, dtype=torch.complex128).normal_()", "empty(20).normal_(mean=1, std=2)",
        "empty(4, 5).t().normal_()", "empty(4, 5).t().uniform_()", "zeros(8, 10)[::2, ::2].normal_()",
        "empty(9).random_()", "empty(9, dtype=torch.int32).random_()", "empty(9).random_(5)",
        "empty(9).random_(2, 5)", "empty(9, dtype=torch.int64).random_(-5, None)", "empty(9).random_(to=5)",
        "empty(9).bernoulli_()", "empty(9, dtype=torch.bool).bernoulli_(0.3)",
        "empty(3, 4).bernoulli_(torch.tensor([0.1, 0.5, 0.9, 1.0]))", "empty(9).exponential_()",
        "empty(9).exponential_(lambd=3)", "empty(9).cauchy_(1, 0.1)", "empty(9).log_normal_()",
        "empty(9, dtype=torch.int64).geometric_(0.2)", "empty(0).normal_()",
        "empty(4).normal_(generator=torch.Generator().manual_seed(1))",
    ],
)  # fmt: skip
def test_draws(form):
    for lib in LIBS:
        lib.manual_seed(7)
    f = over("torch." + form)
    mine, theirs = f(torchlike), f(torch)
    assert str(mine.dtype) == str(theirs.dtype) and mine.requires_grad == theirs.requires_grad
    if "complex" in form:
        mine, theirs = torchlike.view_as_real(mine), torch.view_as_real(theirs)
    agree(mine, theirs, rtol=2e-6)
    np.testing.assert_array_equal(state(torchlike), state(torch))


@pytest.mark.parametrize(
    "low, high", [(0, 2**24 + 2), (0, 2**28 - 1), (-(2**30), 2**31 - 1), (2**25 + 1, 2**40)]
)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
@pytest.mark.filterwarnings("ignore:.*is out of bounds:UserWarning")
def test_integers_in_floating_tensors(dtype, low, high):
    for lib in LIBS:
        lib.manual_seed(7)
    mine, theirs = [
        lib.empty(50, dtype=getattr(lib, dtype)).random_(low, high).to(lib.float64) for lib in LIBS
    ]
    agree(mine, theirs, rtol=0)


@pytest.mark.parametrize(
    "form",
    [
        "empty(3).uniform_(2, 1)", "empty(3).uniform_(0, 1e39)", "empty(3).uniform_(-3e38, 3e38)",
        "rand(2, -1)", "empty(3, dtype=torch.int64).uniform_()", "empty(3, dtype=torch.int64).normal_()",
        "empty(3).normal_(0, -1)", "empty(3).exponential_(0)", "empty(3, dtype=torch.int64).exponential_()",
        "empty(3).geometric_(0)", "empty(3).geometric_(1)", "empty(3, dtype=torch.bool).geometric_(.5)",
        "empty(3).cauchy_(0, 0)", "empty(3, dtype=torch.int64).cauchy_()", "empty(3).log_normal_(0, 0)",
        "empty(3, dtype=torch.int64).log_normal_()", "empty(3).bernoulli_(2)",
        "empty(3).bernoulli_(torch.tensor(2.))", "bernoulli(torch.tensor([2.]))",
        "bernoulli(torch.tensor([1, 0]))", "empty(3, dtype=torch.complex64).bernoulli_(.5)",
        "randint(3, 3, (2,))", "empty(3, dtype=torch.complex64).random_()",
        "empty(3, dtype=torch.uint16).random_()", "randint(0, (2,))",
        "randint(0, 300, (2,), dtype=torch.uint8)", "randint(5.5, (3,))", "randint(5, 3)", "randperm(-1)",
        "randperm(300, dtype=torch.uint8)", "randperm(3000, dtype=torch.float16)",
        "randperm(5, dtype=torch.bool)", "randperm(5.)", "rand(2, dtype=torch.int64)",
        "randn(2, dtype=torch.int64)", "rand('a')", "rand(2.)",
        "rand_like(torch.ones(2, dtype=torch.int64))", "normal(0., 1.)", "normal(torch.zeros(2), -1.)",
        "normal(torch.zeros(2), torch.tensor([-1., 1]))", "normal(torch.zeros(2, dtype=torch.int64), 1.)",
        "normal(torch.zeros(2), torch.ones(3))", "multinomial(torch.ones(3), 0)",
        "multinomial(torch.ones(3), 4)", "multinomial(torch.ones(3, dtype=torch.int64), 2)",
        "multinomial(torch.ones(2, 2, 2), 2)", "multinomial(torch.zeros(3), 2, True)",
        "multinomial(torch.zeros(3), 2)", "multinomial(torch.tensor([1., -1]), 2, True)",
        "multinomial(torch.tensor([1., -1]), 1)", "multinomial(torch.tensor([1., float('inf')]), 3, True)",
        "poisson(torch.tensor([-1.]))", "poisson(torch.tensor([1]))",
        "empty(2, requires_grad=True).normal_()", "ones(1, requires_grad=True).expand(3).normal_()",
        "ones(1).expand(3).normal_()", "empty(3).random_(5, 5)", "empty(3).random_(1, 2, 3)",
        "rand(3, out=torch.empty(2), dtype=torch.float64)", "empty(3).random_(2**70)",
        "empty(3, dtype=torch.float16).random_(0, 2**17)", "empty(3, dtype=torch.uint8).random_(-1, 5)",
    ],
)  # fmt: skip
def test_errors(form):
    raised = []
    for lib in LIBS:
        with pytest.raises(Exception) as info:  # noqa: PT011 - the type is what is compared
            over("torch." + form)(lib)
        raised.append((info.type, str(info.value).split("\n")[0]))
    assert raised[0] == raised[1]


@pytest.mark.parametrize("law", ["normal_", "uniform_", "bernoulli_", "exponential_"])
def test_refilled_history_ends(law):
    """What was drawn does not depend on what it overwrote: the gradient is zeros."""
    for lib in LIBS:
        lib.manual_seed(1)
        x = lib.ones(3, requires_grad=True)
        y = x * 2
        getattr(y, law)()
        assert y.requires_grad
        (y * x).sum().backward()
        agree(x.grad, y.detach())


@pytest.mark.parametrize("form", ["bernoulli(x)", "normal(x, 1.0)", "normal(x, x)", "poisson(x)"])
def test_draws_have_zero_gradients(form):
    for lib in LIBS:
        x = lib.full((4,), 0.5, requires_grad=True)
        out = eval("lib." + form, {"lib": lib, "x": x})
        assert out.requires_grad
        out.sum().backward()
        agree(x.grad, lib.zeros(4))


def test_views_are_refilled():
    x = torchlike.zeros(2, 3)
    x[1].fill_(5)
    x[0].uniform_()
    assert x[1].tolist() == [5, 5, 5] and float(x[0].min()) > 0
    assert x._version > 0


def test_no_draw_where_nothing_is_filled():
    torchlike.manual_seed(3)
    before = state(torchlike)
    torchlike.empty(0).normal_()
    torchlike.rand(0, 4)
    np.testing.assert_array_equal(state(torchlike), before)


def test_a_generator_of_another_kind_is_refused():
    said = []
    for lib in LIBS:
        with pytest.raises(TypeError, match=r"rand\(\) received an invalid combination of arguments") as info:
            lib.rand(3, generator=5)
        said.append(str(info.value))
    assert said[0] == said[1]


@pytest.mark.parametrize(
    "law", [(0, 1, -2, 2), (0, 0.02, -2, 2), (0, 1, 1.5, 3), (0, 1, -0.1, 0.1), (2, 0.5, -1, 1)]
)
@pytest.mark.parametrize("size", [5, 40, 1001])
@pytest.mark.filterwarnings("ignore:mean is more than 2 std:UserWarning")
def test_truncated_normal(size, law):
    """Rejection draws as many numbers as PyTorch's, so all that follow agree as well."""
    for lib in LIBS:
        lib.manual_seed(3)
    agree(
        truncated_normal_(torchlike.empty(size), *law), torch.nn.init.trunc_normal_(torch.empty(size), *law)
    )
    np.testing.assert_array_equal(state(torchlike), state(torch))
