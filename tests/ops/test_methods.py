"""Methods with parameters of their own, the order of dimensions, and methods for what JAX has not, against torch."""

import inspect
import warnings

import numpy as np
import pytest
from twin import LIBS, check, rand, same_error, torch, torchlike

METHODS = ["split", "unflatten", "norm", "lu", "unique", "unique_consecutive", "stft", "istft"]


@pytest.mark.parametrize("name", METHODS)
def test_signatures(name):
    names = [list(inspect.signature(getattr(lib.Tensor, name)).parameters) for lib in LIBS]
    assert names[0] == names[1]


def test_values():
    check(lambda T, F, x: [*x.split(2, 1), *x.split(split_size=(1, 3), dim=1)], rand(3, 4))
    check(lambda T, F, x: [x.norm(), x.norm(1), x.norm(p=2, dim=1), x.norm(dim=0, keepdim=True)], rand(3, 4))
    check(lambda T, F, x: [x.unflatten(1, (2, 2)), x.unflatten(dim=0, sizes=(3, 1))], rand(3, 4))
    check(lambda T, F, x: [x.unique(), *x.unique(return_counts=True, dim=0), *x.unique_consecutive(True)],
          np.array([[1, 1, 2], [1, 1, 2], [0, 0, 0]]))  # fmt: skip
    check(lambda T, F, x: T.view_as_real(x.stft(8, window=T.ones(8).double(), return_complex=True)), rand(32))
    check(
        lambda T, F, x: x.stft(8, window=T.ones(8).double(), return_complex=True).istft(
            8, window=T.ones(8).double()
        ),
        rand(32),
    )


@pytest.mark.parametrize(
    "f", [lambda x: x.split(), lambda x: x.split(split_size_or_sections=2), lambda x: x.unflatten(1)]
)
def test_argument_errors(f):
    same_error(lambda T, F, x: f(x), rand(3, 4))


TENSORS = {
    "plain": lambda T: T.ones(2, 3, 4, 5),
    "ones": lambda T: T.ones(1, 2, 3, 4),
    "all ones": lambda T: T.ones(1, 1, 3, 3),
    "permuted": lambda T: T.ones(2, 3, 4).permute(2, 0, 1),
    "transposed": lambda T: T.ones(4, 3).t(),
    "ones inside": lambda T: T.ones(4, 1, 3).permute(2, 1, 0),
    "ones last": lambda T: T.ones(4, 3, 1).permute(1, 0, 2),
    "expanded": lambda T: T.ones(3, 1).expand(3, 4),
    "expanded and turned": lambda T: T.ones(1, 3).expand(4, 3).t(),
    "empty": lambda T: T.ones(3, 0),
    "channels last": lambda T: T.ones(2, 3, 4, 5).permute(0, 3, 1, 2),
    "one channel last": lambda T: T.ones(2, 3, 3, 1).permute(0, 3, 1, 2),
    "one sample": lambda T: T.ones(1, 3, 3, 2).permute(0, 3, 1, 2),
    "with gaps": lambda T: T.ones(4, 4)[::2, ::2].t(),
    "scalar": lambda T: T.ones(()),
}
CHECKS = [False, True, ["contiguous_format"], ["contiguous_format", "channels_last"]]


@pytest.mark.parametrize("name", TENSORS)
@pytest.mark.parametrize("ambiguity_check", CHECKS)
def test_dim_order(name, ambiguity_check):
    found = []
    for lib in LIBS:
        wanted = ambiguity_check
        if isinstance(wanted, list):
            wanted = [getattr(lib, f) for f in wanted]
        try:
            found.append(TENSORS[name](lib).dim_order(ambiguity_check=wanted))
        except RuntimeError as e:
            found.append(str(e))
    assert found[0] == found[1]


@pytest.mark.parametrize("wrong", ["a", [3], 1])
def test_dim_order_takes_bools_and_formats(wrong):
    same_error(lambda T, F, x: x.dim_order(ambiguity_check=wrong), rand(2, 3))


def test_small_ones():
    for lib in LIBS:
        x = lib.ones(2, 3)
        assert x.const_data_ptr() == x.data_ptr()
        assert not (x.is_xla or x.is_ipu or x.is_mtia or x.is_maia or x.is_vulkan)
        with pytest.raises(RuntimeError, match="unknown parameter type"):
            x.record_stream(None)
        y = lib.zeros(2, 3)
        loaded = x.module_load(y)
        assert loaded is not y and x.sum().item() == 0
        other = lib.ones(2, 3, requires_grad=True)
        assert not x.module_load(other, assign=True).requires_grad and x.sum().item() == 0
    torchlike.ones(2).record_stream(torchlike.Stream("cpu"))


@pytest.mark.parametrize("name", ["ipu", "xpu", "mtia"])
def test_devices_that_are_not_there(name):
    raised = []
    for lib in LIBS:
        with pytest.raises(Exception) as info:  # noqa: PT011 - the type is what is compared
            getattr(lib.ones(2), name)()
        raised.append((type(info.value), str(info.value).partition(" Ensure")[0]))
    assert raised[0] == raised[1]


@pytest.mark.parametrize(
    "call", [lambda x: x.chalf(), lambda x: x.to_padded_tensor(0.0), lambda x: x.to_mkldnn()]
)
def test_what_is_not_supported_says_what_is(call):
    with pytest.raises(NotImplementedError, match="[Uu]se "):
        call(torchlike.ones(2))


def test_lu_method():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's is deprecated
        a, b = (lib.tensor([[1.0, 2], [3, 4]]).lu() for lib in (torch, torchlike))
    assert [t.tolist() for t in a] == [t.tolist() for t in b]
