"""Executables on disk, so that the second run of a script starts hot.

One file per executable, named by the hash of the recorded calls, of this
package's source, of the JAX version and of the device. Files are written
atomically; a damaged one is removed and rebuilt; the folder is bounded.
Environment: `TORCHLIKE_CACHE_DIR` moves it, `TORCHLIKE_CACHE=0` turns it off.
"""

from __future__ import annotations

import functools
import hashlib
import os
import pickle
import platform
import tempfile
import threading
from pathlib import Path
from typing import Any

import jax
from jax.experimental import serialize_executable
from jaxlib import gpu_solver
from jaxlib.cpu import _lapack

from . import devices, precision
from .graph import PACKAGE

LIMIT_BYTES = int(os.environ.get("TORCHLIKE_CACHE_BYTES", 1 << 30))


@functools.cache
def folder() -> Path | None:
    """Where executables are kept; None when the cache is off."""
    if os.environ.get("TORCHLIKE_CACHE", "1") == "0":
        return None
    base = os.environ.get("TORCHLIKE_CACHE_DIR")
    if base is None:
        base = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "torchlike")
    path = Path(base)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return path


@functools.cache
def _version() -> str:
    """What makes an executable stale: our source, JAX, the processor."""
    h = hashlib.sha256(f"{jax.__version__} {platform.machine()}".encode())
    for path in sorted(Path(PACKAGE).rglob("*.py")):
        h.update(path.read_bytes())
    try:
        with open("/proc/cpuinfo") as f:
            h.update(next((line for line in f if line.startswith("flags")), "").encode())
    except OSError:
        h.update(platform.processor().encode())
    h.update(os.environ.get("XLA_FLAGS", "").encode())
    return h.hexdigest()


def _path(text: str, device: Any) -> Path | None:
    base = folder()
    if base is None:
        return None
    kind = devices.jax_device(device).device_kind
    return base / (
        hashlib.sha256(f"{_version()} {kind} {precision.jax_name()} {device} {text}".encode()).hexdigest()[
            :40
        ]
        + ".xla"
    )


def has(text: str | None, device: Any) -> bool:
    """Whether an executable of this name is stored."""
    path = _path(text, device) if text is not None else None
    return path is not None and path.exists()


def load(text: str | None, device: Any) -> Any:
    """The stored executable of this name, or None."""
    path = _path(text, device) if text is not None else None
    if path is None:
        return None
    try:
        data = path.read_bytes()
    except OSError:
        return None
    try:
        digest, body = data[:32], data[32:]
        if hashlib.sha256(body).digest() != digest:
            raise ValueError("damaged")
        # JAX looks LAPACK's routines up when it lowers a call to one; calls from disk would go to address 0
        if b"lapack_" in body:
            _lapack.initialize()
        if b"hybrid_" in body:
            gpu_solver.initialize_hybrid_kernels()
        with jax.enable_x64(True):
            found = serialize_executable.deserialize_and_load(
                *pickle.loads(body), execution_devices=[devices.jax_device(device)]
            )
    except Exception:  # noqa: BLE001 - any damage means: rebuild it
        path.unlink(missing_ok=True)
        return None
    return found


def store(text: str | None, device: Any, executable: Any) -> None:
    """Keeps an executable; a full or read-only disk only means that it is not kept."""
    path = _path(text, device) if text is not None else None
    if path is None:
        return
    body = pickle.dumps(serialize_executable.serialize(executable))
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as f:
            f.write(hashlib.sha256(body).digest() + body)
        os.replace(f.name, path)
    except OSError:
        return
    _trim(path.parent, len(body))


_since_trim = [LIMIT_BYTES]
_trim_lock = threading.Lock()


def _trim(base: Path, added: int) -> None:
    """Removes the oldest files once the folder outgrows its bound (looked at every 1/16 of it)."""
    with _trim_lock:
        _since_trim[0] += added
        if _since_trim[0] < LIMIT_BYTES // 16:
            return
        _since_trim[0] = 0
        files = sorted(
            ((s.st_mtime, s.st_size, p) for p in base.glob("*.xla") if (s := _stat(p))), reverse=True
        )
        total = 0
        for _, size, path in files:
            total += size
            if total > LIMIT_BYTES:
                path.unlink(missing_ok=True)


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
