"""`torch.backends.cpu`: what the processor can do."""

from __future__ import annotations

import functools
import platform


@functools.cache
def get_cpu_capability() -> str:
    """The widest vector instructions: `"AVX512"`, `"AVX2"`, `"NEON"` or `"DEFAULT"`."""
    if platform.machine() in ("arm64", "aarch64"):
        return "NEON"
    try:
        with open("/proc/cpuinfo") as file:
            flags = next((line.split() for line in file if line.startswith("flags")), [])
    except OSError:
        flags = []
    names = {"avx512f": "AVX512", "avx2": "AVX2"}
    return next((name for flag, name in names.items() if flag in flags), "DEFAULT")
