"""Data sets read the real on-disk formats, use what is there, and say what is missing."""

from __future__ import annotations

import gzip
import pickle
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import torchlike as torch
from torchlike.utils.data import DataLoader
from torchlike.vision import datasets, transforms

RNG = np.random.RandomState(0)
IMAGES = RNG.randint(0, 256, (6, 28, 28), dtype=np.uint8)
LABELS = np.array([3, 1, 4, 1, 5, 9], np.uint8)


def write_idx(path: Path, array: np.ndarray, packed: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = (
        struct.pack(">BBBB", 0, 0, 8, array.ndim)
        + struct.pack(f">{array.ndim}I", *array.shape)
        + array.tobytes()
    )
    path.write_bytes(gzip.compress(data) if packed else data)


def write_mnist(root: Path, name: str = "MNIST", packed: bool = False) -> None:
    for part in ("train", "t10k"):
        end = ".gz" if packed else ""
        write_idx(root / name / "raw" / f"{part}-images-idx3-ubyte{end}", IMAGES, packed)
        write_idx(root / name / "raw" / f"{part}-labels-idx1-ubyte{end}", LABELS, packed)


def write_cifar(root: Path, cls: type, label: str) -> np.ndarray:
    pixels = RNG.randint(0, 256, (4, 3072), dtype=np.uint8)
    folder = root / cls.base_folder
    folder.mkdir(parents=True)
    for name, _ in cls.train_list + cls.test_list:
        (folder / name).write_bytes(pickle.dumps({"data": pixels, label: [0, 1, 2, 1]}))
    meta = {cls.meta["key"]: ["cat", "dog", "owl"]}
    (folder / cls.meta["filename"]).write_bytes(pickle.dumps(meta))
    return pixels


@pytest.mark.parametrize("cls", [datasets.MNIST, datasets.FashionMNIST, datasets.KMNIST])
@pytest.mark.parametrize("packed", [False, True])
def test_mnist(tmp_path: Path, cls: type, packed: bool) -> None:
    write_mnist(tmp_path, cls.__name__, packed)
    data = cls(str(tmp_path), train=not packed)
    assert len(data) == 6 and data.data.dtype is torch.uint8 and data.targets.dtype is torch.int64
    image, label = data[2]
    assert isinstance(image, Image.Image) and image.mode == "L" and type(label) is int and label == 4
    np.testing.assert_array_equal(np.asarray(image), IMAGES[2])
    assert data.class_to_idx[data.classes[3]] == 3
    data.data, data.targets = data.data[data.targets == 1], data.targets[data.targets == 1]
    assert len(data) == 2 and data[1][1] == 1


def test_mnist_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="Dataset not found. You can use download=True to download it"):
        datasets.MNIST(str(tmp_path))
    write_idx(tmp_path / "MNIST" / "raw" / "x", IMAGES)
    with pytest.raises(RuntimeError, match="cut off"):
        path = tmp_path / "short"
        path.write_bytes((tmp_path / "MNIST" / "raw" / "x").read_bytes()[:100])
        datasets.mnist.read_idx(str(path))


def test_download_uses_files_that_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr("urllib.request.urlopen", no_network)
    write_mnist(tmp_path)
    assert len(datasets.MNIST(str(tmp_path), download=True)) == 6
    with pytest.raises(
        RuntimeError, match=r"(?s)Error downloading train-images.*no network.*put the file there"
    ):
        datasets.FashionMNIST(str(tmp_path), download=True)
    with pytest.raises(RuntimeError, match="Error downloading cifar-10-python.tar.gz"):
        datasets.CIFAR10(str(tmp_path), download=True)
    assert not list(tmp_path.rglob("*.part"))


def test_download_checks_sums(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: io.BytesIO(b"something else"))
    with pytest.raises(RuntimeError, match="corrupted or not the expected one"):
        datasets.CIFAR10(str(tmp_path), download=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("cls", "label"), [(datasets.CIFAR10, "labels"), (datasets.CIFAR100, "fine_labels")])
def test_cifar(tmp_path: Path, cls: type, label: str) -> None:
    pixels = write_cifar(tmp_path, cls, label)
    data = cls(str(tmp_path), train=True, download=True, target_transform=lambda y: y + 10)
    assert data.data.shape == (4 * len(cls.train_list), 32, 32, 3) and data.targets[:4] == [0, 1, 2, 1]
    image, target = data[1]
    np.testing.assert_array_equal(np.asarray(image).transpose(2, 0, 1).reshape(-1), pixels[1])
    assert target == 11 and data.classes == ["cat", "dog", "owl"] and data.class_to_idx["owl"] == 2


def test_cifar_unpacks_its_archive(tmp_path: Path) -> None:
    write_cifar(tmp_path / "a", datasets.CIFAR10, "labels")
    (tmp_path / "b").mkdir()
    with tarfile.open(tmp_path / "b" / "cifar-10-python.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "a" / "cifar-10-batches-py", "cifar-10-batches-py")
    assert len(datasets.CIFAR10(str(tmp_path / "b"), train=False)) == 4
    with pytest.raises(RuntimeError, match="Dataset not found or corrupted. You can use download=True"):
        datasets.CIFAR10(str(tmp_path / "c"))


def test_image_folder(tmp_path: Path) -> None:
    for name in ("b/2.png", "a/x/1.PNG", "b/1.jpg", "a/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("txt"):
            (tmp_path / name).write_text("no image")
        else:
            Image.new("L", (3, 2), 7).save(tmp_path / name)
    data = datasets.ImageFolder(str(tmp_path))
    assert data.classes == ["a", "b"] and data.targets == [0, 1, 1] and data.imgs is data.samples
    assert [Path(p).name for p, _ in data.samples] == ["1.PNG", "1.jpg", "2.png"]
    assert data[0][0].mode == "RGB" and data[0][1] == 0
    texts = datasets.DatasetFolder(
        str(tmp_path), Path, is_valid_file=lambda p: p.endswith("txt"), allow_empty=True
    )
    assert len(texts) == 1
    with pytest.raises(
        FileNotFoundError, match="Found no valid file for the classes b. Supported extensions are: .txt"
    ):
        datasets.DatasetFolder(str(tmp_path), Path, (".txt",))
    with pytest.raises(FileNotFoundError, match="Couldn't find any class folder in"):
        datasets.ImageFolder(str(tmp_path / "a" / "x"))


def test_fake_data_is_drawn_from_its_index() -> None:
    data = datasets.FakeData(3, (3, 8, 9), transform=transforms.ToTensor())
    before = torch.get_rng_state()
    image, label = data[1]
    assert (torch.get_rng_state() == before).all()
    # numbers of torchvision 0.28
    torch.manual_seed(1)
    pixels = (torch.randn(3, 8, 9) * 255).to(torch.int32) % 256
    assert torch.equal((image * 255).round().to(torch.int32), pixels) and label == int(
        torch.randint(0, 10, (1,))
    )
    with pytest.raises(IndexError, match="FakeData index out of range"):
        data[3]


def test_repr(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    data = datasets.MNIST(str(tmp_path), transform=transforms.Compose([transforms.ToTensor()]))
    assert repr(data) == (
        f"Dataset MNIST\n    Number of datapoints: 6\n    Root location: {tmp_path}\n    Split: Train\n"
        "    StandardTransform\nTransform: Compose(\n               ToTensor()\n           )"
    )
    assert repr(datasets.FakeData(2)) == "Dataset FakeData\n    Number of datapoints: 2"


def jax_is_untouched(worker: int) -> None:
    """In a worker: any start of a JAX backend is an error from now on."""
    from jax._src import xla_bridge

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a transform started JAX")

    assert not xla_bridge._backends
    xla_bridge._init_backend = refuse
    xla_bridge.backends = refuse


def test_workers_transform_without_jax(tmp_path: Path) -> None:
    """All of the pipeline runs in workers on NumPy, and gives what the main process gives."""
    write_mnist(tmp_path)
    steps = [
        transforms.RandomCrop(28, padding=4), transforms.RandomHorizontalFlip(), transforms.RandomRotation(10),
        transforms.ColorJitter(0.2, 0.2), transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,)),
        transforms.RandomErasing(0.9), transforms.Resize(14), transforms.RandomRotation(5),
        transforms.ColorJitter(0.2), transforms.Pad(1), transforms.CenterCrop(12), transforms.RandomVerticalFlip(),
    ]  # fmt: skip
    data = datasets.MNIST(str(tmp_path), transform=transforms.Compose(steps))
    loader = DataLoader(data, batch_size=3, num_workers=1, worker_init_fn=jax_is_untouched)
    torch.manual_seed(5)
    images, labels = map(list, zip(*loader))
    assert [tuple(x.shape) for x in images] == [(3, 1, 12, 12)] * 2
    assert torch.cat(labels).tolist() == LABELS.tolist()
    torch.manual_seed(5)
    base_seed = torch.empty((), dtype=torch.int64).random_().item()
    torch.manual_seed(base_seed)  # as worker 0
    expected = torch.stack([data[i][0] for i in range(6)])
    assert torch.equal(torch.cat(images), expected)
