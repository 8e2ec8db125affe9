"""What the engine did: counters and a readable report.

`TORCHLIKE_LOG=compiles` logs each new program as it happens; `TORCHLIKE_EAGER=1`
runs operator by operator at once.
"""

from __future__ import annotations

from typing import Any

from ._core import engine


def stats() -> dict[str, Any]:
    """Counters since the last `reset`.

    Keys: `compiles` (executables compiled), `background_compiles` (of them, off
    the main thread), `compile_seconds`, `executions` (whole-Trace executables
    run), `op_executions` (calls run one by one), `recorded_calls`, `cache_hits`
    (barriers whose Trace was known), `disk_hits`, `barriers` (by kind).
    """
    s = engine.stats
    return {
        "compiles": s.compiles,
        "background_compiles": s.background_compiles,
        "compile_seconds": s.compile_seconds,
        "executions": s.executions,
        "op_executions": s.op_executions,
        "recorded_calls": s.recorded_calls,
        "cache_hits": s.cache_hits,
        "disk_hits": s.disk_hits,
        "barriers": dict(s.barriers),
    }


def reset() -> None:
    """Sets every counter to zero and forgets the log; executables stay."""
    engine.stats.reset()


def report() -> str:
    """A table of the counters and of each new program: user's line, tier, seconds, what changed."""
    s = stats()
    lines = [
        f"executables compiled {s['compiles']} ({s['compile_seconds']:.2f} s, {s['background_compiles']} in the background), "
        f"from disk {s['disk_hits']}",
        f"programs run {s['executions']}, calls run one by one {s['op_executions']}, calls recorded {s['recorded_calls']}, "
        f"known Traces {s['cache_hits']}",
        "barriers " + (", ".join(f"{k} {n}" for k, n in sorted(s["barriers"].items())) or "none"),
        "",
        f"{'line':<40} {'kind':<12} {'tier':<9} {'calls':>6} {'s':>7}  why",
    ]
    for e in engine.stats.log:
        where = f"{e['site'][0].rsplit('/', 1)[-1]}:{e['site'][1]}"
        lines.append(
            f"{where:<40} {e['kind']:<12} {e['tier']:<9} {e['calls']:>6} {e['seconds']:>7.2f}  {e['reason']}"
        )
    return "\n".join(lines)


def synchronize() -> None:
    """Runs everything pending, waits for it and for background compiles, and raises outstanding errors."""
    engine.flush_all()
    engine.wait()
