"""Windows against PyTorch's, for every length that is special."""

from __future__ import annotations

import pytest
from compare import agree

import torchlike

torch = pytest.importorskip("torch")
LIBS = (torchlike, torch)

OLD = {
    "bartlett_window": [{}],
    "blackman_window": [{}],
    "hamming_window": [{}, {"alpha": 0.5, "beta": 0.4}],
    "hann_window": [{}],
    "kaiser_window": [{}, {"beta": 5.0}],
}
NEW = {
    "bartlett": [{}],
    "blackman": [{}],
    "cosine": [{}],
    "exponential": [{}, {"tau": 2.5}],
    "gaussian": [{}, {"std": 0.7}],
    "general_cosine": [{"a": [0.46, 0.23, 0.31]}],
    "general_hamming": [{}, {"alpha": 0.4}],
    "hamming": [{}],
    "hann": [{}],
    "kaiser": [{}, {"beta": 3.0}],
    "nuttall": [{}],
}


def cases(table):
    return [(name, more) for name, variants in table.items() for more in variants]


@pytest.mark.parametrize("length", [0, 1, 2, 5, 10])
@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("name, more", cases(OLD))
def test_old_windows(name, more, periodic, length):
    agree(*[getattr(lib, name)(length, periodic, *more.values()) for lib in LIBS])


@pytest.mark.parametrize("length", [0, 1, 2, 5, 10])
@pytest.mark.parametrize("sym", [True, False])
@pytest.mark.parametrize("name, more", cases(NEW))
def test_windows(name, more, sym, length):
    agree(*[getattr(lib.signal.windows, name)(length, sym=sym, **more) for lib in LIBS], atol=2e-6)


def test_keywords():
    for lib in LIBS:
        w = lib.signal.windows.hann(4, dtype=lib.float64, requires_grad=True)
        assert w.dtype is lib.float64 and w.requires_grad
        assert lib.hann_window(4, dtype=lib.float16).dtype is lib.float16
    agree(*[lib.signal.windows.exponential(5, center=1.5, sym=False) for lib in LIBS])


@pytest.mark.parametrize(
    "call",
    [
        lambda w, lib: w.hann(-1),
        lambda w, lib: w.hann(3, dtype=lib.int64),
        lambda w, lib: w.exponential(3, tau=0),
        lambda w, lib: w.exponential(3, center=1.0),
        lambda w, lib: w.gaussian(3, std=-1),
        lambda w, lib: w.kaiser(3, beta=-1),
        lambda w, lib: w.general_cosine(3, a=1),
        lambda w, lib: w.general_cosine(3, a=[]),
        lambda w, lib: lib.hann_window(-1),
        lambda w, lib: lib.hann_window(2.5),
    ],
)
def test_errors(call):
    raised = []
    for lib in LIBS:
        with pytest.raises(Exception) as info:  # noqa: PT011 - the type is what is compared
            call(lib.signal.windows, lib)
        raised.append((info.type, str(info.value).split("\n")[0]))
    assert raised[0] == raised[1]
