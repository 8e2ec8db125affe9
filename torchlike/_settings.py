"""Settings of the whole process: determinism, threads, warnings, subnormal numbers, the default tensor type."""

from __future__ import annotations

import os
import warnings
from importlib import import_module
from types import ModuleType
from typing import Any

from ._core import devices, dtypes
from ._core.errors import Repeats, TorchlikeWarning, warn_once
from ._core.program import started
from ._core.registry import namespace
from ._core.tensor import Tensor

# ---- determinism -----------------------------------------------------------------------------------------

_MODES = ("default", "warn", "error")
_GPU_FLAG = "--xla_gpu_deterministic_ops=true"
_MSG_GPU_STARTED = (
    f"XLA has already started on a GPU, where it may pick nondeterministic kernels. Start Python with XLA_FLAGS={_GPU_FLAG}, "
    "or call torch.use_deterministic_algorithms(True) before the first tensor is made."
)
_determinism = {"on": False, "warn_only": False}


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Asks for operators that give the same result from the same input, every time.

    On CPUs and TPUs XLA's are deterministic anyway, and memory that PyTorch would leave uninitialised is zero. On a
    GPU they are if this is called before the first tensor is made, or XLA was started with its own flag for it.

    Args:
        mode: whether to ask for them.
        warn_only: where they cannot be had, warn instead of raising.

    Raises:
        TypeError: `mode` is no bool.
        RuntimeError: XLA has already started on a GPU without the flag, and not `warn_only`.
    """
    if not isinstance(mode, bool):
        raise TypeError(
            f"_set_deterministic_algorithms(): argument 'mode' (position 1) must be bool, not {type(mode).__name__}"
        )
    flags = os.environ.get("XLA_FLAGS", "")
    if mode and _GPU_FLAG not in flags:
        if not started():
            os.environ["XLA_FLAGS"] = f"{flags} {_GPU_FLAG}".strip()
        elif any(d.platform in ("gpu", "cuda", "rocm") for d in devices.accelerators()):
            if not warn_only:
                raise RuntimeError(_MSG_GPU_STARTED)
            warnings.warn(_MSG_GPU_STARTED, UserWarning, stacklevel=2)
    _determinism.update(on=mode, warn_only=bool(warn_only))


def are_deterministic_algorithms_enabled() -> bool:
    """Whether deterministic operators were asked for."""
    return _determinism["on"]


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Whether they were asked for with `warn_only=True`."""
    return _determinism["warn_only"]


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """`use_deterministic_algorithms` by a word or a number: "default" (0), "warn" (1), "error" (2).

    Raises:
        TypeError, RuntimeError: another type or value.
    """
    if not isinstance(debug_mode, (int, str)):
        raise TypeError(f"debug_mode must be str or int, but got {type(debug_mode)}")
    if isinstance(debug_mode, str):
        if debug_mode not in _MODES:
            raise RuntimeError(
                f"invalid value of debug_mode, expected one of `default`, `warn`, `error`, but got {debug_mode}"
            )
        debug_mode = _MODES.index(debug_mode)
    if debug_mode not in (0, 1, 2):
        raise RuntimeError(f"invalid value of debug_mode, expected 0, 1, or 2, but got {debug_mode}")
    use_deterministic_algorithms(debug_mode > 0, warn_only=debug_mode == 1)


def get_deterministic_debug_mode() -> int:
    """0: not deterministic, 1: deterministic or a warning, 2: deterministic or an error."""
    if not _determinism["on"]:
        return 0
    return 1 if _determinism["warn_only"] else 2


# ---- threads -----------------------------------------------------------------------------------------------

_THREADS = ("PJRT_NPROC", "NPROC")  # the first that is set says how many threads XLA's CPU pool has


def get_num_threads() -> int:
    """Threads in the pool on which XLA runs CPU programs."""
    for name in _THREADS:
        if os.environ.get(name, "").isdigit():
            return int(os.environ[name])
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def set_num_threads(num: int, /) -> None:
    """Sets the threads on which XLA runs CPU programs, before the first tensor is made.

    XLA makes its pool once. Later calls change nothing and warn, unless they ask for what there is.

    Raises:
        RuntimeError: `num` is no positive int.
    """
    _resize_pool("set_num_threads", num)


def get_num_interop_threads() -> int:
    """Threads for independent parts of a program: those of `get_num_threads`, XLA has one pool."""
    return get_num_threads()


def set_num_interop_threads(num: int, /) -> None:
    """Sets the threads for independent parts of a program, which are those of `set_num_threads`.

    Raises:
        RuntimeError: `num` is no positive int.
    """
    _resize_pool("set_num_interop_threads", num)


def _resize_pool(name: str, num: Any) -> None:
    if not isinstance(num, int) or isinstance(num, bool):
        raise RuntimeError(f"{name} expects an int, but got {type(num).__name__}")
    if num < 1:
        raise RuntimeError(f"{name} expects a positive integer")
    if num == get_num_threads():
        return
    if started():
        warnings.warn(
            f"{name}({num}) has no effect: XLA has already made its pool of {get_num_threads()} threads. Call it before the "
            f"first tensor is made, or start Python with {_THREADS[0]}={num}.",
            TorchlikeWarning,
            stacklevel=3,
        )
        return
    os.environ[_THREADS[0]] = str(num)


def init_num_threads() -> None:
    """Nothing to do: XLA's pool serves all threads of the process."""


# ---- warnings and numbers --------------------------------------------------------------------------------------


def set_warn_always(b: bool, /) -> None:
    """Whether warnings that are given once per process are given each time.

    Raises:
        RuntimeError: `b` is no bool.
    """
    if not isinstance(b, bool):
        raise RuntimeError(f"setWarnOnlyOnce expects a bool, but got {type(b).__name__}")
    Repeats.always = b


def is_warn_always_enabled() -> bool:
    """Whether warnings are given each time."""
    return Repeats.always


def set_flush_denormal(mode: bool, /) -> bool:
    """Whether the CPU can be set to treat subnormal numbers as `mode` says.

    XLA's CPU code always flushes them to zero: True for `mode=True`, False otherwise.

    Raises:
        RuntimeError: `mode` is no bool.
    """
    if not isinstance(mode, bool):
        raise RuntimeError(f"flush_denormal expects a bool, but got {type(mode).__name__}")
    return mode


def compiled_with_cxx11_abi() -> bool:
    """True, as PyTorch's releases answer; torchlike has no C++ of its own."""
    return True


# ---- the default tensor type -------------------------------------------------------------------------------------

_MSG_FLOATING = "only floating-point types are supported as the default type"


def set_default_tensor_type(t: type[Tensor] | str, /) -> None:
    """Sets default dtype and device by the name of a type or the type: `"torch.DoubleTensor"`.

    Raises:
        TypeError: the type is not floating, or there is no such device.
    """
    warn_once(
        "torch.set_default_tensor_type() is deprecated as of PyTorch 2.1, please use torch.set_default_dtype() and "
        "torch.set_default_device() as alternatives."
    )
    accelerated = isinstance(t, str) and t.startswith("torch.cuda.")
    kind: Any = t
    if isinstance(t, str):
        module, _, name = t.rpartition(".")
        if module not in ("torch", "torch.cuda"):
            raise ModuleNotFoundError(f"No module named '{module or t}'")
        kind = namespace("torch").get(name)
    wanted = getattr(kind, "wanted", None)
    if wanted is None or kind is Tensor:
        raise TypeError(f"invalid type object: {_MSG_FLOATING}")
    if not wanted.is_floating_point:
        raise TypeError(_MSG_FLOATING)
    if accelerated and not devices.accelerators():
        raise TypeError(f"type {t} not available. Torch not compiled with CUDA enabled.")
    dtypes.set_default_dtype(wanted)
    devices.set_default_device("cuda" if accelerated else "cpu")


# ---- modules of devices ----------------------------------------------------------------------------------------------


def get_device_module(device: Any = None) -> ModuleType:
    """`torch.cuda` or `torch.cpu`: the module of a device, by default the accelerator's, else the CPU's.

    Raises:
        RuntimeError: the device has none.
    """
    if device is None:
        kind = "cuda" if devices.accelerators() else "cpu"
    elif isinstance(device, (str, devices.device)):
        kind = devices.device(device).type
    else:
        raise RuntimeError(f"Invalid value of device '{device}', expect torch.device, str, or None")
    if kind not in ("cpu", "cuda"):
        raise RuntimeError(
            f"Device '{kind}' does not have a corresponding module registered as 'torch.{kind}'."
        )
    return import_module(f"{__package__}.{kind}")
