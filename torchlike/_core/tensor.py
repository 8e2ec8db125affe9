"""Tensor: what users hold. Data access, views, gradients; operators are attached by the registry.

A plain Tensor reads its Storage. A view also has a chain of lenses: reading
applies them to the Storage's Value (cached per version), writing puts through
them, so that every alias sees the write.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from . import devices, dtypes, engine, errors, gradients, roots
from .autograd import TYPE_NAMES, Node, RemovableHandle
from .errors import ManyViews, StaleView
from .graph import Value, aval
from .layouts import Order, order_like
from .modes import local
from .storage import Storage, value_from_numpy
from .versions import Counter, counted, note, writes
from .vjp import add_call

_new = object.__new__
WRITTEN = -2  # `_seen` of a view that was itself written under taping, and not read since


class Size(tuple):
    """The shape of a Tensor (`torch.Size`): a tuple with `numel()`."""

    __module__ = "torchlike"
    __slots__ = ()

    def __new__(cls, items: Any = ()) -> Size:
        sizes = []
        for i, n in enumerate(items):
            if not hasattr(n, "__index__"):
                raise TypeError(f"torch.Size() takes an iterable of 'int' (item {i} is '{type(n).__name__}')")
            sizes.append(n.__index__())
        return tuple.__new__(cls, sizes)

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

    __module__ = "torchlike"  # where users find it

    _storage: Storage
    _lens: tuple[Lens, ...] | None = None
    _base: Tensor | None = None
    _value: Value | None = None  # of a view: its Value at version `_seen`
    _seen: int = 0
    _shown: Any = None  # of a view: its Aval
    _node: Any = None
    _index: int = 0
    _req: bool = False
    _grad: Tensor | Value | None = None  # a Value until somebody looks, see `_shown_grad`
    _hooks: dict[int, Any] | None = None
    _post_hooks: dict[int, Any] | None = None
    _inference: bool = False
    _retains: bool = False
    _accumulate: Any = None  # a weak reference to what `next_functions` shows for this leaf
    _accumulate_hooks: Any = None  # hooks before and after accumulation into `.grad`
    _late: bool = False  # a view whose base got history, and nobody asked for its own since: still a leaf
    _lost: bool = False  # a view made outside the tape: it requires grad, and nobody gets the gradient
    _trait: Any = None  # why this view must not be written in place under taping: a text or ManyViews
    _counter: Any = None  # counts its writes, where the storage's does not (see `versions.py`)

    __torch_function__: Any
    is_sparse = False
    _parted = False  # made of other tensors (a sparse one, a masked one), without a storage of its own
    is_quantized = False
    is_nested = False
    is_mkldnn = False
    is_mps = False
    is_xpu = False

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
        if self._retains and self._node is not None:
            self._retain_elsewhere(edge)
        if edge is None:
            self._node, self._req = None, False
        elif type(edge) is tuple:
            self._node, self._index = edge
            self._req = True
        else:
            from_leaf, node = taped_alias(self._read(), edge)
            self._node, self._index, self._req = node, 0, True
            del from_leaf

    def _retain_elsewhere(self, edge: Any) -> None:
        """A write in place gives this tensor a new Node: its gradient is retained there."""
        if self._node.retained is not None:
            self._node.retained.pop(self._index, None)
        if type(edge) is tuple:
            edge[0].retain(edge[1], self)
        else:
            self._retains = False

    def _edge(self) -> Any:
        """Where this Tensor's gradient goes: `(node, index)`, itself as a leaf, or None."""
        if self._lens is not None:
            self._fetch()
        if self._node is not None:
            return (self._node, self._index)
        return self if self._req else None

    def _shown_grad(self) -> Tensor | None:
        """What `.grad` is."""
        g = self._grad
        if type(g) is Value:
            g = self._grad = Tensor._from_value(g)  # type: ignore[arg-type]
        return g  # type: ignore[return-value]

    def _fetch(self) -> None:
        """Brings the history of a view up to date, for somebody who asks for it."""
        self._read()
        if self._late:
            self._late = False

    def _is_leaf(self) -> bool:
        """Whether it has no history that anybody asked for."""
        node = self._node
        if node is None:
            return self._seen != WRITTEN
        return self._late or (type(node) is StaleView and node.lost is None)

    def _read(self) -> Value:
        """The current Value."""
        s = self._storage
        if self._lens is None:
            return s.value if s.host is None else s.read()
        if self._seen != s.version or self._value is None:
            self._refresh()
            if s.host is not None:  # NumPy may write to it at any time
                value, self._value = self._value, None
                return value  # type: ignore[return-value]
        return self._value  # type: ignore[return-value]

    def _refresh(self) -> None:
        """Reads a view anew through its lenses, with the history of its base."""
        base, s, lenses = self._base, self._storage, self._lens
        assert lenses is not None
        if base is not None and base._storage is not s:  # it got other data (`.data =`); the view did not
            base = None
        edge = None if base is None else base._edge()
        written = self._seen == WRITTEN
        stale = self._seen < 0 or writes(s, self._counter, self._seen) > 0
        trait = self._trait
        if type(trait) is ManyViews and (self._node is not None or edge is not None):
            if stale and self._seen != -1 and type(self._node) is not StaleView:  # -1: not read before
                self._node, self._req = StaleView(trait.stale(self._node), self._node), True
            if type(self._node) is StaleView:
                base = None
        elif type(trait) is str and edge is not None and self._node is None and stale:
            self._node, self._req = StaleView(errors.stale_view(trait), None), True
            base = None
        if edge is None or base is None or not stale:
            part = None if s.host is None or not s.seen_outside() else shared_part(s.host, lenses)
            self._value = (
                lenses[0].op.look_chain(s.read(), lenses) if part is None else value_from_numpy(part)
            )
        else:
            value, own = s.read(), lenses
            if base._lens is not None:
                value, own = base._read(), self._lenses_from(base)
            # as in PyTorch, a view takes over its base's history in any mode
            before, local.ctx.grad = local.ctx.grad, True
            try:
                for lens in own:
                    value, edge = lens.op.look(value, edge, lens.args)
            finally:
                local.ctx.grad = before
            if type(edge) is tuple and own and value.aval.dtype is s.value.aval.dtype:
                edge[0]._name = "AsStridedBackward0"  # whichever view it was
            # a base may show less than this view does
            self._value = value if base._lens is None else lenses[0].op.look_chain(s.read(), lenses)
        self._seen = s.version
        if base is not None and stale and (edge is not None or self._node is not None):
            if self._node is None and not written:
                self._late = True
            self._set_edge(_nowhere(self._shown) if edge is None else edge)

    def _lenses_from(self, base: Tensor) -> tuple[Lens, ...]:
        """The lenses through which this view looks at its base."""
        whole, own = base._lens, self._lens
        assert own is not None
        if whole is None:
            return own
        return own[len(whole) :] if own[: len(whole)] == whole else own[0].op.within(self, base)

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
            if self._counter is not None:
                note(s, self._counter)
            return
        base = self._base
        base_edge = base._edge() if base is not None and history else None
        if edge is not None and history and self._trait is not None:
            trait = self._trait
            raise RuntimeError(trait) if type(trait) is str else trait.written(self._node)
        if base is None or (base_edge is None and (edge is None or not history)):
            s.write(self._lens[0].op.put_chain(s.read(), value, self._lens))
            if self._counter is not None:
                note(s, self._counter)
            if self._seen == WRITTEN:
                self._value = None  # its history is still to be read from its base
            else:
                known = s.host is None and value.aval is self._shown
                if self._node is not None and self._trait is None:
                    known = False  # its history is its base's anew
                self._value, self._seen = (value, s.version) if known else (None, -1)
            if self._trait is not None and self._node is not None:
                self._seen -= 1  # one of many views: reading it with its history is an error from now on
            if base is None and history:
                self._set_edge(edge)
            return
        whole, own = base._lens, self._lenses_from(base)
        new, new_edge = own[0].op.put_taped(base._read(), value, own, base_edge, edge)
        s.write(new if whole is None else self._lens[0].op.put_chain(s.read(), value, self._lens))
        base._set_edge(new_edge)
        if self._counter is not None:
            note(s, self._counter)
        # from now on its history is the base's, read when somebody asks
        self._value, self._seen, self._req = None, WRITTEN, new_edge is not None

    def _touch(self) -> None:
        """Counts a write that left the data as it was."""
        self._storage.touch()
        if self._counter is not None:
            note(self._storage, self._counter)

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
        t._inference, t._counter = self._inference, self._counter
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
        if not isinstance(dim, int):
            raise TypeError(f"size(): argument 'dim' (position 1) must be int, not {type(dim).__name__}")
        if not -len(shape) <= dim < len(shape):
            n = len(shape)
            if not n:
                raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
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
        """How often the data was written in place, through any alias but those that `.data` makes."""
        if self._inference:
            raise RuntimeError("Inference tensors do not track version counter.")
        return counted(self._storage, self._counter)

    # ---- data ------------------------------------------------------------------------

    def item(self) -> Any:
        """The only element as a Python number."""
        a = self._aval
        if a.size != 1:
            raise RuntimeError(f"a Tensor with {a.size} elements cannot be converted to Scalar")
        if a.device is devices.META:
            raise RuntimeError("Tensor.item() cannot be called on meta tensors")
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

    def __array_wrap__(self, array: np.ndarray, context: Any = None, return_scalar: bool = False) -> Tensor:
        """What a NumPy function of a Tensor returns: a Tensor (bool results as uint8, as in PyTorch)."""
        array = np.asarray(array)
        return from_numpy_shared(array.astype(np.uint8) if array.dtype == np.bool_ else array)

    __array_priority__ = 1000

    def __bool__(self) -> bool:
        n = self._aval.size
        if n != 1:
            if n == 0:
                raise RuntimeError("Boolean value of Tensor with no values is ambiguous")
            raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")
        return bool(self.item())

    def __float__(self) -> float:
        if self._req:
            errors.warn_once(errors.MSG_GRAD_TO_SCALAR)
        return float(self._real_scalar("double"))

    def __int__(self) -> int:
        return int(self._real_scalar("int64_t"))

    def _real_scalar(self, target: str) -> Any:
        value = self._scalar()
        if type(value) is complex:
            if value.imag:
                raise RuntimeError(f"value cannot be converted to type {target} without overflow")
            value = value.real
        return value

    def __complex__(self) -> complex:
        if self._req:
            errors.warn_once(errors.MSG_GRAD_TO_SCALAR)
        return complex(self._scalar())

    def __index__(self) -> int:
        if self._aval.size != 1 or self.dtype.category > dtypes.INTEGER:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def _scalar(self) -> Any:
        if self._aval.size != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
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
        t._counter = Counter()
        return t

    @data.setter
    def data(self, source: Tensor) -> None:
        if not isinstance(source, Tensor):
            raise TypeError("Variable data has to be a tensor, but got " + type(source).__name__)
        if self._req and source.dtype.category < dtypes.FLOAT:
            raise RuntimeError(
                "data set to a tensor that requires gradients must be floating point or complex dtype"
            )
        if source.dtype is not self.dtype or source.device is not self.device:
            self._accumulate = None  # graphs end somewhere else from now on, as in PyTorch
        self._take(source)

    def _take(self, source: Tensor, write: bool = False) -> None:
        """Shows what another Tensor shows from now on, with the history that it has; `write` counts as one."""
        had = self._storage
        if had.pinned is not None:
            had.pinned.planned = False  # backward will look at the new data
        self._counter = Counter(counted(had, self._counter) + write, had, self._counter)
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
        if not isinstance(flag, bool):
            raise RuntimeError("requires_grad must be a bool")
        if flag and self.dtype.category < dtypes.FLOAT:
            raise RuntimeError("only Tensors of floating point and complex dtype can require gradients")
        self.requires_grad_(flag)

    @requires_grad.deleter
    def requires_grad(self) -> None:
        raise RuntimeError("requires_grad must be a bool")

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Sets whether operators on this leaf are taped; returns it.

        Raises:
            RuntimeError: the dtype has no gradients, or this is no leaf.
        """
        if type(requires_grad) is not bool:
            kind = type(requires_grad).__name__
            raise TypeError(
                f"requires_grad_(): argument 'requires_grad' (position 1) must be bool, not {kind}"
            )
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
        self._req = requires_grad
        if self._lost:
            self._lost = False
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether no taped operator made this Tensor."""
        return self.grad_fn is None

    @property
    def grad_fn(self) -> Any:
        """The Node that made this Tensor, None for leaves."""
        if self._lens is not None and (self._late or self._seen != self._storage.version):
            self._fetch()
        node = self._node
        return None if node is None else node.seen()

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
        return self._shown_grad()

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(
                    f"assigned grad expected to be a Tensor or None but got grad of type {type(value).__name__}"
                )
            if value is self:
                raise RuntimeError("can't assign Variable as its own grad")
            have, own = value._aval, self._aval
            wanted = own.dtype if self._node is not None else self.grad_dtype
            if wanted is not None and have.dtype is not wanted:
                raise RuntimeError(
                    errors.MSG_GRAD_DTYPE.format(
                        dtypes.C_NAMES[have.dtype.name], TYPE_NAMES[wanted.name][:-6]
                    )
                )
            if have.shape != own.shape:
                raise RuntimeError(
                    f"attempting to assign a gradient of size '{list(have.shape)}' to a tensor of size "
                    f"'{list(own.shape)}'. Please ensure that the gradient and the tensor are the same size"
                )
            if have.device is not own.device:
                raise RuntimeError(
                    f"attempting to assign a gradient with device type '{have.device.type}' to a tensor with device "
                    f"type '{own.device.type}'. Please ensure that the gradient and the tensor are on the same device"
                )
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    @property
    def grad_dtype(self) -> dtypes.dtype | None:
        """The dtype of `.grad` of a leaf: gradients are cast to it. Its own dtype unless set; None allows any.

        Raises:
            RuntimeError: this is no leaf; when set, `.grad` is of another dtype already.
        """
        if self.grad_fn is not None:
            raise RuntimeError("grad_dtype can only be accessed on leaf tensors.")
        kind = self._hooks.get("grad_dtype") if self._hooks else None  # type: ignore[call-overload]
        return self.dtype if kind is None else kind.dtype

    @grad_dtype.setter
    def grad_dtype(self, value: dtypes.dtype | None) -> None:
        if self.grad_fn is not None:
            raise RuntimeError("grad_dtype can only be set on leaf tensors.")
        if value is not None and not isinstance(value, dtypes.dtype):
            raise RuntimeError(f"grad_dtype must be a torch.dtype or None, but got {type(value).__name__}")
        have = self._shown_grad()
        if value is not None and have is not None and have.dtype is not value:
            raise RuntimeError(
                f"Cannot set grad_dtype to '{TYPE_NAMES[value.name][:-6]}' because there is already a gradient with dtype "
                f"'{dtypes.C_NAMES[have.dtype.name]}'. Please clear the gradient (.grad = None) before changing "
                "grad_dtype, or ensure the new grad_dtype matches the existing gradient's dtype."
            )
        self._hooks = {} if self._hooks is None else self._hooks
        self._hooks["grad_dtype"] = gradients.GradDtype(value)  # type: ignore[index]

    def backward(self, gradient: Tensor | None = None, retain_graph: bool | None = None,
                 create_graph: bool = False, inputs: Any = None) -> None:  # fmt: skip
        """Accumulates d(self)/d(leaf) into `.grad` of the leaves.

        Args:
            gradient: weight of each element of self; may be left out for one element.
            retain_graph: keep what backward needs for another one (default: `create_graph`).
            create_graph: tape the backward, for higher derivatives.
            inputs: the only leaves to accumulate into.
        """
        roots.backward(self, gradient, retain_graph, create_graph, inputs=inputs)

    def detach(self) -> Tensor:
        """The same data outside the tape; writes are seen by both."""
        return self._alias()

    def detach_(self) -> Tensor:
        """Leaves the tape in place; self becomes a leaf."""
        if self._base is not None:
            raise RuntimeError(errors.MSG_DETACH_VIEW)
        self._node, self._req = None, False
        return self

    def retain_grad(self) -> None:
        """Asks backward to fill `.grad` of this non-leaf."""
        if not self.requires_grad:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if self._is_leaf() or self._retains:
            return
        self._node.retain(self._index, self)
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
        node.unplan()
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


gradients.tensor_class = Tensor


def taped_alias(value: Value, leaf: Any, name: str = "AliasBackward0") -> tuple[Value, Any]:
    """A Node that passes gradients on to a leaf (a saved Value that stands for it)."""
    node = Node(add_call(value.aval, value.aval), (0,), [None, None], [leaf, None], name)
    return value, node


# What the hot path reads. CPython keeps an object's attributes in an array, without a dictionary, only while their
# names are among those that the first objects of its class had: so these have them all.
COMMON = ("_storage", "_lens", "_node", "_index", "_req", "_inference", "_grad", "_counter", "_base", "_value", "_seen",
          "_shown", "_trait", "_late", "_hooks", "_post_hooks", "_accumulate_hooks", "_lost")  # fmt: skip


def blank(cls: type) -> Any:
    """A Tensor of a class, with all common attributes at their defaults, and no storage yet."""
    t = _new(cls)
    t._storage = None
    for name in COMMON[1:]:
        setattr(t, name, getattr(Tensor, name))
    return t


blank(Tensor)


def _nowhere(shown: Any) -> Any:
    """The edge of a view whose base was written and has no history: it still requires grad, and nobody gets it."""
    leaf = Tensor._from_value(Value(shown))
    leaf._req = True
    return taped_alias(leaf._storage.value, leaf, "AsStridedBackward0")[1], 0


def from_numpy_copy(array: np.ndarray, device: Any = None, order: Order = None) -> Tensor:
    """A Tensor with a copy of a NumPy array's data, whose elements lie in `order` in memory."""
    target = devices.canonical(device) if device else devices.CPU
    return Tensor._from_value(value_from_numpy(np.asarray(array), target, order=order))


def from_numpy_shared(array: np.ndarray) -> Tensor:
    """A Tensor that shares a NumPy array's memory (`torch.from_numpy`)."""
    d = dtypes.from_jnp(array.dtype)
    order = None if array.flags.c_contiguous else order_like(array.shape, [(array.shape, array.strides)])
    t = Tensor._from_value(Value(aval(tuple(array.shape), d, order=order)))
    t._storage.host = array
    return t


def shared_part(array: np.ndarray, lenses: tuple[Lens, ...]) -> np.ndarray | None:
    """The part of shared NumPy memory that lenses look at; None where NumPy has no such view."""
    for lens in lenses:
        if not lens.op.looks_at_numpy:
            return None
        array = lens.op.look_numpy(array, lens.args)
    return array
