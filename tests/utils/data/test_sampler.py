"""Samplers: PyTorch's order, number for number."""

import pytest

import torchlike
from torchlike.utils import data

torch = pytest.importorskip("torch")


def results(make, passes=2):
    """What `make(library)` yields in each pass, and the generator's next draw, in both libraries."""
    out = []
    for lib in (torchlike, torch):
        lib.manual_seed(11)
        sampler = make(lib.utils.data, lib)
        out.append([[list(sampler) for _ in range(passes)], len(sampler), lib.randint(0, 10**6, (1,)).item()])
    return out


CASES = {
    "sequential": lambda d, lib: d.SequentialSampler(range(7)),
    "random": lambda d, lib: d.RandomSampler(range(7)),
    "random_large": lambda d, lib: d.RandomSampler(range(5000)),
    "random_own_generator": lambda d, lib: d.RandomSampler(
        range(7), generator=lib.Generator().manual_seed(5)
    ),
    "random_replacement": lambda d, lib: d.RandomSampler(range(7), replacement=True),
    "random_replacement_many": lambda d, lib: d.RandomSampler(range(7), replacement=True, num_samples=100),
    "random_more_than_all": lambda d, lib: d.RandomSampler(range(7), num_samples=17),
    "random_some": lambda d, lib: d.RandomSampler(range(7), num_samples=3),
    "subset": lambda d, lib: d.SubsetRandomSampler([9, 4, 5, 1]),
    "subset_own_generator": lambda d, lib: d.SubsetRandomSampler("abcde", lib.Generator().manual_seed(1)),
    "weighted": lambda d, lib: d.WeightedRandomSampler([0.1, 0.9, 0.4, 0.7, 3.0, 0.6], 5),
    "weighted_tensor": lambda d, lib: d.WeightedRandomSampler(lib.tensor([0.1, 0.9, 3.0]), 9, True),
    "weighted_without_replacement": lambda d, lib: d.WeightedRandomSampler([0.9, 0.4, 0.05, 0.2], 3, False),
    "batch": lambda d, lib: d.BatchSampler(d.SequentialSampler(range(10)), 3, False),
    "batch_drop_last": lambda d, lib: d.BatchSampler(d.RandomSampler(range(10)), 3, True),
    "batch_of_list": lambda d, lib: d.BatchSampler([3, 1, 2, 0], 2, True),
    "distributed": lambda d, lib: d.DistributedSampler(range(11), 3, 1),
    "distributed_drop_last": lambda d, lib: d.DistributedSampler(range(11), 3, 2, drop_last=True),
    "distributed_ordered": lambda d, lib: d.DistributedSampler(range(11), 4, 3, shuffle=False),
    "distributed_tiny": lambda d, lib: d.DistributedSampler(range(2), 5, 4),
    "distributed_seed": lambda d, lib: d.DistributedSampler(range(9), 2, 0, seed=7),
}


@pytest.mark.parametrize("case", CASES)
def test_order(case):
    got, want = results(CASES[case])
    assert got == want


def test_set_epoch_changes_the_order():
    for epoch in (0, 1, 5):
        orders = []
        for d in (data, torch.utils.data):
            sampler = d.DistributedSampler(range(20), 2, 0)
            sampler.set_epoch(epoch)
            orders.append(list(sampler))
        assert orders[0] == orders[1]


ERRORS = {
    "num_samples": lambda d: d.RandomSampler(range(3), num_samples=0),
    "empty": lambda d: d.RandomSampler([]),
    "replacement": lambda d: d.RandomSampler(range(3), replacement=1),
    "weighted_num_samples": lambda d: d.WeightedRandomSampler([1.0], True),
    "weighted_replacement": lambda d: d.WeightedRandomSampler([1.0], 1, 1),
    "weighted_shape": lambda d: d.WeightedRandomSampler([[1.0]], 1),
    "batch_size": lambda d: d.BatchSampler([1], 0, False),
    "batch_size_bool": lambda d: d.BatchSampler([1], True, False),
    "batch_drop_last": lambda d: d.BatchSampler([1], 1, 0),
    "rank": lambda d: d.DistributedSampler(range(3), 2, 2),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors(case):
    texts = []
    for d in (data, torch.utils.data):
        with pytest.raises(Exception) as info:
            ERRORS[case](d)
        texts.append((info.type, str(info.value)))
    assert texts[0] == texts[1]


def test_a_dataset_may_grow():
    source = [1, 2, 3]
    sampler = data.RandomSampler(source)
    source.append(4)
    assert len(sampler) == 4 and sorted(sampler) == [0, 1, 2, 3]
