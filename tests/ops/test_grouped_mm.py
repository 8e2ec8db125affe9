"""Matrix products in groups, float8 products, and the chunked linear cross entropy, beside torch's."""

import numpy as np
import pytest

import torchlike

torch = pytest.importorskip("torch")
LIBRARIES = (torch, torchlike)


def rand(lib, *shape):
    values = np.random.RandomState(sum(shape)).uniform(-1, 1, shape).astype(np.float32)
    return lib.tensor(values)


def offsets(lib, *ends):
    return lib.tensor(ends, dtype=lib.int32)


SHAPES = {
    "rows": ((8, 8), (3, 8, 16), (2, 2, 8)),
    "columns": ((3, 4, 8), (8, 16), (5, 9, 16)),
    "sum": ((4, 8), (8, 16), (1, 4, 8)),
    "batch": ((3, 4, 8), (3, 8, 16), None),
}


@pytest.mark.parametrize("case", SHAPES)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_grouped_mm(case, dtype):
    a, b, ends = SHAPES[case]
    found = []
    for lib in LIBRARIES:
        x, y = (rand(lib, *s).to(getattr(lib, dtype)) for s in (a, b))
        offs = None if ends is None else offsets(lib, *ends)
        found.append(lib.nn.functional.grouped_mm(x, y, offs=offs).float().numpy())
    np.testing.assert_allclose(
        found[1],
        found[0],
        rtol=1e-5 if dtype == "float32" else 2e-2,
        atol=1e-5 if dtype == "float32" else 1e-2,
    )


def test_grouped_mm_has_gradients():
    """Those of one product per group."""
    x, y = rand(torchlike, 8, 8).requires_grad_(), rand(torchlike, 3, 8, 16).requires_grad_()
    grown = rand(torchlike, 8, 16)
    out = torchlike.nn.functional.grouped_mm(x, y, offs=offsets(torchlike, 2, 5, 8))
    got = torchlike.autograd.grad((out * grown).sum(), (x, y))
    parts = torchlike.cat([x[:2] @ y[0], x[2:5] @ y[1], x[5:] @ y[2]])
    want = torchlike.autograd.grad((parts * grown).sum(), (x, y))
    for g, w in zip(got, want, strict=True):
        np.testing.assert_allclose(g.numpy(), w.numpy(), rtol=1e-5, atol=1e-6)


def scaled(lib, a, b, *more, **named):
    kind, one = lib.nn.functional.ScalingType.TensorWise, lib.tensor(1.0)
    return lib.nn.functional.scaled_mm(rand(lib, *a), rand(lib, *b), one, kind, one, kind, *more, **named)


def grouped(lib, a, b, **named):
    return lib.nn.functional.grouped_mm(a, b, **named)


ERRORS = {
    "no offsets": lambda lib: grouped(lib, rand(lib, 4, 8), rand(lib, 3, 8, 16)),
    "offsets of 3d": lambda lib: grouped(
        lib, rand(lib, 3, 4, 8), rand(lib, 3, 8, 16), offs=offsets(lib, 1, 2, 4)
    ),
    "int64": lambda lib: grouped(lib, rand(lib, 4, 8), rand(lib, 3, 8, 16), offs=lib.tensor([1, 2, 4])),
    "dtype": lambda lib: grouped(lib, rand(lib, 4, 8).double(), rand(lib, 3, 8, 16)),
    "bias": lambda lib: grouped(
        lib, rand(lib, 4, 8), rand(lib, 3, 8, 16), offs=offsets(lib, 1, 2, 4), bias=rand(lib, 16)
    ),
    "out_dtype": lambda lib: grouped(
        lib, rand(lib, 4, 8), rand(lib, 3, 8, 16), offs=offsets(lib, 1, 2, 4), out_dtype=lib.float16
    ),
    "contraction": lambda lib: grouped(lib, rand(lib, 4, 8), rand(lib, 3, 4, 8), offs=offsets(lib, 1, 2, 4)),
    "groups": lambda lib: grouped(lib, rand(lib, 4, 8), rand(lib, 3, 8, 16), offs=offsets(lib, 1, 2)),
    "strides": lambda lib: grouped(lib, rand(lib, 4, 6), rand(lib, 3, 6, 10), offs=offsets(lib, 1, 2, 4)),
    "float32": lambda lib: scaled(lib, (16, 16), (16, 16)),
    "no matrix": lambda lib: scaled(lib, (3,), (16, 16)),
    "sizes": lambda lib: scaled(lib, (16, 16), (8, 8)),
    "bias of scaled_mm": lambda lib: scaled(lib, (16, 3), (3, 16), bias=rand(lib, 3)),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors(case):
    found = []
    for lib in LIBRARIES:
        with pytest.raises(Exception) as caught:
            ERRORS[case](lib)
        found.append((type(caught.value).__name__, str(caught.value)))
    assert found[1] == found[0]


def loss(lib, rows, reduction, bias, **options):
    x, w = rand(lib, rows, 6).requires_grad_(), rand(lib, 20, 6).requires_grad_()
    b = rand(lib, 20).requires_grad_() if bias else None
    target = lib.tensor(np.arange(rows) * 7 % 20)
    target[1] = -100
    chosen = lib.nn.LinearCrossEntropyOptions(**options)
    out = lib.nn.functional.linear_cross_entropy(
        x, w, target, linear_bias=b, weight=rand(lib, 20).abs() + 0.1, reduction=reduction, options=chosen
    )
    out.sum().backward()
    return [t.detach().numpy() for t in (out, x.grad, w.grad, *([b.grad] if bias else []))]


@pytest.mark.parametrize(
    "options", [{}, {"batch_chunk_size": 3}, {"chunking_method": "aspect_ratio:2"}], ids=str
)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("bias", [True, False])
def test_linear_cross_entropy_in_chunks(options, reduction, bias):
    for got, want in zip(
        *(loss(lib, 10, reduction, bias, **options) for lib in (torchlike, torch)), strict=True
    ):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
