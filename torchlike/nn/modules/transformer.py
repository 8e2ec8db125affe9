"""Transformer encoder and decoder layers, their stacks, and the whole model."""

from __future__ import annotations

import copy
import functools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..._core import devices
from ..._core.dtypes import bool_, get_default_dtype
from ..._core.graph import Value
from ..._core.host import host_array
from ..._core.modes import is_grad_enabled
from ..._core.storage import value_from_numpy
from ..._core.tensor import Tensor
from ...ops.creation import full, zeros
from .. import functional as F
from ..init import xavier_uniform_
from .activation import GELU, ReLU
from .container import ModuleList
from .dropout import Dropout
from .linear import Linear
from .module import Module
from .multihead import MultiheadAttention
from .normalization import LayerNorm

__all__ = [
    "Transformer",
    "TransformerEncoder",
    "TransformerDecoder",
    "TransformerEncoderLayer",
    "TransformerDecoderLayer",
]


def _get_activation_fn(activation: str) -> Callable[[Tensor], Tensor]:
    if activation == "relu":
        return F.relu
    if activation == "gelu":
        return F.gelu
    raise RuntimeError(f"activation should be relu/gelu, not {activation}")


@functools.lru_cache(16)
def _causal_value(size: int, device: Any, dtype: Any) -> Value:
    """The data of a causal mask; a training step takes it as an input, whoever asks for it, and records nothing."""
    value = value_from_numpy(np.triu(np.full((size, size), float("-inf")), 1).astype(dtype.jnp), device)
    value.shared = True
    return value


def _generate_square_subsequent_mask(size: int, device: Any = None, dtype: Any = None) -> Tensor:
    """(size, size) with -inf above the diagonal and 0 elsewhere."""
    dtype = dtype or get_default_dtype()
    if not dtype.is_floating_point:
        return full((size, size), float("-inf"), dtype=dtype, device=device).triu(1)
    device = devices.get_default_device() if device is None else devices.canonical(device)
    return Tensor._from_value(_causal_value(size, device, dtype))


def _is_causal(mask: Tensor | None, is_causal: bool | None, size: int | None) -> bool:
    """The hint if given; otherwise whether `mask` is seen to be the causal mask.

    One whose data is not at hand is taken as it is: looking would cut the step in two, and the hint changes no
    result.
    """
    if is_causal is not None or mask is None:
        return bool(is_causal)
    size = int(mask.size(-2)) if size is None else size
    if tuple(mask.shape) != (size, size) or not mask.is_floating_point():
        return False
    causal = _causal_value(size, mask.device, mask.dtype)
    if mask._read() is causal:
        return True
    data = host_array(mask)
    return data is not None and np.array_equal(data, np.asarray(causal.arr))


def _float_mask(
    mask: Tensor | None, name: str, other: Tensor | None, other_name: str, dtype: Any
) -> Tensor | None:
    """A bool mask as -inf (where True) and 0; float masks as they are."""
    if mask is None:
        return None
    if mask.dtype != bool_ and not mask.is_floating_point():
        raise AssertionError(f"only bool and floating types of {name} are supported")
    if other is not None and mask.dtype != other.dtype:
        warnings.warn(
            f"Support for mismatched {name} and {other_name} is deprecated. Use same type for both instead.",
            stacklevel=3,
        )
    if mask.is_floating_point():
        return mask
    return zeros(tuple(mask.shape), dtype=dtype, device=mask.device).masked_fill(mask, float("-inf"))


def _activation_code(activation: Any) -> int:
    for code, function, layer in ((1, F.relu, ReLU), (2, F.gelu, GELU)):
        if activation is function or isinstance(activation, layer):
            return code
    return 0


taken_over: Callable[[Any], Any] | None = None  # set by `interop`: the copy of a layer of PyTorch's


def _get_clones(module: Module, n: int) -> ModuleList:
    """Copies of a layer; one of PyTorch's, in the same process, is copied into one of torchlike's."""
    if not isinstance(module, Module) and taken_over is not None:
        module = taken_over(module)
    return ModuleList([copy.deepcopy(module) for _ in range(n)])


class _Layer(Module):
    """What encoder and decoder layers share: attention, feed-forward network and their norms.

    Args:
        d_model: size of the features.
        nhead: number of attention heads.
        dim_feedforward: size of the hidden layer.
        dropout: probability of dropout.
        activation: "relu", "gelu" or a function.
        layer_norm_eps: eps of the norms.
        batch_first: sequences are (N, L, E) instead of (L, N, E).
        norm_first: normalize before attention and feed-forward instead of after.
        bias: whether Linear and LayerNorm have biases.
    """

    _attentions: tuple[str, ...]

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Any = F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        where = {"bias": bias, "device": device, "dtype": dtype}
        for name in self._attentions:
            attention = MultiheadAttention(d_model, nhead, dropout=dropout, batch_first=batch_first, **where)
            setattr(self, name, attention)
        self.linear1 = Linear(d_model, dim_feedforward, **where)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, **where)
        self.norm_first = norm_first
        count = len(self._attentions) + 1
        for i in range(1, count + 1):
            setattr(self, f"norm{i}", LayerNorm(d_model, eps=layer_norm_eps, **where))
        for i in range(1, count + 1):
            setattr(self, f"dropout{i}", Dropout(dropout))
        self.activation = _get_activation_fn(activation) if isinstance(activation, str) else activation
        if count == 2:  # PyTorch's encoder layer reads this from files
            self.activation_relu_or_gelu = _activation_code(self.activation)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.__dict__.setdefault("activation", F.relu)

    def _feed_forward(self, x: Tensor) -> Tensor:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


class TransformerEncoderLayer(_Layer):
    __doc__ = f"Self-attention and a feed-forward network, each with residual and norm.\n{_Layer.__doc__}"
    _attentions = ("self_attn",)

    def forward(
        self, src: Tensor, src_mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        """Args: the sequence, its (L, L) mask, the (N, L) mask of padding, and whether the mask is causal."""
        padding = _float_mask(src_key_padding_mask, "src_key_padding_mask", src_mask, "src_mask", src.dtype)
        mask = _float_mask(src_mask, "src_mask", None, "", src.dtype)
        x = src
        if self.norm_first:
            x = x + self._sa_block(self.norm1(x), mask, padding, is_causal)
            return x + self._ff_block(self.norm2(x))
        x = self.norm1(x + self._sa_block(x, mask, padding, is_causal))
        return self.norm2(x + self._ff_block(x))

    def _sa_block(
        self, x: Tensor, mask: Tensor | None, padding: Tensor | None, is_causal: bool = False
    ) -> Tensor:
        out = self.self_attn(
            x, x, x, attn_mask=mask, key_padding_mask=padding, need_weights=False, is_causal=is_causal
        )
        return self.dropout1(out[0])

    def _ff_block(self, x: Tensor) -> Tensor:
        return self.dropout2(self._feed_forward(x))


class TransformerDecoderLayer(_Layer):
    __doc__ = f"Self-attention, attention to the memory, and a feed-forward network.\n{_Layer.__doc__}"
    _attentions = ("self_attn", "multihead_attn")

    def forward(
        self, tgt: Tensor, memory: Tensor, tgt_mask: Tensor | None = None, memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None, memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False, memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        """Args: the sequence and the encoder's output, and masks of each as in the encoder layer."""
        own = (tgt_mask, tgt_key_padding_mask, tgt_is_causal)
        cross = (memory, memory_mask, memory_key_padding_mask, memory_is_causal)
        x = tgt
        if self.norm_first:
            x = x + self._sa_block(self.norm1(x), *own)
            x = x + self._mha_block(self.norm2(x), *cross)
            return x + self._ff_block(self.norm3(x))
        x = self.norm1(x + self._sa_block(x, *own))
        x = self.norm2(x + self._mha_block(x, *cross))
        return self.norm3(x + self._ff_block(x))

    def _sa_block(
        self, x: Tensor, mask: Tensor | None, padding: Tensor | None, is_causal: bool = False
    ) -> Tensor:
        out = self.self_attn(
            x, x, x, attn_mask=mask, key_padding_mask=padding, is_causal=is_causal, need_weights=False
        )
        return self.dropout1(out[0])

    def _mha_block(
        self, x: Tensor, memory: Tensor, mask: Tensor | None, padding: Tensor | None, is_causal: bool = False
    ) -> Tensor:
        out = self.multihead_attn(
            x,
            memory,
            memory,
            attn_mask=mask,
            key_padding_mask=padding,
            is_causal=is_causal,
            need_weights=False,
        )
        return self.dropout2(out[0])

    def _ff_block(self, x: Tensor) -> Tensor:
        return self.dropout3(self._feed_forward(x))


class TransformerEncoder(Module):
    """A stack of encoder layers.

    Args:
        encoder_layer: copied `num_layers` times.
        num_layers: how many.
        norm: applied at the end.
        enable_nested_tensor: in evaluation without gradients, outputs at padded positions are 0.
        mask_check: that holds only if the padding is at the end of each sequence.
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ):
        super().__init__()
        self.layers = _get_clones(encoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm
        self.enable_nested_tensor, self.mask_check = enable_nested_tensor, mask_check

    def forward(
        self, src: Tensor, mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Tensor:  # fmt: skip
        """Args as the layer's; `is_causal=None` looks whether the mask is causal."""
        padding = _float_mask(src_key_padding_mask, "src_key_padding_mask", mask, "mask", src.dtype)
        mask = _float_mask(mask, "mask", None, "", src.dtype)
        first = self.layers[0]
        length = None
        if src.dim() == 3:
            length = src.size(1 if first.self_attn.batch_first else 0)
        causal = _is_causal(mask, is_causal, length)
        out = src
        for layer in self.layers:
            out = layer(out, src_mask=mask, is_causal=causal, src_key_padding_mask=padding)
        if padding is not None and mask is None and self._zeroes_padding(src, first):
            out = _without_padding(out, padding.ne(0), self.mask_check)
        return out if self.norm is None else self.norm(out)

    def _zeroes_padding(self, src: Tensor, first: Any) -> bool:
        """Whether PyTorch would take its nested-tensor path, which leaves zeros at padded positions."""
        return (
            self.enable_nested_tensor
            and isinstance(first, TransformerEncoderLayer)
            and not first.training
            and not first.norm_first
            and src.dim() == 3
            and first.self_attn.batch_first
            and first.self_attn.in_proj_bias is not None
            and first.self_attn._qkv_same_embed_dim
            and first.self_attn.num_heads % 2 == 0
            and first.activation in (F.relu, F.gelu)
            and first.norm1.eps == first.norm2.eps
            and not (is_grad_enabled() and any(p.requires_grad for p in self.layers.parameters()))
        )


def _without_padding(x: Tensor, padded: Tensor, check: bool) -> Tensor:
    """`x` (N, L, E) with zeros where `padded` (N, L); with `check` only if all padding is at the ends."""
    if check:
        padded = padded & (padded[:, 1:] | ~padded[:, :-1]).all()
    return x.masked_fill(padded.unsqueeze(-1), 0)


class TransformerDecoder(Module):
    """A stack of decoder layers.

    Args:
        decoder_layer: copied `num_layers` times.
        num_layers: how many.
        norm: applied at the end.
    """

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None):
        super().__init__()
        self.layers = _get_clones(decoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self, tgt: Tensor, memory: Tensor, tgt_mask: Tensor | None = None, memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None, memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None, memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        """Args as the layer's; `tgt_is_causal=None` looks whether the mask is causal."""
        length = None
        if tgt.dim() == 3:
            length = tgt.size(1 if self.layers[0].self_attn.batch_first else 0)
        causal = _is_causal(tgt_mask, tgt_is_causal, length)
        out = tgt
        for layer in self.layers:
            out = layer(
                out,
                memory,
                tgt_mask=tgt_mask,
                memory_mask=memory_mask,
                tgt_key_padding_mask=tgt_key_padding_mask,
                memory_key_padding_mask=memory_key_padding_mask,
                tgt_is_causal=causal,
                memory_is_causal=memory_is_causal,
            )
        return out if self.norm is None else self.norm(out)


class Transformer(Module):
    """Encoder and decoder (Vaswani et al. 2017).

    Args:
        d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first,
            bias: of the
            layers.
        num_encoder_layers, num_decoder_layers: how many of them.
        custom_encoder, custom_decoder: used instead of the stacks.
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Any = F.relu,
        custom_encoder: Any = None,
        custom_decoder: Any = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        where = {"bias": bias, "device": device, "dtype": dtype}
        options = (
            d_model,
            nhead,
            dim_feedforward,
            dropout,
            activation,
            layer_norm_eps,
            batch_first,
            norm_first,
        )
        if custom_encoder is not None:
            self.encoder = custom_encoder
        else:
            layer = TransformerEncoderLayer(*options, **where)
            norm = LayerNorm(d_model, eps=layer_norm_eps, **where)
            self.encoder = TransformerEncoder(layer, num_encoder_layers, norm)
        if custom_decoder is not None:
            self.decoder = custom_decoder
        else:
            layer = TransformerDecoderLayer(*options, **where)
            norm = LayerNorm(d_model, eps=layer_norm_eps, **where)
            self.decoder = TransformerDecoder(layer, num_decoder_layers, norm)
        self._reset_parameters()
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first

    def _reset_parameters(self) -> None:
        for p in self.parameters():
            if p.dim() > 1:
                xavier_uniform_(p)

    def forward(
        self, src: Tensor, tgt: Tensor, src_mask: Tensor | None = None, tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None, memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None, tgt_is_causal: bool | None = None, memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        """Args: source and target sequences, and their masks as in the layers; returns the shape of `tgt`."""
        batch = 0 if self.batch_first else 1
        if src.dim() == 3 and src.size(batch) != tgt.size(batch):
            raise RuntimeError("the batch number of src and tgt must be equal")
        if src.size(-1) != self.d_model or tgt.size(-1) != self.d_model:
            raise RuntimeError("the feature number of src and tgt must be equal to d_model")
        memory = self.encoder(
            src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal
        )
        return self.decoder(
            tgt,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Tensor:
        """The causal mask: (sz, sz) with -inf above the diagonal and 0 elsewhere."""
        return _generate_square_subsequent_mask(sz, device, dtype)
