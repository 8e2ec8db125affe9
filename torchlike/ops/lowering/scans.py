"""Running sums in plain JAX."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax


def cumulative_sum(x: Any, axis: int) -> Any:
    """Running sum along `axis`; 16-bit floats are added in float32."""
    if x.dtype.itemsize == 2 and jnp.issubdtype(x.dtype, jnp.floating):
        return lax.cumsum(x.astype(jnp.float32), axis=axis).astype(x.dtype)
    return lax.cumsum(x, axis=axis)
