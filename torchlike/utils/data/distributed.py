"""DistributedSampler: each process visits its own share of a dataset."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from ..._core.random import Generator
from .sampler import Sampler


class DistributedSampler(Sampler[Any]):
    """The indices of one process (`rank`) out of `num_replicas`, all of the same count.

    Args:
        dataset: the dataset; only its length is used.
        num_replicas, rank: default to those of the process group.
        shuffle: permute, with a generator seeded by `seed + epoch`.
        seed: common to all processes.
        drop_last: drop the tail to make the shares even, instead of repeating samples.

    Raises:
        RuntimeError: no process group to take `num_replicas` or `rank` from.
        ValueError: `rank` is out of range.
    """

    def __init__(
        self,
        dataset: Any,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ):
        if num_replicas is None:
            num_replicas = _process_group().get_world_size()
        if rank is None:
            rank = _process_group().get_rank()
        assert num_replicas is not None and rank is not None
        if rank >= num_replicas or rank < 0:
            raise ValueError(f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]")
        self.dataset = dataset
        self.num_replicas = num_replicas
        self.rank = rank
        self.epoch = 0
        self.drop_last = drop_last
        self.shuffle = shuffle
        self.seed = seed
        uneven = len(dataset) % num_replicas != 0
        whole = len(dataset) - num_replicas if drop_last and uneven else len(dataset)
        self.num_samples = math.ceil(whole / num_replicas)
        self.total_size = self.num_samples * num_replicas

    def __iter__(self) -> Iterator[int]:
        if self.shuffle:
            generator = Generator()
            generator.manual_seed(self.seed + self.epoch)
            indices = generator.randperm(len(self.dataset)).tolist()
        else:
            indices = list(range(len(self.dataset)))
        if not self.drop_last:
            missing = self.total_size - len(indices)
            if missing > 0:
                indices += (indices * math.ceil(missing / len(indices)))[:missing]
        return iter(indices[self.rank : self.total_size : self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Makes the next pass draw another order; call it at the start of each epoch."""
        self.epoch = epoch


def _process_group() -> Any:
    """`torchlike.distributed`, imported only when a default is needed from it."""
    try:
        from ... import distributed

        group: Any = distributed
    except ImportError:
        group = None
    if group is None or not group.is_available():
        raise RuntimeError("Requires distributed package to be available")
    return group
