"""Tensors: making them, arithmetic, indexing, views, NumPy, and sparse ones."""

import numpy as np
import torch

# Making tensors
x = torch.tensor([[1, 2], [3, 4]])
print(x, x.dtype, x.shape)
print(torch.zeros(2, 3), torch.ones_like(x), torch.arange(6).reshape(2, 3), torch.linspace(0, 1, 5))
torch.manual_seed(0)
print(torch.rand(2, 2), torch.randint(0, 10, (4,)))

# Arithmetic promotes dtypes and broadcasts shapes
print(x + 1, x * 0.5, x @ x, x / torch.tensor([1, 2]))
print(x.sum(), x.float().mean(0), x.max(dim=1))

# Indexing and slicing; a slice is a view of the same memory
column = x[:, 1]
column += 10
print(x, x[0, 0].item(), x[x > 3])

# Shapes
images = torch.arange(24.0).view(2, 3, 4)
print(images.permute(2, 0, 1).shape, images.flatten(1).shape, torch.cat([images, images], dim=1).shape)

# NumPy shares memory
array = np.arange(3.0)
shared = torch.from_numpy(array)
array[0] = 7
print(shared, (shared * 2).numpy())

# Sparse tensors store what is not 0
sparse = torch.eye(3).to_sparse()
print(sparse, sparse @ torch.ones(3, 1), (sparse + sparse).to_dense().sum(), sep="\n")

devices = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])
total = sum(torch.ones(3, device=d).sum().item() for d in devices) / len(devices)
print(f"Sum of three ones: {total:.1f}")
