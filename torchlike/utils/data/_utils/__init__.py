"""The parts of the DataLoader: collation, fetching, worker processes."""

from . import collate, fetch, worker

__all__ = ["collate", "fetch", "worker"]
