"""`torch.backends.mps`: Apple's GPUs, which torchlike reaches only through a JAX plug-in, as `cuda`."""


def is_available() -> bool:
    """False."""
    return False


def is_built() -> bool:
    """False."""
    return False
