"""Fetches the samples of one batch from a dataset and collates them."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ...._core.host import aligned_empty, host_array, own
from ..dataset import Subset, TensorDataset
from .collate import default_collate, host_collate
from .host import HostTensor


class MapDatasetFetcher:
    """Batches of a map-style dataset, by lists of indices (without batching: by one index)."""

    def __init__(self, dataset: Any, auto_collation: bool, collate_fn: Callable[[Any], Any], drop_last: bool):
        self.dataset, self.auto_collation, self.collate_fn = dataset, auto_collation, collate_fn
        self.emit: Callable[[np.ndarray], Any] | None = None  # where rows may be taken from tensors at once
        if auto_collation and collate_fn in (default_collate, host_collate):
            self.emit = own if collate_fn is default_collate else HostTensor

    def fetch(self, index: Any) -> Any:
        """The batch at `index`."""
        if not self.auto_collation:
            return self.collate_fn(self.dataset[index])
        if self.emit is not None:
            columns = tensor_rows(self.dataset, index)
            if columns is not None:
                return [self.emit(column) for column in columns]
        if getattr(self.dataset, "__getitems__", None):
            return self.collate_fn(self.dataset.__getitems__(index))
        return self.collate_fn([self.dataset[i] for i in index])


class IterableDatasetFetcher:
    """Batches of a stream: the index only says how many samples to take."""

    def __init__(self, dataset: Any, auto_collation: bool, collate_fn: Callable[[Any], Any], drop_last: bool):
        self.auto_collation, self.collate_fn, self.drop_last = auto_collation, collate_fn, drop_last
        self.iterator = iter(dataset)
        self.ended = False

    def fetch(self, index: Any) -> Any:
        """The next batch.

        Raises:
            StopIteration: the stream has ended.
        """
        if self.ended:
            raise StopIteration
        if not self.auto_collation:
            return self.collate_fn(next(self.iterator))
        data = []
        for _ in index:
            try:
                data.append(next(self.iterator))
            except StopIteration:
                self.ended = True
                break
        if not data or (self.drop_last and len(data) < len(index)):
            raise StopIteration
        return self.collate_fn(data)


def tensor_rows(dataset: Any, indices: Any) -> list[np.ndarray] | None:
    """A batch of a TensorDataset (or Subsets of one): one indexed copy per tensor.

    None where that could differ from indexing sample by sample.
    """
    try:
        while type(dataset) is Subset:
            indices = [dataset.indices[i] for i in indices]
            dataset = dataset.dataset
        if type(dataset) is not TensorDataset:
            return None
        rows = np.array([operator.index(i) for i in indices], np.int64)
    except TypeError:
        return None
    arrays = [host_array(t, force=True) for t in dataset.tensors]
    n = len(dataset)
    if not arrays or any(a is None for a in arrays) or not len(rows) or rows.min() < -n or rows.max() >= n:
        return None  # the plain path raises the error
    return [_take(a, rows) for a in arrays if a is not None]


def _take(array: np.ndarray, rows: np.ndarray) -> np.ndarray:
    out = aligned_empty((len(rows), *array.shape[1:]), array.dtype)
    np.take(array, rows, axis=0, out=out, mode="wrap")
    return out
