"""Views in place: `t_`, `transpose_`, `squeeze_`, ...: the tensor becomes a view of what it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._core.node_names import INPLACE, renamed
from .._core.publish import function
from .._core.registry import check_inplace
from .._core.tensor import Tensor
from . import view as views

_PLACE = ("_lens", "_value", "_seen", "_shown")
_HISTORY = ("_node", "_index", "_req")


def become(self: Tensor, look: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
    """Makes `self` what `look(self, ...)` is: the same memory seen otherwise, with that history.

    Raises:
        RuntimeError: `self` is a leaf that requires grad.
        Whatever `look` raises; `self` is as it was then.
    """
    check_inplace(self)
    whole = self
    if self._lens is None:
        whole = object.__new__(Tensor)
        whole._storage, whole._inference = self._storage, self._inference
        if self._node is not None:
            whole._node, whole._index, whole._req = self._node, self._index, self._req
    seen = look(whole, *args, **kwargs)
    seen._read()
    if seen._node is not None:
        name = str(seen._node._name)
        renamed(seen, INPLACE.get(name, name))
    for place in (*_PLACE, *_HISTORY) if seen._node is not None else _PLACE:
        setattr(self, place, getattr(seen, place))
    self._touch()
    self._seen = self._storage.version if self._trait is None else -1
    return self


def _publish(name: str, look: Callable[..., Tensor]) -> None:
    def inplace(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return become(self, look, *args, **kwargs)

    inplace.__name__ = inplace.__qualname__ = name
    inplace.__doc__ = f"In-place version of `{name[:-1]}`: same memory, seen otherwise."
    function(spaces=("Tensor",), name=name)(inplace)


for _name, _look in (
    ("t_", views.t), ("transpose_", views.transpose), ("swapaxes_", views.transpose), ("swapdims_", views.transpose),
    ("squeeze_", views.squeeze), ("unsqueeze_", views.unsqueeze), ("as_strided_", views.as_strided),
):  # fmt: skip
    _publish(_name, _look)
