"""`torch.linalg`: decompositions, solvers, norms. The operators are rows of `torchlike.ops`."""

from ._core.names import missing as _missing
from ._core.registry import namespace
from .ops import decomposition, einsum, lengths, linalg, lowrank, matmul  # noqa: F401 - they publish the names below

globals().update(namespace("linalg"))
__all__ = sorted(namespace("linalg"))

__getattr__ = _missing(__name__)
