"""`torch.cuda` and `torch.accelerator` tell the truth, with an accelerator and without."""

from __future__ import annotations

import pytest

import torchlike as torch
from torchlike import cuda

present = pytest.mark.skipif(not cuda.is_available(), reason="needs an accelerator")
absent = pytest.mark.skipif(cuda.is_available(), reason="needs a machine without an accelerator")


@absent
@pytest.mark.parametrize(
    "name",
    ["init", "synchronize", "current_device", "get_device_name", "get_device_properties", "current_stream",
     "get_device_capability", "mem_get_info", "get_rng_state", "initial_seed", "ipc_collect"],
)  # fmt: skip
def test_refuses_as_a_cpu_build_does(name: str) -> None:
    reference = pytest.importorskip("torch").cuda
    with pytest.raises(AssertionError) as got:
        getattr(cuda, name)()
    if not reference.is_available():
        with pytest.raises(AssertionError) as want:
            getattr(reference, name)()
        assert str(got.value) == str(want.value)


@absent
def test_answers_without_an_accelerator() -> None:
    assert cuda.device_count() == 0 and not cuda.is_initialized() and not cuda.is_bf16_supported()
    assert cuda.memory_allocated() == cuda.max_memory_allocated() == cuda.memory_reserved() == 0
    assert cuda.memory_stats() == {} and cuda.get_arch_list() == [] and cuda.get_rng_state_all() == []
    cuda.empty_cache()
    cuda.reset_peak_memory_stats()
    cuda.manual_seed(0)
    cuda.manual_seed_all(0)
    with cuda.stream(None), cuda.device(None), cuda.device(-1), cuda.device_of(torch.ones(1)):
        pass
    with pytest.raises(RuntimeError, match="requires CUDA support"):
        cuda.Stream()
    with pytest.raises(RuntimeError, match="dummy base class Event"):
        cuda.Event(enable_timing=True)
    assert torch.accelerator.current_accelerator() is None and not torch.accelerator.is_available()
    with pytest.raises(RuntimeError, match="Cannot access accelerator device"):
        torch.accelerator.synchronize()


def test_seeding_an_accelerator_leaves_the_cpu_alone() -> None:
    before = torch.get_rng_state()
    cuda.manual_seed_all(5)
    assert torch.equal(torch.get_rng_state(), before)


@present
def test_answers_with_an_accelerator() -> None:
    assert cuda.device_count() >= 1 and cuda.current_device() == 0 and cuda.get_device_name()
    properties = cuda.get_device_properties(0)
    assert properties.name == cuda.get_device_name("cuda:0")
    assert (properties.major, properties.minor) == cuda.get_device_capability()
    x = torch.ones(1024, 1024, device="cuda")
    cuda.synchronize()
    assert cuda.memory_allocated() >= x.nbytes and cuda.max_memory_allocated() >= cuda.memory_allocated()
    free, total = cuda.mem_get_info()
    assert 0 <= free <= total
    with pytest.raises(ValueError, match="Expected a cuda device"):
        cuda.synchronize("cpu")
    assert torch.accelerator.current_accelerator() == torch.device("cuda")


@present
def test_events_measure_time() -> None:
    begin, end = cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)
    x = torch.randn(2048, 2048, device="cuda")
    begin.record()
    for _ in range(10):
        x = (x @ x).tanh()
    end.record()
    end.synchronize()
    assert begin.query() and end.query() and begin.elapsed_time(end) > 0
    with pytest.raises(ValueError, match="enable_timing"):
        begin.elapsed_time(cuda.Event())
    stream = cuda.Stream()
    assert stream == cuda.current_stream()
    with cuda.stream(stream):
        stream.wait_stream(cuda.default_stream())
        stream.record_event().synchronize()
