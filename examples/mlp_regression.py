"""Fits a small network to a noisy sine, with mini-batches as slices of one tensor."""

import math

import torch
from torch import nn

torch.manual_seed(0)

x = torch.linspace(-math.pi, math.pi, 1024).unsqueeze(1)  # (1024, 1)
y = torch.sin(2 * x) + 0.1 * torch.randn(x.shape)
order = torch.randperm(len(x))
x, y = x[order], y[order]

model = nn.Sequential(nn.Linear(1, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=1e-4)
steps_per_epoch = len(x) // 64
epochs = 60
scheduler = torch.optim.lr_scheduler.OneCycleLR(
    optimizer, max_lr=4e-3, epochs=epochs, steps_per_epoch=steps_per_epoch
)

for epoch in range(1, epochs + 1):
    total = 0.0
    for i in range(0, len(x), 64):
        loss = nn.functional.mse_loss(model(x[i : i + 64]), y[i : i + 64])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        total += loss.item()
    if epoch % 10 == 0:
        print(f"epoch {epoch:3d}  loss {total / steps_per_epoch:.4f}  lr {scheduler.get_last_lr()[0]:.2e}")

with torch.no_grad():
    error = (model(x) - torch.sin(2 * x)).pow(2).mean().sqrt()
print(f"RMS error against the true curve: {error.item():.4f}")
