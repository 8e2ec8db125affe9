"""Imports run one way: a file imports only from its own layer and from layers to its left.

Imports inside functions count too, so no circle can hide in one.
"""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent / "torchlike"

# From left to right. A module belongs to the entry with the longest matching prefix.
LAYERS = [
    ["_core.dtypes", "_core.devices", "_core.errors", "_core.checks", "_core.names", "_core.precision", "_core.signatures"],
    ["_core.modes"],
    ["_core.layouts", "_core.gradient_orders", "_core.formulas"],
    ["_core.graph", "_core.orders"],
    ["_core.program", "_core.disk", "_core.segments", "_core.tiers", "_core.engine"],
    ["_core.versions", "_core.storage"],
    ["_core.mt19937", "_core.poisson", "_core.rejection", "_core.draws", "_core.random", "_core.vjp", "_core.autograd", "_core.gradients", "_core.backward", "_core.roots",
        "_core.node_names",
    ],
    ["_core.tensor", "_core.geometry", "_core.host", "_core.printing", "_core.saved", "_core.function"],
    ["_core.overrides", "_core.autocast_lists", "_core.autocast", "_core.out_dtypes", "_core.params", "_core.follow", "_core.misuse", "_core.publish", "_core.fused", "_core.row", "_core.views", "_core.row_modes", "_core.registry", "_core.parted", "_core.sparse", "_core.compressed"],
    ["ops"],
    ["nn.functional", "autograd", "random", "debug", "linalg", "fft", "special", "signal", "sparse", "masked",
        "distributed.distributed_c10d"],
    ["nn", "optim"],
    [
        "utils", "testing", "distributions", "_serialization", "serialization", "interop", "vision", "distributed", "func", "accelerator",
        "_settings", "_symbolic", "alias", "amp", "onnx", "backends", "compiler", "cpu", "cuda", "futures", "hub", "jit", "multiprocessing", "overrides", "return_types", "types",
        "version", "__future__",
    ],
    [""],  # the package itself
    ["__main__"],
]  # fmt: skip


def name_of(path: Path) -> str:
    """Module name below torchlike; "" for the package itself."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


PLACES = {prefix for prefixes in LAYERS for prefix in prefixes}
MODULES = {name_of(path): path for path in sorted(ROOT.rglob("*.py"))}


def layer(module: str) -> int | None:
    """Index of the module's layer; None if no entry covers it."""
    best, found = -1, None
    for index, prefixes in enumerate(LAYERS):
        for prefix in prefixes:
            covers = module == prefix or (prefix and module.startswith(prefix + "."))
            if covers and len(prefix) > best:
                best, found = len(prefix), index
    return found


@functools.cache
def imports(module: str) -> dict[str, int]:
    """Modules of torchlike that `module` imports anywhere in its text, with the line."""
    path = MODULES[module]
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    package = [part for part in package if part]
    found: dict[str, int] = {}

    def add(target: str, line: int) -> None:
        while target not in MODULES and target not in PLACES:  # a name inside a module
            target = target.rpartition(".")[0]
        if target != module:
            found.setdefault(target, line)

    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "torchlike":
                    add(alias.name.partition(".")[2], node.lineno)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                base = package[: len(package) - node.level + 1]
            elif node.module and node.module.split(".")[0] == "torchlike":
                base = []
            else:
                continue
            rest = (node.module or "").split(".")
            base = [*base, *(rest if node.level else rest[1:])]
            for alias in node.names:
                add(".".join(part for part in [*base, alias.name] if part), node.lineno)
    return found


@pytest.mark.parametrize("module", MODULES)
def test_imports_only_from_the_left(module: str) -> None:
    mine = layer(module)
    assert mine is not None, f"give {module} a place in LAYERS"
    back = [
        f"{MODULES[module].relative_to(ROOT.parent)}:{line} imports torchlike.{target}"
        for target, line in imports(module).items()
        if (layer(target) or 0) > mine
    ]
    assert not back, "\n".join(back)


def test_no_circles() -> None:
    """Within a layer, imports form no circle either."""
    state: dict[str, int] = {}  # 1: being visited, 2: done
    circles: list[str] = []

    def visit(module: str, trail: list[str]) -> None:
        state[module] = 1
        for target in imports(module).keys() & MODULES.keys():
            if state.get(target) == 1:
                circles.append(" -> ".join([*trail[trail.index(target) :], target]))
            elif target not in state:
                visit(target, [*trail, target])
        state[module] = 2

    for module in MODULES:
        if module not in state:
            visit(module, [module])
    assert not circles, "\n".join(circles)


def test_torchlike_never_imports_torch() -> None:
    for path in MODULES.values():
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            assert not [n for n in names if n.split(".")[0] in ("torch", "torchvision")], path
