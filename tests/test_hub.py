"""`torch.hub` with folders and `file:` addresses; nothing is fetched from outside."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

import torchlike as torch
from torchlike import hub

HUBCONF = '''
dependencies = ["math"]
from helper import scale

def layer(width, bias=True):
    """A linear layer."""
    from torchlike import nn
    return nn.Linear(width, scale, bias=bias)
'''


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "hubconf.py").write_text(HUBCONF)
    (tmp_path / "helper.py").write_text("scale = 3\n")
    return tmp_path


def test_local_repository(repository: Path) -> None:
    layer = hub.load(str(repository), "layer", 2, source="local", bias=False)
    assert layer.weight.shape == (3, 2) and layer.bias is None
    assert "layer" in hub.list(str(repository), source="local")
    assert hub.help(str(repository), "layer", source="local") == "A linear layer."
    with pytest.raises(RuntimeError, match="Cannot find callable other in hubconf"):
        hub.load(str(repository), "other", source="local")
    with pytest.raises(ValueError, match="Unknown source"):
        hub.load(str(repository), "layer", source="elsewhere")


def test_missing_dependency(repository: Path) -> None:
    (repository / "hubconf.py").write_text("dependencies = ['no_such_package']\ndef f(): pass\n")
    with pytest.raises(RuntimeError, match="Missing dependencies: no_such_package"):
        hub.load(str(repository), "f", source="local")


def test_state_dict_from_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save({"weight": torch.arange(3.0)}, tmp_path / "weights.pth")
    digest = hashlib.sha256((tmp_path / "weights.pth").read_bytes()).hexdigest()
    source = tmp_path / f"weights-{digest[:8]}.pth"
    (tmp_path / "weights.pth").rename(source)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    assert hub.get_dir() == str(tmp_path / "home" / "hub")

    loaded = hub.load_state_dict_from_url(source.as_uri(), check_hash=True, progress=False)
    assert loaded["weight"].tolist() == [0, 1, 2]
    kept = tmp_path / "home" / "hub" / "checkpoints" / source.name
    assert kept.exists()
    source.unlink()  # the second time, the file that is there is used
    assert hub.load_state_dict_from_url(source.as_uri(), progress=False)["weight"].tolist() == [0, 1, 2]

    with pytest.raises(RuntimeError, match=r'invalid hash value \(expected "00", got'):
        hub.download_url_to_file(kept.as_uri(), str(tmp_path / "copy"), hash_prefix="00", progress=False)
    assert not (tmp_path / "copy").exists() and not list(tmp_path.glob("*.part"))
