"""Random bits inside a program, from a threefry key that is an input of it."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
from jax import lax
from jax.extend.random import threefry2x32_p


def keep_mask(key: Any, p: Any, shape: tuple[int, ...]) -> Any:
    """True with probability `1 - p`, independently per element.

    16 bits decide an element, so `p` is rounded to a multiple of 1/65536. That costs half the
    words that 32 bits would, and the words are what a dropout layer spends its time on.

    Args:
        key: uint32[2]; p: a number or 0-d array in [0, 1].
    """
    size = math.prod(shape)
    words = -(-size // 2)
    pairs = -(-words // 2)  # one threefry block yields two words
    counter = lax.iota(jnp.uint32, pairs)
    first, second = threefry2x32_p.bind(key[0], key[1], counter, jnp.zeros_like(counter))
    limit = jnp.round(jnp.asarray(p, jnp.float32) * 65536).astype(jnp.uint32)
    halves = [(w & 0xFFFF) >= limit for w in (first, second)] + [(w >> 16) >= limit for w in (first, second)]
    return jnp.concatenate(halves)[:size].reshape(shape)
