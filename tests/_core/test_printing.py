"""`repr` text, character for character, against PyTorch on generated tensors."""

import itertools

import numpy as np
import pytest

from torchlike._core import printing

torch = pytest.importorskip("torch")

SHAPES = [
    (), (1,), (5,), (30,), (1001,), (3, 4), (1, 1, 1), (2, 3, 4), (40, 40), (7, 8, 30),
    (2, 2, 2, 2), (1200, 1),
]  # fmt: skip
EMPTY = [(0,), (0, 3), (2, 0, 3)]
VALUES = {
    "unit": lambda r, s: r.uniform(-1, 1, s),
    "positive": lambda r, s: r.uniform(0, 5, s),
    "tiny": lambda r, s: r.uniform(-1, 1, s) * 1e-6,
    "spread": lambda r, s: 10.0 ** r.uniform(-5, 5, s),
    "whole": lambda r, s: r.randint(-50, 50, s).astype(float),
    "large_whole": lambda r, s: r.randint(0, 2**40, s).astype(float),
    "mixed_whole": lambda r, s: r.randint(0, 5000, s).astype(float),
    "zeros": lambda r, s: np.zeros(s),
    "special": lambda r, s: r.choice([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.5], s),
    "only_special": lambda r, s: r.choice([np.nan, np.inf, -np.inf], s),
    "whole_special": lambda r, s: r.choice([np.nan, -np.inf, 3.0, -12.0], s),
    "spread_special": lambda r, s: r.choice([np.nan, -np.inf, 3e-7, -12.0], s),
}
FLOATS = ["float32", "float64", "float16", "bfloat16", "complex64", "complex128"]
INTS = ["int64", "int32", "int16", "int8", "uint8", "bool"]
OPTIONS = [
    {"precision": 2}, {"precision": 8}, {"threshold": 5}, {"threshold": 5, "edgeitems": 1}, {"linewidth": 40},
    {"sci_mode": True}, {"sci_mode": False}, {"profile": "short"}, {"profile": "full"},
    {"threshold": 3, "edgeitems": 0}, {"linewidth": 200}, {"precision": 0}, {"threshold": 10, "edgeitems": 5},
]  # fmt: skip


@pytest.fixture(autouse=True)
def default_options():
    printing.set_printoptions(profile="default")
    torch.set_printoptions(profile="default")
    yield
    printing.set_printoptions(profile="default")
    torch.set_printoptions(profile="default")


def reference(array, dtype):
    return torch.from_numpy(np.array(array)).to(getattr(torch, dtype))


def host(t):
    """t as the array that a Tensor of torchlike would hand to tensor_str."""
    if t.dtype is torch.bfloat16:
        import ml_dtypes

        return t.detach().float().numpy().astype(ml_dtypes.bfloat16)
    return t.detach().numpy()


def agree(t, **kwargs):
    assert printing.tensor_str(host(t), str(t.dtype).split(".")[1], **kwargs) == repr(t)


def values(name, shape, dtype):
    r = np.random.RandomState(len(name) + sum(shape))
    out = np.asarray(VALUES[name](r, shape), dtype=float)
    if dtype.startswith("complex"):
        imag = np.asarray(VALUES[name](r, shape), dtype=float)
        out, real = np.empty(shape, np.complex128), out
        out.real, out.imag = real, imag
    return reference(out, dtype)


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("dtype", FLOATS)
def test_floating_values(name, dtype):
    for shape in SHAPES:
        agree(values(name, shape, dtype))


@pytest.mark.parametrize("dtype", INTS)
def test_integers_and_bool(dtype):
    r = np.random.RandomState(0)
    for shape, high in itertools.product(SHAPES, (3, 100, 2**40)):
        agree(reference(r.randint(0 if dtype in ("bool", "uint8") else -high, high, shape), dtype))


@pytest.mark.parametrize("dtype", FLOATS + INTS)
def test_empty(dtype):
    for shape in EMPTY:
        agree(reference(np.zeros(shape), dtype))


@pytest.mark.parametrize("kwargs", OPTIONS, ids=str)
def test_options(kwargs):
    printing.set_printoptions(**kwargs)
    torch.set_printoptions(**kwargs)
    for name, dtype, shape in itertools.product(VALUES, ("float32", "complex64", "int64", "float16"), SHAPES):
        if dtype == "int64" and name not in ("whole", "zeros", "large_whole"):
            continue
        agree(values(name, shape, dtype))
    for shape in EMPTY:
        agree(reference(np.zeros(shape), "float32"))


@pytest.mark.parametrize("shape", [(), (3,), (17,), (18,), (19,), (20,), (4, 4), (0, 3), (2, 0)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "complex64"])
def test_gradient_suffixes_and_their_line_breaks(shape, dtype):
    r = np.random.RandomState(1)
    t = reference(r.uniform(-1, 1, shape), dtype).requires_grad_()
    agree(t, requires_grad=True)
    for y in (t + 1, t.exp(), t.unsqueeze(0), torch.nn.functional.log_softmax(t.real.reshape(-1), 0)):
        name = type(y.grad_fn).__name__
        text = printing.tensor_str(host(y), str(y.dtype)[6:], requires_grad=True, grad_fn_name=name)
        assert text == repr(y)


def test_device_suffix_comes_first():
    text = printing.tensor_str(np.float32([1, 2]), "float32", "cuda:0", True)
    assert text == "tensor([1., 2.], device='cuda:0', requires_grad=True)"


def test_default_dtype_is_not_printed():
    torch.set_default_dtype(torch.float64)
    try:
        for dtype in ("float32", "float64", "complex64", "complex128"):
            t = reference([1.5], dtype)
            agree(t, default_dtype_name="float64")
            agree(t[:0], default_dtype_name="float64")
    finally:
        torch.set_default_dtype(torch.float32)


def test_meta_tensors_print_their_size():
    for shape, dtype in itertools.product([(), (2, 3)], ("float32", "int64", "bool")):
        t = torch.empty(shape, dtype=getattr(torch, dtype), device="meta")
        assert printing.tensor_str(None, dtype, "meta", shape=shape) == repr(t)


def test_subclasses_print_their_name():
    class Mine(torch.Tensor):
        pass

    for shape in [(3,), (4, 30)]:
        t = torch.rand(shape).as_subclass(Mine)
        assert printing.tensor_str(host(t.as_subclass(torch.Tensor)), "float32", class_name="Mine") == repr(t)


def test_printoptions_context_restores():
    before = printing.get_printoptions()
    with printing.printoptions(precision=2, sci_mode=True):
        assert printing.get_printoptions()["sci_mode"] is True
    assert printing.get_printoptions() == before


def test_sci_mode_falls_back_to_automatic_when_omitted():
    printing.set_printoptions(sci_mode=True)
    printing.set_printoptions(precision=4)
    assert printing.get_printoptions()["sci_mode"] is None
