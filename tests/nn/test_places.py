"""Classes are found in the files where PyTorch keeps them: scripts and pickles name them so."""

import importlib
import io

import pytest

import torchlike

torch = pytest.importorskip("torch")

PACKAGES = [
    "nn",
    "nn.parallel",
    "nn.utils.rnn",
    "nn.utils.prune",
    "nn.utils.parametrize",
    "optim",
    "optim.lr_scheduler",
    "utils.data",
]
ELSEWHERE = {"LinearCrossEntropyOptions"}  # its file holds nothing else


def classes(package):
    theirs, ours = (importlib.import_module(f"{lib}.{package}") for lib in ("torch", "torchlike"))
    for name, there in vars(theirs).items():
        here = getattr(ours, name, None)
        if isinstance(there, type) and there.__module__.startswith("torch") and here is not None:
            yield name, there.__module__, here


@pytest.mark.parametrize("package", PACKAGES)
def test_files(package: str) -> None:
    missing = []
    for name, place, here in classes(package):
        try:
            found = getattr(importlib.import_module(place.replace("torch", "torchlike", 1)), name, None)
        except ModuleNotFoundError:
            found = None
        if found is not here and name not in ELSEWHERE:
            missing.append((name, place))
    assert not missing


def test_pickled_attention_opens_in_pytorch() -> None:
    file = io.BytesIO()
    torchlike.save(torchlike.nn.MultiheadAttention(4, 2), file)
    file.seek(0)
    model = torch.load(file, weights_only=False)
    assert type(model) is torch.nn.MultiheadAttention


def test_handles_of_hooks() -> None:
    from torchlike.utils.hooks import RemovableHandle

    assert isinstance(torchlike.nn.ReLU().register_forward_hook(lambda *_: None), RemovableHandle)
