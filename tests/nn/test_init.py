"""nn.init beside torch.nn.init under the same seed."""

import numpy as np
import pytest

import torchlike

torch = pytest.importorskip("torch")

CASES = [
    ("uniform_", (3, 4), {"a": -1.0, "b": 2.0}),
    ("normal_", (5, 7), {"mean": 1.0, "std": 0.5}),
    ("trunc_normal_", (6, 5), {"std": 0.02}),
    ("trunc_normal_", (40,), {"mean": 1.0, "std": 2.0, "a": 0.0, "b": 1.5}),
    ("trunc_normal_", (30,), {"mean": 0.0, "std": 1.0, "a": 1.0, "b": 2.0}),
    ("constant_", (2, 3), {"val": 0.3}),
    ("ones_", (3,), {}),
    ("zeros_", (3,), {}),
    ("eye_", (3, 4), {}),
    ("dirac_", (4, 2, 3, 3), {}),
    ("dirac_", (6, 2, 3), {"groups": 3}),
    ("xavier_uniform_", (4, 3, 2), {"gain": 2.0}),
    ("xavier_normal_", (8, 5), {}),
    ("kaiming_uniform_", (4, 3, 3, 3), {"mode": "fan_out", "nonlinearity": "relu"}),
    ("kaiming_uniform_", (4, 3), {"a": 0.3}),
    ("kaiming_normal_", (16, 3), {"nonlinearity": "selu"}),
    ("orthogonal_", (4, 3), {"gain": 2.0}),
    ("orthogonal_", (3, 2, 4), {}),
    ("sparse_", (6, 4), {"sparsity": 0.4}),
]


@pytest.mark.parametrize("name, shape, options", CASES)
def test_equals_torch(name, shape, options):
    values = []
    for lib in (torch, torchlike):
        lib.manual_seed(5)
        t = lib.empty(shape, requires_grad=True)
        assert getattr(lib.nn.init, name)(t, **options) is t
        assert t.requires_grad and t.is_leaf
        values.append((t.detach().numpy(), lib.rand(2).tolist()))
    np.testing.assert_allclose(values[1][0], values[0][0], rtol=2e-5, atol=2e-6)
    assert values[1][1] == values[0][1]


@pytest.mark.parametrize("name", ["uniform_", "normal_", "kaiming_normal_", "xavier_uniform_"])
def test_generator(name):
    values = []
    for lib in (torch, torchlike):
        g = lib.Generator().manual_seed(9)
        values.append(getattr(lib.nn.init, name)(lib.empty(3, 4), generator=g).numpy())
    np.testing.assert_allclose(values[1], values[0], rtol=1e-6)


@pytest.mark.parametrize(
    "args",
    [
        ("linear",),
        ("conv2d",),
        ("sigmoid",),
        ("tanh",),
        ("relu",),
        ("leaky_relu",),
        ("leaky_relu", 0.3),
        ("selu",),
    ],
)
def test_gain(args):
    assert torchlike.nn.init.calculate_gain(*args) == torch.nn.init.calculate_gain(*args)


ERRORS = [
    lambda lib: lib.nn.init.calculate_gain("x"),
    lambda lib: lib.nn.init.calculate_gain("leaky_relu", "a"),
    lambda lib: lib.nn.init.eye_(lib.zeros(2)),
    lambda lib: lib.nn.init.dirac_(lib.zeros(2)),
    lambda lib: lib.nn.init.dirac_(lib.zeros(3, 2, 2), groups=2),
    lambda lib: lib.nn.init.xavier_normal_(lib.zeros(2)),
    lambda lib: lib.nn.init.kaiming_normal_(lib.zeros(2, 2), mode="x"),
    lambda lib: lib.nn.init.orthogonal_(lib.zeros(2)),
    lambda lib: lib.nn.init.sparse_(lib.zeros(2), 0.1),
]


@pytest.mark.parametrize("call", ERRORS)
def test_error(call):
    found = []
    for lib in (torch, torchlike):
        with pytest.raises(Exception) as caught:
            call(lib)
        found.append((type(caught.value).__name__, str(caught.value)))
    assert found[1] == found[0]


def test_warnings():
    with pytest.warns(UserWarning, match="zero-element tensors is a no-op"):
        torchlike.nn.init.kaiming_uniform_(torchlike.empty(0, 3))
    with pytest.warns(FutureWarning, match="deprecated in favor of `nn.init.normal_`"):
        torchlike.nn.init.normal(torchlike.empty(3))
    with pytest.warns(UserWarning, match="mean is more than 2 std"):
        torchlike.nn.init.trunc_normal_(torchlike.empty(3), mean=9.0)
