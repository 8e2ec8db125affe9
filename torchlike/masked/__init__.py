"""`torch.masked`: reductions and normalisations over the elements that a mask selects, and MaskedTensor."""

from .._core.names import missing as _missing
from ._operands import identity as _reduction_identity  # noqa: F401 - PyTorch's private names, which tests use
from ._operands import input_mask as _input_mask  # noqa: F401
from ._reductions import (
    amax,
    amin,
    argmax,
    argmin,
    cumprod,
    cumsum,
    log_softmax,
    logaddexp,
    logsumexp,
    mean,
    median,
    norm,
    normalize,
    prod,
    softmax,
    softmin,
    std,
    sum,
    var,
)
from ._reductions import output_mask as _output_mask  # noqa: F401
from .maskedtensor import MaskedTensor, as_masked_tensor, is_masked_tensor, masked_tensor
from .maskedtensor import operators as _operators  # noqa: F401 - what operators do with MaskedTensors

__all__ = [
    "MaskedTensor", "amax", "amin", "argmax", "argmin", "as_masked_tensor", "cumprod", "cumsum", "is_masked_tensor",
    "log_softmax", "logaddexp", "logsumexp", "masked_tensor", "mean", "median", "norm", "normalize", "prod", "softmax",
    "softmin", "std", "sum", "var",
]  # fmt: skip

__getattr__ = _missing(__name__)
