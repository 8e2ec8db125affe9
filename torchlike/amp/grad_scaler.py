"""`torch.amp.GradScaler`: keeps the gradients of a float16 loss from vanishing.

The factor, the count of finite steps and the flags "a gradient was not finite" stay where the gradients are:
`unscale_` and `update` are one recorded call each, and an optimizer of `torch.optim` leaves a step out inside
the program. The host learns of it only where it asks (`get_scale`, `state_dict`).
"""

from __future__ import annotations

import inspect
import warnings
from collections import defaultdict
from collections.abc import Iterable
from enum import Enum
from typing import Any

import jax.numpy as jnp
import numpy as np

from .._core import devices, dtypes
from .._core.fused import fused
from .._core.modes import no_grad
from .._core.names import missing as _missing
from .._core.tensor import Tensor, from_numpy_copy

__all__ = ["OptState", "GradScaler"]

_MSG_NO_SCALE = (
    "Attempted {} but {} is None.  This may indicate your script did not use scaler.scale(loss or outputs) earlier in "
    "the iteration."
)
_MSG_UNSCALED = "unscale_() has already been called on this optimizer since the last update()."
_MSG_KEYWORD = (
    "GradScaler is going to stop passing itself as a keyword argument to the passed optimizer. In the near future "
    "GradScaler registers `grad_scale: Tensor` and `found_inf: Tensor` to the passed optimizer and let the optimizer use "
    "them directly."
)
_MSG_NEW_SCALE = "new_scale should be a float or a 1-element torch.cuda.FloatTensor or torch.FloatTensor with requires_grad=False."
_MSG_PICKLED = "A GradScaler instance may only be pickled at the beginning of an iteration, or at the end after scaler.update()."


class OptState(Enum):
    """Where an optimizer is between two calls of `update`."""

    READY = 0
    UNSCALED = 1
    STEPPED = 2


def _fresh() -> dict[str, Any]:
    """An optimizer's stage, and per device a flag: 1 where a gradient was not finite."""
    return {"stage": OptState.READY, "found_inf_per_device": {}}


# ---- what is recorded -----------------------------------------------------------------------------------------


def _unscaled(lists: Any, scalars: Any) -> Any:
    """Gradients times `scalars[0]` or divided by the factor, and the flag."""
    grads, factor = lists
    by = 1 / factor[0].astype(jnp.float64) if factor else jnp.float64(1)
    by = by.astype(jnp.float32)
    bad = jnp.zeros((), bool)
    for g in grads:
        bad |= ~jnp.isfinite(g).all()
    made = [(g * by.astype(jnp.promote_types(g.dtype, jnp.float32))).astype(g.dtype) for g in grads]
    return tuple(made), (bad.astype(jnp.float32),)


def _updated(lists: Any, scalars: Any) -> Any:
    """The next factor and count of finite steps."""
    (factor, count), flags = lists
    growth, backoff, interval = scalars
    bad = sum(flags) > 0
    more = (factor.astype(jnp.float64) * growth).astype(jnp.float32)
    full = count + 1 == interval
    grown = jnp.where(full & jnp.isfinite(more), more, factor)
    less = (factor.astype(jnp.float64) * backoff).astype(jnp.float32)
    kept = jnp.where(full, 0, count + 1)
    return ((jnp.where(bad, less, grown), jnp.where(bad, 0, kept).astype(count.dtype)),)


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
        if growth_factor <= 1.0:
            raise AssertionError("The growth factor must be > 1.0.")
        if backoff_factor >= 1.0:
            raise AssertionError("The backoff factor must be < 1.0.")
        self._init_scale, self._growth_factor = init_scale, growth_factor
        self._backoff_factor, self._growth_interval = backoff_factor, growth_interval
        self._init_growth_tracker = 0
        self._scale: Tensor | None = None
        self._growth_tracker: Tensor | None = None
        self._per_optimizer_states: dict[int, dict[str, Any]] = defaultdict(_fresh)

    def _check_scale_growth_tracker(self, funcname: str) -> tuple[Tensor, Tensor]:
        if self._scale is None:
            raise AssertionError(_MSG_NO_SCALE.format(funcname, "_scale"))
        if self._growth_tracker is None:
            raise AssertionError(_MSG_NO_SCALE.format(funcname, "_growth_tracker"))
        return self._scale, self._growth_tracker

    def _factor(self, device: Any) -> Tensor:
        """The factor; made on a device when first asked for, of data, so that no step's program differs."""
        if self._scale is None:
            if self._growth_tracker is not None:
                raise AssertionError("_growth_tracker initialized before _scale")
            self._scale = from_numpy_copy(np.asarray(self._init_scale, np.float32), device=device)
            self._growth_tracker = from_numpy_copy(
                np.asarray(self._init_growth_tracker, np.int32), device=device
            )
        return self._scale

    def scale(self, outputs: Any) -> Any:
        """`outputs`, a tensor or a nested iterable of tensors, times the factor.

        Raises:
            ValueError: `outputs` is neither.
        """
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            return outputs * self._factor(outputs.device).to(outputs.device)
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
        factor, _ = self._check_scale_growth_tracker("unscale_")
        progress = self._per_optimizer_states[id(optimizer)]
        if progress["stage"] is OptState.UNSCALED:
            raise RuntimeError(_MSG_UNSCALED)
        if progress["stage"] is OptState.STEPPED:
            raise RuntimeError("unscale_() is being called after step().")
        progress["found_inf_per_device"] = self._unscale_grads_(optimizer, factor, False)
        progress["stage"] = OptState.UNSCALED

    @staticmethod
    def _unscale_grads_(optimizer: Any, factor: Tensor | None, allow_fp16: bool) -> dict[Any, Tensor]:
        """Divides the gradients in place by the factor, if there is one; a flag per device."""
        grads: dict[Any, list[Tensor]] = defaultdict(list)
        flags = {}
        with no_grad():
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    grad = parameter.grad
                    if grad is None:
                        continue
                    half = grad.dtype is dtypes.float16
                    if half and not allow_fp16:
                        raise ValueError("Attempting to unscale FP16 gradients.")
                    if grad.is_sparse:
                        if half:  # the sum of entries may overflow where none of them does
                            grad = parameter.grad = grad.coalesce()
                        grad = grad._values()
                    grads[grad.device].append(grad)
            for device, here in grads.items():
                factors = [] if factor is None else [factor.to(device)]
                values, flag = fused("amp.unscale", _unscaled, (), (here, factors), ())
                flags[device] = Tensor._from_value(flag[0])
                if factor is not None:
                    for grad, value in zip(here, values):
                        grad._write(value)
        return flags

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """`optimizer.step(...)` if all gradients are finite; divides them first unless `unscale_` did.

        An optimizer of `torch.optim` decides inside the program: its step is recorded, and where a gradient was not
        finite, parameters and state stay as they are. At its first step, with hooks on it, or with a `step` of
        the user's own, the flags are waited for, and the step is not made at all.

        Raises:
            RuntimeError: a closure is given, or the optimizer's step is done since the last `update`.
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        self._check_scale_growth_tracker("step")
        progress = self._per_optimizer_states[id(optimizer)]
        if progress["stage"] is OptState.STEPPED:
            raise RuntimeError("step() has already been called since the last update().")
        if getattr(optimizer, "_step_supports_amp_scaling", False):
            result = self._step_of_its_own(optimizer, progress, *args, **kwargs)
        else:
            if progress["stage"] is OptState.READY:
                self.unscale_(optimizer)
            if not progress["found_inf_per_device"]:
                raise AssertionError("No inf checks were recorded for this optimizer.")
            result = self._maybe_opt_step(optimizer, progress, *args, **kwargs)
        progress["stage"] = OptState.STEPPED
        return result

    def _maybe_opt_step(self, optimizer: Any, progress: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        flag = self._combined(progress["found_inf_per_device"].values())
        may_skip = getattr(optimizer, "_may_skip", None)
        if may_skip is None or not may_skip():
            return None if flag.item() else optimizer.step(*args, **kwargs)
        optimizer.found_inf = flag
        try:
            return optimizer.step(*args, **kwargs)
        finally:
            del optimizer.found_inf

    def _step_of_its_own(self, optimizer: Any, progress: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """The step of an optimizer that reads the factor and the flag itself, as attributes or from the scaler."""
        if "grad_scaler" in inspect.signature(optimizer.step).parameters:
            warnings.warn(_MSG_KEYWORD, FutureWarning, stacklevel=3)
            return optimizer.step(*args, **kwargs, grad_scaler=self)
        if progress["stage"] is OptState.READY:
            self._check_inf_per_device(optimizer)
        optimizer.found_inf = self._combined(progress["found_inf_per_device"].values())
        given = getattr(optimizer, "grad_scale", None)
        if progress["stage"] is not OptState.UNSCALED:
            given = self._check_scale_growth_tracker("step")[0] * (1 if given is None else given)
        optimizer.grad_scale = given
        result = optimizer.step(*args, **kwargs)
        del optimizer.grad_scale, optimizer.found_inf
        return result

    def _combined(self, flags: Iterable[Tensor]) -> Tensor:
        """How many of the flags are set, where the factor is."""
        factor, _ = self._check_scale_growth_tracker("step")
        first, *rest = [flag.to(factor.device) for flag in flags]
        for flag in rest:
            first = first + flag
        return first

    def update(self, new_scale: float | Tensor | None = None) -> None:
        """Sets the factor for the next iteration: `new_scale`, or as the last steps' gradients suggest."""
        if not self._enabled:
            return
        factor, tracker = self._check_scale_growth_tracker("update")
        if isinstance(new_scale, Tensor):
            if new_scale.device.type != self._device or new_scale.numel() != 1 or new_scale.requires_grad:
                raise AssertionError(_MSG_NEW_SCALE)
            factor.copy_(new_scale)
        elif new_scale is not None:
            factor.fill_(new_scale)
        else:
            states = self._per_optimizer_states.values()
            flags = [f.to(factor.device) for state in states for f in state["found_inf_per_device"].values()]
            if not flags:
                raise AssertionError("No inf checks were recorded prior to update.")
            numbers = (float(self._growth_factor), float(self._backoff_factor), int(self._growth_interval))
            ((scale, count),) = fused("amp.update", _updated, (), ([factor, tracker], flags), numbers)
            factor._write(scale)
            tracker._write(count)
        self._per_optimizer_states = defaultdict(_fresh)

    def _get_scale_async(self) -> Tensor | None:
        return self._scale

    def get_scale(self) -> float:
        """The factor, which is waited for; 1.0 if disabled."""
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

    def _get_growth_tracker(self) -> int:
        if not self._enabled:
            return 0
        return self._init_growth_tracker if self._growth_tracker is None else int(self._growth_tracker.item())

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
            "_growth_tracker": self._get_growth_tracker(),
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
        self._init_growth_tracker = state_dict["_growth_tracker"]
        if self._growth_tracker is not None:
            self._growth_tracker.fill_(self._init_growth_tracker)

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        if self._enabled:
            if self._per_optimizer_states:
                raise AssertionError(_MSG_PICKLED)
            state["_init_scale"] = self.get_scale()
            state["_init_growth_tracker"] = self._get_growth_tracker()
            state["_scale"] = state["_growth_tracker"] = None
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def _check_inf_per_device(self, optimizer: Any) -> dict[Any, Tensor]:
        """Looks for gradients that are not finite, and leaves them as they are; a flag per device."""
        self._check_scale_growth_tracker("_check_inf_per_device")
        progress = self._per_optimizer_states[id(optimizer)]
        progress["found_inf_per_device"] = self._unscale_grads_(optimizer, None, True)
        return progress["found_inf_per_device"]

    def _found_inf_per_device(self, optimizer: Any) -> dict[Any, Tensor]:
        return self._per_optimizer_states[id(optimizer)]["found_inf_per_device"]


__getattr__ = _missing(__name__)
