"""`torch.backends.openmp`."""


def is_available() -> bool:
    """False: XLA has its own thread pool."""
    return False
