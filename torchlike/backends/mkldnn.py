"""`torch.backends.mkldnn`."""

from ._flags import flag_module


def is_available() -> bool:
    """False: torchlike calls oneDNN only where XLA does."""
    return False


flag_module(__name__, enabled=True, deterministic=False, allow_tf32=True)
