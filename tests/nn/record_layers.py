"""Writes `recorded/layers.pth` with PyTorch: every layer of the table, made after `manual_seed(3)`.

Run `PYTHONPATH=.:tests/nn python tests/nn/record_layers.py` after a change of the table.
"""

import warnings
from pathlib import Path

import torch
from layers import LAYERS

FILE = Path(__file__).parent / "recorded" / "layers.pth"


def record():
    """`{constructor: {"state": state_dict, "repr": text, "module": the module}}`."""
    found = {}
    for text, _ in LAYERS:
        torch.manual_seed(3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = eval(f"nn.{text}", {"nn": torch.nn})
        lazy = text.startswith("Lazy")
        found[text] = {
            "state": None if lazy else module.state_dict(), "repr": repr(module), "module": None if lazy else module,
        }  # fmt: skip
    return found


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    torch.save(record(), FILE)
