"""One recurrent layer in one direction: a scan whose gradient keeps the weight products out of the loop.

The input projection is one GEMM before the scan. Inside run only the recurrent
product and the cell's element-wise part. The backward scan hands out the
gradients of the pre-activations, and the recurrent weights' gradient is one GEMM
over all steps. The element-wise part is differentiated by JAX, step by step:
the forward scan keeps exactly what its vjp saved.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax


def _lstm(z: Any, _: Any, h: Any, c: Any) -> tuple[Any, Any]:
    i, f, g, o = jnp.split(z, 4, -1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def _gru(zx: Any, zh: Any, h: Any, c: Any) -> tuple[Any, Any]:
    rx, ux, nx = jnp.split(zx, 3, -1)
    rh, uh, nh = jnp.split(zh, 3, -1)
    n = jnp.tanh(nx + jax.nn.sigmoid(rx + rh) * nh)
    u = jax.nn.sigmoid(ux + uh)
    return n + u * (h - n), c


def _tanh(z: Any, _: Any, h: Any, c: Any) -> tuple[Any, Any]:
    return jnp.tanh(z), c


def _relu(z: Any, _: Any, h: Any, c: Any) -> tuple[Any, Any]:
    return jnp.where(z <= 0, jnp.zeros((), z.dtype), z), c


CELLS = {"lstm": _lstm, "gru": _gru, "rnn_tanh": _tanh, "rnn_relu": _relu}
GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}


def cell(mode: str, zx: Any, zh: Any, h: Any, c: Any) -> tuple[Any, Any]:
    """(new h, new c) from the input's and the hidden state's share of the pre-activations."""
    if mode == "gru":  # its candidate gate scales the hidden share, so the two stay apart
        return CELLS[mode](zx, zh, h, c)
    return CELLS[mode](zx + zh, None, h, c)


def _keep(valid: Any, new: Any, old: Any) -> Any:
    return new if valid is None else jnp.where(valid[:, None], new, old)


def _forward(
    mode: str, reverse: bool, zx: Any, h0: Any, c0: Any, wh: Any, bh: Any, wr: Any, valid: Any
) -> Any:
    wh_t, wr_t = wh.T, None if wr is None else wr.T
    treedef: list[Any] = []

    def step(carry: Any, inputs: Any) -> Any:
        (h, c), (z, ok) = carry, inputs
        zh = h @ wh_t
        if bh is not None:
            zh = zh + bh
        (m, c_new), pull = jax.vjp(partial(cell, mode), z, zh, h, c)
        saved, tree = jax.tree.flatten(pull)
        treedef[:] = [tree]
        h_new = m if wr_t is None else m @ wr_t
        h_new, c_new = _keep(ok, h_new, h), _keep(ok, c_new, c)
        return (h_new, c_new), (h_new, m if wr_t is not None else None, saved)

    (h_last, c_last), (hs, ms, saved) = lax.scan(step, (h0, c0), (zx, valid), reverse=reverse)
    return (hs, h_last, c_last), (ms, saved, treedef[0])


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def recur(mode: str, reverse: bool, zx: Any, h0: Any, c0: Any, wh: Any, bh: Any, wr: Any, valid: Any) -> Any:
    """Runs one layer over time.

    Args:
        mode: `lstm`, `gru`, `rnn_tanh` or `rnn_relu`; reverse: from the last step to the first.
        zx: projected input with its bias, `(T, B, gates * H)`.
        h0: `(B, R)`; c0: `(B, H)` (LSTM; `(B, 0)` otherwise).
        wh: `(gates * H, R)`; bh: `(gates * H,)` or None, added inside the loop (GRU).
        wr: `(R, H)`, the LSTM's output projection, or None (then R = H).
        valid: `(T, B)` bool; where False the state is left alone. None: everywhere True.

    Returns:
        The outputs `(T, B, R)`, the last h and the last c.
    """
    return _forward(mode, reverse, zx, h0, c0, wh, bh, wr, valid)[0]


def _recur_fwd(
    mode: str, reverse: bool, zx: Any, h0: Any, c0: Any, wh: Any, bh: Any, wr: Any, valid: Any
) -> Any:
    out, (ms, saved, tree) = _forward(mode, reverse, zx, h0, c0, wh, bh, wr, valid)
    return out, (out[0], h0, wh, bh, wr, valid, ms, saved, _Static(tree))


@jax.tree_util.register_static
class _Static:
    """A tree structure, carried beside arrays."""

    def __init__(self, tree: Any):
        self.tree = tree

    def __hash__(self) -> int:
        return hash(self.tree)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, _Static) and self.tree == other.tree


def _recur_bwd(mode: str, reverse: bool, residuals: Any, cotangents: Any) -> Any:
    hs, h0, wh, bh, wr, valid, ms, saved, static = residuals
    g_hs, g_last, g_c = cotangents

    def step(carry: Any, inputs: Any) -> Any:
        (dh, dc), (g, kept, ok) = carry, inputs
        dh = dh + g
        pass_h, pass_c = _keep(ok, jnp.zeros_like(dh), dh), _keep(ok, jnp.zeros_like(dc), dc)
        dh, dc = _keep(ok, dh, jnp.zeros_like(dh)), _keep(ok, dc, jnp.zeros_like(dc))
        dm = dh if wr is None else dh @ wr
        dzx, dzh, dh_prev, dc_prev = jax.tree.unflatten(static.tree, kept)((dm, dc))
        dh_prev = dh_prev + dzh @ wh
        if ok is not None:
            dh_prev, dc_prev = dh_prev + pass_h, dc_prev + pass_c
        emitted = (dzx, dzh if mode == "gru" else None, dh if wr is not None else None)
        return (dh_prev, dc_prev), emitted

    (dh0, dc0), (dzx, dzh, dhs) = lax.scan(step, (g_last, g_c), (g_hs, saved, valid), reverse=not reverse)
    dzh = dzx if dzh is None else dzh  # (T, B, gates * H)
    before = [hs[1:], h0[None]] if reverse else [h0[None], hs[:-1]]
    previous = jnp.concatenate(before)  # (T, B, R)
    flat = dzh.reshape(-1, dzh.shape[-1])
    dwh = flat.T @ previous.reshape(flat.shape[0], -1)
    dbh = None if bh is None else flat.sum(0)
    dwr = None if wr is None else dhs.reshape(-1, wr.shape[0]).T @ ms.reshape(-1, wr.shape[1])
    return dzx, dh0, dc0, dwh, dbh, dwr, None


recur.defvjp(_recur_fwd, _recur_bwd)
