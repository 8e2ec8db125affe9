"""Automatic differentiation: gradients, hooks, higher derivatives, and a fit by hand."""

import torch

# A graph is built while operators run; backward() follows it back to the leaves.
x = torch.ones(2, 2, requires_grad=True)
y = x + 2
z = y * y * 3
out = z.mean()
print(y.grad_fn.name(), z.requires_grad, out)
out.backward()
print(x.grad)

# Gradients accumulate until they are cleared.
(x * 2).sum().backward()
print(x.grad)
x.grad = None

# A vector-Jacobian product, and control flow that depends on data
v = torch.tensor([[1.0, 0.1], [0.01, 0.001]])
w = x * 2
while w.norm() < 100:
    w = w * 2
w.backward(v)
print(x.grad)

# Hooks see gradients pass; detach() and no_grad() stop them.
a = torch.tensor(2.0, requires_grad=True)
b = a**3
b.register_hook(lambda grad: print("gradient of b:", grad))
(b * a.detach()).backward()
with torch.no_grad():
    print((a * 2).requires_grad)

# Second derivative of x^3
(first,) = torch.autograd.grad(a**3, a, create_graph=True)
(second,) = torch.autograd.grad(first, a)
print(first.item(), second.item())

# Gradient descent on a line, updates written by hand
points = torch.linspace(-1, 1, 20)
targets = 3 * points + 1
slope, offset = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
for _ in range(200):
    loss = ((slope * points + offset - targets) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        for p in (slope, offset):
            p -= 0.2 * p.grad
            p.grad.zero_()
print(f"Slope: {slope.item():.3f}, offset: {offset.item():.3f}")
