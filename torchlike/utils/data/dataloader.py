"""DataLoader: batches of a dataset, in the main process or prepared by worker processes."""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import multiprocessing.context
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from ..._core import devices
from ..._core.random import Generator, default_generator
from ._utils import server
from ._utils.collate import default_collate, default_convert
from ._utils.fetch import IterableDatasetFetcher, MapDatasetFetcher
from ._utils.multiprocess import Pool
from ._utils.worker import Job, get_worker_info
from .dataset import Dataset, IterableDataset
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler

T_co = TypeVar("T_co", covariant=True)

_FROZEN = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")
_MSG_LENGTH = (
    "Length of IterableDataset {} was reported to be {}"
    "(when accessing len(dataloader)), but {} samples have been fetched. "
)
_MSG_LENGTH_WORKERS = (
    "For multiprocessing data-loading, this could be caused by not properly configuring the "
    "IterableDataset replica at each worker. Please see "
    "https://pytorch.org/docs/stable/data.html#torch.utils.data.IterableDataset for examples."
)
_MSG_MANY_WORKERS = (
    "This DataLoader will create {} worker processes in total. Our suggested max number of worker in current "
    "system is {}, which is smaller than what this DataLoader is going to create. Please be aware that "
    "excessive worker creation might get DataLoader running slow or even freeze, lower the worker number to "
    "avoid potential slowness/freeze if necessary."
)
_MSG_PIN = (
    "'pin_memory' argument is set as true but no accelerator is found, "
    "then device pinned memory won't be used."
)


class _DatasetKind:
    """Whether samples are looked up or streamed."""

    Map = 0
    Iterable = 1


class _InfiniteConstantSampler(Sampler[None]):
    """None, for ever: the indices of a stream."""

    def __iter__(self) -> Iterator[None]:
        while True:
            yield None


class DataLoader(Generic[T_co]):
    """Iterates over a dataset in batches.

    Shuffles, and the seeds of workers, equal PyTorch's. With `num_workers > 0` samples are read and
    collated in worker processes, which never share state with this one: the dataset, `collate_fn` and
    `worker_init_fn` are pickled (definitions in the script itself included, so no
    `if __name__ == "__main__":` is needed), batches come back through shared memory.

    Args:
        dataset: a Dataset, or anything with `__getitem__` and `__len__`; or an IterableDataset.
        batch_size: samples a batch; None passes single samples on.
        shuffle: visit a map-style dataset in a new random order each pass.
        sampler: iterable of indices; excludes `shuffle`.
        batch_sampler: iterable of lists of indices; excludes the four arguments above and `drop_last`.
        num_workers: processes that load data; 0 loads in this one.
        collate_fn: makes a batch of a list of samples (default: `default_collate`, without batching
            `default_convert`).
        pin_memory: accepted; copies to the accelerator need no pinned memory here.
        drop_last: leave out a last batch that is not full.
        timeout: seconds to wait for a worker's batch; 0 waits as long as it takes.
        worker_init_fn: called with the worker's id in each worker, after seeding.
        multiprocessing_context: checked and kept; workers always come from a clean process that this
            one starts once, because forking beside XLA's threads could deadlock.
        generator: draws the shuffles and the workers' base seed; default: the default generator.
        prefetch_factor: batches that each worker prepares ahead (2).
        persistent_workers: keep the workers for the next pass.
        pin_memory_device: deprecated, ignored.
        in_order: False returns workers' batches as they get ready.

    Raises:
        ValueError: arguments that exclude each other or are out of range.
    """

    _initialized = False

    def __init__(
        self,
        dataset: Dataset[T_co],
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[list[Any]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ):
        prefetch_factor = _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.in_order = in_order
        self._dataset_kind = (
            _DatasetKind.Iterable if isinstance(dataset, IterableDataset) else _DatasetKind.Map
        )
        streaming = self._dataset_kind == _DatasetKind.Iterable
        if streaming:
            _check_stream(shuffle, sampler, batch_sampler)
        _check_sampling(batch_size, bool(shuffle), sampler, batch_sampler, drop_last)
        if batch_sampler is not None:
            batch_size, drop_last = None, False
        if sampler is None:
            if streaming:
                sampler = _InfiniteConstantSampler()
            elif shuffle:
                sampler = RandomSampler(dataset, generator=generator)
            else:
                sampler = SequentialSampler(dataset)
        if batch_size is not None and batch_sampler is None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.generator = generator
        self.collate_fn = collate_fn or (default_collate if self._auto_collation else default_convert)
        self.persistent_workers = persistent_workers
        self._initialized = True
        self._IterableDataset_len_called: int | None = None
        self._iterator: _MultiProcessingDataLoaderIter | None = None
        self.check_worker_number_rationality()
        if num_workers > 0:
            server.shared()  # it gets ready while the script goes on

    @property
    def multiprocessing_context(self) -> Any:
        """The context that was given, None by default."""
        return self._context

    @multiprocessing_context.setter
    def multiprocessing_context(self, context: Any) -> None:
        if context is not None:
            if self.num_workers <= 0:
                raise ValueError(
                    "multiprocessing_context can only be used with "
                    f"multi-process loading (num_workers > 0), but got num_workers={self.num_workers}"
                )
            if isinstance(context, str):
                valid = multiprocessing.get_all_start_methods()
                if context not in valid:
                    raise ValueError(
                        "multiprocessing_context option "
                        f"should specify a valid start method in {valid!r}, but got "
                        f"multiprocessing_context={context!r}"
                    )
                context = multiprocessing.get_context(context)
            if not isinstance(context, multiprocessing.context.BaseContext):
                raise TypeError(
                    "multiprocessing_context option should be a valid context "
                    "object or a string specifying the start method, but got "
                    f"multiprocessing_context={context}"
                )
        self._context = context

    def __setattr__(self, attr: str, val: Any) -> None:
        if self._initialized and attr in _FROZEN:
            raise ValueError(f"{attr} attribute should not be set after {type(self).__name__} is initialized")
        super().__setattr__(attr, val)

    def __iter__(self) -> _BaseDataLoaderIter:
        if not self.persistent_workers or self.num_workers == 0:
            return self._get_iterator()
        if self._iterator is None:
            self._iterator = _MultiProcessingDataLoaderIter(self)
        else:
            self._iterator._reset(self)
        return self._iterator

    def _get_iterator(self) -> _BaseDataLoaderIter:
        if self.num_workers == 0:
            return _SingleProcessDataLoaderIter(self)
        self.check_worker_number_rationality()
        return _MultiProcessingDataLoaderIter(self)

    @property
    def _auto_collation(self) -> bool:
        return self.batch_sampler is not None

    @property
    def _index_sampler(self) -> Any:
        return self.batch_sampler if self._auto_collation else self.sampler

    def __len__(self) -> int:
        if self._dataset_kind == _DatasetKind.Map:
            return len(self._index_sampler)
        length = self._IterableDataset_len_called = len(self.dataset)  # type: ignore[arg-type]
        if self.batch_size is not None:
            length = length // self.batch_size if self.drop_last else math.ceil(length / self.batch_size)
        return length

    def check_worker_number_rationality(self) -> None:
        """Warns when there are more workers than this process may use processors."""
        if not self.num_workers:
            return
        has_affinity = hasattr(os, "sched_getaffinity")
        limit = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count()
        if limit is None or self.num_workers > limit:
            warnings.warn(_MSG_MANY_WORKERS.format(self.num_workers, limit), stacklevel=3)


def _check_workers(workers: int, timeout: float, prefetch: int | None, persistent: bool) -> int | None:
    """Checks the arguments about workers; returns the prefetch factor."""
    if workers < 0:
        raise ValueError(
            "num_workers option should be non-negative; use num_workers=0 to disable multiprocessing."
        )
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if workers == 0 and prefetch is not None:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing."
            "let num_workers > 0 to enable multiprocessing, otherwise set prefetch_factor to None."
        )
    if prefetch is not None and prefetch < 0:
        raise ValueError("prefetch_factor option should be non-negative")
    if persistent and workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")
    return 2 if workers > 0 and prefetch is None else prefetch


def _check_stream(shuffle: Any, sampler: Any, batch_sampler: Any) -> None:
    """An IterableDataset chooses its own order."""
    if shuffle not in {False, None}:
        raise ValueError(
            f"DataLoader with IterableDataset: expected unspecified shuffle option, but got shuffle={shuffle}"
        )
    if sampler is not None:
        raise ValueError(
            f"DataLoader with IterableDataset: expected unspecified sampler option, but got sampler={sampler}"
        )
    if batch_sampler is not None:
        raise ValueError(
            "DataLoader with IterableDataset: expected unspecified "
            f"batch_sampler option, but got batch_sampler={batch_sampler}"
        )


def _check_sampling(
    batch_size: Any, shuffle: bool, sampler: Any, batch_sampler: Any, drop_last: bool
) -> None:
    """Checks that the arguments about order and batching do not contradict each other."""
    if sampler is not None and shuffle:
        raise ValueError("sampler option is mutually exclusive with shuffle")
    if batch_sampler is not None:
        if batch_size != 1 or shuffle or sampler is not None or drop_last:
            raise ValueError(
                "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last"
            )
    elif batch_size is None and drop_last:
        raise ValueError(
            "batch_size=None option disables auto-batching and is mutually exclusive with drop_last"
        )


class _BaseDataLoaderIter:
    """One pass over a DataLoader."""

    def __init__(self, loader: DataLoader[Any]):
        self._dataset = loader.dataset
        self._dataset_kind = loader._dataset_kind
        self._auto_collation = loader._auto_collation
        self._drop_last = loader.drop_last
        self._index_sampler = loader._index_sampler
        self._num_workers = loader.num_workers
        self._timeout = loader.timeout
        self._collate_fn = loader.collate_fn
        self._persistent_workers = loader.persistent_workers
        _warn_about_pinning(loader)
        self._start_pass(loader)
        self._base_seed = (loader.generator or default_generator).random_seed64()

    def _start_pass(self, loader: DataLoader[Any]) -> None:
        self._sampler_iter = iter(self._index_sampler)
        self._num_yielded = 0
        self._IterableDataset_len_called = loader._IterableDataset_len_called

    def __iter__(self) -> _BaseDataLoaderIter:
        return self

    def _next_index(self) -> Any:
        return next(self._sampler_iter)

    def _next_data(self) -> Any:
        raise NotImplementedError

    def __next__(self) -> Any:
        data = self._next_data()
        self._num_yielded += 1
        promised = self._IterableDataset_len_called
        if promised is not None and self._num_yielded > promised:
            message = _MSG_LENGTH.format(self._dataset, promised, self._num_yielded)
            warnings.warn(message + (_MSG_LENGTH_WORKERS if self._num_workers > 0 else ""), stacklevel=2)
        return data

    def __len__(self) -> int:
        return len(self._index_sampler)

    def __getstate__(self) -> Any:
        raise NotImplementedError("{} cannot be pickled", self.__class__.__name__)


def _warn_about_pinning(loader: DataLoader[Any]) -> None:
    if not loader.pin_memory:
        return
    if loader.pin_memory_device:
        warnings.warn(
            "pin_memory_device is deprecated, the current accelerator will be used as the device,"
            f"ignore pin_memory_device='{loader.pin_memory_device}'.",
            stacklevel=5,
        )
    if not devices.accelerators():
        warnings.warn(_MSG_PIN, stacklevel=5)


class _SingleProcessDataLoaderIter(_BaseDataLoaderIter):
    """Loads in this process."""

    def __init__(self, loader: DataLoader[Any]):
        super().__init__(loader)
        if self._timeout != 0:
            raise AssertionError("_SingleProcessDataLoaderIter requires timeout == 0")
        streaming = self._dataset_kind == _DatasetKind.Iterable
        kind = IterableDatasetFetcher if streaming else MapDatasetFetcher
        self._dataset_fetcher = kind(self._dataset, self._auto_collation, self._collate_fn, self._drop_last)

    def _next_data(self) -> Any:
        return self._dataset_fetcher.fetch(self._next_index())


class _MultiProcessingDataLoaderIter(_BaseDataLoaderIter):
    """Loads in worker processes."""

    _pool: Pool | None = None

    def __init__(self, loader: DataLoader[Any]):
        super().__init__(loader)
        job = Job(
            self._dataset,
            self._dataset_kind == _DatasetKind.Iterable,
            self._auto_collation,
            self._collate_fn,
            self._drop_last,
            self._base_seed,
            loader.worker_init_fn,
            self._num_workers,
        )
        assert loader.prefetch_factor is not None
        self._pool = Pool(
            job, loader.prefetch_factor, self._timeout, loader.in_order, self._persistent_workers
        )
        self._pool.begin(self._sampler_iter, first=True)

    def _reset(self, loader: DataLoader[Any]) -> None:
        """Starts another pass with the same workers."""
        self._start_pass(loader)
        assert self._pool is not None
        self._pool.begin(self._sampler_iter, first=False)

    def _next_data(self) -> Any:
        assert self._pool is not None
        return self._pool.fetch()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            if self._pool is not None:
                self._pool.shutdown()


__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]
