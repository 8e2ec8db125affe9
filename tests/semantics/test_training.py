"""Random training loops (`training.py`): some seeds, and what was found by more of them."""

from __future__ import annotations

import pytest
import training

import torchlike

torch = pytest.importorskip("torch")

FOUND = {
    "a hook that steps an optimizer while gradients are handed out": (
        """
net = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()
params = list(net.parameters())
single = torch.optim.SGD([params[0]], lr=0.1)
params[0].register_post_accumulate_grad_hook(lambda t: [single.step(), single.zero_grad()].clear())
""",
        """
for t in params: t.grad = None
loss = F.cross_entropy(net(x), y)
loss.backward()
""",
    ),
    "a checkpoint's second run ends with the last tensor that is kept": (
        """
net = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3)).double()
net[-1].register_forward_hook(lambda m, a, out: kept.append(out))
""",
        """
loss = F.cross_entropy(torch.utils.checkpoint.checkpoint(net, x, use_reentrant=False), y)
loss.backward()
""",
    ),
    "a checkpoint's input was overwritten": (
        "net = nn.Linear(4, 3).double()",
        """
out = torch.utils.checkpoint.checkpoint(net, x, use_reentrant=False)
x[0] = i
out.sum().backward()
""",
    ),
    "data written, then exchanged": (
        "net = nn.Linear(4, 3).double()",
        """
out = net(x) ** 2
net.weight.data[0] *= 2
net.weight.data = net.weight.data * 0.9
out.sum().backward()
""",
    ),
    "a parameter over data of another, stepped": (
        "w = torch.ones(3); p = nn.Parameter(w.data); opt = torch.optim.SGD([p], lr=0.1)",
        """
(p * p).sum().backward()
opt.step()
seen.append((p._version, w._version))
""",
    ),
}


def lines(text: str) -> list[str]:
    return text.strip().split("\n")


@pytest.mark.parametrize("what", FOUND)
def test_same_as_found(what: str) -> None:
    assert training.difference(torch, torchlike, *map(lines, FOUND[what])) is None


@pytest.mark.parametrize("first", range(0, 60, 10))
def test_same_end(first: int) -> None:
    for seed in range(first, first + 10):
        assert training.check(torch, torchlike, seed) is None
