"""Settings of the process against torch: determinism, threads, warnings, the default tensor type."""

import os
import subprocess
import sys

import pytest

import torchlike

torch = pytest.importorskip("torch")
LIBS = (torchlike, torch)


@pytest.fixture(autouse=True)
def restored():
    flags = os.environ.get("XLA_FLAGS")
    yield
    for lib in LIBS:
        lib.use_deterministic_algorithms(False)
        lib.set_default_dtype(lib.float32)
        lib.set_warn_always(False)
    if flags is None:
        os.environ.pop("XLA_FLAGS", None)


def outcome(f):
    """What a call returns, or the type and text of its error."""
    try:
        return f()
    except Exception as e:
        return type(e), str(e)


def test_determinism():
    found = []
    for lib in LIBS:
        said = []

        def ask(lib=lib):
            return (lib.are_deterministic_algorithms_enabled(), lib.get_deterministic_debug_mode(),
                    lib.is_deterministic_algorithms_warn_only_enabled())  # fmt: skip

        said.append(ask())
        for args, kw in (((True,), {}), ((True,), {"warn_only": True}), ((False,), {"warn_only": True})):
            lib.use_deterministic_algorithms(*args, **kw)
            said.append(ask())
        for mode in ("warn", "error", "default", 2, 1, 0):
            lib.set_deterministic_debug_mode(mode)
            said.append(ask())
        found.append(said)
    assert found[0] == found[1]


CALLS = {
    "deterministic 3": lambda T: T.use_deterministic_algorithms(3),
    "deterministic text": lambda T: T.use_deterministic_algorithms("a"),
    "debug word": lambda T: T.set_deterministic_debug_mode("bad"),
    "debug number": lambda T: T.set_deterministic_debug_mode(4),
    "debug float": lambda T: T.set_deterministic_debug_mode(1.0),
    "threads 0": lambda T: T.set_num_threads(0),
    "threads text": lambda T: T.set_num_threads("a"),
    "threads float": lambda T: T.set_num_threads(1.5),
    "interop 0": lambda T: T.set_num_interop_threads(0),
    "interop text": lambda T: T.set_num_interop_threads("1"),
    "init threads": lambda T: T.init_num_threads(),
    "flush": lambda T: T.set_flush_denormal(True),
    "flush 3": lambda T: T.set_flush_denormal(3),
    "warn always 1": lambda T: T.set_warn_always(1),
    "warn always": lambda T: (T.set_warn_always(True), T.is_warn_always_enabled()),
    "abi": lambda T: T.compiled_with_cxx11_abi(),
    "generator": lambda T: T.thread_safe_generator(),
    "device module 3": lambda T: T.get_device_module(3),
    "device module": lambda T: T.get_device_module("xla"),
}


@pytest.mark.parametrize("name", CALLS)
def test_calls(name):
    a, b = (outcome(lambda lib=lib: CALLS[name](lib)) for lib in LIBS)
    assert a == b


def test_device_modules():
    assert torchlike.get_device_module("cpu") is torchlike.cpu
    assert torchlike.get_device_module(torchlike.device("cuda:0")) is torchlike.cuda
    assert torchlike.get_device_module() is (
        torchlike.cuda if torchlike.cuda.is_available() else torchlike.cpu
    )


def test_subnormal_numbers_are_always_flushed():
    assert not torchlike.set_flush_denormal(False)


TYPES = ["torch.DoubleTensor", "torch.HalfTensor", "FloatTensor", "torch.IntTensor", 3, "torch.Tensor"]


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.filterwarnings("ignore:torch.set_default_tensor_type")
def test_default_tensor_type(kind):
    def ask(lib):
        lib.set_default_tensor_type(kind)
        return str(lib.get_default_dtype()), str(lib.ones(1).dtype)

    a, b = (outcome(lambda lib=lib: ask(lib)) for lib in LIBS)
    if kind != "torch.Tensor":
        assert a == b
    torchlike.set_default_tensor_type(torchlike.DoubleTensor)
    assert torchlike.get_default_dtype() is torchlike.float64


def run(code, **env):
    kept = {k: v for k, v in os.environ.items() if k not in ("PJRT_NPROC", "NPROC", "XLA_FLAGS")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**kept, **env}, check=True
    )
    return done.stdout.split()


THREADS = """
import os, warnings
import torchlike as torch
torch.set_num_threads(3)
torch.use_deterministic_algorithms(True)
(torch.ones(3) + 1).tolist()
made = sum(open(f"/proc/self/task/{t}/comm").read().strip() == "tf_XLAEigen" for t in os.listdir("/proc/self/task"))
torch.set_num_threads(3)
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    torch.set_num_threads(2)
    torch.set_num_interop_threads(1)
print(made, torch.get_num_threads(), torch.get_num_interop_threads(), len(seen), seen[0].category.__name__)
print("deterministic" in os.environ["XLA_FLAGS"])
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts threads in /proc")
def test_threads_are_those_of_xla():
    assert run(THREADS) == ["3", "3", "3", "2", "TorchlikeWarning", "True"]


def test_threads_of_the_environment():
    code = "import torchlike as torch; print(torch.get_num_threads())"
    assert run(code, NPROC="5") == ["5"]
    assert run(code, NPROC="5", PJRT_NPROC="4") == ["4"]
    assert int(run(code)[0]) == len(os.sched_getaffinity(0))
