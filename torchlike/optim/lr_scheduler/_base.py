"""What all schedules share: when they step, what they warn about, how they are saved.

Schedules are plain Python on the optimizer's `param_groups`. The learning rate is
lifted into the recorded step, so a new value never compiles anything.
"""

from __future__ import annotations

import contextlib
import functools
import warnings
import weakref
from collections.abc import Iterator
from typing import Any

from ..._core.tensor import Tensor
from ..optimizer import Optimizer, _to_scalar

EPOCH_DEPRECATION_WARNING = (
    "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where "
    "possible. Please use `scheduler.step()` to step the scheduler. During the deprecation, if "
    "epoch is different from None, the closed form is used instead of the new chainable form, where "
    "available. Please open an issue if you are unable to replicate your use case: "
    "https://github.com/pytorch/pytorch/issues/new/choose."
)
_MSG_OVERRIDDEN = (
    "Seems like `optimizer.step()` has been overridden after learning rate scheduler "
    "initialization. Please, make sure to call `optimizer.step()` before `lr_scheduler.step()`. See "
    "more details at https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate"
)
_MSG_ORDER = (
    "Detected call of `lr_scheduler.step()` before `optimizer.step()`. In PyTorch 1.1.0 and later, "
    "you should call them in the opposite order: `optimizer.step()` before `lr_scheduler.step()`.  "
    "Failure to do this will result in PyTorch skipping the first value of the learning rate "
    "schedule. See more details at "
    "https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate"
)
_MSG_RESUME = (
    "param 'initial_lr' is not specified in param_groups[{}] when resuming scheduler with last_epoch >= 0.\n"
    "This typically happens when:\n"
    "1. You're trying to resume training from a checkpoint but haven't properly loaded the optimizer state\n"
    "2. You're using last_epoch >= 0 for a fresh training run (not recommended)"
)
_MSG_GET_LR = "To get the last learning rate computed by the scheduler, please use `get_last_lr()`."


def copied(x: Any) -> Any:
    """A Tensor's own copy; numbers as they are."""
    return x.clone() if isinstance(x, Tensor) else x


def per_group(optimizer: Optimizer, key: str) -> list[Any]:
    """One option of every group."""
    return [copied(group[key]) for group in optimizer.param_groups]


def spread(name: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """An argument given once or per group, per group.

    Raises:
        ValueError: a list of another length than `optimizer.param_groups`.
    """
    n = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [copied(value) for _ in range(n)]
    if len(value) != n:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. "
            f"{name} has {len(value)} values, param_groups has {n}."
        )
    return [copied(v) for v in value]


_format_param = spread


def put(group: dict[str, Any], key: str, value: Any) -> None:
    """Sets an option; a Tensor option keeps its identity."""
    if isinstance(group[key], Tensor):
        group[key].fill_(_to_scalar(value))
    else:
        group[key] = value


def check_optimizer(optimizer: Any) -> None:
    """A schedule needs an Optimizer."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")


def save_callable(fn: Any) -> dict[str, Any] | None:
    """The state of a callable object; functions and lambdas have none."""
    return None if type(fn).__name__ == "function" else fn.__dict__.copy()


@contextlib.contextmanager
def flag(scheduler: Any, name: str) -> Iterator[None]:
    """Sets a flag of the scheduler for the block."""
    setattr(scheduler, name, True)
    try:
        yield
    finally:
        setattr(scheduler, name, False)


def note_steps(optimizer: Optimizer) -> None:
    """Lets the optimizer note that it has stepped, so that a wrong order of calls can be pointed out."""
    method = optimizer.step
    if hasattr(method, "_wrapped_by_lr_sched"):
        return
    owner, func = weakref.ref(optimizer), method.__func__  # type: ignore[attr-defined]

    @functools.wraps(func)
    def step(*args: Any, **kwargs: Any) -> Any:
        opt = owner()
        opt._opt_called = True  # type: ignore[union-attr]
        return func(opt, *args, **kwargs)

    step._wrapped_by_lr_sched = True  # type: ignore[attr-defined]
    optimizer.step = step  # type: ignore[method-assign]


class LRScheduler:
    """Base class of schedules: `get_lr` computes the rates of epoch `last_epoch` for every group.

    Args:
        optimizer: the optimizer whose groups' `lr` is set.
        last_epoch: the epoch to resume after; -1 starts anew from the groups' `lr`.

    Raises:
        TypeError: `optimizer` is no Optimizer.
        KeyError: resuming, but a group has no `initial_lr`.
    """

    _get_lr_called_within_step = False
    _is_initial = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        check_optimizer(optimizer)
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", copied(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(_MSG_RESUME.format(i))
        self.base_lrs: list[Any] = per_group(optimizer, "initial_lr")
        self.last_epoch = last_epoch
        note_steps(optimizer)
        self._initial_step()

    def _initial_step(self) -> None:
        """Sets the first rates, without counting as a step of training."""
        self._step_count = 0
        with flag(self, "_is_initial"):
            self.step()

    def state_dict(self) -> dict[str, Any]:
        """Every attribute but the optimizer."""
        return {k: v for k, v in self.__dict__.items() if k != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over what `state_dict` returned."""
        self.__dict__.update(state_dict)

    def get_last_lr(self) -> list[Any]:
        """The rates set last, one per group."""
        return self._last_lr

    def get_lr(self) -> list[Any]:
        """The next rates, one per group; called by `step`."""
        raise NotImplementedError

    def step(self, epoch: int | None = None) -> None:
        """Moves on by one epoch (or to `epoch`, which is deprecated) and sets the groups' `lr`."""
        if self._step_count == 1:
            if not hasattr(self.optimizer.step, "_wrapped_by_lr_sched"):
                warnings.warn(_MSG_OVERRIDDEN, UserWarning, stacklevel=2)
            elif not getattr(self.optimizer, "_opt_called", False):
                warnings.warn(_MSG_ORDER, UserWarning, stacklevel=2)
        self._step_count += 1
        if epoch is not None:
            warnings.warn(EPOCH_DEPRECATION_WARNING, UserWarning, stacklevel=2)
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        with flag(self, "_get_lr_called_within_step"):
            self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
            closed_form = None if epoch is None else getattr(self, "_get_closed_form_lr", None)
            self._set(closed_form() if closed_form is not None else self.get_lr())

    def _set(self, rates: list[Any]) -> None:
        for group, lr in zip(self.optimizer.param_groups, rates, strict=True):
            put(group, "lr", lr)
        self._last_lr = per_group(self.optimizer, "lr")

    def _inside_step(self) -> None:
        """`get_lr` advances a chain, so calling it by hand is a mistake worth a warning."""
        if not self._get_lr_called_within_step:
            warnings.warn(_MSG_GET_LR, UserWarning, stacklevel=3)

    def _rates(self) -> list[Any]:
        """The groups' rates as they are."""
        return per_group(self.optimizer, "lr")

    def _scaled(self, factor: float) -> list[Any]:
        """The groups' rates times a factor."""
        return [group["lr"] * factor for group in self.optimizer.param_groups]


class _LRScheduler(LRScheduler):
    """The old name of `LRScheduler`."""
