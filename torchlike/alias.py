"""`import torch` gives torchlike, when asked for.

    import torchlike
    torchlike.install()          # or: with torchlike.installed(): ...
    import torch                 # the same module object as torchlike

`install()` puts a finder on `sys.meta_path`. It imports nothing, so a library that looks for
`"torch" in sys.modules` sees torch only once somebody imported it. Every module of torchlike is
then one object under two names: `torch.nn is torchlike.nn`, in `sys.modules` too. While it is
installed, `importlib.metadata.version("torch")` answers the PyTorch release torchlike follows.
Processes that multiprocessing starts by `spawn` or `forkserver` begin with the alias installed.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.metadata
import importlib.util
import multiprocessing.spawn
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from .version import reference

__all__ = ["install", "uninstall", "installed", "is_installed"]

# Name to resolve, the module it stands for, the release it answers to.
_ALIASES = {
    "torch": ("torchlike", reference),
    "torchvision": ("torchlike.vision", "0.28.0"),
}

_MSG_REAL_IMPORTED = (
    "{name} is already imported from {file}; torchlike can take its name only before that. "
    "Call torchlike.install() before the first `import {name}`, or run the program as "
    "`python -m torchlike SCRIPT`."
)


def _target(name: str) -> str | None:
    """torchlike's name for the module `name`, None where no alias covers it."""
    root, dot, rest = name.partition(".")
    return _ALIASES[root][0] + dot + rest if root in _ALIASES else None


def _is_ours(module: ModuleType) -> bool:
    return getattr(module, "__name__", "").partition(".")[0] == "torchlike"


def _spec_of(name: str) -> importlib.machinery.ModuleSpec | None:
    """The spec of a module of torchlike; None if there is no such module."""
    module = sys.modules.get(name)
    if module is not None:
        spec = getattr(module, "__spec__", None)
        return spec or importlib.machinery.ModuleSpec(name, None, is_package=hasattr(module, "__path__"))
    try:
        return importlib.util.find_spec(name)
    except ModuleNotFoundError as e:  # a parent is missing, or is no package
        if e.name and e.name.partition(".")[0] != "torchlike":
            raise
        return None


class _Loader(importlib.abc.InspectLoader):
    """Loads an alias by importing the module it stands for."""

    def __init__(self, spec: importlib.machinery.ModuleSpec):
        self._spec = spec

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return importlib.import_module(self._spec.name)

    def exec_module(self, module: ModuleType) -> None:
        # The import system has just written the alias's spec into the module.
        if self._spec.loader is not None:
            module.__spec__ = self._spec
        _share_names()

    def get_code(self, fullname: str) -> Any:
        return self._inspect("get_code")

    def get_source(self, fullname: str) -> Any:
        return self._inspect("get_source")

    def is_package(self, fullname: str) -> bool:
        return self._spec.submodule_search_locations is not None

    def _inspect(self, what: str) -> Any:
        return getattr(self._spec.loader, what)(self._spec.name)


def _share_names() -> None:
    """Enters each loaded module of torchlike under its alias, where the alias itself is loaded."""
    for alias, (target, _) in _ALIASES.items():
        if alias in sys.modules:
            for name, module in list(sys.modules.items()):
                if name.startswith(target + "."):
                    sys.modules.setdefault(alias + name[len(target) :], module)


class _Distribution(importlib.metadata.Distribution):
    """Metadata of a release that is not installed: its name and version."""

    def __init__(self, name: str, version: str):
        self._texts = {
            "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            "top_level.txt": f"{name}\n",
        }

    def read_text(self, filename: str) -> str | None:
        return self._texts.get(filename)

    def locate_file(self, path: Any) -> Path:
        return Path(__file__).parent.parent / path


class _Finder(importlib.abc.MetaPathFinder):
    """Finds `torch` and `torchvision` in torchlike."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        name = _target(fullname)
        real = _spec_of(name) if name else None
        if real is None:
            return None
        spec = importlib.machinery.ModuleSpec(fullname, _Loader(real), origin=real.origin)
        spec.submodule_search_locations = real.submodule_search_locations
        spec.has_location = real.has_location
        return spec

    @staticmethod
    def find_distributions(context: Any = None) -> Iterable[importlib.metadata.Distribution]:
        wanted = getattr(context, "name", None)
        for alias, (target, version) in _ALIASES.items():
            if (wanted is None or wanted.lower() == alias) and _spec_of(target) is not None:
                yield _Distribution(alias, version)


_finder = _Finder()
_get_preparation_data = multiprocessing.spawn.get_preparation_data


class _InstallInChild:
    """Installs the alias in a child process: unpickling it runs `install()`.

    multiprocessing unpickles a child's preparation data before it imports the main module, and
    before `sys.path` is set: hence a program text that needs nothing but the standard library.
    """

    def __reduce__(self) -> Any:
        root = str(Path(__file__).resolve().parent.parent)
        path = [entry or os.getcwd() for entry in sys.path]
        text = (
            f"import sys; before = sys.path[:]; sys.path[:] = {[*path, root]!r}\n"
            "from torchlike.alias import install; install(); sys.path[:] = before"
        )
        return exec, (text, {})


def _prepare(name: str) -> dict[str, Any]:
    """multiprocessing's preparation data, with the alias as its first entry."""
    data = _get_preparation_data(name)
    if name == "ignore":  # forkserver, which would import the main module without unpickling ours
        data.pop("init_main_from_path", None)
    return {"torchlike": _InstallInChild(), **data}


def is_installed() -> bool:
    """Whether `import torch` gives torchlike."""
    return _finder in sys.meta_path


def install() -> None:
    """Makes `import torch` give torchlike, from now on. A second call changes nothing.

    Raises:
        RuntimeError: PyTorch itself is already imported.
    """
    if is_installed():
        return
    for alias in _ALIASES:
        module = sys.modules.get(alias)
        if module is not None and not _is_ours(module):
            file = getattr(module, "__file__", None) or "elsewhere"
            raise RuntimeError(_MSG_REAL_IMPORTED.format(name=alias, file=file))
    sys.meta_path.insert(0, _finder)
    multiprocessing.spawn.get_preparation_data = _prepare


def uninstall() -> None:
    """Undoes `install()`: the next `import torch` finds PyTorch, or nothing.

    Modules that already hold a reference to torchlike under the name torch keep it.
    """
    if not is_installed():
        return
    sys.meta_path.remove(_finder)
    multiprocessing.spawn.get_preparation_data = _get_preparation_data
    for name, module in list(sys.modules.items()):
        if _target(name) and _is_ours(module):
            del sys.modules[name]


@contextlib.contextmanager
def installed() -> Iterator[None]:
    """`install()` for the length of a `with` block; a no-op where it is installed already."""
    before = is_installed()
    install()
    try:
        yield
    finally:
        if not before:
            uninstall()
