"""`torch.backends.mkl`."""


def is_available() -> bool:
    """False: XLA brings its own linear algebra."""
    return False
