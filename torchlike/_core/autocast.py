"""Autocast inside the core: what a thread has switched on, and how an operator's arguments are cast.

`autocast_lists.py` says per device type which operator has which policy. `CASTING` is empty unless some
thread is inside autocast: `Op.apply` tests that and nothing else. Rows cast their bound arguments;
a composite `function()` on the lists casts its own and hides the device type from the rows it calls.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import Any

from . import dtypes
from .autocast_lists import ACCELERATED, LISTS, flat
from .dtypes import dtype
from .modes import local
from .overrides import PLAIN, overrides
from .tensor import Tensor

BFLOAT16_BY_DEFAULT = ("cpu", "xla", "tpu", "hpu", "maia")


class Autocast:
    """What one thread has set.

    Attributes:
        on: device types that are switched on.
        dtypes: the lower precision of a device type, where it was set.
        active: `(device type, lower precision)` of those whose operators are cast now, accelerators first.
        caching: whether casts of float32 leaves are kept; `cache` keeps them until the outermost region ends.
        nesting: regions on the stack.
    """

    __slots__ = ("on", "dtypes", "active", "caching", "cache", "nesting")

    def __init__(self) -> None:
        self.on: set[str] = set()
        self.dtypes: dict[str, dtype] = {}
        self.active: tuple[tuple[str, dtype], ...] = ()
        self.caching = True
        self.cache: dict[tuple[int, dtype], tuple[weakref.ref[Tensor], Tensor]] = {}
        self.nesting = 0

    def lower(self, kind: str) -> dtype:
        """The lower precision of a device type."""
        found = self.dtypes.get(kind)
        if found is None:
            return dtypes.bfloat16 if kind in BFLOAT16_BY_DEFAULT else dtypes.float16
        return found

    def refresh(self) -> None:
        """Works out `active` after a change, and tells the rows."""
        kinds = [k for k in (*ACCELERATED, "cpu") if k in self.on]
        self.active = tuple([(k, self.lower(k)) for k in kinds])
        listed = any(s is self for s in CASTING)
        if kinds and not listed:
            CASTING.append(self)
        elif listed and not kinds:
            CASTING.remove(self)


CASTING: list[Autocast] = []  # of the threads inside autocast


def state() -> Autocast:
    """This thread's settings."""
    found = local.ctx.autocast
    if found is None:
        found = local.ctx.autocast = Autocast()
    return found


def is_any_on() -> bool:
    """Whether this thread is inside autocast of any device type."""
    return local.ctx.autocast is not None and bool(local.ctx.autocast.on)


class Caster:
    """Casts tensors of one device type, for the policies of the lists."""

    __slots__ = ("state", "kind", "low")

    def __init__(self, state: Autocast, kind: str, low: dtype):
        self.state, self.kind, self.low = state, kind, low

    def here(self, x: Any) -> bool:
        """Whether x is a floating point tensor of the device type."""
        return isinstance(x, Tensor) and x.dtype.is_floating_point and x.device.type == self.kind

    def takes(self, x: Any) -> bool:
        """Whether x is cast at all: float64 never is."""
        return self.here(x) and x.dtype is not dtypes.float64

    def to(self, x: Any, want: dtype) -> Any:
        """x in the dtype if it is to be cast; tensors in lists and tuples too."""
        if isinstance(x, Tensor):
            return self._cast(x, want) if x.dtype is not want and self.takes(x) else x
        if x.__class__ is list or x.__class__ is tuple:
            return x.__class__([self.to(y, want) for y in x])
        return x

    def results(self, lowered: tuple[bool, ...], out: Any) -> Any:
        """An operator's results, each in the lower precision or in float32."""
        if not isinstance(out, tuple):
            return self.to(out, self.low if lowered[0] else dtypes.float32)
        return tuple([self.to(x, self.low if y else dtypes.float32) for x, y in zip(out, lowered)])

    def _cast(self, t: Tensor, want: dtype) -> Tensor:
        s = self.state
        leaf = t._req and t._node is None and t._lens is None
        if not (leaf and s.caching and want is self.low and t.dtype is dtypes.float32):
            return t.to(want)
        key = (id(t), want)
        found = s.cache.get(key)
        if found is None or found[0]() is not t or (local.ctx.grad and not found[1]._req):
            found = s.cache[key] = (weakref.ref(t), t.to(want))
        return found[1]


def cast(name: str, args: tuple[Any, ...], params: Any) -> tuple[tuple[Any, ...], Any]:
    """An operator's arguments as this thread's autocast wants them, and what its results become (or None)."""
    s = local.ctx.autocast
    after = None
    if s is None:
        return args, after
    for kind, low in s.active:
        policy = LISTS[kind].get(name)
        if policy is None:
            continue
        tensors = [x for x in flat(args) if isinstance(x, Tensor)]
        if any(x.__class__ not in PLAIN and overrides(x) for x in tensors):
            return args, None  # `__torch_function__` comes first, and calls again
        if any(x.device.type == kind for x in tensors):
            caster = Caster(s, kind, low)
            args = policy.arguments(caster, args, params)
            results = policy.results(args)
            if results:
                after = functools.partial(caster.results, results)
    return args, after


def uncast(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """`fn(*args, **kwargs)` outside autocast."""
    s = local.ctx.autocast
    if s is None or not s.active:
        return fn(*args, **kwargs)
    active, s.active = s.active, ()
    try:
        return fn(*args, **kwargs)
    finally:
        s.active = active


def as_operator(fn: Callable[..., Any], name: str) -> Callable[..., Any]:
    """A composite function that autocast sees as one operator, if a list names it; else `fn` itself."""
    if not any(name in table for table in LISTS.values()):
        return fn

    @functools.wraps(fn)
    def seen(*args: Any, **kwargs: Any) -> Any:
        return within(args, kwargs) if CASTING else fn(*args, **kwargs)

    def within(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        s = local.ctx.autocast
        if s is None or kwargs.get("out") is not None:
            return fn(*args, **kwargs)
        n, active = len(args), s.active
        given, after = cast(name, (*args, *kwargs.values()), [None] * n + list(kwargs))
        s.active = tuple([a for a in active if name not in LISTS[a[0]]])
        try:
            out = fn(*given[:n], **dict(zip(kwargs, given[n:])))
        finally:
            s.active = active
        return out if after is None else after(out)

    return seen
