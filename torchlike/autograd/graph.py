"""`torch.autograd.graph`: the graph that backward walks, its edges, and hooks on it."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .._core.autograd import AccumulateGrad as _AccumulateGrad
from .._core.autograd import Node as Node
from .._core.modes import local as _local
from .._core.names import missing as _missing
from .._core.roots import GradientEdge as GradientEdge
from .._core.saved import rewatch as _rewatch
from .._core.tensor import Tensor
from .grad_mode import _Switch

__all__ = [
    "saved_tensors_hooks", "save_on_cpu", "disable_saved_tensors_hooks", "register_multi_grad_hook",
    "allow_mutation_on_saved_tensors", "Node", "GradientEdge", "get_gradient_edge", "increment_version",
    "set_warn_on_accumulate_grad_stream_mismatch",
]  # fmt: skip


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The edge that stands for the tensor in `backward` and `grad`, without keeping its data.

    Raises:
        RuntimeError: the tensor does not require grad.
    """
    if not tensor.requires_grad:
        raise RuntimeError(
            "It is not possible to get the gradient edge for a Tensor that does not require gradients"
        )
    node = tensor.grad_fn
    return GradientEdge(_AccumulateGrad(tensor) if node is None else node, tensor.output_nr)


def increment_version(tensor: Tensor | Sequence[Tensor]) -> None:
    """Counts one write in place of each tensor, made by means that autograd does not see."""
    for t in (tensor,) if isinstance(tensor, Tensor) else tensor:
        t._storage.write(t._storage.read())


# ---- hooks on saved tensors ---------------------------------------------------------------


class saved_tensors_hooks:
    """A block in which tensors kept for backward pass through hooks.

    Args:
        pack_hook: called with each tensor kept (detached); what it returns is kept instead.
        unpack_hook: called with that in backward; returns a tensor of the same content.

    Raises:
        RuntimeError: on entry, inside `disable_saved_tensors_hooks`.
    """

    def __init__(self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]) -> None:
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __enter__(self) -> None:
        ctx = _local.ctx
        reason = ctx.extra.get("no_saved_hooks")
        if reason is not None:
            raise RuntimeError(reason)
        ctx.saved_hooks.append((self.pack_hook, self.unpack_hook))
        _rewatch()

    def __exit__(self, *_: object) -> None:
        _local.ctx.saved_hooks.pop()
        _rewatch()


class save_on_cpu(saved_tensors_hooks):
    """A block in which tensors kept for backward wait on the CPU.

    Args:
        pin_memory: keep them in page-locked memory where the device has it.
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        def pack(t: Tensor) -> Any:
            return t.device, (
                t.cpu().pin_memory() if pin_memory and t.device.type == device_type else t.cpu()
            )

        def unpack(kept: Any) -> Tensor:
            return kept[1].to(kept[0], non_blocking=pin_memory)

        super().__init__(pack, unpack)


@contextlib.contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """A block in which entering `saved_tensors_hooks` raises RuntimeError with this message."""
    ctx = _local.ctx
    if ctx.saved_hooks:
        raise RuntimeError(error_message)
    previous = ctx.extra.get("no_saved_hooks")
    ctx.extra["no_saved_hooks"] = error_message
    try:
        yield
    finally:
        ctx.extra["no_saved_hooks"] = previous


class _Mutation:
    """What `allow_mutation_on_saved_tensors` yields: the state of one block."""

    def __init__(self) -> None:
        self.kept: dict[int, Tensor] = {}

    def clear(self) -> None:
        """Forgets the tensors kept: backward through them is an error from now on."""
        self.kept.clear()


class _Ticket:
    """Stands for a tensor kept in a `_Mutation`; it is dropped with the graph."""

    def __init__(self, state: _Mutation, t: Tensor):
        self.state = state
        state.kept[id(self)] = t

    def __del__(self) -> None:
        self.state.kept.pop(id(self), None)


@contextlib.contextmanager
def allow_mutation_on_saved_tensors() -> Iterator[_Mutation]:
    """A block in which tensors kept for backward may be written in place: backward sees them as they were.

    Raises:
        RuntimeError: blocks are nested.
        AssertionError: a backward of the block's graph outside of it.
    """
    extra = _local.ctx.extra
    if extra.get("allow_mutation"):
        raise RuntimeError("allow_mutation_on_saved_tensors contexts cannot be nested")
    state = _Mutation()

    def unpack(ticket: _Ticket) -> Tensor:
        t = ticket.state.kept.get(id(ticket))
        assert t is not None, (
            "Trying to backward outside of the 'allow_mutation_on_saved_tensors' context"
            "in which the graph was originally recorded."
        )
        return t

    # `clone` keeps the Value as it is now: later writes give the storage another
    with saved_tensors_hooks(lambda t: _Ticket(state, t.clone()), unpack):
        extra["allow_mutation"] = True
        try:
            yield state
        finally:
            state.clear()
            extra["allow_mutation"] = False


# ---- hooks on several tensors ------------------------------------------------------------------


class _Handle:
    """Removes several hooks at once."""

    def __init__(self, handles: Sequence[Any]):
        self.handles = tuple(handles)

    def remove(self) -> None:
        """Removes the hooks; calling again does nothing."""
        for handle in self.handles:
            handle.remove()

    def __enter__(self) -> _Handle:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def register_multi_grad_hook(
    tensors: Sequence[Tensor], fn: Callable[..., None], *, mode: str = "all"
) -> _Handle:
    """Calls a hook when gradients of several tensors are known.

    Args:
        tensors: tensors that require grad; with mode `"any"` the others are passed over.
        fn: with mode `"all"`, called once per backward with the list of gradients, None for a tensor that the
            backward does not reach; with mode `"any"`, called with the first gradient that arrives.

    Raises:
        ValueError: another mode.
        AssertionError: with mode `"all"`, one does not require grad.
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    if mode == "all" and not all(t.requires_grad for t in tensors):
        raise AssertionError("Expected gradient function to be set")
    lock = threading.Lock()
    state: dict[Any, Any] = {}  # per backward: gradients so far
    nodes = [get_gradient_edge(t).node for t in tensors] if mode == "all" else []

    def all_hook(i: int, g: Tensor) -> None:
        task = _local.ctx.extra.get("backward")
        with lock:
            if task is None:
                return
            entry = state.get(task.number)
            if entry is None:
                state.clear()  # an earlier backward that did not come to its end
                entry = state[task.number] = [task.runs(nodes), [None] * len(tensors)]
            entry[0] -= 1
            entry[1][i] = g
            complete = not entry[0]
            if complete:
                del state[task.number]
        if complete:
            fn(entry[1])

    def any_hook(g: Tensor) -> None:
        task = _local.ctx.extra.get("backward")
        with lock:
            if task is None or state.get("last") == task.number:
                return
            state["last"] = task.number
        fn(g)

    if mode == "any":
        return _Handle([t.register_hook(any_hook) for t in tensors if t.requires_grad])
    return _Handle([t.register_hook(functools.partial(all_hook, i)) for i, t in enumerate(tensors)])


class set_warn_on_accumulate_grad_stream_mismatch(_Switch):
    """Kept for old code: streams are XLA's matter here."""

    name = "warn_on_stream_mismatch"


__getattr__ = _missing(__name__)
