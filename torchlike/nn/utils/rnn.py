"""Batches of sequences of different lengths: padded tensors and PackedSequence."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..._core import dtypes
from ..._core.host import host_array
from ..._core.tensor import Tensor, from_numpy_copy
from ...ops.shape import cat, where

__all__ = [
    "PackedSequence", "invert_permutation", "pack_padded_sequence", "pad_packed_sequence", "pad_sequence",
    "unpad_sequence", "pack_sequence", "unpack_sequence",
]  # fmt: skip

_MSG_CPU_SIZES = (
    "batch_sizes should always be on CPU. "
    "Instances of PackedSequence should never be created manually. "
    "They should be instantiated by functions like pack_sequence "
    "and pack_padded_sequences in nn.utils.rnn. "
    "https://pytorch.org/docs/stable/nn.html#torch.nn.utils.rnn.pack_sequence"
)
_MSG_NOT_SORTED = (
    "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass "
    "`enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this requirement if "
    "you do not "
    "need ONNX exportability."
)

_Fields = namedtuple("PackedSequence", ["data", "batch_sizes", "sorted_indices", "unsorted_indices"])


class PackedSequence(_Fields):
    """Sequences of decreasing length, step by step: `data` has batch_sizes[t] rows for each step t.

    Made by `pack_sequence` and `pack_padded_sequence`; `sorted_indices` is the order of the sequences in it,
    `unsorted_indices` the inverse (None when they came sorted).
    """

    def __new__(
        cls, data: Any, batch_sizes: Tensor | None = None, sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ):  # fmt: skip
        if batch_sizes is None:  # the old form: a pair
            if not isinstance(data, (list, tuple)) or len(data) != 2:
                raise AssertionError("Expected data to be a list or tuple of length 2")
            data, batch_sizes = data
        elif batch_sizes.device.type != "cpu":
            raise ValueError(_MSG_CPU_SIZES)
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def pin_memory(self) -> PackedSequence:
        """Itself with pinned data."""
        return type(self)(
            self.data.pin_memory(), self.batch_sizes, self.sorted_indices, self.unsorted_indices
        )

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Moves or casts `data`; `batch_sizes` stays on the CPU."""
        data = self.data.to(*args, **kwargs)
        if data is self.data:
            return self
        order = [
            None if i is None else i.to(data.device) for i in (self.sorted_indices, self.unsorted_indices)
        ]
        return type(self)(data, self.batch_sizes, *order)

    def cuda(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Moves to the accelerator."""
        return self.to(args[0] if args else kwargs.get("device") or "cuda")

    def cpu(self) -> PackedSequence:
        """Moves to the CPU."""
        return self.to("cpu")

    def double(self) -> PackedSequence:
        """Casts to float64."""
        return self.to(dtype=dtypes.float64)

    def float(self) -> PackedSequence:
        """Casts to float32."""
        return self.to(dtype=dtypes.float32)

    def half(self) -> PackedSequence:
        """Casts to float16."""
        return self.to(dtype=dtypes.float16)

    def long(self) -> PackedSequence:
        """Casts to int64."""
        return self.to(dtype=dtypes.int64)

    def int(self) -> PackedSequence:
        """Casts to int32."""
        return self.to(dtype=dtypes.int32)

    def short(self) -> PackedSequence:
        """Casts to int16."""
        return self.to(dtype=dtypes.int16)

    def char(self) -> PackedSequence:
        """Casts to int8."""
        return self.to(dtype=dtypes.int8)

    def byte(self) -> PackedSequence:
        """Casts to uint8."""
        return self.to(dtype=dtypes.uint8)

    @property
    def is_cuda(self) -> bool:
        """Whether the data is on an accelerator."""
        return self.data.is_cuda

    def is_pinned(self) -> bool:
        """Whether the data is in pinned memory."""
        return self.data.is_pinned()


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes the given one; None for None."""
    return None if permutation is None else permutation.argsort()


def on_host(t: Tensor) -> np.ndarray:
    """The data of a tensor. What this thread has pending runs only where the data needs it."""
    data = host_array(t)
    return t.cpu().numpy() if data is None else data


def _host_lengths(lengths: Any) -> np.ndarray:
    if isinstance(lengths, Tensor):
        if lengths.device.type != "cpu":
            raise RuntimeError(
                "'lengths' argument should be a 1D CPU int64 tensor, but got "
                f"{lengths.dim()}D {lengths.device} {str(lengths.type()).rpartition('.')[2][:-6]} tensor"
            )
        lengths = on_host(lengths)
    return np.asarray(lengths, dtype=np.int64)


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Packs a padded batch.

    Args:
        input: (T, B, *), or (B, T, *) with `batch_first`.
        lengths: length of each sequence, a list or a CPU tensor.
        batch_first: see `input`.
        enforce_sorted: whether the lengths must be decreasing; otherwise they are sorted here.

    Raises:
        RuntimeError: lengths are not positive, not sorted (`enforce_sorted`), or not one per sequence.
    """
    host = _host_lengths(lengths)
    sorted_indices = unsorted_indices = None
    if not enforce_sorted:
        order = np.argsort(-host, kind="stable")
        host = host[order]
        sorted_indices, unsorted_indices = (
            from_numpy_copy(i).to(input.device) for i in (order, np.argsort(order))
        )
        input = input.index_select(0 if batch_first else 1, sorted_indices)
    if input.numel() == 0:
        raise RuntimeError("Cannot pack empty tensors.")
    steps, batch = (1, 0) if batch_first else (0, 1)
    if len(host) != input.size(batch):
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(host)} "
            f"(batch_size={input.size(batch)})"
        )
    if (host <= 0).any():
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0"
        )
    if (host[1:] > host[:-1]).any():
        raise RuntimeError(_MSG_NOT_SORTED)
    if host[0] > input.size(steps):
        raise RuntimeError(
            f"Expected `lengths` to be at most the number of steps {input.size(steps)}, but got {host[0]}"
        )
    sizes = (host[None, :] > np.arange(host[0])[:, None]).sum(1)  # (longest,)
    t = np.repeat(np.arange(host[0]), sizes)
    b = np.concatenate([np.arange(n) for n in sizes])
    rows = b * input.size(1) + t if batch_first else t * input.size(1) + b
    index = from_numpy_copy(rows).to(input.device)
    data = input.reshape(-1, *input.shape[2:]).index_select(0, index)  # (sum of lengths, *)
    return PackedSequence(data, from_numpy_copy(sizes.astype(np.int64)), sorted_indices, unsorted_indices)


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Undoes `pack_padded_sequence`.

    Args:
        sequence: what to pad.
        batch_first: return (B, T, *) instead of (T, B, *).
        padding_value: put after the end of each sequence.
        total_length: T; the longest length if None.

    Returns: the padded batch and the lengths (int64, CPU), in the original order.

    Raises:
        ValueError: `total_length` is less than the longest length.
    """
    sizes = on_host(sequence.batch_sizes)
    data, unsorted_indices = sequence.data, sequence.unsorted_indices
    longest, batch = len(sizes), int(sizes[0])
    if total_length is not None and total_length < longest:
        raise ValueError(
            "Expected total_length to be at least the length of the longest sequence in input, but got "
            f"total_length={total_length} and max sequence length being {longest}"
        )
    steps = longest if total_length is None else total_length
    sizes = np.concatenate([sizes, np.zeros(steps - longest, np.int64)])
    valid = np.arange(batch)[None, :] < sizes[:, None]  # (steps, batch)
    rows = np.where(valid, (np.cumsum(sizes) - sizes)[:, None] + np.arange(batch), 0)
    lengths = valid.sum(0)
    if unsorted_indices is not None:
        back = on_host(unsorted_indices)
        rows, valid, lengths = rows[:, back], valid[:, back], lengths[back]
    if batch_first:
        rows, valid = rows.T, valid.T
    index = from_numpy_copy(np.ascontiguousarray(rows).reshape(-1)).to(data.device)
    out = data.index_select(0, index).reshape(*rows.shape, *data.shape[1:])
    if not valid.all():
        keep = valid.reshape(*valid.shape, *[1] * (data.dim() - 1))
        out = where(from_numpy_copy(keep).to(data.device), out, data.new_full((), padding_value))
    return out, from_numpy_copy(lengths.astype(np.int64))


def pad_sequence(
    sequences: Any, batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Stacks tensors (L_i, *) into one (T, B, *), or (B, T, *) with `batch_first`, T the longest L.

    Args:
        sequences: the tensors.
        batch_first: see above.
        padding_value: fills what is missing.
        padding_side: "right" or "left".

    Raises:
        RuntimeError: `sequences` is no iterable, empty, or the trailing sizes differ.
    """
    if isinstance(sequences, Tensor):
        sequences = sequences.unbind(0)
    elif not isinstance(sequences, Iterable):
        raise RuntimeError(
            f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}"
        )
    sequences = tuple(sequences)
    if not sequences:
        raise RuntimeError("received an empty list of sequences")
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {padding_side}.")
    if sequences[0].dim() == 0:
        raise IndexError("slice() cannot be applied to a 0-dim tensor.")
    longest = max(s.size(0) for s in sequences)
    rows = []
    for s in sequences:
        if s.shape[1:] != sequences[0].shape[1:]:
            raise RuntimeError(
                f"The size of tensor a ({longest}) must match the size of tensor b ({s.size(0)}) "
                "at non-singleton dimension 0"
            )
        missing = longest - s.size(0)
        if missing:
            fill = s.new_full((missing, *s.shape[1:]), padding_value)
            s = cat([fill, s] if padding_side == "left" else [s, fill])
        rows.append(s.unsqueeze(0 if batch_first else 1))
    return cat(rows, 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """Undoes `pad_sequence`: a list of (L_i, *) tensors."""
    if not batch_first:
        padded_sequences = padded_sequences.transpose(0, 1)
    return [s[:n] for s, n in zip(padded_sequences.unbind(0), lengths.tolist())]


def pack_sequence(sequences: list[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Packs tensors (L_i, *); with `enforce_sorted` the lengths must be decreasing."""
    lengths = [s.size(0) for s in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """Undoes `pack_sequence`: a list of (L_i, *) tensors."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
