"""Tensor: what users hold. Data access, views, gradients; operators are attached by the registry.

A plain Tensor reads its Storage. A view also has a chain of lenses: reading
applies them to the Storage's Value (cached per version), writing puts through
them, so that every alias sees the write.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from . import backward as tape
from . import devices, dtypes, engine, errors
from .autograd import Node, RemovableHandle
from .graph import Value, aval, record
from .modes import local
from .storage import Storage, value_from_numpy
from .vjp import add_call, cast_call, fill_call

_new = object.__new__


class Size(tuple):
    """The shape of a Tensor (`torch.Size`): a tuple with `numel()`."""

    __slots__ = ()

    def __new__(cls, items: Any = ()) -> Size:
        return tuple.__new__(cls, [int(n) for n in items])

    def numel(self) -> int:
        """Product of the sizes."""
        n = 1
        for s in self:
            n *= s
        return n

    def __repr__(self) -> str:
        return f"torch.Size([{', '.join(map(str, self))}])"

    __str__ = __repr__

    def __getitem__(self, key: Any) -> Any:
        out = tuple.__getitem__(self, key)
        return Size(out) if isinstance(key, slice) else out

    def __add__(self, other: Any) -> Size:
        return Size(tuple.__add__(self, tuple(other)))

    def __radd__(self, other: Any) -> Size:
        return Size(tuple(other) + tuple(self))

    def __mul__(self, n: Any) -> Size:
        return Size(tuple.__mul__(self, n))

    __rmul__ = __mul__

    def __reduce__(self) -> Any:
        return (Size, (tuple(self),))


class Lens:
    """One step of a view: a view row with its arguments (numbers only, no tensors)."""

    __slots__ = ("op", "args")

    def __init__(self, op: Any, args: tuple[Any, ...]):
        self.op, self.args = op, args


class _TensorMeta(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return type.__instancecheck__(cls, instance)


class Tensor(metaclass=_TensorMeta):
    """A multi-dimensional array of one dtype, mutable, with gradients."""

    _storage: Storage
    _lens: tuple[Lens, ...] | None = None
    _base: Tensor | None = None
    _value: Value | None = None  # of a view: its Value at version `_seen`
    _seen: int = 0
    _shown: Any = None  # of a view: its Aval
    _node: Any = None
    _index: int = 0
    _req: bool = False
    _grad: Tensor | None = None
    _hooks: dict[int, Any] | None = None
    _post_hooks: dict[int, Any] | None = None
    _inference: bool = False
    _retains: bool = False

    __torch_function__: Any
    is_sparse = False
    is_quantized = False
    is_nested = False
    is_mkldnn = False
    is_mps = False

    if TYPE_CHECKING:  # methods and operators that the rows in `ops` publish, and attributes users set

        def __getattr__(self, name: str) -> Any: ...
        def __setattr__(self, name: str, value: Any) -> None: ...

        __add__: Any
        __radd__: Any
        __sub__: Any
        __rsub__: Any
        __mul__: Any
        __rmul__: Any
        __truediv__: Any
        __rtruediv__: Any
        __floordiv__: Any
        __rfloordiv__: Any
        __mod__: Any
        __rmod__: Any
        __pow__: Any
        __rpow__: Any
        __matmul__: Any
        __rmatmul__: Any
        __and__: Any
        __rand__: Any
        __or__: Any
        __ror__: Any
        __xor__: Any
        __rxor__: Any
        __lshift__: Any
        __rlshift__: Any
        __rshift__: Any
        __rrshift__: Any
        __lt__: Any
        __le__: Any
        __gt__: Any
        __ge__: Any
        __neg__: Any
        __invert__: Any
        __abs__: Any
        __getitem__: Any
        __setitem__: Any
        __iter__: Any

    def __new__(cls, *args: Any, **kwargs: Any) -> Tensor:
        from_legacy = getattr(cls, "_legacy_new", None)
        return from_legacy(*args, **kwargs) if from_legacy else _new(cls)

    def __init__(self, *args: Any, **kwargs: Any):
        pass

    # ---- internals -------------------------------------------------------------

    @staticmethod
    def _from_value(value: Value, edge: Any = None) -> Tensor:
        """A new Tensor over a Value; `edge` is `(node, index)`, a leaf Tensor to stand for, or None."""
        t = _new(Tensor)
        t._storage = Storage(value)
        if edge is not None:
            t._set_edge(edge)
        return t

    def _set_edge(self, edge: Any) -> None:
        if edge is None:
            self._node, self._req = None, False
        elif edge.__class__ is tuple:
            self._node, self._index = edge
            self._req = True
        else:
            from_leaf, node = taped_alias(self._read(), edge)
            self._node, self._index, self._req = node, 0, True
            del from_leaf

    def _edge(self) -> Any:
        """Where this Tensor's gradient goes: `(node, index)`, itself as a leaf, or None."""
        if self._lens is not None:
            self._read()
        if self._node is not None:
            return (self._node, self._index)
        return self if self._req else None

    def _read(self) -> Value:
        """The current Value."""
        s = self._storage
        if self._lens is None:
            return s.value if s.host is None else s.read()
        if self._seen != s.version or s.host is not None or self._value is None:
            self._refresh()
        return self._value  # type: ignore[return-value]

    def _refresh(self) -> None:
        """Reads a view anew through its lenses, with the history of its base."""
        base, s, lenses = self._base, self._storage, self._lens
        assert lenses is not None
        edge = None if base is None else base._edge()
        if edge is None or not local.ctx.grad:
            part = None if s.host is None or not s.seen_outside() else shared_part(s.host, lenses)
            self._value = (
                lenses[0].op.look_chain(s.read(), lenses) if part is None else value_from_numpy(part)
            )
        else:
            value = s.read()
            for lens in lenses:
                value, edge = lens.op.look(value, edge, lens.args)
            self._value = value
        self._seen = s.version
        if (
            base is not None
            and (local.ctx.grad or edge is None)
            and (edge is not None or self._node is not None)
        ):
            self._set_edge(edge)

    def _write(self, value: Value) -> None:
        """Rebinds the data, for all aliases; records no history."""
        self._assign(value, None, history=False)

    def _assign(self, value: Value, edge: Any, history: bool = True) -> None:
        """Rebinds the data to `value`; with `history`, gradients go where `edge` says."""
        s = self._storage
        history = history and local.ctx.grad
        if self._lens is None:
            s.write(value)
            if history:
                self._set_edge(edge)
            return
        base = self._base
        base_edge = base._edge() if base is not None and history else None
        if base_edge is None and (edge is None or not history):
            s.write(self._lens[0].op.put_chain(s.read(), value, self._lens))
            self._value, self._seen = (value, s.version) if s.host is None else (None, -1)
            return
        steps: list[Any] = [(s.read(), base_edge)]
        for lens in self._lens[:-1]:
            steps.append(lens.op.look(*steps[-1], lens.args))
        new = (value, edge if history else None)
        for lens, (old, old_edge) in zip(reversed(self._lens), reversed(steps)):
            new = lens.op.put_into(old, old_edge, new[0], new[1], lens.args)
        s.write(new[0])
        if base is not None and history:
            base._set_edge(new[1])
        self._value, self._seen = (value, s.version) if s.host is None else (None, -1)
        if history and base is not None:
            self._set_edge(edge)

    def _host(self) -> np.ndarray:
        """The data as a read-only NumPy array: runs what is pending and waits."""
        return engine.host(self._read())

    @property
    def _aval(self) -> Any:
        return self._storage.value.aval if self._lens is None else self._shown

    def _alias(self) -> Tensor:
        """Another Tensor over the same data, outside the tape."""
        t = _new(Tensor)
        t._storage = self._storage
        if self._lens is not None:
            t._lens, t._value, t._seen, t._shown = self._lens, self._value, self._seen, self._shown
        return t

    # ---- what it is --------------------------------------------------------------

    @property
    def shape(self) -> Size:
        """Sizes of the dimensions."""
        return tuple.__new__(Size, self._aval.shape)

    @property
    def dtype(self) -> dtypes.dtype:
        """Type of the elements."""
        return self._aval.dtype

    @property
    def device(self) -> Any:
        """Where the data is."""
        return self._aval.device

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return self._aval.ndim

    def dim(self) -> int:
        """Number of dimensions."""
        return self._aval.ndim

    ndimension = dim

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of one dimension."""
        if dim is None:
            return self.shape
        shape = self._aval.shape
        if not -len(shape) <= dim < len(shape):
            n = max(len(shape), 1)
            raise IndexError(
                f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim})"
            )
        return shape[dim]

    def numel(self) -> int:
        """Number of elements."""
        return self._aval.size

    nelement = numel

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self._aval.dtype.itemsize

    def element_size(self) -> int:
        """Bytes of one element."""
        return self._aval.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self._aval.size * self._aval.dtype.itemsize

    @property
    def is_cuda(self) -> bool:
        """Whether the data is on an accelerator."""
        return self.device.type == "cuda"

    @property
    def is_cpu(self) -> bool:
        """Whether the data is on the CPU."""
        return self.device.type == "cpu"

    @property
    def is_meta(self) -> bool:
        """Whether there is no data."""
        return self.device is devices.META

    def is_floating_point(self) -> bool:
        """Whether the dtype is floating."""
        return self.dtype.is_floating_point

    def is_complex(self) -> bool:
        """Whether the dtype is complex."""
        return self.dtype.is_complex

    def is_signed(self) -> bool:
        """Whether the dtype has a sign."""
        return self.dtype.is_signed

    def get_device(self) -> int:
        """The accelerator's index, -1 for the CPU."""
        return -1 if self.device.index is None else self.device.index

    @property
    def _version(self) -> int:
        return self._storage.version

    # ---- data ------------------------------------------------------------------------

    def item(self) -> Any:
        """The only element as a Python number."""
        a = self._aval
        if a.size != 1:
            raise RuntimeError(f"a Tensor with {a.size} elements cannot be converted to Scalar")
        return self._host().item() if a.dtype is not dtypes.bfloat16 else float(self._host().reshape(())[()])

    def tolist(self) -> Any:
        """The elements as (nested lists of) Python numbers."""
        data = self._host()
        return (data.astype(np.float32) if self.dtype is dtypes.bfloat16 else data).tolist()

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """The data as a NumPy array that shares memory with this Tensor on the CPU.

        Raises:
            RuntimeError: the Tensor requires grad.
            TypeError: it is on an accelerator, or of a dtype NumPy lacks.
        """
        if force:
            return np.array(self._host())
        if self.device is not devices.CPU:
            raise TypeError(
                f"can't convert {self.device} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first."
            )
        if self.requires_grad:
            raise RuntimeError(
                "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
            )
        if self.dtype is dtypes.bfloat16:
            raise TypeError("Got unsupported ScalarType BFloat16")
        self._host()
        array = self._storage.share()
        for lens in self._lens or ():
            array = lens.op.look_numpy(array, lens.args)
        return array.view()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        data = self.numpy() if self.dtype is not dtypes.bfloat16 else self._host()
        if dtype is not None and np.dtype(dtype) != data.dtype:
            return data.astype(dtype)
        return data.copy() if copy else data

    __array_priority__ = 1000

    def __bool__(self) -> bool:
        n = self._aval.size
        if n != 1:
            if n == 0:
                raise RuntimeError("Boolean value of Tensor with no values is ambiguous")
            raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")
        return bool(self.item())

    def __float__(self) -> float:
        return float(self._scalar())

    def __int__(self) -> int:
        return int(self._scalar())

    def __complex__(self) -> complex:
        return complex(self._scalar())

    def __index__(self) -> int:
        if self._aval.size != 1 or self.dtype.category > dtypes.INTEGER:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def _scalar(self) -> Any:
        if self._aval.size != 1:
            raise RuntimeError(f"a Tensor with {self._aval.size} elements cannot be converted to Scalar")
        return self.item()

    def __len__(self) -> int:
        if self._aval.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return self._aval.shape[0]

    def __hash__(self) -> int:
        return id(self)

    @property
    def data(self) -> Tensor:
        """The same data outside the tape; setting it swaps the data in."""
        t = self._alias()
        return t

    @data.setter
    def data(self, source: Tensor) -> None:
        if not isinstance(source, Tensor):
            raise TypeError("Variable data has to be a tensor, but got " + type(source).__name__)
        self._storage, self._lens, self._base = source._storage, source._lens, None
        self._value, self._seen, self._shown = source._value, source._seen, source._shown

    # ---- gradients ------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether operators on this Tensor are taped."""
        if self._lens is not None and self._seen != self._storage.version:
            self._read()
        return self._req

    @requires_grad.setter
    def requires_grad(self, flag: bool) -> None:
        self.requires_grad_(flag)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Sets whether operators on this leaf are taped; returns it.

        Raises:
            RuntimeError: the dtype has no gradients, or this is no leaf.
        """
        if self._node is not None:
            if not requires_grad:
                raise RuntimeError(
                    "you can only change requires_grad flags of leaf variables. If you want to use a computed "
                    "variable in a subgraph that doesn't require differentiation use var_no_grad = var.detach()."
                )
            return self
        if requires_grad and self.dtype.category < dtypes.FLOAT:
            raise RuntimeError("only Tensors of floating point dtype can require gradients")
        if requires_grad and self._inference and not local.ctx.inference:
            raise RuntimeError(
                "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed."
            )
        self._req = bool(requires_grad)
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether no taped operator made this Tensor."""
        return self.grad_fn is None

    @property
    def grad_fn(self) -> Any:
        """The Node that made this Tensor, None for leaves."""
        if self._lens is not None and self._seen != self._storage.version:
            self._read()
        return self._node

    @property
    def output_nr(self) -> int:
        """Which output of its Node this is."""
        return self._index

    @property
    def grad(self) -> Tensor | None:
        """The gradient accumulated so far."""
        if self._grad is None and self._node is not None and not self._retains:
            import warnings

            warnings.warn(
                "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute "
                "won't be populated during autograd.backward(). If you indeed want the .grad field to be populated "
                "for a non-leaf Tensor, use .retain_grad() on the non-leaf Tensor. If you access the non-leaf Tensor "
                "by mistake, make sure you access the leaf Tensor instead.",
                UserWarning,
                stacklevel=2,
            )
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(
                    f"assigned grad expected to be a Tensor or None but got grad of type {type(value).__name__}"
                )
            if value is self:
                raise RuntimeError("can't assign Variable as its own grad")
            if value.shape != self.shape:
                raise RuntimeError(
                    f"assigned grad has data of a different size: got {list(value.shape)}, expected {list(self.shape)}"
                )
        self._grad = value

    def backward(self, gradient: Tensor | None = None, retain_graph: bool | None = None,
                 create_graph: bool = False, inputs: Any = None) -> None:  # fmt: skip
        """Accumulates d(self)/d(leaf) into `.grad` of the leaves.

        Args:
            gradient: weight of each element of self; may be left out for one element.
            retain_graph: keep what backward needs for another one (default: `create_graph`).
            create_graph: tape the backward, for higher derivatives.
            inputs: the only leaves to accumulate into.
        """
        backward([self], [gradient], retain_graph, create_graph, inputs)

    def detach(self) -> Tensor:
        """The same data outside the tape; writes are seen by both."""
        return self._alias()

    def detach_(self) -> Tensor:
        """Leaves the tape in place; self becomes a leaf."""
        if self._base is not None:
            raise RuntimeError("Can't detach views in-place. Use detach() instead.")
        self._node, self._req = None, False
        return self

    def retain_grad(self) -> None:
        """Asks backward to fill `.grad` of this non-leaf."""
        if not self.requires_grad:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if self._node is None or self._retains:
            return
        node = self._node
        node.retained = node.retained or {}
        node.retained[self._index] = weakref.ref(self)
        self._retains = True

    @property
    def retains_grad(self) -> bool:
        """Whether backward fills `.grad` of this non-leaf."""
        return self._retains and self._node is not None

    def register_hook(self, hook: Callable[[Tensor], Any]) -> RemovableHandle:
        """Calls `hook(grad)` when this Tensor's gradient is known; it may return another."""
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if self._node is None:
            if self._hooks is None:
                self._hooks = {}
            return RemovableHandle(self._hooks, hook)
        node = self._node
        node.tensor_hooks = node.tensor_hooks or {}
        return RemovableHandle(node.tensor_hooks.setdefault(self._index, {}), hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> RemovableHandle:
        """Calls `hook(self)` after a gradient has been added to `.grad` of this leaf."""
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if self._node is not None:
            raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
        if self._post_hooks is None:
            self._post_hooks = {}
        return RemovableHandle(self._post_hooks, hook)

    def is_inference(self) -> bool:
        """Whether it was made in inference mode."""
        return self._inference


tape.tensor_class = Tensor


def taped_alias(value: Value, leaf: Any) -> tuple[Value, Any]:
    """A Node that passes gradients on to a leaf (a saved Value that stands for it)."""
    node = Node(add_call(value.aval), (0,), [None, None], [leaf, None], "AliasBackward0")
    return value, node


def backward(tensors: Any, grad_tensors: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
             inputs: Any = None) -> None:  # fmt: skip
    """`torch.autograd.backward`: sums gradients of `tensors` into the leaves' `.grad`."""
    tensors = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    if grad_tensors is None or isinstance(grad_tensors, Tensor):
        grad_tensors = [grad_tensors]
    if inputs is not None:
        inputs = [inputs] if isinstance(inputs, Tensor) else list(inputs)
        if not inputs:
            raise RuntimeError("'inputs' argument to backward cannot be empty.")
    roots = roots_of(tensors, list(grad_tensors) + [None] * (len(tensors) - len(grad_tensors)), create_graph)
    keep = create_graph if retain_graph is None else retain_graph
    targets = None
    if inputs is not None:
        targets = [t._edge() for t in inputs]
        if any(e is None for e in targets):
            raise RuntimeError("One of the differentiated Tensors does not require grad")
    tape.run_backward(roots, retain=keep, create_graph=create_graph, targets=targets)


def roots_of(tensors: list[Tensor], gradients: list[Any], create_graph: bool) -> list[tuple[Any, Any]]:
    """Edges and gradients that a backward starts from, checked as PyTorch does."""
    roots = []
    for i, (t, g) in enumerate(zip(tensors, gradients)):
        a = t._aval
        if g is None:
            edge = t._edge()
            if edge is None:
                raise RuntimeError(errors.MSG_NO_GRAD_FN.replace("element 0", f"element {i}"))
            if a.size != 1:
                raise RuntimeError("grad can be implicitly created only for scalar outputs")
            roots.append((edge, (record(fill_call(a, 1), [])[0], None)))
            continue
        if not isinstance(g, Tensor):
            raise TypeError(f"gradients can be either Tensors or None, but got {type(g).__name__}")
        edge = t._edge()
        if edge is None:
            raise RuntimeError(errors.MSG_NO_GRAD_FN.replace("element 0", f"element {i}"))
        b = g._aval
        if b.shape != a.shape:
            raise RuntimeError(
                f"Mismatch in shape: grad_output[{i}] has a shape of {g.shape} and output[{i}] has a shape of {t.shape}."
            )
        value = g._read()
        if b.dtype is not a.dtype:
            if b.dtype.is_complex != a.dtype.is_complex:
                raise RuntimeError(
                    f"For complex Tensors, both grad_output and output are required to have the same dtype. "
                    f"Mismatch in dtype: grad_output[{i}] has a dtype of {b.dtype} and output[{i}] has a dtype of {a.dtype}."
                )
            call = cast_call(b, a.dtype)
            value = record(call, [value])[0]
        roots.append((edge, (value, g._edge() if create_graph else None)))
    return roots


def from_numpy_copy(array: np.ndarray, device: Any = None) -> Tensor:
    """A Tensor with a copy of a NumPy array's data."""
    return Tensor._from_value(
        value_from_numpy(np.asarray(array), devices.canonical(device) if device else devices.CPU)
    )


def from_numpy_shared(array: np.ndarray) -> Tensor:
    """A Tensor that shares a NumPy array's memory (`torch.from_numpy`)."""
    d = dtypes.from_jnp(array.dtype)
    t = Tensor._from_value(Value(aval(tuple(array.shape), d)))
    t._storage.host = array
    return t


def shared_part(array: np.ndarray, lenses: tuple[Lens, ...]) -> np.ndarray | None:
    """The part of shared NumPy memory that lenses look at; None where NumPy has no such view."""
    for lens in lenses:
        if not lens.op.looks_at_numpy:
            return None
        array = lens.op.look_numpy(array, lens.args)
    return array
