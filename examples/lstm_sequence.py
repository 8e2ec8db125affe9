"""A two-layer LSTM learns to add: two numbers of a sequence are marked, their sum is wanted."""

import torch
from torch import nn


class Adder(nn.Module):
    """(N, T, 2), values and marks -> (N,), the sum of the marked values."""

    def __init__(self, hidden=48):
        super().__init__()
        self.lstm = nn.LSTM(2, hidden, num_layers=2, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x):
        states, _ = self.lstm(x)  # (N, T, hidden)
        return self.head(states[:, -1]).squeeze(1)


def make_batch(count, length):
    values = torch.rand(count, length)
    marks = torch.zeros(count, length)
    half = length // 2
    rows = torch.arange(count)
    marks[rows, torch.randint(0, half, (count,))] = 1.0
    marks[rows, torch.randint(half, length, (count,))] = 1.0
    return torch.stack((values, marks), dim=2), (values * marks).sum(dim=1)


def main(steps=500, length=10):
    torch.manual_seed(0)
    model = Adder()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=200, gamma=0.4)
    for step in range(1, steps + 1):
        x, y = make_batch(64, length)
        loss = nn.functional.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        optimizer.step()
        scheduler.step()
        if step % 100 == 0:
            print(f"step {step}  loss {loss.item():.5f}")

    model.eval()
    with torch.no_grad():
        x, y = make_batch(512, length)
        error = (model(x) - y).abs().mean().item()
    print(f"Mean absolute error: {error:.4f}")


if __name__ == "__main__":
    main()
