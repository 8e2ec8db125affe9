"""What a worker makes in place of a Tensor."""

from __future__ import annotations

import numpy as np


class HostTensor:
    """A batch that will be a Tensor in the main process."""

    __slots__ = ("array",)

    def __init__(self, array: np.ndarray):
        self.array = array
