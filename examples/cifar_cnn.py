"""A small CNN on a data set in CIFAR-10's format, with torchvision's transforms in DataLoader workers.

The files are drawn here, four classes of coloured figures, so that no download is needed.
"""

import hashlib
import pickle
import tempfile
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torchvision
import torchvision.transforms as transforms

CLASSES = ["square", "circle", "stripes", "cross"]


def draw(rng: np.random.RandomState, kind: int) -> np.ndarray:
    """A figure (3, 32, 32) in random colours at a random place."""
    rows, columns = np.mgrid[:32, :32] - rng.randint(12, 20, (2, 1, 1))
    mask = (
        np.maximum(abs(rows), abs(columns)) < 9,
        rows**2 + columns**2 < 81,
        rows % 6 < 3,
        np.minimum(abs(rows), abs(columns)) < 3,
    )[kind]
    back, front = rng.randint(0, 90, (3, 1, 1)), rng.randint(150, 255, (3, 1, 1))
    noise = rng.randint(-20, 21, (3, 32, 32))
    return np.clip(np.where(mask, front, back) + noise, 0, 255).astype(np.uint8)


def write_batches(folder: Path) -> dict[str, str]:
    """Writes the files of CIFAR-10 and returns their MD5 sums."""
    rng = np.random.RandomState(0)
    folder.mkdir(parents=True)
    files = {"batches.meta": {"label_names": CLASSES}}
    for name, count in (("data_batch_1", 384), ("test_batch", 96)):
        labels = [i % len(CLASSES) for i in range(count)]
        pixels = np.stack([draw(rng, kind).reshape(-1) for kind in labels])
        files[name] = {"data": pixels, "labels": labels}
    for name, content in files.items():
        (folder / name).write_bytes(pickle.dumps(content))
    return {name: hashlib.md5((folder / name).read_bytes()).hexdigest() for name in files}


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 5)
        self.pool = nn.MaxPool2d(2, 2)
        self.conv2 = nn.Conv2d(8, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 64)
        self.fc2 = nn.Linear(64, len(CLASSES))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool(F.relu(self.conv1(x)))  # (batch, 8, 14, 14)
        x = self.pool(F.relu(self.conv2(x)))  # (batch, 16, 5, 5)
        return self.fc2(F.relu(self.fc1(torch.flatten(x, 1))))


def main() -> None:
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as root:
        sums = write_batches(Path(root, "cifar-10-batches-py"))

        class Figures(torchvision.datasets.CIFAR10):
            train_list = [["data_batch_1", sums["data_batch_1"]]]
            test_list = [["test_batch", sums["test_batch"]]]
            meta = {"filename": "batches.meta", "key": "label_names", "md5": sums["batches.meta"]}

        normalize = [transforms.ToTensor(), transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))]
        augment = [transforms.RandomCrop(32, padding=2), transforms.RandomHorizontalFlip()]
        train = Figures(root, train=True, transform=transforms.Compose(augment + normalize))
        test = Figures(root, train=False, transform=transforms.Compose(normalize))
        print(train)
        train_loader = torch.utils.data.DataLoader(train, batch_size=32, shuffle=True, num_workers=2)
        test_loader = torch.utils.data.DataLoader(test, batch_size=32)

        net = Net()
        criterion = nn.CrossEntropyLoss()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9)
        for epoch in range(8):
            running = 0.0
            for inputs, labels in train_loader:
                optimizer.zero_grad()
                loss = criterion(net(inputs), labels)
                loss.backward()
                optimizer.step()
                running += loss.item()
            print(f"Epoch {epoch + 1}: loss {running / len(train_loader):.3f}")

        correct = 0
        with torch.no_grad():
            for inputs, labels in test_loader:
                correct += (net(inputs).argmax(1) == labels).sum().item()
        print(f"Test accuracy: {100 * correct / len(test):.1f}%")


if __name__ == "__main__":
    main()
