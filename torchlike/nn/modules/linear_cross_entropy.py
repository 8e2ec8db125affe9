"""A linear layer and the cross entropy of its output."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from ..._core.dtypes import bfloat16, float16, float32, float64
from ..._core.tensor import Tensor
from .. import functional as F
from .linear import Linear
from .loss import _WeightedLoss

__all__ = ["LinearCrossEntropyLoss", "LinearCrossEntropyOptions"]

_POLICIES = ("auto", "accurate", "balanced", "compact")
_ACC_DTYPES = (float16, bfloat16, float32, float64)


@dataclasses.dataclass(slots=True, frozen=True)
class LinearCrossEntropyOptions:
    """How `linear_cross_entropy` cuts the batch into chunks, one of whose logits are in memory at a time.

    Args:
        allow_retain_graph: accepted; backward may always run again.
        batch_chunk_size: rows per chunk; None leaves it to `chunking_method`.
        chunking_method: `"aspect_ratio"`: a chunk's logits take about as much memory as the input;
            `"aspect_ratio:N"`: an N-th of that; `"auto"`: one of these; None: `batch_chunk_size`.
        acc_policy, acc_dtype: accepted; sums are made in float32 or wider.

    Raises:
        ValueError: a value that is none of these.
    """

    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: str | None = "auto"
    acc_policy: str = "auto"
    acc_dtype: Any = None

    def __post_init__(self) -> None:
        if self.acc_policy not in _POLICIES:
            raise ValueError(f"invalid acc_policy: {self.acc_policy!r}")
        if self.chunking_method not in (None, "auto"):
            name, colon, factor = self.chunking_method.partition(":")
            if name != "aspect_ratio" or (colon and not (factor.isdigit() and int(factor) > 0)):
                raise ValueError(f"invalid chunking_method: {self.chunking_method!r}")
        size = self.batch_chunk_size
        if not (size is None or (isinstance(size, int) and size > 0)):
            raise ValueError(f"batch_chunk_size must be positive int or None, got {size!r}")
        if self.acc_dtype is not None and self.acc_dtype not in _ACC_DTYPES:
            raise ValueError(
                "acc_dtype must be one of {None, torch.float16, torch.bfloat16, torch.float32, torch.float64}, got "
                f"{self.acc_dtype!r}. Pass acc_dtype=None to let the op pick automatically."
            )

    def chunk_size(self, batch: int, features: int, classes: int, dtype: Any, device: Any) -> int:
        """Rows per chunk for these sizes.

        Raises:
            ValueError: `batch_chunk_size` and `chunking_method` say different things.
        """
        method, size = self.chunking_method, self.batch_chunk_size
        if method == "auto":
            half_cpu = device.type == "cpu" and dtype in (bfloat16, float16)
            method = None if size is not None else "aspect_ratio" if half_cpu else "aspect_ratio:2"
        if method is None:
            return max(1, min(size or batch, batch))
        factor = int(method.partition(":")[2] or 1)
        rows = math.ceil(batch / math.ceil(classes / features))
        found = min((1 << (rows - 1).bit_length()) // factor, batch)
        if size is not None and min(size, batch) != found:
            raise ValueError(
                f"batch_chunk_size (={size}) and chunking_method ('{method}') give different chunk sizes ({size} vs "
                f"{found}); pass only one."
            )
        return max(1, found)


class LinearCrossEntropyLoss(_WeightedLoss):
    """cross_entropy(linear(input), target).

    Args:
        in_features: size of the input's last dimension.
        num_classes: number of classes C.
        out_features: further dimensions d_1, ..., d_K of the target.
        bias: whether the linear layer has one.
        reduction, weight, ignore_index, label_smoothing: as CrossEntropyLoss.
        options: see LinearCrossEntropyOptions.
    """

    def __init__(
        self, in_features: int, num_classes: int, *, out_features: tuple[int, ...] = (), bias: bool = False,
        device: Any = None, dtype: Any = None, reduction: str = "mean", weight: Tensor | None = None,
        ignore_index: int | None = None, label_smoothing: float = 0.0,
        options: LinearCrossEntropyOptions | None = None,
    ):  # fmt: skip
        if weight is not None and tuple(weight.shape) != (num_classes,):
            raise RuntimeError(f"expected weight shape to be {(num_classes,)}, got {tuple(weight.shape)}")
        if not 0 <= label_smoothing <= 1.0:
            raise RuntimeError(f"expected label_smoothing to be in range [0, 1], got {label_smoothing}")
        super().__init__(weight=weight, reduction=reduction)
        self.num_classes, self.out_features = num_classes, out_features
        self.ignore_index, self.label_smoothing, self.options = ignore_index, label_smoothing, options
        rows = math.prod(out_features, start=num_classes)
        self.linear = Linear(in_features, rows, bias=bias, device=device, dtype=dtype)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        classes = (self.num_classes, *self.out_features)
        bias = self.linear.bias
        return F.linear_cross_entropy(
            input, self.linear.weight.reshape(*classes, self.linear.in_features), target,
            linear_bias=None if bias is None else bias.reshape(classes), weight=self.weight,
            reduction=self.reduction, ignore_index=self.ignore_index, label_smoothing=self.label_smoothing,
            options=self.options,
        )  # fmt: skip

    def extra_repr(self) -> str:
        return (
            f"in_features={self.linear.in_features}, num_classes={self.num_classes}, "
            f"out_features={self.out_features}, bias={self.linear.bias is not None}, "
            f"reduction={self.reduction}, "
            f"ignore_index={self.ignore_index}, label_smoothing={self.label_smoothing}, "
            f"options={self.options}"
        )
