"""The Mersenne Twister as PyTorch seeds and stores it (Matsumoto and Nishimura, 1998).

NumPy's legacy `RandomState` seeds with the same `init_genrand`, and its stream
is frozen, so it supplies the bits; here is only what differs: reading them in
bulk or a few at a time, and the byte layout of a saved state.
"""

from __future__ import annotations

import numpy as np

WORDS = 624
_FEW = 512  # up to this many words `random_raw` costs less than a `randint` call

# The layout of PyTorch's CPU generator state. `left` counts the words of the block not yet
# drawn (plus one) and `next` those drawn; a fresh seed has left 1, next 0: no block yet.
STATE = np.dtype(
    [
        ("seed", "<u8"), ("left", "<i4"), ("seeded", "<i4"), ("next", "<u8"), ("words", "<u8", WORDS),
        ("normal_x", "<f8"), ("normal_y", "<f8"), ("normal_rho", "<f8"), ("normal_valid", "<i4"),
        ("pad", "<i4"), ("float_normal", "<f4"), ("float_normal_valid", "u1"), ("tail", "u1", 3),
    ]
)  # fmt: skip
assert STATE.itemsize == 5056


class MT19937:
    """A seeded stream of 32-bit words.

    Args:
        seed: its low 32 bits start the stream.
    """

    __slots__ = ("_raw", "_legacy", "fresh")

    def __init__(self, seed: int):
        self._raw = np.random.MT19937(0)
        self._legacy = np.random.RandomState(self._raw)
        self.seed(seed)

    def seed(self, seed: int) -> None:
        """Starts the stream of `seed`."""
        self._legacy.seed(seed & 0xFFFFFFFF)
        self.fresh = True  # nothing drawn since the seed

    def words(self, n: int) -> np.ndarray:
        """The next `n` words, uint32."""
        if not n:
            return np.empty(0, np.uint32)
        self.fresh = False
        if n <= _FEW:
            return self._raw.random_raw(n).astype(np.uint32)
        return self._legacy.randint(0, 1 << 32, size=n, dtype=np.uint32)

    def get(self) -> tuple[np.ndarray, int]:
        """The block of 624 words and how many of it are drawn."""
        inner = self._raw.state["state"]
        return inner["key"], 0 if self.fresh else int(inner["pos"])

    def set(self, block: np.ndarray, drawn: int, fresh: bool) -> None:
        """Continues from a block of 624 words of which `drawn` are drawn."""
        self._legacy.set_state(("MT19937", block.astype(np.uint32), WORDS if fresh else drawn, 0, 0.0))
        self.fresh = fresh
