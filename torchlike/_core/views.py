"""ViewOp: rows whose results share memory with their input, and chains of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .autograd import taped
from .errors import MSG_INFERENCE_VIEW, MSG_NO_GRAD_VIEW, ManyViews
from .geometry import geometry
from .graph import SCALAR, Aval, Call, Value, make_call, record, reordered
from .layouts import order_of, strides_of
from .modes import local
from .overrides import PLAIN
from .params import OMITTED, SCALAR_
from .program import lowering_for
from .row import EXACT, Op
from .storage import Storage
from .tensor import Lens, Tensor

_new = object.__new__
FIRST = ManyViews(0)


class ViewOp(Op):
    """A row whose result shares memory with its input.

    `put(base, new, *args)` is the JAX function that writes `new` where the view
    looks. `geometry(shape, strides, offset, *args)` is the same for strides, on
    the host; it raises RuntimeError where no view exists. `numpy(array, *args)` is
    the view of NumPy memory, needed where the dtype changes. `repeats`: it may show an element more than once.
    """

    casts_scalars = False
    part: ViewOp  # the row `as_strided` of memory of which only what another view shows is known

    def __init__(self, fn: Callable, name: str, *, put: Callable | None = None, geometry: Callable | None = None,
                 numpy: Callable | None = None, repeats: bool = False, **kw: Any):  # fmt: skip
        super().__init__(fn, name, **kw)
        self.put = put
        self.repeats = repeats
        self.geometry = geometry
        self.numpy = numpy
        self.looks_at_numpy = numpy is not None or geometry is not None
        self.rest_kinds = self.kinds[1:]

    def apply(self, args: tuple[Any, ...]) -> Any:
        """A view of the first argument."""
        x = args[0]
        if x._lens is not None and x._seen != x._storage.version and local.ctx.grad:
            x._read()  # learns of the history that its base got meanwhile
        t = _new(Tensor)
        node = None
        call = None if x._req and local.ctx.grad or type(x) not in PLAIN else self._known(x, args)
        s = t._storage = x._storage
        if call is None:
            call, outs, node = self._record(args)
            t._value, t._seen = None if s.host is not None else outs[0], s.version
        else:
            t._seen = s.version if x._lens is None else x._seen  # its value is read when somebody looks
        t._shown = call.outs[0]
        rest = args[1:]
        for a in rest:
            if type(a) in PLAIN or type(a) is list:
                rest = self._normalise(args)[1:]
                break
        lens = Lens(self, rest)
        t._lens = (lens,) if x._lens is None else (*x._lens, lens)
        t._base = x if x._base is None else x._base
        if node is not None:
            t._node, t._req = node, True
        if not local.ctx.grad:  # as in PyTorch: not to be written with history
            t._trait = MSG_INFERENCE_VIEW if local.ctx.inference else MSG_NO_GRAD_VIEW
            if x._req:  # a leaf of its own
                t._base, t._req, t._lost = None, True, True
        elif x._trait is not None:
            t._trait = FIRST if type(x._trait) is ManyViews else x._trait
        if x._counter is not None:
            t._counter = x._counter
        t._inference = x._inference
        return t

    def _make(self, key: tuple[Any, ...], args: tuple[Any, ...], values: list[Value], cast: Any) -> Call:
        call = super()._make(key, args, values, cast)
        call.outs = (_seen(call.outs[0], values[0].aval, (Lens(self, args[1:]),)),)
        return call

    def _known(self, x: Tensor, args: tuple[Any, ...]) -> Call | None:
        """The call of this view if it has been made before."""
        key: list[Any] = [None, x._aval]
        for a, kind in zip(args[1:], self.kinds[1:]):
            c = type(a)
            key.append(SCALAR.get(c, a) if kind == SCALAR_ else a if c in EXACT else (c, a))
        try:
            return self.calls.get(tuple(key))
        except TypeError:
            return None

    def look(self, value: Value, edge: Any, args: tuple[Any, ...]) -> tuple[Value, Any]:
        """The view of a Value, with history if `edge` is given."""
        stand_in = _new(Tensor)
        stand_in._storage = Storage(value)
        if edge is not None:
            stand_in._req = True
            if type(edge) is tuple:
                stand_in._node, stand_in._index = edge
            else:
                stand_in = edge if edge._lens is None else stand_in
        _, outs, node = self._record((stand_in, *args))
        return outs[0], None if node is None else (node, 0)

    def within(self, view: Tensor, base: Tensor) -> tuple[Lens, ...]:
        """The lenses through which a view looks at another view of the same memory, whatever lies between."""
        own, memory, dtype = view._lens, view._storage.value.aval, base.dtype
        assert own is not None
        last = len(own)
        if view.dtype is not dtype:
            last = max(i for i, lens in enumerate(own) if lens.op.numpy is not None)
        n = memory.size * memory.dtype.itemsize // dtype.itemsize
        return Lens(self.part, (*geometry(view, last), *geometry(base)[1:], n)), *own[last:]

    def lifted(self, args: tuple[Any, ...]) -> list[bool]:
        """Which arguments are lifted numbers."""
        return [k == SCALAR_ and type(a) in SCALAR for a, k in zip(args, self.kinds[1:])]

    def without(self, args: tuple[Any, ...], lifted: list[bool]) -> tuple[Any, ...]:
        """The static arguments."""
        return tuple([SCALAR[type(a)] if y else a for a, y in zip(args, lifted)])

    def filled(self, args: tuple[Any, ...], lifted: list[bool], numbers: Any) -> list[Any]:
        """Arguments for the lowering, lifted ones taken from `numbers`."""
        raw = self.raw_defaults[1:]
        return [
            next(numbers) if y else (raw[i] if a is OMITTED else a)
            for i, (a, y) in enumerate(zip(args, lifted))
        ]

    def put_array(self, base: Any, value: Any, args: list[Any]) -> Any:
        """`base` with `value` where the view looks, on arrays; a 0-d value fills the view."""
        if value.ndim == 0:
            looks = jax.eval_shape(lambda x: self.fn(x, *args), base)
            value = jnp.broadcast_to(value.astype(looks.dtype), looks.shape)
        if self.put is not None:
            return self.put(base, value, *args)
        index = self.fn(jnp.arange(base.size, dtype=jnp.int64).reshape(base.shape), *args)
        flat = base.reshape(-1).at[index.reshape(-1)].set(value.reshape(-1).astype(base.dtype))
        return flat.reshape(base.shape)

    def put_chain(self, base: Value, new: Value, lenses: tuple[Lens, ...]) -> Value:
        """One call that writes `new` through a whole chain of lenses (no tape)."""
        return record(*_chained(_puts, [base, new], lenses, _make_put_chain))[0]

    def put_taped(
        self, base: Value, new: Value, lenses: tuple[Lens, ...], base_edge: Any, new_edge: Any
    ) -> tuple[Value, Any]:
        """`put_chain` with history, which is one Node as in PyTorch."""
        call, operands = _chained(_puts, [base, new], lenses, _make_put_chain)
        edges = [base_edge, new_edge] + [None] * (len(operands) - 2)
        outs, node = taped(call, operands, edges, "CopySlices")
        if node is not None:
            node.once = True
        return outs[0], None if node is None else (node, 0)

    def look_chain(self, base: Value, lenses: tuple[Lens, ...]) -> Value:
        """One call that reads through a whole chain of lenses (no tape)."""
        return record(*_chained(_looks, [base], lenses, _make_look_chain))[0]

    def look_numpy(self, array: np.ndarray, args: tuple[Any, ...]) -> np.ndarray:
        """The view of NumPy memory."""
        if self.numpy is not None:
            return self.numpy(array, *self.plain(args))
        if self.geometry is None:
            raise RuntimeError(
                f"numpy(): a view made by {self.name}() cannot share NumPy memory; use .clone().numpy()"
            )
        n = array.itemsize
        if any(s % n for s in array.strides):
            raise RuntimeError(f"numpy(): cannot share this memory through {self.name}()")
        shape, strides, offset = self.geometry(
            array.shape, tuple(s // n for s in array.strides), 0, *self.plain(args)
        )
        flat = np.lib.stride_tricks.as_strided(array, (offset + 1,), (n,))[offset:]
        return np.lib.stride_tricks.as_strided(flat, tuple(shape), tuple(k * n for k in strides))

    def plain(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Arguments with omitted ones filled in."""
        return tuple(self.raw_defaults[i + 1] if a is OMITTED else a for i, a in enumerate(args))


def _seen(out: Aval, base: Aval, lenses: tuple[Lens, ...]) -> Aval:
    """A view's Aval with the order in which it shows its base's memory, which is what pointwise rows ask for.

    Avals do not know gaps (each would be another program), so an order is found step by step, as if every
    view had none; `geometry` tells a Tensor's exact strides.
    """
    shape, order = base.shape, base.order
    for lens in lenses:
        if lens.op.geometry is None:
            return out
        try:
            args = lens.op.plain(lens.args)
            shape, strides, _ = lens.op.geometry(shape, strides_of(shape, order), 0, *args)
        except RuntimeError:  # only a base with gaps has this view
            return out
        order = order_of(shape, strides)
    return reordered(out, order)


_puts: dict[Any, Call] = {}
_looks: dict[Any, Call] = {}


def _chained(
    calls: dict[Any, Call], operands: list[Value], lenses: tuple[Lens, ...], make: Callable
) -> tuple[Call, list[Value]]:
    """The call of a chain of lenses, made if it is new, and its operands."""
    key: list[Any] = [v.aval for v in operands]
    n = len(operands)
    for lens in lenses:
        row = lens.op
        key.append(row)
        for a, kind in zip(lens.args, row.rest_kinds):
            if kind == SCALAR_ and type(a) in SCALAR:
                v = Value(SCALAR[type(a)], a)
                operands.append(v)
                key.append(v.aval)
            else:
                key.append(a)
    found = tuple(key)
    call = calls.get(found)
    if call is None:
        call = calls[found] = make(lenses, tuple(key[:n]), tuple([v.aval for v in operands[n:]]))
    return call, operands


def _chain_parts(lenses: tuple[Lens, ...]) -> tuple[list[list[bool]], list[Any]]:
    flags = [lens.op.lifted(lens.args) for lens in lenses]
    return flags, [(lens.op.identity, lens.op.without(lens.args, f)) for lens, f in zip(lenses, flags)]


def _make_look_chain(lenses: tuple[Lens, ...], avals: tuple[Any, ...], scalars: tuple[Any, ...]) -> Call:
    flags, steps = _chain_parts(lenses)

    def call_fn(array: Any, *numbers: Any) -> tuple[Any, ...]:
        it = iter(numbers)
        for lens, f in zip(lenses, flags):
            array = lens.op.fn(array, *lens.op.filled(lens.args, f, it))
        return (array,)

    device = avals[0].device
    with lowering_for(device):
        call = make_call(
            lenses[-1].op.name, f"look|{steps}|{avals}|{scalars}", call_fn, (*avals, *scalars), device
        )
    call.outs = (_seen(call.outs[0], avals[0], lenses),)
    return call


def _make_put_chain(lenses: tuple[Lens, ...], avals: tuple[Any, ...], scalars: tuple[Any, ...]) -> Call:
    flags, steps = _chain_parts(lenses)

    def call_fn(array: Any, value: Any, *numbers: Any) -> tuple[Any, ...]:
        it = iter(numbers)
        args = [lens.op.filled(lens.args, f, it) for lens, f in zip(lenses, flags)]
        seen = [array]
        for lens, a in zip(lenses[: -1 if first is None else first], args):
            seen.append(lens.op.fn(seen[-1], *a))
        if first is not None:  # the last ones at once: each element shown is written once
            whole = seen.pop()
            index = jnp.arange(whole.size, dtype=jnp.int64).reshape(whole.shape)
            for lens, a in zip(lenses[first:], args[first:]):
                index = lens.op.fn(index, *a)
            value = jnp.broadcast_to(value.astype(whole.dtype), index.shape)
            value = whole.reshape(-1).at[index.reshape(-1)].set(value.reshape(-1)).reshape(whole.shape)
        for lens, old, a in zip(reversed(lenses[:first]), reversed(seen), reversed(args[:first])):
            value = lens.op.put_array(old, value, a)
        return (value,)

    # of lenses that may show an element twice, and keep to one dtype (the others have a NumPy view of their own)
    first = max([i + 1 for i, lens in enumerate(lenses) if lens.op.numpy is not None], default=0)
    if not any(lens.op.repeats for lens in lenses[first:]):
        first = None
    device = avals[0].device
    with lowering_for(device):
        call = make_call("put", f"put|{steps}|{avals}|{scalars}", call_fn, (*avals, *scalars), device)
    call.outs = avals[:1]
    return call
