"""Stepping other tensors with an optimizer: its parameters and state exchanged for a block."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from .._core.tensor import Tensor
from .optimizer import Optimizer

__all__ = ["swap_in_optimizer_params_and_state"]

_NAME = "swap_in_optimizer_params_and_state"


@contextlib.contextmanager
def swap_in_optimizer_params_and_state(
    optimizer: Optimizer, swapin_parameters: dict[str, Tensor], swapin_optim_state: dict[str, Any]
) -> Iterator[None]:
    """Within the block the optimizer has these parameters, options and state; afterwards its own again.

    Args:
        optimizer: an optimizer that has state already.
        swapin_parameters: the tensors, in the order of the optimizer's parameters.
        swapin_optim_state: what its `state_dict()` would be. Its tensors change in place; what is put
            into the state anew within the block is dropped.

    Raises:
        RuntimeError: the optimizer has no state yet; parameters, groups or options that do not match its own.
    """
    state, groups = _checked(optimizer, swapin_optim_state)
    tensors = list(swapin_parameters.values())
    if sum(len(g["params"]) for g in groups) > len(tensors):
        raise RuntimeError(
            f"{_NAME} requires the explicit parameter state to match optimizer.param_groups ordering."
        )
    own = optimizer.state, [dict(g) for g in optimizer.param_groups]
    given = iter(tensors)
    swapped: defaultdict[Any, Any] = defaultdict(dict)
    try:
        for group, new in zip(optimizer.param_groups, groups):
            ids = new["params"]
            group.update(new, params=[next(given) for _ in ids])
            for p, i in zip(group["params"], ids):
                swapped[p] = dict(state.get(i, {}))
        optimizer.state = swapped
        yield
    finally:
        optimizer.state, contents = own
        for group, content in zip(optimizer.param_groups, contents):
            group.clear()
            group.update(content)


def _checked(optimizer: Optimizer, given: Any) -> tuple[dict[Any, Any], list[dict[str, Any]]]:
    """The state by position and the groups of a state dict that fits the optimizer."""
    if not optimizer.state:
        raise RuntimeError(f"{_NAME} requires initialized optimizer state.")
    if not isinstance(given, dict):
        raise RuntimeError(f"{_NAME} requires a DCP-style optimizer state_dict.")
    state, groups = given.get("state"), given.get("param_groups")
    if not isinstance(state, dict):
        raise RuntimeError(
            f"{_NAME} requires swapin_optim_state['state'] to be a dict mapping packed parameter ids to "
            f"per-param state dicts, got {type(state).__name__}."
        )
    if any(isinstance(k, Tensor) for k in state):
        raise RuntimeError(
            f"{_NAME} requires optimizer.state_dict()-style state keyed by packed parameter ids."
        )
    if any(isinstance(k, int) and not isinstance(v, dict) for k, v in state.items()):
        raise RuntimeError(f"{_NAME} requires per-parameter optimizer state entries to be dictionaries.")
    if not isinstance(groups, list):
        raise RuntimeError(
            f"{_NAME} requires swapin_optim_state['param_groups'] to be a list of param-group dicts, got "
            f"{type(groups).__name__}."
        )
    if len(optimizer.param_groups) != len(groups):
        raise RuntimeError(
            "swapin_optim_state has a different number of parameter groups than the live optimizer."
        )
    for i, (own, new) in enumerate(zip(optimizer.param_groups, groups)):
        _check_group(i, own, new)
    known = {k for g in groups for k in g["params"]}
    extra = [k for k in state if k not in known]
    if extra:
        raise RuntimeError(
            f"{_NAME} requires swapin_optim_state['state'] to be keyed only by packed parameter ids from "
            f"param_groups[*]['params']; got extra keys {extra!r}."
        )
    return state, groups


def _check_group(i: int, own: dict[str, Any], new: Any) -> None:
    if not isinstance(new, dict):
        raise RuntimeError(f"{_NAME} requires each optimizer param group to be a dictionary.")
    ids = new.get("params")
    if not isinstance(ids, list) or not all(isinstance(k, int) for k in ids):
        raise RuntimeError(
            f"{_NAME} requires optimizer.state_dict()-style param_groups[*]['params'] entries keyed by packed "
            "parameter ids."
        )
    if len(own["params"]) != len(ids):
        raise RuntimeError(
            f"swapin_optim_state param group {i} has a different number of params than the live optimizer "
            "param group."
        )
    theirs, ours = [k for k in new if k not in own], [k for k in own if k not in new]
    if theirs or ours:
        raise RuntimeError(
            f"{_NAME} requires optimizer.state_dict()-style param group keys to exactly match the live "
            f"optimizer group keys for group {i}. Keys only in swap-in: {theirs}. Keys only in live: {ours}."
        )
