"""What a piece of user code does, in a form that can be compared: result, error and warnings."""

import warnings

import numpy as np

from torchlike._core.errors import TorchlikeWarning


def _plain(x):
    if isinstance(x, (list, tuple)):
        return [_plain(v) for v in x]
    if isinstance(x, dict):
        return {k: _plain(v) for k, v in x.items()}
    if hasattr(x, "detach"):
        data, dtype = x.detach().resolve_conj().resolve_neg(), str(x.dtype).split(".")[-1]
        return dtype, np.asarray((data.float() if dtype == "bfloat16" else data).numpy())
    if isinstance(x, (int, float, str, bool, type(None), complex)):
        return x
    return type(x).__name__


def outcome(f, torch):
    """(result, error as "Type: first line", first words of each warning) of `f(torch)`."""
    result = error = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.set_grad_enabled(True)
        try:
            result = _plain(f(torch))
        except Exception as e:
            error = f"{type(e).__name__}: {str(e).splitlines()[0] if str(e) else ''}"
    said = [
        f"{w.category.__name__}: {str(w.message).strip()[:60]}"
        for w in caught
        if not issubclass(w.category, TorchlikeWarning) and "torch.jit.script" not in str(w.message)
    ]
    return result, error, said


def equal(a, b, rtol=1e-5, atol=1e-6):
    """AssertionError unless two outcomes agree."""
    assert a[1:] == b[1:], (a, b)
    _equal(a[0], b[0], rtol, atol)


def _equal(a, b, rtol, atol):
    if isinstance(a, dict):
        assert a.keys() == b.keys(), (a, b)
        a, b = list(a.values()), list(b.values())
    if isinstance(a, (list, tuple)):
        assert type(a) is type(b) and len(a) == len(b), (a, b)
        for x, y in zip(a, b):
            _equal(x, y, rtol, atol)
    elif isinstance(a, np.ndarray):
        assert a.shape == b.shape, (a, b)
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)
    elif isinstance(a, (float, complex)):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)
    else:
        assert a == b, (a, b)


def leaf(torch, *s, start=1.0, dtype=None):
    """A leaf of that shape that requires grad: start, start + 1, ..."""
    n = int(np.prod(s))
    return (
        torch.arange(start, start + n, dtype=torch.float32 if dtype is None else dtype)
        .reshape(s)
        .clone()
        .requires_grad_()
    )


def F(torch, fw, bw=None, **kw):
    """A custom Function of these static methods and attributes."""
    d = dict(forward=staticmethod(fw), **{k: staticmethod(v) if callable(v) else v for k, v in kw.items()})
    if bw is not None:
        d["backward"] = staticmethod(bw)
    return type("Fn", (torch.autograd.Function,), d)
