"""Arrays both ways, and modules as pure functions under JAX's transformations."""

import jax
import jax.numpy as jnp
import numpy as np

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
