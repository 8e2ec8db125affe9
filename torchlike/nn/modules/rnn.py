"""Recurrent layers: RNN, LSTM and GRU over whole sequences."""

from __future__ import annotations

import math
import numbers
import warnings
from typing import Any

from ..._core.autocast import is_any_on
from ..._core.tensor import Tensor
from ...ops import rnn as kernels
from ...ops.creation import empty, zeros
from .. import init
from ..parameter import Parameter
from ..utils.rnn import PackedSequence, on_host
from .module import Module
from .rnn_cell import GRUCell, LSTMCell, RNNCell, RNNCellBase

__all__ = ["RNNBase", "RNN", "LSTM", "GRU", "RNNCellBase", "RNNCell", "LSTMCell", "GRUCell"]

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}
_KERNELS = {
    "LSTM": kernels.lstm, "GRU": kernels.gru, "RNN_TANH": kernels.rnn_tanh, "RNN_RELU": kernels.rnn_relu,
}  # fmt: skip


def apply_permutation(tensor: Tensor, permutation: Tensor, dim: int = 1) -> Tensor:
    """`tensor` reordered along `dim`."""
    return tensor.index_select(dim, permutation)


class RNNBase(Module):
    """Weights and checks of the recurrent layers.

    Args:
        input_size, hidden_size: sizes of the input and of the state.
        num_layers: layers on top of each other.
        bias: whether to add biases.
        batch_first: sequences are (N, L, *) instead of (L, N, *).
        dropout: probability of dropout between layers.
        bidirectional: also run backwards and concatenate the outputs.
        proj_size: LSTM only: size to which outputs are projected.
    """

    def __init__(
        self, mode: str, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0,
        device: Any = None, dtype: Any = None,
    ):  # fmt: skip
        super().__init__()
        self.mode, self.input_size, self.hidden_size = mode, input_size, hidden_size
        self.num_layers, self.bias, self.batch_first = num_layers, bias, batch_first
        self.dropout, self.bidirectional, self.proj_size = dropout, bidirectional, proj_size
        self._check_options()
        self.dropout = float(dropout)
        self._flat_weights_names: list[str] = []
        self._all_weights: list[list[str]] = []
        for name, shape in self._weight_shapes():
            setattr(self, name, Parameter(empty(shape, device=device, dtype=dtype)))
        self.reset_parameters()

    def _check_options(self) -> None:
        p = self.dropout
        if not isinstance(p, numbers.Real) or not 0 <= p <= 1 or isinstance(p, bool):
            raise ValueError(
                "dropout should be a number in range [0, 1] representing the probability of an element "
                "being zeroed"
            )
        if p > 0 and self.num_layers == 1:
            warnings.warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
                f"num_layers greater than 1, but got dropout={p} and num_layers={self.num_layers}",
                stacklevel=4,
            )
        for name, kind in (("bias", bool), ("batch_first", bool), ("input_size", int), ("hidden_size", int)):
            value = getattr(self, name)
            if not isinstance(value, kind):
                raise TypeError(f"{name} should be of type {kind.__name__}, got: {type(value).__name__}")
            if kind is int and value <= 0:
                raise ValueError(f"{name} must be greater than zero")
        if self.num_layers <= 0:
            raise ValueError("num_layers must be greater than zero")
        if self.proj_size < 0:
            raise ValueError("proj_size should be a positive integer or zero to disable projections")
        if self.proj_size >= self.hidden_size:
            raise ValueError("proj_size has to be smaller than hidden_size")
        if self.mode not in _GATES:
            raise ValueError("Unrecognized RNN mode: " + self.mode)

    def _weight_shapes(self) -> list[tuple[str, tuple[int, ...]]]:
        """Names and shapes in order; fills the lists of names on the way."""
        directions = 2 if self.bidirectional else 1
        gates = _GATES[self.mode] * self.hidden_size
        out_size = self.proj_size or self.hidden_size
        found = []
        for layer in range(self.num_layers):
            in_size = self.input_size if layer == 0 else out_size * directions
            for suffix in ("", "_reverse")[:directions]:
                here = [(f"weight_ih_l{layer}{suffix}", (gates, in_size))]
                here += [(f"weight_hh_l{layer}{suffix}", (gates, out_size))]
                if self.bias:
                    here += [(f"bias_{kind}_l{layer}{suffix}", (gates,)) for kind in ("ih", "hh")]
                if self.proj_size > 0:
                    here += [(f"weight_hr_l{layer}{suffix}", (self.proj_size, self.hidden_size))]
                names = [name for name, _ in here]
                self._all_weights.append(names)
                self._flat_weights_names.extend(names)
                found += here
        return found

    def reset_parameters(self) -> None:
        """Draws all weights from U(-k, k), k = 1 / sqrt(hidden_size)."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def flatten_parameters(self) -> None:
        """Does nothing: layouts are the compiler's choice."""

    @property
    def _flat_weights(self) -> list[Tensor]:
        return [getattr(self, name) for name in self._flat_weights_names]

    def __getstate__(self) -> dict[str, Any]:
        return {
            **super().__getstate__(),
            "_flat_weights": self._flat_weights,
        }  # which PyTorch reads from files

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({k: v for k, v in state.items() if k != "_flat_weights"})
        self.__dict__.setdefault("proj_size", 0)

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters, one list per layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    # ---- checks --------------------------------------------------------------------------------

    def check_input(self, input: Tensor, batch_sizes: Tensor | None) -> None:
        """RuntimeError or ValueError unless the input has the right rank, size and dtype."""
        weight = getattr(self, self._flat_weights_names[0])
        if input.dtype != weight.dtype and not is_any_on():
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({weight.dtype}). "
                f"Convert input: input.to({weight.dtype}), or convert model: model.to({input.dtype})"
            )
        rank = 2 if batch_sizes is not None else 3
        if input.dim() != rank:
            raise RuntimeError(f"input must have {rank} dimensions, got {input.dim()}")
        if self.input_size != input.size(-1):
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got "
                f"{input.size(-1)}"
            )

    def _state_size(self, input: Tensor, batch_sizes: Tensor | None, size: int) -> tuple[int, int, int]:
        if batch_sizes is not None:
            batch = int(on_host(batch_sizes)[0])
        else:
            batch = input.size(0) if self.batch_first else input.size(1)
        return self.num_layers * (2 if self.bidirectional else 1), batch, size

    def get_expected_hidden_size(self, input: Tensor, batch_sizes: Tensor | None) -> tuple[int, int, int]:
        """The shape of h0."""
        return self._state_size(input, batch_sizes, self.proj_size or self.hidden_size)

    def check_hidden_size(
        self, hx: Tensor, expected_hidden_size: tuple[int, int, int],
        msg: str = "Expected hidden size {}, got {}",
    ) -> None:  # fmt: skip
        """RuntimeError unless `hx` has that shape."""
        if tuple(hx.shape) != expected_hidden_size:
            raise RuntimeError(msg.format(expected_hidden_size, list(hx.shape)))

    def check_forward_args(self, input: Tensor, hidden: Any, batch_sizes: Tensor | None) -> None:
        """Checks the input and the initial state."""
        self.check_input(input, batch_sizes)
        self.check_hidden_size(hidden, self.get_expected_hidden_size(input, batch_sizes))

    def permute_hidden(self, hx: Any, permutation: Tensor | None) -> Any:
        """The state in the order of the sequences in the pack, or back."""
        return hx if permutation is None else apply_permutation(hx, permutation)

    # ---- forward ---------------------------------------------------------------------------------

    def _check_unpacked(self, input: Tensor) -> None:
        if input.dim() not in (2, 3):
            raise ValueError(f"{self._get_name()}: Expected input to be 2D or 3D, got {input.dim()}D instead")

    def _batched_state(self, hx: Any, is_batched: bool) -> Any:
        """The given state with a batch dimension."""
        rank = 3 if is_batched else 2
        if hx.dim() != rank:
            kind = "batched 3-D" if is_batched else "unbatched 2-D"
            raise RuntimeError(f"For {kind} input, hx should also be {rank}-D but got {hx.dim()}-D tensor")
        return hx if is_batched else hx.unsqueeze(1)

    def _initial_state(self, input: Tensor, batch_sizes: Tensor | None) -> Any:
        size = self.get_expected_hidden_size(input, batch_sizes)
        return zeros(size, dtype=input.dtype, device=input.device)

    def _unbatched(self, hidden: Any) -> Any:
        return hidden.squeeze(1)

    def _run(self, input: Tensor, hx: Any, batch_sizes: Tensor | None) -> tuple[Tensor, Any]:
        options = (self.bias, self.num_layers, self.dropout, self.training, self.bidirectional)
        kernel = _KERNELS[self.mode]
        if batch_sizes is None:
            out = kernel(input, hx, self._flat_weights, *options, self.batch_first)
        else:
            out = kernel(input, batch_sizes, hx, self._flat_weights, *options)
        return out[0], out[1] if len(out) == 2 else tuple(out[1:])

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """Args: a sequence (batched, unbatched or packed) and the initial state; returns (output, last
        state)."""
        packed = isinstance(input, PackedSequence)
        order = back = batch_sizes = None
        is_batched = True
        if packed:
            input, batch_sizes, order, back = tuple(input)
        else:
            self._check_unpacked(input)
            is_batched = input.dim() == 3
            if not is_batched:
                input = input.unsqueeze(0 if self.batch_first else 1)
            if hx is not None:
                hx = self._batched_state(hx, is_batched)
        if hx is None:
            hx = self._initial_state(input, batch_sizes)
            self.check_input(input, batch_sizes)
        else:
            self.check_forward_args(input, hx, batch_sizes)
            hx = self.permute_hidden(hx, order)
        output, hidden = self._run(input, hx, batch_sizes)
        if packed:
            output = PackedSequence(output, batch_sizes, order, back)
        elif not is_batched:
            output, hidden = output.squeeze(0 if self.batch_first else 1), self._unbatched(hidden)
        return output, self.permute_hidden(hidden, back)

    def extra_repr(self) -> str:
        parts = [f"{self.input_size}, {self.hidden_size}"]
        defaults = {
            "proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0,
            "bidirectional": False,
        }  # fmt: skip
        parts += [f"{name}={getattr(self, name)}" for name, d in defaults.items() if getattr(self, name) != d]
        return ", ".join(parts)


class RNN(RNNBase):
    """Elman network: h_t = tanh(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh), or with relu.

    Args:
        input_size, hidden_size, num_layers, nonlinearity, bias, batch_first, dropout, bidirectional: see
            RNNBase;
            `nonlinearity` is "tanh" or "relu".
    """

    def __init__(self, *args: Any, **kwargs: Any):
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        if len(args) > 3:
            self.nonlinearity = args[3]
            args = args[:3] + args[4:]
        else:
            self.nonlinearity = kwargs.pop("nonlinearity", "tanh")
        if self.nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{self.nonlinearity}'. Select from 'tanh' or 'relu'.")
        super().__init__(f"RNN_{self.nonlinearity.upper()}", *args, **kwargs)

    def _check_unpacked(self, input: Tensor) -> None:
        if input.dim() not in (2, 3):
            raise ValueError(f"RNN: Expected input to be 2D or 3D, got {input.dim()}D tensor instead")


class GRU(RNNBase):
    """Gated recurrent unit: r, z = sigmoid(...), n = tanh(x + r * h), h = (1 - z) * n + z * h; options of
    RNNBase."""

    def __init__(self, *args: Any, **kwargs: Any):
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        super().__init__("GRU", *args, **kwargs)


class LSTM(RNNBase):
    """Long short-term memory: i, f, o = sigmoid(...), g = tanh(...), c = f * c + i * g, h = o * tanh(c).

    The state is the pair (h, c); options of RNNBase.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__("LSTM", *args, **kwargs)

    def get_expected_cell_size(self, input: Tensor, batch_sizes: Tensor | None) -> tuple[int, int, int]:
        """The shape of c0."""
        return self._state_size(input, batch_sizes, self.hidden_size)

    def check_forward_args(self, input: Tensor, hidden: Any, batch_sizes: Tensor | None) -> None:
        self.check_input(input, batch_sizes)
        self.check_hidden_size(
            hidden[0], self.get_expected_hidden_size(input, batch_sizes), "Expected hidden[0] size {}, got {}"
        )
        self.check_hidden_size(
            hidden[1], self.get_expected_cell_size(input, batch_sizes), "Expected hidden[1] size {}, got {}"
        )

    def permute_hidden(self, hx: Any, permutation: Tensor | None) -> Any:
        if permutation is None:
            return hx
        return apply_permutation(hx[0], permutation), apply_permutation(hx[1], permutation)

    def _batched_state(self, hx: Any, is_batched: bool) -> Any:
        rank = 3 if is_batched else 2
        if hx[0].dim() != rank or hx[1].dim() != rank:
            kind = "batched 3-D" if is_batched else "unbatched 2-D"
            raise RuntimeError(
                f"For {kind} input, hx and cx should also be {rank}-D but got "
                f"({hx[0].dim()}-D, {hx[1].dim()}-D) tensors"
            )
        return hx if is_batched else (hx[0].unsqueeze(1), hx[1].unsqueeze(1))

    def _initial_state(self, input: Tensor, batch_sizes: Tensor | None) -> Any:
        cell = self.get_expected_cell_size(input, batch_sizes)
        h0 = super()._initial_state(input, batch_sizes)
        return h0, zeros(cell, dtype=input.dtype, device=input.device)

    def _unbatched(self, hidden: Any) -> Any:
        return hidden[0].squeeze(1), hidden[1].squeeze(1)
