"""Short-time Fourier transforms."""

from typing import Any

import jax.numpy as jnp

from .._core.dtypes import FLOAT
from .._core.registry import Array, function, op
from .bits import view_as_real
from .lowering.fourier import fftn, irfftn, rfftn
from .pad import pad
from .validate import scalar_name, type_name


def _window(window: Any, length: int, n_fft: int, dtype: Any) -> Any:
    """The window, ones if None, padded with zeros on both sides to `n_fft`."""
    w = jnp.ones(length, dtype) if window is None else window
    left = (n_fft - length) // 2
    return jnp.pad(w, (left, n_fft - length - left))


def _frames(x: Any, n_fft: int, hop: int) -> Any:
    """Overlapping stretches of the last axis: (..., frames, n_fft)."""
    count = 1 + (x.shape[-1] - n_fft) // hop
    at = jnp.arange(count)[:, None] * hop + jnp.arange(n_fft)
    return x[..., at]


@op(name="stft", spaces=(), saves=("input", "window"))
def _stft(
    input: Array, window: Array | None, n_fft: int, hop: int, length: int, normalized: bool, onesided: bool
):
    x = input
    w = _window(window, length, n_fft, x.real.dtype)
    frames = _frames(x, n_fft, hop) * w
    norm = "ortho" if normalized else None
    axes = (frames.ndim - 1,)
    out = rfftn(frames, (None,), axes, norm) if onesided else fftn(frames, (None,), axes, norm, False)
    return jnp.swapaxes(out, -1, -2)


@function(spaces=("torch", "Tensor"))
def stft(
    input, n_fft, hop_length=None, win_length=None, window=None, center=True, pad_mode="reflect", normalized=False,
    onesided=None, return_complex=None, align_to_window=None,
):  # fmt: skip
    """Short-time Fourier transform of signals `(L,)` or `(B, L)`: `(B, frequencies, frames)`.

    Args:
        hop_length: samples from frame to frame, `n_fft // 4` unless given.
        window: `(win_length,)`, ones unless given; centred in `n_fft`.
        center: pads the signal by `n_fft // 2` on both sides with `pad_mode`.
        return_complex: complex result, or real with a last dimension of two.
    """
    complex_in = input.is_complex() or (window is not None and window.is_complex())
    if return_complex is None:
        if not complex_in:
            raise RuntimeError(
                "stft requires the return_complex parameter be given for real inputs, and will further require that "
                "return_complex=True in a future PyTorch release."
            )
        return_complex = True
    _check_frame("stft", input, n_fft, hop_length, win_length, window)
    hop = n_fft // 4 if hop_length is None else hop_length
    length = n_fft if win_length is None else win_length
    given, onesided = onesided, not complex_in if onesided is None else onesided
    if onesided and complex_in:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    x = input[None] if input.ndim == 1 else input
    if center:
        half = n_fft // 2
        x = pad(x[:, None], (half, half), pad_mode)[:, 0]
    if input.dtype.category < FLOAT:
        shown = x if input.ndim > 1 else x[0]
        flags = [None if f is None else int(f) for f in (normalized, given, return_complex, align_to_window)]
        raise RuntimeError(
            f"stft({type_name(input.dtype)}{list(shown.shape)}, n_fft={n_fft}, hop_length={hop}, win_length={length}, "
            f"window={None if window is None else f'{type_name(window.dtype)}{{{list(window.shape)}}}'}, "
            "normalized={}, onesided={}, return_complex={}, align_to_window={}) : expected a tensor of floating point or "
            "complex values".format(*flags)
        )
    if input.dtype.itemsize == 2:
        raise RuntimeError(f"MKL FFT doesn't support tensors of type: {scalar_name(input.dtype)}")
    if n_fft > x.shape[-1]:
        raise RuntimeError(
            f"stft({scalar_name(input.dtype)}{list(input.shape)}, n_fft={n_fft}, ...): expected 0 < n_fft < {x.shape[-1]}, "
            f"but got n_fft={n_fft}"
        )
    out = _stft(x, window, n_fft, hop, length, normalized, onesided)
    out = out[0] if input.ndim == 1 else out
    if return_complex:
        return out
    return view_as_real(out)


def _check_frame(name: str, x: Any, n_fft: int, hop: Any, length: Any, window: Any) -> None:
    text = (
        f"{name}({scalar_name(x.dtype)}{list(x.shape)}, n_fft={n_fft}, hop_length={hop}, win_length={length})"
    )
    if name == "stft" and x.ndim not in (1, 2):
        raise RuntimeError(f"{text}: expected a 1D or 2D tensor")
    if hop is not None and hop <= 0:
        raise RuntimeError(f"{text}: expected hop_length > 0, but got hop_length={hop}")
    length = n_fft if length is None else length
    if not 0 < length <= n_fft:
        raise RuntimeError(f"{text}: expected 0 < win_length <= n_fft, but got win_length={length}")
    if window is not None and (window.ndim != 1 or window.shape[0] != length):
        raise RuntimeError(
            f"{text}: expected a 1D window tensor of size equal to win_length={length}, but got window with size "
            f"{list(window.shape)}"
        )


@op(name="istft", spaces=(), saves=("input", "window"))
def _istft(
    input: Array, window: Array | None, n_fft: int, hop: int, length: int, normalized: bool, real: bool
):
    """The overlapping frames added up, and the squared window added up alike."""
    x = jnp.swapaxes(input, -1, -2)  # (B, frames, frequencies)
    norm = "ortho" if normalized else None
    axes = (x.ndim - 1,)
    frames = (
        irfftn(x[..., : n_fft // 2 + 1], (n_fft,), axes, norm) if real else fftn(x, (None,), axes, norm, True)
    )
    w = _window(window, length, n_fft, frames.real.dtype)
    count = x.shape[-2]
    total = n_fft + hop * (count - 1)
    at = (jnp.arange(count)[:, None] * hop + jnp.arange(n_fft)).reshape(-1)
    signal = (
        jnp.zeros((*x.shape[:-2], total), frames.dtype)
        .at[..., at]
        .add((frames * w).reshape(*x.shape[:-2], -1))
    )
    energy = jnp.zeros(total, w.dtype).at[at].add(jnp.tile(w * w, count))
    return signal, energy


@function(spaces=("torch", "Tensor"))
def istft(
    input, n_fft, hop_length=None, win_length=None, window=None, center=True, normalized=False, onesided=None,
    length=None, return_complex=False,
):  # fmt: skip
    """Inverse of `stft` by weighted overlap and add.

    Raises:
        RuntimeError: the windows leave some sample (nearly) uncovered.
    """
    if not input.is_complex():
        raise RuntimeError(
            "istft requires a complex-valued input tensor matching the output from stft with return_complex=True."
        )
    if input.ndim not in (2, 3):
        raise RuntimeError(f"expected a tensor with 2 or 3 dimensions, but got {input.ndim}")
    _check_frame("istft", input, n_fft, hop_length, win_length, window)
    hop = n_fft // 4 if hop_length is None else hop_length
    onesided = input.shape[-2] != n_fft if onesided is None else onesided
    if onesided and return_complex:
        raise RuntimeError("cannot have onesided output if window or input is complex")
    if input.shape[-2] != (n_fft // 2 + 1 if onesided else n_fft):
        raise RuntimeError("expected the frequency dimension (3rd to the last) of the input tensor to match n_fft "
                           f"/ 2 + 1 when onesided=True, but got {input.shape[-2]}")  # fmt: skip
    x = input[None] if input.ndim == 2 else input
    signal, energy = _istft(
        x, window, n_fft, hop, n_fft if win_length is None else win_length, normalized, not return_complex
    )
    start = n_fft // 2 if center else 0
    total = signal.shape[-1]
    stop = start + length if length is not None else total - (n_fft // 2 if center else 0)
    kept = min(stop, total)
    signal, energy = signal[:, start:kept], energy[start:kept]
    if not bool((energy.abs() > 1e-11).all()):
        raise RuntimeError("window overlap add min: 1")
    out = signal / energy
    if stop > total:
        out = pad(out, (0, stop - total))
    return out[0] if input.ndim == 2 else out
