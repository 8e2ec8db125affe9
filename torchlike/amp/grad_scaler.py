"""`torch.amp.GradScaler`: keeps the gradients of a float16 loss from vanishing."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from enum import Enum
from typing import Any

from .._core import devices, dtypes
from .._core.modes import no_grad
from .._core.tensor import Tensor

__all__ = ["GradScaler"]

_MSG_NO_SCALE = (
    "Attempted {} but _scale is None.  This may indicate your script did not use scaler.scale(loss or outputs) "
    "earlier in the iteration."
)
_MSG_UNSCALED = "unscale_() has already been called on this optimizer since the last update()."


class _Stage(Enum):
    """Where an optimizer is between two calls of `update`."""

    READY = 0
    UNSCALED = 1
    STEPPED = 2


class _Progress:
    """An optimizer's stage, and one flag tensor per group of gradients: 1 where one was not finite."""

    def __init__(self) -> None:
        self.stage = _Stage.READY
        self.found_inf: list[Tensor] = []


class GradScaler:
    """Multiplies the loss, divides the gradients, and skips steps whose gradients are not finite.

    The factor is a float32 scalar. `update` multiplies it by `backoff_factor` after a skipped step, and by
    `growth_factor` after `growth_interval` steps in a row that were not skipped.

    Args:
        device: "cuda" or "cpu". For "cuda" on a machine without an accelerator it warns, and is disabled.
        enabled: if false, `scale` returns what it is given and `step` is the optimizer's own.

    Raises:
        AssertionError: `growth_factor` is not above 1, or `backoff_factor` not below 1.
    """

    def __init__(
        self, device: str = "cuda", init_scale: float = 2.0**16, growth_factor: float = 2.0,
        backoff_factor: float = 0.5, growth_interval: int = 2000, enabled: bool = True,
    ) -> None:  # fmt: skip
        self._device, self._enabled = device, enabled
        if enabled and device == "cuda" and not devices.accelerators():
            warnings.warn(
                "torch.cuda.amp.GradScaler is enabled, but CUDA is not available.  Disabling.", stacklevel=2
            )
            self._enabled = False
        if not self._enabled:
            return
        assert growth_factor > 1.0, "The growth factor must be > 1.0."
        assert backoff_factor < 1.0, "The backoff factor must be < 1.0."
        self._init_scale, self._growth_factor = init_scale, growth_factor
        self._backoff_factor, self._growth_interval = backoff_factor, growth_interval
        self._scale: Tensor | None = None
        self._growth_tracker = 0
        self._progress: dict[int, _Progress] = {}

    def _of(self, optimizer: Any) -> _Progress:
        return self._progress.setdefault(id(optimizer), _Progress())

    def _factor(self, asked_by: str) -> Tensor:
        assert self._scale is not None, _MSG_NO_SCALE.format(asked_by)
        return self._scale

    def scale(self, outputs: Any) -> Any:
        """`outputs`, a tensor or a nested iterable of tensors, times the factor.

        Raises:
            ValueError: `outputs` is neither.
        """
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            factor = self._scale
            if factor is None:
                factor = self._scale = outputs.new_full((), self._init_scale, dtype=dtypes.float32)
            return outputs * factor.to(outputs.device)
        if isinstance(outputs, Iterable) and not isinstance(outputs, str):
            scaled = map(self.scale, outputs)
            return type(outputs)(scaled) if isinstance(outputs, (list, tuple)) else scaled  # type: ignore[call-arg]
        raise ValueError("outputs must be a Tensor or an iterable of Tensors")

    def unscale_(self, optimizer: Any) -> None:
        """Divides the gradients of the optimizer's parameters by the factor, so that they may be clipped.

        Raises:
            RuntimeError: it was called on this optimizer since the last `update`, or its step is done.
            ValueError: a gradient is float16.
        """
        if not self._enabled:
            return
        factor = self._factor("unscale_")
        progress = self._of(optimizer)
        if progress.stage is _Stage.UNSCALED:
            raise RuntimeError(_MSG_UNSCALED)
        if progress.stage is _Stage.STEPPED:
            raise RuntimeError("unscale_() is being called after step().")
        progress.found_inf = self._divide(optimizer, factor)
        progress.stage = _Stage.UNSCALED

    @staticmethod
    def _divide(optimizer: Any, factor: Tensor) -> list[Tensor]:
        """Divides the gradients in place; a flag per gradient, 1 where it has an element that is not finite."""
        flags = []
        inverse = factor.double().reciprocal().float()
        with no_grad():
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    grad = parameter.grad
                    if grad is None:
                        continue
                    if grad.dtype is dtypes.float16:
                        raise ValueError("Attempting to unscale FP16 gradients.")
                    if grad.is_sparse:
                        grad = grad._values()
                    flags.append(1 - grad.isfinite().all().float())
                    grad.mul_(inverse.to(grad.device))
        return flags

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """`optimizer.step(...)` if all gradients are finite; divides them first unless `unscale_` did.

        Raises:
            RuntimeError: a closure is given, or the optimizer's step is done since the last `update`.
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        self._factor("step")
        progress = self._of(optimizer)
        if progress.stage is _Stage.STEPPED:
            raise RuntimeError("step() has already been called since the last update().")
        if progress.stage is _Stage.READY:
            self.unscale_(optimizer)
        assert progress.found_inf, "No inf checks were recorded for this optimizer."
        result = None if any_set(progress.found_inf) else optimizer.step(*args, **kwargs)
        progress.stage = _Stage.STEPPED
        return result

    def update(self, new_scale: float | Tensor | None = None) -> None:
        """Sets the factor for the next iteration: `new_scale`, or as the last steps' gradients suggest."""
        if not self._enabled:
            return
        factor = self._factor("update")
        if new_scale is not None:
            if isinstance(new_scale, Tensor):
                assert new_scale.numel() == 1 and not new_scale.requires_grad, (
                    "new_scale should be a float or a 1-element torch.cuda.FloatTensor or torch.FloatTensor with "
                    "requires_grad=False."
                )
            factor.fill_(new_scale)
        else:
            flags = [f for progress in self._progress.values() for f in progress.found_inf]
            assert flags, "No inf checks were recorded prior to update."
            if any_set(flags):
                factor.mul_(self._backoff_factor)
                self._growth_tracker = 0
            else:
                self._growth_tracker += 1
                if self._growth_tracker == self._growth_interval:
                    if math.isfinite(float((factor * self._growth_factor).item())):
                        factor.mul_(self._growth_factor)
                    self._growth_tracker = 0
        self._progress = {}

    def get_scale(self) -> float:
        """The factor; 1.0 if disabled."""
        if not self._enabled:
            return 1.0
        return self._init_scale if self._scale is None else float(self._scale.item())

    def get_growth_factor(self) -> float:
        """What the factor is multiplied by after enough finite steps."""
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        """Sets the growth factor."""
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        """What the factor is multiplied by after a skipped step."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        """Sets the backoff factor."""
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        """After how many finite steps the factor grows."""
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Sets the growth interval."""
        self._growth_interval = new_interval

    def is_enabled(self) -> bool:
        """Whether it scales."""
        return self._enabled

    def state_dict(self) -> dict[str, Any]:
        """The factor and how it changes, as numbers; empty if disabled."""
        if not self._enabled:
            return {}
        return {
            "scale": self.get_scale(),
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": self._growth_tracker,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over what `state_dict` returned.

        Raises:
            RuntimeError: `state_dict` is empty.
        """
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError(
                "The source state dict is empty, possibly because it was saved from a disabled instance of GradScaler."
            )
        self._init_scale = state_dict["scale"]
        if self._scale is not None:
            self._scale.fill_(self._init_scale)
        self._growth_factor = state_dict["growth_factor"]
        self._backoff_factor = state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]
        self._growth_tracker = state_dict["_growth_tracker"]


def any_set(flags: list[Tensor]) -> bool:
    """Whether one of the flags is set. Waits for them."""
    total = flags[0]
    for flag in flags[1:]:
        total = total + flag.to(total.device)
    return bool(total.item())
