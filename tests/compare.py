"""Compares what torchlike and PyTorch returned: tensors, numbers, strings, nested."""

import numpy as np


def plain(x):
    """The same nested value with tensors as NumPy arrays."""
    if isinstance(x, (list, tuple)):
        return [plain(v) for v in x]
    if hasattr(x, "detach"):
        return np.asarray(x.detach().numpy())
    return x


def agree(a, b, rtol=1e-5, atol=1e-6):
    """AssertionError unless the two agree: numbers within the tolerance, all else exactly."""
    a, b = plain(a), plain(b)
    if isinstance(a, list):
        assert isinstance(b, list) and len(a) == len(b), (a, b)
        for x, y in zip(a, b):
            agree(x, y, rtol, atol)
    elif isinstance(a, np.ndarray):
        assert a.shape == b.shape and a.dtype == b.dtype, (a.shape, a.dtype, b.shape, b.dtype)
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)
    elif isinstance(a, float):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)
    else:
        assert a == b, (a, b)
