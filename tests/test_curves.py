"""Loss curves overlay PyTorch's: the same seed, the same initial weights, shuffles and updates."""

import numpy as np
import pytest

import torchlike

reference = pytest.importorskip("torch")
STEPS = 200


def digits():
    from sklearn.datasets import load_digits

    d = load_digits()
    return (d.images / 16).astype("f4"), d.target.astype("i8")


def lenet(torch):
    nn = torch.nn
    x, y = digits()
    data = torch.utils.data.TensorDataset(torch.tensor(x).unsqueeze(1), torch.tensor(y))
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10),
    )  # fmt: skip
    loader = torch.utils.data.DataLoader(data, batch_size=32, shuffle=True)
    return model, loader, torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9), nn.CrossEntropyLoss()


def mlp(torch):
    nn = torch.nn
    x, y = digits()
    data = torch.utils.data.TensorDataset(torch.tensor(x).reshape(len(x), -1), torch.tensor(y))
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 10))
    loader = torch.utils.data.DataLoader(data, batch_size=64, shuffle=True, drop_last=True)
    return model, loader, torch.optim.Adam(model.parameters(), lr=1e-3), nn.CrossEntropyLoss()


def lstm(torch):
    nn = torch.nn

    class Rows(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.out = nn.LSTM(8, 24, batch_first=True), nn.Linear(24, 10)

        def forward(self, x):
            return self.out(self.rnn(x)[0][:, -1])

    x, y = digits()
    data = torch.utils.data.TensorDataset(torch.tensor(x), torch.tensor(y))
    torch.manual_seed(2)
    model = Rows()
    loader = torch.utils.data.DataLoader(data, batch_size=32, shuffle=True, drop_last=True)
    return model, loader, torch.optim.Adam(model.parameters(), lr=3e-3), nn.CrossEntropyLoss()


def curve(torch, make):
    model, loader, optimizer, criterion = make(torch)
    start = [np.array(p.detach().numpy()) for p in model.parameters()]
    losses, batches = [], []
    while len(losses) < STEPS:
        for x, y in loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            batches.append(y.tolist())
            if len(losses) == STEPS:
                break
    return start, losses, batches


@pytest.mark.parametrize("make", [lenet, mlp, lstm], ids=lambda f: f.__name__)
def test_curve(make):
    (start, losses, batches), (start_ref, losses_ref, batches_ref) = (
        curve(torchlike, make),
        curve(reference, make),
    )
    for a, b in zip(start, start_ref):
        np.testing.assert_array_equal(a, b)
    assert batches == batches_ref
    worst = max(abs(a - b) / abs(b) for a, b in zip(losses, losses_ref))
    print(f"{make.__name__}: largest relative difference of the loss over {STEPS} steps {worst:.2e}")
    assert worst <= 1e-3
