"""The registry: a row is declared here once; its variants are derived and published.

`op` declares, `view` declares a view.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from . import errors
from .autocast import uncast
from .geometry import check_overlap, check_repeated
from .modes import local
from .node_names import INPLACE
from .out_dtypes import out_error
from .overrides import PLAIN as PLAIN
from .overrides import Overridden, as_plain, dispatch
from .params import ALWAYS_BOOL as ALWAYS_BOOL
from .params import BOOL_TO_LONG as BOOL_TO_LONG
from .params import COMPLEX_TO_FLOAT as COMPLEX_TO_FLOAT
from .params import DEFAULT as DEFAULT
from .params import INT_TO_FLOAT as INT_TO_FLOAT
from .params import SCALAR_NAMES as SCALAR_NAMES
from .params import Array as Array
from .params import Arrays as Arrays
from .params import Float as Float
from .params import Ints as Ints
from .params import Key as Key
from .params import Operand as Operand
from .params import Scalar as Scalar
from .params import cast_array as cast_array
from .publish import _publish_all, publish, refuse
from .publish import alias as alias
from .publish import function as function
from .publish import named as named
from .publish import namespace as namespace
from .row import Op, note_result
from .row import wrap as wrap
from .tensor import Tensor, from_numpy_shared
from .views import ViewOp as ViewOp

_new = object.__new__


# ---- variants -------------------------------------------------------------------------------


def check_inplace(t: Tensor) -> None:
    """PyTorch's rules on which tensors may be written in place under taping."""
    # before a look at the base: as in PyTorch, whose views learn late that their base was written
    leaf = t._is_leaf()
    if local.ctx.grad and t.requires_grad:
        trait = t._trait
        if trait is not None:
            raise RuntimeError(trait) if type(trait) is str else trait.written(t._node)
        base = t._base
        if base is not None and base._is_leaf():
            raise RuntimeError(errors.MSG_LEAF_VIEW_INPLACE)
        if leaf:
            raise RuntimeError(errors.MSG_LEAF_INPLACE)
    if t._inference and not local.ctx.inference:
        raise RuntimeError(errors.MSG_INFERENCE_INPLACE)


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
    own_name = INPLACE.get(op.grad_name)

    def inplace(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        try:
            bound = op.bind((self, *args), kwargs)
            check_inplace(self)
            if self._lens is not None:
                check_repeated(self)
            for b in bound[1:]:
                if type(b) in PLAIN and b._storage is self._storage:
                    check_overlap(self, b)
            a = self._aval
            plain = self if type(self) in PLAIN else as_plain(self)
            _, outs, node = op._record((plain, *bound[1:]), Target(a.dtype, a.shape))
        except Overridden:
            return dispatch(inplace, (self, *args), kwargs)
        except Exception:
            refuse(inplace, "Tensor", doc_name, (self, *args), kwargs)
            raise
        if node is not None and own_name is not None:
            node._name = own_name
        if node is not None and self._base is not None:
            node.once = True
        self._assign(outs[0], None if node is None else (node, 0))
        if node is not None and op.saved_results:
            note_result(node, self)
        return self

    return named(inplace, doc_name, f"In-place version of `{op.name}`.", op=op, fn=op.fn)


def write_out(op_name: str, results: Any, out: Any) -> Any:
    """Puts results into the user's `out=` tensors, resized if need be; returns them."""
    many = isinstance(out, (tuple, list))
    for r, o in zip(results if many else (results,), out if many else (out,)):
        if not isinstance(o, Tensor):
            raise TypeError(f"{op_name}(): argument 'out' must be Tensor, not {type(o).__name__}")
        ra, oa = r._aval, o._aval
        if o._inference and not local.ctx.inference:
            raise RuntimeError(errors.MSG_INFERENCE_INPLACE)
        error = out_error(op_name, ra.dtype, oa.dtype)
        if error is not None:
            raise error
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
                raise RuntimeError(
                    f"{op_name}(): cannot resize the view given as out= to {list(ra.shape)}; pass a tensor of its own"
                )
        if o._lens is not None:
            check_repeated(o)
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


def _public(op: Op, fn: Callable, has_out: bool, space: str, name: str) -> Callable[..., Any]:
    """The callable that users see in a space."""
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
        except Exception:
            refuse(public, space, name, args, kwargs)
            raise

    def slow(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        out = None
        if has_out and "out" in kwargs:
            kwargs = dict(kwargs)
            out = kwargs.pop("out")
        if op.has_key and "generator" in kwargs:
            kwargs = {("key" if k == "generator" else k): v for k, v in kwargs.items()}
        if out is None:
            return apply(op.bind(args, kwargs))
        bound = op.bind(args, kwargs)
        _refuse_grad(op.name, bound, out)
        for a in bound:
            if isinstance(a, Tensor) and isinstance(out, Tensor):
                check_overlap(out, a)
        return write_out(op.name, uncast(apply, bound), out)

    named(public, name, fn.__doc__, op=op, fn=fn, has_out=has_out)
    public.__module__ = fn.__module__
    public.__wrapped__ = fn  # type: ignore[attr-defined] # what inspect.signature shows
    return public


def op(
    fn: Callable | None = None, *, promote: str | None = None, spaces: tuple[str, ...] = ("torch", "Tensor"),
    name: str | None = None, aliases: tuple[str, ...] = (), operator: str | None = None, inplace: bool | None = None,
    inplace_spaces: tuple[str, ...] = (), out: bool | None = None, saves: tuple[str, ...] = (),
    differentiable: bool = True, residual: bool = False, returns: tuple[str, ...] | None = None,
    check: Callable | None = None, grad_name: str | None = None, layout: Callable | None = None, row: type[Op] = Op,
    **extra: Any,
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
        saves: tensors that must be unchanged when backward runs, because PyTorch saves them: "x", a parameter that
            counts where the vjp uses it; "x!", one that always counts; "x<y,z", one that counts where y or z wants a
            gradient; "result" (or "result0"), "result1", ...: results.
        differentiable: whether results may require grad.
        residual: forward records what its vjp keeps, so that it never runs twice.
        returns: field names, if the result is a namedtuple.
        check: called once per new signature with avals and static values; raises PyTorch's errors.
        grad_name: name of the Node.
        layout: `layout(result avals, operand avals, args) -> result avals` in PyTorch's order in memory
            (default: that of the operands for promoted rows, else row-major).
        row: the class of the row, which may take further options.
        by_result: the gradient of the first operand as PyTorch has it, `by_result(gradient, result, operand,
            **arguments)`: second derivatives follow it. None for arguments that it does not cover.
        saves_when: `saves_when(**arguments)` says whether such a call saves its operands at all, or is a function
            `(parameter, place in its list, parameters that want a gradient) -> bool` of which of them.
        constants: parameters that gradients never flow to, and results that they never come from.
        check_taped: called once per new signature where gradients flow, with the names of the parameters that
            want some, all avals and the arguments by name; raises PyTorch's errors.
        in_full: lifted numbers reach the lowering in double precision, however narrow the arrays are.
    """
    if fn is None:
        return functools.partial(
            op, promote=promote, spaces=spaces, name=name, aliases=aliases, operator=operator, inplace=inplace,
            inplace_spaces=inplace_spaces, out=out, saves=saves, differentiable=differentiable, residual=residual,
            returns=returns, check=check, grad_name=grad_name, layout=layout, row=row, **extra,
        )  # fmt: skip
    public_name = name or fn.__name__
    made = row(fn, public_name, promote=promote, saves=saves, differentiable=differentiable, residual=residual,
               returns=returns, check=check, grad_name=grad_name, layout=layout, **extra)  # fmt: skip
    if out is None:
        out = promote is not None and bool({"torch", "linalg", "special"} & set(spaces))
    public = _publish_all(functools.partial(_public, made, fn, out), public_name, spaces, aliases)
    if public is None:  # known inside only
        public = _public(made, fn, out, "", public_name)
    if inplace is None:
        inplace = promote is not None and "Tensor" in spaces
    if inplace:
        names = [public_name + "_"] + [a + "_" for a in aliases if "." not in a]
        twins = [inplace_of(made, n) for n in names]
        for n, twin in zip(names, twins):
            publish("Tensor", n, twin)
            for space in inplace_spaces:
                publish(space, n, twin)
        public.inplace = twins[0]  # type: ignore[attr-defined]
    if operator:
        inner = _public(made, fn, False, "", public_name)
        _attach_operator(operator, inner, getattr(public, "inplace", None))
    return public


_BINARY = {
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "matmul",
    "and",
    "or",
    "xor",
    "lshift",
    "rshift",
}
_COMPARE = {"eq", "ne", "lt", "le", "gt", "ge"}


def _attach_operator(operator: str, public: Callable, twin: Callable | None) -> None:
    if operator not in _BINARY and operator not in _COMPARE:
        setattr(Tensor, f"__{operator}__", lambda self: public(self))
        return

    def fits(other: Any) -> bool:
        if isinstance(other, operands):
            return True
        if isinstance(other, np.ndarray):  # NumPy does the rest, and `__array_wrap__` makes a Tensor of it
            return operator != "matmul" and not other.ndim
        return hasattr(other, "__torch_function__")

    operands: Any = Tensor if operator == "matmul" else (Tensor, int, float, complex, np.generic)

    def forward(self: Tensor, other: Any) -> Any:
        if type(other) in PLAIN or fits(other):
            return public(self, other)
        if operator in ("eq", "ne") and isinstance(other, np.ndarray):
            return public(self, from_numpy_shared(other))
        return NotImplemented

    setattr(Tensor, f"__{operator}__", named(forward, f"__{operator}__", public.__doc__))
    if operator in _COMPARE:
        return

    def reflected(self: Tensor, other: Any) -> Any:
        if type(self) not in PLAIN and not isinstance(self, Tensor):
            raise TypeError(
                f"descriptor '__r{operator}__' for 'torch._C.TensorBase' objects doesn't apply to a "
                f"'{type(self).__name__}' object"
            )
        if operator == "truediv" and (isinstance(other, np.ndarray) or fits(other)):
            return self.reciprocal() * other  # as in PyTorch, which rounds twice
        return public(other, self) if fits(other) else NotImplemented

    setattr(Tensor, f"__r{operator}__", named(reflected, f"__r{operator}__", public.__doc__))
    if twin is not None:
        setattr(
            Tensor,
            f"__i{operator}__",
            named(lambda self, other: twin(self, other), f"__i{operator}__", twin.__doc__),
        )


def view(fn: Callable | None = None, **kw: Any) -> Any:
    """Declares a view row (see `op` and `ViewOp`)."""
    kw.setdefault("grad_name", None)
    return functools.partial(view, **kw) if fn is None else op(fn, row=ViewOp, **kw)
