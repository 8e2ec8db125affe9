"""Errors that depend on data at hand are raised at the call, without an observation; wrong shapes come first."""

import pytest

import torchlike

torch = pytest.importorskip("torch")

CALLS = """
x.gather(0,far) x.gather(1,far) x.gather(0,below) x.index_select(0,k) x.scatter(0,far,y) x.scatter(0,far,1.0) x.scatter_(0,far,y)
x.scatter_add(0,far,y) x.scatter_add_(0,far,y) x.scatter_reduce(0,far,y,'sum') x.scatter(0,far,y,reduce='add') x.index_add(0,k,y)
x.index_add_(0,k,y) x.index_copy(0,k,y) x.take(far) x.put(T.tensor([0,34]),y[0,:2]) T.cov(x[0],fweights=T.tensor([1,-1,2]))
T.cov(x[0],aweights=T.tensor([1.0,-1.0,2.0])) x.masked_fill(m,1j) x.half().masked_fill(m,1e9) x.int().masked_fill(m,2.0**40)
x.byte().masked_fill_(m,300) x.int().masked_fill(m,T.tensor(2.0**40)) x.scatter(0,far,y[None]) x.scatter(0,far,y.double())
x.gather(0,far[0]) x.index_add(0,k,y[:,:1]) x.index_add(0,k,y.double()) x.index_copy(0,k,y[:,:1])
""".split()


def raised(lib, call):
    """Type and text of what a call raises; its result is not looked at."""
    names = {
        "T": lib, "x": lib.ones(2, 3), "y": lib.ones(2, 3), "m": lib.tensor(True), "k": lib.tensor([0, 5]),
        "far": lib.tensor([[0, 1, 34], [1, 0, 1]]), "below": lib.tensor([[0, -1, 0], [1, 0, 1]]),
    }  # fmt: skip
    with pytest.raises(Exception) as info:  # noqa: PT011 - the type is what is compared
        eval(call, names)  # noqa: S307 - the table above
    return info.type.__name__, str(info.value).split("\n")[0]


@pytest.mark.parametrize("call", CALLS)
def test_error_at_the_call(call):
    assert raised(torchlike, call) == raised(torch, call)


def test_nothing_is_left_to_raise_later():
    with pytest.raises(RuntimeError, match="index 34 is out of bounds"):
        torchlike.ones(2, 3).gather(0, torchlike.tensor([[34]]))
    assert torchlike.ones(2).sum().item() == 2


def test_pending_indices_are_checked_by_the_program():
    index = torchlike.tensor([[0, 0, 17]]) * 2
    picked = torchlike.ones(2, 3).gather(0, index)
    with pytest.raises(RuntimeError, match="index 34 is out of bounds for dimension 0 with size 2"):
        picked.tolist()
