"""Methods whose parameters differ from their function's, as PyTorch's differ."""

from __future__ import annotations

from typing import Any

from .._core.registry import publish
from .._core.tensor import Tensor
from . import decomposition, lengths, parts, sorting, spectral, view


def split(self: Tensor, split_size: Any, dim: int = 0) -> tuple[Tensor, ...]:
    return parts.split(self, split_size, dim)


def unflatten(self: Tensor, dim: int, sizes: Any) -> Tensor:
    return view.unflatten(self, dim, sizes)


def norm(self: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    return lengths.norm(self, p, dim, keepdim, dtype=dtype)


def lu(self: Tensor, pivot: bool = True, get_infos: bool = False) -> tuple[Tensor, ...]:
    return decomposition.lu(self, pivot, get_infos)


def unique(
    self: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: Any = None
) -> Any:  # fmt: skip
    return sorting.unique(self, sorted, return_inverse, return_counts, dim)


def unique_consecutive(
    self: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: Any = None
) -> Any:  # fmt: skip
    return sorting.unique_consecutive(self, return_inverse, return_counts, dim)


def stft(
    self: Tensor, n_fft: int, hop_length: Any = None, win_length: Any = None, window: Any = None, center: bool = True,
    pad_mode: str = "reflect", normalized: bool = False, onesided: Any = None, return_complex: Any = None,
    align_to_window: Any = None,
) -> Tensor:  # fmt: skip
    return spectral.stft(
        self, n_fft, hop_length, win_length, window, center, pad_mode, normalized, onesided, return_complex, align_to_window
    )  # fmt: skip


def istft(
    self: Tensor, n_fft: int, hop_length: Any = None, win_length: Any = None, window: Any = None, center: bool = True,
    normalized: bool = False, onesided: Any = None, length: Any = None, return_complex: bool = False,
) -> Tensor:  # fmt: skip
    return spectral.istft(
        self, n_fft, hop_length, win_length, window, center, normalized, onesided, length, return_complex
    )


for _method, _function in (
    (split, parts.split), (unflatten, view.unflatten), (norm, lengths.norm), (lu, decomposition.lu),
    (unique, sorting.unique), (unique_consecutive, sorting.unique_consecutive), (stft, spectral.stft),
    (istft, spectral.istft),
):  # fmt: skip
    _method.__doc__ = _function.__doc__
    _method.__qualname__ = f"Tensor.{_method.__name__}"
    publish("Tensor", _method.__name__, _method)
