"""Arrays both ways, and modules as pure functions under JAX's transformations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import torchlike as torch
from torchlike import interop, nn


def test_arrays_both_ways():
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    a = interop.to_jax(x)
    assert isinstance(a, jax.Array) and a.tolist() == x.tolist()
    x += 1
    assert a.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    y = interop.from_jax(a)
    y.mul_(2)
    assert a.tolist() == [[1.0, 2.0], [3.0, 4.0]] and y.tolist() == [[2.0, 4.0], [6.0, 8.0]]


def test_a_module_is_a_pure_function():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    apply, state = interop.functional(model)
    x = jnp.asarray(np.random.RandomState(0).randn(5, 4), jnp.float32)
    want = model(torch.tensor(np.asarray(x)))
    np.testing.assert_allclose(jax.jit(apply)(state, x), want.detach().numpy(), rtol=1e-5)
    grads = jax.grad(lambda s: apply(s, x).sum())(state)
    want.sum().backward()
    for name, p in model.named_parameters():
        np.testing.assert_allclose(grads[name], p.grad.numpy(), rtol=1e-4, atol=1e-6)
    rows = jax.vmap(lambda row: apply(state, row[None])[0])(x)
    np.testing.assert_allclose(rows, want.detach().numpy(), rtol=1e-5)
    assert model[0].weight.requires_grad and model[0].weight.is_leaf


def test_what_pytorch_made():
    reference = pytest.importorskip("torch")
    model = reference.nn.Sequential(
        reference.nn.Conv2d(1, 2, 3), reference.nn.BatchNorm2d(2), reference.nn.ReLU()
    )
    x = reference.randn(2, 1, 5, 5)
    want = model(x)
    ours = interop.from_torch(model)
    assert type(ours[0]) is nn.Conv2d
    ours.load_state_dict(interop.from_torch(model.state_dict()))
    ours.train(False), model.train(False)
    np.testing.assert_allclose(ours(interop.from_torch(x)).detach(), model(x).detach(), rtol=1e-5, atol=1e-6)
    model.train(), ours.train()
    assert tuple(ours(interop.from_torch(x)).shape) == tuple(want.shape)
    shared = reference.zeros(3)
    a, b = interop.from_torch([shared, shared[1:]])
    a.add_(1)
    assert b.tolist() == [1, 1]


def test_what_pytorch_did_not_make():
    reference = pytest.importorskip("torch")

    class Own(reference.nn.Module):
        pass

    with pytest.raises(TypeError, match="Own is a class over PyTorch's nn.Module"):
        interop.from_torch(reference.nn.Sequential(Own()))


def test_a_transformer_of_copies_of_a_layer_of_pytorch():
    reference = pytest.importorskip("torch")
    layer = reference.nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    x = reference.randn(2, 5, 8)
    want = reference.nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)(x)
    got = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)(interop.from_torch(x))
    np.testing.assert_allclose(got.detach(), want.detach(), rtol=1e-5, atol=1e-6)
    with pytest.raises(TypeError):
        nn.TransformerEncoder("layer", 2)
