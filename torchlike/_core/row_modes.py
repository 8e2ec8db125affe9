"""Modes that see each row that a thread records, and may replace its results.

While no thread has one, rows are recorded as if this file did not exist: the
first mode that is entered puts `_seen` before `Op._record`, the last one that
is left takes it away again.
"""

from __future__ import annotations

import threading
from typing import Any

from .graph import Call, Value
from .modes import local
from .params import OMITTED
from .row import Op
from .tensor import Tensor
from .views import ViewOp

_record = Op._record
_lock = threading.Lock()
_entered = 0  # modes of all threads


class RowMode:
    """A context manager whose `see` is called with each row that the thread records; views are not among them.

    Rows that `see` itself records are not seen. Modes nest; the innermost sees first.
    """

    def __enter__(self) -> Any:
        global _entered
        local.ctx.extra.setdefault("row_modes", []).append(self)
        with _lock:
            _entered += 1
            Op._record = _seen
        return self

    def __exit__(self, *_: Any) -> None:
        global _entered
        local.ctx.extra["row_modes"].pop()
        with _lock:
            _entered -= 1
            if not _entered:
                Op._record = _record

    def see(self, op: Op, args: tuple[Any, ...], outs: list[Value]) -> list[Value]:
        """The results that the row shall have: `outs`, or others of the same shapes and dtypes."""
        raise NotImplementedError


def _seen(self: Op, args: tuple[Any, ...], cast: Any = None) -> tuple[Call, list[Value], Any]:
    ctx = local.ctx
    extra = ctx.extra
    modes = extra.get("row_modes")
    if not modes or isinstance(self, ViewOp):
        return _record(self, args, cast)
    extra["row_modes"] = []
    watch, ctx.watch = ctx.watch, None  # who watches the tape may end the run: after the modes
    try:
        call, outs, node = _record(self, args, cast)
        for mode in reversed(modes):
            outs = mode.see(self, args, outs)
    finally:
        extra["row_modes"], ctx.watch = modes, watch
    if watch is not None and node is not None:
        watch(node)
    return call, outs, node


def arguments_of(op: Op, args: tuple[Any, ...]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A row's bound arguments as a user would pass them: those by position, and those by keyword."""
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for a, name, keyword, default in zip(args, op.params, op.keyword, op.raw_defaults):
        value = default if a is OMITTED else a
        if keyword:
            named[name] = value
        else:
            positional.append(value)
    return tuple(positional), named


def shown(outs: list[Value]) -> Any:
    """Results as a tensor without history, or a tuple of them."""
    made = tuple([Tensor._from_value(v) for v in outs])
    return made[0] if len(made) == 1 else made
