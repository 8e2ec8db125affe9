"""The `reduction=` of every loss, with PyTorch's deprecated `size_average` and `reduce` flags."""

from __future__ import annotations

import warnings
from typing import Any

import jax.numpy as jnp

from .validate import scalar_name


def reduction_name(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """The reduction that the three arguments of a loss mean together."""
    if size_average is None and reduce is None:
        return reduction
    if reduce is False:
        return "none"
    return "mean" if size_average is None or size_average else "sum"


def check_reduction(
    reduction: str = "mean", size_average: bool | None = None, reduce: bool | None = None, **_: Any
) -> None:
    """Warns about the deprecated flags; ValueError for an unknown reduction."""
    name = reduction_name(size_average, reduce, reduction)
    if size_average is not None or reduce is not None:
        warnings.warn(
            f"size_average and reduce args will be deprecated, please use reduction='{name}' instead.",
            stacklevel=4,
        )
    if name not in ("none", "mean", "sum"):
        raise ValueError(f"{name} is not a valid value for reduction")


def check_mean_dtype(dtype: Any, name: str) -> None:
    """RuntimeError for the mean of an integer loss."""
    if name == "mean" and dtype.category < 2:
        raise RuntimeError(
            "mean(): could not infer output dtype. Input dtype must be either a floating point or complex "
            "dtype. "
            f"Got: {scalar_name(dtype)}"
        )


def reduce_loss(loss: Any, size_average: bool | None, reduce: bool | None, reduction: str) -> Any:
    """`loss` itself, its mean or its sum."""
    name = reduction_name(size_average, reduce, reduction)
    return jnp.mean(loss) if name == "mean" else jnp.sum(loss) if name == "sum" else loss
