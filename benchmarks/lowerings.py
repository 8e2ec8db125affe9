"""Single operators, forward and backward: PyTorch, plain JAX and torchlike's lowerings, side by side.

    python benchmarks/lowerings.py [-k REGEX] [--rounds 40] [--json FILE]

Each line is one operator at one shape: all three compute its value and the gradients of every floating
operand from one cotangent, in alternating rounds of one process. Reported are medians in milliseconds. "jax"
is the usual way to write the operator with `jax.lax` and `jax.nn`; "ours" is the row's lowering, without
torchlike's recording around it. PyTorch is left out where it is not installed.
"""

from __future__ import annotations

import argparse
import functools
import importlib.util
import json
import re
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import torchlike
from torchlike.ops.lowering.norm import normalize_channels
from torchlike.ops.lowering.pool import maxima
from torchlike.ops.pool_shapes import windows

rows = torchlike.nn.functional


class Case(NamedTuple):
    """One operator at one shape: three functions of the same operands."""

    operands: tuple[tuple[int, ...], ...]
    torch: Callable[..., Any]
    jax: Callable[..., Any]
    ours: Callable[..., Any]


# ---- convolution ---------------------------------------------------------------------------------


def _conv(x: tuple[int, ...], w: tuple[int, ...], stride: int = 1, padding: int = 0, groups: int = 1) -> Case:
    rank = len(w) - 2
    space = "DHW"[3 - rank :]
    options = {"stride": stride, "padding": padding, "groups": groups}

    def plain(x: Any, w: Any) -> Any:
        numbers = ("NC" + space, "OI" + space, "NC" + space)
        pads = [(padding, padding)] * rank
        return lax.conv_general_dilated(
            x, w, (stride,) * rank, pads, dimension_numbers=numbers, feature_group_count=groups
        )

    row = getattr(rows, f"conv{rank}d").fn
    return Case(
        (x, w),
        lambda F, x, w: getattr(F, f"conv{rank}d")(x, w, **options),
        plain,
        lambda x, w: row(x, w, **options),
    )


def _conv_transpose(x: tuple[int, ...], w: tuple[int, ...], stride: int, padding: int) -> Case:
    def plain(x: Any, w: Any) -> Any:
        reach = w.shape[-1] - 1 - padding
        w = jnp.flip(w.swapaxes(0, 1), (2, 3))
        numbers = ("NCHW", "OIHW", "NCHW")
        return lax.conv_general_dilated(
            x, w, (1, 1), [(reach, reach)] * 2, lhs_dilation=(stride, stride), dimension_numbers=numbers
        )

    row = rows.conv_transpose2d.fn
    return Case(
        (x, w),
        lambda F, x, w: F.conv_transpose2d(x, w, stride=stride, padding=padding),
        plain,
        lambda x, w: row(x, w, None, stride, padding),
    )


# ---- pooling -------------------------------------------------------------------------------------


def _window(x: Any, kernel: int, stride: int, padding: int, start: Any, combine: Any) -> Any:
    pads = ((0, 0), (0, 0), (padding, padding), (padding, padding))
    return lax.reduce_window(x, start, combine, (1, 1, kernel, kernel), (1, 1, stride, stride), pads)


def _max_pool(x: tuple[int, ...], kernel: int, stride: int, padding: int = 0) -> Case:
    return Case(
        (x,),
        lambda F, x: F.max_pool2d(x, kernel, stride, padding),
        lambda x: _window(x, kernel, stride, padding, -jnp.inf, lax.max),
        lambda x: maxima(x, windows(x.shape[2:], kernel, stride, padding))[0],
    )


def _avg_pool(x: tuple[int, ...], kernel: int, stride: int) -> Case:
    row = rows.avg_pool2d.fn
    return Case(
        (x,),
        lambda F, x: F.avg_pool2d(x, kernel, stride),
        lambda x: _window(x, kernel, stride, 0, np.float32(0), lax.add) / np.float32(kernel * kernel),
        lambda x: row(x, kernel, stride),
    )


# ---- normalization -------------------------------------------------------------------------------


def _standard(x: Any, axes: tuple[int, ...]) -> Any:
    mean = x.mean(axes, keepdims=True)
    return (x - mean) * lax.rsqrt(((x - mean) ** 2).mean(axes, keepdims=True) + np.float32(1e-5))


def _batch_norm(x: tuple[int, ...]) -> Case:
    def plain(x: Any, w: Any, b: Any) -> Any:
        return _standard(x, (0, 2, 3)) * w.reshape(1, -1, 1, 1) + b.reshape(1, -1, 1, 1)

    return Case(
        (x, x[1:2], x[1:2]),
        lambda F, x, w, b: F.batch_norm(x, None, None, w, b, True),
        plain,
        lambda x, w, b: normalize_channels(x, w, b, 1e-5)[0],
    )


def _layer_norm(x: tuple[int, ...]) -> Case:
    row = rows.layer_norm.fn
    return Case(
        (x, x[-1:], x[-1:]),
        lambda F, x, w, b: F.layer_norm(x, w.shape, w, b),
        lambda x, w, b: _standard(x, (1,)) * w + b,
        lambda x, w, b: row(x, w.shape, w, b),
    )


def _group_norm(x: tuple[int, ...], groups: int) -> Case:
    row = rows.group_norm.fn

    def plain(x: Any, w: Any, b: Any) -> Any:
        y = _standard(x.reshape(x.shape[0], groups, -1), (2,)).reshape(x.shape)
        return y * w.reshape(1, -1, 1, 1) + b.reshape(1, -1, 1, 1)

    return Case(
        (x, x[1:2], x[1:2]),
        lambda F, x, w, b: F.group_norm(x, groups, w, b),
        plain,
        lambda x, w, b: row(x, groups, w, b),
    )


CASES: dict[str, Callable[[], Case]] = {
    "conv LeNet 1, B 64": lambda: _conv((64, 3, 32, 32), (6, 3, 5, 5)),
    "conv LeNet 2, B 64": lambda: _conv((64, 6, 14, 14), (16, 6, 5, 5)),
    "conv LeNet 1, B 4": lambda: _conv((4, 3, 32, 32), (6, 3, 5, 5)),
    "conv LeNet 2, B 4": lambda: _conv((4, 6, 14, 14), (16, 6, 5, 5)),
    "conv MNIST 1, B 64": lambda: _conv((64, 1, 28, 28), (32, 1, 3, 3)),
    "conv MNIST 2, B 64": lambda: _conv((64, 32, 26, 26), (64, 32, 3, 3)),
    "conv ResNet 64": lambda: _conv((32, 64, 32, 32), (64, 64, 3, 3), 1, 1),
    "conv ResNet 256": lambda: _conv((32, 256, 8, 8), (256, 256, 3, 3), 1, 1),
    "conv ResNet stride 2": lambda: _conv((32, 64, 32, 32), (128, 64, 3, 3), 2, 1),
    "conv 1x1": lambda: _conv((32, 256, 16, 16), (64, 256, 1, 1)),
    "conv groups": lambda: _conv((16, 128, 16, 16), (128, 32, 3, 3), 1, 1, 4),
    "conv depthwise": lambda: _conv((32, 64, 32, 32), (64, 1, 3, 3), 1, 1, 64),
    "conv one axis": lambda: _conv((16, 64, 256), (64, 64, 5), 1, 2),
    "conv_transpose k4 s2": lambda: _conv_transpose((64, 128, 8, 8), (128, 64, 4, 4), 2, 1),
    "max_pool 2": lambda: _max_pool((32, 64, 32, 32), 2, 2),
    "max_pool 3 stride 2": lambda: _max_pool((8, 64, 112, 112), 3, 2, 1),
    "avg_pool 2": lambda: _avg_pool((32, 64, 32, 32), 2, 2),
    "batch_norm": lambda: _batch_norm((32, 64, 32, 32)),
    "batch_norm 512": lambda: _batch_norm((32, 512, 4, 4)),
    "layer_norm 1024x256": lambda: _layer_norm((1024, 256)),
    "layer_norm 4096x768": lambda: _layer_norm((4096, 768)),
    "group_norm": lambda: _group_norm((16, 64, 32, 32), 8),
}


# ---- measuring -----------------------------------------------------------------------------------


def _jitted(f: Callable[..., Any], operands: list[np.ndarray], cotangent: np.ndarray) -> Callable[[], Any]:
    def both(g: Any, *operands: Any) -> Any:
        y, pull = jax.vjp(f, *operands)
        return y, pull(g)

    arrays = [jnp.asarray(a) for a in (cotangent, *operands)]
    compiled = jax.jit(both).lower(*arrays).compile()
    return lambda: jax.block_until_ready(compiled(*arrays))


def contenders(case: Case) -> dict[str, Callable[[], Any]]:
    """The timed calls; each returns the value and the gradients."""
    rng = np.random.RandomState(0)
    operands = [rng.standard_normal(shape).astype(np.float32) for shape in case.operands]
    shape = jax.eval_shape(case.jax, *operands).shape
    cotangent = rng.standard_normal(shape).astype(np.float32)
    found: dict[str, Callable[[], Any]] = {}
    if importlib.util.find_spec("torch"):
        import torch

        leaves = [torch.tensor(a, requires_grad=True) for a in operands]
        g = torch.tensor(cotangent)
        f = functools.partial(case.torch, torch.nn.functional)

        def eager() -> Any:
            y = f(*leaves)
            return y, torch.autograd.grad(y, leaves, g)

        found["torch"] = eager
    found["jax"] = _jitted(case.jax, operands, cotangent)
    found["ours"] = _jitted(case.ours, operands, cotangent)
    return found


def check(calls: dict[str, Callable[[], Any]]) -> None:
    """All contenders agree, to float32's precision in sums of this length."""
    results = {name: [np.asarray(a.detach() if hasattr(a, "detach") else a) for a in jax.tree.leaves(call())]
               for name, call in calls.items()}  # fmt: skip
    for name, arrays in results.items():
        for a, b in zip(arrays, results["jax"], strict=True):
            worst = np.abs(a - b).max() / max(np.abs(b).max(), 1e-30)
            if worst > 1e-3:
                raise AssertionError(f"{name} is off by {worst:.1e} of the largest element")


def measure(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Median milliseconds of each call, in alternating rounds."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            call()  # brings the contender's data back into the caches
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    return {name: 1e3 * statistics.median(t) for name, t in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-k", default="", help="run the cases whose name matches this")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    figures: dict[str, dict[str, float]] = {}
    print(f"{'forward + backward, ms':26s} {'torch':>8s} {'jax':>8s} {'ours':>8s}   against jax")
    for name, make in CASES.items():
        if not re.search(options.k, name):
            continue
        calls = contenders(make())
        check(calls)
        t = figures[name] = measure(calls, options.rounds)
        torch_time = f"{t['torch']:8.3f}" if "torch" in t else f"{'-':>8s}"
        print(
            f"{name:26s} {torch_time} {t['jax']:8.3f} {t['ours']:8.3f}   {t['jax'] / t['ours']:.2f}x",
            flush=True,
        )
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
