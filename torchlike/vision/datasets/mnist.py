"""MNIST and the data sets in its format: idx files of greyscale images of 28 x 28."""

from __future__ import annotations

import os
import struct
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from ..._core.host import host_array, over
from ..._core.tensor import Tensor
from ._download import download, extract
from ._vision import VisionDataset

_IDX_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def read_idx(path: str) -> np.ndarray:
    """The array of an idx file.

    Raises:
        RuntimeError: it is no idx file, or cut off.
    """
    with open(path, "rb") as file:
        data = file.read()
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _IDX_TYPES:
        raise RuntimeError(f"{path} is not an idx file")
    ndim = data[3]
    shape = struct.unpack(f">{ndim}I", data[4 : 4 + 4 * ndim])
    dtype = np.dtype(_IDX_TYPES[data[2]])
    count = int(np.prod(shape, dtype=np.int64))
    if len(data) - 4 - 4 * ndim < count * dtype.itemsize:
        raise RuntimeError(f"{path} is cut off: {shape} needs {count * dtype.itemsize} bytes")
    array = np.frombuffer(data, dtype, count, 4 + 4 * ndim).reshape(shape)
    return array.astype(dtype.newbyteorder("="))


class MNIST(VisionDataset):
    """Handwritten digits (http://yann.lecun.com/exdb/mnist/): 60,000 to train, 10,000 to test.

    Args:
        root: `root/MNIST/raw` holds the idx files, packed (`.gz`) or not.
        train: the training or the test part.
        download: load what is missing from the network.

    `data` is uint8 (N, 28, 28), `targets` int64 (N,); a sample is (Pillow image, int).

    Raises:
        RuntimeError: files are missing and cannot be had.
    """

    mirrors = ["https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/"]
    resources = [
        ("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        ("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
        ("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
        ("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
    ]
    training_file = "training.pt"
    test_file = "test.pt"
    classes = [
        "0 - zero", "1 - one", "2 - two", "3 - three", "4 - four", "5 - five", "6 - six", "7 - seven",
        "8 - eight", "9 - nine",
    ]  # fmt: skip

    def __init__(
        self,
        root: Any,
        train: bool = True,
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        download: bool = False,
    ):
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.train = train
        if download:
            self.download()
        elif not self._check_exists():
            self._unpack()
            if not self._check_exists():
                raise RuntimeError("Dataset not found. You can use download=True to download it")
        self.data, self.targets = self._load_data()

    @property
    def raw_folder(self) -> str:
        """Where the idx files are."""
        return os.path.join(self.root, type(self).__name__, "raw")

    @property
    def processed_folder(self) -> str:
        """Where early releases of torchvision kept tensors."""
        return os.path.join(self.root, type(self).__name__, "processed")

    @property
    def class_to_idx(self) -> dict[str, int]:
        """Class name -> number."""
        return {name: i for i, name in enumerate(self.classes)}

    @property
    def train_data(self) -> Tensor:
        """`data`, by its former name."""
        warnings.warn("train_data has been renamed data", stacklevel=2)
        return self.data

    @property
    def train_labels(self) -> Tensor:
        """`targets`, by its former name."""
        warnings.warn("train_labels has been renamed targets", stacklevel=2)
        return self.targets

    @property
    def test_data(self) -> Tensor:
        """`data`, by its former name."""
        warnings.warn("test_data has been renamed data", stacklevel=2)
        return self.data

    @property
    def test_labels(self) -> Tensor:
        """`targets`, by its former name."""
        warnings.warn("test_labels has been renamed targets", stacklevel=2)
        return self.targets

    def _path(self, resource: str) -> str:
        return os.path.join(self.raw_folder, resource[: -len(".gz")])

    def _check_exists(self) -> bool:
        return all(os.path.isfile(self._path(name)) for name, _ in self.resources)

    def _unpack(self) -> None:
        for name, _ in self.resources:
            packed = os.path.join(self.raw_folder, name)
            if os.path.isfile(packed) and not os.path.isfile(self._path(name)):
                extract(packed, self.raw_folder)

    def download(self) -> None:
        """Loads what is missing; files that are there are used as they are."""
        for name, md5 in self.resources:
            if not os.path.isfile(self._path(name)):
                path = download([mirror + name for mirror in self.mirrors], self.raw_folder, name, md5)
                extract(path, self.raw_folder)

    def _load_data(self) -> tuple[Tensor, Tensor]:
        part = "train" if self.train else "t10k"
        images = read_idx(os.path.join(self.raw_folder, f"{part}-images-idx3-ubyte"))
        labels = read_idx(os.path.join(self.raw_folder, f"{part}-labels-idx1-ubyte"))
        return over(images), over(labels.astype(np.int64))

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image, target = _entry(self.data, index), int(_entry(self.targets, index))
        return self._transformed(Image.fromarray(image), target)

    def __len__(self) -> int:
        return len(self.data)

    def extra_repr(self) -> str:
        return f"Split: {'Train' if self.train is True else 'Test'}"


def _entry(data: Any, index: Any) -> Any:
    """`data[index]` as NumPy; `data` may have been replaced by the user."""
    array = host_array(data, force=True) if isinstance(data, Tensor) else None
    entry = (data if array is None else array)[index]
    return entry.numpy() if isinstance(entry, Tensor) else entry


class FashionMNIST(MNIST):
    """Zalando's article images (https://github.com/zalandoresearch/fashion-mnist), in MNIST's format."""

    mirrors = ["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"]
    resources = [
        ("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        ("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
        ("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
        ("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
    ]
    classes = [
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ]  # fmt: skip


class KMNIST(MNIST):
    """Kuzushiji characters (https://github.com/rois-codh/kmnist), in MNIST's format."""

    mirrors = ["http://codh.rois.ac.jp/kmnist/dataset/kmnist/"]
    resources = [
        ("train-images-idx3-ubyte.gz", "bdb82020997e1d708af4cf47b453dcf7"),
        ("train-labels-idx1-ubyte.gz", "e144d726b3acfaa3e44228e80efcd344"),
        ("t10k-images-idx3-ubyte.gz", "5c965bf0a639b31b8f53240b1b52f4d7"),
        ("t10k-labels-idx1-ubyte.gz", "7320c461ea6c1c855c0b718fb2a4b134"),
    ]
    classes = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]
