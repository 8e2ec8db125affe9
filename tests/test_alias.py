"""`import torch` gives torchlike, where asked for. Each program runs in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

FAKE_TORCH = "import sys; __version__ = '1.0'; REAL = True\n"


def run(tmp_path: Path, program: str, *, real: bool = False) -> str:
    """What the program prints; with `real`, a package named torch is installed as well."""
    if real:
        package = tmp_path / "real" / "torch"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(FAKE_TORCH)
    file = tmp_path / "program.py"
    file.write_text(
        f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(tmp_path / 'real')!r}]\n" + textwrap.dedent(program)
    )
    done = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.smoke
def test_one_module_under_both_names(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
        import torchlike
        torchlike.install()
        torchlike.install()  # a second call changes nothing
        assert "torch" not in sys.modules
        import torch
        import torch.nn as nn
        import torch.nn.functional as F
        from torch.nn.modules.linear import Linear
        from torch.optim import lr_scheduler
        from torch.utils.data import DataLoader
        import torch.optim.lr_scheduler as also
        assert torch is torchlike and sys.modules["torch"] is sys.modules["torchlike"]
        assert nn is torchlike.nn is torch.nn and sys.modules["torch.nn"] is nn
        assert F is torchlike.nn.functional and Linear is nn.Linear and also is lr_scheduler
        assert torch.__spec__.name == "torchlike" and nn.__spec__.name == nn.__name__ == "torchlike.nn"
        for name, module in sys.modules.items():
            if name.split(".")[0] == "torch":
                assert module is sys.modules["torchlike" + name[5:]], name
        """,
    )


def test_probing(tmp_path: Path) -> None:
    """What libraries do to find out about torch answers, and nothing escapes them."""
    run(
        tmp_path,
        """
        import importlib, importlib.metadata, importlib.util, inspect, pickle, pkgutil
        from unittest import mock
        import torchlike
        torchlike.install()
        assert importlib.util.find_spec("torch") is not None
        assert importlib.util.find_spec("torch.nn") is not None
        assert importlib.util.find_spec("torch.no_such_module") is None
        import torch
        assert importlib.metadata.version("torch") == "2.13.0"
        assert "torch" in {d.metadata["Name"] for d in importlib.metadata.distributions()}
        assert importlib.util.find_spec("torch") is not None
        assert not hasattr(torch, "no_such_name") and not hasattr(torch.nn, "NoSuchLayer")
        assert getattr(torch, "no_such_name", 5) == 5
        for text in ("import torch.no_such", "from torch import no_such", "from torch.nn import NoSuch"):
            try:
                exec(text)
            except ImportError:
                continue
            raise AssertionError(text)
        assert pickle.loads(pickle.dumps(torch.nn.Linear)) is torch.nn.Linear
        assert pickle.loads(b"ctorch.nn\\nLinear\\n.") is torch.nn.Linear
        assert "class Linear" in inspect.getsource(torch.nn.Linear)
        assert inspect.getmodule(torch.nn.Linear) is sys.modules["torch.nn.modules.linear"]
        assert pkgutil.resolve_name("torch.nn.functional:relu") is torch.nn.functional.relu
        with mock.patch("torch.nn.functional.relu", return_value=7):
            assert torchlike.nn.functional.relu(1) == 7
        assert importlib.reload(torch.version) is torchlike.version
        """,
    )


def test_missing_names_have_hints() -> None:
    import torchlike as torch

    with pytest.raises(
        AttributeError, match=r"module 'torchlike' has no attribute 'sofmax' .*nearest: softmax"
    ):
        torch.sofmax  # noqa: B018
    with pytest.raises(AttributeError, match=r"torchlike has no nn\.Liner; nearest: nn\.Linear"):
        torch.nn.Liner  # noqa: B018
    with pytest.raises(AttributeError, match="has no attribute 'qqqqqqq'"):
        torch.nn.functional.qqqqqqq  # noqa: B018


def test_uninstall_gives_the_name_back(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
        import importlib.metadata
        import torchlike
        with torchlike.installed():
            with torchlike.installed():
                import torch
                import torch.nn
                held = torch
            assert sys.modules["torch"] is torchlike  # the inner block had not installed it
        assert not [n for n in sys.modules if n.split(".")[0] == "torch"]
        import torch
        assert torch.REAL and held is torchlike
        try:
            torchlike.install()
        except RuntimeError as e:
            assert "already imported" in str(e) and "python -m torchlike" in str(e), e
        else:
            raise AssertionError("no error")
        assert not torchlike.alias.is_installed()
        """,
        real=True,
    )


def test_real_torch_is_left_alone_unless_asked(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
        import torchlike
        import torch
        assert torch.REAL
        """,
        real=True,
    )
    (tmp_path / "second").mkdir()
    run(
        tmp_path / "second",
        """
        import torchlike
        torchlike.install()
        import torch
        assert torch is torchlike
        """,
        real=True,
    )


SPAWN = """
import multiprocessing, sys

import torch


def work(x):
    return x * 2, torch.__version__, __name__


if __name__ == "__main__":
    for method in ("spawn", "forkserver"):
        with multiprocessing.get_context(method).Pool(1) as pool:
            print(pool.map(work, [1, 2]))
"""


def test_children_have_the_alias(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(SPAWN)
    done = subprocess.run(
        [sys.executable, "-m", "torchlike", str(tmp_path / "program.py")],
        capture_output=True, text=True, timeout=300, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    from torchlike.version import __version__

    assert done.stdout.splitlines() == [str([(x, __version__, "__mp_main__") for x in (2, 4)])] * 2
