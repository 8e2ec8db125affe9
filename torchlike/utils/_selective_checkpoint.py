"""Selective checkpoints: a policy says which results of a checkpointed function are kept and not computed again.

In the second run each operator is recorded as in the first; where its result was kept, the kept one takes the
place of the new one, which nobody then asks for.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from .._core.graph import Value
from .._core.row import Op
from .._core.row_modes import RowMode, arguments_of, shown
from ..ops.aten import OpOverload, OpOverloadPacket, overload_of

_MSG_MISMATCH = (
    "This can happen if the operations in the checkpointed region are nondeterministic or depend on global state that "
    "changed between forward and backward."
)
_MSG_TWICE = (
    "Trying to backward an extra time. You are only allowed to backward once on any region computed under selective "
    "activation checkpoint."
)


class CheckpointPolicy(enum.Enum):
    """What happens to the result of an operator: kept for backward, or computed there again.

    `MUST_` and `PREFER_` mean the same here; results that a policy wants on the host are computed again.
    """

    MUST_SAVE = 0
    PREFER_SAVE = 1
    MUST_RECOMPUTE = 2
    PREFER_RECOMPUTE = 3
    MUST_CPU_OFFLOAD = 4
    PREFER_CPU_OFFLOAD = 5


_SAVING = (CheckpointPolicy.MUST_SAVE, CheckpointPolicy.PREFER_SAVE, True)


class SelectiveCheckpointContext:
    """What a policy is told besides the operator.

    Attributes:
        is_recompute: always False: only the first run asks.
        op_output: the operator's result.
    """

    def __init__(self, *, is_recompute: bool, op_output: Any = None) -> None:
        self.is_recompute, self.op_output = is_recompute, op_output


class _Again:
    """Stands for results that are computed again."""


class _Taken:
    """Stands for results that a second run has used."""


_Storage = dict[OpOverload, dict[int, Any]]


class _Counting(RowMode):
    def __init__(self, storage: _Storage) -> None:
        self.storage = storage
        self.counts: dict[OpOverload, int] = defaultdict(int)

    def number(self, op: Op, args: tuple[Any, ...]) -> tuple[OpOverload, int]:
        """The operator, and how often it was called before."""
        func = overload_of(op, args)
        n = self.counts[func]
        self.counts[func] = n + 1
        return func, n


class _Keeping(_Counting):
    """The first run."""

    def __init__(self, policy: Callable[..., Any], storage: _Storage) -> None:
        super().__init__(storage)
        self.policy = policy

    def see(self, op: Op, args: tuple[Any, ...], outs: list[Value]) -> list[Value]:
        """Asks the policy, and keeps the results or does not."""
        func, n = self.number(op, args)
        positional, named = arguments_of(op, args)
        ctx = SelectiveCheckpointContext(is_recompute=False, op_output=shown(outs))
        kept = self.policy(ctx, func, *positional, **named) in _SAVING
        self.storage[func][n] = tuple(outs) if kept else _Again
        return outs


class _Using(_Counting):
    """The second run."""

    def __enter__(self) -> Any:
        self.counts.clear()
        return super().__enter__()

    def see(self, op: Op, args: tuple[Any, ...], outs: list[Value]) -> list[Value]:
        """The kept results instead of `outs`.

        Raises:
            RuntimeError: the first run did not call the operator as often; the results were used before.
        """
        func, n = self.number(op, args)
        if func not in self.storage:
            raise RuntimeError(
                f"{func} encountered during backward but not found in storage. {_MSG_MISMATCH}"
            )
        entries = self.storage[func]
        if n not in entries:
            raise RuntimeError(
                f"{func} invocation index {n} encountered during backward but not found in storage. {_MSG_MISMATCH}"
            )
        entry = entries[n]
        if entry is _Taken:
            raise RuntimeError(_MSG_TWICE)
        if entry is _Again:
            return outs
        entries[n] = _Taken
        return list(entry)


def create_selective_checkpoint_contexts(
    policy_fn_or_list: Callable[..., Any] | list[OpOverload], allow_cache_entry_mutation: bool = False
) -> tuple[RowMode, RowMode]:
    """The context managers of a selective checkpoint: `checkpoint(context_fn=partial(this, policy))`.

    Args:
        policy_fn_or_list: `policy(ctx, op, *args, **kwargs)`, which returns a CheckpointPolicy (or whether to keep the
            result) for an operator such as `torch.ops.aten.mm.default`; or a list of those whose results are kept.
        allow_cache_entry_mutation: accepted; what is kept is the result as it was, whatever is written to it later.

    Raises:
        ValueError: the list has something that is no operator.
        TypeError: `policy_fn_or_list` is neither.
    """
    if isinstance(policy_fn_or_list, list):
        listed = policy_fn_or_list
        for op in listed:
            if not isinstance(op, OpOverload):
                hint = (
                    "Please update the OpOverloadPacket to a specific OpOverload.For example, if you have "
                    "`torch.ops.aten.mm`, change it to `torch.ops.aten.mm.default`."
                    if isinstance(op, OpOverloadPacket)
                    else ""
                )
                raise ValueError(
                    f"Expected op in `op_list` to be an OpOverload but got: {op} of type {type(op)}. {hint}"
                )

        def policy(ctx: Any, op: OpOverload, *args: Any, **kwargs: Any) -> CheckpointPolicy:
            return CheckpointPolicy.MUST_SAVE if op in listed else CheckpointPolicy.PREFER_RECOMPUTE

    elif callable(policy_fn_or_list):
        policy = policy_fn_or_list
    else:
        raise TypeError("policy_fn_or_list must be either a function or a list of ops.")
    storage: _Storage = defaultdict(dict)
    return _Keeping(policy, storage), _Using(storage)
