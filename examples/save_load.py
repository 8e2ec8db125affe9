"""Stops a training run in the middle, saves it, loads it into new objects and goes on.

The interrupted run ends with the same loss as one that was never interrupted.
"""

import os
import tempfile

import torch
from torch import nn


def make():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=50, gamma=0.5)
    return model, optimizer, scheduler


def train(model, optimizer, scheduler, x, y, steps):
    for _ in range(steps):
        loss = nn.functional.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
    return loss.item()


def main():
    torch.manual_seed(1)
    x = torch.randn(256, 8)
    y = (x[:, :1] * x[:, 1:2]).sin()

    straight = train(*make(), x, y, 200)

    model, optimizer, scheduler = make()
    train(model, optimizer, scheduler, x, y, 100)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "checkpoint.pt")
        torch.save(
            {
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "scheduler": scheduler.state_dict(),
                "step": 100,
            },
            path,
        )
        print(f"saved {os.path.basename(path)}: {len(model.state_dict())} tensors of the model")
        checkpoint = torch.load(path)

    model, optimizer, scheduler = make()
    model.load_state_dict(checkpoint["model"])
    optimizer.load_state_dict(checkpoint["optimizer"])
    scheduler.load_state_dict(checkpoint["scheduler"])
    resumed = train(model, optimizer, scheduler, x, y, 200 - checkpoint["step"])
    print(f"Loss without interruption {straight:.6f}, with one {resumed:.6f}")
    print(f"Difference: {abs(straight - resumed):.1e}")


if __name__ == "__main__":
    main()
