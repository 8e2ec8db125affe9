"""Averages of weights along training (Izmailov et al., arXiv 1803.05407; exponential: Polyak averaging)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

import numpy as np

from .._core.fused import fused
from .._core.modes import no_grad
from .._core.tensor import Tensor, from_numpy_copy
from ..nn.modules.batchnorm import _BatchNorm
from ..nn.modules.module import Module
from .lr_scheduler._base import LRScheduler, spread
from .optimizer import Optimizer

__all__ = [
    "AveragedModel",
    "SWALR",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]


def _lerp(lists: tuple[tuple[Any, ...], ...], scalars: tuple[Any, ...]) -> tuple[tuple[Any, ...], ...]:
    """averaged + weight * (current - averaged); `weight` is a number, or 1 / (n + 1) of a counter n."""
    averaged, current, counter = lists
    weight = 1.0 / (counter[0] + 1) if counter else scalars[0]
    return (
        tuple(
            (a + (c.astype(a.dtype) - a) * weight.astype(a.real.dtype)).astype(a.dtype)
            for a, c in zip(averaged, current)
        ),
    )


def _check_decay(decay: float) -> None:
    if decay < 0.0 or decay > 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")


def _inexact(t: Tensor) -> bool:
    return t.is_floating_point() or t.is_complex()


def _move(averaged: Any, current: Any, counter: list[Tensor], weights: tuple[float, ...]) -> None:
    (values,) = fused("optim.average", _lerp, (), (list(averaged), list(current), counter), weights)
    for a, v in zip(averaged, values):
        a._write(v)


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable:
    """For `AveragedModel`: ema = decay * ema + (1 - decay) * parameter, all parameters in one call."""
    _check_decay(decay)

    @no_grad()
    def ema_update(ema_param_list: Any, current_param_list: Any, _: Any) -> None:
        if _inexact(ema_param_list[0]):
            _move(ema_param_list, current_param_list, [], (1 - decay,))
        else:
            for e, c in zip(ema_param_list, current_param_list, strict=True):
                e.copy_(e * decay + c * (1 - decay))

    return ema_update


def get_swa_multi_avg_fn() -> Callable:
    """For `AveragedModel`: the equal average of all models seen, all parameters in one call."""

    @no_grad()
    def swa_update(averaged_param_list: Any, current_param_list: Any, num_averaged: Any) -> None:
        if _inexact(averaged_param_list[0]):
            known = not isinstance(num_averaged, Tensor)
            weights = (1 / (num_averaged + 1),) if known else ()
            _move(averaged_param_list, current_param_list, [] if known else [num_averaged], weights)
        else:
            for a, c in zip(averaged_param_list, current_param_list, strict=True):
                a.copy_(a + (c - a) / (num_averaged + 1))

    return swa_update


def get_ema_avg_fn(decay: float = 0.999) -> Callable:
    """For `AveragedModel`: ema = decay * ema + (1 - decay) * parameter, one parameter at a time."""
    _check_decay(decay)

    @no_grad()
    def ema_update(ema_param: Tensor, current_param: Tensor, num_averaged: Any) -> Tensor:
        return decay * ema_param + (1 - decay) * current_param

    return ema_update


def get_swa_avg_fn() -> Callable:
    """For `AveragedModel`: the equal average of all models seen, one parameter at a time."""

    @no_grad()
    def swa_update(averaged_param: Tensor, current_param: Tensor, num_averaged: Any) -> Tensor:
        return averaged_param + (current_param - averaged_param) / (num_averaged + 1)

    return swa_update


class AveragedModel(Module):
    """A copy of a model whose parameters are an average of the original's over training.

    Args:
        model: the model to average; copied.
        avg_fn: `avg_fn(averaged, current, num_averaged) -> averaged`; default: the equal average.
        multi_avg_fn: the same in place on lists; give one of the two.
        use_buffers: average the buffers too; else they are copied.
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Callable | None = None,
        multi_avg_fn: Callable | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", from_numpy_copy(np.asarray(0, np.int64), device=device))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The averaged model's result."""
        return self.module(*args, **kwargs)

    def _averaged(self, module: Any) -> Iterable[Tensor]:
        return (
            itertools.chain(module.parameters(), module.buffers())
            if self.use_buffers
            else module.parameters()
        )

    @no_grad()
    def update_parameters(self, model: Module) -> None:
        """Takes the model's present parameters into the average."""
        mine = [p.detach() for p in self._averaged(self.module)]
        theirs = [p.detach().to(a.device) for a, p in zip(mine, self._averaged(model))]
        if int(self.n_averaged) == 0:
            for a, p in zip(mine, theirs):
                a.copy_(p)
        elif self.avg_fn is not None:
            for a, p in zip(mine, theirs):
                a.copy_(self.avg_fn(a, p, self.n_averaged.to(a.device)))
        else:
            average = self.multi_avg_fn or get_swa_multi_avg_fn()
            kinds: dict[Any, tuple[list[Tensor], list[Tensor]]] = {}
            for a, p in zip(mine, theirs):
                pair = kinds.setdefault((str(a.device), a.dtype), ([], []))
                pair[0].append(a)
                pair[1].append(p)
            for averaged, current in kinds.values():
                average(averaged, current, self.n_averaged.to(averaged[0].device))
        if not self.use_buffers:
            for b, source in zip(self.module.buffers(), model.buffers(), strict=True):
                b.detach().copy_(source.detach().to(b.device))
        self.n_averaged += 1


@no_grad()
def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Recomputes the running statistics of all BatchNorm layers in one pass over `loader`.

    Batches may be tensors, or lists and tuples whose first element is the model's input.
    """
    momenta = {m: m.momentum for m in model.modules() if isinstance(m, _BatchNorm)}
    if not momenta:
        return
    for m in momenta:
        m.reset_running_stats()
    was_training = model.training
    model.train()
    for m in momenta:
        m.momentum = None  # a cumulative average
    for batch in loader:
        if isinstance(batch, (list, tuple)):
            batch = batch[0]
        model(batch if device is None else batch.to(device))
    for m, momentum in momenta.items():
        m.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """Anneals the rate to `swa_lr` within `anneal_epochs` epochs and keeps it there.

    Args:
        swa_lr: the rate to reach, once or per group. anneal_strategy: "cos" or "linear".

    Raises:
        ValueError: an unknown strategy, a negative number of epochs.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float,
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        for lr, group in zip(spread("swa_lr", optimizer, swa_lr), optimizer.param_groups, strict=True):
            group["swa_lr"] = lr
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        self._set_anneal_func(anneal_strategy)
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _set_anneal_func(self, strategy: str) -> None:
        self._anneal_strategy = strategy
        self.anneal_func = _cosine if strategy == "cos" else _linear

    def get_lr(self) -> list[Any]:
        """The next rates: the former one's mixture is undone, then mixed anew."""
        self._inside_step()
        step, n = self._step_count - 1, max(1, self.anneal_epochs)
        if self.anneal_epochs == 0:
            step = max(1, step)
        before = self.anneal_func(max(0, min(1, (step - 1) / n)))
        alpha = self.anneal_func(max(0, min(1, step / n)))
        rates = []
        for group in self.optimizer.param_groups:
            goal = group["swa_lr"]
            start = goal if before == 1 else (group["lr"] - before * goal) / (1 - before)
            rates.append(goal * alpha + start * (1 - alpha))
        return rates

    def state_dict(self) -> dict[str, Any]:
        """Every attribute but the optimizer and the annealing function."""
        return {k: v for k, v in self.__dict__.items() if k not in ("optimizer", "anneal_func")}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over what `state_dict` returned."""
        self.__dict__.update(state_dict)
        self._set_anneal_func(self._anneal_strategy)


def _linear(t: float) -> float:
    return t


def _cosine(t: float) -> float:
    return (1 - math.cos(math.pi * t)) / 2
