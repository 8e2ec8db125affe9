"""`torch.device` and the JAX device behind it.

`cpu` is JAX's CPU. `cuda`, `xla`, `tpu` and `mps` name the machine's first
accelerator kind, so a script that asks for cuda runs on a TPU unchanged. `meta`
has shapes and no data.
"""

from __future__ import annotations

import functools
from typing import Any

import jax

_ACCELERATORS = ("cuda", "xla", "tpu", "mps")
_KNOWN = ("cpu", *_ACCELERATORS, "meta")
_interned: dict[tuple[str, int | None], device] = {}
_default: list[device | None] = [None]
_current = [0]  # the accelerator that `cuda` without an index names


class device:
    """A device by type and index. Equal devices are one object.

    Args:
        type: `"cpu"`, `"cuda"`, `"cuda:1"`, a device, or an index of the accelerator.
        index: the index, if `type` carries none.

    Raises:
        RuntimeError: the type is unknown.
    """

    __module__ = "torchlike"
    __slots__ = ("type", "index", "_previous")
    type: str
    index: int | None

    def __new__(cls, type: Any, index: int | None = None) -> device:  # noqa: A002 - PyTorch's name
        if isinstance(type, device):
            return type
        if isinstance(type, int) and not isinstance(type, bool):
            type, index = "cuda", type
        if not isinstance(type, str):
            raise TypeError(
                f"device(): argument 'type' (position 1) must be str, not {type.__class__.__name__}"
            )
        if index is not None and (not isinstance(index, int) or isinstance(index, bool)):
            raise TypeError(
                f"device(): argument 'index' (position 2) must be int, not {index.__class__.__name__}"
            )
        if ":" in type:
            kind, _, number = type.partition(":")
            if index is not None:
                raise RuntimeError(
                    f"type (string) must not include an index because index was passed explicitly: {type}"
                )
            if not number.isdigit():
                raise RuntimeError(f"Invalid device string: '{type}'")
            type, index = kind, int(number)
        if type not in _KNOWN:
            raise RuntimeError(
                f"Expected one of {', '.join(_KNOWN)} device type at start of device string: {type}"
            )
        key = (type, index)
        d = _interned.get(key)
        if d is None:
            d = object.__new__(cls)
            d.type, d.index, d._previous = type, index, []
            _interned[key] = d
        return d

    def __repr__(self) -> str:
        return (
            f"device(type='{self.type}')"
            if self.index is None
            else f"device(type='{self.type}', index={self.index})"
        )

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __reduce__(self) -> Any:
        return (device, (self.type, self.index))

    def __enter__(self) -> device:
        self._previous.append(_default[0])
        _default[0] = canonical(self)
        return self

    def __exit__(self, *_: Any) -> None:
        _default[0] = self._previous.pop()


CPU = device("cpu")
META = device("meta")


@functools.cache
def accelerators() -> tuple[Any, ...]:
    """JAX's devices of the machine's first accelerator kind; empty without one."""
    return tuple(d for d in jax.devices() if d.platform != "cpu")


def canonical(d: Any) -> device:
    """The device with its index filled in, as tensors report it.

    Raises:
        AssertionError: "cuda" is asked for and there is no accelerator.
        RuntimeError: another accelerator is asked for and there is none, or its index is out of range.
    """
    d = device(d)
    if d.type in ("cpu", "meta"):
        return CPU if d.type == "cpu" else META
    found = accelerators()
    if not found:
        if d.type != "cuda":
            raise RuntimeError(f"No accelerator for device '{d}': JAX sees only the CPU. Use device='cpu'.")
        error = AssertionError("Torch not compiled with CUDA enabled")  # a CPU build's words
        error.add_note("JAX sees only the CPU. Use device='cpu'.")
        raise error
    index = _current[0] if d.index is None else d.index
    if index >= len(found):
        raise RuntimeError(f"CUDA error: invalid device ordinal ({d}; {len(found)} available)")
    return device(d.type, index)


@functools.cache
def jax_device(d: device) -> Any:
    """The JAX device behind a canonical device."""
    return jax.devices("cpu")[0] if d.type == "cpu" else accelerators()[d.index or 0]


def current_index() -> int:
    """Index of the accelerator that `cuda` without an index names."""
    return _current[0]


def set_current_index(index: int) -> None:
    """Makes `cuda` without an index name this accelerator."""
    _current[0] = canonical(device("cuda", index)).index or 0


def get_default_device() -> device:
    """Where factory functions make tensors; the CPU unless set."""
    return _default[0] or CPU


def set_default_device(device: Any) -> None:
    """Sets where factory functions make tensors; None is the CPU."""
    _default[0] = None if device is None else canonical(device)
