"""Tensors over files against torch."""

import numpy as np
import pytest
from twin import LIBS, torch, torchlike


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "data.bin"
    path.write_bytes(bytes(range(40)))
    return str(path)


@pytest.mark.parametrize("shared", [None, False, True])
def test_values(file, shared):
    for dtype, n in (("uint8", 5), ("int32", 10), ("float64", 3), ("int16", 0)):
        a, b = (lib.from_file(file, shared, n, dtype=getattr(lib, dtype)).tolist() for lib in LIBS)
        assert a == b
    assert torchlike.from_file(file, size=3).dtype is torchlike.float32
    assert torchlike.from_file(file, size=3, requires_grad=True).requires_grad


def test_private_memory(file):
    torchlike.from_file(file, size=4, dtype=torchlike.uint8).fill_(9)
    assert np.fromfile(file, np.uint8)[:5].tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("lib", LIBS)
def test_shared_memory(file, lib):
    x = lib.from_file(file, shared=True, size=10, dtype=lib.int32)
    y = lib.from_file(file, shared=True, size=10, dtype=lib.int32)
    x[2:4] = 7
    x.view(2, 5)[1].add_(1)
    assert y.tolist() == x.tolist() == np.fromfile(file, np.int32).tolist()
    np.memmap(file, np.int32)[0] = 11
    assert (x * 2)[0].item() == 22


@pytest.mark.parametrize("lib", LIBS)
def test_shared_files_are_made_and_lengthened(tmp_path, file, lib):
    made = tmp_path / "new.bin"
    assert lib.from_file(str(made), shared=True, size=3).tolist() == [0, 0, 0]
    assert made.stat().st_size == 12
    lib.from_file(file, shared=True, size=14)
    assert len(np.fromfile(file, np.uint8)) == 56


WRONG = {
    "too short": lambda T, path: T.from_file(path, size=40),
    "absent": lambda T, path: T.from_file(path + ".no", size=3),
    "no directory": lambda T, path: T.from_file(path + "/no/file", shared=True, size=3),
    "negative": lambda T, path: T.from_file(path, size=-1),
    "pinned": lambda T, path: T.from_file(path, size=1, pin_memory=True),
    "gradient of integers": lambda T, path: T.from_file(path, size=1, dtype=T.uint8, requires_grad=True),
    "device": lambda T, path: T.from_file(path, size=1, device="cuda"),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors(file, name):
    if name == "device" and (torch.cuda.is_available() or torchlike.cuda.is_available()):
        return
    texts = []
    for lib in LIBS:
        with pytest.raises((RuntimeError, AssertionError)) as info:
            WRONG[name](lib, file)
        texts.append(str(info.value))
    assert texts[0] == texts[1]
