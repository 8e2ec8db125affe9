"""DistributedDataParallel of one process against PyTorch's."""

from __future__ import annotations

import pytest

import torchlike
from tests.compare import agree

reference = pytest.importorskip("torch")
LIBRARIES = (torchlike, reference)
pytestmark = pytest.mark.skipif(torchlike.cuda.is_available(), reason="compared on the CPU")


@pytest.fixture
def groups(tmp_path):
    """A group in each library."""
    for i, lib in enumerate(LIBRARIES):
        lib.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/{i}", rank=0, world_size=1)
    yield
    for lib in LIBRARIES:
        lib.distributed.destroy_process_group()


def outcome(make, lib):
    try:
        return make(lib, lib.nn.parallel.DistributedDataParallel)
    except Exception as e:
        return [type(e).__name__, str(e)]


def trained(lib, wrap):
    """Losses and weights; one step in three accumulates without synchronising."""
    lib.manual_seed(0)
    model = wrap(lib.nn.Sequential(lib.nn.Linear(3, 4), lib.nn.BatchNorm1d(4), lib.nn.Linear(4, 2)))
    optimizer = lib.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for i in range(6):
        x = lib.randn(5, 3)
        if i % 3 == 0:
            with model.no_sync():
                model(x).square().mean().backward()
        else:
            loss = model(x).square().mean()
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.item())
    return [losses, *model.state_dict().values(), list(model.state_dict())]


CASES = {
    "trained": trained,
    "repr": lambda lib, wrap: repr(wrap(lib.nn.Linear(2, 2))),
    "attributes": lambda lib, wrap: [
        getattr(wrap(lib.nn.Linear(2, 2)), name)
        for name in ("device_ids", "output_device", "dim", "require_backward_grad_sync", "find_unused_parameters", "static_graph")
    ],
    "eval": lambda lib, wrap: wrap(lib.nn.Linear(2, 2)).eval().module.training,
    "no_parameters": lambda lib, wrap: wrap(lib.nn.ReLU()),
    "device_ids": lambda lib, wrap: wrap(lib.nn.Linear(2, 2), device_ids=[0]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_case(name: str, groups) -> None:
    agree(*(outcome(CASES[name], lib) for lib in LIBRARIES))


def test_needs_a_group() -> None:
    agree(*(outcome(lambda lib, wrap: wrap(lib.nn.Linear(2, 2)), lib) for lib in LIBRARIES))
