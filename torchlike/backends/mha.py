"""`torch.backends.mha`: whether attention modules may take a fused path at inference. XLA fuses anyway."""

_state = {"enabled": True}


def get_fastpath_enabled() -> bool:
    """What was set last; True at first."""
    return _state["enabled"]


def set_fastpath_enabled(value: bool) -> None:
    """Keeps the value; results are the same either way."""
    _state["enabled"] = bool(value)
