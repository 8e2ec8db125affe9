"""default_collate and default_convert against PyTorch: structure, dtypes, values, errors."""

import collections

import numpy as np
import pytest

import torchlike
from torchlike.utils.data import _utils as parts

torch = pytest.importorskip("torch")

Point = collections.namedtuple("Point", "x y")


class Tagged(dict):
    pass


def plain(x):
    if isinstance(x, (torchlike.Tensor, torch.Tensor)):
        return ("tensor", str(x.dtype), tuple(x.shape), x.tolist())
    if isinstance(x, np.ndarray):
        return ("array", str(x.dtype), x.tolist())
    if isinstance(x, collections.abc.Mapping):
        return (type(x).__name__, {k: plain(v) for k, v in x.items()})
    if isinstance(x, collections.abc.Sequence) and not isinstance(x, (str, bytes, range)):
        return (type(x).__name__, [plain(v) for v in x])
    return (type(x).__name__, x)


SAMPLES = {
    "int": lambda lib: [1, 2, 3],
    "bool": lambda lib: [True, False],
    "bool_and_int": lambda lib: [1, True],
    "int_and_float": lambda lib: [1, 2.5],
    "float": lambda lib: [1.5, 2.0],
    "float_and_int": lambda lib: [1.5, 2],
    "str": lambda lib: ["a", "b"],
    "bytes": lambda lib: [b"a", b"b"],
    "tensor": lambda lib: [lib.arange(3), lib.arange(3) + 1],
    "scalar_tensor": lambda lib: [lib.tensor(1.5), lib.tensor(2.5)],
    "bfloat16": lambda lib: [lib.ones(2, dtype=lib.bfloat16)] * 2,
    "mixed_dtypes": lambda lib: [lib.ones(2), lib.ones(2, dtype=lib.float64)],
    "views": lambda lib: [lib.arange(12).reshape(3, 4)[i] for i in range(3)],
    "columns": lambda lib: [lib.arange(12).reshape(3, 4)[:, i] for i in range(4)],
    "transposed": lambda lib: [lib.arange(6).reshape(2, 3).t()] * 2,
    "empty": lambda lib: [lib.zeros(0, 3)] * 2,
    "array": lambda lib: [np.arange(3, dtype=np.int32), np.arange(3, dtype=np.int32)],
    "array_0d": lambda lib: [np.array(1.0), np.array(2.0)],
    "array_mixed": lambda lib: [np.ones(2, np.uint8), np.ones(2, np.float32)],
    "array_fortran": lambda lib: [np.asfortranarray(np.arange(6.0).reshape(2, 3))] * 2,
    "numpy_float64": lambda lib: [np.float64(1.5), np.float64(2)],
    "numpy_float32": lambda lib: [np.float32(1.5), np.float32(2)],
    "numpy_int": lambda lib: [np.int32(1), np.int32(2)],
    "numpy_bool": lambda lib: [np.bool_(True), np.bool_(False)],
    "tuple": lambda lib: [(1, 2.0, "a"), (3, 4.0, "b")],
    "list": lambda lib: [[1, 2.0], [3, 4.0]],
    "namedtuple": lambda lib: [Point(1, 2.0), Point(3, 4.0)],
    "dict": lambda lib: [{"a": 1, "b": {"c": 2.0}}, {"a": 3, "b": {"c": 4.0}}],
    "ordered_dict": lambda lib: [collections.OrderedDict(z=1, a=2)] * 2,
    "user_dict": lambda lib: [Tagged(a=1)] * 2,
    "deque": lambda lib: [collections.deque([1, 2])] * 2,
    "range": lambda lib: [range(3), range(3)],
    "nested": lambda lib: [{"x": (lib.ones(2), [np.zeros(1), Point(1, "s")])}] * 2,
    "empty_tuple": lambda lib: [(), ()],
}
BAD = {
    "none": lambda lib: [None, None],
    "object": lambda lib: [object()],
    "set": lambda lib: [{1}, {2}],
    "unequal_tensors": lambda lib: [lib.ones(2), lib.ones(3)],
    "unequal_arrays": lambda lib: [np.ones(2), np.ones((2, 2))],
    "unequal_lists": lambda lib: [[1, 2], [1]],
    "text_array": lambda lib: [np.array(["a"])],
    "object_array": lambda lib: [np.array([None])],
    "overflow": lambda lib: [2**70],
    "empty": lambda lib: [],
}


def outcome(fn, lib, make):
    try:
        return plain(fn(lib)(make(lib)))
    except Exception as e:  # noqa: BLE001 - the error is the result
        text = str(e)
        return type(e).__name__, text[: text.find(" object at ")] if " object at " in text else text


@pytest.mark.parametrize("case", SAMPLES)
@pytest.mark.parametrize("function", ["default_collate", "default_convert"])
def test_values(function, case):
    fn = lambda lib: getattr(lib.utils.data, function)  # noqa: E731
    assert outcome(fn, torchlike, SAMPLES[case]) == outcome(fn, torch, SAMPLES[case])


@pytest.mark.parametrize("case", BAD)
def test_errors(case):
    fn = lambda lib: lib.utils.data.default_collate  # noqa: E731
    got, want = outcome(fn, torchlike, BAD[case]), outcome(fn, torch, BAD[case])
    assert got == want or got[0] == want[0] and case in ("overflow",)


def test_attributes_of_mappings_are_kept():
    sample = Tagged(a=1)
    sample.note = "kept"
    assert torchlike.utils.data.default_collate([sample, sample]).note == "kept"


def test_gradients_flow_through_a_collated_batch():
    x = torchlike.ones(2, requires_grad=True)
    batch = torchlike.utils.data.default_collate([x * 2, x])
    batch.sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_the_batch_is_a_copy():
    array = np.ones(2, np.float32)
    t = torchlike.zeros(2)
    batch = torchlike.utils.data.default_collate([(array, t)] * 2)
    array[0], t[0] = 5, 5
    assert batch[0].tolist() == [[1, 1], [1, 1]] and batch[1].tolist() == [[0, 0], [0, 0]]


def test_convert_shares_memory():
    array = np.zeros(2)
    t = torchlike.utils.data.default_convert({"a": array})["a"]
    array[0] = 7
    assert t[0].item() == 7


def test_the_function_map_can_be_extended():
    class Own:
        pass

    functions = parts.collate.default_collate_fn_map
    functions[Own] = lambda batch, *, collate_fn_map=None: len(batch)
    try:
        assert torchlike.utils.data.default_collate([(Own(), 1), (Own(), 2)])[0] == 2
    finally:
        del functions[Own]


def test_a_worker_collates_to_numpy():
    batch = parts.collate.host_collate(
        [(1, torchlike.ones(2), np.zeros(3)), (2, torchlike.ones(2), np.zeros(3))]
    )
    assert all(isinstance(b, parts.collate.HostTensor) for b in batch)
