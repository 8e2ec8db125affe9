"""LSTM, GRU and Elman networks: a whole multi-layer network is one row, a cell another.

Compile time does not depend on the number of steps: time is a `lax.scan`.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from .._core import dtypes
from .._core.registry import Array, Arrays, Scalar, function, op
from .dropout import draw_keep
from .lowering.recurrence import cell, recur
from .validate import probability


def _weights(params: tuple[Any, ...], has_biases: bool, projected: bool) -> tuple[Any, ...]:
    """(w_ih, w_hh, b_ih, b_hh, w_hr) of one layer and direction; absent ones are None."""
    w_ih, w_hh, *rest = params
    b_ih, b_hh = (rest.pop(0), rest.pop(0)) if has_biases else (None, None)
    return w_ih, w_hh, b_ih, b_hh, rest[0] if projected else None


def _layer(mode: str, x: Any, h0: Any, c0: Any, weights: Any, reverse: bool, valid: Any) -> Any:
    """One direction of one layer: outputs `(T, B, R)`, last h, last c."""
    w_ih, w_hh, b_ih, b_hh, w_hr = weights
    steps, batch, width = x.shape
    zx = x.reshape(steps * batch, width) @ w_ih.T  # (T * B, gates * H)
    if b_ih is not None:
        zx = zx + (b_ih if mode == "gru" else b_ih + b_hh)
    zx = zx.reshape(steps, batch, w_ih.shape[0])
    return recur(mode, reverse, zx, h0, c0, w_hh, b_hh if mode == "gru" else None, w_hr, valid)


def _network(
    x: Any, h0: Any, c0: Any, params: Any, mode: str, layers: int, has_biases: bool, directions: int,
    keeps: Any, dropout: Any, valid: Any,
) -> Any:  # fmt: skip
    """All layers over time-major `(T, B, F)`; returns outputs, last h and last c."""
    per = len(params) // (layers * directions)
    projected = per == (5 if has_biases else 3)
    last_h, last_c = [], []
    for layer in range(layers):
        if layer and keeps:
            scale = jnp.where(dropout < 1, 1 / (1 - dropout), 0).astype(x.dtype)
            x = jnp.where(keeps[layer - 1], x * scale, jnp.zeros((), x.dtype))
        outputs = []
        for direction in range(directions):
            i = layer * directions + direction
            weights = _weights(params[i * per : (i + 1) * per], has_biases, projected)
            c_in = c0[i] if mode == "lstm" else jnp.zeros((x.shape[1], 0), x.dtype)
            hs, h, c = _layer(mode, x, h0[i], c_in, weights, direction == 1, valid)
            outputs.append(hs)
            last_h.append(h)
            last_c.append(c)
        x = outputs[0] if directions == 1 else jnp.concatenate(outputs, -1)
    return x, jnp.stack(last_h), jnp.stack(last_c) if mode == "lstm" else None


def _check(input: Any, hx: Any, params: Any, batch_first: bool = False, **_: Any) -> None:
    if input.shape[1 if batch_first else 0] == 0:
        raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
    for w in params:
        if w.dtype is not input.dtype:
            raise RuntimeError("Input and parameter tensors are not the same dtype")


def _saved(
    input: Any,
    params: Any,
    mode: str,
    num_layers: int,
    bidirectional: bool,
    batch_first: bool,
    has_biases: bool,
    **_: Any,
) -> Any:
    """What PyTorch's layers save: their linear maps what those need, oneDNN's LSTM all weights; not the
    input where they transpose it first."""
    whole = mode == "lstm" and input.dtype is dtypes.float32
    each = num_layers * (1 + bidirectional)
    weights = len(params) // each

    def saved(name: str, k: int, wanted: set[str]) -> bool:
        if name == "input":
            return not batch_first
        if name != "params" or whole:
            return True
        layer, part = divmod(k, weights)
        if part == 0:
            return layer > bidirectional or "input" in wanted
        return part == 1 or part >= (4 if has_biases else 2)

    return saved


@op(spaces=(), residual=True, saves=("input", "hx", "params"), saves_when=_saved, check=_check)
def _recurrent(
    input: Array, hx: Arrays, params: Arrays, keeps: Arrays, mode: str, has_biases: bool, num_layers: int,
    dropout: Scalar, bidirectional: bool, batch_first: bool,
):  # fmt: skip
    x = input.swapaxes(0, 1) if batch_first else input
    c0 = hx[1] if mode == "lstm" else None
    out, h, c = _network(
        x,
        hx[0],
        c0,
        params,
        mode,
        num_layers,
        has_biases,
        1 + bidirectional,
        keeps,
        jnp.asarray(dropout),
        None,
    )
    out = out.swapaxes(0, 1) if batch_first else out
    return (out, h, c) if mode == "lstm" else (out, h)


@op(spaces=(), residual=True, saves=("data", "hx", "params"))
def _recurrent_packed(
    data: Array, hx: Arrays, params: Arrays, keeps: Arrays, batch_sizes: Array, mode: str, has_biases: bool,
    num_layers: int, dropout: Scalar, bidirectional: bool,
):  # fmt: skip
    batch, steps, total = hx[0].shape[1], batch_sizes.shape[0], data.shape[0]
    ends = jnp.cumsum(batch_sizes)
    starts = ends - batch_sizes
    lane = jnp.arange(batch)
    valid = lane[None] < batch_sizes[:, None]  # (T, B)
    x = jnp.take(data, starts[:, None] + lane[None], axis=0, mode="clip")  # (T, B, F)
    x = jnp.where(valid[..., None], x, 0)
    c0 = hx[1] if mode == "lstm" else None
    out, h, c = _network(
        x,
        hx[0],
        c0,
        params,
        mode,
        num_layers,
        has_biases,
        1 + bidirectional,
        keeps,
        jnp.asarray(dropout),
        valid,
    )
    row = jnp.arange(total)
    step = jnp.searchsorted(ends, row, side="right")
    out = out.reshape(steps * batch, -1)[step * batch + row - jnp.take(starts, step, mode="clip")]
    return (out, h, c) if mode == "lstm" else (out, h)


def _run(mode: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Both overloads: (input, hx, params, ..., batch_first) and (data, batch_sizes, hx, params, ...)."""
    names = ["has_biases", "num_layers", "dropout", "train", "bidirectional"]
    state = args[1] if len(args) > 1 else kwargs.get("hx")
    packed = "batch_sizes" in kwargs or (len(args) > 3 and isinstance(args[3], (tuple, list)))
    names = (
        ["data", "batch_sizes", "hx", "params", *names]
        if packed
        else ["input", "hx", "params", *names, "batch_first"]
    )
    given = dict(zip(names, args)) | kwargs
    missing = [n for n in names if n not in given]
    if missing or state is None and not packed:
        raise TypeError(f"{mode}() missing {len(missing)} required positional arguments: {missing}")
    p, train = float(given["dropout"]), bool(given["train"])
    probability(p, RuntimeError)
    layers, directions = int(given["num_layers"]), 1 + bool(given["bidirectional"])
    hx = tuple(given["hx"]) if mode == "lstm" else (given["hx"],)
    x, params = given["data" if packed else "input"], tuple(given["params"])
    steps = given["batch_sizes"].shape[0] if packed else x.shape[1 if given["batch_first"] else 0]
    keeps: tuple[Any, ...] = ()
    if train and p > 0:
        shape = (steps, hx[0].shape[1], directions * hx[0].shape[2])
        keeps = tuple(draw_keep(x, p, shape) for _ in range(layers - 1))
    common = (mode, bool(given["has_biases"]), layers, p, directions == 2)
    if packed:
        return _recurrent_packed(x, hx, params, keeps, given["batch_sizes"], *common)
    return _recurrent(x, hx, params, keeps, *common, bool(given["batch_first"]))


def _published(mode: str, state: str, result: str) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        return _run(mode, args, kwargs)

    call.__name__ = call.__qualname__ = mode
    call.__doc__ = f"""A multi-layer {mode} network over time.

    Forms: `{mode}(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first)`
    and, for packed sequences, `{mode}(data, batch_sizes, hx, params, has_biases, num_layers, dropout, train,
    bidirectional)`.

    Args:
        input: `(T, B, F)`, or `(B, T, F)` with `batch_first`; data: `(sum of lengths, F)`.
        hx: {state}, each `(layers * directions, B, H)`.
        params: per layer and direction w_ih, w_hh, then b_ih, b_hh with `has_biases`, then w_hr with a
            projection.
        dropout: probability of the dropout between layers, applied when `train`.

    Returns:
        {result}.
    """
    return function(spaces=("torch",))(call)


lstm = _published("lstm", "the pair (h0, c0)", "(output, h, c)")
gru = _published("gru", "h0", "(output, h)")
rnn_tanh = _published("rnn_tanh", "h0", "(output, h)")
rnn_relu = _published("rnn_relu", "h0", "(output, h)")


def _check_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, **_: Any) -> None:
    states = hx if isinstance(hx, tuple) else (hx,)
    if input.shape[-1] != w_ih.shape[1]:
        raise RuntimeError(
            f"input has inconsistent input_size: got {input.shape[-1]} expected {w_ih.shape[1]}"
        )
    for i, h in enumerate(states):
        if h.shape[-1] != w_hh.shape[1]:
            raise RuntimeError(
                f"hidden{i} has inconsistent hidden_size: got {h.shape[-1]}, expected {w_hh.shape[1]}"
            )
        if h.shape[:-1] != input.shape[:-1]:
            raise RuntimeError(
                f"Input batch size {input.shape[0]} doesn't match hidden{i} batch size {h.shape[0]}"
            )


def _one_step(mode: str, input: Any, h: Any, c: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> Any:
    zx, zh = input @ w_ih.T, h @ w_hh.T
    zx = zx if b_ih is None else zx + b_ih
    zh = zh if b_hh is None else zh + b_hh
    return cell(mode, zx, zh, h, c)


@op(spaces=("torch",), saves=("input", "hx", "w_ih", "w_hh"), check=_check_cell)
def lstm_cell(
    input: Array, hx: Arrays, w_ih: Array, w_hh: Array, b_ih: Array | None = None, b_hh: Array | None = None
):
    """One LSTM step: the new `(h, c)` from `input` `(B, F)` and `hx = (h, c)`, each `(B, H)`."""
    return _one_step("lstm", input, hx[0], hx[1], w_ih, w_hh, b_ih, b_hh)


@op(spaces=("torch",), saves=("input", "hx", "w_ih", "w_hh"), check=_check_cell)
def gru_cell(
    input: Array, hx: Array, w_ih: Array, w_hh: Array, b_ih: Array | None = None, b_hh: Array | None = None
):
    """One GRU step: the new `(B, H)` state from `input` `(B, F)` and `hx`; weights as `torch.nn.GRUCell`."""
    return _one_step("gru", input, hx, hx, w_ih, w_hh, b_ih, b_hh)[0]


@op(spaces=("torch",), saves=("input", "hx", "w_ih", "w_hh"), check=_check_cell)
def rnn_tanh_cell(
    input: Array, hx: Array, w_ih: Array, w_hh: Array, b_ih: Array | None = None, b_hh: Array | None = None
):
    """One step of an Elman network: `tanh(W_ih x + b_ih + W_hh h + b_hh)`."""
    return _one_step("rnn_tanh", input, hx, hx, w_ih, w_hh, b_ih, b_hh)[0]


@op(spaces=("torch",), saves=("input", "hx", "w_ih", "w_hh"), check=_check_cell)
def rnn_relu_cell(
    input: Array, hx: Array, w_ih: Array, w_hh: Array, b_ih: Array | None = None, b_hh: Array | None = None
):
    """One step of an Elman network: `relu(W_ih x + b_ih + W_hh h + b_hh)`."""
    return _one_step("rnn_relu", input, hx, hx, w_ih, w_hh, b_ih, b_hh)[0]
