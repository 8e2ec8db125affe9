"""Image data sets in their on-disk formats.

Files that are present are used as they are; checksums are those of downloads.
"""

from __future__ import annotations

from ..._core.names import missing as _missing
from ._vision import StandardTransform as StandardTransform
from ._vision import VisionDataset as VisionDataset
from .cifar import CIFAR10 as CIFAR10
from .cifar import CIFAR100 as CIFAR100
from .fakedata import FakeData as FakeData
from .folder import DatasetFolder as DatasetFolder
from .folder import ImageFolder as ImageFolder
from .mnist import KMNIST as KMNIST
from .mnist import MNIST as MNIST
from .mnist import FashionMNIST as FashionMNIST

__getattr__ = _missing(__name__)
