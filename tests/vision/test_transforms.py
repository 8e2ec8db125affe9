"""Transforms: torchvision 0.28's results, draws and texts.

`expected.json` holds what `described` says of `samples` under torchvision.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import torchlike as torch
from torchlike.vision import transforms as T
from torchlike.vision import utils

EXPECTED = json.loads(Path(__file__).with_name("expected.json").read_text())


def images() -> dict[str, Any]:
    rng = np.random.RandomState(0)
    rgb = Image.fromarray(rng.randint(0, 256, (6, 8, 3), dtype=np.uint8)).resize(
        (31, 23), Image.Resampling.BICUBIC
    )
    return {"rgb": rgb, "grey": rgb.convert("L"), "bytes": T.PILToTensor()(rgb), "floats": T.ToTensor()(rgb)}


def samples(T: Any) -> dict[str, Any]:
    """The transforms, of torchlike or of torchvision."""
    modes = T.InterpolationMode
    return {
        "resize": T.Resize(10), "resize_both": T.Resize((40, 17)), "nearest": T.Resize(12, interpolation=modes.NEAREST),
        "bicubic": T.Resize((9, 11), interpolation=modes.BICUBIC), "max_size": T.Resize(20, max_size=24),
        "center": T.CenterCrop(12), "center_larger": T.CenterCrop((30, 20)), "pad": T.Pad((1, 2), fill=7),
        "reflect": T.Pad((1, 2, 3, 4), padding_mode="reflect"), "edge": T.Pad(2, padding_mode="edge"),
        "crop": T.RandomCrop(16), "crop_padded": T.RandomCrop(20, padding=4),
        "crop_needs": T.RandomCrop((40, 38), pad_if_needed=True), "hflip": T.RandomHorizontalFlip(0.9),
        "vflip": T.RandomVerticalFlip(0.9), "resized": T.RandomResizedCrop(14),
        "rotation": T.RandomRotation(30), "expanded": T.RandomRotation((20, 40), expand=True, fill=5),
        "affine": T.RandomAffine(30, translate=(0.1, 0.2), scale=(0.6, 1.4), shear=10),
        "jitter": T.ColorJitter(0.4, 0.4, 0.4, 0.2), "greyscale": T.Grayscale(3), "some_grey": T.RandomGrayscale(0.8),
        "invert": T.RandomInvert(0.9), "erase": T.RandomErasing(0.99), "erase_noise": T.RandomErasing(0.99, value="random"),
        "apply": T.RandomApply([T.RandomCrop(5), T.RandomHorizontalFlip()], 0.8),
        "tensor": T.ToTensor(), "pil_tensor": T.PILToTensor(), "pil": T.ToPILImage(),
        "normalize": T.Normalize((0.1, 0.2, 0.3), (0.5, 0.6, 0.7)),
        "compose": T.Compose([T.RandomHorizontalFlip(), T.RandomRotation(10), T.ToTensor()]),
    }  # fmt: skip


def described(make: Any) -> list[Any]:
    """[type, shape, mean and deviation of the pixels, the next draw], or the error."""
    torch.manual_seed(7)
    try:
        out = make()
    except (TypeError, ValueError, AttributeError) as e:
        return [type(e).__name__]
    array = np.asarray(out) if isinstance(out, Image.Image) else out.numpy()
    kind = out.mode if isinstance(out, Image.Image) else str(array.dtype)
    return [kind, list(array.shape), float(array.astype(np.float64).mean()), float(array.astype(np.float64).std()),
            torch.rand(1).item()]  # fmt: skip


@pytest.mark.parametrize("name", samples(T))
@pytest.mark.parametrize("kind", ["rgb", "grey", "bytes", "floats"])
def test_gives_what_torchvision_gives(name: str, kind: str) -> None:
    got, want = described(lambda: samples(T)[name](images()[kind])), EXPECTED[f"{name}/{kind}"]
    assert len(got) == len(want) and got[:2] == want[:2]
    if len(got) > 1:
        scale = 255 if got[0] in ("uint8", "RGB", "L", "1") else 1
        np.testing.assert_allclose(got[2:4], want[2:4], atol=2e-5 * scale, rtol=2e-5)
        assert got[4] == want[4]


def test_draws_from_the_generator_and_leaves_it_as_torchvision() -> None:
    torch.manual_seed(3)
    top, left, height, width = T.RandomCrop.get_params(Image.new("L", (40, 30)), (10, 20))
    torch.manual_seed(3)
    assert (top, left) == (int(torch.randint(0, 21, (1,))), int(torch.randint(0, 21, (1,)))) and (
        height,
        width,
    ) == (10, 20)
    torch.manual_seed(4)
    order, *factors = T.ColorJitter.get_params((0.5, 1.5), None, (0.2, 0.4), None)
    torch.manual_seed(4)
    assert order.tolist() == torch.randperm(4).tolist() and factors[1] is factors[3] is None
    assert factors[0] == float(torch.empty(1).uniform_(0.5, 1.5)) and factors[2] == float(
        torch.empty(1).uniform_(0.2, 0.4)
    )


def test_gradients_flow_through_tensor_transforms() -> None:
    x = torch.rand(3, 6, 6, requires_grad=True)
    steps = [
        T.Normalize((0.5,) * 3, (0.5,) * 3),
        T.CenterCrop(4),
        T.RandomHorizontalFlip(1.0),
        T.Pad(1),
        T.Resize(5),
    ]
    T.Compose(steps)(x).sum().backward()
    assert x.grad is not None and float(x.grad.abs().sum()) > 0
    with pytest.raises(NotImplementedError, match="requires grad"):
        T.functional.rotate(x, 10.0)


@pytest.mark.parametrize(
    ("shape", "dtype", "mode"),
    [((3, 4, 5), "float32", "RGB"), ((1, 4, 5), "float32", "L"), ((4, 5), "float32", "L"), ((4, 4, 5), "uint8", "RGBA"),
     ((2, 4, 5), "uint8", "LA"), ((1, 4, 5), "int16", "I;16"), ((1, 4, 5), "int32", "I")],
)  # fmt: skip
def test_to_pil_image_and_back(shape: tuple[int, ...], dtype: str, mode: str) -> None:
    x = torch.arange(int(np.prod(shape))).reshape(*shape)
    x = x.float() / 255 if dtype == "float32" else x.to(getattr(torch, dtype))
    image = T.functional.to_pil_image(x)
    assert image.mode == mode and image.size == (5, 4)
    back = T.ToTensor()(image)
    planes = x if x.dim() == 3 else x[None]
    expected = planes / 255 if dtype == "uint8" else planes
    assert back.shape == planes.shape and float((back.double() - expected.double()).abs().max()) < 5e-3


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: T.ToTensor()(3), TypeError, "pic should be PIL Image or ndarray. Got <class 'int'>"),
        (lambda: T.Normalize((0.5,), (0.0,))(torch.ones(1, 2, 2)), ValueError, "std evaluated to zero after conversion"),
        (lambda: T.Normalize((0.5,), (0.5,))(torch.ones(2, 2)), ValueError, "Expected tensor to be a tensor image"),
        (lambda: T.RandomCrop(10)(Image.new("L", (5, 4))), ValueError, r"Required crop size \(10, 10\) is larger"),
        (lambda: T.Pad((1, 2, 3)), ValueError, "1, 2, or 4 element tuple, not a 3 element tuple"),
        (lambda: T.Lambda(3), TypeError, "Argument lambd should be callable, got 'int'"),
        (lambda: T.ColorJitter(hue=2), ValueError, r"hue values should be between \(-0.5, 0.5\)"),
        (lambda: T.RandomRotation(-3), ValueError, "If degrees is a single number, it must be positive."),
        (lambda: T.RandomAffine(10, resample=2), TypeError, "unexpected keyword argument 'resample'"),
        (lambda: T.ToPILImage()(torch.ones(5, 2, 2)), ValueError, "should not have > 4 channels. Got 5 channels"),
        (lambda: T.GaussianBlurr, AttributeError, "has no attribute 'GaussianBlurr'"),
    ],
)  # fmt: skip
def test_errors(make: Any, error: type, text: str) -> None:
    with pytest.raises(error, match=text):
        make()


def test_reprs() -> None:
    steps = [
        T.Resize(32), T.RandomCrop(4, padding=2), T.RandomResizedCrop(8), T.ColorJitter(0.1), T.ToTensor(),
        T.Normalize((0.5,), (0.5,)), T.RandomApply([T.PILToTensor()], p=0.3),
    ]  # fmt: skip
    assert repr(T.Compose(steps)) == (
        "Compose(\n    Resize(size=32, interpolation=bilinear, max_size=None, antialias=True)\n"
        "    RandomCrop(size=(4, 4), padding=2)\n    RandomResizedCrop(size=(8, 8), scale=(0.08, 1.0), "
        "ratio=(0.75, 1.3333), interpolation=bilinear, antialias=True)\n    ColorJitter(brightness=(0.9, 1.1), "
        "contrast=None, saturation=None, hue=None)\n    ToTensor()\n    Normalize(mean=(0.5,), std=(0.5,))\n"
        "    RandomApply(\n    p=0.3\n    PILToTensor()\n)\n)"
    )


def test_make_grid_and_save_image(tmp_path: Path) -> None:
    x = torch.arange(5 * 4.0).reshape(5, 1, 2, 2) / 20
    grid = utils.make_grid(x, nrow=3, padding=1, pad_value=0.5)
    assert grid.shape == (3, 2 * 3 + 1, 3 * 3 + 1) and float(grid[0, 0, 0]) == 0.5
    assert torch.equal(grid[1, 4:6, 1:3], x[3, 0]) and float(grid[2, 4:, 7:].max()) == 0.5
    scaled = utils.make_grid([x[1], x[2]], normalize=True)
    assert float(scaled.max()) == 1 and float(scaled.min()) == 0
    utils.save_image(x, tmp_path / "grid.png", nrow=3, padding=1, pad_value=0.5)
    saved = np.asarray(Image.open(tmp_path / "grid.png"))
    np.testing.assert_array_equal(saved, np.floor(grid.permute(1, 2, 0).numpy() * 255 + 0.5))
    with pytest.raises(TypeError, match="tensor or list of tensors expected"):
        utils.make_grid(3)
