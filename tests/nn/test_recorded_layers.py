"""Every layer beside a file that PyTorch wrote: initial values, state_dict, text, and the module itself."""

import io
import pickletools
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from layers import LAYERS

import torchlike

FILE = Path(__file__).parent / "recorded" / "layers.pth"
TEXTS = [text for text, _ in LAYERS]


def make(text):
    torchlike.manual_seed(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return eval(f"nn.{text}", {"nn": torchlike.nn})


@pytest.fixture(scope="module")
def recorded():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torchlike.load(FILE, weights_only=False)


def names_in(data):
    """The globals that a checkpoint's pickle names."""
    with zipfile.ZipFile(data) as z:
        pickled = z.read(next(n for n in z.namelist() if n.endswith("data.pkl")))
    return {arg for opcode, arg, _ in pickletools.genops(pickled) if opcode.name == "GLOBAL"}


@pytest.mark.parametrize("text", TEXTS)
def test_layer(text, recorded):
    entry, module = recorded[text], make(text)
    assert repr(module) == entry["repr"]
    if entry["state"] is None:  # a lazy layer has nothing yet
        return
    want, got = entry["state"], module.state_dict()
    assert list(got) == list(want)
    assert got._metadata == want._metadata
    for name, value in want.items():
        assert got[name].dtype == value.dtype
        np.testing.assert_allclose(got[name].numpy(), value.numpy(), rtol=1e-6, err_msg=name)
    whole = entry["module"]
    assert type(whole) is type(module)
    assert repr(whole) == entry["repr"]
    assert set(whole.__dict__) >= set(module.__dict__) - {"_is_full_backward_hook"}
    module.load_state_dict(want)
    for (name, a), (other, b) in zip(whole.state_dict().items(), module.state_dict().items(), strict=True):
        assert name == other
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_files_name_nothing_that_pytorch_does_not_know(recorded):
    made = {t: make(t) for t in TEXTS if not t.startswith("Lazy")}
    file = io.BytesIO()
    torchlike.save(
        {t: {"state": m.state_dict(), "repr": repr(m), "module": m} for t, m in made.items()}, file
    )
    unknown = names_in(file) - names_in(FILE)
    assert not {n for n in unknown if not n.startswith("torch.nn.functional ")}
