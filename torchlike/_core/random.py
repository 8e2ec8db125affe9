"""`torch.Generator`: a seeded stream of numbers, its state in PyTorch's layout, and the default ones.

The draws themselves are in `draws.py`. Draws inside a step (dropout) take a
threefry key from `Generator.key()`, so a step compiles once; `parity("exact")`
asks for those, too, to be drawn here.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from . import devices
from .draws import Draws
from .mt19937 import STATE, WORDS

DEFAULT_SEED = 67280421310721


class Generator(Draws):
    """A stream of pseudorandom numbers (`torch.Generator`).

    Args:
        device: the device whose tensors it fills; draws are made on the host.

    Raises:
        RuntimeError: the device is unknown or absent.
    """

    wrap_state: Callable[[np.ndarray], Any] = staticmethod(
        lambda state: state
    )  # torchlike.random makes Tensors

    def __init__(self, device: Any = "cpu"):
        self._device = devices.canonical(device)
        if self._device.type == "meta":
            raise RuntimeError("META device type not an accelerator.")
        self._seed = DEFAULT_SEED
        super().__init__(DEFAULT_SEED)

    @property
    def device(self) -> devices.device:
        """The device whose tensors this generator fills."""
        return self._device

    def manual_seed(self, seed: int) -> Generator:
        """Starts the stream of `seed` and returns the generator.

        Args:
            seed: from -2**63 to 2**64 - 1; a negative one counts from 2**64.

        Raises:
            RuntimeError: `seed` is no integer.
            ValueError: `seed` is out of range.
        """
        if not isinstance(seed, (int, np.integer)):
            raise RuntimeError(f"manual_seed expected a long, but got {type(seed).__name__}")
        if not -(1 << 63) <= seed < 1 << 64:
            raise ValueError("Overflow when unpacking long long")
        with self._lock:
            self._seed = int(seed) % (1 << 64)
            self._engine.seed(self._seed)
            self._next_normal = None
        return self

    def seed(self) -> int:
        """Seeds from the operating system and returns that seed."""
        seed = int.from_bytes(os.urandom(8), "little") & ((1 << 53) - 1)
        self.manual_seed(seed)
        return seed

    def initial_seed(self) -> int:
        """The seed the stream was started with."""
        return self._seed

    def get_state(self) -> Any:
        """The state as 5056 bytes in PyTorch's layout (a uint8 tensor)."""
        return Generator.wrap_state(self.state_bytes())

    def set_state(self, new_state: Any) -> None:
        """Continues from a state that `get_state` (or PyTorch's) returned.

        Args:
            new_state: uint8 tensor of shape (5056,).

        Raises:
            TypeError: `new_state` is no uint8 tensor.
            RuntimeError: its size or content is no generator state.
        """
        if isinstance(new_state, np.ndarray) or not hasattr(new_state, "dtype"):
            raise TypeError(f"expected a torch.ByteTensor, but got {type(new_state).__name__}")
        if not str(new_state.dtype).endswith(".uint8"):
            raise TypeError("RNG state must be a torch.ByteTensor")
        self.load_state_bytes(new_state.numpy(force=True))

    def clone_state(self) -> Generator:
        """A new generator that continues the same stream."""
        return _restored(self._device, self.state_bytes())

    def graphsafe_get_state(self) -> Any:
        """Refused, as by PyTorch's CPU generator; `clone_state` and `get_state` copy the stream."""
        raise NotImplementedError("graphsafe_get_state is not supported in this Generator")

    def graphsafe_set_state(self, state: Any) -> None:
        """Refused, as by PyTorch's CPU generator; `set_state` continues from a copied stream."""
        raise NotImplementedError("graphsafe_set_state is not supported in this Generator")

    def get_offset(self) -> int:
        """Refused, as by PyTorch's CPU generator: Mersenne Twister has no offset."""
        raise RuntimeError("CPU Generator does not use offset")

    def set_offset(self, offset: int) -> None:
        """Refused, as by PyTorch's CPU generator: Mersenne Twister has no offset."""
        raise RuntimeError("CPU Generator does not use offset")

    def __reduce__(self) -> Any:
        return (_restored, (str(self._device), self.state_bytes()))

    def __deepcopy__(self, memo: dict[int, Any]) -> Generator:
        return self.clone_state()

    def state_bytes(self) -> np.ndarray:
        """The state in PyTorch's layout: uint8 of shape (5056,)."""
        state = np.zeros(1, STATE)
        with self._lock:
            block, drawn = self._engine.get()
            state["seed"], state["seeded"], state["words"] = self._seed, 1, block
            state["next"], state["left"] = drawn, WORDS + 1 - drawn if drawn else 1
            if self._next_normal is not None:
                state["normal_y"], state["normal_valid"] = self._next_normal, 1
        return state.view(np.uint8)

    def load_state_bytes(self, data: np.ndarray) -> None:
        """Continues from `state_bytes` of this or another generator, or from PyTorch's state.

        Raises:
            RuntimeError: the size or the content is no generator state.
        """
        data = np.ascontiguousarray(data, np.uint8).ravel()
        if data.size != STATE.itemsize:
            raise RuntimeError(
                f"Expected a CPUGeneratorImplState of size {STATE.itemsize} "
                f"but found the input RNG state size to be {data.size}"
            )
        state = data.view(STATE)[0]
        left, drawn = int(state["left"]), int(state["next"])
        fresh = left == 1 and drawn == 0
        if state["seeded"] != 1 or not (fresh or (1 <= drawn <= WORDS and left + drawn == WORDS + 1)):
            raise RuntimeError("Invalid mt19937 state")
        with self._lock:
            self._seed = int(state["seed"])
            self._engine.set(state["words"], drawn, fresh)
            self._next_normal = float(state["normal_y"]) if state["normal_valid"] else None


def _restored(device: Any, state: np.ndarray) -> Generator:
    made = Generator(device)
    made.load_state_bytes(state)
    return made


default_generator = Generator()
_accelerator_generators: dict[devices.device, Generator] = {}


def generator_for(device: devices.device) -> Generator:
    """The default generator of a canonical device; each accelerator has its own, as in PyTorch."""
    if device.type == "cpu":
        return default_generator
    made = _accelerator_generators.get(device)
    if made is None:
        made = _accelerator_generators[device] = Generator(device).manual_seed(
            default_generator.initial_seed()
        )
    return made


def manual_seed_all(seed: int) -> Generator:
    """Starts the stream of `seed` in the default generator of every device."""
    default_generator.manual_seed(seed)
    for other in _accelerator_generators.values():
        other.manual_seed(seed)
    return default_generator


_PARITY = ("fast", "exact")
_parity = {"mode": "fast"}


def parity(mode: str | None = None) -> str:
    """Sets how draws inside a step are made, and returns the mode in force before.

    Args:
        mode: `"fast"` (the default): a key from the generator seeds them on the device.
            `"exact"`: they are drawn on the host with PyTorch's CPU stream, for bit-for-bit
            comparisons with PyTorch. None changes nothing.

    Raises:
        ValueError: another mode.
    """
    before = _parity["mode"]
    if mode is not None:
        if mode not in _PARITY:
            raise ValueError(f"parity: expected 'fast' or 'exact', got {mode!r}")
        _parity["mode"] = mode
    return before


def parity_is_exact() -> bool:
    """Whether draws inside a step are made on the host, as PyTorch's CPU makes them."""
    return _parity["mode"] == "exact"
