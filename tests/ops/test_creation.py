"""Factories: the same tensors, dtypes and errors as PyTorch's; what is lifted; what shares memory."""

from __future__ import annotations

import array

import numpy as np
import pytest
from compare import agree

import torchlike

torch = pytest.importorskip("torch")
LIBS = (torchlike, torch)


def same(f):
    """`f(lib)` agrees: values, shape, dtype and requires_grad."""
    mine, theirs = f(torchlike), f(torch)
    agree(mine, theirs, rtol=2e-6)
    assert mine.requires_grad == theirs.requires_grad
    assert str(mine.dtype) == str(theirs.dtype)


def same_error(f, text=True):
    """`f(lib)` raises the same type, with the same first line."""
    raised = []
    for lib in LIBS:
        with pytest.raises(Exception) as info:  # noqa: PT011 - the type is what is compared
            f(lib)
        raised.append((info.type, str(info.value).split("\n")[0]))
    if text:
        assert raised[0] == raised[1]
    else:
        assert raised[0][0] is raised[1][0]


def case(*forms):
    """Each form is the text of an expression over `torch` and `np`."""
    return pytest.mark.parametrize("form", forms)


def over(form):
    code = compile(form, form, "eval")
    return lambda lib: eval(code, {"torch": lib, "np": np, "array": array})


@case(
    "zeros(2, 3)", "zeros((2, 3))", "ones([2, 3])", "zeros(size=(2,))", "ones(())", "zeros(0, 3)",
    "zeros(torch.tensor(2))", "zeros((torch.tensor(2), 3))", "ones(np.int64(2))", "zeros(torch.Size([2]))",
    "zeros(2, dtype=float)", "ones(2, dtype=int)", "zeros(2, dtype=bool)", "ones(2, dtype=torch.complex64)",
    "ones(2, dtype=torch.float16, requires_grad=True)", "zeros(2, out=torch.ones(3))",
    "ones(2, device='cpu')", "zeros(2, out=torch.ones(2, dtype=torch.int32))",
    "zeros(2, dtype=None, device=None, layout=torch.strided)", "empty(2, 3).fill_(1)",
    "zeros_like(torch.ones(2, 3, requires_grad=True))", "scalar_tensor(3)",
    "ones_like(torch.ones(2), dtype=torch.int64)", "empty_like(torch.ones(2, 3)).fill_(1)",
    "scalar_tensor(3.5, dtype=torch.int32)", "ones(2, dtype=torch.int32).new_zeros(2)",
    "ones(2).new_ones((2, 3), requires_grad=True)", "ones(2).new_empty(2, 3, dtype=torch.int8).fill_(2)",
)  # fmt: skip
def test_one_value(form):
    same(over("torch." + form))


@case(
    "3", "3.0", "True", "1j", "torch.tensor(3.)", "torch.tensor(3, dtype=torch.int32)", "np.float32(2.5)",
    "np.int64(2)", "2**63 - 1", "3.7, dtype=torch.int64", "-1, dtype=torch.uint8", "0.1, dtype=torch.float64",
    "3, dtype=torch.bool", "float('inf')", "3, out=torch.ones(2)", "-1, dtype=torch.uint64",
)  # fmt: skip
def test_full(form):
    same(over(f"torch.full((2,), {form})"))


@case("3.7", "True", "torch.tensor(3)", "3, dtype=torch.int32", "2.5, dtype=torch.complex64")
@pytest.mark.parametrize("dtype", ["float32", "int64", "bool", "bfloat16"])
def test_full_like(form, dtype):
    f = over(f"torch.full_like(torch.ones(2, dtype=torch.{dtype}), {form})")
    same(lambda lib: f(lib).to(lib.float64) if "complex" not in form else f(lib))
    new = over(f"torch.ones(3, dtype=torch.{dtype}).new_full((2,), {form})")
    same(lambda lib: new(lib).to(lib.float64) if "complex" not in form else new(lib))


@case(
    "5", "5.0", "0, 5, 2", "0, 5, 0.5", "1, 2.5, 0.5", "5, 0, -1", "True", "3, dtype=torch.float16", "end=3",
    "0.5, 5, 1.5, dtype=torch.int64", "0, 5, 0.9, dtype=torch.int32", "torch.tensor(3.)", "1, end=3, step=1",
    "start=1, end=3", "3, out=torch.empty(0)", "np.int32(3)", "2**62, 2**62 + 3", "300, dtype=torch.uint8",
    "0., 1., .1", "3., requires_grad=True", "2**40, 2**40 + 3, dtype=torch.float64",
)  # fmt: skip
def test_arange(form):
    same(over(f"torch.arange({form})"))


@case(
    "0, 1, 5", "0, 1, 1", "0, 1, 0", "-5, 10, 7, dtype=torch.int32", "0, 10, 7, dtype=torch.int64",
    "0, 1j, 3", "torch.tensor(0.), 1, 3", "start=0, end=1, steps=3", "0, 1, torch.tensor(3)",
    "3, -2, 6, dtype=torch.float64", "0, 1, 3, out=torch.empty(2)", "0, 2, 4, dtype=torch.float16",
    "True, 3, 3", "-1, 1, 9, dtype=torch.bfloat16",
)  # fmt: skip
@pytest.mark.parametrize("name", ["linspace", "logspace"])
def test_spaces(name, form):
    if name == "logspace" and "int" in form:
        return  # beyond the integers
    same(lambda lib: over(f"torch.{name}({form})")(lib).to(lib.complex128 if "1j" in form else lib.float64))


@case("0, 2, 3, base=2", "0, 2, 3, 2", "0, 3, 4, dtype=torch.int64", "0, 2, 5, -2.0", "torch.tensor(0), 2, 5")
def test_logspace_bases(form):
    same(over(f"torch.logspace({form})"))


@case(
    "eye(3)", "eye(2, 3)", "eye(3, dtype=torch.bool)", "eye(n=2, m=3)", "eye(0)",
    "eye(2, out=torch.empty(0))", "tril_indices(3, 4, 1)", "tril_indices(3, 4, -1)",
    "tril_indices(4, 3, offset=2)", "triu_indices(3, 4)", "triu_indices(0, 4)",
    "triu_indices(3, 4, -1, dtype=torch.int32)", "complex(torch.ones(2, 1), torch.ones(3))",
    "complex(torch.ones(2).double(), torch.ones(2).double())",
    "polar(torch.ones(2), torch.tensor([0.5, -2.]))",
    "complex(torch.ones(2), torch.ones(2), out=torch.empty(0, dtype=torch.complex64))",
    "empty_strided((2, 3), (1, 2)).fill_(2)", "empty_permuted((2, 3), (1, 0)).fill_(2)",
    "ones(2).new_empty_strided((2, 3), (3, 1)).fill_(1)", "Tensor([1, 2])", "Tensor()",
    "FloatTensor([1, 2])", "LongTensor([1, 2])", "ones(2).new([3, 2.5])",
)  # fmt: skip
def test_shapes_and_pairs(form):
    same(over("torch." + form))


@pytest.mark.parametrize("lib", LIBS)
def test_strides(lib):
    assert lib.empty_strided((2, 3), (1, 2)).stride() == (1, 2)
    assert lib.empty_permuted((2, 3, 4), (2, 0, 1)).stride() == (3, 1, 6)


@case("complex", "polar")
def test_gradients_of_pairs(form):
    grads = []
    for lib in LIBS:
        a = lib.tensor([1.0, 2.0], requires_grad=True)
        b = lib.tensor([[0.5], [-1.0]], requires_grad=True)
        z = getattr(lib, form)(a, b)
        lib.view_as_real(z).pow(2).sum().add(lib.view_as_real(z)[..., 0].sum()).backward()
        grads.append([a.grad, b.grad])
    agree(*grads)


DATA = (
    "3", "3.0", "True", "1j", "[]", "[[], []]", "[1, 2.0]", "[True, 2]", "[1, 1j]", "((1, 2), [3, 4])",
    "range(3)", "np.arange(3)", "np.arange(3.0)", "np.float32(3)", "np.bool_(True)", "[np.float32(3)]",
    "[np.uint8(3), 2.0]", "[np.arange(3.0), np.arange(3.0)]", "[torch.tensor(1), torch.tensor(2.0)]",
    "[torch.tensor([[1.0]]), 2]", "[torch.tensor(1, dtype=torch.int32), 1]", "2**63 - 1", "-(2**63)", "1e60",
    "array.array('i', [1, 2])", "np.arange(6).reshape(2, 3).T", "[2.5, torch.zeros(1, dtype=torch.int64)]",
    "bytearray(b'ab')",
)  # fmt: skip


@case(*DATA)
@pytest.mark.filterwarnings("ignore:Creating a tensor from a list of numpy:UserWarning")
def test_tensor(form):
    same(over(f"torch.tensor({form})"))
    same(over(f"torch.as_tensor({form})"))
    if "1j" not in form:
        same(over(f"torch.tensor({form}, dtype=torch.float64)"))
        same(over(f"torch.ones(1).new_tensor({form})"))


@case(
    "300, dtype=torch.int16", "-1, dtype=torch.uint8", "[3.7, -3.7], dtype=torch.int32",
    "2.5, dtype=torch.bool", "[1, 2], dtype=torch.complex64", "2**64 - 1, dtype=torch.uint64",
    "[1.0], requires_grad=True", "0.1, dtype=float", "70000.0, dtype=torch.float16",
    "np.arange(3), dtype=torch.float16",
)  # fmt: skip
def test_tensor_of_a_dtype(form):
    same(over(f"torch.tensor({form})"))


@case(
    "zeros()", "zeros(2.0)", "zeros(2, 'a')", "zeros('a')", "zeros((2,), 3)", "zeros((2.0,))", "zeros(None)",
    "zeros(-1)", "ones(2, -1)", "zeros(True)", "zeros((True, 2))", "zeros(2, dtype='float32')",
    "zeros(2, foo=1)", "zeros(2, dtype=np.float32)", "zeros(2, dtype=torch.int64, requires_grad=True)",
    "zeros([[2]])", "zeros(2, layout='x')",
    "zeros(2, out=torch.ones(2, dtype=torch.int32), dtype=torch.float32)",
    "zeros(2, out=torch.ones(2, requires_grad=True))", "zeros_like([1])", "zeros(2**62, 2**62)",
    "zeros_like(torch.ones(2, 3), memory_format=torch.channels_last)", "full((2,), 'a')", "full(2, 3)",
    "full((2,), 300, dtype=torch.uint8)", "full((2,), 1e60)", "full((2,), 1j, dtype=torch.float32)",
    "full((2,), 70000.0, dtype=torch.float16)", "full((2,), 2**63)", "full((2,), 2**70)", "full((2,), [1])",
    "full((2,), float('nan'), dtype=torch.int32)", "full((2,), torch.tensor([3.0]))",
    "full_like(torch.ones(2))", "arange(5, 0)", "arange(0, 5, 0)", "arange(0, float('inf'))",
    "arange(0, float('nan'))", "arange(1j)", "arange('a')", "arange()", "arange(3, dtype=torch.bool)",
    "arange(3, dtype=torch.complex64)", "arange(0, 1, 0.1, dtype=torch.int64)",
    "arange(3, requires_grad=True)", "arange(0, 10**30)", "linspace(0, 1, -1)", "linspace(0, 1, 3.0)",
    "linspace(0, 1, 3, dtype=torch.bool)", "linspace(0, 300, 5, dtype=torch.uint8)",
    "linspace(0, 1j, 3, dtype=torch.float32)", "linspace(torch.tensor([0.0]), 1, 3)", "eye(-1)",
    "eye(2, -1)", "eye(2.0)", "tril_indices(-1, 3)", "triu_indices(3, 3, dtype=torch.float32)",
    "complex(torch.ones(2), torch.ones(2).double())", "complex(torch.ones(2).int(), torch.ones(2).int())",
    "complex(1.0, 2.0)", "complex(torch.ones(2), torch.ones(2), out=torch.empty(2))",
    "empty_strided((2, 3), (1,))", "empty_strided((2, 3), (-1, 1))", "empty_permuted((2, 3), (0, 0))",
    "empty_permuted((2, 3), (0,))", "tensor([[1, 2], [3]])", "tensor([[1, 2], 3])", "tensor([1, [2]])",
    "tensor([1, None])", "tensor(None)", "tensor('a')", "tensor(['a'])", "tensor({})", "tensor(object())",
    "tensor(b'ab')", "tensor([np.ones(())])", "tensor([np.ones(2), np.ones(3)])",
    "tensor([torch.ones(2), 3])", "tensor(np.arange(3)[::-1])", "tensor(np.arange(3).astype('>i4'))",
    "tensor(2**63)", "tensor([2**63, 1])", "tensor(300, dtype=torch.uint8)",
    "tensor([300], dtype=torch.int8)", "tensor(float('nan'), dtype=torch.int32)",
    "tensor(1j, dtype=torch.float32)", "tensor([1, 2], requires_grad=True)", "tensor()", "tensor(1, 2)",
    "tensor([[[1]], [[2, 3]]])", "asarray([1, 2], copy=False)",
    "asarray(np.arange(3), dtype=torch.float32, copy=False)", "from_numpy([1])", "from_numpy(np.float32(2))",
    "from_numpy(np.arange(3)[::-1])", "frombuffer(bytearray(b''), dtype=torch.int32)",
    "frombuffer(bytearray(8), dtype=torch.int32, offset=3)",
    "frombuffer(bytearray(8), dtype=torch.int32, count=3)",
    "frombuffer(bytearray(8), dtype=torch.int32, count=0)",
    "frombuffer(bytearray(8), dtype=torch.int32, offset=8)", "frombuffer(5, dtype=torch.int32)",
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Creating a tensor from a list of numpy:UserWarning")
def test_errors(form):
    same_error(over("torch." + form))


@pytest.mark.parametrize("make", ["from_numpy", "as_tensor", "asarray"])
def test_shared_memory(make):
    a = np.zeros(3, np.float32)
    t = getattr(torchlike, make)(a)
    a[0] = 1
    t[1] = 2
    agree(t, torch.tensor([1.0, 2.0, 0.0]))
    np.testing.assert_array_equal(a, [1, 2, 0])


def test_copies_do_not_share():
    a = np.zeros(3, np.float32)
    made = [
        torchlike.tensor(a),
        torchlike.asarray(a, copy=True),
        torchlike.as_tensor(a, dtype=torchlike.float64),
    ]
    a[0] = 1
    assert all(float(t[0]) == 0 for t in made)


@case(
    "bytearray(b'abcdefgh'), dtype=torch.uint8", "bytearray(b'abcdefgh'), dtype=torch.int32, offset=4",
    "bytearray(b'abcdefgh'), dtype=torch.int32, count=1", "array.array('i', [1, 2]), dtype=torch.int32",
    "bytearray(8), dtype=torch.float32, requires_grad=True",
)  # fmt: skip
def test_frombuffer(form):
    same(over(f"torch.frombuffer({form})"))


def test_buffers_are_shared():
    data = bytearray(4)
    t = torchlike.frombuffer(data, dtype=torchlike.uint8)
    data[2] = 7
    assert t.tolist() == [0, 0, 7, 0]


@pytest.mark.parametrize("lib", LIBS)
def test_asarray_keeps_or_leaves_the_tape(lib):
    x = lib.ones(2, requires_grad=True)
    assert lib.asarray(x, requires_grad=True) is x
    assert lib.as_tensor(x) is x
    assert lib.as_tensor(x, dtype=lib.float64).requires_grad
    assert not lib.asarray(x, requires_grad=False).requires_grad


@pytest.mark.parametrize("lib", LIBS)
def test_copy_of_a_tensor_warns(lib):
    with pytest.warns(UserWarning, match="recommended to use sourceTensor"):
        t = lib.tensor(lib.ones(2, requires_grad=True))
    assert not t.requires_grad
    with pytest.warns(UserWarning, match="torch.range is deprecated"):
        assert lib.range(1, 3).tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("lib", LIBS)
def test_default_dtype(lib):
    lib.set_default_dtype(lib.float64)
    try:
        for t in (
            lib.zeros(1),
            lib.tensor(1.5),
            lib.arange(1.0),
            lib.linspace(0, 1, 2),
            lib.full((1,), 2.5),
            lib.rand(1),
        ):
            assert t.dtype is lib.float64
        assert lib.full((1,), 1j).dtype is lib.complex128
    finally:
        lib.set_default_dtype(lib.float32)


@pytest.mark.parametrize("lib", LIBS)
def test_old_types(lib):
    assert isinstance(lib.ones(1), lib.FloatTensor)
    assert not isinstance(lib.ones(1, dtype=lib.int64), lib.FloatTensor)
    assert lib.Tensor(2, 3).shape == (2, 3) and lib.LongTensor(2).dtype is lib.int64


def test_unsupported_options_say_so():
    with pytest.raises(NotImplementedError, match="use layout=torch.strided"):
        torchlike.zeros(2, layout=torchlike.channels_last)


def test_another_number_is_no_other_program():
    """Fill values, bounds and steps are inputs of the program."""
    torchlike.debug.synchronize()
    torchlike.debug.reset()
    for k in range(4):
        x = torchlike.full((3,), 1.5 + k) + torchlike.arange(k, k + 3) + torchlike.linspace(0, 1 + k, 3)
        assert float(x.sum()) > 0
    assert torchlike.debug.stats()["compiles"] == 1
