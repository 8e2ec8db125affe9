"""`Tensor.grad_dtype` against torch."""

import pytest

import torchlike

torch = pytest.importorskip("torch")
LIBS = (torchlike, torch)


def leaf(lib):
    return lib.ones(2, requires_grad=True)


def told(f):
    """What `f(lib)` returns or raises, of both."""
    found = []
    for lib in LIBS:
        try:
            found.append(str(f(lib)).replace("torchlike", "torch"))
        except RuntimeError as e:
            found.append(str(e).partition(" (Triggered")[0])
    return found


@pytest.mark.parametrize("dtype", ["float16", "float64", "bfloat16", None])
def test_gradients_are_cast(dtype):
    def f(lib):
        x = leaf(lib)
        seen = []
        x.register_hook(lambda g: seen.append(str(g.dtype)))
        x.grad_dtype = dtype and getattr(lib, dtype)
        for _ in range(3):
            (x * 3).sum().backward()
        return x.grad, seen, x.grad_dtype, lib.autograd.grad((x**3).sum(), x, create_graph=True)[0].dtype

    a, b = told(f)
    assert a.replace("torch.", "") == b.replace("torch.", "")


def _set(x, name, value):
    setattr(x, name, value)
    return x.grad_dtype


CASES = {
    "default": lambda T: leaf(T).grad_dtype,
    "integers": lambda T: T.ones(2, dtype=T.int32).grad_dtype,
    "no leaf": lambda T: (leaf(T) * 2).grad_dtype,
    "set of no leaf": lambda T: _set(leaf(T) * 2, "grad_dtype", T.float16),
    "no dtype": lambda T: _set(leaf(T), "grad_dtype", 3),
    "detached": lambda T: (lambda x: (_set(x, "grad_dtype", T.float16), x.detach().grad_dtype))(leaf(T)),
    "grad of another dtype": lambda T: _set(leaf(T), "grad", T.ones(2).half()),
}


@pytest.mark.parametrize("name", CASES)
def test_rules(name):
    a, b = told(CASES[name])
    assert a == b


@pytest.mark.parametrize("wanted", ["float16", None])
def test_assigning_grad(wanted):
    def f(lib):
        x = leaf(lib)
        x.grad_dtype = wanted and getattr(lib, wanted)
        x.grad = lib.ones(2).half()
        (x * 3).sum().backward()
        first = x.grad.clone()
        x.grad_dtype = lib.float64
        return first

    a, b = told(f)
    assert a == b
