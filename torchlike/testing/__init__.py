"""`torch.testing`: comparing results, and making tensors to test with."""

from .._core.names import missing as _missing
from .comparison import assert_allclose as assert_allclose
from .comparison import assert_close as assert_close
from .creation import make_tensor as make_tensor

__all__ = ["assert_allclose", "assert_close", "make_tensor"]

__getattr__ = _missing(__name__)
