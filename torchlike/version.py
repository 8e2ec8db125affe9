"""`torch.version`: which PyTorch this package speaks, and on what it runs.

`torchlike` is this package's own version; `__version__` is the PyTorch release whose
behaviour it follows, in a form that version parsers accept.
"""

from __future__ import annotations

import functools
import re
from typing import Any

torchlike = "0.1.0"
reference = "2.13.0"
debug = False
git_version = "unknown"
hip = None
rocm = None
xpu = None

__all__ = ["__version__", "cuda", "debug", "git_version", "hip", "rocm", "xpu", "TorchVersion"]  # noqa: F822 - cuda: see below

_PARTS = re.compile(
    r"v?(?:(?P<epoch>\d+)!)?(?P<release>\d+(?:\.\d+)*)"
    r"(?:[-_.]?(?P<pre>a|b|c|rc|alpha|beta|pre|preview)[-_.]?(?P<pre_n>\d*))?"
    r"(?:-(?P<post_short>\d+)|[-_.]?(?P<post>post|rev|r)[-_.]?(?P<post_n>\d*))?"
    r"(?:[-_.]?(?P<dev>dev)[-_.]?(?P<dev_n>\d*))?(?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?",
    re.IGNORECASE,
)
_PRE = {"a": 0, "alpha": 0, "b": 1, "beta": 1, "c": 2, "rc": 2, "pre": 2, "preview": 2}


def _number(text: str | None) -> int:
    return int(text or 0)


@functools.cache
def _key(text: str) -> tuple[Any, ...] | None:
    """Sort key of a version string in the order of PEP 440; None if it is not one."""
    m = _PARTS.fullmatch(text.strip())
    if m is None:
        return None
    release = [int(n) for n in m["release"].split(".")]
    while release and release[-1] == 0:
        release.pop()
    post: tuple[int, int] = (0, 0)
    if m["post_short"] or m["post"]:
        post = (1, _number(m["post_short"] or m["post_n"]))
    # A release ranks after its pre-releases; a bare dev release ranks before them.
    if m["pre"]:
        pre = (_PRE[m["pre"].lower()], _number(m["pre_n"]))
    else:
        pre = (-1, 0) if m["dev"] and not post[0] else (3, 0)
    dev = (0, _number(m["dev_n"])) if m["dev"] else (1, 0)
    # In a local version, text ranks before numbers, and nothing before both.
    parts = re.split(r"[-_.]", m["local"].lower()) if m["local"] else []
    local = tuple((1, int(p), "") if p.isdigit() else (0, 0, p) for p in parts)
    return (_number(m["epoch"]), tuple(release), pre, post, dev, local)


class TorchVersion(str):
    """A version string that compares as a version with strings and tuples.

    >>> TorchVersion("2.13.0+torchlike") >= (2, 9), TorchVersion("2.13.0") > "2.9.1"
    (True, True)

    Text that is no version compares as text does.
    """

    __slots__ = ()

    def _compare(self, other: Any, method: str) -> Any:
        text = other
        if isinstance(other, (tuple, list)):
            text = ".".join(str(part) for part in other)
        elif not isinstance(other, str):
            text = str(other)  # packaging's Version, or a number
        mine, theirs = _key(str(self)), _key(text)
        if mine is None or theirs is None:
            return getattr(str, method)(self, text)
        return getattr(mine, method)(theirs)

    def __lt__(self, other: Any) -> bool:
        return self._compare(other, "__lt__")

    def __le__(self, other: Any) -> bool:
        return self._compare(other, "__le__")

    def __gt__(self, other: Any) -> bool:
        return self._compare(other, "__gt__")

    def __ge__(self, other: Any) -> bool:
        return self._compare(other, "__ge__")

    def __eq__(self, other: object) -> bool:
        return self._compare(other, "__eq__")

    def __ne__(self, other: object) -> bool:
        return self._compare(other, "__ne__")

    __hash__ = str.__hash__


__version__ = TorchVersion(f"{reference}+torchlike")


def __getattr__(name: str) -> Any:
    if name == "cuda":  # asked late: it starts JAX's back end
        from ._core.devices import accelerators

        client = next((d.client for d in accelerators() if d.platform == "gpu"), None)
        digits = re.search(r"cuda\s+(\d+)", getattr(client, "platform_version", ""))
        return f"{int(digits[1]) // 1000}.{int(digits[1]) // 10 % 100}" if digits else None
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
