"""Op: one row, from the user's arguments to a recorded call.

`Op._record` is the hot path; `Op._make` runs once per new signature.
"""

from __future__ import annotations

import collections
import traceback
from collections.abc import Callable
from typing import Any, get_args

import jax.numpy as jnp
import numpy as np

from . import dtypes, errors
from .autocast import CASTING, uncast
from .autocast import cast as autocast
from .autograd import NUMBERS_AS_TENSORS, refusing, tape, taping
from .dtypes import dtype
from .follow import Step, follow_here, forget, learn
from .graph import KEY_AVAL, SCALAR, Call, Value, common_device, make_call, record
from .modes import local
from .orders import as_operands
from .overrides import PLAIN, Overridden, as_plain, overrides
from .params import (
    ALWAYS_BOOL,
    ARRAY,
    ARRAYS,
    BOOL_TO_LONG,
    COMPLEX_TO_FLOAT,
    EMPTY,
    INT_TO_FLOAT,
    KEY_,
    NUMBER_TYPES,
    NUMPY_NAMES,
    OMITTED,
    OPERAND,
    SCALAR_,
    SCALAR_NAMES,
    STATIC,
    Float,
    Ints,
    cast_array,
    described,
    kind_of,
    number_of,
    parameters_of,
    static_of,
)  # fmt: skip
from .program import lowering_for
from .random import default_generator
from .storage import Storage
from .tensor import Tensor
from .vjp import is_differentiable

_HERE = __file__.rsplit("_core", 1)[0]
_new = object.__new__


_STRICT: dict[Any, tuple[type, ...]] = {
    bool: (bool,), bool | None: (bool,), int: (int,), int | None: (int,), float: (float, int, bool),
    float | None: (float, int, bool), str: (str,), str | None: (str,),
    Float: (float, int, bool), Float | None: (float, int, bool),
}  # fmt: skip # the classes that a static parameter or a real number takes, by its annotation
EXACT = {int, tuple, str, type(None), dtype}  # classes of static arguments that equal none of another class
_identities: dict[str, int] = {}  # rows of one name are told apart by their order


USED: Any = object()  # stands for a saved parameter that counts where the vjp uses it


def saving(saves: tuple[str, ...], params: list[str]) -> tuple[dict[int, Any], tuple[int, ...]]:
    """What a row's `saves` says: per parameter when it is saved (USED, or the parameters of which one must want
    a gradient, none of them if always), and which results are."""
    operands: dict[int, Any] = {}
    results = []
    for entry in saves:
        name, _, others = entry.partition("<")
        if name.startswith("result"):
            results.append(int(name.removeprefix("result") or 0))
        elif name.endswith("!"):
            operands[params.index(name[:-1])] = frozenset()
        else:
            operands[params.index(name)] = frozenset(others.split(",")) if others else USED
    return operands, tuple(results)


class Op:
    """One row: a JAX lowering with what PyTorch says about it."""

    cast_names = SCALAR_NAMES  # how an in-place call names the dtype that its result does not fit
    casts_scalars = True  # lifted numbers reach the lowering in the row's compute dtype

    def __init__(self, fn: Callable, name: str, *, promote: str | None, saves: tuple[str, ...], differentiable: bool,
                 residual: bool, returns: tuple[str, ...] | None, check: Callable | None, grad_name: str | None,
                 layout: Callable | None = None, in_full: bool = False, constants: tuple[str, ...] = (),
                 saves_when: Callable | None = None, by_result: Callable | None = None, check_taped: Callable | None = None):  # fmt: skip
        self.fn, self.name, self.promote, self.check = fn, name, promote, check
        self.constants, self.check_taped = constants, check_taped
        self.constant_results = [i for i, name in enumerate(returns or ()) if name in constants]
        self.layout = layout or (None if promote is None else as_operands)
        self.differentiable, self.residual = differentiable, residual
        if in_full:
            self.casts_scalars = False
        camel = "".join(p[:1].upper() + p[1:] for p in name.strip("_").split("_"))
        self.grad_name = grad_name or f"{camel}Backward0"
        self.calls: dict[tuple[Any, ...], Any] = {}  # Calls, and how they are taped
        self.steps: dict[Any, Step] = {}  # by what was appended to the Trace
        self.latest: dict[int, Step] = {}  # by the slot of the first result
        dtypes.on_default_change.append(self._forget)
        self.params, annotations, self.raw_defaults, self.keyword = parameters_of(fn)
        self.kinds = tuple([kind_of(a) for a in annotations])
        self.optional = tuple([type(None) in get_args(a) for a in annotations])
        self.wants = tuple([_STRICT.get(a) for a in annotations])  # of static parameters and real numbers
        self.spreads = any(a is Ints or a is tuple for a, k in zip(annotations, self.keyword) if not k)
        self.defaults: list[Any] = []
        for d, kind in zip(self.raw_defaults, self.kinds):
            if kind == KEY_:
                d = None
            elif d is not EMPTY and d is not None and kind in (SCALAR_, OPERAND):
                d = OMITTED
            self.defaults.append(d)
        positional = sum(not k for k in self.keyword)
        self.tails = {
            n: tuple(self.defaults[n:])
            for n in range(positional + 1)
            if all(d is not EMPTY for d in self.defaults[n:])
        }
        self.saved, self.saved_results = saving(saves, self.params)
        self.saves_when, self.by_result = saves_when, by_result
        self.result_class = result_class(name, returns) if returns else None
        self.has_key = KEY_ in self.kinds
        self.follows = not self.has_key and ARRAYS not in self.kinds
        # whether `apply` needs no more of a followed call than its result
        self.whole = (
            type(self)._record is Op._record and type(self).apply is Op.apply and not self.result_class
        )
        base = f"{fn.__module__}.{fn.__qualname__}/{name}"
        _identities[base] = _identities.get(base, 0) + 1
        self.identity = f"{base}/{_identities[base]}"

    def _forget(self) -> None:
        self.calls.clear()
        forget(self)

    # -- arguments

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """A full positional argument tuple; PyTorch's TypeErrors for what does not fit."""
        n = len(args)
        positional = sum(not k for k in self.keyword)
        bound = list(self.defaults)
        if n > positional:
            merged = self._varargs(args)
            if merged is None:
                takes = f"{positional} positional argument{'s' if positional != 1 else ''}"
                raise TypeError(f"{self.name}() takes {takes} but {n} were given")
            args, n = merged, len(merged)
        bound[:n] = args
        for k, v in kwargs.items():
            k = NUMPY_NAMES.get(k, k) if k not in self.params else k
            if k not in self.params:
                raise TypeError(f"{self.name}() got an unexpected keyword argument '{k}'")
            i = self.params.index(k)
            if i < n:
                raise TypeError(f"{self.name}() got multiple values for argument '{k}'")
            bound[i] = v
        missing = [p for p, b in zip(self.params, bound) if b is EMPTY]
        if missing:
            *most, last = [f"'{m}'" for m in missing]
            raise TypeError(
                f"{self.name}() missing {len(missing)} required positional argument{'s' if most else ''}: "
                + (f"{', '.join(most)}{',' if len(most) > 1 else ''} and {last}" if most else last)
            )
        return tuple(bound)

    def _varargs(self, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """`x.permute(0, 1)`, `x.view(2, 3)`: trailing ints as one tuple, where a row's last positional takes ints."""
        last = sum(not k for k in self.keyword) - 1
        if (
            last >= 0
            and self.spreads
            and self.kinds[last] == STATIC
            and all(isinstance(a, (int, np.integer, Tensor)) for a in args[last:])
        ):
            return (*args[:last], tuple(int(a) for a in args[last:]))
        return None

    # -- the hot path

    def _record(self, args: tuple[Any, ...], cast: Any = None) -> tuple[Call, list[Value], Any]:
        """Looks the call up (or makes it) and records it, taped where need be."""
        ctx = local.ctx
        step = ctx.step
        if step is not None:
            step = step.after  # it is likely to come next
            if step is not None and step.row is self and step.cast is cast and not step.whole:
                followed = step.follow(ctx, args)
                if followed is not None:
                    return followed
            followed = follow_here(ctx, self, args, cast, False) if self.latest else None
            if followed is not None:
                return followed
        values: list[Value] = []
        owners: list[Any] = []
        edges: list[Any] = []  # where the gradients of operands go
        key: list[Any] = [cast]
        grad = self.differentiable and ctx.grad
        late = False  # whether a view has history that it will be asked for now
        for a, kind in zip(args, self.kinds):
            c = type(a)
            if c in PLAIN:
                s = a._storage
                if a._lens is None and s.host is None:
                    v = s.value
                else:
                    v = a._read()
                    late = late or a._late
                values.append(v)
                owners.append(a)
                if grad and a._req:
                    node = a._node
                    edges.append(a if node is None else (node, a._index))
                    key.append(v.aval.wanted)
                else:
                    edges.append(None)
                    key.append(v.aval)
            elif kind == STATIC:
                key.append(a if c in EXACT else (c, a))  # 1 == True == 1.0
            elif kind == ARRAYS:
                try:
                    for t in a:
                        v = t._read()
                        values.append(v)
                        owners.append(t)
                        edges.append(t._edge() if grad and t._req else None)
                        key.append(v.aval if edges[-1] is None else v.aval.wanted)
                except Overridden:
                    raise
                except (AttributeError, TypeError):
                    self._bad_list(a, args)
                key.append(len(a))
            elif kind == KEY_:
                values.append(Value(KEY_AVAL, (a or default_generator).key()))
                owners.append(None)
                edges.append(None)
            elif a is OMITTED or a is None:
                key.append(a)
            elif c in SCALAR and kind != ARRAY:
                v = Value(SCALAR[c], a)
                values.append(v)
                owners.append(None)
                edges.append(None)
                key.append(v.aval)
            else:
                return self._record(self._normalise(args), cast)
        try:
            found: Any = self.calls.get(tuple(key))  # a Call, or how it is taped
        except TypeError:
            return self._record(self._normalise(args, hashable=True), cast)
        if found is None:
            normal = self._normalise(args)
            if normal is not args:
                return self._record(normal, cast)
            found = self._find(key, args, values, edges, cast)
        if type(found) is Call:
            outs = record(found, values)
            t = outs[0].trace
            if t is not None and t.repeats and self.follows:
                learn(ctx, self, args, cast, found, values, edges, outs)
            return found, outs, None
        if late:
            for a in owners:
                if a is not None:
                    a._late = False
        outs, node = tape(found, values, edges, self.grad_name)
        call = found.call
        if self.saved:
            self._note_saved(found, node, args, owners, cast)
        t = node.trace
        if t is not None and t.repeats and self.follows:
            learn(ctx, self, args, cast, found, values, edges, outs)
        return call, outs, node

    def _note_saved(self, found: Any, node: Any, args: tuple[Any, ...], owners: list[Any], cast: Any) -> None:
        """Notes the versions of the tensors that PyTorch saves for backward."""
        spots = found.spots
        if spots is None:
            spots = found.spots = self._spots(found, args, owners, cast)
        call, pin = found.call, node.trace
        versions = []
        for at in spots:
            t = owners[at]
            if t._inference:
                raise RuntimeError(errors.MSG_INFERENCE_SAVED)
            s = t._storage
            s.pinned = pin
            versions.append((s, s.version, call.avals[at].shape, t, at))
        # else numbers at most were saved, and nothing is to be freed
        if versions or call.name in NUMBERS_AS_TENSORS:
            node.versions = versions

    def _spots(self, found: Any, args: tuple[Any, ...], owners: list[Any], cast: Any) -> tuple[int, ...]:
        """The operands that are saved; an in-place call's own self is not among them."""
        when: Any = self.saves_when is None or self.saves_when(**dict(zip(self.params, args)))
        if not when:
            return ()
        origins = self._origins(args)
        wanted = {self.params[origins[i]] for i in found.wanted}

        def counts(at: int, i: int) -> bool:
            rule = self.saved.get(i)
            if rule is None or owners[at] is None or (i == 0 and cast is not None):
                return False
            if callable(when) and not when(self.params[i], at - origins.index(i), wanted):
                return False
            return (
                (at not in found.drop or len(origins) == 1)
                if rule is USED
                else not rule or bool(rule & wanted)
            )

        return tuple([at for at, i in enumerate(origins) if counts(at, i)])

    def _origins(self, args: tuple[Any, ...]) -> list[int]:
        """Per operand the parameter that it comes from."""
        origins = []
        for i, (a, kind) in enumerate(zip(args, self.kinds)):
            if kind == ARRAYS:
                origins += [i] * len(a)
            elif kind == KEY_ or (kind != STATIC and a is not None and a is not OMITTED):
                origins.append(i)
        return origins

    def apply(self, args: tuple[Any, ...]) -> Any:
        """Applies the row to fully bound arguments."""
        if CASTING:
            args, after = autocast(self.name, args, self.params)
            if after is not None:
                return after(uncast(self.apply, args))
        ctx = local.ctx
        step = ctx.step
        if step is not None:
            step = step.after  # it is likely to come next
            if step is not None and step.whole and step.row is self:
                followed = step.follow(ctx, args)
                if followed is not None:
                    return followed
            followed = follow_here(ctx, self, args, None, True) if self.whole and self.latest else None
            if followed is not None:
                return followed
        call, outs, node = self._record(args)
        if len(outs) == 1 and self.result_class is None:
            t = _new(Tensor)
            t._storage = Storage(outs[0])
            t._lens = None  # these as all Tensors have them, but faster to look up
            t._index = 0
            if node is not None:
                t._node = node
                t._req = True
                if self.saved_results:
                    note_result(node, t)
            elif ctx.inference:
                t._inference = True
            return t
        made = [wrap(v, node, i) for i, v in enumerate(outs)]
        if node is not None:
            for i in self.constant_results:
                made[i] = wrap(outs[i], None, i)
            for i in self.saved_results:
                note_result(node, made[i], i)
        return tuple(made) if self.result_class is None else self.result_class(made)

    # -- a signature seen for the first time

    def _find(
        self, key: list[Any], args: tuple[Any, ...], values: list[Value], edges: list[Any], cast: Any
    ) -> Any:
        """The call of a key, made if need be; where operands want gradients, how it is taped."""
        avals = {v.aval.wanted: v.aval for v in values}
        plain = tuple([avals.get(k, k) for k in key])
        call = self.calls.get(plain) or self._make(plain, args, values, cast)
        wanted = tuple([i for i, e in enumerate(edges) if e is not None])
        if wanted and (self.constants or self.check_taped is not None):
            names = [self.params[i] for i in self._origins(args)]
            wanted = tuple([i for i in wanted if names[i] not in self.constants])
            if self.check_taped is not None:
                self.check_taped({names[i] for i in wanted}, call.avals, dict(zip(self.params, args)))
        found = (taping(call, wanted, self.residual) if wanted else None) or call
        self.calls[tuple(key)] = found
        return found

    def _make(self, key: tuple[Any, ...], args: tuple[Any, ...], values: list[Value], cast: Any) -> Call:
        avals = tuple(v.aval for v in values)
        plan = self._plan(args)
        if self.check is not None:
            given = iter(avals)
            self.check(**{p: described(how, given, raw) for p, how, raw in zip(self.params, plan, self.raw_defaults)
                          if how != ("key",)})  # fmt: skip
        compute, result = self._promotion(plan, avals)
        scalar_dtype = compute or next(
            (a.dtype for a in avals if not a.group and a.dtype.category >= dtypes.FLOAT), None
        )
        fn = self.fn
        params, keyword, defaults = self.params, self.keyword, self.raw_defaults

        def call_fn(*arrays: Any) -> tuple[Any, ...]:
            it = iter(arrays)
            pos: list[Any] = []
            kw: dict[str, Any] = {}
            for p, k, how, raw in zip(params, keyword, plan, defaults):
                tag = how[0]
                if tag == "array":
                    x = next(it)
                    x = x if compute is None or x.dtype == compute.jnp else x.astype(compute.jnp)
                elif tag == "operand":
                    x = next(it)
                    x = x.astype(compute.jnp) if compute is not None else jnp.asarray(x)
                elif tag == "scalar":
                    x = jnp.asarray(next(it))
                    d = scalar_dtype or (dtypes.get_default_dtype() if x.dtype == np.float64 else None)
                    if (
                        self.casts_scalars
                        and d is not None
                        and not (x.dtype.kind == "c" and not d.is_complex)
                    ):
                        x = x.astype(d.jnp)
                elif tag == "arrays":
                    x = tuple(next(it) for _ in range(how[1]))
                    if compute is not None:
                        x = tuple(y.astype(compute.jnp) for y in x)
                elif tag == "key":
                    x = next(it)
                elif tag == "default":
                    x = raw
                else:
                    x = how[1]
                if k:
                    kw[p] = x
                else:
                    pos.append(x)
            out = fn(*pos, **kw)
            outs = out if isinstance(out, (tuple, list)) else (out,)
            target = cast.dtype if cast is not None else result
            if target is not None:
                outs = tuple(o if o.dtype == target.jnp else cast_array(o, target.jnp) for o in outs)
            return tuple(outs)

        static = repr([(p, how) for p, how in zip(params, plan)])
        text = None
        if "0x" not in static:
            text = f"{self.identity}|{self.promote}|{static}|{avals}|{cast}|{dtypes.get_default_dtype()}"
        device = common_device(avals)
        try:
            with lowering_for(device):
                call = make_call(self.name, text, call_fn, avals, device)
        except (TypeError, ValueError, AssertionError, ZeroDivisionError, OverflowError) as e:
            if traceback.extract_tb(e.__traceback__)[-1].filename.startswith(_HERE):
                raise
            raise RuntimeError(f"{self.name}(): {e}") from e
        if cast is not None:
            out = call.outs[0]
            if result is not None and not dtypes.can_cast(result, cast.dtype):
                raise RuntimeError(
                    f"result type {SCALAR_NAMES[result.name]} can't be cast to the desired output type "
                    f"{self.cast_names[cast.dtype.name]}"
                )
            if cast.shape is not None and out.shape != cast.shape:
                raise RuntimeError(
                    f"output with shape {list(cast.shape)} doesn't match the broadcast shape {list(out.shape)}"
                )
        if self.layout is not None:
            call.outs = self.layout(call.outs, avals, args)
        call.derived["plan"] = dict(zip(params, plan))  # type: ignore[assignment]
        if self.by_result is not None and cast is None:
            call.derived["by_result"] = self.by_result  # type: ignore[assignment]
        self.calls[key] = call
        return call

    def _plan(self, args: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """For each parameter, how the lowering gets it."""
        plan: list[tuple[Any, ...]] = []
        for a, kind in zip(args, self.kinds):
            if kind == KEY_:
                plan.append(("key",))
            elif a is OMITTED:
                plan.append(("default",))
            elif kind == STATIC or a is None:
                plan.append(("static", a))
            elif kind == ARRAYS:
                plan.append(("arrays", len(a)))
            else:
                plan.append((("array", "operand", "scalar")[kind],))
        return plan

    def _promotion(
        self, plan: list[tuple[Any, ...]], avals: tuple[Any, ...]
    ) -> tuple[dtype | None, dtype | None]:
        """(dtype to compute in, dtype of the result), None where the row leaves them alone."""
        if self.promote is None:
            return None, None
        items: list[Any] = []
        it = iter(avals)
        for how in plan:
            if how[0] in ("array", "operand"):
                a = next(it)
                items.append(NUMBER_TYPES.get(a, a))
            elif how[0] == "arrays":
                items.extend(next(it) for _ in range(how[1]))
            elif how[0] in ("scalar", "key"):
                next(it)
        d = dtypes.result_type(items)
        kind = self.promote
        if kind == INT_TO_FLOAT and d.category < dtypes.FLOAT:
            d = dtypes.get_default_dtype()
        elif kind == BOOL_TO_LONG and d is dtypes.bool_:
            d = dtypes.int64
        if kind == ALWAYS_BOOL:
            return d, dtypes.bool_
        if kind == COMPLEX_TO_FLOAT:
            return d, d.to_real()
        return d, d

    def _normalise(self, args: tuple[Any, ...], hashable: bool = False) -> tuple[Any, ...]:
        """Arguments brought to plain form (NumPy numbers, lists, subclasses); TypeErrors as PyTorch words them."""
        out = []
        changed = hashable
        for i, (a, kind, p) in enumerate(zip(args, self.kinds, self.params)):
            b = a
            if isinstance(a, Tensor):
                if kind in (STATIC, SCALAR_):
                    b = a.item() if a._aval.size == 1 and not a._req else self._wrong(p, i, kind, a)
                elif type(a) not in PLAIN:
                    if overrides(a):
                        raise Overridden
                    b = as_plain(a)
            elif kind == STATIC:
                b = static_of(a)
                want = self.wants[i]
                if want is not None and b is not None and type(b) not in want:
                    self._wrong(p, i, kind, a)
            elif kind in (OPERAND, SCALAR_) and a is not None and a is not OMITTED:
                b = a if type(a) in SCALAR else number_of(a)
                want = self.wants[i]
                if b is None or (want is not None and type(b) not in want):
                    self._wrong(p, i, kind, a)
            elif a is None and not self.optional[i] and (kind == OPERAND or self.wants[i] is not None):
                self._wrong(p, i, kind, a)
            elif kind == ARRAY and not (a is None and (self.optional[i] or self.raw_defaults[i] is None)):
                self._wrong(p, i, kind, a)
            elif kind == ARRAYS:
                self._bad_list(a, args, only_check=True)
            if b is not a:
                changed = True
            out.append(b)
        return tuple(out) if changed else args

    def _wrong(self, param: str, i: int, kind: int, a: Any) -> Any:
        allowed = self.wants[i]
        if allowed:
            want = allowed[0].__name__
        else:
            want = {ARRAY: "Tensor", OPERAND: "Tensor", SCALAR_: "Number"}.get(kind, "int")
        raise TypeError(
            f"{self.name}(): argument '{param}' (position {i + 1}) must be {want}, not {type(a).__name__}"
        )

    def _bad_list(self, a: Any, args: tuple[Any, ...], only_check: bool = False) -> None:
        i = self.kinds.index(ARRAYS)
        if not isinstance(a, (tuple, list)):
            raise TypeError(
                f"{self.name}(): argument '{self.params[i]}' (position {i + 1}) must be tuple of Tensors, not {type(a).__name__}"
            )
        for n, t in enumerate(a):
            if not isinstance(t, Tensor):
                raise TypeError(f"expected Tensor as element {n} in argument {i}, but got {type(t).__name__}")
        if not only_check:
            raise AssertionError(f"{self.name}: unreadable tensor list")


def note_result(node: Any, t: Tensor, index: int = 0) -> None:
    """The Node needs its result as it is now."""
    _note(node, t, None, index)


def also_saved(node: Any, t: Tensor) -> None:
    """The Node needs a tensor as it is now that is no operand of its call."""
    _note(node, t, t, None)


def _note(node: Any, t: Tensor, saved: Tensor | None, at: int | None) -> None:
    """One more entry of `node.versions`."""
    s = t._storage
    s.pinned = node.trace
    entry = (s, s.version, t._aval.shape, saved, at)
    if node.versions:
        node.versions.append(entry)
    else:
        node.versions = [entry]


class UnderivableRow(Op):
    """A row without a derivative.

    `refuses(node, suffix)` is the error that its backward raises, None where there is one; the suffix is
    that of in-place operators' names.
    """

    def __init__(
        self, fn: Callable, name: str, *, refuses: Callable[[Any, str], Exception | None], **kw: Any
    ):
        super().__init__(fn, name, **kw)
        self.refuses = refuses

    def _record(self, args: tuple[Any, ...], cast: Any = None) -> tuple[Call, list[Value], Any]:
        call, outs, node = super()._record(args, cast)
        if node is not None:
            error = self.refuses(node, "" if cast is None else "_")
            if error is not None:
                refusing(node, error)
        return call, outs, node


def wrap(v: Value, node: Any, index: int) -> Tensor:
    """A Tensor over one result of a call."""
    t = _new(Tensor)
    t._storage = Storage(v)
    if node is not None and is_differentiable(v.aval):
        t._node, t._index, t._req = node, index, True
    elif local.ctx.inference:
        t._inference = True
    return t


_result_classes: dict[str, Any] = {}  # `torch.return_types`


def result_class(name: str, fields: tuple[str, ...]) -> Any:
    """The `torch.return_types` class of a row with several results."""
    found = _result_classes.get(name)
    if found is None:
        base = collections.namedtuple(name, fields)  # noqa: PYI024 - made from a row

        class Result(base):  # type: ignore[valid-type,misc]
            __slots__ = ()

            def __new__(cls, items: Any) -> Any:
                return tuple.__new__(cls, items)

            def __repr__(self) -> str:
                body = ",\n".join(f"{f}={v!r}" for f, v in zip(fields, self))
                return f"torch.return_types.{name}(\n{body})"

        Result.__name__ = Result.__qualname__ = name
        Result.__module__ = "torchlike.return_types"
        found = _result_classes[name] = Result
    return found
