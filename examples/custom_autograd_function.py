"""An activation with a backward pass of its own, checked against automatic differentiation."""

import torch
from torch import nn


class Softsign(torch.autograd.Function):
    """x / (1 + |x|), whose derivative 1 / (1 + |x|)^2 needs only the denominator."""

    @staticmethod
    def forward(ctx, x):
        denominator = 1 + x.abs()
        ctx.save_for_backward(denominator)
        return x / denominator

    @staticmethod
    def backward(ctx, grad):
        (denominator,) = ctx.saved_tensors
        return grad / denominator.square()


def main():
    torch.manual_seed(0)
    x = torch.randn(5, requires_grad=True)
    Softsign.apply(x).sum().backward()
    ours = x.grad.clone()
    x.grad = None
    nn.functional.softsign(x).sum().backward()
    print(f"Largest difference of the gradients: {(ours - x.grad).abs().max().item():.1e}")

    # A polynomial fitted by hand-written updates, without an optimizer.
    points = torch.linspace(-2, 2, 200)
    wanted = Softsign.apply(3 * points)
    coefficients = torch.zeros(6, requires_grad=True)
    powers = torch.stack([points**i / 2**i for i in range(6)])  # (6, 200)
    for step in range(1, 501):
        loss = (Softsign.apply(coefficients @ powers) - wanted).pow(2).mean()
        loss.backward()
        with torch.no_grad():
            coefficients -= 2.0 * coefficients.grad
            coefficients.grad.zero_()
        if step % 100 == 0:
            print(f"step {step}  loss {loss.item():.6f}")
    print(f"Final loss: {loss.item():.6f}")


if __name__ == "__main__":
    main()
