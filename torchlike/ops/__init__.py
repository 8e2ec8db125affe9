"""Operators as rows. Importing this package publishes all of them (see `_core/registry.py`)."""

from . import (
    activation, arithmetic, attention, bitwise, classification, comparison, conv, convert, copying, creation, ctc,
    decomposition, distance, dropout, einsum, embedding, factory, fft, fill, from_data, grid, indexing, interpolate,
    layout, legacy, lengths, linalg, linear, loss, lowrank, masked, matmul, multihead, norm, overloads, pad, pair_loss, parts,
    pointwise, pool, pool_mean, protocols, random, ranges, rearrange, reduce_loss, reduction, refill, rnn, scan,
    scatter, shape, softmax, sorting, special, spectral, statistics, view, vision, windows,
)  # fmt: skip

__all__: list[str] = []
