"""Maximum pooling, its inverse, and fractional maximum pooling."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from .._core.checks import guard
from .._core.orders import channels, flat_channels
from .._core.registry import Array, namespace, op
from .lowering.pool import adaptive_maxima, last_max, maxima, put_flat
from .pool_shapes import (
    FUNCTIONAL,
    INTEGERS,
    axes,
    check_adaptive,
    check_floating,
    check_max,
    cross,
    document,
    filled,
    indices_on_request,
    published,
    strides,
    windows,
)
from .validate import scalar_name, shape_text

_DOC_MAX = """The largest element of each window of `input` over {axes}; NaN where a window holds one.

Args:
    input: (N, C, {space}), or (C, {space}) without a batch.
    kernel_size, stride, padding, dilation: ints, or one per axis. The stride defaults to the kernel's size;
        padding never wins.
    ceil_mode: rounds the number of windows up instead of down.
    return_indices: also returns where each maximum lies.

Returns:
    (N, C, {out}), of the input's dtype; with `return_indices`, int64 indices into the flattened {space} too.
"""
_DOC_ADAPTIVE = """Maximum pooling over {axes} with as many windows as asked for.

Args:
    input: (N, C, {space}), or (C, {space}) without a batch.
    output_size: windows per axis, an int or one per axis; None keeps that axis.
    return_indices: also returns where each maximum lies.

Returns:
    (N, C, *output_size); with `return_indices`, int64 indices into the flattened {space} too.
"""
_DOC_UNPOOL = """Puts the results of `max_pool{rank}d` back where they were found; zeros elsewhere.

Args:
    input: (N, C, {space}), or (C, {space}) without a batch.
    indices: int64, of the input's shape: the positions that the pooling returned.
    kernel_size, stride, padding: those of the pooling; they give the size of the result.
    output_size: the size of the result, where several sizes pool to the input's.

Raises:
    ValueError: `output_size` is not a size that pools to the input's.
    RuntimeError: the shapes or dtypes do not fit; an index lies outside the result.
"""


# ---- max_pool ---------------------------------------------------------------------------------------


def _max_rows(rank: int) -> tuple[Any, Any, Any]:
    """`max_pool{rank}d` for nn.functional, that for torch, and the form that also gives indices."""
    name = f"max_pool{rank}d"
    grad_name = f"MaxPool{rank}DWithIndicesBackward0"

    def pooled(x: Any, *args: Any) -> tuple[Any, Any]:
        return maxima(x, windows(x.shape[x.ndim - rank :], *args))

    @op(
        spaces=(),
        name=name,
        saves=("input!",),
        check=check_max(rank, False),
        grad_name=grad_name,
        layout=channels,
    )
    def values(
        input: Array, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
        ceil_mode: bool = False,
    ):  # fmt: skip
        return pooled(input, kernel_size, stride, padding, dilation, ceil_mode)[0]

    @op(
        spaces=(),
        name=f"{name}_with_indices",
        saves=("input!", "result1"),
        check=check_max(rank, True),
        grad_name=grad_name,
        layout=channels,
    )
    def both(
        input: Array, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
        ceil_mode: bool = False,
    ):  # fmt: skip
        return pooled(input, kernel_size, stride, padding, dilation, ceil_mode)

    def max_pool(
        input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
        ceil_mode: bool = False, return_indices: bool = False,
    ) -> Any:  # fmt: skip
        return values(input, kernel_size, stride, padding, dilation, ceil_mode)

    def max_pool_with_indices(
        input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
        ceil_mode: bool = False, return_indices: bool = False,
    ) -> Any:  # fmt: skip
        return both(input, kernel_size, stride, padding, dilation, ceil_mode)

    namespace("torch")[name] = values
    if rank == 1:
        namespace("torch")[f"{name}_with_indices"] = both
    doc = document(_DOC_MAX, rank)
    values.__doc__ = both.__doc__ = doc
    return indices_on_request(name, 6, max_pool_with_indices, max_pool, doc), values, both


max_pool1d, _, max_pool1d_with_indices = _max_rows(1)
max_pool2d, _, max_pool2d_with_indices = _max_rows(2)
max_pool3d, _, max_pool3d_with_indices = _max_rows(3)


# ---- adaptive_max_pool --------------------------------------------------------------------------------


def _adaptive_rows(rank: int) -> Any:
    name = f"adaptive_max_pool{rank}d"

    @op(
        spaces=(),
        name=name,
        saves=("input!", "result1"),
        check=check_adaptive("max", rank),
        layout=flat_channels,
    )
    def both(input: Array, output_size: Any):
        return adaptive_maxima(input, axes(output_size, rank))

    def adaptive_max_pool(input: Any, output_size: Any, return_indices: bool = False) -> Any:
        return both(input, filled(output_size, input.shape, rank))[0]

    def adaptive_max_pool_with_indices(input: Any, output_size: Any, return_indices: bool = False) -> Any:
        return both(input, filled(output_size, input.shape, rank))

    if rank == 1:
        namespace("torch")[name] = both
    doc = both.__doc__ = document(_DOC_ADAPTIVE, rank)
    return indices_on_request(name, 2, adaptive_max_pool_with_indices, adaptive_max_pool, doc)


adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = map(_adaptive_rows, (1, 2, 3))


# ---- max_unpool -----------------------------------------------------------------------------------------


def _check_unpool(input: Any, indices: Any, size: Any) -> None:
    rank = len(size)
    if indices.dtype.name != "int64":
        got = "" if rank == 3 else f" but got: {scalar_name(indices.dtype)}"
        raise RuntimeError(f"elements in indices should be type int64{got}")
    if input.ndim not in (rank + 1, rank + 2):
        raise RuntimeError(
            f"Input to max_unpooling{rank}d should be a {rank + 1}d or {rank + 2}d Tensor, "
            f"but got a tensor with {input.ndim} dimensions."
        )
    if input.shape != indices.shape:
        raise RuntimeError(
            f"Expected shape of indices to be same as that of the input tensor ({shape_text(input.shape)}) "
            f"but got indices tensor with shape: {shape_text(indices.shape)}"
        )
    for axis in range(1, input.ndim):
        if input.shape[axis] == 0:
            raise RuntimeError(
                f"max_unpooling{rank}d_forward_out_cpu(): Expected input to have non-zero size for non-batch "
                f"dimensions, but got {shape_text(input.shape)} with dimension {axis} being empty."
            )
    check_floating(f"max_unpool{rank}d", input, INTEGERS)


@op(
    spaces=(),
    saves=("input", "indices"),
    check=_check_unpool,
    grad_name="MaxUnpoolBackward0",
    layout=flat_channels,
)
def _max_unpool(input: Array, indices: Array, size: tuple):
    total = int(np.prod(size))
    lead = input.shape[: input.ndim - len(size)]
    if indices.size:
        wrong = (indices < 0) | (indices >= total)
        first = indices.reshape(-1)[jnp.argmax(wrong.reshape(-1))]
        volume = "output volumes are of size " + cross(size)
        guard(wrong.any(), RuntimeError, "Found an invalid max index: {} (" + volume + ")", first)
    flat = put_flat(indices.reshape(*lead, -1), input.reshape(*lead, -1), size=total)
    return flat.reshape(*lead, *size)


def _unpooled_size(input: Any, kernel: Any, stride: Any, padding: Any, output_size: Any) -> tuple[int, ...]:
    rank = len(kernel)
    space = tuple(input.shape)[-rank:]
    if len(space) < rank:
        raise IndexError("tuple index out of range")
    natural = [(n - 1) * s + k - 2 * p for n, k, s, p in zip(space, kernel, stride, padding, strict=True)]
    if output_size is None:
        return tuple(natural)
    size = tuple(output_size)
    if len(size) == rank + 2:
        size = size[2:]
    if len(size) != rank:
        raise ValueError(
            f"output_size should be a sequence containing {rank} or {rank + 2} elements, "
            f"but it has a length of '{len(size)}'"
        )
    for d, (n, have, s) in enumerate(zip(natural, size, stride, strict=True)):
        if not n - s < have < n + s:
            raise ValueError(f'invalid output_size "{size}" (dim {d} must be between {n - s} and {n + s})')
    return size


def _unpool(rank: int) -> Any:
    def max_unpool(
        input: Any,
        indices: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        output_size: Any = None,
    ) -> Any:
        kernel = axes(kernel_size, rank)
        size = _unpooled_size(
            input, kernel, axes(strides(stride, kernel), rank), axes(padding, rank), output_size
        )
        if rank > 1:
            return _max_unpool(input, indices, size)
        # One axis is two of which the last has size 1, and so are the shapes that the errors name.
        return _max_unpool(input.unsqueeze(-1), indices.unsqueeze(-1), (*size, 1)).squeeze(-1)

    return published(max_unpool, f"max_unpool{rank}d", FUNCTIONAL, document(_DOC_UNPOOL, rank))


max_unpool1d, max_unpool2d, max_unpool3d = map(_unpool, (1, 2, 3))


# ---- fractional_max_pool -----------------------------------------------------------------------------------

_DOC_FRACTIONAL = """Maximum pooling over {axes} whose windows start at random, increasing places.

The starts along an axis are floor(a * (i + u)) - floor(a * u) with a = (in - kernel) / (out - 1), the last
one at the end, for one uniform u per plane and axis (Graham, "Fractional max-pooling", arXiv:1412.6071).

Args:
    input: (N, C, {space}), or (C, {space}) without a batch.
    kernel_size: size of the windows, an int or one per axis.
    output_size: number of windows, an int or one per axis; or
    output_ratio: the same as a fraction of the input's size, one per axis.
    return_indices: also returns where each maximum lies.

Raises:
    ValueError: neither size nor ratio is given.
    RuntimeError: the windows do not fit.
"""


def _check_fractional(input: Any, samples: Any, kernel: tuple, out: tuple) -> None:
    rank = len(kernel)
    name = f"fractional_max_pool{rank}d" + ("_out" if rank == 3 else "")
    if input.ndim not in (rank + 1, rank + 2):
        raise RuntimeError(
            f"{name}(): Expected {rank + 1}D or {rank + 2}D tensor, but got: {shape_text(input.shape)}"
        )
    space = input.shape[input.ndim - rank :]
    for what, n, k, o in zip(("time", "height", "width")[3 - rank :], space, kernel, out, strict=True):
        if o + k - 1 >= n + (rank == 2):  # over three axes PyTorch wants one element more
            raise RuntimeError(f"{name}(): pool {what} {k} too large relative to input {what} {n}")
    check_floating(f"fractional_max_pool{rank}d_out_frame", input)


def _starts(u: Any, n: int, kernel: int, out: int) -> Any:
    """(..., out) first elements of the windows along an axis, from uniform draws (...)."""
    last = jnp.full((*u.shape, 1), n - kernel, np.int32)
    if out == 1:
        return last
    alpha = jnp.asarray(n - kernel, u.dtype) / (out - 1)
    i = jnp.arange(out - 1, dtype=u.dtype)
    start = ((i + u[..., None]) * alpha).astype(np.int32) - (u[..., None] * alpha).astype(np.int32)
    return jnp.concatenate([start, last], -1)


@op(spaces=(), saves=("input!", "result1"), check=_check_fractional)
def _fractional_max_pool(input: Array, samples: Array, kernel: tuple, out: tuple):
    rank = len(kernel)
    lead, space = input.shape[: input.ndim - rank], input.shape[input.ndim - rank :]
    if input.size == 0:
        return jnp.zeros((*lead, *out), input.dtype), jnp.zeros((*lead, *out), np.int64)
    u = samples.reshape(*lead, rank)
    if rank == 2:
        u = u[..., ::-1]  # PyTorch's draws for two axes are (width, height), for three (time, height, width)
    # `flat` holds, per window, the flattened position of each of its elements.
    flat = jnp.zeros((*lead, *(1,) * (2 * rank)), np.int32)
    for axis in range(rank):
        places = _starts(u[..., axis], space[axis], kernel[axis], out[axis])
        places = places[..., None] + jnp.arange(kernel[axis], dtype=np.int32)
        shape = [1] * (2 * rank)
        shape[axis], shape[rank + axis] = out[axis], kernel[axis]
        flat = flat * space[axis] + places.reshape(*lead, *shape)
    flat = flat.reshape(*lead, int(np.prod(out)), int(np.prod(kernel)))
    planes = input.reshape(*lead, 1, -1)
    winner = last_max(jnp.take_along_axis(planes, flat, -1))
    where = jnp.take_along_axis(flat, winner[..., None], -1)[..., 0]
    best = jnp.take_along_axis(planes[..., 0, :], where, -1)
    return best.reshape(*lead, *out), where.reshape(*lead, *out).astype(np.int64)


def _fractional(rank: int) -> Any:
    name = f"fractional_max_pool{rank}d"

    def fractional_max_pool(
        input: Any, kernel_size: Any, output_size: Any = None, output_ratio: Any = None,
        return_indices: bool = False, _random_samples: Any = None,
    ) -> Any:  # fmt: skip
        return with_indices(input, kernel_size, output_size, output_ratio, True, _random_samples)[0]

    def with_indices(
        input: Any, kernel_size: Any, output_size: Any = None, output_ratio: Any = None,
        return_indices: bool = False, _random_samples: Any = None,
    ) -> Any:  # fmt: skip
        space = tuple(input.shape)[-rank:]
        if output_size is None:
            if output_ratio is None:
                raise ValueError(f"{name} requires specifying either an output_size or an output_ratio")
            ratios = (output_ratio,) * rank if isinstance(output_ratio, float) else tuple(output_ratio)
            if len(ratios) > rank:
                raise ValueError(f"{name} requires output_ratio to either be a single Int or tuple of Ints.")
            output_size = tuple(
                int(n * r) for n, r in zip(space, ratios * (rank // len(ratios)), strict=True)
            )
        if _random_samples is None:
            batch = 1 if input.dim() == rank + 1 else input.shape[0]
            planes = input.shape[-rank - 1] if input.dim() > rank else 1
            rand = namespace("torch")["rand"]
            _random_samples = rand(batch, planes, rank, dtype=input.dtype, device=input.device)
        return _fractional_max_pool(input, _random_samples, axes(kernel_size, rank), axes(output_size, rank))

    return indices_on_request(name, 4, with_indices, fractional_max_pool, document(_DOC_FRACTIONAL, rank))


fractional_max_pool2d, fractional_max_pool3d = map(_fractional, (2, 3))
