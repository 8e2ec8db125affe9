"""`python -m torchlike` runs a program as `python` does: compared with `python` itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

SHOW = """
'''Documentation.'''
import os, sys
print(sys.argv[1:], __name__, __file__, __package__, __doc__, type(__loader__).__name__, __cached__)
print(os.path.basename(sys.argv[0]), sys.path[0], sys.path.count(sys.path[0]), __builtins__.__name__)
print(sys.modules["__main__"].__dict__ is globals(), __spec__ and (__spec__.name, __spec__.parent))
print(sorted(n for n in globals() if n not in ("os", "sys")))
"""
FAIL = """
import sys
def inner():
    raise {error}
def outer():
    try:
        {{}}["key"]
    except KeyError:
        inner()
outer()
"""


def start(command: list[str], cwd: Path, stdin: str | None = None) -> tuple[int, str, str]:
    """Exit status, standard output and standard error."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    env = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *command], cwd=cwd, env=env, input=stdin, capture_output=True, text=True, timeout=120
    )
    return done.returncode, done.stdout, done.stderr


def same(arguments: list[str], cwd: Path, stdin: str | None = None) -> tuple[int, str, str]:
    """Runs `python ARGUMENTS` and `python -m torchlike ARGUMENTS`, which must not differ."""
    want = start(arguments, cwd, stdin)
    assert start(["-m", "torchlike", *arguments], cwd, stdin) == want
    return want


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    for file in (tmp_path / "script.py", package / "module.py", package / "__main__.py"):
        file.write_text(SHOW)
    (tmp_path / "link.py").symlink_to(package / "module.py")
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [["script.py", "a", "-b"], ["./package/module.py"], ["link.py"], ["-m", "package.module", "-x"],
     ["-m", "package"], ["package"]],
    ids=" ".join,
)  # fmt: skip
def test_what_a_program_sees(folder: Path, arguments: list[str]) -> None:
    status, out, _ = same(arguments, folder)
    assert status == 0 and out


def test_code_and_standard_input(folder: Path) -> None:
    code = "import sys; print(sys.argv, repr(sys.path[0]), __name__, '__file__' in globals(), __spec__)"
    assert same(["-c", code, "a"], folder)[0] == 0
    assert same(["-", "a"], folder, code)[0] == 0


@pytest.mark.parametrize(
    "error, status",
    [("ValueError('no')", 1), ("SystemExit(7)", 7), ("SystemExit('text')", 1), ("SystemExit", 0),
     ("KeyboardInterrupt", -2), ("ExceptionGroup('many', [ValueError(1), TypeError(2)])", 1)],
)  # fmt: skip
def test_how_a_program_ends(folder: Path, error: str, status: int) -> None:
    (folder / "fail.py").write_text(FAIL.format(error=error))
    assert same(["fail.py"], folder)[0] == status


def test_syntax_error(folder: Path) -> None:
    (folder / "bad.py").write_text("x = = 1\n")
    assert same(["bad.py"], folder)[0] == 1


@pytest.mark.parametrize(
    "arguments, status",
    [(["absent.py"], 2), (["-m", "absent"], 1), (["-m", "package.absent"], 1), (["-m", "absent.x"], 1)],
)
def test_nothing_to_run(folder: Path, arguments: list[str], status: int) -> None:
    assert same(arguments, folder)[0] == status


def test_the_programs_own_excepthook(folder: Path) -> None:
    hook = "lambda kind, error, tb: print(kind, error, tb.tb_frame.f_code.co_filename)"
    (folder / "hook.py").write_text(f"import sys\nsys.excepthook = {hook}\n1 / 0\n")
    assert same(["hook.py"], folder)[0] == 1


def test_torch_is_torchlike(folder: Path) -> None:
    program = "import sys, torch, torchlike; print(torch is torchlike, torch.__version__)"
    assert start(["-m", "torchlike", "-c", program], folder)[:2] == (0, "True 2.13.0+torchlike\n")


def test_hint_for_a_missing_module(folder: Path) -> None:
    status, _, error = start(["-m", "torchlike", "-c", "import torch.nn.functionals"], folder)
    assert status == 1
    assert "ModuleNotFoundError: No module named 'torch.nn.functionals'" in error
    assert "nearest: torch.nn.functional" in error


def test_usage_and_version(folder: Path) -> None:
    assert start(["-m", "torchlike", "--help"], folder)[1].startswith("usage: python -m torchlike SCRIPT")
    assert start(["-m", "torchlike"], folder)[0] == 2
    assert "PyTorch 2.13.0" in start(["-m", "torchlike", "--version"], folder)[1]
