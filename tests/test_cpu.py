"""`torch.cpu`, and streams and events of any device, against torch."""

import pytest

import torchlike

torch = pytest.importorskip("torch")
LIBS = (torchlike, torch)

no_accelerator = pytest.mark.skipif(torch.cuda.is_available() or torchlike.cuda.is_available(),
                                    reason="compares what a machine without an accelerator says")  # fmt: skip

CALLS = {
    "stream": lambda T: repr(T.Stream()),
    "stream of the CPU": lambda T: repr(T.Stream(device="cpu", priority=0)),
    "stream of an accelerator": lambda T: T.Stream("cuda"),
    "stream's device": lambda T: (str(T.Stream().device), T.Stream().device_index, T.Stream().stream_id),
    "equal streams": lambda T: (T.Stream() == T.Stream(), hash(T.Stream()) == hash(T.Stream())),
    "query": lambda T: (T.Stream().query(), T.Stream().synchronize()),
    "record": lambda T: T.Stream().record_event(),
    "wait": lambda T: T.Stream().wait_event(T.Event()),
    "wait stream": lambda T: T.Stream().wait_stream(T.Stream()),
    "event": lambda T: repr(T.Event()),
    "timed event": lambda T: repr(T.Event("cpu", enable_timing=True)),
    "event of an accelerator": lambda T: T.Event("cuda"),
    "event by index": lambda T: T.Event(3),
    "event's record": lambda T: T.Event().record(),
    "event's query": lambda T: (T.Event().query(), T.Event().wait(), T.Event().synchronize()),
    "event's time": lambda T: T.Event().elapsed_time(T.Event()),
    "module": lambda T: (T.cpu.is_available(), T.cpu.device_count(), T.cpu.current_device(), T.cpu.is_initialized(),
                         T.cpu.set_device("cpu"), T.cpu.synchronize()),
}  # fmt: skip


@no_accelerator
@pytest.mark.parametrize("name", CALLS)
def test_calls(name):
    found = []
    for lib in LIBS:
        try:
            found.append(CALLS[name](lib))
        except Exception as e:
            found.append((type(e), str(e)))
    assert found[0] == found[1]


def test_contexts_change_nothing():
    with torchlike.Stream("cpu") as s, torchlike.cpu.stream(s):
        assert (torchlike.ones(2) + 1).tolist() == [2, 2]
    assert torchlike.cpu.current_stream() == s and isinstance(s, torchlike.Stream)
    assert not isinstance(3, torchlike.Stream)


def test_synchronize_runs_what_is_pending():
    x = torchlike.ones(3)
    y = x * 3
    assert y._storage.value.arr is None
    torchlike.cpu.synchronize()
    assert y._storage.value.arr is not None and y.tolist() == [3, 3, 3]
