"""Pruning: a network trained, its smallest weights removed, trained on with the rest."""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.nn.utils.prune as prune

torch.manual_seed(0)
x = torch.linspace(-1, 1, 128).unsqueeze(1)
y = torch.sin(3 * x) + 0.5 * x
model = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))


def train(steps: int) -> float:
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    loss = torch.zeros(())
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
    return loss.item()


print(f"Loss of the whole network: {train(300):.4f}")

linears = [m for m in model if isinstance(m, nn.Linear)]
prune.l1_unstructured(linears[1], "weight", amount=0.5)
print(sorted(dict(linears[1].named_buffers())), sorted(name for name, _ in linears[1].named_parameters()))
prune.ln_structured(linears[0], "weight", amount=0.25, n=2, dim=0)
prune.global_unstructured([(m, "weight") for m in linears], pruning_method=prune.L1Unstructured, amount=0.2)
with torch.no_grad():
    print(f"Loss after pruning: {F.mse_loss(model(x), y).item():.4f}")
print(f"Loss after training the rest: {train(300):.4f}")

for m in linears:
    prune.remove(m, "weight")
zeros = sum((m.weight == 0).sum().item() for m in linears)
total = sum(m.weight.numel() for m in linears)
print(f"Weights removed: {zeros} of {total} ({100 * zeros / total:.1f}%)")
with torch.no_grad():
    print(f"Final loss: {F.mse_loss(model(x), y).item():.5f}")
