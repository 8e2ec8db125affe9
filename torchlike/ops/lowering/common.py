"""Arrays brought to a dtype in common, as PyTorch's composites do step by step."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ..._core.dtypes import get_default_dtype


def joined(*arrays: Any) -> list[Any]:
    """The arrays in their common dtype."""
    common = arrays[0].dtype
    for x in arrays[1:]:
        common = jnp.promote_types(common, x.dtype)
    return [x.astype(common) for x in arrays]


def difference(x: Any, y: Any) -> Any:
    """`x - y` in their common dtype: that of unsigned integers wraps."""
    x, y = joined(x, y)
    return x - y


def floating(x: Any) -> Any:
    """`x`, integers in the default floating dtype."""
    return x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(get_default_dtype().jnp)


def accumulated(x: Any) -> Any:
    """The dtype in which PyTorch adds up elements of `x`: float32 for 16-bit floats, else its own."""
    return jnp.float32 if x.dtype.itemsize == 2 and jnp.issubdtype(x.dtype, jnp.floating) else x.dtype
