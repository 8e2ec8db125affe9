"""Values, Calls and Traces: what is recorded and not yet run.

A `Value` is an immutable array or the promise of one. A `Call` is an interned
operator with everything that does not change from step to step (its static
arguments and the shapes of its operands). A `Trace` is the list of calls
recorded since the last barrier: `(call id, operand slots)` each.

Slots: results of the Trace are numbered from 0; a slot below 0 is an input,
`-1 - (k * GROUPS + group)` for the k-th of its group (see `Trace.adopt`).
"""

from __future__ import annotations

import itertools
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

import jax
import jax.core
import numpy as np

from . import devices, dtypes
from .layouts import Order, shortest
from .modes import local

ARRAY, FLOAT, INT, COMPLEX, KEY = range(5)
PACKS = ("", "floats", "ints", "complexes", "keys")  # of each group: the Trace's list
GROUPS = 8
SOFT_LIMIT = 4_000  # calls, or results of SOFT_BYTES: from then on the Trace ends where its loop begins again
SOFT_BYTES = 1 << 30
HARD_LIMIT = 20_000  # calls before a Trace is run wherever it stands


class Aval:
    """Shape, dtype and device of a Value; equal ones are one object.

    `order` is the order of the elements in memory as PyTorch would have it (see `layouts.py`).
    `group` is ARRAY for arrays; for a host scalar lifted to an input it is the
    pack (one host array per dtype) that carries it. `wanted` stands for the Aval
    of an operand that wants a gradient, in the keys of calls.
    """

    __slots__ = (
        "shape", "dtype", "device", "ndim", "size", "group", "order", "struct", "wanted", "__weakref__",
    )  # fmt: skip

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: dtypes.dtype,
        device: Any,
        group: int = ARRAY,
        order: Order = None,
    ):
        self.shape, self.dtype, self.device, self.group, self.order = shape, dtype, device, group, order
        self.ndim = len(shape)
        self.size = 1
        for n in shape:
            self.size *= n
        self.struct = jax.ShapeDtypeStruct(shape, dtype.jnp)
        self.wanted = object()

    def __repr__(self) -> str:
        text = f"{self.dtype.name}[{','.join(map(str, self.shape))}]@{self.device}"
        if self.order is not None:
            text += f"~{''.join(map(str, self.order))}"
        return text + (f"#{self.group}" if self.group else "")


_avals: dict[tuple[tuple[int, ...], dtypes.dtype, Any, Order], Aval] = {}


def aval(shape: tuple[int, ...], dtype: dtypes.dtype, device: Any = devices.CPU, order: Order = None) -> Aval:
    """The interned Aval of a plain array; an order must be the `shortest`."""
    key = (shape, dtype, device, order)
    found = _avals.get(key)
    if found is None:
        found = _avals.setdefault(key, Aval(tuple(int(n) for n in shape), dtype, device, order=order))
    return found


def reordered(a: Aval, order: Order) -> Aval:
    """The Aval with another order of the elements in memory."""
    order = shortest(a.shape, order)
    return a if order == a.order else aval(a.shape, a.dtype, a.device, order)


SCALAR = {
    float: Aval((), dtypes.float64, None, FLOAT),
    int: Aval((), dtypes.int64, None, INT),
    bool: Aval((), dtypes.bool_, None, INT),
    complex: Aval((), dtypes.complex128, None, COMPLEX),
}
KEY_AVAL = Aval((2,), dtypes.uint32, None, KEY)


class NoData:
    """Stands in `Value.arr` on the meta device."""


NO_DATA = NoData()


class Value:
    """An immutable array, or its promise.

    `arr` is the array (a `jax.Array`, a tracer inside JAX transformations, or
    the Python number of a lifted scalar), None while pending. `trace` and
    `slot` say where the Value stands in the Trace that last used it. `shared`:
    the buffer is visible to somebody else, so it is never donated.
    """

    __slots__ = ("aval", "arr", "trace", "slot", "shared")

    def __init__(self, aval: Aval, arr: Any = None, trace: Any = None, slot: int = -1, shared: bool = False):
        self.aval = aval  # one by one: a tuple of five would be made
        self.arr = arr
        self.trace = trace
        self.slot = slot
        self.shared = shared


def without_data(shape: tuple[int, ...], d: dtypes.dtype, order: Order = None) -> Value:
    """A Value on the meta device."""
    return Value(aval(shape, d, devices.META, order), NO_DATA)


DEAD: Any = object()  # stands in `Trace.vals` for a result that nobody can hold


class Traced(Exception):
    """An operand is a JAX tracer: the call must be applied at once."""


class Failed:
    """Stands in `Value.arr` for the result of a program that failed."""

    def __init__(self, error: BaseException):
        self.error = error


class Call:
    """An interned operator application: static arguments and operand avals fixed.

    `fn(*arrays) -> tuple of arrays` is pure JAX. `text` identifies the call
    across processes (None: it cannot be named, so it is not kept on disk).
    `guards` are the data-dependent errors it can report, in order.
    """

    __slots__ = (
        "id", "name", "text", "fn", "avals", "outs", "device", "guards", "derived", "extra", "weight",
    )  # fmt: skip

    def __init__(self, name: str, text: str | None, fn: Callable, avals: tuple[Aval, ...], outs: tuple[Aval, ...],
                 device: Any, guards: tuple[Any, ...] = ()):  # fmt: skip
        self.id = next(_call_ids)
        self.name, self.text, self.fn, self.avals, self.outs, self.device, self.guards = (
            name, text, fn, avals, outs, device, guards,
        )  # fmt: skip
        self.weight = max(1 / SOFT_LIMIT, sum(a.size * a.dtype.itemsize for a in outs) / SOFT_BYTES)
        self.derived: dict[Any, Any] = {}
        self.extra: Any = None
        CALLS[self.id] = self


_call_ids = itertools.count()
CALLS: dict[int, Call] = {}


def make_call(name: str, text: str | None, fn: Callable, avals: tuple[Aval, ...], device: Any = None) -> Call:
    """A Call for `fn` over operands of these avals; its result avals are inferred here, once.

    Raises:
        RuntimeError: operands live on several devices.
        Whatever `fn` raises for these shapes and dtypes.
    """
    from .checks import collecting

    device = device or common_device(avals)
    with jax.enable_x64(True), collecting() as found:
        shapes = jax.eval_shape(fn, *[a.struct for a in avals])
    outs = tuple(aval(o.shape, dtypes.from_jnp(o.dtype), device) for o in shapes)
    return Call(name, text, fn, avals, outs, device, tuple(g.kind for g in found))


def common_device(avals: tuple[Aval, ...]) -> Any:
    """The one device of these operands; 0-dim CPU tensors join any device."""
    found: Any = None
    for a in avals:
        d = a.device
        if d is None or d is found:
            continue
        if found is None or (
            found is devices.CPU and all(b.ndim == 0 for b in avals if b.device is devices.CPU)
        ):
            found = d
        elif not (d is devices.CPU and a.ndim == 0):
            from .errors import MSG_META, MSG_TWO_DEVICES

            if devices.META in (found, d):
                raise RuntimeError(MSG_META.format(d, found))
            raise RuntimeError(MSG_TWO_DEVICES.format(*sorted((str(found), str(d)), reverse=True)))
    return found or devices.CPU


CONCRETE: set[type] = set()  # classes of arrays that hold data


class Trace:
    """The calls of one thread and device recorded since the last barrier."""

    __slots__ = (
        "device", "owner", "nodes", "vals", "inputs", "floats", "ints", "complexes", "keys", "sites", "journal",
        "sealed", "entered", "tape", "leaves", "leaf_index", "planned", "left", "header", "repeats",
    )  # fmt: skip

    run: Callable[[Trace, str], None]  # the engine's barrier, set by engine.py
    eager = False

    def __init__(self, device: Any, owner: dict[Any, Trace]):
        self.device = device
        self.owner = owner  # the thread's pending Traces
        self.sealed = False  # a backward has been recorded
        self.entered = False  # an outermost module call has been recorded outside taping
        self.repeats = False  # the program before had run before: what comes now may be followed next time
        self._clear()

    def _clear(self) -> None:
        self.nodes: list[tuple[int, ...]] = []
        self.vals: list[Value | None] = []
        self.inputs: list[Value] = []
        self.floats: list[float] = []
        self.ints: list[int] = []
        self.complexes: list[complex] = []
        self.keys: list[Any] = []
        self.sites: list[tuple[tuple[Any, ...], Any]] = []
        self.journal: list[Any] = []  # (references to cells, what they had, versions): `storage.overwrite`
        self.tape: list[Any] = []  # shape of the autograd graph: per Node its needs, first slot and edges
        self.leaves: list[Any] = []
        self.leaf_index: dict[int, int] = {}
        self.left = 1.0  # of the soft limit
        self.header: int | None = None
        self.planned = True  # whether a backward may be taken from the plans (see autograd.py)

    def full_at(self, call_id: int) -> bool:
        """Whether a Trace beyond its soft limit ends before this call: where its first call, or the one
        that overflowed it, comes again, so that the pieces of a loop are equal."""
        if self.header is None:
            self.header = call_id
            return False
        return bool(self.nodes) and (
            call_id in (self.header, self.nodes[0][0]) or len(self.nodes) > HARD_LIMIT
        )

    def retire(self, repeats: bool = False) -> None:
        """Ends this Trace: the thread starts another; Values may still name this one, so it is emptied."""
        if self.owner.get(self.device) is self:
            t = self.owner[self.device] = begin(self.device, self.owner)
            t.repeats = repeats and not t.eager
        self._clear()

    def adopt(self, v: Value) -> int:
        """The slot of a Value that is no result of this Trace: it becomes an input."""
        a = v.aval
        group = a.group
        arr = v.arr
        if group:
            pack = (None, self.floats, self.ints, self.complexes, self.keys)[group]
            assert pack is not None
            slot = -1 - (len(pack) * GROUPS + group)
            pack.append(arr)
        else:
            if arr is None:
                v.trace.run(v.trace, "cross")
                arr = v.arr
            if a.device is not self.device:
                return self.adopt(to_device(v, self.device))
            if type(arr) not in CONCRETE:  # the tests below take .5 us
                if not isinstance(arr, jax.Array):
                    raise_failed(arr)
                elif isinstance(arr, jax.core.Tracer):
                    raise Traced
                CONCRETE.add(type(arr))
            slot = -1 - len(self.inputs) * GROUPS
            self.inputs.append(v)
        v.trace, v.slot = self, slot
        return slot


class MetaTrace(Trace):
    """The meta device's: a call's results have shapes and no data, at once."""

    __slots__ = ()
    eager = True

    def adopt(self, v: Value) -> int:
        """A slot that nobody reads."""
        return -1

    @staticmethod
    def run(t: Trace, kind: str) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Ends what is pending: its results are Values without data."""
        for v in t.vals:
            v.arr, v.trace = NO_DATA, None  # type: ignore[union-attr]
        t._clear()


class Sequence:
    """A list of tuples as one object, equal ones the same: what was recorded, as a key.

    A step that comes again is mostly made of the very tuples of the step before (see `follow.py`), which
    is found out much faster than their hash.
    """

    __slots__ = ("items", "__weakref__")

    def __init__(self, items: tuple[tuple[Any, ...], ...]):
        self.items = items


MAX_LATEST = 128
_sequences: weakref.WeakValueDictionary[Any, Sequence] = weakref.WeakValueDictionary()
_latest: dict[int, tuple[list[Any], Sequence]] = {}  # by length
_sequences_lock = threading.Lock()


def sequence(items: list[tuple[Any, ...]]) -> Sequence:
    """The Sequence of these items."""
    latest = _latest.get(len(items))
    if latest is not None and latest[0] == items:
        return latest[1]
    key = tuple(items)
    with _sequences_lock:
        found = _sequences.get(key)
        if found is None:
            found = _sequences[key] = Sequence(key)
        if len(_latest) >= MAX_LATEST:
            _latest.clear()
        _latest[len(items)] = items.copy(), found
    return found


def begin(device: Any, owner: dict[Any, Trace]) -> Trace:
    """An empty Trace for a device."""
    return (MetaTrace if device is devices.META else Trace)(device, owner)


def raise_failed(arr: Any) -> None:
    """Raises the error that kept a Value from being computed."""
    if isinstance(arr, Failed):
        raise RuntimeError(
            f"this tensor was the result of a computation that failed: {arr.error}"
        ) from arr.error
    raise TypeError(f"not an array: {type(arr).__name__}")


def to_device(v: Value, device: Any) -> Value:
    """A copy of a concrete Value on another device; the meta device takes any Value's shape."""
    if device is devices.META:
        return without_data(v.aval.shape, v.aval.dtype, v.aval.order)
    moved = jax.device_put(v.arr, devices.jax_device(device))
    return Value(aval(v.aval.shape, v.aval.dtype, device, v.aval.order), moved)


def current_trace(device: Any) -> Trace:
    """This thread's pending Trace for a device."""
    traces = local.ctx.traces
    t = traces.get(device)
    if t is None:
        t = traces[device] = begin(device, traces)
    return t


def record(call: Call, operands: list[Value]) -> list[Value]:
    """Appends one call to the pending Trace; returns its results, still pending."""
    traces = local.ctx.traces
    t = traces.get(call.device)
    if t is None:
        t = traces[call.device] = begin(call.device, traces)
    return record_in(t, call, operands)


def pending(t: Trace, avals: tuple[Aval, ...], slot: int) -> list[Value]:
    """The promises of a call's results, the first at `slot`; as `Value()`, which is a call more for each."""
    found = []
    for at, a in enumerate(avals, slot):
        v = _blank(Value)
        v.aval = a
        v.arr = None
        v.trace = t
        v.slot = at
        v.shared = False
        found.append(v)
    return found


_blank = object.__new__


def record_in(t: Trace, call: Call, operands: list[Value]) -> list[Value]:
    """`record`, for a caller who knows the pending Trace of the call's device."""
    left = t.left = t.left - call.weight
    if left < 0 and t.full_at(call.id):
        t.run(t, "budget")
        t = t.owner[call.device]
    try:
        node = (call.id, *[v.slot if v.trace is t else t.adopt(v) for v in operands])
    except Traced:
        return apply_now(call, operands)
    vals = t.vals
    slot = len(vals)
    outs = call.outs
    if len(outs) == 1:
        results = [Value(outs[0], None, t, slot)]
    else:
        results = pending(t, outs, slot)
    t.nodes.append(node)
    vals += results
    if call.guards:
        t.sites.append((call.guards, user_site()))
    if t.eager:
        t.run(t, "eager")
    return results


def adopt_all(device: Any, values: list[Value]) -> None:
    """`Trace.adopt` in bulk, ahead of a call with very many operands: those that are arrays at hand."""
    t = current_trace(device)
    inputs = t.inputs
    slot = -1 - len(inputs) * GROUPS
    for v in [v for v in values if v.trace is not t]:
        # that of a lifted number is no device; the same array may stand among them twice
        if v.aval.device is device and type(v.arr) in CONCRETE and v.trace is not t:
            inputs.append(v)
            v.trace = t
            v.slot = slot
            slot -= GROUPS


_arrangements: dict[Any, Call] = {}


def arranged(v: Value, order: Order) -> Value:
    """The same elements in another order in memory: recorded, and nothing to do for XLA."""
    target = reordered(v.aval, order)
    if target is v.aval:
        return v
    call = _arrangements.get((v.aval, target))
    if call is None:
        text = f"arrange|{v.aval}|{target}"
        call = Call("arrange", text, lambda x: (x,), (v.aval,), (target,), v.aval.device)
        _arrangements[v.aval, target] = call
    return record(call, [v])[0]


def apply_now(call: Call, operands: list[Value]) -> list[Value]:
    """Applies a call to arrays or tracers at once (inside JAX transformations)."""
    from .checks import collecting

    arrays = []
    for v in operands:
        if v.arr is None:
            v.trace.run(v.trace, "cross")
        arrays.append(v.arr if v.aval.group in (ARRAY, KEY) else np.asarray(v.arr, v.aval.dtype.jnp))
    with jax.enable_x64(True), collecting():
        outs = call.fn(*arrays)
    return [Value(a, o) for a, o in zip(call.outs, outs)]


def user_site() -> tuple[str, int]:
    """File and line of the innermost frame outside torchlike."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        own = _own_files.get(file)
        if own is None:
            own = _own_files[file] = file.startswith(PACKAGE)
        if not own:
            return file, frame.f_lineno
        frame = frame.f_back
    return "<unknown>", 0


PACKAGE = __file__.rsplit("_core", 1)[0]
_own_files: dict[str, bool] = {}
