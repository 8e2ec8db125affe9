"""Runs a PyTorch program on torchlike: `python -m torchlike [-m MODULE | -c CODE | SCRIPT | -] [ARGS]`.

Everything is as under `python` itself (`sys.argv`, `__main__`, `sys.path[0]`, exit status,
tracebacks), except that `import torch` gives torchlike.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys
import types
from collections.abc import Sequence
from types import CodeType, TracebackType
from typing import Any

from . import alias
from ._core.names import nearest
from .version import reference, torchlike

_USAGE = """\
usage: python -m torchlike SCRIPT [ARGS]       a file, or a directory or zip file with a __main__.py
       python -m torchlike -m MODULE [ARGS]
       python -m torchlike -c CODE [ARGS]
       python -m torchlike - [ARGS]            a program on standard input
Runs a PyTorch program with `torch` resolved to torchlike."""


class _CannotRun(Exception):
    """There is no program to run: message and exit status as Python's own."""

    def __init__(self, message: str, status: int):
        super().__init__(message)
        self.status = status


def _namespace(**attributes: Any) -> dict[str, Any]:
    """The names of a new `__main__` module, which is entered in `sys.modules`."""
    module = types.ModuleType("__main__")
    names = vars(module)
    names.update(__builtins__=sys.modules["builtins"], __annotations__={}, **attributes)
    sys.modules["__main__"] = module
    return names


def _first_path(entry: str) -> None:
    """Sets `sys.path[0]`, which belongs to the program, unless Python runs isolated."""
    if not sys.flags.safe_path:
        sys.path[0] = entry


def _from_text(code: str, filename: str) -> tuple[CodeType, dict[str, Any]]:
    _first_path("")
    names = _namespace(__loader__=importlib.machinery.BuiltinImporter)
    if filename == "<stdin>":
        names.update(__file__=filename, __cached__=None)
    return compile(code, filename, "exec", dont_inherit=True), names


def _from_file(script: str) -> tuple[CodeType, dict[str, Any]]:
    path = os.path.join(os.getcwd(), script)
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as e:
        raise _CannotRun(f"can't open file {path!r}: [Errno {e.errno}] {e.strerror}", 2) from None
    _first_path(os.path.dirname(os.path.realpath(path)))
    loader = importlib.machinery.SourceFileLoader("__main__", path)
    names = _namespace(__file__=path, __cached__=None, __loader__=loader)
    return compile(source, path, "exec", dont_inherit=True), names


def _from_spec(spec: importlib.machinery.ModuleSpec) -> tuple[CodeType, dict[str, Any]]:
    code = spec.loader.get_code(spec.name)  # type: ignore[union-attr]
    if code is None:
        raise _CannotRun(f"No code object available for {spec.name}", 1)
    sys.argv[0] = spec.origin or sys.argv[0]
    names = _namespace(
        __file__=spec.origin,
        __cached__=spec.cached,
        __loader__=spec.loader,
        __spec__=spec,
        __package__=spec.parent,
    )
    return code, names


def _from_module(name: str) -> tuple[CodeType, dict[str, Any]]:
    _first_path(os.getcwd())
    sys.argv[0] = "-m"
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(f"{name}.__main__")
            if spec is None:
                text = (
                    f"No module named {name}.__main__; {name!r} is a package and cannot be directly executed"
                )
                raise _CannotRun(text, 1)
    except (ModuleNotFoundError, ValueError) as e:
        text = f"Error while finding module specification for {name!r} ({type(e).__name__}: {e})"
        raise _CannotRun(text, 1) from None
    if spec is None or spec.loader is None:
        raise _CannotRun(f"No module named {name}", 1)
    return _from_spec(spec)


def _from_container(path: str) -> tuple[CodeType, dict[str, Any]] | None:
    """The `__main__` of a directory or zip file; None if `path` is neither."""
    given, path = path, os.path.join(os.getcwd(), path)
    spec = importlib.machinery.PathFinder.find_spec("__main__", [path])
    if spec is not None and spec.loader is not None:
        sys.path.insert(0, path) if sys.flags.safe_path else _first_path(path)
        code, names = _from_spec(spec)
        sys.argv[0] = given
        return code, names
    if os.path.isdir(path):
        raise _CannotRun(f"can't find '__main__' module in {path!r}", 1)
    return None


def _program(arguments: Sequence[str]) -> tuple[CodeType, dict[str, Any]]:
    """The code to run and its namespace; sets `sys.argv` and `sys.path[0]`."""
    first, rest = arguments[0], list(arguments[1:])
    for option, load in (("-m", _from_module), ("-c", lambda text: _from_text(text, "<string>"))):
        if first.startswith(option):
            value, rest = (first[2:], rest) if len(first) > 2 else (rest[0] if rest else None, rest[1:])
            if value is None:
                raise _CannotRun(f"Argument expected for the {option} option", 2)
            sys.argv = [option, *rest]
            return load(value)
    sys.argv = [first, *rest]
    if first == "-":
        return _from_text(sys.stdin.read(), "<stdin>")
    return _from_container(first) or _from_file(first)


def _own_frames_removed(traceback: TracebackType | None) -> TracebackType | None:
    """The traceback from the program's first frame on."""
    while traceback is not None and traceback.tb_frame.f_code.co_filename == __file__:
        traceback = traceback.tb_next
    return traceback


def _add_hint(error: BaseException) -> None:
    """Notes the nearest names of torchlike on an ImportError that is about it."""
    name = getattr(error, "name", None) or ""
    root, _, rest = name.partition(".")
    if isinstance(error, ModuleNotFoundError) and root == "torch" and rest:
        parent, _, last = rest.rpartition(".")
        package = sys.modules.get(f"torchlike.{parent}" if parent else "torchlike")
        near = nearest(last, vars(package)) if package else []
        prefix = f"torch.{parent}." if parent else "torch."
    elif isinstance(error, ImportError) and root == "torchlike" and getattr(error, "name_from", None):
        near = nearest(error.name_from, vars(sys.modules[name]))  # type: ignore[attr-defined]
        name, prefix = f"{name}.{error.name_from}", "torch" + name[len("torchlike") :] + "."  # type: ignore[attr-defined]
    else:
        return
    hint = f"; nearest: {', '.join(prefix + n for n in near)}" if near else ""
    error.add_note(f"torchlike has no {name}{hint}")


def _report(error: BaseException) -> None:
    """Prints an uncaught exception as the interpreter does, without the frames of this file."""
    error.__traceback__ = traceback = _own_frames_removed(error.__traceback__)
    _add_hint(error)
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, traceback
    sys.last_exc = error  # type: ignore[attr-defined]
    sys.excepthook(type(error), error, traceback)


def main() -> None:
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_USAGE)
        sys.exit(0 if arguments else 2)
    if arguments[0] in ("-V", "--version"):
        print(f"torchlike {torchlike} (PyTorch {reference}'s API)")
        return
    alias.install()
    try:
        exec(*_program(arguments))
    except SystemExit:
        raise
    except _CannotRun as e:
        print(f"{sys.executable}: {e}", file=sys.stderr)
        sys.exit(e.status)
    except KeyboardInterrupt as e:
        _report(e)
        sys.excepthook = lambda *_: None  # reported; Python now ends itself by the signal
        raise
    except BaseException as e:
        _report(e)
        sys.exit(1)


if __name__ == "__main__":
    launcher = sys.modules["__main__"]  # kept: the program takes its place in sys.modules
    main()
