"""Datasets and random_split against PyTorch."""

import itertools
import warnings

import numpy as np
import pytest

import torchlike
from torchlike.utils import data

torch = pytest.importorskip("torch")
BOTH = [torchlike, torch]


def both(fn):
    """`fn(library)` for torchlike and PyTorch: the value, or the error's type and text."""
    results = []
    for lib in BOTH:
        try:
            results.append(fn(lib))
        except Exception as e:  # noqa: BLE001 - the error is the result
            results.append((type(e).__name__, str(e).replace("torchlike", "torch")))
    return results


def plain(x):
    if hasattr(x, "numpy"):
        return (str(x.dtype), x.tolist())
    if isinstance(x, dict):
        return {k: plain(v) for k, v in x.items()}
    return type(x)(plain(v) for v in x) if isinstance(x, (list, tuple)) else x


def agree(fn):
    got, want = both(lambda lib: plain(fn(lib)))
    assert got == want


class TestTensorDataset:
    def test_items(self):
        agree(lambda lib: lib.utils.data.TensorDataset(lib.arange(6).reshape(3, 2), lib.arange(3))[1])
        agree(lambda lib: lib.utils.data.TensorDataset(lib.arange(6).reshape(3, 2))[0:2])
        agree(lambda lib: len(lib.utils.data.TensorDataset(lib.arange(3))))

    def test_sizes_must_match(self):
        agree(lambda lib: lib.utils.data.TensorDataset(lib.arange(3), lib.arange(4)))


class TestStackDataset:
    @pytest.mark.parametrize("keys", [None, ("a", "b")])
    def test_items(self, keys):
        def make(lib):
            parts = [list(range(5)), [v * v for v in range(5)]]
            stack = (
                lib.utils.data.StackDataset(*parts)
                if keys is None
                else lib.utils.data.StackDataset(**dict(zip(keys, parts)))
            )
            return [stack[2], stack.__getitems__([0, 3]), len(stack)]

        agree(make)

    @pytest.mark.parametrize(
        "args,kwargs", [((), {}), (([1],), {"a": [1]}), (([1], [1, 2]), {}), ((), {"a": [1], "b": []})]
    )
    def test_errors(self, args, kwargs):
        agree(lambda lib: lib.utils.data.StackDataset(*args, **kwargs))


class TestConcatDataset:
    def test_indices(self):
        for i in (-9, -8, -1, 0, 2, 3, 7, 8):
            agree(lambda lib, i=i: lib.utils.data.ConcatDataset([[1, 2, 3], [4, 5, 6, 7, 8]])[i])

    def test_addition(self):
        def total(lib):
            d = lib.utils.data.TensorDataset(lib.arange(2)) + lib.utils.data.TensorDataset(lib.arange(3))
            return [type(d).__name__, len(d), d.cumulative_sizes, d[3]]

        agree(total)

    def test_errors(self):
        agree(lambda lib: lib.utils.data.ConcatDataset([]))

        def streams(lib):
            class Stream(lib.utils.data.IterableDataset):
                pass

            return lib.utils.data.ConcatDataset([Stream()])

        agree(streams)


def test_chain_dataset():
    def chain(lib):
        class Stream(lib.utils.data.IterableDataset):
            def __init__(self, n):
                self.n = n

            def __iter__(self):
                return iter(range(self.n))

            def __len__(self):
                return self.n

        chained = Stream(2) + Stream(3)
        return [type(chained).__name__, list(chained), len(chained)]

    agree(chain)
    agree(lambda lib: list(lib.utils.data.ChainDataset([[1]])))


class TestSubset:
    def test_items(self):
        agree(lambda lib: [lib.utils.data.Subset(list("abcdef"), [5, 0, 2])[i] for i in range(3)])
        agree(
            lambda lib: lib.utils.data.Subset(
                lib.utils.data.Subset(list("abcdef"), [5, 0, 2]), [2, 1]
            ).__getitems__([0, 1])
        )

    def test_overriding_only_one_method(self):
        def make(lib):
            class Mine(lib.utils.data.Subset):
                def __getitem__(self, i):
                    return 0

            return Mine([1], [0])

        agree(make)


@pytest.mark.filterwarnings("ignore:Length of split")
@pytest.mark.parametrize(
    "lengths",
    [
        [3, 7], [0.3, 0.7], [0.25, 0.25, 0.5], [1 / 3, 1 / 3, 1 / 3], [10], [1.0], [0.5, 0.4, 0.1],
        [3, 6], [0.5, 0.6], [0.99, 0.01], [1.5, -0.5],
    ],
)  # fmt: skip
def test_random_split(lengths):
    def split(lib, own):
        lib.manual_seed(3)
        generator = {"generator": lib.Generator().manual_seed(42)} if own else {}
        parts = lib.utils.data.random_split(range(10), lengths, **generator)
        return [[p.indices for p in parts], lib.randint(0, 1000, (2,))]

    for own in (False, True):
        agree(lambda lib, own=own: split(lib, own))


def test_random_split_warns_of_empty_parts():
    for lib in BOTH:
        with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
            lib.utils.data.random_split(range(3), [0.99, 0.01])


def test_dataset_without_getitem():
    class Nothing(data.Dataset):
        pass

    with pytest.raises(NotImplementedError):
        Nothing()[0]
    assert list(itertools.islice(np.arange(1), 1)) == [0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data.Dataset[int]
