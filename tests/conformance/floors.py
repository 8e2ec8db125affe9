#!/usr/bin/env python3
"""Holds conformance where it is: runs conform.py and compares with the recorded floors.

    floors.py            fails where a kind passes a smaller part of its entries than its floor
    floors.py --raise    also writes what was reached into the floors file, upward only
    floors.py --keep F   also writes each kind's results to F/KIND.json (gaps.py reads them)

The floors are in tests/conformance_floors.json: {kind: part of the entries that pass}.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
FLOORS = HERE.parent / "conformance_floors.json"
KINDS = ("ops", "dtypes", "inplace", "errors", "modules", "optim", "api")
SHARDED = ("ops", "dtypes", "inplace", "errors")  # kinds that conform.py can split


def start(kind: str, shard: str, out: Path, samples: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(HERE / "conform.py"), kind, "--json", str(out), "--samples", str(samples)]
    if kind in SHARDED:
        command += ["--shard", shard]
    root = str(HERE.parent.parent)
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    # Its exit status says whether every entry passes, which is not the question here.
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.DEVNULL)


def run(kind: str, processes: int, samples: int) -> list[dict[str, Any]]:
    """The results of one kind, in as many processes as it can be split into.

    Raises:
        RuntimeError: a process ended without results.
    """
    shards = processes if kind in SHARDED else 1
    with tempfile.TemporaryDirectory() as folder:
        outs = [Path(folder) / f"{i}.json" for i in range(shards)]
        running = [start(kind, f"{i}/{shards}", out, samples) for i, out in enumerate(outs)]
        for process in running:
            process.wait()
        for process, out in zip(running, outs):
            if not out.exists():
                raise RuntimeError(f"conform.py {kind} ended with status {process.returncode} and no results")
        return [entry for out in outs for entry in json.loads(out.read_text())]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kinds", nargs="*", default=KINDS, help=f"kinds to run; default: {' '.join(KINDS)}")
    parser.add_argument("--raise", dest="lift", action="store_true", help="write higher floors into the file")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="write the results there")
    parser.add_argument("--processes", type=int, default=min(os.cpu_count() or 1, 4))
    parser.add_argument("--samples", type=int, default=6, help="samples per entry")
    options = parser.parse_args()

    floors: dict[str, float] = json.loads(FLOORS.read_text()) if FLOORS.exists() else {}
    below = []
    for kind in options.kinds:
        begin = time.time()
        results = run(kind, options.processes, options.samples)
        if options.keep:
            options.keep.mkdir(parents=True, exist_ok=True)
            (options.keep / f"{kind}.json").write_text(json.dumps(results))
        passed = sum(r["total"] > 0 and r["passed"] == r["total"] for r in results)
        reached = math.floor(1000 * passed / len(results)) / 1000 if results else 0.0
        floor = floors.get(kind, 0.0)
        verdict = "below its floor" if reached < floor else "ok"
        counts = f"{passed} of {len(results)} entries pass ({reached:.1%})"
        print(f"{kind}: {counts}, floor {floor:.1%}: {verdict} [{time.time() - begin:.0f} s]", flush=True)
        if reached < floor:
            below.append(kind)
            failing = sorted(r["name"] for r in results if r["passed"] < r["total"])
            print(f"  failing: {' '.join(failing)}")
        floors[kind] = max(floor, reached)
    if options.lift:
        FLOORS.write_text(json.dumps(floors, indent=4) + "\n")
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
