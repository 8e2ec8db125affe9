"""Files from the network, with their checksums, and archives."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import tarfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Sequence

_MSG_OFFLINE = "Error downloading {name}:\n{tries}\nWithout a network, put the file there yourself: {path}"
_TIMEOUT = 30.0


def md5_of(path: str) -> str:
    """The MD5 sum of a file, as 32 hexadecimal digits."""
    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def download(urls: Sequence[str], folder: str, name: str, md5: str | None = None) -> str:
    """Loads a file into `folder` from the first URL that answers; a file that is there is used as it is.

    Returns:
        Its path.

    Raises:
        RuntimeError: no URL answers, or what came has another checksum.
    """
    path = os.path.join(folder, name)
    if os.path.isfile(path):
        return path
    os.makedirs(folder, exist_ok=True)
    part = f"{path}.{os.getpid()}.part"
    tries = []
    for url in urls:
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer, open(part, "wb") as file:
                shutil.copyfileobj(answer, file)
            if md5 is not None and md5_of(part) != md5:
                raise RuntimeError(
                    f"{url}: the file is corrupted or not the expected one (MD5 {md5_of(part)})"
                )
            os.replace(part, path)
            return path
        except (urllib.error.URLError, OSError) as error:
            tries.append(f"Tried {url}, got:\n{error}")
        finally:
            if os.path.exists(part):
                os.remove(part)
    raise RuntimeError(_MSG_OFFLINE.format(name=name, tries="\n".join(tries), path=path))


def extract(path: str, folder: str) -> None:
    """Unpacks a `.tar.gz`, `.tgz`, `.tar`, `.zip` or `.gz` file into `folder`.

    Raises:
        RuntimeError: the name ends otherwise.
    """
    os.makedirs(folder, exist_ok=True)
    if path.endswith((".tar.gz", ".tgz", ".tar")):
        with tarfile.open(path) as archive:
            archive.extractall(folder, filter="data")
    elif path.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
    elif path.endswith(".gz"):
        target = os.path.join(folder, os.path.basename(path)[: -len(".gz")])
        with gzip.open(path, "rb") as packed, open(target + ".part", "wb") as file:
            shutil.copyfileobj(packed, file)
        os.replace(target + ".part", target)
    else:
        raise RuntimeError(f"Unknown archive type: {os.path.basename(path)}")
