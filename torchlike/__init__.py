"""torchlike: PyTorch's Python API on JAX.

`import torchlike as torch`. Operators come from the rows in `torchlike.ops`,
which publish themselves under PyTorch's names; everything else is re-exported here.
"""

import gc as _gc
from importlib import import_module as _import_module
from math import e as e
from math import inf as inf
from math import nan as nan
from math import pi as pi

_collecting = _gc.isenabled()
_gc.disable()  # what is imported stays: looking through it in between takes a third of the time
try:
    from . import ops as ops
finally:
    if _collecting:
        _gc.freeze()  # nor does a later collection look at it
        _gc.enable()
from ._core import dtypes as _dtypes
from ._core.devices import device as device
from ._core.devices import get_default_device as get_default_device
from ._core.devices import set_default_device as set_default_device
from ._core.dtypes import can_cast as can_cast
from ._core.dtypes import dtype as dtype
from ._core.dtypes import finfo as finfo
from ._core.dtypes import get_default_dtype as get_default_dtype
from ._core.dtypes import iinfo as iinfo
from ._core.dtypes import promote_types as promote_types
from ._core.dtypes import set_default_dtype as set_default_dtype
from ._core.errors import AcceleratorError as AcceleratorError
from ._core.errors import FatalError as FatalError
from ._core.errors import OutOfMemoryError as OutOfMemoryError
from ._core.modes import enable_grad as enable_grad
from ._core.modes import inference_mode as inference_mode
from ._core.modes import is_anomaly_check_nan_enabled as is_anomaly_check_nan_enabled
from ._core.modes import is_anomaly_enabled as is_anomaly_enabled
from ._core.modes import is_grad_enabled as is_grad_enabled
from ._core.modes import is_inference_mode_enabled as is_inference_mode_enabled
from ._core.modes import no_grad as no_grad
from ._core.modes import set_grad_enabled as set_grad_enabled
from ._core.names import missing as _missing
from ._core.precision import get_float32_matmul_precision as get_float32_matmul_precision
from ._core.precision import set_float32_matmul_precision as set_float32_matmul_precision
from ._core.printing import set_printoptions as set_printoptions
from ._core.registry import namespace as _namespace
from ._core.tensor import Size as Size
from ._core.tensor import Tensor as Tensor
from .ops.convert import channels_last as channels_last
from .ops.convert import channels_last_3d as channels_last_3d
from .ops.convert import contiguous_format as contiguous_format
from .ops.convert import layout as layout
from .ops.convert import memory_format as memory_format
from .ops.convert import preserve_format as preserve_format
from .ops.convert import strided as strided
from .ops.sparse_coo import LAYOUTS as _LAYOUTS
from .ops.sparse_coo import sparse_coo as sparse_coo

globals().update({d.name: d for d in _dtypes.ALL}, **_dtypes.ALIASES)
globals().update({layout.name: layout for layout in _LAYOUTS.values()})
globals().update(_namespace("torch"))

from . import (
    __future__ as __future__,
)
from . import (
    autograd as autograd,
)
from . import (
    compiler as compiler,
)
from . import (
    cuda as cuda,
)
from . import (
    debug as debug,
)
from . import (
    interop as interop,
)
from . import (
    nn as nn,
)
from . import (
    overrides as overrides,
)
from . import (
    random as random,
)
from . import (
    serialization as serialization,
)
from . import (
    types as types,
)
from . import (
    utils as utils,
)
from . import (
    version as version,
)
from ._settings import are_deterministic_algorithms_enabled as are_deterministic_algorithms_enabled
from ._settings import compiled_with_cxx11_abi as compiled_with_cxx11_abi
from ._settings import get_deterministic_debug_mode as get_deterministic_debug_mode
from ._settings import get_device_module as get_device_module
from ._settings import get_num_interop_threads as get_num_interop_threads
from ._settings import get_num_threads as get_num_threads
from ._settings import init_num_threads as init_num_threads
from ._settings import (
    is_deterministic_algorithms_warn_only_enabled as is_deterministic_algorithms_warn_only_enabled,
)
from ._settings import is_warn_always_enabled as is_warn_always_enabled
from ._settings import set_default_tensor_type as set_default_tensor_type
from ._settings import set_deterministic_debug_mode as set_deterministic_debug_mode
from ._settings import set_flush_denormal as set_flush_denormal
from ._settings import set_num_interop_threads as set_num_interop_threads
from ._settings import set_num_threads as set_num_threads
from ._settings import set_warn_always as set_warn_always
from ._settings import use_deterministic_algorithms as use_deterministic_algorithms
from ._symbolic import SymBool as SymBool
from ._symbolic import SymFloat as SymFloat
from ._symbolic import SymInt as SymInt
from ._symbolic import sym_float as sym_float
from ._symbolic import sym_int as sym_int
from ._symbolic import sym_ite as sym_ite
from ._symbolic import sym_max as sym_max
from ._symbolic import sym_min as sym_min
from ._symbolic import sym_not as sym_not
from ._symbolic import sym_sum as sym_sum
from .alias import install as install
from .alias import installed as installed
from .alias import uninstall as uninstall
from .amp.settings import autocast_decrement_nesting as autocast_decrement_nesting
from .amp.settings import autocast_increment_nesting as autocast_increment_nesting
from .amp.settings import clear_autocast_cache as clear_autocast_cache
from .amp.settings import get_autocast_cpu_dtype as get_autocast_cpu_dtype
from .amp.settings import get_autocast_dtype as get_autocast_dtype
from .amp.settings import get_autocast_gpu_dtype as get_autocast_gpu_dtype
from .amp.settings import get_autocast_ipu_dtype as get_autocast_ipu_dtype
from .amp.settings import get_autocast_xla_dtype as get_autocast_xla_dtype
from .amp.settings import is_autocast_cache_enabled as is_autocast_cache_enabled
from .amp.settings import is_autocast_cpu_enabled as is_autocast_cpu_enabled
from .amp.settings import is_autocast_enabled as is_autocast_enabled
from .amp.settings import is_autocast_ipu_enabled as is_autocast_ipu_enabled
from .amp.settings import is_autocast_xla_enabled as is_autocast_xla_enabled
from .amp.settings import set_autocast_cache_enabled as set_autocast_cache_enabled
from .amp.settings import set_autocast_cpu_dtype as set_autocast_cpu_dtype
from .amp.settings import set_autocast_cpu_enabled as set_autocast_cpu_enabled
from .amp.settings import set_autocast_dtype as set_autocast_dtype
from .amp.settings import set_autocast_enabled as set_autocast_enabled
from .amp.settings import set_autocast_gpu_dtype as set_autocast_gpu_dtype
from .amp.settings import set_autocast_ipu_dtype as set_autocast_ipu_dtype
from .amp.settings import set_autocast_ipu_enabled as set_autocast_ipu_enabled
from .amp.settings import set_autocast_xla_dtype as set_autocast_xla_dtype
from .amp.settings import set_autocast_xla_enabled as set_autocast_xla_enabled
from .compiler import compile as compile
from .random import Generator as Generator
from .random import default_generator as default_generator
from .random import get_rng_state as get_rng_state
from .random import initial_seed as initial_seed
from .random import manual_seed as manual_seed
from .random import seed as seed
from .random import set_rng_state as set_rng_state
from .random import thread_safe_generator as thread_safe_generator
from .serialization import load as load
from .serialization import save as save
from .utils.dlpack import to_dlpack as to_dlpack

__version__ = version.TorchVersion(version.__version__)


# Imported when first asked for, so that `import torchlike` costs little more than `import jax`.
_LATER = (
    "accelerator", "amp", "backends", "cpu", "distributed", "distributions", "fft", "futures", "hub", "jit", "linalg", "masked", "multiprocessing", "onnx", "optim", "return_types", "signal", "sparse",
    "special", "testing",
)  # fmt: skip
# Names of those modules that the package has too.
_ELSEWHERE = {
    "Event": "cpu.Event", "Future": "futures.Future", "GradScaler": "amp.GradScaler", "JITException": "jit.Error",
    "ScriptFunction": "jit.ScriptFunction", "Stream": "cpu.Stream", "autocast": "amp.autocast", "fork": "jit.fork",
    "wait": "jit.wait",
}  # fmt: skip


def __getattr__(name: str) -> object:
    if name in _LATER:
        return _import_module(f"{__name__}.{name}")
    if name in _ELSEWHERE:
        module, _, own = _ELSEWHERE[name].partition(".")
        return getattr(_import_module(f"{__name__}.{module}"), own)
    return _missing(__name__)(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER, *_ELSEWHERE})
