"""Futures and forks against torch."""

import threading

import pytest

import torchlike

torch = pytest.importorskip("torch")
LIBS = (torchlike, torch)


def fork(lib, *args):
    return lib.fork(*args)


@pytest.mark.parametrize("lib", LIBS)
def test_forks_run_at_once(lib):
    ran = []
    f = fork(lib, lambda a: ran.append(a) or a + 1, 3)
    assert ran == [3] and f.done()
    assert lib.wait(f) == f.wait() == f.value() == 4
    assert f.then(lambda g: g.value() * 2).wait() == 8
    with pytest.raises(ZeroDivisionError):
        fork(lib, lambda: 1 / 0)


@pytest.mark.parametrize("lib", LIBS)
def test_futures(lib):
    f = lib.futures.Future()
    seen = []
    f.add_done_callback(lambda g: seen.append(g.value()))
    later = f.then(lambda g: g.wait() + 1)
    assert not f.done() and not later.done()
    thread = threading.Thread(target=lambda: f.set_result(5))
    thread.start()
    assert f.wait() == 5 and later.wait() == 6
    thread.join()
    assert seen == [5]
    with pytest.raises(RuntimeError):
        f.set_result(6)


@pytest.mark.parametrize("lib", LIBS)
def test_exceptions(lib):
    f = lib.futures.Future()
    later = f.then(lambda g: g.wait())
    f.set_exception(ValueError("wrong"))
    for g in (f, later):
        assert g.done()
        with pytest.raises((ValueError, RuntimeError), match="wrong"):  # PyTorch's `then` words it anew
            g.wait()
    with pytest.raises(AssertionError, match="not an Exception"):
        lib.futures.Future().set_exception("text")
    with pytest.raises(RuntimeError):
        lib.futures.Future().value()


@pytest.mark.parametrize("lib", LIBS)
def test_many(lib):
    first, second = lib.futures.Future(), lib.futures.Future()
    together = lib.futures.collect_all([first, second])
    first.set_result(1)
    assert not together.done()
    second.set_result(2)
    assert [f.wait() for f in together.wait()] == [1, 2]
    assert lib.futures.wait_all([first, second]) == [1, 2]
    assert lib.futures.collect_all([]).wait() == []
    failed = lib.futures.Future()
    failed.set_exception(KeyError("k"))
    with pytest.raises(KeyError):
        lib.futures.wait_all([first, failed])


def test_one_class():
    assert torchlike.Future is torchlike.futures.Future is torchlike.jit.Future
    assert (
        torchlike.JITException is torchlike.jit.Error
        and torchlike.ScriptFunction is torchlike.jit.ScriptFunction
    )
