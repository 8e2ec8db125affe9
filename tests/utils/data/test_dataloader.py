"""DataLoader in the main process: order, batches, arguments, errors, and the fast path for TensorDatasets."""

import collections.abc
import multiprocessing
import warnings

import numpy as np
import pytest

import torchlike
from torchlike.utils.data import DataLoader, Subset, TensorDataset
from torchlike.utils.data import _utils as parts

torch = pytest.importorskip("torch")


def plain(x):
    if isinstance(x, (torchlike.Tensor, torch.Tensor)):
        return ("tensor", str(x.dtype), x.tolist())
    if isinstance(x, collections.abc.Mapping):
        return {k: plain(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return (type(x).__name__, [plain(v) for v in x])
    return x


def agree(fn):
    """`fn(library)` gives the same in both libraries: values, or the error's type and text."""
    out = []
    for lib in (torchlike, torch):
        lib.manual_seed(4)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                out.append(plain(fn(lib)))
            except Exception as e:  # noqa: BLE001 - the error is the result
                out.append((type(e).__name__, str(e)))
    assert out[0] == out[1]
    return out[0]


def tensors(lib):
    return lib.utils.data.TensorDataset(lib.arange(20).reshape(10, 2).float(), lib.arange(10))


class Squares:
    def __len__(self):
        return 7

    def __getitem__(self, i):
        return {"i": i, "square": np.float32(i * i), "name": str(i)}


def stream(lib):
    class Stream(lib.utils.data.IterableDataset):
        def __iter__(self):
            return iter(range(7))

    return Stream()


DATASETS = {"tensors": tensors, "squares": lambda lib: Squares(), "list": lambda lib: list(range(7))}
ARGUMENTS = [
    {}, {"batch_size": 3}, {"batch_size": 3, "drop_last": True}, {"batch_size": 4, "shuffle": True},
    {"batch_size": None}, {"batch_size": None, "shuffle": True}, {"sampler": [3, 1, 2], "batch_size": 2},
    {"batch_sampler": [[0, 1], [5], [2, 3, 4]]}, {"batch_size": 3, "collate_fn": len},
    {"pin_memory": True, "batch_size": 5},
]  # fmt: skip


@pytest.mark.parametrize("kwargs", ARGUMENTS, ids=str)
@pytest.mark.parametrize("dataset", DATASETS)
def test_batches(dataset, kwargs):
    def run(lib):
        loader = lib.utils.data.DataLoader(DATASETS[dataset](lib), **kwargs)
        return [len(loader), list(loader), list(loader), lib.randint(0, 10**6, (1,))]

    agree(run)


@pytest.mark.parametrize(
    "kwargs", [{}, {"batch_size": 3}, {"batch_size": 3, "drop_last": True}, {"batch_size": None}]
)
def test_streams(kwargs):
    agree(lambda lib: [list(lib.utils.data.DataLoader(stream(lib), **kwargs)) for _ in range(2)])


def test_own_generator():
    def run(lib):
        generator = lib.Generator().manual_seed(3)
        loader = lib.utils.data.DataLoader(range(9), batch_size=4, shuffle=True, generator=generator)
        return [list(loader), list(loader), lib.rand(1), iter(loader)._base_seed]

    agree(run)


def test_base_seed_is_drawn_when_an_iterator_starts():
    agree(lambda lib: [iter(lib.utils.data.DataLoader(range(3)))._base_seed, lib.randint(0, 9999, (3,))])


BAD = [
    {"num_workers": -1}, {"timeout": -1}, {"prefetch_factor": 2}, {"num_workers": 1, "prefetch_factor": -1},
    {"persistent_workers": True}, {"shuffle": True, "sampler": [0]},
    {"batch_sampler": [[0]], "batch_size": 2}, {"batch_sampler": [[0]], "shuffle": True},
    {"batch_sampler": [[0]], "drop_last": True}, {"batch_sampler": [[0]], "sampler": [0]},
    {"batch_size": None, "drop_last": True}, {"batch_size": 0}, {"batch_size": -1}, {"drop_last": 1},
    {"multiprocessing_context": "spawn"}, {"num_workers": 1, "multiprocessing_context": "bad"},
    {"num_workers": 1, "multiprocessing_context": 5},
]  # fmt: skip


@pytest.mark.parametrize("kwargs", BAD, ids=str)
def test_argument_errors(kwargs):
    assert agree(lambda lib: lib.utils.data.DataLoader(range(4), **kwargs))[0].endswith("Error")


@pytest.mark.parametrize("kwargs", [{"shuffle": True}, {"sampler": [1]}, {"batch_sampler": [[1]]}], ids=str)
def test_argument_errors_of_streams(kwargs):
    assert agree(lambda lib: lib.utils.data.DataLoader(stream(lib), **kwargs))[0] == "ValueError"


@pytest.mark.parametrize(
    "name", ["batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"]
)
def test_frozen_attributes(name):
    assert agree(lambda lib: setattr(lib.utils.data.DataLoader(range(3)), name, 1))[0] == "ValueError"


def test_an_empty_shuffled_dataset_raises():
    assert agree(lambda lib: lib.utils.data.DataLoader([], shuffle=True))[0] == "ValueError"
    agree(lambda lib: list(lib.utils.data.DataLoader([], batch_size=2)))


def test_contexts_are_accepted():
    context = multiprocessing.get_context("spawn")
    assert (
        DataLoader(range(3), num_workers=1, multiprocessing_context=context).multiprocessing_context
        is context
    )
    assert (
        DataLoader(range(3), num_workers=1, multiprocessing_context="forkserver").multiprocessing_context
        is not None
    )


def test_pin_memory_without_an_accelerator_warns():
    with pytest.warns(UserWarning, match="'pin_memory' argument is set as true but no accelerator is found"):
        next(iter(DataLoader(range(3), pin_memory=True)))


def test_a_stream_longer_than_promised_warns():
    class Stream(torchlike.utils.data.IterableDataset):
        def __iter__(self):
            return iter(range(3))

        def __len__(self):
            return 1

    loader = DataLoader(Stream(), batch_size=None)
    assert len(loader) == 1
    with pytest.warns(UserWarning, match="Length of IterableDataset .* was reported to be 1"):
        list(loader)


def test_iterators_cannot_be_pickled():
    with pytest.raises(NotImplementedError):
        iter(DataLoader(range(3))).__getstate__()


class TestFastPath:
    """A TensorDataset is indexed once per field; nobody can tell."""

    def dataset(self):
        return TensorDataset(
            torchlike.arange(20).reshape(10, 2), torchlike.ones(10, dtype=torchlike.bfloat16)
        )

    def test_it_is_taken(self):
        for d in (
            self.dataset(),
            Subset(self.dataset(), [4, 3]),
            Subset(Subset(self.dataset(), [4, 3]), [1, -1]),
        ):
            rows = parts.fetch.tensor_rows(d, [0, 1])
            assert rows is not None and rows[0].shape == (2, 2)

    @pytest.mark.parametrize(
        "make",
        [
            lambda: TensorDataset(torchlike.ones(3, requires_grad=True)),
            lambda: TensorDataset(torchlike.ones(3, requires_grad=True) * 2),
            lambda: type("Mine", (TensorDataset,), {})(torchlike.ones(3)),
            lambda: [1, 2],
        ],
    )
    def test_it_is_not_taken_where_it_could_differ(self, make):
        assert parts.fetch.tensor_rows(make(), [0, 1]) is None

    def test_views_and_shared_memory(self):
        array = np.arange(12.0).reshape(3, 4)
        d = TensorDataset(torchlike.from_numpy(array), torchlike.from_numpy(array).t()[1:, :])
        array[0, 0] = 99
        got = next(iter(DataLoader(d, batch_size=3)))
        assert got[0].tolist() == array.tolist() and got[1].tolist() == array.T[1:].tolist()

    def test_batches_do_not_alias_the_dataset(self):
        d = self.dataset()
        (x, _) = next(iter(DataLoader(d, batch_size=10)))
        x.zero_()
        assert d.tensors[0].sum().item() == 190

    def test_writes_between_passes_are_seen(self):
        d = self.dataset()
        loader = DataLoader(d, batch_size=10)
        next(iter(loader))
        d.tensors[0].add_(1)
        assert next(iter(loader))[0].sum().item() == 210

    def test_index_errors_are_pytorchs(self):
        agree(lambda lib: list(lib.utils.data.DataLoader(tensors(lib), sampler=[10])))
        agree(lambda lib: list(lib.utils.data.DataLoader(tensors(lib), sampler=[-10, -1])))

    def test_a_subclass_keeps_its_own_getitem(self):
        class Mine(TensorDataset):
            def __getitem__(self, i):
                return i

        assert next(iter(DataLoader(Mine(torchlike.ones(3)), batch_size=3))).tolist() == [0, 1, 2]

    def test_requires_grad_reaches_the_batch(self):
        (x,) = next(iter(DataLoader(TensorDataset(torchlike.ones(3, requires_grad=True)), batch_size=3)))
        assert x.requires_grad
