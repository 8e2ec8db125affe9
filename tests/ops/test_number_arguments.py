"""0-dim tensors as Python numbers: those that require grad are refused, as in PyTorch, or warned of."""

import warnings

import pytest

import torchlike

torch = pytest.importorskip("torch")

CALLS = """
torch.full((2,), v)
torch.full_like(x, v)
x.new_full((2,), v)
torch.arange(v)
torch.linspace(v, 2, 3)
torch.logspace(v, 2, 3)
torch.add(x, 1, alpha=v)
torch.addcmul(x, x, x, value=v)
F.leaky_relu(x, v)
F.elu(x, v)
F.softplus(x, v)
x.clone().fill_(v)
x.masked_fill(x > 0, v)
x.clamp(v)
torch.lerp(x, x, v)
x ** v
torch.where(x > 0, x, v)
torch.normal(v, 1.0, (2,)).shape
torch.normal(0.0, v, (2,)).shape
torch.normal(x, 1.0, (2,))
torch.normal(v, 1.0).shape
""".strip().splitlines()


def outcome(lib, call, requires_grad):
    v = lib.ones((), requires_grad=requires_grad)
    try:
        found = eval(call, {"torch": lib, "F": lib.nn.functional, "x": lib.ones(2), "v": v})
    except Exception as e:  # noqa: BLE001 - what it is, is the subject
        return type(e).__name__, str(e).partition("\n")[0]
    return found.tolist() if isinstance(found, lib.Tensor) else tuple(found)


@pytest.mark.parametrize("requires_grad", [False, True])
@pytest.mark.parametrize("call", CALLS)
def test_same_as_torch(call, requires_grad):
    assert outcome(torchlike, call, requires_grad) == outcome(torch, call, requires_grad)


@pytest.mark.parametrize("convert", [float, complex], ids=["float", "complex"])
@pytest.mark.parametrize("requires_grad", [False, True])
def test_warned_of(convert, requires_grad):
    texts = []
    for lib in (torch, torchlike):
        before = lib.is_warn_always_enabled()
        lib.set_warn_always(True)
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                assert convert(lib.ones(1, requires_grad=requires_grad)) == 1
        finally:
            lib.set_warn_always(before)
        texts.append([str(w.message).partition(" (Triggered")[0] for w in caught])
    assert texts[0] == texts[1] and len(texts[0]) == requires_grad
