"""A GAN on the line: the generator learns a normal distribution with mean 4 and deviation 1.25."""

import torch
from torch import nn

torch.manual_seed(0)
MEAN, DEVIATION, BATCH = 4.0, 1.25, 256

generator = nn.Sequential(nn.Linear(4, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
discriminator = nn.Sequential(
    nn.Linear(1, 32), nn.LeakyReLU(0.2), nn.Linear(32, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1)
)
loss_fn = nn.BCEWithLogitsLoss()
g_optimizer = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.999))
d_optimizer = torch.optim.Adam(discriminator.parameters(), lr=2e-3, betas=(0.5, 0.999))
real_label, fake_label = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)

for step in range(1, 2001):
    real = MEAN + DEVIATION * torch.randn(BATCH, 1)
    fake = generator(torch.randn(BATCH, 4))

    # The discriminator learns from detached samples ...
    d_optimizer.zero_grad()
    d_loss = loss_fn(discriminator(real), real_label) + loss_fn(discriminator(fake.detach()), fake_label)
    d_loss.backward()
    d_optimizer.step()

    # ... and the generator through the discriminator that was just updated.
    g_optimizer.zero_grad()
    g_loss = loss_fn(discriminator(fake), real_label)
    g_loss.backward()
    g_optimizer.step()

    if step % 400 == 0:
        losses = f"d_loss {d_loss.item():.4f}  g_loss {g_loss.item():.4f}"
        print(f"step {step}  {losses}  mean {fake.mean().item():.2f}")

with torch.no_grad():
    samples = generator(torch.randn(10_000, 4))
print(f"Generated mean: {samples.mean().item():.2f}, deviation: {samples.std().item():.2f}")
