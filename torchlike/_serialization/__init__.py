"""PyTorch's checkpoint files: names, storages, the pickle on both sides, the restricted unpickler."""
