"""Causal masks for `scaled_dot_product_attention` that are only made where they must be."""

from __future__ import annotations

import enum
import warnings
from typing import Any

from ..._core.dtypes import bool_
from ..._core.names import missing as _missing
from ..._core.registry import namespace
from ..._core.tensor import Tensor
from .. import functional as F

__all__ = ["causal_upper_left", "causal_lower_right", "CausalVariant", "CausalBias"]


class CausalVariant(enum.IntEnum):
    """Which corner of the scores the diagonal of a causal mask goes through."""

    UPPER_LEFT = 1
    LOWER_RIGHT = 2


class CausalBias(Tensor):
    """A causal mask of `(seq_len_q, seq_len_kv)` scores, to be passed as `attn_mask`.

    Args:
        variant: UPPER_LEFT: query i sees the keys up to i, as with `is_causal=True`; LOWER_RIGHT: up to
            i + seq_len_kv - seq_len_q, as when the queries are the last ones of the sequence.
    """

    def __init__(self, variant: CausalVariant, seq_len_q: int, seq_len_kv: int):
        if not isinstance(variant, CausalVariant):
            raise AssertionError(f"variant must be a CausalVariant, got {type(variant).__name__}")
        super().__init__()
        self.variant, self.seq_len_q, self.seq_len_kv = variant, seq_len_q, seq_len_kv
        if seq_len_q > seq_len_kv and variant is CausalVariant.LOWER_RIGHT:
            warnings.warn(
                "Lower right causal bias will produce NaNs in the output when seq_len_q > seq_len_kv!",
                stacklevel=2,
            )

    def _materialize(self, device: Any = "cpu") -> Tensor:
        """The mask as a bool tensor."""
        known = namespace("torch")
        shift = self.seq_len_kv - self.seq_len_q if self.variant is CausalVariant.LOWER_RIGHT else 0
        ones = known["ones"](self.seq_len_q, self.seq_len_kv, device=device, dtype=bool_)
        return known["tril"](ones, diagonal=shift)

    @staticmethod
    def _attend(query: Tensor, key: Tensor, value: Tensor, attn_mask: CausalBias, dropout_p: float = 0.0,
                is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False) -> Tensor:  # fmt: skip
        if is_causal:
            raise ValueError("CausalBias should not be used with causal=True")
        plain = attn_mask.seq_len_q == attn_mask.seq_len_kv or attn_mask.variant is CausalVariant.UPPER_LEFT
        mask = None if plain else attn_mask._materialize(query.device)
        return F.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=mask,
            dropout_p=dropout_p,
            is_causal=plain,
            scale=scale,
            enable_gqa=enable_gqa,
        )

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is F.scaled_dot_product_attention:
            return cls._attend(*args, **(kwargs or {}))
        return super().__torch_function__(func, types, args, kwargs)

    def __repr__(self) -> str:
        return repr(self._materialize())


def _sizes(name: str, size: tuple[int, ...]) -> tuple[int, int]:
    if len(size) != 2:
        raise AssertionError(f"{name} only supports 2D tensors")
    return size


def causal_upper_left(*size: int) -> Tensor:
    """The mask of `is_causal=True` for (queries, keys) scores."""
    return CausalBias(CausalVariant.UPPER_LEFT, *_sizes("causal_upper_left", size))


def causal_lower_right(*size: int) -> Tensor:
    """The mask of queries that are the last ones of the sequence, for (queries, keys) scores."""
    return CausalBias(CausalVariant.LOWER_RIGHT, *_sizes("causal_lower_right", size))


__getattr__ = _missing(__name__)
