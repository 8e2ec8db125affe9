"""`torch.nn.functional.pad` in all its modes."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax

from .._core.orders import channels
from .._core.registry import Array, Scalar, function, op
from .validate import kernel, shape_text

_KERNELS = {"reflect": "reflection", "replicate": "replication"}
_JNP_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}
_MSG_UNSUPPORTED = """Padding size {} is not supported for {}D input tensor.
Supported combinations for non-constant padding:
  - 2D or 3D input: padding size = 2 (pads last dimension)
  - 3D or 4D input: padding size = 4 (pads last 2 dimensions)
  - 4D or 5D input: padding size = 6 (pads last 3 dimensions)"""


def _widths(pad: tuple[int, ...], ndim: int) -> list[tuple[int, int]]:
    """(before, after) per dimension, from PyTorch's last-dimension-first list."""
    pairs = [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)]
    return [(0, 0)] * (ndim - len(pairs)) + pairs[::-1]


def _check(input: Any, pad: tuple[int, ...], mode: str, **_: Any) -> None:
    if len(pad) % 2:
        raise RuntimeError("Padding length must be divisible by 2")
    if len(pad) > 2 * input.ndim:
        raise RuntimeError(
            "Padding length should be less than or equal to two times the input dimension but got padding "
            "length "
            f"{len(pad)} and input of dimension {input.ndim}"
        )
    if mode not in ("constant", *_JNP_MODES):
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    if mode != "constant" and (len(pad) not in (2, 4, 6) or input.ndim - len(pad) // 2 not in (1, 2)):
        raise NotImplementedError(_MSG_UNSUPPORTED.format(len(pad), input.ndim))
    for i, (n, (low, high)) in enumerate(zip(input.shape, _widths(pad, input.ndim))):
        if i < input.ndim - len(pad) // 2:
            continue
        if n + low + high < 0:
            raise RuntimeError("narrow(): length must be non-negative.")
        if mode == "reflect" and max(low, high) >= n:
            raise RuntimeError(
                f"Argument #{4 + 2 * (input.ndim - 1 - i)}: Padding size should be less than the "
                "corresponding input "
                f"dimension, but got: padding ({low}, {high}) at dimension {i} of input "
                f"{shape_text(input.shape)}"
            )
        if mode == "circular" and max(low, high) > n:
            raise RuntimeError("Padding value causes wrapping around more than once.")
        if mode != "constant" and i and n + low + high <= 0:
            raise RuntimeError(
                f"input (size: {n}) with padding ({low}, {high}) at dimension {i} leaves nothing; use "
                "smaller crops"
            )


def _check_pad(input: Any, pad: tuple[int, ...], mode: str, **rest: Any) -> None:
    _check(input, pad, mode, **rest)
    if mode in ("reflect", "replicate") and input.dtype.name == "bool":
        kernel(f"{_KERNELS[mode]}_pad{len(pad) // 2}d", "ihfc")(input)


@op(
    name="pad",
    spaces=(),
    saves=("input!",),
    saves_when=lambda mode, **_: mode in ("reflect", "replicate"),
    check=_check_pad,
    layout=channels,
)
def _pad(input: Array, pad: tuple, mode: str, value: Scalar = 0):
    widths = _widths(pad, input.ndim)
    if mode == "constant":
        fill = jnp.asarray(value).astype(input.dtype)
        return lax.pad(input, fill, [(low, high, 0) for low, high in widths])
    growth = [(max(low, 0), max(high, 0)) for low, high in widths]

    def cropped(x: Any) -> Any:
        return x[tuple(slice(max(-low, 0), n - max(-high, 0)) for n, (low, high) in zip(x.shape, widths))]

    if mode == "circular":  # what is left after cropping repeats
        return jnp.pad(cropped(input), growth, mode="wrap")
    return cropped(jnp.pad(input, growth, mode=_JNP_MODES[mode]))  # the edges are those of the whole input


@function(spaces=("nn.functional",))
def pad(input: Any, pad: Any, mode: str = "constant", value: float | None = None) -> Any:
    """Pads (or, where negative, crops) the last dimensions.

    Args:
        pad: `(left, right)` of the last dimension, then of the one before it, and so on.
        mode: `"constant"`, `"reflect"` (without the edge), `"replicate"` (the edge) or `"circular"`.
        value: what `"constant"` fills in; 0 by default.

    Raises:
        RuntimeError: the pads do not fit the input; NotImplementedError: unknown mode or combination.
    """
    if mode != "constant" and value:
        raise RuntimeError(f'Padding mode "{mode}" doesn\'t take in value argument')
    if not isinstance(pad, (tuple, list)):
        raise TypeError(f"pad(): argument 'pad' (position 2) must be tuple of ints, not {type(pad).__name__}")
    for i, n in enumerate(pad):
        if not hasattr(n, "__index__"):
            raise TypeError(
                f"pad(): argument 'pad' (position 2) must be tuple of ints, but found element of type {type(n).__name__} "
                f"at pos {i}"
            )
    return _pad(input, tuple(int(n) for n in pad), mode, 0 if value is None else value)
