"""`TypedStorage` against torch."""

import warnings

import pytest
from twin import LIBS, torchlike

from torchlike._core.errors import Repeats


def stored(x):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return x.storage()


@pytest.mark.parametrize("dtype", ["float32", "int64", "bool", "float64", "int8"])
def test_what_it_says(dtype):
    found = []
    for lib in LIBS:
        x = lib.arange(6).reshape(2, 3).to(getattr(lib, dtype))
        s = stored(x.t()[1:])
        found.append((s.tolist(), len(s), s.size(), s.nbytes(), s.element_size(), s[2], list(s), s.type(), str(s.dtype),
                      s.is_cuda, str(s.device), s.data_ptr() == x.data_ptr(), x.storage_type().__name__,
                      repr(s).replace("torchlike", "torch")))  # fmt: skip
        assert isinstance(s, x.storage_type()) and isinstance(s, lib.TypedStorage)
    assert found[0] == found[1]


def test_it_is_the_memory():
    for lib in LIBS:
        x = lib.arange(6.0)
        s = stored(x[2:])
        s[0] = 9.0
        assert x.tolist() == [9, 1, 2, 3, 4, 5]
        copy = s.clone()
        s.fill_(3)
        assert x.sum().item() == 18 and copy[0] == 9
        s.copy_(copy)
        assert x[0].item() == 9 and s.untyped().nbytes() == 24
        for key in (slice(0, 2), "a"):
            with pytest.raises(RuntimeError):
                s[key]


def test_classes():
    x = torchlike.ones(2)
    s = stored(x)
    assert isinstance(s, torchlike.FloatStorage) and not isinstance(s, torchlike.DoubleStorage)
    with pytest.raises(RuntimeError, match="use a tensor's storage"):
        torchlike.FloatStorage(3)
    assert s == stored(x[1:]) and hash(s) == hash(stored(x[1:])) and s != stored(torchlike.ones(2))


def test_the_warning_comes_once_unless_asked_for():
    Repeats.given.clear()
    x = torchlike.ones(2)
    with pytest.warns(UserWarning, match="TypedStorage is deprecated"):
        x.storage()
    x.storage()
    torchlike.set_warn_always(True)
    try:
        for _ in range(2):
            with pytest.warns(UserWarning, match="TypedStorage is deprecated"):
                x.storage()
    finally:
        torchlike.set_warn_always(False)
