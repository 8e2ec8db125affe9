"""torch.masked: every reduction and normalisation over dtypes, dims and masks, and MaskedTensor, as in PyTorch."""

import functools
import re
import warnings

import pytest

import torchlike

torch = pytest.importorskip("torch")
from outcomes import equal, leaf, outcome  # noqa: E402 - needs torch

DTYPES = ["float32", "float64", "float16", "bfloat16", "complex64", "int64", "int32", "int8", "uint8", "bool"]
REDUCTIONS = [
    "sum",
    "prod",
    "amax",
    "amin",
    "argmax",
    "argmin",
    "mean",
    "median",
    "norm",
    "var",
    "std",
    "logsumexp",
]
EACH = ["softmax", "log_softmax", "softmin", "cumsum", "cumprod", "normalize"]
MASKS = {
    "none": lambda t: None,
    "some": lambda t: t.tensor([[True, False, True], [False, False, True]]),
    "row": lambda t: t.tensor([True, False, True]),
    "no row": lambda t: t.tensor([[True, True, False], [False, False, False]]),
    "numbers": lambda t: t.tensor([[1, 0, 2], [0, 0, 1]]),
    "higher": lambda t: t.ones(1, 2, 3, dtype=t.bool),
}


CASES = [
    ("none", {}), ("none", {"dim": 5}), ("some", {"dim": 0}), ("row", {"dim": -1, "keepdim": True}),
    ("no row", {"dim": -1}), ("numbers", {}), ("higher", {}),
]  # fmt: skip


def data(t, dtype):
    return t.tensor([[2.0, 0.0, 3.0], [1.0, 4.0, 1.0]]).to(getattr(t, dtype))


def tolerance(dtype):
    return {"float16": 2e-3, "bfloat16": 2e-2}.get(dtype, 1e-5)


def compare(f, rtol=1e-5):
    """What `f` gives must be the same in both libraries, its errors too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        equal(outcome(f, torchlike)[:2], outcome(f, torch)[:2], rtol, rtol)


def reduced(name, dtype, which, *args, **options):
    """A function of the library: the masked operator on the data."""
    t = args[-1]
    return _float(t, getattr(t.masked, name)(data(t, dtype), *args[:-1], mask=MASKS[which](t), **options))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name, dtype):
    for which, options in CASES:
        run = functools.partial(reduced, name, dtype, which, **options)
        compare(run, tolerance(dtype))


def _float(t, x):
    """In a dtype that NumPy has."""
    return (str(x.dtype).split(".")[-1], x.float()) if x.dtype == t.bfloat16 else x


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16", "int64"])
@pytest.mark.parametrize("name", EACH)
def test_normalisations(name, dtype):
    first = (2.0,) if name == "normalize" else ()
    for which in MASKS:
        run = functools.partial(reduced, name, dtype, which, *first, 0 if which == "row" else -1)
        compare(run, tolerance(dtype))


@pytest.mark.parametrize("name", [*REDUCTIONS, *EACH])
def test_gradients(name):
    if name in ("argmax", "argmin"):
        return
    first = (2.0,) if name == "normalize" else ()
    dim = {"dim": 1}

    def f(t):
        x = leaf(t, 2, 3, dtype=t.float64)
        out = getattr(t.masked, name)(x, *first, mask=MASKS["some"](t), **dim)
        (out * t.arange(1, out.numel() + 1).reshape(out.shape)).sum().backward()
        return out, x.grad

    compare(f)


@pytest.mark.parametrize(
    "f",
    [
        lambda t: t.masked.logaddexp(data(t, "float32"), data(t, "float32"), input_mask=MASKS["some"](t)),
        lambda t: t.masked.norm(data(t, "float32"), float("-inf"), 1, mask=MASKS["some"](t)),
        lambda t: t.masked.norm(data(t, "float32"), 1, (0, 1), mask=MASKS["some"](t)),
        lambda t: t.masked.var(data(t, "float32"), 0, False, mask=MASKS["row"](t)),
        lambda t: t.masked.std(data(t, "float32"), 0, correction=0, mask=MASKS["row"](t)),
        lambda t: t.masked.sum(data(t, "int8"), (0, 1), mask=MASKS["some"](t)),
        lambda t: t.masked.sum(data(t, "int8"), (0, 0)),
        lambda t: t.masked.mean(data(t, "int64"), dtype=t.float64, mask=MASKS["some"](t)),
        lambda t: t.masked.sum(t.tensor(3.0), mask=t.tensor(False)),
        lambda t: t.masked.amax(t.zeros(0, 3), 1, mask=t.zeros(0, 3, dtype=t.bool)),
        lambda t: t.masked._reduction_identity("amin", t.ones(2, dtype=t.int8)),
        lambda t: t.masked._input_mask(t.ones(2, 3), mask=t.tensor([True, False, True])),
        lambda t: t.masked.cumsum(data(t, "float32").to_sparse(), 0),
        lambda t: t.masked.prod(data(t, "float32").to_sparse(), 0),
        lambda t: t.masked.sum(data(t, "float32").to_sparse(), 0, mask=MASKS["some"](t)).to_dense(),
        lambda t: t.masked.sum(data(t, "float32").to_sparse(), 1, keepdim=True).to_dense(),
        lambda t: t.masked.amax(data(t, "float32").to_sparse(), 1, mask=MASKS["some"](t)).to_dense(),
        lambda t: t.masked.prod(data(t, "int32").to_sparse(), (0, 1), mask=MASKS["row"](t)).to_dense(),
    ],
    ids=range(18),
)
def test_arguments(f):
    compare(f)


# ---- MaskedTensor ------------------------------------------------------------------------------------------


def made(t, **kw):
    return t.masked.masked_tensor(t.arange(6.0).reshape(2, 3), MASKS["some"](t), **kw)


def shown(x):
    """A result with MaskedTensors as what they print."""
    if isinstance(x, (list, tuple)):
        return [shown(v) for v in x]
    return repr(x) if type(x).__name__ == "MaskedTensor" else x


def both(f):
    """`f(torch, a MaskedTensor)` in both libraries; of 'Multiple dispatch failed' only the beginning."""

    def one(t):
        try:
            return shown(f(t, made(t)))
        except TypeError as e:
            raise TypeError(re.sub(r"(Multiple dispatch failed).*", r"\1", str(e), flags=re.DOTALL)) from None

    compare(one)


UNARY = "abs exp log sqrt neg sin ceil sigmoid tanh square isnan reciprocal sign nan_to_num".split()
BINARY = "add sub mul div eq lt ge maximum fmod atan2 logaddexp remainder floor_divide".split()
UNKNOWN = "relu sort any max median cumsum log_softmax logical_not nonzero flip".split()


@pytest.mark.parametrize("name", UNARY)
def test_unary(name):
    both(lambda t, x: getattr(t, name)(x))
    both(lambda t, x: getattr(x, name)())
    if name != "isnan":
        both(lambda t, x: getattr(x, name + "_")())


@pytest.mark.parametrize("name", BINARY)
def test_binary(name):
    both(lambda t, x: getattr(t, name)(x, x))
    both(lambda t, x: getattr(t, name)(x, t.full((2, 3), 2.0)))
    both(lambda t, x: getattr(t, name)(x, t.masked.masked_tensor(t.ones(2, 3), t.ones(2, 3) == 1)))
    if name not in ("logaddexp", "maximum"):
        both(lambda t, x: getattr(x, name + "_")(t.full((2, 3), 2.0)))


@pytest.mark.parametrize("name", UNKNOWN)
def test_unknown_operators(name):
    both(
        lambda t, x: getattr(t, name)(
            x, *((0,) if name in ("cumsum", "log_softmax") else ([0],) if name == "flip" else ())
        )
    )
    with (
        pytest.warns(UserWarning, match="is not implemented in __torch_dispatch__ for MaskedTensor"),
        pytest.raises(TypeError),
    ):
        torchlike.relu(made(torchlike))


@pytest.mark.parametrize(
    "name", ["sum", "mean", "amin", "amax", "argmin", "argmax", "prod", "all", "var", "std"]
)
def test_masked_reductions(name):
    both(lambda t, x: getattr(x, name)())
    both(lambda t, x: getattr(t, name)(x, dim=0))
    both(lambda t, x: getattr(x, name)(dim=1, keepdim=True))
    if name not in ("all", "var", "std"):
        both(lambda t, x: getattr(x.to_sparse(), name)())


OPERATIONS = {
    "operators": lambda t, x: [x + 1, 1 + x, 2 * x, x / 2, 1 / x, -x, x**2, x < 3, x == x, abs(x)],
    "index": lambda t, x: [x[0], x[:, 1:], x[0, 0], x[[0]], x[..., 0], x[None], x[MASKS["some"](t)]],
    "shape": lambda t, x: [x.t(), x.view(3, 2), x.reshape(6), x.flatten(), x.unsqueeze(1), x.transpose(0, 1), x.unfold(1, 2, 1)],
    "expand": lambda t, x: [x.expand(2, 2, 3), x.narrow(1, 0, 2), x.select(0, 1), x.contiguous(), x.clone(), x.detach()],
    "parts": lambda t, x: [x.split(1), x.chunk(2, 1), t.stack([x, x]), t.cat([x, x], 1)],
    "casts": lambda t, x: [x.double(), x.to(t.int64), x.half(), t.ones_like(x)],
    "softmax": lambda t, x: [x.softmax(1), t.nn.functional.softmax(x, 0)],
    "clamp": lambda t, x: [x.clamp(0, 2), x.clamp(min=1)],
    "where": lambda t, x: [t.where(MASKS["some"](t), x, 0.0), t.where(MASKS["some"](t), x, x)],
    "sparse": lambda t, x: [x.to_sparse(), x.to_sparse_coo().exp(), (x.to_sparse() + x.to_sparse()).to_dense(), x.to_dense()],
    "data": lambda t, x: [x.get_data(), x.get_mask(), x.to_tensor(7), x.shape, x.dim(), x.numel(), len(x), x.stride()],
    "questions": lambda t, x: [x.is_sparse, x.is_sparse_coo(), x.is_contiguous(), t.is_tensor(x), x.requires_grad, x.is_leaf],
    "is masked": lambda t, x: [t.masked.is_masked_tensor(x), t.masked.is_masked_tensor(1)],
    "item": lambda t, x: [x[0, 0].item(), float(x.sum()), bool(x[0, 0] > 0)],
    "item of several": lambda t, x: x.item(),
    "item masked out": lambda t, x: x[0, 1].item(),
    "numpy": lambda t, x: x.numpy(),
    "tolist": lambda t, x: x.tolist(),
    "alpha": lambda t, x: x.add(1, alpha=2),
    "tensor exponent": lambda t, x: x.pow(x),
    "iadd": lambda t, x: x.__iadd__(1),
    "empty": lambda t, x: t.masked.masked_tensor(t.zeros(0), t.zeros(0) == 1).shape,
    "bool": lambda t, x: t.masked.masked_tensor(t.ones(3) == 1, t.tensor([True, False, True])),
    "number": lambda t, x: [t.masked.masked_tensor(t.tensor(3), t.tensor(b)) for b in (True, False)],
    "3-d": lambda t, x: t.masked.masked_tensor(t.ones(1, 2, 2), t.ones(1, 2, 2) == 1),
    "copy_": lambda t, x: x.copy_(x + 1),
}  # fmt: skip


@pytest.mark.parametrize("f", OPERATIONS.values(), ids=OPERATIONS)
def test_operations(f):
    both(f)


@pytest.mark.parametrize(
    "args",
    [
        lambda t: ([1.0], t.ones(1) == 1),
        lambda t: (t.ones(1), [True]),
        lambda t: (t.ones(2), t.ones(2)),
        lambda t: (t.ones(2), t.ones(2, 1) == 1),
        lambda t: (t.ones(2), t.ones(3) == 1),
        lambda t: (t.ones(2).bfloat16(), t.ones(2) == 1),
        lambda t: (t.ones(2).to_sparse(), t.ones(2) == 1),
        lambda t: (made(t), MASKS["some"](t)),
    ],
    ids=range(8),
)
def test_what_is_refused(args):
    compare(lambda t: t.masked.masked_tensor(*args(t)))
    compare(lambda t: t.masked.as_masked_tensor(*args(t)))


def test_warnings():
    def said(t, grad):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            t.masked.masked_tensor(t.ones(2, requires_grad=grad), t.ones(2) == 1)
        return [(w.category, str(w.message)) for w in caught]

    for grad in (False, True):
        assert said(torchlike, grad) == said(torch, grad)


PROGRAMS = {
    "exp": lambda t, x: x.exp().sum(),
    "chain": lambda t, x: ((x * 2 + 1) / 3).exp().mean(),
    "dim": lambda t, x: x.amax(1).sum(),
    "softmax": lambda t, x: (x.softmax(1) * x).sum(),
    "shape": lambda t, x: x.t().exp().sum(),
    "prod": lambda t, x: (x + 1).prod(),
    "data": lambda t, x: x.get_data().exp().sum(),
}  # fmt: skip


@pytest.mark.parametrize("f", PROGRAMS.values(), ids=PROGRAMS)
def test_autograd(f):
    def one(t):
        x = made(t, requires_grad=True)
        f(t, x).backward()
        return repr(x.grad), x.grad.to_tensor(0)

    compare(one)


def test_gradients_of_what_it_was_made_of():
    def one(t):
        a = t.arange(6.0).reshape(2, 3).requires_grad_()
        t.masked.as_masked_tensor(a, MASKS["some"](t)).square().sum().backward()
        return repr(a.grad)

    compare(one)
    x = made(torchlike, requires_grad=True)
    (g,) = torchlike.autograd.grad(x.square().sum(), x)
    assert torchlike.masked.is_masked_tensor(g) and g.to_tensor(0).tolist() == [
        [0.0, 0.0, 4.0],
        [0.0, 0.0, 10.0],
    ]
    assert x.grad is None


def test_hooks_and_leaves():
    x = made(torchlike, requires_grad=True)
    seen = []
    x.register_hook(lambda g: seen.append(torchlike.masked.is_masked_tensor(g)))
    x.sum().backward()
    assert seen == [True] and x.grad is x.grad
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        x.add_(1)
    with pytest.raises(NotImplementedError, match="to_sparse_coo"):
        x.to_sparse_csr()


pytestmark = pytest.mark.filterwarnings(
    "ignore:The PyTorch API of MaskedTensors", "ignore:It is not recommended to create"
)
