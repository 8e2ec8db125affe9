"""From recorded calls to an XLA executable.

`build` makes the pure function that replays a Trace; `compile_` turns it into an
executable for one device. This file and `disk.py` are the only ones that touch
JAX's compilation machinery.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.core
import numpy as np
from jax._src import xla_bridge
from jaxlib import xla_client

from . import checks, devices, precision
from .graph import CALLS, COMPLEX, FLOAT, GROUPS, INT, KEY, Aval

PACK_DTYPES = {FLOAT: np.float64, INT: np.int64, COMPLEX: np.complex128, KEY: np.uint32}


@dataclass(frozen=True)
class Spec:
    """All that decides an executable: calls, what is returned, what is donated, input avals."""

    nodes: tuple[tuple[int, ...], ...]
    live: tuple[int, ...]
    donated: tuple[int, ...]
    inputs: tuple[Aval, ...]
    packs: tuple[tuple[int, int], ...]  # (group, length) of the lifted scalars
    device: Any

    def text(self) -> str | None:
        """A name that is equal in every process for the same program; None if a call has none."""
        ids: dict[int, int] = {}
        texts: list[str] = []
        for node in self.nodes:
            if node[0] not in ids:
                t = CALLS[node[0]].text
                if t is None:
                    return None
                ids[node[0]] = len(texts)
                texts.append(t)
        body = [(ids[n[0]], *n[1:]) for n in self.nodes]
        h = hashlib.sha256("\n".join(texts).encode())
        h.update(repr((body, self.live, self.donated, self.inputs, self.packs, str(self.device))).encode())
        return h.hexdigest()


class _Platform(threading.local):
    name = "cpu"


_platform = _Platform()


def started() -> bool:
    """Whether JAX has chosen its devices, after which settings like the number of threads are fixed."""
    return xla_bridge.backends_are_initialized()


def lowering_platform() -> str:
    """The platform ("cpu", "gpu" or "tpu") that calls are being lowered for."""
    return _platform.name


@contextlib.contextmanager
def lowering_for(device: Any) -> Iterator[None]:
    """Lowerings traced inside choose for this device; 64-bit types are on."""
    previous = _platform.name
    target = devices.jax_device(device) if device is not devices.META else devices.jax_device(devices.CPU)
    _platform.name = target.platform
    try:
        matmul = jax.default_matmul_precision(precision.jax_name())
        with jax.enable_x64(True), jax.default_device(target), matmul:
            yield
    finally:
        _platform.name = previous


def build(spec: Spec) -> Callable[..., list[Any]]:
    """The function `(*inputs, *packs) -> [live results..., packed guard codes]` that replays the calls."""
    calls = [(CALLS[n[0]], n[1:]) for n in spec.nodes]
    n_inputs = len(spec.inputs)
    pack_index = {group: n_inputs + i for i, (group, _) in enumerate(spec.packs)}
    live = spec.live

    def program(*args: Any) -> list[Any]:
        env: list[Any] = []
        lifted: dict[int, Any] = {}

        def fetch(slot: int, a: Aval) -> Any:
            if slot >= 0:
                return env[slot]
            k, group = divmod(-1 - slot, GROUPS)
            if not group:
                return args[k]
            if slot not in lifted:
                lifted[slot] = args[pack_index[group]][k]
            return lifted[slot].astype(a.dtype.jnp)

        with checks.collecting() as found:
            for call, slots in calls:
                env.extend(call.fn(*[fetch(s, a) for s, a in zip(slots, call.avals)]))
        outs = [env[i] for i in live]
        if found:
            outs.append(checks.pack(found))
        return outs

    return program


# Each result is rounded to its own dtype, as in PyTorch: XLA may otherwise drop the rounding to bfloat16 between
# two ops of one executable, and a value would then depend on what was compiled together.
ROUNDED: dict[str, Any] = {"xla_allow_excess_precision": False}

# XLA's older emitters make a CPU executable in half the time; whole programs get the newer ones, which make
# faster code (measured on a character RNN: 6 calls in 67 ms instead of 153). In two pieces it takes a third of
# the memory mappings (see tiers.py) that it takes in the usual 32, and no longer.
QUICK: dict[str, Any] = {
    "cpu": {"xla_cpu_use_fusion_emitters": False, "xla_cpu_parallel_codegen_split_count": 2}
}


def compile_(spec: Spec, quick: bool = False) -> Any:
    """An executable of the program: callable on the inputs and packs.

    Args:
        spec: the program.
        quick: compile time matters more than speed.
    """
    donate = _usable(spec)
    sharding = jax.sharding.SingleDeviceSharding(devices.jax_device(spec.device))
    structs = [jax.ShapeDtypeStruct(a.shape, a.dtype.jnp, sharding=sharding) for a in spec.inputs]
    for group, n in spec.packs:
        structs.append(jax.ShapeDtypeStruct((n, 2) if group == KEY else (n,), PACK_DTYPES[group]))
    with lowering_for(spec.device), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Some donated buffers were not usable")
        jitted = jax.jit(build(spec), donate_argnums=donate, keep_unused=True)
        lowered = jitted.lower(*structs)
        options = QUICK.get(lowering_platform(), {}) if quick else {}
        try:
            return lowered.compile(compiler_options=ROUNDED | options)
        except jax.errors.JaxRuntimeError as e:
            if not options or "No such compile option" not in str(e):
                raise
            QUICK.pop(lowering_platform())  # another XLA: it has no such choice
            return lowered.compile(compiler_options=ROUNDED)


def _usable(spec: Spec) -> tuple[int, ...]:
    """The donated inputs that some result can take over (equal shape and dtype)."""
    room: dict[Aval, int] = {}
    outs: list[Aval] = []
    for node in spec.nodes:
        outs.extend(CALLS[node[0]].outs)
    for i in spec.live:
        room[outs[i]] = room.get(outs[i], 0) + 1
    chosen = []
    for i in spec.donated:
        a = spec.inputs[i]
        if room.get(a, 0):
            room[a] -= 1
            chosen.append(i)
    return tuple(chosen)


def packs_of(trace: Any) -> list[tuple[int, Any]]:
    """The lifted scalars of a Trace as (group, host array), empty groups left out."""
    found = []
    for group, items in (
        (FLOAT, trace.floats),
        (INT, trace.ints),
        (COMPLEX, trace.complexes),
        (KEY, trace.keys),
    ):
        if items:
            found.append((group, np.array(items, PACK_DTYPES[group])))
    return found


@functools.lru_cache(4096)
def _placement(a: Aval) -> tuple[Any, Any, Any]:
    target = devices.jax_device(a.device)
    return jax.core.ShapedArray(a.shape, a.dtype.jnp), jax.sharding.SingleDeviceSharding(target), target


def place(array: np.ndarray, a: Aval) -> Any:
    """A host array as a `jax.Array` on the aval's device; the CPU may use its memory as it is.

    What `jax.device_put` does, without its 25 us of Python.
    """
    with jax.enable_x64(True):
        shaped, sharding, target = _placement(a)
        return xla_client.batched_device_put(shaped, sharding, [array], [target], True)
