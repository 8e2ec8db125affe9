"""`torch.hub`: models and weights from a folder, a GitHub repository or an address.

Downloads are kept under `$TORCH_HOME` (default `$XDG_CACHE_HOME/torch`, `~/.cache/torch`), where
PyTorch keeps its own. Code loaded by `load` runs as it is: `import torch` in it gives torchlike
where the alias is installed (`python -m torchlike`, or `torchlike.install()`).
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlparse
from urllib.request import Request, urlopen

from . import serialization
from ._core.names import missing as _missing

__all__ = ["download_url_to_file", "get_dir", "help", "list", "load", "load_state_dict_from_url", "set_dir"]

HASH_REGEX = re.compile(r"-([a-f0-9]*)\.")
READ_DATA_CHUNK = 1 << 17
_hub_dir: dict[str, str] = {}


def _get_torch_home() -> str:
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return os.path.expanduser(os.environ.get("TORCH_HOME", os.path.join(cache, "torch")))


def get_dir() -> str:
    """Where downloads are kept: what `set_dir` set, else `$TORCH_HOME/hub`."""
    return _hub_dir.get("dir") or os.path.join(_get_torch_home(), "hub")


def set_dir(d: str | os.PathLike[str]) -> None:
    """Sets where downloads are kept."""
    _hub_dir["dir"] = os.path.expanduser(d)


def download_url_to_file(url: str, dst: str, hash_prefix: str | None = None, progress: bool = True) -> None:
    """Downloads `url` into the file `dst`, which appears only when complete.

    Args:
        hash_prefix: how the SHA-256 sum of the file must begin.
        progress: print the number of bytes at the end, to standard error.

    Raises:
        RuntimeError: the sum is another.
        urllib.error.URLError: the address does not answer.
    """
    target = Path(dst).expanduser()
    digest, size = hashlib.sha256(), 0
    with tempfile.NamedTemporaryFile(dir=target.parent, suffix=".part", delete=False) as file:
        try:
            with urlopen(Request(url, headers={"User-Agent": "torchlike.hub"})) as response:
                while chunk := response.read(READ_DATA_CHUNK):
                    digest.update(chunk)
                    size += len(chunk)
                    file.write(chunk)
            file.close()
            got = digest.hexdigest()
            if hash_prefix and not got.startswith(hash_prefix):
                raise RuntimeError(f'invalid hash value (expected "{hash_prefix}", got "{got}")')
            shutil.move(file.name, target)
        finally:
            Path(file.name).unlink(missing_ok=True)
    if progress:
        print(f"{url}: {size:,} bytes", file=sys.stderr)


def load_state_dict_from_url(
    url: str,
    model_dir: str | None = None,
    map_location: Any = None,
    progress: bool = True,
    check_hash: bool = False,
    file_name: str | None = None,
    weights_only: bool = False,
) -> dict[str, Any]:
    """The object saved at `url`, which is downloaded unless the file is there already.

    Args:
        model_dir: folder of the file; default `get_dir() + "/checkpoints"`.
        map_location, weights_only: as for `torch.load`.
        check_hash: the part of the file name after the last `-` begins its SHA-256 sum.
        file_name: name of the file; default the address's own.
    """
    folder = Path(model_dir or os.path.join(get_dir(), "checkpoints"))
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / (file_name or os.path.basename(urlparse(url).path))
    if not target.exists():
        print(f'Downloading: "{url}" to {target}\n', file=sys.stderr)
        found = HASH_REGEX.search(target.name) if check_hash else None
        download_url_to_file(url, str(target), found[1] if found else None, progress)
    return serialization.load(str(target), map_location=map_location, weights_only=weights_only)


def _repository(repo: str, force_reload: bool, verbose: bool) -> str:
    """The folder of a GitHub repository given as `owner/name[:ref]`, downloaded unless it is there."""
    match = re.fullmatch(r"([\w.-]+)/([\w.-]+?)(?::(.+))?", repo)
    if match is None:
        raise ValueError(f"expected a repository as owner/name or owner/name:ref, got {repo!r}")
    owner, name, ref = match[1], match[2], match[3] or "HEAD"
    target = Path(get_dir()) / f"{owner}_{name}_{match[3] or 'main'}".replace("/", "_")
    if target.exists() and not force_reload:
        if verbose:
            print(f"Using cache found in {target}", file=sys.stderr)
        return str(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        archive = os.path.join(folder, "archive.zip")
        download_url_to_file(f"https://github.com/{owner}/{name}/zipball/{ref}", archive, progress=False)
        with zipfile.ZipFile(archive) as files:
            root = files.infolist()[0].filename.split("/")[0]
            files.extractall(folder)
        if target.exists():
            shutil.rmtree(target)
        shutil.move(os.path.join(folder, root), target)
    return str(target)


@contextlib.contextmanager
def _hubconf(repo_or_dir: Any, source: str, force_reload: bool, verbose: bool) -> Iterator[ModuleType]:
    """The repository's `hubconf.py`, imported with its folder on `sys.path`."""
    if source.lower() not in ("github", "local"):
        raise ValueError(f'Unknown source: "{source}". Allowed values: "github" | "local".')
    local = source.lower() == "local"
    folder = os.fspath(repo_or_dir) if local else _repository(str(repo_or_dir), force_reload, verbose)
    spec = importlib.util.spec_from_file_location("hubconf", os.path.join(folder, "hubconf.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
        absent = [d for d in getattr(module, "dependencies", ()) if importlib.util.find_spec(d) is None]
        if absent:
            raise RuntimeError(f"Missing dependencies: {', '.join(absent)}")
        yield module
    finally:
        sys.path.remove(folder)


def _entry(module: ModuleType, name: str) -> Any:
    entry = getattr(module, name, None)
    if not callable(entry):
        raise RuntimeError(f"Cannot find callable {name} in hubconf")
    return entry


def load(
    repo_or_dir: Any,
    model: str,
    *args: Any,
    source: str = "github",
    trust_repo: Any = "check",
    force_reload: bool = False,
    verbose: bool = True,
    skip_validation: bool = False,
    **kwargs: Any,
) -> Any:
    """What the entry point `model` of a repository's `hubconf.py` returns for `*args, **kwargs`.

    Args:
        repo_or_dir: `owner/name[:ref]` on GitHub, or with `source="local"` a folder.
        trust_repo: False asks on the terminal before code is downloaded and run.

    Raises:
        RuntimeError: there is no such entry point, a dependency is missing, or the user said no.
    """
    if source.lower() == "github" and trust_repo is False:
        answer = input(f"The repository {repo_or_dir} will be downloaded and its code run. Go on? [y/N] ")
        if answer.lower() not in ("y", "yes"):
            raise RuntimeError("Untrusted repository.")
    with _hubconf(repo_or_dir, source, force_reload, verbose) as module:
        return _entry(module, model)(*args, **kwargs)


def list(
    github: Any,
    force_reload: bool = False,
    skip_validation: bool = False,
    trust_repo: Any = "check",
    verbose: bool = True,
    source: str = "github",
) -> Any:
    """Names of the entry points of a repository's `hubconf.py`."""
    with _hubconf(github, source, force_reload, verbose) as module:
        return [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]


def help(
    github: Any,
    model: str,
    force_reload: bool = False,
    skip_validation: bool = False,
    trust_repo: Any = "check",
    verbose: bool = True,
    source: str = "github",
) -> str | None:
    """The documentation of an entry point."""
    with _hubconf(github, source, force_reload, verbose) as module:
        return _entry(module, model).__doc__


__getattr__ = _missing(__name__)
