"""torchlike: PyTorch's Python API on JAX.

`import torchlike as torch`. Operators come from the rows in `torchlike.ops`,
which publish themselves under PyTorch's names.
"""

from ._core.devices import device as device
from ._core.dtypes import dtype as dtype
from ._core.dtypes import finfo as finfo, iinfo as iinfo, get_default_dtype as get_default_dtype, set_default_dtype as set_default_dtype, can_cast as can_cast, promote_types as promote_types
from ._core.devices import get_default_device as get_default_device, set_default_device as set_default_device
from ._core.tensor import Size as Size
from ._core.tensor import Tensor as Tensor
from ._core.modes import no_grad as no_grad, enable_grad as enable_grad, set_grad_enabled as set_grad_enabled, is_grad_enabled as is_grad_enabled, inference_mode as inference_mode, is_inference_mode_enabled as is_inference_mode_enabled
from ._core import overrides as _overrides
from . import debug as debug
import importlib as _importlib, os as _os, sys as _sys

# TEMPORARY while parts are being written: import what imports, say what does not
def _try(m):
    try:
        return _importlib.import_module(m)
    except Exception as e:
        if _os.environ.get("TL_STRICT"):
            raise
        print(f"[torchlike] {m} does not import: {type(e).__name__}: {e}", file=_sys.stderr)


for _m in ["view", "convert", "indexing", "shape"] + [f[:-3] for f in sorted(_os.listdir(__path__[0] + "/ops")) if f.endswith(".py")]:
    _try(f"torchlike.ops.{_m}")
from ._core.registry import namespace as _namespace
from ._core import dtypes as _dtypes
globals().update({d.name: d for d in _dtypes.ALL}, **_dtypes.ALIASES)
globals().update(_namespace("torch"))
from .ops.convert import preserve_format, contiguous_format, channels_last, channels_last_3d
from math import pi, e, inf, nan
strided = "torch.strided"
for _m in "autograd random nn optim utils utils.data serialization linalg fft special cuda backends version accelerator compiler jit hub overrides types multiprocessing testing distributions func amp".split():
    if _os.path.exists(f"{__path__[0]}/{_m.replace('.', '/')}.py") or _os.path.exists(f"{__path__[0]}/{_m.replace('.', '/')}/__init__.py"):
        _try(f"torchlike.{_m}")
try:
    from .random import *  # noqa
    from .random import manual_seed, seed, initial_seed, get_rng_state, set_rng_state
    from .serialization import save, load
    from ._core.printing import set_printoptions
    from ._core.random import Generator
except Exception as e_:
    print("[torchlike]", e_, file=_sys.stderr)
