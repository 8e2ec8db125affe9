"""`torch.backends`: what PyTorch's libraries would be asked. XLA stands for all of them.

Flags that ask for something XLA decides itself (cuDNN's benchmark mode, flash attention)
are kept and answer what was set, and change nothing. `allow_tf32` and `fp32_precision` act
through `torch.set_float32_matmul_precision`.
"""

from .._core.names import missing as _missing
from . import cpu as cpu
from . import cuda as cuda
from . import cudnn as cudnn
from . import mha as mha
from . import mkl as mkl
from . import mkldnn as mkldnn
from . import mps as mps
from . import openmp as openmp
from . import opt_einsum as opt_einsum
from . import quantized as quantized

__getattr__ = _missing(__name__)
