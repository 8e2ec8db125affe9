"""`torch.utils.checkpoint`: keeps a function's inputs instead of what its backward needs, and runs it again there.

The second run reads its inputs through an optimization barrier, so that the
compiler does not merge it with the first and keep the intermediate results.
"""

from __future__ import annotations

import contextlib
import traceback
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax

from .._core import random as _random
from .._core.autograd import overwritten
from .._core.function import Function
from .._core.graph import record
from .._core.modes import enable_grad, is_grad_enabled, local, no_grad
from .._core.names import missing as _missing
from .._core.row_modes import RowMode
from .._core.tensor import Tensor
from .._core.versions import counted
from .._core.vjp import simple_call
from ..amp import autocast
from ..amp import settings as amp
from ..autograd import backward
from ..autograd.graph import saved_tensors_hooks
from ..ops.aten import overload_of
from ._selective_checkpoint import CheckpointPolicy as CheckpointPolicy
from ._selective_checkpoint import SelectiveCheckpointContext as SelectiveCheckpointContext
from ._selective_checkpoint import (
    create_selective_checkpoint_contexts as create_selective_checkpoint_contexts,
)

__all__ = [
    "checkpoint", "checkpoint_sequential", "CheckpointError", "CheckpointFunction", "check_backward_validity",
    "detach_variable", "get_device_states", "set_device_states", "noop_context_fn", "set_checkpoint_early_stop",
    "DefaultDeviceType", "set_checkpoint_debug_enabled", "CheckpointPolicy", "SelectiveCheckpointContext",
    "create_selective_checkpoint_contexts", "GraphExecGroup",
]  # fmt: skip

_MSG_PASS_REENTRANT = (
    "torch.utils.checkpoint: the use_reentrant parameter should be passed explicitly. Starting in PyTorch 2.9, calling "
    "checkpoint without use_reentrant will raise an exception. use_reentrant=False is recommended, but if you need to "
    "preserve the current default behavior, you can pass use_reentrant=True. Refer to docs for more details on the "
    "differences between the two variants."
)
_MSG_SEQUENTIAL = (
    "torch.utils.checkpoint.checkpoint_sequential: the use_reentrant parameter should be passed explicitly. In version "
    "2.9 we will raise an exception if use_reentrant is not passed. use_reentrant=False is recommended, but if you need "
    "to preserve the current default behavior, you can pass use_reentrant=True. Refer to docs for more details on the "
    "differences between the two variants."
)
_MSG_REENTRANT_GRAD = (
    "When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() or passing an `inputs` parameter to "
    ".backward(). To resolve this error, you can either set use_reentrant=False, or call .backward() without passing "
    "the `inputs` argument."
)
_MSG_COUNT = (
    "torch.utils.checkpoint: A different number of tensors was saved during the original forward and recomputation.\n"
    "Number of tensors saved during forward: {}\nNumber of tensors saved during recomputation: {}."
)
_MSG_METADATA = (
    "torch.utils.checkpoint: Recomputed values for the following tensors have different metadata than during the "
    "forward pass.\n{}"
)
_MSG_UNPACKED_TWICE = (
    "torch.utils.checkpoint: Unpack is being triggered for a tensor that was already unpacked once. If you are calling "
    "ctx.saved_tensors in backward, make sure to do so only once. Otherwise please open an issue with details on your "
    "use case."
)
_MSG_DEBUG = "{}\n\nThe operators of both runs, as `debug=True` asks for:\n\n{}\n\n{}"
_CHECKS = ("default", "none")


class CheckpointError(RuntimeError):
    """The second run of a checkpointed function was not like the first."""


class DefaultDeviceType:
    """The device type whose generators are preserved besides the CPU's; kept for old code."""

    _type = "cuda"

    @staticmethod
    def set_device_type(device: str = "cuda") -> None:
        """Sets it."""
        DefaultDeviceType._type = device

    @staticmethod
    def get_device_type() -> str:
        """The type set."""
        return DefaultDeviceType._type


# ---- settings ----------------------------------------------------------------------------


class _Setting:
    early_stop: bool | None = None
    debug: bool | None = None


@contextlib.contextmanager
def set_checkpoint_early_stop(enable: bool) -> Iterator[None]:
    """A block whose checkpoints end their second run as soon as backward has what it needs, or do not."""
    previous, _Setting.early_stop = _Setting.early_stop, enable
    try:
        yield
    finally:
        _Setting.early_stop = previous


@contextlib.contextmanager
def set_checkpoint_debug_enabled(enabled: bool | None) -> Iterator[None]:
    """A block whose checkpoints note their operators, or do not; None leaves it to `checkpoint(debug=)`."""
    previous, _Setting.debug = _Setting.debug, enabled
    try:
        yield
    finally:
        _Setting.debug = previous


def noop_context_fn() -> tuple[Any, Any]:
    """The default `context_fn`: nothing around the first run, nothing around the second."""
    return contextlib.nullcontext(), contextlib.nullcontext()


# ---- generators ----------------------------------------------------------------------------


def _devices_of(args: Iterable[Any]) -> list[Any]:
    found = {a.device for a in _tensors(args) if a.device.type != "cpu"}
    return sorted(found, key=str)


def _tensors(x: Any) -> Iterator[Tensor]:
    if isinstance(x, Tensor):
        yield x
    elif isinstance(x, dict):
        for v in x.values():
            yield from _tensors(v)
    elif isinstance(x, (list, tuple)):
        for v in x:
            yield from _tensors(v)


def get_device_states(*args: Any) -> tuple[list[Any], list[Any]]:
    """The accelerators that tensors among the arguments are on, and the states of their generators."""
    found = _devices_of(args)
    return found, [_random.generator_for(d).get_state() for d in found]


def set_device_states(devices: Any, states: Any, *, device_type: str | None = None) -> None:
    """Sets the generators of accelerators to the states that `get_device_states` returned."""
    for d, state in zip(devices, states):
        _random.generator_for(d).set_state(state)


class _Generators:
    """States of the generators that a function may draw from."""

    def __init__(self, args: Any):
        self.generators = [_random.default_generator, *[_random.generator_for(d) for d in _devices_of(args)]]
        self.states = [g.state_bytes() for g in self.generators]

    @contextlib.contextmanager
    def again(self) -> Iterator[None]:
        """A block that draws what was drawn after these states; then the generators are as before it."""
        now = [g.state_bytes() for g in self.generators]
        for g, state in zip(self.generators, self.states):
            g.load_state_bytes(state)
        try:
            yield
        finally:
            for g, state in zip(self.generators, now):
                g.load_state_bytes(state)


# ---- autocast -------------------------------------------------------------------------------------


class _Autocast:
    """What autocast of the CPU and of the arguments' device type was set to."""

    def __init__(self, args: Any):
        kind = next((d.type for d in _devices_of(args)), DefaultDeviceType.get_device_type())
        kinds = {k for k in (kind, "cpu") if amp.is_autocast_available(k)}
        caching = amp.is_autocast_cache_enabled()
        self.set = [
            (k, amp.get_autocast_dtype(k), amp.is_autocast_enabled(k), caching) for k in sorted(kinds)
        ]

    @contextlib.contextmanager
    def again(self) -> Iterator[None]:
        """A block in which it is set so again."""
        with contextlib.ExitStack() as stack:
            for settings in self.set:
                stack.enter_context(autocast(*settings))
            yield


# ---- inputs of the second run -----------------------------------------------------------------


def _rebuilt(x: Any, made: dict[int, Tensor]) -> Any:
    """The nested value with its tensors replaced."""
    if isinstance(x, Tensor):
        return made.get(id(x), x)
    if type(x) in (list, tuple):
        return type(x)(_rebuilt(v, made) for v in x)
    if type(x) is dict:
        return {k: _rebuilt(v, made) for k, v in x.items()}
    return x


def _apart(args: Any) -> dict[int, Tensor]:
    """For each plain tensor among the arguments a new leaf of the same content, which no compiler merges with it."""
    found = list({id(t): t for t in _tensors(args) if type(t) is Tensor}.values())
    made: dict[int, Tensor] = {}
    for device in {t.device for t in found}:
        here = [t for t in found if t.device is device]
        values = [t._read() for t in here]
        call = simple_call(
            "barrier", lambda *xs: jax.lax.optimization_barrier(xs), tuple(v.aval for v in values)
        )
        for t, v in zip(here, record(call, values)):
            made[id(t)] = Tensor._from_value(v).requires_grad_(t.requires_grad)
    return made


# ---- what belongs to several backwards ---------------------------------------------------------------


class GraphExecGroup:
    """A block whose calls of backward run each checkpointed function again at most once together.

    They must not need the same kept tensor; checkpoints with `use_reentrant=True` do not care.
    """

    def __enter__(self) -> GraphExecGroup:
        """Raises RuntimeError inside another one."""
        outer = self._get_current_group()
        if outer is not None:
            raise RuntimeError(f"GraphExecGroup contexts cannot be nested. Already inside group {outer}")
        local.ctx.extra["exec_group"] = self
        return self

    def __exit__(self, *_: object) -> None:
        del local.ctx.extra["exec_group"]

    @classmethod
    def _get_current_group(cls) -> GraphExecGroup | None:
        return local.ctx.extra.get("exec_group")


# ---- notes of the operators ------------------------------------------------------------------------


class _Notes(RowMode):
    """The operators of a run, and where each was called."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.stacks: list[str] = []

    def see(self, op: Any, args: tuple[Any, ...], outs: list[Any]) -> list[Any]:
        """Notes one."""
        found = ", ".join([f"{v.aval.dtype.name}{list(v.aval.shape)}" for v in outs])
        self.lines.append(f"{overload_of(op, args)}(...) -> {found}")
        self.stacks.append("".join(traceback.format_stack(limit=12)[:-4]))
        return outs

    def text(self, label: str) -> str:
        """What was noted, with the place of each operator."""
        rows = [f"{line}\n{stack}" for line, stack in zip(self.lines, self.stacks)]
        return "\n".join(
            [f"Operations executed during the {label}:\n", *self.lines, "\nWith their places:\n", *rows]
        )


# ---- the variant over hooks on saved tensors ------------------------------------------------------


class _Stop(BaseException):
    """Ends a second run that has given all it is needed for."""


class _Holder:
    """Stands for a tensor that the first run would have kept."""

    __slots__ = ("frame", "index", "__weakref__")

    def __init__(self, frame: _Frame, index: int):
        self.frame, self.index = frame, index


class _Frame:
    """One checkpointed call: how to run it again, and what that gave."""

    def __init__(self, again: Callable[[], None], early_stop: bool, check: bool, debug: bool):
        self.again, self.early_stop, self.check = again, early_stop, check
        self.notes = (_Notes(), _Notes()) if debug else None  # of the first run and the second
        self.holders: list[weakref.ref[_Holder]] = []
        self.metadata: list[Any] = []
        self.recomputed: dict[Any, dict[int, Tensor]] = {}  # per backward, or group of them

    def pack(self, t: Tensor) -> _Holder:
        """Keeps a place for the tensor instead of it."""
        holder = _Holder(self, len(self.holders))
        self.holders.append(weakref.ref(holder))
        self.metadata.append(_metadata(t))
        return holder

    def unpack(self, holder: _Holder) -> Tensor:
        """The tensor, from a second run of the function: one per backward."""
        task = local.ctx.extra.get("backward")
        group = GraphExecGroup._get_current_group()
        key = group if group is not None else -1 if task is None else task.number
        found = self.recomputed.get(key)
        if found is None:
            self.recomputed.clear()
            found = self.recomputed[key] = {}
            self._run_again(found)
        t = found.pop(holder.index, None)
        if task is None:
            self.recomputed.clear()
        if t is None:
            raise CheckpointError(_MSG_UNPACKED_TWICE)
        return t

    def _run_again(self, found: dict[int, Tensor]) -> None:
        seen: list[Any] = []

        def pack(t: Tensor) -> Tensor:
            n = len(seen)
            seen.append(_metadata(t))
            if n < len(self.holders) and self.holders[n]() is not None:
                found[n] = t
            if self.early_stop and n + 1 == len(self.holders):
                raise _Stop
            return t

        noted = contextlib.nullcontext() if self.notes is None else self.notes[1]
        with contextlib.suppress(_Stop), saved_tensors_hooks(pack, lambda t: t), enable_grad(), noted:
            self.again()
        if self.check:
            try:
                self._compare(seen)
            except CheckpointError as e:
                if self.notes is None:
                    raise
                texts = [n.text(label) for n, label in zip(self.notes, ("original forward", "recomputation"))]
                raise CheckpointError(_MSG_DEBUG.format(e, *texts)) from e

    def _compare(self, seen: list[Any]) -> None:
        if len(seen) < len(self.metadata) or (not self.early_stop and len(seen) != len(self.metadata)):
            raise CheckpointError(_MSG_COUNT.format(len(self.metadata), len(seen)))
        lines = [
            f"tensor at position {i}:\nsaved metadata: {a}\nrecomputed metadata: {b}\n"
            for i, (a, b) in enumerate(zip(self.metadata, seen))
            if a != b and self.holders[i]() is not None
        ]
        if lines:
            raise CheckpointError(_MSG_METADATA.format("".join(lines)))


def _metadata(t: Tensor) -> dict[str, Any]:
    return {"shape": t.shape, "dtype": t.dtype, "device": t.device}


def _without_reentry(function: Callable, args: Any, kwargs: Any, preserve: bool, context_fn: Callable,
                     determinism_check: str, early_stop: bool, debug: bool) -> Any:  # fmt: skip
    if determinism_check not in _CHECKS:
        raise ValueError(f"determinism_check should be one of {list(_CHECKS)}, but got {determinism_check}")
    forward_context, recompute_context = context_fn()
    if not is_grad_enabled():
        with forward_context:
            return function(*args, **kwargs)
    generators = _Generators((args, kwargs)) if preserve else None
    cast = _Autocast((args, kwargs))

    versions = [(t, counted(t._storage, t._counter)) for t in args if isinstance(t, Tensor)]

    def again() -> None:
        for t, then in versions:
            now = counted(t._storage, t._counter)
            if now != then:
                raise overwritten(t._storage, t._aval.shape, then, now, t._node, t._index)
        made = _apart((args, kwargs))
        drawn = contextlib.nullcontext() if generators is None else generators.again()
        with drawn, cast.again(), recompute_context:
            function(*_rebuilt(args, made), **_rebuilt(kwargs, made))

    frame = _Frame(again, early_stop, determinism_check != "none", debug)
    noted = contextlib.nullcontext() if frame.notes is None else frame.notes[0]
    with saved_tensors_hooks(frame.pack, lambda holder: holder.frame.unpack(holder)), forward_context, noted:
        return function(*args, **kwargs)


# ---- the variant over a Function ----------------------------------------------------------------------


def detach_variable(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments with each tensor as a leaf of its own, requiring grad as before.

    Raises:
        RuntimeError: `inputs` is no tuple.
    """
    if not isinstance(inputs, tuple):
        raise RuntimeError(
            "Only tuple of tensors is supported. Got Unsupported input type: ", type(inputs).__name__
        )
    return tuple(x.detach().requires_grad_(x.requires_grad) if isinstance(x, Tensor) else x for x in inputs)


def check_backward_validity(inputs: Iterable[Any]) -> None:
    """Warns if no tensor among the inputs requires grad: then nothing below the checkpoint gets gradients."""
    if not any(x.requires_grad for x in inputs if isinstance(x, Tensor)):
        warnings.warn("None of the inputs have requires_grad=True. Gradients will be None", stacklevel=2)


class CheckpointFunction(Function):
    """The checkpoint as a Function: backward runs the function again, and its backward."""

    @staticmethod
    def forward(ctx: Any, run_function: Callable, preserve_rng_state: bool, *args: Any) -> Any:
        """Runs the function outside the tape."""
        check_backward_validity(args)
        ctx.run_function = run_function
        ctx.generators = _Generators(args) if preserve_rng_state else None
        ctx.autocast = _Autocast(args)
        ctx.inputs = [None if isinstance(a, Tensor) else a for a in args]
        ctx.tensor_indices = [i for i, a in enumerate(args) if isinstance(a, Tensor)]
        ctx.save_for_backward(*[args[i] for i in ctx.tensor_indices])
        with no_grad():
            return run_function(*args)

    @staticmethod
    def backward(ctx: Any, *args: Any) -> Any:
        """Runs the function under the tape, and backward through it."""
        task = local.ctx.extra.get("backward")
        if task is not None and (task.targets is not None or is_grad_enabled()):
            raise RuntimeError(_MSG_REENTRANT_GRAD)
        inputs = list(ctx.inputs)
        tensors = ctx.saved_tensors
        made = _apart(tensors)
        for i, t in zip(ctx.tensor_indices, tensors):
            inputs[i] = made.get(id(t), t)
        detached = detach_variable(tuple(inputs))
        drawn = contextlib.nullcontext() if ctx.generators is None else ctx.generators.again()
        with drawn, enable_grad(), ctx.autocast.again():
            outputs = ctx.run_function(*detached)
        outputs = (outputs,) if isinstance(outputs, Tensor) else outputs
        pairs = [(o, g) for o, g in zip(outputs, args) if isinstance(o, Tensor) and o.requires_grad]
        if not pairs:
            raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not necessary")
        backward([o for o, _ in pairs], [g for _, g in pairs])
        return (None, None, *[x.grad if isinstance(x, Tensor) else None for x in detached])


# ---- what users call ---------------------------------------------------------------------------------


def checkpoint(
    function: Callable, *args: Any, use_reentrant: bool | None = None,
    context_fn: Callable[[], tuple[Any, Any]] = noop_context_fn, determinism_check: str = "default",
    debug: bool = False, early_stop: bool = True, **kwargs: Any,
) -> Any:  # fmt: skip
    """`function(*args, **kwargs)`, whose intermediate results are computed again in backward instead of kept.

    Args:
        use_reentrant: True: backward runs a backward of its own (positional arguments only; at least one input must
            require grad). False, which is advised: hooks on saved tensors.
        preserve_rng_state: draw the same random numbers the second time (default True).
        context_fn: returns context managers for the first and the second run.
        determinism_check: `"default"` compares shapes, dtypes and devices of what the two runs keep; `"none"` does not.
        debug: errors say which operators both runs called, and where.
        early_stop: end the second run as soon as backward has what it needs.

    Raises:
        CheckpointError: in backward, if the second run was not like the first.
        ValueError: an argument that this variant does not take.
    """
    if use_reentrant is None:
        warnings.warn(_MSG_PASS_REENTRANT, stacklevel=2)
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if use_reentrant:
        if kwargs:
            raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
        if context_fn is not noop_context_fn or debug:
            raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
        return CheckpointFunction.apply(function, preserve, *args)
    debug = debug if _Setting.debug is None else _Setting.debug
    if debug and context_fn is not noop_context_fn:
        raise ValueError("debug=True is incompatible with non-default context_fn")
    stop = early_stop if _Setting.early_stop is None else _Setting.early_stop
    return _without_reentry(function, args, kwargs, preserve, context_fn, determinism_check, stop, debug)


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """Runs functions one after the other, in segments that are checkpointed; the last segment is not.

    Args:
        functions: a Sequential, or a list of modules or functions.
        segments: how many parts to divide them into.
    """
    if use_reentrant is None:
        warnings.warn(_MSG_SEQUENTIAL, stacklevel=2)
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    steps = list(functions.children()) if hasattr(functions, "children") else list(functions)

    def part(start: int, end: int) -> Callable[[Any], Any]:
        def forward(x: Any) -> Any:
            for f in steps[start : end + 1]:
                x = f(x)
            return x

        return forward

    size = len(steps) // segments
    end = -1
    for start in range(0, size * (segments - 1), size):
        end = start + size - 1
        input = checkpoint(part(start, end), input, use_reentrant=use_reentrant, preserve_rng_state=preserve)
    return part(end + 1, len(steps) - 1)(input)


__getattr__ = _missing(__name__)
