"""`torch.backends.opt_einsum`: einsum always takes its contraction order from opt_einsum, as JAX does."""

from ._flags import flag_module


def is_available() -> bool:
    """True: JAX depends on it."""
    return True


flag_module(__name__, enabled=True, strategy="auto")
