"""Rows. An operator is declared once; its variants and its publication are derived here.

See `op` for the declaration, `Op._record` for the hot path.
"""

from __future__ import annotations

import functools
import inspect
import types
from typing import TYPE_CHECKING, Any, Callable, get_args

import jax
import jax.numpy as jnp
import numpy as np

from . import devices, dtypes, errors
from .autograd import is_differentiable, taped
from .dtypes import dtype
from .graph import KEY_AVAL, SCALAR, Call, Value, aval, common_device, make_call, record
from .modes import local
from .overrides import PLAIN, Overridden, as_plain, dispatch, overrides
from .program import lowering_for
from .random import default_generator
from .storage import Storage
from .tensor import Lens, Tensor

# ---- what a parameter is ------------------------------------------------------------


if TYPE_CHECKING:  # a lowering receives jax arrays and static values
    Array = Arrays = Operand = Scalar = Key = Ints = Any
else:

    class Array:
        """A Tensor."""

    class Arrays:
        """A list or tuple of Tensors."""

    class Operand:
        """A Tensor or a Python number that takes part in promotion."""

    class Scalar:
        """A Python number, lifted to an input of the program."""

    class Key:
        """A random key drawn when the op is recorded; no parameter of the user's."""

    class Ints:
        """An int or a tuple of ints."""


ARRAY, OPERAND, SCALAR_, STATIC, ARRAYS, KEY_ = range(6)
_KINDS = {Array: ARRAY, Operand: OPERAND, Scalar: SCALAR_, Arrays: ARRAYS, Key: KEY_}
_NUMBER = {a: t for t, a in SCALAR.items()}

# how results are promoted
DEFAULT, INT_TO_FLOAT, ALWAYS_BOOL, COMPLEX_TO_FLOAT, BOOL_TO_LONG = (
    "default", "int_to_float", "always_bool", "complex_to_float", "bool_to_long",
)  # fmt: skip


class _Omitted:
    """Stands for a lifted parameter that the user left at its default."""

    def __repr__(self) -> str:
        return "omitted"


OMITTED = _Omitted()
_new = object.__new__


# ---- publication ---------------------------------------------------------------------

SPACES: dict[str, dict[str, Any]] = {"torch": {}, "Tensor": {}}


def namespace(space: str) -> dict[str, Any]:
    """The published names of a space (`"torch"`, `"nn.functional"`, `"linalg"`, ...)."""
    return SPACES.setdefault(space, {})


def publish(space: str, name: str, value: Any) -> None:
    """Makes `value` known as `torch.<space>.<name>`, methods included."""
    namespace(space)[name] = value
    if space == "Tensor":
        setattr(Tensor, name, value)


def alias(qualified: str, target: Any) -> Any:
    """Publishes one more name, e.g. `alias("special.expit", sigmoid)`."""
    space, _, name = qualified.rpartition(".")
    publish(space or "torch", name, target)
    return target


def function(spaces: tuple[str, ...] = ("torch", "Tensor"), aliases: tuple[str, ...] = (), name: str | None = None) -> Any:
    """Publishes a plain Python function over Tensors."""

    def decorate(fn: Any) -> Any:
        _publish_all(fn, name or fn.__name__, spaces, aliases)
        return fn

    return decorate


def _publish_all(fn: Any, name: str, spaces: tuple[str, ...], aliases: tuple[str, ...]) -> None:
    for space in spaces:
        publish(space, name, fn)
    for other in aliases:
        if "." in other:
            alias(other, fn)
        else:
            for space in spaces:
                publish(space, other, fn)


def named(function_: Any, name: str, doc: str | None, **extra: Any) -> Any:
    """Names a derived function and gives it its documentation."""
    function_.__name__ = function_.__qualname__ = name
    function_.__doc__ = doc
    for k, v in extra.items():
        setattr(function_, k, v)
    return function_


# ---- rows -------------------------------------------------------------------------------


_identities: dict[str, int] = {}  # rows of one name are told apart by their order


class Op:
    """One row: a JAX lowering with what PyTorch says about it."""

    casts_scalars = True  # lifted numbers reach the lowering in the row's compute dtype

    def __init__(self, fn: Callable, name: str, *, promote: str | None, saves: tuple[str, ...], differentiable: bool,
                 residual: bool, returns: tuple[str, ...] | None, check: Callable | None, grad_name: str | None):  # fmt: skip
        self.fn, self.name, self.promote, self.check = fn, name, promote, check
        self.differentiable, self.residual = differentiable, residual
        camel = "".join(p[:1].upper() + p[1:] for p in name.strip("_").split("_"))
        self.grad_name = grad_name or f"{camel}Backward0"
        self.calls: dict[tuple[Any, ...], Call] = {}
        parameters = inspect.signature(fn, eval_str=True).parameters
        self.params = list(parameters)
        self.kinds = tuple(_kind(p.annotation) for p in parameters.values())
        self.optional = tuple(type(None) in get_args(p.annotation) for p in parameters.values())
        self.keyword = tuple(p.kind is p.KEYWORD_ONLY for p in parameters.values())
        self.defaults: list[Any] = []
        for p, kind in zip(parameters.values(), self.kinds):
            d = p.default
            if kind == KEY_:
                d = None
            elif d is not p.empty and d is not None and kind in (SCALAR_, OPERAND):
                d = OMITTED
            self.defaults.append(d)
        self.raw_defaults = [p.default for p in parameters.values()]
        positional = sum(not k for k in self.keyword)
        self.tails = {
            n: tuple(self.defaults[n:])
            for n in range(positional + 1)
            if all(d is not inspect.Parameter.empty for d in self.defaults[n:])
        }
        self.saved = tuple(self.params.index(s) for s in saves if s != "result")
        self.saves_result = "result" in saves
        self.result_class = _result_class(name, returns) if returns else None
        self.has_key = KEY_ in self.kinds
        base = f"{fn.__module__}.{fn.__qualname__}/{name}"
        _identities[base] = _identities.get(base, 0) + 1
        self.identity = f"{base}/{_identities[base]}"

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
            k = _NUMPY_NAMES.get(k, k) if k not in self.params else k
            if k not in self.params:
                raise TypeError(f"{self.name}() got an unexpected keyword argument '{k}'")
            i = self.params.index(k)
            if i < n:
                raise TypeError(f"{self.name}() got multiple values for argument '{k}'")
            bound[i] = v
        missing = [p for p, b in zip(self.params, bound) if b is inspect.Parameter.empty]
        if missing:
            raise TypeError(
                f"{self.name}() missing {len(missing)} required positional argument"
                f"{'s' if len(missing) > 1 else ''}: " + ", ".join(f'"{m}"' for m in missing)
            )
        return tuple(bound)

    def _varargs(self, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """`x.permute(0, 1)`, `x.view(2, 3)`: trailing ints as one tuple, where a row's last positional takes ints."""
        last = sum(not k for k in self.keyword) - 1
        if last >= 0 and self.kinds[last] == STATIC and all(isinstance(a, (int, np.integer, Tensor)) for a in args[last:]):
            return (*args[:last], tuple(int(a) for a in args[last:]))
        return None

    # -- the hot path

    def _record(self, args: tuple[Any, ...], cast: Any = None) -> tuple[Call, list[Value], Any]:
        """Looks the call up (or makes it) and records it, taped where need be."""
        values: list[Value] = []
        owners: list[Any] = []
        key: list[Any] = [cast]
        req = False
        for a, kind in zip(args, self.kinds):
            c = a.__class__
            if c in PLAIN:
                s = a._storage
                v = s.value if a._lens is None and s.host is None else a._read()
                values.append(v)
                owners.append(a)
                key.append(v.aval)
                if a._req:
                    req = True
            elif kind == STATIC:
                key.append(a)
            elif kind == ARRAYS:
                try:
                    for t in a:
                        v = t._read()
                        values.append(v)
                        owners.append(t)
                        key.append(v.aval)
                        if t._req:
                            req = True
                except (AttributeError, TypeError):
                    self._bad_list(a, args)
                key.append(len(a))
            elif kind == KEY_:
                values.append(Value(KEY_AVAL, (a or default_generator).key()))
                owners.append(None)
            elif a is OMITTED or a is None:
                key.append(a)
            elif c in SCALAR and kind != ARRAY:
                v = Value(SCALAR[c], a)
                values.append(v)
                owners.append(None)
                key.append(v.aval)
            else:
                return self._record(self._normalise(args), cast)
        try:
            call = self.calls.get(tuple(key))
        except TypeError:
            return self._record(self._normalise(args, hashable=True), cast)
        if call is None:
            normal = self._normalise(args)
            if normal is not args:
                return self._record(normal, cast)
            call = self._make(tuple(key), args, values, cast)
        if req and self.differentiable and local.ctx.grad:
            edges = [None if t is None or not t._req else (t if t._node is None else (t._node, t._index)) for t in owners]
            outs, node = taped(call, values, edges, self.grad_name, self.residual)
            if node is not None and self.saved:
                self._note_saved(node, args, owners, outs[0].trace, cast)
            return call, outs, node
        return call, record(call, values), None

    def _note_saved(self, node: Any, args: tuple[Any, ...], owners: list[Any], pin: Any, cast: Any) -> None:
        """Notes the versions of the tensors that backward needs (of those PyTorch saves, the ones the vjp uses)."""
        node.versions = versions = []
        for i in self.saved:
            t = args[i]
            if not isinstance(t, Tensor) or (i == 0 and cast is not None):
                continue
            at = next((j for j, o in enumerate(owners) if o is t), None)
            if at is not None and node.values[at] is not None:
                s = t._storage
                s.pinned = pin
                versions.append((s, s.version, t._aval.shape, t))

    def apply(self, args: tuple[Any, ...]) -> Any:
        """Applies the row to fully bound arguments."""
        call, outs, node = self._record(args)
        if len(outs) == 1 and self.result_class is None:
            t = _new(Tensor)
            t._storage = Storage(outs[0])
            if node is not None:
                t._node = node
                t._req = True
                if self.saves_result:
                    note_result(node, t)
            elif local.ctx.inference:
                t._inference = True
            return t
        made = [wrap(v, node, i) for i, v in enumerate(outs)]
        if node is not None and self.saves_result:
            note_result(node, made[0])
        return tuple(made) if self.result_class is None else self.result_class(made)

    # -- a signature seen for the first time

    def _make(self, key: tuple[Any, ...], args: tuple[Any, ...], values: list[Value], cast: Any) -> Call:
        avals = tuple(v.aval for v in values)
        plan = self._plan(args)
        if self.check is not None:
            given = iter(avals)
            self.check(**{p: _described(how, given, raw) for p, how, raw in zip(self.params, plan, self.raw_defaults)
                          if how != ("key",)})  # fmt: skip
        compute, result = self._promotion(plan, avals)
        scalar_dtype = compute or next((a.dtype for a in avals if not a.group and a.dtype.category >= dtypes.FLOAT), None)
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
                    if self.casts_scalars and d is not None and not (x.dtype.kind == "c" and not d.is_complex):
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
                outs = tuple(o if o.dtype == target.jnp else _cast(o, target.jnp) for o in outs)
            return tuple(outs)

        static = repr([(p, how) for p, how in zip(params, plan)])
        text = None
        if "0x" not in static:
            text = f"{self.identity}|{self.promote}|{static}|{avals}|{cast}|{dtypes.get_default_dtype()}"
        device = common_device(avals)
        try:
            with lowering_for(device):
                call = make_call(self.name, text, call_fn, avals, device)
        except (RuntimeError, IndexError, NotImplementedError, MemoryError):
            raise
        except (TypeError, ValueError, AssertionError, ZeroDivisionError, OverflowError) as e:
            if any(f.filename.startswith(_HERE) for f in _frames(e)[-1:]):
                raise
            raise RuntimeError(f"{self.name}(): {e}") from e
        if cast is not None:
            out = call.outs[0]
            natural = result or _natural(call_fn, avals, device)
            if natural is not None and not dtypes.can_cast(natural, cast.dtype):
                raise RuntimeError(
                    f"result type {_SCALAR_NAMES[natural.name]} can't be cast to the desired output type "
                    f"{_SCALAR_NAMES[cast.dtype.name]}"
                )
            if cast.shape is not None and out.shape != cast.shape:
                raise RuntimeError(
                    f"output with shape {list(cast.shape)} doesn't match the broadcast shape {list(out.shape)}"
                )
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

    def _promotion(self, plan: list[tuple[Any, ...]], avals: tuple[Any, ...]) -> tuple[dtype | None, dtype | None]:
        """(dtype to compute in, dtype of the result), None where the row leaves them alone."""
        if self.promote is None:
            return None, None
        items: list[Any] = []
        it = iter(avals)
        for how in plan:
            if how[0] in ("array", "operand"):
                a = next(it)
                items.append(_NUMBER.get(a, a))
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
                    b = a.item() if a._aval.size == 1 else self._wrong(p, i, kind, a)
                elif a.__class__ not in PLAIN:
                    if overrides(a):
                        raise Overridden
                    b = as_plain(a)
            elif kind == STATIC:
                b = _static(a)
            elif kind in (OPERAND, SCALAR_) and a is not None and a is not OMITTED and a.__class__ not in SCALAR:
                b = _number(a)
                if b is None:
                    self._wrong(p, i, kind, a)
            elif kind == OPERAND and a is None and not self.optional[i]:
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
        want = {ARRAY: "Tensor", OPERAND: "Tensor", SCALAR_: "Number"}.get(kind, "int")
        raise TypeError(f"{self.name}(): argument '{param}' (position {i + 1}) must be {want}, not {type(a).__name__}")

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


_HERE = __file__.rsplit("_core", 1)[0]
_NUMPY_NAMES = {"axis": "dim", "keepdims": "keepdim", "x": "input", "a": "input", "x1": "input", "x2": "other", "axes": "dims"}
_SCALAR_NAMES = {
    "float32": "Float", "float64": "Double", "float16": "Half", "bfloat16": "BFloat16", "int64": "Long", "int32": "Int",
    "int16": "Short", "int8": "Char", "uint8": "Byte", "bool": "Bool", "complex64": "ComplexFloat",
    "complex128": "ComplexDouble", "uint16": "UInt16", "uint32": "UInt32", "uint64": "UInt64",
}  # fmt: skip


def _frames(e: BaseException) -> list[Any]:
    import traceback

    return traceback.extract_tb(e.__traceback__)


def _kind(annotation: Any) -> int:
    """The parameter kind that an annotation names."""
    options = get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    return next((_KINDS[o] for o in options if isinstance(o, type) and o in _KINDS), STATIC)


def _described(how: tuple[Any, ...], avals: Any, raw: Any) -> Any:
    """What a row's `check` sees of one argument."""
    tag = how[0]
    if tag in ("array", "operand", "scalar"):
        a = next(avals)
        return _NUMBER.get(a, a)
    if tag == "arrays":
        return tuple(next(avals) for _ in range(how[1]))
    return raw if tag == "default" else how[1]


def _natural(fn: Any, avals: tuple[Any, ...], device: Any) -> dtype | None:
    """The dtype a call without promotion has on its own."""
    return None


def _cast(x: Any, jnp_dtype: Any) -> Any:
    """A dtype conversion with C's rules where JAX's differ (complex to real drops the imaginary part)."""
    if jnp.issubdtype(x.dtype, jnp.complexfloating) and not jnp.issubdtype(jnp_dtype, jnp.complexfloating):
        x = jnp.real(x) if jnp_dtype != np.bool_ else x != 0
    return x.astype(jnp_dtype)


def _static(a: Any) -> Any:
    """A static argument as plain hashable Python."""
    if isinstance(a, (list, tuple)):
        items = tuple(_static(x) for x in a)
        return a if isinstance(a, tuple) and all(x is y for x, y in zip(items, a)) else items
    if isinstance(a, np.generic):
        return a.item()
    if isinstance(a, Tensor):
        return a.item()
    return a


def _number(a: Any) -> Any:
    """A number-like as a Python number, None if it is none."""
    if isinstance(a, np.generic):
        return a.item()
    if isinstance(a, np.ndarray) and a.ndim == 0:
        return a.item()
    for t in (bool, int, float, complex):
        if isinstance(a, t):
            return t(a)
    if hasattr(a, "__index__"):
        return int(a.__index__())
    if hasattr(a, "__float__") and not isinstance(a, (np.ndarray, str)):
        return float(a)
    return None


def note_result(node: Any, t: Tensor) -> None:
    """The Node needs its result as it is now."""
    s = t._storage
    s.pinned = node.trace
    entry = (s, s.version, t._aval.shape, None)
    node.versions = [entry] if node.versions is None else [*node.versions, entry]


def wrap(v: Value, node: Any, index: int) -> Tensor:
    """A Tensor over one result of a call."""
    t = _new(Tensor)
    t._storage = Storage(v)
    if node is not None and is_differentiable(v.aval):
        t._node, t._index, t._req = node, index, True
    elif local.ctx.inference:
        t._inference = True
    return t


_result_classes: dict[str, Any] = {}


def _result_class(name: str, fields: tuple[str, ...]) -> Any:
    """The `torch.return_types` class of a row with several results."""
    found = _result_classes.get(name)
    if found is None:
        import collections

        base = collections.namedtuple(name, fields)  # noqa: PYI024 - made from a row

        class Result(base):  # type: ignore[valid-type,misc]
            __slots__ = ()

            def __new__(cls, items: Any) -> Any:
                return tuple.__new__(cls, items)

            def __repr__(self) -> str:
                body = ",\n".join(f"{f}={v!r}" for f, v in zip(fields, self))
                return f"torch.return_types.{name}(\n{body})"

        Result.__name__ = Result.__qualname__ = name
        found = _result_classes[name] = Result
    return found


# ---- variants -------------------------------------------------------------------------------


def check_inplace(t: Tensor) -> None:
    """PyTorch's rules on which tensors may be written in place under taping."""
    if local.ctx.grad and t.requires_grad:
        base = t._base
        if base is not None and base._node is None and base._req:
            raise RuntimeError(errors.MSG_LEAF_VIEW_INPLACE)
        if t._node is None:
            raise RuntimeError(errors.MSG_LEAF_INPLACE)
    if t._inference and not local.ctx.inference:
        raise RuntimeError("Inplace update to inference tensor outside InferenceMode is not allowed."
                           "You can make a clone to get a normal tensor before doing inplace update.")  # fmt: skip


class Target:
    """What an in-place or `out=` call must become: dtype, and shape unless it may be resized."""

    __slots__ = ("dtype", "shape")
    _interned: dict[Any, Target] = {}

    def __new__(cls, dtype: Any, shape: Any) -> Target:
        found = cls._interned.get((dtype, shape))
        if found is None:
            found = _new(cls)
            found.dtype, found.shape = dtype, shape
            cls._interned[dtype, shape] = found
        return found

    def __repr__(self) -> str:
        return f"->{self.dtype}{self.shape}"


def inplace_of(op: Op, doc_name: str) -> Callable[..., Tensor]:
    """The in-place variant: computes the row, casts to self's dtype, rebinds self."""

    def inplace(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        bound = op.bind((self, *args), kwargs)
        check_inplace(self)
        a = self._aval
        plain = self if self.__class__ in PLAIN else as_plain(self)
        _, outs, node = op._record((plain, *bound[1:]), Target(a.dtype, a.shape))
        self._assign(outs[0], None if node is None else (node, 0))
        if node is not None and op.saves_result:
            note_result(node, self)
        return self

    return named(inplace, doc_name, f"In-place version of `{op.name}`.", op=op)


def write_out(op_name: str, results: Any, out: Any) -> Any:
    """Puts results into the user's `out=` tensors, resized if need be; returns them."""
    many = isinstance(out, (tuple, list))
    for r, o in zip(results if many else (results,), out if many else (out,)):
        if not isinstance(o, Tensor):
            raise TypeError(f"{op_name}(): argument 'out' must be Tensor, not {type(o).__name__}")
        ra, oa = r._aval, o._aval
        if not dtypes.can_cast(ra.dtype, oa.dtype):
            raise RuntimeError(
                f"result type {_SCALAR_NAMES[ra.dtype.name]} can't be cast to the desired output type {_SCALAR_NAMES[oa.dtype.name]}"
            )
        if ra.shape != oa.shape:
            if oa.size:
                import warnings

                warnings.warn(
                    f"An output with one or more elements was resized since it had shape {list(oa.shape)}, which does not "
                    f"match the required output shape {list(ra.shape)}. This behavior is deprecated, and in a future PyTorch "
                    "release outputs will not be resized unless they have zero elements. You can explicitly reuse an out "
                    "tensor t by resizing it, inplace, to zero elements with t.resize_(0).",
                    UserWarning,
                    stacklevel=3,
                )
            if o._lens is not None:
                raise RuntimeError(f"{op_name}(): cannot resize the view given as out= to {list(ra.shape)}; pass a tensor of its own")
        value = r._read()
        if ra.dtype is not oa.dtype:
            value = r.to(oa.dtype)._read()
        o._write(value)
    return out


def _refuse_grad(name: str, args: Any, out: Any) -> None:
    flat = [t for a in (*args, out) for t in (a if isinstance(a, (tuple, list)) else (a,))]
    if local.ctx.grad and any(isinstance(t, Tensor) and t.requires_grad for t in flat):
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic differentiation, but one of the "
            "arguments requires grad."
        )


def _public(op: Op, fn: Callable, has_out: bool) -> Callable[..., Any]:
    """The callable that users see."""
    tails, apply = op.tails, op.apply

    def public(*args: Any, **kwargs: Any) -> Any:
        try:
            if not kwargs:
                tail = tails.get(len(args))
                if tail is not None:
                    return apply(args + tail)
            return slow(args, kwargs)
        except Overridden:
            return dispatch(public, args, kwargs)

    def slow(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        out = kwargs.pop("out", None) if has_out else None
        if op.has_key and "generator" in kwargs:
            kwargs["key"] = kwargs.pop("generator")
        bound = op.bind(args, kwargs)
        if out is None:
            return apply(bound)
        _refuse_grad(op.name, bound, out)
        return write_out(op.name, apply(bound), out)

    named(public, op.name, fn.__doc__, op=op, fn=fn)
    sig = inspect.signature(fn)
    public.__module__ = fn.__module__
    extra = [inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=None)] if has_out else []
    keep = [p.replace(annotation=p.empty) for p in sig.parameters.values() if p.name != "key" or not op.has_key]
    if op.has_key:
        extra.append(inspect.Parameter("generator", inspect.Parameter.KEYWORD_ONLY, default=None))
    public.__signature__ = sig.replace(parameters=keep + extra, return_annotation=sig.empty)  # type: ignore[attr-defined]
    return public


def op(
    fn: Callable | None = None, *, promote: str | None = None, spaces: tuple[str, ...] = ("torch", "Tensor"),
    name: str | None = None, aliases: tuple[str, ...] = (), operator: str | None = None, inplace: bool | None = None,
    inplace_spaces: tuple[str, ...] = (), out: bool | None = None, saves: tuple[str, ...] = (),
    differentiable: bool = True, residual: bool = False, returns: tuple[str, ...] | None = None,
    check: Callable | None = None, grad_name: str | None = None, row: type[Op] = Op, **extra: Any,
) -> Any:  # fmt: skip
    """Declares a row. The decorated function is the JAX lowering; the result is the public operator.

    Args:
        promote: how operands are promoted (`DEFAULT`, `INT_TO_FLOAT`, ...); None: arrays as they are.
        spaces: where it is published.
        name: its public name, if not the function's.
        aliases: further names, in the same spaces or qualified (`"special.expit"`).
        operator: Python operator it implements (`"add"` gives `+`, reflected `+` and `+=`).
        inplace: whether `Tensor.name_` is derived (default: promoted methods).
        inplace_spaces: further spaces for `name_`.
        out: whether `out=` is taken (default: promoted functions).
        saves: tensors that backward needs unchanged (parameter names and "result").
        differentiable: whether results may require grad.
        residual: forward records what its vjp keeps, so that it never runs twice.
        returns: field names, if the result is a namedtuple.
        check: called once per new signature with avals and static values; raises PyTorch's errors.
        grad_name: name of the Node.
    """
    if fn is None:
        return functools.partial(
            op, promote=promote, spaces=spaces, name=name, aliases=aliases, operator=operator, inplace=inplace,
            inplace_spaces=inplace_spaces, out=out, saves=saves, differentiable=differentiable, residual=residual,
            returns=returns, check=check, grad_name=grad_name, row=row, **extra,
        )  # fmt: skip
    public_name = name or fn.__name__
    made = row(fn, public_name, promote=promote, saves=saves, differentiable=differentiable, residual=residual,
               returns=returns, check=check, grad_name=grad_name, **extra)  # fmt: skip
    if out is None:
        out = promote is not None and bool({"torch", "linalg", "special"} & set(spaces))
    public = _public(made, fn, out)
    _publish_all(public, public_name, spaces, aliases)
    if inplace is None:
        inplace = promote is not None and "Tensor" in spaces
    if inplace:
        twin = inplace_of(made, public_name + "_")
        names = [public_name] + [a for a in aliases if "." not in a]
        for n in names:
            publish("Tensor", n + "_", twin)
            for space in inplace_spaces:
                publish(space, n + "_", twin)
        public.inplace = twin  # type: ignore[attr-defined]
    if operator:
        _attach_operator(operator, public, getattr(public, "inplace", None))
    return public


_BINARY = {"add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor", "lshift", "rshift"}
_COMPARE = {"eq", "ne", "lt", "le", "gt", "ge"}


def _attach_operator(operator: str, public: Callable, twin: Callable | None) -> None:
    if operator not in _BINARY and operator not in _COMPARE:
        setattr(Tensor, f"__{operator}__", lambda self: public(self))
        return

    def fits(other: Any) -> bool:
        return isinstance(other, (Tensor, int, float, complex, np.generic, np.ndarray)) or hasattr(other, "__torch_function__")

    def forward(self: Tensor, other: Any) -> Any:
        if other.__class__ in PLAIN or fits(other):
            return public(self, other)
        return NotImplemented

    setattr(Tensor, f"__{operator}__", named(forward, f"__{operator}__", public.__doc__))
    if operator in _COMPARE:
        return

    def reflected(self: Tensor, other: Any) -> Any:
        return public(other, self) if fits(other) else NotImplemented

    setattr(Tensor, f"__r{operator}__", named(reflected, f"__r{operator}__", public.__doc__))
    if twin is not None:
        setattr(Tensor, f"__i{operator}__", named(lambda self, other: twin(self, other), f"__i{operator}__", twin.__doc__))


# ---- views --------------------------------------------------------------------------------------


class ViewOp(Op):
    """A row whose result shares memory with its input.

    `put(base, new, *args)` is the JAX function that writes `new` where the view
    looks. `geometry(shape, strides, offset, *args)` is the same for strides, on
    the host; it raises RuntimeError where no view exists. `numpy(array, *args)` is
    the view of NumPy memory, needed where the dtype changes.
    """

    casts_scalars = False

    def __init__(self, fn: Callable, name: str, *, put: Callable | None = None, geometry: Callable | None = None,
                 numpy: Callable | None = None, **kw: Any):  # fmt: skip
        super().__init__(fn, name, **kw)
        self.put = put
        self.geometry = geometry
        self.numpy = numpy
        self.puts: dict[Any, Call] = {}
        self.rest_kinds = self.kinds[1:]

    def apply(self, args: tuple[Any, ...]) -> Any:
        """A view of the first argument."""
        x = args[0]
        t = _new(Tensor)
        node = None
        call = None if x._req and local.ctx.grad or x.__class__ not in PLAIN else self._known(x, args)
        s = t._storage = x._storage
        if call is None:
            call, outs, node = self._record(args)
            t._value, t._seen = outs[0], s.version
        else:
            t._seen = -1  # read when somebody looks
        t._shown = call.outs[0]
        rest = args[1:]
        for a in rest:
            if a.__class__ in PLAIN or type(a) is list:
                rest = self._normalise(args)[1:]
                break
        lens = Lens(self, rest)
        t._lens = (lens,) if x._lens is None else (*x._lens, lens)
        t._base = x if x._lens is None else x._base
        if node is not None:
            t._node, t._req = node, True
        t._inference = x._inference
        return t

    def _known(self, x: Tensor, args: tuple[Any, ...]) -> Call | None:
        """The call of this view if it has been made before."""
        key: list[Any] = [None, x._aval]
        for a, kind in zip(args[1:], self.kinds[1:]):
            key.append(SCALAR.get(a.__class__, a) if kind == SCALAR_ else a)
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
            if edge.__class__ is tuple:
                stand_in._node, stand_in._index = edge
            else:
                stand_in = edge if edge._lens is None else stand_in
        _, outs, node = self._record((stand_in, *args))
        return outs[0], None if node is None else (node, 0)

    def put_into(self, old: Value, old_edge: Any, new: Value, new_edge: Any, args: tuple[Any, ...]) -> tuple[Value, Any]:
        """The base with `new` written where the view looks."""
        lifted = self.lifted(args)
        key = (old.aval, new.aval, self.without(args, lifted))
        scalars = [Value(SCALAR[a.__class__], a) for a, y in zip(args, lifted) if y]
        call = self.puts.get(key)
        if call is None:
            call = self.puts[key] = self._make_put(old.aval, new.aval, args, tuple(s.aval for s in scalars))
        operands = [old, new, *scalars]
        if (old_edge is not None or new_edge is not None) and local.ctx.grad:
            outs, node = taped(call, operands, [old_edge, new_edge] + [None] * len(scalars), "CopySlices")
            return outs[0], None if node is None else (node, 0)
        return record(call, operands)[0], None

    def _make_put(self, old: Any, new: Any, args: tuple[Any, ...], scalars: tuple[Any, ...]) -> Call:
        lifted = self.lifted(args)

        def call_fn(base: Any, value: Any, *numbers: Any) -> tuple[Any, ...]:
            return (self.put_array(base, value, self.filled(args, lifted, iter(numbers))),)

        text = f"put|{self.identity}|{self.without(args, lifted)}|{old}|{new}|{scalars}"
        device = common_device((old,))
        with lowering_for(device):
            return make_call(f"{self.name}.put", text, call_fn, (old, new, *scalars), device)

    def lifted(self, args: tuple[Any, ...]) -> list[bool]:
        """Which arguments are lifted numbers."""
        return [k == SCALAR_ and a.__class__ in SCALAR for a, k in zip(args, self.kinds[1:])]

    def without(self, args: tuple[Any, ...], lifted: list[bool]) -> tuple[Any, ...]:
        """The static arguments."""
        return tuple([SCALAR[a.__class__] if y else a for a, y in zip(args, lifted)])

    def filled(self, args: tuple[Any, ...], lifted: list[bool], numbers: Any) -> list[Any]:
        """Arguments for the lowering, lifted ones taken from `numbers`."""
        raw = self.raw_defaults[1:]
        return [next(numbers) if y else (raw[i] if a is OMITTED else a) for i, (a, y) in enumerate(zip(args, lifted))]

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
        return _chained(_puts, [base, new], lenses, _make_put_chain)

    def look_chain(self, base: Value, lenses: tuple[Lens, ...]) -> Value:
        """One call that reads through a whole chain of lenses (no tape)."""
        return _chained(_looks, [base], lenses, _make_look_chain)

    def look_numpy(self, array: np.ndarray, args: tuple[Any, ...]) -> np.ndarray:
        """The view of NumPy memory."""
        if self.numpy is not None:
            return self.numpy(array, *self.plain(args))
        if self.geometry is None:
            raise RuntimeError(f"numpy(): a view made by {self.name}() cannot share NumPy memory; use .clone().numpy()")
        n = array.itemsize
        if array.size == 0 or any(s % n for s in array.strides):
            raise RuntimeError(f"numpy(): cannot share this memory through {self.name}()")
        shape, strides, offset = self.geometry(array.shape, tuple(s // n for s in array.strides), 0, *self.plain(args))
        flat = np.lib.stride_tricks.as_strided(array, (offset + 1,), (n,))[offset:]
        return np.lib.stride_tricks.as_strided(flat, tuple(shape), tuple(k * n for k in strides))

    def plain(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Arguments with omitted ones filled in."""
        return tuple(self.raw_defaults[i + 1] if a is OMITTED else a for i, a in enumerate(args))


_puts: dict[Any, Call] = {}
_looks: dict[Any, Call] = {}


def _chained(calls: dict[Any, Call], operands: list[Value], lenses: tuple[Lens, ...], make: Callable) -> Value:
    """Records the call of a chain of lenses, made if it is new."""
    key: list[Any] = [v.aval for v in operands]
    n = len(operands)
    for lens in lenses:
        row = lens.op
        key.append(row)
        for a, kind in zip(lens.args, row.rest_kinds):
            if kind == SCALAR_ and a.__class__ in SCALAR:
                v = Value(SCALAR[a.__class__], a)
                operands.append(v)
                key.append(v.aval)
            else:
                key.append(a)
    found = tuple(key)
    call = calls.get(found)
    if call is None:
        call = calls[found] = make(lenses, tuple(key[:n]), tuple([v.aval for v in operands[n:]]))
    return record(call, operands)[0]


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
        return make_call(lenses[-1].op.name, f"look|{steps}|{avals}|{scalars}", call_fn, (*avals, *scalars), device)


def _make_put_chain(lenses: tuple[Lens, ...], avals: tuple[Any, ...], scalars: tuple[Any, ...]) -> Call:
    flags, steps = _chain_parts(lenses)

    def call_fn(array: Any, value: Any, *numbers: Any) -> tuple[Any, ...]:
        it = iter(numbers)
        args = [lens.op.filled(lens.args, f, it) for lens, f in zip(lenses, flags)]
        seen = [array]
        for lens, a in zip(lenses[:-1], args):
            seen.append(lens.op.fn(seen[-1], *a))
        for lens, old, a in zip(reversed(lenses), reversed(seen), reversed(args)):
            value = lens.op.put_array(old, value, a)
        return (value,)

    device = avals[0].device
    with lowering_for(device):
        return make_call("put", f"put|{steps}|{avals}|{scalars}", call_fn, (*avals, *scalars), device)


def view(fn: Callable | None = None, **kw: Any) -> Any:
    """Declares a view row (see `op` and `ViewOp`)."""
    kw.setdefault("grad_name", None)
    return functools.partial(view, **kw) if fn is None else op(fn, row=ViewOp, **kw)


# ---- fused host calls -------------------------------------------------------------------------------

_fused: dict[Any, Call] = {}


def fused(name: str, fn: Callable, static: tuple[tuple[str, Any], ...], lists: Any, scalars: Any) -> tuple[list[Value], ...]:
    """Records one call over lists of Tensors (an optimizer's update); no tape.

    Args:
        name: identifies `fn` across processes.
        fn: `fn(lists, scalars, **dict(static)) -> tuple of tuples of arrays`, pure JAX.
        static: hashable keyword arguments.
        lists: tuple of lists of Tensors.
        scalars: Python numbers, lifted.

    Returns:
        Lists of Values of the shape that `fn` returns.
    """
    values: list[Value] = []
    for items in lists:
        for t in items:
            s = t._storage
            values.append(s.value if t._lens is None and s.host is None else t._read())
    tensors = tuple([v.aval for v in values])
    lifted = [Value(SCALAR[type(x)], x) for x in scalars]
    key = (name, static, tuple([len(items) for items in lists]), tensors, tuple([v.aval for v in lifted]))
    call = _fused.get(key)
    if call is None:
        lengths = key[2]
        n = len(values)

        def call_fn(*arrays: Any) -> tuple[Any, ...]:
            it = iter(arrays[:n])
            grouped = tuple(tuple(next(it) for _ in range(k)) for k in lengths)
            outs = fn(grouped, tuple(jnp.asarray(a) for a in arrays[n:]), **dict(static))
            sizes.append(tuple(len(o) for o in outs))
            return tuple(x for o in outs for x in o)

        sizes: list[tuple[int, ...]] = []
        avals = (*tensors, *[v.aval for v in lifted])
        with lowering_for(common_device(avals)):
            call = make_call(name, f"{name}|{fn.__module__}.{fn.__qualname__}|{key[1:]}", call_fn, avals)
        call.extra = sizes[0]
        _fused[key] = call
    outs = record(call, values + lifted)
    result, start = [], 0
    for k in call.extra:
        result.append(outs[start : start + k])
        start += k
    return tuple(result)


def meta_only(*tensors: Any) -> bool:
    """Whether some Tensor has no data."""
    return any(isinstance(t, Tensor) and t.device is devices.META for t in tensors)


__all__ = [
    "Array", "Arrays", "Operand", "Scalar", "Key", "Ints", "DEFAULT", "INT_TO_FLOAT", "ALWAYS_BOOL", "COMPLEX_TO_FLOAT",
    "BOOL_TO_LONG", "op", "view", "alias", "function", "fused", "namespace", "publish", "Op", "ViewOp", "aval", "jax",
]  # fmt: skip
