"""torch.save / torch.load: files go both ways between torchlike and PyTorch."""

import argparse
import collections
import io
import os
import pickle
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import torchlike
from torchlike import serialization

torch = pytest.importorskip("torch")

DTYPES = [
    "float32", "float64", "float16", "bfloat16", "complex64", "complex128",
    "int64", "int32", "int16", "int8", "uint8", "bool", "uint16", "uint32", "uint64",
]  # fmt: skip
SHAPES = [(), (0,), (3,), (2, 3), (0, 3), (2, 1, 4)]
FORMATS = [True, False]  # zip, and the format before PyTorch 1.6
WAYS = {"from_torch": (torch, torchlike), "to_torch": (torchlike, torch), "own": (torchlike, torchlike)}


class Plain:
    """Something of a user's own."""

    def __init__(self, value=0):
        self.value = value

    def __eq__(self, other):
        return type(other) is Plain and other.value == self.value

    __hash__ = None


def transfer(obj, way, as_zip=True, **kwargs):
    """`obj` saved by one library and loaded by the other."""
    source, target = WAYS[way]
    file = io.BytesIO()
    source.save(obj, file, _use_new_zipfile_serialization=as_zip)
    file.seek(0)
    return target.load(file, **kwargs)


def raw(t):
    """Values of a tensor of either library, as bits where NumPy lacks the dtype."""
    t = t.detach()
    return (t.float() if str(t.dtype) == "torch.bfloat16" else t).numpy()


def same(got, want):
    assert str(got.dtype) == str(want.dtype) and tuple(got.shape) == tuple(want.shape)
    assert got.requires_grad == want.requires_grad
    np.testing.assert_array_equal(raw(got), raw(want))


def make(lib, dtype, shape):
    values = np.random.RandomState(0).randint(0, 100, shape)
    if dtype.startswith("complex"):
        values = values + 1j
    return lib.as_tensor(np.asarray(values)).to(getattr(lib, dtype))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("as_zip", FORMATS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes_and_shapes(dtype, as_zip, way):
    if not as_zip and dtype in ("uint16", "uint32", "uint64"):
        pytest.skip("PyTorch has no old format for these")
    tensors = [make(WAYS[way][0], dtype, s) for s in SHAPES]
    for got, want in zip(transfer(tensors, way, as_zip), tensors, strict=True):
        same(got, want)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("as_zip", FORMATS)
def test_structures(as_zip, way):
    lib, other = WAYS[way]
    obj = {
        "list": [1, 2.5, "text", None, True, (1, (2,)), 2**40, -1, 1 + 2j],
        "dict": collections.OrderedDict(b=1, a=collections.Counter("aab")),
        "set": {1, 2},
        "bytes": b"\x00\xff",
        "dtype": lib.float16,
        "device": lib.device("cpu"),
        "cuda": lib.device("cuda", 0),
        "size": lib.Size([2, 3]),
        "parameter": lib.nn.Parameter(lib.ones(2)),
        "frozen": lib.nn.Parameter(lib.ones(2), requires_grad=False),
        "leaf": lib.ones(2, requires_grad=True),
    }
    got = transfer(obj, way, as_zip)
    for key in ("list", "dict", "set", "bytes"):
        assert got[key] == obj[key] and type(got[key]) is type(obj[key])
    assert got["dtype"] is other.float16
    assert got["device"] == other.device("cpu") and got["cuda"] == other.device("cuda", 0)
    assert type(got["size"]) is other.Size and got["size"] == (2, 3)
    assert type(got["parameter"]) is other.nn.Parameter and got["parameter"].requires_grad
    assert type(got["frozen"]) is other.nn.Parameter and not got["frozen"].requires_grad
    assert got["leaf"].requires_grad and got["leaf"].is_leaf


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("as_zip", FORMATS)
def test_views_and_shared_storages(as_zip, way):
    lib, _ = WAYS[way]
    x = lib.arange(12).reshape(3, 4)
    obj = {
        "x": x,
        "row": x[1],
        "t": x.t(),
        "column": x[:, 1:3],
        "again": x,
        "alias": x.detach(),
        "flat": x.reshape(-1)[::2],
    }
    got = transfer(obj, way, as_zip)
    for key, want in obj.items():
        same(got[key], want)
        assert got[key].stride() == want.stride() and got[key].storage_offset() == want.storage_offset()
    assert got["again"] is got["x"]
    got["x"].zero_()
    assert all(not raw(t).any() for t in got.values())


@pytest.mark.parametrize("way", WAYS)
def test_a_view_is_saved_with_its_whole_storage(way):
    lib, other = WAYS[way]
    got = transfer(lib.arange(10)[2:4], way)
    assert got.tolist() == [2, 3] and got.storage_offset() == 2
    del other


@pytest.mark.parametrize("way", WAYS)
def test_views_without_strides_are_saved_as_copies(way):
    lib, _ = WAYS[way]
    x = lib.arange(4).float()
    got = transfer([x, x.expand(2, 4), lib.view_as_complex(x.clone().reshape(2, 2))], way)
    assert got[1].tolist() == [[0, 1, 2, 3]] * 2 and got[2].tolist() == [1j, 2 + 3j]


@pytest.mark.parametrize("way", WAYS)
def test_tied_weights_stay_tied(way):
    lib, _ = WAYS[way]
    a, b = lib.nn.Linear(3, 3), lib.nn.Linear(3, 3)
    b.weight = a.weight
    got = transfer({"a": a.state_dict(), "b": b.state_dict()}, way)
    got["a"]["weight"].detach().fill_(7)
    assert (raw(got["b"]["weight"]) == 7).all()


def test_conjugate_bits():
    x = torch.tensor([1 + 2j, 3 - 1j]).conj()
    assert transfer(x, "from_torch").tolist() == x.tolist()


def network(lib):
    lib.manual_seed(0)
    return lib.nn.Sequential(lib.nn.Linear(3, 4), lib.nn.BatchNorm1d(4), lib.nn.ReLU(), lib.nn.Linear(4, 2))


@pytest.mark.parametrize("way", WAYS)
def test_state_dicts_of_modules_and_optimizers(way):
    source, target = WAYS[way]
    nets, optimizers = zip(
        *[(n, lib.optim.Adam(n.parameters(), lr=0.01)) for lib in (source, target) for n in [network(lib)]]
    )
    for step in range(2):
        loss = nets[0](source.ones(5, 3) * step).sum()
        loss.backward()
        optimizers[0].step()
    got = transfer({"net": nets[0].state_dict(), "opt": optimizers[0].state_dict(), "epoch": 3}, way)
    nets[1].load_state_dict(got["net"])
    optimizers[1].load_state_dict(got["opt"])
    assert got["epoch"] == 3 and list(got["net"]) == list(nets[0].state_dict())
    for a, b in zip(nets[1].parameters(), nets[0].parameters(), strict=True):
        np.testing.assert_array_equal(raw(a), raw(b))
    assert optimizers[1].state_dict()["param_groups"][0]["lr"] == 0.01


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("as_zip", FORMATS)
def test_whole_modules(as_zip, way):
    source, target = WAYS[way]
    net = network(source).eval()
    got = transfer(net, way, as_zip, weights_only=False)
    assert type(got) is target.nn.Sequential
    x = np.random.RandomState(0).rand(5, 3).astype(np.float32)
    np.testing.assert_allclose(raw(got(target.as_tensor(x))), raw(net(source.as_tensor(x))), atol=1e-6)


def test_loaded_modules_take_hooks():
    net, seen = transfer(network(torch), "from_torch", weights_only=False), []
    net.register_forward_hook(lambda *_: seen.append(1))
    net(torchlike.ones(2, 3))
    assert seen == [1]


@pytest.mark.parametrize("way", WAYS)
def test_python_attributes_of_tensors(way):
    lib, other = WAYS[way]
    t, p = lib.ones(2), lib.nn.Parameter(lib.ones(2))
    t.note, p.note = "tensor", "parameter"
    got = transfer([t, p], way)
    assert [g.note for g in got] == ["tensor", "parameter"] and type(got[1]) is other.nn.Parameter


def test_records_are_aligned_and_named_as_pytorch_does(tmp_path):
    for lib in (torch, torchlike):
        lib.save({"a": lib.ones(3), "b": lib.ones(5)}, tmp_path / f"{lib.__name__}.pt")
    layouts = []
    for lib in (torch, torchlike):
        path = tmp_path / f"{lib.__name__}.pt"
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            infos = archive.infolist()
            data = path.read_bytes()
            for info in infos:
                assert info.compress_type == zipfile.ZIP_STORED
                start = info.header_offset + 30
                start += int.from_bytes(data[start - 4 : start - 2], "little") + int.from_bytes(
                    data[start - 2 : start], "little"
                )
                assert start % 64 == 0, info.filename
            layouts.append(
                [
                    (i.filename.removeprefix(lib.__name__), i.file_size if "pkl" not in i.filename else 0)
                    for i in infos
                ]
            )
    assert layouts[0] == layouts[1]
    assert torch.load(tmp_path / "torchlike.pt", mmap=True)["b"].tolist() == [1] * 5
    assert torchlike.load(tmp_path / "torch.pt", mmap=True)["b"].tolist() == [1] * 5


class TestFiles:
    def test_paths_and_file_objects(self, tmp_path):
        for f in (
            tmp_path / "a.pt",
            str(tmp_path / "b.pt"),
            tmp_path / "ä.pt",
            tmp_path / ".hidden",
            tmp_path / "no_suffix",
        ):
            torchlike.save(torchlike.ones(2), f)
            assert torchlike.load(f).tolist() == torch.load(f).tolist() == [1, 1]
        with open(tmp_path / "c.pt", "wb") as file:
            torchlike.save([1], file)
        with open(tmp_path / "c.pt", "rb") as file:
            assert torchlike.load(file) == [1]

    def test_a_stream_that_cannot_seek(self, tmp_path):
        class Sink:
            data = b""

            def write(self, b):
                self.data += bytes(b)
                return len(b)

            def flush(self):
                pass

        sink = Sink()
        torchlike.save(torchlike.arange(3), sink)
        assert torch.load(io.BytesIO(sink.data)).tolist() == [0, 1, 2]

    def test_a_failed_save_leaves_the_old_file(self, tmp_path):
        path = tmp_path / "a.pt"
        torchlike.save([1], path)
        for bad in (lambda: 0, open(os.devnull)):  # noqa: SIM115
            with pytest.raises((pickle.PicklingError, TypeError, AttributeError)):
                torchlike.save([torchlike.ones(3), bad], path)
        bad.close()
        assert torchlike.load(path) == [1] and os.listdir(tmp_path) == ["a.pt"]

    def test_a_save_keeps_mode_and_link(self, tmp_path):
        real, link = tmp_path / "real.pt", tmp_path / "link.pt"
        torchlike.save([1], real)
        os.chmod(real, 0o640)
        link.symlink_to(real)
        torchlike.save([2], link)
        assert link.is_symlink() and torchlike.load(real) == [2] and os.stat(real).st_mode & 0o777 == 0o640

    @pytest.mark.parametrize("lib", [torchlike, torch], ids=["own", "torch"])
    def test_errors(self, lib, tmp_path):
        with pytest.raises(RuntimeError, match="Parent directory .*missing does not exist"):
            lib.save(1, tmp_path / "missing" / "a.pt")
        with pytest.raises(FileNotFoundError):
            lib.load(tmp_path / "missing.pt")
        with pytest.raises(
            AttributeError,
            match="expected 'f' to be string, path, or a file-like object with a 'write' attribute",
        ):
            lib.save(1, 5)
        with pytest.raises(ValueError, match="f must be a file path in order to use the mmap argument"):
            file = io.BytesIO()
            lib.save(1, file)
            file.seek(0)
            lib.load(file, mmap=True)
        with pytest.raises(EOFError):
            lib.load(io.BytesIO(b""))
        with pytest.raises(AttributeError, match="You can only torch.load from a file that is seekable"):
            lib.load(object())

    @pytest.mark.parametrize(
        "lib,damage",
        [(torchlike, "cut"), (torch, "cut"), (torchlike, "flip")],
        ids=["own", "torch", "own-flip"],
    )
    def test_damaged_files(self, lib, damage):
        file = io.BytesIO()
        torch.save(torch.arange(100), file)
        data = bytearray(file.getvalue())
        if damage == "cut":
            del data[len(data) // 2 :]
        else:
            data[data.index(torch.arange(100).numpy().tobytes()) + 5] ^= 1
        with pytest.raises(RuntimeError, match="PytorchStreamReader failed"):
            lib.load(io.BytesIO(data))


class TestMapLocation:
    def saved_on_cuda(self):
        file = io.BytesIO()
        torch.save(torch.arange(3), file)
        return io.BytesIO(
            file.getvalue().replace(b"cpu", b"cud").replace(b"X\x03\x00\x00\x00cud", b"X\x03\x00\x00\x00cpu")
        )

    @pytest.mark.parametrize(
        "location",
        [
            None,
            "cpu",
            torchlike.device("cpu"),
            {"cpu": "cpu"},
            {},
            lambda s, loc: s,
            lambda s, loc: None,
            lambda s, loc: s.cpu(),
        ],
        ids=["none", "str", "device", "dict", "empty", "same", "default", "method"],
    )
    def test_accepted(self, location):
        assert transfer(torch.arange(3), "from_torch", map_location=location).tolist() == [0, 1, 2]

    def test_functions_see_the_tag(self):
        seen = []
        transfer(
            torch.arange(3),
            "from_torch",
            map_location=lambda s, loc: seen.append((loc, s.size(), s.nbytes())),
        )
        assert seen == [("cpu", 3, 24)]

    @pytest.mark.skipif(
        torch.cuda.is_available() or len(torchlike._core.devices.accelerators()) > 0,
        reason="needs a machine without one",
    )
    def test_no_accelerator(self):
        texts = []
        for lib in (torchlike, torch):
            with pytest.raises(RuntimeError) as info:
                lib.load(self.file(lib), map_location="cuda:0")
            texts.append(str(info.value))
        assert texts[0] == texts[1]
        with pytest.raises(RuntimeError, match="don't know how to restore data location"):
            torchlike.load(self.file(torch), map_location="nowhere")

    def file(self, lib):
        file = io.BytesIO()
        lib.save(lib.arange(3), file)
        file.seek(0)
        return file


class TestWeightsOnly:
    def refusal(self, lib, obj):
        file = io.BytesIO()
        lib.save(obj, file)
        file.seek(0)
        with pytest.raises(pickle.UnpicklingError) as info:
            lib.load(file)
        return str(info.value)

    @pytest.mark.parametrize(
        "make_bad",
        [
            lambda lib: lib.nn.Linear(1, 1),
            lambda lib: argparse.Namespace(a=1),
            lambda lib: np.ones(2),
            lambda lib: print,
            lambda lib: os.system,
        ],
        ids=["module", "namespace", "array", "builtin", "blocked"],
    )
    def test_refusals_read_as_pytorchs(self, make_bad):
        assert self.refusal(torchlike, make_bad(torchlike)) == self.refusal(torch, make_bad(torch))

    @pytest.mark.parametrize(
        "data", [b"garbage", b"\x80\x02]q\x00(K\x01K\x02e.", b"cos\nsystem\n(S'true'\ntR."]
    )
    def test_no_checkpoint(self, data):
        texts = []
        for lib in (torchlike, torch):
            with pytest.raises((pickle.UnpicklingError, RuntimeError)) as info:
                lib.load(io.BytesIO(data))
            texts.append((info.type, str(info.value)))
        assert texts[0] == texts[1]

    def test_nothing_is_run(self, tmp_path):
        class Bomb:
            def __reduce__(self):
                return os.mkdir, (str(tmp_path / "ran"),)

        file = io.BytesIO()
        torch.save({"a": torch.ones(1), "b": Bomb()}, file)
        file.seek(0)
        with pytest.raises(pickle.UnpicklingError):
            torchlike.load(file)
        assert not (tmp_path / "ran").exists()

    @pytest.mark.parametrize(
        "program",
        [
            b"\x80\x02ccollections\nOrderedDict\nq\x00}X\x01\x00\x00\x00aK\x01sb.",  # state for a class
            b"\x80\x02ctorch\nTensor\nK\x01a.",  # append to a class
            b"\x80\x02ctorch\nTensor\nK\x01K\x02s.",  # an item of a class
            b"\x80\x02X\x01\x00\x00\x00a)R.",  # a call of a string
        ],
    )
    def test_hostile_programs(self, program):
        from torchlike._serialization import weights_only

        with pytest.raises(pickle.UnpicklingError):
            weights_only.Unpickler(io.BytesIO(program)).load()

    @pytest.mark.parametrize(
        "geometry", [(0, (5,), (1,)), (2, (2,), (1,)), (-1, (1,), (1,)), (0, (2,), (-1,)), (0, (2, 2), (2,))]
    )
    def test_tensors_stay_inside_their_storage(self, geometry):
        storage = torchlike._serialization.storage.LoadedStorage(np.arange(3.0), torchlike.float64)
        with pytest.raises(RuntimeError):
            storage.tensor(*geometry)

    def test_safe_globals(self):
        file = io.BytesIO()
        torchlike.save({"p": Plain(3)}, file)
        with serialization.safe_globals([Plain]):
            file.seek(0)
            assert torchlike.load(file) == {"p": Plain(3)}
            assert serialization.get_safe_globals() == [Plain]
        assert serialization.get_safe_globals() == []
        file.seek(0)
        assert serialization.get_unsafe_globals_in_checkpoint(file) == [f"{Plain.__module__}.Plain"]
        serialization.add_safe_globals([(Plain, f"{Plain.__module__}.Plain")])
        file.seek(0)
        assert torchlike.load(file)["p"].value == 3
        serialization.clear_safe_globals()
        file.seek(0)
        with pytest.raises(pickle.UnpicklingError):
            torchlike.load(file)

    @pytest.mark.parametrize("way", WAYS)
    def test_modules_can_be_allowed(self, way):
        source, target = WAYS[way]
        names = ("Linear",)
        with target.serialization.safe_globals([getattr(target.nn, n) for n in names] + [set]):
            got = transfer(source.nn.Linear(2, 1), way)
        assert type(got) is target.nn.Linear

    def test_environment(self, monkeypatch):
        file = io.BytesIO()
        torchlike.save(Plain(1), file)
        monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
        file.seek(0)
        with pytest.warns(UserWarning, match="TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD detected"):
            assert torchlike.load(file) == Plain(1)
        monkeypatch.setenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "1")
        with pytest.raises(RuntimeError, match="Only one of"):
            torchlike.load(file)

    def test_pickle_module_contradicts(self):
        with pytest.raises(
            RuntimeError, match="Can not safely load weights when explicit pickle_module is specified"
        ):
            torchlike.load(io.BytesIO(), pickle_module=pickle, weights_only=True)


@pytest.mark.parametrize("way", WAYS)
def test_full_pickles(way):
    obj = {
        "plain": Plain([1]),
        "array": np.arange(3.0),
        "namespace": argparse.Namespace(lr=0.1),
        "type": Plain,
        "fn": os.path.join,
    }
    got = transfer(obj, way, weights_only=False)
    np.testing.assert_array_equal(got.pop("array"), obj.pop("array"))
    assert got == obj


def test_files_of_one_library_need_not_the_other(tmp_path):
    """torchlike reads and writes where PyTorch cannot be imported."""
    torch.save(network(torch), tmp_path / "net.pt")
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import torchlike\n"
        "net = torchlike.load('net.pt', weights_only=False)\n"
        "torchlike.save(net, 'back.pt')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(torchlike.__file__))},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert type(torch.load(tmp_path / "back.pt", weights_only=False)) is torch.nn.Sequential


def test_skip_data():
    file = io.BytesIO()
    with serialization.skip_data():
        torchlike.save(torchlike.ones(3), file)
    file.seek(0)
    assert torchlike.load(file).tolist() == [0, 0, 0]


def test_package_rules():
    with pytest.raises(RuntimeError, match="don't know how to restore data location"):
        transfer(torch.ones(1), "from_torch", map_location="mine:0")
    serialization.register_package(
        5, lambda s: None, lambda s, loc: s.cpu() if loc.startswith("mine") else None
    )
    assert transfer(torch.ones(1), "from_torch", map_location="mine:0").tolist() == [1]
